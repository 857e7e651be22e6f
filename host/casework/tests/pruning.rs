//! Pruning the log: only what is old enough, by whom the policy permits, never what is held; and to its end, whatever happens.

use magistrate_casework as casework;

use crate::common::{ASKER, Court, JURISDICTION, answers, court, misstep, text};
use casework::anomalies::Scope;
use casework::obligations::{Owed, Standing};
use casework::retention::{AUDIT_ENTRY, Asking, Change, Docket, Done, Pruning};
use casework::{CaseError, Misstep};
use model::account::{Account, Event, Retained, Who};
use model::rulings::{Duty, Obligation, Outcome, RetentionRule};
use model::terms::{Digest, Instant, Phase, Value};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Who may purge the audit trail, and who may only read it.
const OFFICER: &str = "l.ortega";
const AUDITOR: &str = "a.feld";

const DAY_MS: u64 = 24 * 3_600_000;

/// Two whole bundles, and a few entries more.
const OLD: u64 = 520;

fn range(last: u64) -> String {
    format!("0-{last}")
}

async fn step<const N: usize>(
    court: &Court,
    who: &str,
    change: Change,
    record: &str,
    given: [(&str, Value); N],
) -> Result<Done, CaseError> {
    let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: record.to_owned() };
    let asking = Asking { change, record, day: None, answers: answers(given) };
    court.casework.retention(&court.who(who).await, JURISDICTION, asking).await
}

async fn prune(court: &Court, record: &str) -> Result<Done, CaseError> {
    step(court, OFFICER, Change::Prune, record, []).await
}

fn log(court: &Court) -> audit::Log {
    court.casework.chamber(JURISDICTION).unwrap().log().clone()
}

/// Lets the log grow to so many entries: an auditor looks at it.
async fn grow(court: &Court, size: u64) {
    let auditor = court.who(AUDITOR).await;
    while log(court).size() < size {
        court.casework.inspect(&auditor, JURISDICTION, 0, 1).await.unwrap();
    }
}

fn pass_a_year(court: &Court) {
    court.clock.fetch_add(366 * 24 * 3_600_000, Ordering::AcqRel);
}

/// The events of the entries from this index on.
async fn events(court: &Court, first: u64) -> Vec<Event> {
    let auditor = court.who(AUDITOR).await;
    let (mut first, end, mut all) = (first, log(court).size(), Vec::new());
    while first < end {
        let seen = court.casework.inspect(&auditor, JURISDICTION, first, 100).await.unwrap();
        first += 100;
        all.extend(seen.into_iter().filter_map(|s| s.account.map(|account| account.event)));
    }
    all
}

async fn docket(court: &Court, record: &str) -> Docket {
    let listed = court.casework.dockets(JURISDICTION).await.unwrap();
    listed.into_iter().find(|l| l.docket.record.record == record).unwrap().docket
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_entries_go_after_their_year_and_all_else_stands() {
    let Some(court) = court().await else { return };
    grow(&court, OLD).await;
    let young = misstep(prune(&court, &range(OLD - 1)).await);
    assert!(matches!(young, Misstep::KeptUntil { .. }), "{young}");
    assert_eq!(misstep(step(&court, ASKER, Change::Prune, &range(OLD - 1), []).await), Misstep::NoRole);
    pass_a_year(&court);

    // Not by somebody else, not what does not begin at the beginning, nor more than there is.
    match step(&court, AUDITOR, Change::Prune, &range(OLD - 1), []).await {
        Err(CaseError::Refused { rulings, .. }) => {
            let found = rulings.rulings.iter().flat_map(|r| r.decision.outcomes());
            let violated: Vec<_> = found.filter(|(_, o)| *o == Outcome::Violated).map(|(c, _)| c.to_string()).collect();
            assert!(violated.iter().any(|clause| clause == "7(4)"), "{violated:?}");
        }
        _ => panic!("an auditor only reads"),
    }
    for wrong in ["", "x", "17", "5-519"] {
        assert!(matches!(prune(&court, wrong).await, Err(CaseError::Invalid(_))), "{wrong}");
    }
    let size = log(&court).size();
    assert_eq!(misstep(prune(&court, "0-200").await), Misstep::NothingToPrune { from: 0 });
    let beyond = misstep(prune(&court, "0-99999999").await);
    assert_eq!(beyond, Misstep::NotInLog { last: 99_999_999, size: size + 1 });
    assert_eq!(log(&court).size(), size + 2, "either is on record");
    assert_eq!(log(&court).minimum_index(), 0);

    let size = log(&court).size();
    let done = prune(&court, &range(OLD - 1)).await.unwrap();
    assert!(!done.pending && done.docket.pruned.is_some() && done.docket.pruning.is_none());
    assert_eq!((done.minimum_index, log(&court).minimum_index()), (Some(512), 512), "whole bundles");
    let told = events(&court, size).await;
    assert!(matches!(told[0], Event::Decision { .. }), "it was judged, and that was on record, first");
    assert!(matches!(&told[1], Event::Pruned { minimum: 512, entries: 512, .. }), "{:?}", told[1]);

    let auditor = court.who(AUDITOR).await;
    let gone = court.casework.inspect(&auditor, JURISDICTION, 500, 100).await;
    assert!(matches!(&gone, Err(CaseError::Pruned(said)) if said.contains("from 512 on")));
    let kept = court.casework.inspect(&auditor, JURISDICTION, 512, 8).await.unwrap();
    assert!(kept.iter().all(|s| s.account_verified == Some(true)), "what is younger stays whole");
    log(&court).prove_inclusion(3, size).unwrap();
    let purged = step(&court, OFFICER, Change::Purge, "3-4", []).await;
    assert!(matches!(purged, Err(CaseError::Pruned(_))));
    let sample = court.casework.sample(&auditor, JURISDICTION, "2026-03", 20, Some(512)).await.unwrap();
    assert_eq!((sample.drawn.len(), sample.pruned.len()), (0, 20), "the draw is what it was");
    let survey = court.casework.survey(&auditor, JURISDICTION, Scope::default()).await.unwrap();
    assert_eq!((survey.minimum_index, survey.log.as_str()), (512, "test/detroit"), "what is gone was not counted");

    let again = misstep(prune(&court, &range(OLD - 1)).await);
    assert_eq!(again, Misstep::NothingToPrune { from: 512 }, "there is nothing more to go");
    let court = court.reopen_after(async |_: &Path| {}).await;
    assert_eq!(log(&court).minimum_index(), 512);
    let size = log(&court).size();
    court.casework.pass_deadlines().await;
    let told = events(&court, size).await;
    assert!(!told.iter().any(|event| matches!(event, Event::Pruned { .. })), "it was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_not_pruned_until_the_hold_is_lifted() {
    let Some(court) = court().await else { return };
    grow(&court, OLD).await;
    pass_a_year(&court);
    let because = || ("retention-reason", text("exhibit 4 of the prosecution"));
    let evidence = [("evidentiary-value", Value::Flag(true)), because()];
    assert!(!step(&court, OFFICER, Change::Hold, "300-310", evidence).await.unwrap().pending);
    let held = misstep(prune(&court, &range(OLD - 1)).await);
    assert!(matches!(held, Misstep::Held { .. }), "{held}");
    assert_eq!(prune(&court, "0-299").await.unwrap().minimum_index, Some(256), "what lies before it may go");
    assert!(matches!(misstep(prune(&court, &range(OLD - 1)).await), Misstep::Held { .. }));
    step(&court, OFFICER, Change::Lift, "300-310", [because()]).await.unwrap();
    assert_eq!(prune(&court, &range(OLD - 1)).await.unwrap().minimum_index, Some(512));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_decision_within_a_request_holds_is_lifted_with_its_entry() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(1, 3).await;
    let (other, _) = court.searched(2, 3).await;
    grow(&court, OLD).await;
    let auditor = court.who(AUDITOR).await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 100).await.unwrap();
    let decided = |request: &str| {
        let of = |account: &Account| account.request.as_deref() == Some(request);
        let decision = seen.iter().find(|s| s.leaf.verdict.is_some() && s.account.as_ref().is_some_and(of)).unwrap();
        (decision.index.to_string(), decision.leaf.at)
    };
    let (entry, since) = decided(&request);
    let owed = Owed {
        id: "0123456789abcdef".to_owned(),
        jurisdiction: JURISDICTION.to_owned(),
        clause: "9".into(),
        duty: Duty::Hold(RetentionRule { subject: AUDIT_ENTRY.to_owned(), at_least_days: 1 }),
        request: Some(request.clone()),
        about: None,
        owner: "host".to_owned(),
        since,
        due: None,
        standing: Standing::Open,
        tries: 0,
        reach: Default::default(),
        wake: None,
    };
    let body = serde_json::to_vec(&owed).unwrap();
    let row = store::ObligationRow { request: Some(request.clone()), id: owed.id, open: true, wake: None, body };
    let imposed = store::Imposition { decision: "d".to_owned(), request: Some(request), rows: vec![row] };
    let held = store::Kept::Imposed(imposed);
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[held]).await.unwrap()).await;
    pass_a_year(&court);
    pass_a_year(&court);

    let because = || ("retention-reason", text("the appeal is decided"));
    let is_held =
        async || matches!(prune(&court, &range(OLD - 1)).await, Err(CaseError::OutOfPlace(Misstep::Held { .. }, _)));
    assert!(is_held().await);
    for elsewhere in [decided(&other).0, "300-310".to_owned()] {
        step(&court, OFFICER, Change::Lift, &elsewhere, [because()]).await.unwrap();
        assert!(is_held().await, "another decision's entry is no reason: {elsewhere}");
    }
    step(&court, OFFICER, Change::Lift, &entry, [because()]).await.unwrap();
    assert_eq!(prune(&court, &range(OLD - 1)).await.unwrap().minimum_index, Some(512));
}

/// A court in which the decision on the enrolment, which is of no request, has imposed a hold of entries; the index of its entry,
/// and that of another decision of the same moment. What the decision said is destroyed since, or not.
async fn held_by_an_enrolment(is_gone: bool) -> Option<(Court, String, String)> {
    let court = court().await?;
    court.searched(1, 3).await;
    grow(&court, OLD).await;
    let auditor = court.who(AUDITOR).await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 100).await.unwrap();
    let decided = |phase: Phase| seen.iter().find(|s| s.leaf.phase == Some(phase)).unwrap();
    let (enrolment, other) = (decided(Phase::Enroll), decided(Phase::Search));
    assert_eq!(enrolment.leaf.at, other.leaf.at, "the moment does not tell them apart");
    let (entry, elsewhere, since) = (enrolment.index.to_string(), other.index.to_string(), enrolment.leaf.at);
    let mut account = enrolment.account.clone().unwrap();
    let duty = Duty::Hold(RetentionRule { subject: AUDIT_ENTRY.to_owned(), at_least_days: 1 });
    let Event::Decision { rulings, .. } = &mut account.event else { panic!("no decision") };
    let obligation = Obligation { clause: "9".into(), duty: duty.clone() };
    rulings.rulings.first_mut().unwrap().decision.obligations.push(obligation);
    // As the host calls what is filed under nothing: by all that it says, its decision and its day.
    let said = (JURISDICTION, "9", &duty, None::<&str>, Some(rulings.id.as_str()));
    let mut id = Digest::of(&serde_json::to_vec(&(said, since.0 / DAY_MS)).unwrap()).to_string();
    id.truncate(32);
    let decision = rulings.id.clone();
    let owed = Owed {
        id: id.clone(),
        jurisdiction: JURISDICTION.to_owned(),
        clause: "9".into(),
        duty,
        request: None,
        about: None,
        owner: "host".to_owned(),
        since,
        due: None,
        standing: Standing::Open,
        tries: 0,
        reach: Default::default(),
        wake: None,
    };
    let body = serde_json::to_vec(&owed).unwrap();
    let row = store::ObligationRow { request: None, id, open: true, wake: None, body };
    let held = store::Kept::Imposed(store::Imposition { decision, request: None, rows: vec![row] });
    let plain = serde_json::to_vec(&account).unwrap();
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            rows.destroy_accounts(std::slice::from_ref(&account.id)).await.unwrap();
            if !is_gone {
                let row = store::AccountRow { id: account.id.clone(), salt: [1; 32], plain };
                rows.keep(&[store::Kept::Account(row)]).await.unwrap();
            }
            rows.keep(&[held]).await.unwrap();
        })
        .await;
    pass_a_year(&court);
    pass_a_year(&court);
    Some((court, entry, elsewhere))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_decision_outside_of_a_request_holds_is_lifted_with_its_entry() {
    let because = || ("retention-reason", text("the appeal is decided"));
    for is_gone in [false, true] {
        let Some((court, entry, other)) = held_by_an_enrolment(is_gone).await else { return };
        let is_held = async || {
            matches!(prune(&court, &range(OLD - 1)).await, Err(CaseError::OutOfPlace(Misstep::Held { .. }, _)))
        };
        assert!(is_held().await, "gone: {is_gone}");
        for elsewhere in [other.as_str(), "300-310"] {
            step(&court, OFFICER, Change::Lift, elsewhere, [because()]).await.unwrap();
            assert!(is_held().await, "another entry is no reason: {elsewhere}, gone: {is_gone}");
        }
        let theirs = step(&court, AUDITOR, Change::Lift, &entry, [because()]).await.map(drop);
        assert!(matches!(theirs, Err(CaseError::Refused { .. })), "the policy says who lifts: {theirs:?}");
        assert!(is_held().await, "gone: {is_gone}");
        step(&court, OFFICER, Change::Lift, &entry, [because()]).await.unwrap();
        let owed = court.casework.obligations(JURISDICTION).await.unwrap();
        assert!(!owed.iter().any(|o| matches!(o.duty, Duty::Hold(_))), "it is met");
        step(&court, OFFICER, Change::Lift, &entry, [because()]).await.unwrap();
        assert_eq!(prune(&court, &range(OLD - 1)).await.unwrap().minimum_index, Some(512));
    }
}

/// What a crash leaves of a pruning that was permitted.
async fn broken_off(court: Court, begun: bool) -> Court {
    grow(&court, OLD).await;
    pass_a_year(&court);
    let at = Instant(court.clock.load(Ordering::Acquire));
    let leaves = log(&court).entries(0..40).unwrap();
    let ids: Vec<String> = leaves
        .iter()
        .map(|(_, leaf)| serde_json::from_slice::<serde_json::Value>(leaf).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    let by = Who {
        jurisdiction: JURISDICTION.to_owned(),
        person: OFFICER.to_owned(),
        name: "Lucia Ortega".to_owned(),
        unit: "technical-services".to_owned(),
        agency: "dpd".to_owned(),
    };
    let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: range(OLD - 1) };
    let docket = Docket { pruning: Some(Pruning { by, at, from: 0, begun }), ..Docket::new(record.clone()) };
    court
        .reopen_after(async |home: &Path| {
            let url = format!("surrealkv://{}", home.join("store").display());
            let store = store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
            let rows = store.jurisdiction(JURISDICTION).await.unwrap();
            let body = serde_json::to_value(&docket).unwrap();
            let (subject, gallery, record) = (record.subject.clone(), String::new(), record.record.clone());
            let row = store::RetentionRow { subject, gallery, record, body };
            rows.keep(&[store::Kept::Retention(row)]).await.unwrap();
            if begun {
                assert_eq!(rows.destroy_accounts(&ids).await.unwrap(), ids.len());
            }
            drop(rows);
            store.close().await;
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruning_that_broke_off_is_finished_after_the_restart_and_on_record() {
    let Some(court) = court().await else { return };
    let court = broken_off(court, true).await;
    let size = log(&court).size();
    assert_eq!(log(&court).minimum_index(), 0);
    court.casework.pass_deadlines().await;
    assert_eq!(log(&court).minimum_index(), 512);
    let pruned = |event: &&Event| matches!(event, Event::Pruned { minimum: 512, entries: 512, .. });
    assert_eq!(events(&court, size).await.iter().filter(pruned).count(), 1);
    let docket = docket(&court, &range(OLD - 1)).await;
    assert!(docket.pruned.is_some() && docket.pruning.is_none());
    court.casework.pass_deadlines().await;
    assert_eq!(events(&court, size).await.iter().filter(pruned).count(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_a_pruning_that_has_begun_is_not_held_or_kept_longer() {
    let Some(court) = court().await else { return };
    let court = broken_off(court, true).await;
    let because = || ("retention-reason", text("exhibit 4 of the prosecution"));
    let evidence = || [("evidentiary-value", Value::Flag(true)), because()];
    for range in ["0-519", "511-512", "17"] {
        let late = misstep(step(&court, OFFICER, Change::Hold, range, evidence()).await);
        assert_eq!(late, Misstep::Pruning { minimum: 512 }, "{range}");
    }
    let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: "17".to_owned() };
    let (day, answers) = (Some("2029-01-01".parse().unwrap()), answers([because()]));
    let asking = Asking { change: Change::Extend, record, day, answers };
    let late = court.casework.retention(&court.who(OFFICER).await, JURISDICTION, asking).await;
    assert_eq!(misstep(late), Misstep::Pruning { minimum: 512 });
    let held = step(&court, OFFICER, Change::Hold, "512-515", evidence()).await.unwrap();
    assert!(held.docket.held.is_some(), "what stays can be held");
    court.casework.pass_deadlines().await;
    assert_eq!(log(&court).minimum_index(), 512);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruning_that_had_not_begun_is_undone_and_that_is_on_record() {
    let Some(court) = court().await else { return };
    let court = broken_off(court, false).await;
    let size = log(&court).size();
    court.casework.pass_deadlines().await;
    assert_eq!(log(&court).minimum_index(), 0);
    let told = events(&court, size).await;
    assert!(told.iter().any(|event| matches!(event, Event::Host { act, .. } if act == "prune-undone")), "{told:?}");
    assert!(docket(&court, &range(OLD - 1)).await.pruning.is_none());
    assert_eq!(prune(&court, &range(OLD - 1)).await.unwrap().minimum_index, Some(512), "it can be asked for anew");
}
