//! Steps that do not fit where a request stands. Each says what would change it; each is on record, and changes nothing.

use crate::life::{Imposed, Life};
use crate::obligations::Owed;
use model::account::Who;
use model::combine::Ruling;
use model::rulings::{ClauseId, Duty, Obligation};
use model::terms::{Date, Digest, Instant};
use std::fmt;

/// What demands something: a clause of a jurisdiction's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demanded {
    /// Whose policy.
    pub jurisdiction: String,
    /// The clause.
    pub clause: ClauseId,
}

impl fmt::Display for Demanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.jurisdiction, self.clause)
    }
}

impl From<&Imposed> for Demanded {
    fn from(imposed: &Imposed) -> Self {
        Self { jurisdiction: imposed.jurisdiction.clone(), clause: imposed.clause.clone() }
    }
}

impl From<&Owed> for Demanded {
    fn from(owed: &Owed) -> Self {
        Self { jurisdiction: owed.jurisdiction.clone(), clause: owed.clause.clone() }
    }
}

impl From<(&Ruling, &Obligation)> for Demanded {
    fn from((ruling, obligation): (&Ruling, &Obligation)) -> Self {
        Self { jurisdiction: ruling.jurisdiction.clone(), clause: obligation.clause.clone() }
    }
}

/// A step out of place.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misstep {
    /// Nobody has seen a list of candidates yet.
    #[error("no candidate list of this request has been shown: search, and open the list, first")]
    NotListed {
        /// What has the step wait for a list.
        demanded: Vec<Demanded>,
    },
    /// Not a candidate of this request.
    #[error("record `{record}` is not on this request's candidate list: name records of the list as it was shown last")]
    Unlisted {
        /// The record.
        record: String,
        /// What has the step be about that list.
        demanded: Vec<Demanded>,
    },
    /// A candidate that was not found possible.
    #[error(
        "record `{record}` was not found possible, and only such candidates leave: leave it out, or dispose of it anew"
    )]
    NotPossible {
        /// The record.
        record: String,
        /// What says which candidates leave.
        demanded: Vec<Demanded>,
    },
    /// A candidate that is not in the gallery any more.
    #[error("record `{record}` is no longer in the gallery: leave it out")]
    Gone {
        /// The record.
        record: String,
        /// What says which candidates leave.
        demanded: Vec<Demanded>,
    },
    /// A candidate that a decision withholds.
    #[error("record `{record}` is withheld by a policy, and does not leave: leave it out")]
    Withheld {
        /// The record.
        record: String,
        /// What says which candidates leave.
        demanded: Vec<Demanded>,
    },
    /// A result is released by somebody who has not opened the list, or is still to sign blind.
    #[error(
        "what leaves of a candidate list is named by somebody who has opened it and, where it is signed blind, has signed: look \
         at the candidates first, and sign, or have one of them release the result"
    )]
    Unopened {
        /// What says which candidates leave: the same, whatever they named.
        demanded: Vec<Demanded>,
    },
    /// A record named twice in one step.
    #[error("record `{record}` is named twice: name it once")]
    Twice {
        /// The record.
        record: String,
        /// What has the step be about that list.
        demanded: Vec<Demanded>,
    },
    /// The result left already.
    #[error("the result was released at {at} and is not changed any more: open a new request")]
    Released {
        /// When.
        at: Instant,
        /// What has the step come before that, and what the result left under.
        demanded: Vec<Demanded>,
    },
    /// Nothing left yet.
    #[error("the result has not been released: release it first")]
    NotReleased {
        /// What has the step come after that, and what the result is to leave under.
        demanded: Vec<Demanded>,
    },
    /// A record that the result holds was destroyed.
    #[error(
        "a record that this result holds is no longer in the gallery, so the result is handed to nobody any more: have its \
         documents purged, and open a new request"
    )]
    Outlived,
    /// A record that the result holds is withheld by now.
    #[error(
        "a record that this result holds is withheld by a policy, so the result is handed to nobody: where the record is in \
         use again, look at the candidates first; else open a new request"
    )]
    WithheldSince {
        /// What withholds it.
        demanded: Vec<Demanded>,
    },
    /// Somebody signs in a role that is not theirs.
    #[error("`{person}` does not hold the role `{role}` now: sign in a role that you hold, or have it granted first")]
    NotTheirRole {
        /// Who.
        person: String,
        /// The role.
        role: String,
        /// What demands signatures in that role, if anything does.
        demanded: Vec<Demanded>,
    },
    /// Somebody signs again.
    #[error("`{person}` signed at {at}, and nothing has changed since: have another person sign")]
    SignedAlready {
        /// Who.
        person: String,
        /// When.
        at: Instant,
        /// What demands signatures in the role they would sign in, if anything does.
        demanded: Vec<Demanded>,
    },
    /// A refusal to sign that says nothing.
    #[error("a refusal to sign says why: write down the reason")]
    RefusedWithoutReason {
        /// What demands signatures in that role, if anything does.
        demanded: Vec<Demanded>,
    },
    /// Signatures are missing.
    #[error("the result cannot be released yet: {}", .wanting.join("; "))]
    Unsigned {
        /// What is missing, one rule each.
        wanting: Vec<String>,
        /// What demands it.
        demanded: Vec<Demanded>,
    },
    /// A request that policies permit, and that does not say what every entry about it has to.
    #[error("the request does not say {lacking}, which the log has to say of every search: ask again, and say it")]
    Unsaid {
        /// What, for a reader.
        lacking: String,
    },
    /// Signatures are missing, and it is not for the asker to know which.
    #[error("the result cannot be released yet, signatures are wanting: have those sign who have to")]
    Wanting {
        /// What demands signatures, those included that are there.
        demanded: Vec<Demanded>,
    },
    /// Candidates without a disposition.
    #[error("{} of the candidates have no disposition, and each needs one: say of `{}` what they are", .records.len(), .records.join("`, `"))]
    Undisposed {
        /// Which.
        records: Vec<String>,
        /// What demands it.
        demanded: Vec<Demanded>,
    },
    /// The same, for somebody who has not opened the list.
    #[error("candidates are not disposed of, and each has to be: have those who opened the list say what they are")]
    Unexamined {
        /// What demands it.
        demanded: Vec<Demanded>,
    },
    /// There is nothing a document could say.
    #[error("a document is demanded and nobody wrote down how the conclusion was reached: give the reasoning")]
    Unreasoned {
        /// What demands the document.
        demanded: Vec<Demanded>,
    },
    /// Two jurisdictions demand a document of their own under one id.
    #[error(
        "{} each demand a document `{id}` of their own, and a result holds one of that id: have one of these policies call its document otherwise, then open a new request",
        listed(.demanded)
    )]
    SameDocument {
        /// Its id.
        id: String,
        /// What demands them.
        demanded: Vec<Demanded>,
    },
    /// A statement that no charter holds.
    #[error(
        "no charter concerned holds the statement `{id}`: name one that is listed under GET /v1/{{jurisdiction}}/charter"
    )]
    UnknownStatement {
        /// Its id.
        id: String,
        /// What demands it or, where nothing does, the statements that are demanded.
        demanded: Vec<Demanded>,
    },
    /// A statement in other words than the charter's.
    #[error("the statement `{id}` is altered: it must be carried word for word, with the digest {digest}")]
    AlteredStatement {
        /// Its id.
        id: String,
        /// Digest of the charter's text.
        digest: Digest,
        /// What demands it, where something does.
        demanded: Option<Demanded>,
    },
    /// A statement left out.
    #[error(
        "the statement `{id}` is demanded and left out ({demanded}): carry it, or leave the list of statements away to carry all"
    )]
    MissingStatement {
        /// Its id.
        id: String,
        /// What demands it.
        demanded: Demanded,
    },
    /// Somebody acknowledges for somebody else.
    #[error(
        "only the requester acknowledges a statement: have {} do it with their own certificate",
        whom(.requester.as_deref())
    )]
    NotTheRequester {
        /// Who would have to; absent for somebody who does not see the request.
        requester: Option<String>,
    },
    /// Nobody asked for it.
    #[error("nothing of this kind is open for `{of}`: GET /v1/{{jurisdiction}}/obligations lists what is")]
    NothingOwed {
        /// What it was said of.
        of: String,
        /// What demanded it, where it is not open any more.
        demanded: Vec<Demanded>,
    },
    /// Somebody says that an obligation is met which nobody's word meets.
    #[error("an obligation of the kind `{duty}` is not met by anybody's word: {instead}")]
    NotATask {
        /// What kind of duty it is.
        duty: &'static str,
        /// What meets it.
        instead: &'static str,
        /// What demands it.
        demanded: Demanded,
    },
    /// What is due by the calendar is completed by somebody's word.
    #[error(
        "`{of}` is met by what it asks for, and by nobody's word: draw the report up for that period, or have a revision take effect that is due for review later"
    )]
    NotByWord {
        /// The obligation's id.
        of: String,
        /// What demands it.
        demanded: Demanded,
    },
    /// An obligation that was met is waived.
    #[error("the obligation `{obligation}` was met at {at}: there is nothing left of it to waive")]
    MetAlready {
        /// Its id.
        obligation: String,
        /// When.
        at: Instant,
        /// What demanded it.
        demanded: Demanded,
    },
    /// An obligation is waived twice.
    #[error("the obligation `{obligation}` was waived by `{by}` at {at}: there is nothing left of it to waive")]
    WaivedAlready {
        /// Its id.
        obligation: String,
        /// Who waived it: `jurisdiction/person`.
        by: String,
        /// When.
        at: Instant,
        /// What demanded it.
        demanded: Demanded,
    },
    /// An obligation that nobody can waive.
    #[error("an obligation of the kind `{duty}` is not waived: {instead}")]
    NotWaivable {
        /// What kind of duty it is.
        duty: &'static str,
        /// Why not, and what to do.
        instead: &'static str,
        /// What demands it.
        demanded: Demanded,
    },
    /// Somebody completes what is another role's to do.
    #[error("this is for somebody who holds the role `{role}`: have one of them do it")]
    NotTheirTask {
        /// The role.
        role: String,
        /// What demands it.
        demanded: Demanded,
    },
    /// Somebody without any role asks for what is for people who hold one.
    #[error("this is for people of the jurisdiction who hold a role, and you hold none: have one of them do it")]
    NoRole,
    /// The release drew up no such document.
    #[error("the release drew up no document `{id}`: name one of `{}`", .drawn.join("`, `"))]
    UnknownDocument {
        /// What was named.
        id: String,
        /// What there is.
        drawn: Vec<String>,
        /// What demands documents.
        demanded: Vec<Demanded>,
    },
    /// Somebody suspended is not given access, nor suspended again.
    #[error("`{id}` is suspended since {since}: reinstate them, or withdraw their access")]
    Suspended {
        /// A person or an agency.
        id: String,
        /// Since when.
        since: Instant,
    },
    /// Somebody is reinstated whom another decision had suspended while that was judged.
    #[error("`{id}` was suspended once more while this was judged: look at why, and reinstate them then")]
    SuspendedMeanwhile {
        /// A person or an agency.
        id: String,
    },
    /// Somebody who is not suspended is reinstated.
    #[error("`{id}` is not suspended: there is nothing to reinstate")]
    NotSuspended {
        /// A person or an agency.
        id: String,
    },
    /// Somebody or something of that id is in the registry.
    #[error("the {kind} `{id}` is in the registry already: use another id, or change what is there")]
    Registered {
        /// `person`, `agency` or `agreement`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// An agreement that is over.
    #[error("the agreement `{id}` was in force until {last} and is over: there is nothing to end")]
    Ended {
        /// Its id.
        id: String,
        /// Its last day in force.
        last: Date,
    },
    /// There is no background check on record.
    #[error("no background check of `{id}` is on record: there is none that could count no longer")]
    NotChecked {
        /// Whose.
        id: String,
    },
    /// A policy revision that is in force, or was.
    #[error("the policy revision `{revision}` is in force or was superseded: put it forward anew")]
    NotPending {
        /// Its id.
        revision: String,
    },
    /// Enough policy revisions wait already.
    #[error(
        "{most} policy revisions wait to take effect already, and no more may: activate one, or sign against one that is not to be"
    )]
    TooManyWait {
        /// How many may.
        most: usize,
    },
    /// What the step needs was destroyed.
    #[error("the {subject} of this request was destroyed at {at}: open a new request")]
    Purged {
        /// What.
        subject: String,
        /// When.
        at: Instant,
        /// What demanded that, if a decision on the request did.
        demanded: Vec<Demanded>,
    },
    /// There is nothing left of it.
    #[error(
        "the {subject} `{record}` was destroyed at {at}: there is nothing left of it to keep, carry off or destroy"
    )]
    Destroyed {
        /// What kind of record.
        subject: String,
        /// Which.
        record: String,
        /// When.
        at: Instant,
        /// What demanded that, if a decision did.
        demanded: Vec<Demanded>,
    },
    /// It is sealed.
    #[error("record `{record}` is sealed: there is nothing to seal")]
    Sealed {
        /// The record.
        record: String,
    },
    /// It is not sealed.
    #[error("record `{record}` is not sealed, its status is `{status}`: there is nothing to unseal")]
    NotSealed {
        /// The record.
        record: String,
        /// Its status.
        status: String,
    },
    /// It is held as evidence.
    #[error("the {subject} `{record}` is held as evidence, all or in part: have the hold lifted first")]
    Held {
        /// What kind of record.
        subject: String,
        /// Which.
        record: String,
        /// What demands that.
        demanded: Vec<Demanded>,
    },
    /// A pruning that has begun takes it, all or in part.
    #[error(
        "the entries before {minimum} are being pruned, and are not held, extended or exported any more: name entries from \
         {minimum} on"
    )]
    Pruning {
        /// The first entry that stays.
        minimum: u64,
    },
    /// A pruning up to an entry that the log does not have.
    #[error("the log has {size} entries, counted from 0, and none `{last}`: name one that there is")]
    NotInLog {
        /// The last entry that was to go.
        last: u64,
        /// How many there are.
        size: u64,
    },
    /// A pruning that would take no whole bundle.
    #[error("there is nothing to prune up to there: the log keeps entries from {from} on, and they go by 256")]
    NothingToPrune {
        /// The first entry that the log keeps.
        from: u64,
    },
    /// A decision demands that it stays for a time that is not over.
    #[error("{} demands that the {subject} is kept until {until}: purge it then", whoever(.demanded.as_ref()))]
    KeptUntil {
        /// What kind of record.
        subject: String,
        /// The clause; absent where it is the host itself that demands it.
        demanded: Option<Demanded>,
        /// Until when.
        until: Instant,
    },
    /// An extension that names no day denies what was asked, and nothing was.
    #[error("no extension of this record waits to be decided: say up to which day it is to stay")]
    NothingToDeny,
    /// An extension is granted up to another day than the one asked for.
    #[error(
        "an extension up to {asked} waits to be decided: grant that day, deny it by naming none, or have whoever asked ask anew"
    )]
    AnotherDay {
        /// Up to which day was asked.
        asked: Date,
        /// What demands the approval that it waits for.
        demanded: Vec<Demanded>,
    },
    /// Somebody else asked for it, and that waits.
    #[error("this was already asked by `{by}` and waits to be approved: have it approved, or denied where it can be")]
    AskedAlready {
        /// Who asked: `jurisdiction/person`, or the jurisdiction alone where it is another one.
        by: String,
        /// What demands the approval that it waits for.
        demanded: Vec<Demanded>,
    },
    /// Part of the request's story was destroyed.
    #[error("entries of this request's life have been purged, so that it cannot be gone on with: open a new request")]
    Incomplete,
    /// A request whose accounts are to be purged has its turn taken, on this host or another.
    #[error("a step of request `{request}` is under way: purge again once it is done")]
    StepUnderWay {
        /// The request.
        request: String,
    },
    /// Another host has the turn.
    #[error("another host takes a step of this just now, so nothing was done here: wait a moment, and repeat it")]
    Elsewhere,
    /// This host's clock is behind what is on record of the request: another host's was ahead, or this one's is wrong.
    #[error(
        "the last entry of this request is of {latest}, and this host's clock is {by_ms} ms behind that, so nothing was done \
         here: set the clocks of all hosts by one time server; it can be gone on with once that moment is past"
    )]
    BehindRecord {
        /// By how many ms.
        by_ms: u64,
        /// The moment of the entry.
        latest: Instant,
    },
}

impl Misstep {
    /// The clauses that demand what is missing, that have the step in another place, or that something is as it is.
    ///
    /// None where no clause does. That is so of what the host alone wants: its clock and its turns, a log that is whole, a registry
    /// that lists nobody twice, at most so many revisions that wait. Nor does a clause say that what stands as it is asked to be,
    /// or was never asked, is not changed: a record sealed twice, somebody suspended twice, an extension that nobody asked for. And
    /// what had a record destroyed that a result holds is on that record's docket, and not on the request's.
    pub fn demanded(&self) -> &[Demanded] {
        match self {
            Self::NotListed { demanded }
            | Self::Unlisted { demanded, .. }
            | Self::NotPossible { demanded, .. }
            | Self::Gone { demanded, .. }
            | Self::Withheld { demanded, .. }
            | Self::Unopened { demanded }
            | Self::Twice { demanded, .. }
            | Self::Released { demanded, .. }
            | Self::NotReleased { demanded }
            | Self::WithheldSince { demanded }
            | Self::RefusedWithoutReason { demanded }
            | Self::Unsigned { demanded, .. }
            | Self::Wanting { demanded }
            | Self::Undisposed { demanded, .. }
            | Self::Unexamined { demanded }
            | Self::Unreasoned { demanded }
            | Self::SameDocument { demanded, .. }
            | Self::UnknownStatement { demanded, .. }
            | Self::UnknownDocument { demanded, .. }
            | Self::NothingOwed { demanded, .. }
            | Self::NotTheirRole { demanded, .. }
            | Self::SignedAlready { demanded, .. }
            | Self::Purged { demanded, .. }
            | Self::Destroyed { demanded, .. }
            | Self::Held { demanded, .. }
            | Self::AnotherDay { demanded, .. }
            | Self::AskedAlready { demanded, .. } => demanded,
            Self::MissingStatement { demanded, .. }
            | Self::NotATask { demanded, .. }
            | Self::NotByWord { demanded, .. }
            | Self::MetAlready { demanded, .. }
            | Self::WaivedAlready { demanded, .. }
            | Self::NotWaivable { demanded, .. }
            | Self::NotTheirTask { demanded, .. } => std::slice::from_ref(demanded),
            Self::AlteredStatement { demanded, .. } | Self::KeptUntil { demanded, .. } => demanded.as_slice(),
            _ => &[],
        }
    }

    /// The same, where what was asked before waits for an approval which these clauses demand.
    pub(crate) fn waiting_under(self, clauses: Vec<Demanded>) -> Self {
        match self {
            Self::AnotherDay { asked, .. } => Self::AnotherDay { asked, demanded: clauses },
            Self::AskedAlready { by, .. } => Self::AskedAlready { by, demanded: clauses },
            other => other,
        }
    }

    /// What this person is told of it: nothing of a list that they have not opened, nor who concluded what while they are
    /// to sign blind.
    pub(crate) fn told_to(self, who: &Who, life: &Life) -> Self {
        let opened = life.is_opener(who);
        match self {
            // A second lock behind `Sitting::keeps_from`, which has the release look for no record of theirs.
            Self::Unlisted { demanded, .. }
            | Self::NotPossible { demanded, .. }
            | Self::Withheld { demanded, .. }
            | Self::Gone { demanded, .. }
                if !life.knows_findings(who) =>
            {
                Self::Unopened { demanded }
            }
            Self::Undisposed { demanded, .. } if !opened => Self::Unexamined { demanded },
            // Which of the rules are not kept would tell them who has signed.
            Self::Unsigned { .. } if !opened || !life.sees_conclusions(who) => {
                Self::Wanting { demanded: signatures_demanded(life) }
            }
            other => other,
        }
    }
}

/// What imposed these duties on a request, each clause once.
pub(crate) fn demanding(life: &Life, which: impl Fn(&Duty) -> bool) -> Vec<Demanded> {
    each(life.imposed.iter().filter(|i| which(&i.duty)).map(Demanded::from))
}

/// Everything that demands signatures of a request.
fn signatures_demanded(life: &Life) -> Vec<Demanded> {
    demanding(life, |duty| matches!(duty, Duty::SignOffs(_)))
}

/// What demands signatures in this role, approvals included.
pub(crate) fn demanding_role(life: &Life, role: &str) -> Vec<Demanded> {
    demanding(life, |duty| matches!(duty, Duty::SignOffs(rule) | Duty::Approve(rule) if rule.role == role))
}

/// What demanded that a request's record of this kind is destroyed.
pub(crate) fn demanding_purge(life: &Life, subject: &str) -> Vec<Demanded> {
    demanding(life, |duty| matches!(duty, Duty::Purge(rule) if rule.subject == subject))
}

fn whom(known: Option<&str>) -> String {
    known.map_or_else(|| "them".to_owned(), |who| format!("`{who}`"))
}

fn whoever(demands: Option<&Demanded>) -> String {
    demands.map_or_else(|| "this host".to_owned(), Demanded::to_string)
}

fn listed(demanded: &[Demanded]) -> String {
    demanded.iter().map(Demanded::to_string).collect::<Vec<_>>().join(" and ")
}

/// Each once.
pub(crate) fn each(all: impl Iterator<Item = Demanded>) -> Vec<Demanded> {
    let mut once: Vec<Demanded> = Vec::new();
    for demanded in all {
        if !once.contains(&demanded) {
            once.push(demanded);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::rulings::SignOffRule;

    fn demanded(clause: &str) -> Demanded {
        Demanded { jurisdiction: "north".into(), clause: clause.into() }
    }

    fn who(person: &str) -> Who {
        let (name, unit, agency) = (person.into(), "unit".into(), "agency".into());
        Who { jurisdiction: "north".into(), person: person.into(), name, unit, agency }
    }

    #[test]
    fn what_somebody_has_not_been_shown_a_refusal_does_not_tell_them() {
        let mut life = Life::default();
        life.openers.push(who("opener"));
        let (record, binding) = (|| "r-17".to_owned(), || vec![demanded("c")]);
        let missteps = || {
            [
                Misstep::Unlisted { record: record(), demanded: binding() },
                Misstep::NotPossible { record: record(), demanded: binding() },
                Misstep::Withheld { record: record(), demanded: binding() },
                Misstep::Gone { record: record(), demanded: binding() },
                Misstep::Undisposed { records: vec![record()], demanded: vec![demanded("c")] },
                Misstep::Unsigned { wanting: vec!["2 of r-17 have to sign".to_owned()], demanded: vec![demanded("c")] },
            ]
        };
        for misstep in missteps() {
            assert_eq!(misstep.clone().told_to(&who("opener"), &life), misstep);
            let told = misstep.clone().told_to(&who("other"), &life);
            assert!(!told.to_string().contains("r-17"), "{told}");
            if matches!(told, Misstep::Unopened { .. }) {
                assert_eq!(told.demanded(), misstep.demanded(), "the clause is no secret");
            }
        }
        let namesake = Who { jurisdiction: "south".into(), ..who("opener") };
        for (misstep, says) in [(4, "candidates are not disposed of"), (5, "signatures are wanting")] {
            let misstep = missteps().into_iter().nth(misstep).unwrap();
            assert!(misstep.told_to(&namesake, &life).to_string().contains(says), "{says}");
        }
        let undisposed = missteps().into_iter().nth(4).unwrap();
        assert_eq!(undisposed.told_to(&namesake, &life).demanded(), [demanded("c")], "the clause is no secret");
        let unlisted = || Misstep::NotListed { demanded: binding() };
        assert_eq!(unlisted().told_to(&who("other"), &life), unlisted(), "which says nothing of it");
    }

    #[test]
    fn whoever_is_to_sign_blind_is_not_told_how_many_agree() {
        let mut life = Life::default();
        life.openers.push(who("opener"));
        let blind = SignOffRule {
            role: "examiner".into(),
            persons: 2,
            units: vec![],
            distinct_from_requester: true,
            all_involved: false,
            blind: true,
            leads_only: false,
        };
        let rule = |clause: &str, rule: &SignOffRule| Imposed {
            jurisdiction: "north".into(),
            clause: clause.into(),
            duty: Duty::SignOffs(rule.clone()),
            phase: model::terms::Phase::Search,
        };
        let other = SignOffRule { role: "chief".into(), blind: false, ..blind.clone() };
        life.imposed.extend([rule("c", &blind), rule("c", &other), rule("d", &other)]);
        let unsigned = Misstep::Unsigned {
            wanting: vec!["1 whose signature counts did".to_owned()],
            demanded: vec![demanded("d")],
        };
        let told = unsigned.told_to(&who("opener"), &life);
        assert_eq!(told, Misstep::Wanting { demanded: vec![demanded("c"), demanded("d")] }, "whichever are wanting");
        let excluded = Misstep::NotPossible { record: "r-17".to_owned(), demanded: vec![demanded("c")] };
        let unopened = Misstep::Unopened { demanded: vec![demanded("c")] };
        assert_eq!(excluded.told_to(&who("opener"), &life), unopened, "nor what the others found");
    }

    #[test]
    fn who_signs_wrongly_or_too_late_is_told_the_clauses_that_it_is_about() {
        let rule = |role: &str| SignOffRule {
            role: role.into(),
            persons: 1,
            units: vec![],
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        };
        let purge =
            |subject: &str, by| Duty::Purge(model::rulings::PurgeRule { subject: subject.into(), by: Instant(by) });
        let duties = [
            ("a", Duty::SignOffs(rule("examiner"))),
            ("b", Duty::Approve(rule("chief"))),
            ("c", Duty::SignOffs(rule("chief"))),
            ("d", purge("probe", 1)),
            ("d", purge("probe", 2)),
            ("e", purge("report", 1)),
        ];
        let mut life = Life::default();
        life.imposed.extend(duties.map(|(clause, duty)| Imposed {
            jurisdiction: "north".into(),
            clause: clause.into(),
            duty,
            phase: model::terms::Phase::Search,
        }));
        assert_eq!(demanding_role(&life, "chief"), [demanded("b"), demanded("c")]);
        assert!(demanding_role(&life, "clerk").is_empty());
        assert_eq!(demanding_purge(&life, "probe"), [demanded("d")], "once");
        assert!(demanding_purge(&life, "letter").is_empty());
        let at = Instant(3);
        let missteps = [
            Misstep::NotTheirRole { person: "p".into(), role: "chief".into(), demanded: vec![demanded("c")] },
            Misstep::SignedAlready { person: "p".into(), at, demanded: vec![demanded("c")] },
            Misstep::Purged { subject: "probe".into(), at, demanded: vec![demanded("c")] },
        ];
        assert!(missteps.iter().all(|misstep| misstep.demanded() == [demanded("c")]));
        let same = Misstep::SameDocument { id: "report".into(), demanded: vec![demanded("c"), demanded("d")] };
        assert!(same.to_string().starts_with("north c and north d each demand a document `report`"), "{same}");
        assert_eq!(same.demanded().len(), 2);
    }

    #[test]
    fn a_statement_that_is_missing_names_the_clause_that_demands_it() {
        let missing = Misstep::MissingStatement { id: "lead".into(), demanded: demanded("c") };
        assert!(missing.to_string().contains("(north c)"), "{missing}");
        assert_eq!(missing.demanded(), [demanded("c")]);
        let altered = |demanded| Misstep::AlteredStatement { id: "lead".into(), digest: Digest::default(), demanded };
        assert_eq!(altered(Some(demanded("c"))).demanded(), [demanded("c")]);
        assert!(altered(None).demanded().is_empty() && Misstep::Incomplete.demanded().is_empty());
    }
}
