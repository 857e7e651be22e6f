//! `magistrate obligations`, `complete` and `waive`: what decisions oblige people to, until it is met or set aside.

use crate::connection::Connection;
use crate::form::Answers;
use crate::output;
use crate::shown::{self, text};
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate obligations --certificate here/certs/detroit/c.hargrove.pem --jurisdiction detroit --overdue"
)]
pub(crate) struct Obligations {
    #[command(flatten)]
    connection: Connection,
    /// Only those that were not met in time
    #[arg(long)]
    overdue: bool,
    /// Only those of this request
    #[arg(long)]
    request: Option<String>,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate complete --certificate here/certs/detroit/c.hargrove.pem --jurisdiction detroit --obligation $OBLIGATION \\\n    --note 'reviewed the request and the result with the examiners'"
)]
pub(crate) struct Complete {
    #[command(flatten)]
    connection: Connection,
    /// The obligation's id
    #[arg(long)]
    obligation: String,
    /// What was done
    #[arg(long)]
    note: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate waive --certificate here/certs/detroit/c.hargrove.pem --jurisdiction detroit --obligation $OBLIGATION \\\n    --reason 'the office it is for was closed on 1 March, order 26-114'\n\nThe policy that imposed it decides whether anybody may."
)]
pub(crate) struct Waive {
    #[command(flatten)]
    connection: Connection,
    /// The obligation's id
    #[arg(long)]
    obligation: String,
    /// Why it is to be set aside
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    answers: Answers,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn obligations(arguments: &Obligations) -> anyhow::Result<ExitCode> {
    let Obligations { connection, overdue, request, json } = arguments;
    let answer = connection.get(&connection.path(["obligations"])?)?;
    if !answer.status.is_success() {
        return shown::tell(&answer, *json, |_| ());
    }
    let wanted = |owed: &Value| {
        (!overdue || owed["state"] == "overdue") && request.as_ref().is_none_or(|id| owed["request"] == id.as_str())
    };
    let all = answer.json()?;
    let all: Vec<&Value> = all.as_array().into_iter().flatten().filter(|owed| wanted(owed)).collect();
    if *json {
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = output::table(["obligation", "under", "duty", "owner", "request", "due", "state"]);
    for owed in all {
        let state = if owed["state"] == "overdue" { "OVERDUE".to_owned() } else { text(&owed["state"]) };
        let unreached: Vec<_> = owed["reach"]["unreached"].as_array().into_iter().flatten().map(text).collect();
        let state = if unreached.is_empty() { state } else { format!("{state}: {}", unreached.join("; ")) };
        let [id, clause, owner, request, due] =
            ["id", "clause", "owner", "request", "due"].map(|name| text(&owed[name]));
        table.add_row([id, clause, shown::duty(&owed["duty"]), owner, request, due, state]);
    }
    say!("{table}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn complete(arguments: &Complete) -> anyhow::Result<ExitCode> {
    let Complete { connection, obligation, note, json } = arguments;
    let path = connection.path(["obligations", obligation, "completion"])?;
    shown::tell(&connection.post(&path, &json!({"note": note}))?, *json, |answer| {
        say!("done, on your word");
        shown::receipt(answer);
    })
}

pub(super) fn waive(arguments: &Waive) -> anyhow::Result<ExitCode> {
    let Waive { connection, obligation, reason, answers, json } = arguments;
    let path = connection.path(["obligations", obligation, "waiver"])?;
    let body = json!({"reason": reason, "answers": answers.json()});
    shown::tell(&connection.post(&path, &body)?, *json, |answer| {
        say!("set aside: {}", text(&answer["obligation"]["id"]));
        shown::taken(answer);
    })
}
