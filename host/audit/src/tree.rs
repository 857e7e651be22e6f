//! The whole tree, in memory and on disk: entries and proofs of any size the log has had.
//!
//! Nothing read from a file is believed: a full tile must have the root that the tile above it records, up to the
//! growing tiles, which the newest signature covers; an entry must have the hash its tile records.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tlog_tiles::tlog::{self, HashReader, prove_record, prove_tree, split_stored_hash_index, tree_hash};

use crate::Hash;
use crate::checkpoint::Head;
use crate::entries::Entries;
use crate::error::{Damage, DirectoryError, Fault, ReadError};
use crate::files::Files;
use crate::path::{TilePath, WIDTH};
use crate::tail::Tail;
use crate::tile::{Spot, Tile, leaf_hash};
use crate::unread::UnreadFiles;

/// Full tiles kept after reading, each 16 KiB with its inner nodes: 16 MiB, the 262,144 youngest or most asked-for
/// entries.
const CACHED_TILES: usize = 1_024;

/// See the module.
pub(crate) struct Tree {
    /// The log's folder.
    pub(crate) files: Files,
    tail: RwLock<Tail>,
    cache: Mutex<Cache>,
    // Entries before this are in tiles and bundles on disk, and in no journal segment. A log is opened with its journal
    // settled, so it begins with all there are.
    settled: AtomicU64,
    // The bundles of entries before this are pruned: at the beginning of a bundle.
    minimum: AtomicU64,
    pub(crate) unread: UnreadFiles,
}

impl Tree {
    pub(crate) fn new(files: Files, tail: Tail, minimum: u64) -> Self {
        let (settled, minimum) = (AtomicU64::new(tail.head().size), AtomicU64::new(minimum));
        let (cache, unread) = (Mutex::new(Cache::default()), UnreadFiles::default());
        Self { files, tail: RwLock::new(tail), cache, settled, minimum, unread }
    }

    /// What is in memory. A panic elsewhere cannot leave it half changed as far as the acknowledged size reaches.
    pub(crate) fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in memory, to be changed.
    pub(crate) fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.tail.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been acknowledged.
    pub(crate) fn head(&self) -> Head {
        self.tail().head().clone()
    }

    /// The number of entries acknowledged.
    pub(crate) fn size(&self) -> u64 {
        self.tail().head().size
    }

    /// Forgets what the files on disk now hold, keeping its tiles at hand as long as the cache has room.
    pub(crate) fn settled(&self, size: u64) {
        let settled = self.tail_mut().settle(size);
        for (key, tile) in settled {
            self.cache().insert(key, tile);
        }
        self.settled.fetch_max(size, Ordering::AcqRel);
    }

    /// Up to where no journal segment holds entries any more.
    pub(crate) fn settled_to(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// The first entry that is not pruned.
    pub(crate) fn minimum(&self) -> u64 {
        self.minimum.load(Ordering::Acquire)
    }

    /// From now on no entry before this is given out.
    pub(crate) fn prune(&self, minimum: u64) {
        self.minimum.fetch_max(minimum, Ordering::AcqRel);
        self.unread.pruned(minimum);
    }

    /// What was read; where a file could not be, that is kept in mind.
    pub(crate) fn noted<T>(&self, read: Result<T, ReadError>) -> Result<T, ReadError> {
        if let Err(ReadError::Directory(error)) = &read {
            self.unread.note(error);
            // It may have been pruned since.
            self.unread.pruned(self.minimum());
        }
        read
    }

    /// Whether an entry is kept.
    pub(crate) fn check_kept(&self, index: u64) -> Result<(), ReadError> {
        let minimum = self.minimum();
        if index < minimum { Err(ReadError::Pruned { index, minimum }) } else { Ok(()) }
    }

    /// An entry.
    pub(crate) fn entry(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        let mut entries = self.entries(index..index.saturating_add(1))?;
        match entries.pop() {
            Some((_, entry)) => Ok(entry),
            None => Err(ReadError::NoSuchEntry { index, size: self.size() }),
        }
    }

    /// The entries of a range with their indices.
    pub(crate) fn entries(&self, range: Range<u64>) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        self.noted(self.read_entries(range))
    }

    fn read_entries(&self, range: Range<u64>) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let size = self.size();
        if range.end > size {
            return Err(ReadError::NoSuchEntry { index: range.start.max(size), size });
        }
        if !range.is_empty() {
            self.check_kept(range.start)?;
        }
        let mut found = Vec::new();
        let mut bundle: Option<(u64, Entries)> = None;
        for index in range {
            if let Some(entry) = self.tail().entry(index) {
                found.push((index, entry.to_vec()));
                continue;
            }
            let number = index / WIDTH;
            if bundle.as_ref().is_none_or(|(read, _)| *read != number) {
                let read = self.files.entries(TilePath::entries(number, WIDTH));
                if read.is_err() {
                    // It may have been pruned since.
                    self.check_kept(index)?;
                }
                bundle = Some((number, read?));
            }
            if let Some((_, entries)) = &bundle {
                found.push((index, self.checked(entries, index)?.to_vec()));
                self.unread.seen(&TilePath::entries(number, WIDTH), &(index..index.saturating_add(1)));
            }
        }
        Ok(found)
    }

    /// A full bundle that is on disk, hashed again, and with it every tile above its leaves that was not read before.
    pub(crate) fn full_bundle(&self, number: u64) -> Result<Entries, DirectoryError> {
        // The tile first: if bundle and tile disagree, the tile has been proven by the tiles above it.
        let tile = self.full_tile(0, number)?;
        let path = TilePath::entries(number, WIDTH);
        let entries = self.files.entries(path)?;
        for (position, entry) in entries.iter().enumerate() {
            if tile.node(0, position) != Some(leaf_hash(entry)) {
                let index = path.first_entry() + position as u64;
                return Err(Damage::new(path, Fault::EntryHash { index }, path.first_entry()).into());
            }
        }
        self.unread.seen(&path, &(path.first_entry()..path.first_entry().saturating_add(WIDTH)));
        Ok(entries)
    }

    /// The path from an entry to the root of the tree of `size` entries (RFC 6962, section 2.1.1).
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
        self.check_size(size)?;
        if index >= size {
            return Err(ReadError::NoSuchEntry { index, size });
        }
        self.walk(|reader| prove_record(size, index, reader)).map(plain)
    }

    /// The proof that the tree of `new` entries begins with that of `old` (RFC 6962, section 2.1.2).
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        self.check_size(new)?;
        if old > new {
            return Err(ReadError::TreeOrder { old, new });
        }
        if old == 0 {
            // Every tree begins with the empty one; RFC 6962 defines no proof for it.
            return Ok(Vec::new());
        }
        self.walk(|reader| prove_tree(new, old, reader)).map(plain)
    }

    /// The root of the tree of the first `size` entries.
    pub(crate) fn root_at(&self, size: u64) -> Result<Hash, ReadError> {
        self.check_size(size)?;
        self.walk(|reader| tree_hash(size, reader)).map(|hash| hash.0)
    }

    fn check_size(&self, size: u64) -> Result<(), ReadError> {
        let available = self.size();
        if size > available {
            return Err(ReadError::NoSuchTree { size, available });
        }
        Ok(())
    }

    /// The entry with an index, out of its bundle, if its hash is the recorded one.
    fn checked<'a>(&self, entries: &'a Entries, index: u64) -> Result<&'a [u8], DirectoryError> {
        let recorded = self.node(0, index)?;
        match entries.get((index % WIDTH) as usize) {
            Some(entry) if leaf_hash(entry) == recorded => Ok(entry),
            _ => {
                let path = TilePath::entries(index / WIDTH, WIDTH);
                Err(Damage::new(path, Fault::EntryHash { index }, path.first_entry()).into())
            }
        }
    }

    /// The hash of the `number`-th complete subtree of 2 to the power of `height` leaves.
    fn node(&self, height: u8, number: u64) -> Result<Hash, DirectoryError> {
        let spot = Spot::of(height, number);
        if let Some(hash) = self.tail().node(&spot) {
            return Ok(hash);
        }
        let tile = self.full_tile(spot.level, spot.tile)?;
        tile.node(spot.row, spot.position).ok_or_else(|| {
            let path = TilePath::tile(spot.level, spot.tile, WIDTH);
            Damage::new(path, Fault::TileHash, path.first_entry()).into()
        })
    }

    /// A full tile, from memory or from its file. A tile leaves memory only after its file is durable, so one of both
    /// has it.
    pub(crate) fn full_tile(&self, level: u8, index: u64) -> Result<Arc<Tile>, DirectoryError> {
        if let Some(tile) = self.tail().full_tile(level, index) {
            return Ok(tile);
        }
        if let Some(tile) = self.cache().get((level, index)) {
            return Ok(tile);
        }
        let path = TilePath::tile(level, index, WIDTH);
        let tile = self.files.tile(path)?;
        // A full tile is one hash of the tile above it: this recursion ends at a growing tile, at most 8 levels up.
        let recorded = self.node(8 * (level + 1), index)?;
        if tile.root() != Some(recorded) {
            return Err(Damage::new(path, Fault::TileHash, path.first_entry()).into());
        }
        self.unread.seen(&path, &(0..0));
        let tile = Arc::new(tile);
        self.cache().insert((level, index), Arc::clone(&tile));
        Ok(tile)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one of `tlog_tiles`' proof functions, which cannot carry our errors through.
    fn walk<T>(&self, prove: impl FnOnce(&Walk<'_>) -> Result<T, tlog::Error>) -> Result<T, ReadError> {
        let walk = Walk { tree: self, failure: RefCell::new(None) };
        self.noted(match prove(&walk) {
            Ok(proof) => Ok(proof),
            Err(error) => Err(match walk.failure.into_inner() {
                Some(failure) => failure.into(),
                None => ReadError::Proof(error.to_string()),
            }),
        })
    }
}

/// The tree as `tlog_tiles` wants to read it: by numbers in a dense ordering of all nodes.
struct Walk<'a> {
    tree: &'a Tree,
    failure: RefCell<Option<DirectoryError>>,
}

impl HashReader for Walk<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let mut hashes = Vec::with_capacity(indexes.len());
        for index in indexes {
            let (height, number) = split_stored_hash_index(*index);
            match self.tree.node(height, number) {
                Ok(hash) => hashes.push(tlog::Hash(hash)),
                Err(error) => {
                    self.failure.replace(Some(error));
                    return Err(tlog::Error::InvalidTile);
                }
            }
        }
        Ok(hashes)
    }
}

fn plain(hashes: Vec<tlog::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

/// Full tiles by level and index, with the time of their last use; the longest unused makes room.
#[derive(Default)]
struct Cache {
    tiles: HashMap<(u8, u64), (Arc<Tile>, u64)>,
    now: u64,
}

impl Cache {
    fn get(&mut self, key: (u8, u64)) -> Option<Arc<Tile>> {
        self.now += 1;
        let (tile, used) = self.tiles.get_mut(&key)?;
        *used = self.now;
        Some(Arc::clone(tile))
    }

    fn insert(&mut self, key: (u8, u64), tile: Arc<Tile>) {
        self.now += 1;
        if self.tiles.len() >= CACHED_TILES {
            // A scan of a thousand numbers costs less than the file that was just read.
            let oldest = self.tiles.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.tiles.remove(&oldest);
            }
        }
        self.tiles.insert(key, (tile, self.now));
    }
}
