//! `bench search`: exact top k over generated templates.

use super::{ms, percentile, report, templates};
use crate::output::bar;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Probes in the largest pass.
const PROBES: usize = 32;

pub(super) fn run(rows: usize, dim: usize, k: usize, n: usize, json: bool) -> anyhow::Result<ExitCode> {
    let mut gallery = search::Gallery::with_capacity(dim, rows)?;
    let bar = bar("templates", rows as u64);
    for (i, template) in templates(rows, dim, 1).enumerate() {
        gallery.insert(&format!("{i:09}"), &template)?;
        if i % 1000 == 0 {
            bar.set_position(i as u64);
        }
    }
    bar.finish_and_clear();
    let probes: Vec<Vec<f32>> = templates(PROBES, dim, 2).collect();
    std::hint::black_box(gallery.search(&probes[0], k)?);

    let mut one = Vec::with_capacity(n);
    let mut reranked = 0;
    for i in 0..n {
        let before = Instant::now();
        let answer = gallery.search(&probes[i % PROBES], k)?;
        one.push(before.elapsed());
        reranked = answer.certificate.rows_reranked.max(reranked);
    }
    one.sort_unstable();
    let values = json!({
        "bench": "search",
        "one_probe_p50_ms": ms(percentile(&one, 0.50)),
        "one_probe_p99_ms": ms(percentile(&one, 0.99)),
        "batch_8_ms_per_probe": ms(batch(&gallery, &probes[..8.min(PROBES)], k)),
        "batch_32_ms_per_probe": ms(batch(&gallery, &probes, k)),
        "rows_reranked_most": reranked,
        "rows": rows,
        "dim": dim,
        "k": k,
        "n": n,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
    });
    report(json, &format!("exact top {k} of {rows} × {dim}"), values);
    Ok(ExitCode::SUCCESS)
}

/// The median over a few passes, per probe.
fn batch(gallery: &search::Gallery, probes: &[Vec<f32>], k: usize) -> Duration {
    let views: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    let most = vec![k; probes.len()];
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let before = Instant::now();
            std::hint::black_box(gallery.search_many(&views, &most));
            before.elapsed()
        })
        .collect();
    times.sort_unstable();
    percentile(&times, 0.5) / u32::try_from(probes.len()).unwrap_or(1)
}
