//! What the database keeps beside accounts and says what they said: it goes with them, in the same commit.
//!
//! - A search that is counted goes with the account of its permit, in every jurisdiction that counts it.
//! - A request goes whole once no account of its life is left, with its obligations and all that lists it. An account that says what
//!   was purged counts for none: it holds ids and digests. Nor does the request go while its probe or a document of it is there,
//!   which are purged in their own right, or while somebody has to do or to keep something that outlives it. Rejections are not of its
//!   life, nor listed under it: what they say of its case goes with their own entries, and may be there when the request is not.
//! - Until then, once an account of it is gone, the request says nothing any more of its case ([`OpenRequest::bare`]): neither to
//!   whoever reads it, nor in new entries.
//!
//! The docket of a probe or a document stays: it says that it was purged, and by whom.

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::intake::{OpenRequest, PROBE};
use crate::misstep::Misstep;
use crate::obligations::Owed;
use crate::release::DOCUMENT;
use crate::unfinished::sealed;
use model::account::{Account, Event};
use model::rulings::Duty;
use model::terms::{Instant, Phase, Verdict};
use std::collections::BTreeSet;
use store::{Destruction, StoreError};

/// What becomes of a request.
enum Fate {
    /// Nothing of it is left.
    Goes,
    /// It stays, and says less.
    StaysBare(store::RequestRow),
    /// It stays as it is.
    Stays,
}

/// Whether an event says what was purged. Its account is how an auditor tells what was purged from what is missing.
pub(super) fn says_what_was_purged(event: &Event) -> bool {
    matches!(event, Event::Purged { .. })
}

impl Casework {
    /// Destroys the accounts of these entries, but for those that `stay` picks, and what says the same beside them; gives the
    /// entries. The caller has the turn of the log's entries, and its journal is clear.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`], unrecorded, where the turn of a request that they are of is not to be had soon;
    /// [`CaseError::Unerased`] and what the store may say when something could not be destroyed.
    pub(super) async fn destroy_accounts(
        &self,
        owner: &Chamber,
        ids: &[String],
        stay: fn(&Event) -> bool,
    ) -> Result<Vec<String>, CaseError> {
        let store = &owner.store;
        let (mut going, mut searches, mut requests) = (Vec::with_capacity(ids.len()), Vec::new(), BTreeSet::new());
        for (id, account) in told(store, ids).await? {
            if account.as_ref().is_some_and(|account| stay(&account.event)) {
                continue;
            }
            going.push(id);
            if let Some(account) = account {
                searches.extend(search_of(&account));
                requests.extend(account.request);
            }
        }
        let mut what = Destruction { accounts: going, searches, ..Destruction::default() };
        // Until all is gone: no step of a request writes again what it read before.
        let mut turns = Vec::with_capacity(requests.len());
        for request in requests {
            if store.entries_of_request(&request).await?.is_empty() {
                // Another jurisdiction keeps it.
                continue;
            }
            let turn = self.turn_soon(owner, &request).await?;
            let turn = turn.ok_or_else(|| Misstep::StepUnderWay { request: request.clone() })?;
            turns.push((request, turn));
        }
        if !turns.is_empty() {
            owner.ledger.settle().await?;
        }
        let going: BTreeSet<&String> = what.accounts.iter().collect();
        for (request, _) in &turns {
            match fate(owner, request, &going).await? {
                Fate::Goes => what.requests.push(request.clone()),
                Fate::StaysBare(row) => what.instead.push(row),
                Fate::Stays => {}
            }
        }
        store.destroy_together(&what).await?;
        read_back(owner, &what).await?;
        Ok(what.accounts)
    }
}

/// Whether what was destroyed is gone.
async fn read_back(owner: &Chamber, what: &Destruction) -> Result<(), CaseError> {
    if let Some(left) = owner.store.accounts(&what.accounts).await?.into_iter().flatten().next() {
        return Err(CaseError::Unerased(format!("the account of entry `{}`", left.id)));
    }
    for request in &what.requests {
        if owner.store.request(request).await?.is_some() {
            return Err(CaseError::Unerased(format!("the request `{request}`")));
        }
    }
    for row in &what.instead {
        if owner.request_in_store(&row.id).await?.is_some_and(|request| !request.is_bare()) {
            return Err(CaseError::Unerased(format!("what the request `{}` says", row.id)));
        }
    }
    Ok(())
}

/// The accounts of these entries that are there; without what it says, one that cannot be read: it goes all the same.
async fn told(store: &store::Jurisdiction, ids: &[String]) -> Result<Vec<(String, Option<Account>)>, CaseError> {
    let (mut ids, mut told) = (ids.to_vec(), Vec::with_capacity(ids.len()));
    let rows = loop {
        match store.accounts(&ids).await {
            Err(StoreError::Damaged { id, .. }) if ids.contains(&id) => {
                ids.retain(|other| *other != id);
                told.push((id, None));
            }
            rows => break rows?,
        }
    };
    for row in rows.into_iter().flatten() {
        told.push((row.id, serde_json::from_slice(&row.plain).ok()));
    }
    Ok(told)
}

/// When the search ran that an entry permits, and for which request.
fn search_of(account: &Account) -> Option<(Instant, String)> {
    let Event::Decision { rulings, .. } = &account.event else { return None };
    let ran = rulings.phase == Phase::Search && rulings.verdict() == Verdict::Permit;
    account.request.clone().filter(|_| ran).map(|request| (account.at, request))
}

/// What becomes of a request once these accounts are gone.
async fn fate(owner: &Chamber, id: &str, going: &BTreeSet<&String>) -> Result<Fate, CaseError> {
    let mut left = owner.store.entries_of_request(id).await?;
    left.retain(|entry| !going.contains(entry));
    let says = |account: &Option<Account>| account.as_ref().is_none_or(|a| !says_what_was_purged(&a.event));
    let is_told = told(&owner.store, &left).await?.iter().any(|(_, account)| says(account));
    let request = owner.request_in_store(id).await?;
    if !is_told && !is_outlived(owner, id, request.as_ref()).await? {
        return Ok(Fate::Goes);
    }
    let Some(request) = request.filter(|request| !request.is_bare()) else { return Ok(Fate::Stays) };
    let bare = request.bare();
    let body = serde_json::to_value(&bare).map_err(|e| CaseError::Log(e.to_string()))?;
    Ok(Fate::StaysBare(store::RequestRow { id: id.to_owned(), opened: bare.request.opened, body }))
}

/// Whether something of a request has to be seen to that is there without its accounts.
async fn is_outlived(owner: &Chamber, id: &str, request: Option<&OpenRequest>) -> Result<bool, CaseError> {
    let store = &owner.store;
    if request.is_some_and(|request| request.template.is_some())
        || sealed(store, PROBE, id).await?.is_some()
        || store.any_sealed(DOCUMENT, &format!("{id}/")).await?
    {
        return Ok(true);
    }
    for row in store.obligations_of_request(id).await? {
        let owed = Owed::read(row)?;
        if owed.is_open() && outlives(&owed.duty) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what a duty asks for has to be done or kept though nothing is left of the request. No step of it can be taken any more,
/// and there is nothing left to review.
fn outlives(duty: &Duty) -> bool {
    match duty {
        Duty::Notify(_) | Duty::Task(_) | Duty::Suspend(_) | Duty::Retain(_) | Duty::Purge(_) | Duty::Hold(_) => true,
        Duty::SignOffs(_)
        | Duty::Document(_)
        | Duty::Approve(_)
        | Duty::Acknowledge(_)
        | Duty::DisposeAll
        | Duty::Flag(_)
        | Duty::Statement(_)
        | Duty::Candidates(_)
        | Duty::Galleries(_)
        | Duty::ShowOnly(_)
        | Duty::Withhold(_) => false,
    }
}
