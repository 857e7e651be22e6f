//! Logs and their witness, without a network between them: what is cosigned, what is refused, and what is kept of it.

use std::fs;
use std::path::Path;

use crate::common::{ORIGIN, copy, dir, fill, key, leaf, open};
use magistrate_audit::{
    AddCheckpoint, Cosignature, Cosigner, Ed25519Signer, Log, MAX_REQUEST_BYTES, Petition, PetitionError, Quorum,
    Refusal, VerifierKey, VerifyError, Witness, WitnessKey, Witnessed,
};
use tempfile::TempDir;

const NOW: u64 = 1_790_000_000;

fn cosigner() -> Cosigner {
    Cosigner::from_seed("witness.example/w1", [9; 32]).unwrap()
}

fn start(records: &Path) -> Witness {
    Witness::open(dir(records), cosigner(), vec![key()]).unwrap()
}

/// A new witness and its records.
fn witness() -> (Witness, TempDir) {
    let records = tempfile::tempdir().unwrap();
    Witness::create(&dir(records.path())).unwrap();
    (start(records.path()), records)
}

/// Carries a petition to a witness until it is granted or refused, as HTTP would.
fn ask(log: &Log, witness: &Witness, old: u64) -> Result<Cosignature, PetitionError> {
    let mut petition = Petition::new(log, old)?;
    for _ in 0..3 {
        let request = petition.request(log)?;
        let (status, media_type, body) = match witness.add_checkpoint(request.as_bytes(), NOW) {
            Ok(cosignature) => (200, "text/plain", cosignature.to_string()),
            Err(refusal) => {
                let (media_type, body) = refusal.body();
                (refusal.status(), media_type, body)
            }
        };
        if let Some(cosignature) = petition.answered(witness.key(), status, media_type, body.as_bytes())? {
            return Ok(cosignature);
        }
    }
    panic!("the witness keeps naming other sizes");
}

/// A log of some entries, and its folder.
fn log_of(size: u64) -> (Log, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, size);
    (log, folder)
}

/// The same history up to here, to go on otherwise: what a host could show to somebody else.
fn forked(folder: &Path) -> (Log, TempDir) {
    let other = tempfile::tempdir().unwrap();
    copy(folder, other.path());
    let log = open(other.path()).log;
    (log, other)
}

/// The files of evidence.
fn evidence(records: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(records.join("forks")) else { return Vec::new() };
    listing.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_growing_log_is_cosigned_and_the_witness_says_from_where() {
    let (witness, _records) = witness();
    let (log, _folder) = log_of(0);
    // From the empty tree on; each time as if nothing were known of the witness, and as if all were.
    let mut last = 0;
    for size in [0, 1, 2, 255, 256, 257, 700] {
        fill(&log, size);
        assert_eq!(ask(&log, &witness, 0).unwrap().time(), NOW);
        assert_eq!(witness.logs(), [(ORIGIN.to_owned(), size)]);
        assert!(ask(&log, &witness, size).is_ok(), "the same again, for a fresh time");
        assert!(size == last || ask(&log, &witness, last).is_ok(), "{last} is corrected to {size}");
        last = size;
    }
}

#[test]
fn a_whole_checkpoint_is_that_of_the_specification() {
    let (witness, _records) = witness();
    let (log, folder) = log_of(1);
    let petition = Petition::new(&log, 0).unwrap();
    assert_eq!(petition.request(&log).unwrap(), format!("old 0\n\n{}", log.checkpoint()));
    let cosignature = witness.add_checkpoint(petition.request(&log).unwrap().as_bytes(), 1_679_315_147).unwrap();
    let quorum = Quorum::new(vec![cosigner().key().clone()], 1).unwrap();
    let witnessed = Witnessed::open(dir(folder.path()), &log, quorum).unwrap();
    assert!(witnessed.publish(&petition.checkpoint(), &[cosignature]).unwrap());
    // Computed with another implementation, from the keys' seeds and the entry `leaf 0`.
    let expected = "host.example/detention\n1\nG7l9zCFjXUfiZj79/QoXRobZjdcBNS3SzQbotD/T0wU=\n\n\
        — host.example/detention 97BZFj9PIrzQniUGO/L+WztgdPMPMYWM2cn7NUuEpOUvqhIC85ePP0aXs83eHtwpH/63cn2IEfpHdNOQei15fuKRKwQ=\n\
        — witness.example/w1 JLXZ/gAAAABkGFDLVnIKCdJ17ur1l1TMiz2y8KqIfmiTIVhLOX0745ayKtC4IO48CJ2e+A9jDhM++G2p7keQEbs4PY23Sp+bKugJCQ==\n";
    assert_eq!(*witnessed.checkpoint().unwrap(), *expected);
    assert_eq!(fs::read_to_string(folder.path().join("checkpoint.witnessed")).unwrap(), expected);
}

#[test]
fn a_fork_is_refused_and_both_checkpoints_are_kept() {
    for (before, theirs, mine) in [(3, 10, 12), (0, 1, 2), (300, 700, 1_000), (5, 6, 6)] {
        let (witness, records) = witness();
        let (log, folder) = log_of(before);
        let (other, _other) = forked(folder.path());
        fill(&log, theirs);
        ask(&log, &witness, 0).unwrap();
        let cosigned = log.checkpoint();

        while other.size() < mine {
            other.append_blocking(format!("another {}", other.size()).into_bytes()).unwrap();
        }
        for _ in 0..2 {
            let refused = ask(&other, &witness, 0).unwrap_err();
            assert!(matches!(refused, PetitionError::Fork { old, size } if (old, size) == (theirs, mine)), "{refused}");
            assert!(refused.is_dispute());
        }
        let kept = evidence(records.path());
        assert_eq!(kept.len(), 1, "the same evidence once");
        assert!(kept[0].contains(&*cosigned) && kept[0].contains(&*other.checkpoint()), "{}", kept[0]);
        assert_eq!(witness.logs(), [(ORIGIN.to_owned(), theirs)], "the record stands");
        fill(&log, theirs + 1);
        ask(&log, &witness, theirs).unwrap();
    }
}

#[test]
fn two_roots_for_one_size_prove_the_fork_by_themselves() {
    let (witness, _records) = witness();
    let (log, folder) = log_of(4);
    let (other, _other) = forked(folder.path());
    log.append_blocking(b"one".to_vec()).unwrap();
    other.append_blocking(b"other".to_vec()).unwrap();
    ask(&log, &witness, 0).unwrap();
    let request = Petition::new(&other, 5).unwrap().request(&other).unwrap();
    let refused = witness.add_checkpoint(request.as_bytes(), NOW).unwrap_err();
    assert_eq!(refused.status(), 409);
    let Refusal::Fork { fork, kept } = refused else { panic!("{refused}") };
    assert!(fork.is_proven() && kept.contains("forks/"), "{kept}");
    assert_eq!((&*fork.known.checkpoint, &*fork.offered.checkpoint), (&*log.checkpoint(), &*other.checkpoint()));
}

#[test]
fn a_log_put_back_to_an_earlier_state_is_noticed() {
    let (witness, records) = witness();
    let (log, folder) = log_of(5);
    let (earlier, _earlier) = forked(folder.path());
    fill(&log, 20);
    ask(&log, &witness, 0).unwrap();
    let refused = ask(&earlier, &witness, 0).unwrap_err();
    assert!(matches!(refused, PetitionError::Ahead { latest: 20, size: 5 }) && refused.is_dispute(), "{refused}");
    // Nor does it help to lie about what was cosigned.
    let replayed = AddCheckpoint { old: 20, proof: vec![], checkpoint: earlier.checkpoint().to_string() }.to_string();
    let refused = witness.add_checkpoint(replayed.as_bytes(), NOW).unwrap_err();
    assert_eq!((refused.status(), &refused), (400, &Refusal::Order { old: 20, size: 5 }));
    assert_eq!(witness.logs(), [(ORIGIN.to_owned(), 20)]);
    assert!(evidence(records.path()).is_empty(), "an earlier checkpoint is no evidence of anything");
    // Once it has grown beyond, it is the same history again.
    fill(&earlier, 25);
    ask(&earlier, &witness, 0).unwrap();
}

#[test]
fn a_witness_knows_after_a_restart_what_it_cosigned() {
    let (witness, records) = witness();
    let (log, folder) = log_of(5);
    let (other, _other) = forked(folder.path());
    fill(&log, 9);
    ask(&log, &witness, 0).unwrap();
    drop(witness);
    let witness = start(records.path());
    assert_eq!(witness.logs(), [(ORIGIN.to_owned(), 9)]);
    other.append_blocking(b"another".to_vec()).unwrap();
    assert!(matches!(ask(&other, &witness, 0), Err(PetitionError::Ahead { .. })));
    fill(&log, 11);
    ask(&log, &witness, 9).unwrap();
}

#[test]
fn hostile_requests_are_refused_as_the_specification_says() {
    let (witness, _records) = witness();
    let (log, _folder) = log_of(9);
    let good = Petition::new(&log, 0).unwrap().request(&log).unwrap();
    let stranger = Ed25519Signer::from_seed("host.example/other", [1; 32]).unwrap();
    let impostor = Ed25519Signer::from_seed(ORIGIN, [1; 32]).unwrap();
    let signed_by = |signer: Ed25519Signer, origin: &str| {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(dir(folder.path()), origin, std::sync::Arc::new(signer)).unwrap().log;
        log.append_blocking(leaf(0)).unwrap();
        format!("old 0\n\n{}", log.checkpoint())
    };
    for (request, status) in [
        (String::new(), 400),
        ("old 0\n\n".to_owned(), 400),
        ("old 0\n\nnonsense\n\n— a b\n".to_owned(), 400),
        (good.replace("old 0", "old 00"), 400),
        (good.replace("old 0", "old 10"), 400),
        (good.replace("— ", "- "), 400),
        (good.replace("\n9\n", "\n09\n"), 400),
        (good.trim_end().to_owned(), 400),
        ("x".repeat(MAX_REQUEST_BYTES + 1), 400),
        (good.replace("\n9\n", "\n8\n"), 403),
        (signed_by(impostor, ORIGIN), 403),
        (signed_by(stranger, "host.example/other"), 404),
        (good.replace("old 0", "old 3"), 409),
        (good.replace("old 0\n", "old 0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), 422),
    ] {
        let refused = witness.add_checkpoint(request.as_bytes(), NOW).unwrap_err();
        assert_eq!(refused.status(), status, "{refused}: {}", request.chars().take(300).collect::<String>());
    }
    assert_eq!(witness.logs(), [(ORIGIN.to_owned(), 0)], "nothing was recorded");
    let named = witness.add_checkpoint(good.replace("old 0", "old 3").as_bytes(), NOW).unwrap_err();
    assert_eq!(named.body(), ("text/x.tlog.size", "0\n".to_owned()));
    witness.add_checkpoint(good.as_bytes(), NOW).unwrap();
}

#[test]
fn hostile_answers_are_no_cosignatures() {
    let (witness, _records) = witness();
    let (log, _folder) = log_of(9);
    let real = ask(&log, &witness, 0).unwrap().to_string();
    let asked = |status: u16, media_type: &str, body: &str| {
        let mut petition = Petition::new(&log, 4).unwrap();
        petition.answered(witness.key(), status, media_type, body.as_bytes())
    };
    assert!(asked(200, "", &format!("— somebody.else AAAAAAAAAAAA\n{real}")).unwrap().is_some());
    for body in ["", "nonsense", &real.replace("JLXZ", "JLXY"), &log.checkpoint(), &"x".repeat(1 << 20)] {
        assert!(matches!(asked(200, "", body), Err(PetitionError::Foreign { .. })), "{body}");
    }
    let size = "text/x.tlog.size";
    assert!(asked(409, size, "7\n").unwrap().is_none(), "to be asked again");
    assert!(matches!(asked(409, size, "10\n"), Err(PetitionError::Ahead { latest: 10, size: 9 })));
    for body in ["", "7", "07\n", "-1\n", "4\n", "99999999999999999999999\n"] {
        assert!(matches!(asked(409, size, body), Err(PetitionError::Refused { .. })), "{body}");
    }
    assert!(matches!(asked(422, "", ""), Err(PetitionError::Fork { old: 4, size: 9 })));
    for status in [302, 403, 404, 409, 500, 503] {
        let refused = asked(status, "text/plain", "\u{1b}[31mno").unwrap_err();
        assert!(!refused.is_dispute() && !refused.to_string().contains('\u{1b}'), "{refused}");
    }
}

#[test]
fn what_is_published_has_its_quorum_and_never_goes_back() {
    let (log, folder) = log_of(9);
    let keys: Vec<WitnessKey> =
        (1..=3).map(|n| Cosigner::from_seed(&format!("w{n}"), [n; 32]).unwrap().key().clone()).collect();
    let witnesses: Vec<_> = (1..=3u8)
        .map(|n| {
            let records = tempfile::tempdir().unwrap();
            Witness::create(&dir(records.path())).unwrap();
            let cosigner = Cosigner::from_seed(&format!("w{n}"), [n; 32]).unwrap();
            (Witness::open(dir(records.path()), cosigner, vec![key()]).unwrap(), records)
        })
        .collect();
    let two_of_three = || Quorum::new(keys.clone(), 2).unwrap();
    let witnessed = Witnessed::open(dir(folder.path()), &log, two_of_three()).unwrap();
    assert_eq!((witnessed.checkpoint(), witnessed.size()), (None, None));

    let nine = log.checkpoint();
    let mut cosignatures = vec![ask(&log, &witnesses[0].0, 0).unwrap()];
    assert!(!witnessed.publish(&nine, &cosignatures).unwrap());
    assert!(!witnessed.publish(&nine, &[cosignatures[0].clone(), cosignatures[0].clone()]).unwrap());
    assert_eq!(witnessed.checkpoint(), None);
    cosignatures.push(ask(&log, &witnesses[2].0, 0).unwrap());
    assert!(witnessed.publish(&nine, &cosignatures).unwrap());
    assert_eq!(witnessed.size(), Some(9));
    assert!(two_of_three().is_met(&witnessed.checkpoint().unwrap()));

    fill(&log, 12);
    let twelve = log.checkpoint();
    assert!(!witnessed.publish(&twelve, &cosignatures).unwrap(), "cosignatures of another checkpoint");
    let newer = [ask(&log, &witnesses[1].0, 0).unwrap(), ask(&log, &witnesses[2].0, 9).unwrap()];
    assert!(witnessed.publish(&twelve, &newer).unwrap());
    assert!(witnessed.publish(&nine, &cosignatures).unwrap());
    assert_eq!(witnessed.size(), Some(12), "the older one changes nothing");
    drop(witnessed);

    let again = Witnessed::open(dir(folder.path()), &log, two_of_three()).unwrap();
    assert_eq!(again.size(), Some(12));
    let all = Witnessed::open(dir(folder.path()), &log, Quorum::new(keys.clone(), 3).unwrap()).unwrap();
    assert_eq!(all.size(), None, "today three are demanded");
    log.close().unwrap();
    assert_eq!(crate::common::verified(folder.path()).0, 12, "the folder verifies with the file in it");
}

#[test]
fn a_log_that_lost_what_was_witnessed_is_found_out_when_opened() {
    let (witness, _records) = witness();
    let quorum = || Quorum::new(vec![cosigner().key().clone()], 1).unwrap();
    let (log, folder) = log_of(5);
    let (shorter, short) = forked(folder.path());
    fill(&log, 9);
    let cosignature = ask(&log, &witness, 0).unwrap();
    let witnessed = Witnessed::open(dir(folder.path()), &log, quorum()).unwrap();
    assert!(witnessed.publish(&log.checkpoint(), &[cosignature]).unwrap());

    fs::copy(folder.path().join("checkpoint.witnessed"), short.path().join("checkpoint.witnessed")).unwrap();
    let open = || Witnessed::open(dir(short.path()), &shorter, quorum()).map(drop);
    assert!(matches!(open(), Err(VerifyError::Rollback { earlier: 9, size: 5 })));
    for _ in 0..6 {
        shorter.append_blocking(b"another history".to_vec()).unwrap();
    }
    assert!(matches!(open(), Err(VerifyError::Forked { size: 9 })));
    fs::write(short.path().join("checkpoint.witnessed"), "nonsense").unwrap();
    assert!(matches!(open(), Err(VerifyError::Directory(_))));
}

#[test]
fn a_new_key_of_a_log_is_taken_beside_the_old_one() {
    let records = tempfile::tempdir().unwrap();
    Witness::create(&dir(records.path())).unwrap();
    let other: VerifierKey = {
        use magistrate_audit::Signer as _;
        Ed25519Signer::from_seed(ORIGIN, [1; 32]).unwrap().verifier_key().parse().unwrap()
    };
    let witness = Witness::open(dir(records.path()), cosigner(), vec![other, key()]).unwrap();
    let (log, _folder) = log_of(3);
    ask(&log, &witness, 0).unwrap();
    assert_eq!(witness.logs(), [(ORIGIN.to_owned(), 3)]);
}
