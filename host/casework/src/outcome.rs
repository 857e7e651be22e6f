//! The `outcome` phase: what became of a released result is reported back.

use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::limits::bounded;
use crate::sitting::Taken;
use model::account::Event;
use model::facts::Step;
use model::terms::{Field, Phase, Value};
use std::collections::BTreeMap;

/// As a rejection calls it.
const ASKED: &str = "report an outcome";

impl Casework {
    /// Records what became of a result: the jurisdiction's own form says what is asked. It can be reported again when there is
    /// more to say.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] before the release; [`CaseError::Refused`] when it is not permitted.
    pub async fn report_outcome(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        answers: BTreeMap<String, Value>,
    ) -> Result<Taken, CaseError> {
        bounded([], [], &answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        if sitting.life.release.is_none() {
            let misstep = sitting.not_released(Phase::Outcome);
            return self.refuse(&sitting, actor, ASKED, misstep).await;
        }
        let fields = answers.iter().map(|(name, value)| Field::new(name.clone(), value.clone())).collect();
        let acted = self.judge_step(&sitting, actor, answers, Step::Outcome).await?.act();
        self.conclude_step(&sitting, acted, actor, Event::Reported { answers: fields }, vec![]).await
    }
}
