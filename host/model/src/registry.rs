//! People, agencies and galleries as the host keeps them, one registry per jurisdiction.

use crate::facts::{self, AgencyKind, Agreement, Device, Training};
use crate::filter::{self, FilterKind, Filterable, MOST_CHOICES};
use crate::terms::{Date, Instant};
use serde::{Deserialize, Serialize};

/// A person of a jurisdiction: everything about them that a certificate does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Unique within the jurisdiction; the certificate's SAN carries it.
    pub id: String,
    /// Display name.
    pub name: String,
    /// The agency they act for: an id of the same registry.
    pub agency: String,
    /// The organisational unit they are assigned to.
    pub unit: String,
    /// Rank or position.
    pub rank: String,
    /// Roles in force.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Completed trainings.
    #[serde(default)]
    pub trainings: Vec<Training>,
    /// The day the background check was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_checked: Option<Date>,
    /// The day the need for access was last reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_reviewed: Option<Date>,
    /// Whether their credential is bound to a second factor.
    #[serde(default)]
    pub multi_factor: bool,
    /// Since when they may not act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_since: Option<Instant>,
}

impl Person {
    /// What a policy is told of this person acting from such a device.
    pub fn fact(&self, device: Device) -> facts::Person {
        facts::Person {
            id: self.id.clone(),
            name: self.name.clone(),
            unit: self.unit.clone(),
            rank: self.rank.clone(),
            roles: self.roles.clone(),
            trainings: self.trainings.clone(),
            background_checked: self.background_checked,
            need_reviewed: self.need_reviewed,
            multi_factor: self.multi_factor,
            device,
        }
    }
}

/// An agency as one jurisdiction knows it. Another jurisdiction's entry for the same id carries its own agreements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// ORI where there is one.
    pub id: String,
    /// Display name.
    pub name: String,
    /// What it is.
    pub kind: AgencyKind,
    /// Whether it contributes to and uses this jurisdiction's galleries by standing arrangement.
    #[serde(default)]
    pub participant: bool,
    /// Agreements with this jurisdiction.
    #[serde(default)]
    pub agreements: Vec<Agreement>,
    /// Since when its requests are suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_since: Option<Instant>,
}

impl Agency {
    /// What a policy is told of this agency, whose people are governed by `home`.
    pub fn fact(&self, home: &str) -> facts::Agency {
        facts::Agency {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            home: home.to_owned(),
            participant: self.participant,
            agreements: self.agreements.clone(),
            suspended_since: self.suspended_since,
        }
    }
}

/// A gallery of one jurisdiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    /// Unique within the jurisdiction.
    pub id: String,
    /// What it holds, in the policies' vocabulary: `mugshot`, `licence`, …
    pub class: String,
    /// The template model: templates of different models are never compared.
    pub model: String,
    /// Numbers per template.
    pub dim: u32,
    /// When it was last compared with its contributors' holdings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scrubbed: Option<Date>,
    /// What of its booking data searches can be filtered by. Those values are in memory while it works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filterable>,
}

/// A jurisdiction's registry file: what a deployment starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Agencies known to the jurisdiction.
    #[serde(default)]
    pub agencies: Vec<Agency>,
    /// Its people.
    #[serde(default)]
    pub people: Vec<Person>,
    /// Its galleries.
    #[serde(default)]
    pub galleries: Vec<Gallery>,
}

/// An id that is used twice, or an agency that is named but not listed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// Not an id.
    #[error(transparent)]
    Id(#[from] crate::terms::TermError),
    /// Two entries of the same kind share an id.
    #[error("{kind} `{id}` is listed twice: keep one entry")]
    Twice {
        /// `person`, `agency` or `gallery`.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// A person of an unlisted agency.
    #[error("person `{person}` acts for agency `{agency}`, which is not listed: add it under [[agencies]]")]
    UnknownAgency {
        /// The person.
        person: String,
        /// The agency.
        agency: String,
    },
    /// A gallery no template fits.
    #[error("gallery `{id}` has dim {dim}: use 1 to 4096")]
    Dimension {
        /// The gallery.
        id: String,
        /// Its dimension.
        dim: u32,
    },
    /// A filter that cannot be one.
    #[error("gallery `{gallery}`: filter `{filter}` {reason}")]
    Filter {
        /// The gallery.
        gallery: String,
        /// The filter.
        filter: String,
        /// What is wrong, and what would be right.
        reason: &'static str,
    },
}

impl Registry {
    /// Checks ids, duplicates and references.
    ///
    /// # Errors
    /// The first [`RegistryError`] found.
    pub fn check(&self) -> Result<(), RegistryError> {
        fn unique<'a>(kind: &'static str, ids: impl Iterator<Item = &'a str>) -> Result<(), RegistryError> {
            let mut seen = std::collections::BTreeSet::new();
            for id in ids {
                crate::terms::check_id(id)?;
                if !seen.insert(id) {
                    return Err(RegistryError::Twice { kind, id: id.to_owned() });
                }
            }
            Ok(())
        }
        unique("agency", self.agencies.iter().map(|a| a.id.as_str()))?;
        unique("person", self.people.iter().map(|p| p.id.as_str()))?;
        unique("gallery", self.galleries.iter().map(|g| g.id.as_str()))?;
        for person in &self.people {
            if !self.agencies.iter().any(|a| a.id == person.agency) {
                let (person, agency) = (person.id.clone(), person.agency.clone());
                return Err(RegistryError::UnknownAgency { person, agency });
            }
        }
        if let Some(g) = self.galleries.iter().find(|g| !(1..=4096).contains(&g.dim)) {
            return Err(RegistryError::Dimension { id: g.id.clone(), dim: g.dim });
        }
        self.galleries.iter().try_for_each(Gallery::check_filters)
    }
}

impl Gallery {
    fn check_filters(&self) -> Result<(), RegistryError> {
        let mut seen = std::collections::BTreeSet::new();
        for declared in &self.filters {
            crate::terms::check_id(&declared.name)?;
            let reason = if declared.name == filter::STATUS {
                "has a name that every gallery has: choose another"
            } else if !seen.insert(&declared.name) {
                "is listed twice: keep one entry"
            } else if declared.field().is_empty() {
                "names no booking field: name one, or leave field away"
            } else if declared.kind != FilterKind::Choice && !declared.choices.is_empty() {
                "has choices and is not of kind `choice`: leave them away"
            } else if declared.kind == FilterKind::Choice && !(1..=MOST_CHOICES).contains(&declared.choices.len()) {
                "is of kind `choice`: list 1 to 256 choices"
            } else {
                continue;
            };
            return Err(RegistryError::Filter { gallery: self.id.clone(), filter: declared.name.clone(), reason });
        }
        Ok(())
    }
}

/// A person as authenticated: who, of which jurisdiction, from what kind of device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// The jurisdiction whose registry lists them.
    pub jurisdiction: String,
    /// Their id in it.
    pub person: String,
    /// What the certificate's device was issued as.
    pub device: Device,
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.jurisdiction, self.person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency(id: &str) -> Agency {
        Agency {
            id: id.into(),
            name: id.into(),
            kind: AgencyKind::LawEnforcement,
            participant: true,
            agreements: vec![],
            suspended_since: None,
        }
    }

    #[test]
    fn a_registry_lists_nothing_twice() {
        let registry = Registry { agencies: vec![agency("a"), agency("a")], ..Registry::default() };
        assert_eq!(registry.check(), Err(RegistryError::Twice { kind: "agency", id: "a".into() }));
    }

    #[test]
    fn a_gallery_has_a_sensible_dimension() {
        let registry = Registry { galleries: vec![gallery(0, vec![])], ..Registry::default() };
        assert_eq!(registry.check(), Err(RegistryError::Dimension { id: "g".into(), dim: 0 }));
    }

    fn gallery(dim: u32, filters: Vec<Filterable>) -> Gallery {
        Gallery { id: "g".into(), class: "mugshot".into(), model: "m".into(), dim, last_scrubbed: None, filters }
    }

    #[test]
    fn a_filter_is_declared_once_and_makes_sense() {
        let filter = |name: &str, kind: FilterKind| {
            let choices = if kind == FilterKind::Choice { vec!["F".into(), "M".into()] } else { vec![] };
            Filterable { name: name.into(), kind, field: None, choices }
        };
        let refused = |filters: Vec<Filterable>| {
            let registry = Registry { galleries: vec![gallery(4, filters)], ..Registry::default() };
            registry.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        let age = Filterable { field: Some("date-of-birth".into()), ..filter("age", FilterKind::Age) };
        assert_eq!(refused(vec![filter("sex", FilterKind::Choice), age]), "");
        let twice = refused(vec![filter("sex", FilterKind::Choice), filter("sex", FilterKind::Number)]);
        assert!(twice.contains("`sex` is listed twice"), "{twice}");
        assert!(refused(vec![filter("status", FilterKind::Choice)]).contains("choose another"));
        assert!(refused(vec![filter("Sex", FilterKind::Choice)]).contains("is not an id"));
        let choices = Filterable { choices: vec!["1".into()], ..filter("age", FilterKind::Number) };
        assert!(refused(vec![choices]).contains("not of kind `choice`"));
        let many = (0..=MOST_CHOICES).map(|n| n.to_string()).collect();
        for choices in [vec![], many] {
            let none = Filterable { choices, ..filter("sex", FilterKind::Choice) };
            assert!(refused(vec![none]).contains("list 1 to 256 choices"));
        }
        let nameless = Filterable { field: Some(String::new()), ..filter("age", FilterKind::Number) };
        assert!(refused(vec![nameless]).contains("names no booking field"));
    }
}
