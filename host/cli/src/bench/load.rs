//! `bench load`: how long a server takes to have a gallery at work, from the database and from the gallery's snapshot.
//!
//! Records go straight into an embedded database, which is closed and opened again before anything is measured. What is
//! measured is what a server calls when it starts. The snapshot is opened twice: as it was written, which finds it in memory, and
//! put out of it, as after the machine's start.

use super::cold::{disk_bytes, disk_bytes_since, put_out_of_memory};
use super::{report, template_dim, templates, work_folder};
use crate::output::bar;
use anyhow::bail;
use cap_std::fs::Dir;
use casework::chamber::Loading;
use casework::gallery::Hall;
use casework::shelf::{self, Shelf};
use model::filter::{FilterKind, Filterable};
use model::registry::Gallery;
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the gallery and its jurisdiction are called.
const NAME: &str = "bench";

#[derive(clap::Args)]
#[command(after_help = "Example:\n  magistrate bench load --rows 1000000 --dim 512")]
pub(crate) struct Arguments {
    /// Records enrolled
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Numbers per template
    #[arg(long, default_value_t = 512, value_parser = template_dim::<u32>)]
    dim: u32,
    /// Declare no filters, whose values are read out of the sealed booking data
    #[arg(long)]
    no_filters: bool,
    /// The folder for database and gallery; a temporary one in the working folder where absent
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Print one JSON line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.rows == 0 {
        bail!("there is nothing to load: name at least one row");
    }
    let (folder, temporary) = work_folder(arguments.folder.as_deref())?;
    let values = crate::runtime()?.block_on(measure(arguments, &folder))?;
    drop(temporary);
    report(arguments.json, &format!("loading {} × {}", arguments.rows, arguments.dim), values);
    Ok(ExitCode::SUCCESS)
}

async fn measure(arguments: &Arguments, folder: &Path) -> anyhow::Result<Value> {
    let url = format!("surrealkv://{}", folder.canonicalize()?.join("store").display());
    let key = store::MasterKey::generate();
    let (again, gallery) = (store::MasterKey::from_bytes(key.to_bytes()), gallery(arguments));
    let before = Instant::now();
    let opened = store::Store::open(&url, None, key).await?;
    enroll(arguments, &opened.jurisdiction(NAME).await?, &gallery).await?;
    opened.close().await;
    let enrolled = before.elapsed();

    let galleries = folder.join("galleries");
    std::fs::create_dir_all(&galleries)?;
    let opened = store::Store::open(&url, None, again).await?;
    let store = opened.jurisdiction(NAME).await?;
    let (hall, from_store) = load(&store, &gallery, &galleries).await?;
    let digest = hall.digest();
    if hall.has_snapshot().await || hall.len() != arguments.rows {
        bail!("the gallery was not loaded from the database");
    }
    let before = Instant::now();
    hall.save(&store, true).await?;
    let save = before.elapsed();
    hall.end().await;

    let from_snapshot = open(&store, &gallery, &galleries, digest).await?;
    for file in galleries.read_dir()? {
        put_out_of_memory(&file?.path())?;
    }
    let before = disk_bytes();
    let cold = open(&store, &gallery, &galleries, digest).await?;
    let read = disk_bytes_since(before);
    opened.close().await;
    let seconds = |time: Duration| json!((time.as_secs_f64() * 1e4).round() / 1e4);
    let per_s = |time: Duration| json!((arguments.rows as f64 / time.as_secs_f64().max(1e-9)).round());
    Ok(json!({
        "bench": "load",
        "load_from_store_s": seconds(from_store),
        "load_from_snapshot_s": seconds(from_snapshot),
        "load_from_snapshot_cold_s": seconds(cold),
        "load_from_snapshot_cold_disk_bytes": read,
        "load_from_store_rows_per_s": per_s(from_store),
        "snapshot_write_s": seconds(save),
        "enroll_rows_per_s": per_s(enrolled),
        "filters": gallery.filters.len(),
        "rows": arguments.rows,
        "dim": arguments.dim,
        "n": 1,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
    }))
}

fn gallery(arguments: &Arguments) -> Gallery {
    let filter = |name: &str, kind, field: Option<&str>, choices: &[&str]| Filterable {
        name: name.to_owned(),
        kind,
        field: field.map(str::to_owned),
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
    };
    let filters = [
        filter("sex", FilterKind::Choice, None, &["F", "M", "X"]),
        filter("age", FilterKind::Age, Some("date-of-birth"), &[]),
        filter("booking-agency", FilterKind::Choice, None, &["east", "west"]),
        filter("booking-date", FilterKind::Date, None, &[]),
    ];
    Gallery {
        id: NAME.to_owned(),
        class: "mugshot".to_owned(),
        model: NAME.to_owned(),
        dim: arguments.dim,
        last_scrubbed: None,
        filters: if arguments.no_filters { Vec::new() } else { filters.into() },
    }
}

async fn enroll(arguments: &Arguments, store: &store::Jurisdiction, gallery: &Gallery) -> anyhow::Result<()> {
    store.put_gallery(gallery).await?;
    let bar = bar("enrolling", arguments.rows as u64);
    let mut rows = templates(arguments.rows, usize::try_from(arguments.dim)?, 1).enumerate();
    loop {
        let batch: Vec<store::NewRecord> =
            rows.by_ref().take(store::BATCH_ROWS).map(|(i, template)| record(i, template)).collect();
        if batch.is_empty() {
            break;
        }
        let n = batch.len() as u64;
        store.insert_records(&gallery.id, batch).await?;
        bar.inc(n);
    }
    bar.finish_and_clear();
    Ok(())
}

/// A record as a booking makes it, less the photograph.
fn record(i: usize, template: Vec<f32>) -> store::NewRecord {
    let (year, month, day) = (1940 + i % 65, 1 + i % 12, 1 + i % 28);
    let booking = [
        ("name", format!("Person {i}")),
        ("booking-number", format!("B-{i}")),
        ("booking-date", format!("{}-{month:02}-{day:02}", 2005 + i % 20)),
        ("date-of-birth", format!("{year}-{month:02}-{day:02}")),
        ("booking-agency", if i.is_multiple_of(3) { "west" } else { "east" }.to_owned()),
        ("sex", if i.is_multiple_of(4) { "F" } else { "M" }.to_owned()),
    ];
    store::NewRecord {
        id: format!("r{i:09}"),
        template,
        model: NAME.to_owned(),
        status: "active".to_owned(),
        booking: booking.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        photo: None,
        provenance: store::Provenance::default(),
    }
}

/// How long the gallery takes to be at work from its snapshot.
async fn open(
    store: &store::Jurisdiction,
    gallery: &Gallery,
    folder: &Path,
    digest: Digest,
) -> anyhow::Result<Duration> {
    let (hall, took) = load(store, gallery, folder).await?;
    if !hall.has_snapshot().await || hall.digest() != digest {
        bail!("the gallery was not opened from its snapshot");
    }
    hall.end().await;
    Ok(took)
}

/// The gallery at work, and how long that took.
async fn load(store: &store::Jurisdiction, gallery: &Gallery, folder: &Path) -> anyhow::Result<(Hall, Duration)> {
    let dir = Dir::open_ambient_dir(folder, cap_std::ambient_authority())?;
    let records = store.count(&gallery.id).await?;
    let bar = bar("loading", records);
    let progress = |loading: Loading<'_>| bar.set_position(loading.rows);
    let before = Instant::now();
    let hall = shelf::load(NAME, store, gallery, Some(Arc::new(Shelf::new(dir, NAME))), &progress).await?;
    let took = before.elapsed();
    bar.finish_and_clear();
    Ok((hall, took))
}
