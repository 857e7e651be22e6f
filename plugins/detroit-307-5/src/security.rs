//! 307.5 - 7, Security and Maintenance, as far as it bears on a step.

use crate::{definitions, settings, standing};
use magistrate_sdk::case::trained;
use magistrate_sdk::facts::{Device, Initiator};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::text::blank;
use magistrate_sdk::{Case, Duties};

/// Part 7, in the order of its paragraphs.
pub fn judge(case: &mut Case) {
    multi_factor(case);
    authorised_access(case);
    user_is_identified(case);
    if case.phase() != Phase::Enroll {
        justification(case);
    }
    audit_trail(case);
}

/// 7(1) "strong multifactor authentication; encrypted communications; firewalls".
fn multi_factor(case: &mut Case) {
    let factors = case.actor().multi_factor;
    case.clause("7(1)-a").requires(
        factors,
        "the credential is bound to a second factor",
        "the credential has no second factor: have it bound to one",
    );
}

/// 7(5) "Authorized access … will be granted only to members whose positions and job duties require such access and who
/// have successfully completed a background check and required training."
fn authorised_access(case: &mut Case) {
    if !standing::actor_is_member(case) {
        case.clause("7(5)").notes("the actor is no member of the Department; their own agency vouches for them");
        return;
    }
    let checked = case.actor().background_checked.is_some();
    let positioned = !standing::in_use(case) || standing::actor_in_unit(case);
    let trained = has_required_training(case);
    let otherwise = if !checked {
        "no background check is on record: complete one"
    } else if !trained {
        "the training this step requires is not completed or has expired: complete it"
    } else {
        "the position does not require this access: have the examining unit take this step"
    };
    case.clause("7(5)").requires(
        checked && trained && positioned,
        "position, background check and training allow this access",
        otherwise,
    );
}

fn has_required_training(case: &Case) -> bool {
    if standing::in_use(case) {
        return definitions::actor_is_examiner(case);
    }
    let curriculum = case.settings().text(&settings::REQUESTER_CURRICULUM);
    let asks = case.phase() == Phase::Request && !standing::actor_in_unit(case) && !curriculum.is_empty();
    !asks || trained(case.actor(), curriculum, case.today())
}

/// 7(8) "Queries … will be logged into the system identifying the user initiating the query." A program is no user.
fn user_is_identified(case: &mut Case) {
    let automated = case.request().is_some_and(|r| matches!(r.initiator, Initiator::Automated));
    let nobody = automated || matches!(case.actor().device, Device::Service);
    // Gallery loads are a program's work, and the registrar whose credential it carries answers for them.
    let nobody = nobody && case.phase() != Phase::Enroll;
    let named = !blank(&case.actor().name);
    case.clause("7(8)-a").requires(
        named && !nobody,
        "the record identifies the person who takes this step",
        "a program started this: have a person take this step",
    );
}

/// 7(9) "Audit logs will include: a. The name and unit of the law enforcement user; b. The date of access; c. Case number;
/// and d. The authorized … justification for access including a relevant case number."
fn justification(case: &mut Case) {
    let numbered = case.identified_by(case.settings().texts(&settings::CASE_NUMBERS));
    let justified = case.gives_reason();
    let unit = !blank(&case.actor().unit);
    let ask = if !numbered {
        "state a case number: the audit trail has to hold one"
    } else if !justified {
        "state the justification for the search: the audit trail has to hold one"
    } else {
        "have the unit of whoever takes this step entered in the registry"
    };
    case.clause("7(9)-c").needs(
        numbered && justified && unit,
        "the audit trail holds user, unit, date, case number and justification",
        ask,
    );
}

/// 7(9) "An audit trail will be kept for a minimum of one (1) year".
fn audit_trail(case: &mut Case) {
    let days = settings::count(case, &settings::AUDIT_DAYS);
    case.clause("7(9)-a").notes("the step is on record, whatever the decision");
    case.clause("7(9)-b").notes("the audit trail is kept for a year at least");
    case.clause("7(9)-b").obliges(Duties::retain("audit-trail", days));
}
