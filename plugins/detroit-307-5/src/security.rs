//! 307.5 - 7, Security and Maintenance, as far as it bears on every step. What binds one phase only is in that phase's
//! module: `dissemination` (7(1)-b to d), `discipline` (7(2)), `activation` (7(3), and 7(7) of a version), `retention` (7(4)),
//! `access`.

use crate::{corroboration, definitions, retention, settings, standing, words};
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
    if concerns_a_request(case) {
        justification(case);
    }
    fit_to_operate(case);
    audit_trail(case);
}

/// Whether the step is part of a request's life, so that there is a case number to log.
fn concerns_a_request(case: &Case) -> bool {
    match case.phase() {
        Phase::Enroll | Phase::Access | Phase::Activation | Phase::Violation | Phase::Report | Phase::Waiver => false,
        Phase::Retention => case.request().is_some(),
        _ => true,
    }
}

/// 7(1) "strong multifactor authentication; encrypted communications; firewalls".
fn multi_factor(case: &mut Case) {
    let factors = case.actor().multi_factor;
    case.clause(clause!("7(1)-a")).requires(factors, "the credential has no second factor: have it bound to one");
}

/// 7(5) "Authorized access … will be granted only to members whose positions and job duties require such access and who
/// have successfully completed a background check and required training."
fn authorised_access(case: &mut Case) {
    if !standing::actor_is_member(case) {
        case.clause(clause!("7(5)"))
            .notes("the actor is no member of the Department; their own agency vouches for them");
        return;
    }
    let checked = standing::is_background_checked(case, case.actor());
    let positioned = !standing::units_own(case) || standing::actor_in_unit(case);
    let trained = has_required_training(case);
    let otherwise = if !checked {
        "no background check is on record: complete one"
    } else if !trained {
        "the training this step requires is not completed or has expired: complete it"
    } else {
        "the position does not require this access: have the examining unit take this step"
    };
    case.clause(clause!("7(5)")).requires(checked && trained && positioned, otherwise);
}

fn has_required_training(case: &Case) -> bool {
    if standing::in_use(case) || corroboration::signs_as_examiner(case) {
        return definitions::actor_is_examiner(case);
    }
    let curriculum = case.settings().text(&settings::REQUESTER_CURRICULUM);
    let asks = case.phase() == Phase::Request && !standing::actor_in_unit(case) && !curriculum.is_empty();
    !asks || trained(case.actor(), curriculum, case.today())
}

/// 7(7) "all manufacturer-generated default passwords are replaced with secure passwords before [the] web-based [interface] of
/// the system become[s] operational. User passwords must meet the standards outlined in Manual Directive 307.4". Until then
/// nothing is done but what may put it right (access is changed, a version takes effect, a violation is reported) and what other
/// clauses want done whatever operates: what is due is purged (5.4(6), 6.1(3)b), and what is evidence is held.
fn fit_to_operate(case: &mut Case) {
    if matches!(case.phase(), Phase::Access | Phase::Activation | Phase::Violation | Phase::Retention) {
        return;
    }
    let [replaced, standard] =
        [&settings::DEFAULTS_REPLACED, &settings::PASSWORD_STANDARD].map(|setting| case.settings().flag(setting));
    let otherwise = if replaced {
        "nobody says that passwords meet Manual Directive 307.4: enforce it, then have a version take effect whose settings say password-standard-met = true"
    } else {
        "nobody says that every manufacturer's default password was replaced: replace them, then have a version take effect whose settings say default-passwords-replaced = true"
    };
    case.clause(clause!("7(7)")).requires(replaced && standard, otherwise);
}

/// 7(8) "Queries … will be logged into the system identifying the user initiating the query." A program is no user.
fn user_is_identified(case: &mut Case) {
    let automated = case.request().is_some_and(|r| matches!(r.initiator, Initiator::Automated));
    let nobody = automated || matches!(case.actor().device, Device::Service);
    // Gallery loads and automatic purges (6.1(3)b) are a program's work, and whose credential it carries answers for them.
    let nobody = nobody && !matches!(case.phase(), Phase::Enroll | Phase::Retention);
    let named = !blank(&case.actor().name);
    case.clause(clause!("7(8)-a")).requires(named && !nobody, "a program started this: have a person take this step");
}

/// 7(9) "Audit logs will include: a. The name and unit of the law enforcement user; b. The date of access; c. Case number;
/// and d. The authorized … justification for access including a relevant case number."
fn justification(case: &mut Case) {
    let numbered = words::identified(case, &settings::CASE_NUMBERS);
    let justified = words::gives_reason(case);
    let unit = !blank(&case.actor().unit);
    let ask = if !numbered {
        "state a case number: the audit trail has to hold one"
    } else if !justified {
        "state the justification for the search: the audit trail has to hold one"
    } else {
        "have the unit of whoever takes this step entered in the registry"
    };
    case.clause(clause!("7(9)-c")).needs(numbered && justified && unit, ask);
}

/// 7(9) "An audit trail will be kept for a minimum of one (1) year".
fn audit_trail(case: &mut Case) {
    let days = settings::audit_days(case);
    case.clause(clause!("7(9)-a")).noted();
    case.clause(clause!("7(9)-b")).noted();
    case.clause(clause!("7(9)-b")).obliges(Duties::retain(retention::AUDIT_ENTRY, days));
}
