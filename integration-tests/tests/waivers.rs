//! Nobody waives what the shipped directives oblige to, over the network or by command; every attempt is on record and replays.

use crate::common::life::{ELSEWHERE, FIRST, PATROL};
use crate::common::{Court, court, outcome};
use serde_json::{Value, json};

const COMMANDER: &str = "detroit/c.hargrove";

const WHY: &str = "the unit was without a commander for a week, order 26-114";

async fn waive(court: &Court, who: &str, obligation: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v1/detroit/obligations/{obligation}/waiver");
    let answer = court.client(who).post(&path, body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

#[tokio::test]
async fn nobody_waives_and_every_attempt_is_on_record_and_replays() {
    let Some(mut court) = court().await else { return };
    let request = court.listed(3).await.id;
    let owed = court.client(COMMANDER).get("/v1/detroit/obligations").await.unwrap().json().unwrap();
    let owed = owed.as_array().unwrap();
    let of = |kind: &str| {
        let one = owed.iter().find(|o| o["request"] == request.as_str() && o["duty"].get(kind).is_some());
        one.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let task = of("task");
    for who in [COMMANDER, FIRST, PATROL, "detroit/l.ortega", ELSEWHERE] {
        let (status, problem) = waive(&court, who, &task, &json!({"reason": WHY})).await;
        assert_eq!((status, &problem["type"]), (403, &json!("urn:magistrate:problem:denied")), "{who}: {problem}");
        assert_eq!(outcome(&problem, "detroit", "6.1(2)a"), Some("violated"), "{who}: {problem}");
        court.check_receipt("detroit", &problem["receipt"]);
    }
    let ids = [("no-such-obligation".to_owned(), "nothing of this kind"), (of("sign-offs"), "is not waived")];
    for (id, says) in ids {
        let (status, problem) = waive(&court, COMMANDER, &id, &json!({"reason": WHY})).await;
        assert_eq!((status, &problem["type"]), (409, &json!("urn:magistrate:problem:out-of-place")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    for body in [json!({"reason": " "}), json!({}), json!({"reason": WHY, "by": "somebody else"})] {
        assert_eq!(waive(&court, COMMANDER, &task, &body).await.0, 422, "{body}");
    }
    let attempts = |entries: &[Value]| entries.iter().filter(|e| e["leaf"]["phase"] == "waiver").count();
    assert_eq!(attempts(&court.entries_of(&request).await), 5, "under the request, each of them");
    assert_eq!(court.seen(&request).await["state"], "listed");

    let typed = ["waive", "--server", &court.deployment.address, "--jurisdiction", "detroit", "--certificate"];
    let rest = ["certs/detroit/c.hargrove.pem", "--obligation", &task, "--reason", WHY];
    let done = court.deployment.run(&[&typed[..], &rest].concat()).unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("6.1(2)a") && said.contains("on record as entry"), "{said}");
    let done = court.deployment.run(&[&typed[..], &rest, &["--json"]].concat()).unwrap();
    let problem: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((done.status.code(), &problem["status"]), (Some(3), &json!(403)));
    let left = court.client(COMMANDER).get("/v1/detroit/obligations").await.unwrap().json().unwrap();
    assert!(left.as_array().unwrap().iter().any(|o| o["id"] == task.as_str()), "it is still to be done");

    court.deployment.stop().unwrap();
    let replayed = court.deployment.run(&["audit", "replay", "--config", "magistrate.toml", "--json"]).unwrap();
    let last = String::from_utf8_lossy(&replayed.stdout).lines().last().unwrap().to_owned();
    let counts: Value = serde_json::from_str(&last).unwrap();
    assert!(replayed.status.success() && counts["same"] == counts["decisions"], "{counts}");
    let shown = ["audit", "show", "--config", "magistrate.toml", "--jurisdiction", "detroit", "--phase", "waiver"];
    let shown = court.deployment.run(&shown).unwrap();
    assert!(shown.status.success() && String::from_utf8_lossy(&shown.stdout).contains("waiver"));
}
