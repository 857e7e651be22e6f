//! `bench vet`: one decision after the other, each in a fresh instance, conversion of the matter included.

use super::{percentile, report, us};
use crate::output::bar;
use anyhow::bail;
use model::terms::{Phase, Verdict};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Decisions before the clock starts: the pool's slots are warm in a server too.
const WARM_UP: usize = 2_000;

pub(super) fn run(folder: &Path, n: usize, json: bool) -> anyhow::Result<ExitCode> {
    let engine = policy::Engine::new()?;
    let policy = policy::Folder::read(folder)?.load_unpinned(&engine)?;
    for phase in [Phase::Request, Phase::Search, Phase::Candidates] {
        let matter = policy::scenario::base(&folder.join("scenarios"), phase)?;
        let ruled = policy.decide(&matter);
        if ruled.decision.verdict != Verdict::Permit {
            let why: Vec<_> = ruled
                .decision
                .findings
                .iter()
                .map(|f| format!("{} {}", f.clause, f.explanation.as_deref().unwrap_or_default()))
                .collect();
            bail!("the base scenario is not permitted at {phase}, so this would measure a denial: {}", why.join("; "));
        }
        for _ in 0..WARM_UP {
            std::hint::black_box(policy.decide(&matter));
        }
        let bar = bar(&format!("decisions, phase {phase}"), n as u64);
        let mut times = Vec::with_capacity(n);
        let started = Instant::now();
        for i in 0..n {
            let before = Instant::now();
            std::hint::black_box(policy.decide(std::hint::black_box(&matter)));
            times.push(before.elapsed());
            if i % 1000 == 0 {
                bar.set_position(i as u64);
            }
        }
        let per_second = (n as f64 / started.elapsed().as_secs_f64()).round();
        bar.finish_and_clear();
        times.sort_unstable();
        let values = json!({
            "bench": "vet",
            "policy": policy.reference().id,
            "phase": phase.name(),
            "p50_us": us(percentile(&times, 0.50)),
            "p99_us": us(percentile(&times, 0.99)),
            "decisions_per_s": per_second,
            "fuel": ruled.fuel,
            "findings": ruled.decision.outcomes().count(),
            "obligations": ruled.decision.obligations.len(),
            "n": n,
            "threads": 1,
        });
        report(json, &format!("decisions of {}, phase {phase}", policy.reference().id), values);
    }
    Ok(ExitCode::SUCCESS)
}
