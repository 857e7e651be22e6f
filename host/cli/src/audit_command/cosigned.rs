//! What `audit verify` says of witnesses: how many of them have cosigned the checkpoint that outsiders are given.

use super::open;
use anyhow::Context as _;
use audit::{Cosigned, VerifierKey, WitnessKey, Witnessed};
use std::path::Path;

/// What a log's checkpoint says of its witnesses.
pub(super) struct Cosignatures {
    /// How many of them have cosigned it.
    pub(super) held: usize,
    /// How many witnesses there are.
    pub(super) of: usize,
    /// The size of the tree that it signs.
    pub(super) size: u64,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

/// Looks at the cosignatures of a log in a folder that has been verified: of the checkpoint that its host kept for its
/// witnesses, where there is one, and of its checkpoint otherwise. `required` is how many must hold, where that is demanded. A
/// log that was never published has none of them, and is no exception: that no witness ever answered looks the same, and so
/// does a file that was taken away.
pub(super) fn check(
    folder: &Path,
    key: &VerifierKey,
    witnesses: &[WitnessKey],
    required: Option<usize>,
) -> anyhow::Result<Cosignatures> {
    // Nobody counts twice, and no more are required than there are.
    audit::Quorum::new(witnesses.to_vec(), required.unwrap_or(1))?;
    let dir = open(folder)?;
    let file = [Witnessed::FILE, "checkpoint"].into_iter().find(|file| dir.exists(file)).unwrap_or("checkpoint");
    let note = dir.read_to_string(file).with_context(|| format!("cannot read {file} in {}", folder.display()))?;
    let mut wrongly = Vec::new();
    let mut held = 0;
    for witness in witnesses {
        match witness.cosigned(&note) {
            Cosigned::At(_) => held += 1,
            Cosigned::Missing => {}
            Cosigned::Wrongly => wrongly.push(witness.name()),
        }
    }
    let mut cosignatures = Cosignatures { held, of: witnesses.len(), size: 0, problem: None };
    let snapshot = audit::Snapshot::open(&dir, key)?;
    cosignatures.problem = match audit::signed_size(&note, key) {
        Err(e) => Some(format!("`{file}` does not count: {e}")),
        Ok(size) => {
            cosignatures.size = size;
            if let Err(e) = snapshot.extends(&note, key) {
                Some(format!("the log does not begin with what `{file}` signs: {e}"))
            } else if !wrongly.is_empty() {
                Some(format!("`{file}` has a cosignature of `{}` that does not verify", wrongly.join("`, `")))
            } else if required.is_some_and(|required| held < required) {
                let required = required.unwrap_or_default();
                let of = witnesses.len();
                Some(format!("{held} of {of} witnesses have cosigned `{file}`, and {required} are required"))
            } else {
                None
            }
        }
    };
    Ok(cosignatures)
}
