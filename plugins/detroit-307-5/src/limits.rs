//! 307.5 - 5.1 to 5.3: what facial recognition may be used on, for and about.

use crate::crimes::{self, Class, Crime};
use crate::{answers, purpose, settings, standing, words};
use magistrate_sdk::Case;
use magistrate_sdk::facts::Media;
use magistrate_sdk::terms::Phase;

/// What the person in the photograph may be to the case: 5.3 speaks of any person.
pub const SUBJECT_ROLES: &[&str] = &["suspect", "victim", "witness", "other"];

/// 5.1 to 5.3, in order.
pub fn judge(case: &mut Case, crime: Option<Crime>) {
    still_image(case);
    investigation_purpose(case);
    active_case(case);
    authorised_crime(case, crime);
    individual_suspicion(case);
    if standing::before_result(case) || case.phase() == Phase::Candidates {
        no_mass_query(case);
    }
}

/// 5.1 "Facial recognition software may only be used on a still image of an individual."
fn still_image(case: &mut Case) {
    let Some(probe) = case.probe() else {
        case.clause(clause!("5.1")).needs(false, "submit a still image of an individual");
        return;
    };
    if !matches!(probe.media, Media::Still) {
        case.clause(clause!("5.1"))
            .violated("the submission is not a still image: submit a photograph of an individual");
        return;
    }
    if probe.faces == 0 {
        case.clause(clause!("5.1")).violated("the image shows no individual: submit one in which a face is found");
        return;
    }
    let one = match probe.selected {
        Some(face) => face < probe.faces,
        None => probe.faces == 1,
    };
    case.clause(clause!("5.1")).needs(one, "the image shows several people: select the face to be searched");
}

/// 5.2, the purpose: "in support of an … investigation".
fn investigation_purpose(case: &mut Case) {
    if case.purpose().is_empty() {
        case.clause(clause!("5.2")).needs(false, "state the purpose of the search");
        return;
    }
    let holds = is_investigation(case);
    case.clause(clause!("5.2"))
        .requires(holds, "the purpose is not a criminal investigation, and no other use is authorised");
}

/// Whether the purpose's code means a criminal investigation.
pub fn is_investigation(case: &Case) -> bool {
    words::listed(case.purpose(), case.settings().texts(&settings::INVESTIGATION_PURPOSES))
}

/// 5.2, the case: "active or ongoing".
fn active_case(case: &mut Case) {
    let active = purpose::investigation_is_active(case);
    case.clause(clause!("5.2")).requires(active, "the investigation is closed: it has to be reopened before a search");
}

/// 5.2, the crime: "an active or ongoing Part 1 Violent Crime investigation (e.g. robbery, sexual assault, or homicide) or
/// a Home Invasion 1 investigation."
fn authorised_crime(case: &mut Case, crime: Option<Crime>) {
    let authorised = crimes::authorised(case, crime);
    let ask = match crime {
        None => "state the crime under investigation",
        Some(_) => "answer the questions on the elements of Home Invasion I",
    };
    let otherwise = match crime.map(|c| c.class) {
        Some(Class::HomeInvasion) => "the facts stated are not a Home Invasion I, and no Part 1 violent crime is named",
        Some(Class::Unknown) => "the crime's code is unknown: use one of the form's codes",
        _ => "the crime is neither a Part 1 violent crime nor Home Invasion I: no search is authorised for it",
    };
    case.clause(clause!("5.2")).affirms(authorised, ask, otherwise);
}

/// 5.3 No use "on any person unless there is reasonable suspicion that such use … will provide information relevant to"
/// the investigation. The person may be suspect, victim or witness; the suspicion is about the information.
fn individual_suspicion(case: &mut Case) {
    if words::stated(case, answers::SUSPICION).is_none() {
        case.clause(clause!("5.3"))
            .needs(false, "set out the specific facts and inferences from which a search of this person is relevant");
        return;
    }
    let attested = case.affirmed(answers::SUSPICION_ATTESTED);
    case.clause(clause!("5.3")).affirms(
        attested,
        "say whether those facts amount to reasonable suspicion of relevance",
        "there is no reasonable suspicion that a search of this person is relevant",
    );
}

/// 5.3 is headed "Individualized Targeting": beyond a number of probes each has to stand on suspicion of its own (IR-3).
fn no_mass_query(case: &mut Case) {
    let batch = case.request().map_or(1, |r| r.batch_size);
    let searched = case.history().distinct_probes_by_person_last_hour;
    let probes = batch.max(searched.saturating_add(standing::unrecorded_probes(case)));
    if probes <= settings::count(case, &settings::MASS_LIMIT) {
        case.clause(clause!("5.3")).read_as(reading!("IR-3")).satisfied();
        return;
    }
    let justified = case.affirmed(answers::EACH_JUSTIFIED);
    case.clause(clause!("5.3")).read_as(reading!("IR-3")).affirms(
        justified,
        "there are many probes within the hour: say whether each stands on reasonable suspicion of its own, or wait",
        "many people are searched without suspicion of each: search those for whom there is suspicion",
    );
}
