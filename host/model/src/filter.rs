//! What a search may be limited to: the filters that a gallery declares, and the conditions that a search asks for.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A filter that every gallery has: by the status of a record.
pub const STATUS: &str = "status";

/// The other one: by the agency that a record comes from, as it is on record of its enrolment.
pub const ORIGIN: &str = "origin";

/// Choices of one filter at most: a gallery keeps a bit for each record and each of them.
pub const MOST_CHOICES: usize = 256;

/// Something of a gallery's records that searches can be filtered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filterable {
    /// What searches call it.
    pub name: String,
    /// What its values are.
    pub kind: FilterKind,
    /// The booking field that holds them; the one of the same name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The values there are, at most [`MOST_CHOICES`]. Of choices only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Filterable {
    /// The booking field that holds the values.
    pub fn field(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.name)
    }
}

/// What the values of a filter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterKind {
    /// One of the filter's choices: a sex, an agency. Searches name those they want.
    Choice,
    /// A whole number from 0 to 4,294,967,295. Searches give a range.
    Number,
    /// A day, written `2026-01-31`. Searches give a range of days.
    Date,
    /// A date of birth, written like a day. Searches give a range of ages, in completed years on the day of the search.
    Age,
}

/// The conditions of a search, by the names of filters: a record has to meet all of them.
pub type Conditions = BTreeMap<String, Condition>;

/// What a record's value has to be: one of some, none of some, or within a range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// One of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// None of these. Alone it admits a record without a value, too: nothing is known that would leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none_of: Option<Vec<String>>,
    /// This or more; without a lower end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Limit>,
    /// This or less; without an upper end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Limit>,
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "an end of a range is a whole number, 0 or more, or a day as \"2026-01-31\"")]
pub enum Limit {
    /// A number, or an age in years.
    Number(u32),
    /// A day, as text.
    Day(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_as_they_are_written() {
        let text = r#"{"age":{"from":20,"to":35},"booked":{"from":"2020-01-01"},"sex":{"one_of":["F"]}}"#;
        let conditions: Conditions = serde_json::from_str(text).unwrap();
        assert_eq!(conditions["age"].to, Some(Limit::Number(35)));
        assert_eq!(conditions["booked"].from, Some(Limit::Day("2020-01-01".to_owned())));
        assert_eq!(serde_json::to_string(&conditions).unwrap(), text);
        let text = r#"{"origin":{"one_of":["a","b"],"none_of":["b"]},"status":{"none_of":["sealed"]}}"#;
        let conditions: Conditions = serde_json::from_str(text).unwrap();
        assert_eq!(conditions[STATUS].none_of, Some(vec!["sealed".to_owned()]));
        assert_eq!(serde_json::to_string(&conditions).unwrap(), text);
    }

    #[test]
    fn what_is_no_condition_is_said() {
        for (text, says) in [
            (r#"{"sex":{"any_of":["F"]}}"#, "unknown field `any_of`"),
            (r#"{"age":{"from":-1}}"#, "an end of a range is a whole number"),
            (r#"{"age":{"from":2.5}}"#, "an end of a range is a whole number"),
            (r#"{"sex":"F"}"#, "invalid type"),
        ] {
            let said = serde_json::from_str::<Conditions>(text).unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
