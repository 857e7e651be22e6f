//! `magistrate audit`: logs, offline. Works on a log whose server runs as well as on a copy of its folder.

use crate::config::Config;
use crate::output::{self, bar};
use crate::{UNVERIFIED, config};
use anyhow::{Context as _, bail};
use cap_std::fs::Dir;
use clap::Subcommand;
use model::account::Leaf;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hash every entry and tile again, and check every signature
    #[command(
        after_help = "Example:\n  magistrate audit verify --config here/magistrate.toml\n  magistrate audit verify --log here/data/logs/detroit --key here/log-keys/detroit.vkey"
    )]
    Verify {
        /// Verify every log of a configuration
        #[arg(long, conflicts_with_all = ["log", "key"])]
        config: Option<PathBuf>,
        /// The folder of one log
        #[arg(long, requires = "key")]
        log: Option<PathBuf>,
        /// Its verifier key: a file, or the key itself
        #[arg(long)]
        key: Option<String>,
        /// A file with an earlier signed checkpoint, which the log must extend
        #[arg(long)]
        since: Option<PathBuf>,
    },
    /// List the entries of a log: their public part
    #[command(after_help = "Example:\n  magistrate audit show --log here/data/logs/detroit --first 0 --count 20")]
    Show {
        /// The folder of the log
        #[arg(long)]
        log: PathBuf,
        /// Index of the first entry
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// How many
        #[arg(long, default_value_t = 100)]
        count: u64,
        /// One JSON line per entry
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify { config, log, key, since } => {
            let earlier = since.as_deref().map(std::fs::read_to_string).transpose()?;
            let logs = match (config, log, key) {
                (Some(config), _, _) => of_config(config)?,
                (None, Some(log), Some(key)) => vec![(log.clone(), parse_key(key)?)],
                _ => bail!("name either --config or --log with --key"),
            };
            let mut sound = true;
            for (folder, key) in logs {
                sound &= verify(&folder, &key, earlier.as_deref())?;
            }
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) })
        }
        Command::Show { log, first, count, json } => show(log, *first, *count, *json),
    }
}

fn of_config(path: &Path) -> anyhow::Result<Vec<(PathBuf, audit::VerifierKey)>> {
    let config = Config::read(path)?;
    config
        .jurisdictions
        .keys()
        .map(|id| {
            let seed = config::secret(&config.audit.keys.join(format!("log-{id}.key")))?;
            let signer = audit::Ed25519Signer::from_seed(&format!("{}/{id}", config.audit.host), seed)?;
            let key = audit::Signer::verifier_key(&signer).to_string().parse()?;
            Ok((config.audit.folder.join(id), key))
        })
        .collect()
}

fn parse_key(text: &str) -> anyhow::Result<audit::VerifierKey> {
    let text = if Path::new(text).is_file() { std::fs::read_to_string(text)? } else { text.to_owned() };
    Ok(text.trim().parse()?)
}

fn open(folder: &Path) -> anyhow::Result<Dir> {
    Dir::open_ambient_dir(folder, cap_std::ambient_authority())
        .with_context(|| format!("cannot open {}", folder.display()))
}

fn verify(folder: &Path, key: &audit::VerifierKey, earlier: Option<&str>) -> anyhow::Result<bool> {
    let dir = open(folder)?;
    let bar = bar(&folder.display().to_string(), 0);
    let mut progress = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let verified = audit::verify::directory(&dir, key, earlier, &mut progress);
    bar.finish_and_clear();
    match verified {
        Ok(verified) => {
            let root = hex::encode(verified.root);
            say!("{} {}: {} entries, root {root}", output::green("verified"), key.name(), verified.size);
            Ok(true)
        }
        Err(e) => {
            say!("{} {}: {e}", output::red("NOT VERIFIED"), folder.display());
            Ok(false)
        }
    }
}

fn show(folder: &Path, first: u64, count: u64, json: bool) -> anyhow::Result<ExitCode> {
    let dir = open(folder)?;
    let mut table = output::table(["index", "at", "kind", "phase", "verdict", "policies"]);
    for leaf in audit::leaves(&dir, first..first.saturating_add(count))? {
        let (index, bytes) = leaf?;
        if json {
            say!("{}", String::from_utf8_lossy(&bytes));
            continue;
        }
        let leaf: Leaf = serde_json::from_slice(&bytes).with_context(|| format!("entry {index} is not a leaf"))?;
        let kind = serde_json::to_value(leaf.kind)?;
        let policies: Vec<_> = leaf.policies.iter().map(|p| p.id.clone()).collect();
        table.add_row([
            index.to_string(),
            leaf.at.to_string(),
            kind.as_str().unwrap_or_default().to_owned(),
            leaf.phase.map(|p| p.to_string()).unwrap_or_default(),
            leaf.verdict.map(|v| v.to_string()).unwrap_or_default(),
            policies.join(" + "),
        ]);
    }
    if !json {
        say!("{table}");
    }
    Ok(ExitCode::SUCCESS)
}
