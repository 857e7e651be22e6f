//! Two hosts and a witness, each a program of its own: what is published is cosigned, and a forked log is found out.

use crate::common::{allows, until};
use client::{Client, Identity};
use integration_tests::{Deployment, copy, put_back};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a witness is called that belongs to nobody else.
const W1: &str = "witness.example/w1";

/// A running `magistrate witness`.
struct Witness {
    folder: PathBuf,
    // The same after a restart, as hosts know it.
    address: String,
    program: PathBuf,
    child: Option<Child>,
}

impl Witness {
    fn init(program: &Path, folder: &Path, name: &str, logs: &[PathBuf]) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut init = Command::new(program);
        init.args(["witness", "init"]).arg(folder).args(["--name", name, "--listen", &free]);
        for log in logs {
            init.arg("--log").arg(log);
        }
        let done = init.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("[[witness]]"), "{said}");
        Self { folder: folder.to_owned(), address: free, program: program.to_owned(), child: None }
    }

    fn start(&mut self) {
        let mut child = Command::new(&self.program)
            .args(["witness", "--config"])
            .arg(self.folder.join("witness.toml"))
            .env("MAGISTRATE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = |line: std::io::Result<String>| line.is_ok_and(|line| line.starts_with("listening on https://"));
        assert!(lines.by_ref().any(listens), "the witness ended");
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// What a host adds to its configuration.
    fn entry(&self) -> String {
        let key = std::fs::read_to_string(self.folder.join("witness.vkey")).unwrap();
        let certs = self.folder.join("certs");
        format!(
            "\n[[witness]]\nverifier_key = \"{}\"\nurl = \"https://{}\"\ncertificate = {:?}\ncertificate_key = {:?}\nauthority = {:?}\n",
            key.trim(),
            self.address,
            certs.join("witness/log-host.pem"),
            certs.join("witness/log-host-key.pem"),
            certs.join("ca.pem"),
        )
    }

    fn key(&self) -> audit::WitnessKey {
        std::fs::read_to_string(self.folder.join("witness.vkey")).unwrap().parse().unwrap()
    }

    fn evidence(&self) -> Vec<String> {
        let Ok(listing) = std::fs::read_dir(self.folder.join("records/forks")) else { return Vec::new() };
        listing.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that ended already cannot be killed, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Has one jurisdiction of a deployment witnessed, and the other not.
fn have_witnessed(deployment: &Deployment, witness: &Witness, jurisdiction: &str, other: &str) {
    let config = std::fs::read_to_string(deployment.config()).unwrap();
    let config = config
        .replace(
            &format!("[jurisdictions.{jurisdiction}]\n"),
            &format!("[jurisdictions.{jurisdiction}]\nwitnesses_required = 1\n"),
        )
        .replace(&format!("[jurisdictions.{other}]\n"), &format!("[jurisdictions.{other}]\nwitnesses_required = 0\n"));
    std::fs::write(deployment.config(), config + &witness.entry()).unwrap();
}

/// The number of entries in a jurisdiction's log.
async fn entries(deployment: &Deployment, who: &str, jurisdiction: &str) -> u64 {
    let all = client(deployment, who).get("/v1/jurisdictions").await.unwrap().json().unwrap();
    all.as_array().unwrap().iter().find(|j| j["id"] == jurisdiction).unwrap()["log_entries"].as_u64().unwrap()
}

fn client(deployment: &Deployment, who: &str) -> Client {
    deployment.client(who).unwrap()
}

/// The published checkpoint, if there is one.
async fn checkpoint(deployment: &Deployment, who: &str, jurisdiction: &str) -> Option<String> {
    let answer = client(deployment, who).get(&format!("/v1/{jurisdiction}/log/checkpoint")).await.unwrap();
    match answer.status.as_u16() {
        200 => Some(String::from_utf8(answer.body.to_vec()).unwrap()),
        503 => {
            let problem = answer.json().unwrap();
            assert_eq!(problem["type"], "urn:magistrate:problem:unpublished", "steps go on: {problem}");
            None
        }
        status => panic!("status {status}"),
    }
}

fn size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).unwrap().parse().unwrap()
}

/// Waits until the published checkpoint covers every entry, and returns it.
async fn witnessed(deployment: &Deployment, who: &str, jurisdiction: &str) -> String {
    until("everything is witnessed", || async {
        let entries = entries(deployment, who, jurisdiction).await;
        checkpoint(deployment, who, jurisdiction).await.is_some_and(|text| size(&text) >= entries)
    })
    .await;
    checkpoint(deployment, who, jurisdiction).await.unwrap()
}

/// Some refusals, each an entry.
async fn refusals(deployment: &Deployment, count: usize) {
    let mut stranger = client(deployment, "detroit/m.whitfield");
    for _ in 0..count {
        assert_eq!(stranger.get("/v1/detroit/audit/entries").await.unwrap().status, 403);
    }
}

/// How many disputes the log tells of.
async fn disputes(deployment: &Deployment) -> usize {
    let mut auditor = client(deployment, "detroit/a.feld");
    let read = auditor.get("/v1/detroit/audit/entries?count=1000").await.unwrap().json().unwrap();
    let is_one = |entry: &&Value| entry["account"]["event"]["act"] == "witness-dispute";
    read["entries"].as_array().unwrap().iter().filter(is_one).count()
}

/// What a deployment that is stopped has of its logs, and its database.
struct Kept(PathBuf);

impl Kept {
    const PARTS: [&str; 2] = ["data/logs", "data/db"];

    fn of(deployment: &Deployment, folder: PathBuf) -> Self {
        Self::PARTS.iter().for_each(|part| copy(&deployment.home.join(part), &folder.join(part)).unwrap());
        Self(folder)
    }

    fn put_back(&self, deployment: &Deployment) {
        for part in Self::PARTS {
            put_back(&deployment.home.join(part), &self.0.join(part)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_witness_cosigns_two_hosts_logs_and_finds_out_the_one_that_forks() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut one = Deployment::init(&program, &folder.path().join("one"), None).unwrap();
    let mut two = Deployment::init(&program, &folder.path().join("two"), None).unwrap();
    let logs = [one.home.join("log-keys/detroit.vkey"), two.home.join("log-keys/st-louis.vkey")];
    let mut witness = Witness::init(&program, &folder.path().join("witness"), W1, &logs);
    witness.start();
    have_witnessed(&one, &witness, "detroit", "st-louis");
    have_witnessed(&two, &witness, "st-louis", "detroit");
    one.serve().unwrap();
    two.serve().unwrap();

    // Both are witnessed, and a client that demands the witness is content.
    let quorum = audit::Quorum::new(vec![witness.key()], 1).unwrap();
    let first = witnessed(&one, "detroit/a.feld", "detroit").await;
    let other = witnessed(&two, "st-louis/a.whitfield", "st-louis").await;
    assert!(quorum.is_met(&first) && quorum.is_met(&other), "{first}{other}");
    assert!(first.starts_with("localhost/detroit\n") && other.starts_with("localhost/st-louis\n"));
    let unwatched = checkpoint(&one, "detroit/a.feld", "st-louis").await.unwrap();
    assert!(!quorum.is_met(&unwatched), "a jurisdiction that demands no witness is not asked about");
    verify_served(&one, &witness);

    // The log is put back to a copy, goes on otherwise, and grows beyond what the witness saw. So is the database, which knew how
    // far the log was.
    one.stop().unwrap();
    verify_kept(&one);
    let kept = Kept::of(&one, folder.path().join("kept"));
    one.serve().unwrap();
    refusals(&one, 2).await;
    let cosigned = witnessed(&one, "detroit/a.feld", "detroit").await;
    one.stop().unwrap();
    kept.put_back(&one);
    witness.stop();
    witness.start();
    one.serve().unwrap();
    refusals(&one, 12).await;

    until("the witness keeps the evidence", || async { !witness.evidence().is_empty() }).await;
    let evidence = witness.evidence();
    let body = cosigned.split("\n\n").next().unwrap();
    assert!(evidence.iter().all(|text| text.contains(body)), "what it cosigned before: {evidence:?}");
    assert!(evidence.iter().all(|text| text.matches("\n— localhost/detroit ").count() == 2), "both are signed");

    // Loudly: on /readyz, and in the log itself; and nothing of it is published.
    until("the host tells of it", || async {
        let ready = client(&one, "detroit/a.feld").get("/readyz").await.unwrap().json().unwrap();
        let told = ready["impediments"].to_string();
        ready["status"] == "partly ready" && told.contains("detroit: the witness `witness.example/w1` disputes the log")
    })
    .await;
    until("it is on record, once", || async { disputes(&one).await == 1 }).await;
    let published = checkpoint(&one, "detroit/a.feld", "detroit").await.unwrap();
    assert!(size(&published) <= size(&cosigned), "the forked history is not published: {published}");

    // The other host, whose log is what it was, goes on.
    let before = size(&other);
    let look = client(&two, "st-louis/a.whitfield").get("/v1/st-louis/audit/entries").await.unwrap();
    assert_eq!(look.status, 200);
    assert!(size(&witnessed(&two, "st-louis/a.whitfield", "st-louis").await) > before);
    one.stop().unwrap();
    two.stop().unwrap();
    witness.stop();
}

#[tokio::test]
async fn a_witness_says_by_which_method_it_is_asked() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Deployment::copied(&program, &folder.path().join("host")).unwrap();
    let log = host.home.join("log-keys/detroit.vkey");
    let mut witness = Witness::init(&program, &folder.path().join("witness"), W1, &[log]);
    witness.start();
    let certs = witness.folder.join("certs");
    let [certificate, key] = ["log-host", "log-host-key"].map(|name| certs.join(format!("witness/{name}.pem")));
    let identity = Identity::read(&certificate, &key, &certs.join("ca.pem")).unwrap();
    for (asked, status, allow) in
        [("GET /add-checkpoint", 405, Some("POST")), ("PUT /add-checkpoint", 405, Some("POST")), ("GET /", 404, None)]
    {
        allows(identity.connect(&witness.address).await.unwrap(), asked, status, allow).await;
    }
    witness.stop();
}

#[tokio::test]
async fn two_jurisdictions_watch_each_other() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut one = Deployment::init(&program, &folder.path().join("one"), None).unwrap();
    let mut two = Deployment::init(&program, &folder.path().join("two"), None).unwrap();
    // Each runs a witness of the other's log, and of no other.
    let witness =
        |host: &str, name: &str, log: PathBuf| Witness::init(&program, &folder.path().join(host), name, &[log]);
    let mut by_one = witness("by-one", "detroit.example/w", two.home.join("log-keys/st-louis.vkey"));
    let mut by_two = witness("by-two", "st-louis.example/w", one.home.join("log-keys/detroit.vkey"));
    by_one.start();
    by_two.start();
    have_witnessed(&one, &by_two, "detroit", "st-louis");
    have_witnessed(&two, &by_one, "st-louis", "detroit");
    one.serve().unwrap();
    two.serve().unwrap();
    let quorum = |witness: &Witness| audit::Quorum::new(vec![witness.key()], 1).unwrap();
    let detroit = witnessed(&one, "detroit/a.feld", "detroit").await;
    let st_louis = witnessed(&two, "st-louis/a.whitfield", "st-louis").await;
    assert!(quorum(&by_two).is_met(&detroit) && quorum(&by_one).is_met(&st_louis), "{detroit}{st_louis}");
    assert!(!quorum(&by_one).is_met(&detroit) && !quorum(&by_two).is_met(&st_louis), "nobody cosigns their own");

    // What the one does not cosign is not published, and the other's log does not wait for that.
    by_two.stop();
    refusals(&one, 2).await;
    let look = client(&two, "st-louis/a.whitfield").get("/v1/st-louis/audit/entries").await.unwrap();
    assert_eq!(look.status, 200);
    let more = witnessed(&two, "st-louis/a.whitfield", "st-louis").await;
    assert!(size(&more) > size(&st_louis));
    let published = checkpoint(&one, "detroit/a.feld", "detroit").await.unwrap();
    assert!(size(&published) < entries(&one, "detroit/a.feld", "detroit").await, "the witness is away");
    verify_beyond(&one, &by_two, size(&published)).await;
    by_two.start();
    assert!(size(&witnessed(&one, "detroit/a.feld", "detroit").await) > size(&published), "and back");

    // The one forks, and it is the other who finds out.
    one.stop().unwrap();
    let kept = Kept::of(&one, folder.path().join("kept"));
    one.serve().unwrap();
    refusals(&one, 2).await;
    witnessed(&one, "detroit/a.feld", "detroit").await;
    one.stop().unwrap();
    kept.put_back(&one);
    one.serve().unwrap();
    refusals(&one, 12).await;
    until("the other keeps the evidence", || async { !by_two.evidence().is_empty() }).await;
    assert!(by_one.evidence().is_empty(), "of a log that did not fork there is none");
    let look = client(&two, "st-louis/a.whitfield").get("/v1/st-louis/audit/entries").await.unwrap();
    assert_eq!(look.status, 200);
    assert!(size(&witnessed(&two, "st-louis/a.whitfield", "st-louis").await) > size(&more), "and it goes on");
    one.stop().unwrap();
    two.stop().unwrap();
    by_one.stop();
    by_two.stop();
}

/// What a command says, and how it ends.
fn verify(deployment: &Deployment, arguments: &[&str]) -> (Option<i32>, String) {
    let done = deployment.run(&[&["audit", "verify"], arguments].concat()).unwrap();
    (done.status.code(), format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
}

/// Whoever has the witness's key counts its cosignature on what the server gives out.
fn verify_served(deployment: &Deployment, witness: &Witness) {
    let (address, key) = (format!("https://{}/v1/detroit/log", deployment.address), witness.key().to_string());
    let stranger = audit::Cosigner::generate("witness.example/w2").unwrap().key().to_string();
    let log = [&*address, "--key", "log-keys/detroit.vkey", "--certificate", "certs/detroit/a.feld.pem"];
    let with = |rest: &[&str]| verify(deployment, &[&log[..], rest].concat());
    let (code, said) = with(&["--witness", &key, "--witnesses-required", "1"]);
    assert!(code == Some(0) && said.contains("1 of 1 witnesses"), "{said}");
    let (code, said) = with(&["--witness", &key, "--witness", &stranger]);
    assert!(code == Some(0) && said.contains("1 of 2 witnesses"), "{said}");
    let (code, said) = with(&["--witness", &stranger, "--witnesses-required", "1"]);
    assert!(code == Some(4) && said.contains("0 of 1 witnesses"), "{said}");
    let (code, said) = with(&["--witness", "nokey"]);
    assert!(code == Some(1) && said.contains("nokey"), "{said}");
}

/// What is served, with the checkpoint of a receipt that is newer than what is published: nobody is accused of anything who waits for
/// a witness. To those who know of none the log is shorter than it was.
async fn verify_beyond(deployment: &Deployment, witness: &Witness, published: u64) {
    let refused = client(deployment, "detroit/m.whitfield").get("/v1/detroit/audit/entries").await.unwrap();
    let receipt = refused.json().unwrap()["receipt"]["proof"].as_str().unwrap().to_owned();
    let kept = receipt.parse::<audit::Receipt>().unwrap().checkpoint;
    assert!(size(&kept) > published);
    std::fs::write(deployment.home.join("kept.checkpoint"), &kept).unwrap();
    let (address, folder) = (format!("https://{}/v1/detroit/log", deployment.address), "data/logs/detroit");
    let key = ["--key", "log-keys/detroit.vkey", "--since", "kept.checkpoint"];
    let (certificate, witness) = (["--certificate", "certs/detroit/a.feld.pem"], witness.key().to_string());
    let (code, said) = verify(deployment, &[&[&*address][..], &key, &certificate].concat());
    assert!(code == Some(4) && said.contains("entries were taken away") && said.contains("--witness"), "{said}");
    let certificate = [certificate[0], certificate[1], "--witness", &witness];
    let (code, said) = verify(deployment, &[&[&*address][..], &key, &certificate].concat());
    assert!(code == Some(1) && said.contains(&format!("published only up to {published} entries")), "{said}");
    assert!(!said.contains("NOT VERIFIED") && !said.contains("no longer"), "{said}");
    let (code, said) = verify(deployment, &[&[&*address, "--json"][..], &key, &certificate].concat());
    let told: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((code, &told["verified"], &told["kept_entries"]), (Some(1), &Value::Null, &Value::from(size(&kept))));
    let (code, said) = verify(deployment, &[&[folder][..], &key].concat());
    assert_eq!(code, Some(0), "the host's own folder has it: {said}");
}

/// The host's own folder, with the witnesses of its configuration; and a cosignature that somebody changed.
fn verify_kept(deployment: &Deployment) {
    let own = ["--config", "magistrate.toml", "--jurisdiction", "detroit", "--json"];
    let (code, said) = verify(deployment, &own);
    let told: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        (code, &told["cosignatures"], &told["witnesses"]),
        (Some(0), &Value::from(1), &Value::from(1)),
        "{said}"
    );
    let file = deployment.home.join("data/logs/detroit/checkpoint.witnessed");
    let sound = std::fs::read_to_string(&file).unwrap();
    let lines = sound.lines().map(|line| match line.starts_with("— witness.example/w1 ") {
        true => {
            let (head, tail) = line.split_at(line.len() - 12);
            let other = if tail.starts_with('A') { 'B' } else { 'A' };
            format!("{head}{other}{}\n", &tail[1..])
        }
        false => format!("{line}\n"),
    });
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    let (code, said) = verify(deployment, &own);
    assert!(code == Some(4) && said.contains("cosignature of `witness.example/w1` that does not verify"), "{said}");
    // As many as the configuration demands: whether they are missing from it or it is missing itself.
    let own_word = std::fs::read(file.with_file_name("checkpoint")).unwrap();
    std::fs::write(&file, own_word).unwrap();
    let (code, said) = verify(deployment, &own);
    assert!(code == Some(4) && said.contains("0 of 1 witnesses") && said.contains("1 are required"), "{said}");
    std::fs::remove_file(&file).unwrap();
    let (code, said) = verify(deployment, &own);
    assert!(code == Some(4) && said.contains("0 of 1 witnesses"), "{said}");
    let other = ["--config", "magistrate.toml", "--jurisdiction", "st-louis"];
    assert_eq!(verify(deployment, &other).0, Some(0), "which demands none");
    std::fs::write(&file, sound).unwrap();
    assert_eq!(verify(deployment, &own).0, Some(0));
    let config = std::fs::read_to_string(deployment.config()).unwrap();
    let none = config.replace("[jurisdictions.detroit]\n", "[jurisdictions.detroit]\nwitnesses = []\n");
    std::fs::write(deployment.config(), none).unwrap();
    assert_eq!(verify(deployment, &own).0, Some(1), "one is demanded, and there is nobody to ask");
    std::fs::write(deployment.config(), config).unwrap();
}

#[test]
fn wrong_configurations_of_witnesses_are_said() {
    let Some(program) = integration_tests::program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("witness");
    Witness::init(&program, &home, W1, &[]);
    let run = |arguments: &[&str]| {
        let done = Command::new(&program).args(arguments).current_dir(folder.path()).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let config = std::fs::read_to_string(home.join("witness.toml")).unwrap();
    let wrong_key = format!("{config}\n[[log]]\nverifier_key = \"host/a+00000000+AAAA\"\n");
    std::fs::write(home.join("wrong-key.toml"), wrong_key).unwrap();
    std::fs::write(home.join("typo.toml"), config.replace("records =", "recrods =")).unwrap();
    std::fs::write(home.join("lost.toml"), config.replace("\"records\"", "\"certs\"")).unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["witness", "--config", "nowhere.toml"], 1, "magistrate witness init"),
        (&["witness", "--config", "witness/wrong-key.toml"], 1, "host/a+00000000+AAAA"),
        (&["witness", "--config", "witness/typo.toml"], 1, "recrods"),
        (&["witness", "--config", "witness/lost.toml"], 1, "there are no records"),
        (&["witness", "init", "witness", "--name", "w"], 1, "not empty"),
        (&["witness", "init", "new", "--name", "two words"], 1, "two words"),
        (&["witness", "init", "new", "--name", "w", "--log", "nokey"], 1, "nokey"),
        (&["witness", "init", "new"], 2, "--name"),
    ];
    for (arguments, code, says) in cases {
        let (ended, said) = run(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("new").exists(), "nothing is left half-made");
    for command in [&["witness", "--help"][..], &["witness", "init", "--help"]] {
        let help = Command::new(&program).args(command).output().unwrap();
        assert!(String::from_utf8_lossy(&help.stdout).contains("Example"), "{command:?}");
    }
}
