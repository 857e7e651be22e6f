//! Who somebody is, as the registry of their jurisdiction has it, and what is on record of those who may not even ask.

use super::{Casework, Chamber};
use crate::error::{CaseError, Rejection};
use crate::ledger::{self, Entry, Ledger, Subject};
use crate::recovery;
use model::account::{Event, Kind, Who};
use model::facts::Device;
use model::registry::{Agency, Person, Principal, Registry};
use model::subject::Text;
use model::terms::{Holder, Instant, check_id};
use std::sync::Arc;

/// What calls that were not heard are called in a rejection.
const UNHEARD: &str = "calls that were not heard";

/// A person who authenticated and is registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// As the certificate says.
    pub principal: Principal,
    /// As the registry says, with those roles alone that count today in the calendar of their jurisdiction.
    pub person: Person,
    /// Their agency, as their own jurisdiction knows it.
    pub agency: Agency,
    // Every entry of what they do says both (STL E.2.a, DET 7(9)a).
    name: Text,
    unit: Text,
}

impl Registered {
    /// Somebody who is registered with a name and a unit. Whoever lacks one of them can do nothing that an entry has to say in full.
    pub(crate) fn of(principal: Principal, person: Person, agency: Agency) -> Option<Self> {
        let (name, unit) = (Text::new(&person.name)?, Text::new(&person.unit)?);
        Some(Self { principal, person, agency, name, unit })
    }

    /// As an audit entry names them.
    pub fn who(&self) -> Who {
        Who {
            jurisdiction: self.principal.jurisdiction.clone(),
            person: self.person.id.clone(),
            name: self.name.as_str().to_owned(),
            unit: self.unit.as_str().to_owned(),
            agency: self.agency.id.clone(),
        }
    }

    /// Whether they hold a role, and it counts.
    pub fn holds(&self, role: &str) -> bool {
        self.person.roles.iter().any(|held| held.role == role)
    }

    /// The key under which their searches are counted.
    pub fn key(&self) -> String {
        self.principal.to_string()
    }
}

impl Casework {
    /// Finds the person a certificate names.
    ///
    /// # Errors
    /// [`CaseError::Rejected`] for somebody unknown or suspended, which is recorded in the log of the jurisdiction that
    /// the certificate names; [`CaseError::Store`] where it cannot be learnt what other hosts changed; [`CaseError::Clock`] while
    /// it is not known which day it is.
    pub async fn registered(&self, principal: &Principal) -> Result<Registered, CaseError> {
        self.registered_for(principal, &principal.jurisdiction, "authentication", None).await
    }

    /// The same for what they ask of a jurisdiction, another one or one that is not served. `asked` is what a rejection calls
    /// it, and `request` the request that they named, if any.
    ///
    /// # Errors
    /// As [`Casework::registered`]. The rejection is also in the log of the jurisdiction that was asked, which is told that it
    /// was nobody who may act, and not why.
    pub async fn registered_for(
        &self,
        principal: &Principal,
        jurisdiction: &str,
        asked: &str,
        request: Option<&str>,
    ) -> Result<Registered, CaseError> {
        let Principal { jurisdiction: home, person, .. } = principal;
        let elsewhere = self.chambers.get(jurisdiction).filter(|chamber| chamber.id() != home);
        let Some(chamber) = self.chambers.get(home) else {
            let reason = format!("the certificate names the jurisdiction `{home}`, which this host does not serve");
            let mut rejection = Rejection::from(reason);
            if let Some(elsewhere) = elsewhere {
                let who = as_certified(home, person);
                rejection = self.record_rejection(&[elsewhere], who, about(request), asked, rejection).await?;
            }
            return Err(CaseError::Rejected(rejection));
        };
        // In every jurisdiction: a step may concern any.
        self.catch_up_all().await?;
        match person_of(chamber, principal, self.clock.now()?) {
            Ok(registered) => Ok(registered),
            Err(why) => {
                let who = as_certified(home, person);
                let rejection = self.record_rejection(&[chamber], who.clone(), about(request), asked, why).await?;
                if let Some(elsewhere) = elsewhere {
                    let told = nobody_who_may(principal);
                    self.record_rejection(&[elsewhere], who, about(request), asked, told).await?;
                }
                Err(CaseError::Rejected(rejection))
            }
        }
    }

    /// Why the person by whose standing order a jurisdiction's purges are carried out may not act, as far as this host knows;
    /// absent where they may, and where nobody is named.
    pub fn idle_order(&self, jurisdiction: &str) -> Option<String> {
        let person = self.means.get(jurisdiction)?.purge_as.clone()?;
        let principal = Principal { jurisdiction: jurisdiction.to_owned(), person, device: Device::Service };
        let now = recovery::now(&self.clock);
        let reason = person_of(self.chambers.get(jurisdiction)?, &principal, now).err()?;
        Some(format!("purge_as under [jurisdictions.{jurisdiction}] names somebody who may not act: {reason}"))
    }

    /// Records what was asked of a jurisdiction by nobody who is known: with a certificate that names nobody, or without one.
    /// `request` is the request that was named, if any. Where the jurisdiction is not served there is no log for it.
    ///
    /// # Errors
    /// Why it could not be recorded.
    pub async fn reject_nobody(
        &self,
        jurisdiction: &str,
        asked: &str,
        request: Option<&str>,
        reason: &str,
    ) -> Result<(), CaseError> {
        let Some(chamber) = self.chambers.get(jurisdiction) else { return Ok(()) };
        self.record_rejection(&[chamber], as_certified("", ""), about(request), asked, reason).await.map(drop)
    }

    /// Records that calls were not heard: they are on record together, and no other way. `reason` says how many and why; whoever
    /// made them is named as far as their certificate does. Where the jurisdiction is not served there is no log for it.
    ///
    /// # Errors
    /// Why it could not be recorded.
    pub async fn record_unheard(
        &self,
        principal: Option<&Principal>,
        jurisdiction: &str,
        reason: &str,
    ) -> Result<(), CaseError> {
        let Some(chamber) = self.chambers.get(jurisdiction) else { return Ok(()) };
        let (home, person) = principal.map_or(("", ""), |p| (p.jurisdiction.as_str(), p.person.as_str()));
        self.record_rejection(&[chamber], as_certified(home, person), Subject::Apart, UNHEARD, reason).await.map(drop)
    }

    /// Somebody of the same or another jurisdiction on whose behalf a step is taken. Why somebody may not act is told to
    /// whoever asks from their own jurisdiction: to anybody else they are nobody who may.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], unrecorded; [`CaseError::Clock`] while it is not known which day it is.
    pub(crate) fn other(&self, asker: &Registered, principal: &Principal) -> Result<Registered, CaseError> {
        let chamber = self.chamber(&principal.jurisdiction)?;
        person_of(chamber, principal, self.clock.now()?).map_err(|why| {
            let own = asker.principal.jurisdiction == principal.jurisdiction;
            CaseError::Rejected(if own { why } else { nobody_who_may(principal) })
        })
    }

    /// A person as the registry knows them, suspended or not, with the roles that count now: of a record of theirs more is said
    /// than they may do.
    pub(crate) fn known(&self, principal: &Principal, now: Instant) -> Option<Registered> {
        let chamber = self.chambers.get(&principal.jurisdiction)?;
        of_registry(chamber, &chamber.roll.load().registry, principal, now).ok()
    }

    /// Records that somebody asked for what they may not even ask, and says so. `request` is the request that they named, if any.
    ///
    /// # Errors
    /// Always: [`CaseError::Rejected`], or why it could not be recorded.
    pub async fn reject<T>(
        &self,
        jurisdiction: &str,
        asker: &Registered,
        asked: &str,
        request: Option<&str>,
        reason: &str,
    ) -> Result<T, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        self.reject_in(&[chamber], asker, about(request), asked, reason).await
    }

    /// The same, on record in the log of each of these jurisdictions, with what else is known of its subject, and the clauses
    /// that it follows from.
    ///
    /// # Errors
    /// As [`Casework::reject`].
    pub(crate) async fn reject_in<T>(
        &self,
        chambers: &[&Arc<Chamber>],
        asker: &Registered,
        subject: Subject,
        asked: &str,
        why: impl Into<Rejection>,
    ) -> Result<T, CaseError> {
        Err(CaseError::Rejected(self.record_rejection(chambers, asker.who(), subject, asked, why).await?))
    }

    /// Records that somebody may not act, for whom `asker` asked or who it is, and says so: why is for the log of their own
    /// jurisdiction, and any other of these is told that it was nobody who may. `asked` and `so` are what a rejection calls the
    /// step, and what it says before either.
    ///
    /// # Errors
    /// As [`Casework::reject`].
    pub(crate) async fn reject_idle<T>(
        &self,
        chambers: &[&Arc<Chamber>],
        asker: &Registered,
        idle: &Principal,
        subject: Subject,
        (asked, so): (&str, &str),
        why: &Rejection,
    ) -> Result<T, CaseError> {
        let said = why.after(so);
        if asker.principal.jurisdiction != idle.jurisdiction {
            // Why was not told to whoever asked ([`Casework::other`]).
            return self.reject_in(chambers, asker, subject, asked, said).await;
        }
        let home = self.chamber(&idle.jurisdiction)?;
        let rejection = self.record_rejection(&[home], asker.who(), subject.clone(), asked, said).await?;
        let elsewhere: Vec<_> = chambers.iter().copied().filter(|chamber| chamber.id() != home.id()).collect();
        if !elsewhere.is_empty() {
            let told = nobody_who_may(idle).after(so);
            self.record_rejection(&elsewhere, asker.who(), subject, asked, told).await?;
        }
        Err(CaseError::Rejected(rejection))
    }

    async fn record_rejection(
        &self,
        chambers: &[&Arc<Chamber>],
        who: Who,
        subject: Subject,
        asked: &str,
        why: impl Into<Rejection>,
    ) -> Result<Rejection, CaseError> {
        let why: Rejection = why.into();
        let at = self.clock.now()?;
        let event = Event::Rejected { asked: asked.to_owned(), reason: why.to_string() };
        let entry = Entry { kind: Kind::Rejection, who, at, subject, of: None, event };
        let ledgers: Vec<&Ledger> = chambers.iter().map(|chamber| &chamber.ledger).collect();
        let receipt = ledger::record(&ledgers, entry, vec![]).await?.receipt()?;
        Ok(why.recorded(receipt))
    }
}

/// The request that somebody named, whether or not there is such a one. What could be no request's id is none.
pub(crate) fn about(request: Option<&str>) -> Subject {
    Subject::of_request(request.filter(|id| check_id(id).is_ok()))
}

/// Somebody of whom only the certificate says anything.
fn as_certified(jurisdiction: &str, person: &str) -> Who {
    Who {
        jurisdiction: jurisdiction.to_owned(),
        person: person.to_owned(),
        name: String::new(),
        unit: String::new(),
        agency: String::new(),
    }
}

/// What another jurisdiction is told of somebody who may not act.
fn nobody_who_may(principal: &Principal) -> Rejection {
    let Principal { jurisdiction, person, .. } = principal;
    format!("`{person}` is nobody of `{jurisdiction}` who may act now: ask that jurisdiction").into()
}

/// Somebody of the registry who may act, or why not.
fn person_of(chamber: &Chamber, principal: &Principal, now: Instant) -> Result<Registered, Rejection> {
    let roll = chamber.roll.load();
    let found = of_registry(chamber, &roll.registry, principal, now)?;
    if let Some(since) = found.person.suspended_since {
        let (id, jurisdiction) = (&found.person.id, &chamber.id);
        return Err(roll.grounds.refuse(jurisdiction, Holder::Person, id, |by| {
            format!(
                "`{id}` is suspended since {since} {by}: have them reinstated first, by somebody whom the policy of \
                 `{jurisdiction}` lets do so, or have somebody else take the step"
            )
        }));
    }
    Ok(found)
}

/// A person as the registry knows them, suspended or not, with the roles that count now; or what the registry lacks.
fn of_registry(
    chamber: &Chamber,
    registry: &Registry,
    principal: &Principal,
    now: Instant,
) -> Result<Registered, Rejection> {
    let Some(person) = registry.people.iter().find(|p| p.id == principal.person) else {
        return Err(format!(
            "`{}` is not in the registry of `{}`: have the registrar add them",
            principal.person, chamber.id
        )
        .into());
    };
    let Some(agency) = registry.agencies.iter().find(|a| a.id == person.agency) else {
        return Err(format!("the agency `{}` of `{}` is not in the registry", person.agency, person.id).into());
    };
    let (id, person) = (&person.id, person.clone().on(chamber.local(now).today));
    Registered::of(principal.clone(), person, agency.clone()).ok_or_else(|| {
        format!("the registry does not say the name and the unit of `{id}`: have the registrar add them").into()
    })
}
