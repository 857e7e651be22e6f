//! The address for everybody: what is public is had there without a certificate, and nothing else is there at all.
//!
//! Whoever comes is nobody, so nothing that is shown them is an entry, and they share nothing with those who have shown who they are:
//! places, handshakes and turns to be answered are their own, and few. What is counted against each is the address that they come
//! from. Attempts to change a log, or to read what is for its auditors, are counted together, and an entry says how many they were.

use super::driving::{Entered, Responding, drive, enter};
use super::serving::{finished, head_bytes, head_too_large, response_of, turn_away};
use super::waiting::{self, Meanwhile};
use super::{BoxError, Door, HEAD_BYTES, Patience, ServerError, apportioned};
use crate::bodies::busy;
use crate::body;
use crate::budget::Budget;
use crate::endpoints::{Ask, Reply};
use crate::handshakes::Handshakes;
use crate::metrics::Metrics;
use crate::places::Places;
use crate::problem::Problem;
use crate::public_log;
use crate::query;
use crate::routes::{Match, Route, Table};
use crate::tls::{Clients, Tls, TlsFiles};
use bytes::Bytes;
use casework::Casework;
use casework::reopening::Wait;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};

/// Connections of everybody at one moment, unless fewer are said: what some auditors with a few each need. They cost those with
/// certificates nothing but file descriptors.
pub const MOST_PUBLIC_CONNECTIONS: usize = 128;

/// Connections from one address at one moment, unless it is said otherwise: a browser opens six to a host.
pub const MOST_PUBLIC_EACH: usize = 16;

/// Requests that are answered at one moment. Each may ask the disk or the database, which those with certificates need.
const MOST_TURNS: usize = 4;

/// As many for the log, which asks the disk alone: whoever waits for the database keeps nobody from checkpoint and tiles.
const MOST_LOG_TURNS: usize = 4;

/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// What is logged of a connection for which there is no place.
const FULL: &str = "as many connections as there may be without a certificate: this one is closed";

/// What everybody is told of what is wrong within.
const UNTOLD: &str = "the host cannot answer this now; its own people are told why";

/// Where everybody may ask, and how many of them at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Public {
    /// The address; port 0 takes any.
    pub listen: SocketAddr,
    /// Whether TLS is spoken there, with the server's own certificate. Without, a proxy in front should.
    pub tls: bool,
    /// Connections at one moment.
    pub connections: usize,
    /// Connections from one address at one moment: behind a proxy all have one.
    pub connections_each: usize,
}

/// The address, listened on.
pub(super) struct Window {
    door: Door<Option<Tls>>,
    bounds: Public,
}

/// What every connection shares that comes in there.
pub(super) struct Counter {
    casework: Arc<Casework>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    /// By which those with certificates come in: whether they do is said here, too.
    certified: Tls,
    table: Table,
    patience: Patience,
    places: Arc<Places>,
    served: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    log_turns: Arc<Semaphore>,
}

/// What each connection and each request under way holds. In this order, so that casework is let go of before it is told that
/// nobody is busy with it any more.
#[derive(Clone)]
struct Guest {
    counter: Arc<Counter>,
    _busy: mpsc::Sender<()>,
}

impl Window {
    /// Listens, with the certificate of these files where TLS is spoken.
    pub(super) async fn open(bounds: Public, files: &TlsFiles) -> Result<Self, ServerError> {
        let tls = if bounds.tls { Some(Tls::load(files.clone(), Clients::Anybody)?) } else { None };
        Ok(Self { door: Door::listen(bounds.listen, tls).await?, bounds })
    }

    /// Where it listens, as an address begins.
    pub(super) fn address(&self) -> String {
        let scheme = if self.door.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.door.address())
    }

    pub(super) fn bounds(&self) -> Public {
        self.bounds
    }

    /// Tells whoever asks that the host waits, for as long as it does.
    pub(super) async fn wait(
        &self,
        patience: Patience,
        handshakes_each: usize,
        waits: watch::Receiver<Option<Wait>>,
    ) -> Infallible {
        let (handshakes, served) = apportioned(self.bounds.connections);
        let meanwhile = Meanwhile { patience, handshakes, handshakes_each, served, for_everybody: true };
        waiting::answer(&self.door, self.door.tls.as_ref(), meanwhile, waits).await
    }

    /// Answers until `stop` turns true. `busy` is held by each connection and request.
    pub(super) async fn serve(
        self,
        counter: Counter,
        handshakes_each: usize,
        mut stop: watch::Receiver<bool>,
        busy: mpsc::Sender<()>,
    ) {
        let Self { door, bounds } = self;
        let follower = door.tls.clone().map(|tls| tokio::spawn(tls.follow()));
        let (in_handshakes, _) = apportioned(bounds.connections);
        let handshakes = Handshakes::new(in_handshakes, handshakes_each);
        let guest = Guest { counter: Arc::new(counter), _busy: busy };
        while let Some((tcp, peer)) = door.accept(&mut stop).await {
            let (guest, tls, stop) = (guest.clone(), door.tls.clone(), stop.clone());
            let handshake = handshakes.begin(peer.ip());
            tokio::spawn(async move {
                let entered = enter(tls.as_ref(), handshake, tcp, guest.counter.patience.head).await;
                let ended = match entered {
                    Ok(entered) => guest.connection(entered, peer.ip(), stop).await,
                    Err(e) => Err(e),
                };
                if let Err(e) = ended {
                    // Anybody may cause as many lines of these as they like.
                    tracing::debug!(%peer, %e, "a public connection ended");
                }
            });
        }
        if let Some(follower) = follower {
            follower.abort();
        }
    }
}

impl Counter {
    /// With places for as many as this says.
    pub(super) fn new(
        (casework, metrics, budget): (Arc<Casework>, Arc<Metrics>, Arc<Budget>),
        certified: Tls,
        patience: Patience,
        bounds: Public,
    ) -> Self {
        let (_, served) = apportioned(bounds.connections);
        Self {
            casework,
            metrics,
            budget,
            certified,
            table: Table::for_everybody(),
            patience,
            places: Places::new(bounds.connections_each),
            served: Arc::new(Semaphore::new(served)),
            turns: Arc::new(Semaphore::new(MOST_TURNS)),
            log_turns: Arc::new(Semaphore::new(MOST_LOG_TURNS)),
        }
    }

    /// Counts a call where it is an attempt on a log that there is: no route here is for one.
    fn note(&self, method: &Method, path: &str) {
        let is_here = |id: &str| self.casework.chamber(id).is_ok();
        if let Some(log) = public_log::attempted(method, path, is_here)
            && is_here(&log)
        {
            self.budget.tried(&log, 1);
        }
    }
}

impl Guest {
    async fn connection(self, entered: Entered, peer: IpAddr, stop: watch::Receiver<bool>) -> Result<(), BoxError> {
        let place = self.counter.places.take_from(peer)?;
        // Nobody waits for a place: whoever waits takes a file descriptor, too, and they may be any number.
        let Ok(_served) = self.counter.served.clone().try_acquire_owned() else { return Err(FULL.into()) };
        let (patience, refusal) = (self.counter.patience, place.refusal());
        let is_refused = refusal.is_some();
        let respond = move |request: Request<Incoming>| -> Responding {
            let (guest, refusal) = (self.clone(), refusal.clone());
            Box::pin(async move {
                match refusal {
                    Some(refusal) => turn_away(request, refusal),
                    None => guest.serve(request).await,
                }
            })
        };
        drive(entered, patience, is_refused, stop, Box::new(respond)).await
    }

    async fn serve(self, request: Request<Incoming>) -> Response<Bytes> {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        let head_bytes = head_bytes(&head.uri, &head.headers);
        let (method, path) = (head.method, head.uri.path().to_owned());
        let query = query::pairs(head.uri.query().unwrap_or_default());
        let found = self.counter.table.find(&method, &path);
        let allow = found.allow();
        self.counter.note(&method, &path);
        let (label, answer) = match found {
            _ if head_bytes > HEAD_BYTES => ("none", Err(head_too_large(head_bytes))),
            Match::Nothing => {
                let detail = format!("for everybody there is nothing at {path}: GET /openapi.json says what there is");
                ("none", Err(Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail)))
            }
            Match::Methods(_) => {
                let detail = format!("for everybody {path} takes GET or HEAD");
                let title = "not with this method";
                ("none", Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", title, detail)))
            }
            Match::Route(route, parts) => {
                let parts = parts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let length = head.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
                let answered = match body::read(&mut body, route.body, length, self.counter.patience.body).await {
                    Ok(body) => self.clone().answer(route, parts, query, body).await,
                    Err(problem) => Err(problem),
                };
                (route.path, answered)
            }
        };
        let response = response_of(answer, label, allow, &method, &path);
        self.counter.metrics.answered(label, response.status().as_u16(), started.elapsed());
        body::run_off(body);
        response
    }

    /// Answers when it is its turn. What is wrong within is not for everybody.
    async fn answer(
        self,
        route: &'static Route,
        path: Vec<(String, String)>,
        query: Vec<(String, String)>,
        body: Bytes,
    ) -> Result<Reply, Problem> {
        query::check(&query, route.query)?;
        if let Some((_, jurisdiction)) = path.iter().find(|(name, _)| name == "jurisdiction")
            && self.counter.casework.chamber(jurisdiction).is_err()
        {
            // Where they are listed is nowhere for everybody.
            let detail = format!("there is no jurisdiction `{jurisdiction}` here");
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown", "there is no such thing", detail));
        }
        let turns = if public_log::is_of_log(route.path) { &self.counter.log_turns } else { &self.counter.turns };
        let turn = tokio::time::timeout(TURN, turns.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok);
        let turn = turn.ok_or_else(|| busy("too many ask without a certificate: ask again in some seconds"))?;
        let answering = async move {
            let _turn = turn;
            let Counter { casework, metrics, certified, .. } = &*self.counter;
            let (casework, metrics, tls) = (casework.clone(), metrics.clone(), certified.clone());
            let ask = Ask { casework, metrics, tls, caller: None, named: None, for_everybody: true, path, query, body };
            let answered = (route.answer)(ask).await;
            // Whole until here: it holds what says that somebody is busy.
            drop(self);
            answered
        };
        finished(route, tokio::spawn(answering)).await.map_err(in_public)
    }
}

/// A problem as everybody is told it: what went wrong within may name files and people.
fn in_public(problem: Problem) -> Problem {
    if problem.status.is_server_error() && problem.kind != public_log::UNPUBLISHED {
        Problem { detail: UNTOLD.to_owned(), ..problem }
    } else {
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_within_is_not_for_everybody() {
        let told = |status, kind| in_public(Problem::new(status, kind, "a title", "/srv is full")).detail;
        assert_eq!(told(StatusCode::SERVICE_UNAVAILABLE, "unavailable"), UNTOLD);
        assert_eq!(told(StatusCode::INTERNAL_SERVER_ERROR, "failure"), UNTOLD);
        assert_eq!(told(StatusCode::NOT_FOUND, "unknown"), "/srv is full", "what was asked is no secret");
        assert_eq!(told(StatusCode::SERVICE_UNAVAILABLE, public_log::UNPUBLISHED), "/srv is full");
    }
}
