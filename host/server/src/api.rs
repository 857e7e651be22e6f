//! Bodies: what is sent and what is answered. Unknown fields are refused, so that a misspelt safeguard is not silently lost.

use crate::template::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use casework::intake::{Intake, Submission};
use casework::misstep::Demanded;
use casework::{Casework, PolicyState};
use model::combine::Rulings;
use model::facts::{CaseStatus, Edit, Frame, Identifier, Media, Quality};
use model::filter::Conditions;
use model::rulings::{ClauseId, Duty, Finding, Obligation, Outcome};
use model::terms::{Phase, Value};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Bytes, as base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text.as_bytes());
        bytes.map(Self).map_err(|e| serde::de::Error::custom(format!("not base64: {e}")))
    }
}

impl Base64 {
    /// As it is written in JSON.
    pub fn text(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }
}

/// A request for a search.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    /// The gallery to be searched.
    #[schema(example = "snap")]
    pub gallery: String,
    /// On whose behalf: a person id, or `jurisdiction/person`. The caller's own where absent.
    pub requester: Option<String>,
    /// How the request arrived: `api`, `console`, `phone`, `media`.
    #[serde(default = "api")]
    pub channel: String,
    /// Whether a program started it. Certificates of services always count as programs.
    #[serde(default)]
    pub automated: bool,
    /// How many probes are submitted in the same action.
    #[serde(default = "one")]
    pub batch_size: u32,
    /// The purpose, in the jurisdiction's vocabulary.
    #[serde(default)]
    pub purpose: String,
    /// The reason, in the requester's words.
    #[serde(default)]
    pub reason: String,
    /// Case, complaint or incident numbers: `{"kind": "incident", "value": "26-00123"}`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub identifiers: Vec<Identifier>,
    /// `open`, `active` or `closed`.
    #[schema(value_type = String, example = "active")]
    pub case_status: CaseStatus,
    /// The probe.
    pub probe: ProbeBody,
    /// Answers on the jurisdiction's forms, by field name.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

fn api() -> String {
    "api".to_owned()
}

fn one() -> u32 {
    1
}

/// A probe: a photograph or a template, and where it comes from.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeBody {
    /// The photograph, JPEG or PNG, in base64.
    #[schema(value_type = Option<String>)]
    pub image: Option<Base64>,
    /// A template from a vendor's engine: numbers, or f32 little-endian in base64.
    #[schema(value_type = Option<Vec<f32>>)]
    pub template: Option<Template>,
    /// The template's model; must be the gallery's.
    pub model: Option<String>,
    /// `still`, `video`, `live-stream`, `sketch` or `synthetic`.
    #[schema(value_type = String, example = "still")]
    pub media: Media,
    /// For a still taken from a recording: `{"recording": "<sha-256>", "number": 1234}`.
    #[schema(value_type = Option<Object>)]
    pub frame: Option<Frame>,
    /// Where it came from.
    #[serde(default)]
    #[schema(example = "cctv")]
    pub source: String,
    /// Which face, from 0, where the photograph shows several.
    pub face: Option<u32>,
    /// What was done to it.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub edits: Vec<Edit>,
    /// Quality, where an algorithm gave one.
    #[schema(value_type = Option<Object>)]
    pub quality: Option<Quality>,
}

impl RequestBody {
    /// As casework takes it.
    pub fn intake(self) -> Intake {
        let probe = self.probe;
        Intake {
            gallery: self.gallery,
            requester: self.requester,
            channel: self.channel,
            automated: self.automated,
            batch_size: self.batch_size,
            purpose: self.purpose,
            reason: self.reason,
            identifiers: self.identifiers,
            case_status: self.case_status,
            probe: Submission {
                image: probe.image.map(|b| b.0),
                template: probe.template.map(|t| t.0),
                model: probe.model,
                media: probe.media,
                frame: probe.frame,
                source: probe.source,
                face: probe.face,
                edits: probe.edits,
                quality: probe.quality,
            },
            answers: self.answers,
        }
    }
}

/// A search for a request on record.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchBody {
    /// Candidates asked for; as the policy usually gives where absent.
    pub candidates: Option<u32>,
    /// Further answers, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
    /// What the records searched have to be, by the names of the gallery's filters:
    /// `{"sex": {"one_of": ["F"]}, "age": {"from": 20, "to": 35}, "origin": {"none_of": ["oakland-so"]}}`. All are
    /// searched where absent. `status` and `origin`, the agency that a record comes from, are filters of every gallery.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub filter: Conditions,
}

/// A request and its search in one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchNowBody {
    /// Candidates asked for; as the policy usually gives where absent.
    pub candidates: Option<u32>,
    /// The request.
    pub request: RequestBody,
    /// Further answers for the search alone.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
    /// What the records searched have to be, by the names of the gallery's filters:
    /// `{"sex": {"one_of": ["F"]}, "age": {"from": 20, "to": 35}, "origin": {"none_of": ["oakland-so"]}}`. All are
    /// searched where absent. `status` and `origin`, the agency that a record comes from, are filters of every gallery.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub filter: Conditions,
}

/// Records to enrol, all or none.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrollBody {
    /// The templates' model.
    pub model: Option<String>,
    /// The agency that the records come from, whose notice may end their stay: yours where absent.
    pub origin: Option<String>,
    /// Answers on the jurisdiction's enrolment form; they hold for each record.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
    /// 1 to 1000 records.
    pub records: Vec<RecordBody>,
}

/// One record to enrol.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBody {
    /// Unique in the gallery, records that were destroyed included.
    pub id: String,
    /// The photograph, JPEG or PNG, in base64.
    #[schema(value_type = Option<String>)]
    pub image: Option<Base64>,
    /// A template: numbers, or f32 little-endian in base64.
    #[schema(value_type = Option<Vec<f32>>)]
    pub template: Option<Template>,
    /// Its status: `active` where absent, or `sealed`, or another word that the jurisdiction's policy knows.
    #[schema(example = "sealed")]
    pub status: Option<String>,
    /// Basic booking data.
    #[serde(default, deserialize_with = "crate::unique::map")]
    pub booking: BTreeMap<String, String>,
}

impl EnrollBody {
    /// As casework takes it.
    pub fn batch(self) -> casework::enroll::Batch {
        let record = |r: RecordBody| casework::enroll::NewRecord {
            id: r.id,
            image: r.image.map(|b| b.0),
            template: r.template.map(|t| t.0),
            status: r.status,
            booking: r.booking,
        };
        let records = self.records.into_iter().map(record).collect();
        casework::enroll::Batch { model: self.model, origin: self.origin, answers: self.answers, records }
    }
}

/// A finding, and whose policy found it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingView {
    /// The jurisdiction whose policy found it.
    pub jurisdiction: String,
    /// The step at which it was found: an answer may be about several.
    #[schema(value_type = String, example = "search")]
    pub phase: Phase,
    /// The finding.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub finding: Finding,
    /// What the clause says, in one line of the charter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// A clause that demands something, and whose it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClauseView {
    /// The jurisdiction whose policy demands it.
    pub jurisdiction: String,
    /// The clause.
    #[schema(value_type = String)]
    pub clause: ClauseId,
    /// What the clause says, in one line of the charter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl ClauseView {
    /// Of what a misstep names.
    pub fn of(demanded: &Demanded) -> Self {
        Self { jurisdiction: demanded.jurisdiction.clone(), clause: demanded.clause.clone(), summary: None }
    }
}

/// Says beside each finding what its clause says.
pub fn summarize(findings: &mut [FindingView], casework: &Casework) {
    for view in findings {
        view.summary = summary(casework, &view.jurisdiction, &view.finding.clause);
    }
}

/// Says beside each clause what it says.
pub fn summarize_clauses(clauses: &mut [ClauseView], casework: &Casework) {
    for view in clauses {
        view.summary = summary(casework, &view.jurisdiction, &view.clause);
    }
}

/// What a clause says, in one line of the charter in force.
fn summary(casework: &Casework, jurisdiction: &str, clause: &ClauseId) -> Option<String> {
    let policy = casework.chamber(jurisdiction).ok()?.policy();
    let PolicyState::Ready(policy) = &*policy else { return None };
    policy.charter().clauses.iter().find(|c| c.id == *clause).map(|c| c.summary.clone())
}

/// An obligation, and whose policy imposed it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObligationView {
    /// The jurisdiction whose policy imposed it.
    pub jurisdiction: String,
    /// The obligation.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub obligation: Obligation,
}

/// Every finding of these rulings, in order.
pub fn findings<'a>(rulings: impl IntoIterator<Item = &'a Rulings>) -> Vec<FindingView> {
    let each = rulings.into_iter().flat_map(|r| r.rulings.iter().map(|ruling| (r.phase, ruling)));
    each.flat_map(|(phase, ruling)| {
        let view =
            |finding: Finding| FindingView { jurisdiction: ruling.jurisdiction.clone(), phase, finding, summary: None };
        let holds = |clause: &ClauseId| Finding {
            clause: clause.clone(),
            outcome: Outcome::Satisfied,
            explanation: None,
            interpretation: None,
        };
        let found = ruling.decision.findings.iter().cloned();
        found.chain(ruling.decision.satisfied.iter().map(holds)).map(view).collect::<Vec<_>>()
    })
    .collect()
}

/// Every obligation of these rulings that whoever asked has something to do with, the same one only once. What the host
/// withholds it does not name: that a sealed record is like the probe is not theirs to know.
pub fn obligations<'a>(rulings: impl IntoIterator<Item = &'a Rulings>) -> Vec<ObligationView> {
    let mut all: Vec<ObligationView> = Vec::new();
    for ruling in rulings.into_iter().flat_map(|r| &r.rulings) {
        for obligation in &ruling.decision.obligations {
            if matches!(obligation.duty, Duty::Withhold(_)) {
                continue;
            }
            let known = |o: &ObligationView| o.jurisdiction == ruling.jurisdiction && o.obligation == *obligation;
            if !all.iter().any(known) {
                all.push(ObligationView { jurisdiction: ruling.jurisdiction.clone(), obligation: obligation.clone() });
            }
        }
    }
    all
}

/// Where a step is recorded. `entry` is the leaf, byte for byte; `proof` is a C2SP tlog-proof for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The log's origin.
    pub log: String,
    /// The entry's index.
    pub index: u64,
    /// The leaf's text.
    pub entry: String,
    /// C2SP tlog-proof: index, inclusion proof, signed checkpoint.
    pub proof: String,
}

impl From<casework::Receipt> for ReceiptView {
    fn from(receipt: casework::Receipt) -> Self {
        Self { log: receipt.origin, index: receipt.index, entry: receipt.entry, proof: receipt.proof }
    }
}

/// A text that must be shown verbatim.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatementView {
    /// Its id in the charter.
    pub id: String,
    /// The text.
    pub text: String,
}

/// A candidate: a lead at most, never an identification.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CandidateView {
    /// From 1.
    pub rank: u32,
    /// The gallery record.
    pub record_id: String,
    /// The record's status.
    pub status: String,
    /// Similarity, -1 to 1; absent where a policy withholds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Booking data that may be shown.
    pub booking: BTreeMap<String, String>,
}

/// What a search found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SearchedView {
    /// The request.
    pub request: String,
    /// The search.
    pub search: String,
    /// `permit`.
    pub verdict: &'static str,
    /// The gallery: `jurisdiction/id`.
    pub gallery: String,
    /// Its generation.
    pub generation: u64,
    /// The digest of what it held: follows from its records' ids, templates and status alone.
    pub gallery_digest: String,
    /// What the records searched had to be.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    #[schema(value_type = Object)]
    pub filter: Conditions,
    /// Rows compared: all of them, or all that the filter admits.
    pub rows_compared: u64,
    /// Rows whose score was computed exactly to be sure of the order.
    pub rows_reranked: u64,
    /// How far any row's score may be from the estimate by which rows were excluded, in units of the score. The entry of the
    /// search says it in billionths, rounded up.
    pub bound: f64,
    /// Candidates by rank.
    pub candidates: Vec<CandidateView>,
    /// What has to be shown with them.
    pub statements: Vec<StatementView>,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// What has to be done.
    pub obligations: Vec<ObligationView>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

/// What came of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EnrolledView {
    /// Records enrolled.
    pub records: usize,
    /// The gallery's generation afterwards.
    pub generation: u64,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

/// A jurisdiction and its log's key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JurisdictionView {
    /// Its id.
    pub id: String,
    /// The policy's title; absent while none is in force.
    pub policy: Option<String>,
    /// Citation of the directive.
    pub authority: Option<String>,
    /// Digest of the component in force.
    pub component: Option<String>,
    /// That no policy is in force; why, for its own people.
    pub impediment: Option<String>,
    /// The log's origin.
    pub log: String,
    /// Entries in it.
    pub log_entries: u64,
    /// Its galleries.
    pub galleries: Vec<GalleryView>,
}

/// A gallery.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GalleryView {
    /// Its id.
    pub id: String,
    /// What it holds.
    pub class: String,
    /// The template model.
    pub model: String,
    /// Numbers per template.
    pub dim: u32,
    /// Records.
    pub records: usize,
    /// Generation.
    pub generation: u64,
    /// The digest of what it holds.
    pub digest: String,
    /// What of the booking data searches can be filtered by, besides `status` and
    /// `origin`.
    #[schema(value_type = Vec<Object>)]
    pub filters: Vec<model::filter::Filterable>,
}

/// Log entries.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntriesView {
    /// The log's origin.
    pub log: String,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The entries asked for.
    #[schema(value_type = Vec<Object>)]
    pub entries: Vec<casework::inspection::Seen>,
}
