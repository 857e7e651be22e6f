//! What is too much for an entry or for what waits, what an entry of a request has to say, and a ledger without a writer.

use super::*;
use crate::chamber::Loading;
use crate::{Casework, Clock, Opening, PolicyState};
use model::account::{Event, Kind, Who};
use model::combine::Rulings;
use model::registry::Registry;
use model::subject::Stated;
use model::terms::{Digest, Instant, Phase};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;

const MIB: usize = 1 << 20;

async fn ledger(folder: &TempDir) -> Ledger {
    let key = store::MasterKey::generate();
    let store = store::Store::open("mem://", None, key).await.unwrap().jurisdiction("north").await.unwrap();
    Ledger::new(log(folder.path(), "test/north").open().unwrap().log, store)
}

fn log(folder: &Path, origin: &str) -> audit::Prepared {
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
    let signer = audit::Ed25519Signer::from_seed(origin, [7; 32]).unwrap();
    audit::Log::prepare(dir, origin, Arc::new(signer)).unwrap()
}

fn row(id: &str, bytes: usize) -> store::Kept {
    store::Kept::Account(store::AccountRow { id: id.to_owned(), salt: [3; 32], plain: vec![b'x'; bytes] })
}

fn entry() -> Entry {
    let who = Who {
        jurisdiction: "north".to_owned(),
        person: "p".to_owned(),
        name: "P".to_owned(),
        unit: "u".to_owned(),
        agency: String::new(),
    };
    let event = Event::Rejected { asked: "a".to_owned(), reason: "b".to_owned() };
    Entry { kind: Kind::Rejection, who, at: Instant(1), subject: Subject::Apart, of: None, event }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_log_is_in_none() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (ledger(&home).await, ledger(&owner).await);
    let large = vec![row("large", audit::MAX_RIDER_BYTES)];
    let refused = record(&[&home, &owner], entry(), large).await.map(drop);
    assert!(matches!(refused, Err(CaseError::TooLarge { bytes }) if bytes > audit::MAX_RIDER_BYTES), "{refused:?}");
    assert_eq!((home.log().size(), owner.log().size()), (0, 0), "nothing was done");
    record(&[&home, &owner], entry(), vec![row("fits", audit::MAX_RIDER_BYTES - MIB)]).await.unwrap();
    assert_eq!((home.log().size(), owner.log().size()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_log_has_no_room_for_it_none_has_it() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (ledger(&home).await, ledger(&owner).await);
    // As if it were taken: whoever wants some is told at once that there is none.
    owner.room.close();
    assert!(record(&[&home, &owner], entry(), vec![]).await.is_err());
    assert_eq!((home.log().size(), owner.log().size()), (0, 0), "nothing was done");
    assert_eq!(home.room.available_permits(), MOST_BEHIND_BYTES, "nor is room kept for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_entries_reach_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    for id in 0..12 {
        record(&[&ledger], entry(), vec![row(&id.to_string(), 3 * MIB)]).await.unwrap();
    }
    ledger.settle().await.unwrap();
    for id in 0..12 {
        assert!(ledger.store.account(&id.to_string()).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(ledger.room.available_permits(), MOST_BEHIND_BYTES, "what is written takes no room any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_writer_nobody_is_told_that_nothing_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let broken = broken(&folder).await;
    let recorded = record(&[&broken], entry(), vec![]).await.map(drop);
    assert!(matches!(&recorded, Err(CaseError::Fault(why)) if why == BROKEN), "{recorded:?}");
    assert_eq!(broken.log().size(), 1, "the entry is on record");
    assert!(matches!(broken.settle().await, Err(CaseError::Fault(_))));
    broken.trouble.store(Some(Arc::new(BROKEN.to_owned())));
    let refused = record(&[&broken], entry(), vec![]).await.map(drop);
    assert!(matches!(refused, Err(CaseError::Log(_))), "{refused:?}");
    assert_eq!(broken.log().size(), 1, "once that is known, nothing more is");
}

/// How an entry is marked that one log has and another may not have.
const MARK: &str = "torn-entry";

/// A ledger whose task that writes broke off, and nobody has noticed yet.
async fn broken(folder: &TempDir) -> Ledger {
    Ledger { behind: mpsc::channel(1).0, ..ledger(folder).await }
}

fn done() -> Entry {
    let stated = Stated {
        purpose: "investigation".to_owned(),
        justification: "why".to_owned(),
        probe: Some(Digest::of(b"probe")),
        request: Some("r".to_owned()),
        ..Stated::default()
    };
    Entry { kind: Kind::Outcome, subject: stated.into(), event: Event::Opened, ..entry() }
}

/// A decision on a step of this phase that nobody permitted.
fn decided(phase: Phase) -> Event {
    let rulings = Rulings { id: "d".to_owned(), phase, at: Instant(1), rulings: vec![] };
    Event::Decision { matters: vec![], rulings }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_request_is_recorded_with_all_that_is_demanded_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    let unsaid = Stated { purpose: " ".to_owned(), ..done().subject.into() };
    let subjects = || [Subject::Apart, Subject::of_request(Some("r")), unsaid.clone().into()];
    let searched = || Event::Searched {
        gallery: "north/g".to_owned(),
        generation: 1,
        digest: None,
        filter: Default::default(),
        rows: 1,
        reranked: None,
        bound_billionths: None,
        found: vec![],
    };
    let events = || [Event::Opened, searched(), Event::Viewed, decided(Phase::Search), decided(Phase::Disseminate)];
    let mut lacking: Vec<Entry> = Vec::new();
    for subject in subjects() {
        lacking.extend(events().map(|event| Entry { subject: subject.clone(), event, ..done() }));
    }
    let who = done().who;
    lacking.push(Entry { who: Who { name: " ".to_owned(), ..who.clone() }, ..done() });
    lacking.push(Entry { who: Who { unit: String::new(), ..who }, ..done() });
    for entry in lacking {
        let told = format!("{:?} {:?}", entry.subject, entry.event);
        let recorded = record(&[&ledger], entry, vec![]).await.map(drop);
        assert!(matches!(recorded, Err(CaseError::Fault(_))), "{told}: {recorded:?}");
    }
    assert_eq!(ledger.log().size(), 0);
    for event in events() {
        record(&[&ledger], Entry { event, ..done() }, vec![]).await.unwrap();
    }
    // What asks for something is recorded whatever it says, and so is what is no request's.
    for subject in subjects() {
        record(&[&ledger], Entry { subject, event: decided(Phase::Request), ..entry() }, vec![]).await.unwrap();
    }
    assert_eq!(ledger.log().size(), 8);
}

async fn marks(rows: &store::Jurisdiction) -> usize {
    rows.standings(MARK).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_only_a_first_log_without_a_writer_has_is_marked() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (broken(&home).await, ledger(&owner).await);
    let recorded = record(&[&home, &owner], done(), vec![]).await.map(drop);
    assert!(matches!(&recorded, Err(CaseError::Fault(why)) if why == BROKEN), "{recorded:?}");
    assert_eq!((home.log().size(), owner.log().size()), (1, 0));
    assert_eq!(marks(&home.store).await, 1, "though nobody writes behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_second_log_without_a_writer_has_is_marked_in_the_first() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (ledger(&home).await, broken(&owner).await);
    let recorded = record(&[&home, &owner], done(), vec![]).await.map(drop);
    let Err(CaseError::Fault(told)) = recorded else { panic!("it is no fault of the host") };
    assert!(told.starts_with(BROKEN) && told.contains("as soon as that can be known and done"), "{told}");
    assert_eq!((home.log().size(), owner.log().size()), (1, 1), "it will turn up in both");
    assert_eq!(marks(&home.store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_the_database_does_not_take_is_not_promised() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let owner = ledger(&owner).await;
    // The database takes nothing: what waits for it stays in memory.
    let (behind, queue) = mpsc::channel(8);
    let home = Ledger { behind, ..ledger(&home).await };
    home.trouble.store(Some(Arc::new("the disk is full".to_owned())));
    let Ok(written) = Written::of("e1".to_owned(), done()) else { panic!("it is an entry") };
    let doubt = || Unrecorded::in_doubt(CaseError::Log("no disk".to_owned()));
    let told = torn::told(&[(&home, 0)], &owner, &written, doubt()).await.to_string();
    assert!(told.contains("entry 0 of the log `test/north` says otherwise"), "{told}");
    assert!(told.contains("the disk is full") && !told.contains("as soon as"), "{told}");
    let told = torn::doubted(&home, &owner, &written, doubt()).await;
    assert!(told.doubtful && told.error.to_string().contains("the disk is full"), "{}", told.error);
    assert_eq!((marks(&home.store).await, queue.len()), (0, 2), "both wait for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_stays_until_the_database_has_what_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let opening = |id: &str| {
        let home = folder.path().join(id);
        std::fs::create_dir(&home).unwrap();
        Opening {
            id: id.to_owned(),
            policy: PolicyState::Absent("none is needed here".to_owned()),
            registry: Registry::default(),
            log: log(&home, &format!("test/{id}")),
            galleries: None,
        }
    };
    let store = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
    let clock = Clock::set(Arc::new(AtomicU64::new(1_000_000)));
    let openings = vec![opening("north"), opening("south")];
    let casework = Casework::open(openings, store, clock, None, &|_: Loading<'_>| ()).await.unwrap();
    let north = casework.chamber("north").unwrap();
    // What is still on its way there would say that all is well.
    north.ledger.settle().await.unwrap();
    let body = serde_json::json!({ "log": "test/north", "missing": "test/south" });
    let mark = store::StandingRow { kind: MARK.to_owned(), id: "e1".to_owned(), body };
    north.store.keep(&[store::Kept::Stands(mark)]).await.unwrap();

    north.ledger.trouble.store(Some(Arc::new(BROKEN.to_owned())));
    assert!(casework.make_torn_good(north, Instant(1_000_000)).await.is_err());
    assert_eq!(marks(&north.store).await, 1, "the next start may bring its entry there");
    north.ledger.trouble.store(None);
    casework.make_torn_good(north, Instant(1_000_000)).await.unwrap();
    assert_eq!(marks(&north.store).await, 0, "it did not turn up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_the_database_does_not_empty_is_given_up_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&folder).await;
    ledger.clear().await.expect("nothing rides");
    // What a database that failed between the two leaves: it is in the journal, and nobody says that it is elsewhere.
    let riding = ledger.log.append_with(b"leaf".to_vec(), b"rider".to_vec()).await.unwrap();
    let told = ledger.clear_within(Duration::ZERO).await.unwrap_err().to_string();
    assert!(told.contains("the database cannot be written: it takes too long"), "{told}");
    ledger.trouble.store(Some(Arc::new("the disk is full".to_owned())));
    let told = ledger.clear_within(Duration::ZERO).await.unwrap_err().to_string();
    assert!(told.contains("the database cannot be written: the disk is full"), "{told}");
    ledger.trouble.store(None);
    ledger.log.release(riding.index);
    ledger.clear().await.expect("and it can be repeated");
}
