//! Whatever steps are taken, in whatever order and by whomever: nothing is released without the signatures demanded, and a
//! step that is not taken changes nothing but the log.

use crate::common::{ASKER, Court, FIRST, SECOND, SUPERVISOR, court, outgoing, said, signing};
use model::facts::{Conclusion, Likeness};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};

/// Requests tried, each with a walk of its own.
const WALKS: u64 = 24;

/// Steps of a walk.
const STEPS: usize = 16;

const PEOPLE: [&str; 4] = [FIRST, SECOND, SUPERVISOR, ASKER];

/// What a walk knows of a request, by its own account.
#[derive(Default)]
struct Tally {
    /// Whose signature stands, in which role, for what.
    signed: BTreeMap<&'static str, (&'static str, Conclusion)>,
    opened: BTreeSet<&'static str>,
    disposed: bool,
    released: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_steps_releases_without_the_signatures_demanded() {
    let Some(court) = court().await else { return };
    let mut released = 0;
    for seed in 0..WALKS {
        released += usize::from(walk(&court, seed).await);
    }
    println!("{released} of {WALKS} walks released");
}

async fn walk(court: &Court, seed: u64) -> bool {
    let mut dice = StdRng::seed_from_u64(seed);
    // The policy bounds one person's searches in an hour.
    court.clock.fetch_add(600_000, std::sync::atomic::Ordering::AcqRel);
    let (request, records) = court.searched(usize::try_from(seed).unwrap() % crate::common::RECORDS, 3).await;
    let mut tally = Tally { opened: [FIRST].into(), ..Tally::default() };
    for step in 0..STEPS {
        let before = state(court, &request).await;
        let taken = stride(court, &mut dice, &request, &records, &mut tally).await;
        let after = state(court, &request).await;
        if !taken {
            assert_eq!(before, after, "seed {seed}, step {step}: a step that was not taken changed something");
        }
    }
    tally.released
}

/// Everything that is seen of a request but that steps were refused.
async fn state(court: &Court, request: &str) -> serde_json::Value {
    let mut seen = serde_json::to_value(court.seen(request).await).unwrap();
    seen.as_object_mut().unwrap().remove("refusals");
    seen
}

/// One step at random. Whether it was taken.
async fn stride(court: &Court, dice: &mut StdRng, request: &str, records: &[String], tally: &mut Tally) -> bool {
    let who = PEOPLE[dice.random_range(0..PEOPLE.len())];
    // A step that helps is as likely as one that does not.
    match dice.random_range(0..10) {
        0..2 => {
            let taken = court.look(who, request).await.is_ok();
            if taken {
                tally.opened.insert(who);
            }
            taken
        }
        2..4 => {
            let likeness = [Likeness::Possible, Likeness::Excluded, Likeness::Inconclusive][dice.random_range(0..3)];
            let all = records.iter().map(|r| said(r, likeness)).collect();
            let taken = court.dispose(who, request, all).await.is_ok();
            if taken {
                tally.signed.clear();
                tally.disposed = true;
            }
            taken
        }
        4..8 => {
            let role = if who == SUPERVISOR { "ciu-supervisor" } else { "examiner" };
            let conclusion = match (who, dice.random_range(0..4)) {
                (SUPERVISOR, _) => Conclusion::Approved,
                (_, 0) => Conclusion::NoLead,
                _ => Conclusion::Lead,
            };
            let taken = court.sign(who, request, signing(role, conclusion)).await.is_ok();
            if taken {
                let before = tally.signed.insert(who, (role, conclusion));
                assert_ne!(before, Some((role, conclusion)), "{who} signed the same twice");
            }
            taken
        }
        _ => {
            let some = dice.random_range(0..=1);
            let taken = court.release(who, request, outgoing(&records[..some])).await.is_ok();
            if taken {
                assert!(!tally.released, "released twice");
                may_leave(tally, some > 0);
                tally.released = true;
            }
            taken
        }
    }
}

/// What the directive wants of a release, counted anew: for a lead two examiners and a supervisor, and everybody who opened
/// the list; without one an examiner and somebody else.
fn may_leave(tally: &Tally, lead: bool) {
    assert!(tally.disposed, "nobody said what the candidates are");
    let of = |role: &str, conclusion: Conclusion| {
        tally.signed.values().filter(|(r, c)| *r == role && *c == conclusion).count()
    };
    let supervisors = of("ciu-supervisor", Conclusion::Approved);
    if lead {
        assert_eq!((of("examiner", Conclusion::Lead), of("examiner", Conclusion::NoLead)), (2, 0));
        assert_eq!(supervisors, 1);
        assert!(
            tally.opened.iter().all(|who| tally.signed.contains_key(who)),
            "somebody who saw the list did not sign"
        );
    } else {
        let examiners = of("examiner", Conclusion::NoLead);
        assert!(examiners >= 1 && examiners + supervisors >= 2);
    }
}
