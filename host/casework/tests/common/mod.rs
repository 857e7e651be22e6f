//! What the tests of a request's life share: a jurisdiction at work on the shipped policy, with an embedded database, a clock
//! that stands where it is set, a draughtsman who writes down what he is given, and an outbox that can be out of order.

pub mod came;
pub mod record;
pub mod walk;

use casework::chamber::{Loading, Registered};
use casework::derivation::Findings;
use casework::disposition::Examination;
use casework::dissemination::{HandOver, HandedOver};
use casework::enroll::{Batch, NewRecord};
use casework::intake::{Intake, Submission};
use casework::notices::{Delivering, Delivery, Notice, Outbox};
use casework::paper::{Draughting, Drawn, Paper};
use casework::release::{Form, Outgoing, ReleaseDone};
use casework::report::{SetOut, Sheet};
use casework::search_step::Plan;
use casework::sign_off::SignOff;
use casework::viewing::Seen;
use casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState, Taken};
use magistrate_casework as casework;
use model::account::{Account, Disposed};
use model::facts::{CaseStatus, Conclusion, Device, Dissemination, Identifier, Likeness, Media};
use model::registry::{Principal, Registry};
use model::rulings::Outcome;
use model::terms::{Instant, Value};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use store::test_support::{RowAtRest, at_rest};

pub const JURISDICTION: &str = "detroit";
pub const GALLERY: &str = "snap";
pub const MODEL: &str = "demo-512";
pub const RECORDS: usize = 12;

/// The two examiners, their supervisor, and who asked.
pub const FIRST: &str = "m.whitfield";
pub const SECOND: &str = "j.kowalski";
pub const SUPERVISOR: &str = "s.baptiste";
pub const ASKER: &str = "h.dawson";

pub struct Court {
    pub casework: Casework,
    pub clock: Arc<AtomicU64>,
    pub outbox: Arc<Letterbox>,
    pub drawn: Arc<Desk>,
    /// What the casework keeps its rows in.
    pub store: store::Store,
    folder: tempfile::TempDir,
}

/// Writes every paper and every report down, and draws it as text. Sets no report out while it is told not to.
#[derive(Default)]
pub struct Desk(pub Mutex<Vec<Paper>>, pub Mutex<Vec<Sheet>>, pub AtomicBool);

impl Draughting for Desk {
    fn draw_up(&self, paper: &Paper) -> Result<Drawn, String> {
        self.0.lock().unwrap().push(paper.clone());
        let text = paper.statements.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n");
        let records: Vec<_> = paper.candidates.iter().map(|c| c.record_id.as_str()).collect();
        let html = format!("{} {} {text}", paper.title, records.join(" "));
        Ok(Drawn { pdf: format!("%PDF {html}").into_bytes(), html: html.into_bytes() })
    }

    fn set_out(&self, sheet: &Sheet) -> Result<SetOut, String> {
        if self.2.load(Ordering::Acquire) {
            return Err("the desk is broken".to_owned());
        }
        self.1.lock().unwrap().push(sheet.clone());
        let form = |form: &str| format!("{form} {} {} {}", sheet.title, sheet.first, sheet.last).into_bytes();
        Ok(SetOut { html: form("html"), pdf: form("pdf"), csv: form("csv"), json: form("json") })
    }
}

/// Takes every notice, while it is in order.
#[derive(Default)]
pub struct Letterbox {
    pub broken: AtomicBool,
    pub notices: Mutex<Vec<Notice>>,
}

impl Outbox for Letterbox {
    fn deliver(&self, notice: Notice) -> Delivering<'_> {
        Box::pin(async move {
            if self.broken.load(Ordering::Acquire) {
                return Err("the outbox is out of order".to_owned());
            }
            let message_id = notice.id.clone();
            let recipients = notice.to.clone();
            self.notices.lock().unwrap().push(notice);
            Ok(Delivery { channel: "folder".to_owned(), recipients, unreached: vec![], message_id, at: Instant(0) })
        })
    }
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

/// Says loudly that a test was skipped; an error where nothing may be skipped.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    // Past the test harness, which keeps what `eprintln!` says of a test that passes; and in one piece.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(std::env::var_os("MAGISTRATE_NO_SKIP").is_none(), "skipped where nothing may be: {why}");
}

/// A court that sits, with a gallery; `None` where the policies are not built.
pub async fn court() -> Option<Court> {
    court_with(|_| None).await
}

/// The same with something that reads photographs, and is given the court's clock.
pub async fn court_with(extractor: impl FnOnce(&Arc<AtomicU64>) -> Option<Arc<dyn face::Extractor>>) -> Option<Court> {
    let folder = policies().join(JURISDICTION);
    if !folder.join("detroit_307_5.wasm").is_file() {
        skip("the policies are not built: run `cargo xtask test`");
        return None;
    }
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let clock = Arc::new(AtomicU64::new(at.0));
    let home = tempfile::tempdir().unwrap();
    let (outbox, drawn) = (Arc::default(), Arc::default());
    let extractor = extractor(&clock);
    let (casework, store) = open(home.path(), &clock, &outbox, &drawn, extractor, |_| {}).await;
    let court = Court { casework, clock, outbox, drawn, store, folder: home };
    court.enroll().await;
    Some(court)
}

/// Waits for something that others do in their own time.
pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let started = std::time::Instant::now();
    while !condition().await {
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A policy that permits everything, unless a setting says otherwise; `None` where it is not built, which is said.
pub fn permissive() -> Option<Vec<u8>> {
    let target = std::env::current_exe().ok()?.ancestors().nth(3)?.to_owned();
    let bytes = std::fs::read(target.join("wasm32-wasip2/policy/hostile.wasm")).ok();
    if bytes.is_none() {
        skip("hostile.wasm is not built: run `cargo xtask test`");
    }
    bytes
}

/// The sandbox of all policies here. They are compiled once: they stay in use.
pub fn engine() -> &'static policy::Engine {
    static SHARED: OnceLock<(policy::Engine, Vec<policy::Policy>)> = OnceLock::new();
    let (engine, _) = SHARED.get_or_init(|| {
        let engine = policy::Engine::new().unwrap();
        let shipped = ["detroit", "st-louis"].map(|jurisdiction| policy::Folder::read(&policies().join(jurisdiction)));
        let shipped = shipped.into_iter().flatten().filter_map(|folder| folder.load_unpinned(&engine).ok());
        let permissive = permissive().and_then(|bytes| policy::Policy::load(&engine, &bytes, &[]).ok());
        let kept = shipped.chain(permissive).collect();
        (engine, kept)
    });
    engine
}

async fn open(
    home: &Path,
    clock: &Arc<AtomicU64>,
    outbox: &Arc<Letterbox>,
    drawn: &Arc<Desk>,
    extractor: Option<Arc<dyn face::Extractor>>,
    change: impl FnOnce(&mut Registry),
) -> (Casework, store::Store) {
    let folder = policies().join(JURISDICTION);
    let policy = policy::Folder::read(&folder).unwrap().load_unpinned(engine()).unwrap();
    let mut registry: Registry =
        toml::from_str(&std::fs::read_to_string(folder.join("registry.toml")).unwrap()).unwrap();
    change(&mut registry);
    let log = log(home);
    let opening =
        Opening { id: JURISDICTION.to_owned(), policy: PolicyState::Ready(policy), registry, log, galleries: None };
    let (store, clock, progress) = (database(home).await, Clock::set(clock.clone()), |_: Loading<'_>| {});
    let casework = Casework::open(vec![opening], store.clone(), clock, extractor, &progress).await.unwrap();
    (casework.with_draughting(drawn.clone()).with_outbox(outbox.clone()), store)
}

/// What is kept of every jurisdiction is what its log says, derived again. To be called when nothing is under way.
pub async fn agree(casework: &Casework) -> BTreeMap<String, Findings> {
    let all = casework.derive_again().await.unwrap();
    for (jurisdiction, found) in &all {
        let Findings { differences, missing, .. } = found;
        assert!(differences.is_empty(), "{jurisdiction}: {}", serde_json::to_string_pretty(differences).unwrap());
        assert!(missing.is_empty(), "{jurisdiction}: {missing:?}");
    }
    all
}

/// The log of a court that is closed.
pub fn log(home: &Path) -> audit::Prepared {
    let origin = format!("test/{JURISDICTION}");
    let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
    let logs = home.join("log");
    std::fs::create_dir_all(&logs).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
    audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap()
}

/// What a court's rows are kept in.
pub async fn database(home: &Path) -> store::Store {
    let url = format!("surrealkv://{}", home.join("store").display());
    store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap()
}

/// A template that is like no other of a small number.
pub fn template(seed: usize) -> Vec<f32> {
    (0..512).map(|i| ((i * 31 + seed * 977 + i * seed * 7) % 101) as f32 / 50.0 - 1.0).collect()
}

pub fn record(seed: usize) -> String {
    format!("r{seed:04}")
}

pub fn answers<const N: usize>(given: [(&str, Value); N]) -> BTreeMap<String, Value> {
    given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A request that the policy permits.
pub fn intake(seed: usize) -> Intake {
    Intake {
        gallery: GALLERY.to_owned(),
        requester: Some(ASKER.to_owned()),
        channel: "api".to_owned(),
        automated: false,
        batch_size: 1,
        purpose: "criminal-investigation".to_owned(),
        reason: "identify the man who robbed the clerk at gunpoint, shown by the shop's camera".to_owned(),
        identifiers: vec![Identifier { kind: "incident-number".to_owned(), value: format!("26-0310-{seed}") }],
        case_status: CaseStatus::Active,
        probe: submission(seed),
        answers: answers([
            ("crime", text("robbery")),
            ("attempted", Value::Flag(false)),
            ("suspicion", text("the camera shows this man draw a pistol and take the till")),
            ("suspicion-attested", Value::Flag(true)),
            ("subject-role", text("suspect")),
            ("evidence-number", text("E-26-04411")),
            ("surveillance", Value::Flag(false)),
            ("extracted-from-video", Value::Flag(false)),
            ("predictive-analysis", Value::Flag(false)),
            ("protected-sole", Value::Flag(false)),
            ("immigration-status", Value::Flag(false)),
            ("probe-suitable", Value::Flag(true)),
        ]),
    }
}

pub fn signing(role: &str, conclusion: Conclusion) -> SignOff {
    SignOff { role: role.to_owned(), conclusion, reason: String::new(), answers: BTreeMap::new() }
}

pub fn said(record: &str, likeness: Likeness) -> Disposed {
    Disposed { record_id: record.to_owned(), likeness, reason: "the ears and the nose bridge, compared".to_owned() }
}

pub fn outgoing(candidates: &[String]) -> Outgoing {
    Outgoing {
        candidates: candidates.to_vec(),
        reasoning: "two examiners compared the ears and the nose bridge".to_owned(),
        ..Outgoing::default()
    }
}

/// What was out of place, if a step was.
pub fn misstep<T>(taken: Result<T, CaseError>) -> Misstep {
    match taken {
        Ok(_) => panic!("the step was taken"),
        Err(CaseError::OutOfPlace(misstep, receipt)) => {
            assert!(receipt.is_some(), "it is on record, and nobody is told where: {misstep}");
            misstep
        }
        Err(e) => panic!("not a misstep: {e:?}"),
    }
}

/// The clauses that a refusal of the host names.
pub fn demanding(misstep: &Misstep) -> Vec<&str> {
    misstep.demanded().iter().map(|demanded| &*demanded.clause).collect()
}

/// The clauses against a step, if policies refused it.
pub fn against<T>(taken: Result<T, CaseError>) -> Vec<String> {
    let Err(CaseError::Refused { rulings, .. }) = taken else { panic!("it was not refused by policy") };
    let findings = rulings.rulings.iter().flat_map(|r| &r.decision.findings);
    let against = findings.filter(|f| matches!(f.outcome, Outcome::Violated | Outcome::Missing));
    against.map(|f| f.clause.to_string()).collect()
}

/// That policies refused a step, and this clause is against it.
pub fn refused<T>(taken: Result<T, CaseError>, clause: &str) {
    let against = against(taken);
    assert!(against.iter().any(|c| c == clause), "{clause}: refused by {against:?}");
}

/// That a step or a look was rejected, for this reason.
pub fn rejected<T>(taken: Result<T, CaseError>, because: &str) {
    match taken {
        Err(CaseError::Rejected(reason)) => assert!(reason.contains(because), "{reason}"),
        Err(e) => panic!("not rejected: {e:?}"),
        Ok(_) => panic!("it was not rejected"),
    }
}

/// Somebody of a jurisdiction, at their own desk.
pub async fn registered(host: &Casework, jurisdiction: &str, person: &str) -> Result<Registered, CaseError> {
    let (jurisdiction, person) = (jurisdiction.to_owned(), person.to_owned());
    host.registered(&Principal { jurisdiction, person, device: Device::Fixed }).await
}

/// Every row of a jurisdiction, but what the log itself adds: accounts, which entries are of which request, and how far the log
/// is. What was just recorded may be on its way there still: view something first.
pub async fn rows_but_the_logs(rows: &store::Jurisdiction) -> Vec<RowAtRest> {
    let mut rows = at_rest(rows, &["account", "request_entry"]).await.unwrap();
    rows.retain(|row| !(row.table == "standing" && row.key.contains("log-watermark")));
    rows
}

impl Court {
    pub async fn who(&self, person: &str) -> Registered {
        registered(&self.casework, JURISDICTION, person).await.unwrap()
    }

    async fn enroll(&self) {
        let registrar = self.who("r.tanaka").await;
        self.casework.enroll(&registrar, JURISDICTION, GALLERY, batch(0..RECORDS)).await.unwrap();
    }

    /// Closes the court and opens it again with another registry.
    pub async fn reopen(self, change: impl FnOnce(&mut Registry)) -> Self {
        let Self { casework, clock, outbox, drawn, store, folder } = self;
        drop(store);
        casework.close().await.unwrap();
        let (casework, store) = open(folder.path(), &clock, &outbox, &drawn, None, change).await;
        Self { casework, clock, outbox, drawn, store, folder }
    }

    /// Closes the court, does something with its rows, and opens it again.
    pub async fn reopen_on(self, work: impl AsyncFnOnce(&store::Jurisdiction)) -> Self {
        let Self { casework, clock, outbox, drawn, store, folder } = self;
        drop(store);
        casework.close().await.unwrap();
        let between = database(folder.path()).await;
        let rows = between.jurisdiction(JURISDICTION).await.unwrap();
        work(&rows).await;
        drop(rows);
        between.close().await;
        let (casework, store) = open(folder.path(), &clock, &outbox, &drawn, None, |_| {}).await;
        Self { casework, clock, outbox, drawn, store, folder }
    }

    /// Closes the court, has something done to its folder, and opens it again.
    pub async fn reopen_after(self, meanwhile: impl AsyncFnOnce(&Path)) -> Self {
        let Self { casework, clock, outbox, drawn, store, folder } = self;
        drop(store);
        casework.close().await.unwrap();
        meanwhile(folder.path()).await;
        let (casework, store) = open(folder.path(), &clock, &outbox, &drawn, None, |_| {}).await;
        Self { casework, clock, outbox, drawn, store, folder }
    }

    /// Opens a request and searches; gives its id and the records of its list.
    pub async fn searched(&self, seed: usize, candidates: u32) -> (String, Vec<String>) {
        let plan = Plan { candidates: Some(candidates), ..Plan::default() };
        let actor = self.who(FIRST).await;
        let (opened, searched) = self.casework.search_now(&actor, JURISDICTION, intake(seed), plan).await.unwrap();
        let records = searched.candidates.into_iter().map(|c| c.record_id).collect();
        (opened.request.request.id, records)
    }

    pub async fn look(&self, who: &str, request: &str) -> Result<Vec<String>, CaseError> {
        let looked = self.casework.look(&self.who(who).await, JURISDICTION, request, BTreeMap::new()).await?;
        Ok(looked.candidates.into_iter().map(|c| c.record_id).collect())
    }

    pub async fn dispose(&self, who: &str, request: &str, said: Vec<Disposed>) -> Result<Taken, CaseError> {
        let examination = Examination { dispositions: said, ..Examination::default() };
        self.casework.dispose(&self.who(who).await, JURISDICTION, request, examination).await
    }

    pub async fn sign(&self, who: &str, request: &str, sign_off: SignOff) -> Result<Taken, CaseError> {
        self.casework.sign(&self.who(who).await, JURISDICTION, request, sign_off).await
    }

    pub async fn release(&self, who: &str, request: &str, out: Outgoing) -> Result<ReleaseDone, CaseError> {
        self.casework.release(&self.who(who).await, JURISDICTION, request, out).await
    }

    pub async fn hand_over(&self, who: &str, request: &str) -> Result<HandedOver, CaseError> {
        let hand_over = HandOver {
            to: Dissemination {
                channel: "secured-email".to_owned(),
                recipient: ASKER.to_owned(),
                recipient_agency: "dpd".to_owned(),
                purpose: "criminal-investigation".to_owned(),
                designee: false,
                candidates: vec![],
            },
            document: None,
            form: Form::Pdf,
            answers: answers([("recipient-address", text("dawsonh@detroitmi.gov"))]),
        };
        self.casework.disseminate(&self.who(who).await, JURISDICTION, request, hand_over).await
    }

    pub async fn outcome(&self, who: &str, request: &str) -> Result<Taken, CaseError> {
        let answers = answers([("case-assisted", Value::Flag(true)), ("positive-identification", Value::Flag(false))]);
        self.casework.report_outcome(&self.who(who).await, JURISDICTION, request, answers).await
    }

    /// The rows of the jurisdiction, as [`rows_but_the_logs`] gives them.
    pub async fn rows_but_the_logs(&self) -> Vec<RowAtRest> {
        rows_but_the_logs(&self.store.jurisdiction(JURISDICTION).await.unwrap()).await
    }

    pub async fn seen(&self, request: &str) -> Seen {
        self.casework.view(&self.who(FIRST).await, JURISDICTION, request).await.unwrap()
    }

    /// A list whose first candidate is possible and whose others are not.
    pub async fn disposed(&self, seed: usize) -> (String, Vec<String>) {
        let (request, records) = self.searched(seed, 3).await;
        let all = records
            .iter()
            .enumerate()
            .map(|(i, record)| said(record, if i == 0 { Likeness::Possible } else { Likeness::Excluded }));
        self.dispose(FIRST, &request, all.collect()).await.unwrap();
        (request, records)
    }

    /// The same, signed as a lead by all who have to.
    pub async fn signed(&self, seed: usize) -> (String, Vec<String>) {
        let (request, records) = self.disposed(seed).await;
        self.look(SECOND, &request).await.unwrap();
        for examiner in [FIRST, SECOND] {
            self.sign(examiner, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
        }
        self.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
        (request, records)
    }

    /// How often an event of this name is on record for a request.
    pub async fn on_record(&self, request: &str, what: &str) -> usize {
        self.recorded(what, |account| account.request.as_deref() == Some(request)).await
    }

    /// How often an event of this name is on record.
    pub async fn ever_on_record(&self, what: &str) -> usize {
        self.recorded(what, |_| true).await
    }

    async fn recorded(&self, what: &str, which: impl Fn(&Account) -> bool) -> usize {
        let auditor = self.who("a.feld").await;
        let size = self.casework.chamber(JURISDICTION).unwrap().log().size();
        let (mut first, mut found) = (0, 0);
        while first < size {
            let entries = self.casework.inspect(&auditor, JURISDICTION, first, 1000).await.unwrap();
            let accounts = entries.into_iter().filter_map(|e| e.account);
            found += accounts
                .filter(|a| which(a))
                .filter(|a| serde_json::to_value(&a.event).unwrap()["what"] == what)
                .count();
            first += 1000;
        }
        found
    }
}

/// Records with the templates of these seeds.
pub fn batch(seeds: std::ops::Range<usize>) -> Batch {
    let record = |seed: usize| NewRecord {
        id: record(seed),
        image: None,
        template: Some(template(seed)),
        status: None,
        booking: [("name".to_owned(), format!("Person {seed}"))].into(),
    };
    Batch {
        model: Some(MODEL.to_owned()),
        origin: None,
        answers: answers([("image-kind", text("booking-photograph")), ("contributing-agency", text("dpd"))]),
        records: seeds.map(record).collect(),
    }
}

/// A probe with the template of this seed.
pub fn submission(seed: usize) -> Submission {
    Submission {
        image: None,
        template: Some(template(seed)),
        model: Some(MODEL.to_owned()),
        media: Media::Still,
        frame: None,
        source: "cctv".to_owned(),
        face: None,
        edits: vec![],
        quality: None,
    }
}
