//! Templates as this crate accepts, stores and compares them: unit-length f32 vectors, scored in f64.

use crate::TemplateError;

/// Smallest Euclidean norm a template may have before it is normalised. Embeddings have norms of 0.1 to 100; one
/// below this is a failed extraction, and its direction is rounding noise.
pub const MIN_NORM: f64 = 1e-6;

/// Checks a template of `dim` values and scales it to unit length: norm computed in f64, each component divided in
/// f64 and rounded to f32. The result's norm is within 10⁻⁶ of one.
///
/// [`Gallery`](crate::Gallery) stores and searches with exactly this vector.
///
/// # Errors
/// [`TemplateError::Dimension`], [`TemplateError::NotFinite`] or [`TemplateError::Zero`], in that order of checking.
pub fn normalise(template: &[f32], dim: usize) -> Result<Vec<f32>, TemplateError> {
    if template.len() != dim {
        return Err(TemplateError::Dimension { found: template.len(), expected: dim });
    }
    if let Some(position) = template.iter().position(|value| !value.is_finite()) {
        return Err(TemplateError::NotFinite { position });
    }
    // Squares of f32 neither overflow nor underflow in f64.
    let norm = score(template, template).sqrt();
    if norm < MIN_NORM {
        return Err(TemplateError::Zero { norm });
    }
    Ok(template.iter().map(|&value| (f64::from(value) / norm) as f32).collect())
}

/// The score: dot product in f64, in index order. Starting from +0.0 it never yields -0.0, so equal scores have equal
/// bits and ties are found by comparing either way.
pub(crate) fn score(row: &[f32], probe: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (&x, &q) in row.iter().zip(probe) {
        sum += f64::from(x) * f64::from(q);
    }
    sum
}

/// Rows scored side by side in [`scores`]: each sum waits for the one before it, and four of them fill the time.
pub(crate) const SIDE_BY_SIDE: usize = 4;

/// What [`score`] gives for each of these rows, to the bit.
pub(crate) fn scores(rows: [&[f32]; SIDE_BY_SIDE], probe: &[f32]) -> [f64; SIDE_BY_SIDE] {
    let [a, b, c, d] = rows;
    let mut sums = [0.0; SIDE_BY_SIDE];
    for ((((&q, &a), &b), &c), &d) in probe.iter().zip(a).zip(b).zip(c).zip(d) {
        let q = f64::from(q);
        sums[0] += f64::from(a) * q;
        sums[1] += f64::from(b) * q;
        sums[2] += f64::from(c) * q;
        sums[3] += f64::from(d) * q;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_the_scores_are_the_same_to_the_bit() {
        let row = |seed: u32| -> Vec<f32> {
            (0..517).map(|i| ((seed * 7919 + i * 104_729) % 2003) as f32 / 1e3 - 1.0).collect()
        };
        let (rows, probe) = ([1, 2, 3, 4].map(row), row(5));
        let found = scores(rows.each_ref().map(Vec::as_slice), &probe);
        assert_eq!(found.map(f64::to_bits), rows.map(|row| score(&row, &probe).to_bits()));
    }

    #[test]
    fn unit_length_over_the_whole_range_of_f32() {
        for size in [1e-6_f32, 1e-3, 1.0, 1e20, f32::MAX] {
            let unit = normalise(&[size, -size, size], 3).expect("valid template");
            assert!((score(&unit, &unit) - 1.0).abs() < 1e-6, "{size:e}: {unit:?}");
        }
    }

    #[test]
    fn refuses_what_has_no_direction() {
        assert_eq!(normalise(&[1.0, 0.0], 3), Err(TemplateError::Dimension { found: 2, expected: 3 }));
        assert_eq!(normalise(&[0.0, f32::NAN, f32::INFINITY], 3), Err(TemplateError::NotFinite { position: 1 }));
        assert_eq!(normalise(&[0.0; 3], 3), Err(TemplateError::Zero { norm: 0.0 }));
        assert!(matches!(normalise(&[f32::from_bits(1); 3], 3), Err(TemplateError::Zero { .. })));
        assert!(matches!(normalise(&[], 0), Err(TemplateError::Zero { .. })));
    }
}
