//! Sealing: how a row is kept from whoever holds the database without the key.

use crate::error::StoreError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use std::{fmt, sync::Arc};

/// Bytes of a master key and of a data key: AES-256.
const KEY_LEN: usize = 32;

/// Bytes of a data key wrapped by RFC 3394, which adds eight.
const WRAPPED_LEN: usize = KEY_LEN + 8;

/// Bytes of AES-GCM's tag.
const TAG_LEN: usize = 16;

/// The key that every data key of a deployment is wrapped with. Whoever has it and the database can read everything.
///
/// A row is sealed with AES-256-GCM under a random data key of its own; the associated data
/// `magistrate/<database>/<table>/<id>` ties it to its place, so that sealed bytes moved elsewhere do not open. The
/// data key stands in the same row, wrapped with this key by AES key wrap (RFC 3394), which needs no nonce: a random
/// one would run out of safety after 2³² rows.
pub struct MasterKey([u8; KEY_LEN]);

impl MasterKey {
    /// The key kept in these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new random key.
    pub fn generate() -> Self {
        Self(random())
    }

    /// The bytes to keep, in a file that only the host can read.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// A sealed text and the wrapped key to it.
pub(crate) struct Sealed {
    /// The data key, wrapped: 40 bytes.
    pub(crate) key: Vec<u8>,
    /// Nonce (12 bytes), ciphertext, tag (16 bytes).
    pub(crate) body: Vec<u8>,
}

/// Seals and opens the rows of one database.
pub(crate) struct Vault {
    master: Arc<MasterKey>,
    database: String,
    /// What rows are looked for by is keyed with this: see [`Vault::keyed`].
    lookup: hmac::Key,
}

impl Vault {
    pub(crate) fn new(master: Arc<MasterKey>, database: &str) -> Self {
        // A key of its own, by a pseudorandom function of the master key: of each database another one.
        let master_key = hmac::Key::new(hmac::HMAC_SHA256, &master.0);
        let derived = hmac::sign(&master_key, format!("magistrate/{database}/lookup").as_bytes());
        let lookup = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Self { master, database: database.to_owned(), lookup }
    }

    /// The database whose rows this seals.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// What stands in the keys of a table's rows for something that they are looked for by, and that nobody may read there:
    /// HMAC-SHA-256 (RFC 2104), 64 hexadecimal characters. The same in one table is the same; without the master key nobody can
    /// try out what it is.
    pub(crate) fn keyed(&self, table: &'static str, what: &str) -> String {
        let tag = hmac::sign(&self.lookup, format!("{table}/{what}").as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals `plain` for its place.
    pub(crate) fn seal(&self, table: &'static str, id: &str, plain: &[u8]) -> Result<Sealed, StoreError> {
        let unwritable = |_| StoreError::Unwritable { table, id: id.to_owned(), reason: "sealing failed".to_owned() };
        self.encrypt(self.place(table, id).as_bytes(), plain).map_err(unwritable)
    }

    /// Opens what was sealed for this place with this key, and nothing else.
    pub(crate) fn open(&self, table: &'static str, id: &str, key: &[u8], body: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.decrypt(self.place(table, id).as_bytes(), key, body).map_err(|_| StoreError::Damaged {
            table,
            id: id.to_owned(),
            reason: "it was altered, moved from another row, or sealed with another key".to_owned(),
        })
    }

    /// Seals `plain` into one text, for what is kept beside the database.
    pub(crate) fn seal_apart(&self, kind: &'static str, id: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let Sealed { mut key, body } = self.seal(kind, id, plain)?;
        key.extend_from_slice(&body);
        Ok(key)
    }

    /// Opens a text that was sealed so.
    pub(crate) fn open_apart(&self, kind: &'static str, id: &str, text: &[u8]) -> Result<Vec<u8>, StoreError> {
        // One that is too short has no key that opens it.
        let (key, body) = text.split_at_checked(WRAPPED_LEN).unwrap_or((text, &[]));
        self.open(kind, id, key, body)
    }

    /// Unambiguous: a database name and a table name have no slash, so all that follows the third is the id.
    fn place(&self, table: &str, id: &str) -> String {
        format!("magistrate/{}/{table}/{id}", self.database)
    }

    fn encrypt(&self, place: &[u8], plain: &[u8]) -> Result<Sealed, Unspecified> {
        let data_key: [u8; KEY_LEN] = random();
        let nonce: [u8; NONCE_LEN] = random();
        let mut body = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
        body.extend_from_slice(&nonce);
        body.extend_from_slice(plain);
        let tag = cipher(&data_key)?.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            &mut body[NONCE_LEN..],
        )?;
        body.extend_from_slice(tag.as_ref());
        let mut key = vec![0_u8; WRAPPED_LEN];
        self.wrapper()?.wrap(&data_key, &mut key)?;
        Ok(Sealed { key, body })
    }

    fn decrypt(&self, place: &[u8], key: &[u8], body: &[u8]) -> Result<Vec<u8>, Unspecified> {
        if key.len() != WRAPPED_LEN {
            return Err(Unspecified);
        }
        let mut data_key = [0_u8; KEY_LEN];
        KeyWrap::unwrap(self.wrapper()?, key, &mut data_key)?;
        let (nonce, text) = body.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let mut plain = text.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let len = cipher(&data_key)?.open_in_place(nonce, Aad::from(place), &mut plain)?.len();
        plain.truncate(len);
        Ok(plain)
    }

    /// Made anew each time because it is consumed by use.
    fn wrapper(&self) -> Result<AesKek, Unspecified> {
        AesKek::new(&AES_256, &self.master.0)
    }
}

fn cipher(data_key: &[u8; KEY_LEN]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key)?))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("aws-lc aborts the process rather than go on without randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(key: [u8; 32], database: &str) -> Vault {
        Vault::new(Arc::new(MasterKey::from_bytes(key)), database)
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let here = vault([7; 32], "here");
        let sealed = here.seal("blob", "a", b"a face").unwrap();
        assert_eq!(here.open("blob", "a", &sealed.key, &sealed.body).unwrap(), b"a face");
        for (vault, table, id) in [
            (&here, "blob", "b"),
            (&here, "photo", "a"),
            (&vault([7; 32], "there"), "blob", "a"),
            (&vault([8; 32], "here"), "blob", "a"),
        ] {
            let refused = vault.open(table, id, &sealed.key, &sealed.body);
            assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{table}/{id}");
        }
    }

    #[test]
    fn every_altered_byte_is_noticed_and_no_length_panics() {
        let vault = vault([7; 32], "here");
        let sealed = vault.seal("blob", "a", b"x").unwrap();
        for at in 0..sealed.body.len() {
            let mut body = sealed.body.clone();
            body[at] ^= 1;
            assert!(vault.open("blob", "a", &sealed.key, &body).is_err(), "byte {at}");
            assert!(vault.open("blob", "a", &sealed.key, &sealed.body[..at]).is_err(), "cut at {at}");
        }
        for at in 0..sealed.key.len() {
            let mut key = sealed.key.clone();
            key[at] ^= 1;
            assert!(vault.open("blob", "a", &key, &sealed.body).is_err(), "key byte {at}");
            assert!(vault.open("blob", "a", &sealed.key[..at], &sealed.body).is_err(), "key cut at {at}");
        }
    }

    #[test]
    fn what_rows_are_looked_for_by_is_the_same_in_one_table_under_one_key_and_nowhere_else() {
        let here = vault([7; 32], "here");
        let keyed = here.keyed("case_probe", "26-0310-1");
        assert_eq!((keyed.len(), &keyed), (64, &vault([7; 32], "here").keyed("case_probe", "26-0310-1")));
        for other in [
            here.keyed("case_probe", "26-0310-2"),
            here.keyed("other", "26-0310-1"),
            vault([7; 32], "there").keyed("case_probe", "26-0310-1"),
            vault([8; 32], "here").keyed("case_probe", "26-0310-1"),
        ] {
            assert_ne!(other, keyed);
        }
    }

    #[test]
    fn what_is_kept_apart_is_sealed_alike() {
        let vault = vault([7; 32], "here");
        let sealed = vault.seal_apart("snapshot", "a", b"what is known of people").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"people"));
        assert_eq!(vault.open_apart("snapshot", "a", &sealed).unwrap(), b"what is known of people");
        assert!(vault.open_apart("snapshot", "b", &sealed).is_err());
        for at in 0..sealed.len() {
            assert!(vault.open_apart("snapshot", "a", &sealed[..at]).is_err(), "cut at {at}");
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(vault.open_apart("snapshot", "a", &altered).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_empty_text_can_be_sealed_and_two_sealings_differ() {
        let vault = vault([7; 32], "here");
        let (one, two) = (vault.seal("blob", "a", b"").unwrap(), vault.seal("blob", "a", b"").unwrap());
        assert_eq!(vault.open("blob", "a", &one.key, &one.body).unwrap(), b"");
        assert!(one.key != two.key && one.body != two.body);
    }

    #[test]
    fn a_master_key_is_not_printed() {
        let key = MasterKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
        assert_eq!(key.to_bytes(), [0xab; 32]);
        assert_ne!(MasterKey::generate().to_bytes(), MasterKey::generate().to_bytes());
    }
}
