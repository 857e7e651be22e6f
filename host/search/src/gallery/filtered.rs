//! Filtered searches against a brute force over the rows that are admitted.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::tests::{Row, brute_force, found, with_ids};
use super::*;
use crate::samples::{FAMILIES, uniform};

/// What a row has in the columns `agency`, `sex` and `age`, as far as it has anything.
#[derive(Clone, Copy)]
struct Known {
    agency: Option<&'static str>,
    sex: Option<&'static str>,
    age: Option<u32>,
}

type Admits = fn(&Known) -> bool;

/// Filters, each with the same in plain Rust.
fn filters() -> Vec<(Filter, Admits)> {
    let pair = |filter: Filter, admits: Admits| (filter, admits);
    let all = Filter::new;
    vec![
        pair(all(), |_| true),
        pair(all().among("agency", ["north"]), |known| known.agency == Some("north")),
        pair(all().among("agency", ["rare"]), |known| known.agency == Some("rare")),
        pair(all().among("agency", ["nobody's"]), |_| false),
        pair(all().not_among("sex", ["m"]), |known| known.sex != Some("m")),
        pair(all().between("age", 30..=40), |known| known.age.is_some_and(|age| (30..=40).contains(&age))),
        pair(all().among("agency", ["north", "south"]).not_among("sex", ["f"]).between("age", 0..=50), |known| {
            known.agency.is_some_and(|agency| agency == "north" || agency == "south")
                && known.sex != Some("f")
                && known.age.is_some_and(|age| age <= 50)
        }),
    ]
}

fn known(rng: &mut StdRng) -> Known {
    Known {
        agency: match rng.random_range(0..100_u32) {
            0 => Some("rare"),
            1..=49 => Some("north"),
            50..=89 => Some("south"),
            _ => None,
        },
        sex: [Some("m"), Some("f"), None][rng.random_range(0..3_usize)],
        age: rng.random_bool(0.9).then(|| rng.random_range(18..80_u32)),
    }
}

fn filled(rows: &[Row], known: &[Known], dim: usize) -> Gallery {
    let mut gallery = Gallery::new(dim).expect("valid dimension");
    for ((id, template), known) in rows.iter().zip(known) {
        let word = |name, word: Option<&str>| word.map(|word| (name, Attribute::Word(word.into())));
        let age = known.age.map(|age| ("age", Attribute::Number(age)));
        let attributes: Vec<(&str, Attribute)> =
            [word("agency", known.agency), word("sex", known.sex), age].into_iter().flatten().collect();
        gallery.insert_with(id, template, &attributes).expect("valid template");
    }
    gallery
}

fn assert_exact(gallery: &Gallery, rows: &[Row], known: &[Known], probe: &[f32], what: &str) {
    for (filter, admits) in filters() {
        let admitted: Vec<Row> =
            rows.iter().zip(known).filter(|(_, known)| admits(known)).map(|(row, _)| row.clone()).collect();
        let truth = brute_force(&admitted, probe);
        for k in [0, 1, 20, usize::MAX] {
            let answer = gallery.search_filtered(probe, k, &filter).expect("valid probe and filter");
            assert_eq!(found(&answer), truth[..k.min(truth.len())], "{what}, k = {k}, {filter:?}");
            if k > 0 && !truth.is_empty() {
                assert_eq!(answer.certificate.rows_scanned, admitted.len() as u64);
            }
        }
    }
}

#[test]
fn equals_the_brute_force_under_every_filter() {
    let mut rng = StdRng::seed_from_u64(41);
    for dim in [1, 3, 65, 512] {
        for family in FAMILIES {
            let rows = with_ids(family.templates(&mut rng, dim, 300));
            let known: Vec<Known> = rows.iter().map(|_| known(&mut rng)).collect();
            let mut gallery = filled(&rows, &known, dim);
            let probe = family.templates(&mut rng, dim, 2).remove(1);
            for kernel in Kernel::all() {
                gallery.kernel = kernel;
                assert_exact(&gallery, &rows, &known, &probe, &format!("{family:?} {dim}"));
                assert_exact(&gallery, &rows, &known, &rows[17].1, &format!("{family:?} {dim}"));
            }
        }
    }
}

#[test]
fn equals_the_brute_force_when_shared_among_threads() {
    let mut rng = StdRng::seed_from_u64(42);
    let dim = 8;
    let templates = (0..PARALLEL_ROWS + 5_003).map(|_| uniform(&mut rng, dim)).collect();
    let rows = with_ids(templates);
    let known: Vec<Known> = rows.iter().map(|_| known(&mut rng)).collect();
    let gallery = filled(&rows, &known, dim);
    assert!(gallery.shares().len() > 1);
    assert_exact(&gallery, &rows, &known, &uniform(&mut rng, dim), "threads");
}

#[test]
fn searches_with_different_filters_share_a_pass() {
    let mut rng = StdRng::seed_from_u64(45);
    for (dim, count) in [(65, 700), (8, PARALLEL_ROWS + 1_003)] {
        let rows = with_ids((0..count).map(|_| uniform(&mut rng, dim)).collect());
        let known: Vec<Known> = rows.iter().map(|_| known(&mut rng)).collect();
        let gallery = filled(&rows, &known, dim);
        // More than a tile of probes, with and without filters, and one that cannot be searched for.
        let filters: Vec<(Option<Filter>, Admits)> = filters()
            .into_iter()
            .map(|(filter, admits)| (Some(filter), admits))
            .chain([(None, all as Admits)])
            .collect();
        let probes: Vec<Vec<f32>> = (0..2 * filters.len()).map(|_| uniform(&mut rng, dim)).collect();
        let asked: Vec<_> = probes.iter().zip(filters.iter().cycle()).collect();
        let mut queries: Vec<Query<'_>> =
            asked.iter().map(|(probe, (filter, _))| Query { probe, k: 20, filter: filter.as_ref() }).collect();
        let missing = Filter::new().between("weight", 0..=1);
        queries.push(Query { filter: Some(&missing), ..queries[0] });
        let mut answers = gallery.search_each(&queries);
        assert_eq!(answers.pop(), Some(Err(FilterError::Column { column: "weight".into() })));
        assert_eq!(answers.len(), asked.len());
        for (answer, (probe, (filter, admits))) in answers.into_iter().zip(asked) {
            let admitted: Vec<Row> =
                rows.iter().zip(&known).filter(|(_, known)| admits(known)).map(|(row, _)| row.clone()).collect();
            let (answer, truth) = (answer.expect("valid probe and filter"), brute_force(&admitted, probe));
            assert_eq!(found(&answer), truth[..20.min(truth.len())], "{dim} {filter:?}");
            assert_eq!(answer.certificate.gallery, gallery.digest());
            if !truth.is_empty() {
                assert_eq!(answer.certificate.rows_scanned, admitted.len() as u64);
            }
        }
    }
    assert!(Gallery::new(3).expect("valid dimension").search_each(&[]).is_empty());
}

fn all(_: &Known) -> bool {
    true
}

#[test]
fn values_can_be_given_and_changed_later() {
    let mut rng = StdRng::seed_from_u64(46);
    let dim = 16;
    let rows = with_ids((0..200).map(|_| uniform(&mut rng, dim)).collect());
    let (before, after): (Vec<Known>, Vec<Known>) = rows.iter().map(|_| (known(&mut rng), known(&mut rng))).unzip();
    let mut gallery = filled(&rows, &before, dim);
    let mut known = Vec::new();
    for ((id, _), (before, after)) in rows.iter().zip(before.iter().zip(&after)) {
        let word = |name, word: Option<&str>| word.map(|word| (name, Attribute::Word(word.into())));
        let age = after.age.map(|age| ("age", Attribute::Number(age)));
        let given: Vec<(&str, Attribute)> =
            [word("agency", after.agency), word("sex", after.sex), age].into_iter().flatten().collect();
        assert_eq!(gallery.describe(id, &given), Ok(true));
        // What is not given stays.
        known.push(Known {
            agency: after.agency.or(before.agency),
            sex: after.sex.or(before.sex),
            age: after.age.or(before.age),
        });
    }
    assert_exact(&gallery, &rows, &known, &uniform(&mut rng, dim), "changed");
}

#[test]
fn blocks_without_an_admitted_row_are_passed_over_and_nothing_is_missed() {
    let mut rng = StdRng::seed_from_u64(43);
    let rows = with_ids((0..3_000).map(|_| uniform(&mut rng, 512)).collect());
    let nobody = Known { agency: Some("south"), sex: Some("f"), age: Some(60) };
    let mut known = vec![nobody; rows.len()];
    for row in [0, 1_499, 2_999] {
        known[row].agency = Some("rare");
    }
    let gallery = filled(&rows, &known, 512);
    assert!(rows.len() > 2 * gallery.block_rows);
    assert_exact(&gallery, &rows, &known, &uniform(&mut rng, 512), "few");
}

#[test]
fn filters_hold_after_removals() {
    let mut rng = StdRng::seed_from_u64(44);
    let dim = 64;
    let mut rows = with_ids((0..260).map(|_| uniform(&mut rng, dim)).collect());
    let mut known: Vec<Known> = rows.iter().map(|_| known(&mut rng)).collect();
    let mut gallery = filled(&rows, &known, dim);
    while rows.len() > 20 {
        let row = rng.random_range(0..rows.len());
        let (id, template) = rows.swap_remove(row);
        known.swap_remove(row);
        assert!(gallery.remove(&id));
        if rows.len().is_multiple_of(40) {
            assert_exact(&gallery, &rows, &known, &template, "after removals");
        }
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut gallery = Gallery::new(2).expect("valid dimension");
    let age = |age| ("age", Attribute::Number(age));
    gallery.insert_with("a", &[1.0, 0.0], &[age(30)]).expect("valid template");
    let word = ("age", Attribute::Word("thirty".into()));
    let refused = gallery.insert_with("b", &[1.0, 0.0], &[word]).expect_err("a word among numbers");
    assert_eq!(
        refused.to_string(),
        "column `age` holds numbers; give each record one value of that kind in it, or none"
    );
    assert!(!gallery.contains("b") && gallery.len() == 1);
    let zero = gallery.search_filtered(&[0.0, 0.0], 1, &Filter::new());
    assert_eq!(zero, Err(FilterError::Probe(TemplateError::Zero { norm: 0.0 })));
    let column = gallery.search_filtered(&[1.0, 0.0], 1, &Filter::new().between("weight", 0..=1));
    assert_eq!(column, Err(FilterError::Column { column: "weight".into() }));
}
