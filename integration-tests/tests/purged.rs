//! What is left on the disk of what was purged, under the real program: once the database has been written anew, nothing that
//! whoever has the master key and all files could open. Of each kind of record the wrapped key and the beginning of what is
//! sealed are looked for as they lay in the database, and as they rode on the log's journal; and all that is left is opened.

use crate::common::books::{database, prepared};
use crate::common::life::{
    FIRST, Listed, SUPERVISOR, dispositions, document, hand_over, out_of_place, outgoing, signing,
};
use crate::common::{Court, MODEL, court_after, packed, request, template};
use integration_tests::{Deployment, Example, copy};
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use store::test_support::{RowAtRest, at_rest, holds, opened};

/// A name that is nowhere else on this disk.
const MARKER: &str = "Jane Marker Doe 7b1f";

/// The number of the case that goes, and the same as cases are counted by.
const CASE: &str = "26-778899";
const COUNTED: &str = "26778899";

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
    /// The request of the other jurisdiction that goes whole.
    whole: String,
}

/// The entries of the other jurisdiction's log whose accounts go, as a range, and their ids.
struct Entries {
    range: String,
    ids: Vec<String>,
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

    assert!(court.enroll("st-louis", 0..5).await.status.is_success());
    let mut asked = request("st-louis", 1);
    asked["reason"] = json!(MARKER);
    asked["identifiers"] = json!([{"kind": "complaint", "value": CASE}]);
    let mut analyst = court.client(ANALYST);
    let said = analyst.post("/v1/st-louis/requests", &asked).await.unwrap().json().unwrap();
    let whole = said["request"].as_str().unwrap().to_owned();
    let found =
        analyst.post(&format!("/v1/st-louis/requests/{whole}/search"), &json!({"candidates": 3})).await.unwrap();
    assert_eq!(found.status, 200, "{}", String::from_utf8_lossy(&found.body));
    // Whoever looks waits until all that was recorded is in the database.
    court.seen(&lead).await;
    let seen = analyst.get(&format!("/v1/st-louis/requests/{whole}")).await.unwrap();
    assert_eq!((seen.status.as_u16(), &seen.json().unwrap()["request"]["reason"]), (200, &json!(MARKER)));
    Going { lead, document: drawn, without_lead, whole }
}

/// The entries of the request that goes whole, but for those that say what was purged.
async fn entries(court: &Court, going: &Going) -> Entries {
    let mut entries = court.audit("st-louis", 0).await;
    entries.retain(|e| e["account"]["request"] == going.whole.as_str() && e["account"]["event"]["what"] != "purged");
    let [first, .., last] = entries.as_slice() else { panic!("it was permitted, opened and searched") };
    let range = format!("{}-{}", first["index"], last["index"]);
    let ids = entries.iter().map(|e| e["leaf"]["id"].as_str().unwrap().to_owned()).collect();
    Entries { range, ids }
}

/// The bytes of what goes, as they lie in a copy of the folder: in the database, and in the journals.
async fn needles(home: &Path, going: &Going, entries: &Entries) -> (Vec<Needle>, Vec<Needle>) {
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
    let kept = at_rest(&st_louis, &[]).await.unwrap().into_iter().filter(|row| match row.table {
        "account" => entries.ids.iter().any(|id| row.key.contains(id)),
        "request" | "imposition" => row.key.contains(&going.whole),
        // Nobody else has searched there.
        table => ["search_fact", "case_probe"].contains(&table),
    });
    rows.extend(kept);
    let told = opened(&detroit).await.unwrap();
    assert!(told.iter().any(|(table, _, plain)| *table == "booking" && says(plain, MARKER)), "this would find it");
    let told = opened(&st_louis).await.unwrap();
    assert!(told.iter().any(|(table, _, plain)| *table == "search_fact" && says(plain, ANALYST)), "this would find it");
    assert!(told.iter().any(|(table, _, plain)| *table == "request" && says(plain, MARKER)), "this would find it");
    drop((detroit, st_louis));
    store.close().await;

    let count = |table: &str| rows.iter().filter(|row| row.table == table).count();
    let found = ["booking", "template", "request", "blob", "account", "search_fact", "case_probe"].map(count);
    assert_eq!(found, [1, 1, 2, 2, entries.ids.len(), 1, 1], "each is there, the document in both forms");
    assert!(count("imposition") > 0);
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

/// Whether a text holds another.
fn says(plain: &[u8], text: &str) -> bool {
    plain.windows(text.len()).any(|part| part == text.as_bytes())
}

/// All that whoever has the master key can still open of either jurisdiction's database. Nothing says what went.
async fn opens_to_nothing(home: &Path, going: &Going) {
    let digest = Digest::of(COUNTED.as_bytes()).to_string();
    let store = database(home).await;
    let (detroit, st_louis) =
        (store.jurisdiction("detroit").await.unwrap(), store.jurisdiction("st-louis").await.unwrap());
    // The number of the case that goes was the other one's alone.
    for (jurisdiction, gone) in [(&detroit, &[MARKER][..]), (&st_louis, &[MARKER, CASE, COUNTED, digest.as_str()][..])]
    {
        for (table, row, plain) in opened(jurisdiction).await.unwrap() {
            for gone in gone {
                assert!(
                    !says(&plain, gone),
                    "{jurisdiction:?}: {table} {row} says {gone}: {}",
                    String::from_utf8_lossy(&plain)
                );
            }
        }
    }
    let of_requests = ["request", "request_opened", "request_entry", "request_search", "obligation", "imposition"];
    let of_searches = ["search_fact", "case_probe"];
    let left = at_rest(&st_louis, &[]).await.unwrap();
    let is_of_it = |row: &RowAtRest| {
        of_searches.contains(&row.table) || (of_requests.contains(&row.table) && row.key.contains(&going.whole))
    };
    assert!(!left.iter().any(is_of_it), "{left:?}");
    drop((detroit, st_louis));
    store.close().await;
}

/// Those of the needles that are in a folder, by what they are of.
fn left(folder: &Path, needles: &[Needle]) -> Vec<&'static str> {
    needles.iter().filter(|needle| holds(folder, &needle.bytes).unwrap()).map(|needle| needle.of).collect()
}

/// What is kept beside the logs follows from them still, as far as accounts are there to say so; and where nothing differs,
/// there is nothing to mend.
fn as_the_entries_say(court: &Court, entries: &Entries) {
    for more in [&[][..], &["--mend"]] {
        let mut arguments = vec!["store", "check", "--config", "magistrate.toml", "--json"];
        arguments.extend(more);
        let checked = court.deployment.run(&arguments).unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success(), "{said}\n{}", String::from_utf8_lossy(&checked.stderr));
        let all: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let purged: u64 = all.iter().map(|one| one["purged"].as_u64().unwrap()).sum();
        assert_eq!((all.len(), purged), (2, u64::try_from(entries.ids.len()).unwrap()), "{said}");
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
    let entries = entries(&court, &going).await;
    let spare = copied(&home);
    let (rows, riders) = needles(spare.path(), &going, &entries).await;
    drop(spare);
    for of in ["booking", "template", "request", "blob", "account", "search_fact", "case_probe", "imposition"] {
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
    // The request stays as long as its probe does, and says nothing any more.
    let officer = "st-louis/s.okafor";
    let accounts = retain(&court, officer, &of_request("audit-entry", &entries.range)).await;
    assert_eq!(accounts, vec!["account"; entries.ids.len()]);
    let path = format!("/v1/st-louis/requests/{}", going.whole);
    let seen = court.client(ANALYST).get(&path).await.unwrap();
    let said = seen.json().unwrap();
    assert_eq!((seen.status.as_u16(), &said["request"]["reason"]), (200, &json!("")), "{said}");
    assert!(!seen.body.windows(CASE.len()).any(|part| part == CASE.as_bytes()), "{said}");
    let again = court.client(ANALYST).post(&format!("{path}/search"), &json!({"candidates": 3})).await.unwrap();
    assert_eq!(again.status, 409, "{}", String::from_utf8_lossy(&again.body));
    assert_eq!(retain(&court, officer, &of_request("probe", &going.whole)).await, ["probe"]);
    let since = self::entries(&court, &going).await;
    let accounts = retain(&court, officer, &of_request("audit-entry", &since.range)).await;
    assert_eq!(accounts.len(), since.ids.len());
    assert_eq!(court.client(ANALYST).get(&path).await.unwrap().status, 404, "it is gone whole");
    let entries = Entries { ids: [entries.ids, since.ids].concat(), ..since };
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
    for clear in [MARKER, CASE, ANALYST, &Digest::of(COUNTED.as_bytes()).to_string()] {
        assert!(!holds(&home.join("data"), clear.as_bytes()).unwrap(), "nor was {clear} anywhere in the clear");
    }
    assert!(!holds(&home, MARKER.as_bytes()).unwrap());
    opens_to_nothing(&home, &going).await;

    let arguments = ["audit", "verify", "--config", "magistrate.toml", "--accounts"];
    let verified = court.deployment.run(&arguments).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    as_the_entries_say(&court, &entries);
    court.deployment.serve().unwrap();
    assert_eq!(court.search("detroit", 5).await["candidates"][0]["record_id"], "r0005", "and the rest is there");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
