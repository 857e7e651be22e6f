//! A notice on its way: as it goes out, and what became of it.

use super::place;
use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::notices::{Delivery, Enclosure, Notice};
use crate::obligations::{HOST, Owed};
use crate::recovery;
use crate::report::enclosed;
use model::account::{Event, Retained};
use model::registry::{Person, Principal};
use model::rulings::NoticeRule;
use model::terms::Instant;

/// The pause after the first try that failed, in ms; it doubles with each.
const FIRST_PAUSE_MS: u64 = 60_000;

/// The longest pause between tries, in ms: a recipient's server is down for hours, not for days.
const LONGEST_PAUSE_MS: u64 = 6 * 3_600_000;

/// How policies name whoever asked for the search, where they name offices.
const REQUESTER: &str = "requester";

/// What one try came to: who has the notice now, and who has not, with the reason.
type Came = (Vec<String>, Vec<String>);

/// A person whom a notice is for.
struct Addressee {
    /// `jurisdiction/person`, under which they have an address.
    key: String,
    /// For a reader.
    named: String,
}

impl Casework {
    /// Has a notice delivered. It is met once all have it; until then it is tried again, for those who have not.
    pub(super) async fn notify(&self, chamber: &Chamber, owed: Owed, rule: &NoticeRule) -> Result<(), CaseError> {
        let mut notice = self.notice(chamber, &owed, rule).await?;
        let to = notice.to.clone();
        let delivered = match (&self.outbox, self.enclosed(chamber, &owed).await) {
            (Some(outbox), Ok(enclosed)) => {
                enclose(&mut notice, enclosed);
                outbox.deliver(notice).await
            }
            (Some(_), Err(e)) => Err(format!("what goes with it cannot be read: {e}")),
            (None, _) => Err("no outbox is configured: configure one, and the notice goes out".to_owned()),
        };
        // That took its time, and has happened.
        let now = recovery::now(&self.clock);
        let (jurisdiction, obligation) = (chamber.id(), owed.id.clone());
        match delivered {
            Ok(delivery) => {
                let unreached = delivery.unreached.clone();
                let Delivery { channel, recipients, message_id: message, at: delivered, .. } = delivery;
                let had_it = |recipient: &String| owed.reach.reached.contains(recipient);
                let (nobody_new, reach) = (recipients.iter().all(had_it), (recipients.clone(), unreached.clone()));
                let event = Event::Notified {
                    obligation,
                    to,
                    channel,
                    recipients,
                    unreached: unreached.clone(),
                    message,
                    delivered,
                };
                if unreached.is_empty() {
                    if self.record_delivery(chamber, &owed, now, event, |owed| reached(owed, reach, now)).await? {
                        enclosed::forget(chamber, &owed).await;
                    }
                    return Ok(());
                }
                tracing::warn!(jurisdiction, clause = %owed.clause, ?unreached, "a notice does not reach all it is for");
                // That somebody has it is said once.
                let event = if nobody_new {
                    Event::Undelivered { obligation: owed.id.clone(), reason: unreached.join("; ") }
                } else {
                    event
                };
                self.try_again(chamber, &owed, now, event, reach).await
            }
            Err(reason) => {
                tracing::warn!(jurisdiction, clause = %owed.clause, %reason, "a notice was not delivered");
                let reach = (Vec::new(), vec![reason.clone()]);
                self.try_again(chamber, &owed, now, Event::Undelivered { obligation, reason }, reach).await
            }
        }
    }

    /// Records what came of a try after which there has to be another one.
    async fn try_again(
        &self,
        chamber: &Chamber,
        owed: &Owed,
        now: Instant,
        event: Event,
        reach: Came,
    ) -> Result<(), CaseError> {
        self.record_delivery(chamber, owed, now, event, |owed| tried(owed, reach, now)).await.map(drop)
    }

    /// Records what came of a delivery. How the obligation stands then follows from how it stands in its turn, and is not said of
    /// one that was set aside meanwhile. Gives whether that is settled: where it is not, the notice is looked at again.
    async fn record_delivery(
        &self,
        chamber: &Chamber,
        owed: &Owed,
        at: Instant,
        event: Event,
        then: impl FnOnce(Owed) -> Result<store::Kept, CaseError>,
    ) -> Result<bool, CaseError> {
        // Where another host is at it, what came of the delivery is on record all the same, and the notice is looked at again.
        // A long step of this host is waited for: what went out would go out twice.
        let turn = match self.turn(chamber, &place(owed)).await {
            Err(CaseError::OutOfPlace(..)) => None,
            turn => Some(turn?),
        };
        chamber.ledger.settle().await?;
        let row = chamber.store.obligation(owed.filed_under().as_deref(), &owed.id).await?;
        let stands = row.map_or_else(|| Ok(owed.clone()), Owed::read)?;
        if turn.is_some() && stands.is_open() {
            self.record_deed(chamber, &stands, at, event, then).await?;
            return Ok(true);
        }
        let entry = chamber.own_entry(at, Subject::of_request(owed.request.as_deref()), None, event);
        ledger::record(&[&chamber.ledger], entry, vec![]).await?;
        Ok(turn.is_some())
    }

    /// A notice as it goes out.
    async fn notice(&self, chamber: &Chamber, owed: &Owed, rule: &NoticeRule) -> Result<Notice, CaseError> {
        let requester = match &owed.request {
            Some(id) if rule.to.iter().any(|office| office == REQUESTER) => {
                chamber.request_in_store(id).await?.map(|request| request.requester)
            }
            _ => None,
        };
        Ok(notice(owed, rule, requester.map(|requester| self.addressee(&requester))))
    }

    /// A person as a notice names them.
    fn addressee(&self, principal: &Principal) -> Addressee {
        let registry = self.chamber(&principal.jurisdiction).ok().map(|chamber| chamber.registry());
        let known = registry.and_then(|registry| registry.people.iter().find(|p| p.id == principal.person).cloned());
        let key = principal.to_string();
        let named = match known {
            Some(Person { name, unit, agency, .. }) => format!("{name} ({key}), {unit}, {agency}"),
            None => key.clone(),
        };
        Addressee { key, named }
    }
}

/// A notice that everybody has.
fn reached(owed: Owed, (recipients, unreached): Came, now: Instant) -> Result<store::Kept, CaseError> {
    let reach = owed.reach.clone().after(&recipients, unreached);
    Owed { reach, ..owed }.met(HOST, now)
}

/// A notice after a try after which there has to be another one.
fn tried(owed: Owed, (recipients, unreached): Came, now: Instant) -> Result<store::Kept, CaseError> {
    let reach = owed.reach.clone().after(&recipients, unreached);
    let pause = FIRST_PAUSE_MS.saturating_mul(1 << owed.tries.min(20)).min(LONGEST_PAUSE_MS);
    let next = now.plus_ms(pause);
    // Not past its deadline unlooked at.
    let wake = owed.due.filter(|due| *due > now).map_or(next, |due| due.min(next));
    let was = owed.wake;
    let row = Owed { tries: owed.tries.saturating_add(1), reach, wake: Some(wake), ..owed }.row()?;
    Ok(store::Kept::Settled { row, was })
}

/// A notice after what is on record of a try at this moment; none where the event is of no try.
pub(crate) fn after(owed: Owed, event: &Event, now: Instant) -> Result<Option<store::Kept>, CaseError> {
    let (recipients, unreached) = match event {
        Event::Notified { recipients, unreached, .. } => (recipients.clone(), unreached.clone()),
        Event::Undelivered { reason, .. } => (Vec::new(), vec![reason.clone()]),
        _ => return Ok(None),
    };
    let all = unreached.is_empty();
    let came = (recipients, unreached);
    let kept = if all { reached(owed, came, now)? } else { tried(owed, came, now)? };
    Ok(Some(kept))
}

fn notice(owed: &Owed, rule: &NoticeRule, requester: Option<Addressee>) -> Notice {
    let mut body = format!("{}\n\nJurisdiction: {}\nClause: {}\n", rule.about, owed.jurisdiction, owed.clause);
    if let Some(request) = &owed.request {
        body += &format!("Request: {request}\n");
    }
    if let Some(requester) = &requester {
        body += &format!("Requester: {}\n", requester.named);
    }
    if let Some(Retained { subject, record, .. }) = &owed.about {
        body += &format!("Record: {subject} {record}\n");
    }
    body += &format!("Since: {}\n", owed.since);
    if let Some(due) = owed.due {
        body += &format!("To be delivered by: {due}\n");
    }
    let whom = |office: &String| match &requester {
        Some(requester) if office == REQUESTER => requester.key.clone(),
        _ => office.clone(),
    };
    Notice {
        // The obligation's id is unique in its request only.
        id: format!("{}.{}", owed.request.as_deref().unwrap_or(&owed.jurisdiction), owed.id),
        jurisdiction: owed.jurisdiction.clone(),
        to: rule.to.iter().map(whom).collect(),
        reached: owed.reach.reached.clone(),
        subject: rule.about.clone(),
        body,
        clause: owed.clause.to_string(),
        due: owed.due,
        enclosed: vec![],
    }
}

/// Puts files to a notice, and their names under what it says.
fn enclose(notice: &mut Notice, files: Vec<Enclosure>) {
    for Enclosure { name, .. } in &files {
        notice.body += &format!("Enclosed: {name}\n");
    }
    notice.enclosed = files;
}
