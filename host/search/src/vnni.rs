//! The AVX-512 VNNI kernel: four rows by up to four probes held in registers.
//!
//! `vpdpbusd` multiplies unsigned bytes by signed ones. Stored halves, and the bytes put together from them, are unsigned
//! as they are; what their bias adds is the same for all rows, and known of each probe. The largest intermediate,
//! `2 × 4096 × 255 × 127`, fits an i32.

use std::arch::x86_64::{
    __m128i, __m512i, _CMP_GE_OQ, _MM_HINT_T0, _mm_add_epi32, _mm_prefetch, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_andnot_si512,
    _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64,
    _mm512_load_si512, _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps, _mm512_mul_ps, _mm512_or_si512,
    _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_set1_ps, _mm512_setzero_si512, _mm512_slli_epi16,
    _mm512_srli_epi16, _mm512_store_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use crate::bound::{Filter, Probe};
use crate::codes::{Block, Line};
use crate::kernel::TILE;

/// Rows compared with the same probe registers. With [`TILE`] probes this takes 16 accumulators.
const QUAD: usize = 4;

/// How far ahead lines are fetched, in lines: 8 KiB. They are fetched one after the other, while the rows of a quad are read
/// side by side, in which the hardware sees no stream to run ahead of.
const AHEAD: usize = 128;

/// Rows that one filter instruction looks at.
const LANES: usize = 16;

/// Proof that this CPU has the instructions: only [`Vnni::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vnni(());

impl Vnni {
    /// Looks for AVX-512 F, BW and VNNI.
    pub(crate) fn detect() -> Option<Self> {
        let present = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        present.then_some(Self(()))
    }

    /// See [`Kernel::coarse_dots`](crate::kernel::Kernel::coarse_dots).
    pub(crate) fn coarse_dots(self, probes: &[Probe], block: Block<'_>, out: &mut [i32]) {
        let (halves, width, rows) = (block.coarse, block.lines_per_row, block.rows());
        for (tile, out) in probes.chunks(TILE).zip(out.chunks_mut((TILE * rows).max(1))) {
            // SAFETY: `self` exists, so `detect` found the features that the loops are compiled for.
            unsafe {
                match tile {
                    [a, b, c, d] => halves_tile([a, b, c, d], halves, width, rows, out),
                    [a, b, c] => halves_tile([a, b, c], halves, width, rows, out),
                    [a, b] => halves_tile([a, b], halves, width, rows, out),
                    [a] => match width {
                        1 => halves_one::<1>(a, halves, rows, out),
                        2 => halves_one::<2>(a, halves, rows, out),
                        3 => halves_one::<3>(a, halves, rows, out),
                        4 => halves_one::<4>(a, halves, rows, out),
                        8 => halves_one::<8>(a, halves, rows, out),
                        _ => halves_tile([a], halves, width, rows, out),
                    },
                    _ => {}
                }
            }
        }
    }

    /// See [`Kernel::fine_dots`](crate::kernel::Kernel::fine_dots).
    pub(crate) fn fine_dots(self, probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
        // SAFETY: as above.
        unsafe { chosen_halves(probe, block, rows, out) }
    }

    /// Has lines brought into the cache that will be read soon.
    pub(crate) fn fetch(self, lines: &[Line]) {
        for line in lines {
            // SAFETY: as above.
            unsafe { fetch(std::ptr::from_ref(line)) }
        }
    }

    /// Has numbers brought into the cache that will be read soon.
    pub(crate) fn fetch_numbers(self, numbers: &[f32]) {
        for line in numbers.chunks(LANES) {
            // SAFETY: as above.
            unsafe { fetch(line.as_ptr().cast::<Line>()) }
        }
    }

    /// See [`Kernel::unite`](crate::kernel::Kernel::unite): unsigned bytes, biased.
    pub(crate) fn unite(self, block: Block<'_>, out: &mut [Line]) {
        // SAFETY: as above.
        unsafe { unite(block.coarse, block.fine, out) }
    }

    /// See [`Kernel::dots`](crate::kernel::Kernel::dots).
    pub(crate) fn dots(self, probes: &[Probe], united: &[Line], out: &mut [i32]) {
        let Some(width) = probes.first().map(|probe| probe.codes().len()) else { return };
        let rows = united.len() / width;
        for (tile, out) in probes.chunks(TILE).zip(out.chunks_mut((TILE * rows).max(1))) {
            // SAFETY: as above.
            unsafe {
                match tile {
                    [a, b, c, d] => codes_tile([a, b, c, d], united, width, rows, out),
                    [a, b, c] => codes_tile([a, b, c], united, width, rows, out),
                    [a, b] => codes_tile([a, b], united, width, rows, out),
                    [a] => codes_tile([a], united, width, rows, out),
                    _ => {}
                }
            }
        }
    }

    /// See [`Kernel::survivors`](crate::kernel::Kernel::survivors).
    pub(crate) fn survivors(self, filter: Filter, dots: &[i32], scales: &[f32], radii: &[f32], out: &mut Vec<u32>) {
        // SAFETY: as above.
        unsafe { survivors(filter, dots, scales, radii, out) }
    }
}

/// Rows of stored halves by `P` probes.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn halves_tile<const P: usize>(probes: [&Probe; P], halves: &[Line], width: usize, rows: usize, out: &mut [i32]) {
    let codes = probes.map(|probe| &probe.codes()[..2 * width]);
    let nibble = _mm512_set1_epi8(0x0f);
    for (quad, lines) in halves.chunks_exact(QUAD * width).enumerate() {
        let (low, high) = lines.split_at(2 * width);
        let (row0, row1) = low.split_at(width);
        let (row2, row3) = high.split_at(width);
        let mut sums = [[_mm512_setzero_si512(); QUAD]; P];
        for line in 0..width {
            for next in 0..QUAD {
                fetch(lines.as_ptr().wrapping_add(QUAD * line + next + AHEAD));
            }
            let pairs = [load(&row0[line]), load(&row1[line]), load(&row2[line]), load(&row3[line])];
            for r in 0..QUAD {
                let low = _mm512_and_si512(pairs[r], nibble);
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(pairs[r]), nibble);
                for p in 0..P {
                    sums[p][r] = _mm512_dpbusd_epi32(sums[p][r], low, load(&codes[p][2 * line]));
                    sums[p][r] = _mm512_dpbusd_epi32(sums[p][r], high, load(&codes[p][2 * line + 1]));
                }
            }
        }
        for p in 0..P {
            let totals = lane_sums(sums[p]);
            let out = &mut out[p * rows + quad * QUAD..][..QUAD];
            for r in 0..QUAD {
                out[r] = 2 * totals[r] - probes[p].half_excess();
            }
        }
    }
    for row in rows / QUAD * QUAD..rows {
        let lines = &halves[row * width..][..width];
        for p in 0..P {
            out[p * rows + row] = 2 * one_half(codes[p], lines) - probes[p].half_excess();
        }
    }
}

/// Rows of `W` lines of stored halves by one probe, whose codes stay in registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn halves_one<const W: usize>(probe: &Probe, halves: &[Line], rows: usize, out: &mut [i32]) {
    let nibble = _mm512_set1_epi8(0x0f);
    let (mut lows, mut highs) = ([_mm512_setzero_si512(); W], [_mm512_setzero_si512(); W]);
    for line in 0..W {
        lows[line] = load(&probe.codes()[2 * line]);
        highs[line] = load(&probe.codes()[2 * line + 1]);
    }
    let excess = probe.half_excess();
    let (all, _) = halves.as_chunks::<W>();
    let (quads, _) = all.as_chunks::<QUAD>();
    for (quad, out) in quads.iter().zip(out.chunks_exact_mut(QUAD)) {
        let ahead = quad.as_ptr().cast::<Line>().wrapping_add(AHEAD);
        for next in 0..QUAD * W {
            fetch(ahead.wrapping_add(next));
        }
        let mut sums = [_mm512_setzero_si512(); QUAD];
        for r in 0..QUAD {
            for line in 0..W {
                let pair = load(&quad[r][line]);
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(pair), nibble);
                sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_and_si512(pair, nibble), lows[line]);
                sums[r] = _mm512_dpbusd_epi32(sums[r], high, highs[line]);
            }
        }
        let totals = lane_sums(sums);
        for r in 0..QUAD {
            out[r] = 2 * totals[r] - excess;
        }
    }
    for row in rows / QUAD * QUAD..rows {
        out[row] = 2 * one_half(probe.codes(), &all[row]) - excess;
    }
}

/// The fine halves of chosen rows by one probe, four rows at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn chosen_halves(probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
    let nibble = _mm512_set1_epi8(0x0f);
    let (codes, excess) = (probe.codes(), probe.half_excess());
    let (quads, last) = rows.as_chunks::<QUAD>();
    for quad in quads {
        let lines = quad.map(|row| block.fine_of(row as usize));
        let mut sums = [_mm512_setzero_si512(); QUAD];
        for (line, codes) in codes.chunks_exact(2).enumerate() {
            let (of_low, of_high) = (load(&codes[0]), load(&codes[1]));
            for r in 0..QUAD {
                let pair = load(&lines[r][line]);
                let high = _mm512_and_si512(_mm512_srli_epi16::<4>(pair), nibble);
                sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_and_si512(pair, nibble), of_low);
                sums[r] = _mm512_dpbusd_epi32(sums[r], high, of_high);
            }
        }
        out.extend(lane_sums(sums).map(|total| 2 * total - excess));
    }
    out.extend(last.iter().map(|row| 2 * one_half(codes, block.fine_of(*row as usize)) - excess));
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn one_half(codes: &[Line], halves: &[Line]) -> i32 {
    let nibble = _mm512_set1_epi8(0x0f);
    let mut sums = [_mm512_setzero_si512(); 2];
    for (codes, pair) in codes.chunks_exact(2).zip(halves) {
        let pair = load(pair);
        let high = _mm512_and_si512(_mm512_srli_epi16::<4>(pair), nibble);
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_and_si512(pair, nibble), load(&codes[0]));
        sums[1] = _mm512_dpbusd_epi32(sums[1], high, load(&codes[1]));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]))
}

#[target_feature(enable = "avx512f,avx512bw")]
fn unite(coarse: &[Line], fine: &[Line], out: &mut [Line]) {
    let nibble = _mm512_set1_epi8(0x0f);
    for ((coarse, fine), out) in coarse.iter().zip(fine).zip(out.chunks_exact_mut(2)) {
        let (coarse, fine) = (load(coarse), load(fine));
        let high = _mm512_slli_epi16::<4>(_mm512_and_si512(coarse, nibble));
        store(&mut out[0], _mm512_or_si512(high, _mm512_and_si512(fine, nibble)));
        let low = _mm512_and_si512(_mm512_srli_epi16::<4>(fine), nibble);
        store(&mut out[1], _mm512_or_si512(_mm512_andnot_si512(nibble, coarse), low));
    }
}

/// Rows of united codes by `P` probes.
#[target_feature(enable = "avx512f,avx512vnni")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn codes_tile<const P: usize>(probes: [&Probe; P], united: &[Line], width: usize, rows: usize, out: &mut [i32]) {
    let codes = probes.map(|probe| &probe.codes()[..width]);
    for (quad, lines) in united.chunks_exact(QUAD * width).enumerate() {
        let (low, high) = lines.split_at(2 * width);
        let (row0, row1) = low.split_at(width);
        let (row2, row3) = high.split_at(width);
        let mut sums = [[_mm512_setzero_si512(); QUAD]; P];
        for line in 0..width {
            let row = [load(&row0[line]), load(&row1[line]), load(&row2[line]), load(&row3[line])];
            for p in 0..P {
                let probe = load(&codes[p][line]);
                for r in 0..QUAD {
                    sums[p][r] = _mm512_dpbusd_epi32(sums[p][r], row[r], probe);
                }
            }
        }
        for p in 0..P {
            let totals = lane_sums(sums[p]);
            let out = &mut out[p * rows + quad * QUAD..][..QUAD];
            for r in 0..QUAD {
                out[r] = 2 * totals[r] - probes[p].code_excess();
            }
        }
    }
    for row in rows / QUAD * QUAD..rows {
        let lines = &united[row * width..][..width];
        for p in 0..P {
            let mut sum = _mm512_setzero_si512();
            for line in 0..width {
                sum = _mm512_dpbusd_epi32(sum, load(&lines[line]), load(&codes[p][line]));
            }
            out[p * rows + row] = 2 * _mm512_reduce_add_epi32(sum) - probes[p].code_excess();
        }
    }
}

/// The same operations in the same order as [`Filter::keeps`], on sixteen rows at a time.
#[target_feature(enable = "avx512f")]
fn survivors(filter: Filter, dots: &[i32], scales: &[f32], radii: &[f32], out: &mut Vec<u32>) {
    let rows = dots.len().min(scales.len()).min(radii.len());
    let (by, norm, cut) = (_mm512_set1_ps(filter.scale), _mm512_set1_ps(filter.norm), _mm512_set1_ps(filter.cut));
    for first in (0..rows).step_by(LANES) {
        let there: u16 = if rows - first >= LANES { u16::MAX } else { (1 << (rows - first)) - 1 };
        // SAFETY: lanes are read only where `there` has a bit, and those are rows of all three slices.
        let (dot, scale, radius) = unsafe {
            (
                _mm512_maskz_loadu_epi32(there, dots.as_ptr().add(first)),
                _mm512_maskz_loadu_ps(there, scales.as_ptr().add(first)),
                _mm512_maskz_loadu_ps(there, radii.as_ptr().add(first)),
            )
        };
        let estimate = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(dot), scale), by);
        let upper = _mm512_add_ps(estimate, _mm512_mul_ps(radius, norm));
        let mut kept = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(upper, cut) & there;
        while kept != 0 {
            // A block has far fewer than 2³² rows.
            out.push((first + kept.trailing_zeros() as usize) as u32);
            kept &= kept - 1;
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

#[inline]
#[target_feature(enable = "avx512f")]
fn store(line: &mut Line, value: __m512i) {
    // SAFETY: a `Line` is 64 writable bytes aligned to 64, any of which may have any value.
    unsafe { _mm512_store_si512(std::ptr::from_mut(line).cast::<__m512i>(), value) }
}
