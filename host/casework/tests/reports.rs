//! Reports, surveys and samples: what they say is what the log says.

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, SECOND, SUPERVISOR, agree, answers, court, intake, outgoing, refused, said,
    signing, text,
};
use crate::waivers::{House, house_that};
use casework::anomalies::{Scope, Thresholds};
use casework::chamber::Registered;
use casework::disposition::Examination;
use casework::report::{Asked, Form, Section, Sheet};
use casework::search_step::Plan;
use casework::sign_off::SignOff;
use casework::{CaseError, Casework};
use jiff::civil::date;
use magistrate_casework as casework;
use model::account::{Account, Event};
use model::facts::{Conclusion, Device, Likeness};
use model::registry::Principal;
use model::rulings::Duty;
use model::terms::{Digest, Instant, Verdict};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

const AUDITOR: &str = "a.feld";

/// An examiner whose training has expired.
const UNTRAINED: &str = "e.voss";

const HOUR_MS: u64 = 3_600_000;

fn weekly() -> Asked {
    let none = ["software-upgrades", "contract-changes", "confirmed-violations"].map(|name| (name, text("none")));
    Asked { report: "weekly".to_owned(), days: None, answers: answers(none) }
}

fn annual() -> Asked {
    let answers = answers([
        ("lawsuits", text("none")),
        ("settlements", text("none")),
        ("efficacy", text("nothing was searched")),
    ]);
    Asked { report: "annual".to_owned(), days: None, answers }
}

fn wait(court: &Court, hours: u64) {
    court.clock.fetch_add(hours * HOUR_MS, Ordering::AcqRel);
}

fn count(sheet: &Sheet, heading: &str) -> u64 {
    sheet.counts.iter().find(|figure| figure.heading == heading).unwrap().value
}

fn section<'s>(sheet: &'s Sheet, heading: &str) -> &'s Section {
    sheet.sections.iter().find(|section| section.heading == heading).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_report_counts_what_its_week_has_on_record() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(1).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    court.hand_over(FIRST, &request).await.unwrap();
    court.outcome(ASKER, &request).await.unwrap();
    let mut shoplifting = intake(2);
    shoplifting.answers.insert("crime".to_owned(), text("larceny"));
    let examiner = court.who(FIRST).await;
    refused(court.casework.search_now(&examiner, JURISDICTION, shoplifting, Plan::default()).await, "5.2");
    wait(&court, 7 * 24);
    // Of the next week, and so not of the report.
    court.searched(3, 3).await;

    let examiner = court.who(FIRST).await;
    let mut upgraded = weekly();
    upgraded.answers.insert("software-upgrades".to_owned(), text("the matcher, to 5.1"));
    let done = court.casework.draw_report(&examiner, JURISDICTION, upgraded).await.unwrap();
    let period = &done.report.period;
    assert_eq!((period.first, period.last), (date(2026, 3, 9), date(2026, 3, 15)), "Monday to Sunday");
    let sheet = court.drawn.1.lock().unwrap().pop().unwrap();
    assert_eq!(count(&sheet, "Searches run"), 1);
    assert_eq!(count(&sheet, "Results released with a lead"), 1);
    assert_eq!(count(&sheet, "Steps refused by policy"), 1);
    let crimes = &section(&sheet, "Crime").rows;
    assert!(crimes.contains(&vec!["robbery".to_owned(), "1".to_owned(), "0".to_owned()]), "{crimes:?}");
    assert!(crimes.iter().any(|row| row[1] == "0" && row[2] == "1"), "the refused one: {crimes:?}");
    let stated = &section(&sheet, "Stated by whoever drew this up").rows;
    assert!(stated.len() == 3 && stated.iter().flatten().any(|cell| cell == "the matcher, to 5.1"), "{stated:?}");
    assert!(section(&sheet, "About this report").text.contains("307.5"));
    assert!(section(&sheet, "Versions of the policy").rows.len() == 1);
    let basis = &section(&sheet, "What this is drawn from").text;
    assert!(basis.contains("`test/detroit`") && !basis.contains("pruned") && !basis.contains("Other hosts"), "{basis}");

    let owed = court.casework.obligations(JURISDICTION).await.unwrap();
    let open = |o: &&casework::obligations::Owed| matches!(&o.duty, Duty::Document(id) if id == "weekly-report");
    assert_eq!(owed.iter().filter(open).count(), 0, "it is drawn up");
    for clause in ["6.2-a", "6.2-b"] {
        let tells = |o: &casework::obligations::Owed| *o.clause == *clause && matches!(o.duty, Duty::Notify(_));
        assert!(owed.iter().any(tells), "{clause}: the Board is still to be told");
    }

    // The year's report adds its weeks up, and says what came of it.
    let in_january = "2027-01-04T15:00:00.000Z".parse::<Instant>().unwrap();
    court.clock.store(in_january.0, Ordering::Release);
    court.casework.draw_report(&court.who(FIRST).await, JURISDICTION, annual()).await.unwrap();
    let sheet = court.drawn.1.lock().unwrap().pop().unwrap();
    assert_eq!((sheet.first, sheet.last), (date(2026, 1, 1), date(2026, 12, 31)));
    let sums = ["Searches run", "Results released with a lead", "Steps refused by policy"];
    assert_eq!(sums.map(|heading| count(&sheet, heading)), [2, 1, 1]);
    let assisted = &section(&sheet, "Assisted").rows;
    assert!(assisted.contains(&["yes", "1", "0"].map(str::to_owned).to_vec()), "{assisted:?}");
    agree(&court.casework).await;
}

/// A court in which it is kept under this kind that another log did not take the outcome of a search.
async fn torn_search(kind: &str) -> Option<Court> {
    let court = court().await?;
    let (torn, _) = court.searched(1, 3).await;
    court.searched(2, 3).await;
    let auditor = court.who(AUDITOR).await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 100).await.unwrap();
    let mut accounts =
        seen.into_iter().filter_map(|s| s.account).filter(|a| a.request.as_deref() == Some(torn.as_str()));
    let searched = accounts.find(|a| matches!(a.event, Event::Searched { .. })).unwrap();
    let body = serde_json::json!({ "log": "test/detroit", "missing": "test/elsewhere" });
    let row = store::StandingRow { kind: kind.to_owned(), id: searched.id, body };
    let court =
        court.reopen_on(async |rows: &store::Jurisdiction| rows.keep(&[store::Kept::Stands(row)]).await.unwrap()).await;
    Some(court)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_log_did_not_take_is_in_no_report_or_survey_however_late_that_was_found() {
    for (kind, in_doubt) in [("undone-entry", false), ("torn-entry", true)] {
        let Some(court) = torn_search(kind).await else { return };
        wait(&court, 7 * 24);
        let examiner = court.who(FIRST).await;
        court.casework.draw_report(&examiner, JURISDICTION, weekly()).await.unwrap();
        let sheet = court.drawn.1.lock().unwrap().pop().unwrap();
        assert_eq!(count(&sheet, "Searches run"), 1, "{kind}");
        let basis = &section(&sheet, "What this is drawn from").text;
        assert_eq!(basis.contains("Of 1 of them it is not known yet"), in_doubt, "{kind}: {basis}");
        let auditor = court.who(AUDITOR).await;
        let scope = Scope { days: Some((date(2026, 3, 9), date(2026, 3, 15))), ..Scope::default() };
        let survey = court.casework.survey(&auditor, JURISDICTION, scope).await.unwrap();
        let sources: Vec<_> = survey.anomalies.iter().filter(|a| a.kind == "image-source").collect();
        assert_eq!(sources.iter().map(|a| a.number).sum::<u64>(), 1, "{kind}: {sources:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_public_is_for_everybody_and_all_of_it_is_as_recorded() {
    let Some(court) = court().await else { return };
    let examiner = court.who(FIRST).await;
    let week = court.casework.draw_report(&examiner, JURISDICTION, weekly()).await.unwrap();
    let year = court.casework.draw_report(&examiner, JURISDICTION, annual()).await.unwrap();
    assert_eq!(year.report.period.first, date(2025, 1, 1));
    let published = court.casework.reports(JURISDICTION, true).await.unwrap();
    assert_eq!(published.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), [year.report.id.as_str()]);
    assert!(published[0].by.is_none(), "the public is not told who drew it up");
    let all = court.casework.reports(JURISDICTION, false).await.unwrap();
    assert_eq!(all.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), [&year.report.id, &week.report.id]);
    for (form, bytes) in &year.files {
        let kept = court.casework.report_file(JURISDICTION, &year.report.id, *form, true).await.unwrap();
        assert_eq!(kept, *bytes, "{form:?}");
        assert!(year.report.renderings.iter().any(|r| r.form == form.suffix() && r.digest == Digest::of(&kept)));
    }
    let closed = court.casework.report_file(JURISDICTION, &week.report.id, Form::Pdf, true).await;
    assert!(matches!(closed, Err(CaseError::Unknown { .. })));
    let auditor = court.who(AUDITOR).await;
    let read = court.casework.inspect_report(&auditor, JURISDICTION, &week.report.id, Form::Pdf).await.unwrap();
    assert!(read.starts_with(b"pdf"));
    let none = court.casework.report_file(JURISDICTION, "nonsense", Form::Pdf, false).await;
    assert!(matches!(none, Err(CaseError::Unknown { .. })));

    let court = court.reopen(|_| {}).await;
    assert_eq!(court.casework.reports(JURISDICTION, false).await.unwrap().len(), 2, "after a restart too");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_not_permitted_or_cannot_be_set_out_is_none() {
    let Some(court) = court().await else { return };
    let (asker, examiner) = (court.who(ASKER).await, court.who(FIRST).await);
    // Not of the unit, no whole week, and silence, which is no answer.
    let half = Asked { days: Some((date(2026, 3, 2), date(2026, 3, 5))), ..weekly() };
    let silent = |asked: Asked| Asked { answers: answers([]), ..asked };
    for (actor, asked, clause) in [
        (&asker, weekly(), "6.2-a"),
        (&asker, annual(), "6.3-a"),
        (&examiner, half, "6.2-a"),
        (&examiner, silent(weekly()), "6.2-b"),
        (&examiner, silent(annual()), "6.3-b"),
    ] {
        refused(court.casework.draw_report(actor, JURISDICTION, asked).await, clause);
    }
    let backwards = Asked { days: Some((date(2026, 3, 8), date(2026, 3, 2))), ..weekly() };
    let invalid = court.casework.draw_report(&examiner, JURISDICTION, backwards).await;
    assert!(matches!(invalid, Err(CaseError::Invalid(_))));
    let unknown = Asked { report: "daily".to_owned(), ..weekly() };
    let unknown = court.casework.draw_report(&examiner, JURISDICTION, unknown).await;
    assert!(matches!(unknown, Err(CaseError::Unknown { .. })));
    court.drawn.2.store(true, Ordering::Release);
    let broken = court.casework.draw_report(&examiner, JURISDICTION, weekly()).await;
    assert!(matches!(broken, Err(CaseError::Draught { .. })));
    assert!(court.casework.reports(JURISDICTION, false).await.unwrap().is_empty());
    assert!(court.drawn.1.lock().unwrap().is_empty());
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_evaluation_says_how_it_was_drawn_and_what_it_found() {
    let Some(court) = court().await else { return };
    let (examiner, outsider) = (court.who(FIRST).await, court.who("k.brandt").await);
    let asked = |report: &str, given: &[&str]| Asked {
        report: report.to_owned(),
        days: Some((date(2026, 3, 2), date(2026, 3, 8))),
        answers: given.iter().map(|name| ((*name).to_owned(), text("30 of 412 steps, seed 2026-03"))).collect(),
    };
    let whole = ["sample", "sample-findings"];
    for (report, clause) in [("compliance-evaluation", "6.1(2)d"), ("purge-audit", "6.1(3)c")] {
        for one_alone in [&whole[..1], &whole[1..]] {
            refused(court.casework.draw_report(&examiner, JURISDICTION, asked(report, one_alone)).await, clause);
        }
        // Nor by an outside agency.
        refused(court.casework.draw_report(&outsider, JURISDICTION, asked(report, &whole)).await, clause);
        assert!(court.drawn.1.lock().unwrap().is_empty());
        let done = court.casework.draw_report(&examiner, JURISDICTION, asked(report, &whole)).await.unwrap();
        assert!(!done.report.public && done.taken.receipt.is_some());
        let sheet = court.drawn.1.lock().unwrap().pop().unwrap();
        assert_eq!(section(&sheet, "Stated by whoever drew this up").rows.len(), 2, "how, and what");
        let owed = court.casework.obligations(JURISDICTION).await.unwrap();
        let follow_up =
            |o: &&casework::obligations::Owed| matches!(&o.duty, Duty::Task(rule) if rule.about.contains("follow up"));
        assert!(owed.iter().filter(follow_up).count() > 0, "{report} is followed up");
    }
    assert_eq!(court.casework.reports(JURISDICTION, false).await.unwrap().len(), 2);
    agree(&court.casework).await;
}

/// The entries whose accounts are such, by their indices.
async fn entries(casework: &Casework, auditor: &Registered, which: impl Fn(&Account) -> bool) -> Vec<u64> {
    let seen = casework.inspect(auditor, JURISDICTION, 0, 1000).await.unwrap();
    seen.into_iter().filter(|s| s.account.as_ref().is_some_and(&which)).map(|s| s.index).collect()
}

fn is_permit(event: &Event) -> bool {
    matches!(event, Event::Decision { rulings, .. } if rulings.verdict() == Verdict::Permit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_shows_where_to_look_and_the_entries_that_say_so() {
    let Some(court) = court().await else { return };
    let examiner = court.who(FIRST).await;
    // Who asks needs no training, and who searches does. That the photograph has no property number yet leaves a task.
    let untrained = court.who(UNTRAINED).await;
    let mut unnumbered = intake(4);
    unnumbered.answers.remove("evidence-number");
    let opened = court.casework.open_request(&untrained, JURISDICTION, unnumbered).await.unwrap().request;
    refused(court.casework.search(&untrained, &opened, Plan::default()).await, "2.3-a");
    court.searched(1, 3).await;
    let mut again = intake(2);
    again.probe = intake(1).probe;
    court.casework.search_now(&examiner, JURISDICTION, again, Plan::default()).await.unwrap();
    let (request, _) = court.disposed(3).await;
    wait(&court, 80);
    court.casework.pass_deadlines().await;
    let auditor = court.who(AUDITOR).await;
    let thresholds = Thresholds { subjects_per_case: 1, night_from: 10, night_to: 13, ..Thresholds::default() };
    let scope = || Scope { days: None, thresholds: thresholds.clone() };
    let survey = court.casework.survey(&auditor, JURISDICTION, scope()).await.unwrap();
    let of = |kind: &str| survey.anomalies.iter().filter(|a| a.kind == kind).collect::<Vec<_>>();
    assert_eq!(of("cases-per-probe").len(), 1);
    assert_eq!(of("cases-per-probe")[0].number, 2);
    assert_eq!(of("subjects-per-case").len(), 3);
    // 15:00 UTC is 11:00 in the jurisdiction, which keeps summer time by then.
    assert_eq!(of("odd-hours").iter().map(|a| a.number).collect::<Vec<_>>(), [3]);
    assert_eq!(of("image-source")[0].about, "cctv");
    let unsigned: Vec<_> = of("lead-unsigned").into_iter().map(|a| a.about.clone()).collect();
    assert_eq!(unsigned, [format!("request {request}")]);
    assert!(of("searches-per-person").is_empty(), "nobody to measure against");
    for index in &of("cases-per-probe")[0].entries {
        let seen = court.casework.inspect(&auditor, JURISDICTION, *index, 1).await.unwrap();
        assert!(matches!(seen[0].account.as_ref().unwrap().event, Event::Searched { .. }), "entry {index}");
    }
    assert!(of("released-unsigned").is_empty(), "nothing left");
    let expired = of("training-expired");
    assert_eq!(expired.len(), 1, "{expired:?}");
    assert_eq!((expired[0].about.clone(), expired[0].number), (format!("{JURISDICTION}/{UNTRAINED}"), 1));
    assert!(expired[0].measure.contains("`facial-examination`"), "{expired:?}");
    let theirs = |account: &Account| account.who.person == UNTRAINED && is_permit(&account.event);
    assert_eq!(expired[0].entries, entries(&court.casework, &auditor, theirs).await, "and not what was refused");
    let overdue = of("obligation-overdue");
    let unnumbered = |about: &str| about.starts_with("clause 5.4(1)-b, obligation ");
    assert_eq!(overdue.iter().filter(|a| unnumbered(&a.about)).count(), 1, "{overdue:?}");
    assert_eq!(overdue.len(), court.ever_on_record("overdue").await, "each was found so once");
    for anomaly in overdue {
        let says = |account: &Account| match &account.event {
            Event::Overdue { obligation, clause, .. } => {
                anomaly.about == format!("clause {clause}, obligation {obligation}")
            }
            _ => false,
        };
        assert_eq!(anomaly.entries, entries(&court.casework, &auditor, says).await, "{anomaly:?}");
    }

    court.look(SECOND, &request).await.unwrap();
    for who in [FIRST, SECOND] {
        court.sign(who, &request, signing("examiner", Conclusion::Lead)).await.unwrap();
    }
    court.sign(SUPERVISOR, &request, signing("ciu-supervisor", Conclusion::Approved)).await.unwrap();
    let survey = court.casework.survey(&auditor, JURISDICTION, scope()).await.unwrap();
    assert!(!survey.anomalies.iter().any(|a| a.kind == "lead-unsigned"), "it is signed now");
    let night = Thresholds { night_from: 24, ..Thresholds::default() };
    let invalid = court.casework.survey(&auditor, JURISDICTION, Scope { days: None, thresholds: night }).await;
    assert!(matches!(invalid, Err(CaseError::Invalid(_))));
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    for (first, last, good) in [
        (date(2026, 1, 1), date(2027, 1, 1), true),
        (date(2026, 1, 1), date(2027, 1, 2), false),
        (date(1970, 1, 1), date(9998, 12, 31), false),
        (date(2026, 3, 2), date(2026, 3, 1), false),
    ] {
        let scope = Scope { days: Some((first, last)), ..Scope::default() };
        match court.casework.survey(&auditor, JURISDICTION, scope).await {
            Ok(survey) => {
                assert!(good && survey.log == "test/detroit" && survey.minimum_index == 0, "{first} to {last}")
            }
            Err(e) => assert!(!good && matches!(e, CaseError::Invalid(_)), "{first} to {last}: {e}"),
        }
    }
    assert_eq!(court.casework.chamber(JURISDICTION).unwrap().log().size(), size + 1, "only the one is a look");
    agree(&court.casework).await;
}

/// A request whose list was judged, and signed with this conclusion, if any; then so many candidates of it left.
async fn left(house: &House, seed: usize, candidates: usize, concluded: Option<Conclusion>) -> String {
    let examiner = house.who(JURISDICTION, FIRST).await;
    let plan = Plan { candidates: Some(3), ..Plan::default() };
    let (opened, searched) = house.casework.search_now(&examiner, JURISDICTION, intake(seed), plan).await.unwrap();
    let request = opened.request.request.id;
    let records: Vec<_> = searched.candidates.into_iter().map(|c| c.record_id).collect();
    let dispositions = records.iter().map(|record| said(record, Likeness::Possible)).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    house.casework.dispose(&examiner, JURISDICTION, &request, examination).await.unwrap();
    if let Some(conclusion) = concluded {
        let reason = "the scar is on the other cheek".to_owned();
        let sign_off = SignOff { reason, ..signing("examiner", conclusion) };
        house.casework.sign(&examiner, JURISDICTION, &request, sign_off).await.unwrap();
    }
    let out = outgoing(&records[..candidates]);
    house.casework.release(&examiner, JURISDICTION, &request, out).await.unwrap();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_shows_what_left_with_a_candidate_and_without_a_signature() {
    let Some(house) = house_that("behave", None).await else { return };
    let unsigned = left(&house, 1, 2, None).await;
    let refused = left(&house, 2, 1, Some(Conclusion::Refused)).await;
    left(&house, 3, 1, Some(Conclusion::Lead)).await;
    left(&house, 4, 0, None).await;
    let auditor = house.who(JURISDICTION, AUDITOR).await;
    let survey = house.casework.survey(&auditor, JURISDICTION, Scope::default()).await.unwrap();
    let found: Vec<_> = survey.anomalies.iter().filter(|a| a.kind == "released-unsigned").collect();
    let expected = [(unsigned, 2), (refused, 1)];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (anomaly, (request, candidates)) in found.into_iter().zip(expected) {
        assert_eq!((anomaly.about.clone(), anomaly.number), (format!("request {request}"), candidates));
        let says = |account: &Account| {
            account.request.as_deref() == Some(request.as_str()) && matches!(account.event, Event::Released { .. })
        };
        let released = entries(&house.casework, &auditor, says).await;
        assert_eq!((anomaly.entries.len(), &anomaly.entries), (1, &released), "{anomaly:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_shows_who_acts_from_two_kinds_of_device_at_a_time() {
    const MINUTE_MS: u64 = 60_000;
    let Some(court) = court().await else { return };
    let asks = async |person: &str, device: Device, seed: usize| {
        let principal = Principal { jurisdiction: JURISDICTION.to_owned(), person: person.to_owned(), device };
        let actor = court.casework.registered(&principal).await.unwrap();
        court.casework.open_request(&actor, JURISDICTION, intake(seed)).await.map(drop)
    };
    // One whose desk and telephone are in use at a time, and one who had time to go from one to the other.
    for (seed, person, minutes) in [(1, FIRST, 2), (3, SECOND, 20)] {
        asks(person, Device::Fixed, seed).await.unwrap();
        court.clock.fetch_add(minutes * MINUTE_MS, Ordering::AcqRel);
        refused(asks(person, Device::Mobile, seed + 1).await, "3.3");
    }
    let auditor = court.who(AUDITOR).await;
    let concurrent = async |thresholds: Thresholds| {
        let scope = Scope { days: None, thresholds };
        let survey = court.casework.survey(&auditor, JURISDICTION, scope).await.unwrap();
        survey.anomalies.into_iter().filter(|a| a.kind == "credential-concurrent").collect::<Vec<_>>()
    };
    let found = concurrent(Thresholds::default()).await;
    let about: Vec<_> = found.iter().map(|a| (a.about.as_str(), a.number)).collect();
    assert_eq!(about, [("detroit/m.whitfield", 1)], "a refused step is a use as well");
    let mut devices = Vec::new();
    for entry in &found[0].entries {
        let seen = court.casework.inspect(&auditor, JURISDICTION, *entry, 1).await.unwrap().remove(0);
        match seen.account.unwrap().event {
            Event::Decision { matters, .. } => devices.push(matters[0].actor.person.device),
            other => panic!("no decision: {other:?}"),
        }
    }
    assert_eq!(devices, [Device::Fixed, Device::Mobile]);
    let longer = concurrent(Thresholds { concurrent_minutes: 30, ..Thresholds::default() }).await;
    assert_eq!(longer.len(), 2);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_the_same_for_whoever_draws_again_and_is_on_record() {
    let Some(court) = court().await else { return };
    for seed in 1..4 {
        let (request, records) = court.searched(seed, 2).await;
        court.dispose(FIRST, &request, vec![said(&records[0], Likeness::Excluded)]).await.unwrap();
    }
    let auditor = court.who(AUDITOR).await;
    let log = court.casework.chamber(JURISDICTION).unwrap().log().clone();
    let size = log.size();
    let one = court.casework.sample(&auditor, JURISDICTION, "2026-03", 5, None).await.unwrap();
    let two = court.casework.sample(&auditor, JURISDICTION, "2026-03", 5, Some(size)).await.unwrap();
    let drawn: Vec<u64> = one.drawn.iter().map(|seen| seen.index).collect();
    assert_eq!(drawn, audit::draw("2026-03", size, 5));
    assert_eq!(two.drawn.iter().map(|seen| seen.index).collect::<Vec<_>>(), drawn, "though the log has grown");
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 5);
    assert!(one.drawn.iter().all(|seen| seen.account_verified == Some(true)));
    let looks = court.casework.inspect(&auditor, JURISDICTION, size, 2).await.unwrap();
    for look in looks {
        let event = look.account.unwrap().event;
        assert!(matches!(&event, Event::Surveyed { asked, parameters } if asked == "sample" && parameters["n"] == "5"));
    }
    for (n, from) in [(0, None), (1001, None), (1, Some(1_000_000))] {
        let invalid = court.casework.sample(&auditor, JURISDICTION, "x", n, from).await;
        assert!(matches!(invalid, Err(CaseError::Invalid(_))), "{n}");
    }
    agree(&court.casework).await;
}
