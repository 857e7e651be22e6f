//! A gallery in memory, searched by one thread in shared passes.
//!
//! Searches that wait while a pass runs join the next one: the pass reads the codes once for all of them. A search that is
//! still being decided has announced itself, and a pass waits a little for those: about as long as it takes itself. A lone
//! search waits for nobody.

use crate::error::CaseError;
use crate::permit::{Acted, Permit};
use model::registry;
use search::{Answer, Gallery};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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
    generation: Arc<AtomicU64>,
    queue: mpsc::Sender<Waiting>,
    places: Arc<Semaphore>,
    coming: Arc<AtomicUsize>,
}

struct Waiting {
    probe: Vec<f32>,
    most: usize,
    _place: OwnedSemaphorePermit,
    done: oneshot::Sender<Result<Found, search::TemplateError>>,
}

/// A search that is on its way, until it has its answer or is given up.
pub(crate) struct Coming(Arc<AtomicUsize>);

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a search found.
pub struct Found {
    /// The hits with their certificate.
    pub answer: Answer,
    /// The gallery's generation that was searched.
    pub generation: u64,
}

impl Hall {
    /// Puts a loaded gallery to work. The thread ends with the hall.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(fact: registry::Gallery, owner: &str, rows: Gallery, generation: u64) -> Result<Self, std::io::Error> {
        let rows = Arc::new(RwLock::new(rows));
        let generation = Arc::new(AtomicU64::new(generation));
        let (queue, waiting) = mpsc::channel();
        let coming = Arc::new(AtomicUsize::new(0));
        let (shared, counter, expected) = (rows.clone(), generation.clone(), coming.clone());
        std::thread::Builder::new()
            .name(format!("gallery {}", fact.id))
            .spawn(move || serve(&shared, &counter, &expected, &waiting))?;
        let places = Arc::new(Semaphore::new(MOST_WAITING));
        Ok(Self { fact, owner: owner.to_owned(), rows, generation, queue, places, coming })
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

    /// Records in it.
    pub fn len(&self) -> usize {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a record of this id is in it.
    pub fn contains(&self, id: &str) -> bool {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Its generation: a number that grows with every change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Says that a search may come, so that others wait for it.
    pub(crate) fn announce(&self) -> Coming {
        self.coming.fetch_add(1, Ordering::AcqRel);
        Coming(self.coming.clone())
    }

    /// Searches once, as this permit allows.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for a probe that does not fit.
    pub async fn search(&self, permit: Permit, probe: Vec<f32>, most: usize) -> (Acted, Result<Found, CaseError>) {
        (permit.act(), self.join_pass(probe, most).await)
    }

    async fn join_pass(&self, probe: Vec<f32>, most: usize) -> Result<Found, CaseError> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| CaseError::Stopping)?;
        let (done, found) = oneshot::channel();
        self.queue.send(Waiting { probe, most, _place: place, done }).map_err(|_| CaseError::Stopping)?;
        found.await.map_err(|_| CaseError::Stopping)?.map_err(|e| CaseError::Invalid(e.to_string()))
    }

    /// Enrols records in the store and then in memory, as this permit allows; gives the generation afterwards.
    pub(crate) async fn admit(
        &self,
        permit: Permit,
        store: &store::Jurisdiction,
        records: Result<Vec<store::NewRecord>, CaseError>,
    ) -> (Acted, Result<u64, CaseError>) {
        let admitted = async {
            let records = records?;
            let rows: Vec<_> = records.iter().map(|r| (r.id.clone(), r.template.clone())).collect();
            let generation = store.insert_records(&self.fact.id, records).await?;
            let mut gallery = self.rows.write().unwrap_or_else(PoisonError::into_inner);
            for (id, template) in &rows {
                gallery.insert(id, template).map_err(|e| CaseError::Invalid(e.to_string()))?;
            }
            self.generation.fetch_max(generation, Ordering::AcqRel);
            Ok(generation)
        };
        (permit.act(), admitted.await)
    }
}

fn serve(rows: &RwLock<Gallery>, generation: &AtomicU64, coming: &AtomicUsize, queue: &mpsc::Receiver<Waiting>) {
    let mut pass: Vec<Waiting> = Vec::with_capacity(MOST_PROBES);
    let mut patience = Duration::ZERO;
    while let Ok(first) = queue.recv() {
        pass.push(first);
        gather(&mut pass, queue, coming, Instant::now() + patience);
        let began = Instant::now();
        let probes: Vec<&[f32]> = pass.iter().map(|w| w.probe.as_slice()).collect();
        let most: Vec<usize> = pass.iter().map(|w| w.most).collect();
        let gallery = rows.read().unwrap_or_else(PoisonError::into_inner);
        let searched = generation.load(Ordering::Acquire);
        let answers = gallery.search_many(&probes, &most);
        drop(gallery);
        // A pass that several share saves more than twice its time.
        patience = (began.elapsed() * 2).min(MOST_PATIENCE);
        for (waiting, answer) in pass.drain(..).zip(answers) {
            // Whoever stopped waiting does not need the answer.
            let _ = waiting.done.send(answer.map(|answer| Found { answer, generation: searched }));
        }
    }
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
