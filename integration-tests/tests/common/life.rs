//! A Detroit request's life over HTTP, as several people take its steps with certificates of their own.

use super::{Court, court, request, test_models};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration_tests::{Deployment, Example};
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The two examiners, their supervisor, who asks, and people with no part in it.
pub const FIRST: &str = "detroit/m.whitfield";
pub const SECOND: &str = "detroit/j.kowalski";
pub const SUPERVISOR: &str = "detroit/s.baptiste";
pub const ASKER: &str = "detroit/h.dawson";
pub const PATROL: &str = "detroit/p.rivers";
pub const ELSEWHERE: &str = "st-louis/r.abara";

/// The statement that a result carries.
pub const STATEMENT: &str = "investigative-lead";

/// A request that was searched, and the records of its list.
pub struct Listed {
    pub id: String,
    pub records: Vec<String>,
}

/// How a refusal has to read.
pub struct Refusal<'a> {
    pub status: u16,
    /// The end of the problem's `type`.
    pub kind: &'a str,
    /// A part of what it says, that names what would change it.
    pub says: &'a str,
    /// The clause, where a policy refused, and how it fared.
    pub clause: Option<(&'a str, &'a str)>,
    /// The clause that demands what the host found missing, where one is known to.
    pub demanded: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// The same, which names the clause that it follows from.
    pub fn under(self, clause: &'a str) -> Self {
        Self { demanded: Some(clause), ..self }
    }
}

/// The clauses that a problem of the host's own names, each with whose it is.
pub fn cited(problem: &Value) -> Vec<(&str, &str)> {
    let all = problem["clauses"].as_array().into_iter().flatten();
    all.map(|cited| (cited["jurisdiction"].as_str().unwrap(), cited["clause"].as_str().unwrap())).collect()
}

impl Refusal<'_> {
    /// That a problem reads so; `asked` says of what.
    pub fn reads(&self, status: u16, problem: &Value, asked: &str) {
        assert_eq!((status, &problem["status"]), (self.status, &json!(self.status)), "{asked}");
        assert_eq!(problem["type"], format!("urn:magistrate:problem:{}", self.kind), "{asked}");
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{asked}");
        assert!(problem["detail"].as_str().unwrap().contains(self.says), "`{}`: {asked}", self.says);
        if let Some(clause) = self.demanded {
            assert!(cited(problem).contains(&("detroit", clause)), "{clause}: {asked}");
        }
        if let Some((clause, fared)) = self.clause {
            assert_eq!(super::outcome(problem, "detroit", clause), Some(fared), "{clause}: {asked}");
            assert!(problem["detail"].as_str().unwrap().contains(clause), "{asked}");
        }
    }
}

/// A step that does not fit where the request stands.
pub fn out_of_place(says: &str) -> Refusal<'_> {
    Refusal { status: 409, kind: "out-of-place", says, clause: None, demanded: None }
}

/// A step that is not for whoever asks.
pub fn forbidden(says: &str) -> Refusal<'_> {
    Refusal { status: 403, kind: "forbidden", says, clause: None, demanded: None }
}

/// A step that a clause forbids.
pub fn denied<'a>(clause: &'a str, says: &'a str) -> Refusal<'a> {
    Refusal { status: 403, kind: "denied", says, clause: Some((clause, "violated")), demanded: None }
}

/// A step for which a clause wants to know more.
pub fn pending<'a>(clause: &'a str, says: &'a str) -> Refusal<'a> {
    Refusal { status: 409, kind: "pending", says, clause: Some((clause, "missing")), demanded: None }
}

/// The number of the case that the probe of this seed belongs to.
pub fn number(seed: usize) -> String {
    format!("26-0310-{seed}")
}

pub fn said(record: &str, likeness: &str) -> Value {
    json!({"record_id": record, "likeness": likeness, "reason": "the ears and the nose bridge, compared"})
}

/// The first record possible, the others not; or none.
pub fn dispositions(records: &[String], lead: bool) -> Value {
    let likeness = |i: usize| if lead && i == 0 { "possible" } else { "excluded" };
    let all: Vec<_> = records.iter().enumerate().map(|(i, record)| said(record, likeness(i))).collect();
    json!({"dispositions": all})
}

pub fn signing(role: &str, conclusion: &str) -> Value {
    json!({"role": role, "conclusion": conclusion})
}

pub fn outgoing(candidates: &[String]) -> Value {
    json!({"candidates": candidates, "reasoning": "two examiners compared the ears and the nose bridge"})
}

/// To the requester, by official e-mail.
pub fn hand_over(form: &str) -> Value {
    json!({
        "channel": "secured-email",
        "recipient": "h.dawson",
        "recipient_agency": "dpd",
        "purpose": "criminal-investigation",
        "form": form,
        "answers": {"recipient-address": "dawsonh@detroitmi.gov"},
    })
}

pub fn outcome() -> Value {
    json!({"answers": {"case-assisted": true, "positive-identification": false}})
}

/// The document of a hand-over, if its bytes are those of the digest beside them.
pub fn document(handed: &Value) -> Vec<u8> {
    let bytes = BASE64_STANDARD.decode(handed["document"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(handed["document"]["digest"], Digest::of(&bytes).to_string());
    bytes
}

/// How many JPEG photographs a PDF holds. The dictionary of an image is never compressed (ISO 32000-1, 7.3.8 and 7.5.7).
pub fn photographs_in_pdf(pdf: &[u8]) -> usize {
    const JPEG: &[u8] = b"/DCTDecode";
    assert!(pdf.starts_with(b"%PDF"));
    pdf.windows(JPEG.len()).filter(|window| *window == JPEG).count()
}

/// A court with the test models, and these photographs of `../shared` in Detroit's gallery; `None` where there are none.
pub async fn court_with_faces(names: &[&str]) -> Option<(Court, PathBuf)> {
    let program = integration_tests::program()?;
    let (faces, photographs) = test_models()?;
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::init(&program, &folder.path().join("home"), Some(&faces)).unwrap();
    deployment.serve().unwrap();
    let court = Court { deployment, _folder: folder };
    let example = Example::read("detroit").unwrap();
    let record = |name: &&str| {
        let image = BASE64_STANDARD.encode(std::fs::read(photographs.join(name)).unwrap());
        json!({"id": name.replace(".jpg", ""), "image": image, "booking": {"booking-number": "B-1"}})
    };
    let body = json!({"answers": example.enroll, "records": names.iter().map(record).collect::<Vec<_>>()});
    let mut registrar = court.client(&format!("detroit/{}", example.registrar));
    let answer = registrar.post("/v1/detroit/galleries/snap/records", &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    Some((court, photographs))
}

/// A court as it is after its registry was changed: stopped and started again.
pub fn reopen(court: &mut Court, registry: &str) {
    court.deployment.stop().unwrap();
    std::fs::write(registry_file(court), registry).unwrap();
    court.deployment.serve().unwrap();
}

pub fn registry_file(court: &Court) -> PathBuf {
    court.deployment.home.join("policies/detroit/registry.toml")
}

/// A court whose registry differed from the start; `None` where nothing is built.
pub async fn court_with(change: impl FnOnce(&str) -> String) -> Option<Court> {
    let mut court = court().await?;
    let registry = change(&std::fs::read_to_string(registry_file(&court)).unwrap());
    reopen(&mut court, &registry);
    Some(court)
}

/// A line put under another one, which has to be there once.
pub fn under(text: &str, line: &str, added: &str) -> String {
    assert_eq!(text.matches(line).count(), 1, "`{line}` is there once");
    text.replace(line, &format!("{line}\n{added}"))
}

impl Court {
    /// Asks for a step of a Detroit request.
    pub async fn step(&self, who: &str, request: &str, step: &str, body: &Value) -> (u16, Value) {
        let path = format!("/v1/detroit/requests/{request}/{step}");
        let answer = self.client(who).post(&path, body).await.unwrap();
        if !answer.status.is_success() {
            assert_eq!(answer.content_type, "application/problem+json", "{step}");
        }
        (answer.status.as_u16(), answer.json().unwrap())
    }

    /// Takes a step, which has to be permitted, and checks its receipt.
    pub async fn take(&self, who: &str, request: &str, step: &str, body: &Value) -> Value {
        let (status, answer) = self.step(who, request, step, body).await;
        assert_eq!(status, 200, "{who}, {step}: {answer}");
        self.check_receipt("detroit", &answer["receipt"]);
        answer
    }

    /// Asks for a step that has to wait for one thing, on record and without effect; gives what it waits for.
    pub async fn wait(&self, who: &str, request: &str, step: &str, body: &Value) -> Value {
        let (status, answer) = self.step(who, request, step, body).await;
        let asked = format!("{who}, {step} {body}: {answer}");
        assert_eq!((status, &answer["verdict"]), (202, &json!("permit")), "{asked}");
        assert_eq!(answer["request"], request, "{asked}");
        for kept_back in ["candidates", "document", "documents", "search"] {
            assert!(answer.get(kept_back).is_none(), "{asked}");
        }
        assert!(!answer["findings"].as_array().unwrap().is_empty(), "{asked}");
        self.check_receipt("detroit", &answer["receipt"]);
        let last = self.entries_of(request).await.pop().unwrap();
        assert_eq!(last["index"], answer["receipt"]["index"], "{asked}");
        assert_eq!((&last["leaf"]["kind"], &last["account"]["event"]["what"]), (&json!("outcome"), &json!("waits")));
        let awaited = answer["waits_for"].as_array().unwrap();
        assert_eq!(awaited.len(), 1, "{asked}");
        assert_eq!(last["account"]["event"]["awaited"], answer["waits_for"], "{asked}");
        assert!(answer["detail"].as_str().unwrap().contains(awaited[0]["clause"].as_str().unwrap()), "{asked}");
        awaited[0].clone()
    }

    /// Asks for a step that has to be refused, on record and with the request as it was.
    pub async fn refuse(&self, who: &str, request: &str, step: &str, body: &Value, refusal: Refusal<'_>) {
        let (stood, entries) = (self.seen(request).await, self.entries("detroit").await);
        let (status, problem) = self.step(who, request, step, body).await;
        let asked = format!("{who}, {step} {body}: {problem}");
        refusal.reads(status, &problem, &asked);
        self.check_receipt("detroit", &problem["receipt"]);
        for kept_back in ["candidates", "document", "documents"] {
            assert!(problem.get(kept_back).is_none(), "{asked}");
        }
        assert!(self.entries("detroit").await > entries, "the refusal is on record: {asked}");
        assert_eq!(self.seen(request).await, stood, "the request is as it was: {asked}");
    }

    /// Everything that is seen of a request but that steps were refused.
    pub async fn seen(&self, request: &str) -> Value {
        let path = format!("/v1/detroit/requests/{request}");
        let answer = self.client(FIRST).get(&path).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let mut seen = answer.json().unwrap();
        seen.as_object_mut().unwrap().remove("refusals");
        seen
    }

    /// Opens a request by the first examiner, for the detective, with a case number of its own.
    pub async fn open(&self, seed: usize) -> String {
        let mut request = request("detroit", seed);
        request["identifiers"][0]["value"] = json!(number(seed));
        self.open_as(FIRST, &request).await
    }

    pub async fn open_as(&self, who: &str, request: &Value) -> String {
        let answer = self.client(who).post("/v1/detroit/requests", request).await.unwrap();
        let opened = answer.json().unwrap();
        assert_eq!(answer.status, 200, "{opened}");
        opened["request"].as_str().unwrap().to_owned()
    }

    /// Searches for a request, and opens its list thereby.
    pub async fn list(&self, id: String) -> Listed {
        let found = self.take(FIRST, &id, "search", &json!({"candidates": 3})).await;
        let records = found["candidates"].as_array().unwrap().iter();
        let records = records.map(|c| c["record_id"].as_str().unwrap().to_owned()).collect();
        Listed { id, records }
    }

    pub async fn listed(&self, seed: usize) -> Listed {
        let id = self.open(seed).await;
        self.list(id).await
    }

    /// A list whose first candidate is possible and whose others are not.
    pub async fn disposed(&self, seed: usize) -> Listed {
        let listed = self.listed(seed).await;
        self.take(FIRST, &listed.id, "dispositions", &dispositions(&listed.records, true)).await;
        listed
    }

    /// Has everybody sign a lead who has to.
    pub async fn sign(&self, id: &str) {
        self.take(SECOND, id, "candidates", &json!({})).await;
        for examiner in [FIRST, SECOND] {
            self.take(examiner, id, "sign-offs", &signing("examiner", "lead")).await;
        }
        self.take(SUPERVISOR, id, "sign-offs", &signing("ciu-supervisor", "approved")).await;
    }

    pub async fn signed(&self, seed: usize) -> Listed {
        let listed = self.disposed(seed).await;
        self.sign(&listed.id).await;
        listed
    }

    /// A statement of Detroit's charter.
    pub async fn statement(&self, id: &str) -> String {
        let charter = self.client(FIRST).get("/v1/detroit/charter").await.unwrap().json().unwrap();
        let all = charter["statements"].as_array().unwrap();
        all.iter().find(|s| s["id"] == id).unwrap()["text"].as_str().unwrap().to_owned()
    }

    /// Entries of a request in Detroit's log, oldest first.
    pub async fn entries_of(&self, request: &str) -> Vec<Value> {
        let mut entries = self.audit("detroit", 0).await;
        assert!(entries.len() < 1000, "all of them");
        entries.retain(|e| e["account"]["request"] == request);
        entries
    }
}
