//! `bench replay`: decisions that a server took and recorded, taken again as `audit replay` does: entries, accounts and archive
//! read, every decision compared to the byte.

use super::{report, serve, work_folder};
use crate::audit_command::replay;
use anyhow::{Context as _, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Rows of the gallery that is searched: how long a search takes is measured elsewhere.
const ROWS: usize = 1000;

/// Clients that have decisions taken, at the same moment.
const CLIENTS: usize = 8;

pub(super) fn run(policy: &Path, seconds: f64, folder: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let jurisdiction = policy.file_name().and_then(|name| name.to_str()).context("the policy's folder has no name")?;
    let policies =
        policy.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    let (folder, temporary) = work_folder(folder)?;
    let plan = serve::Plan {
        policies,
        jurisdiction: jurisdiction.to_owned(),
        rows: ROWS,
        clients: CLIENTS,
        seconds,
        folder: None,
        json,
    };
    let home = folder.join("deployment");
    let config = serve::record(&plan, &home)?;
    let again = crate::runtime()?.block_on(replay::measure(&config, jurisdiction))?;
    if again.differing > 0 || again.same == 0 {
        bail!("of {} decisions {} came out otherwise: this measures no replay", again.decisions, again.differing);
    }
    let seconds = again.took.as_secs_f64();
    let values = json!({
        "bench": "replay",
        "policy": jurisdiction,
        "decisions_per_s": (again.decisions as f64 / seconds.max(1e-9)).round(),
        "took_s": (seconds * 1000.0).round() / 1000.0,
        "n": again.decisions,
        "threads": replay::at_once(rayon::current_num_threads()),
    });
    report(json, &format!("recorded decisions of {jurisdiction} taken again"), values);
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}
