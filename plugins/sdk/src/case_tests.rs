//! What a verdict follows from, and whose answer is whose.

use super::*;
use crate::facts::{AgencyKind, Attestation, Device};

fn party(home: &str, id: &str) -> Party {
    let text = |text: &str| text.to_owned();
    let person = Person {
        id: text(id),
        name: text(id),
        unit: text("unit"),
        rank: text("rank"),
        roles: vec![],
        trainings: vec![],
        background_checked: None,
        need_reviewed: None,
        multi_factor: true,
        device: Device::Fixed,
    };
    let agency = Agency {
        id: text("agency"),
        name: text("agency"),
        kind: AgencyKind::LawEnforcement,
        home: text(home),
        participant: true,
        agreements: vec![],
        suspended_since: None,
    };
    Party { person, agency }
}

/// An outcome, reported by north's Vogt on the request of south's, and these answers.
fn matter(attestations: Vec<Attestation>) -> Matter {
    Matter {
        jurisdiction: "north".to_owned(),
        clock: Clock { now: 1, today: 20_260_310, weekday: 2, minute_of_day: 0 },
        parties: vec![party("north", "vogt"), party("south", "vogt")],
        request: None,
        probe: None,
        gallery: None,
        attestations,
        history: History {
            searches_by_person_last_hour: 0,
            distinct_probes_by_person_last_hour: 0,
            distinct_probes_in_case: 0,
            searches_of_request: 0,
            opened_candidates: vec![],
            signatures: vec![],
            candidates_returned: 0,
            candidates_filtered: false,
            candidates_disposed: 0,
            candidates_possible: 0,
            possible: vec![],
            open_obligations: vec![],
            released: None,
        },
        step: Step::Outcome,
    }
}

fn verdict(rules: impl Fn(&mut Case)) -> Verdict {
    let matter = matter(vec![]);
    let mut case = Case::new(&matter, Settings::new(&[]));
    rules(&mut case);
    case.into_decision().verdict
}

#[test]
fn a_permit_needs_something_satisfied() {
    assert_eq!(verdict(|_| {}), Verdict::Deny);
    assert_eq!(verdict(|case| case.clause(0).notes("so it is")), Verdict::Deny, "taken note of, and no more");
    assert_eq!(verdict(|case| case.clause(0).satisfied()), Verdict::Permit);
    assert_eq!(verdict(|case| case.clause(0).read_as(0).satisfied()), Verdict::Permit);
    let both = verdict(|case| {
        case.clause(0).noted();
        case.clause(1).satisfied();
    });
    assert_eq!(both, Verdict::Permit);
}

#[test]
fn what_is_violated_denies_and_what_is_missing_pends() {
    let rules = |violated: bool, satisfied: bool| {
        verdict(move |case| {
            case.clause(0).missing("say it");
            if violated {
                case.clause(1).violated("never");
            }
            if satisfied {
                case.clause(2).satisfied();
            }
        })
    };
    assert_eq!([rules(false, false), rules(false, true)], [Verdict::Pend, Verdict::Pend]);
    assert_eq!([rules(true, false), rules(true, true)], [Verdict::Deny, Verdict::Deny]);
}

#[test]
fn nobody_is_taken_for_a_namesake_of_another_jurisdiction() {
    let matter = matter(vec![]);
    let case = Case::new(&matter, Settings::new(&[]));
    let is = |who: &str| (case.is_actor(who), case.is_requester(who));
    assert_eq!(is("north/vogt"), (true, false));
    assert_eq!(is("south/vogt"), (false, true));
    assert_eq!([is("vogt"), is("west/vogt"), is("north/"), is("/vogt")], [(false, false); 4]);
}

#[test]
fn nobody_answers_for_a_namesake_of_another_jurisdiction() {
    let said = |by: &str| {
        let answers = vec![Field { name: "sure".to_owned(), value: Value::Flag(true) }];
        let matter = matter(vec![Attestation { by: by.to_owned(), at: 1, answers }]);
        let case = Case::new(&matter, Settings::new(&[]));
        let sure = |answer: &Value| matches!(answer, Value::Flag(true));
        (case.actor_answered("sure", sure), case.requester_answered("sure", sure))
    };
    assert_eq!(said("north/vogt"), (true, false));
    assert_eq!(said("south/vogt"), (false, true));
    assert_eq!([said("vogt"), said("west/vogt"), said("north/")], [(false, false); 3]);
}
