//! The codes as a snapshot keeps them: a few slices of bytes, whatever they mean.

use std::collections::TryReserveError;

use super::{Codes, Line};
use crate::plain::{bytes, bytes_mut};

impl Codes {
    /// Names how codes are laid out. A snapshot of another layout is not read: change it with every change of what the
    /// parts below hold.
    pub(crate) const LAYOUT: [u8; 8] = *b"halves-2";

    /// Codes of `rows` rows whose parts are to be filled in, and then [measured](Self::measure), with room for `room`.
    pub(crate) fn zeroed(dim: usize, rows: usize, room: usize) -> Result<Self, TryReserveError> {
        let mut codes = Self::new(dim);
        codes.try_reserve(room)?;
        codes.coarse.resize(rows * codes.lines_per_row, Line::ZERO);
        codes.fine.resize(rows * codes.lines_per_row, Line::ZERO);
        codes.scales.resize(rows, 0.0);
        codes.coarse_radii.resize(rows, 0.0);
        codes.fine_radii.resize(rows, 0.0);
        Ok(codes)
    }

    /// Everything that is kept, in an order and in sizes that follow from the dimension and the number of rows alone.
    pub(crate) fn parts(&self) -> [&[u8]; 5] {
        [
            bytes(&self.coarse),
            bytes(&self.fine),
            bytes(&self.scales),
            bytes(&self.coarse_radii),
            bytes(&self.fine_radii),
        ]
    }

    /// The same, to be filled in with what [`parts`](Self::parts) gave.
    pub(crate) fn parts_mut(&mut self) -> [&mut [u8]; 5] {
        [
            bytes_mut(&mut self.coarse),
            bytes_mut(&mut self.fine),
            bytes_mut(&mut self.scales),
            bytes_mut(&mut self.coarse_radii),
            bytes_mut(&mut self.fine_radii),
        ]
    }

    /// Finds the widest radii after the parts were filled in.
    pub(crate) fn measure(&mut self) {
        let widest = |radii: &[f32]| radii.iter().fold(0.0, |widest: f32, radius| widest.max(*radius));
        self.widest = (widest(&self.coarse_radii), widest(&self.fine_radii));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_from_their_parts() {
        let mut codes = Codes::new(140);
        for first in [0.3, -0.7, 0.9] {
            let mut turned = vec![0.05; 140];
            turned[0] = first;
            codes.push(&turned);
        }
        let mut again = Codes::zeroed(140, 3, 5).expect("a few hundred bytes");
        assert!(again.room() >= 5);
        for (to, from) in again.parts_mut().into_iter().zip(codes.parts()) {
            to.copy_from_slice(from);
        }
        again.measure();
        assert_eq!(again.parts(), codes.parts());
        assert_eq!(again.widest_coarse().to_bits(), codes.widest_coarse().to_bits());
        assert_eq!(again.widest_fine().to_bits(), codes.widest_fine().to_bits());
    }
}
