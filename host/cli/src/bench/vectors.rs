//! Templates to measure with: generated ones, or those of a file.

use super::templates;
use anyhow::{Context as _, bail};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Bytes read from a file at a time.
const BUFFER: usize = 1 << 20;

/// Where templates come from. They pass one by one: a file may be larger than memory.
pub(super) enum Vectors {
    /// So many rows, the same for the same seed.
    Generated { rows: usize, dim: usize, seed: u64 },
    /// The first rows of a file: little-endian f32, row after row, nothing else.
    File { path: PathBuf, rows: usize, dim: usize },
}

impl Vectors {
    /// The rows of a file, `most` of them at most.
    pub(super) fn of_file(path: &Path, dim: usize, most: Option<usize>) -> anyhow::Result<Self> {
        let bytes = path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
        let row = dim as u64 * 4;
        if row == 0 || !bytes.is_multiple_of(row) {
            bail!("{} has {bytes} bytes, no whole number of rows of {dim} f32: name the right --dim", path.display());
        }
        let rows = usize::try_from(bytes / row)?;
        Ok(Self::File { path: path.to_owned(), rows: most.map_or(rows, |most| rows.min(most)), dim })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Generated { rows, .. } | Self::File { rows, .. } => *rows,
        }
    }

    /// Passes the first rows, `most` of them at most, in order.
    pub(super) fn each(
        &self,
        most: usize,
        mut pass: impl FnMut(usize, &[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Generated { rows, dim, seed } => {
                for (i, row) in templates(*rows, *dim, *seed).take(most).enumerate() {
                    pass(i, &row)?;
                }
                Ok(())
            }
            Self::File { path, rows, dim } => {
                let unread = || format!("cannot read {}", path.display());
                let mut file = BufReader::with_capacity(BUFFER, File::open(path).with_context(unread)?);
                let mut bytes = vec![0_u8; dim * 4];
                let mut row = vec![0.0_f32; *dim];
                for i in 0..most.min(*rows) {
                    file.read_exact(&mut bytes).with_context(unread)?;
                    for (value, bytes) in row.iter_mut().zip(bytes.as_chunks::<4>().0) {
                        *value = f32::from_le_bytes(*bytes);
                    }
                    pass(i, &row).with_context(|| format!("row {i} of {}", path.display()))?;
                }
                Ok(())
            }
        }
    }

    /// The first rows, `most` of them at most, in memory.
    pub(super) fn first(&self, most: usize) -> anyhow::Result<Vec<Vec<f32>>> {
        let mut rows = Vec::with_capacity(most.min(self.len()));
        self.each(most, |_, row| {
            rows.push(row.to_vec());
            Ok(())
        })?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_row_by_row() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let numbers: Vec<f32> = (0..12_u8).map(f32::from).collect();
        std::fs::write(file.path(), numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        let rows = Vectors::of_file(file.path(), 3, None).unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows.first(9).unwrap(), numbers.chunks(3).map(<[f32]>::to_vec).collect::<Vec<_>>());
        let rows = Vectors::of_file(file.path(), 4, Some(2)).unwrap();
        assert_eq!((rows.len(), rows.first(9).unwrap().len()), (2, 2));
    }

    #[test]
    fn a_file_of_another_shape_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [0_u8; 20]).unwrap();
        for dim in [0, 2, 3] {
            assert!(Vectors::of_file(file.path(), dim, None).is_err(), "{dim}");
        }
        assert!(Vectors::of_file(Path::new("not-there.f32"), 5, None).is_err());
    }

    #[test]
    fn generated_rows_are_the_same_each_time() {
        let vectors = Vectors::Generated { rows: 5, dim: 7, seed: 3 };
        assert_eq!(vectors.first(3).unwrap(), vectors.first(9).unwrap()[..3]);
        assert_eq!(vectors.first(9).unwrap().len(), 5);
    }
}
