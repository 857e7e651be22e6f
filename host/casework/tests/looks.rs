//! Who sees what of cases and records, and that attempts at more are on record.

use crate::common::{
    ASKER, Court, FIRST, GALLERY, JURISDICTION, SUPERVISOR, answers, batch, court, intake, rejected, text,
};
use casework::chamber::Registered;
use casework::intake::Intake;
use casework::retention::{AUDIT_ENTRY, Asking, Change};
use casework::worklist::Wanted;
use casework::{CaseError, Casework};
use magistrate_casework as casework;
use model::account::{Account, Event, Retained};
use model::facts::Device;
use model::registry::Principal;
use model::terms::{Instant, Value};
use std::collections::BTreeMap;

/// Somebody of another agency, whose certificate is the jurisdiction's; somebody of its own without a role; and somebody of an
/// agency that is suspended.
const OUTSIDER: &str = "k.brandt";
const PATROL: &str = "p.rivers";
const SUSPENDED: &str = "o.mercer";

const OUTSIDE_AGENCY: &str = "ice-ero";

const AUDITOR: &str = "a.feld";

/// A request of the outsider's own.
fn own(seed: usize) -> Intake {
    let mut intake = Intake { requester: None, ..intake(seed) };
    intake.answers.extend(answers([
        ("requester-address", text("333 Mt Elliott Street, Detroit")),
        ("requester-phone", text("+1 313 555 0177")),
        ("statement-acknowledged", Value::Flag(true)),
    ]));
    intake
}

impl Court {
    async fn opened_by_the_outsider(&self, seed: usize) -> String {
        let outsider = self.who(OUTSIDER).await;
        let opened = self.casework.open_request(&outsider, JURISDICTION, own(seed)).await.unwrap();
        opened.request.request.id
    }

    /// What somebody sees of the requests.
    async fn listed_for(&self, who: &str) -> Vec<String> {
        let wanted = Wanted::default();
        let listed = self.casework.worklist(&self.who(who).await, JURISDICTION, &wanted).await.unwrap();
        listed.requests.into_iter().map(|r| r.id).collect()
    }

    async fn view_as(&self, who: &str, request: &str) -> Result<casework::viewing::Seen, CaseError> {
        self.casework.view(&self.who(who).await, JURISDICTION, request).await
    }

    fn size(&self) -> u64 {
        self.casework.chamber(JURISDICTION).unwrap().log().size()
    }

    /// What was asked for, and why not, of the rejections from this entry on.
    async fn rejections(&self, first: u64) -> Vec<(String, String, String)> {
        let entries = self.casework.inspect(&self.who(AUDITOR).await, JURISDICTION, first, 1000).await.unwrap();
        let rejected = entries.into_iter().filter_map(|e| e.account).filter_map(|account| {
            let Event::Rejected { asked, reason } = account.event else { return None };
            Some((account.who.key(), asked, reason))
        });
        rejected.collect()
    }
}

impl Court {
    /// The requests that the rejections name from this entry on.
    async fn requests_rejected(&self, first: u64) -> Vec<Option<String>> {
        let entries = self.casework.inspect(&self.who(AUDITOR).await, JURISDICTION, first, 1000).await.unwrap();
        let rejected = |account: &Account| matches!(account.event, Event::Rejected { .. });
        entries.into_iter().filter_map(|e| e.account).filter(rejected).map(|account| account.request).collect()
    }
}

fn certified(jurisdiction: &str, person: &str) -> Principal {
    Principal { jurisdiction: jurisdiction.to_owned(), person: person.to_owned(), device: Device::Fixed }
}

async fn look(casework: &Casework, who: &Registered) -> Result<(), CaseError> {
    casework.record_look(who, JURISDICTION, "GET requests", BTreeMap::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_another_agency_or_without_a_role_see_the_requests_that_concern_them() {
    let Some(court) = court().await else { return };
    let theirs = court.opened_by_the_outsider(1).await;
    let (other, _) = court.disposed(2).await;
    for nobody in [OUTSIDER, PATROL] {
        let before = court.size();
        rejected(court.view_as(nobody, &other).await, "made or took part in");
        assert_eq!(court.size(), before + 1, "{nobody}: the attempt is on record");
        assert_eq!(
            court.requests_rejected(before).await,
            [Some(other.clone())],
            "{nobody}: and what they wanted to see"
        );
        // What is refused them makes them no part of it.
        assert!(matches!(court.look(nobody, &other).await, Err(CaseError::Refused { .. })), "{nobody}");
        rejected(court.view_as(nobody, &other).await, "made or took part in");
    }
    assert_eq!(court.listed_for(OUTSIDER).await, [theirs.as_str()]);
    assert!(court.listed_for(PATROL).await.is_empty());
    assert_eq!(court.view_as(OUTSIDER, &theirs).await.unwrap().request.id, theirs);
    rejected(court.view_as(PATROL, &theirs).await, "made or took part in");

    // Who asked holds no role, and the request is theirs.
    assert_eq!(court.listed_for(ASKER).await, [other.as_str()]);
    assert_eq!(court.view_as(ASKER, &other).await.unwrap().request.id, other);
    let mut all = court.listed_for(FIRST).await;
    all.sort();
    let mut both = [theirs, other];
    both.sort();
    assert_eq!(all, both, "whoever works on cases sees them");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_them_what_is_theirs_and_no_more() {
    let Some(court) = court().await else { return };
    court.opened_by_the_outsider(1).await;
    let (other, _) = court.searched(2, 3).await;
    let casework = &court.casework;
    let all = casework.obligations(JURISDICTION).await.unwrap();
    assert!(all.iter().any(|owed| owed.request.as_deref() == Some(other.as_str())), "there is something to hide");
    assert_eq!(casework.obligations_for(&court.who(FIRST).await, JURISDICTION).await.unwrap(), all);
    for nobody in [OUTSIDER, PATROL] {
        let shown = casework.obligations_for(&court.who(nobody).await, JURISDICTION).await.unwrap();
        assert!(shown.iter().all(|owed| owed.request.as_deref() != Some(other.as_str())), "{nobody}: {shown:?}");
    }
    assert!(casework.obligations_for(&court.who(PATROL).await, JURISDICTION).await.unwrap().is_empty());
    let asked = casework.obligations_for(&court.who(ASKER).await, JURISDICTION).await.unwrap();
    assert!(!asked.is_empty() && asked.iter().all(|owed| owed.request.as_deref() == Some(other.as_str())), "{asked:?}");

    let record = Retained { subject: "probe".to_owned(), gallery: None, record: other.clone() };
    let given =
        answers([("retention-reason", text("what a court asked for")), ("evidentiary-value", Value::Flag(true))]);
    let asking = Asking { change: Change::Hold, record, day: None, answers: given };
    casework.retention(&court.who(SUPERVISOR).await, JURISDICTION, asking).await.unwrap();
    let dockets = async |who: &str| casework.dockets_for(&court.who(who).await, JURISDICTION).await.unwrap();
    let held = |shown: &[casework::retention::Listed]| shown.iter().any(|l| l.docket.record.record == other);
    assert!(held(&dockets(FIRST).await) && held(&dockets(ASKER).await) && held(&dockets(SUPERVISOR).await));
    assert!(dockets(PATROL).await.is_empty());
    assert!(!held(&dockets(OUTSIDER).await));

    let agencies = async |who: &str| {
        let shown = casework.agencies_for(&court.who(who).await, JURISDICTION).await.unwrap();
        shown.into_iter().map(|seen| seen.agency.id).collect::<Vec<_>>()
    };
    assert_eq!(agencies(OUTSIDER).await, [OUTSIDE_AGENCY]);
    assert_eq!(agencies(PATROL).await, ["dpd"]);
    assert!(agencies(FIRST).await.len() > 2);
    let people = async |who: &str| {
        let shown = casework.people_for(&court.who(who).await, JURISDICTION).unwrap();
        shown.into_iter().map(|person| person.id).collect::<Vec<_>>()
    };
    for nobody in [OUTSIDER, PATROL] {
        assert_eq!(people(nobody).await, [nobody], "not even of their own agency");
    }
    let all = people(FIRST).await;
    assert!([FIRST, OUTSIDER, SUSPENDED].iter().all(|id| all.iter().any(|shown| shown == id)), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_suspended_agency_are_shown_nothing() {
    let Some(court) = court().await else { return };
    let theirs = court.opened_by_the_outsider(1).await;
    look(&court.casework, &court.who(OUTSIDER).await).await.unwrap();
    let surveyed = court.ever_on_record("surveyed").await;
    assert_eq!(surveyed, 1, "the look itself is on record");
    let before = court.size();
    rejected(look(&court.casework, &court.who(SUSPENDED).await).await, "is suspended since");
    assert_eq!(court.rejections(before).await.len(), 1);

    let court = court
        .reopen(|registry| {
            let agency = registry.agencies.iter_mut().find(|a| a.id == OUTSIDE_AGENCY).unwrap();
            agency.suspended_since = Some(Instant(1));
            let auditing = registry.people.iter_mut().find(|p| p.id == OUTSIDER).unwrap();
            auditing.roles.push("auditor".into());
        })
        .await;
    let outsider = court.who(OUTSIDER).await;
    let before = court.size();
    rejected(look(&court.casework, &outsider).await, "is suspended since");
    rejected(court.view_as(OUTSIDER, &theirs).await, "is suspended since");
    rejected(court.casework.inspect(&outsider, JURISDICTION, 0, 10).await, "is suspended since");
    rejected(court.casework.inspect_reports(&outsider, JURISDICTION).await, "is suspended since");
    assert_eq!(court.rejections(before).await.len(), 4, "each attempt is on record");
    assert_eq!(court.ever_on_record("surveyed").await, surveyed);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_act_is_on_record_where_they_asked() {
    let Some(court) = court().await else { return };
    let before = court.size();
    let casework = &court.casework;
    let strange = certified("elsewhere", "x.y");
    rejected(casework.registered_for(&strange, JURISDICTION, "DELETE the log", None).await, "does not serve");
    rejected(casework.registered_for(&strange, "nowhere", "DELETE the log", None).await, "does not serve");
    let ghost = certified(JURISDICTION, "ghost");
    rejected(
        casework.registered_for(&ghost, JURISDICTION, "GET the log", Some("no/request")).await,
        "not in the registry",
    );
    rejected(casework.registered_for(&ghost, "nowhere", "GET that log", Some("r-1")).await, "not in the registry");
    casework.reject_nobody(JURISDICTION, "GET the log", None, "the certificate names no person").await.unwrap();
    casework.reject_nobody("nowhere", "GET the log", None, "the certificate names no person").await.unwrap();
    let rejections = court.rejections(before).await;
    let on_record: Vec<_> = rejections.iter().map(|(who, asked, _)| (who.as_str(), asked.as_str())).collect();
    let expected = [
        ("elsewhere/x.y", "DELETE the log"),
        ("detroit/ghost", "GET the log"),
        ("detroit/ghost", "GET that log"),
        ("/", "GET the log"),
    ];
    assert_eq!(on_record, expected);
    let named = court.requests_rejected(before).await;
    assert_eq!(named, [None, None, Some("r-1".to_owned()), None], "what can be a request's id");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outsider_asks_of_the_log_is_on_record_however_it_is_put() {
    let Some(court) = court().await else { return };
    let mut outsider = court.who(FIRST).await;
    outsider.principal = certified("elsewhere", FIRST);
    for range in ["0-1", "5-2", "x", ""] {
        let before = court.size();
        let record = Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: range.to_owned() };
        let asking = Asking { change: Change::Purge, record, day: None, answers: BTreeMap::new() };
        rejected(court.casework.retention(&outsider, JURISDICTION, asking).await, "only people of the jurisdiction");
        assert_eq!(court.rejections(before).await.len(), 1, "`{range}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_which_ids_are_taken_leaves_a_trace() {
    let Some(court) = court().await else { return };
    let enroll = async |who: &str, seeds: std::ops::Range<usize>| {
        court.casework.enroll(&court.who(who).await, JURISDICTION, GALLERY, batch(seeds)).await
    };
    let before = court.size();
    assert!(
        matches!(enroll("r.tanaka", 3..4).await, Err(CaseError::Exists(told)) if told.contains("enrolled already"))
    );
    assert_eq!(court.size(), before + 2, "what was asked for, and that nothing came of it");
    assert_eq!(court.ever_on_record("failed").await, 1);
    for seeds in [3..4, 90..91] {
        assert!(matches!(enroll(FIRST, seeds).await, Err(CaseError::Refused { .. })), "it is not theirs to find out");
    }
    assert!(matches!(enroll("r.tanaka", 90..91).await, Ok(done) if done.records == 1), "and the gallery goes on");
}
