//! `audit prune`: asks a server to prune its log. The policy decides, and the host keeps what anybody still demands.

use crate::connection::Connection;
use crate::form::Answers;
use crate::retention_command;
use crate::shown::text;
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
    retention_command::take(connection, &body, arguments.json, |done| {
        if done["minimum_index"].is_u64() {
            say!("the log keeps its entries from {} on", text(&done["minimum_index"]));
        }
    })
}
