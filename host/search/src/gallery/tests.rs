//! Searches against a brute force in f64, over galleries made to mislead.

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::samples::{DIMS, FAMILIES, Family, uniform};

/// An id and the template enrolled under it.
pub(super) type Row = (String, Vec<f32>);

/// Ids in an order unrelated to the rows'.
pub(super) fn with_ids(templates: Vec<Vec<f32>>) -> Vec<Row> {
    let id = |i: usize| format!("subject-{:07}", i * 7_919 % 1_000_003);
    templates.into_iter().enumerate().map(|(i, template)| (id(i), template)).collect()
}

pub(super) fn gallery_of(rows: &[Row], dim: usize) -> Gallery {
    let mut gallery = Gallery::new(dim).expect("valid dimension");
    for (id, template) in rows {
        gallery.insert(id, template).expect("valid template");
    }
    gallery
}

/// All rows by descending score, then ascending id, with the bits of the score.
pub(super) fn brute_force(rows: &[Row], probe: &[f32]) -> Vec<(String, u64)> {
    let dim = probe.len();
    let probe = normalise(probe, dim).expect("valid probe");
    let mut scored: Vec<(f64, &str)> = Vec::new();
    for (id, template) in rows {
        let unit = normalise(template, dim).expect("valid template");
        let mut sum = 0.0;
        for (&x, &q) in unit.iter().zip(&probe) {
            sum += f64::from(x) * f64::from(q);
        }
        scored.push((sum, id.as_str()));
    }
    scored.sort_by(|a, b| b.0.partial_cmp(&a.0).expect("scores are numbers").then(a.1.cmp(b.1)));
    scored.iter().map(|&(score, id)| (id.to_owned(), score.to_bits())).collect()
}

pub(super) fn found(answer: &Answer) -> Vec<(String, u64)> {
    let hits = answer.hits.iter();
    hits.map(|hit| (hit.id.to_string(), hit.score.to_bits())).collect()
}

fn assert_exact(gallery: &Gallery, rows: &[Row], probe: &[f32], limits: &[usize], what: &str) {
    assert_finds(gallery, &brute_force(rows, probe), probe, limits, what);
}

/// The same where it is known already what there is to find.
fn assert_finds(gallery: &Gallery, truth: &[(String, u64)], probe: &[f32], limits: &[usize], what: &str) {
    for &k in limits {
        let answer = gallery.search(probe, k).expect("valid probe");
        let expected = &truth[..k.min(truth.len())];
        assert_eq!(found(&answer), expected, "{what}, k = {k}, {:?}", gallery.kernel);
        assert!(answer.certificate.rows_reranked >= answer.hits.len() as u64);
    }
}

fn negated(template: &[f32]) -> Vec<f32> {
    template.iter().map(|value| -value).collect()
}

#[test]
fn equals_the_brute_force_on_every_family_dimension_and_kernel() {
    let mut rng = StdRng::seed_from_u64(11);
    for dim in DIMS {
        for family in FAMILIES {
            let rows = with_ids(family.templates(&mut rng, dim, 130));
            let mut gallery = gallery_of(&rows, dim);
            let probes = [
                Family::Uniform.templates(&mut rng, dim, 1).remove(0),
                family.templates(&mut rng, dim, 2).remove(1),
                rows[0].1.clone(),
                negated(&rows[7].1),
            ];
            for kernel in Kernel::all() {
                gallery.kernel = kernel;
                for probe in &probes {
                    let limits = [0, 1, 2, 20, 129, 130, 131, usize::MAX];
                    assert_exact(&gallery, &rows, probe, &limits, &format!("{family:?} {dim}"));
                }
            }
        }
    }
}

#[test]
fn equals_the_brute_force_when_all_families_share_a_gallery() {
    let mut rng = StdRng::seed_from_u64(12);
    for dim in [3, 64, 128] {
        let mut templates = Vec::new();
        for family in FAMILIES {
            templates.extend(family.templates(&mut rng, dim, 90));
        }
        let rows = with_ids(templates);
        let gallery = gallery_of(&rows, dim);
        for row in [0, 100, 200, 300, 400, 500, 600] {
            assert_exact(&gallery, &rows, &rows[row].1, &[1, 17, 300], "mixed");
        }
    }
}

#[test]
fn equals_the_brute_force_over_several_blocks() {
    let mut rng = StdRng::seed_from_u64(13);
    for (dim, count) in [(512, 1_301), (MAX_DIM, 131)] {
        for family in FAMILIES {
            let rows = with_ids(family.templates(&mut rng, dim, count));
            let gallery = gallery_of(&rows, dim);
            assert!(count > 2 * gallery.block_rows);
            for probe in [uniform(&mut rng, dim), rows[count - 1].1.clone(), negated(&rows[0].1)] {
                assert_exact(&gallery, &rows, &probe, &[1, 20, 100, count], &format!("blocks of {family:?} {dim}"));
            }
        }
    }
}

#[test]
fn equals_the_brute_force_when_shared_among_threads() {
    let mut rng = StdRng::seed_from_u64(14);
    let dim = 8;
    let mut templates = Family::Uniform.templates(&mut rng, dim, PARALLEL_ROWS);
    templates.extend(Family::NearTies.templates(&mut rng, dim, 5_003));
    let rows = with_ids(templates);
    let mut gallery = gallery_of(&rows, dim);
    assert!(gallery.shares().len() > 1);
    let probes = [rows[3].1.clone(), rows[PARALLEL_ROWS + 3].1.clone(), uniform(&mut rng, dim)];
    let truths = probes.each_ref().map(|probe| brute_force(&rows, probe));
    for kernel in Kernel::all() {
        gallery.kernel = kernel;
        for (probe, truth) in probes.iter().zip(&truths) {
            assert_finds(&gallery, truth, probe, &[1, 20, 6_000], "threads");
        }
        // With the coarse halves first, and with the codes put together.
        assert_eq!([3, 33].map(|count| kernel.halves_first(count)), [kernel.name() != "simsimd", false]);
        for count in [3, 33] {
            let asked = || probes.iter().zip(&truths).zip([5, 500, 50]).cycle().take(count);
            let slices: Vec<&[f32]> = asked().map(|((probe, _), _)| probe.as_slice()).collect();
            let answers = gallery.search_many(&slices, &asked().map(|(_, k)| k).collect::<Vec<_>>());
            assert_eq!(answers.len(), count);
            for (answer, ((_, truth), k)) in answers.into_iter().zip(asked()) {
                assert_eq!(found(&answer.expect("valid probe")), truth[..k], "{count} together, {kernel:?}");
            }
        }
    }
}

#[test]
fn equals_the_brute_force_on_every_family_when_shared_among_threads() {
    let mut rng = StdRng::seed_from_u64(20);
    let dim = 6;
    for family in FAMILIES {
        let rows = with_ids(family.templates(&mut rng, dim, PARALLEL_ROWS + 777));
        let mut gallery = gallery_of(&rows, dim);
        assert!(gallery.shares().len() > 1);
        for probe in [uniform(&mut rng, dim), rows[PARALLEL_ROWS].1.clone()] {
            let truth = brute_force(&rows, &probe);
            for kernel in Kernel::all() {
                gallery.kernel = kernel;
                assert_finds(&gallery, &truth, &probe, &[1, 20, 3_000], &format!("threads, {family:?}"));
            }
        }
    }
}

/// What to try out today: another gallery each time, or that of an earlier run, whose seed it said.
const SEED: &str = "MAGISTRATE_SEARCH_SEED";

#[test]
#[cfg_attr(miri, ignore = "there is no other seed there")]
fn equals_the_brute_force_on_whatever_comes() {
    let seed: u64 = match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("a whole number"),
        Err(_) => rand::random(),
    };
    println!("{SEED}={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..30 {
        let (dim, count) = (rng.random_range(1..700_usize), rng.random_range(1..900_usize));
        let mut templates = Vec::new();
        for _ in 0..3 {
            let family = FAMILIES[rng.random_range(0..FAMILIES.len())];
            templates.extend(family.templates(&mut rng, dim, count));
        }
        let mut rows = with_ids(templates);
        let mut gallery = gallery_of(&rows, dim);
        for _ in 0..rng.random_range(0..count) {
            let (id, _) = rows.swap_remove(rng.random_range(0..rows.len()));
            assert!(gallery.remove(&id));
        }
        let near = rows[rng.random_range(0..rows.len())].1.clone();
        let mut beside = near.clone();
        beside.iter_mut().for_each(|value| *value += rng.random_range(-1e-2_f32..1e-2));
        let limits = [1, rng.random_range(1..100_usize), rows.len()];
        for kernel in Kernel::all() {
            gallery.kernel = kernel;
            // A probe next to a template of one value may have no direction.
            for probe in [&near, &beside].into_iter().filter(|probe| normalise(probe, dim).is_ok()) {
                assert_exact(&gallery, &rows, probe, &limits, &format!("{SEED}={seed}"));
            }
        }
    }
}

#[test]
fn a_batch_returns_what_single_searches_do() {
    let mut rng = StdRng::seed_from_u64(15);
    let dim = 65;
    let rows = with_ids(Family::Clustered.templates(&mut rng, dim, 700));
    let mut gallery = gallery_of(&rows, dim);
    let mut probes: Vec<Vec<f32>> = (0..37).map(|_| uniform(&mut rng, dim)).collect();
    probes[5] = vec![0.0; dim];
    probes[6] = vec![1.0; dim + 1];
    probes[7][3] = f32::NAN;
    let limits: Vec<usize> = (0..37).map(|_| rng.random_range(0..30_usize)).collect();
    let slices: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    for kernel in Kernel::all() {
        gallery.kernel = kernel;
        for count in [0, 1, 2, 3, 4, 5, 8, 37] {
            let answers = gallery.search_many(&slices[..count], &limits[..count]);
            assert_eq!(answers.len(), count);
            for ((answer, probe), &k) in answers.into_iter().zip(&slices).zip(&limits) {
                assert_eq!(answer.map(|a| a.hits), gallery.search(probe, k).map(|a| a.hits));
            }
        }
    }
}

#[test]
fn the_kernel_changes_nothing_in_the_answer() {
    let mut rng = StdRng::seed_from_u64(16);
    let rows = with_ids(Family::Uniform.templates(&mut rng, 128, 900));
    let mut gallery = gallery_of(&rows, 128);
    let probe = uniform(&mut rng, 128);
    let answers: Vec<Answer> = Kernel::all()
        .into_iter()
        .map(|kernel| {
            gallery.kernel = kernel;
            gallery.search(&probe, 10).expect("valid probe")
        })
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0].hits == pair[1].hits));
}

#[test]
fn the_certificate_says_what_was_done() {
    let mut rng = StdRng::seed_from_u64(17);
    let rows = with_ids(Family::Uniform.templates(&mut rng, 512, 3_000));
    let gallery = gallery_of(&rows, 512);
    let certificate = gallery.search(&uniform(&mut rng, 512), 10).expect("valid probe").certificate;
    assert_eq!(certificate.rows_scanned, 3_000);
    assert!((10..=192).contains(&certificate.rows_reranked), "{certificate:?}");
    assert!((0.05..0.3).contains(&certificate.bound), "{certificate:?}");
    assert_eq!(certificate.gallery, gallery.digest());
    let nothing = gallery.search(&uniform(&mut rng, 512), 0);
    assert_eq!(nothing, Ok(nothing_found(&gallery)));
}

/// No row's bracket, of those by which so many probes' searches exclude rows, is wider than the certificate says.
fn assert_bounded(gallery: &Gallery, probes: &[&[f32]], what: &str) {
    let answers = gallery.search_many(probes, &vec![1; probes.len()]);
    let block = gallery.codes.block(0..gallery.len());
    let radii = if gallery.kernel.halves_first(probes.len()) { block.coarse_radii } else { block.fine_radii };
    for (answer, probe) in answers.into_iter().zip(probes) {
        let bound = answer.expect("valid probe").certificate.bound;
        let probe = gallery.coded(probe, 1).expect("valid probe").expect("there are rows");
        for (row, &radius) in radii.iter().enumerate() {
            let half = probe.half_width(radius);
            assert!(half <= bound, "{what}, {:?}: row {row} of {half}, and all of {bound}", gallery.kernel);
        }
    }
}

#[test]
fn no_row_has_a_wider_bracket_than_the_certificate_says() {
    let mut rng = StdRng::seed_from_u64(21);
    let dim = 130;
    let mut templates = Vec::new();
    for family in FAMILIES {
        templates.extend(family.templates(&mut rng, dim, 20));
    }
    let mut rows = with_ids(templates);
    let mut gallery = gallery_of(&rows, dim);
    let probes: Vec<Vec<f32>> = (0..32).map(|_| uniform(&mut rng, dim)).collect();
    let slices: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    let assert_all_bounded = |gallery: &mut Gallery, what: &str| {
        for kernel in Kernel::all() {
            gallery.kernel = kernel;
            for count in [1, 8, 32] {
                assert_bounded(gallery, &slices[..count], &format!("{what}, {count} probes"));
            }
        }
    };
    assert_all_bounded(&mut gallery, "as enrolled");
    // Those with the widest brackets and some others.
    let widest = |radii: &[f32]| radii.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(row, _)| row);
    while rows.len() > 100 {
        let block = gallery.codes.block(0..gallery.len());
        let radii = if rows.len().is_multiple_of(2) { block.coarse_radii } else { block.fine_radii };
        let row = if rows.len().is_multiple_of(3) { 0 } else { widest(radii).expect("there are rows") };
        let (id, _) = rows.swap_remove(row);
        assert!(gallery.remove(&id));
    }
    assert_all_bounded(&mut gallery, "after removals");
    for (i, template) in Family::HotDimension.templates(&mut rng, dim, 20).iter().enumerate() {
        gallery.insert(&format!("later-{i}"), template).expect("valid template");
    }
    assert_all_bounded(&mut gallery, "enrolled after removals");
}

/// An answer for which nothing had to be scanned.
fn nothing_found(gallery: &Gallery) -> Answer {
    let certificate = Certificate { gallery: gallery.digest(), ..Certificate::default() };
    Answer { hits: vec![], certificate }
}

#[test]
fn removal_forgets_the_row_and_keeps_the_others() {
    let mut rng = StdRng::seed_from_u64(18);
    let dim = 70;
    let mut rows = with_ids(Family::Duplicates.templates(&mut rng, dim, 210));
    let mut gallery = gallery_of(&rows, dim);
    while let Some(last) = rows.len().checked_sub(1) {
        // The last row, the first, and some between.
        let row = match rows.len() % 5 {
            0 => last,
            1 => 0,
            _ => rng.random_range(0..=last),
        };
        let (id, template) = rows.swap_remove(row);
        assert!(gallery.remove(&id));
        assert!(!gallery.contains(&id) && !gallery.remove(&id));
        assert_eq!(gallery.len(), rows.len());
        if rows.len().is_multiple_of(30) {
            assert_exact(&gallery, &rows, &template, &[1, 20, 300], "after removals");
        }
    }
    assert!(gallery.is_empty());
    gallery.insert("again", &vec![1.0; dim]).expect("an empty gallery takes any id");
    let answer = gallery.search(&vec![2.0; dim], 3).expect("valid probe");
    assert_eq!(&*answer.hits[0].id, "again");
}

#[test]
fn removal_overwrites_the_template() {
    let mut gallery = Gallery::with_capacity(4, 2).expect("a few bytes");
    gallery.insert("a", &[1.0, 2.0, 3.0, 4.0]).expect("valid template");
    gallery.insert("b", &[4.0, 3.0, 2.0, 1.0]).expect("valid template");
    assert!(gallery.remove("a"));
    let left = gallery.rows.row(0).expect("rows in memory are as they were written");
    assert_eq!(*left, *normalise(&[4.0, 3.0, 2.0, 1.0], 4).expect("valid template"));
    let vacated = &gallery.rows.tail().spare_capacity_mut()[..4];
    for value in vacated {
        // SAFETY: "b" was written here before its removal from the end truncated the vector.
        let value = unsafe { value.assume_init() };
        assert_eq!(value.to_bits(), 0);
    }
}

#[test]
fn an_empty_gallery_has_no_hits_but_still_checks_the_probe() {
    let gallery = Gallery::new(2).expect("valid dimension");
    assert_eq!((gallery.dim(), gallery.len()), (2, 0));
    assert_eq!(gallery.search(&[1.0, 0.0], 5), Ok(nothing_found(&gallery)));
    assert_eq!(gallery.search(&[0.0, 0.0], 5), Err(TemplateError::Zero { norm: 0.0 }));
    assert!(gallery.search_many(&[], &[]).is_empty());
}

#[test]
fn what_is_refused_and_how_it_is_said() {
    let said = |error: &dyn std::error::Error| error.to_string();
    for dim in [0, MAX_DIM + 1] {
        let error = Gallery::new(dim).expect_err("outside 1 to 4096");
        assert_eq!(said(&error), format!("dimension `{dim}` is not supported; choose one from 1 to 4096"));
    }
    let error = Gallery::with_capacity(4, usize::MAX).expect_err("more than there is");
    assert_eq!(error, ShapeError::Capacity { rows: usize::MAX, dim: 4 });

    let mut gallery = Gallery::new(2).expect("valid dimension");
    gallery.insert("a", &[1.0, 0.0]).expect("valid template");
    let mut refused = |id: &str, template: &[f32]| said(&gallery.insert(id, template).expect_err("refused"));
    assert_eq!(refused("b", &[1.0]), "template has `1` values; send exactly 2");
    assert_eq!(
        refused("b", &[1.0, f32::NEG_INFINITY]),
        "template value at position `1` is not finite; send finite numbers only"
    );
    assert_eq!(
        refused("b", &[0.0, 0.0]),
        "template has norm `0e0`, too small to have a direction; send one of norm 1e-6 or more"
    );
    assert_eq!(refused("a", &[0.0, 1.0]), "id `a` is already in the gallery; remove it first or choose another id");
    assert_eq!(gallery.len(), 1);

    let probe: &[f32] = &[1.0, 0.0];
    let error = TemplateError::Limits { probes: 2, limits: 1 };
    assert_eq!(said(&error), "batch has `2` probes but `1` values of k; send one k for each probe");
    let expected: [Result<Answer, TemplateError>; 2] = [Err(error.clone()), Err(error)];
    assert_eq!(gallery.search_many(&[probe, probe], &[1]), expected);
}

#[test]
fn debug_output_has_no_template() {
    let mut gallery = Gallery::new(1).expect("valid dimension");
    gallery.insert("a", &[1.0]).expect("valid template");
    assert_eq!(format!("{gallery:?}"), "Gallery { dim: 1, len: 1, .. }");
}

/// Prints what a million rows cost: `cargo test --release -p magistrate-search -- --ignored --nocapture`. 3 GB.
#[test]
#[ignore = "takes 3 GB and half a minute"]
fn a_million_rows() {
    let mut rng = StdRng::seed_from_u64(19);
    let (dim, count) = (512, 1_000_000);
    let mut gallery = Gallery::with_capacity(dim, count).expect("3 GB");
    let started = Instant::now();
    for i in 0..count {
        gallery.insert(&format!("{i:07}"), &uniform(&mut rng, dim)).expect("valid template");
    }
    println!("{:?}: {count} × {dim} inserted in {:?}", gallery.kernel, started.elapsed());
    let probes: Vec<Vec<f32>> = (0..32).map(|_| uniform(&mut rng, dim)).collect();
    for probe in &probes[..8] {
        let started = Instant::now();
        let answer = gallery.search(probe, 20).expect("valid probe");
        println!("one probe: {:?}, {:?}", started.elapsed(), answer.certificate);
        assert!(answer.certificate.rows_reranked < 1_000);
    }
    let slices: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    for _ in 0..4 {
        let started = Instant::now();
        let answers = gallery.search_many(&slices, &[20; 32]);
        println!("32 probes: {:?} each", started.elapsed() / 32);
        assert_eq!(answers[0], gallery.search(slices[0], 20));
    }
}
