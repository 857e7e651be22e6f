//! Two hosts at one jurisdiction, on one database: each knows what the other did before it next decides.

use crate::common::{
    Desk, FIRST, GALLERY, JURISDICTION, SECOND, SUPERVISOR, answers, batch, intake, misstep, outgoing, record,
    registered, said, signing, text,
};
use magistrate_casework::access::Change;
use magistrate_casework::anomalies::Scope;
use magistrate_casework::chamber::{Loading, Registered};
use magistrate_casework::chancery::Chancery;
use magistrate_casework::disposition::Examination;
use magistrate_casework::obligations::{Owed, Standing};
use magistrate_casework::registration::Registration;
use magistrate_casework::retention::{self, AUDIT_ENTRY, Asking, Docket, Pruning};
use magistrate_casework::search_step::{Plan, Searched};
use magistrate_casework::violation::Report;
use magistrate_casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use model::account::{Event, Leaf, Retained};
use model::facts::{AccessChange, Conclusion, Likeness};
use model::registry::{Person, Registry};
use model::rulings::{Duty, RetentionRule};
use model::terms::{Field, Holder, Instant, Phase, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const LASO: &str = "l.ortega";

const AUDITOR: &str = "a.feld";

const AGENCY: &str = "ice-ero";

/// One database, and a folder for everything that is a host's own.
pub struct Server {
    pub store: store::Store,
    home: tempfile::TempDir,
}

/// `None` where the policies are not built.
pub async fn server() -> Option<Server> {
    if !policies().join("detroit_307_5.wasm").is_file() {
        crate::common::skip("the policies are not built: run `cargo xtask test`");
        return None;
    }
    let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    Some(Server { store: store.among_several(), home: tempfile::tempdir().unwrap() })
}

fn policies() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(JURISDICTION)
}

impl Server {
    /// A host of this name, whose log is in this folder.
    async fn host(&self, name: &str, folder: &str) -> Casework {
        self.host_by(&clock(0), name, folder).await
    }

    /// The same, going by this clock.
    pub async fn host_by(&self, clock: &Arc<AtomicU64>, name: &str, folder: &str) -> Casework {
        self.try_host_by(clock, name, folder).await.unwrap()
    }

    async fn try_host(&self, name: &str, folder: &str) -> Result<Casework, CaseError> {
        self.try_host_by(&clock(0), name, folder).await
    }

    async fn try_host_by(&self, clock: &Arc<AtomicU64>, name: &str, folder: &str) -> Result<Casework, CaseError> {
        let policy = policy::Folder::read(&policies()).unwrap().load_unpinned(crate::common::engine()).unwrap();
        let registry: Registry =
            toml::from_str(&std::fs::read_to_string(policies().join("registry.toml")).unwrap()).unwrap();
        let origin = format!("{name}/{JURISDICTION}");
        let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
        let logs = self.home.path().join(folder);
        std::fs::create_dir_all(&logs).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
        let log = audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap();
        let policy = PolicyState::Ready(policy);
        let opening = Opening { id: JURISDICTION.to_owned(), policy, registry, log, galleries: None };
        let clock = Clock::set(clock.clone());
        Casework::open(vec![opening], self.store.clone(), clock, None, &|_: Loading<'_>| {}).await
    }

    /// Copies a log's folder as it is.
    fn copy_log(&self, from: &str, to: &str) {
        copy(&self.home.path().join(from), &self.home.path().join(to));
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let (path, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &to);
        } else if let Err(e) = std::fs::copy(&path, &to) {
            // A temporary file that has been renamed meanwhile.
            assert_eq!(e.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

/// A clock that stands so many ms after all others here.
pub fn clock(ahead_ms: u64) -> Arc<AtomicU64> {
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    Arc::new(AtomicU64::new(at.0 + ahead_ms))
}

async fn let_in(host: &Casework, person: &str) -> Result<Registered, CaseError> {
    registered(host, JURISDICTION, person).await
}

async fn who(host: &Casework, person: &str) -> Registered {
    let_in(host, person).await.unwrap()
}

pub async fn enroll(host: &Casework, seeds: std::ops::Range<usize>) {
    let registrar = who(host, "r.tanaka").await;
    host.enroll(&registrar, JURISDICTION, GALLERY, batch(seeds)).await.unwrap();
}

async fn search(host: &Casework, seed: usize) -> Result<Searched, CaseError> {
    let plan = Plan { candidates: Some(3), ..Plan::default() };
    let actor = who(host, FIRST).await;
    let searched = host.search_now(&actor, JURISDICTION, intake(seed), plan).await.map(|(_, searched)| searched);
    // Waits until it is in the database, where the other host counts it.
    host.obligations(JURISDICTION).await.unwrap();
    searched
}

fn stated() -> BTreeMap<String, Value> {
    answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))])
}

async fn change_access(host: &Casework, what: AccessChange) -> Result<(), CaseError> {
    let change = Change { change: what, roles: vec![], reason: String::new(), answers: stated() };
    host.change_access(&who(host, LASO).await, JURISDICTION, SECOND, change).await.map(drop)
}

async fn access(host: &Casework, what: AccessChange) {
    change_access(host, what).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_enrols_the_other_finds() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    enroll(&here, 0..4).await;
    enroll(&there, 4..8).await;
    let mut searched = Vec::new();
    for (host, seed) in [(&here, 5), (&there, 2)] {
        let found = search(host, seed).await.unwrap();
        assert_eq!(found.candidates.first().map(|c| c.record_id.clone()), Some(record(seed)));
        let hall = host.chamber(JURISDICTION).unwrap().hall(GALLERY).unwrap();
        assert_eq!((hall.len(), hall.generation()), (8, 2));
        searched.push(found.digest);
    }
    assert_eq!(searched[0], searched[1], "the same records");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_one_host_suspends_the_other_does_not_let_in() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    assert!(let_in(&there, SECOND).await.is_ok());
    access(&here, AccessChange::Suspend).await;
    let refused = let_in(&there, SECOND).await;
    assert!(matches!(refused, Err(CaseError::Rejected(reason)) if reason.contains("suspended")));
    access(&there, AccessChange::Reinstate).await;
    assert!(let_in(&here, SECOND).await.is_ok());
    // Whoever starts later knows it, too.
    access(&here, AccessChange::Suspend).await;
    let third = server.host("third", "third").await;
    assert!(let_in(&third, SECOND).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_another_host_suspends_once_more_while_it_is_judged_is_not_reinstated() {
    let Some(server) = server().await else { return };
    let here = server.host("here", "here").await;
    access(&here, AccessChange::Suspend).await;
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    let (person, place) = (Holder::Person.name(), format!("standing/{}/{SECOND}", Holder::Person.name()));
    // As the other host does when a decision there demands it, from its turn to the end of it.
    while rows.lease(&place, "there/detroit", "stamp", LONG).await.unwrap() == store::Leased::Elsewhere {}
    let before = log(&here).size();
    let is_judged = || {
        let mut leaves = (before..log(&here).size()).map(|at| log(&here).entry(at).unwrap());
        leaves.any(|leaf| serde_json::from_slice::<Leaf>(&leaf).unwrap().phase == Some(Phase::Access))
    };
    let suspend = async {
        while !is_judged() {
            tokio::task::yield_now().await;
        }
        let mut stands = rows.standing(person, SECOND).await.unwrap().unwrap();
        assert_eq!(stands.body["suspensions"], 0, "{}", stands.body);
        stands.body["suspensions"] = 1.into();
        rows.keep(&[store::Kept::Stands(stands)]).await.unwrap();
        rows.let_go(&place, "stamp").await.unwrap();
    };
    let (reinstated, ()) = tokio::join!(change_access(&here, AccessChange::Reinstate), suspend);
    assert_eq!(misstep(reinstated), Misstep::SuspendedMeanwhile { id: SECOND.to_owned() });
    assert!(let_in(&here, SECOND).await.is_err(), "whoever suspended them has not been heard");
    access(&here, AccessChange::Reinstate).await;
    assert!(let_in(&here, SECOND).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_a_decision_demands_waits_for_no_host_that_is_gone() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    let place = format!("standing/{}/{AGENCY}", Holder::Agency.name());
    rows.lease(&place, "gone/detroit", "stamp", LONG).await.unwrap();
    let happened = Instant(clock(0).load(Ordering::Acquire) - 3_600_000);
    let told = answers([("violated-clause", text("5.2")), ("offending-agency", text(AGENCY))]);
    let report = Report { happened, request: None, answers: told };
    here.record_violation(&who(&here, FIRST).await, JURISDICTION, report).await.unwrap();
    let is_suspended = async |host: &Casework| {
        who(host, FIRST).await;
        let registry = host.chamber(JURISDICTION).unwrap().registry();
        registry.agencies.iter().find(|a| a.id == AGENCY).unwrap().suspended_since.is_some()
    };
    assert!(is_suspended(&here).await && is_suspended(&there).await);
    let is_owed = async || {
        let owed = here.obligations(JURISDICTION).await.unwrap();
        owed.iter().any(|o| matches!(o.duty, Duty::Suspend(_)))
    };
    assert!(is_owed().await, "the other host may write over it");

    // As it does that has read before how they stood.
    let mut stands = rows.standing(Holder::Agency.name(), AGENCY).await.unwrap().unwrap();
    stands.body = serde_json::json!({});
    rows.keep(&[store::Kept::Stands(stands)]).await.unwrap();
    assert!(!is_suspended(&here).await);
    rows.let_go(&place, "stamp").await.unwrap();
    here.pass_deadlines().await;
    assert!(is_suspended(&here).await && is_suspended(&there).await && !is_owed().await);
    let events = events(&here).await;
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Suspended { .. })).count(), 1);
    let at_once = |event: &&Event| matches!(event, Event::Host { act, .. } if act == "suspended-out-of-turn");
    assert_eq!(events.iter().filter(at_once).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_a_request_that_a_step_is_taken_of_stay_until_it_is_done() {
    let Some(server) = server().await else { return };
    let clock = clock(0);
    let here = server.host_by(&clock, "here", "here").await;
    enroll(&here, 0..4).await;
    let (request, _) = searched(&here, 1).await;
    clock.fetch_add(368 * 24 * 3_600_000, Ordering::AcqRel);
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    while rows.lease(&request, "there/detroit", "stamp", LONG).await.unwrap() == store::Leased::Elsewhere {}
    let range = format!("0-{}", log(&here).size() - 1);
    let purge = async || {
        let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: range.clone() };
        let asking = Asking { change: retention::Change::Purge, record, day: None, answers: BTreeMap::new() };
        here.retention(&who(&here, LASO).await, JURISDICTION, asking).await
    };
    assert_eq!(misstep(purge().await), Misstep::StepUnderWay { request: request.clone() });
    rows.let_go(&request, "stamp").await.unwrap();
    purge().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_one_host_registers_the_other_knows() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    let like = who(&here, FIRST).await.person;
    let person = Person { id: "n.okafor".to_owned(), ..like };
    let registration = Registration { person, reason: String::new(), answers: stated() };
    here.register_person(&who(&here, LASO).await, JURISDICTION, registration).await.unwrap();
    assert_eq!(who(&there, "n.okafor").await.person.role_names(), ["examiner"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_count_wherever_they_ran() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    enroll(&here, 0..4).await;
    let mut seed = 0;
    while search(if seed % 2 == 0 { &here } else { &there }, seed).await.is_ok() {
        seed += 1;
        assert!(seed < 40, "the limit on one person's searches of an hour is never reached");
    }
    // One host alone permits as many.
    let alone = self::server().await.unwrap();
    let only = alone.host("only", "only").await;
    enroll(&only, 0..4).await;
    let mut most = 0;
    while search(&only, most).await.is_ok() {
        most += 1;
        assert!(most < 40);
    }
    assert_eq!(seed, most);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_one_name_stops_the_first() {
    let Some(server) = server().await else { return };
    let first = server.host("here", "here").await;
    assert!(let_in(&first, FIRST).await.is_ok());
    let refused = server.try_host("here", "empty").await.map(drop);
    assert!(matches!(&refused, Err(CaseError::Log(reason)) if reason.contains("the log has 0 entries")), "{refused:?}");
    assert!(let_in(&first, FIRST).await.is_ok(), "a log that lacks what the first has recorded takes nothing over");
    server.copy_log("here", "elsewhere");
    let second = server.host("here", "elsewhere").await;
    let refused = let_in(&first, FIRST).await;
    assert!(matches!(&refused, Err(CaseError::Log(reason)) if reason.contains("another process")), "{refused:?}");
    assert!(!first.impediments().await.is_empty());
    assert!(let_in(&second, FIRST).await.is_ok());
}

/// Opens a request and searches; gives its id and the records of its list.
async fn searched(host: &Casework, seed: usize) -> (String, Vec<String>) {
    let plan = Plan { candidates: Some(3), ..Plan::default() };
    let actor = who(host, FIRST).await;
    let (opened, searched) = host.search_now(&actor, JURISDICTION, intake(seed), plan).await.unwrap();
    (opened.request.request.id, searched.candidates.into_iter().map(|c| c.record_id).collect())
}

async fn look(host: &Casework, request: &str) -> Result<(), CaseError> {
    host.look(&who(host, SECOND).await, JURISDICTION, request, BTreeMap::new()).await.map(drop)
}

/// Of the records of a list the first is possible, and the others are not.
async fn dispose(host: &Casework, request: &str, records: &[String]) -> Result<(), CaseError> {
    let of = |i: usize| if i == 0 { Likeness::Possible } else { Likeness::Excluded };
    let dispositions = records.iter().enumerate().map(|(i, record)| said(record, of(i))).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    host.dispose(&who(host, FIRST).await, JURISDICTION, request, examination).await.map(drop)
}

fn is_elsewhere(taken: &Result<(), CaseError>) -> bool {
    matches!(taken, Err(CaseError::OutOfPlace(Misstep::Elsewhere, _)))
}

/// What is on record in a host's log.
async fn events(host: &Casework) -> Vec<Event> {
    let (auditor, size) = (who(host, AUDITOR).await, log(host).size());
    let entries = host.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
    entries.into_iter().filter_map(|entry| entry.account).map(|account| account.event).collect()
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_on_at_any_host_and_is_released_by_one() {
    let Some(server) = server().await else { return };
    let host = async |name: &str| server.host(name, name).await.with_draughting(Arc::new(Desk::default()));
    let (here, there) = (host("here").await, host("there").await);
    enroll(&here, 0..12).await;
    let (request, records) = searched(&here, 1).await;
    dispose(&there, &request, &records).await.unwrap();
    look(&here, &request).await.unwrap();
    for (host, person, role, conclusion) in [
        (&there, FIRST, "examiner", Conclusion::Lead),
        (&here, SECOND, "examiner", Conclusion::Lead),
        (&there, SUPERVISOR, "ciu-supervisor", Conclusion::Approved),
    ] {
        host.sign(&who(host, person).await, JURISDICTION, &request, signing(role, conclusion)).await.unwrap();
    }
    let release = async |host: &Casework| {
        let out = outgoing(&records[..1]);
        host.release(&who(host, FIRST).await, JURISDICTION, &request, out).await.map(drop)
    };
    let both = tokio::join!(release(&here), release(&there));
    let (released, other) = if both.0.is_ok() { both } else { (both.1, both.0) };
    released.unwrap();
    let late = matches!(other, Err(CaseError::OutOfPlace(Misstep::Released { .. }, _)));
    assert!(late || is_elsewhere(&other), "{other:?}");
    let mut on_record = 0;
    for host in [&here, &there] {
        let events = events(host).await;
        on_record += events.iter().filter(|event| matches!(event, Event::Released { .. })).count();
    }
    assert_eq!(on_record, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_is_read_as_later_whichever_hosts_clock_is_ahead() {
    let Some(server) = server().await else { return };
    let (ahead, behind) = (clock(5_000), clock(0));
    let (here, there) = (server.host_by(&ahead, "here", "here").await, server.host_by(&behind, "there", "there").await);
    enroll(&here, 0..12).await;
    let (request, records) = searched(&here, 1).await;
    let sign = async |person: &str| {
        let lead = signing("examiner", Conclusion::Lead);
        here.sign(&who(&here, person).await, JURISDICTION, &request, lead).await.unwrap();
        // Waits until it is in the database, where the other host reads it.
        here.obligations(JURISDICTION).await.unwrap();
    };
    // How many signatures stand, of how many.
    let standing = async || {
        let signatures = there.view(&who(&there, FIRST).await, JURISDICTION, &request).await.unwrap().signatures;
        (signatures.iter().filter(|signed| signed.stands).count(), signatures.len())
    };
    dispose(&here, &request, &records).await.unwrap();
    look(&here, &request).await.unwrap();
    sign(SECOND).await;
    let latest = Instant(ahead.load(Ordering::Acquire));
    for clock in [&ahead, &behind] {
        clock.fetch_add(1_000, Ordering::AcqRel);
    }
    let early = misstep(dispose(&there, &request, &records).await);
    assert_eq!(early, Misstep::BehindRecord { by_ms: 4_000, latest });
    let told = events(&there).await;
    let of_it = |event: &&Event| matches!(event, Event::Rejected { reason, .. } if reason.contains("clock"));
    assert_eq!(told.iter().filter(of_it).count(), 1);
    assert!(!told.iter().any(|event| matches!(event, Event::Decision { .. })), "nothing was decided");
    assert_eq!(standing().await, (1, 1));

    behind.fetch_add(5_000, Ordering::AcqRel);
    dispose(&there, &request, &records).await.unwrap();
    assert_eq!(standing().await, (0, 1), "it was signed for something else");

    // What is little is waited for.
    ahead.fetch_add(200, Ordering::AcqRel);
    sign(FIRST).await;
    assert_eq!(standing().await, (1, 2));
    tokio::select! {
        done = dispose(&there, &request, &records) => done.unwrap(),
        () = tick(&behind) => {}
    }
    assert_eq!(standing().await, (0, 2));

    // Nor is a look of a moment before what it shows.
    let signed = behind.load(Ordering::Acquire) + 200;
    ahead.store(signed, Ordering::Release);
    sign(SECOND).await;
    tokio::select! {
        shown = standing() => assert_eq!(shown, (1, 3)),
        () = tick(&behind) => {}
    }
    let entries = there.inspect(&who(&there, AUDITOR).await, JURISDICTION, 0, log(&there).size()).await.unwrap();
    let accounts = entries.into_iter().filter_map(|entry| entry.account);
    let looks = accounts.filter(|account| matches!(account.event, Event::Viewed)).map(|account| account.at);
    assert!(looks.max() > Some(Instant(signed)), "whoever has seen the signature has not seen it before it was given");
}

/// Time passes fast by this clock.
async fn tick(clock: &AtomicU64) {
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        clock.fetch_add(20, Ordering::AcqRel);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_is_at_is_refused_on_record_until_that_lets_go() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    enroll(&here, 0..4).await;
    let (request, _) = searched(&here, 1).await;
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    let held = rows.lease(&request, log(&here).origin(), "stamp", LONG).await.unwrap();
    assert_eq!(held, store::Leased::Taken { after: None });
    let refused = look(&there, &request).await;
    assert!(is_elsewhere(&refused), "{refused:?}");
    let told = events(&there).await;
    let of_it = |event: &Event| matches!(event, Event::Rejected { reason, .. } if reason.contains("another host"));
    assert_eq!(told.iter().filter(|event| of_it(event)).count(), 1);
    assert!(!told.iter().any(|event| matches!(event, Event::Decision { .. })), "nothing was decided");
    rows.let_go(&request, "stamp").await.unwrap();
    look(&there, &request).await.unwrap();
    look(&here, &request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_starts_again_lets_go_of_what_it_was_at() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    enroll(&here, 0..4).await;
    let (request, _) = searched(&here, 1).await;
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    rows.lease(&request, log(&here).origin(), "stamp", LONG).await.unwrap();
    assert!(is_elsewhere(&look(&there, &request).await));
    server.copy_log("here", "again");
    let _again = server.host("here", "again").await;
    look(&there, &request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_that_is_gone_was_at_is_taken_over_on_record() {
    let Some(server) = server().await else { return };
    let here = server.host("here", "here").await;
    enroll(&here, 0..4).await;
    let (request, _) = searched(&here, 1).await;
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    let gone = rows.lease(&request, "gone/detroit", "stamp", Duration::ZERO).await.unwrap();
    assert_eq!(gone, store::Leased::Taken { after: None });
    for _ in 0..2 {
        look(&here, &request).await.unwrap();
    }
    let events = events(&here).await;
    let taken_over = events.iter().filter_map(|event| match event {
        Event::Host { act, details } if act == "turn-taken-over" => Some(details),
        _ => None,
    });
    let expected = BTreeMap::from([("log".to_owned(), "gone/detroit".to_owned()), ("of".to_owned(), request.clone())]);
    assert_eq!(taken_over.collect::<Vec<_>>(), [&expected], "once");
}

/// Lets a host's log grow to so many entries: an auditor looks at it.
async fn grow(host: &Casework, size: u64) {
    let auditor = who(host, AUDITOR).await;
    while log(host).size() < size {
        host.inspect(&auditor, JURISDICTION, 0, 1).await.unwrap();
    }
}

fn log(host: &Casework) -> audit::Log {
    host.chamber(JURISDICTION).unwrap().log().clone()
}

/// Entries as the dockets of a host name them.
fn entries(host: &Casework, range: &str) -> Retained {
    Retained { subject: AUDIT_ENTRY.to_owned(), gallery: Some(log(host).origin().to_owned()), record: range.to_owned() }
}

/// A docket as it stands once somebody was permitted to prune up to there.
async fn permitted(host: &Casework, range: &str, begun: bool) -> store::Kept {
    let (by, at) = (who(host, LASO).await.who(), Instant(1));
    let record = entries(host, range);
    let docket = Docket { pruning: Some(Pruning { by, at, from: 0, begun }), ..Docket::new(record.clone()) };
    let body = serde_json::to_value(&docket).unwrap();
    let gallery = record.gallery.unwrap();
    store::Kept::Retention(store::RetentionRow { subject: record.subject, gallery, record: record.record, body })
}

async fn dockets(host: &Casework) -> Vec<Docket> {
    host.dockets(JURISDICTION).await.unwrap().into_iter().map(|listed| listed.docket).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruning_that_broke_off_is_finished_by_its_own_host_alone() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    for host in [&here, &there] {
        grow(host, 300).await;
    }
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    rows.keep(&[permitted(&here, "0-299", true).await, permitted(&here, "0-255", false).await]).await.unwrap();

    there.pass_deadlines().await;
    assert_eq!(log(&there).minimum_index(), 0, "nobody had this log pruned");
    let seen = there.inspect(&who(&there, AUDITOR).await, JURISDICTION, 0, 300).await.unwrap();
    assert!(seen.iter().all(|entry| entry.account.is_some()));
    assert_eq!(dockets(&there).await.iter().filter(|docket| docket.pruning.is_some()).count(), 2, "it is left alone");

    here.pass_deadlines().await;
    assert_eq!(log(&here).minimum_index(), 256);
    assert!(dockets(&here).await.iter().all(|docket| docket.pruning.is_none()));
    assert_eq!(log(&there).minimum_index(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_one_log_is_no_entry_of_another() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    let step = async |host: &Casework, change: retention::Change, gallery: Option<&str>, range: &str| {
        let mut given = answers([("retention-reason", text("exhibit 4 of the prosecution"))]);
        if change == retention::Change::Hold {
            given.insert("evidentiary-value".to_owned(), Value::Flag(true));
        }
        let gallery = gallery.map(str::to_owned);
        let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery, record: range.to_owned() };
        let asking = Asking { change, record, day: None, answers: given };
        host.retention(&who(host, LASO).await, JURISDICTION, asking).await
    };
    for host in [&here, &there] {
        grow(host, 4).await;
        let held = step(host, retention::Change::Hold, None, "02-2").await.unwrap();
        assert_eq!(held.docket.record, entries(host, "2"), "the host says of which log");
        // Until it is in the database, where the other host reads it.
        host.obligations(JURISDICTION).await.unwrap();
    }
    let named = step(&here, retention::Change::Lift, Some("there/detroit"), "2").await;
    assert!(matches!(named, Err(CaseError::Invalid(_))), "and no client does");
    step(&here, retention::Change::Lift, None, "2").await.unwrap();
    let mut held = Vec::new();
    for docket in dockets(&here).await {
        held.push((docket.record.clone(), docket.held.is_some()));
    }
    held.sort();
    assert_eq!(held, [(entries(&here, "2"), false), (entries(&there, "2"), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_of_a_logs_entries_its_own_host_sees_to() {
    let Some(server) = server().await else { return };
    let (here, there) = (server.host("here", "here").await, server.host("there", "there").await);
    let about = entries(&here, "0-1");
    let filed = Some(format!("{AUDIT_ENTRY} {}/0-1", log(&here).origin()));
    let owed = Owed {
        id: "0123456789abcdef".to_owned(),
        jurisdiction: JURISDICTION.to_owned(),
        clause: "7".into(),
        duty: Duty::Retain(RetentionRule { subject: AUDIT_ENTRY.to_owned(), at_least_days: 1 }),
        request: None,
        about: Some(about),
        owner: "host".to_owned(),
        since: Instant(1),
        due: Some(Instant(2)),
        standing: Standing::Open,
        tries: 0,
        reach: Default::default(),
        wake: Some(Instant(2)),
    };
    let body = serde_json::to_vec(&owed).unwrap();
    let row = store::ObligationRow { request: filed.clone(), id: owed.id.clone(), open: true, wake: owed.wake, body };
    let imposition = store::Imposition { decision: "d".to_owned(), request: filed, rows: vec![row] };
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    rows.keep(&[store::Kept::Imposed(imposition)]).await.unwrap();
    let open = async || there.obligations(JURISDICTION).await.unwrap().iter().any(|open| open.id == owed.id);
    there.pass_deadlines().await;
    assert!(open().await);
    here.pass_deadlines().await;
    here.obligations(JURISDICTION).await.unwrap();
    assert!(!open().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_says_whose_log_it_is_of_and_that_there_are_others() {
    let Some(server) = server().await else { return };
    let here = server.host("here", "here").await;
    let survey = async |host: &Casework| host.survey(&who(host, AUDITOR).await, JURISDICTION, Scope::default()).await;
    let alone = survey(&here).await.unwrap();
    assert_eq!((alone.log.as_str(), alone.other_logs.len(), alone.minimum_index), ("here/detroit", 0, 0));
    let there = server.host("there", "there").await;
    let told = survey(&here).await.unwrap();
    assert_eq!((told.log.as_str(), told.other_logs), ("here/detroit", vec!["there/detroit".to_owned()]));
    let told = survey(&there).await.unwrap();
    assert_eq!((told.log.as_str(), told.other_logs), ("there/detroit", vec!["here/detroit".to_owned()]));
}

/// A host's own folder of this name.
fn folder(server: &Server, host: &str, name: &str) -> std::path::PathBuf {
    let folder = server.home.path().join("policies").join(host).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// An archive of policies on a host.
fn archive(server: &Server, host: &str) -> policy::Archive {
    let folder = folder(server, host, "archive");
    policy::Archive::new(cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap())
}

/// A host with an archive, and a copy of the shipped policy in its folder.
async fn host_with_archive(server: &Server, name: &str) -> Casework {
    let folder = folder(server, name, "policy");
    for file in ["detroit_307_5.wasm", "policy.toml"] {
        std::fs::copy(policies().join(file), folder.join(file)).unwrap();
    }
    let folders = BTreeMap::from([(JURISDICTION.to_owned(), folder)]);
    let chancery = Chancery::new(crate::common::engine().clone(), archive(server, name), folders);
    let host = server.host(name, name).await.with_chancery(chancery);
    host.put_policies_back().await;
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_follows_what_was_activated_while_it_was_off() {
    const REVISIONS: &str = "revision";
    let Some(server) = server().await else { return };
    // The first start has the shipped policy in force. Then another revision is, and is in one host's archive.
    let first = server.host("first", "first").await;
    first.obligations(JURISDICTION).await.unwrap();
    let component = std::fs::read(policies().join("detroit_307_5.wasm")).unwrap();
    let mut settings = policy::Folder::read(&policies()).unwrap().settings().to_vec();
    settings.retain(|field| field.name != "audit-days");
    settings.push(Field::new("audit-days", Value::Number(400)));
    let (component, settings) = archive(&server, "here").keep(&component, &settings).unwrap();
    let rows = server.store.jurisdiction(JURISDICTION).await.unwrap();
    let shipped = rows.standings(REVISIONS).await.unwrap().into_iter().next().unwrap();
    let (mut old, mut new) = (shipped.body.clone(), shipped.body.clone());
    old["until"] = old["since"].clone();
    old["state"] = serde_json::json!("superseded");
    new["id"] = serde_json::json!("next");
    new["settings"] = serde_json::to_value(settings).unwrap();
    assert_eq!(new["component"], serde_json::to_value(component).unwrap(), "the same, with other settings");
    for (id, body) in [(shipped.id, old), ("next".to_owned(), new)] {
        rows.keep(&[store::Kept::Stands(store::StandingRow { kind: REVISIONS.to_owned(), id, body })]).await.unwrap();
    }

    let without = |host: &Casework| match &*host.chamber(JURISDICTION).unwrap().policy() {
        PolicyState::Ready(policy) => panic!("{:?} is in force", policy.reference()),
        PolicyState::Absent(reason) => reason.clone(),
    };
    let (here, there) = (host_with_archive(&server, "here").await, host_with_archive(&server, "there").await);
    assert!(without(&here).contains("superseded") && without(&there).contains("superseded"));
    for host in [&here, &there] {
        host.catch_up_all().await.unwrap();
    }
    match &*here.chamber(JURISDICTION).unwrap().policy() {
        PolicyState::Ready(policy) => assert_eq!(policy.reference().settings, settings),
        PolicyState::Absent(reason) => panic!("{reason}"),
    }
    let told = without(&there);
    assert!(told.contains("copy it into the archive"), "{told}");
}
