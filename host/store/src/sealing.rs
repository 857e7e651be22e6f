//! Searches that were kept in the clear, before schema 8, sealed.
//!
//! Each row is written anew out of itself, with those that follow from it, before the schema counts as migrated: until then
//! nobody reads any, and a run that breaks off goes on where it was. What the engine leaves on the disk of the old rows goes
//! when the database is written anew ([`crate::rewrite`]).

use crate::casework::{SearchRow, SearchRows, link_id};
use crate::database::Database;
use crate::error::StoreError;
use crate::rows::Row;
use crate::schema::{CASE_PROBE, SEARCH_FACT};
use surrealdb::types::{RecordId, Table, Value, object};

/// The schema that has them sealed.
pub(crate) const SEALED: u32 = 8;

/// Rows written in one transaction.
const ROWS: usize = 500;

/// Rows of a table that are in the clear.
const UNSEALED: &str = "SELECT VALUE id FROM $rows WHERE sealed = NONE";

/// Of these rows, those that are. Another host may be doing the same.
const STILL_UNSEALED: &str = "SELECT * FROM $ids WHERE sealed = NONE";

/// Puts sealed rows in the place of others. The link of a search stands where it stood.
const REPLACE: [&str; 7] = [
    "BEGIN",
    "DELETE $past RETURN NONE",
    "DELETE $unlinked RETURN NONE",
    "INSERT IGNORE INTO search_fact $facts RETURN NONE",
    "INSERT IGNORE INTO case_probe $probes RETURN NONE",
    "INSERT IGNORE INTO request_search $links RETURN NONE",
    "COMMIT",
];

/// Seals every search that is kept in the clear.
///
/// # Errors
/// [`StoreError::Damaged`] for one that is none, and what any statement may fail with.
pub(crate) async fn seal_searches(database: &Database) -> Result<(), StoreError> {
    for some in unsealed(database, SEARCH_FACT).await?.chunks(ROWS) {
        let vars = object! { ids: some.to_vec() };
        let rows = database.client.ask(&[STILL_UNSEALED], vars).await?.values(0)?;
        let (mut past, mut unlinked) = (Vec::<RecordId>::new(), Vec::<RecordId>::new());
        let (mut facts, mut probes, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            past.extend(id_of(&row));
            let search = in_the_clear(Row::new(SEARCH_FACT, row)?)?;
            unlinked.push(link_id(&search.request, &search.id));
            let sealed = SearchRows::of(database, &search)?;
            facts.push(sealed.fact);
            probes.extend(sealed.probes);
            links.push(sealed.link);
        }
        if !facts.is_empty() {
            let vars = object! { past: past, unlinked: unlinked, facts: facts, probes: probes, links: links };
            database.write(&REPLACE, vars).await?;
        }
    }
    // By now they stand under other keys.
    for some in unsealed(database, CASE_PROBE).await?.chunks(ROWS) {
        database.write(&["DELETE $past RETURN NONE"], object! { past: some.to_vec() }).await?;
    }
    Ok(())
}

async fn unsealed(database: &Database, table: &'static str) -> Result<Vec<Value>, StoreError> {
    let vars = object! { rows: Value::Table(Table::new(table)) };
    database.client.ask(&[UNSEALED], vars).await?.values(0)
}

fn id_of(row: &Value) -> Option<RecordId> {
    let Value::Object(fields) = row else { return None };
    if let Some(Value::RecordId(id)) = fields.get("id") { Some(id.clone()) } else { None }
}

/// A search as it was kept in the clear.
fn in_the_clear(mut row: Row) -> Result<SearchRow, StoreError> {
    Ok(SearchRow {
        at: row.moment()?,
        person: row.text("person")?,
        request: row.text("request")?,
        case_keys: row.texts("case_keys")?,
        probe: row.digest("probe")?,
        id: row.id().to_owned(),
    })
}
