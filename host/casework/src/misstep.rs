//! Steps that do not fit where a request stands. Each says what would change it; each is on record, and changes nothing.

use model::terms::{Digest, Instant};

/// A step out of place.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misstep {
    /// Nobody has seen a list of candidates yet.
    #[error("no candidate list of this request has been shown: search, and open the list, first")]
    NotListed,
    /// Not a candidate of this request.
    #[error("record `{record}` is not on this request's candidate list: name records of the list as it was shown last")]
    Unlisted {
        /// The record.
        record: String,
    },
    /// A candidate that was not found possible.
    #[error(
        "record `{record}` was not found possible, and only such candidates leave: leave it out, or dispose of it anew"
    )]
    NotPossible {
        /// The record.
        record: String,
    },
    /// A candidate that is not in the gallery any more.
    #[error("record `{record}` is no longer in the gallery: leave it out")]
    Gone {
        /// The record.
        record: String,
    },
    /// A record named twice in one step.
    #[error("record `{record}` is named twice: name it once")]
    Twice {
        /// The record.
        record: String,
    },
    /// The result left already.
    #[error("the result was released at {at} and is not changed any more: open a new request")]
    Released {
        /// When.
        at: Instant,
    },
    /// Nothing left yet.
    #[error("the result has not been released: release it first")]
    NotReleased,
    /// Somebody signs in a role that is not theirs.
    #[error("`{person}` does not hold the role `{role}` now: sign in a role that you hold, or have it granted first")]
    NotTheirRole {
        /// Who.
        person: String,
        /// The role.
        role: String,
    },
    /// Somebody signs again.
    #[error("`{person}` signed at {at}, and nothing has changed since: have another person sign")]
    SignedAlready {
        /// Who.
        person: String,
        /// When.
        at: Instant,
    },
    /// A refusal to sign that says nothing.
    #[error("a refusal to sign says why: write down the reason")]
    RefusedWithoutReason,
    /// Signatures are missing.
    #[error("the result cannot be released yet: {}", .wanting.join("; "))]
    Unsigned {
        /// What is missing, one rule each.
        wanting: Vec<String>,
    },
    /// Candidates without a disposition.
    #[error("{} of the candidates have no disposition, and each needs one: say of `{}` what they are", .records.len(), .records.join("`, `"))]
    Undisposed {
        /// Which.
        records: Vec<String>,
    },
    /// Approvals or acknowledgements are outstanding.
    #[error("what earlier decisions demanded is still open: {}", .owed.join("; "))]
    Outstanding {
        /// Which, with the clause each comes from.
        owed: Vec<String>,
    },
    /// There is nothing a document could say.
    #[error("a document is demanded and nobody wrote down how the conclusion was reached: give the reasoning")]
    Unreasoned,
    /// A statement that no charter holds.
    #[error(
        "no charter concerned holds the statement `{id}`: name one that is listed under GET /v1/{{jurisdiction}}/charter"
    )]
    UnknownStatement {
        /// Its id.
        id: String,
    },
    /// A statement in other words than the charter's.
    #[error("the statement `{id}` is altered: it must be carried word for word, with the digest {digest}")]
    AlteredStatement {
        /// Its id.
        id: String,
        /// Digest of the charter's text.
        digest: Digest,
    },
    /// A statement left out.
    #[error(
        "the statement `{id}` is demanded and left out: carry it, or leave the list of statements away to carry all"
    )]
    MissingStatement {
        /// Its id.
        id: String,
    },
    /// Somebody acknowledges for somebody else.
    #[error("only the requester acknowledges a statement: have `{requester}` do it with their own certificate")]
    NotTheRequester {
        /// Who would have to.
        requester: String,
    },
    /// Nobody asked for it.
    #[error("nothing of this kind is open for `{of}`: GET /v1/{{jurisdiction}}/obligations lists what is")]
    NothingOwed {
        /// What it was said of.
        of: String,
    },
    /// Somebody completes what is another role's to do.
    #[error("this is for somebody who holds the role `{role}`: have one of them do it")]
    NotTheirTask {
        /// The role.
        role: String,
    },
    /// The release drew up no such document.
    #[error("the release drew up no document `{id}`: name one of `{}`", .drawn.join("`, `"))]
    UnknownDocument {
        /// What was named.
        id: String,
        /// What there is.
        drawn: Vec<String>,
    },
    /// Somebody suspended is not given access, nor suspended again.
    #[error("`{id}` is suspended since {since}: reinstate them, or withdraw their access")]
    Suspended {
        /// A person or an agency.
        id: String,
        /// Since when.
        since: Instant,
    },
    /// Somebody who is not suspended is reinstated.
    #[error("`{id}` is not suspended: there is nothing to reinstate")]
    NotSuspended {
        /// A person or an agency.
        id: String,
    },
    /// A policy revision that is in force, or was.
    #[error("the policy revision `{revision}` is in force or was superseded: put it forward anew")]
    NotPending {
        /// Its id.
        revision: String,
    },
    /// What the step needs was destroyed.
    #[error("the {subject} of this request was destroyed at {at}: open a new request")]
    Purged {
        /// What.
        subject: String,
        /// When.
        at: Instant,
    },
    /// There is nothing left of it.
    #[error(
        "the {subject} `{record}` was destroyed at {at}: there is nothing left of it to keep, carry off or destroy"
    )]
    Destroyed {
        /// What kind of record.
        subject: String,
        /// Which.
        record: String,
        /// When.
        at: Instant,
    },
    /// It is held as evidence.
    #[error("the {subject} `{record}` is held as evidence, all or in part: have the hold lifted first")]
    Held {
        /// What kind of record.
        subject: String,
        /// Which.
        record: String,
    },
    /// A decision demands that it stays for a time that is not over.
    #[error("{clause} demands that the {subject} is kept until {until}: purge it then")]
    KeptUntil {
        /// What kind of record.
        subject: String,
        /// The clause, with the jurisdiction whose it is.
        clause: String,
        /// Until when.
        until: Instant,
    },
    /// Part of the request's story was destroyed.
    #[error("entries of this request's life have been purged, so that it cannot be gone on with: open a new request")]
    Incomplete,
}
