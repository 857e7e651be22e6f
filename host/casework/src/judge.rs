//! Facts to decision to permit.
//!
//! The policies concerned are those of the requester's home and of the gallery's owner. Each is told the same matter, but
//! for what differs by jurisdiction: its own date, and the agencies as its own registry knows them.
//!
//! A step that is permitted and has to wait for others ([`crate::awaited`]) gets no permit. Nothing is decided on somebody whom
//! the registry says something else of than when the step was asked for: it may have waited long, for a turn or a photograph.

use crate::awaited::{Awaited, Demands, Waits};
use crate::chamber::{Casework, Chamber, NO_POLICY, PolicyState, Registered};
use crate::clock;
use crate::error::CaseError;
use crate::history::Past;
use crate::ledger::{self, Entry, Subject};
use crate::obligations;
use crate::permit::{Acted, Permit};
use crate::postponed;
use model::account::{Event, Kind};
use model::combine::{PolicyRef, Ruling, Rulings};
use model::facts::{self, Attestation, Matter, Step};
use model::registry::Principal;
use model::rulings::{ClauseId, Duty};
use model::terms::{Digest, Instant, Verdict};
use std::sync::Arc;

/// What one step is about, before any policy's own view of it.
pub struct Facts<'a, S = Subject> {
    /// When the facts were read.
    pub now: Instant,
    /// Who acts.
    pub actor: &'a Registered,
    /// Who asked.
    pub requester: &'a Registered,
    /// The case that the decision is recorded under, and what comes of it.
    pub subject: S,
    /// The request, within a request's life.
    pub request: Option<&'a facts::Request>,
    /// The probe.
    pub probe: Option<&'a facts::Probe>,
    /// The gallery.
    pub gallery: Option<facts::Gallery>,
    /// Answers on the forms.
    pub attestations: Vec<Attestation>,
    /// What the records say.
    pub history: Past,
    /// What is still to be met of the request's obligations: the jurisdiction whose policy imposed each, and its clause.
    pub owed: Vec<(String, ClauseId)>,
    /// The step.
    pub step: Step,
}

/// Whose policies decide, and whose logs it is on record in: nearly always the same.
#[derive(Clone, Copy)]
struct Panel<'a> {
    deciding: &'a [Arc<Chamber>],
    concerned: &'a [Arc<Chamber>],
}

impl<'a> Facts<'a> {
    /// What a step outside a request's life is about.
    pub(crate) fn apart(now: Instant, actor: &'a Registered, attestations: Vec<Attestation>, step: Step) -> Self {
        Self {
            now,
            actor,
            requester: actor,
            subject: Subject::Apart,
            request: None,
            probe: None,
            gallery: None,
            attestations,
            history: Past::default(),
            owed: vec![],
            step,
        }
    }
}

impl<S> Facts<'_, S> {
    /// The matter as this jurisdiction's policy is told it.
    fn matter(&self, chamber: &Chamber, policy: &PolicyState) -> Matter {
        let mut history = self.history.told(chamber.id() == self.requester.principal.jurisdiction);
        for (_, clause) in self.owed.iter().filter(|(jurisdiction, _)| jurisdiction == chamber.id()) {
            if !history.open_obligations.iter().any(|open| **open == **clause) {
                history.open_obligations.push(clause.to_string());
            }
        }
        Matter {
            jurisdiction: chamber.id().to_owned(),
            clock: clock::fact(self.now, policy.time_zone()),
            actor: party(chamber, self.actor),
            requester: party(chamber, self.requester),
            request: self.request.cloned(),
            probe: self.probe.cloned(),
            gallery: self.gallery.clone(),
            attestations: self.attestations.clone(),
            history,
            step: self.step.clone(),
        }
    }
}

/// A person and their agency as this jurisdiction knows it: agreements and suspensions are its own, and an agency it does
/// not know has none.
fn party(chamber: &Chamber, registered: &Registered) -> facts::Party {
    let home = &registered.principal.jurisdiction;
    let agency = if home == chamber.id() {
        registered.agency.fact(home)
    } else {
        let known = chamber.agency(&registered.agency.id);
        facts::Agency {
            participant: known.as_ref().is_some_and(|a| a.participant),
            agreements: known.as_ref().map(|a| a.agreements.clone()).unwrap_or_default(),
            suspended_since: known.and_then(|a| a.suspended_since).or(registered.agency.suspended_since),
            ..registered.agency.fact(home)
        }
    };
    facts::Party { person: registered.person.fact(registered.principal.device), agency }
}

impl Casework {
    /// The jurisdictions whose policies a step concerns: the requester's home first, the gallery's owner last.
    pub(crate) fn concerned(
        &self,
        requester: &Registered,
        owner: &Arc<Chamber>,
    ) -> Result<Vec<Arc<Chamber>>, CaseError> {
        self.concerned_by(&requester.principal.jurisdiction, owner)
    }

    /// The same, by the id of the requester's home.
    pub(crate) fn concerned_by(&self, home: &str, owner: &Arc<Chamber>) -> Result<Vec<Arc<Chamber>>, CaseError> {
        let home = self.chamber(home)?;
        let mut chambers = vec![home.clone()];
        if home.id() != owner.id() {
            chambers.push(owner.clone());
        }
        Ok(chambers)
    }

    /// Decides a step and records the decision, durably, in the log of every jurisdiction concerned. What it obliges somebody
    /// to is kept in the same commit and, if the step may be taken now, `rows` too. Whoever is to be suspended is, before this
    /// returns.
    ///
    /// # Errors
    /// [`CaseError::Refused`] when it is not permitted; [`CaseError::Waits`] when it is and waits for others;
    /// [`CaseError::Rejected`], recorded, where whoever acts or asked does not stand any more as the facts say;
    /// [`CaseError::Store`] when it cannot be learnt what other hosts changed; [`CaseError::Log`] when the decision could not be
    /// recorded, and then nothing may be done.
    pub(crate) async fn judge<S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: Facts<'_, S>,
        rows: Vec<store::Kept>,
    ) -> Result<Permit<S>, CaseError> {
        self.judge_as(concerned, &facts, rows, &Demands::default(), |_| {}).await
    }

    /// The same for a step of a request on which others may have something to do since earlier steps.
    ///
    /// # Errors
    /// As [`Casework::judge`].
    pub(crate) async fn judge_after<S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: Facts<'_, S>,
        rows: Vec<store::Kept>,
        demands: &Demands,
    ) -> Result<Permit<S>, CaseError> {
        self.judge_as(concerned, &facts, rows, demands, |_| {}).await
    }

    /// The same. `decided` is told whether the step may be taken now, permitted and waiting for nobody, once that is decided
    /// and before it is on record: what depends on the decision alone does not wait for the log. A permit that cannot be put
    /// on record is none. Where nothing is decided, it is told nothing.
    ///
    /// # Errors
    /// As [`Casework::judge`].
    pub(crate) async fn judge_telling<S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: Facts<'_, S>,
        rows: Vec<store::Kept>,
        demands: &Demands,
        decided: impl FnOnce(bool) + Send,
    ) -> Result<Permit<S>, CaseError> {
        self.judge_as(concerned, &facts, rows, demands, decided).await
    }

    /// The same for a step that waits for nobody: it is itself what is waited for, or its approval is seen to otherwise.
    ///
    /// # Errors
    /// As [`Casework::judge`], but for [`CaseError::Waits`].
    pub(crate) async fn judge_at_once<S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: Facts<'_, S>,
        rows: Vec<store::Kept>,
    ) -> Result<Permit<S>, CaseError> {
        let panel = Panel { deciding: concerned, concerned };
        self.decide(panel, &facts, rows, None, |_| {}).await.map(|(permit, _)| permit)
    }

    /// The same where not all who are concerned decide. It is on record with all of them.
    ///
    /// # Errors
    /// As [`Casework::judge_at_once`].
    pub(crate) async fn judge_by<S: Clone + Into<Subject>>(
        &self,
        deciding: &[Arc<Chamber>],
        concerned: &[Arc<Chamber>],
        facts: Facts<'_, S>,
        rows: Vec<store::Kept>,
    ) -> Result<Permit<S>, CaseError> {
        let panel = Panel { deciding, concerned };
        self.decide(panel, &facts, rows, None, |_| {}).await.map(|(permit, _)| permit)
    }

    /// Decides and records; has a step wait that has to.
    async fn judge_as<S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: &Facts<'_, S>,
        rows: Vec<store::Kept>,
        demands: &Demands,
        decided: impl FnOnce(bool) + Send,
    ) -> Result<Permit<S>, CaseError> {
        let panel = Panel { deciding: concerned, concerned };
        let (permit, awaited) = self.decide(panel, facts, rows, Some(demands), decided).await?;
        if awaited.is_empty() {
            return Ok(permit);
        }
        Err(self.wait(concerned, permit.act(), facts.actor, awaited).await)
    }

    /// Decides and records; gives what the step waits for, where it waits for `demands` and what its own decision demands.
    async fn decide<S: Clone + Into<Subject>>(
        &self,
        panel: Panel<'_>,
        facts: &Facts<'_, S>,
        rows: Vec<store::Kept>,
        demands: Option<&Demands>,
        decided: impl FnOnce(bool) + Send,
    ) -> Result<(Permit<S>, Vec<Awaited>), CaseError> {
        let Panel { deciding, concerned } = panel;
        for chamber in concerned {
            self.catch_up(chamber).await?;
        }
        let for_themselves = std::ptr::eq(facts.actor, facts.requester);
        let are_current =
            self.is_current(facts.actor, facts.now) && (for_themselves || self.is_current(facts.requester, facts.now));
        if !are_current {
            // In a box of its own: no usual decision has to make room for it.
            return Box::pin(self.turn_away(concerned, facts)).await;
        }
        let mut matters = Vec::with_capacity(deciding.len());
        let mut rulings =
            Rulings { id: model::terms::new_id(), phase: facts.step.phase(), at: facts.now, rulings: Vec::new() };
        for chamber in deciding {
            // Read once: the matter and the ruling are the same revision's.
            let policy = chamber.policy();
            let matter = facts.matter(chamber, &policy);
            let (ruling, matter) = match chamber.pace.at_once(&self.threads) {
                Some(at_once) => (at_once.decide(|| rule(chamber, &policy, &matter))?, matter),
                // In a box of its own: no usual decision has to make room for it.
                None => Box::pin(rule_aside(chamber.clone(), policy, matter)).await?,
            };
            rulings.rulings.push(ruling);
            matters.push(matter);
        }
        bound_to_galleries(&mut rulings, facts.gallery.as_ref());
        let permitted = rulings.verdict() == Verdict::Permit;
        let awaited = match demands {
            Some(demands) if permitted => demands.awaited(&rulings),
            _ => vec![],
        };
        let now = permitted && awaited.is_empty();
        decided(now);
        let log = concerned.last().map(|owner| owner.log().origin());
        let imposed = obligations::imposed(&rulings, facts, log)?;
        let mut kept: Vec<_> = obligations::imposition(&rulings.id, &imposed)?.into_iter().collect();
        let intent = model::terms::new_id();
        if now {
            kept.extend(rows);
        } else if permitted {
            kept.extend(postponed::mark(concerned, &intent, &awaited));
        }
        let entry = Entry {
            kind: if permitted { Kind::Intent } else { Kind::Refusal },
            who: facts.actor.who(),
            at: facts.now,
            subject: facts.subject.clone().into(),
            of: None,
            event: Event::Decision { matters, rulings: rulings.clone() },
        };
        let ledgers: Vec<_> = concerned.iter().map(|c| &c.ledger).collect();
        let recorded = ledger::record_as(intent, &ledgers, entry, kept).await?;
        let pressing = imposed.iter().any(|owed| owed.presses(facts.now));
        if let Some(owner) = concerned.last()
            && imposed.iter().any(|owed| matches!(owed.duty, Duty::Suspend(_)))
        {
            // In a box of its own: no other step has to make room for it.
            Box::pin(self.suspend_all(owner, imposed, facts.now)).await;
        }
        if pressing {
            self.stir.notify_one();
        }
        if permitted {
            return Ok((Permit::new(rulings, recorded, facts.subject.clone()), awaited));
        }
        let receipt = recorded.receipt()?.map(Box::new);
        for ruling in &mut rulings.rulings {
            without_why(ruling, &facts.actor.principal);
        }
        Err(CaseError::Refused { rulings: Box::new(rulings), receipt })
    }

    /// Whether the registry still says of somebody what a step is about to be judged on.
    fn is_current(&self, told: &Registered, now: Instant) -> bool {
        let known = self.known(&told.principal, now);
        known.is_some_and(|known| known.person == told.person && known.agency == told.agency)
    }

    /// Records that a step is not decided, as somebody does not stand any more as they did when it was asked for; says so.
    ///
    /// # Errors
    /// Always: [`CaseError::Rejected`], or why it could not be recorded.
    async fn turn_away<T, S: Clone + Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        facts: &Facts<'_, S>,
    ) -> Result<T, CaseError> {
        let asked = facts.step.phase().name();
        let subject: Subject = facts.subject.clone().into();
        if let Some(owner) = concerned.last() {
            self.still_stands(facts.actor, owner.id(), asked, subject.request()).await?;
        }
        let reason = "what the registry says of the requester has changed meanwhile: take the step again";
        self.reject_in(&concerned.iter().collect::<Vec<_>>(), facts.actor, subject, asked, reason).await
    }

    /// Records that a permitted step has no effect yet, so that no intent stays open; gives what the asker is told.
    async fn wait<S: Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        acted: Acted<S>,
        actor: &Registered,
        awaited: Vec<Awaited>,
    ) -> CaseError {
        let Acted { rulings, intent, subject } = acted;
        let subject: Subject = subject.into();
        let request = subject.request().map(str::to_owned);
        let acted = Acted { rulings, intent, subject };
        let event = Event::Waits { awaited: awaited.clone() };
        let rows = vec![postponed::unmark(&acted.intent.id)];
        let recorded = self.conclude(concerned, acted, actor, event, rows).await;
        match recorded.and_then(|(rulings, recorded)| Ok((rulings, recorded.receipt()?))) {
            Ok((rulings, receipt)) => {
                CaseError::Waits(Box::new(Waits { request, awaited, rulings: vec![rulings], receipt }))
            }
            Err(unrecorded) => unrecorded,
        }
    }

    /// Records what came of an act, under the case that it was permitted for, and keeps `rows` in the same commit.
    pub(crate) async fn conclude<S: Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        acted: Acted<S>,
        actor: &Registered,
        event: Event,
        rows: Vec<store::Kept>,
    ) -> Result<(Rulings, ledger::Recorded), CaseError> {
        let Acted { rulings, intent, subject } = acted;
        let entry = Entry {
            kind: Kind::Outcome,
            who: actor.who(),
            at: self.clock.now()?,
            subject: subject.into(),
            of: Some(intent.id),
            event,
        };
        let ledgers: Vec<_> = concerned.iter().map(|c| &c.ledger).collect();
        let recorded = ledger::record(&ledgers, entry, rows).await?;
        Ok((rulings, recorded))
    }

    /// Records that an act failed, so that no intent stays open; the failure itself is what the caller returns.
    pub(crate) async fn give_up<S: Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        acted: Acted<S>,
        actor: &Registered,
        failure: CaseError,
    ) -> CaseError {
        self.give_up_with(concerned, acted, actor, failure, vec![]).await
    }

    /// The same, and keeps `rows` in the same commit: how what was to be changed stands after all.
    pub(crate) async fn give_up_with<S: Into<Subject>>(
        &self,
        concerned: &[Arc<Chamber>],
        acted: Acted<S>,
        actor: &Registered,
        failure: CaseError,
        rows: Vec<store::Kept>,
    ) -> CaseError {
        let event = Event::Failed { reason: failure.to_string() };
        match self.conclude(concerned, acted, actor, event, rows).await {
            Ok((_, recorded)) => failure.recorded(recorded.receipt().ok().flatten()),
            Err(unrecorded) => unrecorded,
        }
    }
}

/// Has a policy rule aside, which may take long; gives the matter back.
async fn rule_aside(
    chamber: Arc<Chamber>,
    policy: Arc<PolicyState>,
    matter: Matter,
) -> Result<(Ruling, Matter), CaseError> {
    let ruling = chamber.clone();
    let work = move || (rule(&ruling, &policy, &matter), matter);
    let (ruled, matter) = chamber.pace.decide_aside(work).await?;
    Ok((ruled?, matter))
}

fn rule(chamber: &Chamber, policy: &PolicyState, matter: &Matter) -> Result<Ruling, CaseError> {
    let ruling = ruling(chamber.id(), policy, matter)?;
    if let (Some(fault), PolicyState::Ready(_)) = (&ruling.fault, policy) {
        tracing::warn!(jurisdiction = chamber.id(), phase = %matter.step.phase(), %fault, "policy fault: denied");
    }
    Ok(ruling)
}

/// How a ruling comes about, when a step is decided and when the decision is replayed: the policy's own, or the host's
/// denial in its place.
pub(crate) fn ruling(jurisdiction: &str, policy: &PolicyState, matter: &Matter) -> Result<Ruling, CaseError> {
    let told = serde_json::to_vec(matter).map_err(|e| CaseError::Log(e.to_string()))?;
    let denied = |reference: Option<&PolicyRef>, reason: String| Ruling {
        jurisdiction: jurisdiction.to_owned(),
        policy: reference.cloned().unwrap_or_else(|| PolicyRef {
            id: "none".to_owned(),
            component: Digest::default(),
            settings: Digest::default(),
        }),
        matter: Digest::of(&told),
        decision: policy::decide::denial(&reason),
        fuel: 0,
        fault: Some(reason),
        lines: vec![],
    };
    let policy = match policy {
        PolicyState::Ready(policy) => policy,
        PolicyState::Absent(reason) => return Ok(denied(None, format!("{NO_POLICY}: {reason}"))),
    };
    let (charter, today) = (policy.charter(), matter.clock.today);
    if today < charter.effective {
        let reason = format!("the policy is in force from {} on; today is {today}", charter.effective);
        return Ok(denied(Some(policy.reference()), reason));
    }
    if let Some(expires) = charter.expires.filter(|last| today > *last) {
        let reason = format!("the policy expired after {expires}; today is {today}");
        return Ok(denied(Some(policy.reference()), reason));
    }
    let ruled = policy.decide(matter);
    Ok(Ruling {
        jurisdiction: jurisdiction.to_owned(),
        policy: policy.reference().clone(),
        matter: Digest::of(&told),
        decision: ruled.decision,
        fuel: ruled.fuel,
        fault: ruled.fault.map(|f| f.to_string()),
        lines: ruled.lines,
    })
}

/// Leaves out why a jurisdiction has no policy where whoever is told of the denial is another's. The record keeps it.
fn without_why(ruling: &mut Ruling, asker: &Principal) {
    // No policy's component has this digest: what is said here are the host's own words.
    if asker.jurisdiction == ruling.jurisdiction || ruling.policy.component != Digest::default() {
        return;
    }
    let explanations = ruling.decision.findings.iter_mut().filter_map(|finding| finding.explanation.as_mut());
    for said in explanations.chain(&mut ruling.fault).filter(|said| said.starts_with(NO_POLICY)) {
        *said = NO_POLICY.to_owned();
    }
}

/// The host executes what policies oblige it to: a permit for another gallery is no permit for this one.
pub(crate) fn bound_to_galleries(rulings: &mut Rulings, gallery: Option<&facts::Gallery>) {
    let (Some(allowed), Some(gallery)) = (rulings.galleries(), gallery) else { return };
    if !allowed.contains(&gallery.id)
        && let Some(ruling) = rulings.rulings.last_mut()
    {
        let reason = format!("gallery `{}` is not among those permitted: {}", gallery.id, allowed.join(", "));
        let denial = policy::decide::denial(&reason);
        ruling.decision.verdict = Verdict::Deny;
        ruling.decision.findings.extend(denial.findings);
        ruling.fault = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    #[test]
    fn why_there_is_no_policy_is_for_its_own_people() {
        let told = |asker: &str, component: Digest| {
            let reason = format!("{NO_POLICY}: /srv/policies is not there");
            let mut ruling = Ruling {
                jurisdiction: "north".to_owned(),
                policy: PolicyRef { id: "none".to_owned(), component, settings: Digest::default() },
                matter: Digest::default(),
                decision: policy::decide::denial(&reason),
                fuel: 0,
                fault: Some(reason),
                lines: vec![],
            };
            let person = "p".to_owned();
            without_why(&mut ruling, &Principal { jurisdiction: asker.to_owned(), person, device: Device::Fixed });
            let said = ruling.decision.findings.first().and_then(|f| f.explanation.clone());
            assert_eq!(said, ruling.fault);
            said.unwrap()
        };
        assert!(told("north", Digest::default()).contains("/srv/policies"));
        assert_eq!(told("south", Digest::default()), NO_POLICY);
        assert!(told("south", Digest::of(b"a policy")).contains("/srv"), "what a policy says is the policy's");
    }
}
