//! 307.5 - 3, Prohibited Uses, and 4(2), what a prohibited use of 3.5 sets off.
//!
//! Each prohibition is asked about on the form, and a request that leaves one unanswered waits. Any yes, whoever said it,
//! denies.

use crate::corroboration::{self, Approval};
use crate::words::{self, alike, one_of};
use crate::{answers, definitions, settings, standing};
use magistrate_sdk::facts::{Device, Media};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{ClockOrigin, Duty};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Duties};

/// Purpose codes that are prohibited uses by their own name.
pub const SURVEILLANCE: &str = "surveillance";
/// 3.4.
pub const PREDICTIVE: &str = "predictive-analysis";
/// 3.6.
pub const IMMIGRATION: &str = "immigration-enforcement";

/// Every purpose that is surveillance by its own name.
const SURVEILLANCE_PURPOSES: &[&str] = &[SURVEILLANCE, "live-monitoring"];
/// Every purpose that is predictive analysis by its own name.
const PREDICTIVE_PURPOSES: &[&str] = &[PREDICTIVE, "predictive-policing"];
/// Every purpose that is an assessment of immigration status by its own name.
const IMMIGRATION_PURPOSES: &[&str] = &[IMMIGRATION, answers::IMMIGRATION, "immigration"];

/// Sources that are a camera watching now, not an image.
const WATCHING: &[&str] = &["live-camera", "live-stream", "real-time-camera"];

/// What a channel begins with that is a mobile device's.
const MOBILE: &str = "mobile";

/// Search filters that would answer a question about immigration status.
const STATUS_FILTERS: &[&str] = &["citizenship", "immigration-status", "place-of-origin"];

/// What the requester may answer to which of 3.5's letters applies.
pub const CATEGORIES: [&str; 3] = ["views-or-activities", "organization-or-event", "protected-class"];

// What denies, at the request and at the hand-over alike.
const NEVER_SURVEILLANCE: &str = "facial recognition is never used to surveil the public";
const NEVER_PREDICTIVE: &str = "facial recognition is never used for predictive analysis";
const NEVER_IMMIGRATION: &str = "facial recognition is never used to assess immigration status";

/// Part 3, in the order of its sections.
pub fn judge(case: &mut Case) {
    surveillance(case);
    recorded_video(case);
    mobile(case);
    predictive_analysis(case);
    first_amendment(case);
    immigration(case);
}

/// The dissemination phase: what is handed over is used, so no result is handed over for a prohibited use. What nobody says
/// or admits there was asked at every step before.
pub fn judge_hand_over(case: &mut Case, purpose: &str) {
    let uses = [
        (clause!("3.1"), answers::SURVEILLANCE, SURVEILLANCE_PURPOSES, NEVER_SURVEILLANCE),
        (clause!("3.4"), answers::PREDICTIVE, PREDICTIVE_PURPOSES, NEVER_PREDICTIVE),
        (clause!("3.6"), answers::IMMIGRATION, IMMIGRATION_PURPOSES, NEVER_IMMIGRATION),
    ];
    for (clause, question, purposes, never) in uses {
        let used = one_of(purpose, purposes) || case.flag(question) == Some(true);
        case.clause(clause).forbids(used, never);
    }
    if case.flag(answers::PROTECTED_SOLE) == Some(true) {
        first_amendment(case);
    }
}

/// 3.1 "Members shall not use facial recognition to surveil the public through any camera or video device."
fn surveillance(case: &mut Case) {
    let watching = case.probe().is_some_and(|p| one_of(p.source.trim(), WATCHING));
    let named = watching || one_of(case.purpose(), SURVEILLANCE_PURPOSES);
    let surveils = if named { Some(true) } else { words::admitted(case, answers::SURVEILLANCE) };
    case.clause(clause!("3.1")).denies(
        surveils,
        "say whether the search serves to surveil the public through a camera or video device",
        NEVER_SURVEILLANCE,
    );
}

/// 3.2 "Members shall not use facial recognition on live stream or on recorded videos. This prohibition applies to all
/// videos". One still selected from a recording is a still (5.1) as long as it says where it comes from (IR-5).
fn recorded_video(case: &mut Case) {
    let Some(probe) = case.probe() else { return };
    let from_video = words::admitted(case, answers::FROM_VIDEO);
    match probe.media {
        Media::LiveStream => {
            case.clause(clause!("3.2")).violated("the submission is a live stream: submit a still image");
        }
        Media::Video => {
            case.clause(clause!("3.2")).violated("the submission is a recorded video: submit a still image");
        }
        Media::Still | Media::Sketch | Media::Synthetic => match (&probe.frame, from_video) {
            (Some(_), _) => still_from_recording(case, true),
            (None, Some(true)) => still_from_recording(case, false),
            (None, Some(false)) => {
                case.clause(clause!("3.2")).satisfied();
            }
            (None, None) => {
                case.clause(clause!("3.2"))
                    .needs(false, "say whether the image was taken from a recording, and if so from which frame");
            }
        },
    }
}

/// A still that was taken from a recording names its recording and frame. Many of one case approach a search of the
/// recording itself.
fn still_from_recording(case: &mut Case, sourced: bool) {
    if !case.settings().is(&settings::VIDEO_STILLS, "with-provenance") {
        case.clause(clause!("3.2"))
            .read_as(reading!("IR-5"))
            .violated("no image taken from a recording may be searched");
        return;
    }
    let batch = case.request().map_or(1, |r| r.batch_size);
    if batch > settings::count(case, &settings::MASS_LIMIT) {
        case.clause(clause!("3.2"))
            .read_as(reading!("IR-5"))
            .violated("frames in bulk are a search of the recording: select single stills");
        return;
    }
    let searched = case.history().distinct_probes_in_case;
    let frames = batch.max(searched.saturating_add(standing::unrecorded_probes(case)));
    let few = frames <= settings::count(case, &settings::FRAMES_LIMIT);
    let justified = few || case.affirmed(answers::FRAMES_JUSTIFIED) == Some(true);
    let clause = case.clause(clause!("3.2")).read_as(reading!("IR-5"));
    if sourced {
        clause.needs(justified, "there are many frames in this case: say that each of them is needed, or select fewer");
    } else {
        clause.missing("state the digest of the recording and the frame's number");
    }
}

/// 3.3 "Members shall not use mobile facial recognition."
fn mobile(case: &mut Case) {
    let device = matches!(case.actor().device, Device::Mobile) || matches!(case.requester().device, Device::Mobile);
    // `mobile`, `mobile-app`, …
    let named = |channel: &str| channel.split_at_checked(MOBILE.len()).is_some_and(|(start, _)| alike(start, MOBILE));
    let channel = case.request().is_some_and(|r| named(r.channel.trim()));
    case.clause(clause!("3.3"))
        .forbids(device || channel, "the request comes from a mobile device: use a fixed workstation");
}

/// 3.4 "Members shall not use facial recognition for predictive analysis."
fn predictive_analysis(case: &mut Case) {
    let named = one_of(case.purpose(), PREDICTIVE_PURPOSES);
    let predicts = if named { Some(true) } else { words::admitted(case, answers::PREDICTIVE) };
    case.clause(clause!("3.4")).denies(predicts, "say whether the search is for predictive analysis", NEVER_PREDICTIVE);
}

/// 3.5 The Department "will not perform or request facial recognition searches about individuals or organizations based
/// solely on" a. views or activities, b. participation in a noncriminal organization or lawful event, or c. a class
/// protected by law. "Solely" is what requester and operator attest, and either one's yes denies (IR-2).
fn first_amendment(case: &mut Case) {
    let sole = words::admitted(case, answers::PROTECTED_SOLE);
    let [views, event, class] = CATEGORIES.map(|letter| sole.map(|yes| yes && applies(case, letter)));
    let ask = "say whether the search is based solely on protected views, associations, events or characteristics";
    case.clause(clause!("3.5-a")).read_as(reading!("IR-2")).denies(
        views,
        ask,
        "a search based solely on somebody's views or activities is never performed",
    );
    case.clause(clause!("3.5-b")).read_as(reading!("IR-2")).denies(
        event,
        ask,
        "a search based solely on taking part in a lawful organization or event is never performed",
    );
    case.clause(clause!("3.5-c")).read_as(reading!("IR-2")).denies(
        class,
        ask,
        "a search based solely on a protected classification is never performed",
    );
    if !standing::outside(case) {
        case.clause(clause!("3.5-req")).read_as(reading!("IR-2")).denies(
            sole,
            ask,
            "the Department does not request such a search of any agency either",
        );
    }
    if case.settings().is(&settings::PROTECTED_ATTESTATION, "supervisor") {
        supervisor_attests(case);
    }
    if sole == Some(true) {
        alert(case);
    }
}

/// Whether a letter of 3.5 is among those named. A yes that names none, or one nobody knows, is a yes to all three.
fn applies(case: &Case, letter: &str) -> bool {
    let named = || words::texts(case, answers::PROTECTED_CATEGORY);
    named().next().is_none() || named().any(|category| alike(category, letter) || !one_of(category, &CATEGORIES))
}

/// The alternative of IR-2: a supervisor approves the request, and one who refuses says that 3.5 applies.
fn supervisor_attests(case: &mut Case) {
    if case.phase() == Phase::Request {
        let supervisor = definitions::supervisor(case);
        case.clause(clause!("3.5-req")).obliges(Duty::Approve(supervisor));
    } else if corroboration::approval(case, "3.5-req") == Approval::Refused {
        case.clause(clause!("3.5-req"))
            .read_as(reading!("IR-2"))
            .violated("a supervisor refused to attest that 3.5 does not apply: the search is not performed");
    }
}

/// 4(2) "If facial recognition is used contrary to section 307.5 -3.5 First Amendment Events, DPD shall notify the Board
/// of Policy Commissioners, the Mayor of Detroit, City Council President, and City Council President Pro Tem within 24
/// hours of the violation." A request that was denied used nothing, so the LASO is alerted (IR-8). Once a search
/// of the request has run it was used, and the hours count from the request, the earliest it can have been.
fn alert(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let hours = settings::count(case, &settings::PROTECTED_NOTICE_HOURS);
    case.tag("prohibited-use", "3.5");
    if !standing::before_result(case) || case.history().searches_of_request > 0 {
        case.clause(clause!("4(2)")).notes("a search prohibited by 3.5 has run, and the four offices are told");
        notify_offices(case, hours, ClockOrigin::Request, "facial recognition was used contrary to 3.5");
        case.clause(clause!("4(2)"))
            .always_obliges(Duties::flag("a search prohibited by 3.5 has run: the LASO reviews it"));
        return;
    }
    let like_a_violation = case.settings().flag(&settings::NOTIFY_DENIED);
    case.clause(clause!("4(2)"))
        .read_as(reading!("IR-8"))
        .notes("a search prohibited by 3.5 was asked for, and the LASO is told");
    case.clause(clause!("4(2)"))
        .always_obliges(Duties::flag("a search prohibited by 3.5 was asked for: the LASO reviews it"));
    case.clause(clause!("4(2)")).always_obliges(Duties::notify(
        &[laso],
        24,
        ClockOrigin::Decision,
        "a search prohibited by 3.5 was asked for and denied",
    ));
    if like_a_violation {
        notify_offices(case, hours, ClockOrigin::Request, "a search prohibited by 3.5 was asked for and denied");
    }
}

/// The offices 4(2) names are told, whatever the verdict.
pub fn notify_offices(case: &mut Case, within_hours: u32, origin: ClockOrigin, about: &str) {
    let offices: Vec<&str> = case.settings().texts(&settings::PROTECTED_NOTICE_OFFICES).iter().collect();
    case.clause(clause!("4(2)")).always_obliges(Duties::notify(&offices, within_hours, origin, about));
}

/// 3.6 "DPD members are strictly prohibited from using facial recognition to assess immigration status."
fn immigration(case: &mut Case) {
    let filtered = standing::filters(case).iter().any(|f| one_of(f.trim(), STATUS_FILTERS));
    let named = filtered || one_of(case.purpose(), IMMIGRATION_PURPOSES);
    let assesses = if named { Some(true) } else { words::admitted(case, answers::IMMIGRATION) };
    case.clause(clause!("3.6")).denies(
        assesses,
        "say whether the search serves to assess immigration status",
        NEVER_IMMIGRATION,
    );
}
