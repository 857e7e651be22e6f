//! C.5 and C.6: what became of a Compare Report. An outcome is documentation: hearing of it late or incompletely is
//! better than not at all, so little here refuses one, and much follows from one.

use crate::c_inquiries::{COMPARE_REPORT, at_the_rtcc};
use crate::f_responsibilities::tell_the_commander;
use crate::settings::{ADMINISTRATOR_ROLE, COMMANDER_ROLE, EVIDENCE_DAYS, FOLLOW_UP_HOURS, REQUESTER_RANKS, count};
use crate::words::{self, given};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Duty, RetentionRule};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties};

/// The question whether somebody was identified.
const IDENTIFIED: &str = "positive-identification";

/// C.5 and C.6, as far as each applies.
pub fn what_became_of_it(case: &mut Case) {
    documented_by_those_who_know(case);
    match case.flag(IDENTIFIED) {
        None => case.clause(clause!("C.5")).missing(
            "say in `positive-identification` whether the Compare Report was used to make a positive identification",
        ),
        Some(false) => {
            case.tag("outcome", "no-identification");
            case.clause(clause!("C.5")).satisfied();
            case.clause(clause!("C.6")).satisfied();
        }
        Some(true) => {
            case.tag("outcome", "positive-identification");
            seized_as_evidence(case);
            documented_in_i_leads(case);
        }
    }
    never_the_sole_basis(case);
}

/// C.6 "Detectives or Officers will fully document": those of the requester's agency, or the Real-Time Crime Center for
/// them.
fn documented_by_those_who_know(case: &mut Case) {
    let (actor, requester) = (case.actor_agency(), case.requester_agency());
    let colleague = same(&actor.id, &requester.id) && same(&actor.home, &requester.home);
    let knows = colleague || at_the_rtcc(case);
    case.clause(clause!("C.6")).requires(
        knows,
        "only the requester's agency or the Real-Time Crime Center reports what became of a search: have one of them do",
    );
}

/// C.5 "In the event that the information provided by the RTCC in the Facial Recognition Image Compare Report is used
/// to make a positive identification, the Facial Recognition Image Compare Report will be seized as evidence and
/// handled in accordance with Department policy."
fn seized_as_evidence(case: &mut Case) {
    let (days, hours) = (count(case.settings(), &EVIDENCE_DAYS), count(case.settings(), &FOLLOW_UP_HOURS));
    let administrator = case.settings().text(&ADMINISTRATOR_ROLE);
    if given(case, "evidence-number").is_some() {
        case.clause(clause!("C.5")).satisfied();
    } else {
        case.clause(clause!("C.5"))
            .notes("the Compare Report is seized as evidence: its number is to follow in `evidence-number`");
    }
    let rule = RetentionRule { subject: COMPARE_REPORT.to_owned(), at_least_days: days };
    case.clause(clause!("C.5")).obliges(Duty::Hold(rule));
    case.clause(clause!("C.5")).obliges(Duties::task(
        administrator,
        "seize the Compare Report as evidence and record its evidence number",
        hours,
    ));
}

/// C.6 "Detectives or Officers will fully document the use of any positive identification that was made with the
/// assistance of the SMRT system in the I/Leads report."
fn documented_in_i_leads(case: &mut Case) {
    if given(case, "i-leads-report").is_some() {
        case.clause(clause!("C.6")).satisfied();
        return;
    }
    let hours = count(case.settings(), &FOLLOW_UP_HOURS);
    // Whoever asked holds one of these ranks; the task names the first where they no longer do.
    let ranks = case.settings().texts(&REQUESTER_RANKS);
    let rank = case.requester().rank.as_str();
    let owner = if words::listed(ranks, rank) { rank } else { ranks.iter().next().unwrap_or_default() };
    case.clause(clause!("C.6")).notes("the identification is to be documented: name the report in `i-leads-report`");
    case.clause(clause!("C.6")).obliges(Duties::task(
        owner,
        "document the use of the positive identification in the I/Leads report and record the report's number",
        hours,
    ));
}

/// NOTE to C.4 "These investigative leads should not be used as the sole basis for any decision in the investigation":
/// for any, whether somebody was identified or not. What happened happened, and goes on record; the Commander hears of
/// it.
fn never_the_sole_basis(case: &mut Case) {
    if case.flag("sole-basis") != Some(true) {
        return;
    }
    let (role, hours) = (case.settings().text(&COMMANDER_ROLE), count(case.settings(), &FOLLOW_UP_HOURS));
    case.tag("violation", "C.4-NOTE");
    case.clause(clause!("C.4-NOTE")).notes("the lead was the sole basis of a decision, which it should not be");
    case.clause(clause!("C.4-NOTE")).obliges(Duties::flag("an investigative lead was the sole basis of a decision"));
    let about = "review a decision whose sole basis was an investigative lead";
    case.clause(clause!("E.1-c")).obliges(Duties::task(role, about, hours));
    let notice = tell_the_commander(case, "an investigative lead was the sole basis of a decision");
    case.clause(clause!("E.1-c")).always_obliges(notice);
}
