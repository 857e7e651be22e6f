//! Filtered searches before the shipped policy: what it is told, and what is on record.

use crate::common::{ASKER, Court, FIRST, JURISDICTION, RECORDS, court, intake};
use casework::CaseError;
use casework::search_step::Plan;
use magistrate_casework as casework;
use model::filter::{Conditions, FilterKind, Filterable};
use model::rulings::Outcome;

fn conditions(text: &str) -> Conditions {
    serde_json::from_str(text).unwrap()
}

/// The court with one more filter: of a name that says nothing, by a booking field that does.
async fn filtered_by_origin() -> Option<Court> {
    let origin = Filterable {
        name: "category".to_owned(),
        kind: FilterKind::Choice,
        field: Some("place-of-origin".to_owned()),
        choices: vec!["here".to_owned(), "abroad".to_owned()],
    };
    let court = court().await?;
    Some(court.reopen(|registry| registry.galleries[0].filters.push(origin)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_hides_no_booking_field_from_the_policy() {
    let Some(court) = filtered_by_origin().await else { return };
    let actor = court.who(FIRST).await;
    let plan = |text| Plan { filter: conditions(text), ..Plan::default() };
    let searched =
        court.casework.search_now(&actor, JURISDICTION, intake(1), plan(r#"{"category":{"one_of":["abroad"]}}"#)).await;
    let Err(CaseError::Refused { rulings, .. }) = searched else { panic!("the search was not refused") };
    let findings = rulings.rulings.iter().flat_map(|r| &r.decision.findings);
    let violated: Vec<String> =
        findings.filter(|f| f.outcome == Outcome::Violated).map(|f| f.clause.to_string()).collect();
    assert!(violated.contains(&"3.6".to_owned()), "{violated:?}");

    let (_, searched) =
        court.casework.search_now(&actor, JURISDICTION, intake(2), plan(r#"{"age":{"from":20}}"#)).await.unwrap();
    assert!(searched.candidates.is_empty() && searched.rows == 0, "nobody's date of birth is known");
    let (_, whole) = court.casework.search_now(&actor, JURISDICTION, intake(3), plan("{}")).await.unwrap();
    assert_eq!((whole.rows, whole.digest), (RECORDS as u64, searched.digest));
    assert!(whole.filter.is_empty() && searched.filter.contains_key("age"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_gallery_opens_no_request() {
    let Some(court) = court().await else { return };
    let size = || court.casework.chamber(JURISDICTION).unwrap().log().size();
    let (actor, before) = (court.who(FIRST).await, size());
    for text in [r#"{"place-of-origin":{"one_of":["abroad"]}}"#, r#"{"age":{"from":2,"to":1}}"#, r#"{"sex":{}}"#] {
        let plan = Plan { filter: conditions(text), ..Plan::default() };
        let searched = court.casework.search_now(&actor, JURISDICTION, intake(1), plan).await;
        assert!(matches!(searched, Err(CaseError::Invalid(_))), "{text}");
    }
    // Somebody who may not search is refused by the policy, filter or not.
    let asker = court.who(ASKER).await;
    let plan = Plan { filter: conditions(r#"{"sex":{"one_of":["F"]}}"#), ..Plan::default() };
    assert_eq!(size(), before, "nothing was decided");
    let searched = court.casework.search_now(&asker, JURISDICTION, intake(1), plan).await;
    assert!(matches!(searched, Err(CaseError::Refused { .. })));
    assert!(size() > before);
}
