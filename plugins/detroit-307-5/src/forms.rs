//! What a console asks for, phase by phase. What is required only sometimes, a decision says.
//!
//! Fields named `purpose`, `reason`, `identifiers` and `probe.source` are the request's own words, `channel` a
//! dissemination's, `subject` and `kind` a retention event's, not answers: they are listed so that a console can offer this jurisdiction's vocabulary for them.

mod after;

use crate::prohibited::{CATEGORIES, IMMIGRATION, PREDICTIVE, SURVEILLANCE};
use crate::{answers, crimes, enrolment, limits, settings};
use magistrate_sdk::Settings;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{FieldKind, Form, FormField};
use magistrate_sdk::terms::Phase;

/// Purposes that a form offers so that they can be refused for what they are.
const OTHER_PURPOSES: [&str; 6] =
    ["missing-person", "identity-verification", SURVEILLANCE, PREDICTIVE, IMMIGRATION, "other"];

/// The forms of every phase; those of the steps after the candidate list are in `after`.
pub fn forms(settings: &Settings) -> Vec<Form> {
    let mut forms = vec![
        Form { phase: Phase::Enroll, fields: enroll() },
        Form { phase: Phase::Request, fields: request(settings) },
        Form { phase: Phase::Search, fields: search() },
        Form { phase: Phase::Candidates, fields: Vec::new() },
    ];
    forms.extend(after::forms(settings));
    forms
}

fn enroll() -> Vec<FormField> {
    vec![
        always(code(
            answers::IMAGE_KIND,
            "Kind of image",
            "Only criminal mug shots enter SNAP (5.4(2)).",
            enrolment::IMAGE_KINDS.iter().copied(),
        )),
        text(
            answers::CONTRIBUTOR,
            "Originating agency",
            "Who is notified of a breach (7(2)); the Department if empty.",
        ),
    ]
}

fn request(settings: &Settings) -> Vec<FormField> {
    let mut fields = request_words(settings);
    fields.extend(investigation());
    fields.extend(home_invasion());
    fields.extend(prohibitions());
    fields.extend(more_than_one());
    fields.extend(state_database());
    fields.extend(outside());
    fields
}

fn request_words(settings: &Settings) -> Vec<FormField> {
    let purposes = settings.texts(&settings::INVESTIGATION_PURPOSES).iter().chain(OTHER_PURPOSES);
    let kinds = settings.texts(&settings::CASE_NUMBERS).iter().collect::<Vec<_>>().join(", ");
    vec![
        always(code("purpose", "Purpose", "Only a criminal investigation is an authorised use (5.2).", purposes)),
        always(text("reason", "Reason", "The justification, which the audit trail holds (5.4(1), 7(9)).")),
        always(field(
            "identifiers",
            "Identifiers",
            &format!("The incident number; an outside agency's case number (5.4(1), 5.5). Kinds: {kinds}."),
            FieldKind::Texts,
        )),
        text("probe.source", "Source of the image", "Where the photograph was obtained."),
    ]
}

fn investigation() -> Vec<FormField> {
    vec![
        always(code(
            answers::CRIME,
            "Crime type",
            "The crime under investigation. Whether it was only attempted is asked beside it.",
            crimes::codes(),
        )),
        flag(answers::ATTEMPTED, "Attempted", "Whether the crime was attempted only."),
        always(text(
            answers::SUSPICION,
            "Reasonable suspicion",
            "Specific facts and inferences from which a search of this person is relevant (2.9, 5.3).",
        )),
        always(flag(
            answers::SUSPICION_ATTESTED,
            "This is reasonable suspicion",
            "You vouch that the search will provide information relevant to the investigation (1).",
        )),
        code(
            answers::SUBJECT_ROLE,
            "Person searched",
            "Who the person is to the case (5.3).",
            limits::SUBJECT_ROLES.iter().copied(),
        ),
        text(answers::EVIDENCE_NUMBER, "Evidence number", "The photograph's property number (306.1)."),
        flag(
            answers::EVIDENTIARY,
            "Evidentiary value",
            "Whether the image is evidence and must not be purged (6.1(3)b).",
        ),
    ]
}

fn home_invasion() -> Vec<FormField> {
    vec![
        flag(answers::DWELLING_ENTERED, "Dwelling entered", "Home invasion: a dwelling was entered unlawfully (2.6)."),
        flag(
            answers::FELONIOUS_INTENT,
            "Felonious intent",
            "Home invasion: to commit, or committing, a felony, larceny or assault (2.6).",
        ),
        flag(answers::ENTRANT_ARMED, "Entrant armed", "Home invasion: armed with a dangerous weapon (2.6)."),
        flag(
            answers::PERSON_PRESENT,
            "Person lawfully present",
            "Home invasion: another person was lawfully present in the dwelling (2.6).",
        ),
    ]
}

fn prohibitions() -> Vec<FormField> {
    vec![
        always(flag(
            answers::SURVEILLANCE,
            "Surveillance",
            "Whether the search serves to surveil the public through a camera or video device (3.1).",
        )),
        always(flag(
            answers::FROM_VIDEO,
            "Taken from a recording",
            "Whether the image was taken from a recording; its recording and frame are then stated (3.2).",
        )),
        always(flag(
            answers::PREDICTIVE,
            "Predictive analysis",
            "Whether the search is for predictive analysis (3.4).",
        )),
        always(flag(
            answers::PROTECTED_SOLE,
            "Based solely on what is protected",
            "Whether the search is based solely on views, lawful organizations or events, or a protected class (3.5).",
        )),
        code(answers::PROTECTED_CATEGORY, "Which of these", "If so: letter a, b or c of 3.5.", CATEGORIES),
        always(flag(
            answers::IMMIGRATION,
            "Immigration status",
            "Whether the search serves to assess immigration status (3.6).",
        )),
    ]
}

fn more_than_one() -> Vec<FormField> {
    vec![
        flag(
            answers::FRAMES_JUSTIFIED,
            "Each frame is needed",
            "Of many stills taken from recordings in one case (3.2).",
        ),
        flag(
            answers::EACH_JUSTIFIED,
            "Each probe is justified",
            "Of many probes within the hour: each stands on reasonable suspicion of its own (5.3).",
        ),
    ]
}

fn state_database() -> Vec<FormField> {
    vec![
        text(answers::LEAD_REFERENCE, "Lead to be confirmed", "For the State Police's database only (5.4(2))."),
        text(
            answers::FORMAL_REQUEST,
            "Formal request",
            "Its reference, for the State Police's database only (5.4(2)).",
        ),
    ]
}

fn outside() -> Vec<FormField> {
    vec![
        text(answers::ADDRESS, "Address", "Of a requester from an outside agency (5.5)."),
        text(answers::PHONE, "Phone number", "Of a requester from an outside agency (5.5)."),
        flag(
            answers::ACKNOWLEDGED,
            "Statement acknowledged",
            "An outside requester agrees to the statement that a result is only an investigative lead (5.5).",
        ),
    ]
}

fn search() -> Vec<FormField> {
    vec![
        always(flag(
            answers::PROBE_SUITABLE,
            "Image suitable",
            "You have assessed the image's quality and appropriateness for a search (2.3).",
        )),
        flag(
            answers::PROTECTED_SOLE,
            "Based solely on what is protected",
            "As far as you can tell, beside the requester's own answer (3.5).",
        ),
        code(answers::PROTECTED_CATEGORY, "Which of these", "If so: letter a, b or c of 3.5.", CATEGORIES),
        flag(
            answers::EACH_JUSTIFIED,
            "Each probe is justified",
            "Of many probes within the hour: each stands on reasonable suspicion of its own (5.3).",
        ),
        flag(
            answers::EVIDENTIARY,
            "Evidentiary value",
            "Whether the image is evidence and must not be purged (6.1(3)b).",
        ),
    ]
}

fn field(name: &str, label: &str, help: &str, kind: FieldKind) -> FormField {
    FormField {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        kind,
        choices: Vec::new(),
        required: false,
        default: None,
    }
}

fn text(name: &str, label: &str, help: &str) -> FormField {
    field(name, label, help, FieldKind::Text)
}

fn flag(name: &str, label: &str, help: &str) -> FormField {
    field(name, label, help, FieldKind::Flag)
}

fn code<'c>(name: &str, label: &str, help: &str, choices: impl IntoIterator<Item = &'c str>) -> FormField {
    FormField { choices: choices.into_iter().map(str::to_owned).collect(), ..field(name, label, help, FieldKind::Code) }
}

/// A question that must be answered always.
fn always(field: FormField) -> FormField {
    FormField { required: true, ..field }
}
