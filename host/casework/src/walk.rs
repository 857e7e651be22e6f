//! A log from one moment to another, with the accounts of its entries: what reports and surveys are derived from.
//!
//! It is this host's log, as far as it is not pruned. What is derived from it says so ([`Extent`]).

use crate::aside::aside;
use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::torn::{self, Fate};
use model::account::{Account, Leaf};
use model::terms::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// Entries read at once: four bundles of the log. Fewer where their accounts are large ([`store::Portion`]).
const AT_ONCE: usize = 1024;

/// How far an entry may stand from where its time alone would put it, in ms. A step reads the clock when it begins and is
/// recorded when it is judged; what lies between is seconds.
const SLACK_MS: u64 = 15 * 60_000;

/// How long after the last moment is looked for what became of steps that were decided before it, in ms. A step takes
/// seconds.
const AFTER_MS: u64 = SLACK_MS;

/// The kind under which it is kept where a log's entries begin anew at an earlier time.
const TURNED_BACK: &str = "clock-set-right";

/// One entry.
pub(crate) struct Told {
    /// Its index in the log.
    pub(crate) index: u64,
    /// Its public part.
    pub(crate) leaf: Leaf,
    /// Its personal part, which is the one that the leaf commits to; absent once purged.
    pub(crate) account: Option<Account>,
    /// Whether it was recorded after the time asked for, and so is told only because it may say what became of a step that
    /// was decided within.
    pub(crate) after: bool,
    /// Whether what it says was done, where another log had to take it, too.
    pub(crate) fate: Fate,
}

/// What is gone over, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The log, by its origin.
    pub(crate) log: String,
    /// The logs of other hosts of the same jurisdiction, by their origins, in order. They are not gone over.
    pub(crate) others: Vec<String>,
    /// The first entry that is there: those before it have been pruned. 0 where none has.
    pub(crate) minimum: u64,
}

impl Extent {
    async fn of(chamber: &Chamber) -> Result<Self, CaseError> {
        let log = chamber.log().origin().to_owned();
        let mut others = if chamber.store.of_several_hosts() { chamber.store.logs().await? } else { Vec::new() };
        others.retain(|other| *other != log);
        Ok(Self { log, others, minimum: chamber.log().minimum_index() })
    }
}

/// Reads the entries of a time, oldest first.
pub(crate) struct Walk {
    chamber: Arc<Chamber>,
    /// What is still to be read, in order.
    left: VecDeque<Range<u64>>,
    from: Instant,
    until: Instant,
    portion: store::Portion,
    extent: Extent,
    /// Of entries that another log did not take, or is not known to have.
    fates: BTreeMap<String, Fate>,
}

impl Walk {
    /// Begins with the first entry of `from` or later; the last is the last before `until`, but for what may have become of
    /// steps decided before that ([`Told::after`]).
    ///
    /// # Errors
    /// [`CaseError`] when the log cannot be read.
    pub(crate) async fn begin(chamber: &Arc<Chamber>, from: Instant, until: Instant) -> Result<Self, CaseError> {
        chamber.ledger.settle().await?;
        let log = chamber.log().clone();
        let kept = chamber.store.standings(TURNED_BACK).await?;
        let turns: Vec<u64> = kept
            .iter()
            .filter(|row| row.body["log"] == log.origin())
            .filter_map(|row| row.body["index"].as_u64())
            .collect();
        let left = aside(move || spans(&log, turns, from, until)).await??;
        let (extent, portion) = (Extent::of(chamber).await?, store::Portion::new(AT_ONCE));
        let fates = torn::fates(chamber).await?;
        Ok(Self { chamber: chamber.clone(), left, from, until, portion, extent, fates })
    }

    /// What is gone over, and what is not.
    pub(crate) fn extent(&self) -> &Extent {
        &self.extent
    }

    /// The next entries, perhaps none of them of the time asked for; `None` at the end.
    ///
    /// # Errors
    /// [`CaseError`] when log or accounts cannot be read, or an account is not the one that its leaf commits to.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Told>>, CaseError> {
        let Some(span) = self.left.pop_front() else { return Ok(None) };
        let range = span.start..span.end.min(span.start.saturating_add(self.portion.rows() as u64));
        if range.end < span.end {
            self.left.push_front(range.end..span.end);
        }
        let log = self.chamber.log().clone();
        let read = aside(move || leaves(&log, range)).await??;
        let told_of = |leaf: &Leaf| is_told(leaf.at, self.from, self.until);
        let leaves: Vec<(u64, Leaf)> = read.into_iter().filter(|(_, leaf)| told_of(leaf)).collect();
        let ids: Vec<String> = leaves.iter().map(|(_, leaf)| leaf.id.clone()).collect();
        let rows = self.chamber.accounts(&ids).await?;
        self.portion.had(rows.iter().flatten().map(|row| row.plain.len()));
        let (until, chamber) = (self.until, self.chamber.clone());
        let fated = leaves.iter().filter_map(|(_, leaf)| self.fates.get_key_value(&leaf.id));
        let fates: BTreeMap<String, Fate> = fated.map(|(id, fate)| (id.clone(), *fate)).collect();
        let tell = move |((index, leaf), row): ((u64, Leaf), Option<store::AccountRow>)| {
            let read = row.map(|row| account(index, &leaf, &row)).transpose();
            let account = read.inspect_err(|why| chamber.unread.note(Some(&leaf.id), why))?;
            let after = leaf.at >= until;
            let fate = fates.get(&leaf.id).copied().unwrap_or(Fate::Stands);
            Ok::<_, CaseError>(Told { index, leaf, account, after, fate })
        };
        let told = aside(move || leaves.into_iter().zip(rows).map(tell).collect::<Result<Vec<_>, _>>()).await??;
        Ok(Some(told))
    }
}

/// Whether an entry of this moment is told: of the time asked for, or so soon after that it may say what came of it.
fn is_told(at: Instant, from: Instant, until: Instant) -> bool {
    at >= from && at < until.plus_ms(AFTER_MS)
}

fn account(index: u64, leaf: &Leaf, row: &store::AccountRow) -> Result<Account, CaseError> {
    if audit::commitment(&row.salt, &row.plain) != leaf.account.0 {
        let wrong =
            format!("the account of entry {index} is not the one that its leaf commits to: restore the database");
        return Err(CaseError::Unreadable(wrong));
    }
    serde_json::from_slice(&row.plain)
        .map_err(|e| CaseError::Unreadable(format!("the account of entry {index}: {e}; restore the database")))
}

/// The leaves of these entries.
pub(crate) fn leaves(log: &audit::Log, range: Range<u64>) -> Result<Vec<(u64, Leaf)>, CaseError> {
    let mut leaves = Vec::new();
    for (index, bytes) in log.entries(range)? {
        leaves.push((index, leaf(index, &bytes)?));
    }
    Ok(leaves)
}

pub(crate) fn leaf(index: u64, bytes: &[u8]) -> Result<Leaf, CaseError> {
    serde_json::from_slice(bytes)
        .map_err(|e| CaseError::Unreadable(format!("entry {index} is not a leaf: {e}; restore the log")))
}

/// That the next entry of this log begins it anew at an earlier time than the last: to be kept with that entry.
pub(crate) fn turned_back(log: &audit::Log) -> store::Kept {
    let (origin, index) = (log.origin(), log.size());
    let body = serde_json::json!({ "log": origin, "index": index });
    store::Kept::Stands(store::StandingRow { kind: TURNED_BACK.to_owned(), id: format!("{origin}/{index}"), body })
}

/// The entries that may be of this time, and a few more, in order. At each of `turns` they begin anew at an earlier time.
fn spans(
    log: &audit::Log,
    mut turns: Vec<u64>,
    from: Instant,
    until: Instant,
) -> Result<VecDeque<Range<u64>>, CaseError> {
    let size = log.size();
    turns.retain(|turn| *turn < size);
    turns.push(size);
    turns.sort_unstable();
    let (mut spans, mut begin) = (VecDeque::new(), log.minimum_index().min(size));
    for end in turns {
        let ordered = begin..end;
        let start = first_at(log, &ordered, Instant(from.0.saturating_sub(SLACK_MS)))?;
        let span = start..first_at(log, &ordered, until.plus_ms(AFTER_MS + SLACK_MS))?;
        if !span.is_empty() {
            spans.push_back(span);
        }
        begin = begin.max(end);
    }
    Ok(spans)
}

/// The first entry of this moment or later, of a range in which entries stand in the order of their times; the range's end
/// where there is none.
fn first_at(log: &audit::Log, ordered: &Range<u64>, at: Instant) -> Result<u64, CaseError> {
    let (mut low, mut high) = (ordered.start, ordered.end.max(ordered.start));
    while low < high {
        let middle = low + (high - low) / 2;
        if leaf(middle, &log.entry(middle)?)?.at < at {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::account::Kind;
    use model::terms::Digest;

    const HOUR_MS: u64 = 3_600_000;

    /// A log with entries at these hours.
    fn log(folder: &std::path::Path, hours: impl IntoIterator<Item = u64>) -> audit::Log {
        let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let signer = audit::Ed25519Signer::from_seed("test/north", [42; 32]).unwrap();
        let log = audit::Log::open(dir, "test/north", Arc::new(signer)).unwrap().log;
        for hour in hours {
            let (kind, at, account) = (Kind::Host, Instant(hour * HOUR_MS), Digest::default());
            let (id, policies) = (hour.to_string(), vec![]);
            let leaf = Leaf { v: 1, id, kind, at, phase: None, verdict: None, policies, of: None, account };
            log.append_blocking(serde_json::to_vec(&leaf).unwrap()).unwrap();
        }
        log
    }

    fn within(log: &audit::Log, turns: &[u64], from: u64, until: u64) -> Vec<Range<u64>> {
        spans(log, turns.to_vec(), Instant(from * HOUR_MS), Instant(until * HOUR_MS)).unwrap().into()
    }

    #[test]
    fn what_is_recorded_just_after_a_time_is_told_and_nothing_before_it() {
        let (from, until) = (Instant(HOUR_MS), Instant(2 * HOUR_MS));
        let told = |at: u64| is_told(Instant(at), from, until);
        assert!(!told(HOUR_MS - 1) && told(HOUR_MS) && told(2 * HOUR_MS - 1));
        assert!(told(2 * HOUR_MS) && told(2 * HOUR_MS + AFTER_MS - 1), "an outcome of a step that was decided within");
        assert!(!told(2 * HOUR_MS + AFTER_MS));
        assert!(is_told(Instant(u64::MAX - 1), from, Instant(u64::MAX)), "nothing overflows");
    }

    #[test]
    fn a_time_is_found_on_both_sides_of_a_clock_that_was_set_right() {
        let folder = tempfile::tempdir().unwrap();
        // Ten hours, then twenty recorded a century ahead, then three more that are right again.
        let wrong = 900_000..900_020;
        let log = log(folder.path(), (100..110).chain(wrong).chain(110..113));
        let turns = [30];
        let after = 30..33;
        assert_eq!(within(&log, &turns, 110, 113), std::slice::from_ref(&after), "what came after it");
        assert_eq!(within(&log, &turns, 105, 111), [5..10, 30..32], "and before");
        assert_eq!(
            within(&log, &turns, 900_005, 900_007),
            std::slice::from_ref(&(15..18)),
            "and what was recorded meanwhile"
        );
        assert_eq!(within(&log, &turns, 0, u64::MAX / HOUR_MS), [0..30, 30..33]);
        assert!(within(&log, &turns, 50, 60).is_empty());
        assert_eq!(
            within(&log, &[99, 30, 30, 33], 110, 113),
            std::slice::from_ref(&after),
            "said twice, or of entries that are not there"
        );
        assert_ne!(within(&log, &[], 110, 113), std::slice::from_ref(&after), "nobody would have looked there");
    }
}
