//! `magistrate enroll`: a folder of photographs becomes records of a gallery, batch by batch. One that stops half-way says how
//! far it came, and goes on from there.

use crate::connection::Connection;
use crate::form::Answers;
use crate::output::{self, bar};
use crate::{runtime, shown};
use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{ClientError, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Records sent in one batch: the server's own limit is 1000, and photographs are large.
const BATCH: usize = 20;

/// What is said of a batch that was sent, and got no answer.
const UNKNOWN: &str = "whether the next batch is enrolled is not known; it is whole or not at all";

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate enroll --certificate here/certs/detroit/r.tanaka.pem --jurisdiction detroit --gallery snap \\\n    --answer image-kind=booking-photograph --answer contributing-agency=dpd photographs/\n\nThe name of a photograph without its ending is the record's id. They are enrolled in the order of their names, 20 at a time, all of these or none."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The gallery
    #[arg(long)]
    gallery: String,
    /// A folder of JPEG and PNG photographs
    photographs: PathBuf,
    /// Go on after this photograph of the folder, the last one enrolled before
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// The status of all of them, if it is not active: sealed, or another word that the jurisdiction's policy knows
    #[arg(long)]
    status: Option<String>,
    #[command(flatten)]
    answers: Answers,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let after = arguments.after.as_deref();
    let files = photographs(&arguments.photographs, after)?;
    let mut client = arguments.connection.client()?;
    let runtime = runtime()?;
    let path = arguments.connection.path(["galleries", &arguments.gallery, "records"])?;
    let bar = bar("enrolling", files.len() as u64);
    let mut enrolled = 0;
    // Signals are heard by the runtime.
    let stop = {
        let _entered = runtime.enter();
        crate::serve::asked_to_stop()
    };
    let mut stop = std::pin::pin!(stop);
    for batch in files.chunks(BATCH) {
        let sent = body(arguments, batch).and_then(|body| {
            runtime.block_on(async {
                let opened = tokio::select! {
                    // First, so that it listens before anything is sent.
                    biased;
                    () = stop.as_mut() => Err(anyhow!("it was stopped before the next batch was sent")),
                    opened = client.open() => opened.map_err(anyhow::Error::from),
                };
                opened?;
                let stopped =
                    || anyhow!("it was stopped, and the server may go on with what it was sent").context(UNKNOWN);
                tokio::select! {
                    biased;
                    () = stop.as_mut() => Err(stopped()),
                    answer = client.post(&path, &body) => answer.map_err(unanswered),
                }
            })
        });
        match sent {
            Ok(answer) if answer.status.is_success() && answer.status != StatusCode::ACCEPTED => {
                enrolled += batch.len();
                bar.inc(batch.len() as u64);
            }
            Ok(answer) => {
                bar.abandon();
                let code = shown::tell(&answer, false, |_| ()).with_context(|| so_far(&files, enrolled, after))?;
                say!("{}", so_far(&files, enrolled, after));
                return Ok(code);
            }
            Err(e) => {
                bar.abandon();
                return Err(e.context(so_far(&files, enrolled, after)));
            }
        }
    }
    bar.finish_and_clear();
    say!("{enrolled} records enrolled");
    Ok(ExitCode::SUCCESS)
}

/// Why a batch got no answer, and what that says of it.
fn unanswered(e: ClientError) -> anyhow::Error {
    let is_unsent = e.is_unsent();
    let e = anyhow::Error::from(e);
    if is_unsent { e } else { e.context(UNKNOWN) }
}

/// The photographs of a folder in the order of their names, or those after one of them.
///
/// # Errors
/// When the folder, or anything in it, cannot be read; when two photographs would be one record, each pair by name.
fn photographs(folder: &Path, after: Option<&str>) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
        if ["jpg", "jpeg", "png"].contains(&ending.as_str()) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{} holds no photograph: .jpg, .jpeg or .png", folder.display());
    }
    no_two_are_one_record(&files)?;
    if let Some(after) = after {
        let last = files.iter().position(|file| file.file_name() == Some(OsStr::new(after)));
        let last =
            last.with_context(|| format!("{} holds no photograph `{after}` to go on after", folder.display()))?;
        files.drain(..=last);
    }
    Ok(files)
}

fn no_two_are_one_record(files: &[PathBuf]) -> anyhow::Result<()> {
    let (mut records, mut twice) = (BTreeMap::new(), Vec::new());
    for file in files {
        if let Some(other) = records.insert(record(file)?, file) {
            twice.push(format!("{} and {}", name(other), name(file)));
        }
    }
    if !twice.is_empty() {
        bail!("a record is called like its photograph without the ending, so rename one of each: {}", twice.join("; "));
    }
    Ok(())
}

/// The id of the record that a photograph becomes.
fn record(file: &Path) -> anyhow::Result<&str> {
    let id = file.file_stem().and_then(OsStr::to_str);
    id.with_context(|| format!("{} has a name that is no text: it is to be its record's id", file.display()))
}

fn body(arguments: &Arguments, batch: &[PathBuf]) -> anyhow::Result<Value> {
    let mut records = Vec::new();
    for file in batch {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let image = BASE64_STANDARD.encode(bytes);
        records.push(json!({"id": record(file)?, "image": image, "status": arguments.status}));
    }
    Ok(json!({"answers": arguments.answers.json(), "records": records}))
}

/// How far it came, and how to go on from there.
fn so_far(files: &[PathBuf], enrolled: usize, after: Option<&str>) -> String {
    let next = files.get(enrolled).map(|file| name(file)).unwrap_or_default();
    let said = format!("{enrolled} of {} photographs are enrolled, and the next is {next}", files.len());
    let last = enrolled.checked_sub(1).and_then(|last| files.get(last)).map(|file| name(file));
    match last.or_else(|| after.map(str::to_owned)) {
        Some(last) => format!("{said}: go on with --after {last}"),
        None => said,
    }
}

/// A file's name, to be shown.
fn name(file: &Path) -> String {
    output::inert(&file.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        folder
    }

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| name(file)).collect()
    }

    fn refused(folder: &Path, after: Option<&str>) -> String {
        format!("{:#}", photographs(folder, after).unwrap_err())
    }

    #[test]
    fn photographs_are_in_the_order_of_their_names_and_go_on_after_one() {
        let folder = folder(&["b.JPG", "notes.txt", "a.png", "c.jpeg"]);
        let listed = |after| names(&photographs(folder.path(), after).unwrap());
        assert_eq!(listed(None), ["a.png", "b.JPG", "c.jpeg"]);
        assert_eq!(listed(Some("a.png")), ["b.JPG", "c.jpeg"]);
        assert!(listed(Some("c.jpeg")).is_empty(), "all of them are enrolled");
        for strange in ["b.jpg", "notes.txt", "b", ""] {
            assert!(refused(folder.path(), Some(strange)).contains("to go on after"), "{strange}");
        }
    }

    #[test]
    fn what_cannot_be_enrolled_is_said_before_anything_is_sent() {
        let doubled = folder(&["a.jpg", "a.png", "b.jpg", "c.jpeg", "c.JPEG"]);
        let said = refused(doubled.path(), None);
        assert!(said.contains("a.jpg and a.png") && said.contains("c.JPEG and c.jpeg"), "{said}");
        assert!(!said.contains("b.jpg"), "{said}");
        assert!(refused(doubled.path(), Some("b.jpg")).contains("a.jpg and a.png"), "nor is it gone on with");
        assert!(refused(folder(&["a.txt"]).path(), None).contains("no photograph"));
        assert!(refused(&doubled.path().join("none"), None).contains("cannot read"));
    }

    #[test]
    fn only_of_a_batch_that_was_sent_it_is_not_known_whether_it_is_enrolled() {
        let reason = "refused".to_owned();
        let unsent = [
            ClientError::Connect { address: "127.0.0.1:1".to_owned(), reason: reason.clone() },
            ClientError::Refused(reason.clone()),
        ];
        for e in unsent {
            let said = format!("{:#}", unanswered(e));
            assert!(said.contains("refused") && !said.contains("not known"), "{said}");
        }
        let said = format!("{:#}", unanswered(ClientError::Broken(reason)));
        assert!(said.contains("refused") && said.contains("not known"), "{said}");
    }

    #[test]
    fn whoever_stops_half_way_is_told_where_to_go_on() {
        let files: Vec<PathBuf> = (0..45).map(|i| PathBuf::from(format!("photographs/{i:02}.jpg"))).collect();
        assert_eq!(so_far(&files, 0, None), "0 of 45 photographs are enrolled, and the next is 00.jpg");
        assert!(so_far(&files, 20, None).ends_with("the next is 20.jpg: go on with --after 19.jpg"));
        assert!(so_far(&files[20..], 0, Some("19.jpg")).ends_with("the next is 20.jpg: go on with --after 19.jpg"));
    }
}
