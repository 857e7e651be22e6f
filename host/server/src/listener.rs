//! Connections: accepted, limited, and let finish at shutdown. What becomes of each request is in `serving`; what is answered before
//! the host has started, in `waiting`.
//!
//! Who a client is, is learnt in the handshake and holds for the connection. So no connection is old: each is ended after some
//! minutes, and at once when the certificates or revocations that are in force change. Until then nobody knows who it is, and it
//! takes no place from those who have shown their certificates.

mod serving;
mod waiting;

use crate::bodies::Room;
use crate::draining::Draining;
use crate::handshakes::{Handshake, Handshakes, MOST_HANDSHAKES_EACH};
use crate::identity::{self, IdentityError};
use crate::idle::{self, UnderWay};
use crate::metrics::Metrics;
use crate::places::{MOST_EACH, Places};
use crate::routes::Table;
use crate::sending::{OnTheirWay, overdue};
use crate::tls::{Offered, Tls, TlsError, TlsFiles};
use casework::Casework;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serving::{serve, turn_away};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::server::TlsStream;

/// Connections that are served at one moment. A jurisdiction has hundreds of examiners; a flood has thousands of connections.
const MOST_CONNECTIONS: usize = 1024;

/// For work under way when the server stops.
const FAREWELL: Duration = Duration::from_secs(20);

/// For answers on their way when a connection is to end. Less than [`FAREWELL`]: a client that reads nothing and does not
/// hang up must not keep the server from ending in good order.
const PARTING: Duration = Duration::from_secs(15);

/// For what is under way on a connection that has become old: its requests may be long, and nobody has lost their access.
const LAST_REQUESTS: Duration = Duration::from_secs(300);

/// Size of a request's head, in bytes.
const HEAD_BYTES: usize = 32 << 10;

/// How long a client may take. None is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a request's head; a connection may be idle, or wait for a place, for as long. For the TLS handshake, but for that three
    /// seconds at most.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// For an answer to be taken; a client that reads more slowly loses the connection.
    pub answer: Duration,
    /// For which a connection takes requests.
    pub age: Duration,
}

impl Default for Patience {
    /// Ten seconds for what fits into a few packets; half a minute for a photograph over a slow line; a minute for a report. Ten
    /// minutes for a connection: handshakes are then no cost, and whoever was let in is looked at again soon.
    fn default() -> Self {
        let (head, body) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { head, body, answer: Duration::from_secs(60), age: Duration::from_secs(600) }
    }
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The TLS files.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error("cannot listen on {address}: {reason}; is another server running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
}

/// An address that is listened on, and the certificates to be shown there.
pub(crate) struct Door {
    listener: TcpListener,
    address: SocketAddr,
    files: TlsFiles,
    pub(crate) tls: Tls,
}

impl Door {
    /// Reads the certificates and listens; port 0 takes any.
    pub(crate) async fn open(address: SocketAddr, files: TlsFiles) -> Result<Self, ServerError> {
        let tls = Tls::load(&files)?;
        let failed = |e: std::io::Error| ServerError::Listen { address, reason: e.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, files, tls })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Keeps the certificates those of the files, until it is aborted.
    pub(crate) fn follow(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.tls.clone().follow(self.files.clone()))
    }

    /// The next connection; `None` once told to stop.
    pub(crate) async fn accept(&self, stop: &mut watch::Receiver<bool>) -> Option<(TcpStream, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = told(stop) => return None,
            };
            match accepted {
                Ok(accepted) => return Some(accepted),
                Err(e) => {
                    // Out of file descriptors, say: give connections time to end.
                    tracing::warn!(%e, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// A server that listens but does not answer yet.
pub struct Server {
    door: Door,
    patience: Patience,
    most_each: usize,
    handshakes_each: usize,
}

/// What every connection shares.
struct Desk {
    casework: Arc<Casework>,
    metrics: Arc<Metrics>,
    table: Table,
    patience: Patience,
    places: Arc<Places>,
    served: Arc<Semaphore>,
    room: Room,
}

impl Server {
    /// Reads the certificates and listens; port 0 takes any.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(address: SocketAddr, files: TlsFiles) -> Result<Self, ServerError> {
        let (door, patience) = (Door::open(address, files).await?, Patience::default());
        Ok(Self { door, patience, most_each: MOST_EACH, handshakes_each: MOST_HANDSHAKES_EACH })
    }

    /// The same with other bounds on how long a client may take.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The same with another bound on the connections of one person at one moment.
    #[must_use]
    pub fn with_most_each(self, most_each: usize) -> Self {
        Self { most_each, ..self }
    }

    /// The same with another bound on the handshakes from one address at one moment: behind a proxy all have one.
    #[must_use]
    pub fn with_handshakes_each(self, handshakes_each: usize) -> Self {
        Self { handshakes_each, ..self }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Waits until the host is open. While that waits itself, for a log that cannot be written, whoever asks is told so.
    pub async fn until_open<T>(
        &self,
        waits: watch::Receiver<Option<casework::reopening::Wait>>,
        opening: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            opened = opening => opened,
            never = waiting::answer(&self.door, self.patience, self.handshakes_each, waits) => match never {},
        }
    }

    /// Answers until `stop` turns true, then lets work under way finish and gives casework back to be closed. `None`
    /// where some work did not finish in time.
    pub async fn run(self, casework: Casework, mut stop: watch::Receiver<bool>) -> Option<Casework> {
        let (casework, table, patience) = (Arc::new(casework), Table::new(), self.patience);
        let (places, room) = (Places::new(self.most_each), Room::default());
        let served = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let desk = Arc::new(Desk { casework, metrics: Arc::default(), table, patience, places, served, room });
        let follower = self.door.follow();
        // Ends by itself once told to stop; until then it shares casework with the requests.
        let deadlines = tokio::spawn(casework::deadlines::keep(desk.casework.clone(), stop.clone()));
        let hosts = tokio::spawn(casework::hosts::keep(desk.casework.clone(), stop.clone()));
        let handshakes = Handshakes::new(self.handshakes_each);
        // Held by every connection and every request under way; the channel closes when the last is done.
        let (busy, mut done) = mpsc::channel::<()>(1);
        while let Some((tcp, peer)) = self.door.accept(&mut stop).await {
            let (desk, tls, stop, busy) = (desk.clone(), self.door.tls.clone(), stop.clone(), busy.clone());
            let handshake = handshakes.begin(peer.ip());
            tokio::spawn(async move {
                let entered = enter(&tls, handshake, tcp, desk.patience.head).await;
                let ended = match entered {
                    Ok((tls, offered)) => connection(desk, tls, offered, stop, busy).await,
                    Err(e) => Err(e),
                };
                if let Err(e) = ended {
                    tracing::info!(%peer, %e, "connection ended");
                }
            });
        }
        follower.abort();
        drop((self.door, busy));
        let _ = tokio::time::timeout(FAREWELL, done.recv()).await;
        let _ = tokio::time::timeout(FAREWELL, deadlines).await;
        let _ = tokio::time::timeout(FAREWELL, hosts).await;
        let desk = Arc::into_inner(desk)?;
        Arc::into_inner(desk.casework)
    }
}

/// Returns once the server is told to stop.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody left to say stop counts as a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Does the handshake under the configuration in force; gives how to learn that it is not any more.
async fn enter(
    tls: &Tls,
    handshake: Handshake,
    tcp: TcpStream,
    patience: Duration,
) -> Result<(TlsStream<TcpStream>, Offered), BoxError> {
    tcp.set_nodelay(true)?;
    let (config, offered) = tls.current();
    Ok((handshake.accept(config, tcp, patience).await?, offered))
}

async fn connection(
    desk: Arc<Desk>,
    tls: TlsStream<TcpStream>,
    offered: Offered,
    mut stop: watch::Receiver<bool>,
    busy: mpsc::Sender<()>,
) -> Result<(), BoxError> {
    let patience = desk.patience;
    let (_, session) = tls.get_ref();
    let http2 = session.alpn_protocol() == Some(b"h2");
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let caller = certificate.map_or(Err(IdentityError::Unreadable), identity::principal);
    let place = desk.places.take(certificate, &caller)?;
    let refusal = place.refusal();
    let _served = tokio::select! {
        served = tokio::time::timeout(patience.head, desk.served.clone().acquire_owned()) => served??,
        () = told(&mut stop) => return Ok(()),
    };
    // A connection on which nothing is served goes as soon as whoever opened it has been told.
    let (age, last) = match &refusal {
        Some(_) => (patience.head.min(patience.age), PARTING),
        None => (patience.age, LAST_REQUESTS),
    };
    let (under_way, on_their_way) = (UnderWay::default(), OnTheirWay::default());
    let idle = idle::for_as_long_as(under_way.changes(), patience.head);
    let unread = on_their_way.changes();
    let service = service_fn(move |request| {
        let (desk, caller, busy, refusal) = (desk.clone(), caller.clone(), busy.clone(), refusal.clone());
        let (counted, on_their_way) = (under_way.another(), on_their_way.clone());
        async move {
            let response = match refusal {
                Some(refusal) => turn_away(request, refusal),
                None => serve(desk, caller, request, busy).await,
            };
            Ok::<_, std::convert::Infallible>(response.map(|body| on_their_way.answer(body, counted)))
        }
    });
    let io = TokioIo::new(Draining::new(tls, patience.answer));
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
                () = offered.replaced() => PARTING,
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
                .max_header_list_size(HEAD_BYTES as u32)
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
                .max_buf_size(HEAD_BYTES)
                .serve_connection(io, service),
            // It sees to that itself: the next head is late.
            std::future::pending::<()>()
        );
    }
    Ok(())
}

/// What is logged of a client that does not read its answer.
const UNREAD: &str = "an answer was not read in time";
