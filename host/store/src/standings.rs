//! How people, agencies, policy revisions and the like stand since a step decided of them, in whatever form casework gives it.

use crate::casework::{LISTED, listed};
use crate::error::StoreError;
use crate::rows::{Row, from_json, joined, key_of, number, text, to_json};
use crate::schema::STANDING;
use crate::store::Jurisdiction;
use model::terms::Holder;
use surrealdb::types::{RecordId, RecordIdKey, Value};

/// The kind under which policy revisions stand.
pub const REVISION: &str = "revision";

/// Whether other hosts keep a copy of how things of this kind stand, and have to be told: people, agencies and policy revisions.
/// Everything else is a mark that whoever wants it reads in the database.
pub(crate) fn is_told(kind: &str) -> bool {
    kind == REVISION || kind == Holder::Person.name() || kind == Holder::Agency.name()
}

/// How one thing stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingRow {
    /// What kind of thing.
    pub kind: String,
    /// Its id, unique in its kind.
    pub id: String,
    /// How it stands. Sealed at rest.
    pub body: serde_json::Value,
}

impl Jurisdiction {
    /// A standing as a row.
    pub(crate) fn standing_row(&self, row: &StandingRow) -> Result<Value, StoreError> {
        let json = to_json(STANDING, &row.id, &row.body)?;
        let mut fields = self.db.seal(STANDING, &joined(&row.kind, &row.id), &json)?;
        fields.insert("id", RecordId::new(STANDING, standing_key(&row.kind, &row.id)));
        Ok(Value::Object(fields))
    }

    /// Everything of a kind, in the order of the ids.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn standings(&self, kind: &str) -> Result<Vec<StandingRow>, StoreError> {
        let rows = self.db.find_range(STANDING, listed(STANDING, kind)).await?;
        rows.into_iter().map(|row| self.opened_standing(kind, row)).collect()
    }

    /// One thing of a kind.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn standing(&self, kind: &str, id: &str) -> Result<Option<StandingRow>, StoreError> {
        let row = self.db.find(STANDING, standing_key(kind, id)).await?;
        row.map(|row| self.opened_standing(kind, row)).transpose()
    }

    fn opened_standing(&self, kind: &str, mut row: Row) -> Result<StandingRow, StoreError> {
        let id = row.id().to_owned();
        let json = self.db.unseal(STANDING, &joined(kind, &id), &mut row)?;
        Ok(StandingRow { kind: kind.to_owned(), body: from_json(STANDING, &id, &json)?, id })
    }
}

/// The id of the row of something whose standing is of no more interest.
pub(crate) fn forgotten(kind: &str, id: &str) -> Value {
    Value::RecordId(RecordId::new(STANDING, standing_key(kind, id)))
}

fn standing_key(kind: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(kind), number(LISTED), text(id)])
}
