//! A log as its users see it: entries, proofs and receipts, before and after closing, crashing and opening again.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::common::{
    ORIGIN, copy, dir, fill, flip, key, leaf, leaves, open, path, proof, segments, signer, tree_hash, try_open,
    verified,
};
use magistrate_audit::{
    AppendError, Appended, Ed25519Signer, Hash, Log, MAX_LEAF_BYTES, OpenError, ReadError, Receipt, Recovery, Signer,
    VerifierKey, VerifyError,
    verify::{self, Verified},
};

#[test]
fn an_empty_log_has_the_checkpoint_of_the_empty_tree() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.recovered, None);
    let log = opened.log;
    assert_eq!((log.size(), log.origin()), (0, ORIGIN));
    let text = "host.example/detention\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— host.example/detention ";
    assert!(log.checkpoint().starts_with(text), "{}", log.checkpoint());
    assert_eq!(*log.checkpoint(), fs::read_to_string(folder.path().join("checkpoint")).unwrap());
    assert!(log.entries(0..0).unwrap().is_empty());
    assert_eq!(log.prove_consistency(0, 0).unwrap(), Vec::<[u8; 32]>::new());
    log.close().unwrap();
    assert_eq!(verified(folder.path()), (0, tree_hash(&[])));
    assert_eq!(open(folder.path()).recovered, None);
}

#[test]
fn roots_and_proofs_of_small_trees_are_those_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let leaves = leaves(70);
    for new in 1..=leaves.len() {
        log.append_blocking(leaves[new - 1].clone()).unwrap();
        let tree = &leaves[..new];
        assert_eq!(root(&log), tree_hash(tree));
        for index in 0..new {
            assert_eq!(log.prove_inclusion(index as u64, new as u64).unwrap(), path(index, tree), "{index} in {new}");
        }
        for old in 1..=new {
            assert_eq!(log.prove_consistency(old as u64, new as u64).unwrap(), proof(old, tree), "{old} in {new}");
        }
    }
    // Trees that the log has outgrown are proven as well.
    assert_eq!(log.prove_inclusion(3, 37).unwrap(), path(3, &leaves[..37]));
    assert_eq!(log.prove_consistency(12, 37).unwrap(), proof(12, &leaves[..37]));
}

#[test]
fn logs_of_all_sizes_around_a_tile_survive_closing() {
    for size in [1, 2, 255, 256, 257, 511, 512, 513] {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path()).log;
        fill(&log, size);
        check(&log, size, &[0, size / 2, size - 1]);
        log.close().unwrap();
        assert_eq!(verified(folder.path()), (size, tree_hash(&leaves(size))));
        let opened = open(folder.path());
        assert_eq!(opened.recovered, None);
        check(&opened.log, size, &[0, size / 2, size - 1]);
    }
}

#[test]
fn a_log_grows_over_the_edge_of_the_second_level() {
    let folder = tempfile::tempdir().unwrap();
    for size in [65_535, 65_536, 65_537] {
        let log = open(folder.path()).log;
        fill(&log, size);
        let samples = [0, 1, 255, 256, 32_767, 32_768, 65_279, size - 2, size - 1];
        check(&log, size, &samples);
        let all = leaves(size);
        for old in [1, 255, 256, 257, 32_768, 65_280, size - 1] {
            assert_eq!(log.prove_consistency(old, size).unwrap(), proof(old as usize, &all));
        }
        log.close().unwrap();
        assert_eq!(verified(folder.path()), (size, tree_hash(&all)));
        let log = open(folder.path()).log;
        check(&log, size, &samples);
        assert_eq!(log.entries(65_000..size).unwrap(), (65_000..size).map(|i| (i, leaf(i))).collect::<Vec<_>>());
        drop(log);
    }
    assert!(folder.path().join("tile/1/000").is_file());
    assert!(folder.path().join("tile/2/000.p/1").is_file());
    assert!(folder.path().join("tile/0/256.p/1").is_file());
    assert!(!folder.path().join("tile/1/000.p").exists());
}

#[test]
fn a_long_log_moves_from_journal_to_tiles_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 70_000);
    let start = Instant::now();
    while !folder.path().join("tile/0/255").exists() || segments(folder.path()).len() > 1 {
        assert!(start.elapsed() < Duration::from_secs(30), "the first segment was not settled");
        std::thread::sleep(Duration::from_millis(5));
    }
    // With tiles and a journal, live: for the verifier, for readers and after a crash.
    assert_eq!(verified(folder.path()), (70_000, root(&log)));
    check(&log, 70_000, &[0, 65_535, 65_536, 69_999]);
    assert_eq!(log.entries(65_500..65_600).unwrap(), (65_500..65_600).map(|i| (i, leaf(i))).collect::<Vec<_>>());
    let crashed = tempfile::tempdir().unwrap();
    copy(folder.path(), crashed.path());
    let opened = open(crashed.path());
    assert!(opened.recovered.unwrap().entries < 70_000);
    check(&opened.log, 70_000, &[0, 65_535, 65_536, 69_999]);
}

#[test]
fn superseded_partial_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for size in [10, 20, 300] {
        let log = open(folder.path()).log;
        fill(&log, size);
        log.close().unwrap();
    }
    for kind in ["tile/0", "tile/entries"] {
        assert!(!folder.path().join(kind).join("000.p").exists());
        assert!(folder.path().join(kind).join("000").is_file());
        let partials: Vec<_> = fs::read_dir(folder.path().join(kind).join("001.p"))
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        assert_eq!(partials, ["44"]);
    }
    assert_eq!(fs::read_dir(folder.path().join("journal")).unwrap().count(), 0);
}

#[test]
fn concurrent_appenders_get_their_own_indices_and_receipts() {
    const TASKS: u64 = 64;
    const EACH: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let receipts: Vec<(Appended, Vec<u8>)> = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let log = log.clone();
            tasks.spawn(async move {
                let mut done = Vec::new();
                for number in 0..EACH {
                    let leaf = format!("task {task}, entry {number}").into_bytes();
                    done.push((log.append(leaf.clone()).await.unwrap(), leaf));
                }
                assert!(done.windows(2).all(|pair| pair[0].0.index < pair[1].0.index));
                done
            });
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            all.extend(done.unwrap());
        }
        all
    });
    let blocking: Vec<_> = (0..TASKS)
        .map(|thread| {
            let log = log.clone();
            std::thread::spawn(move || {
                let leaf = format!("thread {thread}").into_bytes();
                (log.append_blocking(leaf.clone()).unwrap(), leaf)
            })
        })
        .collect();
    let receipts: Vec<_> =
        receipts.into_iter().chain(blocking.into_iter().map(|thread| thread.join().unwrap())).collect();

    let indices: BTreeSet<u64> = receipts.iter().map(|(appended, _)| appended.index).collect();
    assert_eq!(indices.len() as u64, TASKS * EACH + TASKS);
    assert_eq!(log.size(), TASKS * EACH + TASKS);
    for (appended, leaf) in &receipts {
        let receipt = log.receipt(appended).unwrap();
        receipt.verify(leaf, &key()).unwrap();
        assert_eq!(receipt.to_string().parse::<Receipt>().unwrap(), receipt);
        assert_eq!(log.entry(appended.index).unwrap(), *leaf);
        assert!(matches!(receipt.verify(b"another leaf", &key()), Err(VerifyError::Proof { .. })));
    }
}

#[test]
fn after_a_crash_every_acknowledged_entry_is_there() {
    let live = tempfile::tempdir().unwrap();
    let log = open(live.path()).log;
    let mut crashes = Vec::new();
    for index in 0..20 {
        let appended = log.append_blocking(leaf(index)).unwrap();
        let crashed = tempfile::tempdir().unwrap();
        copy(live.path(), crashed.path());
        crashes.push((appended, crashed));
        log.append_blocking(b"after the crash".to_vec()).unwrap();
    }
    for (appended, crashed) in crashes {
        assert_eq!(verified(crashed.path()).0, appended.size, "the verifier reads the journal");
        let opened = open(crashed.path());
        assert_eq!(opened.recovered, Some(Recovery { entries: appended.size, torn: None }));
        assert_eq!(opened.log.size(), appended.size);
        assert_eq!(opened.log.checkpoint(), appended.checkpoint);
        opened.log.receipt(&appended).unwrap().verify(&leaf(appended.index / 2), &key()).unwrap();
        let next = opened.log.append_blocking(b"next".to_vec()).unwrap();
        assert_eq!(next.index, appended.size);
        drop(opened);
        let again = open(crashed.path());
        assert_eq!(again.recovered, None, "dropping the last handle closes the log");
        assert_eq!(again.log.size(), appended.size + 1);
    }
}

#[test]
fn only_one_writer_opens_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let clone = log.clone();
    assert!(matches!(try_open(folder.path()), Err(OpenError::Locked)));
    log.append_blocking(leaf(0)).unwrap();
    log.close().unwrap();
    // Closed for all handles; reading goes on.
    assert!(!clone.is_writable());
    assert_eq!(clone.append_blocking(leaf(1)), Err(AppendError::Closed));
    assert!(matches!(clone.try_recover(), Err(OpenError::Closed)));
    assert_eq!(clone.entry(0).unwrap(), leaf(0));
    assert_eq!(open(folder.path()).log.size(), 1);
    assert_eq!(clone.close(), Err(AppendError::Closed));
}

#[test]
fn a_log_opens_only_under_its_own_name_and_key() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).log.close().unwrap();
    let long = "x".repeat(256);
    for origin in ["", "two words", "a+b", "a\nb", long.as_str()] {
        assert!(matches!(Log::open(dir(folder.path()), origin, signer()), Err(OpenError::Origin { .. })), "{origin}");
    }
    assert!(matches!(Log::open(dir(folder.path()), "another", signer()), Err(OpenError::SignerName { .. })));
    let other = Ed25519Signer::generate(ORIGIN).unwrap();
    let other_key: VerifierKey = other.verifier_key().parse().unwrap();
    let error = Log::open(dir(folder.path()), ORIGIN, std::sync::Arc::new(other)).unwrap_err();
    assert!(error.to_string().contains("`checkpoint` is damaged"), "{error}");
    assert!(verify::directory(&dir(folder.path()), &other_key, None, &mut |_, _| ()).is_err());
    open(folder.path());
}

#[test]
fn leaves_are_taken_up_to_the_limit_of_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    assert_eq!(
        log.append_blocking(vec![0; MAX_LEAF_BYTES + 1]),
        Err(AppendError::TooLong { length: MAX_LEAF_BYTES + 1 })
    );
    log.append_blocking(vec![1; MAX_LEAF_BYTES]).unwrap();
    log.append_blocking(Vec::new()).unwrap();
    log.close().unwrap();
    let log = open(folder.path()).log;
    assert_eq!(log.entry(0).unwrap(), vec![1; MAX_LEAF_BYTES]);
    assert_eq!(log.entry(1).unwrap(), Vec::<u8>::new());
}

#[test]
fn what_a_log_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 5);
    assert!(matches!(log.entry(5), Err(ReadError::NoSuchEntry { index: 5, size: 5 })));
    assert!(log.entry(u64::MAX).is_err());
    assert!(matches!(log.entries(3..6), Err(ReadError::NoSuchEntry { index: 5, size: 5 })));
    assert!(matches!(log.prove_inclusion(3, 3), Err(ReadError::NoSuchEntry { index: 3, size: 3 })));
    assert!(matches!(log.prove_inclusion(0, 6), Err(ReadError::NoSuchTree { size: 6, available: 5 })));
    assert!(matches!(log.prove_consistency(4, 3), Err(ReadError::TreeOrder { old: 4, new: 3 })));
    assert!(log.prove_consistency(4, u64::MAX).is_err());
}

fn against(folder: &std::path::Path, earlier: &str) -> Result<Verified, VerifyError> {
    verify::directory(&dir(folder), &key(), Some(earlier), &mut |_, _| ())
}

#[test]
fn a_rewritten_log_contradicts_its_earlier_checkpoint() {
    let honest = tempfile::tempdir().unwrap();
    let log = open(honest.path()).log;
    fill(&log, 10);
    let ten = log.checkpoint();
    fill(&log, 700);
    log.close().unwrap();
    assert_eq!(against(honest.path(), &ten).unwrap().size, 700);

    let forged = tempfile::tempdir().unwrap();
    let log = open(forged.path()).log;
    log.append_blocking(b"another history".to_vec()).unwrap();
    let one = log.checkpoint();
    assert!(matches!(against(forged.path(), &ten), Err(VerifyError::Rollback { earlier: 10, size: 1 })));
    assert!(matches!(against(honest.path(), &one), Err(VerifyError::Forked { size: 1 })));
    assert!(matches!(against(honest.path(), "nonsense"), Err(VerifyError::Checkpoint(_))));
}

#[test]
fn leaves_can_be_read_offline() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 300);
    log.close().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 400);
    let read = |range| verify::leaves(&dir(folder.path()), range).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let expected = |range: std::ops::Range<u64>| range.map(|index| (index, leaf(index))).collect::<Vec<_>>();
    assert_eq!(read(0..u64::MAX), expected(0..400));
    assert_eq!(read(250..310), expected(250..310));
    assert_eq!(read(390..500), expected(390..400));
    assert!(read(400..500).is_empty());
}

#[test]
fn a_live_log_can_be_verified_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    let writer = std::thread::spawn({
        let log = log.clone();
        move || fill(&log, 20_000)
    });
    let mut last = 0;
    while !writer.is_finished() {
        let (size, _) = verified(folder.path());
        assert!(size >= last);
        last = size;
    }
    writer.join().unwrap();
    assert_eq!(verified(folder.path()).0, 20_000);
}

/// Checks root, some entries and their proofs against the specification.
fn check(log: &Log, size: u64, samples: &[u64]) {
    let all = leaves(size);
    assert_eq!(log.size(), size);
    assert_eq!(root(log), tree_hash(&all));
    for &index in samples {
        assert_eq!(log.entry(index).unwrap(), leaf(index));
        assert_eq!(log.prove_inclusion(index, size).unwrap(), path(index as usize, &all), "{index} in {size}");
    }
}

/// The root in a log's checkpoint.
fn root(log: &Log) -> [u8; 32] {
    use base64::Engine as _;
    let checkpoint = log.checkpoint();
    let line = checkpoint.lines().nth(2).unwrap();
    base64::prelude::BASE64_STANDARD.decode(line).unwrap().try_into().unwrap()
}

#[test]
fn a_log_is_compared_with_what_somebody_knows_of_it_before_it_is_opened() {
    let (live, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(live.path()).log;
    fill(&log, 300);
    assert_eq!(log.root(), (300, tree_hash(&leaves(300))));
    log.close().unwrap();
    let log = open(live.path()).log;
    fill(&log, 700);
    copy(live.path(), crashed.path());
    let extends =
        |size: u64, root: Hash| Log::prepare(dir(crashed.path()), ORIGIN, signer()).unwrap().extends(size, root);
    for size in [1, 255, 256, 257, 300, 512, 699, 700] {
        assert!(extends(size, tree_hash(&leaves(size))).is_ok(), "{size}: in tiles, in the journal, or all of it");
        assert!(
            matches!(extends(size, tree_hash(&leaves(size + 1))), Err(OpenError::Forked { known }) if known == size)
        );
    }
    let longer = extends(701, tree_hash(&leaves(701)));
    assert!(matches!(longer, Err(OpenError::SetBack { known: 701, found: 700, torn: None })), "{longer:?}");

    flip(&crashed.path().join("tile/0/000"), 5);
    assert!(matches!(extends(255, tree_hash(&leaves(255))), Err(OpenError::Directory(_))), "nobody can tell");
    assert!(extends(700, tree_hash(&leaves(700))).is_ok(), "no file is needed for that");
}
