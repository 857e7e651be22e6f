//! B.3 and B.4: what the database may in no event be used for, and how it may in no event be queried.

use crate::b_purposes::{COURT_ORDERED, code, ordered_by_court};
use crate::settings::{MASS_QUERY_LIMIT, MASS_QUERY_READING, ORDER_READING, PROTECTED_READING};
use crate::words::{self, given};
use magistrate_sdk::Case;
use magistrate_sdk::facts::{Agency, Device, Initiator, Person};
use magistrate_sdk::terms::{Phase, Value};

/// The question whether protected action or speech is involved at all.
const INVOLVED: &str = "protected-involved";

/// The question whether it is all there is.
const SOLE: &str = "protected-sole";

/// B.3 "In no event will access to the SMRT system database be permitted to investigate, analyze, review, or gather
/// information solely concerning any action or speech protected by the First Amendment".
///
/// Nobody but those who ask and search can say whether it is "solely" that, so they attest it, and one yes is enough.
pub fn protected_by_the_first_amendment(case: &mut Case) {
    let (involved, sole) = (case.flag(INVOLVED), case.flag(SOLE));
    if sole == Some(true) {
        solely_protected(case);
        return;
    }
    match (involved, sole) {
        (None, _) => {
            let ask = "say in `protected-involved` whether the request concerns action or speech that the First Amendment protects";
            case.clause(clause!("B.3")).needs(false, ask);
        }
        (Some(false), _) => case.clause(clause!("B.3")).satisfied(),
        (Some(true), None) => {
            let ask = "say in `protected-sole` whether it concerns nothing but protected action or speech";
            case.clause(clause!("B.3")).read_as(reading!("IR-2")).needs(false, ask);
        }
        (Some(true), Some(_)) => {
            case.clause(clause!("B.3")).read_as(reading!("IR-2")).satisfied();
            supervisor_too(case);
        }
    }
}

fn solely_protected(case: &mut Case) {
    if code(case) != COURT_ORDERED {
        case.clause(clause!("B.3")).read_as(reading!("IR-2")).violated(
            "somebody attested that this solely concerns action or speech that the First Amendment protects: no purpose permits that",
        );
    } else if case.settings().is(&ORDER_READING, "order-wins") && ordered_by_court(case) {
        // Where the order is read so, the clause holds: a final court order authorizes it.
        case.clause(clause!("B.3")).read_as(reading!("IR-16")).satisfied();
    } else {
        case.clause(clause!("B.3")).read_as(reading!("IR-16")).violated(
            "this solely concerns action or speech that the First Amendment protects: in no event, court order or not",
        );
    }
}

/// IR-2, the stricter reading: a supervisor attests it besides.
fn supervisor_too(case: &mut Case) {
    // Before anybody has seen anything: afterwards the supervisor may well be the one who signs.
    let access = matches!(case.phase(), Phase::Request | Phase::Search | Phase::Candidates);
    if !access || !case.settings().is(&PROTECTED_READING, "supervisor-too") {
        return;
    }
    let one_of_them = |named: &str| {
        names(named, case.requester(), case.requester_agency()) || names(named, case.actor(), case.actor_agency())
    };
    let third = given(case, "protected-supervisor").is_some_and(|named| !one_of_them(named));
    case.clause(clause!("B.3")).read_as(reading!("IR-2")).needs(third, "name in `protected-supervisor` the supervisor, neither requester nor operator, who attests that it is not solely protected");
}

/// Whether somebody is named by this, `id` or `home/id`. An id alone names whoever has it, wherever: only `home/id` tells a
/// supervisor from a namesake elsewhere who asks or searches.
fn names(named: &str, person: &Person, agency: &Agency) -> bool {
    words::is(named, &person.id)
        || named.split_once('/').is_some_and(|(home, id)| words::is(home, &agency.home) && words::is(id, &person.id))
}

/// IR-2: where protected activity is involved, the operator answers for themselves before the search, too.
pub fn attested_by_the_operator(case: &mut Case) {
    if case.flag(INVOLVED) != Some(true) || case.flag(SOLE) == Some(true) {
        return;
    }
    let own = case.actor_answered(SOLE, |answer| matches!(answer, Value::Flag(_)));
    case.clause(clause!("B.3"))
        .read_as(reading!("IR-2"))
        .needs(own, "whoever runs the search answers `protected-sole` too, for themselves");
}

/// B.4 "In no event will any query of the SMRT system database occur other than by a human-initiated query".
pub fn human_initiated(case: &mut Case) {
    let asked_by_human = case.request().is_some_and(|r| matches!(r.initiator, Initiator::Human));
    let program = [case.actor(), case.requester()].iter().any(|p| matches!(p.device, Device::Service));
    case.clause(clause!("B.4-a")).requires(
        asked_by_human && !program,
        "queries by a program are never permitted: have a person submit the request from their own workstation",
    );
}

/// B.4 "i.e., automated mass query processes associated with data-mining-type activity will not be permitted". Several
/// photographs of one person submitted by a human are no mass query; hundreds are.
pub fn not_a_mass_batch(case: &mut Case) {
    let probes = case.request().map_or(0, |r| r.batch_size);
    let few = uncapped(case) || probes <= limit(case);
    case.clause(clause!("B.4-b"))
        .read_as(reading!("IR-3"))
        .needs(few, "this many photographs in one action are a mass query: submit those that this one inquiry needs");
}

/// B.4, for the person at the database: IR-3 draws the line at so many distinct probes an hour.
pub fn not_a_mass_query(case: &mut Case) {
    let searched = case.history().distinct_probes_by_person_last_hour;
    let few = uncapped(case) || searched < limit(case);
    case.clause(clause!("B.4-b")).read_as(reading!("IR-3")).needs(few, "too many different probes were searched by the same person within an hour: wait until fewer were, or have another analyst search");
}

fn uncapped(case: &Case) -> bool {
    case.settings().is(&MASS_QUERY_READING, "uncapped")
}

fn limit(case: &Case) -> u32 {
    u32::try_from(case.settings().number(&MASS_QUERY_LIMIT)).unwrap_or(u32::MAX)
}
