//! What the host does by itself: purges first, and notices beside it, however long their recipients take.

use crate::common::{
    Court, FIRST, JURISDICTION, SUPERVISOR, answers, court, outgoing, registered, said, signing, text, until,
};
use casework::notices::{Delivering, Delivery, Notice, Outbox};
use casework::obligations::Owed;
use casework::retention::{Asking, Change, Means};
use casework::violation::Report;
use casework::{Casework, deadlines};
use magistrate_casework as casework;
use model::account::{Event, Retained};
use model::facts::{Conclusion, Likeness};
use model::rulings::Duty;
use model::terms::{Instant, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const HOUR_MS: u64 = 3_600_000;

/// A request without a lead, released: its requester is told, and its probe has to go within a day.
async fn without_a_lead(court: &Court, seed: usize) -> String {
    let (request, records) = court.searched(seed, 3).await;
    court.dispose(FIRST, &request, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    for (who, role) in [(FIRST, "examiner"), (SUPERVISOR, "ciu-supervisor")] {
        court.sign(who, &request, signing(role, Conclusion::NoLead)).await.unwrap();
    }
    court.release(FIRST, &request, outgoing(&[])).await.unwrap();
    request
}

async fn probe_step(casework: &Casework, change: Change, request: &str, given: BTreeMap<String, Value>) {
    let actor = registered(casework, JURISDICTION, SUPERVISOR).await.unwrap();
    let record = Retained { subject: "probe".to_owned(), gallery: None, record: request.to_owned() };
    let asking = Asking { change, record, day: None, answers: given };
    assert!(!casework.retention(&actor, JURISDICTION, asking).await.unwrap().pending);
}

async fn has_template(casework: &Casework, request: &str) -> bool {
    casework.request(JURISDICTION, request).await.unwrap().template.is_some()
}

/// Takes notices, and never says what became of them.
#[derive(Default)]
struct Silent(AtomicUsize);

impl Outbox for Silent {
    fn deliver(&self, _: Notice) -> Delivering<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        Box::pin(std::future::pending())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purges_wait_for_no_notice_in_this_pass_or_the_next() {
    let Some(mut court) = court().await else { return };
    court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) });
    let mut requests = Vec::new();
    for seed in 1..=6 {
        requests.push(without_a_lead(&court, seed).await);
    }
    let because = || ("retention-reason", text("exhibit 4 of the prosecution"));
    let evidence = answers([("evidentiary-value", Value::Flag(true)), because()]);
    probe_step(&court.casework, Change::Hold, &requests[5], evidence).await;
    court.clock.fetch_add(25 * HOUR_MS, Ordering::AcqRel);
    let silent = Arc::new(Silent::default());
    let casework = Arc::new(court.casework.with_outbox(silent.clone()));
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let keeping = tokio::spawn(deadlines::keep(casework.clone(), stopped));

    for request in &requests[..5] {
        let gone = || async { !has_template(&casework, request).await };
        until("what is due is purged, whatever becomes of the notices", gone).await;
    }
    until("notices go out a few at once", || async { silent.0.load(Ordering::Acquire) == 4 }).await;
    assert!(has_template(&casework, &requests[5]).await, "it is held");
    // What was only waiting for this is due, and nobody waits for the notices that nobody has taken yet.
    probe_step(&casework, Change::Lift, &requests[5], answers([because()])).await;
    until("the next pass comes, too", || async { !has_template(&casework, &requests[5]).await }).await;
    assert_eq!(silent.0.load(Ordering::Acquire), 4, "and no more than that, nor any of them twice");
    keeping.abort();
}

/// Delivers, and each delivery takes an hour.
struct Slow(Arc<AtomicU64>);

impl Outbox for Slow {
    fn deliver(&self, notice: Notice) -> Delivering<'_> {
        Box::pin(async move {
            self.0.fetch_add(HOUR_MS, Ordering::AcqRel);
            let (channel, recipients, message_id) = ("folder".to_owned(), notice.to, notice.id);
            Ok(Delivery { channel, recipients, unreached: vec![], message_id, at: Instant(0) })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_when_it_was_and_not_when_the_pass_began() {
    let Some(court) = court().await else { return };
    for seed in 1..=3 {
        without_a_lead(&court, seed).await;
    }
    let began = court.clock.load(Ordering::Acquire);
    let auditor = court.who("a.feld").await;
    let casework = court.casework.with_outbox(Arc::new(Slow(court.clock.clone())));
    casework.pass_deadlines().await;
    assert_eq!(court.clock.load(Ordering::Acquire), began + 3 * HOUR_MS, "each once");
    let size = casework.chamber(JURISDICTION).unwrap().log().size();
    let entries = casework.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
    let notified = entries.iter().filter(|e| matches!(e.account.as_ref().unwrap().event, Event::Notified { .. }));
    let at: Vec<u64> = notified.map(|e| e.leaf.at.0).collect();
    assert_eq!(at.len(), 3);
    assert!(at.iter().all(|at| *at > began), "{at:?} since {began}");
    assert_eq!(at.iter().max(), Some(&(began + 3 * HOUR_MS)));
}

/// Delivers to all but one office, until that is mended.
#[derive(Default)]
struct Partial {
    mended: AtomicBool,
    sent: Mutex<Vec<Notice>>,
}

impl Outbox for Partial {
    fn deliver(&self, notice: Notice) -> Delivering<'_> {
        Box::pin(async move {
            let (mut recipients, message_id) = (notice.to.clone(), notice.id.clone());
            let last = recipients.pop().unwrap();
            recipients.retain(|office| !notice.reached.contains(office));
            self.sent.lock().unwrap().push(notice);
            let unreached = if self.mended.load(Ordering::Acquire) {
                recipients.push(last);
                vec![]
            } else {
                vec![format!("the office `{last}` has no address")]
            };
            Ok(Delivery { channel: "smtp".to_owned(), recipients, unreached, message_id, at: Instant(0) })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_open_until_every_office_has_it_and_says_which_has_not() {
    let Some(court) = court().await else { return };
    let reporter = court.who(FIRST).await;
    let happened = Instant(court.clock.load(Ordering::Acquire) - HOUR_MS);
    let report = Report { happened, request: None, answers: answers([("violated-clause", text("3.5-a"))]) };
    court.casework.record_violation(&reporter, JURISDICTION, report).await.unwrap();
    let outbox = Arc::new(Partial::default());
    let casework = court.casework.with_outbox(outbox.clone());
    let clock = court.clock;
    let open = async || -> Option<Owed> {
        let owed = casework.obligations(JURISDICTION).await.unwrap();
        owed.into_iter().find(|o| matches!(&o.duty, Duty::Notify(rule) if rule.to.len() == 4))
    };
    let events = async |id: &str, what: &str| {
        let size = casework.chamber(JURISDICTION).unwrap().log().size();
        let auditor = registered(&casework, JURISDICTION, "a.feld").await.unwrap();
        let entries = casework.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
        let events = entries.into_iter().filter_map(|e| e.account).map(|a| serde_json::to_value(&a.event).unwrap());
        events.filter(|e| e["what"] == what && e["obligation"] == id).count()
    };

    casework.pass_deadlines().await;
    let owed = open().await.expect("three of four are not all");
    let id = owed.id.clone();
    assert!(!owed.is_overdue());
    let Duty::Notify(rule) = &owed.duty else { panic!("{owed:?}") };
    assert_eq!(owed.reach.reached, rule.to[..3]);
    assert_eq!(owed.reach.unreached, [format!("the office `{}` has no address", rule.to[3])]);
    assert_eq!((events(&id, "notified").await, events(&id, "undelivered").await), (1, 0));

    clock.fetch_add(24 * HOUR_MS, Ordering::AcqRel);
    casework.pass_deadlines().await;
    let owed = open().await.expect("late, and still to be met");
    assert!(owed.is_overdue() && owed.reach.unreached.len() == 1, "{owed:?}");
    assert_eq!((events(&id, "notified").await, events(&id, "overdue").await), (1, 1), "nobody new has it");
    assert_eq!(events(&id, "undelivered").await, 1, "and the try is on record");

    outbox.mended.store(true, Ordering::Release);
    clock.fetch_add(24 * HOUR_MS, Ordering::AcqRel);
    casework.pass_deadlines().await;
    assert_eq!(open().await, None, "all have it");
    assert_eq!(events(&id, "notified").await, 2);
    let sent = outbox.sent.lock().unwrap();
    let tries: Vec<_> = sent.iter().filter(|n| n.to.len() == 4).collect();
    assert!(tries.len() >= 3 && tries.windows(2).all(|two| two[0].id == two[1].id), "under one id");
    assert!(
        tries[0].reached.is_empty() && tries.last().unwrap().reached.len() == 3,
        "whom it reached is not told again"
    );
}
