//! What has to be destroyed because of a candidate list, once another list stands.
//!
//! A policy may demand with a list that something is destroyed: the probe, where nobody is on it. That is demanded because of what
//! the list says. So it lapses when a later list names candidates and demands it no more, and is demanded anew, with a deadline
//! of its own, by a list that demands it again. What an earlier phase demanded too does not lapse.

use crate::chamber::Casework;
use crate::error::CaseError;
use crate::life::Life;
use crate::obligations::{self, HOST, Occasion, Owed};
use crate::sitting::Sitting;
use model::account::Event;
use model::combine::Rulings;
use model::facts::Step;
use model::rulings::Duty;
use model::terms::Phase;
use std::collections::BTreeMap;

/// As the entry calls it.
pub(crate) const LAPSED: &str = "purge-lapsed";

/// As the entry calls the opposite.
pub(crate) const ANEW: &str = "purge-demanded-anew";

impl Casework {
    /// Settles what earlier lists of a request wanted destroyed, now that another one stands on which this was ruled.
    ///
    /// # Errors
    /// [`CaseError`] where it cannot be recorded. The list is on record then and can be looked at; what was to be destroyed still
    /// is.
    pub(crate) async fn settle_purges_of_lists(
        &self,
        sitting: &Sitting,
        shown: &Rulings,
        is_empty: bool,
    ) -> Result<(), CaseError> {
        let of_lists = |owed: &&Owed| is_of_a_list(owed, &sitting.life);
        let earlier: Vec<&Owed> = sitting.owed.iter().filter(of_lists).collect();
        if earlier.is_empty() {
            return Ok(());
        }
        let (request, step) = (Some(&sitting.request.request), Step::Candidates(vec![]));
        let occasion = Occasion { now: shown.at, request, gallery: None, log: None, step: &step };
        let demanded = obligations::imposed_on(shown, &occasion)?;
        for owed in earlier {
            match demanded.iter().find(|anew| anew.id == owed.id) {
                Some(anew) if !owed.is_open() => {
                    let event = said(ANEW, owed, "the list that stands demands it again");
                    self.record_deed(&sitting.owner, anew, shown.at, event, |anew| {
                        let wake = anew.wake;
                        anew.again(wake)
                    })
                    .await?;
                }
                None if owed.is_open() && !is_empty => {
                    let event = said(LAPSED, owed, "a later list names candidates and does not demand it");
                    self.record_deed(&sitting.owner, owed, shown.at, event, |owed| owed.met(HOST, shown.at)).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a list was the first to demand this, and it is that something is destroyed.
fn is_of_a_list(owed: &Owed, life: &Life) -> bool {
    let Duty::Purge(rule) = &owed.duty else { return false };
    let same = |duty: &Duty| matches!(duty, Duty::Purge(other) if other.subject == rule.subject);
    let first =
        life.imposed.iter().find(|i| i.jurisdiction == owed.jurisdiction && i.clause == owed.clause && same(&i.duty));
    first.is_some_and(|imposed| imposed.phase == Phase::Candidates)
}

fn said(act: &str, owed: &Owed, because: &str) -> Event {
    let details = BTreeMap::from([
        ("obligation".to_owned(), owed.id.clone()),
        ("clause".to_owned(), owed.clause.to_string()),
        ("because".to_owned(), because.to_owned()),
    ]);
    Event::Host { act: act.to_owned(), details }
}
