//! Records that are sealed, unsealed and destroyed, over HTTP: which lists they are on, and with which results they leave.

use crate::common::life::{ELSEWHERE, FIRST, SUPERVISOR, denied, document, hand_over, out_of_place, outgoing};
use crate::common::{Court, MODEL, court, outcome, packed, template};
use integration_tests::Example;
use serde_json::{Value, json};

const REGISTRAR: &str = "detroit/r.tanaka";

/// A step about a record of Detroit's gallery, for a reason or none.
fn about(kind: &str, record: &str, reason: &str) -> Value {
    let answers = if reason.is_empty() { json!({}) } else { json!({"retention-reason": reason}) };
    json!({"kind": kind, "subject": "gallery-record", "gallery": "snap", "record": record, "answers": answers})
}

async fn retain(court: &Court, who: &str, body: &Value) -> (u16, Value) {
    let answer = court.client(who).post("/v1/detroit/retention", body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

/// The same by the registrar, who may.
async fn done(court: &Court, kind: &str, record: &str) -> Value {
    let (status, done) = retain(court, REGISTRAR, &about(kind, record, "by order of the court")).await;
    assert_eq!(status, 200, "{kind}: {done}");
    court.check_receipt("detroit", &done["receipt"]);
    done
}

/// Whether a record is on a list.
fn lists(answer: &Value, record: &str) -> bool {
    let candidates = answer["candidates"].as_array().unwrap();
    assert!(!candidates.is_empty(), "{answer}");
    candidates.iter().any(|c| c["record_id"] == record)
}

#[tokio::test]
async fn a_sealed_record_is_on_no_list_and_in_no_result_that_leaves() {
    let Some(court) = court().await else { return };
    let listed = court.signed(3).await;
    let (id, record) = (listed.id.as_str(), listed.records[0].as_str());
    for who in [FIRST, SUPERVISOR] {
        let (status, problem) = retain(&court, who, &about("seal", record, "by order of the court")).await;
        assert_eq!((status, outcome(&problem, "detroit", "7(4)")), (403, Some("violated")), "{who}: {problem}");
    }
    let (status, problem) = retain(&court, ELSEWHERE, &about("seal", record, "by order of the court")).await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:magistrate:problem:forbidden")), "{problem}");
    let (status, problem) = retain(&court, REGISTRAR, &about("seal", record, "")).await;
    assert_eq!((status, outcome(&problem, "detroit", "6.1(4)")), (409, Some("missing")), "{problem}");
    let mut dated = about("seal", record, "by order of the court");
    dated["day"] = json!("2026-03-01");
    for body in [dated, json!({"kind": "seal", "subject": "probe", "record": id})] {
        let (status, problem) = retain(&court, REGISTRAR, &body).await;
        assert_eq!(status, 422, "{body}: {problem}");
    }
    assert!(lists(&court.search("detroit", 3).await, record), "nothing came of any of these");

    let first = court.entries("detroit").await;
    assert!(done(&court, "seal", record).await["docket"]["sealed"].is_object());
    let entries = court.audit("detroit", first).await;
    let said = entries.iter().map(|e| &e["account"]["event"]).find(|e| e["change"] == "seal").unwrap();
    assert_eq!(said["record"]["record"], record, "with its reason on record: {said}");
    assert!(said.to_string().contains("by order of the court"));
    let (status, problem) = retain(&court, REGISTRAR, &about("seal", record, "again")).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("nothing to seal"), "{problem}");
    assert!(!lists(&court.search("detroit", 3).await, record));
    let release = outgoing(&listed.records[..1]);
    court.refuse(FIRST, id, "release", &release, denied("6.1(4)", "sealed")).await;
    assert!(!lists(&court.take(FIRST, id, "candidates", &json!({})).await, record));
    court.refuse(FIRST, id, "release", &release, out_of_place("is withheld")).await;

    done(&court, "unseal", record).await;
    assert!(lists(&court.search("detroit", 3).await, record), "there again");
    assert!(lists(&court.take(FIRST, id, "candidates", &json!({})).await, record));
    court.take(FIRST, id, "release", &release).await;
    document(&court.take(FIRST, id, "disseminations", &hand_over("pdf")).await);

    done(&court, "seal", record).await;
    court.refuse(FIRST, id, "disseminations", &hand_over("pdf"), denied("6.1(4)", "since its release")).await;
    done(&court, "unseal", record).await;
    document(&court.take(FIRST, id, "disseminations", &hand_over("html")).await);
}

#[tokio::test]
async fn a_report_outlives_its_record_and_goes_to_nobody_any_more() {
    let Some(court) = court().await else { return };
    let listed = court.signed(4).await;
    let (id, record) = (listed.id.as_str(), listed.records[0].as_str());
    let released = court.take(FIRST, id, "release", &outgoing(&listed.records[..1])).await;
    let report = released["documents"][0]["id"].as_str().unwrap();
    document(&court.take(FIRST, id, "disseminations", &hand_over("pdf")).await);

    let (status, noticed) = retain(&court, REGISTRAR, &about("notice", record, "")).await;
    assert_eq!(status, 200, "{noticed}");
    court.refuse(FIRST, id, "disseminations", &hand_over("pdf"), denied("6.1(4)", "since its release")).await;
    let first = court.entries("detroit").await;
    let purged = done(&court, "purge", record).await;
    assert_eq!(purged["left_in"], json!([{"subject": report, "record": id}]), "{purged}");
    let entries = court.audit("detroit", first).await;
    let said = entries.iter().map(|e| &e["account"]["event"]).find(|e| e["what"] == "purged").unwrap();
    assert_eq!(said["left_in"], purged["left_in"], "and on record");
    let gone = out_of_place("no longer in the gallery");
    court.refuse(FIRST, id, "disseminations", &hand_over("pdf"), gone).await;

    let body = json!({"kind": "purge", "subject": report, "record": id, "answers": {}});
    let (status, problem) = retain(&court, FIRST, &body).await;
    assert_eq!((status, outcome(&problem, "detroit", "7(4)")), (403, Some("violated")), "{problem}");
    let (status, purged) = retain(&court, "detroit/l.ortega", &body).await;
    assert_eq!(status, 200, "{purged}");
    assert!(purged.get("left_in").is_none() && purged["destroyed"].as_array().unwrap().len() == 2, "{purged}");
}

#[tokio::test]
async fn a_record_is_enrolled_sealed() {
    let Some(court) = court().await else { return };
    let example = Example::read("detroit").unwrap();
    let enroll = async |status: Value| {
        let record = json!({"id": "r0030", "template": packed(&template(30)), "booking": {}, "status": status});
        let body = json!({"model": MODEL, "answers": example.enroll, "records": [record]});
        let answer = court.client(REGISTRAR).post("/v1/detroit/galleries/snap/records", &body).await.unwrap();
        (answer.status.as_u16(), answer.json().unwrap())
    };
    for bad in [json!("notice-received"), json!("Sealed"), json!(""), json!(7)] {
        let (status, problem) = enroll(bad.clone()).await;
        assert_eq!(status, 422, "{bad}: {problem}");
    }
    let (status, enrolled) = enroll(json!("sealed")).await;
    assert_eq!(status, 200, "{enrolled}");
    assert!(!lists(&court.search("detroit", 30).await, "r0030"));
    done(&court, "unseal", "r0030").await;
    assert!(lists(&court.search("detroit", 30).await, "r0030"));
}
