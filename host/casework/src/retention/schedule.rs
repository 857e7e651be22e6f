//! What has to be purged, when it is due; and what there is on record of records, for those who keep them.
//!
//! A purge is a step like any other, and takes somebody who may. The host takes it as the person whom the configuration names
//! in the jurisdiction's standing order: judged as theirs, recorded as theirs, from a device that is a service. Without a
//! standing order, and when it is refused, the purge is overdue, says so every day, and waits for somebody. It is tried an hour
//! before its last moment, which is when the day ends after which it would be late.

use super::around::Around;
use super::range::EntryRange;
use super::{AUDIT_ENTRY, Asking, Change, Docket, Done};
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::obligations::{HOST, Owed};
use model::account::{Event, Retained};
use model::facts::Device;
use model::registry::Principal;
use model::rulings::{Duty, PurgeRule};
use model::terms::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// When a purge that could not be carried out is tried again, in ms: a day.
const AGAIN_MS: u64 = 24 * 3_600_000;

/// As the entry calls it that a purge is not carried out before it is due, or waits for what is held.
pub(crate) const WAITS: &str = "purge-waits";

/// As the entry calls it that a purge which is due is not carried out.
pub(crate) const PUT_OFF: &str = "purge-put-off";

/// What a purge waits for that is looked at when that is over, and not before.
const HELD: &str = "it is held as evidence and was not exported";

/// What `/readyz` says while nobody is named to order purges.
const NO_ORDER: &str = "purges";

/// One record, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What is on record of it.
    #[serde(flatten)]
    pub docket: Docket,
    /// When it has to be purged at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Instant>,
}

impl Casework {
    /// Every record of a jurisdiction that something was said of, or that has to be purged, the most urgent first.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn dockets(&self, jurisdiction: &str) -> Result<Vec<Listed>, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        let owed = self.obligations(jurisdiction).await?;
        let mut listed = BTreeMap::new();
        for row in chamber.store.retentions().await? {
            let docket = Docket::read(row)?;
            listed.insert(docket.record.clone(), Listed { docket, due: None });
        }
        for owed in owed {
            let Duty::Purge(rule) = &owed.duty else { continue };
            let Some(record) = to_purge(&owed, rule) else { continue };
            let known =
                listed.entry(record.clone()).or_insert_with(|| Listed { docket: Docket::new(record), due: None });
            // The most urgent comes first.
            known.due = known.due.or(owed.due);
        }
        let mut listed: Vec<Listed> = listed.into_values().collect();
        listed.sort_by_key(|l| l.due.unwrap_or(Instant(u64::MAX)));
        Ok(listed)
    }

    /// Carries out a purge that is due. Whoever calls has the turn of what the obligation is filed under.
    pub(crate) async fn purge_when_due(
        &self,
        chamber: &Chamber,
        owed: Owed,
        rule: &PurgeRule,
        now: Instant,
    ) -> Result<(), CaseError> {
        let Some(record) = to_purge(&owed, rule) else {
            return self.put_off(chamber, owed, now, "it is not on record what has to be purged".to_owned()).await;
        };
        if record.subject == AUDIT_ENTRY && record.gallery.is_none() && chamber.store.of_several_hosts() {
            // From before logs were told apart: each host has such entries, and one of them has to lose its own.
            let reason = "it is not on record of which log they are: purge them at the host of that log".to_owned();
            return self.put_off(chamber, owed, now, reason).await;
        }
        let docket = Docket::of(chamber, &record).await?;
        // What names no entries is for the purge itself to refuse.
        let around = match EntryRange::of(&record) {
            Ok(Some(range)) => Around::read(chamber, range).await?,
            _ => Around::default(),
        };
        if let Some(at) = docket.as_ref().and_then(|d| d.purged).or(around.purged()) {
            let note = format!("it was destroyed at {at}");
            let event = Event::Completed { obligation: owed.id.clone(), note };
            return self.record_deed(chamber, &owed, now, event, |owed| owed.met(HOST, now)).await;
        }
        if self.waits_for_evidence(chamber, &owed, &record, docket.as_ref(), &around).await? {
            let event = said(WAITS, &owed, HELD.to_owned());
            let wake = looked_at_again(&owed, WAITS, HELD, now);
            return self.record_deed(chamber, &owed, now, event, |owed| owed.again(wake)).await;
        }
        let actor = match self.standing_order(chamber).await {
            Ok(actor) => actor,
            Err(CaseError::Rejected(reason)) => return self.put_off(chamber, owed, now, reason.to_string()).await,
            Err(e) => return Err(e),
        };
        let owner = self.chamber(chamber.id())?.clone();
        let asking = Asking { change: Change::Purge, record, day: None, answers: BTreeMap::new() };
        match self.retain(&actor, &owner, asking).await {
            Ok(Done { pending: false, .. }) => Ok(()),
            Ok(_) => self.put_off(chamber, owed, now, "it waits for an approval".to_owned()).await,
            Err(
                e @ (CaseError::Clock(_)
                | CaseError::Log(_)
                | CaseError::Unwritten(_)
                | CaseError::Store(_)
                | CaseError::Unreadable(_)
                | CaseError::Fault(_)
                | CaseError::Stopping),
            ) => Err(e),
            Err(e) => self.put_off(chamber, owed, now, e.to_string()).await,
        }
    }

    /// Whether a record is held as evidence, by a step or by a decision, and is not on portable media.
    async fn waits_for_evidence(
        &self,
        chamber: &Chamber,
        owed: &Owed,
        record: &Retained,
        docket: Option<&Docket>,
        around: &Around,
    ) -> Result<bool, CaseError> {
        if docket.is_some_and(|d| d.exported.is_some()) || around.exported().is_some() {
            return Ok(false);
        }
        if docket.is_some_and(|d| d.held.is_some()) || around.held() {
            return Ok(true);
        }
        let Some(filed) = owed.filed_under() else { return Ok(false) };
        for row in chamber.store.obligations_of_request(&filed).await? {
            let other = Owed::read(row)?;
            if other.is_open() && matches!(&other.duty, Duty::Hold(rule) if rule.subject == record.subject) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The person by whose standing order this jurisdiction's purges are carried out.
    ///
    /// # Errors
    /// [`CaseError::Rejected`] where nobody is named, or they may not act.
    async fn standing_order(&self, chamber: &Chamber) -> Result<Registered, CaseError> {
        let named = self.means.get(chamber.id()).and_then(|means| means.purge_as.clone());
        let Some(person) = named else {
            let reason = format!(
                "nobody is named by whose standing order it is carried out: set purge_as under [jurisdictions.{}], or \
                 have somebody purge it",
                chamber.id()
            );
            chamber.troubles.set(NO_ORDER, format!("a purge is overdue: {reason}"));
            return Err(CaseError::Rejected(reason.into()));
        };
        chamber.troubles.clear(NO_ORDER);
        let jurisdiction = chamber.id().to_owned();
        self.registered(&Principal { jurisdiction, person, device: Device::Service }).await
    }

    /// Says that a purge is late and why it was not carried out, and looks again tomorrow.
    async fn put_off(&self, chamber: &Chamber, owed: Owed, now: Instant, reason: String) -> Result<(), CaseError> {
        if owed.due.is_some_and(|due| due > now) {
            let wake = looked_at_again(&owed, WAITS, &reason, now);
            let event = said(WAITS, &owed, reason);
            return self.record_deed(chamber, &owed, now, event, |owed| owed.again(wake)).await;
        }
        let owed = self.say_overdue(chamber, owed, now).await?;
        tracing::warn!(jurisdiction = chamber.id(), clause = %owed.clause, %reason, "a purge was not carried out");
        let wake = looked_at_again(&owed, PUT_OFF, &reason, now);
        let event = said(PUT_OFF, &owed, reason);
        self.record_deed(chamber, &owed, now, event, |owed| owed.again(wake)).await
    }
}

/// When the host looks at a purge again that it did not carry out now, by what it says of it.
pub(crate) fn looked_at_again(owed: &Owed, act: &str, because: &str, now: Instant) -> Option<Instant> {
    match (act, because) {
        // Until the hold is lifted, or the record exported.
        (WAITS, HELD) => None,
        // It was tried early, so as not to be late: it is tried again when it is due.
        (WAITS, _) => owed.due,
        _ => Some(now.plus_ms(AGAIN_MS)),
    }
}

/// What the host did about a purge instead of carrying it out, and why.
fn said(act: &str, owed: &Owed, because: String) -> Event {
    let details = BTreeMap::from([
        ("obligation".to_owned(), owed.id.clone()),
        ("clause".to_owned(), owed.clause.to_string()),
        ("because".to_owned(), because),
    ]);
    Event::Host { act: act.to_owned(), details }
}

/// What an obligation wants purged.
fn to_purge(owed: &Owed, rule: &PurgeRule) -> Option<Retained> {
    let subject = rule.subject.clone();
    match (&owed.request, &owed.about) {
        (Some(request), _) => Some(Retained { subject, gallery: None, record: request.clone() }),
        (None, Some(about)) => Some(Retained { subject, ..about.clone() }),
        (None, None) => None,
    }
}
