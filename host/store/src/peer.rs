//! The database's own nearest neighbours, so that the host's search can be measured beside them. Nothing that serves a
//! case comes this way.

use crate::error::StoreError;
use crate::store::Jurisdiction;
use surrealdb::types::{RecordId, RecordIdKey, Value, object};

const PEER: &str = "knn_peer";

/// Rows that [`Jurisdiction::peer_knn`] finds. The database wants the number written into the statement.
pub const PEER_K: usize = 20;

impl Jurisdiction {
    /// Keeps templates for [`peer_knn`](Self::peer_knn) as the database wants them for that, lists of numbers; row
    /// numbers count from `first`. A few hundred at a time.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_peer_rows(&self, first: u64, templates: Vec<Vec<f32>>) -> Result<(), StoreError> {
        let rows: Vec<Value> = (first..)
            .zip(templates)
            .map(|(row, template)| {
                let id = RecordId::new(PEER, RecordIdKey::Number(row.cast_signed()));
                Value::Object(object! { id: id, template: template })
            })
            .collect();
        let statements =
            ["DEFINE TABLE IF NOT EXISTS knn_peer TYPE NORMAL SCHEMALESS", "INSERT INTO knn_peer $rows RETURN NONE"];
        self.db.write(&statements, object! { rows: rows }).await.map(drop)
    }

    /// The [`PEER_K`] rows most similar to `probe` by cosine, as the database finds them, by comparing each: their
    /// numbers, in no particular order.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn peer_knn(&self, probe: &[f32]) -> Result<Vec<u64>, StoreError> {
        let statement = "SELECT id FROM knn_peer WHERE template <|20,COSINE|> $probe";
        let found = self.db.client.ask(&[statement], object! { probe: probe.to_vec() }).await?.values(0)?;
        Ok(found.into_iter().filter_map(row_number).collect())
    }
}

fn row_number(row: Value) -> Option<u64> {
    let Value::Object(mut row) = row else { return None };
    match row.remove("id") {
        Some(Value::RecordId(RecordId { key: RecordIdKey::Number(number), .. })) => u64::try_from(number).ok(),
        _ => None,
    }
}
