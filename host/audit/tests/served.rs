//! What a log serves over a network, fetched and verified as by a client that shares no code with it.

use std::fs;
use std::path::Path;

use crate::common::{copy, dir, fill, flip, key, leaf, leaves, open};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use magistrate_audit::{Log, ReadError, Receipt, Snapshot, VerifierKey, files_of, signed_size, verify};
use sha2::{Digest, Sha256};
use sigstore_types::Sha256Hash;

type Oracle = MemoryBackedTree<sha2_of_oracle::Sha256, Vec<u8>>;

fn oracle(leaves: &[Vec<u8>]) -> Oracle {
    let mut tree = Oracle::new();
    leaves.iter().for_each(|leaf| tree.push(leaf.clone()));
    tree
}

fn root_of(tree: &Oracle) -> [u8; 32] {
    tree.root().as_bytes().as_slice().try_into().unwrap()
}

/// Size and root as a checkpoint's second and third line say them.
fn said(checkpoint: &str) -> (u64, [u8; 32]) {
    use base64::Engine as _;
    let lines: Vec<_> = checkpoint.lines().collect();
    (lines[1].parse().unwrap(), base64::prelude::BASE64_STANDARD.decode(lines[2]).unwrap().try_into().unwrap())
}

fn fetch(log: &Log, path: &str) -> Vec<u8> {
    log.file(path).unwrap().unwrap_or_else(|| panic!("{path} is not served"))
}

/// The entries of a bundle (c2sp.org/tlog-tiles, "Log entries").
fn entries(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

/// Fetches everything a checkpoint of `size` entries refers to, and checks all of it against the oracles.
fn check(log: &Log, size: u64, root: [u8; 32]) {
    let mut below: Vec<Sha256Hash> = Vec::new();
    let mut fetched = Vec::new();
    for path in files_of(size).filter(|path| path.level().is_none()) {
        fetched.extend(entries(&fetch(log, &path.to_string())));
    }
    assert_eq!(fetched, leaves(size));
    assert_eq!(root_of(&oracle(&fetched)), root, "the root of size {size}");
    for level in 0..3 {
        let expected: Vec<Sha256Hash> = match level {
            0 => fetched.iter().map(|entry| sigstore_merkle::hash_leaf(entry)).collect(),
            _ => below.chunks_exact(256).map(fold).collect(),
        };
        let mut tiles = Vec::new();
        for path in files_of(size).filter(|path| path.level() == Some(level)) {
            let tile = fetch(log, &path.to_string());
            assert_eq!(tile.len() as u64, 32 * path.width(), "{path}");
            tiles.extend(tile.chunks_exact(32).map(|hash| Sha256Hash::new(hash.try_into().unwrap())));
        }
        assert!(tiles == expected, "the tiles at level {level} of a tree of {size}");
        below = tiles;
    }
}

/// The root of a full tile.
fn fold(hashes: &[Sha256Hash]) -> Sha256Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| sigstore_merkle::hash_children(&pair[0], &pair[1])).collect();
    }
    row[0]
}

#[test]
fn every_checkpoint_can_be_fetched_whole_at_every_later_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = Vec::new();
    for size in [1, 2, 255, 256, 257, 511, 600] {
        // In memory, then from files, then with both.
        let log = open(folder.path()).log;
        fill(&log, size);
        checkpoints.push(said(&log.checkpoint()));
        assert_eq!(checkpoints.last().unwrap().0, size);
        checkpoints.iter().for_each(|(size, root)| check(&log, *size, *root));
        log.close().unwrap();
        let log = open(folder.path()).log;
        checkpoints.iter().for_each(|(size, root)| check(&log, *size, *root));
    }
}

#[test]
fn a_long_log_is_served_while_its_journal_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 66_000);
    let (size, root) = said(&log.checkpoint());
    assert_eq!(size, 66_000);
    check(&log, size, root);
    fill(&log, 66_300);
    check(&log, size, root);
    assert_eq!(log.file("tile/2/000.p/1").unwrap().unwrap().len(), 32);
}

#[test]
fn the_files_are_those_of_the_committed_vectors() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let read = |name: &str| fs::read_to_string(vectors.join(name)).unwrap();
    let published: VerifierKey = read("key").parse().unwrap();
    assert_eq!(published, key());
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 300);
    assert_eq!(*log.checkpoint(), read("checkpoint"));
    assert_eq!(signed_size(&read("checkpoint"), &published), Ok(300));
    let listed: Vec<(String, String)> = read("files")
        .lines()
        .map(|line| line.split_once("  ").map(|(digest, path)| (digest.to_owned(), path.to_owned())).unwrap())
        .collect();
    for (digest, path) in &listed {
        let found = Sha256::digest(fetch(&log, path));
        assert_eq!(found.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), *digest, "{path}");
    }
    let mut named: Vec<_> = files_of(300).map(|path| path.to_string()).collect();
    let mut expected: Vec<_> = listed.into_iter().map(|(_, path)| path).collect();
    named.sort();
    expected.sort();
    assert_eq!(named, expected);
}

#[test]
fn proofs_satisfy_both_oracles() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 515);
    let all = leaves(515);
    let hashes = |proof: Vec<[u8; 32]>| proof.into_iter().map(Sha256Hash::new).collect::<Vec<_>>();
    for size in [1_u64, 2, 3, 7, 255, 256, 257, 300, 515] {
        let tree = oracle(&all[..size as usize]);
        let root = Sha256Hash::new(root_of(&tree));
        for index in [0, 1, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let proof = log.prove_inclusion(index, size).unwrap();
            let joined = ct_merkle::InclusionProof::try_from_bytes(proof.concat()).unwrap();
            tree.root().verify_inclusion(&all[index as usize], index, &joined).unwrap();
            let hash = sigstore_merkle::hash_leaf(&all[index as usize]);
            sigstore_merkle::verify_inclusion_proof(&hash, index, size, &hashes(proof), &root).unwrap();
        }
        for old in [1, 2, 3, 200, 256].into_iter().filter(|old| *old < size) {
            let before = oracle(&all[..old as usize]);
            let proof = log.prove_consistency(old, size).unwrap();
            let old_root = Sha256Hash::new(root_of(&before));
            sigstore_merkle::verify_consistency_proof(old, size, &hashes(proof.clone()), &old_root, &root).unwrap();
            let joined = ct_merkle::ConsistencyProof::try_from_bytes(proof.concat()).unwrap();
            tree.root().verify_consistency(&before.root(), &joined).unwrap();
        }
    }
}

#[test]
fn nothing_but_tiles_of_the_acknowledged_tree_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 300);
    let zeros = format!("tile/0/{}000", "x000/".repeat(4_000));
    for path in [
        "",
        "tile",
        "tile/",
        "checkpoint",
        "lock",
        "../lock",
        "/etc/passwd",
        "tile/../checkpoint",
        "tile/0/../../lock",
        "tile/0/000/../../../lock",
        "tile/entries/../../journal/00000000000000000000",
        "journal/00000000000000000000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/002",
        "tile/0/001",
        "tile/0/001.p/0",
        "tile/0/001.p/45",
        "tile/0/001.p/256",
        "tile/0/001.p/044",
        "tile/0/001.p/44/",
        "tile/0/001.p/+44",
        "tile/00/000",
        "tile/-1/000",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/000",
        "tile/64/000",
        "tile/255/000",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/%30%30%30",
        "tile/entries/000\0",
        "tile/entries/\u{661}\u{662}\u{663}",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/7/x999/x999/x999/x999/x999/x999/999",
        zeros.as_str(),
    ] {
        assert_eq!(log.file(path).unwrap(), None, "{path:?}");
    }
    // Narrower than the present width: what an earlier checkpoint referred to.
    assert_eq!(fetch(&log, "tile/0/001.p/3"), fetch(&log, "tile/0/001.p/44")[..96]);
    assert_eq!(fetch(&log, "tile/0/000.p/200"), fetch(&log, "tile/0/000")[..6_400]);
}

#[test]
fn a_damaged_file_is_named_and_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 600);
    log.close().unwrap();
    flip(&folder.path().join("tile/entries/000"), 5);
    let log = open(folder.path()).log;
    let error = log.file("tile/entries/000").unwrap_err();
    assert!(matches!(&error, ReadError::Directory(_)) && error.to_string().contains("tile/entries/000"), "{error}");
    assert!(log.file("tile/entries/001").unwrap().is_some());
}

#[test]
fn a_snapshot_proves_what_it_reads_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 300);
    let snapshot = Snapshot::open(&dir(folder.path()), &key()).unwrap();
    fill(&log, 700);
    log.close().unwrap();
    assert_eq!(snapshot.size(), 300);
    for index in [0, 255, 256, 299] {
        let receipt: Receipt = snapshot.receipt(index).unwrap().to_string().parse().unwrap();
        receipt.verify(&snapshot.entry(index).unwrap(), &key()).unwrap();
        assert_eq!(receipt.checkpoint, *snapshot.checkpoint());
        assert!(receipt.verify(b"another", &key()).is_err());
    }
    assert_eq!(snapshot.entries(290..300).unwrap(), (290..300).map(|i| (i, leaf(i))).collect::<Vec<_>>());
    assert!(snapshot.entry(300).is_err());
    assert!(snapshot.receipt(300).is_err());

    let edited = tempfile::tempdir().unwrap();
    copy(folder.path(), edited.path());
    flip(&edited.path().join("tile/entries/000"), 5);
    let snapshot = Snapshot::open(&dir(edited.path()), &key()).unwrap();
    assert!(snapshot.entry(0).unwrap_err().to_string().contains("tile/entries/000"));
}

#[test]
fn a_copy_made_of_what_is_served_is_a_log_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 1_000);
    let checkpoint = log.checkpoint();
    fill(&log, 1_200);
    let copied = tempfile::tempdir().unwrap();
    for path in files_of(signed_size(&checkpoint, &key()).unwrap()) {
        let file = copied.path().join(path.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, fetch(&log, &path.to_string())).unwrap();
    }
    fs::write(copied.path().join("checkpoint"), checkpoint.as_bytes()).unwrap();
    let verified = verify::directory(&dir(copied.path()), &key(), None, &mut |_, _| ()).unwrap();
    assert_eq!((verified.size, verified.entries_hashed), (1_000, 1_000));
}
