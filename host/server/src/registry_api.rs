//! Bodies of the steps by which people, agencies and agreements come on record, and those steps; and how the registry reads.
//! Unknown fields are refused.

use crate::endpoints::{Ask, Reply};
use crate::office_endpoints::changed;
use crate::problem::Problem;
use casework::agreements::{Admission, AgencySeen};
use casework::registration::{Record, Registration};
use model::facts::{AgencyKind, Agreement, Training};
use model::registry::{Agency, Concluded, Contact, Particulars, Person, agreement_id};
use model::role::Held;
use model::terms::{Date, Digest, Instant, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// Unique in the jurisdiction; certificates name it.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Their agency: one of the registry.
    pub agency: String,
    /// The unit they are assigned to.
    pub unit: String,
    /// Rank or position.
    pub rank: String,
    /// The roles they are to hold: each a name, or `role` with the day `until` which it is granted.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub roles: Vec<Held>,
    /// Completed trainings: `curriculum`, `completed` and, where it ends, `expires`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub trainings: Vec<Training>,
    /// The day the background check was completed.
    #[schema(value_type = Option<String>)]
    pub background_checked: Option<Date>,
    /// Whether their credential is bound to a second factor.
    #[serde(default)]
    pub multi_factor: bool,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl PersonBody {
    /// As casework takes it.
    pub fn registration(self) -> Registration {
        let person = Person {
            id: self.id,
            name: self.name,
            agency: self.agency,
            unit: self.unit,
            rank: self.rank,
            roles: self.roles,
            trainings: self.trainings,
            background_checked: self.background_checked,
            need_reviewed: None,
            multi_factor: self.multi_factor,
            suspended_since: None,
        };
        Registration { person, reason: self.reason, answers: self.answers }
    }
}

/// What is put on record of a person. What is absent stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonRecordBody {
    /// Display name.
    pub name: Option<String>,
    /// The unit they are assigned to.
    pub unit: Option<String>,
    /// Rank or position.
    pub rank: Option<String>,
    /// Whether their credential is bound to a second factor.
    pub multi_factor: Option<bool>,
    /// Trainings: `curriculum`, `completed` and, where it ends, `expires`. One of the same curriculum, completed the same day,
    /// takes the place of the one on record: name that with an earlier `expires` to end it.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub trainings: Vec<Training>,
    /// The day a background check was completed.
    #[schema(value_type = Option<String>)]
    pub background_checked: Option<Date>,
    /// Whether the background check on record counts no longer.
    #[serde(default)]
    pub background_check_void: bool,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl PersonRecordBody {
    /// As casework takes it.
    pub fn record(self) -> Record {
        let particulars = Particulars {
            name: self.name,
            unit: self.unit,
            rank: self.rank,
            multi_factor: self.multi_factor,
            trainings: self.trainings,
            background_checked: self.background_checked,
            background_void: None,
        };
        let background_void = self.background_check_void;
        Record { particulars, background_void, reason: self.reason, answers: self.answers }
    }
}

/// An agreement with an agency.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementTerms {
    /// What it is called: a memorandum of understanding, say.
    pub kind: String,
    /// When it was signed.
    #[schema(value_type = String, example = "2026-01-31T09:30:00.000Z")]
    pub signed: Instant,
    /// First day in force.
    #[schema(value_type = String, example = "2026-02-01")]
    pub starts: Date,
    /// Last day in force; open-ended where absent.
    #[schema(value_type = Option<String>)]
    pub ends: Option<Date>,
    /// What it covers; everything the policy allows where empty.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Whom to turn to: `name`, and `address`, `phone`, `email`.
    #[schema(value_type = Object)]
    pub contact: Contact,
    /// The sha-256 of the signed document.
    #[schema(value_type = String)]
    pub document: Digest,
}

impl AgreementTerms {
    fn concluded(self) -> Concluded {
        let Self { kind, signed, starts, ends, scope, contact, document } = self;
        Concluded { agreement: Agreement { kind, signed, starts, ends, scope }, contact, document }
    }
}

/// An agency to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgencyBody {
    /// ORI where there is one.
    pub id: String,
    /// Display name.
    pub name: String,
    /// `law-enforcement`, `prosecutor`, `federal` or `other`.
    #[schema(value_type = String, example = "law-enforcement")]
    pub kind: AgencyKind,
    /// Whether it contributes to and uses the jurisdiction's galleries by standing arrangement.
    #[serde(default)]
    pub participant: bool,
    /// The agreements with it.
    #[serde(default)]
    pub agreements: Vec<AgreementTerms>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl AgencyBody {
    /// As casework takes it.
    pub fn admission(self) -> Admission {
        let agency = Agency {
            id: self.id,
            name: self.name,
            kind: self.kind,
            participant: self.participant,
            agreements: vec![],
            suspended_since: None,
        };
        let agreements = self.agreements.into_iter().map(AgreementTerms::concluded).collect();
        Admission { agency, agreements, reason: self.reason, answers: self.answers }
    }
}

/// An agreement to be put on record.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementBody {
    /// The agreement.
    pub agreement: AgreementTerms,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// The end of an agreement.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

/// A person of the registry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Their id: certificates name it.
    pub id: String,
    /// Display name.
    pub name: String,
    /// The id of their agency.
    pub agency: String,
    /// The unit they are assigned to.
    pub unit: String,
    /// Rank or position.
    pub rank: String,
    /// The roles they hold, those included that do not count yet, or not any more.
    pub roles: Vec<RoleView>,
    /// Completed trainings: `curriculum`, `completed` and, where it ends, `expires`, the first day on which it no longer counts.
    #[schema(value_type = Vec<Object>)]
    pub trainings: Vec<Training>,
    /// The day the background check was completed; absent where none counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub background_checked: Option<Date>,
    /// The day the need for access was last reviewed; absent where it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub need_reviewed: Option<Date>,
    /// Whether their credential is bound to a second factor.
    pub multi_factor: bool,
    /// Since when they may not act; absent where they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub suspended_since: Option<Instant>,
}

/// A role that somebody holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoleView {
    /// The role.
    pub role: String,
    /// Who granted it, as `jurisdiction/person` where a step did; absent where the registry file does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The first day on which it counts; absent where it always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<Date>,
    /// The last day on which it counts; absent where it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub until: Option<Date>,
}

impl PersonView {
    fn of(person: Person) -> Self {
        let role = |Held { role, by, from, until }: Held| RoleView { role, by, from, until };
        Self {
            id: person.id,
            name: person.name,
            agency: person.agency,
            unit: person.unit,
            rank: person.rank,
            roles: person.roles.into_iter().map(role).collect(),
            trainings: person.trainings,
            background_checked: person.background_checked,
            need_reviewed: person.need_reviewed,
            multi_factor: person.multi_factor,
            suspended_since: person.suspended_since,
        }
    }
}

/// An agency of the registry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgencyView {
    /// Its id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// `law-enforcement`, `prosecutor`, `federal` or `other`.
    #[schema(value_type = String)]
    pub kind: AgencyKind,
    /// Whether it contributes to and uses the jurisdiction's galleries by standing arrangement.
    pub participant: bool,
    /// Since when its requests are suspended; absent where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub suspended_since: Option<Instant>,
    /// The agreements with it.
    pub agreements: Vec<AgreementView>,
}

/// An agreement on record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgreementView {
    /// Its id among those of its agency.
    pub id: String,
    /// What policies are told of it.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub agreement: Agreement,
    /// Whom to turn to; absent where the registry file lists the agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub contact: Option<Contact>,
    /// The sha-256 of the signed document; absent where the registry file lists the agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub document: Option<Digest>,
}

impl AgencyView {
    fn of(seen: AgencySeen) -> Self {
        let AgencySeen { agency, concluded } = seen;
        let agreement = |agreement: Agreement| {
            let id = agreement_id(&agreement);
            let known = concluded.iter().find(|c| agreement_id(&c.agreement) == id);
            let (contact, document) = (known.map(|c| c.contact.clone()), known.map(|c| c.document));
            AgreementView { id, agreement, contact, document }
        };
        Self {
            id: agency.id,
            name: agency.name,
            kind: agency.kind,
            participant: agency.participant,
            suspended_since: agency.suspended_since,
            agreements: agency.agreements.into_iter().map(agreement).collect(),
        }
    }
}

pub(crate) async fn register_person(ask: Ask) -> Result<Reply, Problem> {
    let registration = ask.body::<PersonBody>()?.registration();
    let id = registration.person.id.clone();
    let done = ask.casework.register_person(ask.caller()?, ask.part("jurisdiction"), registration).await;
    changed(&ask, &id, done)
}

pub(crate) async fn record_of_person(ask: Ask) -> Result<Reply, Problem> {
    let record = ask.body::<PersonRecordBody>()?.record();
    let (jurisdiction, person) = (ask.part("jurisdiction"), ask.part("person"));
    let done = ask.casework.record_of_person(ask.caller()?, jurisdiction, person, record).await;
    changed(&ask, person, done)
}

pub(crate) async fn people(ask: Ask) -> Result<Reply, Problem> {
    let seen = ask.casework.people_for(ask.caller()?, ask.part("jurisdiction"))?;
    Reply::json(&seen.into_iter().map(PersonView::of).collect::<Vec<_>>())
}

pub(crate) async fn register_agency(ask: Ask) -> Result<Reply, Problem> {
    let admission = ask.body::<AgencyBody>()?.admission();
    let id = admission.agency.id.clone();
    let done = ask.casework.register_agency(ask.caller()?, ask.part("jurisdiction"), admission).await;
    changed(&ask, &id, done)
}

pub(crate) async fn agencies(ask: Ask) -> Result<Reply, Problem> {
    let seen = ask.casework.agencies_for(ask.caller()?, ask.part("jurisdiction")).await?;
    Reply::json(&seen.into_iter().map(AgencyView::of).collect::<Vec<_>>())
}

pub(crate) async fn record_agreement(ask: Ask) -> Result<Reply, Problem> {
    let AgreementBody { agreement, reason, answers } = ask.body()?;
    let (jurisdiction, agency) = (ask.part("jurisdiction"), ask.part("agency"));
    let concluded = agreement.concluded();
    let done = ask.casework.record_agreement(ask.caller()?, jurisdiction, agency, concluded, reason, answers).await;
    changed(&ask, agency, done)
}

pub(crate) async fn end_agreement(ask: Ask) -> Result<Reply, Problem> {
    let EndBody { reason, answers } = ask.body_if_any()?;
    let (jurisdiction, agency, agreement) = (ask.part("jurisdiction"), ask.part("agency"), ask.part("agreement"));
    let done = ask.casework.end_agreement(ask.caller()?, jurisdiction, agency, agreement, reason, answers).await;
    changed(&ask, agency, done)
}
