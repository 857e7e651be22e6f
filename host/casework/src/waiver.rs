//! The `waiver` phase: an obligation is set aside before it is met, by somebody, for a reason.
//!
//! The policy that imposed it judges, and no other; of another jurisdiction's people it is told as of any outsider. From then on
//! the obligation holds back no step and is not late, it stays set aside when the same is demanded again on the same request, and
//! whoever looks at it reads who did it, when and why.
//!
//! What an obligation only takes down is not waived with it, and so it is refused:
//!
//! - signatures, documents and dispositions are what a release does not happen without: it looks at the decisions
//!   ([`crate::release`]), and at no obligation;
//! - a suspension is carried out whenever it is demanded, and what ends it is a step of the phase `access`;
//! - how long a record stays is for the steps of the phase `retention`, which a policy judges by the record's docket; and what
//!   such a step wants approved waits on that docket.
//!
//! A waiver may be of an obligation of a request. Then it is recorded under that request and its case; it is no step of it.

use crate::answers;
use crate::awaited::waits_on_a_docket;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::intake::attested;
use crate::judge::Facts;
use crate::ledger::Subject;
use crate::life::Life;
use crate::limits::bounded;
use crate::misstep::{Demanded, Misstep};
use crate::obligations::{Owed, Standing};
use crate::retention::turn_of;
use crate::sitting::Taken;
use model::account::Event;
use model::facts::{self, Step};
use model::rulings::Duty;
use model::terms::{Instant, Phase, Value};
use policy::scenario::duty_kind;
use std::collections::BTreeMap;

/// As a rejection calls it.
const ASKED: &str = "waive an obligation";

/// What a release does not happen without.
const OF_A_RELEASE: &str = "a release demands it by its decisions, whatever becomes of the obligation; have it done";

/// What is for another phase.
const OF_RETENTION: &str = "how long a record stays is changed by steps of the phase `retention`; take one of those";

/// What the host does at once.
const OF_A_SUSPENSION: &str =
    "whoever is suspended is so whatever becomes of the obligation; reinstate them by a step of the phase `access`";

/// Why somebody wants an obligation set aside.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The reason. It is on record, and policies are told.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// What came of it.
pub struct Waived {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// The obligation as it stands now.
    pub owed: Owed,
}

impl Casework {
    /// Sets aside an obligation that is kept at this jurisdiction.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] without a reason; [`CaseError::OutOfPlace`], recorded, where there is no such obligation, where it
    /// was met or waived already, and for what nobody can waive; [`CaseError::Refused`] when it is not permitted. Nothing has
    /// changed then.
    pub async fn waive(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        id: &str,
        asking: Asking,
    ) -> Result<Waived, CaseError> {
        let Asking { reason, answers } = asking;
        bounded([("obligation", id)], [("reason", reason.as_str())], &answers)?;
        if reason.trim().is_empty() {
            return Err(CaseError::Invalid("say why it is to be set aside: reason is empty".to_owned()));
        }
        let keeper = self.chamber(jurisdiction)?.clone();
        // What is open is much to read: not for somebody who may not act.
        self.still_stands(actor, jurisdiction, ASKED, None).await?;
        let filed = self.filed(&keeper, id).await?;
        // The turn that whoever else changes it takes; and then as it stands in that turn.
        let _turn = self.turn_for(actor, &keeper, filed.as_deref().map_or(id, turn_of), ASKED).await?;
        keeper.ledger.settle().await?;
        let row = keeper.store.obligation(filed.as_deref(), id).await?;
        let owed = match self.waivable(&keeper, id, row).await? {
            Ok(owed) => owed,
            Err(misstep) => {
                return self.record_rejected(&[&keeper.ledger], actor, Subject::Apart, ASKED, misstep).await;
            }
        };
        let judging = [self.chamber(&owed.jurisdiction)?.clone()];
        answers::check(&judging, Phase::Waiver, &answers)?;
        let now = self.clock.now()?;
        let subject = subject(&keeper, &owed).await?;
        let step = told(&owed, now, &reason);
        let facts = Facts { subject, ..Facts::apart(now, actor, vec![attested(answers, actor, now)], step) };
        let acted = self.judge(&judging, facts, vec![]).await?.act();
        let mut waived = owed.clone();
        let (by, clause) = (actor.key(), owed.clause.to_string());
        waived.standing = Standing::Waived { by: by.clone(), at: now, reason: reason.clone() };
        let rows = vec![owed.waived(&by, now, &reason)?];
        // On record with the policy that permitted it, and where the obligation is kept.
        let mut both = judging.to_vec();
        if waived.jurisdiction != keeper.id() {
            both.push(keeper.clone());
        }
        let event = Event::Waived { obligation: waived.id.clone(), clause, reason };
        let (rulings, recorded) = self.conclude(&both, acted, actor, event, rows).await?;
        Ok(Waived { taken: Taken { rulings, receipt: recorded.receipt()? }, owed: waived })
    }

    /// The obligation as it counts now, where it is still to be met and can be set aside.
    async fn waivable(
        &self,
        keeper: &Chamber,
        id: &str,
        found: Option<store::ObligationRow>,
    ) -> Result<Result<Owed, Misstep>, CaseError> {
        let Some(row) = found else {
            return Ok(Err(Misstep::NothingOwed { of: id.to_owned(), demanded: vec![] }));
        };
        let (mut owed, mut life) = (Owed::read(row)?, Life::default());
        let given = matches!(owed.duty, Duty::Approve(_) | Duty::Acknowledge(_));
        if let Some(request) = owed.request.clone().filter(|_| given) {
            life = keeper.life_in_store(&request).await?;
            // It may have been purged.
            if let Some(found) = keeper.request_in_store(&request).await? {
                owed = self.as_it_counts(owed, &life, &found.requester);
            }
        }
        Ok(in_place(&owed, &life).map(|()| owed))
    }
}

/// Whether an obligation is still to be met, and of a kind that can be set aside. `life` is its request's, where it is an
/// approval or an acknowledgement of one.
fn in_place(owed: &Owed, life: &Life) -> Result<(), Misstep> {
    let (obligation, demanded) = (owed.id.clone(), Demanded::from(owed));
    match &owed.standing {
        Standing::Met { at, .. } => return Err(Misstep::MetAlready { obligation, at: *at, demanded }),
        Standing::Waived { by, at, .. } => {
            return Err(Misstep::WaivedAlready { obligation, by: by.clone(), at: *at, demanded });
        }
        Standing::Open | Standing::Overdue { .. } => {}
    }
    let duty = duty_kind(&owed.duty);
    let instead = match &owed.duty {
        Duty::SignOffs(_) | Duty::Document(_) | Duty::DisposeAll => OF_A_RELEASE,
        Duty::Suspend(_) => OF_A_SUSPENSION,
        Duty::Retain(_) | Duty::Purge(_) | Duty::Hold(_) => OF_RETENTION,
        Duty::Approve(_) if waits_on_a_docket(owed, life) => OF_RETENTION,
        _ => return Ok(()),
    };
    Err(Misstep::NotWaivable { duty, instead, demanded })
}

/// The case that what is done about an obligation is recorded under.
pub(crate) async fn subject(keeper: &Chamber, owed: &Owed) -> Result<Subject, CaseError> {
    let Some(request) = owed.request.as_deref() else { return Ok(Subject::Apart) };
    keeper.told_of(request).await
}

/// What the policy is told of it.
fn told(owed: &Owed, now: Instant, reason: &str) -> Step {
    Step::Waiver(facts::Waiver {
        obligation: owed.id.clone(),
        clause: owed.clause.to_string(),
        duty: duty_kind(&owed.duty).to_owned(),
        owner: owed.owner.clone(),
        since: owed.since,
        due: owed.due,
        overdue: owed.is_overdue() || owed.is_late(now),
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::{ClockOrigin, NoticeRule, PurgeRule, RetentionRule, SignOffRule, Suspension, TaskRule};
    use model::terms::Holder;

    fn owed(duty: Duty, standing: Standing) -> Owed {
        Owed {
            id: "o".into(),
            jurisdiction: "north".into(),
            clause: "c".into(),
            duty,
            request: Some("r".into()),
            about: None,
            owner: "chief".into(),
            since: Instant(1),
            due: Some(Instant(9)),
            standing,
            tries: 0,
            reach: Default::default(),
            wake: None,
        }
    }

    /// The clause of [`owed`].
    fn demanded() -> Demanded {
        Demanded { jurisdiction: "north".into(), clause: "c".into() }
    }

    fn rule() -> SignOffRule {
        SignOffRule {
            role: "chief".into(),
            persons: 1,
            units: vec![],
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        }
    }

    fn checked(duty: Duty) -> Result<(), Misstep> {
        in_place(&owed(duty, Standing::Open), &Life::default())
    }

    #[test]
    fn what_waits_for_somebody_can_be_set_aside() {
        let notice = NoticeRule {
            to: vec!["chief".into()],
            within_hours: 1,
            origin: ClockOrigin::Decision,
            about: "a use".into(),
        };
        let task = TaskRule { owner: "chief".into(), about: "look at it".into(), within_hours: 1 };
        for duty in [
            Duty::Approve(rule()),
            Duty::Acknowledge("lead".into()),
            Duty::Notify(notice),
            Duty::Task(task),
            Duty::Flag("look at it".into()),
        ] {
            assert_eq!(checked(duty.clone()), Ok(()), "{duty:?}");
            let late = owed(duty.clone(), Standing::Overdue { at: Instant(10) });
            assert_eq!(in_place(&late, &Life::default()), Ok(()), "late, too: {duty:?}");
        }
    }

    #[test]
    fn what_a_release_demands_suspensions_and_how_long_records_stay_cannot() {
        let kept = || RetentionRule { subject: "probe".into(), at_least_days: 1 };
        for (duty, said) in [
            (Duty::SignOffs(rule()), OF_A_RELEASE),
            (Duty::Document("report".into()), OF_A_RELEASE),
            (Duty::DisposeAll, OF_A_RELEASE),
            (Duty::Suspend(Suspension { kind: Holder::Person, id: "nobody".into() }), OF_A_SUSPENSION),
            (Duty::Retain(kept()), OF_RETENTION),
            (Duty::Hold(kept()), OF_RETENTION),
            (Duty::Purge(PurgeRule { subject: "probe".into(), by: Instant(1) }), OF_RETENTION),
        ] {
            let kind = duty_kind(&duty);
            let refused = Misstep::NotWaivable { duty: kind, instead: said, demanded: demanded() };
            assert_eq!(checked(duty), Err(refused), "{kind}");
        }
    }

    #[test]
    fn what_is_met_or_waived_is_refused_as_that_whatever_it_is() {
        let met = Standing::Met { by: "e".into(), at: Instant(3) };
        let refused = in_place(&owed(Duty::DisposeAll, met), &Life::default());
        let already = Misstep::MetAlready { obligation: "o".into(), at: Instant(3), demanded: demanded() };
        assert_eq!(refused, Err(already));
        let waived = Standing::Waived { by: "north/p".into(), at: Instant(4), reason: "so".into() };
        let refused = in_place(&owed(Duty::Flag("f".into()), waived), &Life::default()).unwrap_err();
        assert!(matches!(&refused, Misstep::WaivedAlready { by, at: Instant(4), .. } if by == "north/p"), "{refused}");
        assert_eq!(refused.demanded(), [demanded()]);
    }

    #[test]
    fn the_policy_is_told_whether_it_is_late() {
        let task = || Duty::Task(TaskRule { owner: "chief".into(), about: "look".into(), within_hours: 1 });
        for (standing, now, late) in
            [(Standing::Open, 9, false), (Standing::Open, 10, true), (Standing::Overdue { at: Instant(10) }, 10, true)]
        {
            let Step::Waiver(told) = told(&owed(task(), standing), Instant(now), "so") else { panic!("another step") };
            assert_eq!((told.overdue, told.duty.as_str(), told.clause.as_str()), (late, "task", "c"));
            assert_eq!((told.reason.as_str(), told.owner.as_str()), ("so", "chief"));
        }
    }
}
