//! Part A, General information: what the SMRT server compares with what, and who may query it and view what it returns.

use crate::settings::{AUTHORISED_ROLE, BASIC_BOOKING_DATA, GALLERY_CLASSES, PROBE_MEDIA};
use crate::{texts, words};
use magistrate_sdk::calendar::before;
use magistrate_sdk::case::has_role;
use magistrate_sdk::facts::{Media, Probe, Step};
use magistrate_sdk::{Case, Duties};

/// Every kind of media, as the setting names them.
pub const MEDIA: &[&str] = &["still", "video", "live-stream", "sketch", "synthetic"];

/// A.1 The server "provides a temporary storage and search structure for the probe image"; it "does not provide
/// analytic search-capable storage of that in-the-field-created information beyond its comparison, as a probe image, to
/// stored mugshots". So no gallery but of mugshots is searched, or filled.
pub fn mugshots_only(case: &mut Case) {
    let mugshots = case.gallery().is_some_and(|g| words::listed(case.settings().texts(&GALLERY_CLASSES), &g.class));
    case.clause(clause!("A.1-b")).requires(mugshots, "the gallery does not hold mugshots, and images made in the field are not kept to be searched: choose a gallery of mugshots");
}

/// A.2 Photographs are compiled "with physical characteristics similar to those of the suspect in the submitted photo".
/// A still can be chosen from a recording, so a recording waits; what is no photo is not compared.
pub fn submitted_photo(case: &mut Case) {
    let Some(probe) = case.probe() else {
        case.clause(clause!("A.2-a")).needs(false, "no photo was submitted: submit one");
        return;
    };
    let media = probe.media;
    let photo = case.settings().texts(&PROBE_MEDIA).contains(media_word(media));
    if !photo && matches!(media, Media::Video) {
        let ask = "a recording is not a photo: choose the best still of the person from it and submit that";
        case.clause(clause!("A.2-a")).read_as(reading!("SL-2")).needs(false, ask);
        return;
    }
    let clause = case.clause(clause!("A.2-a"));
    let clause = if matches!(media, Media::Still) { clause } else { clause.read_as(reading!("SL-2")) };
    let photo = clause.requires(photo, "only a submitted photo is compared with mugshots, not a live stream, a drawing or a generated image: submit a photo of the person");
    if photo {
        face_meant(case, probe);
    }
}

/// A.2 The result resembles "those of the suspect in the submitted photo": so there is a face, and one is meant.
fn face_meant(case: &mut Case, probe: &Probe) {
    let chosen = probe.selected.is_some_and(|face| face < probe.faces);
    if probe.faces == 0 {
        case.clause(clause!("A.2-a")).missing("the photo shows no face: submit one that does");
    } else if probe.faces > 1 && !chosen {
        case.clause(clause!("A.2-a")).missing("the photo shows several faces: say which one is meant");
    }
}

/// A.2 "The SMRT system does not use facial recognition analysis to positively identify individuals. Rather, the
/// technology applies an algorithm to compile an array of photographs".
pub fn similar_not_identified(case: &mut Case) {
    case.clause(clause!("A.2-a")).obliges(Duties::statement(texts::SIMILAR_NOT_IDENTIFIED));
}

/// A.2 "Investigators may then take the logical investigative steps, under proper legal authority, to generate and
/// pursue leads based upon the results." A rule for investigators: it goes with the jurisdiction's own, whatever they
/// search.
pub fn follow_up_under_authority(case: &mut Case) {
    case.clause(clause!("A.2-b"))
        .notes("whatever follows from the result is an investigator's step under proper legal authority");
    case.clause(clause!("A.2-b")).obliges(Duties::statement(texts::LEGAL_AUTHORITY));
}

/// A.2 What became of a result was an investigator's step, and hearing of it is no query: the rule holds, whatever is told.
pub fn followed_up(case: &mut Case) {
    case.clause(clause!("A.2-b")).satisfied();
    case.clause(clause!("A.2-b")).obliges(Duties::statement(texts::LEGAL_AUTHORITY));
}

/// A.3 Whoever only asks the Real-Time Crime Center does not query: nothing to check before somebody does.
pub fn asking_is_not_querying(case: &mut Case) {
    case.clause(clause!("A.3-a")).notes("asking does not query the database; SLFC-authorized personnel will");
}

/// A.3 "SLFC-authorized personnel will have the ability to: a. Query the image database in the system".
pub fn authorised_to_query(case: &mut Case) {
    slfc_authorised(
        case,
        "only SLFC-authorized personnel may query the database: have one of them at the Real-Time Crime Center run the search",
    );
}

/// A.3 "... and view the returned image(s), if any, of matches".
pub fn authorised_to_view(case: &mut Case) {
    slfc_authorised(
        case,
        "only SLFC-authorized personnel may view the returned images: have one of them open the list",
    );
}

/// A.3 "View basic booking data associated with the returned image(s)", and no more than basic.
pub fn basic_booking_data(case: &mut Case) {
    let basic = case.settings().texts(&BASIC_BOOKING_DATA);
    let Step::Candidates(list) = &case.matter().step else { return };
    let more = list.iter().any(|c| c.shows.iter().any(|field| !basic.contains(field)));
    if more {
        case.clause(clause!("A.3-b")).notes("what goes beyond basic booking data is withheld from the list");
    } else {
        case.clause(clause!("A.3-b")).satisfied();
    }
    case.clause(clause!("A.3-b")).obliges(Duties::show_only(basic.iter()));
}

/// A.3 What is returned is viewed by whoever says what it shows, signs for it, releases it or hands it over, too.
pub fn authorised_to_handle(case: &mut Case) {
    slfc_authorised(
        case,
        "only SLFC-authorized personnel may handle the returned images: have one of them take this step",
    );
}

/// A.2 The result leaves as what it is, an array of similar photographs: the statement goes with it.
pub fn array_not_identification(case: &mut Case) {
    case.clause(clause!("A.2-a")).notes("the result is an array of similar photographs and identifies nobody");
    similar_not_identified(case);
}

/// A.1 "provides the database, query tool, history tracking, and reporting": a report is drawn from that history, over
/// days that have begun.
pub fn reporting(case: &mut Case) {
    let Step::Report(period) = &case.matter().step else { return };
    let ordered = !before(period.last, period.first) && !before(case.today(), period.first);
    case.clause(clause!("A.1-a")).requires(
        ordered,
        "the period ends before it begins, or is yet to come: choose a first and a last day in that order",
    );
}

/// Authorisation is the jurisdiction's own: a role of that name in another's registry is not. It rests while the agency
/// of whoever holds it is suspended, whoever asked for the search.
fn slfc_authorised(case: &mut Case, otherwise: &str) {
    if case.actor_agency().suspended_since.is_some() {
        case.clause(clause!("A.3-a")).violated(
            "the agency of whoever takes this step is suspended: have the suspension lifted, or somebody of another agency take it",
        );
        return;
    }
    let authorised = case.governs_actor() && has_role(case.actor(), case.settings().text(&AUTHORISED_ROLE));
    case.clause(clause!("A.3-a")).requires(authorised, otherwise);
}

fn media_word(media: Media) -> &'static str {
    match media {
        Media::Still => "still",
        Media::Video => "video",
        Media::LiveStream => "live-stream",
        Media::Sketch => "sketch",
        Media::Synthetic => "synthetic",
    }
}
