//! `cargo xtask figures`: what the benchmarks measure on this machine, beside what is aimed at.

use crate::judged::{self, Row};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The search that all goals of searches are of, or are measured by.
const SEARCH: [&str; 3] = ["search", "--rows", "1000000"];

/// The search of a large gallery.
const LARGE: [&str; 3] = ["search", "--rows", "10000000"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also search ten million rows, whose file takes 30 GB beside the program
    #[arg(long)]
    large: bool,
}

/// What is aimed at.
enum Bound {
    Least(f64),
    Most(f64),
    /// So many times another figure of the same measurement. That one is the disk's, so that a miss is told and fails nothing.
    Times(f64, &'static str),
    /// At most, in times of what the disk takes: a miss is told and fails nothing.
    Waits(f64),
}
use Bound::{Least, Most, Times, Waits};

/// Which figure of which benchmark, and its goal.
static GOALS: [(&str, &str, Bound); 14] = [
    ("append", "entries_per_s", Times(20.0, "fdatasync_per_s")),
    ("append", "paced_p99_fdatasyncs", Waits(3.0)),
    ("prove", "p99_us", Most(100.0)),
    ("verify", "entries_per_s", Least(500_000.0)),
    ("replay", "decisions_per_s", Least(20_000.0)),
    ("vet", "p50_us", Most(20.0)),
    ("vet", "p99_us", Most(80.0)),
    ("serve", "p50_ms", Most(10.0)),
    ("serve", "p99_ms", Most(50.0)),
    ("serve", "errors", Most(0.0)),
    ("search", "one_probe_p50_ms", Most(25.0)),
    ("large search", "one_probe_p50_times_a_million", Most(10.0)),
    ("load", "load_from_store_s", Most(15.0)),
    ("load", "load_from_snapshot_s", Most(1.0)),
];

/// Measures, prints a table, and fails where a goal is missed.
pub(crate) fn run(arguments: &Arguments, build: impl FnOnce() -> anyhow::Result<PathBuf>) -> anyhow::Result<()> {
    let program = build()?;
    let mut rows = Vec::new();
    let mut million = String::new();
    for words in runs(&crate::build::root().join("policies"))? {
        let (succeeded, printed) = measured(&program, &words)?;
        rows.extend(compared(&words.join(" "), succeeded, &printed));
        if words == SEARCH {
            million = printed;
        }
    }
    if arguments.large {
        let (succeeded, printed) = measured(&program, &LARGE.map(str::to_owned))?;
        rows.extend(compared(&LARGE.join(" "), succeeded, &grown(&million, &printed)));
    }
    let failed = judged::print(["figure", "measured", "goal", "met"], rows);
    if failed == 0 { Ok(()) } else { bail!("{failed} goals are missed") }
}

/// Whether a benchmark succeeded, and what it printed.
fn measured(program: &Path, words: &[String]) -> anyhow::Result<(bool, String)> {
    eprintln!("measuring: bench {}", words.join(" "));
    let mut command = Command::new(program);
    // Beside the program: temporary files may be in memory elsewhere.
    command.current_dir(program.parent().context("the program is in a folder")?);
    command.arg("bench").args(words).arg("--json").stderr(Stdio::inherit());
    let done = command.output().with_context(|| format!("cannot run {command:?}"))?;
    Ok((done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// What is asked of `magistrate bench` every time.
fn runs(policies: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let listing = policies.read_dir().with_context(|| format!("cannot read {}", policies.display()))?;
    let mut folders: Vec<PathBuf> = listing.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    folders.retain(|folder| folder.join("policy.toml").is_file());
    folders.sort();
    let first = folders.first().context("there is no policy")?;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let of = |bench: &str, option: &str, folder: &Path| words(&[bench, option, &folder.to_string_lossy()]);
    let mut runs = vec![words(&["append", "--writers", "512"]), words(&["prove"]), words(&["verify"])];
    runs.push(of("replay", "--policy", first));
    runs.extend(folders.iter().map(|folder| of("vet", "--policy", folder)));
    runs.push(of("serve", "--policies", policies));
    runs.push(words(&["load", "--rows", "1000000"]));
    runs.push(words(&SEARCH));
    Ok(runs)
}

/// What a benchmark printed, beside the goals. One that failed, or printed no figure that has a goal, is a miss itself.
fn compared(name: &str, succeeded: bool, printed: &str) -> Vec<Row<4>> {
    let mut rows: Vec<Row<4>> = lines(printed).flat_map(|measured| judged(&measured)).collect();
    if !succeeded || rows.is_empty() {
        rows.push(Row([name, "failed", "", "missed"].map(str::to_owned), true));
    }
    rows
}

/// The measurements among what was printed.
fn lines(printed: &str) -> impl Iterator<Item = Value> {
    printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok())
}

/// How many times longer one probe takes in the large gallery than among a million rows, as a measurement of its own.
fn grown(million: &str, large: &str) -> String {
    let took = |printed: &str| lines(printed).find_map(|measured| measured.get("one_probe_p50_ms")?.as_f64());
    let times = took(large).zip(took(million)).map(|(large, million)| large / million);
    json!({"bench": "large search", "one_probe_p50_times_a_million": times}).to_string()
}

fn judged(measured: &Value) -> Vec<Row<4>> {
    let figure = |name: &str| measured.get(name).and_then(Value::as_f64);
    let says = ["bench", "policy", "proof", "phase"].map(|name| measured.get(name).and_then(Value::as_str));
    let of = says.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let goals = GOALS.iter().filter(|(bench, ..)| says[0] == Some(*bench));
    let judge = |(_, name, bound): &(&str, &str, Bound)| {
        let value = figure(name);
        // What was not measured meets nothing.
        let (goal, is_met) = match bound {
            Least(least) => (format!("≥ {least}"), value.is_some_and(|value| value >= *least)),
            Most(most) | Waits(most) => (format!("≤ {most}"), value.is_some_and(|value| value <= *most)),
            Times(times, other) => {
                let least = figure(other).map(|other| times * other);
                let told = least.map_or_else(|| "?".to_owned(), |least| least.to_string());
                (format!("≥ {times} × {other} = {told}"), value.zip(least).is_some_and(|(value, least)| value >= least))
            }
        };
        let told = value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        let met = if is_met { "met" } else { "missed" };
        Row([format!("{of} {name}"), told, goal, met.to_owned()], !is_met && !matches!(bound, Times(..) | Waits(_)))
    };
    goals.map(judge).collect()
}

#[cfg(test)]
mod tests;
