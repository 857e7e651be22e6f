//! Every revision that was ever in force, kept by digest: what makes a recorded decision replayable for as long as its
//! record is kept, whatever became of the policy's folder since.
//!
//! ```text
//! <component>.wasm     the component's bytes
//! <settings>.json      the settings, sorted by name, as their digest was taken
//! ```
//!
//! A file's name is the SHA-256 of its content, so an archive needs no index, holds each thing once, and is checked
//! whenever it is read.

use crate::folder::COMPONENT_BYTES;
use crate::{Engine, LoadError, Policy};
use cap_std::fs::Dir;
use model::combine::PolicyRef;
use model::terms::{Digest, Field};
use std::io::{self, Read as _, Write as _};

/// Largest settings read or kept, in bytes. Those of a founding policy are under 10 KB.
pub const SETTINGS_BYTES: u64 = 4 << 20;

/// An archive of policy revisions: one folder.
pub struct Archive {
    dir: Dir,
}

/// Why a revision was not kept, or not found as it was kept.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The operating system refused.
    #[error("archived `{file}` cannot be {action}: {reason}")]
    File {
        /// The file, relative to the archive's folder.
        file: String,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        reason: String,
    },
    /// It was never kept, or is gone.
    #[error("`{file}` is not in the archive: restore the archive's folder from a copy")]
    Missing {
        /// The file, relative to the archive's folder.
        file: String,
    },
    /// It could not be read again.
    #[error("`{file}` has {found} bytes and the archive keeps up to {most}: make it smaller")]
    TooLarge {
        /// The file, relative to the archive's folder.
        file: String,
        /// Its bytes.
        found: u64,
        /// The bytes that are kept.
        most: u64,
    },
    /// Its content is not what its name says.
    #[error("archived `{file}` has digest {found}: it was changed; restore it from a copy")]
    Changed {
        /// The file, relative to the archive's folder.
        file: String,
        /// The digest of what is there.
        found: Digest,
    },
    /// The settings are no list of settings.
    #[error("archived `{file}` holds no settings: {reason}")]
    Settings {
        /// The file, relative to the archive's folder.
        file: String,
        /// Why.
        reason: String,
    },
    /// The component was refused.
    #[error("archived `{file}` cannot be loaded: {reason}")]
    Refused {
        /// The file, relative to the archive's folder.
        file: String,
        /// Why.
        reason: LoadError,
    },
}

impl Archive {
    /// The archive in this folder.
    pub fn new(dir: Dir) -> Self {
        Self { dir }
    }

    /// Keeps a component and settings, durably, unless they are kept already; gives their digests. To be done before the
    /// revision decides anything.
    ///
    /// # Errors
    /// [`ArchiveError::File`]; [`ArchiveError::TooLarge`], and nothing of it is kept; [`ArchiveError::Changed`] where something
    /// else is kept under the same name.
    pub fn keep(&self, component: &[u8], settings: &[Field]) -> Result<(Digest, Digest), ArchiveError> {
        let settings = crate::canonical(settings);
        let (component_is, settings_are) = (Digest::of(component), Digest::of(&settings));
        let (component_name, settings_name) = (component_file(component_is), settings_file(settings_are));
        fits(&component_name, component, COMPONENT_BYTES)?;
        fits(&settings_name, &settings, SETTINGS_BYTES)?;
        self.put(&component_name, component)?;
        self.put(&settings_name, &settings)?;
        Ok((component_is, settings_are))
    }

    /// Loads a revision as it was in force. What was changed since is refused, never run.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn load(&self, engine: &Engine, revision: &PolicyRef) -> Result<Policy, ArchiveError> {
        let (component, settings) = self.read(revision.component, revision.settings)?;
        let file = component_file(revision.component);
        Policy::load(engine, &component, &settings).map_err(|reason| ArchiveError::Refused { file, reason })
    }

    /// A component and settings as they were kept.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn read(&self, component: Digest, settings: Digest) -> Result<(Vec<u8>, Vec<Field>), ArchiveError> {
        let bytes = self.get(&component_file(component), component, COMPONENT_BYTES)?;
        let file = settings_file(settings);
        let settings = self.get(&file, settings, SETTINGS_BYTES)?;
        let settings: Vec<Field> =
            serde_json::from_slice(&settings).map_err(|e| ArchiveError::Settings { file, reason: e.to_string() })?;
        Ok((bytes, settings))
    }

    /// Written under another name, synced, renamed, and the name synced: after a crash it is there whole or not at all.
    fn put(&self, file: &str, content: &[u8]) -> Result<(), ArchiveError> {
        let digest = Digest::of(content);
        match self.get(file, digest, content.len() as u64) {
            Err(ArchiveError::Missing { .. }) => {}
            kept => return kept.map(drop),
        }
        let temporary = format!("{file}.tmp");
        let written = (|| {
            let mut new = self.dir.create(&temporary)?;
            new.write_all(content)?;
            new.sync_all()?;
            self.dir.rename(&temporary, &self.dir, file)?;
            // Opened as a file: a `Dir` is for looking names up only and cannot be synced.
            self.dir.open(".")?.sync_all()
        })();
        written.map_err(|e: io::Error| refused(file, "written", &e))
    }

    fn get(&self, file: &str, digest: Digest, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let opened = match self.dir.open(file) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(ArchiveError::Missing { file: file.to_owned() });
            }
            Err(e) => return Err(refused(file, "opened", &e)),
        };
        let mut content = Vec::new();
        // One byte more than there may be, so that a longer file has another digest.
        opened.take(most + 1).read_to_end(&mut content).map_err(|e| refused(file, "read", &e))?;
        let found = Digest::of(&content);
        if found == digest { Ok(content) } else { Err(ArchiveError::Changed { file: file.to_owned(), found }) }
    }
}

/// Whether what is kept can be read again.
fn fits(file: &str, content: &[u8], most: u64) -> Result<(), ArchiveError> {
    let found = content.len() as u64;
    if found <= most { Ok(()) } else { Err(ArchiveError::TooLarge { file: file.to_owned(), found, most }) }
}

fn component_file(digest: Digest) -> String {
    format!("{digest}.wasm")
}

fn settings_file(digest: Digest) -> String {
    format!("{digest}.json")
}

fn refused(file: &str, action: &'static str, e: &io::Error) -> ArchiveError {
    ArchiveError::File { file: file.to_owned(), action, reason: e.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::terms::Value;

    fn archive(folder: &std::path::Path) -> Archive {
        Archive::new(Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap())
    }

    fn settings(names: &[&str]) -> Vec<Field> {
        names.iter().map(|name| Field::new(*name, Value::Number(1))).collect()
    }

    #[test]
    fn what_is_kept_is_kept_once_and_by_digest() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path());
        let first = archive.keep(b"component", &settings(&["a", "b"])).unwrap();
        let again = archive.keep(b"component", &settings(&["b", "a"])).unwrap();
        assert_eq!(first, again, "the order of settings means nothing");
        assert_eq!(first.0, Digest::of(b"component"));
        let names: Vec<_> =
            folder.path().read_dir().unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names.contains(&format!("{}.wasm", first.0)) && names.contains(&format!("{}.json", first.1)));
    }

    #[test]
    fn what_could_not_be_read_again_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path());
        let most = usize::try_from(COMPONENT_BYTES).unwrap();
        let (component, kept) = archive.keep(&vec![0; most], &[]).unwrap();
        assert_eq!(archive.read(component, kept).unwrap().0.len(), most);
        let refused = archive.keep(&vec![0; most + 1], &[]);
        assert!(matches!(refused, Err(ArchiveError::TooLarge { most: COMPONENT_BYTES, .. })), "{refused:?}");
        let long = Field::new("a", Value::Text("x".repeat(usize::try_from(SETTINGS_BYTES).unwrap())));
        let refused = archive.keep(b"component", &[long]);
        assert!(matches!(refused, Err(ArchiveError::TooLarge { most: SETTINGS_BYTES, .. })), "{refused:?}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2, "nothing of either");
    }

    #[test]
    fn what_was_changed_or_lost_is_said_and_never_run() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path());
        let (component, settings) = archive.keep(b"component", &settings(&["a"])).unwrap();
        let file = folder.path().join(format!("{component}.wasm"));
        let revision = PolicyRef { id: "p".to_owned(), component, settings };
        let engine = Engine::new().unwrap();
        let load = || archive.load(&engine, &revision).map(drop).unwrap_err();
        assert!(matches!(load(), ArchiveError::Refused { .. }), "it is no component");
        assert!(std::error::Error::source(&load()).is_none(), "the reason is said once");
        std::fs::write(&file, b"component, changed").unwrap();
        assert!(matches!(load(), ArchiveError::Changed { .. }));
        assert!(matches!(archive.keep(b"component", &[]), Err(ArchiveError::Changed { .. })));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(load(), ArchiveError::Missing { .. }));
    }
}
