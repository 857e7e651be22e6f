//! The booking data of many records at once: what a gallery is filtered by comes from there when it is loaded.

use crate::error::StoreError;
use crate::gallery::Booking;
use crate::paging::{self, Pages, Tasks};
use crate::rows::{from_json, joined, number, range, text};
use crate::schema::BOOKING;
use crate::store::Jurisdiction;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows in a page: a few megabytes.
const PAGE_ROWS: usize = 4000;

/// What the tasks share that read one gallery's bookings.
struct Reading {
    gallery: String,
    /// In the order of the rows' keys.
    ids: Vec<String>,
    /// The first id that nobody reads yet.
    next: AtomicUsize,
}

impl Jurisdiction {
    /// Passes what is known of these records to `each`, many at a time and in no particular order, less those that are not
    /// enrolled (any more).
    ///
    /// # Errors
    /// See [`Jurisdiction`]. `each` may have been called by then.
    pub async fn load_bookings(
        &self,
        gallery: &str,
        mut ids: Vec<String>,
        each: &mut (dyn FnMut(Vec<Booking>) + Send),
    ) -> Result<(), StoreError> {
        ids.sort_unstable();
        let reading = Arc::new(Reading { gallery: gallery.to_owned(), ids, next: AtomicUsize::new(0) });
        let start = |pages: Pages<Vec<Booking>>| -> Tasks {
            let task = |_: usize| tokio::spawn(read(self.clone(), Arc::clone(&reading), pages.clone()));
            (0..paging::readers()).map(task).collect()
        };
        paging::gather(start, each).await
    }

    /// What is known of these records, which follow each other in the table but for those that were enrolled since.
    async fn bookings_between(&self, gallery: &str, ids: &[String]) -> Result<Vec<Booking>, StoreError> {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
        // Behind the last one and before all that are greater.
        let end = vec![text(gallery), text(last), number(0)];
        let rows = self.db.find_range(BOOKING, range(BOOKING, vec![text(gallery), text(first)], Some(end))).await?;
        let mut bookings = Vec::with_capacity(rows.len());
        for mut row in rows {
            let id = row.id().to_owned();
            let json = self.db.unseal(BOOKING, &joined(gallery, &id), &mut row)?;
            let booking = from_json(BOOKING, &id, &json)?;
            let (status, origin) = (row.text("status")?, row.text_if_any("origin").unwrap_or_default());
            bookings.push(Booking { status, origin, booking, id });
        }
        Ok(bookings)
    }
}

async fn read(store: Jurisdiction, reading: Arc<Reading>, pages: Pages<Vec<Booking>>) -> Result<(), StoreError> {
    loop {
        let first = reading.next.fetch_add(PAGE_ROWS, Ordering::Relaxed);
        let page = reading.ids.get(first..).unwrap_or_default();
        if page.is_empty() {
            return Ok(());
        }
        let page = page.get(..PAGE_ROWS).unwrap_or(page);
        if !pages.pass(store.bookings_between(&reading.gallery, page).await?).await {
            return Ok(());
        }
    }
}
