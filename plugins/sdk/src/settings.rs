//! Numbers and lists that a jurisdiction may tune in policy.toml, checked against what the policy declares.

use crate::prelude::*;
use crate::rulings::{FieldKind, FormField, Problem};
use crate::terms::{Field, Value};
use crate::text::same;

/// One setting a policy declares. A policy keeps it in a constant, lists it in
/// [`Policy::SETTINGS`](crate::Policy::SETTINGS) and asks for what is in force by a reference to the constant.
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

/// The settings in force. Most policy.toml are silent on most settings, so a default takes no search.
pub struct Settings<'a> {
    given: &'a [Field],
}

impl<'a> Settings<'a> {
    pub(crate) fn new(given: &'a [Field]) -> Self {
        Self { given }
    }

    /// Nothing set: every default in force. What a policy's own tests start from.
    pub fn defaults() -> Self {
        Self { given: &[] }
    }

    fn given(&self, setting: &Setting) -> Option<&'a Value> {
        self.given.iter().find(|f| same(&f.name, setting.name)).map(|f| &f.value)
    }

    /// A number; 0 if the setting is none, which the policy's own tests notice.
    pub fn number(&self, setting: &Setting) -> i64 {
        match (self.given(setting), setting.default) {
            (Some(Value::Number(n)), _) => *n,
            (_, Default::Number(n, _, _)) => n,
            _ => 0,
        }
    }

    /// A yes or no; no if the setting is no flag.
    pub fn flag(&self, setting: &Setting) -> bool {
        match (self.given(setting), setting.default) {
            (Some(Value::Flag(yes)), _) => *yes,
            (_, Default::Flag(yes)) => yes,
            _ => false,
        }
    }

    /// A text or word; empty if the setting is none.
    pub fn text(&self, setting: &Setting) -> &'a str {
        match (self.given(setting), setting.default) {
            (Some(Value::Text(text)), _) => text,
            (_, Default::Text(text) | Default::Code(text, _)) => text,
            _ => "",
        }
    }

    /// Whether a text or word is this one.
    pub fn is(&self, setting: &Setting, word: &str) -> bool {
        same(self.text(setting), word)
    }

    /// Several texts; none if the setting is no list.
    pub fn texts(&self, setting: &Setting) -> List<'a> {
        match (self.given(setting), setting.default) {
            (Some(Value::Texts(given)), _) => List { default: &[], given },
            (_, Default::Texts(default)) => List { default, given: &[] },
            _ => List { default: &[], given: &[] },
        }
    }
}

/// The texts of a setting, in order: the default's, or those given instead.
#[derive(Clone, Copy)]
pub struct List<'a> {
    default: &'a [&'a str],
    given: &'a [String],
}

impl<'a> List<'a> {
    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.default.iter().copied().chain(self.given.iter().map(String::as_str))
    }

    /// Whether this text is among them.
    #[must_use]
    pub fn contains(self, text: &str) -> bool {
        self.iter().any(|listed| same(listed, text))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.default.is_empty() && self.given.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Setting = Setting { name: "limit", label: "", help: "", default: Default::Number(20, 1, 500) };
    const READING: Setting =
        Setting { name: "reading", label: "", help: "", default: Default::Code("literal", &["literal", "strict"]) };
    const UNITS: Setting = Setting { name: "units", label: "", help: "", default: Default::Texts(&["a"]) };
    const DECLARED: &[Setting] = &[LIMIT, READING, UNITS];

    fn field(name: &str, value: Value) -> Field {
        Field { name: name.to_owned(), value }
    }

    #[test]
    fn silence_means_the_default() {
        let settings = Settings::new(&[]);
        assert_eq!(settings.number(&LIMIT), 20);
        assert_eq!(settings.text(&READING), "literal");
        assert!(settings.is(&READING, "literal"));
        assert!(settings.texts(&UNITS).iter().eq(["a"]));
    }

    #[test]
    fn what_is_given_holds() {
        let given = [field("limit", Value::Number(5)), field("units", Value::Texts(vec!["b".into(), "c".into()]))];
        let settings = Settings::new(&given);
        assert_eq!(settings.number(&LIMIT), 5);
        assert!(settings.texts(&UNITS).iter().eq(["b", "c"]));
        assert!(settings.texts(&UNITS).contains("c") && !settings.texts(&UNITS).contains("a"));
    }

    #[test]
    fn an_empty_list_is_not_silence() {
        let given = [field("units", Value::Texts(vec![]))];
        assert!(Settings::new(&given).texts(&UNITS).is_empty());
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
