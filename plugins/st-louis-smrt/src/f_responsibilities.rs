//! Part F, Responsibilities: who may act for the Real-Time Crime Center's Commander, the SMRT System Administrator and
//! the St. Louis Fusion Center; who gets access; what is made public.

use crate::settings::{
    ADMINISTRATOR_ROLE, AUDITOR_ROLE, AUTHORISED_ROLE, COMMANDER_ROLE, DESIGNEE_ROLE, MISUSE_NOTICE_HOURS,
    PUBLICATION_HOURS, SLFC_ROLE, count,
};
use magistrate_sdk::case::has_role;
use magistrate_sdk::facts::{Access, AccessChange, Conclusion, Person, Step};
use magistrate_sdk::rulings::{ClockOrigin, Duty};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties, Setting};

/// The report that the public gets.
pub const SYSTEM_REPORT: &str = "smrt-system-report";

/// Whether the actor is the SMRT System Administrator, or their designee.
pub fn is_administrator(case: &Case) -> bool {
    acts_as(case, &ADMINISTRATOR_ROLE) || acts_as(case, &DESIGNEE_ROLE)
}

/// Whether the actor decides for the St. Louis Fusion Center.
pub fn acts_for_the_slfc(case: &Case) -> bool {
    acts_as(case, &SLFC_ROLE)
}

fn is_commander(case: &Case) -> bool {
    acts_as(case, &COMMANDER_ROLE)
}

/// A role is the jurisdiction's own: one of that name in another's registry is not.
fn acts_as(case: &Case, role: &Setting) -> bool {
    case.governs_actor() && has_role(case.actor(), case.settings().text(role))
}

/// The duty to tell the Commander, who has "primary responsibility for ensuring compliance" (F.1), of what was found
/// now.
pub fn tell_the_commander(case: &Case, about: &str) -> Duty {
    let hours = count(case.settings(), &MISUSE_NOTICE_HOURS);
    Duties::notify(&[case.settings().text(&COMMANDER_ROLE)], hours, ClockOrigin::Decision, about)
}

/// F.2 "The Commander of the Real-Time Crime Center will designate an SMRT System Administrator, who will be
/// responsible for the overall management of the SMRT Program."
pub fn administrator_acts(case: &mut Case) {
    let administrator = is_administrator(case);
    case.clause(clause!("F.2")).requires(
        administrator,
        "only the SMRT System Administrator whom the Commander designated, or their designee, does this: have them do it",
    );
}

/// E.1 The logs "are subject to review at any time": by auditors, and by those who are responsible for compliance.
pub fn may_review(case: &mut Case) {
    let reviewer = acts_as(case, &AUDITOR_ROLE) || is_commander(case) || is_administrator(case);
    case.clause(clause!("E.1-b")).requires(
        reviewer,
        "the logs are reviewed by this jurisdiction's auditors, Commander and Administrator: have one of them do it",
    );
}

/// F.1, F.2 and A.3: who changes whose access.
pub fn access(case: &mut Case) {
    let (Step::Access(access), Some(subject)) = (&case.matter().step, case.subject()) else { return };
    let responsible = is_commander(case) || is_administrator(case) || acts_for_the_slfc(case);
    case.clause(clause!("F.1")).requires(
        responsible,
        "only the Commander, the SMRT System Administrator or the SLFC changes anybody's access: have one of them do it",
    );
    // What takes access away, or leaves it as it is, needs no more than that. A review that adds a role is a grant.
    let adds = access.roles.iter().any(|role| !has_role(&subject.person, role));
    if !adds && !matches!(access.change, AccessChange::Grant | AccessChange::Reinstate) {
        return;
    }
    let own = same(&subject.person.id, &case.actor().id) && same(&subject.agency.home, &case.actor_agency().home);
    case.clause(clause!("F.1"))
        .forbids(own, "nobody grants themselves access: have another of those responsible grant it");
    authorised_by_the_slfc(case, access, &subject.person);
    designated_by_the_commander(case, access, &subject.person);
}

/// A.3 "SLFC-authorized personnel": those whom the SLFC authorized, and those who decide for it.
fn authorised_by_the_slfc(case: &mut Case, access: &Access, person: &Person) {
    if gains(case, access, person, &AUTHORISED_ROLE) || gains(case, access, person, &SLFC_ROLE) {
        let slfc = acts_for_the_slfc(case);
        case.clause(clause!("A.3-a")).requires(
            slfc,
            "only the SLFC authorizes personnel to query the database and view what it returns: have it grant the role",
        );
    }
}

/// F.2 "The Commander of the Real-Time Crime Center will designate an SMRT System Administrator"; D.4.a knows a
/// designee of the Administrator's; and a Commander hands over to the next.
fn designated_by_the_commander(case: &mut Case, access: &Access, person: &Person) {
    let commander = is_commander(case);
    if gains(case, access, person, &ADMINISTRATOR_ROLE) {
        case.clause(clause!("F.2")).requires(
            commander,
            "only the Commander of the Real-Time Crime Center designates the SMRT System Administrator: have them do it",
        );
    }
    if gains(case, access, person, &DESIGNEE_ROLE) {
        let administrator = commander || acts_as(case, &ADMINISTRATOR_ROLE);
        case.clause(clause!("F.2")).requires(
            administrator,
            "only the SMRT System Administrator or the Commander names the Administrator's designee: have them do it",
        );
    }
    if gains(case, access, person, &COMMANDER_ROLE) {
        case.clause(clause!("F.1")).requires(
            commander,
            "only the Commander of the Real-Time Crime Center hands the office over: have them do it",
        );
    }
}

/// Whether the change gives the person a role that they do not exercise now.
fn gains(case: &Case, access: &Access, person: &Person, role: &Setting) -> bool {
    let role = case.settings().text(role);
    let resting = matches!(access.change, AccessChange::Reinstate);
    access.roles.iter().any(|r| same(r, role)) && (resting || !has_role(person, role))
}

/// F.1, F.2 and F.3: a version of the policy takes effect with the Commander's approval, and is published.
pub fn activation(case: &mut Case) {
    let Step::Activation(activation) = &case.matter().step else { return };
    let (commander, administrator) = (is_commander(case), is_administrator(case));
    case.clause(clause!("F.2")).requires(
        commander || administrator,
        "only the Commander or the SMRT System Administrator puts a version of this policy in force: have one of them do it",
    );
    let role = case.settings().text(&COMMANDER_ROLE);
    let last = activation.approvals.iter().rev().find(|s| same(&s.role, role)).map(|s| s.conclusion);
    if !commander && matches!(last, Some(Conclusion::Refused)) {
        case.clause(clause!("F.1")).violated("the Commander refused this version: change it and ask again");
    } else {
        let approved = commander || matches!(last, Some(Conclusion::Approved));
        case.clause(clause!("F.1")).needs(
            approved,
            "the Commander of the Real-Time Crime Center is responsible for compliance: have them approve this version",
        );
    }
    published(case, administrator);
}

/// F.3 "Both the Commander of the RTCC and the SMRT System Administrator will be responsible ... for ensuring that this
/// SO document is both available to the public and, as may be needed, is updated."
fn published(case: &mut Case, administrator: bool) {
    let office = if administrator { &ADMINISTRATOR_ROLE } else { &COMMANDER_ROLE };
    let owner = case.settings().text(office);
    let hours = count(case.settings(), &PUBLICATION_HOURS);
    case.clause(clause!("F.3-b"))
        .read_as(reading!("IR-14"))
        .notes("requests under way go on under the new version from their next step, and both versions are on record");
    case.clause(clause!("F.3-b")).obliges(Duties::task(
        owner,
        "publish the order with the settings and interpretations now in force",
        hours,
    ));
}

/// F.1 "Primary responsibility for ensuring compliance with the provisions of this policy is assigned to the Commander of
/// the RTCC": to ensure it, and not to dispense with it. D.4.b, which lets the SLFC extend retention, is about how long data
/// stays.
pub fn nothing_is_waived(case: &mut Case) {
    case.clause(clause!("F.1")).violated("no clause of the order lets anybody set an obligation aside: have it met");
}

/// F.3 "Both the Commander of the RTCC and the SMRT System Administrator will be responsible for making SMRT system
/// reports available to the public": with the order they report on.
pub fn public_report(case: &mut Case) {
    let office = if is_commander(case) { &COMMANDER_ROLE } else { &ADMINISTRATOR_ROLE };
    let responsible = is_commander(case) || is_administrator(case);
    case.clause(clause!("F.3-a")).requires(
        responsible,
        "system reports are the Commander's and the SMRT System Administrator's to publish: have one of them draw it up",
    );
    let owner = case.settings().text(office);
    let hours = count(case.settings(), &PUBLICATION_HOURS);
    case.clause(clause!("F.3-a")).obliges(Duties::task(owner, "make the system report available to the public", hours));
    case.clause(clause!("F.3-b")).notes("the order and the settings in force are available to the public beside it");
}
