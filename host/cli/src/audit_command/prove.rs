//! `audit prove` and `audit check-proof`: one entry, and nothing but the log's key.

use super::accounts::AT_ONCE;
use super::{Which, parse_leaf};
use crate::{UNVERIFIED, keys, output};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit prove here/data/logs/detroit --key here/log-keys/detroit.vkey --index 7 --json > receipt.json\n  magistrate audit check-proof receipt.json --key here/log-keys/detroit.vkey"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The entry's index
    #[arg(long, required_unless_present = "entry", conflicts_with = "entry")]
    index: Option<u64>,
    /// The entry's id
    #[arg(long)]
    entry: Option<String>,
    /// Print a receipt as the server gives it, entry and proof in one, in place of the bare proof
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit check-proof receipt.json --key here/log-keys/detroit.vkey\n  magistrate audit check-proof entry.tlog-proof --leaf entry.json --key here/log-keys/detroit.vkey"
)]
pub(crate) struct CheckArguments {
    /// A receipt (JSON with `entry` and `proof`, whose `index` and `log` have to be the proof's where it has them), or a bare proof
    /// (C2SP tlog-proof) with --leaf
    proof: PathBuf,
    /// The log's verifier key: a file, or the key itself
    #[arg(long)]
    key: String,
    /// The entry that a bare proof is of: exactly its bytes; a newline at the end does not count
    #[arg(long)]
    leaf: Option<PathBuf>,
}

/// A receipt, as the server gives it and as `prove --json` prints it.
#[derive(Deserialize)]
struct Receipt {
    entry: String,
    proof: String,
    #[serde(flatten)]
    claim: Claim,
}

/// What a receipt says of its proof, where it does. Nobody has signed that.
#[derive(Default, Deserialize)]
struct Claim {
    index: Option<u64>,
    log: Option<String>,
}

impl Claim {
    /// Whether it is of what the proof is of, under this key.
    fn check(&self, proof: &audit::Receipt, key: &audit::VerifierKey) -> Result<(), String> {
        match self {
            Self { index: Some(index), .. } if *index != proof.index => {
                Err(format!("it says that it is of entry {index}, and its proof is of entry {}", proof.index))
            }
            Self { log: Some(log), .. } if log != key.name() => {
                Err(format!("it says that it is of the log `{log}`, and its proof is of `{}`", key.name()))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let log = arguments.which.one()?;
    let snapshot = log.snapshot()?;
    let index = match (arguments.index, &arguments.entry) {
        (Some(index), _) => index,
        (None, Some(id)) => find(&snapshot, id)?,
        (None, None) => bail!("name the entry with --index or --entry"),
    };
    let proof = snapshot.receipt(index)?;
    if arguments.json {
        let entry = snapshot.entry(index)?;
        let entry = String::from_utf8(entry).context("the entry is no text: leave out --json")?;
        say!("{}", json!({"log": log.key.name(), "index": index, "entry": entry, "proof": proof.to_string()}));
    } else {
        // The text ends in a newline of its own.
        say!("{}", proof.to_string().trim_end_matches('\n'));
    }
    Ok(ExitCode::SUCCESS)
}

fn find(snapshot: &audit::Snapshot, id: &str) -> anyhow::Result<u64> {
    let mut next = snapshot.minimum_index();
    while next < snapshot.size() {
        let end = snapshot.size().min(next + AT_ONCE);
        for (index, bytes) in snapshot.entries(next..end)? {
            if parse_leaf(index, &bytes)?.id == id {
                return Ok(index);
            }
        }
        next = end;
    }
    bail!("no entry of the log has the id `{id}`")
}

pub(super) fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let key: audit::VerifierKey = keys::read(&arguments.key)?;
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let text = String::from_utf8(read(&arguments.proof)?)
        .with_context(|| format!("{} is no text", arguments.proof.display()))?;
    let (leaf, proof, claim) = match (&arguments.leaf, serde_json::from_str::<Receipt>(&text)) {
        (None, Ok(receipt)) => (receipt.entry.into_bytes(), receipt.proof, receipt.claim),
        (Some(leaf), _) => (read(leaf)?, text, Claim::default()),
        (None, Err(_)) => bail!("this is no receipt: name the entry that the proof is of with --leaf"),
    };
    let proof: audit::Receipt = proof.parse()?;
    let bare = leaf.strip_suffix(b"\n").unwrap_or(&leaf);
    let proven = proof.verify(&leaf, &key).or_else(|e| proof.verify(bare, &key).map_err(|_| e));
    match proven.map_err(|e| e.to_string()).and_then(|()| claim.check(&proof, &key)) {
        Ok(()) => {
            say!("{} entry {} is in {}", output::green("verified"), proof.index, key.name());
            Ok(ExitCode::SUCCESS)
        }
        Err(e) => {
            let file = arguments.proof.display();
            say!("{} {file}: {}", output::red_out("NOT VERIFIED"), output::inert(&e));
            Ok(ExitCode::from(UNVERIFIED))
        }
    }
}
