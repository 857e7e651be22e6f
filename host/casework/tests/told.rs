//! What people are shown of a request, and what they are not.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, against, agree, court, misstep, outgoing, record, refused,
    rejected, said, signing,
};
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::account::Event;
use model::facts::{Conclusion, Likeness};
use model::rulings::Outcome;

/// An officer who is of no examining unit.
const PATROL: &str = "p.rivers";

impl Court {
    /// Whose signatures of a request are on record as blind, in the order in which they were given.
    async fn blind(&self, request: &str) -> Vec<(String, bool)> {
        let auditor = self.who("a.feld").await;
        let entries = self.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
        let accounts = entries.into_iter().filter_map(|e| e.account).filter(|a| a.request.as_deref() == Some(request));
        let signed = |event: Event| match event {
            Event::Signed { signature, .. } => Some((signature.person, signature.blind)),
            _ => None,
        };
        accounts.filter_map(|a| signed(a.event)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_blind_if_its_signer_was_shown_nothing_that_others_concluded() {
    let Some(court) = court().await else { return };
    let known = |(who, blind): (&str, bool)| (format!("{JURISDICTION}/{who}"), blind);
    // The first examiner has seen what they said themselves, the second what the first said.
    let (request, _) = court.disposed(3).await;
    court.seen(&request).await;
    court.look(FIRST, &request).await.unwrap();
    court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.look(SECOND, &request).await.unwrap();
    court.sign(SECOND, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
    let expected = [(FIRST, true), (SECOND, false), (SUPERVISOR, true)].map(known);
    assert_eq!(court.blind(&request).await, expected, "the supervisor looked at nothing");

    // Two examiners who open the list before anything is said of it.
    let (request, records) = court.searched(4, 3).await;
    court.look(SECOND, &request).await.unwrap();
    court.dispose(FIRST, &request, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    court.sign(SECOND, &request, signing("examiner", Conclusion::NoLead)).await.unwrap();
    // The request's life shows who signed, and what.
    court.seen(&request).await;
    court.sign(FIRST, &request, signing("examiner", Conclusion::NoLead)).await.unwrap();
    let expected = [(SECOND, true), (FIRST, false)].map(known);
    assert_eq!(court.blind(&request).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_release_tells_nobody_of_a_list_they_have_not_opened() {
    let Some(court) = court().await else { return };
    let (request, records) = court.disposed(5).await;
    let other = (0..crate::common::RECORDS).map(record).find(|r| !records.contains(r)).unwrap();
    for candidate in [&records[1], &other, &records[0]] {
        let wanting = misstep(court.release(SUPERVISOR, &request, outgoing(std::slice::from_ref(candidate))).await);
        let same = matches!(&wanting, Misstep::Wanting { demanded } if !demanded.is_empty());
        assert!(same, "excluded, possible or not on the list, it is the same to them: {wanting}");
    }
    let theirs = misstep(court.release(FIRST, &request, outgoing(&records[1..2])).await);
    assert!(matches!(&theirs, Misstep::NotPossible { record, .. } if *record == records[1]), "{theirs}");
    let theirs = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(theirs, Misstep::Unsigned { .. }), "{theirs}");

    court.look(SECOND, &request).await.unwrap();
    let opened = misstep(court.release(SECOND, &request, outgoing(&records[..1])).await);
    assert!(matches!(opened, Misstep::Unsigned { .. }), "now it is theirs to know: {opened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_records_of_a_list_they_have_not_opened_is_judged_first() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(6).await;
    let other = (0..crate::common::RECORDS).map(record).find(|r| !records.contains(r)).unwrap();
    let (listed, unlisted) = (&records[1], &other);
    for (who, clause) in [(SUPERVISOR, "6.1(3)a-2"), (PATROL, "5.4(4)-a")] {
        let named =
            async |record: &String| against(court.release(who, &request, outgoing(std::slice::from_ref(record))).await);
        let (excluded, stranger) = (named(listed).await, named(unlisted).await);
        assert_eq!(excluded, stranger, "{who}");
        assert!(excluded.iter().any(|c| c == clause), "{who}: {excluded:?}");
    }
    let named =
        async |record: &String| against(court.dispose(PATROL, &request, vec![said(record, Likeness::Possible)]).await);
    let (there, stranger) = (named(listed).await, named(unlisted).await);
    assert_eq!(there, stranger);
    assert!(there.iter().any(|c| c == "5.4(3)-c"), "they have not opened it: {there:?}");
    let twice = vec![said(unlisted, Likeness::Possible), said(unlisted, Likeness::Possible)];
    refused(court.dispose(PATROL, &request, twice).await, "5.4(3)-c");
    let opener = misstep(court.dispose(FIRST, &request, vec![said(unlisted, Likeness::Possible)]).await);
    assert!(matches!(&opener, Misstep::Unlisted { record, .. } if *record == other), "{opener}");
    agree(&court.casework).await;
}

/// What somebody is told who releases these records, but for where it is on record.
async fn answer(court: &Court, who: &str, request: &str, named: &[&String]) -> String {
    let candidates: Vec<String> = named.iter().copied().cloned().collect();
    match court.release(who, request, outgoing(&candidates)).await {
        Ok(_) => "it left".to_owned(),
        Err(CaseError::Refused { rulings, .. }) => {
            let findings = rulings.rulings.iter().flat_map(|r| &r.decision.findings);
            let against = findings.filter(|f| matches!(f.outcome, Outcome::Violated | Outcome::Missing));
            format!("{:?}", against.collect::<Vec<_>>())
        }
        Err(e) => named.iter().fold(e.to_string(), |told, record| told.replace(record.as_str(), "it")),
    }
}

/// A request whose examiners have signed so, and the supervisor after them; a lead has its first candidate found possible.
async fn concluded(court: &Court, seed: usize, conclusions: [Conclusion; 2]) -> (String, Vec<String>) {
    let (request, records) = court.searched(seed, 3).await;
    let lead = conclusions.contains(&Conclusion::Lead);
    let likeness = |i| if lead && i == 0 { Likeness::Possible } else { Likeness::Excluded };
    let all = records.iter().enumerate().map(|(i, record)| said(record, likeness(i)));
    court.dispose(FIRST, &request, all.collect()).await.unwrap();
    court.look(SECOND, &request).await.unwrap();
    for (examiner, conclusion) in [FIRST, SECOND].into_iter().zip(conclusions) {
        court.sign(examiner, &request, signing("examiner", conclusion)).await.unwrap();
    }
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
    (request, records)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_out_by_a_release_which_records_of_a_list_they_have_not_opened_were_found_possible() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(6).await;
    let other = (0..crate::common::RECORDS).map(record).find(|r| !records.contains(r)).unwrap();
    let (possible, excluded) = (&records[0], &records[1]);
    for who in [SUPERVISOR, PATROL, ASKER] {
        let told = answer(&court, who, &request, &[possible]).await;
        assert_ne!(told, "it left", "{who}");
        for named in [excluded, &other] {
            assert_eq!(answer(&court, who, &request, &[named]).await, told, "{who}");
        }
        let twice = answer(&court, who, &request, &[possible, possible]).await;
        assert!(twice.contains("named twice"), "{who}: {twice}");
        for named in [excluded, &other] {
            assert_eq!(answer(&court, who, &request, &[named, named]).await, twice, "{who}");
        }
    }
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("whoever has opened it releases it");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_out_by_a_release_what_was_concluded_of_a_request_that_they_do_not_see() {
    use Conclusion::{Lead, NoLead};
    let Some(court) = court().await else { return };
    let mut told = Vec::new();
    for (seed, conclusions) in [(3, [Lead, Lead]), (4, [NoLead, NoLead]), (5, [Lead, NoLead])] {
        let (request, records) = concluded(&court, seed, conclusions).await;
        let with = answer(&court, PATROL, &request, &[&records[0]]).await;
        told.push((with, answer(&court, PATROL, &request, &[]).await));
    }
    assert!(told.iter().all(|answers| *answers == told[0]), "agreed or not, it is the same to them: {told:?}");
    assert!(told[0].0.contains("5.4(4)-a") && told[0].1.contains("5.4(4)-a"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_whose_agency_is_suspended_does_not_find_out_by_a_release_what_was_concluded() {
    use Conclusion::{Lead, NoLead};
    let Some(court) = court().await else { return };
    let (mut requests, mut shown) = (Vec::new(), Vec::new());
    for (seed, conclusions) in [(3, [Lead, Lead]), (4, [NoLead, NoLead]), (5, [Lead, NoLead])] {
        let (request, _) = concluded(&court, seed, conclusions).await;
        shown.push(answer(&court, ASKER, &request, &[]).await);
        requests.push(request);
    }
    assert_ne!(shown[0], shown[1], "who asked may see it, and is told");

    let court = court
        .reopen(|registry| {
            registry.people.iter_mut().find(|p| p.id == ASKER).unwrap().agency = "oakland-so".to_owned();
        })
        .await;
    let mut told = Vec::new();
    for request in &requests {
        let view = court.casework.view(&court.who(ASKER).await, JURISDICTION, request).await;
        rejected(view, "is suspended since");
        told.push(answer(&court, ASKER, request, &[]).await);
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "agreed or not, it is the same to them: {told:?}");
    assert!(told[0].contains("5.5-c"), "{told:?}");
}
