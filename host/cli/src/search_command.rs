//! `magistrate search` and `magistrate enroll`: the client's side.

use crate::connection::Connection;
use crate::form::{Answers, Filters, Request};
use crate::output::bar;
use crate::{REFUSED, runtime, shown};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Records sent in one batch: the server's own limit is 1000, and photographs are large.
const BATCH: usize = 20;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate search --certificate here/certs/detroit/examiner-1.pem --jurisdiction detroit --gallery snap \\\n    --probe face.jpg --purpose criminal-investigation --reason 'robbery on 3 March' --case incident=26-00123 --answer crime=robbery \\\n    --filter sex=F --filter age=20..35"
)]
pub(crate) struct SearchArguments {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    request: Request,
    /// How many candidates
    #[arg(long)]
    candidates: Option<u32>,
    #[command(flatten)]
    filters: Filters,
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
    /// The gallery
    #[arg(long)]
    gallery: String,
    /// A folder of JPEG and PNG photographs
    photographs: PathBuf,
    #[command(flatten)]
    answers: Answers,
}

pub(crate) fn search(arguments: &SearchArguments) -> anyhow::Result<ExitCode> {
    let body = json!({
        "candidates": arguments.candidates,
        "filter": arguments.filters.json()?,
        "request": arguments.request.json()?,
    });
    let answer = arguments.connection.post(&arguments.connection.path(["searches"])?, &body)?;
    shown::tell(&answer, arguments.json, shown::searched)
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
    let path = arguments.connection.path(["galleries", &arguments.gallery, "records"])?;
    let bar = bar("enrolling", files.len() as u64);
    for batch in files.chunks(BATCH) {
        let mut records = Vec::new();
        for file in batch {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let id = file.file_stem().and_then(|s| s.to_str()).context("a photograph's name is its record's id")?;
            records.push(json!({"id": id, "image": BASE64_STANDARD.encode(bytes)}));
        }
        let body = json!({"answers": arguments.answers.json(), "records": records});
        let answer = runtime.block_on(client.post(&path, &body))?;
        if !answer.status.is_success() {
            bar.abandon();
            shown::problem(&answer.json()?);
            return Ok(if answer.status.as_u16() == 403 { ExitCode::from(REFUSED) } else { ExitCode::FAILURE });
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    say!("{} records enrolled", files.len());
    Ok(ExitCode::SUCCESS)
}
