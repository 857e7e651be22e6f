//! Rows written anew, behind an entry that lists them.

use super::{Derivation, Difference};
use crate::chamber::host_of;
use crate::clock::Clock;
use crate::error::CaseError;
use crate::ledger::{self, Entry, Ledger, Subject};
use crate::reopening;
use model::account::{Event, Kind};
use std::collections::BTreeMap;

/// As the entry calls it.
const MENDED: &str = "rows-mended";

/// Rows of one entry: what is listed, and what rides on its leaf, stays small.
const AT_ONCE: usize = 64;

/// A jurisdiction whose rows are mended. No server has its log meanwhile.
pub struct Mending {
    jurisdiction: String,
    ledger: Ledger,
    clock: Clock,
}

impl Mending {
    /// Opens the log. What its journal holds for the database is brought there first: to be done before anything is compared.
    ///
    /// # Errors
    /// [`CaseError`] when the database does not take it, or the log cannot be opened.
    pub async fn open(
        jurisdiction: &str,
        log: audit::Prepared,
        rows: &store::Jurisdiction,
        clock: Clock,
    ) -> Result<Self, CaseError> {
        let (opened, _) = reopening::open(log, (jurisdiction, rows), &clock, None).await?;
        Ok(Self { jurisdiction: jurisdiction.to_owned(), ledger: Ledger::new(opened.log, rows.clone()), clock })
    }

    /// Writes the rows anew that these differences are of, each behind an entry that says what it held. Those that no entry tells
    /// of are left. Gives how many were mended.
    ///
    /// # Errors
    /// [`CaseError`] when it cannot be recorded: then nothing is written. [`CaseError::Clock`] where the log is ahead of the clock.
    pub async fn mend(&self, derived: &Derivation, differences: &[Difference]) -> Result<usize, CaseError> {
        self.clock.seen(derived.latest);
        let these: Vec<&Difference> = differences.iter().filter(|difference| difference.can_be_mended()).collect();
        for some in these.chunks(AT_ONCE) {
            let mut details = BTreeMap::new();
            for Difference { kind, row, holds, says, .. } in some {
                details.insert(format!("{kind} {row}"), format!("{holds} instead of {says}"));
            }
            let entry = Entry {
                kind: Kind::Host,
                who: host_of(&self.jurisdiction),
                at: self.clock.now()?,
                subject: Subject::Apart,
                of: None,
                event: Event::Host { act: MENDED.to_owned(), details },
            };
            let rows = some.iter().flat_map(|difference| difference.mend.iter().cloned()).collect();
            ledger::record(&[&self.ledger], entry, rows).await?;
        }
        self.ledger.settle().await?;
        Ok(these.len())
    }

    /// Closes the log.
    ///
    /// # Errors
    /// [`CaseError::Log`] when it is not closed in good order.
    pub async fn close(self) -> Result<(), CaseError> {
        self.ledger.settle().await?;
        Ok(self.ledger.log().clone().close()?)
    }
}
