//! Requests for another jurisdiction's gallery: what the decisions of either demand of the record and of their logs, and who
//! ends it. Detroit asks the State Police, whose policy here permits whatever is asked.

use crate::common::{
    ASKER, FIRST, JURISDICTION as HOME, SUPERVISOR, answers, batch, engine, intake, misstep, permissive, registered,
    rejected, signing, text,
};
use casework::chamber::{Loading, Registered};
use casework::intake::Intake;
use casework::obligations::{Owed, Standing};
use casework::retention::{AUDIT_ENTRY, Asking, Change, Done};
use casework::search_step::Plan;
use casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use magistrate_casework as casework;
use model::account::{Event, Retained};
use model::facts::Conclusion;
use model::registry::Registry;
use model::rulings::{Duty, PurgeRule, RetentionRule};
use model::terms::{Instant, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who keeps what is asked for, and who works there.
const KEEPER: &str = "michigan-state-police";
const GALLERY: &str = "state";
const ANALYST: &str = "s.moss";

const REGISTRY: &str = r#"
[[agencies]]
id = "msp"
name = "Michigan State Police"
kind = "law-enforcement"
participant = true

[[people]]
id = "s.moss"
name = "Sam Moss"
agency = "msp"
unit = "biometrics"
rank = "analyst"
roles = ["registrar"]
multi_factor = true

[[galleries]]
id = "state"
class = "licence"
model = "demo-512"
dim = 512
"#;

/// Who may purge the audit trail of the requester's home, and who may read it.
const OFFICER: &str = "l.ortega";
const AUDITOR: &str = "a.feld";

/// Two whole bundles of a log, and a few entries more.
const OLD: u64 = 520;

const DAY_MS: u64 = 24 * 3_600_000;

/// Both jurisdictions at work at one host.
struct Pair {
    casework: Casework,
    clock: Arc<AtomicU64>,
    home: tempfile::TempDir,
}

/// Where the policy of the requester's home is.
pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(HOME)
}

/// `None` where the policies are not built.
async fn pair() -> Option<Pair> {
    if !source().join("detroit_307_5.wasm").is_file() || permissive().is_none() {
        crate::common::skip("the policies are not built");
        return None;
    }
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let (clock, home) = (Arc::new(AtomicU64::new(at.0)), tempfile::tempdir().unwrap());
    let casework = open(home.path(), &clock).await;
    let pair = Pair { casework, clock, home };
    let registrar = pair.who(KEEPER, ANALYST).await;
    pair.casework.enroll(&registrar, KEEPER, GALLERY, batch(0..8)).await.unwrap();
    Some(pair)
}

/// A jurisdiction with a log under this folder.
pub fn opening(home: &Path, id: &str, policy: policy::Policy, registry: &str) -> Opening {
    let registry: Registry = toml::from_str(registry).unwrap();
    let origin = format!("test/{id}");
    let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
    let logs = home.join("log").join(id);
    std::fs::create_dir_all(&logs).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
    let log = audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap();
    Opening { id: id.to_owned(), policy: PolicyState::Ready(policy), registry, log, galleries: None }
}

async fn database(home: &Path) -> store::Store {
    let url = format!("surrealkv://{}", home.join("store").display());
    store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap()
}

async fn open(home: &Path, clock: &Arc<AtomicU64>) -> Casework {
    let directive = policy::Folder::read(&source()).unwrap().load_unpinned(engine()).unwrap();
    let permissive = policy::Policy::load(engine(), &permissive().unwrap(), &[]).unwrap();
    let people = std::fs::read_to_string(source().join("registry.toml")).unwrap();
    let openings = vec![opening(home, HOME, directive, &people), opening(home, KEEPER, permissive, REGISTRY)];
    let (store, clock, progress) = (database(home).await, Clock::set(clock.clone()), |_: Loading<'_>| {});
    Casework::open(openings, store, clock, None, &progress).await.unwrap()
}

fn probe(request: &str) -> Retained {
    Retained { subject: "probe".to_owned(), gallery: None, record: request.to_owned() }
}

fn entries(range: &str) -> Retained {
    Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: range.to_owned() }
}

fn rule(subject: &str, at_least_days: u32) -> RetentionRule {
    RetentionRule { subject: subject.to_owned(), at_least_days }
}

/// What a decision on a request leaves that imposes this.
fn imposed(id: &str, jurisdiction: &str, duty: Duty, request: &str, since: Instant) -> store::Kept {
    let due = match &duty {
        Duty::Retain(rule) => Some(since.plus_ms(u64::from(rule.at_least_days) * DAY_MS)),
        Duty::Purge(rule) => Some(rule.by),
        _ => None,
    };
    let request = Some(request.to_owned());
    let owed = Owed {
        id: id.to_owned(),
        jurisdiction: jurisdiction.to_owned(),
        clause: "9".into(),
        duty,
        request: request.clone(),
        about: None,
        owner: "host".to_owned(),
        since,
        due,
        standing: Standing::Open,
        tries: 0,
        reach: Default::default(),
        wake: due,
    };
    let body = serde_json::to_vec(&owed).unwrap();
    let row = store::ObligationRow { request: request.clone(), id: owed.id, open: true, wake: due, body };
    store::Kept::Imposed(store::Imposition { decision: id.to_owned(), request, rows: vec![row] })
}

impl Pair {
    async fn who(&self, jurisdiction: &str, person: &str) -> Registered {
        registered(&self.casework, jurisdiction, person).await.unwrap()
    }

    fn now(&self) -> Instant {
        Instant(self.clock.load(Ordering::Acquire))
    }

    fn pass_days(&self, days: u64) {
        self.clock.fetch_add(days * DAY_MS, Ordering::AcqRel);
    }

    fn log(&self, jurisdiction: &str) -> audit::Log {
        self.casework.chamber(jurisdiction).unwrap().log().clone()
    }

    /// Puts a row among what the keeper has, between a stop and a start.
    async fn reopen_with(self, kept: store::Kept) -> Self {
        let Self { casework, clock, home } = self;
        casework.close().await.unwrap();
        let store = database(home.path()).await;
        let rows = store.jurisdiction(KEEPER).await.unwrap();
        rows.keep(&[kept]).await.unwrap();
        drop(rows);
        store.close().await;
        let casework = open(home.path(), &clock).await;
        Self { casework, clock, home }
    }

    /// A request for the keeper's gallery, approved at home and searched by the keeper.
    async fn searched<const N: usize>(&self, seed: usize, more: [(&str, Value); N]) -> String {
        let mut intake = Intake { gallery: GALLERY.to_owned(), ..intake(seed) };
        let formal = [("lead-reference", text("26-0310 SNAP")), ("msp-formal-request", text("MSP-2026-118"))];
        intake.answers.extend(answers(formal));
        intake.answers.extend(answers(more));
        let examiner = self.who(HOME, FIRST).await;
        let opened = self.casework.open_request(&examiner, KEEPER, intake).await.unwrap().request;
        let request = opened.request.id.clone();
        let (supervisor, approval) =
            (self.who(HOME, SUPERVISOR).await, signing("ciu-supervisor", Conclusion::Approved));
        self.casework.sign(&supervisor, KEEPER, &request, approval).await.unwrap();
        let plan = Plan { candidates: Some(3), ..Plan::default() };
        self.casework.search(&self.who(KEEPER, ANALYST).await, &opened, plan).await.unwrap();
        request
    }

    /// A step on how long something stays that this jurisdiction keeps, by somebody of this one.
    async fn step<const N: usize>(
        &self,
        at: &str,
        (home, person): (&str, &str),
        change: Change,
        record: Retained,
        given: [(&str, Value); N],
    ) -> Result<Done, CaseError> {
        let asking = Asking { change, record, day: None, answers: answers(given) };
        self.casework.retention(&self.who(home, person).await, at, asking).await
    }

    /// The keeper's analyst does this to the probe of a request.
    async fn keeps(&self, change: Change, request: &str) -> Result<Done, CaseError> {
        self.step(KEEPER, (KEEPER, ANALYST), change, probe(request), []).await
    }

    /// Whose open holds are on record with the keeper.
    async fn holders(&self) -> Vec<String> {
        let owed = self.casework.obligations(KEEPER).await.unwrap();
        owed.into_iter().filter(|o| matches!(o.duty, Duty::Hold(_))).map(|o| o.jurisdiction).collect()
    }

    async fn has_template(&self, request: &str) -> bool {
        self.casework.request(KEEPER, request).await.unwrap().template.is_some()
    }

    async fn prune(&self, last: u64) -> Result<Done, CaseError> {
        self.step(HOME, (HOME, OFFICER), Change::Prune, entries(&format!("0-{last}")), []).await
    }
}

fn because() -> (&'static str, Value) {
    ("retention-reason", text("the appeal is decided"))
}

#[tokio::test(flavor = "multi_thread")]
async fn why_an_agency_is_suspended_at_home_is_told_to_its_people_and_to_the_log_there_alone() {
    const SUSPENDED: &str = "o.mercer";
    let Some(pair) = pair().await else { return };
    let before = [HOME, KEEPER].map(|log| pair.log(log).size());
    let asker = pair.who(HOME, SUSPENDED).await;
    let look = pair.casework.record_look(&asker, KEEPER, "GET obligations", BTreeMap::new()).await;
    rejected(look, "the agency `oakland-so` is suspended since");
    let mut reasons = Vec::new();
    for ((log, reader), first) in [(HOME, AUDITOR), (KEEPER, ANALYST)].into_iter().zip(before) {
        let seen = pair.casework.inspect(&pair.who(log, reader).await, log, first, 100).await.unwrap();
        let accounts = seen.into_iter().filter_map(|entry| entry.account);
        let refused =
            accounts.filter_map(|a| if let Event::Rejected { reason, .. } = a.event { Some(reason) } else { None });
        reasons.push(refused.collect::<Vec<_>>());
    }
    let [at_home, elsewhere] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(at_home.len() == 1 && at_home[0].contains("as the registry file says"), "{at_home:?}");
    let told = format!("`{SUSPENDED}` is nobody of `{HOME}` who may act now: ask that jurisdiction");
    assert_eq!(*elsewhere, [told]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_jurisdiction_holds_of_a_request_the_other_does_not_lift() {
    let Some(pair) = pair().await else { return };
    let request = pair.searched(3, [("evidentiary-value", Value::Flag(true))]).await;
    assert_eq!(pair.holders().await, [HOME], "its policy holds the probe as evidence");
    pair.keeps(Change::Hold, &request).await.unwrap();
    let lifted = pair.keeps(Change::Lift, &request).await.unwrap();
    assert!(!lifted.pending && lifted.docket.held.is_none(), "the keeper's own");
    assert_eq!(pair.holders().await, [HOME], "and no other");
    let held = misstep(pair.keeps(Change::Purge, &request).await);
    assert!(matches!(held, Misstep::Held { .. }), "{held}");

    // Whose hold it is decides, by its own policy: who may, and on what.
    let lift = async |person: &str, given: [(&str, Value); 1]| {
        pair.step(KEEPER, (HOME, person), Change::Lift, probe(&request), given).await
    };
    for (person, given) in [(ASKER, because()), (SUPERVISOR, ("retention-reason", text("none")))] {
        let Err(CaseError::Refused { rulings, .. }) = lift(person, [given]).await else { panic!("{person} lifted it") };
        let judged: Vec<_> = rulings.rulings.iter().map(|r| r.jurisdiction.as_str()).collect();
        assert_eq!(judged, [HOME], "{person}");
    }
    assert_eq!(pair.holders().await, [HOME]);
    pair.keeps(Change::Hold, &request).await.unwrap();
    let before = [HOME, KEEPER].map(|log| pair.log(log).size());
    let lifted = lift(SUPERVISOR, [because()]).await.unwrap();
    assert_eq!([HOME, KEEPER].map(|log| pair.log(log).size()), before.map(|size| size + 2), "on record with both");
    assert!(!lifted.pending && lifted.docket.held.is_none(), "what the keeper said is not told to them");
    let kept = pair.casework.dockets(KEEPER).await.unwrap();
    let held = kept.iter().any(|l| l.docket.record == probe(&request) && l.docket.held.is_some());
    assert!(held, "the keeper's hold is not theirs to lift");
    let judged: Vec<_> = lifted.taken.rulings.rulings.iter().map(|r| r.jurisdiction.as_str()).collect();
    assert_eq!(judged, [HOME]);
    assert!(pair.holders().await.is_empty());
    let seen = pair.casework.view(&pair.who(HOME, FIRST).await, KEEPER, &request).await.unwrap();
    assert_eq!(seen.held.len(), 1, "of the keeper's");
    // Nothing holds it but the keeper, whose policy permits whatever is asked.
    assert_eq!(pair.keeps(Change::Purge, &request).await.unwrap().destroyed.len(), 1);
    assert!(!pair.has_template(&request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_jurisdiction_wants_destroyed_stays_as_long_as_the_keeper_demands() {
    let Some(pair) = pair().await else { return };
    let request = pair.searched(4, []).await;
    let kept = imposed("0123456789abcdef", KEEPER, Duty::Retain(rule("probe", 1000)), &request, pair.now());
    let pair = pair.reopen_with(kept).await;
    pair.pass_days(366);
    let owed = pair.casework.obligations(KEEPER).await.unwrap();
    let due = |o: &&Owed| matches!(&o.duty, Duty::Purge(rule) if rule.by <= pair.now());
    let whose: Vec<_> = owed.iter().filter(due).map(|o| o.jurisdiction.as_str()).collect();
    assert_eq!(whose, [HOME], "the requester's policy wants it gone by now");
    let early = misstep(pair.keeps(Change::Purge, &request).await);
    assert!(matches!(early, Misstep::KeptUntil { .. }), "{early}");
    assert!(early.to_string().starts_with("michigan-state-police 9 demands"), "{early}");
    pair.casework.pass_deadlines().await;
    assert!(pair.has_template(&request).await);

    // Where its own policy wants it destroyed, and that is due, the keeper's purge prevails.
    let rule = PurgeRule { subject: "probe".to_owned(), by: pair.now() };
    let wanted = imposed("fedcba9876543210", KEEPER, Duty::Purge(rule), &request, pair.now());
    let pair = pair.reopen_with(wanted).await;
    assert_eq!(pair.keeps(Change::Purge, &request).await.unwrap().destroyed.len(), 1);
    assert!(!pair.has_template(&request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_keeps_what_decisions_on_requests_kept_elsewhere_demand_of_it() {
    let Some(pair) = pair().await else { return };
    let request = pair.searched(5, []).await;
    let auditor = pair.who(HOME, AUDITOR).await;
    while pair.log(HOME).size() < OLD {
        pair.casework.inspect(&auditor, HOME, 0, 1).await.unwrap();
    }
    let seen = pair.casework.inspect(&auditor, HOME, 0, 100).await.unwrap();
    let of_it = |s: &&casework::inspection::Seen| {
        let request_of = s.account.as_ref().and_then(|account| account.request.as_deref());
        s.leaf.verdict.is_some() && request_of == Some(request.as_str())
    };
    let decision = seen.iter().find(of_it).unwrap();
    let (entry, since) = (decision.index.to_string(), decision.leaf.at);
    let hold = imposed("0123456789abcdef", HOME, Duty::Hold(rule(AUDIT_ENTRY, 1)), &request, since);
    let pair = pair.reopen_with(hold).await;
    pair.pass_days(2 * 366);

    let is_held =
        async |pair: &Pair| matches!(pair.prune(299).await, Err(CaseError::OutOfPlace(Misstep::Held { .. }, _)));
    let lift = async |pair: &Pair, range: &str| {
        pair.step(HOME, (HOME, OFFICER), Change::Lift, entries(range), [because()]).await.map(drop)
    };
    assert!(is_held(&pair).await, "by a decision that is on record here, and what it imposed with the keeper");
    lift(&pair, "300-310").await.unwrap();
    assert!(is_held(&pair).await, "that is another entry");
    assert_eq!(pair.holders().await, [HOME]);
    lift(&pair, &entry).await.unwrap();
    assert!(pair.holders().await.is_empty());

    // What is to be kept is looked for there, too.
    let keep = imposed("fedcba9876543210", HOME, Duty::Retain(rule(AUDIT_ENTRY, 3650)), &request, since);
    let pair = pair.reopen_with(keep).await;
    assert!(pair.holders().await.is_empty(), "lifted for good");
    let kept = misstep(pair.prune(299).await);
    assert!(matches!(kept, Misstep::KeptUntil { .. }), "{kept}");
    assert!(kept.to_string().starts_with("detroit 9 demands"), "{kept}");
    assert_eq!(pair.log(HOME).minimum_index(), 0);
    // What the keeper demands of entries is of its own log.
    pair.pass_days(3650);
    assert_eq!(pair.prune(299).await.unwrap().minimum_index, Some(256));
}
