//! Lives told by hand, without a policy.

use super::*;
use model::account::Retained;
use model::combine::{PolicyRef, Ruling};
use model::facts::{Agency, AgencyKind, Candidate, Clock, Device, History, Matter, Party, Person, SearchPlan};
use model::rulings::{Decision, LimitRule, Obligation, SignOffRule};
use model::terms::{Digest, Value};

fn who(person: &str) -> Who {
    Who {
        jurisdiction: "north".into(),
        person: person.into(),
        name: person.into(),
        unit: "u".into(),
        agency: "a".into(),
    }
}

pub(crate) fn party(person: &str) -> Party {
    let person = Person {
        id: person.into(),
        name: person.into(),
        unit: "u".into(),
        rank: "r".into(),
        roles: vec![],
        trainings: vec![],
        background_checked: None,
        need_reviewed: None,
        multi_factor: true,
        device: Device::Fixed,
    };
    let agency = Agency {
        id: "a".into(),
        name: "a".into(),
        kind: AgencyKind::LawEnforcement,
        home: "north".into(),
        participant: true,
        agreements: vec![],
        suspended_since: None,
    };
    Party { person, agency }
}

fn account(n: u64, person: &str, of: Option<u64>, event: Event) -> Option<Account> {
    let id = |n: u64| format!("{n:04}");
    Some(Account {
        id: id(n),
        who: who(person),
        at: Instant(n),
        case: vec![],
        purpose: String::new(),
        justification: String::new(),
        probe: None,
        request: Some("r".into()),
        lacking: vec![],
        of: of.map(id),
        event,
    })
}

fn decision(n: u64, person: &str, step: Step, verdict: Verdict, duties: Vec<Duty>) -> Option<Account> {
    let phase = step.phase();
    let matter = Matter {
        jurisdiction: "north".into(),
        clock: Clock { now: Instant(n), today: jiff::civil::date(2026, 3, 10), weekday: 2, minute_of_day: 0 },
        actor: party(person),
        requester: party("asker"),
        request: None,
        probe: None,
        gallery: None,
        attestations: vec![Attestation {
            by: format!("north/{person}"),
            at: Instant(n),
            answers: vec![Field::new("n", Value::Number(1))],
        }],
        history: History::default(),
        step,
    };
    let obligations = duties.into_iter().map(|duty| Obligation { clause: "c".into(), duty }).collect();
    let ruling = Ruling {
        jurisdiction: "north".into(),
        policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
        matter: Digest::default(),
        decision: Decision { verdict, satisfied: vec!["c".into()], findings: vec![], obligations, tags: vec![] },
        fuel: 0,
        fault: None,
        lines: vec![],
    };
    let rulings = Rulings { id: n.to_string(), phase, at: Instant(n), rulings: vec![ruling] };
    account(n, person, None, Event::Decision { matters: vec![matter], rulings })
}

fn search(n: u64, duties: Vec<Duty>) -> Option<Account> {
    let plan = SearchPlan { at_most: 0, filters: vec![], original_searched_first: true };
    decision(n, "searcher", Step::Search(plan), Verdict::Permit, duties)
}

fn list(n: u64, person: &str, records: &[&str], verdict: Verdict) -> Option<Account> {
    list_with(n, person, records, verdict, vec![])
}

fn list_with(n: u64, person: &str, records: &[&str], verdict: Verdict, duties: Vec<Duty>) -> Option<Account> {
    let candidate = |(record, rank): (&&str, u32)| Candidate {
        rank,
        record_id: (*record).into(),
        status: "active".into(),
        shows: vec![],
    };
    decision(n, person, Step::Candidates(records.iter().zip(1..).map(candidate).collect()), verdict, duties)
}

/// That the step of this entry waits for others.
fn waits(n: u64, of: u64) -> Option<Account> {
    account(n, "searcher", Some(of), Event::Waits { awaited: vec![] })
}

fn blind_rule() -> SignOffRule {
    SignOffRule {
        role: "examiner".into(),
        persons: 2,
        units: vec![],
        distinct_from_requester: true,
        all_involved: false,
        blind: true,
        leads_only: false,
    }
}

fn disposed(n: u64, record: &str, likeness: Likeness) -> Option<Account> {
    let said = Disposed { record_id: record.into(), likeness, reason: "because".into() };
    account(n, "searcher", None, Event::Disposed { dispositions: vec![said] })
}

fn signed(n: u64, person: &str, conclusion: Conclusion) -> Option<Account> {
    let signature = Signature {
        person: person.into(),
        role: "examiner".into(),
        unit: "u".into(),
        conclusion,
        at: Instant(n),
        blind: false,
    };
    account(n, person, None, Event::Signed { signature, reason: String::new() })
}

#[test]
fn what_the_opening_says_holds_for_each_list_and_what_is_said_as_one_is_shown_for_that() {
    let opened = vec![Duty::Withhold(vec!["a".into()]), Duty::ShowOnly(vec!["sex".into()])];
    let one = LimitRule { at_least: 1, at_most: 1, usual: 1, hide_scores: false };
    let told = [
        decision(1, "searcher", Step::Request, Verdict::Permit, opened),
        search(2, vec![]),
        list_with(3, "searcher", &["a", "b", "c"], Verdict::Permit, vec![Duty::Candidates(one)]),
        search(4, vec![]),
        list(5, "searcher", &["a", "b", "c"], Verdict::Permit),
    ];
    let listed = |life: &Life| life.list.iter().map(|c| (c.rank, c.record_id.clone())).collect::<Vec<_>>();
    let bounded = Life::fold(told[..3].to_vec());
    assert_eq!(listed(&bounded), [(1, "b".to_owned())], "the first that is not withheld");
    assert_eq!(bounded.fields, Some(vec!["sex".to_owned()]));
    let anew = Life::fold(told.to_vec());
    assert_eq!(listed(&anew), [(1, "b".to_owned()), (2, "c".to_owned())], "another list, of which no length is said");
    assert_eq!((anew.fields, anew.withheld), (Some(vec!["sex".to_owned()]), vec!["a".to_owned()]));
}

fn openers(life: &Life) -> Vec<&str> {
    life.openers.iter().map(|w| w.person.as_str()).collect()
}

#[test]
fn the_order_of_the_accounts_does_not_matter() {
    let told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a", "b"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        disposed(4, "b", Likeness::Excluded),
        signed(5, "searcher", Conclusion::Lead),
    ];
    let life = Life::fold(told.clone());
    assert_eq!(life.state(), State::Signed);
    assert_eq!(Life::fold(told.into_iter().rev()), life);
}

#[test]
fn a_list_is_what_was_shown_and_whoever_saw_it_opened_it() {
    let withheld = vec![Duty::Withhold(vec!["b".into()])];
    let life = Life::fold([
        search(1, withheld),
        list(2, "searcher", &["a", "b", "c"], Verdict::Permit),
        list(3, "second", &["a", "c"], Verdict::Permit),
        list(4, "curious", &["a", "c"], Verdict::Deny),
        list(5, "second", &["a", "c"], Verdict::Permit),
    ]);
    let shown: Vec<_> = life.list.iter().map(|c| (c.rank, c.record_id.as_str())).collect();
    assert_eq!(shown, [(1, "a"), (2, "c")]);
    assert_eq!(openers(&life), ["searcher", "second"], "once each; a denied look opens nothing");
    assert_eq!(life.refusals.len(), 1);
}

#[test]
fn policies_are_told_of_people_with_their_jurisdiction() {
    let of_south =
        |told: Option<Account>| told.map(|a| Account { who: Who { jurisdiction: "south".into(), ..a.who }, ..a });
    let life = Life::fold([
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        of_south(list(3, "searcher", &["a"], Verdict::Permit)),
        disposed(4, "a", Likeness::Possible),
        signed(5, "searcher", Conclusion::Lead),
        of_south(signed(6, "searcher", Conclusion::Lead)),
    ]);
    let mut history = History::default();
    life.tell(&mut history, life.signatures.iter().map(|s| s.signature.clone()).collect(), None);
    assert_eq!(history.opened_candidates, ["north/searcher", "south/searcher"]);
    let signers: Vec<_> = history.signatures.iter().map(|s| s.person.as_str()).collect();
    assert_eq!(signers, ["north/searcher", "south/searcher"], "though these entries name the id alone");
}

#[test]
fn what_changes_voids_the_signatures_before_it() {
    let mut told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        signed(4, "searcher", Conclusion::Lead),
    ];
    assert_eq!(Life::fold(told.clone()).state(), State::Signed);
    told.push(disposed(5, "a", Likeness::Excluded));
    let life = Life::fold(told);
    assert_eq!(life.state(), State::Disposed, "it was signed for something else");
    assert!(life.signature_of(&who("searcher")).is_none());
    assert_eq!(life.possible().count(), 0);
}

#[test]
fn a_new_search_begins_anew_and_one_that_failed_does_not() {
    let mut told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        search(4, vec![]),
    ];
    assert!(!Life::fold(told.clone()).has_list(), "the new list has not been shown");
    let mut failed = told.clone();
    failed.push(account(5, "searcher", Some(4), Event::Failed { reason: "x".into() }));
    let life = Life::fold(failed);
    assert!(life.has_list());
    assert_eq!(life.possible().count(), 1, "what there was stands");
    told.push(list(6, "second", &["x", "y"], Verdict::Permit));
    let life = Life::fold(told);
    assert_eq!((life.list.len(), life.said.len(), openers(&life)), (2, 0, vec!["second"]));
    assert_eq!(life.state(), State::Listed);
}

#[test]
fn a_rule_binds_once_however_often_it_is_imposed() {
    let rule = blind_rule();
    let life = Life::fold([search(1, vec![Duty::SignOffs(blind_rule())]), search(2, vec![Duty::SignOffs(rule)])]);
    assert_eq!(life.imposed.len(), 1);
    assert!(life.is_blind());
}

#[test]
fn a_purged_account_leaves_a_gap_that_is_known() {
    assert!(!Life::fold([search(1, vec![])]).incomplete);
    assert!(Life::fold([search(1, vec![]), None]).incomplete);
}

#[test]
fn a_hold_has_an_effect_when_it_is_approved_and_until_it_is_lifted() {
    let said = |n: u64, change: &str, pending: bool| {
        let record = Retained { subject: "probe".into(), gallery: None, record: "r".into() };
        let event = Event::Retention {
            change: change.into(),
            record,
            holder: None,
            pending,
            day: None,
            until: None,
            answers: vec![],
        };
        account(n, "a", None, event)
    };
    let anothers = |n: u64| {
        let mut lift = said(n, "lift", false);
        if let Some(Account { event: Event::Retention { holder, .. }, .. }) = &mut lift {
            *holder = Some("south".into());
        }
        lift
    };
    let held = |accounts: Vec<Option<Account>>| Life::fold(accounts).held.len();
    assert_eq!(held(vec![said(1, "hold", true)]), 0);
    assert_eq!(held(vec![said(1, "hold", true), said(2, "hold", false)]), 1);
    assert_eq!(held(vec![said(1, "hold", false), said(2, "lift", false), said(3, "extend", false)]), 0);
    assert_eq!(held(vec![said(1, "hold", false), anothers(2)]), 1, "what another jurisdiction held is lifted");
}

#[test]
fn a_step_that_waits_imposes_what_it_imposes_and_does_nothing_else() {
    let demanded = || vec![Duty::Approve(SignOffRule { blind: false, ..blind_rule() })];
    let waiting = vec![search(1, demanded()), waits(2, 1)];
    let life = Life::fold(waiting.clone());
    assert_eq!((life.state(), life.searched, life.imposed.len()), (State::Open, None, 1));
    assert!(life.attestations.is_empty() && !life.has_list() && life.refusals.is_empty());
    assert_eq!(Life::fold(waiting.into_iter().rev()), life, "in whatever order it is told");

    let found = || {
        account(
            4,
            "searcher",
            Some(3),
            Event::Searched {
                gallery: "north/g".into(),
                generation: 1,
                digest: None,
                filter: Default::default(),
                rows: 9,
                reranked: None,
                bound_billionths: None,
                found: vec!["a".into()],
            },
        )
    };
    let unseen = Life::fold([search(3, vec![]), found(), list(5, "searcher", &["a"], Verdict::Permit), waits(6, 5)]);
    assert_eq!((unseen.state(), unseen.listed), (State::Searched, None), "searched, and nobody was shown the list");
    assert!(openers(&unseen).is_empty() && unseen.list.is_empty());

    let told = [
        search(3, vec![]),
        list(4, "searcher", &["a"], Verdict::Permit),
        search(5, demanded()),
        waits(6, 5),
        list(7, "second", &["a"], Verdict::Permit),
        waits(8, 7),
    ];
    let life = Life::fold(told);
    assert!(life.has_list(), "the list that was shown stands");
    assert_eq!(openers(&life), ["searcher"]);
}

#[test]
fn what_may_be_shown_of_a_list_is_the_narrowest_that_was_said_of_it() {
    let only = |fields: &[&str]| Duty::ShowOnly(fields.iter().map(|f| (*f).into()).collect());
    let withhold = |record: &str| Duty::Withhold(vec![record.into()]);
    let mut told = vec![
        search(1, vec![only(&["name", "age"]), withhold("a")]),
        list_with(2, "searcher", &["a", "b", "c"], Verdict::Permit, vec![only(&["name", "sex"])]),
    ];
    let life = Life::fold(told.clone());
    assert_eq!((life.fields, life.withheld), (Some(vec!["name".to_owned()]), vec!["a".to_owned()]));
    told.push(list_with(3, "second", &["b", "c"], Verdict::Permit, vec![withhold("b")]));
    let life = Life::fold(told.clone());
    assert_eq!((life.list.len(), life.withheld), (2, vec!["a".to_owned(), "b".to_owned()]), "since it was shown, too");
    let mut again = told.clone();
    again.push(list(4, "second", &["b", "c"], Verdict::Deny));
    assert_eq!(Life::fold(again.clone()).withheld.len(), 2, "a look that is denied says nothing");
    again.push(list(5, "second", &["b", "c"], Verdict::Permit));
    assert_eq!(Life::fold(again).withheld, ["a"], "the last look at a record counts");
    told.extend([search(4, vec![]), list(5, "searcher", &["a", "b"], Verdict::Permit)]);
    let life = Life::fold(told);
    assert_eq!((life.fields, life.withheld.len(), life.list.len()), (None, 0, 2), "a new list is another one");
}

#[test]
fn a_candidate_withheld_since_the_list_was_shown_needs_no_disposition() {
    let mut told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a", "b"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
    ];
    let counts = |told: &[Option<Account>]| {
        let mut history = History::default();
        Life::fold(told.to_vec()).tell(&mut history, vec![], None);
        (history.candidates_returned, history.candidates_disposed, history.candidates_possible)
    };
    assert_eq!(counts(&told), (2, 1, 1));
    let withhold = |record: &str| vec![Duty::Withhold(vec![record.into()])];
    told.push(list_with(4, "second", &["a", "b"], Verdict::Permit, withhold("b")));
    let life = Life::fold(told.clone());
    assert_eq!((life.state(), life.undisposed().count()), (State::Disposed, 0));
    assert_eq!(counts(&told), (1, 1, 1));
    told.push(list_with(5, "third", &["a"], Verdict::Permit, withhold("a")));
    assert_eq!(counts(&told), (0, 0, 0), "nor is it among those found possible");
}

#[test]
fn whoever_was_shown_what_others_concluded_does_not_sign_blind() {
    let told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        list(4, "searcher", &["a"], Verdict::Permit),
    ];
    let informed = |told: &[Option<Account>], person: &str| Life::fold(told.to_vec()).is_informed(&who(person));
    assert!(!informed(&told, "searcher"), "what one said oneself is no secret");
    let with = |more: Vec<Option<Account>>| [told.clone(), more].concat();
    assert!(
        informed(&with(vec![list(5, "second", &["a"], Verdict::Permit)]), "second"),
        "the candidates' dispositions"
    );
    assert!(!informed(&with(vec![list(5, "second", &["a"], Verdict::Deny)]), "second"), "they were not shown");
    let viewed = |n: u64, person: &str| account(n, person, None, Event::Viewed);
    assert!(!informed(&with(vec![viewed(5, "chief")]), "chief"), "nobody has signed yet");
    let signed_and_viewed =
        with(vec![signed(5, "searcher", Conclusion::Lead), viewed(6, "chief"), viewed(7, "searcher")]);
    assert!(informed(&signed_and_viewed, "chief") && !informed(&signed_and_viewed, "searcher"));
    let anew = [signed_and_viewed, vec![search(8, vec![]), list(9, "searcher", &["a"], Verdict::Permit)]].concat();
    assert!(!informed(&anew, "chief"), "of the new list nobody has concluded anything");
    let old = [anew, vec![viewed(10, "chief")]].concat();
    assert!(!informed(&old, "chief"), "what was concluded of another list is not about this one");
}

#[test]
fn under_a_blind_rule_nothing_is_shown_before_the_own_signature_and_it_is_not_forgotten() {
    let mut told = vec![
        search(1, vec![Duty::SignOffs(blind_rule())]),
        list(2, "searcher", &["a"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        signed(4, "searcher", Conclusion::Lead),
        list(5, "second", &["a"], Verdict::Permit),
        account(6, "second", None, Event::Viewed),
    ];
    let second = who("second");
    let life = Life::fold(told.clone());
    assert!(!life.is_informed(&second) && !life.sees_conclusions(&second));
    told.extend([signed(7, "second", Conclusion::Lead), account(8, "second", None, Event::Viewed)]);
    let life = Life::fold(told.clone());
    assert!(life.is_informed(&second) && life.sees_conclusions(&second));
    // Signatures are void now, and the second knows all the same what the first concluded.
    told.push(disposed(9, "a", Likeness::Excluded));
    let life = Life::fold(told);
    assert!(life.is_informed(&second) && !life.sees_conclusions(&second));
}

#[test]
fn a_later_look_shows_no_more_than_what_was_said_of_the_list_before() {
    let only = |fields: &[&str]| Duty::ShowOnly(fields.iter().map(|f| (*f).to_owned()).collect());
    let withhold = |record: &str| Duty::Withhold(vec![record.to_owned()]);
    let told = vec![
        search(1, vec![only(&["name", "born"]), withhold("b")]),
        list_with(2, "searcher", &["a", "b", "c"], Verdict::Permit, vec![withhold("c")]),
    ];
    let life = Life::fold(told);
    let look = |duties: Vec<Duty>| {
        let account = list_with(3, "searcher", &["a"], Verdict::Permit, duties).unwrap();
        let Event::Decision { rulings, .. } = account.event else { panic!("no decision") };
        life.shows(&rulings)
    };
    let seen = look(vec![]);
    assert_eq!(seen.fields, Some(vec!["name".to_owned(), "born".to_owned()]), "which the search alone demanded");
    assert!(
        seen.withheld.is_empty() && life.list.iter().all(|c| c.record_id == "a"),
        "what was withheld is on no list"
    );
    let seen = look(vec![only(&["born", "height"]), withhold("a")]);
    assert_eq!(seen.fields, Some(vec!["born".to_owned()]), "the narrowest");
    assert_eq!(seen.withheld, ["a"]);
}

#[test]
fn whoever_is_to_sign_blind_does_not_learn_from_a_refusal_what_others_found() {
    let of = |duties: Vec<Duty>, rest: Vec<Option<Account>>| {
        let begun = vec![
            search(1, duties),
            list(2, "searcher", &["a", "b"], Verdict::Permit),
            list(3, "second", &["a", "b"], Verdict::Permit),
            disposed(4, "a", Likeness::Possible),
        ];
        Life::fold([begun, rest].concat())
    };
    let told = |life: &Life, blindfold: Option<&Who>| {
        let mut history = History::default();
        life.tell(&mut history, vec![], blindfold);
        assert_eq!(usize::try_from(history.candidates_possible).unwrap(), history.possible.len());
        history.possible
    };
    let blind = of(vec![Duty::SignOffs(blind_rule())], vec![]);
    assert!(told(&blind, Some(&who("second"))).is_empty(), "the same as where nobody found anything");
    assert_eq!(told(&blind, Some(&who("searcher"))), ["a"], "what they found themselves");
    assert_eq!(told(&blind, None), ["a"]);
    let namesake = Who { jurisdiction: "south".into(), ..who("searcher") };
    assert!(told(&blind, Some(&namesake)).is_empty());

    let signed = of(vec![Duty::SignOffs(blind_rule())], vec![signed(5, "second", Conclusion::Lead)]);
    assert_eq!(told(&signed, Some(&who("second"))), ["a"], "they have signed");
    let seeing = of(vec![Duty::SignOffs(SignOffRule { blind: false, ..blind_rule() })], vec![]);
    assert_eq!(told(&seeing, Some(&who("second"))), ["a"], "no rule is blind");
}

#[test]
fn a_step_that_was_refused_makes_nobody_a_part_of_the_request() {
    let life = Life::fold([
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        list(3, "outsider", &["a"], Verdict::Deny),
        list(4, "pending", &["a"], Verdict::Pend),
        account(5, "viewer", None, Event::Viewed),
    ]);
    assert!(life.concerns(&who("searcher")));
    for nobody in ["outsider", "pending", "viewer"] {
        assert!(!life.concerns(&who(nobody)), "{nobody}");
    }
}

#[test]
fn an_acknowledgement_is_of_one_jurisdictions_words() {
    let (words, revised) = (Digest::of(b"a lead"), Digest::of(b"an investigative lead"));
    let acknowledged = |n: u64, jurisdiction: &str| {
        let (jurisdiction, statement) = (jurisdiction.to_owned(), "lead".to_owned());
        account(n, "asker", None, Event::Acknowledged { jurisdiction, statement, text_digest: words })
    };
    let life = Life::fold([acknowledged(1, "north")]);
    assert!(life.acknowledges("north", "lead", words));
    assert!(!life.acknowledges("north", "lead", revised), "the words were revised since");
    assert!(!life.acknowledges("south", "lead", words), "south calls something else so");
    assert!(!life.acknowledges("north", "leads", words));
    assert!(!Life::fold([acknowledged(1, "")]).acknowledges("north", "lead", words), "of an entry that does not say");
}

#[test]
fn whoever_concludes_otherwise_takes_back_what_they_signed() {
    let mut told = vec![
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        disposed(3, "a", Likeness::Possible),
        signed(4, "searcher", Conclusion::Lead),
        signed(5, "second", Conclusion::Lead),
        signed(6, "searcher", Conclusion::Refused),
    ];
    let flags = |life: &Life| life.signatures.iter().map(|s| (s.stands, s.taken_back)).collect::<Vec<_>>();
    let life = Life::fold(told.clone());
    assert_eq!(flags(&life), [(false, true), (true, false), (true, false)], "theirs, and nobody else's");
    assert_eq!(life.signature_of(&who("searcher")).unwrap().signature.conclusion, Conclusion::Refused);
    assert!(life.concludes(Conclusion::Lead), "the other's");
    told.push(signed(7, "searcher", Conclusion::Lead));
    let life = Life::fold(told.clone());
    assert_eq!(flags(&life), [(false, true), (true, false), (false, true), (true, false)], "and once more");

    let released =
        Event::Released { candidates: vec![], reasoning: String::new(), statements: vec![], documents: vec![] };
    told.extend([account(8, "searcher", None, released), signed(9, "searcher", Conclusion::Approved)]);
    assert_eq!(flags(&Life::fold(told))[3], (true, false), "what left has left");

    // What a new list voids was not taken back: it stays given for what it let through.
    let again = vec![
        search(1, vec![]),
        list(2, "searcher", &["a"], Verdict::Permit),
        signed(3, "searcher", Conclusion::Approved),
        search(4, vec![]),
        list(5, "searcher", &["a"], Verdict::Permit),
        signed(6, "searcher", Conclusion::Refused),
    ];
    assert_eq!(flags(&Life::fold(again)), [(false, false), (true, false)]);
}

#[test]
fn whether_a_list_left_records_out_is_told_of_the_list_that_stands() {
    let filtered = |n: u64, filters: &[&str]| {
        let filters = filters.iter().map(|name| (*name).to_owned()).collect();
        let plan = SearchPlan { at_most: 0, filters, original_searched_first: true };
        decision(n, "searcher", Step::Search(plan), Verdict::Permit, vec![])
    };
    let told = |accounts: Vec<Option<Account>>| {
        let mut history = History::default();
        Life::fold(accounts).tell(&mut history, vec![], None);
        history.candidates_filtered
    };
    let mut accounts = vec![filtered(1, &["status"]), list(2, "searcher", &[], Verdict::Permit)];
    assert!(told(accounts.clone()));
    accounts.push(filtered(3, &[]));
    assert!(told(accounts.clone()), "its list has not been shown");
    accounts.push(list(4, "searcher", &["a"], Verdict::Permit));
    assert!(!told(accounts.clone()));
    accounts.extend([list(5, "second", &["a"], Verdict::Permit), filtered(6, &["sex"])]);
    assert!(!told(accounts), "nor has this one's");
    assert!(!told(vec![]));
}
