//! A full disk that gets room again: the server goes on by itself, and the log says what was.

use crate::common::{Court, SmallDisk, alarm, court_to_be_filled, path, request, searcher};
use crate::crash::{Given, Trail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn with_room_on_the_disk_again_the_server_goes_on_by_itself() {
    let mut disk = None;
    let court = court_to_be_filled(|deployment| disk = SmallDisk::mount(&deployment.home.join("data/logs")));
    let Some(mut court) = court else { return };
    let Some(_disk) = disk else {
        return integration_tests::unable("a small disk cannot be mounted here; run as root");
    };
    let logs = court.deployment.home.join("data/logs");
    assert!(court.enroll("detroit", 0..20).await.status.is_success());
    let mut trail = Trail::new("detroit");
    for seed in 0..3 {
        let found = court.search("detroit", seed).await;
        trail.given(&court, vec![Given::of(&found, found["request"].as_str().map(str::to_owned))]);
    }
    let mut client = court.client(&searcher("detroit"));
    let denied =
        json!({"request": {"gallery": "snap", "case_status": "active", "probe": request("detroit", 1)["probe"]}});
    let filler = logs.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let page = [0_u8; 4096];
    while std::io::Write::write_all(&mut file, &page).is_ok() {}
    let mut refused = false;
    for _ in 0..2000 {
        refused = !was_recorded(&court, &denied, &mut trail).await;
        if refused {
            break;
        }
    }
    assert!(refused, "with a full disk the log cannot be written");
    let ready = client.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 503, "{}", String::from_utf8_lossy(&ready.body));
    assert!(ready.json().unwrap()["impediments"].to_string().contains("the audit log cannot be written: "));
    let told = alarm(&court.outbox()).await;
    assert!(told.contains("the audit log cannot be written") && told.contains("every request is refused"), "{told}");

    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let started = Instant::now();
    while !was_recorded(&court, &denied, &mut trail).await {
        assert!(started.elapsed() < Duration::from_secs(60), "it does not go on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let recovered = loop {
        assert!(started.elapsed() < Duration::from_secs(60), "no entry says what was");
        let answer = court.client("detroit/a.feld").get("/v1/jurisdictions").await.unwrap();
        let all = answer.json().unwrap();
        let log = all.as_array().unwrap().iter().find(|j| j["id"] == "detroit").unwrap();
        let first = log["log_entries"].as_u64().unwrap().saturating_sub(100);
        let entries = format!("/v1/detroit/audit/entries?first={first}&count=200");
        let read = court.client("detroit/a.feld").get(&entries).await.unwrap().json().unwrap();
        let is_it = |entry: &&Value| entry["account"]["event"]["act"] == "log-recovered";
        if let Some(found) = read["entries"].as_array().unwrap().iter().find(is_it) {
            break found["account"]["event"]["details"].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(recovered["refused-ms"].as_str().unwrap().parse::<u64>().unwrap() > 0, "{recovered}");
    assert!(recovered["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{recovered}");
    let ready = client.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 200, "{}", String::from_utf8_lossy(&ready.body));
    let found = court.search("detroit", 1).await;
    trail.given(&court, vec![Given::of(&found, found["request"].as_str().map(str::to_owned))]);
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
    court.deployment.serve().unwrap();
    trail.follow(&court, true).await;
}

/// Whether a denial is on record: it is, or it is refused because nothing can be recorded.
async fn was_recorded(court: &Court, denied: &Value, trail: &mut Trail) -> bool {
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), denied).await.unwrap();
    let recorded = answer.status != 503;
    if recorded {
        trail.given(court, vec![Given::of(&answer.json().unwrap(), None)]);
    }
    recorded
}
