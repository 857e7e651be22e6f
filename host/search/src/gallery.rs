//! The gallery: rows under ids, and searches over all of them.
//!
//! This file decides who compares what with what; how is in `kernel`, how surely in `bound`, and what is kept in
//! `sieve` and `rank`. Its own file, where it has one, is the subject of `gallery/snapshot.rs`.

mod snapshot;

use std::collections::{HashMap, TryReserveError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::bitmap::Bitmap;
use crate::bound::Probe;
use crate::codes::{Block, COARSE, Codes, Line};
use crate::filter::{Attribute, Columns, Filter, FilterError};
use crate::kernel::{Kernel, TILE};
use crate::rank::rank;
use crate::rotation::Rotation;
use crate::rows::Rows;
use crate::sieve::{Floor, Sieve};
use crate::template::{SIDE_BY_SIDE, scores};
use crate::{Answer, Certificate, ShapeError, TemplateError, normalise};

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
        })
    }

    /// As [`new`](Self::new), with the memory for `rows` templates reserved: about `5·dim` bytes each.
    ///
    /// # Errors
    /// [`ShapeError::Dimension`]; [`ShapeError::Capacity`] if the allocator refuses.
    pub fn with_capacity(dim: usize, rows: usize) -> Result<Self, ShapeError> {
        let mut gallery = Self::new(dim)?;
        gallery.reserve(rows)?;
        Ok(gallery)
    }

    fn reserve(&mut self, rows: usize) -> Result<(), ShapeError> {
        let dim = self.dim;
        let refused = |_: TryReserveError| ShapeError::Capacity { rows, dim };
        self.rows.try_reserve(rows).map_err(refused)?;
        self.codes.try_reserve(rows).map_err(refused)?;
        self.ids.try_reserve_exact(rows).map_err(refused)?;
        self.places.try_reserve(rows).map_err(refused)
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
        let unit = normalise(template, self.dim)?;
        if self.contains(id) {
            return Err(TemplateError::Duplicate { id: id.into() });
        }
        self.columns.check(attributes)?;
        let id: Arc<str> = id.into();
        let row = self.ids.len();
        self.places.insert(Arc::clone(&id), row);
        self.ids.push(id);
        self.rows.push(&unit);
        self.codes.push(&self.rotation.turn(&unit));
        self.columns.put(row, attributes);
        Ok(())
    }

    /// Removes the template under `id`; whether there was one. Its values and everything derived from them are
    /// overwritten, with the last row's or with zeros, before this returns. Where rows are in a file, follow it with
    /// [`settle`](Self::settle).
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
        self.search_among(probe, k, None)
    }

    /// The `k` most similar templates among those that the filter admits: what a search of a gallery of only those would
    /// return.
    ///
    /// # Errors
    /// As [`search`](Self::search), and [`FilterError`] for a column that is not there or holds something else.
    pub fn search_filtered(&self, probe: &[f32], k: usize, filter: &Filter) -> Result<Answer, FilterError> {
        let admitted = self.columns.select(filter, self.len())?;
        Ok(self.search_among(probe, k, Some(&admitted))?)
    }

    fn search_among(&self, probe: &[f32], k: usize, among: Option<&Bitmap>) -> Result<Answer, TemplateError> {
        let most = among.map_or(self.len(), Bitmap::count);
        let Some(probe) = self.coded(probe, k.min(most))? else {
            return Ok(Answer::default());
        };
        let mut answers = self.answers(&[probe], among);
        answers.pop().expect("there is one answer for each probe")
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
        let mut scanned: Vec<Probe> = Vec::with_capacity(probes.len());
        let outcomes: Vec<Result<bool, TemplateError>> = probes
            .iter()
            .zip(k)
            .map(|(probe, &k)| -> Result<bool, TemplateError> {
                let probe = self.coded(probe, k)?;
                let is_scanned = probe.is_some();
                scanned.extend(probe);
                Ok(is_scanned)
            })
            .collect();
        let mut answers = self.answers(&scanned, None).into_iter();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(true) => answers.next().expect("there is one answer for each probe"),
                Ok(false) => Ok(Answer::default()),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// The probe ready to be scanned for, or `None` if there is nothing to find.
    fn coded(&self, probe: &[f32], k: usize) -> Result<Option<Probe>, TemplateError> {
        let unit = normalise(probe, self.dim)?;
        let limit = k.min(self.len());
        Ok((limit > 0).then(|| Probe::new(unit, limit, &self.rotation)))
    }

    /// One answer for each probe, in their order, from the rows that are `among` those admitted; each probe's limit is at
    /// most their number.
    fn answers(&self, probes: &[Probe], among: Option<&Bitmap>) -> Vec<Result<Answer, TemplateError>> {
        if probes.is_empty() {
            return Vec::new();
        }
        let floors: Vec<Floor> = probes.iter().map(|_| Floor::new()).collect();
        let sieves = self.sweep(probes, among, &floors);
        let rows_scanned = among.map_or(self.len(), Bitmap::count) as u64;
        let halves_first = self.kernel.halves_first(probes.len());
        let answer = |(probe, sieve): (&Probe, Sieve<'_>)| self.answer(probe, sieve, rows_scanned, halves_first);
        if self.len() > PARALLEL_ROWS {
            probes.par_iter().zip(sieves).map(answer).collect()
        } else {
            probes.iter().zip(sieves).map(answer).collect()
        }
    }

    /// Passes all rows that are admitted by all probes.
    fn sweep<'s>(&self, probes: &[Probe], among: Option<&Bitmap>, floors: &'s [Floor]) -> Vec<Sieve<'s>> {
        let shares = self.shares();
        if let [whole] = shares.as_slice() {
            return self.sweep_share(probes, among, floors, whole.clone());
        }
        let sweep = |share| self.sweep_share(probes, among, floors, share);
        let parts: Vec<Vec<Sieve<'s>>> = shares.into_par_iter().with_max_len(1).map(sweep).collect();
        let mut sieves = new_sieves(probes, floors);
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
        among: Option<&Bitmap>,
        floors: &'s [Floor],
        share: Range<usize>,
    ) -> Vec<Sieve<'s>> {
        let mut sieves = new_sieves(probes, floors);
        let mut desk = Desk {
            dots: vec![0_i32; TILE * self.block_rows.min(share.len())],
            united: Vec::new(),
            kept: Vec::new(),
            fine: Vec::new(),
        };
        let halves_first = self.kernel.halves_first(probes.len());
        for first in share.clone().step_by(self.block_rows) {
            let range = first..share.end.min(first + self.block_rows);
            if among.is_some_and(|admitted| !admitted.any(range.clone())) {
                continue;
            }
            let block = self.codes.block(range);
            if !halves_first {
                desk.united.resize(2 * block.coarse.len(), Line::ZERO);
                self.kernel.unite(block, &mut desk.united);
            }
            let pass = Pass { first, block, among, halves_first };
            for (tile, sieves) in probes.chunks(TILE).zip(sieves.chunks_mut(TILE)) {
                self.sift(pass, tile, sieves, &mut desk);
            }
        }
        sieves
    }

    /// Compares a block with a tile of probes.
    fn sift(&self, pass: Pass<'_>, tile: &[Probe], sieves: &mut [Sieve<'_>], desk: &mut Desk) {
        let Pass { first, block, among, halves_first } = pass;
        let dots = &mut desk.dots[..tile.len() * block.rows()];
        if halves_first {
            self.kernel.coarse_dots(tile, block, dots);
        } else {
            self.kernel.dots(tile, &desk.united, dots);
        }
        for ((probe, sieve), dots) in tile.iter().zip(sieves).zip(dots.chunks_mut(block.rows())) {
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
            for row in rows {
                if !self.rows.is_sound(row) {
                    damaged.fetch_min(row, Ordering::Relaxed);
                }
            }
            scores(rows.map(|row| self.rows.row(row)), probe.unit())
        };
        let (hits, rows_reranked) = rank(sieve.into_candidates(), probe.limit(), &self.ids, exact);
        // One row that is not as it was may be why another is missing: there is no answer then.
        match self.ids.get(damaged.into_inner()) {
            Some(id) => Err(TemplateError::Damaged { id: id.as_ref().into() }),
            None => Ok(Answer { hits, certificate: Certificate { rows_scanned, rows_reranked, bound } }),
        }
    }
}

/// A block on its way past the probes.
#[derive(Clone, Copy)]
struct Pass<'g> {
    /// The block's first row.
    first: usize,
    block: Block<'g>,
    among: Option<&'g Bitmap>,
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
fn new_sieves<'s>(probes: &[Probe], floors: &'s [Floor]) -> Vec<Sieve<'s>> {
    probes.iter().zip(floors).map(|(probe, floor)| Sieve::new(probe.limit(), floor)).collect()
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
