//! A database written anew, so that nothing is left of what was destroyed.
//!
//! Destroying a row destroys the key to what it held, but the embedded engine keeps the bytes of both, unreachable to
//! every statement, in its log and tables until it happens to compact them; it cannot be told to. Whoever has the master
//! key and the files could find them there. Rows that are copied into a fresh folder come alone: the engine has nothing
//! else to write. They are copied as they are, sealed, with the keys they have. A server's engine is its own to compact.

use crate::error::StoreError;
use crate::portion::{BATCH_BYTES, Portion};
use crate::rows::weight;
use crate::schema::TABLES;
use crate::store::{Jurisdiction, Store};
use surrealdb::types::{Table, Value, object};

/// Rows copied at a time. Large ones are fewer: [`BATCH_BYTES`].
const ROWS: usize = 500;

impl Store {
    /// The jurisdictions that have a database here, in order. `known` is one of them.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn jurisdictions(&self, known: &str) -> Result<Vec<String>, StoreError> {
        let jurisdiction = self.jurisdiction(known).await?;
        let told = jurisdiction.db.client.ask(&["INFO FOR NS"], object! {}).await?.values(0)?;
        let unreadable = || StoreError::Query("it did not list its databases".to_owned());
        let Some(Value::Object(mut told)) = told.into_iter().next() else { return Err(unreadable()) };
        match told.remove("databases") {
            Some(Value::Object(databases)) => Ok(databases.keys().cloned().collect()),
            _ => Err(unreadable()),
        }
    }
}

impl Jurisdiction {
    /// Copies everything kept into the same jurisdiction of another store, which must have the same master key and nothing
    /// in it. Nobody may write to either meanwhile. Tells `progress` of how many rows have been copied; gives their number.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where there is something in the other; see [`Jurisdiction`]. Throw the other away then.
    pub async fn rewrite(&self, into: &Self, progress: &(dyn Fn(u64) + Sync)) -> Result<u64, StoreError> {
        let mut copied = 0;
        for table in TABLES {
            let vars = object! { rows: Value::Table(Table::new(table)) };
            let ids = self.db.client.ask(&["SELECT VALUE id FROM $rows"], vars).await?.values(0)?;
            let (mut ids, mut portion) = (ids.as_slice(), Portion::new(ROWS));
            while !ids.is_empty() {
                let (some, rest) = ids.split_at(portion.rows().min(ids.len()));
                let vars = object! { ids: some.to_vec() };
                let rows = self.db.client.ask(&["SELECT * FROM $ids"], vars).await?.values(0)?;
                if rows.len() != some.len() {
                    let reason = format!("of {} rows {} could be read", some.len(), rows.len());
                    return Err(StoreError::Damaged { table, id: "?".to_owned(), reason });
                }
                portion.had(rows.iter().map(weight));
                for rows in batches(rows) {
                    copied += rows.len() as u64;
                    let vars = object! { table: Value::Table(Table::new(table)), rows: rows };
                    into.db.write(&["INSERT INTO $table $rows RETURN NONE"], vars).await?;
                }
                progress(copied);
                ids = rest;
            }
        }
        Ok(copied)
    }
}

/// Rows in as many parts as it takes for each to be small enough for one transaction.
fn batches(rows: Vec<Value>) -> Vec<Vec<Value>> {
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0_usize;
    for row in rows {
        let weight = weight(&row);
        match batches.last_mut() {
            Some(last) if bytes.saturating_add(weight) <= BATCH_BYTES => {
                bytes += weight;
                last.push(row);
            }
            _ => {
                bytes = weight;
                batches.push(vec![row]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use surrealdb::types::Bytes;

    #[test]
    fn a_transaction_is_bounded_by_bytes() {
        let row = |bytes: usize| Value::Object(object! { sealed: Bytes::from(vec![0; bytes]) });
        let sizes = |rows: Vec<Value>| batches(rows).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![row(1), row(2), row(3)]), [3]);
        assert_eq!(sizes(vec![row(BATCH_BYTES / 2), row(BATCH_BYTES / 2), row(1)]), [1, 2]);
        assert_eq!(sizes(vec![row(1), row(2 * BATCH_BYTES), row(1)]), [1, 1, 1], "one at least");
        assert!(sizes(vec![]).is_empty());
    }
}
