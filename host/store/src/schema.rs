//! Tables, how they came to be, and whether the master key is theirs.

use crate::database::Database;
use crate::error::StoreError;
use crate::rows::key;
use crate::sealing::{self, seal_searches};
use surrealdb::types::{RecordId, RecordIdKey, Value, object};

/// `{version}`, one row per migration applied, and the canary `{key, sealed}`.
pub(crate) const SCHEMA: &str = "schema";
/// `{key, sealed}` by person id.
pub(crate) const PERSON: &str = "person";
/// `{json}` by agency id.
pub(crate) const AGENCY: &str = "agency";
/// `{json}` by gallery id.
pub(crate) const GALLERY: &str = "gallery";
/// `{generation, records, stamp, holdings}` by gallery id, the last of which is the sum of what the records count as; among
/// several hosts `{registry}` and, by log, `{process}`, too.
pub(crate) const GENERATION: &str = "generation";
/// `{records}` by `[gallery, generation, generation]`: which records a change touched. Written among several hosts only.
pub(crate) const GALLERY_CHANGE: &str = "gallery_change";
/// `{holder, stamp, until}` by place: whose turn it is. Written among several hosts only.
pub(crate) const LEASE: &str = "lease";
/// `{template, digest, dim, model, status, origin}` by `[gallery, bucket, record]`; rows of older programs do not say from where.
pub(crate) const TEMPLATE: &str = "template";
/// `{status, origin, enrolled, key, sealed}` by `[gallery, record]`; where from and when only of those that say it.
pub(crate) const BOOKING: &str = "booking";
/// `{key, sealed}` by `[gallery, record]`. Apart from the booking, which is read far more often.
pub(crate) const PHOTO: &str = "photo";
/// `{key, sealed}` by `[kind, id]`.
pub(crate) const BLOB: &str = "blob";
/// `{opened, key, sealed}` by request id.
pub(crate) const REQUEST: &str = "request";
/// `{key, sealed}` by `[at, search]`.
pub(crate) const SEARCH_FACT: &str = "search_fact";
/// `{key, sealed}` by `[case, 0, search]`: the probes of a case, which stands there keyed.
pub(crate) const CASE_PROBE: &str = "case_probe";
/// `{at, cases}` by `[request, 0, search]`: the searches of a request, and where the rest of each stands.
pub(crate) const REQUEST_SEARCH: &str = "request_search";
/// `{}` by `[opened, request]`: requests in the order they were opened.
pub(crate) const REQUEST_OPENED: &str = "request_opened";
/// `{entries}` by `[request, 0, entry]`: audit entries of a request; `entries` only where they are several.
pub(crate) const REQUEST_ENTRY: &str = "request_entry";
/// `{request, wake, key, sealed}` by `[request, 0, obligation]`; the request is empty outside a request's life.
pub(crate) const OBLIGATION: &str = "obligation";
/// `{request, key, sealed}` by `[request, 0, decisions]`: obligations that nothing has become of since they were imposed.
pub(crate) const IMPOSITION: &str = "imposition";
/// `{request, wake, imposition}` by `[wake, obligation]` or `[wake, decisions]`: what is still to be met, by when somebody has
/// to look at it next. What is not, by `[-1, obligation]`.
pub(crate) const OBLIGATION_WAKE: &str = "obligation_wake";
/// `{key, sealed}` by `[kind, 0, id]`: how something stands since a step decided of it.
pub(crate) const STANDING: &str = "standing";
/// `{key, sealed}` by entry id.
pub(crate) const ACCOUNT: &str = "account";
/// `{place, key, sealed}` by `[subject, gallery, record]`: how long a record stays; the gallery is empty outside one.
pub(crate) const RETENTION: &str = "retention";

/// Every table but [`SCHEMA`]: what a database that is rewritten has to hold afterwards.
pub(crate) const TABLES: [&str; 22] = [
    PERSON,
    AGENCY,
    GALLERY,
    GENERATION,
    GALLERY_CHANGE,
    LEASE,
    TEMPLATE,
    BOOKING,
    PHOTO,
    BLOB,
    REQUEST,
    SEARCH_FACT,
    CASE_PROBE,
    REQUEST_SEARCH,
    REQUEST_OPENED,
    REQUEST_ENTRY,
    OBLIGATION,
    IMPOSITION,
    OBLIGATION_WAKE,
    STANDING,
    ACCOUNT,
    RETENTION,
];

/// What each version of the schema adds. An applied migration is never edited: add one. Each runs in a transaction of
/// its own together with the row that records it, and may be run by two hosts at once.
pub(crate) const MIGRATIONS: &[(u32, &str)] = &[
    (
        1,
        "DEFINE TABLE IF NOT EXISTS person TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS agency TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS gallery TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS generation TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS template TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS booking TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS photo TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS blob TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS request TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS search_fact TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS case_probe TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS request_search TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS account TYPE NORMAL SCHEMALESS",
    ),
    (
        2,
        "DEFINE TABLE IF NOT EXISTS request_opened TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS request_entry TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS obligation TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS obligation_wake TYPE NORMAL SCHEMALESS",
    ),
    (3, "DEFINE TABLE IF NOT EXISTS standing TYPE NORMAL SCHEMALESS"),
    (4, "DEFINE TABLE IF NOT EXISTS retention TYPE NORMAL SCHEMALESS"),
    (5, "DEFINE TABLE IF NOT EXISTS imposition TYPE NORMAL SCHEMALESS"),
    (6, "DEFINE TABLE IF NOT EXISTS gallery_change TYPE NORMAL SCHEMALESS"),
    (7, "DEFINE TABLE IF NOT EXISTS lease TYPE NORMAL SCHEMALESS"),
    // No new table: what is in these was sealed before this runs.
    (
        sealing::SEALED,
        "DEFINE TABLE IF NOT EXISTS search_fact TYPE NORMAL SCHEMALESS;
     DEFINE TABLE IF NOT EXISTS case_probe TYPE NORMAL SCHEMALESS",
    ),
];

/// Id of the row that only the right master key opens.
const CANARY: &str = "canary";

/// What the canary says. It is no secret: opening it is the proof.
const CANARY_TEXT: &[u8] = b"magistrate";

/// Brings a database to the newest schema, and checks that the master key is the one it was sealed with.
///
/// # Errors
/// [`StoreError::WrongKey`], [`StoreError::NewerSchema`], and what any statement may fail with.
pub(crate) async fn prepare(database: &Database) -> Result<(), StoreError> {
    database.write(&["DEFINE TABLE IF NOT EXISTS schema TYPE NORMAL SCHEMALESS"], object! {}).await?;
    let mut rows = database.every(SCHEMA).await?;
    let applied = rows.iter_mut().filter_map(|row| row.number_if_any("version")).max();
    let known = MIGRATIONS.iter().map(|(version, _)| *version).max().unwrap_or(0);
    match applied {
        Some(found) if found > i64::from(known) => {
            let database = database.vault.database().to_owned();
            return Err(StoreError::NewerSchema { database, found, known });
        }
        Some(_) => {}
        // Before the first migration, so that a database with tables always has one.
        None => leave_canary(database).await?,
    }
    check_canary(database).await?;
    migrate(database, applied.unwrap_or(0)).await
}

async fn leave_canary(database: &Database) -> Result<(), StoreError> {
    let mut canary = database.seal(SCHEMA, CANARY, CANARY_TEXT)?;
    canary.insert("id", RecordId::new(SCHEMA, key(CANARY)));
    // Another host may be doing the same, with another key: the first one stays, and both check it.
    let vars = object! { rows: vec![Value::Object(canary)] };
    database.write(&["INSERT IGNORE INTO schema $rows RETURN NONE"], vars).await.map(drop)
}

async fn check_canary(database: &Database) -> Result<(), StoreError> {
    let Some(mut row) = database.find(SCHEMA, key(CANARY)).await? else {
        let reason = "it is missing, so the master key cannot be checked".to_owned();
        return Err(StoreError::Damaged { table: SCHEMA, id: CANARY.to_owned(), reason });
    };
    match database.unseal(SCHEMA, CANARY, &mut row) {
        Ok(text) if text == CANARY_TEXT => Ok(()),
        _ => Err(StoreError::WrongKey { database: database.vault.database().to_owned() }),
    }
}

async fn migrate(database: &Database, applied: i64) -> Result<(), StoreError> {
    for &(version, statements) in MIGRATIONS {
        let seals = version == sealing::SEALED;
        let version = i64::from(version);
        if version > applied {
            if seals {
                seal_searches(database).await?;
            }
            let id = RecordId::new(SCHEMA, RecordIdKey::Number(version));
            let record = "UPSERT $id CONTENT $row RETURN NONE";
            let vars = object! { id: id, row: object! { version: version } };
            database.write(&["BEGIN", statements, record, "COMMIT"], vars).await?;
            // Of a database that is made just now, nobody wants to know every version.
            if applied == 0 {
                tracing::debug!(database = database.vault.database(), version, "schema made");
            } else {
                tracing::info!(database = database.vault.database(), version, "schema migrated");
            }
        }
    }
    Ok(())
}
