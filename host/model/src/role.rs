//! The roles that people hold: who granted each, since when, and until when.

use crate::terms::Date;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A role that somebody holds, or is to hold. Written as the role's name alone where nothing else is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Held {
    /// The role.
    pub role: String,
    /// Who granted it; of a step `jurisdiction/person`.
    pub by: Option<String>,
    /// The first day on which it counts, in the jurisdiction's calendar; it has always counted where that is absent.
    pub from: Option<Date>,
    /// The last day on which it counts; open-ended where that is absent.
    pub until: Option<Date>,
}

impl Held {
    /// Whether it counts on this day.
    pub fn counts_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && !self.is_over(day)
    }

    /// Whether its last day is past.
    pub fn is_over(&self, day: Date) -> bool {
        self.until.is_some_and(|until| until < day)
    }
}

impl From<String> for Held {
    fn from(role: String) -> Self {
        Self { role, by: None, from: None, until: None }
    }
}

impl From<&str> for Held {
    fn from(role: &str) -> Self {
        role.to_owned().into()
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.role)?;
        if let Some(from) = self.from {
            write!(f, " from {from}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        Ok(())
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "use a role's name, or { role, by, from, until } with days as \"2026-01-31\" and nothing else"
)]
enum Written {
    Name(String),
    Whole(#[serde(deserialize_with = "by_name")] Whole),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
}

/// Reads it from a map. A derived reader would take a list, too, and go by the order of the fields.
fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
    struct Named;

    impl<'de> Visitor<'de> for Named {
        type Value = Whole;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Whole, A::Error> {
            Whole::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Named)
}

impl From<Written> for Held {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(role) => role.into(),
            Written::Whole(Whole { role, by, from, until }) => Self { role, by, from, until },
        }
    }
}

impl From<Held> for Written {
    fn from(held: Held) -> Self {
        match held {
            Held { role, by: None, from: None, until: None } => Self::Name(role),
            Held { role, by, from, until } => Self::Whole(Whole { role, by, from, until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_role_counts_from_its_first_day_to_its_last() {
        let held = Held { from: Some(day("2026-03-02")), until: Some(day("2026-03-08")), ..Held::from("examiner") };
        for (on, counts) in [("2026-03-01", false), ("2026-03-02", true), ("2026-03-08", true), ("2026-03-09", false)] {
            assert_eq!(held.counts_on(day(on)), counts, "{on}");
        }
        assert!(held.is_over(day("2026-03-09")) && !held.is_over(day("2026-03-01")));
        assert!(Held::from("examiner").counts_on(day("1999-01-01")));
        assert_eq!(held.to_string(), "examiner from 2026-03-02 until 2026-03-08");
    }

    #[test]
    fn a_bare_name_stays_one_and_the_whole_reads_back() {
        let bare = Held::from("examiner");
        assert_eq!(serde_json::to_value(&bare).unwrap(), serde_json::json!("examiner"));
        let whole = Held { by: Some("north/chief".into()), until: Some(day("2026-03-08")), ..bare.clone() };
        for held in [bare, whole] {
            let kept = serde_json::to_value(&held).unwrap();
            assert_eq!(serde_json::from_value::<Held>(kept).unwrap(), held);
        }
    }

    #[test]
    fn what_is_no_role_says_what_would_be_one() {
        for wrong in [
            serde_json::json!({"role": "examiner", "untill": "2026-03-08"}),
            serde_json::json!({"role": "examiner", "until": "tomorrow"}),
            serde_json::json!({"until": "2026-03-08"}),
            serde_json::json!(7),
            serde_json::json!(["examiner"]),
            serde_json::json!(["examiner", null, null, "2026-03-08"]),
        ] {
            let refused = serde_json::from_value::<Held>(wrong.clone()).unwrap_err().to_string();
            assert!(refused.contains("use a role's name"), "{wrong}: {refused}");
        }
    }
}
