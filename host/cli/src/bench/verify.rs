//! `bench verify`: every entry of a log hashed again and compared with the signed root, as `audit verify` does.

use super::{log, report, work_folder};
use crate::output::bar;
use anyhow::bail;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

pub(super) fn run(entries: u64, folder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let (folder, temporary) = work_folder(folder)?;
    let written = log::write(&folder, entries)?;
    let (dir, key) = (written.dir()?, written.key()?);
    let bar = bar("verifying", entries);
    let started = Instant::now();
    let verified = audit::verify::directory(&dir, &key, None, &mut |done, _| bar.set_position(done))?;
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    if verified.entries_hashed != entries {
        bail!("{} entries were hashed instead of {entries}", verified.entries_hashed);
    }
    let values = json!({
        "bench": "verify",
        "entries_per_s": (entries as f64 / seconds.max(1e-9)).round(),
        "took_s": (seconds * 1000.0).round() / 1000.0,
        "entry_bytes": written.entry_bytes,
        "n": entries,
        "threads": rayon::current_num_threads(),
    });
    report(json, &format!("a log of {entries} entries verified"), values);
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}
