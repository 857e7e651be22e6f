//! St. Louis Mugshot Recognition Technology (SMRT), Special Order 5-27 section V, as a policy component.
//!
//! The order speaks in two ways. What it says of *use* (part B) binds the jurisdiction's own people wherever they
//! search, and everybody who searches its database. What it says of the *system* (parts A, C, D, E) binds whoever
//! touches the SMRT database, wherever they come from. So a rule of part B is applied to every matter, and the others
//! only where the gallery is the jurisdiction's own: see [`Capacity`].
//!
//! | module | part of the order |
//! |---|---|
//! | [`a_system`] | A: the database, the probe, who may query and view |
//! | [`b_purposes`] | B.1, B.2: what the data may be used for |
//! | [`b_limits`] | B.3, B.4: what it may never be used for, and never how |
//! | [`c_inquiries`] | C.1 to C.4: who asks, through whom, with what, and what they get |
//! | [`c_report`] | C.4: the Compare Report, from the examiner to the recipient |
//! | [`c_outcome`] | C.5, C.6: what became of it |
//! | [`d_data`] | B.5, D.1, D.3, E.2.b: what enters the database, and what is shown of it |
//! | [`d_retention`], [`deadline`] | D.3, E.2.b: how long what is stored stays |
//! | [`d_evidence`] | D.4: what is evidence, and who requires it for longer |
//! | [`e_audit`] | E: what every query must be on record with, audits, misuse |
//! | [`f_responsibilities`] | F: who acts for whom, who gets access, what is public |
//! | [`charter`], [`clauses`], [`texts`], [`forms`] | what the policy says of itself |
//! | [`settings`] | names of units, ranks and roles, limits, and the readings of ambiguous clauses |
//! | [`words`] | what people write, read |
//!
//! Every phase is judged. Where a step concerns a gallery, and neither the gallery nor the requester is the
//! jurisdiction's, no rule speaks and the step is denied.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[macro_use]
pub mod clauses;
#[macro_use]
pub mod texts;

pub mod a_system;
pub mod b_limits;
pub mod b_purposes;
pub mod c_inquiries;
pub mod c_outcome;
pub mod c_report;
pub mod charter;
pub mod d_data;
pub mod d_evidence;
pub mod d_retention;
pub mod deadline;
pub mod e_audit;
pub mod f_responsibilities;
pub mod forms;
pub mod settings;
pub mod words;

use magistrate_sdk::facts::Step;
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Charter, Problem};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Policy, Setting, Settings};

/// The policy.
pub struct StLouisSmrt;

/// In what capacity the jurisdiction decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// The gallery is its own, or it runs the SMRT program: the whole order binds.
    Owner,
    /// Its own people search somebody else's gallery: only the rules of use bind.
    Home,
    /// Neither, or no gallery is named: it has nothing to permit.
    Stranger,
}

impl Capacity {
    /// The capacity in which this matter is decided.
    pub fn of(case: &Case) -> Self {
        let administers = match case.phase() {
            Phase::Access | Phase::Activation | Phase::Violation | Phase::Report | Phase::Waiver => true,
            // An entry of its log, say: a record that is in no gallery.
            Phase::Retention => case.gallery().is_none(),
            _ => false,
        };
        if administers || case.owns_gallery() {
            Self::Owner
        } else if case.gallery().is_some() && case.governs_requester() {
            Self::Home
        } else {
            Self::Stranger
        }
    }
}

impl Policy for StLouisSmrt {
    const SETTINGS: &'static [Setting] = settings::SETTINGS;

    fn charter(settings: &Settings) -> Charter {
        charter::charter(settings)
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn decide(case: &mut Case) {
        let capacity = Capacity::of(case);
        if capacity == Capacity::Stranger {
            return;
        }
        let owner = capacity == Capacity::Owner;
        match case.phase() {
            Phase::Enroll if owner => enroll(case),
            Phase::Request => request(case, owner),
            Phase::Search => search(case, owner),
            Phase::Candidates => candidates(case, owner),
            Phase::Disposition => disposition(case, owner),
            Phase::SignOff => sign_off(case, owner),
            Phase::Release => release(case, owner),
            Phase::Disseminate => disseminate(case, owner),
            Phase::Outcome => outcome(case, owner),
            Phase::Retention => retention(case, owner),
            Phase::Access if owner => access(case),
            Phase::Activation if owner => activation(case),
            Phase::Violation if owner => violation(case),
            Phase::Report if owner => report(case),
            Phase::Waiver if owner => waiver(case),
            _ => {}
        }
    }
}

fn enroll(case: &mut Case) {
    a_system::mugshots_only(case);
    d_data::booking_context(case);
    d_data::collecting_agency(case);
    d_data::routine_information(case);
    d_data::retained_by_their_agency(case);
    d_data::views_and_associations(case);
    d_data::no_probe_enrolled(case);
    e_audit::logged(case);
    let agency = case.actor_agency();
    case.tag("agency", &agency.id);
}

fn request(case: &mut Case, owner: bool) {
    use_of_data(case);
    b_limits::not_a_mass_batch(case);
    if owner {
        a_system::mugshots_only(case);
        a_system::submitted_photo(case);
        a_system::asking_is_not_querying(case);
        c_inquiries::detectives_and_officers(case);
        c_inquiries::agency_in_standing(case);
        c_inquiries::contacting_the_rtcc(case);
        c_inquiries::reason_or_identifier(case);
        c_inquiries::best_image(case);
        c_inquiries::delivered_on_a_device(case);
        c_inquiries::where_the_image_is_from(case);
        e_audit::on_record(case);
        e_audit::probe_in_temporary_storage(case);
    }
    count(case);
}

fn search(case: &mut Case, owner: bool) {
    use_of_data(case);
    b_limits::not_a_mass_batch(case);
    b_limits::not_a_mass_query(case);
    if owner {
        b_limits::attested_by_the_operator(case);
        a_system::mugshots_only(case);
        a_system::submitted_photo(case);
        a_system::authorised_to_query(case);
        c_inquiries::detectives_and_officers(case);
        c_inquiries::agency_in_standing(case);
        c_inquiries::run_by_the_rtcc(case);
        e_audit::on_record(case);
        e_audit::probe_kept_for_audit(case);
        a_system::similar_not_identified(case);
        c_inquiries::compare_report(case);
    }
    a_system::follow_up_under_authority(case);
    count(case);
}

fn candidates(case: &mut Case, owner: bool) {
    use_of_data(case);
    if owner {
        b_limits::attested_by_the_operator(case);
        a_system::authorised_to_view(case);
        a_system::basic_booking_data(case);
        c_inquiries::agency_in_standing(case);
        d_data::still_retained(case);
        c_report::each_is_compared(case);
        e_audit::logged(case);
    }
}

fn disposition(case: &mut Case, owner: bool) {
    b_limits::protected_by_the_first_amendment(case);
    if owner {
        a_system::authorised_to_handle(case);
        c_inquiries::agency_in_standing(case);
        c_report::drawn_up_by_the_rtcc(case);
        c_report::similarities_or_differences(case);
        e_audit::on_record(case);
    }
}

fn sign_off(case: &mut Case, owner: bool) {
    b_limits::protected_by_the_first_amendment(case);
    if owner {
        a_system::authorised_to_handle(case);
        c_inquiries::agency_in_standing(case);
        c_report::drawn_up_by_the_rtcc(case);
        c_report::signed_once(case);
        e_audit::on_record(case);
    }
}

fn release(case: &mut Case, owner: bool) {
    b_limits::protected_by_the_first_amendment(case);
    if owner {
        a_system::authorised_to_handle(case);
        a_system::array_not_identification(case);
        c_inquiries::agency_in_standing(case);
        c_report::drawn_up_by_the_rtcc(case);
        c_report::all_were_compared(case);
        c_report::released_with_the_note(case);
        d_data::retained_at_the_release(case);
        e_audit::on_record(case);
    }
    a_system::follow_up_under_authority(case);
}

fn disseminate(case: &mut Case, owner: bool) {
    b_limits::protected_by_the_first_amendment(case);
    if owner {
        a_system::authorised_to_handle(case);
        c_inquiries::agency_in_standing(case);
        c_report::drawn_up_by_the_rtcc(case);
        c_report::handed_over_with_the_note(case);
        c_report::rightful_recipient(case);
        d_data::retained_at_the_hand_over(case);
        e_audit::on_record(case);
    }
    a_system::follow_up_under_authority(case);
}

/// What became of a result is heard whatever the request was about, so that no rule of use stands in the way.
fn outcome(case: &mut Case, owner: bool) {
    if owner {
        c_outcome::what_became_of_it(case);
        e_audit::on_record(case);
    }
    a_system::followed_up(case);
}

fn retention(case: &mut Case, owner: bool) {
    if owner {
        d_retention::judge(case);
        e_audit::logged(case);
    } else {
        d_retention::kept_elsewhere(case);
    }
}

fn access(case: &mut Case) {
    f_responsibilities::access(case);
    e_audit::logged(case);
}

fn activation(case: &mut Case) {
    f_responsibilities::activation(case);
    e_audit::logged(case);
}

fn violation(case: &mut Case) {
    e_audit::misuse(case);
    e_audit::logged(case);
}

fn waiver(case: &mut Case) {
    f_responsibilities::nothing_is_waived(case);
    e_audit::logged(case);
}

/// A report is the charter's, or none.
fn report(case: &mut Case) {
    let Step::Report(period) = &case.matter().step else { return };
    a_system::reporting(case);
    match period.report.as_str() {
        f_responsibilities::SYSTEM_REPORT => f_responsibilities::public_report(case),
        e_audit::PERIODIC_AUDIT | e_audit::RANDOM_AUDIT => e_audit::audits(case),
        _ => case
            .clause(clause!("A.1-a"))
            .violated("the order knows no such report: choose one that this policy's charter lists"),
    }
    e_audit::logged(case);
}

/// Part B, as far as it binds whoever uses the data.
fn use_of_data(case: &mut Case) {
    b_purposes::listed_purpose(case);
    b_limits::protected_by_the_first_amendment(case);
    b_limits::human_initiated(case);
}

/// Counts the step for the reports.
fn count(case: &mut Case) {
    let agency = case.requester_agency();
    case.tag("agency", &agency.id);
    if case.request().is_some() {
        let purpose = b_purposes::code(case);
        case.tag("purpose", purpose);
    }
    if let Some(crime) = words::given(case, "crime") {
        case.tag("crime", crime);
    }
}

magistrate_sdk::policy!(StLouisSmrt);
