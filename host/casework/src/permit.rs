//! The proof that a step was permitted.

use crate::ledger::Recorded;
use model::combine::Rulings;
use model::terms::Phase;

/// A permitted step whose intent is durable. Only [`crate::judge`] makes one, and the function that acts takes it by value,
/// so one permit is one act.
#[must_use = "a permit that is dropped leaves an intent without an outcome"]
pub struct Permit {
    acted: Acted,
}

/// A permit that has been acted on: all that is left to do is to record the outcome.
#[must_use = "an act needs its outcome on record"]
pub struct Acted {
    pub(crate) rulings: Rulings,
    pub(crate) intent: Recorded,
}

impl Permit {
    pub(crate) fn new(rulings: Rulings, intent: Recorded) -> Self {
        Self { acted: Acted { rulings, intent } }
    }

    /// The phase it permits.
    pub fn phase(&self) -> Phase {
        self.acted.rulings.phase
    }

    /// What was ruled.
    pub fn rulings(&self) -> &Rulings {
        &self.acted.rulings
    }

    /// Uses the permit up: the first thing that whoever acts does.
    pub(crate) fn act(self) -> Acted {
        self.acted
    }
}
