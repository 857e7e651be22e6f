//! Steps of one request that several people take at the same time, in whatever order they come through: no request leads to two
//! live searches, and nothing is released twice or searched afterwards.

use crate::common::record::{DIRECTIVE, Record};
use crate::common::{ASKER, Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, court, intake, outgoing, said, signing};
use casework::search_step::Plan;
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::facts::{Conclusion, Likeness};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

/// Requests tried, each with a rush of its own.
const RUSHES: u64 = 8;

/// People at work on one request at the same time; some of them twice over, as from two desks.
const AT_WORK: [&str; 6] = [FIRST, SECOND, SUPERVISOR, ASKER, FIRST, SECOND];

/// Steps of each.
const STEPS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_leads_to_two_live_searches_however_its_steps_interleave() {
    let Some(court) = court().await else { return };
    let court = Arc::new(court);
    let mut record = Record::begin(&court.casework, &[JURISDICTION]);
    let (mut searches, mut releases) = (0, 0);
    for rush in 0..RUSHES {
        // The policy bounds one person's searches in an hour.
        court.clock.fetch_add(600_000, Ordering::AcqRel);
        let seed = usize::try_from(rush).unwrap();
        let actor = court.who(FIRST).await;
        let opened = court.casework.open_request(&actor, JURISDICTION, intake(seed)).await.unwrap();
        let request = opened.request.request.id;
        let mut at_work = JoinSet::new();
        for (who, desk) in AT_WORK.into_iter().zip(0_u64..) {
            let (court, request) = (Arc::clone(&court), request.clone());
            let dice = StdRng::seed_from_u64(rush * 100 + desk);
            // Erased: what the pipeline awaits nests deep.
            let work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(async move { work(&court, who, &request, dice).await });
            at_work.spawn(work);
        }
        while let Some(done) = at_work.join_next().await {
            done.unwrap();
        }
        let (searched, released) = one_at_a_time(&court, &request, &mut record).await;
        searches += searched;
        releases += released;
        let counted = court.seen(&request).await;
        assert_eq!(counted.released.is_some(), released == 1, "rush {rush}");
    }
    println!("{searches} searches and {releases} releases in {RUSHES} rushes");
    assert!(searches > usize::try_from(RUSHES).unwrap(), "{searches} searches: nothing was tried");
}

/// What somebody does of a request while others are at it, too. A refusal harms nobody.
async fn work(court: &Court, who: &'static str, request: &str, mut dice: StdRng) {
    for _ in 0..STEPS {
        let done = match dice.random_range(0..8) {
            0..3 => search(court, who, request).await,
            3 => court.look(who, request).await.map(drop),
            4 | 5 => match listed(court, who, request).await {
                Ok(records) => {
                    let all = records.iter().map(|r| said(r, Likeness::Possible)).collect();
                    court.dispose(who, request, all).await.map(drop)
                }
                Err(e) => Err(e),
            },
            6 => {
                let (role, conclusion) = match who {
                    SUPERVISOR => ("ciu-supervisor", Conclusion::Approved),
                    _ => ("examiner", Conclusion::Lead),
                };
                court.sign(who, request, signing(role, conclusion)).await.map(drop)
            }
            _ => match listed(court, who, request).await {
                Ok(records) => {
                    let some: Vec<_> = records.into_iter().take(1).collect();
                    court.release(who, request, outgoing(&some)).await.map(drop)
                }
                Err(e) => Err(e),
            },
        };
        match done {
            Ok(()) | Err(CaseError::Refused { .. } | CaseError::OutOfPlace(..)) => {}
            Err(e) => panic!("{who}: {e:?}"),
        }
        for _ in 0..dice.random_range(0..3) {
            tokio::task::yield_now().await;
        }
    }
}

async fn search(court: &Court, who: &str, request: &str) -> Result<(), CaseError> {
    let open = court.casework.request(JURISDICTION, request).await?;
    let plan = Plan { candidates: Some(3), ..Plan::default() };
    court.casework.search(&court.who(who).await, &open, plan).await.map(drop)
}

/// The records of the list, as whoever asks is shown it.
async fn listed(court: &Court, who: &str, request: &str) -> Result<Vec<String>, CaseError> {
    let records = court.look(who, request).await?;
    if records.is_empty() { Err(Misstep::NotListed { demanded: vec![] }.into()) } else { Ok(records) }
}

/// Reads of a request that each search ended before the next began, and was told of those before it, and that nothing was done after
/// the release; gives how many searches there were, and how many releases.
async fn one_at_a_time(court: &Court, request: &str, record: &mut Record) -> (usize, usize) {
    record.read(&court.casework, JURISDICTION, "a.feld").await;
    let told = record.told(request, &DIRECTIVE);
    assert!(told.faults.is_empty(), "{request}: {:?}", told.faults);
    assert!(!told.is_searching(), "a search of {request} has not ended");
    (usize::try_from(told.searches).unwrap(), usize::from(told.released.is_some()))
}
