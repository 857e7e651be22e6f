//! The address for everybody: what is public is had there without a certificate, by anybody's tools; nothing else is there, nothing
//! of it is on record but how many attempts on a log there were, and whatever happens there, those with certificates are served.

use crate::common::{Court, allows, court, searcher};
use crate::public_log::{fetch, published_key, text};
use crate::reports::{annual, weekly};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Client, Identity, Method};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use integration_tests::Deployment;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// For what the server has to end by itself.
const LONG: Duration = Duration::from_secs(60);

/// Adds an address for everybody to the configuration, with these lines.
pub fn open(deployment: &Deployment, listen: &str, lines: &str) {
    let mut config = std::fs::OpenOptions::new().append(true).open(deployment.config()).unwrap();
    write!(config, "\n[public]\nlisten = \"{listen}\"\n{lines}").unwrap();
}

/// A court with an address for everybody, with these lines under `[public]` and under `[server]`.
async fn open_court(public: &str, server: &str) -> Option<Court> {
    let mut court = court().await?;
    court.deployment.stop().unwrap();
    open(&court.deployment, "127.0.0.1:0", public);
    court.deployment.configure(server).unwrap();
    court.deployment.serve().unwrap();
    Some(court)
}

/// Where everybody asks: `host:port`.
fn host(court: &Court) -> &str {
    court.deployment.public.as_deref().unwrap().split_once("://").unwrap().1
}

/// Somebody without a certificate.
pub fn anybody(court: &Court) -> Client {
    if court.deployment.public.as_deref().unwrap().starts_with("http://") {
        return Client::plain(host(court));
    }
    Client::new(host(court), Identity::anonymous(&court.deployment.home.join("certs/ca.pem")).unwrap())
}

async fn verify_as_another_implementation(court: &Court, client: &mut Client) {
    let key = published_key(court, "detroit");
    assert_eq!(text(client, "/v1/detroit/log/key").await.trim(), key.to_string());
    let checkpoint = text(client, "/v1/detroit/log/checkpoint").await;
    let size = audit::signed_size(&checkpoint, &key).unwrap();
    let (entries, hashes) = fetch(client, size).await;
    assert!(size > 0);
    assert_eq!((entries.len() as u64, hashes.len() as u64), (size, 32 * size));
    let mut tree = MemoryBackedTree::<sha2_of_oracle::Sha256, Vec<u8>>::new();
    entries.iter().for_each(|entry| tree.push(entry.clone()));
    assert_eq!(checkpoint.lines().nth(2), Some(BASE64_STANDARD.encode(tree.root().as_bytes()).as_str()));
}

#[tokio::test]
async fn without_a_certificate_the_log_is_fetched_and_another_implementation_verifies_it() {
    for (lines, scheme) in [("", "https://"), ("tls = false\n", "http://")] {
        let Some(mut court) = open_court(lines, "").await else { return };
        assert!(court.deployment.public.as_deref().unwrap().starts_with(scheme));
        let mut client = anybody(&court);
        for seed in 0..2 {
            court.search("detroit", seed).await;
            verify_as_another_implementation(&court, &mut client).await;
        }
        // While the connection is still open.
        court.deployment.stop().unwrap();
        court.deployment.verify().unwrap();
    }
}

#[tokio::test]
async fn what_is_public_is_there_and_its_head() {
    let Some(court) = open_court("", "").await else { return };
    let mut client = anybody(&court);
    let before = court.entries("detroit").await;
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/v1/detroit/log/checkpoint",
        "/v1/detroit/log/key",
        "/v1/detroit/policy",
        "/v1/detroit/policy/text",
        "/v1/detroit/reports",
    ] {
        let whole = client.get(path).await.unwrap();
        assert_eq!(whole.status, 200, "{path}: {}", String::from_utf8_lossy(&whole.body));
        let head = client.send(Method::HEAD, path, None, "".into()).await.unwrap();
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
        assert_eq!(head.content_type, whole.content_type, "{path}");
    }
    let ready = client.get("/readyz").await.unwrap().json().unwrap();
    assert_eq!(ready.as_object().unwrap().len(), 1, "whether, and no more: {ready}");
    let own = court.client(&searcher("detroit")).get("/v1/detroit/policy").await.unwrap();
    assert_eq!(client.get("/v1/detroit/policy").await.unwrap().body, own.body, "the same as with a certificate");
    assert_eq!(court.entries("detroit").await, before, "nothing of it is on record");
}

#[tokio::test]
async fn a_published_report_is_for_everybody_and_another_is_not_there() {
    let Some(court) = open_court("", "").await else { return };
    let mut ids = Vec::new();
    for asked in [annual(), weekly()] {
        let drawn = court.client("detroit/m.whitfield").post("/v1/detroit/reports", &asked).await.unwrap();
        let report = drawn.json().unwrap();
        assert_eq!(drawn.status, 200, "{report}");
        ids.push(report["id"].as_str().unwrap().to_owned());
    }
    let mut client = anybody(&court);
    let listed = client.get("/v1/detroit/reports").await.unwrap().json().unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let mut certified = court.client(&searcher("st-louis"));
    for form in ["html", "pdf", "csv", "json"] {
        let path = |id: &str| format!("/v1/detroit/reports/{id}.{form}");
        let published = client.get(&path(&ids[0])).await.unwrap();
        assert_eq!(published.status, 200, "{form}");
        assert_eq!(published.body, certified.get(&path(&ids[0])).await.unwrap().body, "{form}");
        assert_eq!(client.get(&path(&ids[1])).await.unwrap().status, 404, "{form}: it is not published");
    }
}

#[tokio::test]
async fn nothing_private_is_there_and_nothing_is_changed_or_on_record() {
    let Some(mut court) = open_court("", "").await else { return };
    let mut client = anybody(&court);
    let before = [court.entries("detroit").await, court.entries("st-louis").await];
    for path in [
        "/metrics",
        "/v1/jurisdictions",
        "/v1/detroit/charter",
        "/v1/detroit/requests",
        "/v1/detroit/obligations",
        "/v1/detroit/agencies",
        "/v1/detroit/retention",
        "/v1/detroit/audit/entries",
        "/v1/detroit/audit/reports",
        "/v1/detroit/audit/anomalies",
        "/v1/nowhere/log/checkpoint",
        "/v1/detroit/log/tile/0/../../../../secrets/master.key",
        "/",
    ] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, 404, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    for (method, path, status) in [
        (Method::POST, "/v1/detroit/searches", 404),
        (Method::POST, "/v1/detroit/violations", 404),
        (Method::POST, "/v1/detroit/reports", 405),
        (Method::POST, "/v1/detroit/policy", 405),
        (Method::DELETE, "/v1/detroit/log", 404),
        (Method::DELETE, "/v1/detroit/log/checkpoint", 405),
        (Method::DELETE, "/v1/detroit/%6cog/checkpoint", 404),
        (Method::DELETE, "/v1/nowhere/log/checkpoint", 405),
        (Method::PUT, "/v1/detroit/log/tile/entries/000", 405),
        (Method::PATCH, "/v1/detroit/audit/entries", 404),
    ] {
        let answer = client.send(method.clone(), path, Some("application/json"), b"{}".to_vec().into()).await.unwrap();
        let problem: Value = answer.json().unwrap();
        assert_eq!((answer.status.as_u16(), &problem["status"]), (status, &json!(status)), "{method} {path}");
        assert!(problem.get("receipt").is_none(), "{problem}");
    }
    let with_body = client.send(Method::GET, "/healthz", Some("text/plain"), "x".into()).await.unwrap();
    assert_eq!(with_body.status, 413, "nothing there takes a body");
    assert_eq!(client.get("/v1/detroit/log/key?x=1").await.unwrap().status, 422, "nor a parameter");
    let long = client.get(&format!("/healthz?x={}", "x".repeat(33_000))).await.unwrap();
    let problem = long.json().unwrap();
    assert_eq!((long.status.as_u16(), &problem["type"]), (431, &json!("urn:magistrate:problem:head-too-large")));
    let after = [court.entries("detroit").await, court.entries("st-louis").await];
    assert_eq!(after, before, "nothing of it is an entry of its own");

    // What was tried on the log is told when a minute is over, or the server stops: changed in five ways, and read in three.
    drop(client);
    court.deployment.stop().unwrap();
    court.deployment.serve().unwrap();
    for (jurisdiction, first, expected) in
        [("detroit", before[0], &["8 attempts"][..]), ("st-louis", before[1], &[][..])]
    {
        let entries = court.audit(jurisdiction, first).await;
        let told: Vec<_> = entries.iter().filter(|entry| entry["leaf"]["kind"] == "rejection").collect();
        assert_eq!(told.len(), expected.len(), "{jurisdiction}: {told:?}");
        for (entry, count) in told.iter().zip(expected) {
            let (who, event) = (&entry["account"]["who"], &entry["account"]["event"]);
            assert_eq!((&who["jurisdiction"], &who["person"]), (&json!(""), &json!("")), "nobody is named");
            assert!(event["asked"].as_str().unwrap().contains("at the address for everybody"), "{event}");
            assert!(event["reason"].as_str().unwrap().starts_with(count), "{event}");
        }
    }
}

#[tokio::test]
async fn a_certificate_makes_nobody_more_than_anybody_there() {
    let Some(court) = open_court("", "").await else { return };
    let identity = court.deployment.identity("detroit/a.feld").unwrap();
    let mut auditor = Client::new(host(&court), identity);
    assert_eq!(auditor.get("/v1/detroit/audit/entries").await.unwrap().status, 404);
    assert_eq!(auditor.get("/v1/detroit/log/checkpoint").await.unwrap().status, 200);
    // And the other address asks for one as ever.
    let identity = Identity::anonymous(&court.deployment.home.join("certs/ca.pem")).unwrap();
    assert!(Client::new(&court.deployment.address, identity).get("/v1/detroit/log/checkpoint").await.is_err());
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_is_told_so() {
    let Some(court) = open_court("connections_each = 2\n", "").await else { return };
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = anybody(&court);
        assert_eq!(client.get("/healthz").await.unwrap().status, 200);
        held.push(client);
    }
    let refused = anybody(&court).get("/healthz").await.unwrap();
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json().unwrap()["type"], "urn:magistrate:problem:too-many-connections");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "with a certificate there are others");
    drop(held);
    let served = async {
        while anybody(&court).get("/healthz").await.map_or(0, |answer| answer.status.as_u16()) != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, served).await.is_ok(), "their places are not free again");
}

#[tokio::test]
async fn who_says_nothing_there_keeps_nobody_out_who_has_a_certificate() {
    for lines in ["", "tls = false\n"] {
        // Nothing is closed here because it took too long.
        let Some(court) = open_court(lines, "head_timeout_s = 3600\n").await else { return };
        let mut silent = JoinSet::new();
        for _ in 0..100 {
            let mut stranger = TcpStream::connect(host(&court)).await.unwrap();
            silent.spawn(async move { drop(stranger.read(&mut [0; 64]).await) });
        }
        for seed in 0..4 {
            assert_eq!(court.search("detroit", seed).await["verdict"], "permit", "{lines}");
        }
        // Of one address there are few: the rest is closed.
        let closed = async {
            for _ in 0..60 {
                silent.join_next().await;
            }
        };
        assert!(tokio::time::timeout(LONG, closed).await.is_ok(), "{lines}: they are all kept");
        drop(silent);
        let served = async {
            while anybody(&court).get("/healthz").await.map_or(0, |answer| answer.status.as_u16()) != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(LONG, served).await.is_ok(), "{lines}: nobody is served when they have gone");
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_or_closed() {
    let Some(court) = open_court("tls = false\n", "").await else { return };
    for sent in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET / SPDY/9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut connection = TcpStream::connect(host(&court)).await.unwrap();
        connection.write_all(sent).await.unwrap();
        let ended = tokio::time::timeout(LONG, connection.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "the server waits for ever: {sent:?}");
    }
    assert_eq!(anybody(&court).get("/healthz").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_wrong_method_is_told_those_that_are_for_everybody() {
    let Some(court) = open_court("tls = false\n", "").await else { return };
    for (asked, status, allow) in [
        ("POST /v1/detroit/reports", 405, Some("GET, HEAD")),
        ("DELETE /v1/detroit/log/checkpoint", 405, Some("GET, HEAD")),
        ("POST /v1/detroit/searches", 404, None),
    ] {
        allows(TcpStream::connect(host(&court)).await.unwrap(), asked, status, allow).await;
    }
}

#[tokio::test]
async fn an_address_that_another_server_has_is_told_at_the_start() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    open(&court.deployment, &address, "");
    let told = court.deployment.serve().unwrap_err().to_string();
    assert!(told.contains(&format!("cannot listen on {address}")) && told.contains("another server"), "{told}");
    drop(taken);
    court.deployment.serve().unwrap();
    assert_eq!(host(&court), address);
    assert_eq!(court.search("detroit", 1).await["verdict"], "permit", "nothing was touched");
}

#[tokio::test]
async fn a_log_is_verified_at_its_address_without_a_certificate() {
    for lines in ["", "tls = false\n"] {
        let Some(court) = open_court(lines, "").await else { return };
        court.search("detroit", 1).await;
        let address = format!("{}/v1/detroit/log", court.deployment.public.as_deref().unwrap());
        let key = ["--key", "log-keys/detroit.vkey"];
        let authority: &[&str] = if lines.is_empty() { &["--authority", "certs/ca.pem"] } else { &[] };
        let run = |arguments: &[&[&str]]| {
            let done = court.deployment.run(&[&["audit"][..], &arguments.concat()].concat()).unwrap();
            let said = [&done.stdout[..], &done.stderr].concat();
            (done.status.code(), String::from_utf8_lossy(&said).into_owned())
        };
        let (code, said) = run(&[&["verify", &address, "--copy", "copy"], &key, authority]);
        assert!(code == Some(0) && said.contains("verified"), "{said}");
        let (code, said) = run(&[&["prove", "copy", "--index", "0"], &key]);
        assert_eq!(code, Some(0), "one entry of the copy is proven: {said}");
        let (code, said) = run(&[&["verify", &address, "--key", "log-keys/st-louis.vkey"], authority]);
        assert!(code == Some(4) && said.contains("no valid signature"), "{said}");
        if lines.is_empty() {
            let (code, said) = run(&[&["verify", &address], &key]);
            assert!(code == Some(1) && said.contains("--authority"), "{said}");
        }
    }
}
