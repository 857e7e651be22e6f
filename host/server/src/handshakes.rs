//! Handshakes under way: so many at one moment, and so many from one address. When there are more, the oldest gives way.
//!
//! Before its handshake nobody has shown a certificate, so whoever says nothing must not keep anybody out. Turning the newest away
//! would do that: a flood takes every place and keeps it for as long as it may. A handshake that gets on takes some round trips, and
//! is through long before it is the oldest of so many; one that does not get on is what gives way.
//!
//! In TLS 1.3 a client is through before the server has looked at its certificate, and may be sending then: over HTTP/2 it does.
//! Whoever is turned away is sent an alert that says why, and a socket that is closed with bytes unread resets the connection:
//! a client that finds it reset while it sends looks for no alert. So what it still sends is read and thrown away for a while.

use rustls::ServerConfig;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at one moment: what a few hundred clients need that all come again at once, and a quarter of the files that a
/// process may have open by default.
pub(crate) const MOST_HANDSHAKES: usize = 256;

/// Handshakes from one address at one moment, unless it is said otherwise: a station's computers behind one router.
pub const MOST_HANDSHAKES_EACH: usize = 64;

/// For a handshake: two round trips, over a radio link too.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is read at most, in bytes, of a client that was turned away: more than anybody sends before they are answered.
const RUNOFF_BYTES: u64 = 64 << 10;

/// How long it may go on sending: a round trip, over a radio link too.
const RUNOFF: Duration = Duration::from_secs(1);

/// The handshakes under way.
pub(crate) struct Handshakes {
    most: usize,
    most_each: usize,
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    next: u64,
    /// By number, so oldest first: from where, and what tells it to give way when it is dropped.
    all: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    each: HashMap<IpAddr, BTreeSet<u64>>,
}

/// One of them, until it is dropped.
pub(crate) struct Handshake {
    handshakes: Arc<Handshakes>,
    number: u64,
    gives_way: oneshot::Receiver<()>,
}

/// A handshake that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// There were too many.
    #[error("too many handshakes are under way, and this was the oldest: it was broken off")]
    GaveWay,
    /// It took too long.
    #[error("the handshake took more than {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// It failed.
    #[error(transparent)]
    Failed(#[from] std::io::Error),
}

impl Handshakes {
    /// None under way; so many at one moment, and so many of them from each address.
    pub(crate) fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self { most, most_each, under_way: Mutex::default() })
    }

    /// One more begins; the oldest gives way where there are too many with it, of the same address first.
    pub(crate) fn begin(self: &Arc<Self>, peer: IpAddr) -> Handshake {
        let from = network(peer);
        let (told, gives_way) = oneshot::channel();
        let mut under_way = self.lock();
        let theirs = under_way.each.get(&from).filter(|theirs| theirs.len() >= self.most_each);
        let oldest = match theirs {
            Some(theirs) => theirs.first().copied(),
            None if under_way.all.len() >= self.most => under_way.all.keys().next().copied(),
            None => None,
        };
        if let Some(oldest) = oldest {
            under_way.end(oldest);
        }
        let number = under_way.next;
        under_way.next += 1;
        under_way.all.insert(number, (from, told));
        under_way.each.entry(from).or_default().insert(number);
        drop(under_way);
        Handshake { handshakes: self.clone(), number, gives_way }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// It is under way no more; one that still is learns of it.
    fn end(&mut self, number: u64) {
        let Some((from, _told)) = self.all.remove(&number) else { return };
        if let Some(theirs) = self.each.get_mut(&from) {
            theirs.remove(&number);
            if theirs.is_empty() {
                self.each.remove(&from);
            }
        }
    }
}

impl Handshake {
    /// Does the handshake, within `patience` and three seconds. Whoever is turned away has another second to read why; that is
    /// part of it, and gives way like the rest.
    ///
    /// # Errors
    /// [`HandshakeError`].
    pub(crate) async fn accept(
        mut self,
        config: Arc<ServerConfig>,
        tcp: TcpStream,
        patience: Duration,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let patience = patience.min(PATIENCE);
        let accepting = TlsAcceptor::from(config).accept(tcp).into_fallible();
        let (failed, tcp) = tokio::select! {
            accepted = tokio::time::timeout(patience, accepting) => match accepted {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(failed)) => failed,
                Err(_) => return Err(HandshakeError::Slow(patience)),
            },
            _ = &mut self.gives_way => return Err(HandshakeError::GaveWay),
        };
        tokio::select! {
            () = run_off(tcp) => {}
            _ = &mut self.gives_way => {}
        }
        Err(failed.into())
    }
}

/// Ends what is sent to a client, and throws away what it still sends, within bounds of bytes and time.
async fn run_off(mut tcp: TcpStream) {
    let rest = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut (&mut tcp).take(RUNOFF_BYTES), &mut tokio::io::sink()).await
    };
    // However that ends: it is closed now.
    let _ = tokio::time::timeout(RUNOFF, rest).await;
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.handshakes.lock().end(self.number);
    }
}

/// What counts as one address: whoever has one of IPv6 has all of its /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pki::Files;
    use crate::tls::{Clients, Tls};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    /// A client of a server that does one handshake with it, and what comes of that.
    async fn shaking_hands() -> (TcpStream, JoinHandle<Result<(), HandshakeError>>) {
        let files = Files::new();
        let (config, _) = Tls::load(files.tls(), Clients::Certified).unwrap().current();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, peer) = listener.accept().await.unwrap();
        let handshake = handshakes(1, 1).begin(peer.ip());
        let done = tokio::spawn(async move { handshake.accept(config, tcp, PATIENCE).await.map(drop) });
        (client, done)
    }

    #[tokio::test]
    async fn whoever_is_turned_away_reads_why_whatever_they_sent_meanwhile() {
        let (mut client, done) = shaking_hands().await;
        // No TLS, and more of it than is read at once.
        client.write_all(&[b'x'; 40 << 10]).await.unwrap();
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it ends, and is not reset");
        assert_eq!((told.first(), told.len()), (Some(&21), 7), "one alert: {told:?}");
        // The client has not hung up, and is not waited for.
        assert!(matches!(done.await.unwrap(), Err(HandshakeError::Failed(_))));
    }

    #[tokio::test]
    async fn whoever_goes_on_sending_is_not_listened_to_without_an_end() {
        let (mut client, done) = shaking_hands().await;
        while client.write_all(&[b'x'; 4 << 10]).await.is_ok() {}
        assert!(matches!(done.await.unwrap(), Err(HandshakeError::Failed(_))));
    }

    fn handshakes(most: usize, most_each: usize) -> Arc<Handshakes> {
        Handshakes::new(most, most_each)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Which of these have to give way.
    fn giving_way(begun: &mut [Handshake]) -> Vec<bool> {
        let closed = |h: &mut Handshake| matches!(h.gives_way.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        begun.iter_mut().map(closed).collect()
    }

    #[test]
    fn the_oldest_of_an_address_gives_way_and_nobody_elses() {
        let handshakes = handshakes(10, 2);
        let (flood, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut begun = vec![handshakes.begin(other)];
        begun.extend((0..4).map(|_| handshakes.begin(flood)));
        assert_eq!(giving_way(&mut begun), [false, true, true, false, false]);
        assert_eq!(handshakes.lock().all.len(), 3);
    }

    #[test]
    fn of_many_addresses_the_oldest_of_all_gives_way() {
        let handshakes = handshakes(3, 2);
        let mut begun: Vec<_> = (1..=5).map(|i| handshakes.begin(address(&format!("192.0.2.{i}")))).collect();
        assert_eq!(giving_way(&mut begun), [true, true, false, false, false]);
        // One that is through makes room.
        drop(begun.pop());
        begun.push(handshakes.begin(address("192.0.2.9")));
        assert_eq!(giving_way(&mut begun), [true, true, false, false, false]);
    }

    #[test]
    fn nothing_is_kept_of_what_has_ended() {
        let handshakes = handshakes(3, 1);
        let begun: Vec<_> = (0..5).map(|_| handshakes.begin(address("192.0.2.1"))).collect();
        drop(begun);
        let under_way = handshakes.lock();
        assert!(under_way.all.is_empty() && under_way.each.is_empty());
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_so_is_ipv4_within_it() {
        assert_eq!(network(address("2001:db8:1:2:3::4")), network(address("2001:db8:1:2:ffff::1")));
        assert_ne!(network(address("2001:db8:1:2::1")), network(address("2001:db8:1:3::1")));
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
        assert_ne!(network(address("192.0.2.1")), network(address("192.0.2.2")));
    }
}
