//! A disk that takes what is written and cannot make it durable, takes half of it, or does not answer, under the real program: nothing counts as
//! done, what counted before stands, nothing was done unlogged, and the server goes on once the disk can again.

use crate::common::{Court, alarm, alarm_but, alarms, court, http2, path, request, searcher, until};
use crate::crash::{Given, Trail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the paths of the logs' files have in them, and those of the database's.
const LOGS: &str = "/data/logs/";
const DATABASE: &str = "/data/db/";
const GALLERIES: &str = "/data/galleries/";

/// Searches while the database cannot sync, until one is refused: what is on the log's journal waits for it, for a while.
const UNTIL_REFUSED: usize = 100;

/// The library that lets syncs and writes fail, compiled; `None`, loudly, where there is no C compiler.
fn broken_sync(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/broken_sync.c");
    let library = folder.join("broken_sync.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
    if compiled.is_ok_and(|ended| ended.success()) {
        return Some(library);
    }
    integration_tests::unable("there is no C compiler here to build a library that lets syncs and writes fail");
    None
}

/// Files that break the disk while they are there.
struct Flags {
    syncs: PathBuf,
    writes: PathBuf,
    hangs: PathBuf,
    locks: PathBuf,
}

/// A court whose server runs under that library, and what breaks the disk, for files that have this in their path.
async fn fragile(part: &str) -> Option<(Court, Flags)> {
    let mut court = court().await?;
    broken_sync(&court.deployment.home)?;
    let flag = |name: &str| court.deployment.home.join(name);
    let flags =
        Flags { syncs: flag("no-syncs"), writes: flag("no-writes"), hangs: flag("no-answer"), locks: flag("no-lock") };
    court.deployment.stop().unwrap();
    serve_fragile(&mut court, &flags, part);
    Some((court, flags))
}

/// Serves under that library.
fn serve_fragile(court: &mut Court, flags: &Flags, part: &str) {
    serve_fragile_under(court, flags, part, &[]);
}

/// The same at the end of another command.
fn serve_fragile_under(court: &mut Court, flags: &Flags, part: &str, launcher: &[&str]) {
    let preload = format!("LD_PRELOAD={}", court.deployment.home.join("broken_sync.so").display());
    let syncs = format!("BROKEN_SYNC={}", flags.syncs.display());
    let writes = format!("BROKEN_WRITE={}", flags.writes.display());
    let hangs = format!("BROKEN_HANG={}", flags.hangs.display());
    let locks = format!("BROKEN_LOCK={}", flags.locks.display());
    let part = format!("BROKEN_PART={part}");
    let fragile: [&str; 7] = ["env", &preload, &syncs, &writes, &hangs, &locks, &part];
    court.deployment.serve_under(&[&fragile[..], launcher].concat()).unwrap();
}

/// The same, with what it says to whoever started it in a file.
fn serve_fragile_told(court: &mut Court, flags: &Flags, part: &str) -> PathBuf {
    let told = court.deployment.home.join("told");
    let file = told.display().to_string();
    serve_fragile_under(court, flags, part, &["sh", "-c", r#"exec "$@" 2>"$0""#, &file]);
    told
}

/// Remembers what a search was answered.
fn given(trail: &mut Trail, court: &Court, found: &Value) {
    trail.given(court, vec![Given::of(found, found["request"].as_str().map(str::to_owned))]);
}

/// A trail with the answers to so many searches.
async fn searches(court: &Court, number: usize) -> Trail {
    let mut trail = Trail::new("detroit");
    for seed in 0..number {
        given(&mut trail, court, &court.search("detroit", seed).await);
    }
    trail
}

/// Searches until that is done; gives the answer.
async fn goes_on(court: &Court) -> Value {
    let started = Instant::now();
    let body = json!({"request": request("detroit", 4)});
    loop {
        // A connection may be made anew meanwhile.
        if let Ok(answer) = court.client(&searcher("detroit")).post(&path("detroit"), &body).await
            && answer.status == 200
        {
            return answer.json().unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it does not go on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How often it is on record since this entry that the log could not be written.
async fn recoveries(court: &Court, since: u64) -> usize {
    let entries = court.audit("detroit", since).await;
    entries.iter().filter(|e| e["account"]["event"]["act"] == "log-recovered").count()
}

/// Searches that have to be refused because nothing can be recorded.
async fn refused(court: &Court) {
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(told.contains("detroit: the audit log cannot be written: "), "{told}");
}

#[tokio::test]
async fn while_nothing_can_be_synced_or_written_nothing_is_done_and_then_the_server_goes_on_by_itself() {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 3).await;
    let first = court.entries("detroit").await;
    for (broken, flag) in [&flags.syncs, &flags.writes].into_iter().enumerate() {
        let (before, known) = (court.entries("detroit").await, alarms(&court.outbox()));
        std::fs::write(flag, "").unwrap();
        refused(&court).await;
        assert_eq!(court.entries("detroit").await, before, "nothing was added");

        let told = alarm_but(&court.outbox(), &known).await;
        assert!(told.contains("administrator") && told.contains("the audit log cannot be written"), "{told}");
        assert!(told.contains("every request is refused"), "{told}");

        std::fs::remove_file(flag).unwrap();
        given(&mut trail, &court, &goes_on(&court).await);
        trail.follow(&court, true).await;
        assert_eq!(recoveries(&court, first).await, broken + 1, "and says so");
    }
    court.deployment.kill().unwrap();
    court.deployment.verify().unwrap();
    trail.check_offline(&court);
    court.deployment.serve().unwrap();
    trail.follow(&court, true).await;
}

/// Searches while the disk of the log hangs: nobody knows what comes of it.
async fn hangs(court: &Court) {
    let body = json!({"request": request("detroit", 0)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 503, "{problem}");
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains("has not returned for") && told.contains("before you repeat it"), "{told}");
    assert!(!told.contains("nothing was done"), "it may be: {told}");
    assert!(problem.get("candidates").is_none() && problem.get("receipt").is_none(), "{problem}");
}

#[tokio::test]
async fn while_the_disk_of_a_log_does_not_answer_everybody_is_told_and_then_the_server_goes_on_by_itself() {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 3).await;
    let first = court.entries("detroit").await;
    std::fs::write(&flags.hangs, "").unwrap();
    hangs(&court).await;
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(
        told.contains("detroit: the audit log cannot be written: a write of the log has not returned for"),
        "{told}"
    );
    assert_eq!(court.entries("detroit").await, first, "nothing is on record yet");
    let told = alarm(&court.outbox()).await;
    assert!(told.contains("the audit log cannot be written") && told.contains("has not returned for"), "{told}");

    std::fs::remove_file(&flags.hangs).unwrap();
    given(&mut trail, &court, &goes_on(&court).await);
    trail.follow(&court, true).await;
    until("it does not say so", || async { recoveries(&court, first).await > 0 }).await;
    trail.follow(&court, true).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
}

#[tokio::test]
async fn a_server_whose_log_does_not_answer_can_be_stopped_and_has_lost_nothing_acknowledged() {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 1).await;
    std::fs::write(&flags.hangs, "").unwrap();
    assert!(court.deployment.stop().is_err(), "it ends, and says that the stop is not on record");
    std::fs::remove_file(&flags.hangs).unwrap();
    court.deployment.verify().unwrap();
    trail.check_offline(&court);
    serve_fragile(&mut court, &flags, LOGS);
    trail.follow(&court, true).await;
}

#[tokio::test]
async fn a_server_killed_while_nothing_could_be_synced_or_written_has_lost_nothing_acknowledged() {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 3).await;
    for flag in [&flags.syncs, &flags.writes] {
        std::fs::write(flag, "").unwrap();
        refused(&court).await;
        court.deployment.kill().unwrap();
        std::fs::remove_file(flag).unwrap();
        court.deployment.verify().unwrap();
        trail.check_offline(&court);
        serve_fragile(&mut court, &flags, LOGS);
        trail.follow(&court, true).await;
        given(&mut trail, &court, &court.search("detroit", 5).await);
    }
    trail.follow(&court, true).await;
    court.deployment.stop().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
}

#[tokio::test]
async fn a_server_that_starts_while_nothing_can_be_synced_says_so_and_goes_on_by_itself() {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 1).await;
    let before = court.entries("detroit").await;
    std::fs::write(&flags.syncs, "").unwrap();
    refused(&court).await;
    court.deployment.kill().unwrap();
    let _ = std::fs::remove_dir_all(court.outbox());

    serve_fragile(&mut court, &flags, LOGS);
    refused(&court).await;
    let mut client = court.client(&searcher("st-louis"));
    let told = client.get("/readyz").await.unwrap().json().unwrap();
    assert_eq!(told["impediments"], json!(["detroit: not ready"]), "why is for its own people");
    assert_eq!(client.get("/healthz").await.unwrap().status, 200, "another start would change nothing");
    let told = alarm(&court.outbox()).await;
    assert!(told.contains("the audit log cannot be written"), "{told}");
    let mut over_http2 = http2::greet(&court.deployment, &searcher("detroit")).await;
    over_http2.get("/v1/jurisdictions").await;
    let answer = over_http2.answer().await;
    assert!(answer.contains("nothing was done") && answer.contains("503"), "{answer}");

    std::fs::remove_file(&flags.syncs).unwrap();
    given(&mut trail, &court, &goes_on(&court).await);
    trail.follow(&court, true).await;
    assert_eq!(recoveries(&court, before).await, 1, "and says so");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
}

/// A start while the disk of the logs hangs, as long as this flag is there.
async fn a_start_goes_on(flag: impl Fn(&Flags) -> PathBuf) {
    let Some((mut court, flags)) = fragile(LOGS).await else { return };
    let mut trail = searches(&court, 1).await;
    let before = court.entries("detroit").await;
    court.deployment.kill().unwrap();
    let _ = std::fs::remove_dir_all(court.outbox());
    std::fs::write(flag(&flags), "").unwrap();

    let told = serve_fragile_told(&mut court, &flags, LOGS);
    let told = std::fs::read_to_string(told).unwrap();
    assert!(told.contains("the start waits for it") && told.contains("data/logs/detroit"), "{told}");
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(told.contains("detroit: the audit log cannot be written: ") && told.contains("has not returned"), "{told}");
    assert_eq!(court.client(&searcher("detroit")).get("/healthz").await.unwrap().status, 200);
    let told = alarm(&court.outbox()).await;
    assert!(told.contains("the audit log cannot be written") && told.contains("data/logs/detroit"), "{told}");

    std::fs::remove_file(flag(&flags)).unwrap();
    given(&mut trail, &court, &goes_on(&court).await);
    trail.follow(&court, true).await;
    assert_eq!(recoveries(&court, before).await, 1, "and says so");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
}

#[tokio::test]
async fn a_server_that_starts_while_a_log_cannot_be_read_for_its_disk_hangs_says_where_and_goes_on_by_itself() {
    a_start_goes_on(|flags| flags.locks.clone()).await;
}

#[tokio::test]
async fn a_server_that_starts_while_a_log_cannot_be_opened_for_its_disk_hangs_says_where_and_goes_on_by_itself() {
    a_start_goes_on(|flags| flags.hangs.clone()).await;
}

#[tokio::test]
async fn a_server_whose_galleries_disk_does_not_answer_can_be_stopped_says_what_is_not_saved_and_has_lost_nothing() {
    let Some((mut court, flags)) = fragile(GALLERIES).await else { return };
    court.deployment.stop().unwrap();
    let told = serve_fragile_told(&mut court, &flags, GALLERIES);
    // What a snapshot would have to be made of.
    assert!(court.enroll("detroit", 23..24).await.status.is_success());
    let mut trail = searches(&court, 3).await;
    std::fs::write(&flags.hangs, "").unwrap();
    court.deployment.stop().expect("it ends well: what is not saved is made again");
    std::fs::remove_file(&flags.hangs).unwrap();
    let told = std::fs::read_to_string(told).unwrap();
    assert!(told.contains("no snapshot was made of the gallery in time") && told.contains("snap"), "{told}");
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);

    court.deployment.serve().unwrap();
    assert_eq!(court.search("detroit", 23).await["candidates"][0]["record_id"], "r0023");
    trail.follow(&court, true).await;
}

#[tokio::test]
async fn of_a_start_that_fails_somebody_is_told() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let registry = court.deployment.home.join("policies/detroit/registry.toml");
    let text = std::fs::read_to_string(&registry).unwrap();
    std::fs::write(&registry, text.replacen("background_checked =", "backround_checked =", 1)).unwrap();
    for _ in 0..2 {
        assert!(court.deployment.serve().unwrap_err().to_string().contains("backround_checked"));
    }
    let alarms = alarms(&court.outbox());
    assert!((1..=2).contains(&alarms.len()), "one an hour, however often it is tried: {alarms:?}");
    assert!(alarms[0].contains("the host does not start") && alarms[0].contains("registry.toml"), "{alarms:?}");
}

/// Searches; gives the answer, or nothing where the search was refused because nothing can be kept.
async fn searched(court: &Court, seed: usize) -> Option<Value> {
    let body = json!({"request": request("detroit", seed)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    let told = answer.json().unwrap();
    if answer.status == 200 {
        return Some(told);
    }
    assert!(answer.status.is_server_error(), "{told}");
    assert!(told.get("candidates").is_none() && told.get("receipt").is_none(), "{told}");
    None
}

/// What rides on the log's journal is acknowledged, whether or not the database can make it durable. It has to be there again.
#[tokio::test]
async fn while_the_database_cannot_sync_what_is_acknowledged_stands_on_the_journal_and_then_nothing_is_done() {
    let Some((mut court, flags)) = fragile(DATABASE).await else { return };
    let mut trail = searches(&court, 3).await;
    std::fs::write(&flags.syncs, "").unwrap();
    let mut refused = false;
    for seed in 0..UNTIL_REFUSED {
        match searched(&court, seed % 4).await {
            Some(found) => given(&mut trail, &court, &found),
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
    std::fs::remove_file(&flags.syncs).unwrap();
    court.deployment.verify().unwrap();
    trail.check_offline(&court);

    court.deployment.serve().unwrap();
    trail.follow(&court, true).await;
    given(&mut trail, &court, &searched(&court, 3).await.expect("it goes on"));
    trail.follow(&court, true).await;
    court.deployment.stop().unwrap();
    court.log_and_database_agree();
    trail.check_offline(&court);
}
