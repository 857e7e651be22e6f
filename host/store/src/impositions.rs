//! What decisions impose, as one row for all of a request that are kept at once: most obligations are met in time without
//! anybody having asked for one of them alone.
//!
//! An obligation gets a row of its own when something becomes of it ([`crate::obligations`]); that row counts from then on. The
//! same obligation may be imposed again by a later decision; what the first one said of it counts.

use crate::casework::{LISTED, listed};
use crate::entries::span;
use crate::error::StoreError;
use crate::obligations::{ObligationRow, wake_of};
use crate::rider::Bytes;
use crate::rows::{Row, joined, key_of, number, text};
use crate::schema::{IMPOSITION, OBLIGATION_WAKE};
use crate::store::Jurisdiction;
use model::terms::Instant;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use surrealdb::types::{RecordId, RecordIdKey, Value, object};

/// The obligations that a decision imposes.
#[derive(Clone, Debug, PartialEq)]
pub struct Imposition {
    /// The decision; the first and the last of those that are kept as one.
    pub decision: String,
    /// What they are filed under: the same for all. Those that are filed under nothing have rows of their own at once.
    pub request: Option<String>,
    /// The obligations, all of them open.
    pub rows: Vec<ObligationRow>,
}

/// One obligation of an imposition.
#[derive(Serialize, Deserialize)]
struct Item {
    id: String,
    wake: Option<u64>,
    body: Bytes,
}

impl Imposition {
    /// When the first of these has to be looked at; none for no obligation.
    pub(crate) fn waking<'r>(rows: impl IntoIterator<Item = &'r ObligationRow>) -> Option<i64> {
        rows.into_iter().map(|row| wake_of(row.wake)).min()
    }
}

impl Jurisdiction {
    /// What these decisions impose on a request, oldest first, as a row, and the row that lists it among what is still to be
    /// met; none where they impose nothing.
    pub(crate) fn imposition_rows(
        &self,
        request: &str,
        decisions: &[(&str, &[ObligationRow])],
    ) -> Result<Option<(Value, Value)>, StoreError> {
        let (Some((first, _)), Some((last, _))) = (decisions.first(), decisions.last()) else { return Ok(None) };
        let mut known = HashSet::new();
        let all = decisions.iter().flat_map(|(_, rows)| rows.iter());
        let rows: Vec<&ObligationRow> = all.filter(|row| known.insert(row.id.as_str())).collect();
        let Some(wake) = Imposition::waking(rows.iter().copied()) else { return Ok(None) };
        let name = span(first, last);
        let item = |row: &&ObligationRow| Item {
            id: row.id.clone(),
            wake: row.wake.map(|at| at.0),
            body: Bytes(row.body.clone()),
        };
        let items: Vec<Item> = rows.iter().map(item).collect();
        let plain = postcard::to_allocvec(&items).map_err(|e| StoreError::Unwritable {
            table: IMPOSITION,
            id: name.clone(),
            reason: e.to_string(),
        })?;
        let mut fields = self.db.seal(IMPOSITION, &joined(request, &name), &plain)?;
        fields.insert("id", RecordId::new(IMPOSITION, imposition_key(request, &name)));
        fields.insert("request", request.to_owned());
        Ok(Some((Value::Object(fields), wake_row(wake, request, &name))))
    }

    /// What was imposed on a request, decision by decision.
    pub(crate) async fn impositions_of_request(&self, request: &str) -> Result<Vec<Imposition>, StoreError> {
        let rows = self.db.find_range(IMPOSITION, listed(IMPOSITION, request)).await?;
        rows.into_iter().map(|row| self.opened_imposition(row)).collect()
    }

    /// Everything that was imposed, in no order.
    pub(crate) async fn every_imposition(&self) -> Result<Vec<Imposition>, StoreError> {
        let rows = self.db.every(IMPOSITION).await?;
        rows.into_iter().map(|row| self.opened_imposition(row)).collect()
    }

    /// The impositions with these keys, in no order.
    pub(crate) async fn impositions(&self, keys: Vec<RecordIdKey>) -> Result<Vec<Imposition>, StoreError> {
        let rows = self.db.find_all(IMPOSITION, keys).await?;
        rows.into_iter().map(|row| self.opened_imposition(row)).collect()
    }

    fn opened_imposition(&self, mut row: Row) -> Result<Imposition, StoreError> {
        let request = row.text("request")?;
        let decision = row.id().to_owned();
        let plain = self.db.unseal(IMPOSITION, &joined(&request, &decision), &mut row)?;
        let items: Vec<Item> = postcard::from_bytes(&plain).map_err(|e| row.damaged(&e.to_string()))?;
        let obligation = |Item { id, wake, body }| ObligationRow {
            request: Some(request.clone()),
            id,
            open: true,
            wake: wake.map(Instant),
            body: body.0,
        };
        let rows = items.into_iter().map(obligation).collect();
        Ok(Imposition { decision, request: Some(request), rows })
    }
}

pub(crate) fn imposition_key(request: &str, decision: &str) -> RecordIdKey {
    key_of(vec![text(request), number(LISTED), text(decision)])
}

/// The row that lists an imposition among what is still to be met.
pub(crate) fn wake_row(wake: i64, request: &str, decision: &str) -> Value {
    Value::Object(object! {
        id: wake_id(wake, decision),
        request: request.to_owned(),
        wake: wake,
        imposition: true,
    })
}

/// The id of a row that lists an imposition, or an obligation.
pub(crate) fn wake_id(wake: i64, id: &str) -> RecordId {
    RecordId::new(OBLIGATION_WAKE, key_of(vec![number(wake), text(id)]))
}
