//! A policy that wants each examiner to sign without having seen what the others concluded: with a component that asks for it,
//! as no shipped directive does.

use crate::common::{FIRST, JURISDICTION, SECOND, SUPERVISOR, court, misstep, outgoing, said, signing};
use crate::waivers::{House, house_that};
use casework::chamber::Registered;
use casework::disposition::Examination;
use casework::viewing::{CandidateSeen, SignatureSeen};
use casework::{Casework, Misstep};
use magistrate_casework as casework;
use model::facts::{Conclusion, Likeness};
use std::collections::BTreeMap;

/// What somebody is shown of a request: its candidates and its signatures.
async fn shown(casework: &Casework, who: &Registered, request: &str) -> (Vec<CandidateSeen>, Vec<SignatureSeen>) {
    let looked = casework.look(who, JURISDICTION, request, BTreeMap::new()).await.unwrap();
    (looked.candidates, casework.view(who, JURISDICTION, request).await.unwrap().signatures)
}

/// Of how many candidates somebody is shown what was said of them, and of how many signatures what they conclude.
fn told((candidates, signatures): &(Vec<CandidateSeen>, Vec<SignatureSeen>)) -> (usize, usize) {
    let concluded = signatures.iter().filter(|s| s.conclusion.is_some()).count();
    assert!(signatures.iter().all(|s| s.reason.is_some() == s.conclusion.is_some()), "{signatures:?}");
    (candidates.iter().filter(|c| c.disposition.is_some()).count(), concluded)
}

/// A request whose list the first examiner has judged, and signed as a lead; with the records of the list.
async fn judged(house: &House) -> (String, Vec<String>) {
    let (request, first) = (house.opened(3).await, house.who(JURISDICTION, FIRST).await);
    assert_eq!(house.search(&request).await.unwrap(), 3);
    let list = house.casework.look(&first, JURISDICTION, &request, BTreeMap::new()).await.unwrap().candidates;
    let records: Vec<_> = list.into_iter().map(|c| c.record_id).collect();
    let dispositions = records.iter().map(|r| said(r, Likeness::Possible)).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    house.casework.dispose(&first, JURISDICTION, &request, examination).await.unwrap();
    let lead = signing("examiner", Conclusion::Lead);
    house.casework.sign(&first, JURISDICTION, &request, lead).await.unwrap();
    (request, records)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_blind_rule_nobody_is_shown_what_others_concluded_before_they_sign() {
    let Some(house) = house_that("blind", None).await else { return };
    let (request, records) = judged(&house).await;
    let [first, second, chief] = [FIRST, SECOND, SUPERVISOR].map(|person| house.who(JURISDICTION, person));
    let (first, second, chief) = (first.await, second.await, chief.await);
    assert_eq!(told(&shown(&house.casework, &first, &request).await), (3, 1), "their own");

    let before = shown(&house.casework, &second, &request).await;
    assert_eq!((before.0.len(), before.1.len()), (3, 1), "that there are candidates and who has signed is no secret");
    assert_eq!((before.1[0].by.person.as_str(), told(&before)), (FIRST, (0, 0)));
    assert_eq!(told(&shown(&house.casework, &chief, &request).await), (0, 0), "nor is anybody else who has not signed");
    // Nor does a refusal tell them.
    let early = house.casework.release(&second, JURISDICTION, &request, outgoing(&records[..1])).await;
    let wanting = misstep(early);
    assert!(matches!(&wanting, Misstep::Wanting { demanded } if !demanded.is_empty()), "{wanting}");
    let early = house.casework.release(&first, JURISDICTION, &request, outgoing(&records[..1])).await;
    let wanting = misstep(early);
    assert!(matches!(&wanting, Misstep::Unsigned { wanting, .. } if wanting[0].contains("examiner")), "{wanting}");

    let lead = signing("examiner", Conclusion::Lead);
    house.casework.sign(&second, JURISDICTION, &request, lead).await.unwrap();
    assert_eq!(told(&shown(&house.casework, &second, &request).await), (3, 2), "once they have signed");
    assert_eq!(told(&shown(&house.casework, &chief, &request).await), (0, 0), "the others still are not");
    house.casework.release(&first, JURISDICTION, &request, outgoing(&records[..1])).await.unwrap();
    assert_eq!(told(&shown(&house.casework, &chief, &request).await), (3, 2), "what has left is no secret");
}

/// A request whose list both examiners have opened, of which the first has said this of every candidate; with the records.
async fn examined(house: &House, seed: usize, likeness: Likeness) -> (String, Vec<String>) {
    let request = house.opened(seed).await;
    house.search(&request).await.unwrap();
    let first = house.who(JURISDICTION, FIRST).await;
    let list = shown(&house.casework, &first, &request).await.0;
    let records: Vec<_> = list.into_iter().map(|c| c.record_id).collect();
    let dispositions = records.iter().map(|r| said(r, likeness)).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    house.casework.dispose(&first, JURISDICTION, &request, examination).await.unwrap();
    let second = house.who(JURISDICTION, SECOND).await;
    house.casework.look(&second, JURISDICTION, &request, BTreeMap::new()).await.unwrap();
    (request, records)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_to_sign_blind_does_not_find_out_by_a_release_what_others_found() {
    use Conclusion::{Lead, NoLead};
    let Some(house) = house_that("blind", None).await else { return };
    let [second, chief, outsider] = [SECOND, SUPERVISOR, "p.rivers"].map(|person| house.who(JURISDICTION, person));
    let (second, chief, outsider) = (second.await, chief.await, outsider.await);
    let asked = async |who: &Registered, request: &str, named: &[String]| {
        misstep(house.casework.release(who, JURISDICTION, request, outgoing(named)).await)
    };
    for (seed, likeness, conclusions) in [
        (3, Likeness::Possible, [Lead, Lead]),
        (4, Likeness::Excluded, [NoLead, NoLead]),
        (5, Likeness::Possible, [Lead, NoLead]),
    ] {
        let (request, records) = examined(&house, seed, likeness).await;
        // Whoever is the second to examine has opened the list, and not signed.
        let (possibly, none) = (&records[..1], &records[..0]);
        for named in [possibly, none] {
            let wanting = asked(&second, &request, named).await;
            assert!(matches!(wanting, Misstep::Wanting { .. }), "{likeness:?}, {named:?}: {wanting}");
        }
        for (person, conclusion) in [FIRST, SECOND].into_iter().zip(conclusions) {
            let who = house.who(JURISDICTION, person).await;
            house.casework.sign(&who, JURISDICTION, &request, signing("examiner", conclusion)).await.unwrap();
        }
        // Nobody is wanting any more: whoever opened the list and did not sign, and whoever did not even open it.
        house.casework.look(&chief, JURISDICTION, &request, BTreeMap::new()).await.unwrap();
        let unlisted = ["r-none".to_owned()];
        for who in [&chief, &outsider] {
            for named in [possibly, &unlisted[..], none] {
                let told = asked(who, &request, named).await;
                assert!(matches!(told, Misstep::Unopened { .. }), "{conclusions:?}, {named:?}: {told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_rule_what_was_said_is_shown_at_once() {
    let Some(house) = house_that("behave", None).await else { return };
    let (request, _) = judged(&house).await;
    let second = house.who(JURISDICTION, SECOND).await;
    assert_eq!(told(&shown(&house.casework, &second, &request).await), (3, 1));

    let Some(court) = court().await else { return };
    let (request, _) = court.disposed(3).await;
    let second = court.who(SECOND).await;
    assert_eq!(told(&shown(&court.casework, &second, &request).await), (3, 0), "the directive asks for none either");
}
