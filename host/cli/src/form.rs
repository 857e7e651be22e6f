//! What is asked for, as somebody types it: the flags of a request for a search, and answers on a jurisdiction's forms.

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

// Answers on the form of a step.
#[derive(clap::Args)]
pub(crate) struct Answers {
    /// An answer on the jurisdiction's form, as NAME=VALUE; may be repeated. true, false and whole numbers are what they look like
    #[arg(long = "answer", value_parser = pair)]
    answers: Vec<(String, String)>,
}

impl Answers {
    /// As the server takes them.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let value = |text: &str| match text.parse::<i64>() {
            Ok(n) => json!(n),
            Err(_) => match text {
                "true" => json!(true),
                "false" => json!(false),
                _ => json!(text),
            },
        };
        self.answers.iter().map(|(name, text)| (name.clone(), value(text))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_they_look_like() {
        let typed = [("a", "true"), ("b", "-3"), ("c", "E-26"), ("d", "x=y"), ("e", "")];
        let answers = typed.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        let json = Value::Object(Answers { answers }.json());
        assert_eq!(json, json!({"a": true, "b": -3, "c": "E-26", "d": "x=y", "e": ""}));
    }

    #[test]
    fn an_answer_has_a_name() {
        assert_eq!(pair("d=x=y"), Ok(("d".to_owned(), "x=y".to_owned())));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
