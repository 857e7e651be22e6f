//! The story that the demonstration tells, as data: `story.toml`, on top of each policy's `example.toml`.

use crate::lead::Lead;
use anyhow::Context as _;
use serde::Deserialize;

/// Everything that happens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// Certificates beside those that `init` makes.
    #[serde(default)]
    pub(crate) device: Vec<Device>,
    pub(crate) step: Vec<Step>,
    /// One request from its opening to its hand-over.
    pub(crate) lead: Lead,
}

/// A certificate for somebody's other device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) jurisdiction: String,
    pub(crate) person: String,
    pub(crate) device: String,
    pub(crate) name: String,
}

/// One request for a search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What it is about.
    pub(crate) what: String,
    /// Whose certificate: `jurisdiction/name`.
    pub(crate) who: String,
    /// Whose gallery.
    pub(crate) at: String,
    /// What differs from the policy's example.
    #[serde(default)]
    pub(crate) differs: toml::Table,
    /// Dotted paths left out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// permit, deny or pend.
    pub(crate) expect: String,
}

impl Story {
    pub(crate) fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("story.toml")).context("story.toml")
    }
}
