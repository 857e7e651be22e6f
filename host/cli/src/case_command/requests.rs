//! `magistrate request`: the worklist, one request's life, and its beginning.

use super::Case;
use crate::connection::Connection;
use crate::form::{Answers, Filters, Request};
use crate::output;
use crate::shown::{self, list, text};
use casework::life::State;
use casework::worklist::Cursor;
use clap::builder::PossibleValuesParser;
use model::terms::Instant;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Requests, the latest first: where each stands and what comes next
    List(List),
    /// One request's life, without its candidates
    Show(Show),
    /// Put a request on record, to be searched for later
    Open(Box<Open>),
    /// Search for a request on record
    Search(Search),
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate request list --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --mine --state listed"
)]
pub(crate) struct List {
    #[command(flatten)]
    connection: Connection,
    /// Only those that stand there
    #[arg(long, value_parser = PossibleValuesParser::new(State::ALL.map(State::name)))]
    state: Option<String>,
    /// Only those you made or took a step of
    #[arg(long)]
    mine: bool,
    /// Only those opened at this moment or later, as 2026-01-31T09:30:00Z; of the last month where absent
    #[arg(long)]
    since: Option<Instant>,
    /// Only those before where an earlier list ended, as it said
    #[arg(long, value_name = "PLACE")]
    before: Option<Cursor>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate request show --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST"
)]
pub(crate) struct Show {
    #[command(flatten)]
    case: Case,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate request open --certificate here/certs/detroit/h.dawson.pem --jurisdiction detroit --gallery snap \\\n    --probe face.jpg --purpose criminal-investigation --reason 'robbery on 3 March' --case incident=26-00123 --answer crime=robbery"
)]
pub(crate) struct Open {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    request: Request,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate request search --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --request $REQUEST --candidates 5"
)]
pub(crate) struct Search {
    #[command(flatten)]
    case: Case,
    /// How many candidates
    #[arg(long)]
    candidates: Option<u32>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    answers: Answers,
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(arguments) => worklist(arguments),
        Command::Show(Show { case }) => shown::tell(&case.read()?, case.json, life),
        Command::Open(arguments) => {
            let Open { connection, request, json } = arguments.as_ref();
            let answer = connection.post(&connection.path(["requests"])?, &request.json()?)?;
            shown::tell(&answer, *json, opened)
        }
        Command::Search(Search { case, candidates, filters, answers }) => {
            let body = json!({"candidates": candidates, "filter": filters.json()?, "answers": answers.json()});
            shown::tell(&case.step("search", &body)?, case.json, shown::searched)
        }
    }
}

fn worklist(arguments: &List) -> anyhow::Result<ExitCode> {
    let List { connection, state, mine, since, before, json } = arguments;
    let mut asked = vec![format!("mine={mine}")];
    asked.extend(state.as_ref().map(|state| format!("state={state}")));
    asked.extend(since.map(|since| format!("since={since}")));
    asked.extend(before.as_ref().map(|before| format!("before={before}")));
    let path = format!("{}?{}", connection.path(["requests"])?, asked.join("&"));
    shown::tell(&connection.get(&path)?, *json, |answer| {
        let mut table = output::table(["request", "state", "opened", "requester", "open", "late", "next"]);
        for request in list(answer, "requests") {
            let named = ["id", "state", "opened", "requester", "open_obligations", "overdue", "next"];
            table.add_row(named.map(|name| text(&request[name])));
        }
        say!("{table}");
        if !answer["before"].is_null() {
            say!("there may be more: add --before {}", text(&answer["before"]));
        }
    })
}

fn opened(answer: &Value) {
    say!("request {}", text(&answer["request"]));
    shown::awaited(answer);
    shown::taken(answer);
}

/// A request's life: where it stands, who signed, what has to be done.
fn life(answer: &Value) {
    let mut facts = output::table(["request", &text(&answer["request"]["id"])]);
    let cases = list(&answer["request"], "identifiers").iter();
    let cases: Vec<_> = cases.map(|c| format!("{} {}", text(&c["kind"]), text(&c["value"]))).collect();
    let of_list = format!("{} of {}", answer["candidates_disposed"], answer["candidates_returned"]);
    let rows = [
        ("state", text(&answer["state"])),
        ("next", text(&answer["next"])),
        ("requester", text(&answer["requester"])),
        ("gallery", text(&answer["gallery"])),
        ("case", cases.join(", ")),
        ("reason", text(&answer["request"]["reason"])),
        ("opened", text(&answer["request"]["opened"])),
        ("searched", text(&answer["searched"])),
        ("list shown", text(&answer["listed"])),
        ("list opened by", people(list(answer, "opened_by"))),
        ("candidates with a disposition", of_list),
        ("released", text(&answer["released"]["at"])),
        (
            "documents",
            list(&answer["released"], "documents").iter().map(|d| text(&d["id"])).collect::<Vec<_>>().join(", "),
        ),
    ];
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        facts.add_row([name.to_owned(), value]);
    }
    say!("{facts}");
    shown::awaited(answer);
    section(answer, "signatures", ["signed", "role", "conclusion", "at", "stands"], |s| {
        let conclusion = if s["conclusion"].is_null() { "withheld".to_owned() } else { text(&s["conclusion"]) };
        let stands = if s["stands"] == true { "yes" } else { "no" };
        [text(&s["by"]["person"]), text(&s["role"]), conclusion, text(&s["at"]), stands.to_owned()]
    });
    section(answer, "disseminations", ["handed to", "agency", "channel", "by", "at"], |d| {
        let to = &d["to"];
        let [recipient, agency, channel] = ["recipient", "recipient_agency", "channel"].map(|name| text(&to[name]));
        [recipient, agency, channel, text(&d["by"]["person"]), text(&d["at"])]
    });
    section(answer, "obligations", ["obligation under", "duty", "owner", "due", "state"], |o| {
        let [clause, owner, due, mut state] = ["clause", "owner", "due", "state"].map(|name| text(&o[name]));
        if state == "waived" {
            state += &format!(" by {}", text(&o["by"]));
        }
        [clause, shown::duty(&o["duty"]), owner, due, state]
    });
    section(answer, "violations", ["violation happened", "reported"], |v| [text(&v["happened"]), text(&v["reported"])]);
    section(answer, "refusals", ["refused", "to", "at"], |r| {
        [text(&r["what"]), text(&r["by"]["person"]), text(&r["at"])]
    });
}

fn people(all: &[Value]) -> String {
    all.iter().map(|who| text(&who["person"])).collect::<Vec<_>>().join(", ")
}

/// A table of one of the life's lists, where there is anything in it.
fn section<const N: usize>(answer: &Value, name: &str, head: [&str; N], row: impl Fn(&Value) -> [String; N]) {
    if list(answer, name).is_empty() {
        return;
    }
    let mut table = output::table(head);
    for item in list(answer, name) {
        table.add_row(row(item));
    }
    say!("\n{table}");
}
