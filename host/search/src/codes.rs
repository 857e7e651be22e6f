//! Rows as the scan reads them: i8 codes in whole cache lines, and what the bound needs to know of each row.

use std::collections::TryReserveError;
use std::ops::Range;

mod kept;

/// Codes in a [`Line`].
pub(crate) const LINE: usize = 64;

/// Codes are symmetric, -127 to 127: -128 would have no counterpart and buys nothing.
const CODE_MAX: f32 = 127.0;

/// Lifts a norm computed in f64 over its true value: the relative error of at most 4096 additions of squares and one
/// square root is below 10⁻¹² (see the crate's documentation).
const OVER_F64_ROUNDING: f64 = 1.0 + 1e-9;

/// One cache line of codes, so that no vector load straddles two. Codes past the dimension are zero.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Line(pub(crate) [i8; LINE]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; LINE]);
}

impl Default for Line {
    fn default() -> Self {
        Self::ZERO
    }
}

/// How a vector was coded.
pub(crate) struct Coding {
    /// The vector is approximated by `scale × codes`.
    pub(crate) scale: f32,
    /// At least the Euclidean norm of the vector less its approximation.
    pub(crate) radius: f32,
    /// Sum of the codes.
    pub(crate) sum: i32,
    /// Sum of the codes' squares.
    pub(crate) squares: i32,
}

/// Lines needed for `dim` codes.
pub(crate) fn lines_for(dim: usize) -> usize {
    dim.div_ceil(LINE)
}

/// Codes a unit vector into `lines`, which must be [`lines_for`] its dimension.
pub(crate) fn encode(unit: &[f32], lines: &mut [Line]) -> Coding {
    let peak = unit.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
    let scale = peak / CODE_MAX;
    let (mut sum, mut squares, mut residual_squares) = (0, 0, 0.0);
    lines.fill(Line::ZERO);
    for (values, line) in unit.chunks(LINE).zip(lines) {
        for (&value, code) in values.iter().zip(&mut line.0) {
            *code = nearest_code(f64::from(value) / f64::from(scale));
            // Against the code as stored: whatever rounding chose it, the residual is the true one.
            let residual = f64::from(value) - f64::from(scale) * f64::from(*code);
            residual_squares += residual * residual;
            sum += i32::from(*code);
            squares += i32::from(*code) * i32::from(*code);
        }
    }
    Coding { scale, radius: norm_above(residual_squares), sum, squares }
}

/// Rounds half away from zero, without the library call that `f64::round` is on baseline x86-64.
fn nearest_code(ratio: f64) -> i8 {
    let limit = f64::from(CODE_MAX);
    (ratio + 0.5_f64.copysign(ratio)).clamp(-limit, limit) as i8
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
    lines: Vec<Line>,
    scales: Vec<f32>,
    radii: Vec<f32>,
    biases: Vec<i32>,
}

/// Consecutive rows. The slices other than `lines` have one element per row.
#[derive(Clone, Copy)]
pub(crate) struct Block<'g> {
    /// `rows × lines_per_row`, row-major.
    pub(crate) lines: &'g [Line],
    /// At least one.
    pub(crate) lines_per_row: usize,
    /// Per row: the scale of its codes.
    pub(crate) scales: &'g [f32],
    /// Per row: at least the norm of its residual.
    pub(crate) radii: &'g [f32],
    /// Per row: 128 × the sum of its codes, what a probe biased by 128 adds to the dot product.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only VNNI wants it"))]
    pub(crate) biases: &'g [i32],
}

impl Codes {
    pub(crate) fn new(dim: usize) -> Self {
        Self {
            lines_per_row: lines_for(dim).max(1),
            lines: Vec::new(),
            scales: Vec::new(),
            radii: Vec::new(),
            biases: Vec::new(),
        }
    }

    pub(crate) fn try_reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        self.lines.try_reserve_exact(rows.saturating_mul(self.lines_per_row))?;
        self.scales.try_reserve_exact(rows)?;
        self.radii.try_reserve_exact(rows)?;
        self.biases.try_reserve_exact(rows)
    }

    /// Bytes of codes in a row.
    pub(crate) fn row_bytes(&self) -> usize {
        self.lines_per_row * LINE
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, unit: &[f32]) {
        let start = self.lines.len();
        self.lines.resize(start + self.lines_per_row, Line::ZERO);
        let coding = encode(unit, &mut self.lines[start..]);
        self.scales.push(coding.scale);
        self.radii.push(coding.radius);
        self.biases.push(128 * coding.sum);
    }

    /// Puts the last row in the place of `row`, which must exist.
    pub(crate) fn swap_remove(&mut self, row: usize) {
        vacate(&mut self.lines, row, self.lines_per_row);
        vacate(&mut self.scales, row, 1);
        vacate(&mut self.radii, row, 1);
        vacate(&mut self.biases, row, 1);
    }

    /// The rows of `range`, which must exist.
    pub(crate) fn block(&self, range: Range<usize>) -> Block<'_> {
        let width = self.lines_per_row;
        Block {
            lines: &self.lines[range.start * width..range.end * width],
            lines_per_row: width,
            scales: &self.scales[range.clone()],
            radii: &self.radii[range.clone()],
            biases: &self.biases[range],
        }
    }
}

impl<'g> Block<'g> {
    pub(crate) fn rows(&self) -> usize {
        self.scales.len()
    }

    /// The codes of each row.
    pub(crate) fn each_row(&self) -> impl Iterator<Item = &'g [Line]> {
        self.lines.chunks_exact(self.lines_per_row)
    }

    /// The largest residual radius. Bits of non-negative floats order as the floats do, and an integer maximum
    /// vectorises where a float one does not.
    pub(crate) fn widest_radius(&self) -> f32 {
        let widest = self.radii.iter().fold(0, |widest: u32, radius| widest.max(radius.to_bits()));
        f32::from_bits(widest)
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
    use crate::normalise;

    #[test]
    fn codes_are_symmetric_and_padded_with_zeros() {
        let unit = normalise(&[-3.0, 3.0, 0.1, -1.6], 4).expect("valid template");
        let mut lines = [Line([5; LINE]); 1];
        let coding = encode(&unit, &mut lines);
        assert_eq!(lines[0].0[..5], [-127, 127, 4, -68, 0]);
        assert!(lines[0].0[4..].iter().all(|&code| code == 0));
        assert_eq!(coding.sum, -64);
        assert_eq!(coding.squares, 127 * 127 * 2 + 4 * 4 + 68 * 68);
    }

    #[test]
    fn radius_is_never_below_the_residual() {
        for squares in [0.0, 1e-90, 1e-14, 2.8e-5, 0.3] {
            assert!(f64::from(norm_above(squares)) >= f64::sqrt(squares));
        }
    }

    #[test]
    fn vacated_places_hold_zeros() {
        let mut codes = Codes::new(65);
        codes.try_reserve(3).expect("a few hundred bytes");
        for sign in [1.0, -1.0, 1.0] {
            let unit = normalise(&[sign; 65], 65).expect("valid template");
            codes.push(&unit);
        }
        codes.swap_remove(0);
        assert_eq!(codes.block(0..2).each_row().count(), 2);
        assert_eq!(codes.lines[0].0, [127; LINE]);
        let vacated = &codes.lines.spare_capacity_mut()[..2];
        for line in vacated {
            // SAFETY: the third row's two lines were written here before `swap_remove` truncated the vector.
            let line = unsafe { line.assume_init() };
            assert_eq!(line.0, [0; LINE]);
        }
        let (scale, radius) = (codes.scales.spare_capacity_mut()[0], codes.radii.spare_capacity_mut()[0]);
        let bias = codes.biases.spare_capacity_mut()[0];
        // SAFETY: the third row's scale, radius and bias were written here before the same truncation.
        let left = unsafe { (scale.assume_init(), radius.assume_init(), bias.assume_init()) };
        assert_eq!(left, (0.0, 0.0, 0));
    }
}
