//! Reading a log's folder from outside: entries and receipts, each checked against one signed checkpoint.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::Hash;
use crate::checkpoint;
use crate::error::{CheckpointError, Damage, Fault, ReadError, VerifyError};
use crate::key::VerifierKey;
use crate::load::load;
use crate::path::{TilePath, WIDTH};
use crate::prune;
use crate::receipt::Receipt;
use crate::tile::hashes_at;
use crate::tree::Tree;
use crate::verify;

/// A log as its newest signed checkpoint says it is. A server may go on writing; what it adds is not seen.
///
/// Opening hashes the journal and the growing tiles only; everything else is checked when it is read. To have every
/// entry checked, use [`verify::directory`].
pub struct Snapshot {
    tree: Tree,
    // What rides on entries of the journal, by their indices.
    riders: BTreeMap<u64, Vec<u8>>,
}

impl Snapshot {
    /// Opens the folder of the log that `key` signs, without its lock.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] naming the file that is missing, damaged or not covered by a signature of `key`.
    pub fn open(dir: &Dir, key: &VerifierKey) -> Result<Self, VerifyError> {
        let before = verify::state(dir)?;
        match Self::load(dir, key) {
            // Files were replaced while they were read.
            Err(_) if verify::state(dir)? != before => Self::load(dir, key),
            opened => opened,
        }
    }

    fn load(dir: &Dir, key: &VerifierKey) -> Result<Self, VerifyError> {
        let files = verify::files(dir)?;
        let Some(loaded) = load(&files, key)? else {
            return Err(Damage::new(checkpoint::FILE, Fault::Missing, 0).into());
        };
        let minimum = prune::read(&files, key, loaded.base)?;
        let riders = loaded.riders.into_iter().collect();
        Ok(Self { tree: Tree::new(files, loaded.tail, minimum), riders })
    }

    /// The number of entries the checkpoint covers.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The first entry that is not pruned; 0 in a log of which nothing is.
    pub fn minimum_index(&self) -> u64 {
        self.tree.minimum()
    }

    /// Whether the log begins with what an earlier checkpoint of `key` signed, by the hashes in its tiles.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Rollback`] or [`VerifyError::Forked`] if it does not; [`VerifyError::Checkpoint`] for a text that is
    /// no checkpoint of `key`; [`VerifyError::Directory`] with the name of a damaged file.
    pub fn extends(&self, checkpoint: &str, key: &VerifierKey) -> Result<(), VerifyError> {
        let earlier = checkpoint::read(checkpoint, key)?;
        if earlier.size > self.size() {
            return Err(VerifyError::Rollback { earlier: earlier.size, size: self.size() });
        }
        if self.tree.root_at(earlier.size)? != earlier.root {
            return Err(VerifyError::Forked { size: earlier.size });
        }
        Ok(())
    }

    /// Whether the log holds, unchanged, the tree of this size and root that somebody knows was in it once.
    ///
    /// # Errors
    ///
    /// [`ReadError::Directory`] with the name of a damaged file.
    pub fn holds(&self, size: u64, root: Hash) -> Result<bool, ReadError> {
        let head = self.tree.head();
        // Of the whole tree no file has to be read.
        let found = if head.size == size { Ok(head.root) } else { self.tree.root_at(size) };
        match found {
            Ok(found) => Ok(found == root),
            Err(ReadError::NoSuchTree { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The checkpoint, signed.
    pub fn checkpoint(&self) -> Arc<str> {
        self.tree.head().text
    }

    /// The entry with an index.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`], [`ReadError::Pruned`], or [`ReadError::Directory`] with the name of a damaged file.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        self.tree.entry(index)
    }

    /// The entries of a range with their indices. All are held in memory: ask for thousands, not for millions.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`] if the range reaches beyond the checkpoint, [`ReadError::Pruned`] if it begins before the
    /// [minimum index](Self::minimum_index), or [`ReadError::Directory`] with the name of a damaged file.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        self.tree.entries(range)
    }

    /// What rides on this entry of the journal, if anything does. It was durable together with the entry, and after a crash it
    /// may be nowhere else; of an entry that is in tiles, it has reached its own place. No signature covers it.
    pub fn rider(&self, index: u64) -> Option<&[u8]> {
        self.riders.get(&index).map(Vec::as_slice)
    }

    /// The receipt of an entry under the snapshot's checkpoint: of a pruned one, too.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSuchEntry`], or [`ReadError::Directory`] with the name of a damaged file.
    pub fn receipt(&self, index: u64) -> Result<Receipt, ReadError> {
        let head = self.tree.head();
        Ok(Receipt { index, proof: self.tree.inclusion(index, head.size)?, checkpoint: head.text.to_string() })
    }
}

/// The tree size in a checkpoint that `key` must have signed for the log of its own name.
///
/// # Errors
///
/// [`CheckpointError`].
pub fn signed_size(checkpoint: &str, key: &VerifierKey) -> Result<u64, CheckpointError> {
    checkpoint::read(checkpoint, key).map(|head| head.size)
}

/// Every tile and bundle of a tree of `size` entries (c2sp.org/tlog-tiles): what a copy of the log consists of, beside
/// its checkpoint. Of a pruned log, the bundles below its minimum index are not there any more.
pub fn files_of(size: u64) -> impl Iterator<Item = TilePath> {
    let wide = |hashes: u64| (0..hashes.div_ceil(WIDTH)).map(move |index| (index, WIDTH.min(hashes - index * WIDTH)));
    let bundles = wide(size).map(|(index, width)| TilePath::entries(index, width));
    let levels = (0u8..).map(move |level| (level, hashes_at(size, level))).take_while(|(_, hashes)| *hashes > 0);
    let tiles = levels
        .flat_map(move |(level, hashes)| wide(hashes).map(move |(index, width)| TilePath::tile(level, index, width)));
    bundles.chain(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_tree_are_those_of_the_specification() {
        let names = |size| files_of(size).map(|path| path.to_string()).collect::<Vec<_>>();
        assert!(names(0).is_empty());
        assert_eq!(names(1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(names(256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        let long = names(70_000);
        // c2sp.org/tlog-tiles, "Merkle Tree": a tree of 70,000 entries has 273 full tiles and a partial one at level 0,
        // one full and one partial at level 1, and a partial one at level 2.
        for name in ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] {
            assert!(long.iter().any(|n| n == name), "{name}");
        }
        assert_eq!(long.len(), 274 + 274 + 2 + 1);
    }
}
