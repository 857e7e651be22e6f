//! How people and agencies stand since a step decided of them: roles, the last review, suspension.
//!
//! The registry file says who there is, and what a step cannot know: units, trainings, agreements. What steps decided is kept
//! apart from it and laid over it, so that a file that is older than a suspension does not end it at the next start. Whoever
//! changes it does so one at a time, on record first and then in memory at once: the next step of anybody reads it.

use crate::chamber::Chamber;
use crate::error::CaseError;
use model::registry::Registry;
use model::terms::{Date, Holder, Instant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::MutexGuard;

/// What steps decided of one person or agency. What is absent, no step decided: the registry file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The roles a person holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<String>>,
    /// The day a person's need for access was last reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) need_reviewed: Option<Date>,
    /// Whether they may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<Access>,
}

/// Whether somebody may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Access {
    /// They may: whatever suspended them is over.
    Reinstated,
    /// They may not, since then.
    Suspended(Instant),
}

impl Access {
    fn suspended_since(self) -> Option<Instant> {
        match self {
            Self::Reinstated => None,
            Self::Suspended(since) => Some(since),
        }
    }
}

/// Everything that steps decided, by id.
#[derive(Default)]
pub(crate) struct Decisions {
    people: BTreeMap<String, Decided>,
    agencies: BTreeMap<String, Decided>,
}

impl Decisions {
    /// Reads what is kept of it.
    pub(crate) async fn read(rows: &store::Jurisdiction) -> Result<Self, CaseError> {
        let mut decisions = Self::default();
        for whose in [Holder::Person, Holder::Agency] {
            for row in rows.standings(whose.name()).await? {
                let decided = serde_json::from_value(row.body)
                    .map_err(|e| CaseError::Log(format!("what is kept of `{}` cannot be read: {e}", row.id)))?;
                decisions.of(whose).insert(row.id, decided);
            }
        }
        Ok(decisions)
    }

    fn of(&mut self, whose: Holder) -> &mut BTreeMap<String, Decided> {
        match whose {
            Holder::Person => &mut self.people,
            Holder::Agency => &mut self.agencies,
        }
    }

    /// Lays them over what the registry file says. Names those of whom the file says something else.
    pub(crate) fn lay_over(&self, registry: &mut Registry) -> Vec<String> {
        let mut overruled = Vec::new();
        for (id, decided) in &self.people {
            if decided.lay_over(registry, Holder::Person, id) {
                overruled.push(id.clone());
            }
        }
        for (id, decided) in &self.agencies {
            if decided.lay_over(registry, Holder::Agency, id) {
                overruled.push(id.clone());
            }
        }
        overruled
    }
}

impl Decided {
    /// Lays this over what the registry says of one person or agency. Whether that changed who may do what.
    fn lay_over(&self, registry: &mut Registry, whose: Holder, id: &str) -> bool {
        let mut changed = false;
        let suspended = match whose {
            Holder::Person => {
                let Some(person) = registry.people.iter_mut().find(|p| p.id == id) else { return false };
                if let Some(roles) = self.roles.as_ref().filter(|roles| **roles != person.roles) {
                    person.roles.clone_from(roles);
                    changed = true;
                }
                // A file may know of a later review.
                person.need_reviewed = person.need_reviewed.max(self.need_reviewed);
                &mut person.suspended_since
            }
            Holder::Agency => {
                let Some(agency) = registry.agencies.iter_mut().find(|a| a.id == id) else { return false };
                &mut agency.suspended_since
            }
        };
        if let Some(since) = self.access.map(Access::suspended_since)
            && *suspended != since
        {
            *suspended = since;
            changed = true;
        }
        changed
    }
}

/// A change of what the registry says of one person or agency. While it lasts nobody else changes the registry.
pub(crate) struct Amendment<'c> {
    chamber: &'c Chamber,
    decisions: MutexGuard<'c, Decisions>,
    whose: Holder,
    id: String,
    /// What will have been decided.
    pub(crate) decided: Decided,
}

impl Chamber {
    /// Begins a change. To be recorded before it takes effect; dropped, nothing has changed.
    pub(crate) async fn amend(&self, whose: Holder, id: &str) -> Amendment<'_> {
        let mut decisions = self.decisions.lock().await;
        let decided = decisions.of(whose).get(id).cloned().unwrap_or_default();
        Amendment { chamber: self, decisions, whose, id: id.to_owned(), decided }
    }
}

impl Amendment<'_> {
    /// The row that keeps it.
    pub(crate) fn row(&self) -> Result<store::Kept, CaseError> {
        let body = serde_json::to_value(&self.decided).map_err(|e| CaseError::Log(e.to_string()))?;
        let (kind, id) = (self.whose.name().to_owned(), self.id.clone());
        Ok(store::Kept::Stands(store::StandingRow { kind, id, body }))
    }

    /// From now on the registry says so.
    pub(crate) fn take_effect(mut self) {
        let mut registry = Registry::clone(&self.chamber.registry());
        self.decided.lay_over(&mut registry, self.whose, &self.id);
        self.chamber.replace_registry(Arc::new(registry));
        self.decisions.of(self.whose).insert(self.id, self.decided);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::AgencyKind;
    use model::registry::{Agency, Person};

    fn registry() -> Registry {
        let agency = Agency {
            id: "a".to_owned(),
            name: "A".to_owned(),
            kind: AgencyKind::LawEnforcement,
            participant: true,
            agreements: vec![],
            suspended_since: Some(Instant(1)),
        };
        let person = Person {
            id: "p".to_owned(),
            name: "P".to_owned(),
            agency: "a".to_owned(),
            unit: "u".to_owned(),
            rank: "r".to_owned(),
            roles: vec!["clerk".to_owned()],
            trainings: vec![],
            background_checked: None,
            need_reviewed: Some("2026-02-01".parse().unwrap()),
            multi_factor: true,
            suspended_since: None,
        };
        Registry { agencies: vec![agency], people: vec![person], galleries: vec![] }
    }

    #[test]
    fn what_no_step_decided_is_as_the_file_says() {
        let mut registry = registry();
        let mut decisions = Decisions::default();
        decisions.people.insert("p".to_owned(), Decided::default());
        decisions.people.insert("gone".to_owned(), Decided { roles: Some(vec![]), ..Decided::default() });
        assert!(decisions.lay_over(&mut registry).is_empty());
        assert_eq!(registry, self::registry());
    }

    #[test]
    fn what_a_step_decided_prevails_and_is_named() {
        let mut registry = registry();
        let mut decisions = Decisions::default();
        let decided = Decided {
            roles: Some(vec!["examiner".to_owned()]),
            need_reviewed: Some("2026-01-01".parse().unwrap()),
            access: Some(Access::Suspended(Instant(7))),
        };
        decisions.people.insert("p".to_owned(), decided);
        let lifted = Decided { access: Some(Access::Reinstated), ..Decided::default() };
        decisions.agencies.insert("a".to_owned(), lifted);
        assert_eq!(decisions.lay_over(&mut registry), ["p", "a"]);
        let person = &registry.people[0];
        assert_eq!((person.roles.as_slice(), person.suspended_since), (&["examiner".to_owned()][..], Some(Instant(7))));
        assert_eq!(person.need_reviewed, Some("2026-02-01".parse().unwrap()), "the later review counts");
        assert_eq!(registry.agencies[0].suspended_since, None);
        assert!(decisions.lay_over(&mut registry).is_empty(), "now it says so");
    }

    #[test]
    fn what_is_kept_reads_back() {
        for access in [None, Some(Access::Reinstated), Some(Access::Suspended(Instant(7)))] {
            let decided = Decided { access, ..Decided::default() };
            let kept = serde_json::to_value(&decided).unwrap();
            assert_eq!(serde_json::from_value::<Decided>(kept).unwrap(), decided);
        }
    }
}
