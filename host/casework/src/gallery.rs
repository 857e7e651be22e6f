//! A gallery in memory, searched by one thread in shared passes.
//!
//! Searches that wait while a pass runs join the next one: the pass reads the codes once for all of them. A search that is
//! still being decided has announced itself, and a pass waits a little for those: about as long as it takes itself. A lone
//! search waits for nobody.
//!
//! Records are enrolled and removed between two passes. A change is made in the store first and then in memory, one after
//! the other, so that a generation means the same records in both; what it costs depends on the records that change, not
//! on those that are there. What another host changed in the store is taken over from there (`following`). How a gallery gets
//! into its file, and out of the store again where that file is damaged, is in `keeping`; what is told of it without a search in
//! `state`.

mod following;
mod keeping;
mod state;

pub(crate) use keeping::save_last;
pub use state::State;

use crate::aside::aside;
use crate::error::CaseError;
use crate::filter;
use crate::ledger::OfRequest;
use crate::permit::{Acted, Permit};
use crate::shelf::Shelf;
use arc_swap::ArcSwap;
use model::multiset;
use model::registry;
use model::terms::Digest;
use search::{Answer, Attribute, Filter, FilterError, Gallery, NewRow, Query, RowError, Settling, TemplateError};
use state::tell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore, oneshot};

/// Probes in one pass at most: past this a pass takes longer than what sharing it saves.
const MOST_PROBES: usize = 32;

/// Searches that may wait. More than that many at one moment means the host is overloaded, and they wait outside.
const MOST_WAITING: usize = 256;

/// How long a pass waits at most for searches that are on their way, whatever it takes itself.
const MOST_PATIENCE: Duration = Duration::from_millis(5);

/// A gallery at work.
pub struct Hall {
    fact: registry::Gallery,
    owner: String,
    rows: Arc<RwLock<Gallery>>,
    /// Said anew by whoever changes the rows, before they let go of them: nobody who asks waits for a change.
    state: Arc<ArcSwap<State>>,
    queue: mpsc::Sender<Waiting>,
    places: Arc<Semaphore>,
    coming: Arc<AtomicUsize>,
    /// Passes begun.
    passes: Arc<AtomicU64>,
    broken: Arc<AtomicBool>,
    /// Memory or file may not be what the store holds: nothing is searched until the gallery is loaded anew.
    doubtful: Arc<AtomicBool>,
    /// Somebody loads it anew.
    mending: AtomicBool,
    shelf: Option<Arc<Shelf>>,
    /// Held while records change. The generation of the snapshot on the shelf, if there is one.
    changing: Mutex<Option<u64>>,
    /// How often somebody wanted to change records.
    wanted: Arc<AtomicU64>,
    /// Held while a snapshot is made. A generation and since when the gallery has been of it, as far as somebody looked.
    saving: Mutex<Option<(u64, model::terms::Instant)>>,
}

struct Waiting {
    probe: Vec<f32>,
    most: usize,
    filter: Option<Filter>,
    coming: Option<Coming>,
    _place: OwnedSemaphorePermit,
    /// Nothing where the gallery is loaded anew.
    done: oneshot::Sender<Option<Result<Found, FilterError>>>,
}

/// A search that is on its way, until it has its answer or is given up. What is done with the answer keeps nobody waiting.
pub struct Coming(Arc<AtomicUsize>);

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Says so when the thread that searches breaks off.
struct Watch(Arc<AtomicBool>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
            tracing::error!("the thread that searches a gallery broke off");
        }
    }
}

/// What a search found.
pub struct Found {
    /// The hits with their certificate.
    pub answer: Answer,
    /// The gallery's generation that was searched.
    pub generation: u64,
}

/// What a removal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The records that were there, in the order they were named.
    pub records: Vec<String>,
    /// The gallery's generation afterwards.
    pub generation: u64,
}

impl Hall {
    /// Puts a loaded gallery to work. The thread ends with the hall.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(fact: registry::Gallery, owner: &str, rows: Gallery, generation: u64) -> Result<Self, std::io::Error> {
        let state = Arc::new(ArcSwap::from_pointee(State::of(&rows, generation)));
        let rows = Arc::new(RwLock::new(rows));
        let (queue, waiting) = mpsc::channel();
        let coming = Arc::new(AtomicUsize::new(0));
        let passes = Arc::new(AtomicU64::new(0));
        let (broken, doubtful) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (shared, said, expected, watch) = (rows.clone(), state.clone(), coming.clone(), broken.clone());
        let (begun, in_doubt) = (passes.clone(), doubtful.clone());
        std::thread::Builder::new().name(format!("gallery {}", fact.id)).spawn(move || {
            let _watch = Watch(watch);
            serve(&shared, &said, &in_doubt, &expected, &begun, &waiting);
        })?;
        let places = Arc::new(Semaphore::new(MOST_WAITING));
        Ok(Self {
            fact,
            owner: owner.to_owned(),
            rows,
            state,
            queue,
            places,
            coming,
            passes,
            broken,
            doubtful,
            mending: AtomicBool::new(false),
            shelf: None,
            changing: Mutex::new(None),
            wanted: Arc::new(AtomicU64::new(0)),
            saving: Mutex::new(None),
        })
    }

    /// Keeps its snapshots on this shelf, where there is one of this generation, if of any.
    pub(crate) fn on_shelf(self, shelf: Arc<Shelf>, sealed: Option<u64>) -> Self {
        Self { shelf: Some(shelf), changing: Mutex::new(sealed), ..self }
    }

    /// The gallery as registered.
    pub fn registered(&self) -> &registry::Gallery {
        &self.fact
    }

    /// What a policy is told of it.
    pub fn fact(&self) -> model::facts::Gallery {
        model::facts::Gallery {
            id: self.fact.id.clone(),
            owner: self.owner.clone(),
            class: self.fact.class.clone(),
            records: self.len() as u64,
            model: self.fact.model.clone(),
            last_scrubbed: self.fact.last_scrubbed,
        }
    }

    /// What it holds at this moment. Waits for nobody.
    pub fn state(&self) -> State {
        **self.state.load()
    }

    /// Records in it; while it is loaded anew, those that were.
    pub fn len(&self) -> usize {
        self.state().records
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of these ids under which there is a record in it, in their order. Waits for a change that is under way.
    ///
    /// # Errors
    /// [`CaseError::Stopping`] if the host stops.
    pub async fn held(&self, ids: &[String]) -> Result<Vec<String>, CaseError> {
        let (rows, ids) = (self.rows.clone(), ids.to_vec());
        aside(move || {
            let gallery = rows.read().unwrap_or_else(PoisonError::into_inner);
            ids.into_iter().filter(|id| gallery.contains(id)).collect()
        })
        .await
    }

    /// The digest of what it holds: see [`multiset`].
    pub fn digest(&self) -> Digest {
        self.state().digest
    }

    /// Whether there is a snapshot of what it holds on its shelf.
    pub async fn has_snapshot(&self) -> bool {
        *self.changing.lock().await == Some(self.generation())
    }

    /// Ends it, and waits until its thread has let go of the gallery's file.
    pub async fn end(self) {
        let rows = Arc::downgrade(&self.rows);
        drop(self);
        while rows.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Its generation: a number that grows with every change.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Passes over it so far, for however many searches each.
    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Acquire)
    }

    /// Why nothing can be searched for in it, if nothing can.
    pub fn trouble(&self) -> Option<String> {
        let id = &self.fact.id;
        if self.broken.load(Ordering::Acquire) {
            return Some(format!("the thread that searches gallery `{id}` broke off: restart the host"));
        }
        self.is_doubtful().then(|| {
            format!(
                "gallery `{id}` is damaged and is loaded again from the database: check the disk that holds its file"
            )
        })
    }

    /// Why a search got no answer.
    fn unanswered(&self) -> CaseError {
        let id = &self.fact.id;
        CaseError::Fault(self.trouble().unwrap_or_else(|| format!("nobody searches gallery `{id}`: restart the host")))
    }

    /// Says that a search may come, so that others wait for it.
    pub fn announce(&self) -> Coming {
        self.coming.fetch_add(1, Ordering::AcqRel);
        Coming(self.coming.clone())
    }

    /// Searches once, as this permit allows: among the records that the filter admits, or all. It was announced as `coming`.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for a probe that does not fit; [`CaseError::Fault`] where nobody searches any more, or a record
    /// that had to be read is damaged; [`CaseError::Mending`] from then on until the gallery is loaded anew.
    pub async fn search(
        &self,
        permit: Permit<OfRequest>,
        probe: Vec<f32>,
        most: usize,
        filter: Option<Filter>,
        coming: Coming,
    ) -> (Acted<OfRequest>, Result<Found, CaseError>) {
        (permit.act(), self.join_pass(probe, most, filter, Some(coming)).await)
    }

    async fn join_pass(
        &self,
        probe: Vec<f32>,
        most: usize,
        filter: Option<Filter>,
        coming: Option<Coming>,
    ) -> Result<Found, CaseError> {
        if self.is_doubtful() {
            return Err(CaseError::Mending { gallery: self.fact.id.clone() });
        }
        let place = self.places.clone().acquire_owned().await.map_err(|_| CaseError::Stopping)?;
        let (done, found) = oneshot::channel();
        let waiting = Waiting { probe, most, filter, coming, _place: place, done };
        self.queue.send(waiting).map_err(|_| self.unanswered())?;
        let Some(found) = found.await.map_err(|_| self.unanswered())? else {
            return Err(CaseError::Mending { gallery: self.fact.id.clone() });
        };
        match found {
            Ok(found) => Ok(found),
            // The record's id is for whoever keeps the disk, and not for whoever asks.
            Err(FilterError::Probe(TemplateError::Damaged { id })) => {
                tracing::error!(gallery = %self.fact.id, record = %id, "a row is damaged in the gallery's file");
                self.doubt();
                let gallery = &self.fact.id;
                Err(CaseError::Fault(format!(
                    "gallery `{gallery}` is damaged on its disk; it is loaded again from the database"
                )))
            }
            Err(e) => Err(CaseError::Invalid(e.to_string())),
        }
    }

    /// Waits for its turn to change records. A snapshot that is being made is given up for it.
    async fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.wanted.fetch_add(1, Ordering::AcqRel);
        self.changing.lock().await
    }

    /// Enrols records in the store and then in memory, as this permit allows; gives the generation afterwards.
    pub(crate) async fn admit(
        &self,
        permit: Permit,
        store: &store::Jurisdiction,
        records: Result<Vec<store::NewRecord>, CaseError>,
    ) -> (Acted, Result<u64, CaseError>) {
        let admitted = async { self.enter(store, records?).await };
        (permit.act(), admitted.await)
    }

    async fn enter(&self, store: &store::Jurisdiction, records: Vec<store::NewRecord>) -> Result<u64, CaseError> {
        let new: Vec<_> = records.iter().map(|record| Newcomer::new(&self.fact, record)).collect();
        let mut sealed = self.turn().await;
        let before = self.generation();
        let generation = store.insert_records(&self.fact.id, records).await?;
        // Enrolled they are. Whatever keeps memory from them keeps searches from going on without them.
        let taken = if !new.is_empty() && generation == before + 1 {
            let (rows, state) = (self.rows.clone(), self.state.clone());
            let taken = aside(move || take_in(&rows, &state, &new, generation)).await;
            taken.flatten().inspect_err(|_| self.doubt())
        } else {
            self.make_up(store, generation, &mut sealed).await
        };
        if let Err(e) = taken {
            tracing::error!(gallery = %self.fact.id, %e, "what was enrolled is not in memory yet");
        }
        Ok(generation)
    }

    /// Brings memory to this generation after a change here, where it lacked more than that change: what another host changed,
    /// or a change whose answer was lost.
    async fn make_up(
        &self,
        store: &store::Jurisdiction,
        generation: u64,
        sealed: &mut Option<u64>,
    ) -> Result<(), CaseError> {
        // In a box of its own: no step that lacks nothing has to make room for it.
        let followed = Box::pin(self.follow(store, &self.owner, generation, sealed)).await;
        // Among several hosts it is tried again before the next decision.
        if followed.is_err() && !store.of_several_hosts() {
            self.doubt();
        }
        followed
    }

    /// Removes records from the store and then from memory and from the gallery's file, as this permit allows. When it
    /// returns, their templates have been overwritten wherever this host keeps them, and the next search does not see
    /// them; the bytes in the database leave its disk when the engine next compacts. Records that are not there are passed
    /// over, so a removal that failed can be repeated.
    ///
    /// # Errors
    /// [`CaseError::Store`] if the store did not remove one of them: those before it are removed.
    /// [`CaseError::Gallery`] if they are gone from store and memory, but one may be left in the gallery's file.
    pub async fn remove(
        &self,
        permit: Permit,
        store: &store::Jurisdiction,
        ids: &[String],
    ) -> (Acted, Result<Removed, CaseError>) {
        (permit.act(), self.forget(store, ids).await)
    }

    async fn forget(&self, store: &store::Jurisdiction, ids: &[String]) -> Result<Removed, CaseError> {
        let mut sealed = self.turn().await;
        let (before, held) = (self.generation(), self.held(ids).await?);
        let (mut gone, mut made, mut records) = (Vec::with_capacity(ids.len()), Vec::new(), Vec::new());
        let (mut lost, mut failed) = (false, None);
        for id in ids {
            match store.remove_record(&self.fact.id, id).await {
                Ok(generation) => {
                    let here = held.contains(id) && !gone.contains(id);
                    // Here and not in the store: the answer to an earlier removal was lost, or another host removed it.
                    lost |= generation.is_none() && here;
                    if generation.is_some() || here {
                        records.push(id.clone());
                    }
                    made.extend(generation);
                    gone.push(id.clone());
                }
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        let after = before + made.len() as u64;
        if !lost && made.into_iter().eq(before + 1..=after) {
            self.overwrite(gone, Some(After { generation: after, holding: None })).await?;
        } else {
            self.overwrite_and_make_up(store, gone, &mut sealed).await?;
        }
        match failed {
            Some(e) => Err(e.into()),
            None => Ok(Removed { records, generation: self.generation() }),
        }
    }

    /// Takes removed records out of memory and the file, where memory lacks more than their removal.
    async fn overwrite_and_make_up(
        &self,
        store: &store::Jurisdiction,
        gone: Vec<String>,
        sealed: &mut Option<u64>,
    ) -> Result<(), CaseError> {
        let state = match store.gallery_state(&self.fact.id).await {
            Ok(state) => state,
            Err(e) => {
                // They go all the same; which state that makes is found when the store can be asked.
                self.doubt();
                self.overwrite(gone, None).await?;
                return Err(e.into());
            }
        };
        if !store.of_several_hosts() {
            let after = After { generation: state.generation, holding: Some(state.holdings.digest()) };
            self.overwrite(gone, Some(after)).await?;
        }
        // Among several hosts with what the others changed, so that no search sees the one without the other.
        self.make_up(store, state.generation, sealed).await
    }

    /// Takes records out of memory and the file, and waits for the disk while searches go on.
    async fn overwrite(&self, ids: Vec<String>, after: Option<After>) -> Result<(), CaseError> {
        let (rows, state) = (self.rows.clone(), self.state.clone());
        match aside(move || take_out(&rows, &state, &ids, after)).await? {
            Ok(()) => Ok(()),
            Err(e) => self.clear_shelf(&e),
        }
    }

    /// Gives a record another status, in the store and then in memory. Whether there is such a record.
    ///
    /// # Errors
    /// [`CaseError::Store`]: it has the status that it had, or, among several hosts, memory has it until the next decision; a
    /// single host searches nothing then until the gallery is loaded anew.
    pub(crate) async fn restate(&self, store: &store::Jurisdiction, id: &str, status: &str) -> Result<bool, CaseError> {
        let mut sealed = self.turn().await;
        let before = self.generation();
        let Some(generation) = store.set_status(&self.fact.id, id, status).await? else { return Ok(false) };
        if store.of_several_hosts() || generation > before + 1 {
            // With whatever another host did to it meanwhile.
            self.make_up(store, generation, &mut sealed).await?;
            return Ok(true);
        }
        // It has it in the store. Whatever keeps memory from it keeps searches from going on without it.
        match self.note(store, id, generation).await {
            Ok(true) => Ok(true),
            unnoted => {
                self.doubt();
                unnoted
            }
        }
    }

    /// Gives a record in memory the status that it has in the store. Whether there is such a record.
    async fn note(&self, store: &store::Jurisdiction, id: &str, generation: u64) -> Result<bool, CaseError> {
        let Some(stored) = store.template(&self.fact.id, id).await? else { return Ok(false) };
        let (rows, state) = (self.rows.clone(), self.state.clone());
        aside(move || take_note(&rows, &state, &stored, generation)).await??;
        Ok(true)
    }
}

/// A record on its way into memory.
struct Newcomer {
    id: String,
    template: Vec<f32>,
    attributes: Vec<(String, Attribute)>,
    element: Digest,
}

impl Newcomer {
    fn new(gallery: &registry::Gallery, record: &store::NewRecord) -> Self {
        // As the store counts it: see `store::StoredTemplate`.
        let bytes: Vec<u8> = record.template.iter().flat_map(|x| x.to_le_bytes()).collect();
        let element = multiset::record(&record.id, Digest::of(&bytes), &record.status);
        let attributes = known(gallery, &record.status, &record.provenance.origin, &record.booking);
        Self { id: record.id.clone(), template: record.template.clone(), attributes, element }
    }
}

/// What a record of this status, from this agency and with these booking data is filtered by.
fn known(
    gallery: &registry::Gallery,
    status: &str,
    origin: &str,
    booking: &BTreeMap<String, String>,
) -> Vec<(String, Attribute)> {
    let (mut known, _) = filter::values(gallery, booking);
    known.push(filter::status(status));
    known.extend(filter::origin(origin));
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What memory is said to be after a change.
struct After {
    generation: u64,
    /// Only if this is what it holds; whatever it holds where absent.
    holding: Option<Digest>,
}

/// Puts records in memory, all or none.
fn take_in(rows: &RwLock<Gallery>, state: &ArcSwap<State>, new: &[Newcomer], generation: u64) -> Result<(), CaseError> {
    let refused = |e: RowError| CaseError::Invalid(e.to_string());
    as_rows(new, |new| {
        // Searches go on while the records are coded.
        let prepared = rows.read().unwrap_or_else(PoisonError::into_inner).prepare(new).map_err(refused)?;
        let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
        gallery.insert_prepared(prepared).map_err(refused)?;
        tell(state, &gallery, Some(generation));
        Ok(())
    })
}

/// These records as the gallery takes them.
fn as_rows<T>(new: &[Newcomer], take: impl FnOnce(&[NewRow<'_>]) -> T) -> T {
    let attributes: Vec<Vec<(&str, Attribute)>> = new
        .iter()
        .map(|new| new.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect())
        .collect();
    let new: Vec<NewRow<'_>> = new
        .iter()
        .zip(&attributes)
        .map(|(new, attributes)| NewRow { id: &new.id, template: &new.template, attributes, element: new.element })
        .collect();
    take(&new)
}

/// Gives a record the status that it has in the store.
fn take_note(
    rows: &RwLock<Gallery>,
    state: &ArcSwap<State>,
    stored: &store::StoredTemplate,
    generation: u64,
) -> Result<(), CaseError> {
    let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
    let described = gallery.describe(&stored.id, &[filter::status(&stored.status)]);
    described.map_err(|e| CaseError::Invalid(e.to_string()))?;
    gallery.recount(&stored.id, stored.element());
    tell(state, &gallery, Some(generation));
    Ok(())
}

/// Takes these records out of memory; gives whether they are gone from the gallery's file.
fn take_out(
    rows: &RwLock<Gallery>,
    state: &ArcSwap<State>,
    gone: &[String],
    after: Option<After>,
) -> std::io::Result<()> {
    let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
    for id in gone {
        gallery.remove(id);
    }
    let reached = after.filter(|after| after.holding.is_none_or(|holding| holding == gallery.digest()));
    tell(state, &gallery, reached.map(|after| after.generation));
    let settling = gallery.settling();
    // No search waits for the disk.
    drop(gallery);
    finish(settling)
}

/// Waits until the disk has taken what was overwritten.
fn finish(settling: std::io::Result<Option<Settling>>) -> std::io::Result<()> {
    settling?.map_or(Ok(()), Settling::finish)
}

fn serve(
    rows: &RwLock<Gallery>,
    state: &ArcSwap<State>,
    doubtful: &AtomicBool,
    coming: &AtomicUsize,
    passes: &AtomicU64,
    queue: &mpsc::Receiver<Waiting>,
) {
    let mut pass: Vec<Waiting> = Vec::with_capacity(MOST_PROBES);
    let mut patience = Duration::ZERO;
    while let Ok(first) = queue.recv() {
        pass.push(first);
        gather(&mut pass, queue, coming, Instant::now() + patience);
        passes.fetch_add(1, Ordering::AcqRel);
        let began = Instant::now();
        let queries: Vec<Query<'_>> =
            pass.iter().map(|w| Query { probe: &w.probe, k: w.most, filter: w.filter.as_ref() }).collect();
        let gallery = rows.read().unwrap_or_else(PoisonError::into_inner);
        let searched = state.load().generation;
        // Asked under the lock: whoever empties a doubtful gallery, or fills it, holds it alone.
        let answers = (!doubtful.load(Ordering::Acquire)).then(|| gallery.search_each(&queries));
        drop(gallery);
        patience = patience_after(began.elapsed());
        let Some(answers) = answers else {
            for waiting in pass.drain(..) {
                drop(waiting.coming);
                let _ = waiting.done.send(None);
            }
            continue;
        };
        for (waiting, answer) in pass.drain(..).zip(answers) {
            // It keeps nobody waiting any more, whatever its asker does with the answer.
            drop(waiting.coming);
            // Whoever stopped waiting does not need the answer.
            let _ = waiting.done.send(Some(answer.map(|answer| Found { answer, generation: searched })));
        }
    }
}

/// How long the next pass waits for searches that are on their way, after one that took this long: one that several share saves
/// more than twice its time.
fn patience_after(pass: Duration) -> Duration {
    (pass * 2).min(MOST_PATIENCE)
}

/// Fills up a pass with what is queued and, until then, with what is on its way.
fn gather(pass: &mut Vec<Waiting>, queue: &mpsc::Receiver<Waiting>, coming: &AtomicUsize, until: Instant) {
    while pass.len() < MOST_PROBES {
        let next = match queue.try_recv() {
            Err(mpsc::TryRecvError::Empty) if coming.load(Ordering::Acquire) > pass.len() => {
                queue.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
            }
            next => next.ok(),
        };
        match next {
            Some(next) => pass.push(next),
            None => break,
        }
    }
}

#[cfg(test)]
mod tests;
