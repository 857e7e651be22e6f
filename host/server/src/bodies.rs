//! Room for the bodies of requests under way: all of them share it, so that no number of clients fills the memory.

use crate::problem::Problem;
use hyper::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of bodies held at one moment. What is made of a body takes a few times as much; a dozen photographs and all the
/// forms of a busy day fit in.
const MOST_BYTES: usize = 512 << 20;

/// How long a request waits for room: about as long as it takes to work through what is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a refusal for want of room is called.
pub(crate) const BUSY: &str = "busy";

/// When to ask again, in seconds: `Retry-After`.
pub(crate) const RETRY_AFTER: &str = "5";

/// Room for bodies.
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: Arc::new(Semaphore::new(MOST_BYTES)), patience: PATIENCE }
    }
}

impl Room {
    /// Waits for room for a body of up to so many bytes, which is taken until what this gives is dropped.
    ///
    /// # Errors
    /// 503, [`BUSY`], when there is none in time.
    pub(crate) async fn claim(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        // More than there is at all is never there: no route takes as much.
        let bytes = u32::try_from(bytes.min(MOST_BYTES)).unwrap_or(u32::MAX);
        let claimed = tokio::time::timeout(self.patience, self.bytes.clone().acquire_many_owned(bytes)).await;
        claimed.ok().and_then(Result::ok).ok_or_else(|| {
            let detail = "too many large requests are under way: ask again in some seconds";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, BUSY, "the host is busy", detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_room_until_it_is_taken_and_again_when_it_is_given_back() {
        let room = Room { patience: Duration::ZERO, ..Room::default() };
        let first = room.claim(MOST_BYTES - 1).await.unwrap();
        let last = room.claim(1).await.unwrap();
        let full = room.claim(1).await.unwrap_err();
        assert_eq!((full.status, full.kind), (StatusCode::SERVICE_UNAVAILABLE, BUSY));
        assert!(room.claim(0).await.is_ok(), "what has no body needs no room");
        drop(first);
        let whole = room.claim(2 * MOST_BYTES).await;
        assert!(whole.is_err(), "a byte is taken still");
        drop(last);
        assert!(room.claim(2 * MOST_BYTES).await.is_ok());
    }
}
