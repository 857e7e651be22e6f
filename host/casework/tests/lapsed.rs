//! What an empty list says, and what was to be destroyed because of it once another list stands.

use crate::common::{
    Court, FIRST, GALLERY, JURISDICTION, SUPERVISOR, against, agree, answers, court, intake, record, text,
};
use casework::CaseError;
use casework::obligations::Owed;
use casework::retention::{Asking, Change, Done, GALLERY_RECORD, Means};
use casework::search_step::Plan;
use magistrate_casework as casework;
use model::account::{Account, Event, Retained};
use model::rulings::Duty;
use model::terms::Phase;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

const REGISTRAR: &str = "r.tanaka";

/// What the directive says of a photograph without a viable candidate, and of its requester.
const REMOVED: &str = "5.4(6)";
const TOLD: &str = "5.4(5)";

const HOUR_MS: u64 = 3_600_000;

impl Court {
    /// Searches for one candidate of a request on record, with this filter; gives how many there were.
    async fn search_once_more(&self, request: &str, filter: &str) -> usize {
        let open = self.casework.request(JURISDICTION, request).await.unwrap();
        let filter = serde_json::from_str(filter).unwrap();
        let plan = Plan { candidates: Some(1), filter, ..Plan::default() };
        self.casework.search(&self.who(FIRST).await, &open, plan).await.unwrap().candidates.len()
    }

    async fn owed_under(&self, request: &str, clause: &str) -> Vec<Owed> {
        let owed = self.seen(request).await.obligations;
        owed.into_iter().filter(|o| *o.clause == *clause).collect()
    }

    /// Whether the photograph has to go for want of a candidate.
    async fn has_to_go(&self, request: &str) -> bool {
        let purge = |o: &Owed| o.is_open() && matches!(o.duty, Duty::Purge(_));
        self.owed_under(request, REMOVED).await.iter().any(purge)
    }

    async fn has_probe(&self, request: &str) -> bool {
        self.casework.request(JURISDICTION, request).await.unwrap().template.is_some()
    }

    async fn retained(&self, who: &str, change: Change, record: Retained, why: &str) -> Result<Done, CaseError> {
        let answers = if why.is_empty() { BTreeMap::new() } else { answers([("retention-reason", text(why))]) };
        let asking = Asking { change, record, day: None, answers };
        self.casework.retention(&self.who(who).await, JURISDICTION, asking).await
    }

    async fn seals(&self, change: Change, id: &str) {
        let (subject, gallery) = (GALLERY_RECORD.to_owned(), Some(GALLERY.to_owned()));
        let record = Retained { subject, gallery, record: id.to_owned() };
        self.retained(REGISTRAR, change, record, "an order of the court").await.unwrap();
    }

    async fn purges_probe(&self, request: &str, why: &str) -> Result<Done, CaseError> {
        let record = Retained { subject: "probe".to_owned(), gallery: None, record: request.to_owned() };
        self.retained(SUPERVISOR, Change::Purge, record, why).await
    }

    /// How often the host did this to an obligation of the request.
    async fn acts(&self, request: &str, act: &str) -> usize {
        let auditor = self.who("a.feld").await;
        let entries = self.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
        let of_request = |a: &Account| a.request.as_deref() == Some(request);
        let theirs = entries.into_iter().filter_map(|e| e.account).filter(of_request);
        theirs.filter(|a| matches!(&a.event, Event::Host { act: what, .. } if what == act)).count()
    }

    async fn pass(&self, hours: u64) {
        self.clock.fetch_add(hours * HOUR_MS, Ordering::AcqRel);
        self.casework.pass_deadlines().await;
    }

    /// A request whose only candidate was withheld, so that its list was empty.
    async fn nobody_found(&self, seed: usize) -> String {
        self.seals(Change::Seal, &record(seed)).await;
        let plan = Plan { candidates: Some(1), ..Plan::default() };
        let actor = self.who(FIRST).await;
        let (opened, searched) = self.casework.search_now(&actor, JURISDICTION, intake(seed), plan).await.unwrap();
        assert!(searched.candidates.is_empty());
        opened.request.request.id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_a_filtered_search_says_nothing_of_those_left_out() {
    let Some(court) = court().await else { return };
    let (request, _) = court.signed(3).await;
    assert_eq!(court.search_once_more(&request, r#"{"status":{"one_of":["sealed"]}}"#).await, 0);
    assert!(!court.has_to_go(&request).await);
    assert!(court.owed_under(&request, TOLD).await.is_empty(), "nobody is told that there is no candidate");
    court.casework.pass_deadlines().await;
    assert!(court.outbox.notices.lock().unwrap().is_empty());
    let auditor = court.who("a.feld").await;
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
    let told = entries.into_iter().filter_map(|e| e.account).filter_map(|account| match account.event {
        Event::Decision { matters, rulings } if rulings.phase == Phase::Candidates => {
            Some(matters.first()?.history.candidates_filtered)
        }
        _ => None,
    });
    let told: Vec<bool> = told.collect();
    assert_eq!(told, [false, false, true], "the list, the second examiner's look, and the filtered one");
    court.look(FIRST, &request).await.unwrap();
    assert!(!court.has_to_go(&request).await, "nor does a look at it find otherwise");
    assert_eq!(court.search_once_more(&request, "{}").await, 1, "and the mate is there");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_candidates_ends_what_an_empty_one_demanded() {
    let Some(mut court) = court().await else { return };
    court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) });
    let request = court.nobody_found(4).await;
    assert!(court.has_to_go(&request).await);
    assert_eq!(court.search_once_more(&request, r#"{"status":{"one_of":["nothing"]}}"#).await, 0);
    assert!(court.has_to_go(&request).await, "a filtered list without candidates ends nothing");
    court.seals(Change::Unseal, &record(4)).await;
    assert_eq!(court.search_once_more(&request, "{}").await, 1);
    assert!(!court.has_to_go(&request).await);
    assert_eq!(court.acts(&request, "purge-lapsed").await, 1);
    let scheduled = court.owed_under(&request, "6.1(3)b").await;
    assert!(scheduled.iter().any(Owed::is_open), "what was demanded before any list stays");
    court.pass(25).await;
    assert!(court.has_probe(&request).await);

    // And once more nobody is there: from then on, and not from the first time.
    court.seals(Change::Seal, &record(4)).await;
    assert_eq!(court.search_once_more(&request, "{}").await, 0);
    assert!(court.has_to_go(&request).await);
    assert_eq!(court.acts(&request, "purge-demanded-anew").await, 1);
    court.pass(20).await;
    assert!(court.has_probe(&request).await, "it is not due yet");
    court.pass(5).await;
    assert!(!court.has_probe(&request).await);
    assert!(!court.has_to_go(&request).await);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_photograph_of_a_request_under_way_goes_for_a_reason() {
    let Some(court) = court().await else { return };
    let (request, _) = court.disposed(5).await;
    assert_eq!(against(court.purges_probe(&request, "").await), ["6.1(3)b"]);
    assert!(court.has_probe(&request).await);
    court.purges_probe(&request, "the court ordered it returned and erased").await.unwrap();
    assert!(!court.has_probe(&request).await);
    // Of one that found nobody, the directive is the reason.
    let request = court.nobody_found(6).await;
    court.purges_probe(&request, "").await.unwrap();
    agree(&court.casework).await;
}
