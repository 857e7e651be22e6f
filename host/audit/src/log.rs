//! The handle on a log: open it, append, read, prove.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::coop::unconstrained;

use crate::again::Again;
use crate::checkpoint;
use crate::entries::Entries;
use crate::error::{AppendError, FileError, OpenError, ReadError};
use crate::files::Files;
use crate::journal::Span;
use crate::key::{Signer, VerifierKey, is_name};
use crate::load::load;
use crate::prune::{self, PRUNED_NOTE, PruneError, whole_bundles};
use crate::receipt::Receipt;
use crate::shared::Shared;
use crate::tail::Tail;
use crate::tile::{Edge, leaf_hash};
use crate::torn::Torn;
use crate::tree::Tree;
use crate::unread::Unread;
use crate::writer::{Command, MAX_BATCH, Pending, Writer};
use crate::{Hash, MAX_LEAF_BYTES, MAX_RIDER_BYTES};

/// Entries that may wait for the writer before callers have to: one full batch, so that the next is ready when a sync
/// ends.
const QUEUE: usize = MAX_BATCH;

/// How often [`Log::clear_journal`] looks whether the segments are gone: each takes a hundred small syncs to settle.
const CLEAR_INTERVAL: Duration = Duration::from_millis(2);

/// The longest origin, in bytes: room for a host name and a jurisdiction, without making every checkpoint long.
const MAX_ORIGIN_BYTES: usize = 255;

/// A log that is open for appending. Clones are handles on the same log.
///
/// Dropping the last handle does what [`close`](Self::close) does, waits for it, and swallows its error.
#[derive(Clone)]
pub struct Log {
    handle: Arc<Handle>,
}

// The order of the fields matters: the writer ends when the last sender is gone, and only then can it be waited for.
struct Handle {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    _writer: JoinOnDrop,
}

struct JoinOnDrop(Option<JoinHandle<()>>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic in it has halted the log already.
            let _ = thread.join();
        }
    }
}

/// A log, and what had to be done to open it.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: Log,
    /// What the journal added, if the log was not closed properly; `None` after a clean close.
    pub recovered: Option<Recovery>,
}

/// A log that has been read and is locked, but not yet opened. The journal is untouched until it is: what rides on its
/// entries can be brought to its own place first.
pub struct Prepared {
    tree: Tree,
    lock: std::fs::File,
    origin: String,
    signer: Arc<dyn Signer>,
    key: VerifierKey,
    spans: Vec<Span>,
    recovered: Option<Recovery>,
    riders: Vec<(u64, Vec<u8>)>,
}

impl Prepared {
    /// What rides on entries of the journal, each with its entry's index, oldest first. It was durable together with its
    /// entry, and whoever appended it did not say that it is anywhere else.
    pub fn riders(&self) -> &[(u64, Vec<u8>)] {
        &self.riders
    }

    /// The log's name in its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the journal adds, if the log was not closed properly. What is torn is dropped when the log is opened, and nothing in
    /// the folder tells of it afterwards: say so in a place of its own first.
    pub fn recovered(&self) -> Option<&Recovery> {
        self.recovered.as_ref()
    }

    /// Whether the log holds, unchanged, the tree of this size and root that somebody knows was durable in it once. Nothing in
    /// the folder tells: an earlier copy of it is as sound as any. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::SetBack`] where it has fewer entries; [`OpenError::Forked`] where it has others;
    /// [`OpenError::Directory`] with the file's name where a file that tells it is damaged.
    pub fn extends(&self, size: u64, root: Hash) -> Result<(), OpenError> {
        let head = self.tree.head();
        if head.size < size {
            let torn = self.recovered.as_ref().and_then(|recovered| recovered.torn.clone());
            return Err(OpenError::SetBack { known: size, found: head.size, torn });
        }
        // Of the whole tree no file has to be read.
        let found = if head.size == size { Ok(head.root) } else { self.tree.root_at(size) };
        match found {
            Ok(found) if found == root => Ok(()),
            Err(ReadError::Directory(damage)) => Err(damage.into()),
            Ok(_) | Err(_) => Err(OpenError::Forked { known: size }),
        }
    }

    /// Where the journal begins. Whoever appended the entries below has said of each that what rode on it is in its own place; what
    /// rides on the others is among the [`riders`](Self::riders).
    pub fn journal_begins(&self) -> u64 {
        self.spans.first().map_or_else(|| self.tree.size(), |span| span.first)
    }

    /// The entry with an index, checked against the tree. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Log::entry`].
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        self.tree.entry(index)
    }

    /// What it takes to prepare the log again, should opening it fail.
    ///
    /// # Errors
    ///
    /// [`FileError`] where the process may open no more files.
    pub fn again(&self) -> Result<Again, FileError> {
        Ok(Again { dir: self.tree.files.again()?, origin: self.origin.clone(), signer: Arc::clone(&self.signer) })
    }

    /// Opens the log. The riders go with the journal: bring them to their own place first. Blocks while the journal is
    /// settled.
    ///
    /// # Errors
    ///
    /// Those of [`Log::open`].
    pub fn open(self) -> Result<Opened, OpenError> {
        let Self { tree, lock, origin, signer, key, spans, recovered, riders: _ } = self;
        // What a crash kept from going.
        prune::remove(&tree.files, tree.minimum())?;
        let shared = Arc::new(Shared::new(tree, &origin, key));
        let (commands, queue) = mpsc::channel(QUEUE);
        let writer = Writer::spawn(Arc::clone(&shared), signer, queue, lock, &spans)?;
        let handle = Handle { commands, shared, _writer: JoinOnDrop(Some(writer)) };
        Ok(Opened { log: Log { handle: Arc::new(handle) }, recovered })
    }
}

/// Somebody who waits for the journal's segments to go, until this is dropped: those who have them go do not rest.
struct Clearing<'a>(&'a Shared);

impl<'a> Clearing<'a> {
    fn of(shared: &'a Shared) -> Self {
        shared.clearing.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        self.0.clearing.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a crash left in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that were in the journal only and are in tiles now. Acknowledged ones are all among them or in tiles
    /// before.
    pub entries: u64,
    /// What was at the journal's end and was dropped, because it is no whole frame. After a crash while it was written nobody
    /// was told of its entries; whether that is what happened, it cannot say ([`Torn::cut_short`]).
    pub torn: Option<Torn>,
}

/// An entry that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// The size of the tree whose checkpoint first covers the entry.
    pub size: u64,
    /// That checkpoint, signed (c2sp.org/tlog-checkpoint).
    pub checkpoint: Arc<str>,
}

impl Log {
    /// Opens the log in `dir`, or begins one if the folder holds none. Blocks while the journal is replayed and
    /// settled.
    ///
    /// `origin` is the log's name in every checkpoint, by custom `<host>/<jurisdiction>`; the signer's key must be
    /// called so.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] while another process writes the log; [`OpenError::Directory`] with the file's name if
    /// anything in the folder is missing, broken or not covered by a signature of `signer`'s key;
    /// [`OpenError::Riders`] if something rides on the journal's entries: [`prepare`](Self::prepare) gives it out.
    /// Nothing is changed then.
    pub fn open(dir: Dir, origin: &str, signer: Arc<dyn Signer>) -> Result<Opened, OpenError> {
        let prepared = Self::prepare(dir, origin, signer)?;
        if prepared.riders().is_empty() { prepared.open() } else { Err(OpenError::Riders) }
    }

    /// Reads and locks the log in `dir`, and changes nothing yet.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn prepare(dir: Dir, origin: &str, signer: Arc<dyn Signer>) -> Result<Prepared, OpenError> {
        if !is_name(origin) || origin.len() > MAX_ORIGIN_BYTES {
            return Err(OpenError::Origin { origin: origin.to_owned() });
        }
        let key: VerifierKey = signer.verifier_key().parse()?;
        for name in [signer.name(), key.name()] {
            if name != origin {
                return Err(OpenError::SignerName { signer: name.to_owned(), origin: origin.to_owned() });
            }
        }
        let files = Files::new(dir);
        let lock = files.lock()?.ok_or(OpenError::Locked)?;

        let (tail, spans, recovered, riders, minimum) = match load(&files, &key)? {
            Some(loaded) => {
                let minimum = prune::read(&files, &key, loaded.base)?;
                let recovery = Recovery { entries: loaded.tail.head().size - loaded.base, torn: loaded.torn };
                let clean = recovery == Recovery { entries: 0, torn: None };
                (loaded.tail, loaded.spans, (!clean).then_some(recovery), loaded.riders, minimum)
            }
            None => {
                let edge = Edge::new(0, Vec::new());
                let head = checkpoint::sign(origin, 0, edge.root(), &*signer, &key)?;
                (Tail::new(head, edge, Entries::default()), Vec::new(), None, Vec::new(), 0)
            }
        };
        let (tree, origin) = (Tree::new(files, tail, minimum), origin.to_owned());
        Ok(Prepared { tree, lock, origin, signer, key, spans, recovered, riders })
    }

    /// Appends a leaf and waits until it is durable. Waits, too, while the queue is full.
    ///
    /// If the returned future is dropped, the entry may or may not be appended.
    ///
    /// # Errors
    ///
    /// [`AppendError::TooLong`] above [`MAX_LEAF_BYTES`]; [`AppendError::Closed`] after [`close`](Self::close);
    /// [`AppendError::Unwritable`] when the log cannot be written: the entry is not logged, and what it was to record must
    /// not happen; [`AppendError::Doubtful`] when what was written of it could not be taken back, besides.
    /// [`try_recover`](Self::try_recover), or [`close`](Self::close) where the disk allows, makes sure that it never turns up;
    /// opening the log again without that may find it in the journal, whole, and then keeps it.
    pub async fn append(&self, leaf: Vec<u8>) -> Result<Appended, AppendError> {
        self.append_with(leaf, Vec::new()).await
    }

    /// Appends a leaf together with a rider: bytes of at most [`MAX_RIDER_BYTES`] that become durable with it, are no part
    /// of the log, and stay in the journal until [`release`](Self::release) says that they have reached their own place.
    /// After a crash [`Prepared::riders`] gives them out.
    ///
    /// # Errors
    ///
    /// Those of [`append`](Self::append), and [`AppendError::RiderTooLong`].
    pub async fn append_with(&self, leaf: Vec<u8>, rider: Vec<u8>) -> Result<Appended, AppendError> {
        if leaf.len() > MAX_LEAF_BYTES {
            return Err(AppendError::TooLong { length: leaf.len() });
        }
        if rider.len() > MAX_RIDER_BYTES {
            return Err(AppendError::RiderTooLong { length: rider.len() });
        }
        let hash = leaf_hash(&leaf);
        let (reply, answer) = oneshot::channel();
        let command = Command::Append(Pending { leaf, hash, rider, reply });
        if self.handle.commands.send(command).await.is_err() {
            return Err(self.stopped());
        }
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Like [`append`](Self::append), for callers without a runtime. Blocks the thread, so not for use in async tasks.
    ///
    /// # Errors
    ///
    /// Those of [`append`](Self::append).
    pub fn append_blocking(&self, leaf: Vec<u8>) -> Result<Appended, AppendError> {
        wait(self.append(leaf))
    }

    /// Says that the rider of this entry is durable in its own place.
    pub fn release(&self, index: u64) {
        self.handle.shared.release(index);
    }

    /// Begins a new journal segment, so that the present one, riders included, is removed as soon as its riders are
    /// released. Blocks.
    ///
    /// # Errors
    ///
    /// [`AppendError::Unwritable`], [`AppendError::Closed`].
    pub fn turn(&self) -> Result<(), AppendError> {
        wait(async {
            let (reply, answer) = oneshot::channel();
            if self.handle.commands.send(Command::Turn(reply)).await.is_err() {
                return Err(self.stopped());
            }
            answer.await.unwrap_or_else(|_| Err(self.stopped()))
        })
    }

    /// Waits until no journal segment holds an entry appended so far, nor what rode on it: [`turn`](Self::turn), and the
    /// segments before it are gone. What rides must have been released, or be about to: whoever releases it may be in
    /// trouble, and is waited for no longer than `limit`. Blocks, for some tens of milliseconds where all is well.
    ///
    /// # Errors
    ///
    /// Those of [`turn`](Self::turn); [`AppendError::Riding`] when the segments are not gone in time. It can be repeated
    /// then.
    pub fn clear_journal(&self, limit: Duration) -> Result<(), AppendError> {
        let (size, began) = (self.size(), Instant::now());
        let shared = &self.handle.shared;
        let _clearing = Clearing::of(shared);
        self.turn()?;
        while shared.tree.settled_to() < size {
            if shared.halted().is_some() || self.handle.commands.is_closed() {
                return Err(self.stopped());
            }
            if began.elapsed() >= limit {
                return Err(AppendError::Riding { waited_ms: limit.as_millis() });
            }
            std::thread::sleep(CLEAR_INTERVAL);
        }
        Ok(())
    }

    /// Removes the entries below `before` for good, as far as they fill whole bundles; gives the minimum index that the log
    /// has then. Size, root, checkpoints and proofs stay. The log says that it is pruned, durably, before the first entry
    /// goes, and whoever opens it after a crash finishes what was begun. Whether entries are old enough to go is the
    /// caller's to know. Blocks: a file for each 256 entries.
    ///
    /// # Errors
    ///
    /// [`PruneError`]; it can be repeated then.
    pub fn prune(&self, before: u64) -> Result<u64, PruneError> {
        let tree = self.tree();
        let (minimum, settled) = (whole_bundles(before), tree.settled_to());
        if minimum > settled {
            return Err(PruneError::Unsettled { before, settled });
        }
        if minimum > tree.minimum() {
            wait(async {
                let (reply, answer) = oneshot::channel();
                if self.handle.commands.send(Command::Prune(minimum, reply)).await.is_err() {
                    return Err(self.stopped());
                }
                answer.await.unwrap_or_else(|_| Err(self.stopped()))
            })?;
        }
        let minimum = tree.minimum();
        prune::remove(&tree.files, minimum)?;
        Ok(minimum)
    }

    /// The first entry that is not pruned; 0 in a log of which nothing is.
    pub fn minimum_index(&self) -> u64 {
        self.tree().minimum()
    }

    /// The note, signed, that says what was pruned ([`minimum_index`](crate::minimum_index) reads it); `None` while nothing
    /// is. Reads a file.
    ///
    /// # Errors
    ///
    /// [`ReadError::Directory`].
    pub fn pruned_note(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let tree = self.tree();
        let read = tree.files.read(PRUNED_NOTE, checkpoint::MAX_BYTES);
        let note = tree.noted(read.map_err(|error| ReadError::Directory(error.into())))?;
        tree.unread.seen(&PRUNED_NOTE, &(0..0));
        Ok(note)
    }

    /// The files of the folder that could not be read since the log was opened, by their names, until they have been or are
    /// pruned; and word of every change. The log goes on without them: only whoever asks for what they hold learns of them
    /// otherwise.
    pub fn unread(&self) -> watch::Receiver<BTreeMap<String, Unread>> {
        self.tree().unread.subscribe()
    }

    /// The number of entries acknowledged.
    pub fn size(&self) -> u64 {
        self.handle.shared.tree.size()
    }

    /// The number of entries acknowledged, and the root of the tree over them: all of it is durable.
    pub fn root(&self) -> (u64, Hash) {
        let head = self.handle.shared.tree.head();
        (head.size, head.root)
    }

    /// The newest acknowledged checkpoint, signed. The published file lags behind it by at most
    /// [`PUBLISH_INTERVAL`](crate::PUBLISH_INTERVAL).
    pub fn checkpoint(&self) -> Arc<str> {
        self.handle.shared.tree.head().text
    }

    /// The log's name in its checkpoints.
    pub fn origin(&self) -> &str {
        &self.handle.shared.origin
    }

    /// The key under which the log's checkpoints verify, to be published.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.handle.shared.key
    }

    /// The entry with an index, checked against the tree.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`], [`ReadError::Pruned`], or [`ReadError::Directory`] with the name of a damaged file.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        self.handle.shared.tree.entry(index)
    }

    /// The entries of a range with their indices, checked against the tree. All are held in memory: ask for thousands,
    /// not for millions.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`] if the range reaches beyond the log, [`ReadError::Pruned`] if it begins before the
    /// [minimum index](Self::minimum_index), or [`ReadError::Directory`] with the name of a damaged file.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        self.handle.shared.tree.entries(range)
    }

    /// The proof that entry `index` is in the tree of `size` entries, from the leaf's sibling upwards (RFC 6962,
    /// section 2.1.1).
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`] unless `index < size`, [`ReadError::NoSuchTree`] if the log has fewer entries than
    /// `size`, or [`ReadError::Directory`] with the name of a damaged file.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
        self.handle.shared.tree.inclusion(index, size)
    }

    /// The proof that the tree of `new` entries begins with the tree of `old` (RFC 6962, section 2.1.2). Empty if both
    /// are equal or `old` is 0.
    ///
    /// # Errors
    ///
    /// [`ReadError::TreeOrder`] unless `old <= new`, [`ReadError::NoSuchTree`] if the log has fewer entries than `new`,
    /// or [`ReadError::Directory`] with the name of a damaged file.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        self.handle.shared.tree.consistency(old, new)
    }

    /// The receipt of an entry: everything its owner needs to check it without this log.
    ///
    /// # Errors
    ///
    /// Those of [`prove_inclusion`](Self::prove_inclusion).
    pub fn receipt(&self, appended: &Appended) -> Result<Receipt, ReadError> {
        Ok(Receipt {
            index: appended.index,
            proof: self.prove_inclusion(appended.index, appended.size)?,
            checkpoint: appended.checkpoint.to_string(),
        })
    }

    /// Whether the next append has a chance. False after a failed write until [`try_recover`](Self::try_recover)
    /// succeeds, and after [`close`](Self::close).
    pub fn is_writable(&self) -> bool {
        !self.handle.commands.is_closed() && self.handle.shared.halted().is_none()
    }

    /// Whether nothing can ever be appended by this handle: the log was closed, or its writer has ended. It has to be opened again.
    pub fn is_closed(&self) -> bool {
        self.handle.commands.is_closed()
    }

    /// Why nothing can be appended, after a failed write; `None` while all is well and after [`close`](Self::close).
    pub fn halted(&self) -> Option<String> {
        self.handle.shared.halted()
    }

    /// For how long the log's disk, or its signer, has not answered; `None` while nobody waits for them. A few milliseconds are
    /// nothing; what lasts is a disk that hangs, and that returns no error by which the log would be halted.
    pub fn stalled(&self) -> Option<Duration> {
        let shared = &self.handle.shared;
        shared.writing.lasting().max(shared.publishing.lasting())
    }

    /// After a failed write: reads the log from disk again, drops what was never acknowledged, and accepts entries
    /// again if every acknowledged one is there. Does nothing to a log that is writable. Blocks.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); the log stays as it was, and this may be tried again.
    pub fn try_recover(&self) -> Result<(), OpenError> {
        wait(async {
            let (reply, answer) = oneshot::channel();
            if self.handle.commands.send(Command::Recover(reply)).await.is_err() {
                return Err(OpenError::Closed);
            }
            answer.await.unwrap_or(Err(OpenError::Closed))
        })
    }

    /// Appends what is queued, writes every tile and the checkpoint, empties the journal and releases the lock. Blocks.
    /// Other handles can read afterwards, but not append.
    ///
    /// # Errors
    ///
    /// [`AppendError::Unwritable`] if something could not be written; the journal holds it for the next opening.
    /// [`AppendError::Doubtful`] if it may hold what was never acknowledged, too.
    pub fn close(self) -> Result<(), AppendError> {
        wait(async {
            let (reply, answer) = oneshot::channel();
            if self.handle.commands.send(Command::Close(reply)).await.is_err() {
                return Err(self.stopped());
            }
            answer.await.unwrap_or_else(|_| Err(self.stopped()))
        })
    }

    /// Why the writer does not answer.
    fn stopped(&self) -> AppendError {
        match self.handle.shared.halted() {
            Some(reason) => AppendError::Unwritable(reason),
            None => AppendError::Closed,
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("origin", &self.origin)
            .field("riders", &self.riders.len())
            .finish_non_exhaustive()
    }
}

impl Log {
    /// The tree, for the parts of this crate that only read.
    pub(crate) fn tree(&self) -> &Tree {
        &self.handle.shared.tree
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("origin", &self.origin()).field("size", &self.size()).finish_non_exhaustive()
    }
}

/// Blocks this thread until a future is ready.
///
/// Tokio's own blocking calls panic inside a runtime. Its cooperative budget is switched off, because that would let a
/// future polled from within a task wait for a budget that is renewed only after the task returns.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
#[path = "faults.rs"]
mod faults;
