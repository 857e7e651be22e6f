//! 307.5 - 5.5, Outside Agency Using Facial Recognition.

use crate::crimes::{self, Crime};
use crate::words::{self, alike, one_of};
use crate::{answers, limits, requesting, settings, standing};
use magistrate_sdk::calendar::before;
use magistrate_sdk::facts::{Agency, AgencyKind, Agreement};
use magistrate_sdk::terms::{Phase, Value};
use magistrate_sdk::text::blank;
use magistrate_sdk::{Case, Duties};

/// Kinds of agreement that are not formalized.
const INFORMAL: &[&str] = &["oral", "verbal", "informal", "handshake", "draft"];

/// 5.5, in the order of its letters. Only c concerns the Department's own members too.
pub fn judge(case: &mut Case, crime: Option<Crime>) {
    if standing::outside(case) {
        agreement(case);
        law_enforcement(case);
        authorised_use(case, crime);
        contact(case);
        acknowledgement(case);
    }
    compliance(case);
}

/// What has to hold still when a result is handed over: the agreement (IR-10), and that nobody is suspended (IR-9).
pub fn stands(case: &mut Case) {
    if standing::outside(case) {
        agreement(case);
    }
    compliance(case);
}

/// 5.5(a) "Prior to making the request, the outside agency has a formalized agreement … between the Detroit Police
/// Department and the outside agency". It has to be in force at every phase (IR-10).
fn agreement(case: &mut Case) {
    let agreements = &case.requester_agency().agreements;
    let opened = case.request().map_or(case.clock().now, |r| r.opened);
    if !agreements.iter().any(|a| is_formal(a) && a.signed < opened) {
        let otherwise = if !agreements.iter().any(is_formal) {
            "the agency has no formal agreement with the Department: conclude one, then make the request"
        } else {
            "the agency's agreement was not signed before the request was made: make the request again"
        };
        case.clause(clause!("5.5-a")).violated(otherwise);
        return;
    }
    let in_force = agreements.iter().any(|a| a.signed < opened && is_in_force(case, a));
    case.clause(clause!("5.5-a")).read_as(reading!("IR-10")).requires(
        in_force,
        "the agency's agreement is not in force or does not cover facial recognition: renew it, then make the request",
    );
}

/// Whether an agreement is formalized: one that was only spoken, or is a draft, is not.
fn is_formal(agreement: &Agreement) -> bool {
    !one_of(agreement.kind.trim(), INFORMAL)
}

/// Whether an agreement covers these requests, today where the reading asks for it.
fn is_in_force(case: &Case, agreement: &Agreement) -> bool {
    let scope = case.settings().text(&settings::AGREEMENT_SCOPE);
    let covers = agreement.scope.is_empty() || agreement.scope.iter().any(|s| alike(s.trim(), scope));
    let covers = covers && is_formal(agreement);
    let every_phase = case.settings().is(&settings::AGREEMENT_CHECKED, "every-phase");
    if !every_phase && !matches!(case.phase(), Phase::Request | Phase::Access) {
        return covers;
    }
    let started = !before(case.today(), agreement.starts);
    let lasts = agreement.ends.is_none_or(|last| !before(last, case.today()));
    covers && started && lasts
}

/// Whether an agency has an agreement that is in force now.
pub fn has_agreement(case: &Case, agency: &Agency) -> bool {
    agency.agreements.iter().any(|a| is_in_force(case, a))
}

/// 5.5(b) "The outside agency is a law enforcement agency".
fn law_enforcement(case: &mut Case) {
    let holds = is_law_enforcement(case, case.requester_agency());
    case.clause(clause!("5.5-b1"))
        .requires(holds, "the agency is not a law enforcement agency: one has to make the request");
}

/// Whether an agency is of a kind that the settings count as law enforcement.
pub fn is_law_enforcement(case: &Case, agency: &Agency) -> bool {
    let kind = match agency.kind {
        AgencyKind::LawEnforcement => "law-enforcement",
        AgencyKind::Prosecutor => "prosecutor",
        AgencyKind::Federal => "federal",
        AgencyKind::Other => "other",
    };
    case.settings().texts(&settings::LAW_ENFORCEMENT_KINDS).contains(kind)
}

/// 5.5(b) "based on a valid law enforcement purpose that falls within the authorized uses listed in this directive".
fn authorised_use(case: &mut Case, crime: Option<Crime>) {
    let authorised = if limits::is_investigation(case) { crimes::authorised(case, crime) } else { Some(false) };
    case.clause(clause!("5.5-b2")).affirms(
        authorised,
        "state the crime under investigation and its elements",
        "the purpose is not within the uses the directive authorises for anybody",
    );
}

/// 5.5(b) "the requestor provides a case number and contact information (requestor's name, requestor's agency, address, and
/// phone number)".
fn contact(case: &mut Case) {
    let number = words::identified(case, &settings::CASE_NUMBERS);
    let named = !blank(&case.requester().name) && !blank(&case.requester_agency().name);
    let address = words::stated(case, answers::ADDRESS).is_some();
    let phone = case.text(answers::PHONE).is_some_and(words::is_phone_number);
    case.clause(clause!("5.5-b3")).needs(number, "state the case number");
    case.clause(clause!("5.5-b3")).needs(named, "have the requester's name and agency entered in the registry");
    case.clause(clause!("5.5-b3")).needs(address, "state the requester's address");
    case.clause(clause!("5.5-b3")).needs(phone, "state the requester's phone number");
}

/// 5.5(b) "and acknowledges an agreement with the following statement". Where the unit entered the request, the
/// requester's own acknowledgement is still collected.
fn acknowledgement(case: &mut Case) {
    let personally = case.requester_answered(answers::ACKNOWLEDGED, |answer| matches!(answer, Value::Flag(true)));
    let acknowledged = case.affirmed(answers::ACKNOWLEDGED) == Some(true);
    let given = case.clause(clause!("5.5-b4")).needs(
        acknowledged,
        "the requester has to acknowledge the statement that a result is only an investigative lead",
    );
    if given && !personally && matches!(case.phase(), Phase::Request | Phase::Search | Phase::Candidates) {
        case.clause(clause!("5.5-b4")).obliges(Duties::acknowledge(requesting::INVESTIGATIVE_LEAD));
    }
}

/// 5.5(c) "If any agency is found not in compliance with this Directive, the Department shall immediately suspend all
/// Facial Recognition requests until the requesting agency becomes in compliance". That agency's, in-flight work included
/// (IR-9).
fn compliance(case: &mut Case) {
    let all = standing::outside(case) && case.settings().flag(&settings::SUSPEND_OUTSIDE);
    let suspended = [case.requester_agency(), case.actor_agency()].iter().any(|a| is_suspended(case, a));
    let violated = if suspended {
        "the agency's requests are suspended until it complies with the directive"
    } else {
        "all outside requests are suspended until the agency found not in compliance complies"
    };
    case.clause(clause!("5.5-c")).read_as(reading!("IR-9")).forbids(all || suspended, violated);
}

/// Whether an agency's requests are suspended now.
pub fn is_suspended(case: &Case, agency: &Agency) -> bool {
    agency.suspended_since.is_some_and(|at| at <= case.clock().now)
}
