//! A server's answers, as a person reads them: candidates, findings, obligations, and problems with what would change them.

use crate::{REFUSED, WAITING, output};
use client::{Answer, StatusCode};
use serde_json::Value;
use std::process::ExitCode;

/// Prints an answer, whole as JSON or what `show` picks of it, and gives the exit code it stands for.
pub(crate) fn tell(answer: &Answer, json: bool, show: impl FnOnce(&Value)) -> anyhow::Result<ExitCode> {
    let shown = answer.json()?;
    if json {
        say!("{}", serde_json::to_string_pretty(&shown)?);
    } else if answer.status == StatusCode::ACCEPTED {
        waits(&shown);
    } else if answer.status.is_success() {
        show(&shown);
    } else {
        problem(&shown);
    }
    Ok(code(answer.status))
}

/// Done, waiting for others, refused or failed.
pub(crate) fn code(status: StatusCode) -> ExitCode {
    match status {
        StatusCode::FORBIDDEN | StatusCode::CONFLICT => ExitCode::from(REFUSED),
        StatusCode::ACCEPTED => ExitCode::from(WAITING),
        status if status.is_success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A value without the quotes of JSON, fit for a terminal; nothing for null.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => output::inert(text),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => output::inert(&other.to_string()),
    }
}

/// A text to its byte, to be decoded or hashed and not to be shown; nothing where it is no text.
pub(crate) fn verbatim(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list; none where there is no such list.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Booking data on one line.
pub(crate) fn booking(candidate: &Value) -> String {
    let fields = candidate["booking"].as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{}: {}", output::inert(name), text(value))).collect::<Vec<_>>().join(", ")
}

/// What a search found.
pub(crate) fn searched(answer: &Value) {
    let mut table = output::table(["rank", "record", "score", "booking data"]);
    for candidate in list(answer, "candidates") {
        let score = candidate["score"].as_f64().map_or_else(|| "withheld".to_owned(), |s| format!("{s:.4}"));
        table.add_row([text(&candidate["rank"]), text(&candidate["record_id"]), score, booking(candidate)]);
    }
    say!("request {}", text(&answer["request"]));
    say!("{table}");
    say!(
        "{} records compared of {}, generation {}, digest {}, {} scored exactly, bound {}",
        text(&answer["rows_compared"]),
        text(&answer["gallery"]),
        text(&answer["generation"]),
        text(&answer["gallery_digest"]),
        text(&answer["rows_reranked"]),
        text(&answer["bound"])
    );
    statements(answer);
    taken(answer);
}

/// What has to be shown word for word.
pub(crate) fn statements(answer: &Value) {
    for statement in list(answer, "statements") {
        say!("\n{}", text(&statement["text"]));
    }
}

/// A step that was taken: what was found, what has to be done, where it is recorded.
pub(crate) fn taken(answer: &Value) {
    findings(answer);
    if !list(answer, "obligations").is_empty() {
        let mut table = output::table(["policy", "obligation under", "duty"]);
        for obligation in list(answer, "obligations") {
            let (policy, clause) = (text(&obligation["jurisdiction"]), text(&obligation["clause"]));
            table.add_row([policy, clause, duty(&obligation["duty"])]);
        }
        say!("\n{table}");
    }
    receipt(answer);
}

/// A step that is permitted and has no effect yet, and what it waits for.
fn waits(answer: &Value) {
    if answer["request"].is_string() {
        say!("request {}", text(&answer["request"]));
    }
    say!("{}", text(&answer["detail"]));
    awaited(answer);
    findings(answer);
    receipt(answer);
}

/// What a request waits for, where it does.
pub(crate) fn awaited(answer: &Value) {
    if list(answer, "waits_for").is_empty() {
        return;
    }
    let mut table = output::table(["policy", "waits under", "for"]);
    for awaited in list(answer, "waits_for") {
        table.add_row([text(&awaited["jurisdiction"]), text(&awaited["clause"]), duty(&awaited["duty"])]);
    }
    say!("\n{table}");
}

/// What stood in the way, and what would change it.
pub(crate) fn problem(problem: &Value) {
    say!("{}: {}", output::red_out(&text(&problem["title"])), text(&problem["detail"]));
    for face in list(problem, "faces") {
        say!("  --face {}: at {}", text(&face["face"]), face["bounding_box"]);
    }
    for clause in list(problem, "clauses") {
        say!("  {} {}: {}", text(&clause["jurisdiction"]), text(&clause["clause"]), text(&clause["summary"]));
    }
    findings(problem);
    receipt(problem);
}

fn findings(answer: &Value) {
    if list(answer, "findings").is_empty() {
        return;
    }
    let mut table = output::table(["policy", "phase", "clause", "finding", "explanation"]);
    for finding in list(answer, "findings") {
        let outcome = text(&finding["outcome"]);
        let outcome = if outcome == "satisfied" { output::green(&outcome) } else { outcome };
        let why = if finding["explanation"].is_string() { &finding["explanation"] } else { &finding["summary"] };
        let [policy, phase, clause] = ["jurisdiction", "phase", "clause"].map(|name| text(&finding[name]));
        table.add_row([policy, phase, clause, outcome, text(why)]);
    }
    say!("\n{table}");
}

/// Where it is recorded.
pub(crate) fn receipt(answer: &Value) {
    if answer["receipt"].is_object() {
        say!("\non record as entry {} of {}", text(&answer["receipt"]["index"]), text(&answer["receipt"]["log"]));
    }
}

/// A duty in a few words: its kind, and what it is about.
pub(crate) fn duty(duty: &Value) -> String {
    let Some((kind, about)) = duty.as_object().and_then(|all| all.iter().next()) else { return text(duty) };
    let about = match about {
        Value::Object(rule) => {
            // What is not said of it is not asked of anybody.
            let said = rule.iter().filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)));
            let said = said.map(|(name, value)| (output::inert(name).replace('_', " "), text(value)));
            said.filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
                .join(", ")
        }
        other => text(other),
    };
    format!("{} ({about})", output::inert(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_duty_reads_as_its_kind_and_what_it_is_about() {
        assert_eq!(duty(&json!("dispose-all")), "dispose-all");
        assert_eq!(duty(&json!({"statement": "lead"})), "statement (lead)");
        assert_eq!(duty(&json!({"galleries": ["a", "b"]})), "galleries (a, b)");
        let rule = json!({"sign-offs": {"role": "examiner", "persons": 2, "units": [], "blind": false}});
        let words = duty(&rule);
        assert!(words.starts_with("sign-offs (") && words.contains("role: examiner"), "{words}");
        assert!(!words.contains("blind") && !words.contains("units"), "{words}");
    }

    #[test]
    fn what_others_wrote_is_shown_without_what_drives_a_terminal() {
        let said = json!(["seen \u{1b}[31mclearly", {"\u{9b}K": "\u{9b}2J"}]);
        assert!(!text(&said).contains(char::is_control), "{:?}", text(&said));
        let fields = json!({"booking": {"na\u{1b}me": "Doe\u{1b}]0;x\u{7}"}});
        assert_eq!(booking(&fields), "na\u{fffd}me: Doe\u{fffd}]0;x\u{fffd}");
        assert!(!duty(&json!({"ta\u{1b}sk": {"ow\u{1b}ner": "\u{1b}x"}})).contains(char::is_control));
        assert_eq!(verbatim(&json!("a\u{1b}")), "a\u{1b}", "what is hashed is what was sent");
    }

    #[test]
    fn what_a_policy_refuses_has_a_code_of_its_own() {
        let named = |status: u16| format!("{:?}", code(StatusCode::from_u16(status).unwrap()));
        assert_eq!(named(200), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(named(202), format!("{:?}", ExitCode::from(WAITING)), "permitted, and not done");
        for refused in [403, 409] {
            assert_eq!(named(refused), format!("{:?}", ExitCode::from(REFUSED)));
        }
        for failed in [404, 422, 503] {
            assert_eq!(named(failed), format!("{:?}", ExitCode::FAILURE));
        }
    }
}
