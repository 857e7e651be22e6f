//! How people and agencies stand since a step decided of them: that they are there at all, roles, the last review, suspension,
//! trainings and checks, agreements.
//!
//! What steps decided is kept apart from what the registry file says and laid over it, so that a file that is older than a
//! suspension does not end it at the next start. What no step decided, the file says. Whoever changes it does so one at a time,
//! on record first and then in memory at once: the next step of anybody reads it. Of one person or agency one host does so at a
//! time, in a turn of its own: a suspension that a decision demands does not wait until a step about them has been judged, nor for
//! a host that died in the turn ([`crate::suspension`]).

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::grounds::{Grounds, Roll};
use crate::turns::Turn;
use model::facts::Agreement;
use model::registry::{Agency, Concluded, Particulars, Person, Registry, agreement_id};
use model::role::Held;
use model::rulings::ClauseId;
use model::terms::{Date, Holder, Instant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::MutexGuard;

/// What steps decided of one person or agency. What is absent, no step decided: the registry file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The roles a person holds, by whom each was granted, and how long it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<Held>>,
    /// The day a person's need for access was last reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) need_reviewed: Option<Date>,
    /// Whether they may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<Access>,
    /// The clauses on which decisions suspended them, each once, as long as they are; absent in rows of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) grounds: Vec<ClauseId>,
    /// How often they were suspended, on whichever host, because a decision demanded it.
    #[serde(default)]
    pub(crate) suspensions: u64,
    /// A person as they were registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<Person>,
    /// What was put on record of a person since.
    #[serde(default, skip_serializing_if = "Particulars::is_empty")]
    pub(crate) particulars: Particulars,
    /// An agency as it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agency: Option<Agency>,
    /// Agreements with an agency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) agreements: Vec<Concluded>,
    /// The last day in force of agreements that were ended, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) ended: BTreeMap<String, Date>,
}

/// Whether somebody may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    /// They may: whatever suspended them is over.
    Reinstated,
    /// They may not, since then.
    Suspended(Instant),
}

impl Access {
    fn suspended_since(self) -> Option<Instant> {
        match self {
            Self::Reinstated => None,
            Self::Suspended(since) => Some(since),
        }
    }
}

/// Everything that steps decided, by id.
#[derive(Default)]
pub(crate) struct Decisions {
    people: BTreeMap<String, Decided>,
    agencies: BTreeMap<String, Decided>,
}

impl Decisions {
    /// Reads what is kept of it.
    pub(crate) async fn read(rows: &store::Jurisdiction) -> Result<Self, CaseError> {
        let mut decisions = Self::default();
        for whose in [Holder::Person, Holder::Agency] {
            for row in rows.standings(whose.name()).await? {
                let decided = serde_json::from_value(row.body).map_err(|e| {
                    CaseError::Unreadable(format!("what is kept of `{}`: {e}; restore the database", row.id))
                })?;
                decisions.of(whose).insert(row.id, decided);
            }
        }
        Ok(decisions)
    }

    fn of(&mut self, whose: Holder) -> &mut BTreeMap<String, Decided> {
        match whose {
            Holder::Person => &mut self.people,
            Holder::Agency => &mut self.agencies,
        }
    }

    /// On which clauses these suspended whom.
    pub(crate) fn grounds(&self) -> Grounds {
        let suspended = |of: &BTreeMap<String, Decided>| {
            let grounds = of.iter().filter(|(_, decided)| decided.is_suspended());
            grounds.map(|(id, decided)| (id.clone(), decided.grounds.clone())).collect()
        };
        Grounds { people: suspended(&self.people), agencies: suspended(&self.agencies) }
    }

    /// What was decided of an agency, if anything was.
    pub(crate) fn agency(&self, id: &str) -> Option<&Decided> {
        self.agencies.get(id)
    }

    /// Lays them over what the registry file says, on this day of the jurisdiction's. Names those of whom the file says something
    /// else.
    pub(crate) fn lay_over(&self, registry: &mut Registry, today: Date) -> Vec<String> {
        let mut overruled = Vec::new();
        for (id, decided) in &self.people {
            if decided.lay_over(registry, Holder::Person, id, today) {
                overruled.push(id.clone());
            }
        }
        for (id, decided) in &self.agencies {
            if decided.lay_over(registry, Holder::Agency, id, today) {
                overruled.push(id.clone());
            }
        }
        overruled
    }
}

impl Decided {
    /// They may not act since then, on these clauses and on those that suspended them before.
    pub(crate) fn suspend(&mut self, since: Instant, clauses: &[ClauseId]) {
        self.access = Some(Access::Suspended(since));
        for clause in clauses {
            if !self.grounds.contains(clause) {
                self.grounds.push(clause.clone());
            }
        }
    }

    /// They may act again, whatever suspended them.
    pub(crate) fn reinstate(&mut self) {
        self.access = Some(Access::Reinstated);
        self.grounds.clear();
    }

    fn is_suspended(&self) -> bool {
        matches!(self.access, Some(Access::Suspended(_)))
    }

    /// Lays this over what the registry says of one person or agency. Whether it says something else of somebody whom the
    /// registry lists.
    fn lay_over(&self, registry: &mut Registry, whose: Holder, id: &str, today: Date) -> bool {
        match whose {
            Holder::Person => self.lay_over_person(&mut registry.people, id, today),
            Holder::Agency => self.lay_over_agency(&mut registry.agencies, id),
        }
    }

    fn lay_over_person(&self, people: &mut Vec<Person>, id: &str, today: Date) -> bool {
        let listed = people.iter().find(|p| p.id == id).cloned();
        if listed.is_none() {
            people.extend(self.person.clone());
        }
        let Some(person) = people.iter_mut().find(|p| p.id == id) else { return false };
        // A file may know of a later review. One that is still to come is a slip, and no review: beside it a step's counts, whose
        // day the host says.
        let of_file = person.need_reviewed.filter(|day| *day <= today || self.need_reviewed.is_none());
        let need_reviewed = of_file.max(self.need_reviewed);
        if let Some(registered) = &self.person {
            person.clone_from(registered);
        }
        person.need_reviewed = need_reviewed;
        self.particulars.apply(person);
        if let Some(roles) = &self.roles {
            person.roles.clone_from(roles);
        }
        if let Some(access) = self.access {
            person.suspended_since = access.suspended_since();
        }
        listed.is_some_and(|listed| {
            let to_come = listed.need_reviewed > need_reviewed;
            to_come || Person { need_reviewed, ..listed } != *person
        })
    }

    fn lay_over_agency(&self, agencies: &mut Vec<Agency>, id: &str) -> bool {
        let listed = agencies.iter().find(|a| a.id == id).cloned();
        if listed.is_none() {
            agencies.extend(self.agency.clone());
        }
        let Some(agency) = agencies.iter_mut().find(|a| a.id == id) else { return false };
        if let Some(registered) = &self.agency {
            agency.clone_from(registered);
        }
        for concluded in &self.agreements {
            put(&mut agency.agreements, &concluded.agreement);
        }
        for agreement in &mut agency.agreements {
            if let Some(last) = self.ended.get(&agreement_id(agreement)) {
                agreement.ends = Some(agreement.ends.map_or(*last, |ends| ends.min(*last)));
            }
        }
        if let Some(access) = self.access {
            agency.suspended_since = access.suspended_since();
        }
        listed.is_some_and(|listed| listed != *agency)
    }
}

/// Adds an agreement, in place of the one of the same id if there is one.
fn put(agreements: &mut Vec<Agreement>, new: &Agreement) {
    let id = agreement_id(new);
    match agreements.iter_mut().find(|old| agreement_id(old) == id) {
        Some(old) => old.clone_from(new),
        None => agreements.push(new.clone()),
    }
}

/// A change of what the registry says of one person or agency. While it lasts nobody else changes the registry on this host, nor
/// what it says of them on another.
pub(crate) struct Amendment<'c> {
    /// Where it is had: what cannot wait for it does without.
    _turn: Option<Turn>,
    chamber: &'c Chamber,
    decisions: MutexGuard<'c, Decisions>,
    whose: Holder,
    id: String,
    /// What will have been decided.
    pub(crate) decided: Decided,
}

impl Casework {
    /// Begins a change, of what was decided on whichever host until now. To be recorded before it takes effect; dropped, nothing
    /// has changed. Nobody waits for another turn in this one, so that whoever has a step's may take it.
    ///
    /// # Errors
    /// As [`Casework::turn`] and [`Casework::catch_up`].
    pub(crate) async fn amend<'c>(
        &self,
        chamber: &'c Chamber,
        whose: Holder,
        id: &str,
    ) -> Result<Amendment<'c>, CaseError> {
        let turn = self.turn(chamber, &format!("standing/{}/{id}", whose.name())).await?;
        self.amendment(chamber, whose, id, Some(turn)).await
    }

    /// The same without the turn, which another host has: that may write over it what it read before.
    ///
    /// # Errors
    /// As [`Casework::catch_up`].
    pub(crate) async fn amend_at_once<'c>(
        &self,
        chamber: &'c Chamber,
        whose: Holder,
        id: &str,
    ) -> Result<Amendment<'c>, CaseError> {
        self.amendment(chamber, whose, id, None).await
    }

    async fn amendment<'c>(
        &self,
        chamber: &'c Chamber,
        whose: Holder,
        id: &str,
        turn: Option<Turn>,
    ) -> Result<Amendment<'c>, CaseError> {
        self.catch_up(chamber).await?;
        let mut decisions = chamber.decisions.lock().await;
        let decided = decisions.of(whose).get(id).cloned().unwrap_or_default();
        Ok(Amendment { _turn: turn, chamber, decisions, whose, id: id.to_owned(), decided })
    }
}

impl Chamber {
    /// How often they were suspended because a decision demanded it, as far as is known here.
    pub(crate) async fn suspensions(&self, whose: Holder, id: &str) -> u64 {
        let mut decisions = self.decisions.lock().await;
        decisions.of(whose).get(id).map(|decided| decided.suspensions).unwrap_or_default()
    }
}

impl Amendment<'_> {
    /// Suspends them because a decision demands it, by this clause.
    pub(crate) fn suspend(&mut self, since: Instant, clause: &ClauseId) {
        self.decided.suspend(since, std::slice::from_ref(clause));
        self.decided.suspensions = self.decided.suspensions.saturating_add(1);
    }

    /// The row that keeps it.
    pub(crate) fn row(&self) -> Result<store::Kept, CaseError> {
        let body = serde_json::to_value(&self.decided).map_err(|e| CaseError::Log(e.to_string()))?;
        let (kind, id) = (self.whose.name().to_owned(), self.id.clone());
        Ok(store::Kept::Stands(store::StandingRow { kind, id, body }))
    }

    /// From this moment on the registry says so.
    pub(crate) fn take_effect(mut self, now: Instant) {
        let today = self.chamber.local(now).today;
        let mut registry = Registry::clone(&self.chamber.registry());
        self.decided.lay_over(&mut registry, self.whose, &self.id, today);
        self.decisions.of(self.whose).insert(self.id, self.decided);
        self.chamber.replace_registry(Roll { registry: Arc::new(registry), grounds: self.decisions.grounds() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::AgencyKind;
    use model::registry::{Agency, Person};

    fn registry() -> Registry {
        let agency = Agency {
            id: "a".to_owned(),
            name: "A".to_owned(),
            kind: AgencyKind::LawEnforcement,
            participant: true,
            agreements: vec![],
            suspended_since: Some(Instant(1)),
        };
        let person = Person {
            id: "p".to_owned(),
            name: "P".to_owned(),
            agency: "a".to_owned(),
            unit: "u".to_owned(),
            rank: "r".to_owned(),
            roles: vec!["clerk".into()],
            trainings: vec![],
            background_checked: None,
            need_reviewed: Some("2026-02-01".parse().unwrap()),
            multi_factor: true,
            suspended_since: None,
        };
        Registry { agencies: vec![agency], people: vec![person], galleries: vec![] }
    }

    fn today() -> Date {
        "2026-03-10".parse().unwrap()
    }

    #[test]
    fn what_no_step_decided_is_as_the_file_says() {
        let mut registry = registry();
        let mut decisions = Decisions::default();
        decisions.people.insert("p".to_owned(), Decided::default());
        decisions.people.insert("gone".to_owned(), Decided { roles: Some(vec![]), ..Decided::default() });
        assert!(decisions.lay_over(&mut registry, today()).is_empty());
        assert_eq!(registry, self::registry());
    }

    #[test]
    fn what_a_step_decided_prevails_and_is_named() {
        let mut registry = registry();
        let mut decisions = Decisions::default();
        let decided = Decided {
            roles: Some(vec!["examiner".into()]),
            need_reviewed: Some("2026-01-01".parse().unwrap()),
            access: Some(Access::Suspended(Instant(7))),
            ..Decided::default()
        };
        decisions.people.insert("p".to_owned(), decided);
        let lifted = Decided { access: Some(Access::Reinstated), ..Decided::default() };
        decisions.agencies.insert("a".to_owned(), lifted);
        assert_eq!(decisions.lay_over(&mut registry, today()), ["p", "a"]);
        let person = &registry.people[0];
        assert_eq!(
            (person.roles.as_slice(), person.suspended_since),
            (&[Held::from("examiner")][..], Some(Instant(7)))
        );
        assert_eq!(person.need_reviewed, Some("2026-02-01".parse().unwrap()), "the later review counts");
        assert_eq!(registry.agencies[0].suspended_since, None);
        assert!(decisions.lay_over(&mut registry, today()).is_empty(), "now it says so");
    }

    #[test]
    fn a_review_that_is_still_to_come_by_the_file_is_none_beside_a_steps() {
        let (yesterday, tomorrow) = (today().yesterday().unwrap(), today().tomorrow().unwrap());
        let laid = |of_file: Date, decided: Option<Date>| {
            let mut registry = registry();
            registry.people[0].need_reviewed = Some(of_file);
            let mut decisions = Decisions::default();
            let decided = Decided { need_reviewed: decided, ..Decided::default() };
            decisions.people.insert("p".to_owned(), decided);
            let overruled = decisions.lay_over(&mut registry, today());
            (registry.people[0].need_reviewed.unwrap(), !overruled.is_empty())
        };
        assert_eq!(laid(tomorrow, Some(yesterday)), (yesterday, true), "and it is named");
        assert_eq!(laid(tomorrow, Some(today())), (today(), true));
        assert_eq!(laid(today(), Some(yesterday)), (today(), false), "today is not to come");
        assert_eq!(laid(yesterday, Some(today())), (today(), false), "a file is older than a step");
        assert_eq!(laid(tomorrow, None), (tomorrow, false), "what no step decided the file says");
    }

    #[test]
    fn whom_a_step_registered_is_there_without_the_file_and_prevails_over_it() {
        let person = Person { id: "new".to_owned(), ..self::registry().people[0].clone() };
        let particulars = Particulars { unit: Some("elsewhere".to_owned()), ..Particulars::default() };
        let mut decisions = Decisions::default();
        let decided = Decided { person: Some(person.clone()), particulars, ..Decided::default() };
        decisions.people.insert("new".to_owned(), decided);
        let mut registry = registry();
        assert!(decisions.lay_over(&mut registry, today()).is_empty(), "the file says nothing of them");
        assert_eq!(registry.people[1], Person { unit: "elsewhere".to_owned(), ..person.clone() });
        let before = registry.clone();
        assert!(decisions.lay_over(&mut registry, today()).is_empty());
        assert_eq!(registry, before, "twice is once");
        registry.people[1].name = "Somebody else".to_owned();
        assert_eq!(decisions.lay_over(&mut registry, today()), ["new"]);
        assert_eq!(registry, before);
    }

    #[test]
    fn an_agreement_of_a_step_is_added_and_ended_whatever_the_file_says() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let agreement = Agreement {
            kind: "memorandum".to_owned(),
            signed: Instant(5),
            starts: day("2026-01-01"),
            ends: None,
            scope: vec![],
        };
        let id = agreement_id(&agreement);
        let contact = model::registry::Contact { name: "C".to_owned(), ..Default::default() };
        let document = model::terms::Digest::of(b"signed");
        let concluded = Concluded { agreement: agreement.clone(), contact, document };
        let mut decided = Decided { agreements: vec![concluded], ..Decided::default() };
        let mut registry = registry();
        assert!(decided.lay_over(&mut registry, Holder::Agency, "a", today()));
        assert_eq!(registry.agencies[0].agreements, std::slice::from_ref(&agreement));
        decided.ended.insert(id, day("2026-03-09"));
        decided.lay_over(&mut registry, Holder::Agency, "a", today());
        let ended = Agreement { ends: Some(day("2026-03-09")), ..agreement };
        assert_eq!(registry.agencies[0].agreements, [ended]);
        let kept = serde_json::to_value(&decided).unwrap();
        assert_eq!(serde_json::from_value::<Decided>(kept).unwrap(), decided);
    }

    #[test]
    fn suspensions_are_counted_with_what_is_kept_and_from_none_where_that_says_nothing() {
        let decided = Decided { suspensions: 2, ..Decided::default() };
        let kept = serde_json::to_value(&decided).unwrap();
        assert_eq!(serde_json::from_value::<Decided>(kept).unwrap(), decided);
        let older = serde_json::json!({ "access": { "suspended": Instant(7) } });
        assert_eq!(serde_json::from_value::<Decided>(older).unwrap().suspensions, 0);
    }

    #[test]
    fn the_clauses_of_a_suspension_are_kept_with_it_and_go_with_it() {
        let (one, two): (ClauseId, ClauseId) = ("1".into(), "2".into());
        let older = serde_json::json!({ "access": { "suspended": Instant(7) } });
        let mut decisions = Decisions::default();
        decisions.people.insert("p".to_owned(), serde_json::from_value(older).unwrap());
        decisions.people.insert("q".to_owned(), Decided { roles: Some(vec![]), ..Decided::default() });
        let kept = |decisions: &Decisions| decisions.grounds().people;
        assert_eq!(kept(&decisions), BTreeMap::from([("p".to_owned(), vec![])]), "an older row names none");

        let mut decided = Decided::default();
        decided.suspend(Instant(7), std::slice::from_ref(&one));
        decided.suspend(Instant(7), &[two.clone(), one.clone()]);
        let row = serde_json::to_value(&decided).unwrap();
        assert_eq!(serde_json::from_value::<Decided>(row).unwrap(), decided);
        decisions.people.insert("p".to_owned(), decided.clone());
        assert_eq!(kept(&decisions), BTreeMap::from([("p".to_owned(), vec![one, two])]), "each once");

        decided.reinstate();
        let row = serde_json::to_value(&decided).unwrap();
        assert!(row.get("grounds").is_none(), "{row}");
        decisions.people.insert("p".to_owned(), decided);
        assert!(kept(&decisions).is_empty());
    }

    #[test]
    fn roles_that_were_kept_without_terms_read_back() {
        let kept = serde_json::json!({ "roles": ["examiner"], "need_reviewed": "2026-03-10" });
        let decided: Decided = serde_json::from_value(kept).unwrap();
        assert_eq!(decided.roles, Some(vec!["examiner".into()]));
        let until = Held { until: Some("2026-12-31".parse().unwrap()), ..Held::from("examiner") };
        let decided = Decided { roles: Some(vec![until]), ..decided };
        let kept = serde_json::to_value(&decided).unwrap();
        assert_eq!(serde_json::from_value::<Decided>(kept).unwrap(), decided);
    }

    #[test]
    fn what_is_kept_reads_back() {
        for access in [None, Some(Access::Reinstated), Some(Access::Suspended(Instant(7)))] {
            let decided = Decided { access, ..Decided::default() };
            let kept = serde_json::to_value(&decided).unwrap();
            assert_eq!(serde_json::from_value::<Decided>(kept).unwrap(), decided);
        }
    }
}
