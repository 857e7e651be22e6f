//! Who gets in: nobody without a certificate of the authority that is valid now, names a person and a device, and is in
//! the registry.

use crate::common::{court, path, request, searcher};
use client::{Client, ClientError, Identity};
use integration_tests::Deployment;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

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

#[tokio::test]
async fn a_revoked_certificate_is_refused_while_the_server_runs() {
    let Some(court) = court().await else { return };
    assert_eq!(court.client("detroit/j.kowalski").get("/healthz").await.unwrap().status, 200);
    let done = court.deployment.run(&["pki", "revoke", "certs", "certs/detroit/j.kowalski.pem"]).unwrap();
    assert!(done.status.success());
    let deadline = Instant::now() + Duration::from_secs(30);
    while court.client("detroit/j.kowalski").get("/healthz").await.is_ok() {
        assert!(Instant::now() < deadline, "still let in");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    turned_away(court.client("detroit/j.kowalski").get("/healthz").await, REVOKED);
    assert_eq!(court.client(&searcher("detroit")).get("/healthz").await.unwrap().status, 200, "the others go on");
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
