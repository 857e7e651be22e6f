//! Reports over HTTP: who may have one drawn up, and who may read it.

use crate::common::{court, outcome};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::terms::Digest;
use serde_json::{Value, json};

const UNIT: &str = "detroit/m.whitfield";
const AUDITOR: &str = "detroit/a.feld";
const ANYBODY: &str = "st-louis/r.abara";

pub fn weekly() -> Value {
    let answers = json!({"software-upgrades": "none", "contract-changes": "none", "confirmed-violations": "none"});
    json!({"report": "weekly", "answers": answers})
}

pub fn annual() -> Value {
    let answers = json!({"lawsuits": "none", "settlements": "none", "efficacy": "nothing was searched"});
    json!({"report": "annual", "answers": answers})
}

#[tokio::test]
async fn a_public_report_is_for_everybody_and_another_for_auditors() {
    let Some(court) = court().await else { return };
    let drawn = court.client(UNIT).post("/v1/detroit/reports", &weekly()).await.unwrap();
    let week = drawn.json().unwrap();
    assert_eq!(drawn.status, 200, "{week}");
    court.check_receipt("detroit", &week["receipt"]);
    let drawn = court.client(UNIT).post("/v1/detroit/reports", &annual()).await.unwrap();
    let year = drawn.json().unwrap();
    assert_eq!(drawn.status, 200, "{year}");
    assert_eq!((&week["public"], &year["public"]), (&json!(false), &json!(true)));

    let mut anybody = court.client(ANYBODY);
    let listed = anybody.get("/v1/detroit/reports").await.unwrap().json().unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!((&listed[0]["id"], &listed[0]["report"]), (&year["id"], &json!("annual")));
    assert!(listed[0].get("by").is_none(), "{listed}");
    let files = year["files"].as_array().unwrap();
    let starts = [("html", "<!"), ("pdf", "%PDF-"), ("csv", "section,"), ("json", "{")];
    assert_eq!(files.len(), starts.len());
    for (form, start) in starts {
        let path = format!("/v1/detroit/reports/{}.{form}", year["id"].as_str().unwrap());
        let answer = anybody.get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
        let file = files.iter().find(|file| file["form"] == form).unwrap();
        assert_eq!(answer.content_type, file["media_type"].as_str().unwrap());
        assert_eq!(file["digest"], Digest::of(&answer.body).to_string());
        assert_eq!(BASE64_STANDARD.decode(file["content"].as_str().unwrap()).unwrap(), answer.body);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.trim_start().to_lowercase().starts_with(&start.to_lowercase()), "{form}");
    }

    let closed = format!("{}.html", week["id"].as_str().unwrap());
    assert_eq!(anybody.get(&format!("/v1/detroit/reports/{closed}")).await.unwrap().status, 404);
    assert_eq!(anybody.get(&format!("/v1/detroit/audit/reports/{closed}")).await.unwrap().status, 403);
    let mut auditor = court.client(AUDITOR);
    let read = auditor.get(&format!("/v1/detroit/audit/reports/{closed}")).await.unwrap();
    assert!(read.status == 200 && String::from_utf8_lossy(&read.body).contains("Stated by whoever drew this up"));
    let all = auditor.get("/v1/detroit/audit/reports").await.unwrap().json().unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
}

#[tokio::test]
async fn the_system_report_is_published_by_those_who_are_responsible_and_by_nobody_else() {
    let Some(court) = court().await else { return };
    let system = json!({"report": "smrt-system-report", "from": "2026-01-01", "to": "2026-01-31"});
    let another = |report: &str| {
        let mut body = system.clone();
        body["report"] = json!(report);
        body
    };
    for (who, body, clause, status, fared) in [
        ("st-louis/r.abara", system.clone(), "F.3-a", 403, "violated"),
        ("st-louis/a.whitfield", system.clone(), "F.3-a", 403, "violated"),
        (
            "st-louis/e.marsh",
            json!({"report": "smrt-system-report", "from": "2036-01-01", "to": "2036-01-31"}),
            "A.1-a",
            403,
            "violated",
        ),
        ("st-louis/d.reyes", another("smrt-audit"), "E.1-b", 403, "violated"),
        ("st-louis/a.whitfield", another("smrt-random-audit"), "E.2", 409, "missing"),
    ] {
        let answer = court.client(who).post("/v1/st-louis/reports", &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, status, "{who}: {problem}");
        assert_eq!(outcome(&problem, "st-louis", clause), Some(fared), "{who}: {problem}");
    }
    let mut anybody = court.client("detroit/h.dawson");
    let listed = anybody.get("/v1/st-louis/reports").await.unwrap().json().unwrap();
    assert_eq!(listed, json!([]), "nothing that was refused is published");
    let drawn = court.client("st-louis/e.marsh").post("/v1/st-louis/reports", &system).await.unwrap();
    let report = drawn.json().unwrap();
    assert_eq!(drawn.status, 200, "{report}");
    for clause in ["F.3-a", "A.1-a"] {
        assert_eq!(outcome(&report, "st-louis", clause), Some("satisfied"), "{report}");
    }
    let path = format!("/v1/st-louis/reports/{}.html", report["id"].as_str().unwrap());
    assert_eq!(anybody.get(&path).await.unwrap().status, 200);

    let mut drawn = another("smrt-random-audit");
    drawn["answers"] = json!({"sample-seed": "2026-01", "sample-size": 5});
    let answer = court.client("st-louis/a.whitfield").post("/v1/st-louis/reports", &drawn).await.unwrap();
    let audit = answer.json().unwrap();
    assert_eq!(answer.status, 200, "{audit}");
    for clause in ["E.1-b", "E.2"] {
        assert_eq!(outcome(&audit, "st-louis", clause), Some("satisfied"), "{audit}");
    }
    let path = format!("/v1/st-louis/reports/{}.html", audit["id"].as_str().unwrap());
    assert_eq!(anybody.get(&path).await.unwrap().status, 404, "an audit is not for everybody");
}

#[tokio::test]
async fn what_is_no_report_is_refused_with_what_would_change_it() {
    let Some(court) = court().await else { return };
    let with = |name: &str, value: Value| {
        let mut body = weekly();
        body[name] = value;
        body
    };
    let mut half = with("from", json!("2026-03-02"));
    half["to"] = json!("2026-03-04");
    for (who, body, status, says) in [
        ("detroit/h.dawson", weekly(), 403, "Crime Intelligence Unit"),
        (ANYBODY, weekly(), 403, "people of the jurisdiction"),
        (UNIT, with("answers", json!({})), 409, "or none"),
        (UNIT, json!({"report": "annual"}), 409, "efficacy"),
        (UNIT, half, 403, "whole week"),
        (UNIT, with("from", json!("2026-03-02")), 422, "give both"),
        (UNIT, with("report", json!("daily")), 404, "charter"),
        (UNIT, with("reprot", json!("weekly")), 422, "reprot"),
        (UNIT, json!({"report": "purge-audit"}), 422, "on demand"),
    ] {
        let answer = court.client(who).post("/v1/detroit/reports", &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says}: {problem}");
    }
    let listed = court.client(AUDITOR).get("/v1/detroit/audit/reports").await.unwrap().json().unwrap();
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn anomalies_and_samples_are_for_auditors_and_the_look_is_on_record() {
    let Some(court) = court().await else { return };
    court.search("detroit", 5).await;
    let mut auditor = court.client(AUDITOR);
    let survey = auditor.get("/v1/detroit/audit/anomalies?subjects_per_case=1").await.unwrap().json().unwrap();
    let found = survey["anomalies"].as_array().unwrap();
    let crowded = found.iter().find(|a| a["kind"] == "subjects-per-case").unwrap();
    let index = crowded["entries"][0].as_u64().unwrap();
    let entry = &court.audit("detroit", index).await[0];
    assert_eq!(entry["account"]["event"]["what"], "searched", "the number leads to its entry");

    let size = court.entries("detroit").await;
    let one = auditor.get("/v1/detroit/audit/sample?seed=2026-03&n=4").await.unwrap().json().unwrap();
    assert_eq!(one["size"], size);
    let again = format!("/v1/detroit/audit/sample?seed=2026-03&n=4&size={size}");
    let two = auditor.get(&again).await.unwrap().json().unwrap();
    assert_eq!(one["drawn"], two["drawn"]);
    let looks = court.audit("detroit", size).await;
    assert_eq!(looks[0]["account"]["event"]["what"], "surveyed", "{looks:?}");
    for query in ["n=4", "seed=", "seed=a%20b", "seed=a&n=x", "seed=a&n=0", "seed=a&size=1000000"] {
        let answer = auditor.get(&format!("/v1/detroit/audit/sample?{query}")).await.unwrap();
        assert_eq!(answer.status, 422, "{query}");
    }
    for path in ["anomalies", "sample?seed=a", "reports"] {
        let answer = court.client(UNIT).get(&format!("/v1/detroit/audit/{path}")).await.unwrap();
        assert_eq!(answer.status, 403, "{path}");
    }
}
