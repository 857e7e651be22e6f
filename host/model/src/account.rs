//! What an entry of the audit log says, and what it commits to.
//!
//! An entry has two parts. The [`Leaf`] goes into the Merkle log, is public to auditors of any kind and can never be
//! taken back, so it holds nothing personal. The [`Account`] holds who, why and what; the leaf commits to it by a salted
//! hash, it lives encrypted in the database, and destroying its key purges it without breaking the log. It is the form in
//! which an entry is written and read, field by field, whatever it says. What St. Louis E.2 and Detroit 7(9) demand of the
//! entries of a request is in the types that they are made from: see [`subject`](crate::subject).

use crate::combine::{PolicyRef, Rulings};
use crate::facts::{AccessChange, Dissemination, Identifier, Likeness, Matter, Period, Signature, StatementShown};
use crate::filter::Conditions;
use crate::registry::{Agency, Concluded, Particulars, Person};
use crate::role::Held;
use crate::rulings::{ClauseId, Duty};
use crate::subject::Lacking;
use crate::terms::{Date, Digest, Field, Holder, Instant, Phase, Verdict};
use serde::{Deserialize, Serialize};

/// What kind of thing an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A step was decided and permitted, and is about to be taken.
    Intent,
    /// A step was decided and not permitted.
    Refusal,
    /// What came of an intended step.
    Outcome,
    /// Something was asked for that no policy was asked about: a request outside the asker's jurisdiction or role.
    Rejection,
    /// Somebody looked at the log itself, or at a request's life.
    Look,
    /// Somebody did what an earlier decision obliged them to, and no policy had to be asked about it.
    Fulfilment,
    /// Somebody put a policy revision forward, or signed for or against one.
    Proposal,
    /// The host did something of its own: started, loaded a registry, stopped.
    Host,
}

/// The public part of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Format version: 1.
    pub v: u8,
    /// Unique id of the entry.
    pub id: String,
    /// What it records.
    pub kind: Kind,
    /// When, to the millisecond.
    pub at: Instant,
    /// The phase, for a judged step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The verdict, for a judged step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyRef>,
    /// The entry this one answers: the intent of an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Salted commitment to the account.
    pub account: Digest,
}

/// Whoever an entry is about: name and unit as they were then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The jurisdiction whose registry lists them; the host itself where it acts on its own.
    pub jurisdiction: String,
    /// Person id.
    pub person: String,
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Agency id.
    pub agency: String,
}

impl Who {
    /// As policies are told of them: `home/person`, as [`Principal`](crate::registry::Principal) writes it.
    pub fn key(&self) -> String {
        format!("{}/{}", self.jurisdiction, self.person)
    }
}

/// The personal part of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The entry's id, as in the leaf.
    pub id: String,
    /// Identity and unit of the user (STL E.2.a, DET 7(9)a).
    pub who: Who,
    /// Date and time (STL E.2.d, DET 7(9)b).
    pub at: Instant,
    /// Case numbers and other identifiers (DET 7(9)c).
    pub case: Vec<Identifier>,
    /// Purpose (STL E.2.a).
    pub purpose: String,
    /// Reason, in the requester's words (STL E.2.c, DET 7(9)d).
    pub justification: String,
    /// Digest of the probe used (STL E.2.b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Digest>,
    /// The request, within a request's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What had to be said of the case and was not: then nothing was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Lacking>,
    /// The entry this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What happened.
    pub event: Event,
}

/// What an examiner said of one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposed {
    /// The gallery record.
    pub record_id: String,
    /// What it was found to be.
    pub likeness: Likeness,
    /// How they came to it.
    pub reason: String,
}

/// A document drawn up for a release, by the digests of its two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its id, as the policy demanded it.
    pub id: String,
    /// Digest of the HTML.
    pub html: Digest,
    /// Digest of the PDF.
    pub pdf: Digest,
}

/// Something that stays for a time, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retained {
    /// What kind of record: `gallery-record`, `probe`, `audit-entry`, or the id of a document.
    pub subject: String,
    /// The gallery, of a record in one; of audit entries the origin of their log, as the host fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gallery: Option<String>,
    /// Which record: of a gallery, its id there; of a probe or document, the request; of audit entries, their indices.
    pub record: String,
}

/// Something that was destroyed, and the key to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destroyed {
    /// What: `template`, `booking`, `photograph`, `probe`, `document`, `account`.
    pub what: String,
    /// Which: of an account, the entry it belonged to.
    pub id: String,
    /// The sha-256 of an image or document; of nothing that could be guessed from its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A file that was written to portable media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Its name in the folder.
    pub name: String,
    /// The sha-256 of its bytes.
    pub sha256: Digest,
    /// How many.
    pub bytes: u64,
}

/// One form of a report that was drawn up, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendering {
    /// The form, as its file ends: `pdf`, say.
    pub form: String,
    /// Digest of its bytes.
    pub digest: Digest,
}

/// Something that a permitted step waits for: somebody's approval, or an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awaited {
    /// The jurisdiction whose policy demands it.
    pub jurisdiction: String,
    /// The clause it comes from.
    pub clause: ClauseId,
    /// What has to be done, and by whom.
    pub duty: Duty,
}

/// What an entry records, in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Event {
    /// A decision with all that was told to the policies.
    Decision {
        /// What the policies were told, one matter each.
        matters: Vec<Matter>,
        /// What they ruled.
        rulings: Rulings,
    },
    /// A request was opened.
    Opened,
    /// Records were enrolled.
    Enrolled {
        /// The gallery.
        gallery: String,
        /// Record ids.
        records: Vec<String>,
        /// The statuses of those that are not active, by record.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        statuses: std::collections::BTreeMap<String, String>,
        /// The gallery's generation afterwards.
        generation: u64,
    },
    /// A search ran.
    Searched {
        /// The gallery: `jurisdiction/id`.
        gallery: String,
        /// Its generation.
        generation: u64,
        /// The digest of what it held: see [`multiset`](crate::multiset).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// What the records searched had to be; without conditions, all were.
        #[serde(default, skip_serializing_if = "Conditions::is_empty")]
        filter: Conditions,
        /// Rows compared.
        rows: u64,
        /// Rows whose score was computed exactly to be sure; absent in entries of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reranked: Option<u64>,
        /// How far any row's score may be from the estimate by which rows were excluded, in billionths and rounded up; absent
        /// in entries of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bound_billionths: Option<u64>,
        /// Record ids found, by rank.
        found: Vec<String>,
    },
    /// Somebody looked at a request's life. A look at its candidates is a decision of its own.
    Viewed,
    /// An examiner said of candidates what they are. What was said of the same candidates before no longer counts.
    Disposed {
        /// What was said, one candidate each.
        dispositions: Vec<Disposed>,
    },
    /// Somebody signed, or refused to.
    Signed {
        /// The signature, as the policies were told of it.
        signature: Signature,
        /// Why they refuse, or whatever else they wrote beside it.
        reason: String,
    },
    /// The requester acknowledged a statement.
    Acknowledged {
        /// The jurisdiction whose statement it is; empty in entries that do not say, which settle nothing any more.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        jurisdiction: String,
        /// The statement's id in the charter.
        statement: String,
        /// Digest of the text acknowledged.
        text_digest: Digest,
    },
    /// A result left the examining unit.
    Released {
        /// The gallery records that leave.
        candidates: Vec<String>,
        /// How the conclusion was reached, in the releaser's words.
        reasoning: String,
        /// The statements it carries.
        statements: Vec<StatementShown>,
        /// The documents drawn up.
        documents: Vec<Document>,
    },
    /// A released result was handed to one recipient.
    Disseminated {
        /// To whom, and how.
        handed: Dissemination,
        /// The gallery records handed over.
        candidates: Vec<String>,
        /// The document handed over; absent where the release drew up none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<Document>,
        /// The form's answers: a number, a witness.
        answers: Vec<Field>,
    },
    /// What became of a result was reported.
    Reported {
        /// The form's answers.
        answers: Vec<Field>,
    },
    /// A report was drawn up. The entry's id is the report's.
    Drawn {
        /// Which, and of what period.
        period: Period,
        /// Its title.
        title: String,
        /// Whether it is published.
        public: bool,
        /// The forms it was set out in.
        renderings: Vec<Rendering>,
    },
    /// A notice was delivered, to all or to some.
    Notified {
        /// The obligation; it is met where all are reached.
        obligation: String,
        /// The offices and people it is for.
        to: Vec<String>,
        /// How it was delivered.
        channel: String,
        /// The addresses it was delivered to.
        recipients: Vec<String>,
        /// Whom it does not reach, and why: the obligation stays open until they are reached.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreached: Vec<String>,
        /// The message's id.
        message: String,
        /// When it was delivered.
        delivered: Instant,
    },
    /// A notice could not be delivered, and will be tried again.
    Undelivered {
        /// The obligation it should have met.
        obligation: String,
        /// Why it could not.
        reason: String,
    },
    /// An obligation was not met in time. It stays to be met.
    Overdue {
        /// The obligation.
        obligation: String,
        /// The clause it comes from.
        clause: String,
        /// When it was due.
        due: Instant,
        /// What has to be done because of that: who is told. Absent in entries of older programs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        demands: Vec<Awaited>,
    },
    /// Somebody did what an obligation asked of them.
    Completed {
        /// The obligation.
        obligation: String,
        /// What they did, in their words.
        note: String,
    },
    /// An obligation was set aside before it was met.
    Waived {
        /// The obligation.
        obligation: String,
        /// The clause it comes from.
        clause: String,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// Something that bears on how long a record stays was said of it.
    Retention {
        /// What: `notice`, `hold`, `lift`, `extend`, `seal` or `unseal`.
        change: String,
        /// Of which record.
        record: Retained,
        /// The jurisdiction whose decisions' holds alone are lifted; absent where it is the one that keeps the record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
        /// Whether it has no effect yet, because others have to approve of it.
        pending: bool,
        /// The day of the notice, or up to which day the record stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day: Option<Date>,
        /// Of an extension that has an effect, the end of its day where the jurisdiction is; absent in entries of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Instant>,
        /// The form's answers: a basis, reasons.
        answers: Vec<Field>,
    },
    /// A record was written to portable media.
    Exported {
        /// The record.
        record: Retained,
        /// The folder on the medium.
        folder: String,
        /// The sha-256 of the manifest in it.
        manifest: Digest,
        /// The files in it.
        files: Vec<Written>,
        /// The form's answers: the medium, who has custody of it.
        answers: Vec<Field>,
    },
    /// A record was destroyed, and the keys to it; reading it back has found nothing.
    Purged {
        /// The record.
        record: Retained,
        /// What of it there was.
        destroyed: Vec<Destroyed>,
        /// Documents with it in them that releases drew up, and that are still kept.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_in: Vec<Retained>,
    },
    /// The oldest entries were pruned from the log, and their accounts destroyed.
    Pruned {
        /// Which were to go.
        record: Retained,
        /// The first entry that the log keeps.
        minimum: u64,
        /// How many went.
        entries: u64,
    },
    /// A person's or an agency's access was changed.
    AccessChanged {
        /// What was done.
        change: AccessChange,
        /// To a person or an agency.
        whose: Holder,
        /// Which: an id of the registry.
        id: String,
        /// The roles a person holds from now on, and how long.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        roles: Vec<Held>,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// A person was registered, with the roles they hold from now on.
    PersonRegistered {
        /// As registered.
        person: Person,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// Something was put on record of a person, with a review of their access.
    PersonRecorded {
        /// Who.
        id: String,
        /// What.
        particulars: Particulars,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// An agency was registered. Its requests are let in from now on.
    AgencyRegistered {
        /// As registered.
        agency: Agency,
        /// What else is known of its agreements.
        agreements: Vec<Concluded>,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// An agreement with an agency was put on record. Its requests are let in from now on.
    AgreementRecorded {
        /// The agency.
        agency: String,
        /// The agreement.
        agreement: Concluded,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// An agreement with an agency was ended, and its requests suspended.
    AgreementEnded {
        /// The agency.
        agency: String,
        /// The agreement's id.
        agreement: String,
        /// Its last day in force.
        last: Date,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// The host suspended somebody because a decision demanded it.
    Suspended {
        /// A person or an agency.
        whose: Holder,
        /// Which: an id of the registry.
        id: String,
        /// Since when.
        since: Instant,
        /// The obligation this meets.
        obligation: String,
    },
    /// A violation was recorded.
    Violated {
        /// When it happened.
        happened: Instant,
        /// The form's answers.
        answers: Vec<Field>,
    },
    /// A policy revision was put forward.
    Proposed {
        /// Digest of the component.
        component: Digest,
        /// Digest of the settings.
        settings: Digest,
        /// What changes, in the words of whoever put it forward.
        note: String,
    },
    /// Somebody signed for or against a policy revision.
    Endorsed {
        /// Digest of the component.
        component: Digest,
        /// Digest of the settings.
        settings: Digest,
        /// The signature, as the policy in force is told of it.
        signature: Signature,
        /// Why they refuse, or whatever else they wrote beside it.
        reason: String,
    },
    /// A policy revision took effect.
    Activated {
        /// Digest of the component.
        component: Digest,
        /// Digest of the settings.
        settings: Digest,
        /// The same of the revision that was in force before, component first.
        before: (Digest, Digest),
        /// The obligations that are met with it; absent in entries of older programs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        meets: Vec<String>,
    },
    /// A permitted step has no effect, because others have to do their part first. Whoever takes it again is judged afresh.
    Waits {
        /// What they have to do.
        awaited: Vec<Awaited>,
    },
    /// An intended act failed and changed nothing.
    Failed {
        /// Why.
        reason: String,
    },
    /// Somebody asked for what they may not even ask.
    Rejected {
        /// What they asked for.
        asked: String,
        /// Why not.
        reason: String,
    },
    /// Somebody looked at log entries.
    Looked {
        /// First entry.
        first: u64,
        /// How many.
        count: u64,
    },
    /// Somebody had the log searched, or a part of it drawn, or read what was drawn from it, or was shown a list of what a
    /// jurisdiction keeps.
    Surveyed {
        /// What was asked for.
        asked: String,
        /// With which numbers and words.
        parameters: std::collections::BTreeMap<String, String>,
    },
    /// The host acted on its own.
    Host {
        /// What it did.
        act: String,
        /// Digests and numbers that go with it.
        details: std::collections::BTreeMap<String, String>,
    },
}
