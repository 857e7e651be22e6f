//! What is on record of how long a record stays.

use super::{AUDIT_ENTRY, Change, Pruning};
use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::life::same_person;
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
    pub(super) fn read(row: store::RetentionRow) -> Result<Self, CaseError> {
        serde_json::from_value(row.body)
            .map_err(|e| CaseError::Unreadable(format!("the docket of `{}`: {e}; restore the database", row.record)))
    }

    /// As it is kept.
    pub(super) fn kept(&self) -> Result<store::Kept, CaseError> {
        let body = serde_json::to_value(self).map_err(|e| CaseError::Log(e.to_string()))?;
        let Retained { subject, gallery, record } = self.record.clone();
        let gallery = gallery.unwrap_or_default();
        Ok(store::Kept::Retention(store::RetentionRow { subject, gallery, record, body }))
    }

    /// Takes down that somebody permitted says this. Gives the rules for approvals that are met with it if it has an effect
    /// now; nothing if it waits for others.
    ///
    /// What demands approval is asked, in place of what was asked of the same kind before. What demands none approves of what
    /// was asked, or needs nobody else.
    pub(super) fn decide(&mut self, change: Change, said: Asked) -> Option<Vec<SignOffRule>> {
        if !said.rules.is_empty() {
            self.asked.insert(change.name().to_owned(), said);
            return None;
        }
        let Some(asked) = self.asked.get_mut(change.name()) else { return Some(Vec::new()) };
        if !asked.approved_by.iter().any(|who| same_person(who, &said.by)) {
            asked.approved_by.push(said.by);
        }
        if !asked.is_approved() {
            return None;
        }
        self.asked.remove(change.name()).map(|asked| asked.rules)
    }
}

impl Asked {
    /// Whether as many have approved as each rule asks for. That they may is the policy's to judge, and it has.
    fn is_approved(&self) -> bool {
        self.rules.iter().all(|rule| {
            let counts = |who: &&Who| !(rule.distinct_from_requester && same_person(who, &self.by));
            let approved = self.approved_by.iter().filter(counts).count();
            approved >= usize::try_from(rule.persons).unwrap_or(usize::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn docket() -> Docket {
        Docket::new(Retained { subject: "s".into(), gallery: None, record: "r".into() })
    }

    #[test]
    fn what_needs_nobody_has_an_effect_at_once() {
        assert_eq!(docket().decide(Change::Hold, said("chief", 0)), Some(vec![]));
    }

    #[test]
    fn what_needs_approval_waits_for_it() {
        let mut docket = docket();
        assert_eq!(docket.decide(Change::Hold, said("a", 1)), None);
        assert_eq!(docket.decide(Change::Extend, said("chief", 0)), Some(vec![]), "that is something else");
        assert!(docket.asked.contains_key("hold"));
        let met = docket.decide(Change::Hold, said("chief", 0)).unwrap();
        assert_eq!((met.len(), docket.asked.len()), (1, 0));
    }

    #[test]
    fn approvals_are_counted_by_persons_and_never_the_askers() {
        let mut docket = docket();
        assert_eq!(docket.decide(Change::Hold, said("a", 2)), None);
        for again in ["a", "b", "b"] {
            assert_eq!(docket.decide(Change::Hold, said(again, 0)), None, "{again}");
        }
        assert!(docket.decide(Change::Hold, said("c", 0)).is_some());
    }

    #[test]
    fn a_docket_comes_back_as_it_was_kept() {
        let mut docket = docket();
        docket.decide(Change::Extend, said("a", 1));
        docket.noticed = Some("2026-03-01".parse().unwrap());
        let store::Kept::Retention(row) = docket.kept().unwrap() else { panic!("not a docket") };
        assert_eq!(Docket::read(row).unwrap(), docket);
    }
}
