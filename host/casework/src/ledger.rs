//! An audit entry, made durable: the leaf in the log, with all that belongs to it riding on the leaf.
//!
//! A step leaves its account behind, and perhaps rows. They become durable with the leaf that commits to them, in one sync
//! of the log's journal, sealed. A task writes them to the database behind: many steps' in one commit, and nobody waits
//! for it but who wants to read them there ([`Ledger::settle`]). What a crash keeps from the database is found in the
//! journal at the next start ([`replay`]).

use crate::aside::aside;
use crate::error::CaseError;
use crate::torn;
use arc_swap::ArcSwapOption;
use model::account::{Account, Event, Kind, Leaf, Who};
use model::combine::{PolicyRef, Rulings};
use model::facts::Identifier;
use model::terms::{Digest, Instant, Phase, Verdict};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Entries written to the database in one commit at most: bounds a transaction at a few megabytes.
const MOST_AT_ONCE: usize = 256;

/// Entries that may wait for the database. When so many do, the database is what the host has to wait for.
const MOST_BEHIND: usize = 4096;

/// How long entries are gathered before they are written: a commit costs more than what is in it.
const GATHER: Duration = Duration::from_millis(20);

/// How long somebody waits for the database to take what was recorded: many commits.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait before a database that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);

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

/// What an entry is about, apart from who and when.
pub struct Entry {
    /// What kind.
    pub kind: Kind,
    /// Who.
    pub who: Who,
    /// When.
    pub at: Instant,
    /// The case, as far as there is one.
    pub subject: Subject,
    /// The entry this one answers.
    pub of: Option<String>,
    /// What happened.
    pub event: Event,
}

/// Which case an entry belongs to: what the directives demand of an audit trail.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Case numbers.
    pub case: Vec<Identifier>,
    /// Purpose.
    pub purpose: String,
    /// Reason.
    pub justification: String,
    /// The probe's digest.
    pub probe: Option<Digest>,
    /// The request.
    pub request: Option<String>,
}

impl Entry {
    fn judged(&self) -> (Option<Phase>, Option<Verdict>, Vec<PolicyRef>) {
        match &self.event {
            Event::Decision { rulings, .. } => {
                let policies = |r: &Rulings| r.rulings.iter().map(|r| r.policy.clone()).collect();
                (Some(rulings.phase), Some(rulings.verdict()), policies(rulings))
            }
            _ => (None, None, Vec::new()),
        }
    }
}

/// One jurisdiction's log, and what rides on its leaves on the way to the database.
#[derive(Clone)]
pub struct Ledger {
    log: audit::Log,
    store: store::Jurisdiction,
    behind: mpsc::Sender<Behind>,
    trouble: Arc<ArcSwapOption<String>>,
}

/// What waits for the database.
enum Behind {
    /// What an entry left.
    Entry { index: u64, kept: Vec<store::Kept> },
    /// Rows that no entry brings.
    Rows(Vec<store::Kept>),
    /// Somebody who wants to know when all before is there.
    Settle(oneshot::Sender<()>),
}

impl Ledger {
    /// Starts the task that writes to the database; it ends with the last clone.
    pub fn new(log: audit::Log, store: store::Jurisdiction) -> Self {
        let (behind, queue) = mpsc::channel(MOST_BEHIND);
        let trouble = Arc::new(ArcSwapOption::empty());
        let writer = Writer { log: log.clone(), store: store.clone(), trouble: trouble.clone() };
        tokio::spawn(writer.run(queue));
        Self { log, store, behind, trouble }
    }

    /// The log.
    pub fn log(&self) -> &audit::Log {
        &self.log
    }

    /// Why the database takes nothing, if it does not: then nothing may be done.
    pub fn trouble(&self) -> Option<Arc<String>> {
        self.trouble.load_full()
    }

    /// Waits until everything recorded before can be read in the database.
    ///
    /// # Errors
    /// [`CaseError::Log`] when the database does not take it, [`CaseError::Stopping`].
    pub async fn settle(&self) -> Result<(), CaseError> {
        let refused = |reason: &str| CaseError::Log(format!("the database cannot be written: {reason}"));
        if let Some(reason) = self.trouble() {
            return Err(refused(&reason));
        }
        let settling = async {
            let (done, settled) = oneshot::channel();
            self.behind.send(Behind::Settle(done)).await.map_err(|_| CaseError::Stopping)?;
            settled.await.map_err(|_| CaseError::Stopping)
        };
        let settled = tokio::time::timeout(SETTLE_LIMIT, settling).await;
        settled.unwrap_or_else(|_| Err(refused("it takes too long")))
    }

    /// Waits until everything recorded before is in the database and nothing of it rides in the log's journal any more: what
    /// is destroyed in the database after that does not come back from there when a crash has the journal replayed.
    ///
    /// # Errors
    /// [`CaseError::Log`] when the journal cannot be turned; [`CaseError::Stopping`].
    pub async fn clear(&self) -> Result<(), CaseError> {
        self.settle().await?;
        let log = self.log.clone();
        aside(move || log.clear_journal()).await??;
        Ok(())
    }

    /// Keeps rows as soon as the database takes them.
    pub(crate) async fn keep_behind(&self, rows: Vec<store::Kept>) {
        // Only when the host stops is nobody there to take them.
        let _ = self.behind.send(Behind::Rows(rows)).await;
    }

    /// Makes an entry durable, and with it what the step leaves behind.
    pub(crate) async fn append(
        &self,
        written: &Written,
        mut kept: Vec<store::Kept>,
    ) -> Result<audit::Appended, Unrecorded> {
        if let Some(reason) = self.trouble() {
            return Err(CaseError::Log(format!("the database cannot be written: {reason}")).into());
        }
        kept.push(written.account());
        let rider = self.store.pack(&kept).map_err(CaseError::from)?;
        let leaf = written.leaf.clone();
        // From here on to the end, cancelled or not: an entry whose rows nobody writes would stay in the journal.
        let this = self.clone();
        let appending = tokio::spawn(async move {
            let appended = this.log.append_with(leaf, rider).await?;
            let entry = Behind::Entry { index: appended.index, kept };
            this.behind.send(entry).await.map_err(|_| Unrecorded::IN_DOUBT)?;
            Ok(appended)
        });
        appending.await.map_err(|_| Unrecorded::IN_DOUBT)?
    }
}

/// Why an entry is not on record.
pub(crate) struct Unrecorded {
    pub(crate) error: CaseError,
    /// Whether the next start may find it in the log all the same.
    pub(crate) doubtful: bool,
}

impl Unrecorded {
    /// Whoever was writing it is gone.
    const IN_DOUBT: Self = Self { error: CaseError::Stopping, doubtful: true };
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

/// Brings what rides on a log's journal into the database: what a crash kept from it. What is there already stays.
///
/// # Errors
/// When the database cannot be written; then the log must stay closed.
pub async fn replay(prepared: &audit::Prepared, store: &store::Jurisdiction) -> Result<(), CaseError> {
    for chunk in prepared.riders().chunks(MOST_AT_ONCE) {
        let mut kept = Vec::with_capacity(chunk.len());
        for (_, rider) in chunk {
            kept.extend(store.unpack(rider)?);
        }
        store.keep(&kept).await?;
    }
    Ok(())
}

/// The task that writes to the database behind the log.
struct Writer {
    log: audit::Log,
    store: store::Jurisdiction,
    trouble: Arc<ArcSwapOption<String>>,
}

impl Writer {
    async fn run(self, mut queue: mpsc::Receiver<Behind>) {
        let (mut kept, mut indices, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(first) = queue.recv().await {
            let mut next = Some(first);
            let until = tokio::time::Instant::now() + GATHER;
            while let Some(item) = next.take() {
                match item {
                    Behind::Entry { index, kept: rows } => {
                        indices.push(index);
                        kept.extend(rows);
                    }
                    Behind::Rows(rows) => kept.extend(rows),
                    Behind::Settle(done) => waiting.push(done),
                }
                if indices.len() >= MOST_AT_ONCE {
                    break;
                }
                next = if waiting.is_empty() {
                    tokio::time::timeout_at(until, queue.recv()).await.ok().flatten()
                } else {
                    // Somebody waits: what is there goes at once.
                    queue.try_recv().ok()
                };
            }
            self.write(&kept).await;
            kept.clear();
            indices.drain(..).for_each(|index| self.log.release(index));
            for done in waiting.drain(..) {
                // Whoever stopped waiting does not need to know.
                let _ = done.send(());
            }
        }
    }

    /// Writes until it has worked. Meanwhile nothing new is accepted, and the journal holds what waits.
    async fn write(&self, kept: &[store::Kept]) {
        while let Err(e) = self.store.keep(kept).await {
            if self.trouble.swap(Some(Arc::new(e.to_string()))).is_none() {
                tracing::error!(log = self.log.origin(), %e, "the database cannot be written: every step is refused");
            }
            tokio::time::sleep(RETRY).await;
        }
        if self.trouble.swap(None).is_some() {
            tracing::warn!(log = self.log.origin(), "the database can be written again");
        }
    }
}

/// Records one entry in each of these ledgers, and returns when it is durable in all of them. `rows` go into the last one's
/// store, together with the account: what the step leaves behind is there if and only if its account is. So does the link by
/// which an entry of a request's life is found again.
///
/// # Errors
/// [`CaseError::Log`] when it is not: then nothing may be done. Where one log took it and a later one did not, the message says
/// so; that nothing came of it is recorded where it stands.
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
    if let Some(request) = &entry.subject.request {
        rows.push(store::Kept::Entry { request: request.clone(), entry: id.clone() });
    }
    let written = Written::of(id, entry)?;
    let mut places = Vec::with_capacity(ledgers.len());
    let mut rows = Some(rows);
    for (i, ledger) in ledgers.iter().enumerate() {
        let kept = if i + 1 == ledgers.len() { rows.take().unwrap_or_default() } else { Vec::new() };
        match ledger.append(&written, kept).await {
            Ok(appended) => places.push((ledger.log.clone(), appended)),
            Err(unrecorded) => {
                if let [first, .., last] = ledgers
                    && places.is_empty()
                    && unrecorded.doubtful
                {
                    torn::mark(first, last, &written).await;
                }
                let indices = places.iter().map(|(_, appended)| appended.index);
                let standing: Vec<_> = ledgers.iter().copied().zip(indices).collect();
                // In a box of its own: no step that succeeds has to make room for it.
                return Err(Box::pin(torn::told(&standing, ledger, &written, unrecorded)).await);
            }
        }
    }
    let Written { id, leaf, .. } = written;
    Ok(Recorded { id, leaf, places })
}

/// An entry as it goes into each of its logs.
pub(crate) struct Written {
    pub(crate) id: String,
    leaf: Vec<u8>,
    salt: [u8; 32],
    /// The account that the leaf commits to.
    pub(crate) plain: Vec<u8>,
}

impl Written {
    pub(crate) fn of(id: String, entry: Entry) -> Result<Self, CaseError> {
        let (phase, verdict, policies) = entry.judged();
        let (kind, at, of) = (entry.kind, entry.at, entry.of.clone());
        let account = Account {
            id: id.clone(),
            who: entry.who,
            at,
            case: entry.subject.case,
            purpose: entry.subject.purpose,
            justification: entry.subject.justification,
            probe: entry.subject.probe,
            request: entry.subject.request,
            of: entry.of,
            event: entry.event,
        };
        let plain = serde_json::to_vec(&account).map_err(|e| CaseError::Log(e.to_string()))?;
        let mut salt = [0; 32];
        rand::rng().fill_bytes(&mut salt);
        let commitment = Digest(audit::commitment(&salt, &plain));
        let leaf = Leaf { v: 1, id: id.clone(), kind, at, phase, verdict, policies, of, account: commitment };
        let leaf = serde_json::to_vec(&leaf).map_err(|e| CaseError::Log(e.to_string()))?;
        Ok(Self { id, leaf, salt, plain })
    }

    /// The account as a row.
    fn account(&self) -> store::Kept {
        store::Kept::Account(store::AccountRow { id: self.id.clone(), salt: self.salt, plain: self.plain.clone() })
    }
}
