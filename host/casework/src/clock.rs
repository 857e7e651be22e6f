//! The host's one clock. Policies and deadlines see only what it says.

use model::facts;
use model::terms::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the clock may step back without anybody minding, in ms: what a time service corrects in passing.
const TOLERATED_MS: u64 = 2_000;

/// A clock that went backwards: nothing can be decided until it has caught up.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the clock went back by {by_ms} ms, behind {latest}: set the host's clock right")]
pub struct ClockError {
    /// By how many ms.
    pub by_ms: u64,
    /// The latest moment it had shown.
    pub latest: Instant,
}

/// Reads the time. Cheap to clone; clones share what they have seen.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    latest: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Source {
    System,
    Set(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { source: Source::System, latest: Arc::default() }
    }

    /// A clock that stands at what the cell holds, in ms since 1970: for tests.
    pub fn set(cell: Arc<AtomicU64>) -> Self {
        Self { source: Source::Set(cell), latest: Arc::default() }
    }

    /// The time has been at least this: said at start of the last audit entry on record.
    pub fn seen(&self, at: Instant) {
        self.latest.fetch_max(at.0, Ordering::AcqRel);
    }

    /// Now. Never earlier than any moment it has shown before; small steps back are held.
    ///
    /// # Errors
    /// [`ClockError`] when the clock stands more than two seconds behind what it had shown.
    pub fn now(&self) -> Result<Instant, ClockError> {
        let read = match &self.source {
            Source::System => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            Source::Set(cell) => cell.load(Ordering::Acquire),
        };
        let latest = self.latest.fetch_max(read, Ordering::AcqRel);
        if read + TOLERATED_MS < latest {
            return Err(ClockError { by_ms: latest - read, latest: Instant(latest) });
        }
        Ok(Instant(read.max(latest)))
    }
}

/// The zone of this name. One that is unknown is UTC; charters are checked when loaded.
pub(crate) fn zone(name: &str) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC)
}

/// What a policy is told of this moment, in its time zone. An unknown zone is UTC; charters are checked when loaded.
pub fn fact(now: Instant, time_zone: &str) -> facts::Clock {
    let zone = zone(time_zone);
    let local = zone.to_datetime(now.timestamp());
    facts::Clock {
        now,
        today: local.date(),
        weekday: local.date().weekday().to_monday_one_offset().unsigned_abs(),
        minute_of_day: u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_step_back_is_held_and_a_large_one_refused() {
        let cell = Arc::new(AtomicU64::new(100_000));
        let clock = Clock::set(cell.clone());
        assert_eq!(clock.now(), Ok(Instant(100_000)));
        cell.store(99_000, Ordering::Release);
        assert_eq!(clock.now(), Ok(Instant(100_000)), "held");
        cell.store(90_000, Ordering::Release);
        assert_eq!(clock.now(), Err(ClockError { by_ms: 10_000, latest: Instant(100_000) }));
        cell.store(100_001, Ordering::Release);
        assert_eq!(clock.now(), Ok(Instant(100_001)), "caught up");
    }

    #[test]
    fn the_last_entry_on_record_counts_as_seen() {
        let clock = Clock::set(Arc::new(AtomicU64::new(5_000)));
        clock.seen(Instant(60_000));
        assert!(clock.now().is_err());
    }

    #[test]
    fn the_date_is_the_jurisdictions_own() {
        // 03:30 UTC on 1 March is still 28 February in Chicago.
        let at = "2026-03-01T03:30:00.000Z".parse().unwrap();
        let fact = fact(at, "America/Chicago");
        assert_eq!(fact.today, jiff::civil::date(2026, 2, 28));
        assert_eq!((fact.weekday, fact.minute_of_day), (6, 21 * 60 + 30));
    }
}
