//! Folders in which something is made before it is whole, and that go with whoever made them: at the end, when it failed, and
//! when somebody stops the program.

use crate::private;
use anyhow::{Context as _, bail};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The folders there are, and whether somebody listens for signals.
static THERE_ARE: Mutex<(Vec<PathBuf>, bool)> = Mutex::new((Vec::new(), false));

/// How often a folder is tried to be removed while other threads still write there: they come to an end, or wait to settle it.
const TRIES: usize = 1_000;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// A command that a signal ended ends with this and the signal's number, as a shell says it.
const SIGNALLED: i32 = 128;

/// A folder that is there as long as this.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    /// A folder in another one, for its owner alone.
    pub(crate) fn private(parent: &Path, prefix: &str) -> anyhow::Result<Self> {
        Self::make(parent, prefix, private::FOLDER)
    }

    /// A folder in another one, which is to be a folder like others.
    pub(crate) fn common(parent: &Path, prefix: &str) -> anyhow::Result<Self> {
        Self::make(parent, prefix, 0o777)
    }

    fn make(parent: &Path, prefix: &str, mode: u32) -> anyhow::Result<Self> {
        let mut there_are = there_are();
        if !there_are.1 {
            listen().context("cannot listen for signals")?;
            there_are.1 = true;
        }
        // Under the lock: a signal in between finds it, or there is none.
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix(prefix).permissions(Permissions::from_mode(mode)).tempdir_in(parent);
        let folder = folder.with_context(|| format!("cannot make a folder in {}", parent.display()))?;
        there_are.0.push(folder.path().to_owned());
        Ok(Self { folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it its place, where it stays; an empty folder there is replaced.
    pub(crate) fn settle(self, place: &Path) -> anyhow::Result<()> {
        let moved = {
            // Either it has its place before a signal is heeded, or it is swept and never gets there.
            let _there_are = there_are();
            let _ = std::fs::remove_dir(place);
            std::fs::rename(self.path(), place)
        };
        moved.with_context(|| format!("cannot make {}", place.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut there_are = there_are();
        // As long as it is known: a signal meanwhile ends the program once it is gone. One that has its place is not here.
        let _ = std::fs::remove_dir_all(self.path());
        there_are.0.retain(|folder| folder != self.path());
    }
}

/// The folder that something new is to have its place in, made where there is none. Nothing is at the place yet, or an empty folder.
pub(crate) fn room_for(place: &Path) -> anyhow::Result<&Path> {
    if place.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty: name a folder that does not exist yet", place.display());
    }
    let parent = match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    Ok(parent)
}

fn there_are() -> MutexGuard<'static, (Vec<PathBuf>, bool)> {
    THERE_ARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program at the first signal that asks for it, without what is half made.
fn listen() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [interrupted, terminated] = kinds.map(|kind| {
        let _in = runtime.enter();
        signal(kind)
    });
    let (mut interrupted, mut terminated) = (interrupted?, terminated?);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = interrupted.recv() => SignalKind::interrupt().as_raw_value(),
                _ = terminated.recv() => SignalKind::terminate().as_raw_value(),
            }
        });
        end_by(number);
    })?;
    Ok(())
}

fn end_by(signal: i32) {
    // Held to the end: no other is made.
    let left = there_are();
    for folder in &left.0 {
        sweep(folder);
    }
    std::process::exit(SIGNALLED + signal)
}

fn sweep(folder: &Path) {
    for _ in 0..TRIES {
        let _ = std::fs::remove_dir_all(folder);
        if !folder.exists() {
            // Whoever was about to write there makes it again.
            std::thread::sleep(PAUSE);
            if !folder.exists() {
                return;
            }
        }
        std::thread::sleep(PAUSE);
    }
    eprintln!("{} could not be removed: remove it", folder.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &Path) -> bool {
        there_are().0.iter().any(|folder| folder == path)
    }

    #[test]
    fn a_folder_goes_with_whoever_made_it_unless_it_has_its_place() {
        let home = tempfile::tempdir().unwrap();
        let scratch = Scratch::private(home.path(), ".making-").unwrap();
        let path = scratch.path().to_owned();
        std::fs::write(path.join("half"), "x").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(listed(&path));
        drop(scratch);
        assert!(!path.exists() && !listed(&path));

        let (scratch, place) = (Scratch::common(home.path(), ".making-").unwrap(), home.path().join("whole"));
        let path = scratch.path().to_owned();
        std::fs::write(path.join("all"), "x").unwrap();
        std::fs::create_dir(&place).unwrap();
        scratch.settle(&place).unwrap();
        assert!(place.join("all").is_file() && !path.exists() && !listed(&path));

        let scratch = Scratch::common(home.path(), ".making-").unwrap();
        let path = scratch.path().to_owned();
        assert!(scratch.settle(&place).is_err(), "what is there is not replaced");
        assert!(!path.exists() && place.join("all").is_file());
        assert!(Scratch::common(&home.path().join("none"), ".making-").is_err());
    }

    #[test]
    fn there_is_room_where_nothing_is_and_the_folders_above_are_made() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("a/b/new");
        assert_eq!(room_for(&place).unwrap(), home.path().join("a/b"));
        assert!(home.path().join("a/b").is_dir() && !place.exists());
        assert_eq!(room_for(Path::new("new-and-nowhere-else")).unwrap(), Path::new("."));
        std::fs::create_dir(&place).unwrap();
        assert!(room_for(&place).is_ok(), "it is empty");
        std::fs::write(place.join("kept"), "x").unwrap();
        assert!(room_for(&place).unwrap_err().to_string().contains("is not empty"));
    }

    #[test]
    fn a_folder_that_is_swept_is_gone_with_all_in_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("half-made");
        std::fs::create_dir_all(folder.join("certs")).unwrap();
        std::fs::write(folder.join("certs/ca-key.pem"), "x").unwrap();
        sweep(&folder);
        assert!(!folder.exists());
        sweep(&folder);
    }
}
