//! A run of entries in the encoding of entry bundles: each preceded by its length as a big-endian 16-bit number
//! (c2sp.org/tlog-tiles, "Log entries"). Bundles, and the frames of the journal, hold them so.

/// Bytes of the length in front of each entry.
const PREFIX_BYTES: usize = 2;

/// Encoded entries and where each of them ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Entries {
    /// Splits `bytes`, which must hold exactly `count` entries. The error is the number of the first entry that is not
    /// whole, or `count` if more bytes follow.
    pub(crate) fn parse(bytes: Vec<u8>, count: usize) -> Result<Self, usize> {
        // `count` may come from a damaged file: it must not decide how much memory is reserved.
        let mut ends = Vec::with_capacity(count.min(bytes.len() / PREFIX_BYTES));
        let mut at = 0;
        for number in 0..count {
            let Some(&[high, low]) = bytes.get(at..at + PREFIX_BYTES) else {
                return Err(number);
            };
            at += PREFIX_BYTES + usize::from(u16::from_be_bytes([high, low]));
            if at > bytes.len() {
                return Err(number);
            }
            ends.push(at);
        }
        if at == bytes.len() { Ok(Self { bytes, ends }) } else { Err(count) }
    }

    /// Appends an entry of at most [`MAX_LEAF_BYTES`](crate::MAX_LEAF_BYTES) bytes.
    pub(crate) fn push(&mut self, entry: &[u8]) {
        encode(entry, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The entry with that number in this run.
    pub(crate) fn get(&self, number: usize) -> Option<&[u8]> {
        let start = match number.checked_sub(1) {
            Some(previous) => *self.ends.get(previous)?,
            None => 0,
        };
        self.bytes.get(start + PREFIX_BYTES..*self.ends.get(number)?)
    }

    /// The encoding of the first `count` entries.
    pub(crate) fn prefix(&self, count: usize) -> Option<&[u8]> {
        match count.checked_sub(1) {
            Some(last) => self.bytes.get(..*self.ends.get(last)?),
            None => Some(&[]),
        }
    }

    /// The entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(move |number| self.get(number))
    }
}

/// Appends the encoding of one entry to `bytes`.
pub(crate) fn encode(entry: &[u8], bytes: &mut Vec<u8>) {
    // INVARIANT: `Log::append` refuses longer leaves, and what was parsed had its length in 16 bits.
    let length = u16::try_from(entry.len()).expect("an entry has at most 65,535 bytes");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(entry);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive_their_encoding() {
        let mut run = Entries::default();
        let leaves = [b"one".to_vec(), Vec::new(), vec![7; crate::MAX_LEAF_BYTES]];
        for leaf in &leaves {
            run.push(leaf);
        }
        let bytes = run.prefix(3).unwrap().to_vec();
        assert_eq!(&bytes[..7], b"\x00\x03one\x00\x00");
        assert!(run.prefix(0).unwrap().is_empty());
        assert_eq!(run.prefix(4), None);
        let parsed = Entries::parse(bytes, 3).unwrap();
        assert_eq!(parsed.len(), 3);
        assert!(parsed.iter().eq(leaves.iter().map(Vec::as_slice)));
        assert_eq!(parsed.get(3), None);
    }

    #[test]
    fn broken_encodings_name_the_entry() {
        let bytes = b"\x00\x03one\x00\x01a".to_vec();
        assert!(Entries::parse(bytes.clone(), 2).is_ok());
        assert_eq!(Entries::parse(bytes.clone(), 1).unwrap_err(), 1);
        assert_eq!(Entries::parse(bytes.clone(), 3).unwrap_err(), 2);
        assert_eq!(Entries::parse(bytes[..7].to_vec(), 2).unwrap_err(), 1);
        assert_eq!(Entries::parse(b"\xff\xffa".to_vec(), 1).unwrap_err(), 0);
        assert_eq!(Entries::parse(Vec::new(), usize::MAX).unwrap_err(), 0);
    }
}
