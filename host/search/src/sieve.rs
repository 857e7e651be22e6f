//! What a scan keeps of a probe's comparison with the rows it passes: the rows that may still be among the best.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bound::Bracket;
use crate::rank::{Candidate, Score};

/// Candidates collected before those that have since fallen below the threshold are dropped. Half a megabyte a probe.
const FIRST_PRUNE: usize = 32_768;

/// A score that as many rows reach as are asked for, of all that any part of the gallery has been searched for yet. It only rises.
/// However late a reader sees it, it is true.
pub(crate) struct Floor {
    limit: usize,
    /// The greatest lower ends of brackets, at most `limit` of them, least on top.
    best: Mutex<BinaryHeap<Reverse<Score>>>,
    /// The least of them once there are `limit`: as bits, so that whoever scans reads it without waiting.
    known: AtomicU64,
}

impl Floor {
    /// Nothing is known yet of a search for the best `limit` rows; `limit` is at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, best: Mutex::default(), known: AtomicU64::new(f64::NEG_INFINITY.to_bits()) }
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.known.load(Ordering::Relaxed))
    }

    /// Takes in lower ends of rows, each of which is told once.
    fn raise(&self, lower_ends: &mut Vec<f64>) {
        if lower_ends.is_empty() {
            return;
        }
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        for lower in lower_ends.drain(..) {
            best.push(Reverse(Score(lower)));
            if best.len() > self.limit {
                best.pop();
            }
        }
        if let Some(Reverse(Score(least))) = best.peek().filter(|_| best.len() == self.limit) {
            // Nothing else is published with it, and all who write it hold the lock.
            self.known.store(least.to_bits(), Ordering::Relaxed);
        }
    }
}

/// The survivors of a part of the gallery, for one probe.
pub(crate) struct Sieve<'s> {
    /// What the sieves of all parts of the gallery have found out for the probe.
    shared: &'s Floor,
    /// The threshold, as last looked at.
    known: f64,
    /// Lower ends that the others have not been told yet.
    untold: Vec<f64>,
    candidates: Vec<Candidate>,
    prune_at: usize,
}

impl<'s> Sieve<'s> {
    /// Keeps what may be among the best rows. Sieves for the same probe share a floor.
    pub(crate) fn new(shared: &'s Floor) -> Self {
        let known = f64::NEG_INFINITY;
        Self { shared, known, untold: Vec::new(), candidates: Vec::new(), prune_at: FIRST_PRUNE }
    }

    /// The threshold known now: no row below it is among the best.
    pub(crate) fn known(&mut self) -> f64 {
        self.shared.raise(&mut self.untold);
        // It only rises, and whoever reads it never sees it fall.
        self.known = self.shared.get();
        self.known
    }

    /// Takes in a row that a filter for a threshold known before has kept.
    pub(crate) fn take(&mut self, row: usize, bracket: Bracket) {
        if bracket.upper < self.known {
            return;
        }
        self.candidates.push(Candidate { upper: bracket.upper, row });
        if bracket.lower > self.known {
            self.untold.push(bracket.lower);
        }
        // Rows in ascending order of score all survive at first. Doubling keeps the dropping linear in the rows.
        if self.candidates.len() >= self.prune_at {
            self.prune();
            self.prune_at = FIRST_PRUNE.max(2 * self.candidates.len());
        }
    }

    /// Adds the survivors of another part of the gallery, for the same probe.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.untold.append(&mut other.untold);
        self.candidates.extend(other.candidates);
    }

    /// The rows that the brackets of all the rows taken in cannot exclude, in no particular order.
    pub(crate) fn into_candidates(mut self) -> Vec<Candidate> {
        self.prune();
        self.candidates
    }

    fn prune(&mut self) {
        let known = self.known();
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
        let floor = Floor::new(1);
        let mut sieve = Sieve::new(&floor);
        for (row, middle) in [0.0, 8.0, 10.0, 7.9, 8.0].into_iter().enumerate() {
            sieve.take(row, around(middle));
        }
        assert_eq!(rows(sieve), [1, 2, 4]);
    }

    #[test]
    fn parts_together_keep_what_the_whole_would() {
        let middles: Vec<f64> = (0..200_i32).map(|i| f64::from(i * 37 % 101)).collect();
        let (alone, shared) = (Floor::new(5), Floor::new(5));
        let mut whole = Sieve::new(&alone);
        let (mut left, mut right) = (Sieve::new(&shared), Sieve::new(&shared));
        for (row, &middle) in middles.iter().enumerate() {
            whole.take(row, around(middle));
            let part = if row < 70 { &mut left } else { &mut right };
            part.take(row, around(middle));
        }
        assert!(left.known() <= whole.known() && left.known() > 0.0);
        // What one part has found, the other goes by.
        assert!(right.known() >= left.known());
        left.absorb(right);
        assert_eq!(rows(left), rows(whole));
    }

    #[test]
    fn rising_scores_do_not_pile_up() {
        let floor = Floor::new(1);
        let mut sieve = Sieve::new(&floor);
        for row in 0..10 * FIRST_PRUNE {
            sieve.take(row, around(row as f64));
        }
        assert!(sieve.candidates.len() <= FIRST_PRUNE);
        let last = 10 * FIRST_PRUNE - 1;
        assert_eq!(rows(sieve), [last - 2, last - 1, last]);
    }
}
