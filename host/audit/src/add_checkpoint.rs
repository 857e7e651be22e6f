//! The text with which a log asks a witness for a cosignature (c2sp.org/tlog-witness, "add-checkpoint").
//!
//! ```text
//! old <size of the tree that the witness cosigned last>
//! <consistency proof, a hash a line, in base64>
//!
//! <checkpoint, a signed note>
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use crate::Hash;

/// The longest request read, in bytes: sixty-three hashes and a checkpoint with a hundred signatures take less.
pub const MAX_REQUEST_BYTES: usize = 64 << 10;

/// The most lines of a consistency proof that a client may send.
const MAX_PROOF: usize = 63;

/// A request for a cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the tree that the witness is thought to have cosigned last; 0 for none.
    pub old: u64,
    /// That the checkpoint's tree begins with that one (RFC 6962, section 2.1.2).
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by the log.
    pub checkpoint: String,
}

/// A text is not such a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddCheckpointError {
    /// The text is too long, or not UTF-8.
    #[error("the request is not a text of at most {max} bytes", max = MAX_REQUEST_BYTES)]
    Text,
    /// The first line is another.
    #[error("the first line is not `old` and a decimal number")]
    Old,
    /// A line of the proof is not a hash.
    #[error("line {line} of the proof is not a 32-byte hash in base64")]
    Hash {
        /// The line within the proof, from 1.
        line: usize,
    },
    /// The proof is longer than the specification allows.
    #[error("the proof has more than {max} hashes", max = MAX_PROOF)]
    TooLong,
    /// The empty line and the checkpoint after it are missing.
    #[error("the empty line and the checkpoint after it are missing")]
    Checkpoint,
}

impl AddCheckpoint {
    /// Reads a request's bytes, of which nothing is known yet.
    ///
    /// # Errors
    ///
    /// [`AddCheckpointError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AddCheckpointError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(AddCheckpointError::Text);
        }
        std::str::from_utf8(bytes).map_err(|_| AddCheckpointError::Text)?.parse()
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = AddCheckpointError;

    fn from_str(text: &str) -> Result<Self, AddCheckpointError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(AddCheckpointError::Checkpoint)?;
        let mut lines = head.split('\n');
        let old =
            lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal).ok_or(AddCheckpointError::Old)?;
        let mut proof = Vec::new();
        for (number, line) in lines.enumerate() {
            if proof.len() == MAX_PROOF {
                return Err(AddCheckpointError::TooLong);
            }
            let hash = BASE64_STANDARD.decode(line).ok().and_then(|bytes| Hash::try_from(bytes).ok());
            proof.push(hash.ok_or(AddCheckpointError::Hash { line: number + 1 })?);
        }
        Ok(Self { old, proof, checkpoint: checkpoint.to_owned() })
    }
}

/// A decimal number as the specifications write them: digits alone, no leading zero.
pub(crate) fn decimal(digits: &str) -> Option<u64> {
    digits.parse::<u64>().ok().filter(|number| number.to_string() == digits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CHECKPOINT: &str = "log\n9\nroot\n\n— log sig\n";
    const ZERO: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn the_text_is_that_of_the_specification() {
        let request = AddCheckpoint { old: 7, proof: vec![[0; 32]; 2], checkpoint: CHECKPOINT.to_owned() };
        let text = format!("old 7\n{ZERO}\n{ZERO}\n\n{CHECKPOINT}");
        assert_eq!(request.to_string(), text);
        assert_eq!(AddCheckpoint::from_bytes(text.as_bytes()), Ok(request));
        let first = AddCheckpoint { old: 0, proof: vec![], checkpoint: CHECKPOINT.to_owned() };
        assert_eq!(first.to_string(), format!("old 0\n\n{CHECKPOINT}"));
        assert_eq!(first.to_string().parse::<AddCheckpoint>(), Ok(first));
        let longest = AddCheckpoint { old: 7, proof: vec![[3; 32]; MAX_PROOF], checkpoint: CHECKPOINT.to_owned() };
        assert_eq!(longest.to_string().parse::<AddCheckpoint>(), Ok(longest));
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            (String::new(), AddCheckpointError::Checkpoint),
            ("old 7\n".to_owned(), AddCheckpointError::Checkpoint),
            (format!("\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old 07\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old -7\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old  7\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old 18446744073709551616\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old 7\n{ZERO}\nAAAA\n\n{CHECKPOINT}"), AddCheckpointError::Hash { line: 2 }),
            (format!("old 7\r\n{ZERO}\r\n\n{CHECKPOINT}"), AddCheckpointError::Old),
            (format!("old 7\n{}\n{CHECKPOINT}", format!("{ZERO}\n").repeat(64)), AddCheckpointError::TooLong),
        ] {
            assert_eq!(text.parse::<AddCheckpoint>(), Err(error), "{text}");
        }
        assert_eq!(AddCheckpoint::from_bytes(&[0xff]), Err(AddCheckpointError::Text));
        assert_eq!(AddCheckpoint::from_bytes(&vec![b'a'; MAX_REQUEST_BYTES + 1]), Err(AddCheckpointError::Text));
    }
}
