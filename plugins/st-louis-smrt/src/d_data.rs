//! What enters the database and what is shown of it: B.5 and part D, with the sentence of E.2.b that keeps probes out.

use crate::settings::{BOOKING_DATA, NOTICE_READING, SHOWN_STATUSES};
use crate::words::{anybody_chose, chosen, given};
use magistrate_sdk::Case;
use magistrate_sdk::facts::{AgencyKind, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::Duty;

/// The question how the photograph came about.
const CONTEXT: &str = "capture-context";

/// Contexts in which mugshots are generally taken.
pub const MUGSHOT_CONTEXTS: &[&str] = &["booking", "other-mugshot-contact"];

/// An image made in the field: a probe.
pub const FIELD: &str = "field";

/// Every context the enrolment form offers.
pub const CONTEXTS: &[&str] = &["booking", "other-mugshot-contact", FIELD, "public-event", "elsewhere"];

/// The status of a record whose originating agency gave notice that it no longer retains the mugshot.
const NOTICE_RECEIVED: &str = "notice-received";

/// The status of a record that its agency expunged.
const EXPUNGED: &str = "expunged";

/// D.1 "SMRT data (i.e., booking mugshots ...)"; B.5 adds "any other contact with a law enforcement agency for which
/// mugshot photographs are generally taken".
pub fn booking_context(case: &mut Case) {
    let mugshot = chosen(case, CONTEXT, MUGSHOT_CONTEXTS);
    case.clause(clause!("D.1")).affirms(
        mugshot,
        "say in `capture-context` on what occasion the photograph was taken",
        "the photograph is no mugshot: only those taken at booking, or another contact for which mugshots are generally taken, are enrolled",
    );
}

/// D.1 "... collected by the law enforcement agencies participating in the SMRT Data Sharing Project". Of the agency
/// that transmits, the registry knows whether it participates; of another that collected, whoever transmits attests it.
pub fn collecting_agency(case: &mut Case) {
    let agency = case.actor_agency();
    let participates = agency.participant
        && agency.suspended_since.is_none()
        && matches!(agency.kind, AgencyKind::LawEnforcement | AgencyKind::Federal);
    case.clause(clause!("D.1")).requires(participates, "the agency does not participate in the SMRT Data Sharing Project: have a participating agency transmit its own mugshots");
    let Some(collected_by) = given(case, "collected-by") else {
        let ask = "name in `collected-by` the agency that took the photograph: its notice will end the retention";
        case.clause(clause!("D.1")).needs(false, ask);
        return;
    };
    if collected_by == agency.id {
        return;
    }
    let attested = case.affirmed("collector-participates");
    case.clause(clause!("D.1")).affirms(
        attested,
        "say in `collector-participates` whether the agency that took the photograph participates in the project",
        "the agency that took the photograph does not participate in the SMRT Data Sharing Project",
    );
}

/// D.1 "... and associated identifying information routinely accompanying mugshots".
pub fn routine_information(case: &mut Case) {
    let routine = case.settings().texts(&BOOKING_DATA);
    let beyond = case.enrolled_fields().iter().any(|name| !routine.contains(name));
    case.clause(clause!("D.1"))
        .forbids(beyond, "some of the information does not routinely accompany a mugshot: leave it out");
}

/// D.3 What its agency "no longer retains" leaves the server, and so does not enter it. The order does not speak of records that
/// are sealed or a juvenile's: they may enter under a status that says so, and no list shows them.
pub fn retained_by_their_agency(case: &mut Case) {
    let statuses = case.enrolled_statuses();
    let given_up = statuses.iter().any(|s| [EXPUNGED, NOTICE_RECEIVED].contains(&s.as_str()));
    let refused = case.clause(clause!("D.3")).forbids(
        given_up,
        "a record that its agency expunged, or gave up, is one that it no longer retains: do not enrol it",
    );
    if !refused && statuses.iter().any(|s| is_withheld(case, s)) {
        case.clause(clause!("D.3")).notes("some of the records enter under a status that no list shows");
    }
}

/// B.5 Collection "in any manner known to the collecting agency to solely reflect an individual's political, religious,
/// or social views, associations, or activities ... must be limited to instances directly related to criminal conduct
/// or activity which, as standard practice, required an agency to take a mugshot image of a person".
pub fn views_and_associations(case: &mut Case) {
    match case.flag("views-only") {
        None => {
            let ask = "say in `views-only` whether the photograph is known to reflect solely political, religious or social views, associations or activities";
            case.clause(clause!("B.5")).needs(false, ask);
        }
        Some(false) => case.clause(clause!("B.5")).satisfied(),
        Some(true) => {
            let conduct = case.affirmed("criminal-conduct");
            case.clause(clause!("B.5")).affirms(conduct, "say in `criminal-conduct` whether the photograph is directly related to criminal conduct or activity", "the photograph reflects views, associations or activities only and is not directly related to criminal conduct: do not enrol it");
            let standard = case.affirmed("mugshot-standard");
            case.clause(clause!("B.5")).affirms(
                standard,
                "say in `mugshot-standard` whether that conduct required a mugshot as standard practice",
                "the conduct did not require a mugshot as standard practice: do not enrol the photograph",
            );
        }
    }
}

/// E.2.b "... the probe image will not be enrolled in the system for future searches".
pub fn no_probe_enrolled(case: &mut Case) {
    let field = given(case, CONTEXT).map(|_| anybody_chose(case, CONTEXT, FIELD));
    case.clause(clause!("E.2.b")).denies(
        field,
        "say in `capture-context` whether the photograph was taken in the field",
        "an image made in the field is a probe, and probes are not enrolled for future searches: do not enrol it",
    );
}

/// D.3 A mugshot whose agency notified that it "no longer retains the mugshot in its records" is on its way out: IR-11.
/// A record whose status nobody knows, or that is sealed, is not shown either. The rest of the list is.
pub fn still_retained(case: &mut Case) {
    let shown = case.settings().texts(&SHOWN_STATUSES);
    let until_purge = case.settings().is(&NOTICE_READING, "until-purge");
    let Step::Candidates(list) = &case.matter().step else { return };
    let noticed = list.iter().any(|c| c.status == NOTICE_RECEIVED);
    let unknown = list.iter().any(|c| c.status != NOTICE_RECEIVED && !shown.contains(&c.status));
    if noticed && until_purge {
        case.clause(clause!("D.3")).read_as(reading!("IR-11")).satisfied();
    } else if noticed {
        case.clause(clause!("D.3"))
            .read_as(reading!("IR-11"))
            .notes("a record whose agency gave notice that it no longer retains the mugshot is withheld from the list");
    }
    if unknown {
        case.clause(clause!("D.3")).notes("a record that is not active is withheld from the list");
    }
    if !noticed && !unknown {
        case.clause(clause!("D.3")).satisfied();
    }
    let withheld: Vec<String> =
        list.iter().filter(|c| is_withheld(case, &c.status)).map(|c| c.record_id.clone()).collect();
    if !withheld.is_empty() {
        case.clause(clause!("D.3")).obliges(Duty::Withhold(withheld));
    }
}

/// D.3 A report shows what the list would show now: a mugshot noticed since the list was shown (IR-11), or a record that is
/// not active any more, does not leave with it.
pub fn retained_at_the_release(case: &mut Case) {
    let Step::Release(plan) = &case.matter().step else { return };
    let noticed = plan.candidates.iter().any(|c| c.status == NOTICE_RECEIVED);
    let withheld = plan.candidates.iter().any(|c| is_withheld(case, &c.status));
    let clause = case.clause(clause!("D.3"));
    let clause = if noticed { clause.read_as(reading!("IR-11")) } else { clause };
    clause.forbids(
        withheld,
        "the agency of a candidate's mugshot gave notice since the list was shown, or its record is not active any more: leave it out",
    );
}

/// D.3 Nor does it leave later: a report on the server is as old as its release, and its mugshot may have been given up or sealed
/// since. What was destroyed since, the host hands over to nobody.
pub fn retained_at_the_hand_over(case: &mut Case) {
    let Step::Disseminate(handed) = &case.matter().step else { return };
    let noticed = handed.candidates.iter().any(|c| c.status == NOTICE_RECEIVED);
    let withheld = handed.candidates.iter().any(|c| is_withheld(case, &c.status));
    let clause = case.clause(clause!("D.3"));
    let clause = if noticed { clause.read_as(reading!("IR-11")) } else { clause };
    clause.forbids(
        withheld,
        "the agency of a mugshot in the report gave notice since its release, or the record is not active any more: hand it over to nobody",
    );
}

/// Whether nobody is shown a record of this status.
pub fn is_withheld(case: &Case, status: &str) -> bool {
    if status == NOTICE_RECEIVED {
        !case.settings().is(&NOTICE_READING, "until-purge")
    } else {
        !case.settings().texts(&SHOWN_STATUSES).contains(status)
    }
}
