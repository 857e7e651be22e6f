//! A turn among several hosts.
//!
//! [`Turns`](crate::turns::Turns) are one host's own. Where other hosts may be at the same jurisdiction, whoever takes a turn leases
//! it in the database, too: one short transaction more, and none where there is one host. A turn that another host does not let go
//! of within a moment is not waited for any longer, and the step is refused.
//!
//! What a step leaves behind gets into the database behind the log. So a lease is not let go of with the turn, but when all that
//! was recorded until then can be read by whoever takes the turn next; this host's own next step does not wait for that. While the
//! turn lasts its lease is prolonged. Where it could not be, this host decides nothing until the turn has ended: another may have
//! it.
//!
//! A host that starts brings what it recorded to the database, and lets go of what it had leased. A lease of one that does not come
//! back runs out, and whoever takes it then has that on record: what the other recorded last may not be in the database yet.

use crate::chamber::{Casework, Chamber, Registered, about};
use crate::error::CaseError;
use crate::hosts::Neighbours;
use crate::ledger::Ledger;
use crate::misstep::Misstep;
use crate::turns::Turn;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;

/// How long a lease lasts that nobody prolongs: longer than a host takes to start again, which lets go of its own.
const LASTS: Duration = Duration::from_secs(300);

/// How often a lease is asked for before the step is refused. Each time waits somewhat less than a second for another host, which
/// lets go of a turn some tens of milliseconds after it has ended.
const TRIES: u32 = 3;

/// How often a lease is prolonged: it survives a few attempts that fail.
const EVERY: Duration = Duration::from_secs(60);

/// How long to wait before a database is asked again that did not take what was recorded.
const RETRY: Duration = Duration::from_secs(1);

/// How long whoever can look again later waits for a turn that somebody else has on this host.
const PATIENCE: Duration = Duration::from_secs(3);

/// The leases of turns that this process takes at one jurisdiction, by their stamps, and until when each surely is its own.
#[derive(Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<String, Until>>>);

/// A moment by both clocks of this machine: the steady one may stand still while it sleeps, and the other one be set back.
#[derive(Clone, Copy)]
struct Until {
    steady: Instant,
    wall: SystemTime,
}

impl Until {
    /// So long from now.
    fn after(lasts: Duration) -> Self {
        Self { steady: Instant::now() + lasts, wall: SystemTime::now() + lasts }
    }

    fn is_past(self) -> bool {
        self.steady <= Instant::now() || self.wall <= SystemTime::now()
    }
}

/// A turn's lease, until it is dropped. Then it is let go of, as soon as what was recorded in the turn is in the database.
pub(crate) struct Lease(#[allow(dead_code, reason = "held for its drop")] oneshot::Sender<()>);

impl Leases {
    /// Whether every turn that is taken here still is this host's.
    ///
    /// # Errors
    /// [`CaseError::Lapsed`].
    pub(crate) fn check(&self) -> Result<(), CaseError> {
        if self.held().values().any(|until| until.is_past()) { Err(CaseError::Lapsed) } else { Ok(()) }
    }

    /// Leases the turn at a place. Gives the log, too, of another host whose lease had run out.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`], unrecorded, where another host has the turn; [`CaseError::Store`].
    async fn take(
        &self,
        rows: &store::Jurisdiction,
        ledger: &Ledger,
        place: &str,
    ) -> Result<(Lease, Option<String>), CaseError> {
        let keeper = Keeper {
            leases: self.clone(),
            rows: rows.clone(),
            ledger: ledger.clone(),
            place: place.to_owned(),
            stamp: model::terms::new_id(),
        };
        let (tell, told) = oneshot::channel();
        let (lease, ended) = oneshot::channel();
        // In a task of its own: whoever stops waiting leaves no lease behind.
        tokio::spawn(keeper.keep(tell, ended));
        let after = told.await.map_err(|_| CaseError::Stopping)??;
        Ok((Lease(lease), after))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Until>> {
        // The map is whole at every moment: a panic elsewhere cannot have torn it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one lease needs.
struct Keeper {
    leases: Leases,
    rows: store::Jurisdiction,
    ledger: Ledger,
    place: String,
    stamp: String,
}

impl Keeper {
    /// Takes the lease and tells so; prolongs it until the turn has ended, and lets go of it.
    async fn keep(self, tell: oneshot::Sender<Result<Option<String>, CaseError>>, mut ended: oneshot::Receiver<()>) {
        let until = Until::after(LASTS);
        let told = self.lease().await;
        let taken = told.is_ok();
        // Without an answer it may have been taken all the same.
        let unknown = matches!(&told, Err(e) if !matches!(e, CaseError::OutOfPlace(..)));
        if taken {
            self.leases.held().insert(self.stamp.clone(), until);
        }
        // Whoever stopped waiting has ended the turn, too.
        let _ = tell.send(told);
        if unknown {
            self.let_go().await;
        }
        if !taken {
            return;
        }
        while tokio::time::timeout(EVERY, &mut ended).await.is_err() {
            if let Some(until) = self.prolong().await {
                self.leases.held().insert(self.stamp.clone(), until);
            }
        }
        self.leases.held().remove(&self.stamp);
        self.let_go().await;
    }

    /// Takes the lease; gives the log of another host whose lease had run out.
    async fn lease(&self) -> Result<Option<String>, CaseError> {
        for _ in 0..TRIES {
            match self.rows.lease(&self.place, self.ledger.log().origin(), &self.stamp, LASTS).await? {
                store::Leased::Taken { after } => return Ok(after),
                store::Leased::Elsewhere => {}
            }
        }
        Err(Misstep::Elsewhere.into())
    }

    /// Prolongs the lease; gives until when it surely is this host's, if that is known.
    async fn prolong(&self) -> Option<Until> {
        let until = Until::after(LASTS);
        match self.rows.prolong(&self.place, &self.stamp, LASTS).await {
            Ok(true) => Some(until),
            Ok(false) => Some(Until::after(Duration::ZERO)),
            Err(e) => {
                tracing::warn!(log = self.ledger.log().origin(), %e, "what this host holds among several could not be prolonged");
                None
            }
        }
    }

    /// Lets go of the lease once the next host can read what was recorded in the turn. Where that does not come about it runs out.
    async fn let_go(&self) {
        let mut until = Until::after(LASTS);
        while self.ledger.settle().await.is_err() {
            until = self.prolong().await.unwrap_or(until);
            if until.is_past() {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
        let mut tried = 1;
        while let Err(e) = self.rows.let_go(&self.place, &self.stamp).await {
            if tried < TRIES {
                tried += 1;
                tokio::time::sleep(RETRY).await;
                continue;
            }
            tracing::warn!(log = self.ledger.log().origin(), %e, "what this host held among several is let go of when it runs out");
            return;
        }
    }
}

impl Casework {
    /// Waits for a turn at something of a jurisdiction, on this host and among several.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`], unrecorded, where another host has it; [`CaseError::Store`] where that cannot be learnt.
    pub(crate) async fn turn(&self, chamber: &Chamber, place: &str) -> Result<Turn, CaseError> {
        let turn = self.turns.take(&own(chamber, place)).await;
        self.among_several(chamber, turn, place).await
    }

    /// The same for whoever can look again later: absent where the turn is not to be had within a few seconds, here or among
    /// several.
    ///
    /// # Errors
    /// [`CaseError::Store`] where that cannot be learnt.
    pub(crate) async fn turn_soon(&self, chamber: &Chamber, place: &str) -> Result<Option<Turn>, CaseError> {
        let own = own(chamber, place);
        let Ok(turn) = tokio::time::timeout(PATIENCE, self.turns.take(&own)).await else { return Ok(None) };
        match self.among_several(chamber, turn, place).await {
            Err(CaseError::OutOfPlace(..)) => Ok(None),
            turn => turn.map(Some),
        }
    }

    async fn among_several(&self, chamber: &Chamber, turn: Turn, place: &str) -> Result<Turn, CaseError> {
        match &chamber.neighbours {
            // In a box of its own: no step on a single host has to make room for it.
            Some(neighbours) => Box::pin(self.turn_among(chamber, neighbours, turn, place)).await,
            None => Ok(turn),
        }
    }

    async fn turn_among(
        &self,
        chamber: &Chamber,
        neighbours: &Neighbours,
        turn: Turn,
        place: &str,
    ) -> Result<Turn, CaseError> {
        let (lease, after) = neighbours.leases.take(&chamber.store, &chamber.ledger, place).await?;
        if let Some(log) = after {
            tracing::warn!(jurisdiction = chamber.id(), place, %log, "another host has not let go of what it held: it is taken over");
            let details = BTreeMap::from([("log".to_owned(), log), ("of".to_owned(), place.to_owned())]);
            neighbours.taken_over.lock().await.push(details);
        }
        // What could not be recorded is so before the next turn here.
        let mut unsaid = neighbours.taken_over.lock().await;
        while let Some(details) = unsaid.first().cloned() {
            chamber.record_host(self.clock.now()?, "turn-taken-over", details).await?;
            unsaid.remove(0);
        }
        drop(unsaid);
        Ok(turn.leased(lease))
    }

    /// The same for a step that `actor` asks for, with what other hosts changed until then: `asked` is what a rejection calls it.
    ///
    /// # Errors
    /// As [`Casework::turn`], and recorded; [`CaseError::Rejected`], recorded, where they may not act any more.
    pub(crate) async fn turn_for(
        &self,
        actor: &Registered,
        chamber: &Chamber,
        place: &str,
        asked: &str,
    ) -> Result<Turn, CaseError> {
        self.turn_about(actor, chamber, place, asked, None).await
    }

    /// The turn of a request, for a step of it that `actor` asks for ([`Casework::turn_for`]).
    ///
    /// # Errors
    /// As [`Casework::turn_for`], recorded with the request.
    pub(crate) async fn turn_of_request(
        &self,
        actor: &Registered,
        owner: &Chamber,
        request: &str,
        asked: &str,
    ) -> Result<Turn, CaseError> {
        self.turn_about(actor, owner, request, asked, Some(request)).await
    }

    async fn turn_about(
        &self,
        actor: &Registered,
        chamber: &Chamber,
        place: &str,
        asked: &str,
        request: Option<&str>,
    ) -> Result<Turn, CaseError> {
        let turn = match self.turn(chamber, place).await {
            Err(CaseError::OutOfPlace(misstep, _)) => {
                return self.record_rejected(&[&chamber.ledger], actor, about(request), asked, misstep).await;
            }
            turn => turn?,
        };
        self.catch_up_all().await?;
        self.still_stands(actor, chamber.id(), asked, request).await?;
        Ok(turn)
    }
}

/// What a place of a jurisdiction is called among those of all jurisdictions on this host.
fn own(chamber: &Chamber, place: &str) -> String {
    format!("{} {place}", chamber.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORTH: &str = "host/north";

    struct Bench {
        ledger: Ledger,
        rows: store::Jurisdiction,
        _home: tempfile::TempDir,
    }

    async fn bench() -> Bench {
        let home = tempfile::tempdir().unwrap();
        let store = store::Store::open("mem://", None, store::MasterKey::generate()).await.unwrap().among_several();
        let rows = store.jurisdiction("north").await.unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(home.path(), cap_std::ambient_authority()).unwrap();
        let signer = audit::Ed25519Signer::from_seed(NORTH, [7; 32]).unwrap();
        let log = audit::Log::open(dir, NORTH, Arc::new(signer)).unwrap().log;
        Bench { ledger: Ledger::new(log, rows.clone()), rows, _home: home }
    }

    impl Bench {
        async fn other(&self) -> store::Leased {
            self.rows.lease("r", "other/north", "o", LASTS).await.unwrap()
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_is_let_go_of_when_its_turn_ends() {
        let (bench, leases) = (bench().await, Leases::default());
        let (lease, after) = leases.take(&bench.rows, &bench.ledger, "r").await.unwrap();
        assert_eq!((after, leases.held().len()), (None, 1));
        leases.check().unwrap();
        assert_eq!(bench.other().await, store::Leased::Elsewhere);
        drop(lease);
        // The other host waits a moment for it, and no longer.
        while bench.other().await == store::Leased::Elsewhere {}
        assert!(leases.held().is_empty());
        let refused = leases.take(&bench.rows, &bench.ledger, "r").await.map(drop);
        assert!(matches!(refused, Err(CaseError::OutOfPlace(Misstep::Elsewhere, _))), "{refused:?}");
        assert!(leases.held().is_empty(), "what was not taken is not held");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_step_that_takes_the_turn_again_keeps_it() {
        let (bench, leases) = (bench().await, Leases::default());
        let (first, _) = leases.take(&bench.rows, &bench.ledger, "r").await.unwrap();
        drop(first);
        let (_second, _) = leases.take(&bench.rows, &bench.ledger, "r").await.unwrap();
        // As the first does once all is in the database.
        bench.ledger.settle().await.unwrap();
        assert_eq!(bench.other().await, store::Leased::Elsewhere);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_decided_while_a_turn_may_be_anothers() {
        let leases = Leases::default();
        leases.held().insert("1".to_owned(), Until::after(LASTS));
        leases.check().unwrap();
        let (long, over) = (Until::after(LASTS), Until::after(Duration::ZERO));
        for past in [Until { steady: over.steady, ..long }, Until { wall: over.wall, ..long }] {
            leases.held().insert("2".to_owned(), past);
            assert!(matches!(leases.check(), Err(CaseError::Lapsed)), "by either clock");
        }
        leases.held().remove("2");
        leases.check().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_lost_is_known_to_be() {
        let (bench, leases) = (bench().await, Leases::default());
        let (rows, ledger) = (bench.rows.clone(), bench.ledger.clone());
        let keeper = Keeper { leases, rows, ledger, place: "r".to_owned(), stamp: "1".to_owned() };
        bench.rows.lease("r", NORTH, "1", Duration::ZERO).await.unwrap();
        let asked = Instant::now();
        assert!(keeper.prolong().await.is_some_and(|until| until.steady >= asked + LASTS), "nobody took it");
        bench.rows.lease("r", NORTH, "1", Duration::ZERO).await.unwrap();
        assert_eq!(bench.other().await, store::Leased::Taken { after: Some(NORTH.to_owned()) });
        assert!(keeper.prolong().await.is_some_and(Until::is_past));
    }
}
