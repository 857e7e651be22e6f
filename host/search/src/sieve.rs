//! What a scan keeps of a probe's comparison with the rows it passes: the rows that may still be among the best.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::bound::{Bracket, Probe};
use crate::codes::Block;
use crate::rank::{Candidate, Score};

/// Rows tested together before any is looked at singly: long enough for the test to vectorise, short enough that a
/// survivor does not cost much for its neighbours.
const STRIDE: usize = 64;

/// Candidates collected before those that have since fallen below the threshold are dropped. Half a megabyte a probe.
const FIRST_PRUNE: usize = 32_768;

/// The survivors of a part of the gallery, for one probe.
pub(crate) struct Sieve {
    limit: usize,
    /// The `limit` greatest lower ends of brackets, least on top.
    floors: BinaryHeap<Reverse<Score>>,
    /// The least of `floors` once there are `limit` of them: that many rows score it or more.
    threshold: f64,
    /// `threshold` as the f32 filter wants it.
    cut: f32,
    candidates: Vec<Candidate>,
    prune_at: usize,
    widest: f32,
}

impl Sieve {
    /// Keeps what may be among the best `limit` rows; `limit` is at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
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
        let scales = block.scales.chunks(STRIDE);
        let radii = block.radii.chunks(STRIDE);
        for (stride, ((dots, scales), radii)) in dots.chunks(STRIDE).zip(scales).zip(radii).enumerate() {
            if !probe.any_reaches(self.cut, dots, scales, radii) {
                continue;
            }
            let first = first + stride * STRIDE;
            for (row, ((&dot, &scale), &radius)) in dots.iter().zip(scales).zip(radii).enumerate() {
                self.consider(probe, first + row, probe.bracket(dot, scale, radius));
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
        if bracket.upper < self.threshold {
            return;
        }
        self.candidates.push(Candidate { upper: bracket.upper, row });
        if self.raise(bracket.lower) {
            self.cut = probe.cut(self.threshold);
        }
        // Rows in ascending order of score all survive at first. Doubling keeps the dropping linear in the rows.
        if self.candidates.len() >= self.prune_at {
            self.prune();
            self.prune_at = FIRST_PRUNE.max(2 * self.candidates.len());
        }
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
        let threshold = self.threshold;
        self.candidates.retain(|candidate| candidate.upper >= threshold);
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

    fn rows(sieve: Sieve) -> Vec<usize> {
        let mut rows: Vec<usize> = sieve.into_candidates().iter().map(|c| c.row).collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn keeps_a_row_whose_bracket_touches_the_threshold() {
        let (probe, mut sieve) = (probe(1), Sieve::new(1));
        for (row, middle) in [0.0, 8.0, 10.0, 7.9, 8.0].into_iter().enumerate() {
            sieve.consider(&probe, row, around(middle));
        }
        assert_eq!(rows(sieve), [1, 2, 4]);
    }

    #[test]
    fn parts_together_keep_what_the_whole_would() {
        let middles: Vec<f64> = (0..200_i32).map(|i| f64::from(i * 37 % 101)).collect();
        let probe = probe(5);
        let mut whole = Sieve::new(5);
        let (mut left, mut right) = (Sieve::new(5), Sieve::new(5));
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
        let (probe, mut sieve) = (probe(1), Sieve::new(1));
        for row in 0..10 * FIRST_PRUNE {
            sieve.consider(&probe, row, around(row as f64));
        }
        assert!(sieve.candidates.len() <= FIRST_PRUNE);
        let last = 10 * FIRST_PRUNE - 1;
        assert_eq!(rows(sieve), [last - 2, last - 1, last]);
    }
}
