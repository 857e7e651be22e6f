//! Handshakes under way: so many at one moment, and so many from one address. When there are more, the oldest gives way.
//!
//! Before its handshake nobody has shown a certificate, so whoever says nothing must not keep anybody out. Turning the newest away
//! would do that: a flood takes every place and keeps it for as long as it may. A handshake that gets on takes some round trips, and
//! is through long before it is the oldest of so many; one that does not get on is what gives way.

use rustls::ServerConfig;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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
    /// Does the handshake, within `patience` and three seconds.
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
        tokio::select! {
            accepted = tokio::time::timeout(patience, TlsAcceptor::from(config).accept(tcp)) => {
                Ok(accepted.map_err(|_| HandshakeError::Slow(patience))??)
            }
            _ = &mut self.gives_way => Err(HandshakeError::GaveWay),
        }
    }
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
