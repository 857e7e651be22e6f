//! The report phase, and the charter's reports: 6.1(2)d, 6.1(3)c, 6.2, 6.3 and 7(8)-b.

use crate::{answers, settings, standing, words};
use magistrate_sdk::calendar::{before, days_between};
use magistrate_sdk::facts::{Period, Step};
use magistrate_sdk::prelude::*;
use magistrate_sdk::rulings::{Charge, ClauseIndex, ClockOrigin, Report};
use magistrate_sdk::{Case, Duties, Settings};

/// 6.2.
const WEEKLY: &str = "weekly";
/// 6.3.
const ANNUAL: &str = "annual";
/// 6.1(2)d.
pub const COMPLIANCE_EVALUATION: &str = "compliance-evaluation";
/// 6.1(3)c.
pub const PURGE_AUDIT: &str = "purge-audit";
/// The document of a weekly report.
pub const WEEKLY_REPORT: &str = "weekly-report";
/// The document of an annual report.
pub const ANNUAL_REPORT: &str = "annual-report";

/// What a weekly report counts: requests fulfilled, their crimes, leads, and what 6.2 has told with it.
const WEEKLY_TAGS: &[&str] = &[
    "fulfilled",
    "lead",
    "crime",
    "purpose",
    "agency",
    "prohibited-use",
    "change",
    "violation",
    "confirmed-violation",
];

/// What an annual report adds: the facts of the evaluation (6.3).
const EFFICACY_TAGS: &[&str] = &["assisted", "positive-identification", "misidentification", "lawsuit", "settlement"];

/// Why nobody else evaluates or audits.
const ONLY_A_MEMBER: &str = "only a member of the Department evaluates its users and records: have one do it";

/// Days of the week, from Monday, as the setting names them.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The reports as the charter lists them.
pub fn listed(settings: &Settings) -> Vec<Report> {
    let board = settings.text(&settings::BOARD);
    let yearly = [WEEKLY_TAGS, EFFICACY_TAGS].concat();
    let use_of_it = ["agency", "purpose", "prohibited-use", "dissemination", "access", "violation"];
    vec![
        Report {
            week_starts: week_starts(settings),
            due: Some(due(settings, clause!("6.2-a"))),
            ..report(WEEKLY, "Weekly report to the Board of Police Commissioners", "week", board, WEEKLY_TAGS, false)
        },
        Report {
            due: Some(due(settings, clause!("6.3-a"))),
            ..report(ANNUAL, "Annual report to the Board of Police Commissioners", "year", board, &yearly, true)
        },
        report(COMPLIANCE_EVALUATION, "Random evaluation of user compliance", "demand", "LASO", &use_of_it, false),
        report(
            PURGE_AUDIT,
            "Random audit of purged facial recognition information",
            "demand",
            "CIU",
            &["retention"],
            false,
        ),
    ]
}

fn report(id: &str, title: &str, every: &str, to: &str, tags: &[&str], public: bool) -> Report {
    Report {
        id: id.to_owned(),
        title: title.to_owned(),
        every: every.to_owned(),
        week_starts: 1,
        due: None,
        to: vec![to.to_owned()],
        counted_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        public,
    }
}

/// 6.2, 6.3 "The Crime Intelligence Unit shall provide": its commanding officer sees to it, and is told when it is late.
fn due(settings: &Settings, clause: ClauseIndex) -> Charge {
    let commander = settings.text(&settings::COMMANDER_ROLE).to_owned();
    let within_hours = u32::try_from(settings.number(&settings::REPORT_HOURS)).unwrap_or(u32::MAX);
    Charge { clause, owner: commander.clone(), within_hours, late_to: vec![commander] }
}

/// The day on which the setting has a week begin (IR-13): 1 = Monday to 7 = Sunday.
fn week_starts(settings: &Settings) -> u8 {
    let first = settings.text(&settings::WEEK_STARTS);
    (1..).zip(WEEKDAYS).find(|(_, name)| *name == first).map_or(1, |(day, _)| day)
}

/// The rules of the report phase.
pub fn judge(case: &mut Case) {
    let Step::Report(period) = &case.matter().step else { return };
    match period.report.as_str() {
        WEEKLY => weekly(case, period),
        ANNUAL => annual(case, period),
        COMPLIANCE_EVALUATION => evaluation(case, period),
        PURGE_AUDIT => purge_audit(case, period),
        _ => case.clause(clause!("6.2-a")).violated("there is no such report: use one of the charter's"),
    }
    case.clause(clause!("7(8)-b"))
        .notes("all access, participating agencies' included, is subject to review and audit");
}

/// 6.2 "The Crime Intelligence Unit shall provide a weekly report to the Board of Police Commissioners". A week is seven days
/// from the day the setting names (IR-13), and is reported when it is over.
fn weekly(case: &mut Case, period: &Period) {
    let unit = standing::actor_in_unit(case);
    case.clause(clause!("6.2-a")).requires(unit, "the Crime Intelligence Unit provides the report: have it draw it up");
    let whole = days_between(period.first, period.last) == 6
        && case.settings().is(&settings::WEEK_STARTS, weekday(case, period));
    case.clause(clause!("6.2-a")).read_as(reading!("IR-13")).requires(
        whole,
        "the period is no whole week: report from the first day of a week to its last, Monday to Sunday unless set otherwise",
    );
    over(case, period, true);
    accompanied(case);
    let (board, hours) = (case.settings().text(&settings::BOARD), settings::count(case, &settings::REPORT_HOURS));
    case.clause(clause!("6.2-a")).obliges(Duties::document(WEEKLY_REPORT));
    let about = "the weekly report on facial recognition";
    case.clause(clause!("6.2-a")).obliges(Duties::notify(&[board], hours, ClockOrigin::Decision, about));
}

/// The day of the week on which a period starts. The host's clock says what day today is.
fn weekday(case: &Case, period: &Period) -> &'static str {
    let clock = case.clock();
    let days = i64::from(clock.weekday) - 1 - days_between(period.first, clock.today);
    usize::try_from(days.rem_euclid(7)).ok().and_then(|day| WEEKDAYS.get(day).copied()).unwrap_or_default()
}

/// A report covers what has happened, not what is still to come.
fn over(case: &mut Case, period: &Period, weekly: bool) {
    let over = before(period.last, case.today());
    let otherwise = "the period is not over yet: report it when it is";
    if weekly {
        case.clause(clause!("6.2-a")).requires(over, otherwise);
    } else {
        case.clause(clause!("6.3-a")).requires(over, otherwise);
    }
}

/// 6.2 "During this report, if there are any upgrades to the facial recognition software, any planned changes to the contract,
/// and/or any confirmed policy violations, the Department shall notify the Board". "none" is an answer, silence is not.
fn accompanied(case: &mut Case) {
    for (answer, ask) in [
        (answers::UPGRADES, "state the upgrades of the software, or none"),
        (answers::CONTRACT_CHANGES, "state the planned changes to the contract, or none"),
        (answers::CONFIRMED_VIOLATIONS, "state the confirmed policy violations, or none"),
    ] {
        let answered = case.text(answer).is_some();
        case.clause(clause!("6.2-b")).needs(answered, ask);
    }
    let any = [answers::UPGRADES, answers::CONTRACT_CHANGES, answers::CONFIRMED_VIOLATIONS]
        .into_iter()
        .any(|answer| words::stated(case, answer).is_some());
    if any {
        let board = case.settings().text(&settings::BOARD);
        let hours = settings::count(case, &settings::REPORT_HOURS);
        let about = "upgrades, contract changes or confirmed violations of the week";
        case.clause(clause!("6.2-b")).obliges(Duties::notify(&[board], hours, ClockOrigin::Decision, about));
    }
}

/// 6.3 "an annual report to the Board of Police Commissioners … a summary of the weekly reports and an evaluation of the
/// efficacy … disseminated at the Board['s] meeting, and electronic copy shall be provided to the Board for dissemination to
/// the public."
fn annual(case: &mut Case, period: &Period) {
    let unit = standing::actor_in_unit(case);
    case.clause(clause!("6.3-a")).requires(unit, "the Crime Intelligence Unit provides the report: have it draw it up");
    let (first, last) = (period.first, period.last);
    let whole = first / 10_000 == last / 10_000 && first % 10_000 == 101 && last % 10_000 == 1231;
    case.clause(clause!("6.3-a"))
        .requires(whole, "the period is no whole year: report from 1 January to 31 December of one year");
    over(case, period, false);
    let suits = case.text(answers::LAWSUITS).is_some();
    let settled = case.text(answers::SETTLEMENTS).is_some();
    let efficacy = case.text(answers::EFFICACY).is_some();
    case.clause(clause!("6.3-b")).needs(suits, "state the year's relevant lawsuits, or none");
    case.clause(clause!("6.3-b")).needs(settled, "state the year's relevant settlements, or none");
    case.clause(clause!("6.3-b")).needs(efficacy, "evaluate the technology's efficacy");
    case.clause(clause!("6.3-c")).notes("an electronic copy goes to the Board for the public");
    let commander = case.settings().text(&settings::COMMANDER_ROLE);
    let (board, hours) = (case.settings().text(&settings::BOARD), settings::count(case, &settings::REPORT_HOURS));
    case.clause(clause!("6.3-a")).obliges(Duties::document(ANNUAL_REPORT));
    let about = "the annual report on facial recognition, for the Board's meeting";
    case.clause(clause!("6.3-a")).obliges(Duties::notify(&[board], hours, ClockOrigin::Decision, about));
    let about = "provide the Board with an electronic copy of the annual report to publish";
    case.clause(clause!("6.3-c")).obliges(Duties::task(commander, about, hours));
}

/// 6.1(2)d "random evaluations of user compliance with system requirements along with this policy and applicable laws are
/// conducted and documented".
fn evaluation(case: &mut Case, period: &Period) {
    let laso = case.settings().text(&settings::LASO_ROLE);
    let (member, past) = (standing::actor_is_member(case), spans_the_past(case, period));
    let [sample, findings] = [answers::SAMPLE, answers::SAMPLE_FINDINGS].map(|answer| case.text(answer).is_some());
    case.clause(clause!("6.1(2)d")).requires(member, ONLY_A_MEMBER);
    case.clause(clause!("6.1(2)d"))
        .requires(past, "the period is no span of past days: correct its first and last day");
    case.clause(clause!("6.1(2)d")).needs(sample, "state how the users and steps evaluated were drawn at random");
    case.clause(clause!("6.1(2)d")).needs(findings, "document what the evaluation found");
    case.clause(clause!("6.1(2)d")).obliges(Duties::document(COMPLIANCE_EVALUATION));
    case.clause(clause!("6.1(2)d")).obliges(Duties::task(laso, "follow up what the evaluation found", 72));
}

/// 6.1(3)c "Confirming, through random audits, that facial recognition information is purged in accordance with this policy".
fn purge_audit(case: &mut Case, period: &Period) {
    let commander = case.settings().text(&settings::COMMANDER_ROLE);
    let (member, past) = (standing::actor_is_member(case), spans_the_past(case, period));
    let [sample, findings] = [answers::SAMPLE, answers::SAMPLE_FINDINGS].map(|answer| case.text(answer).is_some());
    case.clause(clause!("6.1(3)c")).requires(member, ONLY_A_MEMBER);
    case.clause(clause!("6.1(3)c"))
        .requires(past, "the period is no span of past days: correct its first and last day");
    case.clause(clause!("6.1(3)c")).needs(sample, "state how the records audited were drawn at random");
    case.clause(clause!("6.1(3)c")).needs(findings, "document whether each was purged as the policy says");
    case.clause(clause!("6.1(3)c")).obliges(Duties::document(PURGE_AUDIT));
    case.clause(clause!("6.1(3)c")).obliges(Duties::task(commander, "follow up what the audit found", 72));
}

/// Whether a period has its days in order and none of them is still to come.
fn spans_the_past(case: &Case, period: &Period) -> bool {
    !before(period.last, period.first) && !before(case.today(), period.last)
}
