//! The retention phase: how long gallery records, probes, reports and audit entries stay, which records are sealed, and who may say so
//! (5.4(6), 6.1(3)b, 6.1(4), 7(4), 7(9)).

use crate::corroboration::{self, Concluded};
use crate::{answers, requesting, settings, standing, words};
use magistrate_sdk::calendar::{HOUR_MS, hours_after};
use magistrate_sdk::case::has_role;
use magistrate_sdk::facts::{RetentionEvent, Step};
use magistrate_sdk::terms::Value;
use magistrate_sdk::{Case, Duties};

/// A record of SNAP.
pub const GALLERY_RECORD: &str = "gallery-record";
/// The photograph that was searched.
pub const PROBE: &str = "probe";
/// An entry of the audit trail.
pub const AUDIT_ENTRY: &str = "audit-entry";
/// A report that was drawn up.
pub const REPORT: &str = requesting::SUPPLEMENTAL_REPORT;

/// A record of SNAP is taken out of use.
const SEAL: &str = "seal";
/// It is in use again.
const UNSEAL: &str = "unseal";

/// What may happen to a record.
pub const KINDS: &[&str] = &["notice", "hold", "lift", "extend", "export", SEAL, UNSEAL, "purge"];

/// The rules of the retention phase.
pub fn judge(case: &mut Case) {
    let Step::Retention(event) = &case.matter().step else { return };
    let (subject, kind) = (event.subject.trim(), event.kind.trim());
    authorised(case, subject);
    known(case, subject, kind);
    match (subject, kind) {
        (AUDIT_ENTRY, "purge") => audit_entry(case, event),
        (_, "purge") => purge(case, event, subject),
        (_, "hold") => hold(case),
        (_, "extend") => extend(case, subject),
        (_, "export") => reasoned(case, "say why it is exported and to whom"),
        (_, "lift") => lift(case, event, subject),
        (_, "notice") => notice(case),
        (_, SEAL) => sealed(case, "say why it is sealed: the order, or the law, that takes it out of use"),
        (_, UNSEAL) => sealed(case, "say why it is no longer sealed"),
        _ => {}
    }
    case.tag("retention", kind);
}

/// 7(4) "it cannot be modified, accessed, or purged except by members authorized to take such actions": the gallery by those
/// who may change it, a probe by those named in the settings, reports and the audit trail by the LASO alone.
fn authorised(case: &mut Case, subject: &str) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let holds = |role: &str| has_role(case.actor(), role);
    let authorised = match subject {
        GALLERY_RECORD => case.settings().texts(&settings::ENROLLER_ROLES).iter().any(holds),
        PROBE => case.settings().texts(&settings::RETENTION_ROLES).iter().any(holds),
        _ => holds(laso),
    };
    let member = standing::actor_is_member(case);
    case.clause(clause!("7(4)")).requires(
        member && authorised,
        "only a member authorised for this kind of record holds, exports, seals or purges it: have one of them do it",
    );
}

/// 6.1(3)b What is neither a gallery record, a probe, a report nor an audit entry has no schedule. Of these a gallery record alone
/// is shown to anybody who looks for somebody else, and sealed.
fn known(case: &mut Case, subject: &str, kind: &str) {
    let subjects: &[&str] =
        if [SEAL, UNSEAL].contains(&kind) { &[GALLERY_RECORD] } else { &[GALLERY_RECORD, PROBE, REPORT, AUDIT_ENTRY] };
    let known = subjects.contains(&subject) && KINDS.contains(&kind);
    if !known {
        case.clause(clause!("6.1(3)b"))
            .violated("the kind of record, or what happens to it, is unknown: use one of the form's words");
    }
}

/// 6.1(3)b "automatically purged in accordance with this Department's retention policy, unless determined to be of
/// evidentiary value."
fn purge(case: &mut Case, event: &RetentionEvent, subject: &str) {
    // What the request said of it has become a hold, which may since have been lifted.
    let says_so = case.actor_answered(answers::EVIDENTIARY, |answer| matches!(answer, Value::Flag(true)));
    let evidence = event.held || says_so;
    case.clause(clause!("6.1(3)b"))
        .forbids(evidence, "it is of evidentiary value and held: lift the hold before it is purged");
    if subject == GALLERY_RECORD {
        left_in_documents(case, event);
    }
    if subject != PROBE {
        return;
    }
    if case.settings().is(&settings::PROBE_PURGE, "bytes") {
        case.clause(clause!("6.1(3)b"))
            .read_as(reading!("IR-15"))
            .notes("the photograph goes; its digest and the record stay");
    } else {
        let due = is_old(case, event.recorded);
        case.clause(clause!("6.1(3)b")).read_as(reading!("IR-15")).requires(
            due,
            "the photograph is kept encrypted as long as the audit trail: it is not due for purging yet",
        );
    }
    if no_viable_candidate(case) {
        case.clause(clause!("5.4(6)")).read_as(reading!("IR-15")).satisfied();
    } else {
        under_way(case, event);
    }
    original(case);
}

/// 6.1(3)b "automatically purged in accordance with this Department's retention policy": what is still being compared goes when
/// its time is up, and before that for a reason that is on record.
fn under_way(case: &mut Case, event: &RetentionEvent) {
    // The host begins a little ahead, so as not to be late.
    let soon = case.clock().now.saturating_add(24 * HOUR_MS);
    let due = event.recorded.is_some_and(|at| schedule(case, at) <= soon);
    if case.history().released.is_none() && !due {
        let reason = words::stated(case, answers::RETENTION_REASON).is_some();
        case.clause(clause!("6.1(3)b"))
            .needs(reason, "the request is under way and its photograph is not due to go: say why it goes now");
    }
}

/// When a photograph goes that was recorded then (IR-15).
fn schedule(case: &Case, recorded: u64) -> u64 {
    let days = settings::count(case, &settings::PROBE_DAYS);
    let bytes = case.settings().is(&settings::PROBE_PURGE, "bytes");
    let days = if bytes { days } else { days.max(settings::audit_days(case)) };
    hours_after(recorded, u64::from(days).saturating_mul(24))
}

/// 6.1(3)b speaks of "facial recognition information": a report with the mug shot in it is that, too. Whether it is of
/// evidentiary value is for somebody to say who knows the case.
fn left_in_documents(case: &mut Case, event: &RetentionEvent) {
    if event.documents == 0 {
        return;
    }
    let laso = case.settings().text(&settings::LASO_ROLE);
    case.clause(clause!("6.1(3)b")).notes("reports with the record in them are still kept, and handed over to nobody");
    let duty =
        Duties::task(laso, "purge the reports with the purged record in them, but for those that are evidence", 72);
    case.clause(clause!("6.1(3)b")).obliges(duty);
}

/// 6.1(4) "privacy, civil rights, and civil liberties" are guided by law: what the law takes out of use is on no list from then
/// on, and why goes on record. So does why it is in use again.
fn sealed(case: &mut Case, ask: &str) {
    let reason = words::stated(case, answers::RETENTION_REASON).is_some();
    case.clause(clause!("6.1(4)")).needs(reason, ask);
}

/// 5.4(1) "Photographs shall be handled as specified in Manual Directive 306.1 Evidence Property": the original is property,
/// what is purged is the system's copy.
fn original(case: &mut Case) {
    if words::stated(case, answers::EVIDENCE_NUMBER).is_some() {
        case.clause(clause!("5.4(1)-b")).satisfied();
        return;
    }
    let supervisor = case.settings().text(&settings::SUPERVISOR_ROLE);
    case.clause(clause!("5.4(1)-b"))
        .notes("the original has no evidence property number, though only a copy is purged");
    let duty = Duties::task(supervisor, "record the photograph's evidence property number", 72);
    case.clause(clause!("5.4(1)-b")).obliges(duty);
}

/// 5.4(6) "If CIU cannot discern a viable candidate": the signers say so, or the search returned nothing and left nobody out.
fn no_viable_candidate(case: &Case) -> bool {
    let history = case.history();
    let nothing = history.searches_of_request > 0 && history.candidates_returned == 0 && !history.candidates_filtered;
    nothing || corroboration::concluded(case) == Concluded::NoLead
}

/// 6.1(3)b "unless determined to be of evidentiary value": somebody determines it, and says why.
fn hold(case: &mut Case) {
    // Whoever holds it determines that; an earlier no does not bind them.
    let evidentiary = case.flag(answers::EVIDENTIARY);
    case.clause(clause!("6.1(3)b")).affirms(
        evidentiary,
        "say whether it is of evidentiary value: only that holds it back from purging",
        "it is of no evidentiary value, so it is not held",
    );
    reasoned(case, "say why it is of evidentiary value");
}

/// 6.1(3)b A record stays longer for a reason; 5.4(6) a photograph without a viable candidate stays for none but its
/// evidentiary value.
fn extend(case: &mut Case, subject: &str) {
    reasoned(case, "say why it is kept longer");
    if subject == PROBE && no_viable_candidate(case) {
        let evidentiary = case.flag(answers::EVIDENTIARY) == Some(true);
        case.clause(clause!("5.4(6)"))
            .read_as(reading!("IR-15"))
            .requires(evidentiary, "no viable candidate was found, so the photograph leaves the system: purge it");
    }
}

fn reasoned(case: &mut Case, ask: &str) {
    let reason = words::stated(case, answers::RETENTION_REASON).is_some();
    case.clause(clause!("6.1(3)b")).needs(reason, ask);
}

/// 6.1(3)b What is no longer evidence is purged on schedule, at once if the schedule has run out, or if nothing but its
/// evidentiary value kept a photograph without a viable candidate (5.4(6)).
fn lift(case: &mut Case, event: &RetentionEvent, subject: &str) {
    reasoned(case, "say why it is no longer held");
    if subject != PROBE {
        return;
    }
    let now = case.clock().now;
    let bytes = case.settings().is(&settings::PROBE_PURGE, "bytes");
    let schedule = event.recorded.map_or(now, |at| schedule(case, at));
    let soonest = hours_after(now, u64::from(settings::count(case, &settings::NO_CANDIDATE_HOURS)));
    if bytes && no_viable_candidate(case) {
        case.clause(clause!("5.4(6)"))
            .read_as(reading!("IR-15"))
            .notes("no viable candidate was found, and the photograph is no longer evidence: it leaves the system");
        case.clause(clause!("5.4(6)")).obliges(Duties::purge(PROBE, soonest));
    } else {
        case.clause(clause!("6.1(3)b")).obliges(Duties::purge(PROBE, schedule.max(soonest)));
    }
}

/// 6.1(1) The LASO is responsible for "retention, evaluation, data quality, use, purging": a contributor that no longer keeps
/// its own record has the Department's looked at.
fn notice(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    case.clause(clause!("6.1(3)b")).notes("the originating agency no longer keeps its own record");
    let duty = Duties::task(laso, "decide whether the record its originating agency gave up is purged", 72);
    case.clause(clause!("6.1(3)b")).obliges(duty);
}

/// 7(9) "An audit trail will be kept for a minimum of one (1) year".
fn audit_entry(case: &mut Case, event: &RetentionEvent) {
    let old = is_old(case, event.recorded);
    let otherwise = if event.recorded.is_some() {
        "the entry is younger than the audit trail's minimum of a year: keep it"
    } else {
        "nobody knows when the entry was recorded: keep it"
    };
    case.clause(clause!("7(9)-b")).requires(old, otherwise);
    case.clause(clause!("6.1(3)b")).forbids(event.held, "the entry is held: lift the hold before it is purged");
}

/// Whether something has been on record as long as the audit trail is kept.
fn is_old(case: &Case, recorded: Option<u64>) -> bool {
    let least = u64::from(settings::audit_days_past(case)).saturating_mul(24 * HOUR_MS);
    recorded.is_some_and(|at| case.clock().now.saturating_sub(at) >= least)
}
