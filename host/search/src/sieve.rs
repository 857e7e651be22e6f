//! What a scan keeps of a probe's comparison with the rows it passes: the rows that may still be among the best.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bound::{Bracket, Probe};
use crate::codes::Block;
use crate::rank::{Candidate, Score};

/// Rows tested together before any is looked at singly: long enough for the test to vectorise, short enough that a
/// survivor does not cost much for its neighbours.
const STRIDE: usize = 64;

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
    /// The higher of the two thresholds: no row below it is among the best.
    known: f64,
    /// `known` as the f32 filter wants it.
    cut: f32,
    candidates: Vec<Candidate>,
    prune_at: usize,
    widest: f32,
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
            cut: f32::NEG_INFINITY,
            candidates: Vec::new(),
            prune_at: FIRST_PRUNE,
            widest: 0.0,
        }
    }

    /// Takes in the rows of `block`, the first of which is row `first` of the gallery: `dots` are their dot products
    /// with `probe`, `widest` the largest of their radii.
    pub(crate) fn sift(&mut self, probe: &Probe, first: usize, dots: &[i32], block: Block<'_>, widest: f32) {
        self.widest = self.widest.max(widest);
        let shared = self.shared.get();
        if shared > self.known {
            self.know(probe, shared);
        }
        let scales = block.scales.chunks(STRIDE);
        let radii = block.radii.chunks(STRIDE);
        for (stride, ((dots, scales), radii)) in dots.chunks(STRIDE).zip(scales).zip(radii).enumerate() {
            if !probe.any_reaches(self.cut, dots, scales, radii) {
                continue;
            }
            let first = first + stride * STRIDE;
            for (row, ((&dot, &scale), &radius)) in dots.iter().zip(scales).zip(radii).enumerate() {
                if probe.reaches(self.cut, dot, scale, radius) {
                    self.consider(probe, first + row, probe.bracket(dot, scale, radius));
                }
            }
        }
    }

    /// Adds the survivors of another part of the gallery, for the same probe.
    pub(crate) fn absorb(&mut self, other: Self) {
        for Reverse(Score(floor)) in other.floors {
            self.raise(floor);
        }
        self.candidates.extend(other.candidates);
        self.widest = self.widest.max(other.widest);
    }

    /// The largest residual radius among the rows taken in.
    pub(crate) fn widest(&self) -> f32 {
        self.widest
    }

    /// The rows that the brackets of all the rows taken in cannot exclude, in no particular order.
    pub(crate) fn into_candidates(mut self) -> Vec<Candidate> {
        self.prune();
        self.candidates
    }

    fn consider(&mut self, probe: &Probe, row: usize, bracket: Bracket) {
        if bracket.upper < self.known {
            return;
        }
        self.candidates.push(Candidate { upper: bracket.upper, row });
        if self.raise(bracket.lower) && self.threshold > self.known {
            self.know(probe, self.threshold);
            self.shared.raise(self.threshold);
        }
        // Rows in ascending order of score all survive at first. Doubling keeps the dropping linear in the rows.
        if self.candidates.len() >= self.prune_at {
            self.prune();
            self.prune_at = FIRST_PRUNE.max(2 * self.candidates.len());
        }
    }

    fn know(&mut self, probe: &Probe, threshold: f64) {
        self.known = threshold;
        self.cut = probe.cut(threshold);
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
    use crate::normalise;

    fn probe(limit: usize) -> Probe {
        Probe::new(normalise(&[1.0, 0.0], 2).expect("valid template"), limit)
    }

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
        let (probe, mut sieve) = (probe(1), Sieve::new(1, &floor));
        for (row, middle) in [0.0, 8.0, 10.0, 7.9, 8.0].into_iter().enumerate() {
            sieve.consider(&probe, row, around(middle));
        }
        assert_eq!(rows(sieve), [1, 2, 4]);
    }

    #[test]
    fn parts_together_keep_what_the_whole_would() {
        let middles: Vec<f64> = (0..200_i32).map(|i| f64::from(i * 37 % 101)).collect();
        let probe = probe(5);
        let (alone, shared) = (Floor::new(), Floor::new());
        let mut whole = Sieve::new(5, &alone);
        let (mut left, mut right) = (Sieve::new(5, &shared), Sieve::new(5, &shared));
        for (row, &middle) in middles.iter().enumerate() {
            whole.consider(&probe, row, around(middle));
            let part = if row < 70 { &mut left } else { &mut right };
            part.consider(&probe, row, around(middle));
        }
        left.absorb(right);
        assert_eq!(rows(left), rows(whole));
    }

    #[test]
    fn rising_scores_do_not_pile_up() {
        let floor = Floor::new();
        let (probe, mut sieve) = (probe(1), Sieve::new(1, &floor));
        for row in 0..10 * FIRST_PRUNE {
            sieve.consider(&probe, row, around(row as f64));
        }
        assert!(sieve.candidates.len() <= FIRST_PRUNE);
        let last = 10 * FIRST_PRUNE - 1;
        assert_eq!(rows(sieve), [last - 2, last - 1, last]);
    }
}
