//! Who gets in: nobody without a certificate of the authority that is valid now, names a person and a device, and is in
//! the registry.

use crate::common::{Court, alarms, court, court_after, path, request, searcher, until};
use crate::everybody::{anybody, open};
use client::{Client, ClientError, Identity};
use integration_tests::Deployment;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// For what the server does by itself.
const LONG: Duration = Duration::from_secs(60);

/// Has to be turned away, and told why and what would change it.
fn turned_away<T: std::fmt::Debug>(answer: Result<T, ClientError>, says: [&str; 2]) {
    let told = answer.unwrap_err();
    assert!(matches!(told, ClientError::Refused(_)), "{told}");
    for part in says {
        assert!(told.to_string().contains(part), "`{part}`: {told}");
    }
}

const EXPIRED: [&str; 2] = ["your certificate has expired", "have another issued"];
const REVOKED: [&str; 2] = ["your certificate has been revoked", "have another issued"];
const UNKNOWN: [&str; 2] = ["of no authority that the server trusts", "have the server's authority issue you one"];
const FOREIGN: [&str; 2] =
    ["for which its authority does not speak", "have that jurisdiction's authority issue you one"];

#[tokio::test]
async fn without_a_certificate_there_is_no_connection() {
    let Some(court) = court().await else { return };
    let identity = Identity::anonymous(&court.deployment.home.join("certs/ca.pem")).unwrap();
    let says = ["lets nobody in without a certificate", "connect with yours"];
    // A body longer than what a socket takes at once: what is refused while it is written is told, too.
    let long = "x".repeat(8 << 20);
    for attempt in 0..5 {
        let mut client = Client::new(&court.deployment.address, identity.clone());
        turned_away(client.get("/healthz").await, says);
        turned_away(client.post("/v1/detroit/searches", &long).await, says);
        assert_eq!(court.client(&searcher("detroit")).get("/healthz").await.unwrap().status, 200, "attempt {attempt}");
    }
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (Some(court), Some(program)) = (court().await, integration_tests::program()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let other = Deployment::init(&program, &folder.path().join("other"), None).unwrap();
    let (home, stranger) = (&court.deployment.home, other.certificate("detroit/m.whitfield"));
    let key = other.certificate("detroit/m.whitfield-key");
    let identity = Identity::read(&stranger, &key, &home.join("certs/ca.pem")).unwrap();
    turned_away(Client::new(&court.deployment.address, identity).get("/healthz").await, UNKNOWN);
    // And the other way round: a server of another authority is not the one that was meant.
    let own = court.client(&searcher("detroit")).get("/healthz").await;
    assert_eq!(own.unwrap().status, 200);
    let (certificate, key) = (court.deployment.certificate("detroit/m.whitfield"), "detroit/m.whitfield-key");
    let misled = Identity::read(&certificate, &court.deployment.certificate(key), &other.home.join("certs/ca.pem"));
    let says = ["the server's certificate is not of the authority that you trust", "name the server's authority"];
    turned_away(Client::new(&court.deployment.address, misled.unwrap()).get("/healthz").await, says);
}

#[tokio::test]
async fn an_expired_certificate_is_not_valid() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "m.whitfield", "fixed", "expired", -1).unwrap();
    turned_away(court.client("detroit/expired").get("/healthz").await, EXPIRED);
    let certificate = ["--certificate", "certs/detroit/expired.pem", "--jurisdiction", "detroit"];
    let list = ["request", "list", "--server", &court.deployment.address];
    let done = court.deployment.run(&[&list[..], &certificate].concat()).unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert_eq!(said.matches(EXPIRED[0]).count(), 1, "once, and not as its own cause again: {said}");
}

/// What a client says first over HTTP/2, which waits for nothing (RFC 9113, section 3.4), and a body behind it.
fn said_at_once() -> Vec<u8> {
    let settings = [0_u8, 0, 0, 4, 0, 0, 0, 0, 0];
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings, &[0; 40 << 10]].concat()
}

#[tokio::test]
async fn whoever_sends_at_once_reads_why_they_are_turned_away() {
    let (Some(court), Some(program)) = (court().await, integration_tests::program()) else { return };
    let (home, address) = (&court.deployment.home, &court.deployment.address);
    let folder = tempfile::tempdir().unwrap();
    let other = Deployment::init(&program, &folder.path().join("other"), None).unwrap();
    court.deployment.issue("detroit", "m.whitfield", "fixed", "expired", -1).unwrap();
    let ca = home.join("certs/ca.pem");
    let of = |deployment: &Deployment, who: &str| {
        let key = deployment.certificate(&format!("{who}-key"));
        Identity::read(&deployment.certificate(who), &key, &ca).unwrap()
    };
    // An authority of the same name and another key has not signed what it is said to have.
    for (identity, alerts) in [
        (Identity::anonymous(&ca).unwrap(), &["CertificateRequired"][..]),
        (of(&other, "detroit/m.whitfield"), &["UnknownCA", "DecryptError"][..]),
        (of(&court.deployment, "detroit/expired"), &["CertificateExpired"][..]),
    ] {
        let mut connection = identity.speaking(b"h2").connect(address).await.unwrap();
        connection.write_all(&said_at_once()).await.unwrap_or_else(|e| panic!("{alerts:?}: it is reset: {e}"));
        connection.flush().await.unwrap_or_else(|e| panic!("{alerts:?}: it is reset: {e}"));
        let told = tokio::time::timeout(LONG, connection.read_u8()).await.expect("nobody says why").unwrap_err();
        let told = format!("{told:?}");
        assert!(alerts.iter().any(|alert| told.contains(alert)), "{alerts:?}: {told}");
        // It ends in good order, so that whoever is still sending gets to read at all.
        let (mut tcp, _) = connection.into_inner();
        let ended = tokio::time::timeout(LONG, tcp.read_to_end(&mut Vec::new())).await;
        assert!(matches!(ended, Ok(Ok(_))), "{alerts:?}: {ended:?}");
    }
}

/// Says hello as a client of TLS 1.2 does, which knows no `supported_versions` (RFC 5246, section 7.4.1.2).
fn hello_of_tls12() -> Vec<u8> {
    // Curves, the form of their points, and signatures: what the server would need of them.
    let extensions: Vec<u8> =
        [&[0, 10, 0, 4, 0, 2, 0, 23][..], &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4]].concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    // ECDHE with ECDSA and RSA and AES-128-GCM; no compression.
    let mut hello: Vec<u8> = [&[3, 3][..], &[7; 32], &[0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]].concat();
    hello.extend([&length(&extensions)[..], &extensions].concat());
    let message: Vec<u8> = [&[1, 0][..], &length(&hello), &hello].concat();
    [&[22, 3, 1][..], &length(&message), &message].concat()
}

#[tokio::test]
async fn no_older_protocol_is_spoken_and_no_session_resumed() {
    let Some(court) = court_after(|_| {}) else { return };
    let mut older = TcpStream::connect(&court.deployment.address).await.unwrap();
    older.write_all(&hello_of_tls12()).await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(LONG, older.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the server goes on with it: {answer:?}");
    // A fatal alert, `protocol_version`.
    assert!(answer.first() == Some(&21) && answer.ends_with(&[2, 70]), "{answer:?}");

    // One that keeps every ticket it is given, and comes again with it.
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    for time in 0..3 {
        let mut connection = identity.connect(&court.deployment.address).await.unwrap();
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        let kind = format!("{:?}", connection.get_ref().1.handshake_kind());
        assert_eq!(kind, "Some(Full)", "connection {time}: without it nobody asks whether the certificate was revoked");
    }
}

/// Waits until everybody is told that the server is ready in this way.
async fn until_ready(court: &Court, status: &str) {
    let started = Instant::now();
    let mut client = anybody(court);
    loop {
        // Connections are made anew where the files have changed.
        let told = client.get("/readyz").await.and_then(|answer| answer.json());
        if told.as_ref().is_ok_and(|told| told["status"] == status) {
            return;
        }
        assert!(started.elapsed() < LONG, "it should be {status}: {told:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until somebody has been told this of the host.
async fn until_told(court: &Court, subject: &str) {
    let is_it = |text: &String| text.contains(subject) && text.contains("Jurisdiction: host");
    until(&format!("nobody is told that {subject}"), || async { alarms(&court.outbox()).iter().any(is_it) }).await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_while_the_server_runs() {
    let Some(court) = court_after(|deployment| open(deployment, "127.0.0.1:0", "")) else { return };
    assert_eq!(court.client("detroit/j.kowalski").get("/healthz").await.unwrap().status, 200);
    let done = court.deployment.run(&["pki", "revoke", "certs", "certs/detroit/j.kowalski.pem"]).unwrap();
    assert!(done.status.success());
    let deadline = Instant::now() + Duration::from_secs(30);
    while court.client("detroit/j.kowalski").get("/healthz").await.is_ok() {
        assert!(Instant::now() < deadline, "still let in");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    turned_away(court.client("detroit/j.kowalski").get("/healthz").await, REVOKED);
    let mut other = court.client(&searcher("detroit"));
    assert_eq!(other.get("/healthz").await.unwrap().status, 200, "the others go on");

    // Where a list cannot be read, the one before stays in force: later revocations have no effect, and that is told.
    until_ready(&court, "ready").await;
    std::fs::write(court.deployment.home.join("certs/revocations.pem"), "garbage").unwrap();
    until_ready(&court, "partly ready").await;
    until_told(&court, "changed TLS files cannot be used").await;
    let told = court.client(&searcher("detroit")).get("/readyz").await.unwrap();
    let impediments = told.json().unwrap()["impediments"].to_string();
    assert!(
        told.status == 200 && impediments.contains("revocations.pem: it holds no revocation list"),
        "{impediments}"
    );
    turned_away(court.client("detroit/j.kowalski").get("/healthz").await, REVOKED);

    // Where one has ended nobody gets in, and nobody could ask with a certificate why.
    let renew = |days: &str| court.deployment.run(&["pki", "renew", "certs", "--days", days]).unwrap();
    assert!(renew("-1").status.success());
    until_ready(&court, "not ready").await;
    assert_eq!(anybody(&court).get("/readyz").await.unwrap().status, 503);
    assert_eq!(anybody(&court).get("/healthz").await.unwrap().status, 200, "a restart would change nothing");
    turned_away(court.client(&searcher("detroit")).get("/healthz").await, UNKNOWN);
    until_told(&court, "a revocation list has ended").await;

    assert!(renew("30").status.success());
    until_ready(&court, "ready").await;
    assert_eq!(court.client(&searcher("detroit")).get("/healthz").await.unwrap().status, 200);
    turned_away(court.client("detroit/j.kowalski").get("/healthz").await, REVOKED);
}

#[tokio::test]
async fn no_connection_outlives_the_revocation_of_its_certificate() {
    let Some(court) = court().await else { return };
    let (mut revoked, mut other) = (court.client("detroit/j.kowalski"), court.client(&searcher("detroit")));
    for client in [&mut revoked, &mut other] {
        assert_eq!(client.get("/healthz").await.unwrap().status, 200);
    }
    let done = court.deployment.run(&["pki", "revoke", "certs", "certs/detroit/j.kowalski.pem"]).unwrap();
    assert!(done.status.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    // On the connection there is, for as long as there is one.
    while revoked.get("/healthz").await.is_ok() {
        assert!(Instant::now() < deadline, "still let in");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    turned_away(revoked.get("/healthz").await, REVOKED);
    assert_eq!(other.get("/healthz").await.unwrap().status, 200, "the others connect again");
}

/// Comes with a certificate of one deployment's authority to the server of another.
async fn enter(at: &Deployment, from: &Deployment, who: &str) -> Result<u16, ClientError> {
    let (certificate, key) = (from.certificate(who), from.certificate(&format!("{who}-key")));
    let identity = Identity::read(&certificate, &key, &at.home.join("certs/ca.pem"))?;
    Client::new(&at.address, identity).get("/healthz").await.map(|answer| answer.status.as_u16())
}

/// A deployment's configuration, less whom it trusts.
fn without_authorities(deployment: &Deployment) -> String {
    let config = std::fs::read_to_string(deployment.config()).unwrap();
    config
        .replace("client_authority = \"certs/ca.pem\"\n", "")
        .replace("\nrevocations = \"certs/revocations.pem\"\n", "\n")
}

#[tokio::test]
async fn of_an_authority_named_twice_either_list_revokes() {
    let Some(mut court) = court().await else { return };
    let home = court.deployment.home.clone();
    std::fs::copy(home.join("certs/revocations.pem"), home.join("certs/earlier.pem")).unwrap();
    let revoked = "detroit/j.kowalski";
    let done = court.deployment.run(&["pki", "revoke", "certs", &format!("certs/{revoked}.pem")]).unwrap();
    assert!(done.status.success());
    let base = without_authorities(&court.deployment);
    for lists in [["revocations", "earlier"], ["earlier", "revocations"]] {
        court.deployment.stop().unwrap();
        let each = lists.map(|list| {
            format!(
                "\n[[server.client_authorities]]\nfile = \"certs/ca.pem\"\nrevocations = \"certs/{list}.pem\"\n\
                 jurisdictions = [\"detroit\", \"st-louis\"]\n"
            )
        });
        std::fs::write(court.deployment.config(), format!("{base}{}", each.concat())).unwrap();
        court.deployment.serve().unwrap();
        let here = &court.deployment;
        assert!(enter(here, here, revoked).await.is_err(), "{lists:?}");
        assert_eq!(enter(here, here, &searcher("detroit")).await.unwrap(), 200, "{lists:?}: the others go on");
    }
}

#[tokio::test]
async fn an_authority_speaks_for_its_own_jurisdictions_only() {
    let (Some(mut court), Some(program)) = (court().await, integration_tests::program()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let other = Deployment::init(&program, &folder.path().join("other"), None).unwrap();
    court.deployment.stop().unwrap();
    let mut config = without_authorities(&court.deployment);
    let authority = |home: &Path, jurisdiction: &str| {
        let (file, revocations) = (home.join("certs/ca.pem"), home.join("certs/revocations.pem"));
        format!(
            "\n[[server.client_authorities]]\nfile = {file:?}\nrevocations = {revocations:?}\njurisdictions = [{jurisdiction:?}]\n"
        )
    };
    config += &authority(&court.deployment.home, "st-louis");
    config += &authority(&other.home, "detroit");
    std::fs::write(court.deployment.config(), config).unwrap();
    court.deployment.serve().unwrap();

    let (detroit, st_louis) = (searcher("detroit"), searcher("st-louis"));
    let here = &court.deployment;
    assert_eq!(enter(here, here, &st_louis).await.unwrap(), 200);
    assert_eq!(enter(here, &other, &detroit).await.unwrap(), 200);
    // Each has the other for its authority.
    turned_away(enter(here, here, &detroit).await, FOREIGN);
    turned_away(enter(here, &other, &st_louis).await, FOREIGN);

    let certificate = format!("certs/{detroit}.pem");
    assert!(other.run(&["pki", "revoke", "certs", &certificate]).unwrap().status.success());
    let deadline = Instant::now() + Duration::from_secs(30);
    while enter(here, &other, &detroit).await.is_ok() {
        assert!(Instant::now() < deadline, "still let in");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(enter(here, here, &st_louis).await.unwrap(), 200, "each has its own revocations");
}

#[tokio::test]
async fn a_person_not_in_the_registry_is_turned_away_on_record() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "ghost", "fixed", "ghost", 30).unwrap();
    let before = court.entries("detroit").await;
    let answer =
        court.client("detroit/ghost").post(&path("detroit"), &json!({"request": request("detroit", 1)})).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("`ghost` is not in the registry"), "{problem}");
    assert_eq!(court.entries("detroit").await, before + 1);
}

#[tokio::test]
async fn two_certificates_of_one_person_are_one_person() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "m.whitfield", "fixed", "second-desk", 30).unwrap();
    let again = court.deployment.issue("detroit", "m.whitfield", "fixed", "second-desk", 30).unwrap_err().to_string();
    assert!(again.contains("is there already"), "whose serial number would be lost: {again}");
    let before = court.entries("detroit").await;
    court.search("detroit", 1).await;
    let body = json!({"request": request("detroit", 2)});
    let answer = court.client("detroit/second-desk").post(&path("detroit"), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let entries = court.audit("detroit", before).await;
    let searches: Vec<_> = entries
        .iter()
        .filter(|e| e["leaf"]["kind"] == "intent" && e["leaf"]["phase"] == "search")
        .map(|e| &e["account"]["event"]["matters"][0]["history"])
        .collect();
    assert_eq!(searches.len(), 2);
    assert_eq!(searches[1]["searches_by_person_last_hour"], 1, "the second certificate's search sees the first's");
}

#[tokio::test]
async fn a_telephone_is_not_a_desk() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "m.whitfield", "mobile", "telephone", 30).unwrap();
    let body = json!({"request": request("detroit", 2)});
    let answer = court.client("detroit/telephone").post(&path("detroit"), &body).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(crate::common::outcome(&problem, "detroit", "3.3"), Some("violated"), "{problem}");
}
