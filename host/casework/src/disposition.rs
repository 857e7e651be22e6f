//! The `disposition` phase: an examiner says of candidates what they are.
//!
//! Of candidates of this request's list, as it was shown last, and of nothing else. What is said replaces what was said of the
//! same candidate before, and signatures given before it no longer stand: whoever signed signs again. Whoever has not opened the
//! list is judged before anything else: what they name does not tell them what is on it.

use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::life::Life;
use crate::limits::{self, bounded};
use crate::misstep::Misstep;
use crate::obligations::{self, Owed};
use crate::search_step::MOST_CANDIDATES;
use crate::sitting::{Sitting, Taken};
use model::account::{Disposed, Event};
use model::facts::{Disposition, Step};
use model::rulings::Duty;
use model::terms::{Instant, Phase, Value};
use std::collections::{BTreeMap, BTreeSet};

/// As a rejection calls it.
const ASKED: &str = "dispose of candidates";

/// What an examiner says.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// Of each candidate, what it was found to be and why.
    pub dispositions: Vec<Disposed>,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

impl Casework {
    /// Records what an examiner says of candidates.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for records that are not on the list, before a list was shown and after the release;
    /// [`CaseError::Refused`] when it is not permitted. Nothing is said then.
    pub async fn dispose(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        examination: Examination,
    ) -> Result<Taken, CaseError> {
        let said = &examination.dispositions;
        limits::count("dispositions", said.len(), MOST_CANDIDATES as usize)?;
        let records = said.iter().map(|d| ("record_id", d.record_id.as_str()));
        bounded(records, said.iter().map(|d| ("reason", d.reason.as_str())), &examination.answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        let fits = in_place(&sitting, &examination.dispositions);
        if let Err(misstep) = &fits
            && (sitting.listed(Phase::Disposition).is_err() || sitting.life.is_opener(&actor.who()))
        {
            return self.refuse(&sitting, actor, ASKED, misstep.clone()).await;
        }
        let Examination { dispositions, answers } = examination;
        let told = dispositions.iter().map(|d| Disposition {
            record_id: d.record_id.clone(),
            likeness: d.likeness,
            reasoned: !d.reason.trim().is_empty(),
        });
        let step = Step::Disposition(told.collect());
        let acted = self.judge_step(&sitting, actor, answers, step).await?.act();
        // Whoever has not opened the list hears what is on it only where they may take the step.
        if let Err(misstep) = fits {
            return Err(self.give_up(&sitting.concerned, acted, actor, misstep.into()).await);
        }
        let rows = settled(&sitting.life, &sitting.owed, &dispositions, &acted.intent.id, sitting.now)?;
        self.conclude_step(&sitting, acted, actor, Event::Disposed { dispositions }, rows).await
    }
}

/// The obligations of a request with this life as they stand after this is said of candidates, where it changes them: this entry
/// permitted it, at this moment.
pub(crate) fn settled(
    life: &Life,
    owed: &[Owed],
    said: &[Disposed],
    entry: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    let now_said = |record: &str| said.iter().any(|d| d.record_id == record);
    let whole = life.undisposed().all(|c| now_said(&c.record_id));
    obligations::met(owed, |owed| whole && matches!(owed.duty, Duty::DisposeAll), entry, at)
}

fn in_place(sitting: &Sitting, dispositions: &[Disposed]) -> Result<(), Misstep> {
    sitting.listed(Phase::Disposition)?;
    let binding = || sitting.binding(Phase::Disposition, |duty| matches!(duty, Duty::DisposeAll));
    let mut named = BTreeSet::new();
    for Disposed { record_id, .. } in dispositions {
        if !sitting.life.lists(record_id) {
            return Err(Misstep::Unlisted { record: record_id.clone(), demanded: binding() });
        }
        if !named.insert(record_id) {
            return Err(Misstep::Twice { record: record_id.clone(), demanded: binding() });
        }
    }
    Ok(())
}
