//! What is asked for, as somebody types it: the flags of a request for a search, and answers on a jurisdiction's forms.

use crate::mistyped::Mistyped;
use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::error::ErrorKind;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

// Answers on the form of a step.
pub(crate) struct Answers {
    answers: Vec<(String, String)>,
}

// The same as it is typed.
#[derive(clap::Args)]
struct Typed {
    /// An answer on the jurisdiction's form, as NAME=VALUE; may be repeated. true, false, whole numbers and dates are what they look like, +13135550100 and 0042 are texts; a text that looks like one of these goes in double quotes: 'phone="3135550100"'
    #[arg(long = "answer", value_parser = pair)]
    answers: Vec<(String, String)>,
}

impl clap::Args for Answers {
    fn augment_args(command: clap::Command) -> clap::Command {
        Typed::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Typed::augment_args_for_update(command)
    }
}

impl clap::FromArgMatches for Answers {
    /// One answer to a question: of two, the policy would be told one.
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let Typed { answers } = Typed::from_arg_matches(matches)?;
        let twice = {
            let mut names = BTreeSet::new();
            answers.iter().map(|(name, _)| name.as_str()).find(|name| !names.insert(*name)).map(str::to_owned)
        };
        match twice {
            Some(name) => {
                let told = format!("--answer {name} is given twice: a question has one answer\n");
                Err(clap::Error::raw(ErrorKind::ArgumentConflict, told))
            }
            None => Ok(Self { answers }),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Answers {
    /// As the server takes them.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let quoted = |text: &str| text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map(str::to_owned);
        let date = |text: &str| text.len() == "2026-01-31".len() && text.parse::<model::terms::Date>().is_ok();
        let value = |text: &str| match text {
            "true" => json!(true),
            "false" => json!(false),
            _ => match (quoted(text), whole(text)) {
                (Some(inner), _) => json!(inner),
                (None, Some(n)) => json!(n),
                (None, None) if date(text) => json!({"date": text}),
                (None, None) => json!(text),
            },
        };
        self.answers.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }
}

/// A whole number as people write one. `+13135550100` and `0042` are texts of digits: what a number leaves out of them counts.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let begins = digits.starts_with(|first: char| matches!(first, '1'..='9'));
    if text == "0" || begins { text.parse().ok() } else { None }
}

// What the records searched have to be.
#[derive(clap::Args)]
pub(crate) struct Filters {
    /// Search only among such records, as NAME=VALUE; may be repeated. sex=F or sex=F,X names values, sex!=M those left out; age=20..35, age=20.. and booking-date=2020-01-01..2020-12-31 name ranges, ends included. Which filters a gallery has, /v1/jurisdictions says
    #[arg(long = "filter", value_parser = condition)]
    filters: Vec<(String, Value)>,
}

impl Filters {
    /// As the server takes them.
    pub(crate) fn json(&self) -> anyhow::Result<Map<String, Value>> {
        let mut conditions = Map::new();
        for (name, condition) in &self.filters {
            if conditions.insert(name.clone(), condition.clone()).is_some() {
                let told = format!("--filter {name} is given twice: name its values in one, as {name}=A,B");
                return Err(Mistyped(told).into());
            }
        }
        Ok(conditions)
    }
}

// A request for a search.
#[derive(clap::Args)]
pub(crate) struct Request {
    /// The gallery
    #[arg(long)]
    gallery: String,
    /// The probe: a JPEG or PNG photograph, or a file of f32 little-endian numbers with --model
    #[arg(long)]
    probe: PathBuf,
    /// The model, where the probe is a template
    #[arg(long)]
    model: Option<String>,
    /// Which face, from 0, where the photograph shows several
    #[arg(long)]
    face: Option<u32>,
    /// On whose behalf: a person id, or jurisdiction/person
    #[arg(long)]
    requester: Option<String>,
    /// Purpose, in the jurisdiction's vocabulary
    #[arg(long, default_value = "")]
    purpose: String,
    /// Reason
    #[arg(long, default_value = "")]
    reason: String,
    /// A case number, as KIND=NUMBER; may be repeated
    #[arg(long = "case", value_parser = pair)]
    cases: Vec<(String, String)>,
    /// open, active or closed
    #[arg(long, default_value = "active")]
    case_status: String,
    /// still, video, live-stream, sketch or synthetic
    #[arg(long, default_value = "still")]
    media: String,
    /// Where the image came from
    #[arg(long, default_value = "")]
    source: String,
    #[command(flatten)]
    answers: Answers,
}

impl Request {
    /// As the server takes it, with the probe read.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let bytes = std::fs::read(&self.probe).with_context(|| format!("cannot read {}", self.probe.display()))?;
        let kind = if self.model.is_some() { "template" } else { "image" };
        let identifiers: Vec<_> =
            self.cases.iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
        Ok(json!({
            "gallery": self.gallery,
            "requester": self.requester,
            "purpose": self.purpose,
            "reason": self.reason,
            "identifiers": identifiers,
            "case_status": self.case_status,
            "answers": self.answers.json(),
            "probe": {
                kind: BASE64_STANDARD.encode(bytes),
                "model": self.model,
                "media": self.media,
                "source": self.source,
                "face": self.face,
            },
        }))
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// A filter as it is typed.
fn condition(text: &str) -> Result<(String, Value), String> {
    let (name, value) = pair(text)?;
    let values = || value.split(',').collect::<Vec<_>>();
    if let Some(name) = name.strip_suffix('!') {
        if name.is_empty() || value.contains("..") {
            return Err("write it as NAME!=VALUE; a range is not left out, but named by its ends".to_owned());
        }
        return Ok((name.to_owned(), json!({"none_of": values()})));
    }
    let Some((from, to)) = value.split_once("..") else { return Ok((name, json!({"one_of": values()}))) };
    let mut range = Map::new();
    for (end, text) in [("from", from), ("to", to)] {
        if !text.is_empty() {
            range.insert(end.to_owned(), text.parse::<u32>().map_or_else(|_| json!(text), |number| json!(number)));
        }
    }
    if range.is_empty() {
        return Err("name an end of the range, as 20..35, 20.. or ..35".to_owned());
    }
    Ok((name, Value::Object(range)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_they_look_like() {
        let typed =
            [("a", "true"), ("b", "-3"), ("c", "E-26"), ("d", "x=y"), ("e", ""), ("f", "\"26\""), ("g", "2026-01-31")];
        let answers = typed.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let json = Value::Object(Answers { answers }.json());
        let date = json!({"date": "2026-01-31"});
        assert_eq!(json, json!({"a": true, "b": -3, "c": "E-26", "d": "x=y", "e": "", "f": "26", "g": date}));
    }

    #[test]
    fn a_question_has_one_answer() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            answers: Answers,
        }
        let line = |typed: &[&str]| <Line as clap::Parser>::try_parse_from([&["x"][..], typed].concat());
        let both = line(&["--answer", "crime=robbery", "--answer", "attempted=false"]).ok().unwrap();
        assert_eq!(Value::Object(both.answers.json()), json!({"crime": "robbery", "attempted": false}));
        assert!(line(&[]).is_ok_and(|none| none.answers.json().is_empty()));
        for second in ["crime=larceny", "crime=robbery", "crime="] {
            let refused = line(&["--answer", "crime=robbery", "--answer", second]).err().unwrap();
            assert_eq!((refused.exit_code(), refused.kind()), (2, ErrorKind::ArgumentConflict), "{second}");
            assert!(refused.to_string().contains("--answer crime is given twice"), "{refused}");
        }
    }

    #[test]
    fn a_number_is_one_that_loses_nothing() {
        for (text, number) in [("0", 0), ("7", 7), ("-3", -3), ("3135550100", 3_135_550_100)] {
            assert_eq!(whole(text), Some(number));
        }
        for text in ["+13135550100", "0042", "-0", "00", "-", "", "--1", "-+1", "1.5", "1 ", "9223372036854775808"] {
            assert_eq!(whole(text), None, "{text}");
        }
        let answers = vec![("phone".to_owned(), "+13135550100".to_owned()), ("badge".to_owned(), "0042".to_owned())];
        let json = Value::Object(Answers { answers }.json());
        assert_eq!(json, json!({"phone": "+13135550100", "badge": "0042"}));
    }

    #[test]
    fn filters_are_values_or_ranges() {
        let typed = [
            "sex=F",
            "agency=dpd,mi state",
            "age=20..35",
            "height=180..",
            "booked=..2020-12-31",
            "at=2020-01-31..2020-02-01",
            "origin!=oakland-so,mi",
        ];
        let filters = Filters { filters: typed.map(|text| condition(text).unwrap()).to_vec() };
        let expected = json!({
            "sex": {"one_of": ["F"]},
            "agency": {"one_of": ["dpd", "mi state"]},
            "age": {"from": 20, "to": 35},
            "height": {"from": 180},
            "booked": {"to": "2020-12-31"},
            "at": {"from": "2020-01-31", "to": "2020-02-01"},
            "origin": {"none_of": ["oakland-so", "mi"]},
        });
        assert_eq!(Value::Object(filters.json().unwrap()), expected);
        assert!(condition("age").is_err() && condition("=F").is_err() && condition("age=..").is_err());
        assert!(condition("!=F").is_err() && condition("age!=20..35").is_err());
        let twice = Filters { filters: ["sex=F", "sex=M"].map(|text| condition(text).unwrap()).to_vec() };
        assert!(twice.json().unwrap_err().to_string().contains("--filter sex is given twice"));
    }

    #[test]
    fn an_answer_has_a_name() {
        assert_eq!(pair("d=x=y"), Ok(("d".to_owned(), "x=y".to_owned())));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
