//! Tiles with everything between their hashes and their root, and the right edge of a tree made of them.
//!
//! A tile holds up to 256 hashes of one height and stands for the subtree of height 8 above them (c2sp.org/tlog-tiles,
//! "Merkle Tree"). Keeping the inner nodes as well doubles its size to 16 KiB and makes a proof a matter of look-ups:
//! computing them for each proof would cost some 250 hashes per level.

use tlog_tiles::tlog::{EMPTY_HASH, node_hash, record_hash};

use crate::Hash;
use crate::path::{TilePath, WIDTH};

/// The bytes of a full tile's file.
pub(crate) const FULL_BYTES: u64 = WIDTH * HASH_BYTES as u64;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Rows above the lowest: 256 is 2 to the power of 8.
const HEIGHT: usize = 8;

/// Nodes of a full tile: 256 + 128 + … + 1.
const NODES: usize = 511;

/// RFC 6962, section 2.1: the hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    record_hash(leaf).0
}

/// RFC 6962, section 2.1: the hash of a node with two children.
fn parent_hash(left: Hash, right: Hash) -> Hash {
    node_hash(tlog_tiles::tlog::Hash(left), tlog_tiles::tlog::Hash(right)).0
}

/// Where a tree's node lives: the tile at `level` and `tile`, `row` rows above its hashes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) level: u8,
    pub(crate) tile: u64,
    pub(crate) row: usize,
    pub(crate) position: usize,
}

impl Spot {
    /// The spot of the `number`-th complete subtree of 2 to the power of `height` leaves.
    pub(crate) fn of(height: u8, number: u64) -> Self {
        let row = height % 8;
        let shift = 8 - row;
        Self {
            level: height / 8,
            tile: number >> shift,
            row: usize::from(row),
            position: (number & ((1u64 << shift) - 1)) as usize,
        }
    }
}

/// One tile, full or growing.
#[derive(Clone, PartialEq)]
pub(crate) struct Tile {
    // Row after row, the hashes first and the root last; see `at`.
    nodes: Vec<Hash>,
    width: usize,
}

impl Tile {
    /// A tile without hashes.
    pub(crate) fn new() -> Self {
        Self { nodes: vec![[0; HASH_BYTES]; NODES], width: 0 }
    }

    /// The tile with these hashes, one after the other as in its file; `None` if their length is not that of 1 to 256
    /// hashes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.is_empty() || hashes.len() as u64 > WIDTH || !rest.is_empty() {
            return None;
        }
        let mut tile = Self::new();
        for hash in hashes {
            tile.push(*hash);
        }
        Some(tile)
    }

    /// Appends a hash, and every inner node that it completes. A full tile stays as it is.
    pub(crate) fn push(&mut self, hash: Hash) {
        if self.width as u64 == WIDTH {
            return;
        }
        let (mut node, mut position) = (hash, self.width);
        for row in 0..=HEIGHT {
            self.nodes[at(row, position)] = node;
            if position.is_multiple_of(2) {
                break;
            }
            node = parent_hash(self.nodes[at(row, position - 1)], node);
            position /= 2;
        }
        self.width += 1;
    }

    /// The root, once the tile is full: this hash stands in the tile above.
    pub(crate) fn root(&self) -> Option<Hash> {
        self.node(HEIGHT, 0)
    }

    /// A node of the subtree, if the tile has all hashes below it.
    pub(crate) fn node(&self, row: usize, position: usize) -> Option<Hash> {
        (row <= HEIGHT && (position + 1) << row <= self.width).then(|| self.nodes[at(row, position)])
    }

    /// The first `width` hashes as they stand in the tile's file.
    pub(crate) fn bytes(&self, width: usize) -> Option<Vec<u8>> {
        (width <= self.width).then(|| self.nodes[..width].concat())
    }
}

/// The place of a node: row r begins after 256 + 128 + … nodes, which is 512 - 512/2^r.
fn at(row: usize, position: usize) -> usize {
    512 - (512 >> row) + position
}

/// A tile that will not change any more.
pub(crate) struct FullTile {
    pub(crate) level: u8,
    pub(crate) index: u64,
    pub(crate) tile: Tile,
}

/// The last, growing tile of each level: all that is needed to append and to know the root.
#[derive(Clone)]
pub(crate) struct Edge {
    size: u64,
    tiles: Vec<Tile>,
}

impl Edge {
    /// The edge of a tree of `size` leaves whose growing tiles are these, from level 0 on.
    pub(crate) fn new(size: u64, tiles: Vec<Tile>) -> Self {
        Self { size, tiles }
    }

    /// The number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The growing tiles from level 0 on.
    pub(crate) fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// The same edge with another tile at one level.
    pub(crate) fn with_tile(&self, level: usize, tile: Tile) -> Self {
        let mut edge = self.clone();
        if let Some(place) = edge.tiles.get_mut(level) {
            *place = tile;
        }
        edge
    }

    /// Appends a leaf; tiles that it completes are moved to `full`.
    pub(crate) fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        let (mut hash, mut position) = (leaf, self.size);
        for level in 0u8.. {
            if self.tiles.len() == usize::from(level) {
                self.tiles.push(Tile::new());
            }
            let tile = &mut self.tiles[usize::from(level)];
            tile.push(hash);
            let Some(root) = tile.root() else { break };
            let tile = std::mem::replace(tile, Tile::new());
            position /= WIDTH;
            full.push(FullTile { level, index: position, tile });
            hash = root;
        }
        self.size += 1;
    }

    /// The root of the tree (RFC 6962, section 2.1): its complete subtrees, joined from the smallest on the right to
    /// the left.
    pub(crate) fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for tile in &self.tiles {
            for row in 0..HEIGHT {
                if (tile.width >> row) % 2 == 1 {
                    let left = tile.nodes[at(row, (tile.width >> row) - 1)];
                    root = Some(root.map_or(left, |right| parent_hash(left, right)));
                }
            }
        }
        root.unwrap_or(EMPTY_HASH.0)
    }

    /// A node in one of the growing tiles.
    pub(crate) fn node(&self, spot: &Spot) -> Option<Hash> {
        let tile = self.tile(spot.level, spot.tile)?;
        tile.node(spot.row, spot.position)
    }

    /// The growing tile of a level, if it has this index.
    pub(crate) fn tile(&self, level: u8, index: u64) -> Option<&Tile> {
        let tile = self.tiles.get(usize::from(level))?;
        (hashes_at(self.size, level) / WIDTH == index).then_some(tile)
    }
}

/// The number of hashes that all tiles of `level` hold together, for a tree of `size` leaves (`floor(s / 256**l)`).
pub(crate) fn hashes_at(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// The paths of the growing tiles of a tree of `size` leaves from level 0 on; `None` where the last tile is full.
pub(crate) fn edge_paths(size: u64) -> Vec<Option<TilePath>> {
    (0u8..)
        .map(|level| (level, hashes_at(size, level)))
        .take_while(|(_, hashes)| *hashes > 0)
        .map(|(level, hashes)| match hashes % WIDTH {
            0 => None,
            width => Some(TilePath::tile(level, hashes / WIDTH, width)),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 6962, section 2.1, to the letter.
    fn tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_HASH.0,
            [leaf] => *leaf,
            _ => {
                let left = leaves.len().next_power_of_two() / 2;
                parent_hash(tree_hash(&leaves[..left]), tree_hash(&leaves[left..]))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    #[test]
    fn the_edge_has_the_root_of_the_specification() {
        let leaves = leaves(700);
        let mut edge = Edge::new(0, Vec::new());
        let mut full = Vec::new();
        for size in 0..=leaves.len() {
            assert_eq!(edge.root(), tree_hash(&leaves[..size]), "size {size}");
            assert_eq!(edge.size(), size as u64);
            if let Some(leaf) = leaves.get(size) {
                edge.push(*leaf, &mut full);
            }
        }
        assert_eq!(full.len(), 2);
        assert_eq!((full[1].level, full[1].index), (0, 1));
        assert_eq!(full[1].tile.root(), Some(tree_hash(&leaves[256..512])));
        assert_eq!(edge.node(&Spot::of(8, 1)), Some(tree_hash(&leaves[256..512])));
        assert_eq!(edge.node(&Spot::of(7, 4)), Some(tree_hash(&leaves[512..640])));
        assert_eq!(edge.node(&Spot::of(7, 5)), None);
        assert_eq!(edge.node(&Spot::of(0, 100)), None);
    }

    #[test]
    fn a_tile_survives_its_file() {
        let mut tile = Tile::new();
        for leaf in leaves(256) {
            assert_eq!(tile.root(), None);
            tile.push(leaf);
        }
        let bytes = tile.bytes(256).unwrap();
        assert_eq!(bytes.len() as u64, FULL_BYTES);
        assert!(Tile::from_bytes(&bytes).unwrap() == tile);
        assert_eq!(Tile::from_bytes(&bytes[..64]).unwrap().bytes(2).unwrap(), bytes[..64]);
        assert!(Tile::from_bytes(&bytes[..63]).is_none());
        assert!(Tile::from_bytes(&[]).is_none());
        assert!(Tile::from_bytes(&[0; 257 * 32]).is_none());
        assert_eq!(tile.bytes(257), None);
    }

    // The example of c2sp.org/tlog-tiles, "Partial Tiles".
    #[test]
    fn the_edge_of_70_000_entries_is_that_of_the_specification() {
        let paths: Vec<_> = edge_paths(70_000).into_iter().map(|path| path.map(|path| path.to_string())).collect();
        let expected = ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
        assert_eq!(paths, expected.map(|path| Some(path.to_owned())));
        assert_eq!(edge_paths(256)[0], None);
        assert!(edge_paths(0).is_empty());
        assert_eq!(edge_paths(u64::MAX).len(), 8);
    }
}
