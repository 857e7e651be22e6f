//! The activation phase: a policy version or its settings take effect. 6.4 has the Board approve it, 7(7) and 7(3) the system
//! be fit for it, and the directive's head has it reviewed annually.

use crate::{answers, charter, settings, standing};
use magistrate_sdk::calendar::{before, days_between};
use magistrate_sdk::facts::{Activation, Conclusion, Step};
use magistrate_sdk::rulings::ClockOrigin;
use magistrate_sdk::{Case, Duties};

/// The rules of the activation phase.
pub fn judge(case: &mut Case) {
    let Step::Activation(activation) = &case.matter().step else { return };
    administered_by_the_laso(case);
    approved_by_the_board(case, activation);
    annual_review(case);
    passwords(case);
    maintenance(case);
    case.tag("change", "policy");
}

/// 6.1(2)a "Overseeing and administering the facial recognition program to ensure compliance".
fn administered_by_the_laso(case: &mut Case) {
    let laso = standing::actor_is_laso(case);
    case.clause(clause!("6.1(2)a"))
        .requires(laso, "only the Local Agency Security Officer administers the program: have the LASO do it");
}

/// 6.4 "The Department shall seek the Board of Police Commissioners' approval regarding any and all changes to the Facial
/// Recognition Policy."
fn approved_by_the_board(case: &mut Case, activation: &Activation) {
    let now = case.clock().now;
    let board = |conclusion: Conclusion| {
        let role = case.settings().text(&settings::BOARD_ROLE);
        activation.approvals.iter().any(|a| a.role == role && a.conclusion == conclusion && a.at <= now)
    };
    let (approved, refused) = (board(Conclusion::Approved), board(Conclusion::Refused));
    let otherwise = if refused {
        "the Board of Police Commissioners refused this change: it does not take effect"
    } else {
        "the Board of Police Commissioners has not approved this change: seek its approval first"
    };
    case.clause(clause!("6.4")).requires(approved && !refused, otherwise);
}

/// "Review Date Annually". A review that is overdue does not stop a change, which may well be its fruit.
fn annual_review(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let due = charter::review_due(case.settings());
    let today = case.today();
    if before(today, due) {
        let days = u32::try_from(days_between(today, due)).unwrap_or(0);
        case.clause(clause!("hdr")).satisfied();
        case.clause(clause!("hdr")).obliges(Duties::task(laso, "review the directive", days.saturating_mul(24)));
        return;
    }
    let board = case.settings().text(&settings::BOARD);
    case.clause(clause!("hdr"))
        .notes("the directive's annual review is due: review it and enter the year in the settings");
    let about = "the directive's annual review is due";
    case.clause(clause!("hdr")).obliges(Duties::notify(&[laso, board], 72, ClockOrigin::Decision, about));
}

/// 7(7) "all manufacturer-generated default passwords are replaced with secure passwords before [the] web-based [interface]
/// of the system become[s] operational. User passwords must meet the standards outlined in Manual Directive 307.4".
fn passwords(case: &mut Case) {
    let replaced = case.affirmed(answers::DEFAULTS_REPLACED);
    case.clause(clause!("7(7)")).affirms(
        replaced,
        "say whether every manufacturer's default password was replaced",
        "a manufacturer's default password is still in use: replace it before the system operates",
    );
    let standard = case.affirmed(answers::PASSWORD_STANDARD);
    case.clause(clause!("7(7)")).affirms(
        standard,
        "say whether passwords meet the standards of Manual Directive 307.4",
        "passwords do not meet the standards of Manual Directive 307.4: enforce them first",
    );
}

/// 7(3) "All facial recognition equipment and facial recognition software and components will be properly maintained". No
/// software can enforce it; what was attested is on record.
fn maintenance(case: &mut Case) {
    if case.affirmed(answers::MAINTAINED) == Some(true) {
        case.clause(clause!("7(3)")).satisfied();
    } else {
        case.clause(clause!("7(3)")).notes("nobody attests that equipment and software are maintained as recommended");
    }
}
