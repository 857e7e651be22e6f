//! A gallery in a file: its f32 rows while it works, all of it when it is sealed, and opened again from there.

use std::collections::{HashMap, TryReserveError};
use std::fs::File;
use std::io;
use std::sync::Arc;

use model::multiset::MultisetHash;

use super::Gallery;
use crate::codes::Codes;
use crate::plain::{bytes, bytes_mut};
use crate::rows::{FIRST_ROW, Rows, Settling, room_for, row_at};
use crate::snapshot::{
    Cipher, Draft, Edition, GoOn, Header, columns_from_bytes, columns_to_bytes, index_digest, read_sections,
    write_sections,
};
use crate::{ShapeError, SnapshotError};

/// Sections of an index before those of the codes: lengths of the ids, the ids, checksums, columns, elements, their sum.
const OWN_SECTIONS: usize = 6;

impl Gallery {
    /// An empty gallery for about `rows` templates of `dim` values whose f32 rows are kept in `file`, which must be
    /// empty, and of which the caller keeps no other handle that writes. There is room in it for an eighth more rows, and it
    /// grows when that is used up. Rows that the disk does not take are kept in memory.
    ///
    /// # Errors
    /// [`SnapshotError::Shape`] for a dimension that is not supported or memory that cannot be had, and whatever keeps
    /// the file from being used.
    pub fn in_file(dim: usize, rows: usize, file: File) -> Result<Self, SnapshotError> {
        let mut gallery = Self::new(dim)?;
        if file.metadata()?.len() > 0 {
            return Err(SnapshotError::Foreign("it is not empty"));
        }
        let capacity = room_for(rows);
        if end_of(capacity, dim).is_none() {
            return Err(ShapeError::Capacity { rows, dim }.into());
        }
        gallery.rows = Rows::in_file(dim, capacity, Vec::new(), file)?;
        gallery.reserve(rows)?;
        Ok(gallery)
    }

    /// Opens a gallery of `dim` values from its snapshot, if that is of the state expected. Reads everything but the
    /// f32 rows: some 600 MB of a million rows of 512 values. The caller keeps no other handle that writes.
    ///
    /// Its [digest](Self::digest) is the one that was written down, which the caller compares with what it expects.
    ///
    /// # Errors
    /// [`SnapshotError`], which says what the file is instead. The file is as it was then.
    pub fn open(file: File, expected: &Edition, dim: usize, cipher: &dyn Cipher) -> Result<Self, SnapshotError> {
        let mut gallery = Self::new(dim)?;
        let header = Header::read(&file)?;
        header.check(expected, dim)?;
        let damaged = |what| SnapshotError::Damaged { what };
        let (rows, capacity, start) = shape(&header, dim, file.metadata()?.len()).ok_or(damaged("shape"))?;
        // There is room for more than was written, so that what is enrolled first moves nothing.
        let refused = |_| ShapeError::Capacity { rows, dim };
        let mut id_lengths = vec![0_u32; rows];
        let mut sums: Vec<u32> = zeros(rows).map_err(refused)?;
        // `shape` has seen that there are so many sections, and that they fit into the file.
        let mut ids = vec![0_u8; section(&header, 1)];
        let mut columns = vec![0_u8; section(&header, 3)];
        let mut elements: Vec<[u8; 32]> = zeros(rows).map_err(refused)?;
        let mut sum = vec![0_u8; section(&header, 5)];
        let own = vec![
            bytes_mut(&mut id_lengths),
            &mut ids[..],
            bytes_mut(&mut sums),
            &mut columns[..],
            elements.as_flattened_mut(),
            &mut sum[..],
        ];
        let own_bytes = fitting(&own, &header.lengths[..OWN_SECTIONS]).ok_or(damaged("shape"))?;
        let mut chunks = read_sections(&file, start, own)?;
        // Neither waits for the other; what is read is believed only when all of it has been.
        let (coded, named) = rayon::join(
            || -> Result<_, SnapshotError> {
                let mut codes = Codes::zeroed(dim, rows, room_for(rows)).map_err(refused)?;
                let parts = Vec::from(codes.parts_mut());
                fitting(&parts, &header.lengths[OWN_SECTIONS..]).ok_or(damaged("shape"))?;
                let chunks = read_sections(&file, start + own_bytes, parts)?;
                Ok((codes, chunks))
            },
            || named(&ids, &id_lengths),
        );
        let (mut codes, of_codes) = coded?;
        chunks.extend(of_codes);
        if index_digest(&chunks) != header.index {
            return Err(damaged("index"));
        }
        codes.measure();
        gallery.codes = codes;
        let columns = cipher.decipher(columns).and_then(|plain| columns_from_bytes(&plain, rows));
        gallery.columns = columns.ok_or(damaged("columns"))?;
        gallery.elements = elements;
        gallery.sum = MultisetHash::from_bytes(&sum).ok_or(damaged("sum"))?;
        (gallery.ids, gallery.places) = named.ok_or(damaged("ids"))?;
        gallery.rows = Rows::in_file(dim, capacity, sums, file)?;
        Ok(gallery)
    }

    /// Whether all f32 rows are in a file, so that [`seal`](Self::seal) can make a snapshot of it.
    pub fn is_in_file(&self) -> bool {
        self.rows.whole().is_some()
    }

    /// Makes the gallery's file a snapshot of its present state, durably: [`draft`](Self::draft) and all that follows.
    ///
    /// # Errors
    /// As from [`draft`](Self::draft), and [`SnapshotError::File`].
    pub fn seal(&self, edition: &Edition, cipher: &dyn Cipher) -> Result<(), SnapshotError> {
        Ok(self.draft(edition, cipher, &|| true)?.sync()?.vouch()?)
    }

    /// Drafts a snapshot of its present state in the gallery's file: reads the f32 rows, which are there, and writes
    /// everything else. Searches may go on. Until the draft is synced and vouched for, the file will not be opened.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] if a row is not as it was written: what is to be vouched for has been read.
    /// [`SnapshotError::GivenUp`] some milliseconds after `go_on` says no. [`SnapshotError::File`]; of kind
    /// [`io::ErrorKind::Unsupported`] if not all rows are in the file.
    pub fn draft(&self, edition: &Edition, cipher: &dyn Cipher, go_on: GoOn<'_>) -> Result<Draft, SnapshotError> {
        let Some((file, capacity, sums)) = self.rows.whole() else {
            let scattered = io::Error::new(io::ErrorKind::Unsupported, "some of its rows are in memory only");
            return Err(scattered.into());
        };
        self.rows.check(go_on)?;
        self.write_around(file, capacity, sums, edition, cipher, go_on)
    }

    /// Writes a snapshot into another file, which must be empty: [`draft_in`](Self::draft_in) and all that follows.
    ///
    /// # Errors
    /// As from [`seal`](Self::seal).
    pub fn snapshot(&self, file: &File, edition: &Edition, cipher: &dyn Cipher) -> Result<(), SnapshotError> {
        Ok(self.draft_in(file, edition, cipher, &|| true)?.sync()?.vouch()?)
    }

    /// Drafts a snapshot in another file, which must be empty. The gallery stays where it is.
    ///
    /// # Errors
    /// As from [`draft`](Self::draft), wherever its rows are.
    pub fn draft_in(
        &self,
        file: &File,
        edition: &Edition,
        cipher: &dyn Cipher,
        go_on: GoOn<'_>,
    ) -> Result<Draft, SnapshotError> {
        let sums = self.rows.copy_into(file, go_on)?;
        self.write_around(file, room_for(self.len()), &sums, edition, cipher, go_on)
    }

    /// Makes removals final in the gallery's file, durably: [`settling`](Self::settling) and what is left to be done.
    ///
    /// # Errors
    /// As from there.
    pub fn settle(&self) -> io::Result<()> {
        self.settling()?.map_or(Ok(()), Settling::finish)
    }

    /// What is left to be done to make removals final in the gallery's file: to wait for the disk, and to wipe the codes
    /// and ids of the snapshot that it was. Until it is sealed again it is none. Absent where nothing was removed, or without
    /// a file.
    ///
    /// # Errors
    /// If the disk did not take it: a removed row may still be in the file, which should be deleted.
    pub fn settling(&self) -> io::Result<Option<Settling>> {
        self.rows.settling()
    }

    fn write_around(
        &self,
        file: &File,
        capacity: usize,
        sums: &[u32],
        edition: &Edition,
        cipher: &dyn Cipher,
        go_on: GoOn<'_>,
    ) -> Result<Draft, SnapshotError> {
        // An id is text that was sent in one request.
        let id_lengths: Vec<u32> = self.ids.iter().map(|id| u32::try_from(id.len()).unwrap_or(u32::MAX)).collect();
        let mut ids = Vec::with_capacity(self.ids.iter().map(|id| id.len()).sum());
        for id in &self.ids {
            ids.extend_from_slice(id.as_bytes());
        }
        let columns = cipher.encipher(columns_to_bytes(&self.columns))?;
        let sum = self.sum.to_bytes();
        let mut sections: Vec<&[u8]> =
            vec![bytes(&id_lengths), &ids[..], bytes(sums), &columns[..], self.elements.as_flattened(), &sum[..]];
        sections.extend(self.codes.parts());
        let chunks = write_sections(file, index_at(capacity, self.dim), &sections, go_on)?;
        let index = index_digest(&chunks);
        let header = Header::new(edition, self.dim, self.len(), capacity, index, &sections);
        Ok(Draft { file: file.try_clone()?, header })
    }
}

/// The ids in row order, and the row of each.
type Named = (Vec<Arc<str>>, HashMap<Arc<str>, usize>);

/// The ids of the rows and the row of each id; absent if these are not as many different texts.
fn named(ids: &[u8], lengths: &[u32]) -> Option<Named> {
    let text = std::str::from_utf8(ids).ok()?;
    let mut at = 0_usize;
    let mut of_rows = Vec::with_capacity(room_for(lengths.len()));
    let mut places = HashMap::with_capacity(room_for(lengths.len()));
    for (row, &length) in lengths.iter().enumerate() {
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        let id: Arc<str> = text.get(at..end)?.into();
        if places.insert(Arc::clone(&id), row).is_some() {
            return None;
        }
        of_rows.push(id);
        at = end;
    }
    (at == text.len()).then_some((of_rows, places))
}

/// How long these sections are together; absent if they are not as long as the header says.
fn fitting(sections: &[&mut [u8]], lengths: &[u64]) -> Option<u64> {
    let found = sections.iter().map(|section| section.len() as u64);
    found.eq(lengths.iter().copied()).then(|| lengths.iter().sum())
}

/// A value for each row that is yet to be read, with room for more.
fn zeros<T: Clone + Default>(rows: usize) -> Result<Vec<T>, TryReserveError> {
    let mut values = Vec::new();
    values.try_reserve_exact(room_for(rows))?;
    values.resize(rows, T::default());
    Ok(values)
}

/// Where the index of a file with room for so many rows begins: at the next page.
fn index_at(capacity: usize, dim: usize) -> u64 {
    row_at(capacity, dim).next_multiple_of(FIRST_ROW)
}

/// Where the rows of a file end; absent if no file is as long.
fn end_of(capacity: usize, dim: usize) -> Option<usize> {
    let bytes = capacity.checked_mul(dim)?.checked_mul(size_of::<f32>())?;
    let end = bytes.checked_add(2 * usize::try_from(FIRST_ROW).ok()?)?;
    isize::try_from(end).is_ok().then_some(end)
}

/// Rows, room for rows, and where the index begins; absent if the file cannot hold what its header says.
fn shape(header: &Header, dim: usize, file_bytes: u64) -> Option<(usize, usize, u64)> {
    let rows = usize::try_from(header.rows).ok()?;
    let capacity = usize::try_from(header.capacity).ok().filter(|&capacity| rows <= capacity)?;
    end_of(capacity, dim)?;
    let start = index_at(capacity, dim);
    let index = header.lengths.iter().try_fold(0_u64, |sum, &length| sum.checked_add(length))?;
    let fits = start.checked_add(index)? <= file_bytes;
    // So many bytes at least are there for each row: whatever is set aside for them fits into the file.
    let listed = header.lengths.first() == Some(&header.rows.checked_mul(size_of::<u32>() as u64)?);
    (fits && listed && header.lengths.len() > OWN_SECTIONS).then_some((rows, capacity, start))
}

/// Bytes of a section, of which `shape` has seen that they fit into the file.
fn section(header: &Header, at: usize) -> usize {
    header.lengths.get(at).and_then(|&length| usize::try_from(length).ok()).unwrap_or_default()
}

#[cfg(all(test, not(miri)))]
mod tests;
