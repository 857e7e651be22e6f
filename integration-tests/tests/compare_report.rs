//! A request whose directive demands one report, and nobody's second signature: from its list to the report that is handed
//! over, and to what becomes of the report.

use crate::common::life::{court_with_faces, dispositions, document, photographs_in_pdf, said};
use crate::common::{Court, court, outcome, path, request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration_tests::Example;
use serde_json::{Value, json};

const ANALYST: &str = "st-louis/r.abara";
const DETECTIVE: &str = "st-louis/d.reyes";
const ADMINISTRATOR: &str = "st-louis/s.okafor";

/// The document of C.4, and the statement that it carries.
const REPORT: &str = "facial-recognition-image-compare-report";
const NOTE: &str = "C.4-NOTE";

/// Asks for a step of a request; what is refused has to be on record.
async fn step(court: &Court, who: &str, request: &str, step: &str, body: &Value) -> (u16, Value) {
    let before = court.entries("st-louis").await;
    let path = format!("/v1/st-louis/requests/{request}/{step}");
    let answer = court.client(who).post(&path, body).await.unwrap();
    assert!(court.entries("st-louis").await > before, "{step} {body} is on record");
    (answer.status.as_u16(), answer.json().unwrap())
}

async fn take(court: &Court, who: &str, request: &str, named: &str, body: &Value) -> Value {
    let (status, answer) = step(court, who, request, named, body).await;
    assert_eq!(status, 200, "{who}, {named}: {answer}");
    court.check_receipt("st-louis", &answer["receipt"]);
    answer
}

async fn refuse(court: &Court, who: &str, request: &str, named: &str, body: &Value, fared: (&str, &str)) {
    let (status, problem) = step(court, who, request, named, body).await;
    assert!(status == 403 || status == 409, "{who}, {named} {body}: {problem}");
    assert_eq!(outcome(&problem, "st-louis", fared.0), Some(fared.1), "{who}, {named} {body}: {problem}");
    assert!(problem.get("document").is_none());
}

fn hand_over(recipient: &str, agency: &str, purpose: &str) -> Value {
    json!({
        "channel": "console", "recipient": recipient, "recipient_agency": agency, "purpose": purpose, "form": "html",
    })
}

/// What the request's obligations say of a clause: the kinds of duty, and whose they are.
async fn owed(court: &Court, request: &str, clause: &str) -> Vec<(String, Value)> {
    let path = format!("/v1/st-louis/requests/{request}");
    let seen = court.client(ANALYST).get(&path).await.unwrap().json().unwrap();
    let all = seen["obligations"].as_array().unwrap().iter().filter(|o| o["clause"] == clause);
    let kind = |o: &Value| o["duty"].as_object().map_or_else(String::new, |d| d.keys().cloned().collect());
    all.map(|o| (kind(o), o["owner"].clone())).collect()
}

/// A request that was searched, judged and released.
async fn released(court: &Court, seed: usize) -> (String, Vec<String>) {
    let found = court.search("st-louis", seed).await;
    let id = found["request"].as_str().unwrap().to_owned();
    let records = found["candidates"].as_array().unwrap().iter();
    let records: Vec<_> = records.map(|c| c["record_id"].as_str().unwrap().to_owned()).collect();
    take(court, ANALYST, &id, "dispositions", &dispositions(&records, true)).await;
    let out = json!({"candidates": [records[0]], "reasoning": "the ears and the nose bridge agree"});
    let done = take(court, ANALYST, &id, "release", &out).await;
    assert_eq!(done["documents"][0]["id"], REPORT, "{done}");
    (id, records)
}

async fn purge(court: &Court, request: &str) -> (u16, Value) {
    let body = json!({"kind": "purge", "subject": REPORT, "record": request});
    let answer = court.client(ADMINISTRATOR).post("/v1/st-louis/retention", &body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

#[tokio::test]
async fn the_center_draws_one_report_up_and_it_carries_its_note() {
    let Some(court) = court().await else { return };
    let found = court.search("st-louis", 7).await;
    let id = found["request"].as_str().unwrap().to_owned();
    let records: Vec<_> =
        found["candidates"].as_array().unwrap().iter().map(|c| c["record_id"].as_str().unwrap().to_owned()).collect();
    let all = dispositions(&records, true);
    for (step, body) in [("candidates", json!({})), ("dispositions", all.clone())] {
        refuse(&court, DETECTIVE, &id, step, &body, ("A.3-a", "violated")).await;
    }
    // Whoever says so, and whenever: what solely concerns protected speech goes no further.
    let mut protected = all.clone();
    protected["answers"] = json!({"protected-sole": true});
    refuse(&court, ANALYST, &id, "dispositions", &protected, ("B.3", "violated")).await;
    let silent = json!({"dispositions": [{"record_id": records[0], "likeness": "possible"}]});
    refuse(&court, ANALYST, &id, "dispositions", &silent, ("C.4", "missing")).await;
    let one = json!({"dispositions": [said(&records[0], "possible")]});
    take(&court, ANALYST, &id, "dispositions", &one).await;
    let out = json!({"candidates": [records[0]], "reasoning": "the ears and the nose bridge agree"});
    let (status, problem) = step(&court, ANALYST, &id, "release", &out).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("each needs one"), "{problem}");
    take(&court, ANALYST, &id, "dispositions", &all).await;

    refuse(&court, DETECTIVE, &id, "release", &out, ("C.4", "violated")).await;
    let mut bare = out.clone();
    bare["statements"] = json!([]);
    let (status, problem) = step(&court, ANALYST, &id, "release", &bare).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("left out"), "{problem}");
    let mut altered = out.clone();
    altered["statements"] = json!([{"id": NOTE, "text": "It is only a lead."}]);
    let (status, problem) = step(&court, ANALYST, &id, "release", &altered).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("word for word"), "{problem}");
    let (status, problem) = step(&court, ANALYST, &id, "disseminations", &hand_over("d.reyes", "slmpd", "crime")).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("release it first"), "{problem}");
    take(&court, ANALYST, &id, "release", &out).await;

    let stranger = hand_over("a.reporter", "newspaper", "crime");
    refuse(&court, ANALYST, &id, "disseminations", &stranger, ("C.1-a", "missing")).await;
    refuse(&court, ANALYST, &id, "disseminations", &hand_over("d.reyes", "slmpd", " "), ("B.1", "missing")).await;
    let handed = take(&court, ANALYST, &id, "disseminations", &hand_over("d.reyes", "slmpd", "crime")).await;
    let text = String::from_utf8(document(&handed)).unwrap();
    let charter = court.client(ANALYST).get("/v1/st-louis/charter").await.unwrap().json().unwrap();
    let statement = |id: &str| {
        let all = charter["statements"].as_array().unwrap();
        all.iter().find(|s| s["id"] == id).unwrap()["text"].as_str().unwrap()
    };
    for part in [NOTE, "A.2-a", "A.2-b"].map(statement) {
        assert!(text.contains(part), "the report says `{part}`");
    }
    for part in [records[0].as_str(), "Facial Recognition Image Compare Report"] {
        assert!(text.contains(part), "the report says `{part}`");
    }
    assert!(records[1..].iter().all(|r| !text.contains(r)), "the report is no list");
}

#[tokio::test]
async fn a_report_that_identified_somebody_is_evidence_and_one_that_did_not_is_not() {
    let Some(court) = court().await else { return };
    let (evidence, _) = released(&court, 5).await;
    let (other, _) = released(&court, 6).await;
    let of = |identified: bool| json!({"answers": {"positive-identification": identified}});
    refuse(&court, ANALYST, &evidence, "outcome", &json!({}), ("C.5", "missing")).await;
    take(&court, DETECTIVE, &evidence, "outcome", &of(true)).await;
    take(&court, DETECTIVE, &other, "outcome", &of(false)).await;

    let seized = owed(&court, &evidence, "C.5").await;
    assert!(seized.iter().any(|(kind, _)| kind == "hold"), "{seized:?}");
    assert!(seized.iter().any(|(kind, owner)| kind == "task" && *owner == "smrt-administrator"), "{seized:?}");
    assert_eq!(owed(&court, &evidence, "C.6").await, [("task".to_owned(), json!("detective"))]);
    for clause in ["C.5", "C.6"] {
        assert!(owed(&court, &other, clause).await.is_empty(), "nobody was identified");
    }

    let (status, problem) = purge(&court, &evidence).await;
    assert_eq!((status, outcome(&problem, "st-louis", "C.5")), (403, Some("violated")), "{problem}");
    let (status, done) = purge(&court, &other).await;
    assert_eq!(status, 200, "what is no evidence may go: {done}");
    let lifted = json!({
        "kind": "lift", "subject": REPORT, "record": evidence, "answers": {"decision-reasons": "the case is closed"},
    });
    let answer = court.client(ADMINISTRATOR).post("/v1/st-louis/retention", &lifted).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(purge(&court, &evidence).await.0, 200, "and neither is what is held no longer");
}

#[tokio::test]
async fn a_use_that_the_order_does_not_list_is_flagged_where_it_is_asked_for_and_where_the_report_goes() {
    let Some(court) = court().await else { return };
    let (id, _) = released(&court, 8).await;
    take(&court, ANALYST, &id, "disseminations", &hand_over("d.reyes", "slmpd", "crime")).await;
    assert!(owed(&court, &id, "B.2").await.is_empty(), "crime is listed");
    take(&court, ANALYST, &id, "disseminations", &hand_over("d.reyes", "slmpd", "staff training")).await;
    let flagged = owed(&court, &id, "B.2").await;
    assert_eq!(flagged.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["flag"]);
    let mut asked = request("st-louis", 9);
    asked["purpose"] = json!("other");
    asked["answers"]["narrative"] = json!("identify a decedent");
    let opened = court.client(ANALYST).post("/v1/st-louis/requests", &asked).await.unwrap().json().unwrap();
    let flagged = owed(&court, opened["request"].as_str().unwrap(), "B.2").await;
    assert_eq!(flagged.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["flag"], "{opened}");
    let after = json!({"dispositions": [said("r0008", "excluded")]});
    let (status, problem) = step(&court, ANALYST, &id, "dispositions", &after).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("open a new request"), "{problem}");
}

#[tokio::test]
async fn the_report_shows_probe_and_candidate_side_by_side() {
    let Some((court, photographs)) = court_with_faces(&["obama-1.jpg"]).await else { return };
    let image = |name: &str| json!(BASE64_STANDARD.encode(std::fs::read(photographs.join(name)).unwrap()));
    let example = Example::read("st-louis").unwrap();
    let record = |id: &str| {
        let booking = json!({"name": format!("Booked as {id}"), "booking-number": "B-1"});
        json!({"id": id, "image": image(&format!("{id}.jpg")), "booking": booking})
    };
    let body = json!({"answers": example.enroll, "records": [record("biden-1"), record("obama-1")]});
    let records = format!("/v1/st-louis/galleries/{}/records", example.gallery);
    let answer = court.client(&format!("st-louis/{}", example.registrar)).post(&records, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));

    let mut request = example.request(&toml::Table::new(), &[]).unwrap();
    request["probe"]["image"] = image("biden-2.jpg");
    let found = court.client(ANALYST).post(&path("st-louis"), &json!({"request": request})).await.unwrap();
    let found = found.json().unwrap();
    let id = found["request"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned();
    let list = found["candidates"].as_array().unwrap().iter();
    let list: Vec<_> = list.map(|c| c["record_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(list, ["biden-1", "obama-1"]);
    take(&court, ANALYST, &id, "dispositions", &dispositions(&list, true)).await;
    let out = json!({"candidates": [list[0]], "reasoning": "the ears and the nose bridge agree"});
    take(&court, ANALYST, &id, "release", &out).await;

    let mut hand_over = hand_over("d.reyes", "slmpd", "crime");
    let handed = take(&court, ANALYST, &id, "disseminations", &hand_over).await;
    let text = String::from_utf8(document(&handed)).unwrap();
    assert_eq!(text.matches("src=\"data:image/").count(), 2, "the probe and one candidate");
    assert!(text.contains("biden-1") && !text.contains("obama"));
    hand_over["form"] = json!("pdf");
    let handed = take(&court, ANALYST, &id, "disseminations", &hand_over).await;
    assert_eq!(photographs_in_pdf(&document(&handed)), 2, "the same two");
}
