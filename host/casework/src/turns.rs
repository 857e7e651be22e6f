//! One step of a request at a time.
//!
//! A step reads a request's life, has it judged and adds to it. Two that did so at the same moment would each be judged on a
//! life without the other. Whoever takes a step takes the request's turn first. Among several hosts a turn is leased, too
//! (`lease`).

use crate::lease::Lease;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// Turns remembered before those that nobody holds or waits for are forgotten.
const MOST_IDLE: usize = 256;

/// The turns of all requests. Only those taken or waited for are kept.
#[derive(Default)]
pub(crate) struct Turns {
    places: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// The turn of one request, until it is dropped.
pub(crate) struct Turn {
    _place: OwnedMutexGuard<()>,
    /// Where other hosts may be at it.
    _lease: Option<Lease>,
}

impl Turn {
    /// The same, leased among several hosts.
    pub(crate) fn leased(self, lease: Lease) -> Self {
        Self { _lease: Some(lease), ..self }
    }
}

impl Turns {
    /// Waits for a request's turn.
    pub(crate) async fn take(&self, request: &str) -> Turn {
        Turn { _place: self.place(request).lock_owned().await, _lease: None }
    }

    fn place(&self, request: &str) -> Arc<tokio::sync::Mutex<()>> {
        // The map is whole at every moment: a panic elsewhere cannot have torn it.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(request).and_then(Weak::upgrade) {
            return place;
        }
        if places.len() >= MOST_IDLE {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let place = Arc::new(tokio::sync::Mutex::new(()));
        places.insert(request.to_owned(), Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_one_holders_and_other_requests_do_not_wait_for_it() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        assert!(turns.place("a").try_lock().is_err(), "somebody holds it");
        let other = turns.take("b").await;
        drop((first, other));
        assert!(turns.place("a").try_lock().is_ok());
    }

    #[tokio::test]
    async fn turns_that_nobody_holds_are_forgotten() {
        let turns = Turns::default();
        let held = turns.take("held").await;
        for n in 0..10 * MOST_IDLE {
            drop(turns.take(&n.to_string()).await);
        }
        assert!(turns.places.lock().unwrap().len() <= MOST_IDLE);
        assert!(turns.place("held").try_lock().is_err(), "the one that is held is remembered");
        drop(held);
    }
}
