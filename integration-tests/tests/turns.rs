//! One step of a request at a time, however many arrive at once.

use crate::common::life::{FIRST, Listed, SECOND, outgoing, signing};
use crate::common::{Court, court};
use client::Answer;
use serde_json::{Value, json};

/// How many arrive at once.
const AT_ONCE: usize = 6;

/// Sends the same step several times at once; gives the statuses, lowest first.
async fn rush(court: &Court, who: &[&str], request: &str, step: &str, body: Value) -> Vec<u16> {
    let sent = (0..AT_ONCE).map(|i| {
        let mut client = court.client(who[i % who.len()]);
        let (path, body) = (format!("/v1/detroit/requests/{request}/{step}"), body.clone());
        tokio::spawn(async move { client.post(&path, &body).await.unwrap() })
    });
    let mut statuses = Vec::new();
    for answer in sent.collect::<Vec<_>>() {
        let Answer { status, .. } = answer.await.unwrap();
        statuses.push(status.as_u16());
    }
    statuses.sort_unstable();
    statuses
}

/// One that was taken, and all the others refused as out of place.
fn once() -> Vec<u16> {
    [vec![200], vec![409; AT_ONCE - 1]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_search_sent_several_times_at_once_runs_one_at_a_time() {
    let Some(mut court) = court().await else { return };
    let id = court.open(8).await;
    assert_eq!(rush(&court, &[FIRST, SECOND], &id, "search", json!({"candidates": 3})).await, [200; AT_ONCE]);

    let (mut counted, mut live) = (Vec::new(), None);
    for entry in court.entries_of(&id).await {
        let (leaf, event) = (&entry["leaf"], &entry["account"]["event"]);
        let intent = |phase: &str| leaf["kind"] == "intent" && leaf["phase"] == phase;
        if intent("search") {
            assert!(live.is_none(), "a search began while another one had not ended: {entry}");
            let told = &event["matters"][0]["history"];
            counted.push(told["searches_of_request"].as_u64().unwrap());
            live = Some((leaf["id"].clone(), false, false));
        } else if let Some((search, searched, shown)) = &mut live {
            if event["what"] == "searched" {
                assert_eq!(leaf["of"], *search, "{entry}");
                *searched = true;
            }
            *shown |= intent("candidates");
            // A search ends when it is on record what came of it, and that its list was shown.
            if *searched && *shown {
                live = None;
            }
        }
    }
    assert!(live.is_none());
    assert_eq!(counted, (0..AT_ONCE as u64).collect::<Vec<_>>(), "each was told of those before it");
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_and_nothing_is_released_twice_at_once() {
    let Some(mut court) = court().await else { return };
    let Listed { id, records } = court.disposed(9).await;
    assert_eq!(rush(&court, &[FIRST], &id, "sign-offs", signing("examiner", "lead")).await, once());
    assert_eq!(court.seen(&id).await["signatures"].as_array().map(Vec::len), Some(1));

    let Listed { id: whole, records: theirs } = court.signed(10).await;
    assert_ne!(records[0], theirs[0]);
    assert_eq!(rush(&court, &[FIRST], &whole, "release", outgoing(&theirs[..1])).await, once());
    let entries = court.entries_of(&whole).await;
    assert_eq!(entries.iter().filter(|e| e["account"]["event"]["what"] == "released").count(), 1);
    court.deployment.stop().unwrap();
    court.deployment.verify().unwrap();
}
