//! Requests that break off before they are opened, and releases that break off before they are concluded: their photographs
//! and documents are destroyed, at once or by the next start.

use crate::common::{
    Court, Desk, FIRST, GALLERY, JURISDICTION, MODEL, RECORDS, batch, court, court_with, intake, outgoing, record,
    submission,
};
use face::{Extraction, Extractor, Face, FaceError};
use magistrate_casework::CaseError;
use magistrate_casework::intake::{Intake, PROBE, Submission};
use magistrate_casework::paper::{Draughting, Drawn, Paper};
use magistrate_casework::release::{DOCUMENT, Form, sealed_id};
use magistrate_casework::report::{SetOut, Sheet};
use model::account::{Account, Event};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PIXELS: &[u8] = b"a photograph";

/// How openings are marked until they are concluded, and what this host's marks say.
const MARK: &str = "opening";
const LOG: &str = "test/detroit";

const HOUR_MS: u64 = 3_600_000;

/// Sees one face on whatever it is shown. The clock stands an hour back when it has looked, if it is told so: then nothing can
/// be concluded.
struct Eyes {
    clock: Arc<AtomicU64>,
    back: Arc<AtomicBool>,
}

impl Extractor for Eyes {
    fn model_id(&self) -> &str {
        MODEL
    }

    fn dim(&self) -> usize {
        512
    }

    fn detect(&self, _: &[u8]) -> Result<(u32, u32, Vec<Face>), FaceError> {
        if self.back.load(Ordering::Acquire) {
            self.clock.fetch_sub(HOUR_MS, Ordering::AcqRel);
        }
        let landmarks = [[260.0, 200.0], [380.0, 200.0], [320.0, 260.0], [275.0, 320.0], [365.0, 320.0]];
        Ok((640, 480, vec![Face { bounding_box: [220.0, 120.0, 200.0, 260.0], landmarks, score: 0.9 }]))
    }

    fn extract(&self, _: &[u8], _: Option<usize>) -> Result<Extraction, FaceError> {
        Err(FaceError::NoFace)
    }
}

async fn court_that_sees() -> Option<(Court, Arc<AtomicBool>)> {
    let back = Arc::new(AtomicBool::new(false));
    let eyes = |clock: &Arc<AtomicU64>| -> Option<Arc<dyn Extractor>> {
        Some(Arc::new(Eyes { clock: clock.clone(), back: back.clone() }))
    };
    let court = court_with(eyes).await?;
    Some((court, back))
}

fn with_photograph(seed: usize) -> Intake {
    let probe = Submission { image: Some(PIXELS.to_vec()), template: None, model: None, ..submission(seed) };
    Intake { probe, ..intake(seed) }
}

async fn accounts(court: &Court) -> Vec<Account> {
    let auditor = court.who("a.feld").await;
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
    entries.into_iter().filter_map(|e| e.account).collect()
}

/// The requests whose probes the host destroyed because they were never opened, each with an entry before it.
async fn swept(court: &Court) -> Vec<String> {
    let accounts = accounts(court).await;
    let purged =
        accounts.iter().filter(|a| matches!(&a.event, Event::Purged { record, .. } if record.subject == PROBE));
    let of = |account: &Account| {
        let intent = accounts.iter().find(|a| Some(&a.id) == account.of.as_ref()).unwrap();
        let act = matches!(&intent.event, Event::Host { act, .. } if act == "destroy-orphan-probe");
        assert!(act && intent.id < account.id && intent.request == account.request, "{intent:?}");
        account.request.clone().unwrap()
    };
    purged.map(of).collect()
}

/// Whether a probe is sealed for each of these requests, and which openings are marked.
async fn left(court: Court, requests: &[&str]) -> (Court, Vec<bool>, Vec<String>) {
    let (mut sealed, mut marked) = (Vec::new(), Vec::new());
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            for request in requests {
                sealed.push(rows.open_sealed(PROBE, request).await.unwrap().is_some());
            }
            marked.extend(rows.standings(MARK).await.unwrap().into_iter().map(|row| row.id));
        })
        .await;
    (court, sealed, marked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_that_cannot_be_enrolled_is_named() {
    let Some((court, _)) = court_that_sees().await else { return };
    let mut seen = batch(100..102);
    seen.records[1].image = Some(PIXELS.to_vec());
    seen.records[1].template = None;
    let failed = court.casework.enroll(&court.who("r.tanaka").await, JURISDICTION, GALLERY, seen).await;
    match failed {
        Err(e @ CaseError::PhotographOf { .. }) => {
            let told = e.to_string();
            assert!(told.contains(&record(101)) && told.contains("shows no face"), "{told}");
        }
        other => panic!("{:?}", other.map(|done| done.records)),
    }
    let hall = court.casework.chamber(JURISDICTION).unwrap().hall(GALLERY).unwrap();
    assert_eq!(hall.len(), RECORDS, "all of a batch or none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_fails_leaves_no_photograph() {
    let Some((court, back)) = court_that_sees().await else { return };
    let actor = court.who(FIRST).await;
    let opened = court.casework.open_request(&actor, JURISDICTION, with_photograph(1)).await.unwrap();
    let opened = opened.request.request.id;
    assert!(swept(&court).await.is_empty());

    back.store(true, Ordering::Release);
    let failed = court.casework.open_request(&actor, JURISDICTION, with_photograph(2)).await.map(drop);
    assert!(matches!(failed, Err(CaseError::Clock(_))), "{failed:?}");
    back.store(false, Ordering::Release);
    court.clock.fetch_add(HOUR_MS, Ordering::AcqRel);
    let swept = swept(&court).await;
    let [broken_off] = swept.as_slice() else { panic!("one photograph is destroyed: {swept:?}") };
    let unknown = court.casework.request(JURISDICTION, broken_off).await.map(drop);
    assert!(matches!(unknown, Err(CaseError::Unknown { .. })));

    let (court, sealed, marked) = left(court, &[&opened, broken_off]).await;
    assert_eq!((sealed.as_slice(), marked.len()), (&[true, false][..], 0), "what was opened has its photograph");
    assert_eq!(self::swept(&court).await.len(), 1, "and a start finds nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_destroys_the_photographs_of_requests_that_were_never_opened() {
    let Some(court) = court().await else { return };
    let (opened, _) = court.searched(1, 3).await;
    let (crashed, early, others) = ("crashed-after-sealing", "crashed-before-sealing", "under-way-on-another-host");
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            let mark = |id: &str, log: &str| {
                let body = json!({ "log": log });
                store::Kept::Stands(store::StandingRow { kind: MARK.to_owned(), id: id.to_owned(), body })
            };
            let marks = [mark(&opened, LOG), mark(crashed, LOG), mark(early, LOG), mark(others, "elsewhere/detroit")];
            rows.keep(&marks).await.unwrap();
            for id in [opened.as_str(), crashed, others] {
                rows.seal(PROBE, id, PIXELS).await.unwrap();
            }
        })
        .await;
    assert_eq!(swept(&court).await, [crashed]);
    assert!(court.casework.impediments().await.is_empty());
    let (court, sealed, marked) = left(court, &[&opened, crashed, others]).await;
    assert_eq!(sealed, [true, false, true], "a request that is there keeps its probe");
    assert_eq!(marked, [others]);
    assert_eq!(swept(&court).await, [crashed], "once");
}

/// How releases are marked until they are concluded.
const RELEASING: &str = "releasing";

/// Draws papers up, and sets the clock an hour back when it has, if it is told so: then nothing can be concluded.
struct Late {
    desk: Arc<Desk>,
    clock: Arc<AtomicU64>,
    back: Arc<AtomicBool>,
}

impl Draughting for Late {
    fn draw_up(&self, paper: &Paper) -> Result<Drawn, String> {
        if self.back.load(Ordering::Acquire) {
            self.clock.fetch_sub(HOUR_MS, Ordering::AcqRel);
        }
        self.desk.draw_up(paper)
    }

    fn set_out(&self, sheet: &Sheet) -> Result<SetOut, String> {
        self.desk.set_out(sheet)
    }
}

/// What the host did about documents that were never released, in order.
async fn discarded(court: &Court) -> Vec<(String, Option<String>)> {
    let about = |account: Account| match account.event {
        Event::Host { act, .. } if act.contains("unreleased-documents") => Some((act, account.request)),
        _ => None,
    };
    accounts(court).await.into_iter().filter_map(about).collect()
}

/// Whether these documents are sealed, in both forms, and which releases are marked.
async fn papers(court: Court, documents: &[(&str, &str)]) -> (Court, Vec<bool>, Vec<String>) {
    let (mut sealed, mut marked) = (Vec::new(), Vec::new());
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            for (request, document) in documents {
                for form in [Form::Html, Form::Pdf] {
                    let id = sealed_id(request, document, form);
                    sealed.push(rows.open_sealed(DOCUMENT, &id).await.unwrap().is_some());
                }
            }
            marked.extend(rows.standings(RELEASING).await.unwrap().into_iter().map(|row| row.id));
        })
        .await;
    (court, sealed, marked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fails_leaves_no_documents() {
    let Some(mut court) = court().await else { return };
    let back = Arc::new(AtomicBool::new(true));
    let late = Late { desk: court.drawn.clone(), clock: court.clock.clone(), back: back.clone() };
    court.casework = court.casework.with_draughting(Arc::new(late));
    let (request, records) = court.signed(1).await;
    let now = court.clock.load(Ordering::Acquire);
    let failed = court.release(FIRST, &request, outgoing(&records[..1])).await.map(drop);
    assert!(matches!(failed, Err(CaseError::Clock(_))), "{failed:?}");
    back.store(false, Ordering::Release);
    court.clock.store(now, Ordering::Release);
    let about = |act: &str| (act.to_owned(), Some(request.clone()));
    let both = [about("destroy-unreleased-documents"), about("unreleased-documents-destroyed")];
    assert_eq!(discarded(&court).await, both, "on record before it is done");

    let released = court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    let drawn: Vec<(&str, &str)> = released.documents.iter().map(|d| (request.as_str(), d.id.as_str())).collect();
    assert!(!drawn.is_empty());
    court.hand_over(FIRST, &request).await.expect("the release that was concluded has its documents");
    let (court, sealed, marked) = papers(court, &drawn).await;
    assert!(sealed.iter().all(|sealed| *sealed) && marked.is_empty(), "{sealed:?} {marked:?}");
    assert_eq!(discarded(&court).await, both, "and a start finds nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_destroys_the_documents_of_releases_that_broke_off() {
    let Some(court) = court().await else { return };
    let (released, records) = court.signed(1).await;
    let done = court.release(FIRST, &released, outgoing(&records[..1])).await.unwrap();
    let document = done.documents.first().unwrap().id.clone();
    let (broken_off, _) = court.signed(2).await;
    let (early, others) = ("before-sealing", "under-way-on-another-host");
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            let mark = |id: &str, log: &str| {
                let body = json!({ "log": log, "documents": [&document] });
                store::Kept::Stands(store::StandingRow { kind: RELEASING.to_owned(), id: id.to_owned(), body })
            };
            // Of this program, and of an older one, which had one mark for all releases of a request.
            let body = json!({ "log": LOG, "request": &broken_off, "documents": [&document] });
            let id = format!("{broken_off}/an-intent");
            let own = store::Kept::Stands(store::StandingRow { kind: RELEASING.to_owned(), id, body });
            let marks = [mark(&released, LOG), own, mark(early, LOG), mark(others, "elsewhere/x")];
            rows.keep(&marks).await.unwrap();
            for request in [broken_off.as_str(), others] {
                for form in [Form::Html, Form::Pdf] {
                    rows.seal(DOCUMENT, &sealed_id(request, &document, form), b"a paper").await.unwrap();
                }
            }
        })
        .await;
    assert!(court.casework.impediments().await.is_empty());
    let expected = [&document; 3].map(String::as_str);
    let asked = [released.as_str(), broken_off.as_str(), others];
    let asked: Vec<(&str, &str)> = asked.into_iter().zip(expected).collect();
    let (court, sealed, marked) = papers(court, &asked).await;
    assert_eq!(sealed, [true, true, false, false, true, true], "what was released stays");
    assert_eq!(marked, [others]);
    let acts: Vec<_> = discarded(&court).await.into_iter().map(|(_, request)| request).collect();
    assert_eq!(acts, [Some(broken_off.clone()), Some(broken_off.clone())], "once");
    court.hand_over(FIRST, &released).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_leaves_the_marks_of_other_releases_of_its_request_alone() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(1).await;
    let earlier = [request.clone(), format!("{request}/another-intent")];
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            for id in &earlier {
                let body = json!({ "log": "elsewhere/x", "request": &request, "documents": ["a-paper"] });
                let mark = store::StandingRow { kind: RELEASING.to_owned(), id: id.clone(), body };
                rows.keep(&[store::Kept::Stands(mark)]).await.unwrap();
            }
        })
        .await;
    let released = court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    assert!(!released.documents.is_empty());
    let (_court, _, marked) = papers(court, &[]).await;
    assert_eq!(marked, earlier, "its own mark is gone, and no other");
}
