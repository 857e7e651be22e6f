//! Permitted steps that wait for others, until that is on record.
//!
//! That a step waits is recorded behind its decision. A host that stops between the two leaves a permit of which nobody knows that it
//! had no effect: a list that nobody was shown counts as opened, and a search that did not run as run. So a mark is kept with such a
//! decision, and goes with the outcome. What a mark still leads to at a start is recorded then.

use crate::awaited::Awaited;
use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Entry};
use crate::torn;
use model::account::{Account, Event, Kind};
use model::subject::Stated;
use model::terms::Instant;
use std::sync::Arc;

/// The kind under which such decisions are marked.
const POSTPONED: &str = "postponed";

/// What `/readyz` calls those that could not be seen to at the start.
const LEFT: &str = "postponed";

/// The mark of a decision that is about to be recorded under this id, on a step that waits for this: to be kept with it.
pub(crate) fn mark(concerned: &[Arc<Chamber>], intent: &str, awaited: &[Awaited]) -> Option<store::Kept> {
    // A host that starts looks after its own: another's may be under way.
    let log = concerned.last()?.log().origin();
    let concerned: Vec<&str> = concerned.iter().map(|chamber| chamber.id()).collect();
    let body = serde_json::json!({ "log": log, "concerned": concerned, "awaited": awaited });
    Some(store::Kept::Stands(store::StandingRow { kind: POSTPONED.to_owned(), id: intent.to_owned(), body }))
}

/// That it is on record: to be kept with the outcome.
pub(crate) fn unmark(intent: &str) -> store::Kept {
    store::Kept::Forgotten { kind: POSTPONED.to_owned(), id: intent.to_owned() }
}

impl Casework {
    /// Records of every step that waited when the host stopped that it does, where it had not come to that. What cannot be recorded
    /// holds nobody up: `/readyz` says so, and the next start tries again.
    pub(crate) async fn say_postponed(&self, at: Instant) {
        for chamber in self.chambers() {
            if let Err(e) = self.say_all(chamber, at).await {
                tracing::error!(jurisdiction = chamber.id(), %e, "of steps that wait it could not be recorded that they do");
                let text =
                    format!("of steps that wait it is not on record that they do: {e}; then start the host anew");
                chamber.troubles.set(LEFT, text);
            }
        }
    }

    async fn say_all(&self, chamber: &Chamber, at: Instant) -> Result<(), CaseError> {
        for mark in chamber.store.standings(POSTPONED).await? {
            if mark.body["log"] == chamber.log().origin() {
                self.say(chamber, mark, at).await?;
            }
        }
        Ok(())
    }

    /// Records of one step that it waits.
    async fn say(&self, owner: &Chamber, mark: store::StandingRow, at: Instant) -> Result<(), CaseError> {
        owner.ledger.settle().await?;
        let rows = vec![unmark(&mark.id), torn::undone(owner, &mark.id)];
        let row = owner.accounts(std::slice::from_ref(&mark.id)).await?.into_iter().flatten().next();
        let Some(row) = row else {
            // What it said is destroyed, and it counts for nothing.
            return Ok(owner.store.keep(&rows).await?);
        };
        let Account { who, case, purpose, justification, probe, request, lacking, .. } = owner.account_in(&row)?;
        let unreadable = |e: serde_json::Error| {
            CaseError::Unreadable(format!("what step `{}` waits for: {e}; restore the database", mark.id))
        };
        let awaited: Vec<Awaited> = serde_json::from_value(mark.body["awaited"].clone()).map_err(unreadable)?;
        let mut concerned: Vec<String> = serde_json::from_value(mark.body["concerned"].clone()).map_err(unreadable)?;
        let mut ledgers = Vec::with_capacity(concerned.len());
        concerned.retain(|id| id != owner.id());
        for id in &concerned {
            // Not at this host any more: then its log is another's to write.
            let Ok(other) = self.chamber(id) else { continue };
            // It is recorded long after the decision, and counted by its day.
            other.store.keep(&[torn::undone(other, &mark.id)]).await?;
            ledgers.push(&other.ledger);
        }
        ledgers.push(&owner.ledger);
        let subject = Stated { case, purpose, justification, probe, request, lacking }.into();
        let event = Event::Waits { awaited };
        let entry = Entry { kind: Kind::Outcome, who, at, subject, of: Some(mark.id.clone()), event };
        ledger::record(&ledgers, entry, rows).await.map(drop)
    }
}
