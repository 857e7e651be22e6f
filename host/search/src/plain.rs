//! Numbers seen as the bytes they are in memory, to be written to a file and read back.

use crate::codes::Line;

/// Values that are nothing but their bytes.
///
/// # Safety
/// The type has no padding, and every pattern of bits is a value of it.
pub(crate) unsafe trait Plain: Copy + Send + Sync {}

// SAFETY: four bytes, all patterns of which are numbers.
unsafe impl Plain for u32 {}
// SAFETY: as u32.
unsafe impl Plain for i32 {}
// SAFETY: as u32; some patterns are NaN, which is a value too.
unsafe impl Plain for f32 {}
// SAFETY: eight bytes, all patterns of which are numbers.
unsafe impl Plain for u64 {}
// SAFETY: `repr(C)` around `[i8; 64]`, as large as its alignment: no padding, and every byte is an i8.
unsafe impl Plain for Line {}

/// The bytes of these values, in the machine's order.
pub(crate) fn bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: the values are initialised and without padding, so each of their bytes may be read; u8 has no alignment to
    // keep, and the length is the slice's own in bytes.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

/// The same, to be overwritten.
pub(crate) fn bytes_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    let length = size_of_val(values);
    // SAFETY: as for `bytes`; the borrow is exclusive, and whatever is written is a value of `T`.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast::<u8>(), length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_being_bytes() {
        let mut numbers = [1.5_f32, -0.0, f32::NAN, 7e-42];
        let before = numbers.map(f32::to_bits);
        let kept = bytes(&numbers).to_vec();
        assert_eq!(kept.len(), 16);
        bytes_mut(&mut numbers).fill(0);
        assert_eq!(numbers.map(f32::to_bits), [0; 4]);
        bytes_mut(&mut numbers).copy_from_slice(&kept);
        assert_eq!(numbers.map(f32::to_bits), before);
    }
}
