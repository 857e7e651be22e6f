//! 2.4 and 5.4(3): who signs, at the sign-off phase, and whether all who have to have signed, at the release.
//!
//! Nobody signs twice, so the release can count persons. Under the alternative of IR-6 a supervisor's one signature counts
//! as an examiner's too; that they are trained for it is checked when they sign.

use crate::{answers, examination, oversight, settings, standing, words};
use alloc::collections::BTreeSet;
use magistrate_sdk::case::{has_role, trained};
use magistrate_sdk::facts::{Conclusion, Signature, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::terms::{Instant, Phase};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties, Setting};

/// The rules of the sign-off phase.
pub fn judge(case: &mut Case) {
    let Step::SignOff(signature) = &case.matter().step else { return };
    in_person(case, signature);
    once(case, signature);
    not_the_requester(case);
    if is_role(case, signature, &settings::EXAMINER_ROLE) {
        examiner(case, signature);
    } else if is_role(case, signature, &settings::SUPERVISOR_ROLE) {
        supervisor(case, signature);
    } else if is_role(case, signature, &settings::COMMANDER_ROLE) {
        commander(case, signature);
    } else {
        case.clause(clause!("2.4"))
            .violated("that role corroborates nothing: sign as examiner, supervisor or commanding officer");
    }
    if signature.conclusion == Conclusion::Refused {
        refusal(case);
    }
}

/// Whether this step is an examiner's signature.
pub fn signs_as_examiner(case: &Case) -> bool {
    matches!(&case.matter().step, Step::SignOff(s) if is_role(case, s, &settings::EXAMINER_ROLE))
}

fn is_role(case: &Case, signature: &Signature, role: &Setting) -> bool {
    case.settings().is(role, &signature.role)
}

/// 5.4(3) "written sign-off by the supervisor and all examiners'": by themselves.
fn in_person(case: &mut Case, signature: &Signature) {
    let own = case.is_actor(&signature.person);
    case.clause(clause!("5.4(3)-c")).requires(own, "nobody signs for somebody else: have that person sign");
}

/// 2.4 "at least two examiners and one supervisor", 5.4(3) "at least one other examiner": other people, whatever role or
/// session they sign in.
fn once(case: &mut Case, signature: &Signature) {
    let again =
        case.history().signatures.iter().any(|s| same(&s.person, &signature.person) && is_on_the_result(case, s));
    let otherwise = "this person has signed already: have another one sign";
    case.clause(clause!("2.4")).forbids(again, otherwise);
    if is_role(case, signature, &settings::EXAMINER_ROLE) {
        case.clause(clause!("5.4(3)-a")).forbids(again, otherwise);
    }
}

/// 2.4 Corroboration is somebody else's: who asked does not corroborate the answer.
fn not_the_requester(case: &mut Case) {
    let requester = case.actor_is_requester();
    case.clause(clause!("2.4"))
        .forbids(requester, "the requester does not corroborate the result of their own request");
}

/// 2.3 An examiner "has received advanced training"; 5.4(3) is one of those involved, of the examining unit.
fn examiner(case: &mut Case, signature: &Signature) {
    if standing::by_the_state(case) {
        case.clause(clause!("2.3-a")).notes("the State Police search their own database with their own examiners");
    } else {
        let curriculum = case.settings().text(&settings::EXAMINER_CURRICULUM);
        let holds_role = has_role(case.actor(), &signature.role);
        let current = trained(case.actor(), curriculum, case.today());
        let otherwise = if holds_role {
            "the examiner's advanced training is not completed or has expired: renew it, or have another examiner sign"
        } else {
            "whoever signs as an examiner is none: have an examiner sign"
        };
        case.clause(clause!("2.3-a")).requires(holds_role && current, otherwise);
        let unit = of_the_unit(case, signature);
        case.clause(clause!("5.4(3)-a"))
            .requires(unit, "the examiner is not of the examining unit: have one of its examiners sign");
    }
    let opened = examination::has_opened_list(case);
    case.clause(clause!("5.4(3)-c"))
        .read_as(reading!("IR-18"))
        .requires(opened, "an examiner who has not opened the candidate list corroborates nothing: open it, then sign");
    if matches!(signature.conclusion, Conclusion::Lead | Conclusion::NoLead) {
        oversight::all_reviewed(case);
    }
    let possible = case.history().candidates_possible;
    match signature.conclusion {
        Conclusion::Lead => {
            case.clause(clause!("5.4(3)-a"))
                .requires(possible > 0, "no candidate was found possible: record the dispositions, then sign");
        }
        Conclusion::Approved => {
            case.clause(clause!("5.4(3)-a")).violated("an examiner concludes that there is a lead, or none: say which");
        }
        Conclusion::NoLead | Conclusion::Refused => {}
    }
}

/// Whether the signer is of the examining unit, by the registry and by the signature.
fn of_the_unit(case: &Case, signature: &Signature) -> bool {
    standing::actor_in_unit(case) && case.settings().is(&settings::EXAMINING_UNIT, &signature.unit)
}

/// 5.4(3) "and a CIU supervisor".
fn supervisor(case: &mut Case, signature: &Signature) {
    let unit = of_the_unit(case, signature);
    let holds_role = has_role(case.actor(), &signature.role);
    let otherwise = if holds_role {
        "the supervisor is not of the examining unit: have one of its supervisors sign"
    } else {
        "whoever signs as a supervisor is none: have a supervisor of the examining unit sign"
    };
    case.clause(clause!("5.4(3)-b")).requires(holds_role && unit, otherwise);
    if !case.settings().flag(&settings::SUPERVISOR_AS_EXAMINER) {
        return;
    }
    let curriculum = case.settings().text(&settings::EXAMINER_CURRICULUM);
    let counts = trained(case.actor(), curriculum, case.today());
    // With two examiners there already, nobody counts on the supervisor's second hat.
    let spare = case.history().signatures.iter().filter(|s| is_role(case, s, &settings::EXAMINER_ROLE)).count() >= 2;
    case.clause(clause!("2.3-a")).read_as(reading!("IR-6")).requires(
        counts || spare,
        "a supervisor who stands in for an examiner needs the advanced training: complete it, or have two examiners sign first",
    );
}

/// 6.1(3)a The commanding officer is responsible for "reviewing the results of facial recognition searches".
fn commander(case: &mut Case, signature: &Signature) {
    let holds = has_role(case.actor(), &signature.role) && of_the_unit(case, signature);
    case.clause(clause!("6.1(3)a-1"))
        .requires(holds, "whoever signs as the examining unit's commanding officer is not: have the commander sign");
}

/// 5.4(3) "The corroboration must have written sign-off": a refusal is as much on record as an assent, with its reason.
fn refusal(case: &mut Case) {
    let reason = words::stated(case, answers::REFUSAL_REASON).is_some();
    if case.clause(clause!("5.4(3)-c")).needs(reason, "write down why you refuse to sign") {
        let commander = case.settings().text(&settings::COMMANDER_ROLE);
        case.clause(clause!("6.1(3)a-1")).notes("a signature was refused, which the commanding officer reviews");
        case.clause(clause!("6.1(3)a-1")).obliges(Duties::task(commander, "review the refusal to sign", 72));
    }
}

/// When the first examiner concluded something.
fn first_conclusion(case: &Case) -> Option<Instant> {
    let examiners = case.history().signatures.iter().filter(|s| is_role(case, s, &settings::EXAMINER_ROLE));
    examiners.map(|s| s.at).min()
}

/// Whether a signature is on the result. What a supervisor approved before any examiner had concluded anything is the request
/// (2.7, 5.4(2)): there was no lead to corroborate yet.
fn is_on_the_result(case: &Case, signature: &Signature) -> bool {
    signature.conclusion != Conclusion::Approved || first_conclusion(case).is_some_and(|first| signature.at >= first)
}

/// Where a supervisor's approval of a request stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It is given.
    Given,
    /// It is refused.
    Refused,
    /// It is outstanding.
    Open,
}

/// Where the approval that this clause asks for stands when the search is about to run; before, it is asked for.
pub fn approval(case: &Case, clause: &str) -> Approval {
    if case.phase() != Phase::Search {
        return Approval::Open;
    }
    let first = first_conclusion(case);
    let supervisors = case.history().signatures.iter().filter(|s| counts_as(case, s, &settings::SUPERVISOR_ROLE));
    let (mut approved, mut refused) = (false, false);
    for signature in supervisors {
        approved |= signature.conclusion == Conclusion::Approved;
        refused |= signature.conclusion == Conclusion::Refused && first.is_none_or(|at| signature.at < at);
    }
    let outstanding = case.history().open_obligations.iter().any(|open| same(open, clause));
    if refused {
        Approval::Refused
    } else if approved && !outstanding {
        Approval::Given
    } else {
        Approval::Open
    }
}

/// What the signatures on a request say together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Concluded {
    /// There is a lead.
    Lead,
    /// There is none.
    NoLead,
    /// Some say so, some say otherwise.
    Contradictory,
    /// Somebody refused.
    Refused,
    /// No examiner has said anything yet.
    Open,
}

/// What the signatures on the request say together.
pub fn concluded(case: &Case) -> Concluded {
    let any = |conclusion: Conclusion| case.history().signatures.iter().any(|s| s.conclusion == conclusion);
    if any(Conclusion::Refused) {
        return Concluded::Refused;
    }
    match (any(Conclusion::Lead), any(Conclusion::NoLead)) {
        (true, true) => Concluded::Contradictory,
        (true, false) => Concluded::Lead,
        (false, true) => Concluded::NoLead,
        (false, false) => Concluded::Open,
    }
}

/// 2.4 "at least two examiners and one supervisor", and 5.4(3) "at least one other examiner and a CIU supervisor": all of
/// this conclusion.
pub fn full_set(case: &mut Case, conclusion: Conclusion) {
    let examiners = signers(case, &settings::EXAMINER_ROLE, &[conclusion]);
    let supervisors = signers(case, &settings::SUPERVISOR_ROLE, &[conclusion, Conclusion::Approved]);
    let needed = if case.settings().flag(&settings::SUPERVISOR_AS_EXAMINER) { 1 } else { 2 };
    let beside = |supervisor: &str| examiners.iter().filter(|e| **e != supervisor).count();
    let whole = supervisors.iter().any(|s| beside(s) >= needed);
    let another = examiners.len() >= needed;
    case.clause(clause!("2.4")).read_as(reading!("IR-7")).requires(
        whole,
        "two examiners and one supervisor of the examining unit, three persons, have not all signed: have the others sign",
    );
    case.clause(clause!("5.4(3)-a"))
        .read_as(reading!("IR-6"))
        .requires(another, "no other examiner has corroborated the conclusion: have one sign");
    case.clause(clause!("5.4(3)-b"))
        .requires(!supervisors.is_empty(), "no supervisor of the examining unit has signed: have one sign");
}

/// IR-7 Without a lead the examiner's conclusion and a second look are on record: two persons, one of them an examiner.
pub fn second_look(case: &mut Case) {
    let examiners = signers(case, &settings::EXAMINER_ROLE, &[Conclusion::NoLead]);
    let mut all = signers(case, &settings::SUPERVISOR_ROLE, &[Conclusion::NoLead, Conclusion::Approved]);
    all.extend(&examiners);
    case.clause(clause!("2.4")).read_as(reading!("IR-7")).requires(
        !examiners.is_empty() && all.len() >= 2,
        "without a lead an examiner's conclusion and a second look have to be signed: have another examiner or the supervisor sign",
    );
}

/// Distinct persons of a role and of the examining unit who concluded one of these, the requester not among them.
fn signers<'a>(case: &Case<'a>, role: &Setting, conclusions: &[Conclusion]) -> BTreeSet<&'a str> {
    let counts = |s: &&'a Signature| {
        counts_as(case, s, role) && conclusions.contains(&s.conclusion) && is_on_the_result(case, s)
    };
    case.history().signatures.iter().filter(counts).map(|s| s.person.as_str()).collect()
}

/// Whether a signature is one of this role and of the examining unit, and not the requester's.
fn counts_as(case: &Case, signature: &Signature, role: &Setting) -> bool {
    is_role(case, signature, role)
        && case.settings().is(&settings::EXAMINING_UNIT, &signature.unit)
        && !case.is_requester(&signature.person)
}

/// 5.4(3) "written sign-off by the supervisor and all examiners' involved": only examiners open the list, and whoever did
/// is involved (IR-18).
pub fn all_involved(case: &mut Case) {
    let history = case.history();
    let signed = |who: &String| history.signatures.iter().any(|s| same(&s.person, who) && is_on_the_result(case, s));
    let compared = !case.settings().is(&settings::INVOLVED, "opened-list");
    let all = compared || history.opened_candidates.iter().all(signed);
    case.clause(clause!("5.4(3)-c"))
        .read_as(reading!("IR-18"))
        .requires(all, "an examiner opened the candidate list and has not signed: have every examiner involved sign");
}
