//! A pruned log as outsiders and auditors meet it: it verifies, says what is gone, and is asked for it in vain.

use crate::common::{Court, court};
use serde_json::{Value, json};
use std::process::Output;
use std::sync::Arc;

/// Enough searches, at five entries each, for a whole bundle of 256 and a growing one.
const SEARCHES: usize = 55;

const KEY: [&str; 2] = ["--key", "log-keys/detroit.vkey"];
const FOLDER: &str = "data/logs/detroit";

fn audit(court: &Court, parts: &[&[&str]]) -> Output {
    court.deployment.run(&[&["audit"][..], &parts.concat()].concat()).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn line(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Prunes the log as its host does once its policy permits: on its first day nothing is old enough.
fn prune(court: &Court, before: u64) {
    let seed = std::fs::read_to_string(court.deployment.home.join("secrets/log-detroit.key")).unwrap();
    let digits: Vec<u8> = seed.trim().bytes().collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let seed: Vec<u8> = digits.chunks(2).map(byte).collect();
    let signer = audit::Ed25519Signer::from_seed("localhost/detroit", seed.try_into().unwrap()).unwrap();
    let folder = court.deployment.home.join(FOLDER);
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
    let log = audit::Log::open(dir, "localhost/detroit", Arc::new(signer)).unwrap().log;
    assert_eq!(log.prune(before).unwrap(), 256);
    log.close().unwrap();
}

/// Asks the server to prune, as somebody.
fn ask(court: &Court, who: &str, last: &str) -> Output {
    let certificate = format!("certs/detroit/{who}.pem");
    let server = court.deployment.address.clone();
    let whom = ["--server", &server, "--certificate", &certificate, "--jurisdiction", "detroit"];
    audit(court, &[&["prune", "--last", last], &whom])
}

#[tokio::test]
async fn a_pruned_log_verifies_here_and_over_the_network_and_says_what_is_gone() {
    let Some(mut court) = court().await else { return };
    for seed in 0..SEARCHES {
        court.search("detroit", seed % 4).await;
    }
    let entries = court.entries("detroit").await;
    assert!(entries > 256);
    let young = ask(&court, "l.ortega", "255");
    assert_eq!(young.status.code(), Some(3), "{}", said(&young));
    assert!(said(&young).contains("is kept until"), "{}", said(&young));
    assert!(court.entries("detroit").await > entries, "the attempt is on record");
    for nothing in ["17", "99999999"] {
        let wrong = ask(&court, "l.ortega", nothing);
        assert_eq!(wrong.status.code(), Some(3), "it does not fit where the log stands: {}", said(&wrong));
    }
    let mut client = court.client("st-louis/a.whitfield");
    assert_eq!(client.get("/v1/detroit/log/pruned").await.unwrap().status, 404, "nothing is gone");

    court.deployment.stop().unwrap();
    prune(&court, 300);
    let verified = audit(&court, &[&["verify", FOLDER], &KEY]);
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(said(&verified).contains("the first 256 are pruned"), "{}", said(&verified));
    let accounts = audit(&court, &[&["verify", "--config", "magistrate.toml", "--accounts"]]);
    assert!(accounts.status.success(), "{}", said(&accounts));
    let left = "accounts of entries that were pruned are still there: 256";
    assert!(said(&accounts).contains(left), "nobody destroyed them: {}", said(&accounts));

    court.deployment.serve().unwrap();
    let mut client = court.client("st-louis/a.whitfield");
    for bundle in ["000", "000.p/9"] {
        let answer = client.get(&format!("/v1/detroit/log/tile/entries/{bundle}")).await.unwrap();
        let problem = answer.json().unwrap();
        assert_eq!((answer.status.as_u16(), &problem["type"]), (410, &json!("urn:magistrate:problem:pruned")));
        assert!(problem["detail"].as_str().unwrap().contains("from 256 on"), "{problem}");
    }
    assert_eq!(client.get("/v1/detroit/log/tile/0/000").await.unwrap().status, 200, "its hashes stay");
    let gone = court.client("detroit/a.feld").get("/v1/detroit/audit/entries?first=0&count=5").await.unwrap();
    assert_eq!(gone.status, 410, "{}", String::from_utf8_lossy(&gone.body));
    let kept = court.audit("detroit", 256).await;
    assert!(kept.iter().all(|entry| entry["account_verified"] == true));
    let receipt = court.search("detroit", 1).await["receipt"].clone();
    court.check_receipt("detroit", &receipt);

    // Over the network as in a folder; and the copy is a log like any other.
    let address = format!("https://{}/v1/detroit/log", court.deployment.address);
    let certificate = ["--certificate", "certs/detroit/a.feld.pem", "--copy", "copy"];
    let fetched = line(&audit(&court, &[&["verify", &address, "--json"], &KEY, &certificate]));
    assert_eq!((&fetched["verified"], &fetched["pruned"]), (&json!(true), &json!(256)), "{fetched}");
    assert!(audit(&court, &[&["verify", "copy"], &KEY]).status.success());
    std::fs::remove_file(court.deployment.home.join("copy/pruned")).unwrap();
    let bare = audit(&court, &[&["verify", "copy"], &KEY]);
    assert_eq!(bare.status.code(), Some(4), "without the log's word for it, entries are missing: {}", said(&bare));
    assert!(said(&bare).contains("`tile/entries/000` is damaged"), "{}", said(&bare));

    // What only hashes are needed for goes on; what needs the entry says why it does not.
    let proof = audit(&court, &[&["prove", FOLDER, "--index", "3"], &KEY]);
    assert!(proof.status.success() && said(&proof).starts_with("c2sp.org/tlog-proof@v1\n"), "{}", said(&proof));
    let whole = audit(&court, &[&["prove", FOLDER, "--index", "3", "--json"], &KEY]);
    assert!(!whole.status.success() && said(&whole).contains("was pruned"), "{}", said(&whole));
    let drawn =
        line(&audit(&court, &[&["sample", FOLDER, "--seed", "x", "--n", "5", "--size", "256", "--json"], &KEY]));
    assert_eq!((drawn["drawn"].as_array().map(Vec::len), drawn["pruned"].as_array().map(Vec::len)), (Some(0), Some(5)));
    let shown = audit(&court, &[&["show", FOLDER, "--count", "1", "--json"]]);
    assert_eq!(line(&shown)["id"], kept[0]["leaf"]["id"], "the first that there is");

    court.deployment.stop().unwrap();
    let case = ["--case", "incident-number:26-0310-114", "--jurisdiction", "detroit", "--out", "disclosure"];
    let exported = audit(&court, &[&["export", "--config", "magistrate.toml"], &case]);
    assert!(exported.status.success(), "{}", said(&exported));
    let manifest = std::fs::read(court.deployment.home.join("disclosure/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["completeness"]["first"], 256);
    assert!(audit(&court, &[&["verify-export", "disclosure"], &KEY]).status.success());
}
