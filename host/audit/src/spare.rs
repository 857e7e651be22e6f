//! Segments that have done their service, wiped, for the next ones to be written into.
//!
//! Once its entries are in tiles a segment goes. A few are not removed, but renamed, overwritten with [room](crate::room) and kept
//! until the writer begins the next segment: in a file that is as long as it will get it has the disk wait for nothing but its frames.
//! What was in such a segment is gone, as it would be had the file been removed; no name of a spare is one of a segment, and whoever
//! opens a log removes what a crash left of them.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::FileError;
use crate::files::{Files, Step};
use crate::journal::{FOLDER, HEADER_BYTES, Span, header};
use crate::pace::Pace;
use crate::room;
use crate::tree::Tree;

/// Kept at a time, at most: one that is about to be taken while the next one is wiped.
const MOST: usize = 2;

/// What the names of spares begin with; what they were called follows, or something of no meaning.
const PREFIX: &str = "spare.";

/// Written at a time, a multiple of the pattern's length.
const CHUNK: usize = 1 << 20;

/// A segment without frames that has room.
pub(crate) struct Spare {
    pub(crate) name: String,
    /// The one in its header.
    pub(crate) seed: u32,
    pub(crate) file: File,
    /// Where its room ends.
    pub(crate) end: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Spares(Mutex<Vec<Spare>>);

impl Spares {
    /// One of them, if there is any.
    pub(crate) fn take(&self) -> Option<Spare> {
        self.lock().pop()
    }

    /// Sees to it that there is one, if only an empty file: to make one takes longer than the writer should wait.
    pub(crate) fn prepare(&self, files: &Files) -> Result<(), FileError> {
        if !self.lock().is_empty() {
            return Ok(());
        }
        // Not the name of one that was taken just now, and that the writer is about to rename.
        let spare = fresh(files, format!("{FOLDER}/{PREFIX}{:08x}", rand::random::<u32>()))?;
        self.lock().push(spare);
        Ok(())
    }

    /// Makes a spare of a segment whose entries are in tiles, or has it removed where there are enough: nothing of it is in the
    /// folder when this returns, and that is durable.
    pub(crate) fn retire(&self, tree: &Tree, span: Span, pace: &Pace<'_>) -> Result<(), FileError> {
        let files = &tree.files;
        let segment = span.file();
        if self.lock().len() >= MOST {
            return remove(files, &segment);
        }
        let name = format!("{FOLDER}/{PREFIX}{:020}", span.first);
        files.rename(&segment, &name)?;
        files.sync_folder(FOLDER)?;
        pace.underway().step();
        match wipe(tree, &name, span.bytes, pace)? {
            Some(spare) => {
                self.lock().push(spare);
                Ok(())
            }
            // What cannot be overwritten can be removed, or else that is the error.
            None => remove(files, &name),
        }
    }

    /// Removes all of them, and what a crash left of others.
    pub(crate) fn clear(&self, files: &Files) -> Result<(), FileError> {
        self.lock().clear();
        let mut names = files.names(FOLDER)?;
        names.retain(|name| name.starts_with(PREFIX));
        for name in &names {
            files.remove(&format!("{FOLDER}/{name}"))?;
        }
        if names.is_empty() { Ok(()) } else { files.sync_folder(FOLDER) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Spare>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new file with a header and no more, durably.
pub(crate) fn fresh(files: &Files, name: String) -> Result<Spare, FileError> {
    let seed = rand::random();
    let mut file = files.create_new(&name)?;
    let written = file.write_all(&header(seed)).and_then(|()| file.sync_all());
    written.map_err(|source| FileError::new(&name, "created", source))?;
    files.sync_folder(FOLDER)?;
    Ok(Spare { name, seed, file, end: HEADER_BYTES as u64 })
}

/// Removes a segment, durably.
pub(crate) fn remove(files: &Files, path: &str) -> Result<(), FileError> {
    files.remove(path)?;
    files.sync_folder(FOLDER)
}

/// Makes a segment of which so many bytes are not room as good as new, durably; `None` where the disk does not let it.
fn wipe(tree: &Tree, name: &str, bytes: u64, pace: &Pace<'_>) -> Result<Option<Spare>, FileError> {
    let failed = |source| FileError::new(name, "wiped", source);
    let mut file = tree.files.open_to_write(name)?;
    let end = file.metadata().map_err(failed)?.len();
    let (mut room, seed) = (Vec::new(), rand::random());
    room::extend(&mut room, 0, CHUNK);
    let mut left = bytes;
    while left > 0 {
        let begun = Instant::now();
        let length = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        // Bit by bit: whoever syncs a frame meanwhile waits for no more than one.
        let written = tree.files.check(Step::Wipe).and_then(|()| file.write_all(&room[..length]));
        if written.and_then(|()| if pace.is_hurried() { Ok(()) } else { file.sync_data() }).is_err() {
            return Ok(None);
        }
        left -= length as u64;
        pace.rest(tree, begun)?;
    }
    let headed = file.rewind().and_then(|()| file.write_all(&header(seed))).and_then(|()| file.sync_data());
    Ok(headed.is_ok().then(|| Spare { name: name.to_owned(), seed, file, end }))
}
