//! What policies are told of the past, derived from the searches on record and never from a client.
//!
//! The rows are in the database; what is held here is derived from them and can be derived again.
//!
//! Whoever decides on a search has its person's turn and its cases' from the moment the counters are read until the search is
//! counted among them ([`History::turn`]): of searches at the same moment each is told of those before it, and a limit holds.
//! The turn ends with the decision. Nobody waits in it for the log, and searches of different people in different cases never
//! wait for each other.
//!
//! A search is counted in every jurisdiction concerned, its row kept in each one's database with the entry in its log: that of
//! the gallery's owner, and the requester's home. So a home's policy is told of all that its people search, at home and
//! elsewhere, and an owner's of what is searched in its galleries.

use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::ledger::Ledger;
use crate::turns::{Turn, Turns};
use model::facts;
use model::terms::{Digest, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

/// The window that rates are counted in.
pub const HOUR_MS: u64 = 3_600_000;

/// How late another host's search may reach the database, and how far its clock may be behind: what is older is not looked for
/// again.
const LATE_MS: u64 = 60_000;

/// Counters of the searches that concern one jurisdiction.
#[derive(Default)]
pub struct History {
    inner: Mutex<Counters>,
    turns: Turns,
}

/// The turns of a person and of cases, until they are dropped.
pub(crate) struct Counting(#[allow(dead_code, reason = "held for its drop")] Vec<Turn>);

#[derive(Default)]
struct Counters {
    /// Searches of the last hour by person.
    by_person: BTreeMap<String, Window>,
    /// Probes by hashed case identifier, and whether each is on record. Filled from the database when first asked for.
    by_case: BTreeMap<String, BTreeMap<Digest, bool>>,
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
        // At the end, unless another host is ahead or a clock was.
        let place = self.searches.partition_point(|(other, _)| *other <= at);
        self.searches.insert(place, (at, probe));
        *self.probes.entry(probe).or_default() += 1;
    }

    /// Lets go of what is older than an hour, and of what a clock recorded that was wrong.
    fn slide(&mut self, now: Instant) {
        while let Some((at, probe)) = self.searches.front().copied()
            && now.since(at) > HOUR_MS
        {
            self.searches.pop_front();
            self.drop_probe(probe);
        }
        while let Some((at, probe)) = self.searches.back().copied()
            && at.since(now) > LATE_MS
        {
            self.searches.pop_back();
            self.drop_probe(probe);
        }
    }

    /// Lets go of one search that was added.
    fn take_back(&mut self, at: Instant, probe: Digest) {
        if let Some(place) = self.searches.iter().rposition(|search| *search == (at, probe)) {
            self.searches.remove(place);
            self.drop_probe(probe);
        }
    }

    fn drop_probe(&mut self, probe: Digest) {
        if let Some(times) = self.probes.get_mut(&probe) {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.probes.remove(&probe);
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
            // It may have been counted with those that were read from the database: they are read anew when next asked for.
            counters.by_request.remove(&row.request);
            for key in &row.case_keys {
                // Beside those that are counted here and not on record yet.
                if let Some(probes) = counters.by_case.get_mut(key) {
                    probes.insert(row.probe, true);
                }
            }
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

    /// Waits for the turn of a person and of cases: to be taken before the counters are read for a search, and dropped when it
    /// is counted or will not run. Everybody takes the person's first and then the cases' in the order of their keys, and
    /// whoever has a request's turn has it already: nobody waits in a circle.
    pub(crate) async fn turn(&self, person: &str, case_keys: &[String]) -> Counting {
        let cases: BTreeSet<&String> = case_keys.iter().collect();
        let mut turns = Vec::with_capacity(1 + cases.len());
        turns.push(self.turns.take(&format!("person {person}")).await);
        for case in cases {
            turns.push(self.turns.take(&format!("case {case}")).await);
        }
        Counting(turns)
    }

    /// Counts one search. Called in its turn, as soon as it is permitted, so that searches at the same moment see each other.
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
                probes.entry(row.probe).or_insert(false);
            }
        }
        if let Some(searches) = counters.by_request.get_mut(&row.request) {
            *searches = searches.saturating_add(1);
        }
    }

    /// Says that a search that was counted is on record.
    pub fn recorded(&self, row: &store::SearchRow) {
        let mut counters = self.lock();
        for key in &row.case_keys {
            if let Some(probes) = counters.by_case.get_mut(key) {
                probes.insert(row.probe, true);
            }
        }
    }

    /// Counts a search no more that was permitted, but could not be put on record: it does not run.
    pub fn unsearched(&self, row: &store::SearchRow) {
        let mut counters = self.lock();
        if let Some(others) = &mut counters.others {
            others.counted.remove(&row.id);
        }
        if let Some(window) = counters.by_person.get_mut(&row.person) {
            window.take_back(row.at, row.probe);
        }
        for key in &row.case_keys {
            if let Some(probes) = counters.by_case.get_mut(key)
                && probes.get(&row.probe) == Some(&false)
            {
                probes.remove(&row.probe);
            }
        }
        if let Some(searches) = counters.by_request.get_mut(&row.request) {
            *searches = searches.saturating_sub(1);
        }
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
                let probes = probes.into_iter().map(|probe| (probe, true));
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
        let known = case_keys.iter().filter_map(|k| counters.by_case.get(k));
        let in_case: BTreeSet<_> = known.flat_map(|probes| probes.keys()).collect();
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

/// Waits for the turn of a person and of cases in each of these jurisdictions, always in the order of their ids: whoever
/// searches the other way round waits, and not in a circle.
pub(crate) async fn turns(concerned: &[Arc<Chamber>], person: &str, case_keys: &[String]) -> Vec<Counting> {
    let mut chambers: Vec<&Arc<Chamber>> = concerned.iter().collect();
    chambers.sort_by(|a, b| a.id().cmp(b.id()));
    let mut turns = Vec::with_capacity(chambers.len());
    for chamber in chambers {
        turns.push(chamber.history.turn(person, case_keys).await);
    }
    turns
}

/// What the policies concerned are told of the past.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// What the owner's is told.
    pub owner: facts::History,
    /// What the requester's home has counted, where that is another jurisdiction.
    pub home: Option<facts::History>,
}

impl Past {
    /// The same of each jurisdiction concerned: the requester's home first, the gallery's owner last.
    ///
    /// # Errors
    /// As [`History::fact`].
    pub(crate) async fn of(
        concerned: &[Arc<Chamber>],
        person: &str,
        case_keys: &[String],
        request: Option<&str>,
        now: Instant,
    ) -> Result<Self, CaseError> {
        let Some((owner, others)) = concerned.split_last() else { return Ok(Self::default()) };
        let home = match others.first() {
            Some(home) => Some(home.history.fact(&home.store, &home.ledger, person, case_keys, request, now).await?),
            None => None,
        };
        let owner = owner.history.fact(&owner.store, &owner.ledger, person, case_keys, request, now).await?;
        Ok(Self { owner, home })
    }

    /// What one of these policies is told; `at_home` where it is the requester's home. Of what both count it is the greater
    /// number: the home counts all that concerns it, and the owner what others searched in the same case.
    pub(crate) fn told(&self, at_home: bool) -> facts::History {
        let mut told = self.owner.clone();
        if let Some(home) = self.home.as_ref().filter(|_| at_home) {
            let greater = |mine: &mut u32, theirs: u32| *mine = theirs.max(*mine);
            greater(&mut told.searches_by_person_last_hour, home.searches_by_person_last_hour);
            greater(&mut told.distinct_probes_by_person_last_hour, home.distinct_probes_by_person_last_hour);
            greater(&mut told.distinct_probes_in_case, home.distinct_probes_in_case);
            greater(&mut told.searches_of_request, home.searches_of_request);
        }
        told
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

/// The key under which a case identifier is counted: a digest of one length. It does not hide the number, and stands in the
/// database only sealed, or keyed. Its kind is no part of it: the same number called something else is the same case.
pub fn case_key(identifier: &facts::Identifier) -> String {
    Digest::of(case_number(&identifier.value).as_bytes()).to_string()
}

/// A case number as it is compared, however it is written: its letters and digits, in lower case. One that has neither is what
/// it is.
pub fn case_number(value: &str) -> String {
    let bare: String = value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if bare.is_empty() { value.trim().to_owned() } else { bare }
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
    fn what_a_wrong_clock_recorded_does_not_count_wherever_it_stands() {
        let now = 3 * HOUR_MS;
        let (right, wrong) = (Digest::of(b"right"), Digest::of(b"wrong"));
        let mut window = Window::default();
        let recorded = [(now - 1, right), (900 * HOUR_MS, wrong), (now + LATE_MS + 1, wrong), (now + LATE_MS, right)];
        for (at, probe) in recorded.into_iter().chain([(now, right)]) {
            window.add(Instant(at), probe);
        }
        window.slide(Instant(now));
        let left: Vec<_> = window.searches.iter().map(|(at, _)| at.0).collect();
        assert_eq!(left, [now - 1, now, now + LATE_MS], "another host may be a little ahead");
        assert_eq!(window.probes, BTreeMap::from([(right, 3)]));
        window.take_back(Instant(now), right);
        assert_eq!((window.searches.len(), window.probes[&right]), (2, 2));
    }

    fn search(at: u64, probe: &[u8]) -> store::SearchRow {
        store::SearchRow {
            id: at.to_string(),
            at: Instant(at),
            person: "p".into(),
            request: "r".into(),
            case_keys: vec!["c".into()],
            probe: Digest::of(probe),
        }
    }

    #[test]
    fn a_search_that_is_not_on_record_is_counted_no_more() {
        let row = |at: u64| search(at, b"a");
        let on_record = |history: &History| history.lock().by_case["c"].get(&Digest::of(b"a")).copied();
        let history = History::default();
        history.opened("r");
        history.lock().by_case.insert("c".into(), BTreeMap::new());
        history.searched(&row(1));
        history.searched(&row(2));
        assert_eq!(on_record(&history), Some(false), "counted, and not on record yet");
        history.recorded(&row(1));
        assert_eq!(on_record(&history), Some(true));
        history.unsearched(&row(2));
        history.unsearched(&row(3));
        let counters = history.lock();
        let window = &counters.by_person["p"];
        assert_eq!((window.searches.len(), window.probes[&Digest::of(b"a")]), (1, 1));
        assert_eq!(counters.by_request["r"], 0, "as often as it was taken back");
        assert_eq!(counters.by_case["c"].len(), 1, "another search brought it there");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_another_host_searched_is_counted_beside_what_is_not_on_record_yet() {
        let rows = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap();
        let rows = rows.jurisdiction("north").await.unwrap();
        let history = History::default().among_several(&[], Instant(0));
        history.lock().by_case.insert("c".into(), BTreeMap::new());
        let (ours, theirs) = (search(1, b"a"), search(2, b"b"));
        history.searched(&ours);
        rows.keep(&[store::Kept::Search(theirs.clone())]).await.unwrap();
        for _ in 0..2 {
            history.learn(&rows, Instant(3)).await.unwrap();
            let counters = history.lock();
            assert_eq!(counters.by_person["p"].searches.len(), 2);
            assert_eq!(counters.by_case["c"], BTreeMap::from([(ours.probe, false), (theirs.probe, true)]));
        }
        history.unsearched(&ours);
        let counters = history.lock();
        assert_eq!(counters.by_person["p"].searches.len(), 1);
        assert_eq!(counters.by_case["c"], BTreeMap::from([(theirs.probe, true)]));
        let known = counters.others.as_ref().map(|others| others.counted.keys().cloned().collect::<Vec<_>>());
        assert_eq!(known, Some(vec![theirs.id]), "what did not run is not known either");
    }

    #[test]
    fn a_home_is_told_of_whatever_its_people_search_and_an_owner_of_its_own_galleries() {
        let counted = |searches: u32, in_case: u32| facts::History {
            searches_by_person_last_hour: searches,
            distinct_probes_by_person_last_hour: searches,
            distinct_probes_in_case: in_case,
            released: Some(Instant(7)),
            ..facts::History::default()
        };
        let past = Past { owner: counted(2, 5), home: Some(counted(9, 3)) };
        assert_eq!(past.told(false), counted(2, 5));
        assert_eq!(past.told(true), counted(9, 5));
        let alone = Past { home: None, ..past };
        assert_eq!(alone.told(true), counted(2, 5), "the owner's own people");
    }

    #[tokio::test]
    async fn a_turn_is_of_the_person_and_of_each_case_once() {
        let history = History::default();
        let keys = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let first = history.turn("p", &keys(&["b", "a", "b"])).await;
        assert_eq!(first.0.len(), 3, "a case that is named twice does not wait for itself");
        let other = history.turn("q", &keys(&["c"])).await;
        let busy = async |person: &str, cases: &[&str]| {
            let cases = keys(cases);
            tokio::time::timeout(std::time::Duration::ZERO, history.turn(person, &cases)).await.is_err()
        };
        assert!(busy("p", &[]).await && busy("r", &["a"]).await && busy("r", &["c", "d"]).await);
        assert!(!busy("r", &["d"]).await, "nor do others");
        drop((first, other));
        assert!(!busy("p", &["a", "b", "c"]).await);
    }

    #[test]
    fn the_same_case_number_is_the_same_case_whatever_it_is_called_and_however_it_is_written() {
        let of = |kind: &str, value: &str| case_key(&facts::Identifier { kind: kind.into(), value: value.into() });
        let case = of("incident-number", "26-9999-1a");
        for (kind, value) in [
            ("incident", "26-9999-1a"),
            ("incident-number", " 26-9999-1a "),
            ("incident-number", "26-9999-1a."),
            ("incident-number", "26 9999 1a"),
            ("complaint", "26/9999/1A"),
        ] {
            assert_eq!(of(kind, value), case, "{kind} {value}");
        }
        assert_ne!(of("incident-number", "26-9999-2a"), case);
        assert_eq!(of("complaint", " -- "), of("incident", "--"));
        assert_ne!(of("complaint", "--"), of("complaint", "."), "without letters and digits it is what it is");
    }
}
