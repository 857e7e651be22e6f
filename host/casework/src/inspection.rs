//! Auditors at the log. The look itself is an entry, durable before anything is shown.

use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::ledger::Subject;
use crate::walk;
use model::account::{Account, Event, Leaf};
use serde::Serialize;

/// Entries shown at once.
pub const MOST_ENTRIES: u64 = 1000;

/// Bytes of accounts shown at once, about: as many as a thousand usual ones have, several times over.
const MOST_BYTES: usize = 64 << 20;

/// One entry as an auditor reads it.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Its index in the log.
    pub index: u64,
    /// Its public part.
    pub leaf: Leaf,
    /// Its personal part; absent once purged.
    pub account: Option<Account>,
    /// Whether the account is the one that the leaf commits to, and says what the leaf says; absent once purged.
    pub account_verified: Option<bool>,
}

impl Casework {
    /// Shows log entries of a jurisdiction to one of its auditors: the first of those asked for, where their accounts are
    /// large; the next ones are there for the asking. That the asker is an auditor has been checked.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] for too many, [`CaseError::Log`] when the look cannot be recorded.
    pub async fn inspect(
        &self,
        auditor: &Registered,
        jurisdiction: &str,
        first: u64,
        count: u64,
    ) -> Result<Vec<Seen>, CaseError> {
        if count == 0 || count > MOST_ENTRIES {
            return Err(CaseError::Invalid(format!("count is {count}: ask for 1 to {MOST_ENTRIES} entries")));
        }
        let chamber = self.chamber(jurisdiction)?;
        self.looks(chamber, auditor, "read the log", Subject::Apart, Event::Looked { first, count }).await?;
        let end = first.saturating_add(count).min(chamber.log().size());
        if first >= end {
            return Ok(Vec::new());
        }
        let entries = chamber.log().entries(first..end)?;
        let mut leaves = Vec::with_capacity(entries.len());
        for (index, bytes) in entries {
            leaves.push((index, walk::leaf(index, &bytes)?));
        }
        within(chamber, leaves, MOST_BYTES).await
    }
}

/// Entries with what is left of their accounts.
pub(crate) async fn with_accounts(chamber: &Chamber, leaves: Vec<(u64, Leaf)>) -> Result<Vec<Seen>, CaseError> {
    within(chamber, leaves, usize::MAX).await
}

/// The same of the first of them: no more are read once their accounts come to so many bytes.
async fn within(chamber: &Chamber, mut leaves: Vec<(u64, Leaf)>, most: usize) -> Result<Vec<Seen>, CaseError> {
    chamber.ledger.settle().await?;
    let mut seen = Vec::with_capacity(leaves.len());
    let (mut portion, mut bytes) = (store::Portion::new(leaves.len()), 0_usize);
    while !leaves.is_empty() && bytes < most {
        let rest = leaves.split_off(portion.rows().min(leaves.len()));
        let ids: Vec<_> = leaves.iter().map(|(_, leaf)| leaf.id.clone()).collect();
        let accounts = chamber.accounts(&ids).await?;
        let sizes: Vec<usize> = accounts.iter().flatten().map(|row| row.plain.len()).collect();
        bytes = bytes.saturating_add(sizes.iter().sum());
        portion.had(sizes);
        seen.extend(leaves.into_iter().zip(accounts).map(|((index, leaf), row)| {
            let account: Option<Account> = row.as_ref().and_then(|r| serde_json::from_slice(&r.plain).ok());
            let agrees = account.as_ref().is_some_and(|account| leaf.agrees_with(account).is_ok());
            let verified = row.map(|r| agrees && audit::commitment(&r.salt, &r.plain) == leaf.account.0);
            Seen { index, leaf, account, account_verified: verified }
        }));
        leaves = rest;
    }
    Ok(seen)
}
