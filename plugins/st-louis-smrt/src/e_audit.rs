//! Part E: what every query is on record with, who reviews the record, and what follows misuse. The host writes the
//! record; a policy makes sure that there is something to write. "Queries to the SMRT Server will be immutably logged
//! and include" what each function of E.2 names.

use crate::clauses::CATALOGUE;
use crate::f_responsibilities::may_review;
use crate::settings::{
    AUDIT_PROBE_DAYS, AUDIT_PROBE_READING, COMMANDER_ROLE, FOLLOW_UP_HOURS, MISUSE_NOTICE_HOURS, count,
};
use crate::words::{given, stated};
use magistrate_sdk::calendar::hours_after;
use magistrate_sdk::facts::Step;
use magistrate_sdk::rulings::{ClauseIndex, ClockOrigin};
use magistrate_sdk::{Case, Duties};

/// The report of the periodic audit.
pub const PERIODIC_AUDIT: &str = "smrt-audit";

/// The report of a random audit.
pub const RANDOM_AUDIT: &str = "smrt-random-audit";

/// What the audit's copy of a probe is called, in rules on its retention and in what happens to it.
pub const AUDIT_PROBE: &str = "probe";

/// For how many days `forever` lasts in a rule that wants a number: a century.
const FOREVER_DAYS: u32 = 36_500;

/// E.2.a "The identity and purpose of the user initiating the query". The code says under which heading, the reason
/// what for: a code with no words behind it does not tell an auditor the purpose.
pub fn user_and_purpose(case: &mut Case) {
    let user = stated(&case.actor().id) && stated(&case.requester().id);
    let purpose = stated(case.purpose()) && reason_stated(case);
    case.clause(clause!("E.2.a"))
        .needs(user && purpose, "the purpose cannot be logged: state it and the reason behind it");
}

/// Whether a reason is stated in words.
pub fn reason_stated(case: &Case) -> bool {
    case.request().is_some_and(|request| stated(&request.reason))
}

/// E.2.b "The probe image element used to query the SMRT system".
pub fn probe_image(case: &mut Case) {
    let there = case.probe().is_some_and(|p| stated(&p.digest));
    case.clause(clause!("E.2.b")).needs(there, "there is no probe to log: submit the image");
}

/// E.2.b "... retained only as an audit-enabling feature". For how long is IR-17.
pub fn probe_kept_for_audit(case: &mut Case) {
    let forever = case.settings().is(&AUDIT_PROBE_READING, "forever");
    let days = if forever { FOREVER_DAYS } else { count(case.settings(), &AUDIT_PROBE_DAYS) };
    case.clause(clause!("E.2.b"))
        .read_as(reading!("IR-17"))
        .notes("the probe is retained only for audit, and never searched");
    case.clause(clause!("E.2.b")).obliges(Duties::retain(AUDIT_PROBE, days));
    probe_goes_in_time(case, clause!("E.2.b"));
}

/// A.1 "temporary storage" holds for the probe of a request that nobody comes to run a search for, too: no query used
/// it, so that no audit wants it, and it stays no longer than one that was used (IR-17).
pub fn probe_in_temporary_storage(case: &mut Case) {
    if case.probe().is_some() {
        probe_goes_in_time(case, clause!("A.1-b"));
    }
}

fn probe_goes_in_time(case: &mut Case, clause: ClauseIndex) {
    if case.settings().is(&AUDIT_PROBE_READING, "forever") {
        return;
    }
    let hours = u64::from(count(case.settings(), &AUDIT_PROBE_DAYS)).saturating_mul(24);
    let by = hours_after(case.clock().now, hours);
    case.clause(clause).obliges(Duties::purge(AUDIT_PROBE, by));
}

/// E.2.c "Valid reason for the search". Never waived, whatever else identifies the request.
pub fn valid_reason(case: &mut Case) {
    let reason = reason_stated(case);
    case.clause(clause!("E.2.c")).needs(reason, "no reason for the search was given: state it in words");
}

/// E.2.d "Date and time of the inquiry": the host's clock, never the client's.
pub fn date_and_time(case: &mut Case) {
    case.clause(clause!("E.2.d")).satisfied();
}

/// E.2.a to E.2.d, for a step within a request's life: what the query is on record with stays with all that follows.
pub fn on_record(case: &mut Case) {
    logged(case);
    user_and_purpose(case);
    probe_image(case);
    valid_reason(case);
    date_and_time(case);
}

/// E.1 "All transactions and queries of the SMRT Server system are logged, immutably": the host logs a step before it
/// is taken, and takes none that it cannot log.
pub fn logged(case: &mut Case) {
    case.clause(clause!("E.1-a")).satisfied();
}

/// E.2 "the periodic and random audits necessary to monitor user compliance with laws and policies". A random one says
/// how its sample was drawn, so that somebody else can draw it again.
pub fn audits(case: &mut Case) {
    let Step::Report(period) = &case.matter().step else { return };
    may_review(case);
    if period.report == PERIODIC_AUDIT {
        case.clause(clause!("E.2")).satisfied();
        return;
    }
    let drawn = given(case, "sample-seed").is_some() && case.number("sample-size").is_some_and(|size| size > 0);
    case.clause(clause!("E.2")).needs(
        drawn,
        "a random audit says how its sample is drawn: give `sample-seed` and, of one or more queries, `sample-size`",
    );
}

/// E.1 "Anyone found to misuse the system is subject to disciplinary action, up to and including criminal prosecution."
/// Anybody may report it. The Commander hears of it whatever is missing from the report; discipline is for people.
pub fn misuse(case: &mut Case) {
    let Step::Violation(at) = &case.matter().step else { return };
    let (now, hours) = (case.clock().now, count(case.settings(), &MISUSE_NOTICE_HOURS));
    let told = given(case, "violation-summary").is_some();
    case.clause(clause!("E.1-c")).needs(told, "say in `violation-summary` what happened, and who did it");
    case.clause(clause!("E.1-c")).forbids(*at > now, "the violation lies in the future: state when it happened");
    if now > hours_after(*at, u64::from(hours)) {
        case.clause(clause!("E.1-c")).notes("the Commander should have been told by now: they are told at once");
    }
    let commander = case.settings().text(&COMMANDER_ROLE);
    let notice = Duties::notify(&[commander], hours, ClockOrigin::Violation, "misuse of the SMRT system");
    case.clause(clause!("E.1-c")).always_obliges(notice);
    let about = "review the violation and decide on disciplinary action or prosecution";
    let follow_up = count(case.settings(), &FOLLOW_UP_HOURS);
    case.clause(clause!("E.1-c")).always_obliges(Duties::task(commander, about, follow_up));
    let clause = given(case, "violated-clause").unwrap_or_default();
    let listed = CATALOGUE.iter().find(|(id, _, _)| id.eq_ignore_ascii_case(clause));
    case.tag("violation", listed.map_or("unstated", |entry| entry.0));
}
