//! Whether a form takes an answer: a field of it has the name, and the value is of that field's kind and one of its choices.
//!
//! Where two policies are concerned, a name has to be on the forms of one of them, and a value has to fit one form that has
//! the name: what is a word of one jurisdiction's vocabulary is the other policy's to judge. The form of the phase comes first;
//! answers may also be given ahead of the phase that asks for them.

use model::rulings::{Charter, FieldKind, FormField};
use model::terms::{Phase, Value};

/// Why no form takes an answer, in words that follow its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untaken {
    /// No form has a field of this name.
    #[error("is on no form")]
    OnNoForm,
    /// It is of another kind, or none of the choices.
    #[error("is {got}: it takes {takes}")]
    Unfit {
        /// What was answered, short enough for a message.
        got: String,
        /// What would fit.
        takes: String,
    },
}

/// Whether a form of these charters takes an answer that is given in this phase.
///
/// # Errors
/// [`Untaken`], with what would fit.
pub fn check(charters: &[&Charter], phase: Phase, name: &str, value: &Value) -> Result<(), Untaken> {
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
    if known.iter().any(|field| fits(field, value)) {
        return Ok(());
    }
    let field = known.first().ok_or(Untaken::OnNoForm)?;
    Err(Untaken::Unfit { got: shown(value), takes: wanted(field) })
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

fn wanted(field: &FormField) -> String {
    let kind = match field.kind {
        FieldKind::Code => return format!("a code, one of `{}`", field.choices.join("`, `")),
        FieldKind::Text => "a text",
        FieldKind::Flag => "a flag: true or false",
        FieldKind::Number => "a whole number",
        FieldKind::Date => "a date: {\"date\": \"2026-01-31\"}",
        FieldKind::Instant => "a moment: {\"instant\": \"2026-01-31T09:30:00.000Z\"}",
        FieldKind::Texts => "a list of texts",
    };
    kind.to_owned()
}

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
pub(crate) mod tests {
    use super::*;
    use model::rulings::Form;
    use model::terms::Digest;

    pub(crate) fn field(name: &str, kind: FieldKind, choices: &[&str]) -> FormField {
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

    pub(crate) fn charter(forms: Vec<Form>) -> Charter {
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

    pub(crate) fn form(phase: Phase, fields: Vec<FormField>) -> Form {
        Form { phase, fields }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_value_fits_its_field_or_is_told_what_would() {
        let crime = field("crime", FieldKind::Code, &["robbery", "arson"]);
        let here = charter(vec![form(Phase::Request, vec![crime, field("armed", FieldKind::Flag, &[])])]);
        let says = |name, value| check(&[&here], Phase::Request, name, &value);
        assert_eq!(says("crime", text("arson")), Ok(()));
        let wrong = says("crime", text("Arson")).unwrap_err().to_string();
        for part in ["`Arson`", "code", "`robbery`, `arson`"] {
            assert!(wrong.contains(part), "{wrong}");
        }
        let wrong = says("armed", text("true")).unwrap_err().to_string();
        assert!(wrong.contains("`true`") && wrong.contains("flag"), "{wrong}");
        assert_eq!(says("armd", Value::Flag(true)), Err(Untaken::OnNoForm));
        assert_eq!(check(&[], Phase::Request, "crime", &text("arson")), Err(Untaken::OnNoForm));
    }

    #[test]
    fn the_form_of_the_phase_comes_before_others() {
        let request = form(Phase::Request, vec![field("role", FieldKind::Code, &["a"])]);
        let search =
            form(Phase::Search, vec![field("role", FieldKind::Flag, &[]), field("sure", FieldKind::Flag, &[])]);
        let here = charter(vec![request, search]);
        let says = |phase, name, value| check(&[&here], phase, name, &value).is_ok();
        assert!(says(Phase::Request, "role", text("a")) && !says(Phase::Request, "role", Value::Flag(true)));
        assert!(says(Phase::Search, "role", Value::Flag(true)));
        assert!(says(Phase::Request, "sure", Value::Flag(true)), "ahead of the phase that asks");
    }

    #[test]
    fn of_two_policies_one_has_to_know_the_answer() {
        let here = charter(vec![form(Phase::Request, vec![field("crime", FieldKind::Code, &["robbery"])])]);
        let there = charter(vec![form(Phase::Request, vec![field("crime", FieldKind::Text, &[])])]);
        let says = |name| check(&[&here, &there], Phase::Request, name, &text("shoplifting"));
        assert_eq!(says("crime"), Ok(()), "the other policy judges the word");
        assert_eq!(says("purpose-of-it"), Err(Untaken::OnNoForm));
    }
}
