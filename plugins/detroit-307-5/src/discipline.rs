//! The violation phase: part 4, Discipline, the suspension of 5.5(c), and 7(2), a breach.
//!
//! What a violation sets off does not wait for a complete report, so every duty here is one whatever the verdict.

use crate::{answers, prohibited, settings, standing, words};
use magistrate_sdk::calendar::hours_after;
use magistrate_sdk::facts::Step;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::ClockOrigin;
use magistrate_sdk::{Case, Duties};

/// The rules of the violation phase.
pub fn judge(case: &mut Case) {
    let Step::Violation(at) = &case.matter().step else { return };
    let at = *at;
    let violated = words::stated(case, answers::VIOLATED_CLAUSE);
    let breach = case.flag(answers::BREACH) == Some(true);
    misconduct(case, at, violated, breach);
    if words::texts(case, answers::VIOLATED_CLAUSE).any(is_first_amendment) {
        first_amendment(case, at);
    }
    agency(case);
    if breach {
        breach_reported(case);
        breach_assessed(case);
        individuals(case);
    }
    counted(case, violated);
}

/// 4(1) "Any violations to this policy shall be deemed major misconduct. Any misuse of the facial recognition software will
/// be investigated and reviewed for criminality."
fn misconduct(case: &mut Case, at: u64, violated: Option<&str>, breach: bool) {
    let office = case.settings().text(&settings::MISCONDUCT_OFFICE);
    let laso = case.settings().text(&settings::LASO_ROLE);
    let named = violated.is_some() || breach;
    let past = at <= case.clock().now;
    case.clause(clause!("4(1)"))
        .needs(named, "name the clause that was violated, or say that information was breached");
    case.clause(clause!("4(1)")).needs(past, "the violation lies in the future: state when it happened");
    case.clause(clause!("4(1)")).notes("a violation is major misconduct, investigated and reviewed for criminality");
    let about = "investigate the violation and review it for criminality";
    case.clause(clause!("4(1)")).always_obliges(Duties::task(office, about, 72));
    let about = "a violation of the directive is on record";
    case.clause(clause!("4(1)")).always_obliges(Duties::notify(&[laso, office], 24, ClockOrigin::Decision, about));
}

/// Whether a clause is 3.5 or one of its letters, however it is written: `3.5-a`, `3.5(a)`, `307.5 - 3.5`.
fn is_first_amendment(clause: &str) -> bool {
    const SECTION: &str = "3.5";
    let digit = |c: char| c.is_ascii_digit();
    clause.match_indices(SECTION).any(|(at, _)| {
        let before = clause.get(..at).and_then(|text| text.chars().next_back());
        let after = clause.get(at + SECTION.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(|c| digit(c) || c == '.') && !after.is_some_and(digit)
    })
}

/// 4(2) "If facial recognition is used contrary to section 307.5 -3.5 …, DPD shall notify the Board of Policy Commissioners,
/// the Mayor of Detroit, City Council President, and City Council President Pro Tem within 24 hours of the violation." Hours
/// elapsed (IR-13), from the violation itself: one found late is overdue, and notified all the same.
fn first_amendment(case: &mut Case, at: u64) {
    let hours = settings::count(case, &settings::PROTECTED_NOTICE_HOURS);
    let overdue = case.clock().now > hours_after(at, u64::from(hours));
    if overdue {
        case.clause(clause!("4(2)"))
            .read_as(reading!("IR-13"))
            .notes("the hours for this notice are over already: it is overdue, notify the four offices at once");
        case.clause(clause!("4(2)"))
            .always_obliges(Duties::flag("the notice of a violation of 3.5 is overdue: the LASO reviews why"));
    } else {
        case.clause(clause!("4(2)"))
            .read_as(reading!("IR-13"))
            .notes("the four offices are notified within 24 hours of the violation");
    }
    prohibited::notify_offices(case, hours, ClockOrigin::Violation, "facial recognition was used contrary to 3.5");
}

/// 5.5(c) "If any agency is found not in compliance with this Directive, the Department shall immediately suspend all Facial
/// Recognition requests until the requesting agency becomes in compliance". That agency's (IR-9). It is the Department
/// that finds so: what somebody else reports is recorded, told and investigated as any violation is, and suspends nobody.
fn agency(case: &mut Case) {
    let own = case.settings().texts(&settings::OWN_AGENCIES);
    let Some(agency) = words::stated(case, answers::OFFENDING_AGENCY).filter(|id| !own.contains(id)) else {
        return;
    };
    if !standing::actor_is_member(case) {
        let laso = case.settings().text(&settings::LASO_ROLE);
        case.clause(clause!("5.5-c"))
            .notes("whether the agency complies is for the Department to find, and nobody else");
        let about = "find whether the agency reported to be out of compliance is, and suspend its requests if so";
        case.clause(clause!("5.5-c")).always_obliges(Duties::task(laso, about, 24));
        return;
    }
    case.clause(clause!("5.5-c"))
        .read_as(reading!("IR-9"))
        .notes(&format!("the requests of `{agency}` are suspended until it complies with the directive"));
    case.clause(clause!("5.5-c")).always_obliges(Duties::suspend_agency(agency));
}

/// 7(2) "report a suspected or confirmed breach to their immediate supervisor who will ensure that the … (LASO) … is notified
/// as soon as possible without unreasonable delay".
fn breach_reported(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let hours = settings::count(case, &settings::BREACH_NOTICE_HOURS);
    case.clause(clause!("7(2)-a")).notes("the supervisor and the LASO are notified of the breach");
    let to = ["immediate supervisor", laso];
    let about = "a suspected or confirmed breach of facial recognition information";
    case.clause(clause!("7(2)-a")).always_obliges(Duties::notify(&to, hours, ClockOrigin::Decision, about));
}

/// 7(2) "Following assessment … and as soon as practicable, the Department will notify the originating agency … of the nature
/// and scope".
fn breach_assessed(case: &mut Case) {
    let hours = settings::count(case, &settings::BREACH_ASSESSMENT_HOURS);
    if case.affirmed(answers::BREACH_ASSESSED) != Some(true) {
        let laso = case.settings().text(&settings::LASO_ROLE);
        case.clause(clause!("7(2)-b")).notes("the breach has to be assessed before the originating agency is notified");
        let about = "assess the breach and notify the originating agency of its nature and scope";
        case.clause(clause!("7(2)-b")).always_obliges(Duties::task(laso, about, hours));
        return;
    }
    let scope = words::stated(case, answers::BREACH_SCOPE).is_some();
    case.clause(clause!("7(2)-b")).needs(scope, "state the nature and scope of the breach");
    let own = case.settings().texts(&settings::OWN_AGENCIES);
    match words::stated(case, answers::CONTRIBUTOR).filter(|id| !own.contains(id)) {
        Some(origin) => {
            case.clause(clause!("7(2)-b")).notes("the originating agency is notified");
            let about = "the nature and scope of a breach of facial recognition information";
            let duty = Duties::notify(&[origin], hours, ClockOrigin::Decision, about);
            case.clause(clause!("7(2)-b")).always_obliges(duty);
        }
        None => case.clause(clause!("7(2)-b")).notes("no other agency is named: the Department itself is the origin"),
    }
}

/// 7(2) "The Department will determine whether a data breach requires notification to an affected individual".
fn individuals(case: &mut Case) {
    match case.flag(answers::INDIVIDUALS_NOTIFIED) {
        Some(true) => {
            case.clause(clause!("7(2)-c")).notes("the Department determined that affected individuals are notified");
            let laso = case.settings().text(&settings::LASO_ROLE);
            let duty = Duties::task(laso, "notify the individuals affected by the breach", 72);
            case.clause(clause!("7(2)-c")).always_obliges(duty);
        }
        Some(false) => {
            case.clause(clause!("7(2)-c")).notes("the Department determined that no individual has to be notified");
        }
        None => {
            let laso = case.settings().text(&settings::LASO_ROLE);
            let hours = settings::count(case, &settings::BREACH_ASSESSMENT_HOURS);
            case.clause(clause!("7(2)-c")).notes("whether affected individuals are notified has to be determined");
            let duty = Duties::task(laso, "determine whether the breach requires notifying individuals", hours);
            case.clause(clause!("7(2)-c")).always_obliges(duty);
        }
    }
}

/// 6.2 The weekly report tells the Board of "any confirmed policy violations": those that a member of the Department confirms.
fn counted(case: &mut Case, violated: Option<&str>) {
    let clause = violated.unwrap_or("breach");
    case.tag("violation", clause);
    if case.flag(answers::CONFIRMED) == Some(true) && standing::actor_is_member(case) {
        case.tag("confirmed-violation", clause);
        case.clause(clause!("6.2-b")).notes("the confirmed violation is told to the Board with the weekly report");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_3_5_is_known_however_it_is_written() {
        for written in ["3.5", "3.5-a", "3.5(b)", "3.5.c", "307.5 - 3.5", "307.5-3.5-req", "5.2 and 3.5"] {
            assert!(is_first_amendment(written), "{written}");
        }
        for written in ["307.5", "13.5", "3.51", "5.3.5", "3.6", "5.5-a", ""] {
            assert!(!is_first_amendment(written), "{written}");
        }
    }
}
