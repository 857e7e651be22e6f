//! What decisions demand of a result before it is due: bounds of the candidate list at any step before it is shown, a document
//! with the search or the release alone. With the component that is written for tests.

use crate::common::{Desk, FIRST, GALLERY, JURISDICTION, agree, intake, misstep, outgoing, said};
use crate::waivers::{House, house_that};
use casework::disposition::Examination;
use casework::intake::Intake;
use casework::misstep::Demanded;
use casework::obligations::{Owed, Standing};
use casework::release::ReleaseDone;
use casework::search_step::{Plan, Searched};
use casework::viewing::{Looked, Seen};
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::facts::Likeness;
use model::rulings::Duty;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The other jurisdiction, and somebody of it who asks for a search here.
const THEIRS: &str = "st-louis";
const OUTSIDER: &str = "r.abara";

/// The document that the component demands, and the record that it withholds.
const REPORT: &str = "report";
const WITHHELD: &str = "r0003";

fn five() -> Plan {
    Plan { candidates: Some(5), ..Plan::default() }
}

fn records(found: &Searched) -> Vec<&str> {
    found.candidates.iter().map(|c| c.record_id.as_str()).collect()
}

async fn looked(house: &House, request: &str) -> Looked {
    let actor = house.who(JURISDICTION, FIRST).await;
    house.casework.look(&actor, JURISDICTION, request, BTreeMap::new()).await.unwrap()
}

async fn seen(house: &House, request: &str) -> Seen {
    house.casework.view(&house.who(JURISDICTION, FIRST).await, JURISDICTION, request).await.unwrap()
}

/// The documents that are owed of a request.
async fn documents_owed(house: &House, request: &str) -> Vec<Owed> {
    let all = seen(house, request).await.obligations;
    all.into_iter().filter(|o| o.duty == Duty::Document(REPORT.to_owned())).collect()
}

/// Finds this of every candidate of a request's list; gives their records.
async fn disposed(house: &House, request: &str, likeness: Likeness) -> Vec<String> {
    let list: Vec<_> = looked(house, request).await.candidates.into_iter().map(|c| c.record_id).collect();
    let dispositions = list.iter().map(|record| said(record, likeness)).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    let actor = house.who(JURISDICTION, FIRST).await;
    house.casework.dispose(&actor, JURISDICTION, request, examination).await.unwrap();
    list
}

async fn release(house: &House, request: &str, candidates: &[String]) -> Result<ReleaseDone, CaseError> {
    let actor = house.who(JURISDICTION, FIRST).await;
    house.casework.release(&actor, JURISDICTION, request, outgoing(candidates)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_the_list_with_the_request_holds_for_each_of_its_searches() {
    let Some(house) = house_that("early", None).await else { return };
    let actor = house.who(JURISDICTION, FIRST).await;
    for (seed, listed) in [(3, 1), (4, 2)] {
        let (opened, at_once) = house.casework.search_now(&actor, JURISDICTION, intake(seed), five()).await.unwrap();
        let request = opened.request.request.id;
        let open = house.casework.request(JURISDICTION, &request).await.unwrap();
        let apart = house.casework.search(&actor, &open, five()).await.unwrap();
        let usual = house.casework.search(&actor, &open, Plan::default()).await.unwrap();
        for found in [&at_once, &apart, &usual] {
            assert_eq!(found.candidates.len(), listed, "two are found, and one is withheld: {:?}", found.candidates);
            assert!(!records(found).contains(&WITHHELD), "{:?}", found.candidates);
            assert!(
                found.candidates.iter().all(|c| c.score.is_none() && c.booking.is_empty()),
                "{:?}",
                found.candidates
            );
        }
        assert_eq!(seen(&house, &request).await.candidates_returned, listed);
        let again = looked(&house, &request).await.candidates;
        assert_eq!(again.iter().map(|c| c.record_id.as_str()).collect::<Vec<_>>(), records(&usual));
        assert!(again.iter().all(|c| c.booking.is_empty()), "{again:?}");
    }
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_bounded_as_it_is_shown_is_the_shorter_one_for_all_that_follows() {
    let Some(house) = house_that("late", None).await else { return };
    let actor = house.who(JURISDICTION, FIRST).await;
    let (opened, found) = house.casework.search_now(&actor, JURISDICTION, intake(4), five()).await.unwrap();
    let request = opened.request.request.id;
    assert_eq!((found.candidates.len(), found.candidates[0].record_id.as_str()), (2, "r0004"));
    assert!(found.candidates.iter().all(|c| c.score.is_some()), "of scores nothing was said");
    assert_eq!(seen(&house, &request).await.candidates_returned, 2, "what was not shown needs no disposition");
    let all = disposed(&house, &request, Likeness::Excluded).await;
    assert_eq!(all.iter().map(String::as_str).collect::<Vec<_>>(), records(&found));
    assert_eq!(seen(&house, &request).await.candidates_disposed, 2);
    let listed = async |record: &str| {
        let dispositions = vec![said(record, Likeness::Possible)];
        let examination = Examination { dispositions, ..Examination::default() };
        house.casework.dispose(&actor, JURISDICTION, &request, examination).await
    };
    let others = (0..8).map(crate::common::record).filter(|record| !all.contains(record));
    for other in others {
        let unlisted = misstep(listed(&other).await);
        assert!(
            matches!(&unlisted, Misstep::Unlisted { record, .. } if *record == other),
            "found, perhaps: {unlisted}"
        );
    }
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_demanded_with_the_search_alone_leaves_with_a_lead_and_is_set_aside_without_one() {
    let Some(mut house) = house_that("draw", None).await else { return };
    let lead = house.opened(3).await;
    house.search(&lead).await.unwrap();
    let records = disposed(&house, &lead, Likeness::Possible).await;
    let undrawn = release(&house, &lead, &records[..1]).await.map(drop);
    assert!(matches!(&undrawn, Err(CaseError::NoDraughting(id)) if id == REPORT), "{undrawn:?}");
    assert!(seen(&house, &lead).await.released.is_none(), "and nothing has left without it");

    let desk = Arc::new(Desk::default());
    house.casework = house.casework.with_draughting(desk.clone());
    let done = release(&house, &lead, &records[..1]).await.unwrap();
    assert_eq!(done.documents.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), [REPORT]);
    assert_eq!(desk.0.lock().unwrap().len(), 1);
    let owed = documents_owed(&house, &lead).await;
    assert!(matches!(owed.as_slice(), [Owed { standing: Standing::Met { .. }, .. }]), "{owed:?}");

    let none = house.opened(4).await;
    house.search(&none).await.unwrap();
    disposed(&house, &none, Likeness::Excluded).await;
    let done = release(&house, &none, &[]).await.unwrap();
    assert!(done.documents.is_empty() && desk.0.lock().unwrap().len() == 1, "nothing was drawn up");
    let owed = documents_owed(&house, &none).await;
    let aside = |o: &Owed| matches!(&o.standing, Standing::Waived { by, .. } if by == "host");
    assert!(owed.len() == 1 && owed.iter().all(aside), "and nothing says that it was: {owed:?}");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_demanded_with_the_release_alone_is_met_with_it() {
    let Some(mut house) = house_that("draw-late", None).await else { return };
    house.casework = house.casework.with_draughting(Arc::new(Desk::default()));
    for (seed, likeness, leaving) in [(3, Likeness::Possible, 1), (4, Likeness::Excluded, 0)] {
        let request = house.opened(seed).await;
        house.search(&request).await.unwrap();
        let records = disposed(&house, &request, likeness).await;
        let done = release(&house, &request, &records[..leaving]).await.unwrap();
        assert_eq!(done.documents.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), [REPORT]);
        let owed = documents_owed(&house, &request).await;
        assert!(matches!(owed.as_slice(), [Owed { standing: Standing::Met { .. }, .. }]), "{owed:?}");
    }
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jurisdictions_documents_of_one_id_let_nothing_leave_and_both_are_named() {
    let Some(mut house) = house_that("draw", None).await else { return };
    let desk = Arc::new(Desk::default());
    house.casework = house.casework.with_draughting(desk.clone());
    let outsider = house.who(THEIRS, OUTSIDER).await;
    let asked = Intake { requester: None, gallery: GALLERY.to_owned(), ..intake(5) };
    let request = house.casework.open_request(&outsider, JURISDICTION, asked).await.unwrap().request.request.id;
    house.search(&request).await.unwrap();
    let records = disposed(&house, &request, Likeness::Possible).await;
    assert_eq!(documents_owed(&house, &request).await.len(), 2, "one of each");
    for leaving in [&records[..1], &[]] {
        let refused = misstep(release(&house, &request, leaving).await);
        let demanded = [THEIRS, JURISDICTION].map(|j| Demanded { jurisdiction: j.to_owned(), clause: "1".into() });
        assert_eq!(refused, Misstep::SameDocument { id: REPORT.to_owned(), demanded: demanded.to_vec() });
    }
    assert!(desk.0.lock().unwrap().is_empty(), "nothing was drawn up");
    assert!(seen(&house, &request).await.released.is_none());
    assert!(documents_owed(&house, &request).await.iter().all(Owed::is_open), "neither is met");
    agree(&house.casework).await;
}
