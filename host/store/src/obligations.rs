//! Obligations: what a decision obliged somebody to, until it is met, and after.

use crate::casework::{LISTED, listed};
use crate::error::StoreError;
use crate::impositions::{self, Imposition, wake_id};
use crate::rows::{Row, joined, key_of, milliseconds, number, range, text};
use crate::schema::{OBLIGATION, OBLIGATION_WAKE};
use crate::store::Jurisdiction;
use model::terms::Instant;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use surrealdb::types::{RecordId, RecordIdKey, Value, object};

/// `wake` of an obligation that nobody has to look at by a certain time. It is listed with those that are still to be met,
/// after all others.
const NEVER: i64 = i64::MAX;

/// `wake` of an obligation that is not to be met any more. It is not listed with those that are: there it is found by its id
/// alone.
const DONE: i64 = -1;

/// An obligation and how it stands, in whatever form casework gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObligationRow {
    /// The request it belongs to; absent outside a request's life.
    pub request: Option<String>,
    /// Its id, unique in its request.
    pub id: String,
    /// Whether it is still to be met: neither met nor set aside.
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
        // In this order: what has become of one meanwhile counts.
        let mut all = BTreeMap::new();
        for row in self.impositions_of_request(request).await?.into_iter().flat_map(|imposition| imposition.rows) {
            all.entry(row.id.clone()).or_insert(row);
        }
        for row in self.db.find_range(OBLIGATION, listed(OBLIGATION, request)).await? {
            let row = self.opened_obligation(row)?;
            all.insert(row.id.clone(), row);
        }
        Ok(all.into_values().collect())
    }

    /// Every obligation, met or not, in no order.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn every_obligation(&self) -> Result<Vec<ObligationRow>, StoreError> {
        let mut all = HashMap::new();
        let mut imposed = self.every_imposition().await?;
        // Ids of decisions grow with time, and what the first one said counts.
        imposed.sort_by(|a, b| a.decision.cmp(&b.decision));
        for row in imposed.into_iter().flat_map(|imposition| imposition.rows) {
            all.entry((row.of().to_owned(), row.id.clone())).or_insert(row);
        }
        for row in self.db.every(OBLIGATION).await? {
            let row = self.opened_obligation(row)?;
            all.insert((row.of().to_owned(), row.id.clone()), row);
        }
        Ok(all.into_values().collect())
    }

    /// One obligation; `request` is absent outside a request's life.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn obligation(&self, request: Option<&str>, id: &str) -> Result<Option<ObligationRow>, StoreError> {
        let key = obligation_key(request.unwrap_or_default(), id);
        if let Some(row) = self.db.find(OBLIGATION, key).await? {
            return self.opened_obligation(row).map(Some);
        }
        let Some(request) = request else { return Ok(None) };
        let mut imposed =
            self.impositions_of_request(request).await?.into_iter().flat_map(|imposition| imposition.rows);
        Ok(imposed.find(|row| row.id == id))
    }

    /// The request of an obligation that is not to be met any more, by its id alone; absent where there is none of that id, or
    /// it is of no request.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn request_of_settled(&self, id: &str) -> Result<Option<String>, StoreError> {
        let Some(mut row) = self.db.find(OBLIGATION_WAKE, key_of(vec![number(DONE), text(id)])).await? else {
            return Ok(None);
        };
        let request = row.text("request")?;
        Ok((!request.is_empty()).then_some(request))
    }

    /// The obligations still to be met that somebody has to look at until `until`, the most urgent first; all that are still
    /// to be met where that is absent.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn open_obligations(&self, until: Option<Instant>) -> Result<Vec<ObligationRow>, StoreError> {
        let end = until.map(|at| milliseconds(at).saturating_add(1));
        let wakes = range(OBLIGATION_WAKE, vec![number(0)], end.map(|end| vec![number(end)]));
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for mut row in self.db.find_range(OBLIGATION_WAKE, wakes).await? {
            let listed = if row.flag("imposition") { &mut together } else { &mut alone };
            listed.push(Listed { request: row.text("request")?, wake: row.number("wake")?, id: row.id().to_owned() });
        }
        let imposed = self.imposed_there(&together, until.is_none()).await?;
        let contained = imposed.iter().flat_map(|imposition| &imposition.rows).map(|row| (row.of(), row.id.as_str()));
        let wanted: BTreeSet<_> =
            alone.iter().map(|at| (at.request.as_str(), at.id.as_str())).chain(contained).collect();
        let keys = wanted.into_iter().map(|(request, id)| obligation_key(request, id)).collect();
        let mut own = HashMap::new();
        for row in self.db.find_all(OBLIGATION, keys).await? {
            let row = self.opened_obligation(row)?;
            own.insert((row.of().to_owned(), row.id.clone()), row);
        }
        let mut places = Relisting::default();
        let mut open = Vec::new();
        for at in alone {
            // An obligation imposed again after it was met stays met, but its wake was written: that one leads nowhere.
            match own.get(&(at.request.clone(), at.id.clone())) {
                Some(row) if row.waking() == at.wake => open.push(row.clone()),
                _ => places.astray.push(Value::RecordId(wake_id(at.wake, &at.id))),
            }
        }
        open.extend(places.take_together(together, imposed, &own));
        if let Some(end) = end {
            open.retain(|row| row.waking() < end);
        }
        open.sort_by_key(ObligationRow::waking);
        self.relist(places).await?;
        Ok(open)
    }

    /// The impositions listed at these places, and all earlier ones that say of an obligation of theirs what counts.
    async fn imposed_there(&self, places: &[Listed], are_all: bool) -> Result<Vec<Imposition>, StoreError> {
        if are_all {
            // One that is not among them has none left that nothing has become of.
            let distinct: BTreeSet<_> = places.iter().map(|at| (at.request.as_str(), at.id.as_str())).collect();
            let keys = distinct.into_iter().map(|(request, id)| impositions::imposition_key(request, id)).collect();
            return self.impositions(keys).await;
        }
        let mut imposed = Vec::new();
        for request in places.iter().map(|at| at.request.as_str()).collect::<BTreeSet<_>>() {
            imposed.extend(self.impositions_of_request(request).await?);
        }
        Ok(imposed)
    }

    /// Lists impositions where they belong now.
    async fn relist(&self, places: Relisting) -> Result<(), StoreError> {
        let Relisting { astray, wakes } = places;
        if astray.is_empty() {
            return Ok(());
        }
        let statements =
            ["BEGIN", "INSERT IGNORE INTO obligation_wake $wakes RETURN NONE", "DELETE $astray RETURN NONE", "COMMIT"];
        self.db.write(&statements, object! { astray: astray, wakes: wakes }).await.map(drop)
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

/// Where something is listed among what is still to be met: an obligation, or an imposition.
struct Listed {
    request: String,
    wake: i64,
    id: String,
}

/// Wakes that lead nowhere, and those that have to be there instead.
#[derive(Default)]
struct Relisting {
    astray: Vec<Value>,
    wakes: Vec<Value>,
}

impl Relisting {
    /// The obligations that nothing has become of since they were imposed. Their impositions are listed by the first of them
    /// that somebody has to look at, which may be another one by now.
    fn take_together(
        &mut self,
        together: Vec<Listed>,
        mut imposed: Vec<Imposition>,
        own: &HashMap<(String, String), ObligationRow>,
    ) -> Vec<ObligationRow> {
        // Ids of decisions grow with time.
        imposed.sort_by(|a, b| a.decision.cmp(&b.decision));
        let mut known = HashSet::new();
        let mut left = HashMap::new();
        for Imposition { decision, mut rows, .. } in imposed {
            rows.retain(|row| {
                let place = (row.of().to_owned(), row.id.clone());
                !own.contains_key(&place) && known.insert(place)
            });
            left.insert(decision, rows);
        }
        // Where each of them is listed: what is kept once more, as after a crash, is listed where it was at first, too.
        let mut listings: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        for Listed { request, wake, id } in together {
            listings.entry((request, id)).or_default().push(wake);
        }
        let mut open = Vec::new();
        for ((request, id), wakes) in listings {
            let rows = left.remove(&id).unwrap_or_default();
            let now = Imposition::waking(&rows);
            self.wakes
                .extend(now.filter(|now| !wakes.contains(now)).map(|now| impositions::wake_row(now, &request, &id)));
            let astray = wakes.into_iter().filter(|wake| now != Some(*wake));
            self.astray.extend(astray.map(|wake| Value::RecordId(wake_id(wake, &id))));
            open.extend(rows);
        }
        open
    }
}

/// The row that lists an obligation among those still to be met, or by which one that is not is found.
pub(crate) fn wake_row(row: &ObligationRow) -> Value {
    Value::Object(object! {
        id: wake_id(row.waking(), &row.id),
        request: row.of().to_owned(),
        wake: row.waking(),
    })
}

/// The id of the row that listed it so far, if it is not the one that lists it now.
pub(crate) fn past_wake(row: &ObligationRow, was: Option<Instant>) -> Option<Value> {
    let was = wake_of(was);
    (was != row.waking()).then(|| Value::RecordId(wake_id(was, &row.id)))
}

pub(crate) fn wake_of(wake: Option<Instant>) -> i64 {
    wake.map_or(NEVER, milliseconds)
}

pub(crate) fn obligation_key(request: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(request), number(LISTED), text(id)])
}
