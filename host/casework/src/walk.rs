//! A log from one moment to another, with the accounts of its entries: what reports and surveys are derived from.

use crate::aside::aside;
use crate::chamber::Chamber;
use crate::error::CaseError;
use model::account::{Account, Leaf};
use model::terms::Instant;
use std::ops::Range;
use std::sync::Arc;

/// Entries read at once: four bundles of the log. Fewer where their accounts are large ([`store::Portion`]).
const AT_ONCE: usize = 1024;

/// How far an entry may stand from where its time alone would put it, in ms. A step reads the clock when it begins and is
/// recorded when it is judged; what lies between is seconds.
const SLACK_MS: u64 = 15 * 60_000;

/// One entry.
pub(crate) struct Told {
    /// Its index in the log.
    pub(crate) index: u64,
    /// Its public part.
    pub(crate) leaf: Leaf,
    /// Its personal part, which is the one that the leaf commits to; absent once purged.
    pub(crate) account: Option<Account>,
}

/// Reads the entries of a time, oldest first.
pub(crate) struct Walk {
    chamber: Arc<Chamber>,
    next: u64,
    end: u64,
    from: Instant,
    until: Instant,
    portion: store::Portion,
}

impl Walk {
    /// Begins with the first entry of `from` or later; the last is the last before `until`.
    ///
    /// # Errors
    /// [`CaseError`] when the log cannot be read.
    pub(crate) async fn begin(chamber: &Arc<Chamber>, from: Instant, until: Instant) -> Result<Self, CaseError> {
        chamber.ledger.settle().await?;
        let log = chamber.log().clone();
        let Range { start, end } = aside(move || span(&log, from, until)).await??;
        let portion = store::Portion::new(AT_ONCE);
        Ok(Self { chamber: chamber.clone(), next: start, end, from, until, portion })
    }

    /// The next entries, perhaps none of them of the time asked for; `None` at the end.
    ///
    /// # Errors
    /// [`CaseError`] when log or accounts cannot be read, or an account is not the one that its leaf commits to.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Told>>, CaseError> {
        if self.next >= self.end {
            return Ok(None);
        }
        let range = self.next..self.end.min(self.next.saturating_add(self.portion.rows() as u64));
        self.next = range.end;
        let log = self.chamber.log().clone();
        let read = aside(move || leaves(&log, range)).await??;
        let within = |leaf: &Leaf| leaf.at >= self.from && leaf.at < self.until;
        let leaves: Vec<(u64, Leaf)> = read.into_iter().filter(|(_, leaf)| within(leaf)).collect();
        let ids: Vec<String> = leaves.iter().map(|(_, leaf)| leaf.id.clone()).collect();
        let rows = self.chamber.store.accounts(&ids).await?;
        self.portion.had(rows.iter().flatten().map(|row| row.plain.len()));
        let mut told = Vec::with_capacity(leaves.len());
        for ((index, leaf), row) in leaves.into_iter().zip(rows) {
            let account = row.map(|row| account(index, &leaf, &row)).transpose()?;
            told.push(Told { index, leaf, account });
        }
        Ok(Some(told))
    }
}

fn account(index: u64, leaf: &Leaf, row: &store::AccountRow) -> Result<Account, CaseError> {
    if audit::commitment(&row.salt, &row.plain) != leaf.account.0 {
        let wrong =
            format!("the account of entry {index} is not the one that its leaf commits to: restore the database");
        return Err(CaseError::Log(wrong));
    }
    serde_json::from_slice(&row.plain)
        .map_err(|e| CaseError::Log(format!("the account of entry {index} cannot be read: {e}")))
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
    serde_json::from_slice(bytes).map_err(|e| CaseError::Log(format!("entry {index} is not a leaf: {e}")))
}

/// The entries that may be of this time, and a few more.
fn span(log: &audit::Log, from: Instant, until: Instant) -> Result<Range<u64>, CaseError> {
    let size = log.size();
    let start = first_at(log, size, Instant(from.0.saturating_sub(SLACK_MS)))?;
    Ok(start..first_at(log, size, until.plus_ms(SLACK_MS))?)
}

/// The first entry of this moment or later that was not pruned, as far as entries stand in the order of their times.
fn first_at(log: &audit::Log, size: u64, at: Instant) -> Result<u64, CaseError> {
    let (mut low, mut high) = (log.minimum_index().min(size), size);
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
