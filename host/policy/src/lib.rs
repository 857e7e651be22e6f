//! Loads and runs policy components. Nothing else in the host knows WebAssembly.
//!
//! A [`Policy`] is one revision: a component whose digest is pinned in `policy.toml`, with its settings and the charter it
//! described itself by. [`Policy::decide`] runs it on one matter in a fresh instance, with nothing left over from the last
//! decision and nothing to reach: no clock, network, files, environment or randomness. Whatever goes wrong inside (a
//! trap, a loop, an answer too large, a promised obligation left out) is a [`Fault`], and a fault is a denial.
//!
//! | module | holds |
//! |---|---|
//! | [`folder`] | `policy.toml`: reading, pinning |
//! | `install` | a folder that holds another revision from now on |
//! | [`engine`] | the sandbox's settings and limits |
//! | [`decide`] | running one decision, and what may go wrong |
//! | [`answers`] | whether a form takes an answer |
//! | [`archive`] | every revision that was in force or proposed, by digest |
//! | [`scenario`] | decisions expected of a policy, as data |

pub mod answers;
pub mod archive;
pub mod decide;
pub mod engine;
pub mod folder;
mod incoming;
mod install;
mod outgoing;
pub mod scenario;
mod wasi;
#[cfg(test)]
mod wit_tests;

pub use archive::{Archive, ArchiveError, SETTINGS_BYTES};
pub use decide::{Fault, Ruled};
pub use engine::{Engine, EngineError};
pub use folder::{COMPONENT_BYTES, Folder, FolderError};

use model::combine::PolicyRef;
use model::rulings::Charter;
use model::terms::{Digest, Field};
use std::sync::Arc;

mod bindings {
    #![allow(missing_docs, clippy::all, reason = "generated from wit/policy.wit, where every item is documented")]
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "jurisdiction",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// The contract version this host speaks.
pub const CONTRACT: &str = "0.1.0";

/// One policy revision, ready to decide. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Revision>,
}

pub(crate) struct Revision {
    pub(crate) prepared: Arc<engine::Prepared>,
    pub(crate) engine: Engine,
    pub(crate) settings: Vec<Field>,
    pub(crate) reference: PolicyRef,
    pub(crate) charter: Charter,
}

/// Why a policy could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a component at all.
    #[error("not a WebAssembly component: {0}; build it for wasm32-wasip2")]
    NotAComponent(String),
    /// It imports what the sandbox does not offer.
    #[error("the component imports `{}`, which a policy may not have: remove whatever needs it", .0.join("`, `"))]
    ForbiddenImports(Vec<String>),
    /// It was built against another contract.
    #[error(
        "the component speaks contract version {found}, this host speaks {CONTRACT}: rebuild it with this host's sdk"
    )]
    WrongContract {
        /// The version it speaks.
        found: String,
    },
    /// It does not export the contract's functions.
    #[error("the component does not implement the contract: {0}")]
    NotAPolicy(String),
    /// It failed while describing itself.
    #[error("the component failed to describe itself: {0}")]
    Describe(Fault),
    /// It cannot work with its settings.
    #[error("{}", .0.iter().map(|(name, message)| format!("setting `{name}` {message}")).collect::<Vec<_>>().join("; "))]
    Settings(Vec<(String, String)>),
    /// What it said of itself makes no sense.
    #[error("the component's charter {0}")]
    Charter(String),
}

impl Policy {
    /// Compiles a component and has it describe itself: a quarter of a second, or a millisecond where a policy of the same
    /// component is in use by this engine.
    ///
    /// # Errors
    /// [`LoadError`]; nothing is kept of a component that was refused.
    pub fn load(engine: &Engine, component: &[u8], settings: &[Field]) -> Result<Self, LoadError> {
        let digest = Digest::of(component);
        let prepared = engine.prepare(component, digest)?;
        let arena = bumpalo::Bump::new();
        let told = outgoing::fields_out(settings, &arena);
        let describe = |store: &mut _| prepared.pre.instantiate(&mut *store)?.call_describe(store, told);
        let (answer, _) = decide::run(engine, &mut Vec::new(), describe).map_err(LoadError::Describe)?;
        let charter = match answer {
            Ok(charter) => incoming::charter_in(charter).map_err(LoadError::Charter)?,
            Err(problems) => {
                return Err(LoadError::Settings(problems.into_iter().map(|p| (p.setting, p.message)).collect()));
            }
        };
        check(&charter).map_err(LoadError::Charter)?;
        let settings_are = Digest::of(&canonical(settings));
        let reference = PolicyRef { id: charter.id.clone(), component: digest, settings: settings_are };
        Ok(Self {
            inner: Arc::new(Revision {
                prepared,
                engine: engine.clone(),
                settings: settings.to_vec(),
                reference,
                charter,
            }),
        })
    }

    /// What the policy says of itself.
    pub fn charter(&self) -> &Charter {
        &self.inner.charter
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &[Field] {
        &self.inner.settings
    }

    /// The revision, as the audit log names it.
    pub fn reference(&self) -> &PolicyRef {
        &self.inner.reference
    }

    pub(crate) fn revision(&self) -> &Revision {
        &self.inner
    }
}

/// Settings as their digest is taken: JSON, sorted by name.
pub(crate) fn canonical(settings: &[Field]) -> Vec<u8> {
    let mut sorted: Vec<&Field> = settings.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    // Names and plain values always serialise.
    serde_json::to_vec(&sorted).unwrap_or_default()
}

/// The digest of settings, as a revision is known by it, and how many bytes they are kept in.
pub fn settings_digest(settings: &[Field]) -> (Digest, u64) {
    let kept = canonical(settings);
    (Digest::of(&kept), kept.len() as u64)
}

/// A charter's own consistency: ids unique, references resolved, time zone known.
fn check(charter: &Charter) -> Result<(), String> {
    fn unique<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        for id in ids {
            if id.is_empty() || !seen.insert(id) {
                return Err(format!("lists {what} `{id}` twice, or without an id"));
            }
        }
        Ok(())
    }
    model::terms::check_id(&charter.id).map_err(|e| format!("has a bad id: {e}"))?;
    unique("clause", charter.clauses.iter().map(|c| &*c.id))?;
    unique("statement", charter.statements.iter().map(|s| s.id.as_str()))?;
    unique("document", charter.documents.iter().map(|d| d.id.as_str()))?;
    unique("interpretation", charter.interpretations.iter().map(|i| i.id.as_str()))?;
    unique("setting", charter.settings.iter().map(|s| s.name.as_str()))?;
    for promise in &charter.promised {
        if !charter.clauses.iter().any(|c| *c.id == *promise.clause) {
            return Err(format!("promises clause `{}`, which it does not list", promise.clause));
        }
    }
    jiff::tz::TimeZone::get(&charter.time_zone)
        .map(drop)
        .map_err(|_| format!("names the time zone `{}`, which is not an IANA time zone", charter.time_zone))
}
