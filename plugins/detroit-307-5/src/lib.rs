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
//! | `examination` | what an examiner says of candidates |
//! | `corroboration` | 2.4 and 5.4(3): who signs, and whether all have |
//! | `release` | 5.4(4) to (6): the result leaves the unit |
//! | `dissemination` | 7(1)-b to d: the result is handed over |
//! | `outcomes` | what became of a result |
//! | `retention` | 5.4(6), 6.1(3)b, 7(4), 7(9)-b: how long things stay |
//! | `access` | 6.1(2), 6.1(3)d, 7(5), 7(6): who gets in |
//! | `activation` | 6.4, 7(3), 7(7): a version takes effect |
//! | `discipline` | part 4 and 7(2): violations and breaches |
//! | `reports` | 6.1(2)d, 6.1(3)c, 6.2, 6.3, 7(8)-b |
//! | `crimes` | the table of crimes |
//! | `standing` | who somebody is to the Department |
//! | `words` | what people write, read as it was meant |
//! | `charter`, `catalogue`, `register`, `forms` | what the policy says of itself |
//! | `answers`, `settings` | names of questions and settings |
//!
//! Every phase is judged. Until its release a result is judged by all of parts 1, 3 and 5.1 to 5.3 at every step: the case
//! may be closed, or an examiner may know what the requester did not say.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[macro_use]
mod catalogue;
#[macro_use]
mod register;

mod access;
mod activation;
mod answers;
mod charter;
mod corroboration;
mod crimes;
mod definitions;
mod discipline;
mod dissemination;
mod enrolment;
mod examination;
mod forms;
mod limits;
mod outcomes;
mod outside;
mod oversight;
mod prohibited;
mod purpose;
mod release;
mod reports;
mod requesting;
mod retention;
mod security;
mod settings;
mod standing;
mod words;

use crimes::Crime;
use magistrate_sdk::prelude::*;
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
            Phase::Enroll => enrolment::judge(case),
            Phase::Request | Phase::Search | Phase::Candidates => {
                let crime = Crime::of(case);
                authorised_use(case, crime);
                requesting::judge(case);
                tags(case, crime);
            }
            Phase::Disposition | Phase::SignOff | Phase::Release => {
                let crime = Crime::of(case);
                authorised_use(case, crime);
                match case.phase() {
                    Phase::Disposition => examination::judge(case),
                    Phase::SignOff => corroboration::judge(case),
                    _ => release::judge(case, crime),
                }
            }
            Phase::Disseminate => dissemination::judge(case),
            Phase::Outcome => outcomes::judge(case),
            Phase::Retention => retention::judge(case),
            Phase::Access => access::judge(case),
            Phase::Activation => activation::judge(case),
            Phase::Violation => discipline::judge(case),
            Phase::Report => reports::judge(case),
            Phase::Waiver => oversight::nothing_is_waived(case),
        }
        security::judge(case);
    }
}

/// What makes a search an authorised one, from the request to the release.
fn authorised_use(case: &mut Case, crime: Option<Crime>) {
    purpose::judge(case);
    definitions::judge(case, crime);
    prohibited::judge(case);
    limits::judge(case, crime);
    outside::judge(case, crime);
    oversight::judge(case);
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
