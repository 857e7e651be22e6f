//! What the host does by itself as time passes: it delivers notices, and says of obligations that they are late.
//!
//! Each pass opens what has become due by the calendar ([`crate::calendar`]), and looks at those obligations whose moment has come by
//! the host's clock. What has to be purged is purged first, in every jurisdiction; whatever is not met by its deadline is recorded as
//! overdue, once, and stays to be met; what had to be kept for a time has been. A pruning of the log that broke off is finished. Of an
//! entry that another log did not take it is said that nothing came of it. Of galleries that changed and stand still again snapshots
//! are made, so that a host that is killed starts from them, too.
//!
//! A notice is handed to the outbox, and tried again with growing pauses until everybody whom it is for has it; every try is on
//! record, and so is whom it does not reach. Whoever asked for the search is an office of their own: `requester`.
//! A recipient's server may take long to say nothing, so notices go out beside the passes, a few of each jurisdiction at once.

mod delivery;

pub(crate) use delivery::after;

use crate::calendar;
use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::obligations::{HOST, Owed, Standing};
use crate::retention::{is_elsewhere, turn_of};
use crate::turns::Turn;
use model::account::Event;
use model::rulings::Duty;
use model::terms::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the clock is looked at. Deadlines are hours.
const EVERY: Duration = Duration::from_secs(60);

/// Notices of a jurisdiction that are taken up before somebody looks whether there are new ones, which go first. Four go out at
/// once, so that a new one waits for no more than four that nobody takes.
const MOST_IN_A_ROUND: usize = 16;

/// For notices on their way at the stop, which are recorded as delivered once they are: less than the server has in all. What is
/// given up on goes out once more, under the same id.
const LAST_POST: Duration = Duration::from_secs(12);

/// Passes until `stop` turns true: every minute, and at once when a decision demands a notice.
pub async fn keep(casework: Arc<Casework>, mut stop: watch::Receiver<bool>) {
    let mut posts: BTreeMap<String, JoinHandle<()>> = BTreeMap::new();
    loop {
        casework.pass_own().await;
        for chamber in casework.chambers() {
            if posts.get(chamber.id()).is_none_or(JoinHandle::is_finished) {
                let post = post(casework.clone(), chamber.clone(), stop.clone());
                posts.insert(chamber.id().to_owned(), tokio::spawn(post));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = casework.stir.notified() => {}
            () = told(&mut stop) => break,
        }
    }
    let until = tokio::time::Instant::now() + LAST_POST;
    for mut post in posts.into_values() {
        if tokio::time::timeout_at(until, &mut post).await.is_err() {
            tracing::warn!("a notice was on its way at the stop: it goes out after the next start");
            post.abort();
            // That it was aborted is known.
            let _ = post.await;
        }
    }
}

async fn post(casework: Arc<Casework>, chamber: Arc<Chamber>, stop: watch::Receiver<bool>) {
    casework.pass_notices(&chamber, &going(&stop)).await;
}

/// Whether there is time to begin with another notice.
fn going(stop: &watch::Receiver<bool>) -> impl Fn() -> bool + Sync + use<> {
    let stop = stop.clone();
    move || !*stop.borrow()
}

/// Waits until the host is told to stop.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody left to say stop counts as a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Which obligations are dealt with beside the passes.
fn is_notice(duty: &Duty) -> bool {
    matches!(duty, Duty::Notify(_))
}

impl Casework {
    /// One pass over every jurisdiction, notices included. What fails is tried again in the next one. Gives how many
    /// obligations were dealt with.
    pub async fn pass_deadlines(&self) -> usize {
        let mut dealt = self.pass_own().await;
        for chamber in self.chambers() {
            dealt += self.pass_notices(chamber, &|| true).await;
        }
        dealt
    }

    /// What the host does itself, purges first.
    async fn pass_own(&self) -> usize {
        let mut due = Vec::new();
        for chamber in self.chambers() {
            if let Err(e) = self.open_due(chamber).await {
                tracing::warn!(jurisdiction = chamber.id(), %e, "what is due by the calendar could not be opened");
            }
            let own = self.due(chamber, |duty| !is_notice(duty)).await;
            due.extend(own.into_iter().map(|owed| (chamber, owed)));
        }
        due.sort_by_key(|(_, owed)| !matches!(owed.duty, Duty::Purge(_)));
        let (mut dealt, mut stuck, mut taken) = (0, BTreeSet::new(), BTreeSet::new());
        for (chamber, listed) in due {
            let turn = (chamber.id().to_owned(), place(&listed));
            if stuck.contains(chamber.id()) || taken.contains(&turn) {
                continue;
            }
            match self.deal(chamber, &listed).await {
                Ok(Some(done)) => dealt += usize::from(done),
                // It is waited for once in a pass.
                Ok(None) => {
                    taken.insert(turn);
                }
                Err(e) => {
                    tracing::warn!(jurisdiction = chamber.id(), %e, "an obligation could not be dealt with");
                    let nothing_can = matches!(e, CaseError::Clock(_) | CaseError::Stopping)
                        || chamber.ledger.trouble().is_some()
                        || !chamber.log().is_writable();
                    if nothing_can {
                        stuck.insert(chamber.id());
                    }
                }
            }
        }
        for chamber in self.chambers() {
            let finished = match self.clock.now() {
                Ok(now) => self.finish_pruning(chamber, now).await,
                Err(e) => Err(e.into()),
            };
            match finished {
                Ok(n) => dealt += n,
                Err(e) => tracing::warn!(jurisdiction = chamber.id(), %e, "a pruning of the log could not be finished"),
            }
            let made_good = match self.clock.now() {
                Ok(now) => self.make_torn_good(chamber, now).await,
                Err(e) => Err(e.into()),
            };
            if let Err(e) = made_good {
                tracing::warn!(jurisdiction = chamber.id(), %e, "entries that another log did not take could not be seen to");
            }
            if let Ok(now) = self.clock.now() {
                chamber.save_still_aside(now);
            }
        }
        dealt
    }

    /// The notices of a jurisdiction that are due, until there are none, a few at once.
    async fn pass_notices(&self, chamber: &Chamber, going: &(dyn Fn() -> bool + Sync)) -> usize {
        let mut sent = 0;
        loop {
            let mut due = self.due(chamber, is_notice).await;
            // Those that nobody has taken yet may have to wait for long.
            due.sort_by_key(|owed| owed.tries);
            due.truncate(MOST_IN_A_ROUND);
            let (queue, dealt) = (Mutex::new(due.into_iter()), AtomicUsize::new(0));
            let work = || async {
                while going()
                    && let Some(listed) = next(&queue)
                {
                    match self.send(chamber, &listed).await {
                        Ok(done) => {
                            dealt.fetch_add(usize::from(done), Ordering::AcqRel);
                        }
                        Err(e) => {
                            tracing::warn!(jurisdiction = chamber.id(), %e, "a notice could not be dealt with");
                        }
                    }
                }
            };
            tokio::join!(work(), work(), work(), work());
            let dealt = dealt.into_inner();
            sent += dealt;
            if dealt == 0 || !going() {
                return sent;
            }
        }
    }

    /// The obligations of a jurisdiction whose moment has come and whose duty `which` picks, the most urgent first.
    async fn due(&self, chamber: &Chamber, which: impl Fn(&Duty) -> bool) -> Vec<Owed> {
        let read = async {
            let now = self.clock.now()?;
            chamber.ledger.settle().await?;
            Ok::<_, CaseError>(chamber.store.open_obligations(Some(now)).await?)
        };
        let rows = read.await.unwrap_or_else(|e| {
            tracing::warn!(jurisdiction = chamber.id(), %e, "deadlines could not be looked at");
            Vec::new()
        });
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            match Owed::read(row) {
                // Of another host's entries that host sees to it: here the same indices are other entries.
                Ok(Owed { about: Some(about), .. }) if is_elsewhere(&about, chamber.log().origin()) => {}
                Ok(owed) if which(&owed.duty) => due.push(owed),
                Ok(_) => {}
                Err(e) => tracing::error!(jurisdiction = chamber.id(), %e, "an obligation is not looked at"),
            }
        }
        due
    }

    /// An obligation as it stands now, if it is still to be dealt with, and when that is.
    async fn as_it_stands(&self, chamber: &Chamber, listed: &Owed) -> Result<Option<(Owed, Instant)>, CaseError> {
        chamber.ledger.settle().await?;
        let row = chamber.store.obligation(listed.filed_under().as_deref(), &listed.id).await?;
        let now = self.clock.now()?;
        match row.filter(|row| row.open && row.wake.is_some_and(|wake| wake <= now)) {
            Some(row) => Ok(Some((Owed::read(row)?, now))),
            None => Ok(None),
        }
    }

    /// Deals with an obligation that is no notice; gives whether it was still to be dealt with, if its turn was to be had.
    async fn deal(&self, chamber: &Chamber, listed: &Owed) -> Result<Option<bool>, CaseError> {
        // A step of the request may be about to meet it: it is looked at in the request's turn, as it stands then.
        let Some(_turn) = self.turn_of(chamber, listed).await? else { return Ok(None) };
        let Some((owed, now)) = self.as_it_stands(chamber, listed).await? else { return Ok(Some(false)) };
        match &owed.duty {
            Duty::Retain(_) => {
                let event = Event::Completed {
                    obligation: owed.id.clone(),
                    note: "kept for as long as it had to be".to_owned(),
                };
                self.record_deed(chamber, &owed, now, event, |owed| owed.met(HOST, now)).await?;
            }
            // It could not be carried out when it was imposed.
            Duty::Suspend(_) => {
                if !self.suspend(chamber, &owed, now).await? {
                    self.say_overdue(chamber, owed, now).await?;
                }
            }
            Duty::Purge(rule) => {
                let rule = rule.clone();
                self.purge_when_due(chamber, owed, &rule, now).await?;
            }
            // Kept when holds had a deadline: from now on nobody looks.
            Duty::Hold(_) => chamber.store.keep(&[owed.again(None)?]).await?,
            _ if calendar::is_of_it(&owed) => self.say_late(chamber, owed, now).await?,
            _ => drop(self.say_overdue(chamber, owed, now).await?),
        }
        Ok(Some(true))
    }

    /// Sends a notice; gives whether it was still to be sent. No step waits while it is delivered, and one may set it aside
    /// meanwhile.
    async fn send(&self, chamber: &Chamber, listed: &Owed) -> Result<bool, CaseError> {
        let Some(turn) = self.turn_of(chamber, listed).await? else { return Ok(false) };
        let Some((owed, now)) = self.as_it_stands(chamber, listed).await? else { return Ok(false) };
        let Duty::Notify(rule) = owed.duty.clone() else { return Ok(false) };
        let late = owed.due.is_some_and(|due| due <= now);
        let owed = if late { self.say_overdue(chamber, owed, now).await? } else { owed };
        drop(turn);
        self.notify(chamber, owed, &rule).await?;
        Ok(true)
    }

    /// The turn in which an obligation is looked at; absent where it is not to be had soon: then it is looked at again.
    pub(crate) async fn turn_of(&self, chamber: &Chamber, owed: &Owed) -> Result<Option<Turn>, CaseError> {
        self.turn_soon(chamber, &place(owed)).await
    }

    /// Records that an obligation is late, unless that is on record; gives it as it stands then.
    pub(crate) async fn say_overdue(&self, chamber: &Chamber, owed: Owed, now: Instant) -> Result<Owed, CaseError> {
        if matches!(owed.standing, Standing::Overdue { .. }) {
            return Ok(owed);
        }
        let event = Event::Overdue {
            obligation: owed.id.clone(),
            clause: owed.clause.to_string(),
            due: owed.due.unwrap_or(now),
            demands: vec![],
        };
        tracing::warn!(jurisdiction = chamber.id(), clause = %owed.clause, "an obligation is overdue");
        self.record_deed(chamber, &owed, now, event, |owed| owed.late(now)).await?;
        Ok(owed.overdue(now))
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
        let entry = chamber.own_entry(at, Subject::of_request(owed.request.as_deref()), None, event);
        ledger::record(&[&chamber.ledger], entry, rows).await.map(drop)
    }
}

/// Where the turn of an obligation is taken.
fn place(owed: &Owed) -> String {
    owed.filed_under().map_or_else(|| owed.id.clone(), |filed| turn_of(&filed).to_owned())
}

/// What comes next in a queue that several take from.
fn next<T>(queue: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}
