//! Dot products of i8 codes: which implementation this machine runs, and the general ones.
//!
//! All of them return the exact integer, which is at most `4096 × 127²` and so fits an i32 and, on simsimd's way out,
//! an f64.

use std::sync::Once;

use simsimd::SpatialSimilarity;

use crate::bound::Probe;
use crate::codes::{Block, LINE, Line};
#[cfg(target_arch = "x86_64")]
use crate::vnni::Vnni;

/// Probes that [`Kernel::dots`] is best given at once: what the register-blocked kernel compares with a row while the
/// row is in registers.
pub(crate) const TILE: usize = 4;

/// An implementation of the scan's inner loop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    /// AVX-512 VNNI, four rows by up to four probes in registers.
    #[cfg(target_arch = "x86_64")]
    Vnni(Vnni),
    /// simsimd, one pair at a time, which picks AVX2, NEON and others for itself.
    Simsimd(Simsimd),
    /// Plain Rust: what the others are tested against, and what Miri can run.
    Portable,
}

/// Proof that simsimd has chosen its implementation. It does so on first use and without synchronisation, so the first
/// use must not be by two threads at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Simsimd(());

impl Simsimd {
    fn ready() -> Self {
        static CHOSEN: Once = Once::new();
        CHOSEN.call_once(|| {
            i8::dot(&[0], &[0]);
        });
        Self(())
    }
}

impl Kernel {
    /// The fastest one this machine can run.
    pub(crate) fn detect() -> Self {
        if cfg!(miri) {
            return Self::Portable;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(vnni) = Vnni::detect() {
                return Self::Vnni(vnni);
            }
        }
        Self::Simsimd(Simsimd::ready())
    }

    /// Dot products of each probe's codes with each row's, into `out`: `probes × rows`, row-major. The probes are of
    /// the block's dimension.
    pub(crate) fn dots(self, probes: &[Probe], block: Block<'_>, out: &mut [i32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.dots(probes, block, out),
            Self::Simsimd(_) => pair_by_pair(probes, block, out, simsimd_dot),
            Self::Portable => pair_by_pair(probes, block, out, portable_dot),
        }
    }

    /// Every implementation this machine can run.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        if cfg!(miri) {
            return vec![Self::Portable];
        }
        let mut kernels = vec![Self::Portable, Self::Simsimd(Simsimd::ready())];
        #[cfg(target_arch = "x86_64")]
        kernels.extend(Vnni::detect().map(Self::Vnni));
        kernels
    }
}

fn pair_by_pair(probes: &[Probe], block: Block<'_>, out: &mut [i32], dot: fn(&[Line], &[Line]) -> i32) {
    for (probe, out) in probes.iter().zip(out.chunks_mut(block.rows().max(1))) {
        for (row, out) in block.each_row().zip(out) {
            *out = dot(probe.codes(), row);
        }
    }
}

fn simsimd_dot(probe: &[Line], row: &[Line]) -> i32 {
    // simsimd sums in integers on every path (dot.h: i64 when serial, i32 lanes otherwise) and only then converts.
    i8::dot(flat(probe), flat(row)).expect("probe and row have the same number of lines") as i32
}

fn portable_dot(probe: &[Line], row: &[Line]) -> i32 {
    let mut sum = 0;
    for (probe, row) in probe.iter().zip(row) {
        for (&p, &c) in probe.0.iter().zip(&row.0) {
            sum += i32::from(p) * i32::from(c);
        }
    }
    sum
}

/// The codes of consecutive lines, padding included.
fn flat(lines: &[Line]) -> &[i8] {
    // SAFETY: `Line` is `repr(C)` around `[i8; LINE]`, as large as its alignment, so it has no padding and consecutive
    // lines are `LINE` consecutive i8 each; the length cannot overflow, being the slice's size in bytes.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast::<i8>(), lines.len() * LINE) }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::codes::Codes;
    use crate::samples::{DIMS, FAMILIES};
    use crate::{MAX_DIM, normalise};

    fn dots_of(kernel: Kernel, probes: &[Probe], codes: &Codes, rows: usize) -> Vec<i32> {
        let mut out = vec![i32::MIN; probes.len() * rows];
        kernel.dots(probes, codes.block(0..rows), &mut out);
        out
    }

    fn assert_kernels_agree(templates: &[Vec<f32>], dim: usize) {
        let mut codes = Codes::new(dim);
        let mut probes = Vec::new();
        for template in templates {
            let unit = normalise(template, dim).expect("valid template");
            codes.push(&unit);
            probes.push(Probe::new(unit, 1));
        }
        // Every remainder of rows and of probes, against the portable kernel.
        for rows in 0..=templates.len() {
            for count in 0..=probes.len().min(9) {
                let expected = dots_of(Kernel::Portable, &probes[..count], &codes, rows);
                for kernel in Kernel::all() {
                    let found = dots_of(kernel, &probes[..count], &codes, rows);
                    assert_eq!(found, expected, "{kernel:?} {dim} {count}×{rows}");
                }
            }
        }
    }

    #[test]
    fn kernels_agree_on_ordinary_codes() {
        let mut rng = StdRng::seed_from_u64(3);
        for dim in DIMS {
            let mut templates: Vec<Vec<f32>> = Vec::new();
            for family in FAMILIES {
                templates.extend(family.templates(&mut rng, dim, 2));
            }
            assert_kernels_agree(&templates, dim);
        }
    }

    #[test]
    fn kernels_agree_on_extreme_codes() {
        let mut rng = StdRng::seed_from_u64(4);
        for dim in [1, 63, 64, 65, 512, MAX_DIM] {
            // Equal magnitudes code as ±127 throughout.
            let mut templates: Vec<Vec<f32>> = vec![vec![1.0; dim], vec![-1.0; dim]];
            for _ in 0..5 {
                let signs = (0..dim).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 });
                templates.push(signs.collect::<Vec<f32>>());
            }
            assert_kernels_agree(&templates, dim);
        }
    }

    #[test]
    fn the_largest_dot_product_is_exact() {
        let unit = normalise(&[1.0; MAX_DIM], MAX_DIM).expect("valid template");
        let mut codes = Codes::new(MAX_DIM);
        codes.push(&unit);
        let probes = [Probe::new(unit, 1)];
        for kernel in Kernel::all() {
            assert_eq!(dots_of(kernel, &probes, &codes, 1), [4096 * 127 * 127]);
        }
    }
}
