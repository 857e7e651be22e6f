//! Several hosts on one database: each is told of the others' changes, and an embedded engine of one host tells nobody.

use super::{load, open, raw, record};
use crate::hosts::KEPT;
use crate::schema::GALLERY_CHANGE;
use crate::{Jurisdiction, Kept, Leased, StandingRow, Store, StoreError, Tidings};
use model::registry::Registry;
use std::collections::BTreeSet;
use std::time::Duration;
use surrealdb::types::{Table, Value, object};
use tokio::task::JoinSet;

const LOG: &str = "host/north";

async fn several() -> Store {
    open("mem://", 1).await.unwrap().among_several()
}

async fn tidings(host: &Jurisdiction) -> Tidings {
    host.tidings(LOG, &["g".to_owned()]).await.unwrap()
}

async fn changed(host: &Jurisdiction, since: u64, until: u64) -> Option<Vec<String>> {
    host.changed_since("g", since, until).await.unwrap()
}

async fn kept(host: &Jurisdiction) -> usize {
    raw(host, "SELECT VALUE id FROM $rows", object! { rows: Value::Table(Table::new(GALLERY_CHANGE)) }).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_changed_the_others_are_told_of_and_nothing_else() {
    let store = several().await;
    let (here, there) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("north").await.unwrap());
    assert!(here.of_several_hosts());
    assert_eq!(tidings(&there).await, Tidings::default());
    assert_eq!(changed(&there, 0, 0).await, Some(vec![]));

    here.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    here.insert_records("h", vec![record("elsewhere", 1)]).await.unwrap();
    assert_eq!(here.insert_records("g", vec![record("c", 3)]).await.unwrap(), 2);
    assert_eq!(tidings(&there).await.galleries.get("g"), Some(&2));
    assert_eq!(changed(&there, 0, 2).await, Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    assert_eq!(changed(&there, 1, 2).await, Some(vec!["c".to_owned()]));

    assert_eq!(there.remove_record("g", "a").await.unwrap(), Some(3));
    assert_eq!(there.set_status("g", "b", "notice-received").await.unwrap(), Some(4));
    assert_eq!(tidings(&here).await.galleries.get("g"), Some(&4), "a status is a change that others have to see");
    let records = changed(&here, 2, 4).await.unwrap();
    assert_eq!(records, ["a", "b"]);
    let templates = here.templates("g", &records).await.unwrap();
    let found: Vec<_> = templates.iter().map(|t| (t.id.as_str(), t.status.as_str())).collect();
    assert_eq!(found, [("b", "notice-received")], "the other is gone");

    assert_eq!(there.remove_record("g", "a").await.unwrap(), None);
    assert_eq!(there.set_status("g", "a", "x").await.unwrap(), None);
    assert_eq!(there.set_status("g", "b", "notice-received").await.unwrap(), Some(4), "it is that already");
    assert!(
        matches!(there.insert_records("g", vec![record("b", 9)]).await, Err(StoreError::Exists { id }) if id == "b")
    );
    assert_eq!((tidings(&here).await.galleries.get("g"), kept(&here).await), (Some(&4), 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn booking_data_that_another_host_changed_is_read_again_once_it_is_let_go() {
    let store = several().await;
    let (here, there) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("north").await.unwrap());
    here.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let ids = ["a".to_owned(), "b".to_owned()];
    let statuses = async |host: &Jurisdiction| {
        host.bookings("g", &ids).await.unwrap().into_iter().map(|b| b.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&here).await, ["active", "active"]);
    there.set_status("g", "a", "held").await.unwrap();
    here.forget_bookings("g", Some(&ids[..1])).await;
    assert_eq!(statuses(&here).await, ["held", "active"]);
    there.remove_record("g", "b").await.unwrap();
    here.forget_bookings("g", None).await;
    assert_eq!(statuses(&here).await, ["held"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_change_a_gallery_at_once_each_make_a_generation() {
    let store = several().await;
    let mut writers = JoinSet::new();
    for writer in 0..3_u32 {
        let host = store.jurisdiction("north").await.unwrap();
        writers.spawn(async move {
            for n in 0..4 {
                host.insert_records("g", vec![record(&format!("{writer}-{n}"), n)]).await.unwrap();
            }
            host.remove_record("g", &format!("{writer}-0")).await.unwrap().unwrap();
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let host = store.jurisdiction("north").await.unwrap();
    let (generation, templates) = load(&host, "g").await.unwrap();
    assert_eq!((generation, templates.len()), (15, 9));
    assert_eq!(changed(&host, 0, 15).await.unwrap().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_removed_by_all_is_one_change() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    host.insert_records("g", vec![record("a", 1)]).await.unwrap();
    let mut removers = JoinSet::new();
    for _ in 0..4 {
        let host = store.jurisdiction("north").await.unwrap();
        removers.spawn(async move { host.remove_record("g", "a").await.unwrap() });
    }
    let mut removed = Vec::new();
    while let Some(done) = removers.join_next().await {
        removed.extend(done.unwrap());
    }
    assert_eq!(removed, [2]);
    assert_eq!((host.generation("g").await.unwrap(), host.count("g").await.unwrap()), (2, 0));
    assert_eq!(host.insert_records("g", vec![record("b", 1)]).await.unwrap(), 3, "and changes go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_all_change_at_once_count_as_what_they_are_in_the_end() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    host.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..3_u32 {
        let host = store.jurisdiction("north").await.unwrap();
        writers.spawn(async move {
            for n in 0..4 {
                host.set_status("g", "a", &format!("{writer}-{n}")).await.unwrap().unwrap();
                // The same id, another face.
                if host.remove_record("g", "b").await.unwrap().is_some() {
                    host.insert_records("g", vec![record("b", 10 * writer + n)]).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    // Which compares what is there with what the gallery says it holds.
    let (generation, templates) = load(&host, "g").await.unwrap();
    assert_eq!(templates.len(), 2);
    assert!(generation > 3 * 4);
    assert_eq!(changed(&host, 0, generation).await, Some(vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_too_far_behind_is_told_so() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    host.insert_records("g", vec![record("a", 1)]).await.unwrap();
    assert_eq!(changed(&host, 0, KEPT + 1).await, None);
    assert_eq!(changed(&host, 0, 2).await, None, "a change that nobody told of");
    let all = "DELETE gallery_change";
    raw(&host, all, object! {}).await;
    assert_eq!(changed(&host, 0, 1).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_things_stand_and_the_registry_share_a_counter() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    let of_kind = |kind: &str, id: &str| {
        Kept::Stands(StandingRow { kind: kind.to_owned(), id: id.to_owned(), body: serde_json::json!({}) })
    };
    let stands = |id: &str| of_kind("person", id);
    host.put_registry(&Registry::default()).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 1);
    host.keep(&[stands("a"), stands("b")]).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 2, "one commit is one change");
    host.keep(&[Kept::Entry { request: "r".to_owned(), entry: "e".to_owned() }]).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 2);
    host.keep(&[of_kind("opening", "r"), of_kind("clock-set-right", "l/1")]).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 2, "of a mark nobody has a copy");
    host.keep(&[of_kind("opening", "r"), of_kind("agency", "a")]).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 3, "an agency beside a mark");
    host.keep(&[of_kind("revision", "v")]).await.unwrap();
    assert_eq!(tidings(&host).await.registry, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_the_last_claimants() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    host.claim(LOG, "first").await.unwrap();
    host.claim("other/north", "second").await.unwrap();
    assert_eq!(tidings(&host).await.writer.as_deref(), Some("first"));
    host.claim(LOG, "third").await.unwrap();
    assert_eq!(tidings(&host).await.writer.as_deref(), Some("third"));
    assert_eq!(host.logs().await.unwrap(), [LOG, "other/north"], "each once");
    assert_eq!(host.other_logs(LOG).await.unwrap(), ["other/north"]);
    assert_eq!(host.other_logs("third/north").await.unwrap(), [LOG, "other/north"]);
    // A gallery that is called like a counter is a gallery.
    host.insert_records("registry", vec![record("a", 1)]).await.unwrap();
    let told = host.tidings(LOG, &["registry".to_owned()]).await.unwrap();
    assert_eq!((told.registry, told.galleries.get("registry")), (0, Some(&1)));
    assert_eq!(host.logs().await.unwrap().len(), 2, "and no log");
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

const TAKEN: Leased = Leased::Taken { after: None };

async fn lease(host: &Jurisdiction, log: &str, stamp: &str, lasts: Duration) -> Leased {
    host.lease("r", log, stamp, lasts).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_one_hosts_until_it_lets_go() {
    let store = several().await;
    let (here, there) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("north").await.unwrap());
    assert_eq!(lease(&here, LOG, "1", LONG).await, TAKEN);
    assert_eq!(lease(&there, "other/north", "2", LONG).await, Leased::Elsewhere);
    assert_eq!(there.lease("another", "other/north", "2", LONG).await.unwrap(), TAKEN, "of that it is not the turn");
    assert!(!there.prolong("r", "2", LONG).await.unwrap() && here.prolong("r", "1", LONG).await.unwrap());
    assert_eq!(lease(&here, LOG, "3", LONG).await, TAKEN, "its own is taken anew");
    assert!(!here.prolong("r", "1", LONG).await.unwrap(), "and the one before is none any more");
    here.let_go("r", "1").await.unwrap();
    there.let_go("r", "2").await.unwrap();
    assert_eq!(lease(&there, "other/north", "4", LONG).await, Leased::Elsewhere);
    here.let_go("r", "3").await.unwrap();
    assert_eq!(lease(&there, "other/north", "5", LONG).await, TAKEN);
    assert_eq!(lease(&here, LOG, "6", LONG).await, Leased::Elsewhere);
    here.let_go_all(LOG).await.unwrap();
    assert_eq!(lease(&here, LOG, "7", LONG).await, Leased::Elsewhere, "of the other's nothing goes");
    here.let_go_all("other/north").await.unwrap();
    assert_eq!(lease(&here, LOG, "8", LONG).await, TAKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_ran_out_is_anybodys_and_it_is_said_whose_it_was() {
    let store = several().await;
    let host = store.jurisdiction("north").await.unwrap();
    assert_eq!(lease(&host, LOG, "1", Duration::ZERO).await, TAKEN);
    assert!(host.prolong("r", "1", Duration::ZERO).await.unwrap(), "nobody has taken it yet");
    assert_eq!(lease(&host, "other/north", "2", LONG).await, Leased::Taken { after: Some(LOG.to_owned()) });
    assert!(!host.prolong("r", "1", LONG).await.unwrap());
    assert_eq!(lease(&host, LOG, "3", LONG).await, Leased::Elsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_want_a_turn_at_once_one_has_it() {
    let store = several().await;
    let mut hosts = JoinSet::new();
    for n in 0..4 {
        let host = store.jurisdiction("north").await.unwrap();
        hosts.spawn(async move { lease(&host, &format!("{n}/north"), &n.to_string(), LONG).await });
    }
    let mut taken = 0;
    while let Some(leased) = hosts.join_next().await {
        taken += usize::from(leased.unwrap() == TAKEN);
    }
    assert_eq!(taken, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_host_tells_nobody() {
    let host = open("mem://", 1).await.unwrap().jurisdiction("north").await.unwrap();
    assert!(!host.of_several_hosts());
    assert!(host.other_logs(LOG).await.unwrap().is_empty());
    host.put_registry(&Registry::default()).await.unwrap();
    host.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    host.set_status("g", "a", "held").await.unwrap();
    host.remove_record("g", "b").await.unwrap();
    let told = tidings(&host).await;
    assert_eq!((told.registry, told.galleries.get("g"), kept(&host).await), (0, Some(&3), 0));
    let ids: BTreeSet<String> = load(&host, "g").await.unwrap().1.into_iter().map(|t| t.id).collect();
    assert_eq!(ids, BTreeSet::from(["a".to_owned()]));
}
