//! Findings and obligations, written the way a clause speaks.

use crate::case::Case;
use crate::prelude::*;
use crate::rulings::{
    ClauseIndex, ClockOrigin, Duty, Finding, InterpretationIndex, LimitRule, NoticeRule, Obligation, Outcome,
    PurgeRule, RetentionRule, SignOffRule, Suspension, TaskRule,
};
use crate::terms::{Holder, Instant};

/// A clause about to speak on a case.
#[must_use = "a clause that says nothing finds nothing"]
pub struct Clause<'c, 'm> {
    case: &'c mut Case<'m>,
    id: ClauseIndex,
    interpretation: Option<InterpretationIndex>,
}

impl<'c, 'm> Clause<'c, 'm> {
    #[inline]
    pub(crate) fn new(case: &'c mut Case<'m>, id: ClauseIndex) -> Self {
        Self { case, id, interpretation: None }
    }

    /// The finding relies on the entry at this place of the interpretation register ([`place`](crate::catalogue::place)).
    #[inline]
    pub fn read_as(mut self, interpretation: InterpretationIndex) -> Self {
        self.interpretation = Some(interpretation);
        self
    }

    /// Satisfied if it holds, else violated; `otherwise` says what would change it. Returns whether it holds.
    pub fn requires(self, holds: bool, otherwise: &str) -> bool {
        if holds {
            self.satisfied()
        } else {
            self.violated(otherwise)
        }
        holds
    }

    /// Violated if it happens, else satisfied. Returns whether it happens.
    pub fn forbids(self, happens: bool, violated: &str) -> bool {
        !self.requires(!happens, violated)
    }

    /// Satisfied if it is there, else missing; `ask` says what to supply. Returns whether it is there.
    pub fn needs(self, there: bool, ask: &str) -> bool {
        if there {
            self.satisfied()
        } else {
            self.missing(ask)
        }
        there
    }

    /// A yes-or-no answer that must be there and must be yes: missing if nobody answered, violated if anybody said no.
    pub fn affirms(self, answer: Option<bool>, ask: &str, otherwise: &str) {
        match answer {
            None => self.missing(ask),
            Some(yes) => {
                self.requires(yes, otherwise);
            }
        }
    }

    /// A yes-or-no answer that must be there and must be no: missing if nobody answered, violated if anybody said yes.
    pub fn denies(self, answer: Option<bool>, ask: &str, violated: &str) {
        self.affirms(answer.map(|yes| !yes), ask, violated);
    }

    /// Satisfied. The clause's summary says what holds.
    pub fn satisfied(self) {
        match self.interpretation {
            None => self.case.satisfied.push(self.id),
            Some(_) => self.find(Outcome::Satisfied, None),
        }
    }

    /// Violated; the explanation says what would change it.
    pub fn violated(self, explanation: &str) {
        self.find(Outcome::Violated, Some(explanation));
    }

    /// Missing; `ask` says what to supply.
    pub fn missing(self, ask: &str) {
        self.find(Outcome::Missing, Some(ask));
    }

    /// Taken note of; decides nothing, and the clause's summary or the duty that follows says why.
    pub fn noted(self) {
        self.find(Outcome::Noted, None);
    }

    /// Taken note of; decides nothing.
    pub fn notes(self, explanation: &str) {
        self.find(Outcome::Noted, Some(explanation));
    }

    /// If the step is permitted, the host has to do this.
    pub fn obliges(self, duty: Duty) {
        self.case.obligations.push(Obligation { clause: self.id, duty });
    }

    /// Whatever this policy's verdict, the host has to do this. Where it permits and another policy does not, only a
    /// suspension is carried out, and a notice that is not for the requester.
    pub fn always_obliges(self, duty: Duty) {
        self.case.alerts.push(Obligation { clause: self.id, duty });
    }

    fn find(self, outcome: Outcome, explanation: Option<&str>) {
        self.case.findings.push(Finding {
            clause: self.id,
            outcome,
            explanation: explanation.map(str::to_owned),
            interpretation: self.interpretation,
        });
    }
}

/// Short ways to write duties.
pub struct Duties;

impl Duties {
    /// Show this statement verbatim.
    pub fn statement(id: &str) -> Duty {
        Duty::Statement(id.to_owned())
    }

    /// Draw up this document.
    pub fn document(id: &str) -> Duty {
        Duty::Document(id.to_owned())
    }

    /// Have the requester acknowledge this statement.
    pub fn acknowledge(id: &str) -> Duty {
        Duty::Acknowledge(id.to_owned())
    }

    /// Mark for review.
    pub fn flag(reason: &str) -> Duty {
        Duty::Flag(reason.to_owned())
    }

    /// So many distinct persons of a role and unit sign before release, the requester not among them.
    pub fn sign_offs(role: &str, persons: u32, unit: &str) -> SignOffRule {
        SignOffRule {
            role: role.to_owned(),
            persons,
            units: if unit.is_empty() { Vec::new() } else { vec![unit.to_owned()] },
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        }
    }

    /// Bounds on the candidate list.
    pub fn candidates(at_least: u32, at_most: u32, usual: u32, hide_scores: bool) -> Duty {
        Duty::Candidates(LimitRule { at_least, at_most, usual, hide_scores })
    }

    /// Search no other gallery.
    pub fn galleries<'t>(ids: impl IntoIterator<Item = &'t str>) -> Duty {
        Duty::Galleries(owned(ids))
    }

    /// Show no other booking field.
    pub fn show_only<'t>(fields: impl IntoIterator<Item = &'t str>) -> Duty {
        Duty::ShowOnly(owned(fields))
    }

    /// Tell these offices within so many hours.
    pub fn notify(to: &[&str], within_hours: u32, origin: ClockOrigin, about: &str) -> Duty {
        Duty::Notify(NoticeRule { to: owned(to.iter().copied()), within_hours, origin, about: about.to_owned() })
    }

    /// Keep for at least so many days.
    pub fn retain(subject: &str, at_least_days: u32) -> Duty {
        Duty::Retain(RetentionRule { subject: subject.to_owned(), at_least_days })
    }

    /// Destroy by then.
    pub fn purge(subject: &str, by: Instant) -> Duty {
        Duty::Purge(PurgeRule { subject: subject.to_owned(), by })
    }

    /// Suspend an agency: everybody who acts for it. `id` is its id in the registry.
    pub fn suspend_agency(id: &str) -> Duty {
        Duty::Suspend(Suspension { kind: Holder::Agency, id: id.to_owned() })
    }

    /// Suspend a person. `id` is their id in the registry.
    pub fn suspend_person(id: &str) -> Duty {
        Duty::Suspend(Suspension { kind: Holder::Person, id: id.to_owned() })
    }

    /// Somebody follows up.
    pub fn task(owner: &str, about: &str, within_hours: u32) -> Duty {
        Duty::Task(TaskRule { owner: owner.to_owned(), about: about.to_owned(), within_hours })
    }
}

fn owned<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}
