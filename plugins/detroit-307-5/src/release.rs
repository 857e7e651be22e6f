//! The release phase, 5.4(4) to (6): the result is about to leave the examining unit. Whose signatures it needs is in
//! `corroboration`.

use crate::corroboration::{self, Concluded};
use crate::crimes::Crime;
use crate::{charter, oversight, purpose, requesting, settings, standing};
use magistrate_sdk::facts::{Conclusion, ReleasePlan, Step};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties};

/// The rules of the release phase.
pub fn judge(case: &mut Case, crime: Option<Crime>) {
    let Step::Release(plan) = &case.matter().step else { return };
    by_the_unit(case);
    outstanding(case);
    oversight::all_reviewed(case);
    match corroboration::concluded(case) {
        Concluded::Lead => {
            corroboration::full_set(case, Conclusion::Lead);
            corroboration::all_involved(case);
            lead(case, plan);
            tags(case, crime, "produced");
        }
        Concluded::NoLead => {
            if case.settings().is(&settings::NO_LEAD, "full-set") {
                corroboration::full_set(case, Conclusion::NoLead);
                corroboration::all_involved(case);
            } else {
                corroboration::second_look(case);
            }
            no_lead(case, plan);
            tags(case, crime, "none");
        }
        Concluded::Contradictory => {
            case.clause(clause!("5.4(3)-a"))
                .violated("the signers do not agree whether there is a lead: nothing leaves the unit until they do");
        }
        Concluded::Refused => {
            case.clause(clause!("5.4(3)-c"))
                .violated("one of those involved refuses to sign: nothing leaves the unit without every sign-off");
        }
        Concluded::Open => {
            case.clause(clause!("2.4"))
                .violated("no examiner has signed a conclusion: have the examiners and the supervisor sign");
        }
    }
}

/// 5.4(4) "CIU shall complete a supplemental incident report for the requestor."
fn by_the_unit(case: &mut Case) {
    let unit = standing::actor_in_unit(case) || standing::by_the_state(case);
    case.clause(clause!("5.4(4)-a"))
        .requires(unit, "only the Crime Intelligence Unit releases a result: have one of its members do it");
}

/// What earlier steps obliged somebody to approve or acknowledge has to be done before anything leaves.
fn outstanding(case: &mut Case) {
    let open = |id: &str| case.history().open_obligations.iter().any(|clause| same(clause, id));
    let [class, state, attested, acknowledged] = ["2.7", "5.4(2)-d", "3.5-req", "5.5-b4"].map(open);
    if class {
        case.clause(clause!("2.7"))
            .read_as(reading!("IR-4"))
            .missing("a supervisor has to confirm the crime's classification");
    }
    if state {
        case.clause(clause!("5.4(2)-d"))
            .missing("a supervisor of the examining unit has to approve the request to the State Police");
    }
    if attested {
        case.clause(clause!("3.5-req"))
            .read_as(reading!("IR-2"))
            .missing("a supervisor has to attest that 3.5 does not apply");
    }
    if acknowledged {
        case.clause(clause!("5.5-b4"))
            .missing("the requester has to acknowledge that a result is only an investigative lead");
    }
}

/// 5.4(4), a lead: the report, its reasoning, its statement, and no candidate but the most likely.
fn lead(case: &mut Case, plan: &ReleasePlan) {
    case.clause(clause!("1-b")).notes("the result is an investigative lead; the requester continues the investigation");
    case.clause(clause!("1-b")).obliges(Duties::statement(purpose::CONTINUE_INVESTIGATION));
    most_likely(case, plan);
    oversight::lawful_to_return(case, plan);
    case.clause(clause!("5.4(4)-a")).obliges(Duties::document(requesting::SUPPLEMENTAL_REPORT));
    case.clause(clause!("5.4(4)-b"))
        .requires(plan.reasoning_given, "the report does not detail how the examiner came to their conclusion: add it");
    statement(case, plan, true);
}

/// 5.4(5) and (6), no lead: the requester hears so, nobody's photograph leaves, and the probe goes.
fn no_lead(case: &mut Case, plan: &ReleasePlan) {
    case.clause(clause!("6.1(3)a-2"))
        .requires(plan.candidates.is_empty(), "there is no lead, so no candidate is returned: leave them out");
    statement(case, plan, false);
    requesting::no_viable_candidate(case);
}

/// 6.1(3)a "returning the most likely candidates – or candidate images – if any, to the requestor": only those found
/// possible, and never the list.
fn most_likely(case: &mut Case, plan: &ReleasePlan) {
    let most = settings::count(case, &settings::MOST_LIKELY);
    let returned = u32::try_from(plan.candidates.len()).unwrap_or(u32::MAX);
    let possible = &case.history().possible;
    let all_possible = plan.candidates.iter().all(|c| possible.iter().any(|id| same(id, &c.record_id)));
    let otherwise = if returned == 0 {
        "a lead names its candidate: add the most likely ones"
    } else if !all_possible {
        "a candidate would be returned that was not found possible: leave out all others"
    } else {
        "more candidates would be returned than the most likely ones: leave the others out"
    };
    case.clause(clause!("6.1(3)a-2")).requires(all_possible && (1..=most).contains(&returned), otherwise);
}

/// 5.4(4) "and include the following language", word for word. A notice that there is no lead (5.4(5)) need not carry it, but
/// carries it unaltered if at all.
fn statement(case: &mut Case, plan: &ReleasePlan, required: bool) {
    let mut shown = plan.statements.iter().filter(|s| same(&s.id, requesting::INVESTIGATIVE_LEAD)).peekable();
    let absent = shown.peek().is_none();
    let unaltered = shown.all(|s| same(&s.text_digest, charter::INVESTIGATIVE_LEAD_DIGEST));
    case.clause(clause!("5.4(4)-c")).obliges(Duties::statement(requesting::INVESTIGATIVE_LEAD));
    if absent && !required {
        case.clause(clause!("5.4(4)-c"))
            .notes("the notice that there is no lead carries the directive's statement too");
        return;
    }
    let otherwise = if absent {
        "the report lacks the directive's statement: include it word for word"
    } else {
        "the directive's statement is altered: include it word for word, its repetition included"
    };
    case.clause(clause!("5.4(4)-c")).requires(!absent && unaltered, otherwise);
}

/// 6.2 The weekly report counts "requests that were fulfilled, the crimes …, and the number of leads".
fn tags(case: &mut Case, crime: Option<Crime>, lead: &str) {
    case.tag("fulfilled", crime.map_or("unstated", |c| c.class.heading()));
    case.tag("lead", lead);
}
