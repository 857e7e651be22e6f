//! How much of a log one person may fill with what is of no use to anybody: attempts that are refused, and looks.
//!
//! Each of these is an entry, which costs whoever makes it nothing, and stays for a year at least. So there are so many of them
//! at once, and then so many a minute, for each person, whatever certificates they hold, and for each certificate that names
//! nobody. Whoever goes on is not heard (429): nothing is decided, shown or done for them, and how often that was is on record
//! once a minute. What a refusal leads to is known only when it is there, so it is counted afterwards: what is under way at one
//! moment may go beyond the bound, and is waited off.
//!
//! Without a certificate nobody may have an entry at all (`listener::public`). Attempts on a log are counted there, whoever makes
//! them, and are on record once a minute, too.
//!
//! Steps that are permitted cost nothing here. Policies bound those that matter, and what they do is of use to somebody. Looks
//! are bounded more widely, for they are anybody's who is registered with any jurisdiction of the host.

use crate::identity::IdentityError;
use crate::problem::Problem;
use casework::Casework;
use hyper::StatusCode;
use model::registry::Principal;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often it is put on record who was not heard.
const MINUTE: Duration = Duration::from_secs(60);

/// What it is called on record what somebody without a certificate tried on a log.
const TRIED: &str = "change the log, or read what is for its auditors, at the address for everybody";

/// So many at once, and then so many a minute. Zero of either counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// At once, by whoever has made none for a while.
    pub burst: u32,
    /// A minute, after that.
    pub per_minute: u32,
}

/// What each person may have on record of what is no step of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowances {
    /// Attempts that are refused.
    pub refusals: Allowance,
    /// Looks.
    pub looks: Allowance,
}

impl Default for Allowances {
    /// Sixty refusals and one a second: more than anybody makes by mistake, and at most 90,000 entries a day. Ten times as many
    /// looks: a worklist that a program asks for every second, by several programs.
    fn default() -> Self {
        Self { refusals: Allowance { burst: 60, per_minute: 60 }, looks: Allowance { burst: 600, per_minute: 600 } }
    }
}

impl Allowance {
    /// The time that one of them takes up.
    fn each(self) -> Duration {
        MINUTE / self.per_minute.max(1)
    }

    /// How long it is until the next may be made by somebody whose earlier ones take up the time until then; `None` where that
    /// is now.
    fn wait(self, until: Instant, now: Instant) -> Option<Duration> {
        let most = self.each().saturating_mul(self.burst.max(1).saturating_sub(1));
        let wait = until.saturating_duration_since(now).saturating_sub(most);
        (!wait.is_zero()).then_some(wait)
    }

    /// Until when their time is taken up with one more.
    fn spend(self, until: Instant, now: Instant) -> Instant {
        let from = until.max(now);
        from.checked_add(self.each()).unwrap_or(from)
    }
}

/// What everybody has made of theirs.
pub(crate) struct Budget {
    allowances: Allowances,
    spent: Mutex<HashMap<String, Spent>>,
    /// Attempts on logs without a certificate that no entry tells of yet, by the jurisdiction whose log it is.
    tried: Mutex<BTreeMap<String, u64>>,
}

/// What one person has made of theirs.
struct Spent {
    /// Who that is, where calls of theirs were not heard and their certificate names somebody.
    principal: Option<Principal>,
    /// Until when their time for refusals is taken up.
    refusals: Instant,
    /// And for looks.
    looks: Instant,
    /// Calls that were not heard and that no entry tells of yet, by the jurisdiction in whose log one is to.
    unheard: BTreeMap<String, u64>,
}

/// One call, as far as it matters here.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Who calls, as [`crate::places`] tells people apart.
    pub(crate) whose: &'a str,
    /// As the certificate says.
    pub(crate) principal: Option<&'a Principal>,
    /// The jurisdiction in whose log it is on record, if any.
    pub(crate) log: Option<&'a str>,
    /// Whether it is a look.
    pub(crate) is_look: bool,
}

/// What somebody is told who is not heard.
pub(crate) struct TurnedAway {
    pub(crate) problem: Box<Problem>,
    /// When to ask again, in seconds: `Retry-After`.
    pub(crate) seconds: u64,
}

/// Calls of one person that were not heard.
struct Unheard {
    whose: String,
    principal: Option<Principal>,
    log: String,
    calls: u64,
}

impl Budget {
    pub(crate) fn new(allowances: Allowances) -> Arc<Self> {
        Arc::new(Self { allowances, spent: Mutex::default(), tried: Mutex::default() })
    }

    /// Hears a call, or turns it away unheard, which is counted.
    ///
    /// # Errors
    /// What whoever calls is told.
    pub(crate) fn hear(&self, call: Call<'_>, now: Instant) -> Result<(), TurnedAway> {
        let Allowances { refusals, looks } = self.allowances;
        let mut all = self.lock();
        let spent = all.entry(call.whose.to_owned()).or_insert_with(|| Spent::none(now));
        let detail = "calls of yours were refused too often, and so soon no other is heard";
        let mut wait = refusals.wait(spent.refusals, now).map(|wait| (wait, "too-many-refusals", detail));
        if call.is_look && wait.is_none() {
            let detail = "you look too often, and each look is on record";
            wait = looks.wait(spent.looks, now).map(|wait| (wait, "too-many-looks", detail));
        }
        let Some((wait, kind, detail)) = wait else {
            if call.is_look {
                spent.looks = looks.spend(spent.looks, now);
            }
            return Ok(());
        };
        if let Some(log) = call.log {
            spent.principal = call.principal.cloned();
            let calls = spent.unheard.entry(log.to_owned()).or_default();
            *calls = calls.saturating_add(1);
        }
        let seconds = wait.as_secs().saturating_add(1);
        let detail = format!("{detail}: ask again in {seconds} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, kind, "too many calls", detail);
        Err(TurnedAway { problem: Box::new(problem), seconds })
    }

    /// Counts a call that was heard and refused.
    pub(crate) fn refused(&self, whose: &str, now: Instant) {
        let mut all = self.lock();
        let spent = all.entry(whose.to_owned()).or_insert_with(|| Spent::none(now));
        spent.refusals = self.allowances.refusals.spend(spent.refusals, now);
    }

    /// Counts so many attempts on a jurisdiction's log without a certificate. It has to be one that is served: there is a number for
    /// each.
    pub(crate) fn tried(&self, log: &str, calls: u64) {
        let mut all = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.entry(log.to_owned()).or_default();
        *before = before.saturating_add(calls);
    }

    /// The attempts that no entry tells of yet.
    fn take_tried(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.tried.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts on record who was not heard, how often, and how often somebody without a certificate tried something on a log.
    pub(crate) async fn tell(&self, casework: &Casework) {
        for unheard in self.take_unheard(Instant::now()) {
            let Unheard { whose, principal, log, calls } = &unheard;
            // A certificate that names nobody is told apart by its digest.
            let by = if principal.is_some() { String::new() } else { format!(", with the certificate {whose}") };
            let reason =
                format!("{calls} calls were not heard since the last such entry{by}: too many in too short a time");
            if let Err(e) = casework.record_unheard(principal.as_ref(), log, &reason).await {
                tracing::warn!(jurisdiction = %log, %e, "calls that were not heard are not on record yet");
                self.put_back(unheard);
            }
        }
        for (log, calls) in self.take_tried() {
            let reason = format!(
                "{calls} attempts without a certificate since the last such entry: nothing was shown or changed"
            );
            if let Err(e) = casework.reject_nobody(&log, TRIED, None, &reason).await {
                tracing::warn!(jurisdiction = %log, %e, "attempts on the log are not on record yet");
                self.tried(&log, calls);
            }
        }
    }

    /// What no entry tells of yet. Whoever has nothing more to wait for is forgotten.
    fn take_unheard(&self, now: Instant) -> Vec<Unheard> {
        let mut all = self.lock();
        let mut taken = Vec::new();
        for (whose, spent) in all.iter_mut() {
            let unheard = std::mem::take(&mut spent.unheard).into_iter();
            taken.extend(unheard.map(|(log, calls)| Unheard {
                whose: whose.clone(),
                principal: spent.principal.clone(),
                log,
                calls,
            }));
        }
        all.retain(|_, spent| spent.refusals > now || spent.looks > now);
        taken
    }

    fn put_back(&self, unheard: Unheard) {
        let Unheard { whose, principal, log, calls } = unheard;
        let mut all = self.lock();
        let spent = all.entry(whose).or_insert_with(|| Spent::none(Instant::now()));
        spent.principal = principal;
        let again = spent.unheard.entry(log).or_default();
        *again = again.saturating_add(calls);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Spent>> {
        // It is whole at every moment: a panic elsewhere cannot have torn it.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn none(now: Instant) -> Self {
        Self { principal: None, refusals: now, looks: now, unheard: BTreeMap::new() }
    }
}

/// Puts on record once a minute who was not heard, until it is told to stop. What is left then is for whoever stops the server.
pub(crate) async fn keep(budget: Arc<Budget>, casework: Arc<Casework>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = crate::listener::told(&mut stop) => return,
            () = tokio::time::sleep(MINUTE) => budget.tell(&casework).await,
        }
    }
}

/// Whether a call was refused. Hardly anything else is answered like this, and of nearly all of it there is an entry.
pub(crate) fn is_refusal(problem: &Problem) -> bool {
    matches!(problem.status, StatusCode::FORBIDDEN | StatusCode::CONFLICT)
}

/// In whose log it is on record that somebody was not heard, or made an attempt on a log: of the jurisdiction that was asked or,
/// where this host does not serve that one, of their own.
pub(crate) fn log_of<'a>(
    casework: &Casework,
    asked: &'a str,
    caller: &'a Result<Principal, IdentityError>,
) -> Option<&'a str> {
    let home = caller.as_ref().ok().map(|principal| principal.jurisdiction.as_str());
    std::iter::once(asked).chain(home).find(|id| casework.chamber(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::facts::Device;

    const SECOND: Duration = Duration::from_secs(1);

    /// Three refusals at once and then one in ten seconds; five looks and then one a second.
    fn budget() -> Arc<Budget> {
        let (refusals, looks) = (Allowance { burst: 3, per_minute: 6 }, Allowance { burst: 5, per_minute: 60 });
        Budget::new(Allowances { refusals, looks })
    }

    fn step(whose: &str) -> Call<'_> {
        Call { whose, principal: None, log: Some("north"), is_look: false }
    }

    fn look(whose: &str) -> Call<'_> {
        Call { is_look: true, ..step(whose) }
    }

    /// Calls that are heard and refused, of so many.
    fn refused(budget: &Budget, call: Call<'_>, times: u32, now: Instant) -> u32 {
        let mut heard = 0;
        for _ in 0..times {
            if budget.hear(call, now).is_ok() {
                budget.refused(call.whose, now);
                heard += 1;
            }
        }
        heard
    }

    fn unheard(budget: &Budget, now: Instant) -> Vec<(String, String, u64)> {
        let mut all: Vec<_> = budget.take_unheard(now).into_iter().map(|u| (u.whose, u.log, u.calls)).collect();
        all.sort();
        all
    }

    #[test]
    fn so_many_are_refused_at_once_and_then_so_many_a_minute() {
        let (budget, start) = (budget(), Instant::now());
        assert_eq!(refused(&budget, step("a"), 100, start), 3);
        let away = budget.hear(step("a"), start).unwrap_err();
        assert_eq!((away.problem.status.as_u16(), away.problem.kind), (429, "too-many-refusals"));
        assert!((10..=11).contains(&away.seconds), "{}", away.seconds);
        assert!(budget.hear(look("a"), start).is_err(), "nor do they see anything");
        assert_eq!(refused(&budget, step("b"), 100, start), 3, "another has a budget of their own");
        assert_eq!(refused(&budget, step("a"), 100, start + 9 * SECOND), 0);
        assert_eq!(refused(&budget, step("a"), 100, start + 10 * SECOND), 1);
        assert_eq!(refused(&budget, step("a"), 100, start + 30 * SECOND), 2);
        assert_eq!(refused(&budget, step("a"), 100, start + 3600 * SECOND), 3, "no more are saved up");
    }

    #[test]
    fn what_is_permitted_costs_nothing() {
        let (budget, start) = (budget(), Instant::now());
        assert!((0..1000).all(|_| budget.hear(step("a"), start).is_ok()));
        assert_eq!(refused(&budget, step("a"), 2, start), 2);
        assert!((0..1000).all(|_| budget.hear(step("a"), start).is_ok()), "nor beside a few that are refused");
        assert!(unheard(&budget, start).is_empty());
    }

    #[test]
    fn what_is_refused_all_at_one_moment_is_waited_off() {
        let (budget, start) = (budget(), Instant::now());
        assert!((0..20).all(|_| budget.hear(step("a"), start).is_ok()), "none has been refused yet");
        (0..20).for_each(|_| budget.refused("a", start));
        assert!(budget.hear(step("a"), start + 170 * SECOND).is_err());
        assert!(budget.hear(step("a"), start + 180 * SECOND).is_ok(), "twenty in three minutes");
    }

    #[test]
    fn looks_have_an_allowance_of_their_own() {
        let (budget, start) = (budget(), Instant::now());
        let seen = |now| (0..100).filter(|_| budget.hear(look("a"), now).is_ok()).count();
        assert_eq!(seen(start), 5);
        assert_eq!(budget.hear(look("a"), start).unwrap_err().problem.kind, "too-many-looks");
        assert!(budget.hear(step("a"), start).is_ok(), "whoever looks too often still acts");
        assert_eq!(seen(start + 2 * SECOND), 2);
    }

    #[test]
    fn whoever_is_not_heard_is_counted_for_each_log_until_it_is_on_record() {
        let (budget, start) = (budget(), Instant::now());
        let principal = Principal { jurisdiction: "south".into(), person: "p".into(), device: Device::Fixed };
        let theirs = Call { principal: Some(&principal), ..step("south/p") };
        assert_eq!(refused(&budget, theirs, 10, start), 3);
        assert_eq!(refused(&budget, Call { log: Some("south"), ..theirs }, 4, start), 0);
        assert_eq!(refused(&budget, Call { log: None, ..theirs }, 4, start), 0, "there is no log for it");
        let expected = |log: &str, calls| ("south/p".to_owned(), log.to_owned(), calls);
        let taken = budget.take_unheard(start);
        assert!(taken.iter().all(|unheard| unheard.principal.as_ref() == Some(&principal)));
        assert!(unheard(&budget, start).is_empty(), "once");
        taken.into_iter().for_each(|unheard| budget.put_back(unheard));
        assert_eq!(unheard(&budget, start), [expected("north", 7), expected("south", 4)], "what could not be recorded");
    }

    #[test]
    fn nobody_is_kept_who_has_nothing_to_wait_for() {
        let (budget, start) = (budget(), Instant::now());
        (0..100).for_each(|n| assert!(budget.hear(step(&n.to_string()), start).is_ok()));
        assert_eq!(refused(&budget, step("a"), 10, start), 3);
        budget.take_unheard(start);
        assert_eq!(budget.lock().len(), 1);
        budget.take_unheard(start + 30 * SECOND);
        assert!(budget.lock().is_empty());
    }

    #[test]
    fn attempts_without_a_certificate_are_one_number_for_each_log() {
        let budget = budget();
        (0..1000).for_each(|_| budget.tried("north", 1));
        budget.tried("south", 1);
        let taken = budget.take_tried();
        assert_eq!(taken, BTreeMap::from([("north".to_owned(), 1000), ("south".to_owned(), 1)]));
        assert!(budget.take_tried().is_empty(), "once");
        budget.tried("north", 1);
        budget.tried("north", 1000);
        assert_eq!(budget.take_tried(), BTreeMap::from([("north".to_owned(), 1001)]), "what could not be recorded");
        assert!(unheard(&budget, Instant::now()).is_empty(), "nobody is named");
    }

    #[test]
    fn no_numbers_of_a_configuration_break_it() {
        let now = Instant::now();
        for (burst, per_minute) in [(0, 0), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            let allowance = Allowance { burst, per_minute };
            assert_eq!(allowance.wait(now, now), None, "{allowance:?}");
            assert!(allowance.spend(now, now) >= now);
        }
    }
}
