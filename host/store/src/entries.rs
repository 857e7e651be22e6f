//! What is listed of requests: the audit entries of each, and the requests themselves in the order they were opened.
//!
//! A request's life is told by the accounts of its entries; these rows say which they are.

use crate::casework::{LISTED, listed};
use crate::error::StoreError;
use crate::rows::{key_of, milliseconds, number, range, text};
use crate::schema::{REQUEST_ENTRY, REQUEST_OPENED};
use crate::store::Jurisdiction;
use model::terms::Instant;
use std::collections::BTreeSet;
use surrealdb::types::{RecordId, Value, object};

impl Jurisdiction {
    /// The ids of a request's audit entries, in the order of the ids.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn entries_of_request(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let mut ids = BTreeSet::new();
        for mut row in self.db.find_range(REQUEST_ENTRY, listed(REQUEST_ENTRY, id)).await? {
            match row.texts_if_any("entries") {
                Some(several) => ids.extend(several),
                None => ids.extend([row.id().to_owned()]),
            }
        }
        Ok(ids.into_iter().collect())
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

/// The row that lists entries of a request; none for no entry.
pub(crate) fn entries_row(request: &str, entries: &[&str]) -> Option<Value> {
    let name = span(entries.first()?, entries.last()?);
    let id = RecordId::new(REQUEST_ENTRY, key_of(vec![text(request), number(LISTED), text(&name)]));
    Some(Value::Object(match entries {
        [_] => object! { id: id },
        several => object! { id: id, entries: several.iter().map(|entry| text(entry)).collect::<Vec<_>>() },
    }))
}

/// What a row is called that holds what follows each other from the first to the last. Nothing else is called so: what one
/// commit keeps of a request has no gaps.
pub(crate) fn span(first: &str, last: &str) -> String {
    if first == last { first.to_owned() } else { format!("{first} {last}") }
}

pub(crate) fn opened_row(opened: Instant, request: &str) -> Value {
    Value::Object(object! { id: opened_id(milliseconds(opened), request) })
}

/// The id of that row.
pub(crate) fn opened_id(opened: i64, request: &str) -> RecordId {
    RecordId::new(REQUEST_OPENED, key_of(vec![number(opened), text(request)]))
}
