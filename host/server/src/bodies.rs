//! Room for the bodies of requests under way: all of them share it, so that no number of clients fills the memory.
//!
//! Room is taken before a byte has come, and a body may be slow. So nobody has more than a share of it, whatever they begin; and
//! forms have a room of their own, in which they do not wait behind a batch that waits for its.

use crate::problem::Problem;
use hyper::StatusCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Bytes of bodies held at one moment, forms apart. What is made of a body takes a few times as much; a dozen photographs
/// fit in.
const MOST_BYTES: usize = 512 << 20;

/// Bytes of the largest body that counts as a form: answers and a template of up to 4096 numbers written out.
pub(crate) const FORM_BYTES: usize = 1 << 20;

/// Bytes of forms held at one moment: all those of a busy day.
const MOST_FORM_BYTES: usize = 64 << 20;

/// One person has this part of a room at most. Of the larger one that is the largest body that any route takes.
const SHARES: usize = 8;

/// How long a request waits for room: about as long as it takes to work through what is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a refusal for want of room is called.
pub(crate) const BUSY: &str = "busy";

/// When to ask again, in seconds: `Retry-After`.
pub(crate) const RETRY_AFTER: &str = "5";

/// Room for bodies.
pub(crate) struct Room {
    forms: Part,
    others: Part,
    patience: Duration,
}

/// Room for bodies of one size.
struct Part {
    bytes: Arc<Semaphore>,
    /// Bytes of one person.
    share: usize,
    /// What is left of each person's share, of those who have something of it or wait for it.
    shares: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// Room for one body, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _share: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl Default for Room {
    fn default() -> Self {
        Self { forms: Part::new(MOST_FORM_BYTES), others: Part::new(MOST_BYTES), patience: PATIENCE }
    }
}

impl Room {
    /// Waits for room for a body of up to so many bytes, which is taken until what this gives is dropped. `whose` is the
    /// person who sends it; those who are nobody's share one share.
    ///
    /// # Errors
    /// 503, [`BUSY`], when there is none in time, or none of that person's.
    pub(crate) async fn claim(&self, whose: &str, bytes: usize) -> Result<Claim, Problem> {
        let until = Instant::now() + self.patience;
        let part = if bytes <= FORM_BYTES { &self.forms } else { &self.others };
        // More than a share is never there: no route takes as much.
        let bytes = u32::try_from(bytes.min(part.share)).unwrap_or(u32::MAX);
        // In this order: who waits for what they hold themselves is in nobody's way.
        let share = timeout_at(until, part.share_of(whose).acquire_many_owned(bytes)).await;
        let share = share.ok().and_then(Result::ok).ok_or_else(|| {
            busy("requests of yours are under way that take up your share of the room: let them end, or ask again in some seconds")
        })?;
        let room = timeout_at(until, part.bytes.clone().acquire_many_owned(bytes)).await;
        let room = room.ok().and_then(Result::ok);
        let room = room.ok_or_else(|| busy("too many large requests are under way: ask again in some seconds"))?;
        Ok(Claim { _share: share, _room: room })
    }
}

impl Part {
    fn new(bytes: usize) -> Self {
        Self { bytes: Arc::new(Semaphore::new(bytes)), share: bytes / SHARES, shares: Mutex::default() }
    }

    fn share_of(&self, whose: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(whose).and_then(Weak::upgrade) {
            return share;
        }
        // Whoever holds something of a share, or waits for it, keeps it there.
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(whose.to_owned(), Arc::downgrade(&share));
        share
    }
}

/// What whoever found no room is told.
pub(crate) fn busy(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, BUSY, "the host is busy", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    const SHARE: usize = MOST_BYTES / SHARES;

    fn impatient() -> Room {
        Room { patience: Duration::ZERO, ..Room::default() }
    }

    /// The whole room for larger bodies, taken by as many people as have shares.
    async fn crowd(room: &Room) -> Vec<Claim> {
        let mut held = Vec::new();
        for person in 0..SHARES {
            held.push(room.claim(&format!("north/{person}"), SHARE).await.unwrap());
        }
        held
    }

    #[tokio::test]
    async fn there_is_room_until_it_is_taken_and_again_when_it_is_given_back() {
        let room = impatient();
        let mut held = crowd(&room).await;
        let full = room.claim("north/late", FORM_BYTES + 1).await.unwrap_err();
        assert_eq!((full.status, full.kind), (StatusCode::SERVICE_UNAVAILABLE, BUSY));
        assert!(full.detail.contains("too many large requests"), "{}", full.detail);
        assert!(room.claim("north/0", 0).await.is_ok(), "what has no body needs no room");
        held.pop();
        room.claim("north/late", FORM_BYTES + 1).await.expect("one has given theirs back");
        room.claim("north/late", 2 * MOST_BYTES).await.expect("nobody waits for more than there is");
    }

    #[tokio::test]
    async fn nobody_takes_more_than_their_share() {
        let room = impatient();
        for (bytes, share) in [(FORM_BYTES, MOST_FORM_BYTES / SHARES), (2 * FORM_BYTES, SHARE)] {
            let mut held = Vec::new();
            for _ in 0..share / bytes {
                held.push(room.claim("north/a", bytes).await.unwrap());
            }
            let full = room.claim("north/a", bytes).await.unwrap_err();
            assert_eq!((full.kind, full.detail.contains("requests of yours")), (BUSY, true), "{}", full.detail);
            room.claim("north/b", bytes).await.expect("another has a share of their own");
            room.claim("south/a", bytes).await.expect("and so has who is called the same elsewhere");
            held.pop();
            room.claim("north/a", bytes).await.expect("what they gave back is there again");
        }
    }

    #[tokio::test]
    async fn forms_wait_behind_no_batch() {
        let room = Room::default();
        let held = crowd(&room).await;
        let mut waiting = pin!(room.claim("north/late", SHARE));
        let waits = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "the room is full");
        for person in ["north/0", "north/late", ""] {
            room.claim(person, FORM_BYTES).await.expect("forms have a room of their own");
        }
        drop(held);
        waiting.await.expect("and then it is its turn");
    }

    #[tokio::test]
    async fn shares_that_nobody_uses_are_forgotten() {
        let room = impatient();
        let held = room.claim("north/a", 1).await.unwrap();
        for person in 0..100 {
            room.claim(&format!("north/{person}"), 1).await.unwrap();
        }
        assert!(room.forms.shares.lock().unwrap().len() <= 3);
        drop(held);
    }
}
