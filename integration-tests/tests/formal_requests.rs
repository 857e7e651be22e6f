//! 307.5 - 5.4(2): a formal request to the State Police, to search the state's database for a lead to be confirmed. A supervisor of
//! the Department's unit has to approve it before its search, which the State Police run.
//!
//! Theirs is a jurisdiction of its own at the same host, with people and a gallery, and for a policy the component that
//! permits whatever is asked: what is refused here, the Department's directive refuses.

use crate::common::life::{ASKER, FIRST, SUPERVISOR, number, signing};
use crate::common::{Court, MODEL, court_of, outcome, packed, request, template};
use serde_json::{Value, json};
use std::path::Path;

/// Their jurisdiction, as Detroit's settings name it, and who searches for them.
const STATE: &str = "michigan-state-police";
const ANALYST: &str = "michigan-state-police/s.moss";

/// Of the same id, unit and role as the Department's supervisor.
const NAMESAKE: &str = "michigan-state-police/s.baptiste";

const REGISTRY: &str = r#"
[[agencies]]
id = "msp"
name = "Michigan State Police"
kind = "law-enforcement"
participant = true

[[people]]
id = "s.moss"
name = "Sam Moss"
agency = "msp"
unit = "biometrics"
rank = "analyst"
roles = ["registrar"]
multi_factor = true

[[people]]
id = "s.baptiste"
name = "Sylvie Baptiste"
agency = "msp"
unit = "ciu"
rank = "sergeant"
roles = ["ciu-supervisor"]
multi_factor = true

[[galleries]]
id = "state"
class = "licence"
model = "demo-512"
dim = 512
"#;

/// Copies what a deployment needs of Detroit's policy, and lays theirs beside it; whether both are built.
fn lay(policies: &Path) -> bool {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let (theirs, ours) = (target.join("wasm32-wasip2/policy/hostile.wasm"), integration_tests::root().join("policies"));
    if !theirs.is_file() {
        integration_tests::skip("the components for tests are not built: run `cargo xtask test`");
        return false;
    }
    let (from, to) = (ours.join("detroit"), policies.join("detroit"));
    std::fs::create_dir_all(&to).unwrap();
    for file in ["policy.toml", "registry.toml", "detroit_307_5.wasm"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let folder = policies.join(STATE);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(theirs, folder.join("hostile.wasm")).unwrap();
    std::fs::write(folder.join("policy.toml"), "component = \"hostile.wasm\"\n\n[settings]\n").unwrap();
    std::fs::write(folder.join("registry.toml"), REGISTRY).unwrap();
    true
}

/// Both at work, with a few records in the state's database; `None` where nothing is built.
async fn court() -> Option<Court> {
    integration_tests::program()?;
    let policies = tempfile::tempdir().unwrap();
    if !lay(policies.path()) {
        return None;
    }
    let court = court_of(policies.path())?;
    let record = |seed: usize| {
        let booking = json!({"name": format!("Person {seed}")});
        json!({"id": format!("r{seed:04}"), "template": packed(&template(seed)), "booking": booking})
    };
    let records: Vec<Value> = (0..20).map(record).collect();
    let body = json!({"model": MODEL, "answers": {}, "records": records});
    let answer = court.client(ANALYST).post(&format!("/v1/{STATE}/galleries/state/records"), &body).await.unwrap();
    assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
    Some(court)
}

/// A formal request for the state's database, by this person of the Department.
fn formal(requester: &str, seed: usize) -> Value {
    let mut request = request("detroit", seed);
    request["gallery"] = json!("state");
    request["requester"] = json!(requester);
    request["identifiers"][0]["value"] = json!(number(seed));
    request["answers"]["lead-reference"] = json!("the lead of 26-0310-114");
    request["answers"]["msp-formal-request"] = json!("MSP-2026-118");
    request
}

fn approval() -> Value {
    signing("ciu-supervisor", "approved")
}

async fn ask(court: &Court, who: &str, request: &Value) -> (u16, Value) {
    let answer = court.client(who).post(&format!("/v1/{STATE}/requests"), request).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

/// Opens a request that is permitted and whose search waits for the approval; gives its id.
async fn opened(court: &Court, who: &str, request: &Value) -> String {
    let (status, opened) = ask(court, who, request).await;
    assert_eq!(status, 200, "{opened}");
    waits(&opened);
    court.check_receipt(STATE, &opened["receipt"]);
    opened["request"].as_str().unwrap().to_owned()
}

/// Whether it waits for one thing: that a supervisor of the Department's approves.
fn waits(answer: &Value) {
    let awaited = answer["waits_for"].as_array().unwrap();
    assert_eq!(awaited.len(), 1, "{answer}");
    assert_eq!(
        (&awaited[0]["jurisdiction"], &awaited[0]["clause"]),
        (&json!("detroit"), &json!("5.4(2)-d")),
        "{answer}"
    );
    let rule = &awaited[0]["duty"]["approve"];
    assert_eq!((&rule["role"], &rule["units"]), (&json!("ciu-supervisor"), &json!(["ciu"])), "{answer}");
}

async fn step(court: &Court, who: &str, request: &str, step: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v1/{STATE}/requests/{request}/{step}");
    let answer = court.client(who).post(&path, body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

/// The search is held back, by whomever it is asked for: permitted, on record, and without effect.
async fn is_held_back(court: &Court, request: &str) {
    for who in [ANALYST, FIRST] {
        let (status, answer) = step(court, who, request, "search", &json!({"candidates": 3})).await;
        assert_eq!((status, &answer["verdict"]), (202, &json!("permit")), "{who}: {answer}");
        assert!(answer.get("candidates").is_none() && answer.get("search").is_none(), "{who}: {answer}");
        waits(&answer);
        court.check_receipt(STATE, &answer["receipt"]);
    }
    assert_eq!(searches(court, request).await, 0, "nothing was searched");
    let seen = seen(court, request).await;
    assert_eq!((&seen["state"], &seen["next"]), (&json!("open"), &json!("waits for approval")), "{seen}");
    assert_eq!(seen["opened_by"], json!([]), "{seen}");
}

/// How often a request was searched, as the Department's own log has it.
async fn searches(court: &Court, request: &str) -> usize {
    let entries = court.entries_of(request).await;
    entries.iter().filter(|e| e["account"]["event"]["what"] == "searched").count()
}

async fn seen(court: &Court, request: &str) -> Value {
    let answer = court.client(FIRST).get(&format!("/v1/{STATE}/requests/{request}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json().unwrap()
}

/// A signature that is refused, by a clause of the Department's where one is named, and changes nothing.
async fn does_not_approve(court: &Court, who: &str, request: &str, clause: Option<&str>) {
    let (status, problem) = step(court, who, request, "sign-offs", &approval()).await;
    assert_eq!(status, 403, "{who}: {problem}");
    if let Some(clause) = clause {
        assert_eq!(outcome(&problem, "detroit", clause), Some("violated"), "{who}: {problem}");
    } else {
        assert!(problem["detail"].as_str().unwrap().contains("sign in a role that you hold"), "{who}: {problem}");
    }
    assert_eq!(seen(court, request).await["signatures"], json!([]), "{who}");
}

#[tokio::test]
async fn a_request_to_the_state_police_is_searched_when_a_supervisor_has_approved_it() {
    let Some(mut court) = court().await else { return };
    for left_out in ["lead-reference", "msp-formal-request"] {
        let mut request = formal("h.dawson", 7);
        request["answers"].as_object_mut().unwrap().remove(left_out);
        let (status, problem) = ask(&court, ASKER, &request).await;
        assert_eq!(status, 409, "{left_out}: {problem}");
        assert_eq!(outcome(&problem, "detroit", "5.4(2)-c"), Some("missing"), "{left_out}: {problem}");
    }
    let id = opened(&court, ASKER, &formal("h.dawson", 7)).await;
    is_held_back(&court, &id).await;
    for who in [ASKER, FIRST, ANALYST] {
        does_not_approve(&court, who, &id, None).await;
    }
    does_not_approve(&court, NAMESAKE, &id, Some("5.4(3)-b")).await;
    is_held_back(&court, &id).await;

    let (status, signed) = step(&court, SUPERVISOR, &id, "sign-offs", &approval()).await;
    assert_eq!(status, 200, "{signed}");
    assert_eq!(searches(&court, &id).await, 0, "an approval searches nothing");
    let (status, found) = step(&court, ANALYST, &id, "search", &json!({"candidates": 3})).await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["candidates"][0]["record_id"], "r0007", "{found}");
    court.check_receipt(STATE, &found["receipt"]);
    assert_eq!(searches(&court, &id).await, 1);
    let seen = seen(&court, &id).await;
    assert_eq!((&seen["state"], &seen["waits_for"]), (&json!("listed"), &json!([])), "{seen}");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn nobody_approves_of_their_own_request_to_the_state_police_and_a_refusal_is_the_end_of_it() {
    let Some(mut court) = court().await else { return };
    let own = opened(&court, SUPERVISOR, &formal("s.baptiste", 8)).await;
    does_not_approve(&court, SUPERVISOR, &own, Some("2.4")).await;
    is_held_back(&court, &own).await;

    let id = opened(&court, ASKER, &formal("h.dawson", 9)).await;
    let reason = "SNAP has not been searched to the end";
    let mut refusal = signing("ciu-supervisor", "refused");
    (refusal["reason"], refusal["answers"]) = (json!(reason), json!({"refusal-reason": reason}));
    let (status, signed) = step(&court, SUPERVISOR, &id, "sign-offs", &refusal).await;
    assert_eq!(status, 200, "{signed}");
    let (status, problem) = step(&court, ANALYST, &id, "search", &json!({})).await;
    assert_eq!(status, 403, "{problem}");
    assert_eq!(outcome(&problem, "detroit", "5.4(2)-d"), Some("violated"), "{problem}");
    assert_eq!(searches(&court, &id).await, 0);
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
