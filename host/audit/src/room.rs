//! Room: bytes at a journal segment's end that were written and synced ahead of the frames that take their place.
//!
//! To make durable what replaces bytes that a file has takes the disk one write. Where the file grows the file system has blocks to
//! find and its own journal to write besides, which takes twice as long and more. Room has a pattern of its own: zeros, which a disk
//! that lost something shows, are damage as ever, and so is all else that is no frame.

/// What room is filled with, from every multiple of its length in the file on. No text ends so, nor does an entry.
const PATTERN: [u8; 16] = *b"\xffroom to write\xff\xff";

/// Adds `length` bytes of room to some bytes whose end is at `at` in the file.
pub(crate) fn extend(bytes: &mut Vec<u8>, at: u64, length: usize) {
    let start = (at % PATTERN.len() as u64) as usize;
    bytes.reserve(length);
    bytes.extend(PATTERN.iter().cycle().skip(start).take(length));
}

/// So many bytes of room are none of a frame's own, which may end with some that look like it.
pub(crate) const LEAST: usize = PATTERN.len();

/// How many of a file's last bytes are room. Where a frame ends with the bytes that were there before, they are among them.
pub(crate) fn behind(file: &[u8]) -> usize {
    file.iter().enumerate().rev().take_while(|(at, byte)| **byte == PATTERN[at % PATTERN.len()]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_known_by_its_place_in_the_file() {
        for used in 0..50_usize {
            for length in 0..50_usize {
                let mut file = vec![b'}'; used];
                extend(&mut file, used as u64, length);
                assert_eq!((file.len(), behind(&file)), (used + length, length), "{used} and {length}");
            }
        }
        let mut elsewhere = vec![b'}'; 5];
        extend(&mut elsewhere, 6, 40);
        assert_eq!(behind(&elsewhere), 0, "it does not stand where it would");
        assert_eq!(behind(&[0; 64]), 0, "zeros are no room");
    }
}
