//! Which witnesses, and how many of them, a published checkpoint needs.
//!
//! The case of c2sp.org/tlog-policy that a host needs: one group of listed witnesses, of which some number must have
//! cosigned. [`Quorum::policy`] writes it in that form, for clients that read it.

use std::fmt::Write as _;

use signed_note::Note;
use thiserror::Error;

use crate::cosignature::WitnessKey;
use crate::key::VerifierKey;

/// A group of witnesses and how many of them must cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    witnesses: Vec<WitnessKey>,
    required: usize,
}

/// A group of witnesses that makes no quorum.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuorumError {
    /// More are required than there are, or none.
    #[error("{required} of {listed} witnesses are required: require at least 1 and at most as many as are listed")]
    Size {
        /// How many are required.
        required: usize,
        /// How many there are.
        listed: usize,
    },
    /// One key counts twice.
    #[error("the witnesses `{one}` and `{other}` have the same public key: list each witness once")]
    Twice {
        /// The name of one.
        one: String,
        /// The name of the other.
        other: String,
    },
}

impl Quorum {
    /// `required` of these witnesses.
    ///
    /// # Errors
    ///
    /// [`QuorumError`].
    pub fn new(witnesses: Vec<WitnessKey>, required: usize) -> Result<Self, QuorumError> {
        if required == 0 || required > witnesses.len() {
            return Err(QuorumError::Size { required, listed: witnesses.len() });
        }
        for (number, one) in witnesses.iter().enumerate() {
            if let Some(other) = witnesses[..number].iter().find(|other| other.public() == one.public()) {
                return Err(QuorumError::Twice { one: other.name().to_owned(), other: one.name().to_owned() });
            }
        }
        Ok(Self { witnesses, required })
    }

    /// The group.
    pub fn witnesses(&self) -> &[WitnessKey] {
        &self.witnesses
    }

    /// How many of it must cosign.
    pub fn required(&self) -> usize {
        self.required
    }

    /// How many of the group have cosigned a checkpoint; 0 for a text that is none. The log's own signature is not
    /// looked at.
    pub fn count(&self, checkpoint: &str) -> usize {
        let Ok(note) = Note::from_bytes(checkpoint.as_bytes()) else { return 0 };
        // A note that parsed has this.
        let lines = checkpoint.rsplit_once("\n\n").map_or("", |(_, lines)| lines);
        self.witnesses.iter().filter(|witness| witness.find(note.text(), lines).is_some()).count()
    }

    /// Whether enough of the group have cosigned a checkpoint.
    pub fn is_met(&self, checkpoint: &str) -> bool {
        self.count(checkpoint) >= self.required
    }

    /// The quorum for one log as a policy file (c2sp.org/tlog-policy).
    pub fn policy(&self, log: &VerifierKey) -> String {
        let mut policy = format!("log {log}\n");
        let mut members = String::new();
        for (number, witness) in self.witnesses.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(policy, "witness w{number} {witness}");
            let _ = write!(members, " w{number}");
        }
        let _ = write!(policy, "group witnesses {}{members}\nquorum witnesses\n", self.required);
        policy
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::checkpoint;
    use crate::cosignature::Cosigner;
    use crate::key::{Ed25519Signer, Signer};

    #[test]
    fn only_different_witnesses_of_the_group_count() {
        let signer = Ed25519Signer::from_seed("host/a", [7; 32]).unwrap();
        let log: VerifierKey = signer.verifier_key().parse().unwrap();
        let checkpoint = checkpoint::sign("host/a", 5, [9; 32], &signer, &log).unwrap().text;
        let text = format!("{}\n", checkpoint.rsplit_once("\n\n").unwrap().0);
        let cosigner = |number: u8| Cosigner::from_seed(&format!("w{number}"), [number; 32]).unwrap();
        let line = |number: u8| cosigner(number).cosign(text.as_bytes(), 1).unwrap().to_string();
        let group = |numbers: &[u8]| numbers.iter().map(|n| cosigner(*n).key().clone()).collect::<Vec<_>>();
        let two = Quorum::new(group(&[1, 2, 3]), 2).unwrap();

        for (lines, count) in [
            (String::new(), 0),
            (line(1), 1),
            (line(1).repeat(3), 1),
            (line(4) + &line(5), 0),
            (line(1) + &line(4), 1),
            (line(4) + &line(3) + &line(1), 2),
            (line(1) + &line(2) + &line(3), 3),
        ] {
            let note = format!("{checkpoint}{lines}");
            assert_eq!((two.count(&note), two.is_met(&note)), (count, count >= 2), "{note}");
        }
        let other = format!("{checkpoint}{}{}", line(1), line(2)).replace("\n5\n", "\n6\n");
        assert_eq!(two.count(&other), 0, "cosignatures of another checkpoint");
        for hostile in ["", "\n\n", "host/a\n5\n", &format!("{checkpoint}\n{}", line(1))] {
            assert_eq!(two.count(hostile), 0, "{hostile}");
        }
        let policy = two.policy(&log);
        assert!(policy.starts_with("log host/a+") && policy.contains("\nwitness w2 w3+"), "{policy}");
        assert!(policy.ends_with("\ngroup witnesses 2 w0 w1 w2\nquorum witnesses\n"), "{policy}");
    }

    #[test]
    fn groups_that_make_no_quorum_are_refused() {
        let key = |name: &str, seed: u8| Cosigner::from_seed(name, [seed; 32]).unwrap().key().clone();
        assert_eq!(Quorum::new(vec![], 0), Err(QuorumError::Size { required: 0, listed: 0 }));
        assert_eq!(Quorum::new(vec![key("a", 1)], 2), Err(QuorumError::Size { required: 2, listed: 1 }));
        assert_eq!(Quorum::new(vec![key("a", 1)], 0), Err(QuorumError::Size { required: 0, listed: 1 }));
        let twice = QuorumError::Twice { one: "a".to_owned(), other: "b".to_owned() };
        assert_eq!(Quorum::new(vec![key("a", 1), key("b", 1)], 1), Err(twice));
    }
}
