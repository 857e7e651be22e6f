//! Who somebody is to the Department: its member, a member of its examining unit, or an outside agency's investigator.

use crate::settings;
use magistrate_sdk::Case;
use magistrate_sdk::calendar::before;
use magistrate_sdk::case::has_role;
use magistrate_sdk::facts::{Agency, Person, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::terms::Phase;

/// Whether an agency is the Department itself.
pub fn is_department(case: &Case, agency: &Agency) -> bool {
    let own = case.settings().texts(&settings::OWN_AGENCIES);
    case.governs(agency) && (own.is_empty() || own.contains(&agency.id))
}

/// Whether the requester belongs to an outside agency.
pub fn outside(case: &Case) -> bool {
    !is_department(case, case.requester_agency())
}

/// Whether the actor is a member of the Department.
pub fn actor_is_member(case: &Case) -> bool {
    is_department(case, case.actor_agency())
}

/// Whether the actor is assigned to the examining unit.
pub fn actor_in_unit(case: &Case) -> bool {
    actor_is_member(case) && case.settings().is(&settings::EXAMINING_UNIT, &case.actor().unit)
}

/// Whether the actor is the Department's Local Agency Security Officer.
pub fn actor_is_laso(case: &Case) -> bool {
    actor_is_member(case) && has_role(case.actor(), case.settings().text(&settings::LASO_ROLE))
}

/// Whether a person's background check is completed. One dated tomorrow is not.
pub fn is_background_checked(case: &Case, person: &Person) -> bool {
    person.background_checked.is_some_and(|on| !before(case.today(), on))
}

/// Whether the gallery is the State Police's and not the Department's own.
pub fn at_the_state(case: &Case) -> bool {
    !case.owns_gallery() && case.gallery().is_some_and(|g| case.settings().is(&settings::STATE_DATABASE, &g.owner))
}

/// Whether the State Police's own people take the step on the State Police's own database.
pub fn by_the_state(case: &Case) -> bool {
    at_the_state(case) && case.gallery().is_some_and(|g| g.owner == case.actor_agency().home)
}

/// Whether this step is an examiner's work at the system: it searches, looks at the list or says what is on it.
pub fn in_use(case: &Case) -> bool {
    matches!(case.phase(), Phase::Search | Phase::Candidates | Phase::Disposition)
}

/// Whether only the examining unit takes this step.
pub fn units_own(case: &Case) -> bool {
    in_use(case) || matches!(case.phase(), Phase::SignOff | Phase::Release | Phase::Disseminate)
}

/// Whether this step comes before anything was found, so that what it obliges to can still be done first.
pub fn before_result(case: &Case) -> bool {
    matches!(case.phase(), Phase::Request | Phase::Search)
}

/// How many probes this step adds to those that searches are on record with: its own, as long as none of it is.
pub fn unrecorded_probes(case: &Case) -> u32 {
    u32::from(before_result(case) && case.history().searches_of_request == 0)
}

/// The filters a search asks for.
pub fn filters<'a>(case: &Case<'a>) -> &'a [String] {
    match &case.matter().step {
        Step::Search(plan) => &plan.filters,
        _ => &[],
    }
}
