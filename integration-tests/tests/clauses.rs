//! Clauses over HTTP, in both directions: what each permits, and beside it what it refuses, on record.

use crate::common::life::{ASKER, FIRST, PATROL, SECOND, court_with, reopen};
use crate::common::{Court, MODEL, court, outcome, packed, path, request, searcher, template};
use integration_tests::Example;
use model::terms::Instant;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The Real-Time Crime Center's analyst, who enters requests there; its commander; a detective and an officer.
const ANALYST: &str = "st-louis/r.abara";
const COMMANDER: &str = "st-louis/e.marsh";
const DETECTIVE: &str = "st-louis/d.reyes";
const OFFICER: &str = "st-louis/p.nolan";

/// A clause, what is asked otherwise than in the example and permitted, what is refused, and how the clause fares then. What is
/// null is left out.
type Pair = (&'static str, Value, Value, &'static str);

fn answers(answers: Value) -> Value {
    json!({ "answers": answers })
}

/// What part 2, 3 and 5 of one directive ask of a request.
fn detroit() -> Vec<Pair> {
    let invasion = |dwelling: bool, armed: bool, present: bool| {
        answers(json!({
            "crime": "home-invasion-1", "dwelling-entered": dwelling, "felonious-intent": true,
            "entrant-armed": armed, "person-lawfully-present": present,
        }))
    };
    let solely = |category: &str| answers(json!({"protected-sole": true, "protected-category": category}));
    vec![
        ("1-a", json!({}), answers(json!({"suspicion-attested": false})), "violated"),
        ("2.6", invasion(true, false, true), invasion(false, true, false), "violated"),
        ("2.7", answers(json!({"crime": "homicide"})), answers(json!({"crime": "larceny"})), "violated"),
        ("3.1", json!({}), answers(json!({"surveillance": true})), "violated"),
        ("3.2", json!({}), json!({"probe": {"media": "live-stream"}}), "violated"),
        ("3.3", json!({"channel": "phone"}), json!({"channel": "mobile-app"}), "violated"),
        ("3.4", json!({}), answers(json!({"predictive-analysis": true})), "violated"),
        ("3.5-a", json!({}), solely("views-or-activities"), "violated"),
        ("3.5-b", json!({}), solely("organization-or-event"), "violated"),
        ("3.5-c", json!({}), solely("protected-class"), "violated"),
        ("3.5-req", json!({}), solely("protected-class"), "violated"),
        ("3.6", json!({}), answers(json!({"immigration-status": true})), "violated"),
        ("5.1", json!({}), json!({"probe": {"media": "sketch"}}), "violated"),
        ("5.2", json!({"case_status": "open"}), json!({"case_status": "closed"}), "violated"),
        (
            "5.2",
            answers(json!({"crime": "homicide", "subject-role": "victim"})),
            json!({"purpose": "missing-person", "answers": {"crime": "missing-person", "subject-role": "other"}}),
            "violated",
        ),
        ("5.3", json!({"batch_size": 6}), json!({"batch_size": 60}), "missing"),
        ("5.4(1)-a", json!({}), json!({"reason": "n/a"}), "missing"),
        ("7(8)-a", json!({}), json!({"automated": true}), "violated"),
        ("7(9)-c", json!({}), json!({"identifiers": []}), "missing"),
    ]
}

/// What 5.5 asks beside it of a federal agency with an agreement.
fn outside() -> Vec<Pair> {
    let differs = |more: Value| {
        let mut asked = json!({
            "requester": "k.brandt",
            "answers": {
                "requester-address": "333 Mt Elliott Street, Detroit", "requester-phone": "+1 313 555 0177",
                "statement-acknowledged": true,
            },
        });
        merge(&mut asked, &more);
        asked
    };
    let same = || differs(json!({}));
    // An agency that the Department's registry does not know has no agreement with it.
    let unknown = json!({"requester": "st-louis/i.brandt", "answers": {"protected-involved": false}});
    vec![
        ("5.5-a", same(), differs(unknown), "violated"),
        ("5.5-b2", same(), differs(answers(json!({"crime": "fraud"}))), "violated"),
        ("5.5-b3", same(), differs(answers(json!({"requester-phone": null}))), "missing"),
        ("5.5-b4", same(), differs(answers(json!({"statement-acknowledged": null}))), "missing"),
        ("3.6", same(), differs(answers(json!({"immigration-status": true}))), "violated"),
    ]
}

/// What parts B, C and E of the other ask.
fn st_louis() -> Vec<Pair> {
    let ordered = |is_final: bool| {
        let order = json!({
            "order-id": "22nd Judicial Circuit, 2622-CR00417", "order-use": "establish the claimant's identity",
            "order-final": is_final, "order-stayed": false,
        });
        json!({"purpose": "court-ordered", "answers": order})
    };
    let purpose = |purpose: &str, more: Value| json!({"purpose": purpose, "answers": more});
    vec![
        ("A.2-a", json!({}), json!({"probe": {"media": "synthetic"}}), "violated"),
        ("B.1", json!({}), json!({"purpose": "curiosity"}), "violated"),
        (
            "B.1",
            purpose("prosecution", json!({"prosecution": "State v. Roe, on the lead of 26-010482"})),
            purpose("prosecution", json!({})),
            "missing",
        ),
        ("B.1-order", ordered(true), ordered(false), "violated"),
        ("B.1.a", answers(json!({"crime": "shoplifting"})), answers(json!({"crime": null})), "missing"),
        (
            "B.1.b",
            purpose("law-violation", json!({"law": "illinois"})),
            purpose("law-violation", json!({"law": "other"})),
            "violated",
        ),
        (
            "B.1.c",
            purpose("terrorism", json!({"narrative": "the cell that had bombs sent to three courthouses"})),
            purpose("terrorism", json!({})),
            "missing",
        ),
        (
            "B.1.d",
            purpose("missing-person", json!({"subject-role": "missing"})),
            purpose("missing-person", json!({"subject-role": "suspect"})),
            "violated",
        ),
        (
            "B.1.e",
            purpose("identity-verification", json!({"encounter": "traffic-stop"})),
            purpose("identity-verification", json!({})),
            "missing",
        ),
        ("B.2", purpose("other", json!({"narrative": "identify a decedent"})), purpose("other", json!({})), "missing"),
        (
            "B.3",
            answers(json!({"protected-involved": true, "protected-sole": false})),
            answers(json!({"protected-involved": true, "protected-sole": true})),
            "violated",
        ),
        ("B.4-a", json!({}), json!({"automated": true}), "violated"),
        ("B.4-b", json!({"batch_size": 6}), json!({"batch_size": 500}), "missing"),
        ("C.1-a", json!({"requester": "p.nolan"}), json!({"requester": "s.okafor"}), "violated"),
        ("C.2", json!({"identifiers": []}), json!({"identifiers": [], "reason": "..."}), "missing"),
        ("C.3", json!({}), answers(json!({"best-available": false})), "violated"),
        ("E.2.a", json!({}), json!({"purpose": " "}), "missing"),
        ("E.2.c", json!({}), json!({"reason": "-"}), "missing"),
    ]
}

/// Lays one over the other, table by table; what is null is taken out.
fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        match into.get_mut(key) {
            Some(old) if old.is_object() && value.is_object() => merge(old, value),
            _ if value.is_null() => drop(into.as_object_mut().unwrap().remove(key)),
            _ => into[key] = value.clone(),
        }
    }
}

fn asked(jurisdiction: &str, differs: &Value) -> Value {
    let mut asked = request(jurisdiction, 1);
    merge(&mut asked, differs);
    asked
}

/// Asks somebody's jurisdiction for a request to be opened; the answer, and whether it is on record.
async fn open(court: &Court, who: &str, jurisdiction: &str, differs: &Value) -> (u16, Value) {
    let before = court.entries(jurisdiction).await;
    let opening = format!("/v1/{jurisdiction}/requests");
    let answer = court.client(who).post(&opening, &asked(jurisdiction, differs)).await.unwrap();
    let (status, said) = (answer.status.as_u16(), answer.json().unwrap());
    assert!(court.entries(jurisdiction).await > before, "on record: {differs}: {said}");
    court.check_receipt(jurisdiction, &said["receipt"]);
    (status, said)
}

fn holds(said: &Value, jurisdiction: &str, clause: &str) -> bool {
    matches!(outcome(said, jurisdiction, clause), Some("satisfied" | "noted"))
}

#[tokio::test]
async fn a_request_is_permitted_and_refused_clause_by_clause() {
    let Some(court) = court().await else { return };
    let all = [("detroit", FIRST, detroit()), ("detroit", FIRST, outside()), ("st-louis", ANALYST, st_louis())];
    for (jurisdiction, who, pairs) in all {
        for (clause, permitted, refused, fared) in pairs {
            let (status, said) = open(&court, who, jurisdiction, &permitted).await;
            assert!((200..300).contains(&status), "{clause} {permitted}: {said}");
            assert!(holds(&said, jurisdiction, clause), "{clause}: {said}");
            let (status, said) = open(&court, who, jurisdiction, &refused).await;
            // Another clause may deny what this one asks more of.
            assert!([403, 409].contains(&status), "{clause} {refused}: {said}");
            assert_eq!(outcome(&said, jurisdiction, clause), Some(fared), "{clause} {refused}: {said}");
            assert!(said.get("request").is_none(), "nothing was opened: {said}");
        }
    }
}

#[tokio::test]
async fn what_may_be_said_is_taken_note_of_and_denies_nothing() {
    let Some(court) = court().await else { return };
    let device = json!({"channel": "media", "answers": {"storage-device": "DVD 26-010482-1"}});
    for (jurisdiction, who, clause, said, unsaid) in [
        ("st-louis", ANALYST, "C.3.a", device, json!({"channel": "media"})),
        ("st-louis", ANALYST, "C.3.b", json!({}), json!({"probe": {"source": ""}})),
        ("detroit", FIRST, "5.4(1)-b", json!({}), answers(json!({"evidence-number": null}))),
    ] {
        for (differs, fared) in [(said, "satisfied"), (unsaid, "noted")] {
            let (status, opened) = open(&court, who, jurisdiction, &differs).await;
            assert_eq!((status, outcome(&opened, jurisdiction, clause)), (200, Some(fared)), "{differs}: {opened}");
        }
    }
}

#[tokio::test]
async fn the_examiner_judges_the_image_before_it_is_searched() {
    let Some(court) = court().await else { return };
    let found = court.search("detroit", 3).await;
    assert_eq!(outcome(&found, "detroit", "2.3-b"), Some("satisfied"), "{found}");
    let unsuitable = json!({"request": request("detroit", 3), "answers": {"probe-suitable": false}});
    let answer = court.client(FIRST).post(&path("detroit"), &unsuitable).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert_eq!(outcome(&problem, "detroit", "2.3-b"), Some("violated"), "{problem}");
    assert!(problem.get("candidates").is_none());
}

#[tokio::test]
async fn the_center_takes_requests_in_and_those_authorised_search() {
    let Some(court) = court().await else { return };
    for (who, status, fared) in [(ANALYST, 200, "satisfied"), (DETECTIVE, 200, "satisfied"), (OFFICER, 403, "violated")]
    {
        let (answered, said) = open(&court, who, "st-louis", &json!({})).await;
        assert_eq!((answered, outcome(&said, "st-louis", "C.1-b")), (status, Some(fared)), "{who}: {said}");
    }
    let body = json!({"request": request("st-louis", 3)});
    // A program searches with nobody's credential, whatever it says of itself.
    court.deployment.issue("st-louis", "r.abara", "service", "robot", 30).unwrap();
    let robot = "st-louis/robot";
    for (who, clause) in [(COMMANDER, "A.3-a"), (DETECTIVE, "C.1-b"), (DETECTIVE, "A.3-a"), (robot, "B.4-a")] {
        let answer = court.client(who).post(&path("st-louis"), &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 403, "{who}: {problem}");
        assert_eq!(outcome(&problem, "st-louis", clause), Some("violated"), "{who}: {problem}");
        assert!(problem.get("candidates").is_none());
    }
    let found = court.search("st-louis", 3).await;
    assert!(holds(&found, "st-louis", "A.3-a") && holds(&found, "st-louis", "C.1-b"), "{found}");
}

#[tokio::test]
async fn whoever_lacks_a_second_factor_a_background_check_or_an_eligible_agency_is_refused() {
    let kowalski = "id = \"j.kowalski\"\n";
    let change = |registry: &str| {
        let (before, hers) = registry.split_once(kowalski).expect("the sample registry is another one by now");
        let hers = hers.replacen("multi_factor = true", "multi_factor = false", 1);
        format!("{before}{kowalski}{hers}")
            .replace("background_checked = \"2025-02-10\"\n", "")
            .replace("kind = \"federal\"", "kind = \"other\"")
    };
    let (Some(lawful), Some(court)) = (court().await, court_with(change).await) else { return };
    let federal = outside().remove(0).1;
    for (who, differs, clause) in [
        (SECOND, json!({}), "7(1)-a"),
        (ASKER, json!({"requester": null}), "7(5)"),
        (PATROL, json!({"requester": null}), "7(5)"),
        (FIRST, json!({}), "6.1(3)d"),
        (FIRST, federal, "5.5-b1"),
    ] {
        let (status, said) = open(&lawful, who, "detroit", &differs).await;
        assert!((200..300).contains(&status) && holds(&said, "detroit", clause), "{clause}: {said}");
        let (status, said) = open(&court, who, "detroit", &differs).await;
        assert_eq!((status, outcome(&said, "detroit", clause)), (403, Some("violated")), "{clause}: {said}");
    }
}

#[tokio::test]
async fn both_policies_judge_one_request_and_their_obligations_unite() {
    let Some(court) = court().await else { return };
    let differs = json!({
        "requester": null, "identifiers": [{"kind": "complaint", "value": "26-010482"}],
        "answers": {
            "crime": "homicide", "requester-address": "1915 Olive Street, St. Louis",
            "requester-phone": "+1 314 555 0100", "statement-acknowledged": true, "protected-involved": false,
        },
    });
    let (home, owner) = (court.entries("st-louis").await, court.entries("detroit").await);
    let (status, said) = open(&court, DETECTIVE, "detroit", &differs).await;
    assert_eq!(status, 200, "{said}");
    assert!(holds(&said, "detroit", "5.5-a") && holds(&said, "detroit", "5.5-b1"), "{said}");
    assert!(holds(&said, "st-louis", "B.1.a") && holds(&said, "st-louis", "B.3"), "{said}");
    let searching = format!("/v1/detroit/requests/{}/search", said["request"].as_str().unwrap());
    let answer = court.client(FIRST).post(&searching, &json!({"candidates": 3})).await.unwrap();
    let found = answer.json().unwrap();
    assert_eq!(answer.status, 200, "{found}");
    let imposed = |jurisdiction: &str, clause: &str| {
        let all = found["obligations"].as_array().unwrap().iter();
        all.filter(|o| o["jurisdiction"] == jurisdiction && o["clause"] == clause).count()
    };
    assert_eq!([imposed("detroit", "5.4(3)-b"), imposed("detroit", "5.4(3)-c"), imposed("st-louis", "A.2-b")], [1; 3]);
    let statements: Vec<_> = found["statements"].as_array().unwrap().iter().map(|s| s["id"].clone()).collect();
    assert!(statements.contains(&json!("investigative-lead")) && statements.contains(&json!("A.2-b")), "{found}");
    assert!(court.entries("st-louis").await > home && court.entries("detroit").await > owner, "on record at both");

    // One of the two suffices to stop it.
    let mut silent = differs;
    silent["answers"].as_object_mut().unwrap().remove("protected-involved");
    let (status, said) = open(&court, DETECTIVE, "detroit", &silent).await;
    assert_eq!((status, outcome(&said, "st-louis", "B.3")), (409, Some("missing")), "{said}");
    assert!(holds(&said, "detroit", "5.2"), "the other would have permitted it: {said}");
}

#[tokio::test]
async fn a_member_does_not_request_elsewhere_what_is_prohibited_at_home() {
    let Some(court) = court().await else { return };
    let differs = json!({"requester": null, "answers": {"protected-involved": true, "protected-sole": true}});
    let before = court.entries("detroit").await;
    let (status, said) = open(&court, ASKER, "st-louis", &differs).await;
    assert_eq!((status, outcome(&said, "detroit", "3.5-req")), (403, Some("violated")), "{said}");
    assert_eq!(outcome(&said, "detroit", "5.4(2)-b"), Some("violated"), "nor use another gallery: {said}");
    assert!(court.entries("detroit").await > before, "on record at home");
}

/// A gallery that is not of mugshots.
const STREET: &str = "\n[[galleries]]\nid = \"street\"\nclass = \"field\"\nmodel = \"demo-512\"\ndim = 512\n";

/// Enrols one record with this booking data, at the gallery of the example.
async fn enroll(court: &Court, jurisdiction: &str, seed: usize, booking: Value, differs: &Value) -> (u16, Value) {
    let example = Example::read(jurisdiction).unwrap();
    let mut answers = serde_json::to_value(&example.enroll).unwrap();
    merge(&mut answers, differs);
    let record = json!({"id": format!("r{seed:04}"), "template": packed(&template(seed)), "booking": booking});
    let body = json!({"model": MODEL, "answers": answers, "records": [record]});
    let path = format!("/v1/{jurisdiction}/galleries/{}/records", example.gallery);
    let mut registrar = court.client(&format!("{jurisdiction}/{}", example.registrar));
    let answer = registrar.post(&path, &body).await.unwrap();
    (answer.status.as_u16(), answer.json().unwrap())
}

#[tokio::test]
async fn booking_data_that_may_not_be_shown_stays_in_the_gallery() {
    let Some(court) = court().await else { return };
    for (jurisdiction, more, clauses) in [
        ("st-louis", json!({"weight": "180", "state-id": "MO-1"}), vec!["A.3-b"]),
        ("detroit", json!({"ssn": "123-45-6789", "mothers-maiden-name": "Roe"}), vec!["2.5", "2.8"]),
    ] {
        let before = court.search(jurisdiction, 40).await;
        for clause in &clauses {
            assert_eq!(outcome(&before, jurisdiction, clause), Some("satisfied"), "nothing to withhold: {before}");
        }
        let mut booking = json!({"name": "Person 40"});
        merge(&mut booking, &more);
        let (status, enrolled) = enroll(&court, jurisdiction, 40, booking, &json!({})).await;
        assert_eq!(status, 200, "{enrolled}");

        let found = court.search(jurisdiction, 40).await;
        let shown = |answer: &Value| {
            let all = answer["candidates"].as_array().unwrap();
            all.iter().find(|c| c["record_id"] == "r0040").unwrap()["booking"].clone()
        };
        assert_eq!(shown(&found), json!({"name": "Person 40"}));
        for clause in &clauses {
            assert_eq!(outcome(&found, jurisdiction, clause), Some("noted"), "{clause}: {found}");
        }
        let again = format!("/v1/{jurisdiction}/requests/{}/candidates", found["request"].as_str().unwrap());
        let looked = court.client(&searcher(jurisdiction)).post(&again, &json!({})).await.unwrap().json().unwrap();
        assert_eq!(shown(&looked), json!({"name": "Person 40"}), "nor when somebody looks again");
    }
}

#[tokio::test]
async fn a_probe_never_becomes_part_of_a_gallery_and_what_was_made_in_the_field_is_not_enrolled() {
    let Some(mut court) = court().await else { return };
    for jurisdiction in ["st-louis", "detroit"] {
        let first = court.search(jurisdiction, 61).await;
        let second = court.search(jurisdiction, 61).await;
        for unchanged in ["rows_compared", "generation"] {
            assert_eq!(first[unchanged], second[unchanged], "{jurisdiction}");
        }
        assert_eq!(first["rows_compared"], 20);
        assert_eq!(first["candidates"], second["candidates"], "{jurisdiction}: whatever was searched with before");
    }
    let booking = || json!({"name": "Person 61"});
    for (jurisdiction, differs, clause) in [
        ("st-louis", json!({"capture-context": "field"}), "E.2.b"),
        ("st-louis", json!({"capture-context": "public-event"}), "D.1"),
        ("st-louis", json!({"collected-by": "elsewhere-pd", "collector-participates": false}), "D.1"),
        ("st-louis", json!({"views-only": true, "criminal-conduct": false}), "B.5"),
        ("detroit", json!({"image-kind": "probe"}), "5.4(2)-b"),
    ] {
        let (status, problem) = enroll(&court, jurisdiction, 61, booking(), &differs).await;
        assert_eq!((status, outcome(&problem, jurisdiction, clause)), (403, Some("violated")), "{clause}: {problem}");
    }
    let (status, problem) = enroll(&court, "st-louis", 61, json!({"religion": "none"}), &json!({})).await;
    assert_eq!((status, outcome(&problem, "st-louis", "D.1")), (403, Some("violated")), "{problem}");
    for (jurisdiction, at_enrolment, searched) in
        [("st-louis", vec!["A.1-b", "B.5", "D.1", "E.2.b"], "A.1-b"), ("detroit", vec!["5.4(2)-b", "7(4)"], "5.4(2)-b")]
    {
        assert_eq!(court.search(jurisdiction, 61).await["rows_compared"], 20, "not one of them");
        let (status, enrolled) = enroll(&court, jurisdiction, 61, booking(), &json!({})).await;
        assert_eq!(status, 200, "a mugshot is: {enrolled}");
        for clause in at_enrolment {
            assert_eq!(outcome(&enrolled, jurisdiction, clause), Some("satisfied"), "{clause}: {enrolled}");
        }
        let found = court.search(jurisdiction, 61).await;
        assert_eq!(found["candidates"][0]["record_id"], "r0061");
        assert_eq!(outcome(&found, jurisdiction, searched), Some("satisfied"), "{found}");
    }

    // Nor is a probe compared with what else there is.
    for jurisdiction in ["st-louis", "detroit"] {
        let file = court.deployment.home.join(format!("policies/{jurisdiction}/registry.toml"));
        let registry = std::fs::read_to_string(&file).unwrap() + STREET;
        std::fs::write(file, &registry).unwrap();
        if jurisdiction == "detroit" {
            reopen(&mut court, &registry);
        }
    }
    for (jurisdiction, who, clause) in [("st-louis", ANALYST, "A.1-b"), ("detroit", FIRST, "5.4(2)-b")] {
        let (status, said) = open(&court, who, jurisdiction, &json!({"gallery": "street"})).await;
        assert_eq!((status, outcome(&said, jurisdiction, clause)), (403, Some("violated")), "{said}");
    }
}

#[tokio::test]
async fn what_is_found_is_an_array_of_leads_and_says_so() {
    let Some(court) = court().await else { return };
    let expected = [
        ("st-louis", vec!["A.2-a", "A.2-b", "C.4-NOTE"]),
        ("detroit", vec!["investigative-lead", "continue-investigation"]),
    ];
    for (jurisdiction, statements) in expected {
        let found = court.search(jurisdiction, 7).await;
        let charter = format!("/v1/{jurisdiction}/charter");
        let charter = court.client(&searcher(jurisdiction)).get(&charter).await.unwrap().json().unwrap();
        for id in statements {
            let of = |all: &Value| all["statements"].as_array().unwrap().iter().find(|s| s["id"] == id).cloned();
            assert_eq!(of(&found).unwrap()["text"], of(&charter).unwrap()["text"], "{id}, to the letter");
        }
        for candidate in found["candidates"].as_array().unwrap() {
            let mut keys: Vec<_> = candidate.as_object().unwrap().keys().map(String::as_str).collect();
            keys.retain(|key| *key != "score");
            assert_eq!(keys, ["booking", "rank", "record_id", "status"], "no candidate is called anybody's match");
        }
    }
}

#[tokio::test]
async fn what_is_found_thirty_hours_late_is_told_to_the_four_offices_all_the_same() {
    const HOUR_MS: u64 = 3_600_000;
    let Some(court) = court().await else { return };
    let told_after = async |hours: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let happened = Instant(u64::try_from(now).unwrap() - hours * HOUR_MS);
        let body = json!({"happened": happened, "answers": {"violated-clause": "3.5-a"}});
        let told = court.decide("detroit/c.hargrove", "violations", &body).await;
        assert_eq!(told["verdict"], "permit", "{told}");
        let notices = told["owed"].as_array().unwrap().iter().filter(|o| o["clause"] == "4(2)" && !o["due"].is_null());
        let notices: Vec<_> = notices.collect();
        let [notice] = notices.as_slice() else { panic!("{told}") };
        assert_eq!(notice["owner"].as_str().unwrap().split(", ").count(), 4, "{notice}");
        assert_eq!(notice["due"], json!(happened.plus_ms(24 * HOUR_MS)), "a day after it happened: {notice}");
        notice["overdue"].clone()
    };
    assert_eq!(told_after(1).await, json!(false));
    assert_eq!(told_after(30).await, json!(true), "late, and told");
    // One that does not say what was violated.
    let body = json!({"happened": "2026-01-02T09:00:00.000Z", "answers": {}});
    let answer = court.client("detroit/c.hargrove").post("/v1/detroit/violations", &body).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!((answer.status.as_u16(), outcome(&problem, "detroit", "4(1)")), (409, Some("missing")), "{problem}");
}
