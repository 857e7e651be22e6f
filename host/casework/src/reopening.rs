//! A log that cannot be opened at the start, for a reason that may pass: what was wrong with the disk when the host stopped is often
//! wrong still when it starts again. Somebody is told at once, and it is tried again until it works, as it is while the host runs
//! ([`crate::recovery`]). Damage does not pass: it ends the start.
//!
//! A log that is sound and lacks what the database knows was in it ([`crate::watermark`]) is not opened either: whoever went on with
//! it would sign a fork. Nor is one whose database lacks what the log has handed over to it: suspensions and obligations would be
//! gone in silence. Either is waited for, too, so that `/readyz` tells of it to whoever has to put the log or the database back. Where
//! no copy of the database has what it lacks, somebody answers for going on without ([`Restoration`]).

use crate::alarm::{Alarm, insist};
use crate::clock::Clock;
use crate::dropped;
use crate::error::CaseError;
use crate::ledger;
use crate::recovery::{LONGEST_PAUSE, LOOK, Medium, Outage};
use crate::restored;
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

/// That a database lacks what is on record, because an earlier copy had to be put in its place, or a new one. It is said of one
/// start, and recorded with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// Who says so, in words of their own: nobody authenticated them.
    pub by: String,
    /// What happened to the database, and what it was restored from.
    pub why: String,
}

/// Whoever waits for the logs at a start, and tells people so.
pub struct Vigil {
    alarm: Arc<dyn Alarm>,
    waits: watch::Sender<Option<Wait>>,
    restoration: Option<Restoration>,
}

/// A log that was opened.
pub(crate) struct Reopened {
    pub(crate) opened: audit::Opened,
    /// How long it could not be, if it could not.
    pub(crate) outage: Option<Outage>,
    /// Whether the database lacks what is on record, for which somebody answers.
    pub(crate) is_lacking: bool,
}

impl Vigil {
    /// Tells whoever is told of alarms, and whoever holds the other end.
    pub fn new(alarm: Arc<dyn Alarm>) -> (Self, watch::Receiver<Option<Wait>>) {
        let (waits, told) = watch::channel(None);
        (Self { alarm, waits, restoration: None }, told)
    }

    /// With somebody who answers for a database that lacks what is on record.
    #[must_use]
    pub fn of_restored(self, restoration: Restoration) -> Self {
        Self { restoration: Some(restoration), ..self }
    }

    pub(crate) fn restoration(&self) -> Option<&Restoration> {
        self.restoration.as_ref()
    }

    fn begin(&self, jurisdiction: &str, clock: &Clock, failed: &audit::OpenError) -> Outage {
        let outage = Outage::begin(Medium::Log, clock, failed.to_string());
        let mut alert = outage.alert(jurisdiction);
        if failed.is_another_history() {
            // The host does not go on by itself: somebody has to stop it and put the log, or the database, back.
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
) -> Result<Reopened, CaseError> {
    let again = log.again();
    let restoration = vigil.and_then(Vigil::restoration);
    let mut failed = match once(log, rows, restoration).await? {
        Ok((opened, is_lacking)) => return Ok(Reopened { opened, outage: None, is_lacking }),
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
            Ok(log) => match once(log, rows, restoration).await? {
                Ok((opened, is_lacking)) => {
                    vigil.waits.send_replace(None);
                    return Ok(Reopened { opened, outage, is_lacking });
                }
                Err(e) => e,
            },
            Err(e) => e,
        };
    }
}

/// One attempt. Says, too, whether the database lacks what is on record, where somebody answers for that.
async fn once(
    log: audit::Prepared,
    rows: &store::Jurisdiction,
    restoration: Option<&Restoration>,
) -> Result<Result<(audit::Opened, bool), audit::OpenError>, CaseError> {
    // First: what rides on an earlier copy of a log may have been destroyed since.
    let is_lacking = match (watermark::compare(&log, rows).await?, restoration) {
        (Ok(()), _) => false,
        (Err(audit::OpenError::DatabaseSetBack { known, begins }), Some(restoration)) => {
            restored::mark(log.origin(), rows, restoration, known..begins).await?;
            true
        }
        (Err(other), _) => return Ok(Err(other)),
    };
    ledger::replay(&log, rows).await?;
    dropped::mark(&log, rows).await?;
    Ok(log.open().map(|opened| (opened, is_lacking)))
}
