//! The `violation` phase: a violation of the directive, or a breach, is recorded.
//!
//! Anybody registered can report one, people of a suspended agency too: that is no request of theirs. What the policy demands then (who is told, and within how many hours of the violation;
//! who is suspended; what is investigated) is demanded whether or not the report is complete, and kept, tracked and carried
//! out like every obligation; but what somebody of a suspended agency says suspends nobody ([`crate::suspension`]). Hours count from the moment of the violation, so that one found late is overdue at once.
//!
//! It may be about a request. Then it is recorded under that request and its case, and is part of its life; it is no step of it:
//! what is under way goes on or is suspended as the policy demands, and what it obliges somebody to is filed under no request,
//! since a second violation is not the same as the first.

use crate::answers;
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::intake::attested;
use crate::judge::Facts;
use crate::ledger::Subject;
use crate::limits::bounded;
use crate::obligations::{self, Occasion, Owed};
use crate::sitting::Taken;
use crate::suspension::suspends_nobody;
use model::account::Event;
use model::facts::Step;
use model::rulings::Duty;
use model::terms::{Field, Instant, Phase, Value};
use std::collections::BTreeMap;

/// As rejections call it.
const ASKED: &str = "violation";

/// What somebody reports.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it happened.
    pub happened: Instant,
    /// The request it is about: one of the jurisdiction's galleries.
    pub request: Option<String>,
    /// What happened: answers on the jurisdiction's form.
    pub answers: BTreeMap<String, Value>,
}

/// What came of a report.
pub struct Recorded {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// What it obliges somebody to, as it was imposed, and whether it was due already.
    pub owed: Vec<(bool, Owed)>,
}

impl Casework {
    /// Records a violation.
    ///
    /// # Errors
    /// [`CaseError::Refused`] where the policy denies it or wants to know more; what the decision demands all the same is
    /// under way then, too. [`CaseError::Unknown`] for a request that is not the jurisdiction's.
    pub async fn record_violation(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        report: Report,
    ) -> Result<Recorded, CaseError> {
        let Report { happened, request, answers } = report;
        bounded(request.as_deref().map(|id| ("request", id)), [], &answers)?;
        if request.as_deref().is_some_and(|id| id.trim().is_empty()) {
            return Err(CaseError::Invalid("request is blank: name the request, or leave it away".to_owned()));
        }
        if actor.principal.jurisdiction != jurisdiction {
            // What a report obliges the host to, a suspension at once, is no outsider's to bring about.
            let reason = "violations are reported by people of the jurisdiction: tell one of them";
            return self.reject(jurisdiction, actor, ASKED, request.as_deref(), reason).await;
        }
        self.still_stands(actor, jurisdiction, ASKED, request.as_deref()).await?;
        // Not in its turn: a report does not wait for the work that it is about.
        let about = match request {
            Some(id) => Some(self.request(jurisdiction, &id).await?),
            None => None,
        };
        let subject = match &about {
            Some(request) => request.told_as()?,
            None => Subject::Apart,
        };
        let chamber = self.chamber(jurisdiction)?.clone();
        let concerned = [chamber];
        answers::check(&concerned, Phase::Violation, &answers)?;
        let now = self.clock.now()?;
        let fields = answers.iter().map(|(name, value)| Field::new(name.clone(), value.clone())).collect();
        let step = Step::Violation(happened);
        let facts = Facts { subject, ..Facts::apart(now, actor, vec![attested(answers, actor, now)], step.clone()) };
        let mut acted = self.judge(&concerned, facts, vec![]).await?.act();
        if let Some(request) = acted.subject.request().map(str::to_owned) {
            // A purge may have taken meanwhile what it said: what comes of the report does not say it again.
            let [chamber] = &concerned;
            let told = chamber.told_of(&request).await;
            acted.subject = told.unwrap_or_else(|_| Subject::of_request(Some(&request)));
        }
        let event = Event::Violated { happened, answers: fields };
        let (rulings, recorded) = self.conclude(&concerned, acted, actor, event, vec![]).await?;
        let occasion = Occasion { now, request: None, gallery: None, log: None, step: &step };
        let mut owed = obligations::imposed_on(&rulings, &occasion)?;
        if suspends_nobody(actor.agency.suspended_since, &step, now) {
            owed.retain(|owed| !matches!(owed.duty, Duty::Suspend(_)));
        }
        let owed = owed.into_iter().map(|owed| (owed.is_late(now), owed)).collect();
        Ok(Recorded { taken: Taken { rulings, receipt: recorded.receipt()? }, owed })
    }
}
