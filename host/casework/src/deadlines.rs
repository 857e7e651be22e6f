//! What the host does by itself as time passes: it delivers notices, and says of obligations that they are late.
//!
//! Each pass looks at those obligations whose moment has come by the host's clock. A notice is handed to the outbox, and tried
//! again with growing pauses while it cannot be delivered; every try is on record. Whatever is not met by its deadline is
//! recorded as overdue, once, and stays to be met. What had to be kept for a time has been; what has to be purged is purged. A
//! pruning of the log that broke off is finished. Of an entry that another log did not take it is said that nothing came of it.

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Entry, Subject};
use crate::notices::{Delivery, Notice};
use crate::obligations::{Owed, Standing};
use crate::retention::turn_of;
use model::account::{Event, Kind, Retained};
use model::rulings::{Duty, NoticeRule};
use model::terms::Instant;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the clock is looked at. Deadlines are hours.
const EVERY: Duration = Duration::from_secs(60);

/// The pause after the first try that failed, in ms; it doubles with each.
const FIRST_PAUSE_MS: u64 = 60_000;

/// The longest pause between tries, in ms: a recipient's server is down for hours, not for days.
const LONGEST_PAUSE_MS: u64 = 6 * 3_600_000;

/// Passes until `stop` turns true: every minute, and at once when a decision demands a notice.
pub async fn keep(casework: Arc<Casework>, mut stop: watch::Receiver<bool>) {
    loop {
        casework.pass_deadlines().await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = casework.stir.notified() => {}
            () = told(&mut stop) => return,
        }
    }
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody left to say stop counts as a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Casework {
    /// One pass over every jurisdiction. What fails is tried again in the next one. Gives how many obligations were dealt
    /// with.
    pub async fn pass_deadlines(&self) -> usize {
        let mut dealt = 0;
        for chamber in self.chambers() {
            match self.pass(chamber).await {
                Ok(n) => dealt += n,
                Err(e) => tracing::warn!(jurisdiction = chamber.id(), %e, "deadlines could not be looked at"),
            }
        }
        dealt
    }

    async fn pass(&self, chamber: &Chamber) -> Result<usize, CaseError> {
        let now = self.clock.now()?;
        chamber.ledger.settle().await?;
        let due = chamber.store.open_obligations(Some(now)).await?;
        let mut dealt = 0;
        for row in due {
            // A step of the request may be about to meet it: it is looked at in the request's turn, as it stands then.
            let turn = self.turns.take(row.request.as_deref().map_or(row.id.as_str(), turn_of)).await;
            chamber.ledger.settle().await?;
            let Some(row) = chamber.store.obligation(row.request.as_deref(), &row.id).await? else { continue };
            if !row.open || row.wake.is_none_or(|wake| wake > now) {
                continue;
            }
            let owed = Owed::read(row)?;
            // No step meets a notice, and a delivery may take long: the request's steps do not wait for it.
            let turn = if matches!(owed.duty, Duty::Notify(_)) { None } else { Some(turn) };
            if let Err(e) = self.deal(chamber, owed, now).await {
                tracing::warn!(jurisdiction = chamber.id(), %e, "an obligation could not be dealt with");
            }
            drop(turn);
            dealt += 1;
        }
        let finished = self.finish_pruning(chamber, now).await?;
        self.make_torn_good(chamber, now).await?;
        Ok(dealt + finished)
    }

    async fn deal(&self, chamber: &Chamber, owed: Owed, now: Instant) -> Result<(), CaseError> {
        let late = owed.due.is_some_and(|due| due <= now);
        match &owed.duty {
            Duty::Retain(_) => {
                let event = Event::Completed {
                    obligation: owed.id.clone(),
                    note: "kept for as long as it had to be".to_owned(),
                };
                self.record_deed(chamber, &owed, now, event, |owed| owed.met("host", now)).await
            }
            Duty::Notify(rule) => {
                let rule = rule.clone();
                let owed = if late { self.say_overdue(chamber, owed, now).await? } else { owed };
                self.notify(chamber, owed, &rule, now).await
            }
            // It could not be carried out when it was imposed.
            Duty::Suspend(_) => {
                if self.suspend(chamber, &owed, now).await? {
                    return Ok(());
                }
                self.say_overdue(chamber, owed, now).await.map(drop)
            }
            Duty::Purge(rule) => {
                let rule = rule.clone();
                self.purge_when_due(chamber, owed, &rule, now).await
            }
            _ => self.say_overdue(chamber, owed, now).await.map(drop),
        }
    }

    /// Records that an obligation is late, unless that is on record; gives it as it stands then.
    pub(crate) async fn say_overdue(&self, chamber: &Chamber, mut owed: Owed, now: Instant) -> Result<Owed, CaseError> {
        if matches!(owed.standing, Standing::Overdue { .. }) {
            return Ok(owed);
        }
        let event = Event::Overdue {
            obligation: owed.id.clone(),
            clause: owed.clause.to_string(),
            due: owed.due.unwrap_or(now),
        };
        tracing::warn!(jurisdiction = chamber.id(), clause = %owed.clause, "an obligation is overdue");
        owed.standing = Standing::Overdue { at: now };
        // A notice is still to be delivered; for anything else there is nothing the host has to look at again.
        let wake = owed.wake.filter(|_| matches!(owed.duty, Duty::Notify(_)));
        self.record_deed(chamber, &owed, now, event, |owed| owed.again(wake)).await?;
        owed.wake = wake;
        Ok(owed)
    }

    async fn notify(&self, chamber: &Chamber, owed: Owed, rule: &NoticeRule, now: Instant) -> Result<(), CaseError> {
        let delivered = match &self.outbox {
            Some(outbox) => outbox.deliver(notice(&owed, rule)).await,
            None => Err("no outbox is configured: configure one, and the notice goes out".to_owned()),
        };
        match delivered {
            Ok(Delivery { channel, recipients, message_id, at }) => {
                let event = Event::Notified {
                    obligation: owed.id.clone(),
                    to: rule.to.clone(),
                    channel,
                    recipients,
                    message: message_id,
                    delivered: at,
                };
                self.record_deed(chamber, &owed, now, event, |owed| owed.met("host", now)).await
            }
            Err(reason) => {
                tracing::warn!(jurisdiction = chamber.id(), clause = %owed.clause, %reason, "a notice was not delivered");
                let pause = FIRST_PAUSE_MS.saturating_mul(1 << owed.tries.min(20)).min(LONGEST_PAUSE_MS);
                let next = now.plus_ms(pause);
                // Not past its deadline unlooked at.
                let wake = owed.due.filter(|due| *due > now).map_or(next, |due| due.min(next));
                let event = Event::Undelivered { obligation: owed.id.clone(), reason };
                let tried = |mut owed: Owed| {
                    owed.tries = owed.tries.saturating_add(1);
                    owed.again(Some(wake))
                };
                self.record_deed(chamber, &owed, now, event, tried).await
            }
        }
    }

    /// Records something the host did about an obligation, and how it stands then, in one commit.
    pub(crate) async fn record_deed(
        &self,
        chamber: &Chamber,
        owed: &Owed,
        at: Instant,
        event: Event,
        then: impl FnOnce(Owed) -> Result<store::Kept, CaseError>,
    ) -> Result<(), CaseError> {
        let rows = vec![then(owed.clone())?];
        let subject = Subject { request: owed.request.clone(), ..Subject::default() };
        let entry = Entry { kind: Kind::Host, who: chamber.host(), at, subject, of: None, event };
        ledger::record(&[&chamber.ledger], entry, rows).await.map(drop)
    }
}

fn notice(owed: &Owed, rule: &NoticeRule) -> Notice {
    let mut body = format!("{}\n\nJurisdiction: {}\nClause: {}\n", rule.about, owed.jurisdiction, owed.clause);
    if let Some(request) = &owed.request {
        body += &format!("Request: {request}\n");
    }
    if let Some(Retained { subject, record, .. }) = &owed.about {
        body += &format!("Record: {subject} {record}\n");
    }
    body += &format!("Since: {}\n", owed.since);
    if let Some(due) = owed.due {
        body += &format!("To be delivered by: {due}\n");
    }
    Notice {
        // The obligation's id is unique in its request only.
        id: format!("{}.{}", owed.request.as_deref().unwrap_or(&owed.jurisdiction), owed.id),
        jurisdiction: owed.jurisdiction.clone(),
        to: rule.to.clone(),
        subject: rule.about.clone(),
        body,
        clause: owed.clause.to_string(),
        due: owed.due,
    }
}
