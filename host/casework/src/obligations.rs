//! The obligations ledger: what decisions oblige somebody to, until it is met or set aside ([`crate::waiver`]).
//!
//! An obligation is kept in the same commit as the decision that imposes it. The same duty of the same clause imposed again on
//! the same request is the same obligation, and stays met once it is met, and set aside once it is. What has to be kept or held
//! is so anew from each day on which that is demanded, and the latest counts. What is asked of a record and waits for approval is
//! one each time it is asked, and all of them are settled together. What a refusal imposes all the same (an alert, say) is an
//! obligation each time; where one policy refuses, what another's permit would have imposed is not imposed, but for suspensions
//! and for notices to others than the requester. What the host does at once (show a statement, bound a list, withhold a record)
//! is none.
//!
//! | duty | is met by |
//! |---|---|
//! | sign-offs, document | the release, which does not happen without; what it did not need, because no candidate left, the host sets aside |
//! | approve | as many signatures `approved` as the rule asks for, since it was imposed; it is open again if one of them is taken back |
//! | acknowledge | the requester's acknowledgement |
//! | dispose-all | the disposition of the last candidate |
//! | notify | the delivery of the notice to every office it is for; of a report, once that is drawn up and with it |
//! | retain | time: what had to be kept that long may go |
//! | task, flag | its owner's word that it is done |
//! | task that is due by the calendar | the report for its period; a revision that is due for review later ([`crate::calendar`]) |
//! | suspend | the suspension, at once |
//! | purge | the purge, by whomever: the host sees to it when it is due ([`crate::retention`]); of what a candidate list demanded, a later list that names candidates (`lapsed`) |
//! | hold | the step that lifts it, or the purge of what was carried off |
//! | hold of entries, by a decision about anything else | the step that lifts the entry of the decision |

use crate::calendar;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::judge::Facts;
use crate::ledger::{self, Entry, Receipt};
use crate::limits::bounded;
use crate::misstep::{Demanded, Misstep};
use crate::retention::{AUDIT_ENTRY, GALLERY_RECORD, turn_of};
use crate::suspension::suspends_nobody;
use model::account::{Event, Kind, Retained};
use model::combine::{Ruling, Rulings};
use model::facts::{self, Step};
use model::rulings::{ClauseId, ClockOrigin, Duty, Finding, Obligation, Outcome, REQUESTER};
use model::terms::{Digest, Instant, Verdict};
use policy::decide::HOST_CLAUSE;
use policy::scenario::duty_kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const HOUR_MS: u64 = 3_600_000;

const DAY_MS: u64 = 24 * HOUR_MS;

/// How long before the last moment the host purges what has to be purged by then: a minute's pass must not be what makes it
/// late, nor a database that has to be waited for.
const PURGE_LEAD_MS: u64 = HOUR_MS;

/// Owner of what the host itself has to do.
pub(crate) const HOST: &str = "host";

/// How an obligation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Standing {
    /// Still to be met.
    Open,
    /// Met.
    Met {
        /// The audit entry of the step that met it, the person on whose word it is met, or `host` for what the host did itself.
        by: String,
        /// When.
        at: Instant,
    },
    /// Not met in time, and still to be met.
    Overdue {
        /// Since when.
        at: Instant,
    },
    /// Set aside before it was met.
    Waived {
        /// By whom: `jurisdiction/person`, or `host` for the notice of a report that could not be drawn up, and for what a
        /// release did not need.
        by: String,
        /// When.
        at: Instant,
        /// Why, in their words.
        reason: String,
    },
}

/// One obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Its id, unique in its request.
    pub id: String,
    /// The jurisdiction whose policy imposed it.
    pub jurisdiction: String,
    /// The clause it comes from.
    pub clause: ClauseId,
    /// What has to be done.
    pub duty: Duty,
    /// The request; absent outside a request's life.
    pub request: Option<String>,
    /// The record it is about, where that is of no request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Retained>,
    /// Who has to: a role, offices, `requester`, or `host`.
    pub owner: String,
    /// Since when.
    pub since: Instant,
    /// By when; absent where no deadline is set.
    pub due: Option<Instant>,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// How often the host has tried in vain.
    #[serde(default)]
    pub tries: u32,
    /// Of a notice, how far it has come.
    #[serde(default, skip_serializing_if = "Reach::is_nothing")]
    pub reach: Reach,
    /// When the host has to look at it next.
    #[serde(default)]
    pub wake: Option<Instant>,
}

/// Whom a notice has reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The addresses and offices that have it.
    #[serde(default)]
    pub reached: Vec<String>,
    /// Who has not, and why.
    #[serde(default)]
    pub unreached: Vec<String>,
}

impl Reach {
    fn is_nothing(&self) -> bool {
        self.reached.is_empty() && self.unreached.is_empty()
    }

    /// Adds what one try came to.
    pub(crate) fn after(mut self, recipients: &[String], unreached: Vec<String>) -> Self {
        for recipient in recipients {
            if !self.reached.contains(recipient) {
                self.reached.push(recipient.clone());
            }
        }
        self.unreached = unreached;
        self
    }
}

/// What came of a completion.
pub struct Done {
    /// The obligation as it stands now.
    pub owed: Owed,
    /// Where it is recorded.
    pub receipt: Option<Receipt>,
}

impl Owed {
    /// Whether it is still to be met.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open | Standing::Overdue { .. })
    }

    /// Whether it was not met in time, and still is not.
    pub fn is_overdue(&self) -> bool {
        matches!(self.standing, Standing::Overdue { .. })
    }

    /// The most urgent first.
    pub(crate) fn urgency(&self) -> (Instant, Instant) {
        (self.due.unwrap_or(Instant(u64::MAX)), self.since)
    }

    /// Whether it waits for people, and not for time to pass.
    pub(crate) fn is_outstanding(&self) -> bool {
        self.is_open() && !matches!(self.duty, Duty::Retain(_))
    }

    /// Whether it holds entries of a log that nothing but its decision names.
    pub(crate) fn holds_entries_by_decision(&self) -> bool {
        let about_entries = self.about.as_ref().is_some_and(|about| about.subject == AUDIT_ENTRY);
        matches!(&self.duty, Duty::Hold(rule) if rule.subject == AUDIT_ENTRY) && !about_entries
    }

    /// What it is filed under, and whose turn whoever changes it takes: its request, or the record it is about.
    pub(crate) fn filed_under(&self) -> Option<String> {
        self.request.clone().or_else(|| self.about.as_ref().map(filed_under))
    }

    /// As it was kept.
    pub(crate) fn read(row: store::ObligationRow) -> Result<Self, CaseError> {
        serde_json::from_slice(&row.body)
            .map_err(|e| CaseError::Unreadable(format!("obligation `{}`: {e}; restore the database", row.id)))
    }

    pub(crate) fn row(&self) -> Result<store::ObligationRow, CaseError> {
        let body = serde_json::to_vec(self).map_err(|e| CaseError::Log(e.to_string()))?;
        let (request, id) = (self.filed_under(), self.id.clone());
        Ok(store::ObligationRow { request, id, open: self.is_open(), wake: self.wake, body })
    }

    /// Whether the host has to look at it right after it was imposed: a notice goes out, and what is late already is said
    /// to be.
    pub(crate) fn presses(&self, now: Instant) -> bool {
        self.wake.is_some_and(|wake| wake <= now)
    }

    /// Whether it was due by then.
    pub fn is_late(&self, now: Instant) -> bool {
        self.is_open() && self.due.is_some_and(|due| due < now)
    }

    /// The row that says it is met, by this entry.
    pub(crate) fn met(mut self, by: &str, at: Instant) -> Result<store::Kept, CaseError> {
        let was = self.wake;
        self.standing = Standing::Met { by: by.to_owned(), at };
        Ok(store::Kept::Settled { row: self.row()?, was })
    }

    /// The row that says it is set aside, by this person.
    pub(crate) fn waived(mut self, by: &str, at: Instant, reason: &str) -> Result<store::Kept, CaseError> {
        let was = self.wake;
        self.standing = Standing::Waived { by: by.to_owned(), at, reason: reason.to_owned() };
        Ok(store::Kept::Settled { row: self.row()?, was })
    }

    /// The row that says it is still to be met after all: what met it was taken back.
    pub(crate) fn reopened(mut self) -> Result<store::Kept, CaseError> {
        let was = self.wake;
        self.standing = Standing::Open;
        Ok(store::Kept::Settled { row: self.row()?, was })
    }

    /// As it stands once it is late. A notice is still to be delivered; of anything else there is nothing the host has to look at
    /// again.
    pub(crate) fn overdue(mut self, at: Instant) -> Self {
        self.standing = Standing::Overdue { at };
        self.wake = self.wake.filter(|_| matches!(self.duty, Duty::Notify(_)));
        self
    }

    /// The row that says so.
    pub(crate) fn late(self, at: Instant) -> Result<store::Kept, CaseError> {
        let was = self.wake;
        Ok(store::Kept::Settled { row: self.overdue(at).row()?, was })
    }

    /// The row that says how it stands, to be looked at again then.
    pub(crate) fn again(mut self, wake: Option<Instant>) -> Result<store::Kept, CaseError> {
        let was = self.wake;
        self.wake = wake;
        Ok(store::Kept::Settled { row: self.row()?, was })
    }
}

/// What a decision imposes, to be kept with it.
pub(crate) fn imposition(decision: &str, imposed: &[Owed]) -> Result<Option<store::Kept>, CaseError> {
    let Some(first) = imposed.first() else { return Ok(None) };
    let rows = imposed.iter().map(Owed::row).collect::<Result<_, _>>()?;
    let (decision, request) = (decision.to_owned(), first.filed_under());
    Ok(Some(store::Kept::Imposed(store::Imposition { decision, request, rows })))
}

/// The rows of those obligations that `which` picks, met by this entry.
pub(crate) fn met<'o>(
    owed: impl IntoIterator<Item = &'o Owed>,
    which: impl Fn(&Owed) -> bool,
    by: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    owed.into_iter().filter(|o| o.is_open() && which(o)).map(|o| o.clone().met(by, at)).collect()
}

/// Obligations that a decision outside a request's life has just imposed, as they are kept: those whose duty `which` picks.
pub(crate) async fn just_imposed(
    chamber: &Chamber,
    rulings: &Rulings,
    which: impl Fn(&Duty) -> bool,
) -> Result<Vec<Owed>, CaseError> {
    chamber.ledger.settle().await?;
    let mut found = Vec::new();
    for ruling in &rulings.rulings {
        for obligation in ruling.decision.obligations.iter().filter(|o| which(&o.duty)) {
            let id = id(&ruling.jurisdiction, obligation, None, false, rulings)?;
            let row = chamber.store.obligation(None, &id).await?;
            found.extend(row.map(Owed::read).transpose()?);
        }
    }
    Ok(found)
}

/// The obligations that a decision imposes. `log` is the origin of the log whose entries it is about, if it is about entries.
pub(crate) fn imposed<S>(rulings: &Rulings, facts: &Facts<'_, S>, log: Option<&str>) -> Result<Vec<Owed>, CaseError> {
    let (now, request, gallery) = (facts.now, facts.request, facts.gallery.as_ref());
    let occasion = Occasion { now, request, gallery, log, step: &facts.step };
    imposed_by(rulings, &occasion, facts.actor.agency.suspended_since)
}

/// The same of a step by somebody whose agency is suspended since then, if it is.
pub(crate) fn imposed_by(
    rulings: &Rulings,
    occasion: &Occasion<'_>,
    suspended: Option<Instant>,
) -> Result<Vec<Owed>, CaseError> {
    let mut imposed = imposed_on(rulings, occasion)?;
    if suspends_nobody(suspended, occasion.step, occasion.now) {
        imposed.retain(|owed| !matches!(owed.duty, Duty::Suspend(_)));
    }
    Ok(imposed)
}

/// What a decision was about, as far as its obligations depend on it.
pub(crate) struct Occasion<'a> {
    pub(crate) now: Instant,
    pub(crate) request: Option<&'a facts::Request>,
    pub(crate) gallery: Option<&'a facts::Gallery>,
    /// Whose entries it was about, if it was about entries: the origin of the log.
    pub(crate) log: Option<&'a str>,
    pub(crate) step: &'a Step,
}

/// The obligations that a decision imposes on this occasion.
pub(crate) fn imposed_on(rulings: &Rulings, occasion: &Occasion<'_>) -> Result<Vec<Owed>, CaseError> {
    let mut all = Vec::new();
    for (jurisdiction, obligation) in imposing(rulings) {
        all.extend(owed(jurisdiction, obligation, rulings, occasion)?);
    }
    Ok(all)
}

/// Whether this decision imposed something that is owed outside of a request's life.
pub(crate) fn is_imposed_by(owed: &Owed, rulings: &Rulings) -> bool {
    let (filed, dated) = (owed.filed_under(), owed.about.is_some());
    let theirs = imposing(rulings).filter(|(jurisdiction, _)| *jurisdiction == owed.jurisdiction);
    let mut ids = theirs.map(|(jurisdiction, o)| id(jurisdiction, o, filed.as_deref(), dated, rulings));
    ids.any(|id| id.is_ok_and(|id| id == owed.id))
}

/// What is obligatory under the verdict that prevails, and whose policy says so. Of a step that is not permitted it is what
/// its refusals impose themselves: what goes with a permit goes with the step. Somebody is suspended, and somebody else told,
/// whatever the verdict.
fn imposing(rulings: &Rulings) -> impl Iterator<Item = (&str, &Obligation)> {
    let permitted = rulings.verdict() == Verdict::Permit;
    rulings.rulings.iter().flat_map(move |ruling| {
        let all = permitted || refuses(ruling);
        let imposed = ruling.decision.obligations.iter().filter(move |o| all || o.duty.stands_whatever_the_verdict());
        imposed.map(move |obligation| (ruling.jurisdiction.as_str(), obligation))
    })
}

/// Whether a policy itself did not permit the step. Where the host denied in its place, what it imposes went with its permit,
/// unless it had found against the step, too.
fn refuses(ruling: &Ruling) -> bool {
    let against = |f: &Finding| *f.clause != *HOST_CLAUSE && matches!(f.outcome, Outcome::Violated | Outcome::Missing);
    let decision = &ruling.decision;
    decision.verdict != Verdict::Permit && (ruling.fault.is_none() || decision.findings.iter().any(against))
}

fn owed(
    jurisdiction: &str,
    obligation: &Obligation,
    rulings: &Rulings,
    occasion: &Occasion<'_>,
) -> Result<Option<Owed>, CaseError> {
    let duty = &obligation.duty;
    let at = occasion.now;
    let (owner, due) = match duty {
        Duty::Statement(_) | Duty::Candidates(_) | Duty::Galleries(_) | Duty::ShowOnly(_) | Duty::Withhold(_) => {
            return Ok(None);
        }
        Duty::SignOffs(rule) | Duty::Approve(rule) => (rule.role.clone(), None),
        Duty::Acknowledge(_) => (REQUESTER.to_owned(), None),
        Duty::Notify(rule) => {
            let due = origin(rule.origin, occasion).plus_ms(u64::from(rule.within_hours) * HOUR_MS);
            (rule.to.join(", "), Some(due))
        }
        Duty::Retain(rule) | Duty::Hold(rule) => {
            // A day more, so that what is demanded again on the same day is kept for long enough, too.
            (HOST.to_owned(), Some(at.plus_ms((u64::from(rule.at_least_days) + 1) * DAY_MS)))
        }
        Duty::Purge(rule) => (HOST.to_owned(), Some(rule.by)),
        Duty::Task(rule) => (rule.owner.clone(), Some(at.plus_ms(u64::from(rule.within_hours) * HOUR_MS))),
        Duty::Suspend(_) => (HOST.to_owned(), Some(at)),
        Duty::DisposeAll | Duty::Document(_) | Duty::Flag(_) => (HOST.to_owned(), None),
    };
    let request = request_of(occasion).map(str::to_owned);
    let about = if request.is_none() { about(occasion) } else { None };
    let wake = match duty {
        // What tells of a report goes out when that is drawn up, and it with it.
        Duty::Notify(_) if matches!(occasion.step, Step::Report(_)) && rulings.verdict() == Verdict::Permit => due,
        // A notice goes out at once; its deadline is when it is late.
        Duty::Notify(_) => Some(at),
        // It ends when somebody lifts it, and until then nothing about it is late.
        Duty::Hold(_) => None,
        // What has to be kept as long is not purged any sooner.
        Duty::Purge(rule) if !retains(rulings, &rule.subject) => purge_wake(due, at),
        _ => due,
    };
    let filed = request.clone().or_else(|| about.as_ref().map(filed_under));
    // What one step after another says of a record is the same obligation as long as it is due at the same moment.
    let dated = matches!(occasion.step, Step::Retention(_));
    Ok(Some(Owed {
        id: id(jurisdiction, obligation, filed.as_deref(), dated, rulings)?,
        jurisdiction: jurisdiction.to_owned(),
        clause: obligation.clause.clone(),
        duty: duty.clone(),
        request,
        about,
        owner,
        since: at,
        due,
        standing: Standing::Open,
        tries: 0,
        reach: Reach::default(),
        wake,
    }))
}

/// When the host looks at a purge that is due then: early enough not to be late.
pub(crate) fn purge_wake(due: Option<Instant>, now: Instant) -> Option<Instant> {
    due.map(|due| Instant(due.0.saturating_sub(PURGE_LEAD_MS)).max(now))
}

/// Whether a decision wants something kept as well.
fn retains(rulings: &Rulings, subject: &str) -> bool {
    imposing(rulings).any(|(_, o)| matches!(&o.duty, Duty::Retain(rule) if rule.subject == subject))
}

/// The request that what is imposed is filed with: the step's, or that of the probe or the document which a step of the phase
/// `retention` is about. Of one that says nothing any more policies are told nothing, and it is filed with it all the same.
fn request_of<'o>(occasion: &'o Occasion<'_>) -> Option<&'o str> {
    match (occasion.request, occasion.step) {
        (Some(request), _) => Some(&request.id),
        (None, Step::Retention(event)) if !matches!(event.subject.as_str(), GALLERY_RECORD | AUDIT_ENTRY) => {
            Some(&event.record_id)
        }
        (None, _) => None,
    }
}

/// The record that a step outside a request's life is about.
fn about(occasion: &Occasion<'_>) -> Option<Retained> {
    let Step::Retention(event) = occasion.step else { return None };
    let gallery = match event.subject.as_str() {
        // An index names an entry of one log: those of several hosts all begin at 0.
        AUDIT_ENTRY => occasion.log.map(str::to_owned),
        _ => occasion.gallery.map(|g| g.id.clone()),
    };
    Some(Retained { subject: event.subject.clone(), gallery, record: event.record_id.clone() })
}

/// What obligations about a record that is of no request are filed under. No request has such an id.
pub(crate) fn filed_under(record: &Retained) -> String {
    format!("{} {}/{}", record.subject, record.gallery.as_deref().unwrap_or_default(), record.record)
}

/// Follows from what it says, so that the same duty imposed again on the same request or record is the same obligation.
/// When something has to be purged is no part of it, unless it is `dated`: the first deadline holds. The day (UTC) on which it
/// is demanded that something is kept or held is part of it: the last deadline holds.
fn id(
    jurisdiction: &str,
    obligation: &Obligation,
    filed: Option<&str>,
    dated: bool,
    rulings: &Rulings,
) -> Result<String, CaseError> {
    let mut duty = obligation.duty.clone();
    if let Duty::Purge(rule) = &mut duty
        && !dated
    {
        rule.by = Instant(0);
    }
    // Of a record something may be asked again once it was granted or denied: then it waits again.
    let asked = dated && matches!(duty, Duty::Approve(_));
    let once = filed.is_none() || asked || rulings.verdict() != Verdict::Permit;
    let decision = once.then_some(rulings.id.as_str());
    let day = matches!(duty, Duty::Retain(_) | Duty::Hold(_)).then_some(rulings.at.0 / DAY_MS);
    let said = (jurisdiction, &obligation.clause, duty, filed, decision);
    let says = match day {
        Some(day) => serde_json::to_vec(&(said, day)),
        None => serde_json::to_vec(&said),
    };
    let says = says.map_err(|e| CaseError::Log(e.to_string()))?;
    let mut id = Digest::of(&says).to_string();
    id.truncate(32);
    Ok(id)
}

/// The moment that a notice's hours count from.
fn origin(origin: ClockOrigin, occasion: &Occasion<'_>) -> Instant {
    match (origin, occasion.step) {
        (ClockOrigin::Request, _) => occasion.request.map_or(occasion.now, |r| r.opened),
        (ClockOrigin::Violation, Step::Violation(at)) => *at,
        (ClockOrigin::Notice, Step::Retention(event)) => event.recorded.unwrap_or(occasion.now),
        _ => occasion.now,
    }
}

impl Casework {
    /// The obligations of a jurisdiction's cases that are still to be met, the most urgent first.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn obligations(&self, jurisdiction: &str) -> Result<Vec<Owed>, CaseError> {
        let chamber = self.chamber(jurisdiction)?;
        chamber.ledger.settle().await?;
        let rows = chamber.store.open_obligations(None).await?;
        let mut owed = rows.into_iter().map(Owed::read).collect::<Result<Vec<_>, _>>()?;
        owed.sort_by_key(Owed::urgency);
        Ok(owed)
    }

    /// What an obligation is filed under, by its id alone; absent where that is nothing, or where there is none.
    pub(crate) async fn filed(&self, chamber: &Chamber, id: &str) -> Result<Option<String>, CaseError> {
        match self.obligations(chamber.id()).await?.into_iter().find(|o| o.id == id) {
            Some(open) => Ok(open.filed_under()),
            None => Ok(chamber.store.request_of_settled(id).await?),
        }
    }

    /// Says that a task is done or a flag looked at. Only somebody who holds the role it is for can say so; a flag is for
    /// nobody by name, and for anybody of the jurisdiction who holds a role.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] when there is no such thing to be done, or it is not theirs to do.
    pub async fn complete(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        id: &str,
        note: &str,
    ) -> Result<Done, CaseError> {
        bounded([("obligation", id)], [("note", note)], &BTreeMap::new())?;
        if note.trim().is_empty() {
            return Err(CaseError::Invalid("say what was done: note is empty".to_owned()));
        }
        let chamber = self.chamber(jurisdiction)?.clone();
        // What is open is much to read: not for somebody whom nothing can be for.
        self.still_stands(actor, jurisdiction, "complete", None).await?;
        if actor.person.roles.is_empty() {
            return self.refuse_apart(&chamber, actor, "complete", Misstep::NoRole).await;
        }
        let filed = self.filed(&chamber, id).await?;
        // The turn of its request, which whoever else changes it takes too; and then as it stands in that turn.
        let _turn = self.turn_for(actor, &chamber, filed.as_deref().map_or(id, turn_of), "complete").await?;
        chamber.ledger.settle().await?;
        let row = chamber.store.obligation(filed.as_deref(), id).await?;
        let found = match row.map(Owed::read).transpose()? {
            Some(owed) if owed.is_open() => theirs(actor, &owed).map(|()| owed),
            settled => {
                let demanded = settled.iter().map(Demanded::from).collect();
                Err(Misstep::NothingOwed { of: id.to_owned(), demanded })
            }
        };
        let owed = match found {
            Ok(owed) => owed,
            Err(misstep) => return self.refuse_apart(&chamber, actor, "complete", misstep).await,
        };
        let at = self.clock.now()?;
        let entry = Entry {
            kind: Kind::Fulfilment,
            who: actor.who(),
            at,
            subject: crate::waiver::subject(&chamber, &owed).await?,
            of: None,
            event: Event::Completed { obligation: owed.id.clone(), note: note.to_owned() },
        };
        // The entry's id is not known yet: who did it, and when, leads to it.
        let by = actor.key();
        let mut now = owed.clone();
        now.standing = Standing::Met { by: by.clone(), at };
        let recorded = ledger::record(&[&chamber.ledger], entry, vec![owed.met(&by, at)?]).await?;
        Ok(Done { owed: now, receipt: recorded.receipt()? })
    }
}

/// Whether an obligation is of the kind that people complete, and theirs to complete.
fn theirs(actor: &Registered, owed: &Owed) -> Result<(), Misstep> {
    let demanded = Demanded::from(owed);
    if calendar::is_of_it(owed) {
        return Err(Misstep::NotByWord { of: owed.id.clone(), demanded });
    }
    let own = owed.jurisdiction == actor.principal.jurisdiction;
    match &owed.duty {
        Duty::Task(rule) if own && actor.holds(&rule.owner) => Ok(()),
        Duty::Task(rule) => Err(Misstep::NotTheirTask { role: rule.owner.clone(), demanded }),
        Duty::Flag(_) if own && !actor.person.roles.is_empty() => Ok(()),
        Duty::Flag(_) => Err(Misstep::NoRole),
        duty => Err(Misstep::NotATask { duty: duty_kind(duty), instead: met_by(duty), demanded }),
    }
}

/// What meets an obligation that nobody's word does, for whoever asks: see the table above.
fn met_by(duty: &Duty) -> &'static str {
    match duty {
        Duty::SignOffs(_) => "have those sign who have to, and release the result",
        Duty::Document(_) => "take the step that it is drawn up with: the release of the result, or its report",
        Duty::DisposeAll => "say of each candidate of the list what it was found to be",
        Duty::Approve(_) => {
            "have people who hold the role that it names approve: of a request they sign, of a record they take the same step"
        }
        Duty::Acknowledge(_) => "have the requester acknowledge the statement",
        Duty::Notify(_) => "the host delivers the notice, and tries until it has",
        Duty::Retain(_) => "it ends with the time for which the record is kept",
        Duty::Purge(_) => "have the record purged, by a step of the phase `retention`",
        Duty::Hold(_) => "have the hold lifted, by a step of the phase `retention`",
        // Of the rest none is kept open.
        _ => "the host sees to it at once",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::combine::PolicyRef;
    use model::facts::RetentionEvent;
    use model::rulings::{Decision, NoticeRule, PurgeRule, RetentionRule, Suspension, TaskRule};
    use model::terms::{Holder, Phase};

    const DAYS: u32 = 365;

    fn rule() -> RetentionRule {
        RetentionRule { subject: "probe".into(), at_least_days: DAYS }
    }

    /// What a permit of this moment, about the same record each time, imposes with this duty.
    fn imposed(duty: Duty, at: Instant) -> Owed {
        imposed_of("probe", "here/north", duty, at)
    }

    /// The same about a record of this kind, at the host of this log.
    fn imposed_of(subject: &str, log: &str, duty: Duty, at: Instant) -> Owed {
        all_imposed(subject, log, at, vec![ruling("north", Verdict::Permit, vec![duty])]).pop().unwrap()
    }

    fn ruling(jurisdiction: &str, verdict: Verdict, duties: Vec<Duty>) -> Ruling {
        let obligations = duties.into_iter().map(|duty| Obligation { clause: "c".into(), duty }).collect();
        Ruling {
            jurisdiction: jurisdiction.into(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision: Decision { verdict, satisfied: vec!["c".into()], findings: vec![], obligations, tags: vec![] },
            fuel: 0,
            fault: None,
            lines: vec![],
        }
    }

    /// What these rulings together impose.
    fn all_imposed(subject: &str, log: &str, at: Instant, rulings: Vec<Ruling>) -> Vec<Owed> {
        let rulings = Rulings { id: model::terms::new_id(), phase: Phase::Retention, at, rulings };
        let step = Step::Retention(RetentionEvent {
            subject: subject.into(),
            kind: "hold".into(),
            record_id: "r".into(),
            origin: String::new(),
            recorded: None,
            noticed: None,
            held: false,
            extended: None,
            exported: None,
            status: None,
            documents: 0,
        });
        let occasion = Occasion { now: at, request: None, gallery: None, log: Some(log), step: &step };
        imposed_on(&rulings, &occasion).unwrap()
    }

    fn hour(hour: u64) -> Instant {
        Instant(hour * HOUR_MS)
    }

    #[test]
    fn what_has_to_be_kept_is_kept_anew_from_each_day_on_which_that_is_demanded() {
        for duty in [Duty::Retain(rule()), Duty::Hold(rule())] {
            let first = imposed(duty.clone(), hour(9));
            let same_day = imposed(duty.clone(), hour(23));
            let later = imposed(duty, hour(300 * 24 + 9));
            assert_eq!(first.id, same_day.id, "one obligation a day");
            assert_ne!(first.id, later.id);
            for (owed, at) in [(&first, hour(9)), (&same_day, hour(23)), (&later, hour(300 * 24 + 9))] {
                let least = at.plus_ms(u64::from(DAYS) * DAY_MS);
                let due = owed.due.unwrap();
                assert!(due >= least && due <= least.plus_ms(DAY_MS), "{due} for {at}");
            }
        }
        let task = || {
            let (owner, about, within_hours) = ("chief".into(), "look at it".into(), 24);
            Duty::Task(TaskRule { owner, about, within_hours })
        };
        assert_eq!(imposed(task(), hour(9)).id, imposed(task(), hour(300 * 24)).id, "other duties stay what they were");
    }

    #[test]
    fn what_is_owed_of_an_entry_is_owed_of_one_log() {
        let owed = |log: &str| imposed_of(AUDIT_ENTRY, log, Duty::Hold(rule()), hour(9));
        let (here, there) = (owed("here/north"), owed("there/north"));
        assert_ne!(here.id, there.id, "two duties, of two entries of one index");
        assert_eq!(here.filed_under().as_deref(), Some("audit-entry here/north/r"));
        assert_eq!(there.filed_under().as_deref(), Some("audit-entry there/north/r"));
        let probe = imposed(Duty::Hold(rule()), hour(9));
        assert_eq!(
            (probe.request.as_deref(), probe.about.as_ref()),
            (Some("r"), None),
            "its request's, told of or not"
        );
        let shared = imposed_of(GALLERY_RECORD, "here/north", Duty::Hold(rule()), hour(9));
        assert_eq!(shared.filed_under().as_deref(), Some("gallery-record /r"), "what hosts share is of no log");
    }

    fn flag(why: &str) -> Duty {
        Duty::Flag(why.into())
    }

    fn suspension() -> Duty {
        Duty::Suspend(Suspension { kind: Holder::Agency, id: "a".into() })
    }

    /// Whose duties these rulings impose.
    fn whose(rulings: Vec<Ruling>) -> Vec<(String, Duty)> {
        let owed = all_imposed("probe", "here/north", hour(9), rulings);
        owed.into_iter().map(|o| (o.jurisdiction, o.duty)).collect()
    }

    #[test]
    fn where_one_policy_refuses_another_ones_permit_imposes_nothing() {
        let permit =
            || ruling("north", Verdict::Permit, vec![flag("permitted"), Duty::Retain(rule()), Duty::DisposeAll]);
        for refusal in [Verdict::Deny, Verdict::Pend] {
            let refused = || ruling("south", refusal, vec![flag("refused")]);
            let alert = [("south".to_owned(), flag("refused"))];
            assert_eq!(whose(vec![permit(), refused()]), alert, "{refusal:?}");
            assert_eq!(whose(vec![refused(), permit()]), alert, "{refusal:?}, the other way round");
            assert!(whose(vec![permit(), ruling("south", refusal, vec![])]).is_empty(), "{refusal:?} without an alert");
        }
        assert_eq!(whose(vec![permit(), ruling("south", Verdict::Permit, vec![flag("too")])]).len(), 4, "both permit");
    }

    #[test]
    fn every_refusal_imposes_what_it_says() {
        let both =
            vec![ruling("north", Verdict::Pend, vec![flag("a")]), ruling("south", Verdict::Deny, vec![flag("b")])];
        assert_eq!(whose(both), [("north".to_owned(), flag("a")), ("south".to_owned(), flag("b"))]);
    }

    #[test]
    fn a_suspension_is_carried_out_whatever_the_verdict() {
        let permit = ruling("north", Verdict::Permit, vec![flag("permitted"), suspension()]);
        let imposed = whose(vec![permit, ruling("south", Verdict::Deny, vec![])]);
        assert_eq!(imposed, [("north".to_owned(), suspension())]);
    }

    fn notice(to: &[&str]) -> Duty {
        let (to, about) = (to.iter().map(|to| (*to).to_owned()).collect(), "somebody has to know".to_owned());
        Duty::Notify(NoticeRule { to, within_hours: 24, origin: ClockOrigin::Decision, about })
    }

    #[test]
    fn whoever_has_to_know_is_told_whatever_the_verdict() {
        let told = |whose: &str, to: &str| (whose.to_owned(), notice(&[to]));
        for refusal in [Verdict::Deny, Verdict::Pend] {
            let permit = || ruling("north", Verdict::Permit, vec![notice(&["board"]), flag("permitted")]);
            let refused = || ruling("south", refusal, vec![notice(&["chief"])]);
            let both = [told("north", "board"), told("south", "chief")];
            assert_eq!(whose(vec![permit(), refused()]), both, "{refusal:?}");
            let silent = || ruling("south", refusal, vec![]);
            assert_eq!(whose(vec![silent(), permit()]), both[..1], "{refusal:?}, the other way round");
        }
        let mut overruled = ruling("south", Verdict::Deny, vec![notice(&["chief"]), flag("permitted")]);
        overruled.fault = Some("another gallery".into());
        overruled.decision.findings = policy::decide::denial("another gallery").findings;
        let both = [told("north", "board"), told("south", "chief")];
        let permit = ruling("north", Verdict::Permit, vec![notice(&["board"])]);
        assert_eq!(whose(vec![permit, overruled]), both, "the host refused");
    }

    #[test]
    fn what_is_told_of_a_steps_outcome_goes_with_the_step() {
        for to in [&[REQUESTER][..], &["board", REQUESTER]] {
            let permit = || ruling("north", Verdict::Permit, vec![notice(to)]);
            assert!(whose(vec![permit(), ruling("south", Verdict::Deny, vec![])]).is_empty(), "{to:?}");
            assert_eq!(whose(vec![permit()]).len(), 1, "{to:?}: nobody refuses");
            assert_eq!(
                whose(vec![ruling("north", Verdict::Deny, vec![notice(to)])]).len(),
                1,
                "{to:?}: its own denial"
            );
        }
    }

    #[test]
    fn a_notice_of_a_refused_step_goes_out_at_once() {
        let refused =
            vec![ruling("north", Verdict::Permit, vec![notice(&["board"])]), ruling("south", Verdict::Deny, vec![])];
        let owed = all_imposed("probe", "here/north", hour(9), refused).pop().unwrap();
        assert!(owed.presses(hour(9)) && owed.is_open(), "{owed:?}");
    }

    #[test]
    fn what_a_decision_imposed_outside_of_a_request_is_known_again() {
        let step = Step::Violation(hour(8));
        let rulings = |jurisdiction: &str, duty: Duty| {
            let rulings = vec![ruling(jurisdiction, Verdict::Permit, vec![flag("too"), duty])];
            Rulings { id: model::terms::new_id(), phase: Phase::Violation, at: hour(9), rulings }
        };
        let occasion = Occasion { now: hour(9), request: None, gallery: None, log: None, step: &step };
        let mut decided = rulings("north", Duty::Hold(rule()));
        let owed = imposed_on(&decided, &occasion).unwrap();
        assert_eq!(owed.len(), 2);
        assert!(owed.iter().all(|owed| owed.filed_under().is_none() && is_imposed_by(owed, &decided)));
        for other in [rulings("north", Duty::Hold(rule())), rulings("south", Duty::Hold(rule()))] {
            assert!(!owed.iter().any(|owed| is_imposed_by(owed, &other)), "the same, by another decision");
        }
        decided.rulings.iter_mut().for_each(|r| r.decision.obligations.clear());
        assert!(!owed.iter().any(|owed| is_imposed_by(owed, &decided)), "what it did not demand");
    }

    #[test]
    fn where_the_host_denies_in_a_policys_place_its_permit_imposes_nothing() {
        let mut overruled = ruling("south", Verdict::Deny, vec![flag("permitted")]);
        overruled.fault = Some("another gallery".into());
        overruled.decision.findings = policy::decide::denial("another gallery").findings;
        let permit = || ruling("north", Verdict::Permit, vec![flag("too")]);
        assert!(whose(vec![permit(), overruled.clone()]).is_empty());
        let own = Finding { clause: "c".into(), ..overruled.decision.findings[0].clone() };
        overruled.decision.findings.insert(0, own);
        assert_eq!(whose(vec![permit(), overruled]), [("south".to_owned(), flag("permitted"))], "it denied it itself");
    }

    #[test]
    fn a_purge_does_not_wait_for_what_no_refusal_wants_kept() {
        let purge = || Duty::Purge(PurgeRule { subject: "probe".into(), by: hour(20) });
        let kept = |verdict: Verdict| {
            let other = ruling("north", verdict, vec![Duty::Retain(rule())]);
            let owed =
                all_imposed("probe", "here/north", hour(9), vec![other, ruling("south", Verdict::Deny, vec![purge()])]);
            owed.into_iter().find(|o| o.duty == purge()).unwrap().wake
        };
        assert_eq!(kept(Verdict::Permit), Some(hour(19)), "an hour ahead");
        assert_eq!(kept(Verdict::Deny), Some(hour(20)), "not before it is due");
    }

    #[test]
    fn what_is_waived_says_by_whom_when_and_why_or_it_is_not_believed() {
        let owed = imposed(Duty::Hold(rule()), hour(9));
        let row = |state: serde_json::Value| {
            let mut body = serde_json::to_value(&owed).unwrap();
            let Some(fields) = body.as_object_mut() else { panic!("no object") };
            let serde_json::Value::Object(state) = state else { panic!("no object") };
            fields.extend(state);
            let body = serde_json::to_vec(&body).unwrap();
            store::ObligationRow { request: None, id: owed.id.clone(), open: false, wake: None, body }
        };
        let met = serde_json::json!({ "state": "met", "by": "e", "at": Instant(1) });
        assert!(Owed::read(row(met)).is_ok_and(|owed| !owed.is_open()));
        let waived =
            serde_json::json!({ "state": "waived", "by": "north/p", "at": hour(10), "reason": "it cannot be met" });
        let read = Owed::read(row(waived)).unwrap();
        assert!(
            !read.is_open()
                && !read.is_overdue()
                && !read.is_outstanding()
                && !read.is_late(hour(u64::from(DAYS) * 48))
        );
        let store::Kept::Settled { row: kept, was } =
            owed.clone().waived("north/p", hour(10), "it cannot be met").unwrap()
        else {
            panic!("another row");
        };
        assert_eq!((kept.open, was), (false, owed.wake));
        assert_eq!(Owed::read(kept).unwrap(), read);
        for left_out in ["by", "at", "reason"] {
            let mut waived = serde_json::json!({ "state": "waived", "by": "p", "at": hour(10), "reason": "r" });
            waived.as_object_mut().unwrap().remove(left_out);
            assert!(Owed::read(row(waived)).is_err(), "without `{left_out}` nothing is taken for set aside");
        }
    }

    #[test]
    fn a_hold_is_never_late_and_what_has_to_be_kept_is_looked_at_when_it_may_go() {
        let held = imposed(Duty::Hold(rule()), hour(9));
        assert_eq!(held.wake, None);
        let kept = imposed(Duty::Retain(rule()), hour(9));
        assert!(kept.wake.is_some() && kept.wake == kept.due);
    }
}
