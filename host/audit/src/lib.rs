//! The audit log of one jurisdiction: an append-only Merkle tree that an outsider can check and a crash cannot hurt.
//!
//! A log is a folder. What an outsider reads in it follows the C2SP specifications to the byte; what a crash needs is
//! one private file more:
//!
//! ```text
//! checkpoint                    signed tree head             c2sp.org/tlog-checkpoint, c2sp.org/signed-note
//! checkpoint.witnessed          one that witnesses cosigned  c2sp.org/tlog-cosignature, see `witnessed`
//! tile/<L>/<N>[.p/<W>]          Merkle tree hashes           c2sp.org/tlog-tiles, "Merkle Tree"
//! tile/entries/<N>[.p/<W>]      the entries, length-prefixed c2sp.org/tlog-tiles, "Log entries"
//! pruned                        which entries are gone       see `prune`; c2sp.org/tlog-tiles, "Pruning"
//! journal/<first index>         entries not yet in tiles     private, see `journal`
//! journal/spare.<any>           room for what comes          private, see `spare`
//! lock                          held by the process that writes
//! ```
//!
//! Hashing is RFC 6962, section 2.1, with SHA-256. A leaf is opaque here: at most [`MAX_LEAF_BYTES`] bytes that other
//! crates give a meaning, as a rule a salted [`commitment`] to a payload that lives elsewhere and can be destroyed.
//!
//! # How an entry becomes durable
//!
//! [`Log::append`] puts the leaf into a bounded queue. One thread per log takes whatever the queue holds (group commit,
//! no waiting for more), hashes it into the tree in memory, signs the new root, writes one frame with the entries and
//! the signed checkpoint to the journal and calls `fdatasync` once. Only then are the callers answered, so no
//! signature leaves this process for a tree that a power cut could undo; many callers are answered by a thread of their own,
//! while the next batch is taken. A further thread turns journal segments into tiles and bundles, publishes the checkpoint
//! file (never ahead of the journal, at most [`PUBLISH_INTERVAL`] behind) and has segments go that it has settled.
//!
//! An entry may carry a rider ([`Log::append_with`]): bytes that are durable with it, are no part of the log, and stay in
//! the journal until their caller says that they have reached their own place. So one sync makes an entry and what
//! belongs to it durable, and a crash in between loses neither.
//!
//! [`Log::open`] replays what the journal still holds. A broken frame at the very end is what a crash leaves of a write that
//! nobody was told of, though nothing on disk proves it: it is dropped, and [`Opened::recovered`] says where and how much
//! ([`Torn`]). Anything else that is wrong is an error naming the file; nothing is repaired silently. That a folder was put back to
//! an earlier copy nothing in it tells: [`Prepared::extends`] compares it with what somebody else knows, and
//! [`Prepared::journal_begins`] says how far somebody else has to know it. After a failed write or sync the log refuses every append
//! until [`Log::try_recover`] succeeds or it is opened again.
//!
//! # How entries go
//!
//! [`Log::prune`] removes the oldest bundles and leaves every tile, so that nothing signed or proven before is any less so.
//!
//! # How an outsider checks it
//!
//! [`verify::directory`] re-hashes every entry and every tile of a folder, closed or live, without taking the lock.
//! A [`Snapshot`] reads entries from it, with what still rides on them, and proves them. [`Log::file`] serves the same files over a network, and
//! [`files_of`] names them, so that a copy can be fetched and verified. A [`Receipt`] proves one entry with nothing but
//! the log's [`VerifierKey`]. [`draw`] draws entries at random, the same ones for whoever draws again.
//!
//! # How outsiders know that all of them see one log
//!
//! Whoever has a log's key could sign two histories and show each to someone else. Witnesses prevent that: a [`Witness`]
//! cosigns a checkpoint only if that extends what it cosigned before, and a client that demands a [`Quorum`] of
//! cosignatures takes no history but the one that these witnesses saw. The log asks for them with a
//! [`Petition`], off the way of every append, and keeps the newest that has enough in [`Witnessed`].

mod add_checkpoint;
mod again;
mod answers;
mod blame;
mod checkpoint;
mod cosignature;
mod entries;
mod error;
mod files;
mod frame;
mod journal;
mod key;
mod load;
mod log;
mod pace;
mod path;
mod petition;
mod prune;
mod publisher;
mod quorum;
mod receipt;
mod room;
mod sample;
mod serve;
mod settle;
mod shared;
mod snapshot;
mod spare;
mod tail;
mod tile;
mod torn;
mod tree;
mod underway;
mod unread;
pub mod verify;
mod watch;
mod witness;
mod witnessed;
mod writer;

use sha2::{Digest, Sha256};

pub use add_checkpoint::{AddCheckpoint, AddCheckpointError, MAX_REQUEST_BYTES};
pub use again::Again;
pub use cosignature::{Cosignature, Cosigned, Cosigner, WitnessKey};
pub use error::{
    AppendError, CheckpointError, Damage, DirectoryError, Fault, FileError, KeyError, OpenError, PathError, ReadError,
    ReceiptError, SignError, VerifyError,
};
pub use key::{Ed25519Signer, Signer, VerifierKey};
pub use log::{Appended, Log, Opened, Prepared, Recovery};
pub use path::TilePath;
pub use petition::{MAX_ANSWER_BYTES, Petition, PetitionError};
pub use prune::{PRUNED_NOTE, PruneError, PrunedNoteError, minimum_index, whole_bundles};
pub use publisher::PUBLISH_INTERVAL;
pub use quorum::{Quorum, QuorumError};
pub use receipt::Receipt;
pub use sample::draw;
pub use snapshot::{Snapshot, files_of, signed_size};
pub use torn::Torn;
pub use unread::Unread;
pub use verify::leaves;
pub use watch::{Fork, Refusal, Signed};
pub use witness::{Witness, WitnessError};
pub use witnessed::Witnessed;

/// A SHA-256 hash: of a leaf, of an inner node or of a whole tree (RFC 6962, section 2.1).
///
/// A plain array and not `tlog_tiles::Hash`, which lacks `Eq` and would tie every caller to that crate's version.
pub type Hash = [u8; 32];

/// The longest leaf, in bytes: entry bundles carry each length as a 16-bit number (c2sp.org/tlog-tiles, "Log entries").
pub const MAX_LEAF_BYTES: usize = 65_535;

/// The longest rider, in bytes: bounds a frame of the journal.
pub const MAX_RIDER_BYTES: usize = 4 << 20;

/// Separates commitments from every other use of SHA-256 in this program.
const COMMITMENT_DOMAIN: &[u8] = b"magistrate commitment v1\n";

/// The commitment that a leaf may hold in place of `payload`: `SHA-256("magistrate commitment v1\n" || salt ||
/// payload)`.
///
/// The salt (32 random bytes, kept with the payload) makes the commitment worthless to someone who guesses payloads:
/// once salt and payload are destroyed, the leaf says nothing about the person it was about, and the tree still
/// verifies.
pub fn commitment(salt: &[u8; 32], payload: &[u8]) -> Hash {
    Sha256::new().chain_update(COMMITMENT_DOMAIN).chain_update(salt).chain_update(payload).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_depends_on_salt_and_payload() {
        let one = commitment(&[1; 32], b"payload");
        assert_eq!(one, commitment(&[1; 32], b"payload"));
        assert_ne!(one, commitment(&[2; 32], b"payload"));
        assert_ne!(one, commitment(&[1; 32], b"payloae"));
        let by_hand: Hash =
            Sha256::digest([b"magistrate commitment v1\n".as_slice(), &[1; 32], b"payload"].concat()).into();
        assert_eq!(one, by_hand);
    }
}
