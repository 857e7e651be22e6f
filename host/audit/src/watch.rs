//! What a witness knows of the logs it watches, and how it judges a checkpoint. No files, no clock, no network.
//!
//! The order of the checks is that of c2sp.org/tlog-witness, "add-checkpoint", and so are the answers.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use signed_note::Note;
use thiserror::Error;
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tlog::{self, EMPTY_HASH, check_tree};

use crate::Hash;
use crate::add_checkpoint::{AddCheckpoint, AddCheckpointError};
use crate::checkpoint;
use crate::key::VerifierKey;

/// A checkpoint that a log has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The number of entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The signed note.
    pub checkpoint: String,
}

/// Two checkpoints of one log, both signed by it, that were not shown to belong to one history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The log.
    pub origin: String,
    /// What the witness cosigned last.
    pub known: Signed,
    /// What it was offered.
    pub offered: Signed,
    /// The proof that was to connect them.
    pub proof: Vec<Hash>,
}

impl Fork {
    /// Whether the two checkpoints alone prove that the log forked: one size, two roots. Otherwise the proof between
    /// them is wrong, which a log that forked cannot help and a careless client can; whoever has the log can tell.
    pub fn is_proven(&self) -> bool {
        self.known.size == self.offered.size
    }

    /// What an outsider needs to judge for himself: both signed checkpoints and the proof.
    pub fn evidence(&self) -> String {
        let Self { origin, known, offered, proof } = self;
        let mut text = format!(
            "Two checkpoints of the log {origin}, both signed by its key.\n{self}.\n\n\
             ---- cosigned before\n{}---- offered\n{}---- consistency proof offered, from {} to {} entries\n",
            known.checkpoint, offered.checkpoint, known.size, offered.size
        );
        for hash in proof {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", BASE64_STANDARD.encode(hash));
        }
        text
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, known, offered, .. } = self;
        let (one, other) = (BASE64_STANDARD.encode(known.root), BASE64_STANDARD.encode(offered.root));
        if self.is_proven() {
            write!(f, "`{origin}` signed two trees of {} entries, with the roots {one} and {other}", known.size)
        } else {
            write!(
                f,
                "`{origin}` signed a tree of {} entries with the root {other} that was not shown to begin with the \
                 {} entries cosigned before, with the root {one}",
                offered.size, known.size
            )
        }
    }
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request cannot be read.
    #[error(transparent)]
    Request(#[from] AddCheckpointError),
    /// What should be a checkpoint is none.
    #[error("the text after the empty line is no signed checkpoint")]
    Malformed,
    /// The old tree is larger than the new one.
    #[error("a tree of {size} entries cannot extend one of {old}: send the newer checkpoint")]
    Order {
        /// The old size.
        old: u64,
        /// The size in the checkpoint.
        size: u64,
    },
    /// Nobody told the witness of this log.
    #[error("`{origin}` is not watched here: have its key added to the witness's configuration")]
    UnknownLog {
        /// The log.
        origin: String,
    },
    /// The log's key did not sign.
    #[error("the checkpoint is not signed by a key known for `{origin}`")]
    Unsigned {
        /// The log.
        origin: String,
    },
    /// The client is mistaken about what was cosigned last.
    #[error("the checkpoint cosigned last has {latest} entries: send the proof from there")]
    Stale {
        /// The size of the tree cosigned last; 0 for none.
        latest: u64,
    },
    /// The proof is not empty although there is nothing to prove.
    #[error("there is nothing to prove: send no hashes")]
    Proof,
    /// The checkpoint does not extend what was cosigned last.
    #[error("{fork}; {kept}")]
    Fork {
        /// Both checkpoints.
        fork: Box<Fork>,
        /// What became of the evidence.
        kept: String,
    },
    /// The witness cannot record what it would cosign, so it does not.
    #[error("the witness cannot write its records, so it cosigns nothing: {0}")]
    Unwritable(String),
}

impl Refusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(_) | Self::Malformed | Self::Order { .. } => 400,
            Self::Unsigned { .. } => 403,
            Self::UnknownLog { .. } => 404,
            Self::Stale { .. } => 409,
            Self::Fork { fork, .. } if fork.is_proven() => 409,
            Self::Fork { .. } | Self::Proof => 422,
            Self::Unwritable(_) => 503,
        }
    }

    /// Media type and body of the answer.
    pub fn body(&self) -> (&'static str, String) {
        match self {
            Self::Stale { latest } => (SIZE_MEDIA_TYPE, format!("{latest}\n")),
            // Not a size, so that a client cannot take it for an invitation to try again.
            _ => ("text/plain; charset=utf-8", format!("{self}\n")),
        }
    }
}

/// The media type of an answer that names the size cosigned last.
pub(crate) const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// What a witness knows: the logs it watches, their keys, and the checkpoint of each that it cosigned last.
pub(crate) struct Watch {
    logs: BTreeMap<String, Watched>,
}

#[derive(Default)]
struct Watched {
    keys: Vec<VerifierKey>,
    latest: Option<Signed>,
}

/// A checkpoint that may be cosigned once it is on record.
#[derive(Debug)]
pub(crate) struct Fit {
    pub(crate) origin: String,
    /// What is cosigned: the note without its signatures.
    pub(crate) text: Vec<u8>,
    pub(crate) signed: Signed,
    /// Whether it is on record already: the client asks for a fresh time.
    pub(crate) again: bool,
}

impl Watch {
    /// Watches the logs of these keys. A log whose key is changed has two of one name for a while.
    pub(crate) fn new(keys: Vec<VerifierKey>) -> Self {
        let mut logs: BTreeMap<String, Watched> = BTreeMap::new();
        for key in keys {
            logs.entry(key.name().to_owned()).or_default().keys.push(key);
        }
        Self { logs }
    }

    /// The logs, and how many entries each had when it was cosigned last.
    pub(crate) fn logs(&self) -> impl Iterator<Item = (&str, u64)> {
        self.logs.iter().map(|(origin, log)| (origin.as_str(), log.latest.as_ref().map_or(0, |signed| signed.size)))
    }

    /// Reads a checkpoint that a key known for this log must have signed.
    pub(crate) fn read(&self, origin: &str, text: &str) -> Option<Signed> {
        self.logs.get(origin)?.read(text)
    }

    /// Takes this for the checkpoint cosigned last.
    pub(crate) fn set(&mut self, origin: &str, signed: Signed) {
        if let Some(log) = self.logs.get_mut(origin) {
            log.latest = Some(signed);
        }
    }

    /// Judges a checkpoint. Changes nothing.
    pub(crate) fn judge(&self, request: &AddCheckpoint) -> Result<Fit, Refusal> {
        let note = Note::from_bytes(request.checkpoint.as_bytes()).map_err(|_| Refusal::Malformed)?;
        let body = Checkpoint::from_bytes(note.text()).map_err(|_| Refusal::Malformed)?;
        let origin = body.origin().to_owned();
        let Some(log) = self.logs.get(&origin) else { return Err(Refusal::UnknownLog { origin }) };
        let Some(signed) = log.read(&request.checkpoint) else { return Err(Refusal::Unsigned { origin }) };
        if signed.size == 0 && signed.root != EMPTY_HASH.0 {
            return Err(Refusal::Malformed);
        }
        if request.old > signed.size {
            return Err(Refusal::Order { old: request.old, size: signed.size });
        }
        let latest = log.latest.as_ref().map_or(0, |signed| signed.size);
        if request.old != latest {
            return Err(Refusal::Stale { latest });
        }
        let mut again = false;
        if let Some(known) = &log.latest {
            let fork = || {
                let (known, offered, proof) = (known.clone(), signed.clone(), request.proof.clone());
                let fork = Box::new(Fork { origin: origin.clone(), known, offered, proof });
                Refusal::Fork { fork, kept: String::new() }
            };
            again = known.size == signed.size;
            if again && known.root != signed.root {
                return Err(fork());
            }
            if known.size > 0 && !again && !extends(&signed, known, &request.proof) {
                return Err(fork());
            }
        }
        if (again || latest == 0) && !request.proof.is_empty() {
            return Err(Refusal::Proof);
        }
        Ok(Fit { text: note.text().to_vec(), origin, signed, again })
    }
}

impl Watched {
    fn read(&self, text: &str) -> Option<Signed> {
        self.keys.iter().find_map(|key| {
            let head = checkpoint::read(text, key).ok()?;
            Some(Signed { size: head.size, root: head.root, checkpoint: text.to_owned() })
        })
    }
}

/// Whether a proof shows that the new tree begins with the old one, which is smaller and not empty.
fn extends(new: &Signed, old: &Signed, proof: &[Hash]) -> bool {
    let proof: Vec<_> = proof.iter().map(|hash| tlog::Hash(*hash)).collect();
    check_tree(&proof, new.size, tlog::Hash(new.root), old.size, tlog::Hash(old.root)).is_ok()
}
