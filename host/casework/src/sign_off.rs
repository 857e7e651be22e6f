//! The `sign-off` phase: an examiner or supervisor signs a conclusion, or refuses to.
//!
//! A person signs once, in a role they hold now, whatever certificates they have. Until the release they may conclude otherwise
//! in the same role: that takes back what they signed before, and an approval that no longer stands then is waited for again. What
//! it let through meanwhile stays done. They sign anew when a new list was shown or
//! something else was said of a candidate since: their old signature no longer stands. Nor does a signature count that somebody
//! gave for a unit they have left: they may sign for the one they are of now. An approval is a signature too, and can
//! be given before there is a list; it stays given, for what had been demanded until then. Whoever approved and is asked for
//! another approval since may approve again. After the release nobody signs but who is asked to approve of what follows it.
//! Whether the signatures a result needs are there is looked at when it is released ([`crate::release`]).

use crate::awaited::{Awaited, waits_on_a_docket};
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::life::{Life, Signed, same_person, takes_back};
use crate::limits::bounded;
use crate::misstep::{Misstep, demanding_role};
use crate::obligations::{self, Owed, Standing};
use crate::signatures::approved;
use crate::sitting::{Sitting, Taken};
use model::account::{Event, Who};
use model::facts::{Conclusion, Signature, Step};
use model::registry::Principal;
use model::rulings::Duty;
use model::terms::{Instant, Phase, Value};
use std::collections::BTreeMap;

/// As a rejection calls it.
const ASKED: &str = "sign";

/// What somebody signs.
#[derive(Clone, Debug)]
pub struct SignOff {
    /// The role they sign in.
    pub role: String,
    /// What they conclude.
    pub conclusion: Conclusion,
    /// Why, where they refuse; otherwise whatever they want on record beside it.
    pub reason: String,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

impl Casework {
    /// Records a signature.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for a role not held, a second signature that concludes the same or in another role, a conclusion without a list, and after the release
    /// for what no step after it waits for; [`CaseError::Refused`] when it is not permitted. Nothing is signed then.
    pub async fn sign(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        sign_off: SignOff,
    ) -> Result<Taken, CaseError> {
        let (role, reason) = (("role", sign_off.role.as_str()), ("reason", sign_off.reason.as_str()));
        bounded([role], [reason], &sign_off.answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        if let Err(misstep) = in_place(&sitting, actor, &sign_off) {
            return self.refuse(&sitting, actor, ASKED, misstep).await;
        }
        let SignOff { role, conclusion, reason, answers } = sign_off;
        let signature = Signature {
            person: actor.key(),
            role,
            unit: actor.person.unit.clone(),
            conclusion,
            at: sitting.now,
            blind: !sitting.life.is_informed(&actor.who()),
        };
        let step = Step::SignOff(signature.clone());
        let acted = self.judge_step(&sitting, actor, answers, step).await?.act();
        let before = Before { life: &sitting.life, requester: &sitting.request.requester, owed: &sitting.owed };
        let rows = settled(&before, &actor.who(), &signature, &acted.intent.id, sitting.now)?;
        self.conclude_step(&sitting, acted, actor, Event::Signed { signature, reason }, rows).await
    }
}

fn in_place(sitting: &Sitting, actor: &Registered, sign_off: &SignOff) -> Result<(), Misstep> {
    let who = actor.who();
    let demanded = || demanding_role(&sitting.life, &sign_off.role);
    if matches!(sign_off.conclusion, Conclusion::Lead | Conclusion::NoLead) {
        sitting.listed(Phase::SignOff)?;
    } else if !is_awaited_after_release(sitting, &who, &sign_off.role) {
        sitting.unreleased(Phase::SignOff)?;
    }
    if !actor.holds(&sign_off.role) {
        let role = sign_off.role.clone();
        return Err(Misstep::NotTheirRole { person: who.person, demanded: demanded(), role });
    }
    // What they signed for a unit or an agency that they have left counts no more: they sign for the one they are of now.
    let same = |s: &Signed| s.signature.unit == who.unit && s.by.agency == who.agency;
    let signed = |s: &&Signed| s.stands && same_person(&s.by, &who) && same(s);
    if let Some(signed) = sitting.life.signatures.iter().find(signed)
        && !is_asked_anew(sitting, &who, sign_off)
        && !concludes_otherwise(sitting, &who, sign_off)
    {
        let at = signed.signature.at;
        return Err(Misstep::SignedAlready { person: who.person, at, demanded: demanded() });
    }
    if sign_off.conclusion == Conclusion::Refused && sign_off.reason.trim().is_empty() {
        return Err(Misstep::RefusedWithoutReason { demanded: demanded() });
    }
    Ok(())
}

/// Whether the result has left, and what follows waits for somebody of this jurisdiction to approve in this role.
fn is_awaited_after_release(sitting: &Sitting, who: &Who, role: &str) -> bool {
    let theirs = |awaited: &Awaited| {
        awaited.jurisdiction == who.jurisdiction && matches!(&awaited.duty, Duty::Approve(rule) if rule.role == role)
    };
    sitting.life.release.is_some() && sitting.demands().open().iter().any(theirs)
}

/// Whether somebody who approved before approves in the same role of what was demanded since.
fn is_asked_anew(sitting: &Sitting, who: &Who, sign_off: &SignOff) -> bool {
    let SignOff { role, conclusion: Conclusion::Approved, .. } = sign_off else { return false };
    let demanded = |owed: &&Owed| owed.is_open() && matches!(&owed.duty, Duty::Approve(rule) if rule.role == *role);
    let earlier = |s: &Signed, since: Instant| {
        s.signature.conclusion == Conclusion::Approved && s.signature.role == *role && s.signature.at < since
    };
    let theirs = || sitting.life.signatures.iter().filter(move |s| s.stands && same_person(&s.by, who));
    sitting.owed.iter().filter(demanded).any(|owed| theirs().all(|s| earlier(s, owed.since)))
}

/// Whether somebody concludes otherwise than they did, in the same role, while that can be changed.
fn concludes_otherwise(sitting: &Sitting, who: &Who, sign_off: &SignOff) -> bool {
    let SignOff { role, conclusion, .. } = sign_off;
    let mut theirs = sitting.life.signatures.iter().filter(|s| s.stands && same_person(&s.by, who));
    let other = |s: &Signed| s.signature.role == *role && s.signature.conclusion != *conclusion;
    sitting.life.release.is_none() && theirs.all(other)
}

/// A request before somebody signs.
pub(crate) struct Before<'a> {
    pub(crate) life: &'a Life,
    pub(crate) requester: &'a Principal,
    /// Every obligation filed under it.
    pub(crate) owed: &'a [Owed],
}

/// The obligations as they stand after a signature, where it changes them: this entry permitted it, at this moment.
pub(crate) fn settled(
    before: &Before<'_>,
    who: &Who,
    signature: &Signature,
    entry: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    let mut rows = obligations::met(before.owed, |owed| approves(before, owed, who, signature), entry, at)?;
    for owed in before.owed.iter().filter(|owed| disapproves(before, owed, signature)) {
        rows.push(owed.clone().reopened()?);
    }
    Ok(rows)
}

/// Whether an approval that was given is so no longer, now that this is signed: it takes back one that is needed.
fn disapproves(before: &Before<'_>, owed: &Owed, signature: &Signature) -> bool {
    let Duty::Approve(rule) = &owed.duty else { return false };
    let life = before.life;
    if life.release.is_some() || !matches!(owed.standing, Standing::Met { .. }) || waits_on_a_docket(owed, life) {
        return false;
    }
    let counts = |s: &&Signed| !s.taken_back && s.by.jurisdiction == owed.jurisdiction && s.signature.at >= owed.since;
    let given: Vec<&Signed> = life.signatures.iter().filter(counts).collect();
    let back = |s: &&Signed| s.stands && takes_back(signature, &s.signature);
    let (taken_back, left): (Vec<&Signed>, Vec<&Signed>) = given.iter().copied().partition(back);
    let suffices = |signed: &[&Signed]| {
        let signed = signed.iter().map(|s| (&s.by, &s.signature));
        approved(rule, before.requester, signed)
    };
    !taken_back.is_empty() && suffices(&given) && !suffices(&left)
}

/// Whether an approval that is demanded has been given, now that this person has signed: by people of the jurisdiction that
/// demands it, whose role it means, since it was demanded. Whether all of them still hold the role is looked at whenever the
/// demand is read ([`crate::given`]): whoever comes back does not have to sign again.
fn approves(before: &Before<'_>, owed: &Owed, who: &Who, signature: &Signature) -> bool {
    let Duty::Approve(rule) = &owed.duty else { return false };
    // What this one takes back is no approval any more.
    let given =
        before.life.signatures.iter().filter(|s| !(s.taken_back || s.stands && takes_back(signature, &s.signature)));
    let signed = given.map(|s| (&s.by, &s.signature)).chain([(who, signature)]);
    let counts =
        |(who, signature): &(&Who, &Signature)| who.jurisdiction == owed.jurisdiction && signature.at >= owed.since;
    approved(rule, before.requester, signed.filter(counts))
}
