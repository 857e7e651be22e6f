//! What can be asked for, and who is admitted by it.

use super::*;

fn filterable(name: &str, kind: FilterKind, field: Option<&str>, choices: &[&str]) -> Filterable {
    let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
    Filterable { name: name.to_owned(), kind, field: field.map(str::to_owned), choices }
}

fn gallery() -> Gallery {
    Gallery {
        id: "g".into(),
        class: "mugshot".into(),
        model: "m".into(),
        dim: 2,
        last_scrubbed: None,
        filters: vec![
            filterable("sex", FilterKind::Choice, None, &["F", "M", "X"]),
            filterable("age", FilterKind::Age, Some("date-of-birth"), &[]),
            filterable("booked", FilterKind::Date, Some("booking-date"), &[]),
            filterable("height", FilterKind::Number, None, &[]),
        ],
    }
}

fn booking(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn asked(text: &str) -> Conditions {
    serde_json::from_str(text).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// The ids that a search on this day finds among the records with these booking data.
fn found(records: &[(&str, BTreeMap<String, String>)], conditions: &str, today: &str) -> Vec<String> {
    let gallery = gallery();
    let mut rows = search::Gallery::new(2).unwrap();
    for (name, kind) in columns(&gallery) {
        rows.declare(name, kind).unwrap();
    }
    for (id, booking) in records {
        let (mut known, _) = values(&gallery, booking);
        known.push(status("active"));
        known.extend(origin(match *id {
            "a" | "b" => "north",
            "c" => "south",
            _ => "",
        }));
        rows.insert_with(id, &[1.0, 0.0], &known).unwrap();
    }
    let filter = resolve(&gallery, &asked(conditions), date(today)).unwrap();
    let answer = match &filter {
        Some(filter) => rows.search_filtered(&[1.0, 0.0], usize::MAX, filter).unwrap(),
        None => rows.search(&[1.0, 0.0], usize::MAX).unwrap(),
    };
    answer.hits.into_iter().map(|hit| hit.id.into()).collect()
}

#[test]
fn records_are_admitted_by_what_their_booking_data_say() {
    let records = [
        ("a", booking(&[("sex", "F"), ("date-of-birth", "1990-06-15"), ("booking-date", "2024-01-01")])),
        ("b", booking(&[("sex", "M"), ("date-of-birth", "2000-06-15"), ("height", "180")])),
        ("c", booking(&[("name", "nothing that is filtered by")])),
        ("d", booking(&[("sex", "F"), ("height", "160"), ("booking-date", "2025-12-31")])),
        ("e", booking(&[("sex", "female"), ("height", "tall"), ("booking-date", "new year")])),
    ];
    let found = |conditions: &str| found(&records, conditions, "2026-03-10").join("");
    for (conditions, expected) in [
        ("{}", "abcde"),
        (r#"{"sex":{"one_of":["F"]}}"#, "ad"),
        (r#"{"sex":{"one_of":["F","M"]}}"#, "abd"),
        (r#"{"sex":{"one_of":["X"]}}"#, ""),
        (r#"{"age":{"from":20,"to":30}}"#, "b"),
        (r#"{"age":{"from":20}}"#, "ab"),
        (r#"{"age":{"to":30}}"#, "b"),
        (r#"{"age":{"from":20,"to":60},"sex":{"one_of":["F"]}}"#, "a"),
        (r#"{"age":{"from":4000000000}}"#, ""),
        (r#"{"age":{"to":4294967295}}"#, "ab"),
        (r#"{"booked":{"from":"2024-01-01","to":"2024-01-01"}}"#, "a"),
        (r#"{"booked":{"from":"2024-01-02"}}"#, "d"),
        (r#"{"booked":{"to":"2025-12-31"}}"#, "ad"),
        (r#"{"height":{"from":160,"to":179}}"#, "d"),
        (r#"{"status":{"one_of":["active"]}}"#, "abcde"),
        (r#"{"status":{"one_of":["sealed","active"]},"height":{"from":0}}"#, "bd"),
        (r#"{"status":{"one_of":["sealed"]}}"#, ""),
        (r#"{"status":{"none_of":["sealed"]}}"#, "abcde"),
        (r#"{"status":{"none_of":["sealed","active"]}}"#, ""),
        // Of whom nothing is known, nothing is known that would leave them out.
        (r#"{"sex":{"none_of":["F"]}}"#, "bce"),
        (r#"{"sex":{"none_of":["F"]},"height":{"from":0}}"#, "b"),
        (r#"{"sex":{"one_of":["F","M"],"none_of":["M"]}}"#, "ad"),
        (r#"{"origin":{"one_of":["north"]}}"#, "ab"),
        (r#"{"origin":{"none_of":["north"]}}"#, "cde"),
        (r#"{"origin":{"one_of":["north","south"],"none_of":["south"]}}"#, "ab"),
        (r#"{"origin":{"one_of":["nowhere"]}}"#, ""),
        (r#"{"origin":{"none_of":["nowhere"]},"sex":{"one_of":["F"]}}"#, "ad"),
    ] {
        assert_eq!(found(conditions), expected, "{conditions}");
    }
}

#[test]
fn an_age_is_that_of_the_day_of_the_search() {
    // Counted year by year, on the last of February where a day has no namesake.
    let age = |born: Date, today: Date| {
        (0..200).rev().find(|&years| before(today, years).is_some_and(|birthday| born <= birthday))
    };
    let births = ["2000-02-28", "2000-02-29", "2000-03-01", "2004-02-29", "1999-12-31", "2000-01-01", "2026-03-10"];
    let records: Vec<_> = births.iter().map(|born| (*born, booking(&[("date-of-birth", *born)]))).collect();
    for today in ["2001-02-28", "2001-03-01", "2004-02-28", "2004-02-29", "2004-03-01", "2026-03-10", "2025-12-31"] {
        for (from, to) in [(0, 0), (0, 200), (1, 3), (4, 4), (22, 25), (26, 26)] {
            let conditions = format!(r#"{{"age":{{"from":{from},"to":{to}}}}}"#);
            let mut expected: Vec<&str> = births
                .into_iter()
                .filter(|born| age(date(born), date(today)).is_some_and(|age| (from..=to).contains(&age)))
                .collect();
            expected.sort_unstable();
            assert_eq!(found(&records, &conditions, today), expected, "{conditions} on {today}");
        }
    }
    let one = |born: &str, today: &str| age(date(born), date(today));
    assert_eq!(one("2000-02-29", "2001-02-28"), Some(0), "not before 1 March");
    assert_eq!(one("2000-02-29", "2001-03-01"), Some(1));
    assert_eq!(one("2000-02-29", "2004-02-28"), Some(3));
    assert_eq!(one("2000-02-29", "2004-02-29"), Some(4));
    assert_eq!(one("2026-03-11", "2026-03-10"), None, "not born yet");
}

#[test]
fn what_cannot_be_asked_for_is_said() {
    let gallery = gallery();
    for (conditions, says) in [
        (r#"{"race":{"one_of":["x"]}}"#, "filter by status, origin, sex, age, booked, height"),
        (r#"{"date-of-birth":{"from":"2000-01-01"}}"#, "is not filtered by it"),
        (r#"{"sex":{}}"#, "give one_of"),
        (r#"{"sex":{"from":1}}"#, "give one_of"),
        (r#"{"sex":{"one_of":["F"],"to":1}}"#, "give one_of"),
        (r#"{"sex":{"one_of":[]}}"#, "name 1 to 256"),
        (r#"{"sex":{"one_of":["Female"]}}"#, "`Female` is none of F, M, X"),
        (r#"{"status":{"from":1}}"#, "give one_of"),
        (r#"{"sex":{"none_of":[]}}"#, "none_of has 0 values"),
        (r#"{"sex":{"one_of":["F"],"none_of":["Male"]}}"#, "`Male` is none of F, M, X"),
        (r#"{"sex":{"none_of":["F"],"from":1}}"#, "give one_of or none_of"),
        (r#"{"origin":{}}"#, "give one_of or none_of"),
        (r#"{"origin":{"to":1}}"#, "give one_of or none_of"),
        (r#"{"age":{"none_of":["30"]}}"#, "neither one_of nor none_of"),
        (r#"{"age":{"none_of":["30"],"from":20}}"#, "neither one_of nor none_of"),
        (r#"{"age":{}}"#, "give from or to"),
        (r#"{"age":{"one_of":["30"]}}"#, "give from or to"),
        (r#"{"age":{"from":"2000-01-01"}}"#, "one of whole numbers"),
        (r#"{"age":{"from":36,"to":35}}"#, "from is greater than to"),
        (r#"{"height":{"from":2,"to":1}}"#, "from is greater than to"),
        (r#"{"booked":{"from":20}}"#, "one of days"),
        (r#"{"booked":{"from":"yesterday"}}"#, "`yesterday` is no day"),
        (r#"{"booked":{"from":"2026-02-29"}}"#, "is no day"),
        (r#"{"booked":{"from":"20260131"}}"#, "is no day"),
        (r#"{"booked":{"from":"2026-01-02","to":"2026-01-01"}}"#, "from is greater than to"),
    ] {
        let refused = resolve(&gallery, &asked(conditions), date("2026-03-10"));
        let Err(CaseError::Invalid(said)) = refused else { panic!("{conditions} is accepted") };
        assert!(said.starts_with("filter.") && said.contains(says), "{conditions}: {said}");
    }
    let many: Vec<String> = (0..=MOST_VALUES).map(|n| n.to_string()).collect();
    let wanted = Condition { one_of: Some(many.clone()), ..Condition::default() };
    let unwanted = Condition { none_of: Some(many), ..Condition::default() };
    for (name, condition) in [("status", wanted), ("origin", unwanted)] {
        assert!(resolve(&gallery, &[(name.to_owned(), condition)].into(), date("2026-03-10")).is_err());
    }
}

#[test]
fn policies_are_told_the_booking_fields_behind_the_names() {
    let told = |text| told(&gallery(), &asked(text));
    assert!(told("{}").is_empty());
    assert_eq!(told(r#"{"sex":{"one_of":["F"]},"age":{"from":20}}"#), ["age", "date-of-birth", "sex"]);
    assert_eq!(told(r#"{"status":{"one_of":["active"]}}"#), ["status"]);
    assert_eq!(told(r#"{"origin":{"none_of":["north"]}}"#), ["origin"]);
}

#[test]
fn what_is_enrolled_can_be_filtered_by_or_is_left_away() {
    let gallery = gallery();
    let check = |fields: &[(&str, &str)]| check_booking(&gallery, "r1", &booking(fields));
    assert!(check(&[]).is_ok());
    assert!(check(&[("sex", "X"), ("date-of-birth", "1990-01-31"), ("height", "0"), ("hair", "none")]).is_ok());
    for (field, value, says) in [
        ("sex", "f", "one of F, M, X"),
        ("sex", "", "one of F, M, X"),
        ("date-of-birth", "31.1.1990", "a day as 2026-01-31"),
        ("date-of-birth", "-000100-01-01", "a day as 2026-01-31"),
        ("booking-date", "2026-01-31T10:00", "a day as 2026-01-31"),
        ("height", "-1", "a whole number"),
        ("height", "180 cm", "a whole number"),
    ] {
        let Err(CaseError::Invalid(said)) = check(&[(field, value)]) else { panic!("{field}={value} is accepted") };
        assert!(said.contains(says) && said.contains("`r1`") && said.contains(field), "{said}");
    }
}

#[test]
fn another_declaration_means_something_else() {
    let one = gallery();
    let mut seen = BTreeSet::from([meaning(&one)]);
    let changed = |change: &dyn Fn(&mut Gallery)| {
        let mut other = gallery();
        change(&mut other);
        meaning(&other)
    };
    for other in [
        changed(&|g| g.filters.clear()),
        changed(&|g| g.filters[3].kind = FilterKind::Date),
        changed(&|g| g.filters[1].field = None),
        changed(&|g| g.filters[0].choices.push("U".into())),
        changed(&|g| g.filters[2].name = "booking-date".into()),
    ] {
        assert!(seen.insert(other));
    }
}
