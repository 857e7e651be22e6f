//! A disk that takes what is written and cannot make it durable, under the real program: nothing counts as done, what counted
//! before stands, and the server goes on once the disk can again.

use crate::common::{Court, court, path, request, searcher};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the paths of the logs' files have in them, and those of the database's.
const LOGS: &str = "/data/logs/";
const DATABASE: &str = "/data/db/";

/// Searches while the database cannot sync, until one is refused: what is on the log's journal waits for it, for a while.
const UNTIL_REFUSED: usize = 100;

/// The library that lets syncs fail, compiled; `None`, loudly, where there is no C compiler.
fn broken_sync(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/broken_sync.c");
    let library = folder.join("broken_sync.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    if compiled.is_ok_and(|ended| ended.success()) {
        return Some(library);
    }
    integration_tests::skip("there is no C compiler here to build a library that lets syncs fail");
    None
}

/// A court whose server runs under that library, and the file that breaks the disk while it is there, for files that have this
/// in their path.
async fn fragile(part: &str) -> Option<(Court, PathBuf)> {
    let mut court = court().await?;
    let library = broken_sync(&court.deployment.home)?;
    let flag = court.deployment.home.join("broken");
    court.deployment.stop().unwrap();
    let preload = format!("LD_PRELOAD={}", library.display());
    let broken = format!("BROKEN_SYNC={}", flag.display());
    let part = format!("BROKEN_SYNC_PART={part}");
    court.deployment.serve_under(&["env", &preload, &broken, &part]).unwrap();
    Some((court, flag))
}

/// Searches that have to be refused because nothing can be recorded.
async fn refused(court: &Court) {
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(told.contains("detroit: the audit log cannot be written: "), "{told}");
}

/// Checks that the log still says what was acknowledged.
async fn stand(court: &Court, receipts: &[Value]) {
    let entries = court.audit("detroit", 0).await;
    for receipt in receipts {
        court.check_receipt("detroit", receipt);
        let entry = entries.iter().find(|e| e["index"] == receipt["index"]).unwrap();
        let leaf: Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
        assert_eq!((&entry["leaf"], &entry["account_verified"]), (&leaf, &json!(true)));
    }
}

#[tokio::test]
async fn while_nothing_can_be_synced_nothing_is_done_and_then_the_server_goes_on_by_itself() {
    let Some((mut court, flag)) = fragile(LOGS).await else { return };
    let mut receipts = Vec::new();
    for seed in 0..3 {
        receipts.push(court.search("detroit", seed).await["receipt"].clone());
    }
    let before = court.entries("detroit").await;
    std::fs::write(&flag, "").unwrap();
    refused(&court).await;
    assert_eq!(court.entries("detroit").await, before, "nothing was added");

    std::fs::remove_file(&flag).unwrap();
    let started = Instant::now();
    let body = json!({"request": request("detroit", 4)});
    loop {
        let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
        if answer.status == 200 {
            receipts.push(answer.json().unwrap()["receipt"].clone());
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it does not go on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stand(&court, &receipts).await;
    let entries = court.audit("detroit", before).await;
    let told = entries.iter().filter(|e| e["account"]["event"]["act"] == "log-recovered");
    assert_eq!(told.count(), 1, "and says so: {entries:?}");
    court.deployment.kill().unwrap();
    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
    stand(&court, &receipts).await;
}

#[tokio::test]
async fn a_server_killed_while_nothing_could_be_synced_has_lost_nothing_acknowledged() {
    let Some((mut court, flag)) = fragile(LOGS).await else { return };
    let mut receipts = Vec::new();
    for seed in 0..3 {
        receipts.push(court.search("detroit", seed).await["receipt"].clone());
    }
    std::fs::write(&flag, "").unwrap();
    refused(&court).await;
    court.deployment.kill().unwrap();
    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
    stand(&court, &receipts).await;
    receipts.push(court.search("detroit", 5).await["receipt"].clone());
    stand(&court, &receipts).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

/// Searches; gives the receipt, or nothing where the search was refused because nothing can be kept.
async fn searched(court: &Court, seed: usize) -> Option<Value> {
    let body = json!({"request": request("detroit", seed)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    let told = answer.json().unwrap();
    if answer.status == 200 {
        return Some(told["receipt"].clone());
    }
    assert!(answer.status.is_server_error(), "{told}");
    assert!(told.get("candidates").is_none() && told.get("receipt").is_none(), "{told}");
    None
}

/// What rides on the log's journal is acknowledged, whether or not the database can make it durable. It has to be there again.
#[tokio::test]
async fn while_the_database_cannot_sync_what_is_acknowledged_stands_on_the_journal_and_then_nothing_is_done() {
    let Some((mut court, flag)) = fragile(DATABASE).await else { return };
    let mut receipts = Vec::new();
    for seed in 0..3 {
        receipts.push(searched(&court, seed).await.unwrap());
    }
    std::fs::write(&flag, "").unwrap();
    let mut refused = false;
    for seed in 0..UNTIL_REFUSED {
        match searched(&court, seed % 4).await {
            Some(receipt) => receipts.push(receipt),
            None => refused = true,
        }
        if refused {
            break;
        }
    }
    assert!(refused, "a database that cannot keep anything is noticed");
    let ready = court.client(&searcher("detroit")).get("/readyz").await.unwrap();
    assert_eq!(ready.status, 503, "whoever watches is told: {}", String::from_utf8_lossy(&ready.body));
    court.deployment.kill().unwrap();
    std::fs::remove_file(&flag).unwrap();
    court.deployment.verify().unwrap();

    court.deployment.serve().unwrap();
    stand(&court, &receipts).await;
    let entries = court.audit("detroit", 0).await;
    assert!(entries.iter().all(|entry| entry["account_verified"] == true), "no entry lacks its account");
    receipts.push(searched(&court, 3).await.expect("it goes on"));
    stand(&court, &receipts).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
