//! Folders that a crash tore or a hand edited: what was never acknowledged is dropped, everything else is named.

use std::fs;

use crate::common::{
    copy, damage_at_open, damage_when_read, damage_when_verified, fill, flip, journal, leaf, open, try_open, verified,
};
use magistrate_audit::{Fault, OpenError, Recovery};
use tempfile::TempDir;

/// A folder as a crash leaves it after four appends, each a journal frame of its own.
struct Crash {
    folder: TempDir,
    /// The journal.
    whole: Vec<u8>,
    /// Where the last frame begins.
    last: usize,
    /// The checkpoint after three appends, and after four.
    three: String,
    four: String,
}

impl Crash {
    fn new() -> Self {
        let live = tempfile::tempdir().unwrap();
        let log = open(live.path()).log;
        for index in 0..3 {
            log.append_blocking(leaf(index)).unwrap();
        }
        let last = fs::metadata(journal(live.path())).unwrap().len() as usize;
        let three = log.checkpoint().to_string();
        log.append_blocking(leaf(3)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(live.path(), folder.path());
        let whole = fs::read(journal(folder.path())).unwrap();
        Self { folder, whole, last, three, four: log.checkpoint().to_string() }
    }

    /// The same with another journal and another published checkpoint.
    fn with(&self, bytes: &[u8], published: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        fs::write(journal(folder.path()), bytes).unwrap();
        fs::write(folder.path().join("checkpoint"), published).unwrap();
        folder
    }
}

#[test]
fn a_torn_last_frame_is_dropped_wherever_it_is_cut() {
    let crash = Crash::new();
    for cut in crash.last..crash.whole.len() {
        let folder = crash.with(&crash.whole[..cut], &crash.three);
        assert_eq!(verified(folder.path()).0, 3, "cut at {cut}");
        let opened = open(folder.path());
        let dropped_bytes = (cut - crash.last) as u64;
        assert_eq!(opened.recovered, Some(Recovery { entries: 3, dropped_bytes }), "cut at {cut}");
        assert_eq!(*opened.log.checkpoint(), crash.three);
        assert_eq!(opened.log.append_blocking(b"next".to_vec()).unwrap().index, 3);
        opened.log.close().unwrap();
        assert_eq!(verified(folder.path()).0, 4);
    }
}

#[test]
fn a_broken_last_frame_is_dropped_wherever_it_is_broken() {
    let crash = Crash::new();
    for offset in crash.last..crash.whole.len() {
        let mut bytes = crash.whole.clone();
        bytes[offset] ^= 0x01;
        let folder = crash.with(&bytes, &crash.three);
        let opened = open(folder.path());
        let dropped_bytes = (crash.whole.len() - crash.last) as u64;
        assert_eq!(opened.recovered, Some(Recovery { entries: 3, dropped_bytes }), "broken at {offset}");
        assert_eq!(opened.log.size(), 3);
    }
}

#[test]
fn a_last_frame_that_was_published_cannot_be_dropped() {
    let crash = Crash::new();
    for cut in [16, crash.last, crash.last + 1, crash.whole.len() - 1] {
        let folder = crash.with(&crash.whole[..cut], &crash.four);
        let damage = damage_at_open(folder.path());
        assert!(damage.file().starts_with("journal/"), "{damage}");
        let found = if cut == 16 { 0 } else { 3 };
        assert_eq!(*damage.fault(), Fault::Behind { promised: 4, found });
        assert_eq!(damage.intact_below(), found);
        assert_eq!(damage_when_verified(folder.path()), damage);
    }
}

#[test]
fn an_earlier_frame_that_is_broken_is_damage_wherever_it_is() {
    let crash = Crash::new();
    for offset in 0..crash.last {
        let mut bytes = crash.whole.clone();
        bytes[offset] ^= 0x01;
        let folder = crash.with(&bytes, &crash.three);
        let damage = damage_at_open(folder.path());
        assert!(damage.file().starts_with("journal/"), "broken at {offset}: {damage}");
        assert!(damage.intact_below() <= 2, "broken at {offset}: {damage}");
        // Nothing was repaired in passing.
        assert_eq!(fs::read(journal(folder.path())).unwrap(), bytes);
    }
}

#[test]
fn a_missing_segment_or_checkpoint_is_noticed() {
    let crash = Crash::new();
    let folder = crash.with(&crash.whole, &crash.four);
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let damage = damage_at_open(folder.path());
    assert_eq!((damage.file(), damage.fault()), ("checkpoint", &Fault::Missing));

    // A checkpoint over entries of which there is no trace.
    let folder = crash.with(&crash.whole, &crash.four);
    fs::remove_file(journal(folder.path())).unwrap();
    assert_eq!(*damage_at_open(folder.path()).fault(), Fault::Missing);

    // A journal that begins later than the files beside it end.
    let folder = crash.with(&crash.whole, &crash.four);
    let segment = journal(folder.path());
    fs::rename(&segment, segment.with_file_name(format!("{:020}", 7))).unwrap();
    assert!(try_open(folder.path()).is_err());
}

/// A closed log of 600 entries: two full tiles and bundles, and three growing ones.
fn closed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 600);
    log.close().unwrap();
    folder
}

#[test]
fn a_flipped_byte_is_reported_with_the_name_of_its_file() {
    let sound = closed();
    for (name, first, noticed_at_open) in [
        ("checkpoint", 0, true),
        ("tile/0/000", 0, false),
        ("tile/0/001", 256, false),
        ("tile/0/002.p/88", 512, true),
        ("tile/1/000.p/2", 0, true),
        ("tile/entries/000", 0, false),
        ("tile/entries/001", 256, false),
        ("tile/entries/002.p/88", 512, true),
    ] {
        let length = fs::metadata(sound.path().join(name)).unwrap().len() as usize;
        for offset in [0, 1, length / 2, length - 1] {
            let folder = tempfile::tempdir().unwrap();
            copy(sound.path(), folder.path());
            flip(&folder.path().join(name), offset);
            let damage = damage_when_verified(folder.path());
            assert_eq!((damage.file(), damage.intact_below()), (name, first), "byte {offset}: {damage}");
            if noticed_at_open {
                assert_eq!(damage_at_open(folder.path()), damage);
            } else {
                open(folder.path());
            }
        }
    }
}

#[test]
fn a_missing_or_cut_file_is_reported_by_name() {
    let sound = closed();
    for name in ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88"] {
        let folder = tempfile::tempdir().unwrap();
        copy(sound.path(), folder.path());
        let file = folder.path().join(name);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(damage_when_verified(folder.path()).file(), name);
        fs::write(&file, [bytes.as_slice(), &[0]].concat()).unwrap();
        assert_eq!(damage_when_verified(folder.path()).file(), name);
        fs::remove_file(&file).unwrap();
        let damage = damage_when_verified(folder.path());
        assert_eq!((damage.file(), damage.fault()), (name, &Fault::Missing));
    }
}

#[test]
fn damaged_files_are_not_believed_when_read() {
    let folder = closed();
    flip(&folder.path().join("tile/0/000"), 100);
    flip(&folder.path().join("tile/entries/001"), 100);
    let log = open(folder.path()).log;
    assert_eq!(damage_when_read(log.prove_inclusion(7, 600)).file(), "tile/0/000");
    assert_eq!(damage_when_read(log.entry(7)).file(), "tile/0/000");
    assert_eq!(damage_when_read(log.entries(256..512)).file(), "tile/entries/001");
    // The rest of the log works, and goes on.
    assert_eq!(log.entry(599).unwrap(), leaf(599));
    assert_eq!(log.append_blocking(leaf(600)).unwrap().index, 600);
    log.prove_inclusion(300, 601).unwrap();
}

#[test]
fn a_journal_that_is_a_folder_is_an_error_and_not_a_panic() {
    let crash = Crash::new();
    let folder = crash.with(&crash.whole, &crash.four);
    let segment = journal(folder.path());
    fs::remove_file(&segment).unwrap();
    fs::create_dir(&segment).unwrap();
    assert!(matches!(try_open(folder.path()), Err(OpenError::Directory(_))));
}
