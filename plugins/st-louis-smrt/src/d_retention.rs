//! D.3: how long a mugshot stays on the server once its agency no longer retains it; with what E.1 and E.2.b say of
//! entries in the log and of probes kept for audit. What is of evidentiary value is the business of [`d_evidence`].

use crate::c_inquiries::COMPARE_REPORT;
use crate::e_audit::AUDIT_PROBE;
use crate::f_responsibilities::{administrator_acts, is_administrator, may_review, tell_the_commander};
use crate::settings::{
    ADMINISTRATOR_ROLE, AUDIT_PROBE_DAYS, AUDIT_PROBE_READING, NOTICE_READING, TRANSFER_HOURS, count,
};
use crate::words::given;
use crate::{d_evidence, deadline};
use magistrate_sdk::calendar::{before, hours_after};
use magistrate_sdk::facts::{RetentionEvent, Step};
use magistrate_sdk::rulings::ClockOrigin;
use magistrate_sdk::terms::Date;
use magistrate_sdk::text::{blank, same};
use magistrate_sdk::{Case, Duties};

/// A mugshot on the server.
pub const GALLERY_RECORD: &str = "gallery-record";

/// An entry of the log.
const AUDIT_ENTRY: &str = "audit-entry";

/// What may happen to a record, as the contract lists it.
const KINDS: &[&str] = &["notice", "hold", "lift", "extend", "export", SEAL, UNSEAL, "purge"];

/// A mugshot is shown to nobody any more, and stays.
const SEAL: &str = "seal";

/// It is shown again.
const UNSEAL: &str = "unseal";

/// Judges whatever bears on how long a record stays.
pub fn judge(case: &mut Case) {
    let Step::Retention(event) = &case.matter().step else { return };
    if !KINDS.contains(&event.kind.as_str()) {
        case.clause(clause!("D.3")).violated(
            "what is to happen to the record is unknown: notice, hold, lift, extend, export, seal, unseal or purge it",
        );
        return;
    }
    if [SEAL, UNSEAL].contains(&event.kind.as_str()) && event.subject != GALLERY_RECORD {
        case.clause(clause!("D.3")).violated("only a mugshot is on lists, and sealed: say gallery-record");
        return;
    }
    match event.subject.as_str() {
        GALLERY_RECORD => gallery_record(case, event),
        AUDIT_PROBE => probe(case, event),
        COMPARE_REPORT => seized_report(case, event),
        AUDIT_ENTRY => audit_entry(case, event),
        _ => case.clause(clause!("D.3")).violated(
            "this kind of record is unknown: say gallery-record, probe, audit-entry or the id of the Compare Report",
        ),
    }
}

/// E.2.b What another jurisdiction's system keeps of a search by this one's people is no SMRT data, so that nothing of the
/// order is broken by what happens to it: its own policy decides.
pub fn kept_elsewhere(case: &mut Case) {
    case.clause(clause!("E.2.b")).satisfied();
}

/// D.3 and D.4, for the data the order calls SMRT system data.
fn gallery_record(case: &mut Case, event: &RetentionEvent) {
    match event.kind.as_str() {
        "notice" => notice(case, event),
        "hold" => d_evidence::hold(case, event),
        "lift" => d_evidence::lift(case, event),
        "extend" => d_evidence::extend(case, event),
        "export" => d_evidence::export(case, event),
        SEAL => sealed(case, "write down in `decision-reasons` why the mugshot is sealed"),
        UNSEAL => sealed(case, "write down in `decision-reasons` why the mugshot is sealed no longer"),
        _ => purge(case, event),
    }
}

/// F.2 The order does not speak of sealing. Who manages the program keeps a mugshot from being shown, or has it shown again, and
/// nobody else; and why goes on record. The ten days of D.3 run all the same.
fn sealed(case: &mut Case, ask: &str) {
    administrator_acts(case);
    let reasons = given(case, "decision-reasons").is_some();
    case.clause(clause!("F.2")).needs(reasons, ask);
}

/// D.3 "the originating agency for each submitted image notifies the SMRT System Administrator that it no longer
/// retains the mugshot in its records". The agency gives the notice, or the Administrator records the one received. It
/// takes effect at once: the record is not searched any more (IR-11), and is gone ten days later (IR-12). A later
/// notice does not undo an earlier one.
fn notice(case: &mut Case, event: &RetentionEvent) {
    let by_origin = !blank(&event.origin) && same(&event.origin, &case.actor_agency().id);
    let told = by_origin || is_administrator(case);
    case.clause(clause!("D.3")).requires(told, "only notice from the agency that the mugshot came from counts: have that agency notify the SMRT System Administrator");
    // A notice that nobody dates is given now.
    let noticed = event.noticed.unwrap_or(case.today());
    let to_come = before(case.today(), noticed);
    case.clause(clause!("D.3")).forbids(to_come, "a notice cannot bear a day that is yet to come: date it again");
    if !is_administrator(case) {
        let (administrator, hours) =
            (case.settings().text(&ADMINISTRATOR_ROLE), count(case.settings(), &TRANSFER_HOURS));
        let about = "an agency no longer retains a mugshot that is on the server";
        case.clause(clause!("D.3")).obliges(Duties::notify(&[administrator], hours, ClockOrigin::Decision, about));
    }
    if event.held {
        d_evidence::to_be_transferred(case, Some(noticed));
    }
    goes_by_the_deadline(case, event, noticed);
    reports_go_too(case, event, Some(noticed));
    let until_purge = case.settings().is(&NOTICE_READING, "until-purge");
    let clause = case.clause(clause!("D.3")).read_as(reading!("IR-11"));
    if until_purge {
        clause.notes("the record is searched until it is purged");
    } else {
        clause.notes("the record is not searched from the notice on");
    }
}

/// D.3 A record is purged by the Administrator, who is "responsible for the overall management of the SMRT Program".
/// Sooner than the ten days is as well; later is, too, and is found to be late.
fn purge(case: &mut Case, event: &RetentionEvent) {
    administrator_acts(case);
    d_evidence::exported_before_purged(case, event);
    match event.noticed {
        None => {
            case.clause(clause!("D.3")).notes("no notice is on record: the order sets no end, and asks for no delay");
            reports_go_too(case, event, None);
        }
        Some(noticed) => {
            stored_no_longer(case, event, noticed);
            // Those released since the notice are nobody's task yet.
            reports_go_too(case, event, Some(noticed));
        }
    }
    digest_stays(case);
    case.tag("retention", "purge");
}

/// D.3 speaks of "All SMRT system data", which D.1 says is mugshots and what accompanies them: a Compare Report on the server
/// holds both, and goes with the mugshot. What is seized as evidence (C.5) is transferred first, as the mugshot would be
/// (D.4.a). Drawn up anew it would illustrate nothing (C.4).
fn reports_go_too(case: &mut Case, event: &RetentionEvent, noticed: Option<Date>) {
    if event.documents == 0 {
        return;
    }
    let administrator = case.settings().text(&ADMINISTRATOR_ROLE);
    let hours = d_evidence::hours_left(case, noticed);
    case.clause(clause!("D.3")).notes("Compare Reports on the server hold the mugshot: they go with it");
    case.clause(clause!("D.3")).obliges(Duties::task(
        administrator,
        "purge the Compare Reports that hold the mugshot, and transfer those that are evidence first",
        hours,
    ));
}

/// D.3 "stored on the SMRT server for a period not to exceed ten (10) days after the date" of the notice. What is there
/// longer is a violation whatever is decided now: it goes to the Commander. Returns whether the period is over.
pub fn stored_no_longer(case: &mut Case, event: &RetentionEvent, noticed: Date) -> bool {
    if !deadline::past(case, noticed) {
        case.clause(clause!("D.3")).read_as(reading!("IR-12")).satisfied();
        return false;
    }
    if extended_until(case, event).is_some() {
        case.clause(clause!("D.4.b-2"))
            .read_as(reading!("SL-5"))
            .notes("the SLFC extended the retention, which runs still");
        return false;
    }
    case.tag("violation", "D.3");
    case.clause(clause!("D.3")).read_as(reading!("IR-12")).notes("the record should have left the server when the days allowed after its agency's notice ended: its purge is overdue");
    let notice = tell_the_commander(case, "a mugshot stayed on the server longer than the order allows");
    case.clause(clause!("D.3")).always_obliges(notice);
    true
}

/// D.3 The record leaves the server when the ten days end, or the extension does; at once where they are over.
pub fn goes_by_the_deadline(case: &mut Case, event: &RetentionEvent, noticed: Date) {
    stored_no_longer(case, event, noticed);
    let extended = extended_until(case, event).map_or(0, |until| deadline::end_of(case.clock(), until));
    let by = deadline::due(case, noticed).max(extended);
    case.clause(clause!("D.3")).obliges(Duties::purge(GALLERY_RECORD, by));
}

/// The last day of an extension that runs still. An event that asks for an extension says up to which day, and has none
/// yet.
fn extended_until(case: &Case, event: &RetentionEvent) -> Option<Date> {
    event.extended.filter(|until| event.kind != "extend" && !before(*until, case.today()))
}

/// E.2.b The probe "is retained only as an audit-enabling feature": for as long as IR-17 says, and never enrolled.
fn probe(case: &mut Case, event: &RetentionEvent) {
    match event.kind.as_str() {
        "purge" => probe_purged(case, event),
        "hold" => d_evidence::held_in_writing(case),
        "lift" => d_evidence::lifted_with_reasons(case, event),
        "extend" => d_evidence::requested_formally(case, event),
        "export" => d_evidence::on_media(case, event),
        _ => case
            .clause(clause!("E.2.b"))
            .violated("a notice ends the storage of a mugshot; a probe is retained for audit, notice or not"),
    }
}

fn probe_purged(case: &mut Case, event: &RetentionEvent) {
    administrator_acts(case);
    case.clause(clause!("C.5"))
        .forbids(event.held, "the probe is held as evidence: have the SMRT System Administrator lift the hold first");
    if case.settings().is(&AUDIT_PROBE_READING, "forever") {
        case.clause(clause!("E.2.b"))
            .read_as(reading!("IR-17"))
            .violated("this jurisdiction keeps probes for audit without end: change audit-probe-reading first");
        return;
    }
    let Some(recorded) = event.recorded.or_else(|| case.request().map(|r| r.opened)) else {
        case.clause(clause!("E.2.b"))
            .read_as(reading!("IR-17"))
            .missing("it is not on record since when the probe is kept: name the request it belongs to");
        return;
    };
    let days = u64::from(count(case.settings(), &AUDIT_PROBE_DAYS));
    let kept = case.clock().now >= hours_after(recorded, days.saturating_mul(24));
    case.clause(clause!("E.2.b"))
        .read_as(reading!("IR-17"))
        .requires(kept, "the probe enables audits for audit-probe-days: purge it when these have passed");
    digest_stays(case);
    case.tag("retention", "probe-purge");
}

/// C.5 A seized Compare Report is "handled in accordance with Department policy", of which the order says no more: it
/// stays while it is held.
fn seized_report(case: &mut Case, event: &RetentionEvent) {
    match event.kind.as_str() {
        "lift" => d_evidence::lifted_with_reasons(case, event),
        "purge" => {
            administrator_acts(case);
            case.clause(clause!("C.5")).forbids(
                event.held,
                "the Compare Report is held as evidence: have the SMRT System Administrator lift the hold first",
            );
            digest_stays(case);
        }
        "export" => {
            administrator_acts(case);
            case.clause(clause!("C.5")).notes("the Compare Report is handed to whoever keeps the evidence");
        }
        _ => {
            case.clause(clause!("C.5")).notes("a seized Compare Report is handled in accordance with Department policy")
        }
    }
}

/// IR-15: an immutable log and a purge go together as long as the log holds digests and no images.
fn digest_stays(case: &mut Case) {
    case.clause(clause!("E.1-a"))
        .read_as(reading!("IR-15"))
        .notes("the image goes; its digest and what was logged of it stay");
}

/// E.1 "All transactions and queries of the SMRT Server system are logged, immutably, and are subject to review at any
/// time": an entry is never purged, and those who review the log take copies of it.
fn audit_entry(case: &mut Case, event: &RetentionEvent) {
    match event.kind.as_str() {
        "purge" => case
            .clause(clause!("E.1-a"))
            .violated("the log is immutable and the order names no end of it: no entry is purged"),
        "export" => {
            may_review(case);
        }
        _ => case.clause(clause!("E.1-a")).notes("an entry of the log stays, with or without a hold"),
    }
}
