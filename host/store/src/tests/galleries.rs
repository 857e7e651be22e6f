//! Enrolling, loading and purging.

use super::{HOSTILE, load, north, open, raw, record};
use crate::{BATCH_ROWS, GalleryState, NewRecord, PEER_K, Provenance, StoreError, templates};
use model::multiset::MultisetHash;
use model::registry::Gallery;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use surrealdb::types::{Bytes, RecordId, object};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enrolled_is_loaded_and_counted() {
    let north = north().await;
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (0, 0));
    assert_eq!(load(&north, "g").await.unwrap(), (0, vec![]));

    assert_eq!(north.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap(), 1);
    assert_eq!(north.insert_records("g", vec![record("c", 3)]).await.unwrap(), 2);
    assert_eq!(north.insert_records("g", vec![]).await.unwrap(), 2, "nothing changed");
    assert_eq!(north.insert_records("h", vec![record("a", 9)]).await.unwrap(), 1);
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (2, 3));

    let (generation, templates) = load(&north, "g").await.unwrap();
    assert_eq!(generation, 2);
    for (found, seed) in templates.iter().zip(1..) {
        let enrolled = record(&found.id, seed);
        assert_eq!((&found.template, &found.status), (&enrolled.template, &enrolled.status));
    }
    assert_eq!(templates.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_of_several_pages_is_loaded_whole() {
    let north = north().await;
    for batch in 0..9 {
        let ids = batch * 1000..(batch + 1) * 1000;
        north.insert_records("g", ids.map(|n| record(&format!("{n:05}"), n)).collect()).await.unwrap();
    }
    let (generation, templates) = load(&north, "g").await.unwrap();
    assert_eq!(generation, 9);
    assert!(templates.iter().map(|t| t.id.clone()).eq((0..9000).map(|n| format!("{n:05}"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bookings_of_a_gallery_are_read_a_page_at_a_time() {
    let north = north().await;
    let mut ids: Vec<String> = (0..9000).map(|n| format!("{n:05}")).collect();
    for batch in ids.chunks(1000) {
        north.insert_records("g", batch.iter().map(|id| record(id, 1)).collect()).await.unwrap();
    }
    ids.extend(HOSTILE.map(str::to_owned));
    north.insert_records("g", HOSTILE.iter().map(|id| record(id, 2)).collect()).await.unwrap();
    // Neighbours on either side, and one that nobody asks for.
    for (gallery, id) in [("f", "00001"), ("g/", "00001"), ("h", "00001"), ("g", "00000-between")] {
        north.insert_records(gallery, vec![record(id, 3)]).await.unwrap();
    }
    let mut asked = ids.clone();
    asked.push("nobody".to_owned());
    let mut found = Vec::new();
    north.load_bookings("g", asked, &mut |page| found.extend(page)).await.unwrap();
    assert!(found.iter().all(|b| b.booking == record(&b.id, 1).booking && b.status == "active"));
    let mut found: Vec<String> = found.into_iter().map(|b| b.id).filter(|id| id != "00000-between").collect();
    found.sort_unstable();
    ids.sort_unstable();
    assert_eq!(found, ids, "each once");
    north.load_bookings("g", vec![], &mut |_| panic!("there is nothing to pass")).await.unwrap();
    north.load_bookings("nowhere", vec!["00001".into()], &mut |page| assert!(page.is_empty())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_says_what_it_holds_whatever_happened_to_it() {
    let north = north().await;
    let sum = |state: GalleryState| state.holdings;
    assert_eq!(sum(north.gallery_state("g").await.unwrap()), MultisetHash::default());
    north.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let two = sum(north.gallery_state("g").await.unwrap());
    north.insert_records("g", vec![record("c", 3)]).await.unwrap();
    let three = sum(north.gallery_state("g").await.unwrap());
    assert_ne!(three, two);
    assert!(north.insert_records("g", vec![record("d", 4), record("a", 1)]).await.is_err());
    assert_eq!(sum(north.gallery_state("g").await.unwrap()), three, "what is refused changes nothing");
    north.remove_record("g", "c").await.unwrap().unwrap();
    assert_eq!(sum(north.gallery_state("g").await.unwrap()), two, "as if it had never been there");
    north.set_status("g", "a", "sealed").await.unwrap().unwrap();
    assert_ne!(sum(north.gallery_state("g").await.unwrap()), two);
    load(&north, "g").await.unwrap();
    north.set_status("g", "a", "active").await.unwrap().unwrap();
    assert_eq!(sum(north.gallery_state("g").await.unwrap()), two);

    north.insert_records("h", vec![record("b", 2)]).await.unwrap();
    north.insert_records("h", vec![record("a", 1)]).await.unwrap();
    assert_eq!(sum(north.gallery_state("h").await.unwrap()), two, "whatever the order and the gallery");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_of_an_older_program_learns_what_it_holds_when_it_is_loaded() {
    let north = north().await;
    north.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let said = north.gallery_state("g").await.unwrap();
    let vars = object! { id: RecordId::new("generation", crate::rows::key("g")) };
    raw(&north, "UPDATE $id UNSET holdings", vars).await;
    assert_eq!(north.gallery_state("g").await.unwrap().holdings, MultisetHash::default());
    let refused = north.insert_records("g", vec![record("c", 3)]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Damaged { table: "generation", .. }), "{refused}");
    load(&north, "g").await.unwrap();
    assert_eq!(north.gallery_state("g").await.unwrap(), said);
    assert_eq!(north.insert_records("g", vec![record("c", 3)]).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_come_back_in_the_order_asked() {
    let north = north().await;
    let photo = NewRecord { photo: Some(b"pixels".to_vec()), ..record("b", 2) };
    north.insert_records("g", vec![record("a", 1), photo, record("c", 3)]).await.unwrap();
    let asked = ["c", "nobody", "a", "c"].map(str::to_owned);
    let found = north.bookings("g", &asked).await.unwrap();
    assert_eq!(found.iter().map(|b| b.id.as_str()).collect::<Vec<_>>(), ["c", "a", "c"]);
    assert_eq!((&found[1].booking, &found[1].status), (&record("a", 1).booking, &record("a", 1).status));
    assert!(north.bookings("h", &asked).await.unwrap().is_empty());
    assert!(north.bookings("g", &[]).await.unwrap().is_empty());
    assert_eq!(north.photo("g", "b").await.unwrap().as_deref(), Some(&b"pixels"[..]));
    assert_eq!(north.photo("g", "a").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_id_enrols_nothing() {
    let north = north().await;
    north.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let refused = north.insert_records("g", vec![record("c", 3), record("b", 2), record("a", 1)]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Exists { id } if id == "b"), "{refused}");
    let refused = north.insert_records("g", vec![record("d", 3), record("d", 4)]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Exists { id } if id == "d"), "{refused}");
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (1, 2));
    assert_eq!(load(&north, "g").await.unwrap().1.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    let north = north().await;
    let many = (0..=BATCH_ROWS as u32).map(|n| record(&format!("r{n}"), n)).collect();
    assert!(matches!(north.insert_records("g", many).await, Err(StoreError::Batch { rows: 1001, most: 1000 })));
    let long = NewRecord { template: vec![1.0, 1.0], ..record("a", 1) };
    assert!(matches!(north.insert_records("g", vec![long]).await, Err(StoreError::Template { .. })));

    let listed = Gallery {
        id: "g".into(),
        class: "c".into(),
        model: "other".into(),
        dim: 4,
        last_scrubbed: None,
        filters: vec![],
    };
    north.put_gallery(&listed).await.unwrap();
    let refused = north.insert_records("g", vec![record("a", 1)]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Template { id, .. } if id == "a"), "{refused}");
    assert_eq!(north.generation("g").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_record_is_gone_from_everywhere() {
    let north = north().await;
    let photo = NewRecord { photo: Some(b"pixels".to_vec()), ..record("a", 1) };
    north.insert_records("g", vec![photo, record("b", 2)]).await.unwrap();
    assert_eq!(north.remove_record("g", "nobody").await.unwrap(), None);
    assert_eq!(north.generation("g").await.unwrap(), 1);
    assert_eq!(north.remove_record("g", "a").await.unwrap(), Some(2));
    assert_eq!(north.remove_record("g", "a").await.unwrap(), None);
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (2, 1));
    assert_eq!(load(&north, "g").await.unwrap().1.len(), 1);
    assert!(north.bookings("g", &["a".to_owned()]).await.unwrap().is_empty());
    assert_eq!(north.photo("g", "a").await.unwrap(), None);
    assert_eq!(north.insert_records("g", vec![record("a", 3)]).await.unwrap(), 3, "its id is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_template_is_named() {
    let north = north().await;
    north.insert_records("g", vec![record("a", 1), record("b", 2)]).await.unwrap();
    let id = RecordId::new("template", templates::key_in("g", "b"));
    let other = Bytes::from([0_u8; 16].to_vec());
    let vars = object! { id: id.clone(), template: other };
    raw(&north, "UPDATE $id SET template = $template", vars).await;
    let refused = load(&north, "g").await.unwrap_err();
    assert!(matches!(&refused, StoreError::Damaged { table: "template", id, .. } if id == "b"), "{refused}");

    raw(&north, "UPDATE $id SET template = 'text'", object! { id: id.clone() }).await;
    assert!(matches!(load(&north, "g").await, Err(StoreError::Damaged { table: "template", .. })));

    raw(&north, "DELETE $id", object! { id: id }).await;
    let refused = load(&north, "g").await.unwrap_err();
    assert!(matches!(&refused, StoreError::Damaged { table: "generation", id, .. } if id == "g"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_is_what_it_says_again_once_a_damaged_record_is_removed() {
    for harm in ["UPDATE $id SET digest = 'text'", "UPDATE $id UNSET status", "DELETE $id"] {
        let north = north().await;
        north.insert_records("h", vec![record("a", 9)]).await.unwrap();
        let records = (0..300).map(|n| record(&format!("r{n}"), n)).collect();
        north.insert_records("g", records).await.unwrap();
        north.set_status("g", "r7", "sealed").await.unwrap().unwrap();
        let id = RecordId::new("template", templates::key_in("g", "r8"));
        raw(&north, harm, object! { id: id }).await;
        assert!(load(&north, "g").await.is_err(), "{harm}");
        assert_eq!(north.remove_record("g", "r8").await.unwrap(), Some(3), "{harm}");
        let (generation, left) = load(&north, "g").await.unwrap();
        assert_eq!((generation, left.len()), (3, 299), "{harm}");
        // And it goes on from there.
        north.remove_record("g", "r7").await.unwrap().unwrap();
        assert_eq!(load(&north, "g").await.unwrap().1.len(), 298, "{harm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_a_generation_whoever_makes_it() {
    let store = open("mem://", 1).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..4_u32 {
        // A session each, so that nothing but the database keeps them apart.
        let north = store.jurisdiction("north").await.unwrap();
        writers.spawn(async move {
            for n in 0..5 {
                let records = (0..3).map(|k| record(&format!("{writer}-{n}-{k}"), n)).collect();
                north.insert_records("g", records).await.unwrap();
            }
            north.remove_record("g", &format!("{writer}-0-0")).await.unwrap().unwrap();
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let north = store.jurisdiction("north").await.unwrap();
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (24, 56));
    let (generation, templates) = load(&north, "g").await.unwrap();
    assert_eq!((generation, templates.len()), (24, 56));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_named_and_no_other_has_its_name() {
    let north = north().await;
    assert_eq!(north.gallery_state("g").await.unwrap(), GalleryState::default());
    let mut stamps = HashSet::new();
    for (change, records) in [1, 2, 1].into_iter().enumerate() {
        match change {
            2 => drop(north.remove_record("g", "r0").await.unwrap().unwrap()),
            _ => drop(north.insert_records("g", vec![record(&format!("r{change}"), 1)]).await.unwrap()),
        }
        let state = north.gallery_state("g").await.unwrap();
        assert_eq!((state.generation, state.records), (change as u64 + 1, records));
        assert!(stamps.insert(state.stamp.clone()) && state.stamp.len() == 32);
        assert_eq!(north.remove_record("g", "nobody").await.unwrap(), None);
        assert_eq!(north.gallery_state("g").await.unwrap(), state, "what removes nothing changes nothing");
    }
    assert_eq!(north.gallery_state("h").await.unwrap(), GalleryState::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_finds_its_nearest_rows() {
    let north = north().await;
    let rows = (0..100_u32).map(|n| {
        let angle = n as f32 / 100.0;
        vec![angle.cos(), angle.sin()]
    });
    north.put_peer_rows(0, rows.collect()).await.unwrap();
    north.put_peer_rows(100, vec![vec![-1.0, 0.0]]).await.unwrap();
    let found: HashSet<u64> = north.peer_knn(&[1.0, 0.0]).await.unwrap().into_iter().collect();
    assert_eq!(found, (0..PEER_K as u64).collect::<HashSet<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_record_ids_are_ids() {
    let north = north().await;
    for gallery in ["g", "'; DELETE template; --", "g/a"] {
        let records = HOSTILE.iter().zip(0..).map(|(id, seed)| record(id, seed)).collect();
        north.insert_records(gallery, records).await.unwrap();
    }
    for gallery in ["g", "'; DELETE template; --", "g/a"] {
        let (_, templates) = load(&north, gallery).await.unwrap();
        let mut expected = HOSTILE;
        expected.sort();
        assert_eq!(templates.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), expected);
        let ids = HOSTILE.map(str::to_owned);
        let found = north.bookings(gallery, &ids).await.unwrap();
        assert_eq!(found.iter().map(|b| b.id.as_str()).collect::<Vec<_>>(), HOSTILE);
        for id in HOSTILE {
            assert!(north.remove_record(gallery, id).await.unwrap().is_some(), "{id}");
        }
        assert_eq!(north.count(gallery).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_is_known_by_its_stamp() {
    let north = north().await;
    let deaf = || north.db.deaf.store(true, Ordering::Release);
    deaf();
    let enrolled = north.insert_records("g", vec![record("a", 1), record("b", 2)]).await;
    assert!(matches!(enrolled, Ok(1)), "{enrolled:?}");
    assert_eq!(north.count("g").await.unwrap(), 2);
    deaf();
    assert_eq!(north.set_status("g", "a", "held").await.unwrap(), Some(2));
    deaf();
    assert_eq!(north.remove_record("g", "b").await.unwrap(), Some(3));
    assert_eq!(load(&north, "g").await.unwrap().1.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_to_be_seen_stays_in_doubt() {
    let north = north().await;
    north.insert_records("g", vec![record("a", 1)]).await.unwrap();
    let stamp = north.gallery_state("g").await.unwrap().stamp;
    assert!(matches!(north.made("g", &stamp, "silence".to_owned()).await, Ok(1)));
    // The id is taken, and the answer that says so is lost.
    north.db.deaf.store(true, Ordering::Release);
    let refused = north.insert_records("g", vec![record("a", 2)]).await;
    assert!(matches!(&refused, Err(StoreError::Unreachable { reason }) if reason.contains("lost")), "{refused:?}");
    assert_eq!((north.generation("g").await.unwrap(), north.count("g").await.unwrap()), (1, 1));
    north.set_status("g", "a", "held").await.unwrap();
    let followed = north.made("g", &stamp, "silence".to_owned()).await;
    assert!(matches!(followed, Err(StoreError::Unreachable { .. })), "another change came after it: {followed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_record_comes_from_is_asked_of_its_booking_where_its_template_does_not_say() {
    let north = north().await;
    let provenance = Provenance { origin: "agency".into(), enrolled: None };
    let known = NewRecord { provenance, ..record("a", 1) };
    north.insert_records("g", vec![known, record("b", 2)]).await.unwrap();
    raw(&north, "UPDATE template UNSET origin", object! {}).await;
    let (_, templates) = load(&north, "g").await.unwrap();
    assert!(templates.iter().all(|t| t.origin.is_none()), "as older programs left it");
    let mut found = Vec::new();
    north.load_bookings("g", vec!["a".into(), "b".into()], &mut |page| found.extend(page)).await.unwrap();
    found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found.iter().map(|b| b.origin.as_str()).collect::<Vec<_>>(), ["agency", ""]);
}
