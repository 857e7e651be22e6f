//! Segments that have done their service, wiped, for the next ones to be written into.
//!
//! Once its entries are in tiles a segment goes. A few are not removed, but renamed, overwritten with [room](crate::room) and kept
//! until the writer begins the next segment: in a file that is as long as it will get it has the disk wait for nothing but its frames.
//! What was in such a segment is gone, as it would be had the file been removed; no name of a spare is one of a segment, and whoever
//! opens a log removes what a crash left of them.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::FileError;
use crate::files::Files;
use crate::journal::{FOLDER, HEADER_BYTES, Span, header};
use crate::room;

/// Kept at a time, at most: one that is about to be taken while the next one is wiped.
const MOST: usize = 2;

/// What the names of spares begin with; the name of what they were follows.
const PREFIX: &str = "spare.";

/// Written at a time.
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

    /// Makes a spare of a segment whose entries are in tiles, or has it removed where there are enough: nothing of it is in the
    /// folder when this returns, and that is durable.
    pub(crate) fn retire(&self, files: &Files, span: Span) -> Result<(), FileError> {
        if self.lock().len() >= MOST {
            return remove(files, &span.file());
        }
        let (segment, name) = (span.file(), name(span));
        files.rename(&segment, &name)?;
        files.sync_folder(FOLDER)?;
        match wipe(files, &name, span.bytes) {
            Ok(spare) => {
                self.lock().push(spare);
                Ok(())
            }
            // What cannot be overwritten can be removed, or else that is the error.
            Err(_) => remove(files, &name),
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

fn name(span: Span) -> String {
    format!("{FOLDER}/{PREFIX}{:020}", span.first)
}

/// Removes a segment, durably.
pub(crate) fn remove(files: &Files, path: &str) -> Result<(), FileError> {
    files.remove(path)?;
    files.sync_folder(FOLDER)
}

/// Makes a segment of which so many bytes are not room as good as new, durably.
fn wipe(files: &Files, name: &str, bytes: u64) -> Result<Spare, FileError> {
    let failed = |source| FileError::new(name, "wiped", source);
    let mut file = files.open_to_write(name)?;
    let seed = rand::random();
    overwrite(&mut file, seed, bytes).map_err(failed)?;
    let end = file.metadata().map_err(failed)?.len();
    Ok(Spare { name: name.to_owned(), seed, file, end })
}

fn overwrite(file: &mut File, seed: u32, bytes: u64) -> io::Result<()> {
    let mut room = Vec::new();
    room::extend(&mut room, 0, CHUNK);
    let mut chunk = room.clone();
    chunk[..HEADER_BYTES].copy_from_slice(&header(seed));
    let mut left = bytes;
    while left > 0 {
        let length = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&chunk[..length])?;
        left -= length as u64;
        chunk.clone_from(&room);
    }
    file.sync_data()
}
