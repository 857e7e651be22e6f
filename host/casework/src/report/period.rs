//! Days, weeks and years of a jurisdiction's calendar, and the moments between which they lie.

use crate::error::CaseError;
use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::terms::{Date, Instant};
use std::ops::Range;

/// The day on which this moment falls.
pub(crate) fn day(at: Instant, zone: &TimeZone) -> Date {
    zone.to_datetime(at.timestamp()).date()
}

/// The last whole week, month or year before `today`; none where a report is made on demand. A week begins on the day
/// `week_starts`: 1 = Monday to 7 = Sunday.
pub(crate) fn usual(every: &str, week_starts: u8, today: Date) -> Option<(Date, Date)> {
    let next = match every {
        "week" => {
            let since = i32::from(today.weekday().to_monday_one_offset()) - i32::from(week_starts);
            today.checked_sub(since.rem_euclid(7).days()).ok()?
        }
        "month" => today.first_of_month(),
        "year" => today.first_of_year(),
        _ => return None,
    };
    let last = next.yesterday().ok()?;
    let first = match every {
        "week" => next.checked_sub(7.days()).ok()?,
        "month" => last.first_of_month(),
        _ => last.first_of_year(),
    };
    Some((first, last))
}

/// From the first moment of the first day to the first moment after the last: a day has 23 to 25 hours.
///
/// # Errors
/// [`CaseError::Invalid`] for days that are not in order, or not between the years 1970 and 9998.
pub(crate) fn moments(first: Date, last: Date, zone: &TimeZone) -> Result<Range<Instant>, CaseError> {
    if last < first {
        return Err(CaseError::Invalid(format!(
            "the period ends on {last}, before it begins on {first}: exchange them"
        )));
    }
    if first.year() < 1970 || last.year() > 9998 {
        return Err(CaseError::Invalid("the period is not between the years 1970 and 9998: correct it".to_owned()));
    }
    let unusable = |e: jiff::Error| CaseError::Invalid(format!("the period cannot be used: {e}"));
    let midnight = |date: Date| {
        let at = zone.to_timestamp(DateTime::from(date)).map_err(unusable)?;
        Ok::<_, CaseError>(Instant(u64::try_from(at.as_millisecond()).unwrap_or(0)))
    };
    Ok(midnight(first)?..midnight(last.tomorrow().map_err(unusable)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::zone;
    use jiff::civil::date;

    #[test]
    fn the_last_whole_week_month_and_year() {
        // A Tuesday.
        let today = date(2026, 3, 10);
        assert_eq!(usual("week", 1, today), Some((date(2026, 3, 2), date(2026, 3, 8))));
        assert_eq!(usual("week", 1, date(2026, 3, 9)), Some((date(2026, 3, 2), date(2026, 3, 8))), "on a Monday");
        assert_eq!(usual("week", 1, date(2026, 3, 8)), Some((date(2026, 2, 23), date(2026, 3, 1))), "on a Sunday");
        let from_sunday = Some((date(2026, 3, 1), date(2026, 3, 7)));
        for today in [date(2026, 3, 8), today, date(2026, 3, 14)] {
            assert_eq!(usual("week", 7, today), from_sunday, "{today}, where a week begins on Sunday");
        }
        assert_eq!(usual("month", 1, today), Some((date(2026, 2, 1), date(2026, 2, 28))));
        assert_eq!(usual("month", 1, date(2026, 1, 31)), Some((date(2025, 12, 1), date(2025, 12, 31))));
        assert_eq!(usual("year", 1, today), Some((date(2025, 1, 1), date(2025, 12, 31))));
        assert_eq!(usual("demand", 1, today), None);
    }

    #[test]
    fn a_week_in_which_the_clocks_change_has_an_hour_less() {
        let detroit = zone("America/Detroit");
        let week = moments(date(2026, 3, 2), date(2026, 3, 8), &detroit).unwrap();
        assert_eq!(week.start.to_string(), "2026-03-02T05:00:00.000Z");
        assert_eq!(week.end.to_string(), "2026-03-09T04:00:00.000Z");
        assert_eq!(week.end.since(week.start), (7 * 24 - 1) * 3_600_000);
        assert_eq!(day(Instant(week.end.0 - 1), &detroit), date(2026, 3, 8));
        assert_eq!(day(week.end, &detroit), date(2026, 3, 9));
    }

    #[test]
    fn days_out_of_order_or_out_of_range_are_no_period() {
        let utc = TimeZone::UTC;
        assert!(moments(date(2026, 3, 2), date(2026, 3, 1), &utc).is_err());
        assert!(moments(date(1969, 12, 31), date(2026, 3, 1), &utc).is_err());
        assert!(moments(date(2026, 3, 1), date(9999, 12, 31), &utc).is_err());
        assert!(moments(date(2026, 3, 1), date(2026, 3, 1), &utc).is_ok(), "one day");
    }
}
