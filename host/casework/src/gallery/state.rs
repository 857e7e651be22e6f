//! What a gallery holds, as it is told to whoever asks. It is said anew with every change and read without the gallery's lock, which
//! a change may hold for long and which no thread of the runtime may wait for.

use arc_swap::ArcSwap;
use model::terms::Digest;
use search::Gallery;
use std::sync::Arc;

/// What a gallery holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Records in it; while it is loaded anew, those that were.
    pub records: usize,
    /// Its generation: a number that grows with every change.
    pub generation: u64,
    /// The digest of what it holds: see [`model::multiset`].
    pub digest: Digest,
    /// Records that were in it when it was emptied to be loaded anew; none where it was not.
    emptied: usize,
}

impl State {
    /// Of a gallery that was not emptied.
    pub(super) fn of(gallery: &Gallery, generation: u64) -> Self {
        Self { records: gallery.len(), generation, digest: gallery.digest(), emptied: 0 }
    }

    /// Of this gallery once it is emptied: nobody is told that there is nothing in it.
    pub(super) fn emptied(self) -> Self {
        Self { emptied: self.records, ..self }
    }
}

/// Says what the gallery holds now, and which generation it has reached by that, if one. To be called by whoever changed it,
/// before they let go of its lock.
pub(super) fn tell(state: &ArcSwap<State>, gallery: &Gallery, generation: Option<u64>) {
    let before = **state.load();
    let now = State::of(gallery, before.generation.max(generation.unwrap_or_default()));
    let emptied = before.emptied;
    state.store(Arc::new(State { records: now.records.max(emptied), emptied, ..now }));
}
