//! The NEON kernel: halves of codes by up to four probes, row after row, and whole codes four rows at a time.
//!
//! Stored halves are as good as signed bytes. Products with codes of a probe are added in 16 bits before they are widened: of
//! halves four at most (`4 × 15 × 127`), of whole codes two (`2 × 127 × 128`).

use std::arch::aarch64::{
    int8x16_t, int32x4_t, uint8x16_t, vaddvq_s32, vandq_u8, vdupq_n_s32, vdupq_n_u8, vget_low_s8, vld1q_s8, vld1q_u8,
    vmlal_high_s8, vmlal_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpretq_s8_u8, vshrq_n_u8,
};

use crate::bound::Probe;
use crate::codes::{Block, LINE, Line};
use crate::kernel::TILE;

/// Bytes in a register.
const WIDTH: usize = 16;

/// Registers in a line.
const PARTS: usize = LINE / WIDTH;

/// Rows of whole codes compared with the same codes of a probe.
const QUAD: usize = 4;

/// Proof that this CPU has the instructions: only [`Neon::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

impl Neon {
    /// Looks for NEON, which nearly every 64-bit ARM has.
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
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

#[target_feature(enable = "neon")]
fn each_row(probe: &Probe, block: Block<'_>, out: &mut [i32]) {
    for (halves, out) in block.coarse.chunks_exact(block.lines_per_row).zip(out) {
        *out = 2 * half_sum(probe.codes(), halves) - probe.half_excess();
    }
}

#[target_feature(enable = "neon")]
fn chosen_rows(probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
    out.extend(rows.iter().map(|row| 2 * half_sum(probe.codes(), block.fine_of(*row as usize)) - probe.half_excess()));
}

/// The coarse halves of all rows by `P` probes. A row's halves are taken apart once for all of them.
#[target_feature(enable = "neon")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn halves_tile<const P: usize>(probes: [&Probe; P], block: Block<'_>, out: &mut [i32]) {
    let (width, rows) = (block.lines_per_row, block.rows());
    let codes = probes.map(|probe| &probe.codes().as_chunks::<2>().0[..width]);
    for (row, lines) in block.coarse.chunks_exact(width).enumerate() {
        let mut sums = [vdupq_n_s32(0); TILE];
        for line in 0..width {
            for part in 0..PARTS {
                let halves = split(&lines[line], part);
                for p in 0..P {
                    sums[p] = add_half_products(sums[p], halves, &codes[p][line], part);
                }
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
#[target_feature(enable = "neon")]
fn half_sum(codes: &[Line], halves: &[Line]) -> i32 {
    let mut sum = vdupq_n_s32(0);
    for (codes, halves) in codes.as_chunks::<2>().0.iter().zip(halves) {
        for part in 0..PARTS {
            sum = add_half_products(sum, split(halves, part), codes, part);
        }
    }
    vaddvq_s32(sum)
}

/// The stored halves in a part of a line as bytes: the low ones, and the high ones.
#[inline]
#[target_feature(enable = "neon")]
fn split(halves: &Line, part: usize) -> [int8x16_t; 2] {
    let pairs = bytes(halves, part);
    let low = vreinterpretq_s8_u8(vandq_u8(pairs, vdupq_n_u8(0x0f)));
    [low, vreinterpretq_s8_u8(vshrq_n_u8::<4>(pairs))]
}

/// Adds the products of the halves in a part of a line and a probe's codes.
#[inline]
#[target_feature(enable = "neon")]
fn add_half_products(sum: int32x4_t, [low, high]: [int8x16_t; 2], codes: &[Line; 2], part: usize) -> int32x4_t {
    let (of_low, of_high) = (signed_bytes(&codes[0], part), signed_bytes(&codes[1], part));
    let products = vmull_s8(vget_low_s8(low), vget_low_s8(of_low));
    let products = vmlal_high_s8(products, low, of_low);
    let products = vmlal_s8(products, vget_low_s8(high), vget_low_s8(of_high));
    let products = vmlal_high_s8(products, high, of_high);
    vpadalq_s16(sum, products)
}

/// Rows of united codes by up to [`TILE`] probes: four rows are in the nearest cache until the last probe has passed them.
#[target_feature(enable = "neon")]
#[allow(
    clippy::needless_range_loop,
    reason = "plain counted loops over constant bounds unroll, and the arrays become registers"
)]
fn codes_tile(probes: &[Probe], united: &[Line], width: usize, rows: usize, out: &mut [i32]) {
    for (quad, lines) in united.chunks_exact(QUAD * width).enumerate() {
        let (low, high) = lines.split_at(2 * width);
        let (row0, row1) = low.split_at(width);
        let (row2, row3) = high.split_at(width);
        let four = [row0, row1, row2, row3];
        for (p, probe) in probes.iter().enumerate() {
            let codes = &probe.codes()[..width];
            let mut sums = [vdupq_n_s32(0); QUAD];
            for line in 0..width {
                for part in 0..PARTS {
                    let codes = signed_bytes(&codes[line], part);
                    for r in 0..QUAD {
                        sums[r] = add_code_products(sums[r], codes, signed_bytes(&four[r][line], part));
                    }
                }
            }
            let totals = lane_sums(sums);
            let out = &mut out[p * rows + quad * QUAD..][..QUAD];
            for r in 0..QUAD {
                out[r] = 2 * totals[r] + probe.sum();
            }
        }
    }
    for row in rows / QUAD * QUAD..rows {
        let lines = &united[row * width..][..width];
        for (p, probe) in probes.iter().enumerate() {
            let mut sum = vdupq_n_s32(0);
            for (codes, bytes) in probe.codes().iter().zip(lines) {
                for part in 0..PARTS {
                    sum = add_code_products(sum, signed_bytes(codes, part), signed_bytes(bytes, part));
                }
            }
            out[p * rows + row] = 2 * vaddvq_s32(sum) + probe.sum();
        }
    }
}

/// Adds the products of a probe's codes and a row's bytes.
#[inline]
#[target_feature(enable = "neon")]
fn add_code_products(sum: int32x4_t, codes: int8x16_t, bytes: int8x16_t) -> int32x4_t {
    let products = vmull_s8(vget_low_s8(codes), vget_low_s8(bytes));
    vpadalq_s16(sum, vmlal_high_s8(products, codes, bytes))
}

/// The sum of the lanes of each of four accumulators.
#[inline]
#[target_feature(enable = "neon")]
fn lane_sums([a, b, c, d]: [int32x4_t; QUAD]) -> [i32; QUAD] {
    let all = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
    // SAFETY: both are 16 bytes in which every bit pattern is valid.
    unsafe { std::mem::transmute::<int32x4_t, [i32; QUAD]>(all) }
}

/// The bytes of a line from `part × 16` on; `part` is below [`PARTS`].
#[inline]
#[target_feature(enable = "neon")]
fn bytes(line: &Line, part: usize) -> uint8x16_t {
    let (parts, _) = line.0.as_chunks::<WIDTH>();
    // SAFETY: an array of 16 readable bytes, any of which may have any value.
    unsafe { vld1q_u8(parts[part].as_ptr()) }
}

/// The same bytes with a sign.
#[inline]
#[target_feature(enable = "neon")]
fn signed_bytes(line: &Line, part: usize) -> int8x16_t {
    let (parts, _) = line.0.as_chunks::<WIDTH>();
    // SAFETY: as above.
    unsafe { vld1q_s8(parts[part].as_ptr().cast::<i8>()) }
}
