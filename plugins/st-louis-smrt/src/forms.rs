//! What each phase asks for.
//!
//! Fields named `purpose`, `reason`, `identifiers` and `probe.source` are the request's own words, not answers: they
//! are listed so that a console can offer this jurisdiction's vocabulary for them.

use crate::b_purposes::{ENCOUNTERS, LAWS, OTHER_CODES};
use crate::d_data::CONTEXTS;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{FieldKind, Form, FormField};
use magistrate_sdk::terms::Phase;

/// The purpose code of B.1.a.
const CRIME: &str = "crime";

/// Offered so that it can be refused for what it is, on record.
const ANOTHER_LAW: &str = "other";

/// Who the person on the photo is to the inquiry.
const SUBJECTS: &[&str] = &["suspect", "victim", "witness", "missing", "endangered", "encountered", "other"];

/// The forms of all phases. Some ask nothing beyond what the step itself says.
pub fn forms() -> Vec<Form> {
    vec![
        Form { phase: Phase::Enroll, fields: enroll() },
        Form { phase: Phase::Request, fields: request() },
        Form { phase: Phase::Search, fields: search() },
        Form { phase: Phase::Candidates, fields: vec![sole()] },
        Form { phase: Phase::Disposition, fields: vec![sole()] },
        Form { phase: Phase::SignOff, fields: vec![sole()] },
        Form { phase: Phase::Release, fields: vec![sole()] },
        Form { phase: Phase::Disseminate, fields: disseminate() },
        Form { phase: Phase::Outcome, fields: outcome() },
        Form { phase: Phase::Retention, fields: retention() },
        Form { phase: Phase::Access, fields: Vec::new() },
        Form { phase: Phase::Activation, fields: Vec::new() },
        Form { phase: Phase::Violation, fields: violation() },
        Form { phase: Phase::Report, fields: report() },
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
    let laws: Vec<&str> = LAWS.iter().copied().chain([ANOTHER_LAW]).collect();
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
        code("law", "Law violated", "Whose law was violated, for the purpose `law-violation`.", &laws),
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
            "Describes an operation of terrorists; or a use, or a public safety situation, that the order does not name, which will be reviewed.",
            FieldKind::Text,
        ),
        field(
            "prosecution",
            "Prosecution",
            "The prosecution, and the use of SMRT data that it results from, for the purpose `prosecution`.",
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

fn disseminate() -> Vec<FormField> {
    vec![
        sole(),
        field(
            "recipient-is-officer",
            "A detective or officer?",
            "Whether the recipient is a detective or officer. Asked where they did not ask for the search.",
            FieldKind::Flag,
        ),
        field(
            "recipient-agency-participates",
            "Does their agency participate?",
            "Whether the recipient's agency participates in the SMRT Data Sharing Project. Asked where it is not the requester's or your own.",
            FieldKind::Flag,
        ),
        field(
            "recipient-prosecutes",
            "Conducts the prosecution?",
            "Whether the recipient conducts the prosecution that results from this search. Asked for the purpose `prosecution`.",
            FieldKind::Flag,
        ),
    ]
}

fn outcome() -> Vec<FormField> {
    vec![
        required(field(
            "positive-identification",
            "Positive identification?",
            "Whether the Compare Report was used to make a positive identification (C.5).",
            FieldKind::Flag,
        )),
        field(
            "evidence-number",
            "Evidence number",
            "Of the Compare Report seized as evidence (C.5). It may follow.",
            FieldKind::Text,
        ),
        field(
            "i-leads-report",
            "I/Leads report",
            "Number of the I/Leads report that documents the use of the identification (C.6). It may follow.",
            FieldKind::Text,
        ),
        field(
            "sole-basis",
            "The only basis?",
            "Whether the lead was the sole basis of any decision, which it should not be (NOTE to C.4).",
            FieldKind::Flag,
        ),
    ]
}

fn retention() -> Vec<FormField> {
    let text = |name, label, help| field(name, label, help, FieldKind::Text);
    vec![
        field(
            "written-notice",
            "In writing?",
            "For `hold`: whether the Administrator is notified of the evidentiary value in writing (D.4.a).",
            FieldKind::Flag,
        ),
        text(
            "retention-order",
            "Retention order",
            "For `hold`: authority and number of a written retention order, if any.",
        ),
        field(
            "evidentiary-value",
            "Evidentiary value?",
            "For `hold`, by the Administrator: whether it is reasonable to believe that the data has evidentiary value.",
            FieldKind::Flag,
        ),
        text(
            "decision-reasons",
            "Reasons",
            "For `hold`, `lift`, `seal` and `unseal`, by the Administrator, and for `extend`, by the SLFC: the facts and reasons of the decision.",
        ),
        text("export-media", "Medium", "For `export`: the disc or device transferred to."),
        text("export-custodian", "Custodian", "For `export`: who has the medium in custody."),
        text("extension-need", "Need", "For `extend`: the need for extended retention (D.4.b)."),
        text("extension-circumstances", "Circumstances", "For `extend`: the circumstances surrounding the request."),
        text("agency-case-number", "Case number", "For `extend`: the requesting agency's case number."),
        text("point-of-contact", "Point of contact", "For `extend`: a specific point of contact within the agency."),
        field(
            "extension-granted",
            "Granted?",
            "For `extend`, by the SLFC: whether it grants the extension. A denial names no day.",
            FieldKind::Flag,
        ),
    ]
}

fn violation() -> Vec<FormField> {
    vec![
        required(field(
            "violation-summary",
            "What happened",
            "What happened, and who did it, as far as is known (E.1).",
            FieldKind::Text,
        )),
        field(
            "violated-clause",
            "Clause",
            "The clause that was violated, as this policy lists it: `B.3`, say. Reports count under it.",
            FieldKind::Text,
        ),
    ]
}

fn report() -> Vec<FormField> {
    vec![
        field(
            "sample-seed",
            "Seed of the sample",
            "For `smrt-random-audit`: the seed that the sample is drawn with, so that it can be drawn again.",
            FieldKind::Text,
        ),
        field(
            "sample-size",
            "Size of the sample",
            "For `smrt-random-audit`: how many queries are drawn.",
            FieldKind::Number,
        ),
    ]
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
        "The id of the supervisor who attests that it does not solely concern protected action or speech, where settings ask for one: `jurisdiction/id` where requester or operator has the same id elsewhere.",
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
