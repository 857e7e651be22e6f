//! Answers are typed: each is checked against the form it answers ([`policy::answers`]) before any policy is asked.
//!
//! A policy reads an answer of the wrong kind as none, so a mistyped safeguard could pass for a missing one, or a missing one
//! for an answer. Whoever sends such a thing is told the field, its kind and its choices instead, and nothing is decided.

use crate::chamber::{Chamber, PolicyState};
use crate::error::CaseError;
use model::rulings::Charter;
use model::terms::{Phase, Value};
use policy::answers::Untaken;
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
    match policy::answers::check(charters, phase, name, value) {
        Err(Untaken::OnNoForm) if silent => Ok(()),
        Err(why @ Untaken::OnNoForm) => Err(format!(
            "answers.{name} {why} of the policies concerned: leave it out, or see GET /v1/{{jurisdiction}}/charter for the names"
        )),
        Err(why) => Err(format!("answers.{name} {why}")),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::{FieldKind, Form, FormField};
    use model::terms::Digest;

    /// A charter that asks with a request whether somebody was armed.
    fn charter() -> Charter {
        let blank = serde_json::json!({
            "id": "c",
            "title": "",
            "authority": "",
            "authority_text": Digest::default(),
            "effective": "2026-01-01",
            "time_zone": "UTC",
        });
        let armed = FormField {
            name: "armed".to_owned(),
            label: String::new(),
            help: String::new(),
            kind: FieldKind::Flag,
            choices: vec![],
            required: false,
            default: None,
        };
        let forms = vec![Form { phase: Phase::Request, fields: vec![armed] }];
        Charter { forms, ..serde_json::from_value(blank).unwrap() }
    }

    #[test]
    fn whoever_is_refused_is_told_the_field_and_what_would_fit() {
        let charter = charter();
        let says = |name, value, silent| one(&[&charter], Phase::Request, name, &value, silent);
        assert_eq!(says("armed", Value::Flag(true), false), Ok(()));
        for silent in [false, true] {
            let wrong = says("armed", Value::Text("true".to_owned()), silent).unwrap_err();
            assert!(wrong.contains("answers.armed is `true`") && wrong.contains("flag"), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_is_on_no_form_is_taken_only_where_somebody_concerned_has_none() {
        let charter = charter();
        let says = |silent| one(&[&charter], Phase::Request, "armd", &Value::Flag(true), silent);
        assert_eq!(says(true), Ok(()));
        let unknown = says(false).unwrap_err();
        assert!(unknown.contains("answers.armd is on no form of the policies concerned"), "{unknown}");
    }
}
