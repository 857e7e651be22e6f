//! What decisions say of a candidate list: how many are on it, whether with scores, which booking fields, which records not.
//!
//! The contract names no phase for it. What the decision that opens a request says holds for every list of that request; what
//! a search's says for its list; what is said as a list is shown, for that.

use model::combine::{Rulings, stricter};
use model::rulings::LimitRule;
use std::collections::BTreeMap;

/// Candidates returned where neither the asker nor a policy says how many.
const USUAL_CANDIDATES: u32 = 20;

/// What the decisions so far say of a list. The default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    limit: Option<LimitRule>,
    /// Booking fields that may be shown; any, where absent.
    pub(crate) fields: Option<Vec<String>>,
    /// Records that are not on it.
    pub(crate) withheld: Vec<String>,
}

impl Bounds {
    /// Those of a list of which no more than these booking fields may be shown; any, where absent.
    pub(crate) fn of_fields(fields: Option<Vec<String>>) -> Self {
        Self { fields, ..Self::default() }
    }

    /// With what these rulings say: the stricter number, the fewer fields, every record withheld.
    pub(crate) fn and(mut self, rulings: &Rulings) -> Self {
        self.limit = match (self.limit, rulings.candidate_limit()) {
            (Some(one), Some(other)) => Some(stricter(one, other)),
            (one, other) => one.or(other),
        };
        self.fields = narrower(self.fields, rulings.shown_fields());
        self.withheld.extend(rulings.withheld());
        self
    }

    /// How many candidates to find: what was asked for, within what is allowed.
    pub(crate) fn how_many(&self, asked: Option<u32>) -> u32 {
        match &self.limit {
            Some(limit) => asked.unwrap_or(limit.usual).clamp(limit.at_least.min(limit.at_most), limit.at_most),
            None => asked.unwrap_or(USUAL_CANDIDATES),
        }
    }

    /// How many may be shown.
    pub(crate) fn at_most(&self) -> usize {
        self.limit.as_ref().map_or(usize::MAX, |limit| usize::try_from(limit.at_most).unwrap_or(usize::MAX))
    }

    /// Whether similarity scores are withheld.
    pub(crate) fn hides_scores(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.hide_scores)
    }

    /// Of a record's booking data, what may be shown.
    pub(crate) fn shown_of(&self, mut booking: BTreeMap<String, String>) -> BTreeMap<String, String> {
        booking.retain(|name, _| self.fields.as_ref().is_none_or(|fields| fields.contains(name)));
        booking
    }
}

/// What both allow. What is absent allows any.
fn narrower(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.into_iter().filter(|name| other.contains(name)).collect()),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::combine::{PolicyRef, Ruling};
    use model::rulings::{Decision, Duty, Obligation};
    use model::terms::{Digest, Instant, Phase, Verdict};

    fn rulings(duties: Vec<Duty>) -> Rulings {
        let obligations = duties.into_iter().map(|duty| Obligation { clause: "c".into(), duty }).collect();
        let ruling = Ruling {
            jurisdiction: "north".into(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision: Decision {
                verdict: Verdict::Permit,
                satisfied: vec!["c".into()],
                findings: vec![],
                obligations,
                tags: vec![],
            },
            fuel: 0,
            fault: None,
            lines: vec![],
        };
        Rulings { id: "d".into(), phase: Phase::Request, at: Instant(1), rulings: vec![ruling] }
    }

    fn limit(at_least: u32, at_most: u32, usual: u32, hide_scores: bool) -> Duty {
        Duty::Candidates(LimitRule { at_least, at_most, usual, hide_scores })
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn where_nothing_is_said_the_asker_has_what_they_ask_for() {
        let bounds = Bounds::default().and(&rulings(vec![]));
        assert_eq!((bounds.how_many(None), bounds.how_many(Some(500))), (USUAL_CANDIDATES, 500));
        assert_eq!((bounds.at_most(), bounds.hides_scores(), bounds.fields), (usize::MAX, false, None));
    }

    #[test]
    fn what_each_decision_says_holds_whatever_another_says() {
        let opening = Bounds::default().and(&rulings(vec![
            limit(2, 10, 8, true),
            Duty::ShowOnly(names(&["name", "sex"])),
            Duty::Withhold(names(&["r1"])),
        ]));
        assert_eq!((opening.how_many(None), opening.how_many(Some(1)), opening.how_many(Some(500))), (8, 2, 10));
        let silent = opening.clone().and(&rulings(vec![]));
        assert_eq!(silent, opening);
        let both = opening.and(&rulings(vec![
            limit(1, 5, 5, false),
            Duty::ShowOnly(names(&["sex", "age"])),
            Duty::Withhold(names(&["r2"])),
        ]));
        assert_eq!((both.how_many(None), both.how_many(Some(500)), both.at_most()), (5, 5, 5));
        assert!(both.hides_scores(), "one of them says so");
        assert_eq!((both.fields, both.withheld), (Some(names(&["sex"])), names(&["r1", "r2"])));
    }

    #[test]
    fn of_booking_data_only_what_may_be_shown_is_left() {
        let booking: BTreeMap<String, String> = [("name", "N"), ("sex", "F")].map(|(n, v)| (n.into(), v.into())).into();
        assert_eq!(Bounds::default().shown_of(booking.clone()), booking);
        let some = Bounds::of_fields(Some(names(&["sex", "age"])));
        assert_eq!(some.shown_of(booking.clone()).into_keys().collect::<Vec<_>>(), ["sex"]);
        assert!(Bounds::of_fields(Some(vec![])).shown_of(booking).is_empty());
    }
}
