//! What every step after the candidate list does first: it takes the request's turn, reads its life, and gathers the facts.
//!
//! The steps all run alike. What is out of place is found on the host's own records and recorded as a rejection; what is in
//! place is judged; what is permitted is done, and what came of it is recorded, together with the obligations it meets.

use crate::answers;
use crate::awaited::{Demands, may_wait};
use crate::chamber::{Casework, Chamber, Registered, about};
use crate::clock::TOLERATED_MS;
use crate::error::CaseError;
use crate::gallery::Hall;
use crate::history::{Past, case_key};
use crate::intake::{OpenRequest, PROBE, attested};
use crate::judge::Facts;
use crate::ledger::{self, Entry, Ledger, OfRequest, Receipt, Subject};
use crate::life::{Life, takes_back};
use crate::misstep::{Demanded, Misstep, demanding, demanding_purge, each};
use crate::obligations::Owed;
use crate::permit::{Acted, Permit};
use crate::turns::Turn;
use crate::viewing::is_shown;
use model::account::{Event, Kind, Who};
use model::combine::Rulings;
use model::facts::{Attestation, History, Signature, Step};
use model::rulings::{ClauseId, Duty};
use model::terms::{Instant, Phase, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One step's sitting over one request. While it lasts no other step of the request is taken.
pub(crate) struct Sitting {
    _turn: Turn,
    pub(crate) owner: Arc<Chamber>,
    pub(crate) hall: Arc<Hall>,
    pub(crate) request: OpenRequest,
    pub(crate) requester: Registered,
    pub(crate) concerned: Vec<Arc<Chamber>>,
    pub(crate) life: Life,
    pub(crate) owed: Vec<Owed>,
    pub(crate) now: Instant,
    /// The signatures that count now, as policies are told of them.
    counting: Vec<Signature>,
}

/// What came of a step.
pub struct Taken {
    /// What was ruled.
    pub rulings: Rulings,
    /// Where it is recorded.
    pub receipt: Option<Receipt>,
}

impl Sitting {
    /// Of the request's obligations, those that people still have to meet.
    pub(crate) fn outstanding(&self) -> Vec<(String, ClauseId)> {
        let open = self.owed.iter().filter(|o| o.is_outstanding());
        open.map(|o| (o.jurisdiction.clone(), o.clause.clone())).collect()
    }

    /// The approvals and acknowledgements demanded so far.
    pub(crate) fn demands(&self) -> Demands {
        Demands::on_record(&self.owed, &self.life)
    }

    /// Adds what the request's records say to what policies are told ([`Life::tell`]).
    pub(crate) fn tell(&self, history: &mut History, blindfold: Option<&Who>) {
        self.life.tell(history, self.counting.clone(), blindfold);
    }

    /// Whether the answer to a release could tell somebody what is not theirs to know: they have not opened the list and name
    /// records of it, or what the signers concluded is kept from them.
    pub(crate) fn keeps_from(&self, actor: &Registered, names_records: bool) -> bool {
        !self.life.knows_findings(&actor.who()) && (names_records || !self.shows_conclusions(actor))
    }

    /// Whether somebody who looks at the request is shown what its signers concluded ([`Casework::view`]).
    pub(crate) fn shows_conclusions(&self, actor: &Registered) -> bool {
        self.life.sees_conclusions(&actor.who())
            && is_shown(actor, &self.request, &self.life)
            && !self.owner.shows_nothing_to(actor)
    }

    /// Takes out of what policies are told what they could tell somebody from whom it is kept: what was found possible and, where
    /// they are shown none, what others concluded.
    fn withhold(&self, history: &mut History, actor: &Registered) {
        history.possible.clear();
        history.candidates_possible = 0;
        if !self.shows_conclusions(actor) {
            let own = actor.key();
            history.signatures.retain(|signature| signature.person == own);
        }
    }

    /// The answers on record, and the step's own.
    fn attestations(&self, answers: BTreeMap<String, Value>, actor: &Registered) -> Vec<Attestation> {
        let on_record =
            if self.life.attestations.is_empty() { &self.request.attestations } else { &self.life.attestations };
        let mut all = on_record.clone();
        if !answers.is_empty() {
            all.push(attested(answers, actor, self.now));
        }
        all
    }

    /// The clauses by which a step of this phase does not fit: those by which the charter of the gallery's jurisdiction has it in
    /// its place, and those that imposed the duties which it is about.
    pub(crate) fn binding(&self, phase: Phase, about: impl Fn(&Duty) -> bool) -> Vec<Demanded> {
        each(self.owner.placing(phase).into_iter().chain(demanding(&self.life, about)))
    }

    /// Whether the list, what was said of it and the result itself can still be changed, by a step of this phase.
    ///
    /// # Errors
    /// The [`Misstep`] that it would be.
    pub(crate) fn unreleased(&self, phase: Phase) -> Result<(), Misstep> {
        if let Some(release) = &self.life.release {
            let demanded = self.binding(phase, is_document);
            return Err(Misstep::Released { at: release.at, demanded });
        }
        if let Some(at) = self.life.purged(PROBE) {
            let (subject, demanded) = (PROBE.to_owned(), demanding_purge(&self.life, PROBE));
            return Err(Misstep::Purged { subject, at, demanded });
        }
        if self.life.incomplete { Err(Misstep::Incomplete) } else { Ok(()) }
    }

    /// Whether there is a list to work on, too.
    ///
    /// # Errors
    /// The [`Misstep`] that it would be.
    pub(crate) fn listed(&self, phase: Phase) -> Result<(), Misstep> {
        self.unreleased(phase)?;
        if self.life.has_list() { Ok(()) } else { Err(self.not_listed(phase)) }
    }

    /// That there is none, for a step of this phase.
    pub(crate) fn not_listed(&self, phase: Phase) -> Misstep {
        Misstep::NotListed { demanded: self.owner.placing(phase) }
    }

    /// That nothing has left yet, for a step of this phase.
    pub(crate) fn not_released(&self, phase: Phase) -> Misstep {
        Misstep::NotReleased { demanded: self.binding(phase, is_document) }
    }
}

/// Whether it is a document, which a result leaves with.
pub(crate) fn is_document(duty: &Duty) -> bool {
    matches!(duty, Duty::Document(_))
}

impl Chamber {
    /// The life of a request as the database has it, for whoever has waited for what is on its way there.
    pub(crate) async fn life_in_store(&self, request: &str) -> Result<Life, CaseError> {
        let entries = self.store.entries_of_request(request).await?;
        let accounts = self.accounts(&entries).await?;
        let told = accounts.iter().map(|row| row.as_ref().map(|row| self.account_in(row)).transpose());
        Ok(Life::fold(told.collect::<Result<Vec<_>, _>>()?))
    }
}

impl Casework {
    /// The life of a request, as its entries tell it.
    pub(crate) async fn life(&self, owner: &Chamber, request: &str) -> Result<Life, CaseError> {
        owner.ledger.settle().await?;
        owner.life_in_store(request).await
    }

    /// Whether somebody may still act as they were let in: whoever waited may have been suspended meanwhile, or lost a role.
    /// Every step that takes a turn asks so in it, before anything else is read; and every one when it is decided
    /// ([`crate::judge`]). `asked` is what a rejection calls the step, and `request` the request that it is one of, if any.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], recorded, where they may not: why, in the log of their own jurisdiction.
    pub(crate) async fn still_stands(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        asked: &str,
        request: Option<&str>,
    ) -> Result<(), CaseError> {
        match self.other(actor, &actor.principal) {
            Ok(now) if now.person == actor.person && now.agency == actor.agency => Ok(()),
            Ok(_) => {
                let reason = "your access has changed meanwhile: take the step again";
                self.reject(jurisdiction, actor, asked, request, reason).await
            }
            Err(CaseError::Rejected(reason)) => {
                let chamber = self.chamber(jurisdiction)?;
                self.reject_idle(&[chamber], actor, &actor.principal, about(request), (asked, ""), &reason).await
            }
            Err(e) => Err(e),
        }
    }

    /// Takes a request's turn for a step that `actor` asks for: `asked` is what a rejection calls it.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] for no such request; [`CaseError::Rejected`], recorded, for somebody of a jurisdiction that is
    /// not concerned, or where the requester may not act any more; [`CaseError::OutOfPlace`], recorded, while another host
    /// takes a step of the request, while this one's clock is behind what is on record of it, and where entries of it have been
    /// purged and it says nothing any more.
    pub(crate) async fn sit(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        asked: &str,
    ) -> Result<Sitting, CaseError> {
        let owner = self.chamber(jurisdiction)?.clone();
        let turn = self.turn_of_request(actor, &owner, request, asked).await?;
        let request = self.request(jurisdiction, request).await?;
        let hall = owner.hall(&request.gallery)?;
        let theirs = &actor.principal.jurisdiction;
        if *theirs != request.owner && *theirs != request.requester.jurisdiction {
            let reason = "only people of the gallery's jurisdiction and of the requester's take part in a request";
            return self.reject_in(&[&owner], actor, request.told_as()?, asked, reason).await;
        }
        let requester = match self.other(actor, &request.requester) {
            Ok(requester) => requester,
            Err(CaseError::Rejected(reason)) => {
                let so = "the requester may not act any more: ";
                let subject = request.told_as()?;
                return self.reject_idle(&[&owner], actor, &request.requester, subject, (asked, so), &reason).await;
            }
            Err(e) => return Err(e),
        };
        let concerned = self.concerned(&requester, &owner)?;
        let begun = if request.is_bare() {
            Err(Misstep::Incomplete)
        } else {
            let life = self.life(&owner, &request.request.id).await?;
            self.moment_after(&life, owner.neighbours.is_some()).await?.map(|now| (life, now))
        };
        let (life, now) = match begun {
            Ok(begun) => begun,
            Err(misstep) => {
                let ledgers: Vec<_> = concerned.iter().map(|c| &c.ledger).collect();
                return self.record_rejected(&ledgers, actor, request.told_as()?, asked, misstep).await;
            }
        };
        let owed = owner.store.obligations_of_request(&request.request.id).await?;
        let owed = self.owed(owed, &life, &request.requester)?;
        let counting = self.counting(&life).into_iter().map(|s| s.signature.clone()).collect();
        Ok(Sitting { _turn: turn, owner, hall, request, requester, concerned, life, owed, now, counting })
    }

    /// The moment of a step: after every other one of the request, or what was recorded first would be read as last. Where
    /// several hosts are at it, each has a clock of its own, and another's may be ahead: a little is waited for. A host's own
    /// entries of one moment are told apart by their ids.
    pub(crate) async fn moment_after(
        &self,
        life: &Life,
        among_several: bool,
    ) -> Result<Result<Instant, Misstep>, CaseError> {
        let (mut now, latest) = (self.clock.now()?, life.latest());
        if among_several && now <= latest && latest.since(now) < TOLERATED_MS {
            tokio::time::sleep(Duration::from_millis(latest.since(now).saturating_add(1))).await;
            now = self.clock.now()?;
        }
        let by_ms = latest.since(now);
        Ok(if by_ms == 0 { Ok(now) } else { Err(Misstep::BehindRecord { by_ms, latest }) })
    }

    /// Has a step judged. One that waits for what earlier steps or it itself demanded gets no permit.
    ///
    /// # Errors
    /// As [`Casework::judge`]; [`CaseError::Invalid`] for answers that no form asks for.
    pub(crate) async fn judge_step(
        &self,
        sitting: &Sitting,
        actor: &Registered,
        answers: BTreeMap<String, Value>,
        step: Step,
    ) -> Result<Permit<OfRequest>, CaseError> {
        answers::check(&sitting.concerned, step.phase(), &answers)?;
        let Sitting { concerned, request, now, .. } = sitting;
        let case_keys: Vec<_> = request.request.identifiers.iter().map(case_key).collect();
        let id = Some(request.request.id.as_str());
        let mut history = Past::of(concerned, &actor.key(), &case_keys, id, *now).await?;
        let who = actor.who();
        if let Step::Release(plan) = &step {
            sitting.tell(&mut history.owner, None);
            if sitting.keeps_from(actor, !plan.candidates.is_empty()) {
                // Nothing leaves by them, whatever is ruled ([`crate::release`]).
                sitting.withhold(&mut history.owner, actor);
            }
        } else {
            sitting.tell(&mut history.owner, Some(&who));
        }
        if let Step::SignOff(signature) = &step
            && sitting.life.release.is_none()
        {
            // What it takes back does not count beside it.
            history.owner.signatures.retain(|earlier| !takes_back(signature, earlier));
        }
        let facts = Facts {
            now: *now,
            actor,
            requester: &sitting.requester,
            subject: request.subject()?,
            request: Some(&request.request),
            probe: Some(&request.probe),
            gallery: Some(sitting.hall.fact()),
            attestations: sitting.attestations(answers, actor),
            history,
            owed: sitting.outstanding(),
            step,
        };
        if may_wait(&facts.step) {
            self.judge_after(&sitting.concerned, facts, vec![], &sitting.demands()).await
        } else {
            self.judge_at_once(&sitting.concerned, facts, vec![]).await
        }
    }

    /// Records what came of a step, and what it met.
    ///
    /// # Errors
    /// As [`Casework::conclude`].
    pub(crate) async fn conclude_step(
        &self,
        sitting: &Sitting,
        acted: Acted<OfRequest>,
        actor: &Registered,
        event: Event,
        rows: Vec<store::Kept>,
    ) -> Result<Taken, CaseError> {
        let (rulings, recorded) = self.conclude(&sitting.concerned, acted, actor, event, rows).await?;
        Ok(Taken { rulings, receipt: recorded.receipt()? })
    }

    /// Records a step that is out of place, in the log of every jurisdiction concerned, and says so.
    ///
    /// # Errors
    /// Always: [`CaseError::OutOfPlace`], or why it could not be recorded.
    pub(crate) async fn refuse<T>(
        &self,
        sitting: &Sitting,
        actor: &Registered,
        asked: &str,
        misstep: Misstep,
    ) -> Result<T, CaseError> {
        let ledgers: Vec<_> = sitting.concerned.iter().map(|c| &c.ledger).collect();
        self.record_rejected(&ledgers, actor, sitting.request.told_as()?, asked, misstep).await
    }

    /// Records a step that is out of place, and says so.
    ///
    /// # Errors
    /// As [`Casework::refuse`].
    pub(crate) async fn record_rejected<T>(
        &self,
        ledgers: &[&Ledger],
        actor: &Registered,
        subject: Subject,
        asked: &str,
        misstep: Misstep,
    ) -> Result<T, CaseError> {
        let event = Event::Rejected { asked: asked.to_owned(), reason: misstep.to_string() };
        let at = self.clock.now()?;
        let entry = Entry { kind: Kind::Rejection, who: actor.who(), at, subject, of: None, event };
        let receipt = ledger::record(ledgers, entry, vec![]).await?.receipt()?;
        Err(CaseError::from(misstep).recorded(receipt))
    }
}
