//! The one thread that appends to a log: it drains the queue, makes a batch durable with one sync, and answers.

use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::answers::Answers;
use crate::checkpoint::{self, Head};
use crate::error::{AppendError, Damage, Fault, OpenError};
use crate::frame;
use crate::journal::{Journal, Segment, Span};
use crate::key::Signer;
use crate::load::load;
use crate::log::Appended;
use crate::pace::Pace;
use crate::prune::{self, PRUNED_NOTE};
use crate::publisher::Publisher;
use crate::settle::{publish, settle};
use crate::shared::{HaltOnPanic, Shared};
use crate::{Hash, files};

/// The most entries in one batch: at this size the sync is a small part of the cost, and the first caller's wait stays
/// short.
pub(crate) const MAX_BATCH: usize = 4_096;

/// A batch takes no further entry once its leaves have so many bytes, which bounds a frame to this and one leaf more.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// A caller's entry on its way to the writer.
pub(crate) struct Pending {
    pub(crate) leaf: Vec<u8>,
    // Computed by the caller, so that hashing leaves uses its thread and not the writer's.
    pub(crate) hash: Hash,
    // Kept in the journal until released; empty is none.
    pub(crate) rider: Vec<u8>,
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// What the writer is asked to do, in order.
pub(crate) enum Command {
    Append(Pending),
    Turn(oneshot::Sender<Result<(), AppendError>>),
    /// To say that the log begins with this entry from now on.
    Prune(u64, oneshot::Sender<Result<(), AppendError>>),
    Recover(oneshot::Sender<Result<(), OpenError>>),
    Close(oneshot::Sender<Result<(), AppendError>>),
}

/// The writer's state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    signer: Arc<dyn Signer>,
    commands: mpsc::Receiver<Command>,
    segment: Segment,
    publisher: Publisher,
    answers: Answers,
    // The frame being written; kept for its memory.
    frame: Vec<u8>,
    // Last, so that the lock is released when everything else has been let go.
    _lock: File,
}

impl Writer {
    /// Settles what the journal held and starts the threads of the log.
    pub(crate) fn spawn(
        shared: Arc<Shared>,
        signer: Arc<dyn Signer>,
        commands: mpsc::Receiver<Command>,
        lock: File,
        spans: &[Span],
    ) -> Result<JoinHandle<()>, OpenError> {
        let (segment, publisher) = begin(&shared, &*signer, spans)?;
        let answers = Answers::spawn().map_err(OpenError::Thread)?;
        let writer = Self { shared, signer, commands, segment, publisher, answers, frame: Vec::new(), _lock: lock };
        std::thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)
    }

    fn run(mut self) {
        let mut batch = Vec::new();
        // After the batch, to be dropped before it: callers whose entries vanish with it have to find the reason.
        let _halt = HaltOnPanic(Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        while let Some(command) = self.commands.blocking_recv() {
            // Whatever it does before it asks for more waits for the disk, or the signer.
            let _underway = shared.writing.begin();
            match self.gather(command, &mut batch) {
                None => self.commit(&mut batch),
                Some(Command::Close(reply)) => {
                    self.commit(&mut batch);
                    let outcome = self.finish();
                    // Whoever waits for this may open the log again at once: the lock has to be free by then.
                    drop(self);
                    let _ = reply.send(outcome);
                    return;
                }
                Some(Command::Turn(reply)) => {
                    self.commit(&mut batch);
                    let _ = reply.send(self.turn());
                }
                Some(Command::Prune(minimum, reply)) => {
                    self.commit(&mut batch);
                    let _ = reply.send(self.prune(minimum));
                }
                Some(Command::Recover(reply)) => {
                    self.commit(&mut batch);
                    let _ = reply.send(self.recover());
                }
                // `gather` puts entries into the batch and returns other commands only.
                Some(Command::Append(_)) => {}
            }
        }
        // Every handle is gone; nobody is left to tell about an error, and the journal holds what could not be settled.
        let _ = self.finish();
    }

    /// Moves `first` and the entries queued behind it into the batch; the command that comes after them is returned.
    ///
    /// Without any delay: what arrives while this batch is synced forms the next one.
    fn gather(&mut self, first: Command, batch: &mut Vec<Pending>) -> Option<Command> {
        let mut bytes = 0;
        let mut next = Some(first);
        loop {
            match next {
                Some(Command::Append(pending)) => {
                    bytes += pending.leaf.len() + pending.rider.len();
                    batch.push(pending);
                }
                other => return other,
            }
            if batch.len() >= MAX_BATCH || bytes >= MAX_BATCH_BYTES {
                return None;
            }
            next = self.commands.try_recv().ok();
        }
    }

    /// Makes a batch durable and has its callers answered.
    fn commit(&mut self, batch: &mut Vec<Pending>) {
        if batch.is_empty() {
            return;
        }
        let stored = self.store(batch);
        // Before anybody is answered: whoever is asks next whether the disk answers.
        self.shared.writing.step();
        match stored {
            Ok(head) => {
                let size = head.size;
                self.answers.give(batch, Ok(head));
                self.publisher.announce();
                if self.segment.is_full(size)
                    && let Err(error) = self.next_segment(size)
                {
                    self.shared.halt(error);
                }
            }
            Err(error) => self.answers.give(batch, Err(error)),
        }
    }

    /// Pushes the batch into the tree, signs the root, and writes and syncs the frame: in this order, so that no
    /// signature leaves before the sync. Readers see nothing of it before the last line. After an error the log is halted.
    fn store(&mut self, batch: &[Pending]) -> Result<Head, AppendError> {
        if let Some(reason) = self.shared.halted() {
            // Nothing was written of these.
            return Err(AppendError::Unwritable(reason));
        }
        let unwritable = |reason: String| {
            self.shared.halt(&reason);
            AppendError::Unwritable(reason)
        };
        let tree = &self.shared.tree;
        let (first, size, root) = {
            let mut tail = tree.tail_mut();
            for pending in batch {
                tail.push(pending.hash, &pending.leaf);
            }
            (tail.head().size, tail.pushed(), tail.root())
        };
        let head = checkpoint::sign(&self.shared.origin, size, root, &*self.signer, &self.shared.key)
            .map_err(|error| unwritable(error.to_string()))?;
        self.frame.clear();
        let entries = batch.iter().map(|pending| (pending.leaf.as_slice(), pending.rider.as_slice()));
        frame::encode(self.segment.seed(), first, &head, entries, &mut self.frame);
        if let Err(error) = self.segment.append(&tree.files, &mut self.frame) {
            return Err(self.take_back(&error.to_string()));
        }
        let riding = (first..).zip(batch).filter(|(_, pending)| !pending.rider.is_empty());
        self.shared.ride(riding.map(|(index, _)| index));
        tree.tail_mut().acknowledge(head.clone());
        Ok(head)
    }

    /// Halts the log, and takes a frame back that was not made durable: those whose entries are in it are about to be told
    /// that nothing was done, and the frame, whole as it may be, would say otherwise to whoever opens the log.
    fn take_back(&mut self, reason: &str) -> AppendError {
        self.shared.halt(reason);
        match self.segment.discard_unsynced(&self.shared.tree.files) {
            Ok(()) => AppendError::Unwritable(reason.to_owned()),
            Err(error) => AppendError::Doubtful(format!("{reason}; {error}")),
        }
    }

    /// Begins the next journal segment and has the present one settled.
    fn next_segment(&mut self, size: u64) -> Result<(), OpenError> {
        let files = &self.shared.tree.files;
        let next = match self.shared.spares.take() {
            Some(spare) => Segment::reuse(files, spare, size)?,
            None => Segment::create(files, size)?,
        };
        let full = std::mem::replace(&mut self.segment, next);
        self.publisher.hand_over(full.span(size));
        Ok(())
    }

    /// Begins the next segment unless the present one is empty, so that what the journal holds can go.
    fn turn(&mut self) -> Result<(), AppendError> {
        if let Some(reason) = self.shared.halted() {
            return Err(AppendError::Unwritable(reason));
        }
        let size = self.shared.tree.size();
        if !self.segment.is_empty(size)
            && let Err(error) = self.next_segment(size)
        {
            self.shared.halt(&error);
            return Err(AppendError::Unwritable(error.to_string()));
        }
        Ok(())
    }

    /// Says, durably, that the log begins with this entry. Nothing is removed yet.
    fn prune(&self, minimum: u64) -> Result<(), AppendError> {
        if let Some(reason) = self.shared.halted() {
            return Err(AppendError::Unwritable(reason));
        }
        let Shared { tree, origin, key, .. } = &*self.shared;
        let note = prune::sign(origin, minimum, &*self.signer, key)
            .map_err(|error| AppendError::Unwritable(error.to_string()))?;
        let written = tree.files.replace(PRUNED_NOTE, note.as_bytes());
        written
            .and_then(|()| tree.files.sync_folder(files::ROOT))
            .map_err(|error| AppendError::Unwritable(error.to_string()))?;
        tree.prune(minimum);
        Ok(())
    }

    /// Settles everything, so that the folder is complete without a journal; but for segments with riders that have not
    /// been released, which the next opening finds. Of a halted log only what was acknowledged stays.
    fn finish(&mut self) -> Result<(), AppendError> {
        let mut spans = self.publisher.stop();
        if let Some(reason) = self.shared.halted() {
            return Err(self.take_back(&reason));
        }
        let tree = &self.shared.tree;
        self.shared.spares.clear(&tree.files).map_err(|error| AppendError::Unwritable(error.to_string()))?;
        spans.push(self.segment.span(tree.size()));
        for span in spans {
            if !self.shared.is_released(span.end) {
                return publish(tree).map_err(|error| AppendError::Unwritable(error.to_string()));
            }
            if let Err(error) = settle(tree, span, None, &Pace::hurried(&self.shared.writing)) {
                self.shared.halt(&error);
                return Err(AppendError::Unwritable(error.to_string()));
            }
        }
        Ok(())
    }

    /// Reads the log from disk again after a failure, and goes on from there if every acknowledged entry is in it.
    fn recover(&mut self) -> Result<(), OpenError> {
        if self.shared.halted().is_none() {
            return Ok(());
        }
        let tree = &self.shared.tree;
        // Recovering settles every segment; what rides on their entries must have reached its own place.
        if !self.shared.is_released(tree.size()) {
            return Err(OpenError::Riders);
        }
        self.publisher.stop();
        // Entries whose callers were told that they failed shall not turn up later. Besides, after a failed sync the
        // system may show bytes that are not on the disk: nothing is kept here that was not synced with success.
        self.segment.discard_unsynced(&self.shared.tree.files)?;
        let acknowledged = tree.head();
        let Some(loaded) = load(&tree.files, &self.shared.key)? else {
            return Err(Damage::new(checkpoint::FILE, Fault::Missing, 0).into());
        };
        let found = loaded.tail.head();
        if found.size != acknowledged.size {
            let file = Journal::read(&tree.files)?.file_of(found.size);
            let fault = Fault::Behind { promised: acknowledged.size, found: found.size };
            return Err(Damage::new(file, fault, found.size).into());
        }
        if found.root != acknowledged.root {
            return Err(Damage::new(checkpoint::FILE, Fault::Root { size: found.size }, 0).into());
        }
        *tree.tail_mut() = loaded.tail;
        let (segment, publisher) = begin(&self.shared, &*self.signer, &loaded.spans)?;
        self.segment = segment;
        self.publisher = publisher;
        self.shared.resume();
        Ok(())
    }
}

/// Settles the journal's segments, begins a new one and starts the publisher. Nothing that was only read back from the
/// journal counts as durable before this.
fn begin(shared: &Arc<Shared>, signer: &dyn Signer, spans: &[Span]) -> Result<(Segment, Publisher), OpenError> {
    let head = shared.tree.head();
    // A signer that cannot sign, or signs with another key, is found out before anyone relies on it.
    let probe = checkpoint::sign(&shared.origin, head.size, head.root, signer, &shared.key)?;
    if checkpoint::read(&probe.text, &shared.key).is_err() {
        return Err(OpenError::SignerKey { key: shared.key.to_string() });
    }
    if spans.is_empty() {
        publish(&shared.tree)?;
        shared.tree.files.sync_folder(files::ROOT)?;
    }
    // Before tiles are written: on a full disk what they take up is what those need.
    shared.spares.clear(&shared.tree.files)?;
    for span in spans {
        settle(&shared.tree, *span, None, &Pace::hurried(&shared.writing))?;
    }
    let segment = Segment::create(&shared.tree.files, head.size)?;
    let publisher = Publisher::spawn(Arc::clone(shared)).map_err(OpenError::Thread)?;
    Ok((segment, publisher))
}
