//! Whatever steps are taken, in whatever order and by whomever: nothing is released without the signatures demanded, and a
//! step that is not taken changes nothing but the log.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, RECORDS, SECOND, SUPERVISOR, agree, answers, court, intake, outgoing, said,
    signing, text,
};
use casework::CaseError;
use casework::access::Change;
use casework::acknowledgement::Acknowledgement;
use casework::intake::Intake;
use casework::search_step::Plan;
use casework::waiver::Asking;
use magistrate_casework as casework;
use model::facts::{AccessChange, Conclusion, Device, Likeness};
use model::registry::Principal;
use model::terms::{Digest, Value};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use store::test_support::RowAtRest;

/// Requests tried, each with a walk of its own.
const WALKS: u64 = 24;

/// Steps of a walk.
const STEPS: usize = 30;

const PEOPLE: [&str; 4] = [FIRST, SECOND, SUPERVISOR, ASKER];

/// Who suspends and reinstates, and whom.
const LASO: &str = "l.ortega";
const SUSPENDED: &str = SECOND;

/// What a walk knows of a request, by its own account.
#[derive(Default)]
struct Tally {
    /// The list that stands; none before there is one.
    records: Vec<String>,
    /// Whose signature stands, in which role, for what.
    signed: BTreeMap<&'static str, (&'static str, Conclusion)>,
    opened: BTreeSet<&'static str>,
    /// What was said of all candidates last.
    disposed: Option<Likeness>,
    suspended: bool,
    /// Whether candidates left with the release, once there is one.
    released: Option<bool>,
    /// Whether a supervisor approves of the request first.
    approved_first: bool,
    /// Whether it goes towards a lead.
    lead: bool,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Taken,
    /// It waits for others: on record with what it demands.
    Waits,
    /// It was not taken; `demands` where the denial itself demands something of somebody.
    Refused {
        demands: bool,
    },
}

fn came<T>(taken: Result<T, CaseError>) -> Came {
    match taken {
        Ok(_) => Came::Taken,
        Err(CaseError::Waits(_)) => Came::Waits,
        Err(CaseError::Refused { rulings, .. }) => {
            Came::Refused { demands: rulings.rulings.iter().any(|r| !r.decision.obligations.is_empty()) }
        }
        Err(CaseError::OutOfPlace(..) | CaseError::Rejected(_)) => Came::Refused { demands: false },
        Err(e) => panic!("neither taken nor refused: {e:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_steps_releases_without_the_signatures_demanded() {
    let Some(court) = court().await else { return };
    let (mut leads, mut no_leads, mut refused) = (0, 0, 0);
    for seed in 0..WALKS {
        let (released, not_taken) = walk(&court, seed).await;
        leads += usize::from(released == Some(true));
        no_leads += usize::from(released == Some(false));
        refused += not_taken;
    }
    println!("{leads} leads and {no_leads} without one in {WALKS} walks, and {refused} steps that were not taken");
    assert!(leads > 0 && no_leads > 0, "{leads} leads and {no_leads} without one: nothing was tried");
    assert!(refused > usize::try_from(WALKS).unwrap(), "{refused} steps that were not taken: nothing was tried");
    agree(&court.casework).await;
}

/// Walks; gives what was released, if anything was, and how many steps were not taken.
async fn walk(court: &Court, seed: u64) -> (Option<bool>, usize) {
    let mut dice = StdRng::seed_from_u64(seed);
    // The policy bounds one person's searches in an hour.
    court.clock.fetch_add(600_000, Ordering::AcqRel);
    let mut tally = Tally { lead: seed.is_multiple_of(2), approved_first: seed % 4 >= 2, ..Tally::default() };
    let actor = court.who(FIRST).await;
    let opening = opening(seed, tally.approved_first);
    let request = court.casework.open_request(&actor, JURISDICTION, opening).await.unwrap().request.request.id;
    let mut not_taken = 0;
    let mut before = state(court, &request).await;
    for step in 0..STEPS {
        let came = stride(court, &mut dice, &request, &mut tally).await;
        let after = state(court, &request).await;
        if let Came::Refused { demands } = came {
            not_taken += 1;
            let (mut stood, mut stands) = (before, after.clone());
            if demands {
                stood.forget_demands();
                stands.forget_demands();
            }
            assert_eq!(stood.seen, stands.seen, "seed {seed}, step {step}: the request is as it was");
            assert!(stood.rows == stands.rows, "seed {seed}, step {step}: {}", differing(&stood.rows, &stands.rows));
        }
        before = after;
    }
    if tally.suspended {
        assert_eq!(access(court, AccessChange::Reinstate).await, Came::Taken);
    }
    (tally.released, not_taken)
}

/// A request that is permitted; of a crime that the directive does not name where a supervisor is to confirm it first.
fn opening(seed: u64, approved_first: bool) -> Intake {
    let mut opening = intake(usize::try_from(seed).unwrap() % RECORDS);
    if approved_first {
        opening.answers.insert("crime".to_owned(), text("carjacking"));
    }
    opening
}

/// Everything that is seen of a request but that steps were refused, and every row but the log's.
#[derive(Clone)]
struct Stand {
    seen: serde_json::Value,
    rows: Vec<RowAtRest>,
}

impl Stand {
    /// Leaves out what decisions demand.
    fn forget_demands(&mut self) {
        for what in ["obligations", "waits_for", "next"] {
            self.seen.as_object_mut().unwrap().remove(what);
        }
        self.rows.retain(|row| !["obligation", "imposition"].contains(&row.table));
    }
}

async fn state(court: &Court, request: &str) -> Stand {
    let mut seen = serde_json::to_value(court.seen(request).await).unwrap();
    seen.as_object_mut().unwrap().remove("refusals");
    let mut rows = court.rows_but_the_logs().await;
    // Whoever reads this list tidies it: what leads nowhere any more is taken out.
    rows.retain(|row| row.table != "obligation_wake");
    Stand { seen, rows }
}

/// The tables and keys of rows that are in one of the two only.
fn differing(one: &[RowAtRest], other: &[RowAtRest]) -> String {
    let only = |a: &[RowAtRest], b: &[RowAtRest]| {
        a.iter().filter(|row| !b.contains(row)).map(|row| format!("{} {}", row.table, row.key)).collect::<Vec<_>>()
    };
    format!("rows that went {:?}, rows that came {:?}", only(one, other), only(other, one))
}

async fn let_in(court: &Court, who: &str) -> bool {
    let (jurisdiction, person) = (JURISDICTION.to_owned(), who.to_owned());
    court.casework.registered(&Principal { jurisdiction, person, device: Device::Fixed }).await.is_ok()
}

/// One step: as often as not one that helps, else one at random.
async fn stride(court: &Court, dice: &mut StdRng, request: &str, tally: &mut Tally) -> Came {
    if dice.random_ratio(1, 2) {
        return helpful(court, request, tally).await;
    }
    let who = PEOPLE[dice.random_range(0..PEOPLE.len())];
    if !let_in(court, who).await {
        assert!(tally.suspended && who == SUSPENDED, "{who} is let in");
        return Came::Refused { demands: false };
    }
    match dice.random_range(0..16) {
        0..3 => look(court, who, request, tally).await,
        3..5 => {
            let likeness = [Likeness::Possible, Likeness::Excluded, Likeness::Inconclusive][dice.random_range(0..3)];
            dispose(court, who, request, likeness, tally).await
        }
        5..8 => {
            let conclusion = match (who, dice.random_range(0..4)) {
                (SUPERVISOR, _) => Conclusion::Approved,
                (_, 0) => Conclusion::NoLead,
                _ => Conclusion::Lead,
            };
            sign(court, who, request, conclusion, tally).await
        }
        8..10 => release(court, who, request, dice.random_range(0..=1), tally).await,
        10 => search(court, who, request, tally).await,
        11 => acknowledge(court, who, request).await,
        12 => came(court.hand_over(who, request).await),
        13 => came(court.outcome(who, request).await),
        14 => waive(court, who, request).await,
        _ => {
            let change = if tally.suspended { AccessChange::Reinstate } else { AccessChange::Suspend };
            let came = access(court, change).await;
            tally.suspended ^= came == Came::Taken;
            came
        }
    }
}

/// The next step towards what the walk goes for.
async fn helpful(court: &Court, request: &str, tally: &mut Tally) -> Came {
    if tally.suspended {
        let came = access(court, AccessChange::Reinstate).await;
        tally.suspended = came != Came::Taken;
        return came;
    }
    if tally.released.is_some() {
        return came(court.hand_over(FIRST, request).await);
    }
    if tally.records.is_empty() {
        let approved = tally.signed.get(SUPERVISOR).is_some_and(|(_, said)| *said == Conclusion::Approved);
        if tally.approved_first && !approved {
            return sign(court, SUPERVISOR, request, Conclusion::Approved, tally).await;
        }
        return search(court, FIRST, request, tally).await;
    }
    for examiner in [FIRST, SECOND] {
        if !tally.opened.contains(examiner) {
            return look(court, examiner, request, tally).await;
        }
    }
    let (likeness, conclusion) =
        if tally.lead { (Likeness::Possible, Conclusion::Lead) } else { (Likeness::Excluded, Conclusion::NoLead) };
    let other = |(role, said): &(&str, Conclusion)| *role == "examiner" && *said != conclusion;
    if tally.disposed != Some(likeness) || tally.signed.values().any(other) {
        return dispose(court, FIRST, request, likeness, tally).await;
    }
    for (who, concludes) in [(FIRST, conclusion), (SECOND, conclusion), (SUPERVISOR, Conclusion::Approved)] {
        if !tally.signed.contains_key(who) {
            return sign(court, who, request, concludes, tally).await;
        }
    }
    release(court, FIRST, request, usize::from(tally.lead), tally).await
}

async fn look(court: &Court, who: &'static str, request: &str, tally: &mut Tally) -> Came {
    let came = came(court.look(who, request).await);
    if came == Came::Taken {
        tally.opened.insert(who);
    }
    came
}

/// A list that is found anew is nobody's yet but of whoever searched, and nothing of what was said and signed is of it.
async fn search(court: &Court, who: &'static str, request: &str, tally: &mut Tally) -> Came {
    let open = court.casework.request(JURISDICTION, request).await.unwrap();
    let plan = Plan { candidates: Some(3), ..Plan::default() };
    let searched = court.casework.search(&court.who(who).await, &open, plan).await;
    if let Ok(searched) = &searched {
        assert!(tally.released.is_none(), "searched after the release");
        tally.records = searched.candidates.iter().map(|c| c.record_id.clone()).collect();
        assert_eq!(tally.records.len(), 3);
        tally.opened = [who].into();
        tally.signed.clear();
        tally.disposed = None;
    }
    came(searched)
}

async fn dispose(court: &Court, who: &str, request: &str, likeness: Likeness, tally: &mut Tally) -> Came {
    let all = tally.records.iter().map(|r| said(r, likeness)).collect();
    let came = came(court.dispose(who, request, all).await);
    if came == Came::Taken {
        assert!(tally.released.is_none(), "disposed of after the release");
        tally.signed.clear();
        tally.disposed = Some(likeness);
    }
    came
}

async fn sign(court: &Court, who: &'static str, request: &str, conclusion: Conclusion, tally: &mut Tally) -> Came {
    let role = if who == SUPERVISOR { "ciu-supervisor" } else { "examiner" };
    let came = came(court.sign(who, request, signing(role, conclusion)).await);
    if came == Came::Taken {
        // Before the release another conclusion takes the place of the first.
        let again = tally.signed.insert(who, (role, conclusion)) == Some((role, conclusion));
        // Whoever approves of what waits does so once more where it is asked of them anew.
        assert!(!again || (tally.approved_first && conclusion == Conclusion::Approved), "{who} signed the same twice");
    }
    came
}

async fn release(court: &Court, who: &str, request: &str, candidates: usize, tally: &mut Tally) -> Came {
    let some = tally.records.iter().take(candidates).cloned().collect::<Vec<_>>();
    let came = came(court.release(who, request, outgoing(&some)).await);
    if came == Came::Taken {
        assert!(tally.released.is_none(), "released twice");
        may_leave(tally, !some.is_empty());
        tally.released = Some(!some.is_empty());
    }
    came
}

/// Of a statement that nobody asked for.
async fn acknowledge(court: &Court, who: &str, request: &str) -> Came {
    let given =
        Acknowledgement { statement: "investigative-lead".to_owned(), text: None, digest: Some(Digest::of(b"x")) };
    let came = came(court.casework.acknowledge(&court.who(who).await, JURISDICTION, request, given).await);
    assert_ne!(came, Came::Taken, "{who} acknowledged other words");
    came
}

/// Of whatever is open: the directive lets nobody.
async fn waive(court: &Court, who: &str, request: &str) -> Came {
    let owed = court.seen(request).await.obligations;
    let Some(open) = owed.iter().find(|owed| owed.is_open()) else { return Came::Refused { demands: false } };
    let asking = Asking { reason: "nobody has the time".to_owned(), answers: BTreeMap::new() };
    let came = came(court.casework.waive(&court.who(who).await, JURISDICTION, &open.id, asking).await);
    assert_ne!(came, Came::Taken, "{who} waived {open:?}");
    came
}

async fn access(court: &Court, change: AccessChange) -> Came {
    let given =
        answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))]);
    let change = Change { change, roles: vec![], reason: "as the walk goes".to_owned(), answers: given };
    came(court.casework.change_access(&court.who(LASO).await, JURISDICTION, SUSPENDED, change).await)
}

/// What the directive wants of a release, counted anew: for a lead two examiners and a supervisor, and everybody who opened
/// the list; without one an examiner and somebody else. Whoever is suspended does not count.
fn may_leave(tally: &Tally, lead: bool) {
    assert!(tally.disposed.is_some(), "nobody said what the candidates are");
    let counts = |who: &str| !(tally.suspended && who == SUSPENDED);
    let of = |role: &str, conclusion: Conclusion| {
        tally.signed.iter().filter(|signed| counts(signed.0) && *signed.1 == (role, conclusion)).count()
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
