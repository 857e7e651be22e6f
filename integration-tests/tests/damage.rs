//! Files of the audit log that were torn or edited, as a user meets them: the program refuses to serve from them or to
//! vouch for them, names the file and what is still trustworthy, and repairs nothing by itself.

use crate::common::books::database;
use crate::common::{Court, alarm, court, is_spare, until, used};
use integration_tests::copy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Whose log is harmed.
const HARMED: &str = "detroit";

/// Enough searches, at five entries each, for a full tile of 256 and a growing one.
const SEARCHES: usize = 55;

/// What comes over a file.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Flip,
    Halve,
    Empty,
    Remove,
}

impl Harm {
    fn come_over(self, file: &Path) {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        match self {
            Self::Flip => bytes[middle] ^= 1,
            Self::Halve => bytes.truncate(middle),
            Self::Empty => bytes.clear(),
            Self::Remove => return std::fs::remove_file(file).unwrap(),
        }
        std::fs::write(file, bytes).unwrap();
    }
}

fn log(court: &Court) -> PathBuf {
    court.deployment.home.join("data/logs").join(HARMED)
}

/// Every file in a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// What the verifier says of the harmed log. It must not verify.
fn unverified(court: &Court) -> String {
    let done = court.deployment.run(&["audit", "verify", "--config", "magistrate.toml"]).unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(4), "{said}");
    said.lines().find(|line| line.contains("NOT VERIFIED")).unwrap().to_owned()
}

/// What the server says that will not start.
fn refusal(court: &mut Court) -> String {
    let said = court.deployment.serve().unwrap_err().to_string();
    assert!(said.contains("exit status: 1") && !said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn a_damaged_file_is_named_with_what_does_not_depend_on_it_and_nothing_is_repaired() {
    let Some(mut court) = court().await else { return };
    for seed in 0..SEARCHES {
        court.search(HARMED, seed % 4).await;
    }
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    let (log, sound) = (log(&court), files(&log(&court)));

    // The file, or how the name of the only such file begins; the entries that do not depend on it; whether the server
    // needs it to start. What it does not need it does not believe either, once it reads it: see the next test.
    let cases = [
        ("tile/0/000", Harm::Flip, 0, false),
        ("tile/0/000", Harm::Remove, 0, false),
        ("tile/entries/000", Harm::Flip, 0, false),
        ("tile/entries/000", Harm::Halve, 0, false),
        ("tile/0/001.p/", Harm::Flip, 256, true),
        ("tile/0/001.p/", Harm::Halve, 256, true),
        ("tile/entries/001.p/", Harm::Flip, 256, true),
        ("tile/entries/001.p/", Harm::Remove, 256, true),
        ("tile/1/000.p/", Harm::Flip, 0, true),
        ("checkpoint", Harm::Flip, 0, true),
        ("checkpoint", Harm::Halve, 0, true),
        ("checkpoint", Harm::Empty, 0, true),
        ("checkpoint", Harm::Remove, 0, true),
    ];
    for (begins, harm, intact, needed) in cases {
        let is = |name: &&String| *name == begins || (begins.ends_with('/') && name.starts_with(begins));
        let name = sound.keys().find(is).unwrap_or_else(|| panic!("no {begins} in {:?}", sound.keys()));
        harm.come_over(&log.join(name));
        let harmed = files(&log);
        let mut said = vec![unverified(&court)];
        if needed {
            said.push(refusal(&mut court));
        }
        for said in said {
            assert!(said.contains(&format!("`{name}` is damaged")), "{harm:?}: {said}");
            assert!(said.contains(&format!("entries below {intact} do not depend on it")), "{name} {harm:?}: {said}");
        }
        assert!(files(&log) == harmed, "{name} {harm:?}: the folder is as it was found");
        std::fs::write(log.join(name), &sound[name]).unwrap();
    }
    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
    assert_eq!(court.search(HARMED, 1).await["verdict"], "permit", "with the file back it goes on");

    // An earlier copy is as sound as the log that went on from it. The database knows better.
    court.deployment.stop().unwrap();
    let newer = court.deployment.home.join("newer");
    copy(&log, &newer).unwrap();
    put_back(&log, &sound);
    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(told.contains("detroit: the audit log cannot be written: the log has "), "{told}");
    assert!(told.contains("an earlier copy was put in its place"), "{told}");
    let told = alarm(&court.outbox()).await;
    assert!(told.contains("an earlier copy was put in its place"), "{told}");
    court.deployment.kill().unwrap();
    assert!(files(&log) == sound, "nothing was signed, and nothing dropped");
    integration_tests::put_back(&log, &newer).unwrap();
    court.deployment.serve().unwrap();
    assert_eq!(court.search(HARMED, 2).await["verdict"], "permit", "with the log back it goes on");
    court.deployment.stop().unwrap();
    court.log_and_database_agree();
}

/// Puts these files in the place of whatever is in a folder.
fn put_back(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    std::fs::remove_dir_all(folder).unwrap();
    for (name, bytes) in files {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

/// What somebody is told who asks whether the server is ready.
async fn readiness(court: &Court, who: &str) -> String {
    court.client(who).get("/readyz").await.unwrap().json().unwrap().to_string()
}

#[tokio::test]
async fn damage_that_a_server_meets_while_it_runs_is_not_shown_and_the_rest_goes_on() {
    let Some(mut court) = court().await else { return };
    for seed in 0..SEARCHES {
        court.search(HARMED, seed % 4).await;
    }
    court.deployment.stop().unwrap();
    let file = log(&court).join("tile/entries/000");
    let sound = std::fs::read(&file).unwrap();
    Harm::Flip.come_over(&file);
    let heard = court.deployment.home.join("heard");
    let script = format!("exec \"$0\" \"$@\" 2>'{}'", heard.display());
    court.deployment.serve_under(&["sh", "-c", &script]).unwrap();
    let mut auditor = court.client("detroit/a.feld");
    let first = "/v1/detroit/audit/entries?first=0&count=256";
    for path in [first, "/v1/detroit/log/tile/entries/000", first] {
        let answer = auditor.get(path).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 503, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("`tile/entries/000` is damaged"), "{path}: {problem}");
    }
    // Whoever asked is not the only one who is told.
    let told = readiness(&court, "detroit/a.feld").await;
    assert!(told.contains("partly ready") && told.contains("`tile/entries/000` is damaged"), "{told}");
    let elsewhere = readiness(&court, "st-louis/r.abara").await;
    assert!(elsewhere.contains("detroit: partly ready") && !elsewhere.contains("tile"), "{elsewhere}");
    let letter = alarm(&court.outbox()).await;
    assert!(letter.contains("`tile/entries/000` is damaged"), "{letter}");
    let lines = || {
        let heard = std::fs::read_to_string(&heard).unwrap();
        heard.lines().filter(|line| line.contains("a file of the audit log could not be read")).count()
    };
    until("a line says so", || async { lines() > 0 }).await;
    assert_eq!(lines(), 1, "once");
    let rest = court.audit(HARMED, 256).await;
    let whole = !rest.is_empty() && rest.iter().all(|entry| entry["account_verified"] == true);
    assert!(whole, "what lies behind it is as good as it was");
    let receipt = court.search(HARMED, 1).await["receipt"].clone();
    court.check_receipt(HARMED, &receipt);
    std::fs::write(&file, sound).unwrap();
    assert_eq!(auditor.get(first).await.unwrap().status, 200, "with the file back it is read");
    let told = readiness(&court, "detroit/a.feld").await;
    assert!(!told.contains("tile/entries/000"), "{told}");
    Harm::Flip.come_over(&file);
    court.deployment.stop().unwrap();
    assert!(unverified(&court).contains("`tile/entries/000` is damaged"), "nobody repaired it");
}

/// A deployment that was killed with everything it acknowledged in the journal and the published checkpoint, and what it
/// acknowledged.
async fn killed() -> Option<(Court, Vec<Value>)> {
    let mut court = court().await?;
    let mut receipts = Vec::new();
    for seed in 0..4 {
        receipts.push(court.search(HARMED, seed).await["receipt"].clone());
    }
    let entries = court.entries(HARMED).await;
    // The published checkpoint follows within moments.
    for _ in 0..500 {
        let published = std::fs::read_to_string(log(&court).join("checkpoint")).unwrap();
        if published.lines().nth(1) == Some(entries.to_string().as_str()) {
            court.deployment.kill().unwrap();
            return Some((court, receipts));
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the checkpoint over {entries} entries was not published");
}

/// The journal's one segment.
fn segment(court: &Court) -> PathBuf {
    let folder = log(court).join("journal");
    let mut names: Vec<_> = files(&folder).into_keys().collect();
    names.retain(|name| !is_spare(Path::new(name)));
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

#[tokio::test]
async fn a_journal_that_was_edited_or_cut_is_refused() {
    let Some((mut court, _)) = killed().await else { return };
    let (log, segment) = (log(&court), segment(&court));
    let mut whole = std::fs::read(&segment).unwrap();
    whole.truncate(used(&whole));
    let name = format!("`journal/{}` is damaged", segment.file_name().unwrap().to_str().unwrap());
    let third = whole.len() / 3;
    let mut flipped = whole.clone();
    flipped[third] ^= 1;
    let cases = [
        ("a byte of an earlier frame", flipped, "is broken although whole frames follow"),
        ("the end cut off", whole[..whole.len() - 40].to_vec(), "were acknowledged"),
        ("two thirds cut off", whole[..third].to_vec(), "were acknowledged"),
        ("zeros for a header", [vec![0; 16], whole[16..].to_vec()].concat(), "header of a journal segment"),
    ];
    for (what, bytes, says) in cases {
        std::fs::write(&segment, bytes).unwrap();
        let harmed = files(&log);
        for said in [unverified(&court), refusal(&mut court)] {
            assert!(said.contains(&name) && said.contains(says), "{what}: {said}");
            assert!(said.contains("do not depend on it"), "{what}: {said}");
        }
        assert!(files(&log) == harmed, "{what}: the folder is as it was found");
    }
    std::fs::write(&segment, whole).unwrap();
    court.deployment.verify().unwrap();
    court.deployment.serve().unwrap();
}

#[tokio::test]
async fn a_frame_torn_by_the_crash_is_dropped_and_that_is_said() {
    let Some((mut court, receipts)) = killed().await else { return };
    let segment = segment(&court);
    let mut bytes = std::fs::read(&segment).unwrap();
    // The beginning of a frame, behind the last whole one: it was being written, and nobody was told of it.
    let end = used(&bytes);
    bytes.copy_within(16..116, end);
    std::fs::write(&segment, bytes).unwrap();
    let verified = court.deployment.verify().unwrap();
    let name = format!("journal/{}", segment.file_name().unwrap().to_str().unwrap());
    assert!(verified.contains(&format!("`{name}` ends in 100 bytes")), "{verified}");
    let json = court.deployment.run(&["audit", "verify", "--config", "magistrate.toml", "--json"]).unwrap();
    let told: Vec<Value> = json.stdout.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice).collect();
    let log = |id: &str| told.iter().find(|told| told["log"] == format!("localhost/{id}")).unwrap().clone();
    let torn = log(HARMED)["torn"].clone();
    assert_eq!((&torn["file"], &torn["bytes"], &torn["cut_short"]), (&json!(name), &json!(100), &json!(true)));
    assert_eq!(torn["intact_below"], log(HARMED)["entries"]);
    assert_eq!((&log("st-louis")["torn"], &log("st-louis")["verified"]), (&Value::Null, &json!(true)));

    let heard = court.deployment.home.join("heard");
    let script = format!("exec env MAGISTRATE_LOG=warn \"$0\" \"$@\" 2>'{}'", heard.display());
    court.deployment.serve_under(&["sh", "-c", &script]).unwrap();
    let heard = std::fs::read_to_string(heard).unwrap();
    assert!(heard.contains("it has been recovered") && heard.contains("bytes: 100"), "{heard}");
    assert!(heard.contains(&format!("`{name}` ends in 100 bytes")), "{heard}");
    let entries = court.audit(HARMED, 0).await;
    let details = last_start(&entries);
    assert_eq!((&details["torn-file"], &details["torn-bytes"]), (&json!(name), &json!("100")));
    assert_eq!(details["torn-cut-short"], "true");
    for receipt in &receipts {
        court.check_receipt(HARMED, receipt);
        let index = receipt["index"].as_u64().unwrap();
        let leaf: Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
        let entry = entries.iter().find(|entry| entry["index"] == index).unwrap();
        assert_eq!((&entry["leaf"], &entry["account_verified"]), (&leaf, &Value::Bool(true)));
    }
    court.deployment.stop().unwrap();
    let verified = court.deployment.verify().unwrap();
    assert!(!verified.contains("ends in"), "it is gone, and on record: {verified}");
    court.deployment.serve().unwrap();
    let details = last_start(&court.audit(HARMED, 0).await);
    assert!(details.get("torn-file").is_none(), "it is told once: {details}");
}

/// What is on record of the last start.
fn last_start(entries: &[Value]) -> Value {
    let mut starts = entries.iter().filter(|entry| entry["account"]["event"]["act"] == "start");
    starts.next_back().unwrap()["account"]["event"]["details"].clone()
}

/// The database of a program that did not keep how far a log was.
async fn forget_how_far_the_log_was(court: &Court) {
    let store = database(&court.deployment.home).await;
    let rows = store.jurisdiction(HARMED).await.unwrap();
    let (kind, id) = ("log-watermark".to_owned(), format!("localhost/{HARMED}"));
    assert!(rows.standing(&kind, &id).await.unwrap().is_some(), "there is something to forget");
    rows.keep(&[store::Kept::Forgotten { kind, id }]).await.unwrap();
    drop(rows);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_entry_that_was_damaged_does_not_pass_for_a_torn_one_in_silence() {
    let Some(mut court) = court().await else { return };
    let mut receipts = Vec::new();
    for seed in 0..4 {
        receipts.push(court.search(HARMED, seed).await["receipt"].clone());
    }
    // The look is an entry itself, and whoever gets an answer knows that it is in the log and in the database.
    let lost = court.audit(HARMED, 0).await.pop().unwrap();
    assert_eq!(lost["account"]["event"]["what"], "looked");
    court.deployment.kill().unwrap();
    let (log, segment) = (log(&court), segment(&court));
    // As it is for a moment after every entry: the checkpoint that is published does not cover the last ones yet.
    let earlier: audit::Receipt = receipts[2]["proof"].as_str().unwrap().parse().unwrap();
    std::fs::write(log.join("checkpoint"), earlier.checkpoint).unwrap();
    court.deployment.verify().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let near_the_end = used(&bytes) - 40;
    bytes[near_the_end] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let harmed = files(&log);
    let said = unverified(&court);
    let name = format!("`journal/{}` ends in ", segment.file_name().unwrap().to_str().unwrap());
    assert!(said.contains(&name) && said.contains("or it was acknowledged and has been damaged since"), "{said}");
    assert!(said.contains("do not depend on it"), "{said}");
    assert!(files(&log) == harmed, "the folder is as it was found");

    // The database knows that it was acknowledged.
    court.deployment.serve().unwrap();
    let told = court.is_refused_everything().await["impediments"].to_string();
    assert!(told.contains("or its end is lost") && told.contains(&name), "{told}");
    court.deployment.kill().unwrap();
    assert!(files(&log) == harmed, "nothing is dropped");

    // Of what nobody knows that it was, a power failure leaves the same, so the host starts by itself; and says for good what is
    // missing.
    forget_how_far_the_log_was(&court).await;
    court.deployment.serve().unwrap();
    let entries = court.audit(HARMED, 0).await;
    let details = last_start(&entries);
    assert_eq!(details["torn-cut-short"], "false", "{details}");
    assert_eq!(details["torn-intact-below"], lost["index"].to_string());
    assert!(entries.iter().all(|entry| entry["leaf"]["id"] != lost["leaf"]["id"]), "it is not in the log");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    // The database has its account, which is written after the entry is durable: so it was no torn one.
    let accounts = ["audit", "verify", "--config", "magistrate.toml", "--jurisdiction", HARMED, "--accounts"];
    let found = court.deployment.run(&accounts).unwrap();
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(4), "{said}");
    assert!(said.contains("accounts of no entry"), "{said}");
}
