//! Everything that can go wrong, as documents for the caller: what happened, to which file, and what would change it.

use std::io;

use thiserror::Error;

use crate::MAX_LEAF_BYTES;
use crate::journal;
use crate::prune::PrunedNoteError;
use crate::torn::Torn;

/// The operating system refused a file operation.
#[derive(Debug, Error)]
#[error("`{file}` could not be {action}: {reason}; check the disk, its free space and the folder's permissions")]
pub struct FileError {
    file: String,
    action: &'static str,
    reason: io::Error,
}

impl FileError {
    pub(crate) fn new(file: &str, action: &'static str, reason: io::Error) -> Self {
        Self { file: file.to_owned(), action, reason }
    }

    /// The file, relative to the log's folder.
    pub fn file(&self) -> &str {
        &self.file
    }
}

/// One file of the log's folder, or its journal as a whole, does not say what it must.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{file}` is damaged: {fault}; entries below {intact_below} do not depend on it; restore this {} from a copy and verify the folder again",
    kind(.file)
)]
pub struct Damage {
    file: String,
    fault: Fault,
    intact_below: u64,
}

/// What has this name, as a sentence has it.
fn kind(name: &str) -> &'static str {
    if name == journal::FOLDER { "folder" } else { "file" }
}

impl Damage {
    pub(crate) fn new(file: impl ToString, fault: Fault, intact_below: u64) -> Self {
        Self { file: file.to_string(), fault, intact_below }
    }

    /// The file, relative to the log's folder, or the folder `journal`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What is wrong with it.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Entries with a smaller index do not depend on this file: their bundles and proofs are as good as they were.
    pub fn intact_below(&self) -> u64 {
        self.intact_below
    }
}

/// What is wrong with a damaged file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file is not there.
    #[error("it is missing")]
    Missing,
    /// The file has the wrong length, in bytes.
    #[error("it is {found} bytes long instead of {expected}")]
    Length {
        /// The length its name implies, or the most it may have.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// A tile's hashes do not lead to the hash that the tile above it, or the signed root, records for them.
    #[error("its hashes do not lead to the hash recorded above them")]
    TileHash,
    /// An entry does not hash to its leaf in the level 0 tile.
    #[error("entry {index} does not hash to the leaf recorded for it")]
    EntryHash {
        /// The entry's index in the log.
        index: u64,
    },
    /// The length prefixes of a bundle do not add up to its length.
    #[error("its length prefixes go wrong at entry {index}")]
    EntryLength {
        /// The index in the log of the first entry that could not be read.
        index: u64,
    },
    /// A journal segment does not begin as one.
    #[error("it does not begin with the header of a journal segment")]
    SegmentHeader,
    /// A journal frame is broken although whole frames follow, so it had been acknowledged.
    #[error("its frame at byte {offset} is broken although whole frames follow")]
    Frame {
        /// Where the frame begins, in bytes from the start of the file.
        offset: u64,
    },
    /// The journal skips entries.
    #[error("it continues at entry {found} instead of {expected}")]
    Gap {
        /// The index that should have come next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// The entries do not have the root that was signed for them.
    #[error("the entries do not have the root recorded for size {size}")]
    Root {
        /// The tree size whose root does not fit.
        size: u64,
    },
    /// The signed checkpoint in the file is not acceptable.
    #[error("its checkpoint does not count: {0}")]
    Checkpoint(CheckpointError),
    /// Entries are gone that a published checkpoint had promised.
    #[error("the log ends at {found} entries although {promised} were acknowledged")]
    Behind {
        /// The tree size of the checkpoint.
        promised: u64,
        /// The tree size found on disk.
        found: u64,
    },
    /// The note that says what was pruned is not acceptable.
    #[error("its word on what was pruned does not count: {0}")]
    Pruned(PrunedNoteError),
    /// More is said to be pruned than the bundles ever held.
    #[error("it says that entries up to {minimum} were pruned while the bundles reach to {bundled}")]
    PrunedBeyond {
        /// The minimum index in the note.
        minimum: u64,
        /// Entries below are, or were, in bundles.
        bundled: u64,
    },
    /// The checkpoint is older than the files beside it: it was put back, or the one published since was lost.
    #[error("it signs {signed} entries while the files beside it hold {needed} or more")]
    Outdated {
        /// The tree size the checkpoint signs.
        signed: u64,
        /// The tree size it would have to sign.
        needed: u64,
    },
}

/// A log's folder could not be read, or what was read is damaged.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file does not say what it must.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// [`Log::open`](crate::Log::open) or [`Log::try_recover`](crate::Log::try_recover) refused.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The origin cannot stand in the first line of a checkpoint and name a key.
    #[error("`{origin}` cannot be a log's origin: use 1 to 255 bytes without spaces, control characters or `+`")]
    Origin {
        /// The origin as given.
        origin: String,
    },
    /// The signer's key has another name than the log (c2sp.org/tlog-checkpoint, "Signatures": the two should match).
    #[error("the signer is called `{signer}` but the log `{origin}`: give the key the name of the log")]
    SignerName {
        /// The name of the signer.
        signer: String,
        /// The origin of the log.
        origin: String,
    },
    /// The signer's verifier key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signer did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signer's signatures do not verify under the verifier key it gives out.
    #[error("the signer's signatures do not verify under its own key `{key}`: configure the key that belongs to it")]
    SignerKey {
        /// The verifier key, in C2SP form.
        key: String,
    },
    /// Another process, or another handle in this one, writes this log.
    #[error("the log is open elsewhere: stop the process that holds the file `lock`")]
    Locked,
    /// The folder cannot be read or is damaged.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A thread of the log could not be started.
    #[error("a thread could not be started: {0}; raise the limit on threads")]
    Thread(io::Error),
    /// Something rides on entries of the journal that may be nowhere else.
    #[error(
        "the journal holds riders that have not reached their own place: prepare the log and bring them there, or wait"
    )]
    Riders,
    /// The log was closed, so there is nothing to recover.
    #[error("the log was closed: open it again")]
    Closed,
    /// The log lacks entries that were durable in it.
    #[error(
        "the log has {found} entries, and had {known}: an earlier copy was put in its place, or its end is lost{}; stop the \
         host, put the newest copy of the log's folder back, and start it again",
        .torn.as_ref().map(|torn| format!(" ({torn})")).unwrap_or_default()
    )]
    SetBack {
        /// The number of entries that it is known to have had.
        known: u64,
        /// The number of entries it has.
        found: u64,
        /// What stands at the journal's end and is no whole frame: it may be what was lost.
        torn: Option<Torn>,
    },
    /// The log has other entries than were durable in it.
    #[error(
        "the first {known} entries of the log are not those that it had: another history was put in its place; stop the host, \
         put the log's folder back as it was, and start it again"
    )]
    Forked {
        /// How many of its first entries are known.
        known: u64,
    },
    /// The log has nothing of what rode on its entries any more, and the database has not either.
    #[error(
        "the database knows of {known} entries of the log, and has not what belongs to entries {known} to {}, nor has the log any \
         more: it is another database, or an earlier copy was put in its place; stop the host, see whether the database's address \
         and disk are the right ones, put its newest copy back, and start the host again; where no copy has that, say so with \
         --database-was-set-back",
        .begins.saturating_sub(1)
    )]
    DatabaseSetBack {
        /// The number of entries that the database knows of, so far as it says.
        known: u64,
        /// Where the log's journal begins, which holds what belongs to later entries.
        begins: u64,
    },
}

impl OpenError {
    /// Whether it may work later without anybody changing what is in the folder or configured: a disk that is full or fails, a
    /// signer that does not answer, threads that are used up.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Directory(DirectoryError::File(_)) | Self::Sign(_) | Self::Thread(_))
    }

    /// Whether the log is sound in itself, and not what it was, or the database beside it is not.
    pub fn is_another_history(&self) -> bool {
        matches!(self, Self::SetBack { .. } | Self::Forked { .. } | Self::DatabaseSetBack { .. })
    }
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        Self::Directory(error.into())
    }
}

impl From<Damage> for OpenError {
    fn from(error: Damage) -> Self {
        Self::Directory(error.into())
    }
}

/// An entry was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The leaf does not fit an entry bundle.
    #[error("the leaf has {length} bytes: shorten it to {max}", max = MAX_LEAF_BYTES)]
    TooLong {
        /// The leaf's length, in bytes.
        length: usize,
    },
    /// The rider would make a frame too long.
    #[error("the rider has {length} bytes: shorten it to {max}", max = crate::MAX_RIDER_BYTES)]
    RiderTooLong {
        /// The rider's length, in bytes.
        length: usize,
    },
    /// A write, a sync or a signature failed, now or before; the log takes nothing until it has recovered. The entry is not
    /// in it.
    #[error("the log cannot be written: {0}; repair that, then recover the log or open it again")]
    Unwritable(String),
    /// The same, and what was written of the entry could not be taken back: it is not in the log now, and it never will be if
    /// the log recovers; whoever opens it without that may find it.
    #[error(
        "the log cannot be written: {0}; nor could what was written last be taken back: it may turn up, with all that goes with it, if the host is restarted before the log has recovered, so look for it then before you repeat it"
    )]
    Doubtful(String),
    /// The journal still holds what rides on entries: nobody said that it is in its own place.
    #[error(
        "the journal was not clear after {waited_ms} ms: have what rides on its entries brought to its own place, then repeat it"
    )]
    Riding {
        /// How long it was waited for, in ms.
        waited_ms: u128,
    },
    /// The log was closed.
    #[error("the log was closed: open it again")]
    Closed,
}

/// An entry or a proof could not be given.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The log has no such entry.
    #[error("there is no entry {index} among {size}: ask for a smaller index")]
    NoSuchEntry {
        /// The index asked for.
        index: u64,
        /// The number of entries there are.
        size: u64,
    },
    /// The entry was pruned. Its leaf hash is in the tree, and provable, as before.
    #[error("entry {index} was pruned: the log keeps entries from {minimum} on")]
    Pruned {
        /// The index asked for.
        index: u64,
        /// The first entry that is kept.
        minimum: u64,
    },
    /// The log has not grown that far.
    #[error("there is no tree of size {size}, the log has {available} entries: ask for a smaller size")]
    NoSuchTree {
        /// The tree size asked for.
        size: u64,
        /// The size of the log.
        available: u64,
    },
    /// A consistency proof goes from a smaller tree to a larger.
    #[error("a tree of size {new} cannot contain one of size {old}: swap the two sizes")]
    TreeOrder {
        /// The size asked for as the old one.
        old: u64,
        /// The size asked for as the new one.
        new: u64,
    },
    /// The proof could not be computed for a reason that these checks should have excluded.
    #[error("the proof could not be computed: {0}; report this as a defect")]
    Proof(String),
    /// The folder cannot be read or is damaged.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// A folder or a receipt does not verify.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The folder cannot be read or is damaged.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The checkpoint of the receipt, or the earlier checkpoint given, is not acceptable.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log is shorter than it once was.
    #[error("the log has {size} entries, fewer than the {earlier} it had signed before: entries were taken away")]
    Rollback {
        /// The size in the earlier checkpoint.
        earlier: u64,
        /// The size now.
        size: u64,
    },
    /// The log no longer begins with what it once signed.
    #[error("the first {size} entries are not those of the earlier checkpoint: the log was rewritten or forked")]
    Forked {
        /// The size in the earlier checkpoint.
        size: u64,
    },
    /// The receipt speaks of an entry outside its own tree.
    #[error("entry {index} lies outside the receipt's tree of {size} entries: ask for another receipt")]
    OutsideTree {
        /// The index in the receipt.
        index: u64,
        /// The tree size in the receipt's checkpoint.
        size: u64,
    },
    /// The receipt does not prove this leaf.
    #[error("the receipt does not prove this leaf at index {index}: compare leaf and receipt")]
    Proof {
        /// The index in the receipt.
        index: u64,
    },
    /// The root of an earlier size could not be computed for a reason that these checks should have excluded.
    #[error("the tree could not be computed: {0}; report this as a defect")]
    Tree(String),
}

impl From<FileError> for VerifyError {
    fn from(error: FileError) -> Self {
        Self::Directory(error.into())
    }
}

impl From<Damage> for VerifyError {
    fn from(error: Damage) -> Self {
        Self::Directory(error.into())
    }
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Directory(error) => Self::Directory(error),
            other => Self::Tree(other.to_string()),
        }
    }
}

/// A signed checkpoint is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The text is not a checkpoint (c2sp.org/tlog-checkpoint, "Note text").
    #[error("it is not a signed checkpoint")]
    Malformed,
    /// No signature by the expected key, or one that does not verify.
    #[error("it has no valid signature by `{key}`")]
    Signature {
        /// The verifier key, in C2SP form.
        key: String,
    },
    /// The checkpoint belongs to another log.
    #[error("it belongs to the log `{found}`, not to `{expected}`")]
    Origin {
        /// The origin in the checkpoint.
        found: String,
        /// The origin expected, which is the name of the key.
        expected: String,
    },
}

/// A key could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The name cannot stand in a signature line (c2sp.org/signed-note, "Format").
    #[error("`{name}` cannot name a key: leave out spaces, control characters and `+`")]
    Name {
        /// The name as given.
        name: String,
    },
    /// The text is not a verifier key.
    #[error("`{key}` is not a verifier key: expected `name+xxxxxxxx+base64`")]
    Malformed {
        /// The text as given.
        key: String,
    },
    /// The key is of another kind than Ed25519 (algorithm 0x01).
    #[error("`{key}` is not an Ed25519 key: use one of algorithm 0x01")]
    Algorithm {
        /// The text as given.
        key: String,
    },
    /// The key is not one that cosigns with Ed25519 (type 0x04).
    #[error("`{key}` is not a witness's key: use one of type 0x04, as the witness prints it")]
    NotAWitness {
        /// The text as given.
        key: String,
    },
    /// The id in the middle is not the one that name and key have.
    #[error("the id in `{key}` does not belong to its name and key: copy the whole line again")]
    Id {
        /// The text as given.
        key: String,
    },
}

/// A signer refused or failed to sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the signer did not sign: {reason}")]
pub struct SignError {
    reason: String,
}

impl SignError {
    /// Says why, for the operator who has to make the signer work again.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// A text is not a receipt (c2sp.org/tlog-proof, "Format").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The first line is another.
    #[error("the first line is not `c2sp.org/tlog-proof@v1`")]
    Header,
    /// The extra line is not base64.
    #[error("the text after `extra` is not base64")]
    Extra,
    /// The index line is missing or not a plain decimal number.
    #[error("the line `index` with a decimal number is missing")]
    Index,
    /// A line of the proof is not a hash.
    #[error("line {line} of the proof is not a 32-byte hash in base64")]
    Hash {
        /// The line within the proof, from 1.
        line: usize,
    },
    /// The proof is longer than any tree is high.
    #[error("the proof has more than 64 hashes")]
    TooLong,
    /// The empty line and the checkpoint after it are missing.
    #[error("the empty line and the checkpoint after it are missing")]
    Checkpoint,
}

/// A text is not a path of c2sp.org/tlog-tiles.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{path}` is not a tile path: expected `tile/<level>/<index>` or `tile/entries/<index>`, with `.p/<width>` if partial"
)]
pub struct PathError {
    path: String,
}

impl PathError {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn a_reason_that_is_told_is_no_cause_to_be_told_again() {
        let refused = FileError::new("lock", "opened", io::ErrorKind::PermissionDenied.into());
        assert!(refused.to_string().starts_with("`lock` could not be opened: "), "{refused}");
        assert!(refused.source().is_none());
        let thread = OpenError::Thread(io::ErrorKind::OutOfMemory.into());
        assert!(thread.source().is_none(), "{thread}");
    }
}
