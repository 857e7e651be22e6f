//! Changes of a gallery, and the sum of what it holds, which is kept up with each.
//!
//! The database cannot add it up. It is made here out of that of the generation that was read before, and the transaction that
//! writes it breaks off if somebody has changed the gallery since, on this host or another. What else a change has to know of
//! the gallery is read after that generation, and so is as it was read when the change is made. Among several hosts the same
//! transaction tells the others.
//!
//! A server that falls silent at the commit may have made the change all the same. Each change gives the gallery's row a stamp of
//! its own, by which it is known whether it did.

use crate::database::Patience;
use crate::error::StoreError;
use crate::gallery::{GalleryState, NewRecord, record_key};
use crate::hosts;
use crate::rows::{Row, key, number, text};
use crate::schema::{BOOKING, GENERATION, TEMPLATE};
use crate::store::Jurisdiction;
use crate::templates;
use model::multiset::{self, MultisetHash};
use model::terms::Digest;
use std::time::Duration;
use surrealdb::types::{Bytes, Object, RecordId, Value};
use tokio::time::{sleep, timeout};

/// How long a server that fell silent is waited for, to learn whether it made a change: as long as for an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// How long to wait before a silent server is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// Begins a transaction on a gallery, and breaks it off if the gallery has changed since.
const BEGIN: [&str; 3] = [
    "BEGIN",
    "LET $found = (SELECT VALUE generation FROM $generation)",
    "IF $found != $expected { THROW 'the gallery has changed' }",
];

/// Makes the change a generation.
const COUNT: &str = "UPSERT $generation SET generation = (generation ?? 0) + 1, records = (records ?? 0) + $added, \
                     stamp = $stamp, holdings = $holdings RETURN NONE";

/// What a change does to the records of a gallery.
pub(crate) enum Change<'c> {
    /// New ones come, which count as much together.
    Enrol { records: &'c [NewRecord], sum: MultisetHash },
    /// One goes.
    Remove { id: &'c str },
    /// One has another status from now on.
    Restate { id: &'c str, status: &'c str },
}

impl Change<'_> {
    /// How many more records there are afterwards.
    fn added(&self) -> i64 {
        match self {
            // At most BATCH_ROWS.
            Self::Enrol { records, .. } => records.len() as i64,
            Self::Remove { .. } => -1,
            Self::Restate { .. } => 0,
        }
    }

    /// The ids of the records it touches.
    fn records(&self) -> Vec<Value> {
        match self {
            Self::Enrol { records, .. } => records.iter().map(|record| text(&record.id)).collect(),
            Self::Remove { id } | Self::Restate { id, .. } => vec![text(id)],
        }
    }
}

/// What a change of a gallery has to know of it.
struct Held {
    /// Absent where it has no row yet.
    generation: Option<u64>,
    holdings: MultisetHash,
}

/// What of a record the gallery's sum counts.
pub(crate) struct Counted {
    pub(crate) digest: Digest,
    pub(crate) status: String,
}

impl Counted {
    pub(crate) fn element(&self, id: &str) -> Digest {
        multiset::record(id, self.digest, &self.status)
    }
}

impl Jurisdiction {
    /// Changes a gallery by these statements, whose own `vars` these are: again while somebody else changes it at the same
    /// time. Gives the gallery's new generation; absent, and nothing is changed, where the record is not there or has that
    /// status already.
    pub(crate) async fn change(
        &self,
        gallery: &str,
        change: &Change<'_>,
        statements: &[&'static str],
        mut vars: Object,
    ) -> Result<Option<u64>, StoreError> {
        let mut whole = Vec::from(BEGIN);
        whole.extend(statements);
        whole.push(COUNT);
        if self.db.several {
            whole.extend(hosts::TELL);
        }
        whole.push("COMMIT");
        vars.insert("generation", RecordId::new(GENERATION, key(gallery)));
        vars.insert("added", change.added());
        let stamp = new_stamp();
        vars.insert("stamp", stamp.clone());
        let mut patience = Patience::default();
        loop {
            let Held { generation, holdings } = self.held(gallery).await?;
            // In this order: whoever changes the record after this look makes another generation than the one expected.
            let Some(holdings) = self.after(gallery, change, holdings).await? else { return Ok(None) };
            let next = generation.unwrap_or(0).saturating_add(1);
            // It came from the database, where it is an i64.
            let expected = generation.map(|generation| number(i64::try_from(generation).unwrap_or(i64::MAX)));
            vars.insert("expected", Vec::from_iter(expected));
            vars.insert("holdings", Bytes::from(holdings.to_bytes()));
            if self.db.several {
                hosts::tell(&mut vars, gallery, next, change.records());
            }
            match self.db.commit(&whole, vars.clone()).await {
                Err(StoreError::Conflict) if patience.left() => {}
                Err(StoreError::Unreachable { reason }) => return self.made(gallery, &stamp, reason).await.map(Some),
                outcome => return outcome.map(|_| Some(next)),
            }
            patience.pause().await;
        }
    }

    /// Finds out whether the change of this stamp was made though its answer was lost: gives the generation it made.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] where it is not to be seen: not made, made too late, or followed by another.
    pub(crate) async fn made(&self, gallery: &str, stamp: &str, reason: String) -> Result<u64, StoreError> {
        let looking = async {
            let mut patience = Patience::default();
            loop {
                match self.gallery_state(gallery).await {
                    Ok(state) if state.stamp == stamp => return Some(state.generation),
                    // It answers again: what it still works at shows soon.
                    Ok(_) if patience.left() => patience.pause().await,
                    Err(StoreError::Unreachable { .. }) => sleep(AGAIN).await,
                    _ => return None,
                }
            }
        };
        timeout(SILENCE, looking).await.ok().flatten().ok_or(StoreError::Unreachable { reason })
    }

    /// What the gallery holds after a change, by what it held before; absent where there is nothing to change.
    async fn after(
        &self,
        gallery: &str,
        change: &Change<'_>,
        mut holdings: MultisetHash,
    ) -> Result<Option<MultisetHash>, StoreError> {
        match change {
            Change::Enrol { sum, .. } => holdings.unite(sum),
            Change::Remove { id } => {
                if self.db.find(BOOKING, record_key(gallery, id)).await?.is_none() {
                    return Ok(None);
                }
                match self.counted(gallery, id).await {
                    Ok(Some(counted)) => holdings.remove(counted.element(id)),
                    // What it counted as is not known any more: the others are added up anew.
                    Ok(None) | Err(StoreError::Damaged { .. }) => holdings = self.sum_without(gallery, id).await?,
                    Err(error) => return Err(error),
                }
            }
            Change::Restate { id, status } => match self.counted(gallery, id).await? {
                Some(before) if before.status != *status => {
                    holdings.remove(before.element(id));
                    holdings.add(multiset::record(id, before.digest, status));
                }
                _ => return Ok(None),
            },
        }
        Ok(Some(holdings))
    }

    async fn held(&self, gallery: &str) -> Result<Held, StoreError> {
        let Some(mut row) = self.db.find(GENERATION, key(gallery)).await? else {
            return Ok(Held { generation: None, holdings: MultisetHash::default() });
        };
        let (generation, records) = (row.natural("generation")?, row.natural("records")?);
        let holdings = match holdings(&mut row)? {
            Some(holdings) => holdings,
            None if records == 0 => MultisetHash::default(),
            None => return Err(row.damaged("it does not say what it holds, which loading the gallery once mends")),
        };
        Ok(Held { generation: Some(generation), holdings })
    }

    /// What a record counts as, by what is kept with its template; absent if there is none.
    pub(crate) async fn counted(&self, gallery: &str, id: &str) -> Result<Option<Counted>, StoreError> {
        let Some(mut row) = self.db.find(TEMPLATE, templates::key_in(gallery, id)).await? else { return Ok(None) };
        Ok(Some(Counted { digest: row.digest("digest")?, status: row.text("status")? }))
    }
}

fn new_stamp() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The state that a gallery's row says it is in. One that says nothing of what it holds is of an older program: its sum is
/// that of nothing, which no gallery with records has.
pub(crate) fn state_of(row: &mut Row) -> Result<GalleryState, StoreError> {
    Ok(GalleryState {
        generation: row.natural("generation")?,
        records: row.natural("records")?,
        stamp: row.text_if_any("stamp").unwrap_or_default(),
        holdings: holdings(row)?.unwrap_or_default(),
    })
}

/// The sum of what a gallery holds, if its row says it.
fn holdings(row: &mut Row) -> Result<Option<MultisetHash>, StoreError> {
    let Some(bytes) = row.bytes_if_any("holdings") else { return Ok(None) };
    let bytes: &[u8] = &bytes;
    MultisetHash::from_bytes(bytes).map(Some).ok_or_else(|| row.damaged("`holdings` is no sum"))
}
