//! A search from client certificate to candidate list, and every way it is refused.

use crate::common::{court, outcome, path, request, searcher, template};
use serde_json::{Value, json};

#[tokio::test]
async fn a_permitted_search_finds_the_mate_and_leaves_a_receipt() {
    let Some(court) = court().await else { return };
    for jurisdiction in ["detroit", "st-louis"] {
        let before = court.entries(jurisdiction).await;
        let answer = court.search(jurisdiction, 7).await;
        assert_eq!(answer["verdict"], "permit");
        let candidates = answer["candidates"].as_array().unwrap();
        assert_eq!(candidates[0]["record_id"], "r0007");
        assert_eq!(candidates[0]["booking"]["name"], "Person 7");
        for candidate in candidates {
            // Keys and values both: a candidate is a lead, and nothing beside its name says more.
            let told = candidate.to_string().to_lowercase();
            assert!(!told.contains("match"), "{told}");
        }
        let ranks: Vec<_> = candidates.iter().map(|c| c["rank"].as_u64().unwrap()).collect();
        assert_eq!(ranks, (1..=candidates.len() as u64).collect::<Vec<_>>());
        assert_eq!(answer["rows_compared"], 20);
        assert!(!answer["statements"].as_array().unwrap().is_empty(), "a result carries its statement");
        assert!(!answer["obligations"].as_array().unwrap().is_empty());
        court.check_receipt(jurisdiction, &answer["receipt"]);
        // Intent and outcome of request and search, and the decision to show.
        assert_eq!(court.entries(jurisdiction).await, before + 5);
    }
    let mut court = court;
    court.deployment.stop().unwrap();
    let verified = court.deployment.verify().unwrap();
    assert_eq!(verified.lines().count(), 2, "{verified}");
}

#[tokio::test]
async fn the_steps_apart_come_to_the_same() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    let opened = client.post("/v1/detroit/requests", &request("detroit", 3)).await.unwrap().json().unwrap();
    assert_eq!(opened["verdict"], "permit", "{opened}");
    court.check_receipt("detroit", &opened["receipt"]);
    let path = format!("/v1/detroit/requests/{}/search", opened["request"].as_str().unwrap());
    let answer = client.post(&path, &json!({"candidates": 5})).await.unwrap().json().unwrap();
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(5), "{answer}");
    assert_eq!(answer["candidates"][0]["record_id"], "r0003");
}

/// What differs, who asks, at whose gallery, the status, and a clause with its outcome.
type Refusal = (&'static str, Value, &'static str, u16, &'static str, &'static str);

#[tokio::test]
async fn refusals_name_the_clause_and_are_on_record() {
    let Some(court) = court().await else { return };
    let refusals: [Refusal; 7] = [
        ("detroit/m.whitfield", json!({"answers": {"crime": "larceny"}}), "detroit", 403, "5.2", "violated"),
        ("detroit/m.whitfield", json!({"probe": {"media": "video"}}), "detroit", 403, "3.2", "violated"),
        ("detroit/m.whitfield", json!({"identifiers": []}), "detroit", 409, "5.4(1)-a", "missing"),
        ("detroit/e.voss", json!({}), "detroit", 403, "2.3-a", "violated"),
        ("st-louis/r.abara", json!({"reason": " "}), "st-louis", 409, "E.2.c", "missing"),
        ("st-louis/r.abara", json!({"automated": true}), "st-louis", 403, "B.4-a", "violated"),
        (
            "st-louis/r.abara",
            json!({"answers": {"protected-involved": true, "protected-sole": true}}),
            "st-louis",
            403,
            "B.3",
            "violated",
        ),
    ];
    for (who, differs, at, status, clause, expected) in refusals {
        let before = court.entries(at).await;
        let mut request = request(at, 1);
        merge(&mut request, &differs);
        let answer = court.client(who).post(&path(at), &json!({"request": request})).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, status, "{differs}: {problem}");
        assert_eq!(answer.content_type, "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(outcome(&problem, at, clause), Some(expected), "{differs}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(clause), "{problem}");
        assert!(problem.get("candidates").is_none());
        court.check_receipt(at, &problem["receipt"]);
        assert!(court.entries(at).await > before, "a refusal is on record");
    }
}

#[tokio::test]
async fn the_home_policy_follows_its_people_to_another_gallery() {
    let Some(court) = court().await else { return };
    let mut shoplifting = request("st-louis", 1);
    merge(&mut shoplifting, &json!({"answers": {"crime": "shoplifting"}}));
    shoplifting.as_object_mut().unwrap().remove("requester");
    let (home, owner) = (court.entries("detroit").await, court.entries("st-louis").await);
    let answer =
        court.client("detroit/h.dawson").post(&path("st-louis"), &json!({"request": shoplifting})).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert_eq!(outcome(&problem, "detroit", "5.2"), Some("violated"), "{problem}");
    assert!(court.entries("detroit").await > home, "on record at home");
    assert!(court.entries("st-louis").await > owner, "on record where it was asked");
}

#[tokio::test]
async fn several_searches_at_once_are_each_their_own() {
    let Some(court) = court().await else { return };
    let searches = (0..20).map(|seed| {
        let mut client = court.client(&searcher("st-louis"));
        tokio::spawn(async move {
            let body = json!({"request": request("st-louis", seed % 5), "candidates": 3});
            (seed % 5, client.post(&path("st-louis"), &body).await.unwrap().json().unwrap())
        })
    });
    for search in searches.collect::<Vec<_>>() {
        let (seed, answer) = search.await.unwrap();
        assert_eq!(answer["candidates"][0]["record_id"], format!("r{seed:04}"), "{answer}");
        court.check_receipt("st-louis", &answer["receipt"]);
    }
}

#[tokio::test]
async fn what_is_withheld_is_named_to_nobody_but_auditors() {
    let Some(court) = court().await else { return };
    let notice =
        json!({"kind": "notice", "subject": "gallery-record", "gallery": "mugshots", "record": "r0004", "answers": {}});
    let given = court.client(&searcher("st-louis")).post("/v1/st-louis/retention", &notice).await.unwrap();
    assert_eq!(given.status, 200, "{}", String::from_utf8_lossy(&given.body));
    let first = court.entries("st-louis").await;
    // The probe is like the record that is on its way out, and like no other.
    let answer = court.search("st-louis", 4).await;
    assert!(
        !answer["candidates"].as_array().unwrap().is_empty() && !answer["obligations"].as_array().unwrap().is_empty()
    );
    assert!(!answer.to_string().contains("r0004"), "{answer}");
    let mut client = court.client(&searcher("st-louis"));
    let path = format!("/v1/st-louis/requests/{}", answer["request"].as_str().unwrap());
    let again = client.post(&format!("{path}/candidates"), &json!({})).await.unwrap().json().unwrap();
    assert!(!again.to_string().contains("r0004"), "{again}");
    for seen in [path.as_str(), "/v1/st-louis/requests", "/v1/st-louis/obligations"] {
        let seen = client.get(seen).await.unwrap().json().unwrap();
        let duties = seen.to_string();
        assert!(!duties.contains("\"withhold\""), "{duties}");
    }
    let entries = court.audit("st-louis", first).await;
    let withheld = entries.iter().filter(|e| e.to_string().contains("\"withhold\":[\"r0004\"]"));
    assert!(withheld.count() > 0, "an auditor reads what was withheld");
}

#[tokio::test]
async fn the_result_is_the_exact_ranking() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    let body = json!({"request": request("detroit", 11), "candidates": 20});
    let answer = client.post(&path("detroit"), &body).await.unwrap().json().unwrap();
    let unit = |t: Vec<f32>| {
        let norm = t.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        t.into_iter().map(|x| f64::from((f64::from(x) / norm) as f32)).collect::<Vec<f64>>()
    };
    let probe = unit(template(11));
    let mut expected: Vec<(f64, String)> =
        (0..20).map(|s| (unit(template(s)).iter().zip(&probe).map(|(a, b)| a * b).sum(), format!("r{s:04}"))).collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let found: Vec<_> = answer["candidates"].as_array().unwrap().iter().map(|c| c["record_id"].clone()).collect();
    assert_eq!(found, expected.into_iter().map(|(_, id)| json!(id)).collect::<Vec<_>>());
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        match into.get_mut(key) {
            Some(old) if old.is_object() && value.is_object() => merge(old, value),
            _ => into[key] = value.clone(),
        }
    }
}
