//! Requests, and the searches that history is derived from.

use crate::error::StoreError;
use crate::rows::{digest_bytes, from_json, key, key_of, milliseconds, number, range, text, to_json, with_id};
use crate::schema::{CASE_PROBE, REQUEST, REQUEST_SEARCH, SEARCH_FACT};
use crate::steps::Kept;
use crate::store::Jurisdiction;
use model::terms::{Digest, Instant};
use surrealdb::types::{RecordId, Value, object};

/// A search is kept under three keys, one for each question asked of it. What is already there is the same search.
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
        self.keep(&[Kept::Search { search: search.clone(), unlisted: search.case_keys.clone() }]).await
    }

    /// The searches that ran at `at` or later, oldest first.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn searches_since(&self, at: Instant) -> Result<Vec<SearchRow>, StoreError> {
        let since = range(SEARCH_FACT, vec![number(milliseconds(at))], None);
        let mut searches = Vec::new();
        for mut row in self.db.find_range(SEARCH_FACT, since).await? {
            searches.push(SearchRow {
                at: Instant(row.natural("at")?),
                person: row.text("person")?,
                request: row.text("request")?,
                case_keys: row.texts("case_keys")?,
                probe: row.digest("probe")?,
                id: row.id().to_owned(),
            });
        }
        Ok(searches)
    }

    /// The probes that were searched in a case, each once, in the order of their digests.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn probes_of_case(&self, case_key: &str) -> Result<Vec<Digest>, StoreError> {
        let of_case = listed(CASE_PROBE, case_key);
        let rows = self.db.find_range(CASE_PROBE, of_case).await?;
        rows.into_iter().map(|mut row| row.digest("probe")).collect()
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

/// A search as rows: the fact itself, its probe under each case, and its place under its request.
pub(crate) struct SearchRows {
    pub(crate) fact: Value,
    pub(crate) probes: Vec<Value>,
    pub(crate) link: Value,
}

impl SearchRows {
    pub(crate) fn of(search: &SearchRow, unlisted: &[String]) -> Self {
        let at = milliseconds(search.at);
        let probe = digest_bytes(search.probe);
        let fact = object! {
            id: RecordId::new(SEARCH_FACT, key_of(vec![number(at), text(&search.id)])),
            at: at,
            person: search.person.clone(),
            request: search.request.clone(),
            case_keys: search.case_keys.clone(),
            probe: probe.clone(),
        };
        let name = search.probe.to_string();
        let of_case = |case: &String| {
            let id = RecordId::new(CASE_PROBE, key_of(vec![text(case), number(LISTED), text(&name)]));
            Value::Object(object! { id: id, probe: probe.clone() })
        };
        let link = key_of(vec![text(&search.request), number(LISTED), text(&search.id)]);
        let link = object! { id: RecordId::new(REQUEST_SEARCH, link) };
        Self { fact: Value::Object(fact), probes: unlisted.iter().map(of_case).collect(), link: Value::Object(link) }
    }
}
