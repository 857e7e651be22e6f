//! What a jurisdiction's decisions demand of its log's entries, and where that is kept: with the request of the decision.
//!
//! A request for another jurisdiction's gallery is kept there, with all that decisions on it impose. Their entries are in this
//! log, too, and what this jurisdiction's policy demands of entries is of these.

use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::obligations::{self, Owed};
use model::account::{Event, Leaf};
use std::sync::Arc;

impl Casework {
    /// The open holds of entries that decisions imposed, but for those about entries, and whose own entries are among these; and
    /// where they are kept. Nothing else says which entries such a hold is of, so that they are lifted with the entry of their
    /// decision. No other step touches them: the turn of what they are filed under is not needed.
    pub(super) async fn held_by_decisions(
        &self,
        owner: &Chamber,
        leaves: &[Leaf],
    ) -> Result<Vec<(Arc<Chamber>, Owed)>, CaseError> {
        let mut held = Vec::new();
        for chamber in self.chambers() {
            for owed in demanded_by(owner, chamber).await? {
                let decided: Vec<&Leaf> = leaves.iter().filter(|l| l.verdict.is_some() && l.at == owed.since).collect();
                // One about entries is found where it is filed.
                if owed.holds_entries_by_decision()
                    && !decided.is_empty()
                    && imposed_by_any(owner, chamber, &owed, &decided).await?
                {
                    held.push((chamber.clone(), owed));
                }
            }
        }
        Ok(held)
    }
}

/// Whether one of these decisions, all of the moment since which something is owed, imposed it.
async fn imposed_by_any(owner: &Chamber, kept_in: &Chamber, owed: &Owed, decided: &[&Leaf]) -> Result<bool, CaseError> {
    if let Some(request) = owed.request.as_deref() {
        // The id of an entry is the same in every log.
        let entries = kept_in.store.entries_of_request(request).await?;
        return Ok(decided.iter().any(|leaf| entries.contains(&leaf.id)));
    }
    let ids: Vec<String> = decided.iter().map(|leaf| leaf.id.clone()).collect();
    for row in owner.accounts(&ids).await? {
        // What a decision said whose account is gone nobody can tell: its moment has to do, or the hold would never end.
        let Some(row) = row else { return Ok(true) };
        if let Event::Decision { rulings, .. } = owner.account_in(&row)?.event
            && obligations::is_imposed_by(owed, &rulings)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is still to be met of what this jurisdiction's policy demanded, among all that is kept in a chamber.
///
/// # Errors
/// [`CaseError`] when it cannot be read.
pub(super) async fn demanded_by(keeper: &Chamber, kept_in: &Chamber) -> Result<Vec<Owed>, CaseError> {
    kept_in.ledger.settle().await?;
    let rows = kept_in.store.open_obligations(None).await?;
    let owed = rows.into_iter().map(Owed::read).collect::<Result<Vec<_>, _>>()?;
    Ok(owed.into_iter().filter(|owed| owed.jurisdiction == keeper.id()).collect())
}
