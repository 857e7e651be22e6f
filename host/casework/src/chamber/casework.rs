//! All jurisdictions of one host: how they start, whether they can decide, how they stop.

use super::{Chamber, Foundation, Loading, Opening, PolicyState, Start};
use crate::alarm::{Alarm, Announce};
use crate::aside::{aside, broke_off};
use crate::chancery::Chancery;
use crate::clock::{Clock, ClockError, Correction};
use crate::drawn;
use crate::dropped;
use crate::error::CaseError;
use crate::gallery::save_last;
use crate::notices::Outbox;
use crate::pace::Threads;
use crate::paper::Draughting;
use crate::reading;
use crate::recovery;
use crate::reopening::Vigil;
use crate::restored;
use crate::retention::Means;
use crate::turns::Turns;
use crate::unfinished;
use crate::walk;
use model::terms::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long the database has at the stop to take what is recorded: a few commits.
const SETTLE_AT_STOP: Duration = Duration::from_secs(10);

/// How long the last snapshots of a jurisdiction's galleries may take at the stop, all of them together. Some gigabytes are read and
/// written by then; whoever keeps services running kills one that takes longer than a minute and a half (systemd's own limit), and
/// the stop has still to be recorded.
const SNAPSHOTS_AT_STOP: Duration = Duration::from_secs(30);

/// How long whoever asks whether the host is ready waits for the database.
const STORE_ANSWERS: Duration = Duration::from_secs(5);

/// What whoever answers for a database without need is told. Said once too often, it would hide the next loss.
const NOTHING_LACKING: &str =
    "the database lacks nothing that the logs have handed over to it: start the host without --database-was-set-back";

/// All jurisdictions of one host.
pub struct Casework {
    pub(super) chambers: BTreeMap<String, Arc<Chamber>>,
    pub(crate) clock: Clock,
    pub(crate) extractor: Option<Arc<dyn face::Extractor>>,
    pub(crate) draughting: Option<Arc<dyn Draughting>>,
    pub(crate) outbox: Option<Arc<dyn Outbox>>,
    pub(crate) chancery: Option<Arc<Chancery>>,
    /// What each jurisdiction exports to and purges by, where it says so.
    pub(crate) means: BTreeMap<String, Means>,
    pub(crate) turns: Turns,
    pub(crate) threads: Threads,
    /// Told when there is something for [`crate::deadlines`] to do at once.
    pub(crate) stir: tokio::sync::Notify,
    store: store::Store,
    pub(crate) alarm: Arc<dyn Alarm>,
    // What watches over the logs while others work.
    pub(crate) watches: JoinSet<()>,
}

/// Something that keeps the host, or one jurisdiction of it, from deciding.
pub struct Impediment {
    /// The jurisdiction whose own affair it is; absent where it is the whole host's.
    pub jurisdiction: Option<String>,
    /// Whether only one jurisdiction is concerned, and the others go on.
    pub partial: bool,
    /// What it is.
    pub text: String,
}

impl Casework {
    /// Opens every jurisdiction: loads the galleries, records the start in every log, and then applies the registry files. Where
    /// somebody said of the clock that it was wrong, the logs that are ahead of it say so first.
    ///
    /// # Errors
    /// [`CaseError`] when the store or a log cannot be used, or a stored template is damaged; [`CaseError::Clock`] when a log is
    /// ahead of the clock and nobody said so, or the other way about.
    pub async fn open(
        openings: Vec<Opening>,
        store: store::Store,
        clock: Clock,
        extractor: Option<Arc<dyn face::Extractor>>,
        progress: &(dyn Fn(Loading<'_>) + Sync),
    ) -> Result<Self, CaseError> {
        Self::open_keeping(openings, store, clock, extractor, progress, None).await
    }

    /// The same, with somebody who keeps vigil: a log that cannot be opened for a reason that may pass is an alarm, and waited for.
    /// Where somebody answers for a database that lacks what is on record, the logs of which it does say so first.
    ///
    /// # Errors
    /// As [`Casework::open`]; [`CaseError::Invalid`] when somebody answers for that, and the database lacks nothing.
    pub async fn open_keeping(
        openings: Vec<Opening>,
        store: store::Store,
        clock: Clock,
        extractor: Option<Arc<dyn face::Extractor>>,
        progress: &(dyn Fn(Loading<'_>) + Sync),
        vigil: Option<&Vigil>,
    ) -> Result<Self, CaseError> {
        let (mut chambers, mut ahead) = (BTreeMap::new(), BTreeMap::new());
        let mut foundations = Vec::with_capacity(openings.len());
        for opening in openings {
            let foundation = Foundation::lay(opening, &store, &clock, vigil).await?;
            match last_entry_at(&foundation.log)? {
                // It is no moment that there has been.
                Some(at) if clock.correction().is_some() && clock.is_behind(at) => {
                    ahead.insert(foundation.id.clone(), at);
                }
                Some(at) => clock.seen(at),
                None => {}
            }
            foundations.push(foundation);
        }
        let now = clock.now().map_err(ClockError::at_start)?;
        if clock.correction().is_some() && ahead.is_empty() {
            // Said once too often, it would hide the next mistake.
            return Err(ClockError::NothingAhead { latest: now }.into());
        }
        if vigil.is_some_and(Vigil::answers_for_nothing) {
            return Err(CaseError::Invalid(NOTHING_LACKING.to_owned()));
        }
        let mut starts = Vec::with_capacity(foundations.len());
        for foundation in foundations {
            let id = foundation.id.clone();
            let (chamber, start) = Chamber::open(foundation, now, progress).await?;
            let chamber = Arc::new(chamber);
            starts.push((chamber.clone(), start));
            chambers.insert(id, chamber);
        }
        let (alarm, watches) = (Arc::new(Announce), JoinSet::new());
        let threads = Threads::of_this_runtime(chambers.len());
        let casework = Self {
            chambers,
            clock,
            extractor,
            draughting: None,
            outbox: None,
            chancery: None,
            means: BTreeMap::new(),
            turns: Turns::default(),
            threads,
            stir: tokio::sync::Notify::new(),
            store,
            alarm,
            watches,
        };
        for (chamber, mut start) in starts {
            let outage = start.outage.take();
            let recording = async {
                if let (Some(correction), Some(last)) = (casework.clock.correction(), ahead.get(chamber.id())) {
                    record_correction(&chamber, correction, *last, now).await?;
                }
                restored::record(&chamber, now).await?;
                record_start(&chamber, start, now).await?;
                match outage {
                    Some(outage) => outage.record(&chamber, now).await,
                    None => Ok(()),
                }
            };
            if let Err(e) = recovery::while_it_answers(chamber.log(), recording).await {
                casework.leave_hanging();
                return Err(e);
            }
            unfinished::sweep(&chamber, now).await;
            drawn::sweep(&chamber, now).await;
            chamber.save_aside();
        }
        casework.say_postponed(now).await;
        Ok(casework)
    }

    /// With somebody to draw up the documents that releases demand.
    #[must_use]
    pub fn with_draughting(mut self, draughting: Arc<dyn Draughting>) -> Self {
        self.draughting = Some(draughting);
        self
    }

    /// With somebody to deliver the notices that policies demand.
    #[must_use]
    pub fn with_outbox(mut self, outbox: Arc<dyn Outbox>) -> Self {
        self.outbox = Some(outbox);
        self
    }

    /// With somewhere to examine, keep and pin policy revisions.
    #[must_use]
    pub fn with_chancery(mut self, chancery: Chancery) -> Self {
        self.chancery = Some(Arc::new(chancery));
        self
    }

    /// What a jurisdiction exports to and purges by. To be said before work begins.
    pub fn provide(&mut self, jurisdiction: &str, means: Means) {
        self.means.insert(jurisdiction.to_owned(), means);
    }

    /// A jurisdiction.
    ///
    /// # Errors
    /// [`CaseError::Unknown`].
    pub fn chamber(&self, id: &str) -> Result<&Arc<Chamber>, CaseError> {
        self.chambers.get(id).ok_or_else(|| CaseError::Unknown {
            kind: "jurisdiction",
            id: id.to_owned(),
            hint: "; GET /v1/jurisdictions lists them",
        })
    }

    /// Every jurisdiction, by id.
    pub fn chambers(&self) -> impl Iterator<Item = &Arc<Chamber>> {
        self.chambers.values()
    }

    /// What keeps this host from deciding, if anything: the truth that `/readyz` tells.
    pub async fn impediments(&self) -> Vec<Impediment> {
        let mut found = Vec::new();
        let mut note = |partial, text: String| found.push(Impediment { jurisdiction: None, partial, text });
        if let Err(e) = self.clock.now() {
            note(false, e.to_string());
        }
        let asking = async {
            if let Err(e) = self.store.ping().await {
                return Some(format!("store: {e}"));
            }
            self.catch_up_all().await.err().map(|e| e.to_string())
        };
        let asked = tokio::time::timeout(STORE_ANSWERS, asking).await;
        let unanswered = || Some(format!("store: no answer within {} s", STORE_ANSWERS.as_secs()));
        if let Some(text) = asked.unwrap_or_else(|_| unanswered()) {
            note(false, text);
        }
        for chamber in self.chambers.values() {
            let jurisdiction = || Some(chamber.id.clone());
            let mut note =
                |partial, text: String| found.push(Impediment { jurisdiction: jurisdiction(), partial, text });
            if let Some(reason) = recovery::log_trouble(chamber.log()) {
                note(false, format!("{}: the audit log cannot be written: {reason}", chamber.id));
            }
            if let Some(reason) = chamber.ledger.trouble() {
                note(false, format!("{}: the database cannot be written: {reason}", chamber.id));
            }
            for hall in chamber.halls() {
                if let Some(trouble) = hall.trouble() {
                    // Where it was tried and failed, it is tried again.
                    hall.mend_aside(&chamber.store);
                    note(true, format!("{}: {trouble}", chamber.id));
                }
            }
            if let PolicyState::Absent(reason) = &**chamber.in_force() {
                note(true, format!("{}: no policy in force: {reason}", chamber.id));
            }
            if let Some(reason) = self.idle_order(&chamber.id) {
                note(true, format!("{}: {reason}", chamber.id));
            }
            let unread = chamber.unread.trouble().into_iter().chain(reading::unread_files(chamber.log()));
            for trouble in chamber.troubles.all().into_iter().chain(unread) {
                note(true, format!("{}: {trouble}", chamber.id));
            }
        }
        found
    }

    /// Whether something keeps this host from deciding that only another start makes good: what writes to a log or to the database
    /// has ended. Asks nobody, so that whoever watches the host learns of it whatever else does not answer.
    pub fn needs_restart(&self) -> bool {
        self.chambers.values().any(|chamber| chamber.is_broken())
    }

    /// Why the log of one of these jurisdictions does not answer, where a write of it has not returned for
    /// [`recovery::STALL_LIMIT`]; of all of them where none is named. Asks nobody.
    pub fn stalled(&self, of: &[&str]) -> Option<String> {
        let mut asked = self.chambers.values().filter(|chamber| of.is_empty() || of.contains(&chamber.id()));
        asked.find_map(|chamber| recovery::stalled(chamber.log()))
    }

    /// Where a log's disk does not answer, has threads of their own let go of the logs: whoever lets go of one last waits for its disk.
    fn leave_hanging(&self) {
        if self.stalled(&[]).is_none() {
            return;
        }
        for chamber in self.chambers.values() {
            let log = chamber.log().clone();
            tokio::task::spawn_blocking(move || log.close());
        }
    }

    /// Makes snapshots of the galleries that changed, records the stop in every log and closes them, then the store.
    ///
    /// # Errors
    /// The first log that could not be written; the others are closed all the same. One whose disk does not answer is left as it
    /// is, as by a kill. A snapshot that is not made in time is given up, and said to be; it is no error.
    pub async fn close(mut self) -> Result<(), CaseError> {
        self.watches.shutdown().await;
        let mut first = Ok(());
        // Side by side, as what follows: where a disk hangs, it is waited for once.
        let saving = self.chambers.values().cloned().map(|chamber| {
            tokio::spawn(async move { save_last(&chamber.halls(), &chamber.store, SNAPSHOTS_AT_STOP).await })
        });
        for saved in saving.collect::<Vec<_>>() {
            // Of a panic in it there is a line already, and the gallery is loaded from the database.
            let _ = saved.await;
        }
        let at = recovery::now(&self.clock);
        let closing: Vec<_> = self.chambers.values().map(|chamber| tokio::spawn(stop(chamber.clone(), at))).collect();
        for closed in closing {
            first = first.and(closed.await.unwrap_or_else(|e| Err(broke_off(&e))));
        }
        if tokio::time::timeout(SETTLE_AT_STOP, self.store.close()).await.is_err() {
            tracing::warn!("the database did not close in time: what it lacks is in the journals, for the next start");
        }
        first
    }
}

/// Records the stop in a jurisdiction's log, and closes that.
async fn stop(chamber: Arc<Chamber>, at: Instant) -> Result<(), CaseError> {
    let stopping = chamber.record_host(at, "stop", BTreeMap::new());
    let stopped = recovery::while_it_answers(chamber.log(), stopping).await;
    // What the database does not take now is in the journal, for the next start.
    let settled = tokio::time::timeout(SETTLE_AT_STOP, chamber.ledger.settle()).await;
    let settled =
        settled.unwrap_or_else(|_| Err(CaseError::Unwritten("it did not take what is recorded in time".into())));
    if chamber.neighbours.is_some()
        && settled.is_ok()
        && let Err(e) = chamber.store.let_go_all(chamber.log().origin()).await
    {
        tracing::warn!(jurisdiction = chamber.id(), %e, "what this host held among several is let go of when it runs out");
    }
    // On a thread of its own, which holds the log for as long as it waits for a disk that hangs.
    let log = chamber.log().clone();
    let closing = aside(move || log.close());
    let closed = recovery::while_it_answers(chamber.log(), async { Ok::<_, CaseError>(closing.await??) }).await;
    stopped.and(settled).and(closed)
}

/// Records that the entries so far are ahead of the clock, and who answers for it. To be recorded before anything else is.
async fn record_correction(
    chamber: &Chamber,
    correction: &Correction,
    last: Instant,
    at: Instant,
) -> Result<(), CaseError> {
    let Correction { by, why } = correction;
    tracing::warn!(jurisdiction = chamber.id(), %last, %by, %why, "the log is ahead of the clock, which is said to be right now");
    let details = BTreeMap::from([
        ("by".to_owned(), by.clone()),
        ("why".to_owned(), why.clone()),
        ("last-entry".to_owned(), last.to_string()),
    ]);
    let rows = vec![walk::turned_back(chamber.log())];
    chamber.record_host_with(at, "clock-set-right", details, rows).await
}

async fn record_start(chamber: &Chamber, mut start: Start, at: Instant) -> Result<(), CaseError> {
    let (torn, told) = dropped::told(chamber.log().origin(), &chamber.store).await?;
    start.rows.extend(told);
    let mut details = BTreeMap::from([("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    match &*chamber.policy() {
        PolicyState::Ready(policy) => {
            details.insert("component".to_owned(), policy.reference().component.to_string());
            details.insert("settings".to_owned(), policy.reference().settings.to_string());
        }
        PolicyState::Absent(reason) => {
            details.insert("no-policy".to_owned(), reason.clone());
        }
    }
    let registry = serde_json::to_vec(&*chamber.registry()).map_err(|e| CaseError::Log(e.to_string()))?;
    details.insert("registry".to_owned(), model::terms::Digest::of(&registry).to_string());
    if !start.overruled.is_empty() {
        details.insert("registry-file-overruled".to_owned(), start.overruled.join(" "));
    }
    if !start.changes.is_empty() {
        tracing::info!(jurisdiction = chamber.id(), changes = ?start.changes, "the registry file changes who may do what");
    }
    details.extend(start.changes);
    details.extend(torn);
    chamber.record_host_with(at, "start", details, start.rows).await?;
    // What it changes is on record: now it may hold at the next start, too.
    chamber.ledger.settle().await?;
    Ok(chamber.store.put_registry(&start.file).await?)
}

fn last_entry_at(log: &audit::Log) -> Result<Option<Instant>, CaseError> {
    let Some(last) = log.size().checked_sub(1) else { return Ok(None) };
    let leaf = log.entry(last)?;
    let leaf: model::account::Leaf = serde_json::from_slice(&leaf).map_err(|e| {
        CaseError::Unreadable(format!("entry {last} of {} is not a leaf: {e}; restore the log", log.origin()))
    })?;
    Ok(Some(leaf.at))
}
