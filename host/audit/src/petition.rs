//! A log's side of asking one witness for one cosignature: what to send, and what an answer means. Whoever carries the
//! messages is elsewhere.

use std::sync::Arc;

use thiserror::Error;

use crate::add_checkpoint::{AddCheckpoint, decimal};
use crate::checkpoint::{self, Head};
use crate::cosignature::{Cosignature, WitnessKey};
use crate::error::{CheckpointError, ReadError};
use crate::log::Log;
use crate::watch::SIZE_MEDIA_TYPE;

/// The longest answer looked at, in bytes: some signature lines.
pub const MAX_ANSWER_BYTES: usize = 16 << 10;

/// A log's newest acknowledged checkpoint on its way to one witness.
#[derive(Clone, Debug)]
pub struct Petition {
    head: Head,
    // What is to be cosigned: the checkpoint without its signatures.
    text: Vec<u8>,
    // The size that the witness is thought to have cosigned last.
    old: u64,
}

/// A witness gave no cosignature.
#[derive(Debug, Error)]
pub enum PetitionError {
    /// The witness holds that this log forked.
    #[error(
        "it holds that the {size} entries do not begin with the {old} it cosigned before: the log forked, or was put \
         back to an earlier state and went on from there"
    )]
    Fork {
        /// The size it cosigned last.
        old: u64,
        /// The size that was sent.
        size: u64,
    },
    /// The witness has cosigned more of this log than the log has.
    #[error("it has cosigned {latest} entries of a log that has {size}: the log was put back to an earlier state")]
    Ahead {
        /// The size it cosigned last.
        latest: u64,
        /// The size of the log.
        size: u64,
    },
    /// The witness refused for another reason.
    #[error("it refused with status {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        reason: String,
    },
    /// Among the lines that the witness sent is none that its key signed.
    #[error("its answer holds no cosignature by `{key}`: is this the key of the witness at that address?")]
    Foreign {
        /// The key, in C2SP form.
        key: String,
    },
    /// There was no answer, says whoever carries the messages.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The log's own files could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The log's own checkpoint is not one.
    #[error("the log's own checkpoint cannot be sent: {0}")]
    Checkpoint(CheckpointError),
}

impl PetitionError {
    /// Whether the witness denies that the log is append-only, which somebody has to look into.
    pub fn is_dispute(&self) -> bool {
        matches!(self, Self::Fork { .. } | Self::Ahead { .. })
    }
}

impl Petition {
    /// The newest acknowledged checkpoint of `log`, for a witness that is thought to have cosigned `old` entries last;
    /// 0 where nothing is known, and the witness will say.
    ///
    /// # Errors
    ///
    /// [`PetitionError::Checkpoint`].
    pub fn new(log: &Log, old: u64) -> Result<Self, PetitionError> {
        let head = checkpoint::read(&log.checkpoint(), log.verifier_key()).map_err(PetitionError::Checkpoint)?;
        let text = checkpoint::text(&head.text).map_err(PetitionError::Checkpoint)?;
        Ok(Self { head, text, old })
    }

    /// The same checkpoint for another witness.
    pub fn to_another(&self, old: u64) -> Self {
        Self { old, ..self.clone() }
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The checkpoint, signed by the log alone.
    pub fn checkpoint(&self) -> Arc<str> {
        Arc::clone(&self.head.text)
    }

    /// What to post to the witness.
    ///
    /// # Errors
    ///
    /// [`PetitionError::Ahead`] where the log is shorter than what the witness cosigned; [`PetitionError::Log`] where
    /// the proof cannot be read.
    pub fn request(&self, log: &Log) -> Result<String, PetitionError> {
        if self.old > self.head.size {
            return Err(PetitionError::Ahead { latest: self.old, size: self.head.size });
        }
        let proof = log.prove_consistency(self.old, self.head.size)?;
        Ok(AddCheckpoint { old: self.old, proof, checkpoint: self.head.text.to_string() }.to_string())
    }

    /// What an answer means: the cosignature, or `None` where the request is to be sent again, from another old size.
    ///
    /// # Errors
    ///
    /// [`PetitionError`].
    pub fn answered(
        &mut self,
        witness: &WitnessKey,
        status: u16,
        media_type: &str,
        body: &[u8],
    ) -> Result<Option<Cosignature>, PetitionError> {
        let body = String::from_utf8_lossy(&body[..body.len().min(MAX_ANSWER_BYTES)]);
        let size = self.head.size;
        match status {
            200 => match witness.find(&self.text, &body) {
                Some(cosignature) => Ok(Some(cosignature)),
                None => Err(PetitionError::Foreign { key: witness.to_string() }),
            },
            409 if media_type.starts_with(SIZE_MEDIA_TYPE) => {
                let latest = body.strip_suffix('\n').and_then(decimal);
                match latest {
                    Some(latest) if latest > size => Err(PetitionError::Ahead { latest, size }),
                    Some(latest) if latest != self.old => {
                        self.old = latest;
                        Ok(None)
                    }
                    // The size was right, so it is the root that is not.
                    Some(old) if old == size => Err(PetitionError::Fork { old, size }),
                    _ => Err(refused(status, &body)),
                }
            }
            409 if self.old == size => Err(PetitionError::Fork { old: self.old, size }),
            // The old size was right, or this would be a 409; and the proof is this log's own.
            422 => Err(PetitionError::Fork { old: self.old, size }),
            _ => Err(refused(status, &body)),
        }
    }
}

fn refused(status: u16, body: &str) -> PetitionError {
    let reason = body.chars().filter(|c| !c.is_control()).take(200).collect();
    PetitionError::Refused { status, reason }
}
