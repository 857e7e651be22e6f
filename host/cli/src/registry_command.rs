//! People, agencies and agreements come on record, and are listed, from the command line: each command is one route.

use crate::connection::Connection;
use crate::office_command::{Said, roles, send};
use crate::output;
use crate::shown::{self, list, text};
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Register a person and give them access
    #[command(
        after_help = "Example:\n  magistrate registry person --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --person n.okafor \\\n    --name 'Ngozi Okafor' --agency dpd --unit ciu --rank 'crime analyst' --role examiner \\\n    --training facial-examination=2026-02-02..2031-02-02 --background-checked 2026-01-15 --multi-factor \\\n    --answer need-to-know='compares faces in the unit' --answer credential-personal=true"
    )]
    Person(Person),
    /// List the people of the registry: their roles and until when, trainings, checks, and who is suspended
    #[command(
        after_help = "Example:\n  magistrate registry people --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit"
    )]
    People {
        #[command(flatten)]
        connection: Connection,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a training, a background check, a unit on record of a person, with a review of their access
    #[command(
        after_help = "Example:\n  magistrate registry record --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --person e.voss \\\n    --training facial-examination=2026-03-02..2031-03-02 --answer need-to-know='compares faces in the unit' \\\n    --answer credential-personal=true"
    )]
    Record(Record),
    /// Register an agency, with an agreement where there is one, and let its requests in
    #[command(
        after_help = "Example:\n  magistrate registry agency --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --agency wayne-so \\\n    --name 'Wayne County Sheriff’s Office' --kind law-enforcement --agreement memorandum-of-understanding \\\n    --signed 2026-02-02T15:00:00.000Z --starts 2026-03-01 --contact 'P. Novak' --document mou.pdf \\\n    --answer agency-complies=true"
    )]
    Agency(Agency),
    /// List the agencies of the registry, with their agreements
    #[command(
        after_help = "Example:\n  magistrate registry agencies --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit"
    )]
    Agencies {
        #[command(flatten)]
        connection: Connection,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put an agreement with an agency on record, and let its requests in
    #[command(
        after_help = "Example:\n  magistrate registry agreement --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --agency oakland-so \\\n    --agreement memorandum-of-understanding --signed 2026-03-04T15:00:00.000Z --starts 2026-03-05 --ends 2028-03-04 \\\n    --contact 'R. Hale' --document mou.pdf --answer agency-complies=true"
    )]
    Agreement(Agreement),
    /// End an agreement with an agency, and suspend its requests
    #[command(
        after_help = "Example:\n  magistrate registry end --certificate here/certs/detroit/l.ortega.pem --jurisdiction detroit --agency ice-ero \\\n    --agreement $AGREEMENT --reason 'not renewed'"
    )]
    End(End),
}

#[derive(clap::Args)]
pub(crate) struct Person {
    #[command(flatten)]
    connection: Connection,
    /// The person's id: their certificates name it
    #[arg(long)]
    person: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// The id of their agency in the registry
    #[arg(long)]
    agency: String,
    /// The unit they are assigned to
    #[arg(long)]
    unit: String,
    /// Rank or position
    #[arg(long)]
    rank: String,
    /// A role they are to hold; may be repeated
    #[arg(long = "role")]
    roles: Vec<String>,
    /// The last day on which the roles count, as 2026-12-31; they have no end where it is absent
    #[arg(long)]
    until: Option<String>,
    /// A completed training, as CURRICULUM=COMPLETED or CURRICULUM=COMPLETED..EXPIRES; may be repeated
    #[arg(long = "training", value_parser = training)]
    trainings: Vec<Value>,
    /// The day the background check was completed
    #[arg(long)]
    background_checked: Option<String>,
    /// Their credential is bound to a second factor
    #[arg(long)]
    multi_factor: bool,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args)]
pub(crate) struct Record {
    #[command(flatten)]
    connection: Connection,
    /// The person's id in the registry
    #[arg(long)]
    person: String,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// The unit they are assigned to
    #[arg(long)]
    unit: Option<String>,
    /// Rank or position
    #[arg(long)]
    rank: Option<String>,
    /// Whether their credential is bound to a second factor
    #[arg(long)]
    multi_factor: Option<bool>,
    /// A completed training, as CURRICULUM=COMPLETED or CURRICULUM=COMPLETED..EXPIRES; one of the same curriculum and day is replaced; may be repeated
    #[arg(long = "training", value_parser = training)]
    trainings: Vec<Value>,
    /// The day a background check was completed
    #[arg(long)]
    background_checked: Option<String>,
    /// The background check on record counts no longer
    #[arg(long)]
    background_check_void: bool,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args)]
pub(crate) struct Agency {
    #[command(flatten)]
    connection: Connection,
    /// The agency's id: its ORI where there is one
    #[arg(long)]
    agency: String,
    /// Display name
    #[arg(long)]
    name: String,
    /// law-enforcement, prosecutor, federal or other
    #[arg(long)]
    kind: String,
    /// It contributes to and uses the galleries by standing arrangement
    #[arg(long)]
    participant: bool,
    /// What the agreement with it is called
    #[arg(long, requires_all = ["signed", "starts", "contact", "document"])]
    agreement: Option<String>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    said: Said,
}

#[derive(clap::Args)]
pub(crate) struct Agreement {
    #[command(flatten)]
    connection: Connection,
    /// The agency's id in the registry
    #[arg(long)]
    agency: String,
    /// What the agreement is called
    #[arg(long, requires_all = ["signed", "starts", "contact", "document"])]
    agreement: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    said: Said,
}

// What an agreement says.
#[derive(clap::Args)]
struct Terms {
    /// When it was signed
    #[arg(long)]
    signed: Option<String>,
    /// Its first day in force
    #[arg(long)]
    starts: Option<String>,
    /// Its last day in force; open-ended where absent
    #[arg(long)]
    ends: Option<String>,
    /// What it covers; may be repeated; everything the policy allows where absent
    #[arg(long = "scope")]
    scope: Vec<String>,
    /// Whom to turn to at the agency
    #[arg(long)]
    contact: Option<String>,
    /// Their address
    #[arg(long, default_value = "")]
    contact_address: String,
    /// Their telephone number
    #[arg(long, default_value = "")]
    contact_phone: String,
    /// Their e-mail address
    #[arg(long, default_value = "")]
    contact_email: String,
    /// The signed document: its sha-256 goes on record, the document stays here
    #[arg(long)]
    document: Option<PathBuf>,
}

impl Terms {
    fn json(&self, kind: &str) -> anyhow::Result<Value> {
        let document = self.document.as_deref().context("name the signed document with --document")?;
        let bytes = std::fs::read(document).with_context(|| format!("cannot read {}", document.display()))?;
        Ok(json!({
            "kind": kind,
            "signed": self.signed,
            "starts": self.starts,
            "ends": self.ends,
            "scope": self.scope,
            "contact": {
                "name": self.contact,
                "address": self.contact_address,
                "phone": self.contact_phone,
                "email": self.contact_email,
            },
            "document": model::terms::Digest::of(&bytes),
        }))
    }
}

#[derive(clap::Args)]
pub(crate) struct End {
    #[command(flatten)]
    connection: Connection,
    /// The agency's id in the registry
    #[arg(long)]
    agency: String,
    /// The agreement's id: `registry agencies` lists them
    #[arg(long)]
    agreement: String,
    #[command(flatten)]
    said: Said,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Person(person) => {
            let body = json!({
                "id": person.person,
                "name": person.name,
                "agency": person.agency,
                "unit": person.unit,
                "rank": person.rank,
                "roles": roles(&person.roles, person.until.as_deref()),
                "trainings": person.trainings,
                "background_checked": person.background_checked,
                "multi_factor": person.multi_factor,
            });
            send(&person.connection, &person.connection.path(["people"])?, body, &person.said)
        }
        Command::People { connection, json } => {
            let answer = connection.get(&connection.path(["people"])?)?;
            shown::tell(&answer, *json, people)
        }
        Command::Record(record) => {
            let body = json!({
                "name": record.name,
                "unit": record.unit,
                "rank": record.rank,
                "multi_factor": record.multi_factor,
                "trainings": record.trainings,
                "background_checked": record.background_checked,
                "background_check_void": record.background_check_void,
            });
            let path = record.connection.path(["people", &record.person, "record"])?;
            send(&record.connection, &path, body, &record.said)
        }
        Command::Agency(agency) => {
            let agreements = agency.agreement.iter().map(|kind| agency.terms.json(kind));
            let body = json!({
                "id": agency.agency,
                "name": agency.name,
                "kind": agency.kind,
                "participant": agency.participant,
                "agreements": agreements.collect::<anyhow::Result<Vec<_>>>()?,
            });
            send(&agency.connection, &agency.connection.path(["agencies"])?, body, &agency.said)
        }
        Command::Agencies { connection, json } => {
            let answer = connection.get(&connection.path(["agencies"])?)?;
            shown::tell(&answer, *json, agencies)
        }
        Command::Agreement(agreement) => {
            let body = json!({"agreement": agreement.terms.json(&agreement.agreement)?});
            let path = agreement.connection.path(["agencies", &agreement.agency, "agreements"])?;
            send(&agreement.connection, &path, body, &agreement.said)
        }
        Command::End(end) => {
            let path = end.connection.path(["agencies", &end.agency, "agreements", &end.agreement, "end"])?;
            send(&end.connection, &path, json!({}), &end.said)
        }
    }
}

fn people(answer: &Value) {
    let head = ["person", "name", "agency", "unit", "rank", "stands", "roles", "trainings", "checked", "reviewed"];
    let mut table = output::table(head);
    for person in answer.as_array().into_iter().flatten() {
        let [id, name, agency, unit, rank] = ["id", "name", "agency", "unit", "rank"].map(|field| text(&person[field]));
        let since = text(&person["suspended_since"]);
        let stands = if since.is_empty() { "may act".to_owned() } else { format!("suspended since {since}") };
        let roles: Vec<_> = list(person, "roles").iter().map(role).collect();
        let trainings: Vec<_> = list(person, "trainings").iter().map(trained).collect();
        let [checked, reviewed] = ["background_checked", "need_reviewed"].map(|field| text(&person[field]));
        let (roles, trainings) = (roles.join(", "), trainings.join(", "));
        table.add_row([id, name, agency, unit, rank, stands, roles, trainings, checked, reviewed]);
    }
    say!("{table}");
}

/// A role with its days and who granted it, as far as that is known.
fn role(role: &Value) -> String {
    let mut words = text(&role["role"]);
    for field in ["from", "until", "by"] {
        let said = text(&role[field]);
        if !said.is_empty() {
            words = format!("{words} {field} {said}");
        }
    }
    words
}

/// A training as `--training` takes it.
fn trained(training: &Value) -> String {
    let [curriculum, completed, expires] = ["curriculum", "completed", "expires"].map(|field| text(&training[field]));
    let to = if expires.is_empty() { String::new() } else { format!("..{expires}") };
    format!("{curriculum}={completed}{to}")
}

fn agencies(answer: &Value) {
    let mut table = output::table(["agency", "name", "stands", "agreement", "kind", "from", "to"]);
    for agency in answer.as_array().into_iter().flatten() {
        let since = text(&agency["suspended_since"]);
        let stands = if since.is_empty() { "let in".to_owned() } else { format!("suspended since {since}") };
        let [id, name] = ["id", "name"].map(|field| text(&agency[field]));
        let agreements = list(agency, "agreements");
        if agreements.is_empty() {
            table.add_row([id.as_str(), &name, &stands, "", "", "", ""]);
        }
        for agreement in agreements {
            let [which, kind, from, to] = ["id", "kind", "starts", "ends"].map(|field| text(&agreement[field]));
            table.add_row([id.as_str(), &name, &stands, &which, &kind, &from, &to]);
        }
    }
    say!("{table}");
}

/// A training as somebody types it.
fn training(typed: &str) -> Result<Value, String> {
    let form = || format!("`{typed}` is no training: write CURRICULUM=COMPLETED or CURRICULUM=COMPLETED..EXPIRES");
    let (curriculum, days) = typed.split_once('=').ok_or_else(form)?;
    let (completed, expires) = days.split_once("..").map_or((days, None), |(from, to)| (from, Some(to)));
    let day = |text: &str| text.parse::<model::terms::Date>().map_err(|_| form());
    let mut training = Map::new();
    training.insert("curriculum".to_owned(), json!(curriculum));
    training.insert("completed".to_owned(), json!(day(completed)?));
    if let Some(expires) = expires {
        training.insert("expires".to_owned(), json!(day(expires)?));
    }
    Ok(Value::Object(training))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_and_a_training_read_as_they_are_granted_and_typed() {
        assert_eq!(role(&json!({"role": "examiner"})), "examiner");
        let whole = json!({"role": "examiner", "by": "north/chief", "from": "2026-03-01", "until": "2026-12-31"});
        assert_eq!(role(&whole), "examiner from 2026-03-01 until 2026-12-31 by north/chief");
        for typed in ["x=2026-02-02..2031-02-02", "x=2026-02-02"] {
            assert_eq!(trained(&training(typed).unwrap()), typed);
        }
    }

    #[test]
    fn a_training_is_read_as_it_is_typed() {
        let whole = training("x=2026-02-02..2031-02-02").unwrap();
        assert_eq!(whole, json!({"curriculum": "x", "completed": "2026-02-02", "expires": "2031-02-02"}));
        assert_eq!(training("x=2026-02-02").unwrap(), json!({"curriculum": "x", "completed": "2026-02-02"}));
        for wrong in ["x", "x=", "x=yesterday", "x=2026-02-02..", "x=2026-02-30"] {
            assert!(training(wrong).is_err(), "{wrong}");
        }
    }
}
