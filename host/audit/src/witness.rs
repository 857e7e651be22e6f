//! A witness: it cosigns a log's checkpoint only if that extends everything it cosigned of the log before.
//!
//! Its records are a folder of its own:
//!
//! ```text
//! logs/<id>     the checkpoint cosigned last, as the log signed it; the id is from SHA-256 of the log's origin
//! forks/<id>    two signed checkpoints that do not fit together, see `Fork::evidence`
//! lock          held by the process that witnesses
//! ```
//!
//! A checkpoint is on record, durable, before its cosignature leaves (c2sp.org/tlog-witness, "add-checkpoint"). A
//! witness that lost its records may not go on under the same key, because it could cosign a second history; so
//! [`Witness::open`] takes only a folder that [`Witness::create`] made.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::add_checkpoint::AddCheckpoint;
use crate::checkpoint;
use crate::cosignature::{Cosignature, Cosigner, WitnessKey};
use crate::error::FileError;
use crate::files::{Files, ROOT};
use crate::key::VerifierKey;
use crate::watch::{Fork, Refusal, Watch};

/// The folder of the checkpoints cosigned last.
const LOGS: &str = "logs";

/// The folder of the evidence.
const FORKS: &str = "forks";

/// No more evidence is kept, so that whoever has one newer checkpoint and a wrong proof cannot fill the disk.
const MOST_FORKS: usize = 1_000;

/// A witness at work.
pub struct Witness {
    cosigner: Cosigner,
    files: Files,
    watch: Mutex<Watch>,
    _lock: File,
}

/// A witness could not start.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// Another process uses the folder.
    #[error("another witness runs on these records: stop the process that holds the file `lock`")]
    Locked,
    /// The folder holds no records.
    #[error(
        "there are no records: a new witness is made with a new key; one that lost its records must not go on with the old one"
    )]
    NoRecords,
    /// A record does not say what it must.
    #[error(
        "the record `{file}` is not a checkpoint signed by a key known for `{origin}`: restore it from a copy, or configure the log's key as it was"
    )]
    Damaged {
        /// The file, relative to the folder.
        file: String,
        /// The log.
        origin: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Witness {
    /// Makes the records of a new witness, which has cosigned nothing yet.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the folder cannot be written.
    pub fn create(dir: &Dir) -> Result<(), FileError> {
        dir.create_dir_all(LOGS).map_err(|source| FileError::new(LOGS, "created", source))?;
        let dir = dir.try_clone().map_err(|source| FileError::new(ROOT, "opened", source))?;
        Files::new(dir).sync_folder(ROOT)
    }

    /// Starts a witness on its records, for the logs of these keys. Records of logs that are not watched any more stay.
    ///
    /// # Errors
    ///
    /// [`WitnessError`].
    pub fn open(dir: Dir, cosigner: Cosigner, logs: Vec<VerifierKey>) -> Result<Self, WitnessError> {
        let files = Files::new(dir);
        if !files.exists(LOGS)? {
            return Err(WitnessError::NoRecords);
        }
        let lock = files.lock()?.ok_or(WitnessError::Locked)?;
        let mut watch = Watch::new(logs);
        let origins: Vec<_> = watch.logs().map(|(origin, _)| origin.to_owned()).collect();
        for origin in origins {
            let file = record(&origin);
            let Some(bytes) = files.read(&file, checkpoint::MAX_BYTES)? else { continue };
            let signed = std::str::from_utf8(&bytes).ok().and_then(|text| watch.read(&origin, text));
            match signed {
                Some(signed) => watch.set(&origin, signed),
                None => return Err(WitnessError::Damaged { file, origin }),
            }
        }
        Ok(Self { cosigner, files, watch: Mutex::new(watch), _lock: lock })
    }

    /// The key under which its cosignatures verify.
    pub fn key(&self) -> &WitnessKey {
        self.cosigner.key()
    }

    /// The logs it watches, and how many entries each had when it was cosigned last.
    pub fn logs(&self) -> Vec<(String, u64)> {
        self.watch().logs().map(|(origin, size)| (origin.to_owned(), size)).collect()
    }

    /// Judges a request's bytes, of which nothing is known yet, and cosigns the checkpoint in it. `now` is in seconds
    /// since 1970. Blocks while records are written; one request at a time, because two that are judged by the same
    /// record could roll it back.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; for a [`Refusal::Fork`] the evidence has been kept, or its text says why not.
    pub fn add_checkpoint(&self, request: &[u8], now: u64) -> Result<Cosignature, Refusal> {
        let request = AddCheckpoint::from_bytes(request)?;
        let mut watch = self.watch();
        let fit = match watch.judge(&request) {
            Ok(fit) => fit,
            Err(Refusal::Fork { fork, .. }) => {
                let kept = match self.keep(&fork) {
                    Ok(file) => format!("the evidence is in `{file}`"),
                    Err(reason) => format!("the evidence could not be kept: {reason}"),
                };
                return Err(Refusal::Fork { fork, kept });
            }
            Err(refusal) => return Err(refusal),
        };
        if !fit.again {
            let unwritable = |error: FileError| Refusal::Unwritable(error.to_string());
            let file = record(&fit.origin);
            self.files.replace(&file, fit.signed.checkpoint.as_bytes()).map_err(unwritable)?;
            self.files.sync_folder(LOGS).map_err(unwritable)?;
            watch.set(&fit.origin, fit.signed);
        }
        self.cosigner.cosign(&fit.text, now).map_err(|error| Refusal::Unwritable(error.to_string()))
    }

    /// Keeps the evidence of a fork, the same only once, and says where.
    fn keep(&self, fork: &Fork) -> Result<String, String> {
        let failed = |error: FileError| error.to_string();
        let evidence = fork.evidence();
        let file = format!("{FORKS}/{}", short_hash(evidence.as_bytes()));
        if self.files.exists(&file).map_err(failed)? {
            return Ok(file);
        }
        if self.files.names(FORKS).map_err(failed)?.len() >= MOST_FORKS {
            return Err(format!("`{FORKS}` holds {MOST_FORKS} files already: move them elsewhere"));
        }
        self.files.replace(&file, evidence.as_bytes()).map_err(failed)?;
        self.files.sync_folder(FORKS).map_err(failed)?;
        self.files.sync_folder(ROOT).map_err(failed)?;
        Ok(file)
    }

    /// A panic elsewhere cannot leave it half changed.
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of a log's record. Origins may hold slashes and dots; a hash holds neither.
fn record(origin: &str) -> String {
    format!("{LOGS}/{}", short_hash(origin.as_bytes()))
}

/// Sixteen bytes of SHA-256 in hexadecimal.
fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::files::Step;
    use crate::key::{Ed25519Signer, Signer};

    #[test]
    fn nothing_is_cosigned_that_is_not_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let dir = || Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        let signer = Arc::new(Ed25519Signer::from_seed("host/a", [7; 32]).unwrap());
        let key: VerifierKey = signer.verifier_key().parse().unwrap();
        let open = || Witness::open(dir(), Cosigner::from_seed("w", [1; 32]).unwrap(), vec![key.clone()]);
        assert!(matches!(open(), Err(WitnessError::NoRecords)));
        Witness::create(&dir()).unwrap();
        let witness = open().unwrap();
        let checkpoint = checkpoint::sign("host/a", 1, [9; 32], &*signer, &key).unwrap().text.to_string();
        let request = AddCheckpoint { old: 0, proof: vec![], checkpoint }.to_string();

        witness.files.fail_at(Some(Step::Replace));
        let refused = witness.add_checkpoint(request.as_bytes(), 5).unwrap_err();
        assert!(matches!(refused, Refusal::Unwritable(_)) && refused.status() == 503, "{refused}");
        assert_eq!(witness.logs(), [("host/a".to_owned(), 0)]);
        witness.files.fail_at(None);
        assert_eq!(witness.add_checkpoint(request.as_bytes(), 6).unwrap().time(), 6);
        assert_eq!(witness.logs(), [("host/a".to_owned(), 1)]);

        assert!(matches!(open(), Err(WitnessError::Locked)));
        drop(witness);
        assert_eq!(open().unwrap().logs(), [("host/a".to_owned(), 1)]);
        std::fs::write(folder.path().join(record("host/a")), "host/a\n0\n").unwrap();
        assert!(matches!(open(), Err(WitnessError::Damaged { .. })));
    }
}
