//! Worklists come in parts, and whoever nothing can be for reads nothing.

use crate::common::{ASKER, Court, FIRST, JURISDICTION, court, misstep};
use casework::Misstep;
use casework::life::State;
use casework::worklist::{MOST_LISTED, MOST_LOOKED_AT, Wanted, Worklist};
use magistrate_casework as casework;
use model::terms::Instant;
use serde_json::json;
use std::sync::atomic::Ordering;

const HOUR_MS: u64 = 3_600_000;

/// More than one call looks at, and less than a month of them.
const REQUESTS: u64 = 600;

impl Court {
    async fn worklist(&self, wanted: Wanted) -> Worklist {
        self.casework.worklist(&self.who(FIRST).await, JURISDICTION, &wanted).await.unwrap()
    }

    /// With many requests beside this one, two in each hour before; gives all of them, the latest first.
    async fn with_many(self, request: &str) -> (Self, Vec<(Instant, String)>) {
        let now = self.clock.load(Ordering::Acquire);
        let mut all = Vec::new();
        let court = self
            .reopen_on(async |rows: &store::Jurisdiction| {
                let one = rows.request(request).await.unwrap().unwrap();
                all.push((one.opened, request.to_owned()));
                let mut kept = Vec::new();
                for n in 0..REQUESTS {
                    let (id, opened) = (format!("{n:08}"), Instant(now - n / 2 * HOUR_MS));
                    let mut body = one.body.clone();
                    (body["request"]["id"], body["request"]["opened"]) = (json!(id), json!(opened));
                    all.push((opened, id.clone()));
                    kept.push(store::Kept::Request(store::RequestRow { id, opened, body }));
                }
                rows.keep(&kept).await.unwrap();
            })
            .await;
        all.sort();
        all.reverse();
        (court, all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_past_is_listed_in_parts_each_request_once() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(1, 3).await;
    let (court, all) = court.with_many(&request).await;
    let (mut listed, mut wanted) = (Vec::new(), Wanted::default());
    loop {
        let part = court.worklist(wanted.clone()).await;
        assert!(part.requests.len() <= MOST_LISTED);
        listed.extend(part.requests.into_iter().map(|r| (r.opened, r.id)));
        // A client sends it back as it was written.
        wanted.before = match part.before {
            Some(before) => Some(before.to_string().parse().unwrap()),
            None => break,
        };
        assert!(listed.len() < all.len(), "it comes to an end");
    }
    assert_eq!(listed, all);

    let since = Some(Instant(all[0].0.0 - HOUR_MS));
    let part = court.worklist(Wanted { since, ..Wanted::default() }).await;
    assert_eq!((part.requests.len(), part.before), (5, None), "two of each hour, and the one");
    let before = Some("1-a".parse().unwrap());
    let part = court.worklist(Wanted { since, before, ..Wanted::default() }).await;
    assert!(part.requests.is_empty() && part.before.is_none(), "nothing is both");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_no_request_is_in_costs_no_more_than_any_other() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(1, 3).await;
    let (court, all) = court.with_many(&request).await;
    let nobody = Wanted { state: Some(State::Concluded), since: Some(Instant(0)), ..Wanted::default() };
    let part = court.worklist(nobody.clone()).await;
    assert!(part.requests.is_empty());
    let (opened, id) = &all[MOST_LOOKED_AT - 1];
    let before = part.before.unwrap();
    assert_eq!(before.to_string(), format!("{}-{id}", opened.0), "it says how far it looked");
    let part = court.worklist(Wanted { before: Some(before), ..nobody }).await;
    assert!(part.requests.is_empty() && part.before.is_none());
    let listed = Wanted { state: Some(State::Listed), ..Wanted::default() };
    let found: Vec<_> = court.worklist(listed).await.requests.into_iter().map(|r| r.id).collect();
    assert_eq!(found, [request], "the one that was searched");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_role_completes_nothing_and_that_is_on_record() {
    let Some(court) = court().await else { return };
    let asker = court.who(ASKER).await;
    assert!(asker.person.roles.is_empty());
    let log = court.casework.chamber(JURISDICTION).unwrap().log().clone();
    let before = log.size();
    let refused = misstep(court.casework.complete(&asker, JURISDICTION, "any", "it is done").await);
    assert_eq!(refused, Misstep::NoRole);
    assert!(refused.to_string().contains("hold a role"), "{refused}");
    assert_eq!(log.size(), before + 1);
}
