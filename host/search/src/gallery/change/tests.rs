//! Rows added together against rows added one by one, and digests.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::super::tests::{Row, brute_force, found, gallery_of, with_ids};
use super::*;
use crate::samples::{Family, uniform};

const DIM: usize = 40;

fn rows(count: usize) -> Vec<Row> {
    let mut rng = StdRng::seed_from_u64(61);
    with_ids(Family::Uniform.templates(&mut rng, DIM, count))
}

fn element(id: &str) -> Digest {
    Digest::of(id.as_bytes())
}

fn new_rows(rows: &[Row]) -> Vec<NewRow<'_>> {
    rows.iter().map(|(id, template)| NewRow { id, template, attributes: &[], element: element(id) }).collect()
}

fn together(rows: &[Row]) -> Gallery {
    let mut gallery = Gallery::new(DIM).expect("valid dimension");
    gallery.insert_all(&new_rows(rows)).expect("valid templates");
    gallery
}

#[test]
fn rows_added_together_are_found_like_rows_added_one_by_one() {
    for count in [0, 1, 2, PARALLEL_ROWS - 1, PARALLEL_ROWS, 5 * PARALLEL_ROWS + 3] {
        let rows = rows(count);
        let (one_by_one, at_once) = (gallery_of(&rows, DIM), together(&rows));
        assert_eq!(at_once.codes.parts(), one_by_one.codes.parts(), "{count}");
        let probe = uniform(&mut StdRng::seed_from_u64(62), DIM);
        let answer = at_once.search(&probe, 20).expect("valid probe");
        assert_eq!(found(&answer), brute_force(&rows, &probe)[..20.min(count)]);
        assert!(at_once.ids().eq(rows.iter().map(|(id, _)| id.as_str())));
    }
}

#[test]
fn a_batch_is_added_whole_or_not_at_all() {
    let rows = rows(100);
    let mut gallery = together(&rows[..10]);
    let before = gallery.digest();
    let (short, word) = ([1.0], [("age", Attribute::Word("thirty".into()))]);
    let age = [("age", Attribute::Number(30))];
    let good = new_rows(&rows[10..]);
    let bad = [
        ("twice", NewRow { id: good[3].id, ..good[4] }),
        ("taken", NewRow { id: rows[2].0.as_str(), ..good[4] }),
        ("short", NewRow { id: "short", template: &short, ..good[4] }),
        ("kind", NewRow { id: "kind", attributes: &word, ..good[4] }),
    ];
    for (what, bad) in bad {
        let mut batch = good.clone();
        batch[0].attributes = &age;
        batch[50] = bad;
        let refused = gallery.insert_all(&batch).expect_err(what);
        assert_eq!(&*refused.id, bad.id, "{what}: {refused}");
        assert_eq!((gallery.len(), gallery.digest()), (10, before), "{what}");
        assert!(good.iter().all(|row| !gallery.contains(row.id)), "{what}");
    }
    gallery.insert_all(&good).expect("nothing is in the way");
    assert_eq!(gallery.digest(), together(&rows).digest());
}

#[test]
fn rows_that_are_ready_find_the_gallery_as_it_is_by_then() {
    let rows = rows(100);
    let mut gallery = together(&rows[..10]);
    let good = new_rows(&rows[10..]);
    let prepared = gallery.prepare(&good).expect("valid templates");
    let again = gallery.prepare(&good).expect("valid templates");
    assert_eq!((gallery.len(), gallery.digest()), (10, together(&rows[..10]).digest()), "nothing is added yet");
    assert!(gallery.remove(&rows[3].0));
    gallery.insert_prepared(prepared).expect("nothing is in the way");
    let mut left = rows.clone();
    left.remove(3);
    assert_eq!(gallery.digest(), together(&left).digest());
    let refused = gallery.insert_prepared(again).expect_err("their ids are taken by now");
    assert!(matches!(refused.error, TemplateError::Duplicate { .. }), "{refused}");

    let mut narrow = Gallery::new(DIM - 1).expect("valid dimension");
    let prepared = gallery.prepare(&good).expect("valid templates");
    let refused = narrow.insert_prepared(prepared).expect_err("of another dimension");
    assert_eq!(refused.error, TemplateError::Dimension { found: DIM, expected: DIM - 1 });
    assert!(narrow.is_empty() && gallery.digest() == together(&left).digest());
}

#[test]
fn a_digest_follows_from_the_rows_alone() {
    let mut rng = StdRng::seed_from_u64(63);
    let mut rows = rows(300);
    let whole = together(&rows).digest();
    rows.shuffle(&mut rng);
    let mut gallery = Gallery::new(DIM).expect("valid dimension");
    assert_eq!(gallery.digest(), Gallery::new(DIM).expect("valid dimension").digest());
    for batch in rows.chunks(77) {
        gallery.insert_all(&new_rows(batch)).expect("valid templates");
    }
    assert_eq!(gallery.digest(), whole, "whatever the order and the batches");
    let (gone, left) = rows.split_at(120);
    for (id, _) in gone {
        assert!(gallery.remove(id));
        assert_ne!(gallery.digest(), whole);
    }
    assert_eq!(gallery.digest(), together(left).digest(), "whatever was there before");
    gallery.insert_all(&new_rows(gone)).expect("their ids are free again");
    assert_eq!(gallery.digest(), whole);
    for (id, _) in &rows {
        assert!(gallery.remove(id));
    }
    assert_eq!(gallery.digest(), Gallery::new(1).expect("valid dimension").digest());
}

#[test]
fn other_rows_have_another_digest() {
    let mut seen = std::collections::BTreeSet::new();
    let a = [1.0, 0.0];
    for (id, template) in [("a", [1.0, 0.0]), ("b", [1.0, 0.0]), ("a", [0.0, 1.0]), ("a", [-1.0, 0.0])] {
        let mut gallery = Gallery::new(2).expect("valid dimension");
        gallery.insert(id, &template).expect("valid template");
        assert!(seen.insert(gallery.digest()), "{id} {template:?}");
        gallery.insert("other", &a).expect("valid template");
        assert!(seen.insert(gallery.digest()), "{id} {template:?} and another");
    }
}

#[test]
fn a_row_can_be_described_and_counted_anew() {
    let rows = rows(5);
    let mut gallery = together(&rows);
    let before = gallery.digest();
    let (id, word) = (rows[2].0.as_str(), |word: &str| [("status", Attribute::Word(word.into()))]);
    assert_eq!(gallery.describe(id, &word("active")), Ok(true));
    assert_eq!(gallery.describe("nobody", &word("active")), Ok(false));
    assert!(gallery.describe(id, &[("status", Attribute::Number(1))]).is_err());
    assert_eq!(gallery.digest(), before, "what is known of a row is not what it counts as");
    assert!(gallery.recount(id, element("another")) && !gallery.recount("nobody", element("another")));
    assert_ne!(gallery.digest(), before);
    assert!(gallery.recount(id, element(id)));
    assert_eq!(gallery.digest(), before);
    assert!(gallery.recount(id, element("another")) && gallery.remove(id));
    let left: Vec<Row> = rows.iter().filter(|(other, _)| other != id).cloned().collect();
    assert_eq!(gallery.digest(), together(&left).digest(), "as what it counts last, it is taken out");
}
