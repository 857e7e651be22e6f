//! `cargo xtask peers`: the search beside other libraries', on the same vectors and as many threads, in one run.
//!
//! What makes the vectors, measures the others and checks what ours found is a Python program that is no part of this one: an
//! option says where it is, or `MAGISTRATE_SHARED`. It measures the others before and after ours, so that it is seen when the
//! machine was busier one time than the other; ours is compared with the faster of the two, and with the goals.

mod goals;

use crate::judged::{self, Row};
use anyhow::{Context as _, bail};
use goals::Comparison;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Probes that are searched for together: as many as `bench search` reports of.
const BATCH: u64 = 32;

/// Candidates that the database's own search is asked for: `bench search` compares it with as many.
const KNN_K: u64 = 20;

/// Rows that the database searches by itself: a million would take it more than half a minute for each probe.
const KNN_ROWS: &str = "20000";

/// What the others are measured with.
const MODULES: &str = "import numpy, faiss, usearch";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for templates, probes and results, 8·dim bytes a row; templates of the same shape that are there are used again
    folder: PathBuf,
    /// Rows
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Numbers per template
    #[arg(long, default_value_t = 512)]
    dim: u64,
    /// Candidates
    #[arg(long, default_value_t = 20)]
    k: u64,
    /// Threads, of ours and of the others
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// The program that measures the others; bench/peers.py in MAGISTRATE_SHARED, or in ../shared, where absent
    #[arg(long)]
    script: Option<PathBuf>,
    /// Fail where a goal is missed, be it because the machine is busy
    #[arg(long)]
    strict: bool,
    /// The Python that runs it
    #[arg(long, env = "MAGISTRATE_PYTHON", default_value = "python3")]
    python: PathBuf,
}

/// What the program says of one of the others, in milliseconds.
#[derive(Deserialize)]
struct Peer {
    peer: String,
    one_probe_ms: f64,
    batch: u64,
    batch_ms_per_probe: f64,
}

/// What `bench search` says of ours, in milliseconds and bytes; and of the database's own search, where that was asked for.
#[derive(Deserialize)]
struct Ours {
    one_probe_p50_ms: f64,
    batch_32_ms_per_probe: f64,
    resident_bytes: u64,
    surrealdb_knn_ms: Option<f64>,
    surrealdb_knn_rows: Option<u64>,
    per_row_ratio: Option<f64>,
}

/// The shape of what was made.
#[derive(Deserialize)]
struct Shape {
    n: u64,
    dim: u64,
    probes: u64,
}

/// Measures, prints a table, and fails where what was found is not exact, or strictly where a goal is missed. Builds once it is
/// known that the others can be measured.
pub(crate) fn run(arguments: &Arguments, build: impl FnOnce() -> anyhow::Result<PathBuf>) -> anyhow::Result<()> {
    if goals::of(arguments).is_empty() {
        let shape = goals::shape();
        if arguments.strict {
            bail!("the goals are of {shape}: leave --strict out, or ask for those");
        }
        eprintln!("the goals are of {shape}: this is compared and not judged");
    }
    let script = arguments.script.clone().unwrap_or_else(|| {
        let shared = std::env::var_os("MAGISTRATE_SHARED");
        shared.map_or_else(|| crate::build::root().join("../shared"), PathBuf::from).join("bench/peers.py")
    });
    let rows = Bench { arguments, script }.measure(build)?;
    let missed = judged::print(["compared", "figure", "ratio", "goal", "met"], rows);
    if arguments.strict && missed > 0 { bail!("{missed} goals are missed") } else { Ok(()) }
}

struct Bench<'a> {
    arguments: &'a Arguments,
    script: PathBuf,
}

impl Bench<'_> {
    fn measure(&self, build: impl FnOnce() -> anyhow::Result<PathBuf>) -> anyhow::Result<Vec<Row<5>>> {
        self.check_tools()?;
        let program = build()?;
        let Arguments { folder, rows, dim, k, threads, .. } = self.arguments;
        let [rows_said, dim_said, k_said, threads_said] = [rows, dim, k, threads].map(u64::to_string);
        if !self.is_made() {
            eprintln!("making {rows} × {dim}");
            self.theirs("make", &["--n", &rows_said, "--dim", &dim_said, "--probes", &BATCH.to_string()])?;
        }
        let theirs = || peers(&self.theirs("run", &["--threads", &threads_said, "--k", &k_said])?);
        eprintln!("measuring the others");
        let before = theirs()?;
        eprintln!("measuring ours");
        let ours = self.ours(&program)?;
        eprintln!("measuring the others again");
        let after = theirs()?;
        eprintln!("checking");
        let results = folder.join("results.json");
        let exact = self.theirs("check", &[&results.to_string_lossy(), "--k", &k_said])?;
        let flat = rows.saturating_mul(*dim).saturating_mul(4);
        let mut table = goals::judged(&compared(&before, &ours, &after, flat)?, goals::of(self.arguments));
        table.push(Row(["exact", exact.trim(), "", "every list", "met"].map(str::to_owned), false));
        Ok(table)
    }

    fn check_tools(&self) -> anyhow::Result<()> {
        let Self { arguments, script } = self;
        if !script.is_file() {
            bail!(
                "{} is not there: name the program with --script, or its folder in MAGISTRATE_SHARED",
                script.display()
            );
        }
        let python = &arguments.python;
        let has_modules =
            Command::new(python).args(["-c", MODULES]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !has_modules.is_ok_and(|ended| ended.success()) {
            bail!(
                "{} lacks what the others are measured with: `python3 -m venv .venv && .venv/bin/pip install numpy \
                 faiss-cpu usearch`, and name it by --python .venv/bin/python",
                python.display()
            );
        }
        Ok(())
    }

    /// Whether what is asked for is in the folder, whole.
    fn is_made(&self) -> bool {
        let Arguments { folder, rows, dim, .. } = self.arguments;
        let shape = std::fs::read(folder.join("shape.json")).ok();
        let shape: Option<Shape> = shape.and_then(|shape| serde_json::from_slice(&shape).ok());
        let bytes = folder.join("gallery.f32").metadata().map_or(0, |file| file.len());
        shape.is_some_and(|shape| {
            (shape.n, shape.dim, shape.probes) == (*rows, *dim, BATCH)
                && bytes == rows.saturating_mul(*dim).saturating_mul(4)
        })
    }

    /// Has the program do something; gives what it prints.
    fn theirs(&self, what: &str, more: &[&str]) -> anyhow::Result<String> {
        let Arguments { folder, threads, python, .. } = self.arguments;
        let mut command = Command::new(python);
        command.arg(&self.script).arg(what).arg(folder).args(more).env("OMP_NUM_THREADS", threads.to_string());
        printed(&mut command)
    }

    fn ours(&self, program: &Path) -> anyhow::Result<Ours> {
        let Arguments { folder, dim, k, threads, .. } = self.arguments;
        let mut command = Command::new(program);
        command.args(["bench", "search", "--json", "--dim", &dim.to_string(), "--k", &k.to_string()]);
        if *k == KNN_K {
            command.args(["--knn-rows", KNN_ROWS]);
        }
        for (option, file) in [("--vectors", "gallery.f32"), ("--probes", "probes.f32"), ("--results", "results.json")]
        {
            command.arg(option).arg(folder.join(file));
        }
        command.arg("--folder").arg(folder).env("RAYON_NUM_THREADS", threads.to_string());
        let line = printed(&mut command)?;
        serde_json::from_str(&line).with_context(|| format!("not what `bench search` should print: {line}"))
    }
}

fn printed(command: &mut Command) -> anyhow::Result<String> {
    let done = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        bail!("{command:?} failed: {}", said.trim());
    }
    Ok(said)
}

/// One line of JSON for each of the others.
fn peers(lines: &str) -> anyhow::Result<Vec<Peer>> {
    let read =
        |line| serde_json::from_str(line).with_context(|| format!("not what the others' program should print: {line}"));
    lines.lines().map(read).collect()
}

/// Ours beside each of the others: what was measured, and how many times better ours is.
fn compared(before: &[Peer], ours: &Ours, after: &[Peer], flat: u64) -> anyhow::Result<Vec<Comparison>> {
    let (mut single, mut together) = (Vec::new(), Vec::new());
    let timed = |what: String, ours: f64, before: f64, after: f64| {
        let figure = format!("{ours:.2} ms; {before:.2} before, {after:.2} after");
        Comparison { what, figure, ratio: before.min(after) / ours }
    };
    for peer in before {
        let name = &peer.peer;
        let again = after.iter().find(|again| again.peer == *name);
        let again = again.with_context(|| format!("{name} was measured once only"))?;
        if peer.batch != BATCH || again.batch != BATCH {
            bail!("{name} was asked for {} probes together, and ours for {BATCH}", peer.batch);
        }
        let (mine, theirs) = (ours.one_probe_p50_ms, [peer.one_probe_ms, again.one_probe_ms]);
        single.push(timed(format!("one probe, beside {name}"), mine, theirs[0], theirs[1]));
        let (mine, theirs) = (ours.batch_32_ms_per_probe, [peer.batch_ms_per_probe, again.batch_ms_per_probe]);
        together.push(timed(format!("each of {BATCH} probes, beside {name}"), mine, theirs[0], theirs[1]));
    }
    if single.is_empty() {
        bail!("none of the others was measured");
    }
    let knn = ours.surrealdb_knn_ms.zip(ours.surrealdb_knn_rows).zip(ours.per_row_ratio);
    let knn = knn.map(|((ms, rows), ratio)| Comparison {
        what: "one probe, per row, beside SurrealDB KNN".to_owned(),
        figure: format!("{:.2} ms; {ms:.2} of {rows} rows", ours.one_probe_p50_ms),
        ratio,
    });
    let (mine, theirs) = (ours.resident_bytes as f64, flat as f64);
    let memory = Comparison {
        what: "memory, beside flat f32 rows".to_owned(),
        figure: format!("{:.0} MB; {:.0} MB", mine / 1e6, theirs / 1e6),
        ratio: theirs / mine,
    };
    Ok(single.into_iter().chain(together).chain(knn).chain([memory]).collect())
}

#[cfg(test)]
mod tests;
