//! What a jurisdiction's decisions demand of its log's entries, and where that is kept: with the request of the decision.
//!
//! A request for another jurisdiction's gallery is kept there, with all that decisions on it impose. Their entries are in this
//! log, too, and what this jurisdiction's policy demands of entries is of these.

use super::AUDIT_ENTRY;
use crate::chamber::{Casework, Chamber};
use crate::error::CaseError;
use crate::obligations::Owed;
use model::account::Leaf;
use model::rulings::Duty;
use std::sync::Arc;

impl Casework {
    /// The open holds of entries that decisions imposed within requests, and whose own entries are among these; and where they
    /// are kept. Nothing else says which entries such a hold is of, so that they are lifted with the entry of their decision.
    /// No step of the request touches them: its turn is not needed.
    pub(super) async fn held_by_decisions(
        &self,
        owner: &Chamber,
        leaves: &[Leaf],
    ) -> Result<Vec<(Arc<Chamber>, Owed)>, CaseError> {
        let mut held = Vec::new();
        for chamber in self.chambers() {
            for owed in demanded_by(owner, chamber).await? {
                let is_hold = matches!(&owed.duty, Duty::Hold(rule) if rule.subject == AUDIT_ENTRY);
                let Some(request) = owed.request.as_deref().filter(|_| is_hold) else { continue };
                let decided: Vec<&Leaf> = leaves.iter().filter(|l| l.verdict.is_some() && l.at == owed.since).collect();
                if decided.is_empty() {
                    continue;
                }
                // The id of an entry is the same in every log.
                let entries = chamber.store.entries_of_request(request).await?;
                if decided.iter().any(|leaf| entries.contains(&leaf.id)) {
                    held.push((chamber.clone(), owed));
                }
            }
        }
        Ok(held)
    }
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
