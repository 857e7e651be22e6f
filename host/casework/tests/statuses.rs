//! What a record's status does before the shipped policy: at its enrolment, when it is sealed and unsealed, and to results that
//! hold it.

use crate::common::{
    Court, FIRST, GALLERY, JURISDICTION, against, agree, answers, batch, court, demanding, intake, misstep, outgoing,
    record, text,
};
use casework::retention::{Asking, Change, Done, GALLERY_RECORD};
use casework::search_step::Plan;
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::account::Retained;
use model::rulings::Duty;
use std::collections::BTreeMap;

const REGISTRAR: &str = "r.tanaka";
const OFFICER: &str = "l.ortega";
const ORDER: &str = "order of the Wayne County Circuit Court, 26-004711";

fn of_gallery(record: &str) -> Retained {
    Retained { subject: GALLERY_RECORD.to_owned(), gallery: Some(GALLERY.to_owned()), record: record.to_owned() }
}

async fn step(court: &Court, who: &str, change: Change, record: Retained, why: &str) -> Result<Done, CaseError> {
    let answers = if why.is_empty() { BTreeMap::new() } else { answers([("retention-reason", text(why))]) };
    let asking = Asking { change, record, day: None, answers };
    court.casework.retention(&court.who(who).await, JURISDICTION, asking).await
}

async fn seal(court: &Court, record: &str) -> Done {
    step(court, REGISTRAR, Change::Seal, of_gallery(record), ORDER).await.unwrap()
}

async fn unseal(court: &Court, record: &str) -> Done {
    step(court, REGISTRAR, Change::Unseal, of_gallery(record), "the order was vacated").await.unwrap()
}

/// How many records have this status.
async fn with_status(court: &Court, status: &str, seed: usize) -> u64 {
    let filter = serde_json::from_str(&format!(r#"{{"status":{{"one_of":["{status}"]}}}}"#)).unwrap();
    let plan = Plan { filter, ..Plan::default() };
    let actor = court.who(FIRST).await;
    court.casework.search_now(&actor, JURISDICTION, intake(seed), plan).await.unwrap().1.rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_record_is_on_no_list_and_leaves_with_no_result_until_it_is_unsealed() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let sealed = &records[0];
    for who in [FIRST, OFFICER] {
        let cited = against(step(&court, who, Change::Seal, of_gallery(sealed), ORDER).await);
        assert!(cited.contains(&"7(4)".to_owned()), "{who}: {cited:?}");
    }
    let cited = against(step(&court, REGISTRAR, Change::Seal, of_gallery(sealed), "").await);
    assert_eq!(cited, ["6.1(4)"], "for a reason");
    let dockets = court.casework.dockets(JURISDICTION).await.unwrap();
    assert!(!dockets.iter().any(|l| l.docket.record.subject == GALLERY_RECORD), "nothing came of any of these");
    assert!(court.searched(3, 3).await.1.contains(sealed));

    let done = seal(&court, sealed).await;
    assert!(!done.pending && done.docket.sealed.is_some());
    assert_eq!(done.docket.under_seal.as_deref(), Some("active"));
    let (_, listed) = court.searched(3, 3).await;
    assert!(!listed.is_empty() && !listed.contains(sealed), "withheld: {listed:?}");
    assert_eq!(against(court.release(FIRST, &request, outgoing(&records[..1])).await), ["6.1(4)"]);
    assert!(!court.look(FIRST, &request).await.unwrap().contains(sealed), "nor is it shown again");
    let withheld = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(withheld, Misstep::Withheld { .. }), "{withheld}");
    let again = misstep(step(&court, REGISTRAR, Change::Seal, of_gallery(sealed), ORDER).await.map(drop));
    assert!(matches!(again, Misstep::Sealed { .. }), "{again}");

    let cited = against(step(&court, FIRST, Change::Unseal, of_gallery(sealed), "I need it").await);
    assert!(cited.contains(&"7(4)".to_owned()), "{cited:?}");
    let done = unseal(&court, sealed).await;
    assert_eq!((done.docket.sealed, done.docket.under_seal), (None, None));
    assert!(court.searched(3, 3).await.1.contains(sealed));
    assert!(court.look(FIRST, &request).await.unwrap().contains(sealed));
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("it is in use again");
    let again = step(&court, REGISTRAR, Change::Unseal, of_gallery(sealed), "once more").await.map(drop);
    let again = misstep(again);
    assert!(matches!(&again, Misstep::NotSealed { status, .. } if status == "active"), "{again}");
    let nobody = step(&court, REGISTRAR, Change::Seal, of_gallery("nobody"), ORDER).await;
    assert!(matches!(nobody, Err(CaseError::Unknown { .. })));
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_handed_over_only_while_its_records_may_be_seen() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let (other, others) = court.signed(3).await;
    assert_eq!(records[0], others[0], "two results with the same record");
    let mut documents = Vec::new();
    for request in [&request, &other] {
        let released = court.release(FIRST, request, outgoing(&records[..1])).await.unwrap();
        documents.extend(released.documents.into_iter().map(|d| d.id));
    }
    court.hand_over(FIRST, &request).await.unwrap();

    seal(&court, &records[0]).await;
    assert_eq!(against(court.hand_over(FIRST, &request).await), ["6.1(4)"]);
    court.look(FIRST, &request).await.unwrap();
    let withheld = misstep(court.hand_over(FIRST, &request).await);
    assert!(matches!(withheld, Misstep::WithheldSince { .. }), "{withheld}");
    assert_eq!(demanding(&withheld), ["6.1(4)"]);
    unseal(&court, &records[0]).await;
    assert!(matches!(misstep(court.hand_over(FIRST, &request).await), Misstep::WithheldSince { .. }));
    court.look(FIRST, &request).await.unwrap();
    court.hand_over(FIRST, &request).await.expect("whoever looked has seen that it is in use");
    assert_eq!(court.on_record(&request, "disseminated").await, 2);

    let of_request = |request: &str, document: &str| Retained {
        subject: document.to_owned(),
        gallery: None,
        record: request.to_owned(),
    };
    let cited = against(step(&court, FIRST, Change::Purge, of_request(&other, &documents[1]), "").await);
    assert!(cited.contains(&"7(4)".to_owned()), "{cited:?}");
    step(&court, OFFICER, Change::Purge, of_request(&other, &documents[1]), "").await.unwrap();
    let done = step(&court, REGISTRAR, Change::Purge, of_gallery(&records[0]), "").await.unwrap();
    assert_eq!(done.left_in, [of_request(&request, &documents[0])], "the other one is gone");
    let owed = court.casework.obligations(JURISDICTION).await.unwrap();
    let about =
        |duty: &Duty| matches!(duty, Duty::Task(rule) if rule.owner == "laso" && rule.about.contains("reports"));
    assert_eq!(owed.iter().filter(|o| about(&o.duty)).count(), 1, "somebody has to see to it");
    let gone = misstep(court.hand_over(FIRST, &request).await);
    assert_eq!(gone, Misstep::Outlived);
    assert!(!gone.to_string().contains(&records[0]), "whoever asks may not have opened the list");
    assert_eq!(court.on_record(&request, "disseminated").await, 2);
    step(&court, OFFICER, Change::Purge, of_request(&request, &documents[0]), "").await.unwrap();
    assert!(matches!(misstep(court.hand_over(FIRST, &request).await), Misstep::Purged { .. }));
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_enrolled_under_its_status_and_keeps_it() {
    let Some(court) = court().await else { return };
    let registrar = court.who(REGISTRAR).await;
    let size = || court.casework.chamber(JURISDICTION).unwrap().log().size();
    let before = size();
    for bad in ["", " ", "Sealed", "sealed ", "no\nword", "notice-received", &"s".repeat(65)] {
        let mut batch = batch(20..22);
        batch.records[1].status = Some(bad.to_owned());
        let refused = court.casework.enroll(&registrar, JURISDICTION, GALLERY, batch).await.map(drop);
        assert!(matches!(refused, Err(CaseError::Invalid(_))), "`{bad}`: {refused:?}");
    }
    assert_eq!(size(), before, "nothing was decided");

    let mut new = batch(20..23);
    for (record, status) in new.records.iter_mut().zip(["sealed", "juvenile"]) {
        record.status = Some(status.to_owned());
    }
    court.casework.enroll(&registrar, JURISDICTION, GALLERY, new).await.unwrap();
    let auditor = court.who("a.feld").await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, before, size() - before).await.unwrap();
    let told = seen.iter().filter_map(|s| s.account.as_ref());
    let told: Vec<_> = told.map(|a| serde_json::to_value(&a.event).unwrap()).collect();
    let enrolled = told.iter().find(|e| e["what"] == "enrolled").unwrap();
    assert_eq!(enrolled["statuses"], serde_json::json!({"r0020": "sealed", "r0021": "juvenile"}));
    let decided = told.iter().find(|e| e["what"] == "decision").unwrap();
    let statuses = &decided["matters"][0]["step"]["enroll"]["statuses"];
    assert_eq!(*statuses, serde_json::json!(["active", "juvenile", "sealed"]));
    let listed = async |seed: usize| court.searched(seed, 3).await.1.contains(&record(seed));
    assert_eq!((listed(20).await, listed(21).await, listed(22).await), (false, false, true));

    // A notice has no record shown that was not.
    step(&court, REGISTRAR, Change::Notice, of_gallery(&record(21)), "").await.unwrap();
    assert_eq!((with_status(&court, "juvenile", 5).await, with_status(&court, "notice-received", 6).await), (1, 0));
    seal(&court, &record(21)).await;
    assert_eq!((with_status(&court, "juvenile", 7).await, with_status(&court, "sealed", 8).await), (0, 2));
    unseal(&court, &record(21)).await;
    assert_eq!(with_status(&court, "juvenile", 9).await, 1, "what it was");
    unseal(&court, &record(20)).await;
    assert_eq!((with_status(&court, "sealed", 10).await, listed(20).await), (0, true));

    // One in use that is given up while it is sealed is not in use again.
    seal(&court, &record(22)).await;
    step(&court, REGISTRAR, Change::Notice, of_gallery(&record(22)), "").await.unwrap();
    assert_eq!(with_status(&court, "sealed", 11).await, 1);
    unseal(&court, &record(22)).await;
    assert_eq!((with_status(&court, "notice-received", 12).await, listed(22).await), (1, false));
    agree(&court.casework).await;
}
