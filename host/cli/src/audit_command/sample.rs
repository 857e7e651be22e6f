//! `audit sample`: entries drawn at random, so that whoever draws again with the same seed from the same checkpoint draws
//! the same.
//!
//! The draw, for anybody to repeat: for c = 0, 1, 2, … take SHA-256(`"magistrate sample v1\n"` ‖ seed ‖ `"\n"` ‖ c as 8
//! bytes, big-endian), and of it the first 8 bytes as a big-endian number x. With s entries in the log, an x that is not
//! below the greatest multiple of s up to 2^64 is passed over, so that no entry is likelier than another; otherwise x
//! mod s is drawn, unless it was drawn before.

use super::show::public;
use super::{Which, parse_leaf};
use crate::output;
use anyhow::bail;
use model::terms::Digest;
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Separates the draw from every other use of SHA-256 in this program.
const DOMAIN: &str = "magistrate sample v1\n";

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
    let mut leaves = Vec::new();
    for index in draw(&arguments.seed, size, arguments.n) {
        leaves.push((index, parse_leaf(index, &snapshot.entry(index)?)?));
    }
    let checkpoint = snapshot.checkpoint();
    if arguments.json {
        let drawn: Vec<_> = leaves.iter().map(|(index, leaf)| json!({"index": index, "leaf": leaf})).collect();
        say!(
            "{}",
            json!({
                "log": log.key.name(), "seed": arguments.seed, "size": size, "drawn": drawn,
                "checkpoint": &*checkpoint,
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
    say!("\n{}", checkpoint.trim_end_matches('\n'));
    Ok(ExitCode::SUCCESS)
}

/// `n` distinct indices below `size`, or all of them, in the order drawn.
fn draw(seed: &str, size: u64, n: u64) -> Vec<u64> {
    let (mut drawn, mut seen) = (Vec::new(), BTreeSet::new());
    if size == 0 {
        return drawn;
    }
    // 2^64 mod size: as many of the highest numbers are passed over.
    let uneven = (u64::MAX % size + 1) % size;
    let mut counter: u64 = 0;
    while (drawn.len() as u64) < n.min(size) {
        let hashed = [DOMAIN.as_bytes(), seed.as_bytes(), b"\n", &counter.to_be_bytes()].concat();
        let [a, b, c, d, e, f, g, h, ..] = Digest::of(&hashed).0;
        let x = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        counter += 1;
        if x <= u64::MAX - uneven && seen.insert(x % size) {
            drawn.push(x % size);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn the_draw_is_the_one_that_is_documented() {
        // Computed by another program from the description above.
        assert_eq!(draw("7", 1000, 5), [175, 969, 925, 766, 584]);
        assert_eq!(draw("2026-03", 1_000_000, 3), [413_610, 432_796, 305_437]);
        assert_eq!(draw("7", 3, 5), [0, 1, 2]);
    }

    #[test]
    fn nothing_is_drawn_twice_and_never_more_than_there_is() {
        let mut all = draw("x", 100, 500);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert!(draw("x", 0, 5).is_empty());
        assert!(draw("x", 5, 0).is_empty());
        assert_eq!(draw("x", 1, 1), [0]);
        assert_ne!(draw("x", 1000, 10), draw("y", 1000, 10));
    }
}
