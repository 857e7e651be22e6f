//! Running one decision, and what may go wrong with it.

use crate::bindings::magistrate::policy::{facts as wf, rulings as wr, terms as wt};
use crate::engine::{Engine, Guest, Prepared};
use crate::{Policy, incoming, outgoing};
use model::facts::Matter;
use model::rulings::{Charter, Decision, Duty, Finding, Outcome};
use model::terms::{Phase, Verdict};
use wasmtime::{Store, Trap};

/// Findings, obligations or tags in one decision. A directive has under a hundred clauses.
const MOST_ITEMS: usize = 256;

/// Bytes of one text in a decision. An explanation is a sentence.
const MOST_TEXT_BYTES: usize = 4096;

/// The clause that findings of the host itself cite.
pub const HOST_CLAUSE: &str = "host";

/// Bytes set aside for laying out one matter. What a founding policy is told fits; more is a second allocation.
const ARENA_BYTES: usize = 8 << 10;

/// Why the host denied in a policy's place.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// It executed an instruction that traps, or called exit.
    #[error("the policy trapped: {0}")]
    Trapped(String),
    /// It burnt all its fuel.
    #[error("the policy ran out of fuel")]
    OutOfFuel,
    /// It was stopped by the watchdog. Not replayable: time is not a fact.
    #[error("the policy ran out of time")]
    OutOfTime,
    /// It recursed too deeply. Not replayable: stack frames differ between machines.
    #[error("the policy ran out of stack")]
    OutOfStack,
    /// It asked for more memory than a decision may have.
    #[error("the policy ran out of memory")]
    OutOfMemory,
    /// Its answer is larger than the host reads.
    #[error("the policy's answer is too large")]
    Oversized,
    /// Its answer breaks the contract.
    #[error("the policy's answer {0}")]
    Malformed(String),
    /// It permitted without an obligation it promised never to omit.
    #[error("the policy permitted without the obligation of clause `{0}`, which its charter promises")]
    BrokenPromise(String),
    /// No instance could be made.
    #[error("the policy could not be started: {0}")]
    NotStarted(String),
}

/// What came of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The policy's decision, or the host's denial where there is a fault.
    pub decision: Decision,
    /// Fuel burnt: the same for the same settings and matter, on every machine.
    pub fuel: u64,
    /// Why the host denied in the policy's place.
    pub fault: Option<Fault>,
    /// What the policy logged.
    pub lines: Vec<String>,
}

impl Policy {
    /// Decides one step in a fresh instance. Never fails: what goes wrong is a denial with a [`Fault`].
    ///
    /// Runs on the calling thread for tens of microseconds; a hostile policy is stopped by its fuel after about ten
    /// milliseconds, and at the latest by the watchdog after half a second.
    pub fn decide(&self, matter: &Matter) -> Ruled {
        let revision = self.revision();
        let arena = bumpalo::Bump::with_capacity(ARENA_BYTES);
        let settings = outgoing::fields_out(&revision.settings, &arena);
        let told = outgoing::matter_out(matter, &arena);
        let mut lines = Vec::new();
        let ran = run(&revision.engine, &mut lines, |store| {
            let Prepared { pre, decide } = &*revision.prepared;
            let instance = pre.instance_pre().instantiate(&mut *store)?;
            let decide =
                instance.get_typed_func::<(&[wt::Field<'_>], &wf::Matter<'_>), (wr::Decision,)>(&mut *store, decide)?;
            let (decision,) = decide.call(store, (settings, &told))?;
            Ok(decision)
        });
        let read = ran.and_then(|(decision, fuel)| {
            let decision = incoming::decision_in(decision, &revision.charter).map_err(Fault::Malformed)?;
            well_formed(&revision.charter, &decision)?;
            Ok((decision, fuel))
        });
        let (decision, fuel) = match read {
            Ok(read) => read,
            Err(fault) => {
                return Ruled { decision: denial(&fault.to_string()), fuel: 0, fault: Some(fault), lines };
            }
        };
        if decision.findings.is_empty() && decision.satisfied.is_empty() {
            let decision = in_place_of(decision, "the policy has no rule for this step, so it is denied");
            return Ruled { decision, fuel, fault: None, lines };
        }
        match believable(&revision.charter, matter.step.phase(), &decision) {
            Ok(()) => Ruled { decision, fuel, fault: None, lines },
            Err(fault) => {
                let decision = in_place_of(decision, &fault.to_string());
                Ruled { decision, fuel: 0, fault: Some(fault), lines }
            }
        }
    }
}

/// A denial by the host, for this reason.
pub fn denial(reason: &str) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        satisfied: vec![],
        findings: vec![Finding {
            clause: HOST_CLAUSE.into(),
            outcome: Outcome::Violated,
            explanation: Some(reason.to_owned()),
            interpretation: None,
        }],
        obligations: vec![],
        tags: vec![],
    }
}

/// A denial by the host in place of a decision, for this reason: whom the policy wants told or suspended whatever becomes of the
/// step is, all the same.
fn in_place_of(decision: Decision, reason: &str) -> Decision {
    let mut obligations = decision.obligations;
    if decision.verdict == Verdict::Permit {
        obligations.retain(|o| o.duty.stands_whatever_the_verdict());
    }
    Decision { obligations, ..denial(reason) }
}

pub(crate) fn run<T>(
    engine: &Engine,
    lines: &mut Vec<String>,
    call: impl FnOnce(&mut Store<Guest>) -> wasmtime::Result<T>,
) -> Result<(T, u64), Fault> {
    let mut store = engine.store().map_err(|e| Fault::NotStarted(format!("{e:#}")))?;
    let answer = call(&mut store);
    let left = store.get_fuel().unwrap_or(0);
    *lines = std::mem::take(&mut store.data_mut().lines);
    match answer {
        Ok(answer) => Ok((answer, crate::engine::FUEL.saturating_sub(left))),
        Err(e) => Err(fault(&e)),
    }
}

fn fault(error: &wasmtime::Error) -> Fault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return Fault::OutOfFuel,
        Some(Trap::Interrupt) => return Fault::OutOfTime,
        Some(Trap::StackOverflow) => return Fault::OutOfStack,
        Some(trap) => return Fault::Trapped(trap.to_string()),
        None => {}
    }
    let cause = error.root_cause().to_string();
    // wasmtime gives these no type of their own.
    if cause.contains("forcing trap when growing memory") || cause.contains("memory minimum size") {
        Fault::OutOfMemory
    } else if cause.contains("too much data") || cause.contains("hostcall") || cause.contains("fuel allocated") {
        Fault::Oversized
    } else if cause.contains("maximum concurrent") {
        Fault::NotStarted(cause)
    } else {
        Fault::Trapped(cause)
    }
}

/// Whether a decision is bounded, and demands only statements and documents that the charter holds.
fn well_formed(charter: &Charter, decision: &Decision) -> Result<(), Fault> {
    let malformed = |what: String| Err(Fault::Malformed(what));
    let findings = decision.findings.len() + decision.satisfied.len();
    if findings.max(decision.obligations.len()).max(decision.tags.len()) > MOST_ITEMS {
        return Err(Fault::Oversized);
    }
    for finding in &decision.findings {
        if finding.explanation.as_ref().is_some_and(|text| text.len() > MOST_TEXT_BYTES) {
            return Err(Fault::Oversized);
        }
    }
    for obligation in &decision.obligations {
        if let Duty::Statement(id) | Duty::Acknowledge(id) = &obligation.duty
            && !charter.statements.iter().any(|s| s.id == *id)
        {
            return malformed(format!("demands statement `{id}`, which its charter does not hold"));
        }
        if let Duty::Document(id) = &obligation.duty
            && !charter.documents.iter().any(|d| d.id == *id)
        {
            return malformed(format!("demands document `{id}`, which its charter does not list"));
        }
    }
    Ok(())
}

/// Whether a decision may be believed: a permit keeps the charter's promises, and permits only what satisfies something.
fn believable(charter: &Charter, phase: Phase, decision: &Decision) -> Result<(), Fault> {
    let malformed = |what: &str| Err(Fault::Malformed(what.to_owned()));
    if decision.verdict == Verdict::Permit {
        // Whoever only took note of something has not judged the step.
        if decision.satisfied.is_empty() && !decision.findings.iter().any(|f| f.outcome == Outcome::Satisfied) {
            return malformed("permits although nothing is satisfied");
        }
        if decision.findings.iter().any(|f| matches!(f.outcome, Outcome::Violated | Outcome::Missing)) {
            return malformed("permits although a finding says violated or missing");
        }
        for promise in charter.promised.iter().filter(|p| p.phase == phase) {
            if !decision.obligations.iter().any(|o| *o.clause == *promise.clause) {
                return Err(Fault::BrokenPromise(promise.clause.clone()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::{ClockOrigin, NoticeRule, Obligation, REQUESTER, Suspension};
    use model::terms::Holder;

    /// A charter of one clause, which promises nothing.
    fn charter() -> Charter {
        let charter = serde_json::json!({
            "id": "p", "title": "P", "authority": "a", "authority_text": "0".repeat(64), "effective": "2026-01-01",
            "time_zone": "UTC", "clauses": [{ "id": "1", "summary": "s" }],
        });
        serde_json::from_value(charter).unwrap()
    }

    /// A decision that finds this of clause `1`.
    fn finding(verdict: Verdict, outcomes: &[Outcome]) -> Decision {
        let found = |outcome: &Outcome| Finding {
            clause: "1".into(),
            outcome: *outcome,
            explanation: None,
            interpretation: None,
        };
        let findings = outcomes.iter().map(found).collect();
        Decision { verdict, satisfied: vec![], findings, obligations: vec![], tags: vec![] }
    }

    fn accepted(decision: &Decision) -> Result<(), Fault> {
        believable(&charter(), Phase::Request, decision)
    }

    #[test]
    fn a_permit_that_only_took_note_is_not_believed() {
        let nothing = Err(Fault::Malformed("permits although nothing is satisfied".to_owned()));
        assert_eq!(accepted(&finding(Verdict::Permit, &[Outcome::Noted])), nothing);
        assert_eq!(accepted(&finding(Verdict::Permit, &[])), nothing);
        let both = [Outcome::Noted, Outcome::Satisfied];
        assert_eq!(accepted(&finding(Verdict::Permit, &both)), Ok(()), "satisfied among the findings");
        let listed = Decision { satisfied: vec!["1".into()], ..finding(Verdict::Permit, &[Outcome::Noted]) };
        assert_eq!(accepted(&listed), Ok(()), "satisfied without more to say");
        for verdict in [Verdict::Deny, Verdict::Pend] {
            assert_eq!(accepted(&finding(verdict, &[Outcome::Noted])), Ok(()), "{verdict:?}: nothing is permitted");
        }
    }

    #[test]
    fn where_the_host_denies_whoever_has_to_be_told_is_all_the_same() {
        let notice = |to: &str| {
            let (to, about) = (vec![to.to_owned()], "told".to_owned());
            Duty::Notify(NoticeRule { to, within_hours: 1, origin: ClockOrigin::Decision, about })
        };
        let suspension = Duty::Suspend(Suspension { kind: Holder::Person, id: "p".to_owned() });
        let duties = [notice("laso"), Duty::DisposeAll, notice(REQUESTER), suspension];
        let replaced = |verdict: Verdict| {
            let obligations = duties.iter().cloned().map(|duty| Obligation { clause: "1".into(), duty }).collect();
            let decision = in_place_of(Decision { obligations, ..finding(verdict, &[]) }, "because");
            assert_eq!((decision.verdict, decision.findings.len()), (Verdict::Deny, 1), "{verdict:?}");
            decision.obligations.into_iter().map(|o| o.duty).collect::<Vec<_>>()
        };
        assert_eq!(replaced(Verdict::Permit), [duties[0].clone(), duties[3].clone()], "not what goes with the step");
        for verdict in [Verdict::Deny, Verdict::Pend] {
            assert_eq!(replaced(verdict), duties, "{verdict:?}: all of it was demanded whatever the verdict");
        }
    }

    #[test]
    fn a_permit_against_its_own_findings_is_not_believed() {
        for against in [Outcome::Violated, Outcome::Missing] {
            let ruled = accepted(&finding(Verdict::Permit, &[Outcome::Satisfied, against]));
            assert!(matches!(&ruled, Err(Fault::Malformed(what)) if what.contains("violated or missing")), "{ruled:?}");
        }
    }
}
