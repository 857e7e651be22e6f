//! What the tests share: a log in a folder, and RFC 6962 written down as the specification does.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use magistrate_audit::{
    Damage, DirectoryError, Ed25519Signer, Hash, Log, OpenError, Opened, ReadError, Signer, Torn, VerifierKey,
    VerifyError, verify,
};
use sha2::{Digest, Sha256};

pub const ORIGIN: &str = "host.example/detention";

pub fn signer() -> Arc<Ed25519Signer> {
    Arc::new(Ed25519Signer::from_seed(ORIGIN, [42; 32]).unwrap())
}

pub fn key() -> VerifierKey {
    signer().verifier_key().parse().unwrap()
}

pub fn dir(folder: &Path) -> Dir {
    Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap()
}

pub fn try_open(folder: &Path) -> Result<Opened, OpenError> {
    Log::open(dir(folder), ORIGIN, signer())
}

pub fn open(folder: &Path) -> Opened {
    try_open(folder).unwrap()
}

pub fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

pub fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(leaf).collect()
}

/// Lets the log grow to `size` entries, entry i being `leaf(i)`, in batches that no queue is too short for.
pub fn fill(log: &Log, size: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    while log.size() < size {
        let range = log.size()..size.min(log.size() + 4_000);
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for index in range {
                let log = log.clone();
                tasks.spawn(async move { (index, log.append(leaf(index)).await.unwrap().index) });
            }
            while let Some(done) = tasks.join_next().await {
                let (wanted, got) = done.unwrap();
                assert_eq!(wanted, got);
            }
        });
    }
}

/// Checks a folder that must be sound, and returns its size and root.
pub fn verified(folder: &Path) -> (u64, Hash) {
    let mut last = None;
    let verified =
        verify::directory(&dir(folder), &key(), None, &mut |done, total| last = Some((done, total))).unwrap();
    assert_eq!(verified.entries_hashed, verified.size);
    assert_eq!(last, Some((verified.size, verified.size)), "progress ends at the end");
    (verified.size, verified.root)
}

/// What the verifier finds behind the last whole frame of a folder that must be sound.
pub fn torn_end(folder: &Path) -> Option<Torn> {
    verify::directory(&dir(folder), &key(), None, &mut |_, _| ()).unwrap().torn
}

/// Copies a folder as a crash would leave it, while its log may be live.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), target) {
            // A temporary file that has been renamed meanwhile.
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }
}

/// The segments of a journal, in no order; not what the next ones are written into.
pub fn segments(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with("spare.")).collect()
}

/// The only segment of a journal.
pub fn journal(folder: &Path) -> PathBuf {
    let mut segments = segments(folder);
    assert_eq!(segments.len(), 1);
    segments.pop().unwrap()
}

/// How long a segment is without the room behind its frames.
pub fn used(segment: &[u8]) -> usize {
    let room = b"\xffroom to write\xff\xff";
    segment.iter().enumerate().rev().find(|(at, byte)| **byte != room[at % room.len()]).map_or(0, |(at, _)| at + 1)
}

/// Flips a bit of one byte of a file.
pub fn flip(file: &Path, offset: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[offset] ^= 0x01;
    fs::write(file, bytes).unwrap();
}

pub fn damage_at_open(folder: &Path) -> Damage {
    match try_open(folder) {
        Err(OpenError::Directory(DirectoryError::Damaged(damage))) => damage,
        other => panic!("expected damage, got {other:?}"),
    }
}

pub fn damage_when_verified(folder: &Path) -> Damage {
    match verify::directory(&dir(folder), &key(), None, &mut |_, _| ()) {
        Err(VerifyError::Directory(DirectoryError::Damaged(damage))) => damage,
        other => panic!("expected damage, got {other:?}"),
    }
}

pub fn damage_when_read<T: std::fmt::Debug>(result: Result<T, ReadError>) -> Damage {
    match result {
        Err(ReadError::Directory(DirectoryError::Damaged(damage))) => damage,
        other => panic!("expected damage, got {other:?}"),
    }
}

/// MTH of RFC 6962, section 2.1.
pub fn tree_hash(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
        _ => {
            let k = split(leaves.len());
            let (left, right) = (tree_hash(&leaves[..k]), tree_hash(&leaves[k..]));
            Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
        }
    }
}

/// PATH(m, D[n]) of RFC 6962, section 2.1.1.
pub fn path(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (mut path, other) =
        if m < k { (path(m, &leaves[..k]), &leaves[k..]) } else { (path(m - k, &leaves[k..]), &leaves[..k]) };
    path.push(tree_hash(other));
    path
}

/// PROOF(m, D[n]) of RFC 6962, section 2.1.2.
pub fn proof(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    subproof(m, leaves, true)
}

fn subproof(m: usize, leaves: &[Vec<u8>], known: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if known { Vec::new() } else { vec![tree_hash(leaves)] };
    }
    let k = split(leaves.len());
    let (mut proof, other) = if m <= k {
        (subproof(m, &leaves[..k], known), &leaves[k..])
    } else {
        (subproof(m - k, &leaves[k..], false), &leaves[..k])
    };
    proof.push(tree_hash(other));
    proof
}

/// The largest power of two smaller than n.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}
