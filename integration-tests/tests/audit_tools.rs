//! `magistrate audit`, as an auditor uses it: against a server, against a folder, and against an export.

use crate::common::life::ELSEWHERE;
use crate::common::{Court, court, path, request, searcher};
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const CONFIG: [&str; 4] = ["--config", "magistrate.toml", "--jurisdiction", "detroit"];
const FOLDER: [&str; 3] = ["data/logs/detroit", "--key", "log-keys/detroit.vkey"];

fn audit(court: &Court, parts: &[&[&str]]) -> Output {
    let arguments = parts.concat();
    court.deployment.run(&[&["audit"][..], &arguments].concat()).unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command that must end well prints, as JSON lines.
fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A search of Detroit's gallery under another case number.
async fn search_for_case(court: &Court, seed: usize, number: &str) -> Value {
    let mut request = request("detroit", seed);
    request["identifiers"][0]["value"] = json!(number);
    let body = json!({"request": request});
    let answer = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json().unwrap()
}

#[tokio::test]
async fn an_address_is_verified_as_a_folder_is() {
    let Some(court) = court().await else { return };
    court.search("detroit", 1).await;
    let address = format!("https://{}/v1/detroit/log", court.deployment.address);
    let certificate = ["--certificate", "certs/detroit/a.feld.pem"];
    let key = ["--key", "log-keys/detroit.vkey"];
    let verified = audit(&court, &[&["verify", &address, "--copy", "copy"], &key[..], &certificate]);
    assert!(verified.status.success() && said(&verified).contains("verified"), "{}", said(&verified));
    // The copy is a log like any other, and the server's own has to extend it.
    let again = audit(&court, &[&["verify", "copy"], &key[..]]);
    assert!(again.status.success(), "{}", said(&again));
    court.search("detroit", 2).await;
    let since = ["--since", "copy/checkpoint"];
    let extended = audit(&court, &[&["verify", &address, "--json"], &key[..], &certificate, &since]);
    let counted = lines(&extended);
    assert_eq!(counted[0]["verified"], true);
    assert!(counted[0]["entries"].as_u64().unwrap() > 0 && counted[0]["entries_per_s"].is_number());
    // Of several logs it is compared with its own, and where there is only another it was typed wrongly.
    let all = lines(&audit(&court, &[&["verify", "--config", "magistrate.toml", "--json"], &since]));
    assert!(all.len() == 2 && all.iter().all(|log| log["verified"] == true), "{all:?}");
    let st_louis = ["data/logs/st-louis", "--key", "log-keys/st-louis.vkey"];
    for other in [&["--config", "magistrate.toml", "--jurisdiction", "st-louis"][..], &st_louis] {
        let other = audit(&court, &[&["verify"], other, &since]);
        assert_eq!(other.status.code(), Some(2), "{}", said(&other));
        assert!(said(&other).contains("`localhost/detroit`") && said(&other).contains("localhost/st-louis"));
    }

    let other = audit(&court, &[&["verify", &address, "--key", "log-keys/st-louis.vkey"], &certificate[..]]);
    assert_eq!(other.status.code(), Some(4), "{}", said(&other));
    assert!(said(&other).contains("no valid signature"), "{}", said(&other));
    let without = audit(&court, &[&["verify", &address], &key[..]]);
    assert_eq!(without.status.code(), Some(1));
    assert!(said(&without).contains("--certificate"), "{}", said(&without));
}

#[tokio::test]
async fn one_entry_is_proven_with_nothing_but_the_key() {
    let Some(court) = court().await else { return };
    let answer = court.search("detroit", 1).await;
    let home = &court.deployment.home;
    std::fs::write(home.join("given.json"), answer["receipt"].to_string()).unwrap();
    let key = ["--key", "log-keys/detroit.vkey"];
    let check = |file: &str| audit(&court, &[&["check-proof", file], &key[..]]);
    assert!(check("given.json").status.success(), "the receipt that the server gave");

    let index = answer["receipt"]["index"].to_string();
    let proven = audit(&court, &[&["prove"], &FOLDER[..], &["--index", &index, "--json"]]);
    let receipt = &lines(&proven)[0];
    assert_eq!(receipt["entry"], answer["receipt"]["entry"]);
    std::fs::write(home.join("made.json"), receipt.to_string()).unwrap();
    assert!(check("made.json").status.success());
    let leaf: Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
    let by_id = audit(&court, &[&["prove"], &FOLDER[..], &["--entry", leaf["id"].as_str().unwrap(), "--json"]]);
    assert_eq!(lines(&by_id)[0]["index"], receipt["index"]);

    let bare = audit(&court, &[&["prove"], &FOLDER[..], &["--index", &index]]);
    assert!(said(&bare).starts_with("c2sp.org/tlog-proof@v1\n"), "{}", said(&bare));
    std::fs::write(home.join("bare"), &bare.stdout).unwrap();
    std::fs::write(home.join("leaf"), receipt["entry"].as_str().unwrap()).unwrap();
    let with_leaf = audit(&court, &[&["check-proof", "bare", "--leaf", "leaf"], &key[..]]);
    assert!(with_leaf.status.success(), "{}", said(&with_leaf));

    let mut forged = receipt.clone();
    forged["entry"] = json!(receipt["entry"].as_str().unwrap().replace("permit", "denied") + " ");
    std::fs::write(home.join("forged.json"), forged.to_string()).unwrap();
    assert_eq!(check("forged.json").status.code(), Some(4));
    // What it says of its proof has to be so, where it says it.
    let another = receipt["index"].as_u64().unwrap() + 1;
    for (field, wrong) in [("index", json!(another)), ("log", json!("localhost/st-louis"))] {
        let mut claimed = receipt.clone();
        claimed[field] = wrong.clone();
        std::fs::write(home.join("claimed.json"), claimed.to_string()).unwrap();
        let checked = check("claimed.json");
        assert_eq!(checked.status.code(), Some(4), "{}", said(&checked));
        let wrong = wrong.as_str().map_or_else(|| wrong.to_string(), |text| format!("`{text}`"));
        assert!(said(&checked).contains(&format!("{wrong}, and its proof is of")), "{}", said(&checked));
    }
    let silent = json!({"entry": receipt["entry"], "proof": receipt["proof"]});
    std::fs::write(home.join("silent.json"), silent.to_string()).unwrap();
    assert!(check("silent.json").status.success());
    let other = audit(&court, &[&["check-proof", "made.json", "--key", "log-keys/st-louis.vkey"]]);
    assert_eq!(other.status.code(), Some(4));
    let none = audit(&court, &[&["prove"], &FOLDER[..], &["--index", "1000000"]]);
    assert_eq!(none.status.code(), Some(1));
}

#[tokio::test]
async fn whatever_only_reads_a_log_ends_as_the_verifier_does_where_that_does_not_verify() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let log = FOLDER[0];
    let reads =
        [&["prove", log, "--index", "0"][..], &["sample", log, "--seed", "x"], &["show", log], &["verify", log]];
    let ends = |key: &str, says: &str, code: i32| {
        for read in reads {
            let done = audit(&court, &[read, &["--key", key]]);
            assert_eq!(done.status.code(), Some(code), "{read:?}: {}", said(&done));
            assert!(said(&done).contains(says), "{read:?}: {}", said(&done));
        }
    };
    ends(FOLDER[2], "", 0);
    ends("log-keys/st-louis.vkey", "no valid signature", 4);
    ends("log-keys/nobody.vkey", "nobody.vkey", 1);
    let checkpoint = court.deployment.home.join(log).join("checkpoint");
    std::fs::write(checkpoint, "damaged").unwrap();
    ends(FOLDER[2], "`checkpoint` is damaged", 4);
}

#[tokio::test]
async fn whoever_draws_again_draws_the_same() {
    let Some(court) = court().await else { return };
    for seed in 0..6 {
        court.search("detroit", seed).await;
    }
    let draw = |rest: &[&str]| {
        let drawn = audit(&court, &[&["sample"], &FOLDER[..], &["--json"], rest]);
        lines(&drawn).remove(0)
    };
    let first = draw(&["--seed", "2026-03", "--n", "7"]);
    assert_eq!(first["drawn"].as_array().unwrap().len(), 7);
    let size = first["size"].to_string();
    court.search("detroit", 7).await;
    let again = draw(&["--seed", "2026-03", "--n", "7", "--size", &size]);
    assert_eq!(again["drawn"], first["drawn"], "from the same entries, though the log has grown");
    assert_ne!(draw(&["--seed", "2026-04", "--n", "7", "--size", &size])["drawn"], first["drawn"]);
    let all = draw(&["--seed", "x", "--n", "1000", "--size", "5"]);
    let mut indices: Vec<u64> = all["drawn"].as_array().unwrap().iter().map(|d| d["index"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    assert!(first["checkpoint"].as_str().unwrap().starts_with("localhost/detroit\n"));
}

#[tokio::test]
async fn entries_are_found_by_who_what_and_when() {
    let Some(mut court) = court().await else { return };
    let between = court.search("detroit", 1).await;
    search_for_case(&court, 2, "26-0999-001").await;
    let mut denied = request("detroit", 3);
    denied["answers"]["crime"] = json!("larceny");
    let body = json!({"request": denied});
    let refused = court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap();
    assert!(!refused.status.is_success());

    let locked = audit(&court, &[&["show"], &CONFIG[..], &["--person", "m.whitfield"]]);
    assert_eq!(locked.status.code(), Some(1));
    assert!(said(&locked).contains("stop that process"), "{}", said(&locked));
    court.deployment.stop().unwrap();

    let show = |conditions: &[&str]| {
        lines(&audit(&court, &[&["show"], &CONFIG[..], &["--json", "--count", "1000"], conditions]))
    };
    let of_person = show(&["--person", "m.whitfield"]);
    assert!(of_person.len() >= 11, "two searches of five entries, and a refusal: {}", of_person.len());
    for entry in &of_person {
        assert_eq!(entry["account"]["who"]["person"], "m.whitfield");
        assert_eq!(entry["account_verified"], true);
    }
    assert_eq!(show(&["--person", "detroit/m.whitfield"]).len(), of_person.len());
    assert!(show(&["--person", "st-louis/m.whitfield"]).is_empty());
    assert_eq!(show(&["--unit", "ciu", "--person", "m.whitfield"]).len(), of_person.len());
    let all = show(&["--accounts"]);
    for (condition, field, value, other) in
        [("--unit", "unit", "ciu", "homicide"), ("--agency", "agency", "dpd", "oakland-so")]
    {
        let found = show(&[condition, value]);
        assert!(!found.is_empty() && found.len() < all.len(), "{condition}: the host is of none");
        let expected: Vec<_> = all.iter().filter(|entry| entry["account"]["who"][field] == value).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{condition}");
        assert!(show(&[condition, other]).is_empty(), "nobody of {other} did anything");
        assert!(show(&[condition, &value.to_uppercase()]).is_empty(), "{condition}");
        assert!(show(&[condition, value, "--person", "host"]).is_empty(), "{condition}: each condition holds");
    }
    let decided = |entry: &&Value| entry["leaf"]["policies"].is_array();
    let decisions: Vec<_> = all.iter().filter(decided).collect();
    let policy = &decisions[0]["leaf"]["policies"][0];
    for name in [&policy["id"], &policy["component"]] {
        let found = show(&["--accounts", "--policy", name.as_str().unwrap()]);
        assert_eq!(found.iter().collect::<Vec<_>>(), decisions, "{name}");
    }
    assert!(decisions.len() < all.len(), "the host starts, and no policy decides that");
    for none in ["no-policy", &"0".repeat(64), policy["settings"].as_str().unwrap()] {
        assert!(show(&["--policy", none]).is_empty(), "{none}");
    }
    let of_case = show(&["--case", "26-0999-001"]);
    assert_eq!(of_case.len(), 5);
    assert_eq!(show(&["--case", "incident-number=26-0999-001"]).len(), 5);
    assert_eq!(show(&["--case", "incident-number:26-0999-001"]).len(), 5, "as `audit export` is told");
    for written in ["26 0999 001", "260999001", "complaint=26.0999.001", "complaint:26-0999-001"] {
        assert_eq!(show(&["--case", written]), of_case, "{written}: as the host counts it");
    }
    assert!(show(&["--case", "26-0999-002"]).is_empty());
    let refusals = show(&["--answer", "crime=larceny"]);
    assert_eq!((refusals.len(), &refusals[0]["leaf"]["kind"]), (1, &json!("refusal")));
    let clause = refusals[0]["account"]["event"]["rulings"]["rulings"][0]["decision"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["outcome"] == "violated")
        .unwrap()["clause"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(show(&["--clause", &clause, "--verdict", "deny"]).contains(&refusals[0]));
    assert!(show(&["--clause", "no such clause"]).is_empty());
    assert!(!show(&["--gallery", "detroit/snap", "--phase", "search"]).is_empty());
    let enrolled = |entry: &Value| entry["account"]["event"]["what"] == "enrolled";
    for gallery in ["snap", "detroit/snap"] {
        assert!(show(&["--gallery", gallery]).iter().any(enrolled), "{gallery}");
    }
    assert!(show(&["--gallery", "st-louis/snap"]).is_empty());
    assert!(show(&["--gallery", "elsewhere"]).is_empty());
    let at = of_case[0]["leaf"]["at"].as_str().unwrap().to_owned();
    let (later, earlier): (Vec<_>, Vec<_>) =
        of_person.into_iter().partition(|entry| entry["leaf"]["at"].as_str().unwrap() >= at.as_str());
    assert!(!later.is_empty() && !earlier.is_empty(), "there was a search before");
    assert_eq!(show(&["--person", "m.whitfield", "--from", &at]), later);
    assert_eq!(show(&["--person", "m.whitfield", "--to", &at]), earlier);

    // By the public part alone, without key, configuration or database.
    let public = lines(&audit(&court, &[&["show", "data/logs/detroit", "--verdict", "deny", "--json"]]));
    assert!(!public.is_empty() && public.iter().all(|leaf| leaf["verdict"] == "deny"));
    let index = between["receipt"]["index"].to_string();
    let one = audit(&court, &[&["show", "data/logs/detroit", "--first", &index, "--count", "1", "--json"]]);
    let expected = between["receipt"]["entry"].as_str().unwrap();
    assert_eq!(String::from_utf8_lossy(&one.stdout).trim_end(), expected, "the leaf's own bytes");
    let needs = audit(&court, &[&["show", "data/logs/detroit", "--person", "m.whitfield"]]);
    assert!(!needs.status.success() && said(&needs).contains("--config"), "{}", said(&needs));
}

#[tokio::test]
async fn accounts_are_those_that_the_log_commits_to() {
    let Some(mut court) = court().await else { return };
    court.search("detroit", 1).await;
    court.deployment.stop().unwrap();
    let verified = audit(&court, &[&["verify", "--config", "magistrate.toml", "--accounts", "--json"]]);
    let counted = lines(&verified);
    assert_eq!(counted.len(), 4, "each log, and each log's accounts: {counted:?}");
    for (log, accounts) in counted[..2].iter().zip(&counted[2..]) {
        assert_eq!(log["log"], accounts["log"]);
        assert_eq!(log["entries"], accounts["accounts_verified"], "every entry has its account");
        assert_eq!((&accounts["accounts_purged"], &accounts["accounts_wrong"]), (&json!([]), &json!([])));
    }
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Searches for the case that come to nothing: by somebody of another jurisdiction, who names the request or a case of their own,
/// and by somebody whom nobody knows.
async fn turned_away(court: &Court, again: &str) {
    court.deployment.issue("elsewhere", "x.y", "fixed", "x.y", 30).unwrap();
    for who in [ELSEWHERE, "elsewhere/x.y"] {
        let answer = court.client(who).post(again, &json!({"candidates": 3})).await.unwrap();
        assert_eq!(answer.status, 403, "{who}: {}", String::from_utf8_lossy(&answer.body));
    }
    let mut request = request("detroit", 5);
    request["identifiers"][0]["value"] = json!("260999001");
    request["requester"] = json!("detroit/h.dawson");
    let answer = court.client(ELSEWHERE).post(&path("detroit"), &json!({"request": request})).await.unwrap();
    assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&answer.body));
}

#[tokio::test]
async fn a_case_is_exported_whole_and_whatever_is_changed_shows() {
    let Some(mut court) = court().await else { return };
    let searched = search_for_case(&court, 1, "26-0999-001").await;
    court.search("detroit", 2).await;
    // The host counts it as the same case.
    search_for_case(&court, 3, "26 0999 001").await;
    let again = format!("/v1/detroit/requests/{}/search", searched["request"].as_str().unwrap());
    turned_away(&court, &again).await;
    court.deployment.stop().unwrap();
    let case = ["--case", "incident-number:26-0999-001", "--out", "disclosure"];
    let exported = audit(&court, &[&["export"], &CONFIG[..], &case]);
    assert!(exported.status.success(), "{}", said(&exported));
    let folder = court.deployment.home.join("disclosure");
    let written = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(manifest["entries"].as_array().unwrap().len(), 13, "two searches of five entries, and three attempts");
    let rejected = manifest["completeness"]["rejected"].as_array().unwrap();
    let told: Vec<_> = rejected.iter().map(|one| (&one["person"], &one["asked"])).collect();
    let asked = ["search".to_owned(), format!("POST {again}"), "request".to_owned()].map(|asked| json!(asked));
    let people = [ELSEWHERE, "elsewhere/x.y", ELSEWHERE].map(|person| json!(person));
    assert_eq!(told, people.iter().zip(&asked).collect::<Vec<_>>());
    let shown =
        lines(&audit(&court, &[&["show", "--case", "26-0999-001", "--kind", "rejection", "--json"], &CONFIG[..]]));
    assert_eq!(shown.len(), 3, "{shown:?}");
    let searches = manifest["completeness"]["searches"].as_array().unwrap();
    assert_eq!(searches.len(), 2);
    for search in searches {
        assert_eq!((&search["outcome"], &search["gallery"]), (&json!("ran"), &json!("detroit/snap")));
        assert_eq!(search["person"], "detroit/m.whitfield");
    }
    assert_eq!(manifest["completeness"]["first"], 0);
    let size = manifest["completeness"]["end"].as_u64().unwrap();
    let checkpoint = std::fs::read_to_string(folder.join("checkpoint")).unwrap();
    assert_eq!(checkpoint.lines().nth(1), Some(size.to_string().as_str()));
    let all: String =
        files(&folder).iter().map(|f| String::from_utf8_lossy(&std::fs::read(f).unwrap()).into_owned()).collect();
    assert!(all.contains("26-0999-001") && !all.contains("26-0310-114"), "this case, and no other");

    let key = ["--key", "log-keys/detroit.vkey"];
    let verify = || audit(&court, &[&["verify-export", "disclosure"], &key[..]]);
    assert!(verify().status.success(), "{}", said(&verify()));
    let own_key = audit(&court, &[&["verify-export", "disclosure"]]);
    assert!(own_key.status.success() && said(&own_key).contains("compare it"), "{}", said(&own_key));
    let other = audit(&court, &[&["verify-export", "disclosure", "--key", "log-keys/st-louis.vkey"]]);
    assert_eq!(other.status.code(), Some(4), "{}", said(&other));
    for file in files(&folder).iter().filter(|file| !file.ends_with("manifest.json")) {
        let content = std::fs::read(file).unwrap();
        let mut changed = content.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(file, changed).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let verified = verify();
        assert_ne!(verified.status.code(), Some(0), "{name} was changed");
        std::fs::remove_file(file).unwrap();
        assert_ne!(verify().status.code(), Some(0), "{name} was removed");
        std::fs::write(file, content).unwrap();
    }
    std::fs::write(folder.join("entries/added.json"), "{}").unwrap();
    let added = verify();
    assert_eq!(added.status.code(), Some(4));
    assert!(said(&added).contains("added.json"), "{}", said(&added));
    std::fs::remove_file(folder.join("entries/added.json")).unwrap();

    // A manifest that keeps quiet about a search, with everything else fitting.
    let mut quiet = manifest.clone();
    quiet["completeness"]["searches"].as_array_mut().unwrap().pop();
    std::fs::write(folder.join("manifest.json"), quiet.to_string()).unwrap();
    let verified = verify();
    assert_eq!(verified.status.code(), Some(4));
    assert!(said(&verified).contains("the list of searches is not the one"), "{}", said(&verified));
    let mut quiet = manifest.clone();
    quiet["completeness"]["rejected"].as_array_mut().unwrap().pop();
    std::fs::write(folder.join("manifest.json"), quiet.to_string()).unwrap();
    let verified = verify();
    assert_eq!(verified.status.code(), Some(4));
    assert!(said(&verified).contains("the list of attempts is not the one"), "{}", said(&verified));
    let mut elsewhere = manifest.clone();
    elsewhere["case"]["value"] = json!("26-0000-000");
    elsewhere["completeness"]["requests"] = json!([]);
    std::fs::write(folder.join("manifest.json"), elsewhere.to_string()).unwrap();
    assert_eq!(verify().status.code(), Some(4));
    assert!(said(&verify()).contains("is not of the case"), "{}", said(&verify()));
    std::fs::write(folder.join("manifest.json"), &written).unwrap();
    assert!(verify().status.success(), "{}", said(&verify()));

    let again = audit(&court, &[&["export"], &CONFIG[..], &case]);
    assert!(!again.status.success() && said(&again).contains("not empty"), "{}", said(&again));
    forgeries(&court, &folder, &written);
    additions(&court, &folder, &written);
}

/// What somebody adds to an export who can write every file of it, so that nothing differs but how it reads: a manifest that was
/// `written` so, to match each time.
fn additions(court: &Court, folder: &Path, written: &str) {
    let key = ["--key", "log-keys/detroit.vkey"];
    let verify = || audit(court, &[&["verify-export", "disclosure"], &key[..]]);
    // Nothing else is wrong than what is said.
    let alone = |says: &str| {
        let verified = verify();
        assert_eq!(verified.status.code(), Some(4), "{says}: {}", said(&verified));
        assert!(said(&verified).contains(says), "{says}: {}", said(&verified));
        assert_eq!(said(&verified).matches("NOT VERIFIED").count(), 1, "{}", said(&verified));
    };
    let file = folder.join("manifest.json");
    let manifest: Value = serde_json::from_str(written).unwrap();
    let with = |at: &str, member: &str| written.replacen(at, &format!("{at}{member}: \"he did it\",\n"), 1);
    for other in [
        with("{\n", "  \"remark\""),
        with("\"completeness\": {\n", "    \"note\""),
        with("\"entries\": [\n    {\n", "      \"comment\""),
        manifest.to_string(),
        format!("{written}\n"),
    ] {
        assert_ne!(other, written);
        let read: Value = serde_json::from_str(&other).unwrap();
        assert_eq!(read["files"], manifest["files"], "it is a manifest: {other}");
        std::fs::write(&file, other).unwrap();
        alone("manifest.json says more than an export does, or is not written as one");
    }

    let change = |names: &[String], changed: &dyn Fn(&str) -> String, says: &str| {
        let (mut forged, mut kept) = (written.to_owned(), Vec::new());
        for name in names {
            let before = std::fs::read_to_string(folder.join(name)).unwrap();
            let after = changed(&before);
            assert_ne!(before, after, "{name}");
            let [from, to] = [&before, &after].map(|text| Digest::of(text.as_bytes()).to_string());
            forged = forged.replace(&from, &to);
            std::fs::write(folder.join(name), after).unwrap();
            kept.push((name, before));
        }
        std::fs::write(&file, forged).unwrap();
        alone(says);
        kept.iter().for_each(|(name, before)| std::fs::write(folder.join(name), before).unwrap());
    };
    let entries: Vec<_> =
        manifest["entries"].as_array().unwrap().iter().map(|entry| entry["index"].to_string()).collect();
    let named = |ending: &str| entries.iter().map(|index| format!("entries/{index}.{ending}")).collect::<Vec<_>>();
    let (salt, proof) = (named("salt").remove(0), named("tlog-proof").remove(0));
    let otherwise = format!("{salt} holds more than a salt, or is not written as one");
    change(std::slice::from_ref(&salt), &|text| text.to_uppercase(), &otherwise);
    change(std::slice::from_ref(&salt), &|text| format!("{text} \n"), &otherwise);
    let more = format!("{proof} holds more than a proof");
    change(std::slice::from_ref(&proof), &|text| text.replacen("\nindex ", "\nextra aGUgZGlkIGl0\nindex ", 1), &more);
    let cosigned = [vec!["checkpoint".to_owned()], named("tlog-proof")].concat();
    let sign = |text: &str| format!("{text}\u{2014} someone.example/else AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    change(&cosigned, &sign, "checkpoint has other signatures beside that of the log");
    std::fs::write(file, written).unwrap();
    assert!(verify().status.success(), "{}", said(&verify()));
}

/// What somebody makes of an export who can write every file of it, with a manifest to match each time: of one that was `written`
/// so.
fn forgeries(court: &Court, folder: &Path, written: &str) {
    let manifest: &Value = &serde_json::from_str(written).unwrap();
    let key = ["--key", "log-keys/detroit.vkey"];
    let verify = |says: &str| {
        let verified = audit(court, &[&["verify-export", "disclosure"], &key[..]]);
        assert_eq!(verified.status.code(), Some(4), "{says}: {}", said(&verified));
        assert!(said(&verified).contains(says), "{says}: {}", said(&verified));
    };
    let put = |name: &str, content: &[u8], says: &str| {
        let (file, mut forged) = (folder.join(name), manifest.clone());
        let before = std::fs::read(&file).ok();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        forged["files"][name] = json!(Digest::of(content));
        std::fs::write(folder.join("manifest.json"), forged.to_string()).unwrap();
        verify(says);
        before.map_or_else(|| std::fs::remove_file(&file).unwrap(), |before| std::fs::write(&file, before).unwrap());
    };
    put("documents/confession.pdf", b"%PDF I did it", "documents/confession.pdf is nothing that an entry tells of");
    put("entries/3.note", b"see also", "entries/3.note is nothing that an entry tells of");
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
    let rewritten = page.replace("It identifies nobody", "It identifies somebody");
    assert_ne!(page, rewritten);
    put("index.html", rewritten.as_bytes(), "index.html is not the one that belongs to");
    let other = std::fs::read(court.deployment.home.join("log-keys/st-louis.vkey")).unwrap();
    put("log.vkey", &other, "log.vkey is not the one that belongs to");

    let claim = |change: &dyn Fn(&mut Value), says: &str| {
        let mut forged = manifest.clone();
        change(&mut forged);
        std::fs::write(folder.join("manifest.json"), forged.to_string()).unwrap();
        verify(says);
    };
    claim(&|m| m["log"] = json!("localhost/st-louis"), "is of the log `localhost/st-louis`");
    claim(&|m| m["jurisdiction"] = json!("st-louis"), "names the jurisdiction `st-louis`");
    let requests = "the list of requests is not the one";
    claim(&|m| m["completeness"]["requests"].as_array_mut().unwrap().push(json!("zzz")), requests);
    claim(&|m| m["completeness"]["requests"] = json!([]), requests);
    claim(&|m| m["exported"] = json!("2001-01-01T00:00:00.000Z"), "index.html");
    let twice = |m: &mut Value| {
        let first = m["entries"][0].clone();
        m["entries"].as_array_mut().unwrap().push(first);
    };
    claim(&twice, "in the order of the log");
    std::fs::remove_file(folder.join("index.html")).unwrap();
    let without = |m: &mut Value| {
        m["files"].as_object_mut().unwrap().remove("index.html");
    };
    claim(&without, "index.html is missing");
    std::fs::write(folder.join("index.html"), page).unwrap();
    std::fs::write(folder.join("manifest.json"), written).unwrap();
    let whole = audit(court, &[&["verify-export", "disclosure"], &key[..]]);
    assert!(whole.status.success(), "{}", said(&whole));
}

#[tokio::test]
async fn a_violation_of_a_request_is_found_and_exported_with_its_case() {
    let Some(mut court) = court().await else { return };
    let id = court.open(7).await;
    let body = |request: &str| {
        json!({
            "happened": "2026-01-02T09:00:00.000Z",
            "request": request,
            "answers": {"violated-clause": "5.2"},
        })
    };
    let mut reporter = court.client("detroit/c.hargrove");
    let answer = reporter.post("/v1/detroit/violations", &body("no-such-request")).await.unwrap();
    assert_eq!(answer.status, 404, "{}", String::from_utf8_lossy(&answer.body));
    let answer = reporter.post("/v1/detroit/violations", &body(&id)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let seen = court.seen(&id).await;
    assert_eq!(seen["violations"].as_array().map(Vec::len), Some(1), "{seen}");
    assert!(!seen["violations"].to_string().contains("hargrove"), "who reported it is for auditors");
    drop(reporter);
    court.deployment.stop().unwrap();

    let of_case = lines(&audit(&court, &[&["show"], &CONFIG[..], &["--json", "--case", "26-0310-7"]]));
    let violated = of_case.iter().filter(|e| e["account"]["event"]["what"] == "violated");
    assert_eq!(violated.map(|e| &e["account"]["request"]).collect::<Vec<_>>(), [&json!(id)]);
    let case = ["--case", "incident-number=26-0310-7", "--out", "disclosure"];
    let exported = audit(&court, &[&["export"], &CONFIG[..], &case]);
    assert!(exported.status.success(), "{}", said(&exported));
    let texts = files(&court.deployment.home.join("disclosure"));
    let mut texts = texts.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned());
    assert!(texts.any(|text| text.contains("\"violated\"") && text.contains("violated-clause")));
}

#[tokio::test]
async fn every_decision_replays_to_the_byte_and_a_changed_component_does_not() {
    let Some(mut court) = court().await else { return };
    for jurisdiction in ["detroit", "st-louis"] {
        for seed in 0..3 {
            court.search(jurisdiction, seed).await;
        }
        let mut pending = request(jurisdiction, 4);
        pending["answers"] = json!({});
        let body = json!({"request": pending});
        let refused = court.client(&searcher(jurisdiction)).post(&path(jurisdiction), &body).await.unwrap();
        assert!(!refused.status.is_success());
    }
    court.deployment.stop().unwrap();
    let replay = |rest: &[&str]| audit(&court, &[&["replay", "--config", "magistrate.toml", "--json"], rest]);
    let clean = lines(&replay(&[]));
    let counts = clean.last().unwrap();
    // An enrolment, three decisions for each of three searches, and a refusal, in each log.
    assert!(counts["decisions"].as_u64().unwrap() >= 22, "{counts}");
    assert_eq!(counts["same"], counts["decisions"], "{clean:?}");
    assert_eq!((&counts["differing"], &counts["indeterminate"]), (&json!(0), &json!(0)));
    assert!(counts["decisions_per_s"].as_f64().unwrap() > 0.0);
    let later = lines(&replay(&["--since", "2999-01-01T00:00:00Z"]));
    assert_eq!(later.last().unwrap()["decisions"], 0);
    let mut moments: Vec<String> = Vec::new();
    for folder in ["data/logs/detroit", "data/logs/st-louis"] {
        let leaves = lines(&audit(&court, &[&["show", folder, "--json", "--count", "10000"]]));
        let decided = leaves.iter().filter(|leaf| leaf["verdict"].is_string());
        moments.extend(decided.map(|leaf| leaf["at"].as_str().unwrap().to_owned()));
    }
    moments.sort();
    assert_eq!(counts["decisions"], moments.len());
    let middle = moments[moments.len() / 2].as_str();
    let since = moments.iter().filter(|at| at.as_str() >= middle).count();
    assert!(since < moments.len(), "not all at one moment");
    assert_eq!(lines(&replay(&["--since", middle])).last().unwrap()["decisions"], since);

    // The policy's own folder may change or go: decisions stand on the archive.
    std::fs::remove_dir_all(court.deployment.home.join("policies/detroit/scenarios")).unwrap();
    std::fs::remove_file(court.deployment.home.join("policies/detroit/detroit_307_5.wasm")).unwrap();
    assert!(replay(&[]).status.success());

    let archive = court.deployment.home.join("data/policies");
    let components: Vec<_> =
        files(&archive).into_iter().filter(|f| f.extension().is_some_and(|e| e == "wasm")).collect();
    assert_eq!(components.len(), 2, "{components:?}");
    let other = std::fs::read(&components[1]).unwrap();
    std::fs::write(&components[0], other).unwrap();
    let differs = replay(&[]);
    assert_eq!(differs.status.code(), Some(4), "{}", said(&differs));
    let name = components[0].file_name().unwrap().to_str().unwrap();
    assert!(said(&differs).contains(name), "the file is named: {}", said(&differs));
    let printed = String::from_utf8_lossy(&differs.stdout).into_owned();
    let counts: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let (differing, decisions) = (counts["differing"].as_u64().unwrap(), counts["decisions"].as_u64().unwrap());
    assert!(differing > 0 && differing < decisions, "one jurisdiction's, not the other's: {counts}");
}
