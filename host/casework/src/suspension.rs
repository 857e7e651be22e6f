//! Suspensions that a decision demands. The host carries them out at once, whatever the verdict: what a report sets off does
//! not wait for it to be complete. From then on whoever is suspended takes no further step, and their signature no longer
//! counts; of an agency the policies are told, and deny what they deny a suspended agency.
//!
//! Among several hosts another may have the turn of what is written of them, for as long as its lease lasts if it died in it. Then
//! they are suspended at once without the turn, on record as an act of the host, and the obligation stays to be met: in the turn,
//! once it is to be had, they are suspended again, whatever the other host has written meanwhile.
//!
//! One that cannot be carried out, because the registry lists nobody of that id, stays to be met and is overdue at once.
//! What somebody of a suspended agency reports is recorded and acted on as any report, but nobody is suspended on their word.
//! The end of a suspension is a step of its own ([`crate::access`]).

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::misstep::Misstep;
use crate::obligations::{HOST, Owed};
use model::account::Event;
use model::facts::Step;
use model::registry::Registry;
use model::rulings::{Duty, Suspension};
use model::terms::{Holder, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// As the entry calls it that somebody is suspended while another host has the turn.
const OUT_OF_TURN: &str = "suspended-out-of-turn";

impl Casework {
    /// Carries out what a decision just demanded. What fails is tried again when deadlines are looked at.
    pub(crate) async fn suspend_all(&self, owner: &Arc<Chamber>, imposed: Vec<Owed>, now: Instant) {
        for owed in imposed.iter().filter(|owed| matches!(owed.duty, Duty::Suspend(_))) {
            match self.suspend(owner, owed, now).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(jurisdiction = %owed.jurisdiction, clause = %owed.clause, "nobody of that id is in the registry: nobody was suspended");
                }
                Err(e) => {
                    tracing::error!(jurisdiction = %owed.jurisdiction, clause = %owed.clause, %e, "a suspension could not be carried out yet");
                }
            }
        }
    }

    /// Suspends whom an obligation names, in the registry of the jurisdiction whose policy demands it. `owner` is the
    /// jurisdiction that keeps the obligation. Whether there is anybody of that id.
    pub(crate) async fn suspend(&self, owner: &Chamber, owed: &Owed, now: Instant) -> Result<bool, CaseError> {
        let Duty::Suspend(Suspension { kind, id }) = &owed.duty else { return Ok(true) };
        let chamber = self.chamber(&owed.jurisdiction)?.clone();
        // What another host decided of them since is not written over, nor is this by what another is about to record.
        let mut amendment = match self.amend(&chamber, *kind, id).await {
            // It waits for no step, and for no host that is gone.
            Err(CaseError::OutOfPlace(Misstep::Elsewhere, _)) => {
                return Box::pin(self.suspend_out_of_turn(&chamber, *kind, id, owed, now)).await;
            }
            amendment => amendment?,
        };
        let Some(already) = suspended_since(&chamber.registry(), *kind, id) else { return Ok(false) };
        // Somebody suspended already stays so since then.
        let since = already.unwrap_or(now);
        amendment.suspend(since, &owed.clause);
        let event = || Event::Suspended { whose: *kind, id: id.clone(), since, obligation: owed.id.clone() };
        let entry =
            |chamber: &Chamber| chamber.own_entry(now, Subject::of_request(owed.request.as_deref()), None, event());
        let met = owed.clone().met(HOST, now)?;
        if chamber.id() == owner.id() {
            let rows = vec![amendment.row()?, met];
            ledger::record(&[&chamber.ledger], entry(&chamber), rows).await?;
            amendment.take_effect(now);
            chamber.publish().await;
        } else {
            ledger::record(&[&chamber.ledger], entry(&chamber), vec![amendment.row()?]).await?;
            amendment.take_effect(now);
            chamber.publish().await;
            ledger::record(&[&owner.ledger], entry(owner), vec![met]).await?;
        }
        Ok(true)
    }

    /// Suspends them at once while another host has the turn of what is written of them. Whether there is anybody of that id. The
    /// obligation is looked at again as soon as others are.
    async fn suspend_out_of_turn(
        &self,
        chamber: &Chamber,
        whose: Holder,
        id: &str,
        owed: &Owed,
        now: Instant,
    ) -> Result<bool, CaseError> {
        let mut amendment = self.amend_at_once(chamber, whose, id).await?;
        let Some(already) = suspended_since(&chamber.registry(), whose, id) else { return Ok(false) };
        if already.is_some() {
            return Ok(true);
        }
        amendment.suspend(now, &owed.clause);
        let details = BTreeMap::from([
            ("whose".to_owned(), whose.name().to_owned()),
            ("id".to_owned(), id.to_owned()),
            ("obligation".to_owned(), owed.id.clone()),
        ]);
        chamber.record_host_with(now, OUT_OF_TURN, details, vec![amendment.row()?]).await?;
        amendment.take_effect(now);
        chamber.publish().await;
        Ok(true)
    }
}

/// Whether nobody is suspended because of a step, whatever a policy demands: somebody of an agency that is suspended, since then,
/// reports a violation.
pub(crate) fn suspends_nobody(suspended: Option<Instant>, step: &Step, now: Instant) -> bool {
    matches!(step, Step::Violation(_)) && suspended.is_some_and(|since| since <= now)
}

/// Since when they are suspended, if they are; absent where the registry lists nobody of that id.
fn suspended_since(registry: &Registry, whose: Holder, id: &str) -> Option<Option<Instant>> {
    match whose {
        Holder::Person => registry.people.iter().find(|p| p.id == id).map(|p| p.suspended_since),
        Holder::Agency => registry.agencies.iter().find(|a| a.id == id).map(|a| a.suspended_since),
    }
}
