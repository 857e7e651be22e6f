//! What steps leave behind, in one commit: a commit costs a sync, so those of steps at the same moment share one.

use crate::accounts::AccountRow;
use crate::casework::{RequestRow, SearchRow, SearchRows};
use crate::entries::{entries_row, opened_row};
use crate::error::StoreError;
use crate::hosts::{TELL_REGISTRY, registry_counter};
use crate::impositions::Imposition;
use crate::obligations::{self, ObligationRow};
use crate::retention::RetentionRow;
use crate::standings::{self, StandingRow};
use crate::store::Jurisdiction;
use model::terms::Instant;
use std::collections::BTreeMap;
use surrealdb::types::{Object, Value};

/// Keeps requests, in place of what was kept of them.
pub(crate) const PUT_REQUESTS: &str = "INSERT INTO request $requests ON DUPLICATE KEY UPDATE key = $input.key, \
                                       sealed = $input.sealed, opened = $input.opened RETURN NONE";

/// Something a step leaves behind.
#[derive(Clone, Debug)]
pub enum Kept {
    /// The account of an audit entry.
    Account(AccountRow),
    /// A request.
    Request(RequestRow),
    /// A search.
    Search(SearchRow),
    /// That an audit entry belongs to a request.
    Entry {
        /// The request.
        request: String,
        /// The entry.
        entry: String,
    },
    /// What a decision imposes. An obligation that is there already stays as it stands.
    Imposed(Imposition),
    /// An obligation as it stands now, in place of what was kept of it.
    Settled {
        /// How it stands now.
        row: ObligationRow,
        /// When it was to be looked at next, as kept so far.
        was: Option<Instant>,
    },
    /// How something stands now, in place of what was kept of it.
    Stands(StandingRow),
    /// How something stands is of no more interest: what was kept of it goes, in the same commit too.
    Forgotten {
        /// What kind of thing.
        kind: String,
        /// Its id.
        id: String,
    },
    /// How long a record stays, in place of what was kept of it.
    Retention(RetentionRow),
}

impl Jurisdiction {
    /// Keeps all of these or none, in one commit. What is already kept counts as kept, so that a call whose answer was lost
    /// can be repeated; a request is replaced.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the account of an entry is there and says something else; see [`Jurisdiction`].
    pub async fn keep(&self, kept: &[Kept]) -> Result<(), StoreError> {
        match self.insert(kept.iter()).await {
            // Some accounts are there already: tell the same from the other.
            Err(StoreError::Exists { .. }) => self.insert(self.unkept(kept).await?.into_iter()).await,
            outcome => outcome,
        }
    }

    /// Keeps what entries left that a crash may have kept from the database: each of these is what one entry left. Where its
    /// account is there, the rest was written with it, and may say something else by now.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub async fn keep_again(&self, entries: Vec<Vec<Kept>>) -> Result<(), StoreError> {
        let there = self.accounts_there(entries.iter().flatten()).await?;
        let mut missing = Vec::new();
        for kept in entries {
            let account = kept.iter().find_map(|item| if let Kept::Account(row) = item { Some(row) } else { None });
            match account.and_then(|row| there.get(&row.id).map(|found| (row, found))) {
                None => missing.extend(kept),
                Some((row, found)) if row == found => {}
                Some((_, found)) => return Err(StoreError::Exists { id: found.id.clone() }),
            }
        }
        self.keep(&missing).await
    }

    async fn insert<'k>(&self, kept: impl Iterator<Item = &'k Kept>) -> Result<(), StoreError> {
        let mut tables = Tables::default();
        // What is always read together is one row for all that is kept of a request at once.
        let (mut entries, mut imposed) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for item in kept {
            match item {
                Kept::Account(row) => tables.accounts.push(self.account_row(row)?),
                Kept::Request(row) => {
                    tables.requests.push(self.request_row(row)?);
                    tables.opened.push(opened_row(row.opened, &row.id));
                }
                Kept::Search(search) => {
                    let rows = SearchRows::of(&self.db, search)?;
                    tables.facts.push(rows.fact);
                    tables.probes.extend(rows.probes);
                    tables.links.push(rows.link);
                }
                Kept::Entry { request, entry } => entries.entry(request.as_str()).or_default().push(entry.as_str()),
                Kept::Imposed(Imposition { decision, request: Some(request), rows }) => {
                    imposed.entry(request.as_str()).or_default().push((decision.as_str(), rows.as_slice()));
                }
                Kept::Imposed(Imposition { request: None, rows, .. }) => {
                    for row in rows {
                        tables.imposed.push(self.obligation_row(row)?);
                        tables.wakes.push(obligations::wake_row(row));
                    }
                }
                Kept::Settled { row, was } => {
                    tables.settled.push(self.obligation_row(row)?);
                    tables.wakes.push(obligations::wake_row(row));
                    tables.past.extend(obligations::past_wake(row, *was));
                }
                Kept::Stands(row) => {
                    tables.standings.push(self.standing_row(row)?);
                    tables.told |= standings::is_told(&row.kind);
                }
                Kept::Forgotten { kind, id } => tables.forgotten.push(standings::forgotten(kind, id)),
                Kept::Retention(row) => tables.retentions.push(self.retention_row(row)?),
            }
        }
        tables.entries = entries.iter().filter_map(|(request, entries)| entries_row(request, entries)).collect();
        for (request, decisions) in imposed {
            let Some((row, wake)) = self.imposition_rows(request, &decisions)? else { continue };
            tables.impositions.push(row);
            tables.wakes.push(wake);
        }
        tables.told &= self.db.several;
        let (statements, vars) = tables.statements();
        if vars.is_empty() { Ok(()) } else { self.db.write(&statements, vars).await.map(drop) }
    }
}

#[derive(Default)]
struct Tables {
    accounts: Vec<Value>,
    requests: Vec<Value>,
    facts: Vec<Value>,
    probes: Vec<Value>,
    links: Vec<Value>,
    opened: Vec<Value>,
    entries: Vec<Value>,
    impositions: Vec<Value>,
    imposed: Vec<Value>,
    settled: Vec<Value>,
    wakes: Vec<Value>,
    standings: Vec<Value>,
    retentions: Vec<Value>,
    /// Ids of rows that are to go.
    past: Vec<Value>,
    /// Ids of standings that are to go.
    forgotten: Vec<Value>,
    /// Whether other hosts have to be told how things stand.
    told: bool,
}

impl Tables {
    /// The statements for the tables that have rows, in a transaction. Where other hosts have to be told how things stand,
    /// they are.
    fn statements(self) -> (Vec<&'static str>, Object) {
        let tables = [
            ("accounts", "INSERT INTO account $accounts RETURN NONE", self.accounts),
            ("requests", PUT_REQUESTS, self.requests),
            ("facts", "INSERT IGNORE INTO search_fact $facts RETURN NONE", self.facts),
            ("probes", "INSERT IGNORE INTO case_probe $probes RETURN NONE", self.probes),
            ("links", "INSERT IGNORE INTO request_search $links RETURN NONE", self.links),
            ("opened", "INSERT IGNORE INTO request_opened $opened RETURN NONE", self.opened),
            ("entries", "INSERT IGNORE INTO request_entry $entries RETURN NONE", self.entries),
            ("impositions", "INSERT IGNORE INTO imposition $impositions RETURN NONE", self.impositions),
            // In this order: what is imposed and settled in one commit is settled.
            ("imposed", "INSERT IGNORE INTO obligation $imposed RETURN NONE", self.imposed),
            (
                "settled",
                "INSERT INTO obligation $settled ON DUPLICATE KEY UPDATE key = $input.key, sealed = $input.sealed, \
                 wake = $input.wake RETURN NONE",
                self.settled,
            ),
            ("wakes", "INSERT IGNORE INTO obligation_wake $wakes RETURN NONE", self.wakes),
            (
                "retentions",
                "INSERT INTO retention $retentions ON DUPLICATE KEY UPDATE key = $input.key, sealed = $input.sealed \
                 RETURN NONE",
                self.retentions,
            ),
            ("past", "DELETE $past RETURN NONE", self.past),
            (
                "standings",
                "INSERT INTO standing $standings ON DUPLICATE KEY UPDATE key = $input.key, sealed = $input.sealed \
                 RETURN NONE",
                self.standings,
            ),
            // Last, so that what was kept in the same commit goes too.
            ("forgotten", "DELETE $forgotten RETURN NONE", self.forgotten),
        ];
        let (mut statements, mut vars) = (vec!["BEGIN"], Object::new());
        for (name, statement, rows) in tables.into_iter().filter(|(_, _, rows)| !rows.is_empty()) {
            statements.push(statement);
            vars.insert(name, rows);
        }
        if self.told {
            statements.push(TELL_REGISTRY);
            vars.insert("told", registry_counter());
        }
        statements.push("COMMIT");
        (statements, vars)
    }
}
