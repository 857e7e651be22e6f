//! Clocks that were wrong: one that leaps ahead while the host works, and one that was ahead when it started.

use crate::common::registered;
use magistrate_casework::anomalies::Scope;
use magistrate_casework::chamber::{Loading, Registered};
use magistrate_casework::clock::{ClockError, Correction};
use magistrate_casework::{CaseError, Casework, Clock, Opening, PolicyState};
use model::account::{Event, Leaf};
use model::registry::Registry;
use model::terms::Instant;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const JURISDICTION: &str = "detroit";
const ORIGIN: &str = "test/detroit";
const AUDITOR: &str = "a.feld";

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn cell(text: &str) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(at(text).0))
}

fn set(clock: &AtomicU64, text: &str) {
    clock.store(at(text).0, Ordering::Release);
}

/// One jurisdiction without a policy, whose log and database are in this folder.
async fn open(home: &Path, clock: Clock) -> Result<Casework, CaseError> {
    let people = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(JURISDICTION).join("registry.toml");
    let registry: Registry = toml::from_str(&std::fs::read_to_string(people).unwrap()).unwrap();
    let logs = home.join("log");
    std::fs::create_dir_all(&logs).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
    let signer = audit::Ed25519Signer::from_seed(ORIGIN, [7; 32]).unwrap();
    let log = audit::Log::prepare(dir, ORIGIN, Arc::new(signer)).unwrap();
    let policy = PolicyState::Absent("none is needed here".to_owned());
    let opening = Opening { id: JURISDICTION.to_owned(), policy, registry, log, galleries: None };
    let database = format!("surrealkv://{}", home.join("store").display());
    let store = store::Store::open(&database, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let opened = Casework::open(vec![opening], store.clone(), clock, None, &|_: Loading<'_>| ()).await;
    if opened.is_err() {
        // The next start needs it.
        store.close().await;
    }
    opened
}

async fn auditor(casework: &Casework) -> Registered {
    registered(casework, JURISDICTION, AUDITOR).await.unwrap()
}

/// Lets the log grow: an auditor looks at it.
async fn grow(casework: &Casework, entries: usize) {
    let auditor = auditor(casework).await;
    for _ in 0..entries {
        casework.inspect(&auditor, JURISDICTION, 0, 1).await.unwrap();
    }
}

fn leaves(casework: &Casework) -> Vec<Leaf> {
    let log = casework.chamber(JURISDICTION).unwrap().log();
    log.entries(0..log.size()).unwrap().iter().map(|(_, leaf)| serde_json::from_slice(leaf).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leap_of_the_clock_stops_the_host_and_leaves_nothing_on_record() {
    let home = tempfile::tempdir().unwrap();
    let (wall, passed) = (cell("2026-03-10T15:00:00.000Z"), Arc::new(AtomicU64::new(0)));
    let casework = open(home.path(), Clock::set_beside(wall.clone(), passed.clone())).await.unwrap();
    let looking = auditor(&casework).await;
    grow(&casework, 1).await;
    let before = leaves(&casework).len();

    set(&wall, "2036-01-01T00:00:00.000Z");
    let refused = casework.inspect(&looking, JURISDICTION, 0, 1).await.err().unwrap();
    assert!(matches!(refused, CaseError::Clock(ClockError::Ahead { .. })), "{refused}");
    let told = casework.impediments().await;
    assert!(told.iter().any(|i| !i.partial && i.text.contains("the clock leapt ahead by")), "the host is not ready");
    assert_eq!(leaves(&casework).len(), before);

    passed.fetch_add(60_000, Ordering::AcqRel);
    set(&wall, "2026-03-10T15:01:00.000Z");
    grow(&casework, 1).await;
    assert_eq!(leaves(&casework).last().unwrap().at, at("2026-03-10T15:01:00.000Z"), "and goes on by itself");
    assert!(casework.impediments().await.iter().all(|i| i.partial));
    set(&wall, "2036-01-01T00:00:00.000Z");
    casework.close().await.unwrap();
    // The stop is on record all the same, and not in 2036.
    let clock = Clock::set(cell("2026-03-10T15:01:01.000Z"));
    assert!(open(home.path(), clock).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_by_a_clock_that_was_ahead_is_left_behind_on_record_and_reports_miss_nothing() {
    let home = tempfile::tempdir().unwrap();
    let wall = cell("2026-03-10T15:00:00.000Z");
    let clock = || Clock::set(wall.clone());
    let said = || Correction { by: "R. Hale, operations".to_owned(), why: "the time server said 2036".to_owned() };
    let casework = open(home.path(), clock()).await.unwrap();
    grow(&casework, 3).await;
    casework.close().await.unwrap();
    set(&wall, "2036-01-01T00:00:00.000Z");
    let casework = open(home.path(), clock()).await.expect("years may have passed");
    grow(&casework, 20).await;
    let last = leaves(&casework).len();
    casework.close().await.unwrap();

    // Nobody goes back by accident.
    set(&wall, "2026-03-11T09:00:00.000Z");
    let refused = open(home.path(), clock()).await.err().unwrap();
    assert!(matches!(refused, CaseError::Clock(ClockError::BehindRecord { .. })), "{refused}");
    assert!(refused.to_string().contains("--clock-was-wrong"), "{refused}");

    let casework = open(home.path(), clock().corrected(said())).await.unwrap();
    grow(&casework, 3).await;
    let looking = auditor(&casework).await;
    // After the stop of the start that was wrong.
    let first = u64::try_from(last).unwrap() + 1;
    let entries = casework.inspect(&looking, JURISDICTION, first, 2).await.unwrap();
    assert_eq!(entries[0].leaf.at, at("2026-03-11T09:00:00.000Z"), "what is recorded now is recorded as of now");
    match &entries[0].account.as_ref().unwrap().event {
        Event::Host { act, details } => {
            assert_eq!(act, "clock-set-right");
            assert_eq!((&details["by"], &details["why"]), (&said().by, &said().why));
            assert!(details["last-entry"].starts_with("2036-01-01"), "{details:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(&entries[1].account.as_ref().unwrap().event, Event::Host { act, .. } if act == "start"));

    let days = Some(("2026-03-10".parse().unwrap(), "2026-03-11".parse().unwrap()));
    let survey = casework.survey(&looking, JURISDICTION, Scope { days, ..Scope::default() }).await.unwrap();
    let of_these_days = leaves(&casework).iter().filter(|leaf| leaf.at < at("2026-03-12T00:00:00.000Z")).count();
    assert_eq!(survey.entries, u64::try_from(of_these_days).unwrap(), "those before and those after");
    casework.close().await.unwrap();

    // It is said once: nothing is ahead any more, and whoever leaves it standing is told so.
    let again = open(home.path(), clock().corrected(said())).await.err().unwrap();
    assert!(matches!(again, CaseError::Clock(ClockError::NothingAhead { .. })), "{again}");
    assert!(open(home.path(), clock()).await.is_ok());
}
