//! Verifier keys, as they are named on the command line: of logs and of witnesses.

use anyhow::Context as _;
use std::path::Path;
use std::str::FromStr;

/// Reads a key from the file of this name, or from the text itself where there is no such file.
///
/// # Errors
/// When the file cannot be read, or there is no key in it or in the text.
pub(crate) fn read<K>(named: &str) -> anyhow::Result<K>
where
    K: FromStr,
    K::Err: std::error::Error + Send + Sync + 'static,
{
    let text = if Path::new(named).is_file() {
        std::fs::read_to_string(named).with_context(|| format!("cannot read {named}"))?
    } else {
        named.to_owned()
    };
    text.trim().parse::<K>().with_context(|| format!("the key `{named}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Signer as _, VerifierKey, WitnessKey};

    #[test]
    fn a_key_is_a_file_or_the_text_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log.vkey");
        let path = file.display().to_string();
        let log = audit::Ed25519Signer::generate("host/x").unwrap().verifier_key();
        let witness = audit::Cosigner::generate("witness.example/w1").unwrap().key().to_string();
        std::fs::write(&file, format!("{log}\n")).unwrap();
        assert_eq!(read::<VerifierKey>(&path).unwrap().name(), "host/x");
        assert_eq!(read::<VerifierKey>(&log).unwrap().name(), "host/x");
        std::fs::write(&file, format!("{witness}\n")).unwrap();
        assert_eq!(read::<WitnessKey>(&path).unwrap().name(), "witness.example/w1");
        assert!(read::<VerifierKey>(&path).is_err(), "a witness's key signs no log");
        let missing = folder.path().join("none").display().to_string();
        let said = format!("{:#}", read::<VerifierKey>(&missing).err().unwrap());
        assert!(said.contains(&missing), "{said}");
    }
}
