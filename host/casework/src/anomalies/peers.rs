//! People who search many times more than their peers: those of their unit or, where nobody else of it searched, all others.
//!
//! Numbers are sorted once, and each person's own are passed over: a survey of a year has many people.

use super::{Anomaly, Thresholds};
use std::collections::BTreeMap;

/// The entries of searches, by person and by the unit in which they searched. Somebody who changed units is there once for each.
pub(super) type Searches = BTreeMap<(String, String), Vec<u64>>;

/// Those who searched so much more, in order.
pub(super) fn busy(people: &Searches, thresholds: &Thresholds) -> Vec<Anomaly> {
    let (mut all, mut units, mut own) = (Vec::new(), BTreeMap::<_, Vec<u64>>::new(), BTreeMap::<_, Vec<u64>>::new());
    for ((person, unit), entries) in people {
        let searches = entries.len() as u64;
        all.push(searches);
        units.entry(unit.as_str()).or_default().push(searches);
        own.entry(person.as_str()).or_default().push(searches);
    }
    all.sort_unstable();
    units.values_mut().for_each(|numbers| numbers.sort_unstable());
    let of_all: BTreeMap<_, _> = own.into_iter().map(|(person, own)| (person, median(&all, own))).collect();
    let mut found = Vec::new();
    for ((person, unit), entries) in people {
        let searches = entries.len() as u64;
        let of_unit = units.get(unit.as_str()).and_then(|numbers| median(numbers, vec![searches]));
        let (median, of) = match of_unit {
            Some(median) => (median, "the others of the unit"),
            None => match of_all.get(person.as_str()).copied().flatten() {
                Some(median) => (median, "all others"),
                None => continue,
            },
        };
        if searches >= thresholds.searches && searches >= median.saturating_mul(thresholds.times_peers) {
            let measure = format!("searches; the median of {of} is {median}");
            found.push(super::tally::anomaly(
                "searches-per-person",
                format!("{person} ({unit})"),
                measure,
                entries.clone(),
            ));
        }
    }
    found
}

/// The middle one of sorted numbers without some of them, the lower of two; none where no number is left.
fn median(sorted: &[u64], mut without: Vec<u64>) -> Option<u64> {
    let left = sorted.len().checked_sub(without.len()).filter(|left| *left > 0)?;
    without.sort_unstable();
    let (mut place, mut passed) = ((left - 1) / 2, 0);
    for number in without {
        let at = sorted.partition_point(|n| *n < number).max(passed);
        passed = at + 1;
        if at <= place {
            place += 1;
        }
    }
    sorted.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::super::tally::anomaly;
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[], vec![]), None);
        assert_eq!(median(&[5], vec![]), Some(5));
        assert_eq!(median(&[1, 9], vec![]), Some(1));
        assert_eq!(median(&[1, 3, 9], vec![]), Some(3));
    }

    #[test]
    fn somebody_is_not_measured_against_themselves() {
        assert_eq!(median(&[5], vec![5]), None);
        assert_eq!(median(&[1, 3, 9], vec![9]), Some(1));
        assert_eq!(median(&[1, 3, 9], vec![1]), Some(3));
        assert_eq!(median(&[3, 3, 3, 9], vec![3, 3]), Some(3), "of equal numbers as many as there are theirs");
        assert_eq!(median(&[1, 3, 5, 7, 9], vec![5, 1]), Some(7));
        assert_eq!(median(&[1, 3], vec![3, 1]), None);
    }

    /// The same by the plain formula: everybody's peers are looked for anew.
    fn plainly(people: &Searches, thresholds: &Thresholds) -> Vec<Anomaly> {
        let median = |mut numbers: Vec<u64>| {
            numbers.sort_unstable();
            numbers.get(numbers.len().saturating_sub(1) / 2).copied()
        };
        let mut found = Vec::new();
        for ((person, unit), entries) in people {
            let others = |same_unit: bool| -> Vec<u64> {
                let peers = people.iter().filter(|((p, u), _)| p != person && (!same_unit || u == unit));
                peers.map(|(_, entries)| entries.len() as u64).collect()
            };
            let (peers, of) = match others(true) {
                peers if peers.is_empty() => (others(false), "all others"),
                peers => (peers, "the others of the unit"),
            };
            let searches = entries.len() as u64;
            let Some(median) = median(peers) else { continue };
            if searches >= thresholds.searches && searches >= median.saturating_mul(thresholds.times_peers) {
                let measure = format!("searches; the median of {of} is {median}");
                found.push(anomaly("searches-per-person", format!("{person} ({unit})"), measure, entries.clone()));
            }
        }
        found
    }

    #[test]
    fn it_finds_what_the_plain_formula_finds() {
        let mut dice = StdRng::seed_from_u64(17);
        // Low, so that much is found: everybody's median tells.
        let thresholds = Thresholds { times_peers: 1, searches: 1, ..Thresholds::default() };
        let (mut of_unit, mut of_all) = (0, 0);
        for _ in 0..400 {
            let (most_people, most_units) = (dice.random_range(1..12), dice.random_range(1..8));
            let mut people = Searches::new();
            for _ in 0..dice.random_range(0..24) {
                let who = format!("p{}", dice.random_range(0..most_people));
                let unit = format!("u{}", dice.random_range(0..most_units));
                let entries = (0..dice.random_range(1..7)).collect();
                people.insert((who, unit), entries);
            }
            let found = busy(&people, &thresholds);
            assert_eq!(found, plainly(&people, &thresholds), "{people:?}");
            of_unit += found.iter().filter(|a| a.measure.contains("of the unit")).count();
            of_all += found.iter().filter(|a| a.measure.contains("all others")).count();
        }
        assert!(of_unit > 100 && of_all > 100, "both ways were taken: {of_unit}, {of_all}");
        assert!(busy(&Searches::new(), &thresholds).is_empty());
    }
}
