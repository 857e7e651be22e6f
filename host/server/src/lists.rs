//! How long revocation lists may be used, and what is wrong when that ends (RFC 5280, sections 5.1.2.4 and 5.1.2.5).
//!
//! At the handshake a list that has ended refuses whoever its issuer certified. That it is about to is told before, for they do not
//! get in to hear it then. What decides is the handshake: it takes an issuer's first list in an authority's file, and one whose
//! issuer or times cannot be read here is no trouble.

use crate::trouble::Trouble;
use model::terms::Instant;
use std::path::{Path, PathBuf};

/// That a list is about to end is told in the last of so many parts of its time: six days of a month, some hours of a day.
const LAST_OF: u64 = 5;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;

/// For how long a list may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term {
    /// `thisUpdate`.
    from: Instant,
    /// `nextUpdate`: from then on it is good for nothing.
    until: Instant,
}

/// A revocation list in force.
#[derive(Clone, Debug)]
pub(crate) struct List {
    path: PathBuf,
    contents: Option<Contents>,
}

/// What a list says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents {
    /// `issuer`: the content of its `Name`, in DER, as the handshake compares it.
    issuer: Vec<u8>,
    term: Term,
}

impl List {
    /// A list of this file, in DER.
    pub(crate) fn read(path: &Path, der: &[u8]) -> Self {
        Self { path: path.to_owned(), contents: contents(der) }
    }

    fn has_ended(&self, now: Instant) -> bool {
        self.contents.as_ref().is_some_and(|contents| contents.term.until <= now)
    }

    /// Whether both are of one issuer. Of what cannot be read they are not.
    fn is_of_the_issuer_of(&self, other: &Self) -> bool {
        match (&self.contents, &other.contents) {
            (Some(own), Some(other)) => own.issuer == other.issuer,
            _ => false,
        }
    }

    /// What is wrong with it; `shut` where every other issuer's has ended, too.
    fn trouble(&self, shut: bool, now: Instant) -> Option<Trouble> {
        let Term { from, until } = self.contents.as_ref()?.term;
        let path = self.path.display();
        let renew = "whoever is of this list's issuer is not let in: put the issuer's newest list there";
        if until <= now {
            let text = format!("{path}: this revocation list was good until {until}, and {renew}");
            return Some(Trouble { shut, subject: "a revocation list has ended", text, since: until });
        }
        let since = Instant(until.0.saturating_sub(until.0.saturating_sub(from.0) / LAST_OF));
        if since > now {
            return None;
        }
        let text = format!("{path}: this revocation list is good until {until} only, and after that {renew}");
        Some(Trouble { shut: false, subject: "a revocation list is about to end", text, since })
    }
}

/// What is wrong with the lists of these authorities: with those that a handshake takes.
pub(crate) fn troubles(authorities: &[Vec<List>], now: Instant) -> Vec<Trouble> {
    let taken: Vec<&List> = authorities.iter().flat_map(|lists| firsts(lists)).collect();
    let shut = taken.iter().all(|list| list.has_ended(now));
    taken.into_iter().filter_map(|list| list.trouble(shut, now)).collect()
}

/// The first list of each issuer in an authority's file.
fn firsts(lists: &[List]) -> Vec<&List> {
    let mut firsts: Vec<&List> = Vec::new();
    for list in lists {
        if !firsts.iter().any(|first| first.is_of_the_issuer_of(list)) {
            firsts.push(list);
        }
    }
    firsts
}

/// Issuer and times of a list, where they can be read: of `CertificateList`, the third to fifth fields of its `TBSCertList`.
fn contents(list: &[u8]) -> Option<Contents> {
    let (list, _) = element(list, SEQUENCE)?;
    let (signed, _) = element(list, SEQUENCE)?;
    let (_version, rest) = element(signed, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (issuer, rest) = element(rest, SEQUENCE)?;
    let (from, rest) = moment(rest)?;
    let (until, _) = moment(rest)?;
    Some(Contents { issuer: issuer.to_vec(), term: Term { from, until } })
}

/// The content of an element with this tag, and what follows the element.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A moment of whole seconds, `YYMMDDhhmmssZ` until 2049 or `YYYYMMDDhhmmssZ`, and what follows it.
fn moment(der: &[u8]) -> Option<(Instant, &[u8])> {
    let (text, rest) = match element(der, UTC_TIME) {
        Some((short, rest)) => {
            let short = std::str::from_utf8(short).ok()?;
            let century = if short < "5" { "20" } else { "19" };
            (format!("{century}{short}"), rest)
        }
        None => {
            let (long, rest) = element(der, GENERALIZED_TIME)?;
            (std::str::from_utf8(long).ok()?.to_owned(), rest)
        }
    };
    let part = |from: usize| text.get(from..from + 2);
    let (year, month, day) = (text.get(..4)?, part(4)?, part(6)?);
    let (hour, minute, rest_of_it) = (part(8)?, part(10)?, text.get(12..)?);
    let written = format!("{year}-{month}-{day}T{hour}:{minute}:{rest_of_it}");
    Some((written.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pki::Authority;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn read(from: i32, until: i32) -> List {
        read_of(&Authority::new(), from, until)
    }

    fn read_of(authority: &Authority, from: i32, until: i32) -> List {
        List::read(Path::new("list.pem"), &authority.list(from, until, &[]))
    }

    /// Whether nobody gets in, and what is wrong, for each trouble of these lists.
    fn told(authorities: &[Vec<List>], now: &str) -> Vec<(bool, &'static str)> {
        troubles(authorities, at(now)).iter().map(|trouble| (trouble.shut, trouble.subject)).collect()
    }

    #[test]
    fn the_times_of_a_list_are_read() {
        let authority = Authority::new();
        // From 2050 on they are written otherwise, and what is long says its length otherwise.
        let many: Vec<[u8; 16]> = (1..200).map(|n| [n; 16]).collect();
        for (from, until, revoked) in [(2026, 2027, &many[..0]), (2049, 2051, &many[..]), (1999, 2000, &many[..1])] {
            let expected =
                Term { from: at(&format!("{from}-01-01T00:00:00Z")), until: at(&format!("{until}-01-01T00:00:00Z")) };
            assert_eq!(contents(&authority.list(from, until, revoked)).map(|read| read.term), Some(expected));
        }
    }

    #[test]
    fn what_is_no_list_has_no_times() {
        let whole = Authority::new().list(2026, 2027, &[[7; 16]]);
        for length in 0..whole.len() {
            assert_eq!(contents(&whole[..length]), None, "{length} bytes of it");
        }
        for wrong in [&b"garbage"[..], &[0x30, 0x80, 0, 0], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x85]] {
            assert_eq!(contents(wrong), None, "{wrong:?}");
        }
        assert!(troubles(&[vec![List::read(Path::new("x"), b"garbage")]], at("2026-01-01T00:00:00Z")).is_empty());
    }

    #[test]
    fn that_a_list_ends_is_told_before_and_after() {
        let (soon, ended) = ("a revocation list is about to end", "a revocation list has ended");
        // A fifth of a year is 73 days: from 20 October on.
        let one = [vec![read(2026, 2027)]];
        assert!(told(&one, "2026-10-19T23:59:59Z").is_empty());
        assert_eq!(told(&one, "2026-10-20T00:00:00Z"), [(false, soon)]);
        assert_eq!(told(&one, "2026-12-31T23:59:59Z"), [(false, soon)]);
        assert_eq!(told(&one, "2027-01-01T00:00:00Z"), [(true, ended)], "nobody gets in");

        let two = [vec![read(2026, 2027)], vec![read(2026, 2036)]];
        assert_eq!(told(&two, "2027-01-01T00:00:00Z"), [(false, ended)], "the others get in");
        assert_eq!(told(&two, "2036-01-01T00:00:00Z"), [(true, ended), (true, ended)]);
        assert!(told(&[], "2027-01-01T00:00:00Z").is_empty(), "where no certificates are asked for there are none");

        let text = &troubles(&one, at("2027-01-01T00:00:00Z"))[0].text;
        assert!(text.contains("list.pem") && text.contains("2027-01-01T00:00:00.000Z"), "{text}");
    }

    #[test]
    fn of_each_issuer_the_first_list_counts_and_the_others_get_in() {
        let ended = "a revocation list has ended";
        let (north, south) = (Authority::named("north"), Authority::named("south"));
        let of_two = [vec![read_of(&north, 2026, 2036), read_of(&south, 2026, 2027)]];
        assert_eq!(told(&of_two, "2027-01-01T00:00:00Z"), [(false, ended)], "whoever is of north gets in");
        assert_eq!(told(&of_two, "2036-01-01T00:00:00Z"), [(true, ended), (true, ended)]);
        let newest_first = [vec![read_of(&north, 2027, 2036), read_of(&north, 2026, 2027)]];
        assert!(told(&newest_first, "2027-01-01T00:00:00Z").is_empty(), "the handshake takes the first");
        let newest_last = [vec![read_of(&north, 2026, 2027), read_of(&north, 2027, 2036)]];
        assert_eq!(told(&newest_last, "2027-01-01T00:00:00Z"), [(true, ended)], "and not the one that is good");
        let twice = [vec![read_of(&north, 2026, 2027)], vec![read_of(&north, 2027, 2036)]];
        assert_eq!(told(&twice, "2027-01-01T00:00:00Z"), [(false, ended)], "of another file it is another first");
    }
}
