//! Nothing that is not public is shown or done without an entry, route by route; and nobody tries what is not theirs without one.

use crate::common::life::{
    ELSEWHERE, FIRST, Listed, PATROL, STATEMENT, dispositions, hand_over, outcome, outgoing, signing,
};
use crate::common::{Court, MODEL, court, packed, request, template};
use client::{Answer, Client, Method};
use integration_tests::Example;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const AUDITOR: &str = "detroit/a.feld";
const REGISTRAR: &str = "detroit/r.tanaka";

/// Somebody of another agency whose certificate is Detroit's.
const OUTSIDER: &str = "detroit/k.brandt";

const OUTSIDE_AGENCY: &str = "ice-ero";

/// Where every path of a jurisdiction begins.
const HERE: &str = "/v1/{jurisdiction}/";

/// A call of one route: its path after the jurisdiction, who calls, and what they send; without a body it is a look.
type Call = (&'static str, &'static str, Option<Value>);

/// A call of every route that is not public, by somebody who may call it. Whether it is permitted does not matter.
fn calls(records: &[String]) -> Vec<Call> {
    let example = Example::read("detroit").unwrap();
    // It is there already.
    let record = json!({"id": "r0001", "template": packed(&template(1)), "booking": {"booking-number": "B-1"}});
    let agreement = json!({
        "kind": "memorandum-of-understanding",
        "signed": "2025-03-04T15:00:00.000Z",
        "starts": "2025-03-05",
        "contact": {"name": "R. Hale"},
        "document": "0".repeat(64),
    });
    let person = json!({"id": "n.okafor", "name": "N. Okafor", "agency": "dpd", "unit": "ciu", "rank": "analyst"});
    let hold = json!({"kind": "hold", "subject": "gallery-record", "gallery": "snap", "record": "r0002"});
    vec![
        ("audit/entries", AUDITOR, None),
        ("audit/reports", AUDITOR, None),
        ("audit/reports/{file}", AUDITOR, None),
        ("audit/anomalies", AUDITOR, None),
        ("audit/sample", AUDITOR, None),
        (
            "galleries/{gallery}/records",
            REGISTRAR,
            Some(json!({"model": MODEL, "answers": example.enroll, "records": [record]})),
        ),
        ("requests", FIRST, Some(request("detroit", 5))),
        ("requests/{request}/search", FIRST, Some(json!({"candidates": 3}))),
        ("searches", FIRST, Some(json!({"request": request("detroit", 6)}))),
        ("requests", FIRST, None),
        ("requests/{request}", FIRST, None),
        ("requests/{request}/candidates", FIRST, Some(json!({}))),
        ("requests/{request}/dispositions", FIRST, Some(dispositions(records, true))),
        ("requests/{request}/sign-offs", FIRST, Some(signing("examiner", "lead"))),
        ("requests/{request}/acknowledgements", FIRST, Some(json!({"statement": STATEMENT, "text": "other words"}))),
        ("requests/{request}/release", FIRST, Some(outgoing(&[]))),
        ("requests/{request}/disseminations", FIRST, Some(hand_over("pdf"))),
        ("requests/{request}/outcome", FIRST, Some(outcome())),
        ("obligations", FIRST, None),
        ("obligations/{obligation}/completion", FIRST, Some(json!({"note": "it is done"}))),
        ("obligations/{obligation}/waiver", FIRST, Some(json!({"reason": "it cannot be met"}))),
        ("people", FIRST, Some(person)),
        ("people", FIRST, None),
        ("people/{person}/record", FIRST, Some(json!({"unit": "another"}))),
        ("people/{person}/access", FIRST, Some(json!({"change": "suspend"}))),
        ("agencies", FIRST, Some(json!({"id": "wayne-so", "name": "Wayne County Sheriff", "kind": "law-enforcement"}))),
        ("agencies", FIRST, None),
        ("agencies/{agency}/agreements", FIRST, Some(json!({"agreement": agreement}))),
        ("agencies/{agency}/agreements/{agreement}/end", FIRST, Some(json!({"reason": "not renewed"}))),
        ("agencies/{agency}/suspension", FIRST, Some(json!({"change": "suspend"}))),
        ("violations", FIRST, Some(json!({"happened": "2025-03-10T09:00:00.000Z"}))),
        ("policy/proposals", PATROL, Some(json!({"note": "another one"}))),
        ("policy/proposals/{revision}/approvals", FIRST, Some(json!({"role": "examiner", "conclusion": "approved"}))),
        ("policy/proposals/{revision}/activation", FIRST, Some(json!({}))),
        ("retention", FIRST, Some(hold)),
        ("retention", FIRST, None),
        ("reports", FIRST, Some(json!({"report": "weekly"}))),
    ]
}

/// The routes that the document calls other than public, by method and path.
async fn recorded(client: &mut Client) -> BTreeSet<String> {
    let document = client.get("/openapi.json").await.unwrap().json().unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let says = operation["description"].as_str().unwrap_or_default();
            if says.contains(" is an entry.") {
                found.insert(format!("{} {path}", method.to_uppercase()));
            } else {
                assert!(says.contains("no entry is made"), "{method} {path}: {says}");
            }
        }
    }
    found
}

async fn call(court: &Court, who: &str, path: &str, body: Option<&Value>) -> Answer {
    let mut client = court.client(who);
    match body {
        Some(body) => client.post(path, body).await.unwrap(),
        None => client.get(path).await.unwrap(),
    }
}

#[tokio::test]
async fn the_log_grows_with_every_call_of_a_route_that_is_not_public() {
    let Some(court) = court().await else { return };
    let Listed { id, records } = court.listed(3).await;
    let agencies = court.client(FIRST).get("/v1/detroit/agencies").await.unwrap().json().unwrap();
    let outside = agencies.as_array().unwrap().iter().find(|a| a["id"] == OUTSIDE_AGENCY).unwrap();
    let policy = court.client(FIRST).get("/v1/detroit/policy").await.unwrap().json().unwrap();
    let parts = [
        ("{jurisdiction}", "detroit"),
        ("{request}", id.as_str()),
        ("{gallery}", "snap"),
        ("{obligation}", "nothing"),
        ("{person}", "e.voss"),
        ("{agency}", OUTSIDE_AGENCY),
        ("{agreement}", outside["agreements"][0]["id"].as_str().unwrap()),
        // The one in force: nobody signs for it any more.
        ("{revision}", policy["versions"][0]["id"].as_str().unwrap()),
        ("{file}", "nothing.pdf"),
    ];
    let calls = calls(&records);
    let method = |body: &Option<Value>| if body.is_some() { "POST" } else { "GET" };
    let called: BTreeSet<_> = calls.iter().map(|(path, _, body)| format!("{} {HERE}{path}", method(body))).collect();
    assert_eq!(called, recorded(&mut court.client(FIRST)).await, "each of them is called here");
    for (template, who, body) in calls {
        let path = parts.iter().fold(format!("{HERE}{template}"), |path, (part, value)| path.replace(part, value));
        let path = if template == "audit/sample" { format!("{path}?seed=2026-03") } else { path };
        let before = court.entries("detroit").await;
        let answer = call(&court, who, &path, body.as_ref()).await;
        let said = String::from_utf8_lossy(&answer.body);
        assert!(court.entries("detroit").await > before, "{who}, {} {path}: {} {said}", method(&body), answer.status);
    }
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_look_says_who_asked_for_what() {
    let Some(court) = court().await else { return };
    for (path, asked, parameters) in [
        ("requests?state=open&mine=true", "requests", json!({"state": "open", "mine": "true"})),
        ("requests?state=nowhere", "requests", json!({"state": "nowhere"})),
        ("obligations", "obligations", json!({})),
        ("retention", "retention", json!({})),
        ("agencies", "agencies", json!({})),
        ("people", "people", json!({})),
    ] {
        let before = court.entries("detroit").await;
        court.client(PATROL).get(&format!("/v1/detroit/{path}")).await.unwrap();
        let entries = court.audit("detroit", before).await;
        let account = &entries[0]["account"];
        assert_eq!((&entries[0]["leaf"]["kind"], &account["who"]["person"]), (&json!("look"), &json!("p.rivers")));
        let event = json!({"what": "surveyed", "asked": format!("GET /v1/detroit/{asked}"), "parameters": parameters});
        assert_eq!(account["event"], event, "{path}");
    }
}

#[tokio::test]
async fn what_an_address_does_not_take_is_named_and_nothing_is_shown() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    for (who, path, named) in [
        (FIRST, "/v1/detroit/requests?state=open&else=no", "`else`"),
        (FIRST, "/v1/detroit/requests?limit=-1", "`limit`"),
        (FIRST, "/v1/detroit/requests?mine=true&mine=false", "`mine` is given twice"),
        (FIRST, "/v1/detroit/obligations?bogus", "`bogus`"),
        (AUDITOR, "/v1/detroit/audit/entries?frist=7", "`frist`"),
        (FIRST, "/healthz?bogus=1", "`bogus`"),
        (FIRST, "/v1/detroit/log/checkpoint?bogus=1", "`bogus`"),
    ] {
        let answer = court.client(who).get(path).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 422, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{path}: {problem}");
    }
    let body = json!({"happened": "2025-03-10T09:00:00.000Z"});
    let answer = court.client(FIRST).post("/v1/detroit/violations?bogus=1", &body).await.unwrap();
    assert_eq!(answer.status, 422, "a step's address, too");
    assert_eq!(court.entries("detroit").await, before, "nothing was shown or done");
    let entries = turned_away(&court, FIRST, "/v1/detroit/audit/entries?bogus=1").await;
    assert_eq!(entries[0]["leaf"]["kind"], "rejection", "whoever may not ask is told that first");
}

/// Asks for something that is shown nobody but others; gives the answer, and the entries that there are of it.
async fn turned_away(court: &Court, who: &str, path: &str) -> Vec<Value> {
    let before = court.entries("detroit").await;
    let answer = court.client(who).get(path).await.unwrap();
    assert_eq!(answer.status, 403, "{who}, {path}: {}", String::from_utf8_lossy(&answer.body));
    let mut entries = court.audit("detroit", before).await;
    // This look.
    entries.pop();
    entries
}

#[tokio::test]
async fn another_agencys_people_and_those_without_a_role_see_nothing_of_others_cases() {
    let Some(court) = court().await else { return };
    let Listed { id, .. } = court.listed(3).await;
    for who in [OUTSIDER, PATROL] {
        let entries = turned_away(&court, who, &format!("/v1/detroit/requests/{id}")).await;
        assert_eq!((entries.len(), &entries[0]["leaf"]["kind"]), (1, &json!("rejection")), "{who}");
        for list in ["requests", "obligations", "retention", "agencies", "people"] {
            let answer = court.client(who).get(&format!("/v1/detroit/{list}")).await.unwrap();
            let shown = answer.json().unwrap();
            assert_eq!(answer.status, 200, "{shown}");
            assert!(!shown.to_string().contains(&id), "{who}, {list}: {shown}");
        }
    }
    let entries = turned_away(&court, "detroit/o.mercer", "/v1/detroit/requests").await;
    assert_eq!(entries[0]["leaf"]["kind"], "rejection", "a suspended agency's people are shown nothing");
    for list in ["obligations", "retention", "agencies", "people"] {
        let entries = turned_away(&court, ELSEWHERE, &format!("/v1/detroit/{list}")).await;
        assert_eq!(entries.len(), 1, "{list}: refused, and no look");
        assert_eq!(entries[0]["account"]["event"]["asked"], format!("GET /v1/detroit/{list}"));
    }
}

#[tokio::test]
async fn whoever_is_nobody_here_is_on_record_where_they_tried() {
    let Some(court) = court().await else { return };
    court.deployment.issue("elsewhere", "x.y", "fixed", "x.y", 30).unwrap();
    court.deployment.issue("st-louis", "ghost", "fixed", "ghost", 30).unwrap();
    let tried = [
        (Method::DELETE, "/v1/detroit/log/tile/entries/000"),
        (Method::GET, "/v1/detroit/audit/entries"),
        (Method::GET, "/v1/detroit/obligations"),
    ];
    for (name, who) in
        [("elsewhere/x.y", json!(["elsewhere", "x.y"])), ("st-louis/ghost", json!(["st-louis", "ghost"]))]
    {
        for (method, path) in &tried {
            let (before, home) = (court.entries("detroit").await, court.entries("st-louis").await);
            let answer = court.client(name).send(method.clone(), path, None, "".into()).await.unwrap();
            assert_eq!(answer.status, 403, "{name}, {path}");
            let entries = court.audit("detroit", before).await;
            let account = &entries[0]["account"];
            assert_eq!(entries[0]["leaf"]["kind"], "rejection", "{name}, {path}");
            assert_eq!(account["event"]["asked"], format!("{method} {path}"));
            assert_eq!(json!([account["who"]["jurisdiction"], account["who"]["person"]]), who);
            let reason = account["event"]["reason"].as_str().unwrap();
            assert!(!reason.contains("registry"), "who is in a registry is its own people's to know: {reason}");
            let there = u64::from(name.starts_with("st-louis"));
            assert_eq!(court.entries("st-louis").await, home + there, "{name}, {path}: and at home");
        }
    }
    // An outsider who asks something of the log that cannot be asked.
    for range in ["0-1", "5-2", "x"] {
        let before = court.entries("detroit").await;
        let body = json!({"kind": "purge", "subject": "audit-entry", "record": range});
        let answer = court.client(ELSEWHERE).post("/v1/detroit/retention", &body).await.unwrap();
        assert_eq!((answer.status.as_u16(), court.entries("detroit").await), (403, before + 1), "{range}");
    }
}
