//! What is on record of how long a record stays.

use super::{AUDIT_ENTRY, Asking, Change, Pruning};
use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::life::same_person;
use crate::misstep::Misstep;
use crate::status::SEALED;
use model::account::{Retained, Who};
use model::facts::Attestation;
use model::rulings::SignOffRule;
use model::terms::{Date, Digest, Instant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A record's docket. There is one of every record that something was said of; it outlives the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Docket {
    /// The record.
    pub record: Retained,
    /// The earliest day of a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<Date>,
    /// Since when it is held as evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Since>,
    /// What was asked and has no effect yet, by what it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, Asked>,
    /// Up to the end of which day its stay was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended: Option<Date>,
    /// Since when it is sealed, by a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Since>,
    /// The status that it has again when it is unsealed. It is kept before it is sealed, so that no crash loses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_seal: Option<String>,
    /// When it was last written to portable media, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported: Option<Export>,
    /// When it was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<Instant>,
    /// A pruning of the log up to there that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<Pruning>,
    /// When the log was pruned up to there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Instant>,
}

/// By whom, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Instant,
}

/// Something asked that others have to approve of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who asked.
    pub by: Who,
    /// When.
    pub at: Instant,
    /// The day asked for, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// Who has to approve.
    pub rules: Vec<SignOffRule>,
    /// Who has, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<Who>,
    /// What they answered: whoever approves is judged on it too.
    pub answers: Attestation,
}

/// A transfer to portable media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// When.
    pub at: Instant,
    /// Who authorised it.
    pub by: Who,
    /// The folder on the medium.
    pub folder: String,
    /// The sha-256 of the manifest in it.
    pub manifest: Digest,
}

impl Docket {
    /// An empty one.
    pub fn new(record: Retained) -> Self {
        Self {
            record,
            noticed: None,
            held: None,
            asked: BTreeMap::new(),
            extended: None,
            sealed: None,
            under_seal: None,
            exported: None,
            purged: None,
            pruning: None,
            pruned: None,
        }
    }

    /// What is on record of a record; absent where nothing was ever said of it. Of entries, what was filed before logs were
    /// told apart is taken over by whichever log has such entries: a hold is rather kept twice than lost.
    ///
    /// # Errors
    /// [`CaseError`] when it cannot be read.
    pub(super) async fn of(owner: &Chamber, record: &Retained) -> Result<Option<Self>, CaseError> {
        let gallery = record.gallery.as_deref().unwrap_or_default();
        let mut row = owner.store.retention(&record.subject, gallery, &record.record).await?;
        if row.is_none() && record.subject == AUDIT_ENTRY {
            row = owner.store.retention(&record.subject, "", &record.record).await?;
        }
        let docket = row.map(Self::read).transpose()?;
        Ok(docket.map(|docket| Self { record: record.clone(), ..docket }))
    }

    /// As it was kept.
    pub(crate) fn read(row: store::RetentionRow) -> Result<Self, CaseError> {
        serde_json::from_value(row.body)
            .map_err(|e| CaseError::Unreadable(format!("the docket of `{}`: {e}; restore the database", row.record)))
    }

    /// As it is kept.
    pub(crate) fn kept(&self) -> Result<store::Kept, CaseError> {
        let body = serde_json::to_value(self).map_err(|e| CaseError::Log(e.to_string()))?;
        let Retained { subject, gallery, record } = self.record.clone();
        let gallery = gallery.unwrap_or_default();
        Ok(store::Kept::Retention(store::RetentionRow { subject, gallery, record, body }))
    }

    /// Whether somebody is on it: said something of the record that stands, or waits.
    pub(crate) fn names(&self, who: &Who) -> bool {
        let held = self.held.iter().map(|held| &held.by);
        let exported = self.exported.iter().map(|export| &export.by);
        let sealed = self.sealed.iter().map(|sealed| &sealed.by);
        let pruning = self.pruning.iter().map(|pruning| &pruning.by);
        let asked = self.asked.values().flat_map(|asked| asked.approved_by.iter().chain([&asked.by]));
        held.chain(exported).chain(sealed).chain(pruning).chain(asked).any(|by| same_person(by, who))
    }

    /// As somebody of another jurisdiction is told of it: when notice was given, and what they said themselves that stands, or
    /// waits.
    pub(super) fn told_outside(self, who: &Who) -> Self {
        let theirs = |by: &Who| same_person(by, who);
        let mut told = Self::new(self.record);
        told.noticed = self.noticed;
        told.held = self.held.filter(|held| theirs(&held.by));
        told.sealed = self.sealed.filter(|sealed| theirs(&sealed.by));
        told.exported = self.exported.filter(|export| theirs(&export.by));
        told.asked = self.asked;
        told.asked.retain(|_, asked| theirs(&asked.by));
        for asked in told.asked.values_mut() {
            asked.approved_by.clear();
        }
        told
    }

    /// Whether an extension fits what was asked of the same kind and waits: it is granted up to the day asked for, or denied
    /// without one. Whoever asked may ask anew, for another day.
    pub(super) fn fits(&self, asking: &Asking, by: &Who) -> Result<(), Misstep> {
        if asking.change != Change::Extend {
            return Ok(());
        }
        match (self.asked.get(asking.change.name()), asking.day) {
            (None, None) => Err(Misstep::NothingToDeny),
            (Some(Asked { by: asker, day: Some(asked), .. }), Some(day))
                if *asked != day && !same_person(asker, by) =>
            {
                Err(Misstep::AnotherDay { asked: *asked, demanded: vec![] })
            }
            _ => Ok(()),
        }
    }

    /// Whether what demands approval is asked by nobody else yet: it would take the place of their asking, and of what they
    /// answered.
    pub(super) fn unasked(&self, name: &str, said: &Asked) -> Result<(), Misstep> {
        match self.asked.get(name) {
            Some(Asked { by, .. }) if !said.rules.is_empty() && !same_person(by, &said.by) => {
                // Whoever is of another jurisdiction is not told who.
                let own = by.jurisdiction == said.by.jurisdiction;
                let by = if own { by.key() } else { format!("somebody of {}", by.jurisdiction) };
                Err(Misstep::AskedAlready { by, demanded: vec![] })
            }
            _ => Ok(()),
        }
    }

    /// Takes down what became of the record.
    pub(super) fn undergo(&mut self, effect: Effect) {
        match effect {
            Effect::Noticed(day) => self.noticed = day,
            Effect::Held(since) => self.held = Some(since),
            Effect::Lifted => {
                self.held = None;
                self.asked.remove(Change::Hold.name());
            }
            // A denial leaves an earlier extension as it is.
            Effect::Extended(day) => self.extended = day.or(self.extended),
            Effect::Exported(export) => self.exported = Some(export),
            Effect::Sealed(since) => self.sealed = Some(since),
            Effect::Unsealed => {
                (self.sealed, self.under_seal) = (None, None);
                // What was asked and not approved is not to be approved after this.
                self.asked.remove(Change::Seal.name());
            }
            Effect::Purged(at) => self.purged = Some(at),
            Effect::Pruned(at) => (self.pruned, self.pruning) = (Some(at), None),
        }
    }

    /// Keeps the status that the record has again when it is unsealed.
    pub(super) fn under_seal_of(&mut self, status: Option<&str>) {
        if let Some(status) = status.filter(|status| *status != SEALED) {
            self.under_seal = Some(status.to_owned());
        }
    }

    /// Takes down that somebody permitted says this, under this name. Gives the rules for approvals that are met with it if it
    /// has an effect now; nothing if it waits for others. `counts` says whether what somebody approved counts now for a rule.
    ///
    /// What demands approval is asked, in place of what was asked of the same kind before: of what the same person asked, their
    /// earlier answers stand under the new ones, and what was approved stands where nothing has changed. What demands none
    /// approves of what was asked, or needs nobody else. An extension without a day denies what was asked, which waits for
    /// nobody then; that is nothing that could itself be asked.
    pub(super) fn decide(
        &mut self,
        name: &str,
        said: Asked,
        counts: impl Fn(&Who, &SignOffRule) -> bool,
    ) -> Option<Vec<SignOffRule>> {
        let denies = name == Change::Extend.name() && said.day.is_none();
        if !said.rules.is_empty() {
            if !denies {
                let said = match self.asked.remove(name) {
                    Some(earlier) if same_person(&earlier.by, &said.by) => said.over(earlier),
                    _ => said,
                };
                self.asked.insert(name.to_owned(), said);
            }
            return None;
        }
        if denies {
            return Some(self.asked.remove(name).map(|asked| asked.rules).unwrap_or_default());
        }
        let Some(asked) = self.asked.get_mut(name) else { return Some(Vec::new()) };
        match asked.approved_by.iter_mut().find(|who| same_person(who, &said.by)) {
            // As they are now: they may be of another unit since.
            Some(earlier) => *earlier = said.by,
            None => asked.approved_by.push(said.by),
        }
        if !asked.is_approved(counts) {
            return None;
        }
        self.asked.remove(name).map(|asked| asked.rules)
    }
}

/// What becomes of a record by a step that has an effect.
pub(super) enum Effect {
    /// This is the earliest day of a notice now.
    Noticed(Option<Date>),
    /// It is held as evidence.
    Held(Since),
    /// It is held no longer by a step.
    Lifted,
    /// It stays up to the end of this day; absent where that was denied.
    Extended(Option<Date>),
    /// It was written to portable media.
    Exported(Export),
    /// It is sealed.
    Sealed(Since),
    /// It is sealed no longer.
    Unsealed,
    /// It was destroyed.
    Purged(Instant),
    /// The log was pruned.
    Pruned(Instant),
}

impl Asked {
    /// What whoever asked answered, but for what they answer anew.
    pub(super) fn but(&self, anew: impl Fn(&str) -> bool) -> Attestation {
        let mut answers = self.answers.clone();
        answers.answers.retain(|answer| !anew(&answer.name));
        answers
    }

    /// The same asked again by the same person.
    fn over(mut self, earlier: Self) -> Self {
        let kept = earlier.but(|name| self.answers.answers.iter().any(|answer| answer.name == name));
        self.answers.answers.extend(kept.answers);
        self.answers.answers.sort_by(|a, b| a.name.cmp(&b.name));
        if (self.day, &self.rules) == (earlier.day, &earlier.rules) && self.answers.answers == earlier.answers.answers {
            self.approved_by = earlier.approved_by;
        }
        self
    }

    /// Whether as many whose approval counts have approved as each rule asks for. That they may is the policy's to judge, and it
    /// has, when they did.
    fn is_approved(&self, counts: impl Fn(&Who, &SignOffRule) -> bool) -> bool {
        self.rules.iter().all(|rule| {
            let own = |who: &Who| rule.distinct_from_requester && same_person(who, &self.by);
            let approved = self.approved_by.iter().filter(|who| !own(who) && counts(who, rule)).count();
            approved >= usize::try_from(rule.persons).unwrap_or(usize::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::terms::{Field, Value};

    fn who(person: &str) -> Who {
        let (name, unit, agency) = (person.into(), "unit".into(), "agency".into());
        Who { jurisdiction: "north".into(), person: person.into(), name, unit, agency }
    }

    fn said(person: &str, persons: u32) -> Asked {
        let rule = SignOffRule {
            role: "chief".into(),
            persons,
            units: vec![],
            distinct_from_requester: true,
            all_involved: false,
            blind: false,
            leads_only: false,
        };
        let rules = if persons == 0 { vec![] } else { vec![rule] };
        let answers = Attestation { by: format!("north/{person}"), at: Instant(1), answers: vec![] };
        Asked { by: who(person), at: Instant(1), day: None, rules, approved_by: vec![], answers }
    }

    /// Whoever approved, it counts.
    fn anybodys(_: &Who, _: &SignOffRule) -> bool {
        true
    }

    fn up_to(day: &str, asked: Asked) -> Asked {
        Asked { day: Some(day.parse().unwrap()), ..asked }
    }

    fn docket() -> Docket {
        Docket::new(Retained { subject: "s".into(), gallery: None, record: "r".into() })
    }

    #[test]
    fn what_needs_nobody_has_an_effect_at_once() {
        assert_eq!(docket().decide("hold", said("chief", 0), anybodys), Some(vec![]));
    }

    #[test]
    fn what_needs_approval_waits_for_it() {
        let mut docket = docket();
        assert_eq!(docket.decide("hold", said("a", 1), anybodys), None);
        let extended = up_to("2026-06-30", said("chief", 0));
        assert_eq!(docket.decide("extend", extended, anybodys), Some(vec![]), "that is something else");
        assert!(docket.asked.contains_key("hold"));
        let met = docket.decide("hold", said("chief", 0), anybodys).unwrap();
        assert_eq!((met.len(), docket.asked.len()), (1, 0));
    }

    #[test]
    fn whoever_asks_again_keeps_what_they_answered_and_nobody_asks_in_their_place() {
        let answered = |asked: Asked, all: &[(&str, i64)]| {
            let answers = all.iter().map(|(name, n)| Field::new((*name).to_owned(), Value::Number(*n))).collect();
            Asked { answers: Attestation { answers, ..asked.answers.clone() }, ..asked }
        };
        let mut docket = docket();
        docket.decide("hold", answered(said("a", 2), &[("x", 1), ("y", 1)]), anybodys);
        docket.decide("hold", said("b", 0), anybodys);
        assert_eq!(docket.unasked("hold", &said("a", 2)), Ok(()));
        assert_eq!(docket.unasked("seal", &said("c", 2)), Ok(()), "that is something else");
        assert_eq!(docket.unasked("hold", &said("c", 0)), Ok(()), "which approves");
        let already = |by: &str| Err(Misstep::AskedAlready { by: by.to_owned(), demanded: vec![] });
        assert_eq!(docket.unasked("hold", &said("c", 2)), already("north/a"));
        let outside = Asked { by: Who { jurisdiction: "south".into(), ..who("a") }, ..said("a", 2) };
        assert_eq!(docket.unasked("hold", &outside), already("somebody of north"), "a namesake is somebody else");

        let before = docket.asked["hold"].clone();
        docket.decide("hold", answered(said("a", 2), &[("y", 1)]), anybodys);
        assert_eq!(docket.asked["hold"], before, "nothing has changed");
        docket.decide("hold", answered(said("a", 2), &[("y", 2)]), anybodys);
        let again = &docket.asked["hold"];
        assert_eq!(*again, answered(said("a", 2), &[("x", 1), ("y", 2)]), "what was approved was something else");
    }

    #[test]
    fn approvals_are_counted_by_persons_and_never_the_askers() {
        let mut docket = docket();
        assert_eq!(docket.decide("hold", said("a", 2), anybodys), None);
        for again in ["a", "b", "b"] {
            assert_eq!(docket.decide("hold", said(again, 0), anybodys), None, "{again}");
        }
        assert!(docket.decide("hold", said("c", 0), anybodys).is_some());
    }

    #[test]
    fn what_was_approved_counts_while_whoever_approved_may_and_again_when_they_may_again() {
        let mut docket = docket();
        let but = |lost: &'static str| move |who: &Who, rule: &SignOffRule| rule.role == "chief" && who.person != lost;
        assert_eq!(docket.decide("hold", said("a", 2), anybodys), None);
        assert_eq!(docket.decide("hold", said("b", 0), but("")), None, "one of two");
        assert_eq!(docket.decide("hold", said("c", 0), but("b")), None, "who has lost the role approves no more");
        assert_eq!(docket.asked["hold"].approved_by.len(), 2, "what they said stays on record");
        let mut other = docket.clone();
        assert!(other.decide("hold", said("d", 0), but("b")).is_some(), "others can");
        let moved = |who: &Who, _: &SignOffRule| who.person != "b" || who.unit == "another";
        let mut other = docket.clone();
        let again = Asked { by: Who { unit: "another".to_owned(), ..self::who("b") }, ..said("b", 0) };
        assert!(other.decide("hold", again, moved).is_some(), "whoever is of another unit approves for that one");
        assert!(
            docket.decide("hold", said("c", 0), but("")).is_some(),
            "nor has anybody to approve anew who has it back"
        );
    }

    #[test]
    fn a_docket_names_whoever_is_on_it() {
        let mut docket = docket();
        assert!(!docket.names(&who("a")));
        docket.decide("hold", said("a", 2), anybodys);
        docket.decide("hold", said("b", 0), anybodys);
        docket.held = Some(Since { by: who("c"), at: Instant(1) });
        docket.sealed = Some(Since { by: who("e"), at: Instant(1) });
        docket.pruning = Some(Pruning { by: who("f"), at: Instant(1), from: 0, begun: false });
        assert!(["a", "b", "c", "e", "f"].iter().all(|on_it| docket.names(&who(on_it))));
        assert!(!docket.names(&who("d")));
        assert!(!docket.names(&Who { jurisdiction: "south".into(), ..who("a") }), "a namesake is somebody else");
    }

    #[test]
    fn somebody_from_outside_is_told_of_the_notice_and_what_they_said() {
        let mut docket = docket();
        docket.noticed = Some("2026-03-01".parse().unwrap());
        docket.extended = Some("2026-06-30".parse().unwrap());
        docket.held = Some(Since { by: who("b"), at: Instant(1) });
        docket.decide("hold", said("a", 2), anybodys);
        docket.decide("hold", said("b", 0), anybodys);
        docket.decide("seal", said("b", 1), anybodys);
        let told = docket.clone().told_outside(&who("a"));
        assert_eq!(told.noticed, docket.noticed);
        assert_eq!((told.extended, told.held), (None, None));
        assert_eq!(told.asked.keys().collect::<Vec<_>>(), ["hold"]);
        assert!(told.asked["hold"].approved_by.is_empty(), "nor who approved");
        assert!(docket.told_outside(&who("b")).held.is_some(), "that is their own");
    }

    #[test]
    fn an_extension_without_a_day_denies_what_was_asked_and_one_denial_is_enough() {
        let mut docket = docket();
        assert_eq!(docket.decide("extend", up_to("2026-06-30", said("a", 2)), anybodys), None);
        assert_eq!(docket.decide("extend", up_to("2026-06-30", said("b", 0)), anybodys), None, "one of two");
        assert_eq!(docket.decide("extend", said("c", 1), anybodys), None, "whose denial needs approval denies nothing");
        assert!(docket.asked.contains_key("extend"));
        let met = docket.decide("extend", said("c", 0), anybodys).unwrap();
        assert_eq!((met.len(), docket.asked.len()), (1, 0), "what waited for approval is settled");
    }

    #[test]
    fn what_waits_is_granted_up_to_the_day_asked_for_and_no_other() {
        let mut docket = docket();
        let extend = |day: Option<&str>| {
            let day = day.map(|day| day.parse().unwrap());
            Asking { change: Change::Extend, record: docket.record.clone(), day, answers: BTreeMap::new() }
        };
        let (june, july, none) = (extend(Some("2026-06-30")), extend(Some("2026-07-31")), extend(None));
        assert_eq!(docket.fits(&none, &who("chief")), Err(Misstep::NothingToDeny));
        assert_eq!(docket.fits(&july, &who("chief")), Ok(()), "nobody asked for anything else");
        docket.decide("extend", up_to("2026-06-30", said("a", 1)), anybodys);
        let another = Err(Misstep::AnotherDay { asked: "2026-06-30".parse().unwrap(), demanded: vec![] });
        assert_eq!(docket.fits(&july, &who("chief")), another);
        assert_eq!(docket.fits(&july, &who("b")), another, "nor is it asked for in somebody else's place");
        assert_eq!(docket.fits(&july, &who("a")), Ok(()));
        assert_eq!(docket.fits(&june, &who("chief")), Ok(()));
        assert_eq!(docket.fits(&none, &who("chief")), Ok(()));
    }

    #[test]
    fn a_docket_comes_back_as_it_was_kept() {
        let mut docket = docket();
        docket.decide("extend", up_to("2026-06-30", said("a", 1)), anybodys);
        docket.noticed = Some("2026-03-01".parse().unwrap());
        let store::Kept::Retention(row) = docket.kept().unwrap() else { panic!("not a docket") };
        assert_eq!(Docket::read(row).unwrap(), docket);
    }
}
