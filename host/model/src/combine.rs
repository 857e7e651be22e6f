//! How the decisions of several policies on one step become one.
//!
//! Deny beats pend beats permit; obligations unite; where two numbers differ the stricter one holds.

use crate::rulings::{Decision, Duty, LimitRule, Obligation};
use crate::terms::{Digest, Instant, Phase, Verdict};
use serde::{Deserialize, Serialize};

/// Which policy decided: the revision on record for replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// The policy's id in its charter.
    pub id: String,
    /// Digest of the component.
    pub component: Digest,
    /// Digest of the settings in force.
    pub settings: Digest,
}

/// One policy's decision on one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The jurisdiction it decided for.
    pub jurisdiction: String,
    /// The revision that decided.
    pub policy: PolicyRef,
    /// Digest of the matter it was told.
    pub matter: Digest,
    /// What it decided.
    pub decision: Decision,
    /// Fuel burnt; the same in every replay. 0 where the policy did not end by itself.
    pub fuel: u64,
    /// Why the host denied in the policy's place; absent where the policy spoke for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What the policy logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// All rulings on one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rulings {
    /// Id of the combined decision.
    pub id: String,
    /// The phase.
    pub phase: Phase,
    /// When the facts were read.
    pub at: Instant,
    /// One per policy concerned, the requester's home first.
    pub rulings: Vec<Ruling>,
}

impl Rulings {
    /// The verdict that prevails. Nobody ruled: deny.
    pub fn verdict(&self) -> Verdict {
        self.rulings.iter().map(|r| r.decision.verdict).max().unwrap_or(Verdict::Deny)
    }

    /// Every obligation, with the ruling that imposes it.
    pub fn duties(&self) -> impl Iterator<Item = (&Ruling, &Obligation)> {
        self.rulings.iter().flat_map(|r| r.decision.obligations.iter().map(move |o| (r, o)))
    }

    /// Every obligation, the same one only once.
    pub fn obligations(&self) -> Vec<&Obligation> {
        let mut all: Vec<&Obligation> = Vec::new();
        for obligation in self.rulings.iter().flat_map(|r| &r.decision.obligations) {
            if !all.contains(&obligation) {
                all.push(obligation);
            }
        }
        all
    }

    /// The strictest bounds on the candidate list; absent where no policy states any.
    pub fn candidate_limit(&self) -> Option<LimitRule> {
        let limits = self.obligations().into_iter().filter_map(|o| match &o.duty {
            Duty::Candidates(limit) => Some(limit.clone()),
            _ => None,
        });
        limits.reduce(stricter)
    }

    /// The booking fields that may be shown: those every stating policy allows; absent where none states any.
    pub fn shown_fields(&self) -> Option<Vec<String>> {
        self.meet(|duty| if let Duty::ShowOnly(fields) = duty { Some(fields) } else { None })
    }

    /// The galleries that may be searched: those every stating policy allows; absent where none states any.
    pub fn galleries(&self) -> Option<Vec<String>> {
        self.meet(|duty| if let Duty::Galleries(ids) = duty { Some(ids) } else { None })
    }

    /// The gallery records that any policy withholds from the list.
    pub fn withheld(&self) -> Vec<String> {
        let withheld = self.obligations().into_iter().filter_map(|o| match &o.duty {
            Duty::Withhold(records) => Some(records.clone()),
            _ => None,
        });
        withheld.flatten().collect()
    }

    fn meet(&self, pick: impl Fn(&Duty) -> Option<&Vec<String>>) -> Option<Vec<String>> {
        let mut lists = self.obligations().into_iter().filter_map(|o| pick(&o.duty)).cloned();
        let first = lists.next()?;
        Some(lists.fold(first, |kept, next| kept.into_iter().filter(|name| next.contains(name)).collect()))
    }
}

/// The bounds on a candidate list that keep both of these.
pub fn stricter(a: LimitRule, b: LimitRule) -> LimitRule {
    let at_most = a.at_most.min(b.at_most);
    LimitRule {
        at_least: a.at_least.max(b.at_least).min(at_most),
        at_most,
        usual: a.usual.min(b.usual).min(at_most),
        hide_scores: a.hide_scores || b.hide_scores,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruling(verdict: Verdict, duties: Vec<Duty>) -> Ruling {
        let obligations = duties.into_iter().map(|duty| Obligation { clause: "c".into(), duty }).collect();
        Ruling {
            jurisdiction: "j".into(),
            policy: PolicyRef { id: "p".into(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::default(),
            decision: Decision { verdict, satisfied: vec![], findings: vec![], obligations, tags: vec![] },
            fuel: 0,
            fault: None,
            lines: vec![],
        }
    }

    fn rulings(rulings: Vec<Ruling>) -> Rulings {
        Rulings { id: "d".into(), phase: Phase::Search, at: Instant(0), rulings }
    }

    fn limit(at_least: u32, at_most: u32, usual: u32, hide_scores: bool) -> Duty {
        Duty::Candidates(LimitRule { at_least, at_most, usual, hide_scores })
    }

    #[test]
    fn nobody_ruled_means_deny() {
        assert_eq!(rulings(vec![]).verdict(), Verdict::Deny);
    }

    #[test]
    fn the_strictest_verdict_prevails_in_either_order() {
        for (a, b) in [(Verdict::Permit, Verdict::Deny), (Verdict::Deny, Verdict::Pend)] {
            assert_eq!(rulings(vec![ruling(a, vec![]), ruling(b, vec![])]).verdict(), Verdict::Deny);
        }
        assert_eq!(
            rulings(vec![ruling(Verdict::Permit, vec![]), ruling(Verdict::Pend, vec![])]).verdict(),
            Verdict::Pend
        );
    }

    #[test]
    fn the_stricter_number_holds_and_obligations_unite() {
        let both = rulings(vec![
            ruling(Verdict::Permit, vec![limit(2, 50, 20, false), Duty::DisposeAll]),
            ruling(Verdict::Permit, vec![limit(1, 10, 10, true), Duty::DisposeAll]),
        ]);
        let expected = LimitRule { at_least: 2, at_most: 10, usual: 10, hide_scores: true };
        assert_eq!(both.candidate_limit(), Some(expected));
        assert_eq!(both.duties().count(), 4, "each is its ruling's");
        assert_eq!(both.obligations().len(), 3, "the shared duty counts once");
        assert_eq!(both.shown_fields(), None);
    }

    #[test]
    fn what_any_policy_withholds_is_withheld() {
        let withhold = |records: &[&str]| Duty::Withhold(records.iter().map(|r| (*r).to_owned()).collect());
        let both = rulings(vec![
            ruling(Verdict::Permit, vec![withhold(&["a"])]),
            ruling(Verdict::Permit, vec![withhold(&["b", "c"])]),
        ]);
        assert_eq!(both.withheld(), ["a", "b", "c"]);
    }

    #[test]
    fn only_what_every_policy_allows_is_shown() {
        let fields = |names: &[&str]| Duty::ShowOnly(names.iter().map(|n| (*n).to_owned()).collect());
        let both = rulings(vec![
            ruling(Verdict::Permit, vec![fields(&["a", "b"])]),
            ruling(Verdict::Permit, vec![fields(&["b", "c"])]),
        ]);
        assert_eq!(both.shown_fields(), Some(vec!["b".to_owned()]));
    }
}
