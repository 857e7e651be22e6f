//! What a careless or hostile client sends: a clear error, and nothing lost or half-done.

use crate::common::{DIM, MODEL, court, packed, path, request, searcher, template};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The body of a search in which one thing is wrong, and what the answer has to say.
fn wrong() -> Vec<(&'static str, Value, u16, &'static str)> {
    let search = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({"request": request("detroit", 1)});
        change(&mut body);
        body
    };
    let probe = |name: &'static str, value: Value| search(&move |b| b["request"]["probe"][name] = value.clone());
    let mut nan = template(1);
    nan[5] = f32::NAN;
    let mut endless = template(1);
    endless[5] = f32::INFINITY;
    let image = |bytes: &[u8]| {
        let text = BASE64_STANDARD.encode(bytes);
        search(&move |b| {
            b["request"]["probe"] = json!({"media": "still", "image": text});
        })
    };
    vec![
        (
            "unknown field",
            search(&|b| b["request"]["protected_sole"] = json!(false)),
            422,
            "unknown field `protected_sole`",
        ),
        ("unknown field outside", search(&|b| b["urgent"] = json!(true)), 422, "unknown field `urgent`"),
        ("wrong type", search(&|b| b["request"]["purpose"] = json!(7)), 422, "invalid type"),
        ("wrong choice", search(&|b| b["request"]["case_status"] = json!("cold")), 422, "unknown variant `cold`"),
        ("by position", json!([5, request("detroit", 1)]), 422, "expected a JSON object"),
        (
            "a case number by position",
            search(&|b| b["request"]["identifiers"] = json!([["incident-number", "26-1"]])),
            422,
            "expected a JSON object",
        ),
        (
            "a condition by position",
            search(&|b| b["filter"] = json!({"origin": [["oakland-so"]]})),
            422,
            "expected a JSON object",
        ),
        ("no body to speak of", json!([]), 422, "cannot be used"),
        ("null", Value::Null, 422, "cannot be used"),
        ("dimension", probe("template", json!(packed(&template(1)[..DIM - 1]))), 422, "511"),
        ("ragged template", probe("template", json!(BASE64_STANDARD.encode([1, 2, 3]))), 422, "4-byte"),
        ("no base64", probe("template", json!("%%%")), 422, "f32 little-endian in base64"),
        ("model", probe("model", json!("other")), 422, "never compared"),
        ("no model", probe("model", Value::Null), 422, "needs its model"),
        ("NaN", probe("template", json!(packed(&nan))), 422, "template"),
        ("infinity", probe("template", json!(packed(&endless))), 422, "template"),
        ("zero", probe("template", json!(packed(&[0.0; DIM]))), 422, "template"),
        ("neither", probe("template", Value::Null), 422, "either probe.image or probe.template"),
        ("photograph without a model", image(b"\xff\xd8\xff\xe0 not really"), 422, "no face model is configured"),
        ("k is 0", search(&|b| b["candidates"] = json!(0)), 422, "ask for 1 to 500"),
        ("k is 10,000", search(&|b| b["candidates"] = json!(10_000)), 422, "ask for 1 to 500"),
        ("k is negative", search(&|b| b["candidates"] = json!(-1)), 422, "invalid value"),
        ("gallery", search(&|b| b["request"]["gallery"] = json!("nosuch")), 404, "no gallery `nosuch`"),
        ("batch of none", search(&|b| b["request"]["batch_size"] = json!(0)), 422, "at least 1"),
        (
            "endless case number",
            search(&|b| b["request"]["identifiers"][0]["value"] = json!("9".repeat(300))),
            422,
            "identifiers.value",
        ),
        (
            "endless answer",
            search(&|b| b["request"]["answers"]["suspicion"] = json!("x".repeat(70_000))),
            422,
            "answers.suspicion",
        ),
        ("answer in a list", search(&|b| b["request"]["answers"]["crime"] = json!([1, 2])), 422, "expected a string"),
        ("endless template", probe("template", json!(vec![0; 5000])), 422, "at most 4096 numbers"),
        (
            "what drives a terminal",
            search(&|b| b["request"]["reason"] = json!("seen\u{1b}[2J")),
            422,
            "reason has the control character U+001B",
        ),
        (
            "what drives a terminal, in an answer",
            search(&|b| b["request"]["answers"]["suspicion"] = json!("seen\u{9b}2J")),
            422,
            "answers.suspicion has the control character U+009B",
        ),
        (
            "a case number of two lines",
            search(&|b| b["request"]["identifiers"][0]["value"] = json!("26-1\n26-2")),
            422,
            "identifiers.value has the control character U+000A",
        ),
        ("endless reason", search(&|b| b["request"]["reason"] = json!("x".repeat(100_000))), 422, "shorten it"),
    ]
}

#[tokio::test]
async fn each_wrong_thing_is_said_and_nothing_is_done() {
    let Some(mut court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    for (what, body, status, says) in wrong() {
        let before = court.entries("detroit").await;
        let answer = client.post(&path("detroit"), &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, status, "{what}: {problem}");
        assert!(problem["detail"].as_str().unwrap_or_default().contains(says), "{what}: {problem}");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:magistrate:problem:"), "{what}");
        assert_eq!(court.entries("detroit").await, before, "{what}: nothing was decided");
    }
    assert_eq!(court.search("detroit", 4).await["candidates"][0]["record_id"], "r0004", "the server goes on");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn what_is_answered_twice_is_not_answered() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    let before = court.entries("detroit").await;
    let sent = json!({"request": request("detroit", 1)}).to_string();
    let answer = "\"protected-sole\":false";
    assert_eq!(sent.matches(answer).count(), 1, "{sent}");
    for twice in
        ["\"protected-sole\":true,\"protected-sole\":false", "\"protected-sole\":false,\"protected-sole\":false"]
    {
        let body = sent.replace(answer, twice);
        let answer =
            client.send(hyper_method("POST"), &path("detroit"), Some("application/json"), body.into()).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("`protected-sole` is given twice"), "{problem}");
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
}

#[tokio::test]
async fn bodies_and_paths_have_their_limits() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    let json = Some("application/json");
    let post = hyper_method("POST");

    let answer = client.send(post.clone(), &path("detroit"), json, "".into()).await.unwrap();
    assert!(answer.status == 422 && answer.json().unwrap()["detail"].as_str().unwrap().contains("empty"));

    let answer = client.send(post.clone(), &path("detroit"), json, "{\"request\": ".into()).await.unwrap();
    assert!(answer.status == 422 && answer.json().unwrap()["detail"].as_str().unwrap().contains("not JSON"));

    let huge = vec![b' '; 100 << 20];
    let answer = court.client(&searcher("detroit")).send(post, &path("detroit"), json, huge.into()).await.unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.json().unwrap()["detail"].as_str().unwrap().contains("bytes"));

    let mut client = court.client(&searcher("detroit"));
    let answer = client.get("/v1/atlantis/charter").await.unwrap();
    assert!(
        answer.status == 404
            && answer.json().unwrap()["detail"].as_str().unwrap().contains("no jurisdiction `atlantis`")
    );
    assert_eq!(client.get("/nowhere").await.unwrap().status, 404);
    let answer = client.send(hyper_method("DELETE"), &path("detroit"), None, "".into()).await.unwrap();
    assert!(answer.status == 405 && answer.json().unwrap()["detail"].as_str().unwrap().contains("POST"));
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "the server goes on");
}

#[tokio::test]
async fn a_batch_is_enrolled_whole_or_not_at_all() {
    let Some(court) = court().await else { return };
    let twice = court.enroll("detroit", 19..25).await;
    let problem = twice.json().unwrap();
    assert_eq!(twice.status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("r0019"), "{problem}");
    let again = court.enroll("detroit", 20..25).await;
    assert_eq!(again.status, 200, "not one of the refused batch had been enrolled");
    assert_eq!(court.search("detroit", 23).await["rows_compared"], 25, "taken in at once");

    let mut spoofed = json!({
        "answers": {"booking-fields": ["name"], "image-kind": "booking-photograph", "contributing-agency": "dpd"},
        "model": MODEL,
        "records": [{"id": "x", "template": packed(&template(90)), "booking": {"ssn": "123-45-6789"}}],
    });
    let mut registrar = court.client("detroit/r.tanaka");
    let answer = registrar.post("/v1/detroit/galleries/snap/records", &spoofed).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 422, "no form asks for it: {problem}");
    assert!(problem["detail"].as_str().unwrap().contains("answers.booking-fields"), "{problem}");
    spoofed["answers"].as_object_mut().unwrap().remove("booking-fields");
    let answer = registrar.post("/v1/detroit/galleries/snap/records", &spoofed).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 200, "{problem}");
    let told = problem["findings"].as_array().unwrap().iter().find(|f| f["clause"] == "2.5").unwrap();
    assert_eq!(
        told["outcome"], "noted",
        "the host reads the booking fields off the records, whatever is answered: {told}"
    );

    let mut examiner = court.client(&searcher("detroit"));
    let before = court.entries("detroit").await;
    let answer = examiner.post("/v1/detroit/galleries/snap/records", &json!({"records": []})).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("registrar"), "{problem}");
    assert_eq!(court.entries("detroit").await, before + 1, "the attempt is on record");
}

#[tokio::test]
async fn who_is_in_a_registry_is_for_its_own_people_to_know() {
    let Some(court) = court().await else { return };
    let ask = async |who: &str, requester: &str| {
        let mut body = json!({"request": request("detroit", 1)});
        body["request"]["requester"] = json!(requester);
        let before = (court.entries("detroit").await, court.entries("st-louis").await);
        let answer = court.client(who).post(&path("detroit"), &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 403, "{requester}: {problem}");
        let after = (court.entries("detroit").await, court.entries("st-louis").await);
        (problem["detail"].as_str().unwrap().to_owned(), after.0 - before.0, after.1 - before.1)
    };
    let examiner = searcher("detroit");
    let (own, here, there) = ask(&examiner, "nobody").await;
    assert!(own.contains("not in the registry") && (here, there) == (1, 0), "{own}");
    let (other, here, there) = ask(&examiner, "st-louis/nobody").await;
    assert!(other.contains("nobody of `st-louis` who may act") && !other.contains("registry"), "{other}");
    assert_eq!((here, there), (1, 1), "on record where it was asked, and where it was asked of");
    // Of a third party, there is nothing to find out at all.
    let (known, here, _) = ask("st-louis/r.abara", "detroit/h.dawson").await;
    let (unknown, again, _) = ask("st-louis/r.abara", "detroit/nobody").await;
    assert_eq!((known, here), (unknown, again), "whether or not there is such a person");
    assert_eq!(here, 1);
}

#[tokio::test]
async fn whoever_may_not_ask_is_turned_away_before_they_send() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    let mut connection = identity.connect(&court.deployment.address).await.unwrap();
    // A registrar's batch, announced by somebody who is none, and never sent.
    let head =
        "POST /v1/detroit/galleries/snap/records HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000000\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("registrar"), "{answer}");
    assert_eq!(court.entries("detroit").await, before + 1, "the attempt is on record");
}

#[tokio::test]
async fn a_query_is_read_as_any_client_escapes_it() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    for since in ["2026-01-01T00:00:00.000Z", "2026-01-01T00%3A00%3A00.000Z", "2026-01-01T01%3A00%3A00%2B01%3A00"] {
        let answer = client.get(&format!("/v1/detroit/requests?since={since}")).await.unwrap();
        assert_eq!(answer.status, 200, "{since}: {}", String::from_utf8_lossy(&answer.body));
    }
    let answer = client.get("/v1/detroit/requests?since=%zz").await.unwrap();
    assert_eq!(answer.status, 422);
}

/// Sends a few bytes and then drips, so that the connection is never idle and what it carries never whole. Gives what the
/// server answers until it closes the connection, which it has to.
async fn drip(court: &crate::common::Court, begins: &str) -> String {
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    let connection = identity.connect(&court.deployment.address).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(connection);
    writing.write_all(begins.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() && writing.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = Vec::new();
    // How a connection that is given up ends is the server's choice.
    let closed = tokio::time::timeout(Duration::from_secs(60), reading.read_to_end(&mut answer)).await;
    dripping.abort();
    assert!(closed.is_ok(), "the server waits for ever");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn whoever_is_slow_is_not_waited_for() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let config = std::fs::read_to_string(court.deployment.config()).unwrap();
    let short = config.replace("[server]\n", "[server]\nhead_timeout_s = 1\nbody_timeout_s = 1.5\n");
    std::fs::write(court.deployment.config(), short).unwrap();
    court.deployment.serve().unwrap();
    let before = court.entries("detroit").await;
    let head = "POST /v1/detroit/searches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

    let answer = drip(&court, &format!("{head}content-length: 100000\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("urn:magistrate:problem:slow"), "{answer}");
    assert!(answer.contains("the body did not arrive within 1.5 s"), "{answer}");

    let answer = drip(&court, &format!("{head}x-slow: ")).await;
    assert_eq!(answer, "", "half a head is no request: the connection is closed");

    // No handshake at all.
    let mut silent = tokio::net::TcpStream::connect(&court.deployment.address).await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), silent.read_to_end(&mut answer)).await;
    assert!(closed.is_ok() && answer.is_empty());

    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "whoever is not slow is served");
}

fn hyper_method(name: &str) -> client::Method {
    name.parse().unwrap()
}
