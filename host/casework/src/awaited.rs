//! What a permitted step waits for: approvals and acknowledgements.
//!
//! A policy may permit a step and demand with it, or with an earlier step of the same request, that others approve or that the
//! requester acknowledges a statement. Until all of that is given the step has no effect. The decision is on record with what
//! it imposes, then that the step waits, and for what. Whoever takes it again is judged afresh.
//!
//! - The effect of `request` is that the request stands open, so that it can be approved: its search waits.
//! - A signature that approves or refuses waits for nothing. It is what the others wait for, after the release, too.
//! - What a step of the phase `retention` wants approved holds back that step alone ([`crate::retention`]).
//! - Outside a request's life nobody approves or acknowledges anything, so a step that demands it never has an effect.

use crate::error::CaseError;
use crate::ledger::Receipt;
use crate::life::{Life, State};
use crate::obligations::{Owed, Standing};
pub use model::account::Awaited;
use model::combine::Rulings;
use model::facts::{Conclusion, Step};
use model::rulings::{Duty, SignOffRule};
use model::terms::Phase;
use std::fmt;

/// A step that was permitted and waits.
#[derive(Clone, Debug)]
pub struct Waits {
    /// The request; absent outside a request's life.
    pub request: Option<String>,
    /// What it waits for; never empty.
    pub awaited: Vec<Awaited>,
    /// What was ruled, in order: on the step that waits last.
    pub rulings: Vec<Rulings>,
    /// Where it is recorded that the step waits.
    pub receipt: Option<Receipt>,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.awaited.iter().map(words).collect();
        let then = match self.request {
            Some(_) => "take the step again when that is done",
            None => "outside a request's life nobody can do that, so have the policy demand it otherwise",
        };
        write!(f, "the step is permitted and has no effect yet; it waits for {}: {then}", all.join("; "))
    }
}

/// The approvals and acknowledgements that were demanded on a request so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// Still to be given.
    open: Vec<Awaited>,
    /// Given, or set aside.
    given: Vec<Awaited>,
}

impl Demands {
    /// Those that are on record, of obligations as they stand now ([`Casework::owed`](crate::Casework::owed)).
    pub(crate) fn on_record(owed: &[Owed], life: &Life) -> Self {
        let mut demands = Self::default();
        for owed in owed.iter().filter(|owed| is_demand(&owed.duty)) {
            match owed.standing {
                // What is set aside is not waited for, whoever demands the same again: it is the same obligation.
                Standing::Met { .. } | Standing::Waived { .. } => note(&mut demands.given, awaited(owed)),
                Standing::Open | Standing::Overdue { .. } => {
                    if !of_retention(owed, life) {
                        note(&mut demands.open, awaited(owed));
                    }
                }
            }
        }
        demands
    }

    /// Those of the decision that opens a request: nobody has given any yet.
    pub(crate) fn of_opening(rulings: &Rulings) -> Self {
        Self::default().with(rulings)
    }

    /// What is still to be given.
    pub(crate) fn open(&self) -> &[Awaited] {
        &self.open
    }

    /// What a step waits for on which this was ruled.
    pub(crate) fn awaited(&self, rulings: &Rulings) -> Vec<Awaited> {
        self.clone().with(rulings).open
    }

    /// With what these rulings demand, unless it is given already.
    fn with(mut self, rulings: &Rulings) -> Self {
        for ruling in &rulings.rulings {
            for obligation in ruling.decision.obligations.iter().filter(|o| is_demand(&o.duty)) {
                let awaited = Awaited {
                    jurisdiction: ruling.jurisdiction.clone(),
                    clause: obligation.clause.clone(),
                    duty: obligation.duty.clone(),
                };
                if !self.given.contains(&awaited) {
                    note(&mut self.open, awaited);
                }
            }
        }
        self
    }
}

fn note(all: &mut Vec<Awaited>, awaited: Awaited) {
    if !all.contains(&awaited) {
        all.push(awaited);
    }
}

fn is_demand(duty: &Duty) -> bool {
    matches!(duty, Duty::Approve(_) | Duty::Acknowledge(_))
}

/// An obligation as something that is waited for.
fn awaited(owed: &Owed) -> Awaited {
    Awaited { jurisdiction: owed.jurisdiction.clone(), clause: owed.clause.clone(), duty: owed.duty.clone() }
}

/// Whether it is a step of the phase `retention` that waits for this approval: then it waits on the record's docket, however the
/// obligation stands.
pub(crate) fn waits_on_a_docket(owed: &Owed, life: &Life) -> bool {
    matches!(owed.duty, Duty::Approve(_)) && (owed.about.is_some() || of_retention(owed, life))
}

/// Whether it was a step of the phase `retention` that demanded this first.
pub(crate) fn of_retention(owed: &Owed, life: &Life) -> bool {
    let Owed { jurisdiction, clause, duty, .. } = owed;
    let same = |i: &&crate::life::Imposed| i.jurisdiction == *jurisdiction && i.clause == *clause && i.duty == *duty;
    life.imposed.iter().find(same).is_some_and(|i| i.phase == Phase::Retention)
}

/// Whether a step waits for anything at all.
pub(crate) fn may_wait(step: &Step) -> bool {
    !matches!(step, Step::SignOff(s) if matches!(s.conclusion, Conclusion::Approved | Conclusion::Refused))
}

/// What comes next for a request that stands there, for a worklist.
pub(crate) fn next(state: State, open: &[Awaited]) -> &'static str {
    if open.iter().any(|awaited| matches!(awaited.duty, Duty::Approve(_))) {
        "waits for approval"
    } else if open.is_empty() {
        state.next()
    } else {
        "waits for an acknowledgement"
    }
}

/// What somebody is told of a step that waits or was refused, with what was ruled before it.
pub(crate) fn after(before: Rulings, error: CaseError) -> CaseError {
    match error {
        CaseError::Waits(mut waits) => {
            waits.rulings.insert(0, before);
            CaseError::Waits(waits)
        }
        other => other,
    }
}

/// In words, for whoever has to see to it.
pub fn words(awaited: &Awaited) -> String {
    let Awaited { jurisdiction, clause, duty } = awaited;
    let what = match duty {
        Duty::Approve(SignOffRule { role, persons, units, distinct_from_requester, .. }) => {
            let of = if units.is_empty() { String::new() } else { format!(" of {}", units.join(" or ")) };
            let besides = if *distinct_from_requester { ", not the requester" } else { "" };
            format!("the approval of {persons} with the role `{role}`{of}{besides}")
        }
        Duty::Acknowledge(id) => format!("the requester's acknowledgement of the statement `{id}`"),
        other => policy::scenario::duty_kind(other).to_owned(),
    };
    format!("{what} ({jurisdiction} {clause})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::Imposed;
    use model::combine::{PolicyRef, Ruling};
    use model::facts::Signature;
    use model::rulings::{Decision, Obligation};
    use model::terms::{Digest, Instant, Verdict};

    fn approval(role: &str) -> Duty {
        Duty::Approve(SignOffRule {
            role: role.into(),
            persons: 1,
            units: vec!["unit".into()],
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        })
    }

    fn rulings(duties: Vec<Duty>) -> Rulings {
        let obligations = duties.into_iter().map(|duty| Obligation { clause: "c".into(), duty }).collect();
        let verdict = Verdict::Permit;
        let ruling = Ruling {
            jurisdiction: "north".into(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision: Decision { verdict, satisfied: vec!["c".into()], findings: vec![], obligations, tags: vec![] },
            fuel: 0,
            fault: None,
            lines: vec![],
        };
        Rulings { id: "d".into(), phase: Phase::Search, at: Instant(1), rulings: vec![ruling] }
    }

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
            due: None,
            standing,
            tries: 0,
            reach: Default::default(),
            wake: None,
        }
    }

    fn met() -> Standing {
        Standing::Met { by: "e".into(), at: Instant(2) }
    }

    fn duties(awaited: &[Awaited]) -> Vec<&Duty> {
        awaited.iter().map(|a| &a.duty).collect()
    }

    #[test]
    fn a_step_waits_for_what_its_own_decision_demands() {
        let acknowledge = Duty::Acknowledge("lead".into());
        let ruled = rulings(vec![approval("chief"), Duty::DisposeAll, acknowledge.clone(), approval("chief")]);
        let awaited = Demands::default().awaited(&ruled);
        assert_eq!(duties(&awaited), [&approval("chief"), &acknowledge], "each once, and nothing else");
        assert!(Demands::default().awaited(&rulings(vec![Duty::DisposeAll])).is_empty());
    }

    #[test]
    fn a_step_waits_for_what_earlier_decisions_demanded_until_it_is_given() {
        let life = Life::default();
        let open = [owed(approval("chief"), Standing::Open), owed(Duty::DisposeAll, Standing::Open)];
        let awaited = Demands::on_record(&open, &life).awaited(&rulings(vec![]));
        assert_eq!(duties(&awaited), [&approval("chief")], "whatever its own decision says");
        let late = [owed(approval("chief"), Standing::Overdue { at: Instant(9) })];
        assert_eq!(Demands::on_record(&late, &life).open().len(), 1);
        let given = [owed(approval("chief"), met())];
        let demands = Demands::on_record(&given, &life);
        assert!(demands.open().is_empty());
        assert!(demands.awaited(&rulings(vec![approval("chief")])).is_empty(), "demanded again, and given");
        assert_eq!(demands.awaited(&rulings(vec![approval("board")])).len(), 1, "another one is not");
    }

    #[test]
    fn nothing_waits_for_what_is_set_aside() {
        let waived = Standing::Waived { by: "north/p".into(), at: Instant(3), reason: "nobody holds the role".into() };
        let aside = [owed(approval("chief"), waived), owed(approval("board"), Standing::Open)];
        let demands = Demands::on_record(&aside, &Life::default());
        assert_eq!(duties(demands.open()), [&approval("board")]);
        assert_eq!(duties(&demands.awaited(&rulings(vec![approval("chief")]))), [&approval("board")], "nor once more");
    }

    #[test]
    fn an_approval_of_retention_waits_on_the_docket() {
        let open = |duty| owed(duty, Standing::Open);
        let mut life = Life::default();
        assert!(!waits_on_a_docket(&open(approval("chief")), &life));
        let about = Some(model::account::Retained { subject: "s".into(), gallery: None, record: "r".into() });
        assert!(waits_on_a_docket(&Owed { request: None, about, ..open(approval("chief")) }, &life));
        let (jurisdiction, clause, phase) = ("north".into(), "c".into(), Phase::Retention);
        life.imposed.push(Imposed { jurisdiction, clause, duty: approval("chief"), phase });
        assert!(waits_on_a_docket(&open(approval("chief")), &life));
        assert!(!waits_on_a_docket(&open(approval("board")), &life));
        assert!(!waits_on_a_docket(&open(Duty::Flag("look".into())), &life));
    }

    #[test]
    fn what_is_given_to_one_jurisdiction_is_not_given_to_another() {
        let given = [Owed { jurisdiction: "south".into(), ..owed(approval("chief"), met()) }];
        let demands = Demands::on_record(&given, &Life::default());
        assert_eq!(demands.awaited(&rulings(vec![approval("chief")])).len(), 1);
    }

    #[test]
    fn what_a_step_of_retention_wants_approved_holds_back_no_other() {
        let imposed = Imposed {
            jurisdiction: "north".into(),
            clause: "c".into(),
            duty: approval("chief"),
            phase: Phase::Retention,
        };
        let mut life = Life::default();
        life.imposed.push(imposed);
        let open = [owed(approval("chief"), Standing::Open)];
        let demands = Demands::on_record(&open, &life);
        assert!(demands.awaited(&rulings(vec![])).is_empty());
        assert_eq!(demands.awaited(&rulings(vec![approval("chief")])).len(), 1, "unless it demands the same");
        let given = Demands::on_record(&[owed(approval("chief"), met())], &life);
        assert!(given.awaited(&rulings(vec![approval("chief")])).is_empty());
    }

    #[test]
    fn whoever_approves_or_refuses_does_not_wait() {
        let signing = |conclusion| {
            let (person, role, unit) = ("a".into(), "chief".into(), "unit".into());
            Step::SignOff(Signature { person, role, unit, conclusion, at: Instant(1), blind: true })
        };
        assert!(!may_wait(&signing(Conclusion::Approved)) && !may_wait(&signing(Conclusion::Refused)));
        assert!(may_wait(&signing(Conclusion::Lead)) && may_wait(&signing(Conclusion::NoLead)));
        assert!(may_wait(&Step::Outcome));
    }

    #[test]
    fn it_says_who_has_to_do_what_under_which_clause() {
        let ruled = rulings(vec![approval("chief"), Duty::Acknowledge("lead".into())]);
        let awaited = Demands::of_opening(&ruled).open().to_vec();
        assert_eq!(next(State::Open, &awaited), "waits for approval");
        assert_eq!(next(State::Open, &awaited[1..]), "waits for an acknowledgement");
        assert_eq!(next(State::Open, &[]), State::Open.next());
        let waits = Waits { request: Some("r".into()), awaited, rulings: vec![ruled], receipt: None };
        let said = waits.to_string();
        for part in ["1 with the role `chief` of unit, not the requester", "`lead`", "north c", "again"] {
            assert!(said.contains(part), "`{part}`: {said}");
        }
        let apart = Waits { request: None, ..waits };
        assert!(apart.to_string().contains("nobody can do that"));
    }
}
