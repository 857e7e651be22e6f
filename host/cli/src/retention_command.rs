//! `magistrate retention`: how long records stay. Each command but `list` is the one route, with a kind of its own.
//!
//! Whoever approves of what another asked for types the same command: the policy judges it afresh.

use crate::connection::Connection;
use crate::form::Answers;
use crate::shown::{self, list, text};
use crate::{WAITING, output};
use casework::retention::{Change, GALLERY_RECORD};
use clap::Subcommand;
use comfy_table::Table;
use model::terms::Date;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give notice that a record's agency no longer keeps its own
    #[command(
        after_help = "Example:\n  magistrate retention notice --certificate here/certs/st-louis/r.abara.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417"
    )]
    Notice {
        #[command(flatten)]
        step: Step,
        /// The day of the notice; today where absent
        #[arg(long)]
        day: Option<Date>,
    },
    /// Hold a record as evidence
    #[command(
        after_help = "Example:\n  magistrate retention hold --certificate here/certs/st-louis/s.okafor.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417 --answer written-notice=true --answer evidentiary-value=true \\\n    --answer decision-reasons='exhibit 4 in a pending trial'"
    )]
    Hold {
        #[command(flatten)]
        step: Step,
    },
    /// Hold a record no longer
    #[command(
        after_help = "Example:\n  magistrate retention lift --certificate here/certs/st-louis/s.okafor.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417 --answer decision-reasons='the appeal is decided'"
    )]
    Lift {
        #[command(flatten)]
        step: Step,
    },
    /// Keep a record longer
    #[command(
        after_help = "Example:\n  magistrate retention extend --certificate here/certs/detroit/s.baptiste.pem --jurisdiction detroit \\\n    --subject probe --record $REQUEST --day 2026-09-30 --answer retention-reason='exhibit 4 of the prosecution'"
    )]
    Extend {
        #[command(flatten)]
        step: Step,
        /// Up to which day it is to stay
        #[arg(long, required_unless_present = "deny", conflicts_with = "deny")]
        day: Option<Date>,
        /// Deny what was asked
        #[arg(long)]
        deny: bool,
    },
    /// Write a record to portable media
    #[command(
        after_help = "Example:\n  magistrate retention export --certificate here/certs/st-louis/s.okafor.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417 --answer export-media='DVD 26-E-0077' --answer export-custodian='property room'"
    )]
    Export {
        #[command(flatten)]
        step: Step,
    },
    /// Keep a record of a gallery off every list
    #[command(
        after_help = "Example:\n  magistrate retention seal --certificate here/certs/st-louis/s.okafor.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417 --answer decision-reasons='order of the juvenile court'"
    )]
    Seal {
        #[command(flatten)]
        step: Step,
    },
    /// Seal a record no longer: it is what it was before
    #[command(
        after_help = "Example:\n  magistrate retention unseal --certificate here/certs/st-louis/s.okafor.pem --jurisdiction st-louis \\\n    --gallery mugshots --record b-0417 --answer decision-reasons='the order was reversed'"
    )]
    Unseal {
        #[command(flatten)]
        step: Step,
    },
    /// Destroy a record, for good
    #[command(
        after_help = "Example:\n  magistrate retention purge --certificate here/certs/detroit/r.tanaka.pem --jurisdiction detroit \\\n    --gallery snap --record b-0417\n\n`magistrate audit prune` removes the oldest entries from the log itself."
    )]
    Purge {
        #[command(flatten)]
        step: Step,
    },
    /// List records that are noticed, held, extended, exported, sealed, purged or due to be, the most urgent first
    #[command(
        after_help = "Example:\n  magistrate retention list --certificate here/certs/st-louis/r.abara.pem --jurisdiction st-louis"
    )]
    List {
        #[command(flatten)]
        connection: Connection,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

// Something that happens to one record.
#[derive(clap::Args)]
pub(crate) struct Step {
    #[command(flatten)]
    connection: Connection,
    /// What kind of record: gallery-record, probe, audit-entry, or the id of a document that a release drew up
    #[arg(long, default_value = GALLERY_RECORD)]
    subject: String,
    /// The gallery of a gallery record
    #[arg(long)]
    gallery: Option<String>,
    /// The record: of a gallery, its id; of a probe or document, the request's; of audit entries, 17 or 17-40
    #[arg(long)]
    record: String,
    #[command(flatten)]
    answers: Answers,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let (change, step, day) = match command {
        Command::Notice { step, day } => (Change::Notice, step, *day),
        Command::Hold { step } => (Change::Hold, step, None),
        Command::Lift { step } => (Change::Lift, step, None),
        Command::Extend { step, day, .. } => (Change::Extend, step, *day),
        Command::Export { step } => (Change::Export, step, None),
        Command::Seal { step } => (Change::Seal, step, None),
        Command::Unseal { step } => (Change::Unseal, step, None),
        Command::Purge { step } => (Change::Purge, step, None),
        Command::List { connection, json } => {
            let answer = connection.get(&connection.path(["retention"])?)?;
            return shown::tell(&answer, *json, listed);
        }
    };
    let body = json!({
        "kind": change.name(),
        "subject": step.subject,
        "gallery": step.gallery,
        "record": step.record,
        "day": day.map(|day| day.to_string()),
        "answers": step.answers.json(),
    });
    take(&step.connection, &body, step.json, |answer| {
        say!("{}", came_of(answer));
        let mut table = table();
        row(&mut table, &answer["docket"]);
        say!("{table}");
    })
}

/// Takes a step of the route and tells what came of it. What is permitted and waits for others ends with a code of its own.
pub(crate) fn take(
    connection: &Connection,
    body: &Value,
    json: bool,
    show: impl FnOnce(&Value),
) -> anyhow::Result<ExitCode> {
    let answer = connection.post(&connection.path(["retention"])?, body)?;
    let waits = answer.status.is_success() && answer.json()?["pending"] == true;
    let code = shown::tell(&answer, json, |done| {
        if waits {
            say!("permitted, and without effect until others approve of it, by the same command");
        }
        show(done);
        shown::taken(done);
    })?;
    Ok(if waits { ExitCode::from(WAITING) } else { code })
}

/// What a step did beside what stands on the docket.
fn came_of(answer: &Value) -> String {
    let record = &answer["docket"]["record"];
    let which = [&record["gallery"], &record["record"]].map(text);
    let mut told = vec![which.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")];
    let destroyed = list(answer, "destroyed").iter().map(|d| format!("{} {}", text(&d["what"]), text(&d["id"])));
    told.extend(destroyed.map(|what| format!("destroyed: {what}")));
    let left_in =
        list(answer, "left_in").iter().map(|left| format!("{} {}", text(&left["subject"]), text(&left["record"])));
    told.extend(left_in.map(|document| format!("still holds it: {document}")));
    told.join("\n")
}

fn listed(answer: &Value) {
    let mut table = table();
    answer.as_array().into_iter().flatten().for_each(|docket| row(&mut table, docket));
    say!("{table}");
}

fn table() -> Table {
    output::table([
        "subject", "gallery", "record", "noticed", "held", "stays to", "exported", "sealed", "due", "gone", "waits",
    ])
}

/// One record's docket. Of what is no date, there is nothing yet.
fn row(table: &mut Table, docket: &Value) {
    let [subject, gallery, record] = ["subject", "gallery", "record"].map(|name| text(&docket["record"][name]));
    let [noticed, extended, due] = ["noticed", "extended", "due"].map(|name| text(&docket[name]));
    let [held, exported, sealed] = ["held", "exported", "sealed"].map(|name| text(&docket[name]["at"]));
    let gone = ["purged", "pruned"].map(|name| text(&docket[name])).concat();
    let asked = docket["asked"].as_object().into_iter().flatten();
    let waits: Vec<String> =
        asked.map(|(what, asked)| format!("{} of {}", output::inert(what), text(&asked["by"]["name"]))).collect();
    table.add_row([subject, gallery, record, noticed, held, extended, exported, sealed, due, gone, waits.join(", ")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docket_reads_as_what_stands_and_what_waits() {
        let docket = json!({
            "record": {"subject": "gallery-record", "gallery": "g", "record": "r\u{1b}"},
            "noticed": "2026-03-01",
            "held": {"by": {"name": "A. Vogt"}, "at": "2026-03-05T16:00:00.000Z"},
            "sealed": {"by": {"name": "A. Vogt"}, "at": "2026-03-07T16:00:00.000Z"},
            "asked": {"extend": {"by": {"name": "B. Ostrow"}, "at": "2026-03-06T16:00:00.000Z"}},
            "due": "2026-03-12T05:00:00.000Z",
        });
        let mut table = table();
        row(&mut table, &docket);
        let shown = table.to_string();
        for part in [
            "2026-03-01",
            "2026-03-05T16:00:00.000Z",
            "2026-03-07T16:00:00.000Z",
            "extend of B. Ostrow",
            "2026-03-12T05:00:00.000Z",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }

    #[test]
    fn what_was_destroyed_is_named() {
        let answer = json!({
            "docket": {"record": {"subject": "gallery-record", "gallery": "g", "record": "r"}},
            "destroyed": [{"what": "template", "id": "r"}, {"what": "booking", "id": "r"}],
            "left_in": [{"subject": "lead-notice", "record": "q"}],
        });
        let told = "g r\ndestroyed: template r\ndestroyed: booking r\nstill holds it: lead-notice q";
        assert_eq!(came_of(&answer), told);
        assert_eq!(came_of(&json!({"docket": {"record": {"record": "q"}}})), "q");
    }
}
