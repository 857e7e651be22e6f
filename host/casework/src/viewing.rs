//! Looking at a request: at its life, and again at its candidate list.
//!
//! Whoever looks at the candidates has opened the list: the look is judged like the first one and counts like it. While a
//! rule wants signatures given blind, whoever has not signed is not shown what others concluded.

use crate::awaited::{Awaited, Demands, next};
use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::intake::OpenRequest;
use crate::ledger::Receipt;
use crate::life::{Handed, Life, Noted, Said, Signed, State, same_person};
use crate::limits::bounded;
use crate::obligations::Owed;
use crate::permit::Acted;
use crate::signatures::is;
use model::account::{Document, Event, Who};
use model::combine::Rulings;
use model::facts::{self, Candidate, Conclusion, Step};
use model::terms::{Instant, Phase, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// A request's life as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The request.
    pub request: facts::Request,
    /// The gallery: `jurisdiction/id`.
    pub gallery: String,
    /// Who asked: `jurisdiction/person`.
    pub requester: String,
    /// Where it stands.
    pub state: State,
    /// What comes next.
    pub next: &'static str,
    /// What its next step waits for.
    pub waits_for: Vec<Awaited>,
    /// When it was last searched.
    pub searched: Option<Instant>,
    /// When its list was first shown.
    pub listed: Option<Instant>,
    /// Candidates on the list.
    pub candidates_returned: usize,
    /// Of these, how many have a disposition.
    pub candidates_disposed: usize,
    /// Who opened the list.
    pub opened_by: Vec<Who>,
    /// Signatures, oldest first.
    pub signatures: Vec<SignatureSeen>,
    /// The release.
    pub released: Option<ReleaseSeen>,
    /// Every hand-over.
    pub disseminations: Vec<Handed>,
    /// Whether what became of it has been reported, and when.
    pub outcomes: Vec<Instant>,
    /// What was destroyed.
    pub purged: Vec<Noted<String>>,
    /// What is held as evidence.
    pub held: Vec<Noted<String>>,
    /// Violations that were reported of it.
    pub violations: Vec<ViolationSeen>,
    /// Steps that were not permitted.
    pub refusals: Vec<Noted<Phase>>,
    /// Its obligations, met or not.
    pub obligations: Vec<Owed>,
    /// Whether accounts of it have been purged.
    pub incomplete: bool,
}

/// A signature as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct SignatureSeen {
    /// Who signed.
    pub by: Who,
    /// In which role.
    pub role: String,
    /// When.
    pub at: Instant,
    /// What they concluded; withheld from whoever is to sign blind.
    pub conclusion: Option<Conclusion>,
    /// What they wrote beside it; withheld likewise.
    pub reason: Option<String>,
    /// Whether nothing it was given for has changed since, and whoever gave it has not taken it back.
    pub stands: bool,
}

/// A release as it is shown. What left is in the document, which only a dissemination hands out.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseSeen {
    /// When.
    pub at: Instant,
    /// Who released it.
    pub by: Who,
    /// How many candidates left.
    pub candidates: usize,
    /// The documents drawn up.
    pub documents: Vec<Document>,
}

/// A violation as it is shown. Who reported it, and what they said, is for auditors.
#[derive(Clone, Debug, Serialize)]
pub struct ViolationSeen {
    /// When it happened.
    pub happened: Instant,
    /// When it was reported.
    pub reported: Instant,
}

/// A candidate looked at again.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateSeen {
    /// From 1.
    pub rank: u32,
    /// The gallery record.
    pub record_id: String,
    /// Its status now.
    pub status: String,
    /// Booking fields that may be shown.
    pub booking: BTreeMap<String, String>,
    /// What was said of it last; withheld from whoever is to sign blind, unless it is their own.
    pub disposition: Option<Said>,
}

/// A list looked at again.
pub struct Looked {
    /// The candidates that are still in the gallery, by rank.
    pub candidates: Vec<CandidateSeen>,
    /// What was ruled.
    pub rulings: Rulings,
    /// Where it is recorded.
    pub receipt: Option<Receipt>,
}

impl Casework {
    /// Shows a request's life, without its candidates. The look is on record.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], recorded, for somebody of a jurisdiction that is not concerned, whoever is to see only what
    /// concerns them and had no part in it, and people of a suspended agency; [`CaseError::OutOfPlace`], recorded, while another
    /// host takes a step of the request, and, of one that is to be signed blind, while this one's clock is behind what is on record
    /// of it.
    pub async fn view(&self, actor: &Registered, jurisdiction: &str, request: &str) -> Result<Seen, CaseError> {
        const ASKED: &str = "view a request";
        let owner = self.chamber(jurisdiction)?.clone();
        // What is shown is what was there when the look was recorded: whether somebody signs blind depends on it.
        let _turn = self.turn_of_request(actor, &owner, request, ASKED).await?;
        let request = self.request(jurisdiction, request).await?;
        let (theirs, me) = (&actor.principal.jurisdiction, actor.who());
        if *theirs != request.owner && *theirs != request.requester.jurisdiction {
            let reason = "only people of the gallery's jurisdiction and of the requester's see a request";
            return self.reject(jurisdiction, actor, ASKED, Some(&request.request.id), reason).await;
        }
        let life = self.life(&owner, &request.request.id).await?;
        if !is_shown(actor, &request, &life) {
            let reason = "people of another agency or without a role see only requests that they made or took part in";
            return self.reject(jurisdiction, actor, ASKED, Some(&request.request.id), reason).await;
        }
        let among_several = owner.neighbours.is_some();
        let at = match self.moment_after(&life, among_several).await? {
            Ok(at) => at,
            // Recorded before what it shows, the look would not count: they would sign as if they had not seen it.
            Err(misstep) if among_several && life.is_blind() => {
                return self.record_rejected(&[&owner.ledger], actor, request.told_as()?, ASKED, misstep).await;
            }
            Err(_) => self.clock.now()?,
        };
        self.looks_at(&owner, actor, ASKED, request.told_as()?, Event::Viewed, at).await?;
        let owed = owner.store.obligations_of_request(&request.request.id).await?;
        let owed = self.owed(owed, &life, &request.requester)?;
        Ok(Seen::of(request, life, owed, &me))
    }

    /// Shows the candidate list again: judged like the first time, and whoever is shown it has opened it.
    ///
    /// # Errors
    /// [`CaseError::Refused`] when it is not permitted; [`CaseError::OutOfPlace`] when there is no list.
    pub async fn look(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        answers: BTreeMap<String, Value>,
    ) -> Result<Looked, CaseError> {
        const ASKED: &str = "look at the candidate list";
        bounded([], [], &answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        if !sitting.life.has_list() {
            let misstep = sitting.not_listed(Phase::Candidates);
            return self.refuse(&sitting, actor, ASKED, misstep).await;
        }
        let ids: Vec<String> = sitting.life.list.iter().map(|c| c.record_id.clone()).collect();
        let bookings = sitting.owner.store.bookings(&sitting.request.gallery, &ids).await?;
        let rank_of = |id: &str| sitting.life.list.iter().find(|c| c.record_id == id).map_or(0, |c| c.rank);
        let candidates = bookings.iter().map(|booking| Candidate {
            rank: rank_of(&booking.id),
            record_id: booking.id.clone(),
            status: booking.status.clone(),
            shows: booking.booking.keys().cloned().collect(),
        });
        let step = Step::Candidates(candidates.collect());
        let permit = self.judge_step(&sitting, actor, answers, step).await?;
        // Showing is the answer itself: its entry, durable before the answer, names every record shown.
        let Acted { rulings, intent, .. } = permit.act();
        let bounds = sitting.life.shows(&rulings);
        let me = actor.who();
        let candidates = bookings
            .into_iter()
            .filter(|booking| !bounds.withheld.contains(&booking.id))
            .take(bounds.at_most())
            .map(|booking| CandidateSeen {
                rank: rank_of(&booking.id),
                disposition: sitting.life.said.get(&booking.id).filter(|s| sees(&sitting.life, &me, &s.by)).cloned(),
                record_id: booking.id,
                status: booking.status,
                booking: bounds.shown_of(booking.booking),
            })
            .collect();
        Ok(Looked { candidates, receipt: intent.receipt()?, rulings })
    }
}

/// Whether a request's life is for somebody to see, of those whose jurisdiction it concerns.
pub(crate) fn is_shown(actor: &Registered, request: &OpenRequest, life: &Life) -> bool {
    let me = actor.who();
    actor.sees_all() || is(&me, &request.requester) || life.concerns(&me)
}

/// Whether somebody may be shown what another concluded.
fn sees(life: &Life, me: &Who, other: &Who) -> bool {
    same_person(me, other) || life.sees_conclusions(me)
}

impl Seen {
    fn of(request: OpenRequest, life: Life, obligations: Vec<Owed>, me: &Who) -> Self {
        let signature = |s: &Signed| {
            let shown = sees(&life, me, &s.by);
            SignatureSeen {
                by: s.by.clone(),
                role: s.signature.role.clone(),
                at: s.signature.at,
                conclusion: shown.then_some(s.signature.conclusion),
                reason: shown.then(|| s.reason.clone()),
                stands: s.stands,
            }
        };
        let state = life.state();
        let waits_for = Demands::on_record(&obligations, &life).open().to_vec();
        Self {
            gallery: format!("{}/{}", request.owner, request.gallery),
            requester: request.requester.to_string(),
            request: request.request,
            state,
            next: next(state, &waits_for),
            waits_for,
            searched: life.searched,
            listed: life.listed,
            candidates_returned: life.candidates().count(),
            candidates_disposed: life.candidates().filter(|c| life.said.contains_key(&c.record_id)).count(),
            signatures: life.signatures.iter().map(signature).collect(),
            released: life.release.as_ref().map(|r| ReleaseSeen {
                at: r.at,
                by: r.by.clone(),
                candidates: r.candidates.len(),
                documents: r.documents.clone(),
            }),
            outcomes: life.outcomes.iter().map(|o| o.at).collect(),
            opened_by: life.openers,
            disseminations: life.handed,
            purged: life.purged,
            held: life.held,
            violations: life.violations.iter().map(|v| ViolationSeen { happened: v.what, reported: v.at }).collect(),
            refusals: life.refusals,
            obligations,
            incomplete: life.incomplete,
        }
    }
}
