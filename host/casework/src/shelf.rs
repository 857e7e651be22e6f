//! Where a jurisdiction's galleries stand on disk: f32 rows while they work, and a snapshot of each to start from.
//!
//! The store is what counts. A gallery whose snapshot is of the state that the store is in is opened from it, in about a
//! second for a million records; any other is loaded from the store, record by record, and its snapshot written when that
//! is done. What keeps a snapshot from being used, or written, is logged and keeps nobody from searching: the f32 rows are
//! then in memory.

use crate::aside::aside;
use crate::chamber::Loading;
use crate::error::CaseError;
use crate::gallery::{Hall, attributes};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use model::registry::Gallery;
use search::{Edition, SnapshotError};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use store::GalleryState;

/// Templates are biometric data: only who runs the server may read them.
const PRIVATE: u32 = 0o600;

/// The folder of one jurisdiction's galleries.
pub struct Shelf {
    dir: Dir,
    jurisdiction: String,
}

impl Shelf {
    /// The galleries of this jurisdiction are kept in this folder, and nothing else is.
    pub fn new(dir: Dir, jurisdiction: &str) -> Self {
        Self { dir, jurisdiction: jurisdiction.to_owned() }
    }

    /// The gallery from its snapshot, if there is one of this state. One of another state is removed: with it would stay
    /// what has been purged since.
    pub(crate) fn open(&self, gallery: &Gallery, state: &GalleryState) -> Option<search::Gallery> {
        let name = sealed(gallery);
        let opened = match self.dir.open_with(&name, OpenOptions::new().read(true).write(true)) {
            Ok(file) => search::Gallery::open(file.into_std(), &edition(gallery, state), dim(gallery)),
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Err(e) => Err(e.into()),
        };
        let reason = match opened {
            Ok(rows) if rows.len() as u64 == state.records => return Some(rows),
            Ok(rows) => format!("it holds {} records and the store {}", rows.len(), state.records),
            Err(e) => e.to_string(),
        };
        tracing::warn!(
            jurisdiction = %self.jurisdiction, gallery = %gallery.id, %reason,
            "the gallery's snapshot is not used: the gallery is loaded from the store"
        );
        self.discard(&name);
        None
    }

    /// An empty gallery with its f32 rows in a new file; in memory where no file can be had.
    ///
    /// # Errors
    /// When there is no memory for the gallery.
    pub(crate) fn begin(&self, gallery: &Gallery, rows: usize) -> Result<search::Gallery, search::ShapeError> {
        match self.create(gallery).and_then(|file| search::Gallery::in_file(dim(gallery), rows, file)) {
            Ok(begun) => Ok(begun),
            Err(SnapshotError::Shape(e)) => Err(e),
            Err(e) => {
                tracing::warn!(
                    jurisdiction = %self.jurisdiction, gallery = %gallery.id, %e,
                    "the gallery is kept in memory alone"
                );
                search::Gallery::with_capacity(dim(gallery), rows)
            }
        }
    }

    /// Makes a snapshot of the gallery, which is in this state. One that is not all in its file is written anew, which
    /// only makes sense when nothing changes any more: `last`.
    pub(crate) fn save(
        &self,
        rows: &search::Gallery,
        gallery: &Gallery,
        state: &GalleryState,
        last: bool,
    ) -> Result<bool, SnapshotError> {
        let edition = edition(gallery, state);
        if rows.is_in_file() {
            rows.seal(&edition)?;
        } else if last {
            rows.snapshot(&self.create(gallery)?, &edition)?;
        } else {
            return Ok(false);
        }
        match self.dir.rename(unsealed(gallery), &self.dir, sealed(gallery)) {
            // It has its name already.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        // Opened as a file: the handles of `Dir` are made for looking names up only (O_PATH) and cannot be synced.
        self.dir.open(".")?.sync_all()?;
        Ok(true)
    }

    /// Removes whatever there is of a gallery: the last resort where a purged record cannot be overwritten.
    pub(crate) fn clear(&self, gallery: &Gallery) -> io::Result<()> {
        for name in [sealed(gallery), unsealed(gallery)] {
            match self.dir.remove_file(name) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        self.dir.open(".")?.sync_all()
    }

    fn create(&self, gallery: &Gallery) -> Result<std::fs::File, SnapshotError> {
        let name = unsealed(gallery);
        self.discard(&name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(PRIVATE);
        Ok(self.dir.open_with(&name, &options)?.into_std())
    }

    fn discard(&self, name: &str) {
        match self.dir.remove_file(name) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                tracing::warn!(jurisdiction = %self.jurisdiction, name, %e, "an old snapshot cannot be removed");
            }
            _ => {}
        }
    }
}

/// Puts a gallery to work: from its snapshot, or else from the store.
pub(crate) async fn load(
    jurisdiction: &str,
    store: &store::Jurisdiction,
    gallery: &Gallery,
    shelf: Option<Arc<Shelf>>,
    progress: &(dyn Fn(Loading<'_>) + Sync),
) -> Result<Hall, CaseError> {
    let opening = |e: io::Error| CaseError::Invalid(e.to_string());
    let state = store.gallery_state(&gallery.id).await?;
    if let Some(shelf) = &shelf {
        let (on, fact, now) = (shelf.clone(), gallery.clone(), state.clone());
        if let Some(rows) = aside(move || on.open(&fact, &now)).await? {
            progress(Loading { jurisdiction, gallery: &gallery.id, rows: state.records, of: state.records });
            let hall = Hall::open(gallery.clone(), jurisdiction, rows, state.generation).map_err(opening)?;
            return Ok(hall.on_shelf(shelf.clone(), Some(state.generation)));
        }
    }
    let (rows, generation) = read(jurisdiction, store, gallery, shelf.as_deref(), state.records, progress).await?;
    let hall = Hall::open(gallery.clone(), jurisdiction, rows, generation).map_err(opening)?;
    Ok(match shelf {
        Some(shelf) => hall.on_shelf(shelf, None),
        None => hall,
    })
}

/// The gallery as the store has it, record by record, and its generation. `of`: how many records to make room for.
pub(crate) async fn read(
    jurisdiction: &str,
    store: &store::Jurisdiction,
    gallery: &Gallery,
    shelf: Option<&Shelf>,
    of: u64,
    progress: &(dyn Fn(Loading<'_>) + Sync),
) -> Result<(search::Gallery, u64), CaseError> {
    let capacity = usize::try_from(of).unwrap_or(0);
    let begun = match shelf {
        Some(shelf) => shelf.begin(gallery, capacity),
        None => search::Gallery::with_capacity(dim(gallery), capacity),
    };
    let mut rows = begun.map_err(|e| CaseError::Invalid(e.to_string()))?;
    let (mut loaded, mut damaged) = (0_u64, None);
    let generation = store
        .load_templates(&gallery.id, &mut |row| {
            if let Err(e) = rows.insert_with(&row.id, &row.template, &attributes(&row.status)) {
                damaged.get_or_insert_with(|| format!("record `{}` of gallery `{}`: {e}", row.id, gallery.id));
            }
            loaded += 1;
            if loaded.is_multiple_of(1000) || loaded == of {
                progress(Loading { jurisdiction, gallery: &gallery.id, rows: loaded, of });
            }
        })
        .await?;
    match damaged {
        Some(damage) => Err(CaseError::Invalid(damage)),
        None => Ok((rows, generation)),
    }
}

fn dim(gallery: &Gallery) -> usize {
    usize::try_from(gallery.dim).unwrap_or(usize::MAX)
}

fn edition(gallery: &Gallery, state: &GalleryState) -> Edition {
    Edition { model: gallery.model.clone(), generation: state.generation, stamp: state.stamp.clone() }
}

/// What the file of a gallery is called once it has been a snapshot.
fn sealed(gallery: &Gallery) -> String {
    format!("{}.snapshot", gallery.id)
}

/// What it is called until then. No gallery's snapshot has a name that ends like this.
fn unsealed(gallery: &Gallery) -> String {
    format!("{}.new", gallery.id)
}
