//! What codes of other widths would leave of a gallery: the figures of `docs/decisions/0044-how-many-bits-a-scan-reads.md`.
//!
//! `cargo test --release --workspace --lib -- --ignored --nocapture widths` prints them.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::codes::CLIP;
use crate::normalise;
use crate::rotation::Rotation;

const DIM: usize = 512;
const ROWS: usize = 100_000;
const PROBES: usize = 16;

/// The second of so many rows is about the twentieth of a million.
const RANK: usize = 2;

/// A direction as a face template has one: a few values carry most of the variance.
fn template(rng: &mut StdRng) -> Vec<f32> {
    let normal = |rng: &mut StdRng| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let values: Vec<f32> = (1..=DIM).map(|axis| (normal(rng) * (axis as f64).powf(-0.35)) as f32).collect();
    normalise(&values, DIM).expect("twelve numbers are seldom all one half")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

/// The row as codes of so many bits approximate it.
fn approximated(row: &[f64], bits: i32, cut: Option<f64>) -> Vec<f64> {
    let peak = row.iter().fold(0.0_f64, |peak, value| peak.max(value.abs()));
    let top = cut.map_or(peak, |cut| peak.min(cut * norm(row) / (row.len() as f64).sqrt()));
    let levels = 2_f64.powi(bits);
    let step = 2.0 * top / levels;
    let nearest = |value: &f64| ((value / step).floor() + 0.5).clamp(0.5 - levels / 2.0, levels / 2.0 - 0.5) * step;
    row.iter().map(nearest).collect()
}

/// Half the width of the bound on average, and how many rows of a million it does not exclude.
fn left(rows: &[Vec<f64>], probes: &[Vec<f64>], thresholds: &[f64], bits: i32, cut: Option<f64>) -> (f64, f64) {
    let each: Vec<(f64, usize)> = rows
        .par_iter()
        .map(|row| {
            let near = approximated(row, bits, cut);
            let radius = norm(&row.iter().zip(&near).map(|(row, near)| row - near).collect::<Vec<_>>());
            let kept = probes.iter().zip(thresholds).filter(|(probe, least)| dot(probe, &near) + radius >= **least);
            (radius, kept.count())
        })
        .collect();
    let n = each.len() as f64;
    let kept: usize = each.iter().map(|(_, kept)| kept).sum();
    (each.iter().map(|(radius, _)| radius).sum::<f64>() / n, kept as f64 / n / probes.len() as f64 * 1e6)
}

#[test]
#[ignore = "prints what was tried, and decides nothing"]
fn what_other_widths_would_leave() {
    let mut rng = StdRng::seed_from_u64(1);
    let rotation = Rotation::new(DIM);
    let plain = |unit: &Vec<f32>| unit.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
    let (rows, probes): (Vec<_>, Vec<_>) = {
        let mut some = |n: usize| (0..n).map(|_| template(&mut rng)).collect::<Vec<_>>();
        (some(ROWS), some(PROBES))
    };
    let forms = [
        ("as they are", rows.iter().map(plain).collect::<Vec<_>>(), probes.iter().map(plain).collect::<Vec<_>>()),
        (
            "turned",
            rows.iter().map(|row| rotation.turn(row)).collect(),
            probes.iter().map(|probe| rotation.turn(probe)).collect(),
        ),
    ];
    let thresholds: Vec<f64> = forms[0]
        .2
        .iter()
        .map(|probe| {
            let mut scores: Vec<f64> = forms[0].1.par_iter().map(|row| dot(probe, row)).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores[RANK - 1]
        })
        .collect();
    println!("codes                           bytes a row  half-width      left");
    for (form, rows, probes) in &forms {
        let three = [(3, None), (3, Some(2.8))];
        let four = [(4, None), (4, Some(2.8)), (4, Some(CLIP)), (4, Some(3.4))];
        let more = [(5, Some(2.8)), (8, Some(2.8)), (8, Some(CLIP)), (8, Some(3.4)), (8, None)];
        for (bits, cut) in three.into_iter().chain(four).chain(more) {
            let (width, left) = left(rows, probes, &thresholds, bits, cut);
            let cut = cut.map(|cut| format!(", cut at {cut}")).unwrap_or_default();
            let bytes = DIM * bits as usize / 8 + 8;
            println!("{:<31} {bytes:>11}  {width:>10.3} {left:>9.0}", format!("{bits} bits, {form}{cut}"));
        }
    }
    // Half a row read, and the other half bounded by norms.
    let (_, rows, probes) = &forms[1];
    let half = DIM / 2;
    let kept: usize = rows
        .par_iter()
        .map(|row| {
            let near = approximated(row, 4, Some(CLIP));
            let radius = norm(&row[..half].iter().zip(&near).map(|(row, near)| row - near).collect::<Vec<_>>());
            let may_be = |probe: &[f64]| {
                dot(&probe[..half], &near[..half])
                    + norm(&probe[..half]) * radius
                    + norm(&probe[half..]) * norm(&row[half..])
            };
            probes.iter().zip(&thresholds).filter(|(probe, least)| may_be(probe) >= **least).count()
        })
        .sum();
    println!("4 bits, turned, cut, half of them: {:.0} left", kept as f64 / (ROWS * PROBES) as f64 * 1e6);
}
