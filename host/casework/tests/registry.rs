//! People, agencies and agreements come on record over a step: judged, at once, and for longer than until the next start.

use crate::common::{
    Court, FIRST, JURISDICTION, answers, court, misstep, outgoing, refused, registered, signing, text,
};
use magistrate_casework::access::{Change, Changed};
use magistrate_casework::agreements::Admission;
use magistrate_casework::chamber::Registered;
use magistrate_casework::registration::{Record, Registration};
use magistrate_casework::{CaseError, Misstep};
use model::facts::{AccessChange, AgencyKind, Agreement, Conclusion, Training};
use model::registry::{Agency, Concluded, Contact, Particulars, Person, agreement_id};
use model::role::Held;
use model::terms::{Digest, Value};
use std::collections::BTreeMap;

/// Who authorises access here; an agency whose agreement is in force, and one that is suspended.
const LASO: &str = "l.ortega";
const AGENCY: &str = "ice-ero";
const SUSPENDED: &str = "oakland-so";

/// Whoever comes new.
const NEW: &str = "n.okafor";

fn stated() -> BTreeMap<String, Value> {
    answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))])
}

fn complies() -> BTreeMap<String, Value> {
    answers([("agency-complies", Value::Flag(true))])
}

fn training(completed: &str, expires: &str) -> Training {
    let curriculum = "facial-examination".to_owned();
    Training { curriculum, completed: completed.parse().unwrap(), expires: Some(expires.parse().unwrap()) }
}

fn newcomer() -> Person {
    Person {
        id: NEW.to_owned(),
        name: "Ngozi Okafor".to_owned(),
        agency: "dpd".to_owned(),
        unit: "ciu".to_owned(),
        rank: "crime analyst".to_owned(),
        roles: vec!["examiner".into()],
        trainings: vec![training("2026-02-02", "2031-02-02")],
        background_checked: Some("2026-01-15".parse().unwrap()),
        need_reviewed: None,
        multi_factor: true,
        suspended_since: None,
    }
}

fn agreement(kind: &str) -> Concluded {
    let agreement = Agreement {
        kind: kind.to_owned(),
        signed: "2026-03-04T15:00:00.000Z".parse().unwrap(),
        starts: "2026-03-05".parse().unwrap(),
        ends: None,
        scope: vec![],
    };
    let contact = Contact { name: "R. Hale".to_owned(), ..Contact::default() };
    Concluded { agreement, contact, document: Digest::of(b"the signed document") }
}

fn sheriff() -> Agency {
    Agency {
        id: "wayne-so".to_owned(),
        name: "Wayne County Sheriff's Office".to_owned(),
        kind: AgencyKind::LawEnforcement,
        participant: false,
        agreements: vec![],
        suspended_since: None,
    }
}

async fn register(court: &Court, by: &str, person: Person) -> Result<Changed, CaseError> {
    let registration = Registration { person, reason: "as the test says".to_owned(), answers: stated() };
    court.casework.register_person(&court.who(by).await, JURISDICTION, registration).await
}

async fn record(court: &Court, by: &str, person: &str, record: Record) -> Result<Changed, CaseError> {
    let record = Record { answers: stated(), ..record };
    court.casework.record_of_person(&court.who(by).await, JURISDICTION, person, record).await
}

async fn admit(court: &Court, by: &str, agency: Agency, with: Vec<Concluded>) -> Result<Changed, CaseError> {
    let admission = Admission { agency, agreements: with, reason: String::new(), answers: complies() };
    court.casework.register_agency(&court.who(by).await, JURISDICTION, admission).await
}

async fn agree(court: &Court, by: &str, agency: &str, concluded: Concluded) -> Result<Changed, CaseError> {
    let by = court.who(by).await;
    court.casework.record_agreement(&by, JURISDICTION, agency, concluded, String::new(), complies()).await
}

async fn end(court: &Court, by: &str, agency: &str, agreement: &str) -> Result<Changed, CaseError> {
    let by = court.who(by).await;
    court.casework.end_agreement(&by, JURISDICTION, agency, agreement, String::new(), BTreeMap::new()).await
}

async fn let_in(court: &Court, person: &str) -> Result<Registered, CaseError> {
    registered(&court.casework, JURISDICTION, person).await
}

fn agency(court: &Court, id: &str) -> Option<Agency> {
    let registry = court.casework.chamber(JURISDICTION).unwrap().registry();
    registry.agencies.iter().find(|a| a.id == id).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_registered_works_at_once_and_after_a_restart() {
    let Some(court) = court().await else { return };
    assert!(let_in(&court, NEW).await.is_err());
    let done = register(&court, LASO, newcomer()).await.unwrap();
    assert_eq!(done.roles, ["examiner"]);
    assert!(done.taken.receipt.is_some() && done.suspended_since.is_none());
    let today = "2026-03-10".parse().unwrap();
    let granted = Held { by: Some(format!("{JURISDICTION}/{LASO}")), from: Some(today), ..Held::from("examiner") };
    let expected = Person { need_reviewed: Some(today), roles: vec![granted], ..newcomer() };
    assert_eq!(let_in(&court, NEW).await.unwrap().person, expected);
    let (request, _) = court.searched(3, 3).await;
    court.look(NEW, &request).await.expect("an examiner like the others");
    assert_eq!(court.ever_on_record("person-registered").await, 1);

    let court = court.reopen(|_| {}).await;
    assert_eq!(let_in(&court, NEW).await.unwrap().person, expected, "though the file does not list them");
    let again = misstep(register(&court, LASO, newcomer()).await);
    assert_eq!(again, Misstep::Registered { kind: "person", id: NEW.to_owned() });
    let change = Change { change: AccessChange::Withdraw, roles: vec![], reason: String::new(), answers: stated() };
    court.casework.change_access(&court.who(LASO).await, JURISDICTION, NEW, change).await.unwrap();
    let court = court.reopen(|_| {}).await;
    assert!(let_in(&court, NEW).await.is_err(), "whose access ended stays out");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_registered_whom_the_policy_does_not_let_in() {
    let Some(court) = court().await else { return };
    let before = court.casework.chamber(JURISDICTION).unwrap().registry();
    let untrained = Person { trainings: vec![training("2020-01-01", "2025-01-01")], ..newcomer() };
    let unchecked = Person { background_checked: None, ..newcomer() };
    let prerequisites = ["6.1(3)d", "7(5)"];
    for (by, person, clauses) in [
        (FIRST, newcomer(), &["6.1(2)b"][..]),
        (LASO, untrained, &prerequisites[..]),
        (LASO, unchecked, &prerequisites[..]),
    ] {
        for clause in clauses {
            refused(register(&court, by, person.clone()).await, clause);
        }
    }
    assert_eq!(*court.casework.chamber(JURISDICTION).unwrap().registry(), *before);
    assert_eq!(court.ever_on_record("person-registered").await, 0);
    let court = court.reopen(|_| {}).await;
    assert!(let_in(&court, NEW).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_person_is_told_so_before_anything_is_decided() {
    let Some(court) = court().await else { return };
    let before = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let wrong = [
        (Person { id: "N. Okafor".to_owned(), ..newcomer() }, "id"),
        (Person { name: " ".to_owned(), ..newcomer() }, "name"),
        (Person { unit: "u".repeat(257), ..newcomer() }, "unit"),
        (Person { roles: vec!["r".into(); 33], ..newcomer() }, "roles"),
        (Person { trainings: vec![training("2026-03-11", "2031-01-01")], ..newcomer() }, "completed"),
        (Person { trainings: vec![training("2026-03-01", "2026-02-01")], ..newcomer() }, "expires"),
        (Person { background_checked: Some("2026-03-11".parse().unwrap()), ..newcomer() }, "background_checked"),
    ];
    for (person, says) in wrong {
        match register(&court, LASO, person).await {
            Err(CaseError::Invalid(message)) => assert!(message.contains(says), "{says}: {message}"),
            other => panic!("{says}: {:?}", other.err()),
        }
    }
    let elsewhere = register(&court, LASO, Person { agency: "nowhere".to_owned(), ..newcomer() }).await;
    assert!(matches!(elsewhere, Err(CaseError::Unknown { kind: "agency", .. })));
    assert_eq!(court.casework.chamber(JURISDICTION).unwrap().log().size(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_on_record_counts_at_once_and_its_end_too() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(3, 3).await;
    assert!(matches!(court.look("e.voss", &request).await, Err(CaseError::Refused { .. })), "it has expired");
    let renewed = |expires: &str| {
        let particulars = Particulars { trainings: vec![training("2026-03-02", expires)], ..Particulars::default() };
        Record { particulars, ..Record::default() }
    };
    assert!(matches!(record(&court, FIRST, "e.voss", renewed("2031-03-02")).await, Err(CaseError::Refused { .. })));
    let done = record(&court, LASO, "e.voss", renewed("2031-03-02")).await.unwrap();
    assert_eq!(done.roles, ["examiner"], "a review leaves the roles as they are");
    let court = court.reopen(|_| {}).await;
    let person = let_in(&court, "e.voss").await.unwrap().person;
    assert_eq!(person.trainings.len(), 2);
    assert_eq!(person.need_reviewed, Some("2026-03-10".parse().unwrap()));
    // Whoever opens the list is involved from then on, whoever has signed already (DET 5.4(3)-c).
    let (signed, records) = court.signed(4).await;
    court.look("e.voss", &signed).await.unwrap();
    let wanting = misstep(court.release(FIRST, &signed, outgoing(&records[..1])).await);
    assert!(matches!(&wanting, Misstep::Unsigned { .. }) && wanting.to_string().contains("`e.voss`"), "{wanting}");
    court.sign("e.voss", &signed, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.release(FIRST, &signed, outgoing(&records[..1])).await.unwrap();
    record(&court, LASO, "e.voss", renewed("2026-03-10")).await.unwrap();
    let person = let_in(&court, "e.voss").await.unwrap().person;
    assert_eq!(person.trainings.last(), Some(&training("2026-03-02", "2026-03-10")));
    assert!(court.look("e.voss", &request).await.is_err(), "from its last day on it does not count");
    assert_eq!(court.ever_on_record("person-recorded").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_check_is_made_void_and_done_again() {
    let Some(court) = court().await else { return };
    let void = || Record { background_void: true, ..Record::default() };
    record(&court, LASO, FIRST, void()).await.unwrap();
    let court = court.reopen(|_| {}).await;
    assert_eq!(let_in(&court, FIRST).await.unwrap().person.background_checked, None, "whatever the file says");
    assert!(matches!(misstep(record(&court, LASO, FIRST, void()).await), Misstep::NotChecked { .. }));
    let done = Particulars { background_checked: Some("2026-03-10".parse().unwrap()), ..Particulars::default() };
    let both = Record { particulars: done.clone(), ..void() };
    assert!(matches!(record(&court, LASO, FIRST, both).await, Err(CaseError::Invalid(_))));
    record(&court, LASO, FIRST, Record { particulars: done, ..Record::default() }).await.unwrap();
    let again = let_in(&court, FIRST).await.unwrap().person.background_checked;
    assert_eq!(again, Some("2026-03-10".parse().unwrap()));

    assert!(matches!(record(&court, LASO, FIRST, Record::default()).await, Err(CaseError::Invalid(_))), "of nothing");
    let nobody = record(&court, LASO, "nobody", void()).await;
    assert!(matches!(nobody, Err(CaseError::Unknown { kind: "person", .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_comes_in_on_an_agreement_and_goes_when_that_ends() {
    let Some(court) = court().await else { return };
    let with = || vec![agreement("memorandum-of-understanding")];
    assert!(matches!(admit(&court, FIRST, sheriff(), with()).await, Err(CaseError::Refused { .. })), "not the LASO");
    // Without an agreement.
    refused(admit(&court, LASO, sheriff(), vec![]).await, "6.1(3)d");
    assert_eq!(agency(&court, "wayne-so"), None);
    admit(&court, LASO, sheriff(), with()).await.unwrap();
    let registered = Agency { agreements: vec![with().remove(0).agreement], ..sheriff() };
    assert_eq!(agency(&court, "wayne-so"), Some(registered.clone()));
    let again = misstep(admit(&court, LASO, sheriff(), with()).await);
    assert_eq!(again, Misstep::Registered { kind: "agency", id: "wayne-so".to_owned() });

    let court = court.reopen(|_| {}).await;
    assert_eq!(agency(&court, "wayne-so"), Some(registered));
    let seen = court.casework.agencies(JURISDICTION).await.unwrap();
    let seen = seen.iter().find(|seen| seen.agency.id == "wayne-so").unwrap();
    assert_eq!(seen.concluded, with());

    let id = agreement_id(&with()[0].agreement);
    assert!(matches!(end(&court, FIRST, "wayne-so", &id).await, Err(CaseError::Refused { .. })));
    assert!(matches!(end(&court, LASO, "wayne-so", "none").await, Err(CaseError::Unknown { kind: "agreement", .. })));
    let done = end(&court, LASO, "wayne-so", &id).await.unwrap();
    assert!(done.suspended_since.is_some());
    let court = court.reopen(|_| {}).await;
    let ended = agency(&court, "wayne-so").unwrap();
    assert_eq!(ended.agreements[0].ends, Some("2026-03-09".parse().unwrap()));
    assert!(ended.suspended_since.is_some());
    assert!(matches!(misstep(end(&court, LASO, "wayne-so", &id).await), Misstep::Ended { .. }));
    for (what, times) in [("agency-registered", 1), ("agreement-ended", 1)] {
        assert_eq!(court.ever_on_record(what).await, times, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agreement_lets_a_suspended_agency_in_again() {
    let Some(court) = court().await else { return };
    assert!(agency(&court, SUSPENDED).unwrap().suspended_since.is_some());
    let denied = agree(&court, FIRST, SUSPENDED, agreement("memorandum-of-understanding")).await;
    assert!(matches!(denied, Err(CaseError::Refused { .. })), "not the LASO");
    assert!(agency(&court, SUSPENDED).unwrap().suspended_since.is_some());
    let done = agree(&court, LASO, SUSPENDED, agreement("memorandum-of-understanding")).await;
    assert!(done.unwrap().suspended_since.is_none());
    let again = misstep(agree(&court, LASO, SUSPENDED, agreement("memorandum-of-understanding")).await);
    assert!(matches!(again, Misstep::Registered { kind: "agreement", .. }));
    let nowhere = agree(&court, LASO, "nowhere", agreement("memorandum-of-understanding")).await;
    assert!(matches!(nowhere, Err(CaseError::Unknown { kind: "agency", .. })));
    let court = court.reopen(|_| {}).await;
    assert!(agency(&court, SUSPENDED).unwrap().suspended_since.is_none());

    // One that the registry file lists is ended like any other.
    let id = agreement_id(&agency(&court, AGENCY).unwrap().agreements[0]);
    end(&court, LASO, AGENCY, &id).await.unwrap();
    let court = court.reopen(|_| {}).await;
    let ended = agency(&court, AGENCY).unwrap();
    assert!(ended.suspended_since.is_some() && ended.agreements[0].ends == Some("2026-03-09".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_agreement_is_told_so() {
    let Some(court) = court().await else { return };
    let good = || agreement("memorandum-of-understanding");
    let of = |agreement: Agreement| Concluded { agreement, ..good() };
    let wrong = [
        (of(Agreement { kind: String::new(), ..good().agreement }), "kind"),
        (of(Agreement { signed: "2026-03-11T00:00:00.000Z".parse().unwrap(), ..good().agreement }), "signed"),
        (of(Agreement { ends: Some("2026-03-04".parse().unwrap()), ..good().agreement }), "ends"),
        (of(Agreement { scope: vec!["s".to_owned(); 33], ..good().agreement }), "scope"),
        (Concluded { contact: Contact::default(), ..good() }, "contact.name"),
    ];
    for (concluded, says) in wrong {
        match agree(&court, LASO, SUSPENDED, concluded).await {
            Err(CaseError::Invalid(message)) => assert!(message.contains(says), "{says}: {message}"),
            other => panic!("{says}: {:?}", other.err()),
        }
    }
    let twice = admit(&court, LASO, sheriff(), vec![good(), good()]).await;
    assert!(matches!(twice, Err(CaseError::Invalid(_))));
}
