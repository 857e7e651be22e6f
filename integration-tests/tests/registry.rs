//! People, agencies and policy revisions change while a request is under way: over HTTP, and by commands alone. What each step does
//! is seen where it counts, so that no two of them can have changed places.

use crate::case_commands as typed;
use crate::common::life::{
    FIRST, Listed, PATROL, Refusal, SUPERVISOR, denied, forbidden, out_of_place, outgoing, pending, signing,
};
use crate::common::office::{BOARD, BOARD_ROLE, LASO, NEW, SHERIFF, complies, stated};
use crate::common::{Court, MODEL, court, packed, template};
use integration_tests::Example;
use serde_json::{Value, json};

/// An examiner's training, which counts no longer from this day on.
fn training(expires: &str) -> Value {
    json!({"curriculum": "facial-examination", "completed": "2025-10-06", "expires": expires})
}

fn newcomer() -> Value {
    json!({
        "id": "n.okafor",
        "name": "Ngozi Okafor",
        "agency": "dpd",
        "unit": "ciu",
        "rank": "crime analyst",
        "roles": ["examiner"],
        "trainings": [training("2031-01-01")],
        "background_checked": "2025-02-03",
        "multi_factor": true,
        "answers": stated(),
    })
}

fn access(change: &str, roles: Value) -> Value {
    json!({"change": change, "roles": roles, "reason": "as the test says", "answers": stated()})
}

/// An agreement that was signed then.
fn agreement(signed: &str) -> Value {
    json!({
        "kind": "memorandum-of-understanding",
        "signed": signed,
        "starts": "2025-03-05",
        "contact": {"name": "P. Novak"},
        "document": "0".repeat(64),
    })
}

/// How many candidates of a list are shown with their scores.
fn scores(found: &Value) -> usize {
    found["candidates"].as_array().unwrap().iter().filter(|candidate| candidate["score"].is_number()).count()
}

#[tokio::test]
async fn the_registry_and_the_policy_change_in_the_middle_of_a_request() {
    let Some(mut court) = court().await else { return };
    let listed = court.disposed(7).await;
    people_come_and_go(&court, &listed).await;
    agencies_come_and_go(&court).await;
    another_revision_takes_effect(&court).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

async fn people_come_and_go(court: &Court, Listed { id, records }: &Listed) {
    let laso_alone = || denied("6.1(2)b", "have the LASO do it");
    court.turn_down(FIRST, "people", &newcomer(), laso_alone()).await;
    let done = court.decide(LASO, "people", &newcomer()).await;
    assert_eq!((&done["id"], &done["roles"]), (&json!("n.okafor"), &json!(["examiner"])), "{done}");
    court.turn_down(LASO, "people", &newcomer(), out_of_place("is in the registry already")).await;
    let seen = court.listed_as("people", "n.okafor").await;
    let role = &seen["roles"][0];
    assert_eq!((&role["role"], &role["by"]), (&json!("examiner"), &json!(LASO)), "{seen}");
    assert!(role["from"].is_string() && role.get("until").is_none(), "{seen}");
    assert_eq!((&seen["unit"], &seen["trainings"]), (&json!("ciu"), &json!([training("2031-01-01")])));
    assert_eq!(seen["background_checked"], "2025-02-03");
    assert!(seen["need_reviewed"].is_string() && seen.get("suspended_since").is_none(), "{seen}");
    court.deployment.issue("detroit", "n.okafor", "fixed", "n.okafor", 30).unwrap();
    court.take(NEW, id, "candidates", &json!({})).await;

    let record = |expires: &str| json!({"trainings": [training(expires)], "answers": stated()});
    court.turn_down(FIRST, "people/n.okafor/record", &record("2025-11-01"), laso_alone()).await;
    court.decide(LASO, "people/n.okafor/record", &record("2025-11-01")).await;
    let expired = denied("2.3-a", "training is not completed or has expired");
    court.refuse(NEW, id, "sign-offs", &signing("examiner", "lead"), expired).await;
    court.decide(LASO, "people/n.okafor/record", &record("2031-01-01")).await;

    let enrolling = "galleries/snap/records";
    let record = json!({"id": "r0090", "template": packed(&template(90)), "booking": {"name": "Person 90"}});
    let answers = Example::read("detroit").unwrap().enroll;
    let batch = json!({"model": MODEL, "answers": answers, "records": [record]});
    let registrar_alone = || forbidden("only the role `registrar`");
    court.turn_down(NEW, enrolling, &batch, registrar_alone()).await;
    let until = access("grant", json!([{"role": "registrar", "until": "2031-12-31"}]));
    court.turn_down(FIRST, "people/n.okafor/access", &until, laso_alone()).await;
    let granted = court.decide(LASO, "people/n.okafor/access", &until).await;
    assert_eq!(granted["roles"], json!(["examiner", "registrar"]));
    assert_eq!(court.listed_as("people", "n.okafor").await["roles"][1]["until"], "2031-12-31");
    court.decide(NEW, enrolling, &batch).await;
    let withdrawn = court.decide(LASO, "people/n.okafor/access", &access("withdraw", json!(["registrar"]))).await;
    assert_eq!(withdrawn["roles"], json!(["examiner"]));
    court.turn_down(NEW, enrolling, &batch, registrar_alone()).await;

    for examiner in [FIRST, NEW] {
        court.take(examiner, id, "sign-offs", &signing("examiner", "lead")).await;
    }
    court.take(SUPERVISOR, id, "sign-offs", &signing("ciu-supervisor", "approved")).await;
    let out = outgoing(&records[..1]);
    let suspended = court.decide(LASO, "people/n.okafor/access", &access("suspend", json!([]))).await;
    assert!(suspended["suspended_since"].is_string(), "{suspended}");
    assert_eq!(court.listed_as("people", "n.okafor").await["suspended_since"], suspended["suspended_since"]);
    court.refuse(FIRST, id, "release", &out, out_of_place("have others sign")).await;
    let suspended = || forbidden("suspended since").under("6.1(2)c");
    court.refuse(NEW, id, "candidates", &json!({}), suspended()).await;
    let reinstated = Refusal {
        says: "have them reinstated first, by somebody whom the policy of `detroit` lets do so",
        ..suspended()
    };
    court.refuse(NEW, id, "candidates", &json!({}), reinstated).await;
    let entries = court.entries_of(id).await;
    let attempt = entries.iter().rfind(|e| e["leaf"]["kind"] == "rejection").unwrap();
    assert!(attempt["account"]["event"]["reason"].as_str().unwrap().contains("6.1(2)c"), "{attempt}");
    let (_, problem) = court.step(NEW, id, "candidates", &json!({})).await;
    let cited = problem["clauses"].as_array().unwrap();
    assert!(cited.iter().all(|clause| clause["summary"].is_string()), "{problem}");
    court.decide(LASO, "people/n.okafor/access", &access("reinstate", json!([]))).await;
    court.take(FIRST, id, "release", &out).await;
}

async fn agencies_come_and_go(court: &Court) {
    let laso_alone = || denied("6.1(2)b", "have the LASO do it");
    let sheriff = |agreements: Value| {
        json!({
            "id": SHERIFF, "name": "Wayne County Sheriff", "kind": "law-enforcement",
            "agreements": agreements, "answers": complies(),
        })
    };
    let agreed = sheriff(json!([agreement("2025-03-04T15:00:00.000Z")]));
    court.turn_down(FIRST, "agencies", &agreed, laso_alone()).await;
    court.turn_down(LASO, "agencies", &sheriff(json!([])), denied("6.1(3)d", "no agreement in force")).await;
    court.decide(LASO, "agencies", &agreed).await;
    let seen = court.listed_as("agencies", SHERIFF).await;
    assert_eq!(seen["agreements"][0]["contact"], json!({"name": "P. Novak"}), "{seen}");
    assert!(seen.get("suspended_since").is_none(), "{seen}");

    let end = format!("agencies/{SHERIFF}/agreements/{}/end", seen["agreements"][0]["id"].as_str().unwrap());
    let why = json!({"reason": "not renewed"});
    court.turn_down(FIRST, &end, &why, laso_alone()).await;
    assert!(court.decide(LASO, &end, &why).await["suspended_since"].is_string());
    court.turn_down(LASO, &end, &why, out_of_place("there is nothing to end")).await;
    assert!(court.listed_as("agencies", SHERIFF).await["agreements"][0]["ends"].is_string());
    let agreements = format!("agencies/{SHERIFF}/agreements");
    let renewed = json!({"agreement": agreement("2025-04-04T15:00:00.000Z"), "answers": complies()});
    court.turn_down(FIRST, &agreements, &renewed, laso_alone()).await;
    court.decide(LASO, &agreements, &renewed).await;
    let seen = court.listed_as("agencies", SHERIFF).await;
    assert_eq!(seen["agreements"].as_array().map(Vec::len), Some(2), "{seen}");
    assert!(seen.get("suspended_since").is_none(), "{seen}");

    let suspension = format!("agencies/{SHERIFF}/suspension");
    court.turn_down(FIRST, &suspension, &json!({"change": "suspend"}), laso_alone()).await;
    assert!(court.decide(LASO, &suspension, &json!({"change": "suspend"})).await["suspended_since"].is_string());
    let silent = json!({"change": "reinstate"});
    court.turn_down(LASO, &suspension, &silent, pending("5.5-c", "say whether the agency complies")).await;
    court.decide(LASO, &suspension, &json!({"change": "reinstate", "answers": complies()})).await;
    assert!(court.listed_as("agencies", SHERIFF).await.get("suspended_since").is_none());
}

async fn another_revision_takes_effect(court: &Court) {
    assert!(scores(&court.search("detroit", 3).await) > 0);
    // All of them: what a proposal does not say is as the policy has it by itself.
    let settings = json!({"hide-scores": true, "default-passwords-replaced": true, "password-standard-met": true});
    let proposal = json!({"settings": settings, "note": "examiners compare without scores"});
    court.turn_down(PATROL, "policy/proposals", &proposal, forbidden("who hold a role")).await;
    let proposed = court.decide(LASO, "policy/proposals", &proposal).await;
    assert_eq!(proposed["state"], "proposed", "{proposed}");
    let id = proposed["id"].as_str().unwrap();

    let (approvals, activation) =
        (format!("policy/proposals/{id}/approvals"), format!("policy/proposals/{id}/activation"));
    let fit = json!({"answers": {"default-passwords-replaced": true, "password-standard-met": true}});
    court.turn_down(LASO, &activation, &fit, denied("6.4", "has not approved this change")).await;
    let approved = json!({"role": BOARD_ROLE, "conclusion": "approved"});
    court.turn_down(FIRST, &approvals, &approved, forbidden("sign in a role that you hold")).await;
    let signed = court.decide(BOARD, &approvals, &approved).await;
    assert_eq!(signed["approvals"][0]["role"], BOARD_ROLE, "{signed}");
    let unsaid = pending("7(7)", "say whether every manufacturer's default password was replaced");
    court.turn_down(LASO, &activation, &json!({}), unsaid).await;
    court.turn_down(FIRST, &activation, &fit, denied("6.1(2)a", "have the LASO do it")).await;
    assert!(scores(&court.search("detroit", 4).await) > 0, "approved is not in force");
    let done = court.decide(LASO, &activation, &fit).await;
    assert_eq!((&done["version"]["id"], &done["version"]["state"]), (&json!(id), &json!("in-force")), "{done}");
    in_force(&court.stands().await["policy"], id);
    assert_eq!(scores(&court.search("detroit", 5).await), 0);
    court.turn_down(LASO, &activation, &fit, out_of_place("is in force or was superseded")).await;
}

/// That this revision is in force, and the one before it no longer.
fn in_force(policy: &Value, id: &str) {
    let versions = policy["versions"].as_array().unwrap();
    let [now, before] = versions.as_slice() else { panic!("there are two: {policy}") };
    assert_eq!((&now["id"], &now["state"], &before["state"]), (&json!(id), &json!("in-force"), &json!("superseded")));
}

const STATED: [&str; 4] =
    ["--answer", "need-to-know=compares faces in the unit", "--answer", "credential-personal=true"];

const COMPLIES: [&str; 2] = ["--answer", "agency-complies=true"];

#[tokio::test]
async fn the_registry_and_the_policy_change_with_commands_alone() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.disposed(7).await;
    court.deployment.issue("detroit", "n.okafor", "fixed", "n.okafor", 30).unwrap();
    typed_people(&court, &id, &records[0]);
    typed_agencies(&court);
    typed_revision(&court).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

fn typed_people(court: &Court, id: &str, candidate: &str) {
    let laso_alone = ["6.1(2)b", "violated", "on record as entry"];
    let who = ["--person", "n.okafor"];
    let person = [
        &who[..],
        &[
            "--name",
            "Ngozi Okafor",
            "--agency",
            "dpd",
            "--unit",
            "ciu",
            "--rank",
            "crime analyst",
            "--role",
            "examiner",
        ],
        &["--training", "facial-examination=2025-10-06..2031-01-01", "--background-checked", "2025-02-03"],
        &["--multi-factor"],
        &STATED,
    ]
    .concat();
    typed::refused(court, FIRST, &["registry", "person"], &person, &laso_alone);
    assert_eq!(typed::json(court, LASO, &["registry", "person"], &person)["roles"], json!(["examiner"]));
    let people = typed::said(&typed::command(court, LASO, &["registry", "people"], &[]));
    let row = people.lines().find(|line| line.contains("n.okafor")).unwrap();
    for part in ["Ngozi Okafor", "may act", "examiner from ", " by detroit/l.ortega", "=2025-10-06..2031-01-01"] {
        assert!(row.contains(part), "{part}: {people}");
    }
    let own = typed::json(court, PATROL, &["registry", "people"], &[]);
    assert_eq!((own.as_array().map(Vec::len), &own[0]["id"]), (Some(1), &json!("p.rivers")), "{own}");
    typed::json(court, NEW, &["candidates"], &["--request", id]);

    let record = |expires: &str| {
        let training = format!("facial-examination=2025-10-06..{expires}");
        typed::json(court, LASO, &["registry", "record"], &[&who[..], &["--training", &training], &STATED].concat());
    };
    record("2025-11-01");
    let lead = ["--request", id, "--role", "examiner", "--conclusion", "lead"];
    typed::refused(court, NEW, &["sign"], &lead, &["2.3-a", "violated"]);
    record("2031-01-01");
    let access = |change: &str, rest: &[&str]| {
        typed::json(court, LASO, &["access"], &[&who[..], &["--change", change], rest].concat())
    };
    let until = [&["--role", "registrar", "--until", "2031-12-31"][..], &STATED].concat();
    assert_eq!(access("grant", &until)["roles"], json!(["examiner", "registrar"]));
    assert_eq!(access("withdraw", &["--role", "registrar"])["roles"], json!(["examiner"]));

    for examiner in [FIRST, NEW] {
        typed::json(court, examiner, &["sign"], &lead);
    }
    let approved = ["--request", id, "--role", "ciu-supervisor", "--conclusion", "approved"];
    typed::json(court, SUPERVISOR, &["sign"], &approved);
    let out = ["--request", id, "--candidate", candidate, "--reasoning", "ears and nose bridge agree"];
    let suspend = [&who[..], &["--change", "suspend"]].concat();
    typed::refused(court, FIRST, &["access"], &suspend, &laso_alone);
    assert!(access("suspend", &["--reason", "training under review"])["suspended_since"].is_string());
    typed::refused(court, FIRST, &["release"], &out, &["have others sign"]);
    typed::refused(court, NEW, &["candidates"], &["--request", id], &["suspended since"]);
    access("reinstate", &STATED);
    typed::json(court, FIRST, &["release"], &out);
}

fn typed_agencies(court: &Court) {
    std::fs::write(court.deployment.home.join("mou.pdf"), "the signed memorandum").unwrap();
    let who = ["--agency", SHERIFF];
    let terms = |signed: &'static str| {
        let terms = ["--agreement", "memorandum-of-understanding", "--signed", signed, "--starts", "2025-03-05"];
        [&who[..], &terms, &["--contact", "P. Novak", "--document", "mou.pdf"], &COMPLIES].concat()
    };
    let listed = || {
        let all = typed::json(court, LASO, &["registry", "agencies"], &[]);
        all.as_array().unwrap().iter().find(|agency| agency["id"] == SHERIFF).cloned()
    };
    let name = ["--name", "Wayne County Sheriff", "--kind", "law-enforcement"];
    let agency = [&terms("2025-03-04T15:00:00.000Z")[..], &name].concat();
    typed::refused(court, FIRST, &["registry", "agency"], &agency, &["6.1(2)b", "violated"]);
    assert_eq!(listed(), None);
    typed::json(court, LASO, &["registry", "agency"], &agency);
    let seen = listed().unwrap();
    let agreement = seen["agreements"][0]["id"].as_str().unwrap();
    let end = [&who[..], &["--agreement", agreement, "--reason", "not renewed"]].concat();
    assert!(typed::json(court, LASO, &["registry", "end"], &end)["suspended_since"].is_string());
    assert!(listed().unwrap()["agreements"][0]["ends"].is_string());
    typed::refused(court, LASO, &["registry", "end"], &end, &["there is nothing to end"]);
    typed::json(court, LASO, &["registry", "agreement"], &terms("2025-04-04T15:00:00.000Z"));
    assert_eq!(listed().unwrap()["agreements"].as_array().map(Vec::len), Some(2));

    let change = |change: &'static str| [&who[..], &["--change", change]].concat();
    assert!(typed::json(court, LASO, &["agency"], &change("suspend"))["suspended_since"].is_string());
    typed::refused(court, LASO, &["agency"], &change("reinstate"), &["5.5-c", "missing"]);
    typed::json(court, LASO, &["agency"], &[&change("reinstate")[..], &COMPLIES].concat());
    assert!(listed().unwrap().get("suspended_since").is_none());
}

async fn typed_revision(court: &Court) {
    let home = &court.deployment.home;
    let (shipped, changed) = (home.join("policies/detroit"), home.join("changed"));
    std::fs::create_dir(&changed).unwrap();
    std::fs::copy(shipped.join("detroit_307_5.wasm"), changed.join("detroit_307_5.wasm")).unwrap();
    let file = std::fs::read_to_string(shipped.join("policy.toml")).unwrap();
    let hidden = file.replace("[settings]\n", "[settings]\nhide-scores = true\n");
    assert_ne!(hidden, file);
    std::fs::write(changed.join("policy.toml"), hidden).unwrap();

    let note = ["changed", "--note", "examiners compare without scores"];
    typed::refused(court, PATROL, &["revision", "propose"], &note, &["who hold a role"]);
    let proposed = typed::json(court, LASO, &["revision", "propose"], &note);
    let id = proposed["id"].as_str().unwrap();
    let of = ["--revision", id];
    let fit = ["--answer", "default-passwords-replaced=true", "--answer", "password-standard-met=true"];
    let activate = [&of[..], &fit].concat();
    typed::refused(court, LASO, &["revision", "activate"], &activate, &["6.4", "violated", "on record as entry"]);
    let sign = [&of[..], &["--role", BOARD_ROLE, "--conclusion", "approved"]].concat();
    typed::refused(court, FIRST, &["revision", "sign"], &sign, &["sign in a role that you hold"]);
    typed::json(court, BOARD, &["revision", "sign"], &sign);
    let done = typed::json(court, LASO, &["revision", "activate"], &activate);
    assert_eq!((&done["version"]["id"], &done["version"]["state"]), (&json!(id), &json!("in-force")), "{done}");
    in_force(&typed::json(court, LASO, &["revision", "list"], &[]), id);
    assert_eq!(scores(&court.search("detroit", 5).await), 0);
}
