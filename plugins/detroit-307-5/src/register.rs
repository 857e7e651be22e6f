//! The interpretation register: where the directive can be read in more than one way, how it is read.

use crate::settings;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::Interpretation;
use magistrate_sdk::{Setting, Settings};

/// What the register lists, in its order.
pub const IDS: &[&str] = &[
    "IR-2", "IR-3", "IR-4", "IR-5", "IR-6", "IR-7", "IR-8", "IR-9", "IR-10", "IR-13", "IR-14", "IR-15", "IR-18", "DP-1",
];

/// An interpretation by its id; one that the register does not list does not compile.
macro_rules! reading {
    ($id:literal) => {
        const { magistrate_sdk::catalogue::place($crate::register::IDS, $id) }
    };
}

/// The register under these settings.
pub fn interpretations(settings: &Settings) -> Vec<Interpretation> {
    let code = |setting: &Setting, value: &str| settings.is(setting, value);
    let flag = |setting: &Setting| settings.flag(setting);
    vec![
        entry(
            "IR-2",
            "3.5: who says that a search is based solely on what is protected?",
            if code(&settings::PROTECTED_ATTESTATION, "supervisor") {
                "Requester and operator attest, and a supervisor approves; any yes denies."
            } else {
                "Requester and operator attest; any yes denies, and both answers are on record."
            },
            Some(&settings::PROTECTED_ATTESTATION),
        ),
        entry(
            "IR-3",
            "5.3, Individualized Targeting: from how many probes on is suspicion no longer individual?",
            "Above a number of distinct probes of one person in an hour, or in one action, each has to be justified.",
            Some(&settings::MASS_LIMIT),
        ),
        entry(
            "IR-4",
            "2.7: do subtypes and attempts belong to the four crimes?",
            if code(&settings::CRIME_READING, "exact") {
                "Exact words only; no attempts."
            } else {
                "By a table: carjacking is robbery; an attempt belongs to its parent, attempted homicide to aggravated \
                 assault; an attempted home invasion lacks the entry. A supervisor confirms it on the case."
            },
            Some(&settings::CRIME_READING),
        ),
        entry(
            "IR-5",
            "3.2 and 5.1: is a still taken from a recording a still image or a recorded video?",
            if code(&settings::VIDEO_STILLS, "none") {
                "No image taken from a recording may be searched."
            } else {
                "A single selected still is a still image if its recording and frame are on record; many wait for \
                 justification, and frames in bulk are denied."
            },
            Some(&settings::VIDEO_STILLS),
        ),
        entry(
            "IR-6",
            "2.4: can a supervisor count as one of the two examiners?",
            if flag(&settings::SUPERVISOR_AS_EXAMINER) {
                "Yes, if also trained: one other examiner and the supervisor suffice."
            } else {
                "No: three persons."
            },
            Some(&settings::SUPERVISOR_AS_EXAMINER),
        ),
        entry(
            "IR-7",
            "2.4 says all searches, 5.4(3) says a lead: who corroborates a search that found none?",
            if code(&settings::NO_LEAD, "full-set") {
                "Two examiners and a supervisor, always."
            } else {
                "A lead needs the full set; without one the examiner's conclusion and a second look are recorded."
            },
            Some(&settings::NO_LEAD),
        ),
        entry(
            "IR-8",
            "4(2): does a request that was denied under 3.5 trigger the notice?",
            if flag(&settings::NOTIFY_DENIED) {
                "Yes: the four offices are notified within 24 hours of the request, and the LASO is alerted."
            } else {
                "No, nothing was used; but the LASO is alerted and the report counts it."
            },
            Some(&settings::NOTIFY_DENIED),
        ),
        entry(
            "IR-9",
            "5.5(c): whose requests are suspended?",
            if flag(&settings::SUSPEND_OUTSIDE) {
                "All outside requests, while any agency is out of compliance."
            } else {
                "Those of the agency found not in compliance, all its people's, work in flight included."
            },
            Some(&settings::SUSPEND_OUTSIDE),
        ),
        entry(
            "IR-10",
            "5.5(a): what if an agreement ends between the request and the release?",
            if code(&settings::AGREEMENT_CHECKED, "request-only") {
                "It has to be in force when the request is made."
            } else {
                "It has to be in force at every phase."
            },
            Some(&settings::AGREEMENT_CHECKED),
        ),
        entry(
            "IR-13",
            "4(2) and 6.2: what is 24 hours, what is a week?",
            "24 hours have elapsed; a week is seven days of Detroit's calendar from the day the setting names.",
            Some(&settings::WEEK_STARTS),
        ),
        entry(
            "IR-14",
            "Which version of the directive judges a case when it changes in between?",
            "Each phase is judged by the version in force then; both are on record.",
            None,
        ),
        entry(
            "IR-15",
            "5.4(6), 6.1(3)b and 7(9): how are purging and a year's audit trail reconciled?",
            if code(&settings::PROBE_PURGE, "keep-encrypted") {
                "The image is kept encrypted as long as the audit trail."
            } else {
                "The image is purged; its digest and the record stay for a year at least."
            },
            Some(&settings::PROBE_PURGE),
        ),
        entry(
            "IR-18",
            "5.4(3): which examiners are involved?",
            if code(&settings::INVOLVED, "compared") {
                "Those who compared and signed."
            } else {
                "Everyone of the examiners' role who opened the candidate list."
            },
            Some(&settings::INVOLVED),
        ),
        entry(
            "DP-1",
            "6.1(2)c: what of a member whose need for access was not reviewed in time?",
            if code(&settings::NEED_REVIEW_LAPSED, "task") {
                "The LASO has to review it; meanwhile the member goes on."
            } else {
                "The LASO has to review it; until then the member neither requests, searches, examines, signs, releases nor \
                 hands anything over."
            },
            Some(&settings::NEED_REVIEW_LAPSED),
        ),
    ]
}

fn entry(id: &str, question: &str, answer: &str, setting: Option<&Setting>) -> Interpretation {
    Interpretation {
        id: id.to_owned(),
        question: question.to_owned(),
        answer: answer.to_owned(),
        setting: setting.map(|s| s.name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_lists_what_findings_cite() {
        let listed: Vec<_> = interpretations(&Settings::defaults()).into_iter().map(|i| i.id).collect();
        assert_eq!(listed, IDS);
    }
}
