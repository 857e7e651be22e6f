//! The proof that a step was permitted.

use crate::ledger::Recorded;
use model::combine::Rulings;
use model::terms::Phase;

/// A permitted step whose intent is durable. Only [`crate::judge`] makes one, and whoever acts consumes it, so one permit
/// is one act.
#[must_use = "a permit that is dropped leaves an intent without an outcome"]
pub struct Permit {
    rulings: Rulings,
    intent: Recorded,
}

impl Permit {
    pub(crate) fn new(rulings: Rulings, intent: Recorded) -> Self {
        Self { rulings, intent }
    }

    /// The phase it permits.
    pub fn phase(&self) -> Phase {
        self.rulings.phase
    }

    /// What was ruled.
    pub fn rulings(&self) -> &Rulings {
        &self.rulings
    }

    /// The entry that made the decision durable.
    pub fn intent(&self) -> &Recorded {
        &self.intent
    }

    /// Ends the permit: what was ruled, and the entry's id for the outcome to refer to.
    pub(crate) fn spend(self) -> (Rulings, Recorded) {
        (self.rulings, self.intent)
    }
}
