//! Connections: accepted, limited, and let finish at shutdown. How one is carried to its end is in `driving`; what becomes of each
//! request, in `serving`; what is on record of attempts on a log that no route is for, in `attempts`; what is answered before the
//! host has started, in `waiting`; and whoever shows no certificate, in `public`.
//!
//! Who a client is, is learnt in the handshake and holds for the connection. So no connection is old: each is ended after some
//! minutes, and at once when the certificates or revocations that are in force change. Until then nobody knows who it is, and it
//! takes no place from those who have shown their certificates.

mod attempts;
mod driving;
mod public;
mod serving;
mod waiting;

pub use public::{MOST_PUBLIC_CONNECTIONS, MOST_PUBLIC_EACH, Public};

use crate::bodies::Room;
use crate::budget::{self, Allowances, Budget};
use crate::handshakes::{Handshakes, MOST_HANDSHAKES, MOST_HANDSHAKES_EACH};
use crate::identity::{self, IdentityError};
use crate::metrics::Metrics;
use crate::places::{MOST_EACH, Places};
use crate::routes::Table;
use crate::tls::{Clients, Tls, TlsError, TlsFiles};
use crate::trouble;
use casework::Casework;
use driving::{Entered, Responding, drive, enter};
use hyper::Request;
use hyper::body::Incoming;
use public::{Counter, Window};
use serving::{serve, turn_away};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

/// Connections at one moment, unless fewer are said. A jurisdiction has hundreds of examiners; a flood has thousands of
/// connections.
pub const MOST_CONNECTIONS: usize = 1024;

/// For work under way when the server stops.
const FAREWELL: Duration = Duration::from_secs(20);

/// For answers on their way when a connection is to end. Less than [`FAREWELL`]: a client that reads nothing and does not
/// hang up must not keep the server from ending in good order.
const PARTING: Duration = Duration::from_secs(15);

/// For what is under way on a connection that has become old: its requests may be long, and nobody has lost their access.
const LAST_REQUESTS: Duration = Duration::from_secs(300);

/// Size of a request's head, in bytes: its path and query, and the names and values of its headers.
const HEAD_BYTES: usize = 32 << 10;

/// What is read of a head at most, in bytes: so much more than [`HEAD_BYTES`] that who sends too much is told so in a document. Beyond
/// that the protocol's own code answers, with a bare status.
const MOST_HEAD_BYTES: usize = 2 * HEAD_BYTES;

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
    #[error("cannot listen on {address}: {reason}; see whether another server is running there")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
}

/// An address that is listened on, and the TLS spoken there.
pub(crate) struct Door<T = Tls> {
    listener: TcpListener,
    address: SocketAddr,
    pub(crate) tls: T,
}

impl Door {
    /// Reads the certificates and listens; port 0 takes any.
    pub(crate) async fn open(address: SocketAddr, files: TlsFiles) -> Result<Self, ServerError> {
        Self::listen(address, Tls::load(files, Clients::Certified)?).await
    }

    /// Keeps the certificates those of the files, until it is aborted.
    pub(crate) fn follow(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.tls.clone().follow())
    }
}

impl<T> Door<T> {
    /// Listens; port 0 takes any.
    async fn listen(address: SocketAddr, tls: T) -> Result<Self, ServerError> {
        let failed = |e: std::io::Error| ServerError::Listen { address, reason: e };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
    most_connections: usize,
    allowances: Allowances,
    window: Option<Window>,
}

/// What every connection shares.
struct Desk {
    casework: Arc<Casework>,
    metrics: Arc<Metrics>,
    tls: Tls,
    table: Table,
    patience: Patience,
    places: Arc<Places>,
    served: Arc<Semaphore>,
    room: Room,
    budget: Arc<Budget>,
}

impl Server {
    /// Reads the certificates and listens; port 0 takes any.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(address: SocketAddr, files: TlsFiles) -> Result<Self, ServerError> {
        let door = Door::open(address, files).await?;
        let (patience, allowances) = (Patience::default(), Allowances::default());
        let (most_each, handshakes_each, most_connections) = (MOST_EACH, MOST_HANDSHAKES_EACH, MOST_CONNECTIONS);
        Ok(Self { door, patience, most_each, handshakes_each, most_connections, allowances, window: None })
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

    /// The same with another bound on the connections of everybody at one moment.
    #[must_use]
    pub fn with_most_connections(self, most_connections: usize) -> Self {
        Self { most_connections, ..self }
    }

    /// The same with other bounds on what one person may have on record of what is refused them, and of looks.
    #[must_use]
    pub fn with_allowances(self, allowances: Allowances) -> Self {
        Self { allowances, ..self }
    }

    /// The same with a second address, for everybody: it needs no client certificate. Listens there at once.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn with_public(self, public: Public) -> Result<Self, ServerError> {
        let window = Window::open(public, self.door.tls.files()).await?;
        Ok(Self { window: Some(window), ..self })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Where it listens for everybody, as an address begins: `https://host:port`, or `http://` where it speaks no TLS there.
    pub fn public_address(&self) -> Option<String> {
        self.window.as_ref().map(Window::address)
    }

    /// Waits until the host is open. While that waits itself, for a log that cannot be written, whoever asks is told so.
    pub async fn until_open<T>(
        &self,
        waits: watch::Receiver<Option<casework::reopening::Wait>>,
        opening: impl Future<Output = T>,
    ) -> T {
        let (handshakes, served) = apportioned(self.most_connections);
        let meanwhile = waiting::Meanwhile {
            patience: self.patience,
            handshakes,
            handshakes_each: self.handshakes_each,
            served,
            for_everybody: false,
        };
        let public = async {
            match &self.window {
                Some(window) => window.wait(self.patience, self.handshakes_each, waits.clone()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            opened = opening => opened,
            never = waiting::answer(&self.door, Some(&self.door.tls), meanwhile, waits.clone()) => match never {},
            never = public => match never {},
        }
    }

    /// Answers until `stop` turns true, then lets work under way finish and gives casework back to be closed. `None`
    /// where some work did not finish in time.
    pub async fn run(self, casework: Casework, mut stop: watch::Receiver<bool>) -> Option<Casework> {
        let (casework, table, patience) = (Arc::new(casework), Table::new(), self.patience);
        let (places, room) = (Places::new(self.most_each), Room::default());
        let (in_handshakes, served) = apportioned(self.most_connections);
        let (served, budget) = (Arc::new(Semaphore::new(served)), Budget::new(self.allowances));
        let (metrics, tls) = (Arc::default(), self.door.tls.clone());
        let desk = Arc::new(Desk { casework, metrics, tls, table, patience, places, served, room, budget });
        let follower = self.door.follow();
        // Ends by itself once told to stop; until then it shares casework with the requests.
        let deadlines = tokio::spawn(casework::deadlines::keep(desk.casework.clone(), stop.clone()));
        let hosts = tokio::spawn(casework::hosts::keep(desk.casework.clone(), stop.clone()));
        let troubles = tokio::spawn(trouble::tell(desk.tls.clone(), desk.casework.clone(), stop.clone()));
        let handshakes = Handshakes::new(in_handshakes, self.handshakes_each);
        let telling = tokio::spawn(budget::keep(desk.budget.clone(), desk.casework.clone(), stop.clone()));
        // Held by every connection and every request under way; the channel closes when the last is done.
        let (busy, mut done) = mpsc::channel::<()>(1);
        let public = self.window.map(|window| {
            let shared = (desk.casework.clone(), desk.metrics.clone(), desk.budget.clone());
            let counter = Counter::new(shared, desk.tls.clone(), patience, window.bounds());
            tokio::spawn(window.serve(counter, self.handshakes_each, stop.clone(), busy.clone()))
        });
        while let Some((tcp, peer)) = self.door.accept(&mut stop).await {
            let (desk, tls, stop, busy) = (desk.clone(), self.door.tls.clone(), stop.clone(), busy.clone());
            let handshake = handshakes.begin(peer.ip());
            tokio::spawn(async move {
                let entered = enter(Some(&tls), handshake, tcp, desk.patience.head).await;
                let ended = match entered {
                    Ok(entered) => connection(desk, entered, stop, busy).await,
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
        if let Some(public) = public {
            let _ = tokio::time::timeout(FAREWELL, public).await;
        }
        let _ = tokio::time::timeout(FAREWELL, deadlines).await;
        let _ = tokio::time::timeout(FAREWELL, hosts).await;
        let _ = tokio::time::timeout(FAREWELL, troubles).await;
        let _ = tokio::time::timeout(FAREWELL, telling).await;
        // Nobody calls any more: this is the last of it.
        let _ = tokio::time::timeout(FAREWELL, desk.budget.tell(&desk.casework)).await;
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

/// Of so many connections, how many may be in their handshakes, where nobody has shown yet who they are, and how many served.
fn apportioned(most_connections: usize) -> (usize, usize) {
    let in_handshakes = MOST_HANDSHAKES.min(most_connections / 4).max(1);
    (in_handshakes, most_connections.saturating_sub(in_handshakes).clamp(1, Semaphore::MAX_PERMITS))
}

async fn connection(
    desk: Arc<Desk>,
    entered: Entered,
    mut stop: watch::Receiver<bool>,
    busy: mpsc::Sender<()>,
) -> Result<(), BoxError> {
    let patience = desk.patience;
    let certificate = entered.certificate.as_ref();
    let caller = certificate.map_or(Err(IdentityError::Unreadable), identity::principal);
    let place = desk.places.take(certificate, &caller)?;
    let (refusal, whose): (_, Arc<str>) = (place.refusal(), place.whose().into());
    let _served = tokio::select! {
        served = tokio::time::timeout(patience.head, desk.served.clone().acquire_owned()) => served??,
        () = told(&mut stop) => return Ok(()),
    };
    let is_refused = refusal.is_some();
    let respond = move |request: Request<Incoming>| -> Responding {
        let (desk, caller, busy, refusal) = (desk.clone(), caller.clone(), busy.clone(), refusal.clone());
        let whose = whose.clone();
        Box::pin(async move {
            match refusal {
                Some(refusal) => turn_away(request, refusal),
                None => serve(desk, caller, &whose, request, busy).await,
            }
        })
    };
    drive(entered, patience, is_refused, stop, Box::new(respond)).await
}
