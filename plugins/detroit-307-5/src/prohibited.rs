//! 307.5 - 3, Prohibited Uses, and 4(2), what a prohibited use of 3.5 sets off.
//!
//! Each prohibition is asked about on the form, and a request that leaves one unanswered waits. Any yes, whoever said it,
//! denies.

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

/// Sources that are a camera watching now, not an image.
const WATCHING: &[&str] = &["live-camera", "live-stream", "real-time-camera", "surveillance"];

/// Search filters that would answer a question about immigration status.
const STATUS_FILTERS: &[&str] = &["citizenship", "immigration-status", "place-of-origin"];

/// What the requester may answer to which of 3.5's letters applies.
pub const CATEGORIES: [&str; 3] = ["views-or-activities", "organization-or-event", "protected-class"];

/// Part 3, in the order of its sections.
pub fn judge(case: &mut Case) {
    surveillance(case);
    recorded_video(case);
    mobile(case);
    predictive_analysis(case);
    first_amendment(case);
    immigration(case);
}

/// 3.1 "Members shall not use facial recognition to surveil the public through any camera or video device."
fn surveillance(case: &mut Case) {
    let watching = case.probe().is_some_and(|p| WATCHING.contains(&p.source.trim()));
    let named = watching || case.purpose() == SURVEILLANCE;
    let surveils = if named { Some(true) } else { case.flag(answers::SURVEILLANCE) };
    case.clause(clause!("3.1")).denies(
        surveils,
        "say whether the search serves to surveil the public through a camera or video device",
        "facial recognition is never used to surveil the public",
    );
}

/// 3.2 "Members shall not use facial recognition on live stream or on recorded videos. This prohibition applies to all
/// videos". One still selected from a recording is a still (5.1) as long as it says where it comes from (IR-5).
fn recorded_video(case: &mut Case) {
    let Some(probe) = case.probe() else { return };
    let from_video = case.flag(answers::FROM_VIDEO);
    match probe.media {
        Media::LiveStream => {
            case.clause(clause!("3.2")).violated("the submission is a live stream: submit a still image");
        }
        Media::Video => {
            case.clause(clause!("3.2")).violated("the submission is a recorded video: submit a still image");
        }
        Media::Still | Media::Sketch | Media::Synthetic => match (&probe.frame, from_video) {
            (Some(_), _) => still_from_recording(case),
            (None, Some(true)) => unsourced_frame(case),
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

fn stills_allowed(case: &Case) -> bool {
    case.settings().is(&settings::VIDEO_STILLS, "with-provenance")
}

/// A still that names its recording and frame. Many of one case approach a search of the recording itself.
fn still_from_recording(case: &mut Case) {
    if !stills_allowed(case) {
        case.clause(clause!("3.2"))
            .read_as(reading!("IR-5"))
            .violated("no image taken from a recording may be searched");
        return;
    }
    let batch = case.request().map_or(1, |r| r.batch_size);
    let frames = batch.max(case.history().distinct_probes_in_case);
    if batch > settings::count(case, &settings::MASS_LIMIT) {
        case.clause(clause!("3.2"))
            .read_as(reading!("IR-5"))
            .violated("frames in bulk are a search of the recording: select single stills");
        return;
    }
    let few = frames <= settings::count(case, &settings::FRAMES_LIMIT);
    let justified = few || case.affirmed(answers::FRAMES_JUSTIFIED) == Some(true);
    case.clause(clause!("3.2"))
        .read_as(reading!("IR-5"))
        .needs(justified, "there are many frames in this case: say that each of them is needed, or select fewer");
}

/// A still that was taken from a recording but does not say from which.
fn unsourced_frame(case: &mut Case) {
    let allowed = stills_allowed(case);
    let clause = case.clause(clause!("3.2")).read_as(reading!("IR-5"));
    if allowed {
        clause.needs(false, "state the digest of the recording and the frame's number");
    } else {
        clause.violated("no image taken from a recording may be searched");
    }
}

/// 3.3 "Members shall not use mobile facial recognition."
fn mobile(case: &mut Case) {
    let device = matches!(case.actor().device, Device::Mobile) || matches!(case.requester().device, Device::Mobile);
    let channel = case.request().is_some_and(|r| matches!(r.channel.trim(), "mobile" | "mobile-app"));
    case.clause(clause!("3.3"))
        .forbids(device || channel, "the request comes from a mobile device: use a fixed workstation");
}

/// 3.4 "Members shall not use facial recognition for predictive analysis."
fn predictive_analysis(case: &mut Case) {
    let predicts = if case.purpose() == PREDICTIVE { Some(true) } else { case.flag(answers::PREDICTIVE) };
    case.clause(clause!("3.4")).denies(
        predicts,
        "say whether the search is for predictive analysis",
        "facial recognition is never used for predictive analysis",
    );
}

/// 3.5 The Department "will not perform or request facial recognition searches about individuals or organizations based
/// solely on" a. views or activities, b. participation in a noncriminal organization or lawful event, or c. a class
/// protected by law. "Solely" is what requester and operator attest, and either one's yes denies (IR-2).
fn first_amendment(case: &mut Case) {
    let sole = case.flag(answers::PROTECTED_SOLE);
    let category = case.text(answers::PROTECTED_CATEGORY);
    // A yes that names no letter is a yes to all three.
    let applies = |letter: &str| match sole {
        Some(true) => Some(category.is_none_or(|c| c == letter || !CATEGORIES.contains(&c))),
        other => other,
    };
    let [views, event, class] = CATEGORIES.map(applies);
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
    if case.settings().is(&settings::PROTECTED_ATTESTATION, "supervisor") && case.phase() == Phase::Request {
        let supervisor = definitions::supervisor(case);
        case.clause(clause!("3.5-req")).obliges(Duty::Approve(supervisor));
    }
    if sole == Some(true) {
        alert(case);
    }
}

/// 4(2) "If facial recognition is used contrary to section 307.5 -3.5 First Amendment Events, DPD shall notify the Board
/// of Policy Commissioners, the Mayor of Detroit, City Council President, and City Council President Pro Tem within 24
/// hours of the violation." A request that was denied used nothing, so the LASO is alerted (IR-8). Once the search has
/// run it was used, and the hours count from the request, the earliest it can have been.
fn alert(case: &mut Case) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let hours = settings::count(case, &settings::PROTECTED_NOTICE_HOURS);
    case.tag("prohibited-use", "3.5");
    if !standing::before_result(case) {
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
    let filtered = standing::filters(case).iter().any(|f| STATUS_FILTERS.contains(&f.as_str()));
    let named = filtered || [IMMIGRATION, answers::IMMIGRATION].contains(&case.purpose());
    let assesses = if named { Some(true) } else { case.flag(answers::IMMIGRATION) };
    case.clause(clause!("3.6")).denies(
        assesses,
        "say whether the search serves to assess immigration status",
        "facial recognition is never used to assess immigration status",
    );
}
