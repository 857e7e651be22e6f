//! What each route of a request's life after the candidate list does: parse, ask casework, shape the answer.

use crate::api::{self, obligations};
use crate::case_api::{
    AcknowledgementBody, AnswersBody, CompletionBody, DispositionsBody, DisseminatedView, DisseminationBody,
    DocumentView, LookedView, RecordedView, ReleaseBody, ReleasedView, SignOffBody, TakenView, WaitsView, WaivedView,
    WaiverBody,
};
use crate::endpoints::{Ask, Reply, statements, summarized};
use crate::office_endpoints::judged;
use crate::problem::Problem;
use casework::acknowledgement::Acknowledgement;
use casework::life::State;
use casework::worklist::{Cursor, Wanted};
use casework::{CaseError, Casework, Taken};
use hyper::StatusCode;
use model::terms::Instant;

pub(crate) fn taken(casework: &Casework, request: &str, taken: Taken) -> TakenView {
    TakenView {
        request: request.to_owned(),
        verdict: "permit",
        findings: summarized(casework, [&taken.rulings]),
        obligations: obligations([&taken.rulings]),
        waits_for: vec![],
        receipt: taken.receipt.map(Into::into),
    }
}

/// The answer to a judged step: `view` of what was done or, where the step waits for others, that it does.
pub(crate) fn answered<T>(
    casework: &Casework,
    done: Result<T, CaseError>,
    view: impl FnOnce(T) -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let waits = match done {
        Ok(done) => return view(done),
        Err(CaseError::Waits(waits)) => *waits,
        Err(e) => return Err(e.into()),
    };
    let mut reply = Reply::json(&WaitsView {
        verdict: "permit",
        detail: waits.to_string(),
        findings: summarized(casework, &waits.rulings),
        obligations: obligations(&waits.rulings),
        request: waits.request,
        waits_for: waits.awaited,
        receipt: waits.receipt.map(Into::into),
    })?;
    reply.status = StatusCode::ACCEPTED;
    Ok(reply)
}

pub(crate) async fn worklist(ask: Ask) -> Result<Reply, Problem> {
    let state = match ask.asked("state") {
        None => None,
        Some(name) => Some(State::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
            let names: Vec<_> = State::ALL.iter().map(|s| s.name()).collect();
            Problem::invalid(format!("`state` is `{name}`: use one of {}", names.join(", ")))
        })?),
    };
    let mine = match ask.asked("mine") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Problem::invalid(format!("`mine` is `{other}`: use true or false"))),
    };
    let since = match ask.asked("since") {
        None => None,
        Some(text) => {
            let wrong = || Problem::invalid(format!("`since` is `{text}`: write it as 2026-01-31T09:30:00.000Z"));
            Some(text.parse::<Instant>().map_err(|_| wrong())?)
        }
    };
    let before = match ask.asked("before") {
        None => None,
        Some(text) => Some(text.parse::<Cursor>().map_err(|e| Problem::invalid(e.to_string()))?),
    };
    let wanted = Wanted { state, mine, since, before };
    Reply::json(&ask.casework.worklist(ask.caller()?, ask.part("jurisdiction"), &wanted).await?)
}

pub(crate) async fn view(ask: Ask) -> Result<Reply, Problem> {
    Reply::json(&ask.casework.view(ask.caller()?, ask.part("jurisdiction"), ask.part("request")).await?)
}

pub(crate) async fn look(ask: Ask) -> Result<Reply, Problem> {
    let AnswersBody { answers } = ask.body_if_any()?;
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let looked = ask.casework.look(ask.caller()?, jurisdiction, request, answers).await;
    answered(&ask.casework, looked, |looked| {
        let step = Taken { rulings: looked.rulings, receipt: looked.receipt };
        Reply::json(&LookedView { taken: taken(&ask.casework, request, step), candidates: looked.candidates })
    })
}

pub(crate) async fn dispose(ask: Ask) -> Result<Reply, Problem> {
    let examination = ask.body::<DispositionsBody>()?.examination();
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let step = ask.casework.dispose(ask.caller()?, jurisdiction, request, examination).await;
    answered(&ask.casework, step, |step| Reply::json(&taken(&ask.casework, request, step)))
}

pub(crate) async fn sign(ask: Ask) -> Result<Reply, Problem> {
    let sign_off = ask.body::<SignOffBody>()?.sign_off();
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let step = ask.casework.sign(ask.caller()?, jurisdiction, request, sign_off).await;
    answered(&ask.casework, step, |step| Reply::json(&taken(&ask.casework, request, step)))
}

pub(crate) async fn acknowledge(ask: Ask) -> Result<Reply, Problem> {
    let AcknowledgementBody { statement, text, digest } = ask.body()?;
    let acknowledgement = Acknowledgement { statement, text, digest };
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let receipt = ask.casework.acknowledge(ask.caller()?, jurisdiction, request, acknowledgement).await?;
    Reply::json(&RecordedView { receipt: receipt.map(Into::into) })
}

pub(crate) async fn release(ask: Ask) -> Result<Reply, Problem> {
    let outgoing = ask.body::<ReleaseBody>()?.outgoing();
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let done = ask.casework.release(ask.caller()?, jurisdiction, request, outgoing).await;
    answered(&ask.casework, done, |done| {
        Reply::json(&ReleasedView { taken: taken(&ask.casework, request, done.taken), documents: done.documents })
    })
}

pub(crate) async fn disseminate(ask: Ask) -> Result<Reply, Problem> {
    let hand_over = ask.body::<DisseminationBody>()?.hand_over();
    let form = hand_over.form;
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let handed = ask.casework.disseminate(ask.caller()?, jurisdiction, request, hand_over).await;
    answered(&ask.casework, handed, |handed| {
        let step = taken(&ask.casework, request, handed.taken);
        Reply::json(&DisseminatedView {
            statements: statements(&ask.casework, &step.obligations),
            taken: step,
            document: handed.document.map(|(document, bytes)| DocumentView::of(&document, form, bytes)),
        })
    })
}

pub(crate) async fn report_outcome(ask: Ask) -> Result<Reply, Problem> {
    let AnswersBody { answers } = ask.body()?;
    let (jurisdiction, request) = (ask.part("jurisdiction"), ask.part("request"));
    let step = ask.casework.report_outcome(ask.caller()?, jurisdiction, request, answers).await;
    answered(&ask.casework, step, |step| Reply::json(&taken(&ask.casework, request, step)))
}

pub(crate) async fn obligations_of(ask: Ask) -> Result<Reply, Problem> {
    Reply::json(&ask.casework.obligations_for(ask.caller()?, ask.part("jurisdiction")).await?)
}

pub(crate) async fn complete(ask: Ask) -> Result<Reply, Problem> {
    let CompletionBody { note } = ask.body()?;
    let (jurisdiction, obligation) = (ask.part("jurisdiction"), ask.part("obligation"));
    let done = ask.casework.complete(ask.caller()?, jurisdiction, obligation, &note).await?;
    let receipt: Option<api::ReceiptView> = done.receipt.map(Into::into);
    Reply::json(&RecordedView { receipt })
}

pub(crate) async fn waive(ask: Ask) -> Result<Reply, Problem> {
    let asking = ask.body::<WaiverBody>()?.asking();
    let (jurisdiction, obligation) = (ask.part("jurisdiction"), ask.part("obligation"));
    let done = ask.casework.waive(ask.caller()?, jurisdiction, obligation, asking).await;
    answered(&ask.casework, done, |done| {
        Reply::json(&WaivedView { step: judged(&ask.casework, done.taken), obligation: done.owed })
    })
}
