//! The access phase, 6.1(2), 6.1(3)d, 7(5) and 7(6): who gets in, and on whose word. And 5.5(c): which agency is suspended.

use crate::{answers, outside, settings, standing, words};
use magistrate_sdk::calendar::days_between;
use magistrate_sdk::case::trained;
use magistrate_sdk::facts::{Access, AccessChange, Agency, Party, Person, Step};
use magistrate_sdk::terms::Holder;
use magistrate_sdk::text::blank;
use magistrate_sdk::{Case, Duties, Setting};

/// The roles that only a member of the examining unit holds.
const UNIT_ROLES: [&Setting; 3] = [&settings::EXAMINER_ROLE, &settings::SUPERVISOR_ROLE, &settings::COMMANDER_ROLE];

/// The rules of the access phase.
pub fn judge(case: &mut Case) {
    let Step::Access(access) = &case.matter().step else { return };
    authorised_by_the_laso(case);
    let Some(subject) = case.subject() else {
        case.clause(clause!("6.1(2)b")).violated("nobody is named whose access is changed: name the person");
        return;
    };
    if access.whose == Holder::Agency {
        agency(case, access.change, &subject.agency);
        return;
    }
    match access.change {
        AccessChange::Grant | AccessChange::Reinstate => {
            need(case, &subject.person);
            second_factor(case, &subject.person);
            prerequisites(case, access, subject);
            credential(case);
            review_again(case);
        }
        AccessChange::Review => {
            reviewed(case);
            credential(case);
            review_again(case);
        }
        AccessChange::Suspend | AccessChange::Withdraw => case.clause(clause!("6.1(2)c")).satisfied(),
    }
    case.tag("access", change(access.change));
}

fn change(change: AccessChange) -> &'static str {
    match change {
        AccessChange::Grant => "grant",
        AccessChange::Review => "review",
        AccessChange::Suspend => "suspend",
        AccessChange::Reinstate => "reinstate",
        AccessChange::Withdraw => "withdraw",
    }
}

/// 5.5(c) The Department "shall immediately suspend all Facial Recognition requests until the requesting agency becomes in
/// compliance": that agency's (IR-9), and not before it complies.
fn agency(case: &mut Case, what: AccessChange, agency: &Agency) {
    case.tag("agency-access", change(what));
    match what {
        AccessChange::Suspend => case.clause(clause!("5.5-c")).read_as(reading!("IR-9")).satisfied(),
        AccessChange::Reinstate => {
            let complies = case.affirmed(answers::AGENCY_COMPLIES);
            case.clause(clause!("5.5-c")).read_as(reading!("IR-9")).affirms(
                complies,
                "say whether the agency complies with the directive again",
                "the agency does not comply with the directive: its requests stay suspended until it does",
            );
            let own = standing::is_department(case, agency);
            let agreed = outside::is_law_enforcement(case, agency) && outside::has_agreement(case, agency);
            case.clause(clause!("6.1(3)d")).requires(
                own || agreed,
                "the agency is no law enforcement agency or has no agreement in force: put that right first",
            );
        }
        AccessChange::Grant | AccessChange::Review | AccessChange::Withdraw => case
            .clause(clause!("6.1(2)b"))
            .violated("access is a person's: an agency is suspended, and reinstated once it complies"),
    }
}

/// 6.1(1) "the coordination of personnel" and "the enforcement of this policy is assigned to the … (LASO)", and 6.1(2) "The
/// LASO will be responsible for … Overseeing and administering the facial recognition program" and "Acting as the authorizing
/// official for individual access". The LASO alone.
fn authorised_by_the_laso(case: &mut Case) {
    let laso = standing::actor_is_laso(case);
    case.clause(clause!("6.1(1)")).requires(
        laso,
        "who uses the program, and whose requests are suspended, is the Local Agency Security Officer's to coordinate: have the LASO do it",
    );
    case.clause(clause!("6.1(2)a"))
        .requires(laso, "only the Local Agency Security Officer administers the program: have the LASO do it");
    case.clause(clause!("6.1(2)b"))
        .requires(laso, "only the Local Agency Security Officer authorises access: have the LASO do it");
}

/// 6.1(2)c "a current and secure "need-to-know" status": the need is stated when access is given.
fn need(case: &mut Case, person: &Person) {
    let limit = case.settings().number(&settings::NEED_REVIEW_DAYS);
    let today = case.today();
    let reviewed = person.need_reviewed.is_some_and(|at| (0..=limit).contains(&days_between(at, today)));
    let stated = words::stated(case, answers::NEED_TO_KNOW).is_some();
    case.clause(clause!("6.1(2)c")).needs(
        reviewed || stated,
        "state the position and duties that need this access: no current review of the need is on record",
    );
}

/// 6.1(2)c A review says that the need is still there; where it is not, the access is withdrawn.
fn reviewed(case: &mut Case) {
    let stated = words::stated(case, answers::NEED_TO_KNOW).is_some();
    case.clause(clause!("6.1(2)c"))
        .needs(stated, "state the position and duties that still need this access, or withdraw it");
}

/// 7(1) "strong multifactor authentication": the credential that would be let in has it.
fn second_factor(case: &mut Case, person: &Person) {
    case.clause(clause!("7(1)-a")).requires(
        person.multi_factor,
        "the person's credential has no second factor: have it bound to one, then give access",
    );
}

/// 6.1(2)c Accounts "are maintained in a current" status: the need is reviewed again.
fn review_again(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let hours = settings::count(case, &settings::NEED_REVIEW_DAYS).saturating_mul(24);
    case.clause(clause!("6.1(2)c")).obliges(Duties::task(laso, "review the person's need for access", hours));
}

/// 7(5) "positions and job duties require such access and who have successfully completed a background check and required
/// training", and 6.1(3)d, that all of it, and for an external agency's investigators what 5.5 asks of it, is documented
/// before.
fn prerequisites(case: &mut Case, access: &Access, subject: &Party) {
    let checked = standing::is_background_checked(case, &subject.person);
    let trained = has_training(case, access, &subject.person);
    let positioned = has_position(case, access, subject);
    let agreed = is_member(case, subject) || is_eligible(case, subject);
    let otherwise = if !checked {
        "no background check of the person is on record: complete one first"
    } else if !trained {
        "the training these roles require is not completed or has expired: complete it first"
    } else if !positioned {
        "the person's position does not require these roles: the examining unit's are for its members, the Department's for its own"
    } else {
        "the person's agency is no law enforcement agency, has no agreement in force or is suspended: put that right first"
    };
    case.clause(clause!("7(5)")).requires(checked && trained && positioned, otherwise);
    case.clause(clause!("6.1(3)d")).requires(checked && trained && agreed, otherwise);
    let named = access.roles.iter().any(|role| !blank(role));
    case.clause(clause!("6.1(3)d")).needs(named, "name the roles that the person is to hold");
}

fn is_member(case: &Case, subject: &Party) -> bool {
    standing::is_department(case, &subject.agency)
}

/// 5.5 Whether an outside agency's investigators may make requests at all.
fn is_eligible(case: &Case, subject: &Party) -> bool {
    let agency = &subject.agency;
    outside::is_law_enforcement(case, agency)
        && outside::has_agreement(case, agency)
        && !outside::is_suspended(case, agency)
}

/// Examiners need theirs; anybody else the training asked of requesters, if any is.
fn has_training(case: &Case, access: &Access, person: &Person) -> bool {
    let settings = case.settings();
    let examiner = access.roles.iter().any(|role| settings.is(&settings::EXAMINER_ROLE, role));
    let setting = if examiner { &settings::EXAMINER_CURRICULUM } else { &settings::REQUESTER_CURRICULUM };
    let curriculum = settings.text(setting);
    curriculum.is_empty() || trained(person, curriculum, case.today())
}

/// The examining unit's roles are its members', those of the LASO and of who changes or purges records any member's (7(4)).
fn has_position(case: &Case, access: &Access, subject: &Party) -> bool {
    let settings = case.settings();
    let member = is_member(case, subject);
    let in_unit = member && settings.is(&settings::EXAMINING_UNIT, &subject.person.unit);
    access.roles.iter().all(|role| {
        let of_the_unit = UNIT_ROLES.iter().any(|unit_role| settings.is(unit_role, role));
        let of_the_department = settings.is(&settings::LASO_ROLE, role)
            || [&settings::ENROLLER_ROLES, &settings::RETENTION_ROLES]
                .iter()
                .any(|roles| settings.texts(roles).contains(role));
        if of_the_unit { in_unit } else { member || !of_the_department }
    })
}

/// 7(6) "Usernames and passwords … are not transferrable, must not be shared by Department members, and must be kept
/// confidential."
fn credential(case: &mut Case) {
    let personal = case.affirmed(answers::CREDENTIAL_PERSONAL);
    case.clause(clause!("7(6)")).affirms(
        personal,
        "say whether the credential is this person's alone",
        "a shared credential gives nobody access: withdraw it and issue one to each person",
    );
}
