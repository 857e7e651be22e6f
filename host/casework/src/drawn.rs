//! Documents that a release has drawn up and sealed, until it is concluded.
//!
//! Between the permit of a release and its outcome its documents are sealed. Where the outcome never comes they are no release's,
//! and nobody finds them, or purges them: the request may never be released. So a mark is kept before the first is sealed, and
//! goes with the outcome. Each release has its own, for one that broke off may be followed by another of the same request: what
//! the first left in a log's journal takes no mark but its own. What a release that fails has sealed is destroyed at once, with
//! an entry first; what a mark still leads to at a start, then.

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::recovery;
use crate::release::{DOCUMENT, Form, sealed_id};
use crate::unfinished::sealed;
use model::account::Event;
use model::terms::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The kind under which releases are marked.
const RELEASING: &str = "releasing";

/// What `/readyz` calls documents that could not be destroyed at the start.
const LEFT: &str = "documents";

/// Keeps the mark of the release of a request that this entry permits, and that is about to seal these documents.
pub(crate) async fn mark(owner: &Chamber, request: &str, intent: &str, documents: &[String]) -> Result<(), CaseError> {
    // A host that starts looks after its own: another's may be under way.
    let body = serde_json::json!({ "log": owner.log().origin(), "request": request, "documents": documents });
    let row = store::StandingRow { kind: RELEASING.to_owned(), id: mark_id(request, intent), body };
    Ok(owner.store.keep(&[store::Kept::Stands(row)]).await?)
}

/// That the release is concluded: to be kept with its outcome.
pub(crate) fn unmark(request: &str, intent: &str) -> store::Kept {
    forgotten(mark_id(request, intent))
}

fn mark_id(request: &str, intent: &str) -> String {
    format!("{request}/{intent}")
}

fn forgotten(mark: String) -> store::Kept {
    store::Kept::Forgotten { kind: RELEASING.to_owned(), id: mark }
}

/// The request a mark is of. Older programs named the mark itself so.
fn request_of(mark: &store::StandingRow) -> &str {
    mark.body["request"].as_str().unwrap_or(&mark.id)
}

/// The documents a mark names.
fn marked(mark: &store::StandingRow) -> BTreeSet<String> {
    serde_json::from_value(mark.body["documents"].clone()).unwrap_or_default()
}

/// Destroys the documents of releases that broke off before this start. What cannot be destroyed holds nobody up: `/readyz`
/// says so, and the next start tries again.
pub(crate) async fn sweep(chamber: &Chamber, at: Instant) {
    if let Err(e) = destroy_all(chamber, at).await {
        tracing::error!(jurisdiction = chamber.id(), %e, "documents of releases that broke off could not be destroyed");
        let text = format!("documents of releases that broke off are still there: {e}; then start the host anew");
        chamber.troubles.set(LEFT, text);
    }
}

async fn destroy_all(chamber: &Chamber, at: Instant) -> Result<(), CaseError> {
    for mark in chamber.store.standings(RELEASING).await? {
        if mark.body["log"] == chamber.log().origin() {
            destroy(chamber, &mark, at).await?;
        }
    }
    Ok(())
}

/// Destroys what a mark leads to, if the release is not on record after all.
async fn destroy(chamber: &Chamber, mark: &store::StandingRow, at: Instant) -> Result<(), CaseError> {
    // The outcome may be on its way to the database.
    chamber.ledger.settle().await?;
    let (store, request) = (&chamber.store, request_of(mark));
    let mut left = Vec::new();
    if !is_released(chamber, request).await? {
        for document in marked(mark) {
            for form in [Form::Html, Form::Pdf] {
                let id = sealed_id(request, &document, form);
                if sealed(store, DOCUMENT, &id).await?.is_some() {
                    left.push(id);
                }
            }
        }
    }
    if left.is_empty() {
        return Ok(store.keep(&[forgotten(mark.id.clone())]).await?);
    }
    let details = BTreeMap::from([("documents".to_owned(), left.join(" "))]);
    let entry = |act: &str, of: Option<String>| {
        let event = Event::Host { act: act.to_owned(), details: details.clone() };
        chamber.own_entry(at, Subject::of_request(Some(request)), of, event)
    };
    let intent = ledger::record(&[&chamber.ledger], entry("destroy-unreleased-documents", None), vec![]).await?;
    for id in &left {
        store.destroy(DOCUMENT, id).await?;
        if sealed(store, DOCUMENT, id).await?.is_some() {
            return Err(CaseError::Unerased(format!("the document `{id}`, which was never released,")));
        }
    }
    let outcome = entry("unreleased-documents-destroyed", Some(intent.id));
    ledger::record(&[&chamber.ledger], outcome, vec![forgotten(mark.id.clone())]).await.map(drop)
}

/// Whether a release of a request is on record, or may be: of entries whose accounts are gone nobody knows.
async fn is_released(chamber: &Chamber, request: &str) -> Result<bool, CaseError> {
    let life = chamber.life_in_store(request).await?;
    Ok(life.incomplete || life.release.is_some())
}

impl Casework {
    /// After a release that failed: the documents it sealed go. Where that cannot be recorded, the next start sees to it.
    pub(crate) async fn discard_drawn(&self, owner: &Chamber, request: &str, intent: &str) {
        // The clock may be what the release failed of.
        if let Err(e) = discard(owner, request, intent, recovery::now(&self.clock)).await {
            tracing::error!(jurisdiction = owner.id(), request, %e, "a release failed, and its documents are still there: the next start destroys them");
        }
    }
}

async fn discard(owner: &Chamber, request: &str, intent: &str, at: Instant) -> Result<(), CaseError> {
    match owner.store.standing(RELEASING, &mark_id(request, intent)).await? {
        Some(mark) => destroy(owner, &mark, at).await,
        None => Ok(()),
    }
}
