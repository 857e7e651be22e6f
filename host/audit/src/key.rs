//! Keys: who signs a log's checkpoints, and how an outsider names the key that must have signed them.
//!
//! Both follow c2sp.org/signed-note: a key has a name (here always the log's origin), a 32-bit id derived from name and
//! public key ("Signatures"), and the text form `name+id+base64(algorithm byte || public key)` ("Verifier keys").
//! Algorithm 0x01 is Ed25519.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{Note, StandardVerifier, VerificationError, Verifier as _, VerifierError, Verifiers};

use crate::error::{CheckpointError, KeyError, SignError};

/// What signs checkpoints: a key in memory ([`Ed25519Signer`]) or one in a hardware module.
///
/// A log asks for one signature per batch of entries, from its writer thread, and stops accepting entries if it gets
/// none.
pub trait Signer: Send + Sync {
    /// The key's name, which must be the log's origin.
    fn name(&self) -> &str;

    /// The Ed25519 signature (64 bytes, RFC 8032) over `message`, which is a note's text including its final newline.
    ///
    /// # Errors
    ///
    /// [`SignError`] when the key cannot be used; no entry of the batch is acknowledged then.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The verifier key of these signatures in the form of c2sp.org/signed-note, to be published.
    fn verifier_key(&self) -> String;
}

/// A [`Signer`] with its Ed25519 key in memory.
pub struct Ed25519Signer {
    name: String,
    key: SigningKey,
}

impl Ed25519Signer {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if `name` is empty or contains spaces, control characters or `+`.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        Self::from_seed(name, rand::random())
    }

    /// The key that belongs to a 32-byte seed (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if `name` is empty or contains spaces, control characters or `+`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name { name: name.to_owned() });
        }
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// The seed, to be stored where only the log's host can read it: who has it can sign in the log's name.
    pub fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }
}

impl Signer for Ed25519Signer {
    fn name(&self) -> &str {
        &self.name
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.key.try_sign(message).map_err(|error| SignError::new(error.to_string()))?;
        Ok(signature.to_bytes().to_vec())
    }

    fn verifier_key(&self) -> String {
        signed_note::new_ed25519_verifier_key(&self.name, &self.key.verifying_key())
    }
}

impl fmt::Debug for Ed25519Signer {
    // Never the seed: debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Signer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The key that must have signed a log's checkpoints. Its text form is one line, `name+id+base64`.
#[derive(Clone)]
pub struct VerifierKey {
    text: String,
    verifier: StandardVerifier,
}

impl VerifierKey {
    /// The key's name, which is the origin of the log it signs.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// The key's id: the first four bytes of SHA-256 over name, newline and public key, big-endian.
    pub fn id(&self) -> u32 {
        self.verifier.key_id()
    }

    /// The note in `text` if this key signed it; other signatures (witnesses, older keys) are ignored as the format
    /// demands.
    pub(crate) fn open(&self, text: &[u8]) -> Result<Note, CheckpointError> {
        let note = Note::from_bytes(text).map_err(|_| CheckpointError::Malformed)?;
        match note.verify(&Only(&self.verifier)) {
            Ok(_) => Ok(note),
            Err(_) => Err(CheckpointError::Signature { key: self.text.clone() }),
        }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let key = text.to_owned();
        match StandardVerifier::new(text) {
            Ok(verifier) => Ok(Self { text: key, verifier }),
            Err(VerifierError::Format) => Err(KeyError::Malformed { key }),
            Err(VerifierError::Alg) => Err(KeyError::Algorithm { key }),
            Err(VerifierError::Id) => Err(KeyError::Id { key }),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({})", self.text)
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifierKey {}

/// A set of known keys with one member, without the map that `signed_note::VerifierList` builds for each call.
struct Only<'a>(&'a StandardVerifier);

impl Verifiers for Only<'_> {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn signed_note::Verifier, VerificationError> {
        if self.0.name() == name && self.0.key_id() == id {
            let known: &dyn signed_note::Verifier = self.0;
            Ok(known)
        } else {
            Err(VerificationError::UnknownKey { name: name.to_owned(), id })
        }
    }
}

/// Whether `name` can name a key. Control characters are excluded by the note around it, not by the rule for names.
pub(crate) fn is_name(name: &str) -> bool {
    signed_note::is_key_name_valid(name) && !name.chars().any(char::is_control)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_form() {
        let signer = Ed25519Signer::generate("host.example/detention").unwrap();
        let key: VerifierKey = signer.verifier_key().parse().unwrap();
        assert_eq!(key.name(), "host.example/detention");
        assert_eq!(key.to_string(), signer.verifier_key());
        let again = Ed25519Signer::from_seed("host.example/detention", signer.seed()).unwrap();
        assert_eq!(again.verifier_key(), signer.verifier_key());
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert!(Ed25519Signer::generate("two words").is_err());
        assert!(Ed25519Signer::generate("").is_err());
        for text in ["", "a", "a+b", "a+00000000+", "a+zzzzzzzz+AAAA", "a+00000000+AAAA"] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
    }

    // The example of the signed_note crate, which is the one of Go's golang.org/x/mod/sumdb/note.
    #[test]
    fn a_foreign_note_verifies() {
        let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert!(key.open(note.as_bytes()).is_ok());
        assert!(key.open(note.replace("think", "thank").as_bytes()).is_err());
    }
}
