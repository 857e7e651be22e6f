//! The host's one clock. Policies and deadlines see only what it says.
//!
//! A moment that it has shown is on record, and cannot be taken back: whatever is decided after it comes after it. So it trusts
//! neither a machine's clock that goes back, nor one that leaps ahead of the time that has passed. Either is refused until the
//! machine's clock is right again. What was recorded while a clock was wrong from the start on is left behind by a
//! [`Correction`], which somebody answers for.

use model::facts;
use model::terms::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far the clock may step back without anybody minding, in ms: what a time service corrects in passing.
pub(crate) const TOLERATED_MS: u64 = 2_000;

/// How far the clock may step ahead of the time that has passed, in ms: what a time service corrects after a virtual machine was
/// moved. Were it a mistake, work would stand still for as long as that once it is put right.
const TOLERATED_AHEAD_MS: u64 = 60_000;

/// For how long such steps are added up, in ms: a day.
const ADDED_UP_MS: u64 = 24 * 3_600_000;

/// A clock that cannot be trusted: nothing can be decided until it can.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClockError {
    /// It went backwards: it has to catch up.
    #[error("the clock went back by {by_ms} ms, behind {latest}: set the host's clock right")]
    Back {
        /// By how many ms.
        by_ms: u64,
        /// The latest moment it had shown.
        latest: Instant,
    },
    /// It is behind what is on record since before the start.
    #[error(
        "the clock went back by {by_ms} ms, behind {latest}, the last entry on record: set the host's clock right; if it is \
         right, and was wrong then, say so with --clock-was-wrong"
    )]
    BehindRecord {
        /// By how many ms.
        by_ms: u64,
        /// The moment of the last entry.
        latest: Instant,
    },
    /// It went ahead by more than the time that has passed.
    #[error(
        "the clock leapt ahead by {by_ms} ms since {latest}: set the host's clock right, or, if it is right now, start the host \
         again"
    )]
    Ahead {
        /// By how many ms more than has passed.
        by_ms: u64,
        /// The latest moment it had shown.
        latest: Instant,
    },
    /// Somebody says that it was wrong, and nothing on record is ahead of it.
    #[error("nothing on record is ahead of the clock, at {latest}: start the host without --clock-was-wrong")]
    NothingAhead {
        /// What the clock shows.
        latest: Instant,
    },
}

impl ClockError {
    /// The latest moment it had shown, for what has to be recorded all the same.
    pub fn latest(&self) -> Instant {
        match self {
            Self::Back { latest, .. }
            | Self::BehindRecord { latest, .. }
            | Self::Ahead { latest, .. }
            | Self::NothingAhead { latest } => *latest,
        }
    }

    /// The same, as it is said at a start.
    pub(crate) fn at_start(self) -> Self {
        match self {
            Self::Back { by_ms, latest } => Self::BehindRecord { by_ms, latest },
            other => other,
        }
    }
}

/// That what is on record was recorded by a clock that was wrong. It is said of one start, and recorded with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Who says so, in words of their own: nobody authenticated them.
    pub by: String,
    /// Why it was wrong, and how they know that it is right now.
    pub why: String,
}

/// Reads the time. Cheap to clone; clones share what they have seen.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    latest: Arc<AtomicU64>,
    anchor: Arc<Anchor>,
    correction: Option<Arc<Correction>>,
}

#[derive(Clone)]
enum Source {
    System(Arc<Steady>),
    Set {
        wall: Arc<AtomicU64>,
        /// Whatever the other says has passed where absent.
        passed: Option<Arc<AtomicU64>>,
    },
}

impl Source {
    /// What the machine's clock shows, in ms since 1970.
    fn wall(&self) -> u64 {
        match self {
            Self::System(_) => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            Self::Set { wall, .. } => wall.load(Ordering::Acquire),
        }
    }

    /// The time that has passed, in ms, whatever anybody set; absent where nothing counts it.
    fn passed(&self) -> Option<u64> {
        match self {
            Self::System(steady) => Some(steady.passed()),
            Self::Set { passed, .. } => passed.as_ref().map(|passed| passed.load(Ordering::Acquire)),
        }
    }

    /// The same, with the time in which the machine slept.
    fn passed_asleep(&self) -> Option<u64> {
        match self {
            Self::System(steady) => Some(steady.passed_asleep()),
            Self::Set { .. } => self.passed(),
        }
    }
}

/// The time since the start, which nobody can set.
struct Steady {
    began: std::time::Instant,
    /// How long the machine was up then, in ms.
    up: Option<u64>,
    /// How long it has slept since then, in ms, as far as somebody looked.
    slept: AtomicU64,
}

impl Steady {
    fn begin() -> Self {
        Self { up: uptime_ms(), began: std::time::Instant::now(), slept: AtomicU64::new(0) }
    }

    fn passed(&self) -> u64 {
        milliseconds(self.began.elapsed()).saturating_add(self.slept.load(Ordering::Acquire))
    }

    /// The monotonic clock stands still while a machine sleeps, and how long it was up does not. That is a file to read, so it is
    /// asked only where it matters. Where it cannot be read, a sleep is a leap.
    fn passed_asleep(&self) -> u64 {
        if let (Some(then), Some(now)) = (self.up, uptime_ms()) {
            let slept = now.saturating_sub(then).saturating_sub(milliseconds(self.began.elapsed()));
            self.slept.fetch_max(slept, Ordering::AcqRel);
        }
        self.passed()
    }
}

/// How long the machine has been up, sleep included, in ms: the first number of /proc/uptime, which is in seconds (proc(5)).
fn uptime_ms() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(milliseconds)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Where the clock and the time that has passed were compared last.
#[derive(Default)]
struct Anchor {
    /// What the clock would have shown when none of that time had passed.
    origin: AtomicU64,
    /// The time that had passed then.
    passed: AtomicU64,
}

impl Anchor {
    /// By how many ms the clock is ahead.
    fn ahead(&self, wall: u64, passed: u64) -> u64 {
        wall.saturating_sub(self.origin.load(Ordering::Acquire).saturating_add(passed))
    }

    /// From now on what the clock shows is right.
    fn drop_at(&self, wall: u64, passed: u64) {
        self.origin.store(wall.saturating_sub(passed), Ordering::Release);
        self.passed.store(passed, Ordering::Release);
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::of(Source::System(Arc::new(Steady::begin())))
    }

    /// A clock that stands at what the cell holds, in ms since 1970: for tests. As much time passes as it shows.
    pub fn set(wall: Arc<AtomicU64>) -> Self {
        Self::of(Source::Set { wall, passed: None })
    }

    /// The same where as many ms have passed as the other cell holds.
    pub fn set_beside(wall: Arc<AtomicU64>, passed: Arc<AtomicU64>) -> Self {
        Self::of(Source::Set { wall, passed: Some(passed) })
    }

    fn of(source: Source) -> Self {
        let anchor = Anchor::default();
        anchor.drop_at(source.wall(), source.passed().unwrap_or_default());
        Self { source, latest: Arc::default(), anchor: Arc::new(anchor), correction: None }
    }

    /// The same for a start at which somebody says that what is on record was recorded by a clock that was wrong.
    #[must_use]
    pub fn corrected(self, correction: Correction) -> Self {
        Self { correction: Some(Arc::new(correction)), ..self }
    }

    /// What somebody said of it for this start.
    pub(crate) fn correction(&self) -> Option<&Correction> {
        self.correction.as_deref()
    }

    /// Whether it stands more than two seconds behind a moment.
    pub(crate) fn is_behind(&self, at: Instant) -> bool {
        self.source.wall().saturating_add(TOLERATED_MS) < at.0
    }

    /// The time has been at least this: said at start of the last audit entry on record.
    pub fn seen(&self, at: Instant) {
        self.latest.fetch_max(at.0, Ordering::AcqRel);
    }

    /// Now. Never earlier than any moment it has shown before; small steps back are held.
    ///
    /// # Errors
    /// [`ClockError`] when the clock stands more than two seconds behind what it had shown, or more than a minute ahead of what
    /// it had shown and the time that has passed since.
    pub fn now(&self) -> Result<Instant, ClockError> {
        let wall = self.source.wall();
        let passed = self.confirmed(wall)?;
        let latest = self.latest.fetch_max(wall, Ordering::AcqRel);
        if wall.saturating_add(TOLERATED_MS) < latest {
            return Err(ClockError::Back { by_ms: latest - wall, latest: Instant(latest) });
        }
        if let Some(passed) = passed
            && passed.saturating_sub(self.anchor.passed.load(Ordering::Acquire)) >= ADDED_UP_MS
        {
            self.anchor.drop_at(wall, passed);
        }
        Ok(Instant(wall.max(latest)))
    }

    /// The time that has passed, where something counts it and the clock is not ahead of it.
    fn confirmed(&self, wall: u64) -> Result<Option<u64>, ClockError> {
        let Some(passed) = self.source.passed() else { return Ok(None) };
        if self.anchor.ahead(wall, passed) <= TOLERATED_AHEAD_MS {
            return Ok(Some(passed));
        }
        let passed = self.source.passed_asleep().unwrap_or(passed);
        match self.anchor.ahead(wall, passed) {
            ..=TOLERATED_AHEAD_MS => Ok(Some(passed)),
            by_ms => Err(ClockError::Ahead { by_ms, latest: Instant(self.latest.load(Ordering::Acquire)) }),
        }
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
        assert_eq!(clock.now(), Err(ClockError::Back { by_ms: 10_000, latest: Instant(100_000) }));
        cell.store(100_001, Ordering::Release);
        assert_eq!(clock.now(), Ok(Instant(100_001)), "caught up");
    }

    #[test]
    fn the_last_entry_on_record_counts_as_seen() {
        let clock = Clock::set(Arc::new(AtomicU64::new(5_000)));
        clock.seen(Instant(60_000));
        assert!(clock.now().is_err());
    }

    /// A clock, what it shows and what has passed.
    fn beside(wall: u64) -> (Clock, Arc<AtomicU64>, Arc<AtomicU64>) {
        let (wall, passed) = (Arc::new(AtomicU64::new(wall)), Arc::new(AtomicU64::new(7)));
        (Clock::set_beside(wall.clone(), passed.clone()), wall, passed)
    }

    #[test]
    fn a_leap_ahead_is_refused_and_nothing_is_left_of_it() {
        let (clock, wall, passed) = beside(100_000);
        assert_eq!(clock.now(), Ok(Instant(100_000)));
        // A time server says 2036 for a minute.
        wall.store(2_082_758_400_000, Ordering::Release);
        let by_ms = 2_082_758_400_000 - 100_000;
        for _ in 0..2 {
            assert_eq!(clock.now(), Err(ClockError::Ahead { by_ms, latest: Instant(100_000) }));
        }
        passed.fetch_add(60_000, Ordering::AcqRel);
        wall.store(160_000, Ordering::Release);
        assert_eq!(clock.now(), Ok(Instant(160_000)), "right again, and nobody waits for 2036");
        passed.fetch_add(366 * ADDED_UP_MS, Ordering::AcqRel);
        wall.fetch_add(366 * ADDED_UP_MS, Ordering::AcqRel);
        assert_eq!(clock.now(), Ok(Instant(160_000 + 366 * ADDED_UP_MS)), "what has passed may have been long");
    }

    #[test]
    fn small_steps_ahead_are_taken_and_do_not_add_up_to_a_leap() {
        let (clock, wall, passed) = beside(100_000);
        wall.fetch_add(TOLERATED_AHEAD_MS, Ordering::AcqRel);
        assert!(clock.now().is_ok());
        wall.fetch_add(1, Ordering::AcqRel);
        assert!(matches!(clock.now(), Err(ClockError::Ahead { by_ms, .. }) if by_ms == TOLERATED_AHEAD_MS + 1));
        wall.fetch_sub(1, Ordering::AcqRel);
        for cell in [&wall, &passed] {
            cell.fetch_add(ADDED_UP_MS, Ordering::AcqRel);
        }
        assert!(clock.now().is_ok());
        wall.fetch_add(TOLERATED_AHEAD_MS, Ordering::AcqRel);
        assert!(clock.now().is_ok(), "it may be corrected again on another day");
        wall.fetch_sub(10_000, Ordering::AcqRel);
        assert!(matches!(clock.now(), Err(ClockError::Back { by_ms: 10_000, .. })));
    }

    #[test]
    fn the_time_in_which_a_machine_slept_has_passed() {
        let Some(up) = uptime_ms() else { return };
        // As if it had been up for less, and the monotonic clock had stood still since.
        let slept = up / 2;
        let steady = Steady { up: Some(up - slept), began: std::time::Instant::now(), slept: AtomicU64::new(0) };
        assert!(steady.passed() < slept);
        assert!(steady.passed_asleep() >= slept && steady.passed() >= slept);
        let unknown = Steady { up: None, began: std::time::Instant::now(), slept: AtomicU64::new(0) };
        assert!(unknown.passed_asleep() < slept);
        assert!(Clock::system().now().is_ok());
    }

    #[test]
    fn what_is_said_at_a_start_tells_how_to_go_on() {
        let clock = Clock::set(Arc::new(AtomicU64::new(5_000)));
        clock.seen(Instant(60_000));
        let told = clock.now().map_err(ClockError::at_start).unwrap_err();
        assert_eq!(told, ClockError::BehindRecord { by_ms: 55_000, latest: Instant(60_000) });
        assert!(told.to_string().contains("--clock-was-wrong"), "{told}");
        assert!(clock.is_behind(Instant(7_001)) && !clock.is_behind(Instant(7_000)));
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
