//! A walk: steps of one request in whatever order and by whomever, at one host or at two, some of them on what was read long
//! before. After each step the logs are read, and the rows of every jurisdiction concerned: nothing is on record that must not be,
//! and a step that is not taken changes nothing but the logs.

use super::came::{Came, came, differing, forget_demands, stated};
use super::record::{Record, Told, Wants};
use super::{outgoing, registered, rows_but_the_logs, said, signing};
use magistrate_casework::access::Change;
use magistrate_casework::chamber::Registered;
use magistrate_casework::disposition::Examination;
use magistrate_casework::intake::OpenRequest;
use magistrate_casework::search_step::Plan;
use magistrate_casework::{CaseError, Casework};
use model::facts::{AccessChange, Conclusion, Likeness};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::test_support::RowAtRest;

/// Steps that are random, but for those that help.
const STEPS: usize = 28;

/// Steps that help, at most, until the result has left.
const ROAD: usize = 40;

/// Steps after that.
const AFTER: usize = 6;

/// Between two steps.
const STEP_MS: u64 = 1_000;

/// Between two walks: policies bound what one person searches in an hour.
const WALK_MS: u64 = 600_000;

/// What somebody does for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Opens the list, and signs what they conclude.
    Examines,
    /// Approves of it.
    Approves,
    /// Nothing that the result has to have.
    Acts,
}

/// Somebody who takes steps; `role` is the one they sign in, or try to.
#[derive(Clone, Copy, Debug)]
pub struct Player {
    pub home: &'static str,
    pub id: &'static str,
    pub role: &'static str,
    pub part: Part,
}

impl Player {
    fn key(&self) -> String {
        format!("{}/{}", self.home, self.id)
    }
}

/// Somebody who is suspended and reinstated as the walk goes, and by whom.
#[derive(Clone, Copy)]
pub struct Unsettled {
    pub home: &'static str,
    pub officer: &'static str,
    pub person: &'static str,
}

/// Where a walk is made.
pub struct Scene<'s> {
    /// Hosts on one database, each with a clock of its own.
    pub hosts: &'s [Casework],
    pub clocks: &'s [Arc<AtomicU64>],
    pub store: &'s store::Store,
    /// The jurisdictions concerned, the gallery's owner last, and who audits each.
    pub concerned: &'static [(&'static str, &'static str)],
    /// The first one searches, says what candidates are, and releases.
    pub players: &'static [Player],
    pub unsettled: Option<Unsettled>,
    pub wants: Wants,
}

/// How often something was tried, by what came of it.
#[derive(Debug, Default)]
pub struct Tried {
    pub taken: usize,
    pub waits: usize,
    pub refused: usize,
    /// Releases that were refused.
    pub kept_back: usize,
    pub leads: usize,
    pub no_leads: usize,
}

impl Scene<'_> {
    fn owner(&self) -> &'static str {
        self.concerned[self.concerned.len() - 1].0
    }

    /// A record of what the logs here are going to say.
    pub fn record(&self) -> Record {
        let concerned: Vec<&str> = self.concerned.iter().map(|(jurisdiction, _)| *jurisdiction).collect();
        Record::begin(&self.hosts[0], &concerned)
    }

    /// Lets so much time pass that searches of earlier walks do not count.
    pub fn rest(&self) {
        self.pass(WALK_MS);
    }

    fn pass(&self, ms: u64) {
        for clock in self.clocks {
            clock.fetch_add(ms, Ordering::AcqRel);
        }
    }

    /// Walks a request that was opened here, towards a lead or none, as the seed has it. In the end its result has left.
    pub async fn walk(&self, record: &mut Record, seed: u64, request: &str, tried: &mut Tried) {
        let mut walk = Walk::begin(self, record, seed, request).await;
        if !(self.wants.search)(&walk.told) {
            // It has to wait for its approval.
            walk.go(&[Move { host: 0, player: 0, act: Act::Search, stale: false, helps: false }]).await;
        }
        for step in 0..STEPS {
            let moves = walk.choose();
            walk.go(&moves).await;
            if step % 7 == 6 {
                let host = walk.dice.random_range(0..self.hosts.len());
                walk.copies[host] = copies(self, host, request).await;
            }
        }
        for _ in 0..ROAD {
            if walk.told.released.is_none() {
                let next = walk.helpful();
                walk.go(&[next]).await;
            }
        }
        let released = walk.told.released;
        assert!(released.is_some(), "seed {seed}: no way is left: {:?}", walk.told);
        for _ in 0..AFTER {
            let any = walk.any();
            walk.go(&[any]).await;
        }
        if walk.is_unsettled() {
            let act = Act::Access(AccessChange::Reinstate);
            walk.go(&[Move { host: 0, player: 0, act, stale: false, helps: true }]).await;
        }
        assert!(!walk.is_unsettled() && walk.told.released == released, "seed {seed}: {:?}", walk.told);
        tried.add(&walk.tried);
        drop(walk);
        tried.leads += usize::from(released.is_some_and(|candidates| candidates > 0));
        tried.no_leads += usize::from(released == Some(0));
        // That nothing was found wrong says something: to who wants what nobody gave, the release is.
        let nobody = Wants { release: |_, _| false, ..self.wants };
        assert!(!record.told(request, &nobody).faults.is_empty(), "seed {seed}: nothing was looked at");
    }
}

impl Tried {
    fn count(&mut self, step: &Move, came: Came) {
        match came {
            Came::Taken => self.taken += 1,
            Came::Waits => self.waits += 1,
            Came::Refused { .. } => self.refused += 1,
        }
        self.kept_back += usize::from(matches!(step.act, Act::Release(_)) && came != Came::Taken);
    }

    fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.waits += other.waits;
        self.refused += other.refused;
        self.kept_back += other.kept_back;
    }

    /// That so many walks tried something: a few steps of each were taken, more were refused, releases among them, and both
    /// kinds of result left.
    pub fn suffices(&self, walks: usize) {
        println!("{self:?} in {walks} walks");
        assert_eq!(self.leads + self.no_leads, walks, "{self:?}");
        assert!(self.leads > 0 && self.no_leads > 0, "{self:?}");
        assert!(self.taken > 3 * walks && self.refused > 5 * walks && self.kept_back > walks, "{self:?}");
    }
}

/// A step.
#[derive(Clone, Copy, Debug)]
enum Act {
    Look,
    /// Of every candidate.
    Dispose(Likeness),
    Sign(Conclusion),
    Search,
    /// So many candidates.
    Release(usize),
    /// Of whoever is unsettled.
    Access(AccessChange),
}

#[derive(Clone, Copy, Debug)]
struct Move {
    host: usize,
    player: usize,
    act: Act,
    /// On what the host said of the person and the request before.
    stale: bool,
    /// Whether it is the next one towards the result.
    helps: bool,
}

/// What was read at a host a while ago.
struct Copies {
    people: Vec<Option<Registered>>,
    open: OpenRequest,
}

async fn copies(scene: &Scene<'_>, host: usize, request: &str) -> Copies {
    let host = &scene.hosts[host];
    let mut people = Vec::with_capacity(scene.players.len());
    for player in scene.players {
        people.push(registered(host, player.home, player.id).await.ok());
    }
    Copies { people, open: host.request(scene.owner(), request).await.unwrap() }
}

struct Walk<'s, 'r> {
    scene: &'s Scene<'s>,
    record: &'r mut Record,
    rows: Vec<store::Jurisdiction>,
    request: String,
    seed: u64,
    dice: StdRng,
    /// By host.
    copies: Vec<Copies>,
    told: Told,
    kept: Vec<RowAtRest>,
    /// Whether the list that stands leads nowhere.
    stuck: bool,
    tried: Tried,
}

impl<'s, 'r> Walk<'s, 'r> {
    async fn begin(scene: &'s Scene<'s>, record: &'r mut Record, seed: u64, request: &str) -> Self {
        let mut rows = Vec::new();
        for (jurisdiction, _) in scene.concerned {
            rows.push(scene.store.jurisdiction(jurisdiction).await.unwrap());
        }
        let (told, tried) = (Told::default(), Tried::default());
        let (request, dice) = (request.to_owned(), StdRng::seed_from_u64(seed));
        let (copied, kept, stuck) = (Vec::new(), Vec::new(), false);
        let mut walk = Self { scene, record, rows, request, seed, dice, copies: copied, told, kept, stuck, tried };
        walk.look_up().await;
        for host in 0..scene.hosts.len() {
            walk.copies.push(copies(scene, host, &walk.request).await);
        }
        walk.look_up().await;
        walk.record.obliges();
        walk
    }

    /// Reads what is on record and what is kept by now.
    async fn look_up(&mut self) {
        for host in self.scene.hosts {
            for (jurisdiction, auditor) in self.scene.concerned {
                self.record.read(host, jurisdiction, auditor).await;
            }
        }
        self.told = self.record.told(&self.request, &self.scene.wants);
        self.kept.clear();
        for rows in &self.rows {
            self.kept.extend(rows_but_the_logs(rows).await);
        }
        // Whoever reads the one list tidies it, and leases are let go of behind the step.
        self.kept.retain(|row| !["obligation_wake", "lease"].contains(&row.table));
    }

    /// Takes a step, or two at the same moment, and looks at what came of it.
    async fn go(&mut self, moves: &[Move]) {
        self.scene.pass(STEP_MS);
        let came = match moves {
            [one, other] => {
                let (one, other) = tokio::join!(self.take(one), self.take(other));
                vec![one, other]
            }
            [one] => vec![self.take(one).await],
            _ => panic!("one step, or two"),
        };
        let (stood, mut kept) = (self.told.clone(), self.kept.clone());
        self.look_up().await;
        let at = format!("seed {}: {moves:?}: {came:?}", self.seed);
        assert!(self.told.faults.is_empty(), "{at}: {:?}", self.told.faults);
        assert!(!self.told.is_searching(), "{at}: a search has not ended");
        let obliges = self.record.obliges();
        if came.iter().all(|came| *came != Came::Taken) {
            assert_eq!(stood, self.told, "{at}: the request is as it was");
            let mut stands = self.kept.clone();
            if obliges {
                forget_demands(&mut kept);
                forget_demands(&mut stands);
            }
            assert!(kept == stands, "{at}: {}", differing(&kept, &stands));
        }
        for (step, came) in moves.iter().zip(came) {
            self.tried.count(step, came);
            self.stuck |= step.helps && came != Came::Taken && self.told.list.is_some();
        }
    }

    fn is_unsettled(&self) -> bool {
        let unsettled = self.scene.unsettled;
        unsettled.is_some_and(|u| self.told.is_suspended(&format!("{}/{}", u.home, u.person)))
    }

    /// Oftener than not a step that helps, else any one; where there are two hosts, at times one at each.
    fn choose(&mut self) -> Vec<Move> {
        if self.dice.random_ratio(3, 5) {
            return vec![self.helpful()];
        }
        if self.scene.unsettled.is_some() && self.dice.random_ratio(1, 6) {
            let change = if self.is_unsettled() { AccessChange::Reinstate } else { AccessChange::Suspend };
            let host = self.dice.random_range(0..self.scene.hosts.len());
            return vec![Move { host, player: 0, act: Act::Access(change), stale: false, helps: false }];
        }
        let any = self.any();
        if self.scene.hosts.len() > 1 && self.dice.random_ratio(1, 3) {
            return vec![Move { host: 0, ..any }, Move { host: 1, ..self.any() }];
        }
        vec![any]
    }

    /// Any step of the request, by anybody.
    fn any(&mut self) -> Move {
        let (hosts, players) = (self.scene.hosts.len(), self.scene.players.len());
        let dice = &mut self.dice;
        let (host, player) = (dice.random_range(0..hosts), dice.random_range(0..players));
        let (stale, finds) = (dice.random_ratio(1, 3), dice.random_ratio(1, 2));
        let approves = self.scene.players[player].part == Part::Approves;
        let act = match dice.random_range(0..14) {
            0..4 => Act::Look,
            4..6 => {
                Act::Dispose([Likeness::Possible, Likeness::Excluded, Likeness::Inconclusive][dice.random_range(0..3)])
            }
            6..10 if approves => Act::Sign(Conclusion::Approved),
            6..10 if finds => Act::Sign(Conclusion::Lead),
            6..10 => Act::Sign(Conclusion::NoLead),
            10 => Act::Search,
            _ => Act::Release(dice.random_range(0..=1)),
        };
        Move { host, player, act, stale, helps: false }
    }

    /// The next step towards the result; any, once that has left.
    fn helpful(&mut self) -> Move {
        let Some((player, act)) = self.next() else { return self.any() };
        let host = self.dice.random_range(0..self.scene.hosts.len());
        Move { host, player, act, stale: false, helps: true }
    }

    fn next(&mut self) -> Option<(usize, Act)> {
        if self.told.released.is_some() {
            return None;
        }
        if self.is_unsettled() {
            return Some((0, Act::Access(AccessChange::Reinstate)));
        }
        let players = self.scene.players;
        let fresh = std::mem::take(&mut self.stuck);
        let Some(list) = self.told.list.as_ref().filter(|_| !fresh) else {
            let chief = players.iter().position(|player| player.part == Part::Approves);
            let approval = chief.filter(|_| !(self.scene.wants.search)(&self.told));
            return Some(approval.map_or((0, Act::Search), |chief| (chief, Act::Sign(Conclusion::Approved))));
        };
        let told = &self.told;
        let unaware = |player: &Player| player.part == Part::Examines && !told.openers.contains(&player.key());
        if let Some(player) = players.iter().position(unaware) {
            return Some((player, Act::Look));
        }
        let (likeness, conclusion, candidates) = if self.seed.is_multiple_of(2) {
            (Likeness::Possible, Conclusion::Lead, 1)
        } else {
            (Likeness::Excluded, Conclusion::NoLead, 0)
        };
        if list.iter().any(|record| told.said.get(record) != Some(&likeness)) {
            return Some((0, Act::Dispose(likeness)));
        }
        for (part, concludes) in [(Part::Examines, conclusion), (Part::Approves, Conclusion::Approved)] {
            let signed = |player: &Player| {
                let key = player.key();
                told.signed.iter().any(|given| given.stands && given.who == key && given.conclusion == concludes)
            };
            if let Some(player) = players.iter().position(|player| player.part == part && !signed(player)) {
                return Some((player, Act::Sign(concludes)));
            }
        }
        Some((0, Act::Release(candidates)))
    }

    async fn take(&self, step: &Move) -> Came {
        // Erased: what the pipeline awaits nests deep.
        let taken: Pin<Box<dyn Future<Output = Result<(), CaseError>> + '_>> = Box::pin(self.taken(*step));
        came(taken.await)
    }

    async fn taken(&self, step: Move) -> Result<(), CaseError> {
        let Move { host, player, act, stale, .. } = step;
        let (copies, host) = (&self.copies[host], &self.scene.hosts[host]);
        let (owner, request) = (self.scene.owner(), self.request.as_str());
        let Player { home, id, role, .. } = self.scene.players[player];
        if let Act::Access(change) = act {
            return self.access(host, change).await;
        }
        let actor = match &copies.people[player] {
            Some(copy) if stale => copy.clone(),
            _ => registered(host, home, id).await?,
        };
        let list = self.told.list.as_deref().unwrap_or_default();
        match act {
            Act::Look => host.look(&actor, owner, request, BTreeMap::new()).await.map(drop),
            Act::Dispose(likeness) => {
                let dispositions = list.iter().map(|record| said(record, likeness)).collect();
                let examination = Examination { dispositions, ..Examination::default() };
                host.dispose(&actor, owner, request, examination).await.map(drop)
            }
            Act::Sign(conclusion) => host.sign(&actor, owner, request, signing(role, conclusion)).await.map(drop),
            Act::Search => {
                let open = if stale { copies.open.clone() } else { host.request(owner, request).await? };
                let plan = Plan { candidates: Some(3), ..Plan::default() };
                host.search(&actor, &open, plan).await.map(drop)
            }
            Act::Release(many) => {
                let out = outgoing(&list[..many.min(list.len())]);
                host.release(&actor, owner, request, out).await.map(drop)
            }
            Act::Access(_) => Ok(()),
        }
    }

    async fn access(&self, host: &Casework, change: AccessChange) -> Result<(), CaseError> {
        let Unsettled { home, officer, person } = self.scene.unsettled.unwrap();
        let officer = registered(host, home, officer).await?;
        let change = Change { change, roles: vec![], reason: "as the walk goes".to_owned(), answers: stated() };
        host.change_access(&officer, home, person, change).await.map(drop)
    }
}
