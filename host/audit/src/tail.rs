//! The part of the log that lives in memory: the right edge of the tree and everything that no tile on disk holds yet.
//!
//! The writer pushes entries before they are durable, because the root to be signed depends on them; readers are held
//! to the acknowledged size of `head`. Nodes never change once they exist, so running ahead is invisible.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Hash;
use crate::checkpoint::Head;
use crate::entries::Entries;
use crate::path::{TilePath, WIDTH};
use crate::tile::{Edge, FullTile, Spot, Tile, hashes_at};

/// See the module.
pub(crate) struct Tail {
    head: Head,
    edge: Edge,
    // Complete tiles by level and index, and bundles by index, as far as they are not settled on disk. The bundle that
    // grows is there from its first entry on: it is written again as a whole.
    full: BTreeMap<(u8, u64), Arc<Tile>>,
    bundles: BTreeMap<u64, Entries>,
    completed: Vec<FullTile>,
}

impl Tail {
    /// The tail of a log whose files hold exactly the leaves of `edge`; `partial` are the entries of its last, growing
    /// bundle.
    pub(crate) fn new(head: Head, edge: Edge, partial: Entries) -> Self {
        let mut bundles = BTreeMap::new();
        if partial.len() > 0 {
            bundles.insert(edge.size() / WIDTH, partial);
        }
        Self { head, edge, full: BTreeMap::new(), bundles, completed: Vec::new() }
    }

    /// What has been acknowledged.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Makes everything pushed visible to readers. Only once it is durable.
    pub(crate) fn acknowledge(&mut self, head: Head) {
        self.head = head;
    }

    /// Appends an entry and its hash.
    pub(crate) fn push(&mut self, hash: Hash, entry: &[u8]) {
        self.bundles.entry(self.edge.size() / WIDTH).or_default().push(entry);
        self.edge.push(hash, &mut self.completed);
        for tile in self.completed.drain(..) {
            self.full.insert((tile.level, tile.index), Arc::new(tile.tile));
        }
    }

    /// The number of entries pushed.
    pub(crate) fn pushed(&self) -> u64 {
        self.edge.size()
    }

    /// The root over all entries pushed.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// A node of the tree, if a tile in memory has it.
    pub(crate) fn node(&self, spot: &Spot) -> Option<Hash> {
        match self.full.get(&(spot.level, spot.tile)) {
            Some(tile) => tile.node(spot.row, spot.position),
            None => self.edge.node(spot),
        }
    }

    /// A complete tile, if it is in memory.
    pub(crate) fn full_tile(&self, level: u8, index: u64) -> Option<Arc<Tile>> {
        self.full.get(&(level, index)).cloned()
    }

    /// An entry, if its bundle is in memory.
    pub(crate) fn entry(&self, index: u64) -> Option<&[u8]> {
        self.bundles.get(&(index / WIDTH))?.get((index % WIDTH) as usize)
    }

    /// The content of a tile or bundle of any width up to the present one, if it is in memory.
    pub(crate) fn file(&self, path: TilePath) -> Option<Vec<u8>> {
        let width = path.width() as usize;
        match path.level() {
            None => self.bundles.get(&path.index())?.prefix(width).map(<[u8]>::to_vec),
            Some(level) => match self.full.get(&(level, path.index())) {
                Some(tile) => tile.bytes(width),
                None => self.edge.tile(level, path.index())?.bytes(width),
            },
        }
    }

    /// Forgets what the files on disk hold now that they reach to `size`, and returns the tiles among it.
    pub(crate) fn settle(&mut self, size: u64) -> BTreeMap<(u8, u64), Arc<Tile>> {
        self.bundles = self.bundles.split_off(&(size / WIDTH));
        let (settled, kept) = std::mem::take(&mut self.full)
            .into_iter()
            .partition(|((level, index), _)| *index < hashes_at(size, *level) / WIDTH);
        self.full = kept;
        settled
    }
}
