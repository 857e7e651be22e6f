//! `audit prune`: asks a server to prune its log. The policy decides, and the host keeps what anybody still demands.

use crate::connection::Connection;
use crate::form::Answers;
use crate::shown::{self, text};
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit prune --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --last 99999\n\nEntries go for good, 256 at a time, with their accounts. What they hashed to stays: checkpoints, proofs and receipts are as good as before. `audit show --from MOMENT --count 1` shows the first entry that is too young."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The last entry that may go; of the 256 that it is one of, none goes unless all may
    #[arg(long)]
    last: u64,
    #[command(flatten)]
    answers: Answers,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let connection = &arguments.connection;
    let body = json!({
        "kind": "prune",
        "subject": "audit-entry",
        "record": format!("0-{}", arguments.last),
        "answers": Value::Object(arguments.answers.json()),
    });
    let answer = connection.post(&connection.path(["retention"])?, &body)?;
    shown::tell(&answer, arguments.json, |done| {
        if done["pending"].as_bool() == Some(true) {
            say!("nothing is gone yet: others have to approve of it, by the same command");
        } else {
            say!("the log keeps its entries from {} on", text(&done["minimum_index"]));
        }
        shown::taken(done);
    })
}
