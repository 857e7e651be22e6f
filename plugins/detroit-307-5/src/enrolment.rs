//! A record enters the gallery. The directive has no part on it; what binds is what it says of the gallery (5.4(2)), of
//! personal information (2.5), of privacy and civil rights (6.1(4)) and of who may change what the Department stores (7).

use crate::words::{self, one_of};
use crate::{answers, definitions, oversight, requesting, settings, standing};
use magistrate_sdk::Case;
use magistrate_sdk::case::has_role;

/// The kind of image that is enrolled.
pub const BOOKING_PHOTOGRAPH: &str = "booking-photograph";

/// Every kind of image a form offers.
pub const IMAGE_KINDS: &[&str] =
    &[BOOKING_PHOTOGRAPH, "field-photograph", "probe", "licence-photograph", "social-media", "other"];

/// What a booking photograph is called.
const MUG_SHOT: &[&str] = &[BOOKING_PHOTOGRAPH, "booking-photo", "mugshot", "mug-shot"];

/// The rules of enrolment.
pub fn judge(case: &mut Case) {
    mug_shots_only(case);
    requesting::gallery_is_snap(case);
    restricted_fields(case);
    out_of_use(case);
    origin(case);
    authorised_change(case);
}

/// 5.4(2) SNAP includes "criminal mug shot images": no probe and no photograph from the field enters it.
fn mug_shots_only(case: &mut Case) {
    // Whoever says that they are something else is believed.
    let mug_shots = words::texts(case, answers::IMAGE_KIND)
        .map(|kind| one_of(kind, MUG_SHOT))
        .reduce(|all, this_one| all && this_one);
    case.clause(clause!("5.4(2)-b")).affirms(
        mug_shots,
        "say what kind of image is enrolled",
        "only criminal mug shots are enrolled: leave other images out",
    );
}

/// 2.5 Highly restricted personal information is not shown later, whatever a record holds.
fn restricted_fields(case: &mut Case) {
    let restricted = case.enrolled_fields().iter().any(|f| definitions::is_highly_restricted(f));
    if restricted {
        case.clause(clause!("2.5"))
            .notes("the records hold highly restricted personal information, which no list will show");
    } else {
        case.clause(clause!("2.5")).satisfied();
    }
}

/// 6.1(4) A record that the law takes out of use may enter as one: no list shows it.
fn out_of_use(case: &mut Case) {
    let withheld = case.enrolled_statuses().iter().any(|status| !oversight::may_be_shown(case, status));
    if withheld {
        case.clause(clause!("6.1(4)"))
            .notes("some of the records enter sealed, or otherwise out of use: no list shows them");
    } else {
        case.clause(clause!("6.1(4)")).satisfied();
    }
}

/// 7(2) A breach is notified to "the originating agency", so the origin is taken down.
fn origin(case: &mut Case) {
    if words::stated(case, answers::CONTRIBUTOR).is_some() {
        case.clause(clause!("7(2)-b")).satisfied();
    } else {
        case.clause(clause!("7(2)-b"))
            .notes("no originating agency is named: the Department itself is taken to be the origin");
    }
}

/// 7(4) Information is stored so "that it cannot be modified, accessed, or purged except by members authorized to take
/// such actions."
fn authorised_change(case: &mut Case) {
    let roles = case.settings().texts(&settings::ENROLLER_ROLES);
    let authorised = standing::actor_is_member(case) && roles.iter().any(|role| has_role(case.actor(), role));
    case.clause(clause!("7(4)")).requires(
        authorised,
        "only an authorised member of the Department changes the gallery: have one enrol the records",
    );
}
