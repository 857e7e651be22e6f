//! The f32 rows, which only a re-rank reads: in memory, or in a file and mapped.
//!
//! A scan reads codes; of the rows it reads a few hundred. So the rows of a large gallery can be on disk: the kernel
//! keeps those in memory that are read, and gives the memory back when it is wanted. Rows in a file have a checksum each,
//! in memory, which whoever reads one has to ask about ([`Rows::is_sound`]): a disk that changes a bit must not change a
//! score.

use std::collections::TryReserveError;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;

use memmap2::{Advice, Mmap, MmapOptions};

use crate::SnapshotError;
use crate::codes::vacate;
use crate::plain::{bytes, values};

/// Where in its file a gallery's first row stands: a page is left for what describes the rest. See `snapshot`.
pub(crate) const FIRST_ROW: u64 = 4096;

/// Bytes written at a time while rows are copied into a file.
const COPY_BYTES: usize = 4 << 20;

/// `n × dim` f32, row-major. The first rows are in the file, if there is one, and the others in memory.
pub(crate) struct Rows {
    dim: usize,
    filed: Option<Filed>,
    /// Rows past those in the file.
    tail: Vec<f32>,
}

/// Rows in a file, which this owns: it is locked, and nobody else changes or shortens it.
struct Filed {
    file: File,
    /// The part of the file that holds the rows, up to its capacity.
    map: Mmap,
    capacity: usize,
    /// The CRC-32 of each row.
    sums: Vec<u32>,
    /// Rows were overwritten since the file was last synced.
    unsettled: bool,
    /// Why a row could not be overwritten.
    failed: Option<io::Error>,
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
        let map = mapped(&file, capacity, dim)?;
        let filed = Filed { file, map, capacity, sums, unsettled: false, failed: None };
        Ok(Self { dim, filed: Some(filed), tail: Vec::new() })
    }

    /// Makes room in memory for so many rows, unless they go into a file.
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

    /// A row, which must exist.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        match &self.filed {
            Some(filed) if row < filed.sums.len() => filed.row(row, self.dim),
            _ => &self.tail[(row - self.filed_rows()) * self.dim..][..self.dim],
        }
    }

    /// Whether a row is as it was written. In memory it always is.
    pub(crate) fn is_sound(&self, row: usize) -> bool {
        match &self.filed {
            Some(filed) if row < filed.sums.len() => {
                crc32fast::hash(bytes(filed.row(row, self.dim))) == filed.sums[row]
            }
            _ => true,
        }
    }

    /// Appends a row of `dim` values. One that the disk does not take stays in memory, and so do all after it.
    pub(crate) fn push(&mut self, unit: &[f32]) {
        let filed = self.filed.as_mut().filter(|_| self.tail.is_empty());
        if filed.is_none_or(|filed| filed.push(unit).is_err()) {
            self.tail.extend_from_slice(unit);
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

    /// Makes what was removed gone from the file for good: its rows are synced, and what stands behind them (the codes
    /// and ids of a snapshot) is cut off. Gives why a row could not be overwritten, if one could not.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let dim = self.dim;
        let Some(filed) = self.filed.as_mut().filter(|filed| filed.unsettled) else { return Ok(()) };
        // For good: as long as the file is used, what could not be overwritten is in it.
        if let Some(error) = &filed.failed {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        filed.file.set_len(row_at(filed.capacity, dim))?;
        filed.file.sync_all()?;
        filed.unsettled = false;
        Ok(())
    }

    /// The file, if it holds all the rows, with the room for rows in it and their checksums.
    pub(crate) fn whole(&self) -> Option<(&File, usize, &[u32])> {
        let filed = self.filed.as_ref().filter(|filed| self.tail.is_empty() && filed.failed.is_none())?;
        Some((&filed.file, filed.capacity, &filed.sums))
    }

    /// Writes all rows into another file, in their places, and gives their checksums.
    pub(crate) fn copy_into(&self, file: &File) -> io::Result<Vec<u32>> {
        let mut sums = Vec::with_capacity(self.len());
        let at_once = (COPY_BYTES / (self.dim * size_of::<f32>())).max(1);
        let mut copied = Vec::with_capacity(COPY_BYTES);
        for first in (0..self.len()).step_by(at_once) {
            copied.clear();
            for row in first..self.len().min(first + at_once) {
                if !self.is_sound(row) {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a row is not as it was written"));
                }
                let row = bytes(self.row(row));
                sums.push(crc32fast::hash(row));
                copied.extend_from_slice(row);
            }
            file.write_all_at(&copied, row_at(first, self.dim))?;
        }
        Ok(sums)
    }

    /// The rows in memory: for tests of what is left there.
    #[cfg(test)]
    pub(crate) fn tail(&mut self) -> &mut Vec<f32> {
        &mut self.tail
    }
}

impl Filed {
    fn row(&self, row: usize, dim: usize) -> &[f32] {
        let width = dim * size_of::<f32>();
        let row = &self.map[row * width..][..width];
        values(row).expect("the mapping begins at a multiple of 4096 bytes, and a row is a whole number of f32")
    }

    fn push(&mut self, unit: &[f32]) -> io::Result<()> {
        if self.sums.len() == self.capacity {
            self.grow(unit.len())?;
        }
        self.write(self.sums.len(), unit)?;
        self.sums.push(crc32fast::hash(bytes(unit)));
        Ok(())
    }

    /// Makes half as much room again. What a snapshot keeps behind the rows is cut off first: it is of fewer rows than
    /// there are by now.
    fn grow(&mut self, dim: usize) -> io::Result<()> {
        let capacity = self.capacity + self.capacity / 2 + 1;
        self.file.set_len(row_at(self.capacity, dim))?;
        self.file.set_len(row_at(capacity, dim))?;
        self.map = mapped(&self.file, capacity, dim)?;
        self.capacity = capacity;
        Ok(())
    }

    fn write(&self, row: usize, unit: &[f32]) -> io::Result<()> {
        // Not through the mapping: a full disk is an error here and the end of the process there.
        self.file.write_all_at(bytes(unit), row_at(row, unit.len()))
    }

    fn replace(&mut self, row: usize, unit: &[f32]) {
        self.unsettled = true;
        self.sums[row] = crc32fast::hash(bytes(unit));
        let written = self.write(row, unit);
        self.remember(written);
    }

    fn swap_remove(&mut self, row: usize, dim: usize) {
        self.unsettled = true;
        let last = self.sums.len() - 1;
        if row < last {
            // A copy, because the row is in the file that is about to change.
            let moved = self.row(last, dim).to_vec();
            let written = self.write(row, &moved);
            self.remember(written);
        }
        let written = self.write(last, &vec![0.0; dim]);
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

/// The part of a file that holds so many rows.
fn mapped(file: &File, capacity: usize, dim: usize) -> io::Result<Mmap> {
    let length = capacity * dim * size_of::<f32>();
    // SAFETY: the file is locked and owned by the `Filed` that the mapping is for, which others of this program respect.
    // It is as long as the mapping, is never made shorter, and is changed only through `&mut`, when no row is borrowed.
    let map = unsafe { MmapOptions::new().offset(FIRST_ROW).len(length).map(file)? };
    // A re-rank reads a row here and there: reading ahead would fetch a hundred times as much.
    map.advise(Advice::Random)?;
    Ok(map)
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

    fn file() -> (File, File) {
        let file = tempfile::tempfile().expect("a temporary file");
        (file.try_clone().expect("another handle"), file)
    }

    fn firsts(rows: &Rows) -> Vec<f32> {
        (0..rows.len()).map(|row| rows.row(row)[0]).collect()
    }

    #[test]
    fn a_file_grows_with_its_rows() {
        let (seen, file) = file();
        let mut rows = Rows::in_file(3, 0, Vec::new(), file).expect("a file of its own");
        for n in 1..=100 {
            rows.push(&unit(n));
        }
        assert!(firsts(&rows).into_iter().eq((1..=100_u16).map(f32::from)));
        assert!((0..100).all(|row| rows.is_sound(row)));
        let (_, capacity, sums) = rows.whole().expect("all of it in the file");
        assert_eq!(sums.len(), 100);
        assert_eq!(seen.metadata().expect("a disk").len(), row_at(capacity, 3));
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
        assert!((0..4).all(|row| rows.is_sound(row)));
        assert!(rows.whole().is_none());

        rows.swap_remove(0);
        assert_eq!(firsts(&rows), [4.0, 2.0, 3.0]);
        rows.swap_remove(2);
        rows.swap_remove(0);
        assert_eq!(firsts(&rows), [2.0]);
        assert!(rows.is_sound(0) && rows.whole().is_some());
        rows.settle().expect("a disk");
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
        rows.settle().expect("a disk");
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
        assert_eq!((0..4).map(|row| rows.is_sound(row)).collect::<Vec<_>>(), [true, true, true, false]);
        rows.swap_remove(0);
        assert_eq!((0..3).map(|row| rows.is_sound(row)).collect::<Vec<_>>(), [false, true, true]);
        assert!(rows.copy_into(&other).is_err());
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
