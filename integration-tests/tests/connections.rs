//! Connections at their edges, over HTTP/1.1 and HTTP/2: bodies that are too large, clients that are too slow, to send or to
//! read, connections that are too old or too many, handshakes that come to nothing, and bodies that take up too much room.

use crate::common::{self, Court, allows, configured, court, http2, path, request, searcher};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// It takes a form, of up to 1 MiB.
const FORM: &str = "/v1/detroit/violations";

const MIB: usize = 1 << 20;

/// For what the server has to end by itself; it has much shorter times.
const LONG: Duration = Duration::from_secs(60);

fn is_problem(answer: &str, status: u16, kind: &str, says: &str) {
    let problem: Value = serde_json::from_str(answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], format!("urn:magistrate:problem:{kind}"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
}

#[tokio::test]
async fn over_http2_a_body_too_large_is_answered_and_the_rest_runs_off() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    for length in [Some(20 * MIB), None] {
        let mut client = http2::greet(&court.deployment, &searcher("detroit")).await;
        client.post(FORM, length).await;
        // Said to be too large it is refused unread; otherwise once it is.
        let begun = if length.is_some() { 0 } else { client.send(2 * MIB, false).await };
        is_problem(&client.answer().await, 413, "too-large", "up to 1048576 bytes");
        // More than the server lets anybody send unread: an old client goes on for as long as it can.
        let rest = 20 * MIB - begun;
        assert_eq!(client.send(rest, true).await, rest, "{length:?}: the stream was reset: {:?}", client.resets);
        client.get("/healthz").await;
        client.answer().await;
        assert!(client.answered && client.resets.is_empty(), "{length:?}: {:?}", client.resets);
    }
    // So is a head too large, and the connection goes on, too.
    let mut client = http2::greet(&court.deployment, &searcher("detroit")).await;
    for (headers, too_large) in [(240, false), (260, true), (240, false)] {
        client.get_with("/healthz", headers).await;
        let answer = client.answer().await;
        if too_large {
            is_problem(&answer, 431, "head-too-large", "and may be 32768");
        } else {
            assert!(answer.contains("\"status\":\"ok\""), "{headers}: {answer}");
        }
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
}

#[tokio::test]
async fn over_http2_a_body_without_end_is_not_taken_for_ever() {
    let Some(court) = court().await else { return };
    // One that goes on and on, and one that never comes: neither is the other's fault.
    for bytes in [300 * MIB, 0] {
        let mut client = http2::greet(&court.deployment, &searcher("detroit")).await;
        client.post(FORM, Some(300 * MIB)).await;
        let sent = client.send(bytes, false).await;
        assert!(sent < 100 * MIB, "{sent} bytes were taken");
        let ended = tokio::time::timeout(LONG, client.reset()).await;
        assert_eq!(ended.expect("the server waits for ever"), Some(0), "NO_ERROR, as RFC 9113 section 8.1 says");
        is_problem(&client.answer().await, 413, "too-large", "up to 1048576 bytes");
        client.get("/healthz").await;
        client.answer().await;
        assert!(client.answered, "the connection goes on");
    }
}

/// The same as [`common::exchange`] on a new connection to this court, for HTTP/1.1.
async fn exchange(court: &Court, sent: &[u8]) -> String {
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    // How a connection ends is the server's choice.
    common::exchange(identity.connect(&court.deployment.address).await.unwrap(), sent).await.0
}

#[tokio::test]
async fn over_http1_a_body_too_large_is_answered_and_the_connection_goes_on() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    let head = format!("POST {FORM} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    let (bytes, blank) = (20 * MIB, vec![b' '; 20 * MIB]);
    let next = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let whole = [format!("{head}content-length: {bytes}\r\n\r\n").as_bytes(), &blank, next].concat();
    let begins = format!("{head}transfer-encoding: chunked\r\n\r\n{bytes:x}\r\n");
    let chunked = [begins.as_bytes(), &blank, b"\r\n0\r\n\r\n", next].concat();
    // A client that reads nothing before it has sent everything.
    for sent in [whole, chunked] {
        let answer = exchange(&court, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("up to 1048576 bytes"), "{answer}");
        assert!(answer.contains("HTTP/1.1 200 "), "the next request is answered too: {answer}");
    }
    // One that waits for the answer first, and then says nothing more, holds no connection.
    let answer = exchange(&court, format!("{head}content-length: {bytes}\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    // So is a head too large, up to twice what it may be.
    let begins = format!("POST {FORM} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\nx: ");
    for bytes in [33_000, 60_000] {
        let answer = exchange(&court, format!("{begins}{}\r\n\r\n", "x".repeat(bytes)).as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        assert!(head.starts_with("HTTP/1.1 431 ") && head.contains("application/problem+json"), "{answer}");
        is_problem(body, 431, "head-too-large", "and may be 32768");
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
    // An attempt on the log is on record all the same.
    let attempt = begins.replacen(FORM, "/v1/detroit/log/checkpoint", 1).replacen("POST", "DELETE", 1);
    let answer = exchange(&court, format!("{attempt}{}\r\n\r\n", "x".repeat(33_000)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("this attempt is on record"), "{answer}");
    assert_eq!(court.entries("detroit").await, before + 1);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones_in_the_head() {
    let Some(court) = court().await else { return };
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    for (asked, status, allow) in [
        ("DELETE /v1/detroit/searches", 405, Some("POST")),
        ("HEAD /v1/detroit/people", 405, Some("POST, GET")),
        ("PUT /v1/detroit/reports", 405, Some("POST, GET, HEAD")),
        ("OPTIONS /v1/detroit/log/checkpoint", 405, Some("GET, HEAD")),
        ("OPTIONS /v1/detroit/audit/entries", 405, Some("GET, HEAD")),
        // Neither of these has to do with methods: nobody changes a log, and there is nothing.
        ("DELETE /v1/detroit/log/checkpoint", 403, None),
        ("DELETE /v1/detroit/nothing", 404, None),
    ] {
        allows(identity.connect(&court.deployment.address).await.unwrap(), asked, status, allow).await;
    }
}

/// A court whose patience is short.
async fn impatient() -> Option<Court> {
    configured("head_timeout_s = 1.5\nbody_timeout_s = 1.5\n").await
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let Some(court) = impatient().await else { return };
    let who = searcher("detroit");
    let answer = exchange(&court, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "it was kept alive for a while: {answer}");
    assert_eq!(exchange(&court, b"").await, "");

    // It answers pings, as every library does by itself, and asks nothing more.
    let mut idle = http2::greet(&court.deployment, &who).await;
    idle.get("/healthz").await;
    idle.answer().await;
    assert!(idle.answered);
    let mut half = http2::greet(&court.deployment, &who).await;
    half.half_a_head().await;
    let mut silent = http2::connect(&court.deployment, &who).await;
    for (what, connection) in [("idle", &mut idle), ("half a head", &mut half)] {
        assert!(tokio::time::timeout(LONG, connection.closed()).await.is_ok(), "{what}: the server waits for ever");
    }
    assert!(tokio::time::timeout(LONG, silent.closed()).await.is_ok(), "silent: the server waits for ever");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "whoever is not slow is served");
}

#[tokio::test]
async fn over_http2_a_slow_body_is_answered() {
    let Some(court) = impatient().await else { return };
    let before = court.entries("detroit").await;
    let mut client = http2::greet(&court.deployment, &searcher("detroit")).await;
    client.post(FORM, Some(1000)).await;
    client.send(10, false).await;
    let answer = tokio::time::timeout(LONG, client.answer()).await.expect("the server waits for ever");
    is_problem(&answer, 408, "slow", "the body did not arrive within 1.5 s");
    // Its stream is reset without an error, or the idle connection is closed before that.
    let ended = tokio::time::timeout(LONG, client.reset()).await.expect("the server waits for ever");
    assert!(matches!(ended, Some(0) | None), "{ended:?}");
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
}

#[tokio::test]
async fn a_connection_takes_requests_for_a_time_only() {
    let Some(court) = configured("connection_age_s = 1.5\n").await else { return };
    let who = searcher("detroit");
    // Never idle, and never slow.
    let mut over_http1 = court.deployment.identity(&who).unwrap().connect(&court.deployment.address).await.unwrap();
    let asking = async {
        let mut answer = [0; 4096];
        loop {
            let asked = over_http1.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
            if asked.is_err() || over_http1.flush().await.is_err() {
                return;
            }
            if matches!(over_http1.read(&mut answer).await, Ok(0) | Err(_)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, asking).await.is_ok(), "it is served for ever");

    let mut over_http2 = http2::greet(&court.deployment, &who).await;
    assert!(over_http2.still_answers().await);
    let asking = async {
        while over_http2.still_answers().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, asking).await.is_ok(), "it is served for ever");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "whoever connects again is served");
}

#[tokio::test]
async fn over_http2_a_client_that_takes_no_more_of_an_answer_loses_its_connection() {
    let Some(court) = configured("answer_timeout_s = 1.5\n").await else { return };
    let mut client = http2::greet_narrow(&court.deployment, &searcher("detroit"), 100).await;
    client.get("/openapi.json").await;
    // Meanwhile the connection is anything but idle.
    assert!(client.still_answers().await);
    let asking = async {
        while client.still_answers().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, asking).await.is_ok(), "the server holds the answer for ever");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "whoever reads is served");
}

#[tokio::test]
async fn over_http1_a_client_that_stops_reading_loses_its_connection() {
    let Some(court) = configured("answer_timeout_s = 1.5\n").await else { return };
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    let mut connection = identity.connect(&court.deployment.address).await.unwrap();
    // More than what lies between the two holds.
    let asked = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    connection.write_all(&asked).await.unwrap();
    connection.flush().await.unwrap();
    // What else it sends finds the connection closed.
    let sending = async {
        while connection.write_all(b"G").await.is_ok() && connection.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, sending).await.is_ok(), "the server waits for ever");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit", "whoever reads is served");
}

#[tokio::test]
async fn one_person_has_so_many_connections_and_is_told_so() {
    let Some(court) = configured("connections_each = 2\n").await else { return };
    let who = searcher("detroit");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = court.client(&who);
        assert_eq!(client.get("/healthz").await.unwrap().status, 200);
        held.push(client);
    }
    let refused = court.client(&who).get("/healthz").await.unwrap();
    is_problem(&String::from_utf8_lossy(&refused.body), 429, "too-many-connections", "you have 2 connections");
    let mut over_http2 = http2::greet(&court.deployment, &who).await;
    over_http2.get("/healthz").await;
    is_problem(&over_http2.answer().await, 429, "too-many-connections", "you have 2 connections");
    let other = court.client(&searcher("st-louis")).get("/healthz").await.unwrap();
    assert_eq!(other.status, 200, "others have their own");

    drop((held, over_http2));
    let served = async {
        while court.client(&who).get("/healthz").await.unwrap().status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, served).await.is_ok(), "their places are not free again");
}

#[tokio::test]
async fn who_shows_no_certificate_keeps_nobody_out() {
    // Nothing is closed here because it took too long.
    let Some(court) = configured("handshakes_each = 4\nhead_timeout_s = 3600\n").await else { return };
    let who = searcher("detroit");
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(&court.deployment.address).await.unwrap());
    }
    // From their address, while they say nothing.
    assert_eq!(court.client(&who).get("/healthz").await.unwrap().status, 200);
    for (i, stranger) in silent.iter_mut().enumerate() {
        let ended = tokio::time::timeout(LONG, stranger.read(&mut [0])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{i} holds a place for ever: {ended:?}");
    }
    let mut begun = TcpStream::connect(&court.deployment.address).await.unwrap();
    // The head of a record that never comes.
    begun.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    let ended = tokio::time::timeout(LONG, begun.read(&mut [0; 64])).await;
    assert!(matches!(ended, Ok(Ok(_) | Err(_))), "nor does half a handshake: {ended:?}");
    assert_eq!(court.search("detroit", 2).await["verdict"], "permit");
}

#[tokio::test]
async fn idle_connections_leave_the_log_its_file_descriptors() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    // The hard limit, too, so that the server cannot raise it.
    court.deployment.serve_under(&["sh", "-c", "ulimit -n 160; exec \"$0\" \"$@\""]).unwrap();
    let mut client = court.client(&searcher("detroit"));
    let asked = |seed| json!({"request": request("detroit", seed)});
    assert_eq!(client.post(&path("detroit"), &asked(0)).await.unwrap().status, 200);
    let mut idle = Vec::new();
    for _ in 0..150 {
        idle.push(TcpStream::connect(&court.deployment.address).await.unwrap());
    }
    for round in 0..20 {
        let answer = client.post(&path("detroit"), &asked(round % 4)).await.unwrap();
        assert_eq!(answer.status, 200, "{round}: {}", String::from_utf8_lossy(&answer.body));
    }
    drop((idle, client));
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn bodies_that_never_come_take_up_one_persons_share() {
    let Some(court) = court().await else { return };
    let mut greedy = http2::greet(&court.deployment, &searcher("detroit")).await;
    // More in all than there is room for.
    for _ in 0..17 {
        greedy.post("/v1/detroit/requests", Some(32 * MIB)).await;
    }
    // One that found no room is told so while others wait for their bodies.
    let told = tokio::time::timeout(LONG, greedy.answer()).await.expect("the server waits for ever");
    assert!(told.contains("requests of yours") || told.contains("did not arrive"), "{told}");
    assert_eq!(court.search("st-louis", 2).await["verdict"], "permit", "others have their own");
    assert_eq!(court.search("detroit", 3).await["verdict"], "permit", "and forms do not wait behind photographs");
}
