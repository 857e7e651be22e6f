//! Crash safety with real faults: a served deployment is killed under load, at random moments, over and over.
//!
//! After each crash the server has to start by itself, and then: every receipt that anybody was given verifies and its
//! leaf stands where it says; every outcome has its intent before it, and nothing was done without one; every leaf's
//! account is there and is the one committed to; what the database remembers of galleries, requests and searches is what
//! the log says of them. What two jurisdictions are concerned by, people of one who have the other's gallery searched, both
//! logs and both databases say alike, but for what nobody was answered yet: of that the one that has it says, too, that nothing
//! came of it.
//!
//! An ordinary run takes 25 rounds, less than a minute. `MAGISTRATE_CRASH_ROUNDS=500 cargo xtask test` takes as many as
//! it says: 500 are about a quarter of an hour. The moments are drawn from a seed, which a failed run prints;
//! `MAGISTRATE_CRASH_SEED` draws them again.

use crate::common::{Court, MODEL, court, packed, path, request, searcher, template};
use client::Client;
use integration_tests::Example;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Rounds of an ordinary run.
const ROUNDS: u32 = 25;

/// Milliseconds of load before the server is killed.
const LOAD_MS: std::ops::Range<u64> = 200..700;

/// A server starts in about a second. Killed within it, it may be anywhere: replaying, loading, about to listen.
const START_MS: std::ops::Range<u64> = 0..1000;

/// Rounds between two inspections of the folder while nothing runs.
const OFFLINE_EVERY: u32 = 5;

/// Clients that search in each jurisdiction at the same moment. Beside them one enrols.
const SEARCHERS: usize = 4;

/// Detectives of St. Louis who have Detroit's gallery searched at the same moment.
const VISITORS: usize = 2;

/// How long a host that came back may take to say of an entry that only one log has that nothing came of it: it passes over such
/// entries when it starts, and every minute.
const SAID_WITHIN: Duration = Duration::from_secs(150);

/// Who they are, and who searches for them.
const VISITOR: &str = "st-louis/d.reyes";
const EXAMINER: &str = "detroit/j.kowalski";

/// Distinct probes: few, so that no policy takes the load for a mass query.
const PROBES: usize = 4;

/// Records enrolled before the first round, in one step.
const ENROLLED_BEFORE: u64 = 20;

/// Policies are told of the searches of the last hour. A longer run cannot compare that with the whole log.
const COUNTED: Duration = Duration::from_secs(50 * 60);

#[tokio::test]
async fn whatever_the_moment_of_a_crash_nothing_acknowledged_is_lost_and_nothing_is_done_unlogged() {
    let Some(mut court) = court().await else { return };
    let rounds = setting("MAGISTRATE_CRASH_ROUNDS").map_or(ROUNDS, |n| u32::try_from(n).unwrap());
    let seed = setting("MAGISTRATE_CRASH_SEED").unwrap_or_else(rand::random);
    eprintln!("MAGISTRATE_CRASH_SEED={seed}");
    let mut moments = StdRng::seed_from_u64(seed);
    let started = Instant::now();
    let mut trails = ["detroit", "st-louis"].map(Trail::new);
    for round in 1..=rounds {
        let loads = ["detroit", "st-louis"].map(|jurisdiction| Load::put_on(&court, jurisdiction, round));
        tokio::time::sleep(Duration::from_millis(moments.random_range(LOAD_MS))).await;
        for load in &loads {
            load.killed.store(true, Ordering::Release);
        }
        court.deployment.kill().unwrap();
        let mut visit = None;
        for (load, trail) in loads.into_iter().zip(&mut trails) {
            let given = load.end().await;
            visit = given.iter().rev().find_map(|given| given.visit.clone()).or(visit);
            trail.given(&court, given);
        }
        if moments.random_ratio(1, 4) {
            let after = Duration::from_millis(moments.random_range(START_MS));
            court.deployment.kill_while_starting(after).unwrap();
        }
        if round % OFFLINE_EVERY == 0 || round == rounds {
            trails.iter().for_each(|trail| trail.check_offline(&court));
        }
        court.deployment.serve().unwrap();
        for trail in &mut trails {
            trail.follow(&court, started.elapsed() < COUNTED).await;
        }
        let [detroit, st_louis] = &mut trails;
        agree(detroit, st_louis, round);
        if let Some(request) = visit {
            is_known_to_both(&court, detroit, &request).await;
        }
    }
    nothing_is_left_unsaid(&court, &mut trails, rounds).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    court.log_and_database_agree();
    assert!(trails[0].agreed > u64::from(rounds), "what concerns both is no load: {}", trails[0].agreed);
    for trail in &trails {
        trail.check_offline(&court);
        let receipts = trail.receipts.len();
        assert!(receipts > usize::try_from(rounds).unwrap(), "{}: a load of {receipts} is none", trail.jurisdiction);
    }
}

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`: give a whole number")))
}

/// What a step was answered, as far as it matters here.
pub struct Given {
    pub receipt: Value,
    /// The request it opened, if it opened one.
    pub request: Option<String>,
    /// The same, where it concerns two jurisdictions.
    pub visit: Option<String>,
}

impl Given {
    pub fn of(answer: &Value, opened: Option<String>) -> Self {
        Self { receipt: answer["receipt"].clone(), request: opened, visit: None }
    }
}

/// Clients at work in one jurisdiction, until the server is killed.
struct Load {
    killed: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Given>>>,
}

impl Load {
    fn put_on(court: &Court, jurisdiction: &'static str, round: u32) -> Self {
        let example = Example::read(jurisdiction).unwrap();
        let killed = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for number in 0..SEARCHERS {
            let who = &example.searchers[number % example.searchers.len()];
            let client = court.client(&format!("{jurisdiction}/{who}"));
            let requests = (0..PROBES).map(|seed| request(jurisdiction, seed)).collect();
            // One in four takes the two steps apart.
            let apart = number % 4 == 3;
            clients.push(tokio::spawn(search(client, jurisdiction, requests, apart, killed.clone())));
        }
        let visitors = if jurisdiction == "detroit" { VISITORS } else { 0 };
        for _ in 0..visitors {
            let (visitor, examiner) = (court.client(VISITOR), court.client(EXAMINER));
            clients.push(tokio::spawn(visit(visitor, examiner, killed.clone())));
        }
        let registrar = court.client(&format!("{jurisdiction}/{}", example.registrar));
        clients.push(tokio::spawn(enroll(registrar, jurisdiction, example, round, killed.clone())));
        Self { killed, clients }
    }

    /// Everything that was acknowledged.
    async fn end(self) -> Vec<Given> {
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.unwrap());
        }
        all
    }
}

/// Sends one request. `None` once the server has been killed; no other failure is expected.
async fn ask(client: &mut Client, path: &str, body: &Value, killed: &AtomicBool) -> Option<Value> {
    match client.post(path, body).await {
        Ok(answer) => {
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            Some(answer.json().unwrap())
        }
        Err(e) => {
            assert!(killed.load(Ordering::Acquire), "{path}: {e}");
            None
        }
    }
}

async fn search(
    mut client: Client,
    jurisdiction: &'static str,
    requests: Vec<Value>,
    apart: bool,
    killed: Arc<AtomicBool>,
) -> Vec<Given> {
    let mut given = Vec::new();
    for request in requests.iter().cycle() {
        let answer = if apart {
            let opening = format!("/v1/{jurisdiction}/requests");
            let Some(opened) = ask(&mut client, &opening, request, &killed).await else { break };
            let id = opened["request"].as_str().unwrap().to_owned();
            given.push(Given::of(&opened, Some(id.clone())));
            ask(&mut client, &format!("{opening}/{id}/search"), &json!({"candidates": 3}), &killed).await
        } else {
            let body = json!({"request": request, "candidates": 3});
            ask(&mut client, &path(jurisdiction), &body, &killed).await
        };
        let Some(answer) = answer else { break };
        let opened = answer["request"].as_str().filter(|_| !apart).map(str::to_owned);
        given.push(Given::of(&answer, opened));
    }
    given
}

/// A request that both policies permit, by somebody of St. Louis for Detroit's gallery.
fn visiting(seed: usize) -> Value {
    let mut asked = request("detroit", seed);
    asked.as_object_mut().unwrap().remove("requester");
    asked["identifiers"] = json!([{"kind": "complaint", "value": "26-010482"}]);
    for (name, answer) in [
        ("crime", json!("homicide")),
        ("requester-address", json!("1915 Olive Street, St. Louis")),
        ("requester-phone", json!("+1 314 555 0100")),
        ("statement-acknowledged", json!(true)),
        ("protected-involved", json!(false)),
    ] {
        asked["answers"][name] = answer;
    }
    asked
}

async fn visit(mut visitor: Client, mut examiner: Client, killed: Arc<AtomicBool>) -> Vec<Given> {
    const OPENING: &str = "/v1/detroit/requests";
    let mut given = Vec::new();
    for seed in (0..PROBES).cycle() {
        let Some(opened) = ask(&mut visitor, OPENING, &visiting(seed), &killed).await else { break };
        let id = opened["request"].as_str().unwrap().to_owned();
        given.push(Given { visit: Some(id.clone()), ..Given::of(&opened, None) });
        let searching = format!("{OPENING}/{id}/search");
        let plan = json!({"candidates": 3});
        let Some(found) = ask(&mut examiner, &searching, &plan, &killed).await else { break };
        given.push(Given { visit: Some(id), ..Given::of(&found, None) });
    }
    given
}

async fn enroll(
    mut client: Client,
    jurisdiction: &'static str,
    example: Example,
    round: u32,
    killed: Arc<AtomicBool>,
) -> Vec<Given> {
    let path = format!("/v1/{jurisdiction}/galleries/{}/records", example.gallery);
    let mut given = Vec::new();
    for number in 0.. {
        let booking = json!({"booking-number": format!("B-{round}-{number}")});
        let id = format!("k{round:05}-{number:05}");
        let record = json!({"id": id, "template": packed(&template(number)), "booking": booking});
        let body = json!({"model": MODEL, "answers": example.enroll, "records": [record]});
        let Some(answer) = ask(&mut client, &path, &body, &killed).await else { break };
        given.push(Given::of(&answer, None));
        // Most of the load is searches, as in life.
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    given
}

/// What is known of one jurisdiction: what its clients were given, and what its log says.
pub struct Trail {
    jurisdiction: &'static str,
    /// Entries that receipts were given for, by index.
    pub receipts: BTreeMap<u64, String>,
    /// The newest checkpoint that anybody was given.
    signed: Option<(u64, String)>,
    /// The request opened last.
    request: Option<String>,
    /// Entries read so far.
    read: u64,
    /// Phase of each intent, by entry id.
    intents: HashMap<String, String>,
    /// Intents that an outcome answered.
    answered: HashSet<String>,
    /// Searches intended, by person.
    searches: HashMap<String, u64>,
    /// Searches of the last hour that the policy was told of in the entry that intends the newest search.
    told: Option<(String, u64)>,
    enrolments_intended: u64,
    records_enrolled: u64,
    /// Requests that were searched.
    searched: HashSet<String>,
    /// Ids of the decisions that two policies made, and of what came of them.
    shared: HashSet<String>,
    /// Entries that concern two jurisdictions, by id, as this log and this database have them: those not compared yet.
    uncompared: BTreeMap<String, Value>,
    /// Ids of entries that the other log has not got.
    alone: HashSet<String>,
    /// Those of them that say that something was done, and of which it is not on record that nothing came of it.
    unsaid: HashSet<String>,
    /// How many entries both had, and the same.
    agreed: u64,
}

impl Trail {
    pub fn new(jurisdiction: &'static str) -> Self {
        Self {
            jurisdiction,
            receipts: BTreeMap::new(),
            signed: None,
            request: None,
            read: 0,
            intents: HashMap::new(),
            answered: HashSet::new(),
            searches: HashMap::new(),
            told: None,
            enrolments_intended: 0,
            records_enrolled: 0,
            searched: HashSet::new(),
            shared: HashSet::new(),
            uncompared: BTreeMap::new(),
            alone: HashSet::new(),
            unsaid: HashSet::new(),
            agreed: 0,
        }
    }

    /// Checks receipts by themselves, as whoever holds them would, and remembers them.
    pub fn given(&mut self, court: &Court, given: Vec<Given>) {
        for Given { receipt, request, .. } in given {
            court.check_receipt(self.jurisdiction, &receipt);
            let proof: audit::Receipt = receipt["proof"].as_str().unwrap().parse().unwrap();
            let size: u64 = proof.checkpoint.lines().nth(1).unwrap().parse().unwrap();
            if self.signed.as_ref().is_none_or(|(signed, _)| size > *signed) {
                self.signed = Some((size, proof.checkpoint));
            }
            let twice = self.receipts.insert(proof.index, receipt["entry"].as_str().unwrap().to_owned());
            assert_eq!(twice, None, "{}: entry {} was given out twice", self.jurisdiction, proof.index);
            self.request = request.or(self.request.take());
        }
    }

    /// What an outsider finds in the folder while nothing runs: it verifies, it extends the newest checkpoint that was
    /// signed to anybody, and every leaf that a receipt was given for is where the receipt says.
    pub fn check_offline(&self, court: &Court) {
        let jurisdiction = self.jurisdiction;
        let (_, checkpoint) = self.signed.as_ref().unwrap();
        let since = court.deployment.home.join(format!("{jurisdiction}.since"));
        std::fs::write(&since, checkpoint).unwrap();
        let (log, key) = (format!("data/logs/{jurisdiction}"), format!("log-keys/{jurisdiction}.vkey"));
        let since = since.to_str().unwrap();
        let arguments = ["audit", "verify", &log, "--key", &key, "--since", since];
        let verified = court.deployment.run(&arguments).unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));

        let folder = court.deployment.home.join(log);
        let folder = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let mut expected = self.receipts.iter();
        let mut next = expected.next();
        for leaf in audit::leaves(&folder, 0..u64::MAX).unwrap() {
            let (index, leaf) = leaf.unwrap();
            if let Some((_, entry)) = next.filter(|(given, _)| **given == index) {
                assert_eq!(String::from_utf8_lossy(&leaf), *entry, "{jurisdiction}: entry {index}");
                next = expected.next();
            }
        }
        assert_eq!(next, None, "{jurisdiction}: acknowledged, and not in the log");
    }

    /// What the server that came back says: it decides again, its log goes on, and its database agrees.
    pub async fn follow(&mut self, court: &Court, counted: bool) {
        let jurisdiction = self.jurisdiction;
        let answer = court.search(jurisdiction, 0).await;
        self.read_on(court).await;
        let index = answer["receipt"]["index"].as_u64().unwrap();
        assert!(self.receipts.last_key_value().is_none_or(|(last, _)| index > *last), "the log goes on where it was");

        // The searches a policy is told of come from the database.
        let (person, told) = self.told.take().unwrap();
        let logged = self.searches[&person] - 1;
        if counted {
            assert!(told >= logged, "{jurisdiction}: of {logged} searches of {person} the database knows {told}");
        }
        // So does the gallery. A record enters it after its intent and before its outcome.
        let enrolled = records(court, jurisdiction).await;
        let most = ENROLLED_BEFORE - 1 + self.enrolments_intended;
        assert!(
            (self.records_enrolled..=most).contains(&enrolled),
            "{jurisdiction}: {enrolled} records; the log has outcomes for {} and intents for {most}",
            self.records_enrolled
        );
        // And a request that was acknowledged can be worked on: whatever its policy says, it is known.
        if let Some(request) = &self.request {
            let path = format!("/v1/{jurisdiction}/requests/{request}/search");
            let answer = court.client(&searcher(jurisdiction)).post(&path, &json!({})).await.unwrap();
            assert_ne!(answer.status, 404, "{}", String::from_utf8_lossy(&answer.body));
        }
    }

    /// Reads the entries that came since, as an auditor.
    async fn read_on(&mut self, court: &Court) {
        loop {
            let page = court.audit(self.jurisdiction, self.read).await;
            page.iter().for_each(|entry| self.take(entry));
            if page.len() < 1000 {
                break;
            }
        }
    }

    fn take(&mut self, entry: &Value) {
        let (jurisdiction, index, leaf) = (self.jurisdiction, self.read, &entry["leaf"]);
        assert_eq!(entry["index"], index, "{jurisdiction}");
        self.read += 1;
        let shown = || format!("{jurisdiction}: entry {index}: {entry}");
        assert_eq!(entry["account_verified"], true, "the account is there, and the one committed to: {}", shown());
        if let Some(given) = self.receipts.get(&index) {
            let given: Value = serde_json::from_str(given).unwrap();
            assert_eq!(*leaf, given, "the log says what the receipt says: {}", shown());
        }

        let (id, kind) = (leaf["id"].as_str().unwrap(), leaf["kind"].as_str().unwrap());
        let event = &entry["account"]["event"];
        let what = event["what"].as_str().unwrap();
        // The phase whose permit an act needs.
        let needs = match what {
            "opened" => Some("request"),
            "searched" => Some("search"),
            "enrolled" => Some("enroll"),
            _ => None,
        };
        match kind {
            "intent" => self.intend(id, leaf, &entry["account"]),
            "outcome" => {
                let of = leaf["of"].as_str().unwrap();
                match self.intents.get(of) {
                    Some(phase) => {
                        assert!(
                            needs.is_none_or(|needs| needs == phase),
                            "the intent is of another phase: {}",
                            shown()
                        );
                    }
                    // That nothing came of what another log has not got may be said of an outcome, too.
                    None => assert!(
                        what == "failed" && self.shared.contains(of),
                        "done without an intent before it: {}",
                        shown()
                    ),
                }
                assert!(self.answered.insert(of.to_owned()), "one intent and two outcomes: {}", shown());
                if what == "enrolled" {
                    self.records_enrolled += event["records"].as_array().unwrap().len() as u64;
                }
            }
            _ => assert_eq!(needs, None, "done, and not as an outcome: {}", shown()),
        }
        if what == "searched" {
            self.searched.insert(entry["account"]["request"].as_str().unwrap().to_owned());
        }
        self.share(id, kind, leaf, &entry["account"]);
    }

    /// Remembers an entry that concerns two jurisdictions. Both logs have the same leaf.
    fn share(&mut self, id: &str, kind: &str, leaf: &Value, account: &Value) {
        let decided_by_two = account["event"]["matters"].as_array().is_some_and(|matters| matters.len() == 2);
        let of = leaf["of"].as_str().is_some_and(|of| self.shared.contains(of));
        if !(decided_by_two || (kind == "outcome" && of)) {
            return;
        }
        self.shared.insert(id.to_owned());
        self.uncompared.insert(id.to_owned(), json!({"leaf": leaf, "account": account}));
    }

    fn intend(&mut self, id: &str, leaf: &Value, account: &Value) {
        let phase = leaf["phase"].as_str().unwrap();
        self.intents.insert(id.to_owned(), phase.to_owned());
        match phase {
            "enroll" => self.enrolments_intended += 1,
            "search" => {
                let person = account["who"]["person"].as_str().unwrap().to_owned();
                let history = &account["event"]["matters"][0]["history"];
                self.told = Some((person.clone(), history["searches_by_person_last_hour"].as_u64().unwrap()));
                *self.searches.entry(person).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// What happened, as an entry has it.
fn what(entry: &Value) -> &str {
    entry["account"]["event"]["what"].as_str().unwrap()
}

/// The entry that this one answers; empty where it answers none.
fn answers(entry: &Value) -> &str {
    entry["leaf"]["of"].as_str().unwrap_or_default()
}

/// Compares what two jurisdictions have on record of what concerns both. An entry goes into the log of the requester's home
/// first: one that the keeper's log has is there, too. A crash may have come between the two: then nobody was answered, nothing
/// came of it, and the host that comes back says so behind it.
fn agree(keeper: &mut Trail, home: &mut Trail, round: u32) {
    for (id, here) in std::mem::take(&mut keeper.uncompared) {
        let there = home.uncompared.remove(&id).unwrap_or_else(|| panic!("{id} is in the keeper's log alone: {here}"));
        assert_eq!(here, there, "{id} is another one in the other log");
        let of = answers(&here);
        assert!(!home.alone.contains(of), "{id}: something came of {of}, which only one log has");
        keeper.agreed += 1;
    }
    let left = std::mem::take(&mut home.uncompared);
    let is_alone = |of: &str| home.alone.contains(of) || left.contains_key(of);
    let (undone, alone): (Vec<_>, Vec<_>) =
        left.iter().partition(|(_, here)| what(here) == "failed" && is_alone(answers(here)));
    // A search and its list are recorded side by side.
    assert!(alone.len() <= 2 * VISITORS, "round {round}: a crash does not come between so many: {alone:?}");
    for (id, here) in alone {
        let of = answers(here);
        assert!(!home.alone.contains(of), "{id}: something came of {of}, which only one log has");
        home.alone.insert(id.clone());
        // What says of itself that nothing was done needs nothing more.
        if here["leaf"]["kind"] != "refusal" && !["failed", "waits"].contains(&what(here)) {
            home.unsaid.insert(id.clone());
        }
    }
    for (id, here) in undone {
        let of = answers(here);
        assert!(home.unsaid.remove(of), "{id}: {of} says itself that nothing was done, or it was said before");
    }
}

/// Waits until it is on record of every entry that only one log has that nothing came of it.
async fn nothing_is_left_unsaid(court: &Court, trails: &mut [Trail; 2], rounds: u32) {
    let started = Instant::now();
    let [detroit, st_louis] = trails;
    while !st_louis.unsaid.is_empty() {
        assert!(started.elapsed() < SAID_WITHIN, "one log alone says that it was done: {:?}", st_louis.unsaid);
        tokio::time::sleep(Duration::from_millis(100)).await;
        for trail in [&mut *detroit, &mut *st_louis] {
            trail.read_on(court).await;
        }
        agree(detroit, st_louis, rounds);
    }
}

/// Whether a request that both jurisdictions are concerned by is known to the people of both, and was searched where the log says so.
async fn is_known_to_both(court: &Court, keeper: &Trail, request: &str) {
    let path = format!("/v1/detroit/requests/{request}");
    for who in [VISITOR, EXAMINER] {
        let answer = court.client(who).get(&path).await.unwrap();
        let seen = answer.json().unwrap();
        assert_eq!(answer.status, 200, "{who}: {seen}");
        assert_eq!(!seen["searched"].is_null(), keeper.searched.contains(request), "{who}: {seen}");
    }
}

/// Records in a jurisdiction's gallery, as the server counts them.
async fn records(court: &Court, jurisdiction: &str) -> u64 {
    let all = court.client(&searcher(jurisdiction)).get("/v1/jurisdictions").await.unwrap().json().unwrap();
    let found = all.as_array().unwrap().iter().find(|j| j["id"] == jurisdiction).unwrap();
    let gallery = Example::read(jurisdiction).unwrap().gallery;
    let gallery = found["galleries"].as_array().unwrap().iter().find(|g| g["id"] == gallery).unwrap();
    gallery["records"].as_u64().unwrap()
}
