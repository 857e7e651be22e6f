//! Which file is to blame when the growing tiles do not lead to the signed root.
//!
//! Only reached when a log is refused anyway, so it may read a few hundred files.

use crate::Hash;
use crate::checkpoint;
use crate::error::{Damage, DirectoryError, Fault};
use crate::files::Files;
use crate::path::{TilePath, WIDTH};
use crate::tile::{Edge, FULL_BYTES, Tile, edge_paths, leaf_hash};

/// Finds the file because of which `edge`, followed by `leaves`, does not have `root` at `size` entries.
///
/// Each growing tile can be computed again from what lies below it: from the entries at level 0, from the full tiles of
/// the level below elsewhere. The tile whose replacement by that leads to the signed root is the damaged one.
pub(crate) fn blame(files: &Files, edge: &Edge, leaves: &[Hash], size: u64, root: Hash) -> DirectoryError {
    let mut suspect = None;
    for (level, path) in edge_paths(edge.size()).into_iter().enumerate() {
        let Some(path) = path else { continue };
        let rebuilt = match rebuild(files, path) {
            Ok(tile) => tile,
            // A file below is missing or cut: that is damage enough to report.
            Err(error) => return error,
        };
        if edge.tiles().get(level) == Some(&rebuilt) {
            continue;
        }
        if leads_to(edge.with_tile(level, rebuilt), leaves, root) {
            return Damage::new(path, Fault::TileHash, path.first_entry()).into();
        }
        // Several files are damaged; this is the first of them that contradicts what lies below it.
        suspect = suspect.or(Some(path));
    }
    match suspect {
        Some(path) => Damage::new(path, Fault::TileHash, path.first_entry()).into(),
        None => Damage::new(checkpoint::FILE, Fault::Root { size }, 0).into(),
    }
}

/// Computes a growing tile from what lies below it.
fn rebuild(files: &Files, path: TilePath) -> Result<Tile, DirectoryError> {
    let mut tile = Tile::new();
    match path.level().and_then(|level| level.checked_sub(1)) {
        None => {
            for entry in files.entries(TilePath::entries(path.index(), path.width()))?.iter() {
                tile.push(leaf_hash(entry));
            }
        }
        Some(below) => {
            let first = path.index() * WIDTH;
            for index in first..first + path.width() {
                let below = TilePath::tile(below, index, WIDTH);
                let missing = Fault::Length { expected: FULL_BYTES, found: 0 };
                let root = files.tile(below)?.root();
                tile.push(root.ok_or_else(|| Damage::new(below, missing, below.first_entry()))?);
            }
        }
    }
    Ok(tile)
}

fn leads_to(mut edge: Edge, leaves: &[Hash], root: Hash) -> bool {
    let mut full = Vec::new();
    for leaf in leaves {
        edge.push(*leaf, &mut full);
        full.clear();
    }
    edge.root() == root
}
