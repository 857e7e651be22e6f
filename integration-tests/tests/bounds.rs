//! How many candidates a search returns, and whether their scores are shown: what is asked for, within what the policy bounds.

use crate::common::life::FIRST;
use crate::common::{Court, court, court_with_settings, path, request, searcher};
use serde_json::{Value, json};

/// Asks for so many candidates in one step.
async fn search(court: &Court, candidates: &Value) -> (u16, Value) {
    let body = json!({"request": request("detroit", 3), "candidates": candidates});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

/// How many are found where this is asked for, in one step and in two.
async fn found(court: &Court, candidates: Value) -> [usize; 2] {
    let count = |answer: &Value| answer["candidates"].as_array().unwrap().len();
    let (status, at_once) = search(court, &candidates).await;
    assert_eq!(status, 200, "{at_once}");
    assert_eq!(at_once["candidates"][0]["record_id"], "r0003", "the mate is first");
    let id = court.open(3).await;
    let apart = court.take(FIRST, &id, "search", &json!({"candidates": candidates})).await;
    let entries = court.entries_of(&id).await;
    let on_record = entries.iter().map(|e| &e["account"]["event"]).find(|e| e["what"] == "searched").unwrap();
    assert_eq!(on_record["found"].as_array().map(Vec::len), Some(count(&apart)), "nor was more looked for");
    [count(&at_once), count(&apart)]
}

#[tokio::test]
async fn what_is_asked_for_is_kept_within_the_policys_bounds() {
    let Some(court) = court().await else { return };
    assert!(court.enroll("detroit", 20..60).await.status.is_success());
    // The directive's bound is 50, and 20 are usual.
    for (asked, expected) in
        [(json!(80), 50), (json!(500), 50), (json!(50), 50), (json!(7), 7), (json!(1), 1), (json!(null), 20)]
    {
        assert_eq!(found(&court, asked.clone()).await, [expected; 2], "{asked} asked for");
    }

    // What nobody may ask for, whatever the policy, is no step.
    let id = court.open(4).await;
    let before = court.entries("detroit").await;
    let beyond = [json!(0), json!(501), json!(u32::MAX)].map(|beyond| (beyond, "ask for 1 to 500"));
    let unreadable = [json!(u64::MAX), json!(-1), json!("5"), json!(1.5)].map(|unreadable| (unreadable, ""));
    for (asked, says) in beyond.into_iter().chain(unreadable) {
        let (status, problem) = search(&court, &asked).await;
        assert_eq!(status, 422, "{asked}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{asked}: {problem}");
        let (status, problem) = court.step(FIRST, &id, "search", &json!({"candidates": asked})).await;
        assert_eq!(status, 422, "{asked}: {problem}");
    }
    assert_eq!(court.entries("detroit").await, before, "nothing is on record");
    assert_eq!(court.seen(&id).await["state"], "open");
}

#[tokio::test]
async fn a_policy_that_wants_more_candidates_than_are_asked_for_gets_them() {
    let settings = "candidates-at-least = 5\ncandidates-usual = 8\ncandidates-at-most = 10";
    let Some(court) = court_with_settings("detroit", settings) else { return };
    assert!(court.enroll("detroit", 0..6).await.status.is_success());
    for asked in [json!(8), json!(10), json!(80), json!(null)] {
        assert_eq!(found(&court, asked.clone()).await, [6; 2], "all there are, {asked} asked for");
    }
    assert!(court.enroll("detroit", 6..20).await.status.is_success());
    for (asked, expected) in [(json!(1), 5), (json!(5), 5), (json!(9), 9), (json!(80), 10), (json!(null), 8)] {
        assert_eq!(found(&court, asked.clone()).await, [expected; 2], "{asked} asked for");
    }
}

#[tokio::test]
async fn scores_that_a_policy_hides_are_in_no_answer() {
    let Some(court) = court_with_settings("detroit", "hide-scores = true") else { return };
    for jurisdiction in ["detroit", "st-louis"] {
        assert!(court.enroll(jurisdiction, 0..20).await.status.is_success());
    }
    let scored = |answer: &Value| {
        let candidates = answer["candidates"].as_array().unwrap();
        assert!(candidates.len() >= 3, "{answer}");
        candidates.iter().filter(|c| c.get("score").is_some()).count()
    };
    let at_once = court.search("detroit", 7).await;
    assert_eq!((&at_once["candidates"][0]["record_id"], scored(&at_once)), (&json!("r0007"), 0), "{at_once}");
    let id = court.open(8).await;
    let apart = court.take(FIRST, &id, "search", &json!({"candidates": 3})).await;
    assert_eq!((&apart["candidates"][0]["record_id"], scored(&apart)), (&json!("r0008"), 0), "{apart}");
    let again = court.take(FIRST, &id, "candidates", &json!({})).await;
    assert_eq!(scored(&again), 0, "{again}");

    let shown = court.search("st-louis", 7).await;
    assert_eq!(scored(&shown), shown["candidates"].as_array().unwrap().len(), "where none hides them, all are shown");
}
