//! The log's folder: reading its files, and writing them so that a crash leaves either the old content or the new.
//!
//! Everything goes through the one directory handle the log was given; no path leads out of it.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};

use cap_std::fs::{Dir, OpenOptions};

use crate::entries::Entries;
use crate::error::{Damage, DirectoryError, Fault, FileError};
use crate::path::{TilePath, WIDTH};
use crate::tile::{FULL_BYTES, Tile};
use crate::{Hash, MAX_LEAF_BYTES};

/// The log's folder itself, seen from within.
pub(crate) const ROOT: &str = ".";

/// The file whose lock the writing process holds.
pub(crate) const LOCK: &str = "lock";

/// The folder of all tiles and bundles.
pub(crate) const TILES: &str = "tile";

/// Added to a file's name while it is being written. A file that a crash leaves behind under such a name is overwritten
/// by the next attempt and read by nobody.
pub(crate) const TEMPORARY: &str = ".tmp";

/// The longest entry bundle: 256 of the longest leaves with their lengths.
const MAX_BUNDLE_BYTES: u64 = WIDTH * (MAX_LEAF_BYTES as u64 + 2);

/// A point at which tests make the disk fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A journal frame is written.
    JournalWrite,
    /// A journal frame, written, is made durable.
    JournalSync,
    /// What never became durable is cut off the journal.
    JournalCut,
    /// A tile, a bundle or the checkpoint is written.
    Replace,
    /// A bundle is pruned.
    Prune,
    /// A segment that has served is overwritten.
    Wipe,
}

/// See the module.
pub(crate) struct Files {
    dir: Dir,
    #[cfg(test)]
    broken: std::sync::Mutex<Vec<Step>>,
}

impl Files {
    pub(crate) fn new(dir: Dir) -> Self {
        Self {
            dir,
            #[cfg(test)]
            broken: std::sync::Mutex::default(),
        }
    }

    /// Another handle on the same folder.
    pub(crate) fn again(&self) -> Result<Dir, FileError> {
        self.dir.try_clone().map_err(|source| FileError::new(ROOT, "opened again", source))
    }

    /// From now on these steps fail, or none.
    #[cfg(test)]
    pub(crate) fn fail_at(&self, steps: impl IntoIterator<Item = Step>) {
        *self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = steps.into_iter().collect();
    }

    #[cfg(test)]
    pub(crate) fn check(&self, step: Step) -> io::Result<()> {
        let broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if broken.contains(&step) { Err(io::Error::other("injected by a test")) } else { Ok(()) }
    }

    #[cfg(not(test))]
    pub(crate) fn check(&self, _step: Step) -> io::Result<()> {
        Ok(())
    }

    /// The content of a file, `None` if there is none. At most one byte more than `limit` is read, so that a hostile
    /// file costs no more memory than an honest one; the caller compares lengths.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let failed = |source| FileError::new(path, "read", source);
        let file = match self.dir.open(path) {
            Ok(file) => file.into_std(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let length = file.metadata().map_err(failed)?.len();
        let mut bytes = Vec::with_capacity(length.min(limit) as usize + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Reads a tile.
    pub(crate) fn tile(&self, path: TilePath) -> Result<Tile, DirectoryError> {
        let damaged = |fault| Damage::new(path, fault, path.first_entry());
        let bytes = self.read(&path.to_string(), FULL_BYTES)?.ok_or_else(|| damaged(Fault::Missing))?;
        let expected = path.width() * size_of::<Hash>() as u64;
        match Tile::from_bytes(&bytes) {
            Some(tile) if bytes.len() as u64 == expected => Ok(tile),
            _ => Err(damaged(Fault::Length { expected, found: bytes.len() as u64 }).into()),
        }
    }

    /// Reads an entry bundle.
    pub(crate) fn entries(&self, path: TilePath) -> Result<Entries, DirectoryError> {
        let first = path.first_entry();
        let damaged = |fault| Damage::new(path, fault, first);
        let bytes = self.read(&path.to_string(), MAX_BUNDLE_BYTES)?.ok_or_else(|| damaged(Fault::Missing))?;
        Entries::parse(bytes, path.width() as usize)
            .map_err(|number| damaged(Fault::EntryLength { index: first + number as u64 }).into())
    }

    /// Whether there is a file or folder of that name.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, FileError> {
        self.dir.try_exists(path).map_err(|source| FileError::new(path, "looked up", source))
    }

    /// The names in a folder, in no order; none if there is no such folder.
    pub(crate) fn names(&self, folder: &str) -> Result<Vec<String>, FileError> {
        let failed = |source| FileError::new(folder, "listed", source);
        let listing = match self.dir.read_dir(folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in listing {
            // A name that is not UTF-8 is none of the log's.
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Puts a whole file in place: written under another name, synced, renamed. Durable only after
    /// [`sync_folder`](Self::sync_folder).
    pub(crate) fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let failed = |source| FileError::new(path, "written", source);
        self.check(Step::Replace).map_err(failed)?;
        let temporary = format!("{path}{TEMPORARY}");
        let mut file = match self.dir.create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some((folder, _)) = path.rsplit_once('/') {
                    self.dir.create_dir_all(folder).map_err(failed)?;
                }
                self.dir.create(&temporary).map_err(failed)?
            }
            created => created.map_err(failed)?,
        };
        file.write_all(bytes).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        self.dir.rename(&temporary, &self.dir, path).map_err(failed)
    }

    /// Creates a file that must not exist yet, with its folder, for writing.
    pub(crate) fn create_new(&self, path: &str) -> Result<File, FileError> {
        let failed = |source| FileError::new(path, "created", source);
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.dir.create_dir_all(folder).map_err(failed)?;
        }
        let file = self.dir.open_with(path, OpenOptions::new().write(true).create_new(true)).map_err(failed)?;
        Ok(file.into_std())
    }

    /// Opens a file that is there, to overwrite what is in it.
    pub(crate) fn open_to_write(&self, path: &str) -> Result<File, FileError> {
        let opened = self.dir.open_with(path, OpenOptions::new().write(true));
        opened.map(cap_std::fs::File::into_std).map_err(|source| FileError::new(path, "opened", source))
    }

    /// Gives a file another name. Durable only after [`sync_folder`](Self::sync_folder).
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        self.dir.rename(from, &self.dir, to).map_err(|source| FileError::new(from, "renamed", source))
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, folder: &str) -> Result<(), FileError> {
        // Opened as a file: the handles of `Dir` are made for looking names up only (O_PATH) and cannot be synced.
        self.dir
            .open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| FileError::new(folder, "synced", source))
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, path: &str) -> Result<(), FileError> {
        match self.dir.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new(path, "removed", error)),
            _ => Ok(()),
        }
    }

    /// Removes an empty folder, if it is there.
    pub(crate) fn remove_folder(&self, path: &str) -> Result<(), FileError> {
        match self.dir.remove_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new(path, "removed", error)),
            _ => Ok(()),
        }
    }

    /// Takes the lock that keeps a second writer out, for as long as the returned file is open; `None` if it is taken.
    pub(crate) fn lock(&self) -> Result<Option<File>, FileError> {
        let failed = |source| FileError::new(LOCK, "locked", source);
        let options = OpenOptions::new().read(true).write(true).create(true).clone();
        let file = self.dir.open_with(LOCK, &options).map_err(failed)?.into_std();
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Adds the folders that `path` lies in, up to the root, to a set of folders to be synced.
pub(crate) fn add_folders(path: &str, folders: &mut BTreeSet<String>) {
    let mut rest = path;
    while let Some((folder, _)) = rest.rsplit_once('/') {
        folders.insert(folder.to_owned());
        rest = folder;
    }
    folders.insert(ROOT.to_owned());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_locked_once() {
        let temporary = tempfile::tempdir().unwrap();
        let open = || Files::new(Dir::open_ambient_dir(temporary.path(), cap_std::ambient_authority()).unwrap());
        let files = open();
        assert_eq!(files.read("a/b/c", 10).unwrap(), None);
        assert_eq!(files.names("a").unwrap(), Vec::<String>::new());
        files.replace("a/b/c", b"one").unwrap();
        files.replace("a/b/c", b"three").unwrap();
        assert_eq!(files.read("a/b/c", 10).unwrap().unwrap(), b"three");
        assert_eq!(files.read("a/b/c", 2).unwrap().unwrap(), b"thr");
        assert_eq!(files.names("a/b").unwrap(), ["c"]);
        for folder in ["a/b", "a", ROOT] {
            files.sync_folder(folder).unwrap();
        }
        assert!(files.create_new("a/b/c").is_err());
        files.remove("a/b/c").unwrap();
        files.remove("a/b/c").unwrap();
        files.remove_folder("a/b").unwrap();
        files.remove_folder("a/b").unwrap();

        let lock = files.lock().unwrap();
        assert!(lock.is_some());
        assert!(open().lock().unwrap().is_none());
        drop(lock);
        assert!(open().lock().unwrap().is_some());
    }

    #[test]
    fn folders_are_listed_up_to_the_root() {
        let mut folders = BTreeSet::new();
        add_folders("tile/0/x001/234.p/5", &mut folders);
        add_folders("checkpoint", &mut folders);
        assert_eq!(Vec::from_iter(folders), [".", "tile", "tile/0", "tile/0/x001", "tile/0/x001/234.p"]);
    }
}
