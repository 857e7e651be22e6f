//! The proof that a step was permitted.

use crate::ledger::{OfRequest, Recorded, Subject};
use model::combine::Rulings;
use model::terms::Phase;

/// A permitted step whose intent is durable. Only [`crate::judge`] makes one, and the function that acts takes it by value,
/// so one permit is one act. It is of the case that was judged, so that the outcome is recorded under no other; whatever is
/// done with a request takes one of an [`OfRequest`], which says all that the log has to.
///
/// Nobody else can, not even out of rulings and an intent that there are: the first two do not compile, and the third does,
/// which differs in that it makes none.
///
/// ```compile_fail,E0624
/// use magistrate_casework::{ledger::{Recorded, Subject}, permit::Permit};
///
/// fn forged(rulings: model::combine::Rulings, intent: Recorded, subject: Subject) -> Permit {
///     Permit::new(rulings, intent, subject)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use magistrate_casework::permit::{Acted, Permit};
///
/// fn forged(acted: Acted) -> Permit {
///     Permit { acted }
/// }
/// ```
///
/// ```no_run
/// use magistrate_casework::{ledger::{Recorded, Subject}, permit::{Acted, Permit}};
///
/// fn handed_on(_: model::combine::Rulings, _: Recorded, _: Subject, _: Acted, given: Permit) -> Permit {
///     given
/// }
/// ```
#[must_use = "a permit that is dropped leaves an intent without an outcome"]
pub struct Permit<S = Subject> {
    acted: Acted<S>,
}

/// A permit that has been acted on: all that is left to do is to record the outcome.
#[must_use = "an act needs its outcome on record"]
pub struct Acted<S = Subject> {
    pub(crate) rulings: Rulings,
    pub(crate) intent: Recorded,
    /// The case it is recorded under.
    pub(crate) subject: S,
}

impl Permit {
    /// The same of a request, where that says all that the log has to. Otherwise nothing may be done.
    pub(crate) fn in_full(self) -> Result<Permit<OfRequest>, Box<Acted>> {
        let Acted { rulings, intent, subject } = self.acted;
        match subject {
            Subject::Request(subject) => Ok(Permit { acted: Acted { rulings, intent, subject } }),
            subject => Err(Box::new(Acted { rulings, intent, subject })),
        }
    }
}

impl<S> Permit<S> {
    pub(crate) fn new(rulings: Rulings, intent: Recorded, subject: S) -> Self {
        Self { acted: Acted { rulings, intent, subject } }
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
    pub(crate) fn act(self) -> Acted<S> {
        self.acted
    }
}
