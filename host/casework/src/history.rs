//! What policies are told of the past, derived from the searches on record and never from a client.
//!
//! The rows are in the database; what is held here is derived from them and can be derived again.

use model::facts;
use model::terms::{Digest, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

/// The window that rates are counted in.
pub const HOUR_MS: u64 = 3_600_000;

/// Counters of one jurisdiction's galleries.
#[derive(Default)]
pub struct History {
    inner: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    /// Searches of the last hour by person, oldest first.
    by_person: BTreeMap<String, VecDeque<(Instant, Digest)>>,
    /// Probes by hashed case identifier. Filled from the database when first asked for.
    by_case: BTreeMap<String, BTreeSet<Digest>>,
    /// Searches by request. Filled from the database when first asked for.
    by_request: BTreeMap<String, u32>,
}

/// Cases and requests held each. Past this many the counters are dropped and derived again as they are asked for.
const MOST_HELD: usize = 100_000;

impl History {
    /// Derives the counters from the searches of the last hour.
    pub fn derive(rows: &[store::SearchRow]) -> Self {
        let history = Self::default();
        for row in rows {
            history.count(&row.person, row.at, row.probe);
        }
        history
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        // The counters are whole at every moment: a panic elsewhere cannot have torn them.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self, person: &str, at: Instant, probe: Digest) {
        self.lock().by_person.entry(person.to_owned()).or_default().push_back((at, probe));
    }

    /// A request that was opened just now has no searches yet: nothing to ask the database.
    pub fn opened(&self, request: &str) {
        self.lock().hold().by_request.insert(request.to_owned(), 0);
    }

    /// Counts one search. Called before the search runs, so that searches at the same moment see each other.
    pub fn searched(&self, row: &store::SearchRow) {
        self.count(&row.person, row.at, row.probe);
        let mut counters = self.lock();
        for key in &row.case_keys {
            if let Some(probes) = counters.by_case.get_mut(key) {
                probes.insert(row.probe);
            }
        }
        if let Some(searches) = counters.by_request.get_mut(&row.request) {
            *searches = searches.saturating_add(1);
        }
    }

    async fn searches_of(&self, store: &store::Jurisdiction, request: &str) -> Result<u32, store::StoreError> {
        if let Some(searches) = self.lock().by_request.get(request) {
            return Ok(*searches);
        }
        let searches = store.searches_of_request(request).await?;
        self.lock().hold().by_request.insert(request.to_owned(), searches);
        Ok(searches)
    }

    /// What a policy is told: this person's last hour, and the probes of the case.
    ///
    /// # Errors
    /// When the case's probes have to be read and cannot be.
    pub async fn fact(
        &self,
        store: &store::Jurisdiction,
        person: &str,
        case_keys: &[String],
        request: Option<&str>,
        now: Instant,
    ) -> Result<facts::History, store::StoreError> {
        for key in case_keys {
            if !self.lock().by_case.contains_key(key) {
                let probes = store.probes_of_case(key).await?;
                self.lock().hold().by_case.entry(key.clone()).or_default().extend(probes);
            }
        }
        let searches_of_request = match request {
            Some(id) => self.searches_of(store, id).await?,
            None => 0,
        };
        let mut counters = self.lock();
        let (mut searches, mut distinct) = (0, 0);
        if let Some(window) = counters.by_person.get_mut(person) {
            while window.front().is_some_and(|(at, _)| now.since(*at) > HOUR_MS) {
                window.pop_front();
            }
            searches = window.len();
            distinct = window.iter().map(|(_, probe)| probe).collect::<BTreeSet<_>>().len();
        }
        let in_case: BTreeSet<_> = case_keys.iter().filter_map(|k| counters.by_case.get(k)).flatten().collect();
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(facts::History {
            searches_by_person_last_hour: small(searches),
            distinct_probes_by_person_last_hour: small(distinct),
            distinct_probes_in_case: small(in_case.len()),
            searches_of_request,
            opened_candidates: vec![],
            signatures: vec![],
            candidates_returned: 0,
            candidates_disposed: 0,
            candidates_possible: 0,
            open_obligations: vec![],
        })
    }
}

impl Counters {
    /// Makes room for one more.
    fn hold(&mut self) -> &mut Self {
        if self.by_case.len() >= MOST_HELD {
            self.by_case.clear();
        }
        if self.by_request.len() >= MOST_HELD {
            self.by_request.clear();
        }
        self
    }
}

/// The key under which a case identifier is counted: a digest, so that case numbers do not stand in the clear.
pub fn case_key(identifier: &facts::Identifier) -> String {
    Digest::of(format!("{}\n{}", identifier.kind, identifier.value.trim()).as_bytes()).to_string()
}
