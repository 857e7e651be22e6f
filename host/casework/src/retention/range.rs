//! Entries of the log as people name them: `17` is one, `17-40` are those from 17 to 40.
//!
//! Read once, where a step comes in. From there on it is a value with one spelling, by which dockets and obligations are filed.

use crate::error::CaseError;
use model::account::Retained;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Entries of the log that follow each other, by the indices of the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryRange {
    first: u64,
    last: u64,
}

/// What is no range of entries.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum EntryRangeError {
    /// Something else than one index, or two with a hyphen between them.
    #[error("`{0}` names no entries: write the index of one, `17`, or of the first and the last, `17-40`")]
    Unread(String),
    /// The last comes before the first.
    #[error("`{text}` ends before it begins: write `{last}-{first}`")]
    Backwards {
        /// What was written.
        text: String,
        /// The index written first.
        first: u64,
        /// The index written last.
        last: u64,
    },
    /// An index past what any log can hold.
    #[error("`{0}` is past the end of any log: name entries that there are")]
    Huge(String),
}

impl EntryRange {
    /// The entries that a record names; none where it is a record of another kind.
    ///
    /// # Errors
    /// [`EntryRangeError`] for entries that are named badly.
    pub(super) fn of(record: &Retained) -> Result<Option<Self>, EntryRangeError> {
        if record.subject == super::AUDIT_ENTRY { record.record.parse().map(Some) } else { Ok(None) }
    }

    /// The indices, first to last.
    pub(super) fn indices(self) -> RangeInclusive<u64> {
        self.first..=self.last
    }

    /// The index after the last.
    pub(super) fn end(self) -> u64 {
        // No index is the largest number there is.
        self.last + 1
    }

    /// How many entries it names: at least one.
    pub(super) fn count(self) -> u64 {
        self.end() - self.first
    }

    /// Whether any entry is in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether every entry of the other is in this one.
    pub(super) fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl FromStr for EntryRange {
    type Err = EntryRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (index(text, first)?, index(text, last)?);
        if last < first {
            return Err(EntryRangeError::Backwards { text: text.to_owned(), first, last });
        }
        Ok(Self { first, last })
    }
}

/// One index of what was written. Nothing but digits: `+17` is not how anybody finds it again.
fn index(text: &str, digits: &str) -> Result<u64, EntryRangeError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EntryRangeError::Unread(text.to_owned()));
    }
    digits.parse().ok().filter(|index| *index < u64::MAX).ok_or_else(|| EntryRangeError::Huge(text.to_owned()))
}

impl fmt::Display for EntryRange {
    /// The one spelling: an entry alone is its index, without leading zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl From<EntryRangeError> for CaseError {
    fn from(error: EntryRangeError) -> Self {
        Self::Invalid(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> EntryRange {
        text.parse().unwrap()
    }

    #[test]
    fn entries_are_named_by_index_or_range_and_spelled_in_one_way() {
        for (written, spelled) in
            [("17", "17"), ("17-40", "17-40"), ("17-17", "17"), ("017", "17"), ("0", "0"), ("00-001", "0-1")]
        {
            assert_eq!(range(written).to_string(), spelled, "{written}");
            assert_eq!(range(spelled), range(written), "{written}");
        }
        assert_eq!((range("17-40").indices(), range("17-40").count()), (17..=40, 24));
        assert_eq!(range("17").count(), 1);
    }

    #[test]
    fn what_names_no_entries_is_told_what_to_write() {
        for bad in ["", "a", "-", "5-", "-5", "1-2-3", "+17", " 17", "17 ", "1.5", "0x11", "17–40"] {
            assert_eq!(bad.parse::<EntryRange>(), Err(EntryRangeError::Unread(bad.to_owned())), "{bad}");
        }
        let message = "18-17".parse::<EntryRange>().unwrap_err().to_string();
        assert!(message.contains("`18-17`") && message.contains("`17-18`"), "{message}");
        for huge in
            ["18446744073709551615", "18446744073709551616", "0-18446744073709551615", "99999999999999999999999"]
        {
            assert_eq!(huge.parse::<EntryRange>(), Err(EntryRangeError::Huge(huge.to_owned())), "{huge}");
        }
        assert_eq!(range("0-18446744073709551614").count(), u64::MAX);
    }

    #[test]
    fn ranges_overlap_where_they_share_an_entry() {
        let overlapping = [("17-18", "18"), ("17-18", "10-20"), ("17-18", "18-30"), ("17", "17-17"), ("0-5", "5")];
        for (a, b) in overlapping {
            assert!(range(a).overlaps(range(b)) && range(b).overlaps(range(a)), "{a} {b}");
        }
        for (a, b) in [("17-18", "19"), ("17", "16"), ("0-5", "6-10")] {
            assert!(!range(a).overlaps(range(b)) && !range(b).overlaps(range(a)), "{a} {b}");
        }
    }

    #[test]
    fn a_range_covers_another_that_lies_within_it() {
        assert!(range("10-20").covers(range("17-18")) && range("17").covers(range("17-17")));
        assert!(!range("17-18").covers(range("10-20")) && !range("10-20").covers(range("20-21")));
    }

    #[test]
    fn only_entries_are_named_like_this() {
        let record = |subject: &str, record: &str| Retained {
            subject: subject.to_owned(),
            gallery: None,
            record: record.to_owned(),
        };
        assert_eq!(EntryRange::of(&record("probe", "17")), Ok(None));
        assert_eq!(EntryRange::of(&record(super::super::AUDIT_ENTRY, "17")), Ok(Some(range("17"))));
        assert!(EntryRange::of(&record(super::super::AUDIT_ENTRY, "x")).is_err());
    }
}
