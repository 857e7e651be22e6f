//! Entries drawn at random, so that whoever draws again with the same seed from the same size draws the same.
//!
//! The draw, for anybody to repeat: for c = 0, 1, 2, … take SHA-256(`"magistrate sample v1\n"` ‖ seed ‖ `"\n"` ‖ c as 8
//! bytes, big-endian), and of it the first 8 bytes as a big-endian number x. With s entries in the log, an x that is not
//! below the greatest multiple of s up to 2^64 is passed over, so that no entry is likelier than another; otherwise x
//! mod s is drawn, unless it was drawn before.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Separates the draw from every other use of SHA-256 in this program.
const DOMAIN: &[u8] = b"magistrate sample v1\n";

/// `n` distinct indices below `size`, or all of them, in the order drawn.
pub fn draw(seed: &str, size: u64, n: u64) -> Vec<u64> {
    let (mut drawn, mut seen) = (Vec::new(), BTreeSet::new());
    if size == 0 {
        return drawn;
    }
    // 2^64 mod size: as many of the highest numbers are passed over.
    let uneven = (u64::MAX % size + 1) % size;
    let mut counter: u64 = 0;
    while (drawn.len() as u64) < n.min(size) {
        let hash = Sha256::new().chain_update(DOMAIN).chain_update(seed).chain_update(b"\n");
        let hash: crate::Hash = hash.chain_update(counter.to_be_bytes()).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        let x = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        counter += 1;
        if x <= u64::MAX - uneven && seen.insert(x % size) {
            drawn.push(x % size);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn the_draw_is_the_one_that_is_documented() {
        // Computed by another program from the description above.
        assert_eq!(draw("7", 1000, 5), [175, 969, 925, 766, 584]);
        assert_eq!(draw("2026-03", 1_000_000, 3), [413_610, 432_796, 305_437]);
        assert_eq!(draw("7", 3, 5), [0, 1, 2]);
    }

    #[test]
    fn nothing_is_drawn_twice_and_never_more_than_there_is() {
        let mut all = draw("x", 100, 500);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert!(draw("x", 0, 5).is_empty());
        assert!(draw("x", 5, 0).is_empty());
        assert_eq!(draw("x", 1, 1), [0]);
        assert_ne!(draw("x", 1000, 10), draw("y", 1000, 10));
    }
}
