//! `magistrate candidates`, `dispose` and `sign`: the work between the list and the release.

use super::Case;
use crate::form::Answers;
use crate::output;
use crate::shown::{self, text};
use anyhow::{Context as _, bail};
use model::facts::Likeness;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate candidates --certificate here/certs/detroit/j.kowalski.pem --jurisdiction detroit --request $REQUEST"
)]
pub(crate) struct Candidates {
    #[command(flatten)]
    case: Case,
    #[command(flatten)]
    answers: Answers,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate dispose --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST \\\n    --record b-0417 --likeness possible --reason 'ears, nose bridge and scar agree' \\\n    --record b-0032 --likeness excluded --reason 'the ear lobes differ'\n\nWith one likeness and one reason, they are said of every record named. A file says the same:\n\n  [[disposition]]\n  record = \"b-0417\"\n  likeness = \"possible\"\n  reason = \"ears, nose bridge and scar agree\""
)]
pub(crate) struct Dispose {
    #[command(flatten)]
    case: Case,
    /// A record of the request's list; may be repeated, with a likeness and a reason each
    #[arg(long = "record")]
    records: Vec<String>,
    /// What it was found to be
    #[arg(long = "likeness", value_parser = ["possible", "excluded", "inconclusive"])]
    likenesses: Vec<String>,
    /// How you came to it
    #[arg(long = "reason")]
    reasons: Vec<String>,
    /// A TOML file of dispositions
    #[arg(long, required_unless_present = "records")]
    file: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate sign --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST \\\n    --role examiner --conclusion lead --reason 'one candidate is possible'"
)]
pub(crate) struct Sign {
    #[command(flatten)]
    case: Case,
    /// The role you sign in: one that you hold now
    #[arg(long)]
    role: String,
    /// What you conclude
    #[arg(long, value_parser = ["lead", "no-lead", "approved", "refused"])]
    conclusion: String,
    /// Why you refuse, if you do; or whatever you want on record beside your signature
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    answers: Answers,
}

/// A file of dispositions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    disposition: Vec<Said>,
}

/// What is said of one candidate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    record: String,
    likeness: Likeness,
    reason: String,
}

pub(super) fn candidates(arguments: &Candidates) -> anyhow::Result<ExitCode> {
    let Candidates { case, answers } = arguments;
    shown::tell(&case.step("candidates", &json!({"answers": answers.json()}))?, case.json, |answer| {
        let mut table = output::table(["rank", "record", "status", "booking data", "found", "by"]);
        for candidate in shown::list(answer, "candidates") {
            let said = &candidate["disposition"];
            let [rank, record, status] = ["rank", "record_id", "status"].map(|name| text(&candidate[name]));
            let (found, by) = (text(&said["likeness"]), text(&said["by"]["person"]));
            table.add_row([rank, record, status, shown::booking(candidate), found, by]);
        }
        say!("{table}");
        shown::taken(answer);
    })
}

pub(super) fn dispose(arguments: &Dispose) -> anyhow::Result<ExitCode> {
    let Dispose { case, records, likenesses, reasons, file, answers } = arguments;
    let mut dispositions = typed(records, likenesses, reasons)?;
    if let Some(file) = file {
        dispositions.extend(read(file)?);
    }
    let said = dispositions.len();
    let body = json!({"dispositions": dispositions, "answers": answers.json()});
    shown::tell(&case.step("dispositions", &body)?, case.json, |answer| {
        say!("{said} dispositions are on record");
        shown::taken(answer);
    })
}

pub(super) fn sign(arguments: &Sign) -> anyhow::Result<ExitCode> {
    let Sign { case, role, conclusion, reason, answers } = arguments;
    let body = json!({"role": role, "conclusion": conclusion, "reason": reason, "answers": answers.json()});
    shown::tell(&case.step("sign-offs", &body)?, case.json, |answer| {
        say!("signed: {conclusion}, as {role}");
        shown::taken(answer);
    })
}

/// What is typed: a likeness and a reason for each record, or one of each for all.
fn typed(records: &[String], likenesses: &[String], reasons: &[String]) -> anyhow::Result<Vec<Value>> {
    let each = likenesses.len() == records.len() && reasons.len() == records.len();
    let same = likenesses.len() == 1 && reasons.len() == 1;
    if !each && (!same || records.is_empty()) {
        bail!(
            "{} records, {} likenesses and {} reasons: give one of each for every record, or one likeness and one reason for all",
            records.len(),
            likenesses.len(),
            reasons.len()
        );
    }
    let said = records.iter().zip(likenesses.iter().cycle()).zip(reasons.iter().cycle());
    Ok(said.map(|((record, likeness), reason)| disposition(record, likeness, reason)).collect())
}

fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let sheet: Sheet =
        toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {}", file.display(), e.to_string().trim_end()))?;
    Ok(sheet.disposition.iter().map(|said| disposition(&said.record, said.likeness, &said.reason)).collect())
}

fn disposition(record: &str, likeness: impl serde::Serialize, reason: &str) -> Value {
    let mut said = Map::new();
    said.insert("record_id".to_owned(), json!(record));
    said.insert("likeness".to_owned(), json!(likeness));
    said.insert("reason".to_owned(), json!(reason));
    Value::Object(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn each_record_has_its_own_word_or_all_have_one() {
        let [a, b] = ["a", "b"];
        let each = typed(&texts(&[a, b]), &texts(&["possible", "excluded"]), &texts(&["x", "y"])).unwrap();
        assert_eq!(each[1], json!({"record_id": "b", "likeness": "excluded", "reason": "y"}));
        let all = typed(&texts(&[a, b]), &texts(&["excluded"]), &texts(&["x"])).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[1]["reason"], "x");
        assert!(typed(&[], &[], &[]).unwrap().is_empty(), "a file says it all");
    }

    #[test]
    fn what_does_not_pair_is_not_guessed() {
        let two = texts(&["a", "b"]);
        for (likenesses, reasons) in [(2, 1), (1, 2), (3, 3), (0, 0), (1, 0)] {
            let (likenesses, reasons) = (vec!["excluded".to_owned(); likenesses], vec!["x".to_owned(); reasons]);
            assert!(typed(&two, &likenesses, &reasons).is_err(), "{likenesses:?} {reasons:?}");
        }
        assert!(typed(&[], &texts(&["excluded"]), &texts(&["x"])).is_err(), "of nobody");
    }

    #[test]
    fn a_file_says_the_same_and_a_misspelt_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dispositions.toml");
        std::fs::write(&file, "[[disposition]]\nrecord = \"a\"\nlikeness = \"excluded\"\nreason = \"x\"\n").unwrap();
        assert_eq!(read(&file).unwrap(), [json!({"record_id": "a", "likeness": "excluded", "reason": "x"})]);
        std::fs::write(&file, "[[disposition]]\nrecord = \"a\"\nlikeliness = \"excluded\"\nreason = \"x\"\n").unwrap();
        let said = read(&file).unwrap_err().to_string();
        assert!(said.contains("likeliness") && said.contains("dispositions.toml"), "{said}");
    }
}
