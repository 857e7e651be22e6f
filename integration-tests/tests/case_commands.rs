//! A request worked from the command line, as the people do who have nothing else.

use crate::common::life::{ASKER, FIRST, PATROL, SECOND, STATEMENT, SUPERVISOR, registry_file, reopen};
use crate::common::{Court, court, template};
use integration_tests::Example;
use model::terms::{Digest, Instant};
use serde_json::Value;
use std::process::{Command, Output};

/// Types a command with the certificate of `who`.
pub fn command(court: &Court, who: &str, words: &[&str], rest: &[&str]) -> Output {
    let certificate = format!("certs/{who}.pem");
    let as_whom = ["--server", &court.deployment.address, "--certificate", &certificate, "--jurisdiction", "detroit"];
    court.deployment.run(&[words, &as_whom, rest].concat()).unwrap()
}

/// The same where no file can be written, not a byte of it, as on a disk that is full.
fn without_room(court: &Court, who: &str, words: &[&str], rest: &[&str]) -> Output {
    let certificate = format!("certs/{who}.pem");
    let as_whom = ["--server", &court.deployment.address, "--certificate", &certificate, "--jurisdiction", "detroit"];
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]).arg(integration_tests::program().unwrap());
    shell.args([words, &as_whom, rest].concat()).current_dir(&court.deployment.home).output().unwrap()
}

pub fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

/// What a command that must end well prints as JSON.
pub fn json(court: &Court, who: &str, words: &[&str], rest: &[&str]) -> Value {
    let done = command(court, who, words, &[rest, &["--json"]].concat());
    assert!(done.status.success(), "{words:?}: {}", said(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A command that must be refused: by its exit code, and with what it says.
pub fn refused(court: &Court, who: &str, words: &[&str], rest: &[&str], says: &[&str]) {
    let done = command(court, who, words, rest);
    assert_eq!(done.status.code(), Some(3), "{words:?}: {}", said(&done));
    for part in says {
        assert!(said(&done).contains(part), "{words:?}: `{part}`: {}", said(&done));
    }
}

/// The flags of a request that the policy permits, with a template for a probe.
fn flags(court: &Court, seed: usize) -> Vec<String> {
    let probe = court.deployment.home.join("probe.f32");
    std::fs::write(&probe, template(seed).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let example = Example::read("detroit").unwrap();
    let text = |name: &str| example.request[name].as_str().unwrap().to_owned();
    let mut flags: Vec<String> =
        ["--gallery", "snap", "--probe", "probe.f32", "--model", "demo-512", "--source", "cctv"]
            .map(str::to_owned)
            .into();
    for name in ["requester", "purpose", "reason"] {
        flags.extend([format!("--{name}"), text(name)]);
    }
    flags.extend(["--case".to_owned(), format!("incident-number=26-0310-{seed}")]);
    for (name, value) in example.request["answers"].as_table().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        flags.extend(["--answer".to_owned(), format!("{name}={value}")]);
    }
    flags
}

fn opened(court: &Court, seed: usize) -> String {
    let flags = flags(court, seed);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    json(court, FIRST, &["request", "open"], &flags)["request"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_lead_is_worked_with_commands_alone() {
    let Some(mut court) = court().await else { return };
    let id = opened(&court, 7);
    let request = ["--request", id.as_str()];
    let run = |who: &str, word: &str, rest: &[&str]| json(&court, who, &[word], &[&request[..], rest].concat());
    let listed = json(&court, FIRST, &["request", "list"], &["--mine", "--state", "open"]);
    let all = listed["requests"].as_array().unwrap();
    assert_eq!((&all[0]["id"], all.len()), (&Value::from(id.as_str()), 1), "{listed}");
    let opened: Instant = all[0]["opened"].as_str().unwrap().parse().unwrap();
    let before = format!("{}-{id}", opened.0);
    let none = json(&court, FIRST, &["request", "list"], &["--mine", "--before", &before]);
    assert_eq!(none, serde_json::json!({"requests": []}), "there is none before it");

    let found = json(&court, FIRST, &["request", "search"], &[&request[..], &["--candidates", "3"]].concat());
    let records: Vec<&str> =
        found["candidates"].as_array().unwrap().iter().map(|c| c["record_id"].as_str().unwrap()).collect();
    assert_eq!(records[0], "r0007");
    let sheet =
        "[[disposition]]\nrecord = \"r0007\"\nlikeness = \"possible\"\nreason = \"ears and nose bridge agree\"\n";
    std::fs::write(court.deployment.home.join("dispositions.toml"), sheet).unwrap();
    let others = ["--record", records[1], "--record", records[2], "--likeness", "excluded", "--reason", "ears differ"];
    json(&court, FIRST, &["dispose"], &[&request[..], &others[..], &["--file", "dispositions.toml"]].concat());
    assert_eq!(run(SECOND, "candidates", &[])["candidates"][0]["disposition"]["likeness"], "possible");
    refused(&court, PATROL, &["candidates"], &request, &["5.4(2)-a", "violated", "on record as entry"]);
    let lead = ["--role", "examiner", "--conclusion", "lead"];
    for examiner in [FIRST, SECOND] {
        run(examiner, "sign", &lead);
    }
    refused(&court, FIRST, &["sign"], &[&request[..], &lead].concat(), &["have another person sign"]);
    let out = ["--candidate", "r0007", "--reasoning", "ears and nose bridge agree", "--out", "case"];
    refused(&court, FIRST, &["release"], &[&request[..], &out].concat(), &["`ciu-supervisor`"]);
    run(SUPERVISOR, "sign", &["--role", "ciu-supervisor", "--conclusion", "approved"]);
    let released = run(FIRST, "release", &out);
    let kept = court.deployment.home.join(format!("case/release-{id}-{}.json", released["receipt"]["index"]));
    assert_eq!(serde_json::from_slice::<Value>(&std::fs::read(kept).unwrap()).unwrap(), released);

    let to = ["--channel", "secured-email", "--recipient", "h.dawson", "--agency", "dpd", "--out", "case"];
    refused(&court, FIRST, &["disseminate"], &[&request[..], &to].concat(), &["7(1)-b", "missing"]);
    let whole = [&request[..], &to, &["--answer", "recipient-address=dawsonh@detroitmi.gov"]].concat();
    let full = without_room(&court, FIRST, &["disseminate"], &whole);
    assert_eq!(full.status.code(), Some(1), "{}", said(&full));
    for part in ["handed over", "on record as entry", "its document is not written"] {
        assert!(said(&full).contains(part), "what is done is told all the same: {part}: {}", said(&full));
    }
    let handed = json(&court, FIRST, &["disseminate"], &whole);
    let document = std::fs::read(court.deployment.home.join(handed["document"]["file"].as_str().unwrap())).unwrap();
    assert!(document.starts_with(b"%PDF") && handed["document"].get("content").is_none());
    assert_eq!(released["documents"][0]["pdf"], Digest::of(&document).to_string());
    run(ASKER, "outcome", &["--answer", "case-assisted=true", "--answer", "positive-identification=false"]);

    let shown = command(&court, FIRST, &["request", "show"], &request);
    for part in ["concluded", "h.dawson", "s.baptiste", "secured-email", "supplemental-incident-report", "7(9)-b"] {
        assert!(said(&shown).contains(part), "{part}: {}", said(&shown));
    }
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_report_without_a_folder_is_not_drawn_up_and_one_on_a_full_disk_is_told_of() {
    let Some(court) = court().await else { return };
    let report = ["--report", "weekly", "--answer", "software-upgrades=none", "--answer", "contract-changes=none"];
    let report = [&report[..], &["--answer", "confirmed-violations=none"]].concat();
    let before = court.entries("detroit").await;
    let nowhere = command(&court, FIRST, &["report"], &[&report[..], &["--out", "magistrate.toml"]].concat());
    assert_eq!(nowhere.status.code(), Some(1), "{}", said(&nowhere));
    assert_eq!(court.entries("detroit").await, before, "nothing was asked for");
    let full = without_room(&court, FIRST, &["report"], &[&report[..], &["--out", "reports"]].concat());
    assert_eq!(full.status.code(), Some(1), "{}", said(&full));
    for part in ["on record as entry", "not all of its files are written"] {
        assert!(said(&full).contains(part), "{part}: {}", said(&full));
    }
    assert!(!said(&full).contains("written to"), "{}", said(&full));
}

#[tokio::test]
async fn an_enrolment_that_stops_says_how_far_it_came() {
    let Some(mut court) = court().await else { return };
    let example = Example::read("detroit").unwrap();
    let registrar = format!("detroit/{}", example.registrar);
    let folder = court.deployment.home.join("photographs");
    std::fs::create_dir(&folder).unwrap();
    for name in ["a.jpg", "a.png", "b.jpg"] {
        std::fs::write(folder.join(name), "no photograph").unwrap();
    }
    let rest = ["--gallery", example.gallery.as_str(), "photographs"];
    let enroll = |who: &str, more: &[&str]| command(&court, who, &["enroll"], &[&rest[..], more].concat());
    let before = court.entries("detroit").await;
    let twice = enroll(&registrar, &[]);
    assert!(twice.status.code() == Some(1) && said(&twice).contains("a.jpg and a.png"), "{}", said(&twice));
    assert_eq!(court.entries("detroit").await, before, "nothing was sent");
    std::fs::remove_file(folder.join("a.png")).unwrap();
    let stopped = enroll(PATROL, &[]);
    assert_eq!(stopped.status.code(), Some(3), "{}", said(&stopped));
    assert!(said(&stopped).contains("0 of 2 photographs are enrolled, and the next is a.jpg"), "{}", said(&stopped));
    let stopped = enroll(PATROL, &["--after", "a.jpg"]);
    let says = "0 of 1 photographs are enrolled, and the next is b.jpg: go on with --after a.jpg";
    assert!(said(&stopped).contains(says), "{}", said(&stopped));
    let strange = enroll(&registrar, &["--after", "c.jpg"]);
    assert!(strange.status.code() == Some(1) && said(&strange).contains("`c.jpg`"), "{}", said(&strange));

    court.deployment.stop().unwrap();
    let unreached = command(&court, &registrar, &["enroll"], &rest);
    let says = "0 of 2 photographs are enrolled, and the next is a.jpg";
    assert!(unreached.status.code() == Some(1) && said(&unreached).contains(says), "{}", said(&unreached));
    assert!(said(&unreached).contains("cannot connect"), "{}", said(&unreached));
    assert!(!said(&unreached).contains("not known"), "nothing was sent: {}", said(&unreached));
}

#[tokio::test]
async fn what_has_to_be_done_is_listed_and_done() {
    let Some(court) = court().await else { return };
    court.listed(3).await;
    let owed = json(&court, FIRST, &["obligations"], &[]);
    let review = owed.as_array().unwrap().iter().find(|o| o["duty"]["task"]["owner"] == "ciu-commander").unwrap();
    assert_eq!(json(&court, FIRST, &["obligations"], &["--overdue"]), serde_json::json!([]));
    let id = review["id"].as_str().unwrap();
    let done = ["--obligation", id, "--note", "reviewed with the examiners"];
    refused(&court, FIRST, &["complete"], &done, &["ciu-commander"]);
    json(&court, "detroit/c.hargrove", &["complete"], &done);
    refused(&court, "detroit/c.hargrove", &["complete"], &done, &["nothing of this kind is open"]);
    let left = json(&court, FIRST, &["obligations"], &["--request", review["request"].as_str().unwrap()]);
    assert!(!left.as_array().unwrap().is_empty() && left.as_array().unwrap().iter().all(|o| o["id"] != id), "{left}");
}

#[tokio::test]
async fn a_search_that_waits_says_for_whom_and_ends_with_a_code_of_its_own() {
    let Some(court) = court().await else { return };
    let mut flags = flags(&court, 6);
    // A crime that the directive does not name itself: a supervisor has to confirm the classification.
    let crime = flags.iter_mut().find(|flag| flag.as_str() == "crime=robbery").unwrap();
    *crime = "crime=carjacking".to_owned();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let waits = command(&court, FIRST, &["search"], &flags);
    assert_eq!(waits.status.code(), Some(5), "{}", said(&waits));
    for part in ["waits for", "`ciu-supervisor`", "2.7", "on record as entry"] {
        assert!(said(&waits).contains(part), "{part}: {}", said(&waits));
    }
    let id = said(&waits).lines().find_map(|line| line.strip_prefix("request ")).unwrap().to_owned();
    let request = ["--request", id.as_str()];
    let again = command(&court, FIRST, &["request", "search"], &[&request[..], &["--json"]].concat());
    assert_eq!(again.status.code(), Some(5), "{}", said(&again));
    let answer: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((answer["request"].as_str(), &answer["waits_for"][0]["clause"]), (Some(&*id), &Value::from("2.7")));
    for words in [&["request", "show"][..], &["request", "list"]] {
        let rest: &[&str] = if words[1] == "show" { &request } else { &[] };
        let shown = command(&court, FIRST, words, rest);
        assert!(said(&shown).contains("waits for approval"), "{words:?}: {}", said(&shown));
    }
    let approved = ["--role", "ciu-supervisor", "--conclusion", "approved"];
    json(&court, SUPERVISOR, &["sign"], &[&request[..], &approved].concat());
    let found = json(&court, FIRST, &["request", "search"], &request);
    assert_eq!(found["candidates"][0]["record_id"], "r0006");
    let shown = said(&command(&court, FIRST, &["request", "search"], &request));
    // The statements below it are the directive's own words.
    let (table, certificate) = shown.split_once(" records compared of ").unwrap();
    assert!(table.contains("r0006") && !table.to_lowercase().contains("match"), "{table}");
    let certificate = certificate.lines().next().unwrap();
    let gallery = format!("{}, generation {}, ", found["gallery"].as_str().unwrap(), found["generation"]);
    let digest = format!("digest {}, ", found["gallery_digest"].as_str().unwrap());
    let sure = certificate.strip_prefix(&(gallery + &digest)).unwrap_or_else(|| panic!("{certificate}"));
    let (scored, bound) = sure.split_once(" scored exactly, bound ").unwrap_or_else(|| panic!("{sure}"));
    assert!(scored.parse::<usize>().unwrap() >= found["candidates"].as_array().unwrap().len(), "{sure}");
    let (bound, expected) = (bound.parse::<f64>().unwrap(), found["bound"].as_f64().unwrap());
    assert!(bound > 0.0 && (bound - expected).abs() < 1e-9, "{sure}");
}

#[tokio::test]
async fn a_statement_is_read_before_it_is_acknowledged() {
    let Some(mut court) = court().await else { return };
    let registry = std::fs::read_to_string(registry_file(&court)).unwrap();
    let in_good_standing: String =
        registry.lines().filter(|line| !line.starts_with("suspended_since")).map(|line| format!("{line}\n")).collect();
    reopen(&mut court, &in_good_standing);
    let flags = flags(&court, 5);
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let requester = flags.iter().position(|flag| *flag == "--requester").unwrap();
    flags[requester + 1] = "o.mercer";
    for answer in [
        "requester-address=1200 N Telegraph Road, Pontiac",
        "requester-phone=+1 248 555 0100",
        "statement-acknowledged=true",
    ] {
        flags.extend(["--answer", answer]);
    }
    let id = json(&court, FIRST, &["request", "open"], &flags)["request"].as_str().unwrap().to_owned();
    let statement = ["--request", &id, "--statement", STATEMENT];
    let read = json(&court, "detroit/o.mercer", &["acknowledge"], &statement);
    assert_eq!(read["text"], court.statement(STATEMENT).await.as_str());
    assert!(court.entries_of(&id).await.iter().all(|e| e["account"]["event"]["what"] != "acknowledged"), "only read");
    let other = "0".repeat(64);
    let wrong = [&statement[..], &["--digest", &other]].concat();
    refused(&court, "detroit/o.mercer", &["acknowledge"], &wrong, &["word for word"]);
    let right = [&statement[..], &["--digest", read["digest"].as_str().unwrap()]].concat();
    json(&court, "detroit/o.mercer", &["acknowledge"], &right);
    assert!(court.entries_of(&id).await.iter().any(|e| e["account"]["event"]["what"] == "acknowledged"));
}
