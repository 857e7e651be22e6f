//! The matter, read the way a rule asks for it.

use crate::facts::{Agency, Clock, Gallery, History, Matter, Party, Person, Probe, Request, Step};
use crate::prelude::*;
use crate::ruling::Clause;
use crate::rulings::{ClauseIndex, Decision, Finding, Obligation, Outcome, Tag};
use crate::settings::{List, Settings};
use crate::terms::{Date, Field, Instant, Phase, Value, Verdict};
use crate::text::{blank, joins, same};

/// One matter under one set of settings, with the findings so far.
pub struct Case<'a> {
    matter: &'a Matter,
    actor: &'a Party,
    requester: &'a Party,
    settings: Settings<'a>,
    purpose: &'a str,
    pub(crate) satisfied: Vec<ClauseIndex>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) alerts: Vec<Obligation>,
    tags: Vec<Tag>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(matter: &'a Matter, settings: Settings<'a>) -> Self {
        // Every matter has these two; a host that leaves one out gets a trap, which is a denial.
        let [actor, requester, ..] = matter.parties.as_slice() else {
            unreachable!("a matter has an actor and a requester")
        };
        Self {
            matter,
            actor,
            requester,
            settings,
            purpose: matter.request.as_ref().map_or("", |r| r.purpose.trim()),
            // Enough for most decisions: a list that grows is copied.
            satisfied: Vec::with_capacity(64),
            findings: Vec::with_capacity(16),
            obligations: Vec::with_capacity(16),
            alerts: Vec::new(),
            tags: Vec::with_capacity(4),
        }
    }

    /// Opens a finding on the clause at this place of the catalogue ([`position`](crate::catalogue::position)). Nothing is found until one of [`Clause`]'s verbs is used.
    #[inline]
    pub fn clause(&mut self, index: ClauseIndex) -> Clause<'_, 'a> {
        Clause::new(self, index)
    }

    /// Counts the step under a heading of the reports.
    pub fn tag(&mut self, name: &str, value: &str) {
        self.tags.push(Tag { name: name.to_owned(), value: value.to_owned() });
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings<'a> {
        &self.settings
    }

    /// Everything the host told.
    pub fn matter(&self) -> &'a Matter {
        self.matter
    }

    /// The step's phase.
    pub fn phase(&self) -> Phase {
        match self.matter.step {
            Step::Enroll(_) => Phase::Enroll,
            Step::Request => Phase::Request,
            Step::Search(_) => Phase::Search,
            Step::Candidates(_) => Phase::Candidates,
            Step::Disposition(_) => Phase::Disposition,
            Step::SignOff(_) => Phase::SignOff,
            Step::Release(_) => Phase::Release,
            Step::Disseminate(_) => Phase::Disseminate,
            Step::Outcome => Phase::Outcome,
            Step::Retention(_) => Phase::Retention,
            Step::Access(_) => Phase::Access,
            Step::Activation(_) => Phase::Activation,
            Step::Violation(_) => Phase::Violation,
            Step::Report(_) => Phase::Report,
            Step::Waiver(_) => Phase::Waiver,
        }
    }

    /// The host's clock.
    pub fn clock(&self) -> Clock {
        self.matter.clock
    }

    /// Today, in the jurisdiction's time zone.
    pub fn today(&self) -> Date {
        self.matter.clock.today
    }

    /// Who takes this step.
    pub fn actor(&self) -> &'a Person {
        &self.actor.person
    }

    /// The agency of whoever takes this step.
    pub fn actor_agency(&self) -> &'a Agency {
        &self.actor.agency
    }

    /// Who asked for the search.
    pub fn requester(&self) -> &'a Person {
        &self.requester.person
    }

    /// The agency that asked for the search.
    pub fn requester_agency(&self) -> &'a Agency {
        &self.requester.agency
    }

    /// Whose access is changed, in the phase `access`.
    pub fn subject(&self) -> Option<&'a Party> {
        self.matter.parties.get(2)
    }

    /// The request, within a request's life.
    pub fn request(&self) -> Option<&'a Request> {
        self.matter.request.as_ref()
    }

    /// The request's purpose without the space around it; empty where none is stated.
    pub fn purpose(&self) -> &'a str {
        self.purpose
    }

    /// Whether the request gives a reason.
    pub fn gives_reason(&self) -> bool {
        self.request().is_some_and(|r| !blank(&r.reason))
    }

    /// The probe, once there is one.
    pub fn probe(&self) -> Option<&'a Probe> {
        self.matter.probe.as_ref()
    }

    /// The gallery, where the step concerns one.
    pub fn gallery(&self) -> Option<&'a Gallery> {
        self.matter.gallery.as_ref()
    }

    /// Names of the booking fields that accompany the photographs about to be enrolled; none in any other phase.
    pub fn enrolled_fields(&self) -> &'a [String] {
        match &self.matter.step {
            Step::Enroll(enrolment) => &enrolment.booking_fields,
            _ => &[],
        }
    }

    /// The statuses of the records about to be enrolled, each once; none in any other phase.
    pub fn enrolled_statuses(&self) -> &'a [String] {
        match &self.matter.step {
            Step::Enroll(enrolment) => &enrolment.statuses,
            _ => &[],
        }
    }

    /// What the host's records say.
    pub fn history(&self) -> &'a History {
        &self.matter.history
    }

    /// Whether the gallery belongs to the jurisdiction deciding.
    pub fn owns_gallery(&self) -> bool {
        self.gallery().is_some_and(|g| same(&g.owner, &self.matter.jurisdiction))
    }

    /// Whether an agency's people answer to the jurisdiction deciding.
    pub fn governs(&self, agency: &Agency) -> bool {
        same(&agency.home, &self.matter.jurisdiction)
    }

    /// Whether the requester's people answer to the jurisdiction deciding.
    pub fn governs_requester(&self) -> bool {
        self.governs(self.requester_agency())
    }

    /// Whether the actor's people answer to the jurisdiction deciding.
    pub fn governs_actor(&self) -> bool {
        self.governs(self.actor_agency())
    }

    /// Whether the requester takes the step in person. An id is unique within its jurisdiction only.
    pub fn actor_is_requester(&self) -> bool {
        same(&self.actor().id, &self.requester().id) && same(&self.actor_agency().home, &self.requester_agency().home)
    }

    /// Whether a signature or an opened list is that of whoever takes this step: `who` is `home/person`.
    pub fn is_actor(&self, who: &str) -> bool {
        is(who, self.actor)
    }

    /// Whether a signature or an opened list is the requester's: `who` is `home/person`.
    pub fn is_requester(&self, who: &str) -> bool {
        is(who, self.requester)
    }

    /// All answers to a question of the forms: the step's own and the request's.
    pub fn answers(&self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let answers = self.matter.attestations.iter().flat_map(|a| &a.answers);
        answers.filter(move |f| same(&f.name, name)).map(|f| &f.value)
    }

    /// Whether whoever takes this step answered this question in a way that counts.
    pub fn actor_answered(&self, name: &str, counts: impl Fn(&Value) -> bool) -> bool {
        self.answered_by(self.actor, name, counts)
    }

    /// Whether whoever asked for the search answered this question, in person, in a way that counts.
    pub fn requester_answered(&self, name: &str, counts: impl Fn(&Value) -> bool) -> bool {
        self.answered_by(self.requester, name, counts)
    }

    fn answered_by(&self, party: &Party, name: &str, counts: impl Fn(&Value) -> bool) -> bool {
        let says = |answers: &[Field]| answers.iter().any(|f| same(&f.name, name) && counts(&f.value));
        self.matter.attestations.iter().any(|a| is(&a.by, party) && says(&a.answers))
    }

    /// The first answer that is a text with something in it.
    pub fn text(&self, name: &'a str) -> Option<&'a str> {
        self.answers(name).find_map(|value| match value {
            Value::Text(text) if !blank(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether this is the answer to a question with choices.
    pub fn says(&self, name: &'a str, choice: &str) -> bool {
        self.text(name) == Some(choice)
    }

    /// What was answered to a yes-or-no question; absent when nobody answered. Where several people answered, any yes
    /// is a yes: a safeguard must not be lifted by asking somebody else.
    pub fn flag(&self, name: &'a str) -> Option<bool> {
        self.answers(name).fold(None, |seen, value| match *value {
            Value::Flag(yes) => Some(yes || seen.unwrap_or(false)),
            _ => seen,
        })
    }

    /// The least favourable reading of a yes-or-no question that has to be a yes: any no is a no.
    pub fn affirmed(&self, name: &'a str) -> Option<bool> {
        self.answers(name).fold(None, |seen, value| match *value {
            Value::Flag(yes) => Some(yes && seen.unwrap_or(true)),
            _ => seen,
        })
    }

    /// The first answer that is a list.
    pub fn texts(&self, name: &'a str) -> &'a [String] {
        self.answers(name)
            .find_map(|value| if let Value::Texts(texts) = value { Some(texts.as_slice()) } else { None })
            .unwrap_or_default()
    }

    /// The first answer that is a number.
    pub fn number(&self, name: &'a str) -> Option<i64> {
        self.answers(name).find_map(|value| if let Value::Number(n) = *value { Some(n) } else { None })
    }

    /// The first answer that is a date.
    pub fn date(&self, name: &'a str) -> Option<Date> {
        self.answers(name).find_map(|value| if let Value::Date(d) = *value { Some(d) } else { None })
    }

    /// The first answer that is a moment.
    pub fn instant(&self, name: &'a str) -> Option<Instant> {
        self.answers(name).find_map(|value| if let Value::Instant(at) = *value { Some(at) } else { None })
    }

    /// Whether any identifier was given, of whatever kind.
    pub fn identified(&self) -> bool {
        self.request().is_some_and(|r| r.identifiers.iter().any(|i| !blank(&i.value)))
    }

    /// Whether any identifier of one of these kinds was given.
    pub fn identified_by(&self, kinds: List) -> bool {
        self.request().is_some_and(|r| r.identifiers.iter().any(|i| !blank(&i.value) && kinds.contains(&i.kind)))
    }

    /// Sums the findings up. What no rule spoke to is denied, and so is what rules only took note of.
    pub(crate) fn into_decision(mut self) -> Decision {
        let any = |outcome| self.findings.iter().any(|f| f.outcome == outcome);
        let verdict = if any(Outcome::Violated) {
            Verdict::Deny
        } else if any(Outcome::Missing) {
            Verdict::Pend
        } else if !self.satisfied.is_empty() || any(Outcome::Satisfied) {
            Verdict::Permit
        } else {
            Verdict::Deny
        };
        let mut obligations = if verdict == Verdict::Permit { self.obligations } else { Vec::new() };
        obligations.append(&mut self.alerts);
        Decision { verdict, satisfied: self.satisfied, findings: self.findings, obligations, tags: self.tags }
    }
}

/// Whether `home/person` names this party. An id is unique within its jurisdiction only, so what is told names both.
fn is(who: &str, party: &Party) -> bool {
    joins(who, &party.agency.home, &party.person.id)
}

/// Whether a person holds a role now.
pub fn has_role(person: &Person, role: &str) -> bool {
    person.roles.iter().any(|r| same(r, role))
}

/// Whether a training of this curriculum is completed and not expired today.
pub fn trained(person: &Person, curriculum: &str, today: Date) -> bool {
    person.trainings.iter().any(|t| {
        same(&t.curriculum, curriculum)
            && !crate::calendar::before(today, t.completed)
            && t.expires.is_none_or(|ends| crate::calendar::before(today, ends))
    })
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
