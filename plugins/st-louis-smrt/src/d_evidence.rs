//! D.4: data of evidentiary value, and agencies that require it for longer.
//!
//! A hold keeps data from being lost, not on the server: what has evidentiary value moves to portable media, and the
//! server's copy goes when D.3 says.

use crate::d_retention::{GALLERY_RECORD, goes_by_the_deadline, stored_no_longer};
use crate::deadline;
use crate::f_responsibilities::{acts_for_the_slfc, is_administrator};
use crate::settings::{ADMINISTRATOR_ROLE, EXTENSION_READING, SLFC_ROLE, TRANSFER_HOURS, TRANSFER_READING, count};
use crate::words::{given, stated};
use magistrate_sdk::calendar::{HOUR_MS, before};
use magistrate_sdk::facts::RetentionEvent;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{ClockOrigin, Duty};
use magistrate_sdk::terms::{Date, Value};
use magistrate_sdk::text::same;
use magistrate_sdk::{Case, Duties};

/// D.4.b "Each request must specify the need for extended retention, the circumstances surrounding the request, the
/// requesting agency's case number, and a specific point of contact within the requesting agency." Field, and item.
const EXTENSION_ITEMS: &[(&str, &str)] = &[
    ("extension-need", "the need for extended retention in `extension-need`"),
    ("extension-circumstances", "the circumstances in `extension-circumstances`"),
    ("agency-case-number", "the requesting agency's case number in `agency-case-number`"),
    ("point-of-contact", "a specific point of contact within the agency in `point-of-contact`"),
];

/// What goes on record of a transfer, beside the digests of what is written, which the host takes. Field, and item.
const MEDIA_ITEMS: &[(&str, &str)] = &[
    ("export-media", "the disc or other portable storage device in `export-media`"),
    ("export-custodian", "who has it in custody in `export-custodian`"),
];

/// D.4.a A record is held as evidence: notified, decided and, in time, transferred.
pub fn hold(case: &mut Case, event: &RetentionEvent) {
    held_in_writing(case);
    transferred_in_time(case, event);
}

/// D.4.a The part of a hold that is the same for every kind of record.
pub fn held_in_writing(case: &mut Case) {
    notified_in_writing(case);
    decided(case);
}

/// D.4.a "when data is identified as having evidentiary value, the SMRT System Administrator, or designee, must be
/// notified in writing of that circumstance". What is said and not written has no effect.
fn notified_in_writing(case: &mut Case) {
    let written = case.affirmed("written-notice");
    case.clause(clause!("D.4.a-1")).affirms(
        written,
        "say in `written-notice` whether the SMRT System Administrator is notified in writing",
        "an oral notice of evidentiary value has no effect: notify the SMRT System Administrator in writing",
    );
    if !is_administrator(case) {
        let administrator = case.settings().text(&ADMINISTRATOR_ROLE);
        let hours = count(case.settings(), &TRANSFER_HOURS);
        let about = "data is identified as having evidentiary value";
        let notice = Duties::notify(&[administrator], hours, ClockOrigin::Decision, about);
        case.clause(clause!("D.4.a-1")).obliges(notice);
    }
}

/// D.4.a "and, absent receipt of a written retention order from an appropriate authority, will review the facts of the
/// specific case and determine if the data should be saved." Somebody else's hold waits for that.
fn decided(case: &mut Case) {
    let ordered = given(case, "retention-order").is_some();
    if ordered {
        case.clause(clause!("D.4.a-2")).notes("a written retention order stands in for the Administrator's review");
    }
    if !is_administrator(case) {
        let administrator = case.settings().text(&ADMINISTRATOR_ROLE);
        case.clause(clause!("D.4.a-2")).notes("the SMRT System Administrator decides, with reasons");
        case.clause(clause!("D.4.a-2")).obliges(Duty::Approve(Duties::sign_offs(administrator, 1, "")));
        return;
    }
    if ordered {
        case.clause(clause!("D.4.a-2")).satisfied();
        return;
    }
    let (value, reasons) = (case.affirmed("evidentiary-value"), given(case, "decision-reasons").is_some());
    case.clause(clause!("D.4.a-2")).affirms(
        value,
        "say in `evidentiary-value` whether it is reasonable to believe that the data has evidentiary value",
        "the Administrator found no evidentiary value and no retention order is on record: the data is not held",
    );
    case.clause(clause!("D.4.a-2"))
        .needs(reasons, "write the facts and reasons of the decision down in `decision-reasons`");
}

fn transferred_in_time(case: &mut Case, event: &RetentionEvent) {
    to_be_transferred(case, event.noticed);
    if let Some(noticed) = event.noticed {
        goes_by_the_deadline(case, event, noticed);
    }
}

/// D.4.a "will authorize the transfer of the applicable data from the SMRT Program server to a form of digital storage
/// media": before the ten days of D.3 end, which the hold does not extend.
pub fn to_be_transferred(case: &mut Case, noticed: Option<Date>) {
    let administrator = case.settings().text(&ADMINISTRATOR_ROLE);
    let hours = hours_left(case, noticed);
    case.clause(clause!("D.4.a-3")).notes(
        "what has evidentiary value is transferred to portable media: a hold does not extend storage on the server",
    );
    case.clause(clause!("D.4.a-3")).obliges(Duties::task(
        administrator,
        "transfer the data from the server to portable storage media",
        hours,
    ));
}

/// The hours that a transfer may take: until the ten days of D.3 end, where they run.
pub fn hours_left(case: &Case, noticed: Option<Date>) -> u32 {
    let usual = count(case.settings(), &TRANSFER_HOURS);
    let left = noticed
        .map_or(u64::from(usual), |noticed| deadline::due(case, noticed).saturating_sub(case.clock().now) / HOUR_MS);
    u32::try_from(left).unwrap_or(usual).min(usual)
}

/// D.4.a A hold ends as it began: by the Administrator's decision, with reasons. The ten days have run meanwhile.
pub fn lift(case: &mut Case, event: &RetentionEvent) {
    lifted_with_reasons(case, event);
    if let Some(noticed) = event.noticed {
        goes_by_the_deadline(case, event, noticed);
    }
}

/// D.4.a The part of it that is the same for every kind of record.
pub fn lifted_with_reasons(case: &mut Case, event: &RetentionEvent) {
    let administrator = is_administrator(case);
    let reasons = given(case, "decision-reasons").is_some();
    case.clause(clause!("D.4.a-2")).requires(
        administrator,
        "only the SMRT System Administrator, or designee, decides that data need not be saved: have them lift the hold",
    );
    case.clause(clause!("D.4.a-2"))
        .needs(reasons, "write down in `decision-reasons` why the data no longer has evidentiary value");
    if !event.held {
        case.clause(clause!("D.4.a-2")).notes("the record was not held");
    }
}

/// D.4.a The transfer, authorised by the Administrator because of evidentiary value. What becomes of the server's copy:
/// SL-4.
pub fn export(case: &mut Case, event: &RetentionEvent) {
    on_media(case, event);
    let at_once = case.settings().is(&TRANSFER_READING, "at-once");
    if let Some(noticed) = event.noticed {
        goes_by_the_deadline(case, event, noticed);
    }
    let now = case.clock().now;
    if at_once {
        case.clause(clause!("D.4.a-3")).read_as(reading!("SL-4")).notes("the server's copy goes with the transfer");
        case.clause(clause!("D.4.a-3")).obliges(Duties::purge(GALLERY_RECORD, now));
    } else if event.noticed.is_none() {
        case.clause(clause!("D.4.a-3"))
            .read_as(reading!("SL-4"))
            .notes("its agency still retains the mugshot: the server's copy stays until it gives notice");
    } else {
        case.clause(clause!("D.4.a-3")).read_as(reading!("SL-4")).notes("the server's copy goes when the ten days end");
    }
    case.tag("retention", "export");
}

/// D.4.a "a form of digital storage media (CD, DVD, etc.) or other portable storage devices": which, with what on it,
/// in whose hands. "Should SMRT system data be determined to have evidentiary value": none else is carried off.
pub fn on_media(case: &mut Case, event: &RetentionEvent) {
    case.clause(clause!("D.4.a-3")).requires(
        event.held,
        "only data found to have evidentiary value is transferred: have it held as evidence first",
    );
    let administrator = is_administrator(case);
    case.clause(clause!("D.4.a-3")).requires(
        administrator,
        "only the SMRT System Administrator, or designee, authorizes a transfer from the server: have them do so",
    );
    match lacking(case, MEDIA_ITEMS) {
        None => case.clause(clause!("D.4.a-3")).satisfied(),
        Some(items) => case.clause(clause!("D.4.a-3")).missing(&format!("state {items}")),
    }
}

/// D.4.a What is held leaves the server only once it is on portable media.
pub fn exported_before_purged(case: &mut Case, event: &RetentionEvent) {
    if event.held {
        let there = event.exported.is_some();
        case.clause(clause!("D.4.a-3"))
            .needs(there, "the record is held as evidence: transfer it to portable media first, then purge it");
    }
}

/// D.4.b "Agencies requiring data to be retained by the SLFC beyond the established retention period may make a formal
/// request to the SLFC to extend retention." While the period runs: SL-5.
pub fn extend(case: &mut Case, event: &RetentionEvent) {
    requested_formally(case, event);
    let Some(noticed) = event.noticed else { return };
    let over = stored_no_longer(case, event, noticed);
    if !over || denied(case) {
        return;
    }
    let any_time = case.settings().is(&EXTENSION_READING, "any-time");
    case.clause(clause!("D.4.b-1")).read_as(reading!("SL-5")).requires(
        any_time,
        "the retention period is over, and there is nothing left to extend: transfer what is evidence, and purge the record",
    );
}

/// D.4.b The part of it that is the same for every kind of record. "Each request must specify" four things: what does
/// not is no request that anybody could grant.
pub fn requested_formally(case: &mut Case, event: &RetentionEvent) {
    match lacking(case, EXTENSION_ITEMS) {
        None => case.clause(clause!("D.4.b-1")).satisfied(),
        Some(items) => case
            .clause(clause!("D.4.b-1"))
            .violated(&format!("a request to extend retention must specify what is lacking here: state {items}")),
    }
    granted(case, event);
}

/// D.4.b "The SLFC may grant or deny agency requests based on the information provided and applicable law." The
/// agency's request waits for that. Either way the SLFC says what it is based on; a grant names the day on which the data
/// goes, and a denial none: that is how the host tells that what was asked is decided, and extends nothing.
fn granted(case: &mut Case, event: &RetentionEvent) {
    if acts_for_the_slfc(case) {
        decided_by_the_slfc(case);
        if denied(case) {
            let dated = event.extended.is_some();
            case.clause(clause!("D.4.b-2"))
                .forbids(dated, "an extension that is denied ends on no day: deny it without naming one");
            case.clause(clause!("D.4.b-2"))
                .notes("the SLFC denies the extension: the data goes when its retention period ends");
            return;
        }
    } else {
        let slfc = case.settings().text(&SLFC_ROLE);
        case.clause(clause!("D.4.b-2")).notes("the SLFC grants or denies the request");
        case.clause(clause!("D.4.b-2")).obliges(Duty::Approve(Duties::sign_offs(slfc, 1, "")));
    }
    let until = event.extended.filter(|until| !before(*until, case.today()));
    let Some(until) = until else {
        case.clause(clause!("D.4.b-2"))
            .read_as(reading!("SL-5"))
            .missing("say up to which day, today or later, the data is to be retained");
        return;
    };
    let by = deadline::end_of(case.clock(), until);
    if event.noticed.is_some_and(|noticed| by <= deadline::due(case, noticed)) {
        case.clause(clause!("D.4.b-2"))
            .read_as(reading!("SL-5"))
            .missing("the data stays that long anyway: name a day after the days allowed by D.3");
        return;
    }
    if event.noticed.is_none() && same(&event.subject, GALLERY_RECORD) {
        // A permit would take effect: the day named would count once there is a notice.
        case.clause(clause!("D.4.b-2"))
            .read_as(reading!("SL-5"))
            .missing("no notice is on record, and until there is one nothing ends: ask again when the days of D.3 run");
        return;
    }
    case.clause(clause!("D.4.b-2"))
        .read_as(reading!("SL-5"))
        .notes("the data is retained up to the end of the day named, and goes");
    case.clause(clause!("D.4.b-2")).obliges(Duties::purge(&event.subject, by));
    case.tag("retention", "extension");
}

/// D.4.b The SLFC's own words: what an agency answered on its own request decides nothing.
fn decided_by_the_slfc(case: &mut Case) {
    let decided = says_of_the_extension(case, true) || denied(case);
    let reasons = case.actor_answered("decision-reasons", |said| matches!(said, Value::Text(text) if stated(text)));
    case.clause(clause!("D.4.b-2")).needs(decided, "say in `extension-granted` whether the SLFC grants the extension");
    case.clause(clause!("D.4.b-2"))
        .needs(reasons, "write down in `decision-reasons` on what information and law the SLFC grants or denies it");
}

/// Whether whoever takes this step decides for the SLFC, and denies the extension.
fn denied(case: &Case) -> bool {
    acts_for_the_slfc(case) && says_of_the_extension(case, false)
}

fn says_of_the_extension(case: &Case, granted: bool) -> bool {
    case.actor_answered("extension-granted", |said| matches!(said, Value::Flag(yes) if *yes == granted))
}

/// Names whatever is blank of these.
fn lacking(case: &Case, items: &'static [(&'static str, &'static str)]) -> Option<String> {
    let absent: Vec<&str> = items.iter().filter(|item| given(case, item.0).is_none()).map(|item| item.1).collect();
    (!absent.is_empty()).then(|| absent.join(", "))
}
