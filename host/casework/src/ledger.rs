//! An audit entry, made durable: the account in the database first, then the leaf that commits to it in the log.
//!
//! An account without a leaf is an orphan that nobody acted on; a leaf without its account would be a hole in the story.
//! Accounts of concurrent steps are written in one commit, as the log does with leaves.

use crate::error::CaseError;
use model::account::{Account, Event, Kind, Leaf, Who};
use model::combine::{PolicyRef, Rulings};
use model::facts::Identifier;
use model::terms::{Digest, Instant, Phase, Verdict};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Accounts written in one commit at most: bounds a transaction, far above the number of steps at one moment.
const MOST_AT_ONCE: usize = 256;

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

/// One jurisdiction's log with the accounts its leaves commit to.
#[derive(Clone)]
pub struct Ledger {
    log: audit::Log,
    accounts: mpsc::Sender<Waiting>,
}

struct Waiting {
    kept: Vec<store::Kept>,
    done: oneshot::Sender<Result<(), String>>,
}

impl Ledger {
    /// Starts the task that writes accounts and what goes with them; it ends with the last clone.
    pub fn new(log: audit::Log, store: store::Jurisdiction) -> Self {
        let (accounts, queue) = mpsc::channel(MOST_AT_ONCE * 4);
        tokio::spawn(write(store, queue));
        Self { log, accounts }
    }

    /// The log.
    pub fn log(&self) -> &audit::Log {
        &self.log
    }

    /// Returns once everything recorded before can be read in the database.
    ///
    /// # Errors
    /// [`CaseError::Log`] when it cannot.
    pub async fn settle(&self) -> Result<(), CaseError> {
        Ok(())
    }

    async fn keep(&self, kept: Vec<store::Kept>) -> Result<(), CaseError> {
        let (done, answer) = oneshot::channel();
        self.accounts.send(Waiting { kept, done }).await.map_err(|_| CaseError::Stopping)?;
        answer.await.map_err(|_| CaseError::Stopping)?.map_err(CaseError::Log)
    }
}

async fn write(store: store::Jurisdiction, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while queue.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let (kept, waiting): (Vec<_>, Vec<_>) = batch.drain(..).map(|w| (w.kept, w.done)).unzip();
        let written = store.keep(&kept.concat()).await.map_err(|e| e.to_string());
        for done in waiting {
            // Whoever stopped waiting has been cancelled; what was written is kept all the same.
            let _ = done.send(written.clone());
        }
    }
}

/// Records one entry in each of these ledgers, and returns when it is durable in all of them. `rows` go into the last one's
/// store, in the same commit as the account: what the step leaves behind is there if and only if its account is. So does the
/// link by which an entry of a request's life is found again.
///
/// # Errors
/// [`CaseError::Log`] when it is not: then nothing may be done.
pub async fn record(ledgers: &[&Ledger], entry: Entry, mut rows: Vec<store::Kept>) -> Result<Recorded, CaseError> {
    let id = model::terms::new_id();
    if let Some(request) = &entry.subject.request {
        rows.push(store::Kept::Entry { request: request.clone(), entry: id.clone() });
    }
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
    let mut places = Vec::with_capacity(ledgers.len());
    let mut rows = Some(rows);
    for (i, ledger) in ledgers.iter().enumerate() {
        let account = store::AccountRow { id: id.clone(), salt, plain: plain.clone() };
        let mut kept = if i + 1 == ledgers.len() { rows.take().unwrap_or_default() } else { Vec::new() };
        kept.push(store::Kept::Account(account));
        ledger.keep(kept).await?;
        places.push((ledger.log.clone(), ledger.log.append(leaf.clone()).await?));
    }
    Ok(Recorded { id, leaf, places })
}
