//! Pruning: the entries below a minimum index go, and the log verifies as before (c2sp.org/tlog-tiles, "Pruning").
//!
//! What goes is every entry bundle that lies below the minimum index whole. Every tile stays: size, root, checkpoints and
//! proofs are what they were, and the level 0 tiles go on vouching for leaves that nobody can read any more.
//!
//! That entries are gone on purpose the log says itself, in the file `pruned`, a note (c2sp.org/signed-note) under its key:
//!
//! ```text
//! magistrate pruned log v1
//! <origin>
//! <minimum index>
//!
//! — <origin> <signature>
//! ```
//!
//! No origin has spaces, so such a note never passes for a checkpoint, nor a checkpoint for such a note. It is durable before
//! the first bundle goes, and whoever opens the log removes what a crash left below it. A bundle that is missing above it is
//! damage like any other.

use std::collections::BTreeSet;

use signed_note::{Note, Signature};
use thiserror::Error;

use crate::checkpoint;
use crate::error::{AppendError, Damage, DirectoryError, Fault, FileError, SignError};
use crate::files::{Files, Step, TEMPORARY, add_folders};
use crate::key::{Signer, VerifierKey};
use crate::path::{TilePath, WIDTH};

/// The file that holds the note. A copy of a pruned log needs it beside the checkpoint.
pub const PRUNED_NOTE: &str = "pruned";

/// The first line.
const HEADER: &str = "magistrate pruned log v1";

/// A text does not say what was pruned of a log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrunedNoteError {
    /// It is not such a note.
    #[error("it is not a note that says what was pruned")]
    Malformed,
    /// No signature by the expected key, or one that does not verify.
    #[error("it has no valid signature by `{key}`")]
    Signature {
        /// The verifier key, in C2SP form.
        key: String,
    },
}

/// A log was not pruned, or not to its end. It can be repeated.
#[derive(Debug, Error)]
pub enum PruneError {
    /// Entries that are still in the journal, or that there are none of yet.
    #[error("entries up to {before} cannot be pruned: only those below {settled} are in bundles; wait, or prune less")]
    Unsettled {
        /// The minimum index asked for.
        before: u64,
        /// Entries below are in bundles.
        settled: u64,
    },
    /// The log could not say that it is pruned; no entry is gone.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A bundle could not be removed. The log does not give its entries out any more.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The minimum index that pruning the entries below `before` comes to: bundles of 256 entries go whole or not at all.
pub fn whole_bundles(before: u64) -> u64 {
    before - before % WIDTH
}

/// The minimum index in a note that `key` must have signed for the log of its own name.
///
/// # Errors
///
/// [`PrunedNoteError`].
pub fn minimum_index(note: &str, key: &VerifierKey) -> Result<u64, PrunedNoteError> {
    let note = key.open(note.as_bytes()).map_err(|error| match error {
        crate::CheckpointError::Signature { key } => PrunedNoteError::Signature { key },
        _ => PrunedNoteError::Malformed,
    })?;
    match parse(note.text()) {
        Some((origin, minimum)) if origin == key.name() => Ok(minimum),
        _ => Err(PrunedNoteError::Malformed),
    }
}

/// Origin and minimum index in a note's text.
fn parse(text: &[u8]) -> Option<(&str, u64)> {
    let rest = std::str::from_utf8(text).ok()?.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let (origin, digits) = rest.strip_suffix('\n')?.split_once('\n')?;
    // One spelling per number, and whole bundles only.
    let minimum = digits.parse::<u64>().ok().filter(|n| n.to_string() == digits && *n == whole_bundles(*n))?;
    Some((origin, minimum))
}

/// Signs that the log of `origin` begins with entry `minimum`.
pub(crate) fn sign(origin: &str, minimum: u64, signer: &dyn Signer, key: &VerifierKey) -> Result<String, SignError> {
    let body = format!("{HEADER}\n{origin}\n{minimum}\n").into_bytes();
    let signature = Signature::new(key.name().to_owned(), key.id(), signer.sign(&body)?)
        .map_err(|error| SignError::new(error.to_string()))?;
    let note = Note::new(&body, &[signature]).map_err(|error| SignError::new(error.to_string()))?;
    String::from_utf8(note.to_bytes()).map_err(|error| SignError::new(error.to_string()))
}

/// The minimum index that the folder's note says, 0 where nothing was pruned. `bundled` entries are in tiles and bundles.
pub(crate) fn read(files: &Files, key: &VerifierKey, bundled: u64) -> Result<u64, DirectoryError> {
    let Some(bytes) = files.read(PRUNED_NOTE, checkpoint::MAX_BYTES)? else { return Ok(0) };
    let damaged = |fault| Damage::new(PRUNED_NOTE, fault, 0);
    let text = std::str::from_utf8(&bytes).map_err(|_| PrunedNoteError::Malformed);
    let minimum = text.and_then(|text| minimum_index(text, key)).map_err(|error| damaged(Fault::Pruned(error)))?;
    if minimum > bundled {
        return Err(damaged(Fault::PrunedBeyond { minimum, bundled }).into());
    }
    Ok(minimum)
}

/// The same, believing a note whose signature nobody has checked; 0 for one that is none.
pub(crate) fn read_unverified(files: &Files) -> Result<u64, FileError> {
    let bytes = files.read(PRUNED_NOTE, checkpoint::MAX_BYTES)?.unwrap_or_default();
    let minimum = Note::from_bytes(&bytes).ok().and_then(|note| parse(note.text()).map(|(_, minimum)| minimum));
    Ok(minimum.unwrap_or(0))
}

/// Removes the bundles below the minimum index that are still there, with whatever else of them there is.
pub(crate) fn remove(files: &Files, minimum: u64) -> Result<(), FileError> {
    let mut folders = BTreeSet::new();
    for number in 0..minimum / WIDTH {
        let path = TilePath::entries(number, WIDTH);
        let (bundle, partials) = (path.to_string(), path.partials());
        // A narrower version, or one half written, is there only after a crash.
        let narrower = files.names(&partials)?;
        let half = format!("{bundle}{TEMPORARY}");
        for name in narrower.iter().map(|name| format!("{partials}/{name}")).chain([half, bundle.clone()]) {
            if files.exists(&name)? {
                files.check(Step::Prune).map_err(|source| FileError::new(&name, "removed", source))?;
                files.remove(&name)?;
                add_folders(&bundle, &mut folders);
            }
        }
        if !narrower.is_empty() {
            // Before its folder is synced: what was in it is gone with it.
            files.remove_folder(&partials)?;
        }
    }
    for folder in &folders {
        files.sync_folder(folder)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::key::Ed25519Signer;

    #[test]
    fn a_note_counts_only_for_its_log_and_key() {
        let signer = Ed25519Signer::from_seed("host/a", [7; 32]).unwrap();
        let key: VerifierKey = signer.verifier_key().parse().unwrap();
        let note = sign("host/a", 512, &signer, &key).unwrap();
        assert!(note.starts_with("magistrate pruned log v1\nhost/a\n512\n\n"));
        assert_eq!(minimum_index(&note, &key), Ok(512));

        let other = Ed25519Signer::from_seed("host/a", [8; 32]).unwrap();
        let other_key: VerifierKey = other.verifier_key().parse().unwrap();
        assert!(matches!(minimum_index(&note, &other_key), Err(PrunedNoteError::Signature { .. })));
        let changed = note.replace("512", "768");
        assert!(matches!(minimum_index(&changed, &key), Err(PrunedNoteError::Signature { .. })));
        let foreign = sign("host/b", 512, &signer, &key).unwrap();
        assert_eq!(minimum_index(&foreign, &key), Err(PrunedNoteError::Malformed));
        let torn = sign("host/a", 500, &signer, &key).unwrap();
        assert_eq!(minimum_index(&torn, &key), Err(PrunedNoteError::Malformed), "no bundle ends there");
        assert_eq!(minimum_index("nonsense", &key), Err(PrunedNoteError::Malformed));

        let head = checkpoint::sign("host/a", 512, [9; 32], &signer, &key).unwrap();
        assert_eq!(minimum_index(&head.text, &key), Err(PrunedNoteError::Malformed), "a checkpoint is no such note");
        assert!(checkpoint::read(&note, &key).is_err(), "and such a note no checkpoint");
    }

    #[test]
    fn bundles_go_whole() {
        for (before, minimum) in [(0, 0), (255, 0), (256, 256), (700, 512), (u64::MAX, u64::MAX - 255)] {
            assert_eq!(whole_bundles(before), minimum);
        }
    }
}
