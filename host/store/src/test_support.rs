//! For tests, of this crate and of those that use it: rows as they lie in the files, sealed where they are, with the wrapped keys.
//! They check what a step left behind, or what is left of what was destroyed, in rows or anywhere in the files, and what whoever has
//! the master key can read of that. No product code asks for any of it.

use crate::destruction::Destruction;
use crate::error::StoreError;
use crate::rows::{joined, own_id};
use crate::schema::TABLES;
use crate::store::Jurisdiction;
use std::collections::BTreeMap;
use std::path::Path;
use surrealdb::types::{Number, RecordIdKey, Table, Value, object};

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

/// Everything that is sealed in a jurisdiction's database, opened: its table, its row's key as the database prints it, and what it
/// says. All is held in memory.
///
/// # Errors
/// [`StoreError::Damaged`] for a row that is sealed for no place that its key tells of; see [`Jurisdiction`].
pub async fn opened(jurisdiction: &Jurisdiction) -> Result<Vec<(&'static str, String, Vec<u8>)>, StoreError> {
    let mut all = Vec::new();
    for table in TABLES {
        let vars = object! { rows: Value::Table(Table::new(table)) };
        for row in jurisdiction.db.client.ask(&["SELECT * FROM $rows"], vars).await?.values(0)? {
            let Value::Object(mut fields) = row else { continue };
            let (Some(Value::RecordId(id)), Some(Value::Bytes(key)), Some(Value::Bytes(body))) =
                (fields.remove("id"), fields.remove("key"), fields.remove("sealed"))
            else {
                continue;
            };
            let (shown, places) = (format!("{id:?}"), places(id.key, fields.remove("place")));
            let vault = &jurisdiction.db.vault;
            let Some(plain) = places.iter().find_map(|place| vault.open(table, place, &key, &body).ok()) else {
                let reason = "it is sealed for another place than its own".to_owned();
                return Err(StoreError::Damaged { table, id: shown, reason });
            };
            all.push((table, shown, plain));
        }
    }
    Ok(all)
}

/// Whether any file under the folder holds these bytes, of which there is one at least. Files come and go while an engine works:
/// what is gone holds nothing.
///
/// # Errors
/// When something that is there cannot be read.
pub fn holds(folder: &Path, needle: &[u8]) -> std::io::Result<bool> {
    let Some(entries) = there(std::fs::read_dir(folder))? else { return Ok(false) };
    for entry in entries {
        let path = entry?.path();
        let found = if path.is_dir() {
            holds(&path, needle)?
        } else {
            let is_it = |bytes: Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle);
            there(std::fs::read(&path))?.is_some_and(is_it)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What was read; nothing of what is gone meanwhile.
fn there<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// What a row of this key may be sealed for: the row says it, or it is the row's own id, or that and the first part of its key.
fn places(key: RecordIdKey, said: Option<Value>) -> Vec<String> {
    let mut places = Vec::new();
    if let Some(Value::String(place)) = said {
        places.push(place);
    }
    let first = match &key {
        RecordIdKey::Array(parts) => match parts.first() {
            Some(Value::String(first)) => Some(first.clone()),
            Some(Value::Number(Number::Int(first))) => Some(first.to_string()),
            _ => None,
        },
        _ => None,
    };
    if let Some(id) = own_id(key) {
        places.extend(first.map(|first| joined(&first, &id)));
        places.push(id);
    }
    places
}

impl Jurisdiction {
    /// Destroys the accounts of these entries and nothing else, as a loss does; gives how many there were.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn destroy_accounts(&self, entry_ids: &[String]) -> Result<usize, StoreError> {
        let alone = Destruction { accounts: entry_ids.to_vec(), ..Destruction::default() };
        self.destroy_together(&alone).await
    }
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
