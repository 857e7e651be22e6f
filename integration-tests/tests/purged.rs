//! What is left on the disk of what was purged, under the real program: once the database has been written anew, nothing that
//! whoever has the master key and all files could open. Of each kind of record the wrapped key and the beginning of what is
//! sealed are looked for as they lay in the database, and as they rode on the log's journal.

use crate::common::books::{database, prepared};
use crate::common::life::{
    FIRST, Listed, SUPERVISOR, dispositions, document, hand_over, out_of_place, outgoing, signing,
};
use crate::common::{Court, MODEL, court_after, packed, request, template};
use integration_tests::{Deployment, Example, copy};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use store::test_support::at_rest;

/// A name that is nowhere else on this disk.
const MARKER: &str = "Jane Marker Doe 7b1f";

/// The record that goes, and the seed of its template.
const RECORD: &str = "r-marked";
const SEED: usize = 30;

const REGISTRAR: &str = "detroit/r.tanaka";
const LASO: &str = "detroit/l.ortega";
const ANALYST: &str = "st-louis/r.abara";

/// Bytes of what is sealed that are looked for: past the nonce, well into the text.
const ENOUGH: usize = 64;

/// Bytes that must not be found any more, and of what.
struct Needle {
    of: &'static str,
    bytes: Vec<u8>,
}

/// Whether any file under the folder holds these bytes. Files come and go while an engine works.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        std::fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    })
}

/// A copy as a crash would leave the folder. A server at rest in it still tidies up: where a file went away meanwhile, all is
/// copied anew.
fn copied(from: &Path) -> tempfile::TempDir {
    for _ in 0..50 {
        let spare = tempfile::tempdir().unwrap();
        match copy(from, spare.path()) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(100)),
            done => {
                done.unwrap();
                return spare;
            }
        }
    }
    panic!("files of {} kept going away", from.display());
}

/// A court whose Detroit is as shipped, and whose other jurisdiction has a policy that permits everything: the shipped ones keep
/// accounts for a year, and no clock is set here. `None` where the component is not built.
fn court() -> Option<Court> {
    let program = integration_tests::program()?;
    let built = program.ancestors().nth(2)?.join("wasm32-wasip2/policy/hostile.wasm");
    if !built.is_file() {
        integration_tests::skip("hostile.wasm is not built: run `cargo xtask test`");
        return None;
    }
    court_after(|deployment: &Deployment| {
        let folder = deployment.home.join("policies/st-louis");
        std::fs::copy(&built, folder.join("hostile.wasm")).unwrap();
        let policy = "component = \"hostile.wasm\"\n\n[settings]\nact = \"behave\"\n";
        std::fs::write(folder.join("policy.toml"), policy).unwrap();
        let pinned = deployment.run(&["policy", "pin", "policies/st-louis"]).unwrap();
        assert!(pinned.status.success(), "{}", String::from_utf8_lossy(&pinned.stderr));
    })
}

/// Enrols the record that goes, beside others that stay.
async fn enroll(court: &Court) {
    assert!(court.enroll("detroit", 0..20).await.status.is_success());
    let example = Example::read("detroit").unwrap();
    let booking = json!({"name": MARKER, "booking-number": "B-7"});
    let record = json!({"id": RECORD, "template": packed(&template(SEED)), "booking": booking});
    let body = json!({"model": MODEL, "answers": example.enroll, "records": [record]});
    let answer = court.client(REGISTRAR).post("/v1/detroit/galleries/snap/records", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// A step that bears on how long something stays, which has to be permitted; gives what was destroyed.
async fn retain(court: &Court, who: &str, body: &Value) -> Vec<String> {
    let jurisdiction = who.split_once('/').unwrap().0;
    let answer = court.client(who).post(&format!("/v1/{jurisdiction}/retention"), body).await.unwrap();
    let done = answer.json().unwrap();
    assert_eq!(answer.status, 200, "{who}, {body}: {done}");
    court.check_receipt(jurisdiction, &done["receipt"]);
    assert_eq!(done["pending"], false, "{done}");
    done["destroyed"].as_array().unwrap().iter().map(|d| d["what"].as_str().unwrap().to_owned()).collect()
}

/// What there is to be purged.
struct Going {
    /// The request whose document goes, and the document.
    lead: String,
    document: String,
    /// The request whose probe goes.
    without_lead: String,
    /// The entries of the other jurisdiction's log whose accounts go, as a range, and their ids.
    range: String,
    entries: Vec<String>,
}

async fn live(court: &Court) -> Going {
    let Listed { id: lead, records } = court.signed(SEED).await;
    assert_eq!(records[0], RECORD);
    let released = court.take(FIRST, &lead, "release", &outgoing(&records[..1])).await;
    let drawn = released["documents"][0]["id"].as_str().unwrap().to_owned();
    document(&court.take(FIRST, &lead, "disseminations", &hand_over("pdf")).await);

    let Listed { id: without_lead, records } = court.listed(4).await;
    court.take(FIRST, &without_lead, "dispositions", &dispositions(&records, false)).await;
    court.take(FIRST, &without_lead, "sign-offs", &signing("examiner", "no-lead")).await;
    court.take(SUPERVISOR, &without_lead, "sign-offs", &signing("ciu-supervisor", "no-lead")).await;
    court.take(FIRST, &without_lead, "release", &outgoing(&[])).await;

    let mut asked = request("st-louis", 1);
    asked["reason"] = json!(MARKER);
    let opened = court.client(ANALYST).post("/v1/st-louis/requests", &asked).await.unwrap().json().unwrap();
    let mut entries = court.audit("st-louis", 0).await;
    entries.retain(|e| e["account"]["request"] == opened["request"]);
    let [first, .., last] = entries.as_slice() else { panic!("it was permitted, and opened: {opened}") };
    let range = format!("{}-{}", first["index"], last["index"]);
    let entries: Vec<_> = entries.iter().map(|e| e["leaf"]["id"].as_str().unwrap().to_owned()).collect();
    // Whoever looks waits until all that was recorded is in the database.
    court.seen(&lead).await;
    let seen = format!("/v1/st-louis/requests/{}", opened["request"].as_str().unwrap());
    assert_eq!(court.client(ANALYST).get(&seen).await.unwrap().status, 200);
    Going { lead, document: drawn, without_lead, range, entries }
}

/// The bytes of what goes, as they lie in a copy of the folder: in the database, and in the journals.
async fn needles(home: &Path, going: &Going) -> (Vec<Needle>, Vec<Needle>) {
    let mut riders = Vec::new();
    for jurisdiction in ["detroit", "st-louis"] {
        let log = prepared(home, jurisdiction);
        let all = log.riders().iter().map(|(_, rider)| rider.iter().copied().take(ENOUGH).collect());
        riders.extend(all.map(|bytes| Needle { of: "rider", bytes }));
    }
    let store = database(home).await;
    let (detroit, st_louis) =
        (store.jurisdiction("detroit").await.unwrap(), store.jurisdiction("st-louis").await.unwrap());
    let mut rows = at_rest(&detroit, &[]).await.unwrap();
    rows.retain(|row| match row.table {
        "booking" | "template" => row.key.contains(RECORD),
        "request" => row.key.contains(&going.without_lead),
        "blob" => row.key.contains(&going.lead),
        _ => false,
    });
    let accounts = at_rest(&st_louis, &[]).await.unwrap().into_iter().filter(|row| row.table == "account");
    rows.extend(accounts.filter(|row| going.entries.iter().any(|id| row.key.contains(id))));
    drop((detroit, st_louis));
    store.close().await;

    let count = |table: &str| rows.iter().filter(|row| row.table == table).count();
    let found = ["booking", "template", "request", "blob", "account"].map(count);
    assert_eq!(found, [1, 1, 1, 2, going.entries.len()], "each is there, the document in both forms");
    let bytes = rows.into_iter().flat_map(|row| {
        let of = row.table;
        let fields = row.bytes.into_iter().filter(|(name, _)| ["key", "sealed", "template"].contains(&name.as_str()));
        fields.map(move |(_, mut bytes)| {
            bytes.truncate(ENOUGH);
            Needle { of, bytes }
        })
    });
    (bytes.collect(), riders)
}

/// Those of the needles that are in a folder, by what they are of.
fn left(folder: &Path, needles: &[Needle]) -> Vec<&'static str> {
    needles.iter().filter(|needle| holds(folder, &needle.bytes)).map(|needle| needle.of).collect()
}

/// What is kept beside the logs follows from them still, as far as accounts are there to say so; and where nothing differs,
/// there is nothing to mend.
fn as_the_entries_say(court: &Court, going: &Going) {
    for more in [&[][..], &["--mend"]] {
        let mut arguments = vec!["store", "check", "--config", "magistrate.toml", "--json"];
        arguments.extend(more);
        let checked = court.deployment.run(&arguments).unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success(), "{said}\n{}", String::from_utf8_lossy(&checked.stderr));
        let all: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let purged: u64 = all.iter().map(|one| one["purged"].as_u64().unwrap()).sum();
        assert_eq!((all.len(), purged), (2, u64::try_from(going.entries.len()).unwrap()), "{said}");
        assert!(all.iter().all(|one| one["differences"] == json!([]) && one["mended"] == 0), "{said}");
        assert!(all.iter().any(|one| one["obligations"].as_u64() > Some(0) && one["searches"].as_u64() > Some(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_what_was_purged_in_any_file() {
    let Some(mut court) = court() else { return };
    let home = court.deployment.home.clone();
    enroll(&court).await;
    let going = live(&court).await;
    let spare = copied(&home);
    let (rows, riders) = needles(spare.path(), &going).await;
    drop(spare);
    for of in ["booking", "template", "request", "blob", "account"] {
        assert!(left(&home.join("data"), &rows).contains(&of), "{of}: this search would find one");
    }
    assert!(!riders.is_empty() && left(&home.join("data/logs"), &riders).len() == riders.len(), "and all of these");

    let answers = json!({"retention-reason": "by order of the court"});
    let record = |kind: &str| json!({"kind": kind, "subject": "gallery-record", "gallery": "snap", "record": RECORD, "answers": answers});
    let of_request =
        |subject: &str, request: &str| json!({"kind": "purge", "subject": subject, "record": request, "answers": {}});
    assert!(retain(&court, REGISTRAR, &record("notice")).await.is_empty());
    assert_eq!(retain(&court, REGISTRAR, &record("purge")).await, ["template", "booking"]);
    assert_eq!(retain(&court, LASO, &of_request(&going.document, &going.lead)).await, ["document"; 2]);
    assert_eq!(retain(&court, SUPERVISOR, &of_request("probe", &going.without_lead)).await, ["probe"]);
    let accounts = retain(&court, "st-louis/s.okafor", &of_request("audit-entry", &going.range)).await;
    assert_eq!(accounts, vec!["account"; going.entries.len()]);
    court.deployment.kill().unwrap();
    assert_eq!(left(&home.join("data/logs"), &riders), [""; 0], "the journals were cleared before anything went");

    court.deployment.serve().unwrap();
    let found = court.search("detroit", SEED).await;
    assert!(found["candidates"].as_array().unwrap().iter().all(|c| c["record_id"] != RECORD), "{found}");
    let gone = out_of_place("was destroyed at");
    court.refuse(FIRST, &going.lead, "disseminations", &hand_over("pdf"), gone).await;
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
    assert!(!left(&home.join("data/db"), &rows).is_empty(), "the engine leaves its bytes, and the next step is needed");

    let compacted = court.deployment.run(&["store", "compact", "--config", "magistrate.toml"]).unwrap();
    assert!(compacted.status.success(), "{}", String::from_utf8_lossy(&compacted.stderr));
    assert_eq!(left(&home, &rows), [""; 0], "in the database, the logs, the galleries' files or the outbox");
    assert_eq!(left(&home, &riders), [""; 0]);
    assert!(!holds(&home, MARKER.as_bytes()), "nor was it anywhere in the clear");

    let arguments = ["audit", "verify", "--config", "magistrate.toml", "--accounts"];
    let verified = court.deployment.run(&arguments).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    as_the_entries_say(&court, &going);
    court.deployment.serve().unwrap();
    assert_eq!(court.search("detroit", 5).await["candidates"][0]["record_id"], "r0005", "and the rest is there");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
