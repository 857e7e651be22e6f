//! E.2: what every query is on record with. The host writes the record; a policy makes sure that there is something to
//! write. "Queries to the SMRT Server will be immutably logged and include" what each function names.

use crate::settings::{AUDIT_PROBE_DAYS, AUDIT_PROBE_READING};
use magistrate_sdk::calendar::hours_after;
use magistrate_sdk::{Case, Duties};

/// What the audit's copy of a probe is called in retention rules.
pub const AUDIT_PROBE: &str = "audit-probe";

/// For how many days `forever` lasts in a rule that wants a number: a century.
const FOREVER_DAYS: u32 = 36_500;

/// E.2.a "The identity and purpose of the user initiating the query". The code says under which heading, the reason
/// what for: a code with no words behind it does not tell an auditor the purpose.
pub fn user_and_purpose(case: &mut Case) {
    let user = !case.actor().id.is_empty() && !case.requester().id.is_empty();
    let purpose = !case.purpose().is_empty() && case.gives_reason();
    case.clause("E.2.a").needs(
        user && purpose,
        "the user and the purpose are on record",
        "the purpose cannot be logged: state it and the reason behind it",
    );
}

/// E.2.b "The probe image element used to query the SMRT system".
pub fn probe_image(case: &mut Case) {
    let there = case.probe().is_some_and(|p| !p.digest.is_empty());
    case.clause("E.2.b").needs(
        there,
        "the probe is on record by its digest, and not enrolled",
        "there is no probe to log: submit the image",
    );
}

/// E.2.b "... retained only as an audit-enabling feature". For how long is IR-17.
pub fn probe_kept_for_audit(case: &mut Case) {
    let days = u32::try_from(case.settings().number(&AUDIT_PROBE_DAYS)).unwrap_or(FOREVER_DAYS);
    let forever = case.settings().is(&AUDIT_PROBE_READING, "forever");
    let now = case.clock().now;
    case.clause("E.2.b").read_as("IR-17").notes("the probe is retained only for audit, and never searched");
    if forever {
        case.clause("E.2.b").obliges(Duties::retain(AUDIT_PROBE, FOREVER_DAYS));
        return;
    }
    case.clause("E.2.b").obliges(Duties::retain(AUDIT_PROBE, days));
    case.clause("E.2.b").obliges(Duties::purge(AUDIT_PROBE, hours_after(now, u64::from(days) * 24)));
}

/// E.2.c "Valid reason for the search". Never waived, whatever else identifies the request.
pub fn valid_reason(case: &mut Case) {
    let reason = case.gives_reason();
    case.clause("E.2.c").needs(
        reason,
        "the reason for the search is on record",
        "no reason for the search was given: state it in words",
    );
}

/// E.2.d "Date and time of the inquiry": the host's clock, never the client's.
pub fn date_and_time(case: &mut Case) {
    case.clause("E.2.d").satisfied("the date and time of the inquiry are on record");
}
