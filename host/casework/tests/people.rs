//! People and agencies in the middle of work: whoever is suspended takes no further step, whatever the registry file says.

use crate::common::{
    ASKER, Court, FIRST, GALLERY, JURISDICTION, SECOND, SUPERVISOR, against, answers, batch, court, intake, misstep,
    outgoing, refused, rejected, signing, text,
};
use magistrate_casework::access::{Change, Changed};
use magistrate_casework::activation::{Proposal, Vote};
use magistrate_casework::agreements::Admission;
use magistrate_casework::obligations::Owed;
use magistrate_casework::registration::{Record, Registration};
use magistrate_casework::report::Asked;
use magistrate_casework::retention::{self, Asking};
use magistrate_casework::search_step::Plan;
use magistrate_casework::violation::{Recorded, Report};
use magistrate_casework::worklist::Wanted;
use magistrate_casework::{CaseError, Misstep};
use model::account::{Event, Retained};
use model::facts::{AccessChange, Agreement, Conclusion, Device};
use model::registry::{Agency, Concluded, Contact, Particulars, Person, Principal};
use model::rulings::Duty;
use model::terms::{Digest, Instant, Value};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Who authorises access here, and an agency that is not suspended.
pub const LASO: &str = "l.ortega";
const AGENCY: &str = "ice-ero";

const REPORTER: &str = "c.hargrove";

const HOUR_MS: u64 = 3_600_000;

fn change(change: AccessChange) -> Change {
    let answers =
        answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))]);
    Change { change, roles: vec![], reason: "as the test says".to_owned(), answers }
}

pub async fn access(court: &Court, by: &str, person: &str, what: AccessChange) -> Result<Changed, CaseError> {
    court.casework.change_access(&court.who(by).await, JURISDICTION, person, change(what)).await
}

async fn agency(court: &Court, what: AccessChange, given: BTreeMap<String, Value>) -> Result<Changed, CaseError> {
    let change = Change { answers: given, ..change(what) };
    court.casework.change_agency(&court.who(LASO).await, JURISDICTION, AGENCY, change).await
}

async fn report(court: &Court, ago_ms: u64, given: BTreeMap<String, Value>) -> Result<Recorded, CaseError> {
    let happened = Instant(court.clock.load(Ordering::Acquire) - ago_ms);
    let report = Report { happened, request: None, answers: given };
    court.casework.record_violation(&court.who(FIRST).await, JURISDICTION, report).await
}

/// A violation of a request, an hour ago, reported by somebody who has no part in it.
async fn report_of(court: &Court, request: &str, given: BTreeMap<String, Value>) -> Result<Recorded, CaseError> {
    let happened = Instant(court.clock.load(Ordering::Acquire) - HOUR_MS);
    let report = Report { happened, request: Some(request.to_owned()), answers: given };
    court.casework.record_violation(&court.who(REPORTER).await, JURISDICTION, report).await
}

/// Puts on record that somebody is of another unit.
pub async fn moves(court: &Court, person: &str, unit: &str) {
    let particulars = Particulars { unit: Some(unit.to_owned()), ..Particulars::default() };
    let Change { reason, answers, .. } = change(AccessChange::Review);
    let recording = Record { particulars, background_void: false, reason, answers };
    court.casework.record_of_person(&court.who(LASO).await, JURISDICTION, person, recording).await.unwrap();
}

/// Whether somebody is let in.
async fn let_in(court: &Court, person: &str) -> bool {
    court.casework.registered(&certified(person)).await.is_ok()
}

fn certified(person: &str) -> Principal {
    Principal { jurisdiction: JURISDICTION.to_owned(), person: person.to_owned(), device: Device::Fixed }
}

fn suspended_since(court: &Court, agency: &str) -> Option<Instant> {
    let registry = court.casework.chamber(JURISDICTION).unwrap().registry();
    registry.agencies.iter().find(|a| a.id == agency).unwrap().suspended_since
}

/// STL E.2.a, DET 7(9)a: every entry says who by name and unit.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_of_whom_the_registry_does_not_say_name_and_unit() {
    let Some(mut court) = court().await else { return };
    for (name, unit, whole) in [("M. Whitfield", " ", false), ("", "ciu", false), ("M. Whitfield", "ciu", true)] {
        court = court
            .reopen(|registry| {
                let person = registry.people.iter_mut().find(|person| person.id == FIRST).unwrap();
                (person.name, person.unit) = (name.to_owned(), unit.to_owned());
            })
            .await;
        assert_eq!(let_in(&court, FIRST).await, whole, "{name:?} {unit:?}");
        let principal = certified(FIRST);
        if !whole {
            rejected(court.casework.registered(&principal).await, "the name and the unit");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_stops_work_under_way_and_its_end_lets_it_go_on() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let waiting = court.who(SECOND).await;
    let done = access(&court, LASO, SECOND, AccessChange::Suspend).await.unwrap();
    assert!(done.suspended_since.is_some() && done.taken.receipt.is_some());
    assert!(!let_in(&court, SECOND).await);
    // Somebody who was let in before, and whose step comes after.
    let step = court.casework.look(&waiting, JURISDICTION, &request, BTreeMap::new()).await;
    assert!(matches!(step, Err(CaseError::Rejected(reason)) if reason.contains("suspended")));
    let wanting = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(wanting, Misstep::Unsigned { .. }), "a signature of theirs no longer counts: {wanting}");

    let again = misstep(access(&court, LASO, SECOND, AccessChange::Suspend).await);
    assert!(matches!(again, Misstep::Suspended { .. }), "{again}");
    access(&court, LASO, SECOND, AccessChange::Reinstate).await.unwrap();
    assert!(let_in(&court, SECOND).await);
    let again = misstep(access(&court, LASO, SECOND, AccessChange::Reinstate).await);
    assert_eq!(again, Misstep::NotSuspended { id: SECOND.to_owned() });
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("it counts again");
    assert_eq!(court.ever_on_record("access-changed").await, 2);
}

/// Why somebody was rejected, and the clauses that this follows from.
fn grounds<T>(taken: Result<T, CaseError>) -> (String, Vec<String>) {
    match taken {
        Err(CaseError::Rejected(why)) => (why.to_string(), why.demanded().iter().map(ToString::to_string).collect()),
        Err(e) => panic!("not rejected: {e:?}"),
        Ok(_) => panic!("the step was taken"),
    }
}

/// That somebody is rejected on this clause, with the way back, as the entry of it says too.
async fn rejected_under<T>(court: &Court, taken: Result<T, CaseError>, clause: &str) {
    let (why, clauses) = grounds(taken);
    assert!(clauses.contains(&format!("{JURISDICTION} {clause}")), "{clause}: {clauses:?}");
    assert!(why.contains(clause) && why.contains("reinstated first, by somebody whom the policy of"), "{why}");
    let entries = court.casework.inspect(&court.who("a.feld").await, JURISDICTION, 0, 1000).await.unwrap();
    let accounts = entries.into_iter().filter_map(|e| e.account);
    let mut reasons =
        accounts.filter_map(|a| if let Event::Rejected { reason, .. } = a.event { Some(reason) } else { None });
    assert_eq!(reasons.next_back(), Some(why), "the entry of the attempt names them, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suspended_is_told_on_which_clauses_until_they_are_reinstated() {
    let Some(court) = court().await else { return };
    let (request, _) = court.disposed(3).await;
    let waiting = court.who(SECOND).await;
    access(&court, LASO, SECOND, AccessChange::Suspend).await.unwrap();
    rejected_under(&court, court.casework.registered(&certified(SECOND)).await, "6.1(2)c").await;
    // Whoever was let in before, and whoever acts for somebody suspended.
    let late = court.casework.look(&waiting, JURISDICTION, &request, BTreeMap::new()).await;
    rejected_under(&court, late, "6.1(2)c").await;
    access(&court, LASO, ASKER, AccessChange::Suspend).await.unwrap();
    let theirs = court.look(FIRST, &request).await;
    rejected_under(&court, theirs, "6.1(2)b").await;
    let (why, _) = grounds(court.look(FIRST, &request).await);
    assert!(why.starts_with("the requester may not act any more"), "{why}");
    let back = Change { roles: vec!["detective".into()], ..change(AccessChange::Reinstate) };
    court.casework.change_access(&court.who(LASO).await, JURISDICTION, ASKER, back).await.unwrap();
    assert_eq!(court.look(FIRST, &request).await.unwrap().len(), 3, "the request is as it was");

    let court = court.reopen(|_| {}).await;
    rejected_under(&court, court.casework.registered(&certified(SECOND)).await, "6.1(2)c").await;
    access(&court, LASO, SECOND, AccessChange::Reinstate).await.unwrap();
    assert!(let_in(&court, SECOND).await);
    // Who has lost every role is suspended by that.
    access(&court, LASO, SECOND, AccessChange::Withdraw).await.unwrap();
    rejected_under(&court, court.casework.registered(&certified(SECOND)).await, "6.1(2)c").await;

    let court = court
        .reopen(|registry| {
            let person = registry.people.iter_mut().find(|person| person.id == FIRST).unwrap();
            person.suspended_since = Some(Instant(1));
        })
        .await;
    let (why, clauses) = grounds(court.casework.registered(&certified(FIRST)).await);
    assert!(why.contains("as the registry file says") && why.contains("reinstated first"), "{why}");
    assert!(clauses.is_empty(), "no decision says so: {clauses:?}");
    access(&court, LASO, FIRST, AccessChange::Reinstate).await.unwrap();
    assert!(let_in(&court, FIRST).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_suspended_agency_are_told_on_which_clause() {
    const THEIRS: &str = "k.brandt";
    let Some(court) = court().await else { return };
    let look = async |court: &Court, who: &str| {
        court.casework.record_look(&court.who(who).await, JURISDICTION, "GET requests", BTreeMap::new()).await
    };
    look(&court, THEIRS).await.unwrap();
    let named = answers([("violated-clause", text("5.2")), ("offending-agency", text(AGENCY))]);
    report(&court, HOUR_MS, named).await.unwrap();
    let (_, clauses) = grounds(look(&court, THEIRS).await);
    assert_eq!(clauses, [format!("{JURISDICTION} 5.5-c")], "the clause that demanded it");
    let court = court.reopen(|_| {}).await;
    rejected_under(&court, look(&court, THEIRS).await, "5.5-c").await;

    agency(&court, AccessChange::Reinstate, answers([("agency-complies", Value::Flag(true))])).await.unwrap();
    look(&court, THEIRS).await.unwrap();
    agency(&court, AccessChange::Suspend, BTreeMap::new()).await.unwrap();
    rejected_under(&court, look(&court, THEIRS).await, "5.5-c").await;
    rejected_under(&court, look(&court, THEIRS).await, "6.1(1)").await;

    let (why, clauses) = grounds(look(&court, "o.mercer").await);
    assert!(why.contains("as the registry file says") && clauses.is_empty(), "{why}: {clauses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_while_whoever_gave_it_is_of_its_unit_and_of_an_agency_in_good_standing() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let (other, _) = court.signed(4).await;
    let wanting = async |court: &Court, role: &str| {
        let wanting = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
        assert!(matches!(&wanting, Misstep::Unsigned { .. }) && wanting.to_string().contains(role), "{wanting}");
    };
    moves(&court, SUPERVISOR, "patrol").await;
    wanting(&court, "`ciu-supervisor`").await;
    moves(&court, SUPERVISOR, "ciu").await;
    moves(&court, SECOND, "patrol").await;
    wanting(&court, "`examiner`").await;
    let anew = court.sign(SECOND, &request, signing("examiner", Conclusion::Lead)).await;
    assert!(!matches!(anew, Err(CaseError::OutOfPlace(..))), "whether they may for that unit is the policy's to say");
    moves(&court, SECOND, "ciu").await;
    let again = court.sign(SECOND, &request, signing("examiner", Conclusion::Lead)).await;
    assert!(matches!(misstep(again), Misstep::SignedAlready { .. }), "what they signed counts again");

    let of_another_agency = |registry: &mut model::registry::Registry| {
        registry.people.iter_mut().find(|p| p.id == SECOND).unwrap().agency = AGENCY.to_owned();
    };
    let court = court.reopen(of_another_agency).await;
    assert!(suspended_since(&court, AGENCY).is_none() && let_in(&court, SECOND).await);
    wanting(&court, "`examiner`").await;
    let anew = court.sign(SECOND, &other, signing("examiner", Conclusion::Lead)).await;
    assert!(!matches!(anew, Err(CaseError::OutOfPlace(..))), "whether they may for that agency is the policy's to say");

    let of_a_suspended_agency = |registry: &mut model::registry::Registry| {
        registry.people.iter_mut().find(|p| p.id == SECOND).unwrap().agency = "oakland-so".to_owned();
    };
    let court = court.reopen(of_a_suspended_agency).await;
    assert!(suspended_since(&court, "oakland-so").is_some() && let_in(&court, SECOND).await);
    wanting(&court, "`examiner`").await;
    let court = court.reopen(|_| {}).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("it counts again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_decided_outlives_a_restart_and_an_older_registry_file() {
    let Some(court) = court().await else { return };
    access(&court, LASO, SECOND, AccessChange::Suspend).await.unwrap();
    let granted = Change { roles: vec!["registrar".into()], ..change(AccessChange::Grant) };
    let done = court.casework.change_access(&court.who(LASO).await, JURISDICTION, FIRST, granted).await.unwrap();
    assert_eq!(done.roles, ["examiner", "registrar"]);
    let owed = court.casework.obligations(JURISDICTION).await.unwrap();
    let review = owed.iter().filter(|o| &*o.clause == "6.1(2)c").map(|o| (o.owner.as_str(), o.due));
    let in_a_year = Instant(court.clock.load(Ordering::Acquire) + 365 * 24 * HOUR_MS);
    assert_eq!(review.collect::<Vec<_>>(), [("laso", Some(in_a_year))], "whoever is given access");

    let court = court.reopen(|_| {}).await;
    assert!(!let_in(&court, SECOND).await, "the file does not say that she is suspended");
    assert_eq!(court.who(FIRST).await.person.role_names(), ["examiner", "registrar"]);
    let today = court.who(FIRST).await.person.need_reviewed;
    assert_eq!(today, Some("2026-03-10".parse().unwrap()), "a grant is a review");
    // What no step decides is the file's to say.
    let court = court.reopen(|registry| registry.people[0].unit = "elsewhere".to_owned()).await;
    assert_eq!(court.who(FIRST).await.person.unit, "elsewhere");
    access(&court, LASO, SECOND, AccessChange::Reinstate).await.unwrap();
    let court = court.reopen(|_| {}).await;
    assert!(let_in(&court, SECOND).await);
}

/// DET 6.1(2)c: a review that is still to come is none, and no reason that another does not count.
#[tokio::test(flavor = "multi_thread")]
async fn a_review_counts_beside_a_later_day_that_the_registry_file_has_by_mistake() {
    let Some(court) = court().await else { return };
    let mistyped = |registry: &mut model::registry::Registry| {
        let person = registry.people.iter_mut().find(|person| person.id == FIRST).unwrap();
        person.need_reviewed = Some("2062-01-01".parse().unwrap());
    };
    let court = court.reopen(mistyped).await;
    refused(court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(3)).await, "6.1(2)c");
    access(&court, LASO, FIRST, AccessChange::Review).await.unwrap();
    let today: Option<model::terms::Date> = Some("2026-03-10".parse().unwrap());
    assert_eq!(court.who(FIRST).await.person.need_reviewed, today);
    court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(4)).await.unwrap();

    let court = court.reopen(mistyped).await;
    assert_eq!(court.who(FIRST).await.person.need_reviewed, today, "the same file again");
    court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_denied_changes_nothing_but_the_log() {
    let Some(court) = court().await else { return };
    let before = court.casework.chamber(JURISDICTION).unwrap().registry();
    let denied = against(access(&court, FIRST, SECOND, AccessChange::Suspend).await);
    for clause in ["6.1(1)", "6.1(2)a", "6.1(2)b"] {
        assert!(denied.iter().any(|against| against == clause), "{clause}: {denied:?}");
    }
    let shared = answers([("need-to-know", text("both use it")), ("credential-personal", Value::Flag(false))]);
    for (what, given, clause) in [
        (AccessChange::Grant, BTreeMap::new(), "7(6)"),
        (AccessChange::Grant, shared, "7(6)"),
        (AccessChange::Review, BTreeMap::new(), "6.1(2)c"),
    ] {
        let asked = Change { answers: given, ..change(what) };
        refused(court.casework.change_access(&court.who(LASO).await, JURISDICTION, SECOND, asked).await, clause);
    }
    let unknown = access(&court, LASO, "nobody", AccessChange::Grant).await;
    assert!(matches!(unknown, Err(CaseError::Unknown { kind: "person", .. })));
    let named = Change { roles: vec!["examiner".into()], ..change(AccessChange::Suspend) };
    let named = court.casework.change_access(&court.who(LASO).await, JURISDICTION, SECOND, named).await;
    assert!(matches!(named, Err(CaseError::Invalid(_))));
    assert_eq!(*court.casework.chamber(JURISDICTION).unwrap().registry(), *before);
    assert_eq!(court.ever_on_record("access-changed").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_every_role_is_out_until_reinstated_with_roles() {
    let Some(court) = court().await else { return };
    let done = access(&court, LASO, SECOND, AccessChange::Withdraw).await.unwrap();
    assert!(done.roles.is_empty() && done.suspended_since.is_some());
    assert!(!let_in(&court, SECOND).await);
    assert!(matches!(misstep(access(&court, LASO, SECOND, AccessChange::Grant).await), Misstep::Suspended { .. }));
    let back = Change { roles: vec!["examiner".into()], ..change(AccessChange::Reinstate) };
    court.casework.change_access(&court.who(LASO).await, JURISDICTION, SECOND, back).await.unwrap();
    assert_eq!(court.who(SECOND).await.person.role_names(), ["examiner"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_suspends_the_agency_it_names_until_it_complies() {
    let Some(court) = court().await else { return };
    let named = |agency: &str| answers([("violated-clause", text("5.2")), ("offending-agency", text(agency))]);
    let done = report(&court, HOUR_MS, named(AGENCY)).await.unwrap();
    assert!(done.owed.iter().any(|(_, owed)| matches!(owed.duty, Duty::Suspend(_))));
    assert_eq!(suspended_since(&court, AGENCY), Some(Instant(court.clock.load(Ordering::Acquire))));
    let open = court.casework.obligations(JURISDICTION).await.unwrap();
    assert!(!open.iter().any(|o| matches!(o.duty, Duty::Suspend(_))), "it is carried out");
    assert_eq!(court.ever_on_record("suspended").await, 1);
    let court = court.reopen(|_| {}).await;
    assert!(suspended_since(&court, AGENCY).is_some());

    let silent = agency(&court, AccessChange::Reinstate, BTreeMap::new()).await;
    assert!(matches!(silent, Err(CaseError::Refused { .. })), "nobody says that it complies");
    let complies = answers([("agency-complies", Value::Flag(true))]);
    agency(&court, AccessChange::Reinstate, complies).await.unwrap();
    assert_eq!(suspended_since(&court, AGENCY), None);
    agency(&court, AccessChange::Suspend, BTreeMap::new()).await.unwrap();
    assert!(suspended_since(&court, AGENCY).is_some());
    assert!(matches!(agency(&court, AccessChange::Grant, BTreeMap::new()).await, Err(CaseError::Invalid(_))));
}

/// What somebody reports of an agency.
async fn reported_by(court: &Court, who: &str, agency: &str) -> Recorded {
    let happened = Instant(court.clock.load(Ordering::Acquire) - HOUR_MS);
    let answers = answers([("violated-clause", text("5.2")), ("offending-agency", text(agency))]);
    let report = Report { happened, request: None, answers };
    court.casework.record_violation(&court.who(who).await, JURISDICTION, report).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsiders_report_is_acted_on_and_suspends_nobody() {
    let Some(court) = court().await else { return };
    // Of an agency that is suspended, and of one that is not.
    for (who, named) in [("o.mercer", AGENCY), ("k.brandt", "slmpd")] {
        let done = reported_by(&court, who, named).await;
        let under = |clause: &str| done.owed.iter().filter(|(_, owed)| *owed.clause == *clause).count();
        assert!(under("4(1)") >= 2, "{who}: it is investigated, and told");
        assert_eq!(under("5.5-c"), 1, "{who}: somebody looks into it");
        assert!(!done.owed.iter().any(|(_, owed)| matches!(owed.duty, Duty::Suspend(_))), "{who}");
        assert_eq!(suspended_since(&court, named), None, "{who}");
    }
    court.casework.pass_deadlines().await;
    assert_eq!(suspended_since(&court, AGENCY), None, "nor later");
    assert_eq!((court.ever_on_record("violated").await, court.ever_on_record("suspended").await), (2, 0));
    reported_by(&court, FIRST, AGENCY).await;
    assert!(suspended_since(&court, AGENCY).is_some(), "a member of the Department finds so");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_policy_demands_nobody_is_suspended_on_the_word_of_a_suspended_agency() {
    let Some(court) = court().await else { return };
    // Its own people are members to the policy.
    let suspended = |registry: &mut model::registry::Registry| {
        registry.agencies.iter_mut().find(|a| a.id == "dpd").unwrap().suspended_since = Some(Instant(1));
    };
    let court = court.reopen(suspended).await;
    let done = reported_by(&court, FIRST, AGENCY).await;
    assert!(!done.owed.is_empty() && !done.owed.iter().any(|(_, owed)| matches!(owed.duty, Duty::Suspend(_))));
    court.casework.pass_deadlines().await;
    assert_eq!(suspended_since(&court, AGENCY), None);
    let court = court.reopen(|_| {}).await;
    assert_eq!((court.ever_on_record("violated").await, court.ever_on_record("suspended").await), (1, 0));
    assert_eq!(suspended_since(&court, AGENCY), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_of_nobody_stays_open_and_is_overdue() {
    let Some(court) = court().await else { return };
    let named = answers([("violated-clause", text("5.2")), ("offending-agency", text("no-such-agency"))]);
    report(&court, HOUR_MS, named).await.unwrap();
    court.casework.pass_deadlines().await;
    let open = court.casework.obligations(JURISDICTION).await.unwrap();
    let suspension = open.iter().find(|o| matches!(o.duty, Duty::Suspend(_))).unwrap();
    assert!(suspension.is_overdue());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_found_late_is_overdue_at_once_and_told_all_the_same() {
    let Some(court) = court().await else { return };
    let named = || answers([("violated-clause", text("3.5-a"))]);
    let in_time = report(&court, HOUR_MS, named()).await.unwrap();
    assert!(in_time.owed.iter().all(|(late, _)| !late));
    let investigates = |owed: &Owed| &*owed.clause == "4(1)" && matches!(owed.duty, Duty::Task(_));
    let by: Vec<_> = in_time.owed.iter().filter(|(_, o)| investigates(o)).map(|(_, o)| o.owner.as_str()).collect();
    assert_eq!(by, ["professional-standards"], "and reviews it for criminality");
    let late = report(&court, 30 * HOUR_MS, named()).await.unwrap();
    let notice = late.owed.iter().find(|(late, _)| *late).map(|(_, owed)| owed).unwrap();
    let happened = court.clock.load(Ordering::Acquire) - 30 * HOUR_MS;
    assert_eq!((&*notice.clause, notice.due), ("4(2)", Some(Instant(happened + 24 * HOUR_MS))));
    court.casework.pass_deadlines().await;
    assert_eq!(court.ever_on_record("overdue").await, 1);
    let told = court.outbox.notices.lock().unwrap().clone();
    assert_eq!(told.iter().filter(|n| n.clause == "4(2)" && n.to.len() == 4).count(), 2, "{told:?}");
    assert_eq!(court.ever_on_record("violated").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_sets_its_chain_off() {
    let Some(court) = court().await else { return };
    let owed = |done: &Recorded, clause: &str| {
        let of = done.owed.iter().filter(|(_, owed)| *owed.clause == *clause);
        of.map(|(_, owed)| owed.owner.clone()).collect::<Vec<_>>()
    };
    let suspected = report(&court, HOUR_MS, answers([("breach", Value::Flag(true))])).await.unwrap();
    assert_eq!(owed(&suspected, "7(2)-a"), ["immediate supervisor, laso"]);
    assert_eq!(
        (owed(&suspected, "7(2)-b"), owed(&suspected, "7(2)-c")),
        (vec!["laso".to_owned()], vec!["laso".to_owned()])
    );
    let assessed = answers([
        ("breach", Value::Flag(true)),
        ("breach-assessed", Value::Flag(true)),
        ("breach-scope", text("forty photographs, on a lost disk")),
        ("contributing-agency", text("oakland-so")),
        ("individuals-notified", Value::Flag(false)),
    ]);
    let assessed = report(&court, HOUR_MS, assessed).await.unwrap();
    assert_eq!(owed(&assessed, "7(2)-b"), ["oakland-so"], "whose information it is");
    assert!(owed(&assessed, "7(2)-c").is_empty(), "it is determined");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_report_is_pending_and_acted_on() {
    let Some(court) = court().await else { return };
    let incomplete = report(&court, HOUR_MS, answers([("offending-agency", text(AGENCY))])).await;
    assert_eq!(against(incomplete), ["4(1)"], "no clause is named");
    let owed = court.casework.obligations(JURISDICTION).await.unwrap();
    assert!(
        owed.iter().any(|o| &*o.clause == "4(1)" && matches!(o.duty, Duty::Task(_))),
        "it is investigated: {owed:?}"
    );
    assert!(suspended_since(&court, AGENCY).is_some());
    assert_eq!(court.ever_on_record("violated").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_wrong_kind_is_told_so_before_anything_is_decided() {
    let Some(court) = court().await else { return };
    let (request, _) = court.disposed(4).await;
    let log = || court.casework.chamber(JURISDICTION).unwrap().log().size();
    let before = log();
    let wrong = [
        ("protected-sole", text("no"), "flag"),
        ("protected-category", text("views"), "views-or-activities"),
        ("protected-soul", Value::Flag(false), "on no form"),
    ];
    for (name, value, says) in wrong {
        let mut sign_off = signing("examiner", Conclusion::Lead);
        sign_off.answers = answers([(name, value)]);
        match court.sign(FIRST, &request, sign_off).await {
            Err(CaseError::Invalid(message)) => assert!(message.contains(name) && message.contains(says), "{message}"),
            other => panic!("{name}: {:?}", other.err()),
        }
    }
    assert_eq!(log(), before);
    court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await.expect("and the request goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suspended_while_waiting_takes_no_step_of_any_kind() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(6, 3).await;
    // Somebody who was let in before, and whose steps come after.
    let waiting = court.who(SECOND).await;
    access(&court, LASO, SECOND, AccessChange::Suspend).await.unwrap();
    let (casework, because) = (&court.casework, "suspended");
    let suspend = || change(AccessChange::Suspend);
    rejected(casework.change_access(&waiting, JURISDICTION, FIRST, suspend()).await, because);
    rejected(casework.change_agency(&waiting, JURISDICTION, AGENCY, suspend()).await, because);
    let person = Person { id: "n.okafor".to_owned(), ..waiting.person.clone() };
    let registration = Registration { person, reason: String::new(), answers: BTreeMap::new() };
    rejected(casework.register_person(&waiting, JURISDICTION, registration).await, because);
    let particulars = Particulars { unit: Some("another".to_owned()), ..Particulars::default() };
    let recording = Record { particulars, ..Record::default() };
    rejected(casework.record_of_person(&waiting, JURISDICTION, FIRST, recording).await, because);
    let (none, no_answers) = (String::new, BTreeMap::new);
    let agency = Agency { id: "wayne-so".to_owned(), ..waiting.agency.clone() };
    let admission = Admission { agency, agreements: vec![], reason: none(), answers: no_answers() };
    rejected(casework.register_agency(&waiting, JURISDICTION, admission).await, because);
    let agreement = Agreement {
        kind: "memorandum-of-understanding".to_owned(),
        signed: "2026-03-04T15:00:00.000Z".parse().unwrap(),
        starts: "2026-03-05".parse().unwrap(),
        ends: None,
        scope: vec![],
    };
    let contact = Contact { name: "R. Hale".to_owned(), ..Contact::default() };
    let concluded = Concluded { agreement, contact, document: Digest::default() };
    let agreed = casework.record_agreement(&waiting, JURISDICTION, AGENCY, concluded, none(), no_answers()).await;
    rejected(agreed, because);
    let ended = casework.end_agreement(&waiting, JURISDICTION, AGENCY, "any", none(), no_answers()).await;
    rejected(ended, because);
    rejected(casework.propose(&waiting, JURISDICTION, Proposal::default()).await, because);
    let vote = Vote { role: "examiner".to_owned(), conclusion: Conclusion::Approved, reason: String::new() };
    rejected(casework.endorse(&waiting, JURISDICTION, "any", vote).await, because);
    rejected(casework.activate(&waiting, JURISDICTION, "any", BTreeMap::new()).await, because);
    let record = Retained { subject: "probe".to_owned(), gallery: None, record: request.clone() };
    let asking = Asking { change: retention::Change::Purge, record, day: None, answers: BTreeMap::new() };
    rejected(casework.retention(&waiting, JURISDICTION, asking).await, because);
    rejected(casework.complete(&waiting, JURISDICTION, "any", "it is done").await, because);
    let happened = Instant(court.clock.load(Ordering::Acquire) - HOUR_MS);
    let told = Report { happened, request: None, answers: answers([("violated-clause", text("5.2"))]) };
    rejected(casework.record_violation(&waiting, JURISDICTION, told).await, because);
    rejected(casework.look(&waiting, JURISDICTION, &request, BTreeMap::new()).await, because);
    rejected(casework.open_request(&waiting, JURISDICTION, intake(7)).await, because);
    rejected(casework.search_now(&waiting, JURISDICTION, intake(7), Plan::default()).await, because);
    rejected(casework.enroll(&waiting, JURISDICTION, GALLERY, batch(100..101)).await, because);
    let none = ["software-upgrades", "contract-changes", "confirmed-violations"].map(|name| (name, text("none")));
    let asked = Asked { report: "weekly".to_owned(), days: None, answers: answers(none) };
    rejected(casework.draw_report(&waiting, JURISDICTION, asked).await, because);
    assert_eq!(court.ever_on_record("rejected").await, 18, "each is on record");
    let done = ["violated", "access-changed", "opened", "enrolled", "drawn"];
    let mut on_record = Vec::new();
    for what in done {
        on_record.push(court.ever_on_record(what).await);
    }
    assert_eq!(on_record, [0, 1, 1, 1, 0], "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_a_role_while_waiting_asks_again() {
    let Some(court) = court().await else { return };
    let mut waiting = court.who(LASO).await;
    waiting.person.roles.push("a role that was withdrawn".into());
    let taken = court.casework.change_access(&waiting, JURISDICTION, SECOND, change(AccessChange::Suspend)).await;
    rejected(taken, "changed meanwhile");
    assert!(let_in(&court, SECOND).await);
    rejected(court.casework.open_request(&waiting, JURISDICTION, intake(1)).await, "changed meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_of_a_request_is_part_of_its_life_and_no_step_of_it() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(5).await;
    let before = court.seen(&request).await;
    let named = || answers([("violated-clause", text("5.2"))]);
    let first = report_of(&court, &request, named()).await.unwrap();
    let second = report_of(&court, &request, named()).await.unwrap();
    let ids = |done: &Recorded| done.owed.iter().map(|(_, owed)| owed.id.clone()).collect::<Vec<_>>();
    assert!(!ids(&first).is_empty() && ids(&first).iter().all(|id| !ids(&second).contains(id)), "two are two");
    let pending = report_of(&court, &request, BTreeMap::new()).await;
    assert!(matches!(pending, Err(CaseError::Refused { .. })), "no clause is named");

    let after = court.seen(&request).await;
    let happened = Instant(court.clock.load(Ordering::Acquire) - HOUR_MS);
    assert!(after.violations.len() == 2 && after.violations.iter().all(|v| v.happened == happened));
    assert_eq!((after.state, after.signatures.len()), (before.state, before.signatures.len()));
    assert_eq!((after.refusals.len(), &after.obligations), (before.refusals.len(), &before.obligations));
    let mine = Wanted { mine: true, ..Wanted::default() };
    let theirs = court.casework.worklist(&court.who(REPORTER).await, JURISDICTION, &mine).await.unwrap();
    assert!(theirs.requests.is_empty(), "whoever reports it has no part in the request");

    assert_eq!(court.on_record(&request, "violated").await, 2);
    let entries = court.casework.inspect(&court.who("a.feld").await, JURISDICTION, 0, 1000).await.unwrap();
    let accounts: Vec<_> = entries.into_iter().filter_map(|e| e.account).collect();
    let reports = accounts.iter().filter(|a| match &a.event {
        Event::Violated { .. } => true,
        Event::Decision { rulings, .. } => rulings.phase == model::terms::Phase::Violation,
        _ => false,
    });
    let reports: Vec<_> = reports.collect();
    assert_eq!(reports.len(), 5, "three decisions, two outcomes");
    for report in reports {
        assert_eq!(report.request.as_deref(), Some(request.as_str()));
        assert!(report.case.iter().any(|case| case.value == "26-0310-5"), "found by the case: {:?}", report.case);
    }

    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let unknown = report_of(&court, "no-such-request", named()).await;
    assert!(matches!(unknown, Err(CaseError::Unknown { kind: "request", .. })));
    for bad in ["", " ", &"r".repeat(65 << 10)] {
        assert!(matches!(report_of(&court, bad, named()).await, Err(CaseError::Invalid(_))), "{} bytes", bad.len());
    }
    assert_eq!(court.casework.chamber(JURISDICTION).unwrap().log().size(), size);
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("work under way goes on");
}
