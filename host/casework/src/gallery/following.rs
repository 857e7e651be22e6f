//! Taking over what another host changed in a gallery: the records that changed, or all of them where it is not known which.

use super::state::{State, tell};
use super::{Hall, Newcomer, as_rows, finish, known};
use crate::aside::aside;
use crate::error::CaseError;
use crate::shelf;
use arc_swap::ArcSwap;
use search::Gallery;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use store::{BATCH_ROWS, StoredTemplate};

impl Hall {
    /// Brings the gallery to this generation of the store, or a later one. The bytes of what another host removed are
    /// overwritten here as well.
    ///
    /// # Errors
    /// [`CaseError::Store`] when the records cannot be read, [`CaseError::Fault`] for one that the gallery does not take,
    /// [`CaseError::Gallery`] where one may be left in the gallery's file: until that is put right nothing may be searched.
    pub(crate) async fn catch_up(
        &self,
        store: &store::Jurisdiction,
        jurisdiction: &str,
        generation: u64,
    ) -> Result<(), CaseError> {
        if self.generation() >= generation {
            return Ok(());
        }
        let mut sealed = self.turn().await;
        self.follow(store, jurisdiction, generation, &mut sealed).await
    }

    /// The same, for whoever holds what is held while records change.
    pub(super) async fn follow(
        &self,
        store: &store::Jurisdiction,
        jurisdiction: &str,
        generation: u64,
        sealed: &mut Option<u64>,
    ) -> Result<(), CaseError> {
        let since = self.generation();
        if since >= generation {
            return Ok(());
        }
        let Some(ids) = store.changed_since(&self.fact.id, since, generation).await? else {
            tracing::info!(jurisdiction, gallery = %self.fact.id, "it is not known any more what has changed: the gallery is loaded anew");
            *sealed = None;
            return self.load_anew(store, jurisdiction).await;
        };
        store.forget_bookings(&self.fact.id, Some(&ids)).await;
        let found = self.look_up(store, &ids).await?;
        let (rows, state) = (self.rows.clone(), self.state.clone());
        match aside(move || take_over(&rows, &state, &ids, &found, generation)).await?? {
            Ok(()) => Ok(()),
            Err(e) => self.clear_shelf(&e),
        }
    }

    /// These records as the store has them now, less those that are not enrolled (any more).
    async fn look_up(&self, store: &store::Jurisdiction, ids: &[String]) -> Result<Vec<Newcomer>, CaseError> {
        let found = store.templates(&self.fact.id, ids).await?;
        let mut newcomers = Vec::with_capacity(found.len());
        let mut found = found.into_iter();
        loop {
            let some: Vec<StoredTemplate> = found.by_ref().take(BATCH_ROWS).collect();
            if some.is_empty() {
                return Ok(newcomers);
            }
            let mut bookings = self.booking_data(store, &some).await?;
            newcomers.extend(some.into_iter().map(|stored| {
                let booked = bookings.remove(&stored.id).map(|booked| (booked.origin, booked.booking));
                let (booked_from, booking) = booked.unwrap_or_default();
                let origin = stored.origin.as_deref().unwrap_or(&booked_from);
                let (element, attributes) = (stored.element(), known(&self.fact, &stored.status, origin, &booking));
                Newcomer { id: stored.id, template: stored.template, attributes, element }
            }));
        }
    }

    /// Where these records come from and their booking data, by id, where the gallery is filtered by any of these or their
    /// templates do not say where they come from.
    async fn booking_data(
        &self,
        store: &store::Jurisdiction,
        records: &[StoredTemplate],
    ) -> Result<BTreeMap<String, store::Booking>, CaseError> {
        if self.fact.filters.is_empty() && records.iter().all(|record| record.origin.is_some()) {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
        let bookings = store.bookings(&self.fact.id, &ids).await?;
        Ok(bookings.into_iter().map(|booking| (booking.id.clone(), booking)).collect())
    }

    /// Loads all of it from the store, into a new file, for whoever holds what is held while records change.
    pub(super) async fn load_anew(&self, store: &store::Jurisdiction, jurisdiction: &str) -> Result<(), CaseError> {
        if let Some(shelf) = &self.shelf {
            // What other hosts removed may be in it, or what the disk changed.
            shelf.clear(&self.fact).map_err(|e| CaseError::Gallery(e.to_string()))?;
        }
        if self.is_doubtful() {
            // What nobody searches needs no memory beside what takes its place.
            self.empty().await?;
        }
        let of = store.gallery_state(&self.fact.id).await?.records;
        let (loaded, generation) =
            shelf::read(jurisdiction, store, &self.fact, self.shelf.as_deref(), of, &|_| {}).await?;
        store.forget_bookings(&self.fact.id, None).await;
        let (rows, state, doubtful) = (self.rows.clone(), self.state.clone(), self.doubtful.clone());
        aside(move || {
            let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *gallery, loaded);
            let generation = generation.max(state.load().generation);
            state.store(Arc::new(State::of(&gallery, generation)));
            doubtful.store(false, Ordering::Release);
            drop(gallery);
            drop(before);
        })
        .await
    }

    /// Lets go of the rows in memory and of their file, which nobody searches while they are doubtful.
    pub(super) async fn empty(&self) -> Result<(), CaseError> {
        let dim = usize::try_from(self.fact.dim).unwrap_or(usize::MAX);
        let none = Gallery::new(dim).map_err(|e| CaseError::Gallery(e.to_string()))?;
        let (rows, state) = (self.rows.clone(), self.state.clone());
        aside(move || {
            let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
            state.store(Arc::new(state.load().emptied()));
            let before = std::mem::replace(&mut *gallery, none);
            drop(gallery);
            drop(before);
        })
        .await
    }
}

/// Puts these records in memory as they were found, and takes out those that were not: all of it, or nothing where one of them
/// cannot be put there. Gives whether what was taken out is gone from the gallery's file.
pub(super) fn take_over(
    rows: &RwLock<Gallery>,
    state: &ArcSwap<State>,
    ids: &[String],
    found: &[Newcomer],
    generation: u64,
) -> Result<io::Result<()>, CaseError> {
    // Another host took them in: what is wrong with them is nobody's fault who asks here.
    let fault = |e: &dyn std::fmt::Display| {
        CaseError::Fault(format!("records as kept cannot be taken over: {e}; restore the database"))
    };
    as_rows(found, |found| {
        // Searches go on while the records are coded.
        let gallery = rows.read().unwrap_or_else(PoisonError::into_inner);
        gallery.check_all(found).map_err(|e| fault(&e))?;
        let prepared = found.chunks(BATCH_ROWS).map(|some| gallery.prepare(some)).collect::<Result<Vec<_>, _>>();
        let prepared = prepared.map_err(|e| fault(&e))?;
        drop(gallery);
        let mut gallery = rows.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            gallery.remove(id);
        }
        let put = prepared.into_iter().try_for_each(|some| gallery.insert_prepared(some));
        tell(state, &gallery, put.is_ok().then_some(generation));
        put.map_err(|e| fault(&e))?;
        let settling = gallery.settling();
        // No search waits for the disk.
        drop(gallery);
        Ok(finish(settling))
    })
}
