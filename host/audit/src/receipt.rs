//! Receipts: the text of c2sp.org/tlog-proof, which proves one entry to whoever has the log's key.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tlog_tiles::tlog::{self, check_record, record_hash};

use crate::Hash;
use crate::checkpoint;
use crate::error::{ReceiptError, VerifyError};
use crate::key::VerifierKey;

/// The first line ("Format").
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^64 leaves is so high; a longer proof proves nothing.
const MAX_PROOF: usize = 64;

/// That one entry is in the log, and when checked, that the log's key signed it in.
///
/// The text form is to be kept in files ending in `.tlog-proof`. An `extra` line, which nothing authenticates, is
/// accepted and forgotten when parsing, and never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// The hashes from the leaf's sibling up to the root's child (RFC 6962, section 2.1.1).
    pub proof: Vec<Hash>,
    /// The signed checkpoint of a tree that contains the entry.
    pub checkpoint: String,
}

impl Receipt {
    /// Checks that `key` signed the checkpoint for its own log, and that the tree it signs has `leaf` at the receipt's
    /// index.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Checkpoint`], [`VerifyError::OutsideTree`] or [`VerifyError::Proof`], for the first of these that
    /// fails.
    pub fn verify(&self, leaf: &[u8], key: &VerifierKey) -> Result<(), VerifyError> {
        let head = checkpoint::read(&self.checkpoint, key)?;
        if self.index >= head.size {
            return Err(VerifyError::OutsideTree { index: self.index, size: head.size });
        }
        let proof: Vec<_> = self.proof.iter().map(|hash| tlog::Hash(*hash)).collect();
        check_record(&proof, head.size, tlog::Hash(head.root), self.index, record_hash(leaf))
            .map_err(|_| VerifyError::Proof { index: self.index })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(ReceiptError::Header)?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or(ReceiptError::Checkpoint)?;
        let mut lines = head.split('\n').peekable();
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra "))
            && BASE64_STANDARD.decode(&extra["extra ".len()..]).is_err()
        {
            return Err(ReceiptError::Extra);
        }
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(|digits| digits.parse::<u64>().ok().filter(|index| index.to_string() == digits))
            .ok_or(ReceiptError::Index)?;
        let mut proof = Vec::new();
        for (number, line) in lines.enumerate() {
            if proof.len() == MAX_PROOF {
                return Err(ReceiptError::TooLong);
            }
            let hash = BASE64_STANDARD.decode(line).ok().and_then(|bytes| Hash::try_from(bytes).ok());
            proof.push(hash.ok_or(ReceiptError::Hash { line: number + 1 })?);
        }
        Ok(Self { index, proof, checkpoint: checkpoint.to_owned() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_survives_its_text_form() {
        for proof in [vec![], vec![[1; 32]], vec![[2; 32]; MAX_PROOF]] {
            let receipt = Receipt { index: 73_894, proof, checkpoint: "a\n1\nb=\n\n— a c=\n".to_owned() };
            assert_eq!(receipt.to_string().parse::<Receipt>(), Ok(receipt));
        }
    }

    #[test]
    fn the_text_is_that_of_the_specification() {
        let receipt =
            Receipt { index: 5, proof: vec![[0; 32]], checkpoint: "log\n9\nroot\n\n— log sig\n".to_owned() };
        let text = "c2sp.org/tlog-proof@v1\nindex 5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\
                    log\n9\nroot\n\n— log sig\n";
        assert_eq!(receipt.to_string(), text);
        let with_extra = text.replace("index", "extra YWdl\nindex");
        assert_eq!(with_extra.parse::<Receipt>(), Ok(receipt));
    }

    #[test]
    fn other_texts_are_refused() {
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (text, error) in [
            ("", ReceiptError::Header),
            ("c2sp.org/tlog-proof@v2\nindex 5\n\nlog\n", ReceiptError::Header),
            ("c2sp.org/tlog-proof@v1\nindex 5\n", ReceiptError::Checkpoint),
            ("c2sp.org/tlog-proof@v1\n\nlog\n\n", ReceiptError::Index),
            ("c2sp.org/tlog-proof@v1\nindex 05\n\nlog\n", ReceiptError::Index),
            ("c2sp.org/tlog-proof@v1\nindex -5\n\nlog\n", ReceiptError::Index),
            ("c2sp.org/tlog-proof@v1\nextra !\nindex 5\n\nlog\n", ReceiptError::Extra),
            ("c2sp.org/tlog-proof@v1\nindex 5\nAAAA\n\nlog\n", ReceiptError::Hash { line: 1 }),
        ] {
            assert_eq!(text.parse::<Receipt>(), Err(error), "{text}");
        }
        let long = format!("c2sp.org/tlog-proof@v1\nindex 5\n{}\nlog\n", format!("{hash}\n").repeat(65));
        assert_eq!(long.parse::<Receipt>(), Err(ReceiptError::TooLong));
    }
}
