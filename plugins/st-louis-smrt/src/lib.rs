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
//! | [`c_inquiries`] | C: who asks, through whom, with what, and what they get |
//! | [`d_data`] | B.5, D.1, D.3, E.2.b: what enters the database, and what is shown of it |
//! | [`e_audit`] | E.2: what every query must be on record with |
//! | [`charter`], [`clauses`], [`texts`], [`forms`] | what the policy says of itself |
//! | [`settings`] | names of units, ranks and roles, limits, and the readings of ambiguous clauses |
//!
//! Judged are the phases `enroll`, `request`, `search` and `candidates`. In any other phase, and where neither the
//! gallery nor the requester is the jurisdiction's, no rule speaks and the step is denied.

pub mod a_system;
pub mod b_limits;
pub mod b_purposes;
pub mod c_inquiries;
pub mod charter;
pub mod clauses;
pub mod d_data;
pub mod e_audit;
pub mod forms;
pub mod settings;
pub mod texts;

use magistrate_sdk::rulings::{Charter, Problem};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Policy, Setting, Settings};

/// The policy.
pub struct StLouisSmrt;

/// In what capacity the jurisdiction decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// The gallery is its own: the whole order binds.
    Owner,
    /// Its own people search somebody else's gallery: only the rules of use bind.
    Home,
    /// Neither, or no gallery is named: it has nothing to permit.
    Stranger,
}

impl Capacity {
    /// The capacity in which this matter is decided.
    pub fn of(case: &Case) -> Self {
        if case.owns_gallery() {
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
            _ => {}
        }
    }
}

fn enroll(case: &mut Case) {
    a_system::mugshots_only(case);
    d_data::booking_context(case);
    d_data::collecting_agency(case);
    d_data::routine_information(case);
    d_data::views_and_associations(case);
    d_data::no_probe_enrolled(case);
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
        e_audit::user_and_purpose(case);
        e_audit::probe_image(case);
        e_audit::valid_reason(case);
        e_audit::date_and_time(case);
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
        e_audit::user_and_purpose(case);
        e_audit::probe_image(case);
        e_audit::valid_reason(case);
        e_audit::date_and_time(case);
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
        d_data::still_retained(case);
    }
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
        case.tag("purpose", case.purpose());
    }
    if let Some(crime) = case.text("crime") {
        case.tag("crime", crime.trim());
    }
}

magistrate_sdk::policy!(StLouisSmrt);
