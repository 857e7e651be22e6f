//! What rides on entries: durable with them, given out after a crash, gone from the folder once released.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common::{ORIGIN, copy, dir, journal, key, leaf, open, signer, try_open, verified};
use magistrate_audit::{AppendError, Log, MAX_RIDER_BYTES, OpenError, Prepared, Snapshot};

/// Longer than a journal takes that nothing rides on.
const PATIENCE: Duration = Duration::from_secs(10);

fn prepare(folder: &Path) -> Prepared {
    Log::prepare(dir(folder), ORIGIN, signer()).unwrap()
}

fn append_with(log: &Log, leaf: Vec<u8>, rider: &[u8]) -> Result<u64, AppendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.append_with(leaf, rider.to_vec())).map(|appended| appended.index)
}

/// Whether any file under the folder holds these bytes. One that was renamed or deleted meanwhile holds nothing.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, needle)
        } else {
            match fs::read(&path) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
                bytes => bytes.unwrap().windows(needle.len()).any(|window| window == needle),
            }
        }
    })
}

#[test]
fn what_was_not_released_is_given_out_after_a_crash() {
    let live = tempfile::tempdir().unwrap();
    let log = open(live.path()).log;
    append_with(&log, leaf(0), b"the first rider").unwrap();
    append_with(&log, leaf(1), b"").unwrap();
    append_with(&log, leaf(2), b"the second rider").unwrap();
    let crashed = tempfile::tempdir().unwrap();
    copy(live.path(), crashed.path());

    assert!(matches!(try_open(crashed.path()), Err(OpenError::Riders)), "opening would drop them");
    let prepared = prepare(crashed.path());
    let expected = [(0, b"the first rider".to_vec()), (2, b"the second rider".to_vec())];
    assert_eq!(prepared.riders(), expected);
    assert_eq!(prepared.journal_begins(), 0, "nobody has said that it is anywhere else");
    drop(prepared);
    assert_eq!(prepare(crashed.path()).riders(), expected, "preparing changes nothing");
    let opened = prepare(crashed.path()).open().unwrap();
    assert_eq!(opened.log.size(), 3);
    drop(opened);
    assert!(!holds(crashed.path(), b"rider"), "whoever opens it has brought them to their place");
    let prepared = prepare(crashed.path());
    assert_eq!((prepared.journal_begins(), prepared.entry(2).unwrap()), (3, leaf(2)), "so they have left the journal");
    assert!(prepared.entry(3).is_err());
    drop(prepared);
    assert_eq!(verified(crashed.path()).0, 3);
}

#[test]
fn whoever_reads_a_folder_finds_what_rides_on_each_entry() {
    let live = tempfile::tempdir().unwrap();
    let log = open(live.path()).log;
    for (index, rider) in [b"the first rider".as_slice(), b"", b"the second rider"].into_iter().enumerate() {
        append_with(&log, leaf(index as u64), rider).unwrap();
    }
    let riding = || {
        let snapshot = Snapshot::open(&dir(live.path()), &key()).unwrap();
        assert_eq!(snapshot.size(), 3);
        (0..4).map(|index| snapshot.rider(index).map(<[u8]>::to_vec)).collect::<Vec<_>>()
    };
    let expected = [Some(b"the first rider".to_vec()), None, Some(b"the second rider".to_vec()), None];
    assert_eq!(riding(), expected, "beside whoever writes it");
    log.close().unwrap();
    assert_eq!(riding(), expected, "nobody released them");
    let log = prepare(live.path()).open().unwrap().log;
    assert_eq!(riding(), [None, None, None, None], "they went with their segment");
    log.close().unwrap();
}

#[test]
fn a_clean_close_keeps_what_was_not_released() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    append_with(&log, leaf(0), b"still riding").unwrap();
    log.close().unwrap();
    assert_eq!(verified(folder.path()).0, 1, "the verifier reads the journal");
    let prepared = prepare(folder.path());
    assert_eq!(prepared.riders(), [(0, b"still riding".to_vec())]);
}

#[test]
fn what_is_released_goes_with_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let first = append_with(&log, leaf(0), b"the first rider").unwrap();
    let second = append_with(&log, leaf(1), b"the second rider").unwrap();
    log.turn().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert!(holds(folder.path(), b"the first rider"), "not before it is released");
    log.release(second);
    std::thread::sleep(Duration::from_millis(50));
    assert!(holds(folder.path(), b"the first rider"), "the oldest holds the segment");
    log.release(first);
    let started = Instant::now();
    while holds(folder.path(), b"rider") {
        assert!(started.elapsed() < Duration::from_secs(10), "a released rider stayed in the journal");
        std::thread::sleep(Duration::from_millis(5));
    }
    append_with(&log, leaf(2), b"").unwrap();
    log.close().unwrap();
    assert_eq!(verified(folder.path()).0, 3);
    assert_eq!(open(folder.path()).log.size(), 3);
}

/// What is kept for the next segments to be written into.
fn spares(folder: &Path) -> Vec<PathBuf> {
    let kept = fs::read_dir(folder.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    kept.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("spare.")).collect()
}

#[test]
fn a_segment_that_has_served_is_wiped_and_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let mut files = Vec::new();
    for round in 0..6_u64 {
        let index = append_with(&log, leaf(round), b"a rider that goes").unwrap();
        let journal = fs::metadata(journal(folder.path())).unwrap();
        assert!(journal.len() > 1 << 20, "it has room: {journal:?}");
        files.push(journal.ino());
        // What a crash leaves now holds the rider, and nothing of earlier ones, however often the file has served.
        let crashed = tempfile::tempdir().unwrap();
        copy(folder.path(), crashed.path());
        let prepared = prepare(crashed.path());
        assert_eq!(prepared.riders(), [(round, b"a rider that goes".to_vec())]);
        drop(prepared);
        log.release(index);
        log.clear_journal(PATIENCE).unwrap();
        assert!(!holds(folder.path(), b"a rider that goes"), "round {round}");
        assert!(!spares(folder.path()).is_empty() && spares(folder.path()).len() <= 2, "round {round}");
    }
    assert!((1..6).any(|round| files[..round].contains(&files[round])), "each was a file of its own: {files:?}");
    assert_eq!(verified(folder.path()).0, 6);
    log.close().unwrap();
    assert!(spares(folder.path()).is_empty(), "a log that is closed has no use for them");
    assert_eq!(verified(folder.path()).0, 6);
}

#[test]
fn what_a_crash_left_of_a_segment_that_was_being_wiped_goes_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).log.close().unwrap();
    fs::create_dir_all(folder.path().join("journal")).unwrap();
    for name in ["spare.00000000000000000000", "spare.0badcafe"] {
        fs::write(folder.path().join("journal").join(name), b"half a rider").unwrap();
    }
    assert_eq!(verified(folder.path()).0, 0, "it is none of the journal's");
    let opened = open(folder.path());
    assert_eq!(opened.recovered, None);
    assert!(!holds(folder.path(), b"half a rider"));
}

#[test]
fn a_rider_is_bounded_and_a_refused_one_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let length = MAX_RIDER_BYTES + 1;
    assert_eq!(append_with(&log, leaf(0), &vec![1; length]), Err(AppendError::RiderTooLong { length }));
    assert_eq!(append_with(&log, leaf(0), &vec![1; MAX_RIDER_BYTES]), Ok(0));
    let crashed = tempfile::tempdir().unwrap();
    copy(folder.path(), crashed.path());
    assert_eq!(prepare(crashed.path()).riders().len(), 1, "the longest is read back");
}

#[test]
fn a_cleared_journal_holds_nothing_of_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    log.clear_journal(PATIENCE).expect("an empty journal is clear");
    let first = append_with(&log, leaf(0), b"the first rider").unwrap();
    log.release(first);
    log.clear_journal(PATIENCE).unwrap();
    assert!(!holds(folder.path(), b"rider"), "when it returns, and not some time later");
    append_with(&log, leaf(1), b"").unwrap();
    log.close().unwrap();
    let log = open(folder.path()).log;
    log.clear_journal(PATIENCE).expect("nor does one that was opened again keep anybody waiting");
    log.clone().close().unwrap();
    assert!(log.clear_journal(PATIENCE).is_err(), "a closed log has no journal to clear");
}

#[test]
fn a_journal_on_which_something_rides_is_not_waited_for_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let first = append_with(&log, leaf(0), b"the first rider").unwrap();
    for limit in [Duration::ZERO, Duration::from_millis(5)] {
        let waited_ms = limit.as_millis();
        assert_eq!(log.clear_journal(limit), Err(AppendError::Riding { waited_ms }), "nobody releases it");
    }
    assert!(log.is_writable() && holds(folder.path(), b"the first rider"), "nothing is lost by it");
    append_with(&log, leaf(1), b"").unwrap();
    log.release(first);
    log.clear_journal(PATIENCE).expect("it can be repeated");
    assert!(!holds(folder.path(), b"rider"));
}
