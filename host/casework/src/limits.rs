//! How much a step may say, and in which characters: each text, each list, each answer, and all of it together.
//!
//! Control characters say nothing to a reader, and drive the terminal of whoever lists what is on record. A text may have line
//! ends and tabs, a word none, nor any other character that is not seen: two words that look like one would be two.
//!
//! What a step says stays with it in its account, and policies are told of it again at the steps that follow: an account has
//! room for that of several steps, twice where two jurisdictions are concerned ([`audit::MAX_RIDER_BYTES`]). So every step
//! looks here first, before anything is decided or recorded.

use crate::error::CaseError;
use model::terms::{Value, is_seen};
use std::collections::BTreeMap;

/// A word, in bytes: an id, a name, a role, a kind, a number of a case, the name of an answer.
pub(crate) const MOST_WORD_BYTES: usize = 256;

/// A text, in bytes: some pages.
const MOST_TEXT_BYTES: usize = 64 << 10;

/// Identifiers, answers, edits, statements: a form has a page.
pub(crate) const MOST_ITEMS: usize = 64;

/// Texts of one answer.
const MOST_TEXTS: usize = 256;

/// All that a step says, in bytes as it is written on record.
const MOST_SAID_BYTES: usize = 256 << 10;

/// All booking data of one record, in bytes likewise: names, numbers, addresses.
const MOST_BOOKING_BYTES: usize = 16 << 10;

/// All settings of a policy revision, in bytes likewise: no account holds them.
const MOST_SETTINGS_BYTES: usize = 1 << 20;

/// Settings of a policy revision, and texts of one of them.
const MOST_SETTINGS: usize = 1024;

/// What a step says, added up.
pub(crate) struct Said {
    left: usize,
    most: usize,
}

impl Default for Said {
    fn default() -> Self {
        Self::within(MOST_SAID_BYTES)
    }
}

impl Said {
    fn within(most: usize) -> Self {
        Self { left: most, most }
    }

    /// Adds a word; empty where there is none.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] with its name, as of every method here.
    pub(crate) fn word(&mut self, name: &str, word: &str) -> Result<(), CaseError> {
        self.add(name, word, MOST_WORD_BYTES)?;
        match word.chars().find(|c| !is_seen(*c)) {
            Some(c) => Err(unprintable(name, c)),
            None => Ok(()),
        }
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> Result<(), CaseError> {
        self.add(name, text, MOST_TEXT_BYTES)?;
        let mut left = text.chars().peekable();
        while let Some(c) = left.next() {
            // A carriage return alone goes back over what stands on the line already.
            let line_end = c == '\n' || (c == '\r' && left.peek() == Some(&'\n'));
            if c.is_control() && c != '\t' && !line_end {
                return Err(unprintable(name, c));
            }
        }
        Ok(())
    }

    /// Adds a form's answers.
    pub(crate) fn answers(&mut self, answers: &BTreeMap<String, Value>) -> Result<(), CaseError> {
        self.values("answers", answers, MOST_ITEMS, MOST_TEXTS)
    }

    fn values(
        &mut self,
        list: &str,
        values: &BTreeMap<String, Value>,
        most: usize,
        most_texts: usize,
    ) -> Result<(), CaseError> {
        count(list, values.len(), most)?;
        for (name, value) in values {
            self.word(&format!("a name in {list}"), name)?;
            let name = format!("{list}.{name}");
            match value {
                Value::Text(text) => self.text(&name, text)?,
                Value::Texts(texts) => {
                    count(&name, texts.len(), most_texts)?;
                    for text in texts {
                        self.text(&name, text)?;
                    }
                }
                // Of one size, and small.
                Value::Flag(_) | Value::Number(_) | Value::Date { .. } | Value::Instant { .. } => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, text: &str, most: usize) -> Result<(), CaseError> {
        if text.len() > most {
            return Err(CaseError::Invalid(format!("{name} is longer than {most} bytes: shorten it")));
        }
        match self.left.checked_sub(written(text)) {
            Some(left) => self.left = left,
            None => {
                let most = self.most;
                return Err(CaseError::Invalid(format!("with {name} there are more than {most} bytes: shorten it")));
            }
        }
        Ok(())
    }
}

fn unprintable(name: &str, c: char) -> CaseError {
    let kind = if c.is_control() { "control" } else { "unseen" };
    CaseError::Invalid(format!("{name} has the {kind} character U+{:04X}: leave it out", u32::from(c)))
}

/// Whether a list is of a sensible length.
///
/// # Errors
/// [`CaseError::Invalid`] with its name.
pub(crate) fn count(name: &str, len: usize, most: usize) -> Result<(), CaseError> {
    if len > most {
        return Err(CaseError::Invalid(format!("{name} has {len} items: at most {most}")));
    }
    Ok(())
}

/// Whether what a step says is of a sensible size: its words, its texts and its answers.
///
/// # Errors
/// [`CaseError::Invalid`] with the name of what is too long or too many.
pub(crate) fn bounded<'t>(
    words: impl IntoIterator<Item = (&'t str, &'t str)>,
    texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    answers: &BTreeMap<String, Value>,
) -> Result<(), CaseError> {
    let mut said = Said::default();
    for (name, word) in words {
        said.word(name, word)?;
    }
    for (name, text) in texts {
        said.text(name, text)?;
    }
    said.answers(answers)
}

/// Whether a record's booking data are of a sensible size.
///
/// # Errors
/// As [`bounded`].
pub(crate) fn booking(fields: &BTreeMap<String, String>) -> Result<(), CaseError> {
    let mut said = Said::within(MOST_BOOKING_BYTES);
    count("booking", fields.len(), MOST_ITEMS)?;
    for (name, value) in fields {
        said.word("a name in booking", name)?;
        said.text(&format!("booking.{name}"), value)?;
    }
    Ok(())
}

/// Whether the settings of a policy revision are of a sensible size.
///
/// # Errors
/// As [`bounded`].
pub(crate) fn settings(settings: &BTreeMap<String, Value>) -> Result<(), CaseError> {
    Said::within(MOST_SETTINGS_BYTES).values("settings", settings, MOST_SETTINGS, MOST_SETTINGS)
}

/// Bytes of a text as JSON has it, where a control character takes six.
fn written(text: &str) -> usize {
    let of = |byte: u8| match byte {
        ..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Value) -> BTreeMap<String, Value> {
        BTreeMap::from([("a".to_owned(), value)])
    }

    fn texts(text: &str, times: usize) -> Value {
        Value::Texts(vec![text.to_owned(); times])
    }

    fn refused(bounded: Result<(), CaseError>) -> String {
        match bounded {
            Err(CaseError::Invalid(why)) => why,
            other => panic!("it was not refused as invalid: {other:?}"),
        }
    }

    #[test]
    fn the_longest_passes_and_a_byte_more_is_named() {
        let (word, text) = ("x".repeat(MOST_WORD_BYTES), "x".repeat(MOST_TEXT_BYTES));
        let none = BTreeMap::new();
        bounded([("role", word.as_str())], [("reason", text.as_str())], &none).unwrap();
        assert!(refused(bounded([("role", &*format!("{word}x"))], [], &none)).contains("role is longer than 256"));
        assert!(
            refused(bounded([], [("reason", &*format!("{text}x"))], &none)).contains("reason is longer than 65536")
        );
        bounded([], [], &answer(Value::Text(text.clone()))).unwrap();
        let long = bounded([], [], &answer(Value::Text(format!("{text}x"))));
        assert!(refused(long).contains("answers.a is longer"));
    }

    #[test]
    fn what_drives_a_terminal_is_refused_with_its_name() {
        let none = BTreeMap::new();
        let text = |text: &str| bounded([], [("reason", text)], &none);
        let word = |word: &str| bounded([("role", word)], [], &none);
        for kept in ["one\r\ntwo\nthree\tfour", "Σωκράτης 日本 e\u{301} שלום", ""] {
            text(kept).unwrap();
        }
        for c in ['\0', '\u{7}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}'] {
            let named = format!("control character U+{:04X}", u32::from(c));
            let said = refused(text(&format!("a{c}[2Jb")));
            assert!(said.starts_with("reason") && said.contains(&named), "{said}");
            let said = refused(word(&format!("a{c}")));
            assert!(said.starts_with("role") && said.contains(&named), "{said}");
        }
        for alone in ["seen\rnot seen", "seen\r", "seen\r\r\n"] {
            assert!(refused(text(alone)).contains("U+000D"), "{alone:?}");
        }
        for c in ['\n', '\t', '\r'] {
            assert!(refused(word(&format!("a{c}"))).contains("role has the control character"));
        }
        for c in ['\u{202E}', '\u{200B}', '\u{200D}', '\u{FEFF}'] {
            let named = format!("role has the unseen character U+{:04X}", u32::from(c));
            assert!(refused(word(&format!("a{c}b"))).contains(&named), "{named}");
            text(&format!("a{c}b")).unwrap();
        }
        assert!(refused(bounded([], [], &answer(texts("\u{1b}", 1)))).contains("answers.a has the control character"));
        assert!(refused(bounded([], [], &answer(Value::Text("\u{1b}".to_owned())))).contains("answers.a"));
        let named = BTreeMap::from([("n\u{1b}".to_owned(), Value::Flag(true))]);
        assert!(refused(bounded([], [], &named)).contains("a name in answers"));
        assert!(refused(settings(&answer(texts("\u{1b}", 1)))).contains("settings.a"));
        let field = BTreeMap::from([("name".to_owned(), "Doe\u{1b}[31m".to_owned())]);
        assert!(refused(booking(&field)).contains("booking.name has the control character"));
    }

    #[test]
    fn lists_inside_answers_and_their_names_are_bounded_too() {
        bounded([], [], &answer(texts("x", MOST_TEXTS))).unwrap();
        assert!(refused(bounded([], [], &answer(texts("x", MOST_TEXTS + 1)))).contains("answers.a has 257 items"));
        assert!(refused(bounded([], [], &answer(texts(&"x".repeat(MOST_TEXT_BYTES + 1), 1)))).contains("answers.a"));
        let named = |n: usize| BTreeMap::from([("n".repeat(n), Value::Flag(true))]);
        bounded([], [], &named(MOST_WORD_BYTES)).unwrap();
        assert!(refused(bounded([], [], &named(MOST_WORD_BYTES + 1))).contains("a name in answers"));
        let many = |n: usize| (0..n).map(|i| (i.to_string(), Value::Number(0))).collect();
        bounded([], [], &many(MOST_ITEMS)).unwrap();
        assert!(refused(bounded([], [], &many(MOST_ITEMS + 1))).contains("answers has 65 items"));
    }

    #[test]
    fn all_of_it_together_is_bounded_as_it_is_written() {
        let page = "x".repeat(MOST_TEXT_BYTES);
        bounded([], [("a", page.as_str()); 4], &BTreeMap::new()).unwrap();
        let whole = bounded([], [("a", page.as_str()); 5], &BTreeMap::new());
        assert!(refused(whole).contains("with a there are more than 262144 bytes"));
        let lines = "\n".repeat(MOST_TEXT_BYTES);
        assert!(refused(bounded([], [("reason", lines.as_str())], &BTreeMap::new())).contains("with reason"));
        for text in ["plain", "\"quoted\\\"", "line\nbreak", "\u{0}\u{1f}", "é 日本"] {
            assert!(written(text) >= serde_json::to_string(text).unwrap().len() - 2, "{text:?}");
        }
    }

    #[test]
    fn booking_data_and_settings_have_bounds_of_their_own() {
        let field = |bytes: usize| BTreeMap::from([("name".to_owned(), "x".repeat(bytes))]);
        booking(&field(MOST_BOOKING_BYTES - 100)).unwrap();
        assert!(refused(booking(&field(MOST_BOOKING_BYTES))).contains("booking.name"));
        let many = (0..=MOST_ITEMS).map(|i| (i.to_string(), String::new())).collect();
        assert!(refused(booking(&many)).contains("booking has 65 items"));
        settings(&answer(texts("x", MOST_SETTINGS))).unwrap();
        assert!(refused(settings(&answer(texts("x", MOST_SETTINGS + 1)))).contains("settings.a"));
    }
}
