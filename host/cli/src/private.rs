//! Folders and files that nobody but their owner may read, whatever the process's mask allows: templates, accounts and
//! documents lie in them in the clear.

use anyhow::Context as _;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Permissions of such a folder.
pub(crate) const FOLDER: u32 = 0o700;

/// Permissions of such a file.
const FILE: u32 = 0o600;

/// What everybody but the owner may do.
const OTHERS: u32 = 0o077;

/// Makes a folder, and those above it that are not there yet. One that is there stays as it is.
pub(crate) fn folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER).create(path);
    made.with_context(|| format!("cannot make {}", path.display()))
}

/// The same, and one that is there is taken from everybody but its owner: for folders in which others make files.
pub(crate) fn only_owners(path: &Path) -> anyhow::Result<()> {
    folder(path)?;
    let now = path.metadata().with_context(|| format!("cannot read {}", path.display()))?.permissions();
    if now.mode() & OTHERS != 0
        && let Err(e) = std::fs::set_permissions(path, Permissions::from_mode(FOLDER))
    {
        // Its owner is somebody else, who lets this program in.
        tracing::warn!(path = %path.display(), %e, "others may read this folder, which holds what is personal: take it from them");
    }
    Ok(())
}

/// Writes a file; what it held before is gone.
pub(crate) fn file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE).open(path)?;
        // One that was there may have been for everybody.
        file.set_permissions(Permissions::from_mode(FILE))?;
        file.write_all(content)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// A folder for what a server is going to answer. What it does is on record, so that a folder which cannot be had is found out
/// before. One that was made for nothing goes again.
pub(crate) struct Awaiting<'p> {
    path: &'p Path,
    made: bool,
}

impl<'p> Awaiting<'p> {
    /// Makes the folder, if it is not there.
    pub(crate) fn at(path: &'p Path) -> anyhow::Result<Self> {
        let made = !path.exists();
        folder(path)?;
        Ok(Self { path, made })
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        if self.made {
            // That fails where there is anything in it.
            let _ = std::fs::remove_dir(self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_reads_what_is_made_here() {
        let home = tempfile::tempdir().unwrap();
        let (deep, written) = (home.path().join("a/b"), home.path().join("a/b/c"));
        folder(&deep).unwrap();
        file(&written, b"x").unwrap();
        assert_eq!((mode(&home.path().join("a")), mode(&deep), mode(&written)), (0o700, 0o700, 0o600));
        std::fs::set_permissions(&written, Permissions::from_mode(0o644)).unwrap();
        file(&written, b"y").unwrap();
        assert_eq!((mode(&written), std::fs::read(&written).unwrap()), (0o600, b"y".to_vec()));

        std::fs::set_permissions(&deep, Permissions::from_mode(0o755)).unwrap();
        folder(&deep).unwrap();
        assert_eq!(mode(&deep), 0o755, "whoever made it may have had a reason");
        only_owners(&deep).unwrap();
        assert_eq!(mode(&deep), 0o700);
        assert!(folder(&written).is_err() && file(&deep, b"x").is_err());
    }

    #[test]
    fn a_folder_that_nothing_came_into_goes_again_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let (empty, full, old) = (home.path().join("empty"), home.path().join("full"), home.path().join("old"));
        std::fs::create_dir(&old).unwrap();
        for folder in [&empty, &full, &old] {
            let awaiting = Awaiting::at(folder).unwrap();
            assert!(folder.is_dir());
            if folder == &full {
                file(&folder.join("x"), b"x").unwrap();
            }
            drop(awaiting);
        }
        assert!(!empty.exists() && full.join("x").is_file() && old.is_dir());
        assert!(Awaiting::at(&full.join("x")).is_err());
    }
}
