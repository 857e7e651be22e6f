//! Who this policy is.

use crate::c_inquiries::COMPARE_REPORT;
use crate::e_audit::{PERIODIC_AUDIT, RANDOM_AUDIT};
use crate::f_responsibilities::SYSTEM_REPORT;
use crate::settings::{AUDIT_EVERY, AUDIT_HOURS, AUDITOR_ROLE, COMMANDER_ROLE, count};
use crate::{clauses, forms, texts};
use magistrate_sdk::Settings;
use magistrate_sdk::calendar::date;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Charge, Charter, Document, Place, Promise, Report};
use magistrate_sdk::terms::Phase;

/// SHA-256 of the order's text as the jurisdiction published it, redactions included.
const AUTHORITY_TEXT: &str = "4c563928d621aab30f4ea63232c3001356f9219532bf81e4c9196221a31d996d";

/// The charter under these settings. The settings' own list is the sdk's to fill in.
pub fn charter(settings: &Settings) -> Charter {
    Charter {
        id: "st-louis-smrt-so-5-27-v".to_owned(),
        title: "St. Louis Mugshot Recognition Technology (SMRT)".to_owned(),
        authority:
            "Metropolitan Police Department – City of St. Louis, Special Order, Section V of SO 5-27, April 19, 2016"
                .to_owned(),
        authority_text: AUTHORITY_TEXT.to_owned(),
        effective: date(2016, 4, 19),
        // "Expiration: Indefinite", and the order names no date of review.
        expires: None,
        review_due: None,
        review: None,
        time_zone: "America/Chicago".to_owned(),
        clauses: magistrate_sdk::catalogue::listed(clauses::CATALOGUE),
        statements: texts::statements(),
        documents: documents(),
        interpretations: texts::interpretations(settings),
        settings: Vec::new(),
        forms: forms::forms(),
        reports: reports(settings),
        promised: promised(),
        places: places(),
    }
}

/// What no permit omits, in whatever capacity: the Compare Report and its NOTE belong to searches of the SMRT database
/// only, and the limit to basic booking data to lists from it.
fn promised() -> Vec<Promise> {
    let promise = |phase, clause: &str| Promise { phase, clause: clause.to_owned() };
    vec![
        promise(Phase::Search, "A.2-b"),
        promise(Phase::Release, "A.2-b"),
        promise(Phase::Disseminate, "A.2-b"),
        promise(Phase::Activation, "F.3-b"),
        promise(Phase::Violation, "E.1-c"),
    ]
}

/// By what a step has its place. A.3: what is viewed is what a query returned. C.4: the Compare Report is generated of a search,
/// says what was compared, and is handed over as it was released. C.5: what a report led to follows it.
fn places() -> Vec<Place> {
    let place = |phase, clause| Place { phase, clause };
    vec![
        place(Phase::Search, clause!("C.4")),
        place(Phase::Candidates, clause!("A.3-a")),
        place(Phase::Disposition, clause!("C.4")),
        place(Phase::SignOff, clause!("C.4")),
        place(Phase::Release, clause!("C.4")),
        place(Phase::Disseminate, clause!("C.4")),
        place(Phase::Outcome, clause!("C.5")),
    ]
}

/// C.4 "The RTCC will generate a Facial Recognition Image Compare Report."
fn documents() -> Vec<Document> {
    vec![Document {
        id: COMPARE_REPORT.to_owned(),
        title: "Facial Recognition Image Compare Report".to_owned(),
        preamble: Some("Drawn up by the Real-Time Crime Center under SO 5-27, Section V, C.4.".to_owned()),
    }]
}

/// F.3 and E.2. The order names the reports and their readers, and no dates: how often the audit is due is a setting.
fn reports(settings: &Settings) -> Vec<Report> {
    let report = |id: &str, title: &str, every: &str, to: &str, tags: &[&str], public| Report {
        id: id.to_owned(),
        title: title.to_owned(),
        every: every.to_owned(),
        week_starts: 1,
        due: None,
        to: vec![to.to_owned()],
        counted_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        public,
    };
    let counted = ["agency", "crime", "purpose", "outcome"];
    let audited = ["agency", "crime", "purpose", "outcome", "retention", "violation"];
    let (commander, every) = (settings.text(&COMMANDER_ROLE), settings.text(&AUDIT_EVERY));
    vec![
        report(SYSTEM_REPORT, "SMRT system report (F.3)", "demand", "public", &counted, true),
        Report {
            due: Some(Charge {
                clause: clause!("E.2"),
                owner: settings.text(&AUDITOR_ROLE).to_owned(),
                within_hours: count(settings, &AUDIT_HOURS),
                late_to: vec![commander.to_owned()],
            }),
            ..report(PERIODIC_AUDIT, "Periodic audit of queries (E.2)", every, commander, &audited, false)
        },
        report(RANDOM_AUDIT, "Random audit of queries (E.2)", "demand", commander, &audited, false),
    ]
}

#[cfg(test)]
mod tests {
    use crate::StLouisSmrt;
    use magistrate_sdk::rulings::Charter;
    use magistrate_sdk::terms::{Field, Value};
    use magistrate_sdk::{Policy, describe};

    fn given(name: &str, value: Value) -> Field {
        Field { name: name.to_owned(), value }
    }

    fn charter(settings: &[Field]) -> Charter {
        match describe::<StLouisSmrt>(settings) {
            Ok(charter) => charter,
            Err(problems) => panic!("{}: {}", problems[0].setting, problems[0].message),
        }
    }

    #[test]
    fn every_setting_an_interpretation_names_exists() {
        let charter = charter(&[]);
        assert_eq!(charter.settings.len(), StLouisSmrt::SETTINGS.len());
        for interpretation in &charter.interpretations {
            if let Some(name) = &interpretation.setting {
                assert!(charter.settings.iter().any(|s| s.name == *name), "{}: {name}", interpretation.id);
            }
        }
    }

    #[test]
    fn what_has_a_step_in_its_place_binds_in_its_phase() {
        let charter = charter(&[]);
        assert_eq!(charter.places.len(), 7);
        for place in &charter.places {
            let clause = &charter.clauses[usize::from(place.clause)];
            assert!(clause.phases.contains(&place.phase), "{}", clause.id);
        }
    }

    #[test]
    fn the_register_states_the_reading_in_force() {
        let reading =
            |charter: &Charter| charter.interpretations.iter().find(|i| i.id == "IR-16").map(|i| i.answer.clone());
        let strict = given("order-reading", Value::Text("order-wins".to_owned()));
        assert_ne!(reading(&charter(&[])), reading(&charter(&[strict])));
    }

    #[test]
    fn the_basic_booking_data_is_routine() {
        let settings = charter(&[]).settings;
        let list = |name: &str| match settings.iter().find(|s| s.name == name).and_then(|s| s.default.clone()) {
            Some(Value::Texts(list)) => list,
            _ => panic!("{name} is no list"),
        };
        let routine = list("booking-data");
        assert!(list("basic-booking-data").iter().all(|name| routine.contains(name)));
    }

    #[test]
    fn a_unit_nobody_names_is_refused() {
        let found = describe::<StLouisSmrt>(&[given("intake-unit", Value::Text(" ".to_owned()))]);
        let named: Vec<_> = found.err().into_iter().flatten().map(|p| p.setting).collect();
        assert_eq!(named, ["intake-unit"]);
    }

    #[test]
    fn a_purpose_that_is_no_crime_cannot_be_made_one() {
        let purposes = Value::Texts(vec!["crime".to_owned(), "other".to_owned()]);
        assert!(describe::<StLouisSmrt>(&[given("crime-purposes", purposes)]).is_err());
    }
}
