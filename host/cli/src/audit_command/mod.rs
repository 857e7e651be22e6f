//! `magistrate audit`: logs, for those who check them.
//!
//! Works on a log whose server runs as well as on a copy of its folder. What looks into accounts, the personal part of
//! entries, needs the configuration and the database; an embedded database belongs to one process at a time, so its
//! server has to be stopped for that.
//!
//! | file | subcommand |
//! |---|---|
//! | `verify.rs`, `remote.rs`, `cosigned.rs` | `verify`: a folder, or what a server hands out; its witnesses |
//! | `reconcile.rs` | `verify --accounts`: what the database keeps of its entries |
//! | `show.rs`, `filter.rs` | `show` |
//! | `prove.rs` | `prove`, `check-proof` |
//! | `sample.rs` | `sample` |
//! | `export.rs`, `package.rs`, `contents.rs`, `page.rs` | `export`, `verify-export`: everything about one case |
//! | `replay.rs` | `replay` |
//! | `prune.rs` | `prune`: asked of a server |
//! | `anomalies.rs` | `anomalies`: asked of a server |
//! | `accounts.rs` | entries with their accounts |

pub(crate) mod accounts;
mod anomalies;
mod contents;
mod cosigned;
mod export;
mod filter;
mod package;
mod page;
mod prove;
mod prune;
mod reconcile;
mod remote;
pub(crate) mod replay;
mod sample;
mod show;
mod verify;

use crate::config::{self, Config};
use crate::keys;
use anyhow::{Context as _, bail};
use cap_std::fs::Dir;
use clap::Subcommand;
use model::account::Leaf;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hash every entry and tile again, and check every signature
    Verify(Box<verify::Arguments>),
    /// List the entries of a log that match
    Show(Box<show::Arguments>),
    /// Prove that an entry is in a log (C2SP tlog-proof)
    Prove(prove::Arguments),
    /// Check such a proof with nothing but the log's key
    CheckProof(prove::CheckArguments),
    /// Draw entries at random, the same ones for whoever draws again
    Sample(sample::Arguments),
    /// Put everything on record about one case into a folder that can be checked without this server
    Export(export::Arguments),
    /// Check such a folder
    VerifyExport(package::Arguments),
    /// Take every recorded decision again, and compare
    Replay(replay::Arguments),
    /// Ask a server to remove the oldest entries of its log, for good
    Prune(Box<prune::Arguments>),
    /// Ask a server for searches unlike others and rules not kept, each with its entries
    Anomalies(Box<anomalies::Arguments>),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Prove(arguments) => prove::run(arguments),
        Command::CheckProof(arguments) => prove::check(arguments),
        Command::Sample(arguments) => sample::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::VerifyExport(arguments) => package::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Prune(arguments) => prune::run(arguments),
        Command::Anomalies(arguments) => anomalies::run(arguments),
    }
}

// Which log is meant: one folder, or one of a configuration's. Not a doc comment, here and in other flattened arguments:
// it would become the command's help.
#[derive(clap::Args)]
struct Which {
    /// The folder of the log
    #[arg(required_unless_present = "config", conflicts_with = "config")]
    log: Option<PathBuf>,
    /// The log's verifier key: a file, or the key itself
    #[arg(long, conflicts_with = "config")]
    key: Option<String>,
    /// The configuration, in place of folder and key
    #[arg(long)]
    config: Option<PathBuf>,
    /// The jurisdiction whose log is meant; may be left out where the configuration has only one
    #[arg(long, requires = "config")]
    jurisdiction: Option<String>,
}

/// A log and the key that its checkpoints must be signed with.
pub(crate) struct Log {
    /// The jurisdiction, where a configuration says so.
    pub(crate) jurisdiction: String,
    folder: PathBuf,
    pub(crate) key: audit::VerifierKey,
}

impl Which {
    /// The one log that is meant.
    fn one(&self) -> anyhow::Result<Log> {
        match (&self.config, &self.log, &self.key) {
            (Some(config), ..) => one_of(&Config::read(config)?, self.jurisdiction.as_deref()),
            (None, Some(folder), Some(key)) => {
                Ok(Log { jurisdiction: String::new(), folder: folder.clone(), key: keys::read(key)? })
            }
            (None, Some(_), None) => bail!("name the log's verifier key with --key: without it nothing is proven"),
            (None, None, _) => bail!("name the folder of a log with its --key, or --config"),
        }
    }
}

impl Log {
    /// The log as its newest signed checkpoint says it is.
    fn snapshot(&self) -> anyhow::Result<audit::Snapshot> {
        audit::Snapshot::open(&open(&self.folder)?, &self.key).with_context(|| self.folder.display().to_string())
    }
}

/// A configuration's log of this jurisdiction, or its only one.
fn one_of(config: &Config, jurisdiction: Option<&str>) -> anyhow::Result<Log> {
    let ids: Vec<&str> = config.jurisdictions.keys().map(String::as_str).collect();
    match jurisdiction {
        Some(id) if ids.contains(&id) => log_of(config, id),
        Some(id) => bail!("the configuration has no jurisdiction `{id}`: it has {}", ids.join(", ")),
        None => match ids.as_slice() {
            [only] => log_of(config, only),
            _ => bail!("name one with --jurisdiction: {}", ids.join(", ")),
        },
    }
}

/// The logs of a configuration: of this jurisdiction, or all.
pub(crate) fn all_of(config: &Config, jurisdiction: Option<&str>) -> anyhow::Result<Vec<Log>> {
    match jurisdiction {
        Some(_) => Ok(vec![one_of(config, jurisdiction)?]),
        None => config.jurisdictions.keys().map(|id| log_of(config, id)).collect(),
    }
}

fn log_of(config: &Config, id: &str) -> anyhow::Result<Log> {
    let seed = config::secret(&config.audit.keys.join(format!("log-{id}.key")))?;
    let signer = audit::Ed25519Signer::from_seed(&format!("{}/{id}", config.audit.host), seed)?;
    let key = audit::Signer::verifier_key(&signer).parse()?;
    Ok(Log { jurisdiction: id.to_owned(), folder: config.audit.folder.join(id), key })
}

fn open(folder: &Path) -> anyhow::Result<Dir> {
    Dir::open_ambient_dir(folder, cap_std::ambient_authority())
        .with_context(|| format!("cannot open {}", folder.display()))
}

fn parse_leaf(index: u64, bytes: &[u8]) -> anyhow::Result<Leaf> {
    serde_json::from_slice(bytes).with_context(|| format!("entry {index} is not a leaf"))
}

/// A term of the model as it is written: `intent`, `kebab-case`.
fn word(term: &impl serde::Serialize) -> String {
    serde_json::to_value(term).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Reads a term of the model as it is written.
fn parse_word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|e| e.to_string())
}
