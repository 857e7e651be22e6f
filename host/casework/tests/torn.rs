//! Entries that one log took and the other did not: what the pass over deadlines makes of those that are marked.

use magistrate_casework::chamber::Loading;
use magistrate_casework::{Casework, Clock, Opening, PolicyState};
use model::account::{Account, Event, Kind, Leaf, Who};
use model::registry::Registry;
use model::terms::Instant;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// How such entries are marked.
const MARK: &str = "torn-entry";

/// How it is kept of which of them it was recorded that nothing came of them.
const UNDONE: &str = "undone-entry";

const NORTH: &str = "north";
const SOUTH: &str = "south";

/// Two jurisdictions at work without a policy.
struct House {
    casework: Casework,
    store: store::Store,
    _home: tempfile::TempDir,
}

async fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let opening = |id: &str| Opening {
        id: id.to_owned(),
        policy: PolicyState::Absent("none is needed here".to_owned()),
        registry: Registry { agencies: vec![], people: vec![], galleries: vec![] },
        log: log(&home.path().join(id), id),
        galleries: None,
    };
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let clock = Clock::set(Arc::new(AtomicU64::new(at.0)));
    let openings = vec![opening(NORTH), opening(SOUTH)];
    let casework = Casework::open(openings, store.clone(), clock, None, &|_: Loading<'_>| ()).await.unwrap();
    House { casework, store, _home: home }
}

fn log(folder: &Path, id: &str) -> audit::Prepared {
    std::fs::create_dir_all(folder).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
    let signer = audit::Ed25519Signer::from_seed(&origin(id), [7; 32]).unwrap();
    audit::Log::prepare(dir, &origin(id), Arc::new(signer)).unwrap()
}

fn origin(jurisdiction: &str) -> String {
    format!("test/{jurisdiction}")
}

/// The account of a result that was released, as both jurisdictions have it where both logs took it.
fn account(id: &str) -> store::Kept {
    let who = Who {
        jurisdiction: NORTH.to_owned(),
        person: "p".to_owned(),
        name: "P".to_owned(),
        unit: "u".to_owned(),
        agency: "a".to_owned(),
    };
    let account = Account {
        id: id.to_owned(),
        who,
        at: Instant(1),
        case: vec![],
        purpose: "investigation".to_owned(),
        justification: "why".to_owned(),
        probe: None,
        request: Some("r1".to_owned()),
        lacking: vec![],
        of: Some("intent".to_owned()),
        event: Event::Released { candidates: vec![], reasoning: String::new(), statements: vec![], documents: vec![] },
    };
    let plain = serde_json::to_vec(&account).unwrap();
    store::Kept::Account(store::AccountRow { id: id.to_owned(), salt: [1; 32], plain })
}

fn mark(id: &str, log: &str, missing: &str) -> store::Kept {
    let body = json!({ "log": log, "missing": missing });
    store::Kept::Stands(store::StandingRow { kind: MARK.to_owned(), id: id.to_owned(), body })
}

impl House {
    async fn rows(&self, jurisdiction: &str) -> store::Jurisdiction {
        self.store.jurisdiction(jurisdiction).await.unwrap()
    }

    async fn marked(&self) -> Vec<String> {
        let marks = self.rows(NORTH).await.standings(MARK).await.unwrap();
        marks.into_iter().map(|row| row.id).collect()
    }

    fn log(&self, jurisdiction: &str) -> audit::Log {
        self.casework.chamber(jurisdiction).unwrap().log().clone()
    }

    /// Passes, and gives the leaves that the north's log has since.
    async fn pass(&self) -> Vec<Leaf> {
        let log = self.log(NORTH);
        let before = log.size();
        self.casework.pass_deadlines().await;
        let new = log.entries(before..log.size()).unwrap();
        new.into_iter().map(|(_, leaf)| serde_json::from_slice(&leaf).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_recorded_once_that_nothing_came_of_an_entry_the_other_log_does_not_have() {
    let house = house().await;
    let rows = house.rows(NORTH).await;
    rows.keep(&[account("e1"), mark("e1", &origin(NORTH), &origin(SOUTH))]).await.unwrap();
    let new = house.pass().await;
    let [failure] = new.as_slice() else { panic!("one entry says so: {new:?}") };
    assert_eq!((failure.kind, failure.of.as_deref()), (Kind::Outcome, Some("e1")));
    assert!(house.pass().await.is_empty(), "once");
    let row = rows.accounts(std::slice::from_ref(&failure.id)).await.unwrap().into_iter().flatten().next().unwrap();
    let told: Account = serde_json::from_slice(&row.plain).unwrap();
    assert!(matches!(&told.event, Event::Failed { reason } if reason.contains("`test/south`")), "{told:?}");
    assert_eq!((told.request.as_deref(), told.justification.as_str()), (Some("r1"), "why"));
    assert!(house.marked().await.is_empty());
    let undone = rows.standings(UNDONE).await.unwrap();
    assert_eq!(
        undone.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["e1"],
        "whoever counts is told, however late"
    );
    assert_eq!(undone[0].body["log"], origin(NORTH));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_turned_up_in_the_other_log_needs_nothing_more() {
    let house = house().await;
    house.rows(NORTH).await.keep(&[account("e1"), mark("e1", &origin(NORTH), &origin(SOUTH))]).await.unwrap();
    house.rows(SOUTH).await.keep(&[account("e1")]).await.unwrap();
    assert!(house.pass().await.is_empty());
    assert!(house.marked().await.is_empty());
    assert!(house.rows(NORTH).await.standings(UNDONE).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_log_has_is_not_guessed_and_other_hosts_marks_are_theirs() {
    let house = house().await;
    let marks = [
        account("e1"),
        mark("e1", &origin(NORTH), &origin(SOUTH)),
        account("e2"),
        mark("e2", "elsewhere/north", &origin(SOUTH)),
        account("e3"),
        mark("e3", &origin(NORTH), "test/nowhere"),
    ];
    house.rows(NORTH).await.keep(&marks).await.unwrap();
    house.log(SOUTH).close().unwrap();
    assert!(house.pass().await.is_empty());
    assert_eq!(house.marked().await, ["e1", "e2", "e3"]);
}
