//! Accounts that are destroyed, and what goes with them.

use crate::casework::{LISTED, RequestRow, ids_of_search, listed};
use crate::entries::opened_id;
use crate::error::StoreError;
use crate::impositions::{Imposition, imposition_key, wake_id};
use crate::obligations::obligation_key;
use crate::rows::{key, key_of, milliseconds, number, text};
use crate::schema::{ACCOUNT, IMPOSITION, OBLIGATION, REQUEST, REQUEST_ENTRY, REQUEST_SEARCH};
use crate::steps::PUT_REQUESTS;
use crate::store::Jurisdiction;
use model::terms::Instant;
use std::collections::{BTreeMap, BTreeSet};
use surrealdb::types::{RecordId, Value, object};

/// Where in the statements the answer stands which accounts there were.
const DESTROYED: usize = 1;

/// What goes in one commit, or not at all. What is gone already is passed over.
#[derive(Clone, Debug, Default)]
pub struct Destruction {
    /// The entries whose accounts go.
    pub accounts: Vec<String>,
    /// Searches that go: when each ran, and for which request.
    pub searches: Vec<(Instant, String)>,
    /// Requests that go, with their searches, their obligations and all that lists them.
    pub requests: Vec<String>,
    /// Requests that stay with less in them: each in place of what was kept of it.
    pub instead: Vec<RequestRow>,
}

impl Jurisdiction {
    /// Destroys all of this, and the keys to it; gives how many accounts there were. The rows are deleted whole.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn destroy_together(&self, what: &Destruction) -> Result<usize, StoreError> {
        let account = |id: &String| Value::RecordId(RecordId::new(ACCOUNT, key(id)));
        let accounts: Vec<Value> = what.accounts.iter().map(account).collect();
        let mut gone = accounts.clone();
        // Those of a request that goes go with it.
        let mut ran: BTreeMap<&String, BTreeSet<i64>> = BTreeMap::new();
        for (at, request) in what.searches.iter().filter(|(_, request)| !what.requests.contains(request)) {
            ran.entry(request).or_default().insert(milliseconds(*at));
        }
        for (request, ran) in &ran {
            gone.extend(self.ids_of_searches(request, Some(ran)).await?);
        }
        for request in &what.requests {
            gone.extend(self.ids_of_request(request).await?);
        }
        let instead = what.instead.iter().map(|row| self.request_row(row)).collect::<Result<Vec<_>, _>>()?;
        if gone.is_empty() && instead.is_empty() {
            return Ok(0);
        }
        let mut statements = vec!["BEGIN", "SELECT VALUE id FROM $accounts", "DELETE $gone RETURN NONE"];
        let mut vars = object! { accounts: accounts, gone: gone };
        if !instead.is_empty() {
            statements.push(PUT_REQUESTS);
            vars.insert("requests", instead);
        }
        statements.push("COMMIT");
        Ok(self.db.write(&statements, vars).await?.values(DESTROYED)?.len())
    }

    /// The ids of all rows that are of a request. A row that lists what is gone leads nowhere, and goes when it is next met.
    async fn ids_of_request(&self, request: &str) -> Result<Vec<Value>, StoreError> {
        let mut ids = vec![RecordId::new(REQUEST, key(request))];
        if let Some(mut row) = self.db.find(REQUEST, key(request)).await? {
            ids.push(opened_id(row.number("opened")?, request));
        }
        for row in self.db.find_range(REQUEST_ENTRY, listed(REQUEST_ENTRY, request)).await? {
            let entries = key_of(vec![text(request), number(LISTED), text(row.id())]);
            ids.push(RecordId::new(REQUEST_ENTRY, entries));
        }
        for mut row in self.db.find_range(OBLIGATION, listed(OBLIGATION, request)).await? {
            ids.push(wake_id(row.number("wake")?, row.id()));
            ids.push(RecordId::new(OBLIGATION, obligation_key(request, row.id())));
        }
        for Imposition { decision, rows, .. } in self.impositions_of_request(request).await? {
            ids.extend(Imposition::waking(&rows).map(|wake| wake_id(wake, &decision)));
            ids.push(RecordId::new(IMPOSITION, imposition_key(request, &decision)));
        }
        let mut ids: Vec<Value> = ids.into_iter().map(Value::RecordId).collect();
        ids.extend(self.ids_of_searches(request, None).await?);
        Ok(ids)
    }

    /// The ids of all rows of a request's searches: of those that ran at these moments, or of all.
    async fn ids_of_searches(&self, request: &str, ran: Option<&BTreeSet<i64>>) -> Result<Vec<Value>, StoreError> {
        let mut ids = Vec::new();
        for mut row in self.db.find_range(REQUEST_SEARCH, listed(REQUEST_SEARCH, request)).await? {
            let (at, cases) = (row.number("at")?, row.texts("cases")?);
            if ran.is_none_or(|ran| ran.contains(&at)) {
                ids.extend(ids_of_search(at, request, row.id(), &cases));
            }
        }
        Ok(ids)
    }
}
