//! `bench prove`: inclusion and consistency proofs of a log, one after the other, of entries and sizes drawn at random. The log
//! was just opened, so that most tiles come from files, checked on the way.

use super::{log, percentile, report, us, work_folder};
use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Proofs that are checked, too, apart from the measurement.
const CHECKED: usize = 100;

pub(super) fn run(leaves: u64, n: usize, folder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let (folder, temporary) = work_folder(folder)?;
    let written = log::write(&folder, leaves)?;
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let mut numbers = || (0..n).map(|_| rng.random_range(1..leaves)).collect::<Vec<u64>>();

    let log = written.open()?;
    let indices = numbers();
    let inclusion = timed(&indices, |index| log.prove_inclusion(index, leaves))?;
    check(&log, &written.key()?, &indices)?;
    drop(log);
    let log = written.open()?;
    let consistency = timed(&numbers(), |old| log.prove_consistency(old, leaves))?;
    log.close()?;

    for (proof, mut times) in [("inclusion", inclusion), ("consistency", consistency)] {
        let took: Duration = times.iter().sum();
        times.sort_unstable();
        let values = json!({
            "bench": "prove",
            "proof": proof,
            "p50_us": us(percentile(&times, 0.50)),
            "p99_us": us(percentile(&times, 0.99)),
            "proofs_per_s": (times.len() as f64 / took.as_secs_f64().max(1e-9)).round(),
            "leaves": leaves,
            "n": times.len(),
            "threads": 1,
        });
        report(json, &format!("{proof} proofs in a log of {leaves} entries"), values);
    }
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}

fn timed<T>(numbers: &[u64], prove: impl Fn(u64) -> Result<T, audit::ReadError>) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(numbers.len());
    for number in numbers {
        let before = Instant::now();
        std::hint::black_box(prove(*number)?);
        times.push(before.elapsed());
    }
    Ok(times)
}

/// What was measured has to be proofs.
fn check(log: &audit::Log, key: &audit::VerifierKey, indices: &[u64]) -> anyhow::Result<()> {
    let checkpoint = log.checkpoint();
    for index in indices.iter().copied().take(CHECKED) {
        let proof = log.prove_inclusion(index, log.size())?;
        let receipt = audit::Receipt { index, proof, checkpoint: checkpoint.to_string() };
        receipt.verify(&log.entry(index)?, key).with_context(|| format!("the proof of entry {index}"))?;
    }
    Ok(())
}
