//! `magistrate acknowledge`, `release`, `disseminate` and `outcome`: a result leaves, and what became of it comes back.

use super::Case;
use crate::form::Answers;
use crate::private::Awaiting;
use crate::shown::{self, text, verbatim};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Answer, StatusCode};
use model::terms::{Digest, check_id};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate acknowledge --certificate here/certs/detroit/o.mercer.pem --jurisdiction detroit --request $REQUEST \\\n    --statement investigative-lead\n  magistrate acknowledge … --statement investigative-lead --digest $DIGEST"
)]
pub(crate) struct Acknowledge {
    #[command(flatten)]
    case: Case,
    /// The statement's id in the charter
    #[arg(long)]
    statement: String,
    /// The sha-256 of the text you read; without it the text is shown, with its digest, and nothing is acknowledged
    #[arg(long)]
    digest: Option<Digest>,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate release --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST \\\n    --candidate b-0417 --reasoning 'two examiners compared ears, nose bridge and scar' --out case\n\nThe documents themselves come out of the server with a dissemination only."
)]
pub(crate) struct Release {
    #[command(flatten)]
    case: Case,
    /// A record found possible that leaves; may be repeated, and is left out where there is no lead
    #[arg(long = "candidate")]
    candidates: Vec<String>,
    /// How the conclusion was reached
    #[arg(long, default_value = "")]
    reasoning: String,
    /// A folder for the server's answer: the documents' digests and the receipt
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate disseminate --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST \\\n    --channel secured-email --recipient h.dawson --agency dpd --purpose criminal-investigation \\\n    --answer recipient-address=dawsonh@detroitmi.gov --out case"
)]
pub(crate) struct Disseminate {
    #[command(flatten)]
    case: Case,
    /// How it is handed over, in the jurisdiction's vocabulary
    #[arg(long)]
    channel: String,
    /// To whom: a person id or name
    #[arg(long)]
    recipient: String,
    /// For which agency
    #[arg(long)]
    agency: String,
    /// What for
    #[arg(long, default_value = "")]
    purpose: String,
    /// The recipient is a designee of the requester
    #[arg(long)]
    designee: bool,
    /// Which of the release's documents; its first where absent
    #[arg(long)]
    document: Option<String>,
    /// In which form
    #[arg(long, default_value = "pdf", value_parser = ["pdf", "html"])]
    form: String,
    /// The folder to write the document to
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    answers: Answers,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate outcome --certificate here/certs/detroit/h.dawson.pem --jurisdiction detroit --request $REQUEST \\\n    --answer case-assisted=true --answer positive-identification=false"
)]
pub(crate) struct Outcome {
    #[command(flatten)]
    case: Case,
    #[command(flatten)]
    answers: Answers,
}

pub(super) fn acknowledge(arguments: &Acknowledge) -> anyhow::Result<ExitCode> {
    let Acknowledge { case, statement, digest } = arguments;
    let Some(digest) = digest else { return read_out(case, statement) };
    let body = json!({"statement": statement, "digest": digest.to_string()});
    shown::tell(&case.step("acknowledgements", &body)?, case.json, |answer| {
        say!("acknowledged: {statement}");
        shown::receipt(answer);
    })
}

/// Shows a statement to whoever is to acknowledge it.
fn read_out(case: &Case, id: &str) -> anyhow::Result<ExitCode> {
    let answer = case.connection.get(&case.connection.path(["charter"])?)?;
    if !answer.status.is_success() {
        return shown::tell(&answer, case.json, |_| ());
    }
    let charter = answer.json()?;
    let all = shown::list(&charter, "statements");
    let Some(statement) = all.iter().find(|s| s["id"] == id) else {
        let known: Vec<_> = all.iter().map(|s| text(&s["id"])).collect();
        bail!("the charter holds no statement `{id}`: name one of {}", known.join(", "));
    };
    let words = verbatim(&statement["text"]);
    let digest = Digest::of(words.as_bytes());
    if case.json {
        say!(
            "{}",
            serde_json::to_string_pretty(&json!({"statement": id, "text": words, "digest": digest.to_string()}))?
        );
    } else {
        say!(
            "{}\n\nNothing is acknowledged yet. If that is what you acknowledge, repeat the command with\n  --digest {digest}",
            text(&statement["text"])
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn release(arguments: &Release) -> anyhow::Result<ExitCode> {
    let Release { case, candidates, reasoning, out, answers } = arguments;
    let _awaiting = out.as_deref().map(Awaiting::at).transpose()?;
    let body = json!({"candidates": candidates, "reasoning": reasoning, "answers": answers.json()});
    let answer = case.step("release", &body)?;
    let kept = match (out, answer.status) {
        (Some(out), StatusCode::OK) => keep(out, &case.request, &answer),
        _ => Ok(()),
    };
    let code = shown::tell(&answer, case.json, |answer| {
        say!("released");
        for document in shown::list(answer, "documents") {
            let [id, pdf, html] = ["id", "pdf", "html"].map(|name| text(&document[name]));
            say!("document {id}\n  pdf  sha-256 {pdf}\n  html sha-256 {html}");
        }
        shown::taken(answer);
    })?;
    kept.context("the result is released, and the server's answer is not kept")?;
    Ok(code)
}

/// Keeps the server's answer to a release. A request may be released again, and each time is an entry of its own.
fn keep(out: &Path, request: &str, answer: &Answer) -> anyhow::Result<()> {
    let entry = entry(&answer.json()?);
    write_new(&out.join(format!("release-{request}-{entry}.json")), &answer.body)
}

/// The index of the entry that an answer is on record as, for a file's name: a number, so that it leads nowhere else.
fn entry(answer: &Value) -> String {
    answer["receipt"]["index"].as_u64().map_or_else(|| "no-receipt".to_owned(), |index| index.to_string())
}

pub(super) fn disseminate(arguments: &Disseminate) -> anyhow::Result<ExitCode> {
    let Disseminate { case, channel, recipient, agency, purpose, designee, document, form, out, answers } = arguments;
    let _awaiting = Awaiting::at(out)?;
    let body = json!({
        "channel": channel,
        "recipient": recipient,
        "recipient_agency": agency,
        "purpose": purpose,
        "designee": designee,
        "document": document,
        "form": form,
        "answers": answers.json(),
    });
    let answer = case.step("disseminations", &body)?;
    if answer.status != StatusCode::OK {
        return shown::tell(&answer, case.json, |_| ());
    }
    let mut handed = answer.json()?;
    let written = file(&handed, &case.request, form, out);
    if case.json {
        // The document is in its file, and what is printed says where; one that could not be written is printed.
        if let (Ok(Some(path)), Some(document)) = (&written, handed["document"].as_object_mut()) {
            document.remove("content");
            document.insert("file".to_owned(), json!(path.display().to_string()));
        }
        say!("{}", serde_json::to_string_pretty(&handed)?);
    } else {
        match &written {
            Ok(Some(path)) => say!("handed over: {}", path.display()),
            Ok(None) => say!("handed over: the release drew up no document"),
            Err(_) => say!("handed over, on record"),
        }
        shown::statements(&handed);
        shown::taken(&handed);
    }
    written.context("the hand-over is on record, and its document is not written")?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn outcome(arguments: &Outcome) -> anyhow::Result<ExitCode> {
    let Outcome { case, answers } = arguments;
    shown::tell(&case.step("outcome", &json!({"answers": answers.json()}))?, case.json, |answer| {
        say!("reported");
        shown::taken(answer);
    })
}

/// Writes the document that an answer holds, if it is the one that was released. Each hand-over is an entry of its own, and
/// so is its file.
fn file(answer: &Value, request: &str, form: &str, out: &Path) -> anyhow::Result<Option<PathBuf>> {
    let document = &answer["document"];
    if document.is_null() {
        return Ok(None);
    }
    let id = verbatim(&document["id"]);
    check_id(id).context("the document's id")?;
    let bytes = BASE64_STANDARD.decode(verbatim(&document["content"])).context("the document's content")?;
    let digest = Digest::of(&bytes).to_string();
    if document["digest"] != digest.as_str() {
        bail!("the document arrived damaged: its sha-256 is {digest}, and {} was released", text(&document["digest"]));
    }
    let name = format!("{id}-{request}-{}.{form}", entry(answer));
    let path = out.join(name);
    write_new(&path, &bytes)?;
    Ok(Some(path))
}

/// Writes a file that only its owner may read, and that was not there before.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.with_context(|| format!("cannot write {}", path.display()))?;
    let written = file.write_all(bytes);
    if written.is_err() {
        // Half a file says less than none.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(index: Value) -> Answer {
        let body = json!({"receipt": {"index": index}}).to_string();
        Answer { status: StatusCode::OK, content_type: "application/json".to_owned(), body: body.into() }
    }

    #[test]
    fn each_release_keeps_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for index in [7, 12] {
            keep(folder.path(), "r", &released(json!(index))).unwrap();
        }
        for name in ["release-r-7.json", "release-r-12.json"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
        assert!(keep(folder.path(), "r", &released(json!(7))).is_err(), "nothing is written over");
        keep(folder.path(), "r", &released(json!("/../../x"))).unwrap();
        assert!(folder.path().join("release-r-no-receipt.json").is_file(), "a number or nothing");
    }

    #[test]
    fn a_document_is_written_only_as_it_was_released() {
        let folder = tempfile::tempdir().unwrap();
        let handed = |id: &str, digest: Digest| {
            let document = json!({"id": id, "content": "eA==", "digest": digest.to_string()});
            json!({"document": document, "receipt": {"index": 9}})
        };
        let write = |handed: &Value| file(handed, "r", "pdf", folder.path());
        let path = write(&handed("lead", Digest::of(b"x"))).unwrap().unwrap();
        assert_eq!(
            (path.file_name().unwrap().to_str().unwrap(), std::fs::read(&path).unwrap()),
            ("lead-r-9.pdf", b"x".to_vec())
        );
        assert!(write(&handed("lead", Digest::of(b"y"))).is_err());
        assert!(write(&handed("../lead", Digest::of(b"x"))).is_err());
        assert_eq!(write(&json!({"document": null})).unwrap(), None);
    }
}
