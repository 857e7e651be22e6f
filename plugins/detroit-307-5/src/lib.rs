//! Detroit Police Department Manual Directive 307.5, Facial Recognition, as a policy component.
//!
//! The Department is bound twice. As the home of whoever asks, the directive judges its members' searches of any gallery:
//! "Members shall not use facial recognition technology unless …" does not stop at the Department's own door. As the
//! owner of SNAP it judges the requests of outside agencies (5.5), and those in full, because an outside purpose has to
//! fall "within the authorized uses listed in this directive".
//!
//! | module | holds |
//! |---|---|
//! | `purpose` | part 1 |
//! | `definitions` | part 2 |
//! | `prohibited` | part 3, and the alert of 4(2) |
//! | `limits` | 5.1 to 5.3 |
//! | `requesting` | 5.4 |
//! | `outside` | 5.5 |
//! | `oversight` | part 6 |
//! | `security` | part 7 |
//! | `enrolment` | what the above says of a gallery's records |
//! | `crimes` | the table of crimes |
//! | `standing` | who somebody is to the Department |
//! | `charter`, `catalogue`, `register`, `forms` | what the policy says of itself |
//! | `answers`, `settings` | names of questions and settings |
//!
//! Enrolment, request, search and candidate list are judged. The other phases find nothing yet, so they are denied.

mod answers;
mod catalogue;
mod charter;
mod crimes;
mod definitions;
mod enrolment;
mod forms;
mod limits;
mod outside;
mod oversight;
mod prohibited;
mod purpose;
mod register;
mod requesting;
mod security;
mod settings;
mod standing;

use crimes::Crime;
use magistrate_sdk::rulings::{Charter, Problem};
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Policy, Setting, Settings};

/// Manual Directive 307.5.
pub struct Detroit3075;

impl Policy for Detroit3075 {
    const SETTINGS: &'static [Setting] = settings::ALL;

    fn charter(settings: &Settings) -> Charter {
        charter::charter(settings)
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::problems(settings)
    }

    fn decide(case: &mut Case) {
        match case.phase() {
            Phase::Enroll => {
                enrolment::judge(case);
                security::judge(case);
            }
            Phase::Request | Phase::Search | Phase::Candidates => {
                let crime = Crime::of(case);
                purpose::judge(case);
                definitions::judge(case, crime);
                prohibited::judge(case);
                limits::judge(case, crime);
                requesting::judge(case);
                outside::judge(case, crime);
                oversight::judge(case);
                security::judge(case);
                tags(case, crime);
            }
            _ => {}
        }
    }
}

/// What the weekly report counts (6.2).
fn tags(case: &mut Case, crime: Option<Crime>) {
    let crime = crime.map_or("unstated", |c| c.class.heading());
    let purpose = if limits::is_investigation(case) { "criminal-investigation" } else { "other" };
    let agency = case.requester_agency().id.as_str();
    case.tag("crime", crime);
    case.tag("purpose", purpose);
    case.tag("agency", agency);
}

magistrate_sdk::policy!(Detroit3075);
