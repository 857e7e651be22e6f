//! `magistrate report` and `reports`: what a jurisdiction's charter wants reported, from its server.

use crate::connection::Connection;
use crate::form::Answers;
use crate::output;
use crate::private::{self, Awaiting};
use crate::shown::{self, list, text, verbatim};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::terms::{Date, Digest, check_id};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate report --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --report weekly \\\n    --answer software-upgrades=none --answer contract-changes=none --answer confirmed-violations=none --out reports\n\nWithout --from and --to: the last whole week, month or year, as the charter says of this report."
)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    connection: Connection,
    /// The report's id in the charter
    #[arg(long)]
    report: String,
    /// The first day, as 2026-03-02
    #[arg(long, requires = "to")]
    from: Option<Date>,
    /// The last day
    #[arg(long, requires = "from")]
    to: Option<Date>,
    #[command(flatten)]
    answers: Answers,
    /// The folder to write its files to: HTML, PDF, CSV and JSON
    #[arg(long)]
    out: PathBuf,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate reports --certificate here/certs/detroit/p.rivers.pem --jurisdiction detroit\n  magistrate reports --certificate here/certs/detroit/p.rivers.pem --jurisdiction detroit --fetch $REPORT --out reports"
)]
pub(crate) struct ReportsArguments {
    #[command(flatten)]
    connection: Connection,
    /// Fetch the report of this id
    #[arg(long, requires = "out")]
    fetch: Option<String>,
    /// The folder to write its files to
    #[arg(long, requires = "fetch")]
    out: Option<PathBuf>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn report(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let mut body = json!({"report": arguments.report, "answers": arguments.answers.json()});
    for (name, day) in [("from", arguments.from), ("to", arguments.to)] {
        if let Some(day) = day {
            body[name] = json!(day.to_string());
        }
    }
    let (connection, out) = (&arguments.connection, &arguments.out);
    let _awaiting = Awaiting::at(out)?;
    let answer = connection.post(&connection.path(["reports"])?, &body)?;
    let written = if answer.status.is_success() { write_all(&answer.json()?, out) } else { Ok(()) };
    let code = shown::tell(&answer, arguments.json, |told| {
        let (title, id) = (text(&told["title"]), text(&told["id"]));
        say!("{title}, {} to {}: {id}", text(&told["first"]), text(&told["last"]));
        let open = if told["public"] == true { "it is published" } else { "it is not published" };
        match &written {
            Ok(()) => say!("written to {}; {open}", out.display()),
            Err(_) => say!("{open}"),
        }
        shown::taken(told);
    })?;
    written.context("the report is on record, and not all of its files are written; if it is public, fetch them")?;
    Ok(code)
}

/// Writes every file of a report as it was drawn up.
fn write_all(told: &Value, out: &Path) -> anyhow::Result<()> {
    for file in list(told, "files") {
        let bytes = BASE64_STANDARD.decode(verbatim(&file["content"])).context("a file of the report is no base64")?;
        write(out, verbatim(&told["id"]), verbatim(&file["form"]), verbatim(&file["digest"]), &bytes)?;
    }
    Ok(())
}

pub(crate) fn reports(arguments: &ReportsArguments) -> anyhow::Result<ExitCode> {
    let connection = &arguments.connection;
    let answer = connection.get(&connection.path(["reports"])?)?;
    if let (Some(id), Some(out), true) = (&arguments.fetch, &arguments.out, answer.status.is_success()) {
        return fetch(connection, &answer.json()?, id, out);
    }
    shown::tell(&answer, arguments.json, |told| {
        let mut table = output::table(["report", "first day", "last day", "drawn up", "title", "id"]);
        for report in told.as_array().into_iter().flatten() {
            table.add_row(["report", "first", "last", "at", "title", "id"].map(|name| text(&report[name])));
        }
        say!("{table}");
    })
}

/// Fetches every form of one report, and checks it against the digest that is on record.
fn fetch(connection: &Connection, listed: &Value, id: &str, out: &Path) -> anyhow::Result<ExitCode> {
    let found = listed.as_array().into_iter().flatten().find(|report| report["id"] == *id);
    let report =
        found.with_context(|| format!("no published report has the id `{id}`: `magistrate reports` lists them"))?;
    for rendering in list(report, "renderings") {
        let (form, digest) = (text(&rendering["form"]), text(&rendering["digest"]));
        let path = connection.path(["reports", &format!("{id}.{form}")])?;
        let answer = connection.get(&path)?;
        if !answer.status.is_success() {
            return shown::tell(&answer, false, |_| ());
        }
        write(out, id, &form, &digest, &answer.body)?;
    }
    say!("{} is written to {}", text(&report["title"]), out.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes one file of a report, if it is the one that its digest is of.
fn write(out: &Path, id: &str, form: &str, digest: &str, bytes: &[u8]) -> anyhow::Result<()> {
    // The server names them: they must lead nowhere else.
    for part in [id, form] {
        check_id(part).with_context(|| format!("the report cannot be written as `{id}.{form}`"))?;
    }
    if Digest::of(bytes).to_string() != digest {
        bail!("the {form} of report {id} is not what the server has on record: fetch it again, and tell its auditors");
    }
    private::folder(out)?;
    private::file(&out.join(format!("{id}.{form}")), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_record_is_written_and_only_into_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("reports");
        let digest = Digest::of(b"x").to_string();
        assert!(write(&out, "1", "pdf", &digest, b"y").is_err());
        assert!(write(&out, "../1", "pdf", &digest, b"x").is_err());
        assert!(write(&out, "1", "../pdf", &digest, b"x").is_err());
        assert!(!out.exists());
        write(&out, "1", "pdf", &digest, b"x").unwrap();
        assert_eq!(std::fs::read(out.join("1.pdf")).unwrap(), b"x");
    }

    #[test]
    fn every_file_of_a_report_is_written_or_it_is_said_which_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |form: &str| json!({"form": form, "digest": Digest::of(b"x").to_string(), "content": "eA=="});
        let told = json!({"id": "1", "files": [file("pdf"), file("csv")]});
        write_all(&told, folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("1.csv")).unwrap(), b"x");
        std::fs::remove_file(folder.path().join("1.csv")).unwrap();
        std::fs::create_dir(folder.path().join("1.csv")).unwrap();
        let said = format!("{:#}", write_all(&told, folder.path()).unwrap_err());
        assert!(said.contains("1.csv"), "{said}");
    }
}
