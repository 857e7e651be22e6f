//! Galleries that start, change and stop, with their files.

use super::*;
use crate::shelf;
use cap_std::fs::Dir;
use model::filter::{FilterKind, Filterable};
use search::Edition;
use tempfile::TempDir;

/// What the tests change a gallery in: a store in memory, and a folder for the galleries' files.
struct House {
    folder: TempDir,
    store: store::Jurisdiction,
    fact: registry::Gallery,
}

impl House {
    async fn new() -> Self {
        let key = store::MasterKey::generate();
        let store = store::Store::open("mem://", None, key).await.unwrap().jurisdiction("north").await.unwrap();
        store.put_gallery(&fact()).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), store, fact: fact() }
    }

    /// One whose gallery is filtered by sex and by age.
    async fn with_filters() -> Self {
        let sex = Filterable {
            name: "sex".into(),
            kind: FilterKind::Choice,
            field: None,
            choices: vec!["female".into(), "male".into()],
        };
        let age = Filterable {
            name: "age".into(),
            kind: FilterKind::Age,
            field: Some("date-of-birth".into()),
            choices: vec![],
        };
        let mut house = Self::new().await;
        house.fact.filters = vec![sex, age];
        house
    }

    async fn load(&self) -> Hall {
        let dir = Dir::open_ambient_dir(self.folder.path(), cap_std::ambient_authority()).unwrap();
        let shelf = Arc::new(Shelf::new(dir, "north"));
        shelf::load("north", &self.store, &self.fact, Some(shelf), &|_| {}).await.unwrap()
    }

    async fn enroll_known(&self, id: &str, booking: &[(&str, &str)]) {
        let booking = booking.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.store.insert_records("g", vec![store::NewRecord { booking, ..record(id) }]).await.unwrap();
    }

    /// The ids that are found under these conditions on this day, in order.
    async fn found(&self, hall: &Hall, conditions: &str) -> Vec<String> {
        let conditions = serde_json::from_str(conditions).unwrap();
        let filter = filter::resolve(&self.fact, &conditions, "2026-03-10".parse().unwrap()).unwrap();
        let found = hall.join_pass(template("a"), 100, filter).await.unwrap();
        assert_eq!(found.answer.certificate.gallery, hall.digest());
        let mut ids: Vec<String> = found.answer.hits.iter().map(|hit| hit.id.to_string()).collect();
        ids.sort();
        ids
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
    registry::Gallery {
        id: "g".into(),
        class: "mugshot".into(),
        model: "m".into(),
        dim: 4,
        last_scrubbed: None,
        filters: vec![],
    }
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

async fn first(hall: &Hall, id: &str) -> Option<String> {
    let found = hall.join_pass(template(id), 1, None).await.unwrap();
    found.answer.hits.first().map(|hit| hit.id.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_starts_from_the_snapshot_of_its_state() {
    let house = House::new().await;
    house.enroll(&["a", "b", "c"]).await;
    let hall = house.load().await;
    assert!(!hall.has_snapshot().await);
    hall.save(&house.store, false).await.unwrap();
    assert_eq!(house.files(), ["g.snapshot"]);
    hall.end().await;

    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!((hall.len(), hall.generation()), (3, 1));
    assert_eq!(first(&hall, "b").await.as_deref(), Some("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_state_is_removed_and_made_again() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    hall.end().await;
    house.enroll(&["c"]).await;

    let hall = house.load().await;
    assert!(!hall.has_snapshot().await);
    assert_eq!((hall.len(), hall.generation()), (3, 2));
    assert_eq!(house.files(), ["g.new"], "no snapshot until this one is");
    hall.save(&house.store, true).await.unwrap();
    hall.end().await;
    assert!(house.load().await.has_snapshot().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_loaded_from_the_store() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    hall.end().await;
    let path = house.folder.path().join("g.snapshot");
    let mut text = std::fs::read(&path).unwrap();
    *text.last_mut().unwrap() ^= 1;
    std::fs::write(&path, text).unwrap();

    let hall = house.load().await;
    assert!(!hall.has_snapshot().await);
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
    hall.end().await;
    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!(first(&hall, "d").await.as_deref(), Some("d"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_changed_is_not_put_into_a_snapshot() {
    let house = House::new().await;
    house.enroll(&["a"]).await;
    let hall = house.load().await;
    house.enroll(&["b"]).await;
    hall.save(&house.store, true).await.unwrap();
    assert!(!hall.has_snapshot().await);
    hall.end().await;
    assert_eq!(house.load().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_the_same_from_the_store_and_from_a_snapshot() {
    let mut house = House::with_filters().await;
    house.enroll_known("a", &[("sex", "female"), ("date-of-birth", "1990-01-01"), ("name", "Anna Nobody")]).await;
    house.enroll_known("b", &[("sex", "male"), ("date-of-birth", "2006-03-11")]).await;
    house.enroll_known("c", &[("sex", "female"), ("date-of-birth", "unknown")]).await;
    house.enroll(&["d"]).await;
    let check = async |house: &House, hall: &Hall| {
        assert_eq!(house.found(hall, "{}").await, ["a", "b", "c", "d"]);
        assert_eq!(house.found(hall, r#"{"sex":{"one_of":["female"]}}"#).await, ["a", "c"]);
        assert_eq!(house.found(hall, r#"{"age":{"to":19}}"#).await, ["b"], "one day short of twenty");
        assert_eq!(house.found(hall, r#"{"age":{"from":20},"sex":{"one_of":["male"]}}"#).await, [""; 0]);
        assert_eq!(house.found(hall, r#"{"status":{"one_of":["active"]}}"#).await, ["a", "b", "c", "d"]);
    };
    let hall = house.load().await;
    check(&house, &hall).await;
    let digest = hall.digest();
    hall.save(&house.store, false).await.unwrap();
    assert!(!house.holds(b"female") && !house.holds(b"Nobody"), "what is known of people is sealed");
    hall.end().await;

    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!(hall.digest(), digest);
    check(&house, &hall).await;
    hall.end().await;

    // Filters that are declared later hold for what is enrolled already.
    house.fact.filters[1].kind = FilterKind::Date;
    let hall = house.load().await;
    assert!(!hall.has_snapshot().await, "the snapshot's columns mean something else");
    assert_eq!(house.found(&hall, r#"{"age":{"to":"1990-01-01"}}"#).await, ["a"]);
    assert_eq!(hall.digest(), digest, "what is filtered by is no part of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_other_records_is_made_again() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let state = house.store.gallery_state("g").await.unwrap();
    // As many records, under the same generation and stamp; and one like what the store has, to show that it is the records.
    for (ids, status, used) in
        [(["a", "x"], "active", false), (["a", "b"], "sealed", false), (["b", "a"], "active", true)]
    {
        let edition = Edition {
            model: "m".into(),
            generation: state.generation,
            stamp: state.stamp.clone(),
            columns: filter::meaning(&house.fact),
        };
        let mut other = search::Gallery::new(4).unwrap();
        for record in ids.map(record).map(|record| store::NewRecord { status: status.into(), ..record }) {
            let Newcomer { id, template, element, .. } = Newcomer::new(&house.fact, &record);
            let row = NewRow { id: &id, template: &template, attributes: &[], element };
            other.insert_all(&[row]).unwrap();
        }
        let path = house.folder.path().join("g.snapshot");
        let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        let cipher = shelf::Columns { store: &house.store, gallery: &house.fact };
        other.snapshot(&file, &edition, &cipher).unwrap();
        drop(file);

        let hall = house.load().await;
        assert_eq!(hall.has_snapshot().await, used, "{ids:?} {status}");
        assert_eq!(first(&hall, "b").await.as_deref(), Some("b"));
        assert_eq!(hall.digest(), state.holdings.digest());
        hall.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_another_state_of_the_gallery() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    let (digest, active) = (hall.digest(), r#"{"status":{"one_of":["active"]}}"#);
    assert!(hall.restate(&house.store, "a", "sealed").await.unwrap());
    assert!(!hall.restate(&house.store, "nobody", "sealed").await.unwrap());
    assert_eq!(house.found(&hall, active).await, ["b"]);
    assert_eq!(house.found(&hall, r#"{"status":{"one_of":["sealed"]}}"#).await, ["a"]);
    assert_eq!(hall.generation(), 2);
    assert_ne!(hall.digest(), digest);
    assert_eq!(hall.digest(), house.store.gallery_state("g").await.unwrap().holdings.digest());
    hall.end().await;

    let hall = house.load().await;
    assert!(!hall.has_snapshot().await, "it was of the state before");
    assert_eq!(house.found(&hall, active).await, ["b"]);
    assert!(hall.restate(&house.store, "a", "active").await.unwrap());
    assert_eq!(hall.digest(), digest, "the same records in the same state, whatever came between");
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_with_and_without_filters_share_a_pass() {
    let house = House::with_filters().await;
    house.enroll_known("a", &[("sex", "female")]).await;
    house.enroll_known("b", &[("sex", "male")]).await;
    let hall = house.load().await;
    // All of them announced, so that the first pass waits for the others.
    let coming: Vec<_> = (0..4).map(|_| hall.announce()).collect();
    let [female, male] = ["female", "male"].map(|sex| format!(r#"{{"sex":{{"one_of":["{sex}"]}}}}"#));
    let (one, two, all, none) = tokio::join!(
        house.found(&hall, &female),
        house.found(&hall, &male),
        house.found(&hall, "{}"),
        house.found(&hall, r#"{"age":{"from":1}}"#)
    );
    drop(coming);
    assert_eq!((one, two), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert_eq!((all.len(), none.len()), (2, 0));
}
