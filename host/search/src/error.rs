//! What a caller can ask for that this crate refuses.

use crate::{MAX_DIM, MIN_NORM};

/// A gallery cannot be made in the shape asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// The dimension is zero or above [`MAX_DIM`].
    #[error("dimension `{dim}` is not supported; choose one from 1 to {max}", max = MAX_DIM)]
    Dimension {
        /// The dimension asked for.
        dim: usize,
    },
    /// The memory for the rows asked for cannot be had.
    #[error("there is no memory for `{rows}` rows of dimension `{dim}`; reserve fewer rows")]
    Capacity {
        /// The rows asked for.
        rows: usize,
        /// The dimension asked for.
        dim: usize,
    },
}

/// A template or probe cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// It does not have the gallery's number of values.
    #[error("template has `{found}` values; send exactly {expected}")]
    Dimension {
        /// Values in the template.
        found: usize,
        /// Values a template of this gallery has.
        expected: usize,
    },
    /// One of its values is NaN or infinite.
    #[error("template value at position `{position}` is not finite; send finite numbers only")]
    NotFinite {
        /// Index of the first such value.
        position: usize,
    },
    /// It is too short to have a direction: its Euclidean norm is below [`MIN_NORM`].
    #[error(
        "template has norm `{norm:e}`, too small to have a direction; send one of norm {min:e} or more",
        min = MIN_NORM
    )]
    Zero {
        /// Its norm.
        norm: f64,
    },
    /// The gallery already holds a template under this id.
    #[error("id `{id}` is already in the gallery; remove it first or choose another id")]
    Duplicate {
        /// The id.
        id: Box<str>,
    },
    /// A row is given a value that its column does not hold, or two in one column.
    #[error("column `{column}` holds {holds}; give each record one value of that kind in it, or none")]
    Attribute {
        /// The column.
        column: Box<str>,
        /// What the column holds.
        holds: &'static str,
    },
    /// A row that had to be read is not as it was written, or cannot be read: the disk that the gallery's file is on fails, or
    /// somebody changed the file.
    #[error("the row of `{id}` is damaged in the gallery's file; check the disk, and load the gallery again")]
    Damaged {
        /// The id of the first such row that was read.
        id: Box<str>,
    },
    /// A batch does not say how many candidates each of its probes asks for.
    #[error("batch has `{probes}` probes but `{limits}` values of k; send one k for each probe")]
    Limits {
        /// Probes in the batch.
        probes: usize,
        /// Values of `k` in the batch.
        limits: usize,
    },
}

/// A row of several cannot be added, and so none of them was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("record `{id}`: {error}")]
pub struct RowError {
    /// The id of the first that cannot.
    pub id: Box<str>,
    /// Why not.
    pub error: TemplateError,
}

/// A gallery's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read, written or locked.
    #[error("the gallery's file cannot be used ({0}); check the disk and who owns the file")]
    File(std::io::Error),
    /// Another gallery has it, here or in another process.
    #[error("the gallery's file is in use; stop the other process that serves it")]
    InUse,
    /// It is not a snapshot that this program on this machine reads.
    #[error("it is no snapshot of this program's ({0})")]
    Foreign(&'static str),
    /// It is of another gallery, model or generation.
    #[error("its {what} is not the one expected")]
    Other {
        /// What differs.
        what: &'static str,
    },
    /// It is not as it was written.
    #[error("its {what} is damaged or half written")]
    Damaged {
        /// Which part.
        what: &'static str,
    },
    /// Whoever had it made does not want it any more.
    #[error("it was given up half-way")]
    GivenUp,
    /// The gallery cannot be made in its shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl From<std::io::Error> for SnapshotError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn a_reason_that_is_told_is_no_cause_to_be_told_again() {
        let error = SnapshotError::from(std::io::Error::from(std::io::ErrorKind::NotFound));
        assert!(error.to_string().starts_with("the gallery's file cannot be used ("), "{error}");
        assert!(error.source().is_none());
    }
}
