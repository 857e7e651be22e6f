//! What reading memory takes that does nothing else: the measure of a scan.

use std::collections::TryReserveError;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::codes::{LINE, Line};
use crate::pages::enlarge;

/// So much memory, lying as a gallery's codes do: on large pages, where the system grants them.
pub struct Yardstick(Vec<Line>);

impl Yardstick {
    /// Takes so many bytes, rounded up to 64, and writes them, so that every page is there to be read.
    ///
    /// # Errors
    /// When there is not so much memory.
    pub fn new(bytes: usize) -> Result<Self, TryReserveError> {
        let lines = bytes.div_ceil(LINE).max(1);
        let mut all = Vec::new();
        all.try_reserve_exact(lines)?;
        enlarge(&mut all);
        all.resize(lines, Line([1; LINE]));
        Ok(Self(all))
    }

    /// How long the threads that scan take to read all of it once, and add it up.
    pub fn read(&self) -> Duration {
        let share = self.0.len().div_ceil(rayon::current_num_threads()).max(1);
        let before = Instant::now();
        let sum = |part: &[Line]| part.iter().flat_map(|line| line.0.as_chunks::<8>().0).fold(0, add);
        std::hint::black_box(self.0.par_chunks(share).map(sum).reduce(|| 0, u64::wrapping_add));
        before.elapsed()
    }
}

fn add(sum: u64, word: &[u8; 8]) -> u64 {
    sum.wrapping_add(u64::from_ne_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yardstick_is_as_long_as_asked_for() {
        for (bytes, lines) in [(0, 1), (1, 1), (64, 1), (65, 2), (10_000, 157)] {
            let yardstick = Yardstick::new(bytes).expect("some kilobytes");
            assert_eq!(yardstick.0.len(), lines);
            yardstick.read();
        }
        assert!(Yardstick::new(usize::MAX).is_err());
    }
}
