//! Policy revisions and how each stands: put forward, permitted to take effect, in force, superseded.
//!
//! A revision is a component with its settings, known by both digests. Which one is in force is on record, and the policy's
//! folder has to agree at every start: otherwise whoever may write the folder could change the law without anybody's
//! approval. There is one exception, the first start of a jurisdiction, whose folder is taken as it is.

use crate::chamber::PolicyState;
use crate::error::CaseError;
use model::account::Who;
use model::combine::PolicyRef;
use model::facts::{Conclusion, Signature};
use model::terms::{Digest, Instant};
use serde::{Deserialize, Serialize};

/// The kind under which revisions are kept.
const KIND: &str = store::REVISION;

/// Characters of a revision's id.
const ID_LEN: usize = 32;

/// One revision of a jurisdiction's policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Follows from the digests, so that the same revision put forward again is the same.
    pub id: String,
    /// The policy's id in its charter.
    pub policy: String,
    /// Digest of the component.
    pub component: Digest,
    /// Digest of the settings.
    pub settings: Digest,
    /// Who put it forward, and when; nobody did where a jurisdiction started with it.
    pub proposed: Option<Proposed>,
    /// Who signed for or against it, oldest first.
    pub endorsements: Vec<Endorsement>,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
}

/// Who put a revision forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Instant,
    /// What changes, in their words.
    pub note: String,
}

/// A signature for or against a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// Who signed.
    pub by: Who,
    /// The signature.
    pub signature: Signature,
    /// Why they refuse, or whatever else they wrote beside it.
    pub reason: String,
}

impl Endorsement {
    /// As policies are told of it. Early rows name the person without the jurisdiction.
    pub(crate) fn told(&self) -> Signature {
        Signature { person: self.by.key(), ..self.signature.clone() }
    }
}

/// How a revision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// Put forward; signatures are collected.
    Proposed,
    /// The policy in force permitted it to take effect, and it is not on record that it did. It is about to, or its activation
    /// broke off: then the next start takes the permit for used up.
    Permitted {
        /// When.
        at: Instant,
    },
    /// In force.
    InForce {
        /// Since when.
        since: Instant,
    },
    /// In force once.
    Superseded {
        /// From when.
        since: Instant,
        /// Until when.
        until: Instant,
    },
}

impl Revision {
    /// A revision that stands like this, and that nobody has signed for.
    pub(crate) fn new(reference: &PolicyRef, proposed: Option<Proposed>, state: State) -> Self {
        Self {
            id: id(reference),
            policy: reference.id.clone(),
            component: reference.component,
            settings: reference.settings,
            proposed,
            endorsements: vec![],
            state,
        }
    }

    /// As decisions name it.
    pub(crate) fn reference(&self) -> PolicyRef {
        PolicyRef { id: self.policy.clone(), component: self.component, settings: self.settings }
    }

    /// Whether it is the one in force.
    pub fn is_in_force(&self) -> bool {
        matches!(self.state, State::InForce { .. })
    }

    /// Whether it can still be signed for, and take effect.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Proposed | State::Permitted { .. })
    }

    /// Whether it is pending, and who signed last did not sign against it.
    pub(crate) fn waits(&self) -> bool {
        let refused = self.endorsements.last().is_some_and(|e| e.signature.conclusion == Conclusion::Refused);
        self.is_pending() && !refused
    }

    /// Whether its activation began and is not concluded.
    pub(crate) fn is_permitted(&self) -> bool {
        matches!(self.state, State::Permitted { .. })
    }

    /// The same, put forward as before: its activation failed, or broke off.
    pub(crate) fn withdrawn(mut self) -> Self {
        self.state = State::Proposed;
        self
    }

    /// The same, in force from now on.
    pub(crate) fn in_force(mut self, since: Instant) -> Self {
        self.state = State::InForce { since };
        self
    }

    /// The same, no longer in force.
    pub(crate) fn superseded(mut self, until: Instant) -> Self {
        let since = if let State::InForce { since } = self.state { since } else { until };
        self.state = State::Superseded { since, until };
        self
    }

    /// The row that keeps it.
    pub(crate) fn row(&self) -> Result<store::Kept, CaseError> {
        let body = serde_json::to_value(self).map_err(|e| CaseError::Log(e.to_string()))?;
        Ok(store::Kept::Stands(store::StandingRow { kind: KIND.to_owned(), id: self.id.clone(), body }))
    }
}

/// The id of a revision.
pub(crate) fn id(reference: &PolicyRef) -> String {
    id_of(reference.component, reference.settings)
}

/// The id of the revision with these digests.
pub(crate) fn id_of(component: Digest, settings: Digest) -> String {
    let digests = [component.0, settings.0].concat();
    let mut id = Digest::of(&digests).to_string();
    id.truncate(ID_LEN);
    id
}

/// Every revision that is kept, in the order of their ids.
pub(crate) async fn read(rows: &store::Jurisdiction) -> Result<Vec<Revision>, CaseError> {
    rows.standings(KIND).await?.into_iter().map(opened).collect()
}

/// One revision.
pub(crate) async fn find(rows: &store::Jurisdiction, id: &str) -> Result<Option<Revision>, CaseError> {
    rows.standing(KIND, id).await?.map(opened).transpose()
}

fn opened(row: store::StandingRow) -> Result<Revision, CaseError> {
    serde_json::from_value(row.body)
        .map_err(|e| CaseError::Unreadable(format!("policy revision `{}`: {e}; restore the database", row.id)))
}

/// Whether the policy that was found in the folder was in force once and is no longer: of several hosts, one that was off while
/// another put the next revision in force still has it there.
pub(crate) fn is_overtaken(found: &PolicyState, known: &[Revision]) -> bool {
    let PolicyState::Ready(policy) = found else { return false };
    is_superseded(&id(policy.reference()), known)
}

fn is_superseded(id: &str, known: &[Revision]) -> bool {
    known.iter().any(|r| r.id == id && matches!(r.state, State::Superseded { .. }))
}

/// Whether the policy that was found in the folder may be used, and what its start changes on record.
pub(crate) fn at_start(found: PolicyState, known: &[Revision], now: Instant) -> (PolicyState, Vec<Revision>) {
    let PolicyState::Ready(policy) = found else { return (found, vec![]) };
    match settled(policy.reference(), known, now) {
        Ok(changed) => (PolicyState::Ready(policy), changed),
        Err(reason) => (PolicyState::Absent(reason), vec![]),
    }
}

/// What changes on record when a host starts with this revision; or why it may not. Only a revision of which it is on record
/// that it took effect is in force: a permit to put it in force is not enough.
fn settled(found: &PolicyRef, known: &[Revision], now: Instant) -> Result<Vec<Revision>, String> {
    let id = id(found);
    let Some(in_force) = known.iter().find(|r| r.is_in_force()) else {
        return Ok(vec![Revision::new(found, None, State::InForce { since: now })]);
    };
    if in_force.id == id {
        // Nothing is being activated while a host starts.
        let broken_off = known.iter().filter(|r| r.is_permitted());
        return Ok(broken_off.map(|r| r.clone().withdrawn()).collect());
    }
    let broken_off = known.iter().any(|r| r.id == id && r.is_permitted());
    let (state, remedy) = if broken_off {
        ("whose activation broke off", "activate the new ones again")
    } else if is_superseded(&id, known) {
        ("which were superseded", "where they are wanted again, have them put forward, approved and activated")
    } else {
        ("which were never activated", "have the new ones put forward, approved and activated")
    };
    Err(format!(
        "the policy's folder holds the component {} with the settings {}, {state}; in force are {} and {}: put those back \
         from the archive of policies, and {remedy}",
        found.component, found.settings, in_force.component, in_force.settings
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(component: &[u8]) -> PolicyRef {
        let settings = Digest::of(b"settings");
        PolicyRef { id: "p".to_owned(), component: Digest::of(component), settings }
    }

    fn revision(component: &[u8], state: State) -> Revision {
        Revision::new(&reference(component), None, state)
    }

    const NOW: Instant = Instant(9);

    #[test]
    fn the_first_start_takes_the_folder_as_it_is() {
        let changed = settled(&reference(b"a"), &[], NOW).unwrap();
        assert_eq!(changed, [revision(b"a", State::InForce { since: NOW })]);
    }

    #[test]
    fn later_starts_want_what_is_in_force() {
        let known = [revision(b"a", State::InForce { since: Instant(1) }), revision(b"b", State::Proposed)];
        assert_eq!(settled(&reference(b"a"), &known, NOW), Ok(vec![]));
        for other in [&b"b"[..], b"c"] {
            let refused = settled(&reference(other), &known, NOW).unwrap_err();
            assert!(refused.contains(&Digest::of(other).to_string()) && refused.contains("never activated"));
        }
    }

    #[test]
    fn what_was_superseded_is_not_in_force_and_said_to_have_been() {
        let until = Instant(5);
        let superseded = State::Superseded { since: Instant(1), until };
        let known = [revision(b"a", superseded), revision(b"b", State::InForce { since: until })];
        let refused = settled(&reference(b"a"), &known, NOW).unwrap_err();
        assert!(refused.contains("superseded") && !refused.contains("never activated"), "{refused}");
        let is = |component: &[u8]| is_superseded(&id(&reference(component)), &known);
        assert!(is(b"a") && !is(b"b") && !is(b"c"));
    }

    #[test]
    fn an_activation_that_was_cut_short_has_no_effect() {
        let known =
            [revision(b"a", State::InForce { since: Instant(1) }), revision(b"b", State::Permitted { at: Instant(5) })];
        let changed = settled(&reference(b"a"), &known, NOW).unwrap();
        assert_eq!(changed, [revision(b"b", State::Proposed)], "before the folder was changed");
        let refused = settled(&reference(b"b"), &known, NOW).unwrap_err();
        assert!(refused.contains("broke off") && refused.contains(&Digest::of(b"a").to_string()), "{refused}");
    }

    #[test]
    fn whoever_signed_is_told_with_their_jurisdiction() {
        let told = |jurisdiction: &str, person: &str| {
            let text = |text: &str| text.to_owned();
            let (name, unit, agency) = (text("A. Vogt"), text("board"), text("a"));
            let by = Who { jurisdiction: text(jurisdiction), person: text("a.vogt"), name, unit: unit.clone(), agency };
            let (person, role, conclusion) = (text(person), text("secretary"), Conclusion::Approved);
            let signature = Signature { person, role, unit, conclusion, at: NOW, blind: false };
            Endorsement { by, signature, reason: String::new() }.told().person
        };
        assert_eq!(told("north", "north/a.vogt"), "north/a.vogt");
        assert_eq!(told("south", "a.vogt"), "south/a.vogt", "a row that names the id alone");
    }

    #[test]
    fn settings_are_part_of_a_revision() {
        let other = PolicyRef { settings: Digest::of(b"other"), ..reference(b"a") };
        assert_ne!(id(&other), id(&reference(b"a")));
        let kept = serde_json::to_value(revision(b"a", State::Proposed)).unwrap();
        assert_eq!(serde_json::from_value::<Revision>(kept).unwrap(), revision(b"a", State::Proposed));
    }
}
