//! Templates: how a row of numbers is kept, and how a gallery's are read again.
//!
//! A template's row is small enough for the engine to keep beside its key, and stands apart from the booking, so that
//! loading a gallery reads nothing else. Its key carries a bucket made from the record's id: the engine reads a range
//! of keys whole, whatever `LIMIT` says, so buckets are what cuts a gallery into pages. Pages are read and checked by
//! several tasks side by side: to the engine, a row costs more than it costs a disk.

use crate::database::Patience;
use crate::engine::Snapshot;
use crate::error::StoreError;
use crate::gallery::{GalleryState, NewRecord};
use crate::holdings::state_of;
use crate::paging::{self, Pages, Tasks};
use crate::rows::{Row, digest_bytes, key, key_of, number, range, text};
use crate::schema::{GENERATION, TEMPLATE};
use crate::store::Jurisdiction;
use model::multiset::{self, MultisetHash};
use model::{registry::Gallery, terms::Digest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use surrealdb::types::{Bytes, Object, RecordId, RecordIdKey, Value, object};

/// Buckets of a gallery: with pages of the size below, up to 32 GB of templates are read in pages of even size.
const BUCKETS: u64 = 4096;

/// Bytes read at a time, well below the 64 MB that a server may send in one message.
const PAGE_BYTES: u64 = 8 << 20;

/// Rows asked for by name at a time: with the largest templates as many bytes as in a page.
const PAGE_ROWS: usize = 500;

/// Buckets whose records are counted at a time where their sum has to be found anew: some 20,000 records of ten million.
const BUCKETS_COUNTED: usize = 8;

/// Bytes of a row besides its template, generously.
const ROW_BYTES: u64 = 256;

/// Numbers per template to reckon with where the gallery is not listed: the registry takes no more.
const LARGEST_DIM: u32 = 4096;

/// How far the square of a template's length may be from 1: single-precision rounding of 4,096 numbers stays below.
const UNIT_TOLERANCE: f64 = 1e-3;

/// A template as it is loaded into RAM.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTemplate {
    /// The record's id.
    pub id: String,
    /// The template: `dim` numbers, of length 1.
    pub template: Vec<f32>,
    /// The record's status.
    pub status: String,
    /// The agency that the record comes from, empty where nobody said; absent where an older program kept the row, and only the
    /// booking says so.
    pub origin: Option<String>,
    /// The SHA-256 of the template as it is kept.
    pub digest: Digest,
}

impl StoredTemplate {
    /// What the record counts as in the digest of its gallery.
    pub fn element(&self) -> Digest {
        multiset::record(&self.id, self.digest, &self.status)
    }
}

impl Jurisdiction {
    /// One record's template, checked like all of them; absent if there is no such record.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn template(&self, gallery: &str, id: &str) -> Result<Option<StoredTemplate>, StoreError> {
        let Some(row) = self.db.find(TEMPLATE, key_in(gallery, id)).await? else { return Ok(None) };
        let listed = self.gallery(gallery).await?;
        stored(row, listed.as_ref()).map(Some)
    }

    /// These records' templates, checked like all of them, in no particular order, less those that are not enrolled (any more).
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn templates(&self, gallery: &str, ids: &[String]) -> Result<Vec<StoredTemplate>, StoreError> {
        let listed = self.gallery(gallery).await?;
        let mut templates = Vec::with_capacity(ids.len());
        for some in ids.chunks(PAGE_ROWS) {
            let keys = some.iter().map(|id| key_in(gallery, id)).collect();
            for row in self.db.find_all(TEMPLATE, keys).await? {
                templates.push(stored(row, listed.as_ref())?);
            }
        }
        Ok(templates)
    }

    /// Passes every template of a gallery to `each`, many at a time and in no particular order, and returns the state they
    /// are of: what is enrolled or removed meanwhile does not show. Every template's digest, dimension and model is
    /// checked, and their number; that their sum is the state's is for the caller to see, who adds them up anyway.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] naming a row that is not as it was enrolled. `each` may have been called by then: throw
    /// away what it was given.
    pub async fn load_templates(
        &self,
        gallery: &str,
        each: &mut (dyn FnMut(Vec<StoredTemplate>) + Send),
    ) -> Result<GalleryState, StoreError> {
        let listed = self.gallery(gallery).await?;
        let (snapshots, mut state) = self.snapshots(gallery).await?;
        let dim = listed.as_ref().map_or(LARGEST_DIM, |gallery| gallery.dim);
        let bytes = state.records.saturating_mul(u64::from(dim) * 4 + ROW_BYTES);
        let span = BUCKETS.div_ceil(bytes.div_ceil(PAGE_BYTES).clamp(1, BUCKETS));
        let shared = Arc::new(Reading { gallery: gallery.to_owned(), listed, span, next: AtomicU64::new(0) });
        // Of a gallery whose row does not say what it holds, as older programs left it.
        let unsaid = state.records > 0 && state.holdings == MultisetHash::default();
        let mut sum = MultisetHash::default();
        let mut loaded = 0;
        let start = |pages: Pages<Vec<StoredTemplate>>| -> Tasks {
            let read = |snapshot| tokio::spawn(read(snapshot, Arc::clone(&shared), pages.clone()));
            snapshots.into_iter().map(read).collect()
        };
        paging::gather(start, &mut |page: Vec<StoredTemplate>| {
            loaded += page.len() as u64;
            if unsaid {
                page.iter().for_each(|row| sum.add(row.element()));
            }
            each(page);
        })
        .await?;
        if loaded != state.records {
            let reason = format!("it counts {} records, and {loaded} have a template", state.records);
            return Err(StoreError::Damaged { table: GENERATION, id: gallery.to_owned(), reason });
        }
        if unsaid {
            self.say_holdings(gallery, &state, &sum).await?;
            state.holdings = sum;
        }
        Ok(state)
    }

    /// The sum of what the records of a gallery count as but this one, by what is kept with their templates. Records of which
    /// even that cannot be read count for nothing.
    pub(crate) async fn sum_without(&self, gallery: &str, id: &str) -> Result<MultisetHash, StoreError> {
        let snapshot = self.db.client.snapshot().await?;
        let sum = sum_of_others(&snapshot, gallery, id).await;
        snapshot.end().await;
        sum
    }

    /// Transactions, one for each task that reads, that see a gallery in the same state.
    async fn snapshots(&self, gallery: &str) -> Result<(Vec<Snapshot>, GalleryState), StoreError> {
        let mut patience = Patience::default();
        loop {
            let mut snapshots = Vec::with_capacity(paging::readers());
            match self.begin(gallery, &mut snapshots).await {
                Ok(Some(state)) => return Ok((snapshots, state)),
                Ok(None) if patience.left() => end(snapshots).await,
                begun => {
                    end(snapshots).await;
                    return Err(begun.err().unwrap_or(StoreError::Conflict));
                }
            }
            patience.pause().await;
        }
    }

    /// Begins as many transactions as there are to be readers; the state of the gallery, if all see the same.
    async fn begin(&self, gallery: &str, begun: &mut Vec<Snapshot>) -> Result<Option<GalleryState>, StoreError> {
        let mut states = Vec::with_capacity(paging::readers());
        for _ in 0..paging::readers() {
            let snapshot = self.db.client.snapshot().await?;
            let row = find(&snapshot, GENERATION, gallery).await;
            begun.push(snapshot);
            states.push(row?.as_mut().map(state_of).transpose()?.unwrap_or_default());
        }
        let state = states.pop().unwrap_or_default();
        Ok(states.iter().all(|other| *other == state).then_some(state))
    }

    /// Says in a gallery's row what it holds, if it is still in this state.
    async fn say_holdings(&self, gallery: &str, state: &GalleryState, sum: &MultisetHash) -> Result<(), StoreError> {
        let vars = object! {
            id: RecordId::new(GENERATION, key(gallery)),
            holdings: Bytes::from(sum.to_bytes()),
            // Counts changes: it came from the database, where it is an i64.
            generation: i64::try_from(state.generation).unwrap_or(i64::MAX),
        };
        let statement = "UPDATE $id SET holdings = $holdings WHERE generation = $generation RETURN NONE";
        self.db.write(&[statement], vars).await.map(drop)
    }
}

/// Templates themselves are not read: pages are of so many buckets that their rows are few even in a large gallery.
async fn sum_of_others(snapshot: &Snapshot, gallery: &str, id: &str) -> Result<MultisetHash, StoreError> {
    let mut sum = MultisetHash::default();
    for first in (0..BUCKETS).step_by(BUCKETS_COUNTED) {
        let until = (first + BUCKETS_COUNTED as u64).min(BUCKETS);
        let page = range(TEMPLATE, bounds(gallery, first), Some(bounds(gallery, until)));
        let rows = snapshot.ask("SELECT id, digest, status FROM $range", object! { range: page }).await?.values(0)?;
        for row in rows {
            let mut row = Row::new(TEMPLATE, row)?;
            if row.id() == id {
                continue;
            }
            if let (Ok(digest), Ok(status)) = (row.digest("digest"), row.text("status")) {
                sum.add(multiset::record(row.id(), digest, &status));
            }
        }
    }
    Ok(sum)
}

/// What the tasks share that read one gallery.
struct Reading {
    gallery: String,
    listed: Option<Gallery>,
    /// Buckets in a page.
    span: u64,
    /// The first bucket that nobody reads yet.
    next: AtomicU64,
}

async fn end(snapshots: Vec<Snapshot>) {
    for snapshot in snapshots {
        snapshot.end().await;
    }
}

/// Reads pages as long as there are any, and checks them.
async fn read(snapshot: Snapshot, reading: Arc<Reading>, pages: Pages<Vec<StoredTemplate>>) -> Result<(), StoreError> {
    let read = read_pages(&snapshot, &reading, &pages).await;
    snapshot.end().await;
    read
}

async fn read_pages(
    snapshot: &Snapshot,
    reading: &Reading,
    pages: &Pages<Vec<StoredTemplate>>,
) -> Result<(), StoreError> {
    loop {
        let first = reading.next.fetch_add(reading.span, Ordering::Relaxed);
        if first >= BUCKETS {
            return Ok(());
        }
        let until = (first + reading.span).min(BUCKETS);
        let page = range(TEMPLATE, bounds(&reading.gallery, first), Some(bounds(&reading.gallery, until)));
        let rows = snapshot.ask("SELECT * FROM $range", object! { range: page }).await?.values(0)?;
        let mut templates = Vec::with_capacity(rows.len());
        for row in rows {
            templates.push(stored(Row::new(TEMPLATE, row)?, reading.listed.as_ref())?);
        }
        if !pages.pass(templates).await {
            return Ok(());
        }
    }
}

async fn find(snapshot: &Snapshot, table: &'static str, id: &str) -> Result<Option<Row>, StoreError> {
    let vars = object! { id: RecordId::new(table, key(id)) };
    let found = snapshot.ask("SELECT * FROM $id", vars).await?.values(0)?;
    found.into_iter().next().map(|row| Row::new(table, row)).transpose()
}

/// The row of a record's template.
///
/// # Errors
/// [`StoreError::Template`] if it is not of length 1, or is not what the gallery is listed to hold.
pub(crate) fn row(gallery: &str, listed: Option<&Gallery>, record: &NewRecord) -> Result<Value, StoreError> {
    if let Some(reason) = flaw(&record.template, &record.model, listed) {
        return Err(StoreError::Template { id: record.id.clone(), reason });
    }
    let bytes = to_bytes(&record.template);
    let fields: Object = object! {
        id: RecordId::new(TEMPLATE, key_in(gallery, &record.id)),
        digest: digest_bytes(Digest::of(&bytes)),
        dim: record.template.len() as i64,
        model: record.model.clone(),
        status: record.status.clone(),
        origin: record.provenance.origin.clone(),
        template: Bytes::from(bytes),
    };
    Ok(Value::Object(fields))
}

/// What a record to be enrolled counts as.
pub(crate) fn element(record: &NewRecord) -> Digest {
    multiset::record(&record.id, Digest::of(&to_bytes(&record.template)), &record.status)
}

/// The key of a record's template.
pub(crate) fn key_in(gallery: &str, id: &str) -> RecordIdKey {
    let [high, low, ..] = Digest::of(id.as_bytes()).0;
    let bucket = u64::from(u16::from_be_bytes([high, low])) % BUCKETS;
    let mut parts = bounds(gallery, bucket);
    parts.push(text(id));
    key_of(parts)
}

/// Where a bucket begins.
fn bounds(gallery: &str, bucket: u64) -> Vec<Value> {
    // At most BUCKETS.
    vec![text(gallery), number(bucket as i64)]
}

/// What is wrong with a template, and what would be right.
fn flaw(template: &[f32], model: &str, listed: Option<&Gallery>) -> Option<String> {
    if let Some(gallery) = listed {
        if model != gallery.model {
            let wanted = &gallery.model;
            return Some(format!("is of model `{model}` and the gallery of `{wanted}`: extract it with `{wanted}`"));
        }
        if template.len() as u64 != u64::from(gallery.dim) {
            return Some(format!("has {} numbers and the gallery {}: extract it anew", template.len(), gallery.dim));
        }
    }
    // Side by side: each addition waits for the one before it.
    let mut squares = [0.0; 4];
    for (i, x) in template.iter().enumerate() {
        squares[i % 4] += f64::from(*x) * f64::from(*x);
    }
    let square: f64 = squares.iter().sum();
    if !square.is_finite() || (square - 1.0).abs() > UNIT_TOLERANCE {
        return Some(format!("has length {}: divide it by that", square.sqrt()));
    }
    None
}

/// The template in a row, if it is what was enrolled.
fn stored(mut row: Row, listed: Option<&Gallery>) -> Result<StoredTemplate, StoreError> {
    let bytes = row.bytes("template")?;
    let bytes: &[u8] = &bytes;
    let digest = Digest::of(bytes);
    if digest != row.digest("digest")? {
        return Err(row.damaged("its template does not have the digest it was enrolled with"));
    }
    let template = from_bytes(bytes).ok_or_else(|| row.damaged("its template is no row of numbers"))?;
    if row.natural("dim")? != template.len() as u64 {
        return Err(row.damaged("its template does not have the dimension it was enrolled with"));
    }
    let model = row.text("model")?;
    if let Some(reason) = flaw(&template, &model, listed) {
        return Err(row.damaged(&format!("its template {reason}")));
    }
    let (status, origin) = (row.text("status")?, row.text_if_any("origin"));
    Ok(StoredTemplate { status, origin, id: row.id().to_owned(), template, digest })
}

/// `dim × 4` bytes, f32 little-endian.
fn to_bytes(template: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(template.len() * 4);
    for x in template {
        bytes.extend_from_slice(&x.to_le_bytes());
    }
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|x| f32::from_le_bytes(*x)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gallery(model: &str, dim: u32) -> Gallery {
        Gallery { id: "g".into(), class: "c".into(), model: model.into(), dim, last_scrubbed: None, filters: vec![] }
    }

    #[test]
    fn numbers_come_back_to_the_bit() {
        let bits = |template: &[f32]| template.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        let template = [0.6, -0.8, f32::MIN_POSITIVE, -0.0];
        assert_eq!(bits(&from_bytes(&to_bytes(&template)).unwrap()), bits(&template));
        assert_eq!(to_bytes(&[1.0]), [0, 0, 0x80, 0x3f]);
        assert_eq!(from_bytes(&[0, 0, 0]), None);
    }

    #[test]
    fn what_has_not_length_one_or_does_not_fit_is_refused() {
        assert_eq!(flaw(&[0.6, 0.8], "m", None), None);
        assert_eq!(flaw(&[0.6, 0.8], "m", Some(&gallery("m", 2))), None);
        for (template, listed) in [
            (vec![], None),
            (vec![1.0, 1.0], None),
            (vec![0.0, 0.0], None),
            (vec![f32::NAN, 1.0], None),
            (vec![f32::INFINITY], None),
            (vec![0.6, 0.8], Some(gallery("other", 2))),
            (vec![0.6, 0.8], Some(gallery("m", 3))),
        ] {
            assert!(flaw(&template, "m", listed.as_ref()).is_some(), "{template:?} {listed:?}");
        }
    }

    #[test]
    fn a_record_is_in_one_of_the_buckets() {
        for id in ["", "a", "⟩", "'; DELETE template; '"] {
            let RecordIdKey::Array(parts) = key_in("g", id) else { panic!("not an array") };
            let Some(Value::Number(bucket)) = parts.get(1) else { panic!("no bucket") };
            assert!((0..BUCKETS as i64).contains(&bucket.to_int().unwrap()), "{id}");
        }
    }
}
