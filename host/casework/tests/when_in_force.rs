//! A policy decides from its first day to its last, in its own calendar. Before and after every step is denied, on record.

use crate::common::{FIRST, JURISDICTION, intake};
use crate::waivers::empty_house_that;
use magistrate_casework::CaseError;
use model::account::Event;
use model::terms::{Instant, Verdict};
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn before_its_first_day_and_after_its_last_a_policy_denies_on_record() {
    // From the 11th to the 12th.
    let Some(house) = empty_house_that("two-days", None).await else { return };
    let days = [
        ("2026-03-10T23:59:59.999Z", Some("the policy is in force from 2026-03-11 on; today is 2026-03-10")),
        ("2026-03-11T00:00:00.000Z", None),
        ("2026-03-12T23:59:59.999Z", None),
        ("2026-03-13T00:00:00.000Z", Some("the policy expired after 2026-03-12; today is 2026-03-13")),
    ];
    for (at, denied) in days {
        house.clock.store(at.parse::<Instant>().unwrap().0, Ordering::Release);
        let actor = house.who(JURISDICTION, FIRST).await;
        match (house.casework.open_request(&actor, JURISDICTION, intake(1)).await, denied) {
            (Ok(_), None) => {}
            (Err(CaseError::Refused { rulings, receipt }), Some(reason)) => {
                assert!(receipt.is_some(), "{at}: on record");
                assert_eq!(rulings.verdict(), Verdict::Deny, "{at}");
                let finding = &rulings.rulings[0].decision.findings[0];
                assert!(finding.explanation.as_deref().is_some_and(|said| said.contains(reason)), "{finding:?}");
            }
            (taken, _) => panic!("{at}: {:?}", taken.map(drop)),
        }
    }
    let decided = house.events(JURISDICTION).await.into_iter().filter_map(|event| match event {
        Event::Decision { rulings, .. } => Some(rulings.rulings[0].fault.clone()),
        _ => None,
    });
    assert_eq!(decided.collect::<Vec<_>>(), days.map(|(_, denied)| denied.map(str::to_owned)));
}
