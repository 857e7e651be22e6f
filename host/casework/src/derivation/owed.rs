//! Obligations, kept as the database keeps them.

use crate::error::CaseError;
use crate::obligations::Owed;
use model::terms::Instant;
use std::collections::BTreeMap;

/// One obligation as it stands.
pub(super) struct Row {
    pub(super) owed: Owed,
    /// The entry that imposed it.
    pub(super) imposed: String,
    /// When it last changed.
    pub(super) changed: Instant,
}

/// Obligations by what they are filed under, and by their ids.
#[derive(Default)]
pub(super) struct Obligations {
    rows: BTreeMap<(String, String), Row>,
    filed: BTreeMap<String, String>,
}

impl Obligations {
    /// Keeps what an entry of this moment leaves behind, as [`store::Jurisdiction::keep`] does: what is imposed and is there already
    /// stays as it stands.
    pub(super) fn keep(&mut self, entry: &str, at: Instant, kept: store::Kept) -> Result<(), CaseError> {
        match kept {
            store::Kept::Imposed(imposition) => {
                for row in imposition.rows {
                    let place = (row.request.clone().unwrap_or_default(), row.id.clone());
                    if !self.rows.contains_key(&place) {
                        self.filed.insert(place.1.clone(), place.0.clone());
                        let row = Row { owed: Owed::read(row)?, imposed: entry.to_owned(), changed: at };
                        self.rows.insert(place, row);
                    }
                }
            }
            store::Kept::Settled { row, .. } => {
                let place = (row.request.clone().unwrap_or_default(), row.id.clone());
                let owed = Owed::read(row)?;
                if let Some(known) = self.rows.get_mut(&place) {
                    (known.owed, known.changed) = (owed, at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// One, by what it is filed under and its id.
    pub(super) fn at(&self, filed: &str, id: &str) -> Option<&Row> {
        self.rows.get(&(filed.to_owned(), id.to_owned()))
    }

    /// One, by its id alone.
    pub(super) fn by_id(&self, id: &str) -> Option<&Owed> {
        let filed = self.filed.get(id)?;
        self.at(filed, id).map(|row| &row.owed)
    }

    /// Those filed under this, as they were before the step of this entry imposed any.
    pub(super) fn before(&self, filed: &str, entry: &str) -> Vec<Owed> {
        let first = (filed.to_owned(), String::new());
        let filed = self.rows.range(first..).take_while(|((under, _), _)| under == filed);
        filed.filter(|(_, row)| row.imposed != entry).map(|(_, row)| row.owed.clone()).collect()
    }
}
