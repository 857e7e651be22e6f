//! For tests, of this crate and of those that use it: rows as they lie in the files, sealed where they are, with the wrapped keys.
//! They check what a step left behind, or what is left of what was destroyed. Nothing is opened, and no product code asks for it.

use crate::error::StoreError;
use crate::schema::TABLES;
use crate::store::Jurisdiction;
use std::collections::BTreeMap;
use surrealdb::types::{Table, Value, object};

/// A row as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAtRest {
    /// Its table.
    pub table: &'static str,
    /// Its key, as the database prints it: the ids that the row is called by are in it.
    pub key: String,
    /// Its fields that are bytes, by name: `key` and `sealed` of what is sealed, `template` of a template.
    pub bytes: BTreeMap<String, Vec<u8>>,
    /// Its other fields, by name, as the database prints them.
    pub others: BTreeMap<String, String>,
}

/// Every row of a jurisdiction's database but those of these tables, in the order of their tables and keys. All are held in memory.
///
/// # Errors
/// See [`Jurisdiction`].
pub async fn at_rest(jurisdiction: &Jurisdiction, but: &[&str]) -> Result<Vec<RowAtRest>, StoreError> {
    let mut all = Vec::new();
    for table in TABLES.into_iter().filter(|table| !but.contains(table)) {
        let vars = object! { rows: Value::Table(Table::new(table)) };
        let rows = jurisdiction.db.client.ask(&["SELECT * FROM $rows"], vars).await?.values(0)?;
        all.extend(rows.into_iter().map(|row| row_at_rest(table, row)));
    }
    all.sort();
    Ok(all)
}

fn row_at_rest(table: &'static str, row: Value) -> RowAtRest {
    let mut found = RowAtRest { table, key: String::new(), bytes: BTreeMap::new(), others: BTreeMap::new() };
    let Value::Object(mut fields) = row else { return found };
    found.key = fields.remove("id").map(|id| format!("{id:?}")).unwrap_or_default();
    for (name, value) in fields.iter() {
        match value {
            Value::Bytes(bytes) => drop(found.bytes.insert(name.clone(), bytes.to_vec())),
            other => drop(found.others.insert(name.clone(), format!("{other:?}"))),
        }
    }
    found
}
