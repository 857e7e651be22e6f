//! An entry, and what it is once written: the account of what happened, and the leaf that commits to it.

use crate::error::CaseError;
use model::account::{Account, Event, Kind, Leaf, Who};
use model::combine::{PolicyRef, Rulings};
use model::facts::Identifier;
use model::terms::{Digest, Instant, Phase, Verdict};
use rand::RngCore as _;

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

impl Subject {
    /// A request of which nothing else is told.
    pub(crate) fn of_request(request: Option<&str>) -> Self {
        Self { request: request.map(str::to_owned), ..Self::default() }
    }
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
    pub(super) fn account(&self) -> store::Kept {
        store::Kept::Account(store::AccountRow { id: self.id.clone(), salt: self.salt, plain: self.plain.clone() })
    }
}
