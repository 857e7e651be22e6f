//! People, agencies and galleries as the host keeps them, one registry per jurisdiction.

use crate::facts::{self, AgencyKind, Agreement, Device, Training};
use crate::filter::{self, FilterKind, Filterable, MOST_CHOICES};
use crate::role::Held;
use crate::terms::{Date, Digest, Instant};
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
    /// Roles, with the days on which they count.
    #[serde(default)]
    pub roles: Vec<Held>,
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
    /// The same person with those roles alone that count on this day: one that does not yet, or not any more, counts nowhere.
    #[must_use]
    pub fn on(mut self, day: Date) -> Self {
        self.roles.retain(|held| held.counts_on(day));
        self
    }

    /// Whether they hold a role on this day.
    pub fn holds(&self, role: &str, day: Date) -> bool {
        self.roles.iter().any(|held| held.role == role && held.counts_on(day))
    }

    /// The names of their roles, each once.
    pub fn role_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.roles.len());
        for held in &self.roles {
            if !names.contains(&held.role) {
                names.push(held.role.clone());
            }
        }
        names
    }

    /// What a policy is told of this person acting from such a device: as they are [on that day](Self::on).
    pub fn fact(&self, device: Device) -> facts::Person {
        facts::Person {
            id: self.id.clone(),
            name: self.name.clone(),
            unit: self.unit.clone(),
            rank: self.rank.clone(),
            roles: self.role_names(),
            trainings: self.trainings.clone(),
            background_checked: self.background_checked,
            need_reviewed: self.need_reviewed,
            multi_factor: self.multi_factor,
            device,
        }
    }
}

/// What is put on record of a person beside their access. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Particulars {
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The unit they are assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Rank or position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
    /// Whether their credential is bound to a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_factor: Option<bool>,
    /// Trainings. One of the same curriculum, completed the same day, takes the place of the one on record, which gives that an
    /// end or another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trainings: Vec<Training>,
    /// The day a background check was completed. The latest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_checked: Option<Date>,
    /// Background checks completed up to this day count no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_void: Option<Date>,
}

impl Particulars {
    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts them on record of a person.
    pub fn apply(&self, person: &mut Person) {
        for (new, old) in
            [(&self.name, &mut person.name), (&self.unit, &mut person.unit), (&self.rank, &mut person.rank)]
        {
            if let Some(new) = new {
                old.clone_from(new);
            }
        }
        person.multi_factor = self.multi_factor.unwrap_or(person.multi_factor);
        put_all(&mut person.trainings, &self.trainings);
        let checked = person.background_checked.max(self.background_checked);
        person.background_checked = checked.filter(|on| self.background_void.is_none_or(|void| *on > void));
    }

    /// These, and what is said later: where both speak, the later ones hold.
    pub fn then(&mut self, later: Self) {
        self.name = later.name.or(self.name.take());
        self.unit = later.unit.or(self.unit.take());
        self.rank = later.rank.or(self.rank.take());
        self.multi_factor = later.multi_factor.or(self.multi_factor);
        put_all(&mut self.trainings, &later.trainings);
        self.background_checked = self.background_checked.max(later.background_checked);
        self.background_void = self.background_void.max(later.background_void);
    }
}

fn put_all(trainings: &mut Vec<Training>, new: &[Training]) {
    for training in new {
        let same = |t: &&mut Training| t.curriculum == training.curriculum && t.completed == training.completed;
        match trainings.iter_mut().find(same) {
            Some(old) => old.clone_from(training),
            None => trainings.push(training.clone()),
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
    /// Whether it contributes to and uses this jurisdiction's galleries by standing arrangement. Only of such agencies people who
    /// hold a role are shown more of the jurisdiction's cases than what concerns them.
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

/// An agreement as a step put it on record: what policies are told of it, and what they are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concluded {
    /// As policies are told of it.
    pub agreement: Agreement,
    /// Whom to turn to at the agency.
    pub contact: Contact,
    /// The sha-256 of the signed document.
    pub document: Digest,
}

/// Whom to turn to at an agency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// Postal address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
}

/// Characters of an agreement's id.
const AGREEMENT_ID_LEN: usize = 16;

/// The id of an agreement among those of its agency. It follows from what the agreement is called and when it was signed, so that one
/// of the registry file has an id, too.
pub fn agreement_id(agreement: &Agreement) -> String {
    let mut id = Digest::of(format!("{}\n{}", agreement.kind, agreement.signed).as_bytes()).to_string();
    id.truncate(AGREEMENT_ID_LEN);
    id
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
    /// A role that would never count.
    #[error("person `{person}`: the role `{role}` {reason}")]
    Role {
        /// The person.
        person: String,
        /// The role.
        role: String,
        /// What is wrong, and what would be right.
        reason: &'static str,
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
            for held in &person.roles {
                let reason = if held.role.trim().is_empty() {
                    "has no name: name it, or leave it away"
                } else if held.from.is_some_and(|from| held.is_over(from)) {
                    "ends before it begins: correct from or until"
                } else {
                    continue;
                };
                let (person, role) = (person.id.clone(), held.role.clone());
                return Err(RegistryError::Role { person, role, reason });
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
            let reason = if [filter::STATUS, filter::ORIGIN].contains(&declared.name.as_str()) {
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

    fn person() -> Person {
        Person {
            id: "p".into(),
            name: "P".into(),
            agency: "a".into(),
            unit: "u".into(),
            rank: "r".into(),
            roles: vec![],
            trainings: vec![training("x", "2025-01-01", Some("2027-01-01"))],
            background_checked: Some(day("2025-02-03")),
            need_reviewed: None,
            multi_factor: false,
            suspended_since: None,
        }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn training(curriculum: &str, completed: &str, expires: Option<&str>) -> Training {
        Training { curriculum: curriculum.into(), completed: day(completed), expires: expires.map(day) }
    }

    #[test]
    fn a_role_counts_on_its_days_and_nowhere_else() {
        let held = Held { until: Some(day("2026-03-08")), ..Held::from("examiner") };
        let again = Held { from: Some(day("2026-03-08")), ..Held::from("examiner") };
        let holder = Person { roles: vec![held, again, "clerk".into()], ..person() };
        assert!(holder.holds("clerk", day("2026-03-09")) && holder.holds("examiner", day("2026-03-09")));
        assert_eq!(holder.clone().on(day("2026-03-08")).role_names(), ["examiner", "clerk"], "each once");
        let early = Person { roles: vec![holder.roles[1].clone()], ..person() };
        assert!(!early.holds("examiner", day("2026-03-07")));
        assert!(early.on(day("2026-03-07")).fact(Device::Fixed).roles.is_empty());
    }

    #[test]
    fn a_role_that_would_never_count_is_no_entry() {
        let refused = |held: Held| {
            let people = vec![Person { roles: vec![held], ..person() }];
            let registry = Registry { agencies: vec![agency("a")], people, ..Registry::default() };
            registry.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        let one_day = Held { from: Some(day("2026-03-08")), until: Some(day("2026-03-08")), ..Held::from("examiner") };
        assert_eq!(refused(one_day.clone()), "");
        assert!(refused(Held { until: Some(day("2026-03-07")), ..one_day }).contains("ends before it begins"));
        assert!(refused(" ".into()).contains("has no name"));
    }

    #[test]
    fn a_registry_file_has_bare_roles_and_whole_ones() {
        let text =
            r#"["clerk", { "role": "examiner", "by": "the Commander", "from": "2026-03-01", "until": "2026-12-31" }]"#;
        let roles: Vec<Held> = serde_json::from_str(text).unwrap();
        assert_eq!((roles[0].clone(), roles[1].until), ("clerk".into(), Some(day("2026-12-31"))));
    }

    #[test]
    fn particulars_change_what_they_name_and_nothing_else() {
        let mut changed = person();
        Particulars::default().apply(&mut changed);
        assert_eq!(changed, person());
        let particulars = Particulars {
            unit: Some("v".into()),
            multi_factor: Some(true),
            trainings: vec![training("x", "2025-01-01", Some("2026-03-10")), training("x", "2026-03-01", None)],
            ..Particulars::default()
        };
        for _ in 0..2 {
            particulars.apply(&mut changed);
            let expected =
                Person { unit: "v".into(), multi_factor: true, trainings: particulars.trainings.clone(), ..person() };
            assert_eq!(changed, expected, "the old training ends, the new one is added, once");
        }
    }

    #[test]
    fn a_background_check_that_is_void_counts_no_longer_and_a_later_one_does() {
        let mut particulars = Particulars { background_void: Some(day("2025-02-03")), ..Particulars::default() };
        let mut changed = person();
        particulars.apply(&mut changed);
        assert_eq!(changed.background_checked, None);
        let later = Particulars { background_checked: Some(day("2026-03-09")), ..Particulars::default() };
        particulars.then(later);
        let mut changed = person();
        particulars.apply(&mut changed);
        assert_eq!(changed.background_checked, Some(day("2026-03-09")));
    }

    #[test]
    fn an_agreement_is_told_by_its_kind_and_when_it_was_signed() {
        let agreement = Agreement {
            kind: "memorandum".into(),
            signed: Instant(5),
            starts: day("2026-01-01"),
            ends: None,
            scope: vec![],
        };
        let longer = Agreement { ends: Some(day("2030-01-01")), ..agreement.clone() };
        assert_eq!(agreement_id(&agreement), agreement_id(&longer));
        assert_ne!(agreement_id(&agreement), agreement_id(&Agreement { signed: Instant(6), ..agreement.clone() }));
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
        for taken in ["status", "origin"] {
            assert!(refused(vec![filter(taken, FilterKind::Choice)]).contains("choose another"));
        }
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
