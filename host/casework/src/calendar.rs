//! Duties by the calendar: a report whose week, month or year is over, and the review of a directive whose day has come.
//!
//! No decision imposes them: a week of which nobody says anything is owed, too. The charter says who owes what, and by when.
//! Each pass over the deadlines opens what has become due and is not open yet, with an entry first; what a pass missed, or a
//! host that was off, the next one opens. A duty follows from the period or the day alone, so that it is opened once.
//!
//! Nobody's word meets it. The step that draws the report up for its period does, late as it may be; and the activation of a
//! revision that is due for review later. When it is late that is on record, and those are told whom the charter names.

use crate::chamber::{Casework, Chamber};
use crate::clock::zone;
use crate::error::CaseError;
use crate::ledger::{self, Subject};
use crate::obligations::{self, Owed, Reach, Standing};
use crate::report::period;
use crate::revision::{self, Revision, State};
use jiff::tz::TimeZone;
use model::account::{Awaited, Event, Retained};
use model::combine::PolicyRef;
use model::facts::Period;
use model::rulings::{Charge, Charter, ClockOrigin, Duty, NoticeRule, Report, TaskRule};
use model::terms::{Date, Digest, Instant};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a duty to draw a report up is about.
const REPORT: &str = "report";

/// What a duty to review the directive is about.
const REVIEW: &str = "review";

/// As the entry calls it that a duty is opened.
pub(crate) const OPENED: &str = "due-by-the-calendar";

/// Where that entry has the duty itself, as JSON.
const DUTY: &str = "duty";

/// Periods of one report that are looked back at: more than two years of weeks.
const MOST_PERIODS: usize = 120;

/// Hours within which those hear of it whom the charter has told that something is late.
const NOTICE_HOURS: u32 = 24;

const HOUR_MS: u64 = 3_600_000;

/// Characters of an obligation's id.
const ID_LEN: usize = 32;

/// The policy whose calendar was gone through last, and the day on which: until either is another, nothing more becomes due.
#[derive(Default)]
pub(crate) struct GoneThrough(Mutex<Option<(PolicyRef, Date)>>);

impl GoneThrough {
    fn is(&self, at: &(PolicyRef, Date)) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(at)
    }

    fn set(&self, at: (PolicyRef, Date)) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

/// From when on a jurisdiction owes reports.
struct Since {
    /// It began then.
    begun: Instant,
    /// The policy in force took effect then.
    in_force: Instant,
}

impl Since {
    /// None where no policy is in force.
    fn of(revisions: &[Revision]) -> Option<Self> {
        let since = |revision: &Revision| match revision.state {
            State::InForce { since } | State::Superseded { since, .. } => Some(since),
            State::Proposed | State::Permitted { .. } => None,
        };
        let in_force = revisions.iter().find(|r| r.is_in_force()).and_then(since)?;
        Some(Self { begun: revisions.iter().filter_map(since).min().unwrap_or(in_force), in_force })
    }
}

impl Casework {
    /// Opens what has become due by the calendar of a jurisdiction, and is not open yet.
    pub(crate) async fn open_due(&self, chamber: &Chamber) -> Result<(), CaseError> {
        let Some(policy) = chamber.ready() else { return Ok(()) };
        let (charter, now) = (policy.charter(), self.clock.now()?);
        let zone = zone(&charter.time_zone);
        let today = period::day(now, &zone);
        let at = (policy.reference().clone(), today);
        if chamber.gone_through.is(&at) {
            return Ok(());
        }
        chamber.ledger.settle().await?;
        let Some(since) = Since::of(&revision::read(&chamber.store).await?) else { return Ok(()) };
        let mut all = true;
        for report in &charter.reports {
            let Some(charge) = &report.due else { continue };
            for (period, over) in missing(chamber, report, today, &zone, &since).await? {
                let about = of_period(&period);
                let what = format!("draw up `{}` for {} to {}", report.title, period.first, period.last);
                let owed = duty(chamber.id(), charge, about, what, over, now);
                if !self.open_one(chamber, owed, Some(&period)).await? {
                    // What was owed once is where the next pass stops looking back: none is left out before it.
                    all = false;
                    break;
                }
            }
        }
        if let (Some(day), Some(charge)) = (charter.review_due, &charter.review)
            && day <= today
        {
            let over = period::moments(day, day, &zone)?.end;
            let what = format!("review the directive, which was due for review on {day}");
            all &= self.open_one(chamber, duty(chamber.id(), charge, of_review(day), what, over, now), None).await?;
        }
        if all {
            chamber.gone_through.set(at);
        }
        Ok(())
    }

    /// Opens one duty, unless that was done, or the report is there already. Gives whether that is settled: it is not while
    /// another host is at it, and the next pass looks at it again.
    async fn open_one(&self, chamber: &Chamber, owed: Owed, period: Option<&Period>) -> Result<bool, CaseError> {
        let Some(_turn) = self.turn_of(chamber, &owed).await? else { return Ok(false) };
        chamber.ledger.settle().await?;
        if chamber.store.obligation(owed.filed_under().as_deref(), &owed.id).await?.is_some() {
            return Ok(true);
        }
        if let Some(period) = period {
            let drawn = self.reports(chamber.id(), false).await?;
            if drawn.iter().any(|report| report.period == *period) {
                return Ok(true);
            }
        }
        let details = told(&owed)?;
        let rows = obligations::imposition(&model::terms::new_id(), std::slice::from_ref(&owed))?;
        chamber.record_host_with(owed.since, OPENED, details, rows.into_iter().collect()).await?;
        Ok(true)
    }

    /// Records that such a duty is late, unless that is on record, and has those told whom the charter names.
    pub(crate) async fn say_late(&self, chamber: &Chamber, owed: Owed, now: Instant) -> Result<(), CaseError> {
        if owed.is_overdue() {
            return Ok(());
        }
        tracing::warn!(jurisdiction = chamber.id(), clause = %owed.clause, "what is due by the calendar is overdue");
        let (due, clause) = (owed.due.unwrap_or(now), owed.clause.to_string());
        let notice: Vec<Owed> = notice(chamber, &owed, now).into_iter().collect();
        let demanded =
            |o: &Owed| Awaited { jurisdiction: o.jurisdiction.clone(), clause: o.clause.clone(), duty: o.duty.clone() };
        let demands = notice.iter().map(demanded).collect();
        let event = Event::Overdue { obligation: owed.id.clone(), clause, due, demands };
        let mut rows = vec![owed.late(now)?];
        rows.extend(obligations::imposition(&model::terms::new_id(), &notice)?);
        let entry = chamber.own_entry(now, Subject::Apart, None, event);
        ledger::record(&[&chamber.ledger], entry, rows).await?;
        self.stir.notify_one();
        Ok(())
    }
}

/// The periods of a report that are over and of which nothing is on record as owed, oldest first, each with the moment at which
/// it was over. Where none of a report was ever owed, those count that ended since the policy in force took effect.
async fn missing(
    chamber: &Chamber,
    report: &Report,
    today: Date,
    zone: &TimeZone,
    since: &Since,
) -> Result<Vec<(Period, Instant)>, CaseError> {
    let (mut missing, mut before, mut owed_once) = (Vec::new(), today, false);
    while missing.len() < MOST_PERIODS
        && let Some((first, last)) = period::usual(&report.every, report.week_starts, before)
        && let Ok(span) = period::moments(first, last, zone)
        && span.end > since.begun
    {
        let period = Period { report: report.id.clone(), first, last };
        if of_report(chamber, &period).await?.is_some() {
            owed_once = true;
            break;
        }
        missing.push((period, span.end));
        before = first;
    }
    if !owed_once {
        missing.retain(|(_, over)| *over > since.in_force);
    }
    missing.reverse();
    Ok(missing)
}

/// The duty to draw a report up for a period, as it stands, if it was opened. Whoever is about to meet it takes the
/// [turn](turn) of the period first.
pub(crate) async fn of_report(chamber: &Chamber, period: &Period) -> Result<Option<Owed>, CaseError> {
    let about = of_period(period);
    let filed = obligations::filed_under(&about);
    let row = chamber.store.obligation(Some(&filed), &id(chamber.id(), &about, "")).await?;
    row.map(Owed::read).transpose()
}

/// What such a duty to draw a report up for a period is filed under, and its id.
pub(crate) fn place(jurisdiction: &str, period: &Period) -> (String, String) {
    let about = of_period(period);
    (obligations::filed_under(&about), id(jurisdiction, &about, ""))
}

/// What the entry says of a duty that is opened: all there is to it.
fn told(owed: &Owed) -> Result<BTreeMap<String, String>, CaseError> {
    let duty = serde_json::to_string(&owed.duty).map_err(|e| CaseError::Log(e.to_string()))?;
    let mut details = BTreeMap::from([
        ("obligation".to_owned(), owed.id.clone()),
        ("clause".to_owned(), owed.clause.to_string()),
        ("owner".to_owned(), owed.owner.clone()),
        (DUTY.to_owned(), duty),
    ]);
    details.extend(owed.due.map(|due| ("due".to_owned(), due.to_string())));
    details.extend(owed.about.as_ref().map(|about| (about.subject.clone(), about.record.clone())));
    Ok(details)
}

/// The duty that such an entry of this moment says was opened; none where it says less, as entries of older programs do.
pub(crate) fn opened(jurisdiction: &str, details: &BTreeMap<String, String>, at: Instant) -> Option<Owed> {
    let (subject, record) = [REPORT, REVIEW].into_iter().find_map(|of| Some((of, details.get(of)?)))?;
    let about = Retained { subject: subject.to_owned(), gallery: None, record: record.clone() };
    let due = details.get("due")?.parse::<Instant>().ok()?;
    Some(Owed {
        id: details.get("obligation")?.clone(),
        jurisdiction: jurisdiction.to_owned(),
        clause: details.get("clause")?.as_str().into(),
        duty: serde_json::from_str(details.get(DUTY)?).ok()?,
        request: None,
        about: Some(about),
        owner: details.get("owner")?.clone(),
        since: at,
        due: Some(due),
        standing: Standing::Open,
        tries: 0,
        reach: Reach::default(),
        wake: Some(due),
    })
}

/// Whose turn is taken for what is owed of a period.
pub(crate) fn turn(period: &Period) -> String {
    obligations::filed_under(&of_period(period))
}

/// The duties to review that a charter which takes effect meets: those of an earlier day than its own.
pub(crate) async fn reviewed_by(chamber: &Chamber, charter: &Charter) -> Result<Vec<Owed>, CaseError> {
    chamber.ledger.settle().await?;
    let open = chamber.store.open_obligations(None).await?.into_iter().map(Owed::read);
    let earlier = |owed: &Owed| {
        let about = owed.about.as_ref().filter(|about| about.subject == REVIEW && owed.jurisdiction == chamber.id());
        let day = about.and_then(|about| about.record.parse::<Date>().ok());
        is_of_it(owed) && day.is_some_and(|day| charter.review_due.is_none_or(|next| day < next))
    };
    // One that cannot be read holds no activation up: it stays open.
    Ok(open.filter_map(Result::ok).filter(earlier).collect())
}

/// Whether an obligation is owed by the calendar, so that nobody's word meets it.
pub(crate) fn is_of_it(owed: &Owed) -> bool {
    let subject = owed.about.as_ref().map(|about| about.subject.as_str());
    owed.request.is_none() && matches!(owed.duty, Duty::Task(_)) && matches!(subject, Some(REPORT | REVIEW))
}

fn of_period(period: &Period) -> Retained {
    let record = format!("{} {} {}", period.report, period.first, period.last);
    Retained { subject: REPORT.to_owned(), gallery: None, record }
}

fn of_review(day: Date) -> Retained {
    Retained { subject: REVIEW.to_owned(), gallery: None, record: day.to_string() }
}

/// Follows from what it is about. `which` tells the notices of it from the duty itself.
fn id(jurisdiction: &str, about: &Retained, which: &str) -> String {
    let mut id =
        Digest::of(format!("{jurisdiction}\n{}\n{}\n{which}", about.subject, about.record).as_bytes()).to_string();
    id.truncate(ID_LEN);
    id
}

/// A duty that fell on a day that is `over` then.
fn duty(jurisdiction: &str, charge: &Charge, about: Retained, what: String, over: Instant, now: Instant) -> Owed {
    let Charge { clause, owner, within_hours, .. } = charge;
    let due = over.plus_ms(u64::from(*within_hours) * HOUR_MS);
    Owed {
        id: id(jurisdiction, &about, ""),
        jurisdiction: jurisdiction.to_owned(),
        clause: clause.clone(),
        duty: Duty::Task(TaskRule { owner: owner.clone(), about: what, within_hours: *within_hours }),
        request: None,
        about: Some(about),
        owner: owner.clone(),
        since: now,
        due: Some(due),
        standing: Standing::Open,
        tries: 0,
        reach: Reach::default(),
        wake: Some(due),
    }
}

/// The notice that a duty is late, if the charter in force names anybody who is told.
fn notice(chamber: &Chamber, owed: &Owed, now: Instant) -> Option<Owed> {
    let (about, Duty::Task(task)) = (owed.about.as_ref()?, &owed.duty) else { return None };
    let policy = chamber.ready()?;
    let to = charge_of(policy.charter(), about)?.late_to.clone();
    if to.is_empty() {
        return None;
    }
    let said = format!("overdue: {}", task.about);
    let rule = NoticeRule { to, within_hours: NOTICE_HOURS, origin: ClockOrigin::Decision, about: said };
    notice_by(owed, rule, now)
}

/// The same by this rule, as the entry has it; none for what is about nothing.
pub(crate) fn notice_by(owed: &Owed, rule: NoticeRule, now: Instant) -> Option<Owed> {
    let due = now.plus_ms(u64::from(rule.within_hours) * HOUR_MS);
    Some(Owed {
        id: id(&owed.jurisdiction, owed.about.as_ref()?, "late"),
        owner: rule.to.join(", "),
        duty: Duty::Notify(rule),
        since: now,
        due: Some(due),
        standing: Standing::Open,
        tries: 0,
        reach: Reach::default(),
        wake: Some(now),
        ..owed.clone()
    })
}

/// What the charter says of a duty about this.
fn charge_of<'c>(charter: &'c Charter, about: &Retained) -> Option<&'c Charge> {
    if about.subject == REVIEW {
        return charter.review.as_ref();
    }
    // The first and the last day stand behind the report's id.
    let id = about.record.rsplitn(3, ' ').nth(2)?;
    charter.reports.iter().find(|report| report.id == id)?.due.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(state: State) -> Revision {
        let reference = PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() };
        Revision::new(&reference, None, state)
    }

    #[test]
    fn reports_are_owed_since_there_was_a_policy() {
        assert!(Since::of(&[]).is_none() && Since::of(&[revision(State::Proposed)]).is_none());
        let first = State::Superseded { since: Instant(3), until: Instant(7) };
        let all = [revision(State::InForce { since: Instant(7) }), revision(first), revision(State::Proposed)];
        let since = Since::of(&all).unwrap();
        assert_eq!((since.begun, since.in_force), (Instant(3), Instant(7)));
    }

    #[test]
    fn a_duty_follows_from_its_period_and_is_due_as_the_charter_says() {
        let charge = Charge { clause: "6".into(), owner: "chief".into(), within_hours: 48, late_to: vec![] };
        let day = |text: &str| text.parse::<Date>().unwrap();
        let week = Period { report: "weekly".into(), first: day("2026-03-02"), last: day("2026-03-08") };
        let owed = |period: &Period, now: u64| {
            duty("north", &charge, of_period(period), "draw it up".into(), Instant(1_000), Instant(now))
        };
        let first = owed(&week, 5_000);
        assert_eq!((first.due, first.wake), (Some(Instant(1_000 + 48 * HOUR_MS)), first.due));
        assert_eq!(first.id, owed(&week, 9_000).id, "whenever it is opened");
        assert_ne!(first.id, owed(&Period { first: day("2026-03-01"), ..week.clone() }, 5_000).id);
        assert_eq!(first.filed_under().as_deref(), Some("report /weekly 2026-03-02 2026-03-08"));
        assert!(is_of_it(&first));
        assert!(!is_of_it(&Owed { request: Some("r".into()), ..first.clone() }));
        assert!(!is_of_it(&Owed { about: None, ..first }));
    }

    #[test]
    fn what_the_charter_says_of_it_is_found_again() {
        let blank = serde_json::json!({
            "id": "p", "title": "", "authority": "", "authority_text": Digest::default(), "effective": "2026-01-01",
            "time_zone": "UTC",
            "review": { "clause": "0", "owner": "chief", "within_hours": 0 },
            "reports": [
                { "id": "weekly", "title": "", "every": "week", "public": false },
                { "id": "of the year", "title": "", "every": "year", "public": false,
                  "due": { "clause": "6", "owner": "chief", "within_hours": 1 } },
            ],
        });
        let charter: Charter = serde_json::from_value(blank).unwrap();
        let clause = |about: &Retained| charge_of(&charter, about).map(|charge| charge.clause.to_string());
        let period = |report: &str| Period {
            report: report.into(),
            first: "2026-01-01".parse().unwrap(),
            last: "2026-12-31".parse().unwrap(),
        };
        assert_eq!(clause(&of_period(&period("of the year"))).as_deref(), Some("6"));
        assert_eq!(clause(&of_period(&period("weekly"))), None);
        assert_eq!(clause(&of_period(&period("gone"))), None);
        assert_eq!(clause(&of_review("2026-12-16".parse().unwrap())).as_deref(), Some("0"));
        assert_eq!(charter.reports[0].week_starts, 1);
    }
}
