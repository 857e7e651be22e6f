//! What one person may have on record of what is refused them, and of looks; whoever goes on is not heard, which is on record.

use crate::common::life::FIRST;
use crate::common::{Court, configured, path, request, searcher};
use client::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Of an agency that is suspended.
const SUSPENDED: &str = "detroit/o.mercer";

/// Three at once, and the next in a minute.
const FEW_REFUSALS: &str = "refusals_burst = 3\nrefusals_per_minute = 1\n";

/// The entries that say how many calls were not heard, from an index on, once the server was stopped and started again.
async fn told(court: &mut Court, first: u64) -> Vec<Value> {
    court.deployment.stop().unwrap();
    court.deployment.serve().unwrap();
    let entries = court.audit("detroit", first).await;
    let accounts = entries.iter().map(|entry| entry["account"].clone());
    accounts.filter(|account| account["event"]["asked"] == "calls that were not heard").collect()
}

/// Tries to change a log, so many times.
async fn attacks(client: &mut Client, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        let answer = client.send(Method::DELETE, "/v1/detroit/log/x", None, "".into()).await.unwrap();
        statuses.push(answer.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn attempts_on_a_log_beyond_a_few_are_not_heard_and_on_record_together() {
    let Some(mut court) = configured(FEW_REFUSALS).await else { return };
    let before = court.entries("detroit").await;
    let mut client = court.client(SUSPENDED);
    assert_eq!(attacks(&mut client, 3).await, [403; 3]);
    assert_eq!(attacks(&mut client, 5).await, [429; 5]);
    let shown = client.get("/v1/detroit/requests").await.unwrap();
    let problem = shown.json().unwrap();
    assert_eq!((shown.status.as_u16(), &problem["type"]), (429, &json!("urn:magistrate:problem:too-many-refusals")));
    assert_eq!(client.get("/v1/detroit/log/checkpoint").await.unwrap().status, 200, "what is public is theirs, too");
    assert_eq!(court.entries("detroit").await, before + 3, "and no entry more");

    let identity = court.deployment.identity(SUSPENDED).unwrap();
    let mut raw = identity.connect(&court.deployment.address).await.unwrap();
    raw.write_all(b"DELETE /v1/detroit/log/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    raw.flush().await.unwrap();
    let mut answer = Vec::new();
    // How a connection ends is the server's choice.
    let _ = raw.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 429 ") && answer.contains("\r\nretry-after: "), "on any connection: {answer}");

    court.search("detroit", 1).await;
    drop((client, raw));
    let told = told(&mut court, before).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["who"]["person"], "o.mercer");
    let reason = told[0]["event"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("7 calls were not heard"), "{reason}");
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn attempts_on_what_is_not_there_for_auditors_count_as_refusals_do() {
    let Some(mut court) = configured(FEW_REFUSALS).await else { return };
    let before = court.entries("detroit").await;
    let mut client = court.client(SUSPENDED);
    let mut statuses = Vec::new();
    for path in ["nonsense", "entries/5", "%2e%2e/x", "nonsense", "more"] {
        let answer = client.get(&format!("/v1/detroit/audit/{path}")).await.unwrap();
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 429, 429]);
    assert_eq!(attacks(&mut client, 1).await, [429], "of one budget");
    assert_eq!(client.get("/v1/nowhere/audit/entries").await.unwrap().status, 429, "wherever it would be on record");
    assert_eq!(client.get("/v1/detroit/nonsense").await.unwrap().status, 404, "what is no attempt is answered");
    assert_eq!(court.entries("detroit").await, before + 3, "and no entry more");
    drop(client);
    let told = told(&mut court, before).await;
    assert!(told[0]["event"]["reason"].as_str().unwrap().starts_with("4 calls were not heard"), "{told:?}");
}

#[tokio::test]
async fn steps_that_policies_refuse_count_and_those_they_permit_do_not() {
    let Some(court) = configured(FEW_REFUSALS).await else { return };
    for seed in 0..5 {
        court.search("detroit", seed).await;
    }
    let mut client = court.client(&searcher("detroit"));
    let denied =
        json!({"request": {"gallery": "snap", "case_status": "active", "probe": request("detroit", 1)["probe"]}});
    for _ in 0..3 {
        let answer = client.post(&path("detroit"), &denied).await.unwrap();
        assert!(matches!(answer.status.as_u16(), 403 | 409), "{}", answer.status);
    }
    let before = court.entries("detroit").await;
    for body in [denied, json!({"request": request("detroit", 1)})] {
        assert_eq!(client.post(&path("detroit"), &body).await.unwrap().status, 429);
    }
    // What is wrong with a call is told nobody who is not heard.
    assert_eq!(client.post(&path("detroit"), &json!({})).await.unwrap().status, 429);
    assert_eq!(court.entries("detroit").await, before);
    court.search("st-louis", 1).await;
}

#[tokio::test]
async fn whoever_looks_too_often_is_shown_nothing_and_still_acts() {
    let Some(mut court) = configured("looks_burst = 2\nlooks_per_minute = 1\n").await else { return };
    let before = court.entries("detroit").await;
    let mut client = court.client(FIRST);
    let mut statuses = Vec::new();
    for list in ["requests", "obligations", "requests", "agencies"] {
        statuses.push(client.get(&format!("/v1/detroit/{list}")).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(court.entries("detroit").await, before + 2);
    court.search("detroit", 1).await;
    drop(client);
    let told = told(&mut court, before).await;
    assert!(told[0]["event"]["reason"].as_str().unwrap().starts_with("2 calls were not heard"), "{told:?}");
}
