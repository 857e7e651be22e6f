//! What is too much for an entry or for what waits, what an entry of a request has to say, and a ledger without a writer.

use super::*;
use crate::alarm::bell::Bell;
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
        assert!(ledger.store.accounts(&[id.to_string()]).await.unwrap()[0].is_some(), "{id}");
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
    assert!(matches!(&refused, Err(CaseError::Unwritten(why)) if why == BROKEN), "{refused:?}");
    assert_eq!(broken.log().size(), 1, "once that is known, nothing more is");
    assert!(broken.is_broken() && !ledger(&tempfile::tempdir().unwrap()).await.is_broken());
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
    // Of a request whose entries have been purged there is no more to say.
    let looks_at_what_is_left =
        |entry: &Entry| matches!((&entry.subject, &entry.event), (Subject::About(_), Event::Viewed));
    let (left, mut lacking): (Vec<_>, Vec<_>) = lacking.into_iter().partition(looks_at_what_is_left);
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
    assert_eq!(left.len(), 1);
    for entry in left {
        record(&[&ledger], entry, vec![]).await.unwrap();
    }
}

async fn marks(rows: &store::Jurisdiction) -> usize {
    rows.standings(MARK).await.unwrap().len()
}

/// Ends a ledger as a kill does: what did not get into the database is in the journal. Gives the marks that the next start finds.
async fn killed(ledger: Ledger, folder: &TempDir) -> usize {
    let (rows, origin) = (ledger.store.clone(), ledger.log().origin().to_owned());
    ledger.log().clone().close().unwrap();
    drop(ledger);
    replay(&log(folder.path(), &origin), &rows).await.unwrap();
    marks(&rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_only_a_first_log_has_is_marked_wherever_the_host_was_killed() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (broken(&first).await, ledger(&second).await);
    let recorded = record(&[&home, &owner], done(), vec![]).await.map(drop);
    assert!(matches!(&recorded, Err(CaseError::Fault(why)) if why == BROKEN), "{recorded:?}");
    assert_eq!((home.log().size(), owner.log().size()), (1, 0));
    assert_eq!(marks(&home.store).await, 0, "nobody writes behind");
    assert_eq!(killed(home, &first).await, 1, "it rides on the entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_says_that_nothing_was_done_is_not_marked() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (broken(&first).await, ledger(&second).await);
    record(&[&home, &owner], entry(), vec![]).await.map(drop).unwrap_err();
    assert_eq!((home.log().size(), owner.log().size()), (1, 0));
    assert_eq!(killed(home, &first).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_second_log_without_a_writer_has_is_marked_in_the_first() {
    let (home, owner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, owner) = (ledger(&home).await, broken(&owner).await);
    let recorded = record(&[&home, &owner], done(), vec![]).await.map(drop);
    let Err(CaseError::Fault(told)) = recorded else { panic!("it is no fault of the host") };
    assert!(told.starts_with(BROKEN) && told.contains("as soon as that can be known and done"), "{told}");
    assert_eq!((home.log().size(), owner.log().size()), (1, 1), "it will turn up in both");
    home.settle().await.unwrap();
    assert_eq!(marks(&home.store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_on_its_way_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let casework = casework(folder.path(), &["north", "south"]).await;
    let (north, south) = (casework.chamber("north").unwrap(), casework.chamber("south").unwrap());
    let Ok(written) = Written::of("e1".to_owned(), done()) else { panic!("it is an entry") };
    let passage = Passage::begin(vec![north.ledger.under_way.clone()], "e1");
    let rows = vec![torn::mark(&north.ledger, &south.ledger, "e1")];
    north.ledger.append(&written, rows).await.ok().unwrap();
    let size = north.log().size();
    casework.make_torn_good(north, Instant(1_000_000)).await.unwrap();
    assert_eq!((north.log().size(), marks(&north.store).await), (size, 1), "the other log may have it yet");
    drop(passage);
    casework.make_torn_good(north, Instant(1_000_000)).await.unwrap();
    assert_eq!(north.log().size(), size + 1, "nothing came of it");
    north.ledger.settle().await.unwrap();
    assert_eq!(marks(&north.store).await, 0);
}

/// These jurisdictions, none of which has a policy.
async fn casework(folder: &Path, ids: &[&str]) -> Casework {
    let opening = |id: &&str| {
        let home = folder.join(id);
        std::fs::create_dir(&home).unwrap();
        Opening {
            id: (*id).to_owned(),
            policy: PolicyState::Absent("none is needed here".to_owned()),
            registry: Registry::default(),
            log: log(&home, &format!("test/{id}")),
            galleries: None,
        }
    };
    let store = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
    let clock = Clock::set(Arc::new(AtomicU64::new(1_000_000)));
    let openings = ids.iter().map(opening).collect();
    Casework::open(openings, store, clock, None, &|_: Loading<'_>| ()).await.unwrap()
}

/// Waits for what others do in their own time.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_is_an_alarm_of_its_own_and_on_record_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (mut casework, bell) = (casework(folder.path(), &["north", "south"]).await, Arc::new(Bell::default()));
    casework.guard(bell.clone());
    let north = casework.chamber("north").unwrap();
    north.ledger.settle().await.unwrap();
    let size = north.log().size();
    north.ledger.trouble.store(Some(Arc::new("the disk is full".to_owned())));
    let refused = north.record_host(Instant(1_000_000), "test", Default::default()).await.unwrap_err().to_string();
    assert_eq!(refused, "the database cannot be written, so nothing was done: the disk is full");
    until("an alarm is raised", || !bell.rung().is_empty()).await;
    let rung = bell.rung();
    assert_eq!((rung.len(), rung[0].jurisdiction.as_str()), (1, "north"), "of the one that it is about");
    assert!(
        rung[0].subject == "the database cannot be written" && rung[0].text.contains("the disk is full"),
        "{rung:?}"
    );
    assert_eq!(north.log().size(), size, "nothing is on record meanwhile");

    north.ledger.trouble.store(None);
    until("an entry says what was", || north.log().size() > size).await;
    north.ledger.settle().await.unwrap();
    let leaf: model::account::Leaf = serde_json::from_slice(&north.log().entry(size).unwrap()).unwrap();
    let account = north.store.accounts(std::slice::from_ref(&leaf.id)).await.unwrap().remove(0).unwrap();
    let told = String::from_utf8_lossy(&account.plain).into_owned();
    assert!(told.contains("database-recovered") && told.contains("the disk is full"), "{told}");
    assert_eq!(bell.rung().len(), 1, "once");
    assert!(!casework.needs_restart());
    casework.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_stays_until_the_database_has_what_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let casework = casework(folder.path(), &["north", "south"]).await;
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
    assert!(told.contains("the database cannot be written, so nothing was done: it takes too long"), "{told}");
    ledger.trouble.store(Some(Arc::new("the disk is full".to_owned())));
    let told = ledger.clear_within(Duration::ZERO).await.unwrap_err().to_string();
    assert!(told.contains("the database cannot be written, so nothing was done: the disk is full"), "{told}");
    ledger.trouble.store(None);
    ledger.log.release(riding.index);
    ledger.clear().await.expect("and it can be repeated");
}
