//! The `release` phase: a result is about to leave the examining unit.
//!
//! Before any policy is asked, the host sees to what decisions on this request demanded of it: the signatures, a disposition
//! for every candidate, the statements word for word. Only candidates found possible leave, only those that are selected, and
//! none that a decision withholds. Then the release is judged, and waits for the approvals and acknowledgements that are
//! demanded. What its own decision demands is seen to as well: signatures, dispositions, what is withheld, the booking fields
//! it allows. Then its documents are drawn up and sealed (`documents`): those that its own decision demands and, where a candidate
//! leaves, those that earlier ones did. Only when their digests are on record is the result released. What fails on the way leaves
//! the request as it was, and none of its documents (module `drawn`).
//!
//! What was demanded of a lead alone is set aside when none leaves (`settled`): nobody drew it up, and nobody signed for it.
//!
//! Whoever is refused is not told what they have not been shown: what is on a list they have not opened, or how many others
//! concluded the same while they are to sign blind. What they are told does not depend on it, whatever they name: what is wanting
//! is looked at without it, the policy judges what they ask without being told of it, and what it permits does not leave by them.
//! Only a result without a candidate is released by somebody who has not opened the list, if they are shown its signatures.

mod documents;
mod statements;
mod wanted;

pub use documents::{DOCUMENT, Form, sealed_id};

use crate::chamber::{Casework, Registered};
use crate::copies;
use crate::drawn;
use crate::error::CaseError;
use crate::ledger::OfRequest;
use crate::life::{Life, Listed};
use crate::limits::{self, bounded};
use crate::misstep::{Demanded, Misstep, demanding, each};
use crate::obligations::{self, HOST, Owed};
use crate::permit::Acted;
use crate::search_step::MOST_CANDIDATES;
use crate::signatures::{Bench, Rule, rules};
use crate::sitting::{Sitting, Taken, is_document};
use model::account::{Document, Event};
use model::facts::{ReleasePlan, Selected, StatementShown, Step};
use model::rulings::{Duty, Statement};
use model::terms::{Digest, Instant, Phase, Value};
use statements::statements;
use std::collections::{BTreeMap, BTreeSet};
use wanted::{Wanted, wanted};

/// As a rejection calls it.
const ASKED: &str = "release a result";

/// Why a document's obligation is set aside.
const NOT_OF_THIS_RESULT: &str = "the result that left needed no such document: what was decided on it demands none";

/// Why an obligation to sign is.
const OF_LEADS_ALONE: &str = "it is demanded of leads alone, and no candidate left";

/// A statement that a client says the result carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its id in the charter.
    pub id: String,
    /// Its text; the charter's where absent.
    pub text: Option<String>,
    /// Digest of its text.
    pub digest: Option<Digest>,
}

/// What is to leave.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The gallery records that leave: some of those found possible, or none where there is no lead.
    pub candidates: Vec<String>,
    /// How the conclusion was reached.
    pub reasoning: String,
    /// The statements it carries; all that were demanded so far, where absent.
    pub statements: Option<Vec<Carried>>,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// What came of a release.
pub struct ReleaseDone {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// The documents drawn up.
    pub documents: Vec<Document>,
}

/// What the host has found in order before any policy is asked.
struct Prepared {
    /// What leaves; absent where whoever asks is not to learn whether it could: they are judged, and nothing leaves.
    selected: Option<Vec<(Listed, store::Booking)>>,
    statements: Vec<Statement>,
}

impl Casework {
    /// Releases a result.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] for what the host finds missing or altered; [`CaseError::Refused`] when it is not permitted;
    /// [`CaseError::Waits`] for approvals and acknowledgements; [`CaseError::NoDraughting`] and [`CaseError::Draught`] when a
    /// document that is demanded cannot be drawn up. Nothing leaves then.
    pub async fn release(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        outgoing: Outgoing,
    ) -> Result<ReleaseDone, CaseError> {
        let carried = outgoing.statements.as_deref().unwrap_or_default();
        limits::count("statements", carried.len(), limits::MOST_ITEMS)?;
        limits::count("candidates", outgoing.candidates.len(), MOST_CANDIDATES as usize)?;
        let words = outgoing.candidates.iter().map(|record| ("candidates", record.as_str()));
        let words = words.chain(carried.iter().map(|s| ("statements.id", s.id.as_str())));
        let texts = carried.iter().filter_map(|s| s.text.as_deref()).map(|text| ("statements.text", text));
        let texts = texts.chain([("reasoning", outgoing.reasoning.as_str())]);
        bounded(words, texts, &outgoing.answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        let ids: Vec<String> = sitting.life.list.iter().map(|c| c.record_id.clone()).collect();
        let bookings = sitting.owner.store.bookings(&sitting.request.gallery, &ids).await?;
        let prepared = match self.prepare(&sitting, actor, &outgoing, bookings) {
            Ok(prepared) => prepared,
            Err(misstep) => {
                return self.refuse(&sitting, actor, ASKED, misstep.told_to(&actor.who(), &sitting.life)).await;
            }
        };
        let Prepared { selected, statements } = prepared;
        let candidates = match &selected {
            Some(leaving) => leaving.iter().map(|(c, now)| selected_as(&c.record_id, &now.status)).collect(),
            // As they named them: nothing is told of what these are.
            None => outgoing.candidates.iter().map(|record| selected_as(record, "")).collect(),
        };
        let plan = ReleasePlan {
            statements: shown(&statements),
            candidates,
            reasoning_given: !outgoing.reasoning.trim().is_empty(),
        };
        let permit = self.judge_step(&sitting, actor, outgoing.answers, Step::Release(plan)).await?;
        let acted = permit.act();
        let Some(selected) = selected else {
            let misstep = Misstep::Unopened { demanded: selecting(&sitting) };
            return Err(self.give_up(&sitting.concerned, acted, actor, misstep.into()).await);
        };
        let intent = acted.intent.id.clone();
        let drawn_up = match self.owed_then(&sitting, &acted).await {
            Ok(owed) => {
                let drawn_up = self.draw_up(&sitting, actor, &acted, (selected, statements), &outgoing.reasoning).await;
                drawn_up.map(|(event, documents)| (owed, event, documents))
            }
            Err(e) => Err(e),
        };
        match drawn_up {
            Ok((owed, event, documents)) => {
                let mut rows = Vec::new();
                if !documents.is_empty() {
                    rows.push(drawn::unmark(request, &intent));
                }
                if let Event::Released { candidates, .. } = &event {
                    rows.extend(settled(&owed, candidates, &documents, &intent, sitting.now)?);
                    rows.extend(copies::kept(&sitting.request.gallery, candidates, request, &documents));
                }
                match self.conclude_step(&sitting, acted, actor, event, rows).await {
                    Ok(taken) => Ok(ReleaseDone { taken, documents }),
                    Err(e) => {
                        Box::pin(self.discard_drawn(&sitting.owner, request, &intent)).await;
                        Err(e)
                    }
                }
            }
            Err(e) => {
                let e = match e {
                    CaseError::OutOfPlace(misstep, receipt) => {
                        CaseError::OutOfPlace(misstep.told_to(&actor.who(), &sitting.life), receipt)
                    }
                    other => other,
                };
                let failure = self.give_up(&sitting.concerned, acted, actor, e).await;
                Box::pin(self.discard_drawn(&sitting.owner, request, &intent)).await;
                Err(failure)
            }
        }
    }

    /// Everything the host sees to before any policy is asked. What is kept from whoever asks makes no difference to what they
    /// are told.
    fn prepare(
        &self,
        sitting: &Sitting,
        actor: &Registered,
        outgoing: &Outgoing,
        bookings: Vec<store::Booking>,
    ) -> Result<Prepared, Misstep> {
        sitting.listed(Phase::Release)?;
        let life = &sitting.life;
        once(sitting, &outgoing.candidates)?;
        let lead = !outgoing.candidates.is_empty();
        let kept = sitting.keeps_from(actor, lead);
        let selected = if kept { None } else { Some(select(sitting, &outgoing.candidates, bookings)?) };
        disposed(life, life.imposed.iter().filter(|i| i.duty == Duty::DisposeAll).map(Demanded::from))?;
        let bench = Bench { aside: kept && !sitting.shows_conclusions(actor), ..self.bench(sitting, lead) };
        signed(&bench, rules(&life.imposed))?;
        let reasons = !kept && life.said.values().any(|s| !s.reason.trim().is_empty());
        let demanded = demanding(life, is_document);
        if !demanded.is_empty() && !reasons && outgoing.reasoning.trim().is_empty() {
            return Err(Misstep::Unreasoned { demanded });
        }
        let statements = statements(sitting, outgoing.statements.as_deref())?;
        Ok(Prepared { selected, statements })
    }

    /// The signatures that count now for a result, with what they conclude.
    fn bench<'l>(&self, sitting: &'l Sitting, lead: bool) -> Bench<'l> {
        Bench {
            counting: self.counting(&sitting.life),
            openers: &sitting.life.openers,
            requester: &sitting.request.requester,
            lead,
            aside: false,
        }
    }

    /// The obligations of the request with those that the decision on its release has just imposed.
    async fn owed_then(&self, sitting: &Sitting, acted: &Acted<OfRequest>) -> Result<Vec<Owed>, CaseError> {
        if !acted.rulings.duties().any(|(_, o)| of_a_release(&o.duty)) {
            return Ok(sitting.owed.clone());
        }
        sitting.owner.ledger.settle().await?;
        let rows = sitting.owner.store.obligations_of_request(&sitting.request.request.id).await?;
        self.owed(rows, &sitting.life, &sitting.request.requester)
    }

    /// Acts on the permit: what the decision itself demands is seen to, the documents are drawn up and sealed.
    async fn draw_up(
        &self,
        sitting: &Sitting,
        actor: &Registered,
        acted: &Acted<OfRequest>,
        prepared: (Vec<(Listed, store::Booking)>, Vec<Statement>),
        reasoning: &str,
    ) -> Result<(Event, Vec<Document>), CaseError> {
        let (selected, mut statements) = prepared;
        let duties = || acted.rulings.duties();
        let late = duties().filter_map(|(r, o)| Rule::of(&r.jurisdiction, o));
        signed(&self.bench(sitting, !selected.is_empty()), late)?;
        let all_disposed = duties().filter(|(_, o)| o.duty == Duty::DisposeAll);
        disposed(&sitting.life, all_disposed.map(Demanded::from))?;
        let withheld = acted.rulings.withheld();
        if let Some((listed, _)) = selected.iter().find(|(c, _)| withheld.contains(&c.record_id)) {
            return Err(Misstep::Withheld { record: listed.record_id.clone(), demanded: selecting(sitting) }.into());
        }
        for (ruling, obligation) in duties() {
            if let Duty::Statement(id) = &obligation.duty {
                // Each jurisdiction's own, whatever others call theirs.
                let chamber = sitting.concerned.iter().find(|c| c.id() == ruling.jurisdiction);
                let verbatim = chamber.and_then(|c| c.statement(id));
                statements.extend(verbatim.filter(|verbatim| !statements.contains(verbatim)));
            }
        }
        let of_its_own = duties().filter_map(|(r, o)| Wanted::of(&o.duty, || Demanded::from((r, o))));
        let wanted = wanted(&sitting.life.imposed, of_its_own, !selected.is_empty())?;
        let mut documents = Vec::with_capacity(wanted.len());
        if !wanted.is_empty() {
            let receipt = acted.intent.receipt()?;
            let paper = self.paper(sitting, actor, &acted.rulings, receipt, &selected, &statements, reasoning).await?;
            let ids: Vec<String> = wanted.iter().map(|w| w.document.clone()).collect();
            drawn::mark(&sitting.owner, &sitting.request.request.id, &acted.intent.id, &ids).await?;
            for Wanted { document, by } in wanted {
                documents.push(self.draw(sitting, &paper, by.jurisdiction, document).await?);
            }
        }
        let event = Event::Released {
            candidates: selected.into_iter().map(|(c, _)| c.record_id).collect(),
            reasoning: reasoning.to_owned(),
            statements: shown(&statements),
            documents: documents.clone(),
        };
        Ok((event, documents))
    }
}

/// The obligations as they stand once a result has left, where that changes them: this entry permitted it, at this moment. What it
/// did not need is set aside, and not met.
pub(crate) fn settled(
    owed: &[Owed],
    candidates: &[String],
    documents: &[Document],
    entry: &str,
    at: Instant,
) -> Result<Vec<store::Kept>, CaseError> {
    let lapsed = |o: &Owed| match &o.duty {
        // No two jurisdictions' documents of one request have the same id.
        Duty::Document(id) if !documents.iter().any(|d| d.id == *id) => Some(NOT_OF_THIS_RESULT),
        Duty::SignOffs(rule) if rule.leads_only && candidates.is_empty() => Some(OF_LEADS_ALONE),
        _ => None,
    };
    let mut rows = obligations::met(owed, |o| of_a_release(&o.duty) && lapsed(o).is_none(), entry, at)?;
    for owed in owed.iter().filter(|o| o.is_open()) {
        if let Some(why) = lapsed(owed) {
            rows.push(owed.clone().waived(HOST, at, why)?);
        }
    }
    Ok(rows)
}

/// Whether a release does not happen without it.
fn of_a_release(duty: &Duty) -> bool {
    matches!(duty, Duty::SignOffs(_) | Duty::Document(_) | Duty::DisposeAll)
}

fn shown(statements: &[Statement]) -> Vec<StatementShown> {
    let shown = |s: &Statement| StatementShown { id: s.id.clone(), text_digest: Digest::of(s.text.as_bytes()) };
    statements.iter().map(shown).collect()
}

fn selected_as(record: &str, status: &str) -> Selected {
    Selected { record_id: record.to_owned(), status: status.to_owned() }
}

/// Whether the signatures that these rules want are there.
fn signed<'r>(bench: &Bench<'_>, rules: impl Iterator<Item = Rule<'r>>) -> Result<(), Misstep> {
    let (wanting, demanded): (Vec<_>, Vec<_>) = bench.wanting(rules).into_iter().unzip();
    if wanting.is_empty() {
        return Ok(());
    }
    Err(Misstep::Unsigned { wanting, demanded: each(demanded.into_iter()) })
}

/// Whether every candidate has a disposition, where anything demands it.
fn disposed(life: &Life, demanded: impl Iterator<Item = Demanded>) -> Result<(), Misstep> {
    let demanded = each(demanded);
    let records: Vec<String> = life.undisposed().map(|c| c.record_id.clone()).collect();
    if demanded.is_empty() || records.is_empty() { Ok(()) } else { Err(Misstep::Undisposed { records, demanded }) }
}

/// Whether no record is named twice. It is looked at before any is looked for: by itself it tells nothing of the list.
fn once(sitting: &Sitting, records: &[String]) -> Result<(), Misstep> {
    let mut named = BTreeSet::new();
    match records.iter().find(|record| !named.insert(*record)) {
        Some(twice) => Err(Misstep::Twice { record: twice.clone(), demanded: selecting(sitting) }),
        None => Ok(()),
    }
}

/// The candidates that leave, by rank, as they are in the gallery now.
fn select(
    sitting: &Sitting,
    records: &[String],
    bookings: Vec<store::Booking>,
) -> Result<Vec<(Listed, store::Booking)>, Misstep> {
    let life = &sitting.life;
    for record in records {
        if !life.lists(record) {
            return Err(Misstep::Unlisted { record: record.clone(), demanded: selecting(sitting) });
        }
        if !life.possible().any(|c| c.record_id == *record) {
            return Err(Misstep::NotPossible { record: record.clone(), demanded: selecting(sitting) });
        }
        if life.withheld.contains(record) {
            return Err(Misstep::Withheld { record: record.clone(), demanded: selecting(sitting) });
        }
        if !bookings.iter().any(|b| b.id == *record) {
            return Err(Misstep::Gone { record: record.clone(), demanded: selecting(sitting) });
        }
    }
    let leaving = bookings.into_iter().filter(|b| records.contains(&b.id));
    let listed = |b: store::Booking| life.list.iter().find(|c| c.record_id == b.id).cloned().map(|c| (c, b));
    let mut leaving: Vec<_> = leaving.filter_map(listed).collect();
    leaving.sort_by_key(|(c, _)| c.rank);
    Ok(leaving)
}

/// What says which candidates leave: the same of each, for whoever is not to be told what is the matter with it.
fn selecting(sitting: &Sitting) -> Vec<Demanded> {
    sitting.binding(Phase::Release, |duty| matches!(duty, Duty::Candidates(_)))
}
