//! Names of tiles and entry bundles: c2sp.org/tlog-tiles, "Merkle Tree" and "Log entries".
//!
//! Written here because `tlog_tiles` 0.2.0 puts a height into the path that the specification does not have, and panics
//! on hostile paths.

use std::fmt;
use std::str::FromStr;

use crate::error::PathError;

/// Entries or hashes in a full bundle or tile.
pub(crate) const WIDTH: u64 = 256;

/// The highest tile level a path may name.
const MAX_LEVEL: u8 = 63;

/// The name of one tile or entry bundle, relative to the log's folder or URL prefix.
///
/// Its text form is `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`, where `<N>` is cut into groups of three
/// digits, all but the last preceded by `x`: 1234067 is `x001/x234/067`. Parsing accepts exactly what formatting
/// produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    // `None` for an entry bundle.
    level: Option<u8>,
    index: u64,
    // 1 to 256.
    width: u16,
}

impl TilePath {
    /// The tile of `width` hashes (1 to 256) at `level`.
    pub(crate) fn tile(level: u8, index: u64, width: u64) -> Self {
        Self::new(Some(level), index, width)
    }

    /// The bundle of `width` entries (1 to 256).
    pub(crate) fn entries(index: u64, width: u64) -> Self {
        Self::new(None, index, width)
    }

    fn new(level: Option<u8>, index: u64, width: u64) -> Self {
        debug_assert!((1..=WIDTH).contains(&width));
        Self { level, index, width: width.clamp(1, WIDTH) as u16 }
    }

    /// The tile's level, 0 for leaf hashes; `None` for an entry bundle.
    pub fn level(&self) -> Option<u8> {
        self.level
    }

    /// The index of the tile within its level, or of the bundle.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of hashes or entries, 256 if full.
    pub fn width(&self) -> u64 {
        u64::from(self.width)
    }

    /// Whether the width is less than 256.
    pub fn is_partial(&self) -> bool {
        self.width() < WIDTH
    }

    /// The first entry of the log that the tile or bundle covers (tlog-tiles calls it the start index).
    pub fn first_entry(&self) -> u64 {
        let exponent = 8 * (u32::from(self.level.unwrap_or(0)) + 1);
        self.index.checked_shl(exponent).unwrap_or(0)
    }

    /// The folder of the partial tiles or bundles that this one, partial or full, supersedes.
    pub(crate) fn partials(&self) -> String {
        let full = Self { width: WIDTH as u16, ..*self };
        format!("{full}.p")
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_partial() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        // One spelling per tile: leading zeros and groups are caught by writing the result out again.
        parse(text).filter(|path| path.to_string() == text).ok_or_else(|| PathError::new(text))
    }
}

fn parse(text: &str) -> Option<TilePath> {
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => None,
        digits => Some(digits.parse::<u8>().ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => {
            let width = width.parse::<u64>().ok().filter(|width| (1..WIDTH).contains(width))?;
            (number, width)
        }
        None => (rest, WIDTH),
    };
    let mut index: u64 = 0;
    let mut groups = number.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x')?,
            None => group,
        };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let value: u64 = digits.parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(value)?;
    }
    Some(TilePath::new(level, index, width))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (path, text) in [
            (TilePath::tile(0, 0, 256), "tile/0/000"),
            (TilePath::tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
            (TilePath::tile(1, 273, 112), "tile/1/273.p/112"),
            (TilePath::tile(2, 1000, 1), "tile/2/x001/000.p/1"),
            (TilePath::entries(999, 256), "tile/entries/999"),
            (TilePath::entries(1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
            (TilePath::entries(u64::MAX, 256), "tile/entries/x018/x446/x744/x073/x709/x551/615"),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse::<TilePath>().unwrap(), path);
        }
        assert_eq!(TilePath::tile(0, 5, 12).partials(), "tile/0/005.p");
        assert_eq!(TilePath::tile(1, 2, 12).first_entry(), 2 * 65_536);
        assert_eq!(TilePath::entries(2, 12).first_entry(), 512);
    }

    #[test]
    fn hostile_paths_are_refused() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile/8/0/001",
            "tile/0/x000/000",
            "tile/0/x001",
            "tile/0/001/002",
            "tile/0/x001/x234/067/",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/1/2",
            "tile/0/../000",
            "/tile/0/000",
            "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/٠٠٠",
            "tile/data/000",
        ] {
            assert!(text.parse::<TilePath>().is_err(), "{text}");
        }
    }
}
