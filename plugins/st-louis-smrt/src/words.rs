//! What people write, read: a word of a vocabulary however it is spelt, and whether anything was said at all.
//!
//! A form offers `traffic-stop`; a person, or a client of theirs, may send `Traffic stop`. A rule that took the
//! spelling for the meaning would deny what the order permits. Ids, roles, statuses and digests are the registry's and
//! the host's, and are compared as they are.

use magistrate_sdk::Case;
use magistrate_sdk::settings::List;
use magistrate_sdk::terms::Value;
use magistrate_sdk::text::same;

/// Whether what was written is this word: upper and lower case, and what joins its parts, do not matter.
pub fn is(written: &str, word: &str) -> bool {
    same(written, word) || letters(written).eq(letters(word))
}

/// Whether what was written is one of these words.
pub fn among(words: &[&str], written: &str) -> bool {
    words.iter().any(|word| is(written, word))
}

/// Whether what was written is one of the words of a setting.
pub fn listed(words: List, written: &str) -> bool {
    words.iter().any(|word| is(written, word))
}

/// Whether a text says anything: a dash or a row of dots does not.
pub fn stated(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The first answer to a question that is a text and says something, without the space around it.
pub fn given<'a>(case: &Case<'a>, name: &'static str) -> Option<&'a str> {
    case.answers(name).find_map(|value| match value {
        Value::Text(text) if stated(text) => Some(text.trim()),
        _ => None,
    })
}

/// Whether everybody who answered this question chose one of these words; absent where nobody answered. A choice that
/// does not fit is not mended by somebody else's that does.
pub fn chosen(case: &Case, name: &'static str, words: &[&str]) -> Option<bool> {
    case.answers(name).fold(None, |seen, value| match value {
        Value::Text(text) if stated(text) => Some(among(words, text) && seen.unwrap_or(true)),
        _ => seen,
    })
}

/// Whether anybody chose this word.
pub fn anybody_chose(case: &Case, name: &'static str, word: &str) -> bool {
    case.answers(name).any(|value| matches!(value, Value::Text(text) if is(text, word)))
}

/// A text's letters and what else is not a joint, in lower case where that is ASCII.
fn letters(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'-' | b'_')).map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_not_meaning() {
        for written in ["traffic-stop", "Traffic stop", "TRAFFIC_STOP", " traffic-stop "] {
            assert!(is(written, "traffic-stop"), "{written}");
        }
        for written in ["", "-", "traffic", "traffic-stops", "traffic.stop"] {
            assert!(!is(written, "traffic-stop"), "{written}");
        }
    }

    #[test]
    fn dots_and_dashes_say_nothing() {
        assert!(!["", " ", "-", "...", "?", "\u{200b}"].into_iter().any(stated));
        assert!(["x", " 7 ", "né"].into_iter().all(stated));
    }
}
