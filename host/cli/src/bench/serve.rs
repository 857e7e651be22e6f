//! `bench serve`: whole searches through the real server, over mutually authenticated TLS, with durable intent and outcome.
//! Server and clients share this machine's cores.

use super::{percentile_ms, report, templates, work_folder};
use crate::config::Config;
use crate::output::{bar, spinner};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Client, Identity};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Records per enrolment.
const BATCH: usize = 1000;

/// Distinct probes a client uses, so that a policy's bound on distinct probes per hour is not what is measured.
const PROBES: usize = 4;

pub(super) struct Plan {
    pub(super) policies: PathBuf,
    pub(super) jurisdiction: String,
    pub(super) rows: usize,
    pub(super) clients: usize,
    pub(super) seconds: f64,
    pub(super) folder: Option<PathBuf>,
    pub(super) json: bool,
}

/// A jurisdiction's `example.toml`: who enrols and who searches, and a request that its policy permits.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    registrar: String,
    searchers: Vec<String>,
    gallery: String,
    enroll: toml::Table,
    request: toml::Table,
}

/// The first policy, by name, that says how to search there.
pub(super) fn first_example(policies: &Path) -> anyhow::Result<String> {
    let listing = policies.read_dir().with_context(|| format!("cannot read {}", policies.display()))?;
    let mut found: Vec<String> = listing
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|folder| folder.join("example.toml").is_file())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned()))
        .collect();
    found.sort();
    found.into_iter().next().with_context(|| format!("no policy in {} has an example.toml", policies.display()))
}

pub(super) fn run(plan: &Plan) -> anyhow::Result<ExitCode> {
    let (folder, temporary) = work_folder(plan.folder.as_deref())?;
    let home = folder.join("deployment");
    let load = prepare(plan, &home)?;
    let outcome = crate::runtime()?.block_on(measure(plan, &home, &load));
    drop(temporary);
    outcome
}

/// Makes a deployment and has it record searches as planned, for measurements of what is on record; gives its configuration.
pub(super) fn record(plan: &Plan, home: &Path) -> anyhow::Result<Config> {
    let load = prepare(plan, home)?;
    let served = crate::runtime()?.block_on(work(plan, home, &load))?;
    if served.times.is_empty() {
        bail!("no search was permitted, so that nothing is on record to be measured");
    }
    Config::read(&home.join("magistrate.toml"))
}

/// Makes a deployment; gives what is to be asked of it.
fn prepare(plan: &Plan, home: &Path) -> anyhow::Result<Load> {
    crate::init::make(home, &plan.policies)?;
    let path = plan.policies.join(&plan.jurisdiction).join("example.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// What came of serving.
struct Served {
    /// How long each search took.
    times: Vec<Duration>,
    errors: u64,
    took: Duration,
    dim: usize,
}

/// Serves, and searches as planned.
async fn work(plan: &Plan, home: &Path, load: &Load) -> anyhow::Result<Served> {
    let mut config = Config::read(&home.join("magistrate.toml"))?;
    config.server.listen.set_port(0);
    // As many clients as are asked for, whoever they are.
    let listening = server::Server::bind(config.server.listen, config.tls_files()).await?.with_most_each(usize::MAX);
    let listening = listening.with_handshakes_each(usize::MAX);
    let address = listening.address().to_string();
    let casework = crate::serve::open(&config).await?;
    let gallery = casework.chamber(&plan.jurisdiction)?.hall(&load.gallery)?.registered().clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(listening.run(casework, stopped));

    let dim = usize::try_from(gallery.dim)?;
    enroll(plan, home, load, &address, &gallery.model, dim).await?;
    let bar = spinner("searching");
    let (times, errors, took) = search(plan, home, load, &address, &gallery.model, dim).await?;
    bar.finish_and_clear();
    stop.send(true)?;
    let Some(casework) = server.await? else { bail!("the server did not stop in time") };
    casework.close().await?;
    Ok(Served { times, errors, took, dim })
}

async fn measure(plan: &Plan, home: &Path, load: &Load) -> anyhow::Result<ExitCode> {
    let Served { mut times, errors, took, dim } = work(plan, home, load).await?;
    times.sort_unstable();
    let values = json!({
        "bench": "serve",
        "p50_ms": percentile_ms(&times, 0.50),
        "p99_ms": percentile_ms(&times, 0.99),
        "requests_per_s": (times.len() as f64 / took.as_secs_f64()).round(),
        "errors": errors,
        "rows": plan.rows,
        "dim": dim,
        "clients": plan.clients,
        "n": times.len(),
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
    });
    report(plan.json, &format!("searches over mTLS by {} clients, {} rows", plan.clients, plan.rows), values);
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn client(plan: &Plan, home: &Path, person: &str, address: &str) -> anyhow::Result<Client> {
    let certs = home.join("certs");
    let certificate = certs.join(&plan.jurisdiction).join(format!("{person}.pem"));
    let key = crate::pki::key_of(&certificate)?;
    Ok(Client::new(address, Identity::read(&certificate, &key, &certs.join("ca.pem"))?))
}

fn packed(template: &[f32]) -> String {
    BASE64_STANDARD.encode(template.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

async fn enroll(plan: &Plan, home: &Path, load: &Load, address: &str, model: &str, dim: usize) -> anyhow::Result<()> {
    let mut client = client(plan, home, &load.registrar, address)?;
    let path = format!("/v1/{}/galleries/{}/records", plan.jurisdiction, load.gallery);
    let answers = serde_json::to_value(&load.enroll)?;
    let bar = bar("enrolling", plan.rows as u64);
    let mut rows = templates(plan.rows, dim, 1).enumerate().peekable();
    while rows.peek().is_some() {
        let records: Vec<Value> = rows
            .by_ref()
            .take(BATCH)
            .map(|(i, row)| {
                let booking = json!({"name": format!("Person {i}"), "booking-number": format!("B-{i}")});
                json!({"id": format!("r{i:08}"), "template": packed(&row), "booking": booking})
            })
            .collect();
        let n = records.len() as u64;
        let body = json!({"model": model, "answers": answers, "records": records});
        let answer = client.post(&path, &body).await?;
        if !answer.status.is_success() {
            bail!("enrolment failed: {}", String::from_utf8_lossy(&answer.body));
        }
        bar.inc(n);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn search(
    plan: &Plan,
    home: &Path,
    load: &Load,
    address: &str,
    model: &str,
    dim: usize,
) -> anyhow::Result<(Vec<Duration>, u64, Duration)> {
    let path = format!("/v1/{}/searches", plan.jurisdiction);
    let started = Instant::now();
    let mut tasks = Vec::new();
    for i in 0..plan.clients {
        let person = &load.searchers[i % load.searchers.len()];
        let mut client = client(plan, home, person, address)?;
        let seed = 1000 + (i % load.searchers.len()) as u64;
        let bodies: Vec<Value> = templates(PROBES, dim, seed)
            .map(|probe| {
                let mut request = serde_json::to_value(&load.request)?;
                request["gallery"] = json!(load.gallery);
                request["probe"]["template"] = json!(packed(&probe));
                request["probe"]["model"] = json!(model);
                Ok(json!({"request": request}))
            })
            .collect::<anyhow::Result<_>>()?;
        let (path, time) = (path.clone(), Duration::from_secs_f64(plan.seconds));
        tasks.push(tokio::spawn(async move {
            let (mut times, mut errors) = (Vec::new(), 0_u64);
            while started.elapsed() < time {
                let before = Instant::now();
                let answer = client.post(&path, &bodies[times.len() % PROBES]).await?;
                // Of a step that waits for others (202) nothing was searched.
                if answer.status == 200 {
                    times.push(before.elapsed());
                } else {
                    errors += 1;
                    eprintln!("a search failed: {}", String::from_utf8_lossy(&answer.body));
                }
            }
            Ok::<_, client::ClientError>((times, errors))
        }));
    }
    let (mut all, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (times, failed) = task.await??;
        all.extend(times);
        errors += failed;
    }
    Ok((all, errors, started.elapsed()))
}
