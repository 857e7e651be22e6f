//! 307.5 - 2, Definitions: those that decide something.

use crate::corroboration::{self, Approval};
use crate::crimes::{self, Class, Crime};
use crate::words::one_of;
use crate::{answers, settings, standing};
use magistrate_sdk::case::{has_role, trained};
use magistrate_sdk::facts::Step;
use magistrate_sdk::rulings::{Duty, SignOffRule};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Duties};

/// Part 2, in the order of its definitions.
pub fn judge(case: &mut Case, crime: Option<Crime>) {
    if standing::in_use(case) {
        examiner(case);
        corroboration(case);
    }
    if case.phase() == Phase::Search {
        suitable_probe(case);
    }
    if case.phase() == Phase::Candidates {
        personal_information(case);
    }
    match crime {
        Some(crime) if crime.class == Class::HomeInvasion => home_invasion(case, crime),
        Some(crime) => part_1_violent_crime(case, crime),
        None => {}
    }
}

/// Whether the actor is an examiner: of that role, and trained today.
pub fn actor_is_examiner(case: &Case) -> bool {
    let settings = case.settings();
    let role = has_role(case.actor(), settings.text(&settings::EXAMINER_ROLE));
    role && trained(case.actor(), settings.text(&settings::EXAMINER_CURRICULUM), case.today())
}

/// 2.3 "An individual who has received advanced training in the facial recognition system and its features."
fn examiner(case: &mut Case) {
    if standing::by_the_state(case) {
        case.clause(clause!("2.3-a")).notes("the State Police search their own database with their own examiners");
        return;
    }
    let examiner = actor_is_examiner(case);
    case.clause(clause!("2.3-a")).requires(examiner, "whoever takes this step is not an examiner with current advanced training: have one take it, or renew the training");
}

/// 2.3 "They are qualified to assess image quality and appropriateness for facial recognition searches". The examiner's
/// own word counts; where only somebody else vouched for the image, the examiner still has to.
fn suitable_probe(case: &mut Case) {
    let suitable = case.affirmed(answers::PROBE_SUITABLE);
    let assessed = case.actor_answered(answers::PROBE_SUITABLE, |_| true);
    if suitable == Some(true) && !assessed {
        let role = case.settings().text(&settings::EXAMINER_ROLE);
        case.clause(clause!("2.3-b"))
            .notes("the image was called suitable, but not by the examiner, who has to assess it");
        case.clause(clause!("2.3-b")).obliges(Duties::task(role, "assess the probe's quality and appropriateness", 24));
        return;
    }
    case.clause(clause!("2.3-b")).affirms(
        suitable,
        "the examiner has to assess the image's quality and appropriateness before searching",
        "the image is not suitable for a search: obtain a better one",
    );
}

/// 2.4 "All Facial Recognition searches must be corroborated by at least two examiners and one supervisor."
fn corroboration(case: &mut Case) {
    case.clause(clause!("2.4")).read_as(reading!("IR-7")).noted();
    if case.phase() == Phase::Search {
        let mut rule = examiners(case);
        rule.leads_only = for_a_lead_only(case);
        case.clause(clause!("2.4")).obliges(Duty::SignOffs(rule));
    }
}

/// The examiners who sign: two, neither of them the requester. Under the alternative of IR-6 a trained supervisor is one
/// of the two, so that one other examiner remains.
pub fn examiners(case: &Case) -> SignOffRule {
    let settings = case.settings();
    let persons = if settings.flag(&settings::SUPERVISOR_AS_EXAMINER) { 1 } else { 2 };
    Duties::sign_offs(settings.text(&settings::EXAMINER_ROLE), persons, settings.text(&settings::EXAMINING_UNIT))
}

/// IR-7 Whether a result without a lead needs a second look only, and not the full set of signatures.
pub fn for_a_lead_only(case: &Case) -> bool {
    !case.settings().is(&settings::NO_LEAD, "full-set")
}

/// One supervisor of the examining unit, who is not the requester.
pub fn supervisor(case: &Case) -> SignOffRule {
    let settings = case.settings();
    Duties::sign_offs(settings.text(&settings::SUPERVISOR_ROLE), 1, settings.text(&settings::EXAMINING_UNIT))
}

/// 2.5 "An individual's photograph or image, social security number, digitized signature, medical and disability
/// information", and 2.8, what "can be used to distinguish or trace an individual's identity": an examiner sees the
/// candidate's photograph and the booking fields named in the settings, and nothing else.
fn personal_information(case: &mut Case) {
    let allowed = case.settings().texts(&settings::SHOWN_FIELDS);
    let (mut restricted, mut identifying) = (false, false);
    if let Step::Candidates(list) = &case.matter().step {
        // What is highly restricted is never among the fields allowed: the settings are refused otherwise.
        for field in list.iter().flat_map(|c| &c.shows).filter(|field| !allowed.contains(field)) {
            identifying = true;
            restricted = restricted || is_highly_restricted(field);
        }
    }
    if restricted {
        case.clause(clause!("2.5")).notes("the records hold highly restricted personal information, which is withheld");
    } else {
        case.clause(clause!("2.5")).satisfied();
    }
    if identifying {
        case.clause(clause!("2.8")).notes("the records hold more than the fields that are shown, and it is withheld");
    } else {
        case.clause(clause!("2.8")).satisfied();
    }
    case.clause(clause!("2.5")).obliges(Duties::show_only(allowed.iter()));
}

/// Whether a booking field is one of those 2.5 lists.
pub fn is_highly_restricted(field: &str) -> bool {
    one_of(field.trim(), settings::HIGHLY_RESTRICTED)
}

/// 2.6 "Unlawful entry of a dwelling with intent to commit or committing a felony, larceny, or assault … when either the
/// unlawful entrant is armed with a dangerous weapon or when another person is lawfully present in the dwelling."
fn home_invasion(case: &mut Case, crime: Crime) {
    if crime.attempted {
        case.clause(clause!("2.6"))
            .read_as(reading!("IR-4"))
            .violated("an attempt without entry is no Home Invasion I: name another crime if one was committed");
        return;
    }
    let elements = crimes::is_home_invasion(case, crime);
    case.clause(clause!("2.6")).affirms(elements, "answer all four questions: dwelling entered, felonious intent, entrant armed, person lawfully present", "an element of Home Invasion I is absent: entry of a dwelling, felonious intent, and a weapon or a person present");
}

/// 2.7 "Part 1 Violent Crimes are defined as robbery, sexual assault, aggravated assault, or homicide."
///
/// Subtypes and attempts belong to the crime the table names (IR-4), and a supervisor confirms that on the case: one who has
/// need not again, and one who refused has said that it is none of the four.
fn part_1_violent_crime(case: &mut Case, crime: Crime) {
    let holds = crime.is_part_1(case);
    if !crime.tabled || matches!(crime.class, Class::Outside | Class::Unknown) {
        let otherwise = if crime.class == Class::Unknown {
            "the crime's code is unknown: use one of the form's codes"
        } else {
            "the crime is not robbery, sexual assault, aggravated assault or homicide"
        };
        case.clause(clause!("2.7")).requires(holds, otherwise);
        return;
    }
    let approval = corroboration::approval(case, "2.7");
    let otherwise = if holds {
        "a supervisor refused to confirm the crime's classification: name the crime anew in another request"
    } else {
        "only the exact words robbery, sexual assault, aggravated assault and homicide count, completed"
    };
    case.clause(clause!("2.7")).read_as(reading!("IR-4")).requires(holds && approval != Approval::Refused, otherwise);
    if standing::before_result(case) && approval == Approval::Open {
        let supervisor = supervisor(case);
        case.clause(clause!("2.7")).obliges(Duty::Approve(supervisor));
    }
}
