//! Answers are typed: each is checked against the form it answers before any policy is asked.
//!
//! A policy reads an answer of the wrong kind as none, so a mistyped safeguard could pass for a missing one, or a missing one
//! for an answer. Whoever sends such a thing is told the field, its kind and its choices instead, and nothing is decided.
//!
//! Where two policies are concerned, a name has to be on the forms of one of them, and a value has to fit one form that has
//! the name: what is a word of one jurisdiction's vocabulary is the other policy's to judge. The form of the phase comes first;
//! answers may also be given ahead of the phase that asks for them.

use crate::chamber::{Chamber, PolicyState};
use crate::error::CaseError;
use model::rulings::{Charter, FieldKind, FormField};
use model::terms::{Phase, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether these answers can be what the forms of the policies concerned ask for.
///
/// # Errors
/// [`CaseError::Invalid`], naming field, kind and choices.
pub(crate) fn check(
    concerned: &[Arc<Chamber>],
    phase: Phase,
    answers: &BTreeMap<String, Value>,
) -> Result<(), CaseError> {
    if answers.is_empty() {
        return Ok(());
    }
    let mut ready: Vec<policy::Policy> = Vec::with_capacity(concerned.len());
    for chamber in concerned {
        if let PolicyState::Ready(policy) = &*chamber.policy() {
            ready.push(policy.clone());
        }
    }
    let charters: Vec<&Charter> = ready.iter().map(policy::Policy::charter).collect();
    // A jurisdiction without a policy, or whose policy lists no forms, says nothing of names.
    let silent = charters.len() < concerned.len() || charters.iter().any(|c| c.forms.is_empty());
    for (name, value) in answers {
        one(&charters, phase, name, value, silent).map_err(CaseError::Invalid)?;
    }
    Ok(())
}

fn one(charters: &[&Charter], phase: Phase, name: &str, value: &Value, silent: bool) -> Result<(), String> {
    let mut known: Vec<&FormField> = Vec::new();
    for charter in charters {
        let mut of_phase = Vec::new();
        let mut elsewhere = Vec::new();
        for form in &charter.forms {
            let found = form.fields.iter().filter(|field| field.name == name);
            if form.phase == phase { of_phase.extend(found) } else { elsewhere.extend(found) }
        }
        known.extend(if of_phase.is_empty() { elsewhere } else { of_phase });
    }
    if known.iter().any(|field| fits(field, value)) || (known.is_empty() && silent) {
        return Ok(());
    }
    let Some(field) = known.first() else {
        return Err(format!(
            "answers.{name} is on no form of the policies concerned: leave it out, or see GET /v1/{{jurisdiction}}/charter for the names"
        ));
    };
    let got = shown(value);
    Err(match field.kind {
        FieldKind::Code => {
            format!("answers.{name} is {got}: it takes a code, one of `{}`", field.choices.join("`, `"))
        }
        kind => format!("answers.{name} is {got}: it takes {}", wanted(kind)),
    })
}

fn fits(field: &FormField, value: &Value) -> bool {
    match (field.kind, value) {
        (FieldKind::Code, Value::Text(code)) => field.choices.iter().any(|choice| choice == code),
        (FieldKind::Text, Value::Text(_))
        | (FieldKind::Flag, Value::Flag(_))
        | (FieldKind::Number, Value::Number(_))
        | (FieldKind::Date, Value::Date { .. })
        | (FieldKind::Instant, Value::Instant { .. })
        | (FieldKind::Texts, Value::Texts(_)) => true,
        _ => false,
    }
}

fn wanted(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "a text",
        FieldKind::Code => "a code",
        FieldKind::Flag => "a flag: true or false",
        FieldKind::Number => "a whole number",
        FieldKind::Date => "a date: {\"date\": \"2026-01-31\"}",
        FieldKind::Instant => "a moment: {\"instant\": \"2026-01-31T09:30:00.000Z\"}",
        FieldKind::Texts => "a list of texts",
    }
}

/// What was sent, short enough for a message.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    match value {
        Value::Text(text) => {
            let short: String = text.chars().take(MOST).collect();
            if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
        }
        Value::Flag(yes) => format!("the flag {yes}"),
        Value::Number(n) => format!("the number {n}"),
        Value::Texts(_) => "a list of texts".to_owned(),
        Value::Date { date } => format!("the date {date}"),
        Value::Instant { instant } => format!("the moment {instant}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::Form;
    use model::terms::Digest;

    fn field(name: &str, kind: FieldKind, choices: &[&str]) -> FormField {
        FormField {
            name: name.to_owned(),
            label: String::new(),
            help: String::new(),
            kind,
            choices: choices.iter().map(|c| (*c).to_owned()).collect(),
            required: false,
            default: None,
        }
    }

    fn charter(forms: Vec<Form>) -> Charter {
        let blank = serde_json::json!({
            "id": "c",
            "title": "",
            "authority": "",
            "authority_text": Digest::default(),
            "effective": "2026-01-01",
            "time_zone": "UTC",
        });
        Charter { forms, ..serde_json::from_value(blank).unwrap() }
    }

    fn form(phase: Phase, fields: Vec<FormField>) -> Form {
        Form { phase, fields }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_value_fits_its_field_or_is_told_what_would() {
        let crime = field("crime", FieldKind::Code, &["robbery", "arson"]);
        let here = charter(vec![form(Phase::Request, vec![crime, field("armed", FieldKind::Flag, &[])])]);
        let says = |name, value| one(&[&here], Phase::Request, name, &value, false);
        assert_eq!(says("crime", text("arson")), Ok(()));
        let wrong = says("crime", text("Arson")).unwrap_err();
        for part in ["answers.crime", "`Arson`", "code", "`robbery`, `arson`"] {
            assert!(wrong.contains(part), "{wrong}");
        }
        let wrong = says("armed", text("true")).unwrap_err();
        assert!(wrong.contains("answers.armed") && wrong.contains("flag"), "{wrong}");
        assert!(says("armd", Value::Flag(true)).unwrap_err().contains("answers.armd is on no form"));
    }

    #[test]
    fn the_form_of_the_phase_comes_before_others() {
        let request = form(Phase::Request, vec![field("role", FieldKind::Code, &["a"])]);
        let search =
            form(Phase::Search, vec![field("role", FieldKind::Flag, &[]), field("sure", FieldKind::Flag, &[])]);
        let here = charter(vec![request, search]);
        let says = |phase, name, value| one(&[&here], phase, name, &value, false).is_ok();
        assert!(says(Phase::Request, "role", text("a")) && !says(Phase::Request, "role", Value::Flag(true)));
        assert!(says(Phase::Search, "role", Value::Flag(true)));
        assert!(says(Phase::Request, "sure", Value::Flag(true)), "ahead of the phase that asks");
    }

    #[test]
    fn of_two_policies_one_has_to_know_the_answer() {
        let here = charter(vec![form(Phase::Request, vec![field("crime", FieldKind::Code, &["robbery"])])]);
        let there = charter(vec![form(Phase::Request, vec![field("crime", FieldKind::Text, &[])])]);
        let says = |name, silent| one(&[&here, &there], Phase::Request, name, &text("shoplifting"), silent).is_ok();
        assert!(says("crime", false), "the other policy judges the word");
        assert!(!says("purpose-of-it", false));
        assert!(says("purpose-of-it", true), "somebody concerned has no forms");
    }
}
