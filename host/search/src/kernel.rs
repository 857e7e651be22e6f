//! The scan's inner loops: which implementation this machine runs, and the general ones.
//!
//! All of them return the exact integers, which are at most `4096 × 127 × 255` and so fit an i32 and, halved on simsimd's
//! way out, an f64.

use std::sync::Once;

use simsimd::SpatialSimilarity;

#[cfg(target_arch = "x86_64")]
use crate::avx2::Avx2;
use crate::bound::{Filter, Probe};
use crate::codes::{Block, COARSE, HALF_BIAS, LINE, Line};
#[cfg(target_arch = "aarch64")]
use crate::neon::Neon;
#[cfg(target_arch = "x86_64")]
use crate::vnni::Vnni;

/// Probes that the loops are best given at once: what a kernel compares with rows while those are in registers, or in the
/// nearest cache.
pub(crate) const TILE: usize = 4;

/// Rows tested together before any is looked at singly, where the test is left to the compiler to vectorise.
const STRIDE: usize = 64;

/// An implementation of the scan's inner loops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    /// AVX-512 VNNI, four rows by up to four probes in registers.
    #[cfg(target_arch = "x86_64")]
    Vnni(Vnni),
    /// AVX2, a row's halves by up to four probes in registers, and four rows of whole codes by one.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// NEON, in the same way.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// simsimd, one pair of whole codes at a time, which picks an implementation for itself.
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
        Self::all().pop().unwrap_or(Self::Portable)
    }

    /// What it is called: the instructions, or the library.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(_) => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Simsimd(_) => "simsimd",
            Self::Portable => "portable",
        }
    }

    /// Whether so many probes are better compared with the coarse halves first.
    pub(crate) fn halves_first(self, probes: usize) -> bool {
        probes < self.together()
    }

    /// Probes from which on a pass reads all eight bits of every code, and puts them together once for all probes: that is
    /// then cheaper than looking at survivors again.
    fn together(self) -> usize {
        match self {
            // Two multiplications for every 32 whole codes, and little more than one for as many halves. What is saved on
            // survivors makes up for it late.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 32,
            // simsimd has no kernel for halves.
            Self::Simsimd(_) => 0,
            // VNNI compares whole codes as fast as halves; NEON multiplies as often for both, which is counted and not measured.
            _ => 8,
        }
    }

    /// Dot products of each probe's codes with each row's coarse halves, into `out`: `probes × rows`, row-major. The
    /// probes are of the block's dimension.
    pub(crate) fn coarse_dots(self, probes: &[Probe], block: Block<'_>, out: &mut [i32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.coarse_dots(probes, block, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.coarse_dots(probes, block, out),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(neon) => neon.coarse_dots(probes, block, out),
            _ => {
                for (probe, out) in probes.iter().zip(out.chunks_mut(block.rows().max(1))) {
                    for (row, out) in out.iter_mut().enumerate() {
                        *out = half_dot(probe.codes(), block.coarse_of(row));
                    }
                }
            }
        }
    }

    /// Dot products of a probe's codes with the fine halves of these rows of the block, into `out`.
    pub(crate) fn fine_dots(self, probe: &Probe, block: Block<'_>, rows: &[u32], out: &mut Vec<i32>) {
        out.clear();
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.fine_dots(probe, block, rows, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.fine_dots(probe, block, rows, out),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(neon) => neon.fine_dots(probe, block, rows, out),
            _ => out.extend(rows.iter().map(|row| half_dot(probe.codes(), block.fine_of(*row as usize)))),
        }
    }

    /// Has the fine halves of a row brought into the cache, and the radius that they leave, where that can be asked for.
    pub(crate) fn fetch_fine(self, block: Block<'_>, row: usize) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => {
                vnni.fetch_numbers(&block.fine_radii[row..=row]);
                vnni.fetch(block.fine_of(row));
            }
            _ => {
                let _nobody_asks_for = (block, row);
            }
        }
    }

    /// Has what the bound needs to know of the block's rows brought into the cache, where that can be asked for: a block is too
    /// short for the hardware to see a stream in it.
    pub(crate) fn fetch_numbers(self, block: Block<'_>, radii: &[f32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => [block.scales, radii].into_iter().for_each(|numbers| vnni.fetch_numbers(numbers)),
            _ => {
                let _nobody_asks_for = (block, radii);
            }
        }
    }

    /// Puts the codes of the block's rows together from their halves, for [`dots`](Self::dots) of the same kernel:
    /// `rows × 2·lines_per_row` lines.
    pub(crate) fn unite(self, block: Block<'_>, out: &mut [Line]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.unite(block, out),
            _ => unite(block, out),
        }
    }

    /// Dot products of each probe's codes with the codes of each row, united by the same kernel, into `out`: `probes ×
    /// rows`, row-major.
    pub(crate) fn dots(self, probes: &[Probe], united: &[Line], out: &mut [i32]) {
        let Some(width) = probes.first().map(|probe| probe.codes().len()) else { return };
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.dots(probes, united, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.dots(probes, united, out),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(neon) => neon.dots(probes, united, out),
            Self::Simsimd(_) => pair_by_pair(probes, united, width, out, simsimd_dot),
            Self::Portable => pair_by_pair(probes, united, width, out, portable_dot),
        }
    }

    /// Appends to `out` the numbers of the rows that the filter keeps; the slices have one element per row.
    pub(crate) fn survivors(self, filter: Filter, dots: &[i32], scales: &[f32], radii: &[f32], out: &mut Vec<u32>) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(vnni) => vnni.survivors(filter, dots, scales, radii, out),
            _ => survivors(filter, dots, scales, radii, out),
        }
    }

    /// Every implementation this machine can run, the slowest first.
    pub(crate) fn all() -> Vec<Self> {
        if cfg!(miri) {
            return vec![Self::Portable];
        }
        let mut kernels = vec![Self::Portable, Self::Simsimd(Simsimd::ready())];
        #[cfg(target_arch = "x86_64")]
        kernels.extend(Avx2::detect().map(Self::Avx2));
        #[cfg(target_arch = "x86_64")]
        kernels.extend(Vnni::detect().map(Self::Vnni));
        #[cfg(target_arch = "aarch64")]
        kernels.extend(Neon::detect().map(Self::Neon));
        kernels
    }
}

fn half_dot(probe: &[Line], halves: &[Line]) -> i32 {
    let mut sum = 0;
    for (probe, halves) in probe.chunks_exact(2).zip(halves) {
        for ((&low, &high), &pair) in probe[0].0.iter().zip(&probe[1].0).zip(&halves.0) {
            sum += i32::from(low as i8) * (2 * i32::from(pair & 0x0f) - HALF_BIAS);
            sum += i32::from(high as i8) * (2 * i32::from(pair >> 4) - HALF_BIAS);
        }
    }
    sum
}

/// What an i8 has less than the byte that is put together from two stored halves.
const BYTE_BIAS: i32 = 128;

/// As i8, which is what all kernels but that of VNNI compare: a code is twice that and one.
fn unite(block: Block<'_>, out: &mut [Line]) {
    let code = |coarse: u8, fine: u8| (COARSE * i32::from(coarse) + i32::from(fine) - BYTE_BIAS) as u8;
    for ((coarse, fine), out) in block.coarse.iter().zip(block.fine).zip(out.chunks_exact_mut(2)) {
        for i in 0..LINE {
            out[0].0[i] = code(coarse.0[i] & 0x0f, fine.0[i] & 0x0f);
            out[1].0[i] = code(coarse.0[i] >> 4, fine.0[i] >> 4);
        }
    }
}

fn pair_by_pair(probes: &[Probe], united: &[Line], width: usize, out: &mut [i32], dot: fn(&[Line], &[Line]) -> i32) {
    let rows = united.len() / width;
    for (probe, out) in probes.iter().zip(out.chunks_mut(rows.max(1))) {
        for (row, out) in united.chunks_exact(width).zip(out) {
            *out = 2 * dot(probe.codes(), row) + probe.sum();
        }
    }
}

fn simsimd_dot(probe: &[Line], row: &[Line]) -> i32 {
    // simsimd sums in integers on every path (dot.h: i64 when serial, i32 lanes otherwise) and only then converts.
    i8::dot(flat(probe), flat(row)).expect("probe and row have the same number of lines") as i32
}

fn portable_dot(probe: &[Line], row: &[Line]) -> i32 {
    flat(probe).iter().zip(flat(row)).map(|(&p, &c)| i32::from(p) * i32::from(c)).sum()
}

/// Most strides have no survivor, and whether one has compiles to a few vector instructions.
fn survivors(filter: Filter, dots: &[i32], scales: &[f32], radii: &[f32], out: &mut Vec<u32>) {
    let strides = dots.chunks(STRIDE).zip(scales.chunks(STRIDE)).zip(radii.chunks(STRIDE));
    for (first, ((dots, scales), radii)) in (0_u32..).step_by(STRIDE).zip(strides) {
        let rows = || dots.iter().zip(scales).zip(radii);
        if rows().fold(false, |any, ((&dot, &scale), &radius)| any | filter.keeps(dot, scale, radius)) {
            let kept =
                (first..).zip(rows()).filter(|(_, ((dot, scale), radius))| filter.keeps(**dot, **scale, **radius));
            out.extend(kept.map(|(row, _)| row));
        }
    }
}

/// The codes of consecutive lines, padding included.
fn flat(lines: &[Line]) -> &[i8] {
    // SAFETY: `Line` is `repr(C)` around `[u8; LINE]`, as large as its alignment, so it has no padding and consecutive
    // lines are `LINE` consecutive bytes each, any of which is an i8; the length cannot overflow, being the slice's size
    // in bytes.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast::<i8>(), lines.len() * LINE) }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::codes::Codes;
    use crate::rotation::Rotation;
    use crate::samples::{DIMS, FAMILIES};
    use crate::{MAX_DIM, normalise};

    /// What a kernel makes of these probes and rows: coarse dots, fine dots, dots.
    fn found(kernel: Kernel, probes: &[Probe], codes: &Codes, rows: usize) -> [Vec<i32>; 3] {
        let block = codes.block(0..rows);
        let mut coarse = vec![i32::MIN; probes.len() * rows];
        kernel.coarse_dots(probes, block, &mut coarse);
        // All rows, in an order in which neighbours are seldom together.
        let order: Vec<u32> =
            (0..rows as u32).rev().step_by(2).chain((0..rows as u32).rev().skip(1).step_by(2)).collect();
        let mut fine = vec![i32::MIN; probes.len() * rows];
        let mut dots = Vec::new();
        for (probe, fine) in probes.iter().zip(fine.chunks_mut(rows.max(1))) {
            kernel.fine_dots(probe, block, &order, &mut dots);
            order.iter().zip(&dots).for_each(|(row, dot)| fine[*row as usize] = *dot);
        }
        let mut united = vec![Line::ZERO; 2 * block.coarse.len()];
        kernel.unite(block, &mut united);
        let mut dots = vec![i32::MIN; probes.len() * rows];
        kernel.dots(probes, &united, &mut dots);
        [coarse, fine, dots]
    }

    fn assert_kernels_agree(templates: &[Vec<f32>], dim: usize) {
        let rotation = Rotation::new(dim);
        let mut codes = Codes::new(dim);
        let mut probes = Vec::new();
        for template in templates {
            let unit = normalise(template, dim).expect("valid template");
            codes.push(&rotation.turn(&unit));
            probes.push(Probe::new(unit, 1, &rotation));
        }
        // Every remainder of rows and of probes, against the portable kernel.
        for rows in 0..=templates.len() {
            for count in 0..=probes.len().min(9) {
                let expected = found(Kernel::Portable, &probes[..count], &codes, rows);
                let [coarse, fine, dots] = &expected;
                let whole: Vec<i32> = coarse.iter().zip(fine).map(|(high, low)| COARSE * high + low).collect();
                assert_eq!(whole, *dots, "the halves make the whole, {dim} {count}×{rows}");
                for kernel in Kernel::all() {
                    assert_eq!(
                        found(kernel, &probes[..count], &codes, rows),
                        expected,
                        "{kernel:?} {dim} {count}×{rows}"
                    );
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
            let mut templates: Vec<Vec<f32>> = vec![vec![1.0; dim], vec![-1.0; dim]];
            for hot in [0, dim / 2, dim - 1] {
                // One value of ±1 is turned into equal magnitudes, which code as ±255 throughout.
                let mut template = vec![0.0; dim];
                template[hot] = if rng.random::<bool>() { 1.0 } else { -1.0 };
                templates.push(template);
            }
            assert_kernels_agree(&templates, dim);
        }
    }

    #[test]
    fn the_largest_dot_products_are_exact() {
        let rotation = Rotation::new(MAX_DIM);
        let mut codes = Codes::new(MAX_DIM);
        let mut probes = Vec::new();
        // Four rows and one, four probes and one. A product is the largest one way or the other.
        let signs = [1.0, -1.0, -1.0, 1.0, -1.0];
        for sign in signs {
            let mut hot = vec![0.0; MAX_DIM];
            hot[5] = sign;
            codes.push(&rotation.turn(&hot));
            probes.push(Probe::new(hot, 1, &rotation));
        }
        let products = |of_each: i32| -> Vec<i32> {
            let by = |probe: f32| signs.map(|row| if row == probe { 4096 * of_each } else { -4096 * of_each });
            signs.into_iter().flat_map(by).collect()
        };
        let expected = [products(127 * 15), products(127 * 15), products(127 * 255)];
        for kernel in Kernel::all() {
            assert_eq!(found(kernel, &probes, &codes, signs.len()), expected, "{kernel:?}");
        }
    }

    #[test]
    fn kernels_agree_on_survivors() {
        let mut rng = StdRng::seed_from_u64(5);
        for rows in [0, 1, 15, 16, 17, 63, 64, 65, 200] {
            let dots: Vec<i32> = (0..rows).map(|_| rng.random_range(-6_000_000..6_000_000)).collect();
            let scales: Vec<f32> = (0..rows).map(|_| rng.random_range(1e-4_f32..1e-2)).collect();
            let radii: Vec<f32> = (0..rows).map(|_| rng.random_range(0.0_f32..0.2)).collect();
            for cut in [f32::NEG_INFINITY, -1.0, 0.0, 10.0, 200.0, f32::INFINITY] {
                let filter = Filter { scale: 0.004, norm: 1.1, cut };
                let expected: Vec<u32> = (0_u32..)
                    .zip(dots.iter().zip(&scales).zip(&radii))
                    .filter(|(_, ((dot, scale), radius))| filter.keeps(**dot, **scale, **radius))
                    .map(|(row, _)| row)
                    .collect();
                for kernel in Kernel::all() {
                    let mut kept = vec![7];
                    kernel.survivors(filter, &dots, &scales, &radii, &mut kept);
                    assert_eq!(kept[1..], expected, "{kernel:?} {rows} {cut}");
                }
            }
        }
    }
}
