//! Searching photographs, with the test models and photographs of `../shared` (or `MAGISTRATE_SHARED`).

use crate::common::test_models;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use integration_tests::{Deployment, Example};
use serde_json::{Value, json};
use std::path::PathBuf;

struct Studio {
    deployment: Deployment,
    photographs: PathBuf,
    _folder: tempfile::TempDir,
}

fn studio() -> Option<Studio> {
    let program = integration_tests::program()?;
    let (faces, photographs) = test_models()?;
    let folder = tempfile::tempdir().unwrap();
    let mut deployment = Deployment::init(&program, &folder.path().join("home"), Some(&faces)).unwrap();
    deployment.serve().unwrap();
    Some(Studio { deployment, photographs, _folder: folder })
}

impl Studio {
    fn photograph(&self, name: &str) -> String {
        BASE64_STANDARD.encode(std::fs::read(self.photographs.join(name)).unwrap())
    }

    async fn enroll(&self, names: &[&str]) {
        let example = Example::read("detroit").unwrap();
        let record = |name: &&str| json!({"id": name.replace(".jpg", ""), "image": self.photograph(name)});
        let body = json!({"answers": example.enroll, "records": names.iter().map(record).collect::<Vec<_>>()});
        let mut registrar = self.deployment.client(&format!("detroit/{}", example.registrar)).unwrap();
        let answer = registrar.post("/v1/detroit/galleries/snap/records", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }

    async fn search(&self, image: String, face: Option<u32>) -> (u16, Value) {
        let mut request = Example::read("detroit").unwrap().request(&toml::Table::new(), &[]).unwrap();
        request["probe"]["image"] = json!(image);
        request["probe"]["face"] = json!(face);
        let mut client = self.deployment.client(&crate::common::searcher("detroit")).unwrap();
        let answer = client.post("/v1/detroit/searches", &json!({"request": request})).await.unwrap();
        (answer.status.as_u16(), answer.json().unwrap())
    }
}

#[tokio::test]
async fn the_same_person_is_found_first() {
    let Some(studio) = studio() else { return };
    studio.enroll(&["biden-1.jpg", "obama-1.jpg"]).await;
    for (probe, mate) in [("biden-2.jpg", "biden-1"), ("obama-2.jpg", "obama-1"), ("obama-partial.jpg", "obama-1")] {
        let (status, answer) = studio.search(studio.photograph(probe), None).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["candidates"][0]["record_id"], mate, "{probe}: {answer}");
    }
}

#[tokio::test]
async fn an_enrolment_that_stopped_goes_on_where_it_stopped() {
    let Some(studio) = studio() else { return };
    let example = Example::read("detroit").unwrap();
    let folder = studio.deployment.home.join("photographs");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..20 {
        std::fs::copy(studio.photographs.join("biden-1.jpg"), folder.join(format!("b{i:02}.jpg"))).unwrap();
    }
    std::fs::write(folder.join("obama.jpg"), "no photograph").unwrap();
    let certificate = format!("certs/detroit/{}.pem", example.registrar);
    let mut words: Vec<String> =
        ["enroll", "--server", &studio.deployment.address, "--certificate", &certificate].map(str::to_owned).into();
    words.extend(["--jurisdiction", "detroit", "--gallery", "snap", "photographs"].map(str::to_owned));
    for (name, value) in &example.enroll {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.extend(["--answer".to_owned(), format!("{name}={value}")]);
    }
    let enroll = |more: &[&str]| {
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let done = studio.deployment.run(&words).unwrap();
        let said = [&done.stdout[..], &done.stderr].concat();
        (done.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = enroll(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("20 of 21 photographs are enrolled, and the next is obama.jpg"), "{said}");
    assert!(said.contains("go on with --after b19.jpg"), "{said}");
    std::fs::copy(studio.photographs.join("obama-1.jpg"), folder.join("obama.jpg")).unwrap();
    let (code, said) = enroll(&["--after", "b19.jpg"]);
    assert!(code == Some(0) && said.contains("1 records enrolled"), "{said}");
    let (_, answer) = studio.search(studio.photograph("obama-2.jpg"), None).await;
    assert_eq!((&answer["candidates"][0]["record_id"], &answer["rows_compared"]), (&json!("obama"), &json!(21)));
}

#[tokio::test]
async fn a_photograph_is_searched_with_one_command() {
    let Some(studio) = studio() else { return };
    studio.enroll(&["biden-1.jpg", "obama-1.jpg"]).await;
    let example = Example::read("detroit").unwrap();
    let certificate = format!("certs/{}.pem", crate::common::searcher("detroit"));
    let said = |name: &str| example.request[name].as_str().unwrap().to_owned();
    let mut words: Vec<String> =
        ["search", "--server", &studio.deployment.address, "--certificate", &certificate].map(str::to_owned).into();
    words.extend(["--jurisdiction", "detroit", "--gallery", "snap", "--source", "cctv"].map(str::to_owned));
    for name in ["requester", "purpose", "reason"] {
        words.extend([format!("--{name}"), said(name)]);
    }
    words.extend(["--case", "incident-number=26-0310-114"].map(str::to_owned));
    for (name, value) in example.request["answers"].as_table().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.extend(["--answer".to_owned(), format!("{name}={value}")]);
    }
    let search = |probe: &str, more: &[&str]| {
        let probe = studio.photographs.join(probe).display().to_string();
        let words = words.iter().map(String::as_str).chain(["--probe", &probe]).chain(more.iter().copied());
        let done = studio.deployment.run(&words.collect::<Vec<_>>()).unwrap();
        let said = String::from_utf8_lossy(&[&done.stdout[..], &done.stderr].concat()).into_owned();
        (done.status.code(), said)
    };
    let (code, said) = search("obama-2.jpg", &["--json"]);
    assert_eq!(code, Some(0), "{said}");
    let answer: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(answer["candidates"][0]["record_id"], "obama-1", "{answer}");

    let (code, said) = search("biden-2.jpg", &[]);
    let first = said.find("biden-1").unwrap_or_else(|| panic!("{said}"));
    assert!(code == Some(0) && said.contains("2 records compared of detroit/snap"), "{said}");
    assert!(said.find("obama-1").is_none_or(|other| first < other), "in rank order: {said}");

    let (code, said) = search("two-people.jpg", &[]);
    assert!(code != Some(0) && said.contains("faces"), "it asks which: {said}");
    let (code, said) = search("two-people.jpg", &["--face", "1"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = search("nobody.jpg", &[]);
    assert!(code != Some(0) && said.contains("cannot read") && said.contains("nobody.jpg"), "{said}");
}

#[tokio::test]
async fn of_several_people_the_answer_asks_which() {
    let Some(studio) = studio() else { return };
    studio.enroll(&["biden-1.jpg", "obama-1.jpg"]).await;
    let both = studio.photograph("two-people.jpg");
    let (status, problem) = studio.search(both.clone(), None).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["faces"].as_array().map(Vec::len), Some(2), "{problem}");
    let mut found = Vec::new();
    for face in 0..2 {
        let (status, answer) = studio.search(both.clone(), Some(face)).await;
        assert_eq!(status, 200, "{answer}");
        found.push(answer["candidates"][0]["record_id"].as_str().unwrap().to_owned());
    }
    found.sort();
    assert_eq!(found, ["biden-1", "obama-1"], "each face finds its own mate");
    let (status, problem) = studio.search(both, Some(2)).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("no face 2"), "{problem}");
}

#[tokio::test]
async fn what_is_no_usable_photograph_is_said() {
    let Some(studio) = studio() else { return };
    // A PNG whose header claims 50,000 × 50,000 pixels.
    let mut wide = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    wide.extend(50_000_u32.to_be_bytes());
    wide.extend(50_000_u32.to_be_bytes());
    wide.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    let whole = std::fs::read(studio.photographs.join("biden-1.jpg")).unwrap();
    let cases: [(&str, Vec<u8>); 5] = [
        ("nothing", vec![]),
        ("text", b"this is no photograph".to_vec()),
        ("another format", b"GIF89a\x01\0\x01\0".to_vec()),
        ("half a photograph", whole[..whole.len() / 2].to_vec()),
        ("50,000 pixels wide", wide),
    ];
    for (what, bytes) in cases {
        let (status, problem) = studio.search(BASE64_STANDARD.encode(bytes), None).await;
        assert_eq!(status, 422, "{what}: {problem}");
        assert_eq!(problem["type"], "urn:magistrate:problem:photograph", "{what}: {problem}");
    }
    studio.enroll(&["biden-1.jpg"]).await;
    assert_eq!(studio.search(studio.photograph("biden-2.jpg"), None).await.0, 200, "the server goes on");
}
