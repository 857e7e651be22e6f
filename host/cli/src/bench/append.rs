//! `bench append`: durable appends by many writers, beside what the same disk does with a plain `fdatasync`. As in production
//! an entry carries what has to be durable with it, and is durable before its writer goes on.

use super::{percentile, report, us, work_folder};
use crate::output::spinner;
use anyhow::Context as _;
use cap_std::fs::Dir;
use serde_json::json;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a leaf: what a judged step's leaf has.
const LEAF_BYTES: usize = 420;

/// Bytes that ride on a leaf: what the account of a search's decision has.
pub(super) const RIDER_BYTES: usize = 5_800;

pub(super) fn run(
    writers: usize,
    seconds: f64,
    rider_bytes: usize,
    folder: Option<&Path>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let time = Duration::try_from_secs_f64(seconds)?;
    let (folder, temporary) = work_folder(folder)?;
    let syncs = raw_syncs(&folder)?;
    let log_folder = folder.join("log");
    std::fs::create_dir_all(&log_folder)?;
    let dir = Dir::open_ambient_dir(&log_folder, cap_std::ambient_authority())?;
    let signer = audit::Ed25519Signer::generate("bench/log")?;
    let log = audit::Log::open(dir, "bench/log", Arc::new(signer))?.log;

    let runtime = crate::runtime()?;
    let bar = spinner("appending");
    let (mut times, took) = runtime.block_on(write(&log, writers, rider_bytes, time))?;
    bar.finish_and_clear();
    times.sort_unstable();
    let per_second = times.len() as f64 / took.as_secs_f64().max(1e-9);
    let p99 = percentile(&times, 0.99);
    // By Little's law: so many writers that are always waiting wait so long on average, whatever the log does.
    let waiting = writers as f64 / per_second.max(1e-9) * syncs;
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    let values = json!({
        "bench": "append",
        "entries_per_s": per_second.round(),
        "p50_us": us(percentile(&times, 0.50)),
        "p99_us": us(p99),
        "p99_fdatasyncs": tenths(p99.as_secs_f64() * syncs),
        "waiting_fdatasyncs": tenths(waiting),
        "fdatasync_per_s": syncs.round(),
        "entries_per_fdatasync": tenths(per_second / syncs),
        "leaf_bytes": LEAF_BYTES,
        "rider_bytes": rider_bytes,
        "n": times.len(),
        "threads": writers,
    });
    log.close()?;
    report(json, &format!("durable appends by {writers} writers"), values);
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}

async fn write(
    log: &audit::Log,
    writers: usize,
    rider_bytes: usize,
    time: Duration,
) -> anyhow::Result<(Vec<Duration>, Duration)> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < time {
                    let mut leaf = format!("{writer} {} ", times.len()).into_bytes();
                    leaf.resize(LEAF_BYTES, b'.');
                    let rider = vec![b'.'; rider_bytes];
                    let before = Instant::now();
                    let appended = log.append_with(leaf, rider).await?;
                    times.push(before.elapsed());
                    // As soon as the database has it; here at once.
                    log.release(appended.index);
                }
                Ok::<_, audit::AppendError>(times)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok((all, started.elapsed()))
}

/// Plain 4 KiB overwrites, each followed by `fdatasync`, for a second, of a file of its own in the folder.
fn raw_syncs(folder: &Path) -> anyhow::Result<f64> {
    let made = tempfile::Builder::new().prefix(".magistrate-bench-").tempfile_in(folder);
    let mut file = made.with_context(|| folder.display().to_string())?;
    let page = [0_u8; 4096];
    file.write_all(&page)?;
    file.as_file().sync_all()?;
    let started = Instant::now();
    let mut n = 0_u32;
    while started.elapsed() < Duration::from_secs(1) {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.as_file().sync_data()?;
        n += 1;
    }
    Ok(f64::from(n) / started.elapsed().as_secs_f64())
}
