//! 307.5 - 6, Governance and Oversight, as far as it bears on a request.

use crate::{answers, outside, settings, standing};
use magistrate_sdk::calendar::{HOUR_MS, days_between};
use magistrate_sdk::case::trained;
use magistrate_sdk::facts::{Dissemination, ReleasePlan, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Duty, RetentionRule};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Duties};

const DAY_MS: u64 = 24 * HOUR_MS;

/// Part 6, in the order of its paragraphs.
pub fn judge(case: &mut Case) {
    need_to_know(case);
    match case.phase() {
        Phase::Search => {
            reviewed_by_the_commander(case);
            most_likely_candidates(case);
            purged(case);
        }
        Phase::Candidates => {
            shown_to_the_unit(case);
            lawful_records(case);
            every_candidate(case);
        }
        _ => {}
    }
    prerequisites(case);
}

/// 6.1(2)a "Overseeing and administering the facial recognition program to ensure compliance": to ensure it, and not to
/// dispense with it. What is asked for less often is asked for by another directive, which is the Board's to approve (6.4).
pub fn nothing_is_waived(case: &mut Case) {
    case.clause(clause!("6.1(2)a"))
        .violated("no clause of the directive lets anybody set an obligation aside: have it met");
}

/// 6.1(2)c "user accounts and authorities granted to personnel are maintained in a current and secure "need-to-know"
/// status". An account whose review is due is not current, and no result is come by or handed over with it until the LASO has
/// reviewed it (DP-1). That binds no access phase, so a LASO whose own review is due can still review.
pub fn need_to_know(case: &mut Case) {
    if !standing::actor_is_member(case) {
        return;
    }
    let limit = case.settings().number(&settings::NEED_REVIEW_DAYS);
    // A review still to come is none.
    let current = case.actor().need_reviewed.is_some_and(|at| (0..=limit).contains(&days_between(at, case.today())));
    if current {
        case.clause(clause!("6.1(2)c")).satisfied();
        return;
    }
    let laso = case.settings().text(&settings::LASO_ROLE);
    let task = Duties::task(laso, "review the actor's need for access", 72);
    if case.settings().is(&settings::NEED_REVIEW_LAPSED, "task") {
        case.clause(clause!("6.1(2)c"))
            .read_as(reading!("DP-1"))
            .notes("the need for access is due for review by the LASO");
        case.clause(clause!("6.1(2)c")).obliges(task);
        return;
    }
    case.clause(clause!("6.1(2)c"))
        .read_as(reading!("DP-1"))
        .violated("the actor's need for access was not reviewed in time: have the LASO review it");
    case.clause(clause!("6.1(2)c")).always_obliges(task);
}

/// 6.1(3)a "Reviewing facial recognition search requests, reviewing the results of facial recognition searches".
fn reviewed_by_the_commander(case: &mut Case) {
    let commander = case.settings().text(&settings::COMMANDER_ROLE);
    case.clause(clause!("6.1(3)a-1")).noted();
    case.clause(clause!("6.1(3)a-1")).obliges(Duties::task(
        commander,
        "review the request and the result of its search",
        72,
    ));
}

/// 6.1(3)a "returning the most likely candidates – or candidate images – if any": of a list of bounded length.
fn most_likely_candidates(case: &mut Case) {
    let [least, most, usual] = [&settings::CANDIDATES_LEAST, &settings::CANDIDATES_MOST, &settings::CANDIDATES_USUAL]
        .map(|setting| settings::count(case, setting));
    let hide = case.settings().flag(&settings::HIDE_SCORES);
    // 0 asks for the usual number.
    let asked = if let Step::Search(plan) = &case.matter().step { plan.at_most } else { 0 };
    if asked > most {
        case.clause(clause!("6.1(3)a-2")).notes("more candidates are asked for than are shown: the list is cut");
    } else {
        case.clause(clause!("6.1(3)a-2")).satisfied();
    }
    case.clause(clause!("6.1(3)a-2")).obliges(Duties::candidates(least, most, usual, hide));
}

/// 6.1(3)a The unit reviews the list and returns the most likely candidates, so nobody else sees the list.
fn shown_to_the_unit(case: &mut Case) {
    let unit = standing::actor_in_unit(case) || standing::by_the_state(case);
    case.clause(clause!("6.1(3)a-2"))
        .requires(unit, "the candidate list stays in the examining unit, which returns the most likely candidates");
}

/// 6.1(3)b "facial recognition information (including probe images) is automatically purged in accordance with this
/// Department's retention policy, unless determined to be of evidentiary value". The bytes go, the record stays (IR-15).
fn purged(case: &mut Case) {
    let days = settings::count(case, &settings::PROBE_DAYS);
    let by = case.clock().now.saturating_add(u64::from(days).saturating_mul(DAY_MS));
    let duty = if case.flag(answers::EVIDENTIARY) == Some(true) {
        case.clause(clause!("6.1(3)b")).noted();
        Duty::Hold(RetentionRule { subject: "probe".to_owned(), at_least_days: days })
    } else if case.settings().is(&settings::PROBE_PURGE, "bytes") {
        case.clause(clause!("6.1(3)b")).read_as(reading!("IR-15")).noted();
        Duties::purge("probe", by)
    } else {
        let days = settings::audit_days(case);
        case.clause(clause!("6.1(3)b")).read_as(reading!("IR-15")).noted();
        Duties::retain("probe", days)
    };
    case.clause(clause!("6.1(3)b")).obliges(duty);
}

/// 6.1(3)d "personnel (including investigators from external agencies who request facial recognition searches) meet all
/// prerequisites stated in this policy prior to being authorized to use the facial recognition system."
fn prerequisites(case: &mut Case) {
    if standing::outside(case) {
        let agreement = outside::has_agreement(case, case.requester_agency());
        case.clause(clause!("6.1(3)d")).requires(
            agreement,
            "the requester's agency has no agreement in force, which is a prerequisite for its requests",
        );
        return;
    }
    let curriculum = case.settings().text(&settings::REQUESTER_CURRICULUM);
    let checked = standing::is_background_checked(case, case.requester());
    let trained = curriculum.is_empty() || trained(case.requester(), curriculum, case.today());
    let otherwise = if checked {
        "the requester has not completed the training asked of requesters, or it has expired"
    } else {
        "no background check of the requester is on record"
    };
    case.clause(clause!("6.1(3)d")).requires(checked && trained, otherwise);
}

/// 6.1(3)a "reviewing the results of facial recognition searches", of which "the most likely candidates" are returned: that
/// they are the most likely is known once all have been looked at. What is withheld nobody looks at.
fn every_candidate(case: &mut Case) {
    let Step::Candidates(list) = &case.matter().step else { return };
    if list.iter().any(|c| may_be_shown(case, &c.status)) {
        case.clause(clause!("6.1(3)a-1")).notes("each candidate of the list gets a disposition, with its reason");
        case.clause(clause!("6.1(3)a-1")).obliges(Duty::DisposeAll);
    }
}

/// 6.1(3)a Nobody concludes anything from a list, and nothing of it leaves, before each candidate has its disposition. Nor is
/// it known otherwise that "a viable candidate cannot be located" (5.4(5)).
pub fn all_reviewed(case: &mut Case) {
    let history = case.history();
    let all = history.candidates_disposed >= history.candidates_returned;
    case.clause(clause!("6.1(3)a-1"))
        .needs(all, "candidates of the list have no disposition yet: say of each what it was found to be, and why");
}

/// Whether a record's status allows that anybody sees it: a sealed, expunged or juvenile one's does not.
pub fn may_be_shown(case: &Case, status: &str) -> bool {
    case.settings().texts(&settings::SHOWN_STATUSES).contains(status)
}

/// 6.1(4) speaks of "dissemination" too: a record that was taken out of use since its list was shown does not leave.
pub fn lawful_to_return(case: &mut Case, plan: &ReleasePlan) {
    let lawful = plan.candidates.iter().all(|c| may_be_shown(case, &c.status));
    case.clause(clause!("6.1(4)")).requires(
        lawful,
        "a candidate's record is sealed or of unknown status by now: leave it out, or have the registrar correct the gallery",
    );
}

/// Nor is it handed over when it was taken out of use since the release, in a report that shows it.
pub fn lawful_to_hand_over(case: &mut Case, handed: &Dissemination) {
    let lawful = handed.candidates.iter().all(|c| may_be_shown(case, &c.status));
    case.clause(clause!("6.1(4)")).requires(
        lawful,
        "the result holds a record that was sealed or otherwise taken out of use since its release: it is handed over to nobody",
    );
}

/// 6.1(4) "privacy, civil rights, and civil liberties are not violated by" access: a record that its status takes out of
/// use leaves the list before anybody sees it, and the rest of the list is shown.
fn lawful_records(case: &mut Case) {
    let Step::Candidates(list) = &case.matter().step else { return };
    let withheld: Vec<String> =
        list.iter().filter(|c| !may_be_shown(case, &c.status)).map(|c| c.record_id.clone()).collect();
    if withheld.is_empty() {
        case.clause(clause!("6.1(4)")).satisfied();
        return;
    }
    case.clause(clause!("6.1(4)"))
        .notes("the list holds records that are sealed or of unknown status, which are withheld: have the registrar correct the gallery");
    case.clause(clause!("6.1(4)")).obliges(Duty::Withhold(withheld));
}
