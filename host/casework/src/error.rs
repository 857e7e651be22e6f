//! Why a step was not taken. Every variant says whether anything was recorded, and what would change the answer.

use crate::awaited::Waits;
use crate::ledger::Receipt;
use crate::misstep::Demanded;
pub use crate::misstep::Misstep;
pub use face::Face;
use model::combine::Rulings;
use std::fmt;
use std::ops::Deref;
pub use store::StoreError;

/// A step that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The policies denied it, or want to be told more. Recorded.
    #[error("{} by policy", match .rulings.verdict() { model::terms::Verdict::Pend => "more is needed", _ => "denied" })]
    Refused {
        /// Who ruled what.
        rulings: Box<Rulings>,
        /// Where it is recorded.
        receipt: Option<Box<Receipt>>,
    },
    /// The policies permitted it, and it has no effect until others have done their part. Recorded.
    #[error("{0}")]
    Waits(Box<Waits>),
    /// The asker may not even ask this. Recorded.
    #[error("{0}")]
    Rejected(Rejection),
    /// The step does not fit where the request stands. Recorded, where the receipt says; nothing was changed.
    #[error("{0}")]
    OutOfPlace(Misstep, Option<Box<Receipt>>),
    /// A document is demanded and nothing draws documents up.
    #[error(
        "the document `{0}` is demanded, and this host is not set up to draw documents up: configure it, and take the step again"
    )]
    NoDraughting(String),
    /// A document could not be drawn up. Recorded; nothing left.
    #[error("the document `{document}` could not be drawn up, so nothing left: {reason}")]
    Draught {
        /// The document.
        document: String,
        /// Why not.
        reason: String,
    },
    /// A policy revision is of another policy than the one in force. Nothing was changed.
    #[error(
        "the component is of the policy `{proposed}`, and `{in_force}` is in force here: put forward a revision of that one"
    )]
    OtherPolicy {
        /// What its charter calls itself.
        proposed: String,
        /// What the one in force does.
        in_force: String,
    },
    /// A policy revision cannot be loaded, kept or pinned. Nothing was changed.
    #[error("{0}")]
    Policy(String),
    /// Nothing examines and keeps policy revisions.
    #[error("this host is not set up to take policy revisions: it knows no policy folder of this jurisdiction")]
    NoChancery,
    /// Something named does not exist.
    #[error("there is no {kind} `{id}`{hint}")]
    Unknown {
        /// `jurisdiction`, `gallery`, `person`, `request`, …
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// Where to look, starting with a semicolon; or empty.
        hint: &'static str,
    },
    /// The log no longer holds the entries asked for.
    #[error("{0}")]
    Pruned(String),
    /// What was sent cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// It is there already.
    #[error("{0}")]
    Exists(String),
    /// The photograph shows several faces: which one?
    #[error("the photograph shows {} faces: say which one, by its number from 0", .0.len())]
    SeveralFaces(Vec<face::Face>),
    /// The photograph cannot be used.
    #[error(transparent)]
    Photograph(#[from] face::FaceError),
    /// The photograph of a record to enrol cannot be used.
    #[error("record `{record}`: {reason}")]
    PhotographOf {
        /// The record.
        record: String,
        /// Why not.
        reason: face::FaceError,
    },
    /// No model is configured, so photographs cannot be read.
    #[error(
        "no face model is configured, so photographs cannot be read: set [faces] detector and embedder in magistrate.toml, or send a template from your own engine"
    )]
    NoFaceModel,
    /// The clock cannot be trusted, so nothing can be decided.
    #[error(transparent)]
    Clock(#[from] crate::clock::ClockError),
    /// The log cannot be written, so nothing is done.
    #[error("the audit log cannot be written, so nothing was done: {0}")]
    Log(String),
    /// The database cannot be written, so nothing is done.
    #[error("the database cannot be written, so nothing was done: {0}")]
    Unwritten(String),
    /// Something on record cannot be read: a file of the log, a row of the database. It says which, and what to do.
    #[error("what is on record cannot be read: {0}")]
    Unreadable(String),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Store(store::StoreError),
    /// A gallery's file on disk cannot be used.
    #[error(
        "the gallery's file cannot be used, and may still hold what was to be removed: {0}; free or repair the disk and repeat the step"
    )]
    Gallery(String),
    /// A gallery's file was found damaged. Nothing is searched until the gallery is loaded again from the database.
    #[error(
        "gallery `{gallery}` is damaged on its disk and is loaded again from the database: search again in a while"
    )]
    Mending {
        /// The gallery.
        gallery: String,
    },
    /// The record cannot be written to portable media; says so if something of it could not be removed from there.
    #[error("the record was not exported: {0}")]
    Media(String),
    /// Something that was destroyed can still be read. Recorded.
    #[error("{0} was destroyed and can still be read: repair the database, then purge it again")]
    Unerased(String),
    /// What would be put on record is more than an entry holds. Nothing was done.
    #[error("what would be on record of this step has {bytes} bytes, and an entry holds {most}: say less at once; nothing was done", most = audit::MAX_RIDER_BYTES)]
    TooLarge {
        /// How much it is, packed.
        bytes: usize,
    },
    /// The host's own fault: what it keeps cannot be read, or work of its own broke off.
    #[error("the host failed: {0}")]
    Fault(String),
    /// Entries that were to go from the log are not all gone. Recorded.
    #[error("the log is not pruned to its end: {0}; repair that, and this host goes on with it by itself")]
    Unpruned(String),
    /// Another host may have taken over what this one was at, so nothing may be decided.
    #[error(
        "the database did not let this host hold on to what it is at, and another may be at it by now: nothing was done; see that the database can be reached, and repeat the step"
    )]
    Lapsed,
    /// The host broke off.
    #[error("the host is stopping; nothing was done")]
    Stopping,
}

impl CaseError {
    /// The same of the photograph of this record of a batch.
    pub(crate) fn of_record(self, record: &str) -> Self {
        match self {
            Self::Photograph(reason) => Self::PhotographOf { record: record.to_owned(), reason },
            Self::Invalid(reason) => Self::Invalid(format!("record `{record}`: {reason}")),
            other => other,
        }
    }
}

impl From<store::StoreError> for CaseError {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Exists { id } => Self::Exists(format!("`{id}` is there already: choose another id")),
            store::StoreError::Damaged { .. } => Self::Unreadable(error.to_string()),
            other => Self::Store(other),
        }
    }
}

/// Why somebody may not even ask, by which clauses where it follows from a decision, and where that is recorded.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    reason: String,
    demanded: Vec<Demanded>,
    receipt: Option<Box<Receipt>>,
}

impl Rejection {
    /// One that follows from these clauses, and is not on record yet.
    pub(crate) fn under(reason: String, demanded: Vec<Demanded>) -> Self {
        Self { reason, demanded, receipt: None }
    }

    /// The same after these words, and on record nowhere.
    pub(crate) fn after(&self, so: &str) -> Self {
        Self::under(format!("{so}{}", self.reason), self.demanded.clone())
    }

    /// The same, on record there.
    pub(crate) fn recorded(self, receipt: Option<Receipt>) -> Self {
        Self { receipt: receipt.map(Box::new), ..self }
    }

    /// The same without where it is on record, for whoever is not to know.
    pub(crate) fn without_receipt(self) -> Self {
        Self { receipt: None, ..self }
    }

    /// The clauses it follows from: those on which whoever may not act was suspended. None where no decision says so.
    pub fn demanded(&self) -> &[Demanded] {
        &self.demanded
    }

    /// Where it is recorded, if it is.
    pub fn into_receipt(self) -> Option<Box<Receipt>> {
        self.receipt
    }
}

/// Of one that is not on record, or not to be shown there.
impl From<String> for Rejection {
    fn from(reason: String) -> Self {
        Self::under(reason, vec![])
    }
}

impl From<&str> for Rejection {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl Deref for Rejection {
    type Target = str;

    fn deref(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<Misstep> for CaseError {
    fn from(misstep: Misstep) -> Self {
        Self::OutOfPlace(misstep, None)
    }
}

impl CaseError {
    /// The same where what came of the step is recorded there.
    pub(crate) fn recorded(self, receipt: Option<Receipt>) -> Self {
        match self {
            Self::OutOfPlace(misstep, _) => Self::OutOfPlace(misstep, receipt.map(Box::new)),
            other => other,
        }
    }
}

impl From<audit::AppendError> for CaseError {
    fn from(error: audit::AppendError) -> Self {
        Self::Log(error.to_string())
    }
}

impl From<audit::ReadError> for CaseError {
    fn from(error: audit::ReadError) -> Self {
        match error {
            audit::ReadError::Pruned { .. } => Self::Pruned(error.to_string()),
            other => Self::Unreadable(format!("the audit log: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_from_what_cannot_be_written() {
        let damaged = || store::StoreError::Damaged { table: "account", id: "e1".into(), reason: "altered".into() };
        let told = CaseError::from(damaged()).to_string();
        assert!(told.contains("cannot be read") && told.contains("restore it from a backup"), "{told}");
        assert!(!told.contains("cannot be written") && !told.contains("audit log"), "{told}");
        assert!(matches!(CaseError::from(store::StoreError::Conflict), CaseError::Store(_)));
        let exists = CaseError::from(store::StoreError::Exists { id: "r1".into() });
        assert!(matches!(&exists, CaseError::Exists(_)) && !exists.to_string().contains("database"), "{exists}");
        let read = CaseError::from(audit::ReadError::Proof("a reason".into())).to_string();
        assert!(read.contains("cannot be read: the audit log") && !read.contains("nothing was done"), "{read}");
        let written = CaseError::from(audit::AppendError::Unwritable("no disk".into())).to_string();
        assert!(written.contains("the audit log cannot be written, so nothing was done"), "{written}");
        let unwritten = CaseError::Unwritten("no disk".into()).to_string();
        assert!(unwritten.contains("the database cannot be written, so nothing was done"), "{unwritten}");
        assert!(!unwritten.contains("audit log"), "one of the two: {unwritten}");
        let pruned = CaseError::from(audit::ReadError::Pruned { index: 1, minimum: 2 });
        assert!(matches!(pruned, CaseError::Pruned(_)));
    }

    #[test]
    fn a_reason_that_is_told_is_said_once() {
        let error = CaseError::from(store::StoreError::Conflict);
        assert_eq!(error.to_string(), format!("the database cannot be used: {}", store::StoreError::Conflict));
        assert!(std::error::Error::source(&error).is_none(), "whoever prints causes, too, would repeat it");
        let photograph = CaseError::from(face::FaceError::NoFace).of_record("r1");
        assert!(photograph.to_string().starts_with("record `r1`: image shows no face"), "{photograph}");
        assert!(std::error::Error::source(&photograph).is_none());
    }
}
