//! People, agencies, violations and policy revisions from the command line: each command is one route.

use crate::connection::Connection;
use crate::form::Answers;
use crate::output;
use crate::registry_command;
use crate::shown::{self, list, text};
use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

// The commands outside a request's life. Not a doc comment: it would become the program's help.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Grant, review, suspend, reinstate or withdraw a person's access
    Access(Access),
    /// Suspend an agency's requests, or reinstate it
    Agency(Agency),
    /// Register people, agencies and agreements, and put on record what becomes of them
    #[command(subcommand)]
    Registry(Box<registry_command::Command>),
    /// Record a violation of the directive, or a breach
    Violation(Violation),
    /// Put a policy revision forward, sign for it, put it in force, list them
    #[command(subcommand)]
    Revision(Revision),
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate access --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --person j.kowalski \\\n    --change suspend --reason 'training under review'"
)]
pub(crate) struct Access {
    #[command(flatten)]
    connection: Connection,
    /// The person's id in the registry
    #[arg(long)]
    person: String,
    #[command(flatten)]
    change: Change,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate agency --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --agency oakland-so \\\n    --change reinstate --answer agency-complies=true"
)]
pub(crate) struct Agency {
    #[command(flatten)]
    connection: Connection,
    /// The agency's id in the registry
    #[arg(long)]
    agency: String,
    #[command(flatten)]
    change: Change,
}

// A change of somebody's access.
#[derive(clap::Args)]
struct Change {
    /// grant, review, suspend, reinstate or withdraw; of an agency suspend or reinstate
    #[arg(long)]
    change: String,
    /// A role to grant, to reinstate with or to withdraw; may be repeated
    #[arg(long = "role")]
    roles: Vec<String>,
    /// The last day on which the roles granted count, as 2026-12-31; they have no end where it is absent
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    said: Said,
}

// Why, on which answers, and how to print it.
#[derive(clap::Args)]
pub(crate) struct Said {
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    answers: Answers,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate violation --certificate here/certs/detroit/c.hargrove.pem --jurisdiction detroit \\\n    --happened 2026-03-10T09:00:00Z --answer violated-clause=5.2 --answer offending-agency=oakland-so"
)]
pub(crate) struct Violation {
    #[command(flatten)]
    connection: Connection,
    /// When it happened: hours of notice count from then
    #[arg(long)]
    happened: String,
    /// The request it is about, if it is about one
    #[arg(long)]
    request: Option<String>,
    #[command(flatten)]
    answers: Answers,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Revision {
    /// Put a policy folder's component and settings forward
    #[command(
        after_help = "Example:\n  magistrate revision propose --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit \\\n    --note 'ten candidates at most' policies/detroit"
    )]
    Propose {
        #[command(flatten)]
        connection: Connection,
        /// A folder of policy.toml and the component that it names, on this machine
        folder: PathBuf,
        /// What changes
        #[arg(long, default_value = "")]
        note: String,
        /// Print the server's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign for a revision, or against it
    #[command(
        after_help = "Example:\n  magistrate revision sign --certificate here/certs/detroit/v.stone.pem --jurisdiction detroit --revision $REVISION \\\n    --role board-of-police-commissioners --conclusion approved"
    )]
    Sign {
        #[command(flatten)]
        connection: Connection,
        /// The revision's id
        #[arg(long)]
        revision: String,
        /// The role you sign in
        #[arg(long)]
        role: String,
        /// approved or refused
        #[arg(long)]
        conclusion: String,
        /// Why you refuse, if you do
        #[arg(long, default_value = "")]
        reason: String,
        /// Print the server's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a revision in force, if the policy in force permits it
    #[command(
        after_help = "Example:\n  magistrate revision activate --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --revision $REVISION \\\n    --answer default-passwords-replaced=true --answer password-standard-met=true"
    )]
    Activate {
        #[command(flatten)]
        connection: Connection,
        /// The revision's id
        #[arg(long)]
        revision: String,
        #[command(flatten)]
        answers: Answers,
        /// Print the server's answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// List revisions: the one in force first
    #[command(
        after_help = "Example:\n  magistrate revision list --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit"
    )]
    List {
        #[command(flatten)]
        connection: Connection,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Access(Access { connection, person, change }) => {
            send_change(connection, &connection.path(["people", person, "access"])?, change)
        }
        Command::Agency(Agency { connection, agency, change }) => {
            send_change(connection, &connection.path(["agencies", agency, "suspension"])?, change)
        }
        Command::Registry(command) => registry_command::run(command),
        Command::Violation(arguments) => violation(arguments),
        Command::Revision(command) => revision(command),
    }
}

fn send_change(connection: &Connection, path: &str, change: &Change) -> anyhow::Result<ExitCode> {
    let body = json!({"change": change.change, "roles": roles(&change.roles, change.until.as_deref())});
    send(connection, path, body, &change.said)
}

/// Sends a step that changes how somebody stands, and tells how they stand after it.
pub(crate) fn send(connection: &Connection, path: &str, mut body: Value, said: &Said) -> anyhow::Result<ExitCode> {
    body["reason"] = json!(said.reason);
    body["answers"] = json!(said.answers.json());
    shown::tell(&connection.post(path, &body)?, said.json, changed)
}

/// Roles as the server takes them: names, or names with their last day.
pub(crate) fn roles(names: &[String], until: Option<&str>) -> Vec<Value> {
    let role = |name: &String| match until {
        Some(until) => json!({"role": name, "until": until}),
        None => json!(name),
    };
    names.iter().map(role).collect()
}

/// How somebody stands after a step.
fn changed(answer: &Value) {
    let since = text(&answer["suspended_since"]);
    let stands = if since.is_empty() { "may act".to_owned() } else { format!("suspended since {since}") };
    say!("{}: {stands}; roles: {}", text(&answer["id"]), text(&answer["roles"]));
    shown::taken(answer);
}

fn violation(arguments: &Violation) -> anyhow::Result<ExitCode> {
    let Violation { connection, happened, request, answers, json } = arguments;
    let body = json!({"happened": happened, "request": request, "answers": answers.json()});
    shown::tell(&connection.post(&connection.path(["violations"])?, &body)?, *json, |answer| {
        let mut table = output::table(["obligation", "under", "owner", "due", "state"]);
        for owed in list(answer, "owed") {
            let state = if owed["overdue"] == true { "OVERDUE" } else { "open" };
            let [id, clause, owner, due] = ["id", "clause", "owner", "due"].map(|name| text(&owed[name]));
            table.add_row([id, clause, owner, due, state.to_owned()]);
        }
        say!("{table}");
        shown::taken(answer);
    })
}

fn revision(command: &Revision) -> anyhow::Result<ExitCode> {
    match command {
        Revision::Propose { connection, folder, note, json } => {
            let read = policy::Folder::read(folder)?;
            let component = read.component();
            let bytes = std::fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
            let mut settings = Map::new();
            for field in read.settings() {
                settings.insert(field.name.clone(), serde_json::to_value(&field.value)?);
            }
            let body = json!({"component": BASE64_STANDARD.encode(bytes), "settings": settings, "note": note});
            let path = connection.path(["policy", "proposals"])?;
            shown::tell(&connection.post(&path, &body)?, *json, one)
        }
        Revision::Sign { connection, revision, role, conclusion, reason, json } => {
            let body = json!({"role": role, "conclusion": conclusion, "reason": reason});
            let path = connection.path(["policy", "proposals", revision, "approvals"])?;
            shown::tell(&connection.post(&path, &body)?, *json, one)
        }
        Revision::Activate { connection, revision, answers, json } => {
            let body = json!({"answers": answers.json()});
            let path = connection.path(["policy", "proposals", revision, "activation"])?;
            shown::tell(&connection.post(&path, &body)?, *json, |answer| {
                table(std::slice::from_ref(&answer["version"]));
                shown::taken(answer);
            })
        }
        Revision::List { connection, json } => {
            let answer = connection.get(&connection.path(["policy"])?)?;
            shown::tell(&answer, *json, |answer| {
                say!("{} ({})", text(&answer["title"]), text(&answer["authority"]));
                table(list(answer, "versions"));
            })
        }
    }
}

fn one(answer: &Value) {
    table(std::slice::from_ref(answer));
    shown::receipt(answer);
}

fn table(revisions: &[Value]) {
    let mut table = output::table(["revision", "state", "since", "component", "settings", "signed"]);
    for revision in revisions {
        let signed: Vec<_> = list(revision, "approvals")
            .iter()
            .map(|a| format!("{} {} ({})", text(&a["name"]), text(&a["conclusion"]), text(&a["role"])))
            .collect();
        let short = |name: &str| text(&revision[name]).chars().take(12).collect::<String>();
        let [id, state, since] = ["id", "state", "since"].map(|name| text(&revision[name]));
        table.add_row([id, state, since, short("component"), short("settings"), signed.join(", ")]);
    }
    say!("{table}");
}
