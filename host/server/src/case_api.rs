//! Bodies of the steps after the candidate list. Unknown fields are refused here too.

use crate::api::{Base64, FindingView, ObligationView, ReceiptView, StatementView};
use crate::office_api::JudgedView;
use casework::awaited::Awaited;
use casework::disposition::Examination;
use casework::dissemination::HandOver;
use casework::obligations::Owed;
use casework::release::{Carried, Form, Outgoing};
use casework::sign_off::SignOff;
use casework::waiver::Asking;
use model::account::{Disposed, Document};
use model::facts::{Conclusion, Dissemination, Likeness};
use model::terms::{Digest, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What an examiner says of candidates.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionsBody {
    /// One candidate each.
    pub dispositions: Vec<DispositionBody>,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// What an examiner says of one candidate.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionBody {
    /// A record of this request's list.
    pub record_id: String,
    /// `possible`, `excluded` or `inconclusive`.
    #[schema(value_type = String, example = "excluded")]
    pub likeness: Likeness,
    /// How you came to it.
    #[serde(default)]
    pub reason: String,
}

impl DispositionsBody {
    /// As casework takes it.
    pub fn examination(self) -> Examination {
        let said = |d: DispositionBody| Disposed { record_id: d.record_id, likeness: d.likeness, reason: d.reason };
        Examination { dispositions: self.dispositions.into_iter().map(said).collect(), answers: self.answers }
    }
}

/// A signature.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOffBody {
    /// The role you sign in: one that you hold now.
    #[schema(example = "examiner")]
    pub role: String,
    /// `lead`, `no-lead`, `approved` or `refused`.
    #[schema(value_type = String, example = "lead")]
    pub conclusion: Conclusion,
    /// Why you refuse, if you do.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl SignOffBody {
    /// As casework takes it.
    pub fn sign_off(self) -> SignOff {
        SignOff { role: self.role, conclusion: self.conclusion, reason: self.reason, answers: self.answers }
    }
}

/// An acknowledgement: the statement's text as shown, or its digest. Where several jurisdictions want one of this id
/// acknowledged, its words say whose it is; of the same words, each takes a step of its own.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgementBody {
    /// The statement's id in the charter.
    pub statement: String,
    /// Its text, or
    pub text: Option<String>,
    /// the sha-256 of it.
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
}

/// What is to leave the examining unit.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBody {
    /// Records found possible that leave; none where there is no lead.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// How the conclusion was reached.
    #[serde(default)]
    pub reasoning: String,
    /// The statements carried; all that were demanded so far, where absent.
    pub statements: Option<Vec<CarriedBody>>,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// A statement carried. Its text or digest, where given, must be the charter's.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarriedBody {
    /// Its id in the charter.
    pub id: String,
    /// Its text.
    pub text: Option<String>,
    /// The sha-256 of its text.
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
}

impl ReleaseBody {
    /// As casework takes it.
    pub fn outgoing(self) -> Outgoing {
        let carried = |c: CarriedBody| Carried { id: c.id, text: c.text, digest: c.digest };
        Outgoing {
            candidates: self.candidates,
            reasoning: self.reasoning,
            statements: self.statements.map(|all| all.into_iter().map(carried).collect()),
            answers: self.answers,
        }
    }
}

/// A hand-over to one recipient.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisseminationBody {
    /// How: in the jurisdiction's vocabulary.
    #[schema(example = "secured-email")]
    pub channel: String,
    /// To whom: a person id or name.
    pub recipient: String,
    /// For which agency.
    pub recipient_agency: String,
    /// What for.
    #[serde(default)]
    pub purpose: String,
    /// Whether the recipient is a designee of the requester.
    #[serde(default)]
    pub designee: bool,
    /// Which of the release's documents; its first where absent.
    pub document: Option<String>,
    /// `pdf` or `html`.
    #[serde(default = "pdf")]
    #[schema(value_type = String, example = "pdf")]
    pub form: Form,
    /// Answers on the jurisdiction's forms: a number called, a witness.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

fn pdf() -> Form {
    Form::Pdf
}

impl DisseminationBody {
    /// As casework takes it.
    pub fn hand_over(self) -> HandOver {
        HandOver {
            to: Dissemination {
                channel: self.channel,
                recipient: self.recipient,
                recipient_agency: self.recipient_agency,
                purpose: self.purpose,
                designee: self.designee,
                // Of these the host itself tells policies.
                candidates: vec![],
            },
            document: self.document,
            form: self.form,
            answers: self.answers,
        }
    }
}

/// Answers on a form.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersBody {
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// That something is done.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompletionBody {
    /// What was done.
    pub note: String,
}

/// That an obligation is to be set aside.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverBody {
    /// Why.
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl WaiverBody {
    /// As casework takes it.
    pub fn asking(self) -> Asking {
        Asking { reason: self.reason, answers: self.answers }
    }
}

/// An obligation that was set aside.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaivedView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub step: JudgedView,
    /// The obligation as it stands now: `state` is `waived`, with `by`, `at` and `reason`.
    #[schema(value_type = Object)]
    pub obligation: Owed,
}

/// A step that was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TakenView {
    /// The request.
    pub request: String,
    /// `permit`.
    pub verdict: &'static str,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// What has to be done.
    pub obligations: Vec<ObligationView>,
    /// What the request's next step waits for, where a request was opened that has to be approved or acknowledged first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub waits_for: Vec<Awaited>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

/// A step that is permitted and has no effect yet: others have to do their part, and then it has to be taken again. Outside a
/// request nobody can: `detail` says so.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitsView {
    /// The request, where it is a step of one: it stands open.
    pub request: Option<String>,
    /// `permit`.
    pub verdict: &'static str,
    /// What it waits for, in words.
    pub detail: String,
    /// What it waits for: the jurisdiction whose policy demands it, the clause, and the duty: `{"approve": {"role": …,
    /// "persons": …}}`, or `{"acknowledge": …}` with the statement's id.
    #[schema(value_type = Vec<Object>)]
    pub waits_for: Vec<Awaited>,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// What has to be done.
    pub obligations: Vec<ObligationView>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

/// A result that was released.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReleasedView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub taken: TakenView,
    /// The documents drawn up, by their digests: a dissemination hands them out.
    #[schema(value_type = Vec<Object>)]
    pub documents: Vec<Document>,
}

/// A result that was handed over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisseminatedView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub taken: TakenView,
    /// What has to be shown with it.
    pub statements: Vec<StatementView>,
    /// The document; absent where the release drew up none.
    pub document: Option<DocumentView>,
}

/// A document, whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// Its id.
    pub id: String,
    /// Its media type.
    pub media_type: &'static str,
    /// The sha-256 of its bytes, as the release recorded it.
    pub digest: String,
    /// Its bytes, in base64.
    pub content: String,
}

/// Candidates looked at again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LookedView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub taken: TakenView,
    /// The candidates that are still in the gallery, by rank.
    #[schema(value_type = Vec<Object>)]
    pub candidates: Vec<casework::viewing::CandidateSeen>,
}

/// That something was recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordedView {
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

impl DocumentView {
    /// A document with its bytes.
    pub fn of(document: &Document, form: Form, bytes: Vec<u8>) -> Self {
        let digest = match form {
            Form::Html => document.html,
            Form::Pdf => document.pdf,
        };
        Self {
            id: document.id.clone(),
            media_type: form.media_type(),
            digest: digest.to_string(),
            content: Base64(bytes).text(),
        }
    }
}
