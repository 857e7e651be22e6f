//! What broke off before it was concluded, and how the host undoes it: with an entry first, like everything.
//!
//! - A photograph is sealed between the permit of its request and the outcome. Where the outcome never comes, there is no
//!   request by which anybody could find the photograph, or purge it. So a mark is kept with the permit, and goes with the
//!   outcome. Where the opening fails the photograph is destroyed at once; what a mark still leads to at a start, then.
//! - A policy revision is put into its folder between the permit of its activation and the outcome. Where the outcome is not
//!   on record it is not in force, and a start that finds it in the folder puts back what is.

use crate::chamber::{Casework, Chamber};
use crate::chancery;
use crate::error::CaseError;
use crate::intake::PROBE;
use crate::ledger::{self, Subject};
use crate::recovery;
use crate::revision::{self, Revision};
use model::account::{Destroyed, Event, Retained};
use model::terms::{Digest, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind under which openings are marked.
const OPENING: &str = "opening";

/// What `/readyz` calls photographs that could not be destroyed at the start.
const ORPHANS: &str = "orphans";

/// The mark of an opening that is about to seal a photograph: to be kept with its permit.
pub(crate) fn mark(owner: &Chamber, request: &str) -> store::Kept {
    // A host that starts looks after its own: another's may be under way.
    let body = serde_json::json!({ "log": owner.log().origin() });
    store::Kept::Stands(store::StandingRow { kind: OPENING.to_owned(), id: request.to_owned(), body })
}

/// That the opening is concluded: to be kept with its outcome.
pub(crate) fn unmark(request: &str) -> store::Kept {
    store::Kept::Forgotten { kind: OPENING.to_owned(), id: request.to_owned() }
}

/// Destroys the photographs of requests whose opening broke off before this start. What cannot be destroyed holds nobody up:
/// `/readyz` says so, and the next start tries again.
pub(crate) async fn sweep(chamber: &Chamber, at: Instant) {
    if let Err(e) = destroy_orphans(chamber, at).await {
        tracing::error!(jurisdiction = chamber.id(), %e, "photographs of requests that were never opened could not be destroyed");
        let text =
            format!("photographs of requests that were never opened are still there: {e}; then start the host anew");
        chamber.troubles.set(ORPHANS, text);
    }
}

async fn destroy_orphans(chamber: &Chamber, at: Instant) -> Result<(), CaseError> {
    for marked in chamber.store.standings(OPENING).await? {
        if marked.body["log"] == chamber.log().origin() {
            destroy_orphan(chamber, &marked.id, at).await?;
        }
    }
    Ok(())
}

/// Destroys the photograph of a request that was never opened, if there is one and the request is not there after all.
async fn destroy_orphan(chamber: &Chamber, request: &str, at: Instant) -> Result<(), CaseError> {
    // The request itself may be on its way to the database.
    chamber.ledger.settle().await?;
    let store = &chamber.store;
    let orphan = if store.request(request).await?.is_some() { None } else { sealed(store, PROBE, request).await? };
    let Some(digest) = orphan else {
        store.keep(&[unmark(request)]).await?;
        return Ok(());
    };
    let details = BTreeMap::from([("request".to_owned(), request.to_owned())]);
    let found = Event::Host { act: "destroy-orphan-probe".to_owned(), details };
    let subject = || Subject::of_request(Some(request));
    let intent = chamber.own_entry(at, subject(), None, found);
    let intent = ledger::record(&[&chamber.ledger], intent, vec![]).await?;
    store.destroy(PROBE, request).await?;
    if sealed(store, PROBE, request).await?.is_some() {
        return Err(CaseError::Unerased(format!("the probe of request `{request}`, which was never opened,")));
    }
    let id = request.to_owned();
    let record = Retained { subject: PROBE.to_owned(), gallery: None, record: id.clone() };
    let destroyed = vec![Destroyed { what: PROBE.to_owned(), id, digest }];
    let event = Event::Purged { record, destroyed, left_in: vec![] };
    let outcome = chamber.own_entry(at, subject(), Some(intent.id), event);
    ledger::record(&[&chamber.ledger], outcome, vec![unmark(request)]).await.map(drop)
}

/// Whether something of this kind is sealed under an id, and its digest if it can be read.
pub(crate) async fn sealed(
    store: &store::Jurisdiction,
    kind: &str,
    id: &str,
) -> Result<Option<Option<Digest>>, CaseError> {
    match store.open_sealed(kind, id).await {
        Ok(found) => Ok(found.map(|bytes| Some(Digest::of(&bytes)))),
        // It has to go all the same.
        Err(store::StoreError::Damaged { .. }) => Ok(Some(None)),
        Err(e) => Err(e.into()),
    }
}

impl Casework {
    /// After an opening that failed: its photograph goes. Where that cannot be recorded, the next start sees to it.
    pub(crate) async fn abandon(&self, owner: &Chamber, request: &str) {
        // The clock may be what the opening failed of.
        if let Err(e) = destroy_orphan(owner, request, recovery::now(&self.clock)).await {
            tracing::error!(jurisdiction = owner.id(), request, %e, "a request was not opened, and its photograph is still there: the next start destroys it");
        }
    }

    /// Puts the policy in force back into the folder of every jurisdiction whose folder holds a revision that an activation
    /// left there when it broke off. To be called once, before work begins. Where that fails, no policy is in force.
    pub async fn put_policies_back(&self) {
        for chamber in self.chambers() {
            if chamber.ready().is_some() {
                continue;
            }
            if let Err(e) = self.put_policy_back(chamber).await {
                tracing::error!(jurisdiction = chamber.id(), %e, "the policy in force could not be put back into its folder");
            }
        }
    }

    async fn put_policy_back(&self, chamber: &Arc<Chamber>) -> Result<(), CaseError> {
        chamber.ledger.settle().await?;
        let known = revision::read(&chamber.store).await?;
        let Some(in_force) = known.iter().find(|r| r.is_in_force()).map(Revision::reference) else { return Ok(()) };
        let jurisdiction = chamber.id().to_owned();
        let held = chancery::at(self.chancery.as_ref(), move |c| c.held(&jurisdiction)).await;
        // What else may be wrong with the folder is for people to put right.
        let Ok(held) = held.map(|policy| revision::id(policy.reference())) else { return Ok(()) };
        let Some(broken_off) = known.into_iter().find(|r| r.id == held && r.is_permitted()) else { return Ok(()) };
        let details = BTreeMap::from([
            ("component".to_owned(), in_force.component.to_string()),
            ("settings".to_owned(), in_force.settings.to_string()),
            ("instead-of".to_owned(), broken_off.id.clone()),
        ]);
        chamber.record_host(self.clock.now()?, "put-policy-back", details.clone()).await?;
        let jurisdiction = chamber.id().to_owned();
        let restored = chancery::at(self.chancery.as_ref(), move |c| c.restore(&jurisdiction, &in_force)).await?;
        let rows = vec![broken_off.withdrawn().row()?];
        chamber.record_host_with(self.clock.now()?, "policy-put-back", details, rows).await?;
        chamber.put_in_force(restored);
        tracing::warn!(
            jurisdiction = chamber.id(),
            "an activation had broken off: the policy in force is back in its folder"
        );
        Ok(())
    }
}
