//! A policy's folder that holds another revision from now on.
//!
//! The component is written first, under a name that nothing refers to yet; then `policy.toml`, which names it, pins it and
//! sets its settings, in one rename. Whatever stops the host on the way, the folder holds the old revision or the new one.
//! Comments stay as they are.

use crate::folder::{FILE, Folder, FolderError, insert_after, line_of, replace_line};
use crate::{Engine, Policy};
use model::terms::{Digest, Field, Value};
use std::io::{self, Write as _};
use std::path::Path;

/// Characters of its digest in a component's file name: enough that no two of a folder share it.
const NAME_DIGITS: usize = 16;

/// The line under which settings stand.
const SETTINGS: &str = "[settings]";

impl Folder {
    /// Puts a revision into a folder, and loads it from there as a server would.
    ///
    /// # Errors
    /// [`FolderError`]; the folder then holds what it held.
    pub fn install(
        folder: &Path,
        engine: &Engine,
        component: &[u8],
        settings: &[Field],
    ) -> Result<Policy, FolderError> {
        let read = Self::read(folder)?;
        let digest = Digest::of(component);
        let there = read.component_bytes().is_ok_and(|bytes| bytes == component);
        let name = match read.component().file_name().and_then(|name| name.to_str()) {
            Some(name) if there => name.to_owned(),
            _ => {
                let digits: String = digest.to_string().chars().take(NAME_DIGITS).collect();
                let name = format!("{digits}.wasm");
                write(folder, &name, component)?;
                name
            }
        };
        let same_settings = crate::canonical(settings) == crate::canonical(read.settings());
        let text = rewritten(&read.text, &name, digest, (!same_settings).then_some(settings));
        let again = Self::parse(folder, text.clone())?;
        if crate::canonical(settings) != crate::canonical(again.settings()) {
            return Err(FolderError::Unsettled { path: read.path });
        }
        // It must load before it is pinned: a server that starts from the folder has nothing else.
        let policy = again.load(engine)?;
        write(folder, FILE, text.as_bytes())?;
        Ok(policy)
    }
}

/// `policy.toml` with another component and, where they differ, other settings.
fn rewritten(text: &str, component: &str, digest: Digest, settings: Option<&[Field]>) -> String {
    let component = format!("component = \"{component}\"");
    let digest = format!("digest = \"{digest}\"");
    let at = line_of(text, "component").unwrap_or(1);
    let text = replace_line(text, at, &component);
    let text = match line_of(&text, "digest") {
        Some(at) => replace_line(&text, at, &digest),
        None => insert_after(&text, at, &digest),
    };
    let Some(settings) = settings else { return text };
    let mut lines = text.lines();
    let mut whole: String =
        lines.by_ref().take_while(|line| line.trim() != SETTINGS).map(|line| format!("{line}\n")).collect();
    whole += SETTINGS;
    whole.push('\n');
    for Field { name, value } in settings {
        whole += &format!("{} = {}\n", key(name), written(value));
    }
    let comments = lines.filter(|line| line.trim_start().starts_with('#'));
    whole.extend(comments.map(|line| format!("{line}\n")));
    whole
}

/// A name as a TOML key.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}

/// A value as TOML has it: dates and moments are no texts there.
fn written(value: &Value) -> String {
    let text = |text: &String| toml::Value::String(text.clone());
    match value {
        Value::Text(x) => text(x).to_string(),
        Value::Flag(x) => x.to_string(),
        Value::Number(x) => x.to_string(),
        Value::Date { date } => date.to_string(),
        Value::Instant { instant } => instant.to_string(),
        Value::Texts(x) => toml::Value::Array(x.iter().map(text).collect()).to_string(),
    }
}

/// Written under another name, synced, renamed, and the name synced.
pub(crate) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), FolderError> {
    let path = folder.join(name);
    let temporary = folder.join(format!("{name}.new"));
    let written = (|| {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    written.map_err(|e: io::Error| FolderError::Unwritable { path, reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A policy.\ncomponent = \"old.wasm\"\ndigest = \"x\"\n\n# Its settings.\n[settings]\n\
                        # limit = 20  # the default\nunits = [\n  \"a\",\n]\n";

    #[test]
    fn a_component_alone_leaves_every_other_line() {
        let text = rewritten(TEXT, "new.wasm", Digest::of(b"new"), None);
        let expected = TEXT.replace("old.wasm", "new.wasm").replace("\"x\"", &format!("\"{}\"", Digest::of(b"new")));
        assert_eq!(text, expected);
        let unpinned = rewritten("component = \"old.wasm\"\n", "new.wasm", Digest::of(b"new"), None);
        assert_eq!(unpinned, format!("component = \"new.wasm\"\ndigest = \"{}\"\n", Digest::of(b"new")));
    }

    #[test]
    fn settings_are_written_as_they_are_read() {
        let date = jiff::civil::date(2026, 1, 31);
        let settings = [
            Field::new("limit", Value::Number(5)),
            Field::new("units", Value::Texts(vec!["b".into(), "quoted \"c\"".into()])),
            Field::new("on", Value::Flag(true)),
            Field::new("word", Value::Text("\\d".into())),
            Field::new("day", Value::Date { date }),
            Field::new("a name", Value::Instant { instant: "2026-01-31T09:30:00.000Z".parse().unwrap() }),
        ];
        let text = rewritten(TEXT, "new.wasm", Digest::of(b"new"), Some(&settings));
        assert!(text.contains("# A policy.\n") && text.contains("# limit = 20  # the default\n"), "{text}");
        let read = Folder::parse(Path::new("folder"), text).unwrap();
        assert_eq!(crate::canonical(read.settings()), crate::canonical(&settings));
        let none = rewritten("component = \"old.wasm\"\n", "new.wasm", Digest::of(b"new"), Some(&settings[..1]));
        assert_eq!(Folder::parse(Path::new("folder"), none).unwrap().settings(), &settings[..1]);
    }

    #[test]
    fn a_component_that_does_not_load_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), TEXT.replace("digest = \"x\"\n", "")).unwrap();
        std::fs::write(folder.path().join("old.wasm"), b"old").unwrap();
        let before = std::fs::read(folder.path().join(FILE)).unwrap();
        let engine = Engine::new().unwrap();
        let refused = Folder::install(folder.path(), &engine, b"no component", &[]).map(drop).unwrap_err();
        assert!(matches!(refused, FolderError::Refused { .. }), "{refused}");
        assert!(refused.to_string().contains("not a WebAssembly component"), "{refused}");
        assert!(std::error::Error::source(&refused).is_none(), "the reason is said once");
        assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
    }
}
