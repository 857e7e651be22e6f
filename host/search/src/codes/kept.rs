//! The codes as a snapshot keeps them: a few slices of bytes, whatever they mean.

use std::collections::TryReserveError;

use super::{Codes, Line};
use crate::plain::{bytes, bytes_mut};

impl Codes {
    /// Names how codes are laid out. A snapshot of another layout is not read: change it with every change of what the
    /// parts below hold.
    pub(crate) const LAYOUT: [u8; 8] = *b"i8-line1";

    /// Codes of `rows` rows whose parts are to be filled in.
    pub(crate) fn zeroed(dim: usize, rows: usize) -> Result<Self, TryReserveError> {
        let mut codes = Self::new(dim);
        codes.try_reserve(rows)?;
        codes.lines.resize(rows * codes.lines_per_row, Line::ZERO);
        codes.scales.resize(rows, 0.0);
        codes.radii.resize(rows, 0.0);
        codes.biases.resize(rows, 0);
        Ok(codes)
    }

    /// Everything a scan reads, in an order and in sizes that follow from the dimension and the number of rows alone.
    pub(crate) fn parts(&self) -> [&[u8]; 4] {
        [bytes(&self.lines), bytes(&self.scales), bytes(&self.radii), bytes(&self.biases)]
    }

    /// The same, to be filled in with what [`parts`](Self::parts) gave.
    pub(crate) fn parts_mut(&mut self) -> [&mut [u8]; 4] {
        [
            bytes_mut(&mut self.lines),
            bytes_mut(&mut self.scales),
            bytes_mut(&mut self.radii),
            bytes_mut(&mut self.biases),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise;

    #[test]
    fn codes_come_back_from_their_parts() {
        let mut codes = Codes::new(70);
        for first in [0.3, -2.0, 7.0] {
            let mut template = vec![1.0; 70];
            template[0] = first;
            codes.push(&normalise(&template, 70).expect("valid template"));
        }
        let mut again = Codes::zeroed(70, 3).expect("a few hundred bytes");
        for (to, from) in again.parts_mut().into_iter().zip(codes.parts()) {
            to.copy_from_slice(from);
        }
        assert_eq!(again.parts(), codes.parts());
        assert_eq!(again.block(0..3).scales, codes.block(0..3).scales);
    }
}
