//! A notice on its way: as it goes out, and what became of it.

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::notices::{Delivery, Notice};
use crate::obligations::{Owed, Reach};
use crate::recovery;
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
        let notice = self.notice(chamber, &owed, rule).await?;
        let to = notice.to.clone();
        let delivered = match &self.outbox {
            Some(outbox) => outbox.deliver(notice).await,
            None => Err("no outbox is configured: configure one, and the notice goes out".to_owned()),
        };
        // That took its time, and has happened.
        let now = recovery::now(&self.clock);
        let (jurisdiction, obligation) = (chamber.id(), owed.id.clone());
        match delivered {
            Ok(delivery) => {
                let unreached = delivery.unreached.clone();
                let reach = owed.reach.clone().after(&delivery.recipients, unreached.clone());
                let nobody_new = reach.reached == owed.reach.reached;
                let Delivery { channel, recipients, message_id: message, at: delivered, .. } = delivery;
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
                    let all = |owed: Owed| Owed { reach, ..owed }.met("host", now);
                    return self.record_delivery(chamber, &owed, now, event, all).await;
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
                let reach = owed.reach.clone().after(&[], vec![reason.clone()]);
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
        reach: Reach,
    ) -> Result<(), CaseError> {
        let pause = FIRST_PAUSE_MS.saturating_mul(1 << owed.tries.min(20)).min(LONGEST_PAUSE_MS);
        let next = now.plus_ms(pause);
        // Not past its deadline unlooked at.
        let wake = owed.due.filter(|due| *due > now).map_or(next, |due| due.min(next));
        let tried = |owed: Owed| Owed { tries: owed.tries.saturating_add(1), reach, ..owed }.again(Some(wake));
        self.record_delivery(chamber, owed, now, event, tried).await
    }

    /// Records what came of a delivery. How the obligation stands then is not said of one that was set aside meanwhile.
    async fn record_delivery(
        &self,
        chamber: &Chamber,
        owed: &Owed,
        at: Instant,
        event: Event,
        then: impl FnOnce(Owed) -> Result<store::Kept, CaseError>,
    ) -> Result<(), CaseError> {
        // Where another host is at it, what came of the delivery is on record all the same, and the notice is looked at again.
        let turn = self.turn_of(chamber, owed).await?;
        chamber.ledger.settle().await?;
        let row = chamber.store.obligation(owed.filed_under().as_deref(), &owed.id).await?;
        if turn.is_some() && row.is_none_or(|row| row.open) {
            return self.record_deed(chamber, owed, at, event, then).await;
        }
        let entry = chamber.own_entry(at, Subject::of_request(owed.request.as_deref()), None, event);
        ledger::record(&[&chamber.ledger], entry, vec![]).await.map(drop)
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
    }
}
