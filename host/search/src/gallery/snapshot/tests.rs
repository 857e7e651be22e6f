//! Snapshots, opened as they were written and after all that may happen to a file.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::tests::{Row, brute_force, found, with_ids};
use super::*;
use crate::samples::{Family, uniform};
use crate::{Attribute, Filter, Plaintext, TemplateError};

const DIM: usize = 70;

/// A file with a name, so that it can be opened more than once.
struct Place(tempfile::NamedTempFile);

impl Place {
    fn new() -> Self {
        Self(tempfile::NamedTempFile::new().expect("a temporary file"))
    }

    fn file(&self) -> File {
        File::options().read(true).write(true).open(self.0.path()).expect("it is there")
    }

    fn open(&self) -> Result<Gallery, SnapshotError> {
        Gallery::open(self.file(), &edition(), DIM, &Reversed)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.0.path()).expect("it is there")
    }
}

/// Not a good cipher, but one that leaves no text as it was.
struct Reversed;

impl Cipher for Reversed {
    fn encipher(&self, mut plain: Vec<u8>) -> io::Result<Vec<u8>> {
        plain.reverse();
        Ok(plain)
    }

    fn decipher(&self, mut text: Vec<u8>) -> Option<Vec<u8>> {
        text.reverse();
        Some(text)
    }
}

fn edition() -> Edition {
    Edition { model: "embedder-1".into(), generation: 7, stamp: "a stamp".into(), columns: "digit".into() }
}

fn rows(count: usize) -> Vec<Row> {
    let mut rng = StdRng::seed_from_u64(51);
    with_ids(Family::Uniform.templates(&mut rng, DIM, count))
}

fn put(gallery: &mut Gallery, rows: &[Row]) {
    for (id, template) in rows {
        let last = id.chars().last().map(String::from).unwrap_or_default();
        gallery.insert_with(id, template, &[("digit", Attribute::Word(last.into()))]).expect("valid template");
    }
}

fn sealed(place: &Place, rows: &[Row]) -> Gallery {
    let mut gallery = Gallery::in_file(DIM, rows.len(), place.file()).expect("an empty file");
    put(&mut gallery, rows);
    gallery.seal(&edition(), &Reversed).expect("a disk");
    gallery
}

fn assert_holds(gallery: &Gallery, rows: &[Row]) {
    let mut rng = StdRng::seed_from_u64(52);
    assert_eq!(gallery.len(), rows.len());
    assert_eq!(gallery.digest(), super::super::tests::gallery_of(rows, DIM).digest());
    let probe = uniform(&mut rng, DIM);
    let answer = gallery.search(&probe, 30).expect("valid probe");
    let truth = brute_force(rows, &probe);
    assert_eq!(found(&answer), truth[..30.min(truth.len())]);
    let threes: Vec<Row> = rows.iter().filter(|(id, _)| id.ends_with('3')).cloned().collect();
    let filter = Filter::new().among("digit", ["3"]);
    let answer = gallery.search_filtered(&probe, 30, &filter).expect("valid probe");
    let truth = brute_force(&threes, &probe);
    assert_eq!(found(&answer), truth[..30.min(truth.len())]);
}

#[test]
fn a_gallery_opens_as_it_was_sealed() {
    let (place, rows) = (Place::new(), rows(500));
    let gallery = sealed(&place, &rows);
    assert!(gallery.is_in_file());
    assert_holds(&gallery, &rows);
    drop(gallery);
    let gallery = place.open().expect("as it was sealed");
    assert_holds(&gallery, &rows);
    assert!(gallery.contains(&rows[499].0) && gallery.is_in_file());
}

#[test]
fn an_empty_gallery_is_a_snapshot_too() {
    let place = Place::new();
    let gallery = Gallery::in_file(DIM, 0, place.file()).expect("an empty file");
    gallery.seal(&edition(), &Reversed).expect("a disk");
    drop(gallery);
    let mut gallery = place.open().expect("as it was sealed");
    assert!(gallery.is_empty());
    let rows = rows(40);
    put(&mut gallery, &rows);
    assert_holds(&gallery, &rows);
}

#[test]
fn changes_after_opening_are_in_the_next_snapshot() {
    let (place, mut rows) = (Place::new(), rows(300));
    let later = rows.split_off(200);
    drop(sealed(&place, &rows));
    let mut gallery = place.open().expect("as it was sealed");
    put(&mut gallery, &later);
    rows.extend(later);
    for row in [0, 250, 17] {
        let (id, _) = rows.swap_remove(row);
        assert!(gallery.remove(&id));
    }
    gallery.settle().expect("a disk");
    assert_holds(&gallery, &rows);
    gallery.seal(&edition(), &Reversed).expect("a disk");
    drop(gallery);
    assert_holds(&place.open().expect("as it was sealed"), &rows);
}

#[test]
fn rows_in_memory_are_in_a_snapshot_written_elsewhere() {
    let rows = rows(120);
    let mut gallery = Gallery::new(DIM).expect("valid dimension");
    put(&mut gallery, &rows);
    assert!(!gallery.is_in_file() && gallery.seal(&edition(), &Reversed).is_err());
    let place = Place::new();
    gallery.snapshot(&place.file(), &edition(), &Reversed).expect("a disk");
    assert_holds(&place.open().expect("as it was written"), &rows);
}

#[test]
fn nothing_of_a_removed_row_stays_in_the_file() {
    let (place, rows) = (Place::new(), rows(60));
    let mut gallery = sealed(&place, &rows);
    let removed = rows[20].0.clone();
    let unit = bytes(&gallery.rows.row(20).expect("as it was written")).to_vec();
    let text = place.bytes();
    let holds = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    assert!(holds(&text, &unit) && holds(&text, removed.as_bytes()));
    gallery.remove(&removed);
    gallery.settle().expect("a disk");
    let text = place.bytes();
    assert!(!holds(&text, &unit) && !holds(&text, removed.as_bytes()));
    drop(gallery);
    assert!(matches!(place.open(), Err(SnapshotError::Damaged { .. })), "it is no snapshot any more");
}

#[test]
fn columns_are_in_the_file_as_the_cipher_left_them() {
    let (place, rows) = (Place::new(), rows(20));
    drop(sealed(&place, &rows));
    let text = place.bytes();
    let holds = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    assert!(!holds(b"digit") && holds(b"tigid"));
    let opened = Gallery::open(place.file(), &edition(), DIM, &Plaintext);
    assert!(matches!(opened, Err(SnapshotError::Damaged { what: "columns" })));
}

#[test]
fn what_a_row_counts_as_is_kept_and_taken_out_with_it() {
    let (place, mut rows) = (Place::new(), rows(120));
    let other = sealed(&place, &rows[..100]).digest();
    let mut gallery = place.open().expect("as it was sealed");
    assert_eq!(gallery.digest(), other);
    put(&mut gallery, &rows[100..]);
    assert_ne!(gallery.digest(), other);
    for (id, _) in rows.drain(100..) {
        assert!(gallery.remove(&id));
    }
    assert_eq!(gallery.digest(), other);
    assert_holds(&gallery, &rows);
}

#[test]
fn another_state_is_not_opened() {
    let place = Place::new();
    drop(sealed(&place, &rows(10)));
    let said = |expected: Edition, dim| {
        Gallery::open(place.file(), &expected, dim, &Reversed).expect_err("of another state").to_string()
    };
    assert_eq!(said(edition(), 71), "its dimension is not the one expected");
    assert_eq!(said(Edition { model: "other".into(), ..edition() }, DIM), "its model is not the one expected");
    assert_eq!(said(Edition { generation: 8, ..edition() }, DIM), "its generation is not the one expected");
    assert_eq!(said(Edition { stamp: "other".into(), ..edition() }, DIM), "its stamp is not the one expected");
    let said = said(Edition { columns: "letter".into(), ..edition() }, DIM);
    assert_eq!(said, "its set of columns is not the one expected");
    assert!(place.open().is_ok());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let place = Place::new();
    drop(sealed(&place, &rows(10)));
    let whole = place.bytes().len() as u64;
    let index = index_at(room_for(10), DIM);
    for length in [0, 1, 319, 320, FIRST_ROW, FIRST_ROW + 100, index - 1, index, index + 41, whole - 1] {
        let shorter = Place::new();
        std::fs::copy(place.0.path(), shorter.0.path()).expect("a disk");
        shorter.file().set_len(length).expect("a disk");
        assert!(shorter.open().is_err(), "cut at {length} of {whole}");
    }
}

#[test]
fn a_changed_byte_is_found_when_it_is_read() {
    let place = Place::new();
    let rows = rows(10);
    drop(sealed(&place, &rows));
    let index = index_at(room_for(10), DIM);
    let changed = |at: u64| {
        let other = Place::new();
        std::fs::copy(place.0.path(), other.0.path()).expect("a disk");
        let mut byte = [0];
        other.file().read_exact_at(&mut byte, at).expect("a disk");
        other.file().write_all_at(&[byte[0] ^ 4], at).expect("a disk");
        other
    };
    // Header, its digest, the lengths of ids, an id, and the last of the codes.
    for at in [3, 9, 20, 300, index, index + 45, place.bytes().len() as u64 - 1] {
        assert!(changed(at).open().is_err(), "byte {at}");
    }
    let row = changed(row_at(4, DIM) + 10);
    let gallery = row.open().expect("rows are not read yet");
    let refused = gallery.search(&rows[4].1, 3).expect_err("the row is the best one");
    assert_eq!(refused, TemplateError::Damaged { id: rows[4].0.as_str().into() });
    let many = gallery.search_many(&[rows[4].1.as_slice()], &[3]);
    assert_eq!(many, [Err(refused)]);
}

#[test]
fn a_damaged_row_is_not_vouched_for() {
    let (place, rows) = (Place::new(), rows(40));
    let gallery = sealed(&place, &rows);
    place.file().write_all_at(b"xx", row_at(7, DIM) + 9).expect("a disk");
    let refused = gallery.seal(&edition(), &Reversed);
    assert!(matches!(refused, Err(SnapshotError::Damaged { what: "row" })), "{refused:?}");
    let elsewhere = gallery.snapshot(&Place::new().file(), &edition(), &Reversed);
    assert!(matches!(elsewhere, Err(SnapshotError::Damaged { what: "row" })), "{elsewhere:?}");
}

#[test]
fn a_file_cut_short_while_it_is_searched_fails_the_search_alone() {
    let (place, rows) = (Place::new(), rows(300));
    let gallery = sealed(&place, &rows);
    place.file().set_len(FIRST_ROW).expect("a disk");
    let refused = gallery.search(&rows[4].1, 3).expect_err("there is no row left");
    assert!(matches!(refused, TemplateError::Damaged { .. }), "{refused}");
    assert!(gallery.seal(&edition(), &Reversed).is_err());
}

#[test]
fn a_draft_is_no_snapshot_until_it_is_vouched_for() {
    let (place, mut rows) = (Place::new(), rows(200));
    let mut gallery = sealed(&place, &rows[..150]);
    put(&mut gallery, &rows[150..]);
    let given_up = gallery.draft(&edition(), &Reversed, &|| false);
    assert!(matches!(given_up, Err(SnapshotError::GivenUp)), "{:?}", given_up.err());
    let draft = gallery.draft(&edition(), &Reversed, &|| true).expect("a disk");
    // Thrown away, because a row goes: the file cannot bring it back.
    let (id, _) = rows.swap_remove(3);
    assert!(gallery.remove(&id));
    gallery.settle().expect("a disk");
    drop(draft);
    let text = place.bytes();
    assert!(!text.windows(id.len()).any(|window| window == id.as_bytes()));
    drop(gallery);
    assert!(place.open().is_err());

    let place = Place::new();
    let gallery = sealed(&place, &rows);
    let synced = gallery.draft(&Edition { generation: 8, ..edition() }, &Reversed, &|| true);
    let synced = synced.expect("a disk").sync().expect("a disk");
    synced.vouch().expect("a disk");
    drop(gallery);
    assert!(matches!(place.open(), Err(SnapshotError::Other { what: "generation" })));
}

/// Waits where a draft asks whether to go on, until a search has ended: so much of it as is done at once waits with it.
#[test]
fn a_search_does_not_wait_for_a_draft() {
    let (place, mut rng) = (Place::new(), StdRng::seed_from_u64(53));
    // Shared among threads when it is searched, and drafted in several parts.
    let rows = with_ids((0..50_100).map(|_| uniform(&mut rng, DIM)).collect());
    let mut gallery = Gallery::in_file(DIM, rows.len(), place.file()).expect("an empty file");
    put(&mut gallery, &rows);
    assert!(gallery.shares().len() > 1);
    let (asked, searched) = (Mutex::new((false, false)), Condvar::new());
    let wait = |until: fn(&(bool, bool)) -> bool| {
        let state = asked.lock().expect("nobody panics with it");
        let waited = searched.wait_timeout_while(state, Duration::from_secs(20), |state| !until(state));
        !waited.expect("nobody panics with it").1.timed_out()
    };
    let tell = |change: fn(&mut (bool, bool))| {
        change(&mut asked.lock().expect("nobody panics with it"));
        searched.notify_all();
    };
    std::thread::scope(|threads| {
        let draft = threads.spawn(|| {
            gallery.draft(&edition(), &Reversed, &|| {
                tell(|state| state.0 = true);
                wait(|state| state.1)
            })
        });
        assert!(wait(|state| state.0), "a draft asks whether to go on");
        let answer = gallery.search(&rows[7].1, 1).expect("valid probe");
        assert_eq!(*answer.hits[0].id, *rows[7].0);
        tell(|state| state.1 = true);
        assert!(draft.join().expect("no panic").is_ok(), "it had not given up waiting for the search");
    });
}

#[test]
fn there_is_room_in_memory_for_what_is_enrolled_first() {
    let (place, rows) = (Place::new(), rows(900));
    let begun = Gallery::in_file(DIM, 800, place.file()).expect("an empty file");
    let room = begun.codes.room();
    assert!(room >= 900, "{room}");
    let mut gallery = begun;
    put(&mut gallery, &rows[..800]);
    gallery.seal(&edition(), &Reversed).expect("a disk");
    drop(gallery);
    let mut gallery = place.open().expect("as it was sealed");
    let before = (gallery.codes.room(), gallery.ids.capacity(), gallery.elements.capacity(), gallery.places.capacity());
    assert!(before.0 >= 900 && before.1 >= 900 && before.2 >= 900 && before.3 >= 900, "{before:?}");
    let parts = gallery.codes.parts().map(<[u8]>::as_ptr);
    put(&mut gallery, &rows[800..]);
    assert_eq!(gallery.codes.parts().map(<[u8]>::as_ptr), parts, "nothing was moved");
    assert_holds(&gallery, &rows);
}

#[test]
fn what_is_no_snapshot_is_refused_and_left_alone() {
    let place = Place::new();
    assert!(matches!(place.open(), Err(SnapshotError::Foreign(_))));
    let text = vec![b'x'; 10_000];
    place.file().write_all_at(&text, 0).expect("a disk");
    assert!(matches!(place.open(), Err(SnapshotError::Foreign(_))));
    assert!(matches!(Gallery::in_file(DIM, 3, place.file()), Err(SnapshotError::Foreign(_))));
    assert_eq!(place.bytes(), text);
    assert!(matches!(Gallery::in_file(0, 3, Place::new().file()), Err(SnapshotError::Shape(_))));
    assert!(matches!(Gallery::in_file(DIM, usize::MAX, Place::new().file()), Err(SnapshotError::Shape(_))));
}

#[test]
fn a_file_with_a_newer_end_keeps_no_older_one() {
    let (place, rows) = (Place::new(), rows(100));
    let mut gallery = sealed(&place, &rows);
    let before = place.bytes().len();
    for (id, _) in &rows[..90] {
        assert!(gallery.remove(id));
    }
    gallery.settle().expect("a disk");
    gallery.seal(&edition(), &Reversed).expect("a disk");
    let mut file = place.file();
    let after = file.seek(SeekFrom::End(0)).expect("a disk");
    assert!(after < before as u64);
    let mut magic = [0; 8];
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut magic)).expect("a disk");
    assert_eq!(&magic, b"gallery2");

    file.write_all_at(b"of a longer index", after).expect("a disk");
    gallery.seal(&edition(), &Reversed).expect("a disk");
    let text = place.bytes();
    assert!(text[usize::try_from(after).expect("a short file")..].iter().all(|&byte| byte == 0));
    drop(gallery);
    assert_holds(&place.open().expect("as it was sealed"), &rows[90..]);
}
