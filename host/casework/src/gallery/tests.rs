//! Galleries that start, change and stop, with their files.

use super::*;
use crate::shelf;
use cap_std::fs::Dir;
use model::filter::{FilterKind, Filterable};
use search::Edition;
use std::os::unix::fs::FileExt as _;
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

    /// One whose gallery is filtered.
    async fn with_filters() -> Self {
        Self { fact: filtered(), ..Self::new().await }
    }

    async fn load(&self) -> Hall {
        let dir = Dir::open_ambient_dir(self.folder.path(), cap_std::ambient_authority()).unwrap();
        let shelf = Arc::new(Shelf::new(dir, "north"));
        shelf::load("north", &self.store, &self.fact, Some(shelf), &|_| {}).await.unwrap()
    }

    async fn enroll_known(&self, id: &str, booking: &[(&str, &str)]) {
        self.store.insert_records("g", vec![booked(id, booking)]).await.unwrap();
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

    /// Changes a bit in every row of a file; nobody has more than a hundred.
    fn flip(&self, name: &str) {
        let file = std::fs::File::options().read(true).write(true).open(self.folder.path().join(name)).unwrap();
        for row in 0..100 {
            let (mut byte, at) = ([0], 4096 + row * 16 + 1);
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 4], at).unwrap();
        }
    }

    /// Cuts all rows off a file.
    fn cut(&self, name: &str) {
        let file = std::fs::File::options().write(true).open(self.folder.path().join(name)).unwrap();
        file.set_len(4096).unwrap();
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

impl Hall {
    /// Whether a record of this id is in memory, for tests that have a thread to wait on.
    fn contains(&self, id: &str) -> bool {
        self.rows.read().unwrap().contains(id)
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

/// One that is filtered by sex and by age.
fn filtered() -> registry::Gallery {
    let sex = Filterable {
        name: "sex".into(),
        kind: FilterKind::Choice,
        field: None,
        choices: vec!["female".into(), "male".into()],
    };
    let age =
        Filterable { name: "age".into(), kind: FilterKind::Age, field: Some("date-of-birth".into()), choices: vec![] };
    registry::Gallery { filters: vec![sex, age], ..fact() }
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

/// A record with booking data.
fn booked(id: &str, booking: &[(&str, &str)]) -> store::NewRecord {
    let booking = booking.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    store::NewRecord { booking, ..record(id) }
}

/// The ids that are found under these conditions on this day, in order.
async fn found(hall: &Hall, conditions: &str) -> Vec<String> {
    let conditions = serde_json::from_str(conditions).unwrap();
    let filter = filter::resolve(hall.registered(), &conditions, "2026-03-10".parse().unwrap()).unwrap();
    let found = hall.join_pass(template("a"), 100, filter, None).await.unwrap();
    assert_eq!(found.answer.certificate.gallery, hall.digest());
    let mut ids: Vec<String> = found.answer.hits.iter().map(|hit| hit.id.to_string()).collect();
    ids.sort();
    ids
}

async fn first(hall: &Hall, id: &str) -> Option<String> {
    let found = hall.join_pass(template(id), 1, None, None).await.unwrap();
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

/// So many ms after a moment on which nothing depends.
fn later(ms: u64) -> model::terms::Instant {
    model::terms::Instant(1_000_000 + ms)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_that_stands_still_has_a_snapshot_before_the_host_stops() {
    const STILL: u64 = keeping::STILL_MS;
    let house = House::new().await;
    house.enroll(&["a"]).await;
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    let looked = async |hall: &Hall, ms: u64| {
        hall.save_when_still(&house.store, later(ms)).await.unwrap();
        hall.has_snapshot().await
    };
    assert!(looked(&hall, 0).await, "there is one already");
    hall.enter(&house.store, vec![record("b")]).await.unwrap();
    assert!(!looked(&hall, 1).await && !looked(&hall, STILL).await, "it has not stood still for long enough");
    hall.enter(&house.store, vec![record("c")]).await.unwrap();
    assert!(!looked(&hall, STILL + 1).await, "it has changed meanwhile");
    // Neither whoever changes records nor whoever makes a snapshot is waited for, here or at the stop.
    let changing = hall.turn().await;
    hall.save_when_still(&house.store, later(3 * STILL)).await.unwrap();
    drop(changing);
    let saving = hall.saving.lock().await;
    hall.save_when_still(&house.store, later(3 * STILL)).await.unwrap();
    drop(saving);
    assert!(!hall.has_snapshot().await);
    assert!(looked(&hall, 2 * STILL + 1).await);
    // As if the host were killed: nothing is saved at the end.
    hall.end().await;

    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!((hall.len(), hall.generation(), first(&hall, "c").await.as_deref()), (3, 3, Some("c")));

    // One that fails is not tried again at once.
    hall.enter(&house.store, vec![record("d")]).await.unwrap();
    assert!(!looked(&hall, 0).await);
    house.flip("g.snapshot");
    assert!(hall.save_when_still(&house.store, later(STILL)).await.is_err());
    assert!(!looked(&hall, 2 * STILL - 1).await && looked(&hall, 2 * STILL).await);
    hall.enter(&house.store, vec![record("e")]).await.unwrap();
    assert!(!looked(&hall, 3 * STILL).await);
    hall.doubt();
    hall.save_when_still(&house.store, later(4 * STILL)).await.unwrap();
    assert_eq!(house.files(), ["g.snapshot"], "what is doubtful is for others");
}

/// A snapshot under way that does not get on until this is dropped, as where the disk hangs.
struct Hanging {
    answers: Option<mpsc::Sender<()>>,
    holder: Option<std::thread::JoinHandle<()>>,
}

impl Hanging {
    fn of(hall: &Hall) -> Self {
        let rows = hall.rows.clone();
        let ((hangs, held), (answers, disk)) = (mpsc::channel(), mpsc::channel());
        let holder = std::thread::spawn(move || {
            let _rows = rows.write().unwrap();
            hangs.send(()).unwrap();
            // It fails, for nothing is sent.
            let _: Result<(), _> = disk.recv();
        });
        held.recv().unwrap();
        Self { answers: Some(answers), holder: Some(holder) }
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        drop(self.answers.take());
        if let Some(holder) = self.holder.take() {
            // A panic in it has failed the test already.
            let _ = holder.join();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_snapshot_that_does_not_get_on_is_given_up_and_the_next_start_loads_the_gallery() {
    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = Arc::new(house.load().await);
    let hanging = Hanging::of(&hall);
    let given_up = save_last(std::slice::from_ref(&hall), &house.store, SHORT).await;
    assert_eq!(given_up, ["g"], "who stops the host does not wait, and is told");
    assert_eq!(house.files(), ["g.new"], "what there is of it is no snapshot");
    drop(hanging);
    Arc::into_inner(hall).unwrap().end().await;

    let hall = Arc::new(house.load().await);
    assert!(!hall.has_snapshot().await && hall.len() == 2);
    assert_eq!(first(&hall, "b").await.as_deref(), Some("b"));
    assert!(save_last(std::slice::from_ref(&hall), &house.store, LONG).await.is_empty());
    assert!(hall.has_snapshot().await);
    // One that has its snapshot has nothing to wait for.
    let hanging = Hanging::of(&hall);
    assert!(save_last(std::slice::from_ref(&hall), &house.store, SHORT).await.is_empty());
    drop(hanging);
    Arc::into_inner(hall).unwrap().end().await;
    assert_eq!(house.files(), ["g.snapshot"]);
    assert_eq!(house.load().await.len(), 2);
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

fn breaks(_watch: Watch) {
    panic!("as the test wants");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_whose_thread_broke_off_says_so() {
    let house = House::new().await;
    house.enroll(&["a"]).await;
    let hall = house.load().await;
    assert_eq!(hall.join_pass(template("a"), 1, None, None).await.unwrap().answer.hits.len(), 1);
    assert_eq!(hall.trouble(), None);
    // Nobody is at the other end of this queue.
    let hall = Hall { queue: mpsc::channel().0, ..hall };
    let broken = Watch(hall.broken.clone());
    assert!(std::thread::spawn(move || breaks(broken)).join().is_err());
    let unanswered = hall.join_pass(template("a"), 1, None, None).await.map(drop);
    assert!(
        matches!(&unanswered, Err(CaseError::Fault(why)) if why.contains("gallery `g` broke off")),
        "{unanswered:?}"
    );
    assert!(hall.trouble().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_is_nobodys_business_and_the_gallery_is_loaded_anew() {
    let house = House::new().await;
    house.enroll(&["somebody", "else"]).await;
    for harm in [House::flip, House::cut] {
        let hall = Arc::new(house.load().await);
        hall.save(&house.store, true).await.unwrap();
        harm(&house, "g.snapshot");
        let refused = hall.join_pass(template("somebody"), 1, None, None).await.map(drop);
        let Err(CaseError::Fault(why)) = &refused else { panic!("{refused:?}") };
        assert!(!why.contains("somebody") && !why.contains("else"), "{why}");
        assert!(hall.trouble().is_some_and(|trouble| trouble.contains("`g`")));
        let refused = hall.join_pass(template("somebody"), 1, None, None).await.map(drop);
        assert!(matches!(&refused, Err(CaseError::Mending { gallery }) if gallery == "g"), "{refused:?}");

        hall.mend_aside(&house.store);
        while hall.trouble().is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(first(&hall, "somebody").await.as_deref(), Some("somebody"));
        assert_eq!((house.files(), hall.generation(), hall.has_snapshot().await), (vec!["g.new".into()], 1, false));
        hall.save(&house.store, true).await.unwrap();
        // Whoever loaded it anew may still hold it.
        let mut hall = hall;
        let hall = loop {
            match Arc::try_unwrap(hall) {
                Ok(alone) => break alone,
                Err(shared) => hall = shared,
            }
            tokio::task::yield_now().await;
        };
        hall.end().await;
        let hall = house.load().await;
        assert!(hall.has_snapshot().await);
        assert_eq!(first(&hall, "else").await.as_deref(), Some("else"));
        hall.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_is_vouched_for_by_no_snapshot() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    house.flip("g.new");
    assert!(matches!(hall.save(&house.store, false).await, Err(CaseError::Gallery(_))));
    assert_eq!((hall.trouble(), first(&hall, "a").await.as_deref()), (None, Some("a")), "it was loaded anew at once");
    hall.save(&house.store, false).await.unwrap();
    hall.enter(&house.store, vec![record("c")]).await.unwrap();
    house.flip("g.snapshot");
    assert!(matches!(hall.save(&house.store, true).await, Err(CaseError::Gallery(_))));
    assert!(house.files().is_empty(), "the next start loads it from the store");
    hall.end().await;
    let hall = house.load().await;
    assert!(!hall.has_snapshot().await);
    assert_eq!(first(&hall, "c").await.as_deref(), Some("c"));
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_go_on_while_records_change_and_each_is_of_one_state() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = Arc::new(house.load().await);
    let stop = Arc::new(AtomicBool::new(false));
    let searching: Vec<_> = (0..3)
        .map(|_| {
            let (hall, stop) = (hall.clone(), stop.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                loop {
                    let last = stop.load(Ordering::Acquire);
                    let found = hall.join_pass(template("a"), 5, None, None).await.unwrap();
                    seen.push((found.generation, found.answer.certificate.gallery));
                    if last {
                        return seen;
                    }
                }
            })
        })
        .collect();
    let state = async || {
        let state = house.store.gallery_state("g").await.unwrap();
        (state.generation, state.holdings.digest())
    };
    let mut states = BTreeMap::from([state().await]);
    for round in 0..25 {
        let id = format!("purged-{round}");
        // Whether the snapshot was made first or given up, the file brings nobody back.
        let (entered, saved) =
            tokio::join!(hall.enter(&house.store, vec![record(&id)]), hall.save(&house.store, false));
        entered.unwrap();
        saved.unwrap();
        states.extend([state().await]);
        let ids = [id];
        let (removed, saved) = tokio::join!(hall.forget(&house.store, &ids), hall.save(&house.store, false));
        removed.unwrap();
        saved.unwrap();
        states.extend([state().await]);
    }
    stop.store(true, Ordering::Release);
    for seen in searching {
        for (generation, digest) in seen.await.unwrap() {
            assert_eq!(states.get(&generation), Some(&digest), "generation {generation}");
        }
    }
    assert!(!house.holds(b"purged-"));
    hall.save(&house.store, true).await.unwrap();
    assert!(hall.has_snapshot().await && !house.holds(b"purged-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_that_wait_share_a_pass_and_none_is_waited_for_that_has_its_answer() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = Arc::new(house.load().await);
    // Holds up a pass that has begun.
    let (rows, (held, holding), (release, released)) = (hall.rows.clone(), mpsc::channel(), mpsc::channel::<()>());
    let holder = std::thread::spawn(move || {
        let _rows = rows.write().unwrap();
        held.send(()).unwrap();
        released.recv().unwrap();
    });
    holding.recv().unwrap();
    // Nobody waits for a change who only asks what there is.
    let state = hall.state();
    assert_eq!((state.records, state.generation), (2, 1));
    assert_eq!((hall.len(), hall.digest(), hall.fact().records), (2, state.digest, 2));
    let alone = tokio::spawn({
        let hall = hall.clone();
        async move { hall.join_pass(template("a"), 1, None, None).await.map(drop) }
    });
    while hall.passes() == 0 {
        tokio::task::yield_now().await;
    }
    let search = |coming| hall.join_pass(template("a"), 1, None, Some(coming));
    let [one, two, three, four] = [(); 4].map(|()| search(hall.announce()));
    let all_wait = async { release.send(()).unwrap() };
    // Who looks a record up waits, and holds up nobody on the same thread.
    let ids = ["b", "nobody", "a"].map(str::to_owned);
    let held = hall.held(&ids);
    let (held, one, two, three, four, ()) = tokio::join!(biased; held, one, two, three, four, all_wait);
    assert_eq!(held.unwrap(), ["b", "a"]);
    for found in [one, two, three, four] {
        assert_eq!(found.unwrap().answer.hits.len(), 1);
    }
    alone.await.unwrap().unwrap();
    holder.join().unwrap();
    assert_eq!(hall.passes(), 2, "one for the first, and one for the four");
    assert_eq!(hall.coming.load(Ordering::Acquire), 0);
}

/// Gathers a pass around a search that was announced, with as many others as were, until then; how many are in it.
async fn gathered(announced: usize, sent: usize, until: Instant) -> usize {
    let (places, coming) = (Arc::new(Semaphore::new(MOST_WAITING)), Arc::new(AtomicUsize::new(announced)));
    let (queue, waiting) = mpsc::channel();
    let mut searches = Vec::new();
    for _ in 0..sent {
        let place = places.clone().acquire_owned().await.unwrap();
        let done = oneshot::channel().0;
        searches.push(Waiting { probe: vec![], most: 1, filter: None, coming: None, _place: place, done });
    }
    let mut pass: Vec<_> = searches.pop().into_iter().collect();
    let gathering = std::thread::spawn(move || {
        gather(&mut pass, &waiting, &coming, until);
        pass.len()
    });
    for search in searches {
        queue.send(search).map_err(drop).unwrap();
    }
    let gathered = gathering.join().unwrap();
    drop(queue);
    gathered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_waits_for_those_on_their_way_and_a_lone_search_for_nobody() {
    // Longer than any test has: whoever is waited for comes.
    let until = Instant::now() + Duration::from_secs(3600);
    assert_eq!(gathered(4, 4, until).await, 4);
    assert_eq!(gathered(1, 1, until).await, 1);
    assert_eq!(gathered(0, 1, until).await, 1);
    assert_eq!(gathered(MOST_PROBES, MOST_PROBES, until).await, MOST_PROBES);
    // Another is on its way, and does not come.
    let until = Instant::now() + Duration::from_millis(2);
    assert_eq!(gathered(2, 1, until).await, 1);
    assert!(Instant::now() >= until, "it was waited for as long as a pass waits");
}

#[test]
fn a_pass_waits_for_twice_as_long_as_the_last_one_took_and_never_for_long() {
    let ms = Duration::from_millis;
    assert_eq!([0, 1, 2, 3, 900].map(ms).map(patience_after), [0, 2, 4, 5, 5].map(ms));
}

/// A hall in memory on a store among several hosts, a handle of another host, and one that tells nobody.
async fn neighbours() -> (Hall, store::Jurisdiction, store::Jurisdiction, store::Jurisdiction) {
    let alone = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
    let several = alone.clone().among_several();
    let silent = alone.jurisdiction("north").await.unwrap();
    silent.put_gallery(&filtered()).await.unwrap();
    let (here, there) = (several.jurisdiction("north").await.unwrap(), several.jurisdiction("north").await.unwrap());
    let hall = shelf::load("north", &here, &filtered(), None, &|_| {}).await.unwrap();
    (hall, here, there, silent)
}

/// Generation and records once the hall has learnt what other hosts changed, and holds what the store says it holds.
async fn caught_up(hall: &Hall, store: &store::Jurisdiction) -> (u64, usize) {
    let state = store.gallery_state("g").await.unwrap();
    hall.catch_up(store, "north", state.generation).await.unwrap();
    assert_eq!(hall.digest(), state.holdings.digest());
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
    let found = hall.join_pass(template("another face"), 1, None, None).await.unwrap();
    assert_eq!((&*found.answer.hits[0].id, found.generation), ("b", 5));
    assert!(found.answer.hits[0].score > 0.999);
    assert_eq!(caught_up(&hall, &here).await, (5, 2), "nothing has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_here_does_not_hide_another_hosts() {
    let (hall, here, there, _) = neighbours().await;
    there.insert_records("g", vec![record("theirs"), record("gone")]).await.unwrap();
    let removed = hall.forget(&here, &["gone".to_owned()]).await.unwrap();
    assert_eq!(
        (removed.records, removed.generation),
        (vec!["gone".to_owned()], 2),
        "with what the other host changed before"
    );
    assert!(hall.contains("theirs") && !hall.contains("gone"));
    assert_eq!(caught_up(&hall, &here).await, (2, 1), "nothing is missing");
    there.insert_records("g", vec![record("more")]).await.unwrap();
    assert_eq!(hall.enter(&here, vec![record("ours")]).await.unwrap(), 4);
    assert!(hall.contains("more") && hall.contains("ours"));
    assert_eq!(caught_up(&hall, &here).await, (4, 3));
    hall.forget(&here, &["more".to_owned(), "ours".to_owned()]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (6, 1));
    hall.forget(&here, &["theirs".to_owned()]).await.unwrap();
    assert_eq!((hall.generation(), hall.len()), (7, 0), "and the next one is the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_cannot_be_taken_over_remove_none() {
    let (hall, here, ..) = neighbours().await;
    hall.enter(&here, vec![record("a"), record("b")]).await.unwrap();
    let (ids, digest) = (["a", "b"].map(str::to_owned), hall.digest());
    let newcomer = |record: &store::NewRecord| Newcomer::new(&filtered(), record);
    let short = store::NewRecord { template: vec![1.0], ..record("b") };
    for second in [newcomer(&short), newcomer(&record("a"))] {
        let found = [newcomer(&record("a")), second];
        let taken = following::take_over(&hall.rows, &hall.state, &ids, &found, 9);
        assert!(matches!(&taken, Err(CaseError::Fault(_))), "{taken:?}");
        assert_eq!((hall.digest(), hall.generation(), hall.len()), (digest, 1, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_is_made_up_for() {
    let house = House::new().await;
    house.enroll(&["a", "b", "c"]).await;
    let hall = house.load().await;
    let agrees = async |generation: u64| {
        let state = house.store.gallery_state("g").await.unwrap();
        assert_eq!((hall.generation(), hall.digest()), (state.generation, state.holdings.digest()));
        assert_eq!(hall.generation(), generation);
    };
    // Each of these the store has made, and nobody here heard of it.
    house.store.remove_record("g", "a").await.unwrap().unwrap();
    let removed = hall.forget(&house.store, &["a".to_owned()]).await.unwrap();
    assert_eq!(removed, Removed { records: vec!["a".into()], generation: 2 });
    agrees(2).await;
    house.enroll(&["d"]).await;
    assert_eq!(hall.enter(&house.store, vec![record("e")]).await.unwrap(), 4);
    assert!(hall.contains("d") && hall.contains("e"));
    agrees(4).await;
    house.enroll(&["f"]).await;
    assert!(hall.restate(&house.store, "b", "sealed").await.unwrap());
    assert!(hall.contains("f"));
    agrees(6).await;
    house.enroll(&["g"]).await;
    let twice = ["b".to_owned(), "b".to_owned()];
    let removed = hall.forget(&house.store, &twice).await.unwrap();
    assert_eq!(removed, Removed { records: vec!["b".into()], generation: 8 });
    assert!(hall.contains("g") && !hall.contains("b"));
    agrees(8).await;
    assert_eq!(hall.trouble(), None);
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

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_the_same_from_the_store_and_from_a_snapshot() {
    let mut house = House::with_filters().await;
    house.enroll_known("a", &[("sex", "female"), ("date-of-birth", "1990-01-01"), ("name", "Anna Nobody")]).await;
    house.enroll_known("b", &[("sex", "male"), ("date-of-birth", "2006-03-11")]).await;
    house.enroll_known("c", &[("sex", "female"), ("date-of-birth", "unknown")]).await;
    house.enroll(&["d"]).await;
    let check = async |hall: &Hall| {
        assert_eq!(found(hall, "{}").await, ["a", "b", "c", "d"]);
        assert_eq!(found(hall, r#"{"sex":{"one_of":["female"]}}"#).await, ["a", "c"]);
        assert_eq!(found(hall, r#"{"age":{"to":19}}"#).await, ["b"], "one day short of twenty");
        assert_eq!(found(hall, r#"{"age":{"from":20},"sex":{"one_of":["male"]}}"#).await, [""; 0]);
        assert_eq!(found(hall, r#"{"status":{"one_of":["active"]}}"#).await, ["a", "b", "c", "d"]);
    };
    let hall = house.load().await;
    check(&hall).await;
    let digest = hall.digest();
    hall.save(&house.store, false).await.unwrap();
    assert!(!house.holds(b"female") && !house.holds(b"Nobody"), "what is known of people is sealed");
    hall.end().await;

    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!(hall.digest(), digest);
    check(&hall).await;
    hall.end().await;

    // Filters that are declared later hold for what is enrolled already.
    house.fact.filters[1].kind = FilterKind::Date;
    let hall = house.load().await;
    assert!(!hall.has_snapshot().await, "the snapshot's columns mean something else");
    assert_eq!(found(&hall, r#"{"age":{"to":"1990-01-01"}}"#).await, ["a"]);
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
async fn a_doubtful_gallery_is_emptied_before_it_is_loaded_anew_and_nobody_is_told_that_nothing_is_found() {
    let house = House::new().await;
    house.enroll(&["a", "b"]).await;
    let hall = house.load().await;
    hall.doubt();
    hall.empty().await.unwrap();
    hall.empty().await.unwrap();
    assert_eq!((hall.len(), hall.contains("a")), (2, false), "as many as there were");
    let asked = hall.join_pass(template("a"), 1, None, None).await;
    assert!(matches!(asked.map(drop), Err(CaseError::Mending { .. })));
    // One that was on its way before.
    let place = hall.places.clone().acquire_owned().await.unwrap();
    let (done, found) = oneshot::channel();
    let waiting = Waiting { probe: template("a"), most: 1, filter: None, coming: None, _place: place, done };
    assert!(hall.queue.send(waiting).is_ok());
    assert!(found.await.unwrap().is_none());
    hall.mend(&house.store).await.unwrap();
    assert_eq!((hall.len(), hall.trouble()), (2, None));
    assert_eq!(first(&hall, "a").await.as_deref(), Some("a"));
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
    assert_eq!(found(&hall, active).await, ["b"]);
    assert_eq!(found(&hall, r#"{"status":{"one_of":["sealed"]}}"#).await, ["a"]);
    assert_eq!(hall.generation(), 2);
    assert_ne!(hall.digest(), digest);
    assert_eq!(hall.digest(), house.store.gallery_state("g").await.unwrap().holdings.digest());
    hall.end().await;

    let hall = house.load().await;
    assert!(!hall.has_snapshot().await, "it was of the state before");
    assert_eq!(found(&hall, active).await, ["b"]);
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
        found(&hall, &female),
        found(&hall, &male),
        found(&hall, "{}"),
        found(&hall, r#"{"age":{"from":1}}"#)
    );
    drop(coming);
    assert_eq!((one, two), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert_eq!((all.len(), none.len()), (2, 0));
}

const FEMALE: &str = r#"{"sex":{"one_of":["female"]}}"#;
const ACTIVE: &str = r#"{"status":{"one_of":["active"]}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_says_of_a_record_is_taken_over() {
    let (hall, here, there, silent) = neighbours().await;
    let (a, b) = (booked("a", &[("sex", "female"), ("date-of-birth", "1990-01-01")]), booked("b", &[("sex", "male")]));
    there.insert_records("g", vec![a, b]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (1, 2));
    assert_eq!(found(&hall, FEMALE).await, ["a"]);
    assert_eq!(found(&hall, r#"{"age":{"from":36,"to":36}}"#).await, ["a"]);

    there.set_status("g", "a", "sealed").await.unwrap().unwrap();
    assert_eq!(caught_up(&hall, &here).await, (2, 2));
    assert_eq!(found(&hall, ACTIVE).await, ["b"]);
    assert_eq!(found(&hall, FEMALE).await, ["a"], "the rest of what is known of it stays");

    // The same id and template, another booking.
    there.remove_record("g", "b").await.unwrap();
    there.insert_records("g", vec![booked("b", &[("sex", "female")])]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (4, 2));
    assert_eq!(found(&hall, FEMALE).await, ["a", "b"]);

    // And where nobody tells of it.
    silent.set_status("g", "b", "sealed").await.unwrap().unwrap();
    silent.insert_records("g", vec![booked("c", &[("sex", "female")])]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (6, 3));
    assert_eq!((found(&hall, FEMALE).await.len(), found(&hall, ACTIVE).await), (3, vec!["c".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_given_here_is_taken_over_with_what_other_hosts_changed() {
    let (hall, here, there, _) = neighbours().await;
    there.insert_records("g", vec![record("a"), record("b"), record("gone")]).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (1, 3));
    assert!(hall.restate(&here, "a", "sealed").await.unwrap());
    assert_eq!((hall.generation(), found(&hall, ACTIVE).await), (2, vec!["b".to_owned(), "gone".to_owned()]));
    assert_eq!(there.changed_since("g", 1, 2).await.unwrap(), Some(vec!["a".to_owned()]), "others are told");

    there.remove_record("g", "gone").await.unwrap();
    // The same id, another face.
    there.remove_record("g", "b").await.unwrap();
    let other = store::NewRecord { template: template("another face"), ..record("b") };
    there.insert_records("g", vec![other, record("c")]).await.unwrap();
    assert!(hall.restate(&here, "b", "sealed").await.unwrap());
    assert_eq!((hall.generation(), found(&hall, ACTIVE).await), (6, vec!["c".to_owned()]));
    assert_eq!(caught_up(&hall, &here).await, (6, 3), "nothing is missing");
    assert!(!hall.restate(&here, "gone", "sealed").await.unwrap());
    assert!(hall.restate(&here, "b", "sealed").await.unwrap());
    assert_eq!(caught_up(&hall, &here).await, (6, 3), "it is that already");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_in_the_next_snapshot() {
    let several = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap().among_several();
    let (here, there) = (several.jurisdiction("north").await.unwrap(), several.jurisdiction("north").await.unwrap());
    here.put_gallery(&filtered()).await.unwrap();
    let house = House { folder: tempfile::tempdir().unwrap(), store: here, fact: filtered() };
    there.insert_records("g", vec![booked("a", &[("sex", "female")]), record("b")]).await.unwrap();
    let hall = house.load().await;
    hall.save(&house.store, false).await.unwrap();
    there.set_status("g", "a", "sealed").await.unwrap();
    there.remove_record("g", "b").await.unwrap();
    there.insert_records("g", vec![booked("c", &[("sex", "female")])]).await.unwrap();
    assert_eq!(caught_up(&hall, &house.store).await, (4, 2));
    hall.save(&house.store, true).await.unwrap();
    hall.end().await;

    let hall = house.load().await;
    assert!(hall.has_snapshot().await);
    assert_eq!(found(&hall, FEMALE).await, ["a", "c"]);
    assert_eq!(found(&hall, ACTIVE).await, ["c"]);
}

/// A record of this agency.
fn of_agency(id: &str, agency: &str) -> store::NewRecord {
    let provenance = store::Provenance { origin: agency.to_owned(), ..store::Provenance::default() };
    store::NewRecord { provenance, ..record(id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agency_of_a_record_is_the_same_from_the_store_from_a_snapshot_and_from_another_host() {
    let check = async |hall: &Hall| {
        assert_eq!(found(hall, r#"{"origin":{"one_of":["north"]}}"#).await, ["a"]);
        assert_eq!(found(hall, r#"{"origin":{"none_of":["north"]}}"#).await, ["b", "c"], "nobody said where c is from");
        assert_eq!(found(hall, r#"{"origin":{"one_of":["north","south"],"none_of":["south"]}}"#).await, ["a"]);
        assert_eq!(found(hall, r#"{"origin":{"one_of":["elsewhere"]}}"#).await, [""; 0]);
    };
    let records = || vec![of_agency("a", "north"), of_agency("b", "south"), record("c")];
    for house in [House::new().await, House::with_filters().await] {
        house.store.insert_records("g", records()).await.unwrap();
        let hall = house.load().await;
        check(&hall).await;
        hall.save(&house.store, false).await.unwrap();
        hall.end().await;
        let hall = house.load().await;
        assert!(hall.has_snapshot().await);
        check(&hall).await;
        assert!(hall.restate(&house.store, "a", "sealed").await.unwrap());
        check(&hall).await;
        assert_eq!(found(&hall, r#"{"status":{"none_of":["sealed"]},"origin":{"none_of":["south"]}}"#).await, ["c"]);
    }
    let (hall, here, there, _) = neighbours().await;
    there.insert_records("g", records()).await.unwrap();
    assert_eq!(caught_up(&hall, &here).await, (1, 3));
    check(&hall).await;
}
