//! Pruning the log: its oldest entries go whole, accounts and leaves, up to an index.
//!
//! It is a purge of audit entries that takes their leaves along, and is judged as one: a policy is told of a `purge` of all
//! entries from 0 to the last that goes, recorded when the youngest of them was. What it permits cannot be undone, so that the
//! host looks beyond that one decision: nothing goes that is held, that any decision still demands to be kept, or that is
//! younger than a year.
//!
//! Accounts go first, then the log is pruned, which is when it says so under its key. The docket has it that this is under way
//! before the first account goes. What breaks off is finished by the next pass over deadlines, after a restart or before one;
//! what was permitted and not begun is undone. Either is an entry.

use super::demanded::demanded_by;
use super::docket::Effect;
use super::find::{Found, Place};
use super::range::EntryRange;
use super::{AUDIT_ENTRY, Docket, ENTRIES, is_elsewhere};
use crate::aside::aside;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::misstep::{Demanded, Misstep, each};
use crate::obligations::Owed;
use crate::walk;
use model::account::{Event, Retained, Who};
use model::rulings::Duty;
use model::terms::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// Entries read, and accounts destroyed, at once: four bundles of the log, and one transaction.
const AT_ONCE: u64 = 1024;

/// No younger entry goes, in ms: a year, of 365 days or 366. It is a bolt behind the policies' own demands, as no directive
/// asks for less, and a policy's mistake could not be mended.
const LEAST_AGE_MS: u64 = 366 * 24 * 3_600_000;

/// As the entry calls it that a pruning was permitted and did not begin.
pub(super) const PRUNE_UNDONE: &str = "prune-undone";

/// A pruning that was permitted, until it is over: of the log that the docket's record is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruning {
    /// By whom.
    pub by: Who,
    /// When.
    pub at: Instant,
    /// The first entry that the log kept until then.
    pub from: u64,
    /// Whether anything may be gone.
    pub begun: bool,
}

/// The oldest entries of a log.
pub(super) struct Beginning {
    /// The first of them that is still there.
    pub(super) from: u64,
    /// The first entry that stays.
    pub(super) minimum: u64,
    /// When the youngest of them was recorded.
    pub(super) youngest: Instant,
    /// The clause that demands longest that they are kept, and until when.
    kept: Option<(Demanded, Instant)>,
    /// The clauses by which decisions hold entries as evidence.
    held: Vec<Demanded>,
}

impl Beginning {
    /// Takes down what an open obligation demands of these entries. What a decision wants kept begins with its own entry; what
    /// it holds may be older. `keeper` is the jurisdiction whose log it is: no other's policy has a say.
    fn heed(&mut self, owed: &Owed, keeper: &str) {
        if owed.jurisdiction != keeper {
            return;
        }
        match (&owed.duty, owed.due) {
            (Duty::Hold(rule), _) if rule.subject == AUDIT_ENTRY => self.held.push(Demanded::from(owed)),
            (Duty::Retain(rule), Some(due))
                if rule.subject == AUDIT_ENTRY
                    && owed.since <= self.youngest
                    && self.kept.as_ref().is_none_or(|(_, until)| *until < due) =>
            {
                self.kept = Some((Demanded::from(owed), due));
            }
            _ => {}
        }
    }

    /// Whether it may go, as far as the host has a say.
    pub(super) fn in_place(&self, found: &Found) -> Result<(), Misstep> {
        let Retained { subject, record, .. } = found.record.clone();
        if !self.held.is_empty() || found.held {
            let holds = |o: &&Owed| o.is_open() && matches!(&o.duty, Duty::Hold(rule) if rule.subject == AUDIT_ENTRY);
            let others = found.owed.iter().chain(found.around.owed()).filter(holds).map(Demanded::from);
            let demanded = each(self.held.iter().cloned().chain(others));
            return Err(Misstep::Held { subject, record, demanded });
        }
        let (demanded, until) = self.longest();
        if until > found.now { Err(Misstep::KeptUntil { subject, demanded, until }) } else { Ok(()) }
    }

    /// What demands longest that they are kept, where it is not this host, and until when.
    fn longest(&self) -> (Option<Demanded>, Instant) {
        let floor = self.youngest.plus_ms(LEAST_AGE_MS);
        match &self.kept {
            Some((demanded, until)) if *until > floor => (Some(demanded.clone()), *until),
            _ => (None, floor),
        }
    }
}

impl Found {
    /// The docket as it stands once this is permitted, and before anything is done.
    pub(super) fn to_be_pruned(&self, actor: &Registered, begun: bool) -> Docket {
        let mut docket = self.docket.clone();
        // One that has begun stays so, until it is over.
        let is_under_way = docket.pruning.as_ref().is_some_and(|pruning| pruning.begun);
        if let Place::Beginning(beginning) = &self.place
            && !is_under_way
        {
            docket.pruning = Some(Pruning { by: actor.who(), at: self.now, from: beginning.from, begun });
        }
        docket
    }
}

impl Casework {
    /// The entries from the beginning of the log to the last that is named, as far as they fill whole bundles.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`], not on record yet, where they fill none or are more than there are.
    pub(super) async fn find_beginning(&self, owner: &Chamber, range: EntryRange) -> Result<Place, CaseError> {
        let log = owner.log().clone();
        let (from, size, minimum) = (log.minimum_index(), log.size(), audit::whole_bundles(range.end()));
        if *range.indices().start() != 0 {
            let message = "a log is pruned from its beginning: write `0-LAST`".to_owned();
            return Err(CaseError::Invalid(message));
        }
        if range.end() > size {
            return Err(Misstep::NotInLog { last: *range.indices().end(), size }.into());
        }
        if minimum <= from {
            return Err(Misstep::NothingToPrune { from }.into());
        }
        // The last of them is hardly older than the youngest: where that is too young, the rest need not be read.
        let last = aside({
            let log = log.clone();
            move || youngest(&log, minimum - 1..minimum)
        });
        let until = last.await??.plus_ms(LEAST_AGE_MS);
        if until > self.clock.now()? {
            return Err(Misstep::KeptUntil { subject: AUDIT_ENTRY.to_owned(), demanded: None, until }.into());
        }
        let youngest = aside(move || youngest(&log, from..minimum)).await??;
        let mut beginning = Beginning { from, minimum, youngest, kept: None, held: vec![] };
        // A decision on a request for another jurisdiction's gallery has its entry in this log, and what it demands there.
        for chamber in self.chambers() {
            for owed in demanded_by(owner, chamber).await? {
                if owed.about.as_ref().is_none_or(|about| !is_elsewhere(about, owner.log().origin())) {
                    beginning.heed(&owed, owner.id());
                }
            }
        }
        Ok(Place::Beginning(beginning))
    }

    /// Prunes the log, as was permitted.
    pub(super) async fn prune(
        &self,
        found: &Found,
        docket: &mut Docket,
        actor: &Registered,
    ) -> Result<Event, CaseError> {
        let Place::Beginning(Beginning { from, minimum, .. }) = &found.place else {
            return Err(CaseError::Invalid("only a log is pruned: purge the record".to_owned()));
        };
        let owner = &found.owner;
        // From here on no crash brings back what is destroyed below; and what the docket said before is in the database.
        owner.ledger.clear().await?;
        owner.store.keep(&[found.to_be_pruned(actor, true).kept()?]).await?;
        self.destroy_beginning(owner, *minimum).await?;
        docket.undergo(Effect::Pruned(found.now));
        Ok(Event::Pruned { record: found.record.clone(), minimum: *minimum, entries: minimum - from })
    }

    /// Finishes prunings that broke off, and says of those that were permitted and not begun that they were not. Gives how many
    /// there were.
    pub(crate) async fn finish_pruning(&self, chamber: &Chamber, now: Instant) -> Result<usize, CaseError> {
        if !chamber.pruning.swap(false, Ordering::AcqRel) {
            return Ok(0);
        }
        let finished = self.finish_all(chamber, now).await;
        if finished.is_err() {
            chamber.pruning.store(true, Ordering::Release);
        }
        finished
    }

    async fn finish_all(&self, chamber: &Chamber, now: Instant) -> Result<usize, CaseError> {
        let Some(_turn) = self.turn_soon(chamber, ENTRIES).await? else {
            chamber.pruning.store(true, Ordering::Release);
            return Ok(0);
        };
        chamber.ledger.settle().await?;
        let mut finished = 0;
        for row in chamber.store.retentions().await? {
            let mut docket = Docket::read(row)?;
            let Some(pruning) = docket.pruning.take() else { continue };
            if !is_own(&docket.record, chamber) {
                // All hosts share the dockets, and its own host finishes it. Here it would take entries that nobody looked at.
                continue;
            }
            let record = docket.record.clone();
            let event = if pruning.begun {
                let minimum = EntryRange::of(&record)?.map_or(0, |range| audit::whole_bundles(range.end()));
                tracing::warn!(jurisdiction = chamber.id(), minimum, "a pruning of the log broke off; it is finished");
                chamber.ledger.clear().await?;
                self.destroy_beginning(chamber, minimum).await?;
                docket.undergo(Effect::Pruned(now));
                Event::Pruned { record, minimum, entries: minimum.saturating_sub(pruning.from) }
            } else {
                tracing::warn!(
                    jurisdiction = chamber.id(),
                    "a pruning of the log was permitted and broke off before it began"
                );
                let details = BTreeMap::from([
                    ("entries".to_owned(), record.record),
                    ("permitted".to_owned(), pruning.at.to_string()),
                    ("because".to_owned(), "it broke off before anything was gone".to_owned()),
                ]);
                Event::Host { act: PRUNE_UNDONE.to_owned(), details }
            };
            let entry = chamber.own_entry(now, Subject::Apart, None, event);
            ledger::record(&[&chamber.ledger], entry, vec![docket.kept()?]).await?;
            finished += 1;
        }
        Ok(finished)
    }

    /// Destroys the accounts of what is left below an index, and prunes the log there. What is gone already is passed over.
    async fn destroy_beginning(&self, chamber: &Chamber, minimum: u64) -> Result<(), CaseError> {
        let mut next = chamber.log().minimum_index();
        while next < minimum {
            let end = minimum.min(next + AT_ONCE);
            let log = chamber.log().clone();
            let leaves = aside(move || walk::leaves(&log, next..end)).await??;
            let ids: Vec<String> = leaves.into_iter().map(|(_, leaf)| leaf.id).collect();
            self.destroy_accounts(chamber, &ids, |_| false).await?;
            next = end;
        }
        let log = chamber.log().clone();
        aside(move || log.prune(minimum)).await?.map_err(|e| CaseError::Unpruned(e.to_string()))?;
        Ok(())
    }
}

/// Whether it is this host's log that a docket has pruned. One from before logs were told apart is, where there is one host.
fn is_own(record: &Retained, chamber: &Chamber) -> bool {
    match record.gallery.as_deref() {
        Some(log) => log == chamber.log().origin(),
        None => !chamber.store.of_several_hosts(),
    }
}

/// When the youngest of these entries was recorded.
fn youngest(log: &audit::Log, range: Range<u64>) -> Result<Instant, CaseError> {
    let (mut youngest, mut next) = (Instant(0), range.start);
    while next < range.end {
        let end = range.end.min(next + AT_ONCE);
        for (_, leaf) in walk::leaves(log, next..end)? {
            youngest = youngest.max(leaf.at);
        }
        next = end;
    }
    Ok(youngest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obligations::Standing;
    use model::rulings::RetentionRule;

    const DAY_MS: u64 = 24 * 3_600_000;

    fn owed(subject: &str, since_day: u64, days: u32, hold: bool) -> Owed {
        let since = Instant(since_day * DAY_MS);
        let rule = RetentionRule { subject: subject.to_owned(), at_least_days: days };
        Owed {
            id: "o".to_owned(),
            jurisdiction: "north".to_owned(),
            clause: "7".into(),
            duty: if hold { Duty::Hold(rule) } else { Duty::Retain(rule) },
            request: Some("r".to_owned()),
            about: None,
            owner: "host".to_owned(),
            since,
            due: Some(since.plus_ms(u64::from(days) * DAY_MS)),
            standing: Standing::Open,
            tries: 0,
            reach: Default::default(),
            wake: None,
        }
    }

    fn beginning(owed: &[Owed]) -> Beginning {
        let youngest = Instant(100 * DAY_MS);
        let mut beginning = Beginning { from: 0, minimum: 512, youngest, kept: None, held: vec![] };
        owed.iter().for_each(|owed| beginning.heed(owed, "north"));
        beginning
    }

    #[test]
    fn the_longest_demand_counts_and_never_less_than_a_year() {
        let floor = (None, Instant(466 * DAY_MS));
        assert_eq!(beginning(&[]).longest(), floor);
        assert_eq!(beginning(&[owed(AUDIT_ENTRY, 100, 30, false)]).longest(), floor, "a shorter demand");
        assert_eq!(beginning(&[owed("probe", 100, 3_650, false)]).longest(), floor, "of something else");
        assert_eq!(beginning(&[owed(AUDIT_ENTRY, 101, 3_650, false)]).longest(), floor, "of younger entries");
        let two = [owed(AUDIT_ENTRY, 50, 730, false), owed(AUDIT_ENTRY, 90, 400, false)];
        let seventh = Demanded { jurisdiction: "north".to_owned(), clause: "7".into() };
        assert_eq!(beginning(&two).longest(), (Some(seventh), Instant(780 * DAY_MS)));
    }

    #[test]
    fn what_another_jurisdiction_demands_keeps_nothing_here() {
        let of_south = |owed: Owed| Owed { jurisdiction: "south".to_owned(), ..owed };
        let demands = [of_south(owed(AUDIT_ENTRY, 50, 3_650, false)), of_south(owed(AUDIT_ENTRY, 1, 1, true))];
        let beginning = beginning(&demands);
        assert_eq!((beginning.longest().0, beginning.held), (None, vec![]));
    }

    #[test]
    fn what_a_decision_holds_is_held() {
        let held = |owed: &[Owed]| beginning(owed).held.iter().map(Demanded::to_string).collect::<Vec<_>>();
        assert!(held(&[owed("probe", 1, 1, true), owed(AUDIT_ENTRY, 1, 1, false)]).is_empty());
        assert_eq!(held(&[owed(AUDIT_ENTRY, 1, 1, true)]), ["north 7"]);
        assert_eq!(held(&[owed(AUDIT_ENTRY, 101, 1, true)]), ["north 7"], "what it holds may be older than it is");
    }
}
