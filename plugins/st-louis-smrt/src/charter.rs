//! Who this policy is.

use crate::{clauses, forms, texts};
use magistrate_sdk::Settings;
use magistrate_sdk::rulings::{Charter, Promise, Report};
use magistrate_sdk::terms::{Date, Phase};

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
        effective: Date { year: 2016, month: 4, day: 19 },
        // "Expiration: Indefinite", and the order names no date of review.
        expires: None,
        review_due: None,
        time_zone: "America/Chicago".to_owned(),
        clauses: clauses::catalogue(),
        statements: texts::statements(),
        interpretations: texts::interpretations(settings),
        settings: Vec::new(),
        forms: forms::forms(),
        reports: reports(),
        promised: promised(),
    }
}

/// What no permit omits, in whatever capacity: the Compare Report and its NOTE belong to searches of the SMRT database
/// only, and the limit to basic booking data to lists from it.
fn promised() -> Vec<Promise> {
    vec![Promise { phase: Phase::Search, clause: "A.2-b".to_owned() }]
}

fn reports() -> Vec<Report> {
    let tags = ["agency", "crime", "purpose"];
    let report = |id: &str, title: &str, to: &str, public| Report {
        id: id.to_owned(),
        title: title.to_owned(),
        every: "demand".to_owned(),
        to: vec![to.to_owned()],
        counted_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        public,
    };
    vec![
        report("smrt-system-report", "SMRT system report (F.3)", "public", true),
        report("smrt-audit", "Periodic and random audit of queries (E.2)", "rtcc-commander", false),
    ]
}

#[cfg(test)]
mod tests {
    use crate::StLouisSmrt;
    use magistrate_sdk::rulings::Charter;
    use magistrate_sdk::terms::{Field, Value};
    use magistrate_sdk::{Policy, describe};

    fn given(name: &str, value: Value) -> Field {
        Field { name: name.to_owned(), value, attested_by: None, attested_at: None }
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
