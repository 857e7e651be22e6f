//! 307.5 - 5.4, Process for Requesting Facial Recognition.

use crate::corroboration::{self, Approval};
use crate::{answers, definitions, oversight, settings, standing, words};
use magistrate_sdk::calendar::hours_after;
use magistrate_sdk::facts::Step;
use magistrate_sdk::rulings::{ClockOrigin, Duty};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties};

/// The statement of 5.4(4) and 5.5(b).
pub const INVESTIGATIVE_LEAD: &str = "investigative-lead";

/// The document of 5.4(4).
pub const SUPPLEMENTAL_REPORT: &str = "supplemental-incident-report";

/// 5.4, in the order of its paragraphs.
pub fn judge(case: &mut Case) {
    submitted_to_the_unit(case);
    photographs(case);
    incident_number(case);
    crime_type(case);
    if case.phase() == Phase::Request {
        evidence_property(case);
    } else {
        performed_by_the_unit(case);
    }
    if standing::at_the_state(case) && !standing::outside(case) {
        state_database(case);
    } else {
        snap_only(case);
    }
    match case.phase() {
        Phase::Search => {
            corroborated(case);
            reported(case);
        }
        Phase::Candidates => empty_list(case),
        _ => {}
    }
}

/// 5.4(1) "Requests … shall be submitted to the Crime Intelligence Unit (CIU)": by the requester, or by the unit for them.
fn submitted_to_the_unit(case: &mut Case) {
    if case.phase() != Phase::Request {
        return;
    }
    let holds = case.actor_is_requester() || standing::actor_in_unit(case);
    case.clause(clause!("5.4(1)-a"))
        .requires(holds, "only the requester or the examining unit may enter a request: have one of them submit it");
}

/// 5.4(1) "with photograph(s) to be reviewed". A vendor's template was made from one, which the unit then holds itself.
fn photographs(case: &mut Case) {
    let Some(probe) = case.probe() else {
        case.clause(clause!("5.4(1)-a")).needs(false, "submit the photograph to be reviewed");
        return;
    };
    if probe.width > 0 && probe.height > 0 {
        case.clause(clause!("5.4(1)-a")).satisfied();
    } else if case.settings().flag(&settings::ACCEPT_TEMPLATES) {
        case.clause(clause!("5.4(1)-a"))
            .notes("a vendor's template is submitted; the examining unit holds its photograph");
    } else {
        case.clause(clause!("5.4(1)-a")).needs(false, "submit the photograph itself, not a template of it");
    }
}

/// 5.4(1) "the incident number". An outside agency has a case number instead (5.5(b)).
fn incident_number(case: &mut Case) {
    if standing::outside(case) {
        return;
    }
    let given = words::identified(case, &settings::INCIDENT_NUMBERS);
    case.clause(clause!("5.4(1)-a")).needs(given, "state the incident number");
}

/// 5.4(1) "the crime type, and other pertinent information".
fn crime_type(case: &mut Case) {
    let crime = case.text(answers::CRIME).is_some();
    case.clause(clause!("5.4(1)-a")).needs(crime, "state the crime type");
    let reason = words::gives_reason(case);
    case.clause(clause!("5.4(1)-a")).needs(reason, "state the reason for the request and other pertinent information");
}

/// 5.4(1) "Photographs shall be handled as specified in Manual Directive 306.1 Evidence Property."
fn evidence_property(case: &mut Case) {
    if words::stated(case, answers::EVIDENCE_NUMBER).is_some() {
        case.clause(clause!("5.4(1)-b")).satisfied();
        return;
    }
    let supervisor = case.settings().text(&settings::SUPERVISOR_ROLE);
    case.clause(clause!("5.4(1)-b")).notes("the photograph has to be handled as evidence property under 306.1");
    case.clause(clause!("5.4(1)-b")).obliges(Duties::task(
        supervisor,
        "record the photograph's evidence property number",
        72,
    ));
}

/// 5.4(2) "CIU shall perform facial recognition searches". The State Police perform those of their own database.
pub fn performed_by_the_unit(case: &mut Case) {
    if standing::by_the_state(case) {
        case.clause(clause!("5.4(2)-a"))
            .notes("the State Police search their own database on the Department's formal request");
        return;
    }
    let holds = standing::actor_in_unit(case);
    case.clause(clause!("5.4(2)-a")).requires(holds, "only the Crime Intelligence Unit performs searches and sees candidate lists: have one of its examiners take this step");
}

/// 5.4(2) "utilizing the Statewide Network of Agency Photos (SNAP) which include criminal mug shot images."
fn snap_only(case: &mut Case) {
    gallery_is_snap(case);
    let galleries = case.settings().texts(&settings::GALLERIES);
    case.clause(clause!("5.4(2)-b")).obliges(Duties::galleries(galleries.iter()));
}

/// Whether the gallery concerned is the Department's own, one of those that are SNAP, and holds mug shots.
pub fn gallery_is_snap(case: &mut Case) {
    let galleries = case.settings().texts(&settings::GALLERIES);
    let class = case.settings().text(&settings::GALLERY_CLASS);
    let snap =
        case.owns_gallery() && case.gallery().is_some_and(|g| galleries.contains(&g.id) && same(&g.class, class));
    case.clause(clause!("5.4(2)-b")).requires(snap, "only SNAP's criminal mug shots may be used: name that gallery");
}

/// 5.4(2) "In the event additional analysis is needed for confirmation of an investigative lead, a formal request may be
/// made to MSP to search the state's database. Any such request must be approved by a CIU supervisor."
fn state_database(case: &mut Case) {
    let gallery = case.gallery().map_or("", |g| g.id.as_str());
    let lead = words::stated(case, answers::LEAD_REFERENCE).is_some();
    let formal = words::stated(case, answers::FORMAL_REQUEST).is_some();
    case.clause(clause!("5.4(2)-b")).notes("the state's database is asked beyond SNAP, to confirm a lead");
    case.clause(clause!("5.4(2)-b")).obliges(Duties::galleries([gallery]));
    case.clause(clause!("5.4(2)-c")).needs(
        lead,
        "name the investigative lead that the state's database is to confirm; without one only SNAP is searched",
    );
    case.clause(clause!("5.4(2)-c")).needs(formal, "state the reference of the formal request to the State Police");
    approved_by_a_supervisor(case);
}

/// 5.4(2) "Any such request must be approved by a CIU supervisor", before its search.
fn approved_by_a_supervisor(case: &mut Case) {
    match corroboration::approval(case, "5.4(2)-d") {
        Approval::Given => case.clause(clause!("5.4(2)-d")).satisfied(),
        Approval::Refused => {
            case.clause(clause!("5.4(2)-d"))
                .violated("a supervisor refused the request to the State Police: only SNAP is searched");
        }
        Approval::Open => {
            case.clause(clause!("5.4(2)-d"))
                .notes("a supervisor of the examining unit has to approve the request to the State Police");
            if standing::before_result(case) {
                let supervisor = definitions::supervisor(case);
                case.clause(clause!("5.4(2)-d")).obliges(Duty::Approve(supervisor));
            }
        }
    }
}

/// 5.4(3) "the examiner must corroborate this lead with at least one other examiner and a CIU supervisor. The corroboration
/// must have written sign-off by the supervisor and all examiners' involved." Involved is who opened the list (IR-18).
fn corroborated(case: &mut Case) {
    let mut involved = definitions::examiners(case);
    involved.all_involved = case.settings().is(&settings::INVOLVED, "opened-list");
    involved.leads_only = definitions::for_a_lead_only(case);
    let mut supervisor = definitions::supervisor(case);
    supervisor.leads_only = involved.leads_only;
    case.clause(clause!("5.4(3)-a")).read_as(reading!("IR-6")).noted();
    case.clause(clause!("5.4(3)-b")).noted();
    case.clause(clause!("5.4(3)-b")).obliges(Duty::SignOffs(supervisor));
    case.clause(clause!("5.4(3)-c")).read_as(reading!("IR-18")).noted();
    case.clause(clause!("5.4(3)-c")).obliges(Duty::SignOffs(involved));
}

/// 5.4(4) "CIU shall complete a supplemental incident report for the requestor. The supplemental incident report shall
/// detail how the examiner came to their conclusion, and include the following language".
fn reported(case: &mut Case) {
    case.clause(clause!("5.4(4)-a")).noted();
    case.clause(clause!("5.4(4)-a")).obliges(Duties::document(SUPPLEMENTAL_REPORT));
    case.clause(clause!("5.4(4)-c")).noted();
    case.clause(clause!("5.4(4)-c")).obliges(Duties::statement(INVESTIGATIVE_LEAD));
}

/// A list holds no viable candidate when it is empty, or when every record on it is withheld. One of a search that left records
/// out says nothing of those: that a viable candidate "cannot be located" is not found by not looking.
fn empty_list(case: &mut Case) {
    let Step::Candidates(list) = &case.matter().step else { return };
    if list.iter().any(|c| oversight::may_be_shown(case, &c.status)) {
        return;
    }
    if case.history().candidates_filtered {
        case.clause(clause!("5.4(5)")).notes(
            "nobody is on the list, and the search left records out: search without a filter before it is concluded",
        );
        return;
    }
    no_viable_candidate(case);
}

/// 5.4(5) "In the event that a viable candidate cannot be located, the requestor will be notified that no candidate was
/// identified", and 5.4(6) "the photograph of the suspect will be removed".
pub fn no_viable_candidate(case: &mut Case) {
    let hours = settings::count(case, &settings::NO_CANDIDATE_HOURS);
    let by = hours_after(case.clock().now, u64::from(hours));
    let keep = case.flag(answers::EVIDENTIARY) == Some(true) || !case.settings().is(&settings::PROBE_PURGE, "bytes");
    case.clause(clause!("5.4(5)")).noted();
    case.clause(clause!("5.4(5)")).obliges(Duties::notify(
        &["requester"],
        hours,
        ClockOrigin::Decision,
        "no candidate was identified",
    ));
    let removed = if keep {
        "no candidate was found; the photograph is kept as evidence, or as long as the audit trail"
    } else {
        "no candidate was found, and the photograph leaves the system"
    };
    case.clause(clause!("5.4(6)")).read_as(reading!("IR-15")).notes(removed);
    if !keep {
        case.clause(clause!("5.4(6)")).obliges(Duties::purge("probe", by));
    }
}
