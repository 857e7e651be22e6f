//! A clock that went backwards, over HTTP: what is decided and recorded hangs on the time, so nothing is, until the clock is
//! right again. The server runs in this process, because only here can its clock be set.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]

mod common;

use casework::chamber::Loading;
use casework::{CaseError, Casework, Clock, Opening, PolicyState};
use client::Client;
use common::{path, request, searcher};
use integration_tests::Deployment;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// 10 March 2026, 15:00 UTC, in ms since 1970: both policies are in force, and the sample registries' trainings hold.
const NOW: u64 = 1_773_154_800_000;

const JURISDICTION: &str = "detroit";

/// Casework on the policy, registry and certificates of a deployment, with a clock that can be set.
async fn casework(home: &Path, clock: Arc<AtomicU64>) -> Result<Casework, CaseError> {
    let folder = home.join("policies").join(JURISDICTION);
    let engine = policy::Engine::new().unwrap();
    let policy = policy::Folder::read(&folder).unwrap().load(&engine).unwrap();
    let registry = std::fs::read_to_string(folder.join("registry.toml")).unwrap();
    let registry: model::registry::Registry = toml::from_str(&registry).unwrap();

    let logs = home.join("data/logs").join(JURISDICTION);
    std::fs::create_dir_all(&logs).unwrap();
    let logs = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
    let origin = format!("localhost/{JURISDICTION}");
    let signer = Arc::new(audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap());
    let log = audit::Log::prepare(logs, &origin, signer).unwrap();

    let store = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
    let opening =
        Opening { id: JURISDICTION.to_owned(), policy: PolicyState::Ready(policy), registry, log, galleries: None };
    Casework::open(vec![opening], store, Clock::set(clock), None, &|_: Loading<'_>| ()).await
}

fn tls(home: &Path) -> server::tls::TlsFiles {
    let certs = home.join("certs");
    server::tls::TlsFiles {
        certificate: certs.join("server.pem"),
        key: certs.join("server-key.pem"),
        client_authority: certs.join("ca.pem"),
        revocations: certs.join("revocations.pem"),
    }
}

/// Asks for a request to be opened.
async fn open(client: &mut Client) -> (u16, Value) {
    let asked = request(JURISDICTION, 1);
    let answer = client.post(&format!("/v1/{JURISDICTION}/requests"), &asked).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

async fn entries(client: &mut Client) -> u64 {
    let all = client.get("/v1/jurisdictions").await.unwrap().json().unwrap();
    all[0]["log_entries"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_went_backwards_stops_everything_until_it_is_right_again() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::init(&program, &folder.path().join("home"), None).unwrap();
    let home = deployment.home.clone();
    let clock = Arc::new(AtomicU64::new(NOW));
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let listening = server::Server::bind(anywhere, tls(&home)).await.unwrap();
    deployment.address = listening.address().to_string();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(listening.run(casework(&home, clock.clone()).await.unwrap(), stopped));
    let mut client = deployment.client(&searcher(JURISDICTION)).unwrap();
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
    let looked = deployment.client(&format!("{JURISDICTION}/a.feld")).unwrap().get(&look).await.unwrap();
    assert_eq!(looked.status, 503, "{}", String::from_utf8_lossy(&looked.body));
    let body = serde_json::json!({"request": request(JURISDICTION, 1)});
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
    stop.send(true).unwrap();
    server.await.unwrap().expect("all work was done").close().await.unwrap();

    // The newest entry on record is what the clock may not be behind, whichever process wrote it.
    let refused = casework(&home, Arc::new(AtomicU64::new(NOW - 3_600_000))).await.err().unwrap().to_string();
    assert!(refused.contains("the clock went back by 3600001 ms"), "{refused}");
    assert!(casework(&home, clock).await.is_ok(), "and with the clock right the log goes on");
}
