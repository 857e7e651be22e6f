//! What a log does when the disk or the signer fails, with failures injected at each step of a write.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::error::SignError;
use crate::files::Step;
use crate::key::Ed25519Signer;
use crate::verify;

const ORIGIN: &str = "host.example/detention";

fn dir(folder: &Path) -> Dir {
    Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap()
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(ORIGIN, [42; 32]).unwrap()
}

fn open(folder: &Path) -> Opened {
    Log::open(dir(folder), ORIGIN, Arc::new(signer())).unwrap()
}

fn fail_at(log: &Log, steps: impl IntoIterator<Item = Step>) {
    log.handle.shared.tree.files.fail_at(steps);
}

fn is_unwritable(result: Result<Appended, AppendError>) -> bool {
    matches!(result, Err(AppendError::Unwritable(_)))
}

fn is_doubtful(result: Result<Appended, AppendError>) -> bool {
    matches!(result, Err(AppendError::Doubtful(_)))
}

/// Copies a folder with its journal as it is at this moment: what a killed process leaves.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("checkpoint"), copy.path().join("checkpoint")).unwrap();
    std::fs::create_dir(copy.path().join("journal")).unwrap();
    for segment in folder.join("journal").read_dir().unwrap() {
        let segment = segment.unwrap();
        std::fs::copy(segment.path(), copy.path().join("journal").join(segment.file_name())).unwrap();
    }
    copy
}

/// Waits until the publisher, in its own time, has met the failure.
fn wait_until_halted(log: &Log) {
    let start = Instant::now();
    while log.is_writable() {
        assert!(start.elapsed() < Duration::from_secs(10), "the failure went unnoticed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The leaves in a folder that verifies.
fn verified_leaves(folder: &Path) -> Vec<Vec<u8>> {
    let key: VerifierKey = signer().verifier_key().parse().unwrap();
    let dir = dir(folder);
    let verified = verify::directory(&dir, &key, None, &mut |_, _| ()).unwrap();
    let leaves: Vec<_> = verify::leaves(&dir, 0..u64::MAX).unwrap().map(|leaf| leaf.unwrap().1).collect();
    assert_eq!(verified.size, leaves.len() as u64);
    assert_eq!(verified.entries_hashed, verified.size);
    leaves
}

#[test]
fn a_failed_journal_write_stops_the_log_until_it_recovers() {
    for step in [Step::JournalWrite, Step::JournalSync] {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path()).log;
        log.append_blocking(b"one".to_vec()).unwrap();
        let checkpoint = log.checkpoint();

        fail_at(&log, Some(step));
        assert!(is_unwritable(log.append_blocking(b"lost".to_vec())));
        assert!(!log.is_writable());
        fail_at(&log, None);
        assert!(is_unwritable(log.append_blocking(b"refused".to_vec())), "without recovery nothing is taken");
        assert_eq!((log.size(), log.checkpoint()), (1, checkpoint), "readers see what was acknowledged");
        assert_eq!(log.entry(0).unwrap(), b"one");

        log.try_recover().unwrap();
        assert!(log.is_writable());
        let two = log.append_blocking(b"two".to_vec()).unwrap();
        assert_eq!((two.index, two.size), (1, 2));
        log.receipt(&two).unwrap().verify(b"two", log.verifier_key()).unwrap();
        log.close().unwrap();
        assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
    }
}

#[test]
fn what_was_not_acknowledged_is_in_no_log_that_is_killed_or_closed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    log.append_blocking(b"one".to_vec()).unwrap();
    // Whole in the journal, and not synced.
    fail_at(&log, Some(Step::JournalSync));
    assert!(is_unwritable(log.append_blocking(b"lost".to_vec())));
    let killed = killed(folder.path());
    assert_eq!(open(killed.path()).log.entries(0..1).unwrap(), [(0, b"one".to_vec())]);
    assert_eq!(open(killed.path()).log.size(), 1);
    assert!(matches!(log.close(), Err(AppendError::Unwritable(_))));
    let log = open(folder.path()).log;
    assert_eq!(log.size(), 1);
    log.append_blocking(b"two".to_vec()).unwrap();
    log.close().unwrap();
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
}

#[test]
fn what_cannot_be_taken_back_is_said_to_be_in_doubt_and_goes_once_it_can() {
    for recovers in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path()).log;
        log.append_blocking(b"one".to_vec()).unwrap();
        fail_at(&log, [Step::JournalSync, Step::JournalCut]);
        assert!(is_doubtful(log.append_blocking(b"lost".to_vec())));
        // Nothing was written of this one.
        assert!(is_unwritable(log.append_blocking(b"refused".to_vec())));
        assert_eq!(open(killed(folder.path()).path()).log.size(), 2, "which is what the doubt is about");
        assert!(log.try_recover().is_err(), "it stays in doubt");
        assert_eq!(log.size(), 1);

        fail_at(&log, None);
        if recovers {
            log.try_recover().unwrap();
            log.close().unwrap();
        } else {
            assert!(matches!(log.close(), Err(AppendError::Unwritable(_))), "the log was halted");
        }
        let log = open(folder.path()).log;
        log.append_blocking(b"two".to_vec()).unwrap();
        log.close().unwrap();
        assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
    }
}

#[test]
fn a_log_closed_while_something_is_in_doubt_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fail_at(&log, [Step::JournalSync, Step::JournalCut]);
    assert!(is_doubtful(log.append_blocking(b"lost".to_vec())));
    assert!(matches!(log.close(), Err(AppendError::Doubtful(_))));
}

#[test]
fn every_caller_of_a_failed_batch_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fail_at(&log, Some(Step::JournalSync));
    let callers: Vec<_> = (0..16u8)
        .map(|number| {
            let log = log.clone();
            std::thread::spawn(move || log.append_blocking(vec![number]))
        })
        .collect();
    for caller in callers {
        assert!(is_unwritable(caller.join().unwrap()));
    }
    assert_eq!(log.size(), 0);
}

#[test]
fn every_caller_of_a_large_batch_is_told_once_and_rightly() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let all = |count: u64| {
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let log = log.clone();
                runtime.spawn(async move { (number, log.append(number.to_be_bytes().to_vec()).await) })
            })
            .collect();
        runtime.block_on(async {
            let mut told = Vec::new();
            for task in tasks {
                told.push(task.await.unwrap());
            }
            told
        })
    };
    for (number, appended) in all(3_000) {
        let appended = appended.unwrap();
        assert!(appended.index < appended.size && appended.size <= log.size());
        assert_eq!(log.entry(appended.index).unwrap(), number.to_be_bytes(), "each is told of its own entry");
    }
    assert_eq!(log.size(), 3_000);
    for step in [Step::JournalWrite, Step::JournalSync] {
        fail_at(&log, Some(step));
        assert!(all(3_000).into_iter().all(|(_, appended)| is_unwritable(appended)), "{step:?}");
        assert_eq!(log.size(), 3_000);
        fail_at(&log, None);
        log.try_recover().unwrap();
    }
    // Whoever appended just before the close is answered before it is over.
    let late: Vec<_> = (0..200)
        .map(|_| {
            let log = log.clone();
            runtime.spawn(async move { log.append(b"late".to_vec()).await })
        })
        .collect();
    log.clone().close().unwrap();
    let size = log.size();
    let kept = runtime.block_on(async {
        let mut kept = 0;
        for task in late {
            match task.await.unwrap() {
                Ok(_) => kept += 1,
                Err(error) => assert_eq!(error, AppendError::Closed),
            }
        }
        kept
    });
    assert_eq!(3_000 + kept, size);
    drop(log);
    assert_eq!(verified_leaves(folder.path()).len() as u64, size);
}

#[test]
fn a_prune_that_fails_is_finished_by_the_next_or_by_opening_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    for _ in 0..600 {
        log.append_blocking(b"leaf".to_vec()).unwrap();
    }
    log.clear_journal(Duration::from_secs(10)).unwrap();
    let bundle = |number: u64| folder.path().join(format!("tile/entries/{number:03}")).exists();

    // The log cannot say that it is pruned, so that nothing is.
    fail_at(&log, Some(Step::Replace));
    assert!(matches!(log.prune(512), Err(crate::PruneError::Append(AppendError::Unwritable(_)))));
    assert_eq!(log.minimum_index(), 0);
    assert!(bundle(0) && log.entry(0).is_ok());
    fail_at(&log, None);
    // The publisher may have met the failure, too.
    log.try_recover().unwrap();

    // It says so, and cannot remove a file: nothing is given out any more.
    fail_at(&log, Some(Step::Prune));
    assert!(matches!(log.prune(256), Err(crate::PruneError::File(_))));
    assert!(log.is_writable() && bundle(0));
    assert!(matches!(log.entry(0), Err(ReadError::Pruned { index: 0, minimum: 256 })));
    fail_at(&log, None);
    assert_eq!(log.prune(256).unwrap(), 256);
    assert!(!bundle(0) && bundle(1));

    fail_at(&log, Some(Step::Prune));
    assert!(log.prune(512).is_err());
    log.close().unwrap();
    assert!(bundle(1));
    let log = open(folder.path()).log;
    assert!(!bundle(1));
    assert_eq!((log.minimum_index(), log.size()), (512, 600));
}

#[test]
fn a_failed_publication_stops_the_log_until_it_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fail_at(&log, Some(Step::Replace));
    // The journal works, so this entry is durable and acknowledged.
    log.append_blocking(b"one".to_vec()).unwrap();
    wait_until_halted(&log);
    assert!(is_unwritable(log.append_blocking(b"refused".to_vec())));
    assert!(log.try_recover().is_err(), "the disk still fails");
    assert!(!log.is_writable());

    fail_at(&log, None);
    log.try_recover().unwrap();
    log.try_recover().unwrap();
    log.append_blocking(b"two".to_vec()).unwrap();
    log.close().unwrap();
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
}

#[test]
fn a_failed_close_leaves_everything_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    log.append_blocking(b"one".to_vec()).unwrap();
    log.append_blocking(b"two".to_vec()).unwrap();
    fail_at(&log, Some(Step::Replace));
    assert!(matches!(log.close(), Err(AppendError::Unwritable(_))));
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);

    let opened = open(folder.path());
    assert_eq!(opened.recovered, Some(Recovery { entries: 2, torn: None }));
    opened.log.close().unwrap();
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
    assert_eq!(open(folder.path()).recovered, None);
}

/// Fails, or panics, on demand.
struct Moody {
    inner: Ed25519Signer,
    fails: AtomicBool,
    panics: AtomicBool,
}

impl Moody {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: signer(), fails: AtomicBool::new(false), panics: AtomicBool::new(false) })
    }
}

impl Signer for Moody {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        assert!(!self.panics.load(Ordering::SeqCst), "asked for by the test");
        if self.fails.load(Ordering::SeqCst) {
            return Err(SignError::new("the module is unplugged"));
        }
        self.inner.sign(message)
    }

    fn verifier_key(&self) -> String {
        self.inner.verifier_key()
    }
}

#[test]
fn a_signer_that_fails_stops_the_log_until_it_signs() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Moody::new();
    let log = Log::open(dir(folder.path()), ORIGIN, signer.clone()).unwrap().log;
    log.append_blocking(b"one".to_vec()).unwrap();
    signer.fails.store(true, Ordering::SeqCst);
    let error = log.append_blocking(b"lost".to_vec()).unwrap_err();
    assert!(error.to_string().contains("the module is unplugged"), "{error}");
    assert!(log.try_recover().is_err());
    signer.fails.store(false, Ordering::SeqCst);
    log.try_recover().unwrap();
    log.append_blocking(b"two".to_vec()).unwrap();
    drop(log);
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
}

#[test]
fn a_panic_in_the_writer_is_an_error_for_its_callers() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Moody::new();
    let log = Log::open(dir(folder.path()), ORIGIN, signer.clone()).unwrap().log;
    log.append_blocking(b"one".to_vec()).unwrap();
    signer.panics.store(true, Ordering::SeqCst);
    assert!(is_unwritable(log.append_blocking(b"lost".to_vec())));
    assert!(is_unwritable(log.append_blocking(b"refused".to_vec())));
    assert!(!log.is_writable());
    assert!(matches!(log.try_recover(), Err(OpenError::Closed)));
    assert_eq!(log.entry(0).unwrap(), b"one");
    drop(log);
    assert_eq!(open(folder.path()).log.size(), 1);
}

#[test]
fn a_signer_with_the_wrong_key_is_found_out_at_once() {
    struct Liar(Ed25519Signer, Ed25519Signer);

    impl Signer for Liar {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(message)
        }

        fn verifier_key(&self) -> String {
            self.1.verifier_key()
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let liar = Liar(signer(), Ed25519Signer::from_seed(ORIGIN, [43; 32]).unwrap());
    assert!(matches!(Log::open(dir(folder.path()), ORIGIN, Arc::new(liar)), Err(OpenError::SignerKey { .. })));
    assert_eq!(open(folder.path()).log.size(), 0, "nothing was left behind");
}

#[test]
fn blocking_calls_work_inside_a_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // More of them than the cooperative budget of one poll allows.
        for number in 0..300u64 {
            assert_eq!(log.append_blocking(b"leaf".to_vec()).unwrap().index, number);
        }
        log.close().unwrap();
    });
}

/// A signer that waits while somebody holds its gate, as a disk does that hangs.
struct Gated {
    inner: Ed25519Signer,
    gate: Arc<std::sync::Mutex<()>>,
}

impl Signer for Gated {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let _open = self.gate.lock().unwrap();
        self.inner.sign(message)
    }

    fn verifier_key(&self) -> String {
        self.inner.verifier_key()
    }
}

fn wait_until_stalled(log: &Log, wanted: impl Fn(Option<Duration>) -> bool) {
    let start = Instant::now();
    while !wanted(log.stalled()) {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", log.stalled());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_does_not_return_is_seen_while_it_lasts_and_halts_nothing() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Arc::new(std::sync::Mutex::new(())));
    let gated = Gated { inner: signer(), gate: Arc::clone(&gate) };
    let log = Log::open(dir(folder.path()), ORIGIN, Arc::new(gated)).unwrap().log;
    wait_until_stalled(&log, |stalled| stalled.is_none());
    let held = gate.lock().unwrap();
    let appending = std::thread::spawn({
        let log = log.clone();
        move || log.append_blocking(b"one".to_vec())
    });
    wait_until_stalled(&log, |stalled| stalled.is_some_and(|lasting| lasting >= Duration::from_millis(20)));
    assert!(log.is_writable() && log.halted().is_none(), "nothing has failed");
    assert_eq!(log.size(), 0);
    drop(held);
    assert_eq!(appending.join().unwrap().unwrap().index, 0, "it goes on by itself");
    wait_until_stalled(&log, |stalled| stalled.is_none());
    log.append_blocking(b"two".to_vec()).unwrap();
    log.close().unwrap();
    assert_eq!(verified_leaves(folder.path()), [b"one", b"two"]);
}

#[test]
fn a_segment_that_cannot_be_wiped_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fail_at(&log, [Step::Wipe]);
    log.append_blocking(b"entry".to_vec()).unwrap();
    log.clear_journal(Duration::from_secs(10)).unwrap();
    let names = log.handle.shared.tree.files.names("journal").unwrap();
    let of_the_first = |name: &&String| name.ends_with(&format!("{:020}", 0));
    assert_eq!(names.iter().find(of_the_first), None, "{names:?}");
    log.append_blocking(b"another".to_vec()).unwrap();
    log.close().unwrap();
    assert_eq!(open(folder.path()).log.size(), 2);
}
