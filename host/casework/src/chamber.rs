//! A jurisdiction at work: its policy, its log, its part of the store, its galleries.
//!
//! | module | holds |
//! |---|---|
//! | `casework` | all of them together: start, stop, readiness |
//! | `applied` | what a registry file changes |
//! | `registered` | who somebody is, and what is on record of those who may not even ask |

mod applied;
mod casework;
mod registered;

pub use casework::{Casework, Impediment};
pub use registered::Registered;
pub(crate) use registered::about;

use crate::alarm::Troubles;
use crate::calendar::GoneThrough;
use crate::clock::Clock;
use crate::error::{CaseError, Rejection};
use crate::gallery::Hall;
use crate::grounds::Roll;
use crate::history::{HOUR_MS, History};
use crate::hosts::Neighbours;
use crate::ledger::{self, Entry, Ledger, Subject};
use crate::misstep::Demanded;
use crate::pace::Pace;
use crate::reading::Unread;
use crate::recovery::Outage;
use crate::reopening::{self, Vigil};
use crate::revision;
use crate::shelf::{self, Shelf};
use crate::standing::Decisions;
use arc_swap::ArcSwap;
use model::account::{Event, Kind, Who};
use model::registry::{Agency, Principal, Registry};
use model::terms::{Holder, Instant, Phase};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// A jurisdiction's policy, or why there is none. Without one every step is denied, and the denial recorded.
pub enum PolicyState {
    /// In force.
    Ready(policy::Policy),
    /// Not to be used, for this reason.
    Absent(String),
}

impl PolicyState {
    /// The name of the zone in which days begin; UTC without a policy.
    pub(crate) fn time_zone(&self) -> &str {
        match self {
            Self::Ready(policy) => &policy.charter().time_zone,
            Self::Absent(_) => "UTC",
        }
    }
}

/// What is told of a jurisdiction without a policy: that there is none; and why, for which its reason may name files, to its own
/// people alone.
pub fn no_policy(jurisdiction: &str, reason: &str, asker: Option<&Principal>) -> String {
    if asker.is_some_and(|asker| asker.jurisdiction == jurisdiction) {
        format!("{NO_POLICY}: {reason}")
    } else {
        NO_POLICY.to_owned()
    }
}

/// What is told of a jurisdiction without a policy, before the reason.
pub(crate) const NO_POLICY: &str = "no policy is in force";

/// What a jurisdiction starts from.
pub struct Opening {
    /// Its id.
    pub id: String,
    /// Its policy.
    pub policy: PolicyState,
    /// Its registry file; what the store holds beyond it stays.
    pub registry: Registry,
    /// Its log, not yet opened: what its journal holds for the store is brought there first.
    pub log: audit::Prepared,
    /// The folder for its galleries; kept in memory alone, and loaded from the store at every start, where absent.
    pub galleries: Option<cap_std::fs::Dir>,
}

/// A jurisdiction at work.
pub struct Chamber {
    id: String,
    policy: ArcSwap<PolicyState>,
    roll: ArcSwap<Roll>,
    // Held by whoever changes the registry.
    pub(crate) decisions: tokio::sync::Mutex<Decisions>,
    pub(crate) ledger: Ledger,
    pub(crate) store: store::Jurisdiction,
    // Where other hosts may be at this jurisdiction.
    pub(crate) neighbours: Option<Neighbours>,
    pub(crate) history: History,
    halls: RwLock<BTreeMap<String, Arc<Hall>>>,
    // Set once, before work begins, where checkpoints are to be cosigned.
    pub(crate) witnessed: OnceLock<Arc<audit::Witnessed>>,
    pub(crate) troubles: Troubles,
    pub(crate) unread: Unread,
    pub(crate) gone_through: GoneThrough,
    pub(crate) pace: Pace,
    /// Whether a pruning of the log may have broken off: at the start it may.
    pub(crate) pruning: AtomicBool,
}

impl Chamber {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its policy. Another one may be in force the next time.
    pub fn policy(&self) -> Arc<PolicyState> {
        self.policy.load_full()
    }

    /// The same for a moment, at the cost of one atomic load.
    pub(crate) fn in_force(&self) -> arc_swap::Guard<Arc<PolicyState>> {
        self.policy.load()
    }

    /// From now on this policy is in force.
    pub(crate) fn put_in_force(&self, policy: policy::Policy) {
        self.policy.store(Arc::new(PolicyState::Ready(policy)));
    }

    /// From now on no policy is in force, for this reason.
    pub(crate) fn put_out_of_force(&self, reason: String) {
        self.policy.store(Arc::new(PolicyState::Absent(reason)));
    }

    /// Its log.
    pub fn log(&self) -> &audit::Log {
        self.ledger.log()
    }

    /// Whether what writes to its log or to the database has ended.
    pub(crate) fn is_broken(&self) -> bool {
        self.log().is_closed() || self.ledger.is_broken()
    }

    /// Its registry.
    pub fn registry(&self) -> Arc<Registry> {
        self.roll.load().registry.clone()
    }

    pub(crate) fn replace_registry(&self, roll: Roll) {
        self.roll.store(Arc::new(roll));
    }

    /// Its policy as it is in force now; absent where there is none.
    pub(crate) fn ready(&self) -> Option<policy::Policy> {
        match &**self.in_force() {
            PolicyState::Ready(policy) => Some(policy.clone()),
            PolicyState::Absent(_) => None,
        }
    }

    /// A statement of its policy's charter.
    pub(crate) fn statement(&self, id: &str) -> Option<model::rulings::Statement> {
        self.ready()?.charter().statements.iter().find(|s| s.id == id).cloned()
    }

    /// A document of its policy's charter.
    pub(crate) fn document(&self, id: &str) -> Option<model::rulings::Document> {
        self.ready()?.charter().documents.iter().find(|d| d.id == id).cloned()
    }

    /// The clauses by which its policy's charter has a step of this phase in its place.
    pub(crate) fn placing(&self, phase: Phase) -> Vec<Demanded> {
        let Some(policy) = self.ready() else { return Vec::new() };
        let places = policy.charter().places.iter().filter(|place| place.phase == phase);
        places.map(|place| Demanded { jurisdiction: self.id.clone(), clause: place.clause.clone() }).collect()
    }

    /// What policies are told of this moment here.
    pub(crate) fn local(&self, now: Instant) -> model::facts::Clock {
        crate::clock::fact(now, self.in_force().time_zone())
    }

    /// The host itself, as the entries of this jurisdiction's log name it.
    pub(crate) fn host(&self) -> Who {
        host_of(&self.id)
    }

    /// An agency, as this jurisdiction knows it.
    pub(crate) fn agency(&self, id: &str) -> Option<Agency> {
        self.roll.load().registry.agencies.iter().find(|a| a.id == id).cloned()
    }

    /// Why somebody suspended in its registry is refused: `told` is given by what they are suspended.
    pub(crate) fn refuse_suspended(&self, whose: Holder, id: &str, told: impl FnOnce(&str) -> String) -> Rejection {
        self.roll.load().grounds.refuse(&self.id, whose, id, told)
    }

    /// A gallery at work.
    ///
    /// # Errors
    /// [`CaseError::Unknown`].
    pub fn hall(&self, id: &str) -> Result<Arc<Hall>, CaseError> {
        let halls = self.halls.read().unwrap_or_else(PoisonError::into_inner);
        halls.get(id).cloned().ok_or_else(|| CaseError::Unknown {
            kind: "gallery",
            id: id.to_owned(),
            hint: "; GET /v1/jurisdictions lists them",
        })
    }

    /// Every gallery.
    pub fn halls(&self) -> Vec<Arc<Hall>> {
        self.halls.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Records what the host did on its own.
    pub(crate) async fn record_host(
        &self,
        at: Instant,
        act: &str,
        details: BTreeMap<String, String>,
    ) -> Result<(), CaseError> {
        self.record_host_with(at, act, details, vec![]).await
    }

    /// The same, with what it leaves behind.
    pub(crate) async fn record_host_with(
        &self,
        at: Instant,
        act: &str,
        details: BTreeMap<String, String>,
        rows: Vec<store::Kept>,
    ) -> Result<(), CaseError> {
        let event = Event::Host { act: act.to_owned(), details };
        let entry = self.own_entry(at, Subject::Apart, None, event);
        ledger::record(&[&self.ledger], entry, rows).await.map(drop)
    }

    /// An entry about what the host does on its own.
    pub(crate) fn own_entry(&self, at: Instant, subject: Subject, of: Option<String>, event: Event) -> Entry {
        Entry { kind: Kind::Host, who: self.host(), at, subject, of, event }
    }

    /// Makes snapshots of the galleries that have none, while they work.
    fn save_aside(&self) {
        for hall in self.halls() {
            let store = self.store.clone();
            tokio::spawn(async move { hall.warn_unsaved(hall.save(&store, false).await) });
        }
    }

    /// Makes snapshots of the galleries that changed and then stood still, one after the other, while they work.
    pub(crate) fn save_still_aside(&self, now: Instant) {
        let (halls, store) = (self.halls(), self.store.clone());
        tokio::spawn(async move {
            for hall in halls {
                hall.warn_unsaved(hall.save_when_still(&store, now).await);
            }
        });
    }

    /// The jurisdiction at work, and what its start entry adds to it.
    async fn open(
        foundation: Foundation,
        now: Instant,
        progress: &(dyn Fn(Loading<'_>) + Sync),
    ) -> Result<(Self, Start), CaseError> {
        let Foundation { id, policy, registry: file, rows, log, outage, galleries } = foundation;
        let neighbours = Neighbours::meet(&rows, log.origin()).await?;
        let mut before = Registry {
            agencies: rows.agencies().await?,
            people: rows.people().await?,
            galleries: rows.galleries().await?,
        };
        let mut registry = applied::merged(&before, &file);
        let decisions = Decisions::read(&rows).await?;
        let today = crate::clock::fact(now, policy.time_zone()).today;
        decisions.lay_over(&mut before, today);
        let overruled = decisions.lay_over(&mut registry, today);
        let changes = applied::changes(&before, &registry);
        if !overruled.is_empty() {
            tracing::warn!(jurisdiction = %id, ?overruled, "of these the registry file says something else than what steps decided since, which stands");
        }
        let known = revision::read(&rows).await?;
        if let Some(neighbours) = &neighbours
            && revision::is_overtaken(&policy, &known)
        {
            neighbours.overtaken();
        }
        let (policy, revisions) = revision::at_start(policy, &known, now);
        let rows_at_start = revisions.iter().map(revision::Revision::row).collect::<Result<_, _>>()?;
        let start = Start { file, changes, overruled, rows: rows_at_start, outage };
        let shelf = galleries.map(|dir| Arc::new(Shelf::new(dir, &id)));
        let mut halls = BTreeMap::new();
        for gallery in &registry.galleries {
            let hall = shelf::load(&id, &rows, gallery, shelf.clone(), progress).await?;
            halls.insert(gallery.id.clone(), Arc::new(hall));
        }
        let searches = rows.searches_since(Instant(now.0.saturating_sub(HOUR_MS))).await?;
        let mut history = History::derive(&searches);
        if neighbours.is_some() {
            history = history.among_several(&searches, now);
        }
        let chamber = Self {
            ledger: Ledger::new(log, rows.clone()),
            roll: ArcSwap::from_pointee(Roll { registry: Arc::new(registry), grounds: decisions.grounds() }),
            decisions: tokio::sync::Mutex::new(decisions),
            halls: RwLock::new(halls),
            store: rows,
            neighbours,
            id,
            policy: ArcSwap::from_pointee(policy),
            history,
            witnessed: OnceLock::new(),
            troubles: Troubles::default(),
            unread: Unread::default(),
            gone_through: GoneThrough::default(),
            pace: Pace::default(),
            pruning: AtomicBool::new(true),
        };
        Ok((chamber, start))
    }
}

/// The host itself, as the entries of a jurisdiction's log name it.
pub(crate) fn host_of(jurisdiction: &str) -> Who {
    Who {
        jurisdiction: jurisdiction.to_owned(),
        person: "host".to_owned(),
        name: "Magistrate".to_owned(),
        unit: String::new(),
        agency: String::new(),
    }
}

/// What is on record with a jurisdiction's start.
struct Start {
    /// The registry file: applied once it is on record what it changes.
    file: Registry,
    /// What it changes, by name.
    changes: BTreeMap<String, String>,
    /// People and agencies of whom the registry file says something else than what steps decided.
    overruled: Vec<String>,
    /// What the start decides of policy revisions.
    rows: Vec<store::Kept>,
    /// How long the log could not be opened, if it could not.
    outage: Option<Outage>,
}

/// A jurisdiction whose log and store agree.
struct Foundation {
    id: String,
    policy: PolicyState,
    registry: Registry,
    rows: store::Jurisdiction,
    log: audit::Log,
    outage: Option<Outage>,
    galleries: Option<cap_std::fs::Dir>,
}

impl Foundation {
    async fn lay(
        opening: Opening,
        store: &store::Store,
        clock: &Clock,
        vigil: Option<&Vigil>,
    ) -> Result<Self, CaseError> {
        let Opening { id, policy, registry, log, galleries } = opening;
        let rows = store.jurisdiction(&id).await?;
        let (opened, outage) = reopening::open(log, (&id, &rows), clock, vigil).await?;
        if let Some(recovered) = &opened.recovered {
            tracing::warn!(log = opened.log.origin(), ?recovered, "the log was not closed; it has been recovered");
        }
        Ok(Self { id, policy, registry, rows, log: opened.log, outage, galleries })
    }
}

/// How far a gallery has been loaded.
pub struct Loading<'a> {
    /// The jurisdiction.
    pub jurisdiction: &'a str,
    /// The gallery.
    pub gallery: &'a str,
    /// Rows loaded.
    pub rows: u64,
    /// Rows to load.
    pub of: u64,
}
