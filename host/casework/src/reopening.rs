//! A log that cannot be opened at the start, for a reason that may pass: what was wrong with the disk when the host stopped is often
//! wrong still when it starts again. Somebody is told at once, and it is tried again until it works, as it is while the host runs
//! ([`crate::recovery`]). Damage does not pass: it ends the start.
//!
//! A log that is sound and lacks what the database knows was in it ([`crate::watermark`]) is not opened either: whoever went on with
//! it would sign a fork. That is waited for, too, so that `/readyz` tells of it to whoever has to put the log back.

use crate::alarm::{Alarm, insist};
use crate::clock::Clock;
use crate::dropped;
use crate::error::CaseError;
use crate::ledger;
use crate::recovery::{LONGEST_PAUSE, LOOK, Medium, Outage};
use crate::watermark;
use std::sync::Arc;
use tokio::sync::watch;

/// What a start waits for: a log that takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The jurisdiction whose log it is.
    pub jurisdiction: String,
    /// Why it cannot be opened.
    pub reason: String,
}

/// Whoever waits for the logs at a start, and tells people so.
pub struct Vigil {
    alarm: Arc<dyn Alarm>,
    waits: watch::Sender<Option<Wait>>,
}

impl Vigil {
    /// Tells whoever is told of alarms, and whoever holds the other end.
    pub fn new(alarm: Arc<dyn Alarm>) -> (Self, watch::Receiver<Option<Wait>>) {
        let (waits, told) = watch::channel(None);
        (Self { alarm, waits }, told)
    }

    fn begin(&self, jurisdiction: &str, clock: &Clock, failed: &audit::OpenError) -> Outage {
        let outage = Outage::begin(Medium::Log, clock, failed.to_string());
        let mut alert = outage.alert(jurisdiction);
        if failed.is_another_history() {
            // The host does not go on by itself: somebody has to stop it and put the log back.
            alert.text = format!("{failed}. Until then, every request is refused.");
        }
        // To the end, whether or not the log is written again by then.
        tokio::spawn(insist(self.alarm.clone(), alert));
        outage
    }
}

/// Opens a log, when what its journal holds for the store is there. With somebody who keeps vigil that is tried until it works; gives
/// how long it did not.
///
/// # Errors
/// When the store does not take it; [`CaseError::Log`] when the log cannot be opened and nobody waits, or waiting does not help.
pub(crate) async fn open(
    log: audit::Prepared,
    (id, rows): (&str, &store::Jurisdiction),
    clock: &Clock,
    vigil: Option<&Vigil>,
) -> Result<(audit::Opened, Option<Outage>), CaseError> {
    let again = log.again();
    let mut failed = match once(log, rows).await? {
        Ok(opened) => return Ok((opened, None)),
        Err(e) => e,
    };
    let (mut outage, mut pause) = (None, LOOK);
    loop {
        let reason = failed.to_string();
        let waits = failed.may_pass() || failed.is_another_history();
        let (Some(vigil), Ok(again), true) = (vigil, &again, waits) else {
            return Err(CaseError::Log(reason));
        };
        tracing::error!(jurisdiction = id, %reason, "the audit log cannot be opened: the start waits for it");
        let lasting: &mut Outage = outage.get_or_insert_with(|| vigil.begin(id, clock, &failed));
        lasting.attempts += 1;
        vigil.waits.send_replace(Some(Wait { jurisdiction: id.to_owned(), reason }));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        failed = match again.prepare() {
            Ok(log) => match once(log, rows).await? {
                Ok(opened) => {
                    vigil.waits.send_replace(None);
                    return Ok((opened, outage));
                }
                Err(e) => e,
            },
            Err(e) => e,
        };
    }
}

/// One attempt.
async fn once(
    log: audit::Prepared,
    rows: &store::Jurisdiction,
) -> Result<Result<audit::Opened, audit::OpenError>, CaseError> {
    // First: what rides on an earlier copy of a log may have been destroyed since.
    if let Err(other) = watermark::compare(&log, rows).await? {
        return Ok(Err(other));
    }
    ledger::replay(&log, rows).await?;
    dropped::mark(&log, rows).await?;
    Ok(log.open())
}
