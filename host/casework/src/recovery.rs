//! A log that cannot be written, and how the host comes back by itself.
//!
//! While a log is halted every step is refused, because nothing may happen that is not on record. A task per log looks
//! for that, raises the alarm, and tries to recover the log until it can; then an entry says how long nothing could be
//! written. The alarm goes out even if all is well again by then: somebody has to look at the disk.

use crate::alarm::{Alarm, Alert, insist};
use crate::aside::aside;
use crate::chamber::{Casework, Chamber};
use crate::clock::Clock;
use crate::error::CaseError;
use model::terms::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a log is looked at, and the first pause between two attempts; the pause doubles up to [`LONGEST_PAUSE`].
const LOOK: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to recover: each reads the log's journal, and nobody should wait much longer
/// for a disk that has room again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A time during which nothing could be written.
struct Outage {
    since: Instant,
    reason: String,
    attempts: u32,
}

impl Casework {
    /// From now on somebody is told when a log cannot be written, and the log recovered as soon as it can be. To be
    /// called once, before work begins.
    pub fn guard(&mut self, alarm: Arc<dyn Alarm>) {
        self.alarm = alarm;
        let chambers: Vec<_> = self.chambers().cloned().collect();
        for chamber in chambers {
            self.watches.spawn(watch(chamber, self.clock.clone(), self.alarm.clone()));
        }
    }
}

async fn watch(chamber: Arc<Chamber>, clock: Clock, alarm: Arc<dyn Alarm>) {
    let mut alarms = JoinSet::new();
    let (mut outage, mut pause) = (None, LOOK);
    loop {
        tokio::time::sleep(pause).await;
        while alarms.try_join_next().is_some() {}
        if chamber.log().is_writable() && outage.is_none() {
            continue;
        }
        let outage_now = outage.get_or_insert_with(|| {
            let found = Outage { since: now(&clock), reason: reason(&chamber), attempts: 0 };
            alarms.spawn(insist(alarm.clone(), alert(&chamber, &found)));
            found
        });
        match recover(&chamber, &clock, outage_now).await {
            Ok(()) => (outage, pause) = (None, LOOK),
            Err(e) => {
                tracing::error!(jurisdiction = chamber.id(), %e, "the audit log cannot be written; every step is refused");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// One attempt: the log takes entries again, and the first says why there were none.
async fn recover(chamber: &Arc<Chamber>, clock: &Clock, outage: &mut Outage) -> Result<(), CaseError> {
    outage.attempts += 1;
    let log = chamber.log().clone();
    // It reads the journal and waits for the disk.
    aside(move || log.try_recover()).await?.map_err(|e| CaseError::Log(e.to_string()))?;
    let at = now(clock);
    let details = BTreeMap::from([
        ("since".to_owned(), outage.since.to_string()),
        ("until".to_owned(), at.to_string()),
        ("refused-ms".to_owned(), at.since(outage.since).to_string()),
        ("reason".to_owned(), outage.reason.clone()),
        ("attempts".to_owned(), outage.attempts.to_string()),
    ]);
    chamber.record_host(at, "log-recovered", details).await?;
    tracing::warn!(jurisdiction = chamber.id(), refused_ms = at.since(outage.since), "the audit log is written again");
    Ok(())
}

fn reason(chamber: &Chamber) -> String {
    chamber.log().halted().unwrap_or_else(|| "its writer has ended".to_owned())
}

fn alert(chamber: &Chamber, outage: &Outage) -> Alert {
    Alert {
        jurisdiction: chamber.id().to_owned(),
        subject: "the audit log cannot be written".to_owned(),
        text: format!(
            "{}. Until it can be written, every request is refused. The host goes on by itself once it can.",
            outage.reason
        ),
        since: outage.since,
    }
}

/// The moment for an entry that has to be written even if the clock cannot be trusted.
pub(crate) fn now(clock: &Clock) -> Instant {
    clock.now().unwrap_or_else(|e| e.latest())
}
