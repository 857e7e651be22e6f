//! The AVX2 kernel: halves of codes by up to four probes, row after row, and whole codes four rows at a time.
//!
//! `vpmaddubsw` multiplies unsigned bytes by signed ones and adds neighbours into 16 bits. Of halves, four such sums still fit:
//! `4 × 2 × 15 × 127`. Of whole codes one fits if the unsigned bytes are the probe's without their signs: `2 × 127 × 128`. The
//! signs go to the row. A code is twice its byte and one, so its opposite is that of the byte with every bit turned over.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_abs_epi8, _mm256_add_epi16,
    _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128, _mm256_cmpgt_epi8, _mm256_extracti128_si256,
    _mm256_hadd_epi32, _mm256_load_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_sad_epu8, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_setzero_si256, _mm256_srli_epi16, _mm256_xor_si256,
};

use crate::bound::Probe;
use crate::codes::{Block, Line};
use crate::kernel::TILE;

/// Rows of whole codes compared with the same codes of a probe.
const QUAD: usize = 4;

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
        for (tile, out) in probes.chunks(TILE).zip(out.chunks_mut((TILE * block.rows()).max(1))) {
            // SAFETY: `self` exists, so `detect` found the feature that the loops are compiled for.
            unsafe {
                match tile {
                    [a, b, c, d] => halves_tile([a, b, c, d], block, out),
                    [a, b, c] => halves_tile([a, b, c], block, out),
                    [a, b] => halves_tile([a, b], block, out),
                    [a] => each_row(a, block, out),
                    _ => {}
                }
            }
        }
    }

    /// See [`Kernel::fine_dots`](crate::kernel::Kernel::fine_dots).
    pub(crate) fn fine_dots(self, probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
        // SAFETY: as above.
        unsafe { chosen_rows(probe, block, rows, out) }
    }

    /// See [`Kernel::dots`](crate::kernel::Kernel::dots).
    pub(crate) fn dots(self, probes: &[Probe], united: &[Line], out: &mut [i32]) {
        let Some(width) = probes.first().map(|probe| probe.codes().len()) else { return };
        let rows = united.len() / width;
        for (tile, out) in probes.chunks(TILE).zip(out.chunks_mut((TILE * rows).max(1))) {
            // SAFETY: as above.
            unsafe { codes_tile(tile, united, width, rows, out) }
        }
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

/// The coarse halves of all rows by `P` probes. A row's halves are taken apart once for all of them.
#[target_feature(enable = "avx2")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn halves_tile<const P: usize>(probes: [&Probe; P], block: Block<'_>, out: &mut [i32]) {
    let (width, rows) = (block.lines_per_row, block.rows());
    let codes = probes.map(|probe| &probe.codes().as_chunks::<2>().0[..width]);
    for (row, lines) in block.coarse.chunks_exact(width).enumerate() {
        let mut sums = [_mm256_setzero_si256(); TILE];
        for line in 0..width {
            let halves = split(&lines[line]);
            for p in 0..P {
                sums[p] = _mm256_add_epi32(sums[p], half_products(halves, &codes[p][line]));
            }
        }
        let totals = lane_sums(sums);
        for p in 0..P {
            out[p * rows + row] = 2 * totals[p] - probes[p].half_excess();
        }
    }
}

/// The sum of products of a probe's codes and the stored halves of a row.
#[inline]
#[target_feature(enable = "avx2")]
fn half_sum(codes: &[Line], halves: &[Line]) -> i32 {
    let mut sum = _mm256_setzero_si256();
    for (codes, halves) in codes.as_chunks::<2>().0.iter().zip(halves) {
        sum = _mm256_add_epi32(sum, half_products(split(halves), codes));
    }
    lane_sum(sum)
}

/// A line's stored halves as bytes: the low ones in two registers, and the high ones in two.
#[inline]
#[target_feature(enable = "avx2")]
fn split(halves: &Line) -> [[__m256i; 2]; 2] {
    let nibble = _mm256_set1_epi8(0x0f);
    let [first, second] = load(halves);
    let low = [_mm256_and_si256(first, nibble), _mm256_and_si256(second, nibble)];
    let first = _mm256_and_si256(_mm256_srli_epi16::<4>(first), nibble);
    let second = _mm256_and_si256(_mm256_srli_epi16::<4>(second), nibble);
    [low, [first, second]]
}

/// The products of a line's halves and a probe's codes, added up in lanes of 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn half_products([low, high]: [[__m256i; 2]; 2], [of_low, of_high]: &[Line; 2]) -> __m256i {
    let (of_low, of_high) = (load(of_low), load(of_high));
    let first = _mm256_add_epi16(_mm256_maddubs_epi16(low[0], of_low[0]), _mm256_maddubs_epi16(high[0], of_high[0]));
    let second = _mm256_add_epi16(_mm256_maddubs_epi16(low[1], of_low[1]), _mm256_maddubs_epi16(high[1], of_high[1]));
    _mm256_madd_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(1))
}

/// Rows of united codes by up to [`TILE`] probes: four rows are in the nearest cache until the last probe has passed them.
#[target_feature(enable = "avx2")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn codes_tile(probes: &[Probe], united: &[Line], width: usize, rows: usize, out: &mut [i32]) {
    // What is one in each code, as against twice its byte, makes the same of all rows.
    let mut ones = [0; TILE];
    for (ones, probe) in ones.iter_mut().zip(probes) {
        *ones = magnitude(probe.codes());
    }
    for (quad, lines) in united.chunks_exact(QUAD * width).enumerate() {
        let (low, high) = lines.split_at(2 * width);
        let (row0, row1) = low.split_at(width);
        let (row2, row3) = high.split_at(width);
        let four = [row0, row1, row2, row3];
        for (p, probe) in probes.iter().enumerate() {
            let codes = &probe.codes()[..width];
            let mut sums = [_mm256_setzero_si256(); QUAD];
            for line in 0..width {
                let codes = load(&codes[line]);
                for side in 0..2 {
                    for r in 0..QUAD {
                        let bytes = load(&four[r][line])[side];
                        sums[r] = _mm256_add_epi32(sums[r], code_products(codes[side], bytes));
                    }
                }
            }
            let totals = lane_sums(sums);
            let out = &mut out[p * rows + quad * QUAD..][..QUAD];
            for r in 0..QUAD {
                out[r] = 2 * totals[r] + ones[p];
            }
        }
    }
    for row in rows / QUAD * QUAD..rows {
        let lines = &united[row * width..][..width];
        for (p, probe) in probes.iter().enumerate() {
            let mut sum = _mm256_setzero_si256();
            for (codes, bytes) in probe.codes().iter().zip(lines) {
                let (codes, bytes) = (load(codes), load(bytes));
                sum = _mm256_add_epi32(sum, code_products(codes[0], bytes[0]));
                sum = _mm256_add_epi32(sum, code_products(codes[1], bytes[1]));
            }
            out[p * rows + row] = 2 * lane_sum(sum) + ones[p];
        }
    }
}

/// The products of a probe's codes without their signs and a row's bytes with them, added up in lanes of 32 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn code_products(codes: __m256i, bytes: __m256i) -> __m256i {
    let below_zero = _mm256_cmpgt_epi8(_mm256_setzero_si256(), codes);
    let signed = _mm256_xor_si256(bytes, below_zero);
    _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(codes), signed), _mm256_set1_epi16(1))
}

/// The sum of a probe's codes without their signs.
#[inline]
#[target_feature(enable = "avx2")]
fn magnitude(codes: &[Line]) -> i32 {
    let zero = _mm256_setzero_si256();
    let mut sum = zero;
    for codes in codes {
        let [first, second] = load(codes);
        sum = _mm256_add_epi32(sum, _mm256_sad_epu8(_mm256_abs_epi8(first), zero));
        sum = _mm256_add_epi32(sum, _mm256_sad_epu8(_mm256_abs_epi8(second), zero));
    }
    lane_sum(sum)
}

/// The sum of the lanes of an accumulator.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_sum(sum: __m256i) -> i32 {
    let half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter)))
}

/// The sum of the lanes of each of four accumulators: neighbours are added twice, then the halves.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_sums([a, b, c, d]: [__m256i; QUAD]) -> [i32; QUAD] {
    let all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let folded = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256::<1>(all));
    // SAFETY: both are 16 bytes in which every bit pattern is valid.
    unsafe { std::mem::transmute::<__m128i, [i32; QUAD]>(folded) }
}

/// A line in two registers.
#[inline]
#[target_feature(enable = "avx2")]
fn load(line: &Line) -> [__m256i; 2] {
    let first = std::ptr::from_ref(line).cast::<__m256i>();
    // SAFETY: a `Line` is 64 readable bytes aligned to 64, any of which may have any value.
    unsafe { [_mm256_load_si256(first), _mm256_load_si256(first.add(1))] }
}
