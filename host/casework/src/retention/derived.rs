//! Dockets, derived again from what is on record of the steps of the phase `retention`.
//!
//! A pruning that is under way is a mark for the host that finishes it, and on no entry: it is not derived.

use super::docket::Effect;
use super::owed::{Taken, end_of};
use super::range::EntryRange;
use super::{AUDIT_ENTRY, Asked, Change, Docket, Export, GALLERY_RECORD, Since, around, is_elsewhere, place_of};
use crate::error::CaseError;
use crate::obligations::Owed;
use model::account::{Account, Event, Retained};
use model::facts::{Attestation, RetentionEvent};
use model::rulings::SignOffRule;
use model::terms::{Date, Instant};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The dockets of a jurisdiction.
pub(crate) struct Derived {
    jurisdiction: String,
    /// The origin of its log.
    origin: String,
    dockets: BTreeMap<Retained, (Docket, Instant)>,
}

/// The permit of a step, as far as it bears on what came of it.
pub(crate) struct Intent<'a> {
    /// Its entry.
    pub(crate) entry: &'a str,
    pub(crate) at: Instant,
    /// The approvals that it demands.
    pub(crate) rules: &'a [SignOffRule],
}

/// A step that has an effect: how obligations stand then is still to be said.
pub(crate) struct Concluded {
    pub(crate) record: Retained,
    change: Change,
    until: Option<Instant>,
    deciding: String,
    met: Vec<SignOffRule>,
}

/// A lift of a log's entries. It ends what decisions among them hold, wherever that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Lift {
    /// The jurisdiction whose log it is.
    pub(crate) keeper: String,
    /// The decisions among the entries, and when each was taken.
    pub(crate) decided: Vec<(String, Instant)>,
    /// The entry that permitted it.
    pub(crate) entry: String,
    pub(crate) at: Instant,
}

/// What an entry says of a record.
struct Saying<'a> {
    change: Change,
    record: &'a Retained,
    deciding: &'a str,
    day: Option<Date>,
    until: Option<Instant>,
    pending: bool,
    answers: &'a [model::terms::Field],
}

impl Derived {
    /// None yet.
    pub(crate) fn new(jurisdiction: &str, origin: &str) -> Self {
        Self { jurisdiction: jurisdiction.to_owned(), origin: origin.to_owned(), dockets: BTreeMap::new() }
    }

    /// Every docket, and when it last changed.
    pub(crate) fn dockets(&self) -> impl Iterator<Item = &(Docket, Instant)> {
        self.dockets.values()
    }

    /// What a permit keeps before anything is done. `gallery` is the one that the step concerns.
    pub(crate) fn permitted(&mut self, event: &RetentionEvent, gallery: Option<&str>, at: Instant) {
        let gallery = match event.subject.as_str() {
            AUDIT_ENTRY => Some(self.origin.clone()),
            GALLERY_RECORD => gallery.map(str::to_owned),
            _ => None,
        };
        let record = Retained { subject: event.subject.clone(), gallery, record: event.record_id.clone() };
        let seals = event.kind == Change::Seal.name();
        // A pruning is told as a purge.
        if seals || event.kind == Change::Purge.name() {
            let mut docket = self.docket(&record);
            if seals {
                docket.under_seal_of(event.status.as_deref());
            }
            self.put(docket, at);
        }
    }

    /// Takes down what came of a step; nothing where it has no effect yet, is another jurisdiction's to keep, or is no such step.
    pub(crate) fn concluded(&mut self, account: &Account, intent: &Intent<'_>) -> Option<Concluded> {
        let saying = self.saying(&account.event)?;
        let (by, at) = (account.who.clone(), intent.at);
        let is_keepers = saying.deciding == self.jurisdiction;
        let mut docket = self.docket(saying.record);
        let name = saying.change.name();
        let name = if is_keepers { name.to_owned() } else { format!("{name} {}", saying.deciding) };
        let asked = Asked {
            by: by.clone(),
            at,
            day: saying.day.filter(|_| saying.change == Change::Extend || saying.pending),
            rules: intent.rules.to_vec(),
            approved_by: Vec::new(),
            answers: Attestation { by: by.key(), at, answers: saying.answers.to_vec() },
        };
        // Whether what was approved counted then is told by whether it had an effect.
        let met = docket.decide(&name, asked, |_, _| !saying.pending);
        let effect = if saying.pending { None } else { effect(&account.event, &saying, Since { by, at }, is_keepers) };
        if let Some(effect) = effect {
            docket.undergo(effect);
        }
        let concluded = Concluded {
            record: saying.record.clone(),
            change: saying.change,
            until: saying.until,
            deciding: saying.deciding.to_owned(),
            // What had an effect met what it had to, even if the entry that says what that was is gone.
            met: met.unwrap_or_default(),
        };
        let pending = saying.pending;
        self.put(docket, at);
        (!pending).then_some(concluded)
    }

    /// Takes down that the host finished a pruning.
    pub(crate) fn pruned(&mut self, record: &Retained, at: Instant) {
        let mut docket = self.docket(record);
        docket.undergo(Effect::Pruned(at));
        self.put(docket, at);
    }

    /// What an event says of a record that this jurisdiction keeps; nothing for any other event.
    fn saying<'e>(&'e self, event: &'e Event) -> Option<Saying<'e>> {
        let plain = |change: Change, record: &'e Retained| Saying {
            change,
            record,
            deciding: &self.jurisdiction,
            day: None,
            until: None,
            pending: false,
            answers: &[],
        };
        match event {
            // It is on record with whoever lifted their own holds, too, and kept where the record is.
            Event::Retention { holder: Some(holder), .. } if *holder == self.jurisdiction => None,
            Event::Retention { change, record, holder, pending, day, until, answers } => {
                let change: Change = serde_json::from_value(serde_json::Value::String(change.clone())).ok()?;
                let extended = day.filter(|_| change == Change::Extend && !pending);
                Some(Saying {
                    deciding: holder.as_deref().unwrap_or(&self.jurisdiction),
                    day: *day,
                    // Entries of older programs do not say when the day ends.
                    until: until.or(extended.map(|day| end_of(day, "UTC"))),
                    pending: *pending,
                    answers,
                    ..plain(change, record)
                })
            }
            Event::Exported { record, .. } => Some(plain(Change::Export, record)),
            Event::Purged { record, .. } => Some(plain(Change::Purge, record)),
            Event::Pruned { record, .. } => Some(plain(Change::Prune, record)),
            _ => None,
        }
    }

    /// A record's docket so far. Of entries, what was filed before logs were told apart is taken over.
    fn docket(&self, record: &Retained) -> Docket {
        let mut found = self.dockets.get(record);
        if found.is_none() && record.subject == AUDIT_ENTRY {
            found = self.dockets.get(&Retained { gallery: None, ..record.clone() });
        }
        match found {
            Some((docket, _)) => Docket { record: record.clone(), ..docket.clone() },
            None => Docket::new(record.clone()),
        }
    }

    fn put(&mut self, docket: Docket, at: Instant) {
        self.dockets.insert(docket.record.clone(), (docket, at));
    }
}

/// What becomes of a record by a step that has an effect.
fn effect(event: &Event, saying: &Saying<'_>, since: Since, is_keepers: bool) -> Option<Effect> {
    Some(match (saying.change, event) {
        (Change::Notice, _) => Effect::Noticed(saying.day),
        (Change::Hold, _) => Effect::Held(since),
        (Change::Lift, _) if is_keepers => Effect::Lifted,
        (Change::Lift, _) => return None,
        (Change::Extend, _) => Effect::Extended(saying.day),
        (Change::Export, Event::Exported { folder, manifest, .. }) => {
            Effect::Exported(Export { at: since.at, by: since.by, folder: folder.clone(), manifest: *manifest })
        }
        (Change::Export, _) => return None,
        (Change::Seal, _) => Effect::Sealed(since),
        (Change::Unseal, _) => Effect::Unsealed,
        (Change::Purge, _) => Effect::Purged(since.at),
        (Change::Prune, _) => Effect::Pruned(since.at),
    })
}

impl Concluded {
    /// Under what obligations about the record are filed: as it is, and, of entries, as they were before logs were told apart.
    pub(crate) fn filed_under(&self) -> Vec<String> {
        let mut places = vec![place_of(&self.record)];
        if self.record.subject == AUDIT_ENTRY {
            places.push(place_of(&Retained { gallery: None, ..self.record.clone() }));
        }
        places
    }

    /// The indices of the entries that are lifted, if any are.
    pub(crate) fn lifted(&self) -> Option<RangeInclusive<u64>> {
        let range = EntryRange::of(&self.record).ok().flatten();
        range.filter(|_| self.change == Change::Lift).map(EntryRange::indices)
    }

    /// Whether an open obligation is about other entries of this log, some of which are among these.
    pub(crate) fn is_around(&self, owed: &Owed, origin: &str) -> bool {
        let Ok(Some(range)) = EntryRange::of(&self.record) else { return false };
        let about = owed.about.as_ref().filter(|about| about.subject == AUDIT_ENTRY && !is_elsewhere(about, origin));
        let other = |about: &Retained| matches!(around::other(about, range, &range.to_string()), Ok(Some(_)));
        owed.is_open() && about.is_some_and(other)
    }

    /// The obligations as they stand then, where the step changes them.
    pub(crate) fn settled(
        &self,
        filed: &[Owed],
        around: &[Owed],
        intent: &Intent<'_>,
    ) -> Result<Vec<store::Kept>, CaseError> {
        let Self { record, change, until, deciding, met } = self;
        let (subject, entry) = (record.subject.as_str(), intent.entry);
        Taken { subject, change: *change, until: *until, deciding, entry, at: intent.at }.settled(filed, around, met)
    }
}
