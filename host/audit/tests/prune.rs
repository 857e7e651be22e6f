//! A log whose oldest entries were pruned: it verifies, proves, serves and goes on, and nothing else may be missing from it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::common::{
    copy, damage_at_open, damage_when_verified, dir, fill, flip, key, leaf, leaves, open, path, proof,
};
use magistrate_audit::{Fault, Log, PRUNED_NOTE, PruneError, ReadError, Snapshot, files_of, minimum_index, verify};
use tempfile::TempDir;

const SIZE: u64 = 1_100;

/// A log that was closed and opened once, so that everything is in bundles.
fn settled() -> (Log, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, SIZE);
    log.close().unwrap();
    (open(folder.path()).log, folder)
}

fn is_pruned<T: std::fmt::Debug>(read: Result<T, ReadError>, at: u64, kept_from: u64) -> bool {
    matches!(read, Err(ReadError::Pruned { index, minimum }) if (index, minimum) == (at, kept_from))
}

fn verified(folder: &Path) -> verify::Verified {
    let mut last = None;
    let verified =
        verify::directory(&dir(folder), &key(), None, &mut |done, total| last = Some((done, total))).unwrap();
    assert_eq!(last, Some((verified.size, verified.size)), "progress ends at the end");
    assert_eq!(verified.entries_hashed + verified.pruned, verified.size);
    verified
}

fn bundle(folder: &Path, number: u64) -> bool {
    folder.join(format!("tile/entries/{number:03}")).exists()
}

#[test]
fn pruned_entries_are_gone_and_everything_signed_or_proven_stands() {
    let (log, folder) = settled();
    let (checkpoint, before) = (log.checkpoint(), verified(folder.path()));
    assert_eq!((before.pruned, log.minimum_index()), (0, 0));
    assert_eq!(log.pruned_note().unwrap(), None);

    assert_eq!(log.prune(700).unwrap(), 512, "bundles go whole");
    assert_eq!((log.size(), log.minimum_index(), log.checkpoint()), (SIZE, 512, checkpoint.clone()));
    assert!(!bundle(folder.path(), 0) && !bundle(folder.path(), 1) && bundle(folder.path(), 2));
    assert!(is_pruned(log.entry(0), 0, 512) && is_pruned(log.entry(511), 511, 512));
    assert!(is_pruned(log.entries(500..600), 500, 512));
    assert_eq!(log.entry(512).unwrap(), leaf(512));
    assert_eq!(log.entries(512..1_024).unwrap().len(), 512);
    let all = leaves(SIZE);
    for index in [0, 300, 511, 512, 1_000] {
        assert_eq!(log.prove_inclusion(index, SIZE).unwrap(), path(index as usize, &all), "{index}");
    }
    assert_eq!(log.prove_consistency(300, SIZE).unwrap(), proof(300, &all));

    let after = verified(folder.path());
    assert_eq!((after.size, after.root, after.pruned), (before.size, before.root, 512));
    let since = verify::directory(&dir(folder.path()), &key(), Some(&*checkpoint), &mut |_, _| ()).unwrap();
    assert_eq!(since.pruned, 512, "it still begins with what was signed before");
    let read: Vec<_> = verify::leaves(&dir(folder.path()), 0..u64::MAX).unwrap().map(|l| l.unwrap().0).collect();
    assert_eq!(read, (512..SIZE).collect::<Vec<_>>());

    // Less changes nothing; more goes on from there. Then it grows as any log does.
    assert_eq!(log.prune(256).unwrap(), 512);
    fill(&log, SIZE + 100);
    assert_eq!(log.prune(1_024).unwrap(), 1_024);
    log.close().unwrap();
    let opened = open(folder.path());
    assert_eq!((opened.recovered, opened.log.minimum_index(), opened.log.size()), (None, 1_024, SIZE + 100));
    assert!(is_pruned(opened.log.entry(1_023), 1_023, 1_024));
    assert_eq!(verified(folder.path()).pruned, 1_024);
}

#[test]
fn what_is_not_in_bundles_yet_is_not_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 600);
    assert!(matches!(log.prune(512), Err(PruneError::Unsettled { before: 512, settled: 0 })));
    assert!(matches!(log.prune(u64::MAX), Err(PruneError::Unsettled { .. })));
    assert_eq!(log.prune(255).unwrap(), 0, "no whole bundle: nothing to do");
    log.clear_journal(Duration::from_secs(10)).unwrap();
    assert_eq!(log.prune(512).unwrap(), 512);
    log.clone().close().unwrap();
    assert!(matches!(log.prune(513), Ok(512)), "nothing more to say");
    assert!(log.prune(u64::MAX).is_err());
}

#[test]
fn pruned_bundles_are_said_to_be_and_tiles_are_served_for_ever() {
    let (log, _folder) = settled();
    log.prune(512).unwrap();
    for path in ["tile/entries/000", "tile/entries/001", "tile/entries/001.p/7"] {
        assert!(matches!(log.file(path), Err(ReadError::Pruned { minimum: 512, .. })), "{path}");
    }
    assert_eq!(log.file("tile/entries/999").unwrap(), None, "there never was one");
    for path in files_of(SIZE).filter(|path| path.level().is_some() || path.first_entry() >= 512) {
        assert!(log.file(&path.to_string()).unwrap().is_some(), "{path}");
    }
}

#[test]
fn a_copy_of_a_pruned_log_needs_the_logs_word_for_it() {
    let (log, folder) = settled();
    log.prune(512).unwrap();
    log.close().unwrap();
    let copied = tempfile::tempdir().unwrap();
    copy(folder.path(), copied.path());
    let snapshot = Snapshot::open(&dir(copied.path()), &key()).unwrap();
    assert_eq!(snapshot.minimum_index(), 512);
    assert!(is_pruned(snapshot.entry(3), 3, 512));
    snapshot.receipt(3).unwrap().verify(&leaf(3), &key()).unwrap();
    snapshot.extends(&snapshot.checkpoint(), &key()).unwrap();

    let note = fs::read_to_string(copied.path().join(PRUNED_NOTE)).unwrap();
    assert_eq!(minimum_index(&note, &key()), Ok(512));
    for (changed, fault) in [
        (note.replace("\n512\n", "\n256\n"), "no valid signature"),
        ("512\n".to_owned(), "not a note"),
        (String::new(), "not a note"),
    ] {
        fs::write(copied.path().join(PRUNED_NOTE), changed).unwrap();
        for damage in [damage_when_verified(copied.path()), damage_at_open(copied.path())] {
            assert_eq!(damage.file(), PRUNED_NOTE);
            assert!(damage.to_string().contains(fault), "{damage}");
        }
    }
    fs::remove_file(copied.path().join(PRUNED_NOTE)).unwrap();
    let damage = damage_when_verified(copied.path());
    assert_eq!((damage.file(), damage.fault()), ("tile/entries/000", &Fault::Missing));
}

#[test]
fn nothing_else_may_be_missing_or_changed() {
    let (log, folder) = settled();
    log.prune(512).unwrap();
    log.close().unwrap();
    for (name, remove) in [
        ("tile/entries/002", true),
        ("tile/entries/002", false),
        ("tile/0/000", true),
        ("tile/0/000", false),
        ("tile/0/001", false),
    ] {
        let harmed = tempfile::tempdir().unwrap();
        copy(folder.path(), harmed.path());
        let file = harmed.path().join(name);
        if remove {
            fs::remove_file(&file).unwrap()
        } else {
            flip(&file, 40)
        }
        assert_eq!(damage_when_verified(harmed.path()).file(), name, "removed: {remove}");
    }
}

#[test]
fn what_a_crash_kept_from_going_goes_when_the_log_is_opened() {
    let (log, folder) = settled();
    let whole = tempfile::tempdir().unwrap();
    copy(folder.path(), whole.path());
    log.prune(512).unwrap();
    log.close().unwrap();
    // The note was durable, and only one of the bundles had gone; another had been half written once.
    let crashed = tempfile::tempdir().unwrap();
    copy(folder.path(), crashed.path());
    let entries = crashed.path().join("tile/entries");
    fs::copy(whole.path().join("tile/entries/001"), entries.join("001")).unwrap();
    fs::write(entries.join("000.tmp"), b"half").unwrap();
    fs::create_dir_all(entries.join("001.p")).unwrap();
    fs::write(entries.join("001.p/9"), b"narrower").unwrap();
    assert_eq!(verified(crashed.path()).pruned, 512, "what is pruned is not looked at");
    let log = open(crashed.path()).log;
    assert!(is_pruned(log.entry(300), 300, 512));
    for name in ["000", "000.tmp", "001", "001.p"] {
        assert!(!entries.join(name).exists(), "{name}");
    }
    assert_eq!(log.append_blocking(b"next".to_vec()).unwrap().index, SIZE);
}
