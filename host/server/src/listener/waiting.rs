//! What is answered while the host waits to open a log, and can decide nothing: that, and why.
//!
//! Nobody is kept waiting for an answer without an end then, and whoever watches the host learns that it waits. As long as nothing is
//! wrong, no connection is taken: whoever comes while the host starts is answered by the host that has started.

use super::driving::{Entered, enter};
use super::serving::unread;
use super::{BoxError, Door, MOST_HEAD_BYTES, Patience};
use crate::draining::Draining;
use crate::endpoints::{Reply, health, in_brief, readiness};
use crate::handshakes::Handshakes;
use crate::identity;
use crate::problem::Problem;
use crate::tls::Tls;
use casework::chamber::Impediment;
use casework::reopening::Wait;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use model::registry::Principal;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How many connections there may be meanwhile, and how long each takes.
#[derive(Clone, Copy)]
pub(super) struct Meanwhile {
    pub(super) patience: Patience,
    pub(super) handshakes: usize,
    pub(super) handshakes_each: usize,
    pub(super) served: usize,
    /// Whether it is the address for everybody, who are told that the host waits and not why.
    pub(super) for_everybody: bool,
}

/// Answers for as long as it is waited for, whenever there is something to wait for.
pub(super) async fn answer<T>(
    door: &Door<T>,
    tls: Option<&Tls>,
    meanwhile: Meanwhile,
    mut waits: watch::Receiver<Option<Wait>>,
) -> Infallible {
    let Meanwhile { patience, handshakes, handshakes_each, served, for_everybody } = meanwhile;
    // Any number of them would wait for a place, and the logs want for file descriptors.
    let most = handshakes.saturating_add(served);
    // Nobody tells it to stop: whoever waits for it lets it go.
    let (_running, mut stop) = watch::channel(false);
    let (handshakes, served) = (Handshakes::new(handshakes, handshakes_each), Arc::new(Semaphore::new(served)));
    // They end with this, and so does whatever follows the files.
    let (mut connections, mut following) = (JoinSet::new(), JoinSet::new());
    if let Some(tls) = tls {
        following.spawn(tls.clone().follow());
    }
    loop {
        let Ok(wait) = waits.wait_for(Option::is_some).await.map(|wait| wait.clone()) else {
            return std::future::pending().await;
        };
        let accepted = tokio::select! {
            accepted = door.accept(&mut stop) => accepted,
            _ = waits.wait_for(Option::is_none) => None,
        };
        let (Some((tcp, peer)), Some(wait)) = (accepted, wait) else { continue };
        while connections.try_join_next().is_some() {}
        if connections.len() >= most {
            continue;
        }
        let (handshake, served, tls) = (handshakes.begin(peer.ip()), served.clone(), tls.cloned());
        let told = async move {
            let entered = enter(tls.as_ref(), handshake, tcp, patience.head).await?;
            let _served = tokio::time::timeout(patience.head, served.acquire_owned()).await??;
            tokio::time::timeout(patience.head, connection(entered, for_everybody, patience, wait)).await?
        };
        connections.spawn(async move {
            match told.await {
                Ok(()) => {}
                // Anybody may cause as many lines of these as they like.
                Err(e) if for_everybody => tracing::debug!(%peer, %e, "a public connection ended"),
                Err(e) => tracing::info!(%peer, %e, "connection ended"),
            }
        });
    }
}

async fn connection(entered: Entered, for_everybody: bool, patience: Patience, wait: Wait) -> Result<(), BoxError> {
    let Entered { stream, http2, certificate, offered: _ } = entered;
    let asker = certificate.and_then(|certificate| identity::principal(&certificate).ok());
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let reply = match request.uri().path() {
            "/readyz" if for_everybody => in_brief(&[impediment(&wait)]),
            path => reply(path, &wait, asker.as_ref(), for_everybody),
        };
        let reply = reply.unwrap_or_else(Reply::of);
        let response = unread(request, reply).map(Full::new);
        async move { Ok::<_, Infallible>(response) }
    });
    let io = TokioIo::new(Draining::new(stream, patience.answer));
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(64).max_header_list_size(MOST_HEAD_BYTES as u32);
        builder.max_pending_accept_reset_streams(16).serve_connection(io, service).await?;
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(MOST_HEAD_BYTES);
        builder.serve_connection(io, service).await?;
    }
    Ok(())
}

/// The same as the host answers that has started and cannot write a log.
fn reply(path: &str, wait: &Wait, asker: Option<&Principal>, for_everybody: bool) -> Result<Reply, Problem> {
    match path {
        "/healthz" => health(false),
        "/readyz" => readiness(vec![impediment(wait)], asker),
        _ => {
            let waits = "the host waits to open an audit log, so nothing was done";
            // What more there is to say is said to its own people.
            let more = if asker.is_some_and(|asker| asker.jurisdiction == wait.jurisdiction) {
                "GET /readyz says why"
            } else if for_everybody {
                "ask again later"
            } else {
                "GET /readyz tells its own people why"
            };
            Err(Problem::unavailable(format!("{waits}; {more}")))
        }
    }
}

fn impediment(wait: &Wait) -> Impediment {
    let Wait { jurisdiction, subject, reason } = wait;
    let text = format!("{jurisdiction}: {subject}: {reason}");
    Impediment { jurisdiction: Some(jurisdiction.clone()), partial: false, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    #[test]
    fn whoever_watches_is_told_and_nobody_is_served() {
        let wait = Wait {
            jurisdiction: "north".to_owned(),
            subject: "the audit log cannot be written".to_owned(),
            reason: "/srv is full".to_owned(),
        };
        let of = |jurisdiction: &str| Principal {
            jurisdiction: jurisdiction.to_owned(),
            person: "p".to_owned(),
            device: Device::Fixed,
        };
        let asked = |path: &str, asker: Option<&str>| {
            let asker = asker.map(of);
            let reply = reply(path, &wait, asker.as_ref(), asker.is_none()).unwrap_or_else(Reply::of);
            (reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned())
        };
        assert_eq!(asked("/healthz", None).0, 200, "a restart would change nothing");
        for (asker, why) in [(Some("north"), true), (Some("south"), false), (None, false)] {
            let (status, body) = asked("/readyz", asker);
            assert!(
                status == 503 && body.contains("not ready") && body.contains("/srv is full") == why,
                "{asker:?}: {body}"
            );
            assert_eq!(body.contains("north: the audit log cannot be written: "), why, "{asker:?}: {body}");
        }
        let (status, body) = asked("/v1/north/searches", Some("north"));
        assert!(status == 503 && body.contains("nothing was done") && !body.contains("/srv"), "{body}");
        assert!(body.contains("GET /readyz says why"), "{body}");
        let (_, body) = asked("/v1/north/log/checkpoint", None);
        assert!(
            body.contains("ask again later") && !body.contains("/readyz"),
            "there is nothing more for them: {body}"
        );
    }
}
