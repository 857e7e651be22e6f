//! Several hosts on one database: what each has to know of what the others changed.
//!
//! A gallery's generation counts its changes, and among several hosts each change leaves a row that names the records it
//! touched, under the generation it made. A host that is behind reads the rows since its own and asks for those records again:
//! what that costs depends on what changed, not on what is there. The latest [`KEPT`] rows are kept; whoever is further behind
//! than that loads the gallery anew. A change is made of one generation only, which is how two hosts that change one gallery
//! at once are told apart: the second starts over (`holdings`).
//!
//! The registry, what steps decided of it and the policy revisions share one counter: they change seldom and are read whole.
//!
//! An embedded engine belongs to one process, and none of this is written there.

use crate::error::StoreError;
use crate::rows::{joined, key, key_of, number, range, text};
use crate::schema::{GALLERY_CHANGE, GENERATION};
use crate::store::Jurisdiction;
use std::collections::{BTreeMap, BTreeSet};
use surrealdb::types::{Object, RecordId, RecordIdKey, Value, object};

/// Changes of a gallery that are kept: with full batches a million records enrolled since a host last looked, which it does
/// every second.
pub(crate) const KEPT: u64 = 1024;

/// Tells of a change of a gallery which records it touches, and lets go of the oldest change told of; to be run with the change.
pub(crate) const TELL: [&str; 2] = ["UPSERT $change CONTENT $touched RETURN NONE", "DELETE $past RETURN NONE"];

/// Counts that the registry changed; to be run with whatever changed it.
pub(crate) const TELL_REGISTRY: &str = "UPSERT $told SET registry = (registry ?? 0) + 1 RETURN NONE";

/// What the counters of a jurisdiction say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidings {
    /// How often the registry, what steps decided of it or a policy revision has changed.
    pub registry: u64,
    /// The generation of each gallery that ever changed.
    pub galleries: BTreeMap<String, u64>,
    /// Which process claimed the log last.
    pub writer: Option<String>,
}

impl Jurisdiction {
    /// Whether other hosts may use this database at the same time.
    pub fn of_several_hosts(&self) -> bool {
        self.db.several
    }

    /// Says that from now on this process writes the log of this origin, whoever did before.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn claim(&self, origin: &str, process: &str) -> Result<(), StoreError> {
        self.db.put(GENERATION, writer_key(origin), object! { process: process.to_owned() }).await
    }

    /// The logs that were ever claimed, by their origins, in order.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn logs(&self) -> Result<Vec<String>, StoreError> {
        let mut logs = Vec::new();
        for mut row in self.db.every(GENERATION).await? {
            if row.text_if_any("process").is_some() {
                logs.push(row.id().to_owned());
            }
        }
        logs.sort_unstable();
        Ok(logs)
    }

    /// The logs of other hosts of the same jurisdiction, by their origins, in order; none where the database is one host's alone.
    /// `origin` is the asker's own.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn other_logs(&self, origin: &str) -> Result<Vec<String>, StoreError> {
        let mut others = if self.of_several_hosts() { self.logs().await? } else { Vec::new() };
        others.retain(|other| other != origin);
        Ok(others)
    }

    /// What has changed, as one look at the counters tells. `origin` is the log whose writer is asked for.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn tidings(&self, origin: &str, galleries: &[String]) -> Result<Tidings, StoreError> {
        let mut keys: Vec<RecordIdKey> = galleries.iter().map(|gallery| key(gallery)).collect();
        keys.extend([registry_key(), writer_key(origin)]);
        let mut tidings = Tidings::default();
        for mut row in self.db.find_all(GENERATION, keys).await? {
            // Each kind of row has a field of its own: a gallery may be called like any of the others.
            if let Some(process) = row.text_if_any("process") {
                tidings.writer = Some(process);
            } else if let Some(changes) = row.number_if_any("registry") {
                tidings.registry = u64::try_from(changes).map_err(|_| row.damaged("`registry` is negative"))?;
            } else {
                let generation = row.natural("generation")?;
                tidings.galleries.insert(row.id().to_owned(), generation);
            }
        }
        Ok(tidings)
    }

    /// The records of a gallery that changes after generation `since` touched, up to generation `until`, each once; absent
    /// where not all of these changes are kept any more.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn changed_since(
        &self,
        gallery: &str,
        since: u64,
        until: u64,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let changes = until.saturating_sub(since);
        if changes > KEPT {
            return Ok(None);
        }
        let between = range(GALLERY_CHANGE, bound(gallery, since + 1), Some(bound(gallery, until + 1)));
        let mut rows = self.db.find_range(GALLERY_CHANGE, between).await?;
        if rows.len() as u64 != changes {
            return Ok(None);
        }
        let mut records = BTreeSet::new();
        for row in &mut rows {
            records.extend(row.texts("records")?);
        }
        Ok(Some(records.into_iter().collect()))
    }

    /// Lets go of booking data held in memory: of these records, or of all where none are named.
    pub async fn forget_bookings(&self, gallery: &str, records: Option<&[String]>) {
        let changing = self.db.bookings.changing().await;
        match records {
            Some(records) => {
                for record in records {
                    self.db.bookings.forget(&changing, &joined(gallery, record));
                }
            }
            None => self.db.bookings.forget_all(&changing),
        }
    }
}

/// What [`TELL`] has to know of the change that makes this generation.
pub(crate) fn tell(vars: &mut Object, gallery: &str, generation: u64, records: Vec<Value>) {
    vars.insert("change", RecordId::new(GALLERY_CHANGE, change_key(gallery, generation)));
    vars.insert("touched", object! { records: records });
    vars.insert("past", RecordId::new(GALLERY_CHANGE, change_key(gallery, generation.saturating_sub(KEPT))));
}

/// The row that counts the registry's changes.
pub(crate) fn registry_counter() -> RecordId {
    RecordId::new(GENERATION, registry_key())
}

// Galleries have texts for keys: these are none.
fn registry_key() -> RecordIdKey {
    key_of(vec![number(0), text("registry")])
}

fn writer_key(origin: &str) -> RecordIdKey {
    key_of(vec![number(1), text(origin)])
}

fn change_key(gallery: &str, generation: u64) -> RecordIdKey {
    let mut parts = bound(gallery, generation);
    parts.push(text(&generation.to_string()));
    key_of(parts)
}

/// Where the changes of a generation begin.
fn bound(gallery: &str, generation: u64) -> Vec<Value> {
    vec![text(gallery), number(i64::try_from(generation).unwrap_or(i64::MAX))]
}
