//! Templates for the tests: families that are hard on a filter, an order or the arithmetic.

use rand::Rng;
use rand::rngs::StdRng;

/// Dimensions around the edges of a cache line, and common ones.
pub(crate) const DIMS: [usize; 7] = [1, 3, 63, 64, 65, 128, 512];

/// A way to be hard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    /// Nothing special: directions without structure, but for a first value that keeps them off zero.
    Uniform,
    /// Each template three times over.
    Duplicates,
    /// One f32 step apart in one value.
    NearTies,
    /// All within a thousandth of one direction: the bound excludes none.
    Clustered,
    /// One value a thousand times the others, which all but vanish from the codes.
    HotDimension,
    /// Each direction and its opposite.
    Antipodal,
    /// One value of ±1 among denormals.
    Denormals,
}

pub(crate) const FAMILIES: [Family; 7] = [
    Family::Uniform,
    Family::Duplicates,
    Family::NearTies,
    Family::Clustered,
    Family::HotDimension,
    Family::Antipodal,
    Family::Denormals,
];

impl Family {
    /// `count` templates of `dim` values, seldom of unit length.
    pub(crate) fn templates(self, rng: &mut StdRng, dim: usize, count: usize) -> Vec<Vec<f32>> {
        let mut base = uniform(rng, dim);
        // In one dimension a uniform value may be too close to zero to be a template.
        base[0] = 0.75;
        (0..count).map(|i| self.template(rng, &base, i)).collect()
    }

    fn template(self, rng: &mut StdRng, base: &[f32], i: usize) -> Vec<f32> {
        let dim = base.len();
        let mut template = base.to_vec();
        match self {
            Self::Uniform => {
                template = uniform(rng, dim);
                template[0] += 1.5;
            }
            Self::Duplicates => template.rotate_left(i / 3 % dim),
            Self::NearTies => template[i % dim] = template[i % dim].next_up(),
            Self::Clustered => {
                for value in &mut template {
                    *value += rng.random_range(-1e-3_f32..1e-3);
                }
            }
            Self::HotDimension => {
                for value in &mut template {
                    *value = rng.random_range(-1e-3_f32..1e-3);
                }
                template[i % 2 % dim] = 1.0;
            }
            Self::Antipodal => {
                template.rotate_left(i / 2 % dim);
                if i % 2 == 1 {
                    template.iter_mut().for_each(|value| *value = -*value);
                }
            }
            Self::Denormals => {
                for value in &mut template {
                    *value = f32::from_bits(rng.random_range(0..0x80_0000_u32));
                }
                template[i % dim] = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            }
        }
        template
    }
}

/// `dim` values between -1 and 1.
pub(crate) fn uniform(rng: &mut StdRng, dim: usize) -> Vec<f32> {
    (0..dim).map(|_| rng.random_range(-1.0_f32..1.0)).collect()
}
