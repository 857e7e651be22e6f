//! What survives: restarts, crashes, a second server, a broken policy, a log that cannot be written. Disks that are full are in
//! `full_disk`.

use crate::common::{alarms, court, is_spare, path, request, searcher, used};
use model::terms::Digest;
use serde_json::json;

#[tokio::test]
async fn galleries_and_logs_survive_a_restart() {
    let Some(mut court) = court().await else { return };
    let answer = court.search("detroit", 6).await;
    court.deployment.stop().unwrap();
    court.deployment.serve().unwrap();
    let again = court.search("detroit", 6).await;
    assert_eq!(again["candidates"], answer["candidates"]);
    assert_eq!(again["generation"], answer["generation"]);
    court.check_receipt("detroit", &answer["receipt"]);
    let index = again["receipt"]["index"].as_u64().unwrap();
    assert!(index > answer["receipt"]["index"].as_u64().unwrap(), "the log goes on where it was");
}

#[tokio::test]
async fn a_damaged_snapshot_of_a_gallery_is_passed_over() {
    let Some(mut court) = court().await else { return };
    let answer = court.search("detroit", 6).await;
    court.deployment.stop().unwrap();
    let mut damaged = 0;
    for entry in court.deployment.home.join("data/galleries/detroit").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        damaged += 1;
    }
    assert!(damaged > 0, "a gallery has a file");
    court.deployment.serve().unwrap();
    let again = court.search("detroit", 6).await;
    assert_eq!(again["candidates"], answer["candidates"]);
    assert_eq!(again["generation"], answer["generation"]);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let Some(mut court) = court().await else { return };
    let mut receipts = Vec::new();
    for round in 0..3 {
        for seed in 0..4 {
            receipts.push(court.search("st-louis", seed + round).await["receipt"].clone());
        }
        court.deployment.kill().unwrap();
        court.deployment.verify().unwrap();
        court.deployment.serve().unwrap();
    }
    let entries = court.audit("st-louis", 0).await;
    for receipt in &receipts {
        court.check_receipt("st-louis", receipt);
        let index = receipt["index"].as_u64().unwrap();
        let entry = entries.iter().find(|e| e["index"] == index).unwrap();
        let leaf: serde_json::Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
        assert_eq!(entry["leaf"], leaf, "the log still says what the receipt says");
        assert_eq!(entry["account_verified"], true);
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let Some(court) = court().await else { return };
    let program = integration_tests::program().unwrap();
    let second = std::process::Command::new(program)
        .args(["serve", "--config"])
        .arg(court.deployment.config())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("lock") || said.contains("another"), "{said}");
    assert_eq!(court.search("detroit", 1).await["verdict"], "permit", "the first goes on");
    let told = alarms(&court.outbox()).concat();
    assert!(told.contains("another process has what the host needs") && !told.contains("does not start"), "{told}");
}

/// Changes one file of a deployment that is not running, and serves it.
fn served_with(court: &mut crate::common::Court, file: &str, change: impl Fn(String) -> String) -> anyhow::Result<()> {
    court.deployment.stop().unwrap();
    let path = court.deployment.home.join(file);
    std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
    court.deployment.serve()
}

#[tokio::test]
async fn without_its_pinned_policy_a_jurisdiction_denies_and_the_other_goes_on() {
    let Some(mut court) = court().await else { return };
    let other = "0".repeat(64);
    served_with(&mut court, "policies/detroit/policy.toml", |text| {
        let line = text.lines().find(|l| l.starts_with("digest")).unwrap().to_owned();
        text.replace(&line, &format!("digest = \"{other}\""))
    })
    .unwrap();
    let before = court.entries("detroit").await;
    let body = json!({"request": request("detroit", 1)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&other), "{problem}");
    assert_eq!(court.entries("detroit").await, before + 1, "the denial is on record");
    court.check_receipt("detroit", &problem["receipt"]);
    assert_eq!(court.search("st-louis", 1).await["verdict"], "permit");
    for (asker, says) in [("detroit", "detroit: no policy in force: "), ("st-louis", "detroit: partly ready")] {
        let mut client = court.client(&searcher(asker));
        let ready = client.get("/readyz").await.unwrap();
        let told = ready.json().unwrap();
        assert_eq!((ready.status.as_u16(), &told["status"]), (200, &json!("partly ready")));
        let said = told["impediments"][0].as_str().unwrap();
        assert!(said.starts_with(says) && said.contains(&other) == (asker == "detroit"), "{asker}: {told}");
        let all = client.get("/v1/jurisdictions").await.unwrap().json().unwrap().to_string();
        assert_eq!(all.contains(&other), asker == "detroit", "{asker}: why is for its own people: {all}");
        for path in ["/v1/detroit/charter", "/v1/detroit/policy", "/v1/detroit/policy/text"] {
            let said = client.get(path).await.unwrap().json().unwrap().to_string();
            assert!(said.contains("no policy is in force"), "{asker}: {path}: {said}");
            assert_eq!(said.contains(&other), asker == "detroit", "{asker}: {path}: {said}");
        }
    }
}

#[tokio::test]
async fn a_policy_changed_behind_the_hosts_back_is_not_used() {
    let Some(mut court) = court().await else { return };
    let changed = |text: String| text.replace("[settings]\n", "[settings]\nmass-query-limit = 30\n");
    served_with(&mut court, "policies/detroit/policy.toml", changed).unwrap();
    let body = json!({"request": request("detroit", 1)});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    let problem = answer.json().unwrap();
    assert_eq!(answer.status, 403, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("never activated"), "{problem}");
    let told = court.client(&searcher("st-louis")).get("/readyz").await.unwrap().json().unwrap();
    assert_eq!(told["status"], "partly ready", "{told}");
    served_with(&mut court, "policies/detroit/policy.toml", |text| text.replace("mass-query-limit = 30\n", ""))
        .unwrap();
    assert_eq!(court.search("detroit", 1).await["verdict"], "permit", "what is in force is back");
}

/// A component built for tests, if it was.
fn built(name: &str) -> Option<Vec<u8>> {
    let folder = integration_tests::program()?.ancestors().nth(2)?.join("wasm32-wasip2/policy");
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        integration_tests::skip(&format!("{name} is not built: run `cargo xtask test`"));
    }
    bytes
}

/// The same component as if it had been built against another version of the contract.
fn of_another_contract(component: &[u8]) -> Vec<u8> {
    let (from, to) = (b"magistrate:policy/facts@0.1.0", b"magistrate:policy/facts@0.2.0");
    let (mut bytes, mut at, mut found) = (component.to_vec(), 0, 0);
    while let Some(next) = bytes[at..].windows(from.len()).position(|window| window == from) {
        at += next;
        bytes[at..at + to.len()].copy_from_slice(to);
        found += 1;
    }
    assert!(found > 0, "it names the contract");
    bytes
}

/// X5.
#[tokio::test]
async fn a_hostile_policy_is_denied_on_record_and_the_other_jurisdiction_goes_on() {
    let Some(mut court) = court().await else { return };
    let (Some(hostile), Some(networked)) = (built("hostile.wasm"), built("networked.wasm")) else { return };
    let acts = [
        ("spin", "ran out of fuel"),
        ("allocate", "ran out of memory"),
        ("recurse", "ran out of stack"),
        ("trap", "trapped"),
        ("print", "ran out of fuel"),
        ("linger", "ran out of time"),
        ("oversized", "too large"),
        ("break-promise", "without the obligation"),
    ];
    let mut policies: Vec<_> =
        acts.map(|(act, reason)| (act, hostile.clone(), format!("\n[settings]\nact = \"{act}\"\n"), reason)).into();
    // These never run.
    let other = of_another_contract(&hostile);
    policies.push(("another contract", other, String::new(), "speaks contract version 0.2.0"));
    policies.push(("sockets", networked, String::new(), "`wasi:sockets/"));
    for (what, component, settings, reason) in policies {
        court.deployment.stop().unwrap();
        // Each is a first start: a folder that changes afterwards is no policy until somebody approves of it.
        std::fs::remove_dir_all(court.deployment.home.join("data")).unwrap();
        let folder = court.deployment.home.join("policies/detroit");
        std::fs::write(folder.join("hostile.wasm"), &component).unwrap();
        // By hand: one that cannot run is not pinned by any command.
        let digest = Digest::of(&component);
        let policy = format!("component = \"hostile.wasm\"\ndigest = \"{digest}\"\n{settings}");
        std::fs::write(folder.join("policy.toml"), policy).unwrap();
        court.deployment.serve().unwrap();
        assert_eq!(court.enroll("st-louis", 0..3).await.status, 200);

        let before = court.entries("detroit").await;
        let body = json!({"request": request("detroit", 1)});
        let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 403, "{what}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{what}: {problem}");
        court.check_receipt("detroit", &problem["receipt"]);
        let recorded = court.audit("detroit", before).await;
        let fault = &recorded[0]["account"]["event"]["rulings"]["rulings"][0]["fault"];
        assert!(fault.as_str().is_some_and(|f| f.contains(reason)), "{what}: {recorded:?}");
        assert_eq!(court.search("st-louis", 1).await["verdict"], "permit", "{what} harms nobody else");
    }
}

#[tokio::test]
async fn typing_mistakes_are_said_with_file_line_and_key() {
    let Some(mut court) = court().await else { return };
    served_with(&mut court, "policies/detroit/policy.toml", |text| text.replace("component =", "compnent =")).unwrap();
    let told = court.client(&searcher("detroit")).get("/readyz").await.unwrap().json().unwrap();
    let said = told["impediments"][0].as_str().unwrap();
    assert!(said.contains("policy.toml") && said.contains("line ") && said.contains("compnent"), "{said}");

    // Without its people or its own configuration the server does not start.
    let mistakes = [
        ("policies/detroit/registry.toml", "background_checked =", "backround_checked =", "line "),
        ("magistrate.toml", "listen =", "lisen =", "line 4"),
        ("magistrate.toml", "lisen =", "body_timeout_s = 0\nlisten =", "line 4"),
    ];
    for (file, right, wrong, line) in mistakes {
        let said = served_with(&mut court, file, |text| text.replacen(right, wrong, 1)).unwrap_err().to_string();
        let key = wrong.split_once(' ').unwrap().0;
        assert!(said.contains(file) && said.contains(line) && said.contains(key), "{said}");
        assert!(!said.contains("panicked"));
    }
}

#[tokio::test]
async fn a_damaged_log_is_named_and_nothing_is_served_from_it() {
    let Some(mut court) = court().await else { return };
    court.deployment.stop().unwrap();
    let folder = court.deployment.home.join("data/logs/detroit/tile/entries");
    let bundle = files(&folder).into_iter().next().unwrap();
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let verified = court.deployment.run(&["audit", "verify", "--config", "magistrate.toml"]).unwrap();
    assert_eq!(verified.status.code(), Some(4), "does not verify");
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(said.contains("NOT VERIFIED") && said.contains("tile/entries"), "{said}");
    let refused = court.deployment.serve().unwrap_err().to_string();
    assert!(refused.contains("tile/entries"), "{refused}");
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn where_no_file_can_grow_nothing_is_done_and_what_was_acknowledged_stands() {
    let Some(mut court) = court().await else { return };
    let limits = std::process::Command::new("prlimit").arg("--version").stdout(std::process::Stdio::null()).status();
    if !limits.is_ok_and(|status| status.success()) {
        return integration_tests::unable(
            "there is no prlimit here to bound the size of files with; install util-linux",
        );
    }
    let mut receipts = Vec::new();
    for asked_to_stop in [false, true] {
        court.deployment.stop().unwrap();
        // A write past the limit raises a signal that would end the server. Where that is ignored it fails, as it does on a
        // full disk.
        court.deployment.serve_under(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).unwrap();
        for seed in 0..3 {
            receipts.push(court.search("detroit", seed).await["receipt"].clone());
        }
        let mut segments = files(&court.deployment.home.join("data/logs/detroit/journal"));
        segments.retain(|file| !is_spare(file));
        // Enough for the beginning of a frame, and not for its end.
        let limit = used(&std::fs::read(segments.pop().unwrap()).unwrap()) + 100;
        let (process, limit) = (court.deployment.process().unwrap().to_string(), format!("--fsize={limit}"));
        assert!(std::process::Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());

        court.is_refused_everything().await;
        if asked_to_stop {
            let ended = court.deployment.stop().unwrap_err().to_string();
            assert!(ended.contains("exit status: 1"), "the stop itself could not be recorded: {ended}");
        } else {
            court.deployment.kill().unwrap();
        }

        court.deployment.verify().unwrap();
        court.deployment.serve().unwrap();
        let entries = court.audit("detroit", 0).await;
        for receipt in &receipts {
            court.check_receipt("detroit", receipt);
            let entry = entries.iter().find(|e| e["index"] == receipt["index"]).unwrap();
            let leaf: serde_json::Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
            assert_eq!(entry["leaf"], leaf);
        }
        assert!(entries.iter().all(|e| e["account_verified"] == true), "no entry lacks its account");
        assert_eq!(court.search("detroit", 1).await["verdict"], "permit", "it goes on");
    }
}
