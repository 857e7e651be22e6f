//! The `activation` phase: a policy revision takes effect.
//!
//! Whoever holds an office in the jurisdiction puts a revision forward: another component, other settings, or both. It is
//! loaded in the sandbox like one in force, put on record, and kept; a few of them may wait at once. Signatures for and
//! against it are collected on its digests. When somebody asks for it to take effect, the policy **in force** judges that, and
//! is told the signatures of those who may still sign so. Only then is it pinned in the policy's folder, and only when
//! that is on record does it decide. Requests under way go on under it from their next step.

use crate::answers;
use crate::calendar;
use crate::chamber::{Casework, Chamber, PolicyState, Registered, no_policy};
use crate::chancery;
use crate::error::CaseError;
use crate::intake::attested;
use crate::judge::Facts;
use crate::ledger::{self, Entry, Receipt, Subject};
use crate::limits::{self, bounded};
use crate::misstep::Misstep;
use crate::revision::{self, Endorsement, Proposed, Revision, State};
use crate::sitting::Taken;
use crate::turns::Turn;
use model::account::{Event, Kind};
use model::facts::{Activation, Conclusion, Signature, Step};
use model::registry::Principal;
use model::rulings::Charter;
use model::terms::{Digest, Field, Instant, Phase, Value};
use std::collections::BTreeMap;

/// Revisions of a jurisdiction that may wait to take effect. Few are in the making at once; each may take up the space of a
/// large component.
const MOST_WAIT: usize = 8;

/// As rejections call them.
const PROPOSE: &str = "put a policy revision forward";
const ENDORSE: &str = "sign for a policy revision";
const ACTIVATE: &str = "put a policy revision in force";

/// A revision to be put forward. What is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// The component.
    pub component: Option<Vec<u8>>,
    /// All of its settings.
    pub settings: Option<BTreeMap<String, Value>>,
    /// What changes.
    pub note: String,
}

/// A signature for or against a revision.
#[derive(Clone, Debug)]
pub struct Vote {
    /// The role they sign in.
    pub role: String,
    /// `approved` or `refused`.
    pub conclusion: Conclusion,
    /// Why, where they refuse.
    pub reason: String,
}

/// A revision as it stands after a step on it.
pub struct Recorded {
    /// The revision.
    pub revision: Revision,
    /// Where the step is recorded.
    pub receipt: Option<Receipt>,
}

/// A revision that took effect.
pub struct Activated {
    /// The revision.
    pub revision: Revision,
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
}

/// A jurisdiction's policy and its revisions, for anybody to read.
pub struct PolicySeen {
    /// What the policy in force says of itself; absent where none is.
    pub charter: Option<Charter>,
    /// Why none is in force.
    pub impediment: Option<String>,
    /// Every revision on record, the one in force first, then the latest.
    pub revisions: Vec<Revision>,
}

impl Casework {
    /// Puts a revision forward: loaded, on record, kept, and not in force.
    ///
    /// # Errors
    /// [`CaseError::Rejected`] for somebody without an office here; [`CaseError::Invalid`] for one that is too large;
    /// [`CaseError::Exists`] for one that is in force or put forward already; [`CaseError::OutOfPlace`] while too many wait;
    /// [`CaseError::OtherPolicy`] for one of another policy than the one in force;
    /// [`CaseError::Policy`] for one that cannot be loaded, or kept: the latter is on record, and can be put forward again.
    pub async fn propose(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        proposal: Proposal,
    ) -> Result<Recorded, CaseError> {
        bounded([], [("note", proposal.note.as_str())], &BTreeMap::new())?;
        proposal.settings.as_ref().map_or(Ok(()), limits::settings)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        if actor.principal.jurisdiction != jurisdiction || actor.person.roles.is_empty() {
            let reason = "only people of the jurisdiction who hold a role put its policy's revisions forward";
            return self.reject(jurisdiction, actor, PROPOSE, None, reason).await;
        }
        let _turn = self.policy_turn(actor, &chamber, PROPOSE).await?;
        let in_force = match &*chamber.policy() {
            PolicyState::Ready(policy) => policy.reference().clone(),
            PolicyState::Absent(reason) => {
                return Err(CaseError::Policy(no_policy(jurisdiction, reason, Some(&actor.principal))));
            }
        };
        let Proposal { component, settings, note } = proposal;
        let settings: Option<Vec<Field>> =
            settings.map(|all| all.into_iter().map(|(name, value)| Field::new(name, value)).collect());
        // What can be said without compiling anything comes first.
        let (component, settings, digests, kept) = {
            let in_force = in_force.clone();
            chancery::at(self.chancery.as_ref(), move |c| {
                let digests = chancery::digests(&in_force, component.as_deref(), settings.as_deref())?;
                let kept = c.keeps(digests.0, digests.1);
                Ok((component, settings, digests, kept))
            })
            .await?
        };
        if digests == (in_force.component, in_force.settings) {
            return Err(CaseError::Exists(
                "this revision is in force: change its component or its settings".to_owned(),
            ));
        }
        chamber.ledger.settle().await?;
        let revisions = revision::read(&chamber.store).await?;
        let id = revision::id_of(digests.0, digests.1);
        // One that could not be kept is of no use to anybody as it is.
        if kept && let Some(there) = revisions.iter().find(|r| r.id == id && r.is_pending()) {
            return Err(CaseError::Exists(format!(
                "this revision was put forward already, as `{}`: sign for it",
                there.id
            )));
        }
        if revisions.iter().filter(|r| r.id != id && r.waits()).count() >= MOST_WAIT {
            return self.refuse_apart(&chamber, actor, PROPOSE, Misstep::TooManyWait { most: MOST_WAIT }).await;
        }
        let examined = chancery::at(self.chancery.as_ref(), move |c| c.examine(&in_force, component, settings)).await?;
        let reference = examined.policy.reference().clone();
        let at = self.clock.now()?;
        let proposed = Proposed { by: actor.who(), at, note: note.clone() };
        let revision = Revision::new(&reference, Some(proposed), State::Proposed);
        let event = Event::Proposed { component: reference.component, settings: reference.settings, note };
        let recorded = self.record_proposal(&chamber, actor, at, event, revision).await?;
        // Kept only once it is on record: what nobody put forward takes up no space.
        let kept = chancery::at(self.chancery.as_ref(), move |c| c.keep(&examined)).await;
        kept.map_err(|e| {
            CaseError::Policy(format!("it is on record, and cannot take effect: {e}; put it forward again"))
        })?;
        Ok(recorded)
    }

    /// Signs for or against a revision. Whoever thinks better of it signs again; what that comes to is the policy's to say.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for a role not held, a refusal without a reason, and a revision that is not pending.
    pub async fn endorse(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        revision: &str,
        vote: Vote,
    ) -> Result<Recorded, CaseError> {
        let Vote { role, conclusion, reason } = vote;
        bounded([("role", role.as_str())], [("reason", reason.as_str())], &BTreeMap::new())?;
        if !matches!(conclusion, Conclusion::Approved | Conclusion::Refused) {
            return Err(CaseError::Invalid("a revision is `approved` or `refused`: conclude one of these".to_owned()));
        }
        let chamber = self.chamber(jurisdiction)?.clone();
        let _turn = self.policy_turn(actor, &chamber, ENDORSE).await?;
        let found = pending(&chamber, revision).await?;
        let own = actor.principal.jurisdiction == jurisdiction;
        let out_of_place = if !own || !actor.holds(&role) {
            // It is the host that wants a role which they hold; which one, the policy judges as the revision takes effect.
            Some(Misstep::NotTheirRole { person: actor.person.id.clone(), role: role.clone(), demanded: vec![] })
        } else if conclusion == Conclusion::Refused && reason.trim().is_empty() {
            Some(Misstep::RefusedWithoutReason { demanded: vec![] })
        } else {
            None
        };
        let mut revision = match (found, out_of_place) {
            (Ok(revision), None) => revision,
            (Err(misstep), _) | (Ok(_), Some(misstep)) => {
                return self.refuse_apart(&chamber, actor, ENDORSE, misstep).await;
            }
        };
        let at = self.clock.now()?;
        let unit = actor.person.unit.clone();
        let signature = Signature { person: actor.key(), role, unit, conclusion, at, blind: false };
        revision.endorsements.push(Endorsement {
            by: actor.who(),
            signature: signature.clone(),
            reason: reason.clone(),
        });
        let event = Event::Endorsed { component: revision.component, settings: revision.settings, signature, reason };
        self.record_proposal(&chamber, actor, at, event, revision).await
    }

    /// Puts a revision in force, if the policy in force permits it.
    ///
    /// # Errors
    /// [`CaseError::Refused`] when it does not; [`CaseError::OutOfPlace`] for a revision that is not pending;
    /// [`CaseError::OtherPolicy`] for one that was put forward of another policy;
    /// [`CaseError::Policy`] when it cannot be pinned. What was in force then stays so, at the next start too.
    pub async fn activate(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        revision: &str,
        answers: BTreeMap<String, Value>,
    ) -> Result<Activated, CaseError> {
        bounded([], [], &answers)?;
        let chamber = self.chamber(jurisdiction)?.clone();
        let concerned = [chamber.clone()];
        answers::check(&concerned, Phase::Activation, &answers)?;
        let _turn = self.policy_turn(actor, &chamber, ACTIVATE).await?;
        let mut revision = match pending(&chamber, revision).await? {
            Ok(revision) => revision,
            Err(misstep) => return self.refuse_apart(&chamber, actor, ACTIVATE, misstep).await,
        };
        let reference = revision.reference();
        if let PolicyState::Ready(policy) = &*chamber.policy() {
            chancery::same_policy(policy.reference(), &reference)?;
        }
        // What cannot be in force today would deny everything.
        let charter = {
            let reference = reference.clone();
            chancery::at(self.chancery.as_ref(), move |c| c.examine(&reference, None, None))
                .await?
                .policy
                .charter()
                .clone()
        };
        let now = self.clock.now()?;
        timely(&charter, now)?;
        let approvals = revision.endorsements.iter().filter(|e| self.vouches(&e.by, &e.signature));
        let step = Step::Activation(Activation {
            component: revision.component,
            settings: revision.settings,
            approvals: approvals.map(Endorsement::told).collect(),
        });
        let in_force = revision::read(&chamber.store).await?.into_iter().find(Revision::is_in_force);
        let (activated, before, mut rows) = succession(&revision, in_force.as_ref(), now)?;
        // The review that was due is what it is the fruit of.
        let reviewed = calendar::reviewed_by(&chamber, &charter).await?;
        let meets = reviewed.iter().map(|owed| owed.id.clone()).collect();
        for owed in reviewed {
            rows.push(owed.met(&actor.key(), now)?);
        }
        revision.state = State::Permitted { at: now };
        let facts = Facts::apart(now, actor, vec![attested(answers, actor, now)], step);
        // Kept with the permit: a start that finds it in the folder knows how it came there.
        let acted = self.judge(&concerned, facts, vec![revision.row()?]).await?.act();
        let installed = {
            let jurisdiction = jurisdiction.to_owned();
            chancery::at(self.chancery.as_ref(), move |c| c.install(&jurisdiction, &reference)).await
        };
        let policy = match installed {
            Ok(policy) => policy,
            Err(e) => {
                let rows = self.withdraw(&chamber, revision, in_force).await;
                return Err(self.give_up_with(&concerned, acted, actor, e, rows).await);
            }
        };
        let event = Event::Activated { component: activated.component, settings: activated.settings, before, meets };
        // What cannot be put on record here is not in force. It stays permitted, so that the next start puts the folder back.
        let (rulings, recorded) = {
            // Held by whoever reads what other hosts put in force: this is not another's.
            let _held = chamber.decisions.lock().await;
            let concluded = self.conclude(&concerned, acted, actor, event, rows).await?;
            chamber.put_in_force(policy);
            concluded
        };
        chamber.publish().await;
        tracing::info!(jurisdiction, component = %activated.component, settings = %activated.settings, "another policy revision is in force");
        Ok(Activated { revision: activated, taken: Taken { rulings, receipt: recorded.receipt()? } })
    }

    /// A jurisdiction's policy and its revisions. `asker` is whom a certificate names, if any.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub async fn policy_seen(&self, jurisdiction: &str, asker: Option<&Principal>) -> Result<PolicySeen, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        chamber.ledger.settle().await?;
        let mut revisions = revision::read(&chamber.store).await?;
        revisions.sort_by_key(|r| std::cmp::Reverse((r.is_in_force(), latest(r))));
        let (charter, impediment) = match &*chamber.policy() {
            PolicyState::Ready(policy) => (Some(policy.charter().clone()), None),
            PolicyState::Absent(reason) => (None, Some(no_policy(jurisdiction, reason, asker))),
        };
        Ok(PolicySeen { charter, impediment, revisions })
    }

    /// The text of the directive that the policy in force cites, to the byte. `asker` is whom a certificate names, if any.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] where this host does not have it; [`CaseError::Policy`] where it has another text.
    pub async fn directive(&self, jurisdiction: &str, asker: Option<&Principal>) -> Result<Vec<u8>, CaseError> {
        let chamber = self.chamber(jurisdiction)?.clone();
        let cited = match &*chamber.policy() {
            PolicyState::Ready(policy) => policy.charter().authority_text,
            PolicyState::Absent(reason) => return Err(CaseError::Policy(no_policy(jurisdiction, reason, asker))),
        };
        let jurisdiction = jurisdiction.to_owned();
        chancery::at(self.chancery.as_ref(), move |c| c.directive(&jurisdiction, cited)).await
    }

    /// One step on a jurisdiction's policy at a time.
    async fn policy_turn(&self, actor: &Registered, chamber: &Chamber, asked: &str) -> Result<Turn, CaseError> {
        self.turn_for(actor, chamber, &format!("policy/{}", chamber.id()), asked).await
    }

    /// After an activation that failed: the folder holds again what is in force. Gives the revision's row as it stands then;
    /// none where the folder could not be put back, which the next start does.
    async fn withdraw(&self, chamber: &Chamber, revision: Revision, in_force: Option<Revision>) -> Vec<store::Kept> {
        let Some(reference) = in_force.as_ref().map(Revision::reference) else { return vec![] };
        let jurisdiction = chamber.id().to_owned();
        let restored = chancery::at(self.chancery.as_ref(), move |c| c.restore(&jurisdiction, &reference)).await;
        match restored.and_then(|_| revision.withdrawn().row()) {
            Ok(row) => vec![row],
            Err(e) => {
                tracing::error!(jurisdiction = chamber.id(), %e, "an activation failed, and the policy's folder could not be put back");
                vec![]
            }
        }
    }

    async fn record_proposal(
        &self,
        chamber: &Chamber,
        actor: &Registered,
        at: Instant,
        event: Event,
        revision: Revision,
    ) -> Result<Recorded, CaseError> {
        let entry = Entry { kind: Kind::Proposal, who: actor.who(), at, subject: Subject::Apart, of: None, event };
        let recorded = ledger::record(&[&chamber.ledger], entry, vec![revision.row()?]).await?;
        Ok(Recorded { revision, receipt: recorded.receipt()? })
    }

    /// Records a step outside a request's life that is out of place, and says so.
    ///
    /// # Errors
    /// Always: [`CaseError::OutOfPlace`], or why it could not be recorded.
    pub(crate) async fn refuse_apart<T>(
        &self,
        chamber: &Chamber,
        actor: &Registered,
        asked: &str,
        misstep: Misstep,
    ) -> Result<T, CaseError> {
        self.record_rejected(&[&chamber.ledger], actor, Subject::Apart, asked, misstep).await
    }
}

/// A revision that is put forward and not in force.
async fn pending(chamber: &Chamber, id: &str) -> Result<Result<Revision, Misstep>, CaseError> {
    chamber.ledger.settle().await?;
    let Some(revision) = revision::find(&chamber.store, id).await? else {
        let (id, hint) = (id.to_owned(), "; GET /v1/{jurisdiction}/policy lists them");
        return Err(CaseError::Unknown { kind: "policy revision", id, hint });
    };
    Ok(if revision.is_pending() { Ok(revision) } else { Err(Misstep::NotPending { revision: revision.id }) })
}

/// Whether a policy is in force on this day by its own word.
fn timely(charter: &Charter, now: Instant) -> Result<(), CaseError> {
    let today = crate::clock::fact(now, &charter.time_zone).today;
    if today < charter.effective {
        let effective = charter.effective;
        return Err(CaseError::Invalid(format!("the revision is effective from {effective}: activate it on that day")));
    }
    match charter.expires {
        Some(last) if today > last => Err(CaseError::Invalid(format!("the revision expired after {last}"))),
        _ => Ok(()),
    }
}

/// A revision in force, the digests of the one before, and the rows of both.
type Succession = (Revision, (Digest, Digest), Vec<store::Kept>);

fn succession(revision: &Revision, old: Option<&Revision>, now: Instant) -> Result<Succession, CaseError> {
    let revision = revision.clone().in_force(now);
    let (mut rows, mut before) = (vec![revision.row()?], (Digest::default(), Digest::default()));
    if let Some(old) = old {
        before = (old.component, old.settings);
        rows.push(old.clone().superseded(now).row()?);
    }
    Ok((revision, before, rows))
}

/// The last moment that something was done with a revision.
fn latest(revision: &Revision) -> Instant {
    let signed = revision.endorsements.last().map(|e| e.signature.at);
    let proposed = revision.proposed.as_ref().map(|p| p.at);
    let stood = match revision.state {
        State::Proposed => None,
        State::Permitted { at } => Some(at),
        State::InForce { since } => Some(since),
        State::Superseded { until, .. } => Some(until),
    };
    [signed, proposed, stood].into_iter().flatten().max().unwrap_or_default()
}
