//! Folders that a crash tore or a hand edited: all of it is named, and only what stands at the very end is dropped.

use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::common::{
    copy, damage_at_open, damage_when_read, damage_when_verified, dir, fill, flip, journal, leaf, open, torn_end,
    try_open, used, verified,
};
use magistrate_audit::{Fault, OpenError, Recovery, Torn, VerifyError, verify};
use tempfile::TempDir;

/// Bytes of a frame in front of what it holds, which begins with the size of the log, 8 bytes.
const FRAME_HEADER: usize = 24;

/// A folder as a crash leaves it after four appends, each a journal frame of its own.
struct Crash {
    folder: TempDir,
    /// The journal without the room at its end.
    whole: Vec<u8>,
    /// That room, and what was in the place of the last frame before.
    room: Vec<u8>,
    /// Where the last frame begins.
    last: usize,
    /// The checkpoint after three appends, and after four.
    three: String,
    four: String,
}

impl Crash {
    fn new() -> Self {
        let live = tempfile::tempdir().unwrap();
        let log = open(live.path()).log;
        for index in 0..3 {
            log.append_blocking(leaf(index)).unwrap();
        }
        let room = fs::read(journal(live.path())).unwrap();
        let last = used(&room);
        let three = log.checkpoint().to_string();
        log.append_blocking(leaf(3)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(live.path(), folder.path());
        let mut whole = fs::read(journal(folder.path())).unwrap();
        assert_eq!(whole.len(), room.len(), "the frame took the place of what was there");
        whole.truncate(used(&whole));
        let room = room[last..].to_vec();
        Self { folder, whole, room, last, three, four: log.checkpoint().to_string() }
    }

    /// What is told of a last frame of which so many bytes are left.
    fn torn(&self, bytes: usize, claims: Option<Range<u64>>, cut_short: bool) -> Torn {
        let name = journal(self.folder.path()).file_name().unwrap().to_str().unwrap().to_owned();
        let (file, offset, bytes) = (format!("journal/{name}"), self.last as u64, bytes as u64);
        Torn { file, offset, bytes, intact_below: 3, claims, cut_short }
    }

    /// The same with another journal and another published checkpoint.
    fn with(&self, bytes: &[u8], published: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        fs::write(journal(folder.path()), bytes).unwrap();
        fs::write(folder.path().join("checkpoint"), published).unwrap();
        folder
    }
}

#[test]
fn a_torn_last_frame_is_dropped_wherever_it_is_cut() {
    let crash = Crash::new();
    let cuts = (crash.last..crash.whole.len()).flat_map(|cut| [(cut, false), (cut, true)]);
    for (cut, has_room) in cuts {
        // A crash leaves what was there before in the place of what it kept from being written: room, or the end of the file.
        let room = if has_room { &crash.room[cut - crash.last..] } else { &[] };
        let journal = [&crash.whole[..cut], room].concat();
        let folder = crash.with(&journal, &crash.three);
        assert_eq!(verified(folder.path()).0, 3, "cut at {cut}");
        let bytes = used(&journal).max(crash.last) - crash.last;
        let readable = (bytes >= FRAME_HEADER + 8).then_some(3..4);
        // Whether so little room is the frame's own end nobody can tell.
        let (missing, header) = (crash.whole.len() - crash.last - bytes, bytes < FRAME_HEADER);
        let cut_short = header || !has_room || missing >= 16;
        let torn = (bytes > 0).then(|| crash.torn(bytes, readable, cut_short));
        assert_eq!(torn_end(folder.path()), torn, "cut at {cut}");
        let opened = open(folder.path());
        assert_eq!(opened.recovered, Some(Recovery { entries: 3, torn }), "cut at {cut}");
        assert_eq!(*opened.log.checkpoint(), crash.three);
        assert_eq!(opened.log.append_blocking(b"next".to_vec()).unwrap().index, 3);
        opened.log.close().unwrap();
        assert_eq!(verified(folder.path()).0, 4);
        assert_eq!(torn_end(folder.path()), None);
        assert_eq!(open(folder.path()).recovered, None);
    }
}

#[test]
fn a_broken_last_frame_is_dropped_wherever_it_is_broken_and_never_without_a_word() {
    // It was acknowledged, and the published checkpoint is the one before: nothing in the folder tells that from a frame that
    // a power failure left half on the disk.
    let crash = Crash::new();
    let places = (crash.last..crash.whole.len()).flat_map(|offset| [(offset, false), (offset, true)]);
    for (offset, has_room) in places {
        let mut bytes = crash.whole.clone();
        bytes[offset] ^= 0x01;
        let room = if has_room { &crash.room[crash.whole.len() - crash.last..] } else { &[] };
        bytes.extend_from_slice(room);
        let folder = crash.with(&bytes, &crash.three);
        let found = torn_end(folder.path()).unwrap();
        let length = used(&bytes) - crash.last;
        if offset < crash.last + FRAME_HEADER {
            assert_eq!(found, crash.torn(length, None, false), "broken at {offset}");
        } else if offset >= crash.last + FRAME_HEADER + 8 {
            assert_eq!(found, crash.torn(length, Some(3..4), false), "broken at {offset}");
        }
        let said = found.to_string();
        assert!(said.contains("or it was acknowledged and has been damaged since"), "{said}");
        assert!(said.contains(&found.file) && said.contains("entries below 3 do not depend on it"), "{said}");
        let opened = open(folder.path());
        assert_eq!(opened.recovered, Some(Recovery { entries: 3, torn: Some(found) }), "broken at {offset}");
        assert_eq!(opened.log.size(), 3);
    }
}

#[test]
fn what_was_added_behind_the_last_frame_is_told() {
    let crash = Crash::new();
    let behind = [(vec![0; 100], false), (vec![0xa5; 7], false), (crash.whole[16..30].to_vec(), true)];
    for ((added, cut_short), has_room) in
        behind.iter().flat_map(|behind| [(behind.clone(), false), (behind.clone(), true)])
    {
        let room = &crash.room[crash.whole.len() - crash.last..];
        let room = if has_room { &room[added.len()..] } else { &[] };
        let bytes = [crash.whole.as_slice(), &added, room].concat();
        let folder = crash.with(&bytes, &crash.four);
        assert_eq!(verified(folder.path()).0, 4);
        let torn = torn_end(folder.path()).unwrap();
        assert_eq!((torn.offset, torn.bytes), (crash.whole.len() as u64, added.len() as u64));
        assert_eq!((torn.intact_below, torn.claims.clone(), torn.cut_short), (4, None, cut_short));
        assert_eq!(open(folder.path()).recovered, Some(Recovery { entries: 4, torn: Some(torn) }));
    }
    // A segment of which not even the header is whole.
    for (length, cut_short) in [(0, None), (9, Some(true)), (16, Some(false))] {
        let folder = closed();
        fs::create_dir_all(folder.path().join("journal")).unwrap();
        fs::write(folder.path().join(format!("journal/{:020}", 600)), vec![7; length]).unwrap();
        let torn = torn_end(folder.path());
        assert_eq!(torn.as_ref().map(|torn| torn.cut_short), cut_short, "{length}");
        let recovered = open(folder.path()).recovered;
        assert_eq!(recovered.and_then(|recovered| recovered.torn), torn, "{length}");
    }
}

#[test]
fn room_is_what_it_was_made_of_where_it_was_made_and_nothing_else() {
    let crash = Crash::new();
    let room = &crash.room[crash.whole.len() - crash.last..];
    let elsewhere = [&room[1..], &room[..1]].concat();
    for (instead, is_room) in [(room.to_vec(), true), (vec![0; room.len()], false), (elsewhere, false)] {
        let folder = crash.with(&[crash.whole.as_slice(), &instead].concat(), &crash.four);
        assert_eq!(torn_end(folder.path()).is_none(), is_room, "{:?}", &instead[..20]);
    }
    // Where the last frame was overwritten with it, it is as if the file had been cut off there.
    let folder = crash.with(&[&crash.whole[..crash.last], &crash.room].concat(), &crash.four);
    assert_eq!(*damage_at_open(folder.path()).fault(), Fault::Behind { promised: 4, found: 3 });
}

#[test]
fn a_last_frame_that_was_published_cannot_be_dropped() {
    let crash = Crash::new();
    for cut in [16, crash.last, crash.last + 1, crash.whole.len() - 1] {
        let folder = crash.with(&crash.whole[..cut], &crash.four);
        let damage = damage_at_open(folder.path());
        assert!(damage.file().starts_with("journal/"), "{damage}");
        let found = if cut == 16 { 0 } else { 3 };
        assert_eq!(*damage.fault(), Fault::Behind { promised: 4, found });
        assert_eq!(damage.intact_below(), found);
        assert!(damage.to_string().contains("restore this file"), "{damage}");
        assert_eq!(damage_when_verified(folder.path()), damage);
    }
}

#[test]
fn an_earlier_frame_that_is_broken_is_damage_wherever_it_is() {
    let crash = Crash::new();
    for offset in 0..crash.last {
        let mut bytes = crash.whole.clone();
        bytes[offset] ^= 0x01;
        let folder = crash.with(&bytes, &crash.three);
        let damage = damage_at_open(folder.path());
        assert!(damage.file().starts_with("journal/"), "broken at {offset}: {damage}");
        assert!(damage.intact_below() <= 2, "broken at {offset}: {damage}");
        // Nothing was repaired in passing.
        assert_eq!(fs::read(journal(folder.path())).unwrap(), bytes);
    }
}

#[test]
fn a_missing_segment_or_checkpoint_is_noticed() {
    let crash = Crash::new();
    let folder = crash.with(&crash.whole, &crash.four);
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let damage = damage_at_open(folder.path());
    assert_eq!((damage.file(), damage.fault()), ("checkpoint", &Fault::Missing));

    // A checkpoint over entries of which there is no trace.
    let folder = crash.with(&crash.whole, &crash.four);
    fs::remove_file(journal(folder.path())).unwrap();
    is_without_its_journal(folder.path(), 4, 0);

    // A journal that begins later than the files beside it end.
    let folder = crash.with(&crash.whole, &crash.four);
    let segment = journal(folder.path());
    fs::rename(&segment, segment.with_file_name(format!("{:020}", 7))).unwrap();
    assert!(try_open(folder.path()).is_err());
}

/// Whoever opens, verifies or lists this folder is told that what was published last was in the journal, and how far it is sound.
fn is_without_its_journal(folder: &Path, promised: u64, found: u64) {
    let damage = damage_at_open(folder);
    assert_eq!((damage.file(), damage.intact_below()), ("journal", found), "{damage}");
    assert!(damage.to_string().contains("restore this folder"), "{damage}");
    assert_eq!(*damage.fault(), Fault::Behind { promised, found });
    assert_eq!(damage_when_verified(folder), damage);
    let Err(VerifyError::Directory(listed)) = verify::leaves(&dir(folder), 0..u64::MAX) else {
        panic!("entries that are gone are not listed")
    };
    assert_eq!(listed.to_string(), damage.to_string());
}

#[test]
fn a_segment_that_was_taken_away_is_told_from_a_tile_that_was() {
    for settled in [55, 256, 600] {
        let live = tempfile::tempdir().unwrap();
        let log = open(live.path()).log;
        fill(&log, settled);
        log.close().unwrap();
        let log = open(live.path()).log;
        fill(&log, 700);
        let folder = tempfile::tempdir().unwrap();
        copy(live.path(), folder.path());
        fs::write(folder.path().join("checkpoint"), &*log.checkpoint()).unwrap();
        assert_eq!(verified(folder.path()).0, 700, "with its journal it is whole");
        fs::remove_file(journal(folder.path())).unwrap();
        is_without_its_journal(folder.path(), 700, settled);
    }

    // Of a closed log either of the last files is named by itself; without both, whatever they held is gone.
    let folder = closed();
    let (tile, bundle) = (folder.path().join("tile/0/002.p/88"), folder.path().join("tile/entries/002.p/88"));
    let kept = fs::read(&tile).unwrap();
    fs::remove_file(&tile).unwrap();
    assert_eq!(damage_at_open(folder.path()).file(), "tile/0/002.p/88");
    fs::remove_file(&bundle).unwrap();
    is_without_its_journal(folder.path(), 600, 512);
    fs::write(&tile, kept).unwrap();
    assert_eq!(damage_at_open(folder.path()).file(), "tile/entries/002.p/88");
}

#[test]
fn a_checkpoint_that_was_put_back_is_to_blame_and_not_the_tiles() {
    let folder = closed();
    let earlier = fs::read(folder.path().join("checkpoint")).unwrap();
    let log = open(folder.path()).log;
    fill(&log, 700);
    log.close().unwrap();
    fs::write(folder.path().join("checkpoint"), earlier).unwrap();
    let damage = damage_at_open(folder.path());
    assert_eq!((damage.file(), damage.intact_below()), ("checkpoint", 0), "{damage}");
    assert_eq!(*damage.fault(), Fault::Outdated { signed: 600, needed: 700 });
    assert!(damage.to_string().contains("signs 600 entries while the files beside it hold 700 or more"), "{damage}");
    assert_eq!(damage_when_verified(folder.path()), damage);
}

/// A closed log of 600 entries: two full tiles and bundles, and three growing ones.
fn closed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).log;
    fill(&log, 600);
    log.close().unwrap();
    folder
}

#[test]
fn a_flipped_byte_is_reported_with_the_name_of_its_file() {
    let sound = closed();
    for (name, first, noticed_at_open) in [
        ("checkpoint", 0, true),
        ("tile/0/000", 0, false),
        ("tile/0/001", 256, false),
        ("tile/0/002.p/88", 512, true),
        ("tile/1/000.p/2", 0, true),
        ("tile/entries/000", 0, false),
        ("tile/entries/001", 256, false),
        ("tile/entries/002.p/88", 512, true),
    ] {
        let length = fs::metadata(sound.path().join(name)).unwrap().len() as usize;
        for offset in [0, 1, length / 2, length - 1] {
            let folder = tempfile::tempdir().unwrap();
            copy(sound.path(), folder.path());
            flip(&folder.path().join(name), offset);
            let damage = damage_when_verified(folder.path());
            assert_eq!((damage.file(), damage.intact_below()), (name, first), "byte {offset}: {damage}");
            if noticed_at_open {
                assert_eq!(damage_at_open(folder.path()), damage);
            } else {
                open(folder.path());
            }
        }
    }
}

#[test]
fn a_missing_or_cut_file_is_reported_by_name() {
    let sound = closed();
    for name in ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88"] {
        let folder = tempfile::tempdir().unwrap();
        copy(sound.path(), folder.path());
        let file = folder.path().join(name);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(damage_when_verified(folder.path()).file(), name);
        fs::write(&file, [bytes.as_slice(), &[0]].concat()).unwrap();
        assert_eq!(damage_when_verified(folder.path()).file(), name);
        fs::remove_file(&file).unwrap();
        let damage = damage_when_verified(folder.path());
        assert_eq!((damage.file(), damage.fault()), (name, &Fault::Missing));
    }
}

#[test]
fn damaged_files_are_not_believed_when_read() {
    let folder = closed();
    flip(&folder.path().join("tile/0/000"), 100);
    flip(&folder.path().join("tile/entries/001"), 100);
    let log = open(folder.path()).log;
    assert_eq!(damage_when_read(log.prove_inclusion(7, 600)).file(), "tile/0/000");
    assert_eq!(damage_when_read(log.entry(7)).file(), "tile/0/000");
    assert_eq!(damage_when_read(log.entries(256..512)).file(), "tile/entries/001");
    // The rest of the log works, and goes on.
    assert_eq!(log.entry(599).unwrap(), leaf(599));
    assert_eq!(log.append_blocking(leaf(600)).unwrap().index, 600);
    log.prove_inclusion(300, 601).unwrap();
}

#[test]
fn what_a_log_at_work_cannot_read_is_kept_in_mind_until_it_has_been_read() {
    let folder = closed();
    let log = open(folder.path()).log;
    let told = || Vec::from_iter(log.unread().borrow().keys().cloned());
    let [tile, bundle] = ["tile/0/000", "tile/entries/001"].map(|name| folder.path().join(name));
    let sound = [fs::read(&tile).unwrap(), fs::read(&bundle).unwrap()];
    assert!(told().is_empty(), "nobody has looked");
    fs::remove_file(&tile).unwrap();
    // The last entry of the bundle.
    flip(&bundle, sound[1].len() - 1);
    for _ in 0..2 {
        assert_eq!(damage_when_read(log.prove_inclusion(7, 600)).file(), "tile/0/000");
        assert_eq!(damage_when_read(log.file("tile/entries/001")).file(), "tile/entries/001");
        assert_eq!(told(), ["tile/0/000", "tile/entries/001"]);
    }
    let unread = log.unread().borrow().get("tile/entries/001").cloned().unwrap();
    assert!(unread.why.contains("entry 511") && unread.entry == Some(511), "{}", unread.why);
    // What is not there at all is nobody's damage, nor is what is too much to ask.
    assert_eq!(log.file("tile/entries/999").unwrap(), None);
    log.entry(600).unwrap_err();
    log.prove_consistency(3, 2).unwrap_err();
    assert_eq!(log.entries(256..511).unwrap().len(), 255, "the rest of the bundle is as good as it was");
    assert_eq!(told(), ["tile/0/000", "tile/entries/001"]);

    fs::write(&bundle, &sound[1]).unwrap();
    assert_eq!(log.entry(511).unwrap(), leaf(511));
    assert_eq!(told(), ["tile/0/000"]);
    fs::write(&tile, &sound[0]).unwrap();
    log.entry(0).unwrap();
    assert!(told().is_empty());

    // Of what is pruned nobody has to know that it cannot be read.
    fs::remove_file(folder.path().join("tile/entries/000")).unwrap();
    damage_when_read(log.entries(0..10));
    assert_eq!(told(), ["tile/entries/000"]);
    log.prune(256).unwrap();
    assert!(told().is_empty());
    log.entry(5).unwrap_err();
    assert!(told().is_empty());
}

#[test]
fn a_journal_that_is_a_folder_is_an_error_and_not_a_panic() {
    let crash = Crash::new();
    let folder = crash.with(&crash.whole, &crash.four);
    let segment = journal(folder.path());
    fs::remove_file(&segment).unwrap();
    fs::create_dir(&segment).unwrap();
    assert!(matches!(try_open(folder.path()), Err(OpenError::Directory(_))));
}
