//! A digest of a set that is kept up as the set changes: what a gallery holds, whatever order it came in.
//!
//! The sum is LtHash: each element is expanded to 1,024 numbers of 16 bits, and a set's numbers are those of its elements
//! added up modulo 2¹⁶ (Bellare and Micciancio, *A New Paradigm for Collision-Free Hashing*, EUROCRYPT 1997; the parameters
//! are those of Lewi, Kim, Maykov and Weis, *Securing Update Propagation with Homomorphic Hashing*, IACR ePrint 2019/227,
//! who put the cost of finding two sets with one sum at 2²⁰⁰ or more). Adding digests up by XOR would be no such thing: some 256
//! of them are enough to reach any sum by solving linear equations. An element is a SHA-256, and is expanded by MGF1 with SHA-256
//! (RFC 8017, appendix B.2.1).
//!
//! An element must not be in a set more than once: 65,536 times the same would count for nothing. A gallery's records have
//! ids that are unique in it.

use crate::terms::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Numbers in a sum.
const LANES: usize = 1024;

/// Bytes of a sum.
const SUM_BYTES: usize = 2 * LANES;

/// Numbers that one SHA-256 gives.
const LANES_A_BLOCK: usize = 16;

/// What a record's element begins with, so that it is no digest of anything else.
const RECORD: &[u8] = b"magistrate gallery record\n";

/// The element that a gallery's record is: its id, the SHA-256 of its template as enrolled (f32 little-endian) and its status.
pub fn record(id: &str, template: Digest, status: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(RECORD);
    // With the id's length before it, no two records give the same bytes.
    hash.update((id.len() as u64).to_le_bytes());
    hash.update(id);
    hash.update(template.0);
    hash.update(status);
    Digest(hash.finalize().into())
}

/// The sum of a set's elements. The empty set's is zero.
#[derive(Clone, PartialEq, Eq)]
pub struct MultisetHash {
    lanes: Vec<u16>,
}

impl Default for MultisetHash {
    fn default() -> Self {
        Self { lanes: vec![0; LANES] }
    }
}

impl MultisetHash {
    /// Adds an element. Takes 64 blocks of SHA-256, some microseconds.
    pub fn add(&mut self, element: Digest) {
        self.each(element, u16::wrapping_add);
    }

    /// Takes an element out. It must be in the set.
    pub fn remove(&mut self, element: Digest) {
        self.each(element, u16::wrapping_sub);
    }

    /// Adds the elements of another set, which has none in common with this one.
    pub fn unite(&mut self, other: &Self) {
        for (lane, other) in self.lanes.iter_mut().zip(&other.lanes) {
            *lane = lane.wrapping_add(*other);
        }
    }

    /// The SHA-256 of the sum: what is written down of a set.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The sum: 2,048 bytes, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// The sum that these bytes are; absent where they are not as many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (lanes, _) = bytes.as_chunks::<2>();
        (bytes.len() == SUM_BYTES).then(|| Self { lanes: lanes.iter().map(|lane| u16::from_le_bytes(*lane)).collect() })
    }

    fn each(&mut self, element: Digest, change: impl Fn(u16, u16) -> u16) {
        for (lanes, counter) in self.lanes.chunks_exact_mut(LANES_A_BLOCK).zip(0_u32..) {
            let block: [u8; 32] =
                Sha256::new().chain_update(element.0).chain_update(counter.to_be_bytes()).finalize().into();
            for (lane, bytes) in lanes.iter_mut().zip(block.as_chunks::<2>().0) {
                *lane = change(*lane, u16::from_le_bytes(*bytes));
            }
        }
    }
}

/// The digest only: the sum is long, and says nothing more.
impl fmt::Debug for MultisetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MultisetHash({})", self.digest())
    }
}

impl FromIterator<Digest> for MultisetHash {
    fn from_iter<T: IntoIterator<Item = Digest>>(elements: T) -> Self {
        let mut sum = Self::default();
        elements.into_iter().for_each(|element| sum.add(element));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(n: u32) -> Digest {
        record(&format!("r{n}"), Digest::of(&n.to_le_bytes()), "active")
    }

    #[test]
    fn the_order_does_not_matter() {
        let forth: MultisetHash = (0..50).map(element).collect();
        let back: MultisetHash = (0..50).rev().map(element).collect();
        assert_eq!(forth, back);
        let (mut one, two): (MultisetHash, MultisetHash) =
            ((0..20).map(element).collect(), (20..50).map(element).collect());
        one.unite(&two);
        assert_eq!(one.digest(), forth.digest());
    }

    #[test]
    fn what_is_added_and_removed_leaves_nothing() {
        let mut sum: MultisetHash = (0..10).map(element).collect();
        let before = sum.clone();
        sum.add(element(77));
        assert_ne!(sum.digest(), before.digest());
        sum.remove(element(77));
        assert_eq!(sum, before);
        (0..10).rev().for_each(|n| sum.remove(element(n)));
        assert_eq!(sum, MultisetHash::default());
    }

    #[test]
    fn other_records_have_another_digest() {
        let template = Digest::of(b"a");
        let one = record("ab", template, "active");
        for other in [
            record("ac", template, "active"),
            record("ab", Digest::of(b"b"), "active"),
            record("ab", template, "sealed"),
            record("a", template, "bactive"),
            record("", template, "abactive"),
        ] {
            assert_ne!(one, other);
            let sums: [MultisetHash; 2] = [[one].into_iter().collect(), [other].into_iter().collect()];
            assert_ne!(sums[0].digest(), sums[1].digest());
        }
    }

    #[test]
    fn equal_pairs_do_not_cancel() {
        // As they would under XOR, where {a, a} and {b, b} are the same.
        let twice = |n: u32| -> MultisetHash { [element(n), element(n)].into_iter().collect() };
        assert_ne!(twice(1), twice(2));
        assert_ne!(twice(1), MultisetHash::default());
    }

    #[test]
    fn a_sum_comes_back_from_its_bytes() {
        let sum: MultisetHash = (0..3).map(element).collect();
        let bytes = sum.to_bytes();
        assert_eq!(bytes.len(), SUM_BYTES);
        assert_eq!(MultisetHash::from_bytes(&bytes), Some(sum));
        for length in [0, 1, SUM_BYTES - 1, SUM_BYTES + 1, SUM_BYTES + 2] {
            assert_eq!(MultisetHash::from_bytes(&vec![0; length]), None, "{length}");
        }
    }

    #[test]
    fn an_element_is_expanded_by_mgf1() {
        // The first block of MGF1 is the hash of the seed and a counter of four zero bytes.
        let seed = Digest::of(b"seed");
        let sum: MultisetHash = [seed].into_iter().collect();
        let block = Digest::of(&[&seed.0[..], &[0; 4]].concat());
        assert_eq!(sum.to_bytes()[..32], block.0);
        let second = Digest::of(&[&seed.0[..], &[0, 0, 0, 1]].concat());
        assert_eq!(sum.to_bytes()[32..64], second.0);
    }
}
