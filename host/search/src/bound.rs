//! The bracket around a row's score, and the cheap test that dismisses rows by it. The crate's documentation has the
//! theorem and where each constant comes from.

use crate::codes::{Line, encode, lines_for, norm_above};

/// Above the norm of any template that [`normalise`](crate::normalise) returns.
const NORM_CEILING: f64 = 1.0 + 1e-6;

/// Covers the f64 rounding of a score (below 5·10⁻¹³) and of a bracket (below 10⁻¹⁵).
const SCORE_SLACK: f64 = 1e-9;

/// Covers the f32 rounding of [`Probe::any_reaches`], which is below 4.4·10⁻⁷.
const FILTER_SLACK: f64 = 1e-6;

/// A probe ready to be compared with rows.
pub(crate) struct Probe {
    unit: Vec<f32>,
    codes: Vec<Line>,
    biased: Vec<Line>,
    scale: f32,
    norm: f32,
    margin: f64,
    limit: usize,
}

/// Where a row's score lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bracket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Probe {
    /// Codes a template that [`normalise`](crate::normalise) returned, for a search of `limit` hits (at least one).
    pub(crate) fn new(unit: Vec<f32>, limit: usize) -> Self {
        let mut codes = vec![Line::ZERO; lines_for(unit.len())];
        let coding = encode(&unit, &mut codes);
        // Flipping the top bit adds 128 modulo 256: codes as the unsigned bytes that `vpdpbusd` wants.
        let biased = codes.iter().map(|line| Line(line.0.map(|code| code ^ i8::MIN))).collect();
        let code_squares = f64::from(coding.squares);
        let scale = f64::from(coding.scale);
        Self {
            unit,
            codes,
            biased,
            scale: coding.scale,
            norm: norm_above(scale * scale * code_squares),
            margin: f64::from(coding.radius) * NORM_CEILING + SCORE_SLACK,
            limit,
        }
    }

    /// The unit-length probe itself.
    pub(crate) fn unit(&self) -> &[f32] {
        &self.unit
    }

    /// Its codes.
    pub(crate) fn codes(&self) -> &[Line] {
        &self.codes
    }

    /// Its codes plus 128, as the bits of unsigned bytes.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only VNNI wants it"))]
    pub(crate) fn biased(&self) -> &[Line] {
        &self.biased
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

    /// What [`any_reaches`](Self::any_reaches) compares with to keep every row whose bracket ends at `threshold` or
    /// above.
    pub(crate) fn cut(&self, threshold: f64) -> f32 {
        let cut = threshold - self.margin - FILTER_SLACK;
        let nearest = cut as f32;
        if f64::from(nearest) > cut { nearest.next_down() } else { nearest }
    }

    /// Whether the bracket of any of these rows may end at or above the threshold that `cut` was made from. No
    /// branches and no calls, so that it compiles to a few vector instructions for each handful of rows.
    pub(crate) fn any_reaches(&self, cut: f32, dots: &[i32], scales: &[f32], radii: &[f32]) -> bool {
        let (probe_scale, probe_norm) = (self.scale, self.norm);
        dots.iter().zip(scales).zip(radii).fold(false, |any, ((&dot, &scale), &radius)| {
            any | ((dot as f32 * scale) * probe_scale + radius * probe_norm >= cut)
        })
    }

    /// The same of a single row.
    pub(crate) fn reaches(&self, cut: f32, dot: i32, scale: f32, radius: f32) -> bool {
        self.any_reaches(cut, &[dot], &[scale], &[radius])
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
    fn every_score_is_inside_its_bracket_and_the_filter_keeps_it() {
        let mut rng = StdRng::seed_from_u64(1);
        for dim in DIMS.into_iter().chain([MAX_DIM]) {
            for family in FAMILIES {
                let templates = family.templates(&mut rng, dim, 24);
                let mut codes = Codes::new(dim);
                let units: Vec<Vec<f32>> =
                    templates.iter().map(|template| normalise(template, dim).expect("valid template")).collect();
                for unit in &units {
                    codes.push(unit);
                }
                let block = codes.block(0..units.len());
                let mut dots = vec![0_i32; units.len()];
                for unit in &units {
                    let probe = Probe::new(unit.clone(), 1);
                    Kernel::Portable.dots(std::slice::from_ref(&probe), block, &mut dots);
                    for (row, &dot) in dots.iter().enumerate() {
                        let (scale, radius) = (block.scales[row], block.radii[row]);
                        let bracket = probe.bracket(dot, scale, radius);
                        let exact = score(&units[row], probe.unit());
                        assert!(
                            bracket.lower <= exact && exact <= bracket.upper,
                            "{family:?} {dim}: {bracket:?} misses {exact}"
                        );
                        let cut = probe.cut(bracket.upper);
                        assert!(probe.any_reaches(cut, &[dot], &[scale], &[radius]));
                    }
                }
            }
        }
    }

    #[test]
    fn the_filter_dismisses_what_is_well_below() {
        let unit = normalise(&[1.0, -1.0, 0.5], 3).expect("valid template");
        let probe = Probe::new(unit, 1);
        let bracket = probe.bracket(1000, 0.005, 0.004);
        let cut = probe.cut(bracket.upper + 1e-5);
        assert!(!probe.any_reaches(cut, &[1000], &[0.005], &[0.004]));
        assert!(probe.any_reaches(probe.cut(f64::NEG_INFINITY), &[-1000], &[0.005], &[0.004]));
    }

    #[test]
    fn the_bracket_is_narrow_for_face_templates() {
        let mut rng = StdRng::seed_from_u64(2);
        let unit = normalise(&uniform(&mut rng, 512), 512).expect("valid template");
        let probe = Probe::new(unit, 1);
        assert!(probe.half_width(0.0053) < 0.012, "{}", probe.half_width(0.0053));
    }
}
