//! What each route outside a request's life does: parse, ask casework, shape the answer.

use crate::api::obligations;
use crate::case_api::AnswersBody;
use crate::case_endpoints::answered;
use crate::endpoints::{Ask, Reply, summarized};
use crate::office_api::{
    AccessBody, AccessView, ActivatedView, ApprovalBody, JudgedView, OwedView, PolicyView, ProposalBody, RevisionView,
    VersionView, ViolationBody, ViolationView,
};
use crate::problem::Problem;
use casework::access::Changed;
use casework::activation::Recorded;
use casework::{CaseError, Casework, Taken};
use hyper::StatusCode;

pub(crate) fn judged(casework: &Casework, taken: Taken) -> JudgedView {
    JudgedView {
        verdict: "permit",
        findings: summarized(casework, [&taken.rulings]),
        obligations: obligations([&taken.rulings]),
        receipt: taken.receipt.map(Into::into),
    }
}

/// The answer to a step that changes how somebody stands: how they stand after it.
pub(crate) fn changed(ask: &Ask, id: &str, done: Result<Changed, CaseError>) -> Result<Reply, Problem> {
    answered(&ask.casework, done, |done| {
        Reply::json(&AccessView {
            step: judged(&ask.casework, done.taken),
            id: id.to_owned(),
            roles: done.roles,
            suspended_since: done.suspended_since,
        })
    })
}

fn recorded(recorded: Recorded) -> RevisionView {
    RevisionView { version: VersionView::of(recorded.revision), receipt: recorded.receipt.map(Into::into) }
}

pub(crate) async fn person_access(ask: Ask) -> Result<Reply, Problem> {
    let change = ask.body::<AccessBody>()?.change();
    let (jurisdiction, person) = (ask.part("jurisdiction"), ask.part("person"));
    let done = ask.casework.change_access(ask.caller()?, jurisdiction, person, change).await;
    changed(&ask, person, done)
}

pub(crate) async fn agency_suspension(ask: Ask) -> Result<Reply, Problem> {
    let change = ask.body::<AccessBody>()?.change();
    let (jurisdiction, agency) = (ask.part("jurisdiction"), ask.part("agency"));
    let done = ask.casework.change_agency(ask.caller()?, jurisdiction, agency, change).await;
    changed(&ask, agency, done)
}

pub(crate) async fn violation(ask: Ask) -> Result<Reply, Problem> {
    let report = ask.body::<ViolationBody>()?.report();
    let done = ask.casework.record_violation(ask.caller()?, ask.part("jurisdiction"), report).await;
    answered(&ask.casework, done, |done| {
        Reply::json(&ViolationView {
            step: judged(&ask.casework, done.taken),
            owed: done.owed.into_iter().map(OwedView::of).collect(),
        })
    })
}

pub(crate) async fn policy(ask: Ask) -> Result<Reply, Problem> {
    let seen = ask.casework.policy_seen(ask.part("jurisdiction"), ask.named.as_ref()).await?;
    Reply::json(&PolicyView::of(seen))
}

pub(crate) async fn policy_text(ask: Ask) -> Result<Reply, Problem> {
    let body = ask.casework.directive(ask.part("jurisdiction"), ask.named.as_ref()).await?;
    Ok(Reply { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body })
}

pub(crate) async fn propose(ask: Ask) -> Result<Reply, Problem> {
    let proposal = ask.body::<ProposalBody>()?.proposal();
    let done = ask.casework.propose(ask.caller()?, ask.part("jurisdiction"), proposal).await?;
    Reply::json(&recorded(done))
}

pub(crate) async fn approve(ask: Ask) -> Result<Reply, Problem> {
    let vote = ask.body::<ApprovalBody>()?.vote();
    let (jurisdiction, revision) = (ask.part("jurisdiction"), ask.part("revision"));
    let done = ask.casework.endorse(ask.caller()?, jurisdiction, revision, vote).await?;
    Reply::json(&recorded(done))
}

pub(crate) async fn activate(ask: Ask) -> Result<Reply, Problem> {
    let AnswersBody { answers } = ask.body_if_any()?;
    let (jurisdiction, revision) = (ask.part("jurisdiction"), ask.part("revision"));
    let done = ask.casework.activate(ask.caller()?, jurisdiction, revision, answers).await;
    answered(&ask.casework, done, |done| {
        Reply::json(&ActivatedView { step: judged(&ask.casework, done.taken), version: VersionView::of(done.revision) })
    })
}
