//! The outcome phase: what became of a result is reported back, which the annual report evaluates (6.3).

use crate::{answers, purpose, settings, standing, words};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Duty, RetentionRule};
use magistrate_sdk::{Case, Duties};

/// The rules of the outcome phase.
pub fn judge(case: &mut Case) {
    by_whom(case);
    efficacy(case);
    lawsuits(case);
    identification(case);
    evidence(case);
}

/// 6.3 "the number of cases that use of the technology assisted": those know who asked and who searched.
fn by_whom(case: &mut Case) {
    let knows = case.actor_is_requester() || standing::actor_in_unit(case);
    case.clause(clause!("6.3-b"))
        .requires(knows, "only the requester or the examining unit reports what became of a result");
}

/// 6.3 "the number of cases that use of the technology assisted in investigations, and any other relevant factors."
fn efficacy(case: &mut Case) {
    let assisted = case.flag(answers::CASE_ASSISTED);
    case.clause(clause!("6.3-b")).needs(assisted.is_some(), "say whether the result assisted the investigation");
    if let Some(yes) = assisted {
        case.tag("assisted", if yes { "yes" } else { "no" });
    }
    if case.flag(answers::MISIDENTIFICATION) == Some(true) {
        case.tag("misidentification", "yes");
        let commander = case.settings().text(&settings::COMMANDER_ROLE);
        case.clause(clause!("6.3-b")).notes("the lead was the wrong person, which the evaluation has to weigh");
        case.clause(clause!("6.3-b")).obliges(Duties::task(commander, "review how the wrong person became a lead", 72));
    }
    if words::stated(case, answers::OTHER_FACTORS).is_some() {
        case.clause(clause!("6.3-b")).notes("other relevant factors are on record for the evaluation");
    }
}

/// 6.3 "any relevant lawsuits or settlements involving facial recognition".
fn lawsuits(case: &mut Case) {
    for (answer, tag) in [(answers::LAWSUITS, "lawsuit"), (answers::SETTLEMENTS, "settlement")] {
        if words::stated(case, answer).is_some() {
            case.tag(tag, "yes");
            case.clause(clause!("6.3-b")).notes("a lawsuit or settlement is on record for the annual report");
        }
    }
}

/// 1 "it shall be considered an investigative lead, and the requesting investigator shall continue to conduct a thorough and
/// comprehensive investigation": whoever is identified is identified by that investigation.
fn identification(case: &mut Case) {
    if case.flag(answers::POSITIVE_IDENTIFICATION) != Some(true) {
        case.clause(clause!("1-b")).notes("the result stays an investigative lead");
        return;
    }
    let basis = words::stated(case, answers::IDENTIFICATION_BASIS).is_some();
    case.clause(clause!("1-b"))
        .needs(basis, "a result is no positive identification: say which further investigation identified the person");
    case.clause(clause!("1-b")).obliges(Duties::statement(purpose::CONTINUE_INVESTIGATION));
    case.tag("positive-identification", "yes");
}

/// 6.1(3)b "unless determined to be of evidentiary value", and 5.4(1) "as specified in Manual Directive 306.1".
fn evidence(case: &mut Case) {
    if case.flag(answers::EVIDENTIARY) != Some(true) {
        return;
    }
    let days = settings::count(case, &settings::PROBE_DAYS);
    case.clause(clause!("6.1(3)b")).noted();
    case.clause(clause!("6.1(3)b"))
        .obliges(Duty::Hold(RetentionRule { subject: "probe".to_owned(), at_least_days: days }));
    if words::stated(case, answers::EVIDENCE_NUMBER).is_some() {
        case.clause(clause!("5.4(1)-b")).satisfied();
    } else {
        let supervisor = case.settings().text(&settings::SUPERVISOR_ROLE);
        case.clause(clause!("5.4(1)-b")).notes("the photograph has to be handled as evidence property under 306.1");
        let duty = Duties::task(supervisor, "record the photograph's evidence property number", 72);
        case.clause(clause!("5.4(1)-b")).obliges(duty);
    }
}
