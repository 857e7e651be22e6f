//! What people write on forms, read the way it was meant.
//!
//! Letter case, and whether a space, an underscore or a hyphen joins two words, make no other word. A text that says that
//! there is nothing is no answer where something has to be stated. And what several people answered counts together: nobody
//! takes back what another one said.

use magistrate_sdk::Case;
use magistrate_sdk::Setting;
use magistrate_sdk::settings::List;
use magistrate_sdk::terms::Value;
use magistrate_sdk::text::{blank, same};

/// Texts that say that there is nothing to state.
const NOTHING: &[&str] = &["none", "n/a", "na", "nil", "unknown", "tbd", "-", "?"];

/// Bytes of the longest of them: most texts are longer.
const LONGEST_NOTHING: usize = 7;

/// Digits of a number that can be called without an area code.
const FEWEST_DIGITS: usize = 7;

/// Whether somebody wrote this word of a vocabulary. Neither has space around it.
pub fn alike(written: &str, word: &str) -> bool {
    let folded = |(a, b): (u8, u8)| fold(a) == fold(b);
    same(written, word) || (written.len() == word.len() && written.bytes().zip(word.bytes()).all(folded))
}

fn fold(byte: u8) -> u8 {
    match byte {
        b' ' | b'_' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

/// Whether somebody wrote one of these words.
pub fn one_of(written: &str, words: &[&str]) -> bool {
    words.iter().any(|word| alike(written, word))
}

/// Whether somebody wrote one of the words of a setting. Most write what is listed.
pub fn listed(written: &str, words: List) -> bool {
    words.contains(written) || words.iter().any(|word| alike(written, word))
}

/// Whether a text, without the space around it, says that there is nothing to state.
pub fn is_nothing(text: &str) -> bool {
    text.len() <= LONGEST_NOTHING && NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(text))
}

/// The first text that answers a question and states something, without the space around it.
pub fn stated<'a>(case: &Case<'a>, name: &'a str) -> Option<&'a str> {
    texts(case, name).find(|text| !is_nothing(text))
}

/// Every text that answers a question, without the space around it. Blank ones answer nothing.
pub fn texts<'a>(case: &Case<'a>, name: &'a str) -> impl Iterator<Item = &'a str> {
    case.answers(name).filter_map(|value| match value {
        Value::Text(text) if !blank(text) => Some(text.trim()),
        _ => None,
    })
}

/// What was answered to a question whose yes forbids the step: any yes is a yes, and where an answer is neither yes nor no
/// nobody knows.
pub fn admitted<'a>(case: &Case<'a>, name: &'a str) -> Option<bool> {
    let (mut denied, mut unclear) = (false, false);
    for value in case.answers(name) {
        match value {
            Value::Flag(true) => return Some(true),
            Value::Flag(false) => denied = true,
            _ => unclear = true,
        }
    }
    (denied && !unclear).then_some(false)
}

/// Whether the request states a reason.
pub fn gives_reason(case: &Case) -> bool {
    case.request().is_some_and(|r| !blank(&r.reason) && !is_nothing(r.reason.trim()))
}

/// Whether the request names a case by one of the kinds of identifier that a setting lists.
pub fn identified(case: &Case, kinds: &Setting) -> bool {
    let kinds = case.settings().texts(kinds);
    let names_it = |kind: &str, value: &str| listed(kind, kinds) && !blank(value) && !is_nothing(value);
    case.request().is_some_and(|r| r.identifiers.iter().any(|i| names_it(i.kind.trim(), i.value.trim())))
}

/// Whether a text holds a number that can be called.
pub fn is_phone_number(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= FEWEST_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_and_joints_make_no_other_word() {
        for written in ["home-invasion-1", "Home Invasion 1", "HOME_INVASION_1"] {
            assert!(alike(written, "home-invasion-1"), "{written}");
        }
        for written in ["home-invasion-2", "home-invasion-11", "homeinvasion-1", ""] {
            assert!(!alike(written, "home-invasion-1"), "{written}");
        }
    }

    #[test]
    fn nothing_is_nothing_however_it_is_written() {
        assert!(["none", "None", "N/A", "-"].into_iter().all(is_nothing));
        assert!(!["nine", "no-one saw it", "E-26-04411"].into_iter().any(is_nothing));
    }

    #[test]
    fn a_number_can_be_called() {
        assert!(is_phone_number("(313) 555-0142"));
        assert!(is_phone_number("555-0142"));
        assert!(!is_phone_number("his mobile, 2nd line"));
    }
}
