//! A template as it is sent. It is read number by number, and no further than the longest template goes: a list of numbers is
//! the shortest way to fill a server's memory with few bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use casework::intake::MOST_NUMBERS;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A template: a list of numbers, or f32 little-endian in base64.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(pub Vec<f32>);

/// Says what a template is made of.
const EXPECTED: &str = "a list of numbers, or f32 little-endian in base64";

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Numbers)
    }
}

struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Template;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a template: {EXPECTED}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Template, E> {
        // Four characters for three bytes.
        if text.len() > (MOST_NUMBERS * size_of::<f32>()).div_ceil(3) * 4 {
            return Err(too_many());
        }
        let bytes = BASE64_STANDARD.decode(text);
        let bytes = bytes.map_err(|e| E::custom(format_args!("a template is {EXPECTED}: {e}")))?;
        match bytes.as_chunks::<4>() {
            (chunks, []) => Ok(Template(chunks.iter().map(|b| f32::from_le_bytes(*b)).collect())),
            _ => {
                let length = bytes.len();
                Err(E::custom(format_args!("a packed template of {length} bytes is not made of 4-byte numbers")))
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Template, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = list.next_element::<f32>()? {
            if numbers.len() == MOST_NUMBERS {
                return Err(too_many());
            }
            numbers.push(number);
        }
        Ok(Template(numbers))
    }
}

fn too_many<E: Error>() -> E {
    E::custom(format_args!("a template has at most {MOST_NUMBERS} numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Template, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    fn packed(numbers: usize) -> String {
        format!("\"{}\"", BASE64_STANDARD.encode(vec![0_u8; 4 * numbers]))
    }

    fn list(numbers: usize) -> String {
        format!("[{}0]", "0,".repeat(numbers - 1))
    }

    #[test]
    fn numbers_are_read_as_written_or_packed() {
        let numbers = Template(vec![1.0, -0.5, 2e-3]);
        assert_eq!(read("[1, -0.5, 2e-3]").unwrap(), numbers);
        let bytes: Vec<u8> = numbers.0.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(read(&format!("\"{}\"", BASE64_STANDARD.encode(bytes))).unwrap(), numbers);
        assert_eq!(read("[]").unwrap(), Template(vec![]));
    }

    #[test]
    fn the_longest_template_is_read_and_nothing_beyond_it() {
        for form in [packed, list] {
            assert_eq!(read(&form(MOST_NUMBERS)).unwrap().0.len(), MOST_NUMBERS);
            assert!(read(&form(MOST_NUMBERS + 1)).unwrap_err().contains("at most 4096 numbers"));
        }
        // What stands behind the last number is not looked at.
        let unread = format!("{}, no JSON", list(MOST_NUMBERS + 1).trim_end_matches(']'));
        assert!(read(&unread).unwrap_err().contains("at most 4096 numbers"));
    }

    #[test]
    fn what_is_no_template_is_told_what_would_be() {
        for bad in ["1", "true", "null", "{}", "\"%%%\"", "[\"1\"]", "[1, null]", "[[1]]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("\"%%%\"").unwrap_err().contains("f32 little-endian in base64"));
        assert!(read("true").unwrap_err().contains("f32 little-endian in base64"));
        assert!(read("\"AQID\"").unwrap_err().contains("3 bytes is not made of 4-byte numbers"));
    }
}
