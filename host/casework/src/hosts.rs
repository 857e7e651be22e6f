//! Several hosts at one jurisdiction, on one database server: each learns what the others changed.
//!
//! What is in memory is a copy. Before a step is decided, and every second anyway, a host looks at the counters in the database
//! and takes over what it has not seen: records of galleries, people and agencies, what steps decided of them, and which policy
//! revision is in force. Whoever changed something waits until the others can read it before it answers. If the database does not
//! answer, nothing is decided.
//!
//! A policy revision that another host put in force is installed from this host's archive; where that does not hold it, there
//! is no policy in force here, and every step is denied. The same goes for one that took effect while this host was off.
//!
//! A turn is one host's at a time: it is leased (`lease`).
//!
//! Each host writes logs of its own. One that finds another process writing under its name refuses every step.
//!
//! With an embedded database there is one host, and nothing of this is done.

use crate::chamber::{Casework, Chamber, PolicyState};
use crate::chancery;
use crate::deadlines::told;
use crate::error::CaseError;
use crate::grounds::Roll;
use crate::lease::Leases;
use crate::recovery;
use crate::revision::{self, Revision};
use crate::standing::Decisions;
use model::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How often the counters are looked at while nothing is decided: a purge reaches the memory of every host within about that.
const EVERY: Duration = Duration::from_secs(1);

/// What a host knows of the others.
pub(crate) struct Neighbours {
    /// This process, as it claimed its log.
    process: String,
    /// The registry's counter when it was last read.
    heard: AtomicU64,
    /// Whether there is no policy here because another host put one in force that is not in the archive, or did so while this
    /// one was off and nobody has looked there yet.
    astray: AtomicBool,
    /// The turns that this process has leased.
    pub(crate) leases: Leases,
    /// What is still to be put on record of turns that were taken over.
    pub(crate) taken_over: tokio::sync::Mutex<Vec<BTreeMap<String, String>>>,
}

impl Neighbours {
    /// Claims the log for this process, if other hosts may be at the same jurisdiction. To be made before the registry is read.
    pub(crate) async fn meet(rows: &store::Jurisdiction, origin: &str) -> Result<Option<Self>, CaseError> {
        if !rows.of_several_hosts() {
            return Ok(None);
        }
        let process = model::terms::new_id();
        rows.claim(origin, &process).await?;
        // What an earlier process recorded in its turns is in the database by now.
        rows.let_go_all(origin).await?;
        let heard = AtomicU64::new(rows.tidings(origin, &[]).await?.registry);
        let (astray, leases) = (AtomicBool::new(false), Leases::default());
        Ok(Some(Self { process, heard, astray, leases, taken_over: tokio::sync::Mutex::default() }))
    }

    /// Says that the policy's folder holds what another host superseded, so that what is in force is looked for in the archive.
    pub(crate) fn overtaken(&self) {
        self.astray.store(true, Ordering::Release);
    }
}

/// Looks at what other hosts changed until `stop` turns true; ends at once where there are none.
pub async fn keep(casework: Arc<Casework>, mut stop: watch::Receiver<bool>) {
    if !casework.chambers().any(|chamber| chamber.neighbours.is_some()) {
        return;
    }
    let mut silent = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = told(&mut stop) => return,
        }
        let looked = casework.catch_up_all().await;
        if let (Err(e), false) = (&looked, silent) {
            tracing::warn!(%e, "what other hosts changed cannot be learnt: nothing is decided until it can be");
        }
        silent = looked.is_err();
    }
}

impl Casework {
    /// Learns what other hosts changed in any jurisdiction.
    ///
    /// # Errors
    /// As for one jurisdiction: then nothing may be decided.
    pub async fn catch_up_all(&self) -> Result<(), CaseError> {
        for chamber in self.chambers() {
            self.catch_up(chamber).await?;
        }
        Ok(())
    }

    /// Learns what other hosts changed in a jurisdiction.
    ///
    /// # Errors
    /// [`CaseError::Store`] when the database does not answer; [`CaseError::Log`] when another process writes this host's log;
    /// [`CaseError::Lapsed`] while a turn that is taken here may be another host's. Nothing may be decided then.
    pub(crate) async fn catch_up(&self, chamber: &Chamber) -> Result<(), CaseError> {
        match &chamber.neighbours {
            // In a box of its own: no step on a single host has to make room for it.
            Some(neighbours) => Box::pin(self.look_around(chamber, neighbours)).await,
            None => Ok(()),
        }
    }

    async fn look_around(&self, chamber: &Chamber, neighbours: &Neighbours) -> Result<(), CaseError> {
        let halls = chamber.halls();
        let galleries: Vec<_> = halls.iter().map(|hall| hall.registered().id.clone()).collect();
        let origin = chamber.log().origin().to_owned();
        let tidings = chamber.store.tidings(&origin, &galleries).await?;
        if tidings.writer.as_deref() != Some(neighbours.process.as_str()) {
            let message = format!(
                "another process writes the log `{origin}`: give each host a name of its own under [audit], and start this one again"
            );
            return Err(CaseError::Log(message));
        }
        for hall in halls {
            if let Some(generation) = tidings.galleries.get(&hall.registered().id) {
                hall.catch_up(&chamber.store, chamber.id(), *generation).await?;
            }
        }
        let heard = neighbours.heard.load(Ordering::Acquire);
        if heard != tidings.registry || neighbours.astray.load(Ordering::Acquire) {
            self.hear(chamber, neighbours, tidings.registry).await?;
        }
        // Last: what came before took its time.
        neighbours.leases.check()
    }

    /// Reads anew what other hosts may have changed beside galleries.
    async fn hear(&self, chamber: &Chamber, neighbours: &Neighbours, counted: u64) -> Result<(), CaseError> {
        // Nobody here changes the registry or the policy meanwhile, and what was changed here before is in the database.
        let mut decisions = chamber.decisions.lock().await;
        if neighbours.heard.load(Ordering::Acquire) == counted && !neighbours.astray.load(Ordering::Acquire) {
            // Somebody else has heard it meanwhile.
            return Ok(());
        }
        chamber.ledger.settle().await?;
        let rows = &chamber.store;
        let mut registry = Registry {
            agencies: rows.agencies().await?,
            people: rows.people().await?,
            // A gallery is put to work at a start.
            galleries: chamber.registry().galleries.clone(),
        };
        let read = Decisions::read(rows).await?;
        // What others decided holds while the clock is wrong, too.
        let now = recovery::now(&self.clock);
        read.lay_over(&mut registry, chamber.local(now).today);
        let revisions = revision::read(rows).await?;
        chamber.replace_registry(Roll { registry: Arc::new(registry), grounds: read.grounds() });
        *decisions = read;
        self.follow(chamber, neighbours, &revisions).await?;
        neighbours.heard.store(counted, Ordering::Release);
        Ok(())
    }

    /// Puts in force here what another host put in force.
    async fn follow(
        &self,
        chamber: &Chamber,
        neighbours: &Neighbours,
        revisions: &[Revision],
    ) -> Result<(), CaseError> {
        let Some(wanted) = revisions.iter().find(|r| r.is_in_force()).map(Revision::reference) else { return Ok(()) };
        match &*chamber.policy() {
            PolicyState::Ready(policy) if *policy.reference() == wanted => return Ok(()),
            // What was not in force at the start is not put in force by another host, either.
            PolicyState::Absent(_) if !neighbours.astray.load(Ordering::Acquire) => return Ok(()),
            _ => {}
        }
        let revision = wanted.clone();
        let known = chancery::at(self.chancery.as_ref(), move |c| c.examine(&revision, None, None)).await;
        let installed = match known {
            Ok(_) => {
                let details = BTreeMap::from([
                    ("component".to_owned(), wanted.component.to_string()),
                    ("settings".to_owned(), wanted.settings.to_string()),
                ]);
                chamber.record_host(self.clock.now()?, "policy-followed", details).await?;
                let (jurisdiction, revision) = (chamber.id().to_owned(), wanted.clone());
                chancery::at(self.chancery.as_ref(), move |c| c.install(&jurisdiction, &revision)).await
            }
            Err(e) => Err(e),
        };
        match installed {
            Ok(policy) => {
                chamber.put_in_force(policy);
                neighbours.astray.store(false, Ordering::Release);
                tracing::info!(jurisdiction = chamber.id(), component = %wanted.component, "a policy revision that another host put in force is in force here");
            }
            Err(e) => {
                let reason = format!(
                    "another host put the component {} with the settings {} in force, and this host does not have it: copy it into \
                     the archive of policies ({e})",
                    wanted.component, wanted.settings
                );
                if !neighbours.astray.swap(true, Ordering::AcqRel) {
                    tracing::error!(jurisdiction = chamber.id(), %reason, "no policy in force: every step will be denied");
                }
                chamber.put_out_of_force(reason);
            }
        }
        Ok(())
    }
}

impl Chamber {
    /// Waits, where other hosts are at the jurisdiction, until they can read what was recorded here. It is done and on record
    /// whether or not they can: if they cannot, neither can this host go on.
    pub(crate) async fn publish(&self) {
        if self.neighbours.is_some()
            && let Err(e) = self.ledger.settle().await
        {
            tracing::error!(jurisdiction = self.id(), %e, "other hosts cannot read yet what was changed here");
        }
    }
}
