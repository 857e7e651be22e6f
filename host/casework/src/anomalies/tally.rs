//! What the entries of some days say of people, cases and probes, each number with the entries that it comes from.
//!
//! A search is of the days in which it was permitted, though its result may be recorded just after them: so each is in one survey
//! of adjoining days. Everything else is of the days in which its own entry was recorded, unless an entry soon after says that
//! nothing came of it. What another log did not take, or is not known to have, was not done.

use super::devices::Devices;
use super::{Anomaly, Thresholds, peers};
use crate::history::case_number;
use crate::torn::Fate;
use crate::walk::Told;
use model::account::{Account, Event, Who};
use model::facts::{Identifier, Likeness, Matter};
use model::terms::{Digest, Instant, Phase, Verdict};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The sums, while entries are added.
#[derive(Default)]
pub(super) struct Tally {
    jurisdiction: String,
    /// Searches that were permitted and have not been run yet, by the entry that permitted each.
    pending: HashMap<String, Search>,
    searches: Vec<Search>,
    /// By person and curriculum.
    expired: BTreeMap<(String, String), Vec<u64>>,
    /// By request: since when there is a possible candidate, and the entries that say so.
    leads: BTreeMap<String, (Instant, Vec<u64>)>,
    /// By request: how many candidates left, and the entries.
    released: BTreeMap<String, (u64, Vec<u64>)>,
    /// Searches that ran and results that left: the entry's index, by its id.
    done: HashMap<String, u64>,
    /// By obligation: the clause, and the entries.
    overdue: BTreeMap<String, (String, Vec<u64>)>,
    devices: Devices,
    entries: u64,
    purged: u64,
}

/// One search that ran.
struct Search {
    entry: u64,
    /// `jurisdiction/person`.
    person: String,
    /// `jurisdiction/unit`.
    unit: String,
    cases: Vec<Identifier>,
    probe: Option<Digest>,
    /// Of the day, 0 to 23, by the jurisdiction's clock.
    hour: u8,
    source: String,
}

impl Tally {
    pub(super) fn new(jurisdiction: &str) -> Self {
        Self { jurisdiction: jurisdiction.to_owned(), ..Self::default() }
    }

    /// How many entries were added, and of how many the account was gone.
    pub(super) fn read(&self) -> (u64, u64) {
        (self.entries, self.purged)
    }

    /// Requests with a possible candidate.
    pub(super) fn leads(&self) -> &BTreeMap<String, (Instant, Vec<u64>)> {
        &self.leads
    }

    /// Requests whose result left with a candidate.
    pub(super) fn released(&self) -> &BTreeMap<String, (u64, Vec<u64>)> {
        &self.released
    }

    /// Adds one entry.
    pub(super) fn add(&mut self, told: Told) {
        let Told { index, leaf, account, after, fate } = told;
        let undone = (fate != Fate::Stands).then(|| leaf.id.clone());
        if after {
            match account {
                Some(Account { of, event: Event::Searched { .. }, .. }) if undone.is_none() => {
                    self.done.insert(leaf.id, index);
                    self.ran(of, index);
                }
                Some(Account { of, event: Event::Failed { .. }, .. }) => self.undo(of),
                _ => {}
            }
            return;
        }
        self.entries += 1;
        let Some(Account { who, at, case, probe, request, of, event, .. }) = account else {
            self.purged += 1;
            return;
        };
        match event {
            Event::Decision { matters, rulings } => {
                let own = matters.iter().find(|m| m.jurisdiction == self.jurisdiction).or(matters.last());
                let Some(matter) = own else { return };
                self.devices.note(who.key(), matter.actor.person.device, at, index);
                let permitted = rulings.verdict() == Verdict::Permit;
                if permitted {
                    self.trained(matter, &who, index);
                }
                if permitted && rulings.phase == Phase::Search {
                    let hour = u8::try_from(matter.clock.minute_of_day / 60).unwrap_or(0);
                    let source = matter.probe.as_ref().map(|p| p.source.clone()).unwrap_or_default();
                    let (person, unit) = (who.key(), format!("{}/{}", who.jurisdiction, who.unit));
                    let search = Search { entry: index, person, unit, cases: case, probe, hour, source };
                    self.pending.insert(leaf.id, search);
                }
            }
            Event::Searched { .. } => {
                self.done.insert(leaf.id, index);
                self.ran(of, index);
            }
            Event::Disposed { dispositions } => {
                let possible = dispositions.iter().any(|d| d.likeness == Likeness::Possible);
                if let Some(request) = request.filter(|_| possible) {
                    self.leads.entry(request).or_insert_with(|| (at, Vec::new())).1.push(index);
                }
            }
            Event::Failed { .. } => self.undo(of),
            Event::Released { candidates, .. } if !candidates.is_empty() => {
                self.done.insert(leaf.id, index);
                if let Some(request) = request {
                    let (left, entries) = self.released.entry(request).or_default();
                    *left += candidates.len() as u64;
                    entries.push(index);
                }
            }
            Event::Overdue { obligation, clause, .. } => {
                self.overdue.entry(obligation).or_insert_with(|| (clause, Vec::new())).1.push(index);
            }
            _ => {}
        }
        self.undo(undone);
    }

    /// Notes that a search ran. One that was permitted before these days is of the days before.
    fn ran(&mut self, permit: Option<String>, index: u64) {
        let intended = permit.and_then(|permit| self.pending.remove(&permit));
        self.searches.extend(intended.map(|search| Search { entry: index, ..search }));
    }

    /// Notes that what an entry says was not done: another log did not take it.
    fn undo(&mut self, of: Option<String>) {
        if let Some(undone) = of.and_then(|of| self.done.remove(&of)) {
            self.searches.retain(|search| search.entry != undone);
            self.released.retain(|_, (_, entries)| *entries != [undone]);
        }
    }

    /// Notes the curricula of which every training had expired. A newer one that counts makes up for those before it.
    fn trained(&mut self, matter: &Matter, who: &Who, index: u64) {
        let mut counts: BTreeMap<&str, bool> = BTreeMap::new();
        for training in &matter.actor.person.trainings {
            let in_force = training.expires.is_none_or(|expires| matter.clock.today < expires);
            *counts.entry(&training.curriculum).or_default() |= in_force;
        }
        for (curriculum, _) in counts.into_iter().filter(|(_, in_force)| !in_force) {
            self.expired.entry((who.key(), curriculum.to_owned())).or_default().push(index);
        }
    }

    /// What the entries alone show.
    pub(super) fn anomalies(&self, thresholds: &Thresholds) -> Vec<Anomaly> {
        let people = by(&self.searches, |s| Some((s.person.clone(), s.unit.clone())));
        let mut found = peers::busy(&people, thresholds);
        found.extend(self.crowded(thresholds));
        found.extend(self.shared(thresholds));
        found.extend(self.nightly(thresholds));
        found.extend(self.devices.concurrent(thresholds));
        for (source, entries) in by(&self.searches, |s| Some(s.source.clone())) {
            let about = if source.is_empty() { "not stated".to_owned() } else { source };
            found.push(anomaly("image-source", about, "searches of images from there".to_owned(), entries));
        }
        for ((person, curriculum), entries) in &self.expired {
            let measure = format!("steps permitted while every training in `{curriculum}` had expired");
            found.push(anomaly("training-expired", person.clone(), measure, entries.clone()));
        }
        for (obligation, (clause, entries)) in &self.overdue {
            let about = format!("clause {clause}, obligation {obligation}");
            found.push(anomaly("obligation-overdue", about, "times found overdue".to_owned(), entries.clone()));
        }
        found
    }

    /// Case numbers under which many different probes are searched.
    fn crowded(&self, thresholds: &Thresholds) -> Vec<Anomaly> {
        struct Case {
            /// As it was written first.
            about: String,
            probes: BTreeSet<Digest>,
            entries: Vec<u64>,
        }
        let mut cases: BTreeMap<String, Case> = BTreeMap::new();
        for search in &self.searches {
            for case in &search.cases {
                let about = || format!("{} {}", case.kind, case.value.trim());
                let new = || Case { about: about(), probes: BTreeSet::new(), entries: Vec::new() };
                let found = cases.entry(case_number(&case.value)).or_insert_with(new);
                found.probes.extend(search.probe);
                // A search that names a case twice is one search.
                if found.entries.last() != Some(&search.entry) {
                    found.entries.push(search.entry);
                }
            }
        }
        let many = cases.into_values().filter(|case| case.probes.len() as u64 >= thresholds.subjects_per_case);
        many.map(|Case { about, probes, entries }| Anomaly {
            kind: "subjects-per-case",
            about,
            number: probes.len() as u64,
            measure: "different probes searched under it".to_owned(),
            entries,
        })
        .collect()
    }

    /// Probes that are searched under several case numbers of one kind: several kinds may number the same case.
    fn shared(&self, thresholds: &Thresholds) -> Vec<Anomaly> {
        #[derive(Default)]
        struct Probe<'t> {
            numbers: BTreeMap<&'t str, BTreeSet<String>>,
            entries: Vec<u64>,
        }
        let mut probes: BTreeMap<Digest, Probe<'_>> = BTreeMap::new();
        for search in &self.searches {
            let Some(digest) = search.probe else { continue };
            let probe = probes.entry(digest).or_default();
            probe.entries.push(search.entry);
            for case in &search.cases {
                probe.numbers.entry(case.kind.as_str()).or_default().insert(case_number(&case.value));
            }
        }
        let mut found = Vec::new();
        for (probe, Probe { numbers, entries }) in probes {
            let most = numbers.values().map(|values| values.len() as u64).max().unwrap_or(0);
            if most >= thresholds.cases_per_probe {
                found.push(Anomaly {
                    kind: "cases-per-probe",
                    about: format!("probe {probe}"),
                    number: most,
                    measure: "case numbers of one kind under which it was searched".to_owned(),
                    entries,
                });
            }
        }
        found
    }

    fn nightly(&self, thresholds: &Thresholds) -> Vec<Anomaly> {
        let (from, to) = (thresholds.night_from, thresholds.night_to);
        let night = by(&self.searches, |s| thresholds.is_night(s.hour).then(|| s.person.clone()));
        let measure = format!("searches between {from}:00 and {to}:00");
        night.into_iter().map(|(person, entries)| anomaly("odd-hours", person, measure.clone(), entries)).collect()
    }
}

/// An anomaly whose number is that of its entries.
pub(super) fn anomaly(kind: &'static str, about: String, measure: String, entries: Vec<u64>) -> Anomaly {
    Anomaly { kind, about, number: entries.len() as u64, measure, entries }
}

/// The entries of searches, by what they have in common.
fn by<K: Ord>(searches: &[Search], common: impl Fn(&Search) -> Option<K>) -> BTreeMap<K, Vec<u64>> {
    let mut groups: BTreeMap<K, Vec<u64>> = BTreeMap::new();
    for search in searches {
        if let Some(key) = common(search) {
            groups.entry(key).or_default().push(search.entry);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::tests::party;
    use jiff::civil::date;
    use model::account::{Kind, Leaf};
    use model::facts::{Clock, History, Step, Training};
    use model::terms::Date;

    fn search(entry: u64, person: &str, unit: &str, case: &str, probe: &[u8], hour: u8) -> Search {
        Search {
            entry,
            person: person.to_owned(),
            unit: unit.to_owned(),
            cases: vec![Identifier { kind: "incident".into(), value: case.into() }],
            probe: Some(Digest::of(probe)),
            hour,
            source: "cctv".to_owned(),
        }
    }

    fn found(searches: Vec<Search>, kind: &str) -> Vec<Anomaly> {
        let tally = Tally { searches, ..Tally::new("north") };
        tally.anomalies(&Thresholds::default()).into_iter().filter(|a| a.kind == kind).collect()
    }

    /// An entry of a step that this one permitted.
    fn came_of(permit: &str, index: u64, after: bool, event: serde_json::Value) -> Told {
        let (id, at) = (format!("e{index}"), Instant(index));
        let leaf = Leaf {
            v: 1,
            id: id.clone(),
            kind: Kind::Outcome,
            at,
            phase: None,
            verdict: None,
            policies: vec![],
            of: None,
            account: Digest::default(),
        };
        let person = "a".to_owned();
        let who =
            Who { jurisdiction: "north".to_owned(), person, name: String::new(), unit: "u".into(), agency: "x".into() };
        let account = Account {
            id,
            who,
            at,
            case: vec![],
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: Some("r".to_owned()),
            lacking: vec![],
            of: Some(permit.to_owned()),
            event: serde_json::from_value(event).unwrap(),
        };
        Told { index, leaf, account: Some(account), after, fate: Fate::Stands }
    }

    #[test]
    fn a_search_is_of_the_days_in_which_it_was_permitted() {
        let searched =
            || serde_json::json!({"what": "searched", "gallery": "north/g", "generation": 1, "rows": 1, "found": []});
        let permitted = || {
            let mut tally = Tally::new("north");
            tally.pending.insert("p".to_owned(), search(4, "a", "u", "c", b"p", 23));
            tally
        };
        for after in [false, true] {
            let mut tally = permitted();
            tally.add(came_of("p", 7, after, searched()));
            assert_eq!(tally.searches.iter().map(|s| s.entry).collect::<Vec<_>>(), [7], "after: {after}");
            assert_eq!(tally.read(), (u64::from(!after), 0), "the entry itself is of the next days");
        }
        let mut next = Tally::new("north");
        next.add(came_of("p", 7, false, searched()));
        assert!(next.searches.is_empty(), "and in their survey it is not once more");
        let mut tally = permitted();
        let overdue = serde_json::json!({"what": "overdue", "obligation": "o", "clause": "c", "due": Instant(1)});
        tally.add(came_of("p", 8, true, overdue));
        assert!(tally.overdue.is_empty(), "nothing else is looked at after them");
    }

    #[test]
    fn what_an_entry_after_the_days_undoes_was_not_done_in_them() {
        let searched =
            || serde_json::json!({"what": "searched", "gallery": "north/g", "generation": 1, "rows": 1, "found": []});
        let failed = || serde_json::json!({"what": "failed", "reason": "no disk elsewhere"});
        for after in [false, true] {
            let mut tally = Tally::new("north");
            tally.pending.insert("p".to_owned(), search(4, "a", "u", "c", b"p", 23));
            tally.pending.insert("q".to_owned(), search(5, "a", "u", "c", b"q", 23));
            tally.add(came_of("p", 7, after, searched()));
            tally.add(came_of("q", 8, after, searched()));
            tally.add(came_of("e7", 9, true, failed()));
            assert_eq!(tally.searches.iter().map(|s| s.entry).collect::<Vec<_>>(), [8], "after: {after}");
        }
        let mut tally = Tally::new("north");
        tally.done.insert("e7".to_owned(), 7);
        tally.released.insert("r".to_owned(), (1, vec![7]));
        tally.released.insert("s".to_owned(), (1, vec![8]));
        tally.add(came_of("e7", 9, true, failed()));
        assert_eq!(tally.released.keys().collect::<Vec<_>>(), ["s"]);
    }

    #[test]
    fn what_another_log_is_not_known_to_have_was_not_done() {
        let searched =
            || serde_json::json!({"what": "searched", "gallery": "north/g", "generation": 1, "rows": 1, "found": []});
        for fate in [Fate::Undone, Fate::InDoubt] {
            for after in [false, true] {
                let mut tally = Tally::new("north");
                tally.pending.insert("p".to_owned(), search(4, "a", "u", "c", b"p", 23));
                tally.pending.insert("q".to_owned(), search(5, "a", "u", "c", b"q", 23));
                tally.add(Told { fate, ..came_of("p", 7, after, searched()) });
                tally.add(came_of("q", 8, after, searched()));
                assert_eq!(tally.searches.iter().map(|s| s.entry).collect::<Vec<_>>(), [8], "{fate:?}, after: {after}");
            }
        }
    }

    /// What is decided on 10 March 2026 on a step of somebody with these trainings: the curriculum, and the first day on which
    /// each no longer counts.
    fn of_trained(trainings: &[(&str, Option<Date>)]) -> Matter {
        let training = |(curriculum, expires): &(&str, Option<Date>)| Training {
            curriculum: (*curriculum).to_owned(),
            completed: date(2025, 1, 1),
            expires: *expires,
        };
        let mut actor = party("a");
        actor.person.trainings = trainings.iter().map(training).collect();
        Matter {
            jurisdiction: "north".to_owned(),
            clock: Clock { now: Instant(0), today: date(2026, 3, 10), weekday: 2, minute_of_day: 0 },
            actor: actor.clone(),
            requester: actor,
            request: None,
            probe: None,
            gallery: None,
            attestations: vec![],
            history: History::default(),
            step: Step::Request,
        }
    }

    #[test]
    fn a_training_has_expired_unless_another_of_its_curriculum_counts() {
        let (past, today, later) = (date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 11));
        let who = Who {
            jurisdiction: "north".to_owned(),
            person: "a".to_owned(),
            name: String::new(),
            unit: "u".to_owned(),
            agency: "x".to_owned(),
        };
        type Case<'c> = (&'c [(&'c str, Option<Date>)], &'c [&'c str]);
        let cases: [Case<'_>; 8] = [
            (&[], &[]),
            (&[("faces", Some(past))], &["faces"]),
            (&[("faces", Some(today))], &["faces"]),
            (&[("faces", Some(later))], &[]),
            (&[("faces", None)], &[]),
            (&[("faces", Some(past)), ("faces", Some(later))], &[]),
            (&[("faces", Some(later)), ("faces", Some(past))], &[]),
            (&[("faces", Some(past)), ("law", Some(today)), ("faces", Some(past)), ("arms", None)], &["faces", "law"]),
        ];
        for (trainings, expired) in cases {
            let mut tally = Tally::new("north");
            tally.trained(&of_trained(trainings), &who, 7);
            let found = tally.anomalies(&Thresholds::default());
            assert_eq!(found.len(), expired.len(), "{trainings:?}: {found:?}");
            for (found, curriculum) in found.iter().zip(expired) {
                assert_eq!((found.kind, found.about.as_str()), ("training-expired", "north/a"));
                assert!(found.measure.contains(&format!("`{curriculum}`")), "{trainings:?}: {found:?}");
                assert_eq!((found.number, found.entries.as_slice()), (1, [7].as_slice()));
            }
        }
    }

    #[test]
    fn people_are_measured_against_their_unit() {
        let of = |person: &str, unit: &str, n: u64, from: u64| -> Vec<Search> {
            (0..n).map(|i| search(from + i, person, unit, "c", b"p", 12)).collect()
        };
        let mut searches = of("a", "u", 12, 0);
        searches.extend(of("b", "u", 3, 100));
        searches.extend(of("c", "u", 4, 200));
        searches.extend(of("d", "v", 12, 300));
        let busy = found(searches, "searches-per-person");
        assert_eq!(busy.len(), 2, "{busy:?}");
        assert_eq!((busy[0].about.as_str(), busy[0].number), ("a (u)", 12));
        assert_eq!(busy[0].entries, (0..12).collect::<Vec<_>>());
        assert!(busy[1].about.starts_with("d (v)") && busy[1].measure.contains("all others"), "{busy:?}");
        let mut even = of("a", "u", 12, 0);
        even.extend(of("b", "u", 11, 100));
        assert!(found(even, "searches-per-person").is_empty());
        assert!(found(of("a", "u", 50, 0), "searches-per-person").is_empty(), "nobody to measure against");
    }

    #[test]
    fn cases_and_probes_are_counted_once_each() {
        let crowded: Vec<Search> = (0..6_u8).map(|i| search(i.into(), "a", "u", "c ", &[i % 5], 12)).collect();
        let of_case = found(crowded, "subjects-per-case");
        assert_eq!((of_case[0].number, of_case[0].about.as_str()), (5, "incident c"));
        assert_eq!(of_case[0].entries.len(), 6);
        let twice = vec![search(1, "a", "u", "c1", b"p", 12), search(2, "a", "u", "c1", b"p", 12)];
        assert!(found(twice, "cases-per-probe").is_empty());
        let shared = vec![search(1, "a", "u", "c1", b"p", 12), search(2, "b", "u", "c2", b"p", 12)];
        assert_eq!(found(shared, "cases-per-probe")[0].entries, [1, 2]);
    }

    #[test]
    fn a_case_is_one_case_whatever_its_number_is_called_and_however_it_is_written() {
        let of = |entry: u8, kind: &str, value: &str| Search {
            cases: vec![Identifier { kind: kind.into(), value: value.into() }],
            ..search(entry.into(), "a", "u", "", &[entry], 12)
        };
        let crowded = || {
            let [first, second, third] = [("incident", "26-9"), ("incident-number", "26 9."), ("complaint", "26/9")];
            let more = [("incident", "26-9 "), ("incident", "269")];
            let all = [first, second, third].into_iter().chain(more).zip(1_u8..);
            all.map(|((kind, value), entry)| of(entry, kind, value)).collect::<Vec<_>>()
        };
        let of_case = found(crowded(), "subjects-per-case");
        assert_eq!(of_case.len(), 1);
        assert_eq!((of_case[0].number, of_case[0].about.as_str()), (5, "incident 26-9"), "as it was written first");
        assert_eq!(of_case[0].entries, [1, 2, 3, 4, 5]);
        let mut twice = crowded();
        let again = twice[0].cases[0].clone();
        twice[0].cases.push(Identifier { kind: "complaint".into(), ..again });
        assert_eq!(found(twice, "subjects-per-case")[0].entries, [1, 2, 3, 4, 5], "one search is one");
        let same = |entry: u8, value: &str| Search { probe: Some(Digest::of(b"p")), ..of(entry, "incident", value) };
        assert!(found(vec![same(1, "26-9"), same(2, "26 9.")], "cases-per-probe").is_empty());
        assert_eq!(found(vec![same(1, "26-9"), same(2, "26-8")], "cases-per-probe").len(), 1);
    }

    #[test]
    fn what_another_log_did_not_take_was_not_done() {
        let searches = vec![search(4, "a", "u", "c", b"p", 23), search(5, "a", "u", "c", b"p", 23)];
        let done = HashMap::from([("e4".to_owned(), 4), ("e5".to_owned(), 5)]);
        let mut tally = Tally { searches, done, ..Tally::new("north") };
        let who = Who {
            jurisdiction: "north".into(),
            person: "a".into(),
            name: "A".into(),
            unit: "u".into(),
            agency: "x".into(),
        };
        let leaf = Leaf {
            v: 1,
            id: "e6".into(),
            kind: Kind::Outcome,
            at: Instant(6),
            phase: None,
            verdict: None,
            policies: vec![],
            of: Some("e4".into()),
            account: Digest::default(),
        };
        let account = Account {
            id: "e6".into(),
            who,
            at: Instant(6),
            case: vec![],
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: None,
            lacking: vec![],
            of: Some("e4".into()),
            event: Event::Failed { reason: "no disk elsewhere".into() },
        };
        tally.add(Told { index: 6, leaf, account: Some(account), after: false, fate: Fate::Stands });
        let odd = tally.anomalies(&Thresholds::default()).into_iter().find(|a| a.kind == "odd-hours").unwrap();
        assert_eq!(odd.entries, [5]);
    }

    #[test]
    fn nights_and_sources_are_listed_with_their_entries() {
        let hours = |kind| {
            let searches = vec![search(1, "a", "u", "c", b"p", 23), search(2, "a", "u", "c", b"p", 6)];
            found(searches, kind)
        };
        assert_eq!(hours("odd-hours")[0].entries, [1]);
        assert_eq!(hours("image-source")[0].entries, [1, 2]);
    }
}
