//! How much is asked of the database at once, or given to it: rows are of any size, and memory is not.

/// Bytes of rows in one statement, about: a transaction has to fit into the engine's memory many times over, and so has an
/// answer into the host's.
pub const BATCH_BYTES: usize = 16 << 20;

/// Rows asked for before it is known how large they are.
const FIRST_ROWS: usize = 32;

/// How many rows to ask for next: more each time, as long as those before were small.
#[derive(Clone, Debug)]
pub struct Portion {
    rows: usize,
    most: usize,
}

impl Portion {
    /// Begins with a few rows; never more than `most`.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { rows: FIRST_ROWS.min(most), most }
    }

    /// Rows to ask for next, one at least.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Says how large the rows were that were asked for, in bytes each.
    pub fn had(&mut self, sizes: impl IntoIterator<Item = usize>) {
        let largest = sizes.into_iter().max().unwrap_or(0).max(1);
        let fit = (BATCH_BYTES / largest).max(1);
        self.rows = self.rows.saturating_mul(2).min(fit).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_grows_with_small_rows_and_shrinks_with_large_ones() {
        let mut portion = Portion::new(100);
        assert_eq!(portion.rows(), FIRST_ROWS);
        portion.had([1000; 16]);
        assert_eq!(portion.rows(), 2 * FIRST_ROWS);
        for _ in 0..5 {
            portion.had([1000]);
        }
        assert_eq!(portion.rows(), 100, "no more than was said");
        portion.had([10, 4 << 20, 10]);
        assert_eq!(portion.rows(), 4);
        portion.had([BATCH_BYTES * 2]);
        assert_eq!(portion.rows(), 1);
        portion.had([]);
        assert_eq!(portion.rows(), 2, "where nothing was found, nothing was large");
        assert_eq!(Portion::new(0).rows(), 1);
    }
}
