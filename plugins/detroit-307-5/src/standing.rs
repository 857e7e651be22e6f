//! Who somebody is to the Department: its member, a member of its examining unit, or an outside agency's investigator.

use crate::settings;
use magistrate_sdk::Case;
use magistrate_sdk::facts::{Agency, Step};
use magistrate_sdk::terms::Phase;

/// Whether an agency is the Department itself.
fn is_department(case: &Case, agency: &Agency) -> bool {
    let own = case.settings().texts(settings::OWN_AGENCIES);
    agency.home == case.matter().jurisdiction && (own.is_empty() || own.contains(&agency.id.as_str()))
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
    actor_is_member(case) && case.actor().unit == case.settings().text(settings::EXAMINING_UNIT)
}

/// Whether the requester takes the step in person. An id is unique within its jurisdiction only.
pub fn actor_is_requester(case: &Case) -> bool {
    case.actor().id == case.requester().id && case.actor_agency().home == case.requester_agency().home
}

/// Whether the gallery is the State Police's and not the Department's own.
pub fn at_the_state(case: &Case) -> bool {
    !case.owns_gallery() && case.gallery().is_some_and(|g| g.owner == case.settings().text(settings::STATE_DATABASE))
}

/// Whether the State Police's own people take the step on the State Police's own database.
pub fn by_the_state(case: &Case) -> bool {
    at_the_state(case) && case.gallery().is_some_and(|g| g.owner == case.actor_agency().home)
}

/// Whether this step uses the system rather than asks for its use.
pub fn in_use(case: &Case) -> bool {
    matches!(case.phase(), Phase::Search | Phase::Candidates)
}

/// The filters a search asks for.
pub fn filters<'a>(case: &Case<'a>) -> &'a [String] {
    match &case.matter().step {
        Step::Search(plan) => &plan.filters,
        _ => &[],
    }
}
