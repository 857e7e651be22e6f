//! A policy's `example.toml`: a request that the policy permits, and who may make it.

use anyhow::Context as _;
use serde::Deserialize;

/// What a policy's folder says of itself: who enrols and searches there, and a request that is permitted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Person id of somebody who may enrol.
    pub registrar: String,
    /// Person ids of people who may search.
    pub searchers: Vec<String>,
    /// A gallery.
    pub gallery: String,
    /// Answers on the enrolment form.
    pub enroll: toml::Table,
    /// The request's body, without gallery and template.
    pub request: toml::Table,
}

impl Example {
    /// Reads the example of a policy in the source tree.
    ///
    /// # Errors
    /// Naming the file.
    pub fn read(jurisdiction: &str) -> anyhow::Result<Self> {
        let path = crate::root().join("policies").join(jurisdiction).join("example.toml");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The request with what differs, less the dotted paths to leave out.
    ///
    /// # Errors
    /// When there is no such thing to leave out.
    pub fn request(&self, differs: &toml::Table, without: &[String]) -> anyhow::Result<serde_json::Value> {
        let mut request = self.request.clone();
        merge(&mut request, differs);
        for path in without {
            let (table, key) = match path.rsplit_once('.') {
                None => (&mut request, path.as_str()),
                Some((table, key)) => match request.get_mut(table) {
                    Some(toml::Value::Table(table)) => (table, key),
                    _ => anyhow::bail!("there is no {table}"),
                },
            };
            table.remove(key).with_context(|| format!("there is no {path} to leave out"))?;
        }
        let mut request = serde_json::to_value(request)?;
        request["gallery"] = serde_json::json!(self.gallery);
        Ok(request)
    }
}

/// Merges tables; anything else is replaced.
pub fn merge(into: &mut toml::Table, from: &toml::Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}
