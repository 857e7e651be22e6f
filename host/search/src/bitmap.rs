//! One bit per row of a gallery.

use std::ops::Range;

/// Bits in a word.
const WORD: usize = u64::BITS as usize;

/// A set of rows. Bits past the last word are zero, so a set of a few rows of a large gallery is small.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// The rows below `rows`.
    pub(crate) fn all(rows: usize) -> Self {
        let mut words = vec![u64::MAX; rows / WORD];
        if !rows.is_multiple_of(WORD) {
            words.push(below(rows % WORD));
        }
        Self { words }
    }

    /// The set whose words are these, the lowest rows first.
    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        Self { words }
    }

    /// Its words, the lowest rows first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Whether `row` is in the set.
    pub(crate) fn get(&self, row: usize) -> bool {
        self.words.get(row / WORD).is_some_and(|word| (word >> (row % WORD)) & 1 == 1)
    }

    /// Adds `row`.
    pub(crate) fn set(&mut self, row: usize) {
        let at = row / WORD;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        self.words[at] |= 1 << (row % WORD);
    }

    /// Takes `row` out.
    pub(crate) fn clear(&mut self, row: usize) {
        if let Some(word) = self.words.get_mut(row / WORD) {
            *word &= !(1 << (row % WORD));
        }
    }

    /// Lets row `last` take the place of `row`.
    pub(crate) fn swap_remove(&mut self, row: usize, last: usize) {
        if self.get(last) {
            self.set(row);
        } else {
            self.clear(row);
        }
        self.clear(last);
    }

    /// Rows in the set.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// One past the highest row; zero for the empty set.
    pub(crate) fn end(&self) -> usize {
        let highest = self.words.iter().rposition(|&word| word != 0);
        highest.map_or(0, |at| (at + 1) * WORD - self.words[at].leading_zeros() as usize)
    }

    /// Whether any row of the range is in the set.
    pub(crate) fn any(&self, rows: Range<usize>) -> bool {
        let last = rows.end.div_ceil(WORD).min(self.words.len());
        (rows.start / WORD..last).any(|at| {
            let first = at * WORD;
            let low = rows.start.saturating_sub(first).min(WORD);
            let high = rows.end.saturating_sub(first).min(WORD);
            self.words[at] & (below(high) & !below(low)) != 0
        })
    }

    /// Adds all rows of `other`.
    pub(crate) fn unite(&mut self, other: &Self) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, &other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Keeps only rows that are also in `other`.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (word, &other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Takes out the rows of `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, &other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }
}

/// A word whose lowest `bits` are set, 0 to 64.
fn below(bits: usize) -> u64 {
    if bits >= WORD { u64::MAX } else { (1_u64 << bits) - 1 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn rows(bitmap: &Bitmap) -> BTreeSet<usize> {
        (0..400).filter(|&row| bitmap.get(row)).collect()
    }

    fn some(rng: &mut StdRng) -> Bitmap {
        let mut bitmap = Bitmap::default();
        for _ in 0..rng.random_range(0..120_usize) {
            bitmap.set(rng.random_range(0..300_usize));
        }
        bitmap
    }

    #[test]
    fn is_the_set_of_rows_it_says() {
        let mut rng = StdRng::seed_from_u64(31);
        for _ in 0..200 {
            let (a, b) = (some(&mut rng), some(&mut rng));
            let (in_a, in_b) = (rows(&a), rows(&b));
            let changed = |change: fn(&mut Bitmap, &Bitmap)| {
                let mut of = a.clone();
                change(&mut of, &b);
                rows(&of)
            };
            assert_eq!(changed(Bitmap::unite), &in_a | &in_b);
            assert_eq!(changed(Bitmap::intersect), &in_a & &in_b);
            assert_eq!(changed(Bitmap::subtract), &in_a - &in_b);
            assert_eq!(a.count(), in_a.len());
            assert_eq!(a.end(), in_a.last().map_or(0, |last| last + 1));
            let (start, length) = (rng.random_range(0..320_usize), rng.random_range(0..130_usize));
            assert_eq!(a.any(start..start + length), in_a.range(start..start + length).next().is_some());
        }
    }

    #[test]
    fn all_is_all_and_no_more() {
        for count in [0, 1, 63, 64, 65, 128, 200] {
            let all = Bitmap::all(count);
            assert_eq!((all.count(), all.end()), (count, count));
            assert!(!all.get(count));
        }
    }

    #[test]
    fn the_last_row_takes_the_place_of_a_removed_one() {
        let mut bitmap = Bitmap::default();
        bitmap.set(2);
        bitmap.set(130);
        bitmap.swap_remove(7, 130);
        assert_eq!(rows(&bitmap), BTreeSet::from([2, 7]));
        bitmap.swap_remove(2, 129);
        assert_eq!(rows(&bitmap), BTreeSet::from([7]));
        bitmap.swap_remove(7, 7);
        assert_eq!(bitmap.count(), 0);
    }
}
