//! The `access` phase: a person's access is granted, reviewed, suspended, reinstated or withdrawn; an agency is suspended or
//! reinstated.
//!
//! People and agencies come into the registry by its file, or by a step ([`crate::registration`], [`crate::agreements`]); what
//! they may do in it is decided here. A change holds from the moment it is on record: whoever is suspended takes no further step of work under way, and their signatures no longer count.
//! It survives the next start, whatever the registry file says ([`crate::standing`]).
//!
//! Roles are granted from the day of the step on, by whoever takes it, and until the day it names, if it names one. Before its
//! first day and after its last a role counts nowhere.
//!
//! | change | of a person | of an agency |
//! |---|---|---|
//! | grant | the roles named are added; one that is held already counts from now on until the day named | |
//! | review | the need for access stands: reviewed today | |
//! | suspend | may not act; the roles rest | its requests are suspended |
//! | reinstate | may act again, with the roles named, or else those that rested | is not suspended any more |
//! | withdraw | the roles named are lost, or all where none is named; with none left they may not act | |

use crate::answers;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::grounds::rested_on;
use crate::intake::attested;
use crate::judge::Facts;
use crate::limits::{self, bounded};
use crate::misstep::Misstep;
use crate::sitting::Taken;
use crate::standing::Decided;
use model::account::Event;
use model::facts::{self, AccessChange, Device, Party, Step};
use model::registry::{Agency, Person};
use model::role::Held;
use model::rulings::ClauseId;
use model::terms::{Date, Holder, Instant, Phase, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// As a rejection calls it.
pub(crate) const ASKED: &str = "change somebody's access";

/// Roles named in one change.
const MOST_ROLES: usize = 32;

/// A change asked for.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is to be done.
    pub change: AccessChange,
    /// The roles it is about, and until when they are to count. By whom and since when is for the host to say.
    pub roles: Vec<Held>,
    /// Why.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// A change that was made.
pub struct Changed {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// The roles a person holds now; none for an agency.
    pub roles: Vec<String>,
    /// Since when they may not act, if they may not.
    pub suspended_since: Option<Instant>,
}

/// A change to be judged: what the policy is told of it, what is recorded of it, and what will have been decided then.
pub(crate) struct Asked<F> {
    /// The person's or the agency's id.
    pub(crate) id: String,
    pub(crate) access: facts::Access,
    pub(crate) answers: BTreeMap<String, Value>,
    pub(crate) event: Event,
    pub(crate) decide: F,
}

/// What a change is decided by.
pub(crate) struct Basis<'c> {
    pub(crate) now: Instant,
    /// The day in the jurisdiction.
    pub(crate) today: Date,
    /// Those that the permit rests on.
    pub(crate) clauses: &'c [ClauseId],
}

impl Casework {
    /// Changes a person's access.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for nobody of the registry; [`CaseError::OutOfPlace`] for a change that does not fit how they
    /// stand; [`CaseError::Refused`] when it is not permitted. Nothing has changed then.
    pub async fn change_access(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        person: &str,
        change: Change,
    ) -> Result<Changed, CaseError> {
        check(&change)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let _turn = self.turn_for(actor, &chamber, &format!("person/{jurisdiction}/{person}"), ASKED).await?;
        let (subject, agency) = known(&chamber, person)?;
        let today = chamber.local(self.clock.now()?).today;
        let roles = granted(&change.roles, actor, today)?;
        let held = match roles_afterwards(&subject, change.change, roles, today) {
            Ok(held) => held,
            Err(misstep) => return self.refuse_apart(&chamber, actor, ASKED, misstep).await,
        };
        let adds = matches!(change.change, AccessChange::Grant | AccessChange::Reinstate);
        let told = Person { roles: held.clone(), ..subject.clone() };
        // What was to count on a later day counts then, and was judged before: it is no part of a change that adds nothing.
        let told = if adds { told } else { told.on(today) };
        let mut before = subject.on(today);
        if adds {
            // With another end a role is granted anew: whoever may not grant it does not prolong it either.
            before.roles.retain(|old| !is_granted_anew(old, &held));
        }
        let party = Party { person: before.fact(Device::Fixed), agency: agency.fact(jurisdiction) };
        let access = facts::Access { change: change.change, whose: Holder::Person, party, roles: told.role_names() };
        self.change(actor, &chamber, asked(person, change, held, access)).await
    }

    /// Suspends or reinstates an agency.
    ///
    /// # Errors
    /// As [`Casework::change_access`]; [`CaseError::Invalid`] for any other change.
    pub async fn change_agency(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        agency: &str,
        change: Change,
    ) -> Result<Changed, CaseError> {
        check(&change)?;
        if !matches!(change.change, AccessChange::Suspend | AccessChange::Reinstate) || !change.roles.is_empty() {
            let message = "an agency holds no roles: `suspend` or `reinstate` it, and name no roles";
            return Err(CaseError::Invalid(message.to_owned()));
        }
        let chamber = self.chamber(jurisdiction)?.clone();
        let _turn = self.turn_for(actor, &chamber, &format!("agency/{jurisdiction}/{agency}"), ASKED).await?;
        let Some(subject) = chamber.agency(agency) else {
            let (id, hint) = (agency.to_owned(), "; the registry of the jurisdiction lists its agencies");
            return Err(CaseError::Unknown { kind: "agency", id, hint });
        };
        if let Err(misstep) = fits(agency, subject.suspended_since, change.change) {
            return self.refuse_apart(&chamber, actor, ASKED, misstep).await;
        }
        let party = Party { person: nobody(), agency: subject.fact(&self.home_of(&chamber, agency)) };
        let access = facts::Access { change: change.change, whose: Holder::Agency, party, roles: vec![] };
        self.change(actor, &chamber, asked(agency, change, vec![], access)).await
    }

    /// Has a change judged, records it, and makes it hold.
    pub(crate) async fn change<F>(
        &self,
        actor: &Registered,
        chamber: &Arc<Chamber>,
        asked: Asked<F>,
    ) -> Result<Changed, CaseError>
    where
        F: FnOnce(&mut Decided, &Basis<'_>) + Send,
    {
        let Asked { id, access, answers, event, decide } = asked;
        let concerned = [chamber.clone()];
        answers::check(&concerned, Phase::Access, &answers)?;
        let (whose, reinstates) = (access.whose, access.change == AccessChange::Reinstate);
        let before = chamber.suspensions(whose, &id).await;
        let now = self.clock.now()?;
        let facts = Facts::apart(now, actor, vec![attested(answers, actor, now)], Step::Access(access));
        let acted = self.judge(&concerned, facts, vec![]).await?.act();
        // Not before it is judged: what the decision itself demands may suspend somebody, too.
        let mut amendment = match self.amend(chamber, whose, &id).await {
            Ok(amendment) => amendment,
            Err(e) => return Err(self.give_up(&concerned, acted, actor, e).await),
        };
        if reinstates && amendment.decided.suspensions != before {
            // Of that suspension the policy was not told.
            drop(amendment);
            let misstep = Misstep::SuspendedMeanwhile { id };
            return Err(self.give_up(&concerned, acted, actor, misstep.into()).await);
        }
        let (today, clauses) = (chamber.local(now).today, rested_on(&acted.rulings));
        decide(&mut amendment.decided, &Basis { now, today, clauses: &clauses });
        let row = match amendment.row() {
            Ok(row) => row,
            Err(e) => return Err(self.give_up(&concerned, acted, actor, e).await),
        };
        let (rulings, recorded) = self.conclude(&concerned, acted, actor, event, vec![row]).await?;
        amendment.take_effect(now);
        chamber.publish().await;
        let registry = chamber.registry();
        let person = registry.people.iter().find(|p| whose == Holder::Person && p.id == id);
        let suspended_since = match whose {
            Holder::Person => person.and_then(|p| p.suspended_since),
            Holder::Agency => registry.agencies.iter().find(|a| a.id == id).and_then(|a| a.suspended_since),
        };
        let today = chamber.local(now).today;
        let roles = person.map(|p| p.clone().on(today).role_names()).unwrap_or_default();
        Ok(Changed { taken: Taken { rulings, receipt: recorded.receipt()? }, roles, suspended_since })
    }

    /// The jurisdiction whose policy governs an agency's people: this one, if any of them are in its registry, else the one
    /// that has them.
    pub(crate) fn home_of(&self, chamber: &Chamber, agency: &str) -> String {
        let has = |chamber: &Chamber| chamber.registry().people.iter().any(|p| p.agency == agency);
        if has(chamber) {
            return chamber.id().to_owned();
        }
        self.chambers().find(|other| has(other)).map_or(chamber.id(), |other| other.id()).to_owned()
    }
}

/// A change of access, to be judged. `held` are the roles held afterwards.
fn asked(
    id: &str,
    change: Change,
    held: Vec<Held>,
    access: facts::Access,
) -> Asked<impl FnOnce(&mut Decided, &Basis<'_>) + Send + use<>> {
    let what = change.change;
    let event = Event::AccessChanged {
        change: what,
        whose: access.whose,
        id: id.to_owned(),
        roles: held.clone(),
        reason: change.reason,
    };
    let decide = move |decided: &mut Decided, basis: &Basis<'_>| decide(decided, what, &held, basis);
    Asked { id: id.to_owned(), access, answers: change.answers, event, decide }
}

/// What will have been decided of somebody.
fn decide(decided: &mut Decided, change: AccessChange, roles: &[Held], basis: &Basis<'_>) {
    let Basis { now, today, clauses } = *basis;
    match change {
        AccessChange::Grant => {
            decided.roles = Some(roles.to_vec());
            decided.need_reviewed = Some(today);
        }
        AccessChange::Review => decided.need_reviewed = Some(today),
        AccessChange::Suspend => decided.suspend(now, clauses),
        AccessChange::Reinstate => {
            decided.roles = Some(roles.to_vec());
            decided.need_reviewed = Some(today);
            decided.reinstate();
        }
        AccessChange::Withdraw => {
            decided.roles = Some(roles.to_vec());
            if roles.is_empty() {
                decided.suspend(now, clauses);
            }
        }
    }
}

/// The roles that a step names, as they are granted by whoever takes it, from today on.
///
/// # Errors
/// [`CaseError::Invalid`] for one without a name, of a day that is past, or that says what is for the host to say.
pub(crate) fn granted(roles: &[Held], actor: &Registered, today: Date) -> Result<Vec<Held>, CaseError> {
    let grant = |held: &Held| {
        let role = &held.role;
        let wrong = if role.trim().is_empty() {
            "a role has no name: name it".to_owned()
        } else if held.by.is_some() || held.from.is_some() {
            format!(
                "the role `{role}`: who grants it, and from when on, is for the host to say: leave by and from away"
            )
        } else if held.is_over(today) {
            format!("the role `{role}` would end before today, {today}: name a later day, or none")
        } else {
            return Ok(Held { by: Some(actor.key()), from: Some(today), ..held.clone() });
        };
        Err(CaseError::Invalid(format!("roles: {wrong}")))
    };
    roles.iter().map(grant).collect()
}

/// The roles somebody would hold afterwards, those left out whose last day is past.
fn roles_afterwards(
    person: &Person,
    change: AccessChange,
    named: Vec<Held>,
    today: Date,
) -> Result<Vec<Held>, Misstep> {
    fits(&person.id, person.suspended_since, change)?;
    let mut held = person.roles.clone();
    held.retain(|held| !held.is_over(today));
    Ok(match change {
        AccessChange::Grant => {
            for new in named {
                let stands = |old: &Held| old.role == new.role && old.until == new.until && old.counts_on(today);
                if !held.iter().any(stands) {
                    held.retain(|old| old.role != new.role);
                    held.push(new);
                }
            }
            held
        }
        AccessChange::Review | AccessChange::Suspend => held,
        AccessChange::Reinstate if named.is_empty() => held,
        AccessChange::Reinstate => named,
        AccessChange::Withdraw if named.is_empty() => vec![],
        AccessChange::Withdraw => {
            held.retain(|old| !named.iter().any(|lost| lost.role == old.role));
            held
        }
    })
}

/// Whether a role is held afterwards with another end alone. What is lost is not.
fn is_granted_anew(old: &Held, afterwards: &[Held]) -> bool {
    let mut same = afterwards.iter().filter(|new| new.role == old.role).peekable();
    same.peek().is_some() && same.all(|new| new.until != old.until)
}

/// Whether a change fits how somebody stands.
fn fits(id: &str, suspended_since: Option<Instant>, change: AccessChange) -> Result<(), Misstep> {
    match (suspended_since, change) {
        (Some(since), AccessChange::Grant | AccessChange::Review | AccessChange::Suspend) => {
            Err(Misstep::Suspended { id: id.to_owned(), since })
        }
        (None, AccessChange::Reinstate) => Err(Misstep::NotSuspended { id: id.to_owned() }),
        _ => Ok(()),
    }
}

/// A person of the registry, suspended or not, and their agency.
pub(crate) fn known(chamber: &Chamber, person: &str) -> Result<(Person, Agency), CaseError> {
    let registry = chamber.registry();
    let unknown = |kind, id: &str, hint| CaseError::Unknown { kind, id: id.to_owned(), hint };
    let found = registry.people.iter().find(|p| p.id == person);
    let found = found.ok_or_else(|| unknown("person", person, "; have them registered"))?;
    let agency = registry.agencies.iter().find(|a| a.id == found.agency);
    let agency = agency.ok_or_else(|| unknown("agency", &found.agency, "; the registry names it for this person"))?;
    Ok((found.clone(), agency.clone()))
}

/// The roles that a step names, as words to be bounded.
///
/// # Errors
/// [`CaseError::Invalid`] for too many.
pub(crate) fn role_words(roles: &[Held]) -> Result<impl Iterator<Item = (&str, &str)>, CaseError> {
    limits::count("roles", roles.len(), MOST_ROLES)?;
    Ok(roles.iter().map(|held| ("roles", held.role.as_str())))
}

fn check(change: &Change) -> Result<(), CaseError> {
    bounded(role_words(&change.roles)?, [("reason", change.reason.as_str())], &change.answers)?;
    let takes_roles = !matches!(change.change, AccessChange::Review | AccessChange::Suspend);
    if !takes_roles && !change.roles.is_empty() {
        let message = "this change leaves the roles as they are: name none".to_owned();
        return Err(CaseError::Invalid(message));
    }
    if change.change == AccessChange::Withdraw && change.roles.iter().any(|held| held.until.is_some()) {
        let message = "roles are withdrawn from now on: name no day; grant them until a day to have them end on it";
        return Err(CaseError::Invalid(message.to_owned()));
    }
    Ok(())
}

/// Nobody in particular: the person of an agency's party.
pub(crate) fn nobody() -> facts::Person {
    facts::Person {
        id: String::new(),
        name: String::new(),
        unit: String::new(),
        rank: String::new(),
        roles: vec![],
        trainings: vec![],
        background_checked: None,
        need_reviewed: None,
        multi_factor: false,
        device: Device::Fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::Access;

    fn person(roles: &[&str], suspended: bool) -> Person {
        Person {
            id: "p".to_owned(),
            name: "P".to_owned(),
            agency: "a".to_owned(),
            unit: "u".to_owned(),
            rank: "r".to_owned(),
            roles: held(roles),
            trainings: vec![],
            background_checked: None,
            need_reviewed: None,
            multi_factor: true,
            suspended_since: suspended.then_some(Instant(1)),
        }
    }

    fn held(roles: &[&str]) -> Vec<Held> {
        roles.iter().map(|role| Held::from(*role)).collect()
    }

    fn today() -> Date {
        jiff::civil::date(2026, 3, 10)
    }

    fn afterwards(person: &Person, change: AccessChange, roles: &[&str]) -> Result<Vec<String>, Misstep> {
        let held = roles_afterwards(person, change, held(roles), today())?;
        Ok(Person { roles: held, ..person.clone() }.role_names())
    }

    #[test]
    fn each_change_leaves_the_roles_it_says() {
        use AccessChange::{Grant, Reinstate, Review, Suspend, Withdraw};
        let active = person(&["a", "b"], false);
        assert_eq!(afterwards(&active, Grant, &["b", "c"]).unwrap(), ["a", "b", "c"]);
        assert_eq!(afterwards(&active, Review, &[]).unwrap(), ["a", "b"]);
        assert_eq!(afterwards(&active, Suspend, &[]).unwrap(), ["a", "b"], "they rest");
        assert_eq!(afterwards(&active, Withdraw, &["a"]).unwrap(), ["b"]);
        assert!(afterwards(&active, Withdraw, &[]).unwrap().is_empty());
        let resting = person(&["a", "b"], true);
        assert_eq!(afterwards(&resting, Reinstate, &[]).unwrap(), ["a", "b"]);
        assert_eq!(afterwards(&resting, Reinstate, &["c"]).unwrap(), ["c"]);
    }

    #[test]
    fn a_role_is_granted_until_a_day_and_what_is_over_is_held_no_more() {
        use AccessChange::{Grant, Review, Withdraw};
        let until = |role: &str, day: i8| Held { until: Some(jiff::civil::date(2026, 3, day)), ..Held::from(role) };
        let later = Held { from: Some(jiff::civil::date(2026, 3, 11)), ..Held::from("later") };
        let roles = vec![until("over", 9), until("a", 10), later.clone()];
        let holder = Person { roles, ..person(&[], false) };
        let after = |change: AccessChange, named: Vec<Held>| roles_afterwards(&holder, change, named, today()).unwrap();
        assert_eq!(after(Review, vec![]), [until("a", 10), later.clone()]);
        assert_eq!(after(Grant, vec![until("a", 20)]), [later.clone(), until("a", 20)], "for longer");
        assert_eq!(after(Grant, held(&["a"])), [later.clone(), Held::from("a")], "without an end");
        let same = Held { by: Some("north/other".to_owned()), ..until("a", 10) };
        assert_eq!(after(Grant, vec![same]), [until("a", 10), later.clone()], "as it was granted before");
        assert_eq!(after(Grant, held(&["later"])), [until("a", 10), Held::from("later")], "from now on already");
        assert_eq!(after(Withdraw, held(&["a"])), [later]);
    }

    #[test]
    fn a_role_with_another_end_is_granted_anew() {
        let until = |day: i8| Held { until: Some(jiff::civil::date(2026, 3, day)), ..Held::from("a") };
        let anew = |afterwards: &[Held]| is_granted_anew(&until(10), afterwards);
        assert!(anew(&[until(20)]) && anew(&[until(9)]) && anew(&held(&["b", "a"])));
        assert!(!anew(&[until(10)]) && !anew(&[until(20), until(10)]), "it stands");
        assert!(!anew(&[]) && !anew(&held(&["b"])), "it is lost");
    }

    #[test]
    fn a_change_fits_how_somebody_stands() {
        use AccessChange::{Grant, Reinstate, Review, Suspend, Withdraw};
        let resting = person(&["a"], true);
        for change in [Grant, Review, Suspend] {
            assert!(matches!(afterwards(&resting, change, &[]), Err(Misstep::Suspended { .. })), "{change:?}");
        }
        assert!(afterwards(&resting, Withdraw, &[]).is_ok());
        assert!(matches!(afterwards(&person(&["a"], false), Reinstate, &[]), Err(Misstep::NotSuspended { .. })));
    }

    #[test]
    fn losing_every_role_is_losing_access() {
        let (now, today) = (Instant(5), today());
        let clauses: [ClauseId; 1] = ["1".into()];
        let basis = Basis { now, today, clauses: &clauses };
        let mut decided = Decided::default();
        decide(&mut decided, AccessChange::Withdraw, &held(&["b"]), &basis);
        assert_eq!(decided.access, None);
        assert!(decided.grounds.is_empty(), "they may act");
        decide(&mut decided, AccessChange::Withdraw, &[], &basis);
        assert_eq!(decided.access, Some(Access::Suspended(now)));
        assert_eq!(decided.grounds, clauses);
        decide(&mut decided, AccessChange::Reinstate, &held(&["a"]), &Basis { clauses: &["2".into()], ..basis });
        let expected = Decided {
            roles: Some(held(&["a"])),
            need_reviewed: Some(today),
            access: Some(Access::Reinstated),
            ..Decided::default()
        };
        assert_eq!(decided, expected);
    }
}
