//! What the logs say of a request, read by an account of its own: folded here from the entries of every host and jurisdiction, and
//! by none of the code that decides. What must never be on record is a fault.

use super::{JURISDICTION, registered};
use magistrate_casework::Casework;
use model::account::{Account, Event, Kind, Leaf, Who};
use model::facts::{AccessChange, Conclusion, Likeness, Matter, Step};
use model::registry::Person;
use model::role::Held;
use model::terms::{Date, Holder, Phase};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that an auditor is shown at once.
const AT_ONCE: u64 = 1000;

/// What policies want, written down here from their texts.
#[derive(Clone, Copy)]
pub struct Wants {
    /// Before a search runs.
    pub search: fn(&Told) -> bool,
    /// Before a result leaves, with a candidate or without.
    pub release: fn(&Told, bool) -> bool,
}

/// Whose signature a policy speaks of.
#[derive(Clone, Copy)]
pub struct Signer {
    pub home: &'static str,
    pub role: &'static str,
    /// Any, where absent.
    pub unit: Option<&'static str>,
}

const EXAMINER: Signer = Signer { home: JURISDICTION, role: "examiner", unit: Some("ciu") };
const SUPERVISOR: Signer = Signer { home: JURISDICTION, role: "ciu-supervisor", unit: Some("ciu") };

/// 307.5 of a crime that the directive names.
pub const DIRECTIVE: Wants = Wants { search: |_| true, release: corroborated };

/// 307.5 where a supervisor has to approve before the search: of another crime's classification, or of a request to the state.
pub const DIRECTIVE_APPROVED: Wants = Wants { search: |told| told.has_approved(SUPERVISOR), release: corroborated };

/// 307.5 - 2.4 and 5.4(3): of a lead two examiners and a supervisor sign, and everybody who opened the list; without one an
/// examiner and somebody else.
pub fn corroborated(told: &Told, lead: bool) -> bool {
    let (found, none) = (told.signers(EXAMINER, &[Conclusion::Lead]), told.signers(EXAMINER, &[Conclusion::NoLead]));
    if lead {
        let supervised = !told.signers(SUPERVISOR, &[Conclusion::Lead, Conclusion::Approved]).is_empty();
        return found.len() >= 2 && none.is_empty() && supervised && told.all_involved_signed();
    }
    let looks = none.len() + told.signers(SUPERVISOR, &[Conclusion::NoLead, Conclusion::Approved]).len();
    !none.is_empty() && looks >= 2
}

/// How somebody stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    agency: String,
    unit: String,
    roles: Vec<Held>,
    suspended: bool,
}

impl Standing {
    fn of(person: &Person) -> Self {
        let (agency, unit, roles) = (person.agency.clone(), person.unit.clone(), person.roles.clone());
        Self { agency, unit, roles, suspended: person.suspended_since.is_some() }
    }
}

/// A signature, of somebody who is called `home/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub who: String,
    home: String,
    agency: String,
    unit: String,
    role: String,
    pub conclusion: Conclusion,
    /// Whether nothing it was given for has changed since.
    pub stands: bool,
    taken_back: bool,
}

/// A search that has not ended: what it found is on record, and who was shown it, when it has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Live {
    /// Of its permit.
    id: String,
    found: bool,
    shown: bool,
}

/// What the entries of one request say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// The records of the list that stands.
    pub list: Option<Vec<String>>,
    /// Who opened it.
    pub openers: BTreeSet<String>,
    /// What was said last of its records.
    pub said: BTreeMap<String, Likeness>,
    pub signed: Vec<Given>,
    pub searches: u32,
    /// How many candidates left, once the result has.
    pub released: Option<usize>,
    /// What must not be.
    pub faults: Vec<String>,
    /// Who releases, while that is looked at, and on which day.
    pub releasing: Option<(String, Date)>,
    live: Option<Live>,
    people: BTreeMap<String, Standing>,
}

/// One entry, and the logs that have it.
struct Entry {
    leaf: Leaf,
    account: Account,
    logs: BTreeSet<String>,
}

/// The entries of all logs, in the order of their ids, which grow with time: whatever wrote them is one process.
pub struct Record {
    entries: BTreeMap<String, Entry>,
    /// How far each log has been read, by its origin.
    read: BTreeMap<String, u64>,
    /// Everybody, before any entry said something of them.
    people: BTreeMap<String, Standing>,
    /// What was read since somebody asked whether it obliges anybody.
    fresh: Vec<String>,
}

impl Record {
    /// Before anything was decided on people of these jurisdictions.
    pub fn begin(host: &Casework, jurisdictions: &[&str]) -> Self {
        let mut people = BTreeMap::new();
        for jurisdiction in jurisdictions {
            for person in &host.chamber(jurisdiction).unwrap().registry().people {
                people.insert(format!("{jurisdiction}/{}", person.id), Standing::of(person));
            }
        }
        Self { entries: BTreeMap::new(), read: BTreeMap::new(), people, fresh: Vec::new() }
    }

    /// Reads what a host has recorded since in its log of a jurisdiction, as an auditor. What is there is in the database then.
    pub async fn read(&mut self, host: &Casework, jurisdiction: &str, auditor: &str) {
        let auditor = registered(host, jurisdiction, auditor).await.unwrap();
        let log = host.chamber(jurisdiction).unwrap().log().clone();
        let (origin, size) = (log.origin().to_owned(), log.size());
        let mut next = self.read.get(&origin).copied().unwrap_or_default();
        while next < size {
            let seen = host.inspect(&auditor, jurisdiction, next, (size - next).min(AT_ONCE)).await.unwrap();
            assert!(!seen.is_empty(), "{origin}: entry {next} is not shown");
            for seen in seen {
                assert_eq!(seen.account_verified, Some(true), "{origin}: entry {}", seen.index);
                next = seen.index + 1;
                self.add(&origin, seen.leaf, seen.account.unwrap());
            }
        }
        self.read.insert(origin, next);
    }

    fn add(&mut self, origin: &str, leaf: Leaf, account: Account) {
        let id = leaf.id.clone();
        let entry = self.entries.entry(id.clone()).or_insert_with(|| {
            self.fresh.push(id);
            Entry { leaf, account: account.clone(), logs: BTreeSet::new() }
        });
        assert_eq!(entry.account, account, "{origin}: one entry, and two accounts of it");
        entry.logs.insert(origin.to_owned());
    }

    /// Whether a decision that was read since this was last asked obliges anybody to anything.
    pub fn obliges(&mut self) -> bool {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.iter().any(|id| match &self.entries[id].account.event {
            Event::Decision { rulings, .. } => !rulings.obligations().is_empty(),
            _ => false,
        })
    }

    /// Of each decision on a request: whose policies ruled, and how many logs have it.
    pub fn judged(&self, request: &str) -> Vec<(Vec<&str>, usize)> {
        let decisions = self.entries.values().filter(|entry| entry.account.request.as_deref() == Some(request));
        let decisions = decisions.filter_map(|entry| match &entry.account.event {
            Event::Decision { rulings, .. } => Some((rulings, entry.logs.len())),
            _ => None,
        });
        decisions
            .map(|(rulings, logs)| (rulings.rulings.iter().map(|ruling| ruling.jurisdiction.as_str()).collect(), logs))
            .collect()
    }

    /// What the entries of a request say, and which of them must not be.
    pub fn told(&self, request: &str, wants: &Wants) -> Told {
        let outcomes = self.entries.values().filter(|entry| entry.leaf.kind == Kind::Outcome);
        let outcomes: BTreeMap<&str, &Event> =
            outcomes.filter_map(|entry| Some((entry.leaf.of.as_deref()?, &entry.account.event))).collect();
        let mut told = Told { people: self.people.clone(), ..Told::default() };
        for entry in self.entries.values() {
            told.stand(&entry.account);
            if entry.account.request.as_deref() == Some(request) {
                told.add(entry, outcomes.get(entry.leaf.id.as_str()).copied(), wants);
            }
        }
        told
    }
}

impl Told {
    /// Whether a search has begun and not ended.
    pub fn is_searching(&self) -> bool {
        self.live.is_some()
    }

    pub fn is_suspended(&self, who: &str) -> bool {
        self.people.get(who).is_some_and(|person| person.suspended)
    }

    /// Who signed one of these conclusions, with a signature that stands and of somebody who may give it still.
    pub fn signers(&self, signer: Signer, conclusions: &[Conclusion]) -> BTreeSet<&str> {
        let those = |given: &&Given| given.is_of(signer) && conclusions.contains(&given.conclusion);
        self.counting().filter(those).map(|given| given.who.as_str()).collect()
    }

    /// Whether somebody approved, and has not taken it back: whatever has been found since.
    fn has_approved(&self, signer: Signer) -> bool {
        let approves = |given: &&Given| given.conclusion == Conclusion::Approved && !given.taken_back;
        self.signed.iter().filter(approves).any(|given| given.is_of(signer) && self.vouches(given))
    }

    fn all_involved_signed(&self) -> bool {
        let agrees = |given: &Given| matches!(given.conclusion, Conclusion::Lead | Conclusion::Approved);
        self.openers.iter().all(|who| self.counting().any(|given| given.who == *who && agrees(given)))
    }

    fn counting(&self) -> impl Iterator<Item = &Given> {
        self.signed.iter().filter(|given| given.stands && self.vouches(given))
    }

    /// Whether somebody may sign now what they signed then.
    fn vouches(&self, given: &Given) -> bool {
        let day = self.releasing.as_ref().map(|(_, day)| *day);
        let counts = |held: &Held| {
            let over = |day: Date| held.until.is_some_and(|until| until < day);
            held.role == given.role && !day.is_some_and(over)
        };
        self.people.get(&given.who).is_some_and(|person| {
            let same = person.agency == given.agency && person.unit == given.unit;
            same && !person.suspended && person.roles.iter().any(counts)
        })
    }

    /// What an entry says of how somebody stands.
    fn stand(&mut self, account: &Account) {
        let key = |id: &str| format!("{}/{id}", account.who.jurisdiction);
        match &account.event {
            Event::AccessChanged { change, whose: Holder::Person, id, roles, .. } => {
                let person = self.people.entry(key(id)).or_default();
                match change {
                    AccessChange::Suspend => person.suspended = true,
                    AccessChange::Review => {}
                    AccessChange::Grant | AccessChange::Reinstate | AccessChange::Withdraw => {
                        person.roles.clone_from(roles);
                        person.suspended = roles.is_empty();
                    }
                }
            }
            Event::PersonRecorded { id, particulars, .. } => {
                let person = self.people.entry(key(id)).or_default();
                if let Some(unit) = &particulars.unit {
                    person.unit.clone_from(unit);
                }
            }
            _ => {}
        }
    }

    /// `outcome` is what came of it, if it is a permit.
    fn add(&mut self, entry: &Entry, outcome: Option<&Event>, wants: &Wants) {
        if self.is_searching() && !matches!(entry.leaf.phase, None | Some(Phase::Candidates)) {
            self.fault(entry, "another step while a search was live");
        }
        let who = entry.account.who.key();
        match &entry.account.event {
            Event::Decision { matters, .. } => self.decided(entry, matters, outcome, wants),
            Event::Searched { .. } => match &mut self.live {
                Some(live) if entry.leaf.of.as_ref() == Some(&live.id) => live.found = true,
                _ => self.fault(entry, "something was found, and not by the search that was live"),
            },
            Event::Disposed { dispositions } => {
                self.void();
                self.changes(entry);
                self.said.extend(dispositions.iter().map(|said| (said.record_id.clone(), said.likeness)));
            }
            Event::Signed { signature, .. } => {
                let other = |given: &&mut Given| given.who == who && given.role == signature.role;
                for given in self.signed.iter_mut().filter(other).filter(|given| given.stands) {
                    if given.conclusion != signature.conclusion && self.released.is_none() {
                        (given.stands, given.taken_back) = (false, true);
                    }
                }
                let Who { jurisdiction: home, agency, .. } = entry.account.who.clone();
                let (unit, role, conclusion) = (signature.unit.clone(), signature.role.clone(), signature.conclusion);
                self.signed.push(Given { who, home, agency, unit, role, conclusion, stands: true, taken_back: false });
            }
            _ => {}
        }
        if self.live.as_ref().is_some_and(|live| live.found && live.shown) {
            self.live = None;
        }
    }

    fn decided(&mut self, entry: &Entry, matters: &[Matter], outcome: Option<&Event>, wants: &Wants) {
        let had_none = matches!(outcome, Some(Event::Waits { .. } | Event::Failed { .. }));
        let had_effect = entry.leaf.kind == Kind::Intent && !had_none;
        let Some(matter) = matters.last() else { return self.fault(entry, "nobody was told anything") };
        match &matter.step {
            Step::Search(_) if had_effect => {
                self.changes(entry);
                if !(wants.search)(self) {
                    self.fault(entry, "searched before it was approved");
                }
                if matters.iter().any(|matter| matter.history.searches_of_request != self.searches) {
                    self.fault(entry, "not told of the searches before it");
                }
                self.searches += 1;
                (self.list, self.live) = (None, Some(Live { id: entry.leaf.id.clone(), found: false, shown: false }));
            }
            Step::Candidates(list) => {
                let first = self.live.as_mut().is_some_and(|live| !std::mem::replace(&mut live.shown, true));
                if !had_effect {
                    return;
                }
                if first {
                    self.list = Some(list.iter().map(|candidate| candidate.record_id.clone()).collect());
                    self.openers.clear();
                    self.said.clear();
                    self.void();
                }
                self.openers.insert(entry.account.who.key());
            }
            Step::Release(_) if had_effect => {
                let Some(Event::Released { candidates, .. }) = outcome else {
                    return self.fault(entry, "nothing came of a release that was permitted");
                };
                self.changes(entry);
                self.releasing = Some((entry.account.who.key(), matter.clock.today));
                self.leave(entry, candidates, wants);
                self.releasing = None;
                self.released = Some(candidates.len());
            }
            _ => {}
        }
    }

    /// Looks at what is about to leave.
    fn leave(&mut self, entry: &Entry, candidates: &[String], wants: &Wants) {
        let list = self.list.clone().unwrap_or_default();
        if list.is_empty() || list.iter().any(|record| !self.said.contains_key(record)) {
            self.fault(entry, "released without a word on every candidate of a list");
        }
        let possible = |record: &String| self.said.get(record) == Some(&Likeness::Possible);
        if candidates.iter().any(|record| !list.contains(record) || !possible(record)) {
            self.fault(entry, "a candidate left that nobody found possible");
        }
        if !(wants.release)(self, !candidates.is_empty()) {
            self.fault(entry, "released without the signatures demanded");
        }
    }

    /// Nothing of the list or the result changes once that has left.
    fn changes(&mut self, entry: &Entry) {
        if self.released.is_some() {
            self.fault(entry, "a step after the release");
        }
    }

    fn void(&mut self) {
        self.signed.iter_mut().for_each(|given| given.stands = false);
    }

    fn fault(&mut self, entry: &Entry, what: &str) {
        let who = entry.account.who.key();
        self.faults.push(format!("{what}: {who} at {}: {:?} {:?}", entry.leaf.at, entry.leaf.kind, entry.leaf.phase));
    }
}

impl Given {
    fn is_of(&self, signer: Signer) -> bool {
        let unit = signer.unit.is_none_or(|unit| self.unit == unit);
        self.home == signer.home && self.role == signer.role && unit
    }
}
