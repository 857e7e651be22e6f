//! The AVX2 kernel: halves of codes by one probe, row after row.
//!
//! `vpmaddubsw` multiplies unsigned bytes by signed ones and adds neighbours into 16 bits. Of halves, four such sums still fit:
//! `4 × 2 × 15 × 127`. Of whole codes not even one does, so those are left to simsimd.

use std::arch::x86_64::{
    __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srli_epi16,
};

use crate::bound::Probe;
use crate::codes::{Block, Line};

/// Proof that this CPU has the instructions: only [`Avx2::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// Looks for AVX2.
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// See [`Kernel::coarse_dots`](crate::kernel::Kernel::coarse_dots).
    pub(crate) fn coarse_dots(self, probes: &[Probe], block: Block<'_>, out: &mut [i32]) {
        for (probe, out) in probes.iter().zip(out.chunks_mut(block.rows().max(1))) {
            // SAFETY: `self` exists, so `detect` found the feature that the loops are compiled for.
            unsafe { each_row(probe, block, out) }
        }
    }

    /// See [`Kernel::fine_dots`](crate::kernel::Kernel::fine_dots).
    pub(crate) fn fine_dots(self, probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
        // SAFETY: as above.
        unsafe { chosen_rows(probe, block, rows, out) }
    }
}

#[target_feature(enable = "avx2")]
fn each_row(probe: &Probe, block: Block<'_>, out: &mut [i32]) {
    for (halves, out) in block.coarse.chunks_exact(block.lines_per_row).zip(out) {
        *out = 2 * half_sum(probe.codes(), halves) - probe.half_excess();
    }
}

#[target_feature(enable = "avx2")]
fn chosen_rows(probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
    out.extend(rows.iter().map(|row| 2 * half_sum(probe.codes(), block.fine_of(*row as usize)) - probe.half_excess()));
}

/// The sum of products of a probe's codes and the stored halves of a row.
#[inline]
#[target_feature(enable = "avx2")]
fn half_sum(codes: &[Line], halves: &[Line]) -> i32 {
    let (nibble, ones) = (_mm256_set1_epi8(0x0f), _mm256_set1_epi16(1));
    let mut sum = _mm256_setzero_si256();
    for ([of_low, of_high], pairs) in codes.as_chunks::<2>().0.iter().zip(halves) {
        let (of_low, of_high, pairs) = (load(of_low), load(of_high), load(pairs));
        let mut products = _mm256_setzero_si256();
        for side in 0..2 {
            let low = _mm256_and_si256(pairs[side], nibble);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(pairs[side]), nibble);
            let both =
                _mm256_add_epi16(_mm256_maddubs_epi16(low, of_low[side]), _mm256_maddubs_epi16(high, of_high[side]));
            products = _mm256_add_epi16(products, both);
        }
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, ones));
    }
    let half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter)))
}

/// A line in two registers.
#[inline]
#[target_feature(enable = "avx2")]
fn load(line: &Line) -> [__m256i; 2] {
    let first = std::ptr::from_ref(line).cast::<__m256i>();
    // SAFETY: a `Line` is 64 readable bytes aligned to 64, any of which may have any value.
    unsafe { [_mm256_load_si256(first), _mm256_load_si256(first.add(1))] }
}
