//! `bench append`: durable appends by many writers, beside what the same disk does with a plain `fdatasync`.

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

pub(super) fn run(writers: usize, seconds: f64, folder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let (folder, temporary) = work_folder(folder)?;
    let syncs = raw_syncs(&folder)?;
    let log_folder = folder.join("log");
    std::fs::create_dir_all(&log_folder)?;
    let dir = Dir::open_ambient_dir(&log_folder, cap_std::ambient_authority())?;
    let signer = audit::Ed25519Signer::generate("bench/log")?;
    let log = audit::Log::open(dir, "bench/log", Arc::new(signer))?.log;

    let runtime = crate::runtime()?;
    let bar = spinner("appending");
    let (mut times, took) = runtime.block_on(write(&log, writers, Duration::from_secs_f64(seconds)))?;
    bar.finish_and_clear();
    times.sort_unstable();
    let per_second = times.len() as f64 / took.as_secs_f64();
    let values = json!({
        "bench": "append",
        "entries_per_s": per_second.round(),
        "p50_us": us(percentile(&times, 0.50)),
        "p99_us": us(percentile(&times, 0.99)),
        "fdatasync_per_s": syncs.round(),
        "entries_per_fdatasync": (per_second / syncs * 10.0).round() / 10.0,
        "leaf_bytes": LEAF_BYTES,
        "n": times.len(),
        "threads": writers,
    });
    log.close()?;
    report(json, &format!("durable appends by {writers} writers"), values);
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}

async fn write(log: &audit::Log, writers: usize, time: Duration) -> anyhow::Result<(Vec<Duration>, Duration)> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < time {
                    let mut leaf = format!("{writer} {} ", times.len()).into_bytes();
                    leaf.resize(LEAF_BYTES, b'.');
                    let before = Instant::now();
                    log.append(leaf).await?;
                    times.push(before.elapsed());
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

/// Plain 4 KiB overwrites, each followed by `fdatasync`, for a second.
fn raw_syncs(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("raw");
    let mut file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let page = [0_u8; 4096];
    file.write_all(&page)?;
    file.sync_all()?;
    let started = Instant::now();
    let mut n = 0_u32;
    while started.elapsed() < Duration::from_secs(1) {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.sync_data()?;
        n += 1;
    }
    let rate = f64::from(n) / started.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path)?;
    Ok(rate)
}
