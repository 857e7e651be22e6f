//! What watches over the logs while others work: a log that cannot be written is recovered, witnesses are asked.

use crate::common::until;
use magistrate_casework::alarm::{Alarm, Alert, Raising};
use magistrate_casework::chamber::Loading;
use magistrate_casework::reopening::{Restoration, Vigil};
use magistrate_casework::witnessing::{Answer, Answering, Link, Member};
use magistrate_casework::{CaseError, Casework, Clock, Opening, PolicyState};
use model::account::{Account, Event};
use model::facts::Device;
use model::registry::{Principal, Registry};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const ORIGIN: &str = "host.example/north";

/// Signs, unless told not to: what a log cannot do without, as little as without a disk.
struct Moody {
    inner: audit::Ed25519Signer,
    fails: AtomicBool,
}

impl Moody {
    fn new() -> Arc<Self> {
        let inner = audit::Ed25519Signer::from_seed(ORIGIN, [42; 32]).unwrap();
        Arc::new(Self { inner, fails: AtomicBool::new(false) })
    }

    fn key(&self) -> audit::VerifierKey {
        audit::Signer::verifier_key(&self.inner).parse().unwrap()
    }
}

impl audit::Signer for Moody {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, audit::SignError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(audit::SignError::new("the module is unplugged"));
        }
        audit::Signer::sign(&self.inner, message)
    }

    fn verifier_key(&self) -> String {
        audit::Signer::verifier_key(&self.inner)
    }
}

#[derive(Default)]
struct Bell(Mutex<Vec<Alert>>);

impl Alarm for Bell {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Raising<'a> {
        Box::pin(async move {
            self.0.lock().unwrap().push(alert.clone());
            Ok(())
        })
    }
}

impl Bell {
    fn rung(&self) -> Vec<Alert> {
        self.0.lock().unwrap().clone()
    }
}

fn dir(folder: &Path) -> cap_std::fs::Dir {
    cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap()
}

/// A jurisdiction without a policy, whose log is in this folder.
fn opening(folder: &Path, signer: Arc<Moody>) -> Opening {
    let log = audit::Log::prepare(dir(folder), ORIGIN, signer).unwrap();
    let policy = PolicyState::Absent("none is needed here".to_owned());
    Opening { id: "north".to_owned(), policy, registry: Registry::default(), log, galleries: None }
}

async fn database() -> store::Store {
    database_at("mem://").await
}

async fn database_at(url: &str) -> store::Store {
    store::Store::open(url, None, store::MasterKey::from_bytes([1; 32])).await.unwrap()
}

/// A database in this folder, which is there again when it was closed.
async fn database_in(folder: &Path) -> store::Store {
    database_at(&format!("surrealkv://{}", folder.display())).await
}

async fn casework(folder: &Path, signer: Arc<Moody>) -> Casework {
    started(folder, signer, database().await).await
}

async fn started(folder: &Path, signer: Arc<Moody>, store: store::Store) -> Casework {
    Casework::open(vec![opening(folder, signer)], store, Clock::system(), None, &|_| ()).await.unwrap()
}

/// A step that is refused, on record; fails otherwise when it cannot be recorded.
async fn step(casework: &Casework) -> Result<(), String> {
    let nobody = Principal { jurisdiction: "north".to_owned(), person: "nobody".to_owned(), device: Device::Fixed };
    match casework.registered(&nobody).await {
        Err(CaseError::Rejected(_)) => Ok(()),
        Err(other) => Err(other.to_string()),
        Ok(_) => Err("nobody is somebody".to_owned()),
    }
}

/// The log's leaves, as JSON.
fn leaves(casework: &Casework) -> Vec<serde_json::Value> {
    let log = casework.chamber("north").unwrap().log();
    log.entries(0..log.size()).unwrap().iter().map(|(_, leaf)| serde_json::from_slice(leaf).unwrap()).collect()
}

/// What is told of files of the log that cannot be read.
async fn unread(casework: &Casework) -> Vec<String> {
    let told = impediments(casework).await;
    told.into_iter()
        .filter(|(partial, text)| *partial && text.contains("cannot be read"))
        .map(|(_, text)| text)
        .collect()
}

async fn impediments(casework: &Casework) -> Vec<(bool, String)> {
    casework.impediments().await.into_iter().map(|i| (i.partial, i.text)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_log_that_cannot_be_read_is_told_of_until_it_can_and_the_rest_goes_on() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (signer, bell) = (Moody::new(), Arc::new(Bell::default()));
    let before = started(folder.path(), signer.clone(), database_in(rows.path()).await).await;
    // As many as two full bundles, and some.
    for _ in 0..520 {
        step(&before).await.unwrap();
    }
    before.close().await.unwrap();
    let files = ["tile/entries/000", "tile/entries/001"].map(|name| folder.path().join(name));
    let sound = files.clone().map(|file| std::fs::read(file).unwrap());
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());

    let mut casework = started(folder.path(), signer.clone(), database_in(rows.path()).await).await;
    casework.guard(bell.clone());
    let log = casework.chamber("north").unwrap().log().clone();
    assert!(unread(&casework).await.is_empty(), "nobody has looked");
    for (index, told) in [(3, 1), (3, 1), (300, 2)] {
        let refused = log.entry(index).unwrap_err().to_string();
        assert!(refused.contains("is damaged: it is missing"), "{refused}");
        let found = unread(&casework).await;
        assert_eq!(found.len(), 1, "as one: {found:?}");
        assert!(found[0].starts_with("north: files of the audit log cannot be read"), "{found:?}");
        assert!(found[0].contains("`tile/entries/000` is damaged"), "{found:?}");
        assert_eq!(found[0].contains("(1 more besides)"), told == 2, "{found:?}");
    }
    until("an alarm is raised", || async { !bell.rung().is_empty() }).await;
    step(&casework).await.unwrap();
    log.entry(log.size() - 1).unwrap();

    for (file, bytes) in files.iter().zip(&sound) {
        std::fs::write(file, bytes).unwrap();
    }
    log.entry(300).unwrap();
    assert_eq!(unread(&casework).await.len(), 1, "others are read, and that one is not");
    log.entry(3).unwrap();
    assert!(unread(&casework).await.is_empty());
    let rung = bell.rung();
    assert_eq!(rung.len(), 1, "once: {rung:?}");
    assert!(rung[0].jurisdiction == "north" && rung[0].text.contains("`tile/entries/000` is damaged"), "{rung:?}");
    drop(log);
    casework.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_written_stops_everything_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (signer, bell) = (Moody::new(), Arc::new(Bell::default()));
    let mut casework = casework(folder.path(), signer.clone()).await;
    casework.guard(bell.clone());
    step(&casework).await.unwrap();
    assert!(impediments(&casework).await.iter().all(|(partial, _)| *partial));

    signer.fails.store(true, Ordering::SeqCst);
    let refused = step(&casework).await.unwrap_err();
    assert!(refused.contains("cannot be written"), "{refused}");
    let size = casework.chamber("north").unwrap().log().size();
    let told = impediments(&casework).await;
    let halted = told.iter().find(|(partial, _)| !partial).unwrap();
    assert!(halted.1.contains("north: the audit log cannot be written") && halted.1.contains("unplugged"), "{told:?}");
    until("an alarm is raised", || async { !bell.rung().is_empty() }).await;
    assert!(step(&casework).await.is_err(), "as long as it lasts");
    assert_eq!(casework.chamber("north").unwrap().log().size(), size);

    signer.fails.store(false, Ordering::SeqCst);
    until("it goes on by itself", || async { step(&casework).await.is_ok() }).await;
    let log = casework.chamber("north").unwrap().log();
    until("an entry says what was", || async { log.size() >= size + 2 }).await;
    assert!(impediments(&casework).await.iter().all(|(partial, _)| *partial));
    let rung = bell.rung();
    assert_eq!(rung.len(), 1, "once");
    assert!(rung[0].jurisdiction == "north" && rung[0].text.contains("unplugged"), "{rung:?}");
    let kinds: Vec<_> = leaves(&casework).iter().map(|leaf| leaf["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "host").count(), 2, "the start and the recovery: {kinds:?}");
    casework.close().await.unwrap();
    let verified = audit::verify::directory(&dir(folder.path()), &signer.key(), None, &mut |_, _| ()).unwrap();
    assert!(verified.size > size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_opened_at_the_start_is_an_alarm_and_waited_for() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (signer, bell) = (Moody::new(), Arc::new(Bell::default()));
    started(folder.path(), signer.clone(), database_in(rows.path()).await).await.close().await.unwrap();
    let kept = opening(folder.path(), signer.clone());
    signer.fails.store(true, Ordering::SeqCst);
    let store = database_in(rows.path()).await;
    let refused = Casework::open(vec![kept], store.clone(), Clock::system(), None, &|_| ()).await;
    store.close().await;
    let refused = refused.err().expect("nobody waits").to_string();
    assert!(refused.contains("cannot be written") && refused.contains("unplugged"), "{refused}");
    assert!(bell.rung().is_empty());

    let (vigil, waits) = Vigil::new(bell.clone());
    let openings = vec![opening(folder.path(), signer.clone())];
    let (store, progress) = (database_in(rows.path()).await, |_: Loading<'_>| ());
    let opened = Casework::open_keeping(openings, store, Clock::system(), None, &progress, Some(&vigil));
    let mended = async {
        until("an alarm is raised", || async { !bell.rung().is_empty() }).await;
        let wait = waits.borrow().clone().expect("whoever asks is told");
        assert!(wait.jurisdiction == "north" && wait.reason.contains("unplugged"), "{wait:?}");
        assert!(
            wait.subject == "the audit log cannot be written" && bell.rung()[0].subject == wait.subject,
            "{wait:?}"
        );
        signer.fails.store(false, Ordering::SeqCst);
    };
    let (opened, ()) = tokio::join!(opened, mended);
    let casework = opened.unwrap();
    assert_eq!(*waits.borrow(), None);
    step(&casework).await.unwrap();
    let rung = bell.rung();
    assert_eq!(rung.len(), 1, "once");
    assert!(rung[0].jurisdiction == "north" && rung[0].text.contains("unplugged"), "{rung:?}");
    let kinds: Vec<_> = leaves(&casework).iter().map(|leaf| leaf["kind"].clone()).collect();
    let of_host = kinds.iter().filter(|kind| **kind == "host").count();
    assert_eq!(of_host, 4, "a start and a stop, a start and how long it could not: {kinds:?}");
    casework.close().await.unwrap();
}

/// What the log of a host that is closed says of a database that was set back, as the database has it.
async fn said_of_the_database(rows: &store::Jurisdiction) -> Vec<BTreeMap<String, String>> {
    let ids = rows.account_ids().await.unwrap();
    let accounts = rows.accounts(&ids).await.unwrap().into_iter().flatten();
    let told = accounts.filter_map(|row| match serde_json::from_slice::<Account>(&row.plain).unwrap().event {
        Event::Host { act, details } if act == "database-set-back" => Some(details),
        _ => None,
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_set_back_is_waited_for_until_somebody_answers_for_it_on_record() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (signer, bell) = (Moody::new(), Arc::new(Bell::default()));
    let first = casework(folder.path(), signer.clone()).await;
    step(&first).await.unwrap();
    first.close().await.unwrap();
    let size = opening(folder.path(), signer.clone()).log.journal_begins();
    assert_eq!(size, 3, "a start, a step and a stop have left the journal");

    // Another database, which is empty.
    let openings = vec![opening(folder.path(), signer.clone())];
    let refused = Casework::open(openings, database().await, Clock::system(), None, &|_| ()).await;
    let refused = refused.err().expect("nobody waits").to_string();
    assert!(refused.contains("the database knows of 0 entries") && refused.contains("entries 0 to 2"), "{refused}");

    let start = async |vigil: &Vigil, store: store::Store| {
        let openings = vec![opening(folder.path(), signer.clone())];
        Casework::open_keeping(openings, store, Clock::system(), None, &|_: Loading<'_>| (), Some(vigil)).await
    };
    let (vigil, waits) = Vigil::new(bell.clone());
    let told = until("an alarm is raised", || async { !bell.rung().is_empty() });
    tokio::select! {
        _ = start(&vigil, database().await) => panic!("it does not go on by itself"),
        () = told => {}
    }
    let wait = waits.borrow().clone().expect("whoever asks is told");
    assert!(wait.jurisdiction == "north" && wait.reason.contains("an earlier copy"), "{wait:?}");
    assert_eq!(wait.subject, "the database lacks what is on record", "nothing is wrong with the log");
    assert_eq!(bell.rung()[0].subject, wait.subject);
    assert!(bell.rung()[0].text.contains("--database-was-set-back"), "{:?}", bell.rung());
    assert_eq!(opening(folder.path(), signer.clone()).log.journal_begins(), size, "nothing was recorded");

    let said = || Restoration { by: "R. Hale".to_owned(), why: "its disk died, and there is no copy".to_owned() };
    let answering = || Vigil::new(bell.clone()).0.of_restored(said());
    let casework = start(&answering(), database_in(other.path()).await).await.unwrap();
    step(&casework).await.unwrap();
    casework.close().await.unwrap();
    let store = database_in(other.path()).await;
    let all = said_of_the_database(&store.jurisdiction("north").await.unwrap()).await;
    store.close().await;
    let [told] = all.as_slice() else { panic!("it is said once: {all:?}") };
    assert_eq!((&told["by"], &told["why"]), (&said().by, &said().why));
    assert_eq!(told["lacking"], "0-2");

    // It is said of one start, and whoever leaves it standing is told so.
    let store = database_in(other.path()).await;
    let refused = start(&answering(), store.clone()).await.err().expect("nothing is lacking").to_string();
    assert!(refused.contains("without --database-was-set-back"), "{refused}");
    store.close().await;
    started(folder.path(), signer.clone(), database_in(other.path()).await).await.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_restart_makes_good_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let bell = Arc::new(Bell::default());
    let mut casework = casework(folder.path(), Moody::new()).await;
    casework.guard(bell.clone());
    assert!(!casework.needs_restart());
    // As if its writer had broken off.
    casework.chamber("north").unwrap().log().clone().close().unwrap();
    assert!(casework.needs_restart());
    assert!(step(&casework).await.is_err());
    until("an alarm is raised", || async { !bell.rung().is_empty() }).await;
    let rung = bell.rung();
    assert!(rung[0].text.contains("restart it") && !rung[0].text.contains("by itself"), "{rung:?}");
}

/// A witness at the other end of no network, which can be cut.
struct Wire {
    witness: audit::Witness,
    cut: AtomicBool,
}

impl Link for Wire {
    fn post(&self, request: String) -> Answering<'_> {
        Box::pin(async move {
            if self.cut.load(Ordering::SeqCst) {
                return Err("the line is cut".to_owned());
            }
            let (status, (media_type, body)) = match self.witness.add_checkpoint(request.as_bytes(), 1_790_000_000) {
                Ok(cosignature) => (200, ("text/plain", cosignature.to_string())),
                Err(refusal) => (refusal.status(), refusal.body()),
            };
            Ok(Answer { status, media_type: media_type.to_owned(), body: body.into_bytes() })
        })
    }
}

/// Never answers.
struct Void;

impl Link for Void {
    fn post(&self, _: String) -> Answering<'_> {
        Box::pin(std::future::pending())
    }
}

fn wire(records: &Path, name: &str, seed: u8, log: audit::VerifierKey) -> Arc<Wire> {
    audit::Witness::create(&dir(records)).unwrap();
    let cosigner = audit::Cosigner::from_seed(name, [seed; 32]).unwrap();
    let witness = audit::Witness::open(dir(records), cosigner, vec![log]).unwrap();
    Arc::new(Wire { witness, cut: AtomicBool::new(false) })
}

fn seek(casework: &mut Casework, folder: &Path, required: usize, links: Vec<(audit::WitnessKey, Arc<dyn Link>)>) {
    let keys = links.iter().map(|(key, _)| key.clone()).collect();
    let quorum = audit::Quorum::new(keys, required).unwrap();
    let log = casework.chamber("north").unwrap().log().clone();
    let witnessed = audit::Witnessed::open(dir(folder), &log, quorum).unwrap();
    let members = links.into_iter().map(|(key, link)| Member::new(key, link)).collect();
    casework.seek_witnesses("north", witnessed, members).unwrap();
}

/// Whether the published checkpoint covers every entry there is now.
fn is_published(casework: &Casework) -> bool {
    let chamber = casework.chamber("north").unwrap();
    let size = |text: &str| text.lines().nth(1).unwrap().parse::<u64>().unwrap();
    chamber.published_checkpoint().is_some_and(|text| size(&text) == chamber.log().size())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_is_published_with_its_quorum_and_a_dead_witness_holds_nobody_up() {
    let (folder, records) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let signer = Moody::new();
    let mut casework = casework(folder.path(), signer.clone()).await;
    let wire = wire(records.path(), "w1", 1, signer.key());
    let dead = audit::Cosigner::from_seed("w2", [2; 32]).unwrap().key().clone();
    let (void, line): (Arc<dyn Link>, Arc<dyn Link>) = (Arc::new(Void), wire.clone());
    let links = vec![(dead, void), (wire.witness.key().clone(), line)];
    wire.cut.store(true, Ordering::SeqCst);
    seek(&mut casework, folder.path(), 1, links);
    step(&casework).await.unwrap();
    assert_eq!(casework.chamber("north").unwrap().published_checkpoint(), None, "nobody has cosigned yet");

    wire.cut.store(false, Ordering::SeqCst);
    until("a checkpoint is published", || async { is_published(&casework) }).await;
    let published = casework.chamber("north").unwrap().published_checkpoint().unwrap();
    let quorum = audit::Quorum::new(vec![wire.witness.key().clone()], 1).unwrap();
    assert!(quorum.is_met(&published), "{published}");

    wire.cut.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        step(&casework).await.unwrap();
    }
    assert!(!is_published(&casework), "what nobody cosigned is not published");
    wire.cut.store(false, Ordering::SeqCst);
    until("the witness is asked again", || async { is_published(&casework) }).await;
    casework.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_saw_another_history_is_an_alarm_an_impediment_and_an_entry() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let records = tempfile::tempdir().unwrap();
    let (signer, bell) = (Moody::new(), Arc::new(Bell::default()));
    let wire = wire(records.path(), "w1", 1, signer.key());
    // The same key, another history, and the witness has seen that one.
    let forked = audit::Log::open(dir(other.path()), ORIGIN, signer.clone()).unwrap().log;
    forked.append(b"another history".to_vec()).await.unwrap();
    let request = audit::Petition::new(&forked, 0).unwrap().request(&forked).unwrap();
    wire.witness.add_checkpoint(request.as_bytes(), 1).unwrap();

    let mut casework = casework(folder.path(), signer.clone()).await;
    casework.guard(bell.clone());
    step(&casework).await.unwrap();
    let line: Arc<dyn Link> = wire.clone();
    seek(&mut casework, folder.path(), 1, vec![(wire.witness.key().clone(), line)]);
    until("somebody is told", || async { !bell.rung().is_empty() }).await;
    let told = impediments(&casework).await;
    let disputed = told.iter().find(|(_, text)| text.contains("`w1` disputes the log")).unwrap();
    assert!(disputed.0, "the jurisdiction goes on");
    let chamber = casework.chamber("north").unwrap();
    until("it is on record", || async { chamber.log().size() >= 3 }).await;
    step(&casework).await.unwrap();
    assert_eq!(chamber.published_checkpoint(), None);
    assert!(std::fs::read_dir(records.path().join("forks")).unwrap().count() > 0, "the witness keeps the evidence");
    casework.close().await.unwrap();
    assert_eq!(bell.rung().len(), 1);
}
