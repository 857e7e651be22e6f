//! `bench search`: exact top k over generated templates or those of a file.
//!
//! The gallery is what a server has: codes in memory, f32 rows in a file, opened from its own snapshot: as it was written, which
//! finds it in memory, and put out of it, as after the machine's start. What plainly reading as much memory takes is measured
//! in the same run, and on request the database's own search.

use super::cold::{disk_bytes, disk_bytes_since, put_out_of_memory};
use super::vectors::Vectors;
use super::{ms, percentile, report, some, template_dim, work_folder};
use crate::output::{bar, spinner};
use anyhow::{Context as _, bail};
use model::terms::Digest;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Probes in the largest pass.
const PROBES: usize = 32;

/// Rows generated unless told otherwise.
const ROWS: usize = 1_000_000;

/// Times a batch, a plain read and the database's search are each repeated; the median is reported.
const REPEATED: usize = 5;

/// Times memory is plainly read.
const READS: usize = 30;

/// Rows given to the gallery at once: some megabytes of templates.
const BATCH: usize = 1024;

/// Rows given to the database at once.
const PEER_BATCH: usize = 500;

#[derive(clap::Args)]
#[command(after_help = "Example:\n  magistrate bench search --rows 1000000 --dim 512\n  \
    magistrate bench search --vectors gallery.f32 --probes probes.f32 --dim 512 --k 20 --json --results out.json")]
pub(crate) struct Arguments {
    /// Rows: generated, or the first of the file; a million, or all of them, where absent
    #[arg(long)]
    rows: Option<usize>,
    /// Numbers per template
    #[arg(long, default_value_t = 512, value_parser = template_dim::<usize>)]
    dim: usize,
    /// Candidates
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Passes measured
    #[arg(long, default_value_t = 200, value_parser = some)]
    n: usize,
    /// Scan with this kernel rather than the fastest one that this machine has
    #[arg(long, value_parser = ["avx512-vnni", "avx2", "neon", "simsimd", "portable"])]
    kernel: Option<String>,
    /// A file of templates to search among: little-endian f32, row after row; its row numbers are the ids
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// A file of probes in the same form; generated ones where absent
    #[arg(long)]
    probes: Option<PathBuf>,
    /// Where to write what was found: a JSON list of row numbers for each probe, best first
    #[arg(long)]
    results: Option<PathBuf>,
    /// Also let the database search among so many rows by itself, to compare with
    #[arg(long)]
    knn_rows: Option<usize>,
    /// The folder for the gallery's file; a temporary one in the working folder where absent
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Print one JSON line
    #[arg(long)]
    json: bool,
}

/// How long it took until the gallery could be searched.
struct Beginning {
    /// From the templates.
    load: Duration,
    /// Writing the snapshot, the f32 rows not counted.
    seal: Duration,
    /// From the snapshot just written.
    open: Duration,
    /// From the snapshot put out of memory.
    open_cold: Duration,
    /// What that read from the disk; absent where the system does not say.
    disk_bytes: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let &Arguments { dim, k, n, .. } = arguments;
    let vectors = match &arguments.vectors {
        Some(path) => Vectors::of_file(path, dim, arguments.rows)?,
        None => Vectors::Generated { rows: arguments.rows.unwrap_or(ROWS), dim, seed: 1 },
    };
    let probes = match &arguments.probes {
        Some(path) => Vectors::of_file(path, dim, None)?,
        None => Vectors::Generated { rows: PROBES, dim, seed: 2 },
    };
    let probes = probes.first(usize::MAX)?;
    for probe in &probes {
        // What is refused is fast, and nothing to measure.
        search::normalise(probe, dim)?;
    }
    if arguments.knn_rows.is_some() && k != store::PEER_K {
        bail!("the database is asked for {}: compare it with --k {}", store::PEER_K, store::PEER_K);
    }
    if vectors.len() == 0 || probes.is_empty() || k == 0 {
        bail!("there is nothing to measure: name at least one row, one probe and one candidate");
    }
    // Before anything is measured, which would be lost if they could not be written.
    let results = arguments.results.as_deref().map(Results::create).transpose()?;
    let (folder, temporary) = work_folder(arguments.folder.as_deref())?;
    let place = tempfile::NamedTempFile::new_in(&folder)?;
    let (mut gallery, beginning) = begin(place.path(), &vectors, dim)?;
    if let Some(kernel) = &arguments.kernel
        && !gallery.use_kernel(kernel)
    {
        bail!("this machine has no {kernel}: leave --kernel out");
    }

    let bar = spinner("searching");
    let before = Instant::now();
    std::hint::black_box(gallery.search(&probes[0], k)?);
    let first_answer = before.elapsed();
    // What comes from the disk for the first time is no measure of any other.
    for probe in probes.iter().take(n.max(PROBES)).skip(1) {
        std::hint::black_box(gallery.search(probe, k)?);
    }
    let mut one = Vec::with_capacity(n);
    let mut reranked = 0;
    for i in 0..n {
        let before = Instant::now();
        let answer = gallery.search(&probes[i % probes.len()], k)?;
        one.push(before.elapsed());
        reranked = answer.certificate.rows_reranked.max(reranked);
    }
    one.sort_unstable();
    let p50 = percentile(&one, 0.50);
    let rows = gallery.len();
    // Before the plain read has memory of its own.
    let resident = resident_bytes();
    let scanned = gallery.scan_bytes();
    let mut values = json!({
        "bench": "search",
        "one_probe_p50_ms": ms(p50),
        "one_probe_p99_ms": ms(percentile(&one, 0.99)),
        "batch_8_ms_per_probe": ms(batch(&gallery, &probes, 8, k)?),
        "batch_32_ms_per_probe": ms(batch(&gallery, &probes, PROBES, k)?),
        "kernel": gallery.kernel(),
        "scan_gb_per_s": gigabytes(scanned, p50),
        "plain_read_gb_per_s": gigabytes(scanned, plain_read(scanned)?),
        "scan_bytes_per_row": per_row(scanned, rows),
        "code_bytes_per_row": per_row(gallery.code_bytes(), rows),
        "rows_reranked_most": reranked,
        "load_ms": ms(beginning.load),
        "snapshot_write_ms": ms(beginning.seal),
        "snapshot_open_ms": ms(beginning.open),
        "snapshot_open_cold_ms": ms(beginning.open_cold),
        "snapshot_open_cold_disk_bytes": beginning.disk_bytes,
        "first_answer_ms": ms(first_answer),
        "resident_bytes": resident,
        "file_bytes": place.path().metadata()?.len(),
        "rows": rows,
        "dim": dim,
        "k": k,
        "n": n,
        "threads": rayon::current_num_threads(),
    });
    bar.finish_and_clear();
    if let Some(results) = results {
        results.write(&row_numbers(&gallery, &probes, k)?)?;
    }
    if let Some(rows) = arguments.knn_rows {
        let rows = rows.min(vectors.len()).max(1);
        let took = crate::runtime()?.block_on(database(&vectors, rows, &probes))?;
        let per_row = |time: Duration, rows: usize| time.as_secs_f64() / rows as f64;
        let ratio = per_row(took, rows) / per_row(p50, gallery.len());
        values["surrealdb_knn_ms"] = ms(took);
        values["surrealdb_knn_rows"] = json!(rows);
        values["surrealdb_knn_k"] = json!(store::PEER_K);
        values["per_row_ratio"] = json!(ratio.round());
    }
    drop((gallery, place, temporary));
    report(arguments.json, &format!("exact top {k} of {rows} × {dim}"), values);
    Ok(ExitCode::SUCCESS)
}

/// Where to write what was found.
struct Results<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Results<'a> {
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn write(mut self, found: &[Vec<u64>]) -> anyhow::Result<()> {
        let found = serde_json::to_vec(found)?;
        self.file.write_all(&found).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Fills a gallery, makes a snapshot of it, and opens that.
fn begin(path: &Path, vectors: &Vectors, dim: usize) -> anyhow::Result<(search::Gallery, Beginning)> {
    let file = || File::options().read(true).write(true).open(path);
    let before = Instant::now();
    let mut gallery = search::Gallery::in_file(dim, vectors.len(), file()?)?;
    let filling = bar("templates", vectors.len() as u64);
    let mut batch: Vec<(String, Vec<f32>)> = Vec::with_capacity(BATCH);
    vectors.each(usize::MAX, |i, template| {
        // Here, where it is known which row it is.
        search::normalise(template, dim)?;
        batch.push((format!("{i:09}"), template.to_vec()));
        if batch.len() == BATCH {
            put(&mut gallery, &mut batch)?;
            filling.set_position(i as u64);
        }
        Ok(())
    })?;
    put(&mut gallery, &mut batch)?;
    filling.finish_and_clear();
    let load = before.elapsed();

    let edition =
        search::Edition { model: "bench".to_owned(), generation: 1, stamp: String::new(), columns: String::new() };
    let sealing = spinner("writing the snapshot");
    let before = Instant::now();
    gallery.seal(&edition, &search::Plaintext)?;
    let seal = before.elapsed();
    sealing.finish_and_clear();
    // The next one has its own memory, which there need not be room for twice.
    drop(gallery);

    let opened = || -> anyhow::Result<(search::Gallery, Duration)> {
        let before = Instant::now();
        let gallery = search::Gallery::open(file()?, &edition, dim, &search::Plaintext)?;
        Ok((gallery, before.elapsed()))
    };
    let opening = spinner("opening the snapshot");
    let (gallery, open) = opened()?;
    drop(gallery);
    put_out_of_memory(path)?;
    let before = disk_bytes();
    let (gallery, open_cold) = opened()?;
    let disk_bytes = disk_bytes_since(before);
    opening.finish_and_clear();
    Ok((gallery, Beginning { load, seal, open, open_cold, disk_bytes }))
}

/// Adds a batch to the gallery, and empties it.
fn put(gallery: &mut search::Gallery, batch: &mut Vec<(String, Vec<f32>)>) -> anyhow::Result<()> {
    let new: Vec<search::NewRow<'_>> = batch
        .iter()
        .map(|(id, template)| search::NewRow { id, template, attributes: &[], element: Digest::of(id.as_bytes()) })
        .collect();
    gallery.insert_all(&new)?;
    batch.clear();
    if !gallery.is_in_file() {
        bail!("the disk takes no more rows, and memory is not for them: name a --folder with more room");
    }
    Ok(())
}

/// The median over a few passes of so many probes, per probe.
fn batch(gallery: &search::Gallery, probes: &[Vec<f32>], count: usize, k: usize) -> anyhow::Result<Duration> {
    let views: Vec<&[f32]> = (0..count).map(|i| probes[i % probes.len()].as_slice()).collect();
    let most = vec![k; count];
    let mut times = Vec::with_capacity(REPEATED);
    for _ in 0..REPEATED {
        let before = Instant::now();
        let answers = std::hint::black_box(gallery.search_many(&views, &most));
        times.push(before.elapsed());
        // What is refused is fast, and nothing to measure.
        for answer in answers {
            answer?;
        }
    }
    times.sort_unstable();
    Ok(percentile(&times, 0.5) / u32::try_from(count).unwrap_or(1))
}

/// How long all threads together take to read so many bytes of memory and do no more with them than add them up.
fn plain_read(bytes: u64) -> anyhow::Result<Duration> {
    let yardstick = search::Yardstick::new(usize::try_from(bytes)?)?;
    let mut times: Vec<Duration> = (0..READS).map(|_| yardstick.read()).collect();
    times.sort_unstable();
    Ok(percentile(&times, 0.5))
}

/// To one digit after the point.
fn per_row(bytes: u64, rows: usize) -> Value {
    json!((bytes as f64 / rows as f64 * 10.0).round() / 10.0)
}

/// What is found for each probe, as row numbers: alone as in a pass of many, or it is an error.
fn row_numbers(gallery: &search::Gallery, probes: &[Vec<f32>], k: usize) -> anyhow::Result<Vec<Vec<u64>>> {
    let mut found = Vec::with_capacity(probes.len());
    for pass in probes.chunks(PROBES) {
        let views: Vec<&[f32]> = pass.iter().map(Vec::as_slice).collect();
        for (answer, probe) in gallery.search_many(&views, &vec![k; views.len()]).into_iter().zip(pass) {
            let hits = answer?.hits;
            if gallery.search(probe, k)?.hits != hits {
                bail!("probe {} finds other rows alone than among others: report this", found.len());
            }
            found.push(hits.iter().map(|hit| hit.id.parse::<u64>()).collect::<Result<Vec<_>, _>>()?);
        }
    }
    Ok(found)
}

/// The median time that the embedded database takes to find a probe's nearest among the first rows, all in memory.
async fn database(vectors: &Vectors, rows: usize, probes: &[Vec<f32>]) -> anyhow::Result<Duration> {
    let store = store::Store::open("mem://", None, store::MasterKey::generate()).await?;
    let peer = store.jurisdiction("bench").await?;
    let templates = vectors.first(rows)?;
    let bar = bar("rows in the database", rows as u64);
    for (i, part) in templates.chunks(PEER_BATCH).enumerate() {
        peer.put_peer_rows((i * PEER_BATCH) as u64, part.to_vec()).await?;
        bar.inc(part.len() as u64);
    }
    bar.finish_and_clear();
    let mut times = Vec::with_capacity(REPEATED);
    for i in 0..REPEATED {
        let before = Instant::now();
        let found = peer.peer_knn(&probes[i % probes.len()]).await?;
        times.push(before.elapsed());
        if found.len() != store::PEER_K.min(rows) {
            bail!("the database found {} rows and was asked for {}", found.len(), store::PEER_K);
        }
    }
    times.sort_unstable();
    store.close().await;
    Ok(percentile(&times, 0.5))
}

/// 10⁹ bytes per second, to one digit after the point.
fn gigabytes(bytes: u64, time: Duration) -> Value {
    json!((bytes as f64 / time.as_secs_f64().max(1e-9) / 1e8).round() / 10.0)
}

/// Memory this process has that is in no file, as the kernel counts it; absent where it does not say.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_in_which_a_search_fails_is_no_measure() {
        let mut gallery = search::Gallery::new(2).unwrap();
        gallery.insert("a", &[1.0, 0.0]).unwrap();
        let probes = |other: Vec<f32>| vec![vec![1.0, 0.0], other];
        assert!(batch(&gallery, &probes(vec![0.0, 1.0]), 8, 1).is_ok());
        let failed = batch(&gallery, &probes(vec![1.0; 3]), 8, 1).unwrap_err();
        assert!(failed.to_string().contains("send exactly 2"), "{failed}");
    }
}
