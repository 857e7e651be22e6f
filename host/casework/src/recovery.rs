//! A log or a database that cannot be written, and how the host comes back by itself.
//!
//! While a log is halted, or the database takes nothing, every step is refused, because nothing may happen that is not on record. Two
//! tasks per jurisdiction look for that, one for each of them, and raise the alarm. A log is tried until it can be recovered; the
//! database is by whoever writes to it. Then an entry says how long nothing could be written. The alarm goes out even if all is well
//! again by then: somebody has to look at the disk.
//!
//! A disk that hangs returns no error. What has not returned for [`STALL_LIMIT`] counts as one until it returns; nothing is broken
//! off, so that what was under way is done to its end.

use crate::alarm::{Alarm, Alert, HOST, insist};
use crate::aside::aside;
use crate::chamber::{Casework, Chamber};
use crate::clock::Clock;
use crate::error::CaseError;
use crate::reading;
use model::terms::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a log or a database is looked at, and the first pause between two attempts; the pause doubles up to
/// [`LONGEST_PAUSE`].
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to recover: each reads the log's journal, and nobody should wait much longer
/// for a disk that has room again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long a write of a log or of the database may take before that counts as one that cannot be written: far longer than any
/// disk that works takes for one.
pub const STALL_LIMIT: Duration = Duration::from_secs(10);

/// Why a log cannot be written now, if it cannot.
pub(crate) fn log_trouble(log: &audit::Log) -> Option<String> {
    if log.is_writable() {
        return stalled(log);
    }
    Some(log.halted().unwrap_or_else(|| "its writer has ended".to_owned()))
}

/// Says so where a write of a log has not returned for too long.
pub(crate) fn stalled(log: &audit::Log) -> Option<String> {
    let lasting = log.stalled().filter(|lasting| *lasting > STALL_LIMIT)?;
    Some(format!("a write of the log has not returned for {} s: see to its disk", lasting.as_secs()))
}

/// Waits for work for as long as a log answers.
///
/// # Errors
/// [`CaseError::Log`] where a write of the log has not returned in time. Work that runs by itself goes on.
pub(crate) async fn while_it_answers<T>(
    log: &audit::Log,
    work: impl Future<Output = Result<T, CaseError>>,
) -> Result<T, CaseError> {
    let hangs = async {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(reason) = stalled(log) {
                return reason;
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        reason = hangs => Err(CaseError::Log(reason)),
    }
}

/// What is written to, and may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Log,
    Database,
}

impl Medium {
    /// As a sentence has it.
    fn name(self) -> &'static str {
        match self {
            Self::Log => "the audit log",
            Self::Database => "the database",
        }
    }

    /// What an alarm says of it, in a line.
    pub(crate) fn unwritten(self) -> String {
        format!("{} cannot be written", self.name())
    }

    /// The act that is on record once it is written again.
    fn recovered(self) -> &'static str {
        match self {
            Self::Log => "log-recovered",
            Self::Database => "database-recovered",
        }
    }

    /// Why it cannot be written now, if it cannot.
    fn trouble(self, chamber: &Chamber) -> Option<String> {
        match self {
            Self::Log => log_trouble(chamber.log()),
            Self::Database => chamber.ledger.trouble().map(|reason| reason.to_string()),
        }
    }
}

/// A time during which nothing could be written.
pub(crate) struct Outage {
    what: Medium,
    since: Instant,
    reason: String,
    pub(crate) attempts: u32,
}

impl Outage {
    /// From now on.
    pub(crate) fn begin(what: Medium, clock: &Clock, reason: String) -> Self {
        Self { what, since: now(clock), reason, attempts: 0 }
    }

    /// What somebody is told of it.
    pub(crate) fn alert(&self, jurisdiction: &str) -> Alert {
        Alert {
            jurisdiction: jurisdiction.to_owned(),
            subject: self.what.unwritten(),
            text: format!(
                "{}. Until it can be written, every request is refused. The host goes on by itself once it can.",
                self.reason
            ),
            since: self.since,
        }
    }

    /// Puts on record how long it lasted: the first entry of the log, or one of the first, after it.
    ///
    /// # Errors
    /// [`CaseError`], as long as it lasts.
    pub(crate) async fn record(&self, chamber: &Chamber, at: Instant) -> Result<(), CaseError> {
        let details = BTreeMap::from([
            ("since".to_owned(), self.since.to_string()),
            ("until".to_owned(), at.to_string()),
            ("refused-ms".to_owned(), at.since(self.since).to_string()),
            ("reason".to_owned(), self.reason.clone()),
            ("attempts".to_owned(), self.attempts.to_string()),
        ]);
        chamber.record_host(at, self.what.recovered(), details).await?;
        let (jurisdiction, refused_ms) = (chamber.id(), at.since(self.since));
        tracing::warn!(jurisdiction, refused_ms, "{} is written again", self.what.name());
        Ok(())
    }
}

impl Casework {
    /// From now on somebody is told when a log or the database cannot be written, or a file of a log cannot be read, and the log
    /// recovered as soon as it can be. To be called once, before work begins.
    pub fn guard(&mut self, alarm: Arc<dyn Alarm>) {
        self.alarm = alarm;
        let chambers: Vec<_> = self.chambers().cloned().collect();
        for chamber in chambers {
            for what in [Medium::Log, Medium::Database] {
                self.watches.spawn(watch(what, chamber.clone(), self.clock.clone(), self.alarm.clone()));
            }
            let (id, unread) = (chamber.id().to_owned(), chamber.log().unread());
            self.watches.spawn(reading::watch_files(id, unread, self.clock.clone(), self.alarm.clone()));
        }
    }

    /// Tells whoever is told of alarms of something that is the whole host's; ends when it has been taken over.
    pub fn alert(&self, subject: &str, text: String, since: Instant) -> impl Future<Output = ()> + Send + use<> {
        let (jurisdiction, subject) = (HOST.to_owned(), subject.to_owned());
        insist(self.alarm.clone(), Alert { jurisdiction, subject, text, since })
    }
}

async fn watch(what: Medium, chamber: Arc<Chamber>, clock: Clock, alarm: Arc<dyn Alarm>) {
    let mut alarms = JoinSet::new();
    let (mut outage, mut pause) = (None, LOOK);
    loop {
        tokio::time::sleep(pause).await;
        while alarms.try_join_next().is_some() {}
        if outage.is_none()
            && let Some(reason) = what.trouble(&chamber)
        {
            let found = Outage::begin(what, &clock, reason);
            alarms.spawn(insist(alarm.clone(), alert(&chamber, &found)));
            outage = Some(found);
        }
        let Some(lasting) = &mut outage else { continue };
        match recover(&chamber, &clock, lasting).await {
            Ok(()) => (outage, pause) = (None, LOOK),
            Err(e) => {
                let (jurisdiction, what) = (chamber.id(), what.name());
                tracing::error!(jurisdiction, %e, "{what} cannot be written; every step is refused");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// One attempt: entries are taken again, and one of the first says why there were none.
async fn recover(chamber: &Arc<Chamber>, clock: &Clock, outage: &mut Outage) -> Result<(), CaseError> {
    outage.attempts += 1;
    match outage.what {
        Medium::Log => {
            let log = chamber.log().clone();
            if let Some(reason) = stalled(&log) {
                // It would wait behind that.
                return Err(CaseError::Log(reason));
            }
            // It reads the journal and waits for the disk.
            aside(move || log.try_recover()).await?.map_err(|e| CaseError::Log(e.to_string()))?;
        }
        // Whoever writes to it tries by itself.
        Medium::Database => {
            if let Some(reason) = outage.what.trouble(chamber) {
                return Err(CaseError::Unwritten(reason));
            }
        }
    }
    outage.record(chamber, now(clock)).await
}

/// What somebody is told of an outage, and that it does not pass where it does not.
fn alert(chamber: &Chamber, outage: &Outage) -> Alert {
    let told = outage.alert(chamber.id());
    if chamber.is_broken() {
        let text = format!("{}. Every request is refused until the host is restarted: restart it.", outage.reason);
        return Alert { text, ..told };
    }
    told
}

/// The moment for an entry that has to be written even if the clock cannot be trusted.
pub(crate) fn now(clock: &Clock) -> Instant {
    clock.now().unwrap_or_else(|e| e.latest())
}
