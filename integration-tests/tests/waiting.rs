//! Steps that are permitted and wait for an approval, over HTTP: with the shipped Detroit policy, whose supervisors confirm that
//! a crime is one of those that the directive means (2.7).

use crate::common::life::{ASKER, FIRST, SECOND, SUPERVISOR, denied, forbidden, number, out_of_place, signing};
use crate::common::{Court, court, path, request};
use serde_json::{Value, json};

/// A crime that the directive does not name itself.
const TABLED: &str = "carjacking";

/// A request with a case number of its own, about this crime.
fn about(crime: &str, seed: usize) -> Value {
    let mut request = request("detroit", seed);
    request["identifiers"][0]["value"] = json!(number(seed));
    request["answers"]["crime"] = json!(crime);
    request
}

fn approval() -> Value {
    signing("ciu-supervisor", "approved")
}

/// Nothing was searched, nobody has seen anything, and whoever looks reads that it waits.
async fn stands_open(court: &Court, id: &str) {
    let seen = court.seen(id).await;
    assert_eq!((&seen["state"], &seen["next"]), (&json!("open"), &json!("waits for approval")), "{seen}");
    assert!(seen["searched"].is_null() && seen["opened_by"] == json!([]), "{seen}");
    assert_eq!(seen["waits_for"][0]["clause"], "2.7", "{seen}");
    let listed = court.client(FIRST).get("/v1/detroit/requests").await.unwrap().json().unwrap();
    let listed = listed["requests"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    assert_eq!(listed["next"], "waits for approval", "{listed}");
    let events = court.entries_of(id).await;
    assert!(events.iter().all(|e| e["account"]["event"]["what"] != "searched"), "nothing was searched");
    assert!(events.iter().all(|e| e["leaf"]["phase"] != "candidates"), "nobody was shown anything");
}

/// Every intent but that of a list that was shown has its outcome on record.
async fn is_whole(court: &Court, id: &str) {
    let entries = court.entries_of(id).await;
    let of_kind = |kind: &'static str| entries.iter().map(|e| &e["leaf"]).filter(move |leaf| leaf["kind"] == kind);
    for intent in of_kind("intent").filter(|leaf| leaf["phase"] != "candidates") {
        assert_eq!(of_kind("outcome").filter(|leaf| leaf["of"] == intent["id"]).count(), 1, "{intent}");
    }
}

#[tokio::test]
async fn a_search_in_one_step_waits_for_the_approval_of_its_request() {
    let Some(mut court) = court().await else { return };
    let body = json!({"request": about(TABLED, 7), "candidates": 3});
    let answer = court.client(FIRST).post(&path("detroit"), &body).await.unwrap();
    let waits = answer.json().unwrap();
    assert_eq!((answer.status.as_u16(), answer.content_type.as_str()), (202, "application/json"), "{waits}");
    assert_eq!(waits["verdict"], "permit", "{waits}");
    assert!(waits.get("candidates").is_none() && waits.get("search").is_none(), "{waits}");
    assert_eq!(waits["waits_for"].as_array().map(Vec::len), Some(1), "{waits}");
    let awaited = &waits["waits_for"][0];
    assert_eq!((&awaited["jurisdiction"], &awaited["clause"]), (&json!("detroit"), &json!("2.7")), "{waits}");
    let rule = &awaited["duty"]["approve"];
    assert_eq!((&rule["role"], &rule["persons"]), (&json!("ciu-supervisor"), &json!(1)), "{waits}");
    court.check_receipt("detroit", &waits["receipt"]);
    let id = waits["request"].as_str().unwrap();
    stands_open(&court, id).await;

    assert_eq!(court.wait(SECOND, id, "search", &json!({})).await, *awaited, "by whomever it is taken");
    let unlisted = |clause| out_of_place("search, and open the list, first").under(clause);
    court.refuse(FIRST, id, "candidates", &json!({}), unlisted("5.4(2)-a")).await;
    court.refuse(FIRST, id, "release", &json!({"candidates": ["r0007"]}), unlisted("5.4(4)-a")).await;
    for who in [FIRST, ASKER] {
        let not_theirs = forbidden("sign in a role that you hold").under("2.7");
        court.refuse(who, id, "sign-offs", &approval(), not_theirs).await;
    }
    stands_open(&court, id).await;

    court.take(SUPERVISOR, id, "sign-offs", &approval()).await;
    let again = out_of_place("have another person sign").under("2.7");
    court.refuse(SUPERVISOR, id, "sign-offs", &approval(), again).await;
    let found = court.take(FIRST, id, "search", &json!({"candidates": 3})).await;
    assert_eq!(found["candidates"][0]["record_id"], "r0007", "{found}");
    let seen = court.seen(id).await;
    assert_eq!((&seen["state"], &seen["waits_for"]), (&json!("listed"), &json!([])), "{seen}");
    is_whole(&court, id).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn the_request_apart_is_opened_and_says_what_its_search_waits_for() {
    let Some(mut court) = court().await else { return };
    let answer = court.client(FIRST).post("/v1/detroit/requests", &about(TABLED, 8)).await.unwrap();
    let opened = answer.json().unwrap();
    assert_eq!(answer.status, 200, "it is open: {opened}");
    assert_eq!(opened["waits_for"][0]["clause"], "2.7", "{opened}");
    let id = opened["request"].as_str().unwrap();
    stands_open(&court, id).await;
    court.wait(FIRST, id, "search", &json!({})).await;
    court.take(SUPERVISOR, id, "sign-offs", &approval()).await;
    assert_eq!(court.take(FIRST, id, "search", &json!({})).await["candidates"][0]["record_id"], "r0008");

    let answer = court.client(FIRST).post("/v1/detroit/requests", &about("robbery", 8)).await.unwrap();
    let opened = answer.json().unwrap();
    assert!(answer.status == 200 && opened.get("waits_for").is_none(), "{opened}");
    court.take(FIRST, opened["request"].as_str().unwrap(), "search", &json!({})).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn what_the_search_alone_demands_holds_it_back_too() {
    let Some(mut court) = court().await else { return };
    let id = court.open_as(FIRST, &about("robbery", 9)).await;
    let graver = json!({"candidates": 3, "answers": {"crime": TABLED}});
    let awaited = court.wait(FIRST, &id, "search", &graver).await;
    assert_eq!(awaited["clause"], "2.7");
    stands_open(&court, &id).await;
    court.wait(FIRST, &id, "search", &json!({"candidates": 3})).await;
    court.take(SUPERVISOR, &id, "sign-offs", &approval()).await;
    assert_eq!(court.take(FIRST, &id, "search", &graver).await["candidates"][0]["record_id"], "r0009");

    // The list stands, and is looked at again without another approval.
    court.take(SECOND, &id, "candidates", &json!({})).await;
    is_whole(&court, &id).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn what_a_supervisor_refuses_is_not_searched() {
    let Some(mut court) = court().await else { return };
    let id = court.open_as(FIRST, &about(TABLED, 10)).await;
    court.wait(FIRST, &id, "search", &json!({})).await;
    let reason = "the vehicle was not taken by force";
    let mut refusal = signing("ciu-supervisor", "refused");
    (refusal["reason"], refusal["answers"]) = (json!(reason), json!({"refusal-reason": reason}));
    court.take(SUPERVISOR, &id, "sign-offs", &refusal).await;
    court.refuse(FIRST, &id, "search", &json!({}), denied("2.7", "refused to confirm")).await;
    let events = court.entries_of(&id).await;
    assert!(events.iter().all(|e| e["account"]["event"]["what"] != "searched"));
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
