//! What does not verify, where a command had only to read it: a log that its key has not signed, a file of it that is damaged.

use audit::{DirectoryError, ReadError, VerifyError};

/// Whether a command failed because of that, whatever was said about it on its way. A file that cannot be read at all says nothing of
/// what is in it, and what a log has not or has pruned is none of its faults.
pub(crate) fn is_why(failure: &anyhow::Error) -> bool {
    let opened = match failure.downcast_ref::<VerifyError>() {
        Some(VerifyError::Directory(error)) => is_damage(error),
        other => other.is_some(),
    };
    let read = match failure.downcast_ref::<ReadError>() {
        Some(ReadError::Directory(error)) => is_damage(error),
        _ => false,
    };
    opened || read
}

fn is_damage(error: &DirectoryError) -> bool {
    matches!(error, DirectoryError::Damaged(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use audit::{Ed25519Signer, Signer as _, Snapshot, VerifierKey};
    use cap_std::fs::Dir;
    use std::path::Path;
    use std::sync::Arc;

    /// A closed log of so many entries in this folder, and its key.
    fn log(folder: &Path, entries: u64) -> (Dir, VerifierKey) {
        let dir = Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let signer = Arc::new(Ed25519Signer::generate("host/x").unwrap());
        let key = signer.verifier_key().parse().unwrap();
        let log = audit::Log::open(dir.try_clone().unwrap(), "host/x", signer).unwrap().log;
        (0..entries).for_each(|_| drop(log.append_blocking(b"leaf".to_vec()).unwrap()));
        log.close().unwrap();
        (dir, key)
    }

    /// The failure of a command that reads this log, with what is said about it.
    fn opening(dir: &Dir, key: &VerifierKey) -> anyhow::Error {
        Snapshot::open(dir, key).map(drop).context("a folder").context("a command").unwrap_err()
    }

    #[test]
    fn a_log_that_does_not_verify_is_told_from_one_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, key) = log(folder.path(), 1);
        let other = Ed25519Signer::generate("host/x").unwrap().verifier_key().parse().unwrap();
        assert!(is_why(&opening(&dir, &other)));
        let beyond = Snapshot::open(&dir, &key).unwrap().entry(7).context("a command").unwrap_err();
        assert!(!is_why(&beyond), "there is none: {beyond:#}");
        assert!(!is_why(&anyhow::anyhow!("a command")));
        // A folder is no file that could say anything.
        std::fs::remove_file(folder.path().join("checkpoint")).unwrap();
        std::fs::create_dir(folder.path().join("checkpoint")).unwrap();
        let unread = opening(&dir, &key);
        assert!(!is_why(&unread), "{unread:#}");
    }

    #[test]
    fn damage_is_known_when_a_log_is_opened_and_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, key) = log(folder.path(), 256);
        std::fs::write(folder.path().join("tile/entries/000"), b"damaged").unwrap();
        let read = Snapshot::open(&dir, &key).unwrap().entry(7).context("a command").unwrap_err();
        assert!(is_why(&read), "{read:#}");
        std::fs::write(folder.path().join("checkpoint"), b"damaged").unwrap();
        let opened = opening(&dir, &key);
        assert!(is_why(&opened), "{opened:#}");
    }
}
