//! Until when D.3 lets a mugshot stay on the server, as a day and as a moment.
//!
//! A purge is due at a moment, but the order counts days, in the jurisdiction's time zone. The contract gives a policy
//! the present moment, the local date and the local time of day: local midnight follows from these.

use crate::settings::{DAY_READING, NOTICE_DAYS, count};
use magistrate_sdk::Case;
use magistrate_sdk::calendar::{HOUR_MS, days_between};
use magistrate_sdk::facts::Clock;
use magistrate_sdk::terms::{Date, Instant};

/// Milliseconds in a minute.
const MINUTE_MS: u64 = 60_000;

/// Milliseconds in a day of 24 hours.
const DAY_MS: u64 = 24 * HOUR_MS;

/// The end of this date in the jurisdiction.
///
/// Where daylight-saving time changes between today and then, midnight is an hour earlier or later than whole days from
/// now would have it. A policy cannot know, so the earlier, stricter, moment is taken: an hour before midnight by
/// today's offset, which is midnight where clocks are put forward meanwhile.
pub fn end_of(clock: Clock, date: Date) -> Instant {
    midnight(clock, days_between(clock.today, date).saturating_add(1)).saturating_sub(HOUR_MS)
}

/// The moment by which a mugshot noticed on this day is gone from the server (D.3, IR-12).
pub fn due(case: &Case, noticed: Date) -> Instant {
    let clock = case.clock();
    let days = i64::from(count(case.settings(), &NOTICE_DAYS));
    let since = days_between(clock.today, noticed);
    if by_the_hour(case) {
        // The record says on which day the notice came, not when: the day's first moment is the stricter one.
        let span = days.unsigned_abs().saturating_mul(DAY_MS);
        return midnight(clock, since).saturating_sub(HOUR_MS).saturating_add(span);
    }
    midnight(clock, since.saturating_add(days).saturating_add(1)).saturating_sub(HOUR_MS)
}

/// Whether a mugshot noticed on this day should be gone by now (D.3, IR-12): by the date, which needs no moment, or by
/// the hour.
pub fn past(case: &Case, noticed: Date) -> bool {
    if by_the_hour(case) {
        return case.clock().now > due(case, noticed);
    }
    days_between(noticed, case.today()) > i64::from(count(case.settings(), &NOTICE_DAYS))
}

/// How many days ago this moment was in the jurisdiction: 0 for today, 1 for any moment of yesterday. By today's offset
/// from UTC.
pub fn days_ago(clock: Clock, at: Instant) -> i64 {
    let before_today = midnight(clock, 0).saturating_sub(at);
    i64::try_from(before_today.div_ceil(DAY_MS)).unwrap_or(i64::MAX)
}

fn by_the_hour(case: &Case) -> bool {
    case.settings().is(&DAY_READING, "hours-240")
}

/// The midnight that begins the day so many days from today, by today's offset from UTC.
fn midnight(clock: Clock, days: i64) -> Instant {
    // Offsets are whole minutes, so seconds into the minute are the same here as in UTC.
    let into_the_day = clock.now % MINUTE_MS + u64::from(clock.minute_of_day) * MINUTE_MS;
    let today = clock.now.saturating_sub(into_the_day);
    let span = days.unsigned_abs().saturating_mul(DAY_MS);
    if days < 0 { today.saturating_sub(span) } else { today.saturating_add(span) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use magistrate_sdk::calendar::date;

    /// 2026-03-01T16:00:30Z, a Sunday: ten in the morning in St. Louis, before clocks are put forward on 8 March.
    const CLOCK: Clock = Clock { now: 1_772_380_830_000, today: date(2026, 3, 1), weekday: 7, minute_of_day: 600 };

    /// 2026-03-01T06:00:00Z.
    const MIDNIGHT: u64 = 1_772_344_800_000;

    #[test]
    fn midnight_is_local() {
        assert_eq!(midnight(CLOCK, 0), MIDNIGHT);
        assert_eq!(midnight(CLOCK, -1), MIDNIGHT - DAY_MS);
    }

    #[test]
    fn a_day_ends_no_later_than_its_midnight() {
        // 2026-03-12T05:00:00Z is the end of 11 March, when St. Louis is five hours behind UTC.
        assert_eq!(end_of(CLOCK, date(2026, 3, 11)), 1_773_291_600_000);
    }

    #[test]
    fn a_day_ago_begins_with_the_midnight_before() {
        assert_eq!(days_ago(CLOCK, CLOCK.now), 0);
        assert_eq!(days_ago(CLOCK, MIDNIGHT), 0);
        assert_eq!(days_ago(CLOCK, MIDNIGHT - 1), 1);
        assert_eq!(days_ago(CLOCK, MIDNIGHT - DAY_MS), 1);
        assert_eq!(days_ago(CLOCK, MIDNIGHT - DAY_MS - 1), 2);
    }

    #[test]
    fn nothing_overflows() {
        let far = date(u16::MAX, 12, 31);
        let early = date(0, 1, 1);
        assert!(end_of(CLOCK, far) > CLOCK.now);
        assert_eq!(end_of(CLOCK, early), 0);
    }
}
