//! Where policy revisions are examined, kept and put in force: the sandbox, the archive, and each policy's folder on disk.
//!
//! Everything here waits for the disk or the compiler, and is called where that holds nobody up.

use crate::error::CaseError;
use model::combine::PolicyRef;
use model::terms::{Digest, Field};
use policy::{Archive, Engine, Folder, Policy};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The directive's text in a policy's folder.
const DIRECTIVE: &str = "directive.txt";

/// Largest text of a directive, in bytes. The founding ones are under 40 KB.
const DIRECTIVE_BYTES: u64 = 4 << 20;

/// Where policy revisions live.
pub struct Chancery {
    engine: Engine,
    archive: Archive,
    folders: BTreeMap<String, PathBuf>,
}

impl Chancery {
    /// With each jurisdiction's policy folder.
    pub fn new(engine: Engine, archive: Archive, folders: BTreeMap<String, PathBuf>) -> Self {
        Self { engine, archive, folders }
    }

    /// Whether a revision is kept, as a whole.
    pub(crate) fn keeps(&self, component: Digest, settings: Digest) -> bool {
        self.archive.read(component, settings).is_ok()
    }

    /// Loads a revision as it would be in force, and keeps nothing. What is absent is as it is in force now.
    ///
    /// # Errors
    /// [`CaseError::Policy`]; [`CaseError::OtherPolicy`] for one of another policy.
    pub(crate) fn examine(
        &self,
        in_force: &PolicyRef,
        component: Option<Vec<u8>>,
        settings: Option<Vec<Field>>,
    ) -> Result<Examined, CaseError> {
        let (now, now_settings) = self.archive.read(in_force.component, in_force.settings).map_err(refused)?;
        let (component, settings) = (component.unwrap_or(now), settings.unwrap_or(now_settings));
        let policy = Policy::load(&self.engine, &component, &settings).map_err(refused)?;
        same_policy(in_force, policy.reference())?;
        Ok(Examined { policy, component, settings })
    }

    /// Keeps a revision that was examined.
    ///
    /// # Errors
    /// [`CaseError::Policy`].
    pub(crate) fn keep(&self, examined: &Examined) -> Result<(), CaseError> {
        self.archive.keep(&examined.component, &examined.settings).map(drop).map_err(refused)
    }

    /// Puts a revision that was kept into the jurisdiction's folder, pinned, so that the next start uses it.
    ///
    /// # Errors
    /// [`CaseError::Policy`]; the folder then holds what it held.
    pub(crate) fn install(&self, jurisdiction: &str, revision: &PolicyRef) -> Result<Policy, CaseError> {
        let (component, settings) = self.archive.read(revision.component, revision.settings).map_err(refused)?;
        let policy =
            Folder::install(self.folder(jurisdiction)?, &self.engine, &component, &settings).map_err(refused)?;
        if policy.reference() == revision { Ok(policy) } else { Err(refused("its charter names another policy")) }
    }

    /// The revision that the jurisdiction's folder holds.
    ///
    /// # Errors
    /// [`CaseError::Policy`] where it holds none that could be used.
    pub(crate) fn held(&self, jurisdiction: &str) -> Result<Policy, CaseError> {
        let folder = Folder::read(self.folder(jurisdiction)?).map_err(refused)?;
        folder.load(&self.engine).map_err(refused)
    }

    /// Has the jurisdiction's folder hold this revision again. One that holds it already is not touched.
    ///
    /// # Errors
    /// As [`Chancery::install`].
    pub(crate) fn restore(&self, jurisdiction: &str, revision: &PolicyRef) -> Result<Policy, CaseError> {
        match self.held(jurisdiction) {
            Ok(policy) if policy.reference() == revision => Ok(policy),
            _ => self.install(jurisdiction, revision),
        }
    }

    /// The directive's text, if it is in the folder; or why it is not shown.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] where there is none; [`CaseError::Policy`] where it is not the text that the policy cites.
    pub(crate) fn directive(&self, jurisdiction: &str, cited: Digest) -> Result<Vec<u8>, CaseError> {
        let absent = || CaseError::Unknown {
            kind: "directive's text for",
            id: jurisdiction.to_owned(),
            hint: "; put it into the policy's folder as directive.txt",
        };
        let path = self.folder(jurisdiction)?.join(DIRECTIVE);
        let Ok(metadata) = std::fs::metadata(&path) else { return Err(absent()) };
        if metadata.len() > DIRECTIVE_BYTES {
            return Err(refused(format!("directive.txt is larger than {DIRECTIVE_BYTES} bytes")));
        }
        let text = std::fs::read(&path).map_err(|_| absent())?;
        let found = Digest::of(&text);
        if found == cited {
            return Ok(text);
        }
        Err(refused(format!("directive.txt has the digest {found}, and the policy cites a text with {cited}")))
    }

    fn folder(&self, jurisdiction: &str) -> Result<&PathBuf, CaseError> {
        self.folders.get(jurisdiction).ok_or(CaseError::NoChancery)
    }
}

/// Whether a revision is one of the policy in force: a jurisdiction's policy changes, and is not exchanged for another's.
///
/// # Errors
/// [`CaseError::OtherPolicy`].
pub(crate) fn same_policy(in_force: &PolicyRef, revision: &PolicyRef) -> Result<(), CaseError> {
    if in_force.id == revision.id {
        return Ok(());
    }
    Err(CaseError::OtherPolicy { proposed: revision.id.clone(), in_force: in_force.id.clone() })
}

/// A revision that can be loaded.
pub(crate) struct Examined {
    pub(crate) policy: Policy,
    component: Vec<u8>,
    settings: Vec<Field>,
}

/// The digests by which a revision is known; what is absent is as it is in force now. Nothing is compiled.
///
/// # Errors
/// [`CaseError::Invalid`] for what is larger than the archive keeps.
pub(crate) fn digests(
    in_force: &PolicyRef,
    component: Option<&[u8]>,
    settings: Option<&[Field]>,
) -> Result<(Digest, Digest), CaseError> {
    let fits = |what: &str, bytes: u64, most: u64| {
        let too_large = || CaseError::Invalid(format!("{what} of {bytes} bytes cannot be kept: send at most {most}"));
        if bytes <= most { Ok(()) } else { Err(too_large()) }
    };
    if let Some(component) = component {
        // Before it is hashed.
        fits("a component", component.len() as u64, policy::COMPONENT_BYTES)?;
    }
    let component = component.map_or(in_force.component, Digest::of);
    let Some(settings) = settings else { return Ok((component, in_force.settings)) };
    let (settings, bytes) = policy::settings_digest(settings);
    fits("settings", bytes, policy::SETTINGS_BYTES)?;
    Ok((component, settings))
}

fn refused(reason: impl ToString) -> CaseError {
    CaseError::Policy(reason.to_string())
}

/// Does something at the chancery, off the threads that others wait for.
pub(crate) async fn at<T: Send + 'static>(
    chancery: Option<&Arc<Chancery>>,
    work: impl FnOnce(&Chancery) -> Result<T, CaseError> + Send + 'static,
) -> Result<T, CaseError> {
    let chancery = chancery.ok_or(CaseError::NoChancery)?.clone();
    let done = tokio::task::spawn_blocking(move || work(&chancery)).await;
    done.unwrap_or_else(|e| {
        if e.is_panic() { Err(refused("the component cannot be compiled")) } else { Err(CaseError::Stopping) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directives_text_is_shown_to_the_byte_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let archive = cap_std::fs::Dir::open_ambient_dir(home.path(), cap_std::ambient_authority()).unwrap();
        let folders = BTreeMap::from([("north".to_owned(), home.path().to_owned())]);
        let chancery = Chancery::new(Engine::new().unwrap(), Archive::new(archive), folders);
        let text: &[u8] = b"Searches are logged.\r\n";
        let cited = Digest::of(text);
        let asked = |jurisdiction: &str| chancery.directive(jurisdiction, cited);
        assert!(matches!(asked("north"), Err(CaseError::Unknown { .. })), "there is none");
        std::fs::write(home.path().join(DIRECTIVE), text).unwrap();
        assert_eq!(asked("north").unwrap(), text);
        assert!(matches!(asked("south"), Err(CaseError::NoChancery)));
        std::fs::write(home.path().join(DIRECTIVE), text.trim_ascii_end()).unwrap();
        assert!(matches!(asked("north"), Err(CaseError::Policy(reason)) if reason.contains("cites a text with")));
    }
}
