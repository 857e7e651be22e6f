//! Whole lives of requests over HTTP, with several people's certificates, and every way in which a step is refused.

use crate::common::life::{
    ASKER, ELSEWHERE, FIRST, Listed, PATROL, SECOND, STATEMENT, SUPERVISOR, cited, court_with_faces, denied,
    dispositions, document, forbidden, hand_over, number, out_of_place, outcome, outgoing, pending, photographs_in_pdf,
    registry_file, reopen, said, signing, under,
};
use crate::common::office::{LASO, complies, stated};
use crate::common::{Court, court, request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration_tests::Example;
use model::terms::Digest;
use serde_json::{Value, json};

/// The document that a lead is released with.
const REPORT: &str = "supplemental-incident-report";

/// Who commands the examining unit.
const COMMANDER: &str = "detroit/c.hargrove";

/// An examiner whose training has expired.
const UNTRAINED: &str = "detroit/e.voss";

#[tokio::test]
async fn a_lead_goes_from_intake_to_disclosure() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.signed(7).await;
    assert_eq!(records[0], "r0007");
    let seen = court.seen(&id).await;
    assert_eq!((&seen["state"], &seen["requester"]), (&json!("signed"), &json!("detroit/h.dawson")), "{seen}");
    assert_eq!(seen["signatures"].as_array().map(Vec::len), Some(3), "{seen}");

    let released = court.take(FIRST, &id, "release", &outgoing(&records[..1])).await;
    let drawn = &released["documents"][0];
    assert_eq!(drawn["id"], REPORT, "{released}");
    let (statement, goes_on) = (court.statement(STATEMENT).await, court.statement("continue-investigation").await);
    let reasons = ["two examiners compared the ears and the nose bridge", "the ears and the nose bridge, compared"];
    for form in ["html", "pdf"] {
        let handed = court.take(FIRST, &id, "disseminations", &hand_over(form)).await;
        let bytes = document(&handed);
        assert_eq!(handed["document"]["digest"], drawn[form], "as it was released, to the byte");
        if form == "pdf" {
            assert!(bytes.starts_with(b"%PDF"));
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let case = number(7);
        let parts = [statement.as_str(), &goes_on, &case, "r0007", "Marcus Whitfield", "Simone Baptiste"];
        for part in parts.into_iter().chain(reasons) {
            assert!(text.contains(part), "the document says `{part}`");
        }
        assert!(records[1..].iter().all(|r| !text.contains(r)), "only the candidate that was selected leaves");
    }
    let mut identified = outcome();
    identified["answers"]["positive-identification"] = json!(true);
    let further = pending("1-b", "say which further investigation identified the person");
    court.refuse(ASKER, &id, "outcome", &identified, further).await;
    court.take(ASKER, &id, "outcome", &outcome()).await;
    let seen = court.seen(&id).await;
    assert_eq!((&seen["state"], seen["disseminations"].as_array().map(Vec::len)), (&json!("concluded"), Some(2)));
    let open = |clause: &str| {
        let all = seen["obligations"].as_array().unwrap().iter().filter(|o| o["clause"] == clause);
        all.filter(|o| o["state"] != "met").count()
    };
    assert_eq!(["2.4", "5.4(3)-b", "5.4(3)-c", "5.4(4)-a"].map(open), [0; 4], "the release met them: {seen}");

    let entries = court.entries_of(&id).await;
    let happened: Vec<_> = entries.iter().filter_map(|e| e["account"]["event"]["what"].as_str()).collect();
    let mut rest = happened.iter();
    for what in ["opened", "searched", "disposed", "signed", "released", "disseminated", "reported"] {
        assert!(rest.any(|w| *w == what), "{what}, in this order: {happened:?}");
    }
    let events = entries.iter().map(|e| &e["account"]["event"]);
    let handed: Vec<_> = events.filter(|event| event["what"] == "disseminated").collect();
    assert_eq!(handed.len(), 2, "each hand-over is an entry");
    for event in handed {
        let to = &event["handed"];
        assert_eq!((&to["recipient"], &to["recipient_agency"]), (&json!("h.dawson"), &json!("dpd")), "{event}");
        assert_eq!((&event["candidates"], &event["document"]), (&json!([records[0]]), drawn), "what, to whom: {event}");
    }
    disclose(&mut court, &number(7), entries.len());
}

/// Everything about a case leaves the host, in a folder that whoever gets it checks by themselves.
fn disclose(court: &mut Court, case: &str, at_least: usize) {
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    let case = format!("incident-number:{case}");
    let arguments = ["audit", "export", "--config", "magistrate.toml", "--jurisdiction", "detroit", "--case", &case];
    let done = court.deployment.run(&[&arguments[..], &["--out", "disclosure"]].concat()).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let written = std::fs::read(court.deployment.home.join("disclosure/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&written).unwrap();
    assert!(manifest["entries"].as_array().unwrap().len() >= at_least, "{}", manifest["completeness"]);
    let arguments = ["audit", "verify-export", "disclosure", "--key", "log-keys/detroit.vkey"];
    let done = court.deployment.run(&arguments).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));

    // What was released is in it, in both forms, to the byte.
    let (folder, released) = (court.deployment.home.join("disclosure"), released(&manifest, court));
    for form in ["html", "pdf"] {
        let is_it = |d: &&Value| d["what"] == REPORT && d["file"].as_str().is_some_and(|file| file.ends_with(form));
        let listed = manifest["documents"].as_array().unwrap().iter().find(is_it).unwrap();
        let file = folder.join(listed["file"].as_str().unwrap());
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(released[form], Digest::of(&bytes).to_string(), "{form}");
        // Another document, and a manifest to match, is not what any entry tells of.
        let mut forged = manifest.clone();
        std::fs::write(&file, b"another").unwrap();
        forged["files"][listed["file"].as_str().unwrap()] = json!(Digest::of(b"another"));
        std::fs::write(folder.join("manifest.json"), forged.to_string()).unwrap();
        let done = court.deployment.run(&arguments).unwrap();
        assert_eq!(done.status.code(), Some(4), "{}", String::from_utf8_lossy(&done.stdout));
        assert!(String::from_utf8_lossy(&done.stdout).contains("not what any entry tells of"));
        std::fs::write(&file, bytes).unwrap();
        // Nor is the same one under another name.
        let (named, renamed) = (listed["file"].as_str().unwrap(), format!("documents/exhibit.{form}"));
        let forged = manifest.to_string().replace(named, &renamed);
        std::fs::rename(&file, folder.join(&renamed)).unwrap();
        std::fs::write(folder.join("manifest.json"), forged).unwrap();
        let done = court.deployment.run(&arguments).unwrap();
        assert_eq!(done.status.code(), Some(4), "{}", String::from_utf8_lossy(&done.stdout));
        assert!(String::from_utf8_lossy(&done.stdout).contains(&format!("{renamed} is not what any entry tells of")));
        std::fs::rename(folder.join(&renamed), &file).unwrap();
        std::fs::write(folder.join("manifest.json"), &written).unwrap();
    }
    assert!(court.deployment.run(&arguments).unwrap().status.success());
}

/// The digests of the document in the account that says that it was released.
fn released(manifest: &Value, court: &Court) -> Value {
    let accounts = manifest["entries"].as_array().unwrap().iter().map(|entry| {
        let file = format!("disclosure/entries/{}.account", entry["index"]);
        let account = std::fs::read(court.deployment.home.join(file)).unwrap();
        serde_json::from_slice::<Value>(&account).unwrap()
    });
    let mut events = accounts.map(|account| account["event"].clone());
    events.find(|event| event["what"] == "released").unwrap()["documents"][0].clone()
}

#[tokio::test]
async fn a_document_shows_probe_and_candidate_side_by_side() {
    let Some((court, photographs)) = court_with_faces(&["biden-1.jpg", "obama-1.jpg"]).await else { return };
    let mut request = Example::read("detroit").unwrap().request(&toml::Table::new(), &[]).unwrap();
    request["probe"]["image"] = json!(BASE64_STANDARD.encode(std::fs::read(photographs.join("biden-2.jpg")).unwrap()));
    let id = court.open_as(FIRST, &request).await;
    let Listed { id, records } = court.list(id).await;
    assert_eq!(records[0], "biden-1");
    court.take(FIRST, &id, "dispositions", &dispositions(&records, true)).await;
    court.sign(&id).await;
    court.take(FIRST, &id, "release", &outgoing(&records[..1])).await;
    let text =
        String::from_utf8(document(&court.take(FIRST, &id, "disseminations", &hand_over("html")).await)).unwrap();
    assert_eq!(text.matches("src=\"data:image/").count(), 2, "the probe and one candidate");
    assert!(text.contains(&court.statement(STATEMENT).await) && text.contains("biden-1") && !text.contains("obama"));
    let pdf = document(&court.take(FIRST, &id, "disseminations", &hand_over("pdf")).await);
    assert_eq!(photographs_in_pdf(&pdf), 2, "the same two");
}

#[tokio::test]
async fn without_a_lead_no_candidate_leaves_and_the_probe_has_to_go() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.listed(4).await;
    court.take(FIRST, &id, "dispositions", &dispositions(&records, false)).await;
    let lead = denied("5.4(3)-a", "no candidate was found possible");
    court.refuse(FIRST, &id, "sign-offs", &signing("examiner", "lead"), lead).await;
    court.take(FIRST, &id, "sign-offs", &signing("examiner", "no-lead")).await;
    let second_look = denied("2.4", "a second look");
    court.refuse(FIRST, &id, "release", &outgoing(&[]), second_look).await;
    court.take(SUPERVISOR, &id, "sign-offs", &signing("ciu-supervisor", "no-lead")).await;
    let excluded = out_of_place("was not found possible").under("6.1(3)a-2");
    court.refuse(FIRST, &id, "release", &outgoing(&records[..1]), excluded).await;

    let released = court.take(FIRST, &id, "release", &outgoing(&[])).await;
    assert_eq!(released["documents"], json!([]));
    let owed = court.seen(&id).await["obligations"].clone();
    let of = |clause: &str, duty: &str| {
        let all = owed.as_array().unwrap().iter();
        all.filter(|o| o["clause"] == clause && !o["duty"][duty].is_null()).count()
    };
    assert_eq!((of("5.4(5)", "notify"), of("5.4(6)", "purge")), (1, 1), "{owed}");
    let report = owed.as_array().unwrap().iter().find(|o| !o["duty"]["document"].is_null()).unwrap();
    assert_eq!((&report["state"], &report["by"]), (&json!("waived"), &json!("host")), "nobody drew it up: {report}");
    let handed = court.take(FIRST, &id, "disseminations", &hand_over("pdf")).await;
    assert!(handed["document"].is_null(), "{handed}");
    assert_eq!(court.seen(&id).await["state"], "disseminated");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

/// DET 6.1(3)a-1: whoever concludes has said of each candidate what it is, with a lead or without.
#[tokio::test]
async fn nobody_concludes_anything_while_candidates_have_no_disposition() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.listed(11).await;
    let undisposed = || pending("6.1(3)a-1", "say of each what it was found to be");
    let unsaid = || out_of_place("have no disposition, and each needs one").under("6.1(3)a-1");
    court.refuse(FIRST, &id, "sign-offs", &signing("examiner", "no-lead"), undisposed()).await;
    court.refuse(FIRST, &id, "release", &outgoing(&[]), unsaid()).await;

    court.take(FIRST, &id, "dispositions", &json!({"dispositions": [said(&records[0], "possible")]})).await;
    for conclusion in ["lead", "no-lead"] {
        court.refuse(FIRST, &id, "sign-offs", &signing("examiner", conclusion), undisposed()).await;
    }
    court.refuse(FIRST, &id, "release", &outgoing(&records[..1]), unsaid()).await;
    let unexamined = out_of_place("have those who opened the list say what they are").under("6.1(3)a-1");
    court.refuse(SUPERVISOR, &id, "release", &outgoing(&[]), unexamined).await;

    court.take(FIRST, &id, "dispositions", &dispositions(&records, true)).await;
    court.sign(&id).await;
    court.take(FIRST, &id, "release", &outgoing(&records[..1])).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn an_outside_agency_suspended_between_acceptance_and_release_gets_nothing() {
    let Some(mut court) = court().await else { return };
    let suspension = "agencies/oakland-so/suspension";
    let reinstated = json!({"change": "reinstate", "answers": complies()});
    court.decide(LASO, suspension, &reinstated).await;
    let mut asked = request("detroit", 9);
    asked["requester"] = json!("o.mercer");
    asked["answers"]["requester-address"] = json!("1200 N Telegraph Road, Pontiac");
    asked["answers"]["requester-phone"] = json!("+1 248 555 0100");
    asked["answers"]["statement-acknowledged"] = json!(true);
    let id = court.open_as(FIRST, &asked).await;

    // The unit entered the request, so the requester's own acknowledgement is still collected (5.5), before the search.
    let awaited = court.wait(FIRST, &id, "search", &json!({"candidates": 3})).await;
    assert_eq!((&awaited["clause"], &awaited["duty"]), (&json!("5.5-b4"), &json!({"acknowledge": STATEMENT})));
    let verbatim = court.statement(STATEMENT).await;
    let edited = json!({"statement": STATEMENT, "text": verbatim.replace("IS NOT", "IS")});
    let altered = out_of_place("altered").under("5.5-b4");
    court.refuse("detroit/o.mercer", &id, "acknowledgements", &edited, altered).await;
    let given = json!({"statement": STATEMENT, "text": verbatim});
    court.refuse(ASKER, &id, "acknowledgements", &given, forbidden("only the requester acknowledges")).await;
    court.take("detroit/o.mercer", &id, "acknowledgements", &given).await;
    let again = out_of_place("nothing of this kind is open").under("5.5-b4");
    court.refuse("detroit/o.mercer", &id, "acknowledgements", &given, again).await;
    let Listed { id, records } = court.list(id).await;
    court.take(FIRST, &id, "dispositions", &dispositions(&records, true)).await;
    court.sign(&id).await;

    let out = outgoing(&records[..1]);
    court.decide(LASO, suspension, &json!({"change": "suspend", "reason": "it asked whom it met in the street"})).await;
    court.refuse(FIRST, &id, "release", &out, denied("5.5-c", "suspended until it complies")).await;
    assert_eq!(court.seen(&id).await["state"], "signed");
    let again = court.client("detroit/o.mercer").post("/v1/detroit/requests", &asked).await.unwrap();
    assert_eq!(again.status, 403, "nor does anybody of the agency get anything new");

    court.decide(LASO, suspension, &reinstated).await;
    court.take(FIRST, &id, "release", &out).await;
    let to_them = json!({
        "channel": "phone",
        "recipient": "o.mercer",
        "recipient_agency": "oakland-so",
        "answers": {"phone-number": "+1 248 555 0144"},
    });
    let mut another = to_them.clone();
    (another["recipient"], another["recipient_agency"]) = (json!("h.dawson"), json!("dpd"));
    court.refuse(FIRST, &id, "disseminations", &another, denied("7(1)-c", "hand it to one of them")).await;
    court.take(FIRST, &id, "disseminations", &to_them).await;
    let entries = court.entries_of(&id).await;
    let handed = entries.iter().map(|e| &e["account"]["event"]).find(|e| e["what"] == "disseminated").unwrap();
    assert_eq!((&handed["handed"]["channel"], &handed["handed"]["recipient"]), (&json!("phone"), &json!("o.mercer")));
    assert!(handed["answers"].to_string().contains("+1 248 555 0144"), "it is written down: {handed}");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_step_out_of_order_is_refused() {
    let Some(mut court) = court().await else { return };
    let id = court.open(1).await;
    let record = ["r0001".to_owned()];
    let unlisted = |clause| out_of_place("search, and open the list, first").under(clause);
    for (step, body, clause) in [
        ("candidates", json!({}), "5.4(2)-a"),
        ("dispositions", dispositions(&record, true), "5.4(3)-c"),
        ("sign-offs", signing("examiner", "lead"), "5.4(3)-c"),
        ("release", outgoing(&record), "5.4(4)-a"),
    ] {
        court.refuse(FIRST, &id, step, &body, unlisted(clause)).await;
    }
    for (step, body, clause) in [("disseminations", hand_over("pdf"), "5.4(4)-a"), ("outcome", outcome(), "6.3-b")] {
        court.refuse(FIRST, &id, step, &body, out_of_place("release it first").under(clause)).await;
    }
    // No clause says that somebody acknowledges it: of the Department's own people nobody has to.
    let owed = json!({"statement": STATEMENT, "digest": "0".repeat(64)});
    court.refuse(ASKER, &id, "acknowledgements", &owed, out_of_place("obligations lists what is")).await;

    let Listed { id, records } = court.list(id).await;
    let undisposed = out_of_place("dispose of it anew").under("6.1(3)a-2");
    court.refuse(FIRST, &id, "release", &outgoing(&records[..1]), undisposed).await;
    court.take(FIRST, &id, "dispositions", &dispositions(&records, true)).await;
    let unsigned = out_of_place("have others sign").under("5.4(3)-b");
    court.refuse(FIRST, &id, "release", &outgoing(&records[..1]), unsigned).await;
    court.sign(&id).await;
    court.take(FIRST, &id, "release", &outgoing(&records[..1])).await;

    // Late: nothing is changed of what has left.
    let late = |clause| out_of_place("open a new request").under(clause);
    for (who, step, body, clause) in [
        (FIRST, "search", json!({}), "2.4"),
        (FIRST, "dispositions", dispositions(&records, false), "5.4(3)-c"),
        (SECOND, "sign-offs", signing("examiner", "no-lead"), "5.4(3)-c"),
        (FIRST, "release", outgoing(&records[..1]), "5.4(4)-a"),
    ] {
        court.refuse(who, &id, step, &body, late(clause)).await;
    }
    let mut other = hand_over("pdf");
    other["document"] = json!("compare-report");
    court.refuse(FIRST, &id, "disseminations", &other, out_of_place(REPORT).under("5.4(4)-a")).await;
    court.take(FIRST, &id, "disseminations", &hand_over("pdf")).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_step_out_of_order_is_refused_by_the_clauses_of_whichever_policy_rules() {
    let Some(mut court) = court().await else { return };
    let mut analyst = court.client(ELSEWHERE);
    let opened = analyst.post("/v1/st-louis/requests", &request("st-louis", 1)).await.unwrap();
    let opened = opened.json().unwrap();
    let id = opened["request"].as_str().unwrap();
    let record = ["r0001".to_owned()];
    for (step, body, clause) in [
        ("candidates", json!({}), "A.3-a"),
        ("dispositions", dispositions(&record, true), "C.4"),
        ("sign-offs", signing("examiner", "lead"), "C.4"),
        ("release", outgoing(&record), "C.4"),
        ("disseminations", hand_over("pdf"), "C.4"),
        ("outcome", outcome(), "C.5"),
    ] {
        let answer = analyst.post(&format!("/v1/st-louis/requests/{id}/{step}"), &body).await.unwrap();
        let (status, problem) = (answer.status.as_u16(), answer.json().unwrap());
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!("urn:magistrate:problem:out-of-place")),
            "{step}: {problem}"
        );
        assert_eq!(cited(&problem), [("st-louis", clause)], "{step}: {problem}");
        assert!(problem["clauses"][0]["summary"].is_string(), "and what it says: {problem}");
        court.check_receipt("st-louis", &problem["receipt"]);
    }
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

/// A task is done once, by whom it is for; and nobody says of a purge that it is done.
#[tokio::test]
async fn what_is_completed_wrongly_or_twice_is_refused_by_the_clause_that_demands_it() {
    let Some(mut court) = court().await else { return };
    let id = court.listed(12).await.id;
    let owed = court.seen(&id).await["obligations"].clone();
    let of = |duty: &str, owner: Option<&str>| {
        let mut all = owed.as_array().unwrap().iter().filter(|o| !o["duty"][duty].is_null() && o["state"] == "open");
        let found = all.find(|o| owner.is_none_or(|owner| o["owner"] == owner));
        let found = found.unwrap_or_else(|| panic!("{duty}: {owed}"));
        (found["id"].as_str().unwrap().to_owned(), found["clause"].as_str().unwrap().to_owned())
    };
    let complete = async |who: &str, obligation: &str| {
        let path = format!("/v1/detroit/obligations/{obligation}/completion");
        let answer = court.client(who).post(&path, &json!({"note": "it is done"})).await.unwrap();
        (answer.status.as_u16(), answer.json().unwrap())
    };
    for (duty, says) in [("purge", "have the record purged"), ("sign-offs", "have those sign who have to")] {
        let (obligation, clause) = of(duty, None);
        let (status, problem) = complete(FIRST, &obligation).await;
        out_of_place(says).under(&clause).reads(status, &problem, &format!("{duty}: {problem}"));
        court.check_receipt("detroit", &problem["receipt"]);
    }
    let (task, clause) = of("task", Some("ciu-commander"));
    let (status, problem) = complete(FIRST, &task).await;
    forbidden("have one of them do it").under(&clause).reads(status, &problem, &format!("another's: {problem}"));
    let (status, done) = complete(COMMANDER, &task).await;
    assert_eq!(status, 200, "{done}");
    let (status, problem) = complete(COMMANDER, &task).await;
    out_of_place("nothing of this kind is open").under(&clause).reads(status, &problem, &format!("twice: {problem}"));
    let (status, problem) = complete(COMMANDER, "0123456789abcdef0123456789abcdef").await;
    out_of_place("obligations lists what is").reads(status, &problem, &format!("nobody's: {problem}"));
    assert!(cited(&problem).is_empty(), "of nothing no clause demands anything: {problem}");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_step_is_for_those_it_is_for() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.listed(2).await;
    let said_of_all = dispositions(&records, true);
    court.refuse(ASKER, &id, "dispositions", &said_of_all, denied("2.3-a", "not an examiner")).await;
    court.refuse(SECOND, &id, "dispositions", &said_of_all, denied("5.4(3)-c", "open it first")).await;
    for record in [records[0].as_str(), "no-such-record"] {
        let probing = json!({"dispositions": [said(record, "possible")]});
        court.refuse(PATROL, &id, "dispositions", &probing, denied("2.3-a", "not an examiner")).await;
    }
    court.refuse(ELSEWHERE, &id, "dispositions", &said_of_all, forbidden("gallery's jurisdiction")).await;
    for step in ["search", "candidates"] {
        let not_theirs = denied("5.4(2)-a", "only the Crime Intelligence Unit");
        court.refuse(PATROL, &id, step, &json!({}), not_theirs).await;
    }
    let seen = court.client(ELSEWHERE).get(&format!("/v1/detroit/requests/{id}")).await.unwrap();
    assert_eq!(seen.status, 403, "nor is it anybody else's to see");
    court.take(FIRST, &id, "dispositions", &said_of_all).await;

    let as_supervisor = signing("ciu-supervisor", "approved");
    let not_theirs = |clause| forbidden("sign in a role that you hold").under(clause);
    court.refuse(FIRST, &id, "sign-offs", &as_supervisor, not_theirs("5.4(3)-b")).await;
    court.refuse(ASKER, &id, "sign-offs", &signing("examiner", "lead"), not_theirs("2.4")).await;
    court
        .refuse(SECOND, &id, "sign-offs", &signing("examiner", "lead"), denied("5.4(3)-c", "open it, then sign"))
        .await;
    court
        .refuse(
            FIRST,
            &id,
            "sign-offs",
            &signing("examiner", "refused"),
            out_of_place("write down the reason").under("2.4"),
        )
        .await;
    let expired = denied("2.3-a", "is not completed or has expired");
    court.refuse(UNTRAINED, &id, "sign-offs", &signing("examiner", "lead"), expired).await;

    court.sign(&id).await;
    let out = outgoing(&records[..1]);
    court.refuse(ASKER, &id, "release", &out, denied("5.4(4)-a", "only the Crime Intelligence Unit releases")).await;
    let mut unreasoned = out.clone();
    unreasoned["reasoning"] = json!("");
    court.refuse(FIRST, &id, "release", &unreasoned, denied("5.4(4)-b", "how the examiner came to")).await;
    court.take(FIRST, &id, "release", &out).await;
    court.refuse(PATROL, &id, "disseminations", &hand_over("pdf"), denied("7(5)", "the examining unit")).await;
    court.refuse(PATROL, &id, "outcome", &outcome(), denied("6.3-b", "only the requester or the examining unit")).await;
    let mut private = hand_over("pdf");
    private["answers"]["recipient-address"] = json!("helen@example.com");
    court.refuse(FIRST, &id, "disseminations", &private, denied("7(1)-b", "use one")).await;
    let mut nowhere = hand_over("pdf");
    nowhere["answers"] = json!({});
    court.refuse(FIRST, &id, "disseminations", &nowhere, pending("7(1)-b", "state the e-mail address")).await;
    let mut by_phone = hand_over("pdf");
    by_phone["channel"] = json!("phone");
    court.refuse(FIRST, &id, "disseminations", &by_phone, denied("7(1)-d", "without its number")).await;
    let mut in_person = hand_over("pdf");
    in_person["channel"] = json!("in-person");
    court.refuse(FIRST, &id, "disseminations", &in_person, denied("7(1)-d", "without the name of a witness")).await;
    let mut stranger = hand_over("pdf");
    stranger["recipient"] = json!("o.mercer");
    stranger["recipient_agency"] = json!("oakland-so");
    court.refuse(FIRST, &id, "disseminations", &stranger, denied("6.1(3)a-2", "send it to one of them")).await;
    assert_eq!(court.seen(&id).await["state"], "released");
    in_person["answers"] = json!({"witness": "Joanna Kowalski"});
    court.take(FIRST, &id, "disseminations", &in_person).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn nothing_is_said_or_signed_twice_nor_of_another_cases_records() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.disposed(3).await;
    let other = court.listed(13).await;
    let theirs = other.records.iter().find(|r| !records.contains(r)).unwrap();
    let stranger = |clause| out_of_place("is not on this request's candidate list").under(clause);
    let of_another = json!({"dispositions": [said(theirs, "possible")]});
    court.refuse(FIRST, &id, "dispositions", &of_another, stranger("6.1(3)a-1")).await;
    court.refuse(FIRST, &id, "release", &outgoing(std::slice::from_ref(theirs)), stranger("6.1(3)a-2")).await;
    let twice = json!({"dispositions": [said(&records[0], "possible"), said(&records[0], "excluded")]});
    court.refuse(FIRST, &id, "dispositions", &twice, out_of_place("name it once").under("6.1(3)a-1")).await;
    let silent = json!({"dispositions": [{"record_id": records[0], "likeness": "possible"}]});
    court.refuse(FIRST, &id, "dispositions", &silent, pending("5.4(4)-b", "how you came to your conclusion")).await;

    let lead = signing("examiner", "lead");
    court.take(FIRST, &id, "sign-offs", &lead).await;
    let again = || out_of_place("have another person sign").under("2.4");
    court.refuse(FIRST, &id, "sign-offs", &lead, again()).await;
    // A person is a person, with whatever certificate.
    court.deployment.issue("detroit", "m.whitfield", "fixed", "second-desk", 30).unwrap();
    court.refuse("detroit/second-desk", &id, "sign-offs", &lead, again()).await;
    court.deployment.issue("detroit", "m.whitfield", "mobile", "telephone", 30).unwrap();
    let elsewhere = json!({"dispositions": [said(&records[1], "inconclusive")]});
    court.refuse("detroit/telephone", &id, "dispositions", &elsewhere, denied("3.3", "use a fixed workstation")).await;

    // Something else is said now: what was signed is signed no more, and both may sign anew.
    court.take("detroit/second-desk", &id, "dispositions", &elsewhere).await;
    assert_eq!(court.seen(&id).await["signatures"][0]["stands"], false);
    court.sign(&id).await;
    let out = outgoing(&[records[0].clone(), records[0].clone()]);
    court.refuse(FIRST, &id, "release", &out, out_of_place("name it once").under("6.1(3)a-2")).await;
    court.take(FIRST, &id, "release", &outgoing(&records[..1])).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn an_edited_statement_does_not_leave() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.signed(5).await;
    let verbatim = court.statement(STATEMENT).await;
    // The repetition is the directive's own.
    let tidied = verbatim.replace("investigation and investigation and", "investigation and");
    assert_ne!(tidied, verbatim);
    let carrying = |statements: Value| {
        let mut out = outgoing(&records[..1]);
        out["statements"] = statements;
        out
    };
    let altered = || out_of_place("word for word").under("5.4(4)-c");
    court.refuse(FIRST, &id, "release", &carrying(json!([{"id": STATEMENT, "text": tidied}])), altered()).await;
    let digest = "0".repeat(64);
    court.refuse(FIRST, &id, "release", &carrying(json!([{"id": STATEMENT, "digest": digest}])), altered()).await;
    let bare = carrying(json!([{"id": "continue-investigation"}]));
    court.refuse(FIRST, &id, "release", &bare, out_of_place("demanded and left out").under("5.4(4)-c")).await;
    let unknown = carrying(json!([{"id": "disclaimer"}]));
    court.refuse(FIRST, &id, "release", &unknown, out_of_place("no charter concerned holds").under("5.4(4)-c")).await;
    let entries = court.entries("detroit").await;
    let (status, problem) = court.step(FIRST, &id, "release", &json!({"candidate": records[0]})).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("unknown field `candidate`"), "{problem}");
    assert_eq!(court.entries("detroit").await, entries, "what cannot be read is no step");
    court
        .take(
            FIRST,
            &id,
            "release",
            &carrying(json!([
                {"id": STATEMENT, "text": verbatim},
                {"id": "continue-investigation"},
            ])),
        )
        .await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

/// Puts something on record of a person, as who authorises access does.
async fn record(court: &Court, person: &str, mut what: Value) {
    what["answers"] = stated();
    court.decide(LASO, &format!("people/{person}/record"), &what).await;
}

#[tokio::test]
async fn a_signature_of_somebody_who_left_no_longer_counts() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.signed(6).await;
    let all_there = std::fs::read_to_string(registry_file(&court)).unwrap();
    let left = under(&all_there, "id = \"j.kowalski\"", "suspended_since = \"2026-01-02T08:00:00.000Z\"");
    reopen(&mut court, &left);
    let out = outgoing(&records[..1]);
    court.refuse(FIRST, &id, "release", &out, out_of_place("have others sign").under("2.4")).await;
    court.refuse(SECOND, &id, "candidates", &json!({}), forbidden("suspended since")).await;
    court.refuse(SECOND, &id, "candidates", &json!({}), forbidden("have them reinstated first")).await;
    court.refuse(SECOND, &id, "candidates", &json!({}), forbidden("as the registry file says")).await;

    let demoted = all_there.replace("roles = [\"ciu-supervisor\"]", "roles = []");
    reopen(&mut court, &demoted);
    court.refuse(FIRST, &id, "release", &out, out_of_place("ciu-supervisor").under("5.4(3)-b")).await;

    reopen(&mut court, &all_there);
    record(&court, "s.baptiste", json!({"unit": "patrol"})).await;
    court.refuse(FIRST, &id, "release", &out, out_of_place("`ciu-supervisor` of ciu have to sign")).await;
    record(&court, "s.baptiste", json!({"unit": "ciu"})).await;

    // D21: a third examiner opened the list.
    let training = json!({"curriculum": "facial-examination", "completed": "2025-12-01", "expires": "2031-01-01"});
    record(&court, "e.voss", json!({"trainings": [training]})).await;
    court.take("detroit/e.voss", &id, "candidates", &json!({})).await;
    court.refuse(FIRST, &id, "release", &out, out_of_place("have `e.voss` sign, or search anew")).await;
    court.take("detroit/e.voss", &id, "sign-offs", &signing("examiner", "lead")).await;
    court.take(FIRST, &id, "release", &out).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
