//! A gallery as one file: what is in it, and how much of it has to be believed.
//!
//! ```text
//! byte 0      header, 320 bytes: what the file is of and where it ends, and its own SHA-256
//! byte 4096   f32 rows, row-major, with room for more than there are
//! after that  the index: ids, the rows' checksums, what they count as and the sum of it, columns, codes
//! ```
//!
//! All of it is as it is in memory, but for the columns, which say what is known of people: they are enciphered by a [`Cipher`]
//! of the caller's. Numbers are little-endian. The header says which state of which gallery the file is of ([`Edition`]) and holds the
//! digest of the index, which is checked whenever a snapshot is opened: chunks of 1 MiB are read and hashed side by
//! side, and the digest is the SHA-256 of theirs. The rows, four times as many bytes, are not read then. Each has a
//! CRC-32 in the index, which a re-rank compares with the rows that it reads: enough for a disk that errs. It is no
//! defence against somebody who may write to the file, and who could as well write to the database.
//!
//! The index is synced before the header that vouches for it is written, so a file that was not finished is known by
//! its digests. Nothing here repairs anything: a gallery whose snapshot is not believed is loaded from the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::SnapshotError;
use crate::bitmap::Bitmap;
use crate::codes::Codes;
use crate::filter::{Column, Columns};
use crate::plain::{bytes, bytes_mut};
use crate::rows::blank;

/// Says that a file is a snapshot, and of which version.
const MAGIC: [u8; 8] = *b"gallery2";

/// Bytes of the header, its digest not counted.
const HEADER_BYTES: usize = 288;

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// Sections an index may have: as many as there is room for in the header.
const MOST_SECTIONS: usize = 13;

/// What is damaged of a file one of whose rows is not as it was written.
pub(crate) const ROW: &str = "row";

/// Whether it makes sense to go on with a snapshot that is being made: asked again and again while it is.
pub type GoOn<'g> = &'g dyn Fn() -> bool;

/// Bytes read and hashed at a time: enough to keep a disk busy, and several hundred for a gallery worth the haste.
const CHUNK: usize = 1 << 20;

/// Which state of which gallery a snapshot is of. It is opened for the same one only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edition {
    /// The model of the templates: those of two models are never compared.
    pub model: String,
    /// The gallery's generation in the store.
    pub generation: u64,
    /// What the store calls this state, and no other: a database restored from a backup counts the same generations
    /// again, with other records.
    pub stamp: String,
    /// What its columns hold, in the caller's words: they are read by whoever means the same.
    pub columns: String,
}

/// Keeps the columns of a snapshot from whoever has the file alone.
pub trait Cipher {
    /// Enciphers them.
    ///
    /// # Errors
    /// Whatever keeps the snapshot from being written.
    fn encipher(&self, plain: Vec<u8>) -> io::Result<Vec<u8>>;

    /// Deciphers them; absent where they are not as they were enciphered.
    fn decipher(&self, text: Vec<u8>) -> Option<Vec<u8>>;
}

/// Leaves columns as they are.
pub struct Plaintext;

impl Cipher for Plaintext {
    fn encipher(&self, plain: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(plain)
    }

    fn decipher(&self, text: Vec<u8>) -> Option<Vec<u8>> {
        Some(text)
    }
}

/// What stands at the beginning of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) dim: u64,
    pub(crate) rows: u64,
    /// Rows for which there is room before the index.
    pub(crate) capacity: u64,
    generation: u64,
    model: [u8; DIGEST_BYTES],
    stamp: [u8; DIGEST_BYTES],
    columns: [u8; DIGEST_BYTES],
    /// The digest of the index.
    pub(crate) index: [u8; DIGEST_BYTES],
    /// Bytes of each of the index's sections.
    pub(crate) lengths: Vec<u64>,
}

impl Header {
    pub(crate) fn new(
        edition: &Edition,
        dim: usize,
        rows: usize,
        capacity: usize,
        index: [u8; DIGEST_BYTES],
        sections: &[&[u8]],
    ) -> Self {
        Self {
            dim: dim as u64,
            rows: rows as u64,
            capacity: capacity as u64,
            generation: edition.generation,
            model: digest(edition.model.as_bytes()),
            stamp: digest(edition.stamp.as_bytes()),
            columns: digest(edition.columns.as_bytes()),
            index,
            lengths: sections.iter().map(|section| section.len() as u64).collect(),
        }
    }

    /// Writes it where it belongs, and waits until all of the file is on the disk.
    pub(crate) fn write(&self, file: &File) -> io::Result<()> {
        let mut text = Vec::with_capacity(HEADER_BYTES + DIGEST_BYTES);
        text.extend_from_slice(&MAGIC);
        text.extend_from_slice(&Codes::LAYOUT);
        for number in [self.dim, self.rows, self.capacity, self.generation] {
            text.extend_from_slice(&number.to_le_bytes());
        }
        for digest in [&self.model, &self.stamp, &self.columns, &self.index] {
            text.extend_from_slice(digest);
        }
        text.extend_from_slice(&(self.lengths.len() as u64).to_le_bytes());
        for length in &self.lengths {
            text.extend_from_slice(&length.to_le_bytes());
        }
        text.resize(HEADER_BYTES, 0);
        let digest = digest(&text);
        text.extend_from_slice(&digest);
        file.write_all_at(&text, 0)?;
        file.sync_all()
    }

    /// Reads the header of a file that may be anything.
    pub(crate) fn read(file: &File) -> Result<Self, SnapshotError> {
        if cfg!(target_endian = "big") {
            return Err(SnapshotError::Foreign("numbers in it are little-endian"));
        }
        let mut text = [0; HEADER_BYTES + DIGEST_BYTES];
        if let Err(error) = file.read_exact_at(&mut text, 0) {
            let short = error.kind() == io::ErrorKind::UnexpectedEof;
            return Err(if short { SnapshotError::Foreign("it is too short") } else { error.into() });
        }
        let (text, own) = text.split_at(HEADER_BYTES);
        let mut read = Reader(text);
        if read.array() != Some(MAGIC) {
            return Err(SnapshotError::Foreign("it does not begin like one of this version"));
        }
        if digest(text) != own {
            return Err(SnapshotError::Damaged { what: "header" });
        }
        if read.array() != Some(Codes::LAYOUT) {
            return Err(SnapshotError::Foreign("its codes are of another layout"));
        }
        read.header().ok_or(SnapshotError::Damaged { what: "header" })
    }

    /// Whether it is of this state of this gallery.
    pub(crate) fn check(&self, expected: &Edition, dim: usize) -> Result<(), SnapshotError> {
        let what = if self.dim != dim as u64 {
            "dimension"
        } else if self.model != digest(expected.model.as_bytes()) {
            "model"
        } else if self.generation != expected.generation {
            "generation"
        } else if self.stamp != digest(expected.stamp.as_bytes()) {
            "stamp"
        } else if self.columns != digest(expected.columns.as_bytes()) {
            "set of columns"
        } else {
            return Ok(());
        };
        Err(SnapshotError::Other { what })
    }
}

/// The SHA-256 of each chunk of some sections, in order.
pub(crate) type Chunks = Vec<[u8; DIGEST_BYTES]>;

/// A snapshot all of which is written, and that nothing vouches for yet.
#[must_use = "a file that nothing vouches for is no snapshot"]
pub struct Draft {
    pub(crate) file: File,
    pub(crate) header: Header,
}

/// A snapshot that is on the disk, but for what vouches for it.
#[must_use = "a file that nothing vouches for is no snapshot"]
pub struct Synced(Draft);

impl Draft {
    /// Waits until the disk has it. The gallery may be searched meanwhile, and changed: it is of no use then.
    ///
    /// # Errors
    /// If the disk did not take it.
    pub fn sync(self) -> io::Result<Synced> {
        self.file.sync_all()?;
        Ok(Synced(self))
    }
}

impl Synced {
    /// Vouches for it, durably: the file is a snapshot from now on. Not to be called if the gallery has changed since it was
    /// drafted.
    ///
    /// # Errors
    /// If the disk did not take it.
    pub fn vouch(self) -> io::Result<()> {
        self.0.header.write(&self.0.file)
    }
}

/// Writes the sections one after the other from byte `at`, and zeros over whatever comes after them. They are not synced. It is
/// the work of one thread: whoever searches meanwhile finds the others free.
pub(crate) fn write_sections(
    file: &File,
    mut at: u64,
    sections: &[&[u8]],
    go_on: GoOn<'_>,
) -> Result<Chunks, SnapshotError> {
    let mut digests = Vec::new();
    for section in sections {
        for chunk in section.chunks(CHUNK) {
            if !go_on() {
                return Err(SnapshotError::GivenUp);
            }
            file.write_all_at(chunk, at)?;
            digests.push(digest(chunk));
            at += chunk.len() as u64;
        }
    }
    // The end of a longer index before. Cut off, a removal would not find it any more.
    blank(file, at)?;
    Ok(digests)
}

/// Fills the sections from the file, from byte `at`.
pub(crate) fn read_sections(file: &File, mut at: u64, sections: Vec<&mut [u8]>) -> io::Result<Chunks> {
    let mut digests = Vec::new();
    for section in sections {
        let length = section.len() as u64;
        let chunks = section.par_chunks_mut(CHUNK).enumerate().map(|(i, chunk)| -> io::Result<[u8; DIGEST_BYTES]> {
            file.read_exact_at(chunk, at + (i * CHUNK) as u64)?;
            Ok(digest(chunk))
        });
        digests.extend(chunks.collect::<io::Result<Chunks>>()?);
        at += length;
    }
    Ok(digests)
}

/// The digest of an index, from those of its chunks.
pub(crate) fn index_digest(chunks: &[[u8; DIGEST_BYTES]]) -> [u8; DIGEST_BYTES] {
    let mut whole = Sha256::new();
    for chunk in chunks {
        whole.update(chunk);
    }
    whole.finalize().into()
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::digest(bytes).into()
}

/// Columns as a section.
pub(crate) fn columns_to_bytes(columns: &Columns) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.number(columns.named().len());
    for (name, column) in columns.named() {
        out.text(name);
        match column {
            Column::Words(words) => {
                out.number(0);
                out.number(words.len());
                for (word, rows) in words {
                    out.text(word);
                    out.bitmap(rows);
                }
            }
            Column::Numbers { numbers, known } => {
                out.number(1);
                out.number(numbers.len());
                out.0.extend_from_slice(bytes(numbers));
                out.bitmap(known);
            }
        }
    }
    out.0
}

/// Columns from a section; absent if they are none, or of more than so many rows.
pub(crate) fn columns_from_bytes(section: &[u8], rows: usize) -> Option<Columns> {
    let mut read = Reader(section);
    let mut columns = BTreeMap::new();
    for _ in 0..read.count()? {
        let name = read.text()?;
        let column = match read.count()? {
            0 => {
                let mut words = BTreeMap::new();
                for _ in 0..read.count()? {
                    words.insert(read.text()?, read.bitmap(rows)?);
                }
                Column::Words(words)
            }
            1 => Column::Numbers { numbers: read.numbers(rows)?, known: read.bitmap(rows)? },
            _ => return None,
        };
        columns.insert(name, column);
    }
    read.0.is_empty().then(|| Columns::from_named(columns))
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn bitmap(&mut self, bitmap: &Bitmap) {
        // Without the empty words that removed rows leave at its end: there are no such rows for whoever reads it.
        let words = &bitmap.words()[..bitmap.end().div_ceil(u64::BITS as usize)];
        self.number(words.len());
        self.0.extend_from_slice(bytes(words));
    }
}

/// What is left to be read of some bytes. Everything is absent that is not there.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn slice(&mut self, length: usize) -> Option<&[u8]> {
        let (slice, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(slice)
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = self.count()?;
        std::str::from_utf8(self.slice(length)?).ok().map(Box::from)
    }

    fn numbers(&mut self, most: usize) -> Option<Vec<u32>> {
        let count = self.count().filter(|&count| count <= most)?;
        let slice = self.slice(count * size_of::<u32>())?;
        let mut numbers = vec![0_u32; count];
        bytes_mut(&mut numbers).copy_from_slice(slice);
        Some(numbers)
    }

    fn bitmap(&mut self, rows: usize) -> Option<Bitmap> {
        let count = self.count().filter(|&count| count <= rows.div_ceil(u64::BITS as usize))?;
        let slice = self.slice(count * size_of::<u64>())?;
        let mut words = vec![0_u64; count];
        bytes_mut(&mut words).copy_from_slice(slice);
        let bitmap = Bitmap::from_words(words);
        (bitmap.end() <= rows).then_some(bitmap)
    }

    /// A header past its magic and layout.
    fn header(&mut self) -> Option<Header> {
        Some(Header {
            dim: self.number()?,
            rows: self.number()?,
            capacity: self.number()?,
            generation: self.number()?,
            model: self.array()?,
            stamp: self.array()?,
            columns: self.array()?,
            index: self.array()?,
            lengths: {
                let count = self.count().filter(|&count| count <= MOST_SECTIONS)?;
                (0..count).map(|_| self.number()).collect::<Option<_>>()?
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    #[test]
    fn columns_come_back() {
        let mut columns = Columns::default();
        for row in 0..200_u32 {
            let word = Attribute::Word(format!("agency {}", row % 3).into());
            match row % 4 {
                0 => columns.put(row as usize, &[("agency", word), ("age", Attribute::Number(row))]),
                1 => columns.put(row as usize, &[("agency", word)]),
                _ => {}
            }
        }
        let section = columns_to_bytes(&columns);
        let again = columns_from_bytes(&section, 200).expect("as it was written");
        assert_eq!(columns_to_bytes(&again), section);
        assert_eq!(again.named().map(|(name, _)| name).collect::<Vec<_>>(), ["age", "agency"]);
    }

    #[test]
    fn what_is_no_section_of_columns_is_none() {
        let mut columns = Columns::default();
        columns.put(70, &[("age", Attribute::Number(3)), ("sex", Attribute::Word("x".into()))]);
        let section = columns_to_bytes(&columns);
        assert!(columns_from_bytes(&section, 71).is_some());
        assert!(columns_from_bytes(&section, 70).is_none(), "a row past the last");
        for length in 0..section.len() {
            assert!(columns_from_bytes(&section[..length], 71).is_none(), "cut at {length}");
        }
        let longer: Vec<u8> = section.iter().copied().chain([0]).collect();
        assert!(columns_from_bytes(&longer, 71).is_none());
        assert!(columns_from_bytes(&[u8::MAX; 64], 71).is_none());
    }
}
