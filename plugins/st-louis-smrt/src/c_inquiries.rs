//! Part C, SMRT inquiries: who asks, through whom, with what, and what the Real-Time Crime Center gives back.

use crate::settings::{
    AGREEMENT_SCOPE, IDENTIFIER_READING, INTAKE_UNIT, LOW_QUALITY, REQUESTER_RANKS, STANDING_READING,
};
use crate::words::{self, given, stated};
use crate::{deadline, e_audit, texts};
use magistrate_sdk::calendar::days_between;
use magistrate_sdk::facts::{Agency, AgencyKind, Agreement};
use magistrate_sdk::terms::{Instant, Phase};
use magistrate_sdk::{Case, Duties};

/// The channel of an image delivered on a storage device.
const ON_A_DEVICE: &str = "media";

/// The document of C.4.
pub const COMPARE_REPORT: &str = "facial-recognition-image-compare-report";

/// C.1 "Detectives or Officers can request the use of SMRT".
pub fn detectives_and_officers(case: &mut Case) {
    let sworn = words::listed(case.settings().texts(&REQUESTER_RANKS), &case.requester().rank);
    case.clause(clause!("C.1-a")).read_as(reading!("SL-1")).requires(
        sworn,
        "only detectives and officers can request the use of SMRT: have the detective or officer on the case ask",
    );
}

/// C.1 and the order's policy paragraph: the data is shared with participating agencies, and with those that have an
/// agreement. A suspended agency is in no standing. An agreement signed when the request was on its way already does
/// not make it one that could be made; standing may also be lost between two steps: IR-10.
pub fn agency_in_standing(case: &mut Case) {
    let agency = case.requester_agency();
    if agency.suspended_since.is_some() {
        case.clause(clause!("C.1-a"))
            .violated("the requests of this agency are suspended: have the suspension lifted first");
        return;
    }
    let enforces = !matches!(agency.kind, AgencyKind::Other);
    let asking = matches!(case.phase(), Phase::Request);
    let welcome = agency.participant || has_agreement(case, agency, asking);
    let clause = case.clause(clause!("C.1-a"));
    let clause = match (agency.participant, asking) {
        (true, _) => clause,
        (false, true) => clause.read_as(reading!("SL-3")),
        (false, false) => clause.read_as(reading!("IR-10")),
    };
    clause.requires(enforces && welcome, "the requester's agency is no law enforcement agency that participates, or had an agreement in force when it asked and has one now: conclude one, and ask again");
}

/// Whether agreements covered the request when it was made and, where that counts, this step: not the same one, where
/// one was renewed meanwhile.
fn has_agreement(case: &Case, agency: &Agency, asking: bool) -> bool {
    let now = case.clock().now;
    let asked = case.request().map_or(now, |request| request.opened.min(now));
    let settled = !asking && case.settings().is(&STANDING_READING, "request-only");
    in_force_at(case, agency, asked) && (settled || in_force_at(case, agency, now))
}

fn in_force_at(case: &Case, agency: &Agency, at: Instant) -> bool {
    let ago = deadline::days_ago(case.clock(), at);
    let scope = case.settings().text(&AGREEMENT_SCOPE);
    let covers = |a: &Agreement| a.scope.is_empty() || a.scope.iter().any(|covered| words::is(covered, scope));
    let begun = |a: &Agreement| a.signed <= at && days_between(a.starts, case.today()) >= ago;
    let lasts = |a: &Agreement| a.ends.is_none_or(|last| days_between(case.today(), last) >= -ago);
    agency.agreements.iter().any(|a| covers(a) && begun(a) && lasts(a))
}

/// C.1 "... by contacting the Real-Time Crime Center". A requester who submits their own request contacts it; on
/// somebody else's behalf only the Real-Time Crime Center enters one.
pub fn contacting_the_rtcc(case: &mut Case) {
    let through = case.actor_is_requester() || at_the_rtcc(case);
    case.clause(clause!("C.1-b")).requires(
        through,
        "only the Real-Time Crime Center enters a request for somebody else: have the requester contact it",
    );
}

/// C.1 and C.4: the Real-Time Crime Center runs the search it was asked for.
pub fn run_by_the_rtcc(case: &mut Case) {
    let through = at_the_rtcc(case);
    case.clause(clause!("C.1-b")).requires(
        through,
        "SMRT is used by contacting the Real-Time Crime Center, not by querying the database: have it run the search",
    );
}

/// A unit is the jurisdiction's own: a unit of that name elsewhere is not.
pub fn at_the_rtcc(case: &Case) -> bool {
    case.governs_actor() && words::is(&case.actor().unit, case.settings().text(&INTAKE_UNIT))
}

/// C.2 "Detectives or Officers must identify the reason of the request, complaint number, or any other possible
/// identifier or information regarding the request." Whether the reason alone is enough is IR-1; that there is one is
/// E.2.c.
pub fn reason_or_identifier(case: &mut Case) {
    let identified = case.request().is_some_and(|r| r.identifiers.iter().any(|i| stated(&i.value)));
    if identified {
        case.clause(clause!("C.2")).satisfied();
        return;
    }
    if !e_audit::reason_stated(case) {
        let ask = "nothing identifies the request: state the reason, the complaint number or any other identifier";
        case.clause(clause!("C.2")).needs(false, ask);
        return;
    }
    if case.settings().is(&IDENTIFIER_READING, "identifier-required") {
        let ask = "state the complaint number or any other identifier besides the reason";
        case.clause(clause!("C.2")).read_as(reading!("IR-1")).needs(false, ask);
        return;
    }
    case.clause(clause!("C.2")).read_as(reading!("IR-1")).satisfied();
    case.clause(clause!("C.2")).obliges(Duties::flag("no complaint number or other identifier, the reason alone"));
}

/// C.3 "SMRT requires the highest quality image able to be obtained."
pub fn best_image(case: &mut Case) {
    let best = case.affirmed("best-available");
    case.clause(clause!("C.3")).affirms(
        best,
        "say in `best-available` whether this is the highest quality image able to be obtained",
        "a better image can be obtained: obtain it and submit that",
    );
    let least = case.settings().number(&LOW_QUALITY);
    let low = case.probe().and_then(|p| p.quality.as_ref()).is_some_and(|q| i64::from(q.score) < least);
    if low {
        case.clause(clause!("C.3"))
            .notes("the image is of low quality: look for a better one before relying on what it finds");
    }
}

/// C.3.a "Large digital images/files may require delivery of a CD, DVD, or other storage device with the image to the
/// RTCC." Permitted, and on record.
pub fn delivered_on_a_device(case: &mut Case) {
    if case.request().is_none_or(|r| !words::is(&r.channel, ON_A_DEVICE)) {
        return;
    }
    if given(case, "storage-device").is_some() {
        case.clause(clause!("C.3.a")).satisfied();
    } else {
        case.clause(clause!("C.3.a")).notes("the image was delivered on a storage device: name it in `storage-device`");
    }
}

/// C.3.b "Investigators can also provide information to the RTCC regarding the source from which the image was
/// obtained." They can; they need not.
pub fn where_the_image_is_from(case: &mut Case) {
    let told = case.probe().is_some_and(|p| stated(&p.source));
    if told {
        case.clause(clause!("C.3.b")).satisfied();
    } else {
        case.clause(clause!("C.3.b")).notes("the source of the image is not stated; it may be");
    }
}

/// C.4 "The RTCC will generate a Facial Recognition Image Compare Report", with the NOTE that follows it.
pub fn compare_report(case: &mut Case) {
    case.clause(clause!("C.4")).notes("the Real-Time Crime Center generates a Facial Recognition Image Compare Report");
    case.clause(clause!("C.4")).obliges(Duties::document(COMPARE_REPORT));
    case.clause(clause!("C.4-NOTE")).obliges(Duties::statement(texts::NOTE));
}
