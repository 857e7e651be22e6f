//! What the public part of an entry repeats of its personal part, and whether both say the same.
//!
//! A leaf commits to its account, so that neither can be exchanged; but that says nothing of whether the leaf tells the truth
//! about it. Whoever writes the log could commit to an account that denies, under a leaf that says it was permitted.

use crate::account::{Account, Event, Kind, Leaf};
use crate::combine::{PolicyRef, Rulings};
use crate::terms::{Instant, Verdict};
use std::fmt::Display;
use thiserror::Error;

/// A leaf says something else than its account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the public part says something else than the account it commits to: `{field}` is `{public}` there and `{personal}` in the account"
)]
pub struct Disagreement {
    field: &'static str,
    public: String,
    personal: String,
}

impl Disagreement {
    /// The field of the leaf.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl Leaf {
    /// Whether everything that this leaf repeats of its account is as the account says: id, kind, time, phase, verdict, policies
    /// and the entry it answers. That the leaf commits to the account is to be checked besides.
    ///
    /// # Errors
    /// [`Disagreement`] with the first field that differs.
    pub fn agrees_with(&self, account: &Account) -> Result<(), Disagreement> {
        let rulings = match &account.event {
            Event::Decision { rulings, .. } => Some(rulings),
            _ => None,
        };
        self.repeats(&account.id, account.at, account.of.as_deref(), rulings)?;
        match kind_of(&account.event) {
            Some(kind) if kind != self.kind => Err(differs("kind", format!("{:?}", self.kind), format!("{kind:?}"))),
            _ => Ok(()),
        }
    }

    /// The same for whoever has read no more of an account than its id, its time, the entry it answers and the rulings of its
    /// decision; an account of no decision has none.
    ///
    /// # Errors
    /// As [`agrees_with`](Self::agrees_with).
    pub fn repeats(
        &self,
        id: &str,
        at: Instant,
        of: Option<&str>,
        rulings: Option<&Rulings>,
    ) -> Result<(), Disagreement> {
        if self.id != id {
            return Err(differs("id", &self.id, id));
        }
        if self.at != at {
            return Err(differs("at", self.at, at));
        }
        if self.of.as_deref() != of {
            return Err(differs("of", or_none(self.of.as_deref()), or_none(of)));
        }
        let (phase, verdict) = (rulings.map(|r| r.phase), rulings.map(Rulings::verdict));
        if self.phase != phase {
            return Err(differs("phase", or_none(self.phase), or_none(phase)));
        }
        if self.verdict != verdict {
            return Err(differs("verdict", or_none(self.verdict), or_none(verdict)));
        }
        let policies = || rulings.into_iter().flat_map(|r| &r.rulings).map(|r| &r.policy);
        if !self.policies.iter().eq(policies()) {
            let public = told_apart(self.policies.iter());
            return Err(differs("policies", public, told_apart(policies())));
        }
        let judged = verdict.map(|verdict| if verdict == Verdict::Permit { Kind::Intent } else { Kind::Refusal });
        let is_judged = matches!(self.kind, Kind::Intent | Kind::Refusal);
        if judged.map_or(is_judged, |kind| kind != self.kind) {
            let personal = judged.map_or_else(|| "no decision".to_owned(), |kind| format!("{kind:?}"));
            return Err(differs("kind", format!("{:?}", self.kind), personal));
        }
        Ok(())
    }
}

/// The kind of entry that records this, where only one does.
fn kind_of(event: &Event) -> Option<Kind> {
    match event {
        Event::Rejected { .. } => Some(Kind::Rejection),
        Event::Looked { .. } | Event::Surveyed { .. } | Event::Viewed => Some(Kind::Look),
        Event::Host { .. } => Some(Kind::Host),
        _ => None,
    }
}

fn differs(field: &'static str, public: impl Display, personal: impl Display) -> Disagreement {
    Disagreement { field, public: public.to_string(), personal: personal.to_string() }
}

fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn told_apart<'a>(policies: impl Iterator<Item = &'a PolicyRef>) -> String {
    let words: Vec<_> = policies.map(|p| format!("{} {} {}", p.id, p.component, p.settings)).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Who;
    use crate::combine::Ruling;
    use crate::rulings::Decision;
    use crate::terms::{Digest, Phase};

    fn policy(id: &str) -> PolicyRef {
        PolicyRef { id: id.to_owned(), component: Digest::of(id.as_bytes()), settings: Digest::default() }
    }

    fn rulings(verdict: Verdict) -> Rulings {
        let ruling = |id: &str| Ruling {
            jurisdiction: id.to_owned(),
            policy: policy(id),
            matter: Digest::default(),
            decision: Decision { verdict, satisfied: vec![], findings: vec![], obligations: vec![], tags: vec![] },
            fuel: 7,
            fault: None,
            lines: vec![],
        };
        let rulings = vec![ruling("home"), ruling("owner")];
        Rulings { id: "decision".to_owned(), phase: Phase::Search, at: Instant(4), rulings }
    }

    fn account(event: Event) -> Account {
        let text = str::to_owned;
        let who =
            Who { jurisdiction: text("north"), person: text("p"), name: text("P"), unit: text("u"), agency: text("a") };
        Account {
            id: text("e1"),
            who,
            at: Instant(5),
            case: vec![],
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: None,
            lacking: vec![],
            of: Some(text("e0")),
            event,
        }
    }

    fn denied() -> Account {
        account(Event::Decision { matters: vec![], rulings: rulings(Verdict::Deny) })
    }

    fn leaf() -> Leaf {
        Leaf {
            v: 1,
            id: "e1".to_owned(),
            kind: Kind::Refusal,
            at: Instant(5),
            phase: Some(Phase::Search),
            verdict: Some(Verdict::Deny),
            policies: vec![policy("home"), policy("owner")],
            of: Some("e0".to_owned()),
            account: Digest::default(),
        }
    }

    /// The field that a leaf is found out by which was changed so.
    fn found(change: impl FnOnce(&mut Leaf)) -> &'static str {
        let mut leaf = leaf();
        change(&mut leaf);
        leaf.agrees_with(&denied()).map_or_else(|e| e.field(), |()| "none")
    }

    #[test]
    fn whatever_a_leaf_says_otherwise_is_found() {
        assert_eq!(leaf().agrees_with(&denied()), Ok(()));
        assert_eq!(found(|leaf| leaf.id = "e2".to_owned()), "id");
        assert_eq!(found(|leaf| leaf.at = Instant(6)), "at");
        assert_eq!(found(|leaf| leaf.of = None), "of");
        assert_eq!(found(|leaf| leaf.of = Some("e9".to_owned())), "of");
        assert_eq!(found(|leaf| leaf.phase = None), "phase");
        assert_eq!(found(|leaf| leaf.phase = Some(Phase::Release)), "phase");
        assert_eq!(found(|leaf| leaf.verdict = Some(Verdict::Permit)), "verdict");
        assert_eq!(found(|leaf| leaf.verdict = None), "verdict");
        assert_eq!(found(|leaf| leaf.policies.clear()), "policies");
        assert_eq!(found(|leaf| leaf.policies.truncate(1)), "policies");
        assert_eq!(found(|leaf| leaf.policies.reverse()), "policies");
        assert_eq!(found(|leaf| leaf.policies[1].component = Digest::of(b"another")), "policies");
        assert_eq!(found(|leaf| leaf.policies[1].settings = Digest::of(b"others")), "policies");
        for kind in [Kind::Intent, Kind::Outcome, Kind::Host] {
            assert_eq!(found(|leaf| leaf.kind = kind), "kind", "{kind:?}");
        }
        let told = Leaf { verdict: Some(Verdict::Permit), ..leaf() }.agrees_with(&denied()).err();
        let told = told.map(|e| e.to_string()).unwrap_or_default();
        assert!(told.contains("`verdict` is `permit` there and `deny` in the account"), "{told}");
    }

    #[test]
    fn a_permit_is_an_intent_and_what_was_not_decided_is_neither() {
        let permitted = account(Event::Decision { matters: vec![], rulings: rulings(Verdict::Permit) });
        let intent = Leaf { kind: Kind::Intent, verdict: Some(Verdict::Permit), ..leaf() };
        assert_eq!(intent.agrees_with(&permitted), Ok(()));
        let refusal = Leaf { kind: Kind::Refusal, ..intent };
        assert_eq!(refusal.agrees_with(&permitted).map_err(|e| e.field()), Err("kind"));

        let outcome = Leaf { kind: Kind::Outcome, phase: None, verdict: None, policies: vec![], ..leaf() };
        let opened = account(Event::Opened);
        assert_eq!(outcome.agrees_with(&opened), Ok(()));
        let judged = Leaf { kind: Kind::Intent, ..outcome.clone() };
        assert_eq!(judged.agrees_with(&opened).map_err(|e| e.field()), Err("kind"));
        let decided = Leaf { verdict: Some(Verdict::Permit), ..outcome.clone() };
        assert_eq!(decided.agrees_with(&opened).map_err(|e| e.field()), Err("verdict"));
        let looked = account(Event::Looked { first: 0, count: 1 });
        assert_eq!(outcome.agrees_with(&looked).map_err(|e| e.field()), Err("kind"));
        let look = Leaf { kind: Kind::Look, ..outcome };
        assert_eq!(look.agrees_with(&looked), Ok(()));
    }
}
