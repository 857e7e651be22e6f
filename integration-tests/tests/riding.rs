//! What a killed host had not brought to its database yet. Until it starts again, whoever looks into accounts finds it on the log's
//! journal, and no sound host is accused of having lost it.

use crate::common::books::{Books, database};
use crate::common::{Court, court};
use integration_tests::copy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const CONFIG: [&str; 4] = ["--config", "magistrate.toml", "--jurisdiction", "detroit"];
const KEY: [&str; 2] = ["--key", "log-keys/detroit.vkey"];

/// Entries of the searches before the kill: five each.
const SEARCHED: usize = 15;

fn audit(court: &Court, parts: &[&[&str]]) -> Output {
    court.deployment.run(&[&["audit"][..], &parts.concat()].concat()).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// How a command ends, and what it prints as JSON lines.
fn told(output: &Output) -> (Option<i32>, Vec<Value>) {
    let lines =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), lines)
}

/// How looking at the accounts ends, what it says of the log, and what of them.
fn accounts(court: &Court) -> (Option<i32>, Value, Value) {
    let verified = audit(court, &[&["verify"], &CONFIG, &["--accounts", "--json"]]);
    let (code, mut lines) = told(&verified);
    assert_eq!(lines.len(), 2, "{}", said(&verified));
    let accounts = lines.remove(1);
    (code, lines.remove(0), accounts)
}

/// Every entry of the log with its account.
fn entries(court: &Court) -> Vec<Value> {
    let shown = audit(court, &[&["show"], &CONFIG, &["--accounts", "--json", "--count", "10000"]]);
    assert!(shown.status.success(), "{}", said(&shown));
    told(&shown).1
}

/// Puts a copy of a folder in its place.
fn put_back(folder: &Path, copied: &Path) {
    std::fs::remove_dir_all(folder).unwrap();
    copy(copied, folder).unwrap();
}

/// A deployment that was killed before anything that it recorded since its last start was in the database; and the database as it
/// was then.
async fn killed() -> Option<(Court, PathBuf)> {
    let mut court = court().await?;
    court.deployment.stop().unwrap();
    let (rows, before) = (court.deployment.home.join("data/db"), court.deployment.home.join("before"));
    copy(&rows, &before).unwrap();
    court.deployment.serve().unwrap();
    for seed in 0..3 {
        court.search("detroit", seed).await;
    }
    court.deployment.kill().unwrap();
    put_back(&rows, &before);
    Some((court, before))
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_next_start_accounts_are_read_off_the_journal_and_none_counts_as_lost() {
    let Some((mut court, before)) = killed().await else { return };
    let (code, log, found) = accounts(&court);
    let riding: Vec<u64> = serde_json::from_value(found["accounts_on_the_journal"].clone()).unwrap();
    let size = log["entries"].as_u64().unwrap();
    assert_eq!((code, &found["accounts_missing"]), (Some(0), &json!([])), "{found}");
    assert_eq!(found["accounts_verified"], log["entries"], "{found}");
    assert!(riding.len() > SEARCHED, "the start, and three searches: {riding:?}");
    assert_eq!(riding, (riding[0]..size).collect::<Vec<_>>(), "the last entries");
    let text = said(&audit(&court, &[&["verify", "--accounts"], &CONFIG]));
    assert!(text.contains("still on the journal alone") && !text.contains("NOT VERIFIED"), "{text}");

    let (code, replayed) = told(&audit(&court, &[&["replay", "--json"], &CONFIG]));
    let [counts] = replayed.as_slice() else { panic!("nothing is missing: {replayed:?}") };
    assert_eq!((code, &counts["missing"], &counts["same"]), (Some(0), &json!(0), &counts["decisions"]), "{counts}");
    let shown = entries(&court);
    assert_eq!(shown.len() as u64, size);
    assert!(shown.iter().all(|entry| entry["account_verified"] == true), "{shown:?}");
    let case = ["--case", "incident-number:26-0310-114", "--out", "disclosure"];
    let exported = audit(&court, &[&["export"], &CONFIG[..], &case]);
    assert!(exported.status.success(), "{}", said(&exported));
    let manifest = std::fs::read(court.deployment.home.join("disclosure/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["completeness"]["searches"].as_array().map(Vec::len), Some(3), "{manifest}");
    let whole = audit(&court, &[&["verify-export", "disclosure"], &KEY]);
    assert!(whole.status.success(), "{}", said(&whole));

    // Rows that ride there, too, are no difference; nor are they agreed.
    let checked = court.deployment.run(&["store", "check", "--config", "magistrate.toml"]).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    assert!(said(&checked).contains("start and stop the server once") && !said(&checked).contains("DIFFERS"));

    // What is neither there nor on the journal is lost.
    let store = database(&court.deployment.home).await;
    let rows = store.jurisdiction("detroit").await.unwrap();
    let id = shown[1]["leaf"]["id"].as_str().unwrap().to_owned();
    assert_eq!(rows.destroy_accounts(&[id]).await.unwrap(), 1);
    drop(rows);
    store.close().await;
    let (code, _, found) = accounts(&court);
    assert_eq!((code, &found["accounts_missing"]), (Some(4), &json!([1])), "{found}");
    assert_eq!(found["accounts_on_the_journal"], json!(riding));

    put_back(&court.deployment.home.join("data/db"), &before);
    court.deployment.serve().unwrap();
    court.deployment.stop().unwrap();
    court.log_and_database_agree();
    let (code, _, found) = accounts(&court);
    assert_eq!(
        (code, &found["accounts_on_the_journal"]),
        (Some(0), &json!([])),
        "the start brought them there: {found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rides_on_an_earlier_copy_of_a_log_does_not_come_back() {
    let Some((mut court, _)) = killed().await else { return };
    let (log, earlier) = (court.deployment.home.join("data/logs/detroit"), court.deployment.home.join("earlier"));
    copy(&log, &earlier).unwrap();
    let gone = entries(&court).pop().unwrap();
    court.deployment.serve().unwrap();
    court.search("detroit", 4).await;
    court.deployment.stop().unwrap();
    let books = Books::open(&court.deployment, "detroit").await;
    let id = gone["leaf"]["id"].as_str().unwrap().to_owned();
    assert_eq!(books.rows.destroy_accounts(&[id]).await.unwrap(), 1, "the start brought it to the database");
    books.close().await;

    put_back(&log, &earlier);
    let (code, _, found) = accounts(&court);
    assert_eq!((code, &found["accounts_on_the_journal"]), (Some(4), &json!([])), "{found}");
    assert_eq!(found["accounts_missing"], json!([gone["index"]]), "{found}");
    assert!(found["accounts_of_no_entry"].as_u64() > Some(0), "the database knows of later entries: {found}");
}
