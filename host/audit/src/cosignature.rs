//! Cosignatures: a witness's signed word that a checkpoint extends everything it has seen of the log before
//! (c2sp.org/tlog-cosignature, the Ed25519 type).
//!
//! A cosignature is one more signature line of the checkpoint's note. Its key is of type 0x04, so that the same line
//! can never pass for a log's own signature (type 0x01); its bytes are a time (seconds since 1970, 64 bits, big-endian)
//! and an Ed25519 signature over
//!
//! ```text
//! cosignature/v1
//! time <seconds>
//! <the checkpoint's text, without its signature lines>
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{SIGNATURE_LENGTH, Signer as _, SigningKey, VerifyingKey};
use signed_note::{Note, Signature};

use crate::error::{KeyError, SignError};
use crate::key::is_name;

/// The type of a key that cosigns with Ed25519 ("Format").
const KEY_TYPE: u8 = 0x04;

/// A time that does not fit 63 bits is none ("Format").
const MAX_TIME: u64 = i64::MAX as u64;

/// The key of a witness. Its text form is one line, `name+id+base64(0x04 || public key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl WitnessKey {
    fn new(name: &str, key: VerifyingKey) -> Self {
        Self { name: name.to_owned(), id: signed_note::key_id(name, &encoded(&key)), key }
    }

    /// The witness's name, by custom an address without its scheme.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id: the first four bytes of SHA-256 over name, newline, 0x04 and public key, big-endian.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The public key alone: a witness has one under whatever name.
    pub(crate) fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// This witness's cosignature over a checkpoint's text among signature lines; `None` if no line is one. Lines of
    /// other keys and lines that are none are passed over, as the format demands.
    pub(crate) fn find(&self, text: &[u8], lines: &str) -> Option<Cosignature> {
        lines.lines().find_map(|line| {
            let signature = Signature::from_bytes(line.as_bytes()).ok()?;
            if signature.name() != self.name || signature.id() != self.id {
                return None;
            }
            let time = self.verify(text, signature.signature())?;
            Some(Cosignature { line: format!("{line}\n"), time })
        })
    }

    /// What a checkpoint says of this witness. Unlike whoever counts a quorum, a checker does not pass over a line that is
    /// under the witness's name and key id and no cosignature of this checkpoint.
    pub fn cosigned(&self, checkpoint: &str) -> Cosigned {
        let Ok(note) = Note::from_bytes(checkpoint.as_bytes()) else { return Cosigned::Missing };
        // A note that parsed has this.
        let lines = checkpoint.rsplit_once("\n\n").map_or("", |(_, lines)| lines);
        let mut found = Cosigned::Missing;
        for line in lines.lines() {
            let Ok(signature) = Signature::from_bytes(line.as_bytes()) else { continue };
            if signature.name() != self.name || signature.id() != self.id {
                continue;
            }
            match self.verify(note.text(), signature.signature()) {
                Some(time) => found = Cosigned::At(time),
                None => return Cosigned::Wrongly,
            }
        }
        found
    }

    /// The time of a cosignature's bytes if they are one over this text.
    fn verify(&self, text: &[u8], bytes: &[u8]) -> Option<u64> {
        let (time, signature) = bytes.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let signature = <[u8; SIGNATURE_LENGTH]>::try_from(signature).ok()?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        let sound = time <= MAX_TIME && self.key.verify_strict(&message(text, time), &signature).is_ok();
        sound.then_some(time)
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let malformed = || KeyError::Malformed { key: text.to_owned() };
        let (name, rest) = text.split_once('+').ok_or_else(malformed)?;
        let (id, material) = rest.split_once('+').ok_or_else(malformed)?;
        let material = BASE64_STANDARD.decode(material).map_err(|_| malformed())?;
        let Some((kind, public)) = material.split_first() else { return Err(malformed()) };
        if !is_name(name) || id.len() != 8 {
            return Err(malformed());
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| malformed())?;
        if *kind != KEY_TYPE {
            return Err(KeyError::NotAWitness { key: text.to_owned() });
        }
        let public = <[u8; 32]>::try_from(public).map_err(|_| malformed())?;
        let key = Self::new(name, VerifyingKey::from_bytes(&public).map_err(|_| malformed())?);
        if key.id == id { Ok(key) } else { Err(KeyError::Id { key: text.to_owned() }) }
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64_STANDARD.encode(encoded(&self.key)))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

/// What makes cosignatures: a witness's key, in memory.
pub struct Cosigner {
    key: WitnessKey,
    secret: SigningKey,
}

impl Cosigner {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if `name` is empty or contains spaces, control characters or `+`.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        Self::from_seed(name, rand::random())
    }

    /// The key that belongs to a 32-byte seed (RFC 8032, section 5.1.5). The signed text does not hold the witness's
    /// name, so no two witnesses may share a seed.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if `name` is empty or contains spaces, control characters or `+`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name { name: name.to_owned() });
        }
        let secret = SigningKey::from_bytes(&seed);
        Ok(Self { key: WitnessKey::new(name, secret.verifying_key()), secret })
    }

    /// The seed, to be stored where only the witness can read it.
    pub fn seed(&self) -> [u8; 32] {
        self.secret.to_bytes()
    }

    /// The key under which the cosignatures verify, to be published.
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// Cosigns a checkpoint's text at a time in seconds since 1970. Whether it should is [`Witness`](crate::Witness)'s
    /// to say.
    pub(crate) fn cosign(&self, text: &[u8], time: u64) -> Result<Cosignature, SignError> {
        if time > MAX_TIME {
            return Err(SignError::new("the clock is beyond all times that can be signed: set it right"));
        }
        let failed = |error: &dyn fmt::Display| SignError::new(error.to_string());
        let signature = self.secret.try_sign(&message(text, time)).map_err(|error| failed(&error))?;
        let bytes = [time.to_be_bytes().as_slice(), signature.to_bytes().as_slice()].concat();
        let line = Signature::new(self.key.name.clone(), self.key.id, bytes).map_err(|error| failed(&error))?;
        let line = String::from_utf8(line.to_bytes()).map_err(|error| failed(&error))?;
        Ok(Cosignature { line, time })
    }
}

impl fmt::Debug for Cosigner {
    // Never the seed: debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A cosignature that verified: the signature line, with its newline, as it stands in a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    line: String,
    time: u64,
}

impl Cosignature {
    /// When the witness cosigned, by its clock, in seconds since 1970.
    pub fn time(&self) -> u64 {
        self.time
    }
}

impl fmt::Display for Cosignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// What a checkpoint says of one witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cosigned {
    /// The witness cosigned it, at this time in seconds since 1970.
    At(u64),
    /// It has no line of the witness.
    Missing,
    /// It has a line under the witness's name and key that is no cosignature of it: it was changed, or made up.
    Wrongly,
}

/// The type and the public key, which is what ids are computed from and key texts hold.
fn encoded(key: &VerifyingKey) -> Vec<u8> {
    [[KEY_TYPE].as_slice(), key.as_bytes().as_slice()].concat()
}

/// What is signed ("Ed25519 signed message").
fn message(text: &[u8], time: u64) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend_from_slice(text);
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // Computed with another implementation of Ed25519 and SHA-256, from the seed 9, 9, … and the specification's text.
    const NAME: &str = "witness.example/w1";
    const KEY: &str = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
    const TEXT: &str = "host.example/detention\n1\nG7l9zCFjXUfiZj79/QoXRobZjdcBNS3SzQbotD/T0wU=\n";
    const TIME: u64 = 1_679_315_147;
    const LINE: &str = "— witness.example/w1 JLXZ/gAAAABkGFDLVnIKCdJ17ur1l1TMiz2y8KqIfmiTIVhLOX0745ayKtC4IO48CJ2e+A9jDhM++G2p7keQEbs4PY23Sp+bKugJCQ==\n";

    #[test]
    fn a_cosignature_is_that_of_the_specification() {
        let cosigner = Cosigner::from_seed(NAME, [9; 32]).unwrap();
        assert_eq!(cosigner.key().to_string(), KEY);
        let cosignature = cosigner.cosign(TEXT.as_bytes(), TIME).unwrap();
        assert_eq!(cosignature.to_string(), LINE);
        let key: WitnessKey = KEY.parse().unwrap();
        assert_eq!(key, *cosigner.key());
        assert_eq!(key.find(TEXT.as_bytes(), LINE), Some(cosignature));
        assert_eq!(Cosigner::from_seed(NAME, cosigner.seed()).unwrap().key(), &key);
        assert!(!format!("{cosigner:?}").contains("[9, 9"));
    }

    #[test]
    fn nothing_else_counts_as_one() {
        let key: WitnessKey = KEY.parse().unwrap();
        assert_eq!(key.find(TEXT.replace("\n1\n", "\n2\n").as_bytes(), LINE), None, "another checkpoint");
        for line in [
            LINE.replace("/w1", "/w2"),
            LINE.replace("JLXZ", "JLXY"),
            // Another time than the one signed.
            LINE.replace("AAAABkGFDL", "AAAABkGFDM"),
            LINE.replace("CQ==", "Cg=="),
            LINE.replace("— ", "- "),
            LINE.replace("AAAABkGFDL", ""),
            "— witness.example/w1 JLXZ/g==\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(key.find(TEXT.as_bytes(), &line), None, "{line}");
        }
        let among = format!("— other.example AAAAAAAA\nnonsense\n{}{LINE}", LINE.replace("CQ==", "Cg=="));
        assert!(key.find(TEXT.as_bytes(), &among).is_some(), "lines that do not count are passed over");
        let cosigner = Cosigner::from_seed(NAME, [9; 32]).unwrap();
        assert!(cosigner.cosign(TEXT.as_bytes(), u64::MAX).is_err());
    }

    #[test]
    fn a_checker_does_not_pass_over_a_wrong_line() {
        let key: WitnessKey = KEY.parse().unwrap();
        let log = "— host.example/detention AAAAAAAA\n";
        let wrong = LINE.replace("CQ==", "Cg==");
        for (lines, found) in [
            (log.to_owned(), Cosigned::Missing),
            (format!("{log}{LINE}"), Cosigned::At(TIME)),
            (format!("{log}{wrong}"), Cosigned::Wrongly),
            (format!("{log}{LINE}{wrong}"), Cosigned::Wrongly),
            // Of a key that is not this witness's.
            (format!("{log}{}", LINE.replace("JLXZ", "JLXY")), Cosigned::Missing),
        ] {
            assert_eq!(key.cosigned(&format!("{TEXT}\n{lines}")), found, "{lines}");
        }
        let other = TEXT.replace("\n1\n", "\n2\n");
        assert_eq!(key.cosigned(&format!("{other}\n{LINE}")), Cosigned::Wrongly, "of another checkpoint");
        assert_eq!(key.cosigned("nonsense"), Cosigned::Missing);
    }

    #[test]
    fn keys_that_are_no_witnesss_are_refused() {
        // The same public key as a log's: type 0x01.
        let log = "witness.example/w1+6327c7cb+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
        assert!(matches!(log.parse::<WitnessKey>(), Err(KeyError::NotAWitness { .. })));
        assert!(matches!(KEY.replace("24b5", "24b6").parse::<WitnessKey>(), Err(KeyError::Id { .. })));
        for text in ["", "a", "a+b", "a+00000000+", "a+00000000+BAAA", "a b+24b5d9fe+BP0X", "+24b5d9fe+BP0X"] {
            assert!(matches!(text.parse::<WitnessKey>(), Err(KeyError::Malformed { .. })), "{text}");
        }
        assert!(Cosigner::generate("two words").is_err());
    }
}
