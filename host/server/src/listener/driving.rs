//! A connection, from its handshake to its end: how long it may be idle, old, or unread, whoever it is and whatever is answered.

use super::{BoxError, LAST_REQUESTS, MOST_HEAD_BYTES, PARTING, Patience, told};
use crate::draining::Draining;
use crate::handshakes::Handshake;
use crate::idle::{self, UnderWay};
use crate::sending::{OnTheirWay, overdue};
use crate::tls::{Offered, Tls};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// What bytes come and go on: TLS, or TCP alone.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that somebody came in by.
pub(super) struct Entered {
    pub(super) stream: Box<dyn Stream>,
    pub(super) http2: bool,
    /// What the client showed, where it was asked for any.
    pub(super) certificate: Option<CertificateDer<'static>>,
    /// How to learn that the TLS files in force are others; absent where no TLS is spoken.
    pub(super) offered: Option<Offered>,
}

/// An answer to come.
pub(super) type Responding = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// What answers the requests of a connection.
pub(super) type Respond = Box<dyn Fn(Request<Incoming>) -> Responding + Send + Sync>;

/// What is logged of a client that does not read its answer.
const UNREAD: &str = "an answer was not read in time";

/// Does the handshake under the configuration in force, where TLS is spoken.
pub(super) async fn enter(
    tls: Option<&Tls>,
    handshake: Handshake,
    tcp: TcpStream,
    patience: Duration,
) -> Result<Entered, BoxError> {
    tcp.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(Entered { stream: Box::new(tcp), http2: false, certificate: None, offered: None });
    };
    let (config, offered) = tls.current();
    let stream = handshake.accept(config, tcp, patience).await?;
    let (_, session) = stream.get_ref();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let certificate = session.peer_certificates().and_then(<[_]>::first).cloned();
    Ok(Entered { stream: Box::new(stream), http2, certificate, offered: Some(offered) })
}

/// Answers requests until the connection ends or has to. One `is_refused` goes as soon as whoever opened it has been told.
pub(super) async fn drive(
    entered: Entered,
    patience: Patience,
    is_refused: bool,
    mut stop: watch::Receiver<bool>,
    respond: Respond,
) -> Result<(), BoxError> {
    let Entered { stream, http2, certificate: _, offered } = entered;
    let (age, last) =
        if is_refused { (patience.head.min(patience.age), PARTING) } else { (patience.age, LAST_REQUESTS) };
    let (under_way, on_their_way) = (UnderWay::default(), OnTheirWay::default());
    let idle = idle::for_as_long_as(under_way.changes(), patience.head);
    let unread = on_their_way.changes();
    let service = service_fn(move |request: Request<Incoming>| {
        let (counted, on_their_way) = (under_way.another(), on_their_way.clone());
        let responding = respond(request);
        async move { Ok::<_, Infallible>(responding.await.map(|body| on_their_way.answer(body, counted))) }
    });
    let io = TokioIo::new(Draining::new(stream, patience.answer));
    // The two protocols' connections are different types with the same shape.
    macro_rules! drive {
        ($connection:expr, $idle:expr) => {{
            let mut connection = std::pin::pin!($connection);
            let mut unread = std::pin::pin!(overdue(unread, patience.answer));
            let parting = tokio::select! {
                ended = connection.as_mut() => {
                    ended?;
                    return Ok(());
                }
                () = told(&mut stop) => PARTING,
                () = $idle => PARTING.min(patience.body),
                // Its certificate may not be good any more.
                () = replaced(offered) => PARTING,
                () = tokio::time::sleep(age) => last,
                () = unread.as_mut() => return Err(UNREAD.into()),
            };
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = tokio::time::timeout(parting, connection.as_mut()) => ended??,
                () = unread => return Err(UNREAD.into()),
                // The server ends before what is long.
                () = told(&mut stop) => tokio::time::timeout(PARTING.min(parting), connection.as_mut()).await??,
            }
        }};
    }
    if http2 {
        drive!(
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(64)
                .max_header_list_size(MOST_HEAD_BYTES as u32)
                .max_pending_accept_reset_streams(16)
                .keep_alive_interval(Some(Duration::from_secs(20)))
                .serve_connection(io, service),
            idle
        );
    } else {
        drive!(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience.head)
                .max_buf_size(MOST_HEAD_BYTES)
                .serve_connection(io, service),
            // It sees to that itself: the next head is late.
            std::future::pending::<()>()
        );
    }
    Ok(())
}

/// Returns once other TLS files are in force than those a connection came in under.
async fn replaced(offered: Option<Offered>) {
    match offered {
        Some(offered) => offered.replaced().await,
        None => std::future::pending().await,
    }
}
