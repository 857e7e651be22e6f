//! What Prometheus scrapes: what was asked is counted, and what is kept is measured; nobody is named.

use crate::common::{Court, court, searcher};

async fn scrape(court: &Court) -> String {
    let answer = court.client(&searcher("st-louis")).get("/metrics").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.content_type.starts_with("application/openmetrics-text"), "{}", answer.content_type);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.ends_with("# EOF\n"), "whole: {text}");
    text
}

/// The value of this series; absent where there is none.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn what_was_asked_is_counted_and_what_is_kept_is_measured() {
    let Some(court) = court().await else { return };
    let searches = |status: u16| {
        format!("magistrate_requests_total{{route=\"/v1/{{jurisdiction}}/searches\",status=\"{status}\"}}")
    };
    let took = "magistrate_request_seconds_count{route=\"/v1/{jurisdiction}/searches\"}";
    assert_eq!(value(&scrape(&court).await, &searches(200)), None, "nobody has searched");
    for seed in 0..3 {
        court.search("detroit", seed).await;
    }
    let wrong = court.client(&searcher("detroit")).post("/v1/detroit/searches", &"no request").await.unwrap();
    let nowhere = court.client(&searcher("detroit")).get("/v1/nowhere/at/all").await.unwrap();
    assert_eq!((wrong.status.as_u16(), nowhere.status.as_u16()), (422, 404));

    let entries = async |jurisdiction: &str| court.entries(jurisdiction).await as f64;
    let before = [entries("detroit").await, entries("st-louis").await];
    let text = scrape(&court).await;
    assert_eq!(value(&text, &searches(200)), Some(3.0), "{text}");
    assert_eq!(value(&text, &searches(422)), Some(1.0), "{text}");
    assert_eq!(value(&text, took), Some(4.0), "{text}");
    let series = "magistrate_requests_total{route=\"none\",status=\"404\"}";
    assert_eq!(value(&text, series), Some(1.0), "an address of somebody's making is no label: {text}");
    let series = "magistrate_requests_total{route=\"/metrics\",status=\"200\"}";
    assert_eq!(value(&text, series), Some(1.0), "the scrape before: {text}");

    let records = "magistrate_gallery_records{jurisdiction=\"detroit\",gallery=\"snap\"}";
    assert_eq!(value(&text, records), Some(20.0), "{text}");
    for (jurisdiction, before) in ["detroit", "st-louis"].into_iter().zip(before) {
        let series = format!("magistrate_log_entries{{jurisdiction=\"{jurisdiction}\"}}");
        let now = value(&text, &series).unwrap_or_else(|| panic!("{jurisdiction}: {text}"));
        // The host records things of its own meanwhile.
        let after = entries(jurisdiction).await;
        assert!(before > 0.0 && (before..=after).contains(&now), "{jurisdiction}: {before} {now} {after}");
    }
    let searcher = searcher("detroit");
    let person = searcher.split('/').next_back().unwrap();
    assert!(!text.contains(person) && !text.contains("robbed"), "{text}");
    court.enroll("detroit", 20..25).await;
    assert_eq!(value(&scrape(&court).await, records), Some(25.0));
}
