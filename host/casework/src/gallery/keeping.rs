//! A gallery and its file: how a snapshot of it is made while records may change, and what is done where the file is damaged.

use super::Hall;
use crate::aside::aside;
use crate::error::CaseError;
use model::terms::Instant;
use search::SnapshotError;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::MutexGuard;

/// For how long a gallery has to stand still before a snapshot is made of it while the host works, in ms. Making one reads and
/// writes all of it, and the next change makes it useless; until there is one, a host that is killed loads the gallery from the
/// store. Ten minutes let a folder of photographs come in first.
pub(super) const STILL_MS: u64 = 600_000;

/// Makes the last snapshots of these galleries, one after the other, and gives up when the time is up: a disk that hangs must not
/// keep the host from stopping. Gives the ids of the galleries that it gave up; what became of the others is logged.
pub(crate) async fn save_last(halls: &[Arc<Hall>], store: &store::Jurisdiction, limit: Duration) -> Vec<String> {
    let ends = tokio::time::Instant::now() + limit;
    let mut given_up = Vec::new();
    for hall in halls {
        if hall.is_saved() {
            continue;
        }
        match tokio::time::timeout_at(ends, hall.save(store, true)).await {
            Ok(saved) => hall.warn_unsaved(saved),
            Err(_) => {
                let (jurisdiction, gallery, waited_s) = (&hall.owner, &hall.fact.id, limit.as_secs());
                tracing::error!(
                    %jurisdiction, %gallery, waited_s,
                    "no snapshot was made of the gallery in time, so the host stops without: nothing is lost, and the next start \
                     loads it from the database; see to the disk that holds its file"
                );
                given_up.push(gallery.clone());
            }
        }
    }
    given_up
}

impl Hall {
    /// A snapshot that cannot be written makes the next start slower, and nothing else.
    pub(crate) fn warn_unsaved(&self, saved: Result<(), CaseError>) {
        if let Err(e) = saved {
            tracing::warn!(gallery = %self.fact.id, %e, "no snapshot was made of the gallery");
        }
    }

    /// Whether no snapshot has to be made of what it holds: there is one, or there is nowhere to keep one. Waits for nobody.
    fn is_saved(&self) -> bool {
        let sealed = || self.changing.try_lock().is_ok_and(|sealed| *sealed == Some(self.generation()));
        self.shelf.is_none() || (!self.is_doubtful() && sealed())
    }

    /// Makes a snapshot of the gallery, unless there is one of its generation or no shelf to keep it on. Searches go on
    /// meanwhile. Whoever wants to change records does not wait for it: it is given up, and the file is no snapshot then.
    /// `last`: nothing will change any more.
    ///
    /// # Errors
    /// [`CaseError::Gallery`] if it could not be written, or if a row in the file is not as it was written: the next start loads
    /// the gallery from the store.
    pub async fn save(&self, store: &store::Jurisdiction, last: bool) -> Result<(), CaseError> {
        let _saving = self.saving.lock().await;
        self.make_snapshot(store, last).await
    }

    /// Makes one of a gallery that has changed and then stood still for ten minutes, as somebody sees who asks every now and then.
    /// Waits for nobody who changes it.
    ///
    /// # Errors
    /// As [`save`](Self::save). It is tried again after as long.
    pub(crate) async fn save_when_still(&self, store: &store::Jurisdiction, now: Instant) -> Result<(), CaseError> {
        let Ok(mut stood) = self.saving.try_lock() else { return Ok(()) };
        let Ok(sealed) = self.changing.try_lock().map(|sealed| *sealed) else { return Ok(()) };
        let generation = self.generation();
        if sealed == Some(generation) || self.shelf.is_none() || self.is_doubtful() {
            return Ok(());
        }
        let since = stood.filter(|(of, _)| *of == generation).map(|(_, since)| since);
        if since.is_some_and(|since| now.0.saturating_sub(since.0) < STILL_MS) {
            return Ok(());
        }
        *stood = Some((generation, now));
        match since {
            Some(_) => self.make_snapshot(store, false).await,
            None => Ok(()),
        }
    }

    /// Makes a snapshot, for whoever holds what is held meanwhile.
    async fn make_snapshot(&self, store: &store::Jurisdiction, last: bool) -> Result<(), CaseError> {
        let Some(shelf) = self.shelf.clone() else { return Ok(()) };
        let failed = |e: SnapshotError| CaseError::Gallery(e.to_string());
        let (begun, mut sealed) = self.pause().await;
        if self.is_doubtful() {
            *sealed = None;
            let fact = self.fact.clone();
            return aside(move || shelf.clear(&fact)).await?.map_err(|e| failed(e.into()));
        }
        let state = store.gallery_state(&self.fact.id).await?;
        let generation = state.generation;
        // Another host has changed the gallery: what is here is of no state that the store knows.
        if *sealed == Some(generation) || generation != self.generation() {
            return Ok(());
        }
        let (rows, fact, from, on) = (self.rows.clone(), self.fact.clone(), store.clone(), shelf.clone());
        let wanted = self.wanted.clone();
        let drafted = aside(move || {
            let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
            on.draft(&rows, &fact, &from, &state, last, &|| wanted.load(Ordering::Acquire) == begun)
        });
        let drafted = drafted.await?;
        // What is left waits for the disk, and no change waits for that.
        drop(sealed);
        let draft = match drafted {
            Ok(Some(draft)) => draft,
            Ok(None) | Err(SnapshotError::GivenUp) => return Ok(()),
            Err(e @ SnapshotError::Damaged { .. }) => {
                self.doubt();
                if last {
                    let fact = self.fact.clone();
                    aside(move || shelf.clear(&fact)).await?.map_err(|e| failed(e.into()))?;
                } else {
                    self.mend(store).await?;
                }
                return Err(failed(e));
            }
            Err(e) => return Err(failed(e)),
        };
        let synced = aside(move || draft.sync()).await?.map_err(|e| failed(e.into()))?;
        let mut sealed = self.changing.lock().await;
        if self.wanted.load(Ordering::Acquire) != begun {
            return Ok(());
        }
        let fact = self.fact.clone();
        aside(move || shelf.finish(&fact, synced)).await?.map_err(failed)?;
        *sealed = Some(generation);
        Ok(())
    }

    /// What is held while records change, once nobody waits for it who wants to change them; and how many have wanted to so far.
    async fn pause(&self) -> (u64, MutexGuard<'_, Option<u64>>) {
        loop {
            let begun = self.wanted.load(Ordering::Acquire);
            let sealed = self.changing.lock().await;
            if self.wanted.load(Ordering::Acquire) == begun {
                return (begun, sealed);
            }
        }
    }

    /// Whether nothing may be searched until the gallery is loaded anew.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Acquire)
    }

    /// From now on nothing is searched until the gallery is loaded anew.
    pub(super) fn doubt(&self) {
        self.doubtful.store(true, Ordering::Release);
    }

    /// Loads the gallery anew in the background, if it is damaged and nobody does yet.
    pub(crate) fn mend_aside(self: &Arc<Self>, store: &store::Jurisdiction) {
        if !self.is_doubtful() || self.mending.swap(true, Ordering::AcqRel) {
            return;
        }
        let (hall, store) = (self.clone(), store.clone());
        tokio::spawn(async move {
            if let Err(e) = hall.mend(&store).await {
                tracing::error!(gallery = %hall.fact.id, %e, "the gallery is damaged and cannot be loaded again");
            }
            hall.mending.store(false, Ordering::Release);
        });
    }

    /// Loads the gallery anew from the store, if it is damaged. Its file goes first.
    ///
    /// # Errors
    /// When the store cannot be read, or the file cannot be removed: then it stays as it is, and nothing is searched.
    pub(crate) async fn mend(&self, store: &store::Jurisdiction) -> Result<(), CaseError> {
        let mut sealed = self.turn().await;
        if !self.is_doubtful() {
            return Ok(());
        }
        *sealed = None;
        tracing::warn!(jurisdiction = %self.owner, gallery = %self.fact.id, "the gallery is damaged and is loaded anew");
        self.load_anew(store, &self.owner).await
    }

    /// Removes the file in which a record could not be overwritten. The gallery works on with it, nameless, until the
    /// host stops, and is loaded from the store then.
    pub(super) fn clear_shelf(&self, why: &std::io::Error) -> Result<(), CaseError> {
        tracing::error!(gallery = %self.fact.id, %why, "a removed record cannot be overwritten: the file is removed");
        match self.shelf.as_ref().map(|shelf| shelf.clear(&self.fact)) {
            Some(Err(e)) => Err(CaseError::Gallery(e.to_string())),
            _ => Ok(()),
        }
    }
}
