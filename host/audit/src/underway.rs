//! Since when a thread of the log waits for its disk. One that does not answer returns no error, so somebody else has to look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether one thread is at something that waits for the disk, and since when.
pub(crate) struct Underway {
    born: Instant,
    // Milliseconds from `born` on, and one more; 0 while nothing is under way.
    since: AtomicU64,
}

impl Underway {
    pub(crate) fn new() -> Self {
        Self { born: Instant::now(), since: AtomicU64::new(0) }
    }

    /// It begins; it ends when what this gives is dropped.
    pub(crate) fn begin(&self) -> Begun<'_> {
        self.since.store(self.now(), Ordering::Relaxed);
        Begun(self)
    }

    /// One of several steps returned: what is under way counts from now on. Does nothing where nothing is.
    pub(crate) fn step(&self) {
        if self.since.load(Ordering::Relaxed) != 0 {
            self.since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// For how long it has been under way; `None` while nothing is.
    pub(crate) fn lasting(&self) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed);
        (since != 0).then(|| Duration::from_millis(self.now().saturating_sub(since)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// What is under way until this is dropped.
pub(crate) struct Begun<'a>(&'a Underway);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.since.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_begun_lasts_until_it_ends_and_counts_from_its_last_step() {
        let underway = Underway { born: Instant::now() - Duration::from_secs(20), since: AtomicU64::new(0) };
        underway.step();
        assert_eq!(underway.lasting(), None, "nothing has begun");
        let begun = underway.begin();
        assert!(underway.lasting().is_some_and(|lasting| lasting < Duration::from_secs(5)));
        underway.since.store(1, Ordering::Relaxed);
        assert!(underway.lasting().is_some_and(|lasting| lasting >= Duration::from_secs(20)));
        underway.step();
        assert!(underway.lasting().is_some_and(|lasting| lasting < Duration::from_secs(5)));
        drop(begun);
        assert_eq!(underway.lasting(), None);
    }
}
