//! Agencies and the agreements with them. Both are judged in the phase `access`, which knows of an agency that its requests are
//! let in or suspended, and nothing else: so these steps do that, on the agency as it would be in the registry.
//!
//! | step | judged as | and then |
//! |---|---|---|
//! | an agency is registered, with its agreements | `reinstate` | its requests are let in |
//! | an agreement is put on record | `reinstate` | its requests are let in, whatever suspended them |
//! | an agreement is ended | `suspend` | its requests are suspended until it is reinstated on other terms |
//!
//! An agency never leaves the registry, because the log names it: one that is to go is suspended ([`crate::access`]).

use crate::access::{ASKED, Asked, Basis, Changed, nobody};
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::limits::{self, bounded};
use crate::misstep::Misstep;
use crate::registration::check_names;
use crate::standing::Decided;
use model::account::Event;
use model::facts::{self, AccessChange, Party};
use model::registry::{Agency, Concluded, agreement_id};
use model::terms::{Holder, Instant, Value, check_id};
use std::collections::BTreeMap;

/// Agreements of one agency that are registered with it.
const MOST_AGREEMENTS: usize = 32;

/// What an agreement covers: words of the policy's vocabulary.
const MOST_SCOPE: usize = 32;

/// An agency to be registered.
#[derive(Clone, Debug)]
pub struct Admission {
    /// As it is to be registered. Its agreements are those below, and it is not suspended.
    pub agency: Agency,
    /// The agreements with it.
    pub agreements: Vec<Concluded>,
    /// Why.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// An agency as its jurisdiction knows it.
pub struct AgencySeen {
    /// As in the registry.
    pub agency: Agency,
    /// What else is known of those of its agreements that steps put on record.
    pub concluded: Vec<Concluded>,
}

impl Casework {
    /// Registers an agency with its agreements, and lets its requests in.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for what cannot be an agency; [`CaseError::OutOfPlace`] for an id that is taken;
    /// [`CaseError::Refused`] when it is not permitted. Nothing is registered then.
    pub async fn register_agency(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        admission: Admission,
    ) -> Result<Changed, CaseError> {
        let Admission { agency, agreements, reason, answers } = admission;
        check_id(&agency.id).map_err(|e| CaseError::Invalid(e.to_string()))?;
        limits::count("agreements", agreements.len(), MOST_AGREEMENTS)?;
        let mut words = vec![("name", agency.name.as_str())];
        for concluded in &agreements {
            words.extend(agreement_words(concluded)?);
        }
        bounded(words, [("reason", reason.as_str())], &answers)?;
        check_names([("name", &agency.name)])?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let now = self.clock.now()?;
        let mut facts = Vec::with_capacity(agreements.len());
        for concluded in &agreements {
            check(concluded, now)?;
            let id = agreement_id(&concluded.agreement);
            if facts.iter().any(|known| agreement_id(known) == id) {
                let message = "two agreements of one kind were signed at one moment: record one";
                return Err(CaseError::Invalid(message.to_owned()));
            }
            facts.push(concluded.agreement.clone());
        }
        let agency = Agency { agreements: facts, suspended_since: None, ..agency };
        let id = agency.id.clone();
        let _turn = self.turn_for(actor, &chamber, &format!("agency/{jurisdiction}/{id}"), ASKED).await?;
        if chamber.agency(&id).is_some() {
            let misstep = Misstep::Registered { kind: "agency", id };
            return self.refuse_apart(&chamber, actor, ASKED, misstep).await;
        }
        // Until it is registered none of its requests are let in.
        let waiting = Agency { suspended_since: Some(now), ..agency.clone() };
        let access = of_agency(AccessChange::Reinstate, waiting.fact(&self.home_of(&chamber, &id)));
        let event = Event::AgencyRegistered { agency: agency.clone(), agreements: agreements.clone(), reason };
        let decide = move |decided: &mut Decided, _: &Basis<'_>| {
            decided.reinstate();
            decided.agency = Some(agency);
            decided.agreements.extend(agreements);
        };
        self.change(actor, &chamber, Asked { id, access, answers, event, decide }).await
    }

    /// Puts an agreement with an agency on record, and lets its requests in.
    ///
    /// # Errors
    /// As [`Casework::register_agency`]; [`CaseError::Unknown`] for no agency of the registry.
    pub async fn record_agreement(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        agency: &str,
        concluded: Concluded,
        reason: String,
        answers: BTreeMap<String, Value>,
    ) -> Result<Changed, CaseError> {
        let words = agreement_words(&concluded)?.chain([("agency", agency)]);
        bounded(words, [("reason", reason.as_str())], &answers)?;
        check(&concluded, self.clock.now()?)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let _turn = self.turn_for(actor, &chamber, &format!("agency/{jurisdiction}/{agency}"), ASKED).await?;
        let mut subject = chamber.agency(agency).ok_or_else(|| unknown(agency))?;
        let id = agreement_id(&concluded.agreement);
        if subject.agreements.iter().any(|known| agreement_id(known) == id) {
            let misstep = Misstep::Registered { kind: "agreement", id };
            return self.refuse_apart(&chamber, actor, ASKED, misstep).await;
        }
        subject.agreements.push(concluded.agreement.clone());
        let access = of_agency(AccessChange::Reinstate, subject.fact(&self.home_of(&chamber, agency)));
        let event = Event::AgreementRecorded { agency: agency.to_owned(), agreement: concluded.clone(), reason };
        let decide = move |decided: &mut Decided, _: &Basis<'_>| {
            decided.reinstate();
            decided.agreements.push(concluded);
        };
        self.change(actor, &chamber, Asked { id: agency.to_owned(), access, answers, event, decide }).await
    }

    /// Ends an agreement with an agency, which is in force for the last time the day before, and suspends its requests.
    ///
    /// # Errors
    /// As [`Casework::record_agreement`]; [`CaseError::OutOfPlace`] for one that is over.
    pub async fn end_agreement(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        agency: &str,
        agreement: &str,
        reason: String,
        answers: BTreeMap<String, Value>,
    ) -> Result<Changed, CaseError> {
        bounded([("agency", agency), ("agreement", agreement)], [("reason", reason.as_str())], &answers)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let _turn = self.turn_for(actor, &chamber, &format!("agency/{jurisdiction}/{agency}"), ASKED).await?;
        let mut subject = chamber.agency(agency).ok_or_else(|| unknown(agency))?;
        let today = chamber.local(self.clock.now()?).today;
        let last = today.yesterday().map_err(|e| CaseError::Invalid(e.to_string()))?;
        let Some(known) = subject.agreements.iter_mut().find(|known| agreement_id(known) == agreement) else {
            let hint = "; GET /v1/{jurisdiction}/agencies lists agreements with their ids";
            return Err(CaseError::Unknown { kind: "agreement", id: agreement.to_owned(), hint });
        };
        if let Some(over) = known.ends.filter(|ends| *ends <= last) {
            let misstep = Misstep::Ended { id: agreement.to_owned(), last: over };
            return self.refuse_apart(&chamber, actor, ASKED, misstep).await;
        }
        known.ends = Some(last);
        let already = subject.suspended_since;
        let access = of_agency(AccessChange::Suspend, subject.fact(&self.home_of(&chamber, agency)));
        let ended = agreement.to_owned();
        let event = Event::AgreementEnded { agency: agency.to_owned(), agreement: agreement.to_owned(), last, reason };
        let decide = move |decided: &mut Decided, basis: &Basis<'_>| {
            decided.ended.insert(ended, last);
            decided.suspend(already.unwrap_or(basis.now), basis.clauses);
        };
        self.change(actor, &chamber, Asked { id: agency.to_owned(), access, answers, event, decide }).await
    }

    /// The agencies of a jurisdiction's registry, with their agreements.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for no such jurisdiction.
    pub async fn agencies(&self, jurisdiction: &str) -> Result<Vec<AgencySeen>, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        let decisions = chamber.decisions.lock().await;
        let seen = |agency: &Agency| AgencySeen {
            concluded: decisions.agency(&agency.id).map(|decided| decided.agreements.clone()).unwrap_or_default(),
            agency: agency.clone(),
        };
        Ok(chamber.registry().agencies.iter().map(seen).collect())
    }
}

fn of_agency(change: AccessChange, agency: facts::Agency) -> facts::Access {
    facts::Access { change, whose: Holder::Agency, party: Party { person: nobody(), agency }, roles: vec![] }
}

fn unknown(agency: &str) -> CaseError {
    CaseError::Unknown { kind: "agency", id: agency.to_owned(), hint: "; register it first" }
}

/// What is said of an agreement, as words to be bounded.
fn agreement_words(concluded: &Concluded) -> Result<impl Iterator<Item = (&str, &str)>, CaseError> {
    let Concluded { agreement, contact, .. } = concluded;
    limits::count("scope", agreement.scope.len(), MOST_SCOPE)?;
    let words = [
        ("kind", &agreement.kind),
        ("contact.name", &contact.name),
        ("contact.address", &contact.address),
        ("contact.phone", &contact.phone),
        ("contact.email", &contact.email),
    ];
    let words = words.into_iter().chain(agreement.scope.iter().map(|word| ("scope", word)));
    Ok(words.map(|(name, word)| (name, word.as_str())))
}

/// Whether this can be an agreement.
fn check(concluded: &Concluded, now: Instant) -> Result<(), CaseError> {
    let Concluded { agreement, contact, .. } = concluded;
    check_names([("kind", &agreement.kind), ("contact.name", &contact.name)])?;
    let further = [("contact.address", &contact.address), ("contact.phone", &contact.phone)];
    let further = further.into_iter().chain([("contact.email", &contact.email)]);
    check_names(further.filter(|(_, given)| !given.is_empty()))?;
    check_names(agreement.scope.iter().map(|word| ("scope", word)))?;
    if agreement.signed > now {
        let message =
            format!("signed is {}, and it is {now}: record the agreement once it is signed", agreement.signed);
        return Err(CaseError::Invalid(message));
    }
    match agreement.ends.filter(|ends| *ends < agreement.starts) {
        Some(ends) => {
            let starts = agreement.starts;
            Err(CaseError::Invalid(format!("the agreement ends on {ends}, before it starts on {starts}")))
        }
        None => Ok(()),
    }
}
