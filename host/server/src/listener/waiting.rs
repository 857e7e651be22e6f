//! What is answered while the host waits to open a log, and can decide nothing: that, and why.
//!
//! Nobody is kept waiting for an answer without an end then, and whoever watches the host learns that it waits. As long as nothing is
//! wrong, no connection is taken: whoever comes while the host starts is answered by the host that has started.

use super::serving::unread;
use super::{BoxError, Door, HEAD_BYTES, MOST_CONNECTIONS, Patience};
use crate::draining::Draining;
use crate::endpoints::{Reply, health, readiness};
use crate::handshakes::Handshakes;
use crate::identity;
use crate::problem::Problem;
use casework::chamber::Impediment;
use casework::reopening::Wait;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use model::registry::Principal;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

/// Answers for as long as it is waited for, whenever there is something to wait for.
pub(super) async fn answer(
    door: &Door,
    patience: Patience,
    handshakes_each: usize,
    mut waits: watch::Receiver<Option<Wait>>,
) -> Infallible {
    // Nobody tells it to stop: whoever waits for it lets it go.
    let (_running, mut stop) = watch::channel(false);
    let (handshakes, served) = (Handshakes::new(handshakes_each), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
    // They end with this.
    let mut connections = JoinSet::new();
    connections.spawn(door.tls.clone().follow(door.files.clone()));
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
        let (config, _) = door.tls.current();
        let (handshake, served) = (handshakes.begin(peer.ip()), served.clone());
        let told = async move {
            tcp.set_nodelay(true)?;
            let tls = handshake.accept(config, tcp, patience.head).await?;
            let _served = tokio::time::timeout(patience.head, served.acquire_owned()).await??;
            tokio::time::timeout(patience.head, connection(tls, patience, wait)).await?
        };
        connections.spawn(async move {
            if let Err(e) = told.await {
                tracing::info!(%peer, %e, "connection ended");
            }
        });
    }
}

async fn connection(tls: TlsStream<TcpStream>, patience: Patience, wait: Wait) -> Result<(), BoxError> {
    let (_, session) = tls.get_ref();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let asker = certificate.and_then(|certificate| identity::principal(certificate).ok());
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let reply = reply(request.uri().path(), &wait, asker.as_ref()).unwrap_or_else(Reply::of);
        let response = unread(request, reply).map(Full::new);
        async move { Ok::<_, Infallible>(response) }
    });
    let io = TokioIo::new(Draining::new(tls, patience.answer));
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(64).max_header_list_size(HEAD_BYTES as u32);
        builder.max_pending_accept_reset_streams(16).serve_connection(io, service).await?;
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(HEAD_BYTES);
        builder.serve_connection(io, service).await?;
    }
    Ok(())
}

/// The same as the host answers that has started and cannot write a log.
fn reply(path: &str, wait: &Wait, asker: Option<&Principal>) -> Result<Reply, Problem> {
    let Wait { jurisdiction, reason } = wait;
    match path {
        "/healthz" => health(false),
        "/readyz" => {
            let text = format!("{jurisdiction}: the audit log cannot be written: {reason}");
            readiness(vec![Impediment { jurisdiction: Some(jurisdiction.clone()), partial: false, text }], asker)
        }
        _ => Err(Problem::unavailable(
            "the host waits to open an audit log that cannot be written, so nothing was done; GET /readyz says more",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    #[test]
    fn whoever_watches_is_told_and_nobody_is_served() {
        let wait = Wait { jurisdiction: "north".to_owned(), reason: "/srv is full".to_owned() };
        let of = |jurisdiction: &str| Principal {
            jurisdiction: jurisdiction.to_owned(),
            person: "p".to_owned(),
            device: Device::Fixed,
        };
        let asked = |path: &str, asker: Option<&str>| {
            let asker = asker.map(of);
            let reply = reply(path, &wait, asker.as_ref()).unwrap_or_else(Reply::of);
            (reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned())
        };
        assert_eq!(asked("/healthz", None).0, 200, "a restart would change nothing");
        for (asker, why) in [(Some("north"), true), (Some("south"), false), (None, false)] {
            let (status, body) = asked("/readyz", asker);
            assert!(
                status == 503 && body.contains("not ready") && body.contains("/srv is full") == why,
                "{asker:?}: {body}"
            );
        }
        let (status, body) = asked("/v1/north/searches", Some("north"));
        assert!(status == 503 && body.contains("nothing was done") && !body.contains("/srv"), "{body}");
    }
}
