//! What a killed host had not brought to its database yet. Until it starts again, whoever looks into accounts finds it on the log's
//! journal, and no sound host is accused of having lost it.

use crate::common::books::{Books, database};
use crate::common::{Court, court};
use crate::forged::{CONFIG, KEY, accounts, audit, entries, replay, said};
use integration_tests::{copy, put_back};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Entries of the searches before the kill: five each.
const SEARCHED: usize = 15;

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
    put_back(&rows, &before).unwrap();
    Some((court, before))
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_next_start_accounts_are_read_off_the_journal_and_none_counts_as_lost() {
    let Some((mut court, before)) = killed().await else { return };
    let (code, found) = accounts(&court);
    let riding: Vec<u64> = serde_json::from_value(found["accounts_on_the_journal"].clone()).unwrap();
    let shown = entries(&court);
    let size = shown.len() as u64;
    assert_eq!((code, &found["accounts_missing"]), (Some(0), &json!([])), "{found}");
    assert_eq!(found["accounts_verified"], size, "{found}");
    assert!(riding.len() > SEARCHED, "the start, and three searches: {riding:?}");
    assert_eq!(riding, (riding[0]..size).collect::<Vec<_>>(), "the last entries");
    let text = said(&audit(&court, &[&["verify", "--accounts"], &CONFIG]));
    assert!(text.contains("still on the journal alone") && !text.contains("NOT VERIFIED"), "{text}");
    assert!(text.contains(&format!(": {size} entries, root ")), "{text}");

    let (code, replayed) = replay(&court);
    let [counts] = replayed.as_slice() else { panic!("nothing is missing: {replayed:?}") };
    assert_eq!((code, &counts["missing"], &counts["same"]), (Some(0), &json!(0), &counts["decisions"]), "{counts}");
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
    let (code, found) = accounts(&court);
    assert_eq!((code, &found["accounts_missing"]), (Some(4), &json!([1])), "{found}");
    assert_eq!(found["accounts_on_the_journal"], json!(riding));

    put_back(&court.deployment.home.join("data/db"), &before).unwrap();
    court.deployment.serve().unwrap();
    court.deployment.stop().unwrap();
    court.log_and_database_agree();
    let (code, found) = accounts(&court);
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

    put_back(&log, &earlier).unwrap();
    let (code, found) = accounts(&court);
    assert_eq!((code, &found["accounts_on_the_journal"]), (Some(4), &json!([])), "{found}");
    assert_eq!(found["accounts_missing"], json!([gone["index"]]), "{found}");
    assert!(found["accounts_of_no_entry"].as_u64() > Some(0), "the database knows of later entries: {found}");
}
