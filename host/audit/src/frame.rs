//! One frame of the journal: the entries of a batch and the checkpoint signed over them, as one write.
//!
//! ```text
//! "MJF2" | first u64 | payload length u32 | payload CRC-32 | CRC-32 of all that precedes
//! size u64 | root 32 bytes | checkpoint length u32 | checkpoint
//! entries length u32 | entries as in an entry bundle | riders, each: entry's number in the frame u32 | length u32 | bytes
//! ```
//!
//! A rider is what an entry's caller wants to find again if the process dies before the rider has reached its own place. It
//! is no part of the tree, and goes with the segment.
//!
//! Numbers are big-endian. Both checksums start from the segment's seed, so that no leaf can be made to look like a
//! frame by someone who does not read the disk, and no frame of a deleted segment passes for one of this.

use std::ops::Range;

use crate::Hash;
use crate::checkpoint::Head;
use crate::entries::{self, Entries};
use crate::room;

const MAGIC: [u8; 4] = *b"MJF2";

/// Bytes in front of the payload.
const HEADER_BYTES: usize = 24;

/// A batch as the journal holds it.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Index of the first entry.
    pub(crate) first: u64,
    /// Size of the tree with these entries.
    pub(crate) size: u64,
    /// Root of that tree.
    pub(crate) root: Hash,
    /// The signed checkpoint for it.
    pub(crate) checkpoint: String,
    /// The entries `first..size`.
    pub(crate) entries: Entries,
    /// Riders, each with the index of its entry, in their order.
    pub(crate) riders: Vec<(u64, Vec<u8>)>,
}

/// Writes the frame of `entries`, each with its rider, with which the tree reaches `head`, to the end of `frame`. An empty
/// rider is none.
pub(crate) fn encode<'a>(
    seed: u32,
    first: u64,
    head: &Head,
    entries: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    frame: &mut Vec<u8>,
) {
    let start = frame.len();
    frame.resize(start + HEADER_BYTES, 0);
    frame.extend_from_slice(&head.size.to_be_bytes());
    frame.extend_from_slice(&head.root);
    frame.extend_from_slice(&(head.text.len() as u32).to_be_bytes());
    frame.extend_from_slice(head.text.as_bytes());
    let length = frame.len();
    frame.extend_from_slice(&[0; 4]);
    for (entry, _) in entries.clone() {
        entries::encode(entry, frame);
    }
    let encoded = (frame.len() - length - 4) as u32;
    frame[length..length + 4].copy_from_slice(&encoded.to_be_bytes());
    for (number, (_, rider)) in (0_u32..).zip(entries).filter(|(_, (_, rider))| !rider.is_empty()) {
        frame.extend_from_slice(&number.to_be_bytes());
        frame.extend_from_slice(&(rider.len() as u32).to_be_bytes());
        frame.extend_from_slice(rider);
    }
    let payload = &frame[start + HEADER_BYTES..];
    let (length, checksum) = (payload.len() as u32, crc(seed, payload));
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&first.to_be_bytes());
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&checksum.to_be_bytes());
    header.extend_from_slice(&crc(seed, &header).to_be_bytes());
    frame[start..start + HEADER_BYTES].copy_from_slice(&header);
}

/// Reads the frame that `bytes` begin with, and its length; `None` if it is not whole and sound.
pub(crate) fn decode(seed: u32, bytes: &[u8]) -> Option<(Frame, usize)> {
    let Header { first, length, checksum } = header(seed, bytes)?;
    let end = HEADER_BYTES.checked_add(length)?;
    let payload = bytes.get(HEADER_BYTES..end)?;
    if crc(seed, payload) != checksum {
        return None;
    }

    let mut rest = payload;
    let size = u64::from_be_bytes(take(&mut rest)?);
    let root = take(&mut rest)?;
    let text_bytes = u32::from_be_bytes(take(&mut rest)?) as usize;
    let (text, mut rest) = rest.split_at_checked(text_bytes)?;
    let checkpoint = String::from_utf8(text.to_vec()).ok()?;
    let count = usize::try_from(size.checked_sub(first)?).ok()?;
    let entry_bytes = u32::from_be_bytes(take(&mut rest)?) as usize;
    let (encoded, rest) = rest.split_at_checked(entry_bytes)?;
    let entries = Entries::parse(encoded.to_vec(), count).ok()?;
    let riders = riders(first, size, rest)?;
    Some((Frame { first, size, root, checkpoint, entries, riders }, end))
}

/// What a frame begins with.
struct Header {
    first: u64,
    /// Of the payload, in bytes.
    length: usize,
    /// Of the payload.
    checksum: u32,
}

/// Reads the header that `bytes` begin with; `None` if it is not whole and sound.
fn header(seed: u32, bytes: &[u8]) -> Option<Header> {
    let header = bytes.get(..HEADER_BYTES)?;
    let mut rest = header;
    if take::<4>(&mut rest)? != MAGIC {
        return None;
    }
    let first = u64::from_be_bytes(take(&mut rest)?);
    let length = u32::from_be_bytes(take(&mut rest)?) as usize;
    let checksum = u32::from_be_bytes(take(&mut rest)?);
    let sound = u32::from_be_bytes(take(&mut rest)?) == crc(seed, &header[..HEADER_BYTES - 4]);
    sound.then_some(Header { first, length, checksum })
}

/// What can be told of bytes that begin with no whole and sound frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remains {
    /// Whether they are the beginning of a frame, and nothing else is wrong with them than that its end is missing.
    pub(crate) cut_short: bool,
    /// The entries that a frame with a sound header says it held. Its checksum does not vouch for that.
    pub(crate) claims: Option<Range<u64>>,
}

/// Looks at what is left of a frame, behind which the file has so many bytes of room. A frame may end with bytes that look like room,
/// so that a few of those at its end are not taken for its missing end.
pub(crate) fn remains(seed: u32, bytes: &[u8], room: usize) -> Remains {
    let Some(Header { first, length, .. }) = header(seed, bytes) else {
        let (begins, short) = (&bytes[..bytes.len().min(MAGIC.len())], bytes.len() < HEADER_BYTES);
        return Remains { cut_short: short && MAGIC.starts_with(begins), claims: None };
    };
    let mut payload = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let missing = length.saturating_sub(payload.len());
    let cut_short = missing > room || missing >= room::LEAST;
    // An entry takes two bytes at the least: more of them were never in there.
    let claims = take(&mut payload)
        .map(u64::from_be_bytes)
        .filter(|size| size.checked_sub(first).is_some_and(|entries| entries > 0 && entries <= length as u64 / 2));
    Remains { cut_short, claims: claims.map(|size| first..size) }
}

fn riders(first: u64, size: u64, mut bytes: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut riders = Vec::new();
    while !bytes.is_empty() {
        let index = first.checked_add(u64::from(u32::from_be_bytes(take(&mut bytes)?)))?;
        let length = u32::from_be_bytes(take(&mut bytes)?) as usize;
        let (rider, rest) = bytes.split_at_checked(length)?;
        if index >= size {
            return None;
        }
        riders.push((index, rider.to_vec()));
        bytes = rest;
    }
    Some(riders)
}

/// Whether a whole frame begins anywhere in `bytes`.
pub(crate) fn occurs_in(seed: u32, bytes: &[u8]) -> bool {
    bytes.windows(MAGIC.len()).enumerate().any(|(at, window)| window == MAGIC && decode(seed, &bytes[at..]).is_some())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// CRC-32 (IEEE), started from `seed` instead of zero.
pub(crate) fn crc(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let head = Head { size: 9, root: [3; 32], text: "a checkpoint\n".into() };
        let mut bytes = Vec::new();
        let entries = [(b"one".as_slice(), b"".as_slice()), (b"", b"goes with it")];
        encode(77, 7, &head, entries.into_iter(), &mut bytes);
        bytes
    }

    #[test]
    fn a_frame_survives_its_encoding() {
        let mut bytes = sample();
        let length = bytes.len();
        bytes.extend_from_slice(b"what follows");
        let (frame, used) = decode(77, &bytes).unwrap();
        assert_eq!(used, length);
        assert_eq!((frame.first, frame.size, frame.root), (7, 9, [3; 32]));
        assert_eq!(frame.checkpoint, "a checkpoint\n");
        assert_eq!(Vec::from_iter(frame.entries.iter()), [b"one".as_slice(), b""]);
        assert_eq!(frame.riders, [(8, b"goes with it".to_vec())]);
        assert!(decode(78, &bytes).is_none());
    }

    #[test]
    fn a_broken_frame_is_none() {
        let bytes = sample();
        for at in 0..bytes.len() {
            assert!(decode(77, &bytes[..at]).is_none(), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert!(decode(77, &flipped).is_none(), "flipped at {at}");
        }
    }

    #[test]
    fn a_frame_whose_end_is_missing_is_told_from_one_that_does_not_add_up() {
        let bytes = sample();
        for at in 1..bytes.len() {
            let Remains { cut_short, claims } = remains(77, &bytes[..at], 0);
            assert!(cut_short, "cut at {at}");
            assert_eq!(claims, (at >= HEADER_BYTES + 8).then_some(7..9), "cut at {at}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let Remains { cut_short, claims } = remains(77, &flipped, 0);
            assert!(!cut_short, "flipped at {at}");
            let readable = at >= HEADER_BYTES + 8;
            assert!(if readable { claims == Some(7..9) } else { claims != Some(7..9) }, "flipped at {at}: {claims:?}");
        }
        let whole = sample();
        for missing in 1..40 {
            let left = &whole[..whole.len() - missing];
            assert_eq!(
                remains(77, left, 1000).cut_short,
                missing >= 16,
                "the end of its own may look like room: {missing}"
            );
        }
        for rubble in [[0_u8; 100].as_slice(), b"x", b"MJx", &[0xff; 24]] {
            assert_eq!(remains(77, rubble, 0), Remains { cut_short: false, claims: None }, "{rubble:?}");
        }
        assert!(remains(77, b"MJF2 nothing more", 0).cut_short, "as much of a header as says that it is one");
    }

    #[test]
    fn a_frame_is_found_behind_rubble() {
        let mut bytes = b"MJF2MJF2 rubble".to_vec();
        bytes.extend_from_slice(&sample());
        assert!(occurs_in(77, &bytes));
        assert!(!occurs_in(78, &bytes));
        assert!(!occurs_in(77, &bytes[..bytes.len() - 1]));
        assert!(!occurs_in(77, b"MJ"));
    }
}
