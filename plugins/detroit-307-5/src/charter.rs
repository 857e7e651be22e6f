//! Who this policy is, and what it asks for.

use crate::{catalogue, forms, purpose, register, requesting, settings};
use magistrate_sdk::Settings;
use magistrate_sdk::rulings::{Charter, Promise, Report, Statement};
use magistrate_sdk::terms::{Date, Phase};

/// SHA-256 of the directive's text as it was read.
const TEXT_DIGEST: &str = "424cb3c2c5171d98acf92d9cd95c91ecc6d0eef4af867c104ac2f095bf48f0b4";

/// "Effective Date 12 /16/2022".
const EFFECTIVE: Date = Date { year: 2022, month: 12, day: 16 };

/// 5.4(4) and 5.5(b), word for word, its repetition included.
const INVESTIGATIVE_LEAD: &str = "The result of a facial recognition search is provided by the Detroit Police Department only as an investigative lead and IS NOT TO BE CONSIDERED A POSITIVE IDENTIFICATION OF ANY SUBJECT. Any possible connection or involvement of any subject to the investigation must be determined through further investigation and investigation and investigative resources.";

/// 307.5 - 1, its last sentence.
const CONTINUE_INVESTIGATION: &str = "If a match is found through DPD’s Facial Recognition Process, it shall be considered an investigative lead, and the requesting investigator shall continue to conduct a thorough and comprehensive investigation.";

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
];

/// The charter under these settings.
pub fn charter(settings: &Settings) -> Charter {
    let reviewed = u16::try_from(settings.number(&settings::REVIEWED_YEAR)).unwrap_or(EFFECTIVE.year);
    Charter {
        id: "detroit-307-5".to_owned(),
        title: "Facial Recognition".to_owned(),
        authority: "Detroit Police Department Manual, Directive 307.5, effective 16 December 2022".to_owned(),
        authority_text: TEXT_DIGEST.to_owned(),
        effective: EFFECTIVE,
        expires: None,
        review_due: Some(Date { year: reviewed.saturating_add(1), ..EFFECTIVE }),
        time_zone: "America/Detroit".to_owned(),
        clauses: catalogue::clauses(),
        statements: vec![
            statement(requesting::INVESTIGATIVE_LEAD, INVESTIGATIVE_LEAD),
            statement(purpose::CONTINUE_INVESTIGATION, CONTINUE_INVESTIGATION),
        ],
        interpretations: register::interpretations(settings),
        // The sdk lists them.
        settings: Vec::new(),
        forms: forms::forms(settings),
        reports: reports(),
        promised: PROMISED
            .iter()
            .flat_map(|(phase, clauses)| {
                clauses.iter().map(move |clause| Promise { phase: *phase, clause: (*clause).to_owned() })
            })
            .collect(),
    }
}

fn statement(id: &str, text: &str) -> Statement {
    Statement { id: id.to_owned(), text: text.to_owned() }
}

/// The reports of 6.1(2)d, 6.1(3)c, 6.2 and 6.3.
fn reports() -> Vec<Report> {
    let board = "Board of Police Commissioners";
    vec![
        report("weekly", "Weekly report to the Board of Police Commissioners", "week", board, false),
        report("annual", "Annual report to the Board of Police Commissioners", "year", board, true),
        report("compliance-evaluation", "Random evaluation of user compliance", "demand", "LASO", false),
        report("purge-audit", "Random audit of purged facial recognition information", "demand", "CIU", false),
    ]
}

fn report(id: &str, title: &str, every: &str, to: &str, public: bool) -> Report {
    Report {
        id: id.to_owned(),
        title: title.to_owned(),
        every: every.to_owned(),
        to: vec![to.to_owned()],
        counted_tags: ["crime", "purpose", "agency", "prohibited-use"].map(str::to_owned).to_vec(),
        public,
    }
}
