//! Who this policy is, and what it asks for.

use crate::{catalogue, forms, purpose, register, reports, requesting, settings};
use magistrate_sdk::Settings;
use magistrate_sdk::calendar::date;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Charge, Charter, ClauseIndex, Document, Place, Promise, Statement};
use magistrate_sdk::terms::{Date, Phase};

/// SHA-256 of the directive's text as it was read.
const TEXT_DIGEST: &str = "424cb3c2c5171d98acf92d9cd95c91ecc6d0eef4af867c104ac2f095bf48f0b4";

/// "Effective Date 12 /16/2022".
const EFFECTIVE: Date = date(EFFECTIVE_YEAR, 12, 16);

/// Its year.
const EFFECTIVE_YEAR: u16 = 2022;

/// 5.4(4) and 5.5(b), word for word, its repetition included.
pub const INVESTIGATIVE_LEAD: &str = "The result of a facial recognition search is provided by the Detroit Police Department only as an investigative lead and IS NOT TO BE CONSIDERED A POSITIVE IDENTIFICATION OF ANY SUBJECT. Any possible connection or involvement of any subject to the investigation must be determined through further investigation and investigation and investigative resources.";

/// 307.5 - 1, its last sentence.
const CONTINUE_INVESTIGATION: &str = "If a match is found through DPD’s Facial Recognition Process, it shall be considered an investigative lead, and the requesting investigator shall continue to conduct a thorough and comprehensive investigation.";

/// SHA-256 of [`INVESTIGATIVE_LEAD`] in UTF-8, as the host digests a text about to leave. A component computes no digests, so
/// the number stands here and a test computes it.
pub const INVESTIGATIVE_LEAD_DIGEST: &str = "4091e53c88b7375647cbb77c59f10c41f586a774f6f28ae6c353845bc385d409";

/// What no permit omits.
const PROMISED: &[(Phase, &[&str])] = &[
    (Phase::Enroll, &["7(9)-b"]),
    (Phase::Request, &["5.4(2)-b", "7(9)-b"]),
    (
        Phase::Search,
        &[
            "2.4",
            "5.4(2)-b",
            "5.4(3)-b",
            "5.4(3)-c",
            "5.4(4)-a",
            "5.4(4)-c",
            "6.1(3)a-1",
            "6.1(3)a-2",
            "6.1(3)b",
            "7(9)-b",
        ],
    ),
    (Phase::Candidates, &["1-b", "2.5", "7(9)-b"]),
    (Phase::Disposition, &["7(9)-b"]),
    (Phase::SignOff, &["7(9)-b"]),
    (Phase::Release, &["5.4(4)-c", "7(9)-b"]),
    (Phase::Disseminate, &["7(9)-b"]),
    (Phase::Outcome, &["7(9)-b"]),
    (Phase::Retention, &["7(9)-b"]),
    (Phase::Access, &["7(9)-b"]),
    (Phase::Activation, &["hdr", "7(9)-b"]),
    (Phase::Violation, &["4(1)", "7(9)-b"]),
    (Phase::Report, &["7(9)-b"]),
];

/// By what a step has its place. 2.4: what is found after the result has left nobody corroborates. 5.4(2): a list is what the unit's
/// search finds. 5.4(3): those involved sign what they saw on it. 5.4(4): the report is complete, and goes to the requester, "upon
/// final approval". 6.3: what is evaluated is a result.
const PLACES: &[(Phase, ClauseIndex)] = &[
    (Phase::Search, clause!("2.4")),
    (Phase::Candidates, clause!("5.4(2)-a")),
    (Phase::Disposition, clause!("5.4(3)-c")),
    (Phase::SignOff, clause!("5.4(3)-c")),
    (Phase::Release, clause!("5.4(4)-a")),
    (Phase::Disseminate, clause!("5.4(4)-a")),
    (Phase::Outcome, clause!("6.3-b")),
];

/// The charter under these settings.
pub fn charter(settings: &Settings) -> Charter {
    Charter {
        id: "detroit-307-5".to_owned(),
        title: "Facial Recognition".to_owned(),
        authority: "Detroit Police Department Manual, Directive 307.5, effective 16 December 2022".to_owned(),
        authority_text: TEXT_DIGEST.to_owned(),
        effective: EFFECTIVE,
        expires: None,
        review_due: Some(review_due(settings)),
        review: Some(Charge {
            clause: clause!("hdr"),
            owner: settings.text(&settings::LASO_ROLE).to_owned(),
            // By the end of the day.
            within_hours: 0,
            late_to: vec![settings.text(&settings::LASO_ROLE).to_owned()],
        }),
        time_zone: "America/Detroit".to_owned(),
        clauses: magistrate_sdk::catalogue::listed(catalogue::CLAUSES),
        statements: vec![
            statement(requesting::INVESTIGATIVE_LEAD, INVESTIGATIVE_LEAD),
            statement(purpose::CONTINUE_INVESTIGATION, CONTINUE_INVESTIGATION),
        ],
        documents: documents(),
        interpretations: register::interpretations(settings),
        // The sdk lists them.
        settings: Vec::new(),
        forms: forms::forms(settings),
        reports: reports::listed(settings),
        promised: PROMISED
            .iter()
            .flat_map(|(phase, clauses)| {
                clauses.iter().map(move |clause| Promise { phase: *phase, clause: (*clause).to_owned() })
            })
            .collect(),
        places: PLACES.iter().map(|(phase, clause)| Place { phase: *phase, clause: *clause }).collect(),
    }
}

/// "Review Date Annually": a year after the last review, on the day the directive took effect.
pub fn review_due(settings: &Settings) -> Date {
    let reviewed = u16::try_from(settings.number(&settings::REVIEWED_YEAR)).unwrap_or(EFFECTIVE_YEAR);
    date(reviewed.saturating_add(1), 12, 16)
}

/// The report that goes to the requester (5.4(4)), and those of part 6.
fn documents() -> Vec<Document> {
    let document = |id: &str, title: &str, preamble: &str| Document {
        id: id.to_owned(),
        title: title.to_owned(),
        preamble: (!preamble.is_empty()).then(|| preamble.to_owned()),
    };
    let supplemental =
        "Supplement to the incident report, on a facial recognition search by the Crime Intelligence Unit (5.4(4)).";
    let weekly = "To the Board of Police Commissioners, under 6.2 of the directive.";
    let annual =
        "To the Board of Police Commissioners, under 6.3 of the directive; an electronic copy is for the public.";
    vec![
        document(requesting::SUPPLEMENTAL_REPORT, "Supplemental Incident Report", supplemental),
        document(reports::WEEKLY_REPORT, "Weekly Report on Facial Recognition", weekly),
        document(reports::ANNUAL_REPORT, "Annual Report on Facial Recognition", annual),
        document(reports::COMPLIANCE_EVALUATION, "Random Evaluation of User Compliance", ""),
        document(reports::PURGE_AUDIT, "Random Audit of Purged Facial Recognition Information", ""),
    ]
}

fn statement(id: &str, text: &str) -> Statement {
    Statement { id: id.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_digest_is_that_of_the_statement() {
        assert_eq!(format!("{:x}", Sha256::digest(INVESTIGATIVE_LEAD)), INVESTIGATIVE_LEAD_DIGEST);
    }

    #[test]
    fn the_statement_repeats_itself_as_the_directive_does() {
        assert!(INVESTIGATIVE_LEAD.contains("further investigation and investigation and investigative resources"));
    }

    #[test]
    fn a_week_begins_as_the_setting_says_and_its_report_is_owed() {
        use magistrate_sdk::terms::{Field, Value};
        for (setting, day) in [("monday", 1), ("sunday", 7)] {
            let given = [Field { name: "week-starts".to_owned(), value: Value::Text(setting.to_owned()) }];
            let Ok(charter) = magistrate_sdk::describe::<crate::Detroit3075>(&given) else { panic!("{setting}") };
            let owed = |report: &str| charter.reports.iter().find(|r| r.id == report).and_then(|r| r.due.clone());
            assert_eq!(charter.reports.iter().find(|r| r.id == "weekly").map(|r| r.week_starts), Some(day));
            assert!(
                owed("weekly").is_some_and(|charge| charge.clause == clause!("6.2-a") && charge.within_hours == 168)
            );
            assert!(owed("annual").is_some_and(|charge| charge.clause == clause!("6.3-a")));
            assert!(owed("purge-audit").is_none(), "on demand");
            assert!(charter.review.is_some_and(|charge| charge.clause == clause!("hdr") && charge.owner == "laso"));
        }
    }

    #[test]
    fn what_is_promised_binds_in_its_phase() {
        for (phase, clauses) in PROMISED {
            for promised in *clauses {
                let listed = catalogue::CLAUSES.iter().find(|(id, ..)| id == promised);
                assert!(listed.is_some_and(|(_, _, phases)| phases.contains(phase)), "{promised}");
            }
        }
    }

    #[test]
    fn what_has_a_step_in_its_place_binds_in_its_phase() {
        for (phase, clause) in PLACES {
            let (id, _, phases) = &catalogue::CLAUSES[usize::from(*clause)];
            assert!(phases.contains(phase), "{id}");
        }
    }
}
