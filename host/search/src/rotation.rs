//! Turning templates so that no value stands out, before they are coded.
//!
//! A few directions carry most of the variance of face templates; codes with one scale a row would spend their range on
//! those. An orthogonal turn changes no dot product and spreads every vector over all its values. This one is a
//! Walsh–Hadamard transform of the values with fixed signs, in blocks whose lengths are powers of two, as randomised
//! Hadamard transforms are used before quantisation (Ailon, Chazelle, STOC 2006).

/// Where the fixed signs come from. Any number serves; codes of another one would not fit the rows of this.
const SEED: u64 = 0x6d61_6769_7374_7261;

/// The turn for templates of one dimension.
pub(crate) struct Rotation {
    /// ±1 for each value.
    signs: Vec<f64>,
}

impl Rotation {
    /// The turn for `dim` values.
    pub(crate) fn new(dim: usize) -> Self {
        let mut state = SEED;
        let signs = (0..dim).map(|_| if next(&mut state) >> 63 == 0 { 1.0 } else { -1.0 }).collect();
        Self { signs }
    }

    /// The template turned: of the same length, and with the same dot products with others, but for rounding in f64.
    pub(crate) fn turn(&self, unit: &[f32]) -> Vec<f64> {
        let mut turned: Vec<f64> = unit.iter().zip(&self.signs).map(|(&value, sign)| f64::from(value) * sign).collect();
        let mut rest = turned.as_mut_slice();
        while !rest.is_empty() {
            let block = 1 << rest.len().ilog2();
            let (block, others) = rest.split_at_mut(block);
            transform(block);
            rest = others;
        }
        turned
    }
}

/// The normalised Walsh–Hadamard transform; the length is a power of two.
fn transform(values: &mut [f64]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (values.len() as f64).sqrt();
    values.iter_mut().for_each(|value| *value *= scale);
}

/// Splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::samples::{DIMS, FAMILIES};
    use crate::template::score;
    use crate::{MAX_DIM, normalise};

    #[test]
    fn dot_products_stay_as_they_are() {
        let mut rng = StdRng::seed_from_u64(11);
        for dim in DIMS.into_iter().chain([MAX_DIM]) {
            let rotation = Rotation::new(dim);
            for family in FAMILIES {
                let units: Vec<Vec<f32>> = family
                    .templates(&mut rng, dim, 4)
                    .iter()
                    .map(|template| normalise(template, dim).expect("valid template"))
                    .collect();
                for a in &units {
                    for b in &units {
                        let (left, right) = (rotation.turn(a), rotation.turn(b));
                        let turned: f64 = left.iter().zip(&right).map(|(a, b)| a * b).sum();
                        assert!((turned - score(a, b)).abs() < 1e-12, "{family:?} {dim}");
                    }
                }
            }
        }
    }

    #[test]
    fn one_hot_value_is_spread_over_all() {
        let mut unit = vec![0.0; 512];
        unit[77] = 1.0;
        let turned = Rotation::new(512).turn(&unit);
        assert!(turned.iter().all(|value| (value.abs() - 1.0 / 512_f64.sqrt()).abs() < 1e-12));
    }
}
