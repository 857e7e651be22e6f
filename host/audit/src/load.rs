//! Reading a folder into memory: what the tiles hold, what the journal adds, and whether a signature covers both.
//!
//! Used by whoever opens a log to write and by the offline verifier alike; nothing here writes.
//!
//! Trust flows downwards from one signature. The newest signed checkpoint (of the last journal frame, or the published
//! file if the journal is empty) must have the root that the growing tiles on disk and the journal's entries lead to;
//! that makes every growing tile trustworthy, and each of them vouches for the full tiles below it when they are read
//! ([`Tree`](crate::tree::Tree)).

use crate::Hash;
use crate::blame::blame;
use crate::checkpoint::{self, Head};
use crate::entries::Entries;
use crate::error::{Damage, DirectoryError, Fault, FileError};
use crate::files::{Files, TILES};
use crate::frame::Frame;
use crate::journal::{self, Journal, Span};
use crate::key::VerifierKey;
use crate::path::{TilePath, WIDTH};
use crate::tail::Tail;
use crate::tile::{Edge, Spot, Tile, edge_paths, leaf_hash};
use crate::torn::Torn;

/// A folder's content, as far as it has to be in memory.
pub(crate) struct Loaded {
    /// The edge of the tree and the journal's entries.
    pub(crate) tail: Tail,
    /// The journal's segments, to be turned into tiles and removed by whoever writes.
    pub(crate) spans: Vec<Span>,
    /// The size up to which the tiles on disk are authoritative.
    pub(crate) base: u64,
    /// What stands at the journal's end and is no whole frame.
    pub(crate) torn: Option<Torn>,
    /// What rides on the journal's entries, each with its entry's index.
    pub(crate) riders: Vec<(u64, Vec<u8>)>,
}

/// Reads the folder of the log that `key` signs; `None` if there is no log in it yet.
pub(crate) fn load(files: &Files, key: &VerifierKey) -> Result<Option<Loaded>, DirectoryError> {
    // In this order, because a live log may be read: the journal is never behind the checkpoint published before.
    let published = published(files, key)?;
    let mut journal = Journal::read(files)?;
    let Some(published) = published else {
        if journal.spans.is_empty() && !files.exists(TILES)? {
            return Ok(None);
        }
        return Err(Damage::new(checkpoint::FILE, Fault::Missing, 0).into());
    };
    let base = journal.spans.first().map_or(published.size, |span| span.first);
    let head = newest(&journal, &published, base, key)?;
    check_reach(files, &journal, published.size)?;

    let (edge, partial) = right_edge(files, base)?;
    if published.size == base && edge.root() != published.root {
        return Err(blame(files, &edge, &[], base, published.root));
    }
    let blamed = |number: usize, size: u64, root: Hash| {
        let leaves = leaf_hashes(&journal.frames[..=number], size - base);
        blame(files, &edge, &leaves, size, root)
    };
    let mut tail = Tail::new(head, edge.clone(), partial);
    for (number, frame) in journal.frames.iter().enumerate() {
        for entry in frame.entries.iter() {
            tail.push(leaf_hash(entry), entry);
            if tail.pushed() == published.size && tail.root() != published.root {
                return Err(blamed(number, published.size, published.root));
            }
        }
        if tail.root() != frame.root {
            return Err(blamed(number, frame.size, frame.root));
        }
    }
    check_partial(&edge, &tail)?;
    let riders = journal.take_riders();
    Ok(Some(Loaded { tail, spans: journal.spans, base, torn: journal.torn, riders }))
}

/// The published checkpoint, if there is one.
fn published(files: &Files, key: &VerifierKey) -> Result<Option<Head>, DirectoryError> {
    match files.read(checkpoint::FILE, checkpoint::MAX_BYTES)? {
        Some(bytes) => match checkpoint::read_bytes(&bytes, key) {
            Ok(head) => Ok(Some(head)),
            Err(error) => Err(Damage::new(checkpoint::FILE, Fault::Checkpoint(error), 0).into()),
        },
        None => Ok(None),
    }
}

/// The newest signed checkpoint. The published one must lie between what the tiles hold and what the journal adds: it
/// is published before a segment is removed, and never ahead of the journal.
fn newest(journal: &Journal, published: &Head, base: u64, key: &VerifierKey) -> Result<Head, DirectoryError> {
    let end = journal.spans.last().map_or(base, |span| span.end);
    if published.size > end {
        let fault = Fault::Behind { promised: published.size, found: end };
        return Err(Damage::new(journal.file_of(end), fault, end).into());
    }
    if published.size < base {
        let fault = Fault::Outdated { signed: published.size, needed: base };
        return Err(Damage::new(checkpoint::FILE, fault, 0).into());
    }
    let Some(frame) = journal.frames.last() else {
        return Ok(published.clone());
    };
    // One signature for the whole journal: every frame's root is recomputed, and the last one signs over all of them.
    let damaged = |fault| Damage::new(journal.file_of(frame.first), fault, frame.first);
    let head = checkpoint::read(&frame.checkpoint, key).map_err(|error| damaged(Fault::Checkpoint(error)))?;
    if (head.size, head.root) != (frame.size, frame.root) {
        return Err(damaged(Fault::Root { size: frame.size }).into());
    }
    Ok(head)
}

/// Checks, where there is no journal, that the files beside it reach the size that was published. A segment goes only once all of them
/// are durable: where neither the last tile of leaf hashes nor the last bundle is there, it was taken away, and what it held with it.
/// A single one that is missing is named by whoever reads it.
pub(crate) fn check_reach(files: &Files, journal: &Journal, size: u64) -> Result<(), DirectoryError> {
    let Some(last) = size.checked_sub(1).filter(|_| journal.spans.is_empty()) else { return Ok(()) };
    let (index, width) = (last / WIDTH, last % WIDTH + 1);
    for path in [TilePath::tile(0, index, width), TilePath::entries(index, width)] {
        if files.exists(&path.to_string())? {
            return Ok(());
        }
    }
    let found = reach(files)?;
    if found > size {
        let fault = Fault::Outdated { signed: size, needed: found };
        return Err(Damage::new(checkpoint::FILE, fault, 0).into());
    }
    Err(Damage::new(journal::FOLDER, Fault::Behind { promised: size, found }, found).into())
}

/// How far the tiles of leaf hashes reach, the widest ones where there are several. They are never pruned.
fn reach(files: &Files) -> Result<u64, FileError> {
    let mut number = 0;
    while files.exists(&TilePath::tile(0, number, WIDTH).to_string())? {
        number += 1;
    }
    let folder = TilePath::tile(0, number, WIDTH).partials();
    let width = |name: &String| format!("{folder}/{name}").parse::<TilePath>().ok().map(|path| path.width());
    let widest = files.names(&folder)?.iter().filter_map(width).max();
    Ok(number * WIDTH + widest.unwrap_or(0))
}

/// The growing tiles and the growing bundle of a tree of `size` leaves, from their files.
fn right_edge(files: &Files, size: u64) -> Result<(Edge, Entries), DirectoryError> {
    let mut tiles = Vec::new();
    for path in edge_paths(size) {
        tiles.push(match path {
            Some(path) => files.tile(path)?,
            None => Tile::new(),
        });
    }
    let partial = match size % WIDTH {
        0 => Entries::default(),
        width => files.entries(TilePath::entries(size / WIDTH, width))?,
    };
    Ok((Edge::new(size, tiles), partial))
}

/// Checks the growing bundle, from its file, against the growing tile of its leaf hashes.
fn check_partial(edge: &Edge, tail: &Tail) -> Result<(), Damage> {
    let size = edge.size();
    for index in size - size % WIDTH..size {
        let hash = tail.entry(index).map(leaf_hash);
        if hash.is_none() || hash != edge.node(&Spot::of(0, index)) {
            let path = TilePath::entries(size / WIDTH, size % WIDTH);
            return Err(Damage::new(path, Fault::EntryHash { index }, path.first_entry()));
        }
    }
    Ok(())
}

/// The hashes of the first `count` entries in some frames.
fn leaf_hashes(frames: &[Frame], count: u64) -> Vec<Hash> {
    frames.iter().flat_map(|frame| frame.entries.iter().map(leaf_hash)).take(count as usize).collect()
}
