//! `magistrate bench`: what this machine does, on the paths that production takes.

mod append;
mod cold;
mod load;
mod log;
mod prove;
mod replay;
mod search;
mod serve;
mod vectors;
mod verify;
mod vet;

use crate::scratch::Scratch;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Decisions of a policy: a fresh instance each, limits on, as a server decides
    #[command(after_help = "Example:\n  magistrate bench vet --policy policies/detroit")]
    Vet {
        /// The policy's folder; its scenarios' base is what is decided
        #[arg(long)]
        policy: PathBuf,
        /// Decisions
        #[arg(long, default_value_t = 50_000, value_parser = some)]
        n: usize,
        /// Print one JSON line
        #[arg(long)]
        json: bool,
    },
    /// Exact searches of one probe and of 8 and 32 at once
    Search(search::Arguments),
    /// Starting a gallery: from the database, and from its snapshot
    Load(load::Arguments),
    /// Durable appends to an audit log
    #[command(after_help = "Example:\n  magistrate bench append --writers 64")]
    Append {
        /// Writers at the same moment
        #[arg(long, default_value_t = 64, value_parser = some)]
        writers: usize,
        /// Seconds
        #[arg(long, default_value_t = 5.0, value_parser = seconds)]
        seconds: f64,
        /// Bytes that are made durable with each entry, at most 4194304: the account of a search's decision has about 5800
        #[arg(long, default_value_t = 0, value_parser = rider_bytes)]
        rider_bytes: usize,
        /// Entries offered, in a second run, for each fdatasync that the disk does without a log: what one waits for when the log is
        /// not pushed to its limit; 0 for no such run
        #[arg(long, default_value_t = append::PACE, value_parser = pace)]
        pace: f64,
        /// The folder to write in; a temporary one in the working folder where absent
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON line
        #[arg(long)]
        json: bool,
    },
    /// Verification of a whole log: every entry and tile hashed again
    #[command(after_help = "Example:\n  magistrate bench verify --entries 1000000")]
    Verify {
        /// Entries of the log, which is written first
        #[arg(long, default_value_t = 1_000_000)]
        entries: u64,
        /// The folder to write in; a temporary one in the working folder where absent
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON line
        #[arg(long)]
        json: bool,
    },
    /// Inclusion and consistency proofs of a log
    #[command(after_help = "Example:\n  magistrate bench prove --leaves 1000000")]
    Prove {
        /// Entries of the log, which is written first
        #[arg(long, default_value_t = 1_000_000)]
        leaves: u64,
        /// Proofs of each kind
        #[arg(long, default_value_t = 20_000, value_parser = some)]
        n: usize,
        /// The folder to write in; a temporary one in the working folder where absent
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON line for each kind
        #[arg(long)]
        json: bool,
    },
    /// Recorded decisions taken again: a server records them first, as it does in production
    #[command(after_help = "Example:\n  magistrate bench replay --policy policies/detroit")]
    Replay {
        /// The policy's folder; beside policy and registry it holds an example.toml that says how to search
        #[arg(long)]
        policy: PathBuf,
        /// Seconds in which decisions are recorded
        #[arg(long, default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
        /// The folder to work in; a temporary one in the working folder where absent
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON line
        #[arg(long)]
        json: bool,
    },
    /// Whole searches over mTLS: request, search and list judged, intent and outcome durable
    #[command(after_help = "Example:\n  magistrate bench serve --policies policies --rows 100000 --clients 8")]
    Serve {
        /// Where the policies are, as for init
        #[arg(long, env = "MAGISTRATE_POLICIES", default_value = "policies")]
        policies: PathBuf,
        /// The jurisdiction to search; the first that has an example.toml where absent
        #[arg(long)]
        jurisdiction: Option<String>,
        /// Rows enrolled
        #[arg(long, default_value_t = 100_000)]
        rows: usize,
        /// Clients at the same moment, each on one kept-alive connection
        #[arg(long, default_value_t = 8, value_parser = some)]
        clients: usize,
        /// Seconds
        #[arg(long, default_value_t = 10.0, value_parser = seconds)]
        seconds: f64,
        /// The folder to work in; a temporary one in the working folder where absent
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Print one JSON line
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Vet { policy, n, json } => vet::run(policy, *n, *json),
        Command::Search(arguments) => search::run(arguments),
        Command::Load(arguments) => load::run(arguments),
        Command::Append { writers, seconds, rider_bytes, pace, folder, json } => append::run(&append::Plan {
            writers: *writers,
            seconds: *seconds,
            rider_bytes: *rider_bytes,
            pace: *pace,
            folder: folder.clone(),
            json: *json,
        }),
        Command::Verify { entries, folder, json } => verify::run(*entries, folder.as_deref(), *json),
        Command::Prove { leaves, n, folder, json } => prove::run(*leaves, *n, folder.as_deref(), *json),
        Command::Replay { policy, seconds, folder, json } => replay::run(policy, *seconds, folder.as_deref(), *json),
        Command::Serve { policies, jurisdiction, rows, clients, seconds, folder, json } => serve::run(&serve::Plan {
            policies: policies.clone(),
            jurisdiction: match jurisdiction {
                Some(named) => named.clone(),
                None => serve::first_example(policies)?,
            },
            rows: *rows,
            clients: *clients,
            seconds: *seconds,
            folder: folder.clone(),
            json: *json,
        }),
    }
}

/// The longest measurement, in seconds: a day.
const MOST_SECONDS: f64 = 86_400.0;

/// The most of anything that is counted or done at the same moment: enough for every machine, and no memory is asked for that
/// there is not.
const MOST: usize = 10_000_000;

/// Reads how long something is measured.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        // What is no number is not above 0, either.
        Ok(seconds) if seconds > 0.0 && seconds <= MOST_SECONDS => Ok(seconds),
        _ => Err(format!("give seconds above 0, {MOST_SECONDS} at most")),
    }
}

/// Reads how many of something there are: nothing is measured with none.
fn some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("give a whole number from 1 to {MOST}")),
    }
}

/// Reads how many numbers a template has: as many as a gallery's may have.
fn template_dim<N: TryFrom<usize>>(text: &str) -> Result<N, String> {
    let dim = text.parse::<usize>().ok().filter(|dim| (1..=::search::MAX_DIM).contains(dim));
    dim.and_then(|dim| N::try_from(dim).ok())
        .ok_or_else(|| format!("give a whole number from 1 to {}", ::search::MAX_DIM))
}

/// Reads how long a rider is.
fn rider_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if bytes <= audit::MAX_RIDER_BYTES => Ok(bytes),
        _ => Err(format!("give a whole number of bytes, {} at most", audit::MAX_RIDER_BYTES)),
    }
}

/// Reads how many entries are offered for each sync.
fn pace(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(pace) if (0.0..=MOST as f64).contains(&pace) => Ok(pace),
        _ => Err(format!("give a number from 0 to {MOST}")),
    }
}

/// As [`percentile`], in milliseconds; absent where nothing was timed.
fn percentile_ms(sorted: &[Duration], share: f64) -> Option<Value> {
    (!sorted.is_empty()).then(|| ms(percentile(sorted, share)))
}

/// The value below which this share of the sorted times lies.
fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted.get(at.min(last)).copied().unwrap_or_default()
}

fn us(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1e7).round() / 10.0)
}

/// To the microsecond: a small gallery is searched in a few.
fn ms(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1e6).round() / 1000.0)
}

/// What every measurement says of where it was taken.
fn machine() -> Map<String, Value> {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Map::from_iter([
        ("machine".to_owned(), json!(model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()))),
        ("cores".to_owned(), json!(cores)),
    ])
}

fn report(json: bool, title: &str, values: Value) {
    let mut all = match values {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    all.extend(machine());
    crate::output::measurement(json, title, &all);
}

/// A folder to work in: the one named, or a temporary one here, on the disk that the user is on rather than in memory.
fn work_folder(named: Option<&std::path::Path>) -> anyhow::Result<(PathBuf, Option<Scratch>)> {
    match named {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            Ok((folder.to_owned(), None))
        }
        None => {
            let temporary = Scratch::private(std::path::Path::new("."), ".magistrate-bench-")?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// Unit vectors of normally distributed numbers in which a few directions carry most of the variance, as in templates of
/// faces. The same for the same seed.
fn templates(rows: usize, dim: usize, seed: u64) -> impl Iterator<Item = Vec<f32>> {
    use rand::{Rng as _, SeedableRng as _};
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    let weights: Vec<f32> = (1..=dim).map(|i| (i as f32).powf(-0.35)).collect();
    (0..rows).map(move |_| {
        // The sum of a few uniform numbers is close enough to normal, and quick.
        let mut row: Vec<f32> =
            weights.iter().map(|w| (0..4).map(|_| rng.random::<f32>() - 0.5).sum::<f32>() * w).collect();
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
        row.iter_mut().for_each(|x| *x /= norm);
        row
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_measures_nothing_or_never_ends_is_refused() {
        for bad in ["0", "-1", "NaN", "inf", "1e300", "86401", "", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert_eq!((seconds("0.25"), seconds("86400")), (Ok(0.25), Ok(86_400.0)));
        for bad in ["0", "-1", "1.5", "10000001", ""] {
            assert!(some(bad).is_err(), "{bad}");
        }
        assert_eq!((some("1"), some("512")), (Ok(1), Ok(512)));
        assert_eq!((rider_bytes("0"), rider_bytes("4194304")), (Ok(0), Ok(4_194_304)));
        assert!(rider_bytes("4194305").is_err() && rider_bytes("-1").is_err());
        for bad in ["0", "-1", "4097", "18446744073709551615", "18446744073709551616", ""] {
            assert!(template_dim::<usize>(bad).is_err() && template_dim::<u32>(bad).is_err(), "{bad}");
        }
        assert_eq!((template_dim("1"), template_dim("4096")), (Ok(1_usize), Ok(4096_u32)));
    }

    #[test]
    fn what_was_not_timed_took_no_time_that_could_be_told() {
        assert_eq!(percentile_ms(&[], 0.5), None);
        assert_eq!(percentile_ms(&[Duration::from_millis(2)], 0.5), Some(json!(2.0)));
    }
}
