//! People on record: somebody is registered, and what is known of them changes. Both are judged in the phase `access`.
//!
//! Who is registered is given access with it: the policy judges a grant to the person as they would be in the registry. What is
//! put on record of somebody goes with a review of their access, so that whoever vouches for a training or a background check
//! vouches for the need as well: the policy judges the review of the person as they would be from then on.
//!
//! Nobody leaves the registry, because the log names them: who is to go loses their access ([`crate::access`]).

use crate::access::{ASKED, Asked, Basis, Changed, granted, known, role_words};
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::limits::{self, MOST_WORD_BYTES, bounded};
use crate::misstep::Misstep;
use crate::standing::Decided;
use model::account::Event;
use model::facts::{self, AccessChange, Device, Party, Training};
use model::registry::{Particulars, Person};
use model::terms::{Date, Holder, Value, check_id, is_seen};
use std::collections::BTreeMap;

/// Trainings named in one step.
const MOST_TRAININGS: usize = 32;

/// A person to be registered.
#[derive(Clone, Debug)]
pub struct Registration {
    /// As they are to be registered: with the roles they are to hold, and until when, and neither reviewed nor suspended.
    pub person: Person,
    /// Why.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// Something to be put on record of a person.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What. The day up to which background checks are void is for the host to say.
    pub particulars: Particulars,
    /// Whether the background check on record counts no longer.
    pub background_void: bool,
    /// Why.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

impl Casework {
    /// Registers a person of an agency that is in the registry, and gives them access.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for what cannot be a person; [`CaseError::Unknown`] for an agency that is not in the registry;
    /// [`CaseError::OutOfPlace`] for an id that is taken; [`CaseError::Refused`] when it is not permitted. Nobody is registered
    /// then.
    pub async fn register_person(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        registration: Registration,
    ) -> Result<Changed, CaseError> {
        let Registration { person, reason, answers } = registration;
        let person = Person { need_reviewed: None, suspended_since: None, ..person };
        check_id(&person.id).map_err(|e| CaseError::Invalid(e.to_string()))?;
        let Person { agency, name, unit, rank, .. } = &person;
        let words = [("agency", agency), ("name", name), ("unit", unit), ("rank", rank)];
        let words = words.map(|(name, word)| (name, word.as_str())).into_iter();
        let words = words.chain(role_words(&person.roles)?).chain(training_words(&person.trainings)?);
        bounded(words, [("reason", reason.as_str())], &answers)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let today = chamber.local(self.clock.now()?).today;
        check_names([("name", &person.name), ("unit", &person.unit), ("rank", &person.rank)])?;
        check_trainings(&person.trainings, today)?;
        check_past("background_checked", person.background_checked, today)?;
        let person = Person { roles: granted(&person.roles, actor, today)?, ..person };
        let place = format!("person/{jurisdiction}/{}", person.id);
        let _turn = self.turn_for(actor, &chamber, &place, ASKED).await?;
        // As it stands now: it may have been suspended meanwhile.
        let Some(agency) = chamber.agency(&person.agency) else {
            return Err(CaseError::Unknown { kind: "agency", id: person.agency, hint: "; register it first" });
        };
        if chamber.registry().people.iter().any(|p| p.id == person.id) {
            let misstep = Misstep::Registered { kind: "person", id: person.id };
            return self.refuse_apart(&chamber, actor, ASKED, misstep).await;
        }
        let (id, roles) = (person.id.clone(), person.roles.clone());
        // Access is what they are about to get: they hold none of the roles yet.
        let fact = facts::Person { roles: vec![], ..person.fact(Device::Fixed) };
        let party = Party { person: fact, agency: agency.fact(jurisdiction) };
        let named = person.role_names();
        let access = facts::Access { change: AccessChange::Grant, whose: Holder::Person, party, roles: named };
        let event = Event::PersonRegistered { person: person.clone(), reason };
        let decide = move |decided: &mut Decided, basis: &Basis<'_>| {
            decided.roles = Some(roles);
            decided.need_reviewed = Some(basis.today);
            decided.person = Some(person);
        };
        self.change(actor, &chamber, Asked { id, access, answers, event, decide }).await
    }

    /// Puts something on record of a person, with a review of their access.
    ///
    /// # Errors
    /// As [`Casework::register_person`]; [`CaseError::OutOfPlace`] for somebody suspended, and where no background check is on
    /// record that could count no longer.
    pub async fn record_of_person(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        person: &str,
        record: Record,
    ) -> Result<Changed, CaseError> {
        let Record { mut particulars, background_void, reason, answers } = record;
        particulars.background_void = None;
        let Particulars { name, unit, rank, .. } = &particulars;
        let words = [("name", name), ("unit", unit), ("rank", rank)];
        let words = words.into_iter().filter_map(|(name, given)| given.as_deref().map(|given| (name, given)));
        let words = words.chain([("person", person)]).chain(training_words(&particulars.trainings)?);
        bounded(words, [("reason", reason.as_str())], &answers)?;
        if particulars.is_empty() && !background_void {
            return Err(CaseError::Invalid("there is nothing to put on record: say what has changed".to_owned()));
        }
        if background_void && particulars.background_checked.is_some() {
            let message = "background_checked and background_check_void are both given: a check made void is recorded anew in a step of its own";
            return Err(CaseError::Invalid(message.to_owned()));
        }
        let chamber = self.chamber(jurisdiction)?.clone();
        let today = chamber.local(self.clock.now()?).today;
        let names = [("name", &particulars.name), ("unit", &particulars.unit), ("rank", &particulars.rank)];
        check_names(names.into_iter().filter_map(|(name, given)| given.as_ref().map(|given| (name, given))))?;
        check_trainings(&particulars.trainings, today)?;
        check_past("background_checked", particulars.background_checked, today)?;
        let _turn = self.turn_for(actor, &chamber, &format!("person/{jurisdiction}/{person}"), ASKED).await?;
        let (mut subject, agency) = known(&chamber, person)?;
        let id = subject.id.clone();
        if let Some(since) = subject.suspended_since {
            return self.refuse_apart(&chamber, actor, ASKED, Misstep::Suspended { id, since }).await;
        }
        if background_void {
            particulars.background_void = subject.background_checked;
            if particulars.background_void.is_none() {
                return self.refuse_apart(&chamber, actor, ASKED, Misstep::NotChecked { id }).await;
            }
        }
        particulars.apply(&mut subject);
        let subject = subject.on(today);
        let roles = subject.role_names();
        let party = Party { person: subject.fact(Device::Fixed), agency: agency.fact(jurisdiction) };
        let access = facts::Access { change: AccessChange::Review, whose: Holder::Person, party, roles };
        let event = Event::PersonRecorded { id: id.clone(), particulars: particulars.clone(), reason };
        let decide = move |decided: &mut Decided, basis: &Basis<'_>| {
            decided.need_reviewed = Some(basis.today);
            decided.particulars.then(particulars);
        };
        self.change(actor, &chamber, Asked { id, access, answers, event, decide }).await
    }
}

/// Whether these names say something, and not too much.
///
/// # Errors
/// [`CaseError::Invalid`], naming the one that does not.
pub(crate) fn check_names<'n>(names: impl IntoIterator<Item = (&'n str, &'n String)>) -> Result<(), CaseError> {
    for (name, given) in names {
        if given.trim().is_empty() || given.len() > MOST_WORD_BYTES || !given.chars().all(is_seen) {
            return Err(CaseError::Invalid(format!("{name}: use 1 to {MOST_WORD_BYTES} bytes of printable text")));
        }
    }
    Ok(())
}

/// The trainings that a step names, as words to be bounded.
fn training_words(trainings: &[Training]) -> Result<impl Iterator<Item = (&str, &str)>, CaseError> {
    limits::count("trainings", trainings.len(), MOST_TRAININGS)?;
    Ok(trainings.iter().map(|training| ("curriculum", training.curriculum.as_str())))
}

fn check_trainings(trainings: &[Training], today: Date) -> Result<(), CaseError> {
    for training in trainings {
        check_names([("curriculum", &training.curriculum)])?;
        check_past("completed", Some(training.completed), today)?;
        if training.expires.is_some_and(|expires| expires < training.completed) {
            let message = format!("the training `{}` expires before it was completed", training.curriculum);
            return Err(CaseError::Invalid(message));
        }
    }
    Ok(())
}

fn check_past(name: &str, day: Option<Date>, today: Date) -> Result<(), CaseError> {
    match day.filter(|day| *day > today) {
        Some(day) => {
            Err(CaseError::Invalid(format!("{name} is {day}, and today is {today}: record it once it is done")))
        }
        None => Ok(()),
    }
}
