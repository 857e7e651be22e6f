//! The forms of the steps after the candidate list, and of those outside a request's life.

use super::{always, code, flag, text};
use crate::dissemination::{IN_PERSON, PHONE};
use crate::{answers, prohibited, retention, settings};
use magistrate_sdk::Settings;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Form, FormField};
use magistrate_sdk::terms::Phase;

/// The forms, in the order of the phases.
pub fn forms(settings: &Settings) -> Vec<Form> {
    vec![
        Form { phase: Phase::Disposition, fields: protected() },
        Form { phase: Phase::SignOff, fields: sign_off() },
        Form { phase: Phase::Release, fields: protected() },
        Form { phase: Phase::Disseminate, fields: disseminate(settings) },
        Form { phase: Phase::Outcome, fields: outcome() },
        Form { phase: Phase::Retention, fields: retention() },
        Form { phase: Phase::Access, fields: access() },
        Form { phase: Phase::Activation, fields: activation() },
        Form { phase: Phase::Violation, fields: violation() },
        Form { phase: Phase::Report, fields: report() },
    ]
}

/// What an examiner or supervisor may know that the requester did not say.
fn protected() -> Vec<FormField> {
    vec![
        flag(
            answers::PROTECTED_SOLE,
            "Based solely on what is protected",
            "As far as you can tell, beside the requester's own answer (3.5).",
        ),
        code(
            answers::PROTECTED_CATEGORY,
            "Which of these",
            "If so: letter a, b or c of 3.5.",
            prohibited::CATEGORIES.iter().copied(),
        ),
    ]
}

fn sign_off() -> Vec<FormField> {
    let mut fields = protected();
    fields.push(text(answers::REFUSAL_REASON, "Reason of the refusal", "Why you refuse to sign, if you do (5.4(3))."));
    fields
}

fn disseminate(settings: &Settings) -> Vec<FormField> {
    let channels = settings.texts(&settings::SECURED_CHANNELS).iter().chain([PHONE, IN_PERSON]);
    vec![
        always(code("channel", "Channel", "Secured electronic means, or by phone or in person (7(1)).", channels)),
        text(answers::RECIPIENT_ADDRESS, "E-mail address", "By secured e-mail: the official address (7(1))."),
        text(answers::PHONE_NUMBER, "Number called", "By phone: the number (7(1))."),
        text(answers::WITNESS, "Witness", "In person: who saw it released (7(1))."),
    ]
}

fn outcome() -> Vec<FormField> {
    vec![
        always(flag(
            answers::CASE_ASSISTED,
            "Assisted the investigation",
            "Whether the result assisted the investigation (6.3).",
        )),
        flag(answers::POSITIVE_IDENTIFICATION, "Positive identification", "Whether somebody was identified (1)."),
        text(
            answers::IDENTIFICATION_BASIS,
            "Basis of the identification",
            "The further investigation that identified them: a result is a lead only (1).",
        ),
        flag(answers::MISIDENTIFICATION, "Wrong person", "Whether the lead was the wrong person (6.3)."),
        flag(
            answers::EVIDENTIARY,
            "Evidentiary value",
            "Whether the image is evidence and must not be purged (6.1(3)b).",
        ),
        text(answers::EVIDENCE_NUMBER, "Evidence number", "The photograph's property number (306.1)."),
        text(answers::LAWSUITS, "Lawsuit", "A lawsuit over this use, if there is one (6.3)."),
        text(answers::SETTLEMENTS, "Settlement", "A settlement over this use, if there is one (6.3)."),
        text(answers::OTHER_FACTORS, "Other factors", "Anything else the evaluation should weigh (6.3)."),
    ]
}

fn retention() -> Vec<FormField> {
    let subjects = [retention::GALLERY_RECORD, retention::PROBE, retention::REPORT, retention::AUDIT_ENTRY];
    vec![
        always(code("subject", "Kind of record", "What stays or goes (6.1(3)b).", subjects)),
        always(code("kind", "What happens to it", "See 6.1(3)b and 7(4).", retention::KINDS.iter().copied())),
        flag(
            answers::EVIDENTIARY,
            "Evidentiary value",
            "Whether it is evidence, which alone holds it back from purging (6.1(3)b).",
        ),
        text(
            answers::RETENTION_REASON,
            "Reason",
            "Why it is held, no longer held, kept longer, exported (6.1(3)b), sealed or unsealed (6.1(4)).",
        ),
        text(answers::EVIDENCE_NUMBER, "Evidence number", "The photograph's property number (306.1)."),
    ]
}

fn access() -> Vec<FormField> {
    vec![
        text(answers::NEED_TO_KNOW, "Need to know", "The position and duties that need this access (6.1(2)c, 7(5))."),
        flag(
            answers::CREDENTIAL_PERSONAL,
            "Credential is personal",
            "Whether the credential is this person's alone and kept confidential (7(6)).",
        ),
        flag(
            answers::AGENCY_COMPLIES,
            "Agency complies",
            "Of a suspended agency: whether it complies with the directive again (5.5(c)).",
        ),
    ]
}

fn activation() -> Vec<FormField> {
    vec![
        always(flag(
            answers::DEFAULTS_REPLACED,
            "Default passwords replaced",
            "Whether every manufacturer's default password was replaced (7(7)).",
        )),
        always(flag(
            answers::PASSWORD_STANDARD,
            "Password standard met",
            "Whether passwords meet Manual Directive 307.4 (7(7)).",
        )),
        flag(
            answers::MAINTAINED,
            "Maintained",
            "Whether equipment and software are maintained as the manufacturer recommends (7(3)).",
        ),
    ]
}

fn violation() -> Vec<FormField> {
    vec![
        text(answers::VIOLATED_CLAUSE, "Clause violated", "As the catalogue names it: 3.5-a, say (4)."),
        flag(answers::CONFIRMED, "Confirmed", "Whether the violation is confirmed; the Board is told (6.2)."),
        text(
            answers::OFFENDING_AGENCY,
            "Agency not in compliance",
            "Its id in the registry; if a member of the Department reports it, its requests are suspended (5.5(c)).",
        ),
        flag(answers::BREACH, "Breach", "Whether information was, or may have been, breached (7(2))."),
        flag(answers::BREACH_ASSESSED, "Breach assessed", "Whether the breach is assessed (7(2))."),
        text(answers::BREACH_SCOPE, "Nature and scope", "Of the breach, once it is assessed (7(2))."),
        text(
            answers::CONTRIBUTOR,
            "Originating agency",
            "Whose information was breached; the Department's own if empty (7(2)).",
        ),
        flag(
            answers::INDIVIDUALS_NOTIFIED,
            "Individuals are notified",
            "What the Department determined, once it has (7(2)).",
        ),
    ]
}

fn report() -> Vec<FormField> {
    vec![
        text(answers::UPGRADES, "Software upgrades", "Weekly: upgrades, or none (6.2)."),
        text(answers::CONTRACT_CHANGES, "Contract changes", "Weekly: planned changes, or none (6.2)."),
        text(answers::CONFIRMED_VIOLATIONS, "Confirmed violations", "Weekly: confirmed violations, or none (6.2)."),
        text(answers::LAWSUITS, "Lawsuits", "Annual: relevant lawsuits, or none (6.3)."),
        text(answers::SETTLEMENTS, "Settlements", "Annual: relevant settlements, or none (6.3)."),
        text(answers::EFFICACY, "Efficacy", "Annual: the evaluation (6.3)."),
        text(answers::SAMPLE, "Sample", "Evaluation or audit: how it was drawn at random (6.1)."),
        text(answers::SAMPLE_FINDINGS, "Findings", "Evaluation or audit: what it found (6.1)."),
    ]
}
