//! Arithmetic on the contract's dates. Dates compare as calendar days; no time zone is involved.

use crate::terms::{Date, Instant};

/// Milliseconds in an hour.
pub const HOUR_MS: u64 = 3_600_000;

/// The date of this year, month (1 to 12) and day (1 to 31).
pub const fn date(year: u16, month: u8, day: u8) -> Date {
    year as u32 * 10_000 + month as u32 * 100 + day as u32
}

/// A date's year, month and day.
pub const fn parts(date: Date) -> (u16, u8, u8) {
    let year = date / 10_000;
    (if year > u16::MAX as u32 { u16::MAX } else { year as u16 }, (date / 100 % 100) as u8, (date % 100) as u8)
}

/// Days since 0000-03-01 in the proleptic Gregorian calendar, so that dates compare and subtract.
/// The algorithm is the usual one of counting years from March, so that the leap day is the last of the year.
pub fn day_number(date: Date) -> i64 {
    let (year, month, day) = parts(date);
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day - 1
}

/// Whether `a` is before `b`.
pub fn before(a: Date, b: Date) -> bool {
    a < b
}

/// Days from `earlier` to `later`; negative when it is the other way round.
pub fn days_between(earlier: Date, later: Date) -> i64 {
    day_number(later) - day_number(earlier)
}

/// This moment plus so many hours.
pub fn hours_after(at: Instant, hours: u64) -> Instant {
    at.saturating_add(hours.saturating_mul(HOUR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_years_count() {
        assert_eq!(days_between(date(2026, 3, 1), date(2026, 3, 11)), 10);
        assert_eq!(days_between(date(2028, 2, 28), date(2028, 3, 1)), 2);
        assert_eq!(days_between(date(2026, 2, 28), date(2026, 3, 1)), 1);
        assert_eq!(days_between(date(1900, 2, 28), date(1900, 3, 1)), 1);
        assert_eq!(days_between(date(2000, 1, 1), date(2001, 1, 1)), 366);
        assert_eq!(days_between(date(2026, 1, 2), date(2026, 1, 1)), -1);
    }

    #[test]
    fn before_is_strict() {
        assert!(before(date(2026, 1, 31), date(2026, 2, 1)));
        assert!(!before(date(2026, 2, 1), date(2026, 2, 1)));
    }
}
