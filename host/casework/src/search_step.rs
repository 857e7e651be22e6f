//! The `search` and `candidates` phases: the search runs, and its list is shown.

use crate::answers;
use crate::awaited::{Demands, after};
use crate::bounds::Bounds;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::filter;
use crate::gallery::{Coming, Hall};
use crate::history::{Past, turns};
use crate::intake::{Intake, OpenRequest, Opened, PROBE, attested, template_of};
use crate::judge::Facts;
use crate::ledger::{OfRequest, Receipt};
use crate::limits::bounded;
use crate::permit::{Acted, Permit};
use crate::photograph::look_at_photograph;
use crate::sitting::Sitting;
use model::account::Event;
use model::combine::Rulings;
use model::facts::{Attestation, Candidate, SearchPlan, Step};
use model::filter::Conditions;
use model::terms::{Date, Digest, Phase, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Candidates anybody may ask for, whatever the policy: a person has to look at each.
pub const MOST_CANDIDATES: u32 = 500;

/// What is asked of a search.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Candidates asked for; as the policy usually gives where absent.
    pub candidates: Option<u32>,
    /// Further answers, attested by whoever searches.
    pub answers: BTreeMap<String, Value>,
    /// What the records searched have to be; without conditions, all are searched.
    pub filter: Conditions,
}

impl Plan {
    /// Whether the number of candidates makes sense, and the answers are of a sensible size.
    ///
    /// # Errors
    /// [`CaseError::Invalid`].
    pub fn check(&self) -> Result<(), CaseError> {
        match self.candidates {
            Some(n) if n == 0 || n > MOST_CANDIDATES => {
                Err(CaseError::Invalid(format!("candidates is {n}: ask for 1 to {MOST_CANDIDATES}")))
            }
            _ => bounded([], [], &self.answers),
        }
    }

    /// Whether the gallery can be filtered as is asked. What can be asked for is the same on any day.
    fn fits(&self, hall: &Hall) -> Result<(), CaseError> {
        filter::resolve(hall.registered(), &self.filter, Date::MAX).map(drop)
    }
}

/// One candidate as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// From 1.
    pub rank: u32,
    /// The gallery record.
    pub record_id: String,
    /// Its status.
    pub status: String,
    /// Similarity, −1 to 1; withheld where a policy says so.
    pub score: Option<f64>,
    /// Booking fields that may be shown.
    pub booking: BTreeMap<String, String>,
}

/// A search's result.
pub struct Searched {
    /// The search's id.
    pub id: String,
    /// The candidates by rank.
    pub candidates: Vec<Shown>,
    /// Rows compared.
    pub rows: u64,
    /// Rows whose score had to be computed exactly to be sure.
    pub reranked: u64,
    /// How far any row's score may be from the estimate by which rows were excluded: see [`search::Certificate::bound`].
    pub bound: f64,
    /// The gallery's generation.
    pub generation: u64,
    /// The digest of what it held.
    pub digest: Digest,
    /// What the records searched had to be.
    pub filter: Conditions,
    /// What was ruled on the search.
    pub search: Rulings,
    /// What was ruled on showing the list.
    pub shown: Rulings,
    /// Where the last step is recorded.
    pub receipt: Option<Receipt>,
}

/// A search that is permitted and has not run yet.
struct Permitted {
    id: String,
    owner: Arc<Chamber>,
    hall: Arc<Hall>,
    requester: Registered,
    concerned: Vec<Arc<Chamber>>,
    case_keys: Vec<String>,
    attestations: Vec<Attestation>,
    /// Candidates to find.
    most: u32,
    /// What the opening of the request and this permit say of its list.
    bounds: Bounds,
    demands: Demands,
    /// What was asked for of the records, and what that is on the day of the search.
    filter: (Conditions, Option<search::Filter>),
    permit: Permit<OfRequest>,
}

impl Casework {
    /// Searches for a request on record and shows the list: two decisions, each durable before its act.
    ///
    /// # Errors
    /// [`CaseError`]; a refused search leaves nothing but the log, and so does one that waits for others
    /// ([`CaseError::Waits`]). Where the list waits, the search has run and is repeated to see it.
    pub async fn search(&self, actor: &Registered, request: &OpenRequest, plan: Plan) -> Result<Searched, CaseError> {
        const ASKED: &str = "search";
        plan.check()?;
        let sitting = self.sit(actor, &request.owner, &request.request.id, ASKED).await?;
        if let Err(misstep) = sitting.unreleased(Phase::Search) {
            return self.refuse(&sitting, actor, ASKED, misstep).await;
        }
        answers::check(&sitting.concerned, Phase::Search, &plan.answers)?;
        plan.fits(&sitting.hall)?;
        let coming = sitting.hall.announce();
        let (said, demands) = (sitting.life.opening.clone(), sitting.demands());
        let permitted = self.permit_search(actor, &sitting.request, plan, Some(&sitting), said, demands).await?;
        self.run_search(actor, &sitting.request, permitted, coming, Some(&sitting)).await
    }

    /// Opens a request and searches for it, in one step for the asker and in two on record.
    ///
    /// # Errors
    /// [`CaseError`]; where the request is permitted and the search is not, or waits for others, the request stays open.
    pub async fn search_now(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        intake: Intake,
        plan: Plan,
    ) -> Result<(Opened, Searched), CaseError> {
        plan.check()?;
        let owner = self.chamber(jurisdiction)?;
        let hall = owner.hall(&intake.gallery)?;
        // What cannot be searched for opens no request.
        plan.fits(&hall)?;
        let coming = hall.announce();
        if !plan.answers.is_empty() {
            // Before the request is opened: what cannot be answered like this opens none.
            let (_, concerned) = self.parties(actor, owner, &intake).await?;
            answers::check(&concerned, Phase::Search, &plan.answers)?;
        }
        let opening = self.begin_request(actor, jurisdiction, intake).await?;
        let (request, said, demands) = (opening.request.clone(), opening.bounds(), opening.demands());
        // Once it is opened others can see it, and search for it too.
        let _turn = match self.turn(owner, &request.request.id).await {
            Ok(turn) => turn,
            Err(e) => {
                // It is opened all the same, and can be searched for later.
                let opened = self.finish_request(actor, opening).await?;
                return Err(after(opened.rulings, e));
            }
        };
        // To decide on the search, the request has to be known, not its opening concluded. The search runs when both are
        // on record.
        let opened = self.finish_request(actor, opening);
        let (opened, permitted) = tokio::join!(opened, self.permit_search(actor, &request, plan, None, said, demands));
        match (opened, permitted) {
            (Ok(opened), Ok(permitted)) => match self.run_search(actor, &request, permitted, coming, None).await {
                Ok(searched) => Ok((opened, searched)),
                Err(e) => Err(after(opened.rulings, e)),
            },
            (Err(e), Ok(permitted)) => {
                drop(coming);
                let Permitted { concerned, permit, .. } = permitted;
                Err(self.give_up(&concerned, permit.act(), actor, e).await)
            }
            // There is no request that could wait.
            (Err(e), Err(CaseError::Waits(_))) => Err(e),
            (Err(_), Err(e)) => Err(e),
            (Ok(opened), Err(e)) => Err(after(opened.rulings, e)),
        }
    }

    /// Decides on a search. A request that was opened just now has no life yet, and nobody sits over it. A search that waits
    /// for others is not counted: it has not run.
    async fn permit_search(
        &self,
        actor: &Registered,
        request: &OpenRequest,
        plan: Plan,
        sitting: Option<&Sitting>,
        opening: Bounds,
        demands: Demands,
    ) -> Result<Permitted, CaseError> {
        let owner = self.chamber(&request.owner)?.clone();
        let hall = owner.hall(&request.gallery)?;
        let requester = self.other(actor, &request.requester)?;
        let concerned = self.concerned(&requester, &owner)?;
        let case_keys: Vec<_> = request.request.identifiers.iter().map(crate::history::case_key).collect();
        let id = model::terms::new_id();
        let request_id = Some(request.request.id.as_str());
        let turn = turns(&concerned, &actor.key(), &case_keys).await;
        // Read in the turn: searches are counted in the order of their moments.
        let now = self.clock.now()?;
        let mut attestations = request.attestations.clone();
        attestations.push(attested(plan.answers, actor, now));
        let resolved = filter::resolve(hall.registered(), &plan.filter, owner.local(now).today)?;

        let mut history = Past::of(&concerned, &actor.key(), &case_keys, request_id, now).await?;
        if let Some(sitting) = sitting {
            sitting.tell(&mut history.owner, Some(&actor.who()));
        }
        let search_plan = SearchPlan {
            at_most: plan.candidates.unwrap_or_default(),
            filters: filter::told(hall.registered(), &plan.filter),
            original_searched_first: request.probe.edits.is_empty(),
        };
        let facts = Facts {
            now,
            actor,
            requester: &requester,
            subject: request.subject()?,
            request: Some(&request.request),
            probe: Some(&request.probe),
            gallery: Some(hall.fact()),
            attestations: attestations.clone(),
            history,
            owed: sitting.map(Sitting::outstanding).unwrap_or_default(),
            step: Step::Search(search_plan),
        };
        let row = store::SearchRow {
            id: id.clone(),
            at: now,
            person: actor.key(),
            request: request.request.id.clone(),
            case_keys: case_keys.clone(),
            probe: request.probe.digest,
        };
        let kept = store::Kept::Search(row.clone());
        let mut counted = false;
        // A search that waits for others does not run now, and is not counted.
        let decided = |now: bool| {
            if now {
                concerned.iter().for_each(|chamber| chamber.history.searched(&row));
            }
            counted = now;
            drop(turn);
        };
        let judged = self.judge_telling(&concerned, facts, vec![kept], &demands, decided).await;
        for chamber in &concerned {
            match (&judged, counted) {
                (Ok(_), _) => chamber.history.recorded(&row),
                (Err(_), true) => chamber.history.unsearched(&row),
                (Err(_), false) => {}
            }
        }
        let permit = judged?;
        let bounds = opening.and(permit.rulings());
        let most = bounds.how_many(plan.candidates);
        let filter = (plan.filter, resolved);
        Ok(Permitted {
            id,
            owner,
            hall,
            requester,
            concerned,
            case_keys,
            attestations,
            most,
            bounds,
            demands,
            filter,
            permit,
        })
    }

    /// Runs a permitted search, and shows its list if that is permitted too.
    async fn run_search(
        &self,
        actor: &Registered,
        request: &OpenRequest,
        permitted: Permitted,
        coming: Coming,
        sitting: Option<&Sitting>,
    ) -> Result<Searched, CaseError> {
        let Permitted {
            id,
            owner,
            hall,
            requester,
            concerned,
            case_keys,
            attestations,
            most,
            bounds,
            demands,
            filter,
            permit,
        } = permitted;
        let (filter, resolved) = filter;
        let request_id = Some(request.request.id.as_str());
        let (acted, found) = match self.probe_template(&owner, request).await {
            Ok(probe) => hall.search(permit, probe, usize::try_from(most).unwrap_or(0), resolved, coming).await,
            Err(e) => {
                drop(coming);
                (permit.act(), Err(e))
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(e) => {
                hall.mend_aside(&owner.store);
                return Err(self.give_up(&concerned, acted, actor, e).await);
            }
        };
        let certificate = found.answer.certificate;
        let event = Event::Searched {
            gallery: format!("{}/{}", owner.id(), request.gallery),
            generation: found.generation,
            digest: Some(certificate.gallery),
            filter: filter.clone(),
            rows: certificate.rows_scanned,
            reranked: Some(certificate.rows_reranked),
            bound_billionths: Some(billionths(certificate.bound)),
            found: found.answer.hits.iter().map(|h| h.id.to_string()).collect(),
        };
        let concluding = self.conclude(&concerned, acted, actor, event, vec![]);

        // Neither needs the other, and both are durable before the answer.
        let showing = async {
            let ids: Vec<String> = found.answer.hits.iter().map(|h| h.id.to_string()).collect();
            let bookings = owner.store.bookings(&request.gallery, &ids).await?;
            let candidates = bookings.iter().zip(1_u32..).map(|(booking, rank)| Candidate {
                rank,
                record_id: booking.id.clone(),
                status: booking.status.clone(),
                shows: booking.booking.keys().cloned().collect(),
            });
            let now = self.clock.now()?;
            let mut history = Past::of(&concerned, &actor.key(), &case_keys, request_id, now).await?;
            if let Some(sitting) = sitting {
                sitting.tell(&mut history.owner, Some(&actor.who()));
            }
            history.owner.candidates_filtered = !filter.is_empty();
            let facts = Facts {
                now,
                actor,
                requester: &requester,
                subject: request.subject()?,
                request: Some(&request.request),
                probe: Some(&request.probe),
                gallery: Some(hall.fact()),
                attestations,
                history,
                owed: sitting.map(Sitting::outstanding).unwrap_or_default(),
                step: Step::Candidates(candidates.collect()),
            };
            // Showing is the answer itself: its entry, durable before the answer, names every record shown.
            Ok::<_, CaseError>((bookings, self.judge_after(&concerned, facts, vec![], &demands).await?.act()))
        };
        let (concluded, shown) = tokio::join!(concluding, showing);
        let (search, _) = concluded?;
        let (bookings, Acted { rulings: shown, intent: entry, .. }) = match shown {
            Ok(shown) => shown,
            Err(e) => return Err(after(search, e)),
        };
        // As the entries say it, from which the list that stands is read again.
        let bounds = bounds.and(&shown);
        // By id and not by place: a record that was purged meanwhile has no booking any more.
        let hits: HashMap<&str, &search::Hit> = found.answer.hits.iter().map(|hit| (&*hit.id, hit)).collect();
        let candidates: Vec<_> = bookings
            .into_iter()
            .filter_map(|row| hits.get(row.id.as_str()).map(|hit| (row, *hit)))
            .filter(|(row, _)| !bounds.withheld.contains(&row.id))
            .take(bounds.at_most())
            .zip(1_u32..)
            .map(|((row, hit), rank)| Shown {
                rank,
                record_id: row.id,
                status: row.status,
                score: (!bounds.hides_scores()).then_some(hit.score),
                booking: bounds.shown_of(row.booking),
            })
            .collect();
        if let Some(sitting) = sitting {
            self.settle_purges_of_lists(sitting, &shown, candidates.is_empty()).await?;
        }
        Ok(Searched {
            id,
            candidates,
            rows: certificate.rows_scanned,
            reranked: certificate.rows_reranked,
            bound: certificate.bound,
            generation: found.generation,
            digest: certificate.gallery,
            filter,
            receipt: entry.receipt()?,
            search,
            shown,
        })
    }

    /// The template to search with: the one submitted, or the selected face of the sealed photograph.
    async fn probe_template(
        &self,
        owner: &crate::chamber::Chamber,
        request: &OpenRequest,
    ) -> Result<Vec<f32>, CaseError> {
        if let Some(text) = &request.template {
            return template_of(text);
        }
        let extractor = self.extractor.clone().ok_or(CaseError::NoFaceModel)?;
        let image = owner.store.open_sealed(PROBE, &request.request.id).await?.ok_or_else(|| CaseError::Unknown {
            kind: "probe photograph",
            id: request.request.id.clone(),
            hint: "; it has been purged",
        })?;
        let selected = request.probe.selected.and_then(|face| usize::try_from(face).ok());
        Ok(look_at_photograph(move || extractor.extract(&image, selected)).await??.template)
    }
}

/// A bound of scores as an entry says it: in billionths, rounded up.
fn billionths(bound: f64) -> u64 {
    // Below three, and never negative.
    (bound * 1e9).ceil() as u64
}
