//! Steps that are permitted and wait: on record with what they impose, and without effect until others have approved or
//! acknowledged.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, answers, court, demanding, intake, misstep, outgoing,
    record, said, signing, text,
};
use crate::people::moves;
use casework::access::Change;
use casework::acknowledgement::Acknowledgement;
use casework::awaited::Waits;
use casework::intake::Intake;
use casework::life::State;
use casework::obligations::{Owed, Standing};
use casework::search_step::Plan;
use casework::sign_off::SignOff;
use casework::waiver::Asking;
use casework::worklist::Wanted;
use casework::{CaseError, Misstep, PolicyState};
use magistrate_casework as casework;
use model::account::{Account, Event};
use model::facts::{AccessChange, Conclusion, Likeness};
use model::registry::Registry;
use model::rulings::{Duty, SignOffRule};
use model::terms::{Digest, Instant, Phase, Value};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The commanding officer, and their role.
const COMMANDER: &str = "c.hargrove";
const COMMANDER_ROLE: &str = "ciu-commander";

/// The outside investigator, whose own acknowledgement the directive wants.
const OUTSIDER: &str = "o.mercer";

const STATEMENT: &str = "investigative-lead";

/// A request about a crime that the directive does not name itself: a supervisor has to confirm the classification.
fn tabled(seed: usize) -> Intake {
    let mut intake = intake(seed);
    intake.answers.insert("crime".to_owned(), text("carjacking"));
    intake
}

fn approval() -> SignOff {
    signing("ciu-supervisor", Conclusion::Approved)
}

fn three() -> Plan {
    Plan { candidates: Some(3), ..Plan::default() }
}

/// What a step waits for, if it does.
fn waiting<T>(taken: Result<T, CaseError>) -> Waits {
    match taken {
        Ok(_) => panic!("the step was taken"),
        Err(CaseError::Waits(waits)) => *waits,
        Err(e) => panic!("it does not wait: {e:?}"),
    }
}

/// Whether a step waits for one thing, under this clause; its request.
fn waits_under(waits: &Waits, clause: &str) -> String {
    let clauses: Vec<_> = waits.awaited.iter().map(|awaited| &*awaited.clause).collect();
    assert_eq!(clauses, [clause]);
    assert!(waits.receipt.is_some(), "on record");
    waits.request.clone().unwrap()
}

impl Court {
    /// Searches for a request on record; gives the records of its list.
    async fn search(&self, who: &str, request: &str, plan: Plan) -> Result<Vec<String>, CaseError> {
        let open = self.casework.request(JURISDICTION, request).await.unwrap();
        let searched = self.casework.search(&self.who(who).await, &open, plan).await?;
        Ok(searched.candidates.into_iter().map(|c| c.record_id).collect())
    }

    /// Opens a request that waits, and asks for its search in the same step.
    async fn opened_waiting(&self, intake: Intake) -> Waits {
        waiting(self.casework.search_now(&self.who(FIRST).await, JURISDICTION, intake, three()).await)
    }

    /// Nothing was searched, nobody has seen anything, and whoever looks reads that it waits.
    async fn stands_open(&self, request: &str, next: &str) {
        let seen = self.seen(request).await;
        assert_eq!((seen.state, seen.searched, seen.listed), (State::Open, None, None));
        assert!(seen.opened_by.is_empty());
        assert_eq!((seen.next, seen.waits_for.len()), (next, 1));
        assert_eq!(self.on_record(request, "searched").await, 0);
        assert!(matches!(misstep(self.look(FIRST, request).await), Misstep::NotListed { .. }));
        let listed = self.casework.worklist(&self.who(FIRST).await, JURISDICTION, &Wanted::default()).await.unwrap();
        assert_eq!(listed.requests.iter().find(|l| l.id == request).unwrap().next, next);
    }

    /// How many searches the policy was told of when it decided on each search of a request: by its examiner in the last
    /// hour, and of the request.
    async fn searches_told(&self, request: &str) -> Vec<(u32, u32)> {
        let auditor = self.who("a.feld").await;
        let entries = self.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
        let accounts = entries.into_iter().filter_map(|e| e.account).filter(|a| a.request.as_deref() == Some(request));
        let told = |event: Event| match event {
            Event::Decision { matters, rulings } if rulings.phase == Phase::Search => {
                let history = &matters.first().unwrap().history;
                Some((history.searches_by_person_last_hour, history.searches_of_request))
            }
            _ => None,
        };
        accounts.filter_map(|a| told(a.event)).collect()
    }

    /// The text of a statement of the charter.
    fn statement(&self, id: &str) -> String {
        match &*self.casework.chamber(JURISDICTION).unwrap().policy() {
            PolicyState::Ready(policy) => policy.charter().statements.iter().find(|s| s.id == id).unwrap().text.clone(),
            PolicyState::Absent(reason) => panic!("{reason}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_has_to_be_approved_stands_open_and_its_search_waits() {
    let Some(court) = court().await else { return };
    let waits = court.opened_waiting(tabled(3)).await;
    let request = waits_under(&waits, "2.7");
    assert!(
        matches!(&waits.awaited[0].duty, Duty::Approve(rule) if rule.role == "ciu-supervisor" && rule.persons == 1)
    );
    let ruled: Vec<_> = waits.rulings.iter().map(|r| r.phase).collect();
    assert_eq!(ruled, [Phase::Request, Phase::Search]);
    court.stands_open(&request, "waits for approval").await;
    waits_under(&waiting(court.search(SECOND, &request, three()).await), "2.7");
    assert_eq!(court.on_record(&request, "waits").await, 2, "each time");

    let theirs = court.sign(FIRST, &request, approval()).await;
    assert!(matches!(misstep(theirs), Misstep::NotTheirRole { .. }));
    let refused = court.sign(ASKER, &request, approval()).await;
    assert!(matches!(misstep(refused), Misstep::NotTheirRole { .. }));
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    assert!(matches!(misstep(court.sign(SUPERVISOR, &request, approval()).await), Misstep::SignedAlready { .. }));
    let seen = court.seen(&request).await;
    assert_eq!((seen.next, seen.waits_for.len()), (State::Open.next(), 0));

    let records = court.search(FIRST, &request, three()).await.unwrap();
    assert_eq!(records[0], record(3));
    assert_eq!(court.searches_told(&request).await, [(0, 0); 4], "a search that waits has not run");
    let likeness = |i: usize| if i == 0 { Likeness::Possible } else { Likeness::Excluded };
    let all = records.iter().enumerate().map(|(i, record)| said(record, likeness(i))).collect();
    court.dispose(FIRST, &request, all).await.unwrap();
    court.look(SECOND, &request).await.unwrap();
    for examiner in [FIRST, SECOND] {
        court.sign(examiner, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    }
    court.sign(SUPERVISOR, &request, approval()).await.expect("of the result, this time");
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    assert_eq!(court.on_record(&request, "searched").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_steps_apart_wait_alike() {
    let Some(court) = court().await else { return };
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, tabled(4)).await.unwrap();
    assert_eq!(opened.awaited.len(), 1, "the request is open, and says what its search waits for");
    let request = opened.request.request.id;
    court.stands_open(&request, "waits for approval").await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();

    let plain = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(4)).await.unwrap();
    assert!(plain.awaited.is_empty());
    court.search(FIRST, &plain.request.request.id, three()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_search_demands_holds_back_the_search_however_it_is_asked_for_again() {
    let Some(court) = court().await else { return };
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(5)).await.unwrap();
    assert!(opened.awaited.is_empty());
    let request = opened.request.request.id;
    // The examiner knows the crime better than the requester said.
    let plan = || Plan { answers: answers([("crime", text("carjacking"))]), ..three() };
    waits_under(&waiting(court.search(FIRST, &request, plan()).await), "2.7");
    court.stands_open(&request, "waits for approval").await;
    // Not saying it again does not undo the demand.
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    assert_eq!(court.search(FIRST, &request, plan()).await.unwrap()[0], record(5));
    assert_eq!(court.search(FIRST, &request, plan()).await.unwrap()[0], record(5), "given once, it stays given");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_stands_is_worked_on_until_something_is_demanded() {
    let Some(court) = court().await else { return };
    let (request, records) = court.disposed(6).await;
    let plan = Plan { answers: answers([("crime", text("carjacking"))]), ..three() };
    waits_under(&waiting(court.search(FIRST, &request, plan).await), "2.7");
    let seen = court.seen(&request).await;
    assert_eq!((seen.state, seen.opened_by.len()), (State::Disposed, 1), "the list that was shown stands");
    // What is demanded holds back every step that follows.
    waits_under(&waiting(court.look(SECOND, &request).await), "2.7");
    assert_eq!(court.seen(&request).await.opened_by.len(), 1, "who was shown nothing has opened nothing");
    waits_under(&waiting(court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Excluded)]).await), "2.7");
    waits_under(&waiting(court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await), "2.7");
    assert!(court.seen(&request).await.signatures.is_empty());
    for (what, before) in [("disposed", 1), ("signed", 0)] {
        assert_eq!(court.on_record(&request, what).await, before, "{what}");
    }
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    court.look(SECOND, &request).await.unwrap();
    court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Excluded)]).await.unwrap();
}

/// How decisions on steps that wait are marked until that is on record.
const MARK: &str = "postponed";

async fn marked(court: Court) -> (Court, Vec<String>) {
    let mut marked = Vec::new();
    let court = court
        .reopen_on(async |rows: &store::Jurisdiction| {
            marked.extend(rows.standings(MARK).await.unwrap().into_iter().map(|row| row.id));
        })
        .await;
    (court, marked)
}

/// What a crash leaves of a step that waits: its decision, and the mark that was kept with it. What was recorded of it says
/// something else.
async fn broken_off(court: Court, waits: &Account, mark: serde_json::Value) -> Court {
    let event = Event::Host { act: "nothing".to_owned(), details: BTreeMap::new() };
    let plain = serde_json::to_vec(&Account { event, ..waits.clone() }).unwrap();
    let account = store::AccountRow { id: waits.id.clone(), salt: [1; 32], plain };
    let row = store::StandingRow { kind: MARK.to_owned(), id: waits.of.clone().unwrap(), body: mark };
    court
        .reopen_on(async |rows: &store::Jurisdiction| {
            rows.destroy_accounts(std::slice::from_ref(&account.id)).await.unwrap();
            rows.keep(&[store::Kept::Account(account), store::Kept::Stands(row)]).await.unwrap();
        })
        .await
}

/// What was recorded last that a step waits.
async fn last_waits(court: &Court) -> Account {
    let auditor = court.who("a.feld").await;
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, 1000).await.unwrap();
    let mut accounts = entries.into_iter().rev().filter_map(|e| e.account);
    accounts.find(|a| matches!(a.event, Event::Waits { .. })).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waited_when_the_host_stopped_is_said_to_wait_at_the_start() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(6, 3).await;
    let plan = Plan { answers: answers([("crime", text("carjacking"))]), ..three() };
    waits_under(&waiting(court.search(FIRST, &request, plan).await), "2.7");
    let waits = waiting(court.look(SECOND, &request).await);
    let recorded = last_waits(&court).await;
    let (court, left) = marked(court).await;
    assert!(left.is_empty(), "what is on record is not marked: {left:?}");
    assert_eq!(court.on_record(&request, "waits").await, 2);

    let mark = |log: &str| serde_json::json!({ "log": log, "concerned": [JURISDICTION], "awaited": &waits.awaited });
    // Of a step of another host nothing is said here.
    let court = broken_off(court, &recorded, mark("elsewhere/detroit")).await;
    assert_eq!(court.on_record(&request, "waits").await, 1);
    assert_eq!(court.seen(&request).await.opened_by.len(), 2, "as far as anybody knows, it was shown");

    let court = broken_off(court, &recorded, mark("test/detroit")).await;
    assert!(court.casework.impediments().await.is_empty());
    assert_eq!(court.on_record(&request, "waits").await, 2);
    let seen = court.seen(&request).await;
    assert_eq!((seen.state, seen.opened_by.len()), (State::Listed, 1), "who was shown nothing has opened nothing");
    let said = last_waits(&court).await;
    assert!(matches!(&said.event, Event::Waits { awaited } if *awaited == waits.awaited), "{said:?}");
    assert_eq!((said.of.as_ref(), said.who.person.as_str()), (recorded.of.as_ref(), SECOND));

    let (court, left) = marked(court).await;
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(court.on_record(&request, "waits").await, 2, "once");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    court.look(SECOND, &request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_for_nobody_and_is_the_end_of_it() {
    let Some(court) = court().await else { return };
    let request = waits_under(&court.opened_waiting(tabled(7)).await, "2.7");
    let reason = "the vehicle was not taken by force";
    let refusal = SignOff {
        role: "ciu-supervisor".to_owned(),
        conclusion: Conclusion::Refused,
        reason: reason.to_owned(),
        answers: answers([("refusal-reason", text(reason))]),
    };
    court.sign(SUPERVISOR, &request, refusal).await.unwrap();
    let refused = court.search(FIRST, &request, three()).await;
    assert!(matches!(refused, Err(CaseError::Refused { .. })));
    assert_eq!(court.on_record(&request, "searched").await, 0);
}

/// The obligation that a decision leaves which demands the approval of so many with this role now.
pub fn demanded(court: &Court, request: &str, role: &str, persons: u32) -> store::Kept {
    let rule = SignOffRule {
        role: role.to_owned(),
        persons,
        units: vec![],
        distinct_from_requester: true,
        all_involved: false,
        blind: false,
        leads_only: false,
    };
    imposed(court, JURISDICTION, request, Duty::Approve(rule))
}

/// The obligation that a decision of this jurisdiction's policy leaves now.
fn imposed(court: &Court, jurisdiction: &str, request: &str, duty: Duty) -> store::Kept {
    let owed = Owed {
        id: format!("0123456789abcdef-{jurisdiction}"),
        jurisdiction: jurisdiction.to_owned(),
        clause: "9".into(),
        duty,
        request: Some(request.to_owned()),
        about: None,
        owner: "whoever has to".to_owned(),
        since: Instant(court.clock.load(Ordering::Acquire)),
        due: None,
        standing: Standing::Open,
        tries: 0,
        reach: Default::default(),
        wake: None,
    };
    let (request, body) = (owed.request.clone(), serde_json::to_vec(&owed).unwrap());
    let row = store::ObligationRow { request: request.clone(), id: owed.id, open: true, wake: None, body };
    store::Kept::Imposed(store::Imposition { decision: format!("d-{jurisdiction}"), request, rows: vec![row] })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_demanded_after_the_release_can_be_approved_then() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(11).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    let commander = || signing(COMMANDER_ROLE, Conclusion::Approved);
    let released = |taken| matches!(misstep(taken), Misstep::Released { .. });
    assert!(released(court.sign(COMMANDER, &request, commander()).await), "nobody asked for it");
    court.clock.fetch_add(1000, Ordering::AcqRel);
    let kept = demanded(&court, &request, COMMANDER_ROLE, 1);
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;

    waits_under(&waiting(court.hand_over(FIRST, &request).await), "9");
    waits_under(&waiting(court.outcome(FIRST, &request).await), "9");
    assert_eq!(court.seen(&request).await.next, "waits for approval");
    assert!(released(court.sign(SUPERVISOR, &request, approval()).await), "another role's");
    assert!(released(court.sign(COMMANDER, &request, signing(COMMANDER_ROLE, Conclusion::Lead)).await), "no approval");
    let theirs = court.sign(FIRST, &request, commander()).await;
    assert!(matches!(misstep(theirs), Misstep::NotTheirRole { .. }));
    let unsaid = court.sign(COMMANDER, &request, signing(COMMANDER_ROLE, Conclusion::Refused)).await;
    assert!(matches!(misstep(unsaid), Misstep::RefusedWithoutReason { .. }));
    court.sign(COMMANDER, &request, commander()).await.unwrap();
    assert!(released(court.sign(COMMANDER, &request, commander()).await), "it is given");
    court.hand_over(FIRST, &request).await.unwrap();
    court.outcome(FIRST, &request).await.unwrap();
    assert_eq!(court.seen(&request).await.state, State::Concluded);
}

/// What the Local Agency Security Officer decides of somebody's access.
pub async fn access(court: &Court, person: &str, change: AccessChange, roles: &[&str]) {
    let answers = answers([
        ("need-to-know", text("supervises those who compare faces")),
        ("credential-personal", Value::Flag(true)),
    ]);
    let roles = roles.iter().map(|role| (*role).into()).collect();
    let change = Change { change, roles, reason: "as the test says".to_owned(), answers };
    court.casework.change_access(&court.who("l.ortega").await, JURISDICTION, person, change).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_counts_while_whoever_gave_it_holds_the_role() {
    let Some(court) = court().await else { return };
    let request = waits_under(&court.opened_waiting(tabled(2)).await, "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    assert_eq!(court.seen(&request).await.waits_for.len(), 0);
    access(&court, SUPERVISOR, AccessChange::Suspend, &[]).await;
    court.stands_open(&request, "waits for approval").await;
    assert!(court.seen(&request).await.obligations.iter().any(|o| &*o.clause == "2.7" && o.is_open()));
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    // Somebody who holds the role approves, though the demand was met before.
    access(&court, SECOND, AccessChange::Grant, &["ciu-supervisor"]).await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    court.sign(SECOND, &request, approval()).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();

    access(&court, SUPERVISOR, AccessChange::Reinstate, &[]).await;
    let request = waits_under(&court.opened_waiting(tabled(3)).await, "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    access(&court, SUPERVISOR, AccessChange::Withdraw, &["ciu-supervisor"]).await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    access(&court, SUPERVISOR, AccessChange::Reinstate, &["ciu-supervisor"]).await;
    moves(&court, SUPERVISOR, "patrol").await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    moves(&court, SUPERVISOR, "ciu").await;
    court.search(FIRST, &request, three()).await.expect("who is back need not approve again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_counts_no_more_is_listed_among_what_is_to_be_met() {
    let Some(court) = court().await else { return };
    let request = waits_under(&court.opened_waiting(tabled(2)).await, "2.7");
    let listed = async |who: &str| {
        let shown = court.casework.obligations_for(&court.who(who).await, JURISDICTION).await.unwrap();
        let of_it = |o: &&Owed| o.request.as_deref() == Some(request.as_str()) && matches!(o.duty, Duty::Approve(_));
        assert!(shown.iter().all(Owed::is_open));
        shown.iter().filter(of_it).count()
    };
    assert_eq!(listed(FIRST).await, 1);
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    assert_eq!((listed(FIRST).await, listed(ASKER).await), (0, 0));
    access(&court, SUPERVISOR, AccessChange::Suspend, &[]).await;
    assert_eq!((listed(FIRST).await, listed(ASKER).await), (1, 1), "once, and to whoever asked");
    access(&court, SECOND, AccessChange::Grant, &["ciu-supervisor"]).await;
    court.sign(SECOND, &request, approval()).await.unwrap();
    assert_eq!(listed(FIRST).await, 0, "another one counts");
    access(&court, SECOND, AccessChange::Withdraw, &["ciu-supervisor"]).await;
    assert_eq!(listed(FIRST).await, 1, "nor does a role that is lost");
    access(&court, SUPERVISOR, AccessChange::Reinstate, &[]).await;
    assert_eq!(listed(FIRST).await, 0, "it counts again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_counts_no_more_is_not_met_for_whoever_wants_it_waived() {
    let Some(court) = court().await else { return };
    let request = waits_under(&court.opened_waiting(tabled(2)).await, "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    let owed = court.seen(&request).await.obligations.into_iter().find(|o| &*o.clause == "2.7").unwrap();
    let waived = async || {
        let asking = Asking { reason: "nobody holds the role".to_owned(), answers: BTreeMap::new() };
        court.casework.waive(&court.who(FIRST).await, JURISDICTION, &owed.id, asking).await
    };
    assert!(matches!(misstep(waived().await), Misstep::MetAlready { .. }));
    access(&court, SUPERVISOR, AccessChange::Suspend, &[]).await;
    assert!(matches!(waived().await, Err(CaseError::Refused { .. })), "it is for the policy to say");
    access(&court, SUPERVISOR, AccessChange::Reinstate, &[]).await;
    assert!(matches!(misstep(waived().await), Misstep::MetAlready { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_have_to_approve_both_still_hold_the_role() {
    let Some(court) = court().await else { return };
    access(&court, SECOND, AccessChange::Grant, &["ciu-supervisor"]).await;
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(4)).await.unwrap();
    let request = opened.request.request.id;
    let kept = demanded(&court, &request, "ciu-supervisor", 2);
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "9");
    access(&court, SUPERVISOR, AccessChange::Suspend, &[]).await;
    court.sign(SECOND, &request, approval()).await.unwrap();
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "9");
    access(&court, SUPERVISOR, AccessChange::Reinstate, &[]).await;
    court.search(FIRST, &request, three()).await.unwrap();
    access(&court, SECOND, AccessChange::Suspend, &[]).await;
    waits_under(&waiting(court.look(FIRST, &request).await), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_of_the_jurisdiction_whose_words_were_acknowledged() {
    let Some(court) = court().await else { return };
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(5)).await.unwrap();
    let request = opened.request.request.id;
    let acknowledge = async |court: &Court, digest: Digest| {
        let given = Acknowledgement { statement: STATEMENT.to_owned(), text: None, digest: Some(digest) };
        court.casework.acknowledge(&court.who(ASKER).await, JURISDICTION, &request, given).await
    };
    let words = Digest::of(court.statement(STATEMENT).as_bytes());
    let kept = imposed(&court, JURISDICTION, &request, Duty::Acknowledge(STATEMENT.to_owned()));
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "9");
    let altered = misstep(acknowledge(&court, Digest::of(b"other words")).await);
    let by: Vec<_> = altered.demanded().iter().map(ToString::to_string).collect();
    assert_eq!(by, [format!("{JURISDICTION} 9")], "{altered}");
    acknowledge(&court, words).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();

    // Another jurisdiction's statement of the same id is another statement.
    let kept = imposed(&court, "elsewhere", &request, Duty::Acknowledge(STATEMENT.to_owned()));
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;
    let waits = waiting(court.look(SECOND, &request).await);
    assert_eq!(waits.awaited.iter().map(|a| a.jurisdiction.as_str()).collect::<Vec<_>>(), ["elsewhere"]);
    assert!(matches!(misstep(acknowledge(&court, words).await), Misstep::UnknownStatement { .. }));
}

/// An obligation that is met, though nobody said what it demands in the words that stand: of an acknowledgement of other words
/// nothing else is left.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_of_other_words_counts_for_nothing() {
    let Some(court) = court().await else { return };
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(6)).await.unwrap();
    let request = opened.request.request.id;
    let store::Kept::Imposed(mut imposition) =
        imposed(&court, JURISDICTION, &request, Duty::Acknowledge(STATEMENT.to_owned()))
    else {
        panic!("it is imposed")
    };
    let row = &mut imposition.rows[0];
    let mut owed: Owed = serde_json::from_slice(&row.body).unwrap();
    owed.standing = Standing::Met { by: format!("{JURISDICTION}/{ASKER}"), at: owed.since };
    (row.open, row.body) = (false, serde_json::to_vec(&owed).unwrap());
    let kept = store::Kept::Settled { row: row.clone(), was: None };
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "9");
    let given =
        Acknowledgement { statement: STATEMENT.to_owned(), text: Some(court.statement(STATEMENT)), digest: None };
    court.casework.acknowledge(&court.who(ASKER).await, JURISDICTION, &request, given).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();
}

/// Whoever asked does not approve, even as a supervisor of the unit.
#[tokio::test(flavor = "multi_thread")]
async fn the_requester_does_not_approve_of_their_own_request() {
    let Some(court) = court().await else { return };
    let promoted = |registry: &mut Registry| {
        let asker = registry.people.iter_mut().find(|p| p.id == ASKER).unwrap();
        (asker.unit, asker.roles) = ("ciu".to_owned(), vec!["ciu-supervisor".into()]);
    };
    let court = court.reopen(promoted).await;
    let request = waits_under(&court.opened_waiting(tabled(8)).await, "2.7");
    assert!(court.sign(ASKER, &request, approval()).await.is_err());
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "2.7");
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_waits_for_the_requesters_own_acknowledgement() {
    let Some(court) = court().await else { return };
    let reinstated = |registry: &mut Registry| {
        registry.agencies.iter_mut().for_each(|agency| agency.suspended_since = None);
    };
    let court = court.reopen(reinstated).await;
    let mut intake = intake(9);
    intake.requester = Some(OUTSIDER.to_owned());
    intake.answers.extend(answers([
        ("requester-address", text("1200 N Telegraph Road, Pontiac")),
        ("requester-phone", text("+1 248 555 0100")),
        ("statement-acknowledged", Value::Flag(true)),
    ]));
    let waits = court.opened_waiting(intake).await;
    let request = waits_under(&waits, "5.5-b4");
    assert_eq!(waits.awaited[0].duty, Duty::Acknowledge(STATEMENT.to_owned()));
    court.stands_open(&request, "waits for an acknowledgement").await;

    let verbatim = court.statement(STATEMENT);
    let acknowledge = async |who: &str, text: &str| {
        let (statement, text) = (STATEMENT.to_owned(), Some(text.to_owned()));
        let given = Acknowledgement { statement, text, digest: None };
        court.casework.acknowledge(&court.who(who).await, JURISDICTION, &request, given).await
    };
    let requester = Some(format!("{JURISDICTION}/{OUTSIDER}"));
    assert_eq!(misstep(acknowledge(FIRST, &verbatim).await), Misstep::NotTheRequester { requester });
    let unseen = misstep(acknowledge(ASKER, &verbatim).await);
    assert_eq!(unseen, Misstep::NotTheRequester { requester: None }, "who does not see it is not told whose it is");
    assert!(unseen.to_string().contains("have them do it"), "{unseen}");
    let altered = misstep(acknowledge(OUTSIDER, &verbatim.replace("IS NOT", "IS")).await);
    assert!(matches!(altered, Misstep::AlteredStatement { digest, .. } if digest == Digest::of(verbatim.as_bytes())));
    // The supervisor's approval is not what it waits for.
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    waits_under(&waiting(court.search(FIRST, &request, three()).await), "5.5-b4");
    acknowledge(OUTSIDER, &verbatim).await.unwrap();
    let again = misstep(acknowledge(OUTSIDER, &verbatim).await);
    assert!(matches!(again, Misstep::NothingOwed { .. }), "{again}");
    assert_eq!(demanding(&again), ["5.5-b4"], "it is given");
    assert_eq!(court.search(FIRST, &request, three()).await.unwrap()[0], record(9));
}

/// Whatever is tried, in whatever order and by whomever: without the approval nothing is searched, shown or said.
#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_steps_gets_past_an_approval_that_is_demanded() {
    const STEPS: usize = 40;
    let Some(court) = court().await else { return };
    let request = waits_under(&court.opened_waiting(tabled(10)).await, "2.7");
    let mut dice = StdRng::seed_from_u64(17);
    for step in 0..STEPS {
        let who = [FIRST, SECOND, SUPERVISOR, ASKER][dice.random_range(0..4)];
        let candidate = record(dice.random_range(0..crate::common::RECORDS));
        let taken = match dice.random_range(0..7) {
            0..2 => court.search(who, &request, three()).await.is_ok(),
            2 => court.look(who, &request).await.is_ok(),
            3 => court.dispose(who, &request, vec![said(&candidate, Likeness::Possible)]).await.is_ok(),
            4 => court.sign(who, &request, signing("examiner", Conclusion::Lead)).await.is_ok(),
            5 => court.release(who, &request, outgoing(&[candidate])).await.is_ok(),
            _ => court
                .casework
                .report_outcome(&court.who(who).await, JURISDICTION, &request, BTreeMap::new())
                .await
                .is_ok(),
        };
        assert!(!taken, "step {step} by {who}");
    }
    court.stands_open(&request, "waits for approval").await;
    court.sign(SUPERVISOR, &request, approval()).await.unwrap();
    court.search(FIRST, &request, three()).await.unwrap();
}
