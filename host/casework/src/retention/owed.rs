//! What obligations say of a record: whether a step fits them, and how they stand after it.

use super::find::{Found, Place};
use super::{Asking, Change};
use crate::chamber::Chamber;
use crate::clock::zone;
use crate::error::CaseError;
use crate::misstep::{Demanded, Misstep, each};
use crate::obligations::{self, Owed};
use model::account::Retained;
use model::rulings::{Duty, SignOffRule};
use model::terms::{Date, Instant};
use std::sync::Arc;

impl Found {
    /// Whether the step fits what is on record.
    pub(super) fn in_place(&self, change: Change) -> Result<(), Misstep> {
        if let Place::Beginning(beginning) = &self.place {
            return beginning.in_place(self);
        }
        let Retained { subject, record, .. } = &self.record;
        let purges = |o: &Owed| matches!(&o.duty, Duty::Purge(rule) if rule.subject == *subject);
        if let Some(at) = self.docket.purged.or(self.around.purged()) {
            let demanded = each(self.owed.iter().filter(|o| purges(o)).map(Demanded::from));
            return Err(Misstep::Destroyed { subject: subject.clone(), record: record.clone(), at, demanded });
        }
        if matches!(change, Change::Hold | Change::Extend | Change::Export)
            && let Some(minimum) = self.around.pruned_to()
        {
            return Err(Misstep::Pruning { minimum });
        }
        if change != Change::Purge {
            return Ok(());
        }
        let open = || self.owed.iter().filter(|o| o.is_open());
        let around = self.around.owed().iter();
        let own = |o: &Owed| o.jurisdiction == self.owner.id();
        let holds = |o: &Owed| matches!(&o.duty, Duty::Hold(rule) if rule.subject == *subject);
        // What another jurisdiction holds of a request is not the keeper's to destroy.
        let elsewhere = each(open().filter(|o| !own(o) && holds(o)).map(Demanded::from));
        if self.docket.exported.is_none() && !elsewhere.is_empty() {
            return Err(Misstep::Held { subject: subject.clone(), record: record.clone(), demanded: elsewhere });
        }
        if open().any(|o| own(o) && purges(o) && o.due.is_some_and(|due| due <= self.now)) {
            return Ok(());
        }
        // Of entries, what was imposed after them is about younger ones.
        let about_it = |o: &&Owed| match &self.place {
            Place::Entries(leaves) => leaves.iter().any(|leaf| leaf.at >= o.since),
            _ => true,
        };
        let kept = open().chain(around).filter(|o| matches!(&o.duty, Duty::Retain(rule) if rule.subject == *subject));
        let kept = kept.filter(about_it);
        let longest = kept.filter_map(|o| o.due.map(|due| (due, o))).max_by_key(|(due, _)| *due);
        match longest.filter(|(due, _)| *due > self.now) {
            Some((until, owed)) => {
                Err(Misstep::KeptUntil { subject: subject.clone(), demanded: Some(Demanded::from(owed)), until })
            }
            None => Ok(()),
        }
    }

    /// The clauses that demand the approval which what was asked so before waits for.
    pub(super) fn waits_under(&self, change: Change) -> Vec<Demanded> {
        let Some(asked) = self.docket.asked.get(&self.asked_as(change)) else { return Vec::new() };
        let wanted = |o: &&Owed| matches!(&o.duty, Duty::Approve(rule) if asked.rules.contains(rule));
        each(self.owed.iter().filter(wanted).map(Demanded::from))
    }

    /// The obligations about the record as they stand after the step, where it changes them. `met` are the rules for
    /// approvals that it met; absent where it has no effect yet.
    pub(super) fn settled(
        &self,
        asking: &Asking,
        met: Option<&[SignOffRule]>,
        entry: &str,
    ) -> Result<Vec<store::Kept>, CaseError> {
        let Some(met) = met else { return Ok(Vec::new()) };
        let until = asking.day.filter(|_| asking.change == Change::Extend).map(|day| self.end_of(day));
        let taken = Taken {
            subject: &self.record.subject,
            change: asking.change,
            until,
            deciding: self.deciding.id(),
            entry,
            at: self.now,
        };
        taken.settled(&self.owed, self.around.owed(), met)
    }

    /// The end of a day where the record's jurisdiction is.
    pub(super) fn end_of(&self, day: Date) -> Instant {
        end_of(day, self.owner.policy().time_zone())
    }

    /// The same of what is kept in other chambers; `met` where the step has an effect now.
    pub(super) fn settled_elsewhere(
        &self,
        met: bool,
        entry: &str,
    ) -> Result<Vec<(Arc<Chamber>, store::Kept)>, CaseError> {
        let holds = self.elsewhere.iter().filter(|_| met);
        holds.map(|(chamber, owed)| Ok((chamber.clone(), owed.clone().met(entry, self.now)?))).collect()
    }
}

/// A step that has an effect, as far as obligations depend on it.
pub(super) struct Taken<'a> {
    /// What kind of record it is about.
    pub(super) subject: &'a str,
    pub(super) change: Change,
    /// Up to when the record stays, of an extension up to a day.
    pub(super) until: Option<Instant>,
    /// The jurisdiction whose policy decided.
    pub(super) deciding: &'a str,
    /// The entry that permitted it.
    pub(super) entry: &'a str,
    pub(super) at: Instant,
}

impl Taken<'_> {
    /// The obligations as they stand after it, where it changes them: of those filed under the record, and of those about others
    /// around it. `met` are the rules for approvals that it met.
    pub(super) fn settled(
        &self,
        filed: &[Owed],
        around: &[Owed],
        met: &[SignOffRule],
    ) -> Result<Vec<store::Kept>, CaseError> {
        let subject = self.subject;
        let hold = |o: &Owed| matches!(&o.duty, Duty::Hold(rule) if rule.subject == subject);
        let purge = |o: &Owed| matches!(&o.duty, Duty::Purge(rule) if rule.subject == subject);
        // Of what is destroyed nothing is held any more, by whomever; else each jurisdiction's people end its own alone.
        let own = |o: &Owed| o.jurisdiction == self.deciding;
        let approved = |o: &Owed| own(o) && matches!(&o.duty, Duty::Approve(rule) if met.contains(rule));
        let ends = |o: &Owed| match self.change {
            Change::Lift => (own(o) && hold(o)) || approved(o),
            Change::Purge => hold(o) || purge(o) || approved(o),
            _ => approved(o),
        };
        let mut rows = obligations::met(filed, ends, self.entry, self.at)?;
        let until = match (self.change, self.until) {
            // It waited for this, and is looked at when it is due.
            (Change::Lift | Change::Export, _) => None,
            (Change::Extend, Some(until)) => Some(until),
            _ => return Ok(rows),
        };
        for owed in filed.iter().chain(around).filter(|o| o.is_open() && purge(o)) {
            let mut owed = owed.clone();
            if until > owed.due {
                owed.due = until;
                owed.standing = obligations::Standing::Open;
            }
            let wake = obligations::purge_wake(owed.due, self.at);
            rows.push(owed.again(wake)?);
        }
        Ok(rows)
    }
}

/// The end of a day in this zone.
pub(super) fn end_of(day: Date, time_zone: &str) -> Instant {
    let zone = zone(time_zone);
    let midnight = day.tomorrow().and_then(|next| zone.to_timestamp(next.at(0, 0, 0, 0)));
    let ms = midnight.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map_or(Instant(u64::MAX), Instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_local_midnight() {
        // St. Louis' clocks were put forward on 8 March 2026.
        assert_eq!(end_of("2026-03-07".parse().unwrap(), "America/Chicago").to_string(), "2026-03-08T06:00:00.000Z");
        assert_eq!(end_of("2026-03-11".parse().unwrap(), "America/Chicago").to_string(), "2026-03-12T05:00:00.000Z");
        assert_eq!(end_of("2026-03-11".parse().unwrap(), "nowhere").to_string(), "2026-03-12T00:00:00.000Z");
        assert_eq!(end_of(Date::MAX, "UTC"), Instant(u64::MAX), "nothing overflows");
    }
}
