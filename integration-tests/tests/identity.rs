//! Who gets in: nobody without a certificate of the authority that is valid now, names a person and a device, and is in
//! the registry.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]

mod common;

use client::{Client, Identity};
use common::{court, path, request, searcher};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn without_a_certificate_there_is_no_connection() {
    let Some(court) = court().await else { return };
    let identity = Identity::anonymous(&court.deployment.home.join("certs/ca.pem")).unwrap();
    assert!(Client::new(&court.deployment.address, identity).get("/healthz").await.is_err());
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (Some(court), Some(other)) = (court().await, court().await) else { return };
    let (home, stranger) = (&court.deployment.home, other.deployment.certificate("detroit/m.whitfield"));
    let key = other.deployment.certificate("detroit/m.whitfield-key");
    let identity = Identity::read(&stranger, &key, &home.join("certs/ca.pem")).unwrap();
    assert!(Client::new(&court.deployment.address, identity).get("/healthz").await.is_err());
}

#[tokio::test]
async fn an_expired_certificate_is_not_valid() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "m.whitfield", "fixed", "expired", -1).unwrap();
    assert!(court.client("detroit/expired").get("/healthz").await.is_err());
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
    assert_eq!(court.client(&searcher("detroit")).get("/healthz").await.unwrap().status, 200, "the others go on");
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
    assert_eq!(common::outcome(&problem, "detroit", "3.3"), Some("violated"), "{problem}");
}
