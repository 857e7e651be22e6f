//! What is shown verbatim, and how ambiguous clauses are read.
//!
//! A statement is the order's own words, byte for byte: so each is one long line.

use crate::settings::{
    AGREEMENT_SCOPE, AUDIT_PROBE_READING, DAY_READING, EXTENSION_READING, IDENTIFIER_READING, MASS_QUERY_READING,
    NOTICE_READING, ORDER_READING, PROBE_MEDIA, PROTECTED_READING, REQUESTER_RANKS, STANDING_READING, TRANSFER_READING,
};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Interpretation, Statement};
use magistrate_sdk::{Setting, Settings};

/// Id of the NOTE to C.4.
pub const NOTE: &str = "C.4-NOTE";
/// Id of A.2, first and second sentence.
pub const SIMILAR_NOT_IDENTIFIED: &str = "A.2-a";
/// Id of A.2, third sentence.
pub const LEGAL_AUTHORITY: &str = "A.2-b";

/// SHA-256 of [`NOTE`]'s text: a report carries it to the byte, or does not leave.
pub const NOTE_DIGEST: &str = "30aca22db9e73de9037c2a5f22dbb4bc6b70ac1cd9c98dfdc8fa24d04bf93272";
/// SHA-256 of [`SIMILAR_NOT_IDENTIFIED`]'s text.
pub const SIMILAR_DIGEST: &str = "29744806950745fc221ad03bf1d512fd42ff2e7f7fc957100bfa7694c8f3aedc";
/// SHA-256 of [`LEGAL_AUTHORITY`]'s text.
pub const AUTHORITY_DIGEST: &str = "38915f3ddbebc73a1039e7456f0080e0aea1034c2895a83e39ac252c507c2e54";

/// Id, digest and text, verbatim.
#[rustfmt::skip]
const STATEMENTS: &[(&str, &str, &str)] = &[
    (NOTE, NOTE_DIGEST, "Identity comparisons with SMRT are nonscientific and are intended for investigative lead purposes only. These investigative leads should not be used as the sole basis for any decision in the investigation. The intent of this SMRT analysis is only to illustrate facial similarities or differences between two subjects – not to make a positive identification."),
    (SIMILAR_NOT_IDENTIFIED, SIMILAR_DIGEST, "The SMRT system does not use facial recognition analysis to positively identify individuals. Rather, the technology applies an algorithm to compile an array of photographs with physical characteristics similar to those of the suspect in the submitted photo."),
    (LEGAL_AUTHORITY, AUTHORITY_DIGEST, "Investigators may then take the logical investigative steps, under proper legal authority, to generate and pursue leads based upon the results."),
];

/// One entry of the interpretation register.
struct Reading {
    id: &'static str,
    question: &'static str,
    /// The reading of the shipped policy.
    answer: &'static str,
    /// The setting that changes the reading.
    setting: Option<&'static Setting>,
    /// The value of that setting which does, with the reading it stands for.
    otherwise: Option<(&'static str, &'static str)>,
}

/// `IR-n` are entries of the register that Magistrate ships with; `SL-n` are further choices that this policy had to
/// make.
const READINGS: &[Reading] = &[
    Reading {
        id: "IR-1",
        question: "C.2: is the reason of the request alone enough?",
        answer: "Yes, literally: one of the reason, the complaint number or any other identifier. The reason alone is flagged for audit, and a reason is never waived (E.2.c).",
        setting: Some(&IDENTIFIER_READING),
        otherwise: Some((
            "identifier-required",
            "No: a complaint number or other identifier is needed besides the reason.",
        )),
    },
    Reading {
        id: "IR-2",
        question: "B.3: who decides whether a request concerns solely protected action or speech?",
        answer: "Requester and operator attest it; one yes by anybody denies the request, and every answer is on record.",
        setting: Some(&PROTECTED_READING),
        otherwise: Some((
            "supervisor-too",
            "Requester, operator and a supervisor attest it; one yes by anybody denies the request, and every answer is on record.",
        )),
    },
    Reading {
        id: "IR-3",
        question: "B.4: what is a mass query?",
        answer: "Whatever a program initiates is denied. A person who has searched mass-query-limit distinct probes within the last hour, or submits more than that in one action, waits.",
        setting: Some(&MASS_QUERY_READING),
        otherwise: Some((
            "uncapped",
            "Whatever a program initiates is denied; a human's queries are none, however many.",
        )),
    },
    Reading {
        id: "IR-10",
        question: "C.1: what if an agency's agreement ends between its request and a later step?",
        answer: "The step is denied: standing is checked at every step afresh. What was concluded only after the request does not cover it, but an agreement renewed in time does.",
        setting: Some(&STANDING_READING),
        otherwise: Some((
            "request-only",
            "It counts that the agreement was in force when the request was made; a suspension counts at every step.",
        )),
    },
    Reading {
        id: "IR-11",
        question: "D.3: may a record be searched after its agency's notice and before it is purged?",
        answer: "No: it is not searchable from the notice on.",
        setting: Some(&NOTICE_READING),
        otherwise: Some(("until-purge", "Yes: until it is purged.")),
    },
    Reading {
        id: "IR-12",
        question: "D.3: how are ten days counted?",
        answer: "As calendar dates in America/Chicago; the last lawful day is the date of the notice plus 10, or fewer where notice-days says so.",
        setting: Some(&DAY_READING),
        otherwise: Some((
            "hours-240",
            "As 240 hours from the start of the day of the notice: no record says more than the day.",
        )),
    },
    Reading {
        id: "IR-14",
        question: "Which version of this policy decides when it changes between two steps of a request?",
        answer: "The version in force at each step; the host records both.",
        setting: None,
        otherwise: None,
    },
    Reading {
        id: "IR-15",
        question: "D.3 and E.1: what stays of an image that is purged, if the log is immutable?",
        answer: "The image is destroyed; its digest and all that was logged of it stay.",
        setting: None,
        otherwise: None,
    },
    Reading {
        id: "IR-16",
        question: "B.1 and B.3: may a court order authorize what solely concerns protected action or speech?",
        answer: "No: B.3 says \"in no event\".",
        setting: Some(&ORDER_READING),
        otherwise: Some(("order-wins", "Yes, if the order is final and not stayed.")),
    },
    Reading {
        id: "IR-17",
        question: "A.1 and E.2.b: for how long may the probe be kept for audit?",
        answer: "The order sets no limit: for audit-probe-days, which the jurisdiction sets, and then it is destroyed.",
        setting: Some(&AUDIT_PROBE_READING),
        otherwise: Some(("forever", "The order sets no limit: it is not destroyed.")),
    },
    Reading {
        id: "SL-1",
        question: "C.1: who is a \"detective or officer\"?",
        answer: "Whoever holds one of the ranks that requester-ranks lists: detectives, and officers of any sworn rank, as a sheriff's deputy or a trooper of another participating agency is.",
        setting: Some(&REQUESTER_RANKS),
        otherwise: None,
    },
    Reading {
        id: "SL-2",
        question: "A.2: what is a \"submitted photo\"?",
        answer: "Media that probe-media lists: a photograph, or a still chosen from a recording, but no live stream, drawing or generated image.",
        setting: Some(&PROBE_MEDIA),
        otherwise: None,
    },
    Reading {
        id: "SL-3",
        question: "Policy paragraph and C.1: may officers of an agency that does not participate ask?",
        answer: "Yes, while an agreement in force covers what agreement-scope names.",
        setting: Some(&AGREEMENT_SCOPE),
        otherwise: None,
    },
    Reading {
        id: "SL-4",
        question: "D.4.a: when does the server's copy go, once data of evidentiary value is on portable media?",
        answer: "When D.3 says: a hold does not extend storage on the server, and without a notice the mugshot stays.",
        setting: Some(&TRANSFER_READING),
        otherwise: Some(("at-once", "With the transfer, whether the agency gave notice or not.")),
    },
    Reading {
        id: "SL-5",
        question: "D.4.b: what does a granted extension extend, and until when may it be asked for?",
        answer: "Storage on the server, up to the end of the day granted; it is asked for while the ten days of D.3 run, and before a notice there is nothing to extend.",
        setting: Some(&EXTENSION_READING),
        otherwise: Some((
            "any-time",
            "Storage on the server, up to the end of the day granted; it may be asked for after the ten days of D.3, too.",
        )),
    },
];

/// The statements as the charter holds them.
pub fn statements() -> Vec<Statement> {
    STATEMENTS.iter().map(|(id, _, text)| Statement { id: (*id).to_owned(), text: (*text).to_owned() }).collect()
}

/// Their ids, in this order.
pub const IDS: [&str; READINGS.len()] = {
    let mut ids = [""; READINGS.len()];
    let mut at = 0;
    while at < ids.len() {
        ids[at] = READINGS[at].id;
        at += 1;
    }
    ids
};

/// An interpretation by its id; one that the register does not list does not compile.
macro_rules! reading {
    ($id:literal) => {
        const { magistrate_sdk::catalogue::place(&$crate::texts::IDS, $id) }
    };
}

/// The interpretation register as the charter holds it: each with the reading these settings put in force.
pub fn interpretations(settings: &Settings) -> Vec<Interpretation> {
    READINGS
        .iter()
        .map(|reading| {
            let other = reading.setting.zip(reading.otherwise);
            let answer = match other {
                Some((setting, (value, answer))) if settings.is(setting, value) => answer,
                _ => reading.answer,
            };
            Interpretation {
                id: reading.id.to_owned(),
                question: reading.question.to_owned(),
                answer: answer.to_owned(),
                setting: reading.setting.map(|s| s.name.to_owned()),
            }
        })
        .collect()
}

/// Whether this is how one of the statements leaves: to the byte. Absent where the id is none of theirs.
pub fn verbatim(id: &str, digest: &str) -> Option<bool> {
    STATEMENTS.iter().find(|(known, _, _)| *known == id).map(|(_, expected, _)| *expected == digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_digests_are_those_of_the_texts() {
        for (id, expected, text) in STATEMENTS {
            let computed: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(*expected, computed, "{id}");
        }
    }
}
