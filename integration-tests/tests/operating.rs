//! What has to be so before anybody works with the system, over HTTP, and how it is put right where it is not.

use crate::common::life::{FIRST, SECOND, SUPERVISOR, court_with, denied, signing};
use crate::common::office::{BOARD, BOARD_ROLE, LASO, stated};
use crate::common::{MODEL, court_after, packed, request, template};
use integration_tests::{Deployment, Example};
use serde_json::{Value, json};

/// A review of somebody's need for access.
fn review() -> Value {
    json!({"change": "review", "roles": [], "reason": "still an examiner", "answers": stated()})
}

/// A deployment whose settings do not say that default passwords are replaced.
fn unsaid(deployment: &Deployment) {
    let file = deployment.home.join("policies/detroit/policy.toml");
    let shipped = std::fs::read_to_string(&file).unwrap();
    let said = "default-passwords-replaced = true\n";
    assert_eq!(shipped.matches(said).count(), 1);
    std::fs::write(file, shipped.replace(said, "")).unwrap();
}

#[tokio::test]
async fn nothing_operates_until_it_is_said_that_default_passwords_are_replaced() {
    let Some(court) = court_after(unsaid) else { return };
    let says = || denied("7(7)", "default-passwords-replaced = true");
    let example = Example::read("detroit").unwrap();
    let record = json!({"id": "r0001", "template": packed(&template(1)), "booking": {"booking-number": "B-1"}});
    let batch = json!({"model": MODEL, "answers": example.enroll, "records": [record]});
    let registrar = format!("detroit/{}", example.registrar);
    court.turn_down(&registrar, "galleries/snap/records", &batch, says()).await;
    court.turn_down(FIRST, "requests", &request("detroit", 1), says()).await;
    court.turn_down(FIRST, "searches", &json!({"request": request("detroit", 1)}), says()).await;
    assert!(court.enroll("st-louis", 0..3).await.status.is_success(), "another jurisdiction has its own policy");
    assert_eq!(court.search("st-louis", 1).await["verdict"], "permit");

    // What puts it right is open: who gets in, and a version that says so.
    court.decide(LASO, "people/m.whitfield/access", &review()).await;
    let settings = json!({"default-passwords-replaced": true, "password-standard-met": true});
    let proposal = json!({"settings": settings, "note": "every default password was replaced"});
    let proposed = court.decide(LASO, "policy/proposals", &proposal).await;
    let step = |step: &str| format!("policy/proposals/{}/{step}", proposed["id"].as_str().unwrap());
    let approved = json!({"role": BOARD_ROLE, "conclusion": "approved"});
    court.decide(BOARD, &step("approvals"), &approved).await;
    let left = json!({"answers": {"default-passwords-replaced": false, "password-standard-met": true}});
    court.turn_down(LASO, &step("activation"), &left, denied("7(7)", "is still in use")).await;
    court.turn_down(FIRST, "requests", &request("detroit", 1), says()).await;
    court.decide(LASO, &step("activation"), &json!({"answers": settings})).await;
    court.decide(&registrar, "galleries/snap/records", &batch).await;
    assert_eq!(court.search("detroit", 1).await["verdict"], "permit");
}

/// A registry in which everybody's need for access was reviewed years ago.
fn long_ago(registry: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key, _)) if key.trim() == "need_reviewed" => "need_reviewed = \"2020-01-01\"".to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = registry.lines().map(line).collect();
    assert!(lines.iter().any(|line| line.contains("2020-01-01")), "the sample registry is another one by now");
    lines.join("\n")
}

#[tokio::test]
async fn whose_need_for_access_was_not_reviewed_in_time_works_no_more_until_it_is() {
    let Some(court) = court_with(long_ago).await else { return };
    let says = || denied("6.1(2)c", "have the LASO review it");
    let reviewed = async |who: &str| {
        let person = who.strip_prefix("detroit/").unwrap();
        court.decide(LASO, &format!("people/{person}/access"), &review()).await;
    };
    court.turn_down(FIRST, "requests", &request("detroit", 1), says()).await;
    let owed = court.client(LASO).get("/v1/detroit/obligations").await.unwrap().json().unwrap();
    let tasks = owed.as_array().unwrap().iter().filter(|o| o["clause"] == "6.1(2)c");
    let owners: Vec<_> = tasks.map(|o| o["owner"].as_str().unwrap()).collect();
    assert_eq!(owners, ["laso"], "refused, and to be reviewed: {owed}");
    let theirs = denied("6.1(2)b", "have the LASO do it");
    court.turn_down(FIRST, "people/m.whitfield/access", &review(), theirs).await;

    // The LASO's own review is overdue, too, and that stops no review.
    reviewed(FIRST).await;
    let listed = court.disposed(1).await;
    let refused_until_reviewed = async |who: &str, step: &str, body: &Value| {
        let (status, problem) = court.step(who, &listed.id, step, body).await;
        says().reads(status, &problem, &format!("{who}, {step}: {problem}"));
        assert!(problem.get("candidates").is_none(), "{problem}");
        reviewed(who).await;
        court.take(who, &listed.id, step, body).await;
    };
    refused_until_reviewed(SECOND, "candidates", &json!({})).await;
    for examiner in [FIRST, SECOND] {
        court.take(examiner, &listed.id, "sign-offs", &signing("examiner", "lead")).await;
    }
    refused_until_reviewed(SUPERVISOR, "sign-offs", &signing("ciu-supervisor", "approved")).await;
    reviewed(LASO).await;
}
