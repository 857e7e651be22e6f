//! Requests, and the searches that history is derived from.
//!
//! A search is kept under three keys, one for each question asked of it; what is already there is the same search. Who searched,
//! for what and with which probe is sealed. A case stands in keys as [`Vault::keyed`](crate::vault::Vault::keyed) has it: a bare
//! digest of a case number tells the number to whoever tries them all.

use crate::database::Database;
use crate::error::StoreError;
use crate::rows::{Row, from_json, joined, key, key_of, milliseconds, number, range, text, to_json, with_id};
use crate::schema::{CASE_PROBE, REQUEST, REQUEST_SEARCH, SEARCH_FACT};
use crate::steps::Kept;
use crate::store::Jurisdiction;
use model::terms::{Digest, Instant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use surrealdb::types::{RecordId, Value, object};

/// Between what a list is of and what it lists stands this number, so that the next one ends the list.
pub(crate) const LISTED: i64 = 0;

/// A request and all that became of it, in whatever form casework gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRow {
    /// Its id.
    pub id: String,
    /// When it was opened.
    pub opened: Instant,
    /// Everything about it. Sealed at rest.
    pub body: serde_json::Value,
}

/// One search that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRow {
    /// Its id.
    pub id: String,
    /// When it ran.
    pub at: Instant,
    /// Who searched: `jurisdiction/person`.
    pub person: String,
    /// The request it ran for.
    pub request: String,
    /// The cases it ran for, as the caller hashed them: this crate keeps no case numbers.
    pub case_keys: Vec<String>,
    /// Digest of the probe.
    pub probe: Digest,
}

impl Jurisdiction {
    /// Keeps a request, in place of what was kept of it before.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_request(&self, request: &RequestRow) -> Result<(), StoreError> {
        self.keep(&[Kept::Request(request.clone())]).await
    }

    /// A request as a row.
    pub(crate) fn request_row(&self, request: &RequestRow) -> Result<Value, StoreError> {
        let json = to_json(REQUEST, &request.id, &request.body)?;
        let mut row = self.db.seal(REQUEST, &request.id, &json)?;
        row.insert("opened", milliseconds(request.opened));
        Ok(with_id(REQUEST, &request.id, row))
    }

    /// The request with this id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn request(&self, id: &str) -> Result<Option<RequestRow>, StoreError> {
        let Some(mut row) = self.db.find(REQUEST, key(id)).await? else { return Ok(None) };
        let opened = Instant(row.natural("opened")?);
        let json = self.db.unseal(REQUEST, id, &mut row)?;
        Ok(Some(RequestRow { id: id.to_owned(), opened, body: from_json(REQUEST, id, &json)? }))
    }

    /// Keeps a search. One that is already kept stays as it is.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_search(&self, search: &SearchRow) -> Result<(), StoreError> {
        self.keep(&[Kept::Search(search.clone())]).await
    }

    /// The searches that ran at `at` or later, oldest first.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn searches_since(&self, at: Instant) -> Result<Vec<SearchRow>, StoreError> {
        let since = range(SEARCH_FACT, vec![number(milliseconds(at))], None);
        let rows = self.db.find_range(SEARCH_FACT, since).await?;
        rows.into_iter().map(|row| self.opened_search(row)).collect()
    }

    fn opened_search(&self, mut row: Row) -> Result<SearchRow, StoreError> {
        let (at, id) = (row.moment()?, row.id().to_owned());
        let plain = self.db.unseal(SEARCH_FACT, &fact_place(milliseconds(at), &id), &mut row)?;
        let told: Searched = postcard::from_bytes(&plain).map_err(|e| row.damaged(&e.to_string()))?;
        let Searched { person, request, case_keys, probe } = told;
        Ok(SearchRow { id, at, person, request, case_keys, probe: Digest(probe) })
    }

    /// The probes that were searched in a case, each once, in the order of their digests.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn probes_of_case(&self, case_key: &str) -> Result<Vec<Digest>, StoreError> {
        let case = self.db.vault.keyed(CASE_PROBE, case_key);
        let mut probes = BTreeSet::new();
        for mut row in self.db.find_range(CASE_PROBE, listed(CASE_PROBE, &case)).await? {
            let place = joined(&case, row.id());
            let plain = self.db.unseal(CASE_PROBE, &place, &mut row)?;
            let digest = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| row.damaged("it holds no digest"))?;
            probes.insert(Digest(digest));
        }
        Ok(probes.into_iter().collect())
    }

    /// How many searches ran for a request.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn searches_of_request(&self, id: &str) -> Result<u32, StoreError> {
        let rows = self.db.find_range(REQUEST_SEARCH, listed(REQUEST_SEARCH, id)).await?;
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }
}

/// Everything that a table lists of `of`.
pub(crate) fn listed(table: &'static str, of: &str) -> RecordId {
    range(table, vec![text(of), number(LISTED)], Some(vec![text(of), number(LISTED + 1)]))
}

/// What the row of a search holds sealed.
#[derive(Serialize, Deserialize)]
struct Searched {
    person: String,
    request: String,
    case_keys: Vec<String>,
    probe: [u8; 32],
}

/// A search as rows: the fact itself, its probe under each case, and its place under its request, from where the others are
/// found.
pub(crate) struct SearchRows {
    pub(crate) fact: Value,
    pub(crate) probes: Vec<Value>,
    pub(crate) link: Value,
}

impl SearchRows {
    pub(crate) fn of(db: &Database, search: &SearchRow) -> Result<Self, StoreError> {
        let SearchRow { id, at, person, request, case_keys, probe } = search;
        let at = milliseconds(*at);
        let told =
            Searched { person: person.clone(), request: request.clone(), case_keys: case_keys.clone(), probe: probe.0 };
        let plain = postcard::to_allocvec(&told).map_err(|e| StoreError::Unwritable {
            table: SEARCH_FACT,
            id: id.clone(),
            reason: e.to_string(),
        })?;
        let mut fact = db.seal(SEARCH_FACT, &fact_place(at, id), &plain)?;
        fact.insert("id", fact_id(at, id));
        // As they stand in keys, each once.
        let cases: BTreeSet<String> = case_keys.iter().map(|case| db.vault.keyed(CASE_PROBE, case)).collect();
        let mut probes = Vec::with_capacity(cases.len());
        for case in &cases {
            let mut row = db.seal(CASE_PROBE, &joined(case, id), &probe.0)?;
            row.insert("id", probe_id(case, id));
            probes.push(Value::Object(row));
        }
        let cases: Vec<Value> = cases.iter().map(|case| text(case)).collect();
        let link = object! { id: link_id(request, id), at: at, cases: cases };
        Ok(Self { fact: Value::Object(fact), probes, link: Value::Object(link) })
    }
}

/// The ids of a search's rows; `cases` as they stand in keys.
pub(crate) fn ids_of_search(at: i64, request: &str, search: &str, cases: &[String]) -> Vec<Value> {
    let mut ids = vec![fact_id(at, search), link_id(request, search)];
    ids.extend(cases.iter().map(|case| probe_id(case, search)));
    ids.into_iter().map(Value::RecordId).collect()
}

/// What a search is sealed for.
fn fact_place(at: i64, search: &str) -> String {
    joined(&at.to_string(), search)
}

fn fact_id(at: i64, search: &str) -> RecordId {
    RecordId::new(SEARCH_FACT, key_of(vec![number(at), text(search)]))
}

fn probe_id(case: &str, search: &str) -> RecordId {
    RecordId::new(CASE_PROBE, key_of(vec![text(case), number(LISTED), text(search)]))
}

pub(crate) fn link_id(request: &str, search: &str) -> RecordId {
    RecordId::new(REQUEST_SEARCH, key_of(vec![text(request), number(LISTED), text(search)]))
}
