//! Galleries that start, change and stop, with their files.

use super::*;
use crate::shelf;
use cap_std::fs::Dir;
use tempfile::TempDir;

/// What the tests change a gallery in: a store in memory, and a folder for the galleries' files.
struct House {
    folder: TempDir,
    store: store::Jurisdiction,
}

impl House {
    async fn new() -> Self {
        let key = store::MasterKey::generate();
        let store = store::Store::open("mem://", None, key).await.unwrap().jurisdiction("north").await.unwrap();
        store.put_gallery(&fact()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), store }
    }

    async fn load(&self) -> Hall {
        let dir = Dir::open_ambient_dir(self.folder.path(), cap_std::ambient_authority()).unwrap();
        let shelf = Arc::new(Shelf::new(dir, "north"));
        shelf::load("north", &self.store, &fact(), Some(shelf), &|_| {}).await.unwrap()
    }

    async fn enroll(&self, ids: &[&str]) {
        let records = ids.iter().map(|id| record(id)).collect();
        self.store.insert_records("g", records).await.unwrap();
    }

    /// The names of the files in the folder, in order.
    fn files(&self) -> Vec<String> {
        let entries = self.folder.path().read_dir().unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Whether any file in the folder holds these bytes.
    fn holds(&self, bytes: &[u8]) -> bool {
        let holds = |name| {
            let text = std::fs::read(self.folder.path().join(name)).unwrap();
            text.windows(bytes.len()).any(|window| window == bytes)
        };
        self.files().into_iter().any(holds)
    }
}

fn fact() -> registry::Gallery {
    registry::Gallery { id: "g".into(), class: "mugshot".into(), model: "m".into(), dim: 4, last_scrubbed: None }
}

/// A template that nobody else's id gives.
fn template(id: &str) -> Vec<f32> {
    let angle = id.bytes().fold(0.1_f32, |angle, byte| angle * 1.7 + f32::from(byte) / 300.0);
    search::normalise(&[angle.cos(), angle.sin(), 0.25, -0.5], 4).unwrap()
}

fn record(id: &str) -> store::NewRecord {
    store::NewRecord {
        id: id.to_owned(),
        template: template(id),
        model: "m".to_owned(),
        status: "active".to_owned(),
        booking: Default::default(),
        photo: None,
        provenance: store::Provenance::default(),
    }
}

/// Ends a hall, and waits until its thread has let go of the gallery's file.
async fn end(hall: Hall) {
    let rows = Arc::downgrade(&hall.rows);
    drop(hall);
    while rows.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn first(hall: &Hall, id: &str) -> Option<String> {
    let found = hall.join_pass(template(id), 1).await.unwrap();
    found.answer.hits.first().map(|hit| hit.id.to_string())
}

async fn is_from_a_snapshot(hall: &Hall) -> bool {
    hall.changing.lock().await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_starts_from_the_snapshot_of_its_state() {
    let house = House::new().await;
    house.enroll(&["a", "b", "c"]).await;
    let hall = house.load().await;
    assert!(!is_from_a_snapshot(&hall).await);
    hall.save(&house.store, false).await.unwrap();
    assert_eq!(house.files(), ["g.snapshot"]);
    end(hall).await;

    let hall = house.load().await;
    assert!(is_from_a_snapshot(&hall).await);
    assert_eq!((hall.len(), hall.generation()), (3, 1));
    assert_eq!(first(&hall, "b").await.as_deref(), Some("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_state_is_removed_and_made_again() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    end(hall).await;
    house.enroll(&["c"]).await;

    let hall = house.load().await;
    assert!(!is_from_a_snapshot(&hall).await);
    assert_eq!((hall.len(), hall.generation()), (3, 2));
    assert_eq!(house.files(), ["g.new"], "no snapshot until this one is");
    hall.save(&house.store, true).await.unwrap();
    end(hall).await;
    assert!(is_from_a_snapshot(&house.load().await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_loaded_from_the_store() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    end(hall).await;
    let path = house.folder.path().join("g.snapshot");
    let mut text = std::fs::read(&path).unwrap();
    *text.last_mut().unwrap() ^= 1;
    std::fs::write(&path, text).unwrap();

    let hall = house.load().await;
    assert!(!is_from_a_snapshot(&hall).await);
    assert_eq!(first(&hall, "a").await.as_deref(), Some("a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_record_is_gone_from_store_memory_and_file() {
    let house = House::new().await;
    house.enroll(&["a", "b", "removed-one", "d"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    // As the gallery keeps it: scaled to unit length once more.
    let unit = search::normalise(&template("removed-one"), 4).unwrap();
    let bytes: Vec<u8> = unit.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(house.holds(&bytes) && house.holds(b"removed-one"));

    let ids = ["nobody", "removed-one", "a"].map(str::to_owned);
    let removed = hall.forget(&house.store, &ids).await.unwrap();
    assert_eq!(removed, Removed { records: vec!["removed-one".into(), "a".into()], generation: 3 });
    assert!(!house.holds(&bytes) && !house.holds(b"removed-one"));
    assert!(!hall.contains("removed-one") && hall.len() == 2);
    assert_ne!(first(&hall, "removed-one").await.as_deref(), Some("removed-one"));
    assert_eq!(house.store.count("g").await.unwrap(), 2);

    let again = hall.forget(&house.store, &ids).await.unwrap();
    assert_eq!(again, Removed { records: vec![], generation: 3 });
    hall.save(&house.store, true).await.unwrap();
    end(hall).await;
    let hall = house.load().await;
    assert!(is_from_a_snapshot(&hall).await);
    assert_eq!(first(&hall, "d").await.as_deref(), Some("d"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_changed_is_not_put_into_a_snapshot() {
    let house = House::new().await;
    house.enroll(&["a"]).await;
    let hall = house.load().await;
    house.enroll(&["b"]).await;
    hall.save(&house.store, true).await.unwrap();
    assert!(!is_from_a_snapshot(&hall).await);
    end(hall).await;
    assert_eq!(house.load().await.len(), 2);
}

fn breaks(_watch: Watch) {
    panic!("as the test wants");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_whose_thread_broke_off_says_so() {
    let house = House::new().await;
    house.enroll(&["a"]).await;
    let hall = house.load().await;
    assert_eq!(hall.join_pass(template("a"), 1).await.unwrap().answer.hits.len(), 1);
    assert_eq!(hall.trouble(), None);
    // Nobody is at the other end of this queue.
    let hall = Hall { queue: mpsc::channel().0, ..hall };
    let broken = Watch(hall.broken.clone());
    assert!(std::thread::spawn(move || breaks(broken)).join().is_err());
    let unanswered = hall.join_pass(template("a"), 1).await.map(drop);
    assert!(
        matches!(&unanswered, Err(CaseError::Fault(why)) if why.contains("gallery `g` broke off")),
        "{unanswered:?}"
    );
    assert!(hall.trouble().is_some());
}

/// A hall in memory on a store among several hosts, a handle of another host, and one that tells nobody.
async fn neighbours() -> (Hall, store::Jurisdiction, store::Jurisdiction, store::Jurisdiction) {
    let alone = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
    let several = alone.clone().among_several();
    let silent = alone.jurisdiction("north").await.unwrap();
    silent.put_gallery(&fact()).await.unwrap();
    let (here, there) = (several.jurisdiction("north").await.unwrap(), several.jurisdiction("north").await.unwrap());
    let hall = shelf::load("north", &here, &fact(), None, &|_| {}).await.unwrap();
    (hall, here, there, silent)
}

async fn caught_up(hall: &Hall, store: &store::Jurisdiction) -> (u64, usize) {
    let generation = store.generation("g").await.unwrap();
    hall.catch_up(store, "north", generation).await.unwrap();
    (hall.generation(), hall.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_changed_is_taken_over() {
    let (hall, here, there, _) = neighbours().await;
    assert_eq!(caught_up(&hall, &here).await, (0, 0));
    there.insert_records("g", vec![record("a"), record("b")]).await.unwrap();
    there.insert_records("g", vec![record("c")]).await.unwrap();
    assert_eq!(hall.len(), 0);
    assert_eq!(caught_up(&hall, &here).await, (2, 3));
    there.remove_record("g", "a").await.unwrap();
    // The same id, another face.
    there.remove_record("g", "b").await.unwrap();
    let other = store::NewRecord { template: template("another face"), ..record("b") };
    there.insert_records("g", vec![other]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (5, 2));
    assert!(!hall.contains("a") && hall.contains("b") && hall.contains("c"));
    let found = hall.join_pass(template("another face"), 1).await.unwrap();
    assert_eq!((&*found.answer.hits[0].id, found.generation), ("b", 5));
    assert!(found.answer.hits[0].score > 0.999);
    assert_eq!(caught_up(&hall, &here).await, (5, 2), "nothing has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_here_does_not_hide_another_hosts() {
    let (hall, here, there, _) = neighbours().await;
    there.insert_records("g", vec![record("theirs"), record("gone")]).await.unwrap();
    let removed = hall.forget(&here, &["gone".to_owned()]).await.unwrap();
    assert_eq!((removed.records, hall.generation()), (vec!["gone".to_owned()], 0), "generation 1 is missing");
    assert_eq!(caught_up(&hall, &here).await, (2, 1));
    assert!(hall.contains("theirs"));
    hall.forget(&here, &["theirs".to_owned()]).await.unwrap();
    assert_eq!((hall.generation(), hall.len()), (3, 0), "and the next one is the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_told_what_changed_loads_the_gallery_anew() {
    let (hall, here, there, silent) = neighbours().await;
    there.insert_records("g", vec![record("a"), record("b")]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (1, 2));
    silent.remove_record("g", "a").await.unwrap();
    silent.insert_records("g", vec![record("c"), record("d")]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (3, 3));
    assert!(!hall.contains("a") && hall.contains("d"));
}
