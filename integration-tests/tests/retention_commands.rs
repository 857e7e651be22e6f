//! How long records stay, and where to look first, from the command line.

use crate::common::{Court, court};
use serde_json::Value;
use std::process::Output;

const ANALYST: &str = "st-louis/r.abara";
const DETECTIVE: &str = "st-louis/d.reyes";
const ADMINISTRATOR: &str = "st-louis/s.okafor";
const ELSEWHERE: &str = "detroit/m.whitfield";
const AUDITOR: &str = "detroit/a.feld";

/// Types a command with the certificate of `who` at a jurisdiction.
fn typed(court: &Court, who: &str, at: &str, words: &[&str], rest: &[&str]) -> Output {
    let certificate = format!("certs/{who}.pem");
    let as_whom = ["--server", &court.deployment.address, "--certificate", &certificate, "--jurisdiction", at];
    court.deployment.run(&[words, &as_whom, rest].concat()).unwrap()
}

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// A command about how long records of St. Louis stay: it has to end with this code, and say all of this.
fn retention(court: &Court, who: &str, what: &str, rest: &[&str], code: i32, says: &[&str]) {
    let done = typed(court, who, "st-louis", &["retention", what], rest);
    assert_eq!(done.status.code(), Some(code), "{what} by {who}, {rest:?}: {}", said(&done));
    for part in says {
        assert!(said(&done).contains(part), "{what} by {who}, {rest:?}: `{part}`: {}", said(&done));
    }
}

/// The docket of the record, as it is listed.
fn docket(court: &Court, record: &str) -> Value {
    let done = typed(court, ANALYST, "st-louis", &["retention", "list"], &["--json"]);
    assert!(done.status.success(), "{}", said(&done));
    let listed: Value = serde_json::from_slice(&done.stdout).unwrap();
    listed.as_array().unwrap().iter().find(|d| d["record"]["record"] == record).unwrap().clone()
}

#[tokio::test]
async fn a_record_is_noticed_held_and_destroyed_with_commands_alone() {
    let Some(mut court) = court().await else { return };
    let record = ["--gallery", "mugshots", "--record", "r0003"];
    let with = |answers: &[&'static str]| {
        let answers = answers.iter().flat_map(|answer| ["--answer", *answer]);
        record.into_iter().chain(answers).collect::<Vec<_>>()
    };
    retention(&court, ANALYST, "notice", &record, 0, &["r0003", "on record as entry", "purge"]);
    retention(&court, ANALYST, "purge", &record, 3, &["F.2", "violated", "on record as entry"]);
    assert!(docket(&court, "r0003")["due"].is_string());

    let written = with(&["written-notice=true"]);
    let waits = ["without effect until others approve", "hold of", "on record as entry"];
    retention(&court, DETECTIVE, "hold", &written, 5, &waits);
    retention(&court, DETECTIVE, "hold", &[&written[..], &["--json"]].concat(), 5, &["\"pending\": true"]);
    assert!(docket(&court, "r0003")["held"].is_null(), "it waits");
    let decided = with(&["evidentiary-value=true", "decision-reasons=exhibit 4 in a pending trial"]);
    retention(&court, ADMINISTRATOR, "hold", &decided, 0, &["r0003", "on record as entry"]);
    let held = docket(&court, "r0003");
    assert!(held["held"].is_object() && held.get("asked").is_none(), "{held}");

    retention(&court, ADMINISTRATOR, "purge", &record, 3, &["D.4.a-3"]);
    let custody = with(&["export-media=DVD 26-E-0077", "export-custodian=property room"]);
    retention(&court, ADMINISTRATOR, "export", &custody, 1, &["the record was not exported"]);
    let until = [&record[..], &["--day", "2099-01-01"]].concat();
    retention(&court, DETECTIVE, "extend", &until, 3, &["D.4.b-1", "violated"]);
    retention(&court, DETECTIVE, "lift", &with(&["decision-reasons=none"]), 3, &["D.4.a-2", "violated"]);
    retention(&court, ADMINISTRATOR, "lift", &with(&["decision-reasons=the appeal is decided"]), 0, &["r0003"]);

    retention(&court, ADMINISTRATOR, "purge", &record, 0, &["destroyed: template r0003", "on record as entry"]);
    retention(&court, ADMINISTRATOR, "purge", &record, 3, &["destroyed"]);
    retention(&court, ANALYST, "list", &[], 0, &["mugshots", "r0003", "gone"]);
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn what_is_typed_wrongly_or_is_not_ones_own_changes_nothing() {
    let Some(court) = court().await else { return };
    let record = ["--gallery", "mugshots", "--record", "r0003"];
    let before = court.entries("st-louis").await;
    retention(&court, ADMINISTRATOR, "extend", &record, 2, &["--day"]);
    retention(&court, ADMINISTRATOR, "hold", &["--gallery", "mugshots"], 2, &["--record"]);
    retention(&court, ADMINISTRATOR, "notice", &[&record[..], &["--day", "yesterday"]].concat(), 2, &["yesterday"]);
    retention(&court, ADMINISTRATOR, "hold", &["--record", "r0003"], 1, &["gallery is missing"]);
    retention(&court, ADMINISTRATOR, "hold", &["--gallery", "mugshots", "--record", " "], 1, &["say which record"]);
    retention(&court, ADMINISTRATOR, "purge", &["--subject", "probe", "--record", &"r".repeat(100_000)], 1, &[]);
    assert_eq!(court.entries("st-louis").await, before, "none of it was asked, or could be");
    retention(&court, ELSEWHERE, "hold", &record, 3, &["ask somebody of the gallery's jurisdiction"]);
    retention(&court, ELSEWHERE, "list", &[], 3, &["only people of `st-louis`"]);
    let done = typed(&court, ANALYST, "st-louis", &["retention", "list"], &["--json"]);
    assert_eq!(said(&done).trim(), "[]", "nothing is on any docket");
}

#[tokio::test]
async fn an_auditor_is_shown_where_to_look_and_nobody_else() {
    let Some(court) = court().await else { return };
    court.search("detroit", 5).await;
    let anomalies = |who: &str, rest: &[&str]| typed(&court, who, "detroit", &["audit", "anomalies"], rest);
    let shown = anomalies(AUDITOR, &["--subjects-per-case", "1"]);
    assert!(shown.status.success(), "{}", said(&shown));
    for part in ["entries of localhost/detroit", "subjects-per-case", "26-0310-114"] {
        assert!(said(&shown).contains(part), "{part}: {}", said(&shown));
    }
    let told: Value = serde_json::from_slice(&anomalies(AUDITOR, &["--json", "--night-to", "5"]).stdout).unwrap();
    assert!(told["thresholds"]["night_to"] == 5 && told["thresholds"]["night_from"] == 22, "{told}");
    let kinds: Vec<_> = told["anomalies"].as_array().unwrap().iter().map(|a| &a["kind"]).collect();
    assert!(!kinds.iter().any(|kind| *kind == "subjects-per-case"), "one is usual: {kinds:?}");

    let before = court.entries("detroit").await;
    for (rest, code, says) in [
        (&["--from", "2026-03-01"][..], 2, "--to"),
        (&["--night-from", "25"], 1, "an hour from 0 to 23"),
        (&["--from", "2020-01-01", "--to", "2026-01-01"], 1, "366"),
        (&["--from", "2026-01-02", "--to", "2026-01-01"], 1, ""),
    ] {
        let done = anomalies(AUDITOR, rest);
        assert_eq!(done.status.code(), Some(code), "{rest:?}: {}", said(&done));
        assert!(said(&done).contains(says), "{rest:?}: {}", said(&done));
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was looked at");
    assert_eq!(anomalies(ELSEWHERE, &[]).status.code(), Some(3), "an examiner is no auditor");
    assert_eq!(anomalies("st-louis/a.whitfield", &[]).status.code(), Some(3), "nor is another jurisdiction's");
}
