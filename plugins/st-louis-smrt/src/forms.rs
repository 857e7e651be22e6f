//! What each phase asks for.
//!
//! Fields named `purpose`, `reason`, `identifiers` and `probe.source` are the request's own words, not answers: they
//! are listed so that a console can offer this jurisdiction's vocabulary for them.

use crate::b_purposes::{ENCOUNTERS, LAWS, OTHER_CODES};
use crate::d_data::CONTEXTS;
use magistrate_sdk::rulings::{FieldKind, Form, FormField};
use magistrate_sdk::terms::Phase;

/// The purpose code of B.1.a.
const CRIME: &str = "crime";

/// Who the person on the photo is to the inquiry.
const SUBJECTS: &[&str] = &["suspect", "victim", "witness", "missing", "endangered", "encountered", "other"];

/// The forms of all judged phases. `candidates` asks nothing.
pub fn forms() -> Vec<Form> {
    vec![
        Form { phase: Phase::Enroll, fields: enroll() },
        Form { phase: Phase::Request, fields: request() },
        Form { phase: Phase::Search, fields: search() },
        Form { phase: Phase::Candidates, fields: Vec::new() },
    ]
}

fn enroll() -> Vec<FormField> {
    vec![
        required(code(
            "capture-context",
            "Occasion",
            "On what occasion the photographs were taken. Images made in the field are probes and never enrolled.",
            CONTEXTS,
        )),
        required(field(
            "collected-by",
            "Collecting agency",
            "The id of the agency that took the photographs, and whose notice ends their retention.",
            FieldKind::Text,
        )),
        field(
            "collector-participates",
            "Does it participate?",
            "Whether the collecting agency participates in the SMRT Data Sharing Project. Asked where it is not your own agency.",
            FieldKind::Flag,
        ),
        required(field(
            "views-only",
            "Views, associations or activities only?",
            "Whether the photographs are known to reflect solely political, religious or social views, associations or activities.",
            FieldKind::Flag,
        )),
        field(
            "criminal-conduct",
            "Directly related to criminal conduct?",
            "Asked where the photographs reflect views, associations or activities only.",
            FieldKind::Flag,
        ),
        field(
            "mugshot-standard",
            "Mugshot required as standard practice?",
            "Whether that conduct required a mugshot as standard practice. Asked where the photographs reflect views only.",
            FieldKind::Flag,
        ),
    ]
}

fn request() -> Vec<FormField> {
    let mut purposes = vec![CRIME];
    purposes.extend(OTHER_CODES);
    vec![
        required(code("purpose", "Purpose", "What the SMRT data is to be used for (B.1, B.2).", &purposes)),
        required(field(
            "reason",
            "Reason",
            "Why the search is needed, in words. Always logged (E.2.c).",
            FieldKind::Text,
        )),
        field(
            "identifiers",
            "Identifiers",
            "Complaint number, CAD event number or any other identifier. Usual kinds: complaint, cad-event, incident, warrant, other.",
            FieldKind::Texts,
        ),
        field("crime", "Crime", "Which crime, for the purpose `crime`: burglary, say.", FieldKind::Text),
        code("law", "Law violated", "Whose law was violated, for the purpose `law-violation`.", LAWS),
        code("subject-role", "Person sought", "Who the person is. Asked for the purpose `missing-person`.", SUBJECTS),
        code(
            "encounter",
            "Encounter",
            "In what situation the person was encountered, for the purpose `identity-verification`.",
            ENCOUNTERS,
        ),
        field(
            "narrative",
            "Narrative",
            "Describes a use, or a public safety situation, that the order does not name. It will be reviewed.",
            FieldKind::Text,
        ),
        field(
            "order-id",
            "Court order",
            "Court and number of the order, for the purpose `court-ordered`.",
            FieldKind::Text,
        ),
        field("order-use", "Use ordered", "The use that the court order requires or authorizes.", FieldKind::Text),
        field("order-final", "Is the order final?", "An order that is not final changes nothing.", FieldKind::Flag),
        field("order-stayed", "Is the order stayed?", "An order that is stayed changes nothing.", FieldKind::Flag),
        required(involved()),
        sole(),
        supervisor(),
        required(field(
            "best-available",
            "Best image?",
            "Whether this is the highest quality image able to be obtained.",
            FieldKind::Flag,
        )),
        field(
            "probe.source",
            "Source of the image",
            "Where the image was obtained. You can state it (C.3.b).",
            FieldKind::Text,
        ),
        field(
            "storage-device",
            "Storage device",
            "Names the CD, DVD or other device that the image was delivered on.",
            FieldKind::Text,
        ),
    ]
}

fn search() -> Vec<FormField> {
    vec![involved(), sole(), supervisor()]
}

fn involved() -> FormField {
    field(
        "protected-involved",
        "Protected action or speech?",
        "Whether the request concerns any action or speech that the First Amendment protects.",
        FieldKind::Flag,
    )
}

fn sole() -> FormField {
    field(
        "protected-sole",
        "Nothing else?",
        "Whether it concerns solely protected action or speech. Where any is involved, requester and operator both answer.",
        FieldKind::Flag,
    )
}

fn supervisor() -> FormField {
    field(
        "protected-supervisor",
        "Supervisor",
        "The id of the supervisor who attests that it does not solely concern protected action or speech, where settings ask for one.",
        FieldKind::Text,
    )
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

fn code(name: &str, label: &str, help: &str, choices: &[&str]) -> FormField {
    FormField {
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        ..field(name, label, help, FieldKind::Code)
    }
}

fn required(field: FormField) -> FormField {
    FormField { required: true, ..field }
}
