//! Whose turn it is among several hosts.
//!
//! A turn is leased by whoever writes a log: a row says which, and until when by the database's own clock, so that those of the
//! hosts need not agree. A lease that ran out is anybody's. Each has a stamp of its own, by which one that was lost meanwhile is
//! told from the one that followed. An embedded engine belongs to one process, and none of this is written there.

use crate::error::StoreError;
use crate::rows::key;
use crate::schema::LEASE;
use crate::store::Jurisdiction;
use std::time::Duration;
use surrealdb::types::{Object, RecordId, Value, object};

/// Takes a lease, unless another log's has not run out. A log's own is taken anew.
const TAKE: [&str; 6] = [
    "BEGIN",
    "LET $others = (SELECT VALUE holder FROM $lease WHERE holder != $holder AND until > time::millis(time::now()))",
    "IF $others != [] { THROW 'another host has it' }",
    "SELECT VALUE holder FROM $lease WHERE holder != $holder",
    "UPSERT $lease SET holder = $holder, stamp = $stamp, until = time::millis(time::now()) + $lasts RETURN NONE",
    "COMMIT",
];

/// Where in [`TAKE`] the answer stands whose lease ran out.
const BEFORE: usize = 3;

/// Prolongs a lease, unless it is another one by now.
const PROLONG: [&str; 5] = [
    "BEGIN",
    "LET $found = (SELECT VALUE stamp FROM $lease)",
    "IF $found != [$stamp] { THROW 'it is another lease' }",
    "UPDATE $lease SET until = time::millis(time::now()) + $lasts RETURN NONE",
    "COMMIT",
];

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is the asker's.
    Taken {
        /// The log of another host whose lease had run out.
        after: Option<String>,
    },
    /// Another host has it.
    Elsewhere,
}

impl Jurisdiction {
    /// Leases the turn at a place to the writer of this log for so long. Waits a moment, somewhat less than a second, for
    /// another host to let go of it.
    ///
    /// # Errors
    /// See [`Jurisdiction`]; the lease may have been taken then.
    pub async fn lease(&self, place: &str, log: &str, stamp: &str, lasts: Duration) -> Result<Leased, StoreError> {
        let mut vars = self::vars(place, stamp, lasts);
        vars.insert("holder", log.to_owned());
        match self.db.write(&TAKE, vars).await {
            Err(StoreError::Conflict) => Ok(Leased::Elsewhere),
            Err(e) => Err(e),
            Ok(mut answer) => {
                let text = |value| if let Value::String(text) = value { Some(text) } else { None };
                let after = answer.values(BEFORE)?.into_iter().find_map(text);
                Ok(Leased::Taken { after })
            }
        }
    }

    /// Prolongs a lease: from now on it lasts so long. Whether it was still there.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn prolong(&self, place: &str, stamp: &str, lasts: Duration) -> Result<bool, StoreError> {
        match self.db.write(&PROLONG, vars(place, stamp, lasts)).await {
            Err(StoreError::Conflict) => Ok(false),
            outcome => outcome.map(|_| true),
        }
    }

    /// Lets go of a lease, if it is still there.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn let_go(&self, place: &str, stamp: &str) -> Result<(), StoreError> {
        let vars = object! { lease: RecordId::new(LEASE, key(place)), stamp: stamp.to_owned() };
        self.db.write(&["DELETE $lease WHERE stamp = $stamp RETURN NONE"], vars).await.map(drop)
    }

    /// Lets go of all that the writer of this log has leased. For one that starts, and has brought here what it recorded before.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn let_go_all(&self, log: &str) -> Result<(), StoreError> {
        let vars = object! { holder: log.to_owned() };
        self.db.write(&["DELETE lease WHERE holder = $holder RETURN NONE"], vars).await.map(drop)
    }
}

fn vars(place: &str, stamp: &str, lasts: Duration) -> Object {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    object! { lease: RecordId::new(LEASE, key(place)), stamp: stamp.to_owned(), lasts: lasts }
}
