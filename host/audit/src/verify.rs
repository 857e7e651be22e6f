//! Checking a log's folder from outside: with the log's key, without its lock, whether a server writes it or not.

use std::ops::Range;

use cap_std::fs::Dir;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::Hash;
use crate::checkpoint::{self, Head};
use crate::entries::Entries;
use crate::error::{Damage, DirectoryError, Fault, FileError, VerifyError};
use crate::files::{Files, ROOT};
use crate::frame::Frame;
use crate::journal::{self, Journal};
use crate::key::VerifierKey;
use crate::load::{check_reach, load};
use crate::path::{TilePath, WIDTH};
use crate::prune::{self, PRUNED_NOTE};
use crate::torn::Torn;
use crate::tree::Tree;

/// Bundles hashed between two reports of progress: enough that no core waits for work, and half a second's at the most.
const TOGETHER: u64 = 512;

/// What a folder was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The number of entries that the newest signed checkpoint covers.
    pub size: u64,
    /// The root it signs.
    pub root: Hash,
    /// How many entries were hashed again to get there: all that there are.
    pub entries_hashed: u64,
    /// How many entries are gone, as the log's key has signed: the first so many. Their leaf hashes are in tiles that were
    /// hashed again like all others.
    pub pruned: u64,
    /// What stands at the journal's end and is no whole frame, unless it changed while it was looked at. Opening the log drops
    /// it. It is none of the entries verified, and whether anybody was told of it cannot be known.
    pub torn: Option<Torn>,
}

/// Hashes every entry and every tile again and compares with the newest checkpoint that `key` signed, in the folder's
/// `checkpoint` or in its journal.
///
/// With an `earlier` signed checkpoint, kept by the caller, it also shows that the log still begins with what that one
/// signed: the first entries are hashed again, which is more than a consistency proof says. Entries may be missing only
/// where a note under `key` says that they were pruned. Bundles are hashed on all cores; `progress` is told the entries done and their total after every 512 bundles.
///
/// A server may go on writing meanwhile. If the folder changed and something did not fit, everything is done once more;
/// an error on a busy log is worth a second run.
///
/// # Errors
///
/// [`VerifyError`] naming the first file that is missing or damaged and the entry it concerns, or saying that the log
/// no longer contains what `earlier` signed.
pub fn directory(
    dir: &Dir,
    key: &VerifierKey,
    earlier: Option<&str>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, VerifyError> {
    let earlier = earlier.map(|text| checkpoint::read(text, key)).transpose()?;
    let before = state(dir)?;
    let verified = pass(dir, key, earlier.as_ref(), progress);
    let mut verified = match verified {
        Err(_) if state(dir)? != before => pass(dir, key, earlier.as_ref(), progress),
        verified => verified,
    }?;
    if verified.torn.is_some() {
        // A frame that a server is writing looks the same, for a moment. Where the journal cannot be read a server is at it, too.
        let again = Journal::read(&files(dir)?).ok().and_then(|journal| journal.torn);
        verified.torn = verified.torn.filter(|torn| again.as_ref() == Some(torn));
    }
    Ok(verified)
}

fn pass(
    dir: &Dir,
    key: &VerifierKey,
    earlier: Option<&Head>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, VerifyError> {
    let files = files(dir)?;
    let Some(loaded) = load(&files, key)? else {
        return Err(Damage::new(checkpoint::FILE, Fault::Missing, 0).into());
    };
    let head = loaded.tail.head().clone();
    if let Some(earlier) = earlier
        && earlier.size > head.size
    {
        return Err(VerifyError::Rollback { earlier: earlier.size, size: head.size });
    }
    let pruned = prune::read(&files, key, loaded.base)?;
    let bundles = loaded.base / WIDTH;
    // The journal and the growing bundle were hashed while loading.
    let mut done = head.size - bundles * WIDTH;
    let torn = loaded.torn;
    let tree = Tree::new(files, loaded.tail, pruned);
    let check = |number: u64| {
        if number * WIDTH < pruned {
            // Nobody can hash its entries; the tile of their hashes has to fit all the same.
            return tree.full_tile(0, number).map(drop);
        }
        tree.full_bundle(number).map(drop)
    };
    progress(done, head.size);
    let mut next = 0;
    while next < bundles {
        let end = bundles.min(next + TOGETHER);
        // All of them, then the first fault: which file is named must not depend on which core was faster.
        let checked: Vec<_> = (next..end).into_par_iter().map(check).collect();
        checked.into_iter().collect::<Result<(), _>>()?;
        done += (end - next) * WIDTH;
        next = end;
        progress(done, head.size);
    }
    if let Some(earlier) = earlier
        && tree.root_at(earlier.size)? != earlier.root
    {
        return Err(VerifyError::Forked { size: earlier.size });
    }
    Ok(Verified { size: head.size, root: head.root, entries_hashed: done - pruned, pruned, torn })
}

/// What changes in a folder whenever a writer replaces or removes files in it.
#[derive(PartialEq)]
pub(crate) struct State {
    checkpoint: Option<Vec<u8>>,
    pruned: Option<Vec<u8>>,
    segments: Vec<u64>,
}

/// The state of a folder.
pub(crate) fn state(dir: &Dir) -> Result<State, VerifyError> {
    let files = files(dir)?;
    let read = |name| files.read(name, checkpoint::MAX_BYTES);
    Ok(State { checkpoint: read(checkpoint::FILE)?, pruned: read(PRUNED_NOTE)?, segments: journal::segments(&files)? })
}

pub(crate) fn files(dir: &Dir) -> Result<Files, FileError> {
    dir.try_clone().map(Files::new).map_err(|source| FileError::new(ROOT, "opened", source))
}

/// The entries of a range, read from the folder without its lock; entries beyond the end and pruned ones are left out.
///
/// They are not checked against any signature: run [`directory`] for that. A server that writes meanwhile can move
/// entries from the journal to tiles under the reader, which then ends with an error; read again.
///
/// # Errors
///
/// [`VerifyError::Directory`] if the checkpoint or the journal cannot be read.
pub fn leaves(dir: &Dir, range: Range<u64>) -> Result<Leaves, VerifyError> {
    let files = files(dir)?;
    let published = match files.read(checkpoint::FILE, checkpoint::MAX_BYTES)? {
        Some(bytes) => checkpoint::unverified_size(&bytes).map_err(Fault::Checkpoint),
        None => Err(Fault::Missing),
    };
    let published = published.map_err(|fault| Damage::new(checkpoint::FILE, fault, 0))?;
    let journal = Journal::read(&files)?;
    check_reach(&files, &journal, published)?;
    let base = journal.spans.first().map_or(published, |span| span.first);
    let end = journal.spans.last().map_or(base, |span| span.end);
    let next = range.start.max(prune::read_unverified(&files)?);
    Ok(Leaves { files, next, end: range.end.min(end), base, frames: journal.frames, bundle: None })
}

/// Entries with their indices, in order. See [`leaves`]. Ends after the first error.
pub struct Leaves {
    files: Files,
    next: u64,
    end: u64,
    // Entries below are in bundles, the others in frames.
    base: u64,
    frames: Vec<Frame>,
    bundle: Option<(u64, Entries)>,
}

impl Iterator for Leaves {
    type Item = Result<(u64, Vec<u8>), VerifyError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        self.next += 1;
        match self.read(index) {
            Ok(entry) => Some(Ok((index, entry))),
            Err(error) => {
                self.next = self.end;
                Some(Err(error.into()))
            }
        }
    }
}

impl Leaves {
    fn read(&mut self, index: u64) -> Result<Vec<u8>, DirectoryError> {
        if index >= self.base {
            let number = self.frames.partition_point(|frame| frame.size <= index);
            let entry = self.frames.get(number).and_then(|frame| frame.entries.get((index - frame.first) as usize));
            return entry
                .map(<[u8]>::to_vec)
                .ok_or_else(|| Damage::new(journal::FOLDER, Fault::EntryLength { index }, self.base).into());
        }
        let number = index / WIDTH;
        let path = TilePath::entries(number, WIDTH.min(self.base - number * WIDTH));
        if self.bundle.as_ref().is_none_or(|(read, _)| *read != number) {
            self.bundle = Some((number, self.files.entries(path)?));
        }
        self.bundle
            .as_ref()
            .and_then(|(_, entries)| entries.get((index % WIDTH) as usize))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Damage::new(path, Fault::EntryLength { index }, path.first_entry()).into())
    }
}
