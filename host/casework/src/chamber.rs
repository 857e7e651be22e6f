//! A jurisdiction at work: its policy, its log, its part of the store, its galleries. And all of them together.

use crate::alarm::{Alarm, Announce, Troubles};
use crate::chancery::Chancery;
use crate::clock::{Clock, ClockError, Correction};
use crate::drawn;
use crate::error::CaseError;
use crate::gallery::Hall;
use crate::history::{HOUR_MS, History};
use crate::hosts::Neighbours;
use crate::ledger::{self, Entry, Ledger, Subject};
use crate::notices::Outbox;
use crate::paper::Draughting;
use crate::recovery;
use crate::retention::Means;
use crate::revision;
use crate::shelf::{self, Shelf};
use crate::standing::Decisions;
use crate::turns::Turns;
use crate::unfinished;
use crate::walk;
use arc_swap::ArcSwap;
use model::account::{Event, Kind, Who};
use model::registry::{Agency, Person, Principal, Registry};
use model::terms::Instant;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long the database has at the stop to take what is recorded: a few commits.
const SETTLE_AT_STOP: Duration = Duration::from_secs(10);

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
    registry: ArcSwap<Registry>,
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
    /// Whether a pruning of the log may have broken off: at the start it may.
    pub(crate) pruning: AtomicBool,
}

/// All jurisdictions of one host.
pub struct Casework {
    chambers: BTreeMap<String, Arc<Chamber>>,
    pub(crate) clock: Clock,
    pub(crate) extractor: Option<Arc<dyn face::Extractor>>,
    pub(crate) draughting: Option<Arc<dyn Draughting>>,
    pub(crate) outbox: Option<Arc<dyn Outbox>>,
    pub(crate) chancery: Option<Arc<Chancery>>,
    /// What each jurisdiction exports to and purges by, where it says so.
    pub(crate) means: BTreeMap<String, Means>,
    pub(crate) turns: Turns,
    /// Told when there is something for [`crate::deadlines`] to do at once.
    pub(crate) stir: tokio::sync::Notify,
    store: store::Store,
    pub(crate) alarm: Arc<dyn Alarm>,
    // What watches over the logs while others work.
    pub(crate) watches: JoinSet<()>,
}

/// Something that keeps the host, or one jurisdiction of it, from deciding.
pub struct Impediment {
    /// Whether only one jurisdiction is concerned, and the others go on.
    pub partial: bool,
    /// What it is.
    pub text: String,
}

/// A person who authenticated and is registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// As the certificate says.
    pub principal: Principal,
    /// As the registry says.
    pub person: Person,
    /// Their agency, as their own jurisdiction knows it.
    pub agency: Agency,
}

impl Registered {
    /// As an audit entry names them.
    pub fn who(&self) -> Who {
        Who {
            jurisdiction: self.principal.jurisdiction.clone(),
            person: self.person.id.clone(),
            name: self.person.name.clone(),
            unit: self.person.unit.clone(),
            agency: self.agency.id.clone(),
        }
    }

    /// The key under which their searches are counted.
    pub fn key(&self) -> String {
        self.principal.to_string()
    }
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

    /// Its registry.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.load_full()
    }

    pub(crate) fn replace_registry(&self, registry: Arc<Registry>) {
        self.registry.store(registry);
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

    /// What policies are told of this moment here.
    pub(crate) fn local(&self, now: Instant) -> model::facts::Clock {
        crate::clock::fact(now, self.in_force().time_zone())
    }

    /// The host itself, as the entries of this jurisdiction's log name it.
    pub(crate) fn host(&self) -> Who {
        Who {
            jurisdiction: self.id.clone(),
            person: "host".to_owned(),
            name: "Magistrate".to_owned(),
            unit: String::new(),
            agency: String::new(),
        }
    }

    /// An agency, as this jurisdiction knows it.
    pub(crate) fn agency(&self, id: &str) -> Option<Agency> {
        self.registry.load().agencies.iter().find(|a| a.id == id).cloned()
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
        let entry = Entry { kind: Kind::Host, who: self.host(), at, subject: Subject::default(), of: None, event };
        ledger::record(&[&self.ledger], entry, rows).await.map(drop)
    }

    /// Makes snapshots of the galleries that have none, while they work.
    fn save_aside(&self) {
        for hall in self.halls() {
            let store = self.store.clone();
            tokio::spawn(async move { save(&hall, &store, false).await });
        }
    }

    /// The jurisdiction at work, and what its start entry adds to it.
    async fn open(
        foundation: Foundation,
        now: Instant,
        progress: &(dyn Fn(Loading<'_>) + Sync),
    ) -> Result<(Self, Start), CaseError> {
        let Foundation { id, policy, registry, rows, log, galleries } = foundation;
        rows.put_registry(&registry).await?;
        let neighbours = Neighbours::meet(&rows, log.origin()).await?;
        let mut registry = Registry {
            agencies: rows.agencies().await?,
            people: rows.people().await?,
            galleries: rows.galleries().await?,
        };
        let decisions = Decisions::read(&rows).await?;
        let overruled = decisions.lay_over(&mut registry);
        if !overruled.is_empty() {
            tracing::warn!(jurisdiction = %id, ?overruled, "of these the registry file says something else than what steps decided since, which stands");
        }
        let (policy, revisions) = revision::at_start(policy, &revision::read(&rows).await?, now);
        let rows_at_start = revisions.iter().map(revision::Revision::row).collect::<Result<_, _>>()?;
        let start = Start { overruled, rows: rows_at_start };
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
            registry: ArcSwap::from_pointee(registry),
            decisions: tokio::sync::Mutex::new(decisions),
            halls: RwLock::new(halls),
            store: rows,
            neighbours,
            id,
            policy: ArcSwap::from_pointee(policy),
            history,
            witnessed: OnceLock::new(),
            troubles: Troubles::default(),
            pruning: AtomicBool::new(true),
        };
        Ok((chamber, start))
    }
}

/// What is on record with a jurisdiction's start.
struct Start {
    /// People and agencies of whom the registry file says something else than what steps decided.
    overruled: Vec<String>,
    /// What the start decides of policy revisions.
    rows: Vec<store::Kept>,
}

/// A jurisdiction whose log and store agree.
struct Foundation {
    id: String,
    policy: PolicyState,
    registry: Registry,
    rows: store::Jurisdiction,
    log: audit::Log,
    galleries: Option<cap_std::fs::Dir>,
}

impl Foundation {
    async fn lay(opening: Opening, store: &store::Store) -> Result<Self, CaseError> {
        let Opening { id, policy, registry, log, galleries } = opening;
        let rows = store.jurisdiction(&id).await?;
        ledger::replay(&log, &rows).await?;
        let opened = log.open().map_err(|e| CaseError::Log(e.to_string()))?;
        if let Some(recovered) = &opened.recovered {
            tracing::warn!(log = opened.log.origin(), ?recovered, "the log was not closed; it has been recovered");
        }
        Ok(Self { id, policy, registry, rows, log: opened.log, galleries })
    }
}

/// A snapshot that cannot be written makes the next start slower, and nothing else.
async fn save(hall: &Hall, store: &store::Jurisdiction, last: bool) {
    if let Err(e) = hall.save(store, last).await {
        tracing::warn!(gallery = %hall.registered().id, %e, "no snapshot was made of the gallery");
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

impl Casework {
    /// Opens every jurisdiction: applies the registry files, loads the galleries, and records the start in every log. Where
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
        let (mut chambers, mut ahead) = (BTreeMap::new(), BTreeMap::new());
        let mut foundations = Vec::with_capacity(openings.len());
        for opening in openings {
            let foundation = Foundation::lay(opening, &store).await?;
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
        let mut starts = Vec::with_capacity(foundations.len());
        for foundation in foundations {
            let id = foundation.id.clone();
            let (chamber, start) = Chamber::open(foundation, now, progress).await?;
            let chamber = Arc::new(chamber);
            starts.push((chamber.clone(), start));
            chambers.insert(id, chamber);
        }
        let (alarm, watches) = (Arc::new(Announce), JoinSet::new());
        let casework = Self {
            chambers,
            clock,
            extractor,
            draughting: None,
            outbox: None,
            chancery: None,
            means: BTreeMap::new(),
            turns: Turns::default(),
            stir: tokio::sync::Notify::new(),
            store,
            alarm,
            watches,
        };
        for (chamber, start) in starts {
            if let (Some(correction), Some(last)) = (casework.clock.correction(), ahead.get(chamber.id())) {
                record_correction(&chamber, correction, *last, now).await?;
            }
            record_start(&chamber, start, now).await?;
            unfinished::sweep(&chamber, now).await;
            drawn::sweep(&chamber, now).await;
            chamber.save_aside();
        }
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

    /// Finds the person a certificate names.
    ///
    /// # Errors
    /// [`CaseError::Rejected`] for somebody unknown or suspended, which is recorded in the log of the jurisdiction that
    /// the certificate names; [`CaseError::Store`] where it cannot be learnt what other hosts changed.
    pub async fn registered(&self, principal: &Principal) -> Result<Registered, CaseError> {
        let Some(chamber) = self.chambers.get(&principal.jurisdiction) else {
            return Err(CaseError::Rejected(format!(
                "the certificate names the jurisdiction `{}`, which this host does not serve",
                principal.jurisdiction
            )));
        };
        // In every jurisdiction: a step may concern any.
        self.catch_up_all().await?;
        match person_of(chamber, principal) {
            Ok(registered) => Ok(registered),
            Err(reason) => {
                let who = Who {
                    jurisdiction: principal.jurisdiction.clone(),
                    person: principal.person.clone(),
                    name: String::new(),
                    unit: String::new(),
                    agency: String::new(),
                };
                self.record_rejection(&[chamber], who, "authentication", &reason).await?;
                Err(CaseError::Rejected(reason))
            }
        }
    }

    /// Somebody of the same or another jurisdiction on whose behalf a step is taken. Why somebody may not act is told to
    /// whoever asks from their own jurisdiction: to anybody else they are nobody who may.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], unrecorded.
    pub(crate) fn other(&self, asker: &Registered, principal: &Principal) -> Result<Registered, CaseError> {
        let chamber = self.chamber(&principal.jurisdiction)?;
        person_of(chamber, principal).map_err(|reason| {
            let own = asker.principal.jurisdiction == principal.jurisdiction;
            let Principal { jurisdiction, person, .. } = principal;
            CaseError::Rejected(if own {
                reason
            } else {
                format!("`{person}` is nobody of `{jurisdiction}` who may act now: ask that jurisdiction")
            })
        })
    }

    /// Records that somebody asked for what they may not even ask, and says so.
    ///
    /// # Errors
    /// Always: [`CaseError::Rejected`], or why it could not be recorded.
    pub async fn reject<T>(
        &self,
        jurisdiction: &str,
        asker: &Registered,
        asked: &str,
        reason: &str,
    ) -> Result<T, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        self.reject_in(&[chamber], asker, asked, reason).await
    }

    /// The same, on record in the log of each of these jurisdictions.
    ///
    /// # Errors
    /// As [`Casework::reject`].
    pub(crate) async fn reject_in<T>(
        &self,
        chambers: &[&Arc<Chamber>],
        asker: &Registered,
        asked: &str,
        reason: &str,
    ) -> Result<T, CaseError> {
        self.record_rejection(chambers, asker.who(), asked, reason).await?;
        Err(CaseError::Rejected(reason.to_owned()))
    }

    async fn record_rejection(
        &self,
        chambers: &[&Arc<Chamber>],
        who: Who,
        asked: &str,
        reason: &str,
    ) -> Result<(), CaseError> {
        let at = self.clock.now()?;
        let event = Event::Rejected { asked: asked.to_owned(), reason: reason.to_owned() };
        let entry = Entry { kind: Kind::Rejection, who, at, subject: Subject::default(), of: None, event };
        let ledgers: Vec<&Ledger> = chambers.iter().map(|chamber| &chamber.ledger).collect();
        ledger::record(&ledgers, entry, vec![]).await.map(drop)
    }

    /// What keeps this host from deciding, if anything: the truth that `/readyz` tells.
    pub async fn impediments(&self) -> Vec<Impediment> {
        let mut found = Vec::new();
        let mut note = |partial, text: String| found.push(Impediment { partial, text });
        if let Err(e) = self.clock.now() {
            note(false, e.to_string());
        }
        if let Err(e) = self.store.ping().await {
            note(false, format!("store: {e}"));
        } else if let Err(e) = self.catch_up_all().await {
            note(false, e.to_string());
        }
        for chamber in self.chambers.values() {
            if !chamber.log().is_writable() {
                let reason = chamber.log().halted().map(|reason| format!(": {reason}")).unwrap_or_default();
                note(false, format!("{}: the audit log cannot be written{reason}", chamber.id));
            }
            if let Some(reason) = chamber.ledger.trouble() {
                note(false, format!("{}: the database cannot be written: {reason}", chamber.id));
            }
            for trouble in chamber.halls().iter().filter_map(|hall| hall.trouble()) {
                note(true, format!("{}: {trouble}", chamber.id));
            }
            if let PolicyState::Absent(reason) = &**chamber.in_force() {
                note(true, format!("{}: no policy in force: {reason}", chamber.id));
            }
            for trouble in chamber.troubles.all() {
                note(true, format!("{}: {trouble}", chamber.id));
            }
        }
        found
    }

    /// Makes snapshots of the galleries that changed, records the stop in every log and closes them, then the store.
    ///
    /// # Errors
    /// The first log that could not be written; the others are closed all the same.
    pub async fn close(mut self) -> Result<(), CaseError> {
        self.watches.shutdown().await;
        let mut first = Ok(());
        for chamber in self.chambers.values() {
            for hall in chamber.halls() {
                save(&hall, &chamber.store, true).await;
            }
            let at = recovery::now(&self.clock);
            let stopped = chamber.record_host(at, "stop", BTreeMap::new()).await;
            // What the database does not take now is in the journal, for the next start.
            let settled = tokio::time::timeout(SETTLE_AT_STOP, chamber.ledger.settle()).await;
            let settled =
                settled.unwrap_or_else(|_| Err(CaseError::Log("the database did not take what is recorded".into())));
            let closed = chamber.log().clone().close().map_err(CaseError::from);
            first = first.and(stopped).and(settled).and(closed);
        }
        self.store.close().await;
        first
    }
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

async fn record_start(chamber: &Chamber, start: Start, at: Instant) -> Result<(), CaseError> {
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
    chamber.record_host_with(at, "start", details, start.rows).await
}

fn person_of(chamber: &Chamber, principal: &Principal) -> Result<Registered, String> {
    let registry = chamber.registry.load();
    let Some(person) = registry.people.iter().find(|p| p.id == principal.person) else {
        return Err(format!(
            "`{}` is not in the registry of `{}`: have the registrar add them",
            principal.person, chamber.id
        ));
    };
    if let Some(since) = person.suspended_since {
        return Err(format!("`{}` is suspended since {since}", person.id));
    }
    let Some(agency) = registry.agencies.iter().find(|a| a.id == person.agency) else {
        return Err(format!("the agency `{}` of `{}` is not in the registry", person.agency, person.id));
    };
    Ok(Registered { principal: principal.clone(), person: person.clone(), agency: agency.clone() })
}

fn last_entry_at(log: &audit::Log) -> Result<Option<Instant>, CaseError> {
    let Some(last) = log.size().checked_sub(1) else { return Ok(None) };
    let leaf = log.entry(last)?;
    let leaf: model::account::Leaf = serde_json::from_slice(&leaf)
        .map_err(|e| CaseError::Log(format!("entry {last} of {} is not a leaf: {e}", log.origin())))?;
    Ok(Some(leaf.at))
}
