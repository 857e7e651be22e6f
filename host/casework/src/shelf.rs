//! Where a jurisdiction's galleries stand on disk: f32 rows while they work, and a snapshot of each to start from.
//!
//! The store is what counts. A gallery whose snapshot is of the state that the store is in is opened from it, in about a
//! second for a million records; any other is loaded from the store, templates first and then the booking data that its
//! searches are filtered by, and its snapshot written when that is done. What keeps a snapshot from being used, or written,
//! is logged and keeps nobody from searching: the f32 rows are then in memory.

use crate::aside::aside;
use crate::chamber::Loading;
use crate::error::CaseError;
use crate::filter;
use crate::gallery::Hall;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use model::registry::Gallery;
use search::{Attribute, Cipher, Draft, Edition, GoOn, NewRow, RowError, SnapshotError, Synced};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use store::{GalleryState, StoredTemplate};

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
    pub(crate) fn open(
        &self,
        gallery: &Gallery,
        store: &store::Jurisdiction,
        state: &GalleryState,
    ) -> Option<search::Gallery> {
        let name = sealed(gallery);
        let cipher = Columns { store, gallery };
        let opened = match self.dir.open_with(&name, OpenOptions::new().read(true).write(true)) {
            Ok(file) => search::Gallery::open(file.into_std(), &edition(gallery, state), dim(gallery), &cipher),
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Err(e) => Err(e.into()),
        };
        let reason = match opened {
            Ok(rows) if rows.len() as u64 != state.records => {
                format!("it holds {} records and the store {}", rows.len(), state.records)
            }
            Ok(rows) if rows.digest() != state.holdings.digest() => "it holds other records than the store".to_owned(),
            Ok(rows) => return Some(rows),
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

    /// Drafts a snapshot of the gallery, which is in this state, as long as it makes sense to `go_on`. One that is not all in
    /// its file is written anew, which only makes sense when nothing changes any more: `last`.
    pub(crate) fn draft(
        &self,
        rows: &search::Gallery,
        gallery: &Gallery,
        store: &store::Jurisdiction,
        state: &GalleryState,
        last: bool,
        go_on: GoOn<'_>,
    ) -> Result<Option<Draft>, SnapshotError> {
        if rows.digest() != state.holdings.digest() {
            return Err(SnapshotError::Other { what: "digest" });
        }
        let (edition, cipher) = (edition(gallery, state), Columns { store, gallery });
        if rows.is_in_file() {
            return rows.draft(&edition, &cipher, go_on).map(Some);
        }
        if !last {
            return Ok(None);
        }
        let drafted = rows.draft_in(&self.create(gallery)?, &edition, &cipher, go_on);
        // Half of it would stay, with templates in it that are purged later.
        drafted.map(Some).inspect_err(|_| self.discard(&unsealed(gallery)))
    }

    /// Makes a snapshot of a draft, of a gallery that has not changed since.
    pub(crate) fn finish(&self, gallery: &Gallery, draft: Synced) -> Result<(), SnapshotError> {
        draft.vouch()?;
        match self.dir.rename(unsealed(gallery), &self.dir, sealed(gallery)) {
            // It has its name already.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        // Opened as a file: the handles of `Dir` are made for looking names up only (O_PATH) and cannot be synced.
        self.dir.open(".")?.sync_all()?;
        Ok(())
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

/// The columns of a gallery's snapshot hold booking data, and are sealed like those in the store.
pub(crate) struct Columns<'s> {
    pub(crate) store: &'s store::Jurisdiction,
    pub(crate) gallery: &'s Gallery,
}

/// What sealed columns are called.
const COLUMNS: &str = "gallery-columns";

impl Cipher for Columns<'_> {
    fn encipher(&self, plain: Vec<u8>) -> io::Result<Vec<u8>> {
        self.store.seal_apart(COLUMNS, &self.gallery.id, &plain).map_err(io::Error::other)
    }

    fn decipher(&self, text: Vec<u8>) -> Option<Vec<u8>> {
        self.store.open_apart(COLUMNS, &self.gallery.id, &text).ok()
    }
}

/// Puts a gallery to work: from its snapshot, or else from the store.
///
/// # Errors
/// [`CaseError`] when the store cannot be read, or a record in it is not as it was enrolled.
pub async fn load(
    jurisdiction: &str,
    store: &store::Jurisdiction,
    gallery: &Gallery,
    shelf: Option<Arc<Shelf>>,
    progress: &(dyn Fn(Loading<'_>) + Sync),
) -> Result<Hall, CaseError> {
    let opening = |e: io::Error| CaseError::Invalid(e.to_string());
    let state = store.gallery_state(&gallery.id).await?;
    if let Some(shelf) = &shelf {
        let (on, fact, from, now) = (shelf.clone(), gallery.clone(), store.clone(), state.clone());
        if let Some(rows) = aside(move || on.open(&fact, &from, &now)).await? {
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

/// The gallery as the store has it, and its generation. `of`: how many records to make room for.
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
    let rows = begun.map_err(|e| CaseError::Invalid(e.to_string()))?;
    let report = |rows| progress(Loading { jurisdiction, gallery: &gallery.id, rows, of });
    let (mut rows, generation, unsaid) = from_store(store, gallery, rows, &report).await?;
    describe(store, gallery, &mut rows, unsaid, &report).await?;
    Ok((rows, generation))
}

/// Fills a gallery with the templates of the store; gives it with the generation they are of, and the records whose templates
/// do not say which agency they come from.
async fn from_store(
    store: &store::Jurisdiction,
    gallery: &Gallery,
    mut rows: search::Gallery,
    report: &(dyn Fn(u64) + Sync),
) -> Result<(search::Gallery, u64, Vec<String>), CaseError> {
    let damaged = |reason: String| CaseError::Invalid(format!("gallery `{}`: {reason}", gallery.id));
    for (name, kind) in filter::columns(gallery) {
        rows.declare(name, kind).map_err(|e| damaged(e.to_string()))?;
    }
    let (mut loaded, mut refused, mut unsaid) = (0_u64, None, Vec::new());
    let state = store
        .load_templates(&gallery.id, &mut |page: Vec<StoredTemplate>| {
            if refused.is_none() {
                refused = take(&mut rows, &page).err();
            }
            unsaid.extend(page.iter().filter(|row| row.origin.is_none()).map(|row| row.id.clone()));
            loaded += page.len() as u64;
            report(loaded);
        })
        .await?;
    if let Some(refused) = refused {
        return Err(damaged(refused.to_string()));
    }
    if rows.digest() != state.holdings.digest() {
        return Err(damaged("the store does not hold the records that it says it holds: restore a backup".to_owned()));
    }
    Ok((rows, state.generation, unsaid))
}

fn take(rows: &mut search::Gallery, page: &[StoredTemplate]) -> Result<(), RowError> {
    let known = |row: &StoredTemplate| -> Vec<(&'static str, Attribute)> {
        let origin = row.origin.as_deref().and_then(filter::origin);
        std::iter::once(filter::status(&row.status)).chain(origin).collect()
    };
    let known: Vec<_> = page.iter().map(known).collect();
    let new = page.iter().zip(&known).map(|(row, known)| NewRow {
        id: &row.id,
        template: &row.template,
        attributes: known,
        element: row.element(),
    });
    rows.insert_all(&new.collect::<Vec<_>>())
}

/// Gives the rows the values that searches are filtered by, out of their booking data; where no filter needs these, only the
/// rows that are `unsaid`: these are asked where they come from.
async fn describe(
    store: &store::Jurisdiction,
    gallery: &Gallery,
    rows: &mut search::Gallery,
    unsaid: Vec<String>,
    report: &(dyn Fn(u64) + Sync),
) -> Result<(), CaseError> {
    let ids = if gallery.filters.is_empty() { unsaid } else { rows.ids().map(str::to_owned).collect() };
    if ids.is_empty() {
        return Ok(());
    }
    let (mut described, mut unreadable, mut refused) = (0_u64, 0_u64, None);
    store
        .load_bookings(&gallery.id, ids, &mut |page: Vec<store::Booking>| {
            for booking in &page {
                let (mut known, unread) = filter::values(gallery, &booking.booking);
                known.extend(filter::origin(&booking.origin));
                unreadable += u64::from(!unread.is_empty());
                if let Err(e) = rows.describe(&booking.id, &known) {
                    refused.get_or_insert(e);
                }
            }
            described += page.len() as u64;
            report(described);
        })
        .await?;
    if let Some(refused) = refused {
        return Err(CaseError::Invalid(format!("gallery `{}`: {refused}", gallery.id)));
    }
    if unreadable > 0 {
        tracing::warn!(gallery = %gallery.id, records = unreadable,
            "the booking data of these say something else than the declared filters need: no filter of it admits them");
    }
    Ok(())
}

fn dim(gallery: &Gallery) -> usize {
    usize::try_from(gallery.dim).unwrap_or(usize::MAX)
}

fn edition(gallery: &Gallery, state: &GalleryState) -> Edition {
    Edition {
        model: gallery.model.clone(),
        generation: state.generation,
        stamp: state.stamp.clone(),
        columns: filter::meaning(gallery),
    }
}

/// What the file of a gallery is called once it has been a snapshot.
fn sealed(gallery: &Gallery) -> String {
    format!("{}.snapshot", gallery.id)
}

/// What it is called until then. No gallery's snapshot has a name that ends like this.
fn unsealed(gallery: &Gallery) -> String {
    format!("{}.new", gallery.id)
}
