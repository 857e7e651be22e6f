//! What is kept beside the log, derived from the log again and compared.
//!
//! Obligations and how they stand, dockets, and the searches that history counts are rows, written in the commit of the account that
//! they follow from. Here they follow from the accounts once more, entry by entry, by the same functions by which steps write them,
//! and are held against the rows.
//!
//! - An entry whose account is gone is counted. What it alone said nobody can derive: a row that may be as it is because of that
//!   entry is counted, too, and is not held to differ.
//! - A row that no entry tells of is a difference. It is left as it is: nothing says what should be in its place.
//! - Of a jurisdiction with several hosts each has a log of its own. From one of them alone not all rows follow.
//!
//! Not derived are rows that say more than accounts do: requests, with their sealed probes; galleries; people, agencies, agreements
//! and revisions; marks of what is under way, a pruning among them. See `docs/decisions/0043-derived-again.md`.
//!
//! | module | holds |
//! |---|---|
//! | `told` | what each entry makes of the rows |
//! | `owed` | the obligations so far |
//! | `compare` | what differs |
//! | `mend` | rows written anew, behind an entry that lists them |

mod compare;
mod mend;
mod owed;
mod told;

pub use compare::{Difference, Findings};
pub use mend::Mending;

use crate::chamber::Casework;
use crate::error::CaseError;
use crate::life::Life;
use crate::obligations::Owed;
use crate::retention::{Derived, Lift};
use crate::walk;
use model::account::{Account, Event, Leaf};
use model::registry::Principal;
use model::rulings::SignOffRule;
use model::terms::{Instant, Phase, Verdict};
use owed::Obligations;
use std::collections::{BTreeMap, BTreeSet};

/// Entries read at once: four bundles of the log, and one question to the database.
const AT_ONCE: u64 = 1024;

/// The rows of one jurisdiction, as far as the entries of its log told of them so far.
pub struct Derivation {
    jurisdiction: String,
    /// The origin of its log.
    origin: String,
    owed: Obligations,
    dockets: Derived,
    /// Searches by the entry that permitted them.
    searches: BTreeMap<String, store::SearchRow>,
    requests: BTreeMap<String, Case>,
    /// Permits of which nothing is on record yet that came of them.
    intents: BTreeMap<String, Intent>,
    /// Every decision, by its index.
    decided: BTreeMap<u64, (String, Instant)>,
    lifts: Vec<Lift>,
    gone: Gone,
    latest: Instant,
}

/// Lifts of a log's entries: they end what decisions among them hold, wherever that is kept.
pub struct Lifts(Vec<Lift>);

/// A request, as far as obligations depend on it.
struct Case {
    /// The jurisdiction that keeps it: the gallery's owner.
    keeper: String,
    requester: Principal,
    life: Life,
    /// Decisions of which it is not known yet whether they wait, with all that they say.
    pending: Vec<Account>,
    /// What the last list demanded.
    shown: Vec<Owed>,
    /// The entries of decisions about it.
    decided: BTreeSet<String>,
}

/// A permit, as far as it bears on what came of it.
struct Intent {
    at: Instant,
    phase: Phase,
    /// The approvals that a step of the phase `retention` waits for.
    rules: Vec<SignOffRule>,
    /// The obligations that it imposed, by id.
    imposed: Vec<String>,
}

/// Entries that say nothing any more.
#[derive(Default)]
struct Gone {
    /// Their ids, and when they were recorded.
    entries: Vec<(String, Instant)>,
    moments: BTreeSet<Instant>,
    /// Those whose accounts a purge on record destroyed.
    destroyed: BTreeSet<String>,
    /// The first entry that the log keeps, and when that was recorded.
    pruned: u64,
    begun: Option<Instant>,
}

impl Gone {
    /// Whether an entry of this moment is gone.
    fn has(&self, at: Instant) -> bool {
        self.moments.contains(&at) || (self.pruned > 0 && self.begun.is_none_or(|begun| at <= begun))
    }

    /// Whether any is of this moment or later.
    fn since(&self, at: Instant) -> bool {
        self.moments.range(at..).next().is_some() || (self.pruned > 0 && self.begun.is_none_or(|begun| at <= begun))
    }
}

impl Casework {
    /// Derives the rows of every jurisdiction from its log and compares them. A step that is taken meanwhile may be in one and not yet
    /// in the other.
    ///
    /// # Errors
    /// [`CaseError`] when a log or rows cannot be read.
    pub async fn derive_again(&self) -> Result<BTreeMap<String, Findings>, CaseError> {
        let mut all = Vec::new();
        for chamber in self.chambers() {
            chamber.ledger.settle().await?;
            let log = chamber.log();
            let mut derived = Derivation::new(chamber.id(), log.origin(), log.minimum_index());
            let (mut next, size) = (log.minimum_index(), log.size());
            while next < size {
                let end = size.min(next + AT_ONCE);
                let leaves = walk::leaves(log, next..end)?;
                let ids: Vec<String> = leaves.iter().map(|(_, leaf)| leaf.id.clone()).collect();
                for ((index, leaf), row) in leaves.into_iter().zip(chamber.accounts(&ids).await?) {
                    let account = row.map(|row| chamber.account_in(&row)).transpose()?;
                    derived.take(index, &leaf, account)?;
                }
                next = end;
            }
            all.push((chamber, derived));
        }
        let lifts: Vec<Lifts> = all.iter().map(|(_, derived)| derived.lifts()).collect();
        let mut findings = BTreeMap::new();
        for (chamber, mut derived) in all {
            lifts.iter().try_for_each(|of_one| derived.heed(of_one))?;
            findings.insert(chamber.id().to_owned(), derived.compare(&chamber.store).await?);
        }
        Ok(findings)
    }
}

impl Derivation {
    /// Before any entry; `pruned` is the index of the first one that the log keeps.
    pub fn new(jurisdiction: &str, origin: &str, pruned: u64) -> Self {
        Self {
            jurisdiction: jurisdiction.to_owned(),
            origin: origin.to_owned(),
            owed: Obligations::default(),
            dockets: Derived::new(jurisdiction, origin),
            searches: BTreeMap::new(),
            requests: BTreeMap::new(),
            intents: BTreeMap::new(),
            decided: BTreeMap::new(),
            lifts: Vec::new(),
            gone: Gone { pruned, ..Gone::default() },
            latest: Instant(0),
        }
    }

    /// Takes the next entry. The account is absent where it is gone, or is not the one that the leaf commits to.
    ///
    /// # Errors
    /// [`CaseError::Log`] for what cannot be written as a row.
    pub fn take(&mut self, index: u64, leaf: &Leaf, account: Option<Account>) -> Result<(), CaseError> {
        self.latest = self.latest.max(leaf.at);
        self.gone.begun.get_or_insert(leaf.at);
        if leaf.verdict.is_some() {
            self.decided.insert(index, (leaf.id.clone(), leaf.at));
        }
        let Some(account) = account else {
            self.gone.entries.push((leaf.id.clone(), leaf.at));
            self.gone.moments.insert(leaf.at);
            if let (Some(Verdict::Permit), Some(phase)) = (leaf.verdict, leaf.phase) {
                // When it was is known all the same.
                let intent = Intent { at: leaf.at, phase, rules: Vec::new(), imposed: Vec::new() };
                self.intents.insert(leaf.id.clone(), intent);
            }
            return Ok(());
        };
        if let Event::Purged { destroyed, .. } = &account.event {
            let accounts = destroyed.iter().filter(|d| d.what == "account");
            self.gone.destroyed.extend(accounts.map(|d| d.id.clone()));
        }
        self.told(leaf.kind, &account)?;
        self.live(account);
        Ok(())
    }

    /// The lifts of this log's entries, which may end what is held in other jurisdictions' rows.
    pub fn lifts(&self) -> Lifts {
        Lifts(self.lifts.clone())
    }

    /// Takes what the entries of another jurisdiction's log say of rows that are kept here. To be called once both logs are read.
    /// Of its own it knows already.
    ///
    /// # Errors
    /// As [`Derivation::take`].
    pub fn heed(&mut self, lifts: &Lifts) -> Result<(), CaseError> {
        for lift in &lifts.0 {
            if lift.keeper == self.jurisdiction {
                continue;
            }
            for owed in self.held_by(lift) {
                let met = owed.met(&lift.entry, lift.at)?;
                self.owed.keep(&lift.entry, lift.at, met)?;
            }
        }
        Ok(())
    }

    /// The open holds that are kept here and that a lift of a log's entries ends.
    fn held_by(&self, lift: &Lift) -> Vec<Owed> {
        let is_held =
            |owed: &&Owed| owed.is_open() && owed.holds_entries_by_decision() && owed.jurisdiction == lift.keeper;
        let held = self.owed.rows().filter(|row| is_held(&&row.owed));
        let by = |entry: &str, owed: &Owed, imposed: &str| match owed
            .request
            .as_ref()
            .and_then(|id| self.requests.get(id))
        {
            Some(case) => case.decided.contains(entry),
            None => entry == imposed,
        };
        held.filter(|row| lift.decided.iter().any(|(id, at)| *at == row.owed.since && by(id, &row.owed, &row.imposed)))
            .map(|row| row.owed.clone())
            .collect()
    }

    /// Follows a request that is kept here ([`Life::fold`] does so at once).
    fn live(&mut self, account: Account) {
        let Some(case) = account.request.as_ref().and_then(|id| self.requests.get_mut(id)) else { return };
        if case.keeper != self.jurisdiction {
            return;
        }
        match &account.event {
            Event::Decision { rulings, .. } => {
                case.decided.insert(account.id.clone());
                // Neither is a step of the request.
                if matches!(rulings.phase, Phase::Violation | Phase::Waiver) {
                    return;
                }
                // Whoever waits says so before the request is decided on again.
                for earlier in std::mem::take(&mut case.pending) {
                    case.life.add(earlier, false);
                }
                case.pending.push(account);
            }
            event => {
                let of = account.of.as_ref();
                if let Some(place) = case.pending.iter().position(|pending| Some(&pending.id) == of) {
                    let decided = case.pending.remove(place);
                    case.life.add(decided, matches!(event, Event::Waits { .. }));
                }
                case.life.add(account, false);
            }
        }
    }
}
