//! Ids of records that are gone. A docket outlives its record, and what is on it is about that record alone: another one of the
//! same id would be held, due or destroyed as the first was.

use super::{Docket, GALLERY_RECORD};
use crate::chamber::Chamber;
use crate::error::CaseError;

impl Chamber {
    /// Whether these ids may be given to new records of a gallery. None of them is in it now.
    ///
    /// # Errors
    /// [`CaseError::Exists`] for one that was destroyed, or whose purge is not over.
    pub(crate) async fn unused(&self, gallery: &str, ids: &[String]) -> Result<(), CaseError> {
        // A purge has its docket in the database before it takes the record out of the gallery.
        self.ledger.settle().await?;
        let rows = self.store.retentions_of(GALLERY_RECORD, gallery, ids).await?;
        let Some(row) = rows.into_iter().min_by(|a, b| a.record.cmp(&b.record)) else { return Ok(()) };
        let docket = Docket::read(row)?;
        let record = &docket.record.record;
        Err(CaseError::Exists(match docket.purged {
            Some(at) => format!(
                "record `{record}` was destroyed on {}, and its id stays its own: nothing was done; use a new id",
                self.local(at).today
            ),
            None => format!("the purge of record `{record}` is not over: nothing was done; use a new id"),
        }))
    }
}
