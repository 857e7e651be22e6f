//! What is left of what was destroyed: nothing once the database has been written anew.

use super::{load, north, open, raw, record};
use crate::rows::{key, key_of, text};
use crate::test_support::{at_rest, holds};
use crate::{AccountRow, Jurisdiction, Kept, NewRecord, Provenance, RequestRow, RetentionRow, StoreError, schema};
use model::terms::Instant;
use serde_json::json;
use surrealdb::types::{RecordId, Value, object};

/// The wrapped key of a sealed row.
async fn wrapped(jurisdiction: &Jurisdiction, id: RecordId) -> Vec<u8> {
    let Some(Value::Object(mut row)) = raw(jurisdiction, "SELECT * FROM $id", object! { id: id }).await.pop() else {
        panic!("no such row")
    };
    let Some(Value::Bytes(bytes)) = row.remove("key") else { panic!("it is not sealed") };
    bytes.to_vec()
}

fn account(id: &str) -> AccountRow {
    AccountRow { id: id.to_owned(), salt: [3; 32], plain: b"who, why, what".to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_written_anew_holds_what_is_left_and_no_key_of_what_is_not() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = |folder: &tempfile::TempDir| format!("surrealkv://{}", folder.path().join("db").display());
    let store = open(&url(&old), 1).await.unwrap();
    let (north, south) = (store.jurisdiction("north").await.unwrap(), store.jurisdiction("south").await.unwrap());
    let photographed = |id: &str, seed| NewRecord { photo: Some(b"pixels".to_vec()), ..record(id, seed) };
    north.insert_records("g", vec![photographed("gone", 1), photographed("stays", 2)]).await.unwrap();
    north.seal("probe", "gone", b"pixels").await.unwrap();
    north.put_accounts(&[account("gone"), account("stays")]).await.unwrap();
    north.put_request(&RequestRow { id: "r".into(), opened: Instant(1), body: json!("r") }).await.unwrap();
    south.put_accounts(&[account("southern")]).await.unwrap();
    let pair = |a: &str, b: &str| key_of(vec![text(a), text(b)]);
    let keys = [
        wrapped(&north, RecordId::new(schema::BOOKING, pair("g", "gone"))).await,
        wrapped(&north, RecordId::new(schema::PHOTO, pair("g", "gone"))).await,
        wrapped(&north, RecordId::new(schema::BLOB, pair("probe", "gone"))).await,
        wrapped(&north, RecordId::new(schema::ACCOUNT, key("gone"))).await,
    ];
    assert!(keys.iter().all(|key| holds(old.path(), key).unwrap()), "this search would find one");
    let every = at_rest(&north, &[]).await.unwrap();
    for key in &keys {
        let row = every.iter().find(|row| row.bytes.get("key") == Some(key)).unwrap();
        assert!(row.key.contains("gone") && !row.bytes["sealed"].is_empty(), "{row:?}");
    }
    let others = at_rest(&north, &[schema::ACCOUNT]).await.unwrap();
    assert!(others.len() < every.len() && others.iter().all(|row| row.table != schema::ACCOUNT));

    north.remove_record("g", "gone").await.unwrap();
    assert!(north.destroy("probe", "gone").await.unwrap());
    assert_eq!(north.destroy_accounts(&["gone".to_owned(), "never".to_owned()]).await.unwrap(), 1);
    assert_eq!(north.destroy_accounts(&["gone".to_owned()]).await.unwrap(), 0);
    assert_eq!(store.jurisdictions("north").await.unwrap(), ["north", "south"]);

    let fresh = open(&url(&new), 1).await.unwrap();
    for id in store.jurisdictions("north").await.unwrap() {
        let (from, to) = (store.jurisdiction(&id).await.unwrap(), fresh.jurisdiction(&id).await.unwrap());
        assert!(from.rewrite(&to, &|_| {}).await.unwrap() > 0);
        assert!(matches!(from.rewrite(&to, &|_| {}).await, Err(StoreError::Exists { .. })), "only into an empty one");
    }
    let rewritten = fresh.jurisdiction("north").await.unwrap();
    assert_eq!(load(&rewritten, "g").await.unwrap(), load(&north, "g").await.unwrap());
    assert_eq!(rewritten.gallery_state("g").await.unwrap(), north.gallery_state("g").await.unwrap());
    assert_eq!(rewritten.photo("g", "stays").await.unwrap().as_deref(), Some(&b"pixels"[..]));
    assert_eq!(rewritten.account("stays").await.unwrap(), Some(account("stays")));
    assert_eq!(rewritten.request("r").await.unwrap(), north.request("r").await.unwrap());
    let southern = fresh.jurisdiction("south").await.unwrap();
    assert_eq!(southern.account("southern").await.unwrap(), Some(account("southern")));
    drop((rewritten, southern));
    fresh.close().await;
    assert!(!keys.iter().any(|key| holds(new.path(), key).unwrap()), "a key of something that was destroyed is there");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_record_stays_is_kept_by_subject_gallery_and_record() {
    let north = north().await;
    let row = |subject: &str, gallery: &str, record: &str, says: &str| RetentionRow {
        subject: subject.into(),
        gallery: gallery.into(),
        record: record.into(),
        body: json!(says),
    };
    let rows = [row("a", "g", "1", "one"), row("a", "h", "1", "two"), row("b", "", "1", "three")];
    north.keep(&rows.clone().map(Kept::Retention)).await.unwrap();
    for row in &rows {
        assert_eq!(north.retention(&row.subject, &row.gallery, &row.record).await.unwrap().as_ref(), Some(row));
    }
    let changed = row("a", "g", "1", "changed");
    let packed = north.pack(&[Kept::Retention(changed.clone())]).unwrap();
    north.keep(&north.unpack(&packed).unwrap()).await.unwrap();
    assert_eq!(north.retention("a", "g", "1").await.unwrap(), Some(changed));
    assert_eq!(north.retention("a", "", "1").await.unwrap(), None);
    assert_eq!(north.retentions().await.unwrap().len(), 3);
    let some = north.retentions_of("a", "h", &["2".into(), "1".into()]).await.unwrap();
    assert_eq!(some, [row("a", "h", "1", "two")], "of the others nothing was said");
    assert!(north.retentions_of("a", "", &["1".into()]).await.unwrap().is_empty());
    assert!(north.retentions_of("a", "h", &[]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_records_status_changes_and_where_it_comes_from_does_not() {
    let north = north().await;
    let provenance = Provenance { origin: "agency".into(), enrolled: Some(Instant(7)) };
    let known = NewRecord { provenance: provenance.clone(), ..record("a", 1) };
    north.insert_records("g", vec![known, record("b", 2)]).await.unwrap();
    let ids = ["a".to_owned(), "b".to_owned()];
    let statuses = |bookings: Vec<crate::Booking>| bookings.into_iter().map(|b| b.status).collect::<Vec<_>>();
    assert_eq!(statuses(north.bookings("g", &ids).await.unwrap()), ["active", "active"]);
    assert_eq!(north.set_status("g", "a", "notice-received").await.unwrap(), Some(2));
    assert_eq!(north.set_status("g", "a", "notice-received").await.unwrap(), Some(2), "it is that already");
    assert_eq!(north.set_status("g", "c", "notice-received").await.unwrap(), None);
    let (_, templates) = load(&north, "g").await.unwrap();
    assert_eq!(templates.iter().map(|t| t.status.as_str()).collect::<Vec<_>>(), ["notice-received", "active"]);
    assert_eq!(templates.iter().map(|t| t.origin.as_deref()).collect::<Vec<_>>(), [Some("agency"), Some("")]);
    let origins: Vec<_> = north.bookings("g", &ids).await.unwrap().into_iter().map(|b| b.origin).collect();
    assert_eq!(origins, ["agency", ""]);
    assert_eq!(statuses(north.bookings("g", &ids).await.unwrap()), ["notice-received", "active"]);
    assert_eq!(north.provenance("g", "a").await.unwrap(), Some(provenance));
    assert_eq!(north.provenance("g", "b").await.unwrap(), Some(Provenance::default()));
    assert_eq!(north.provenance("g", "c").await.unwrap(), None);
    assert_eq!(north.template("g", "a").await.unwrap().unwrap().template, record("a", 1).template);
    assert_eq!(north.template("g", "c").await.unwrap(), None);
}
