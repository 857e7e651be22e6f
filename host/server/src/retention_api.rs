//! How long records stay, over HTTP: bodies, and what the two routes do.

use crate::case_api::TakenView;
use crate::case_endpoints::taken;
use crate::endpoints::{Ask, Reply};
use crate::problem::Problem;
use casework::retention::{Asking, Change, Docket};
use model::account::{Destroyed, Retained};
use model::terms::{Date, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A step that bears on how long a record stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionBody {
    /// `notice`, `hold`, `lift`, `extend`, `export` or `purge`; of gallery records also `seal` and `unseal`, which change their
    /// status; of audit entries also `prune`, which takes them from the log itself. Whoever approves of what another asked for sends the same.
    #[schema(value_type = String, example = "hold")]
    pub kind: Change,
    /// `gallery-record`, `probe`, `audit-entry`, or the id of a document that a release drew up.
    #[schema(example = "gallery-record")]
    pub subject: String,
    /// The gallery of a gallery record.
    pub gallery: Option<String>,
    /// The record: of a gallery, its id; of a probe or document, the request; of audit entries, `17` or `17-40`, and to
    /// prune the log `0-LAST`.
    pub record: String,
    /// The day of a notice, today where absent; for an extension, up to which day the record is to stay, absent where what was
    /// asked is denied.
    #[schema(value_type = Option<String>, example = "2026-03-01")]
    pub day: Option<Date>,
    /// Answers on the jurisdiction's forms, attested by the caller.
    #[serde(default, deserialize_with = "crate::unique::map")]
    #[schema(value_type = Object)]
    pub answers: BTreeMap<String, Value>,
}

impl RetentionBody {
    /// As casework takes it.
    pub fn asking(self) -> Asking {
        Asking {
            change: self.kind,
            record: Retained { subject: self.subject, gallery: self.gallery, record: self.record },
            day: self.day,
            answers: self.answers,
        }
    }
}

/// What came of such a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// The step; `request` names the record.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub taken: TakenView,
    /// Whether it has no effect yet, because others have to approve of it.
    pub pending: bool,
    /// What is on record of the record now; to people of another jurisdiction the notice and what they said themselves alone.
    #[schema(value_type = Object)]
    pub docket: Docket,
    /// What was destroyed, by a purge.
    #[schema(value_type = Vec<Object>)]
    pub destroyed: Vec<Destroyed>,
    /// The documents that still hold a gallery record that was purged, as a purge of theirs names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub left_in: Vec<Retained>,
    /// The first entry that the log keeps, after a pruning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_index: Option<u64>,
}

pub(crate) async fn retain(ask: Ask) -> Result<Reply, Problem> {
    let asking = ask.body::<RetentionBody>()?.asking();
    let record = asking.record.record.clone();
    let done = ask.casework.retention(ask.caller()?, ask.part("jurisdiction"), asking).await?;
    Reply::json(&RetentionView {
        taken: taken(&ask.casework, &record, done.taken),
        pending: done.pending,
        docket: done.docket,
        destroyed: done.destroyed,
        left_in: done.left_in,
        minimum_index: done.minimum_index,
    })
}

pub(crate) async fn dockets(ask: Ask) -> Result<Reply, Problem> {
    Reply::json(&ask.casework.dockets_for(ask.caller()?, ask.part("jurisdiction")).await?)
}
