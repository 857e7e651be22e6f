//! How many connections there are of each person, and when that is too many.
//!
//! Whoever has one certificate may otherwise take up every place there is. A person counts once, whatever certificates they
//! hold; a certificate that names nobody counts for itself. A few connections more than may be are answered, to say why they
//! are not served; any beyond those are closed at once.

use crate::handshakes::network;
use crate::identity::IdentityError;
use crate::problem::Problem;
use hyper::StatusCode;
use model::registry::Principal;
use model::terms::Digest;
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections of one person at one moment, unless it is said otherwise: a browser opens six to a host, a program a pool.
pub const MOST_EACH: usize = 64;

/// Connections beyond that which are told why they are not served.
const TOLD: usize = 8;

/// The connections there are.
pub(crate) struct Places {
    most: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// One of them, until it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    whose: String,
    /// Whether there are too many with it.
    crowded: bool,
}

/// More connections of one person than are even answered.
#[derive(Debug, thiserror::Error)]
#[error("`{whose}` has {most} connections and more: this one is closed")]
pub(crate) struct CrowdError {
    whose: String,
    most: usize,
}

impl Places {
    /// None taken, and so many for each.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a place for whoever came with this certificate.
    ///
    /// # Errors
    /// [`CrowdError`].
    pub(crate) fn take(
        self: &Arc<Self>,
        certificate: Option<&CertificateDer<'_>>,
        caller: &Result<Principal, IdentityError>,
    ) -> Result<Place, CrowdError> {
        let whose = match (caller, certificate) {
            (Ok(principal), _) => format!("{}/{}", principal.jurisdiction, principal.person),
            (Err(_), Some(certificate)) => Digest::of(certificate).to_string(),
            (Err(_), None) => String::new(),
        };
        self.take_for(whose)
    }

    /// Takes a place for whoever came from this address, and has shown nothing else.
    ///
    /// # Errors
    /// [`CrowdError`].
    pub(crate) fn take_from(self: &Arc<Self>, peer: IpAddr) -> Result<Place, CrowdError> {
        self.take_for(network(peer).to_string())
    }

    fn take_for(self: &Arc<Self>, whose: String) -> Result<Place, CrowdError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.entry(whose.clone()).or_default();
        if *theirs >= self.most.saturating_add(TOLD) {
            return Err(CrowdError { whose, most: self.most });
        }
        *theirs += 1;
        let crowded = *theirs > self.most;
        Ok(Place { places: self.clone(), whose, crowded })
    }
}

impl Place {
    /// Whose it is: the person, whatever certificates they hold, a certificate that names nobody, or an address.
    pub(crate) fn whose(&self) -> &str {
        &self.whose
    }

    /// Why nothing is served here, where there are too many.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        let most = self.places.most;
        let detail =
            format!("you have {most} connections already, and no more are served: close some, or use them for this");
        self.crowded.then(|| {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-connections", "too many connections", detail)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = taken.get_mut(&self.whose) {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    #[test]
    fn who_has_too_many_is_told_and_then_turned_away() {
        let places = Places::new(2);
        let mut held: Vec<_> = (0..2).map(|_| places.take_for("a".to_owned()).unwrap()).collect();
        assert!(held.iter().all(|place| place.refusal().is_none()));
        for _ in 0..TOLD {
            held.push(places.take_for("a".to_owned()).unwrap());
            assert!(held.last().unwrap().refusal().unwrap().detail.contains("2 connections"));
        }
        assert!(places.take_for("a".to_owned()).is_err());
        assert!(places.take_for("b".to_owned()).unwrap().refusal().is_none(), "another has places of their own");
        held.clear();
        assert!(places.take_for("a".to_owned()).unwrap().refusal().is_none());
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn a_person_counts_once_and_a_stranger_by_certificate() {
        let places = Places::new(1);
        let person = |device| Ok(Principal { jurisdiction: "a".into(), person: "p".into(), device });
        let (one, other) = (CertificateDer::from(vec![1]), CertificateDer::from(vec![2]));
        let _first = places.take(Some(&one), &person(Device::Fixed)).unwrap();
        assert!(places.take(Some(&other), &person(Device::Mobile)).unwrap().refusal().is_some(), "one person");
        let nobody = Err(IdentityError::NoPerson);
        let _stranger = places.take(Some(&one), &nobody).unwrap();
        assert!(places.take(Some(&one), &nobody).unwrap().refusal().is_some());
        assert!(places.take(Some(&other), &nobody).unwrap().refusal().is_none());
    }

    #[test]
    fn whoever_shows_nothing_counts_by_their_address() {
        let places = Places::new(1);
        let from = |text: &str| places.take_from(text.parse().unwrap()).unwrap();
        let _first = from("192.0.2.1");
        assert!(from("::ffff:192.0.2.1").refusal().is_some(), "the same address");
        assert!(from("192.0.2.2").refusal().is_none());
        let _network = from("2001:db8:1:2::1");
        assert!(from("2001:db8:1:2::9").refusal().is_some(), "the same network");
    }
}
