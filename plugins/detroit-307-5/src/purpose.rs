//! 307.5 - 1, Purpose.

use crate::answers;
use magistrate_sdk::facts::CaseStatus;
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Duties};

/// The statement of the second sentence, shown with every candidate list.
pub const CONTINUE_INVESTIGATION: &str = "continue-investigation";

/// Part 1, in the order of its sentences.
pub fn judge(case: &mut Case) {
    reasonable_suspicion(case);
    if case.phase() == Phase::Candidates {
        only_a_lead(case);
    }
}

/// "Facial Recognition shall only be used when there is reasonable suspicion that such use will provide information
/// relevant to an active or ongoing Part 1 Violent Crime investigation or a Home Invasion I investigation."
fn reasonable_suspicion(case: &mut Case) {
    let attested = case.affirmed(answers::SUSPICION_ATTESTED);
    case.clause(clause!("1-a")).affirms(attested, "say whether there is reasonable suspicion that the search will provide information relevant to the investigation", "there is no reasonable suspicion of relevance: come back when there is");
}

/// "If a match is found …, it shall be considered an investigative lead, and the requesting investigator shall continue
/// to conduct a thorough and comprehensive investigation."
fn only_a_lead(case: &mut Case) {
    case.clause(clause!("1-b")).noted();
    case.clause(clause!("1-b")).obliges(Duties::statement(CONTINUE_INVESTIGATION));
}

/// Whether the request says that the investigation is active or ongoing.
pub fn investigation_is_active(case: &Case) -> bool {
    case.request().is_some_and(|r| matches!(r.case_status, CaseStatus::Open | CaseStatus::Active))
}
