//! Part C, SMRT inquiries: who asks, through whom, with what, and what the Real-Time Crime Center gives back.

use crate::settings::{AGREEMENT_SCOPE, IDENTIFIER_READING, INTAKE_UNIT, LOW_QUALITY, REQUESTER_RANKS};
use crate::texts;
use magistrate_sdk::calendar::before;
use magistrate_sdk::facts::{Agency, AgencyKind, Agreement};
use magistrate_sdk::text::{blank, same};
use magistrate_sdk::{Case, Duties};

/// The channel of an image delivered on a storage device.
const ON_A_DEVICE: &str = "media";

/// The document of C.4.
pub const COMPARE_REPORT: &str = "facial-recognition-image-compare-report";

/// C.1 "Detectives or Officers can request the use of SMRT".
pub fn detectives_and_officers(case: &mut Case) {
    let sworn = case.settings().texts(&REQUESTER_RANKS).contains(&case.requester().rank);
    case.clause("C.1-a").read_as("SL-1").requires(
        sworn,
        "the requester is a detective or officer",
        "only detectives and officers can request the use of SMRT: have the detective or officer on the case ask",
    );
}

/// C.1 and the order's policy paragraph: the data is shared with participating agencies, and with those that have an
/// agreement. A suspended agency is in no standing.
pub fn agency_in_standing(case: &mut Case) {
    let agency = case.requester_agency();
    if agency.suspended_since.is_some() {
        case.clause("C.1-a").violated("the requests of this agency are suspended: have the suspension lifted first");
        return;
    }
    let enforces = !matches!(agency.kind, AgencyKind::Other);
    let welcome = agency.participant || agreement_in_force(case, agency);
    let clause = case.clause("C.1-a");
    let clause = if agency.participant { clause } else { clause.read_as("SL-3") };
    clause.requires(
        enforces && welcome,
        "the requester's law enforcement agency takes part in sharing the data",
        "the requester's agency is no law enforcement agency that participates or has an agreement in force: conclude one first",
    );
}

fn agreement_in_force(case: &Case, agency: &Agency) -> bool {
    let (now, today) = (case.clock().now, case.today());
    let scope = case.settings().text(&AGREEMENT_SCOPE);
    let covers = |a: &Agreement| a.scope.is_empty() || a.scope.iter().any(|s| same(s, scope));
    let in_force =
        |a: &Agreement| a.signed <= now && !before(today, a.starts) && a.ends.is_none_or(|last| !before(last, today));
    agency.agreements.iter().any(|a| covers(a) && in_force(a))
}

/// C.1 "... by contacting the Real-Time Crime Center". A requester who submits their own request contacts it; on
/// somebody else's behalf only the Real-Time Crime Center enters one.
pub fn contacting_the_rtcc(case: &mut Case) {
    let through = case.actor_is_requester() || at_the_rtcc(case);
    case.clause("C.1-b").requires(
        through,
        "the request is made by contacting the Real-Time Crime Center",
        "only the Real-Time Crime Center enters a request for somebody else: have the requester contact it",
    );
}

/// C.1 and C.4: the Real-Time Crime Center runs the search it was asked for.
pub fn run_by_the_rtcc(case: &mut Case) {
    let through = at_the_rtcc(case);
    case.clause("C.1-b").requires(
        through,
        "the Real-Time Crime Center runs the search",
        "SMRT is used by contacting the Real-Time Crime Center, not by querying the database: have it run the search",
    );
}

/// A unit is the jurisdiction's own: a unit of that name elsewhere is not.
fn at_the_rtcc(case: &Case) -> bool {
    case.governs_actor() && case.settings().is(&INTAKE_UNIT, &case.actor().unit)
}

/// C.2 "Detectives or Officers must identify the reason of the request, complaint number, or any other possible
/// identifier or information regarding the request." Whether the reason alone is enough is IR-1; that there is one is
/// E.2.c.
pub fn reason_or_identifier(case: &mut Case) {
    if case.identified() {
        case.clause("C.2").satisfied("the request is identified by a number or other identifier");
        return;
    }
    if !case.gives_reason() {
        let ask = "nothing identifies the request: state the reason, the complaint number or any other identifier";
        case.clause("C.2").needs(false, "", ask);
        return;
    }
    if case.settings().is(&IDENTIFIER_READING, "identifier-required") {
        let ask = "state the complaint number or any other identifier besides the reason";
        case.clause("C.2").read_as("IR-1").needs(false, "", ask);
        return;
    }
    case.clause("C.2")
        .read_as("IR-1")
        .satisfied("the request is identified by its reason alone, which is flagged for audit");
    case.clause("C.2").obliges(Duties::flag("no complaint number or other identifier, the reason alone"));
}

/// C.3 "SMRT requires the highest quality image able to be obtained."
pub fn best_image(case: &mut Case) {
    let best = case.affirmed("best-available");
    case.clause("C.3").affirms(
        best,
        "the image is attested to be the best that can be obtained",
        "say in `best-available` whether this is the highest quality image able to be obtained",
        "a better image can be obtained: obtain it and submit that",
    );
    let least = case.settings().number(&LOW_QUALITY);
    let low = case.probe().and_then(|p| p.quality.as_ref()).is_some_and(|q| i64::from(q.score) < least);
    if low {
        case.clause("C.3").notes("the image is of low quality: look for a better one before relying on what it finds");
    }
}

/// C.3.a "Large digital images/files may require delivery of a CD, DVD, or other storage device with the image to the
/// RTCC." Permitted, and on record.
pub fn delivered_on_a_device(case: &mut Case) {
    if case.request().is_none_or(|r| r.channel != ON_A_DEVICE) {
        return;
    }
    if case.text("storage-device").is_some() {
        case.clause("C.3.a").satisfied("the storage device that the image was delivered on is named");
    } else {
        case.clause("C.3.a").notes("the image was delivered on a storage device: name it in `storage-device`");
    }
}

/// C.3.b "Investigators can also provide information to the RTCC regarding the source from which the image was
/// obtained." They can; they need not.
pub fn where_the_image_is_from(case: &mut Case) {
    let told = case.probe().is_some_and(|p| !blank(&p.source));
    if told {
        case.clause("C.3.b").satisfied("the source of the image is stated");
    } else {
        case.clause("C.3.b").notes("the source of the image is not stated; it may be");
    }
}

/// C.4 "The RTCC will generate a Facial Recognition Image Compare Report", with the NOTE that follows it.
pub fn compare_report(case: &mut Case) {
    case.clause("C.4").notes("the Real-Time Crime Center generates a Facial Recognition Image Compare Report");
    case.clause("C.4").obliges(Duties::document(COMPARE_REPORT));
    case.clause("C.4-NOTE").obliges(Duties::statement(texts::NOTE));
}
