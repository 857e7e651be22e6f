//! Who sees what of a jurisdiction's cases and records, and that they looked is on record.
//!
//! Steps are for the policies to judge. A view or a list is no step: the host shows no more of it than somebody needs for what
//! they may be asked to do.
//!
//! | who | sees |
//! |---|---|
//! | people who hold a role, of an agency that takes part in the jurisdiction by standing arrangement | all |
//! | others of the jurisdiction: of another agency, or without a role | requests that they made or took a permitted step of, what they owe, records that they said something of, their own agency, themselves |
//! | people of a suspended agency | nothing |
//!
//! Roles and agencies come into the registry by steps that the policy judges, so it is the policy that lets anybody see more.

use crate::agreements::AgencySeen;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::{CaseError, Rejection};
use crate::ledger::{self, Entry, Subject};
use crate::obligations::Owed;
use crate::retention::{AUDIT_ENTRY, GALLERY_RECORD, Listed};
use crate::signatures::is;
use model::account::{Event, Kind, Who};
use model::registry::Person;
use model::terms::{Holder, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Registered {
    /// Whether more is shown to them of their jurisdiction's cases than what concerns them.
    pub(crate) fn sees_all(&self) -> bool {
        self.agency.participant && !self.person.roles.is_empty()
    }

    /// Whether an obligation is theirs to meet: of their jurisdiction, and of a role that they hold.
    pub(crate) fn owes(&self, owed: &Owed) -> bool {
        owed.jurisdiction == self.principal.jurisdiction && self.holds(&owed.owner)
    }
}

impl Chamber {
    /// Whether somebody is shown nothing here, as their agency is suspended: in this jurisdiction, or in their own.
    pub(crate) fn shows_nothing_to(&self, asker: &Registered) -> bool {
        self.suspension_of(asker).is_some()
    }

    /// Since when somebody's agency is suspended, in this jurisdiction or in their own; and whether it is in this one.
    fn suspension_of(&self, asker: &Registered) -> Option<(Instant, bool)> {
        let here = self.agency(&asker.agency.id).and_then(|agency| agency.suspended_since);
        here.map(|since| (since, true)).or(asker.agency.suspended_since.map(|since| (since, false)))
    }
}

impl Casework {
    /// Records that somebody is about to be shown something of a jurisdiction: `asked` says what, `parameters` which of it.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], recorded, for people of a suspended agency; [`CaseError::Log`] when the look cannot be
    /// recorded: then nothing may be shown.
    pub async fn record_look(
        &self,
        asker: &Registered,
        jurisdiction: &str,
        asked: &str,
        parameters: BTreeMap<String, String>,
    ) -> Result<(), CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        let event = Event::Surveyed { asked: asked.to_owned(), parameters };
        self.looks(chamber, asker, asked, Subject::Apart, event).await
    }

    /// The same, of this subject and as this event. Every look is recorded here.
    ///
    /// # Errors
    /// As [`Casework::record_look`].
    pub(crate) async fn looks(
        &self,
        chamber: &Arc<Chamber>,
        asker: &Registered,
        asked: &str,
        subject: Subject,
        event: Event,
    ) -> Result<(), CaseError> {
        self.looks_at(chamber, asker, asked, subject, event, self.clock.now()?).await
    }

    /// The same as of this moment.
    ///
    /// # Errors
    /// As [`Casework::record_look`].
    pub(crate) async fn looks_at(
        &self,
        chamber: &Arc<Chamber>,
        asker: &Registered,
        asked: &str,
        subject: Subject,
        event: Event,
        at: Instant,
    ) -> Result<(), CaseError> {
        if let Some((registrar, why)) = self.of_a_suspended_agency(chamber, asker)? {
            if registrar == chamber.id() {
                return self.reject_in(&[chamber], asker, subject, asked, why).await;
            }
            return self.reject_idle(&[chamber], asker, &asker.principal, subject, (asked, ""), &why).await;
        }
        let entry = Entry { kind: Kind::Look, who: asker.who(), at, subject, of: None, event };
        ledger::record(&[&chamber.ledger], entry, vec![]).await.map(drop)
    }

    /// Why nothing is shown to somebody whose agency is suspended, and where it is: in this jurisdiction, or in their own. Nothing
    /// where it is not.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for a jurisdiction that is not served.
    fn of_a_suspended_agency<'c>(
        &'c self,
        chamber: &'c Chamber,
        asker: &Registered,
    ) -> Result<Option<(&'c str, Rejection)>, CaseError> {
        let agency = asker.agency.id.as_str();
        let Some((since, is_here)) = chamber.suspension_of(asker) else { return Ok(None) };
        let registrar = if is_here { chamber } else { &**self.chamber(&asker.principal.jurisdiction)? };
        let jurisdiction = registrar.id();
        let why = registrar.refuse_suspended(Holder::Agency, agency, |by| {
            format!(
                "the agency `{agency}` is suspended since {since} {by}, and its people are shown nothing: have it reinstated first, \
                 by somebody whom the policy of `{jurisdiction}` lets do so"
            )
        });
        Ok(Some((jurisdiction, why)))
    }

    /// Of the obligations that are still to be met, those that somebody of the jurisdiction is shown: the most urgent first. Of
    /// the latest requests, those that were met once and count no more are among them. That they look has been recorded.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn obligations_for(&self, asker: &Registered, jurisdiction: &str) -> Result<Vec<Owed>, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        let mut all = self.obligations(jurisdiction).await?;
        all.extend(self.open_again(chamber, asker).await?);
        all.sort_by_key(Owed::urgency);
        if asker.sees_all() {
            return Ok(all);
        }
        let mut own = Own::of(chamber, asker);
        let mut shown = Vec::new();
        for owed in all {
            let owes = asker.owes(&owed);
            let made = match &owed.request {
                Some(request) if !owes => own.made(request).await?,
                _ => false,
            };
            if owes || made {
                shown.push(owed);
            }
        }
        Ok(shown)
    }

    /// Of the records that something was said of, those that somebody of the jurisdiction is shown: the most urgent first. That
    /// they look has been recorded.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn dockets_for(&self, asker: &Registered, jurisdiction: &str) -> Result<Vec<Listed>, CaseError> {
        let all = self.dockets(jurisdiction).await?;
        if asker.sees_all() {
            return Ok(all);
        }
        let mut own = Own::of(self.chamber(jurisdiction)?, asker);
        let mut shown = Vec::new();
        for listed in all {
            let record = &listed.docket.record;
            let of_request = record.subject != GALLERY_RECORD && record.subject != AUDIT_ENTRY;
            if listed.docket.names(&own.me) || (of_request && own.made(&record.record).await?) {
                shown.push(listed);
            }
        }
        Ok(shown)
    }

    /// Of the agencies of a registry, those that somebody of the jurisdiction is shown. That they look has been recorded.
    ///
    /// # Errors
    /// As [`Casework::agencies`].
    pub async fn agencies_for(&self, asker: &Registered, jurisdiction: &str) -> Result<Vec<AgencySeen>, CaseError> {
        let mut shown = self.agencies(jurisdiction).await?;
        shown.retain(|seen| asker.sees_all() || seen.agency.id == asker.agency.id);
        Ok(shown)
    }

    /// Of the people of a registry, suspended or not, those that somebody of the jurisdiction is shown: with every role they hold,
    /// those included that do not count yet, or not any more. That they look has been recorded.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for no such jurisdiction.
    pub fn people_for(&self, asker: &Registered, jurisdiction: &str) -> Result<Vec<Person>, CaseError> {
        let mut shown = self.chamber(jurisdiction)?.registry().people.clone();
        shown.retain(|person| asker.sees_all() || person.id == asker.person.id);
        Ok(shown)
    }
}

/// Which requests are somebody's own, each looked up once.
struct Own<'c> {
    chamber: &'c Chamber,
    me: Who,
    known: BTreeMap<String, bool>,
}

impl<'c> Own<'c> {
    fn of(chamber: &'c Chamber, asker: &Registered) -> Self {
        Self { chamber, me: asker.who(), known: BTreeMap::new() }
    }

    /// Whether they asked for it, or it was asked for on their behalf.
    async fn made(&mut self, request: &str) -> Result<bool, CaseError> {
        if let Some(known) = self.known.get(request) {
            return Ok(*known);
        }
        let found = self.chamber.request_in_store(request).await?;
        let made = found.is_some_and(|found| is(&self.me, &found.requester));
        self.known.insert(request.to_owned(), made);
        Ok(made)
    }
}
