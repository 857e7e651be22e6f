//! An audit entry, made durable: the leaf in the log, with all that belongs to it riding on the leaf.
//!
//! A step leaves its account behind, and perhaps rows. They become durable with the leaf that commits to them, in one sync
//! of the log's journal, sealed. A task writes them to the database behind: many steps' in one commit, and nobody waits
//! for it but who wants to read them there ([`Ledger::settle`]). What a crash keeps from the database is found in the
//! journal at the next start ([`replay`]).
//!
//! | module | holds |
//! |---|---|
//! | `entry` | an entry, and what it is once written |
//! | `under_way` | entries on their way into one log after another |
//! | `writer` | the task that writes to the database behind the log, and what waits for it |

mod entry;
mod under_way;
mod writer;

pub use entry::Entry;
pub(crate) use entry::{Written, account_in};
pub use model::subject::{OfRequest, Subject};

use crate::aside::{aside, broke_off};
use crate::error::CaseError;
use crate::recovery::stalled;
use crate::torn;
use arc_swap::ArcSwapOption;
use model::account::Event;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use under_way::{Passage, UnderWay};
use writer::{BROKEN, Behind, Writer, batch, watched};

/// Entries that may wait for the database. When so many do, the database is what the host has to wait for.
const MOST_BEHIND: usize = 4096;

/// Bytes that may wait for the database, as they are packed: as many entries of the usual size as may, and no more memory
/// than this where they are large.
const MOST_BEHIND_BYTES: usize = 128 << 20;

/// How long somebody waits for the database to take what was recorded: many commits.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

/// What somebody is told who has waited so long.
const TOO_LONG: &str = "it takes too long";

/// Where an entry is recorded, in a form that stands on its own: anybody with the log's verifier key can check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The log.
    pub origin: String,
    /// The entry's index in it.
    pub index: u64,
    /// The leaf: exactly the bytes that were hashed.
    pub entry: String,
    /// C2SP tlog-proof: the inclusion proof and the signed checkpoint.
    pub proof: String,
}

/// One entry, recorded in the log of every jurisdiction concerned.
#[derive(Clone)]
pub struct Recorded {
    /// The entry's id: the same in every log.
    pub id: String,
    leaf: Vec<u8>,
    places: Vec<(audit::Log, audit::Appended)>,
}

impl Recorded {
    /// The receipt from the log of the jurisdiction listed last: the one that was asked.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn receipt(&self) -> Result<Option<Receipt>, CaseError> {
        let Some((log, appended)) = self.places.last() else { return Ok(None) };
        let proof = log.receipt(appended)?;
        Ok(Some(Receipt {
            origin: log.origin().to_owned(),
            index: appended.index,
            entry: String::from_utf8_lossy(&self.leaf).into_owned(),
            proof: proof.to_string(),
        }))
    }
}

/// One jurisdiction's log, and what rides on its leaves on the way to the database.
#[derive(Clone)]
pub struct Ledger {
    log: audit::Log,
    store: store::Jurisdiction,
    behind: mpsc::Sender<Behind>,
    room: Arc<Semaphore>,
    trouble: Arc<ArcSwapOption<String>>,
    under_way: UnderWay,
}

impl Ledger {
    /// Starts the task that writes to the database; it ends with the last clone.
    pub fn new(log: audit::Log, store: store::Jurisdiction) -> Self {
        let (behind, queue) = mpsc::channel(MOST_BEHIND);
        let trouble = Arc::new(ArcSwapOption::empty());
        let writer = Writer { log: log.clone(), store: store.clone(), trouble: trouble.clone() };
        tokio::spawn(watched(writer.run(queue), trouble.clone()));
        let room = Arc::new(Semaphore::new(MOST_BEHIND_BYTES));
        Self { log, store, behind, room, trouble, under_way: UnderWay::default() }
    }

    /// The log.
    pub fn log(&self) -> &audit::Log {
        &self.log
    }

    /// Why the database takes nothing, if it does not: then nothing may be done.
    pub fn trouble(&self) -> Option<Arc<String>> {
        self.trouble.load_full()
    }

    /// Whether the task that writes to the database has ended: nothing is written any more until the host starts again.
    pub(crate) fn is_broken(&self) -> bool {
        self.behind.is_closed()
    }

    /// Which of its entries are on their way into another log, too.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// Waits until everything recorded before can be read in the database.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`] when the database does not take it; [`CaseError::Fault`] when nothing is written any more.
    pub async fn settle(&self) -> Result<(), CaseError> {
        if let Some(reason) = self.trouble() {
            return Err(not_there_yet(&reason));
        }
        let settling = async {
            let (done, settled) = oneshot::channel();
            self.behind.send(Behind::Settle(done)).await.map_err(|_| CaseError::Fault(BROKEN.to_owned()))?;
            settled.await.map_err(|_| CaseError::Fault(BROKEN.to_owned()))
        };
        let settled = tokio::time::timeout(SETTLE_LIMIT, settling).await;
        settled.unwrap_or_else(|_| Err(not_there_yet(TOO_LONG)))
    }

    /// Waits until everything recorded before is in the database and nothing of it rides in the log's journal any more: what
    /// is destroyed in the database after that does not come back from there when a crash has the journal replayed.
    ///
    /// # Errors
    /// As [`Ledger::settle`]; [`CaseError::Log`] when the journal cannot be turned; [`CaseError::Unwritten`] when the database does
    /// not take what rides on it.
    pub async fn clear(&self) -> Result<(), CaseError> {
        self.settle().await?;
        self.clear_within(SETTLE_LIMIT).await
    }

    /// Clears the journal. The database may have failed since it was settled.
    async fn clear_within(&self, limit: Duration) -> Result<(), CaseError> {
        let log = self.log.clone();
        match aside(move || log.clear_journal(limit)).await? {
            Err(audit::AppendError::Riding { .. }) => {
                Err(self.trouble().map_or_else(|| unwritten(TOO_LONG), |reason| unwritten(&reason)))
            }
            cleared => Ok(cleared?),
        }
    }

    /// Keeps rows that no entry brings, and waits until they are in the database.
    ///
    /// # Errors
    /// As [`Ledger::settle`]: then they are only in memory, and kept as soon as the database takes them, if it does before the
    /// host stops.
    pub(crate) async fn keep_behind(&self, rows: Vec<store::Kept>) -> Result<(), CaseError> {
        // To the end, whoever stops waiting.
        let this = self.clone();
        let keeping = tokio::spawn(async move {
            match this.behind.send(Behind::Rows(rows)).await {
                Ok(()) => this.settle().await,
                // Where the task that writes broke off, nobody is there to take them.
                Err(mpsc::error::SendError(Behind::Rows(rows))) => Ok(this.store.keep(&rows).await?),
                Err(_) => Err(CaseError::Fault(BROKEN.to_owned())),
            }
        });
        let kept = tokio::time::timeout(SETTLE_LIMIT, keeping).await.map_err(|_| unwritten(TOO_LONG))?;
        kept.map_err(|e| broke_off(&e))?
    }

    /// Has a mark go that is of no more use, behind what is recorded. Where there is no room for that, it stays.
    fn forget(&self, mark: store::Kept) {
        let _ = self.behind.try_send(Behind::Rows(vec![mark]));
    }

    /// What an entry leaves behind, as it rides on its leaf, and room for it to wait for the database. Nothing is done yet.
    ///
    /// # Errors
    /// [`CaseError::TooLarge`] for more than a leaf can carry; [`CaseError::Unwritten`] while the database takes nothing, or is
    /// too slow; [`CaseError::Log`] while the log's disk does not answer.
    async fn pack(&self, written: &Written, mut kept: Vec<store::Kept>) -> Result<Packed, CaseError> {
        if let Some(reason) = self.trouble() {
            return Err(unwritten(&reason));
        }
        if let Some(reason) = stalled(&self.log) {
            return Err(CaseError::Log(reason));
        }
        kept.push(written.account());
        let rider = self.store.pack(&kept)?;
        let bytes = rider.len();
        if bytes > audit::MAX_RIDER_BYTES {
            return Err(CaseError::TooLarge { bytes });
        }
        let room = self.room.clone().acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX));
        let slow = |_| unwritten(TOO_LONG);
        // Nobody closes it.
        let room = tokio::time::timeout(SETTLE_LIMIT, room).await.map_err(slow)?.map_err(|_| CaseError::Stopping)?;
        Ok(Packed { rider, kept, room })
    }

    /// Makes an entry durable, and with it what the step leaves behind.
    pub(crate) async fn append(
        &self,
        written: &Written,
        kept: Vec<store::Kept>,
    ) -> Result<audit::Appended, Unrecorded> {
        let packed = self.pack(written, kept).await?;
        self.put(written, packed, None).await
    }

    /// The same with what was packed for it. Its passage does not end before.
    async fn put(
        &self,
        written: &Written,
        packed: Packed,
        passage: Option<Arc<Passage>>,
    ) -> Result<audit::Appended, Unrecorded> {
        let Packed { rider, kept, room } = packed;
        let (leaf, bytes) = (written.leaf.clone(), rider.len());
        // From here on to the end, cancelled or not: an entry whose rows nobody writes would stay in the journal.
        let this = self.clone();
        let appending = tokio::spawn(async move {
            let _passage = passage;
            let appended = this.log.append_with(leaf, rider).await?;
            let entry = Behind::Entry { index: appended.index, kept, bytes, room };
            // The entry is durable, and what rides on it: the next start brings it to the database.
            let broken = |_| Unrecorded::in_doubt(CaseError::Fault(BROKEN.to_owned()));
            this.behind.send(entry).await.map_err(broken)?;
            Ok(appended)
        });
        appending.await.map_err(|e| Unrecorded::in_doubt(broke_off(&e)))?
    }
}

/// Why an entry is not on record.
pub(crate) struct Unrecorded {
    pub(crate) error: CaseError,
    /// Whether the next start may find it in the log all the same.
    pub(crate) doubtful: bool,
}

impl Unrecorded {
    /// Whoever was writing it, or what rides on it, is gone.
    fn in_doubt(error: CaseError) -> Self {
        Self { error, doubtful: true }
    }
}

impl From<CaseError> for Unrecorded {
    fn from(error: CaseError) -> Self {
        Self { error, doubtful: false }
    }
}

impl From<audit::AppendError> for Unrecorded {
    fn from(error: audit::AppendError) -> Self {
        let doubtful = matches!(error, audit::AppendError::Doubtful(_));
        Self { error: error.into(), doubtful }
    }
}

/// What was recorded cannot be read in the database, because that does not take it.
fn not_there_yet(reason: &str) -> CaseError {
    let told = "the database cannot be written, and what was recorded last is not there yet";
    CaseError::Unreadable(format!("{told}: {reason}; repair the database, and it comes there by itself"))
}

/// What is to be recorded does not get into the database, for this reason.
fn unwritten(reason: &str) -> CaseError {
    CaseError::Unwritten(reason.to_owned())
}

/// What a step leaves behind, the same as bytes that ride on its leaf, and their room among what waits for the database.
struct Packed {
    rider: Vec<u8>,
    kept: Vec<store::Kept>,
    room: OwnedSemaphorePermit,
}

/// Brings what rides on a log's journal into the database: what a crash kept from it. What is there already stays, whatever was
/// made of it since.
///
/// # Errors
/// When the database cannot be written; then the log must stay closed.
pub async fn replay(prepared: &audit::Prepared, store: &store::Jurisdiction) -> Result<(), CaseError> {
    let mut riders = prepared.riders();
    while !riders.is_empty() {
        let (some, rest) = riders.split_at(batch(riders.iter().map(|(_, rider)| rider.len())));
        let kept = some.iter().map(|(_, rider)| store.unpack(rider)).collect::<Result<_, _>>()?;
        store.keep_again(kept).await?;
        riders = rest;
    }
    Ok(())
}

/// Records one entry in each of these ledgers, and returns when it is durable in all of them. `rows` go into the last one's
/// store, together with the account: what the step leaves behind is there if and only if its account is. So does the link by
/// which an entry of a request's life is found again, unless it was rejected. A search is counted in all of them ([`crate::history`]), so that its row goes
/// into each one's store.
///
/// # Errors
/// [`CaseError::TooLarge`] for more than an entry holds, before any of them has it; [`CaseError::Unwritten`] while the database
/// takes nothing, likewise; [`CaseError::Log`] when it is not durable: then nothing may be done; [`CaseError::Fault`] when the
/// host broke off, and it may be on record. Where one log took it and a later one did not, the message says so; that nothing came
/// of it is recorded where it stands. Where the host is killed between the two, the next start finds the entry by a mark that
/// rides on it, and records so.
pub async fn record(ledgers: &[&Ledger], entry: Entry, rows: Vec<store::Kept>) -> Result<Recorded, CaseError> {
    record_as(model::terms::new_id(), ledgers, entry, rows).await
}

/// The same under an id that is known before: for rows that name the entry.
///
/// # Errors
/// As [`record`].
pub(crate) async fn record_as(
    id: String,
    ledgers: &[&Ledger],
    entry: Entry,
    mut rows: Vec<store::Kept>,
) -> Result<Recorded, CaseError> {
    // What was rejected moves no request on, and may be anybody's doing: no life is longer for it.
    if let Some(request) = entry.subject.request()
        && !matches!(entry.event, Event::Rejected { .. })
    {
        rows.push(store::Kept::Entry { request: request.to_owned(), entry: id.clone() });
    }
    let undoable = !torn::says_nothing_was_done(&entry.event);
    let written = Written::of(id, entry)?;
    let mut packed = Vec::with_capacity(ledgers.len());
    let elsewhere = if ledgers.len() > 1 { searches(&rows) } else { Vec::new() };
    let mut marked: &[&Ledger] = &[];
    // All of it before any: what one log cannot take is in none.
    if let Some((last, before)) = ledgers.split_last() {
        if undoable {
            marked = before;
        }
        for ledger in before {
            let mut kept = elsewhere.clone();
            kept.extend(undoable.then(|| torn::mark(ledger, last, &written.id)));
            packed.push(ledger.pack(&written, kept).await?);
        }
        packed.push(last.pack(&written, rows).await?);
    }
    let set_out = || Arc::new(Passage::begin(marked.iter().map(|l| l.under_way.clone()).collect(), &written.id));
    // Until this returns, whatever comes of it.
    let passage = (!marked.is_empty()).then(set_out);
    let mut places = Vec::with_capacity(ledgers.len());
    for (ledger, packed) in ledgers.iter().zip(packed) {
        match ledger.put(&written, packed, passage.clone()).await {
            Ok(appended) => places.push((ledger.log.clone(), appended)),
            Err(unrecorded) => {
                let indices = places.iter().map(|(_, appended)| appended.index);
                let standing: Vec<_> = ledgers.iter().copied().zip(indices).collect();
                // In a box of its own: no step that succeeds has to make room for it.
                return Err(Box::pin(torn::told(&standing, ledger, &written, unrecorded)).await);
            }
        }
    }
    for ledger in marked {
        ledger.forget(torn::unmark(&written.id));
    }
    let Written { id, leaf, .. } = written;
    Ok(Recorded { id, leaf, places })
}

/// The searches among these rows, as they are kept beside the gallery's owner.
fn searches(rows: &[store::Kept]) -> Vec<store::Kept> {
    rows.iter().filter(|row| matches!(row, store::Kept::Search(_))).cloned().collect()
}

#[cfg(test)]
mod tests;
