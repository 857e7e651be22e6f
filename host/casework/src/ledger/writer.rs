//! The task that writes to the database behind the log, and what waits for it.
//!
//! What entries left is gathered for a moment and written in one commit. While the database does not take it, it is tried again,
//! and the journal holds what waits; while it does not answer, it is waited for, and that is trouble as well. With each commit it is
//! kept how far the log is ([`crate::watermark`]). That the task broke off is said to whoever wants anything of it.

use crate::recovery::STALL_LIMIT;
use crate::watermark;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Entries written to the database in one commit at most. Large ones are fewer: [`store::BATCH_BYTES`].
const MOST_AT_ONCE: usize = 256;

/// How long entries are gathered before they are written: a commit costs more than what is in it.
const GATHER: Duration = Duration::from_millis(20);

/// How long to wait before a database that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Why nothing is written any more, though the host does not stop.
pub(super) const BROKEN: &str = "the task that writes to the database broke off: restart the host, which finds what \
                                 is on record in the log's journal";

/// What waits for the database.
pub(super) enum Behind {
    /// What an entry left.
    Entry { index: u64, kept: Vec<store::Kept>, bytes: usize, room: OwnedSemaphorePermit },
    /// Rows that no entry brings: too few and too small to take room.
    Rows(Vec<store::Kept>),
    /// Somebody who wants to know when all before is there.
    Settle(oneshot::Sender<()>),
}

/// How many of the riders of these sizes go to the database in one commit; one at least, if there is one.
pub(super) fn batch(sizes: impl Iterator<Item = usize>) -> usize {
    let (mut count, mut bytes) = (0, 0_usize);
    for size in sizes {
        count += 1;
        bytes = bytes.saturating_add(size);
        if is_full(count, bytes) {
            break;
        }
    }
    count
}

/// Whether so many entries of so many bytes in all are a commit.
fn is_full(count: usize, bytes: usize) -> bool {
    count >= MOST_AT_ONCE || bytes >= store::BATCH_BYTES
}

/// Lets the writer do its work, and says that nothing is written any more where it does not end as it should: with the
/// last clone of its ledger.
pub(super) async fn watched(work: impl Future<Output = ()>, trouble: Arc<ArcSwapOption<String>>) {
    let mut watch = Watch { trouble, ended: false };
    work.await;
    watch.ended = true;
}

struct Watch {
    trouble: Arc<ArcSwapOption<String>>,
    ended: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.trouble.store(Some(Arc::new(BROKEN.to_owned())));
        }
        if std::thread::panicking() {
            tracing::error!("{BROKEN}");
        }
    }
}

/// Says after so long that the database does not answer, unless it is ended before. A reason that is there already stays.
async fn late(limit: Duration, trouble: Arc<ArcSwapOption<String>>, log: String) {
    tokio::time::sleep(limit).await;
    let reason = format!("a write to it has not returned for {} s: see to its disk", limit.as_secs());
    if trouble.load().is_none() {
        tracing::error!(log, %reason, "the database cannot be written: every step is refused");
        trouble.store(Some(Arc::new(reason)));
    }
}

/// The task that writes to the database behind the log.
pub(super) struct Writer {
    pub(super) log: audit::Log,
    pub(super) store: store::Jurisdiction,
    pub(super) trouble: Arc<ArcSwapOption<String>>,
}

impl Writer {
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Behind>) {
        let (mut kept, mut indices, mut waiting, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while let Some(first) = queue.recv().await {
            let mut next = Some(first);
            let until = tokio::time::Instant::now() + GATHER;
            let mut bytes = 0_usize;
            while let Some(item) = next.take() {
                match item {
                    Behind::Entry { index, kept: rows, bytes: more, room } => {
                        indices.push(index);
                        kept.extend(rows);
                        bytes = bytes.saturating_add(more);
                        held.push(room);
                    }
                    Behind::Rows(rows) => kept.extend(rows),
                    Behind::Settle(done) => waiting.push(done),
                }
                if is_full(indices.len(), bytes) {
                    break;
                }
                next = if waiting.is_empty() {
                    tokio::time::timeout_at(until, queue.recv()).await.ok().flatten()
                } else {
                    // Somebody waits: what is there goes at once.
                    queue.try_recv().ok()
                };
            }
            if !kept.is_empty() {
                kept.extend(watermark::mark(&self.log));
            }
            self.write(&kept).await;
            kept.clear();
            held.clear();
            indices.drain(..).for_each(|index| self.log.release(index));
            for done in waiting.drain(..) {
                // Whoever stopped waiting does not need to know.
                let _ = done.send(());
            }
        }
    }

    /// One attempt, to its end. Where that does not come in time, it is said meanwhile.
    async fn keep(&self, kept: &[store::Kept]) -> Result<(), store::StoreError> {
        if kept.is_empty() {
            return Ok(());
        }
        // A task of its own: the engine may hold this one's thread while it waits for the disk.
        let late = tokio::spawn(late(STALL_LIMIT, self.trouble.clone(), self.log.origin().to_owned()));
        let outcome = self.store.keep(kept).await;
        late.abort();
        // It may be saying so at this moment: what says that all is well comes after it.
        let _ = late.await;
        outcome
    }

    /// Writes until it has worked. Meanwhile nothing new is accepted, and the journal holds what waits.
    async fn write(&self, kept: &[store::Kept]) {
        while let Err(e) = self.keep(kept).await {
            if self.trouble.swap(Some(Arc::new(e.to_string()))).is_none() {
                tracing::error!(log = self.log.origin(), %e, "the database cannot be written: every step is refused");
            }
            tokio::time::sleep(RETRY).await;
        }
        if self.trouble.swap(None).is_some() {
            tracing::warn!(log = self.log.origin(), "the database can be written again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_commit_is_bounded_by_entries_and_by_bytes() {
        assert_eq!(batch([1; 1000].into_iter()), MOST_AT_ONCE);
        assert_eq!(batch([4 * MIB; 1000].into_iter()), store::BATCH_BYTES / (4 * MIB));
        assert_eq!(batch([1, store::BATCH_BYTES, 1].into_iter()), 2);
        assert_eq!(batch([2 * store::BATCH_BYTES, 1].into_iter()), 1, "one at least");
        assert_eq!(batch([1, 2, 3].into_iter()), 3);
        assert_eq!(batch([].into_iter()), 0);
    }

    async fn breaks() {
        panic!("as the test wants");
    }

    #[tokio::test]
    async fn a_writer_that_breaks_off_is_said_to() {
        let trouble = Arc::new(ArcSwapOption::empty());
        tokio::spawn(watched(async {}, trouble.clone())).await.unwrap();
        assert!(trouble.load_full().is_none(), "it ended as it should");
        assert!(tokio::spawn(watched(breaks(), trouble.clone())).await.is_err());
        assert_eq!(trouble.load_full().as_deref().map(String::as_str), Some(BROKEN));
        late(Duration::ZERO, trouble.clone(), "test/north".to_owned()).await;
        assert_eq!(trouble.load_full().as_deref().map(String::as_str), Some(BROKEN), "what is known stays");
    }

    #[tokio::test]
    async fn a_write_that_does_not_return_is_said_to_be_late() {
        let trouble = Arc::new(ArcSwapOption::empty());
        let in_time = tokio::spawn(late(STALL_LIMIT, trouble.clone(), "test/north".to_owned()));
        in_time.abort();
        assert!(in_time.await.is_err() && trouble.load_full().is_none());
        late(Duration::ZERO, trouble.clone(), "test/north".to_owned()).await;
        assert!(trouble.load_full().is_some_and(|reason| reason.contains("has not returned")));
    }
}
