//! A server that is asked to stop while work is under way finishes it first, and ends well.

use crate::common::{Court, court, path, request, searcher};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// For what the server has to do by itself; it has much shorter times.
const LONG: Duration = Duration::from_secs(60);

/// Asks the server to stop, and waits until it takes no connection any more.
async fn asked_to_stop(court: &Court) {
    let process = court.deployment.process().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let closing = async {
        while TcpStream::connect(&court.deployment.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, closing).await.is_ok(), "it goes on taking connections");
}

#[tokio::test]
async fn work_under_way_is_finished_and_on_record_before_the_server_ends() {
    let Some(mut court) = court().await else { return };
    let body = json!({"request": request("detroit", 1)}).to_string();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        path("detroit"),
        body.len()
    );
    let identity = court.deployment.identity(&searcher("detroit")).unwrap();
    let mut slow = identity.connect(&court.deployment.address).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    // It waits for the body from now on.
    let mut goes_on = [0; 25];
    slow.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, rest) = body.split_at(body.len() / 2);
    slow.write_all(first.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();

    asked_to_stop(&court).await;
    slow.write_all(rest.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    let mut answer = Vec::new();
    // How a connection ends is the server's choice.
    let read = tokio::time::timeout(LONG, slow.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    assert_eq!(answer["verdict"], "permit", "{answer}");
    assert_eq!(answer["candidates"][0]["record_id"], "r0001");
    court.deployment.stop().expect("it ends well");

    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
    court.check_receipt("detroit", &answer["receipt"]);
    let entries = court.audit("detroit", 0).await;
    let entry = entries.iter().find(|e| e["index"] == answer["receipt"]["index"]).unwrap();
    let leaf: Value = serde_json::from_str(answer["receipt"]["entry"].as_str().unwrap()).unwrap();
    assert_eq!((&entry["leaf"], &entry["account_verified"]), (&leaf, &json!(true)));
}

#[tokio::test]
async fn a_server_on_which_nothing_is_under_way_ends_at_once_and_well() {
    let Some(mut court) = court().await else { return };
    // Connected, and not asking anything.
    let mut idle = court.client(&searcher("detroit"));
    assert_eq!(idle.get("/healthz").await.unwrap().status, 200);
    asked_to_stop(&court).await;
    assert!(tokio::time::timeout(LONG, court.client(&searcher("detroit")).get("/healthz")).await.unwrap().is_err());
    court.deployment.stop().expect("it ends well");
}
