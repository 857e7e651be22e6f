//! Whole lives of requests, and every way in which a step is out of place.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, RECORDS, SECOND, SUPERVISOR, agree, court, demanding, intake, misstep, outgoing,
    record, said, signing,
};
use casework::life::State;
use casework::misstep::Demanded;
use casework::obligations::{Owed, Standing};
use casework::release::{Carried, Outgoing};
use casework::search_step::Plan;
use casework::{CaseError, Misstep};
use magistrate_casework as casework;
use model::facts::{Conclusion, Likeness};
use model::rulings::Duty;
use model::terms::{Digest, Instant, Value};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_goes_from_the_list_to_its_outcome() {
    let Some(court) = court().await else { return };
    let (request, records) = court.searched(3, 3).await;
    assert_eq!(records[0], record(3));
    assert_eq!(court.seen(&request).await.state, State::Listed);
    court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Possible)]).await.unwrap();
    assert_eq!(court.seen(&request).await.state, State::Listed, "two have no disposition yet");
    let others = records[1..].iter().map(|r| said(r, Likeness::Excluded)).collect();
    court.dispose(FIRST, &request, others).await.unwrap();
    assert_eq!(court.seen(&request).await.state, State::Disposed);

    assert_eq!(court.look(SECOND, &request).await.unwrap(), records);
    for examiner in [FIRST, SECOND] {
        court.sign(examiner, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    }
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
    let seen = court.seen(&request).await;
    assert_eq!((seen.state, seen.opened_by.len(), seen.signatures.len()), (State::Signed, 2, 3));
    assert!(seen.obligations.iter().any(casework::obligations::Owed::is_open));

    let done = court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    assert_eq!(done.documents.len(), 1);
    assert!(done.taken.receipt.is_some());
    let paper = court.drawn.0.lock().unwrap().pop().unwrap();
    assert_eq!(paper.candidates.len(), 1, "only the selected candidate leaves");
    assert_eq!((paper.candidates[0].record_id.as_str(), paper.signatures.len()), (records[0].as_str(), 3));
    assert!(!paper.statements.is_empty() && paper.log.contains(JURISDICTION));

    let handed = court.hand_over(FIRST, &request).await.unwrap();
    let (document, bytes) = handed.document.unwrap();
    assert_eq!(document, done.documents[0]);
    assert_eq!(Digest::of(&bytes), document.pdf, "to the byte");
    assert!(records[1..].iter().all(|r| !String::from_utf8_lossy(&bytes).contains(r)));
    court.outcome(FIRST, &request).await.unwrap();
    let seen = court.seen(&request).await;
    assert_eq!(seen.state, State::Concluded);
    assert_eq!(seen.disseminations[0].to.recipient, ASKER);
    use model::rulings::Duty::{Document, SignOffs};
    let met = |o: &&casework::obligations::Owed| matches!(o.duty, SignOffs(_) | Document(_));
    assert!(seen.obligations.iter().filter(met).count() > 0);
    let by_it = |o: &casework::obligations::Owed| matches!(o.standing, Standing::Met { .. });
    assert!(seen.obligations.iter().filter(met).all(by_it), "the release met them: {:?}", seen.obligations);
    for what in ["disposed", "signed", "released", "disseminated", "reported"] {
        assert!(court.on_record(&request, what).await > 0, "{what}");
    }
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lead_nobody_leaves_and_the_requester_is_told() {
    let Some(court) = court().await else { return };
    let (request, records) = court.searched(4, 3).await;
    court.dispose(FIRST, &request, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    court.sign(FIRST, &request, signing("examiner", Conclusion::NoLead)).await.unwrap();
    let early = court.release(FIRST, &request, outgoing(&[])).await;
    assert!(matches!(early, Err(CaseError::Refused { .. })), "a second look is the policy's to demand");
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::NoLead)).await.unwrap();
    let excluded = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(&excluded, Misstep::NotPossible { record, .. } if *record == records[0]), "{excluded}");
    assert_eq!(demanding(&excluded), ["5.4(4)-a", "6.1(3)a-2"], "only the most likely candidates leave");
    let done = court.release(FIRST, &request, outgoing(&[])).await.unwrap();
    assert!(done.documents.is_empty());
    // Nobody drew the report up, and no second examiner signed: nothing says that they did.
    let of_leads = |duty: &Duty| match duty {
        Duty::Document(_) => true,
        Duty::SignOffs(rule) => rule.leads_only,
        _ => false,
    };
    let aside = owed_of(&court, &request, of_leads).await;
    let by_the_host = |o: &Owed| matches!(&o.standing, Standing::Waived { by, .. } if by == "host");
    assert!(aside.iter().all(by_the_host), "{aside:?}");
    let clauses: BTreeSet<String> = aside.iter().map(|o| o.clause.to_string()).collect();
    assert_eq!(clauses, BTreeSet::from(["2.4", "5.4(3)-b", "5.4(3)-c", "5.4(4)-a"].map(str::to_owned)));
    let compared = owed_of(&court, &request, |duty| *duty == Duty::DisposeAll).await;
    assert!(
        !compared.is_empty() && compared.iter().all(|o| matches!(o.standing, Standing::Met { .. })),
        "{compared:?}"
    );

    court.casework.pass_deadlines().await;
    let told = court.outbox.notices.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].to, ["detroit/h.dawson"], "whoever asked");
    assert!(told[0].body.contains("Requester: Helen Dawson (detroit/h.dawson), homicide, dpd"), "{}", told[0].body);
    assert_eq!(court.on_record(&request, "notified").await, 1);
    court.casework.pass_deadlines().await;
    assert_eq!(court.outbox.notices.lock().unwrap().len(), 1, "once");
    agree(&court.casework).await;
}

/// DET 6.1(3)a-1: a lead with one of three, and no lead with none, are both concluded too early.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_concluded_before_each_candidate_has_its_disposition() {
    let Some(court) = court().await else { return };
    let (request, records) = court.searched(7, 3).await;
    let open = async || {
        let seen = court.seen(&request).await;
        let owed = seen.obligations.into_iter().filter(|o| o.duty == Duty::DisposeAll);
        owed.map(|o| (o.clause.to_string(), o.is_open())).collect::<Vec<_>>()
    };
    assert_eq!(open().await, [("6.1(3)a-1".to_owned(), true)]);
    let undisposed = |records: &[String]| {
        let demanded = Demanded { jurisdiction: JURISDICTION.to_owned(), clause: "6.1(3)a-1".into() };
        Misstep::Undisposed { records: records.to_vec(), demanded: vec![demanded] }
    };
    let no_lead = court.sign(FIRST, &request, signing("examiner", Conclusion::NoLead)).await;
    assert!(matches!(no_lead, Err(CaseError::Refused { .. })), "none of three");
    assert_eq!(misstep(court.release(FIRST, &request, outgoing(&[])).await), undisposed(&records));

    court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Possible)]).await.unwrap();
    for conclusion in [Conclusion::Lead, Conclusion::NoLead] {
        let early = court.sign(FIRST, &request, signing("examiner", conclusion)).await;
        assert!(matches!(early, Err(CaseError::Refused { .. })), "one of three");
    }
    let early = court.release(FIRST, &request, outgoing(&records[..1])).await;
    assert_eq!(misstep(early), undisposed(&records[1..]));
    assert_eq!(open().await, [("6.1(3)a-1".to_owned(), true)]);
    assert_eq!(court.on_record(&request, "signed").await, 0);

    let others = records[1..].iter().map(|r| said(r, Likeness::Excluded)).collect();
    court.dispose(FIRST, &request, others).await.unwrap();
    assert_eq!(open().await, [("6.1(3)a-1".to_owned(), false)]);
    court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await.expect("all of three");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_out_of_order_changes_nothing_and_is_on_record() {
    let Some(court) = court().await else { return };
    let actor = court.who(FIRST).await;
    let opened = court.casework.open_request(&actor, JURISDICTION, intake(1)).await.unwrap();
    let request = opened.request.request.id.clone();
    assert_eq!(court.seen(&request).await.state, State::Open);
    let lead = || signing("examiner", Conclusion::Lead);
    let steps = [
        misstep(court.look(FIRST, &request).await),
        misstep(court.dispose(FIRST, &request, vec![said(&record(1), Likeness::Possible)]).await),
        misstep(court.sign(FIRST, &request, lead()).await),
        misstep(court.release(FIRST, &request, outgoing(&[])).await),
        misstep(court.hand_over(FIRST, &request).await),
        misstep(court.outcome(FIRST, &request).await),
    ];
    // Nothing has been demanded of it yet: the charter says by what each step has its place.
    let clauses = ["5.4(2)-a", "5.4(3)-c", "5.4(3)-c", "5.4(4)-a", "5.4(4)-a", "6.3-b"];
    for (at, (step, clause)) in steps.iter().zip(clauses).enumerate() {
        let early = if at < 4 {
            matches!(step, Misstep::NotListed { .. })
        } else {
            matches!(step, Misstep::NotReleased { .. })
        };
        assert!(early, "{at}: {step}");
        assert_eq!(demanding(step), [clause], "{at}: {step}");
    }
    assert_eq!(court.seen(&request).await.state, State::Open);
    assert_eq!(court.on_record(&request, "rejected").await, steps.len());

    let searched =
        court.casework.search(&actor, &opened.request, casework::search_step::Plan::default()).await.unwrap();
    assert!(!searched.candidates.is_empty(), "and the request goes on");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_once_a_result_has_left() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(5).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    let released = |m: Misstep, place: &[&str]| {
        assert!(matches!(m, Misstep::Released { .. }), "{m}");
        // And the report that it left with.
        let report = ["5.4(4)-a"].into_iter().filter(|clause| !place.contains(clause));
        assert_eq!(demanding(&m), place.iter().copied().chain(report).collect::<Vec<_>>(), "{m}");
    };
    released(misstep(court.release(FIRST, &request, outgoing(&records[..1])).await), &["5.4(4)-a"]);
    let excluded = court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Excluded)]).await;
    released(misstep(excluded), &["5.4(3)-c"]);
    let approved = court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await;
    released(misstep(approved), &["5.4(3)-c"]);
    let (actor, open) = (court.who(FIRST).await, court.casework.request(JURISDICTION, &request).await.unwrap());
    released(misstep(court.casework.search(&actor, &open, Plan::default()).await), &["2.4"]);
    assert_eq!(court.seen(&request).await.state, State::Released);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cases_records_are_not_this_ones() {
    let Some(court) = court().await else { return };
    let (request, records) = court.disposed(2).await;
    let other = (0..RECORDS).map(record).find(|r| !records.contains(r)).unwrap();
    let disposed = misstep(court.dispose(FIRST, &request, vec![said(&other, Likeness::Possible)]).await);
    let released = misstep(court.release(FIRST, &request, outgoing(std::slice::from_ref(&other))).await);
    for (stranger, clause) in [(&disposed, "6.1(3)a-1"), (&released, "6.1(3)a-2")] {
        assert!(matches!(stranger, Misstep::Unlisted { record, .. } if *record == other), "{stranger}");
        assert!(demanding(stranger).contains(&clause), "{stranger}: {:?}", demanding(stranger));
    }
    let twice = vec![said(&records[0], Likeness::Possible), said(&records[0], Likeness::Excluded)];
    let twice = misstep(court.dispose(FIRST, &request, twice).await);
    assert!(matches!(&twice, Misstep::Twice { record, .. } if *record == records[0]), "{twice}");
    assert_eq!(demanding(&twice), ["5.4(3)-c", "6.1(3)a-1"]);
    let unknown = court.dispose(FIRST, "no-such-request", vec![]).await;
    assert!(matches!(unknown, Err(CaseError::Unknown { .. })));
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_once_in_a_role_of_theirs_until_something_changes() {
    let Some(court) = court().await else { return };
    let (request, records) = court.disposed(6).await;
    let lead = || signing("examiner", Conclusion::Lead);
    let role = court.sign(FIRST, &request, signing("ciu-supervisor", Conclusion::Approved)).await;
    let role = misstep(role);
    assert!(matches!(role, Misstep::NotTheirRole { .. }));
    assert_eq!(demanding(&role), ["5.4(3)-b"], "which wants a supervisor");
    let silent = misstep(court.sign(FIRST, &request, signing("examiner", Conclusion::Refused)).await);
    assert!(matches!(silent, Misstep::RefusedWithoutReason { .. }), "{silent}");
    assert_eq!(demanding(&silent), ["2.4", "5.4(3)-c"], "which it refuses");
    court.sign(FIRST, &request, lead()).await.unwrap();
    let again = misstep(court.sign(FIRST, &request, lead()).await);
    assert!(matches!(again, Misstep::SignedAlready { .. }));
    assert_eq!(demanding(&again), ["2.4", "5.4(3)-c"], "which want two");
    court.dispose(FIRST, &request, vec![said(&records[1], Likeness::Inconclusive)]).await.unwrap();
    let seen = court.seen(&request).await;
    assert_eq!((seen.state, seen.signatures[0].stands), (State::Disposed, false));
    court.sign(FIRST, &request, lead()).await.expect("something else is said now");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opened_the_list_signs_or_nothing_leaves() {
    let Some(court) = court().await else { return };
    let (request, records) = court.disposed(7).await;
    let out = || outgoing(&records[..1]);
    assert!(matches!(misstep(court.release(FIRST, &request, out()).await), Misstep::Unsigned { .. }));
    court.sign(FIRST, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
    let wanting = misstep(court.release(FIRST, &request, out()).await).to_string();
    assert!(wanting.contains("`examiner`"), "{wanting}");
    court.look(SECOND, &request).await.unwrap();
    court.sign(SECOND, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    court.release(FIRST, &request, out()).await.unwrap();
    assert_eq!(court.on_record(&request, "released").await, 1);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_somebody_who_left_no_longer_counts() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(8).await;
    let suspend = |registry: &mut model::registry::Registry| {
        let person = registry.people.iter_mut().find(|p| p.id == SECOND).unwrap();
        person.suspended_since = Some(Instant(1));
    };
    let court = court.reopen(suspend).await;
    let wanting = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(&wanting, Misstep::Unsigned { wanting, .. } if wanting.iter().any(|w| w.contains("examiner"))));
    let demoted = |registry: &mut model::registry::Registry| {
        registry.people.iter_mut().find(|p| p.id == SUPERVISOR).unwrap().roles.clear();
    };
    let court = court.reopen(demoted).await;
    let wanting = misstep(court.release(FIRST, &request, outgoing(&records[..1])).await);
    assert!(matches!(&wanting, Misstep::Unsigned { wanting, .. } if wanting.iter().any(|w| w.contains("supervisor"))));
    let court = court.reopen(|_| {}).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.expect("all are back");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_whose_statement_was_altered_does_not_leave() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(9).await;
    let carried = |text: Option<&str>, digest: Option<Digest>| Outgoing {
        statements: Some(vec![Carried { id: "investigative-lead".to_owned(), text: text.map(str::to_owned), digest }]),
        ..outgoing(&records[..1])
    };
    for altered in [carried(Some("It is only a lead."), None), carried(None, Some(Digest::of(b"x")))] {
        let refused = misstep(court.release(FIRST, &request, altered).await);
        assert!(matches!(&refused, Misstep::AlteredStatement { id, .. } if id == "investigative-lead"), "{refused}");
    }
    let none = Outgoing { statements: Some(vec![]), ..outgoing(&records[..1]) };
    assert!(matches!(misstep(court.release(FIRST, &request, none).await), Misstep::MissingStatement { .. }));
    let unknown = Carried { id: "nonsense".to_owned(), text: None, digest: None };
    let unknown = Outgoing { statements: Some(vec![unknown]), ..outgoing(&records[..1]) };
    assert!(matches!(misstep(court.release(FIRST, &request, unknown).await), Misstep::UnknownStatement { .. }));
    assert_eq!(court.seen(&request).await.state, State::Signed);
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_denies_leaves_the_life_as_it_was() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(10).await;
    let by_the_asker = court.release(ASKER, &request, outgoing(&records[..1])).await;
    assert!(matches!(by_the_asker, Err(CaseError::Refused { .. })));
    let seen = court.seen(&request).await;
    assert_eq!((seen.state, seen.refusals.len()), (State::Signed, 1));
    assert!(court.drawn.0.lock().unwrap().is_empty(), "nothing was drawn up");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_tried_again_until_it_is_out_and_late_is_said_once() {
    let Some(court) = court().await else { return };
    court.outbox.broken.store(true, std::sync::atomic::Ordering::Release);
    let (request, records) = court.searched(11, 3).await;
    court.dispose(FIRST, &request, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    for (who, role) in [(FIRST, "examiner"), (SUPERVISOR, "ciu-supervisor")] {
        court.sign(who, &request, signing(role, Conclusion::NoLead)).await.unwrap();
    }
    court.release(FIRST, &request, outgoing(&[])).await.unwrap();
    let wait = |hours: u64| court.clock.fetch_add(hours * 3_600_000, std::sync::atomic::Ordering::AcqRel);
    court.casework.pass_deadlines().await;
    assert_eq!(court.on_record(&request, "undelivered").await, 1);
    court.casework.pass_deadlines().await;
    assert_eq!(court.on_record(&request, "undelivered").await, 1, "not before its pause is over");
    wait(25);
    court.casework.pass_deadlines().await;
    court.casework.pass_deadlines().await;
    assert_eq!(court.on_record(&request, "undelivered").await, 2);
    let late = |o: &&casework::obligations::Owed| o.is_overdue() && o.request.as_deref() == Some(request.as_str());
    let overdue = court.casework.obligations(JURISDICTION).await.unwrap();
    let notices = overdue.iter().filter(late).filter(|o| matches!(o.duty, model::rulings::Duty::Notify(_))).count();
    assert_eq!(notices, 1);
    let said_late = court.on_record(&request, "overdue").await;
    court.outbox.broken.store(false, std::sync::atomic::Ordering::Release);
    wait(7);
    court.casework.pass_deadlines().await;
    assert_eq!(court.on_record(&request, "notified").await, 1);
    assert_eq!(court.on_record(&request, "overdue").await, said_late, "said once");
    let open = court.casework.obligations(JURISDICTION).await.unwrap();
    assert!(!open.iter().any(|o| matches!(o.duty, model::rulings::Duty::Notify(_))), "met, late as it is");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_without_a_property_number_leaves_a_task_and_one_with_it_none() {
    let Some(court) = court().await else { return };
    let actor = court.who(FIRST).await;
    let mut without = intake(1);
    without.answers.remove("evidence-number");
    for (asked, expected) in [(intake(2), vec![]), (without, vec!["ciu-supervisor".to_owned()])] {
        let opened = court.casework.open_request(&actor, JURISDICTION, asked).await.unwrap();
        let seen = court.seen(&opened.request.request.id).await;
        let task = |o: &&casework::obligations::Owed| {
            &*o.clause == "5.4(1)-b" && matches!(o.duty, model::rulings::Duty::Task(_))
        };
        let owners: Vec<_> = seen.obligations.iter().filter(task).map(|o| o.owner.clone()).collect();
        assert_eq!(owners, expected);
    }
    agree(&court.casework).await;
}

/// The obligations of a request whose duty is one of these.
async fn owed_of(court: &Court, request: &str, which: impl Fn(&Duty) -> bool) -> Vec<Owed> {
    court.seen(request).await.obligations.into_iter().filter(|o| which(&o.duty)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobodys_word_meets_is_not_completed_and_the_refusal_says_what_meets_it() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(14, 3).await;
    let examiner = court.who(FIRST).await;
    let all = owed_of(&court, &request, |_| true).await;
    let is_for_somebody = |duty: &Duty| matches!(duty, Duty::Task(_) | Duty::Flag(_));
    let mut kinds = BTreeSet::new();
    for owed in all.iter().filter(|o| o.is_open() && !is_for_somebody(&o.duty)) {
        let word = misstep(court.casework.complete(&examiner, JURISDICTION, &owed.id, "it is done").await);
        let Misstep::NotATask { duty, demanded, .. } = &word else { panic!("{word}") };
        assert_eq!(*demanded, Demanded::from(owed));
        assert!(word.to_string().contains(duty), "{word}");
        let says = match &owed.duty {
            Duty::Purge(_) => "have the record purged",
            Duty::SignOffs(_) => "have those sign who have to",
            Duty::Document(_) => "the release of the result",
            Duty::DisposeAll => "say of each candidate",
            Duty::Approve(_) => "have people who hold the role that it names approve",
            Duty::Acknowledge(_) => "have the requester acknowledge the statement",
            Duty::Notify(_) => "the host delivers the notice",
            Duty::Retain(_) => "it ends with the time for which the record is kept",
            Duty::Hold(_) => "have the hold lifted",
            _ => "the host sees to it at once",
        };
        assert!(word.to_string().contains(says), "{word}");
        kinds.insert(*duty);
    }
    for kind in ["dispose-all", "document", "purge", "retain", "sign-offs"] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
    let task = all.iter().find(|o| o.is_open() && matches!(o.duty, Duty::Task(_))).unwrap();
    let not_theirs = misstep(court.casework.complete(&examiner, JURISDICTION, &task.id, "it is done").await);
    assert!(matches!(not_theirs, Misstep::NotTheirTask { .. }), "{not_theirs}");
    assert_eq!(not_theirs.demanded(), [Demanded::from(task)]);
    assert_eq!(owed_of(&court, &request, |_| true).await, all, "all of it is owed as it was");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_another_day_has_the_log_kept_for_as_long_again() {
    let Some(court) = court().await else { return };
    let (request, _) = court.searched(12, 3).await;
    let of_the_log = |duty: &Duty| matches!(duty, Duty::Retain(rule) if rule.subject == "audit-entry");
    let before = owed_of(&court, &request, of_the_log).await;
    court.look(FIRST, &request).await.unwrap();
    assert_eq!(owed_of(&court, &request, of_the_log).await, before, "once a day");
    let last = before.iter().filter_map(|o| o.due).max().unwrap();
    court.clock.fetch_add(48 * 3_600_000, std::sync::atomic::Ordering::AcqRel);
    court.look(FIRST, &request).await.unwrap();
    let after = owed_of(&court, &request, of_the_log).await;
    assert_eq!(after.iter().filter_map(|o| o.due).max(), Some(last.plus_ms(48 * 3_600_000)));
    assert!(before.iter().all(|o| after.contains(o)), "and what was said before stands");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_kept_as_evidence_is_never_late() {
    let Some(court) = court().await else { return };
    let mut evidence = intake(13);
    evidence.answers.insert("evidentiary-value".to_owned(), Value::Flag(true));
    let examiner = court.who(FIRST).await;
    let (opened, _) = court.casework.search_now(&examiner, JURISDICTION, evidence, Plan::default()).await.unwrap();
    let request = opened.request.request.id;
    let is_hold = |duty: &Duty| matches!(duty, Duty::Hold(_));
    let held = owed_of(&court, &request, is_hold).await;
    assert_eq!(held.len(), 1);
    court.clock.fetch_add(2 * 366 * 24 * 3_600_000, std::sync::atomic::Ordering::AcqRel);
    court.casework.pass_deadlines().await;
    assert_eq!(owed_of(&court, &request, is_hold).await, held, "it is reviewed by people, and nothing about it failed");
    assert!(court.casework.request(JURISDICTION, &request).await.unwrap().template.is_some());
    agree(&court.casework).await;
}
