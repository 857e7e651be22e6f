//! Numbers and lists that a jurisdiction may tune in policy.toml, checked against what the policy declares.

use crate::rulings::{FieldKind, FormField, Problem};
use crate::terms::{Field, Value};

/// One setting a policy declares.
pub struct Setting {
    /// Its name in policy.toml.
    pub name: &'static str,
    /// What a person reads beside it.
    pub label: &'static str,
    /// What it changes.
    pub help: &'static str,
    /// Its kind and the value in force when policy.toml is silent.
    pub default: Default,
}

/// A setting's kind with its default value.
#[derive(Clone, Copy)]
pub enum Default {
    /// Yes or no.
    Flag(bool),
    /// A whole number between two bounds, both allowed.
    Number(i64, i64, i64),
    /// One of several words.
    Code(&'static str, &'static [&'static str]),
    /// A text.
    Text(&'static str),
    /// Several texts.
    Texts(&'static [&'static str]),
}

impl Setting {
    /// The setting as the charter lists it.
    pub fn form_field(&self) -> FormField {
        let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let (kind, choices, default) = match self.default {
            Default::Flag(value) => (FieldKind::Flag, vec![], Value::Flag(value)),
            Default::Number(value, _, _) => (FieldKind::Number, vec![], Value::Number(value)),
            Default::Code(value, choices) => (FieldKind::Code, texts(choices), Value::Text(value.to_owned())),
            Default::Text(value) => (FieldKind::Text, vec![], Value::Text(value.to_owned())),
            Default::Texts(values) => (FieldKind::Texts, vec![], Value::Texts(texts(values))),
        };
        FormField {
            name: self.name.to_owned(),
            label: self.label.to_owned(),
            help: self.help.to_owned(),
            kind,
            choices,
            required: false,
            default: Some(default),
        }
    }

    /// What is wrong with this value, if anything.
    fn problem(&self, value: &Value) -> Option<String> {
        match (self.default, value) {
            (Default::Flag(_), Value::Flag(_))
            | (Default::Text(_), Value::Text(_))
            | (Default::Texts(_), Value::Texts(_)) => None,
            (Default::Number(_, least, most), Value::Number(n)) => {
                (!(least..=most).contains(n)).then(|| format!("is {n}: use {least} to {most}"))
            }
            (Default::Code(_, choices), Value::Text(word)) => {
                (!choices.contains(&word.as_str())).then(|| format!("is `{word}`: use one of {}", choices.join(", ")))
            }
            (Default::Flag(_), _) => Some("is not a boolean: use true or false".to_owned()),
            (Default::Number(..), _) => Some("is not a whole number".to_owned()),
            (Default::Code(..) | Default::Text(_), _) => Some("is not a text".to_owned()),
            (Default::Texts(_), _) => Some("is not a list of texts".to_owned()),
        }
    }
}

/// Unknown names, names given twice and values of the wrong kind.
pub(crate) fn problems(declared: &[Setting], fields: &[Field]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let message = match declared.iter().find(|s| s.name == field.name) {
            None => Some(format!(
                "is not a setting of this policy: use one of {}",
                declared.iter().map(|s| s.name).collect::<Vec<_>>().join(", ")
            )),
            Some(_) if fields[..i].iter().any(|f| f.name == field.name) => Some("is given twice".to_owned()),
            Some(setting) => setting.problem(&field.value),
        };
        found.extend(message.map(|message| Problem { setting: field.name.clone(), message }));
    }
    found
}

/// The settings in force.
pub struct Settings<'a> {
    declared: &'static [Setting],
    given: &'a [Field],
}

impl<'a> Settings<'a> {
    pub(crate) fn new(declared: &'static [Setting], given: &'a [Field]) -> Self {
        Self { declared, given }
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.given.iter().find(|f| f.name == name).map(|f| &f.value)
    }

    fn declared(&self, name: &str) -> Option<Default> {
        self.declared.iter().find(|s| s.name == name).map(|s| s.default)
    }

    /// A number; 0 if the policy declares no such number, which its own tests notice.
    pub fn number(&self, name: &str) -> i64 {
        match (self.given(name), self.declared(name)) {
            (Some(Value::Number(n)), _) => *n,
            (_, Some(Default::Number(n, _, _))) => n,
            _ => 0,
        }
    }

    /// A yes or no; no if the policy declares no such flag.
    pub fn flag(&self, name: &str) -> bool {
        match (self.given(name), self.declared(name)) {
            (Some(Value::Flag(yes)), _) => *yes,
            (_, Some(Default::Flag(yes))) => yes,
            _ => false,
        }
    }

    /// A text or word; empty if the policy declares none.
    pub fn text(&self, name: &str) -> &'a str {
        match (self.given(name), self.declared(name)) {
            (Some(Value::Text(text)), _) => text,
            (_, Some(Default::Text(text) | Default::Code(text, _))) => text,
            _ => "",
        }
    }

    /// Several texts; none if the policy declares none.
    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        match (self.given(name), self.declared(name)) {
            (Some(Value::Texts(texts)), _) => texts.iter().map(String::as_str).collect(),
            (_, Some(Default::Texts(texts))) => texts.to_vec(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Setting] = &[
        Setting { name: "limit", label: "", help: "", default: Default::Number(20, 1, 500) },
        Setting { name: "reading", label: "", help: "", default: Default::Code("literal", &["literal", "strict"]) },
        Setting { name: "units", label: "", help: "", default: Default::Texts(&["a"]) },
    ];

    fn field(name: &str, value: Value) -> Field {
        Field { name: name.to_owned(), value, attested_by: None, attested_at: None }
    }

    #[test]
    fn silence_means_the_default() {
        let settings = Settings::new(DECLARED, &[]);
        assert_eq!(settings.number("limit"), 20);
        assert_eq!(settings.text("reading"), "literal");
        assert_eq!(settings.texts("units"), ["a"]);
    }

    #[test]
    fn what_is_given_holds() {
        let given = [field("limit", Value::Number(5)), field("units", Value::Texts(vec!["b".into(), "c".into()]))];
        let settings = Settings::new(DECLARED, &given);
        assert_eq!(settings.number("limit"), 5);
        assert_eq!(settings.texts("units"), ["b", "c"]);
    }

    #[test]
    fn every_problem_is_named() {
        let given = [
            field("limit", Value::Number(0)),
            field("limit", Value::Number(3)),
            field("limt", Value::Number(3)),
            field("reading", Value::Text("loose".into())),
            field("units", Value::Flag(true)),
        ];
        let found = problems(DECLARED, &given);
        let messages: Vec<_> = found.iter().map(|p| format!("{} {}", p.setting, p.message)).collect();
        assert_eq!(
            messages,
            [
                "limit is 0: use 1 to 500",
                "limit is given twice",
                "limt is not a setting of this policy: use one of limit, reading, units",
                "reading is `loose`: use one of literal, strict",
                "units is not a list of texts",
            ]
        );
    }
}
