//! Roles count from their first day to their last, wherever they come from, and nowhere outside of those days.

use crate::common::{
    Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, answers, court, intake, misstep, outgoing, signing, text,
};
use casework::access::{Change, Changed};
use casework::search_step::Plan;
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::account::Event;
use model::facts::{AccessChange, Conclusion};
use model::registry::Registry;
use model::role::Held;
use model::terms::{Date, Value};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

const LASO: &str = "l.ortega";

const DAY_MS: u64 = 24 * 3_600_000;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// The registry file with this role, in place of those that the person holds.
fn holding(person: &'static str, role: Held) -> impl FnOnce(&mut Registry) {
    move |registry: &mut Registry| {
        registry.people.iter_mut().find(|p| p.id == person).unwrap().roles = vec![role];
    }
}

fn until(role: &str, last: &str) -> Held {
    Held { until: Some(day(last)), ..Held::from(role) }
}

async fn change(court: &Court, what: AccessChange, person: &str, roles: Vec<Held>) -> Result<Changed, CaseError> {
    let answers =
        answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))]);
    let change = Change { change: what, roles, reason: "as the test says".to_owned(), answers };
    court.casework.change_access(&court.who(LASO).await, JURISDICTION, person, change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_ended_signs_nothing_and_its_signature_counts_no_longer() {
    let Some(court) = court().await else { return };
    // The clock stands at 10 March.
    let court = court.reopen(holding(SECOND, until("examiner", "2026-03-10"))).await;
    let (request, records) = court.signed(1).await;
    let (unsigned, _) = court.disposed(2).await;
    court.clock.fetch_add(DAY_MS, Ordering::AcqRel);
    let wanting = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(&wanting, Misstep::Unsigned { wanting, .. } if wanting.iter().any(|w| w.contains("examiner"))));
    let signed = court.sign(SECOND, &unsigned, signing("examiner", Conclusion::Lead)).await;
    assert!(matches!(misstep(signed), Misstep::NotTheirRole { .. }));
    assert!(court.who(SECOND).await.person.roles.is_empty());
    let searched = court.casework.search_now(&court.who(SECOND).await, JURISDICTION, intake(3), Plan::default()).await;
    assert!(matches!(searched, Err(CaseError::Refused { .. })), "the policy is told of no role");
    let court = court.reopen(holding(SECOND, until("examiner", "2026-03-11"))).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("prolonged, it counts again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_from_its_first_day_in_the_jurisdictions_calendar() {
    let Some(court) = court().await else { return };
    let from = Held { from: Some(day("2026-03-11")), ..Held::from("ciu-supervisor") };
    let court = court.reopen(holding(SUPERVISOR, from)).await;
    let (request, _) = court.disposed(1).await;
    let approve = || court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved));
    assert!(matches!(misstep(approve().await), Misstep::NotTheirRole { .. }));
    // 03:30 UTC on the 11th, which is still the 10th there; and an hour later it is not.
    court.clock.store("2026-03-11T03:30:00.000Z".parse::<model::terms::Instant>().unwrap().0, Ordering::Release);
    assert!(matches!(misstep(approve().await), Misstep::NotTheirRole { .. }));
    court.clock.fetch_add(3_600_000, Ordering::AcqRel);
    approve().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_no_role_any_more_sees_what_concerns_them() {
    let Some(court) = court().await else { return };
    let court = court.reopen(holding(SECOND, until("examiner", "2026-03-10"))).await;
    court.searched(1, 3).await;
    let shown = || async {
        let second = court.who(SECOND).await;
        court.casework.obligations_for(&second, JURISDICTION).await.unwrap().len()
    };
    assert!(shown().await > 0);
    court.clock.fetch_add(DAY_MS, Ordering::AcqRel);
    assert_eq!(shown().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_grants_a_role_until_a_day_and_says_by_whom() {
    let Some(court) = court().await else { return };
    let done = change(&court, AccessChange::Grant, FIRST, vec![until("registrar", "2026-03-11")]).await.unwrap();
    assert_eq!(done.roles, ["examiner", "registrar"]);
    let court = court.reopen(|_| {}).await;
    let held = court.who(FIRST).await.person.roles;
    let by = Some(format!("{JURISDICTION}/{LASO}"));
    let granted = Held { by, from: Some(day("2026-03-10")), ..until("registrar", "2026-03-11") };
    assert_eq!(held, [Held::from("examiner"), granted.clone()]);
    let auditor = court.who("a.feld").await;
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
    let events = entries.into_iter().filter_map(|e| e.account).map(|account| account.event);
    let recorded = events.filter(|e| matches!(e, Event::AccessChanged { roles, .. } if roles.contains(&granted)));
    assert_eq!(recorded.count(), 1);

    court.clock.fetch_add(DAY_MS, Ordering::AcqRel);
    assert!(court.who(FIRST).await.holds("registrar"), "on its last day");
    court.clock.fetch_add(DAY_MS, Ordering::AcqRel);
    assert_eq!(court.who(FIRST).await.person.role_names(), ["examiner"]);
    let again = change(&court, AccessChange::Grant, FIRST, vec!["registrar".into()]).await.unwrap();
    assert_eq!(again.roles, ["examiner", "registrar"], "granted anew, and without an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_nobody_may_set_are_refused_before_anything_is_decided() {
    let Some(court) = court().await else { return };
    let before = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let by = Held { by: Some("detroit/somebody".to_owned()), ..Held::from("registrar") };
    let from = Held { from: Some(day("2026-04-01")), ..Held::from("registrar") };
    for (what, held, says) in [
        (AccessChange::Grant, by, "leave by and from away"),
        (AccessChange::Grant, from, "leave by and from away"),
        (AccessChange::Grant, until("registrar", "2026-03-09"), "would end before today"),
        (AccessChange::Grant, " ".into(), "has no name"),
        (AccessChange::Withdraw, until("examiner", "2026-12-31"), "withdrawn from now on"),
    ] {
        match change(&court, what, FIRST, vec![held]).await {
            Err(CaseError::Invalid(message)) => assert!(message.contains(says), "{says}: {message}"),
            other => panic!("{says}: {:?}", other.err()),
        }
    }
    assert_eq!(court.casework.chamber(JURISDICTION).unwrap().log().size(), before);
}

/// What each start says on record of the registry file, oldest first.
async fn said_of_the_file(court: &Court) -> Vec<BTreeMap<String, String>> {
    let auditor = court.who("a.feld").await;
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
    let events = entries.into_iter().filter_map(|e| e.account).map(|account| account.event);
    let starts = events.filter_map(|event| match event {
        Event::Host { act, details } if act == "start" => Some(details),
        _ => None,
    });
    let of_the_file = |(name, _): &(String, String)| name.starts_with("registry-file-");
    starts.map(|details| details.into_iter().filter(of_the_file).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_names_whom_the_file_grants_what_and_takes_it_from() {
    let Some(court) = court().await else { return };
    let first = said_of_the_file(&court).await.pop().unwrap();
    assert!(first["registry-file-grants"].contains("m.whitfield: examiner"), "{first:?}");
    assert!(first["registry-file-lists"].contains("person h.dawson"), "who asks needs no role: {first:?}");

    let court = court.reopen(|_| {}).await;
    assert!(said_of_the_file(&court).await.pop().unwrap().is_empty(), "the same file again");

    let changed = |registry: &mut Registry| {
        let like = registry.people.iter().find(|p| p.id == FIRST).unwrap().clone();
        registry.people.push(model::registry::Person { id: "n.okafor".to_owned(), ..like });
        registry.people.iter_mut().find(|p| p.id == SUPERVISOR).unwrap().roles = vec![until("laso", "2026-12-31")];
    };
    let court = court.reopen(changed).await;
    let said = said_of_the_file(&court).await.pop().unwrap();
    let expected = [
        ("registry-file-grants", "n.okafor: examiner; s.baptiste: laso until 2026-12-31"),
        ("registry-file-lists", "person n.okafor"),
        ("registry-file-takes", "s.baptiste: ciu-supervisor"),
    ];
    assert_eq!(said, BTreeMap::from(expected.map(|(name, line)| (name.to_owned(), line.to_owned()))));
    assert!(court.who("n.okafor").await.holds("examiner"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_says_in_vain_is_told_as_overruled_and_as_no_grant() {
    let Some(court) = court().await else { return };
    change(&court, AccessChange::Withdraw, SECOND, vec![]).await.unwrap();
    let court = court.reopen(holding(SECOND, "laso".into())).await;
    let said = said_of_the_file(&court).await.pop().unwrap();
    assert_eq!(said, BTreeMap::from([("registry-file-overruled".to_owned(), SECOND.to_owned())]));
}
