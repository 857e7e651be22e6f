//! Words that facts and rulings share: `interface terms` of `wit/policy.wit`.

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// A calendar date; in a matter it is in the jurisdiction's time zone.
pub type Date = jiff::civil::Date;

/// Milliseconds since 1970-01-01T00:00:00Z by the host's clock. Written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

/// A text that is no instant, or no digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TermError {
    /// Not RFC 3339, or before 1970.
    #[error("`{0}` is not a moment: write it as `2026-01-31T09:30:00.000Z`")]
    Instant(String),
    /// Not 64 lower-case hexadecimal characters.
    #[error("`{0}` is not a sha-256 digest: write 64 lower-case hexadecimal characters")]
    Digest(String),
    /// Not an id: see [`check_id`].
    #[error(
        "`{0}` is not an id: use 1 to 64 lower-case letters, digits, `-`, `_` or `.`, starting with a letter or digit"
    )]
    Id(String),
}

impl Instant {
    /// This moment plus so many milliseconds, saturating.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 if it is not earlier.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As jiff's timestamp. Saturates at the end of jiff's range (year 9999).
    pub fn timestamp(self) -> jiff::Timestamp {
        i64::try_from(self.0)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .unwrap_or(jiff::Timestamp::MAX)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl FromStr for Instant {
    type Err = TermError;
    fn from_str(text: &str) -> Result<Self, TermError> {
        let bad = || TermError::Instant(text.to_owned());
        let stamp: jiff::Timestamp = text.parse().map_err(|_| bad())?;
        u64::try_from(stamp.as_millisecond()).map(Self).map_err(|_| bad())
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// SHA-256. Written as 64 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = TermError;
    fn from_str(text: &str) -> Result<Self, TermError> {
        let mut bytes = [0; 32];
        if text.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(text, &mut bytes).is_err() {
            return Err(TermError::Digest(text.to_owned()));
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Checks an id of a jurisdiction, person, agency or gallery: 1 to 64 of `a-z 0-9 - _ .`, the first a letter or digit.
/// Such an id is safe in a URL, a file name and a certificate's URI.
///
/// # Errors
/// [`TermError::Id`].
pub fn check_id(id: &str) -> Result<(), TermError> {
    let mut bytes = id.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if first && rest && id.len() <= 64 { Ok(()) } else { Err(TermError::Id(id.to_owned())) }
}

/// Whether a character is not seen and makes the text around it read as another: it turns the direction of what follows
/// (UAX #9), or it has no width and no part in how any language is written.
pub fn misleads(c: char) -> bool {
    matches!(
        u32::from(c),
        0x61C | 0x180E | 0x200B | 0x200E..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
            | 0xE0000..=0xE007F
    )
}

/// Whether a character may stand in an id, a name or another word: it is no control character, and it is seen. Two words that
/// differ in an unseen character are two, and look like one. Texts may have more: some languages are written with joiners.
pub fn is_seen(c: char) -> bool {
    let unseen = matches!(
        u32::from(c),
        0xAD | 0x34F | 0x115F | 0x1160 | 0x200C | 0x200D | 0x3164 | 0xFE00..=0xFE0F | 0xFFA0 | 0xE0100..=0xE01EF
    );
    !(c.is_control() || unseen || misleads(c))
}

/// An id that no two hosts make: time-ordered (RFC 9562 version 7).
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Where in a request's life a decision is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "documented in wit/policy.wit")]
pub enum Phase {
    Enroll,
    Request,
    Search,
    Candidates,
    Disposition,
    SignOff,
    Release,
    Disseminate,
    Outcome,
    Retention,
    Access,
    Activation,
    Violation,
    Report,
    Waiver,
}

impl Phase {
    /// The name as the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Request => "request",
            Self::Search => "search",
            Self::Candidates => "candidates",
            Self::Disposition => "disposition",
            Self::SignOff => "sign-off",
            Self::Release => "release",
            Self::Disseminate => "disseminate",
            Self::Outcome => "outcome",
            Self::Retention => "retention",
            Self::Access => "access",
            Self::Activation => "activation",
            Self::Violation => "violation",
            Self::Report => "report",
            Self::Waiver => "waiver",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The outcome of a decision, in the order in which they prevail: [`Verdict::Deny`] is greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The step may be taken.
    Permit,
    /// It could be permitted once something missing is supplied.
    Pend,
    /// It must not be taken.
    Deny,
}

impl Verdict {
    /// `permit`, `pend` or `deny`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Pend => "pend",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose access or suspension is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// One person.
    #[default]
    Person,
    /// An agency: everybody who acts for it.
    Agency,
}

impl Holder {
    /// `person` or `agency`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Agency => "agency",
        }
    }

    pub(crate) fn is_person(&self) -> bool {
        *self == Self::Person
    }
}

/// One answer or setting. In JSON and TOML: a text, a boolean, a number, a list of texts, `{date: "2026-01-31"}` or
/// `{instant: "2026-01-31T09:30:00.000Z"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Free text or a code.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// A calendar date.
    Date {
        /// The date.
        date: Date,
    },
    /// A moment.
    Instant {
        /// The moment.
        instant: Instant,
    },
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Reads a value as it comes. A derived reader would hold all of it first, at many times its size, and then see what it is.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true, false, a list of texts, {\"date\": …} or {\"instant\": …}")
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        let whole = i64::try_from(number).map(Value::Number);
        whole.map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Value::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let value = match map.next_key::<String>()?.as_deref() {
            Some("date") => Value::Date { date: map.next_value()? },
            Some("instant") => Value::Instant { instant: map.next_value()? },
            _ => return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        };
        match map.next_key::<String>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        }
    }
}

/// An answer on one of the jurisdiction's forms, or one of its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The form field's name.
    pub name: String,
    /// The answer.
    pub value: Value,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339_to_the_millisecond() {
        let at = Instant(1_767_225_600_007);
        assert_eq!(at.to_string(), "2026-01-01T00:00:00.007Z");
        assert_eq!("2026-01-01T00:00:00.007Z".parse(), Ok(at));
        assert_eq!("2026-01-01T01:00:00.007+01:00".parse(), Ok(at));
        assert!("yesterday".parse::<Instant>().is_err());
        assert!("1969-12-31T23:59:59Z".parse::<Instant>().is_err());
        assert_eq!(Instant(u64::MAX).to_string().len(), 24);
    }

    #[test]
    fn digests_are_lower_case_hex() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Digest::of(b"")));
        assert!(empty.to_uppercase().parse::<Digest>().is_err());
        assert!("e3b0".parse::<Digest>().is_err());
    }

    #[test]
    fn ids_are_safe_in_urls_and_file_names() {
        for good in ["detroit", "st-louis", "p.1_x", "0", &"a".repeat(64)] {
            assert_eq!(check_id(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", ".", "..", "A", "a/b", "a b", "é", "a\n", "a%2f", &"a".repeat(65)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_seen_is_no_part_of_a_word() {
        for seen in "aé日ש0- .\u{301}".chars() {
            assert!(is_seen(seen) && !misleads(seen), "{seen:?}");
        }
        for turning in ['\u{61C}', '\u{200E}', '\u{200F}', '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}'] {
            assert!(misleads(turning) && !is_seen(turning), "{turning:?}");
        }
        for without_width in ['\u{200B}', '\u{2060}', '\u{FEFF}', '\u{E0041}'] {
            assert!(misleads(without_width) && !is_seen(without_width), "{without_width:?}");
        }
        for joiner in ['\u{200C}', '\u{200D}', '\u{AD}'] {
            assert!(!misleads(joiner) && !is_seen(joiner), "{joiner:?}");
        }
        assert!(!is_seen('\n') && !is_seen('\u{1b}') && !misleads('\n'));
    }

    #[test]
    fn values_read_back_as_written() {
        for value in [
            Value::Flag(true),
            Value::Number(-3),
            Value::Text("x".into()),
            Value::Texts(vec!["a".into(), "b".into()]),
            Value::Date { date: jiff::civil::date(2026, 2, 28) },
            Value::Instant { instant: Instant(5) },
        ] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_not_read_to_its_end() {
        let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| e.to_string());
        for bad in ["null", "1.5", "18446744073709551615", "{}", "{\"day\": 1}", "[\"a\", 1]", "[[]]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("{\"date\": \"2026-02-28\", \"instant\": \"2026-02-28T00:00:00.000Z\"}").is_err());
        assert_eq!(read("[]").unwrap(), Value::Texts(vec![]));
        // What stands behind the first thing that is wrong is not looked at.
        assert!(read("[1, no JSON").unwrap_err().contains("expected a string"));
    }

    #[test]
    fn deny_beats_pend_beats_permit() {
        assert!(Verdict::Deny > Verdict::Pend && Verdict::Pend > Verdict::Permit);
    }
}
