//! Rows as the scan reads them: codes of eight bits in two halves, and what the bound needs to know of each row.
//!
//! A code is an odd number of half steps, -255 to 255: `c = 16·h + l`, where either half is an odd number from -15 to 15, stored
//! as `(h + 15) / 2` in four bits. The coarse halves `h` of all rows lie together, and so do the fine halves `l`: a scan reads
//! four bits a value, and of the few rows that those cannot exclude the other four. No code is zero: sixteen steps are as
//! many as four bits have.

use std::collections::TryReserveError;
use std::ops::Range;

use rayon::prelude::*;

use crate::pages::enlarge;

mod kept;

/// Bytes in a [`Line`].
pub(crate) const LINE: usize = 64;

/// Values whose halves are in one line: value `j` in the low four bits of byte `j`, value `64 + j` in the high ones.
pub(crate) const SPAN: usize = 2 * LINE;

/// What the coarse half is worth in half steps of the code.
pub(crate) const COARSE: i32 = 16;

/// A half stored as `n` is `2·n` less this.
pub(crate) const HALF_BIAS: i32 = 15;

/// A code whose halves are put together as `16·high + low = n` is `2·n` less this.
pub(crate) const CODE_BIAS: i32 = (COARSE + 1) * HALF_BIAS;

/// Half steps on either side of zero.
const HALF_STEPS: f64 = 256.0;

/// Values above so many times the root of a row's mean square get the last code: narrower steps serve all others. Turned
/// templates are as good as normal: of those 2.8 leaves the least coarse residual, and this a twentieth more, but a fine one of
/// three fifths, by which thresholds are as much higher and rows that are scored a third as many.
pub(crate) const CLIP: f64 = 3.1;

/// Sums of squares that are added up side by side: each addition waits for the one before it.
const SUMS: usize = 8;

/// Codes of probes are not halved: -127 to 127.
const PROBE_MAX: f64 = 127.0;

/// Lifts a norm computed in f64 over its true value: the relative error of at most 4096 additions of squares and one
/// square root is below 10⁻¹² (see the crate's documentation).
const OVER_F64_ROUNDING: f64 = 1.0 + 1e-9;

/// One cache line, so that no vector load straddles two.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Line(pub(crate) [u8; LINE]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; LINE]);
}

impl Default for Line {
    fn default() -> Self {
        Self::ZERO
    }
}

/// Lines needed for one half of `dim` codes.
pub(crate) fn lines_for(dim: usize) -> usize {
    dim.div_ceil(SPAN).max(1)
}

/// How a probe was coded.
pub(crate) struct ProbeCoding {
    /// Its codes, i8, value `i` in byte `i`; twice [`lines_for`] lines, zero past the dimension.
    pub(crate) codes: Vec<Line>,
    /// The probe is approximated by `scale × codes`.
    pub(crate) scale: f32,
    /// At least the norm of the probe less its approximation.
    pub(crate) radius: f32,
    /// Sum of the codes.
    pub(crate) sum: i32,
    /// Sum of the codes' squares.
    pub(crate) squares: i32,
}

/// Codes a turned probe.
pub(crate) fn encode_probe(turned: &[f64]) -> ProbeCoding {
    let mut codes = vec![Line::ZERO; 2 * lines_for(turned.len())];
    let peak = peak(turned);
    let scale = (peak / PROBE_MAX) as f32;
    let (mut sum, mut squares, mut residual_squares) = (0, 0, 0.0);
    for (values, line) in turned.chunks(LINE).zip(&mut codes) {
        for (&value, byte) in values.iter().zip(&mut line.0) {
            let code = nearest(value, scale, PROBE_MAX);
            let residual = value - f64::from(scale) * f64::from(code);
            residual_squares += residual * residual;
            sum += code;
            squares += code * code;
            // As the bits of an i8.
            *byte = code as u8;
        }
    }
    ProbeCoding { codes, scale, radius: norm_above(residual_squares), sum, squares }
}

/// What the bound needs to know of a row.
struct RowCoding {
    scale: f32,
    /// At least the norm of the row less `scale × 16 × its coarse halves`.
    coarse_radius: f32,
    /// At least the norm of the row less `scale × its codes`.
    fine_radius: f32,
}

/// Codes a turned row into [`lines_for`] its dimension lines of either half.
fn encode_row(turned: &[f64], coarse: &mut [Line], fine: &mut [Line]) -> RowCoding {
    let mean_square = turned.iter().map(|value| value * value).sum::<f64>() / turned.len().max(1) as f64;
    let scale = (peak(turned).min(CLIP * mean_square.sqrt()) / HALF_STEPS) as f32;
    let (step, per_place) = (f64::from(scale), 0.5 / f64::from(scale));
    let (mut coarse_squares, mut fine_squares) = ([0.0; SUMS], [0.0; SUMS]);
    for ((values, coarse), fine) in turned.chunks(SPAN).zip(coarse).zip(fine) {
        // Past the dimension the probe has zeros: what stands there counts for nothing.
        let mut places = [0_u8; SPAN];
        for (place, &value) in places.iter_mut().zip(values) {
            *place = place_at(value * per_place);
        }
        for (i, (&place, &value)) in places.iter().zip(values).enumerate() {
            let place = i32::from(place);
            // Against the codes as stored: whatever rounding chose them, the residuals are the true ones.
            let of_coarse = value - step * f64::from(COARSE * (2 * (place / COARSE) - HALF_BIAS));
            let of_fine = value - step * f64::from(2 * place - CODE_BIAS);
            coarse_squares[i % SUMS] += of_coarse * of_coarse;
            fine_squares[i % SUMS] += of_fine * of_fine;
        }
        let (first, second) = places.split_at(LINE);
        for (i, (&first, &second)) in first.iter().zip(second).enumerate() {
            coarse.0[i] = (first >> 4) | (second & 0xf0);
            fine.0[i] = (first & 0x0f) | (second << 4);
        }
    }
    RowCoding {
        scale,
        coarse_radius: norm_above(coarse_squares.iter().sum()),
        fine_radius: norm_above(fine_squares.iter().sum()),
    }
}

fn peak(turned: &[f64]) -> f64 {
    turned.iter().fold(0.0_f64, |peak, value| peak.max(value.abs()))
}

/// The number of the code whose two half steps a value lies in, by how many times two half steps the value is; the outermost ones
/// reach on.
fn place_at(steps: f64) -> u8 {
    // Cutting off is rounding down, where nothing is negative.
    (steps + HALF_STEPS / 2.0).clamp(0.0, HALF_STEPS - 1.0) as u8
}

/// Rounds half away from zero, without the library call that `f64::round` is on baseline x86-64.
fn nearest(value: f64, scale: f32, most: f64) -> i32 {
    let ratio = value / f64::from(scale);
    (ratio + 0.5_f64.copysign(ratio)).clamp(-most, most) as i32
}

/// An f32 no smaller than the norm whose square was summed in f64.
pub(crate) fn norm_above(squares: f64) -> f32 {
    let norm = squares.sqrt() * OVER_F64_ROUNDING;
    let nearest = norm as f32;
    if f64::from(nearest) < norm { nearest.next_up() } else { nearest }
}

/// The codes of all rows, in row order.
pub(crate) struct Codes {
    lines_per_row: usize,
    coarse: Vec<Line>,
    fine: Vec<Line>,
    scales: Vec<f32>,
    coarse_radii: Vec<f32>,
    fine_radii: Vec<f32>,
    /// At least every row's radius, coarse and fine; removed rows may still count.
    widest: (f32, f32),
}

/// Consecutive rows. `coarse` and `fine` are `rows × lines_per_row`, row-major; the others have one element per row.
#[derive(Clone, Copy)]
pub(crate) struct Block<'g> {
    pub(crate) coarse: &'g [Line],
    pub(crate) fine: &'g [Line],
    /// At least one.
    pub(crate) lines_per_row: usize,
    /// Per row: the scale of its codes.
    pub(crate) scales: &'g [f32],
    /// Per row: at least the norm of what its coarse halves leave.
    pub(crate) coarse_radii: &'g [f32],
    /// Per row: at least the norm of what its codes leave.
    pub(crate) fine_radii: &'g [f32],
}

impl Codes {
    pub(crate) fn new(dim: usize) -> Self {
        Self {
            lines_per_row: lines_for(dim),
            coarse: Vec::new(),
            fine: Vec::new(),
            scales: Vec::new(),
            coarse_radii: Vec::new(),
            fine_radii: Vec::new(),
            widest: (0.0, 0.0),
        }
    }

    /// Makes room for so many more rows. What is not used of it takes no memory.
    pub(crate) fn try_reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        let lines = rows.saturating_mul(self.lines_per_row);
        self.coarse.try_reserve_exact(lines)?;
        self.fine.try_reserve_exact(lines)?;
        enlarge(&mut self.coarse);
        enlarge(&mut self.fine);
        self.scales.try_reserve_exact(rows)?;
        self.coarse_radii.try_reserve_exact(rows)?;
        self.fine_radii.try_reserve_exact(rows)
    }

    /// How many rows there is room for before anything has to be moved.
    pub(crate) fn room(&self) -> usize {
        let lines = self.coarse.capacity().min(self.fine.capacity());
        let numbers = [&self.scales, &self.coarse_radii, &self.fine_radii].map(Vec::capacity);
        numbers.into_iter().fold(lines / self.lines_per_row, usize::min)
    }

    /// Bytes of one half of a row's codes.
    pub(crate) fn half_bytes(&self) -> usize {
        self.lines_per_row * LINE
    }

    /// Bytes that a scan reads of every row.
    pub(crate) fn scan_bytes(&self) -> usize {
        size_of_val(self.coarse.as_slice())
            + size_of_val(self.scales.as_slice())
            + size_of_val(self.coarse_radii.as_slice())
    }

    /// Appends a turned row.
    pub(crate) fn push(&mut self, turned: &[f64]) {
        let start = self.coarse.len();
        lengthen(&mut self.coarse, self.lines_per_row);
        lengthen(&mut self.fine, self.lines_per_row);
        let coding = encode_row(turned, &mut self.coarse[start..], &mut self.fine[start..]);
        self.know(&coding);
    }

    /// Appends turned rows, which are coded side by side.
    pub(crate) fn extend(&mut self, turned: &[Vec<f64>]) {
        let (start, width) = (self.coarse.len(), self.lines_per_row);
        lengthen(&mut self.coarse, turned.len() * width);
        lengthen(&mut self.fine, turned.len() * width);
        let coarse = self.coarse[start..].par_chunks_exact_mut(width);
        let fine = self.fine[start..].par_chunks_exact_mut(width);
        let rows = turned.par_iter().zip(coarse).zip(fine);
        let codings: Vec<RowCoding> = rows.map(|((turned, coarse), fine)| encode_row(turned, coarse, fine)).collect();
        codings.iter().for_each(|coding| self.know(coding));
    }

    /// Appends rows that are coded already, of as many values.
    pub(crate) fn append(&mut self, coded: &Self) {
        let start = self.coarse.len();
        lengthen(&mut self.coarse, coded.coarse.len());
        lengthen(&mut self.fine, coded.fine.len());
        self.coarse[start..].copy_from_slice(&coded.coarse);
        self.fine[start..].copy_from_slice(&coded.fine);
        self.scales.extend_from_slice(&coded.scales);
        self.coarse_radii.extend_from_slice(&coded.coarse_radii);
        self.fine_radii.extend_from_slice(&coded.fine_radii);
        let (coarse, fine) = self.widest;
        self.widest = (coarse.max(coded.widest.0), fine.max(coded.widest.1));
    }

    fn know(&mut self, coding: &RowCoding) {
        self.scales.push(coding.scale);
        self.coarse_radii.push(coding.coarse_radius);
        self.fine_radii.push(coding.fine_radius);
        let (coarse, fine) = self.widest;
        self.widest = (coarse.max(coding.coarse_radius), fine.max(coding.fine_radius));
    }

    /// Puts the last row in the place of `row`, which must exist.
    pub(crate) fn swap_remove(&mut self, row: usize) {
        vacate(&mut self.coarse, row, self.lines_per_row);
        vacate(&mut self.fine, row, self.lines_per_row);
        vacate(&mut self.scales, row, 1);
        vacate(&mut self.coarse_radii, row, 1);
        vacate(&mut self.fine_radii, row, 1);
    }

    /// At least every row's coarse radius.
    pub(crate) fn widest_coarse(&self) -> f32 {
        self.widest.0
    }

    /// At least every row's fine radius.
    pub(crate) fn widest_fine(&self) -> f32 {
        self.widest.1
    }

    /// The rows of `range`, which must exist.
    pub(crate) fn block(&self, range: Range<usize>) -> Block<'_> {
        let width = self.lines_per_row;
        let lines = range.start * width..range.end * width;
        Block {
            coarse: &self.coarse[lines.clone()],
            fine: &self.fine[lines],
            lines_per_row: width,
            scales: &self.scales[range.clone()],
            coarse_radii: &self.coarse_radii[range.clone()],
            fine_radii: &self.fine_radii[range],
        }
    }
}

impl<'g> Block<'g> {
    pub(crate) fn rows(&self) -> usize {
        self.scales.len()
    }

    /// The coarse halves of a row.
    pub(crate) fn coarse_of(&self, row: usize) -> &'g [Line] {
        &self.coarse[row * self.lines_per_row..][..self.lines_per_row]
    }

    /// The fine halves of a row.
    pub(crate) fn fine_of(&self, row: usize) -> &'g [Line] {
        &self.fine[row * self.lines_per_row..][..self.lines_per_row]
    }
}

/// Appends so many lines of zeros, on large pages.
fn lengthen(halves: &mut Vec<Line>, lines: usize) {
    let room = halves.capacity();
    halves.resize(halves.len() + lines, Line::ZERO);
    if halves.capacity() != room {
        enlarge(halves);
    }
}

/// Removes `row` from a row-major matrix of `width` values a row by moving the last row there, and zeroes the place
/// the last row leaves before giving it up: a purged template must not linger behind the end of a vector.
pub(crate) fn vacate<T: Copy + Default>(values: &mut Vec<T>, row: usize, width: usize) {
    let last = values.len() - width;
    values.copy_within(last.., row * width);
    values[last..].fill(T::default());
    values.truncate(last);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value `i` of a line of halves.
    fn half(line: &Line, i: usize) -> i32 {
        let byte = line.0[i % LINE];
        2 * i32::from(if i < LINE { byte & 0x0f } else { byte >> 4 }) - HALF_BIAS
    }

    #[test]
    fn codes_are_symmetric_and_halved_and_cut_off_what_is_rare() {
        let mut turned: Vec<f64> = (0..130).map(|i| if i % 2 == 0 { 0.25 } else { -0.25 }).collect();
        let (mut coarse, mut fine) = ([Line::ZERO; 2], [Line::ZERO; 2]);
        let mut code = |turned: &[f64], i: usize| {
            let coding = encode_row(turned, &mut coarse, &mut fine);
            let code = COARSE * half(&coarse[i / SPAN], i % SPAN) + half(&fine[i / SPAN], i % SPAN);
            let left = turned[i] - f64::from(coding.scale) * f64::from(code);
            (code, left.abs() <= f64::from(coding.scale) * (1.0 + 1e-6), coding.fine_radius < coding.coarse_radius)
        };
        assert_eq!([0, 1, 64, 129].map(|i| code(&turned, i)), [255, -255, 255, -255].map(|code| (code, true, true)));
        (turned[1], turned[64], turned[129]) = (0.1, -0.01, 0.0);
        assert_eq!([0, 1, 64, 129].map(|i| code(&turned, i)), [255, 103, -11, 1].map(|code| (code, true, true)));
        turned[129] = -1.5;
        assert_eq!(code(&turned, 129), (-255, false, true));
    }

    #[test]
    fn a_probe_has_codes_of_a_byte() {
        let coding = encode_probe(&[-0.6, 0.6, 0.02, -0.32]);
        let codes: Vec<i8> = coding.codes[0].0[..5].iter().map(|&byte| byte as i8).collect();
        assert_eq!(codes, [-127, 127, 4, -68, 0]);
        assert_eq!((coding.sum, coding.squares), (-64, 127 * 127 * 2 + 4 * 4 + 68 * 68));
        assert_eq!(coding.codes.len(), 2);
    }

    #[test]
    fn radius_is_never_below_the_residual() {
        for squares in [0.0, 1e-90, 1e-14, 2.8e-5, 0.3] {
            assert!(f64::from(norm_above(squares)) >= f64::sqrt(squares));
        }
    }

    #[test]
    fn vacated_places_hold_zeros() {
        let mut codes = Codes::new(130);
        codes.try_reserve(3).expect("a few hundred bytes");
        for sign in [1.0, -1.0, 1.0] {
            codes.push(&[sign / 130_f64.sqrt(); 130]);
        }
        codes.swap_remove(0);
        assert_eq!(codes.block(0..2).rows(), 2);
        assert_eq!(half(&codes.block(0..1).coarse_of(0)[0], 0), 15);
        for half in [&mut codes.coarse, &mut codes.fine] {
            for line in &half.spare_capacity_mut()[..2] {
                // SAFETY: the third row's two lines were written here before `swap_remove` truncated the vector.
                let line = unsafe { line.assume_init() };
                assert_eq!(line.0, [0; LINE]);
            }
        }
        for values in [&mut codes.scales, &mut codes.coarse_radii, &mut codes.fine_radii] {
            let left = values.spare_capacity_mut()[0];
            // SAFETY: the third row's value was written here before the same truncation.
            assert_eq!(unsafe { left.assume_init() }.to_bits(), 0);
        }
    }
}
