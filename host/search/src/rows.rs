//! The f32 rows, which only a re-rank reads: in memory, or in a file.
//!
//! A scan reads codes; of the rows it reads a few hundred. So the rows of a large gallery can be on disk: the kernel
//! keeps those in memory that are read, and gives the memory back when it is wanted. Rows in a file have a checksum each,
//! in memory, with which each row that is read is compared: a disk that changes a bit must not change a score. They are read
//! by a call and not through a mapping: a file that somebody cut short, or a disk that does not read, is then a row that is not
//! there, and not the end of the process.

use std::borrow::Cow;
use std::collections::TryReserveError;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::SnapshotError;
use crate::codes::vacate;
use crate::plain::{bytes, bytes_mut};
use crate::snapshot::{GoOn, ROW};

/// Where in its file a gallery's first row stands: a page is left for what describes the rest. See `snapshot`.
pub(crate) const FIRST_ROW: u64 = 4096;

/// Bytes read or written at a time where all rows are, or all that stands behind them.
const AT_ONCE: usize = 4 << 20;

/// `n × dim` f32, row-major. The first rows are in the file, if there is one, and the others in memory.
pub(crate) struct Rows {
    dim: usize,
    filed: Option<Filed>,
    /// Rows past those in the file.
    tail: Vec<f32>,
}

/// Rows in a file, which this owns: it is locked, and whoever respects that neither changes nor shortens it.
struct Filed {
    file: File,
    capacity: usize,
    /// The CRC-32 of each row.
    sums: Vec<u32>,
    /// How often rows were overwritten.
    removals: u64,
    /// How many of these times the disk has taken for good.
    settled: Arc<AtomicU64>,
    /// Why a row could not be overwritten.
    failed: Option<io::Error>,
}

/// What is left to be done of a removal once its rows are overwritten. It needs the gallery's file and not the gallery, which
/// can be searched meanwhile; rows may not be added to it or removed from it.
#[must_use = "a removal that is not finished may come back after a crash"]
pub struct Settling {
    file: File,
    /// Where the room for rows ends.
    end: u64,
    removals: u64,
    settled: Arc<AtomicU64>,
}

impl Settling {
    /// Makes what was removed gone from the file for good. What stands behind the rows (the codes and ids of a snapshot) is
    /// overwritten and cut off, and the file is synced.
    ///
    /// # Errors
    /// If the disk did not take it: a removed row may still be in the file, which should be deleted. It can be tried again.
    pub fn finish(self) -> io::Result<()> {
        let Self { file, end, removals, settled } = self;
        if blank(&file, end)? {
            // On the disk before they are cut off: what is cut off is not written any more.
            file.sync_all()?;
        }
        file.set_len(end)?;
        file.sync_all()?;
        settled.fetch_max(removals, Ordering::AcqRel);
        Ok(())
    }
}

/// Overwrites what a file holds from this byte on; whether it holds any.
pub(crate) fn blank(file: &File, from: u64) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let zeros = vec![0; AT_ONCE];
    let mut at = from;
    while at < length {
        let part = usize::try_from(length - at).map_or(AT_ONCE, |left| left.min(AT_ONCE));
        file.write_all_at(&zeros[..part], at)?;
        at += part as u64;
    }
    Ok(from < length)
}

impl Rows {
    /// No rows, to be kept in memory.
    pub(crate) fn in_memory(dim: usize) -> Self {
        Self { dim, filed: None, tail: Vec::new() }
    }

    /// The first rows of a file, as many as there are checksums; there is room in it for `capacity`.
    pub(crate) fn in_file(dim: usize, capacity: usize, sums: Vec<u32>, file: File) -> Result<Self, SnapshotError> {
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SnapshotError::InUse,
            TryLockError::Error(error) => SnapshotError::File(error),
        })?;
        let capacity = capacity.max(1);
        let end = row_at(capacity, dim);
        if file.metadata()?.len() < end {
            file.set_len(end)?;
        }
        let filed = Filed { file, capacity, sums, removals: 0, settled: Arc::new(AtomicU64::new(0)), failed: None };
        Ok(Self { dim, filed: Some(filed), tail: Vec::new() })
    }

    /// Makes room in memory for so many more rows, unless they go into a file.
    pub(crate) fn try_reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        match &mut self.filed {
            Some(filed) => filed.sums.try_reserve_exact(rows),
            // A product that saturates is refused by the allocator like any other that is too large.
            None => self.tail.try_reserve_exact(rows.saturating_mul(self.dim)),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.filed_rows() + self.tail.len() / self.dim
    }

    fn filed_rows(&self) -> usize {
        self.filed.as_ref().map_or(0, |filed| filed.sums.len())
    }

    /// A row, which must exist; absent if its file does not have it as it was written.
    pub(crate) fn row(&self, row: usize) -> Option<Cow<'_, [f32]>> {
        match &self.filed {
            Some(filed) if row < filed.sums.len() => filed.row(row, self.dim).map(Cow::Owned),
            _ => Some(Cow::Borrowed(&self.tail[(row - self.filed_rows()) * self.dim..][..self.dim])),
        }
    }

    /// Reads all rows in the file, one after the other: searches want the other threads. In memory they are always as they were
    /// written.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] if one is not as it was written; [`SnapshotError::GivenUp`].
    pub(crate) fn check(&self, go_on: GoOn<'_>) -> Result<(), SnapshotError> {
        let Some(filed) = &self.filed else { return Ok(()) };
        let at_once = self.rows_at_once();
        filed.sums.chunks(at_once).enumerate().try_for_each(|(i, sums)| {
            if !go_on() {
                return Err(SnapshotError::GivenUp);
            }
            let sound = filed.are_sound(i * at_once, sums, self.dim);
            sound.then_some(()).ok_or(SnapshotError::Damaged { what: ROW })
        })
    }

    fn rows_at_once(&self) -> usize {
        (AT_ONCE / (self.dim * size_of::<f32>())).max(1)
    }

    /// Appends rows of `dim` values, many by one write. What the disk does not take stays in memory, and so does all after it.
    pub(crate) fn extend(&mut self, units: &[Vec<f32>]) {
        for some in units.chunks(self.rows_at_once()) {
            let filed = self.filed.as_mut().filter(|_| self.tail.is_empty());
            if filed.is_none_or(|filed| filed.extend(some, self.dim).is_err()) {
                self.tail.extend(some.iter().flatten());
            }
        }
    }

    /// Puts the last row in the place of `row`, which must exist, and overwrites the place it leaves.
    pub(crate) fn swap_remove(&mut self, row: usize) {
        let filed_rows = self.filed_rows();
        match &mut self.filed {
            Some(filed) if row < filed_rows => {
                if self.tail.is_empty() {
                    filed.swap_remove(row, self.dim);
                } else {
                    let last = self.tail.len() - self.dim;
                    filed.replace(row, &self.tail[last..]);
                    self.tail[last..].fill(0.0);
                    self.tail.truncate(last);
                }
            }
            _ => vacate(&mut self.tail, row - filed_rows, self.dim),
        }
    }

    /// What is left to be done of removals; absent where nothing is.
    ///
    /// # Errors
    /// Why a row could not be overwritten, if one could not.
    pub(crate) fn settling(&self) -> io::Result<Option<Settling>> {
        let unsettled = |filed: &&Filed| filed.settled.load(Ordering::Acquire) != filed.removals;
        let Some(filed) = self.filed.as_ref().filter(unsettled) else { return Ok(None) };
        // For good: as long as the file is used, what could not be overwritten is in it.
        if let Some(error) = &filed.failed {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        Ok(Some(Settling {
            file: filed.file.try_clone()?,
            end: row_at(filed.capacity, self.dim),
            removals: filed.removals,
            settled: Arc::clone(&filed.settled),
        }))
    }

    /// The file, if it holds all the rows, with the room for rows in it and their checksums.
    pub(crate) fn whole(&self) -> Option<(&File, usize, &[u32])> {
        let filed = self.filed.as_ref().filter(|filed| self.tail.is_empty() && filed.failed.is_none())?;
        Some((&filed.file, filed.capacity, &filed.sums))
    }

    /// Writes all rows into another file, in their places, and gives their checksums.
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`SnapshotError::File`].
    pub(crate) fn copy_into(&self, file: &File, go_on: GoOn<'_>) -> Result<Vec<u32>, SnapshotError> {
        let mut sums = Vec::with_capacity(self.len());
        let at_once = self.rows_at_once();
        let mut copied = Vec::with_capacity(AT_ONCE);
        for first in (0..self.len()).step_by(at_once) {
            if !go_on() {
                return Err(SnapshotError::GivenUp);
            }
            copied.clear();
            for row in first..self.len().min(first + at_once) {
                let row = self.row(row).ok_or(SnapshotError::Damaged { what: ROW })?;
                let row = bytes(&row);
                sums.push(crc32fast::hash(row));
                copied.extend_from_slice(row);
            }
            file.write_all_at(&copied, row_at(first, self.dim))?;
        }
        Ok(sums)
    }

    /// Appends a row: for tests.
    #[cfg(test)]
    pub(crate) fn push(&mut self, unit: &[f32]) {
        self.extend(&[unit.to_vec()]);
    }

    /// The rows in memory: for tests of what is left there.
    #[cfg(test)]
    pub(crate) fn tail(&mut self) -> &mut Vec<f32> {
        &mut self.tail
    }
}

impl Filed {
    /// A row, if it is as it was written.
    fn row(&self, row: usize, dim: usize) -> Option<Vec<f32>> {
        let values = self.read(row, dim).ok()?;
        (crc32fast::hash(bytes(&values)) == self.sums[row]).then_some(values)
    }

    /// A row as it stands in the file.
    fn read(&self, row: usize, dim: usize) -> io::Result<Vec<f32>> {
        let mut values = vec![0.0; dim];
        self.file.read_exact_at(bytes_mut(&mut values), row_at(row, dim))?;
        Ok(values)
    }

    /// Whether the rows from `first` on have these checksums.
    fn are_sound(&self, first: usize, sums: &[u32], dim: usize) -> bool {
        let width = dim * size_of::<f32>();
        let mut text = vec![0; sums.len() * width];
        let read = self.file.read_exact_at(&mut text, row_at(first, dim));
        read.is_ok() && text.chunks_exact(width).zip(sums).all(|(row, sum)| crc32fast::hash(row) == *sum)
    }

    /// Appends rows by one write, all or none.
    fn extend(&mut self, units: &[Vec<f32>], dim: usize) -> io::Result<()> {
        while self.capacity - self.sums.len() < units.len() {
            self.grow(dim)?;
        }
        let at = row_at(self.sums.len(), dim);
        let mut text = Vec::with_capacity(units.len() * dim * size_of::<f32>());
        units.iter().for_each(|unit| text.extend_from_slice(bytes(unit)));
        if let Err(error) = self.file.write_all_at(&text, at) {
            self.retract(at, text.len());
            return Err(error);
        }
        self.sums.extend(units.iter().map(|unit| crc32fast::hash(bytes(unit))));
        Ok(())
    }

    /// Overwrites what the disk took of rows that it did not take whole, and that are kept in memory therefore: nobody would look
    /// for them here when they are removed. A full disk takes these zeros as far as it took the rows. Whatever is removed next is
    /// settled with them on the disk.
    fn retract(&mut self, at: u64, length: usize) {
        self.removals += 1;
        match self.file.write_all_at(&vec![0; length], at) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
            written => self.remember(written),
        }
    }

    /// Makes room as for a gallery of so many rows. What a snapshot keeps behind the rows is overwritten first: it is of fewer rows
    /// than there are by now, and a removal would not find any more what was only cut off.
    fn grow(&mut self, dim: usize) -> io::Result<()> {
        let capacity = room_for(self.capacity);
        if blank(&self.file, row_at(self.capacity, dim))? {
            // As where a removal is settled.
            self.file.sync_all()?;
        }
        self.file.set_len(row_at(capacity, dim))?;
        self.capacity = capacity;
        Ok(())
    }

    fn write(&self, row: usize, unit: &[f32]) -> io::Result<()> {
        self.file.write_all_at(bytes(unit), row_at(row, unit.len()))
    }

    fn replace(&mut self, row: usize, unit: &[f32]) {
        self.removals += 1;
        self.sums[row] = crc32fast::hash(bytes(unit));
        let written = self.write(row, unit);
        self.remember(written);
    }

    fn swap_remove(&mut self, row: usize, dim: usize) {
        self.removals += 1;
        let last = self.sums.len() - 1;
        let zeros = vec![0.0; dim];
        if row < last {
            // Whatever the disk gives for the row that moves, the removed one is overwritten.
            let (moved, read) = match self.read(last, dim) {
                Ok(moved) => (moved, Ok(())),
                Err(error) => (zeros.clone(), Err(error)),
            };
            self.remember(read);
            let written = self.write(row, &moved);
            self.remember(written);
        }
        let written = self.write(last, &zeros);
        self.remember(written);
        // With the row goes its checksum, unchanged: where the row was damaged, it still is.
        self.sums.swap_remove(row);
    }

    fn remember(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}

/// Rows for which there is to be room, in a file and in memory: those there are, and what is enrolled in a while.
pub(crate) fn room_for(rows: usize) -> usize {
    rows.saturating_add(rows / 8).saturating_add(4096)
}

/// Where a row stands in the file.
pub(crate) fn row_at(row: usize, dim: usize) -> u64 {
    FIRST_ROW + (row * dim * size_of::<f32>()) as u64
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn unit(n: u16) -> [f32; 3] {
        [f32::from(n), 0.5, -1.0]
    }

    fn settle(rows: &Rows) {
        rows.settling().expect("a disk").expect("something was removed").finish().expect("a disk");
        assert!(rows.settling().expect("a disk").is_none(), "nothing is left to be done");
    }

    fn file() -> (File, File) {
        let file = tempfile::tempfile().expect("a temporary file");
        (file.try_clone().expect("another handle"), file)
    }

    fn firsts(rows: &Rows) -> Vec<f32> {
        (0..rows.len()).map(|row| rows.row(row).expect("as it was written")[0]).collect()
    }

    #[test]
    fn a_file_grows_with_its_rows() {
        let (seen, file) = file();
        let mut rows = Rows::in_file(3, 0, Vec::new(), file).expect("a file of its own");
        for n in 1..=100 {
            rows.push(&unit(n));
        }
        assert!(firsts(&rows).into_iter().eq((1..=100_u16).map(f32::from)));
        rows.check(&|| true).expect("a disk");
        let (_, capacity, sums) = rows.whole().expect("all of it in the file");
        assert_eq!((sums.len(), capacity), (100, room_for(1)), "by an eighth, and some");
        assert_eq!(seen.metadata().expect("a disk").len(), row_at(capacity, 3));
    }

    #[test]
    fn many_rows_are_where_each_would_be() {
        let (together, one_by_one) = (file().0, file());
        let many: Vec<Vec<f32>> = (1..=10_000).map(|n| unit(n).to_vec()).collect();
        let mut rows = Rows::in_file(3, 2, Vec::new(), together).expect("a file of its own");
        let mut others = Rows::in_file(3, 2, Vec::new(), one_by_one.0).expect("a file of its own");
        rows.extend(&many[..1]);
        rows.extend(&many[1..]);
        many.iter().for_each(|unit| others.push(unit));
        assert_eq!(firsts(&rows), firsts(&others));
        rows.check(&|| true).expect("a disk");
        assert_eq!(rows.whole().map(|whole| whole.2.to_vec()), others.whole().map(|whole| whole.2.to_vec()));
        // A handle that does not write, as a disk that does not.
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        let file = File::options().read(true).write(true).open(path.path()).expect("it is there");
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        rows.filed.as_mut().expect("it has a file").file = File::open(path.path()).expect("it is there");
        rows.extend(&many[..3]);
        assert_eq!(firsts(&rows), [1.0, 2.0, 3.0]);
        assert_eq!(rows.tail.len(), 3 * 3, "in memory");
    }

    #[test]
    fn what_a_file_grows_over_is_overwritten() {
        let (seen, file) = file();
        let mut rows = Rows::in_file(3, 2, Vec::new(), file).expect("a file of its own");
        for n in 1..=2 {
            rows.push(&unit(n));
        }
        let (index, end) = (b"what a snapshot keeps behind the rows", row_at(room_for(2), 3));
        // Where rows will be, and where the file will end.
        for at in [row_at(2, 3), row_at(1000, 3), end - 10] {
            seen.write_all_at(index, at).expect("a disk");
        }
        rows.push(&unit(3));
        assert_eq!(firsts(&rows), [1.0, 2.0, 3.0]);
        assert_eq!(
            (rows.whole().map(|whole| whole.1), seen.metadata().expect("a disk").len()),
            (Some(room_for(2)), end)
        );
        let mut left = vec![1; usize::try_from(end - row_at(3, 3)).expect("some bytes")];
        seen.read_exact_at(&mut left, row_at(3, 3)).expect("a disk");
        assert!(left.iter().all(|&byte| byte == 0), "and nothing of it comes to light again");
    }

    #[test]
    fn rows_that_the_disk_did_not_take_are_in_memory_and_all_are_read_alike() {
        let mut rows = Rows::in_file(3, 2, Vec::new(), file().0).expect("a file of its own");
        for n in 1..=2 {
            rows.push(&unit(n));
        }
        // As if the disk were full for a moment.
        rows.tail.extend_from_slice(&unit(3));
        rows.push(&unit(4));
        assert_eq!(rows.tail.len(), 2 * 3);
        assert_eq!(firsts(&rows), [1.0, 2.0, 3.0, 4.0]);
        rows.check(&|| true).expect("a disk");
        assert!(rows.whole().is_none());

        rows.swap_remove(0);
        assert_eq!(firsts(&rows), [4.0, 2.0, 3.0]);
        rows.swap_remove(2);
        rows.swap_remove(0);
        assert_eq!(firsts(&rows), [2.0]);
        assert!(rows.whole().is_some());
        settle(&rows);
    }

    #[test]
    fn what_the_disk_took_of_a_row_that_it_did_not_take_whole_is_overwritten() {
        let (seen, file) = file();
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        rows.push(&unit(1));
        let filed = rows.filed.as_mut().expect("it has a file");
        filed.write(1, &unit(2000)).expect("a disk");
        filed.write(2, &unit(3000)).expect("a disk");
        filed.retract(row_at(1, 3), 24);
        let mut left = [1_u8; 24];
        seen.read_exact_at(&mut left, row_at(1, 3)).expect("a disk");
        assert_eq!(left, [0; 24]);
        settle(&rows);
    }

    #[test]
    fn a_row_of_which_nobody_knows_whether_the_disk_took_some_leaves_the_file_unsettled() {
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        let file = File::options().read(true).write(true).open(path.path()).expect("it is there");
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        rows.push(&unit(1));
        // A handle that does not write, as a disk that does not.
        rows.filed.as_mut().expect("it has a file").file = File::open(path.path()).expect("it is there");
        rows.push(&unit(2));
        assert_eq!(firsts(&rows), [1.0, 2.0]);
        rows.swap_remove(1);
        assert!(rows.settling().is_err() && rows.whole().is_none());
    }

    #[test]
    fn nothing_of_a_removed_row_is_left_in_the_file() {
        let (mut seen, file) = file();
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        for n in 1..=3 {
            rows.push(&unit(n * 1000));
        }
        seen.write_all_at(b"what a snapshot keeps behind the rows", row_at(4, 3)).expect("a disk");
        rows.swap_remove(1);
        settle(&rows);
        let mut left = Vec::new();
        seen.read_to_end(&mut left).expect("a disk");
        let holds = |n: u16| left.windows(4).any(|window| window == f32::from(n).to_ne_bytes());
        assert!(holds(1000) && holds(3000) && !holds(2000));
        assert_eq!(left.len() as u64, row_at(4, 3));
        assert_eq!(firsts(&rows), [1000.0, 3000.0]);
    }

    #[test]
    fn a_changed_bit_is_noticed_wherever_the_row_goes() {
        let (other, file) = file();
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        for n in 1..=4 {
            rows.push(&unit(n));
        }
        other.write_all_at(&[1], row_at(3, 3)).expect("a disk");
        assert_eq!((0..4).map(|row| rows.row(row).is_some()).collect::<Vec<_>>(), [true, true, true, false]);
        rows.swap_remove(0);
        assert_eq!((0..3).map(|row| rows.row(row).is_some()).collect::<Vec<_>>(), [false, true, true]);
        assert!(matches!(rows.check(&|| true), Err(SnapshotError::Damaged { what: ROW })));
        assert!(matches!(rows.copy_into(&other, &|| true), Err(SnapshotError::Damaged { what: ROW })));
        assert!(matches!(rows.check(&|| false), Err(SnapshotError::GivenUp)));
    }

    #[test]
    fn a_file_that_was_cut_short_has_no_rows_and_ends_nothing() {
        let (other, file) = file();
        let mut rows = Rows::in_file(3, 4, Vec::new(), file).expect("a file of its own");
        for n in 1..=4 {
            rows.push(&unit(n));
        }
        other.set_len(row_at(2, 3)).expect("a disk");
        assert_eq!((0..4).map(|row| rows.row(row).is_some()).collect::<Vec<_>>(), [true, true, false, false]);
        assert!(rows.check(&|| true).is_err());
        // The row that should take its place cannot be read: the removed one is overwritten all the same.
        rows.swap_remove(0);
        let mut first = [1.0; 3];
        other.read_exact_at(bytes_mut(&mut first), row_at(0, 3)).expect("a disk");
        assert_eq!(first, [0.0; 3]);
        assert!(rows.row(0).is_none() && rows.settling().is_err() && rows.whole().is_none());
    }

    #[test]
    fn what_stands_behind_the_rows_is_overwritten() {
        let (other, file) = file();
        let text = vec![7; AT_ONCE + 100];
        other.write_all_at(&text, 0).expect("a disk");
        assert!(blank(&file, 50).expect("a disk"));
        let mut left = vec![1; text.len()];
        other.read_exact_at(&mut left, 0).expect("a disk");
        assert!(left[..50].iter().all(|&byte| byte == 7) && left[50..].iter().all(|&byte| byte == 0));
        assert!(!blank(&file, text.len() as u64).expect("a disk"));
    }

    #[test]
    fn a_file_has_one_gallery() {
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        let open = || File::options().read(true).write(true).open(path.path()).expect("it is there");
        let rows = Rows::in_file(3, 4, Vec::new(), open()).expect("a file of its own");
        assert!(matches!(Rows::in_file(3, 4, Vec::new(), open()), Err(SnapshotError::InUse)));
        drop(rows);
        assert!(Rows::in_file(3, 4, Vec::new(), open()).is_ok());
    }
}
