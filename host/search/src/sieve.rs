//! What a scan keeps of a probe's comparison with the rows it passes: the rows that may still be among the best.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bound::Bracket;
use crate::rank::{Candidate, Score};

/// Candidates collected before those that have since fallen below the threshold are dropped. Half a megabyte a probe.
const FIRST_PRUNE: usize = 32_768;

/// A score that as many rows reach as are asked for, found in some part of the gallery. It only rises. Whichever part a
/// reader sees it in, and however late, it is true of the whole gallery.
pub(crate) struct Floor(AtomicU64);

impl Floor {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(f64::NEG_INFINITY.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn raise(&self, to: f64) {
        let higher = |bits| (f64::from_bits(bits) < to).then_some(to.to_bits());
        // Nothing else is published with it, and losing to a higher one is as good.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, higher);
    }
}

/// The survivors of a part of the gallery, for one probe.
pub(crate) struct Sieve<'s> {
    limit: usize,
    /// The `limit` greatest lower ends of brackets, least on top.
    floors: BinaryHeap<Reverse<Score>>,
    /// The least of `floors` once there are `limit` of them: that many rows score it or more.
    threshold: f64,
    /// What the sieves of other parts of the gallery have found out: so many rows score this or more, too.
    shared: &'s Floor,
    /// The higher of the two thresholds, as last looked at.
    known: f64,
    candidates: Vec<Candidate>,
    prune_at: usize,
}

impl<'s> Sieve<'s> {
    /// Keeps what may be among the best `limit` rows; `limit` is at least one. Sieves for the same probe share a floor.
    pub(crate) fn new(limit: usize, shared: &'s Floor) -> Self {
        Self {
            limit,
            shared,
            known: f64::NEG_INFINITY,
            floors: BinaryHeap::new(),
            threshold: f64::NEG_INFINITY,
            candidates: Vec::new(),
            prune_at: FIRST_PRUNE,
        }
    }

    /// The threshold known now, here or in another part of the gallery: no row below it is among the best.
    pub(crate) fn known(&mut self) -> f64 {
        self.known = self.known.max(self.shared.get());
        self.known
    }

    /// Takes in a row that a filter for a threshold known before has kept.
    pub(crate) fn take(&mut self, row: usize, bracket: Bracket) {
        if bracket.upper < self.known {
            return;
        }
        self.candidates.push(Candidate { upper: bracket.upper, row });
        if self.raise(bracket.lower) && self.threshold > self.known {
            self.known = self.threshold;
            self.shared.raise(self.threshold);
        }
        // Rows in ascending order of score all survive at first. Doubling keeps the dropping linear in the rows.
        if self.candidates.len() >= self.prune_at {
            self.prune();
            self.prune_at = FIRST_PRUNE.max(2 * self.candidates.len());
        }
    }

    /// Adds the survivors of another part of the gallery, for the same probe.
    pub(crate) fn absorb(&mut self, other: Self) {
        for Reverse(Score(floor)) in other.floors {
            self.raise(floor);
        }
        self.candidates.extend(other.candidates);
    }

    /// The rows that the brackets of all the rows taken in cannot exclude, in no particular order.
    pub(crate) fn into_candidates(mut self) -> Vec<Candidate> {
        self.prune();
        self.candidates
    }

    /// Takes in a lower end; whether the threshold rose.
    fn raise(&mut self, floor: f64) -> bool {
        if self.floors.len() >= self.limit && floor <= self.threshold {
            return false;
        }
        self.floors.push(Reverse(Score(floor)));
        if self.floors.len() > self.limit {
            self.floors.pop();
        }
        match self.floors.peek() {
            Some(&Reverse(Score(least))) if self.floors.len() == self.limit => {
                self.threshold = least;
                true
            }
            _ => false,
        }
    }

    fn prune(&mut self) {
        let known = self.known.max(self.threshold);
        self.candidates.retain(|candidate| candidate.upper >= known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(middle: f64) -> Bracket {
        Bracket { lower: middle - 1.0, upper: middle + 1.0 }
    }

    fn rows(sieve: Sieve<'_>) -> Vec<usize> {
        let mut rows: Vec<usize> = sieve.into_candidates().iter().map(|c| c.row).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn keeps_a_row_whose_bracket_touches_the_threshold() {
        let floor = Floor::new();
        let mut sieve = Sieve::new(1, &floor);
        for (row, middle) in [0.0, 8.0, 10.0, 7.9, 8.0].into_iter().enumerate() {
            sieve.take(row, around(middle));
        }
        assert_eq!(rows(sieve), [1, 2, 4]);
    }

    #[test]
    fn parts_together_keep_what_the_whole_would() {
        let middles: Vec<f64> = (0..200_i32).map(|i| f64::from(i * 37 % 101)).collect();
        let (alone, shared) = (Floor::new(), Floor::new());
        let mut whole = Sieve::new(5, &alone);
        let (mut left, mut right) = (Sieve::new(5, &shared), Sieve::new(5, &shared));
        for (row, &middle) in middles.iter().enumerate() {
            whole.take(row, around(middle));
            let part = if row < 70 { &mut left } else { &mut right };
            part.take(row, around(middle));
        }
        left.absorb(right);
        assert_eq!(rows(left), rows(whole));
    }

    #[test]
    fn rising_scores_do_not_pile_up() {
        let floor = Floor::new();
        let mut sieve = Sieve::new(1, &floor);
        for row in 0..10 * FIRST_PRUNE {
            sieve.take(row, around(row as f64));
        }
        assert!(sieve.candidates.len() <= FIRST_PRUNE);
        let last = 10 * FIRST_PRUNE - 1;
        assert_eq!(rows(sieve), [last - 2, last - 1, last]);
    }
}
