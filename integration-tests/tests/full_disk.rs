//! A disk that is full, under the real program: nothing is done that cannot be recorded, and whatever was acknowledged, before and
//! while it filled up, stands. Once with the logs on it and once with all that the server keeps.

use crate::common::{Court, SmallDisk, alarm, court_to_be_filled, path, request, searcher};
use crate::crash::{Given, Trail};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const JURISDICTIONS: [&str; 2] = ["detroit", "st-louis"];

/// Where notices and alarms go.
const OUTBOX: &str = "outbox";

/// Searches of each jurisdiction before the disk fills up.
const BEFORE: usize = 4;

/// Steps that are tried while it is full, at the most and, once one was refused, at the least.
const TRIED: usize = 2000;
const TRIED_STILL: usize = 10;

/// A court with this part of its folder on a small disk, and where that is; `None`, loudly, where none can be mounted.
async fn court(part: &str) -> Option<(Court, SmallDisk, PathBuf)> {
    let mut disk = None;
    let court = court_to_be_filled(|deployment| {
        // Where there is room for alarms, whatever fills up.
        let config = std::fs::read_to_string(deployment.config()).unwrap();
        assert_eq!(config.matches("\nfolder = \"data/outbox\"\n").count(), 1);
        std::fs::write(deployment.config(), config.replace("\"data/outbox\"", &format!("\"{OUTBOX}\""))).unwrap();
        disk = SmallDisk::mount(&deployment.home.join(part));
    })?;
    let Some(disk) = disk else {
        integration_tests::unable("a small disk cannot be mounted here; run as root");
        return None;
    };
    for jurisdiction in JURISDICTIONS {
        let answer = court.enroll(jurisdiction, 0..20).await;
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
    }
    let place = court.deployment.home.join(part);
    Some((court, disk, place))
}

/// Fills a disk to the last byte; gives the file that does.
fn fill(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for size in [4096, 1] {
        let page = vec![0_u8; size];
        while file.write_all(&page).is_ok() {}
    }
    filler
}

/// Asks for a search, permitted or not. What was answered, with its receipt; `None` where it was refused because nothing can be
/// recorded.
async fn tried(court: &Court, jurisdiction: &str, seed: usize, permitted: bool) -> Option<Value> {
    let mut request = request(jurisdiction, seed);
    if !permitted {
        // Of which next to nothing is said.
        request = json!({"gallery": request["gallery"], "case_status": "active", "probe": request["probe"]});
    }
    let mut client = court.client(&searcher(jurisdiction));
    let answer = client.post(&path(jurisdiction), &json!({"request": request, "candidates": 3})).await.unwrap();
    let told = answer.json().unwrap();
    if answer.status.is_server_error() {
        assert!(told.get("candidates").is_none() && told.get("receipt").is_none(), "{told}");
        return None;
    }
    let expected: &[u16] = if permitted { &[200] } else { &[403, 409] };
    assert!(expected.contains(&answer.status.as_u16()), "{told}");
    Some(told)
}

async fn stands(part: &str) {
    let Some((mut court, _disk, place)) = court(part).await else { return };
    let mut trails = JURISDICTIONS.map(Trail::new);
    for (trail, jurisdiction) in trails.iter_mut().zip(JURISDICTIONS) {
        for seed in 0..BEFORE {
            let found = tried(&court, jurisdiction, seed, true).await.expect("there is room");
            trail.given(&court, vec![Given::of(&found, found["request"].as_str().map(str::to_owned))]);
        }
    }

    let filler = fill(&place);
    let (mut refused, mut step) = ([0; 2], 0);
    while refused.iter().any(|refused| *refused < TRIED_STILL) {
        assert!(step < TRIED, "{part}: with a full disk nothing can be recorded, and {refused:?} were refused");
        for (i, (trail, jurisdiction)) in trails.iter_mut().zip(JURISDICTIONS).enumerate() {
            match tried(&court, jurisdiction, step % BEFORE, step % 2 == 0).await {
                Some(told) => trail.given(&court, vec![Given::of(&told, None)]),
                None => refused[i] += 1,
            }
        }
        step += 1;
    }
    let mut client = court.client(&searcher("detroit"));
    let ready = client.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 503, "{part}: whoever watches is told: {}", String::from_utf8_lossy(&ready.body));
    let told = alarm(&court.deployment.home.join(OUTBOX)).await;
    assert!(told.contains("cannot be written") && told.contains("every request is refused"), "{part}: {told}");

    court.deployment.kill().unwrap();
    std::fs::remove_file(&filler).unwrap();
    court.deployment.verify().unwrap();
    trails.iter().for_each(|trail| trail.check_offline(&court));
    court.deployment.serve().unwrap();
    for trail in &mut trails {
        trail.follow(&court, true).await;
    }
    for jurisdiction in JURISDICTIONS {
        assert_eq!(court.search(jurisdiction, 1).await["candidates"][0]["record_id"], "r0001", "it goes on");
    }
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trails.iter().for_each(|trail| trail.check_offline(&court));
}

#[tokio::test]
async fn with_the_logs_on_a_full_disk_nothing_is_done_and_what_was_acknowledged_stands() {
    stands("data/logs").await;
}

#[tokio::test]
async fn with_the_database_on_a_full_disk_too_nothing_is_done_and_what_was_acknowledged_stands() {
    stands("data").await;
}
