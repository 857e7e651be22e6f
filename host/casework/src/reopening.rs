//! A log that cannot be opened at the start, for a reason that may pass: what was wrong with the disk when the host stopped is often
//! wrong still when it starts again. Somebody is told at once, and it is tried again until it works, as it is while the host runs
//! ([`crate::recovery`]). Damage does not pass: it ends the start.
//!
//! A log that is sound and lacks what the database knows was in it ([`crate::watermark`]) is not opened either: whoever went on with
//! it would sign a fork. Nor is one whose database lacks what the log has handed over to it: suspensions and obligations would be
//! gone in silence. Either is waited for, too, so that `/readyz` tells of it to whoever has to put the log or the database back. Where
//! no copy of the database has what it lacks, somebody answers for going on without ([`Restoration`]).
//!
//! A disk that hangs returns no error. Whatever reads, locks or opens a log is done on a thread of its own ([`patiently`]), so that
//! somebody can say after some seconds which folder the start waits for.

use crate::alarm::{Alarm, Alert, insist};
use crate::aside::aside;
use crate::clock::Clock;
use crate::dropped;
use crate::error::CaseError;
use crate::ledger;
use crate::recovery::{LONGEST_PAUSE, LOOK, Medium, Outage, STALL_LIMIT};
use crate::restored;
use crate::watermark;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long the disk of a log may take at the start before it is said that it is waited for: whoever starts the host by hand is
/// still looking.
const SLOW: Duration = Duration::from_secs(5);

/// What a start waits for: a log that takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The jurisdiction whose log it is.
    pub jurisdiction: String,
    /// What is wrong, in a line: the subject of the alarm.
    pub subject: String,
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
    folders: BTreeMap<String, String>,
    /// Since when which log could not be opened, until it is.
    outages: Mutex<BTreeMap<String, Outage>>,
    restoration: Option<Restoration>,
    /// Whether the database lacked what is on record, of whichever log.
    lacking: AtomicBool,
}

impl Vigil {
    /// Tells whoever is told of alarms, and whoever holds the other end.
    pub fn new(alarm: Arc<dyn Alarm>) -> (Self, watch::Receiver<Option<Wait>>) {
        let (waits, told) = watch::channel(None);
        let (folders, outages, lacking) = (BTreeMap::new(), Mutex::default(), AtomicBool::new(false));
        (Self { alarm, waits, folders, outages, restoration: None, lacking }, told)
    }

    /// With somebody who answers for a database that lacks what is on record.
    #[must_use]
    pub fn of_restored(self, restoration: Restoration) -> Self {
        Self { restoration: Some(restoration), ..self }
    }

    /// Whether somebody answers for what the database lacks, and it lacks nothing. To be asked once every log is open.
    pub(crate) fn answers_for_nothing(&self) -> bool {
        self.restoration.is_some() && !self.lacking.load(Ordering::Acquire)
    }

    /// The same, which says where the log of each of these jurisdictions is, by their ids.
    #[must_use]
    pub fn over(self, folders: BTreeMap<String, String>) -> Self {
        Self { folders, ..self }
    }

    /// Somebody is told why a log cannot be opened, and it is put down to this medium; it counts from now on, unless it has done so
    /// before.
    fn begin(&self, wait: &Wait, what: Medium, clock: &Clock, is_another_history: bool) {
        let Wait { jurisdiction, subject, reason } = wait;
        let outage = Outage::begin(what, clock, reason.clone());
        let mut alert = Alert { subject: subject.clone(), ..outage.alert(jurisdiction) };
        if is_another_history {
            // The host does not go on by itself: somebody has to stop it and put the log, or the database, back.
            alert.text = format!("{reason}. Until then, every request is refused.");
        }
        // To the end, whether or not the log is written again by then.
        tokio::spawn(insist(self.alarm.clone(), alert));
        self.outages().entry(jurisdiction.clone()).or_insert(outage);
    }

    /// Somebody is told that the disk of a log does not answer, once.
    fn hangs(&self, jurisdiction: &str, clock: &Clock, reason: String) {
        let what = Medium::Log;
        let wait = Wait { jurisdiction: jurisdiction.to_owned(), subject: what.unwritten(), reason };
        let is_told = self.outages().contains_key(jurisdiction);
        if !is_told {
            self.begin(&wait, what, clock, false);
        }
        self.waits.send_replace(Some(wait));
    }

    /// The log is open: how long it was not, if it took so long that somebody was told.
    fn end(&self, jurisdiction: &str) -> Option<Outage> {
        self.waits.send_replace(None);
        self.outages().remove(jurisdiction)
    }

    fn outages(&self) -> MutexGuard<'_, BTreeMap<String, Outage>> {
        // It is whole at every moment.
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something that waits for the disk of a jurisdiction's log, at the start, on a thread of its own and to its end, however long
/// that takes. After five seconds it says in the host's output which folder it waits for; with somebody who keeps vigil, a disk
/// that has not answered for [`STALL_LIMIT`] is an alarm, and whoever asks the host is told.
///
/// # Errors
/// [`CaseError::Fault`] for a panic in it; [`CaseError::Stopping`] if the host stops.
pub async fn patiently<T: Send + 'static>(
    jurisdiction: &str,
    clock: &Clock,
    vigil: Option<&Vigil>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CaseError> {
    within((SLOW, STALL_LIMIT), jurisdiction, clock, vigil, work).await
}

/// The same, with other limits: until it is said, and until it is an alarm.
async fn within<T: Send + 'static>(
    (slow, stalled): (Duration, Duration),
    jurisdiction: &str,
    clock: &Clock,
    vigil: Option<&Vigil>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CaseError> {
    let mut working = pin!(aside(work));
    if let Ok(done) = timeout(slow, working.as_mut()).await {
        return done;
    }
    let folder = vigil.and_then(|vigil| vigil.folders.get(jurisdiction)).map_or("its folder", String::as_str);
    let waited_s = slow.as_secs();
    tracing::error!(
        jurisdiction,
        folder,
        waited_s,
        "the disk of the audit log does not answer: the start waits for it"
    );
    let Some(vigil) = vigil else { return working.await };
    if let Ok(done) = timeout(stalled.saturating_sub(slow), working.as_mut()).await {
        return done;
    }
    let waited_s = stalled.as_secs();
    vigil.hangs(
        jurisdiction,
        clock,
        format!("reading or opening {folder} has not returned for {waited_s} s: see to its disk"),
    );
    let done = working.await;
    vigil.waits.send_replace(None);
    done
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
    let again = log.again().map(Arc::new);
    let (mut is_told, mut pause) = (false, LOOK);
    let mut outcome = once(log, (id, rows), clock, vigil).await?;
    loop {
        let failed = match outcome {
            Ok(opened) => return Ok((opened, vigil.and_then(|vigil| vigil.end(id)))),
            Err(failed) => failed,
        };
        let reason = failed.to_string();
        let waits = failed.may_pass() || failed.is_another_history();
        let (Some(vigil), Ok(again), true) = (vigil, &again, waits) else {
            return Err(CaseError::Log(reason));
        };
        tracing::error!(jurisdiction = id, %reason, "the audit log cannot be opened: the start waits for it");
        let (what, subject) = fault(&failed);
        let wait = Wait { jurisdiction: id.to_owned(), subject, reason };
        if !is_told {
            vigil.begin(&wait, what, clock, failed.is_another_history());
            is_told = true;
        }
        if let Some(lasting) = vigil.outages().get_mut(id) {
            lasting.attempts += 1;
        }
        vigil.waits.send_replace(Some(wait));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let again = again.clone();
        outcome = match patiently(id, clock, Some(vigil), move || again.prepare()).await? {
            Ok(log) => once(log, (id, rows), clock, Some(vigil)).await?,
            Err(failed) => Err(failed),
        };
    }
}

/// What a log is not opened for: whose fault it is, and what an alarm says of it.
fn fault(failed: &audit::OpenError) -> (Medium, String) {
    match failed {
        audit::OpenError::DatabaseSetBack { .. } => {
            (Medium::Database, "the database lacks what is on record".to_owned())
        }
        _ => (Medium::Log, Medium::Log.unwritten()),
    }
}

/// One attempt.
async fn once(
    log: audit::Prepared,
    (id, rows): (&str, &store::Jurisdiction),
    clock: &Clock,
    vigil: Option<&Vigil>,
) -> Result<Result<audit::Opened, audit::OpenError>, CaseError> {
    // First: what rides on an earlier copy of a log may have been destroyed since.
    let known = watermark::known(log.origin(), rows).await?;
    let compare = move || {
        let compared = watermark::unproven(known.as_ref(), &log);
        compared.map(|unproven| (log, unproven))
    };
    let (log, unproven) = match patiently(id, clock, vigil, compare).await? {
        Ok(compared) => compared,
        Err(other) => return Ok(Err(other)),
    };
    let proven = match unproven {
        Some(unproven) => unproven.prove(rows).await?,
        None => Ok(()),
    };
    match (proven, vigil) {
        (Ok(()), _) => {}
        (
            Err(audit::OpenError::DatabaseSetBack { known, begins }),
            Some(Vigil { restoration: Some(restoration), lacking, .. }),
        ) => {
            restored::mark(log.origin(), rows, restoration, known..begins).await?;
            // Opening the log may empty its journal before it fails: then nothing tells any more what was lacking.
            lacking.store(true, Ordering::Release);
        }
        (Err(other), _) => return Ok(Err(other)),
    }
    ledger::replay(&log, rows).await?;
    dropped::mark(&log, rows).await?;
    patiently(id, clock, vigil, move || log.open()).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]
mod tests {
    use super::*;
    use crate::alarm::bell::Bell;
    use std::sync::mpsc;

    /// Longer than anything here takes that comes to an end.
    const LONG: Duration = Duration::from_secs(60);

    /// Limits that a disk exceeds which waits for the test.
    const SHORT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(2));

    /// Something that returns when its other end is dropped, as a disk does that hangs for a while.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce() -> u32 + Send + 'static) {
        let (answers, disk) = mpsc::channel();
        let work = move || {
            // It fails, for nothing is sent.
            let _: Result<(), _> = disk.recv();
            7
        };
        (answers, work)
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_waited_for_and_somebody_is_told_once_where_it_is() {
        let bell = Arc::new(Bell::default());
        let (vigil, waits) = Vigil::new(bell.clone());
        let vigil = vigil.over(BTreeMap::from([("north".to_owned(), "/srv/logs/north".to_owned())]));
        let clock = Clock::system();
        for _ in 0..2 {
            let (answers, work) = hanging();
            let answering = async {
                let mut waits = waits.clone();
                let told = timeout(LONG, waits.wait_for(Option::is_some)).await.expect("somebody is told");
                let wait = told.unwrap().clone().unwrap();
                assert_eq!(wait.jurisdiction, "north");
                assert!(wait.reason.contains("/srv/logs/north has not returned"), "{wait:?}");
                drop(answers);
            };
            let (done, ()) = tokio::join!(within(SHORT, "north", &clock, Some(&vigil), work), answering);
            assert_eq!(done.unwrap(), 7, "it is done to its end");
            assert_eq!(*waits.borrow(), None, "and nobody is told that it is waited for any more");
        }
        let rings = async {
            while bell.rung().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, rings).await.expect("an alarm is raised");
        let rung = bell.rung();
        assert_eq!(rung.len(), 1, "once: {rung:?}");
        assert!(rung[0].jurisdiction == "north" && rung[0].text.contains("/srv/logs/north"), "{rung:?}");
        assert!(vigil.end("north").is_some(), "how long it was is put on record");
        assert!(vigil.end("north").is_none(), "once");
    }

    #[tokio::test]
    async fn nobody_is_told_of_a_disk_that_answers_or_where_nobody_keeps_vigil() {
        let bell = Arc::new(Bell::default());
        let (vigil, waits) = Vigil::new(bell.clone());
        let clock = Clock::system();
        assert_eq!(patiently("north", &clock, Some(&vigil), || 7).await.unwrap(), 7);
        let (answers, work) = hanging();
        let answering = async {
            tokio::time::sleep(SHORT.1 * 2).await;
            drop(answers);
        };
        let (done, ()) = tokio::join!(within(SHORT, "north", &clock, None, work), answering);
        assert_eq!(done.unwrap(), 7, "it is waited for all the same");
        assert!(bell.rung().is_empty() && waits.borrow().is_none() && vigil.end("north").is_none());
    }
}
