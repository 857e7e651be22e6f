//! A decision on record, taken again.
//!
//! A policy is a function of its settings and the matter, and the account of every decision holds the matter to the
//! letter. So the same revision, run on the same matter, has to rule the same and burn the same fuel, on any machine and
//! at any time. Where it does not, the record, the archive or the sandbox was changed.

use crate::chamber::{NO_POLICY, PolicyState};
use crate::error::CaseError;
use crate::judge::{bound_to_galleries, ruling};
use model::account::Leaf;
use model::combine::{PolicyRef, Ruling, Rulings};
use model::facts::Matter;
use model::terms::{Digest, Instant};
use serde::{Deserialize, Serialize};

/// Characters of a value shown in a difference.
const MOST_SHOWN: usize = 400;

/// The part of an account that a decision is replayed from, and what its leaf repeats.
#[derive(Deserialize)]
struct Told {
    id: String,
    at: Instant,
    #[serde(default)]
    of: Option<String>,
    event: Decided,
}

/// What was told to the policies, and what they ruled.
#[derive(Clone, Debug, Deserialize)]
pub struct Decided {
    /// One matter for each policy.
    pub matters: Vec<Matter>,
    /// What they ruled.
    pub rulings: Rulings,
}

/// Something that is not as it is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The jurisdiction whose policy ruled.
    pub jurisdiction: String,
    /// What differs: `decision`, `fuel`, `fault`, `matter`, `lines`, `policy`, `rulings` or `account`.
    pub what: &'static str,
    /// As it is on record.
    pub recorded: String,
    /// As it came out now.
    pub replayed: String,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The same to the byte, fuel included.
    Same,
    /// Time or the machine's stack ended it, then or now: neither is a fact that could be had again.
    Indeterminate,
    /// Not the same.
    Differs(Vec<Difference>),
}

impl Decided {
    /// Reads a decision from the account of its entry, which has to be what the entry's public part says. That the leaf
    /// commits to the account is to be checked besides.
    ///
    /// # Errors
    /// [`CaseError::Invalid`] where the account is of no decision, or of another than the leaf says.
    pub fn read(leaf: &Leaf, account: &[u8]) -> Result<Self, CaseError> {
        let told: Told = serde_json::from_slice(account)
            .map_err(|e| CaseError::Invalid(format!("the account is not of a decision: {e}")))?;
        leaf.repeats(&told.id, told.at, told.of.as_deref(), Some(&told.event.rulings))
            .map_err(|e| CaseError::Invalid(e.to_string()))?;
        Ok(told.event)
    }

    /// Decides again. `find` gives the revision as it was in force, or says why it cannot.
    pub fn again<'p>(&self, find: impl Fn(&PolicyRef) -> Result<&'p PolicyState, String>) -> Replayed {
        let recorded = &self.rulings.rulings;
        let whole = |what, recorded: String, replayed: String| {
            Replayed::Differs(vec![Difference { jurisdiction: String::new(), what, recorded, replayed }])
        };
        if recorded.len() != self.matters.len() {
            let matters = format!("{} matters", self.matters.len());
            return whole("rulings", format!("{} rulings", recorded.len()), matters);
        }
        let Rulings { id, phase, at, .. } = &self.rulings;
        let mut rulings =
            Rulings { id: id.clone(), phase: *phase, at: *at, rulings: Vec::with_capacity(recorded.len()) };
        for (ruled, matter) in recorded.iter().zip(&self.matters) {
            let once = absent(ruled);
            let policy = match &once {
                Some(absent) => absent,
                None => match find(&ruled.policy) {
                    Ok(policy) => policy,
                    Err(why) => return whole("policy", ruled.policy.component.to_string(), why),
                },
            };
            match ruling(&ruled.jurisdiction, policy, matter) {
                Ok(again) => rulings.rulings.push(again),
                Err(e) => return whole("rulings", shown(&ruled.decision), e.to_string()),
            }
        }
        bound_to_galleries(&mut rulings, self.matters.first().and_then(|m| m.gallery.as_ref()));
        let (mut found, mut indeterminate) = (Vec::new(), false);
        for (recorded, replayed) in recorded.iter().zip(&rulings.rulings) {
            if by_chance(recorded) || by_chance(replayed) {
                indeterminate = true;
            } else {
                found.extend(differences(recorded, replayed));
            }
        }
        match (found.is_empty(), indeterminate) {
            (false, _) => Replayed::Differs(found),
            (true, true) => Replayed::Indeterminate,
            (true, false) => Replayed::Same,
        }
    }
}

/// The state of a jurisdiction that had no policy when it ruled.
fn absent(ruled: &Ruling) -> Option<PolicyState> {
    if ruled.policy.component != Digest::default() {
        return None;
    }
    let said = ruled.decision.findings.first().and_then(|f| f.explanation.as_deref()).unwrap_or_default();
    let reason = said.strip_prefix(NO_POLICY).and_then(|rest| rest.strip_prefix(": "));
    Some(PolicyState::Absent(reason.unwrap_or(said).to_owned()))
}

/// Whether a ruling came about by what cannot be repeated.
fn by_chance(ruling: &Ruling) -> bool {
    let Some(fault) = &ruling.fault else { return false };
    [policy::Fault::OutOfTime, policy::Fault::OutOfStack].iter().any(|chance| chance.to_string() == *fault)
        || fault.starts_with(&policy::Fault::NotStarted(String::new()).to_string())
}

fn differences(recorded: &Ruling, replayed: &Ruling) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |what, recorded_is: String, replayed_is: String| {
        found.push(Difference {
            jurisdiction: recorded.jurisdiction.clone(),
            what,
            recorded: recorded_is,
            replayed: replayed_is,
        });
    };
    if recorded.matter != replayed.matter {
        compare("matter", recorded.matter.to_string(), replayed.matter.to_string());
    }
    if recorded.policy != replayed.policy {
        compare("policy", shown(&recorded.policy), shown(&replayed.policy));
    }
    if recorded.decision != replayed.decision {
        compare("decision", shown(&recorded.decision), shown(&replayed.decision));
    }
    if recorded.fuel != replayed.fuel {
        compare("fuel", recorded.fuel.to_string(), replayed.fuel.to_string());
    }
    if recorded.fault != replayed.fault {
        compare("fault", shown(&recorded.fault), shown(&replayed.fault));
    }
    if recorded.lines != replayed.lines {
        compare("lines", shown(&recorded.lines), shown(&replayed.lines));
    }
    found
}

fn shown(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.chars().take(MOST_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::account::Kind;
    use model::terms::{Phase, Verdict};

    fn ruling(reason: &str) -> Ruling {
        Ruling {
            jurisdiction: "here".to_owned(),
            policy: PolicyRef { id: "none".to_owned(), component: Digest::default(), settings: Digest::default() },
            matter: Digest::of(b"matter"),
            decision: policy::decide::denial(reason),
            fuel: 7,
            fault: None,
            lines: vec![],
        }
    }

    #[test]
    fn each_thing_that_differs_is_named() {
        let recorded = ruling("a");
        assert!(differences(&recorded, &recorded.clone()).is_empty());
        let mut replayed = ruling("b");
        (replayed.fuel, replayed.matter) = (8, Digest::of(b"another"));
        let found = differences(&recorded, &replayed);
        assert_eq!(found.iter().map(|d| d.what).collect::<Vec<_>>(), ["matter", "decision", "fuel"]);
        assert_eq!((found[2].recorded.as_str(), found[2].replayed.as_str()), ("7", "8"));
    }

    #[test]
    fn time_and_stack_are_chance_and_fuel_is_not() {
        let with = |fault: policy::Fault| Ruling { fault: Some(fault.to_string()), ..ruling("a") };
        assert!(by_chance(&with(policy::Fault::OutOfTime)));
        assert!(by_chance(&with(policy::Fault::OutOfStack)));
        assert!(by_chance(&with(policy::Fault::NotStarted("no room".to_owned()))));
        assert!(!by_chance(&with(policy::Fault::OutOfFuel)));
        assert!(!by_chance(&with(policy::Fault::OutOfMemory)));
        assert!(!by_chance(&ruling("a")));
    }

    #[test]
    fn a_record_that_is_not_whole_differs() {
        let rulings = Rulings { id: "r".to_owned(), phase: Phase::Search, at: Instant(0), rulings: vec![ruling("a")] };
        let decided = Decided { matters: vec![], rulings };
        assert!(matches!(decided.again(|_| Err("none".to_owned())), Replayed::Differs(d) if d[0].what == "rulings"));
    }

    #[test]
    fn an_account_is_read_under_its_own_leaf_only() {
        let rulings = Rulings { id: "r".to_owned(), phase: Phase::Search, at: Instant(0), rulings: vec![ruling("a")] };
        let told = serde_json::json!({
            "id": "e", "at": Instant(5), "event": {"what": "decision", "matters": [], "rulings": rulings},
        });
        let leaf = Leaf {
            v: 1,
            id: "e".to_owned(),
            kind: Kind::Refusal,
            at: Instant(5),
            phase: Some(Phase::Search),
            verdict: Some(Verdict::Deny),
            policies: vec![ruling("a").policy],
            of: None,
            account: Digest::default(),
        };
        let bytes = told.to_string().into_bytes();
        assert!(Decided::read(&leaf, &bytes).is_ok());
        let permit = Leaf { verdict: Some(Verdict::Permit), kind: Kind::Intent, ..leaf.clone() };
        let refused = Decided::read(&permit, &bytes).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("`verdict`"), "{refused}");
        assert!(Decided::read(&Leaf { at: Instant(6), ..leaf.clone() }, &bytes).is_err());
        assert!(Decided::read(&Leaf { id: "f".to_owned(), ..leaf.clone() }, &bytes).is_err());
        let opened = br#"{"id":"e","at":"1970-01-01T00:00:00.005Z","event":{"what":"opened"}}"#;
        assert!(Decided::read(&leaf, opened).is_err());
    }

    #[test]
    fn a_jurisdiction_without_a_policy_is_replayed_as_such() {
        let Some(PolicyState::Absent(reason)) = absent(&ruling("no policy is in force: a typo")) else {
            panic!("it had none");
        };
        assert_eq!(reason, "a typo");
    }
}
