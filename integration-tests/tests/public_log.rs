//! The log as an outsider reads it over HTTP, and attempts to change it.

use crate::common::{Court, court, searcher};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Client, Method};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use serde_json::json;

/// The log's key as it was published when the deployment was made.
pub fn published_key(court: &Court, jurisdiction: &str) -> audit::VerifierKey {
    let file = court.deployment.home.join(format!("log-keys/{jurisdiction}.vkey"));
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

pub async fn text(client: &mut Client, path: &str) -> String {
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    assert!(answer.content_type.starts_with("text/plain"), "{path}: {}", answer.content_type);
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Fetches the entries that a checkpoint of this size refers to, and the hashes of the lowest level beside them.
pub async fn fetch(client: &mut Client, size: u64) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    for path in audit::files_of(size) {
        let answer = client.get(&format!("/v1/detroit/log/{path}")).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.content_type.as_str()), (200, "application/octet-stream"), "{path}");
        match path.level() {
            Some(0) => hashes.extend_from_slice(&answer.body),
            Some(_) => {}
            None => {
                let mut bundle = &answer.body[..];
                while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
                    let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
                    entries.push(entry.to_vec());
                    bundle = rest;
                }
            }
        }
    }
    (entries, hashes)
}

#[tokio::test]
async fn any_certificate_fetches_the_log_and_another_implementation_verifies_it() {
    let Some(court) = court().await else { return };
    // Of another jurisdiction, and no auditor.
    let mut client = court.client(&searcher("st-louis"));
    let key = published_key(&court, "detroit");
    assert_eq!(text(&mut client, "/v1/detroit/log/key").await.trim(), key.to_string());
    let mut earlier: Option<(u64, Vec<Vec<u8>>)> = None;
    for round in 0..3 {
        court.search("detroit", round).await;
        let checkpoint = text(&mut client, "/v1/detroit/log/checkpoint").await;
        let size = audit::signed_size(&checkpoint, &key).unwrap();
        // What is added meanwhile changes nothing of what this checkpoint refers to.
        court.search("detroit", 10 + round).await;
        let (entries, hashes) = fetch(&mut client, size).await;
        assert_eq!((entries.len() as u64, hashes.len() as u64), (size, 32 * size));
        let mut tree = MemoryBackedTree::<sha2_of_oracle::Sha256, Vec<u8>>::new();
        entries.iter().for_each(|entry| tree.push(entry.clone()));
        let root = BASE64_STANDARD.encode(tree.root().as_bytes());
        assert_eq!(checkpoint.lines().nth(2), Some(root.as_str()));
        if let Some((size, before)) = earlier {
            assert!(entries.len() as u64 > size);
            assert_eq!(entries[..before.len()], before[..], "nothing was taken back");
            assert_eq!(fetch(&mut client, size).await.0, before, "an earlier checkpoint can still be followed");
        }
        earlier = Some((size, entries));
    }
}

#[tokio::test]
async fn nothing_but_the_log_is_found_under_its_paths() {
    let Some(court) = court().await else { return };
    let mut client = court.client(&searcher("detroit"));
    for path in [
        "tile/0/000",
        "tile/0/999",
        "tile/9/000",
        "tile/entries/000.p/255",
        "tile/0/../../checkpoint",
        "tile/0/../../../../secrets/master.key",
        "tile/%2e%2e/lock",
        "tile/entries/%00",
        "tile/journal/00000000000000000000",
        "tile//etc/passwd",
        "tile/",
        "tile",
        "lock",
        "journal/00000000000000000000",
    ] {
        let answer = client.get(&format!("/v1/detroit/log/{path}")).await.unwrap();
        assert_eq!(answer.status, 404, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(client.get("/v1/nowhere/log/key").await.unwrap().status, 404);
    assert_eq!(client.get("/v1/nowhere/log/tile/0/000").await.unwrap().status, 404);
    assert_eq!(court.search("detroit", 1).await["verdict"], "permit", "the server goes on");
}

#[tokio::test]
async fn looking_at_a_log_by_another_safe_method_is_no_attempt_on_it() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    for method in [Method::HEAD, Method::OPTIONS] {
        for path in ["log/checkpoint", "log/tile/0/000", "log/nothing"] {
            let path = format!("/v1/detroit/{path}");
            let answer = court.client("st-louis/r.abara").send(method.clone(), &path, None, "".into()).await.unwrap();
            let public = method == Method::HEAD && path.ends_with("/checkpoint");
            let expected = if public { &[200][..] } else { &[404, 405] };
            assert!(expected.contains(&answer.status.as_u16()), "{method} {path}: {}", answer.status);
            assert!(method != Method::HEAD || answer.body.is_empty(), "{method} {path}");
        }
    }
    assert_eq!(court.entries("detroit").await, before, "nobody is accused of anything");
}

#[tokio::test]
async fn the_head_of_what_is_public_is_answered_without_its_body() {
    let Some(court) = court().await else { return };
    let key = published_key(&court, "detroit");
    let mut client = court.client("st-louis/r.abara");
    let checkpoint = text(&mut client, "/v1/detroit/log/checkpoint").await;
    let size = audit::signed_size(&checkpoint, &key).unwrap();
    let tile = audit::files_of(size).next().unwrap();
    for path in ["checkpoint".to_owned(), "key".to_owned(), tile.to_string()] {
        let path = format!("/v1/detroit/log/{path}");
        let whole = client.get(&path).await.unwrap();
        let head = client.send(Method::HEAD, &path, None, "".into()).await.unwrap();
        assert_eq!((whole.status.as_u16(), head.status.as_u16()), (200, 200), "{path}");
        assert_eq!(head.content_type, whole.content_type, "{path}");
        assert!(head.body.is_empty() && !whole.body.is_empty(), "{path}");
    }
    let missing = client.send(Method::HEAD, "/v1/detroit/log/tile/0/999", None, "".into()).await.unwrap();
    assert_eq!((missing.status.as_u16(), missing.body.len()), (404, 0));
    assert_eq!(client.get("/healthz").await.unwrap().status, 200, "the connection goes on");
}

#[tokio::test]
async fn the_head_of_what_is_for_auditors_is_refused_or_on_record_as_the_whole_is() {
    let Some(court) = court().await else { return };
    let path = "/v1/detroit/audit/entries";
    for who in ["detroit/m.whitfield", "st-louis/a.whitfield"] {
        let mut recorded = Vec::new();
        for method in [Method::GET, Method::HEAD] {
            let before = court.entries("detroit").await;
            let answer = court.client(who).send(method.clone(), path, None, "".into()).await.unwrap();
            assert_eq!(answer.status, 403, "{who} {method}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.body.is_empty(), method == Method::HEAD, "{who} {method}");
            assert_eq!(court.entries("detroit").await, before + 1, "{who} {method}");
            let entries = court.audit("detroit", before).await;
            assert_eq!(entries[0]["leaf"]["kind"], "rejection", "{who} {method}");
            let account = &entries[0]["account"];
            let (jurisdiction, person) = who.split_once('/').unwrap();
            assert_eq!(
                (&account["who"]["jurisdiction"], &account["who"]["person"]),
                (&json!(jurisdiction), &json!(person))
            );
            assert_eq!(account["event"]["asked"], format!("{method} {path}"), "{who}");
            recorded.push(account["event"]["reason"].clone());
        }
        assert_eq!(recorded[0], recorded[1], "{who}");
    }

    let mut auditor = court.client("detroit/a.feld");
    let mut recorded = Vec::new();
    for method in [Method::GET, Method::HEAD] {
        let before = court.entries("detroit").await;
        let path = format!("{path}?first=0&count=1");
        let answer = auditor.send(method.clone(), &path, None, "".into()).await.unwrap();
        assert_eq!(answer.status, 200, "{method}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.body.is_empty(), method == Method::HEAD, "{method}");
        assert_eq!(court.entries("detroit").await, before + 1, "{method}");
        let entries = court.audit("detroit", before).await;
        recorded.push((entries[0]["leaf"]["kind"].clone(), entries[0]["account"]["event"].clone()));
    }
    assert_eq!(recorded[0], recorded[1], "the look at the head is the same look");
}

#[tokio::test]
async fn attempts_to_change_or_delete_a_log_are_refused_and_on_record() {
    let Some(court) = court().await else { return };
    let attempts = [
        (Method::DELETE, "log", "detroit/a.feld"),
        (Method::DELETE, "log/tile/entries/000", "detroit/m.whitfield"),
        (Method::PUT, "log/checkpoint", "st-louis/a.whitfield"),
        (Method::PATCH, "audit/entries", "detroit/a.feld"),
        (Method::POST, "log/entries", "detroit/m.whitfield"),
        (Method::DELETE, "audit/entries/7", "detroit/l.ortega"),
        (Method::DELETE, "%6cog/checkpoint", "detroit/m.whitfield"),
    ];
    for (method, path, who) in attempts {
        let before = court.entries("detroit").await;
        let path = format!("/v1/detroit/{path}");
        let body = b"{}".to_vec().into();
        let answer = court.client(who).send(method.clone(), &path, Some("application/json"), body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 403, "{method} {path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("on record"), "{problem}");
        let entries = court.audit("detroit", before).await;
        assert_eq!(entries[0]["leaf"]["kind"], "rejection", "{method} {path}");
        let account = &entries[0]["account"];
        assert_eq!(account["event"]["asked"], format!("{method} {path}"));
        let (jurisdiction, person) = who.split_once('/').unwrap();
        assert_eq!(account["who"]["jurisdiction"], jurisdiction);
        assert_eq!(account["who"]["person"], person);
    }
    court.deployment.verify().unwrap();
}
