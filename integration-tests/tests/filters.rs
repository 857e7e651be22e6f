//! Searches among some of a gallery's records: by what their booking data say, exactly, and on record.

use crate::common::{Court, MODEL, court, packed, path, request, searcher, template};
use client::Answer;
use integration_tests::Example;
use serde_json::{Value, json};

/// Records with booking data: sex, date of birth, agency and day of the booking, as far as they are known.
const KNOWN: [(usize, &[(&str, &str)]); 8] = [
    (100, &[("sex", "F"), ("date-of-birth", "1950-01-01"), ("booking-agency", "dpd"), ("booking-date", "2019-05-05")]),
    (101, &[("sex", "F"), ("date-of-birth", "2015-01-01"), ("booking-agency", "oakland-so")]),
    (102, &[("sex", "M"), ("date-of-birth", "1950-01-01"), ("booking-agency", "dpd"), ("booking-date", "2020-01-01")]),
    (103, &[("sex", "M"), ("booking-agency", "oakland-so"), ("booking-date", "2020-12-31")]),
    (104, &[("sex", "X"), ("date-of-birth", "1950-01-01"), ("booking-date", "2021-01-01")]),
    (105, &[("name", "nothing else is known of them")]),
    (106, &[("sex", "F"), ("booking-agency", "dpd"), ("booking-date", "2020-06-15")]),
    (107, &[("sex", "F"), ("date-of-birth", "1951-01-01"), ("booking-agency", "dpd"), ("booking-date", "2020-06-15")]),
];

async fn enroll(court: &Court, records: &[(usize, &[(&str, &str)])]) -> Answer {
    let example = Example::read("detroit").unwrap();
    let record = |(seed, booking): &(usize, &[(&str, &str)])| {
        let booking: serde_json::Map<String, Value> =
            booking.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({"id": format!("r{seed:04}"), "template": packed(&template(*seed)), "booking": booking})
    };
    let records: Vec<Value> = records.iter().map(record).collect();
    let body = json!({"model": MODEL, "answers": example.enroll, "records": records});
    let path = format!("/v1/detroit/galleries/{}/records", example.gallery);
    court.client(&format!("detroit/{}", example.registrar)).post(&path, &body).await.unwrap()
}

/// A search for the probe of seed 103 under this filter.
async fn search(court: &Court, filter: &Value) -> Answer {
    let body = json!({"request": request("detroit", 103), "filter": filter, "candidates": 50});
    court.client(&searcher("detroit")).post(&path("detroit"), &body).await.unwrap()
}

fn records(answer: &Value) -> Vec<String> {
    let candidates = answer["candidates"].as_array().unwrap();
    candidates.iter().map(|c| c["record_id"].as_str().unwrap().to_owned()).collect()
}

/// These records in the order of their similarity to the probe, by computing it.
fn ranked(seeds: &[usize]) -> Vec<String> {
    let unit = |t: Vec<f32>| {
        let norm = t.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        t.into_iter().map(|x| f64::from((f64::from(x) / norm) as f32)).collect::<Vec<f64>>()
    };
    let probe = unit(template(103));
    let score = |seed: usize| unit(template(seed)).iter().zip(&probe).map(|(a, b)| a * b).sum::<f64>();
    let mut scored: Vec<(f64, String)> = seeds.iter().map(|&seed| (score(seed), format!("r{seed:04}"))).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, id)| id).collect()
}

#[tokio::test]
async fn a_filtered_search_is_exact_among_those_admitted_and_on_record() {
    let Some(mut court) = court().await else { return };
    let enrolled = enroll(&court, &KNOWN).await;
    assert_eq!(enrolled.status, 200, "{}", String::from_utf8_lossy(&enrolled.body));
    let cases: [(Value, &[usize]); 11] = [
        (json!({"sex": {"one_of": ["F"]}}), &[100, 101, 106, 107]),
        (json!({"sex": {"one_of": ["M", "X"]}, "age": {"from": 60}}), &[102, 104]),
        (json!({"age": {"from": 60}, "booking-agency": {"one_of": ["dpd"]}}), &[100, 102, 107]),
        (json!({"booking-date": {"from": "2020-01-01", "to": "2020-12-31"}}), &[102, 103, 106, 107]),
        (json!({"booking-date": {"to": "2019-12-31"}, "status": {"one_of": ["active"]}}), &[100]),
        (json!({"status": {"one_of": ["sealed"]}}), &[]),
        (json!({"age": {"from": 150}}), &[]),
        (json!({"booking-agency": {"one_of": ["dpd", "oakland-so"]}, "sex": {"none_of": ["F"]}}), &[102, 103]),
        (json!({"booking-agency": {"none_of": ["dpd"]}, "sex": {"one_of": ["F", "M", "X"]}}), &[101, 103, 104]),
        (json!({"origin": {"one_of": ["dpd"]}, "sex": {"one_of": ["X"]}}), &[104]),
        (json!({"origin": {"none_of": ["dpd"]}}), &[]),
    ];
    let whole = search(&court, &json!({})).await.json().unwrap();
    assert_eq!((&whole["rows_compared"], records(&whole).len()), (&json!(28), 28), "{whole}");
    assert!(whole.get("filter").is_none());
    let digest = whole["gallery_digest"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 64);
    for (filter, expected) in &cases {
        let before = court.entries("detroit").await;
        let answer = search(&court, filter).await.json().unwrap();
        assert_eq!(records(&answer), ranked(expected), "{filter}: {answer}");
        if !expected.is_empty() {
            assert_eq!(answer["rows_compared"], expected.len(), "{filter}");
        }
        assert_eq!((&answer["filter"], &answer["gallery_digest"]), (filter, &json!(digest)));
        let entries = court.audit("detroit", before).await;
        let event = |what: &str| {
            let events = entries.iter().map(|e| &e["account"]["event"]);
            events.filter(|e| e["what"] == what).collect::<Vec<_>>()
        };
        let [searched] = event("searched")[..] else { panic!("{filter}: {entries:?}") };
        assert_eq!((&searched["filter"], &searched["digest"]), (filter, &json!(digest)), "{filter}");
        // The certificate is whole in the answer, and the same in the entry.
        assert_eq!(searched["reranked"], answer["rows_reranked"], "{filter}");
        let (bound, written) = (answer["bound"].as_f64().unwrap(), searched["bound_billionths"].as_u64().unwrap());
        assert!((written as f64 - bound * 1e9).abs() <= 2.0, "{filter}: {answer} {searched}");
        let reranked = answer["rows_reranked"].as_u64().unwrap();
        assert!(reranked >= expected.len() as u64 && (bound > 0.0) == (reranked > 0), "{filter}: {answer}");
        let told = event("decision").into_iter().find_map(|d| d["matters"][0]["step"]["search"]["filters"].as_array());
        let told: Vec<&str> = told.unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for name in filter.as_object().unwrap().keys() {
            assert!(told.contains(&name.as_str()), "{filter}: {told:?}");
        }
        assert_eq!(told.contains(&"date-of-birth"), filter.get("age").is_some(), "the field behind the name");
    }

    // The same after a restart, from the snapshot; and in two steps.
    court.deployment.stop().unwrap();
    court.deployment.serve().unwrap();
    for (filter, expected) in &cases {
        let answer = search(&court, filter).await.json().unwrap();
        assert_eq!((records(&answer), &answer["gallery_digest"]), (ranked(expected), &json!(digest)), "{filter}");
    }
    let mut client = court.client(&searcher("detroit"));
    let opened = client.post("/v1/detroit/requests", &request("detroit", 103)).await.unwrap().json().unwrap();
    let path = format!("/v1/detroit/requests/{}/search", opened["request"].as_str().unwrap());
    let body = json!({"candidates": 50, "filter": cases[0].0});
    let answer = client.post(&path, &body).await.unwrap().json().unwrap();
    assert_eq!(records(&answer), ranked(cases[0].1), "{answer}");
    let all = client.get("/v1/jurisdictions").await.unwrap().json().unwrap();
    let detroit = all.as_array().unwrap().iter().find(|j| j["id"] == "detroit").unwrap();
    assert_eq!(detroit["galleries"][0]["digest"], json!(digest));
    assert_eq!(detroit["galleries"][0]["filters"][1], json!({"name": "age", "kind": "age", "field": "date-of-birth"}));

    // Another record, another digest.
    assert!(enroll(&court, &[(108, &[])]).await.status.is_success());
    let grown = search(&court, &json!({})).await.json().unwrap();
    assert_ne!(grown["gallery_digest"], json!(digest));
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_said_and_nothing_is_done() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    for (filter, says) in [
        (json!({"race": {"one_of": ["x"]}}), "filter by status, origin, sex, age, booking-agency, booking-date"),
        (json!({"date-of-birth": {"to": "2000-01-01"}}), "filter.date-of-birth"),
        (json!({"sex": {"one_of": ["Female"]}}), "`Female` is none of F, M, X"),
        (json!({"sex": {"one_of": []}}), "name 1 to 256"),
        (json!({"sex": {"from": 1}}), "give one_of"),
        (json!({"sex": {"none_of": []}}), "none_of has 0 values"),
        (json!({"sex": {"none_of": ["Female"]}}), "`Female` is none of F, M, X"),
        (json!({"age": {"none_of": ["30"], "from": 20}}), "neither one_of nor none_of"),
        (json!({"origin": {"from": 1}}), "give one_of or none_of"),
        (json!({"sex": "F"}), "invalid type"),
        (json!({"sex": {"any_of": ["F"]}}), "unknown field `any_of`"),
        (json!({"age": {"one_of": ["30"]}}), "give from or to"),
        (json!({"age": {"from": 36, "to": 35}}), "from is greater than to"),
        (json!({"age": {"from": -1}}), "a whole number, 0 or more"),
        (json!({"age": {"from": "1990-01-01"}}), "one of whole numbers"),
        (json!({"booking-date": {"from": 2020}}), "one of days"),
        (json!({"booking-date": {"from": "2020-02-30"}}), "`2020-02-30` is no day"),
        (json!({"booking-date": {"from": "2020-12-31", "to": "2020-01-01"}}), "from is greater than to"),
        (json!(["sex"]), "invalid type"),
    ] {
        let answer = search(&court, &filter).await;
        let problem = answer.json().unwrap();
        assert_eq!(answer.status, 422, "{filter}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{filter}: {problem}");
    }
    // Nor with a request that is on record: it stays as it is.
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
    let mut client = court.client(&searcher("detroit"));
    let opened = client.post("/v1/detroit/requests", &request("detroit", 1)).await.unwrap().json().unwrap();
    let path = format!("/v1/detroit/requests/{}/search", opened["request"].as_str().unwrap());
    let opened = court.entries("detroit").await;
    let answer = client.post(&path, &json!({"filter": {"race": {"one_of": ["x"]}}})).await.unwrap();
    assert_eq!(answer.status, 422);
    assert_eq!(court.entries("detroit").await, opened);
    assert_eq!(client.post(&path, &json!({})).await.unwrap().status, 200, "and can be searched for");
}

#[tokio::test]
async fn what_searches_are_filtered_by_is_enrolled_readable_or_not_at_all() {
    let Some(court) = court().await else { return };
    let before = court.entries("detroit").await;
    let bad: [(&[(&str, &str)], &str); 4] = [
        (&[("sex", "female")], "one of F, M, X"),
        (&[("date-of-birth", "1 May 1990")], "a day as 2026-01-31"),
        (&[("booking-agency", "elsewhere")], "one of dpd, oakland-so"),
        (&[("booking-date", "")], "leave it away"),
    ];
    for (booking, says) in bad {
        // The first of the batch is good, and not enrolled either.
        let refused = enroll(&court, &[(200, &[("sex", "F")]), (201, booking)]).await;
        let problem = refused.json().unwrap();
        assert_eq!(refused.status, 422, "{booking:?}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says) && detail.contains("r0201"), "{problem}");
    }
    assert_eq!(court.entries("detroit").await, before, "nothing was decided");
    assert!(enroll(&court, &[(200, &[("sex", "F")]), (201, &[])]).await.status.is_success());
}

#[tokio::test]
async fn filters_can_be_typed() {
    let Some(court) = court().await else { return };
    assert!(enroll(&court, &KNOWN).await.status.is_success());
    let probe: Vec<u8> = template(103).iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(court.deployment.home.join("probe.f32"), probe).unwrap();
    let example = Example::read("detroit").unwrap();
    let certificate = format!("certs/{}.pem", searcher("detroit"));
    let mut words: Vec<String> = ["search", "--server", &court.deployment.address, "--certificate", &certificate]
        .into_iter()
        .chain(["--jurisdiction", "detroit", "--gallery", "snap", "--probe", "probe.f32", "--model", MODEL])
        .chain(["--source", "cctv", "--case", "incident-number=26-0310-9", "--candidates", "50", "--json"])
        .map(str::to_owned)
        .collect();
    for name in ["requester", "purpose", "reason"] {
        words.extend([format!("--{name}"), example.request[name].as_str().unwrap().to_owned()]);
    }
    for (name, value) in example.request["answers"].as_table().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.extend(["--answer".to_owned(), format!("{name}={value}")]);
    }
    let typed = |filters: &[&str]| {
        let filters = filters.iter().flat_map(|filter| ["--filter", *filter]);
        let all: Vec<&str> = words.iter().map(String::as_str).chain(filters).collect();
        court.deployment.run(&all).unwrap()
    };
    let done = typed(&["sex=F,X", "age=20.."]);
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(records(&answer), ranked(&[100, 104, 107]), "{answer}");
    let done = typed(&["booking-date=2020-01-01..2020-12-31", "sex=M"]);
    assert_eq!(records(&serde_json::from_slice(&done.stdout).unwrap()), ranked(&[102, 103]));
    let done = typed(&["booking-agency=oakland-so", "sex!=F,X"]);
    assert_eq!(records(&serde_json::from_slice(&done.stdout).unwrap()), ranked(&[103]));
    let done = typed(&["sex=female"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stdout).contains("none of F, M, X"));
    assert_eq!(typed(&["sex"]).status.code(), Some(2), "no filter at all");
    assert_eq!(typed(&["age!=20..35"]).status.code(), Some(2), "nor is this one");
}

#[tokio::test]
async fn records_are_filtered_by_the_agency_that_they_came_from() {
    let Some(mut court) = court().await else { return };
    let example = Example::read("detroit").unwrap();
    let registrar = format!("detroit/{}", example.registrar);
    for (origin, seeds) in [("oakland-so", [100, 101]), ("slmpd", [102, 103])] {
        let record = |seed| json!({"id": format!("r{seed:04}"), "template": packed(&template(seed)), "booking": {}});
        let records: Vec<Value> = seeds.into_iter().map(record).collect();
        let body = json!({"model": MODEL, "origin": origin, "answers": example.enroll, "records": records});
        let answer = court.client(&registrar).post("/v1/detroit/galleries/snap/records", &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    let cases: [(Value, &[usize]); 4] = [
        (json!({"origin": {"one_of": ["oakland-so"]}}), &[100, 101]),
        (json!({"origin": {"none_of": ["dpd"]}}), &[100, 101, 102, 103]),
        (json!({"origin": {"none_of": ["dpd", "slmpd"]}}), &[100, 101]),
        (json!({"origin": {"one_of": ["elsewhere"]}}), &[]),
    ];
    for restarted in [false, true] {
        if restarted {
            court.deployment.stop().unwrap();
            court.deployment.serve().unwrap();
        }
        for (filter, expected) in &cases {
            let answer = search(&court, filter).await.json().unwrap();
            assert_eq!(records(&answer), ranked(expected), "{filter}: {answer}");
        }
    }
}
