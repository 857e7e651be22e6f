//! Rows added many at once, what is known of them changed, and what they count as.
//!
//! A gallery of a million rows is loaded in batches: templates are scaled, turned, coded and counted side by side, and only
//! what has to be in order is done in order.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::multiset::MultisetHash;
use model::terms::Digest;
use rayon::prelude::*;

use super::Gallery;
use crate::codes::Codes;
use crate::filter::{Attribute, ColumnKind};
use crate::{RowError, TemplateError, normalise};

/// Rows added at once from which they are made ready by rayon's threads: some microseconds' work each.
const PARALLEL_ROWS: usize = 64;

/// Rows whose elements are added up by one thread, and their sum then to the others'.
const SUMMED_TOGETHER: usize = 64;

/// A row to be added.
#[derive(Clone, Copy)]
pub struct NewRow<'r> {
    /// Its id, new to the gallery.
    pub id: &'r str,
    /// Its template, which is scaled to unit length.
    pub template: &'r [f32],
    /// Its values in named columns.
    pub attributes: &'r [(&'r str, Attribute)],
    /// What it counts as in the gallery's digest: see [`model::multiset::record`].
    pub element: Digest,
}

/// A template in unit length, and turned.
type Ready = (Vec<f32>, Vec<f64>);

/// Rows that only have to be put in their places: scaled, turned, coded and counted. That is most of the work of adding them, and
/// the gallery may be searched meanwhile.
#[must_use = "rows that are ready are not in the gallery yet"]
pub struct Prepared<'r> {
    new: &'r [NewRow<'r>],
    dim: usize,
    units: Vec<Vec<f32>>,
    codes: Codes,
    /// The sum of their elements.
    sum: MultisetHash,
}

impl Gallery {
    /// A digest of what it holds, whatever order it came in and whatever was there before: the SHA-256 of the sum of its
    /// rows' [elements](NewRow::element). Nobody can find other rows that have the same.
    pub fn digest(&self) -> Digest {
        self.sum.digest()
    }

    /// Makes a column, unless there is one, so that searches can be filtered by it before any row has a value there.
    ///
    /// # Errors
    /// [`TemplateError::Attribute`] if there is one that holds something else.
    pub fn declare(&mut self, column: &str, kind: ColumnKind) -> Result<(), TemplateError> {
        self.columns.declare(column, kind)
    }

    /// Adds rows, all or none.
    ///
    /// # Errors
    /// [`RowError`], which names a row that is refused, as [`insert_with`](Self::insert_with) would refuse it.
    pub fn insert_all(&mut self, new: &[NewRow<'_>]) -> Result<(), RowError> {
        let prepared = self.prepare(new)?;
        self.insert_prepared(prepared)
    }

    /// Makes rows ready to be added, to this gallery or another of as many values a template.
    ///
    /// # Errors
    /// [`RowError`], which names a row whose template is refused.
    pub fn prepare<'r>(&self, new: &'r [NewRow<'r>]) -> Result<Prepared<'r>, RowError> {
        let (units, turned): (Vec<_>, Vec<_>) = self.made_ready(new)?.into_iter().unzip();
        let mut codes = Codes::new(self.dim);
        match turned.as_slice() {
            [one] => codes.push(one),
            many => codes.extend(many),
        }
        Ok(Prepared { new, dim: self.dim, units, codes, sum: summed(new) })
    }

    /// Adds rows that are ready, all or none.
    ///
    /// # Errors
    /// [`RowError`], which names a row that is refused, as [`insert_with`](Self::insert_with) would refuse it.
    pub fn insert_prepared(&mut self, prepared: Prepared<'_>) -> Result<(), RowError> {
        let Prepared { new, dim, units, codes, sum } = prepared;
        if let Some(row) = new.first().filter(|_| dim != self.dim) {
            let error = TemplateError::Dimension { found: dim, expected: self.dim };
            return Err(RowError { id: row.id.into(), error });
        }
        self.make_room(new.len());
        let first = self.ids.len();
        let mut ids: Vec<Arc<str>> = Vec::with_capacity(new.len());
        let mut fresh = BTreeMap::new();
        for (row, at) in new.iter().zip(first..) {
            let fitting = if self.places.contains_key(row.id) {
                Err(TemplateError::Duplicate { id: row.id.into() })
            } else {
                self.columns.check_beside(row.attributes, &mut fresh)
            };
            if let Err(error) = fitting {
                for id in &ids {
                    self.places.remove(id);
                }
                return Err(RowError { id: row.id.into(), error });
            }
            let id: Arc<str> = row.id.into();
            self.places.insert(Arc::clone(&id), at);
            ids.push(id);
        }
        self.ids.extend(ids);
        self.rows.extend(&units);
        self.codes.append(&codes);
        for (row, at) in new.iter().zip(first..) {
            self.columns.put(at, row.attributes);
        }
        self.elements.extend(new.iter().map(|row| row.element.0));
        self.sum.unite(&sum);
        Ok(())
    }

    /// Whether these rows could be added if none of their ids were taken.
    ///
    /// # Errors
    /// [`RowError`], as from [`insert_all`](Self::insert_all).
    pub fn check_all(&self, new: &[NewRow<'_>]) -> Result<(), RowError> {
        let (mut ids, mut fresh) = (HashSet::with_capacity(new.len()), BTreeMap::new());
        for row in new {
            let fitting = if ids.insert(row.id) {
                normalise(row.template, self.dim).and_then(|_| self.columns.check_beside(row.attributes, &mut fresh))
            } else {
                Err(TemplateError::Duplicate { id: row.id.into() })
            };
            fitting.map_err(|error| RowError { id: row.id.into(), error })?;
        }
        Ok(())
    }

    /// Makes room for more rows, where there is none, by an eighth of those there are.
    fn make_room(&mut self, more: usize) {
        let rows = self.len().saturating_add(more);
        if rows > self.codes.room() {
            // Where so much memory is refused, each vector asks for what it needs as it is added to.
            let _ = self.reserve(rows);
        }
    }

    fn made_ready(&self, new: &[NewRow<'_>]) -> Result<Vec<Ready>, RowError> {
        let ready = |row: &NewRow<'_>| -> Result<Ready, RowError> {
            let unit = normalise(row.template, self.dim).map_err(|error| RowError { id: row.id.into(), error })?;
            let turned = self.rotation.turn(&unit);
            Ok((unit, turned))
        };
        if new.len() < PARALLEL_ROWS { new.iter().map(ready).collect() } else { new.par_iter().map(ready).collect() }
    }

    /// Gives a row values in these columns, in place of those it has there; whether there is such a row.
    ///
    /// # Errors
    /// [`TemplateError::Attribute`], as from [`insert_with`](Self::insert_with).
    pub fn describe(&mut self, id: &str, attributes: &[(&str, Attribute)]) -> Result<bool, TemplateError> {
        self.columns.check(attributes)?;
        let Some(row) = self.places.get(id) else { return Ok(false) };
        self.columns.replace(*row, attributes);
        Ok(true)
    }

    /// Lets a row count as something else in the digest; whether there is such a row.
    pub fn recount(&mut self, id: &str, element: Digest) -> bool {
        let Some(known) = self.places.get(id).and_then(|row| self.elements.get_mut(*row)) else { return false };
        let before = Digest(std::mem::replace(known, element.0));
        self.sum.remove(before);
        self.sum.add(element);
        true
    }
}

/// The sum of the rows' elements.
fn summed(new: &[NewRow<'_>]) -> MultisetHash {
    let part = |rows: &[NewRow<'_>]| -> MultisetHash { rows.iter().map(|row| row.element).collect() };
    if new.len() < PARALLEL_ROWS {
        return part(new);
    }
    let parts: Vec<MultisetHash> = new.par_chunks(SUMMED_TOGETHER).map(part).collect();
    let mut sum = MultisetHash::default();
    parts.iter().for_each(|part| sum.unite(part));
    sum
}

#[cfg(test)]
mod tests;
