//! `magistrate search` and `magistrate enroll`: the client's side.

use crate::output::{self, bar};
use crate::{REFUSED, pki, runtime};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Client, Identity};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Records sent in one batch: the server's own limit is 1000, and photographs are large.
const BATCH: usize = 20;

#[derive(clap::Args)]
struct Connection {
    /// The server, host:port
    #[arg(long, default_value = "127.0.0.1:8443")]
    server: String,
    /// Your certificate; its key is expected beside it as NAME-key.pem
    #[arg(long)]
    certificate: PathBuf,
    /// The authority of the server's certificate; ca.pem in the folder above your certificate where absent
    #[arg(long)]
    authority: Option<PathBuf>,
    /// The jurisdiction whose gallery is meant
    #[arg(long)]
    jurisdiction: String,
    /// The gallery
    #[arg(long)]
    gallery: String,
}

impl Connection {
    fn client(&self) -> anyhow::Result<Client> {
        let above = || self.certificate.parent().and_then(Path::parent).map(|folder| folder.join("ca.pem"));
        let authority = self.authority.clone().or_else(above).context("name the authority with --authority")?;
        let identity = Identity::read(&self.certificate, &pki::key_of(&self.certificate)?, &authority)?;
        Ok(Client::new(&self.server, identity))
    }
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate search --certificate here/certs/detroit/examiner-1.pem --jurisdiction detroit --gallery snap \\\n    --probe face.jpg --purpose criminal-investigation --reason 'robbery on 3 March' --case incident=26-00123 --answer crime=robbery"
)]
pub(crate) struct SearchArguments {
    #[command(flatten)]
    connection: Connection,
    /// The probe: a JPEG or PNG photograph, or a file of f32 little-endian numbers with --model
    #[arg(long)]
    probe: PathBuf,
    /// The model, where the probe is a template
    #[arg(long)]
    model: Option<String>,
    /// Which face, from 0, where the photograph shows several
    #[arg(long)]
    face: Option<u32>,
    /// On whose behalf: a person id, or jurisdiction/person
    #[arg(long)]
    requester: Option<String>,
    /// Purpose, in the jurisdiction's vocabulary
    #[arg(long, default_value = "")]
    purpose: String,
    /// Reason
    #[arg(long, default_value = "")]
    reason: String,
    /// A case number, as KIND=NUMBER; may be repeated
    #[arg(long = "case", value_parser = pair)]
    cases: Vec<(String, String)>,
    /// open, active or closed
    #[arg(long, default_value = "active")]
    case_status: String,
    /// still, video, live-stream, sketch or synthetic
    #[arg(long, default_value = "still")]
    media: String,
    /// Where the image came from
    #[arg(long, default_value = "")]
    source: String,
    /// An answer on the jurisdiction's form, as NAME=VALUE; may be repeated. true, false and whole numbers are what they look like
    #[arg(long = "answer", value_parser = pair)]
    answers: Vec<(String, String)>,
    /// How many candidates
    #[arg(long)]
    candidates: Option<u32>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate enroll --certificate here/certs/detroit/registrar.pem --jurisdiction detroit --gallery snap photographs/\n\nThe name of a photograph without its ending is the record's id."
)]
pub(crate) struct EnrollArguments {
    #[command(flatten)]
    connection: Connection,
    /// A folder of JPEG and PNG photographs
    photographs: PathBuf,
    /// An answer on the jurisdiction's enrolment form, as NAME=VALUE; may be repeated
    #[arg(long = "answer", value_parser = pair)]
    answers: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn answers(pairs: &[(String, String)]) -> Value {
    let value = |text: &str| match text.parse::<i64>() {
        Ok(n) => json!(n),
        Err(_) => match text {
            "true" => json!(true),
            "false" => json!(false),
            _ => json!(text),
        },
    };
    Value::Object(pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect::<Map<_, _>>())
}

pub(crate) fn search(arguments: &SearchArguments) -> anyhow::Result<ExitCode> {
    let bytes =
        std::fs::read(&arguments.probe).with_context(|| format!("cannot read {}", arguments.probe.display()))?;
    let kind = if arguments.model.is_some() { "template" } else { "image" };
    let identifiers: Vec<_> =
        arguments.cases.iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    let body = json!({
        "candidates": arguments.candidates,
        "request": {
            "gallery": arguments.connection.gallery,
            "requester": arguments.requester,
            "purpose": arguments.purpose,
            "reason": arguments.reason,
            "identifiers": identifiers,
            "case_status": arguments.case_status,
            "answers": answers(&arguments.answers),
            "probe": {
                kind: BASE64_STANDARD.encode(bytes),
                "model": arguments.model,
                "media": arguments.media,
                "source": arguments.source,
                "face": arguments.face,
            },
        },
    });
    let path = format!("/v1/{}/searches", arguments.connection.jurisdiction);
    let mut client = arguments.connection.client()?;
    let answer = runtime()?.block_on(client.post(&path, &body))?;
    let shown = answer.json()?;
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&shown)?);
    } else if answer.status.is_success() {
        print_candidates(&shown);
    } else {
        print_problem(&shown);
    }
    Ok(match answer.status.as_u16() {
        200 => ExitCode::SUCCESS,
        403 | 409 => ExitCode::from(REFUSED),
        _ => ExitCode::FAILURE,
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn print_candidates(answer: &Value) {
    let mut table = output::table(["rank", "record", "score", "booking data"]);
    for candidate in list(answer, "candidates") {
        let booking: Vec<_> = candidate["booking"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}: {}", text(value)))
            .collect();
        let score = candidate["score"].as_f64().map_or_else(|| "withheld".to_owned(), |s| format!("{s:.4}"));
        table.add_row([text(&candidate["rank"]), text(&candidate["record_id"]), score, booking.join(", ")]);
    }
    say!("{table}");
    for statement in list(answer, "statements") {
        say!("\n{}", text(&statement["text"]));
    }
    print_findings(answer);
    let mut table = output::table(["obligation under", "duty"]);
    for obligation in list(answer, "obligations") {
        table.add_row([text(&obligation["clause"]), obligation["duty"].to_string()]);
    }
    say!("\n{table}");
    print_receipt(answer);
}

fn print_problem(problem: &Value) {
    say!("{}: {}", output::red(&text(&problem["title"])), text(&problem["detail"]));
    for face in list(problem, "faces") {
        say!("  --face {}: at {}", face["face"], face["bounding_box"]);
    }
    print_findings(problem);
    print_receipt(problem);
}

fn print_findings(answer: &Value) {
    if list(answer, "findings").is_empty() {
        return;
    }
    let mut table = output::table(["policy", "clause", "finding", "explanation"]);
    for finding in list(answer, "findings") {
        let outcome = text(&finding["outcome"]);
        let outcome = if outcome == "satisfied" { output::green(&outcome) } else { outcome };
        let why = if finding["explanation"].is_string() { &finding["explanation"] } else { &finding["summary"] };
        let why = text(why);
        let row = [text(&finding["jurisdiction"]), text(&finding["clause"]), outcome, why];
        table.add_row(row);
    }
    say!("\n{table}");
}

fn print_receipt(answer: &Value) {
    if answer["receipt"].is_object() {
        say!("\non record as entry {} of {}", answer["receipt"]["index"], text(&answer["receipt"]["log"]));
    }
}

pub(crate) fn enroll(arguments: &EnrollArguments) -> anyhow::Result<ExitCode> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(&arguments.photographs)
        .with_context(|| format!("cannot read {}", arguments.photographs.display()))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
            ["jpg", "jpeg", "png"].contains(&ending.as_str())
        })
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("{} holds no photograph: .jpg, .jpeg or .png", arguments.photographs.display());
    }
    let mut client = arguments.connection.client()?;
    let runtime = runtime()?;
    let path = format!("/v1/{}/galleries/{}/records", arguments.connection.jurisdiction, arguments.connection.gallery);
    let bar = bar("enrolling", files.len() as u64);
    for batch in files.chunks(BATCH) {
        let mut records = Vec::new();
        for file in batch {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let id = file.file_stem().and_then(|s| s.to_str()).context("a photograph's name is its record's id")?;
            records.push(json!({"id": id, "image": BASE64_STANDARD.encode(bytes)}));
        }
        let body = json!({"answers": answers(&arguments.answers), "records": records});
        let answer = runtime.block_on(client.post(&path, &body))?;
        if !answer.status.is_success() {
            bar.abandon();
            print_problem(&answer.json()?);
            return Ok(if answer.status.as_u16() == 403 { ExitCode::from(REFUSED) } else { ExitCode::FAILURE });
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    say!("{} records enrolled", files.len());
    Ok(ExitCode::SUCCESS)
}
