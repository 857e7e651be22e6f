//! What the database does not tell, and what jurisdictions do not tell each other.

use super::{open, raw, record};
use crate::rows::{key, key_of, text};
use crate::test_support::{at_rest, opened};
use crate::{
    AccountRow, Imposition, Jurisdiction, Kept, NewRecord, ObligationRow, RequestRow, RetentionRow, SearchRow,
    StandingRow, StoreError, schema,
};
use model::facts::AgencyKind;
use model::registry::{Agency, Gallery, Person};
use model::terms::{Digest, Instant};
use serde_json::json;
use std::time::Duration;
use surrealdb::types::{RecordId, Table, Value, object};
use tokio::task::JoinSet;

const MARKER: &str = "Jane Marker Doe";

async fn dump(jurisdiction: &Jurisdiction) -> String {
    let mut dump = String::new();
    for table in [schema::SCHEMA].into_iter().chain(schema::TABLES) {
        let vars = object! { rows: Value::Table(Table::new(table)) };
        // Printed bytes show their ASCII.
        let rows = raw(jurisdiction, "SELECT * FROM $rows", vars).await;
        assert!(!rows.is_empty(), "there is no {table} that could show anything");
        dump += &format!("{table}: {rows:?}\n");
    }
    dump
}

/// Copies what is sealed in one row to another.
async fn swap(from: (&Jurisdiction, RecordId), to: (&Jurisdiction, RecordId)) {
    let Some(Value::Object(mut row)) = raw(from.0, "SELECT * FROM $id", object! { id: from.1 }).await.pop() else {
        panic!("no such row")
    };
    row.retain(|field, _| field == "key" || field == "sealed");
    raw(to.0, "UPDATE $id MERGE $sealed", object! { id: to.1, sealed: row }).await;
}

fn account(id: &str, plain: &str) -> AccountRow {
    AccountRow { id: id.to_owned(), salt: [9; 32], plain: plain.as_bytes().to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_show_nothing_personal() {
    // Each tells the others of its changes, and takes turns with them.
    let store = open("mem://", 1).await.unwrap().among_several();
    let north = store.jurisdiction("north").await.unwrap();
    let person = Person {
        id: "p".into(),
        name: MARKER.into(),
        agency: "a".into(),
        unit: MARKER.into(),
        rank: "r".into(),
        roles: vec![],
        trainings: vec![],
        background_checked: None,
        need_reviewed: None,
        multi_factor: false,
        suspended_since: None,
    };
    let enrolled = NewRecord {
        booking: [(MARKER.to_owned(), MARKER.to_owned())].into(),
        photo: Some(MARKER.as_bytes().to_vec()),
        ..record("a", 1)
    };
    north.put_person(&person).await.unwrap();
    north.insert_records("g", vec![enrolled]).await.unwrap();
    north.seal("probe", "b", MARKER.as_bytes()).await.unwrap();
    let request = RequestRow { id: "r".into(), opened: Instant(1), body: json!({ MARKER: MARKER }) };
    north.put_request(&request).await.unwrap();
    north.put_accounts(&[account("e", MARKER)]).await.unwrap();
    let case = Digest::of(MARKER.as_bytes());
    let search = SearchRow {
        id: "s".into(),
        at: Instant(2),
        person: MARKER.into(),
        request: "r".into(),
        case_keys: vec![case.to_string(), MARKER.into()],
        probe: case,
    };
    let owed = |id: &str, open: bool| ObligationRow {
        request: Some("r".into()),
        id: id.into(),
        open,
        wake: None,
        body: MARKER.into(),
    };
    let imposed = Imposition { decision: "d".into(), request: Some("r".into()), rows: vec![owed("o", true)] };
    let retention =
        RetentionRow { subject: "probe".into(), gallery: String::new(), record: "r".into(), body: json!(MARKER) };
    let kept = [
        Kept::Search(search),
        Kept::Entry { request: "r".into(), entry: "e".into() },
        Kept::Imposed(imposed),
        Kept::Settled { row: owed("p", false), was: None },
        Kept::Stands(StandingRow { kind: "person".into(), id: "p".into(), body: json!({ MARKER: MARKER }) }),
        Kept::Retention(retention),
    ];
    north.keep(&kept).await.unwrap();
    north.lease("request r", "test/north", "stamp", Duration::from_secs(60)).await.unwrap();
    let gallery =
        Gallery { id: "g".into(), class: "c".into(), model: "m".into(), dim: 4, last_scrubbed: None, filters: vec![] };
    north.put_gallery(&gallery).await.unwrap();
    let agency = Agency {
        id: "a".into(),
        name: "An agency".into(),
        kind: AgencyKind::Other,
        participant: false,
        agreements: vec![],
        suspended_since: None,
    };
    north.put_agency(&agency).await.unwrap();
    let dumped = dump(&north).await;
    assert!(!dumped.contains(MARKER) && !dumped.contains(&case.to_string()), "{dumped}");
    let probe = |bytes: &Vec<u8>| bytes.windows(32).any(|part| part == case.0);
    assert!(!at_rest(&north, &[]).await.unwrap().iter().any(|row| row.bytes.values().any(probe)));
    let told = opened(&north).await.unwrap();
    let says =
        |(_, _, plain): &&(&str, String, Vec<u8>)| plain.windows(MARKER.len()).any(|part| part == MARKER.as_bytes());
    let mut tables: Vec<_> = told.iter().filter(says).map(|(table, _, _)| *table).collect();
    tables.dedup();
    let sealed = ["person", "booking", "photo", "blob", "request", "search_fact", "obligation", "imposition"];
    let rest = ["standing", "account", "retention"];
    assert_eq!(tables, [&sealed[..], &rest[..]].concat(), "whoever has the key reads all of these");

    north.put_agency(&Agency { name: MARKER.into(), ..agency }).await.unwrap();
    assert!(dump(&north).await.contains(MARKER), "an agency's name is not sealed: this dump would show one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_in_one_row_does_not_open_in_another() {
    let store = open("mem://", 1).await.unwrap();
    let (north, south) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("south").await.unwrap());
    let blob = |id: &str| RecordId::new(schema::BLOB, key_of(vec![text("probe"), text(id)]));
    let booking = |gallery: &str| RecordId::new(schema::BOOKING, key_of(vec![text(gallery), text("a")]));
    for jurisdiction in [&north, &south] {
        jurisdiction.seal("probe", "a", b"one").await.unwrap();
        jurisdiction.seal("probe", "b", b"two").await.unwrap();
        jurisdiction.insert_records("g", vec![record("a", 1)]).await.unwrap();
        jurisdiction.insert_records("h", vec![record("a", 2)]).await.unwrap();
        jurisdiction.put_accounts(&[account("e", "mine")]).await.unwrap();
    }

    swap((&north, blob("a")), (&north, blob("b"))).await;
    assert!(matches!(north.open_sealed("probe", "b").await, Err(StoreError::Damaged { table: "blob", .. })));
    assert_eq!(north.open_sealed("probe", "a").await.unwrap().as_deref(), Some(&b"one"[..]));

    swap((&north, booking("g")), (&north, booking("h"))).await;
    let asked = ["a".to_owned()];
    assert!(matches!(north.bookings("h", &asked).await, Err(StoreError::Damaged { table: "booking", .. })));

    let entry = || RecordId::new(schema::ACCOUNT, key("e"));
    swap((&north, entry()), (&south, entry())).await;
    assert!(matches!(south.account("e").await, Err(StoreError::Damaged { table: "account", .. })));
    assert_eq!(north.account("e").await.unwrap(), Some(account("e", "mine")));
}

#[tokio::test(flavor = "multi_thread")]
async fn jurisdictions_used_at_once_do_not_see_each_other() {
    const EACH: u64 = 40;
    let store = open("mem://", 1).await.unwrap();
    let (north, south) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("south").await.unwrap());
    let mut tasks = JoinSet::new();
    for n in 0..EACH {
        for (jurisdiction, name) in [(north.clone(), "north"), (south.clone(), "south")] {
            tasks.spawn(async move {
                let id = format!("r{n}");
                let row = RequestRow { id: id.clone(), opened: Instant(n), body: json!(name) };
                jurisdiction.put_request(&row).await.unwrap();
                jurisdiction.seal(name, &id, name.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                assert_eq!(jurisdiction.request(&id).await.unwrap(), Some(row));
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    for (jurisdiction, own, other) in [(&north, "north", "south"), (&south, "south", "north")] {
        let rows = raw(jurisdiction, "SELECT * FROM request", object! {}).await;
        assert_eq!(rows.len() as u64, EACH, "{own}");
        for n in 0..EACH {
            let id = format!("r{n}");
            assert_eq!(jurisdiction.request(&id).await.unwrap().unwrap().body, json!(own));
            assert!(jurisdiction.open_sealed(own, &id).await.unwrap().is_some());
            assert_eq!(jurisdiction.open_sealed(other, &id).await.unwrap(), None);
        }
    }
}
