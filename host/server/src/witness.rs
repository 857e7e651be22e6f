//! A witness over HTTP: `POST /add-checkpoint` (c2sp.org/tlog-witness), and `GET /healthz`.
//!
//! The same TLS as the server's: whoever asks needs a certificate of the witness's authority. The specification leaves
//! that open; what decides is the log's signature on the checkpoint.

use crate::draining::Draining;
use crate::handshakes::{Handshakes, MOST_HANDSHAKES, MOST_HANDSHAKES_EACH};
use crate::listener::{Door, ServerError, told};
use crate::tls::{Offered, TlsFiles};
use audit::{MAX_REQUEST_BYTES, Refusal, Witness};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

/// Connections that are served at one moment: a host holds one for each of its logs.
const MOST_CONNECTIONS: usize = 256;

/// For a request's head and its body, for the answer, and to wait for a place, each: they are small.
const PATIENCE: Duration = Duration::from_secs(10);

/// For which a connection takes requests: whoever was let in is looked at again after that.
const AGE: Duration = Duration::from_secs(600);

/// For work under way when the witness stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Size of a request's head, in bytes.
const HEAD_BYTES: usize = 16 << 10;

const TEXT: &str = "text/plain; charset=utf-8";

/// A witness that listens but does not answer yet.
pub struct WitnessServer {
    door: Door,
}

impl WitnessServer {
    /// Reads the certificates and listens; port 0 takes any.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(address: SocketAddr, files: TlsFiles) -> Result<Self, ServerError> {
        Ok(Self { door: Door::open(address, files).await? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Answers until `stop` turns true, and lets answers under way finish.
    pub async fn run(self, witness: Arc<Witness>, mut stop: watch::Receiver<bool>) {
        let follower = self.door.follow();
        let mut connections = JoinSet::new();
        let stopped = stop.clone();
        let (handshakes, places) =
            (Handshakes::new(MOST_HANDSHAKES, MOST_HANDSHAKES_EACH), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        loop {
            while connections.try_join_next().is_some() {}
            let Some((tcp, peer)) = self.door.accept(&mut stop).await else { break };
            // One protocol is enough for one kind of small request.
            let (config, offered) = self.door.tls.current();
            let mut tls = rustls::ServerConfig::clone(&config);
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            let (witness, stopped) = (witness.clone(), stopped.clone());
            let (handshake, places) = (handshakes.begin(peer.ip()), places.clone());
            let connected = async move {
                tcp.set_nodelay(true)?;
                let tls = handshake.accept(Arc::new(tls), tcp, PATIENCE).await?;
                let _place = tokio::time::timeout(PATIENCE, places.acquire_owned()).await??;
                connection(witness, tls, offered, stopped).await
            };
            connections.spawn(async move {
                if let Err(e) = connected.await {
                    tracing::info!(%peer, %e, "connection ended");
                }
            });
        }
        follower.abort();
        drop(self.door);
        let finished = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, finished).await;
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    witness: Arc<Witness>,
    tls: TlsStream<TcpStream>,
    offered: Offered,
    mut stop: watch::Receiver<bool>,
) -> Result<(), BoxError> {
    let service = service_fn(move |request| {
        let witness = witness.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(witness, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Draining::new(tls, PATIENCE)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            ended?;
            return Ok(());
        }
        () = told(&mut stop) => {}
        // Its certificate may not be good any more.
        () = offered.replaced() => {}
        () = tokio::time::sleep(AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Longer than a body and its answer may take.
    tokio::time::timeout(3 * PATIENCE, connection).await??;
    Ok(())
}

async fn answer(witness: Arc<Witness>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    match (head.method, head.uri.path()) {
        (Method::POST, "/add-checkpoint") => add_checkpoint(witness, body).await,
        (Method::GET, "/healthz") => say(StatusCode::OK, TEXT, format!("{}\n", witness.key())),
        (_, "/add-checkpoint") => {
            let said = "/add-checkpoint takes POST\n".to_owned();
            let mut response = say(StatusCode::METHOD_NOT_ALLOWED, TEXT, said);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
        _ => say(StatusCode::NOT_FOUND, TEXT, "a witness answers POST /add-checkpoint\n".to_owned()),
    }
}

async fn add_checkpoint(witness: Arc<Witness>, body: Incoming) -> Response<Full<Bytes>> {
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_REQUEST_BYTES).collect()).await;
    let request = match read {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) => return say(StatusCode::BAD_REQUEST, TEXT, format!("the body cannot be read: {e}\n")),
        Err(_) => return say(StatusCode::REQUEST_TIMEOUT, TEXT, "the body is too slow\n".to_owned()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // It waits for the disk.
    let judged = tokio::task::spawn_blocking(move || witness.add_checkpoint(&request, now)).await;
    match judged {
        Ok(Ok(cosignature)) => say(StatusCode::OK, TEXT, cosignature.to_string()),
        Ok(Err(refusal)) => {
            match &refusal {
                Refusal::Fork { .. } => tracing::error!(%refusal, "a log may have forked"),
                Refusal::Unwritable(_) => tracing::error!(%refusal, "nothing is cosigned"),
                _ => tracing::info!(%refusal, "a checkpoint is not cosigned"),
            }
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let (media_type, body) = refusal.body();
            say(status, media_type, body)
        }
        Err(e) => {
            tracing::error!(%e, "a request failed unexpectedly");
            say(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the witness failed\n".to_owned())
        }
    }
}

fn say(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
