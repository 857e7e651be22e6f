//! Signed tree heads: c2sp.org/tlog-checkpoint inside c2sp.org/signed-note.

use std::sync::Arc;

use signed_note::{Note, Signature};
use tlog_tiles::checkpoint::Checkpoint;

use crate::Hash;
use crate::error::{CheckpointError, SignError};
use crate::key::{Signer, VerifierKey};

/// The file that holds the published checkpoint (c2sp.org/tlog-tiles, "Checkpoints").
pub(crate) const FILE: &str = "checkpoint";

/// The longest checkpoint read, in bytes: what the note parser accepts.
pub(crate) const MAX_BYTES: u64 = 1_000_000;

/// A tree of a certain size and the signed text that says so.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Number of entries.
    pub(crate) size: u64,
    /// Root of the tree over them.
    pub(crate) root: Hash,
    /// The checkpoint with its signatures, as published.
    pub(crate) text: Arc<str>,
}

/// Signs the tree of `size` entries with `root`.
pub(crate) fn sign(
    origin: &str,
    size: u64,
    root: Hash,
    signer: &dyn Signer,
    key: &VerifierKey,
) -> Result<Head, SignError> {
    let body = Checkpoint::new(origin, size, tlog_tiles::tlog::Hash(root), "")
        .map_err(|_| SignError::new("the origin is empty"))?
        .to_bytes();
    let signature = Signature::new(key.name().to_owned(), key.id(), signer.sign(&body)?)
        .map_err(|error| SignError::new(error.to_string()))?;
    let note = Note::new(&body, &[signature]).map_err(|error| SignError::new(error.to_string()))?;
    let text = String::from_utf8(note.to_bytes()).map_err(|error| SignError::new(error.to_string()))?;
    Ok(Head { size, root, text: text.into() })
}

/// Reads a checkpoint that `key` must have signed for the log of its own name.
pub(crate) fn read(text: &str, key: &VerifierKey) -> Result<Head, CheckpointError> {
    let note = key.open(text.as_bytes())?;
    let body = Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
    if body.origin() != key.name() {
        return Err(CheckpointError::Origin { found: body.origin().to_owned(), expected: key.name().to_owned() });
    }
    Ok(Head { size: body.size(), root: body.hash().0, text: text.into() })
}

/// Like [`read`], from a file's bytes.
pub(crate) fn read_bytes(bytes: &[u8], key: &VerifierKey) -> Result<Head, CheckpointError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CheckpointError::Malformed)?;
    read(text, key)
}

/// The text of a signed checkpoint, which is what signatures and cosignatures are over.
pub(crate) fn text(note: &str) -> Result<Vec<u8>, CheckpointError> {
    let note = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
    Ok(note.text().to_vec())
}

/// The tree size in a checkpoint whose signature nobody has checked.
pub(crate) fn unverified_size(bytes: &[u8]) -> Result<u64, CheckpointError> {
    let note = Note::from_bytes(bytes).map_err(|_| CheckpointError::Malformed)?;
    let body = Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
    Ok(body.size())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::key::Ed25519Signer;

    #[test]
    fn a_checkpoint_counts_only_for_its_log_and_key() {
        let signer = Ed25519Signer::from_seed("host/a", [7; 32]).unwrap();
        let key: VerifierKey = signer.verifier_key().parse().unwrap();
        let head = sign("host/a", 5, [9; 32], &signer, &key).unwrap();
        let again = read(&head.text, &key).unwrap();
        assert_eq!((again.size, again.root), (5, [9; 32]));
        assert!(head.text.starts_with("host/a\n5\n"));
        assert_eq!(unverified_size(head.text.as_bytes()), Ok(5));

        let foreign = sign("host/b", 5, [9; 32], &signer, &key).unwrap();
        assert!(matches!(read(&foreign.text, &key), Err(CheckpointError::Origin { .. })));
        let other = Ed25519Signer::from_seed("host/a", [8; 32]).unwrap();
        let other_key: VerifierKey = other.verifier_key().parse().unwrap();
        assert!(matches!(read(&head.text, &other_key), Err(CheckpointError::Signature { .. })));
        assert_eq!(read("nonsense", &key).unwrap_err(), CheckpointError::Malformed);
    }
}
