//! Text from outside, made fit to be drawn. What is drawn is what was written, or visibly not.

use model::terms::misleads;

/// What an undrawable character becomes; every renderer shows it as a question mark in a lozenge.
const REPLACEMENT: char = '\u{FFFD}';

/// The longest language tag kept, in bytes: RFC 5646, section 4.4.1, asks for room for 35.
const MAX_LANGUAGE_BYTES: usize = 35;

/// Line ends as `\n`, nothing else changed: the form in which statements are compared.
pub(crate) fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Text of several lines: line ends become `\n`, tabs stay, and what would not be drawn as written becomes U+FFFD.
pub(crate) fn clean(text: &str) -> String {
    line_ends(text).chars().map(|c| if is_deceptive(c) { REPLACEMENT } else { c }).collect()
}

/// Text of one line: as [`clean`], and white space of any kind becomes one space.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A BCP 47 language tag, or `en` where the given one could not be one.
pub(crate) fn language(tag: &str) -> String {
    let plausible = tag.len() <= MAX_LANGUAGE_BYTES
        && tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if plausible { tag.to_owned() } else { "en".to_owned() }
}

/// Controls, separators that are none of ours, what turns text around or has no width ([`misleads`]), noncharacters (Unicode
/// 23.7).
fn is_deceptive(c: char) -> bool {
    let code = u32::from(c);
    (c.is_control() && c != '\n' && c != '\t')
        || misleads(c)
        || matches!(code, 0x2028 | 0x2029 | 0xFDD0..=0xFDEF)
        || code & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_deceive_becomes_visible() {
        assert_eq!(clean("a\u{202E}b\0c\u{1b}[31m"), "a\u{FFFD}b\u{FFFD}c\u{FFFD}[31m");
        assert_eq!(clean("1\u{200F}2\u{200B}3\u{FEFF}"), "1\u{FFFD}2\u{FFFD}3\u{FFFD}");
        assert_eq!(clean("می\u{200C}خواهم"), "می\u{200C}خواهم", "as it is spelt");
        assert_eq!(clean("x\u{FFFF}\u{1FFFE}"), "x\u{FFFD}\u{FFFD}");
        assert_eq!(clean("one\r\ntwo\rthree\n\tfour"), "one\ntwo\nthree\n\tfour");
        assert_eq!(clean("Ĳssel Σωκράτης Пётр e\u{301} שלום"), "Ĳssel Σωκράτης Пётр e\u{301} שלום");
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("  a\n\n b\tc "), "a b c");
    }

    #[test]
    fn a_language_is_a_tag_or_english() {
        assert_eq!(language("es-419"), "es-419");
        for bad in ["", "en\"><script>", "-", "x".repeat(36).as_str()] {
            assert_eq!(language(bad), "en");
        }
    }
}
