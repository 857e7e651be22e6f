//! What a registry file changes of who may do what, against what holds so far: to be on record before the file is applied.
//!
//! What steps decided outranks the file ([`crate::standing`]), so it is compared with both laid over it: what it says in vain is
//! no change. Whoever may write the file grants access with it, and no policy is asked; so the start's entry says by name what
//! it grants and takes.

use model::registry::{Agency, Person, Registry};
use model::role::Held;
use model::terms::Instant;
use std::collections::BTreeMap;

/// What is in the registry once a file is applied: its entries in the place of those of the same id, and all others.
pub(super) fn merged(kept: &Registry, file: &Registry) -> Registry {
    Registry {
        agencies: put_all(&kept.agencies, &file.agencies, |agency| &agency.id),
        people: put_all(&kept.people, &file.people, |person| &person.id),
        galleries: put_all(&kept.galleries, &file.galleries, |gallery| &gallery.id),
    }
}

/// In the order of the ids, as the store lists them.
fn put_all<T: Clone>(kept: &[T], file: &[T], id: impl Fn(&T) -> &String) -> Vec<T> {
    let all: BTreeMap<&String, &T> = kept.iter().chain(file).map(|entry| (id(entry), entry)).collect();
    all.into_values().cloned().collect()
}

/// What a file changes, as the start's entry tells it: under each heading who, and which roles. A heading is absent where there
/// is nothing under it.
pub(super) fn changes(before: &Registry, after: &Registry) -> BTreeMap<String, String> {
    let mut told = Told::default();
    for person in &after.people {
        let old = before.people.iter().find(|p| p.id == person.id);
        told.listed(old.is_none(), "person", &person.id);
        let roles = |person: Option<&Person>| person.map(|p| p.roles.clone()).unwrap_or_default();
        let (had, has) = (roles(old), roles(Some(person)));
        told.roles("registry-file-grants", &person.id, has.iter().filter(|held| !had.contains(held)));
        let lost = |held: &&Held| !has.iter().any(|kept| kept.role == held.role);
        told.roles("registry-file-takes", &person.id, had.iter().filter(lost));
        told.stands("person", &person.id, old.and_then(|p| p.suspended_since), person.suspended_since);
    }
    for agency in &after.agencies {
        let old: Option<&Agency> = before.agencies.iter().find(|a| a.id == agency.id);
        told.listed(old.is_none(), "agency", &agency.id);
        told.stands("agency", &agency.id, old.and_then(|a| a.suspended_since), agency.suspended_since);
    }
    told.0.into_iter().map(|(heading, lines)| (heading.to_owned(), lines.join("; "))).collect()
}

#[derive(Default)]
struct Told(BTreeMap<&'static str, Vec<String>>);

impl Told {
    fn note(&mut self, heading: &'static str, line: String) {
        self.0.entry(heading).or_default().push(line);
    }

    fn listed(&mut self, new: bool, what: &str, id: &str) {
        if new {
            self.note("registry-file-lists", format!("{what} {id}"));
        }
    }

    fn roles<'r>(&mut self, heading: &'static str, id: &str, roles: impl Iterator<Item = &'r Held>) {
        let roles: Vec<String> = roles.map(Held::to_string).collect();
        if !roles.is_empty() {
            self.note(heading, format!("{id}: {}", roles.join(", ")));
        }
    }

    fn stands(&mut self, what: &str, id: &str, was: Option<Instant>, is: Option<Instant>) {
        match (was, is) {
            (None, Some(since)) => self.note("registry-file-suspends", format!("{what} {id} since {since}")),
            (Some(_), None) => self.note("registry-file-lets-in", format!("{what} {id}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::AgencyKind;

    fn person(id: &str, roles: &[Held]) -> Person {
        Person {
            id: id.to_owned(),
            name: id.to_owned(),
            agency: "a".to_owned(),
            unit: "u".to_owned(),
            rank: "r".to_owned(),
            roles: roles.to_vec(),
            trainings: vec![],
            background_checked: None,
            need_reviewed: None,
            multi_factor: true,
            suspended_since: None,
        }
    }

    fn agency(suspended_since: Option<Instant>) -> Agency {
        Agency {
            id: "a".to_owned(),
            name: "A".to_owned(),
            kind: AgencyKind::LawEnforcement,
            participant: true,
            agreements: vec![],
            suspended_since,
        }
    }

    fn registry(people: Vec<Person>) -> Registry {
        Registry { agencies: vec![agency(None)], people, galleries: vec![] }
    }

    fn told(before: &Registry, after: &Registry) -> Vec<(String, String)> {
        changes(before, after).into_iter().collect()
    }

    fn line(heading: &str, line: &str) -> (String, String) {
        (heading.to_owned(), line.to_owned())
    }

    #[test]
    fn a_file_that_says_what_holds_changes_nothing() {
        let kept = registry(vec![person("p", &["clerk".into()]), person("gone", &["clerk".into()])]);
        let file = registry(vec![person("p", &["clerk".into()])]);
        let after = merged(&kept, &file);
        assert_eq!(after.people.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["gone", "p"], "nobody is dropped");
        assert!(told(&kept, &after).is_empty());
    }

    #[test]
    fn whom_it_grants_what_and_takes_it_from_is_told_by_name() {
        let until = Held { until: Some("2026-12-31".parse().unwrap()), ..Held::from("examiner") };
        let kept = registry(vec![person("p", &["clerk".into(), "chief".into()])]);
        let file = registry(vec![person("new", &[]), person("p", &["clerk".into(), until.clone()])]);
        let after = merged(&kept, &file);
        let expected = [
            line("registry-file-grants", "p: examiner until 2026-12-31"),
            line("registry-file-lists", "person new"),
            line("registry-file-takes", "p: chief"),
        ];
        assert_eq!(told(&kept, &after), expected);
        let longer = registry(vec![person("p", &["clerk".into(), "examiner".into()])]);
        assert_eq!(told(&after, &merged(&after, &longer)), [line("registry-file-grants", "p: examiner")], "for longer");
    }

    #[test]
    fn whom_it_suspends_and_lets_in_is_told() {
        let kept = registry(vec![]);
        let suspended = Registry { agencies: vec![agency(Some(Instant(0)))], ..Registry::default() };
        let after = merged(&kept, &suspended);
        let expected = line("registry-file-suspends", "agency a since 1970-01-01T00:00:00.000Z");
        assert_eq!(told(&kept, &after), [expected]);
        assert_eq!(told(&after, &merged(&after, &kept)), [line("registry-file-lets-in", "agency a")]);
    }

    #[test]
    fn the_first_file_grants_all_that_it_says() {
        let file = registry(vec![person("p", &["clerk".into()])]);
        let after = merged(&Registry::default(), &file);
        let expected = [line("registry-file-grants", "p: clerk"), line("registry-file-lists", "person p; agency a")];
        assert_eq!(told(&Registry::default(), &after), expected);
    }
}
