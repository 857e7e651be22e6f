//! What somebody changed who has the log's key and the database, as an auditor finds it out.

use crate::common::books::{Books, SALT};
use crate::common::{Court, court, path, request, searcher};
use model::terms::{Digest, new_id};
use serde_json::{Value, json};
use std::process::Output;

pub const CONFIG: [&str; 4] = ["--config", "magistrate.toml", "--jurisdiction", "detroit"];
pub const KEY: [&str; 2] = ["--key", "log-keys/detroit.vkey"];

pub fn audit(court: &Court, parts: &[&[&str]]) -> Output {
    court.deployment.run(&[&["audit"][..], &parts.concat()].concat()).unwrap()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every entry of the log with its account.
pub fn entries(court: &Court) -> Vec<Value> {
    let shown = audit(court, &[&["show"], &CONFIG, &["--accounts", "--json", "--count", "10000"]]);
    assert!(shown.status.success(), "{}", said(&shown));
    lines(&shown)
}

/// What is found of the accounts, and how the command ends.
pub fn accounts(court: &Court) -> (Option<i32>, Value) {
    let verified = audit(court, &[&["verify"], &CONFIG, &["--accounts", "--json"]]);
    let mut told = lines(&verified);
    assert_eq!(told.len(), 2, "the log, and its accounts: {}", said(&verified));
    assert_eq!(told[0]["verified"], true, "the log itself is what its key signed");
    (verified.status.code(), told.remove(1))
}

/// What a replay tells, the counts last, and how it ends.
pub fn replay(court: &Court) -> (Option<i32>, Vec<Value>) {
    let replayed = audit(court, &[&["replay", "--json"], &CONFIG]);
    (replayed.status.code(), lines(&replayed))
}

/// How a look at searches that were permitted ends, and what is said of them: that they are searches their public part tells, and a
/// purge on record is not one of them.
fn show(court: &Court) -> (Option<i32>, String) {
    let shown = audit(court, &[&["show"], &CONFIG, &["--accounts", "--phase", "search", "--verdict", "permit"]]);
    (shown.status.code(), said(&shown))
}

/// The first entry of this phase and verdict.
fn decision(entries: &[Value], phase: &str, verdict: &str) -> Value {
    let is_it = |entry: &&Value| entry["leaf"]["phase"] == phase && entry["leaf"]["verdict"] == verdict;
    entries.iter().find(is_it).unwrap().clone()
}

/// The same entry under another id.
fn again(entry: &Value) -> (Value, Value) {
    let (mut leaf, mut account) = (entry["leaf"].clone(), entry["account"].clone());
    let id = json!(new_id());
    (leaf["id"], account["id"]) = (id.clone(), id);
    (leaf, account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_and_a_deleted_account_are_found_out_and_a_purge_on_record_is_told() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let all = entries(&court);
    let of = |what: &str| all.iter().find(|entry| entry["account"]["event"]["what"] == what).unwrap().clone();
    let (changed, gone) = (of("opened"), decision(&all, "search", "permit"));
    let id = |entry: &Value| entry["leaf"]["id"].as_str().unwrap().to_owned();

    let books = Books::open(&court.deployment, "detroit").await;
    let sound = books.rows.accounts(&[id(&changed)]).await.unwrap().remove(0).unwrap();
    let mut other = sound.clone();
    let last = other.plain.len() - 1;
    other.plain.insert(last, b' ');
    books.rows.destroy_accounts(&[id(&changed)]).await.unwrap();
    books.rows.keep(&[store::Kept::Account(other)]).await.unwrap();
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["accounts_wrong"]), (Some(4), &json!([changed["index"]])), "{told}");
    assert_eq!(told["accounts_verified"], all.len() - 1);
    let shown = audit(&court, &[&["show"], &CONFIG, &["--accounts", "--count", "10000"]]);
    assert_eq!((shown.status.code(), said(&shown).matches("NOT VERIFIED").count()), (Some(4), 1), "{}", said(&shown));
    assert!(said(&shown).contains("1 entries have accounts that they do not commit to"), "{}", said(&shown));

    let books = Books::open(&court.deployment, "detroit").await;
    books.rows.destroy_accounts(&[id(&changed), id(&gone)]).await.unwrap();
    books.rows.keep(&[store::Kept::Account(sound)]).await.unwrap();
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["accounts_missing"]), (Some(4), &json!([gone["index"]])), "{told}");
    assert_eq!((&told["accounts_wrong"], &told["accounts_purged"]), (&json!([]), &json!([])), "{told}");
    let (code, mut replayed) = replay(&court);
    let counts = replayed.pop().unwrap();
    assert_eq!((code, &counts["missing"], &counts["purged"]), (Some(4), &json!(1), &json!(0)), "{counts}");
    assert_eq!((&replayed[0]["missing"], &counts["differing"]), (&json!([gone["index"]]), &json!(0)), "{replayed:?}");
    let (code, shown) = show(&court);
    let named = format!("accounts missing without a purge on record 1: {}: whether", gone["index"]);
    assert!(code == Some(4) && shown.contains(&named) && !shown.contains("any more"), "{shown}");

    // That it was purged has to be the outcome of a purge.
    let (mut leaf, mut account) = again(&changed);
    let destroyed = json!([{"what": "account", "id": id(&gone)}, {"what": "probe", "id": id(&changed)}]);
    let record = json!({"subject": "audit-entry", "record": "1"});
    account["event"] = json!({"what": "purged", "record": record, "destroyed": destroyed});
    leaf["kind"] = json!("host");
    let books = Books::open(&court.deployment, "detroit").await;
    books.record(leaf.clone(), &account).await;
    books.close().await;
    assert_eq!(accounts(&court).0, Some(4), "anybody could say so");
    assert_eq!(show(&court).0, Some(4), "here, too");
    let id = json!(new_id());
    (leaf["id"], account["id"], leaf["kind"]) = (id.clone(), id, json!("outcome"));
    let books = Books::open(&court.deployment, "detroit").await;
    books.record(leaf, &account).await;
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["accounts_purged"]), (Some(0), &json!([gone["index"]])), "{told}");
    let (code, shown) = show(&court);
    assert!(code == Some(0) && shown.contains("1 entries have no account any more"), "{shown}");
    assert!(!shown.contains("missing without"), "{shown}");
    let (code, replayed) = replay(&court);
    let [counts] = replayed.as_slice() else { panic!("nothing is missing: {replayed:?}") };
    assert_eq!((code, &counts["missing"], &counts["purged"]), (Some(0), &json!(0), &json!(1)), "{counts}");
    assert_eq!((&told["accounts_missing"], &told["accounts_of_no_entry"]), (&json!([]), &json!(0)), "{told}");

    // An account that no entry commits to: the log was put back, or lost its end.
    let books = Books::open(&court.deployment, "detroit").await;
    let stray = store::AccountRow { id: new_id(), salt: SALT, plain: b"{}".to_vec() };
    books.rows.keep(&[store::Kept::Account(stray)]).await.unwrap();
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["accounts_of_no_entry"]), (Some(4), &json!(1)), "{told}");
    assert_eq!((&told["accounts_of_pruned_entries"], &told["other_logs"]), (&json!(0), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_that_is_not_what_its_request_tells_of_is_found_out() {
    let Some(mut court) = court().await else { return };
    let opened = court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let request = opened["request"].as_str().unwrap();
    let (leaf, mut account) = again(&decision(&entries(&court), "search", "permit"));
    assert_eq!(accounts(&court).1["sealed_verified"], 0, "a template was sent: there is no photograph");
    let photograph = b"of somebody else";
    let books = Books::open(&court.deployment, "detroit").await;
    books.rows.seal("probe", request, photograph).await.unwrap();
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["sealed_wrong"]), (Some(4), &json!([format!("probe {request}")])), "{told}");

    // What any account of the request tells of is as it should be.
    assert_eq!(account["request"], request);
    account["probe"] = json!(Digest::of(photograph));
    let books = Books::open(&court.deployment, "detroit").await;
    books.record(leaf, &account).await;
    books.close().await;
    let (code, told) = accounts(&court);
    assert_eq!((code, &told["sealed_verified"], &told["sealed_wrong"]), (Some(0), &json!(1), &json!([])), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_that_says_otherwise_than_its_account_passes_nowhere() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    let mut larceny = request("detroit", 3);
    larceny["answers"]["crime"] = json!("larceny");
    larceny["identifiers"][0]["value"] = json!("26-0666-001");
    let body = json!({"request": larceny});
    let refused = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    assert!(!refused.status.is_success());
    court.deployment.stop().unwrap();
    let (mut leaf, account) = again(&decision(&entries(&court), "request", "deny"));
    (leaf["kind"], leaf["verdict"]) = (json!("intent"), json!("permit"));
    let books = Books::open(&court.deployment, "detroit").await;
    let index = books.record(leaf.clone(), &account).await;
    books.close().await;

    let (code, told) = accounts(&court);
    assert_eq!((code, &told["accounts_disagreeing"]), (Some(4), &json!([index])), "{told}");
    assert_eq!(told["accounts_wrong"], json!([]), "it is the one committed to");
    let shown = audit(&court, &[&["show"], &CONFIG, &["--accounts", "--json", "--count", "10000"]]);
    let wrong: Vec<_> =
        lines(&shown).into_iter().filter(|e| e["account_verified"] != true).map(|e| e["index"].clone()).collect();
    assert_eq!((shown.status.code(), wrong), (Some(4), vec![json!(index)]), "{}", said(&shown));
    let replayed = audit(&court, &[&["replay", "--json"], &CONFIG]);
    assert_eq!(replayed.status.code(), Some(4), "{}", said(&replayed));
    let found = lines(&replayed);
    assert_eq!((&found[0]["index"], &found[0]["difference"]["what"]), (&json!(index), &json!("account")));
    assert!(said(&replayed).contains("`verdict` is `permit` there and `deny` in the account"), "{}", said(&replayed));
    let export = |case: &str, out: &str| {
        let case = format!("incident-number:{case}");
        audit(&court, &[&["export", "--case", &case, "--out", out], &CONFIG])
    };
    let exported = export("26-0666-001", "forged");
    assert_eq!(exported.status.code(), Some(1), "{}", said(&exported));
    assert!(said(&exported).contains("nothing is exported") && said(&exported).contains("`verdict`"));
    assert!(!court.deployment.home.join("forged").exists());

    // Put into an export of another case, proof and all.
    let exported = export("26-0310-114", "disclosure");
    assert!(exported.status.success(), "{}", said(&exported));
    let folder = court.deployment.home.join("disclosure");
    let key: audit::VerifierKey = std::fs::read_to_string(folder.join("log.vkey")).unwrap().trim().parse().unwrap();
    let log = court.deployment.home.join("data/logs/detroit");
    let log = cap_std::fs::Dir::open_ambient_dir(log, cap_std::ambient_authority()).unwrap();
    let proof = audit::Snapshot::open(&log, &key).unwrap().receipt(index).unwrap().to_string();
    let plain = account.to_string().into_bytes();
    leaf["account"] = json!(Digest(audit::commitment(&SALT, &plain)));
    let salt: String = SALT.iter().map(|byte| format!("{byte:02x}")).collect();
    let files = [
        ("json", leaf.to_string().into_bytes()),
        ("tlog-proof", proof.into()),
        ("account", plain),
        ("salt", salt.into()),
    ];
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for (ending, content) in files {
        let name = format!("entries/{index}.{ending}");
        std::fs::write(folder.join(&name), &content).unwrap();
        manifest["files"][&name] = json!(Digest::of(&content));
    }
    let listed = json!({
        "index": index, "id": leaf["id"], "kind": "intent", "phase": "request", "verdict": "permit", "at": leaf["at"],
        "person": "detroit/m.whitfield",
    });
    manifest["entries"].as_array_mut().unwrap().push(listed);
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    let verified = audit(&court, &[&["verify-export", "disclosure"], &KEY]);
    assert_eq!(verified.status.code(), Some(4), "{}", said(&verified));
    let says = format!("entry {index}: the public part says something else than the account it commits to");
    assert!(said(&verified).contains(&says), "{}", said(&verified));

    court.deployment.serve().unwrap();
    let read = court.audit("detroit", index - 1).await;
    let verified: Vec<_> = read.iter().take(3).map(|entry| &entry["account_verified"]).collect();
    assert_eq!(verified, [&json!(true), &json!(false), &json!(true)], "over HTTP, and of the entries around it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_and_its_fuel_that_come_out_otherwise_are_told() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let permitted = decision(&entries(&court), "search", "permit");
    let books = Books::open(&court.deployment, "detroit").await;
    let (leaf, mut account) = again(&permitted);
    let fuel = &mut account["event"]["rulings"]["rulings"][0]["fuel"];
    *fuel = json!(fuel.as_u64().unwrap() + 1);
    let thrifty = books.record(leaf, &account).await;
    let (leaf, mut account) = again(&permitted);
    account["event"]["rulings"]["rulings"][0]["decision"]["satisfied"] = json!(["no such clause"]);
    let lenient = books.record(leaf, &account).await;
    // The same again, which is no difference.
    let (leaf, account) = again(&permitted);
    books.record(leaf, &account).await;
    books.close().await;
    assert_eq!(accounts(&court).0, Some(0), "the accounts are those committed to");

    let replayed = audit(&court, &[&["replay", "--json"], &CONFIG]);
    assert_eq!(replayed.status.code(), Some(4), "{}", said(&replayed));
    let mut told = lines(&replayed);
    let counts = told.pop().unwrap();
    assert_eq!(counts["differing"], 2, "{counts}");
    assert_eq!(counts["same"].as_u64().unwrap() + 2, counts["decisions"].as_u64().unwrap(), "{counts}");
    let found: Vec<_> = told.iter().map(|one| (one["index"].as_u64().unwrap(), &one["difference"]["what"])).collect();
    assert_eq!(found, [(thrifty, &json!("fuel")), (lenient, &json!("decision"))]);
    assert_eq!(told[0]["difference"]["jurisdiction"], "detroit");
    let (recorded, again) = (&told[0]["difference"]["recorded"], &told[0]["difference"]["replayed"]);
    let number = |text: &Value| text.as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(number(recorded), number(again) + 1);
    assert!(told[1]["difference"]["recorded"].as_str().unwrap().contains("no such clause"));

    let shown = audit(&court, &[&["replay"], &CONFIG]);
    assert_eq!(shown.status.code(), Some(4));
    assert!(said(&shown).contains("DIFFERS") && said(&shown).contains("on record:"), "{}", said(&shown));
}
