//! What is listed of requests: the audit entries of each, and the requests themselves in the order they were opened.
//!
//! A request's life is told by the accounts of its entries; these rows say which they are.

use crate::casework::{LISTED, listed};
use crate::error::StoreError;
use crate::rows::{key_of, milliseconds, number, range, text};
use crate::schema::{REQUEST_ENTRY, REQUEST_OPENED};
use crate::store::Jurisdiction;
use model::terms::Instant;
use surrealdb::types::{RecordId, Value, object};

impl Jurisdiction {
    /// The ids of a request's audit entries, in the order of the ids.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn entries_of_request(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let rows = self.db.find_range(REQUEST_ENTRY, listed(REQUEST_ENTRY, id)).await?;
        Ok(rows.into_iter().map(|row| row.id().to_owned()).collect())
    }

    /// The requests that were opened at `since` or later, and before the one that `before` names by its moment and id: when
    /// each was, and its id, the latest first, `most` at most.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn requests_opened(
        &self,
        since: Instant,
        before: Option<(Instant, &str)>,
        most: usize,
    ) -> Result<Vec<(Instant, String)>, StoreError> {
        if before.is_some_and(|(at, _)| at < since) {
            return Ok(Vec::new());
        }
        let end = before.map(|(at, id)| vec![number(milliseconds(at)), text(id)]);
        let opened = range(REQUEST_OPENED, vec![number(milliseconds(since))], end);
        let rows = self.db.find_last(REQUEST_OPENED, opened, most).await?;
        rows.into_iter().map(|row| Ok((row.moment()?, row.id().to_owned()))).collect()
    }
}

pub(crate) fn entry_row(request: &str, entry: &str) -> Value {
    let key = key_of(vec![text(request), number(LISTED), text(entry)]);
    Value::Object(object! { id: RecordId::new(REQUEST_ENTRY, key) })
}

pub(crate) fn opened_row(opened: Instant, request: &str) -> Value {
    let key = key_of(vec![number(milliseconds(opened)), text(request)]);
    Value::Object(object! { id: RecordId::new(REQUEST_OPENED, key) })
}
