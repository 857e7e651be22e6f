//! `bench append`: durable appends by many writers, beside what the same disk does with a plain `fdatasync`. As in production an
//! entry is durable before its writer goes on; what else becomes durable with it there, its account, is asked for.
//!
//! Writers that do nothing but wait for each other say how much a log can take. What one has to wait for when it takes less than
//! that, another run says: so many entries are offered, each writer's at an interval.

use super::{percentile, report, us, work_folder};
use crate::output::spinner;
use anyhow::Context as _;
use cap_std::fs::Dir;
use serde_json::json;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a leaf: what a judged step's leaf has.
const LEAF_BYTES: usize = 420;

/// What is offered besides, in times of what the disk does without a log.
pub(super) const PACE: f64 = 20.0;

/// What is to be measured.
pub(super) struct Plan {
    pub(super) writers: usize,
    pub(super) seconds: f64,
    pub(super) rider_bytes: usize,
    /// How many entries are offered for each `fdatasync` that the disk alone would do; 0 for none.
    pub(super) pace: f64,
    pub(super) folder: Option<PathBuf>,
    pub(super) json: bool,
}

/// What writers did, and how long each entry of theirs took.
struct Measured {
    /// From the shortest on.
    times: Vec<Duration>,
    took: Duration,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn at(&self, share: f64) -> Duration {
        percentile(&self.times, share)
    }
}

pub(super) fn run(plan: &Plan) -> anyhow::Result<ExitCode> {
    let &Plan { writers, rider_bytes, pace, .. } = plan;
    let time = Duration::try_from_secs_f64(plan.seconds)?;
    let (folder, temporary) = work_folder(plan.folder.as_deref())?;
    let syncs = raw_syncs(&folder)?;
    let log_folder = folder.join("log");
    std::fs::create_dir_all(&log_folder)?;
    let dir = Dir::open_ambient_dir(&log_folder, cap_std::ambient_authority())?;
    let signer = audit::Ed25519Signer::generate("bench/log")?;
    let log = audit::Log::open(dir, "bench/log", Arc::new(signer))?.log;

    let runtime = crate::runtime()?;
    let bar = spinner("appending");
    let all = runtime.block_on(write(&log, plan, time, None))?;
    let paced = (pace > 0.0).then(|| {
        let interval = Duration::try_from_secs_f64(writers as f64 / (pace * syncs))?;
        runtime.block_on(write(&log, plan, time, Some(interval)))
    });
    let paced = paced.transpose()?;
    bar.finish_and_clear();
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    let in_syncs = |time: Duration| tenths(time.as_secs_f64() * syncs);
    let mut values = json!({
        "bench": "append",
        "entries_per_s": all.per_second().round(),
        "p50_us": us(all.at(0.50)),
        "p99_us": us(all.at(0.99)),
        "p99_fdatasyncs": in_syncs(all.at(0.99)),
        // By Little's law: so many writers that are always waiting wait so long on average, whatever the log does.
        "waiting_fdatasyncs": tenths(writers as f64 / all.per_second().max(1e-9) * syncs),
        "fdatasync_per_s": syncs.round(),
        "entries_per_fdatasync": tenths(all.per_second() / syncs),
        "leaf_bytes": LEAF_BYTES,
        "rider_bytes": rider_bytes,
        "n": all.times.len(),
        "threads": writers,
    });
    if let Some(paced) = paced {
        values["paced_entries_per_s"] = json!(paced.per_second().round());
        values["paced_entries_per_fdatasync"] = json!(tenths(paced.per_second() / syncs));
        values["paced_p50_us"] = us(paced.at(0.50));
        values["paced_p99_us"] = us(paced.at(0.99));
        values["paced_p99_fdatasyncs"] = json!(in_syncs(paced.at(0.99)));
    }
    log.close()?;
    report(plan.json, &format!("durable appends by {writers} writers"), values);
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}

/// Has the writers append, each entry once the one before is durable; where there is an interval, each writer begins one an interval
/// after it began the last. What a writer is late by, because it still waited for the one before, counts as waiting.
async fn write(log: &audit::Log, plan: &Plan, time: Duration, interval: Option<Duration>) -> anyhow::Result<Measured> {
    let &Plan { writers, rider_bytes, .. } = plan;
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut due = started + interval.unwrap_or_default().mul_f64(writer as f64 / writers as f64);
                // None that would be due when the time is over is waited for.
                while started.elapsed() < time && due < started + time {
                    let mut leaf = format!("{writer} {} ", times.len()).into_bytes();
                    leaf.resize(LEAF_BYTES, b'.');
                    let rider = vec![b'.'; rider_bytes];
                    let began = begin(interval, &mut due).await;
                    let appended = log.append_with(leaf, rider).await?;
                    times.push(began.elapsed());
                    // As soon as the database has it; here at once.
                    log.release(appended.index);
                }
                Ok::<_, audit::AppendError>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let took = started.elapsed();
    times.sort_unstable();
    Ok(Measured { times, took })
}

/// Waits until the next entry is due, and gives the moment from which on it waits.
async fn begin(interval: Option<Duration>, due: &mut Instant) -> Instant {
    let (Some(interval), now) = (interval, Instant::now()) else { return Instant::now() };
    let this = std::mem::replace(due, *due + interval);
    if this <= now {
        return this;
    }
    tokio::time::sleep_until(this.into()).await;
    Instant::now()
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
