//! `audit sample`: entries drawn at random, so that whoever draws again with the same seed from the same checkpoint draws
//! the same. [`audit::draw`] says how.

use super::show::public;
use super::{Which, parse_leaf};
use crate::output;
use anyhow::bail;
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit sample here/data/logs/detroit --key here/log-keys/detroit.vkey --seed 2026-03 --n 20\n\nAgree on the seed before the period ends, or take one that nobody chose; keep the checkpoint that is printed."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The seed: any text
    #[arg(long)]
    seed: String,
    /// How many entries
    #[arg(long, default_value_t = 20)]
    n: u64,
    /// Draw from the first so many entries, to repeat an earlier draw; all where absent
    #[arg(long)]
    size: Option<u64>,
    /// One JSON line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let log = arguments.which.one()?;
    let snapshot = log.snapshot()?;
    let size = arguments.size.unwrap_or(snapshot.size());
    if size > snapshot.size() {
        bail!("the log has {} entries: draw from so many at most", snapshot.size());
    }
    let (mut leaves, mut pruned) = (Vec::new(), Vec::new());
    for index in audit::draw(&arguments.seed, size, arguments.n) {
        if index < snapshot.minimum_index() {
            pruned.push(index);
        } else {
            leaves.push((index, parse_leaf(index, &snapshot.entry(index)?)?));
        }
    }
    let checkpoint = snapshot.checkpoint();
    if arguments.json {
        let drawn: Vec<_> = leaves.iter().map(|(index, leaf)| json!({"index": index, "leaf": leaf})).collect();
        say!(
            "{}",
            json!({
                "log": log.key.name(), "seed": arguments.seed, "size": size, "drawn": drawn,
                "pruned": pruned, "checkpoint": &*checkpoint,
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = output::table(["index", "at", "kind", "phase", "verdict", "policies"]);
    for (index, leaf) in &leaves {
        table.add_row(public(*index, leaf));
    }
    say!("{} of {size} entries of {}, drawn with the seed `{}`", leaves.len(), log.key.name(), arguments.seed);
    say!("{table}");
    if !pruned.is_empty() {
        say!("{} more were drawn that are pruned: {pruned:?}", pruned.len());
    }
    say!("\n{}", checkpoint.trim_end_matches('\n'));
    Ok(ExitCode::SUCCESS)
}
