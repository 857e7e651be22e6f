//! What a policy is told: `interface facts` of `wit/policy.wit`.
//!
//! The host establishes every word of it, but for what only whoever asks can know. The contract lists that.

use crate::terms::{Date, Digest, Field, Holder, Instant, Phase};
use serde::{Deserialize, Serialize};

/// The host's clock, read once for the whole decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Now, UTC.
    pub now: Instant,
    /// Today, in the jurisdiction's time zone.
    pub today: Date,
    /// Day of the week of `today`: 1 = Monday to 7 = Sunday.
    pub weekday: u8,
    /// Minutes since local midnight.
    pub minute_of_day: u16,
}

/// One completed training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The curriculum's id in the registry.
    pub curriculum: String,
    /// The day it was completed.
    pub completed: Date,
    /// The first day on which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// What kind of device the client certificate was issued to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// A desk.
    Fixed,
    /// Carried or mounted in a vehicle.
    Mobile,
    /// A program; nobody sits in front of it.
    Service,
}

/// A human being as the registry knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// One per human being, whatever certificates they hold. Unique among the people of their agency's `home`, and not
    /// beyond.
    pub id: String,
    /// Display name.
    pub name: String,
    /// The organisational unit they are assigned to.
    pub unit: String,
    /// Rank or position.
    pub rank: String,
    /// Roles in force now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Completed trainings, expired ones included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trainings: Vec<Training>,
    /// The day the background check was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_checked: Option<Date>,
    /// The day the need for access was last reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_reviewed: Option<Date>,
    /// Whether their credential is bound to a second factor.
    pub multi_factor: bool,
    /// The kind of device they act from in this step.
    pub device: Device,
}

/// A formal agreement between an agency and the jurisdiction deciding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What it is called: a memorandum of understanding, say.
    pub kind: String,
    /// When it was signed.
    pub signed: Instant,
    /// First day in force.
    pub starts: Date,
    /// Last day in force; open-ended when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
    /// What it covers; empty means everything the policy allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}

/// What an agency is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgencyKind {
    /// `law-enforcement`.
    LawEnforcement,
    /// `prosecutor`.
    Prosecutor,
    /// `federal`.
    Federal,
    /// `other`.
    Other,
}

/// An agency as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// ORI where there is one.
    pub id: String,
    /// Display name.
    pub name: String,
    /// What it is.
    pub kind: AgencyKind,
    /// The jurisdiction whose policy governs this agency's people.
    pub home: String,
    /// Whether it contributes to and uses the shared gallery by standing arrangement.
    pub participant: bool,
    /// Agreements with the jurisdiction deciding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreements: Vec<Agreement>,
    /// Since when its requests are suspended by the jurisdiction deciding or, where it has not done so, by the agency's
    /// home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_since: Option<Instant>,
}

/// Answers that one person vouches for. The same question may be answered by several people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Who vouches: `home/person`, as [`Principal`](crate::registry::Principal) writes it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What they answered.
    pub answers: Vec<Field>,
}

/// A person acting for an agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Who.
    pub person: Person,
    /// For whom.
    pub agency: Agency,
}

/// Where the investigation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// `open`.
    Open,
    /// `active`.
    Active,
    /// `closed`.
    Closed,
}

/// A number or name that identifies the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// What kind of identifier: the forms' own vocabulary.
    pub kind: String,
    /// The identifier.
    pub value: String,
}

/// How the query came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initiator {
    /// A person pressed the button.
    Human,
    /// A program did: it says so, or the certificate is a program's.
    Automated,
}

/// The request as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The host's id.
    pub id: String,
    /// When it was received.
    pub opened: Instant,
    /// How it arrived: `api`, `console`, `phone`, `media`, …
    pub channel: String,
    /// A person or a program.
    pub initiator: Initiator,
    /// How many probes were submitted in the same action.
    pub batch_size: u32,
    /// The purpose, in the forms' vocabulary.
    pub purpose: String,
    /// The reason, in the requester's words.
    pub reason: String,
    /// Case, complaint, incident numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Where the investigation stands.
    pub case_status: CaseStatus,
}

/// What the submitted image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// A photograph.
    Still,
    /// A recording.
    Video,
    /// A live stream.
    LiveStream,
    /// Drawn by hand or software.
    Sketch,
    /// Generated, composited or rendered.
    Synthetic,
}

/// Where a still taken from a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Digest of the recording.
    pub recording: Digest,
    /// Frame number, from 0.
    pub number: u32,
}

/// One operation on the image before it was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// What was done.
    pub operation: String,
    /// By whom: a person id.
    pub by: String,
    /// Digest before.
    pub before: Digest,
    /// Digest after.
    pub after: Digest,
}

/// A quality score, in the manner of ISO/IEC 29794-5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// 0 (useless) to 100.
    pub score: u8,
    /// Which algorithm produced it.
    pub producer: String,
}

/// The probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Digest of the image bytes, or of the template where no image was submitted.
    pub digest: Digest,
    /// What the submission is.
    pub media: Media,
    /// Set for a still taken from a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// Where the image came from, in the forms' vocabulary.
    pub source: String,
    /// Faces found in the image; 1 where a vendor's template was submitted.
    pub faces: u32,
    /// The face selected, from 0 in the order they were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<u32>,
    /// Operations on the image so far, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Width in pixels; 0 where no image was submitted.
    pub width: u32,
    /// Height in pixels; 0 where no image was submitted.
    pub height: u32,
    /// Pixels between the eyes of the selected face.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inter_eye: Option<u32>,
    /// Quality, where whoever submitted it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// The gallery to be searched or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    /// Its id within the owner.
    pub id: String,
    /// The jurisdiction that owns it.
    pub owner: String,
    /// What it holds: `mugshot`, `licence`, `probe`, …
    pub class: String,
    /// Records in it.
    pub records: u64,
    /// The template model.
    pub model: String,
    /// When it was last compared with its contributors' holdings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scrubbed: Option<Date>,
}

/// What a signer concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// A candidate is an investigative lead.
    Lead,
    /// No candidate is.
    NoLead,
    /// What was put before them is approved.
    Approved,
    /// They refuse to sign.
    Refused,
}

/// One signature on the conclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Who signs: `home/person`, as [`Principal`](crate::registry::Principal) writes it.
    pub person: String,
    /// The role they signed in.
    pub role: String,
    /// Their unit when they signed.
    pub unit: String,
    /// What they concluded.
    pub conclusion: Conclusion,
    /// When.
    pub at: Instant,
    /// Whether they signed without seeing the earlier signatures.
    pub blind: bool,
}

/// Computed by the host from its own records, never sent by a client. It is empty where the step is about no request.
/// Searches are those that concern the deciding policy's jurisdiction, as the gallery's owner or as the requester's home,
/// and, for a home, at least those that the gallery's owner counts; the one about to run is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Searches permitted to the actor in the last hour.
    pub searches_by_person_last_hour: u32,
    /// Distinct probes of these.
    pub distinct_probes_by_person_last_hour: u32,
    /// Distinct probes searched under any of this request's identifiers.
    pub distinct_probes_in_case: u32,
    /// Searches permitted for this request.
    pub searches_of_request: u32,
    /// Those who opened the candidate list, oldest first: `home/person`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened_candidates: Vec<String>,
    /// Signatures on this request and approvals of it that count now, oldest first: what they were given for has not
    /// changed, and whoever gave them still holds the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// Candidates of this request's list, those withheld left out.
    pub candidates_returned: u32,
    /// Of these, how many have a disposition.
    pub candidates_disposed: u32,
    /// Of these, how many were found possible.
    pub candidates_possible: u32,
    /// Which they are: gallery records, by rank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<String>,
    /// Clauses of the obligations not yet met that the policy deciding has imposed on this request, or on the record
    /// that a step of the phase `retention` is about; those that only time meets left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_obligations: Vec<String>,
    /// When the result was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Instant>,
}

/// Booking photographs about to enter a gallery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Names of the booking fields that accompany them, as the host reads them off the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub booking_fields: Vec<String>,
    /// The statuses that they would have, each once: `active`, or another that the enroller gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<String>,
}

/// What the search is going to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchPlan {
    /// Candidates asked for; 0 where no number was.
    pub at_most: u32,
    /// Filters asked for, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Whether what is searched is the unedited original. Of an edited image it is never so: that its original was
    /// searched before is not looked for.
    pub original_searched_first: bool,
}

/// One row of the candidate list about to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// From 1.
    pub rank: u32,
    /// The gallery record.
    pub record_id: String,
    /// The record's status: `active`, `sealed`, …
    pub status: String,
    /// Names of the booking fields that would be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<String>,
}

/// What an examiner found a candidate to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// Possibly the person sought.
    Possible,
    /// Not the person sought.
    Excluded,
    /// The images do not allow a conclusion.
    Inconclusive,
}

/// What an examiner says of one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposition {
    /// The gallery record.
    pub record_id: String,
    /// What it was found to be.
    pub likeness: Likeness,
    /// Whether the reason is written down.
    pub reasoned: bool,
}

/// A statement about to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementShown {
    /// Its id in the charter.
    pub id: String,
    /// Digest of the text as it would leave.
    pub text_digest: Digest,
}

/// One candidate about to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selected {
    /// The gallery record.
    pub record_id: String,
    /// The record's status now: it may have changed since the list was shown.
    pub status: String,
}

/// What is about to be released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePlan {
    /// The statements the document carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementShown>,
    /// The candidates that would leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Selected>,
    /// Whether the reasoning behind the conclusion is written down.
    pub reasoning_given: bool,
}

/// One hand-over of a released result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dissemination {
    /// How.
    pub channel: String,
    /// To whom: a person id or name.
    pub recipient: String,
    /// For which agency.
    pub recipient_agency: String,
    /// What for.
    pub purpose: String,
    /// Whether the recipient is a designee of the requester.
    pub designee: bool,
    /// The candidates that would be handed over, as they are in the gallery now. Policies are told of them, and nobody
    /// else: of what was handed over the entry names the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Selected>,
}

/// Something that bears on how long a record stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionEvent {
    /// What kind of record: `gallery-record`, `probe`, `audit-entry`, or the id of a document.
    pub subject: String,
    /// What happens to it: `notice`, `hold`, `lift`, `extend`, `export`, `seal`, `unseal`, `purge`. That the log is pruned
    /// is told as a `purge` of its entries from 0 to the last that goes. What the host purges because it is due comes here
    /// as any other purge.
    pub kind: String,
    /// Which record: of a gallery, its id there; of a probe or document, the request; of audit entries, their indices.
    pub record_id: String,
    /// The agency it came from, where one is on record.
    pub origin: String,
    /// When it was recorded; of several, the youngest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Instant>,
    /// The earliest day on which the originating agency gave notice that it no longer keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<Date>,
    /// Whether it is held as evidence.
    pub held: bool,
    /// Up to the end of which day its retention was extended; in an `extend`, up to which day it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended: Option<Date>,
    /// When it was last written to portable media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<Instant>,
    /// The status of a gallery record before the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Documents with a gallery record in them that releases drew up, and that are still kept: how many.
    #[serde(default, skip_serializing_if = "none")]
    pub documents: u32,
}

fn none(number: &u32) -> bool {
    *number == 0
}

/// What is done to somebody's access, or what it amounts to that something is put on record of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessChange {
    /// They get it, or further roles.
    Grant,
    /// Their need for it is reviewed and stands.
    Review,
    /// It rests.
    Suspend,
    /// It rests no longer.
    Reinstate,
    /// They lose it.
    Withdraw,
}

/// A change of a person's or an agency's access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// What is done.
    pub change: AccessChange,
    /// Whether it is the party's person, or their agency: then the person is blank.
    #[serde(default, skip_serializing_if = "Holder::is_person")]
    pub whose: Holder,
    /// The person as the registry knows them now, and their agency.
    pub party: Party,
    /// The roles the person would hold afterwards; none for an agency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// A policy version about to take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// Digest of the component.
    pub component: Digest,
    /// Digest of the settings.
    pub settings: Digest,
    /// Signatures on it so far of people who still hold the role, refusals among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Signature>,
}

/// The period of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The report's id in the charter.
    pub report: String,
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
}

/// An obligation that somebody wants set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The obligation's id.
    pub obligation: String,
    /// The clause it comes from.
    pub clause: String,
    /// What kind of duty it is, as the contract calls it.
    pub duty: String,
    /// Who owes it: a role, offices, `requester`, or `host`.
    pub owner: String,
    /// Since when.
    pub since: Instant,
    /// By when; absent where no deadline is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Instant>,
    /// Whether that has passed.
    pub overdue: bool,
    /// Why it is to be set aside, in the words of whoever asks.
    pub reason: String,
}

/// What the phase adds to the matter: one case per phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// `enroll`.
    Enroll(Enrolment),
    /// `request`.
    Request,
    /// `search`.
    Search(SearchPlan),
    /// `candidates`.
    Candidates(Vec<Candidate>),
    /// `disposition`.
    Disposition(Vec<Disposition>),
    /// `sign-off`.
    SignOff(Signature),
    /// `release`.
    Release(ReleasePlan),
    /// `disseminate`.
    Disseminate(Dissemination),
    /// `outcome`.
    Outcome,
    /// `retention`.
    Retention(RetentionEvent),
    /// `access`.
    Access(Access),
    /// `activation`.
    Activation(Activation),
    /// When the violation happened.
    Violation(Instant),
    /// `report`.
    Report(Period),
    /// `waiver`.
    Waiver(Waiver),
}

/// Everything a policy is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matter {
    /// The jurisdiction for which the policy decides: within a request's life the requester's home, the gallery's
    /// owner, or both; of a record the one that keeps it; of a waiver the one whose policy imposed the obligation; else
    /// the one whose people, policy or reports it is about.
    pub jurisdiction: String,
    /// The host's clock.
    pub clock: Clock,
    /// Who takes this step.
    pub actor: Party,
    /// Who asked for the search; the actor, outside a request's life.
    pub requester: Party,
    /// The request, within a request's life, and where a step of the phase `retention` is about its probe or a document
    /// of it. A violation and a waiver are told of none, though they may be recorded under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The probe, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The gallery, where the step concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gallery: Option<Gallery>,
    /// Answers on the forms of the jurisdictions concerned, oldest first: the request's, those of its last search, in
    /// the phase `retention` those of whoever asked for what waits for approval, and, last, the step's own. Where a
    /// form of theirs lists the question, the answer is of its kind and one of its choices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
    /// What the host's records say.
    pub history: History,
    /// The step itself.
    pub step: Step,
}

impl Step {
    /// The phase this step belongs to.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Enroll(_) => Phase::Enroll,
            Self::Request => Phase::Request,
            Self::Search(_) => Phase::Search,
            Self::Candidates(_) => Phase::Candidates,
            Self::Disposition(_) => Phase::Disposition,
            Self::SignOff(_) => Phase::SignOff,
            Self::Release(_) => Phase::Release,
            Self::Disseminate(_) => Phase::Disseminate,
            Self::Outcome => Phase::Outcome,
            Self::Retention(_) => Phase::Retention,
            Self::Access(_) => Phase::Access,
            Self::Activation(_) => Phase::Activation,
            Self::Violation(_) => Phase::Violation,
            Self::Report(_) => Phase::Report,
            Self::Waiver(_) => Phase::Waiver,
        }
    }
}
