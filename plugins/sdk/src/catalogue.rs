//! The clause catalogue and the interpretation register: constants of the policy, and their entries by position.
//!
//! A decision cites a clause by its position in the charter's catalogue. [`position`] finds it when the policy is compiled,
//! so that a citation costs nothing at run time and a clause that is not listed does not compile. A policy wraps it in
//! a macro of its own:
//!
//! ```
//! use magistrate_sdk::catalogue::{Entry, position};
//! use magistrate_sdk::terms::Phase;
//!
//! const CATALOGUE: &[Entry] = &[("5.1", "Still image of an individual only.", &[Phase::Request])];
//!
//! macro_rules! clause {
//!     ($id:literal) => {
//!         const { position(CATALOGUE, $id) }
//!     };
//! }
//!
//! assert_eq!(clause!("5.1"), 0);
//! ```

use crate::prelude::*;
use crate::rulings::{Clause, ClauseIndex, InterpretationIndex};
use crate::terms::Phase;

/// A clause: its id, what it says in one line, the phases in which it binds.
pub type Entry = (&'static str, &'static str, &'static [Phase]);

/// The catalogue as the charter lists it.
pub fn listed(catalogue: &[Entry]) -> Vec<Clause> {
    let clause = |(id, summary, phases): &Entry| Clause {
        id: (*id).to_owned(),
        summary: (*summary).to_owned(),
        phases: phases.to_vec(),
    };
    catalogue.iter().map(clause).collect()
}

/// Where a clause stands in the catalogue, from 0.
///
/// # Panics
/// When it is not listed; in a `const` block, which is where this belongs, that is a compile error.
pub const fn position(catalogue: &[Entry], id: &str) -> ClauseIndex {
    let mut at = 0;
    while at < catalogue.len() {
        if equal(catalogue[at].0.as_bytes(), id.as_bytes()) {
            return at as ClauseIndex;
        }
        at += 1;
    }
    panic!("the catalogue does not list this clause");
}

/// Where an interpretation stands in the register whose ids these are, from 0.
///
/// # Panics
/// When it is not among them; in a `const` block, which is where this belongs, that is a compile error.
pub const fn place(ids: &[&str], id: &str) -> InterpretationIndex {
    let mut at = 0;
    while at < ids.len() {
        if equal(ids[at].as_bytes(), id.as_bytes()) {
            return at as InterpretationIndex;
        }
        at += 1;
    }
    panic!("the register does not list this interpretation");
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
