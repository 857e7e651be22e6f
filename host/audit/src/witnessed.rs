//! The newest checkpoint of a log that a quorum of witnesses has cosigned: what outsiders are given where one is
//! demanded.
//!
//! It lies in the log's folder beside `checkpoint`, as `checkpoint.witnessed`. The two say different things:
//! `checkpoint` is the log's own word for its files, needed to open them, and never waits for anybody;
//! `checkpoint.witnessed` may be older, and counts with others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use tlog_tiles::tlog::{self, check_tree};

use crate::checkpoint::{self, Head};
use crate::cosignature::Cosignature;
use crate::error::{Damage, Fault, FileError, VerifyError};
use crate::files::{Files, ROOT};
use crate::key::VerifierKey;
use crate::log::Log;
use crate::quorum::Quorum;

/// See the module.
pub struct Witnessed {
    files: Files,
    key: VerifierKey,
    quorum: Quorum,
    newest: Mutex<Option<Head>>,
}

impl Witnessed {
    /// The file, in the log's folder.
    pub const FILE: &str = "checkpoint.witnessed";

    /// Reads what was witnessed before, from the log's folder `dir`. A checkpoint that lacks the present quorum, because
    /// another was demanded then, is passed over until the next takes its place.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Rollback`] or [`VerifyError::Forked`] if the log no longer begins with what was witnessed: it was
    /// put back to an earlier state, or rewritten. [`VerifyError::Directory`] if a file cannot be read or is damaged.
    pub fn open(dir: Dir, log: &Log, quorum: Quorum) -> Result<Self, VerifyError> {
        let (files, key) = (Files::new(dir), log.verifier_key().clone());
        let newest = match files.read(Self::FILE, checkpoint::MAX_BYTES)? {
            Some(bytes) => {
                let head = checkpoint::read_bytes(&bytes, &key)
                    .map_err(|error| Damage::new(Self::FILE, Fault::Checkpoint(error), 0))?;
                check(&head, log)?;
                quorum.is_met(&head.text).then_some(head)
            }
            None => None,
        };
        Ok(Self { files, key, quorum, newest: Mutex::new(newest) })
    }

    /// The witnesses and how many of them are needed.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// The newest checkpoint with a quorum of cosignatures; `None` until there is one.
    pub fn checkpoint(&self) -> Option<Arc<str>> {
        self.newest().as_ref().map(|head| Arc::clone(&head.text))
    }

    /// The size of its tree; `None` until there is one.
    pub fn size(&self) -> Option<u64> {
        self.newest().as_ref().map(|head| head.size)
    }

    /// Publishes a checkpoint of the log with the cosignatures it has got, durably, if they are a quorum. Returns
    /// whether they are. An older checkpoint than the newest changes nothing; the same one may be published again with
    /// more cosignatures. Blocks; meant to be called by one task.
    ///
    /// # Errors
    ///
    /// [`FileError`]; what was published before stays so.
    pub fn publish(&self, checkpoint: &str, cosignatures: &[Cosignature]) -> Result<bool, FileError> {
        let mut note = checkpoint.to_owned();
        note.extend(cosignatures.iter().map(Cosignature::to_string));
        let Ok(head) = checkpoint::read(&note, &self.key) else { return Ok(false) };
        if !self.quorum.is_met(&note) {
            return Ok(false);
        }
        if self.size().is_some_and(|newest| newest > head.size) {
            return Ok(true);
        }
        self.files.replace(Self::FILE, note.as_bytes())?;
        self.files.sync_folder(ROOT)?;
        *self.newest() = Some(head);
        Ok(true)
    }

    fn newest(&self) -> MutexGuard<'_, Option<Head>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that the log still begins with what was witnessed.
fn check(witnessed: &Head, log: &Log) -> Result<(), VerifyError> {
    let own = checkpoint::read(&log.checkpoint(), log.verifier_key())?;
    if witnessed.size > own.size {
        return Err(VerifyError::Rollback { earlier: witnessed.size, size: own.size });
    }
    if witnessed.size == 0 {
        return Ok(());
    }
    let proof = log.prove_consistency(witnessed.size, own.size)?;
    let proof: Vec<_> = proof.into_iter().map(tlog::Hash).collect();
    check_tree(&proof, own.size, tlog::Hash(own.root), witnessed.size, tlog::Hash(witnessed.root))
        .map_err(|_| VerifyError::Forked { size: witnessed.size })
}
