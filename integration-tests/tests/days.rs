//! Whole lives over HTTP that take days: a probe that has to go where there is no lead, and a mugshot that is carried off as
//! evidence before its tenth day ends. The clock is set (`clock`), so the server runs in this process.

use crate::clock::{House, Scribe, at, entries};
use crate::common::life::{cited, dispositions, outgoing, signing};
use crate::common::{MODEL, outcome, packed, request, template};
use casework::Casework;
use casework::retention::{Exports, Means};
use integration_tests::Example;
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const DETROIT: &str = "detroit";
const EXAMINER: &str = "m.whitfield";
const SUPERVISOR: &str = "s.baptiste";

const ST_LOUIS: &str = "st-louis";
const ANALYST: &str = "r.abara";
const DETECTIVE: &str = "d.reyes";
const ADMINISTRATOR: &str = "s.okafor";
const CENTER: &str = "n.ferrer";

/// A house at work since this moment, with six records, and `purge_as` by whose standing order purges are carried out.
async fn house(jurisdiction: &'static str, since: &str, means: impl FnOnce(&House) -> Means) -> Option<House> {
    let mut house = House::new(jurisdiction, at(since))?;
    let mut opened = house.casework().await.unwrap().with_draughting(Arc::new(Scribe));
    opened.provide(jurisdiction, means(&house));
    house.serve(opened).await;
    let example = Example::read(jurisdiction).unwrap();
    let record = |seed: usize| {
        let booking = json!({"name": format!("Person {seed}"), "booking-number": format!("B-{seed}")});
        json!({"id": format!("m-{seed:04}"), "template": packed(&template(seed)), "booking": booking})
    };
    let records: Vec<Value> = (1..=6).map(record).collect();
    let batch = json!({"model": MODEL, "answers": example.enroll, "records": records});
    let path = format!("galleries/{}/records", example.gallery);
    let (status, enrolled) = house.post(&example.registrar, &path, &batch).await;
    assert_eq!(status, 200, "{enrolled}");
    Some(house)
}

/// Opens a request of this seed's probe, and searches; gives its id and the records of its list.
async fn searched(house: &House, seed: usize, plan: &Value) -> (String, Vec<String>) {
    let opened = house.take(EXAMINER, "requests", &request(DETROIT, seed)).await;
    let id = opened["request"].as_str().unwrap().to_owned();
    let found = house.take(EXAMINER, &format!("requests/{id}/search"), plan).await;
    let list = found["candidates"].as_array().unwrap().iter();
    (id, list.map(|c| c["record_id"].as_str().unwrap().to_owned()).collect())
}

async fn has_template(casework: &Casework, request: &str) -> bool {
    casework.request(DETROIT, request).await.unwrap().template.is_some()
}

/// A step that has to be refused as out of place, under these clauses, on record and with the request as it was.
async fn out_of_place(house: &House, id: &str, (step, body): &(&str, Value), says: &str, clauses: &[&str]) {
    let seen = async || {
        let mut seen = house.get(EXAMINER, &format!("requests/{id}")).await;
        seen.as_object_mut().unwrap().remove("refusals");
        seen
    };
    let (stood, before) = (seen().await, entries(&mut house.client(EXAMINER)).await);
    let (status, problem) = house.post(EXAMINER, &format!("requests/{id}/{step}"), body).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:magistrate:problem:out-of-place")), "{step}: {problem}");
    assert!(problem["detail"].as_str().unwrap().contains(says), "{step}: {problem}");
    let under: Vec<_> = clauses.iter().map(|clause| (DETROIT, *clause)).collect();
    assert_eq!(cited(&problem), under, "{step}: {problem}");
    assert!(problem.get("candidates").is_none(), "{problem}");
    assert!(entries(&mut house.client(EXAMINER)).await > before, "{step}: it is on record");
    assert_eq!(seen().await, stood, "{step}");
}

/// What somebody would go on with.
fn next_steps() -> [(&'static str, Value); 4] {
    let record = ["m-0001".to_owned()];
    [
        ("search", json!({"candidates": 3})),
        ("dispositions", dispositions(&record, true)),
        ("sign-offs", signing("examiner", "lead")),
        ("release", outgoing(&record)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_lead_the_probe_is_gone_within_a_day_and_nothing_goes_on_without_it() {
    let means = |_: &House| Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) };
    let Some(mut house) = house(DETROIT, "2026-03-10T15:00:00.000Z", means).await else { return };

    // One that two people looked at and found nobody in, one whose search left everybody out, and one that is under way.
    let three = json!({"candidates": 3});
    let (released, list) = searched(&house, 4, &three).await;
    let step = |step: &str| format!("requests/{released}/{step}");
    house.take(EXAMINER, &step("dispositions"), &dispositions(&list, false)).await;
    house.take(EXAMINER, &step("sign-offs"), &signing("examiner", "no-lead")).await;
    house.take(SUPERVISOR, &step("sign-offs"), &signing("ciu-supervisor", "no-lead")).await;
    house.take(EXAMINER, &step("release"), &outgoing(&[])).await;
    let filtered = json!({"candidates": 3, "filter": {"sex": {"one_of": ["F"]}}});
    let (empty, list) = searched(&house, 5, &filtered).await;
    assert!(list.is_empty(), "of nobody's sex anything is known: {list:?}");
    let (under_way, list) = searched(&house, 6, &three).await;
    assert_eq!(list.len(), 3);

    house.serve_again_at("2026-03-11T12:00:00.000Z").await;
    let casework = house.stop().await;
    for request in [&released, &empty, &under_way] {
        assert!(has_template(&casework, request).await, "not before it has to");
    }
    house.serve(casework).await;

    for time in ["2026-03-11T16:00:00.000Z", "2026-03-11T16:10:00.000Z"] {
        house.serve_again_at(time).await;
    }
    let casework = house.stop().await;
    assert!(!has_template(&casework, &released).await);
    assert!(has_template(&casework, &empty).await, "nothing was said of those left out");
    assert!(has_template(&casework, &under_way).await, "a lead may yet be found there");
    house.serve(casework).await;

    let purges = house.purges(&released).await;
    assert_eq!(purges.len(), 1, "once, and on record");
    let proof = purges[0];
    let seen = house.get(EXAMINER, &format!("requests/{released}")).await;
    assert_eq!(seen["purged"][0]["what"], "probe", "{seen}");
    let owed = seen["obligations"].as_array().unwrap().iter();
    let purges: Vec<_> = owed.filter(|o| !o["duty"]["purge"].is_null()).collect();
    assert!(!purges.is_empty() && purges.iter().all(|o| o["state"] == "met"), "{purges:?}");
    for request in [&empty, &under_way] {
        assert!(house.purges(request).await.is_empty());
    }
    // By where each has its place, and by the report that a result leaves with.
    let places: [&[&str]; 4] =
        [&["2.4", "5.4(4)-a"], &["5.4(3)-c", "5.4(4)-a"], &["5.4(3)-c", "5.4(4)-a"], &["5.4(4)-a"]];
    for (step, clauses) in next_steps().iter().zip(places) {
        out_of_place(&house, &released, step, "is not changed any more: open a new request", clauses).await;
    }

    // By hand too, and by somebody who may.
    let bare = json!({"kind": "purge", "subject": "probe", "record": under_way, "answers": {}});
    let (status, problem) = house.post(SUPERVISOR, "retention", &bare).await;
    assert_eq!((status, outcome(&problem, DETROIT, "6.1(3)b")), (409, Some("missing")), "{problem}");
    let mut purge = bare;
    purge["answers"] = json!({"retention-reason": "the request was withdrawn"});
    let (status, problem) = house.post(EXAMINER, "retention", &purge).await;
    assert_eq!((status, outcome(&problem, DETROIT, "7(4)")), (403, Some("violated")), "{problem}");
    let purged = house.take(SUPERVISOR, "retention", &purge).await;
    assert_eq!(purged["destroyed"][0]["what"], "probe", "{purged}");
    for step in next_steps() {
        let says = "the probe of this request was destroyed at";
        out_of_place(&house, &under_way, &step, says, &["6.1(3)b"]).await;
    }
    let (status, again) = house.post(SUPERVISOR, "retention", &purge).await;
    assert!(status == 409 && again["detail"].as_str().unwrap().contains("there is nothing left of it"), "{again}");
    assert!(cited(&again).contains(&(DETROIT, "6.1(3)b")), "{again}");
    house.closes_and_proves(proof).await;
}

/// What was said of the first mugshot's stay.
fn about(kind: &str, answers: &Value) -> Value {
    json!({
        "kind": kind, "subject": "gallery-record", "gallery": "mugshots", "record": "m-0001", "answers": answers,
    })
}

/// Checks a transfer by what lies on the medium; gives the names of its files.
fn checks(folder: &Path, manifest: &Value) -> Vec<String> {
    let bytes = std::fs::read(folder.join("manifest.json")).unwrap();
    assert_eq!(json!(Digest::of(&bytes)), *manifest, "the manifest is the one on record");
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let custody = manifest["custody"].to_string();
    assert!(custody.contains("DVD 26-E-0077") && custody.contains("property room"), "{manifest}");
    assert_eq!((&manifest["record"], &manifest["jurisdiction"]), (&json!("m-0001"), &json!(ST_LOUIS)), "{manifest}");
    assert_eq!(manifest["authorised_by"]["person"], ADMINISTRATOR, "{manifest}");
    let mut names = Vec::new();
    for file in manifest["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let (digest, length) = (json!(Digest::of(&bytes)), json!(bytes.len()));
        assert_eq!((&file["sha256"], &file["bytes"]), (&digest, &length), "{file}");
        names.push(name.to_owned());
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_in_writing_is_carried_off_and_is_gone_on_day_ten() {
    let on_medium = |house: &House| {
        let medium = house.deployment.home.join("medium");
        std::fs::create_dir_all(&medium).unwrap();
        let exports: Exports =
            Box::new(move || cap_std::fs::Dir::open_ambient_dir(&medium, cap_std::ambient_authority()));
        Means { exports: Some(exports), purge_as: Some(ADMINISTRATOR.to_owned()) }
    };
    let Some(mut house) = house(ST_LOUIS, "2026-03-01T16:00:00.000Z", on_medium).await else { return };
    let medium = house.deployment.home.join("medium");
    let noticed = house.take(ANALYST, "retention", &about("notice", &json!({}))).await;
    assert_eq!(noticed["docket"]["noticed"], "2026-03-01", "{noticed}");

    // A detective writes that it is evidence, and the Administrator decides.
    let oral = about("hold", &json!({"written-notice": false}));
    let (_, problem) = house.post(DETECTIVE, "retention", &oral).await;
    assert_eq!(outcome(&problem, ST_LOUIS, "D.4.a-1"), Some("violated"), "{problem}");
    let asked = house.take(DETECTIVE, "retention", &about("hold", &json!({"written-notice": true}))).await;
    assert!(asked["pending"] == true && asked["docket"]["held"].is_null(), "{asked}");
    let decided = json!({"evidentiary-value": true, "decision-reasons": "the mugshot is exhibit 4 in a pending trial"});
    let held = house.take(ADMINISTRATOR, "retention", &about("hold", &decided)).await;
    assert!(held["pending"] == false && held["docket"]["held"].is_object(), "{held}");
    let (_, problem) = house.post(ADMINISTRATOR, "retention", &about("purge", &json!({}))).await;
    assert!(outcome(&problem, ST_LOUIS, "D.4.a-3").is_some_and(|fared| fared != "satisfied"), "{problem}");

    // Onto a medium in somebody's custody, and onto none otherwise.
    let custody = json!({"export-media": "DVD 26-E-0077", "export-custodian": "property room"});
    for (who, answers) in [(ADMINISTRATOR, &json!({})), (DETECTIVE, &custody)] {
        let (status, problem) = house.post(who, "retention", &about("export", answers)).await;
        assert!(status == 403 || status == 409, "{who}: {problem}");
        assert_eq!(medium.read_dir().unwrap().count(), 0, "{who}: nothing was written");
    }
    let exported = house.take(ADMINISTRATOR, "retention", &about("export", &custody)).await;
    let export = exported["docket"]["exported"].clone();
    let folder = medium.join(export["folder"].as_str().unwrap());
    assert_eq!(checks(&folder, &export["manifest"]), ["booking.json", "template.f32"]);
    assert!(std::fs::read_to_string(folder.join("booking.json")).unwrap().contains("Person 1"));
    let auditor = house.get("a.whitfield", "audit/entries?first=0&count=1000").await;
    let event = |e: &Value| e["account"]["event"].clone();
    let on_record = auditor["entries"].as_array().unwrap().iter().map(event).find(|e| e["what"] == "exported").unwrap();
    assert_eq!((&on_record["manifest"], &on_record["folder"]), (&export["manifest"], &export["folder"]));

    // The tenth day's last hour, by the jurisdiction's own calendar, and the hour that follows.
    house.serve_again_at("2026-03-12T03:30:00.000Z").await;
    let casework = house.stop().await;
    house.serve(casework).await;
    assert!(house.docket(1).await["purged"].is_null(), "not before it has to");
    for time in ["2026-03-12T04:10:00.000Z", "2026-03-12T15:00:00.000Z"] {
        house.serve_again_at(time).await;
    }
    let gone = house.docket(1).await;
    assert!(gone["purged"].as_str().is_some_and(|at| at.starts_with("2026-03-12T04:10:00")), "{gone}");
    let purges = house.purges("m-0001").await;
    assert_eq!(purges.len(), 1, "once, and on record");
    let found = house.take(ANALYST, "searches", &json!({"request": request(ST_LOUIS, 1)})).await;
    let found = found["candidates"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|c| c["record_id"] != "m-0001"), "{found:?}");
    for (kind, answers) in [("export", &custody), ("hold", &decided), ("purge", &json!({}))] {
        let (status, problem) = house.post(ADMINISTRATOR, "retention", &about(kind, answers)).await;
        assert_eq!((status, &problem["type"]), (409, &json!("urn:magistrate:problem:out-of-place")), "{problem}");
    }
    checks(&folder, &export["manifest"]);
    house.closes_and_proves(purges[0]).await;
}

/// What is asked, or decided, of a mugshot's stay beyond its ten days.
fn extension(number: usize, day: Option<&str>, answers: &Value) -> Value {
    let mut asked = about("extend", answers);
    asked["record"] = json!(format!("m-{number:04}"));
    asked["day"] = json!(day);
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extension_that_is_granted_moves_the_purge_and_one_that_is_denied_does_not() {
    let means = |_: &House| Means { exports: None, purge_as: Some(ADMINISTRATOR.to_owned()) };
    let Some(mut house) = house(ST_LOUIS, "2026-03-01T16:00:00.000Z", means).await else { return };
    let (june, reasons) = (Some("2026-06-30"), "the appeal is heard in June");
    let items = json!({
        "extension-need": "the appeal is pending", "extension-circumstances": "the court has not ruled on the line-up",
        "agency-case-number": "26-118", "point-of-contact": "Det. Dana Reyes, 314-555-0100",
    });
    let decides = |yes: bool| json!({"extension-granted": yes, "decision-reasons": reasons});
    // Before a notice there is nothing to extend, and the day that somebody names does not wait for one.
    let mut at_once = items.clone();
    at_once.as_object_mut().unwrap().extend(decides(true).as_object().unwrap().clone());
    for (who, answers) in [(DETECTIVE, &items), (CENTER, &at_once)] {
        let (status, problem) = house.post(who, "retention", &extension(3, june, answers)).await;
        assert_eq!((status, outcome(&problem, ST_LOUIS, "D.4.b-2")), (409, Some("missing")), "{who}: {problem}");
    }
    let mut notice = about("notice", &json!({}));
    notice["record"] = json!("m-0003");
    let noticed = house.take(ANALYST, "retention", &notice).await;
    assert!(noticed["docket"]["extended"].is_null() && noticed["docket"]["asked"].is_null(), "{noticed}");
    for number in [1, 2] {
        let mut notice = about("notice", &json!({}));
        notice["record"] = json!(format!("m-{number:04}"));
        house.take(ANALYST, "retention", &notice).await;
        let mut three = items.clone();
        three.as_object_mut().unwrap().remove("agency-case-number");
        let (status, problem) = house.post(DETECTIVE, "retention", &extension(number, june, &three)).await;
        assert_eq!((status, outcome(&problem, ST_LOUIS, "D.4.b-1")), (403, Some("violated")), "{problem}");
        let asked = house.take(DETECTIVE, "retention", &extension(number, june, &items)).await;
        assert!(asked["pending"] == true && asked["docket"]["extended"].is_null(), "{asked}");
        let bare = json!({"extension-granted": true});
        let (status, problem) = house.post(ADMINISTRATOR, "retention", &extension(number, june, &bare)).await;
        assert_eq!((status, &problem["type"]), (409, &json!("urn:magistrate:problem:out-of-place")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("already asked by `st-louis/d.reyes`"), "{problem}");
        let (status, problem) = house.post(CENTER, "retention", &extension(number, june, &bare)).await;
        assert_eq!((status, outcome(&problem, ST_LOUIS, "D.4.b-2")), (409, Some("missing")), "{problem}");
    }
    let granted = house.take(CENTER, "retention", &extension(1, june, &decides(true))).await;
    assert!(granted["pending"] == false && granted["docket"]["extended"] == "2026-06-30", "{granted}");
    let denied = house.take(CENTER, "retention", &extension(2, None, &decides(false))).await;
    assert!(denied["pending"] == false && denied["docket"]["extended"].is_null(), "{denied}");
    assert!(denied["docket"]["asked"].is_null(), "nothing waits any more: {denied}");
    let (status, problem) = house.post(CENTER, "retention", &extension(2, None, &decides(false))).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("no extension of this record"), "{problem}");

    for time in ["2026-03-12T04:10:00.000Z", "2026-03-12T15:00:00.000Z"] {
        house.serve_again_at(time).await;
    }
    assert!(house.docket(1).await["purged"].is_null(), "its stay was extended");
    for number in [2, 3] {
        let gone = house.docket(number).await;
        assert!(gone["purged"].as_str().is_some_and(|at| at.starts_with("2026-03-12T04:10:00")), "{gone}");
    }
    for time in ["2026-07-01T04:30:00.000Z", "2026-07-01T15:00:00.000Z"] {
        house.serve_again_at(time).await;
    }
    let gone = house.docket(1).await;
    assert!(gone["purged"].as_str().is_some_and(|at| at.starts_with("2026-07-01T04:30:00")), "{gone}");
    let purges = house.purges("m-0001").await;
    assert_eq!(purges.len(), 1, "once, and on record");
    house.closes_and_proves(purges[0]).await;
}
