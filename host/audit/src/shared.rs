//! What the handles of a log and its two threads share.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use crate::key::VerifierKey;
use crate::spare::Spares;
use crate::tree::Tree;
use crate::underway::Underway;

/// See the module.
pub(crate) struct Shared {
    pub(crate) tree: Tree,
    pub(crate) origin: String,
    pub(crate) key: VerifierKey,
    // Why nothing can be appended; `None` while all is well.
    halted: Mutex<Option<String>>,
    // Entries whose riders have not reached their own place: the journal is what holds them.
    riding: Mutex<BTreeSet<u64>>,
    // How many wait until the journal's segments are gone.
    pub(crate) clearing: AtomicUsize,
    // What the next segments of the journal are written into.
    pub(crate) spares: Spares,
    // What the writer is at, and what the publisher is.
    pub(crate) writing: Underway,
    pub(crate) publishing: Underway,
}

impl Shared {
    pub(crate) fn new(tree: Tree, origin: &str, key: VerifierKey) -> Self {
        let (halted, riding) = (Mutex::new(None), Mutex::default());
        let (writing, publishing) = (Underway::new(), Underway::new());
        let (origin, clearing, spares) = (origin.to_owned(), AtomicUsize::new(0), Spares::default());
        Self { tree, origin, key, halted, riding, clearing, spares, writing, publishing }
    }

    /// Refuses every append from now on. The first reason stays: what follows is mostly its consequence.
    pub(crate) fn halt(&self, reason: impl ToString) {
        let mut halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
        if halted.is_none() {
            *halted = Some(reason.to_string());
        }
    }

    /// Why appends are refused, if they are.
    pub(crate) fn halted(&self) -> Option<String> {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These entries have riders that only the journal holds.
    pub(crate) fn ride(&self, indices: impl Iterator<Item = u64>) {
        self.riding.lock().unwrap_or_else(PoisonError::into_inner).extend(indices);
    }

    /// The rider of this entry has reached its own place.
    pub(crate) fn release(&self, index: u64) {
        self.riding.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
    }

    /// Whether nothing rides any more on the entries before `end`.
    pub(crate) fn is_released(&self, end: u64) -> bool {
        self.riding.lock().unwrap_or_else(PoisonError::into_inner).first().is_none_or(|first| *first >= end)
    }

    /// Accepts appends again.
    pub(crate) fn resume(&self) {
        *self.halted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Halts the log if the thread that holds this panics: entries that nobody stores must not be waited for in silence.
pub(crate) struct HaltOnPanic(pub(crate) Arc<Shared>);

impl Drop for HaltOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt("a thread of the log panicked");
        }
    }
}
