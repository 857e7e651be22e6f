//! The `retention` phase: how long records stay.
//!
//! Somebody gives notice, holds a record as evidence, lifts the hold, extends its stay, has it written to portable media, seals
//! it, unseals it, or destroys it. What policies are told of the record comes from the host's own records of it and never from
//! whoever asks: when notice was given, whether it is held, up to when its stay was extended, when it was exported, its status.
//! Two things a client does say, and they are facts only of the step in which they are said: the day of a notice, and the day
//! up to which an extension asks.
//!
//! - A step whose permit demands an approval has **no effect** until it is given: it waits on the docket. The approval is
//!   the same step, taken by somebody of whom the policy demands none: judged afresh, on the answers of both. Where it takes
//!   several, those count who hold the role, and are not suspended, when the last of them approves. An extension is
//!   granted up to the day asked for; where they name no day they deny it, and nothing waits any more.
//! - What a decision wants kept is not purged earlier. Where a decision also wants it destroyed, and that is due, the purge
//!   prevails: the bytes go, and what was logged of them stays. What is destroyed is the keeper's to say: another policy's
//!   wish outruns nothing.
//! - Two policies may demand something of one request's probe. What a decision of the requester's jurisdiction holds, its own
//!   people lift, and its own policy judges that; the keeper lifts the rest, and purges nothing while it is held.
//! - What has to be purged is purged when it is due, by standing order (`schedule`).
//! - A sealed record stays; on every list it is on its status says so, and whether it is shown is the policy's to say (`seal`).
//! - The documents that a gallery record is in are not destroyed with it. Policies are told how many there are, and whoever
//!   destroys the record which.
//! - An entry is known by its index in one log. Of which, the host fills in where other records have their gallery, and no client
//!   says: what is on record of the logs of other hosts on the same database is theirs to see to.
//! - The log itself is pruned from its beginning (`prune`), which policies judge as the purge that it is.
//! - Whether a gallery holds a record is not for outsiders to find out. The policy may permit a step of theirs, a notice from
//!   the agency that a record came from, say; whatever is not permitted is refused on record in the same words, whether or not
//!   the record is there. Nor are they told what others said of a record, but for the day of its notice.
//! - Before anything is destroyed, nothing of it rides in the log's journal any more, so that no crash brings it back; and a
//!   purge is on record as done only when reading back has found nothing.
//! - With the account of an entry goes what the database says of it beside that (`beside`).
//!
//! What may be asked is in `asking`; what obligations say of a record, before a step and after it, in `owed`.

mod around;
mod asking;
mod beside;
mod demanded;
mod derived;
mod destroy;
mod docket;
mod document;
mod find;
mod media;
mod owed;
mod prune;
mod range;
mod reuse;
mod schedule;
mod seal;

pub use asking::{Asking, Change};
pub(crate) use derived::{Derived, Intent, Lift};
pub use docket::{Asked, Docket, Export, Since};
pub use media::{Exports, Means};
pub use prune::Pruning;
pub use schedule::Listed;
pub(crate) use schedule::{PUT_OFF, WAITS, looked_at_again};

use crate::answers;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::intake::attested;
use crate::life::same_person;
use crate::misstep::Misstep;
use crate::obligations;
use crate::permit::{Acted, Permit};
use crate::sitting::Taken;
use asking::check;
use docket::Effect;
use find::Found;
use model::account::{Destroyed, Event, Retained, Who};
use model::combine::Rulings;
use model::rulings::{Duty, SignOffRule};
use model::terms::{Date, Field, Phase};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A record of a gallery, as the contract calls it.
pub const GALLERY_RECORD: &str = "gallery-record";

/// An entry of the log, as the contract calls it: its personal part.
pub const AUDIT_ENTRY: &str = "audit-entry";

/// What everything about entries of a log is filed under begins with this ([`obligations::filed_under`]).
const ENTRIES: &str = "audit-entry ";

/// As a rejection calls it.
const ASKED: &str = "change how long a record stays";

/// What an outsider is told whose step is not permitted.
const NOT_THEIRS: &str = "people of another jurisdiction say this only of records that are in the gallery, and as far as its \
                          policy permits: ask somebody of the gallery's jurisdiction";

/// What came of a step.
pub struct Done {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// Whether it has no effect yet, because others have to approve of it.
    pub pending: bool,
    /// The record's docket afterwards; to people of another jurisdiction the notice and what they said themselves alone.
    pub docket: Docket,
    /// What was destroyed, by a purge.
    pub destroyed: Vec<Destroyed>,
    /// The documents that still hold what was destroyed.
    pub left_in: Vec<Retained>,
    /// The first entry that the log keeps, by a pruning.
    pub minimum_index: Option<u64>,
}

impl Casework {
    /// Takes a step that bears on how long a record stays.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for what was destroyed already or is being pruned, for a purge or pruning of what has to
    /// be kept, and for what somebody else asked already and nobody has approved yet;
    /// [`CaseError::Refused`] when it is not permitted, [`CaseError::Rejected`] to an outsider; [`CaseError::Media`] when nothing
    /// can be written to portable media;
    /// [`CaseError::Unerased`] and what the store may say when something could not be destroyed: repeat the purge then.
    pub async fn retention(&self, actor: &Registered, jurisdiction: &str, asking: Asking) -> Result<Done, CaseError> {
        let owner = self.chamber(jurisdiction)?.clone();
        if asking.record.subject == AUDIT_ENTRY && actor.principal.jurisdiction != jurisdiction {
            // Before it is looked at what they ask: whatever it is, it is theirs to try and not to do.
            let reason = "only people of the jurisdiction say how long entries of its log stay";
            return self.reject(jurisdiction, actor, ASKED, None, reason).await;
        }
        check(&asking)?;
        let outside = actor.principal.jurisdiction != jurisdiction;
        let conceals = asking.record.subject == GALLERY_RECORD && outside;
        let place = place_of(&asking.record);
        let taken = match self.turn_for(actor, &owner, turn_of(&place), ASKED).await {
            Ok(_turn) => self.retain(actor, &owner, asking).await,
            Err(e) => Err(e),
        };
        match taken {
            // Which tells them nothing but to come again.
            Err(e @ CaseError::OutOfPlace(Misstep::Elsewhere, _)) => Err(e),
            // On record as what it was.
            Err(CaseError::Refused { .. } | CaseError::OutOfPlace(..)) if conceals => {
                Err(CaseError::Rejected(NOT_THEIRS.to_owned().into()))
            }
            // Without its receipt either: that of a record that is there would tell them so.
            Err(CaseError::Rejected(reason)) if conceals => Err(CaseError::Rejected(reason.without_receipt())),
            Ok(done) if outside => Ok(Done { docket: done.docket.told_outside(&actor.who()), ..done }),
            outcome => outcome,
        }
    }

    /// The same for whoever has the record's turn.
    pub(crate) async fn retain(
        &self,
        actor: &Registered,
        owner: &Arc<Chamber>,
        asking: Asking,
    ) -> Result<Done, CaseError> {
        let deciding = self.deciding(actor, owner, &asking)?;
        answers::check(std::slice::from_ref(&deciding), Phase::Retention, &asking.answers)?;
        let found = match self.find(actor, owner, deciding, &asking).await {
            Err(CaseError::OutOfPlace(misstep, None)) => return self.refuse_apart(owner, actor, ASKED, misstep).await,
            found => found?,
        };
        let asking = Asking { record: found.record.clone(), ..asking };
        if let Err(misstep) = found.in_place(asking.change).and_then(|()| found.docket.fits(&asking, &actor.who())) {
            let misstep = misstep.waiting_under(found.waits_under(asking.change));
            let ledgers: Vec<_> = found.concerned.iter().map(|c| &c.ledger).collect();
            return self.record_rejected(&ledgers, actor, found.subject()?, ASKED, misstep).await;
        }
        let facts = self.facts(&found, actor, &asking).await?;
        // What a crash leaves half destroyed is found again by this row, and what a record was before it was sealed.
        let rows = match asking.change {
            Change::Purge => vec![found.docket.kept()?],
            Change::Prune => vec![found.to_be_pruned(actor, false).kept()?],
            Change::Seal => vec![found.to_be_sealed().kept()?],
            _ => vec![],
        };
        if asking.change == Change::Prune {
            // Looked for from now on: whatever becomes of this call, what it leaves undone is seen to.
            owner.pruning.store(true, Ordering::Release);
        }
        // What it waits for is on the docket.
        let deciding = std::slice::from_ref(&found.deciding);
        let permit = self.judge_by(deciding, &found.concerned, facts, rows).await?;
        let own = attested(asking.answers.clone(), actor, found.now);
        let answers = own.answers.clone();
        let mut docket = if asking.change == Change::Seal { found.to_be_sealed() } else { found.docket.clone() };
        let asked = Asked {
            by: actor.who(),
            at: found.now,
            day: asking.day,
            rules: approvals(permit.rulings()),
            approved_by: Vec::new(),
            answers: own,
        };
        if let Err(misstep) = found.docket.unasked(&found.asked_as(asking.change), &asked) {
            let misstep = misstep.waiting_under(found.waits_under(asking.change));
            let as_it_was = vec![docket.kept()?];
            return Err(self.give_up_with(&found.concerned, permit.act(), actor, misstep.into(), as_it_was).await);
        }
        // Who approves now may, as has just been judged; of who did before it is looked at whether they still may.
        let counts =
            |who: &Who, rule: &SignOffRule| same_person(who, &actor.who()) || self.holds(who, &rule.role, &who.unit);
        let met = docket.decide(&found.asked_as(asking.change), asked, counts);
        let pending = met.is_none();
        let (acted, event) = if pending {
            (permit.act(), Ok(found.said(&asking, true, asking.day, answers)))
        } else {
            self.take_effect(&found, &mut docket, permit, actor, &asking, answers).await
        };
        let event = match event {
            Ok(event) => event,
            Err(e) => return Err(self.give_up(&found.concerned, acted, actor, e).await),
        };
        let mut rows = found.settled(&asking, met.as_deref(), &acted.intent.id)?;
        rows.push(docket.kept()?);
        let elsewhere = found.settled_elsewhere(met.is_some(), &acted.intent.id)?;
        let (mut destroyed, mut left_in) = (Vec::new(), Vec::new());
        if let Event::Purged { destroyed: gone, left_in: left, .. } = &event {
            (destroyed, left_in) = (gone.clone(), left.clone());
            rows.extend(found.held_no_more());
        }
        let minimum_index = if let Event::Pruned { minimum, .. } = &event { Some(*minimum) } else { None };
        let (rulings, recorded) = self.conclude(&found.concerned, acted, actor, event, rows).await?;
        // After it is on record: what breaks off here is held still, and lifted again.
        for (chamber, row) in elsewhere {
            chamber.ledger.keep_behind(vec![row]).await?;
        }
        if matches!(asking.change, Change::Lift | Change::Export) {
            // What was only waiting for this may be due.
            self.stir.notify_one();
        }
        let taken = Taken { rulings, receipt: recorded.receipt()? };
        Ok(Done { taken, pending, docket, destroyed, left_in, minimum_index })
    }

    /// Whose policy decides: that of the jurisdiction which keeps the record. What a decision of the requester's jurisdiction
    /// holds of a request is not the keeper's to let go: a lift by that jurisdiction's people is of its own holds alone.
    fn deciding(&self, actor: &Registered, owner: &Arc<Chamber>, asking: &Asking) -> Result<Arc<Chamber>, CaseError> {
        let of_request = !matches!(asking.record.subject.as_str(), GALLERY_RECORD | AUDIT_ENTRY);
        let lifts_own = of_request && asking.change == Change::Lift && actor.principal.jurisdiction != owner.id();
        let decides = if lifts_own { self.chamber(&actor.principal.jurisdiction)? } else { owner };
        Ok(decides.clone())
    }

    /// Does what was permitted, and needs nobody's approval any more.
    async fn take_effect(
        &self,
        found: &Found,
        docket: &mut Docket,
        permit: Permit,
        actor: &Registered,
        asking: &Asking,
        answers: Vec<Field>,
    ) -> (Acted, Result<Event, CaseError>) {
        let (by, at) = (actor.who(), found.now);
        match asking.change {
            Change::Purge => {
                let (acted, destroyed) = found.destroy(self, permit).await;
                if destroyed.is_ok() {
                    docket.undergo(Effect::Purged(at));
                }
                let (record, left_in) = (found.record.clone(), found.documents().to_vec());
                (acted, destroyed.map(|destroyed| Event::Purged { record, destroyed, left_in }))
            }
            Change::Prune => (permit.act(), self.prune(found, docket, actor).await),
            Change::Export => {
                let acted = permit.act();
                let exported = self.export(found, actor, &acted.intent.id, answers).await;
                let event = exported.map(|(export, event)| {
                    docket.undergo(Effect::Exported(export));
                    event
                });
                (acted, event)
            }
            Change::Notice => {
                docket.undergo(Effect::Noticed(found.noticed(asking)));
                (permit.act(), found.mark_noticed().await.map(|()| found.said(asking, false, docket.noticed, answers)))
            }
            Change::Hold => {
                docket.undergo(Effect::Held(Since { by, at }));
                (permit.act(), Ok(found.said(asking, false, None, answers)))
            }
            Change::Lift => {
                if found.is_keepers() {
                    docket.undergo(Effect::Lifted);
                }
                (permit.act(), Ok(found.said(asking, false, None, answers)))
            }
            Change::Seal => {
                let acted = permit.act();
                let sealed = found.seal(docket, Since { by, at }).await;
                (acted, sealed.map(|()| found.said(asking, false, None, answers)))
            }
            Change::Unseal => {
                let acted = permit.act();
                let unsealed = found.unseal(docket).await;
                (acted, unsealed.map(|()| found.said(asking, false, None, answers)))
            }
            Change::Extend => {
                docket.undergo(Effect::Extended(asking.day));
                (permit.act(), Ok(found.said(asking, false, asking.day, answers)))
            }
        }
    }
}

impl Found {
    /// The earliest day of a notice, with this one's where it is one.
    fn noticed(&self, asking: &Asking) -> Option<Date> {
        let this = (asking.change == Change::Notice).then(|| asking.day.unwrap_or_else(|| self.today()));
        self.docket.noticed.into_iter().chain(this).min()
    }

    /// Today, in the jurisdiction's time zone.
    fn today(&self) -> Date {
        self.owner.local(self.now).today
    }

    /// That something was said of it.
    fn said(&self, asking: &Asking, pending: bool, day: Option<Date>, answers: Vec<Field>) -> Event {
        let change = asking.change.name().to_owned();
        let holder = (!self.is_keepers()).then(|| self.deciding.id().to_owned());
        let until = day.filter(|_| asking.change == Change::Extend && !pending).map(|day| self.end_of(day));
        Event::Retention { change, record: asking.record.clone(), holder, pending, day, until, answers }
    }
}

/// The approvals that a permit demands before its step has an effect.
pub(crate) fn approvals(rulings: &Rulings) -> Vec<SignOffRule> {
    let obligations = rulings.rulings.iter().flat_map(|r| &r.decision.obligations);
    let rule = |duty: &Duty| if let Duty::Approve(rule) = duty { Some(rule.clone()) } else { None };
    obligations.filter_map(|o| rule(&o.duty)).collect()
}

/// Whether a record is entries of another log than the one of this origin: of another host's. An index alone names entries of
/// whichever log; so did every record filed before logs were told apart, and those are nobody else's.
pub(crate) fn is_elsewhere(record: &Retained, origin: &str) -> bool {
    record.subject == AUDIT_ENTRY && record.gallery.as_deref().is_some_and(|log| log != origin)
}

/// Whose turn is taken for what is filed there. Ranges of entries overlap, and all of them are one turn.
pub(crate) fn turn_of(filed: &str) -> &str {
    if filed.starts_with(ENTRIES) { ENTRIES } else { filed }
}

/// What a record's steps wait for each other under, and its obligations are filed under: its request, or itself.
pub(crate) fn place_of(record: &Retained) -> String {
    match record.subject.as_str() {
        GALLERY_RECORD | AUDIT_ENTRY => obligations::filed_under(record),
        _ => record.record.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_entries_of_the_log_are_one_turn_and_other_records_are_their_own() {
        let turn = |subject: &str, gallery: Option<&str>, record: &str| {
            let gallery = gallery.map(str::to_owned);
            let record = Retained { subject: subject.to_owned(), gallery, record: record.to_owned() };
            turn_of(&place_of(&record)).to_owned()
        };
        assert_eq!(turn(AUDIT_ENTRY, None, "17"), turn(AUDIT_ENTRY, None, "10-20"));
        assert_eq!(turn(AUDIT_ENTRY, None, "17"), turn(AUDIT_ENTRY, Some("here/north"), "10-20"), "as it is found");
        assert_ne!(turn(GALLERY_RECORD, Some("g"), "17"), turn(GALLERY_RECORD, Some("g"), "18"));
        assert_eq!(turn("probe", None, "request"), "request");
    }

    #[test]
    fn an_entry_is_of_one_log() {
        let of = |subject: &str, log: Option<&str>| {
            let (subject, gallery) = (subject.to_owned(), log.map(str::to_owned));
            is_elsewhere(&Retained { subject, gallery, record: "17".to_owned() }, "here/north")
        };
        assert!(of(AUDIT_ENTRY, Some("there/north")));
        assert!(!of(AUDIT_ENTRY, Some("here/north")) && !of(AUDIT_ENTRY, None));
        assert!(!of(GALLERY_RECORD, Some("there/north")), "a gallery may be called like anything");
    }
}
