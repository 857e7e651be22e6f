//! Transfer to portable media: the files of a record, a manifest with their digests, and who has custody.
//!
//! The medium is a folder that the configuration names: where a disc or device is mounted. What was written is read back and
//! compared before anybody says that it is there. What breaks off is removed again: photographs and templates lie there in the
//! clear. Until the medium is handed over, nobody but the host's own user reads it.

use super::document::Drawn;
use super::find::{Case, Found, Place};
use super::{AUDIT_ENTRY, Change, Export};
use crate::aside::aside;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::intake::{PROBE, template_of};
use crate::release::{DOCUMENT, Form, sealed_id};
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions, OpenOptionsExt as _};
use model::account::{Account, Event, Leaf, Who, Written};
use model::terms::{Digest, Field, Instant};
use serde::Serialize;
use std::io::{self, Write as _};

/// Opens the folder where portable media are mounted: anew for each transfer, as a medium may have been mounted since.
pub type Exports = Box<dyn Fn() -> io::Result<Dir> + Send + Sync>;

/// What a jurisdiction exports to and purges by.
#[derive(Default)]
pub struct Means {
    /// Where portable media are mounted; nothing can be exported where absent.
    pub exports: Option<Exports>,
    /// The person of the jurisdiction by whose standing order the host purges what is due; it waits for somebody where
    /// absent.
    pub purge_as: Option<String>,
}

/// The file that lists the others.
const MANIFEST: &str = "manifest.json";

/// What lies beside the files: what they are, and in whose hands.
#[derive(Serialize)]
struct Manifest<'a> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gallery: Option<&'a str>,
    record: &'a str,
    jurisdiction: &'a str,
    exported: Instant,
    authorised_by: &'a Who,
    /// The log that the transfer is recorded in, and the entry of its permit.
    log: &'a str,
    entry: &'a str,
    /// The form's answers: the medium, its custodian.
    custody: &'a [Field],
    files: &'a [Written],
}

/// An entry with its account, so that the account can be checked against the leaf.
#[derive(Serialize)]
struct Told<'a> {
    leaf: &'a Leaf,
    /// 64 hexadecimal characters.
    salt: String,
    account: Account,
}

impl Casework {
    /// The folder that a jurisdiction's media are mounted in.
    ///
    /// # Errors
    /// [`CaseError::Media`].
    pub(super) fn medium(&self, owner: &Chamber) -> Result<Dir, CaseError> {
        let Some(open) = self.means.get(owner.id()).and_then(|means| means.exports.as_ref()) else {
            let id = owner.id();
            let reason = format!("set exports under [jurisdictions.{id}] to where portable media are mounted");
            return Err(CaseError::Media(reason));
        };
        open().map_err(|e| CaseError::Media(format!("the medium cannot be opened: {e}: mount it")))
    }

    /// Writes a record to portable media.
    pub(super) async fn export(
        &self,
        found: &Found,
        actor: &Registered,
        entry: &str,
        answers: Vec<Field>,
    ) -> Result<(Export, Event), CaseError> {
        let medium = self.medium(&found.owner)?;
        let mut files = found.files().await?;
        let folder = format!("{}-{}-{entry}", found.owner.id(), Change::Export.name());
        let written = |(name, bytes): &(String, Vec<u8>)| Written {
            name: name.clone(),
            sha256: Digest::of(bytes),
            bytes: bytes.len() as u64,
        };
        let listed: Vec<Written> = files.iter().map(written).collect();
        let by = actor.who();
        let manifest = Manifest {
            subject: &found.record.subject,
            // Of entries, `log` says it.
            gallery: found.record.gallery.as_deref().filter(|_| found.record.subject != AUDIT_ENTRY),
            record: &found.record.record,
            jurisdiction: found.owner.id(),
            exported: found.now,
            authorised_by: &by,
            log: found.owner.log().origin(),
            entry,
            custody: &answers,
            files: &listed,
        };
        let manifest = pretty(&manifest)?;
        let digest = Digest::of(&manifest);
        files.push((MANIFEST.to_owned(), manifest));
        let name = folder.clone();
        let done = aside(move || write(&medium, &name, &files)).await?;
        done.map_err(|reason| CaseError::Media(format!("{reason}; put another medium in, and repeat the step")))?;
        let export = Export { at: found.now, by, folder: folder.clone(), manifest: digest };
        let event = Event::Exported { record: found.record.clone(), folder, manifest: digest, files: listed, answers };
        Ok((export, event))
    }
}

impl Found {
    /// The record as files, by name.
    async fn files(&self) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
        match &self.place {
            Place::Record { .. } => self.files_of_record().await,
            Place::Probe(case) => self.files_of_probe(case).await,
            Place::Document(case, document) => self.files_of_document(case, document).await,
            Place::Entries(leaves) => self.files_of_entries(leaves).await,
            // It is pruned, and never carried off.
            Place::Beginning(_) => Ok(Vec::new()),
        }
    }

    async fn files_of_record(&self) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
        let Place::Record { hall, provenance, .. } = &self.place else { return Ok(Vec::new()) };
        let (store, id, gallery) = (&self.owner.store, &self.record.record, &hall.registered().id);
        let mut files = Vec::new();
        let bookings = store.bookings(gallery, std::slice::from_ref(id)).await?;
        let Some(booking) = bookings.into_iter().next() else {
            return Err(CaseError::Unknown { kind: "record", id: id.clone(), hint: " in the gallery" });
        };
        let told = serde_json::json!({
            "record": booking.id,
            "status": booking.status,
            "origin": provenance.origin,
            "enrolled": provenance.enrolled,
            "booking": booking.booking,
        });
        files.push(("booking.json".to_owned(), pretty(&told)?));
        if let Some(photo) = store.photo(gallery, id).await? {
            files.push((image_name("photograph", &photo), photo));
        }
        if let Some(row) = store.template(gallery, id).await? {
            files.push(("template.f32".to_owned(), little_endian(&row.template)));
        }
        Ok(files)
    }

    async fn files_of_probe(&self, case: &Case) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
        let request = &case.request;
        let told = serde_json::json!({ "request": request.request, "probe": request.probe });
        let mut files = vec![("request.json".to_owned(), pretty(&told)?)];
        if let Some(image) = self.owner.store.open_sealed(PROBE, &request.request.id).await? {
            files.push((image_name(PROBE, &image), image));
        }
        if let Some(text) = &request.template {
            files.push(("probe.f32".to_owned(), little_endian(&template_of(text)?)));
        }
        Ok(files)
    }

    async fn files_of_document(&self, case: &Case, document: &Drawn) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
        let mut files = Vec::new();
        for form in [Form::Html, Form::Pdf] {
            let id = sealed_id(&case.request.request.id, &document.id, form);
            if let Some(bytes) = self.owner.store.open_sealed(DOCUMENT, &id).await? {
                files.push((format!("document.{}", form.suffix()), bytes));
            }
        }
        Ok(files)
    }

    async fn files_of_entries(&self, leaves: &[Leaf]) -> Result<Vec<(String, Vec<u8>)>, CaseError> {
        let ids: Vec<String> = leaves.iter().map(|leaf| leaf.id.clone()).collect();
        let rows = self.owner.accounts(&ids).await?;
        let mut told = Vec::with_capacity(leaves.len());
        for (leaf, row) in leaves.iter().zip(rows) {
            let Some(row) = row else { continue };
            told.push(Told { leaf, salt: hex::encode(row.salt), account: self.owner.account_in(&row)? });
        }
        Ok(vec![("entries.json".to_owned(), pretty(&told)?)])
    }
}

/// Writes the files into a new folder, makes them durable, and reads them back; removes them again if that breaks off, or
/// says which it could not remove. Blocks.
fn write(medium: &Dir, name: &str, files: &[(String, Vec<u8>)]) -> Result<(), String> {
    let mut private = DirBuilder::new();
    private.mode(0o700);
    medium.create_dir_with(name, &private).map_err(|e| e.to_string())?;
    fill(medium, name, files).map_err(|e| {
        let left = clear(medium, name, files);
        if left.is_empty() {
            format!("{e}; what had been written was removed from the medium")
        } else {
            format!("{e}; this could not be removed from the medium, so destroy it: {}", left.join(", "))
        }
    })
}

fn fill(medium: &Dir, name: &str, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let folder = medium.open_dir(name)?;
    for (file, bytes) in files {
        let mut open = folder.open_with(file, OpenOptions::new().write(true).create_new(true).mode(0o600))?;
        open.write_all(bytes)?;
        open.sync_all()?;
    }
    // Opened as files: the handles of `Dir` are made for looking names up only and cannot be synced.
    medium.open(name)?.sync_all()?;
    medium.open(".")?.sync_all()?;
    for (file, bytes) in files {
        if folder.read(file)? != *bytes {
            return Err(io::Error::other(format!("{name}/{file} does not read back as it was written")));
        }
    }
    Ok(())
}

/// Removes a folder with these files. Gives what may still be there.
fn clear(medium: &Dir, name: &str, files: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut left = Vec::new();
    for (file, _) in files {
        let path = format!("{name}/{file}");
        match medium.remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => left.push(path),
            _ => {}
        }
    }
    if left.is_empty() && medium.remove_dir(name).is_err() {
        left.push(name.to_owned());
    }
    let synced = medium.open(".").and_then(|folder| folder.sync_all());
    if synced.is_err() && left.is_empty() {
        left.push(name.to_owned());
    }
    left
}

fn pretty(value: &impl Serialize) -> Result<Vec<u8>, CaseError> {
    serde_json::to_vec_pretty(value).map_err(|e| CaseError::Media(e.to_string()))
}

/// A photograph's file, by what the bytes are.
fn image_name(stem: &str, bytes: &[u8]) -> String {
    let suffix = match bytes {
        [0xff, 0xd8, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        _ => "bin",
    };
    format!("{stem}.{suffix}")
}

fn little_endian(template: &[f32]) -> Vec<u8> {
    template.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_written_is_there_once_and_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let medium = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        let files = [("a.bin".to_owned(), b"one".to_vec()), ("b.bin".to_owned(), Vec::new())];
        write(&medium, "x", &files).unwrap();
        assert_eq!(std::fs::read(folder.path().join("x/a.bin")).unwrap(), b"one");
        let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("x"), mode("x/a.bin")), (0o700, 0o600), "for nobody else to read");
        assert!(write(&medium, "x", &files).is_err(), "nothing is written over");
        assert!(folder.path().join("x/a.bin").is_file(), "nor is anything removed that was there");
        assert!(write(&medium, "../y", &files).is_err(), "nor outside the medium");
        assert_eq!(image_name("probe", &[0xff, 0xd8, 0xff]), "probe.jpg");
        assert_eq!(image_name("probe", b"\x89PNG\r\n"), "probe.png");
        assert_eq!(image_name("probe", b""), "probe.bin");
    }

    #[test]
    fn an_export_that_breaks_off_leaves_nothing_or_says_what() {
        let folder = tempfile::tempdir().unwrap();
        let medium = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        // The second of the same name cannot be made.
        let twice = [("a.bin".to_owned(), b"face".to_vec()), ("a.bin".to_owned(), b"face".to_vec())];
        let reason = write(&medium, "x", &twice).unwrap_err();
        assert!(reason.contains("was removed"), "{reason}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left in the clear");

        // What is no file any more is not removed as one.
        std::fs::create_dir_all(folder.path().join("x/a.bin/b")).unwrap();
        assert_eq!(clear(&medium, "x", &twice[..1]), ["x/a.bin"]);
        std::fs::remove_dir_all(folder.path().join("x/a.bin")).unwrap();
        std::fs::write(folder.path().join("x/other"), b"").unwrap();
        assert_eq!(clear(&medium, "x", &twice[..1]), ["x"], "nor is what another hand put there");
    }
}
