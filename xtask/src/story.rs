//! The story that the demonstration tells, as data: `story.toml`, on top of each policy's `example.toml`.

use crate::lead::Lead;
use anyhow::Context as _;
use serde::Deserialize;

/// Everything that happens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// Certificates beside those that `init` makes.
    #[serde(default)]
    pub(crate) device: Vec<Device>,
    pub(crate) step: Vec<Step>,
    /// One request from its opening to its hand-over.
    pub(crate) lead: Lead,
}

/// A certificate for somebody's other device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) jurisdiction: String,
    pub(crate) person: String,
    pub(crate) device: String,
    pub(crate) name: String,
}

/// One request for a search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What it is about.
    pub(crate) what: String,
    /// Whose certificate: `jurisdiction/name`.
    pub(crate) who: String,
    /// Whose gallery.
    pub(crate) at: String,
    /// What differs from the policy's example.
    #[serde(default)]
    pub(crate) differs: toml::Table,
    /// Dotted paths left out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// permit, deny or pend.
    pub(crate) expect: String,
    /// One of the clauses that decide, after its jurisdiction; nothing where it is permitted.
    pub(crate) clause: Option<String>,
    /// The rank of the mate, where the records are generated: in photographs it is the models' business.
    pub(crate) rank: Option<u32>,
}

/// What came of a step, as far as the story tells it beforehand.
pub(crate) struct Outcome<'a> {
    pub(crate) verdict: &'a str,
    /// The clauses that decided, each after its jurisdiction.
    pub(crate) deciding: &'a [String],
    /// The rank of the mate as it is shown; nothing where ranks are not told beforehand.
    pub(crate) rank: Option<&'a str>,
}

impl Step {
    /// What went otherwise than told.
    pub(crate) fn surprises(&self, outcome: &Outcome<'_>) -> Vec<String> {
        let mut surprises = Vec::new();
        let mut say = |expected: &str, got: &str| {
            surprises.push(format!("{}, {}: expected {expected}, got {got}", self.who, self.what));
        };
        if outcome.verdict != self.expect {
            say(&self.expect, outcome.verdict);
        }
        if let Some(clause) = self.clause.as_ref().filter(|clause| !outcome.deciding.contains(clause)) {
            say(&format!("{clause} to decide"), &outcome.deciding.join(", "));
        }
        if let (Some(told), Some(got)) = (self.rank, outcome.rank)
            && told.to_string() != got
        {
            say(&format!("the mate at rank {told}"), got);
        }
        surprises
    }
}

impl Story {
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("story.toml")).context("story.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_tells_what_has_to_come_of_it() {
        for step in Story::read().unwrap().step {
            let permitted = step.expect == "permit";
            assert_eq!((step.rank.is_some(), step.clause.is_some()), (permitted, !permitted), "{}", step.what);
        }
    }

    #[test]
    fn what_goes_otherwise_than_told_is_a_surprise() {
        let story = Story::read().unwrap();
        let (permitted, denied) = (&story.step[0], &story.step[2]);
        let clauses = |all: &[&str]| all.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let (told, other) = (clauses(&["detroit 2.7", "detroit 5.2"]), clauses(&["st-louis 5.2"]));
        let of = |step: &Step, verdict: &str, deciding: &[String], rank: Option<&str>| {
            step.surprises(&Outcome { verdict, deciding, rank }).len()
        };
        assert_eq!(of(denied, "deny", &told, Some("")), 0);
        assert_eq!(of(denied, "deny", &other, Some("")), 1, "for another reason");
        assert_eq!(of(denied, "permit", &[], Some("1")), 2, "not at all");
        assert_eq!(of(permitted, "permit", &[], Some("1")), 0);
        assert_eq!(of(permitted, "permit", &[], None), 0, "photographs");
        for rank in ["2", "none", ""] {
            assert_eq!(of(permitted, "permit", &[], Some(rank)), 1, "`{rank}`");
        }
    }
}
