//! The thread that keeps the outsider's files up to date, so that the writer's only waits are its journal's syncs.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::journal::Span;
use crate::pace::Pace;
use crate::settle::settle;
use crate::shared::{HaltOnPanic, Shared};

/// How far the published checkpoint file may lag behind the acknowledged entries. Each publication costs a sync of its
/// own: ten in a second are nothing beside thousands for entries, and an outsider polls less often than that.
pub const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);

/// Closed segments that may wait to be settled before the writer has to: bounds memory and the journal at about 256 MiB.
const MAX_WAITING: usize = 8;

/// How often a segment is looked at whose riders have not reached their own place.
const RELEASE_INTERVAL: Duration = Duration::from_millis(5);

/// The writer's handle on the publisher thread.
pub(crate) struct Publisher {
    backlog: Arc<Backlog>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    pub(crate) fn spawn(shared: Arc<Shared>) -> io::Result<Self> {
        let backlog = Arc::new(Backlog::default());
        let thread = std::thread::Builder::new().name("audit-publisher".to_owned()).spawn({
            let backlog = Arc::clone(&backlog);
            move || run(&shared, &backlog)
        })?;
        Ok(Self { backlog, thread: Some(thread) })
    }

    /// Says that there is a newer checkpoint to publish.
    pub(crate) fn announce(&self) {
        let mut work = self.backlog.lock();
        if !work.unpublished {
            work.unpublished = true;
            self.backlog.changed.notify_all();
        }
    }

    /// Hands a closed segment over, and waits if too many are waiting already.
    pub(crate) fn hand_over(&self, span: Span) {
        let mut work = self.backlog.lock();
        work.segments.push_back(span);
        self.backlog.changed.notify_all();
        while work.segments.len() > MAX_WAITING && !work.ended {
            work = self.backlog.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the thread after the segment it is settling; returns the segments that remain to be settled.
    pub(crate) fn stop(&mut self) -> Vec<Span> {
        self.backlog.lock().stopping = true;
        self.backlog.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it has halted the log already.
            let _ = thread.join();
        }
        self.backlog.lock().segments.drain(..).collect()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}

#[derive(Default)]
struct Backlog {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    // The first one stays until it is settled, so that nothing is lost between two threads.
    segments: VecDeque<Span>,
    unpublished: bool,
    stopping: bool,
    ended: bool,
}

enum Task {
    Settle(Span),
    Publish,
    Stop,
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next thing to do; a checkpoint is due one interval after the last one.
    fn next(&self, shared: &Shared, published: Option<Instant>) -> Task {
        let mut work = self.lock();
        loop {
            if work.stopping {
                return Task::Stop;
            }
            let waiting = work.segments.front().copied();
            if let Some(span) = waiting.filter(|span| shared.is_released(span.end)) {
                return Task::Settle(span);
            }
            if waiting.is_some() && !work.unpublished {
                work = self.changed.wait_timeout(work, RELEASE_INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if !work.unpublished {
                work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let since = published.map_or(PUBLISH_INTERVAL, |published| published.elapsed());
            let Some(remaining) = PUBLISH_INTERVAL.checked_sub(since).filter(|rest| !rest.is_zero()) else {
                work.unpublished = false;
                return Task::Publish;
            };
            let pause = if waiting.is_some() { remaining.min(RELEASE_INTERVAL) } else { remaining };
            work = self.changed.wait_timeout(work, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether more than the segment at work is waiting for the thread.
    fn is_awaited(&self) -> bool {
        let work = self.lock();
        work.stopping || work.segments.len() > 1
    }

    fn settled(&self) {
        self.lock().segments.pop_front();
        self.changed.notify_all();
    }
}

/// Tells a waiting writer that nobody will settle its segments, however the thread ends.
struct Ended<'a>(&'a Backlog);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

/// How much sooner others get a core than this thread and those it begins. What they do may wait, and comes in bursts of hundreds of
/// files; whoever appends waits for the writer.
const NICENESS: i32 = 10;

/// Gives way to others; where the system does not let it, everything is as it would be without.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

fn run(shared: &Arc<Shared>, backlog: &Backlog) {
    give_way();
    let _ended = Ended(backlog);
    let _halt = HaltOnPanic(Arc::clone(shared));
    let mut published = None;
    loop {
        let task = backlog.next(shared, published);
        let underway = shared.publishing.begin();
        let is_awaited = || backlog.is_awaited() || shared.clearing.load(Ordering::Relaxed) > 0;
        let pace = Pace::new(&shared.publishing, &is_awaited, published);
        let outcome = match task {
            Task::Stop => return,
            Task::Publish => pace.publish(&shared.tree).and_then(|()| shared.spares.prepare(&shared.tree.files)),
            Task::Settle(span) => settle(&shared.tree, span, Some(&shared.spares), &pace).map(|()| backlog.settled()),
        };
        published = pace.published();
        drop(underway);
        if let Err(error) = outcome {
            shared.halt(error);
            return;
        }
    }
}
