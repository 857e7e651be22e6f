//! A policy's folder: `policy.toml`, the component beside it, and the digest that pins the one to the other.

use crate::install::write;
use crate::{Archive, Engine, LoadError, Policy};
use model::terms::{Digest, Field, Instant, TermError, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name in a policy's folder.
pub const FILE: &str = "policy.toml";

/// Largest component read or kept, in bytes. A founding policy is under 300 KB.
pub const COMPONENT_BYTES: u64 = 32 << 20;

/// `policy.toml`, read.
#[derive(Clone, Debug)]
pub struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    component: PathBuf,
    digest: Option<Digest>,
    settings: Vec<Field>,
}

/// What is wrong with a policy's folder. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {reason}{hint}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
        /// What may help.
        hint: &'static str,
    },
    /// A typo: the message names line and key.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column, key and what was expected.
        message: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {path}: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Settings that cannot be written into policy.toml as it stands.
    #[error("{path} cannot be rewritten: keep every setting under one line [settings]")]
    Unsettled {
        /// The file.
        path: PathBuf,
    },
    /// No digest pinned, where one is required.
    #[error("{path} pins no component digest: check the component, then run `magistrate policy pin {folder}`")]
    Unpinned {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The component is not the one that was pinned.
    #[error(
        "{component} has digest {found}, but {path} pins {pinned}: restore the approved component, or have the new one approved and run `magistrate policy pin`"
    )]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// The component.
        component: PathBuf,
        /// The digest of what is there.
        found: Digest,
        /// The digest pinned.
        pinned: Digest,
    },
    /// The revision could not be kept for replay.
    #[error("{path} cannot be archived, and what decides must be replayable: {reason}")]
    Unarchived {
        /// The component.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The component was refused.
    #[error("{path}: {reason}")]
    Refused {
        /// The component, or policy.toml where a setting is at fault (with its line).
        path: String,
        /// Why.
        reason: LoadError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    component: PathBuf,
    digest: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, toml::Value>,
}

impl Folder {
    /// Reads `policy.toml` of this folder; the component is not touched yet.
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] and [`FolderError::Syntax`].
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| FolderError::Unreadable {
            path: path.clone(),
            reason: e.to_string(),
            hint: "; a policy's folder holds policy.toml and the component it names",
        })?;
        Self::parse(folder, text)
    }

    /// The same, of a text that is not in the folder yet.
    pub(crate) fn parse(folder: &Path, text: String) -> Result<Self, FolderError> {
        let path = folder.join(FILE);
        let syntax = |message: String| FolderError::Syntax { path: path.clone(), message };
        let file: File = toml::from_str(&text).map_err(|e| syntax(e.to_string().trim_end().to_owned()))?;
        let at = |key: &str| line_of(&text, key).map_or_else(String::new, |line| format!("line {line}: "));
        let digest = file
            .digest
            .map(|d| d.parse().map_err(|e: TermError| syntax(format!("{}key `digest`: {e}", at("digest")))))
            .transpose()?;
        if file.component.components().count() != 1 || file.component.is_absolute() {
            return Err(syntax(format!("{}key `component`: name a file in the same folder", at("component"))));
        }
        let settings = file
            .settings
            .into_iter()
            .map(|(name, value)| match setting(value) {
                Some(value) => Ok(Field::new(name, value)),
                None => Err(syntax(format!(
                    "{}key `{name}`: a setting is a text, a whole number, true, false, a date or a list of texts",
                    at(&name)
                ))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { component: folder.join(file.component), path, text, digest, settings })
    }

    /// The component's file.
    pub fn component(&self) -> &Path {
        &self.component
    }

    /// The pinned digest.
    pub fn pinned(&self) -> Option<Digest> {
        self.digest
    }

    /// The settings policy.toml gives.
    pub fn settings(&self) -> &[Field] {
        &self.settings
    }

    /// Loads the component as pinned. What a server does.
    ///
    /// # Errors
    /// [`FolderError`]; a component that is not the pinned one is never compiled.
    pub fn load(&self, engine: &Engine) -> Result<Policy, FolderError> {
        let Some(pinned) = self.digest else {
            let folder = self.path.parent().unwrap_or(Path::new(".")).to_owned();
            return Err(FolderError::Unpinned { path: self.path.clone(), folder });
        };
        let bytes = self.component_bytes()?;
        let found = Digest::of(&bytes);
        if found != pinned {
            let (path, component) = (self.path.clone(), self.component.clone());
            return Err(FolderError::WrongDigest { path, component, found, pinned });
        }
        self.compile(engine, &bytes)
    }

    /// Loads the component whether or not it is pinned. What an author does, to test and to measure; a pin that is
    /// there must still fit.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn load_unpinned(&self, engine: &Engine) -> Result<Policy, FolderError> {
        if self.digest.is_some() { self.load(engine) } else { self.compile(engine, &self.component_bytes()?) }
    }

    /// Loads the component as pinned, and keeps the revision in an archive before it can decide anything.
    ///
    /// # Errors
    /// [`FolderError`]; what cannot be archived is not used, because its decisions could not be replayed.
    pub fn load_archived(&self, engine: &Engine, archive: &Archive) -> Result<Policy, FolderError> {
        let policy = self.load(engine)?;
        let bytes = self.component_bytes()?;
        let unkept = |reason: String| FolderError::Unarchived { path: self.component.clone(), reason };
        let (component, settings) = archive.keep(&bytes, &self.settings).map_err(|e| unkept(e.to_string()))?;
        let loaded = policy.reference();
        if (component, settings) != (loaded.component, loaded.settings) {
            return Err(unkept("it changed while it was read".to_owned()));
        }
        Ok(policy)
    }

    /// Writes the component's digest into `policy.toml`, after having loaded it, and durably. Comments and settings stay as
    /// they are.
    ///
    /// # Errors
    /// [`FolderError`]; nothing is written for a component that does not load.
    pub fn pin(folder: &Path, engine: &Engine) -> Result<Digest, FolderError> {
        let read = Self::read(folder)?;
        let bytes = read.component_bytes()?;
        read.compile(engine, &bytes)?;
        let digest = Digest::of(&bytes);
        let line = format!("digest = \"{digest}\"");
        let text = match line_of(&read.text, "digest") {
            Some(at) => replace_line(&read.text, at, &line),
            None => insert_after(&read.text, line_of(&read.text, "component").unwrap_or(0), &line),
        };
        write(folder, FILE, text.as_bytes())?;
        Ok(digest)
    }

    pub(crate) fn component_bytes(&self) -> Result<Vec<u8>, FolderError> {
        let hint = "; build it for wasm32-wasip2 and put it beside policy.toml";
        let unreadable = |reason: String| FolderError::Unreadable { path: self.component.clone(), reason, hint };
        let size = std::fs::metadata(&self.component).map_err(|e| unreadable(e.to_string()))?.len();
        if size > COMPONENT_BYTES {
            return Err(unreadable(format!("{size} bytes are more than a component may have ({COMPONENT_BYTES})")));
        }
        std::fs::read(&self.component).map_err(|e| unreadable(e.to_string()))
    }

    fn compile(&self, engine: &Engine, bytes: &[u8]) -> Result<Policy, FolderError> {
        Policy::load(engine, bytes, &self.settings).map_err(|reason| {
            let path = match &reason {
                LoadError::Settings(problems) => {
                    let line = problems.first().and_then(|(name, _)| line_of(&self.text, name));
                    line.map_or_else(|| self.path.display().to_string(), |l| format!("{}:{l}", self.path.display()))
                }
                _ => self.component.display().to_string(),
            };
            FolderError::Refused { path, reason }
        })
    }
}

fn setting(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(n) => Value::Number(n),
        toml::Value::Boolean(yes) => Value::Flag(yes),
        toml::Value::Array(items) => {
            Value::Texts(items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?)
        }
        toml::Value::Datetime(at) => {
            let text = at.to_string();
            match text.parse() {
                Ok(date) if at.time.is_none() => Value::Date { date },
                _ => Value::Instant { instant: text.parse::<Instant>().ok()? },
            }
        }
        toml::Value::Float(_) | toml::Value::Table(_) => return None,
    })
}

/// The line, from 1, on which a key is set.
pub(crate) fn line_of(text: &str, key: &str) -> Option<usize> {
    text.lines()
        .position(|line| {
            let line = line.trim_start();
            let rest = line
                .strip_prefix(key)
                .or_else(|| line.strip_prefix('"').and_then(|l| l.strip_prefix(key)).and_then(|l| l.strip_prefix('"')));
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        })
        .map(|i| i + 1)
}

pub(crate) fn replace_line(text: &str, at: usize, line: &str) -> String {
    text.lines().enumerate().map(|(i, old)| format!("{}\n", if i + 1 == at { line } else { old })).collect()
}

pub(crate) fn insert_after(text: &str, at: usize, line: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(at.min(lines.len()), line);
    lines.iter().map(|l| format!("{l}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Folder, FolderError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        Folder::read(dir.path())
    }

    #[test]
    fn a_typo_is_reported_with_file_line_and_key() {
        let message = read("# policy\ncompnent = \"x.wasm\"\n").unwrap_err().to_string();
        for part in ["policy.toml", "line 2", "compnent"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn settings_are_plain_values() {
        let folder =
            read("component = \"x.wasm\"\n[settings]\na = 1\nb = [\"x\"]\nc = 2026-01-31\nd = true\n").unwrap();
        let date = jiff::civil::date(2026, 1, 31);
        let values: Vec<_> = folder.settings().iter().map(|f| f.value.clone()).collect();
        let expected = [Value::Number(1), Value::Texts(vec!["x".into()]), Value::Date { date }, Value::Flag(true)];
        assert_eq!(values, expected);
    }

    #[test]
    fn a_setting_of_no_kind_is_named_with_its_line() {
        let message = read("component = \"x.wasm\"\n[settings]\nlimit = 1.5\n").unwrap_err().to_string();
        assert!(message.contains("line 3: key `limit`"), "{message}");
    }

    #[test]
    fn the_component_is_in_the_same_folder() {
        for path in ["../x.wasm", "/x.wasm", "a/x.wasm"] {
            let message = read(&format!("component = \"{path}\"\n")).unwrap_err().to_string();
            assert!(message.contains("line 1: key `component`"), "{message}");
        }
    }

    #[test]
    fn a_digest_is_a_digest() {
        let message = read("component = \"x.wasm\"\ndigest = \"abc\"\n").unwrap_err().to_string();
        assert!(message.contains("line 2: key `digest`"), "{message}");
    }

    #[test]
    fn pinning_keeps_every_other_line() {
        let text = "# c\ncomponent = \"x\"\n\n[settings]\n# s\n";
        let pinned = insert_after(text, line_of(text, "component").unwrap(), "digest = \"d\"");
        assert_eq!(pinned, "# c\ncomponent = \"x\"\ndigest = \"d\"\n\n[settings]\n# s\n");
        assert_eq!(replace_line(&pinned, 3, "digest = \"e\""), pinned.replace("\"d\"", "\"e\""));
    }
}
