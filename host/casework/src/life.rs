//! The life of a request, as its audit entries tell it.
//!
//! Nothing of it is kept as such: a [`Life`] is folded from the accounts of the request's entries each time it is needed, so
//! that what policies are told, what worklists show and what an auditor reads cannot differ. It is folded in the order of the entries'
//! moments, whichever host recorded them: whoever takes a step sees to it that its moment comes last ([`crate::sitting`]).
//!
//! - Whoever is permitted to see the candidate list has **opened** it: the permit of the `candidates` phase is the record.
//! - A search that is followed by a list begins anew: the list is the new one, and who opened the old one, what was said of
//!   its candidates and who signed for it count no more.
//! - What is said of candidates afterwards counts instead of what was said before, and signatures given before it no longer
//!   stand: whoever signed has signed something else.
//! - Whoever concludes otherwise than before, in the same role, takes back what they signed. After the release nobody does.
//! - A permitted step that waits for others has imposed what it imposes, and nothing else: nothing was searched or shown.
//! - Whoever was shown what others concluded of a list does not sign blind any more, until there is a new one.

mod state;

pub use state::State;

use crate::bounds::Bounds;
use model::account::{Account, Disposed, Document, Event, Who};
use model::combine::Rulings;
use model::facts::{self, Attestation, Conclusion, Dissemination, Likeness, Signature, StatementShown, Step};
use model::rulings::{ClauseId, Duty};
use model::terms::{Digest, Field, Instant, Phase, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One candidate of the list as it was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// From 1.
    pub rank: u32,
    /// The gallery record.
    pub record_id: String,
    /// The record's status then.
    pub status: String,
}

/// What was said last of one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What it was found to be.
    pub likeness: Likeness,
    /// How they came to it.
    pub reason: String,
    /// Who said it.
    pub by: Who,
    /// When.
    pub at: Instant,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Who signed.
    pub by: Who,
    /// The signature.
    pub signature: Signature,
    /// What they wrote beside it.
    pub reason: String,
    /// Whether nothing it was given for has changed since, and whoever gave it has not taken it back.
    pub stands: bool,
    /// Whether whoever gave it took it back while it stood: they concluded otherwise.
    pub taken_back: bool,
}

/// A duty that a permitted decision imposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imposed {
    /// The jurisdiction whose policy imposed it.
    pub jurisdiction: String,
    /// The clause.
    pub clause: ClauseId,
    /// The duty.
    pub duty: Duty,
    /// The phase.
    pub phase: Phase,
}

/// What left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// When.
    pub at: Instant,
    /// Who released it.
    pub by: Who,
    /// The gallery records.
    pub candidates: Vec<String>,
    /// How the conclusion was reached.
    pub reasoning: String,
    /// The statements carried.
    pub statements: Vec<StatementShown>,
    /// The documents drawn up.
    pub documents: Vec<Document>,
}

/// One hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handed {
    /// When.
    pub at: Instant,
    /// Who handed it over.
    pub by: Who,
    /// To whom, and how.
    pub to: Dissemination,
    /// The document.
    pub document: Option<Document>,
    /// The form's answers.
    pub answers: Vec<Field>,
}

/// A statement that was acknowledged. An id is a statement's within one charter, and its words may be revised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// The jurisdiction whose charter held it.
    pub jurisdiction: String,
    /// Its id there.
    pub statement: String,
    /// Digest of its text then.
    pub text_digest: Digest,
}

/// Something said or done once, by somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Noted<T> {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: Who,
    /// What.
    pub what: T,
}

/// A request's life. The default is that of a request that was opened just now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Life {
    /// When it was last searched.
    pub searched: Option<Instant>,
    /// When the list that stands was shown first.
    pub listed: Option<Instant>,
    /// The list that stands, by rank.
    pub list: Vec<Listed>,
    /// Whether its search left records out by a filter.
    pub filtered: bool,
    /// Booking fields that may be shown of it; any, where absent. The narrowest that its decisions allow.
    pub fields: Option<Vec<String>>,
    /// Records that decisions withhold from it, since it was first shown or since a later look. The last look at a record
    /// counts: what kept it from being shown may be over.
    pub withheld: Vec<String>,
    /// Who opened it, oldest first, each once.
    pub openers: Vec<Who>,
    /// What was said last of its candidates.
    pub said: BTreeMap<String, Said>,
    /// Every signature, oldest first.
    pub signatures: Vec<Signed>,
    /// Statements acknowledged.
    pub acknowledged: Vec<Noted<Acknowledged>>,
    /// The release.
    pub release: Option<Release>,
    /// Every hand-over, oldest first.
    pub handed: Vec<Handed>,
    /// Every report of what became of it, oldest first.
    pub outcomes: Vec<Noted<Vec<Field>>>,
    /// What was destroyed.
    pub purged: Vec<Noted<String>>,
    /// What is held as evidence.
    pub held: Vec<Noted<String>>,
    /// Violations reported of it, and when each happened, oldest report first.
    pub violations: Vec<Noted<Instant>>,
    /// Decisions that did not permit, with their phase, oldest first.
    pub refusals: Vec<Noted<Phase>>,
    /// Duties that permitted decisions imposed, each once.
    pub imposed: Vec<Imposed>,
    /// The answers that the last search was decided on; none before the first one.
    pub attestations: Vec<Attestation>,
    /// Whether accounts of it are gone.
    pub incomplete: bool,
    /// The moment of its latest entry, whatever that says.
    latest: Instant,
    /// What the decision that opened it says of every list of it.
    pub(crate) opening: Bounds,
    /// Everybody who took a step that was permitted: what was refused them makes nobody a part of it.
    actors: Vec<Who>,
    /// Who was shown what others concluded of the list that stands.
    informed: Vec<Who>,
    /// Signatures that are older than the list that stands.
    before_list: usize,
    /// A search whose list has not been shown.
    fresh: Option<Fresh>,
}

/// A search that was permitted, and what its decision and the opening's say of the list that is about to be shown.
#[derive(Clone, Debug, PartialEq)]
struct Fresh {
    permit: String,
    filtered: bool,
    bounds: Bounds,
}

/// Whether these are the same human being. A person's id is unique in their jurisdiction only.
pub fn same_person(a: &Who, b: &Who) -> bool {
    a.person == b.person && a.jurisdiction == b.jurisdiction
}

/// Whether a signature takes back an earlier one: the same person's, in the same role, with another conclusion.
pub(crate) fn takes_back(later: &Signature, earlier: &Signature) -> bool {
    later.person == earlier.person && later.role == earlier.role && later.conclusion != earlier.conclusion
}

impl Life {
    /// Folds a life from its accounts, in whatever order. One that is absent has been purged.
    pub fn fold(accounts: impl IntoIterator<Item = Option<Account>>) -> Self {
        let mut life = Self::default();
        let mut told: Vec<Account> = Vec::new();
        for account in accounts {
            match account {
                Some(account) => told.push(account),
                None => life.incomplete = true,
            }
        }
        // Entries of the same millisecond follow in the order of their ids, which grow with time.
        told.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        let waits = |account: &Account| matches!(account.event, Event::Waits { .. });
        let waiting: BTreeSet<String> = told.iter().filter(|a| waits(a)).filter_map(|a| a.of.clone()).collect();
        for account in told {
            let waits = waiting.contains(&account.id);
            life.add(account, waits);
        }
        life
    }

    /// Adds one account; `waits` where it is of a step that was permitted and has no effect.
    pub(crate) fn add(&mut self, account: Account, waits: bool) {
        let Account { id, who: by, at, of, event, .. } = account;
        self.latest = self.latest.max(at);
        match event {
            // A report of a violation is no step of the request, nor is it one that an obligation is set aside.
            Event::Decision { rulings, .. } if matches!(rulings.phase, Phase::Violation | Phase::Waiver) => {}
            Event::Violated { happened, .. } => self.violations.push(Noted { at, by, what: happened }),
            Event::Decision { matters, rulings } => {
                if rulings.verdict() == Verdict::Permit {
                    note_once(&mut self.actors, &by);
                }
                if waits {
                    self.impose(&rulings);
                } else {
                    self.decided(&id, by, at, matters, &rulings);
                }
            }
            Event::Viewed if self.sees_conclusions(&by) => {
                let mut of_list = self.signatures.iter().skip(self.before_list);
                if of_list.any(|s| !same_person(&s.by, &by)) {
                    note_once(&mut self.informed, &by);
                }
            }
            Event::Searched { .. } => self.searched = Some(at),
            Event::Failed { .. } if of.is_some() && self.fresh.as_ref().map(|f| &f.permit) == of.as_ref() => {
                self.fresh = None;
            }
            Event::Disposed { dispositions } => {
                self.void_signatures();
                for Disposed { record_id, likeness, reason } in dispositions {
                    self.said.insert(record_id, Said { likeness, reason, by: by.clone(), at });
                }
            }
            Event::Signed { signature, reason } => {
                // Early entries name the person without the jurisdiction; policies are told both of all.
                let signature = Signature { person: by.key(), ..signature };
                if self.release.is_none() {
                    for earlier in
                        self.signatures.iter_mut().filter(|s| s.stands && takes_back(&signature, &s.signature))
                    {
                        (earlier.stands, earlier.taken_back) = (false, true);
                    }
                }
                self.signatures.push(Signed { by, signature, reason, stands: true, taken_back: false });
            }
            Event::Acknowledged { jurisdiction, statement, text_digest } => {
                let what = Acknowledged { jurisdiction, statement, text_digest };
                self.acknowledged.push(Noted { at, by, what });
            }
            Event::Released { candidates, reasoning, statements, documents } => {
                self.release = Some(Release { at, by, candidates, reasoning, statements, documents });
            }
            Event::Disseminated { handed, document, answers, .. } => {
                self.handed.push(Handed { at, by, to: handed, document, answers });
            }
            Event::Reported { answers } => self.outcomes.push(Noted { at, by, what: answers }),
            Event::Purged { record, .. } => self.purged.push(Noted { at, by, what: record.subject }),
            Event::Retention { change, record, holder: None, pending: false, .. } => match change.as_str() {
                "hold" => self.held.push(Noted { at, by, what: record.subject }),
                "lift" => self.held.retain(|held| held.what != record.subject),
                _ => {}
            },
            // What does not move a request on is in the log all the same.
            _ => {}
        }
    }

    fn decided(&mut self, id: &str, by: Who, at: Instant, matters: Vec<facts::Matter>, rulings: &Rulings) {
        if rulings.verdict() != Verdict::Permit {
            self.refusals.push(Noted { at, by, what: rulings.phase });
            return;
        }
        // What is shown is shown under the rules that held before this decision.
        let saw = self.sees_conclusions(&by) && self.said.values().any(|said| !same_person(&said.by, &by));
        self.impose(rulings);
        // Each policy is told the same of the step and the answers.
        let Some(matter) = matters.into_iter().next_back() else { return };
        match matter.step {
            Step::Request => self.opening = Bounds::default().and(rulings),
            Step::Search(plan) => {
                let bounds = self.opening.clone().and(rulings);
                let (permit, filtered) = (id.to_owned(), !plan.filters.is_empty());
                self.fresh = Some(Fresh { permit, filtered, bounds });
                self.attestations = matter.attestations;
            }
            Step::Candidates(candidates) => {
                match self.fresh.take() {
                    Some(search) => self.begin_list(candidates, at, search, rulings),
                    None => {
                        let Bounds { fields, withheld, .. } = self.shows(rulings);
                        let told = |record: &String| candidates.iter().any(|c| c.record_id == *record);
                        self.withheld.retain(|record| !told(record));
                        self.withheld.extend(withheld);
                        self.fields = fields;
                        if saw {
                            note_once(&mut self.informed, &by);
                        }
                    }
                }
                note_once(&mut self.openers, &by);
            }
            _ => {}
        }
    }

    fn impose(&mut self, rulings: &Rulings) {
        for ruling in &rulings.rulings {
            for obligation in &ruling.decision.obligations {
                let imposed = Imposed {
                    jurisdiction: ruling.jurisdiction.clone(),
                    clause: obligation.clause.clone(),
                    duty: obligation.duty.clone(),
                    phase: rulings.phase,
                };
                let known = |i: &Imposed| {
                    i.jurisdiction == imposed.jurisdiction && i.clause == imposed.clause && i.duty == imposed.duty
                };
                if !self.imposed.iter().any(known) {
                    self.imposed.push(imposed);
                }
            }
        }
    }

    fn begin_list(&mut self, candidates: Vec<facts::Candidate>, at: Instant, search: Fresh, rulings: &Rulings) {
        let bounds = search.bounds.and(rulings);
        let most = bounds.at_most();
        (self.filtered, self.withheld, self.fields) = (search.filtered, bounds.withheld, bounds.fields);
        let shown = candidates.into_iter().filter(|c| !self.withheld.contains(&c.record_id)).take(most);
        let listed = |(c, rank): (facts::Candidate, u32)| Listed { rank, record_id: c.record_id, status: c.status };
        self.list = shown.zip(1_u32..).map(listed).collect();
        self.listed = Some(at);
        self.openers.clear();
        self.informed.clear();
        self.before_list = self.signatures.len();
        self.said.clear();
        self.void_signatures();
    }

    /// What a look at the list that stands shows of it on which this was ruled. Of the booking fields, what was said of the list
    /// before holds on, until there is a new one. What the opening or the search withheld is not on the list; a record that was
    /// sealed since, and is not any more, is seen again.
    pub(crate) fn shows(&self, rulings: &Rulings) -> Bounds {
        Bounds::of_fields(self.fields.clone()).and(rulings)
    }

    fn void_signatures(&mut self) {
        for signed in &mut self.signatures {
            signed.stands = false;
        }
    }

    /// The moment of its latest entry, whatever that says; the epoch where there is none.
    pub(crate) fn latest(&self) -> Instant {
        self.latest
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        if !self.outcomes.is_empty() {
            State::Concluded
        } else if !self.handed.is_empty() {
            State::Disseminated
        } else if self.release.is_some() {
            State::Released
        } else if self.listed.is_some() {
            if self.signatures.iter().any(|s| s.stands) {
                State::Signed
            } else if self.undisposed().next().is_none() {
                State::Disposed
            } else {
                State::Listed
            }
        } else if self.searched.is_some() {
            State::Searched
        } else {
            State::Open
        }
    }

    /// Whether the list that stands is that of the last search: one whose list was never shown has none to look at.
    pub fn has_list(&self) -> bool {
        self.listed.is_some() && self.fresh.is_none()
    }

    /// Whether a record is on the list.
    pub fn lists(&self, record: &str) -> bool {
        self.list.iter().any(|c| c.record_id == record)
    }

    /// Candidates of the list, by rank, those left out that have been withheld since it was shown: nobody sees them any more.
    pub fn candidates(&self) -> impl Iterator<Item = &Listed> {
        self.list.iter().filter(|c| !self.withheld.contains(&c.record_id))
    }

    /// Of these, those without a disposition.
    pub fn undisposed(&self) -> impl Iterator<Item = &Listed> {
        self.candidates().filter(|c| !self.said.contains_key(&c.record_id))
    }

    /// Candidates found possible, by rank.
    pub fn possible(&self) -> impl Iterator<Item = &Listed> {
        let possible = |c: &&Listed| self.said.get(&c.record_id).is_some_and(|s| s.likeness == Likeness::Possible);
        self.list.iter().filter(possible)
    }

    /// When something of it was destroyed.
    pub fn purged(&self, subject: &str) -> Option<Instant> {
        self.purged.iter().find(|p| p.what == subject).map(|p| p.at)
    }

    /// Whether a rule wants signatures given without having seen what others concluded.
    pub fn is_blind(&self) -> bool {
        let blind = |i: &Imposed| matches!(&i.duty, Duty::SignOffs(rule) if rule.blind);
        self.release.is_none() && self.imposed.iter().any(blind)
    }

    /// Whether this person may be shown what others concluded: under a rule for blind signatures, once they have signed.
    pub fn sees_conclusions(&self, who: &Who) -> bool {
        !self.is_blind() || self.signature_of(who).is_some()
    }

    /// Whether this person was shown what others concluded of the list that stands: then they do not sign blind.
    pub fn is_informed(&self, who: &Who) -> bool {
        self.informed.iter().any(|w| same_person(w, who))
    }

    /// Whether this person opened the list that stands.
    pub fn is_opener(&self, who: &Who) -> bool {
        self.openers.iter().any(|w| same_person(w, who))
    }

    /// Whether this person may be told what the list that stands holds and what was found of it: they opened it, and are not
    /// to sign blind any more.
    pub fn knows_findings(&self, who: &Who) -> bool {
        self.is_opener(who) && self.sees_conclusions(who)
    }

    /// The signature of this person that stands.
    pub fn signature_of(&self, who: &Who) -> Option<&Signed> {
        self.signatures.iter().find(|s| s.stands && same_person(&s.by, who))
    }

    /// Whether this jurisdiction's statement was acknowledged in these words.
    pub fn acknowledges(&self, jurisdiction: &str, statement: &str, text_digest: Digest) -> bool {
        let known = |a: &Acknowledged| {
            a.jurisdiction == jurisdiction && a.statement == statement && a.text_digest == text_digest
        };
        self.acknowledged.iter().any(|noted| known(&noted.what))
    }

    /// Whether this person took any step of it that was permitted.
    pub fn concerns(&self, who: &Who) -> bool {
        let noted = [&self.actors, &self.openers];
        noted.into_iter().flatten().any(|w| same_person(w, who)) || self.signature_of(who).is_some()
    }

    /// Whether a conclusion of this kind stands.
    pub fn concludes(&self, conclusion: Conclusion) -> bool {
        self.signatures.iter().any(|s| s.stands && s.signature.conclusion == conclusion)
    }

    /// Adds what the records of the request say to what policies are told. `counting` are the signatures that count now.
    ///
    /// `blindfold` is whoever takes the step, where its refusal could tell them what others concluded: as long as they are to
    /// sign blind, policies are told of the candidates that they found possible themselves, and of no other. Of a release more is
    /// kept from more people ([`crate::sitting`]).
    pub fn tell(&self, history: &mut facts::History, counting: Vec<Signature>, blindfold: Option<&Who>) {
        let withheld_from = blindfold.filter(|who| !self.sees_conclusions(who));
        let told = |c: &&Listed| {
            let own = |who| self.said.get(&c.record_id).is_some_and(|said| same_person(&said.by, who));
            withheld_from.is_none_or(own)
        };
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        history.opened_candidates = self.openers.iter().map(Who::key).collect();
        history.signatures = counting;
        let returned = self.candidates().count();
        history.candidates_returned = small(returned);
        history.candidates_filtered = self.filtered;
        history.candidates_disposed = small(returned.saturating_sub(self.undisposed().count()));
        let withheld = |c: &&Listed| self.withheld.contains(&c.record_id);
        let possible = self.possible().filter(told).filter(|c| !withheld(c));
        history.possible = possible.map(|c| c.record_id.clone()).collect();
        history.candidates_possible = small(history.possible.len());
        history.released = self.release.as_ref().map(|r| r.at);
    }
}

fn note_once(people: &mut Vec<Who>, who: &Who) {
    if !people.iter().any(|w| same_person(w, who)) {
        people.push(who.clone());
    }
}

#[cfg(test)]
pub(crate) mod tests;
