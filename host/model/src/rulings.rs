//! What a policy answers, and its charter: `interface rulings` of `wit/policy.wit`.

use crate::terms::{Date, Digest, Holder, Instant, Phase, Value, Verdict};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A clause's id, shared with the catalogue that lists it: a decision cites dozens.
pub type ClauseId = Arc<str>;

/// How a clause fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was checked and holds.
    Satisfied,
    /// It forbids the step.
    Violated,
    /// It asks for something that was not supplied.
    Missing,
    /// It was taken note of and decides nothing.
    Noted,
}

/// What one clause means for this matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// An id of the charter's clause catalogue.
    pub clause: ClauseId,
    /// How it fared.
    pub outcome: Outcome,
    /// For the requester: what was found and, unless satisfied, what would change it. Absent where the clause's summary in
    /// the charter, with the outcome, says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The interpretation relied on, by id, where the clause is ambiguous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpretation: Option<String>,
}

/// Who has to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOffRule {
    /// The role.
    pub role: String,
    /// How many distinct persons.
    pub persons: u32,
    /// The units they may belong to; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// Whether the requester may not be among them.
    pub distinct_from_requester: bool,
    /// Whether everyone whom the host's records show opened the candidate list must be among the signers.
    pub all_involved: bool,
    /// Whether each signs without seeing the others' conclusions.
    pub blind: bool,
    /// Whether the rule binds a lead only: a result without one is released without these signatures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leads_only: bool,
}

/// What a deadline counts from. Where there is no such moment, it counts from the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockOrigin {
    /// `decision`.
    Decision,
    /// `request`.
    Request,
    /// `violation`.
    Violation,
    /// `notice`.
    Notice,
}

/// As contract and notices call whoever asked.
pub const REQUESTER: &str = "requester";

/// Somebody must be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRule {
    /// Recipients, by office; [`REQUESTER`] is whoever asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Deadline in hours after the origin.
    pub within_hours: u32,
    /// What the hours count from.
    pub origin: ClockOrigin,
    /// What about.
    pub about: String,
}

/// Something must be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// What, as a retention event names it.
    pub subject: String,
    /// For how many days at least. They are counted anew from each day on which it is demanded. A hold ends when it is
    /// lifted, and not with them.
    pub at_least_days: u32,
}

/// Something must be destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeRule {
    /// What, as a retention event names it.
    pub subject: String,
    /// By when at the latest. The host sees to it up to an hour before, and has that purge judged; where the same
    /// decision wants the same subject kept, not before.
    pub by: Instant,
}

/// Bounds on a candidate list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitRule {
    /// Fewest candidates that may be asked for.
    pub at_least: u32,
    /// Most candidates that may be returned.
    pub at_most: u32,
    /// The number where nobody asks for one.
    pub usual: u32,
    /// Whether similarity scores are withheld.
    pub hide_scores: bool,
}

/// Somebody must do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRule {
    /// The role that owns it.
    pub owner: String,
    /// What.
    pub about: String,
    /// Within how many hours.
    pub within_hours: u32,
}

/// Somebody may not go on, from now until they are reinstated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// A person or an agency.
    pub kind: Holder,
    /// Who: an id of the jurisdiction's registry.
    pub id: String,
}

/// What the host has to do, or see done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Show this statement of the charter, verbatim.
    Statement(String),
    /// Draw up this document: with the result at its release, or with the report.
    Document(String),
    /// Collect these signatures before release.
    SignOffs(SignOffRule),
    /// Collect this approval before the step's effect, and before that of every later step of the request. The step
    /// waits, and is judged afresh when it is taken again. The effect of `request` is that the request stands open. A
    /// signature that approves or refuses waits for nothing. A step of the phase `retention` waits for the approvals of
    /// its own decision alone. Outside a request's life nobody can approve, and the step never has an effect.
    Approve(SignOffRule),
    /// Have the requester acknowledge this statement: before the step's effect, as with an approval.
    Acknowledge(String),
    /// Tell somebody, at once; the deadline is when it is late.
    Notify(NoticeRule),
    /// Keep something.
    Retain(RetentionRule),
    /// Destroy something.
    Purge(PurgeRule),
    /// Keep something as evidence until a step of the phase `retention` lifts the hold.
    Hold(RetentionRule),
    /// Bound the candidate list.
    Candidates(LimitRule),
    /// Search no gallery but these.
    Galleries(Vec<String>),
    /// Show none but these booking fields.
    ShowOnly(Vec<String>),
    /// Leave these gallery records out of the list before anybody sees it, and out of what is released. Clients are not
    /// told of this duty, nor which records they are.
    Withhold(Vec<String>),
    /// Every candidate gets a disposition.
    DisposeAll,
    /// Mark for review, for this reason.
    Flag(String),
    /// Suspend a person or an agency: never because of what somebody of a suspended agency reports.
    Suspend(Suspension),
    /// Follow up.
    Task(TaskRule),
}

impl Duty {
    /// Whether the host sees to it though another policy, or the host itself, refused the step that this goes with: a suspension,
    /// and a notice. What the requester is told is what came of the step, and nothing did.
    pub fn stands_whatever_the_verdict(&self) -> bool {
        match self {
            Self::Suspend(_) => true,
            Self::Notify(rule) => !rule.to.iter().any(|to| to == REQUESTER),
            _ => false,
        }
    }
}

/// A duty and the clause it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// An id of the charter's clause catalogue.
    pub clause: ClauseId,
    /// What has to be done.
    pub duty: Duty,
}

/// Something reports count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// What is counted.
    pub name: String,
    /// Under which heading.
    pub value: String,
}

/// The answer to one matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The outcome.
    pub verdict: Verdict,
    /// The clauses that were checked and hold, and of which there is no more to say than their summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub satisfied: Vec<ClauseId>,
    /// What other clauses had to say, in the order checked. A permit in which nothing is satisfied is not believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What the host has to do, or see done, whatever the verdict: what goes with a permit alone is left out of any
    /// other. Of duties that shape a step, a statement shown or a list bounded, there is nothing to do where it is not
    /// taken. Where another policy does not permit the step, a permit obliges to nothing but suspensions, and notices that
    /// are not for the requester.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// Counted by the charter's reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl Decision {
    /// Every clause spoken to, and how it fared: what is satisfied first.
    pub fn outcomes(&self) -> impl Iterator<Item = (&ClauseId, Outcome)> {
        let satisfied = self.satisfied.iter().map(|clause| (clause, Outcome::Satisfied));
        satisfied.chain(self.findings.iter().map(|f| (&f.clause, f.outcome)))
    }
}

/// One clause of the directive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its id, as findings cite it.
    pub id: ClauseId,
    /// What it says, in one line.
    pub summary: String,
    /// The phases in which it binds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
}

/// A text that must be shown verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Its id.
    pub id: String,
    /// The text.
    pub text: String,
}

/// A document that decisions have drawn up: with a result that leaves, or of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its id, as duties name it.
    pub id: String,
    /// Its title, as a reader finds it at the top.
    pub title: String,
    /// What stands above all else in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preamble: Option<String>,
}

/// How an ambiguous clause is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpretation {
    /// Its id in the register.
    pub id: String,
    /// The question.
    pub question: String,
    /// The reading in force.
    pub answer: String,
    /// The setting that changes the reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
}

/// What a form field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// `text`.
    Text,
    /// `code`.
    Code,
    /// `flag`.
    Flag,
    /// `number`.
    Number,
    /// `date`.
    Date,
    /// `instant`.
    Instant,
    /// `texts`.
    Texts,
}

/// One field of a form, or one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// What a person reads beside it.
    pub label: String,
    /// What it is for.
    pub help: String,
    /// What it holds.
    pub kind: FieldKind,
    /// For `code`: the values allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it must be answered always, for whoever fills the form in. The host takes what leaves it out, and the
    /// decision says that it is missing, as it does of what is required only sometimes.
    pub required: bool,
    /// For settings: the value in force when policy.toml is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// What a phase asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The phase.
    pub phase: Phase,
    /// Its fields, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FormField>,
}

/// What the calendar demands of somebody, whether or not anybody takes a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The clause that demands it: an id of the charter's clause catalogue.
    pub clause: ClauseId,
    /// The role that owns it.
    pub owner: String,
    /// By when: how many hours after the day on which it falls is over.
    pub within_hours: u32,
    /// Who is told when it is late, by office.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_to: Vec<String>,
}

/// The first day of a week where nobody says another (ISO 8601).
fn monday() -> u8 {
    1
}

/// A report the directive demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How often: `week`, `month`, `year`, `demand`.
    pub every: String,
    /// On which day a week begins, where it is made every week: 1 = Monday to 7 = Sunday.
    #[serde(default = "monday")]
    pub week_starts: u8,
    /// Who has to draw it up when a week, month or year is over, and by when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Charge>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// The tags it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_tags: Vec<String>,
    /// Whether it is published.
    pub public: bool,
}

/// An obligation that accompanies every permit of a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The phase.
    pub phase: Phase,
    /// The clause the obligation cites. The host denies a permit that lacks it.
    pub clause: String,
}

/// By which clause a step of a request's life has its place in that: the host names it where it refuses one that is out of place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The phase of the step.
    pub phase: Phase,
    /// The clause: an id of the charter's clause catalogue.
    pub clause: ClauseId,
}

/// Who this policy is and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Stable id of the policy.
    pub id: String,
    /// Title.
    pub title: String,
    /// Citation of the directive.
    pub authority: String,
    /// Digest of the directive's text.
    pub authority_text: Digest,
    /// First day in force.
    pub effective: Date,
    /// Last day in force; indefinite when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// When the directive is due for review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Date>,
    /// Who has to review it when that day has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Charge>,
    /// IANA time zone of every date.
    pub time_zone: String,
    /// The clause catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<Clause>,
    /// The verbatim statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
    /// The documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// The interpretation register.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpretations: Vec<Interpretation>,
    /// What policy.toml may set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<FormField>,
    /// The forms, by phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<Form>,
    /// The reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// What no permit ever omits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promised: Vec<Promise>,
    /// By which clauses the steps of a request have their places, where the gallery is the jurisdiction's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The setting's name.
    pub setting: String,
    /// What is wrong and what would be right.
    pub message: String,
}
