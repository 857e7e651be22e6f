//! A host whose clock is set, over HTTP: one that went backwards, and days that pass. What is decided and recorded hangs on
//! the time. No switch of the program moves its clock, so the server runs in this process, behind the same listener.

use crate::common::life::{dispositions, document, signing};
use crate::common::{MODEL, outcome, packed, path, request, searcher, template};
use casework::chamber::Loading;
use casework::paper::{Draughting, Drawn, Paper};
use casework::report::{SetOut, Sheet};
use casework::retention::Means;
use casework::{CaseError, Casework, Clock, Opening, PolicyState};
use client::Client;
use integration_tests::{Deployment, Example};
use model::terms::Instant;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// 10 March 2026, 15:00 UTC, in ms since 1970: both policies are in force, and the sample registries' trainings hold.
const NOW: u64 = 1_773_154_800_000;

const JURISDICTION: &str = "detroit";

fn signer(jurisdiction: &str) -> audit::Ed25519Signer {
    audit::Ed25519Signer::from_seed(&format!("localhost/{jurisdiction}"), [7; 32]).unwrap()
}

/// Casework on the policy, registry and certificates of a deployment, with a clock that can be set.
async fn casework(home: &Path, jurisdiction: &str, clock: Arc<AtomicU64>) -> Result<Casework, CaseError> {
    let folder = home.join("policies").join(jurisdiction);
    let engine = policy::Engine::new().unwrap();
    let policy = policy::Folder::read(&folder).unwrap().load(&engine).unwrap();
    // As shipped, and not as `init` has dated it: this clock is behind that day.
    let registry = integration_tests::root().join("policies").join(jurisdiction).join("registry.toml");
    let registry = std::fs::read_to_string(registry).unwrap();
    let registry: model::registry::Registry = toml::from_str(&registry).unwrap();

    let logs = home.join("data/logs").join(jurisdiction);
    std::fs::create_dir_all(&logs).unwrap();
    let logs = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
    let signer = Arc::new(signer(jurisdiction));
    let log = audit::Log::prepare(logs, &format!("localhost/{jurisdiction}"), signer).unwrap();

    let database = format!("surrealkv://{}", home.join("data/set-clock").display());
    let store = store::Store::open(&database, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let opening =
        Opening { id: jurisdiction.to_owned(), policy: PolicyState::Ready(policy), registry, log, galleries: None };
    let opened = Casework::open(vec![opening], store.clone(), Clock::set(clock), None, &|_: Loading<'_>| ()).await;
    if opened.is_err() {
        // The next start needs it.
        store.close().await;
    }
    opened
}

fn tls(home: &Path) -> server::tls::TlsFiles {
    let certs = home.join("certs");
    server::tls::TlsFiles {
        certificate: certs.join("server.pem"),
        key: certs.join("server-key.pem"),
        authorities: vec![server::authority::ClientAuthority {
            certificates: certs.join("ca.pem"),
            revocations: certs.join("revocations.pem"),
            jurisdictions: None,
        }],
    }
}

/// A deployment of which one jurisdiction is served here.
pub struct House {
    pub deployment: Deployment,
    jurisdiction: &'static str,
    clock: Arc<AtomicU64>,
    running: Option<(watch::Sender<bool>, JoinHandle<Option<Casework>>)>,
    _folder: tempfile::TempDir,
}

impl House {
    /// Initialised, and not served yet; `None` where nothing is built.
    pub fn new(jurisdiction: &'static str, now: u64) -> Option<Self> {
        let program = integration_tests::program()?;
        let folder = tempfile::tempdir().unwrap();
        let deployment = Deployment::copied(&program, &folder.path().join("home")).unwrap();
        let clock = Arc::new(AtomicU64::new(now));
        Some(Self { deployment, jurisdiction, clock, running: None, _folder: folder })
    }

    pub async fn casework(&self) -> Result<Casework, CaseError> {
        casework(&self.deployment.home, self.jurisdiction, self.clock.clone()).await
    }

    /// Serves on loopback. What is due by now is dealt with at once, as at every start.
    pub async fn serve(&mut self, casework: Casework) {
        let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let listening = server::Server::bind(anywhere, tls(&self.deployment.home)).await.unwrap();
        self.deployment.address = listening.address().to_string();
        let (stop, stopped) = watch::channel(false);
        self.running = Some((stop, tokio::spawn(listening.run(casework, stopped))));
    }

    pub async fn stop(&mut self) -> Casework {
        let (stop, server) = self.running.take().unwrap();
        stop.send(true).unwrap();
        server.await.unwrap().expect("all work was done")
    }

    pub fn client(&self, person: &str) -> Client {
        self.deployment.client(&format!("{}/{person}", self.jurisdiction)).unwrap()
    }
}

/// Asks for a request to be opened.
async fn open(client: &mut Client) -> (u16, Value) {
    let asked = request(JURISDICTION, 1);
    let answer = client.post(&format!("/v1/{JURISDICTION}/requests"), &asked).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

pub async fn entries(client: &mut Client) -> u64 {
    let all = client.get("/v1/jurisdictions").await.unwrap().json().unwrap();
    all[0]["log_entries"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_went_backwards_stops_everything_until_it_is_right_again() {
    let Some(mut house) = House::new(JURISDICTION, NOW) else { return };
    let clock = house.clock.clone();
    let opened = house.casework().await.unwrap();
    house.serve(opened).await;
    let mut client = house.deployment.client(&searcher(JURISDICTION)).unwrap();
    let (status, answer) = open(&mut client).await;
    assert_eq!((status, answer["verdict"].as_str()), (200, Some("permit")), "{answer}");

    let before = entries(&mut client).await;
    clock.store(NOW - 10_000, Ordering::Release);
    let says = "the clock went back by 10000 ms";
    let (status, problem) = open(&mut client).await;
    assert_eq!((status, &problem["type"]), (503, &Value::from("urn:magistrate:problem:unavailable")), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(says) && detail.contains("set the host's clock right"), "{problem}");
    // A look at the log would have to be recorded, and so would a search in one step.
    let look = format!("/v1/{JURISDICTION}/audit/entries");
    let looked = house.client("a.feld").get(&look).await.unwrap();
    assert_eq!(looked.status, 503, "{}", String::from_utf8_lossy(&looked.body));
    let body = json!({"request": request(JURISDICTION, 1)});
    assert_eq!(client.post(&path(JURISDICTION), &body).await.unwrap().status, 503);
    let ready = client.get("/readyz").await.unwrap();
    let told = ready.json().unwrap();
    assert_eq!(ready.status, 503, "{told}");
    assert!(told["impediments"].as_array().unwrap().iter().any(|i| i.as_str().unwrap().contains(says)), "{told}");
    assert_eq!(entries(&mut client).await, before, "nothing was decided and nothing recorded");

    // A time service may correct a second; a clock that caught up is right again.
    for right in [NOW - 1_000, NOW + 1] {
        clock.store(right, Ordering::Release);
        let (status, answer) = open(&mut client).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(client.get("/readyz").await.unwrap().status, 200);
    }
    drop(client);
    house.stop().await.close().await.unwrap();

    // The newest entry on record is what the clock may not be behind, whichever process wrote it.
    clock.store(NOW - 3_600_000, Ordering::Release);
    let refused = house.casework().await.err().unwrap().to_string();
    assert!(refused.contains("the clock went back by 3600001 ms"), "{refused}");
    clock.store(NOW + 1, Ordering::Release);
    assert!(house.casework().await.is_ok(), "and with the clock right the log goes on");
}

const HOME: &str = "st-louis";
const ANALYST: &str = "r.abara";
const ADMINISTRATOR: &str = "s.okafor";

pub fn at(text: &str) -> u64 {
    text.parse::<Instant>().unwrap().0
}

/// Draws everything up as its title.
pub struct Scribe;

impl Draughting for Scribe {
    fn draw_up(&self, paper: &Paper) -> Result<Drawn, String> {
        Ok(Drawn { html: paper.title.clone().into_bytes(), pdf: format!("%PDF {}", paper.title).into_bytes() })
    }

    fn set_out(&self, sheet: &Sheet) -> Result<SetOut, String> {
        let form = || sheet.title.clone().into_bytes();
        Ok(SetOut { html: form(), pdf: form(), csv: form(), json: form() })
    }
}

/// The record of this number, and what is asked about how long it stays.
fn retention(kind: &str, number: usize, answers: &Value) -> Value {
    let record = format!("m-{number:04}");
    json!({"kind": kind, "subject": "gallery-record", "gallery": "mugshots", "record": record, "answers": answers})
}

impl House {
    pub async fn post(&self, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/v1/{}/{path}", self.jurisdiction);
        let answer = self.client(who).post(&path, body).await.unwrap();
        (answer.status.as_u16(), answer.json().unwrap())
    }

    /// Takes a step, which has to be permitted and on record.
    pub async fn take(&self, who: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(who, path, body).await;
        assert_eq!(status, 200, "{who}, {path}: {answer}");
        let key: audit::VerifierKey = self.key().parse().unwrap();
        let proof: audit::Receipt = answer["receipt"]["proof"].as_str().unwrap().parse().unwrap();
        proof.verify(answer["receipt"]["entry"].as_str().unwrap().as_bytes(), &key).unwrap();
        answer
    }

    /// The verifier key of its log.
    pub fn key(&self) -> String {
        audit::Signer::verifier_key(&signer(self.jurisdiction))
    }

    pub async fn get(&self, who: &str, path: &str) -> Value {
        let answer = self.client(who).get(&format!("/v1/{}/{path}", self.jurisdiction)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json().unwrap()
    }

    /// What is on record of a mugshot's stay.
    pub async fn docket(&self, number: usize) -> Value {
        let listed = self.get(ANALYST, "retention").await;
        let record = format!("m-{number:04}");
        listed.as_array().unwrap().iter().find(|d| d["record"]["record"] == record).unwrap().clone()
    }

    /// Indices of the entries of what was destroyed of a record.
    pub async fn purges(&self, record: &str) -> Vec<u64> {
        let auditor = if self.jurisdiction == HOME { "a.whitfield" } else { "a.feld" };
        let entries = self.get(auditor, "audit/entries?first=0&count=1000").await;
        let entries = entries["entries"].as_array().unwrap();
        assert!(entries.len() < 1000, "all of them");
        let event = |e: &Value| e["account"]["event"].clone();
        let purged = |e: &&Value| event(e)["what"] == "purged" && event(e)["record"]["record"] == record;
        entries.iter().filter(purged).map(|e| e["index"].as_u64().unwrap()).collect()
    }

    /// Whoever has the log's key can prove what is in this entry.
    pub async fn closes_and_proves(&mut self, index: u64) {
        self.stop().await.close().await.unwrap();
        let (key, index) = (self.key(), index.to_string());
        for asked in [&["verify"][..], &["prove", "--json", "--index", &index]] {
            let folder = format!("data/logs/{}", self.jurisdiction);
            let log = [folder.as_str(), "--key", &key];
            let done = self.deployment.run(&[&["audit"][..], asked, &log].concat()).unwrap();
            assert!(done.status.success(), "{asked:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }

    /// Stops, lets the time pass, and serves again.
    pub async fn serve_again_at(&mut self, time: &str) {
        let casework = self.stop().await;
        self.clock.store(at(time), Ordering::Release);
        self.serve(casework).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_days_after_its_agencys_notice_a_mugshot_is_gone_and_one_that_is_held_is_not() {
    let Some(mut house) = House::new(HOME, at("2026-03-01T16:00:00.000Z")) else { return };
    let mut opened = house.casework().await.unwrap().with_draughting(Arc::new(Scribe));
    opened.provide(HOME, Means { exports: None, purge_as: Some(ADMINISTRATOR.to_owned()) });
    house.serve(opened).await;
    let example = Example::read(HOME).unwrap();
    let record = |seed: usize| {
        let booking = json!({"name": format!("Person {seed}"), "booking-number": format!("B-{seed}")});
        json!({"id": format!("m-{seed:04}"), "template": packed(&template(seed)), "booking": booking})
    };
    let records: Vec<Value> = (1..=6).map(record).collect();
    let batch = json!({"model": MODEL, "answers": example.enroll, "records": records});
    let (status, enrolled) = house.post(&example.registrar, "galleries/mugshots/records", &batch).await;
    assert_eq!(status, 200, "{enrolled}");

    // The life of a request, up to the report in its requester's hands.
    let id = house.take(ANALYST, "requests", &request(HOME, 1)).await["request"].as_str().unwrap().to_owned();
    let step = |step: &str| format!("requests/{id}/{step}");
    let found = house.take(ANALYST, &step("search"), &json!({"candidates": 3})).await;
    let list = found["candidates"].as_array().unwrap().iter();
    let list: Vec<String> = list.map(|c| c["record_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(list[0], "m-0001", "{list:?}");
    house.take(ANALYST, &step("dispositions"), &dispositions(&list, true)).await;
    house.take(ANALYST, &step("sign-offs"), &signing("slfc-authorised", "lead")).await;
    let reasoning = "the ears and the nose bridge agree";
    house.take(ANALYST, &step("release"), &json!({"candidates": [list[0]], "reasoning": reasoning})).await;
    let to = json!({"channel": "console", "recipient": "d.reyes", "recipient_agency": "slmpd", "purpose": "crime"});
    let handed = house.take(ANALYST, &step("disseminations"), &to).await;
    assert!(document(&handed).starts_with(b"%PDF "));

    // The agency that both came from keeps neither any more; one of them is evidence.
    for number in [1, 2] {
        let noticed = house.take(ANALYST, "retention", &retention("notice", number, &json!({}))).await;
        assert_eq!(noticed["docket"]["noticed"], "2026-03-01", "{noticed}");
    }
    let reasons = json!({
        "written-notice": true,
        "evidentiary-value": true,
        "decision-reasons": "the mugshot is exhibit 4 in a pending trial",
    });
    let (status, problem) = house.post(ANALYST, "retention", &retention("purge", 1, &json!({}))).await;
    assert_eq!((status, outcome(&problem, HOME, "F.2")), (403, Some("violated")), "{problem}");
    let held = house.take(ADMINISTRATOR, "retention", &retention("hold", 2, &reasons)).await;
    assert!(held["pending"] == false && held["docket"]["held"].is_object(), "{held}");

    // A step while the clock is wrong is not taken; once it is right again, it is.
    let before = entries(&mut house.client(ANALYST)).await;
    let became = json!({"answers": {"positive-identification": false}});
    house.clock.store(at("2026-02-28T16:00:00.000Z"), Ordering::Release);
    let (status, problem) = house.post(ANALYST, &step("outcome"), &became).await;
    assert!(status == 503 && problem["detail"].as_str().unwrap().contains("the clock went back"), "{problem}");
    assert_eq!(entries(&mut house.client(ANALYST)).await, before, "nothing was recorded");
    house.clock.store(at("2026-03-02T16:00:00.000Z"), Ordering::Release);
    house.take(ANALYST, &step("outcome"), &became).await;

    // The tenth day's last hour, by the jurisdiction's own calendar, and the hour after it. What is due is dealt with at each
    // start, and at the latest when the server has stopped again.
    for time in ["2026-03-12T03:30:00.000Z", "2026-03-12T04:10:00.000Z", "2026-03-12T15:00:00.000Z"] {
        house.serve_again_at(time).await;
    }
    let gone = house.docket(1).await;
    assert!(gone["purged"].as_str().is_some_and(|at| at.starts_with("2026-03-12T04:10:00")), "{gone}");
    let kept = house.docket(2).await;
    assert!(kept["purged"].is_null() && kept["held"].is_object(), "{kept}");
    let purges = house.purges("m-0001").await;
    assert_eq!((purges.len(), house.purges("m-0002").await.len()), (1, 0));
    let (status, problem) = house.post(ADMINISTRATOR, "retention", &retention("hold", 1, &reasons)).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:magistrate:problem:out-of-place")), "{problem}");
    let found = house.take(ANALYST, "searches", &json!({"request": request(HOME, 1)})).await;
    let found = found["candidates"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|c| c["record_id"] != "m-0001"), "{found:?}");

    // The probe stays for audits, and no longer than a year.
    let seen = house.get(ANALYST, &format!("requests/{id}")).await;
    assert_eq!(seen["purged"], json!([]), "{seen}");
    for time in ["2027-03-05T16:00:00.000Z", "2027-03-05T17:00:00.000Z"] {
        house.serve_again_at(time).await;
    }
    let seen = house.get(ANALYST, &format!("requests/{id}")).await;
    assert_eq!(seen["purged"][0]["what"], "probe", "{seen}");

    house.closes_and_proves(purges[0]).await;
}
