//! Galleries that changed and stand still again: the host's passes make snapshots of them.

use crate::common::until;
use magistrate_casework::{Casework, Clock, Opening, PolicyState};
use model::registry::{Gallery, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const HOUR_MS: u64 = 3_600_000;

fn record() -> store::NewRecord {
    store::NewRecord {
        id: "a".to_owned(),
        template: vec![1.0, 0.0, 0.0, 0.0],
        model: "m".to_owned(),
        status: "active".to_owned(),
        booking: Default::default(),
        photo: None,
        provenance: store::Provenance::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_passes_make_a_snapshot_of_a_gallery_that_changed() {
    let home = tempfile::tempdir().unwrap();
    let [logs, galleries] = ["log", "galleries"].map(|name| {
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority()).unwrap()
    });
    let origin = "here/north";
    let signer = audit::Ed25519Signer::from_seed(origin, [7; 32]).unwrap();
    let log = audit::Log::prepare(logs, origin, Arc::new(signer)).unwrap();
    let gallery = Gallery {
        id: "g".to_owned(),
        class: "mugshot".to_owned(),
        model: "m".to_owned(),
        dim: 4,
        last_scrubbed: None,
        filters: vec![],
    };
    let opening = Opening {
        id: "north".to_owned(),
        policy: PolicyState::Absent("none is needed here".to_owned()),
        registry: Registry { galleries: vec![gallery], ..Registry::default() },
        log,
        galleries: Some(galleries),
    };
    let alone = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let (several, at) = (alone.among_several(), Arc::new(AtomicU64::new(1_773_154_800_000)));
    let clock = Clock::set(at.clone());
    let casework = Casework::open(vec![opening], several.clone(), clock, None, &|_| ()).await.unwrap();
    let hall = casework.chamber("north").unwrap().hall("g").unwrap();
    until("the first one is made at the start", || hall.has_snapshot()).await;

    let there = several.jurisdiction("north").await.unwrap();
    there.insert_records("g", vec![record()]).await.unwrap();
    casework.catch_up_all().await.unwrap();
    assert_eq!((hall.len(), hall.has_snapshot().await), (1, false), "what another host enrolled is in none");
    let passed = || async {
        casework.pass_deadlines().await;
        at.fetch_add(HOUR_MS, Ordering::AcqRel);
        hall.has_snapshot().await
    };
    until("another is made once an hour has passed", passed).await;
}
