//! Bodies of the steps outside a request's life: people, agencies, violations, policy revisions. Unknown fields are refused.

use crate::api::{Base64, FindingView, ObligationView, ReceiptView};
use casework::access::Change;
use casework::activation::{PolicySeen, Proposal, Vote};
use casework::obligations::Owed;
use casework::revision::{Endorsement, Revision, State};
use casework::violation::Report;
use model::facts::{AccessChange, Conclusion};
use model::role::Held;
use model::terms::{Date, Digest, Instant, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A change of somebody's access.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    /// `grant`, `review`, `suspend`, `reinstate` or `withdraw`; of an agency `suspend` or `reinstate`.
    #[schema(value_type = String, example = "suspend")]
    pub change: AccessChange,
    /// Roles to grant, to reinstate with, or to withdraw; all that are held where a withdrawal names none. Each is a name, or
    /// `role` with the day `until` which it is granted.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub roles: Vec<Held>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl AccessBody {
    /// As casework takes it.
    pub fn change(self) -> Change {
        Change { change: self.change, roles: self.roles, reason: self.reason, answers: self.answers }
    }
}

/// A violation or a breach.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViolationBody {
    /// When it happened: hours of notice count from then.
    #[schema(value_type = String, example = "2026-01-31T09:30:00.000Z")]
    pub happened: Instant,
    /// The request it is about, where it is about one: it is then part of that request's life and of its case.
    pub request: Option<String>,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl ViolationBody {
    /// As casework takes it.
    pub fn report(self) -> Report {
        Report { happened: self.happened, request: self.request, answers: self.answers }
    }
}

/// A policy revision. What is absent stays as it is in force.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalBody {
    /// The component's bytes, in base64.
    #[schema(value_type = Option<String>)]
    pub component: Option<Base64>,
    /// All of its settings, by name: those left out take their defaults.
    #[serde(default, deserialize_with = "crate::unique::map_if_any")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<BTreeMap<String, Value>>,
    /// What changes.
    #[serde(default)]
    pub note: String,
}

impl ProposalBody {
    /// As casework takes it.
    pub fn proposal(self) -> Proposal {
        Proposal { component: self.component.map(|bytes| bytes.0), settings: self.settings, note: self.note }
    }
}

/// A signature for or against a policy revision.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalBody {
    /// The role you sign in: one that you hold now.
    pub role: String,
    /// `approved` or `refused`.
    #[schema(value_type = String, example = "approved")]
    pub conclusion: Conclusion,
    /// Why you refuse, if you do.
    #[serde(default)]
    pub reason: String,
}

impl ApprovalBody {
    /// As casework takes it.
    pub fn vote(self) -> Vote {
        Vote { role: self.role, conclusion: self.conclusion, reason: self.reason }
    }
}

/// A judged step that was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JudgedView {
    /// `permit`.
    pub verdict: &'static str,
    /// What was checked.
    pub findings: Vec<FindingView>,
    /// What has to be done.
    pub obligations: Vec<ObligationView>,
    /// Where it is recorded.
    pub receipt: Option<ReceiptView>,
}

/// Somebody's access as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub step: JudgedView,
    /// A person's or an agency's id.
    pub id: String,
    /// The roles a person holds now.
    pub roles: Vec<String>,
    /// Since when they may not act; absent where they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub suspended_since: Option<Instant>,
}

/// A violation on record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ViolationView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub step: JudgedView,
    /// What it obliges somebody to.
    pub owed: Vec<OwedView>,
}

/// An obligation as it was imposed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwedView {
    /// Its id.
    pub id: String,
    /// The clause it comes from.
    pub clause: String,
    /// Who has to.
    pub owner: String,
    /// By when.
    #[schema(value_type = Option<String>)]
    pub due: Option<Instant>,
    /// Whether that had passed already.
    pub overdue: bool,
}

impl OwedView {
    /// One obligation, and whether it was due already.
    pub fn of((overdue, owed): (bool, Owed)) -> Self {
        Self { id: owed.id, clause: owed.clause.to_string(), owner: owed.owner, due: owed.due, overdue }
    }
}

/// A jurisdiction's policy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// The policy's title; absent while none is in force.
    pub title: Option<String>,
    /// Citation of the directive.
    pub authority: Option<String>,
    /// The sha-256 of the directive's text.
    #[schema(value_type = Option<String>)]
    pub authority_text: Option<Digest>,
    /// First day in force, by its own word.
    #[schema(value_type = Option<String>)]
    pub effective: Option<Date>,
    /// Last day in force; indefinite where absent.
    #[schema(value_type = Option<String>)]
    pub expires: Option<Date>,
    /// When the directive is due for review.
    #[schema(value_type = Option<String>)]
    pub review_due: Option<Date>,
    /// That no policy is in force; why, for its own people.
    pub impediment: Option<String>,
    /// Its revisions: the one in force first, then the latest.
    pub versions: Vec<VersionView>,
}

/// A policy revision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Its id.
    pub id: String,
    /// The sha-256 of the component.
    #[schema(value_type = String)]
    pub component: Digest,
    /// The sha-256 of the settings.
    #[schema(value_type = String)]
    pub settings: Digest,
    /// `proposed`, `permitted`, `in-force` or `superseded`.
    pub state: &'static str,
    /// Since when it is in force, or was.
    #[schema(value_type = Option<String>)]
    pub since: Option<Instant>,
    /// Until when it was in force.
    #[schema(value_type = Option<String>)]
    pub until: Option<Instant>,
    /// When it was put forward; nobody did where the jurisdiction started with it.
    #[schema(value_type = Option<String>)]
    pub proposed: Option<Instant>,
    /// Who signed for or against it, oldest first.
    pub approvals: Vec<ApprovalView>,
}

/// A signature for or against a revision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    /// Who signed.
    pub name: String,
    /// In which role.
    pub role: String,
    /// `approved` or `refused`.
    #[schema(value_type = String)]
    pub conclusion: Conclusion,
    /// When.
    #[schema(value_type = String)]
    pub at: Instant,
}

impl PolicyView {
    /// A policy as anybody may read it.
    pub fn of(seen: PolicySeen) -> Self {
        let PolicySeen { charter, impediment, revisions } = seen;
        let charter = charter.as_ref();
        Self {
            title: charter.map(|c| c.title.clone()),
            authority: charter.map(|c| c.authority.clone()),
            authority_text: charter.map(|c| c.authority_text),
            effective: charter.map(|c| c.effective),
            expires: charter.and_then(|c| c.expires),
            review_due: charter.and_then(|c| c.review_due),
            impediment,
            versions: revisions.into_iter().map(VersionView::of).collect(),
        }
    }
}

impl VersionView {
    /// A revision without what people wrote beside it.
    pub fn of(revision: Revision) -> Self {
        let (state, since, until) = match revision.state {
            State::Proposed => ("proposed", None, None),
            State::Permitted { .. } => ("permitted", None, None),
            State::InForce { since } => ("in-force", Some(since), None),
            State::Superseded { since, until } => ("superseded", Some(since), Some(until)),
        };
        let approval = |e: Endorsement| ApprovalView {
            name: e.by.name,
            role: e.signature.role,
            conclusion: e.signature.conclusion,
            at: e.signature.at,
        };
        Self {
            id: revision.id,
            component: revision.component,
            settings: revision.settings,
            state,
            since,
            until,
            proposed: revision.proposed.map(|p| p.at),
            approvals: revision.endorsements.into_iter().map(approval).collect(),
        }
    }
}

/// A revision after a step on it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevisionView {
    /// The revision.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub version: VersionView,
    /// Where the step is recorded.
    pub receipt: Option<ReceiptView>,
}

/// A revision that took effect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActivatedView {
    /// The step.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub step: JudgedView,
    /// The revision.
    pub version: VersionView,
}
