//! Working a request from the command line, step by step: each command is one route, and answers as `search` does.
//!
//! | file | subcommand |
//! |---|---|
//! | `requests.rs` | `request list / show / open / search` |
//! | `examination.rs` | `candidates`, `dispose`, `sign` |
//! | `departure.rs` | `acknowledge`, `release`, `disseminate`, `outcome` |
//! | `duties.rs` | `obligations`, `complete`, `waive` |

mod departure;
mod duties;
mod examination;
mod requests;

use crate::connection::Connection;
use clap::Subcommand;
use client::Answer;
use serde_json::Value;
use std::process::ExitCode;

// The commands of a request's life. Not a doc comment: it would become the program's help.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List requests, show one, open one, search for one
    #[command(subcommand)]
    Request(requests::Command),
    /// Look at a request's candidate list again: judged, and counted as opening it
    Candidates(examination::Candidates),
    /// Say of candidates what they are, and why
    Dispose(examination::Dispose),
    /// Sign a conclusion, or refuse to
    Sign(examination::Sign),
    /// Acknowledge a statement as the requester: first without --digest, to read it
    Acknowledge(departure::Acknowledge),
    /// Release a result: its documents are drawn up
    Release(departure::Release),
    /// Hand a released result to one recipient, and write its document
    Disseminate(departure::Disseminate),
    /// Report what became of a result
    Outcome(departure::Outcome),
    /// List obligations still to be met, the most urgent first
    Obligations(duties::Obligations),
    /// Say that a task is done
    Complete(duties::Complete),
    /// Set an obligation aside, if the policy that imposed it permits that
    Waive(duties::Waive),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Request(command) => requests::run(command),
        Command::Candidates(arguments) => examination::candidates(arguments),
        Command::Dispose(arguments) => examination::dispose(arguments),
        Command::Sign(arguments) => examination::sign(arguments),
        Command::Acknowledge(arguments) => departure::acknowledge(arguments),
        Command::Release(arguments) => departure::release(arguments),
        Command::Disseminate(arguments) => departure::disseminate(arguments),
        Command::Outcome(arguments) => departure::outcome(arguments),
        Command::Obligations(arguments) => duties::obligations(arguments),
        Command::Complete(arguments) => duties::complete(arguments),
        Command::Waive(arguments) => duties::waive(arguments),
    }
}

// One request at a server.
#[derive(clap::Args)]
struct Case {
    #[command(flatten)]
    connection: Connection,
    /// The request's id
    #[arg(long)]
    request: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

impl Case {
    /// Reads the request's life.
    fn read(&self) -> anyhow::Result<Answer> {
        self.connection.get(&self.connection.path(["requests", &self.request])?)
    }

    /// Takes a step of it.
    fn step(&self, step: &str, body: &Value) -> anyhow::Result<Answer> {
        self.connection.post(&self.connection.path(["requests", &self.request, step])?, body)
    }
}
