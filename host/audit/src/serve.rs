//! What a log hands out over a network: any tile or bundle that belongs to a tree it has acknowledged.
//!
//! The files on disk lag behind the acknowledged checkpoint until the journal is settled, and a narrow partial tile goes
//! once a wider one is there. Neither is visible here: whatever the newest checkpoint, or any before it, lets a client
//! ask for (c2sp.org/tlog-tiles, "Merkle Tree" and "Log entries") is answered, from memory or from a file, and nothing
//! beyond it. Bundles that were pruned are said to be ("Pruning"); no tile ever is.

use crate::Log;
use crate::error::{Damage, DirectoryError, Fault, ReadError};
use crate::path::{TilePath, WIDTH};
use crate::tile::hashes_at;
use crate::tree::Tree;

impl Log {
    /// The content of the tile or entry bundle with this path, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`;
    /// `None` if the path is none of c2sp.org/tlog-tiles, or names more than the acknowledged tree holds.
    ///
    /// Bundles are checked against their leaf hashes, tiles against the tile above them. Reads a file where the content
    /// is no longer in memory: not for use in async tasks.
    ///
    /// # Errors
    ///
    /// [`ReadError::Pruned`] for a bundle whose entries were pruned; [`ReadError::Directory`] with the name of a damaged
    /// file.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        match path.parse::<TilePath>() {
            Ok(path) => self.tree().file(path),
            Err(_) => Ok(None),
        }
    }
}

impl Tree {
    /// The content of a tile or bundle of any width up to the present one; `None` beyond what is acknowledged.
    pub(crate) fn file(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        self.noted(self.read_file(path))
    }

    fn read_file(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        let level = path.level().unwrap_or(0);
        let end = path.index().checked_mul(WIDTH).and_then(|first| first.checked_add(path.width()));
        {
            // Under one lock: what is in memory may run ahead of what is acknowledged.
            let tail = self.tail();
            if end.is_none_or(|end| end > hashes_at(tail.head().size, level)) {
                return Ok(None);
            }
            if let Some(content) = tail.file(path) {
                return Ok(Some(content));
            }
        }
        // What has left memory is full, and durable in its file, unless it was pruned.
        let width = path.width() as usize;
        let content = match path.level() {
            Some(level) => self.full_tile(level, path.index())?.bytes(width),
            None => {
                let bundle = self.full_bundle(path.index());
                // After the attempt: it may have been pruned in between.
                self.check_kept(path.first_entry())?;
                bundle?.prefix(width).map(<[u8]>::to_vec)
            }
        };
        let missing = || DirectoryError::from(Damage::new(path, Fault::Missing, path.first_entry())).into();
        content.map(Some).ok_or_else(missing)
    }
}
