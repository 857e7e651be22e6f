//! `cargo xtask demo`.

use crate::story::{Outcome, Step, Story};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use comfy_table::{ContentArrangement, Table, presets};
use integration_tests::{Deployment, Example, Faces};
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// The two jurisdictions of the story.
const JURISDICTIONS: [&str; 2] = ["detroit", "st-louis"];

/// Generated records per gallery.
const RECORDS: usize = 1000;

/// How often it is looked whether a server that is left running still does.
const LOOK: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave the server running, and print curl lines to paste
    #[arg(long)]
    keep: bool,
    /// A folder with two ONNX models, detector (yunet*.onnx) and embedder: enrol and search photographs
    #[arg(long, requires = "faces")]
    models: Option<PathBuf>,
    /// A folder of photographs named PERSON-SOMETHING.jpg, two or more of a person
    #[arg(long, requires = "models")]
    faces: Option<PathBuf>,
}

/// Finds the two networks of a folder.
fn find_networks(folder: &Path) -> anyhow::Result<Faces> {
    let mut all: Vec<PathBuf> = folder
        .read_dir()
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .collect();
    all.sort();
    let is_detector =
        |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().to_lowercase().contains("yunet"));
    let (detectors, embedders): (Vec<_>, Vec<_>) = all.into_iter().partition(is_detector);
    match (detectors.as_slice(), embedders.as_slice()) {
        ([detector], [embedder]) => Ok(Faces { detector: detector.clone(), embedder: embedder.clone() }),
        _ => bail!("{} should hold one yunet*.onnx and one other .onnx", folder.display()),
    }
}

/// What is enrolled and searched: generated templates, or photographs.
pub(crate) enum Pictures {
    Templates { rows: Vec<Vec<f32>>, probe: Vec<f32>, mate: String },
    Photographs { enrolled: Vec<(String, Vec<u8>)>, probe: Vec<u8>, mate: String },
}

pub(crate) fn run(program: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before anything is in the folder, which goes however the demonstration ends: keys are in it.
        let stop = asked_to_stop()?;
        tell(program, arguments, &std::env::temp_dir(), stop).await.map(drop)
    })
}

/// Ends once the program is asked to stop; from now on, that does not end it by itself.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Tells the story, in a folder of its own within this one; gives its table, or nothing where it was asked to `stop` before the end.
async fn tell(
    program: &Path,
    arguments: &Arguments,
    within: &Path,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Option<Vec<Row>>> {
    let started = Instant::now();
    let mut stop = std::pin::pin!(stop);
    let folder = tempfile::Builder::new().prefix("magistrate-demo-").tempdir_in(within)?;
    let faces = arguments.models.as_deref().map(find_networks).transpose()?;
    let pictures = match &arguments.faces {
        Some(folder) => Pictures::photographs(folder)?,
        None => Pictures::templates(),
    };
    let mut deployment = Deployment::init(program, &folder.path().join("home"), faces.as_ref())?;
    deployment.serve()?;
    let told = tokio::select! {
        biased;
        () = stop.as_mut() => None,
        told = live(&deployment, &pictures) => Some(told?),
    };
    let Some((rows, surprises)) = told else {
        deployment.stop()?;
        println!("stopped before the story's end: nothing of it is left");
        return Ok(None);
    };
    if !arguments.keep {
        deployment.stop()?;
    }
    print!("{}", deployment.verify()?);
    let otherwise = format!("the story went otherwise than told:\n{}", surprises.join("\n"));
    if arguments.keep {
        if !surprises.is_empty() {
            eprintln!("{otherwise}\n");
        }
        print_curl(&deployment, &pictures)?;
        println!("the server runs until you press Ctrl-C; its folder is {}", deployment.home.display());
        tokio::select! {
            () = stop => {}
            ended = until_ended(&mut deployment) => ended?,
        }
        deployment.stop()?;
    }
    if !surprises.is_empty() {
        bail!("{otherwise}");
    }
    println!("done in {:.1} s after the build", started.elapsed().as_secs_f64());
    Ok(Some(rows))
}

/// Waits until the server ends by itself.
async fn until_ended(deployment: &mut Deployment) -> anyhow::Result<()> {
    while deployment.runs()? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The story itself, printed; gives its table, and what went otherwise than told.
async fn live(deployment: &Deployment, pictures: &Pictures) -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    println!("serving {} on https://{}", JURISDICTIONS.join(" and "), deployment.address);
    for jurisdiction in JURISDICTIONS {
        let n = enroll(deployment, jurisdiction, pictures).await?;
        println!("{jurisdiction}: {n} records enrolled");
    }
    let story = Story::read()?;
    for device in &story.device {
        deployment.issue(&device.jurisdiction, &device.person, &device.device, &device.name, 30)?;
    }
    let (mut rows, mut surprises, mut last) = (Vec::new(), Vec::new(), None);
    for step in &story.step {
        let told = Told::tell(deployment, step, pictures).await?;
        let generated = matches!(pictures, Pictures::Templates { .. });
        let rank = generated.then_some(told.rank.as_str());
        surprises.extend(step.surprises(&Outcome { verdict: &told.verdict, deciding: &told.deciding, rank }));
        if told.verdict == "permit" || last.is_none() {
            last = Some(told.answer);
        }
        rows.push(Row {
            who: step.who.clone(),
            what: step.what.clone(),
            at: step.at.clone(),
            verdict: told.verdict,
            clauses: told.shown,
            rank: told.rank,
            ms: told.ms,
        });
    }
    let handed = match story.lead.tell(deployment, pictures).await {
        Ok((lead, handed)) => {
            rows.extend(lead);
            handed
        }
        Err(e) => {
            surprises.push(format!("{e:#}"));
            "the lead went otherwise than told".to_owned()
        }
    };
    let mut table = table(["who", "what", "gallery", "verdict", "deciding clause", "mate's rank", "ms"]);
    for Row { who, what, at, verdict, clauses, rank, ms } in &rows {
        table.add_row([who, what, at, verdict, clauses, rank, &format!("{ms:.1}")]);
    }
    println!("\n{table}\n\n{handed}\n");
    if let Some(answer) = last {
        print_receipt(&answer["receipt"]);
    }
    Ok((rows, surprises))
}

/// A row of the story's table.
pub(crate) struct Row {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) at: String,
    pub(crate) verdict: String,
    pub(crate) clauses: String,
    pub(crate) rank: String,
    pub(crate) ms: f64,
}

/// What came of one step.
struct Told {
    verdict: String,
    /// The clauses that decided: all of them, and as the table shows them.
    deciding: Vec<String>,
    shown: String,
    rank: String,
    ms: f64,
    answer: Value,
}

impl Told {
    async fn tell(deployment: &Deployment, step: &Step, pictures: &Pictures) -> anyhow::Result<Self> {
        let example = Example::read(&step.at)?;
        let mut request =
            example.request(&step.differs, &step.without).with_context(|| format!("story.toml: {}", step.what))?;
        let model = model_of(deployment, &step.who, &step.at, &example.gallery).await?;
        pictures.put_probe(&mut request["probe"], &model);
        let mut client = deployment.client(&step.who)?;
        // The connection is opened beforehand: what is timed is the request.
        client.get("/healthz").await?;
        let before = Instant::now();
        let answer = client.post(&format!("/v1/{}/searches", step.at), &json!({"request": request})).await?;
        let ms = before.elapsed().as_secs_f64() * 1e3;
        let waits = answer.status.as_u16() == 202;
        let answer = answer.json()?;
        let Some(verdict) = answer["verdict"].as_str() else {
            bail!("{}: {}", step.what, answer["detail"].as_str().unwrap_or("no verdict"));
        };
        // What is permitted and waits for others has not been done.
        let verdict = if waits { "waits" } else { verdict };
        let candidates = answer["candidates"].as_array();
        let rank = candidates.map_or_else(String::new, |all| {
            let mate = all.iter().find(|c| c["record_id"] == json!(pictures.mate()));
            mate.map_or_else(|| "none".to_owned(), |c| c["rank"].to_string())
        });
        let (deciding, shown) = (decisive(&answer), deciding(&answer));
        Ok(Self { verdict: verdict.to_owned(), deciding, shown, rank, ms, answer })
    }
}

fn findings(answer: &Value) -> &[Value] {
    answer["findings"].as_array().map_or(&[][..], Vec::as_slice)
}

/// The clauses that decided: those violated, else those missing; none where a permit was given.
fn decisive(answer: &Value) -> Vec<String> {
    for outcome in ["violated", "missing"] {
        let mut clauses: Vec<_> = findings(answer)
            .iter()
            .filter(|f| f["outcome"] == outcome)
            .map(|f| format!("{} {}", f["jurisdiction"].as_str().unwrap_or(""), f["clause"].as_str().unwrap_or("")))
            .collect();
        clauses.dedup();
        if !clauses.is_empty() {
            return clauses;
        }
    }
    Vec::new()
}

/// The same in a few words, or that a permit was given.
pub(crate) fn deciding(answer: &Value) -> String {
    let mut clauses = decisive(answer);
    if clauses.is_empty() {
        return format!("{} clauses hold", findings(answer).iter().filter(|f| f["outcome"] == "satisfied").count());
    }
    let more = clauses.len().saturating_sub(3);
    clauses.truncate(3);
    clauses.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

pub(crate) async fn model_of(
    deployment: &Deployment,
    who: &str,
    jurisdiction: &str,
    gallery: &str,
) -> anyhow::Result<String> {
    let answer = deployment.client(who)?.get("/v1/jurisdictions").await?.json()?;
    let all = answer.as_array().context("a list of jurisdictions")?;
    let galleries = all.iter().filter(|j| j["id"] == jurisdiction).filter_map(|j| j["galleries"].as_array()).flatten();
    let mut found = galleries.filter(|g| g["id"] == gallery).filter_map(|g| g["model"].as_str());
    found.next().map(str::to_owned).with_context(|| format!("{jurisdiction} has no gallery {gallery}"))
}

async fn enroll(deployment: &Deployment, jurisdiction: &str, pictures: &Pictures) -> anyhow::Result<usize> {
    let example = Example::read(jurisdiction)?;
    let registrar = format!("{jurisdiction}/{}", example.registrar);
    let model = model_of(deployment, &registrar, jurisdiction, &example.gallery).await?;
    let records = pictures.records();
    let body = json!({"model": model, "answers": example.enroll, "records": records});
    let path = format!("/v1/{jurisdiction}/galleries/{}/records", example.gallery);
    let answer = deployment.client(&registrar)?.post(&path, &body).await?;
    if !answer.status.is_success() {
        bail!("enrolment at {jurisdiction} failed: {}", String::from_utf8_lossy(&answer.body));
    }
    Ok(records.len())
}

impl Pictures {
    fn templates() -> Self {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut row = || (0..512).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<f32>>();
        let rows: Vec<_> = (0..RECORDS).map(|_| row()).collect();
        let noise = row();
        let mate = RECORDS / 3;
        let probe = rows[mate].iter().zip(noise).map(|(x, n)| x + 0.7 * n).collect();
        Self::Templates { rows, probe, mate: format!("booking-{mate:04}") }
    }

    /// The first photograph of the first person with two is the probe; the others are enrolled.
    fn photographs(folder: &Path) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            // A photograph of several people is no booking photograph.
            if ["jpg", "jpeg", "png"].contains(&ending.as_str()) && name.ends_with(|c: char| c.is_ascii_digit()) {
                all.push((name, std::fs::read(&path)?));
            }
        }
        all.sort();
        let person = |name: &str| name.rsplit_once('-').map(|(person, _)| person.to_owned());
        let pair = all.windows(2).position(|w| person(&w[0].0).is_some() && person(&w[0].0) == person(&w[1].0));
        let Some(at) = pair else {
            bail!("{} should hold two photographs of one person: PERSON-1.jpg and PERSON-2.jpg", folder.display());
        };
        let mate = all[at + 1].0.clone();
        let (_, probe) = all.remove(at);
        Ok(Self::Photographs { enrolled: all, probe, mate })
    }

    pub(crate) fn mate(&self) -> &str {
        match self {
            Self::Templates { mate, .. } | Self::Photographs { mate, .. } => mate,
        }
    }

    /// The probe as the command line takes it: a file's name, and what is in it.
    fn probe_file(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Templates { probe, .. } => ("probe.f32", probe.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Photographs { probe, .. } => ("probe.jpg", probe.clone()),
        }
    }

    fn records(&self) -> Vec<Value> {
        let booking = |i: usize| json!({"name": format!("Person {i}"), "booking-number": format!("B-{i:05}")});
        match self {
            Self::Templates { rows, .. } => rows
                .iter()
                .enumerate()
                .map(|(i, row)| json!({"id": format!("booking-{i:04}"), "template": row, "booking": booking(i)}))
                .collect(),
            Self::Photographs { enrolled, .. } => enrolled
                .iter()
                .enumerate()
                .map(|(i, (name, bytes))| {
                    json!({"id": name, "image": BASE64_STANDARD.encode(bytes), "booking": booking(i)})
                })
                .collect(),
        }
    }

    pub(crate) fn put_probe(&self, probe: &mut Value, model: &str) {
        match self {
            Self::Templates { probe: template, .. } => {
                probe["template"] = json!(template);
                probe["model"] = json!(model);
            }
            Self::Photographs { probe: bytes, .. } => probe["image"] = json!(BASE64_STANDARD.encode(bytes)),
        }
    }
}

pub(crate) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() {
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_style(presets::NOTHING);
    }
    table.set_header(head.map(str::to_owned).to_vec());
    table
}

fn print_receipt(receipt: &Value) {
    println!("the receipt of the last permitted search, entry {} of {}:", receipt["index"], receipt["log"]);
    println!("  {}", receipt["entry"].as_str().unwrap_or_default());
    for line in receipt["proof"].as_str().unwrap_or_default().lines() {
        println!("  {line}");
    }
    println!();
}

fn print_curl(deployment: &Deployment, pictures: &Pictures) -> anyhow::Result<()> {
    let example = Example::read(JURISDICTIONS[0])?;
    let certs = deployment.home.join("certs");
    let curl = |who: &str| {
        let certificate = deployment.certificate(&format!("{}/{who}", JURISDICTIONS[0]));
        let key = deployment.certificate(&format!("{}/{who}-key", JURISDICTIONS[0]));
        format!(
            "curl --cacert {} --cert {} --key {}",
            certs.join("ca.pem").display(),
            certificate.display(),
            key.display()
        )
    };
    let mut request = example.request(&toml::Table::new(), &[])?;
    pictures.put_probe(&mut request["probe"], "demo-512");
    let body = deployment.home.join("search.json");
    std::fs::write(&body, serde_json::to_vec_pretty(&json!({"request": request}))?)?;
    let (address, at) = (&deployment.address, JURISDICTIONS[0]);
    println!("{} https://{address}/readyz", curl("m.whitfield"));
    let search = format!("--json @{} https://{address}/v1/{at}/searches", body.display());
    println!("{} {search}", curl("m.whitfield"));
    println!("{} 'https://{address}/v1/{at}/audit/entries?first=0&count=5'", curl("a.feld"));
    println!("{} https://{address}/v1/{at}/requests\n", curl("m.whitfield"));
    println!("the same with commands; the README's \"Work a request\" goes on from here:");
    let (name, bytes) = pictures.probe_file();
    std::fs::write(deployment.home.join(name), bytes)?;
    println!("  export MAGISTRATE_SERVER={address} DEMO={}", deployment.home.display());
    println!("  magistrate request list --certificate $DEMO/certs/{at}/m.whitfield.pem --jurisdiction {at}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    fn arguments(keep: bool) -> Arguments {
        Arguments { keep, models: None, faces: None }
    }

    fn left(folder: &Path) -> Vec<PathBuf> {
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[tokio::test]
    async fn the_story_goes_as_told_and_what_it_leaves_running_ends_when_asked() {
        let Some(program) = integration_tests::program() else { return };
        let within = tempfile::tempdir().unwrap();
        // The last of what is printed to be pasted: the server is left running then.
        let printed = || left(within.path()).iter().any(|folder| folder.join("home/probe.f32").is_file());
        let stop = async {
            while !printed() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let rows = tell(&program, &arguments(true), within.path(), stop).await.unwrap().expect("the whole story");
        let story = Story::read().unwrap();
        assert!(rows.len() > story.step.len(), "and the lead");
        for (row, step) in rows.iter().zip(&story.step) {
            assert_eq!((&row.who, &row.what, &row.verdict), (&step.who, &step.what, &step.expect));
            let rank = step.rank.map(|rank| rank.to_string()).unwrap_or_default();
            assert_eq!(row.rank, rank, "{}", row.what);
        }
        assert_eq!(left(within.path()), [""; 0].map(PathBuf::from), "no key is left behind");
    }

    #[tokio::test]
    async fn a_story_that_is_stopped_leaves_nothing() {
        let Some(program) = integration_tests::program() else { return };
        let within = tempfile::tempdir().unwrap();
        let device = Story::read().unwrap().device.swap_remove(0);
        let issued = Path::new("home/certs").join(device.jurisdiction).join(format!("{}.pem", device.name));
        // In the midst of it: it is looked whenever the story waits.
        let reached = || left(within.path()).iter().any(|folder| folder.join(&issued).is_file());
        let stop = std::future::poll_fn(|_| if reached() { Poll::Ready(()) } else { Poll::Pending });
        let told = tell(&program, &arguments(false), within.path(), stop).await.unwrap();
        assert!(told.is_none());
        assert_eq!(left(within.path()), [""; 0].map(PathBuf::from), "no key is left behind");
    }
}
