//! What the black-box tests share: a served deployment, and the requests they make of it.

pub mod books;
pub mod http2;
pub mod life;
pub mod office;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use client::{Answer, Client};
use integration_tests::{Deployment, Example, Faces};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

pub const MODEL: &str = "demo-512";
pub const DIM: usize = 512;

/// A deployment that serves, with a few records in each gallery; `None` where nothing is built.
pub struct Court {
    pub deployment: Deployment,
    _folder: tempfile::TempDir,
}

pub async fn court() -> Option<Court> {
    let program = integration_tests::program()?;
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::copied(&program, &folder.path().join("home")).unwrap();
    deployment.serve().unwrap();
    let court = Court { deployment, _folder: folder };
    for jurisdiction in ["detroit", "st-louis"] {
        let answer = court.enroll(jurisdiction, 0..20).await;
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
    }
    Some(court)
}

/// The same with these lines under `[server]`.
pub async fn configured(lines: &str) -> Option<Court> {
    let mut court = court().await?;
    court.deployment.stop().unwrap();
    court.deployment.configure(lines).unwrap();
    court.deployment.serve().unwrap();
    Some(court)
}

/// A deployment that serves the policies of this folder, with nothing in its galleries; `None` where nothing is built.
pub fn court_of(policies: &Path) -> Option<Court> {
    let program = integration_tests::program()?;
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::init_with(&program, &folder.path().join("home"), policies, None).unwrap();
    deployment.serve().unwrap();
    Some(Court { deployment, _folder: folder })
}

/// A deployment of which something was changed before its first start, with nothing in its galleries; `None` where nothing is
/// built.
pub fn court_after(change: impl FnOnce(&Deployment)) -> Option<Court> {
    let program = integration_tests::program()?;
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::copied(&program, &folder.path().join("home")).unwrap();
    change(&deployment);
    deployment.serve().unwrap();
    Some(Court { deployment, _folder: folder })
}

/// The same whose small disk one person's refusals may fill.
pub fn court_to_be_filled(change: impl FnOnce(&Deployment)) -> Option<Court> {
    court_after(|deployment| {
        change(deployment);
        deployment.configure("refusals_burst = 1000000\n").unwrap();
    })
}

/// The same whose policy of this jurisdiction had these settings from the start.
pub fn court_with_settings(jurisdiction: &str, settings: &str) -> Option<Court> {
    court_after(|deployment| {
        let file = deployment.home.join("policies").join(jurisdiction).join("policy.toml");
        let shipped = std::fs::read_to_string(&file).unwrap();
        assert_eq!(shipped.matches("[settings]\n").count(), 1);
        std::fs::write(&file, shipped.replace("[settings]\n", &format!("[settings]\n{settings}\n"))).unwrap();
    })
}

/// A template that is like no other of a small number.
pub fn template(seed: usize) -> Vec<f32> {
    (0..DIM).map(|i| ((i * 31 + seed * 977 + i * seed * 7) % 101) as f32 / 50.0 - 1.0).collect()
}

pub fn packed(template: &[f32]) -> String {
    BASE64_STANDARD.encode(template.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

/// Who may search where.
pub fn searcher(jurisdiction: &str) -> String {
    format!("{jurisdiction}/{}", Example::read(jurisdiction).unwrap().searchers[0])
}

/// A request that is permitted, as JSON, with the probe of this seed.
pub fn request(jurisdiction: &str, seed: usize) -> Value {
    let example = Example::read(jurisdiction).unwrap();
    let mut request = example.request(&toml::Table::new(), &[]).unwrap();
    request["probe"]["template"] = json!(packed(&template(seed)));
    request["probe"]["model"] = json!(MODEL);
    request
}

pub fn path(jurisdiction: &str) -> String {
    format!("/v1/{jurisdiction}/searches")
}

impl Court {
    pub fn client(&self, who: &str) -> Client {
        self.deployment.client(who).unwrap()
    }

    pub async fn enroll(&self, jurisdiction: &str, seeds: std::ops::Range<usize>) -> Answer {
        let example = Example::read(jurisdiction).unwrap();
        let record = |seed: usize| {
            let booking = json!({"name": format!("Person {seed}"), "booking-number": format!("B-{seed}")});
            json!({"id": format!("r{seed:04}"), "template": packed(&template(seed)), "booking": booking})
        };
        let records: Vec<Value> = seeds.map(record).collect();
        let body = json!({"model": MODEL, "answers": example.enroll, "records": records});
        let path = format!("/v1/{jurisdiction}/galleries/{}/records", example.gallery);
        self.client(&format!("{jurisdiction}/{}", example.registrar)).post(&path, &body).await.unwrap()
    }

    /// Searches that have to be refused because nothing can be recorded; gives what whoever watches the server is told.
    pub async fn is_refused_everything(&self) -> Value {
        let mut client = self.client(&searcher("detroit"));
        for seed in 0..3 {
            let body = json!({"request": request("detroit", seed)});
            let answer = client.post(&path("detroit"), &body).await.unwrap();
            let problem = answer.json().unwrap();
            assert_eq!(answer.status, 503, "{problem}");
            assert_eq!(problem["type"], "urn:magistrate:problem:unavailable", "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("nothing was done"), "{problem}");
            assert!(problem.get("candidates").is_none() && problem.get("receipt").is_none(), "{problem}");
        }
        let ready = client.get("/readyz").await.unwrap();
        assert_eq!(ready.status, 503, "whoever watches is told: {}", String::from_utf8_lossy(&ready.body));
        ready.json().unwrap()
    }

    /// A permitted search for the probe of this seed.
    pub async fn search(&self, jurisdiction: &str, seed: usize) -> Value {
        let body = json!({"request": request(jurisdiction, seed)});
        let answer = self.client(&searcher(jurisdiction)).post(&path(jurisdiction), &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json().unwrap()
    }

    /// Entries in a jurisdiction's log.
    pub async fn entries(&self, jurisdiction: &str) -> u64 {
        let all = self.client(&searcher(jurisdiction)).get("/v1/jurisdictions").await.unwrap().json().unwrap();
        let found = all.as_array().unwrap().iter().find(|j| j["id"] == jurisdiction).unwrap();
        found["log_entries"].as_u64().unwrap()
    }

    /// Where its notices go, as `init` configures it.
    pub fn outbox(&self) -> PathBuf {
        self.deployment.home.join("data/outbox")
    }

    /// Checks, while nothing runs, that log and database agree: every entry has the account that it commits to, no account is of
    /// no entry, and what is kept beside the logs is what they say.
    pub fn log_and_database_agree(&self) {
        for asked in [&["audit", "verify", "--accounts"][..], &["store", "check"]] {
            let done = self.deployment.run(&[asked, &["--config", "magistrate.toml", "--json"]].concat()).unwrap();
            let (said, why) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            assert!(done.status.success(), "{asked:?}: {said}\n{why}");
        }
    }

    /// What an auditor of the jurisdiction reads of the log from an index on.
    pub async fn audit(&self, jurisdiction: &str, first: u64) -> Vec<Value> {
        let auditor = if jurisdiction == "detroit" { "detroit/a.feld" } else { "st-louis/a.whitfield" };
        let path = format!("/v1/{jurisdiction}/audit/entries?first={first}&count=1000");
        let answer = self.client(auditor).get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json().unwrap()["entries"].as_array().unwrap().clone()
    }

    /// Checks a receipt with nothing but the log's public key.
    pub fn check_receipt(&self, jurisdiction: &str, receipt: &Value) {
        let key = std::fs::read_to_string(self.deployment.home.join(format!("log-keys/{jurisdiction}.vkey"))).unwrap();
        let key: audit::VerifierKey = key.trim().parse().unwrap();
        let proof: audit::Receipt = receipt["proof"].as_str().unwrap().parse().unwrap();
        assert_eq!(Some(proof.index), receipt["index"].as_u64());
        proof.verify(receipt["entry"].as_str().unwrap().as_bytes(), &key).unwrap();
        let forged = receipt["entry"].as_str().unwrap().replace("permit", "denied");
        assert!(proof.verify(format!("{forged} ").as_bytes(), &key).is_err(), "another entry has no such receipt");
    }
}

/// How a clause fared in an answer's findings: the worst of it.
pub fn outcome<'a>(answer: &'a Value, jurisdiction: &str, clause: &str) -> Option<&'a str> {
    let findings = answer["findings"].as_array()?;
    let of = |f: &&Value| f["jurisdiction"] == jurisdiction && f["clause"] == clause;
    findings.iter().filter(of).filter_map(|f| f["outcome"].as_str()).max_by_key(|o| (*o == "violated", *o == "missing"))
}

/// The alarms in an outbox's folder.
pub fn alarms(outbox: &Path) -> Vec<String> {
    let files = outbox.read_dir().into_iter().flatten().map(|file| file.unwrap().path());
    let letters = files.filter(|path| path.extension().is_some_and(|e| e == "eml"));
    // Quoted-printable breaks lines.
    let texts = letters.map(|path| std::fs::read_to_string(path).unwrap().replace("=\r\n", ""));
    texts.filter(|text| text.contains("Subject: ALARM: ")).collect()
}

/// Sends this and gives what comes until the server closes the connection, which it has to, and whether it does so in order.
pub async fn exchange(mut connection: impl AsyncRead + AsyncWrite + Unpin, sent: &[u8]) -> (String, io::Result<usize>) {
    connection.write_all(sent).await.unwrap();
    connection.flush().await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), connection.read_to_end(&mut answer)).await;
    (String::from_utf8_lossy(&answer).into_owned(), closed.expect("the server waits for ever"))
}

/// Asks by this method for this path, over HTTP/1.1, and checks the status and which methods the head tells.
pub async fn allows(connection: impl AsyncRead + AsyncWrite + Unpin, asked: &str, status: u16, allow: Option<&str>) {
    let sent = format!("{asked} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let (answer, ended) = exchange(connection, sent.as_bytes()).await;
    ended.unwrap_or_else(|e| panic!("{asked}: {e}: {answer}"));
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{asked}: {answer}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{asked}: {head}");
    assert_eq!(head.lines().find_map(|line| line.strip_prefix("allow: ")), allow, "{asked}: {head}");
}

/// Waits until something holds; says `what` where it does not come to that.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until an alarm about Detroit is there; gives its text.
pub async fn alarm(outbox: &Path) -> String {
    alarm_but(outbox, &[]).await
}

/// The same for one that was not known before.
pub async fn alarm_but(outbox: &Path, known: &[String]) -> String {
    let started = Instant::now();
    loop {
        let mut alarms = alarms(outbox).into_iter().filter(|text| !known.contains(text));
        if let Some(found) = alarms.find(|text| text.contains("Jurisdiction: detroit")) {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "nobody is told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A small file system of its own, so that it can fill up. Needs the right to mount.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|ended| ended.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The test models, and the folder of the photographs that go with them, of `../shared` (or `MAGISTRATE_SHARED`); `None`,
/// loudly, where there are none.
pub fn test_models() -> Option<(Faces, PathBuf)> {
    let shared = std::env::var_os("MAGISTRATE_SHARED")
        .map_or_else(|| integration_tests::root().join("../shared"), PathBuf::from);
    let models = shared.join("models");
    let faces = Faces {
        detector: models.join("yunet_n_640_640.onnx"),
        embedder: models.join("mobilefacenet_arcface_128.onnx"),
    };
    if !faces.detector.is_file() {
        integration_tests::unable(&format!("no test models in {}", models.display()));
        return None;
    }
    Some((faces, shared.join("faces")))
}

/// Whether a file of a log's journal is none of its segments, but what the next one is written into.
pub fn is_spare(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("spare."))
}

/// Where the frames of a log's journal segment end: whatever a frame ends with, its header says how long it is.
pub fn used(segment: &[u8]) -> usize {
    let mut at = 16;
    while let Some((b"MJF2", header)) = segment.get(at..).and_then(|rest| rest.split_first_chunk()) {
        at += 24 + u32::from_be_bytes(header[8..12].try_into().unwrap()) as usize;
    }
    at
}
