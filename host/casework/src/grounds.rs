//! What suspended somebody, for whoever is refused because of it.
//!
//! A step suspends somebody, or a decision demands it: the clauses on which that was decided are kept with it
//! ([`crate::standing`]), and a refusal names them. Or the registry file says so, and no policy was asked. Who may end it is for the
//! policy to say, which judges a reinstatement as it does every change of access ([`crate::access`]).

use crate::error::Rejection;
use crate::misstep::Demanded;
use model::combine::Rulings;
use model::registry::Registry;
use model::rulings::{ClauseId, Outcome};
use model::terms::Holder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The registry as files and steps have it together, and what suspends whom: replaced as one.
pub(crate) struct Roll {
    pub(crate) registry: Arc<Registry>,
    pub(crate) grounds: Grounds,
}

/// On which clauses decisions suspended people and agencies, by their ids. Whoever is suspended and not among them is so by the
/// registry file; a decision that an older program kept names no clause.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grounds {
    pub(crate) people: BTreeMap<String, Vec<ClauseId>>,
    pub(crate) agencies: BTreeMap<String, Vec<ClauseId>>,
}

impl Grounds {
    /// Why somebody suspended is refused, in this jurisdiction's registry. `told` is given by what they are suspended.
    pub(crate) fn refuse(
        &self,
        jurisdiction: &str,
        whose: Holder,
        id: &str,
        told: impl FnOnce(&str) -> String,
    ) -> Rejection {
        let clauses = match whose {
            Holder::Person => self.people.get(id),
            Holder::Agency => self.agencies.get(id),
        };
        let clauses = clauses.map(Vec::as_slice);
        let by = match clauses {
            None => "as the registry file says".to_owned(),
            Some([]) => "by a decision".to_owned(),
            Some(clauses) => format!("by a decision on {jurisdiction} {}", clauses.join(", ")),
        };
        let demanded = |clause: &ClauseId| Demanded { jurisdiction: jurisdiction.to_owned(), clause: clause.clone() };
        Rejection::under(told(&by), clauses.unwrap_or_default().iter().map(demanded).collect())
    }
}

/// The clauses that hold in decisions, each once: what a permit rests on.
pub(crate) fn rested_on(rulings: &Rulings) -> Vec<ClauseId> {
    let mut clauses: Vec<ClauseId> = Vec::new();
    for (clause, outcome) in rulings.rulings.iter().flat_map(|r| r.decision.outcomes()) {
        if outcome == Outcome::Satisfied && !clauses.contains(clause) {
            clauses.push(clause.clone());
        }
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::combine::{PolicyRef, Ruling};
    use model::rulings::{Decision, Finding};
    use model::terms::{Digest, Instant, Phase, Verdict};

    #[test]
    fn a_refusal_says_by_what_somebody_is_suspended() {
        let people = BTreeMap::from([("p".to_owned(), vec!["1".into(), "2".into()]), ("q".to_owned(), vec![])]);
        let agencies = BTreeMap::from([("r".to_owned(), vec!["3".into()])]);
        let grounds = Grounds { people, agencies };
        let refused = |whose, id: &str| {
            let rejection = grounds.refuse("north", whose, id, |by| format!("suspended {by}"));
            let demanded: Vec<String> = rejection.demanded().iter().map(Demanded::to_string).collect();
            (rejection.to_string(), demanded)
        };
        let named = |clauses: &[&str]| clauses.iter().map(|clause| format!("north {clause}")).collect::<Vec<_>>();
        let by_two = ("suspended by a decision on north 1, 2".to_owned(), named(&["1", "2"]));
        assert_eq!(refused(Holder::Person, "p"), by_two);
        assert_eq!(refused(Holder::Person, "q"), ("suspended by a decision".to_owned(), vec![]));
        let by_the_file = ("suspended as the registry file says".to_owned(), vec![]);
        assert_eq!(refused(Holder::Person, "r"), by_the_file, "an agency of that id is another matter");
        assert_eq!(refused(Holder::Agency, "r").1, named(&["3"]));
    }

    #[test]
    fn a_permit_rests_on_the_clauses_that_hold() {
        let finding =
            |clause: &str, outcome| Finding { clause: clause.into(), outcome, explanation: None, interpretation: None };
        let decision = Decision {
            verdict: Verdict::Permit,
            satisfied: vec!["1".into()],
            findings: vec![
                finding("2", Outcome::Noted),
                finding("3", Outcome::Satisfied),
                finding("1", Outcome::Satisfied),
            ],
            obligations: vec![],
            tags: vec![],
        };
        let ruling = Ruling {
            jurisdiction: "north".into(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision,
            fuel: 0,
            fault: None,
            lines: vec![],
        };
        let rulings = Rulings { id: "d".into(), phase: Phase::Access, at: Instant(1), rulings: vec![ruling] };
        let clauses: Vec<String> = rested_on(&rulings).iter().map(ToString::to_string).collect();
        assert_eq!(clauses, ["1", "3"]);
    }
}
