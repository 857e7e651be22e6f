//! The AVX-512 VNNI kernel: four rows by up to four probes held in registers.
//!
//! `vpdpbusd` multiplies unsigned bytes by signed ones, so the probe's codes come with 128 added, and 128 × the sum of
//! the row's codes (its bias) is taken off at the end. The largest intermediate, `4096 × 255 × 127`, fits an i32.

use std::arch::x86_64::{
    __m128i, __m512i, _MM_HINT_T0, _mm_add_epi32, _mm_prefetch, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm512_add_epi32, _mm512_castsi512_si256, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
    _mm512_load_si512, _mm512_setzero_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use crate::bound::Probe;
use crate::codes::{Block, Line};
use crate::kernel::TILE;

/// Rows compared with the same probe registers. With [`TILE`] probes this takes 16 accumulators, 4 rows and a probe:
/// 21 of the 32 registers.
const QUAD: usize = 4;

/// How far ahead lines are fetched, in lines: 8 KiB. They are fetched one after the other, while the rows of a quad are read
/// side by side, in which the hardware sees no stream to run ahead of.
const AHEAD: usize = 128;

/// Proof that this CPU has the instructions: only [`Vnni::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vnni(());

impl Vnni {
    /// Looks for AVX-512 F and VNNI.
    pub(crate) fn detect() -> Option<Self> {
        let present =
            std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vnni");
        present.then_some(Self(()))
    }

    /// See [`Kernel::dots`](crate::kernel::Kernel::dots).
    pub(crate) fn dots(self, probes: &[Probe], block: Block<'_>, out: &mut [i32]) {
        let tile_out = (TILE * block.rows()).max(1);
        for (tile, out) in probes.chunks(TILE).zip(out.chunks_mut(tile_out)) {
            // SAFETY: `self` exists, so `detect` found both features that `tile_dots` is compiled for.
            unsafe {
                match tile {
                    [a, b, c, d] => tile_dots([a, b, c, d], block, out),
                    [a, b, c] => tile_dots([a, b, c], block, out),
                    [a, b] => tile_dots([a, b], block, out),
                    [a] => tile_dots([a], block, out),
                    _ => {}
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn tile_dots<const P: usize>(probes: [&Probe; P], block: Block<'_>, out: &mut [i32]) {
    let (lines, rows) = (block.lines_per_row, block.rows());
    let probes = probes.map(|probe| &probe.biased()[..lines]);
    let quads = block.lines.chunks_exact(QUAD * lines);
    let (biases, last_biases) = block.biases.as_chunks::<QUAD>();

    for (quad, (codes, biases)) in quads.zip(biases).enumerate() {
        let (low, high) = codes.split_at(2 * lines);
        let (row0, row1) = low.split_at(lines);
        let (row2, row3) = high.split_at(lines);
        let mut sums = [[_mm512_setzero_si512(); QUAD]; P];
        for line in 0..lines {
            let row = [load(&row0[line]), load(&row1[line]), load(&row2[line]), load(&row3[line])];
            for next in 0..QUAD {
                fetch(codes.as_ptr().wrapping_add(QUAD * line + next + AHEAD));
            }
            for p in 0..P {
                let probe = load(&probes[p][line]);
                for r in 0..QUAD {
                    sums[p][r] = _mm512_dpbusd_epi32(sums[p][r], probe, row[r]);
                }
            }
        }
        for p in 0..P {
            let totals = lane_sums(sums[p]);
            let out = &mut out[p * rows + quad * QUAD..][..QUAD];
            for r in 0..QUAD {
                out[r] = totals[r] - biases[r];
            }
        }
    }

    // The last rows, fewer than a quad of them.
    let first = rows - last_biases.len();
    for (r, bias) in last_biases.iter().enumerate() {
        let row = &block.lines[(first + r) * lines..][..lines];
        for p in 0..P {
            let mut sum = _mm512_setzero_si512();
            for line in 0..lines {
                sum = _mm512_dpbusd_epi32(sum, load(&probes[p][line]), load(&row[line]));
            }
            let zero = _mm512_setzero_si512();
            out[p * rows + first + r] = lane_sums([sum, zero, zero, zero])[0] - bias;
        }
    }
}

/// The sum of the lanes of each of four accumulators: transposed within 128-bit lanes, then folded in half twice.
#[inline]
#[target_feature(enable = "avx512f")]
fn lane_sums(sums: [__m512i; QUAD]) -> [i32; QUAD] {
    let [a, b, c, d] = sums;
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64::<1>(abcd));
    let quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
    // SAFETY: both are 16 bytes in which every bit pattern is valid.
    unsafe { std::mem::transmute::<__m128i, [i32; QUAD]>(quarter) }
}

/// Has a line brought into the cache that will be read soon. Any address will do: one that cannot be read is ignored.
#[inline]
#[target_feature(enable = "sse")]
fn fetch(line: *const Line) {
    _mm_prefetch::<_MM_HINT_T0>(line.cast::<i8>());
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(line: &Line) -> __m512i {
    // SAFETY: a `Line` is 64 readable bytes aligned to 64, any of which may have any value.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast::<__m512i>()) }
}
