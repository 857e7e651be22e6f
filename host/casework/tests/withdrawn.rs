//! A signature that is taken back before the release: the same person concludes otherwise, in the same role.

use crate::common::{
    Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, answers, court, intake, misstep, outgoing, signing, text,
};
use crate::waiting::{access, demanded};
use casework::search_step::Plan;
use casework::sign_off::SignOff;
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::facts::{AccessChange, Conclusion};
use model::rulings::Duty;

const ROLE: &str = "ciu-supervisor";

/// A refusal that says why, for the host and on the policy's form.
fn refusing(role: &str) -> SignOff {
    SignOff {
        reason: "the scar is on the other cheek".to_owned(),
        answers: answers([("refusal-reason", text("the scar is on the other cheek"))]),
        ..signing(role, Conclusion::Refused)
    }
}

fn approving() -> SignOff {
    signing(ROLE, Conclusion::Approved)
}

impl Court {
    /// Which of a request's signatures stand, oldest first.
    async fn standing(&self, request: &str) -> Vec<bool> {
        self.seen(request).await.signatures.iter().map(|s| s.stands).collect()
    }

    /// Whether the approvals that were demanded of a request are still to be given.
    async fn approvals_open(&self, request: &str) -> Vec<bool> {
        let owed = self.seen(request).await.obligations;
        owed.iter().filter(|o| matches!(o.duty, Duty::Approve(_))).map(|o| o.is_open()).collect()
    }

    async fn search_again(&self, request: &str) -> Result<(), CaseError> {
        let open = self.casework.request(JURISDICTION, request).await.unwrap();
        let plan = Plan { candidates: Some(3), ..Plan::default() };
        self.casework.search(&self.who(FIRST).await, &open, plan).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_result_is_taken_back_and_given_again() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let out = || outgoing(&records[..1]);
    assert!(matches!(misstep(court.sign(SUPERVISOR, &request, approving()).await), Misstep::SignedAlready { .. }));
    let silent = court.sign(SUPERVISOR, &request, signing(ROLE, Conclusion::Refused)).await;
    assert!(matches!(misstep(silent), Misstep::RefusedWithoutReason { .. }));
    assert_eq!(court.standing(&request).await, [true; 3], "nothing was taken back without a reason");

    court.sign(SUPERVISOR, &request, refusing(ROLE)).await.unwrap();
    assert_eq!(court.standing(&request).await, [true, true, false, true]);
    assert!(matches!(misstep(court.release(FIRST, &request, out()).await), Misstep::Unsigned { .. }));
    let again = court.sign(SUPERVISOR, &request, refusing(ROLE)).await;
    assert!(matches!(misstep(again), Misstep::SignedAlready { .. }), "once");

    court.sign(SUPERVISOR, &request, approving()).await.unwrap();
    assert_eq!(court.standing(&request).await, [true, true, false, false, true]);
    assert_eq!(court.on_record(&request, "signed").await, 5, "all of it is on record");
    court.release(FIRST, &request, out()).await.unwrap();
    let late = court.sign(SUPERVISOR, &request, refusing(ROLE)).await;
    assert!(matches!(misstep(late), Misstep::Released { .. }), "what left has left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_examiner_concludes_otherwise() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(4).await;
    court.sign(FIRST, &request, signing("examiner", Conclusion::NoLead)).await.unwrap();
    assert_eq!(court.standing(&request).await, [false, true, true, true]);
    assert!(court.release(FIRST, &request, outgoing(&records[..1])).await.is_err(), "they do not agree");
    court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_back_in_one_role_what_they_signed_in_another() {
    let Some(court) = court().await else { return };
    let both = |registry: &mut model::registry::Registry| {
        let person = registry.people.iter_mut().find(|p| p.id == SUPERVISOR).unwrap();
        person.roles.push("ciu-commander".into());
    };
    let court = court.reopen(both).await;
    let (request, records) = court.signed(5).await;
    let other = court.sign(SUPERVISOR, &request, refusing("ciu-commander")).await;
    assert!(matches!(misstep(other), Misstep::SignedAlready { .. }));
    assert_eq!(court.standing(&request).await, [true; 3]);
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_request_that_is_taken_back_is_waited_for_again() {
    let Some(court) = court().await else { return };
    let mut tabled = intake(6);
    tabled.answers.insert("crime".to_owned(), text("carjacking"));
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, tabled).await.unwrap();
    let request = opened.request.request.id;
    court.sign(SUPERVISOR, &request, approving()).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    court.sign(SUPERVISOR, &request, refusing(ROLE)).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [true]);
    assert_eq!(court.seen(&request).await.waits_for.len(), 1);
    assert!(court.search_again(&request).await.is_err(), "nothing is searched");
    assert_eq!(court.on_record(&request, "searched").await, 0);

    // As it was kept, too.
    let court = court.reopen(|_| {}).await;
    assert_eq!(court.approvals_open(&request).await, [true]);
    court.sign(SUPERVISOR, &request, approving()).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    court.search_again(&request).await.unwrap();
    // What it let through stays done, and a refusal of the result takes back nothing of it.
    court.sign(SUPERVISOR, &request, refusing(ROLE)).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    assert_eq!(court.on_record(&request, "searched").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_taken_back_counts_no_more_once_the_first_who_gave_it_lost_the_role() {
    let Some(court) = court().await else { return };
    let mut tabled = intake(7);
    tabled.answers.insert("crime".to_owned(), text("carjacking"));
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, tabled).await.unwrap();
    let request = opened.request.request.id;
    court.sign(SUPERVISOR, &request, approving()).await.unwrap();
    access(&court, SECOND, AccessChange::Grant, &[ROLE]).await;
    access(&court, SUPERVISOR, AccessChange::Withdraw, &[ROLE]).await;
    assert_eq!(court.approvals_open(&request).await, [true]);
    court.sign(SECOND, &request, approving()).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    court.sign(SECOND, &request, refusing(ROLE)).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [true]);
    assert!(court.search_again(&request).await.is_err(), "nobody approves any more");
    court.sign(SECOND, &request, approving()).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    court.search_again(&request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_taken_back_while_another_does_not_count_stays_so_when_that_one_counts_again() {
    let Some(court) = court().await else { return };
    access(&court, SECOND, AccessChange::Grant, &[ROLE]).await;
    let opened = court.casework.open_request(&court.who(FIRST).await, JURISDICTION, intake(8)).await.unwrap();
    let request = opened.request.request.id;
    let kept = demanded(&court, &request, ROLE, 2);
    let court = court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[kept]).await.unwrap()).await;
    for person in [SUPERVISOR, SECOND] {
        court.sign(person, &request, approving()).await.unwrap();
    }
    assert_eq!(court.approvals_open(&request).await, [false]);
    access(&court, SUPERVISOR, AccessChange::Suspend, &[]).await;
    court.sign(SECOND, &request, refusing(ROLE)).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [true]);
    access(&court, SUPERVISOR, AccessChange::Reinstate, &[]).await;
    assert_eq!(court.approvals_open(&request).await, [true], "one of two took theirs back");
    assert!(court.search_again(&request).await.is_err());
    court.sign(SECOND, &request, approving()).await.unwrap();
    assert_eq!(court.approvals_open(&request).await, [false]);
    court.search_again(&request).await.unwrap();
}
