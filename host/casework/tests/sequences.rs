//! Whatever steps are taken, in whatever order and by whomever: nothing is released without the signatures demanded, and a
//! step that is not taken changes nothing but the log.

use crate::common::came::{Came, came, differing, forget_demands, stated};
use crate::common::record::{DIRECTIVE, DIRECTIVE_APPROVED, Record};
use crate::common::{
    ASKER, Court, FIRST, GALLERY, JURISDICTION, RECORDS, SECOND, SUPERVISOR, agree, answers, batch, court, intake,
    outgoing, registered, said, signing, text,
};
use casework::access::Change;
use casework::acknowledgement::Acknowledgement;
use casework::enroll::Batch;
use casework::intake::Intake;
use casework::registration::{self, Registration};
use casework::report::Asked;
use casework::search_step::Plan;
use casework::violation::Report;
use casework::{retention, waiver};
use magistrate_casework as casework;
use model::account::Retained;
use model::facts::{AccessChange, Conclusion, Likeness};
use model::registry::Particulars;
use model::role::Held;
use model::terms::{Date, Digest, Instant, Value};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use store::test_support::RowAtRest;

/// Requests tried, each with a walk of its own.
const WALKS: u64 = 24;

/// Steps of a walk.
const STEPS: usize = 40;

const DAY_MS: u64 = 86_400_000;

const PEOPLE: [&str; 4] = [FIRST, SECOND, SUPERVISOR, ASKER];

/// Who decides how somebody stands, and of whom.
const LASO: &str = "l.ortega";
const UNSETTLED: &str = SECOND;

/// Who reads the log.
const AUDITOR: &str = "a.feld";

/// The role that is theirs to keep and to lose, and one that they hold beside it, so that they are never out for want of any.
const EXAMINER: &str = "examiner";
const BESIDE: &str = "registrar";

/// Their unit, and another one.
const UNIT: &str = "ciu";
const ELSEWHERE: &str = "patrol";

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
    /// Whether they are of another unit now.
    away: bool,
    /// Whether they hold the role no longer.
    without_role: bool,
    /// Whether they hold it today for the last time.
    until_today: bool,
    /// Whether the probe is held, and whether it is destroyed.
    held: bool,
    purged: bool,
    /// Whether it was tried to release while somebody who signed was of another unit.
    moved: bool,
    /// Whether candidates left with the release, once there is one.
    released: Option<bool>,
    /// Whether a supervisor approves of the request first.
    approved_first: bool,
    /// Whether it goes towards a lead.
    lead: bool,
}

impl Tally {
    /// Whether somebody may examine now, and what they signed counts.
    fn stands(&self, who: &str) -> bool {
        who != UNSETTLED || !(self.suspended || self.away || self.without_role)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_steps_releases_without_the_signatures_demanded() {
    let Some(court) = court().await else { return };
    let granted = access(&court, LASO, AccessChange::Grant, vec![BESIDE.into()]).await;
    assert_eq!(granted, Came::Taken);
    let mut record = Record::begin(&court.casework, &[JURISDICTION]);
    let (mut leads, mut no_leads, mut refused) = (0, 0, 0);
    for seed in 0..WALKS {
        let (released, not_taken) = walk(&court, seed, &mut record).await;
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
async fn walk(court: &Court, seed: u64, record: &mut Record) -> (Option<bool>, usize) {
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
    while let Some(came) = put_right(court, &mut tally).await {
        assert_eq!(came, Came::Taken, "seed {seed}: it is put right");
    }
    if tally.until_today {
        assert_eq!(grant(court, None, &mut tally).await, Came::Taken, "seed {seed}: for good again");
    }
    record.read(&court.casework, JURISDICTION, AUDITOR).await;
    let told = record.told(&request, if tally.approved_first { &DIRECTIVE_APPROVED } else { &DIRECTIVE });
    assert!(told.faults.is_empty() && !told.is_searching(), "seed {seed}: {told:?}");
    assert_eq!(told.released.map(|candidates| candidates > 0), tally.released, "seed {seed}: as the log has it");
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
        forget_demands(&mut self.rows);
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

/// One step: as often as not one that helps, else one at random.
async fn stride(court: &Court, dice: &mut StdRng, request: &str, tally: &mut Tally) -> Came {
    if dice.random_ratio(1, 2) {
        return helpful(court, request, tally).await;
    }
    let who = PEOPLE[dice.random_range(0..PEOPLE.len())];
    if registered(&court.casework, JURISDICTION, who).await.is_err() {
        assert!(tally.suspended && who == UNSETTLED, "{who} is let in");
        return Came::Refused { demands: false };
    }
    match dice.random_range(0..26) {
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
        15 if tally.suspended => reinstate(court, tally).await,
        15 => suspend(court, tally).await,
        16 if tally.without_role => grant(court, None, tally).await,
        16 => withdraw(court, tally).await,
        17 => grant(court, Some(today(court)), tally).await,
        18 => assign(court, if tally.away { UNIT } else { ELSEWHERE }, tally).await,
        19 => another_day(court, tally).await,
        20 => keep(court, who, request, retention::Change::Hold, tally).await,
        21 => keep(court, who, request, retention::Change::Lift, tally).await,
        22 => keep(court, who, request, retention::Change::Purge, tally).await,
        23 => violation(court, who, request).await,
        _ => apart(court, dice.random_range(0..6), request).await,
    }
}

/// The next step towards what the walk goes for.
async fn helpful(court: &Court, request: &str, tally: &mut Tally) -> Came {
    if let Some(came) = put_right(court, tally).await {
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
    if !std::mem::replace(&mut tally.moved, true) {
        let moved = assign(court, ELSEWHERE, tally).await;
        assert_eq!(moved, Came::Taken);
        // Without a lead two others suffice.
        let left = release(court, FIRST, request, usize::from(tally.lead), tally).await;
        assert!(!tally.lead || left != Came::Taken, "released while somebody who signed was of another unit");
        return moved;
    }
    release(court, FIRST, request, usize::from(tally.lead), tally).await
}

/// The next step that puts right how the examiner stands, if anything is wrong.
async fn put_right(court: &Court, tally: &mut Tally) -> Option<Came> {
    let came = if tally.suspended {
        reinstate(court, tally).await
    } else if tally.away {
        assign(court, UNIT, tally).await
    } else if tally.without_role {
        grant(court, None, tally).await
    } else {
        return None;
    };
    Some(came)
}

async fn look(court: &Court, who: &'static str, request: &str, tally: &mut Tally) -> Came {
    let came = came(court.look(who, request).await);
    if came == Came::Taken {
        assert!(tally.stands(who), "{who} looked");
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
        assert!(tally.released.is_none() && !tally.purged, "searched after the release, or without a probe");
        assert!(tally.stands(who), "{who} searched");
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
        assert!(tally.stands(who), "{who} said what candidates are");
        tally.signed.clear();
        tally.disposed = Some(likeness);
    }
    came
}

async fn sign(court: &Court, who: &'static str, request: &str, conclusion: Conclusion, tally: &mut Tally) -> Came {
    let role = if who == SUPERVISOR { "ciu-supervisor" } else { EXAMINER };
    let came = came(court.sign(who, request, signing(role, conclusion)).await);
    if came == Came::Taken {
        assert!(tally.stands(who), "{who} signed");
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
        assert!(tally.released.is_none() && !tally.purged, "released twice, or without a probe");
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
    let asking = waiver::Asking { reason: "nobody has the time".to_owned(), answers: BTreeMap::new() };
    let came = came(court.casework.waive(&court.who(who).await, JURISDICTION, &open.id, asking).await);
    assert_ne!(came, Came::Taken, "{who} waived {open:?}");
    came
}

async fn access(court: &Court, by: &str, change: AccessChange, roles: Vec<Held>) -> Came {
    let change = Change { change, roles, reason: "as the walk goes".to_owned(), answers: stated() };
    came(court.casework.change_access(&court.who(by).await, JURISDICTION, UNSETTLED, change).await)
}

async fn suspend(court: &Court, tally: &mut Tally) -> Came {
    let came = access(court, LASO, AccessChange::Suspend, vec![]).await;
    tally.suspended |= came == Came::Taken;
    came
}

/// With the roles that they have; while they are of another unit without the one that is this unit's.
async fn reinstate(court: &Court, tally: &mut Tally) -> Came {
    let roles = if tally.away { vec![BESIDE.into()] } else { vec![] };
    let came = access(court, LASO, AccessChange::Reinstate, roles).await;
    if came == Came::Taken {
        tally.suspended = false;
        tally.without_role |= tally.away;
        tally.until_today &= !tally.without_role;
    }
    came
}

/// For good, or up to a day: today.
async fn grant(court: &Court, until: Option<Date>, tally: &mut Tally) -> Came {
    let came = access(court, LASO, AccessChange::Grant, vec![Held { until, ..Held::from(EXAMINER) }]).await;
    if came == Came::Taken {
        assert!(!tally.suspended && !tally.away, "granted to whoever may not have it");
        tally.without_role = false;
        tally.until_today = until.is_some();
    }
    came
}

async fn withdraw(court: &Court, tally: &mut Tally) -> Came {
    let came = access(court, LASO, AccessChange::Withdraw, vec![EXAMINER.into()]).await;
    if came == Came::Taken {
        tally.without_role = true;
        tally.until_today = false;
    }
    came
}

/// To a unit.
async fn assign(court: &Court, unit: &str, tally: &mut Tally) -> Came {
    let came = recorded(court, LASO, unit).await;
    if came == Came::Taken {
        assert!(!tally.suspended, "something was put on record of whoever is suspended");
        tally.away = unit != UNIT;
    }
    came
}

async fn recorded(court: &Court, by: &str, unit: &str) -> Came {
    let particulars = Particulars { unit: Some(unit.to_owned()), ..Particulars::default() };
    let record = registration::Record { particulars, answers: stated(), ..Default::default() };
    came(court.casework.record_of_person(&court.who(by).await, JURISDICTION, UNSETTLED, record).await)
}

/// The day it is in the jurisdiction: a walk is never up at night.
fn today(court: &Court) -> Date {
    Instant(court.clock.load(Ordering::Acquire)).to_string()[.."2026-03-10".len()].parse().unwrap()
}

/// A role ends, and what is due is late.
async fn another_day(court: &Court, tally: &mut Tally) -> Came {
    court.clock.fetch_add(DAY_MS, Ordering::AcqRel);
    tally.without_role |= std::mem::take(&mut tally.until_today);
    court.casework.pass_deadlines().await;
    Came::Taken
}

/// How long the probe stays: those whose role it is say so, and what is held is not destroyed.
async fn keep(court: &Court, who: &str, request: &str, change: retention::Change, tally: &mut Tally) -> Came {
    let mut given = answers([("retention-reason", text("exhibit 4 of the prosecution"))]);
    if change == retention::Change::Hold {
        given.insert("evidentiary-value".to_owned(), Value::Flag(true));
    }
    let record = Retained { subject: "probe".to_owned(), gallery: None, record: request.to_owned() };
    let asking = retention::Asking { change, record, day: None, answers: given };
    let came = came(court.casework.retention(&court.who(who).await, JURISDICTION, asking).await);
    if came == Came::Taken {
        assert!([SUPERVISOR, UNSETTLED].contains(&who) && !tally.purged, "{change:?} by {who}");
        match change {
            retention::Change::Purge => {
                assert!(!tally.held, "destroyed while it was held");
                tally.purged = true;
            }
            change => tally.held = change == retention::Change::Hold,
        }
    }
    came
}

/// It is told, and nothing that was signed is the less worth for it.
async fn violation(court: &Court, who: &str, request: &str) -> Came {
    let happened = Instant(court.clock.load(Ordering::Acquire) - 3_600_000);
    let given = answers([("violated-clause", text("3.5-a"))]);
    let report = Report { happened, request: Some(request.to_owned()), answers: given };
    came(court.casework.record_violation(&court.who(who).await, JURISDICTION, report).await)
}

/// A step of another phase than a request's own, by somebody whose it is not, or of what may not be.
async fn apart(court: &Court, which: u32, request: &str) -> Came {
    let casework = &court.casework;
    let came = match which {
        0 => {
            let given = answers([("image-kind", text("probe")), ("contributing-agency", text("dpd"))]);
            let probe = Batch { answers: given, ..batch(RECORDS..RECORDS + 1) };
            came(casework.enroll(&court.who("r.tanaka").await, JURISDICTION, GALLERY, probe).await)
        }
        1 => access(court, FIRST, AccessChange::Suspend, vec![]).await,
        2 => recorded(court, FIRST, ELSEWHERE).await,
        3 => {
            let person = court.who(FIRST).await.person;
            let roles = person.roles.iter().map(|held| held.role.as_str().into()).collect();
            let person = model::registry::Person { roles, ..person };
            let again = Registration { person, reason: String::new(), answers: stated() };
            came(casework.register_person(&court.who(LASO).await, JURISDICTION, again).await)
        }
        4 => keep(court, ASKER, request, retention::Change::Hold, &mut Tally::default()).await,
        _ => {
            let asked = Asked { report: "weekly".to_owned(), ..Asked::default() };
            came(casework.draw_report(&court.who(ASKER).await, JURISDICTION, asked).await)
        }
    };
    assert_ne!(came, Came::Taken, "{which}");
    came
}

/// What the directive wants of a release, counted anew: for a lead two examiners and a supervisor, and everybody who opened
/// the list; without one an examiner and somebody else. Whoever is suspended, of another unit or without their role does not
/// count.
fn may_leave(tally: &Tally, lead: bool) {
    assert!(tally.disposed.is_some(), "nobody said what the candidates are");
    let of = |role: &str, conclusion: Conclusion| {
        tally.signed.iter().filter(|signed| tally.stands(signed.0) && *signed.1 == (role, conclusion)).count()
    };
    let supervisors = of("ciu-supervisor", Conclusion::Approved);
    if lead {
        assert_eq!((of("examiner", Conclusion::Lead), of("examiner", Conclusion::NoLead)), (2, 0));
        assert_eq!(supervisors, 1);
        assert!(
            tally.opened.iter().all(|who| tally.signed.contains_key(who) && tally.stands(who)),
            "somebody who saw the list did not sign"
        );
    } else {
        let examiners = of("examiner", Conclusion::NoLead);
        assert!(examiners >= 1 && examiners + supervisors >= 2);
    }
}
