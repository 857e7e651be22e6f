//! What policies are told of the past, derived from the searches on record and never from a client.
//!
//! The rows are in the database; what is held here is derived from them and can be derived again.

use crate::error::CaseError;
use crate::ledger::Ledger;
use model::facts;
use model::terms::{Digest, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

/// The window that rates are counted in.
pub const HOUR_MS: u64 = 3_600_000;

/// How late another host's search may reach the database, and how far its clock may be behind: what is older is not looked for
/// again.
const LATE_MS: u64 = 60_000;

/// Counters of one jurisdiction's galleries.
#[derive(Default)]
pub struct History {
    inner: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    /// Searches of the last hour by person.
    by_person: BTreeMap<String, Window>,
    /// Probes by hashed case identifier. Filled from the database when first asked for.
    by_case: BTreeMap<String, BTreeSet<Digest>>,
    /// Searches by request. Filled from the database when first asked for.
    by_request: BTreeMap<String, u32>,
    /// Whether anything was dropped to make room: then what is asked of the database may still be on its way there.
    dropped: bool,
    /// Of several hosts, what they searched; absent where there is one.
    others: Option<Others>,
}

/// What is known of searches on several hosts.
struct Others {
    /// The moment up to which they were read.
    read: Instant,
    /// The latest searches counted, whoever's, by id.
    counted: BTreeMap<String, Instant>,
}

/// One person's searches of the last hour. Its probes are counted as they come and go: a busy person's window is long, and
/// every decision asks for it.
#[derive(Default)]
struct Window {
    /// Oldest first.
    searches: VecDeque<(Instant, Digest)>,
    /// How often each probe is in it.
    probes: BTreeMap<Digest, u32>,
}

impl Window {
    fn add(&mut self, at: Instant, probe: Digest) {
        self.searches.push_back((at, probe));
        *self.probes.entry(probe).or_default() += 1;
    }

    /// Lets go of what is older than an hour, and of what a clock recorded that was wrong.
    fn slide(&mut self, now: Instant) {
        while let Some((at, probe)) = self.searches.front().copied() {
            if now.since(at) <= HOUR_MS && at.since(now) <= LATE_MS {
                break;
            }
            self.searches.pop_front();
            if let Some(times) = self.probes.get_mut(&probe) {
                *times -= 1;
                if *times == 0 {
                    self.probes.remove(&probe);
                }
            }
        }
    }
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

    /// The same where other hosts count too; these are the rows that it was derived from, up to `now`.
    pub(crate) fn among_several(self, rows: &[store::SearchRow], now: Instant) -> Self {
        let counted = rows.iter().map(|row| (row.id.clone(), row.at)).collect();
        self.lock().others = Some(Others { read: now, counted });
        self
    }

    /// Counts what other hosts searched.
    async fn learn(&self, store: &store::Jurisdiction, now: Instant) -> Result<(), CaseError> {
        let Some(read) = self.lock().others.as_ref().map(|others| others.read) else { return Ok(()) };
        let since = Instant(read.0.saturating_sub(LATE_MS));
        let rows = store.searches_since(since).await?;
        let mut counters = self.lock();
        for row in &rows {
            let Some(others) = &mut counters.others else { break };
            if others.counted.insert(row.id.clone(), row.at).is_some() {
                continue;
            }
            let window = counters.by_person.entry(row.person.clone()).or_default();
            window.add(row.at, row.probe);
            // These are in the database, and read from there when they are next asked for.
            counters.by_request.remove(&row.request);
            for key in &row.case_keys {
                counters.by_case.remove(key);
            }
            counters.dropped = true;
        }
        if let Some(others) = &mut counters.others {
            others.read = others.read.max(now);
            let oldest = others.read.0.saturating_sub(2 * LATE_MS);
            others.counted.retain(|_, at| at.0 >= oldest);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        // The counters are whole at every moment: a panic elsewhere cannot have torn them.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self, person: &str, at: Instant, probe: Digest) {
        self.lock().by_person.entry(person.to_owned()).or_default().add(at, probe);
    }

    /// A request that was opened just now has no searches yet: nothing to ask the database.
    pub fn opened(&self, request: &str) {
        self.lock().hold().by_request.insert(request.to_owned(), 0);
    }

    /// Counts one search. Called before the search runs, so that searches at the same moment see each other.
    pub fn searched(&self, row: &store::SearchRow) {
        let mut counters = self.lock();
        if let Some(others) = &mut counters.others
            && others.counted.insert(row.id.clone(), row.at).is_some()
        {
            // It is on record since it was permitted, and was counted from there.
            return;
        }
        counters.by_person.entry(row.person.clone()).or_default().add(row.at, row.probe);
        for key in &row.case_keys {
            if let Some(probes) = counters.by_case.get_mut(key) {
                probes.insert(row.probe);
            }
        }
        if let Some(searches) = counters.by_request.get_mut(&row.request) {
            *searches = searches.saturating_add(1);
        }
    }

    /// Those of these cases in which this probe is not known to be on record already.
    pub fn unlisted(&self, case_keys: &[String], probe: Digest) -> Vec<String> {
        let counters = self.lock();
        let listed = |key: &&String| counters.by_case.get(*key).is_some_and(|probes| probes.contains(&probe));
        case_keys.iter().filter(|key| !listed(key)).cloned().collect()
    }

    async fn searches_of(&self, store: &store::Jurisdiction, ledger: &Ledger, request: &str) -> Result<u32, CaseError> {
        if let Some(searches) = self.lock().by_request.get(request) {
            return Ok(*searches);
        }
        ledger.settle().await?;
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
        ledger: &Ledger,
        person: &str,
        case_keys: &[String],
        request: Option<&str>,
        now: Instant,
    ) -> Result<facts::History, CaseError> {
        self.learn(store, now).await?;
        for key in case_keys {
            let (held, dropped) = {
                let counters = self.lock();
                (counters.by_case.contains_key(key), counters.dropped)
            };
            if !held {
                // A case that was never held here has nothing on its way.
                if dropped {
                    ledger.settle().await?;
                }
                let probes = store.probes_of_case(key).await?;
                self.lock().hold().by_case.entry(key.clone()).or_default().extend(probes);
            }
        }
        let searches_of_request = match request {
            Some(id) => self.searches_of(store, ledger, id).await?,
            None => 0,
        };
        let mut counters = self.lock();
        let (mut searches, mut distinct) = (0, 0);
        if let Some(window) = counters.by_person.get_mut(person) {
            window.slide(now);
            (searches, distinct) = (window.searches.len(), window.probes.len());
        }
        let in_case: BTreeSet<_> = case_keys.iter().filter_map(|k| counters.by_case.get(k)).flatten().collect();
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(facts::History {
            searches_by_person_last_hour: small(searches),
            distinct_probes_by_person_last_hour: small(distinct),
            distinct_probes_in_case: small(in_case.len()),
            searches_of_request,
            // What later phases count: opened lists, signatures, dispositions, obligations.
            ..facts::History::default()
        })
    }
}

impl Counters {
    /// Makes room for one more.
    fn hold(&mut self) -> &mut Self {
        if self.by_case.len() >= MOST_HELD {
            self.by_case.clear();
            self.dropped = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_searches_and_distinct_probes_of_one_hour() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let mut window = Window::default();
        for (at, probe) in [(0, a), (10, b), (20, a)] {
            window.add(Instant(at), probe);
        }
        let counts = |window: &Window| (window.searches.len(), window.probes.len());
        window.slide(Instant(HOUR_MS));
        assert_eq!(counts(&window), (3, 2), "an hour ago to the millisecond still counts");
        window.slide(Instant(HOUR_MS + 1));
        assert_eq!(counts(&window), (2, 2), "the second search for `a` keeps it counted");
        window.slide(Instant(HOUR_MS + 11));
        assert_eq!(counts(&window), (1, 1));
        window.slide(Instant(3 * HOUR_MS));
        assert_eq!(counts(&window), (0, 0));
        window.add(Instant(900 * HOUR_MS), a);
        window.add(Instant(3 * HOUR_MS), b);
        window.slide(Instant(3 * HOUR_MS));
        assert_eq!(counts(&window), (1, 1), "a clock that was wrong does not make an hour last for years");
    }

    #[test]
    fn the_same_case_number_is_the_same_case() {
        let of = |kind: &str, value: &str| case_key(&facts::Identifier { kind: kind.into(), value: value.into() });
        assert_eq!(of("complaint", "26-1 "), of("complaint", "26-1"));
        assert_ne!(of("complaint", "26-1"), of("incident", "26-1"));
    }
}
