//! Auditors: each sees their own jurisdiction's log and no other, and the look is itself on record.

use crate::common::{Court, court, path, request, searcher};
use client::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn an_auditor_reads_who_why_and_what() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    court.search("detroit", 5).await;
    let entries = court.audit("detroit", before).await;
    let kinds: Vec<_> = entries.iter().map(|e| e["leaf"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 6, "five of the search, and this look: {kinds:?}");
    for kind in ["intent", "outcome", "look"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    for entry in &entries {
        assert_eq!(entry["account_verified"], true, "the account is what the leaf commits to");
        let at = entry["leaf"]["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.len() == 24, "to the millisecond: {at}");
    }
    let searched = entries.iter().find(|e| e["account"]["event"]["what"] == "searched").unwrap();
    let account = &searched["account"];
    assert_eq!(account["who"]["person"], "m.whitfield");
    assert_eq!(account["who"]["name"], "Marcus Whitfield");
    assert_eq!(account["who"]["unit"], "ciu");
    assert_eq!(account["case"][0]["value"], "26-0310-114");
    assert_eq!(account["purpose"], "criminal-investigation");
    assert!(account["justification"].as_str().unwrap().contains("robbed the clerk"));
    assert_eq!(account["event"]["found"][0], "r0005");
    assert!(account["probe"].is_string());
    let text = serde_json::to_string(&entries.iter().map(|e| &e["leaf"]).collect::<Vec<_>>()).unwrap();
    for personal in ["Whitfield", "m.whitfield", "clerk", "26-0310-114"] {
        assert!(!text.contains(personal), "leaves hold nothing personal: {personal}");
    }
}

#[tokio::test]
async fn whoever_leaves_out_what_the_log_has_to_say_is_refused_and_that_is_on_record() {
    let Some(court) = court().await else { return };
    for (jurisdiction, left_out, lacking) in [
        ("st-louis", json!({"reason": " "}), json!(["justification"])),
        ("st-louis", json!({"purpose": ""}), json!(["purpose"])),
        ("detroit", json!({"purpose": "", "reason": ""}), json!(["purpose", "justification"])),
    ] {
        let before = court.entries(jurisdiction).await;
        let mut asked = request(jurisdiction, 1);
        for (name, value) in left_out.as_object().unwrap() {
            asked[name] = value.clone();
        }
        let answer =
            court.client(&searcher(jurisdiction)).post(&path(jurisdiction), &json!({"request": asked})).await.unwrap();
        let said = answer.json().unwrap();
        assert!([403, 409].contains(&answer.status.as_u16()), "{left_out}: {said}");
        assert!(said.get("candidates").is_none(), "{said}");
        let entries = court.audit(jurisdiction, before).await;
        let refusal = entries.iter().find(|e| e["leaf"]["kind"] == "refusal").unwrap();
        assert!(entries.iter().all(|e| e["leaf"]["kind"] != "intent"), "{left_out}: nothing was permitted");
        let account = &refusal["account"];
        assert_eq!((&account["lacking"], account["probe"].is_string()), (&lacking, true), "{left_out}: {account}");
        assert!(account["who"]["name"].as_str().is_some_and(|name| !name.is_empty()), "{account}");
    }
}

#[tokio::test]
async fn what_people_of_other_agencies_do_is_read_like_anybody_elses() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    let mut asked = request("detroit", 1);
    asked.as_object_mut().unwrap().remove("requester");
    for (name, answer) in [
        ("requester-address", json!("333 Mt Elliott Street, Detroit")),
        ("requester-phone", json!("+1 313 555 0177")),
        ("statement-acknowledged", json!(true)),
    ] {
        asked["answers"][name] = answer;
    }
    let answer = court.client("detroit/k.brandt").post("/v1/detroit/requests", &asked).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    asked["answers"]["immigration-status"] = json!(true);
    let answer = court.client("detroit/k.brandt").post("/v1/detroit/requests", &asked).await.unwrap();
    assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&answer.body));

    let entries = court.audit("detroit", before).await;
    for kind in ["intent", "outcome", "refusal"] {
        let entry = entries.iter().find(|e| e["leaf"]["kind"] == kind).unwrap();
        let who = &entry["account"]["who"];
        assert_eq!((&who["person"], &who["agency"]), (&json!("k.brandt"), &json!("ice-ero")), "{entry}");
        assert_eq!(entry["account"]["case"][0]["value"], "26-0310-114", "{entry}");
    }
}

#[tokio::test]
async fn nobody_else_reads_it_and_the_attempt_is_on_record() {
    let Some(court) = court().await else { return };
    for who in ["st-louis/a.whitfield", &searcher("detroit"), "detroit/l.ortega"] {
        let before = court.entries("detroit").await;
        let answer = court.client(who).get("/v1/detroit/audit/entries").await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 403, "{who}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("auditor"), "{problem}");
        assert_eq!(court.entries("detroit").await, before + 1, "{who}: the attempt is on record");
        let entries = court.audit("detroit", before).await;
        assert_eq!(entries[0]["leaf"]["kind"], "rejection");
        assert_eq!(entries[0]["account"]["who"]["person"], who.split_once('/').unwrap().1);
    }
}

#[tokio::test]
async fn questions_about_the_log_are_bounded() {
    let Some(court) = court().await else { return };
    let mut auditor = court.client("detroit/a.feld");
    for (query, says) in [("count=0", "1 to 1000"), ("count=5000", "1 to 1000"), ("first=x", "whole number")] {
        let answer = auditor.get(&format!("/v1/detroit/audit/entries?{query}")).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    let beyond = auditor.get("/v1/detroit/audit/entries?first=1000000").await.unwrap().json().unwrap();
    assert_eq!(beyond["entries"].as_array().map(Vec::len), Some(0));
}

/// The method of this name, which somebody may have made up.
fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

/// Asks for a path by somebody's certificate; gives the status, what was answered where there is a body, and the account of the one
/// entry that this has left in this jurisdiction's log.
async fn attempt(court: &Court, who: &str, name: &str, path: &str, log: &str) -> (u16, Option<Value>, Value) {
    let before = court.entries(log).await;
    let answer = court.client(who).send(method(name), path, None, "".into()).await.unwrap();
    assert_eq!(court.entries(log).await, before + 1, "{who} {name} {path}: one entry, when it is answered");
    let entries = court.audit(log, before).await;
    assert_eq!(entries[0]["leaf"]["kind"], "rejection", "{who} {name} {path}");
    let account = entries[0]["account"].clone();
    let (jurisdiction, person) = who.split_once('/').unwrap();
    assert_eq!(
        (&account["who"]["jurisdiction"], &account["who"]["person"]),
        (&json!(jurisdiction), &json!(person)),
        "{who} {name} {path}"
    );
    let told = (!answer.body.is_empty()).then(|| answer.json().unwrap());
    assert_eq!(told.is_none(), name == "HEAD", "{who} {name} {path}");
    if let Some(told) = &told {
        assert_eq!(told["receipt"]["index"], before, "{who} {name} {path}: {told}");
        assert!(told["detail"].as_str().unwrap().contains("on record"), "{told}");
    }
    (answer.status.as_u16(), told, account)
}

#[tokio::test]
async fn whatever_is_asked_under_the_audit_paths_and_is_no_route_is_on_record_before_it_is_answered() {
    let Some(court) = court().await else { return };
    let others = ["detroit/l.ortega".to_owned(), searcher("st-louis"), "detroit/a.feld".to_owned()];
    for (at, (name, path, status)) in [
        ("GET", "/v1/detroit/audit", 404),
        ("GET", "/v1/detroit/audit/nonsense", 404),
        ("GET", "/v1/detroit/audit/entries/5", 404),
        ("HEAD", "/v1/detroit/audit/nonsense", 404),
        ("OPTIONS", "/v1/detroit/audit/entries", 405),
        ("DELETE", "/v1/detroit/audit/entries/5", 403),
        ("PURGE", "/v1/detroit/audit/entries", 403),
        ("PURGE", "/v1/detroit/log/checkpoint", 403),
        ("GET", "/v1/detroit/AUDIT/entries", 404),
        ("GET", "/v1/detroit/%61udit/entries", 404),
        ("GET", "/v1/detroit/%2561udit/entries", 404),
        ("GET", "/v1/detroit/audit%2Fentries", 404),
        ("GET", "/v1/%64etroit/audit/entries", 404),
        ("GET", "/v1/detroit/audit/./entries", 404),
        ("GET", "/v1/detroit/log/../audit/entries", 404),
        ("GET", "/v1/detroit/log/tile/../../audit/entries", 404),
        ("GET", "/v1/st-louis/../detroit/audit/entries", 404),
        ("DELETE", "/v1/nowhere/../detroit/log", 403),
    ]
    .into_iter()
    .enumerate()
    {
        let who = &others[at % others.len()];
        let elsewhere = court.entries("st-louis").await;
        let (answered, _, account) = attempt(&court, who, name, path, "detroit").await;
        assert_eq!(answered, status, "{who} {name} {path}");
        assert_eq!(account["event"]["asked"], format!("{name} {path}"));
        assert_eq!(court.entries("st-louis").await, elsewhere, "{name} {path}: it is not that log");
    }
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn an_attempt_on_a_log_that_is_not_here_is_on_record_with_whoever_makes_it() {
    let Some(court) = court().await else { return };
    for (name, path, status) in [
        ("GET", "/v1/nowhere/audit/entries", 404),
        ("GET", "/v1//audit/entries", 404),
        ("GET", "/v1/nowhere/audit/nonsense", 404),
        ("DELETE", "/v1/nowhere/log/checkpoint", 403),
    ] {
        let elsewhere = court.entries("detroit").await;
        let (answered, _, account) = attempt(&court, &searcher("st-louis"), name, path, "st-louis").await;
        assert_eq!(answered, status, "{name} {path}");
        assert_eq!(account["event"]["asked"], format!("{name} {path}"));
        assert_eq!(court.entries("detroit").await, elsewhere, "{name} {path}");
    }
    let before = [court.entries("detroit").await, court.entries("st-louis").await];
    for path in ["/v1/nowhere/log/checkpoint", "/v1/nowhere/charter", "/v1/detroit/log/nothing", "/nowhere"] {
        let answer = court.client(&searcher("st-louis")).get(path).await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
    let after = [court.entries("detroit").await, court.entries("st-louis").await];
    assert_eq!(after, before, "nobody has tried to get at what is for auditors");
}

#[tokio::test]
async fn an_attempt_is_on_record_however_its_form_is_wrong_and_at_bounded_length() {
    let Some(court) = court().await else { return };
    let long = format!("/v1/detroit/audit/{}", "x".repeat(20_000));
    let name = "A".repeat(100);
    let (_, _, account) = attempt(&court, "detroit/l.ortega", &name, &long, "detroit").await;
    let asked = account["event"]["asked"].as_str().unwrap();
    assert!(asked.starts_with(&format!("{} /v1/detroit/audit/xx", "A".repeat(32))), "{asked}");
    assert!(asked.chars().count() <= 256, "{asked}");

    // More than a head may be, where there is a route, too.
    let wide = format!("/v1/detroit/audit/entries?first={}", "1".repeat(33_000));
    let (status, told, account) = attempt(&court, "detroit/l.ortega", "GET", &wide, "detroit").await;
    assert_eq!((status, &told.unwrap()["type"]), (431, &json!("urn:magistrate:problem:head-too-large")));
    assert_eq!(account["event"]["asked"], "GET /v1/detroit/audit/entries");

    // Nor does a body that nobody asked for hide who asks.
    let before = court.entries("detroit").await;
    let mut client = court.client("detroit/l.ortega");
    let body = b"{}".to_vec().into();
    let answer = client.send(Method::GET, "/v1/detroit/audit/entries", Some("application/json"), body).await.unwrap();
    assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(court.entries("detroit").await, before + 1);
}

#[tokio::test]
async fn whoever_may_not_ask_is_on_record_before_they_are_told_that_they_send_too_much() {
    let Some(court) = court().await else { return };
    court.deployment.issue("detroit", "no.body", "fixed", "nobody", 1).unwrap();
    let (own, elsewhere, nobody) = (searcher("detroit"), searcher("st-louis"), "detroit/nobody".to_owned());
    let (people, wide) = ("/v1/detroit/people", format!("?x={}", "x".repeat(33_000)));
    let wide = wide.as_str();
    for (who, name, path, query, body) in [
        (&elsewhere, "GET", people, "", "x"),
        (&nobody, "GET", people, "", "x"),
        (&elsewhere, "GET", "/v1/detroit/audit/anomalies", "", "x"),
        (&own, "HEAD", "/v1/detroit/audit/entries", "", "x"),
        (&elsewhere, "GET", people, wide, ""),
        (&elsewhere, "GET", people, wide, "x"),
        (&nobody, "POST", "/v1/detroit/requests", wide, ""),
    ] {
        let before = court.entries("detroit").await;
        let target = format!("{path}{query}");
        let answer = court.client(who).send(method(name), &target, Some("text/plain"), body.into()).await.unwrap();
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 403, "{who} {name} {path}: {told}");
        assert_eq!(court.entries("detroit").await, before + 1, "{who} {name} {path}");
        let entries = court.audit("detroit", before).await;
        assert_eq!(entries[0]["leaf"]["kind"], "rejection", "{who} {name} {path}");
        assert_eq!(entries[0]["account"]["event"]["asked"], format!("{name} {path}"), "{who}");
    }
    // Whoever may ask, and what is no entry to ask, is told so and no more.
    let before = court.entries("detroit").await;
    for path in [people, "/v1/detroit/charter"] {
        for (query, body, status) in [("", "x", 413), (wide, "", 431)] {
            let target = format!("{path}{query}");
            let answer = court.client(&own).send(Method::GET, &target, Some("text/plain"), body.into()).await.unwrap();
            assert_eq!(answer.status.as_u16(), status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        }
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was shown");
}
