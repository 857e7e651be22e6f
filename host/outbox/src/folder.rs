//! Message files. One is there whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::DeliveryError;

/// Tells apart the unfinished files of deliveries at the same time.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Permissions of a folder that is made here: notices name people.
const PRIVATE: u32 = 0o700;

/// Writes `folder/name`, durably; one that is there already is left as it is. Blocks.
///
/// # Errors
/// The system's, naming the file.
pub(crate) fn write(folder: &Path, name: &str, message: &[u8]) -> Result<PathBuf, DeliveryError> {
    let path = folder.join(name);
    let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!(".{name}.{}.{number}", std::process::id()));
    match write_through(folder, &path, &unfinished, message) {
        Ok(()) => Ok(path),
        Err(error) => {
            // If this fails too, what stays is a hidden file that nobody takes for a notice.
            let _ = fs::remove_file(&unfinished);
            Err(DeliveryError::Folder { path, reason: error.to_string() })
        }
    }
}

fn write_through(folder: &Path, path: &Path, unfinished: &Path, message: &[u8]) -> io::Result<()> {
    // A host that does not start may say so before it has made any other folder.
    DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    if !path.try_exists()? {
        let mut file = File::create_new(unfinished)?;
        file.write_all(message)?;
        file.sync_all()?;
        drop(file);
        fs::rename(unfinished, path)?;
    }
    // The name is in the folder: without this a power cut could take it back. Also for a file found there, whose writer
    // may have got no further than the renaming.
    File::open(folder)?.sync_all()
}
