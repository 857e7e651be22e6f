//! Obligations: what a decision obliged somebody to, until it is met, and after.

use crate::casework::{LISTED, listed};
use crate::error::StoreError;
use crate::rows::{Row, joined, key_of, milliseconds, number, range, text};
use crate::schema::{OBLIGATION, OBLIGATION_WAKE};
use crate::store::Jurisdiction;
use model::terms::Instant;
use std::collections::HashMap;
use surrealdb::types::{RecordId, RecordIdKey, Value, object};

/// `wake` of an obligation that nobody has to look at by a certain time. It is listed with those that are still to be met,
/// after all others.
const NEVER: i64 = i64::MAX;

/// `wake` of an obligation that is met or waived: it is not listed.
const DONE: i64 = -1;

/// An obligation and how it stands, in whatever form casework gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObligationRow {
    /// The request it belongs to; absent outside a request's life.
    pub request: Option<String>,
    /// Its id, unique in its request.
    pub id: String,
    /// Whether it is still to be met.
    pub open: bool,
    /// When the host has to look at it next, if it has to by itself.
    pub wake: Option<Instant>,
    /// Everything about it. Sealed at rest.
    pub body: Vec<u8>,
}

impl ObligationRow {
    fn of(&self) -> &str {
        self.request.as_deref().unwrap_or_default()
    }

    /// As the row says it.
    fn waking(&self) -> i64 {
        if self.open { wake_of(self.wake) } else { DONE }
    }
}

impl Jurisdiction {
    /// An obligation as a row.
    pub(crate) fn obligation_row(&self, row: &ObligationRow) -> Result<Value, StoreError> {
        let mut fields = self.db.seal(OBLIGATION, &joined(row.of(), &row.id), &row.body)?;
        fields.insert("id", RecordId::new(OBLIGATION, obligation_key(row.of(), &row.id)));
        fields.insert("request", row.of().to_owned());
        fields.insert("wake", row.waking());
        Ok(Value::Object(fields))
    }

    /// Every obligation of a request, met or not, in the order of the ids.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn obligations_of_request(&self, request: &str) -> Result<Vec<ObligationRow>, StoreError> {
        let rows = self.db.find_range(OBLIGATION, listed(OBLIGATION, request)).await?;
        rows.into_iter().map(|row| self.opened_obligation(row)).collect()
    }

    /// One obligation; `request` is absent outside a request's life.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn obligation(&self, request: Option<&str>, id: &str) -> Result<Option<ObligationRow>, StoreError> {
        let key = obligation_key(request.unwrap_or_default(), id);
        let row = self.db.find(OBLIGATION, key).await?;
        row.map(|row| self.opened_obligation(row)).transpose()
    }

    /// The obligations still to be met that somebody has to look at until `until`, the most urgent first; all that are still
    /// to be met where that is absent.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn open_obligations(&self, until: Option<Instant>) -> Result<Vec<ObligationRow>, StoreError> {
        let end = until.map(|at| vec![number(milliseconds(at).saturating_add(1))]);
        let wakes = self.db.find_range(OBLIGATION_WAKE, range(OBLIGATION_WAKE, vec![number(0)], end)).await?;
        let mut places = Vec::with_capacity(wakes.len());
        for mut wake in wakes {
            places.push((wake.text("request")?, wake.id().to_owned(), wake.number("wake")?));
        }
        let keys: Vec<RecordIdKey> = places.iter().map(|(request, id, _)| obligation_key(request, id)).collect();
        let mut found = HashMap::with_capacity(keys.len());
        for row in self.db.find_all(OBLIGATION, keys).await? {
            let row = self.opened_obligation(row)?;
            found.insert((row.of().to_owned(), row.id.clone()), row);
        }
        // An obligation imposed again after it was met stays met, but its wake was written: that one leads nowhere.
        let (mut open, mut astray) = (Vec::with_capacity(places.len()), Vec::new());
        for (request, id, wake) in places {
            match found.get(&(request, id.clone())) {
                Some(row) if row.waking() == wake => open.push(row.clone()),
                _ => astray.push(Value::RecordId(wake_id(wake, &id))),
            }
        }
        if !astray.is_empty() {
            self.db.write(&["DELETE $astray RETURN NONE"], object! { astray: astray }).await?;
        }
        Ok(open)
    }

    fn opened_obligation(&self, mut row: Row) -> Result<ObligationRow, StoreError> {
        let (request, wake) = (row.text("request")?, row.number("wake")?);
        let id = row.id().to_owned();
        Ok(ObligationRow {
            body: self.db.unseal(OBLIGATION, &joined(&request, &id), &mut row)?,
            request: (!request.is_empty()).then_some(request),
            open: wake != DONE,
            wake: if wake == NEVER { None } else { u64::try_from(wake).ok().map(Instant) },
            id,
        })
    }
}

/// The row that lists an obligation among those still to be met; none for one that is met.
pub(crate) fn wake_row(row: &ObligationRow) -> Option<Value> {
    row.open.then(|| {
        let fields = object! {
            id: wake_id(row.waking(), &row.id),
            request: row.of().to_owned(),
            wake: row.waking(),
        };
        Value::Object(fields)
    })
}

/// The id of the row that listed it so far, if it is not the one that lists it now.
pub(crate) fn past_wake(row: &ObligationRow, was: Option<Instant>) -> Option<Value> {
    let was = wake_of(was);
    (was != row.waking()).then(|| Value::RecordId(wake_id(was, &row.id)))
}

fn wake_of(wake: Option<Instant>) -> i64 {
    wake.map_or(NEVER, milliseconds)
}

fn wake_id(wake: i64, obligation: &str) -> RecordId {
    RecordId::new(OBLIGATION_WAKE, key_of(vec![number(wake), text(obligation)]))
}

fn obligation_key(request: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(request), number(LISTED), text(id)])
}
