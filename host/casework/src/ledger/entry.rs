//! An entry, and what it is once written: the account of what happened, and the leaf that commits to it.

use crate::error::CaseError;
use model::account::{Account, Event, Kind, Leaf, Who};
use model::combine::{PolicyRef, Rulings};
use model::subject::{Stated, Subject};
use model::terms::{Digest, Instant, Phase, Verdict};
use rand::RngCore as _;

/// What is said where an entry lacks something.
const NOT_IN_FULL: &str =
    "an entry lacks the purpose, reason or probe of its request, or the name or unit of who acts: it is not recorded";

/// What an entry is about, apart from who and when.
pub struct Entry {
    /// What kind.
    pub kind: Kind,
    /// Who.
    pub who: Who,
    /// When.
    pub at: Instant,
    /// The case it belongs to.
    pub subject: Subject,
    /// The entry this one answers.
    pub of: Option<String>,
    /// What happened.
    pub event: Event,
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

    /// Whether it says all that the directives demand of what happens to a request: which, in full, and who acts, by name and
    /// unit. The steps have it in their types, [`OfRequest`](model::subject::OfRequest) and
    /// [`Registered`](crate::chamber::Registered); no entry that goes past those gets past this. A look at a request whose entries
    /// have been purged names it and no more: what they said is not to be said again.
    fn is_in_full(&self) -> bool {
        let named = [&self.who.name, &self.who.unit].iter().all(|text| !text.trim().is_empty());
        let told = match (&self.subject, &self.event) {
            (Subject::Request(_), _) | (Subject::About(_), Event::Viewed) => true,
            (Subject::Incomplete(_) | Subject::About(_) | Subject::Apart, _) => false,
        };
        !happens_to_a_request(&self.event) || (named && told)
    }
}

/// Whether this is done with a request that was permitted, and with nothing else.
fn happens_to_a_request(event: &Event) -> bool {
    match event {
        Event::Decision { rulings, .. } => matches!(
            rulings.phase,
            Phase::Search
                | Phase::Candidates
                | Phase::Disposition
                | Phase::SignOff
                | Phase::Release
                | Phase::Disseminate
                | Phase::Outcome
        ),
        event => matches!(
            event,
            Event::Opened
                | Event::Searched { .. }
                | Event::Viewed
                | Event::Disposed { .. }
                | Event::Signed { .. }
                | Event::Acknowledged { .. }
                | Event::Released { .. }
                | Event::Disseminated { .. }
                | Event::Reported { .. }
        ),
    }
}

/// The account that a row of the database holds.
///
/// # Errors
/// [`CaseError::Unreadable`].
pub(crate) fn account_in(row: &store::AccountRow) -> Result<Account, CaseError> {
    serde_json::from_slice(&row.plain)
        .map_err(|e| CaseError::Unreadable(format!("the account of entry `{}`: {e}; restore the database", row.id)))
}

/// An entry as it goes into each of its logs.
pub(crate) struct Written {
    pub(crate) id: String,
    pub(super) leaf: Vec<u8>,
    salt: [u8; 32],
    /// The account that the leaf commits to.
    pub(crate) plain: Vec<u8>,
}

impl Written {
    /// The entry under this id.
    ///
    /// # Errors
    /// [`CaseError::Fault`] for one that does not say what it has to.
    pub(crate) fn of(id: String, entry: Entry) -> Result<Self, CaseError> {
        if !entry.is_in_full() {
            return Err(CaseError::Fault(NOT_IN_FULL.to_owned()));
        }
        let (phase, verdict, policies) = entry.judged();
        let (kind, at, of) = (entry.kind, entry.at, entry.of.clone());
        let Stated { case, purpose, justification, probe, request, lacking } = entry.subject.into();
        let account = Account {
            id: id.clone(),
            who: entry.who,
            at,
            case,
            purpose,
            justification,
            probe,
            request,
            lacking,
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
    pub(super) fn account(&self) -> store::Kept {
        store::Kept::Account(store::AccountRow { id: self.id.clone(), salt: self.salt, plain: self.plain.clone() })
    }
}
