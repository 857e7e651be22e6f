//! The access phase, 6.1(2), 6.1(3)d, 7(5) and 7(6): who gets in, and on whose word.

use crate::{answers, settings, standing};
use magistrate_sdk::calendar::{before, days_between};
use magistrate_sdk::case::trained;
use magistrate_sdk::facts::{Access, AccessChange, Person, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::{Case, Duties, Setting};

/// The roles that only a member of the examining unit holds.
const UNIT_ROLES: [&Setting; 3] = [&settings::EXAMINER_ROLE, &settings::SUPERVISOR_ROLE, &settings::COMMANDER_ROLE];

/// The rules of the access phase.
pub fn judge(case: &mut Case) {
    let (Step::Access(access), Some(subject)) = (&case.matter().step, case.subject()) else { return };
    authorised_by_the_laso(case);
    match access.change {
        AccessChange::Grant | AccessChange::Reinstate => {
            need(case, &subject.person);
            prerequisites(case, access, &subject.person);
            credential(case);
            review_again(case);
        }
        AccessChange::Review => {
            case.clause(clause!("6.1(2)c")).satisfied();
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

/// 6.1(2) "The LASO will be responsible for … acting as the authorizing official for individual access". The LASO alone.
fn authorised_by_the_laso(case: &mut Case) {
    let laso = standing::actor_is_laso(case);
    case.clause(clause!("6.1(1)")).notes("the LASO is responsible for who uses the program");
    case.clause(clause!("6.1(2)a")).notes("the LASO oversees and administers the program");
    case.clause(clause!("6.1(2)b"))
        .requires(laso, "only the Local Agency Security Officer authorises access: have the LASO do it");
}

/// 6.1(2)c "a current and secure "need-to-know" status": the need is stated when access is given.
fn need(case: &mut Case, person: &Person) {
    let limit = case.settings().number(&settings::NEED_REVIEW_DAYS);
    let today = case.today();
    let reviewed = person.need_reviewed.is_some_and(|at| days_between(at, today) <= limit);
    let stated = case.text(answers::NEED_TO_KNOW).is_some();
    case.clause(clause!("6.1(2)c")).needs(
        reviewed || stated,
        "state the position and duties that need this access: no current review of the need is on record",
    );
}

/// 6.1(2)c Accounts "are maintained in a current" status: the need is reviewed again.
fn review_again(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let hours = settings::count(case, &settings::NEED_REVIEW_DAYS).saturating_mul(24);
    case.clause(clause!("6.1(2)c")).obliges(Duties::task(laso, "review the person's need for access", hours));
}

/// 7(5) "positions and job duties require such access and who have successfully completed a background check and required
/// training", and 6.1(3)d, that all of it is documented before.
fn prerequisites(case: &mut Case, access: &Access, person: &Person) {
    let today = case.today();
    let checked = person.background_checked.is_some_and(|on| !before(today, on));
    let trained = has_training(case, access, person);
    let positioned = has_position(case, access, person);
    let otherwise = if !checked {
        "no background check of the person is on record: complete one first"
    } else if !trained {
        "the training these roles require is not completed or has expired: complete it first"
    } else {
        "the person's position does not require these roles: the examining unit's are for its members"
    };
    case.clause(clause!("7(5)")).requires(checked && trained && positioned, otherwise);
    case.clause(clause!("6.1(3)d")).requires(checked && trained, otherwise);
    let named = !access.roles.is_empty();
    case.clause(clause!("6.1(3)d")).needs(named, "name the roles that the person is to hold");
}

/// Examiners need theirs; anybody else the training asked of requesters, if any is.
fn has_training(case: &Case, access: &Access, person: &Person) -> bool {
    let settings = case.settings();
    let examiner = access.roles.iter().any(|role| settings.is(&settings::EXAMINER_ROLE, role));
    let setting = if examiner { &settings::EXAMINER_CURRICULUM } else { &settings::REQUESTER_CURRICULUM };
    let curriculum = settings.text(setting);
    curriculum.is_empty() || trained(person, curriculum, case.today())
}

fn has_position(case: &Case, access: &Access, person: &Person) -> bool {
    let settings = case.settings();
    let of_the_unit = |role: &String| UNIT_ROLES.iter().any(|unit_role| settings.is(unit_role, role));
    !access.roles.iter().any(of_the_unit) || settings.is(&settings::EXAMINING_UNIT, &person.unit)
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
