//! Large pages under what a scan reads. With small ones, finding out where a page lies costs a good part of reading it, most
//! of all where single rows are read here and there.

use crate::codes::Line;

/// A large page, on x86-64 and on most ARM machines.
#[cfg(any(target_os = "linux", test))]
const LARGE: usize = 2 << 20;

/// Asks for large pages under all that this vector has room for. It is a wish: where the system does not grant it, reading is
/// slower and nothing else is different.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn enlarge(lines: &mut Vec<Line>) {
    let start = lines.as_ptr().addr();
    let first = start.next_multiple_of(LARGE);
    let last = (start + lines.capacity() * size_of::<Line>()) / LARGE * LARGE;
    if last <= first {
        return;
    }
    let at = lines.as_mut_ptr().cast::<std::ffi::c_void>().wrapping_byte_add(first - start);
    // SAFETY: the pages from `first` to `last` lie inside the vector's allocation, and this advice changes none of their bytes.
    let _wish = unsafe { rustix::mm::madvise(at, last - first, rustix::mm::Advice::LinuxHugepage) };
}

/// Elsewhere there is nobody to ask.
#[cfg(any(not(target_os = "linux"), miri))]
pub(crate) fn enlarge(_: &mut Vec<Line>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let mut lines = Vec::with_capacity(3 * LARGE / size_of::<Line>());
        lines.extend((0..LARGE / size_of::<Line>()).map(|i| Line([i as u8; 64])));
        enlarge(&mut lines);
        assert!(lines.iter().enumerate().all(|(i, line)| line.0 == [i as u8; 64]));
        enlarge(&mut Vec::new());
    }
}
