//! The statements of one jurisdiction's database.

use crate::bookings::Held;
use crate::engine::{Answer, Client};
use crate::error::StoreError;
use crate::rows::{Row, sealed_fields};
use crate::vault::Vault;
use std::time::Duration;
use surrealdb::types::{Object, RecordId, RecordIdKey, Table, Value, object};
use tokio::{sync::Mutex, time::sleep};

/// How often a write is tried before it is given up. Writers of one gallery in one process wait for each other, so
/// only other hosts compete: eight of them enrolling at once need fewer tries than this.
const ATTEMPTS: u32 = 16;

/// The longest pause after the first lost race, in milliseconds; it doubles with each. A small commit takes 0.3 ms.
const FIRST_PAUSE_MS: u64 = 2;

/// The longest pause of all, in milliseconds: about ten batches of records.
const LONGEST_PAUSE_MS: u64 = 128;

/// The most keys that one statement names. The engine looks all of them up side by side, and turns to each whenever one is found:
/// hundreds of thousands of them would take it minutes.
const ASKED_FOR: usize = 1_000;

/// A session in one jurisdiction's database.
pub(crate) struct Database {
    pub(crate) client: Client,
    pub(crate) vault: Vault,
    /// Held while a gallery changes, so that writers of this process do not undo each other's work.
    pub(crate) changing: Mutex<()>,
    /// Booking rows asked for lately.
    pub(crate) bookings: Held,
    /// Whether other hosts have to be told of changes.
    pub(crate) several: bool,
    /// Whether the answer to the next [`commit`](Self::commit) is lost on its way.
    #[cfg(test)]
    pub(crate) deaf: std::sync::atomic::AtomicBool,
}

impl Database {
    pub(crate) fn new(client: Client, vault: Vault, several: bool) -> Self {
        Self {
            client,
            vault,
            changing: Mutex::new(()),
            bookings: Held::new(),
            several,
            #[cfg(test)]
            deaf: std::sync::atomic::AtomicBool::default(),
        }
    }

    /// Runs statements once.
    pub(crate) async fn commit(&self, statements: &[&'static str], vars: Object) -> Result<Answer, StoreError> {
        let answer = self.client.ask(statements, vars).await;
        #[cfg(test)]
        if self.deaf.swap(false, std::sync::atomic::Ordering::AcqRel) {
            return Err(StoreError::Unreachable { reason: "the answer was lost".to_owned() });
        }
        answer
    }

    /// Runs statements that write, again while another writer gets in their way.
    pub(crate) async fn write(&self, statements: &[&'static str], vars: Object) -> Result<Answer, StoreError> {
        let mut patience = Patience::default();
        loop {
            match self.client.ask(statements, vars.clone()).await {
                Err(StoreError::Conflict) if patience.left() => {}
                outcome => return outcome,
            }
            patience.pause().await;
        }
    }

    /// The row with this key.
    pub(crate) async fn find(&self, table: &'static str, key: RecordIdKey) -> Result<Option<Row>, StoreError> {
        let vars = object! { id: RecordId::new(table, key) };
        let found = self.client.ask(&["SELECT * FROM $id"], vars).await?.values(0)?;
        found.into_iter().next().map(|row| Row::new(table, row)).transpose()
    }

    /// The rows with these keys, in no order, less those that are not there. Those of a long list are not all of one moment.
    pub(crate) async fn find_all(&self, table: &'static str, keys: Vec<RecordIdKey>) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut keys = keys.into_iter();
        loop {
            let ids: Vec<RecordId> = keys.by_ref().take(ASKED_FOR).map(|key| RecordId::new(table, key)).collect();
            if ids.is_empty() {
                return Ok(rows);
            }
            let found = self.client.ask(&["SELECT * FROM $ids"], object! { ids: ids }).await?.values(0)?;
            for row in found {
                rows.push(Row::new(table, row)?);
            }
        }
    }

    /// The rows of a range, in the order of their keys.
    pub(crate) async fn find_range(&self, table: &'static str, range: RecordId) -> Result<Vec<Row>, StoreError> {
        let found = self.client.ask(&["SELECT * FROM $range"], object! { range: range }).await?.values(0)?;
        found.into_iter().map(|row| Row::new(table, row)).collect()
    }

    /// The last rows of a range, the last one first.
    pub(crate) async fn find_last(
        &self,
        table: &'static str,
        range: RecordId,
        most: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let vars = object! { range: range, most: most };
        let found = self.client.ask(&["SELECT * FROM $range ORDER BY id DESC LIMIT $most"], vars).await?.values(0)?;
        found.into_iter().map(|row| Row::new(table, row)).collect()
    }

    /// Every row of a table, in the order of their keys.
    pub(crate) async fn every(&self, table: &'static str) -> Result<Vec<Row>, StoreError> {
        let vars = object! { rows: Value::Table(Table::new(table)) };
        let found = self.client.ask(&["SELECT * FROM $rows"], vars).await?.values(0)?;
        found.into_iter().map(|row| Row::new(table, row)).collect()
    }

    /// Writes a row, whether or not there is one.
    pub(crate) async fn put(&self, table: &'static str, key: RecordIdKey, row: Object) -> Result<(), StoreError> {
        let vars = object! { id: RecordId::new(table, key), row: row };
        self.write(&["UPSERT $id CONTENT $row RETURN NONE"], vars).await.map(drop)
    }

    /// The fields of a row that holds `plain` sealed.
    pub(crate) fn seal(&self, table: &'static str, id: &str, plain: &[u8]) -> Result<Object, StoreError> {
        self.vault.seal(table, id, plain).map(sealed_fields)
    }

    /// What a row holds sealed. `id` is what it was sealed for: the row's own id, or that and its owner's.
    pub(crate) fn unseal(&self, table: &'static str, id: &str, row: &mut Row) -> Result<Vec<u8>, StoreError> {
        let (key, body) = (row.bytes("key")?, row.bytes("sealed")?);
        self.vault.open(table, id, &key, &body)
    }
}

/// How many more times, and how long to wait before the next. The pauses are random: two writers that collided once
/// must not collide for ever.
#[derive(Default)]
pub(crate) struct Patience {
    lost: u32,
}

impl Patience {
    pub(crate) fn left(&mut self) -> bool {
        self.lost += 1;
        self.lost < ATTEMPTS
    }

    pub(crate) async fn pause(&self) {
        // The shift is bounded by ATTEMPTS.
        let longest = (FIRST_PAUSE_MS << self.lost.saturating_sub(1)).min(LONGEST_PAUSE_MS);
        let pause = rand::random_range(1..=longest);
        sleep(Duration::from_millis(pause)).await;
    }
}
