//! Where a policy rules: on the thread of the runtime that carries the step, or aside.
//!
//! A founding policy rules in microseconds, and moving it to another thread would take longer. But a policy may take half a second
//! before it is stopped, and for so long that thread answers nobody of any jurisdiction. So one thread at least is left to everybody
//! else, and a policy that was slow rules aside for a while: one decision at a time, so that it takes no more than one core. Where
//! there are more threads than the sandbox has places, no more rule than have one, and what finds none free rules aside, too.

use crate::aside::aside;
use crate::error::CaseError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A decision that takes so long keeps others waiting: hundreds of times what one takes, and longer than a busy machine usually
/// interrupts a thread.
const SLOW: Duration = Duration::from_millis(5);

/// Decisions that a policy takes aside after one that was slow. A policy that is slow now and then holds a thread of the runtime
/// once in so many; one that was not at fault pays some microseconds for each.
const PROBATION: u32 = 1_000;

/// The threads of the runtime on which policies may rule.
pub(crate) struct Threads(Semaphore);

impl Threads {
    /// All but one of this runtime's; where there is only one, that. No more than leave a place in the sandbox to the policy of
    /// each of so many jurisdictions, which may rule aside.
    pub(crate) fn of_this_runtime(jurisdictions: usize) -> Self {
        let workers = Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers());
        Self(Semaphore::new(at_once(workers, jurisdictions)))
    }
}

/// Decisions that so many threads of a runtime take at the same moment: one at least.
fn at_once(workers: usize, jurisdictions: usize) -> usize {
    let places = usize::try_from(policy::engine::AT_ONCE).unwrap_or(usize::MAX);
    workers.saturating_sub(1).min(places.saturating_sub(jurisdictions)).max(1)
}

/// How a jurisdiction's policy keeps to time.
pub(crate) struct Pace {
    /// Decisions still to be taken aside.
    probation: AtomicU32,
    /// To rule aside.
    turn: Arc<Semaphore>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { probation: AtomicU32::new(0), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Leave to take one decision on this thread.
pub(crate) struct AtOnce<'a> {
    pace: &'a Pace,
    _thread: SemaphorePermit<'a>,
}

impl AtOnce<'_> {
    /// Takes it.
    pub(crate) fn decide<T>(self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let decided = work();
        self.pace.note(started.elapsed());
        decided
    }
}

impl Pace {
    /// Leave to take a decision on this thread; absent where it has to be taken aside.
    pub(crate) fn at_once<'a>(&'a self, threads: &'a Threads) -> Option<AtOnce<'a>> {
        if self.probation.load(Ordering::Relaxed) > 0 {
            return None;
        }
        threads.0.try_acquire().ok().map(|thread| AtOnce { pace: self, _thread: thread })
    }

    /// Takes a decision aside, when it is this policy's turn.
    ///
    /// # Errors
    /// [`CaseError::Fault`] for a panic in it; [`CaseError::Stopping`] if the host stops.
    pub(crate) async fn decide_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CaseError> {
        // Nobody closes it.
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| CaseError::Stopping)?;
        let (decided, took) = aside(move || {
            // Until the work ends, whether or not anybody still waits for it.
            let _turn = turn;
            let started = Instant::now();
            let decided = work();
            (decided, started.elapsed())
        })
        .await?;
        self.note(took);
        Ok(decided)
    }

    fn note(&self, took: Duration) {
        if took >= SLOW {
            self.probation.store(PROBATION, Ordering::Relaxed);
        } else if self.probation.load(Ordering::Relaxed) > 0 {
            // Another that was slow meanwhile starts it anew.
            let _ = self.probation.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn threads(permits: usize) -> Threads {
        Threads(Semaphore::new(permits))
    }

    #[test]
    fn a_policy_that_was_slow_rules_aside_for_a_while_and_no_other_does() {
        let (slow, other, threads) = (Pace::default(), Pace::default(), threads(1));
        slow.note(SLOW.saturating_sub(Duration::from_micros(1)));
        assert_eq!(slow.at_once(&threads).unwrap().decide(|| 7), 7);
        slow.note(SLOW);
        assert!(slow.at_once(&threads).is_none());
        assert!(other.at_once(&threads).is_some());
        for _ in 1..PROBATION {
            slow.note(Duration::ZERO);
        }
        assert!(slow.at_once(&threads).is_none(), "once more");
        slow.note(SLOW);
        slow.note(Duration::ZERO);
        assert!(slow.at_once(&threads).is_none(), "it begins anew");
        for _ in 1..PROBATION {
            slow.note(Duration::ZERO);
        }
        assert!(slow.at_once(&threads).is_some());
    }

    #[test]
    fn on_no_more_threads_do_policies_rule_than_they_may() {
        let (one, other, threads) = (Pace::default(), Pace::default(), threads(2));
        let held = [one.at_once(&threads), other.at_once(&threads)];
        assert!(held.iter().all(Option::is_some));
        assert!(one.at_once(&threads).is_none() && other.at_once(&threads).is_none());
        drop(held);
        assert!(one.at_once(&threads).is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn a_thread_is_left_to_everybody_else() {
        assert_eq!(Threads::of_this_runtime(2).0.available_permits(), 2);
    }

    #[tokio::test]
    async fn where_there_is_one_thread_it_is_that() {
        assert_eq!(Threads::of_this_runtime(2).0.available_permits(), 1);
    }

    #[test]
    fn no_more_decide_at_once_than_have_a_place_in_the_sandbox() {
        let places = usize::try_from(policy::engine::AT_ONCE).unwrap();
        for (workers, jurisdictions) in [(66, 2), (1_000, 2), (places + 1, 1), (64, 63)] {
            let at_once = at_once(workers, jurisdictions);
            assert_eq!(at_once + jurisdictions, places, "{workers} workers, {jurisdictions} jurisdictions");
        }
        assert_eq!((at_once(8, 2), at_once(0, 0), at_once(66, places + 1)), (7, 1, 1));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn aside_one_decision_at_a_time_is_taken() {
        let (pace, now, most) =
            (Arc::new(Pace::default()), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let decisions = (0..16).map(|i| {
            let (pace, now, most) = (pace.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::AcqRel);
                    i
                };
                pace.decide_aside(work).await
            })
        });
        for (i, decision) in decisions.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(decision.await.unwrap().unwrap(), i);
        }
        assert_eq!(most.load(Ordering::Acquire), 1);
        let broken = pace.decide_aside(|| panic!("as the test wants")).await.map(|(): ()| ());
        assert!(matches!(broken, Err(CaseError::Fault(_))), "{broken:?}");
        assert!(pace.decide_aside(|| ()).await.is_ok(), "what broke off keeps no turn");
    }
}
