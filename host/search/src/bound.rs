//! The bracket around a row's score, and the cheap test that dismisses rows by it. The crate's documentation has the
//! theorem and where each constant comes from.

use crate::codes::{COARSE, HALF_BIAS, Line, encode_probe, norm_above};
use crate::rotation::Rotation;

/// Above the norm of any template that [`normalise`](crate::normalise) returns, turned or not.
const NORM_CEILING: f64 = 1.0 + 1e-6;

/// Covers the f64 rounding of a score (below 5·10⁻¹³), of the turns (below 10⁻¹⁴) and of a bracket (below 10⁻¹⁴).
const SCORE_SLACK: f64 = 1e-9;

/// Covers the f32 rounding of [`Filter::keeps`], which is below 1.1·10⁻⁶.
const FILTER_SLACK: f64 = 2e-6;

/// A probe ready to be compared with rows.
pub(crate) struct Probe {
    unit: Vec<f32>,
    codes: Vec<Line>,
    scale: f32,
    norm: f32,
    sum: i32,
    margin: f64,
    limit: usize,
}

/// Where a row's score lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bracket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// The test that dismisses most rows, in f32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub(crate) scale: f32,
    pub(crate) norm: f32,
    pub(crate) cut: f32,
}

impl Filter {
    /// Whether the bracket of a row with this dot product, scale and radius may end at or above the threshold that the
    /// filter was made for.
    pub(crate) fn keeps(&self, dot: i32, scale: f32, radius: f32) -> bool {
        (dot as f32 * scale) * self.scale + radius * self.norm >= self.cut
    }
}

impl Probe {
    /// Codes a template that [`normalise`](crate::normalise) returned, for a search of `limit` hits (at least one).
    pub(crate) fn new(unit: Vec<f32>, limit: usize, rotation: &Rotation) -> Self {
        let coding = encode_probe(&rotation.turn(&unit));
        let (scale, squares) = (f64::from(coding.scale), f64::from(coding.squares));
        Self {
            unit,
            codes: coding.codes,
            scale: coding.scale,
            norm: norm_above(scale * scale * squares),
            sum: coding.sum,
            margin: f64::from(coding.radius) * NORM_CEILING + SCORE_SLACK,
            limit,
        }
    }

    /// The unit-length probe itself, not turned.
    pub(crate) fn unit(&self) -> &[f32] {
        &self.unit
    }

    /// Its codes: i8, value `i` in byte `i`.
    pub(crate) fn codes(&self) -> &[Line] {
        &self.codes
    }

    /// The sum of its codes.
    pub(crate) fn sum(&self) -> i32 {
        self.sum
    }

    /// What twice a dot product with stored halves has more than one with the halves themselves.
    pub(crate) fn half_excess(&self) -> i32 {
        HALF_BIAS * self.sum
    }

    /// What twice a dot product with bytes put together from stored halves has more than one with the codes.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn code_excess(&self) -> i32 {
        crate::codes::CODE_BIAS * self.sum
    }

    /// How many hits the search asks for.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Half the width of the bracket around a row with this residual radius.
    pub(crate) fn half_width(&self, radius: f32) -> f64 {
        f64::from(self.norm) * f64::from(radius) + self.margin
    }

    /// The bracket around the score of a row, from the dot product of the codes and the row's scale and radius.
    pub(crate) fn bracket(&self, dot: i32, scale: f32, radius: f32) -> Bracket {
        let estimate = f64::from(self.scale) * f64::from(scale) * f64::from(dot);
        let half = self.half_width(radius);
        Bracket { lower: estimate - half, upper: estimate + half }
    }

    /// Keeps every row whose bracket ends at `threshold` or above, by the dot product with its codes and its fine radius.
    pub(crate) fn filter(&self, threshold: f64) -> Filter {
        let cut = threshold - self.margin - FILTER_SLACK;
        let nearest = cut as f32;
        let cut = if f64::from(nearest) > cut { nearest.next_down() } else { nearest };
        Filter { scale: self.scale, norm: self.norm, cut }
    }

    /// The same by the dot product with a row's coarse halves and its coarse radius.
    pub(crate) fn coarse_filter(&self, threshold: f64) -> Filter {
        // A power of two: exact.
        Filter { scale: self.scale * COARSE as f32, ..self.filter(threshold) }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::codes::Codes;
    use crate::kernel::Kernel;
    use crate::samples::{DIMS, FAMILIES, uniform};
    use crate::template::score;
    use crate::{MAX_DIM, normalise};

    #[test]
    fn every_score_is_inside_its_brackets_and_the_filters_keep_it() {
        let mut rng = StdRng::seed_from_u64(1);
        for dim in DIMS.into_iter().chain([MAX_DIM]) {
            let rotation = Rotation::new(dim);
            for family in FAMILIES {
                let templates = family.templates(&mut rng, dim, 24);
                let mut codes = Codes::new(dim);
                let units: Vec<Vec<f32>> =
                    templates.iter().map(|template| normalise(template, dim).expect("valid template")).collect();
                for unit in &units {
                    codes.push(&rotation.turn(unit));
                }
                let block = codes.block(0..units.len());
                let mut dots = vec![0_i32; units.len()];
                for unit in &units {
                    let probe = Probe::new(unit.clone(), 1, &rotation);
                    Kernel::Portable.coarse_dots(std::slice::from_ref(&probe), block, &mut dots);
                    let rows: Vec<u32> = (0..units.len() as u32).collect();
                    let mut fine_dots = Vec::new();
                    Kernel::Portable.fine_dots(&probe, block, &rows, &mut fine_dots);
                    for (row, &dot) in dots.iter().enumerate() {
                        let scale = block.scales[row];
                        let exact = score(&units[row], probe.unit());
                        let fine = COARSE * dot + fine_dots[row];
                        let found = [
                            (probe.bracket(COARSE * dot, scale, block.coarse_radii[row]), true),
                            (probe.bracket(fine, scale, block.fine_radii[row]), false),
                        ];
                        for (bracket, coarse) in found {
                            assert!(
                                bracket.lower <= exact && exact <= bracket.upper,
                                "{family:?} {dim}: {bracket:?} misses {exact}"
                            );
                            let kept = if coarse {
                                probe.coarse_filter(bracket.upper).keeps(dot, scale, block.coarse_radii[row])
                            } else {
                                probe.filter(bracket.upper).keeps(fine, scale, block.fine_radii[row])
                            };
                            assert!(kept, "{family:?} {dim}: dismissed");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_filter_dismisses_what_is_well_below() {
        let unit = normalise(&[1.0, -1.0, 0.5], 3).expect("valid template");
        let probe = Probe::new(unit, 1, &Rotation::new(3));
        let bracket = probe.bracket(1000, 0.005, 0.004);
        assert!(!probe.filter(bracket.upper + 1e-5).keeps(1000, 0.005, 0.004));
        assert!(probe.filter(f64::NEG_INFINITY).keeps(-1000, 0.005, 0.004));
    }

    #[test]
    fn the_brackets_are_narrow_for_templates() {
        let mut rng = StdRng::seed_from_u64(2);
        let rotation = Rotation::new(512);
        let mut codes = Codes::new(512);
        let unit = normalise(&uniform(&mut rng, 512), 512).expect("valid template");
        codes.push(&rotation.turn(&unit));
        let probe = Probe::new(unit, 1, &rotation);
        let (coarse, fine) = (codes.widest_coarse(), codes.widest_fine());
        assert!(probe.half_width(fine) < 0.05, "{}", probe.half_width(fine));
        assert!(probe.half_width(coarse) < 0.13, "{}", probe.half_width(coarse));
    }
}
