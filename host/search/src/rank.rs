//! From the rows a scan could not exclude to the hits, in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::Hit;
use crate::template::SIDE_BY_SIDE;

/// Fewest rows scored before asking which of the rest are still needed: a typical search of 20 hits needs about 60 in all.
const FIRST_BATCH: usize = 64;

/// Rows from which scoring a batch is worth waking other threads for: where they have to be read from a file, some tenths of a
/// millisecond's work at 512 dimensions.
const PARALLEL_BATCH: usize = 192;

/// Fewest rows a thread scores at a time.
const PARALLEL_PART: usize = 48;

/// Most rows scored at a time: while they are, what they score excludes no other yet.
const MOST_AT_ONCE: usize = 4096;

/// A row that may be among the best.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its score is not above this.
    pub(crate) upper: f64,
    /// Its place in the gallery.
    pub(crate) row: usize,
}

/// A score, or a bound on one: a number, never NaN or -0.0, so the total order of f64 is the numeric one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score(pub(crate) f64);

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}

/// A scored row. The better of two is the lesser: higher score, then lower id.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Ranked<'g> {
    score: Reverse<Score>,
    id: &'g str,
}

/// The best `limit` of the candidates, best first, and how many of them had to be scored to know. `ids` are those of
/// all the gallery's rows, and `score` gives rows' exact scores.
pub(crate) fn rank(
    mut candidates: Vec<Candidate>,
    limit: usize,
    ids: &[Arc<str>],
    score: impl Fn([usize; SIDE_BY_SIDE]) -> [f64; SIDE_BY_SIDE] + Sync,
) -> (Vec<Hit>, u64) {
    candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper).then(a.row.cmp(&b.row)));
    // Worst on top.
    let mut best: BinaryHeap<Ranked<'_>> = BinaryHeap::new();
    let mut scored = 0;
    let mut rest = candidates.as_slice();
    while !rest.is_empty() {
        let needed = match best.peek().filter(|_| best.len() >= limit) {
            // What cannot reach the last hit now never will.
            Some(worst) => rest.partition_point(|candidate| candidate.upper >= worst.score.0.0).min(MOST_AT_ONCE),
            None => FIRST_BATCH.max(limit).min(rest.len()),
        };
        if needed == 0 {
            break;
        }
        let (now, later) = rest.split_at(needed);
        for (candidate, exact) in now.iter().zip(scores(now, &score)) {
            best.push(Ranked { score: Reverse(Score(exact)), id: &ids[candidate.row] });
            if best.len() > limit {
                best.pop();
            }
        }
        scored += now.len();
        rest = later;
    }
    let hits = best
        .into_sorted_vec()
        .into_iter()
        .map(|ranked| Hit { id: ranked.id.into(), score: ranked.score.0.0 })
        .collect();
    (hits, scored as u64)
}

fn scores(batch: &[Candidate], score: &(impl Fn([usize; SIDE_BY_SIDE]) -> [f64; SIDE_BY_SIDE] + Sync)) -> Vec<f64> {
    // A last group that is not full is filled up with its first row, whose scores past the group are dropped.
    let group = |rows: &[Candidate]| {
        let scores = score(std::array::from_fn(|i| rows.get(i).unwrap_or(&rows[0]).row));
        scores.into_iter().take(rows.len())
    };
    if batch.len() < PARALLEL_BATCH {
        batch.chunks(SIDE_BY_SIDE).flat_map(group).collect()
    } else {
        let groups = batch.par_chunks(SIDE_BY_SIDE).with_min_len(PARALLEL_PART / SIDE_BY_SIDE);
        groups.flat_map_iter(group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<Arc<str>> {
        (0..count).rev().map(|i| format!("{i:06}").into()).collect()
    }

    #[test]
    fn stops_once_no_upper_end_can_reach_the_last_hit() {
        let candidates = (0..1000_usize).map(|row| Candidate { upper: -(row as f64), row });
        let exact = |rows: [usize; SIDE_BY_SIDE]| rows.map(|row| -(row as f64) - 0.5);
        let (hits, scored) = rank(candidates.collect(), 10, &ids(1000), exact);
        assert_eq!(scored, 64);
        let found: Vec<f64> = hits.iter().map(|hit| hit.score).collect();
        let expected: Vec<f64> = (0..10_i32).map(|row| -f64::from(row) - 0.5).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ties_across_batches_go_to_the_lower_ids() {
        let candidates = (0..5000_usize).map(|row| Candidate { upper: 1.0, row });
        let (hits, scored) = rank(candidates.collect(), 3, &ids(5000), |_| [1.0; SIDE_BY_SIDE]);
        assert_eq!(scored, 5000);
        let found: Vec<&str> = hits.iter().map(|hit| &*hit.id).collect();
        assert_eq!(found, ["000000", "000001", "000002"]);
    }
}
