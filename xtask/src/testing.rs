//! `cargo xtask test`: every test, none of them skipped for want of a component; and at the end how many were skipped because
//! this machine lacks something, and how long it took.

use crate::build::cargo;
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;

/// What the line begins with on which a test says that it was skipped. Its name and the reason follow.
const SKIPPED: &str = "SKIPPED ";

/// Runs every test.
pub(crate) fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    let mut command = cargo();
    // Many wait for a server or a disk most of the time: twice as many side by side keep the processors busy.
    let side_by_side = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    command.env("RUST_TEST_THREADS", std::env::var("RUST_TEST_THREADS").unwrap_or(side_by_side.to_string()));
    command.env("MAGISTRATE_NO_SKIP", "1").args(["test", "--release", "--workspace", "--no-fail-fast"]);
    let mut tests = command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot run {command:?}"))?;
    let errors = tests.stderr.take().context("what the tests say")?;
    let skipped = pass_on(BufReader::new(errors), std::io::stderr())?;
    let ended = tests.wait()?;
    println!("{}", summary(&skipped, started.elapsed().as_secs()));
    if ended.success() { Ok(()) } else { bail!("a test failed") }
}

/// Passes everything on as it comes; gives what was skipped, each once: a test may ask twice for what is not there.
fn pass_on(mut from: impl BufRead, mut to: impl Write) -> std::io::Result<BTreeSet<String>> {
    let (mut skipped, mut line) = (BTreeSet::new(), Vec::new());
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        if let Some(what) = String::from_utf8_lossy(&line).strip_prefix(SKIPPED) {
            skipped.insert(what.trim_end().to_owned());
        }
        line.clear();
    }
    Ok(skipped)
}

fn summary(skipped: &BTreeSet<String>, seconds: u64) -> String {
    let mut summary = match skipped.len() {
        0 => format!("none was skipped; the tests took {seconds} s"),
        n => format!("{n} skipped, which prove nothing here; the tests took {seconds} s"),
    };
    for what in skipped {
        summary += &format!("\n  {what}");
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_passed_on_and_counted_once() {
        let said =
            "warning: x\nSKIPPED a: no models\nSKIPPED a: no models\nSKIPPED b: no models\nnot SKIPPED c: x\n\u{fffd}";
        let mut passed = Vec::new();
        let skipped = pass_on(said.as_bytes(), &mut passed).unwrap();
        assert_eq!(String::from_utf8(passed).unwrap(), said);
        let told = summary(&skipped, 61);
        assert_eq!(told, "2 skipped, which prove nothing here; the tests took 61 s\n  a: no models\n  b: no models");
    }

    #[test]
    fn where_nothing_is_skipped_that_is_said() {
        let skipped = pass_on(&b"warning: x\n"[..], std::io::sink()).unwrap();
        assert_eq!(summary(&skipped, 5), "none was skipped; the tests took 5 s");
    }
}
