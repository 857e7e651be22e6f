//! The journal: what makes an entry durable before any tile holds it. Private to this crate, in the folder `journal`.
//!
//! The journal is cut into segments, files named after their first entry with 20 digits:
//! `journal/00000000000000065536`. A segment is a header (`"MAGJRNL1"`, a random seed and the CRC-32 of both) and
//! [frames](crate::frame). The writer appends to the newest; the publisher turns the oldest into tiles and has it go.
//! All segments but the newest are complete, and each continues where the one before it ends, so the first one's name
//! says up to where the tiles on disk are authoritative.
//!
//! A frame is written and synced before the next is begun. So only the very last frame can be torn by a crash, and then
//! it was never acknowledged; a broken frame with a whole one behind it is damage. The other way about it does not hold: a last
//! frame that is broken may have been acknowledged and damaged since. It is dropped all the same, or no host would start by
//! itself after a power failure; but never without a word ([`Torn`]).
//!
//! A frame that could not be synced is cut off again before anybody is told that it failed, and once more when the log is
//! recovered or closed: whole as it may be, nothing on disk tells it from one that was acknowledged. Where it could not be cut
//! off, whoever appended is told that it may turn up ([`AppendError::Doubtful`](crate::AppendError::Doubtful)).
//!
//! Behind its last frame a segment may have [room](crate::room) for further ones, and a segment that has been turned into tiles may
//! become [room as a whole](crate::spare).

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use crate::error::{Damage, DirectoryError, Fault, FileError};
use crate::files::{Files, ROOT, Step};
use crate::frame::{self, Frame, Remains};
use crate::room;
use crate::spare::{self, Spare};
use crate::torn::Torn;

/// The folder of the segments.
pub(crate) const FOLDER: &str = "journal";

/// A segment is closed once it is longer. Large enough that turning it into tiles, some hundred small files to be
/// synced, is rare beside the thousands of syncs that filled it; small enough to be replayed in about a second.
const SEGMENT_BYTES: u64 = 32 << 20;

/// A segment is closed once it has so many entries: bounds the inner nodes kept in memory (64 bytes each) when leaves
/// are tiny.
const SEGMENT_ENTRIES: u64 = 65_536;

/// How often it is read once more if it changed while it was read, at most.
const AGAIN: usize = 3;

/// No segment is longer: a full one and the longest frame after it (see `writer::MAX_BATCH_BYTES`), rounded up.
const MAX_SEGMENT_BYTES: u64 = 2 * SEGMENT_BYTES;

/// Written ahead at a time: enough that fewer than one in a hundred of the usual frames, some kilobytes each, waits for it.
const ROOM_BYTES: u64 = 1 << 20;

/// No room is made with longer frames. There would be one to make every few frames, and bytes, of which room doubles the number, are
/// what takes the time then.
const MAX_ROOMY_FRAME: u64 = ROOM_BYTES / 16;

const MAGIC: [u8; 8] = *b"MAGJRNL1";
pub(crate) const HEADER_BYTES: usize = 16;

/// The entries a segment holds: `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) end: u64,
    /// Behind so many bytes it has no frame.
    pub(crate) bytes: u64,
}

impl Span {
    /// The segment's file.
    pub(crate) fn file(&self) -> String {
        path(self.first)
    }
}

/// The segment being written.
pub(crate) struct Segment {
    first: u64,
    seed: u32,
    file: File,
    // Bytes of frames, the header included, that are known to be on disk.
    durable: u64,
    // Where the room behind those ends.
    end: u64,
    // Whether there may be bytes of a frame behind the durable ones.
    unsynced: bool,
}

impl Segment {
    /// Begins the segment whose first entry is `first`.
    pub(crate) fn create(files: &Files, first: u64) -> Result<Self, FileError> {
        let fresh = spare::fresh(files, path(first))?;
        files.sync_folder(ROOT)?;
        Ok(Self::begin(fresh, first))
    }

    /// Begins the segment whose first entry is `first` in the place of one that has done its service.
    pub(crate) fn reuse(files: &Files, spare: Spare, first: u64) -> Result<Self, FileError> {
        files.rename(&spare.name, &path(first))?;
        files.sync_folder(FOLDER)?;
        Ok(Self::begin(spare, first))
    }

    fn begin(Spare { seed, file, end, .. }: Spare, first: u64) -> Self {
        Self { first, seed, file, durable: HEADER_BYTES as u64, end, unsynced: false }
    }

    /// The entries it holds, with the log at `size` entries.
    pub(crate) fn span(&self, size: u64) -> Span {
        Span { first: self.first, end: size, bytes: self.durable }
    }

    /// Where its frames' checksums start.
    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    /// Appends a frame and makes it durable; where there is no room for it, makes some, which is added to `frame`. After an error the
    /// segment takes no more frames until its end was discarded.
    pub(crate) fn append(&mut self, files: &Files, frame: &mut Vec<u8>) -> Result<(), FileError> {
        let path = path(self.first);
        let failed = |source| FileError::new(&path, "written", source);
        files.check(Step::JournalWrite).map_err(failed)?;
        let (length, durable) = (frame.len() as u64, self.durable + frame.len() as u64);
        if durable > self.end && length <= MAX_ROOMY_FRAME {
            room::extend(frame, durable, ROOM_BYTES as usize);
        }
        self.unsynced = true;
        self.file.seek(SeekFrom::Start(self.durable)).map_err(failed)?;
        let (own, room) = frame.split_at(length as usize);
        self.file.write_all(own).map_err(failed)?;
        // Where the disk has none left for it, the frame does without.
        let has_room = self.file.write_all(room).is_ok();
        files.check(Step::JournalSync).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.end = self.end.max(if has_room { durable + room.len() as u64 } else { durable });
        self.durable = durable;
        self.unsynced = false;
        Ok(())
    }

    /// Whether the next segment should be begun, with the log at `size` entries.
    pub(crate) fn is_full(&self, size: u64) -> bool {
        self.durable > SEGMENT_BYTES || size - self.first >= SEGMENT_ENTRIES
    }

    /// Whether it has no entry, with the log at `size`.
    pub(crate) fn is_empty(&self, size: u64) -> bool {
        self.first == size
    }

    /// Cuts off what was written but never became durable, and so was never acknowledged. After an error it may be on disk
    /// all the same: at once where it could not be cut off, or after a power failure where that could not be synced.
    pub(crate) fn discard_unsynced(&mut self, files: &Files) -> Result<(), FileError> {
        if !self.unsynced {
            return Ok(());
        }
        files
            .check(Step::JournalCut)
            .and_then(|()| self.file.set_len(self.durable))
            .and_then(|()| self.file.sync_all())
            .map_err(|source| FileError::new(&path(self.first), "truncated", source))?;
        (self.end, self.unsynced) = (self.durable, false);
        Ok(())
    }
}

/// All that the journal holds.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The segments, oldest first.
    pub(crate) spans: Vec<Span>,
    /// Their frames in order.
    pub(crate) frames: Vec<Frame>,
    /// What stands behind its last sound frame.
    pub(crate) torn: Option<Torn>,
}

impl Journal {
    /// Reads the journal, whoever writes it meanwhile.
    pub(crate) fn read(files: &Files) -> Result<Self, DirectoryError> {
        let mut firsts = segments(files)?;
        for _ in 0..AGAIN {
            let read = Self::read_segments(files, &firsts);
            let listed = segments(files)?;
            // What is wrong with segments that are not the ones there are says nothing.
            if read.is_ok() || listed == firsts {
                return read;
            }
            firsts = listed;
        }
        Self::read_segments(files, &firsts)
    }

    fn read_segments(files: &Files, firsts: &[u64]) -> Result<Self, DirectoryError> {
        let mut journal = Self::default();
        for (number, &first) in firsts.iter().enumerate() {
            let path = path(first);
            if let Some(previous) = journal.spans.last()
                && previous.end != first
            {
                let fault = Fault::Gap { expected: previous.end, found: first };
                return Err(Damage::new(path, fault, previous.end.min(first)).into());
            }
            let mut bytes = segment(files, first)?;
            let is_newest = number + 1 == firsts.len();
            let had = journal.frames.len();
            let mut scanned = journal.scan(&path, &bytes, first, is_newest);
            for _ in 0..AGAIN {
                if !is_newest || (scanned.is_ok() && journal.torn.is_none()) {
                    break;
                }
                // Frames take the place of room: of one that is written in this moment the end may have been read, and not yet
                // the beginning.
                let again = segment(files, first)?;
                if again == bytes {
                    break;
                }
                bytes = again;
                journal.frames.truncate(had);
                journal.torn = None;
                scanned = journal.scan(&path, &bytes, first, is_newest);
            }
            journal.spans.push(Span { first, end: scanned?, bytes: bytes.len() as u64 });
        }
        Ok(journal)
    }

    /// What rides on its entries.
    pub(crate) fn take_riders(&mut self) -> Vec<(u64, Vec<u8>)> {
        self.frames.iter_mut().flat_map(|frame| std::mem::take(&mut frame.riders)).collect()
    }

    /// The file that holds the frame with an entry.
    pub(crate) fn file_of(&self, index: u64) -> String {
        let number = self.spans.partition_point(|span| span.first <= index);
        path(self.spans.get(number.saturating_sub(1)).map_or(index, |span| span.first))
    }

    /// Adds the frames of one segment and returns where it ends.
    fn scan(&mut self, path: &str, bytes: &[u8], first: u64, is_newest: bool) -> Result<u64, Damage> {
        let damaged = |fault, intact_below| Damage::new(path, fault, intact_below);
        if bytes.len() as u64 > MAX_SEGMENT_BYTES {
            let fault = Fault::Length { expected: MAX_SEGMENT_BYTES, found: bytes.len() as u64 };
            return Err(damaged(fault, first));
        }
        let Some(seed) = seed(bytes) else {
            // The header is durable before the first frame is written: without frames the crash came in between.
            if is_newest && bytes.len() <= HEADER_BYTES {
                let remains = Remains { cut_short: bytes.len() < HEADER_BYTES, claims: None };
                self.torn = (!bytes.is_empty()).then(|| torn(path, 0, bytes, first, remains));
                return Ok(first);
            }
            return Err(damaged(Fault::SegmentHeader, first));
        };
        let (mut at, mut next) = (HEADER_BYTES, first);
        let end = bytes.len() - room::behind(bytes);
        while at < end {
            match frame::decode(seed, &bytes[at..]) {
                Some((frame, _)) if frame.first != next => {
                    return Err(damaged(Fault::Gap { expected: next, found: frame.first }, next));
                }
                Some((frame, length)) => {
                    next = frame.size;
                    at += length;
                    self.frames.push(frame);
                }
                None if !is_newest || frame::occurs_in(seed, &bytes[at + 1..]) => {
                    return Err(damaged(Fault::Frame { offset: at as u64 }, next));
                }
                None => {
                    let rest = &bytes[at..end];
                    self.torn = Some(torn(path, at, rest, next, frame::remains(seed, rest, bytes.len() - end)));
                    break;
                }
            }
        }
        Ok(next)
    }
}

fn torn(file: &str, offset: usize, bytes: &[u8], intact_below: u64, remains: Remains) -> Torn {
    let Remains { cut_short, claims } = remains;
    let (offset, bytes) = (offset as u64, bytes.len() as u64);
    Torn { file: file.to_owned(), offset, bytes, intact_below, claims, cut_short }
}

/// A segment's bytes.
fn segment(files: &Files, first: u64) -> Result<Vec<u8>, DirectoryError> {
    let path = path(first);
    let missing = || Damage::new(&path, Fault::Missing, first);
    let bytes = files.read(&path, MAX_SEGMENT_BYTES)?.ok_or_else(missing)?;
    // Where it is gone its entries are in tiles, and what was read of it may be room already.
    if files.exists(&path)? { Ok(bytes) } else { Err(missing().into()) }
}

/// The first entries of the segments on disk, in order. Names that are none of a segment are none of the journal's.
pub(crate) fn segments(files: &Files) -> Result<Vec<u64>, FileError> {
    let mut firsts: Vec<u64> = files
        .names(FOLDER)?
        .iter()
        .filter_map(|name| name.parse::<u64>().ok().filter(|first| path(*first) == format!("{FOLDER}/{name}")))
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn path(first: u64) -> String {
    format!("{FOLDER}/{first:020}")
}

/// What a segment begins with.
pub(crate) fn header(seed: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&seed.to_be_bytes());
    let checksum = frame::crc(0, &header[..12]);
    header[12..].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// The seed in a segment's header, if that is sound.
fn seed(bytes: &[u8]) -> Option<u32> {
    let (found, _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let seed = u32::from_be_bytes([found[8], found[9], found[10], found[11]]);
    (*found == header(seed)).then_some(seed)
}
