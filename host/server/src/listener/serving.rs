//! A request, from its head to its answer: found in the table, let in, read, and answered.
//!
//! Each runs in a task of its own. A client that goes away does not stop an act half-way, and a panic is one failed request. Nor
//! does a log whose disk hangs: it is answered that nobody knows yet, and the act goes on, with all that hangs on its entry.

use super::{Desk, HEAD_BYTES, attempts};
use crate::api::{summarize, summarize_clauses};
use crate::bodies::{BUSY, Claim, RETRY_AFTER};
use crate::body;
use crate::budget::{self, Call, TurnedAway};
use crate::endpoints::{Ask, Reply};
use crate::identity::IdentityError;
use crate::letting_in::{admit, jurisdiction, record_look};
use crate::problem::Problem;
use crate::public_log;
use crate::query;
use crate::routes::{Audit, Match, Route};
use bytes::Bytes;
use casework::CaseError;
use casework::recovery::STALL_LIMIT;
use hyper::body::{Body as _, Incoming};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use model::registry::Principal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How often it is looked whether a log answers, once a request has taken long.
const STALL_LOOK: Duration = Duration::from_secs(1);

/// Says why nothing is served on a connection.
pub(super) fn turn_away(request: Request<Incoming>, refusal: Problem) -> Response<Bytes> {
    let (version, is_head) = (request.version(), request.method() == Method::HEAD);
    let mut response = unread(request, Reply::of(refusal));
    if is_head {
        leave_the_head(&mut response);
    }
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}

/// Answers without reading.
pub(super) fn unread(request: Request<Incoming>, reply: Reply) -> Response<Bytes> {
    let response = respond(reply, "no-store");
    body::run_off(request.into_body());
    response
}

pub(super) fn respond(reply: Reply, kept: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(reply.content_type));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(kept));
    response
}

/// What `HEAD` is answered with (RFC 9110, section 9.3.2): how long the body is, and no body.
pub(super) fn leave_the_head(response: &mut Response<Bytes>) {
    let body = std::mem::take(response.body_mut());
    response.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from(body.len()));
}

/// How large a request's head is, in bytes: its path and query, and the names and values of its headers.
pub(super) fn head_bytes(uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len())
}

/// Of a head of more than [`HEAD_BYTES`].
pub(super) fn head_too_large(bytes: usize) -> Problem {
    let detail = format!("path and headers are {bytes} bytes, and may be {HEAD_BYTES}: send less");
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Problem::new(status, "head-too-large", "the head is too large", detail)
}

/// How what came of a request is told; `label` is the path of its route, and `allow` its path's methods where its own is wrong.
pub(super) fn response_of(
    answer: Result<Reply, Problem>,
    label: &'static str,
    allow: Option<header::HeaderValue>,
    method: &Method,
    path: &str,
) -> Response<Bytes> {
    let again = answer.as_ref().is_err_and(|problem| problem.kind == BUSY);
    let reply = answer.unwrap_or_else(Reply::of);
    // Candidate lists and accounts are nobody's to keep; the public log's full tiles never change.
    let kept = public_log::kept(label, path, reply.status);
    let mut response = respond(reply, kept.unwrap_or("no-store"));
    if *method == Method::HEAD {
        leave_the_head(&mut response);
    }
    if again {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
    }
    // What else is answered there says nothing of methods.
    if let Some(allow) = allow
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

pub(super) async fn serve(
    desk: Arc<Desk>,
    caller: Result<Principal, IdentityError>,
    whose: &str,
    request: Request<Incoming>,
    busy: mpsc::Sender<()>,
) -> Response<Bytes> {
    let started = Instant::now();
    let metrics = desk.metrics.clone();
    let (head, mut body) = request.into_parts();
    let (mut read, mut unheard) = (false, None);
    let head_bytes = head_bytes(&head.uri, &head.headers);
    let (method, path) = (head.method, head.uri.path().to_owned());
    let query = query::pairs(head.uri.query().unwrap_or_default());
    let found = desk.table.find(&method, &path);
    let allow = found.allow();
    let attempt = attempts::attempted(&desk, &found, head_bytes <= HEAD_BYTES, (&method, &path));
    let is_attempt = attempt.is_some();
    let (label, answer) = match (found, attempt) {
        // Before anything is said of its form: an attempt is on record however it is written.
        (found, Some(log)) => {
            let asked = public_log::asked(&method, &path);
            let otherwise = method.is_safe().then(|| unrouted(&found, &path, head_bytes));
            let told = attempts::answer(&desk, (&caller, whose), (log, asked), otherwise, busy).await;
            let problem = told.unwrap_or_else(|TurnedAway { problem, seconds }| {
                unheard = Some(seconds);
                *problem
            });
            ("none", Err(problem))
        }
        (found @ (Match::Nothing | Match::Methods(_)), None) => ("none", Err(unrouted(&found, &path, head_bytes))),
        (Match::Route(route, parts), None) => {
            let parts: Vec<(String, String)> = parts.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            let length = head.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
            let heard = match route.audit {
                Audit::Public => Ok(None),
                Audit::Look | Audit::Step => {
                    let asked = jurisdiction(&parts);
                    let heard = hear(&desk, &caller, whose, asked, route.method == Method::GET);
                    heard.map(|()| hangs(&desk, &caller, asked))
                }
            };
            let received = match heard {
                Ok(Some(refused)) => Err(refused),
                Ok(None) if head_bytes > HEAD_BYTES => {
                    let admitted = let_in(&desk, (route, &method), &caller, &parts, &busy).await;
                    Err(admitted.err().unwrap_or_else(|| head_too_large(head_bytes)))
                }
                Ok(None) => receive(&desk, (route, &method), &caller, &parts, (length, &mut body), &busy).await,
                Err(TurnedAway { problem, seconds }) => {
                    unheard = Some(seconds);
                    Err(*problem)
                }
            };
            read = received.is_ok();
            let answered = match received {
                Ok((sent, room)) => {
                    let (theirs, method) = (desk.clone(), method.clone());
                    let answering = async move {
                        let _held = (busy, room);
                        // Let in anew: meanwhile they may have been suspended.
                        answer(&theirs, (route, &method), caller, parts, query, sent).await
                    };
                    unless_stalled(&desk, finished(route, tokio::spawn(answering))).await
                }
                Err(problem) => Err(problem),
            };
            (route.path, answered)
        }
    };
    // Whoever is refused before they are answered reads what the clauses say, too.
    let answer = answer.map_err(|problem| summarized(problem, &desk));
    // An attempt that was heard counts, whatever it is answered.
    if answer.as_ref().is_err_and(budget::is_refusal) || (is_attempt && unheard.is_none()) {
        desk.budget.refused(whose, Instant::now());
    }
    let mut response = response_of(answer, label, allow, &method, &path);
    metrics.answered(label, response.status().as_u16(), started.elapsed());
    if !read {
        body::run_off(body);
    }
    if let Some(seconds) = unheard {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}

/// Of a call that no route answers, with a head of so many bytes.
fn unrouted(found: &Match<'_>, path: &str, head_bytes: usize) -> Problem {
    if head_bytes > HEAD_BYTES {
        return head_too_large(head_bytes);
    }
    if let Match::Methods(methods) = found {
        let right: Vec<_> = methods.iter().map(|m| m.as_str()).collect();
        let detail = format!("{path} takes {}", right.join(" or "));
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "not with this method", detail);
    }
    let detail = format!("there is nothing at {path}: GET /openapi.json lists what there is");
    Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail)
}

/// Whether a call is heard that is on record with this jurisdiction, before it is looked at who calls.
pub(super) fn hear(
    desk: &Desk,
    caller: &Result<Principal, IdentityError>,
    whose: &str,
    jurisdiction: &str,
    is_look: bool,
) -> Result<(), TurnedAway> {
    let log = budget::log_of(&desk.casework, jurisdiction, caller);
    let call = Call { whose, principal: caller.as_ref().ok(), log, is_look };
    desk.budget.hear(call, Instant::now())
}

/// Turns a request's caller away, on record, if they may not ask. To its end, whoever waits for it.
async fn let_in(
    desk: &Arc<Desk>,
    (route, method): (&'static Route, &Method),
    caller: &Result<Principal, IdentityError>,
    parts: &[(String, String)],
    busy: &mpsc::Sender<()>,
) -> Result<(), Problem> {
    let (theirs, busy, caller) = (desk.clone(), busy.clone(), caller.clone());
    let (method, parts) = (method.clone(), parts.to_vec());
    let admitting = async move {
        // In this order: casework is let go of before it is told that nobody is busy with it any more.
        let (_busy, desk) = (busy, theirs);
        admit(&desk.casework, (route, &method), caller, &parts).await.map(drop)
    };
    unless_stalled(desk, finished(route, tokio::spawn(admitting))).await
}

/// Lets a request's caller in, and reads its body; gives it with the room that it takes. Whoever may not ask is turned away
/// before a byte of what they send is held, and before it is said that the route takes no body.
async fn receive(
    desk: &Arc<Desk>,
    (route, method): (&'static Route, &Method),
    caller: &Result<Principal, IdentityError>,
    parts: &[(String, String)],
    (length, body): (Option<usize>, &mut Incoming),
    busy: &mpsc::Sender<()>,
) -> Result<(Bytes, Claim), Problem> {
    // Who brings nothing where nothing is taken is let in when they are answered.
    let brings = length.is_some_and(|length| length > 0) || !body.is_end_stream();
    if route.body > 0 || brings {
        let_in(desk, (route, method), caller, parts, busy).await?;
    }
    let whose = caller.as_ref().map(ToString::to_string).unwrap_or_default();
    let room = desk.room.claim(&whose, length.unwrap_or(route.body).min(route.body)).await?;
    Ok((body::read(body, route.body, length, desk.patience.body).await?, room))
}

/// Says that nothing is done where the disk of a log hangs that this would be on record in: whoever is at a step holds what others
/// wait for.
pub(super) fn hangs(desk: &Desk, caller: &Result<Principal, IdentityError>, jurisdiction: &str) -> Option<Problem> {
    let home = caller.as_ref().map_or("", |principal| principal.jurisdiction.as_str());
    let reason = desk.casework.stalled(&[home, jurisdiction])?;
    Some(CaseError::Log(reason).into())
}

/// Waits for an answer; where that takes too long while the disk of a log hangs, says so instead. What was asked goes on.
pub(super) async fn unless_stalled<T>(
    desk: &Desk,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let hangs = async {
        tokio::time::sleep(STALL_LIMIT).await;
        loop {
            if let Some(reason) = desk.casework.stalled(&[]) {
                return reason;
            }
            tokio::time::sleep(STALL_LOOK).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        reason = hangs => Err(Problem::unavailable(format!(
            "the audit log does not answer: {reason}; what was asked may be done, and on record, once it does: look for it then \
             before you repeat it"
        ))),
    }
}

/// What came of a task; a panic in it is one failed request.
pub(super) async fn finished<T>(route: &Route, work: JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
    work.await.unwrap_or_else(|e| {
        tracing::error!(%e, route = route.path, "a request failed unexpectedly");
        let title = "the host failed";
        let detail = "this request failed unexpectedly; what was recorded of it stands";
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", title, detail))
    })
}

async fn answer(
    desk: &Desk,
    (route, method): (&'static Route, &Method),
    principal: Result<Principal, IdentityError>,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Bytes,
) -> Result<Reply, Problem> {
    let named = principal.as_ref().ok().cloned();
    let caller = admit(&desk.casework, (route, method), principal, &path).await?;
    query::check(&query, route.query)?;
    let (casework, metrics, tls) = (desk.casework.clone(), desk.metrics.clone(), desk.tls.clone());
    let ask = Ask { casework, metrics, tls, caller, named, for_everybody: false, path, query, body };
    record_look(route, method, &ask).await?;
    (route.answer)(ask).await
}

/// A problem that says what the clauses say that it names.
fn summarized(mut problem: Problem, desk: &Desk) -> Problem {
    summarize(&mut problem.findings, &desk.casework);
    summarize_clauses(&mut problem.clauses, &desk.casework);
    problem
}
