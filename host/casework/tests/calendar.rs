//! Duties by the calendar: a week that nobody reports is owed, late and told, and a review whose day has come.

use crate::common::{ASKER, Court, FIRST, JURISDICTION, agree, answers, court, demanding, misstep, text};
use casework::obligations::Owed;
use casework::report::Asked;
use casework::{CaseError, Misstep};
use jiff::civil::{Date, date};
use magistrate_casework as casework;
use model::account::Event;
use model::notice::Notice;
use model::rulings::Duty;
use model::terms::Instant;
use std::sync::atomic::Ordering;

const COMMANDER: &str = "c.hargrove";
const COMMANDER_ROLE: &str = "ciu-commander";
const LASO_ROLE: &str = "laso";
const BOARD: &str = "Board of Police Commissioners";

/// Of the week in which the court opens.
const WEEK: (Date, Date) = (date(2026, 3, 9), date(2026, 3, 15));

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn set(court: &Court, moment: &str) {
    court.clock.store(at(moment).0, Ordering::Release);
}

fn weekly(days: Option<(Date, Date)>) -> Asked {
    let none = ["software-upgrades", "contract-changes", "confirmed-violations"].map(|name| (name, text("none")));
    Asked { report: "weekly".to_owned(), days, answers: answers(none) }
}

/// What is owed under a clause by the calendar, the most urgent first.
async fn owed(court: &Court, clause: &str) -> Vec<Owed> {
    let all = court.casework.obligations(JURISDICTION).await.unwrap();
    all.into_iter().filter(|o| *o.clause == *clause && o.about.is_some() && matches!(o.duty, Duty::Task(_))).collect()
}

/// How many duties the host has opened under a clause, and how many of a clause it called late.
async fn on_record(court: &Court, clause: &str) -> (usize, usize) {
    let auditor = court.who("a.feld").await;
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let entries = court.casework.inspect(&auditor, JURISDICTION, 0, size.min(1000)).await.unwrap();
    let events: Vec<Event> = entries.into_iter().filter_map(|e| e.account).map(|account| account.event).collect();
    let opened = events.iter().filter(|event| {
        matches!(event, Event::Host { act, details } if act == "due-by-the-calendar" && details["clause"] == clause)
    });
    let late = events.iter().filter(|event| matches!(event, Event::Overdue { clause: of, .. } if of == clause));
    (opened.count(), late.count())
}

fn told(court: &Court, office: &str) -> Vec<Notice> {
    let notices = court.outbox.notices.lock().unwrap();
    notices.iter().filter(|notice| notice.to == [office]).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_nobody_reports_is_owed_late_and_told_until_it_is_drawn_up() {
    let Some(court) = court().await else { return };
    court.casework.pass_deadlines().await;
    assert!(owed(&court, "6.2-a").await.is_empty(), "the week is not over, and there was none before");
    // Midnight on Monday, by the jurisdiction's clock, and an hour.
    set(&court, "2026-03-16T05:00:00.000Z");
    court.casework.pass_deadlines().await;
    let due = owed(&court, "6.2-a").await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].owner.as_str(), due[0].due), (COMMANDER_ROLE, Some(at("2026-03-23T04:00:00.000Z"))));
    assert!(matches!(&due[0].duty, Duty::Task(task) if task.about.contains("2026-03-09 to 2026-03-15")));
    court.casework.pass_deadlines().await;
    let court = court.reopen(|_| {}).await;
    court.casework.pass_deadlines().await;
    assert_eq!(owed(&court, "6.2-a").await, due, "once");
    assert_eq!(on_record(&court, "6.2-a").await, (1, 0));
    let commander = court.who(COMMANDER).await;
    let word = court.casework.complete(&commander, JURISDICTION, &due[0].id, "it is on my desk").await;
    let word = misstep(word);
    assert!(matches!(&word, Misstep::NotByWord { of, .. } if *of == due[0].id), "{word}");
    assert_eq!(demanding(&word), ["6.2-a"]);

    set(&court, "2026-03-23T04:00:01.000Z");
    for _ in 0..2 {
        court.casework.pass_deadlines().await;
        assert_eq!(on_record(&court, "6.2-a").await, (2, 1), "said once, and the next week is over");
        assert_eq!(told(&court, COMMANDER_ROLE).len(), 1, "told once");
    }
    let late = told(&court, COMMANDER_ROLE).pop().unwrap();
    assert!(late.subject.starts_with("overdue: draw up") && late.enclosed.is_empty(), "{late:?}");

    let (asker, examiner) = (court.who(ASKER).await, court.who(FIRST).await);
    let refused = court.casework.draw_report(&asker, JURISDICTION, weekly(Some(WEEK))).await;
    assert!(matches!(refused, Err(CaseError::Refused { .. })), "not of the unit");
    let sample = answers(["sample", "sample-findings"].map(|name| (name, text("30 of 412 steps, seed 2026-03"))));
    let other = Asked { report: "compliance-evaluation".to_owned(), days: Some(WEEK), answers: sample };
    court.casework.draw_report(&examiner, JURISDICTION, other).await.unwrap();
    assert_eq!(owed(&court, "6.2-a").await.iter().filter(|o| o.is_overdue()).count(), 1, "another report");
    court.casework.draw_report(&examiner, JURISDICTION, weekly(Some(WEEK))).await.unwrap();
    let left = owed(&court, "6.2-a").await;
    assert_eq!(left.len(), 1, "late as it is");
    assert!(matches!(&left[0].duty, Duty::Task(task) if task.about.contains("2026-03-16 to 2026-03-22")));
    court.casework.draw_report(&examiner, JURISDICTION, weekly(None)).await.unwrap();
    assert!(owed(&court, "6.2-a").await.is_empty());
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_missed_is_opened_by_the_next_one() {
    let Some(court) = court().await else { return };
    let court = court.reopen_after(async |_: &std::path::Path| {}).await;
    set(&court, "2026-04-01T15:00:00.000Z");
    court.casework.pass_deadlines().await;
    court.casework.pass_deadlines().await;
    let due = owed(&court, "6.2-a").await;
    assert_eq!(due.iter().map(Owed::is_overdue).collect::<Vec<_>>(), [true, true, false], "{due:?}");
    assert_eq!(on_record(&court, "6.2-a").await, (3, 2));
    assert!(owed(&court, "6.3-a").await.is_empty(), "the year before was over before there was anything to report");
    // Years of weeks later, no more than there is anybody to draw up.
    set(&court, "2027-01-02T15:00:00.000Z");
    court.casework.pass_deadlines().await;
    assert_eq!(owed(&court, "6.3-a").await.len(), 1);
    assert_eq!(on_record(&court, "6.2-a").await.0, 42, "from 9 March to 27 December");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_there_is_not_owed() {
    let Some(court) = court().await else { return };
    set(&court, "2026-03-16T05:00:00.000Z");
    court.casework.draw_report(&court.who(FIRST).await, JURISDICTION, weekly(None)).await.unwrap();
    court.casework.pass_deadlines().await;
    assert!(owed(&court, "6.2-a").await.is_empty());
    assert_eq!(on_record(&court, "6.2-a").await, (0, 0));
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_a_report_goes_out_with_it() {
    let Some(court) = court().await else { return };
    let examiner = court.who(FIRST).await;
    court.casework.pass_deadlines().await;
    assert!(told(&court, BOARD).is_empty());
    let done = court.casework.draw_report(&examiner, JURISDICTION, weekly(None)).await.unwrap();
    court.casework.pass_deadlines().await;
    court.casework.pass_deadlines().await;
    let notices = told(&court, BOARD);
    assert_eq!(notices.len(), 1, "once");
    let names: Vec<_> = notices[0].enclosed.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["weekly-2026-03-02-2026-03-08.html", "weekly-2026-03-02-2026-03-08.pdf"]);
    for file in &notices[0].enclosed {
        assert!(done.files.iter().any(|(_, bytes)| *bytes == file.bytes), "{} is as recorded", file.name);
    }
    assert!(notices[0].body.contains("Enclosed: weekly-2026-03-02-2026-03-08.pdf"));
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_report_that_was_not_drawn_up() {
    let Some(court) = court().await else { return };
    court.drawn.2.store(true, Ordering::Release);
    let broken = court.casework.draw_report(&court.who(FIRST).await, JURISDICTION, weekly(None)).await;
    assert!(matches!(broken, Err(CaseError::Draught { .. })));
    let open = court.casework.obligations(JURISDICTION).await.unwrap();
    assert!(!open.iter().any(|o| matches!(o.duty, Duty::Notify(_))), "it is set aside");
    set(&court, "2026-03-18T15:00:00.000Z");
    court.casework.pass_deadlines().await;
    assert!(told(&court, BOARD).is_empty());
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_owed_from_its_day_on() {
    let Some(court) = court().await else { return };
    // A quarter to midnight on the day before, by the jurisdiction's clock.
    set(&court, "2026-12-16T04:45:00.000Z");
    court.casework.pass_deadlines().await;
    assert!(owed(&court, "hdr").await.is_empty());
    set(&court, "2026-12-16T05:00:00.000Z");
    court.casework.pass_deadlines().await;
    let due = owed(&court, "hdr").await;
    assert_eq!((due.len(), due[0].owner.as_str()), (1, LASO_ROLE));
    assert_eq!((due[0].due, due[0].is_overdue()), (Some(at("2026-12-17T05:00:00.000Z")), false), "by its end");
    let laso = court.who("l.ortega").await;
    let word = court.casework.complete(&laso, JURISDICTION, &due[0].id, "it was reviewed").await;
    assert!(matches!(misstep(word), Misstep::NotByWord { .. }));
    set(&court, "2026-12-17T05:00:01.000Z");
    court.casework.pass_deadlines().await;
    assert!(owed(&court, "hdr").await[0].is_overdue());
    let review = told(&court, LASO_ROLE).into_iter().filter(|notice| notice.clause == "hdr");
    assert_eq!(review.count(), 1);
    agree(&court.casework).await;
}
