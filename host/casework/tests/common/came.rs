//! What came of a step, and what it left behind.

use super::{answers, text};
use magistrate_casework::CaseError;
use model::terms::Value;
use std::collections::BTreeMap;
use store::test_support::RowAtRest;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Taken,
    /// It waits for others: on record with what it demands.
    Waits,
    /// It was not taken; `demands` where the denial itself demands something of somebody.
    Refused {
        demands: bool,
    },
}

pub fn came<T>(taken: Result<T, CaseError>) -> Came {
    match taken {
        Ok(_) => Came::Taken,
        Err(CaseError::Waits(_)) => Came::Waits,
        Err(CaseError::Refused { rulings, .. }) => {
            Came::Refused { demands: rulings.rulings.iter().any(|r| !r.decision.obligations.is_empty()) }
        }
        Err(CaseError::OutOfPlace(..) | CaseError::Rejected(_)) => Came::Refused { demands: false },
        Err(e) => panic!("neither taken nor refused: {e:?}"),
    }
}

/// Leaves out what decisions demand.
pub fn forget_demands(rows: &mut Vec<RowAtRest>) {
    rows.retain(|row| !["obligation", "imposition"].contains(&row.table));
}

/// The tables and keys of rows that are in one of the two only.
pub fn differing(one: &[RowAtRest], other: &[RowAtRest]) -> String {
    let only = |a: &[RowAtRest], b: &[RowAtRest]| {
        a.iter().filter(|row| !b.contains(row)).map(|row| format!("{} {}", row.table, row.key)).collect::<Vec<_>>()
    };
    format!("rows that went {:?}, rows that came {:?}", only(one, other), only(other, one))
}

/// What whoever gives or reviews access says.
pub fn stated() -> BTreeMap<String, Value> {
    answers([("need-to-know", text("compares faces in the unit")), ("credential-personal", Value::Flag(true))])
}
