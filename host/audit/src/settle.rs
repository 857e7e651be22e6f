//! Turning a journal segment into the files an outsider reads, and then having it go.
//!
//! The order is what makes a crash harmless: first every tile and bundle, in any order, then the checkpoint, durable each; only then
//! the segment goes, and last the partial tiles that wider ones supersede. Until the segment is gone, whatever exists
//! of the new files is written again from it; the partial tiles it builds on are still there.

use std::collections::BTreeSet;
use std::time::Instant;
use std::{io, thread};

use crate::checkpoint;
use crate::error::FileError;
use crate::files::{ROOT, add_folders};
use crate::journal::Span;
use crate::pace::Pace;
use crate::path::{TilePath, WIDTH};
use crate::spare::{self, Spares};
use crate::tile::hashes_at;
use crate::tree::Tree;
use crate::underway::Underway;

/// Files that are written at a time, at most.
const SIDE_BY_SIDE: usize = 4;

/// Fewest files that a thread is begun for: a log that grows by a few entries a second needs none.
const FEWEST: usize = 4;

/// Settles one segment, the oldest there is; among spares it becomes one, if one is wanted.
pub(crate) fn settle(tree: &Tree, span: Span, spares: Option<&Spares>, pace: &Pace<'_>) -> Result<(), FileError> {
    let paths = changed(span);
    write(tree, &paths, pace)?;
    let mut folders = BTreeSet::new();
    paths.iter().for_each(|path| add_folders(&path.to_string(), &mut folders));
    for folder in &folders {
        tree.files.sync_folder(folder)?;
        pace.underway().step();
    }
    pace.publish(tree)?;
    tree.files.sync_folder(ROOT)?;
    match spares {
        Some(spares) => spares.retire(tree, span, pace)?,
        None => spare::remove(&tree.files, &span.file())?,
    }
    for path in &paths {
        remove_superseded(tree, *path)?;
    }
    tree.settled(span.end);
    Ok(())
}

/// Writes tiles and bundles: one after the other with a rest after each, as long as there is time for it, and then several side by
/// side.
fn write(tree: &Tree, paths: &[TilePath], pace: &Pace<'_>) -> Result<(), FileError> {
    let mut paths = paths;
    while let Some((path, others)) = paths.split_first()
        && !pace.is_hurried()
    {
        let begun = Instant::now();
        write_one(tree, *path)?;
        pace.rest(tree, begun)?;
        paths = others;
    }
    write_side_by_side(tree, paths, pace.underway())
}

/// Writes several at a time: what is waited for is the disk, which makes many files durable in hardly more time than one.
fn write_side_by_side(tree: &Tree, paths: &[TilePath], underway: &Underway) -> Result<(), FileError> {
    let mut shares = paths.chunks(paths.len().div_ceil(SIDE_BY_SIDE).max(FEWEST));
    let own = shares.next().unwrap_or_default();
    thread::scope(|threads| {
        let mut outcome = Ok(());
        let mut others = Vec::new();
        for share in shares {
            match thread::Builder::new().spawn_scoped(threads, move || write_each(tree, share, underway)) {
                Ok(other) => others.push(other),
                Err(_) => outcome = outcome.and_then(|()| write_each(tree, share, underway)),
            }
        }
        outcome = outcome.and_then(|()| write_each(tree, own, underway));
        for other in others {
            let written = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome = outcome.and(written);
        }
        outcome
    })
}

fn write_each(tree: &Tree, paths: &[TilePath], underway: &Underway) -> Result<(), FileError> {
    for path in paths {
        write_one(tree, *path)?;
        underway.step();
    }
    Ok(())
}

fn write_one(tree: &Tree, path: TilePath) -> Result<(), FileError> {
    let name = path.to_string();
    // Copied file by file: the writer must not wait while all of them are written.
    let content = tree.tail().file(path);
    // INVARIANT: the tail keeps whatever lies beyond the last settled size, which is where what is settled begins.
    let content = content
        .ok_or_else(|| FileError::new(&name, "written", io::Error::other("its content is no longer in memory")))?;
    tree.files.replace(&name, &content)
}

/// Publishes the newest acknowledged checkpoint.
///
/// Whole after a crash, because its content is synced before the rename; possibly the one before, because the rename is
/// not, and then the journal still has the newer one.
pub(crate) fn publish(tree: &Tree) -> Result<(), FileError> {
    let head = tree.head();
    tree.files.replace(checkpoint::FILE, head.text.as_bytes())
}

/// The tiles and bundles that change when the log grows by `span`.
fn changed(span: Span) -> Vec<TilePath> {
    let mut paths = Vec::new();
    if span.first == span.end {
        return paths;
    }
    for (index, width) in widths(span.first, span.end) {
        paths.push(TilePath::entries(index, width));
    }
    for level in 0u8.. {
        let (had, has) = (hashes_at(span.first, level), hashes_at(span.end, level));
        if had == has {
            // A level without new hashes has none above it either.
            break;
        }
        for (index, width) in widths(had, has) {
            paths.push(TilePath::tile(level, index, width));
        }
    }
    paths
}

/// Index and width of the files that change when `had` items become `has`, which is more.
fn widths(had: u64, has: u64) -> impl Iterator<Item = (u64, u64)> {
    (had / WIDTH..has.div_ceil(WIDTH)).map(move |index| (index, WIDTH.min(has - index * WIDTH)))
}

/// Removes the narrower versions of a tile or bundle that is durable now, and what a crash left of writing them.
fn remove_superseded(tree: &Tree, path: TilePath) -> Result<(), FileError> {
    let folder = path.partials();
    let own = path.width().to_string();
    for name in tree.files.names(&folder)? {
        if !path.is_partial() || name != own {
            tree.files.remove(&format!("{folder}/{name}"))?;
        }
    }
    if !path.is_partial() {
        tree.files.remove_folder(&folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(first: u64, end: u64) -> Vec<String> {
        changed(Span { first, end, bytes: 0 }).iter().map(TilePath::to_string).collect()
    }

    #[test]
    fn only_what_grew_is_written() {
        assert!(names(5, 5).is_empty());
        assert_eq!(names(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(names(255, 256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(names(256, 257), ["tile/entries/001.p/1", "tile/0/001.p/1"]);
        assert_eq!(
            names(65_535, 65_537),
            [
                "tile/entries/255",
                "tile/entries/256.p/1",
                "tile/0/255",
                "tile/0/256.p/1",
                "tile/1/000",
                "tile/2/000.p/1"
            ]
        );
    }
}
