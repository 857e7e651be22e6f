//! Telling the callers of a large batch, off the writer's path.
//!
//! Waking five hundred callers costs more than the sync that made their entries durable, and they run on the cores that the
//! writer needs: whoever queued behind them would wait for all of that before its own batch is begun. So a thread of its own
//! tells them, while the writer takes the next batch. Nothing is told earlier than before: a batch comes here only when its
//! sync has succeeded and readers see it, or when it has failed.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::checkpoint::Head;
use crate::error::AppendError;
use crate::log::Appended;
use crate::writer::Pending;

/// Up to so many callers are told at once by the writer itself: waking another thread would cost as much.
const FEW: usize = 16;

/// What became of a batch: the head it is in, or why it is in none.
type Outcome = Result<Head, AppendError>;

/// The writer's handle on the thread.
pub(crate) struct Answers {
    // `None` once it is being dropped.
    batches: Option<mpsc::Sender<(Vec<Pending>, Outcome)>>,
    thread: Option<JoinHandle<()>>,
}

impl Answers {
    pub(crate) fn spawn() -> io::Result<Self> {
        let (batches, queue) = mpsc::channel();
        let thread = std::thread::Builder::new().name("audit-answers".to_owned()).spawn(move || {
            for (mut batch, outcome) in queue {
                tell(&mut batch, &outcome);
            }
        })?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    /// Tells the callers of a batch, and leaves it empty.
    pub(crate) fn give(&self, batch: &mut Vec<Pending>, outcome: Outcome) {
        if batch.len() <= FEW {
            return tell(batch, &outcome);
        }
        let many = (std::mem::take(batch), outcome);
        let Some(batches) = &self.batches else { return };
        if let Err(mpsc::SendError((mut batch, outcome))) = batches.send(many) {
            // The thread broke off: they have to be told all the same.
            tell(&mut batch, &outcome);
        }
    }
}

impl Drop for Answers {
    /// Waits until everybody has been told.
    fn drop(&mut self) {
        self.batches.take();
        if let Some(thread) = self.thread.take() {
            // Whoever it could not tell finds the reply gone.
            let _ = thread.join();
        }
    }
}

fn tell(batch: &mut Vec<Pending>, outcome: &Outcome) {
    match outcome {
        Ok(head) => {
            let first = head.size - batch.len() as u64;
            for (index, pending) in (first..).zip(batch.drain(..)) {
                let appended = Appended { index, size: head.size, checkpoint: head.text.clone() };
                // The caller may have given up waiting; its entry is in the log all the same.
                let _ = pending.reply.send(Ok(appended));
            }
        }
        Err(error) => {
            for pending in batch.drain(..) {
                let _ = pending.reply.send(Err(error.clone()));
            }
        }
    }
}
