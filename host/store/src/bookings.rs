//! Booking rows that were asked for lately, sealed as the database keeps them.
//!
//! Every candidate list asks for some twenty of them, and the same records turn up again; a row costs the engine more than
//! opening its seal does. What is held is what the database holds: no personal field is in memory in the clear.

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};
use std::sync::Arc;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Bytes of rows held: about 150,000 of them.
const HELD_BYTES: u64 = 64 << 20;

/// What a row costs beside its fields: its key, its place in the cache.
const ROW_BYTES: usize = 160;

/// Rows a cache of that size is expected to hold.
const EXPECTED: usize = 100_000;

/// A booking row, sealed.
pub(crate) struct Sealed {
    pub(crate) status: String,
    pub(crate) origin: String,
    pub(crate) key: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// The rows held, by gallery and record in one text.
pub(crate) struct Held {
    rows: Cache<String, Arc<Sealed>, ByBytes, DefaultHashBuilder, Nothing>,
    /// Held for reading from before a row is read until it is in the cache, for writing while rows change: what was read
    /// before a change is never held after it.
    changing: RwLock<()>,
}

impl Held {
    pub(crate) fn new() -> Self {
        let rows = Cache::with(EXPECTED, HELD_BYTES, ByBytes, DefaultHashBuilder::default(), Nothing);
        Self { rows, changing: RwLock::new(()) }
    }

    pub(crate) fn get(&self, place: &str) -> Option<Arc<Sealed>> {
        self.rows.get(place)
    }

    /// To be held while rows are read from the database and kept here.
    pub(crate) async fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.changing.read().await
    }

    pub(crate) fn keep(&self, _reading: &RwLockReadGuard<'_, ()>, place: String, row: Arc<Sealed>) {
        self.rows.insert(place, row);
    }

    /// To be held while rows change in the database.
    pub(crate) async fn changing(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing.write().await
    }

    pub(crate) fn forget(&self, _changing: &RwLockWriteGuard<'_, ()>, place: &str) {
        self.rows.remove(place);
    }

    pub(crate) fn forget_all(&self, _changing: &RwLockWriteGuard<'_, ()>) {
        self.rows.clear();
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Arc<Sealed>> for ByBytes {
    fn weight(&self, place: &String, row: &Arc<Sealed>) -> u64 {
        (ROW_BYTES + place.len() + row.status.len() + row.origin.len() + row.key.len() + row.body.len()) as u64
    }
}

/// Rows that make room simply go.
#[derive(Clone)]
struct Nothing;

impl Lifecycle<String, Arc<Sealed>> for Nothing {
    type RequestState = ();

    fn begin_request(&self) -> Self::RequestState {}

    fn on_evict(&self, _: &mut Self::RequestState, _: String, _: Arc<Sealed>) {}
}
