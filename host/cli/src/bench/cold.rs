//! Files put out of memory, so that whoever opens them next reads the disk; and whether it was the disk that was read.

use anyhow::Context as _;
use std::fs::File;
use std::path::Path;

/// Has the disk take a file, and the system forget what it has of it in memory. It is a wish: of a file that somebody has
/// mapped, or in a file system that is memory itself, nothing is forgotten, and [`disk_bytes`] tells.
pub(super) fn put_out_of_memory(path: &Path) -> anyhow::Result<()> {
    let unread = || format!("cannot put {} out of memory", path.display());
    let file = File::open(path).with_context(unread)?;
    // What the disk has not taken stays in memory.
    file.sync_all().with_context(unread)?;
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).with_context(unread)?;
    Ok(())
}

/// Bytes that this process has had read from disks until now; absent where the system does not say.
pub(super) fn disk_bytes() -> Option<u64> {
    let counted = std::fs::read_to_string("/proc/self/io").ok()?;
    counted.lines().find_map(|line| line.strip_prefix("read_bytes:"))?.trim().parse().ok()
}

/// Bytes that this process has had read from disks since it had read so many.
pub(super) fn disk_bytes_since(before: Option<u64>) -> Option<u64> {
    Some(disk_bytes()?.saturating_sub(before?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_out_of_memory_is_what_it_was_and_comes_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let content = vec![7_u8; 4 << 20];
        std::fs::write(&path, &content).unwrap();
        put_out_of_memory(&path).unwrap();
        let before = disk_bytes();
        assert!(std::fs::read(&path).unwrap() == content, "it is another");
        let read = disk_bytes_since(before);
        assert_eq!(read.is_some(), before.is_some());
        // Where the file system has a device, and is neither memory nor laid over others.
        #[cfg(target_os = "linux")]
        if rustix::fs::major(std::os::unix::fs::MetadataExt::dev(&path.metadata().unwrap())) != 0 {
            assert!(read.is_none_or(|bytes| bytes >= 4096), "{read:?} bytes came from the disk");
        }
        let missing = put_out_of_memory(&folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
    }
}
