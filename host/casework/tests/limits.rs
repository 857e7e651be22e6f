//! How much a step may say, how often somebody may search, and whose fault it is where something cannot be read.

use crate::common::{
    Court, FIRST, GALLERY, JURISDICTION, MODEL, SECOND, SUPERVISOR, against, answers, court, intake, outgoing, said,
    signing, template, text,
};
use casework::CaseError;
use casework::access::Change;
use casework::acknowledgement::Acknowledgement;
use casework::activation::{Proposal, Vote};
use casework::agreements::Admission;
use casework::enroll::{Batch, NewRecord};
use casework::intake::Intake;
use casework::registration::{Record, Registration};
use casework::report::Asked;
use casework::retention::{AUDIT_ENTRY, Asking, GALLERY_RECORD};
use casework::search_step::Plan;
use casework::violation::Report;
use magistrate_casework as casework;
use model::account::{Event, Retained};
use model::facts::{
    AccessChange, AgencyKind, Agreement, Conclusion, Edit, History, Identifier, Likeness, Quality, Training,
};
use model::registry::{Agency, Concluded, Contact, Particulars, Person};
use model::role::Held;
use model::terms::{Digest, Instant, Phase, Value};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// More than any word, and more than any text.
const WORD: usize = 257;
const TEXT: usize = (64 << 10) + 1;

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn too_long() -> BTreeMap<String, Value> {
    answers([("crime", text(&long(TEXT)))])
}

fn entries(court: &Court) -> u64 {
    court.casework.chamber(JURISDICTION).unwrap().log().size()
}

/// Something refused as it was sent, with the name of what is too much, and no entry made of it.
fn named<T>(court: &Court, before: u64, taken: Result<T, CaseError>, name: &str) {
    let Err(e) = taken else { panic!("{name}: it was taken") };
    assert!(matches!(&e, CaseError::Invalid(why) if why.contains(name)), "{name}: {e:?}");
    assert_eq!(entries(court), before, "{name}: nothing is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_seen_as_it_is() {
    let Some(court) = court().await else { return };
    let registrar = court.who("r.tanaka").await;
    let called = |id: &str| {
        let template = Some(template(20));
        let record = NewRecord { id: id.to_owned(), image: None, template, status: None, booking: BTreeMap::new() };
        let kind = answers([("image-kind", text("booking-photograph")), ("contributing-agency", text("dpd"))]);
        Batch { model: Some(MODEL.to_owned()), origin: None, answers: kind, records: vec![record] }
    };
    let before = entries(&court);
    for id in ["", " ", "\u{a0}\u{3000}", "r\u{202e}20", "r\u{200b}20", "r\u{200d}20", "r\n20", "\u{feff}r20"] {
        let enrolled = court.casework.enroll(&registrar, JURISDICTION, GALLERY, called(id)).await;
        named(&court, before, enrolled, "record id");
    }
    let identifier = Identifier { kind: "incident-number".to_owned(), value: "26-\u{200b}1".to_owned() };
    let intake = Intake { identifiers: vec![identifier], ..intake(1) };
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake).await.map(drop);
    named(&court, before, opened, "unseen character U+200B");
    court.casework.enroll(&registrar, JURISDICTION, GALLERY, called("Ω 20")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_request_is_without_bounds() {
    let Some(court) = court().await else { return };
    let actor = court.who(FIRST).await;
    let identifier = |kind: &str, value: &str| Identifier { kind: kind.to_owned(), value: value.to_owned() };
    let edit = |operation: &str, by: &str| Edit {
        operation: operation.to_owned(),
        by: by.to_owned(),
        before: Digest::default(),
        after: Digest::default(),
    };
    let (word, whole) = (long(WORD), "x".repeat(60 << 10));
    let base = || intake(1);
    let of = |probe: casework::intake::Submission| Intake { probe, ..base() };
    let all = [
        ("gallery", Intake { gallery: word.clone(), ..base() }),
        ("requester", Intake { requester: Some(word.clone()), ..base() }),
        ("channel", Intake { channel: word.clone(), ..base() }),
        ("purpose", Intake { purpose: long(TEXT), ..base() }),
        ("reason", Intake { reason: long(TEXT), ..base() }),
        ("identifiers.kind", Intake { identifiers: vec![identifier(&word, "1")], ..base() }),
        ("identifiers.value", Intake { identifiers: vec![identifier("incident-number", &word)], ..base() }),
        ("identifiers has 65", Intake { identifiers: vec![identifier("a", "b"); 65], ..base() }),
        ("answers.crime", Intake { answers: too_long(), ..base() }),
        ("answers.a", Intake { answers: answers([("a", Value::Texts(vec![whole; 5]))]), ..base() }),
        ("probe.model", of(casework::intake::Submission { model: Some(word.clone()), ..base().probe })),
        ("probe.source", of(casework::intake::Submission { source: long(TEXT), ..base().probe })),
        ("probe.edits.operation", of(casework::intake::Submission { edits: vec![edit(&word, "p")], ..base().probe })),
        ("probe.edits.by", of(casework::intake::Submission { edits: vec![edit("crop", &word)], ..base().probe })),
        (
            "probe.quality.producer",
            of(casework::intake::Submission {
                quality: Some(Quality { score: 1, producer: word.clone() }),
                ..base().probe
            }),
        ),
    ];
    let before = entries(&court);
    for (name, intake) in all {
        named(&court, before, court.casework.open_request(&actor, JURISDICTION, intake).await, name);
    }
    let plan = || Plan { answers: too_long(), ..Plan::default() };
    let searched = court.casework.search_now(&actor, JURISDICTION, base(), plan()).await;
    named(&court, before, searched, "answers.crime");
    let opened = court.casework.open_request(&actor, JURISDICTION, base()).await.unwrap();
    let before = entries(&court);
    named(&court, before, court.casework.search(&actor, &opened.request, plan()).await, "answers.crime");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_steps_after_it_is_without_bounds() {
    let Some(court) = court().await else { return };
    let (request, records) = court.searched(2, 3).await;
    let actor = court.who(FIRST).await;
    let word = long(WORD);
    let before = entries(&court);

    let look = court.casework.look(&actor, JURISDICTION, &request, too_long()).await;
    named(&court, before, look, "answers.crime");
    let disposed = court.dispose(FIRST, &request, vec![said(&word, Likeness::Excluded)]).await;
    named(&court, before, disposed, "record_id");
    let mut reasoned = said(&records[0], Likeness::Excluded);
    reasoned.reason = long(TEXT);
    named(&court, before, court.dispose(FIRST, &request, vec![reasoned]).await, "reason");
    let many = vec![said(&records[0], Likeness::Excluded); 501];
    named(&court, before, court.dispose(FIRST, &request, many).await, "dispositions has 501");
    let signed = court.sign(FIRST, &request, signing(&word, Conclusion::Lead)).await;
    named(&court, before, signed, "role");
    let released = court.release(FIRST, &request, outgoing(std::slice::from_ref(&word))).await;
    named(&court, before, released, "candidates");
    let acknowledged = Acknowledgement { statement: word.clone(), text: None, digest: Some(Digest::default()) };
    let done = court.casework.acknowledge(&actor, JURISDICTION, &request, acknowledged).await;
    named(&court, before, done, "statement");
    let reported = court.casework.report_outcome(&actor, JURISDICTION, &request, too_long()).await;
    named(&court, before, reported, "answers.crime");
    named(&court, before, court.casework.complete(&actor, JURISDICTION, "x", &long(TEXT)).await, "note");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_a_requests_life_is_without_bounds() {
    let Some(court) = court().await else { return };
    let actor = court.who(SUPERVISOR).await;
    let word = long(WORD);
    let before = entries(&court);

    let record = Retained { subject: GALLERY_RECORD.to_owned(), gallery: Some(word.clone()), record: "r".to_owned() };
    let change = casework::retention::Change::Notice;
    let asking = Asking { change, record, day: None, answers: BTreeMap::new() };
    named(&court, before, court.casework.retention(&actor, JURISDICTION, asking).await, "gallery");
    let change = |roles: Vec<Held>, reason: String| Change {
        change: AccessChange::Grant,
        roles,
        reason,
        answers: BTreeMap::new(),
    };
    for (name, change) in
        [("roles", change(vec![word.clone().into()], String::new())), ("reason", change(vec![], long(TEXT)))]
    {
        named(&court, before, court.casework.change_access(&actor, JURISDICTION, SECOND, change).await, name);
    }
    let range = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: long(WORD) };
    let prune = casework::retention::Change::Prune;
    let asking = Asking { change: prune, record: range, day: None, answers: BTreeMap::new() };
    named(&court, before, court.casework.retention(&actor, JURISDICTION, asking).await, "record");
    for (name, request, answers) in
        [("answers.crime", None, too_long()), ("request", Some(word.clone()), BTreeMap::new())]
    {
        let report = Report { happened: Instant(0), request, answers };
        named(&court, before, court.casework.record_violation(&actor, JURISDICTION, report).await, name);
    }
    let asked = Asked { report: word.clone(), ..Asked::default() };
    named(&court, before, court.casework.draw_report(&actor, JURISDICTION, asked).await, "report");
    let settings = answers([("mass-query-limit", Value::Texts(vec![String::new(); 1025]))]);
    let proposal = Proposal { settings: Some(settings), ..Proposal::default() };
    named(&court, before, court.casework.propose(&actor, JURISDICTION, proposal).await, "settings.mass-query-limit");
    let vote = Vote { role: word.clone(), conclusion: Conclusion::Approved, reason: String::new() };
    named(&court, before, court.casework.endorse(&actor, JURISDICTION, "x", vote).await, "role");
    named(&court, before, court.casework.activate(&actor, JURISDICTION, "x", too_long()).await, "answers.crime");

    let registrar = court.who("r.tanaka").await;
    let batch = |origin: Option<String>, booking: &str| Batch {
        model: Some(MODEL.to_owned()),
        origin,
        answers: BTreeMap::new(),
        records: vec![NewRecord {
            id: "new".to_owned(),
            image: None,
            template: Some(template(1)),
            status: None,
            booking: [("name".to_owned(), booking.to_owned())].into(),
        }],
    };
    for (name, batch) in [("origin", batch(Some(word.clone()), "")), ("booking.name", batch(None, &long(17 << 10)))] {
        named(&court, before, court.casework.enroll(&registrar, JURISDICTION, GALLERY, batch).await, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_comes_into_a_registry_is_without_bounds() {
    let Some(court) = court().await else { return };
    let actor = court.who("l.ortega").await;
    let (word, none) = (long(WORD), String::new);
    let before = entries(&court);

    let newcomer = || Person { id: "n.okafor".to_owned(), ..actor.person.clone() };
    let training = |curriculum: &str| Training {
        curriculum: curriculum.to_owned(),
        completed: "2026-03-01".parse().unwrap(),
        expires: None,
    };
    let register = |person: Person, reason: String, answers: BTreeMap<String, Value>| {
        let registration = Registration { person, reason, answers };
        court.casework.register_person(&actor, JURISDICTION, registration)
    };
    let people = [
        ("agency", Person { agency: word.clone(), ..newcomer() }),
        ("name", Person { name: word.clone(), ..newcomer() }),
        ("unit", Person { unit: word.clone(), ..newcomer() }),
        ("rank", Person { rank: word.clone(), ..newcomer() }),
        ("roles", Person { roles: vec![word.clone().into()], ..newcomer() }),
        ("roles has 33", Person { roles: vec!["examiner".into(); 33], ..newcomer() }),
        ("curriculum", Person { trainings: vec![training(&word)], ..newcomer() }),
        ("trainings has 33", Person { trainings: vec![training("t"); 33], ..newcomer() }),
    ];
    for (name, person) in people {
        named(&court, before, register(person, none(), BTreeMap::new()).await, name);
    }
    named(&court, before, register(newcomer(), long(TEXT), BTreeMap::new()).await, "reason");
    named(&court, before, register(newcomer(), none(), too_long()).await, "answers.crime");

    let particulars = Particulars { rank: Some(word.clone()), ..Particulars::default() };
    let named_wrongly = Record { particulars, ..Record::default() };
    let endless = Record { background_void: true, reason: long(TEXT), ..Record::default() };
    for (name, record) in [("rank", named_wrongly), ("reason", endless)] {
        named(&court, before, court.casework.record_of_person(&actor, JURISDICTION, SECOND, record).await, name);
    }

    let agreement = |kind: &str, scope: Vec<String>, address: &str| Concluded {
        agreement: Agreement {
            kind: kind.to_owned(),
            signed: Instant(0),
            starts: "2026-03-05".parse().unwrap(),
            ends: None,
            scope,
        },
        contact: Contact { name: "R. Hale".to_owned(), address: address.to_owned(), ..Contact::default() },
        document: Digest::default(),
    };
    let agreements = [
        ("kind", agreement(&word, vec![], "")),
        ("scope", agreement("memorandum", vec![word.clone()], "")),
        ("scope has 33", agreement("memorandum", vec!["s".to_owned(); 33], "")),
        ("contact.address", agreement("memorandum", vec![], &word)),
    ];
    let agency = |name: &str| Agency {
        id: "wayne-so".to_owned(),
        name: name.to_owned(),
        kind: AgencyKind::LawEnforcement,
        participant: false,
        agreements: vec![],
        suspended_since: None,
    };
    for (name, concluded) in agreements {
        let with = vec![concluded.clone()];
        let admission = Admission { agency: agency("a"), agreements: with, reason: none(), answers: BTreeMap::new() };
        named(&court, before, court.casework.register_agency(&actor, JURISDICTION, admission).await, name);
        let answers = BTreeMap::new();
        let done = court.casework.record_agreement(&actor, JURISDICTION, "ice-ero", concluded, none(), answers).await;
        named(&court, before, done, name);
    }
    let large = || agreement(&long(250), vec![long(250); 32], "");
    for (name, agency, with) in [
        ("name", agency(&word), vec![]),
        ("agreements has 33", agency("a"), vec![agreement("memorandum", vec![], ""); 33]),
        ("there are more than", agency("a"), vec![large(); 32]),
    ] {
        let admission = Admission { agency, agreements: with, reason: none(), answers: BTreeMap::new() };
        named(&court, before, court.casework.register_agency(&actor, JURISDICTION, admission).await, name);
    }
    let ended = court.casework.end_agreement(&actor, JURISDICTION, "ice-ero", &word, none(), BTreeMap::new()).await;
    named(&court, before, ended, "agreement");
}

/// What policies were told of the past in each decision on a search, in the order of the log.
async fn told(court: &Court) -> Vec<History> {
    let auditor = court.who("a.feld").await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
    let searches = seen.into_iter().filter(|s| s.leaf.phase == Some(Phase::Search)).filter_map(|s| s.account);
    searches
        .filter_map(|account| match account.event {
            Event::Decision { matters, .. } => matters.into_iter().next().map(|matter| matter.history),
            _ => None,
        })
        .collect()
}

fn sorted(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persons_searches_at_the_same_moment_are_each_told_of_those_before() {
    let Some(court) = court().await else { return };
    let search = |seed: usize| court.searched(seed, 3);
    tokio::join!(search(1), search(2), search(3), search(4), search(5), search(6));
    let told = told(&court).await;
    assert_eq!(sorted(told.iter().map(|h| h.searches_by_person_last_hour)), [0, 1, 2, 3, 4, 5]);
    assert_eq!(sorted(told.iter().map(|h| h.distinct_probes_by_person_last_hour)), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_searched_as_many_faces_as_an_hour_has_room_for_waits_until_it_is_over() {
    let Some(court) = court().await else { return };
    for seed in 0..20 {
        court.searched(seed, 1).await;
    }
    let search = async |who: &str| {
        court.casework.search_now(&court.who(who).await, JURISDICTION, intake(20), Plan::default()).await.map(drop)
    };
    assert_eq!(against(search(FIRST).await), ["5.3"], "the one after the twentieth");
    search(SECOND).await.expect("somebody else has an hour of their own");
    court.clock.fetch_add(3_600_001, Ordering::AcqRel);
    search(FIRST).await.expect("the hour is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_peoples_searches_in_one_case_are_each_told_of_those_before() {
    let Some(court) = court().await else { return };
    let (first, second) = (court.who(FIRST).await, court.who(SECOND).await);
    let search = async |actor: &casework::chamber::Registered, seed: usize| {
        let intake = Intake { identifiers: intake(1).identifiers, ..intake(seed) };
        court.casework.search_now(actor, JURISDICTION, intake, Plan::default()).await.unwrap();
    };
    tokio::join!(search(&first, 1), search(&second, 2), search(&first, 3), search(&second, 4));
    assert_eq!(sorted(told(&court).await.iter().map(|h| h.distinct_probes_in_case)), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_not_searched_anew_by_calling_or_writing_its_number_otherwise() {
    let Some(court) = court().await else { return };
    let actor = court.who(FIRST).await;
    let written = [
        ("incident-number", "26-9999-1"),
        ("incident", "26-9999-1"),
        ("incident-number", "26-9999-1."),
        ("incident-number", "26 9999 1"),
    ];
    for (seed, (kind, value)) in (1..).zip(written) {
        let identifiers = vec![Identifier { kind: kind.to_owned(), value: value.to_owned() }];
        let intake = Intake { identifiers, ..intake(seed) };
        court.casework.search_now(&actor, JURISDICTION, intake, Plan::default()).await.unwrap();
    }
    let in_case: Vec<_> = told(&court).await.iter().map(|h| h.distinct_probes_in_case).collect();
    assert_eq!(in_case, [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_on_record_that_cannot_be_read_is_no_fault_of_whoever_asks() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(3, 3).await;
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            let body = serde_json::json!("not a request");
            let row = store::RequestRow { id: request.clone(), opened: Instant(1), body };
            rows.put_request(&row).await.unwrap();
        })
        .await;
    let unreadable = court.casework.request(JURISDICTION, &request).await.map(drop);
    assert!(matches!(&unreadable, Err(CaseError::Fault(why)) if why.contains(&request)), "{unreadable:?}");
}
