//! The gallery: rows under ids, and searches over all of them.
//!
//! This file decides who compares what with what; how is in `kernel`, how surely in `bound`, and what is kept in
//! `sieve` and `rank`. How many rows are added at once, and what they count as, is in `gallery/change.rs`; its own file, where it
//! has one, is the subject of `gallery/snapshot.rs`.

mod change;
mod snapshot;

use std::borrow::Cow;
use std::collections::{HashMap, TryReserveError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::multiset::{self, MultisetHash};
use model::terms::Digest;
use rayon::prelude::*;

use crate::bitmap::Bitmap;
use crate::bound::Probe;
use crate::codes::{Block, COARSE, Codes, Line, vacate};
use crate::filter::{Attribute, Columns, Filter, FilterError};
use crate::kernel::{Kernel, TILE};
use crate::plain::bytes;
use crate::rank::rank;
use crate::rotation::Rotation;
use crate::rows::{Rows, room_for};
use crate::sieve::{Floor, Sieve};
use crate::template::{SIDE_BY_SIDE, scores};
use crate::{Answer, Certificate, ShapeError, TemplateError, normalise};

pub use change::{NewRow, Prepared};

/// Largest dimension of a gallery. Face templates have 128 to 2048 values; the bound's rounding terms and the i32 dot
/// products are proven up to here.
pub const MAX_DIM: usize = 4096;

/// Codes scanned for every probe of a batch before moving on, in bytes: well inside one core's L2 cache.
const BLOCK_BYTES: usize = 256 * 1024;

/// Rows above which a search is shared among rayon's threads. Below it the scan takes about as long as waking them.
const PARALLEL_ROWS: usize = 50_000;

/// Parts of the gallery for each thread: with several, a thread delayed by other work does not hold up the search.
const SHARES_PER_THREAD: usize = 4;

/// No row: see [`Gallery::answer`].
const NONE: usize = usize::MAX;

/// A gallery of `n × dim` unit-length f32 templates, searched exactly. See the crate's documentation.
///
/// Searching takes `&self` and any number of threads may do it at once; changing the gallery takes `&mut self`.
pub struct Gallery {
    dim: usize,
    kernel: Kernel,
    /// Rows in a block of at most [`BLOCK_BYTES`], both halves.
    block_rows: usize,
    ids: Vec<Arc<str>>,
    /// Row of each id.
    places: HashMap<Arc<str>, usize>,
    /// `n × dim`, unit length.
    rows: Rows,
    /// How templates are turned before they are coded.
    rotation: Rotation,
    codes: Codes,
    /// What else is known of the rows.
    columns: Columns,
    /// What each row counts as in the sum.
    elements: Vec<Element>,
    sum: MultisetHash,
}

/// A [`Digest`] that a record is known by, in bytes.
type Element = [u8; 32];

/// A search: the `k` templates most similar to `probe`, of those that the filter admits.
#[derive(Clone, Copy)]
pub struct Query<'q> {
    /// Need not be of unit length.
    pub probe: &'q [f32],
    /// Hits asked for.
    pub k: usize,
    /// All rows where absent.
    pub filter: Option<&'q Filter>,
}

/// A probe that is scanned for, and among which rows.
struct Sought {
    probe: Probe,
    among: Option<Bitmap>,
}

impl Gallery {
    /// An empty gallery for templates of `dim` values, 1 to [`MAX_DIM`].
    ///
    /// # Errors
    /// [`ShapeError::Dimension`] for any other `dim`.
    pub fn new(dim: usize) -> Result<Self, ShapeError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(ShapeError::Dimension { dim });
        }
        let codes = Codes::new(dim);
        Ok(Self {
            dim,
            kernel: Kernel::detect(),
            // In whole tiles of the kernel's four rows, so that only the gallery's last rows are left over.
            block_rows: (BLOCK_BYTES / (2 * codes.half_bytes())) / 4 * 4,
            ids: Vec::new(),
            places: HashMap::new(),
            rows: Rows::in_memory(dim),
            rotation: Rotation::new(dim),
            codes,
            columns: Columns::default(),
            elements: Vec::new(),
            sum: MultisetHash::default(),
        })
    }

    /// As [`new`](Self::new), with the memory for `rows` templates and an eighth more reserved: about `5·dim` bytes each.
    ///
    /// # Errors
    /// [`ShapeError::Dimension`]; [`ShapeError::Capacity`] if the allocator refuses.
    pub fn with_capacity(dim: usize, rows: usize) -> Result<Self, ShapeError> {
        let mut gallery = Self::new(dim)?;
        gallery.reserve(rows)?;
        Ok(gallery)
    }

    /// Makes room for so many rows in all, and an eighth more: what is enrolled next moves nothing then. Room that is not used
    /// takes addresses and no memory.
    fn reserve(&mut self, rows: usize) -> Result<(), ShapeError> {
        let dim = self.dim;
        let refused = |_: TryReserveError| ShapeError::Capacity { rows, dim };
        let more = room_for(rows).saturating_sub(self.len());
        self.rows.try_reserve(more).map_err(refused)?;
        self.codes.try_reserve(more).map_err(refused)?;
        self.ids.try_reserve_exact(more).map_err(refused)?;
        self.elements.try_reserve_exact(more).map_err(refused)?;
        self.places.try_reserve(more).map_err(refused)
    }

    /// The instructions, or the library, that scans are done with.
    pub fn kernel(&self) -> &'static str {
        self.kernel.name()
    }

    /// Has scans done with the kernel of this name; whether this machine has it. It changes how long a search takes and
    /// nothing else.
    pub fn use_kernel(&mut self, name: &str) -> bool {
        let named = Kernel::all().into_iter().find(|kernel| kernel.name() == name);
        self.kernel = named.unwrap_or(self.kernel);
        named.is_some()
    }

    /// Values in a template.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Templates in the gallery.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Bytes that a scan for few probes reads: the coarse halves of all codes, and what the bound needs to know of each row.
    pub fn scan_bytes(&self) -> u64 {
        self.codes.scan_bytes() as u64
    }

    /// Bytes of codes in memory, coarse and fine, and what the bound needs to know of each row.
    pub fn code_bytes(&self) -> u64 {
        self.codes.parts().iter().map(|part| part.len() as u64).sum()
    }

    /// Whether a template is held under `id`.
    pub fn contains(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// The ids of its templates, in no particular order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.ids.iter().map(|id| &**id)
    }

    /// Adds a template under a new `id`, scaled to unit length as [`normalise`] does. A refused template leaves the
    /// gallery as it was.
    ///
    /// # Errors
    /// As [`normalise`], and [`TemplateError::Duplicate`] if `id` is taken.
    pub fn insert(&mut self, id: &str, template: &[f32]) -> Result<(), TemplateError> {
        self.insert_with(id, template, &[])
    }

    /// As [`insert`](Self::insert), with values of the row in named columns, by which searches can be filtered.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and [`TemplateError::Attribute`] if a column holds values of the other kind or is
    /// given two.
    pub fn insert_with(
        &mut self,
        id: &str,
        template: &[f32],
        attributes: &[(&str, Attribute)],
    ) -> Result<(), TemplateError> {
        // As a record whose status nobody knows.
        let element = multiset::record(id, Digest::of(bytes(template)), "");
        self.insert_all(&[NewRow { id, template, attributes, element }]).map_err(|refused| refused.error)
    }

    /// Removes the template under `id`; whether there was one. Its values and everything derived from them are
    /// overwritten, with the last row's or with zeros, before this returns. Where rows are in a file, follow it with
    /// [`settle`](Self::settle), or with what [`settling`](Self::settling) gives, for which the gallery is not needed.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(row) = self.places.remove(id) else {
            return false;
        };
        self.ids.swap_remove(row);
        if let Some(moved) = self.ids.get(row) {
            self.places.insert(Arc::clone(moved), row);
        }
        self.rows.swap_remove(row);
        self.codes.swap_remove(row);
        self.columns.swap_remove(row, self.ids.len());
        if let Some(element) = self.elements.get(row) {
            self.sum.remove(Digest(*element));
            vacate(&mut self.elements, row, 1);
        }
        true
    }

    /// The `k` templates most similar to `probe`, which need not be of unit length; all of them if there are fewer
    /// than `k`, none if `k` is zero.
    ///
    /// Occupies the calling thread, and rayon's above 50,000 rows, for as long as it takes to read `dim / 2` bytes a row:
    /// some 10 ms for 1,000,000 × 512 at 28 GB/s.
    ///
    /// # Errors
    /// As [`normalise`], and [`TemplateError::Damaged`] if a row that had to be read is not as it was written.
    pub fn search(&self, probe: &[f32], k: usize) -> Result<Answer, TemplateError> {
        let sought = self.sought(probe, k, None);
        self.answer_all(vec![sought]).pop().expect("there is one answer for each probe")
    }

    /// The `k` most similar templates among those that the filter admits: what a search of a gallery of only those would
    /// return.
    ///
    /// # Errors
    /// As [`search`](Self::search), and [`FilterError`] for a column that is not there or holds something else.
    pub fn search_filtered(&self, probe: &[f32], k: usize, filter: &Filter) -> Result<Answer, FilterError> {
        let query = Query { probe, k, filter: Some(filter) };
        self.search_each(&[query]).pop().expect("there is one answer for each probe")
    }

    /// What [`search`](Self::search) returns for each probe and the `k` at the same index, in one pass over the
    /// gallery: several times faster than as many searches, since each row is fetched from memory once.
    ///
    /// # Errors
    /// Each probe has its own result, as from [`search`](Self::search). If there are not as many `k` as probes, every
    /// result is [`TemplateError::Limits`].
    pub fn search_many(&self, probes: &[&[f32]], k: &[usize]) -> Vec<Result<Answer, TemplateError>> {
        if probes.len() != k.len() {
            let error = TemplateError::Limits { probes: probes.len(), limits: k.len() };
            return probes.iter().map(|_| Err(error.clone())).collect();
        }
        self.answer_all(probes.iter().zip(k).map(|(probe, &k)| self.sought(probe, k, None)).collect())
    }

    /// The same for searches each of which may be filtered: one pass over the gallery for all of them.
    ///
    /// # Errors
    /// Each search has its own result, as from [`search_filtered`](Self::search_filtered).
    pub fn search_each(&self, queries: &[Query<'_>]) -> Vec<Result<Answer, FilterError>> {
        let sought = |query: &Query<'_>| -> Result<Option<Sought>, FilterError> {
            let among = query.filter.map(|filter| self.columns.select(filter, self.len())).transpose()?;
            Ok(self.sought(query.probe, query.k, among)?)
        };
        self.answer_all(queries.iter().map(sought).collect())
    }

    /// What is to be scanned for, or `None` if there is nothing to find.
    fn sought(&self, probe: &[f32], k: usize, among: Option<Bitmap>) -> Result<Option<Sought>, TemplateError> {
        let most = among.as_ref().map_or(self.len(), Bitmap::count);
        Ok(self.coded(probe, k.min(most))?.map(|probe| Sought { probe, among }))
    }

    /// One result for each of these, in their order, from one pass over the gallery.
    fn answer_all<E: From<TemplateError>>(&self, all: Vec<Result<Option<Sought>, E>>) -> Vec<Result<Answer, E>> {
        let (mut probes, mut among) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
        let outcomes: Vec<Result<bool, E>> = all
            .into_iter()
            .map(|sought| -> Result<bool, E> {
                let sought = sought?;
                let is_scanned = sought.is_some();
                if let Some(sought) = sought {
                    probes.push(sought.probe);
                    among.push(sought.among);
                }
                Ok(is_scanned)
            })
            .collect();
        let digest = self.digest();
        let mut answers = self.answers(&probes, &among).into_iter();
        outcomes
            .into_iter()
            .map(|outcome| -> Result<Answer, E> {
                let mut answer = if outcome? {
                    answers.next().expect("there is one answer for each probe")?
                } else {
                    Answer::default()
                };
                answer.certificate.gallery = digest;
                Ok(answer)
            })
            .collect()
    }

    /// The probe ready to be scanned for, or `None` if there is nothing to find.
    fn coded(&self, probe: &[f32], k: usize) -> Result<Option<Probe>, TemplateError> {
        let unit = normalise(probe, self.dim)?;
        let limit = k.min(self.len());
        Ok((limit > 0).then(|| Probe::new(unit, limit, &self.rotation)))
    }

    /// One answer for each probe, in their order, from the rows that it is `among`; its limit is at most their number.
    fn answers(&self, probes: &[Probe], among: &[Option<Bitmap>]) -> Vec<Result<Answer, TemplateError>> {
        if probes.is_empty() {
            return Vec::new();
        }
        let floors: Vec<Floor> = probes.iter().map(|probe| Floor::new(probe.limit())).collect();
        let sieves = self.sweep(probes, among, &floors);
        let halves_first = self.kernel.halves_first(probes.len());
        let answer = |((probe, among), sieve): ((&Probe, &Option<Bitmap>), Sieve<'_>)| {
            let rows_scanned = among.as_ref().map_or(self.len(), Bitmap::count) as u64;
            self.answer(probe, sieve, rows_scanned, halves_first)
        };
        if self.len() > PARALLEL_ROWS {
            probes.par_iter().zip(among).zip(sieves).map(answer).collect()
        } else {
            probes.iter().zip(among).zip(sieves).map(answer).collect()
        }
    }

    /// Passes all rows by all probes.
    fn sweep<'s>(&self, probes: &[Probe], among: &[Option<Bitmap>], floors: &'s [Floor]) -> Vec<Sieve<'s>> {
        let shares = self.shares();
        if let [whole] = shares.as_slice() {
            return self.sweep_share(probes, among, floors, whole.clone());
        }
        let sweep = |share| self.sweep_share(probes, among, floors, share);
        let parts: Vec<Vec<Sieve<'s>>> = shares.into_par_iter().with_max_len(1).map(sweep).collect();
        let mut sieves = new_sieves(floors);
        for part in parts {
            for (sieve, part) in sieves.iter_mut().zip(part) {
                sieve.absorb(part);
            }
        }
        sieves
    }

    /// The parts of the gallery that are scanned side by side.
    fn shares(&self) -> Vec<Range<usize>> {
        let rows = self.len();
        let share = if rows > PARALLEL_ROWS {
            let shares = rayon::current_num_threads() * SHARES_PER_THREAD;
            rows.div_ceil(shares).next_multiple_of(self.block_rows)
        } else {
            rows.max(1)
        };
        (0..rows).step_by(share).map(|first| first..rows.min(first + share)).collect()
    }

    /// Passes the rows of `share` by all probes, a block at a time: the block comes from memory for the first probes
    /// and from the cache for the rest. With halves first, the fine ones are read of those rows only that the coarse ones
    /// cannot exclude.
    fn sweep_share<'s>(
        &self,
        probes: &[Probe],
        among: &[Option<Bitmap>],
        floors: &'s [Floor],
        share: Range<usize>,
    ) -> Vec<Sieve<'s>> {
        let mut sieves = new_sieves(floors);
        let mut desk = Desk {
            dots: vec![0_i32; TILE * self.block_rows.min(share.len())],
            united: Vec::new(),
            kept: Vec::new(),
            fine: Vec::new(),
        };
        let halves_first = self.kernel.halves_first(probes.len());
        for first in share.clone().step_by(self.block_rows) {
            let range = first..share.end.min(first + self.block_rows);
            // Where no probe is among any of its rows.
            if among.iter().all(|among| among.as_ref().is_some_and(|admitted| !admitted.any(range.clone()))) {
                continue;
            }
            let block = self.codes.block(range);
            if !halves_first {
                desk.united.resize(2 * block.coarse.len(), Line::ZERO);
                self.kernel.unite(block, &mut desk.united);
            }
            let pass = Pass { first, block, halves_first };
            let tiles = probes.chunks(TILE).zip(among.chunks(TILE));
            for ((tile, among), sieves) in tiles.zip(sieves.chunks_mut(TILE)) {
                self.sift(pass, tile, among, sieves, &mut desk);
            }
        }
        sieves
    }

    /// Compares a block with a tile of probes.
    fn sift(
        &self,
        pass: Pass<'_>,
        tile: &[Probe],
        among: &[Option<Bitmap>],
        sieves: &mut [Sieve<'_>],
        desk: &mut Desk,
    ) {
        let Pass { first, block, halves_first } = pass;
        let dots = &mut desk.dots[..tile.len() * block.rows()];
        self.kernel.fetch_numbers(block, if halves_first { block.coarse_radii } else { block.fine_radii });
        if halves_first {
            self.kernel.coarse_dots(tile, block, dots);
        } else {
            self.kernel.dots(tile, &desk.united, dots);
        }
        let each = tile.iter().zip(among).zip(sieves).zip(dots.chunks_mut(block.rows()));
        for (((probe, among), sieve), dots) in each {
            let (filter, radii) = if halves_first {
                (probe.coarse_filter(sieve.known()), block.coarse_radii)
            } else {
                (probe.filter(sieve.known()), block.fine_radii)
            };
            desk.kept.clear();
            self.kernel.survivors(filter, dots, block.scales, radii, &mut desk.kept);
            if let Some(admitted) = among {
                desk.kept.retain(|row| admitted.get(first + *row as usize));
            }
            if halves_first {
                self.complete(probe, block, &desk.kept, dots, &mut desk.fine);
            }
            for &row in &desk.kept {
                let row = row as usize;
                sieve.take(first + row, probe.bracket(dots[row], block.scales[row], block.fine_radii[row]));
            }
        }
    }

    /// Makes the dot products of these rows, which are with their coarse halves, those with their codes.
    fn complete(&self, probe: &Probe, block: Block<'_>, rows: &[u32], dots: &mut [i32], fine: &mut Vec<i32>) {
        rows.iter().for_each(|row| self.kernel.fetch_fine(block, *row as usize));
        self.kernel.fine_dots(probe, block, rows, fine);
        for (&row, fine) in rows.iter().zip(fine) {
            let dot = &mut dots[row as usize];
            *dot = COARSE * *dot + *fine;
        }
    }

    /// Scores what the scan could not exclude.
    fn answer(
        &self,
        probe: &Probe,
        sieve: Sieve<'_>,
        rows_scanned: u64,
        halves_first: bool,
    ) -> Result<Answer, TemplateError> {
        let bound = probe.half_width(if halves_first { self.codes.widest_coarse() } else { self.codes.widest_fine() });
        let damaged = AtomicUsize::new(NONE);
        let exact = |rows: [usize; SIDE_BY_SIDE]| {
            let read = rows.map(|row| {
                self.rows.row(row).unwrap_or_else(|| {
                    damaged.fetch_min(row, Ordering::Relaxed);
                    Cow::Owned(vec![0.0; self.dim])
                })
            });
            scores(read.each_ref().map(|row| &**row), probe.unit())
        };
        let (hits, rows_reranked) = rank(sieve.into_candidates(), probe.limit(), &self.ids, exact);
        // One row that is not as it was may be why another is missing: there is no answer then.
        match self.ids.get(damaged.into_inner()) {
            Some(id) => Err(TemplateError::Damaged { id: id.as_ref().into() }),
            None => {
                let certificate = Certificate { rows_scanned, rows_reranked, bound, ..Certificate::default() };
                Ok(Answer { hits, certificate })
            }
        }
    }
}

/// A block on its way past the probes.
#[derive(Clone, Copy)]
struct Pass<'g> {
    /// The block's first row.
    first: usize,
    block: Block<'g>,
    halves_first: bool,
}

/// What a share's scan works with, kept for its memory.
struct Desk {
    /// Dot products of a tile of probes with a block of rows.
    dots: Vec<i32>,
    /// The block's codes put together.
    united: Vec<Line>,
    /// Rows of the block that a probe's filter has kept.
    kept: Vec<u32>,
    /// Dot products with the fine halves of those.
    fine: Vec<i32>,
}

/// An empty sieve for each probe.
fn new_sieves(floors: &[Floor]) -> Vec<Sieve<'_>> {
    floors.iter().map(Sieve::new).collect()
}

/// Shape only: templates are biometric data and stay out of logs.
impl fmt::Debug for Gallery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gallery").field("dim", &self.dim).field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod filtered;
#[cfg(test)]
mod tests;
