//! The documents of a release: drawn up from what was decided and found, and sealed in each of their forms.

use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::ledger::Receipt;
use crate::life::Listed;
use crate::paper::{Drawn, Paper, Pictured, title};
use crate::sitting::Sitting;
use model::account::Document;
use model::combine::Rulings;
use model::rulings::Statement;
use model::terms::Digest;
use std::sync::Arc;

/// The sealed kind under which released documents are kept.
pub const DOCUMENT: &str = "document";

impl Casework {
    /// What every document of this release says, but for its own name.
    #[allow(clippy::too_many_arguments, reason = "each is a part of the paper")]
    pub(super) async fn paper(
        &self,
        sitting: &Sitting,
        actor: &Registered,
        rulings: &Rulings,
        receipt: Option<Receipt>,
        selected: &[(Listed, store::Booking)],
        statements: &[Statement],
        reasoning: &str,
    ) -> Result<Paper, CaseError> {
        let Sitting { owner, request, life, .. } = sitting;
        let probe_image = owner.store.open_sealed(crate::intake::PROBE, &request.request.id).await?;
        let bounds = life.shows(rulings);
        let mut candidates = Vec::with_capacity(selected.len());
        for (listed, now) in selected {
            let Some(said) = life.said.get(&listed.record_id) else { continue };
            candidates.push(Pictured {
                record_id: listed.record_id.clone(),
                rank: listed.rank,
                status: now.status.clone(),
                booking: bounds.shown_of(now.booking.clone()),
                photo: owner.store.photo(&request.gallery, &listed.record_id).await?,
                likeness: said.likeness,
                reason: said.reason.clone(),
                by: said.by.clone(),
            });
        }
        let findings = rulings
            .rulings
            .iter()
            .flat_map(|r| r.decision.findings.iter().map(|finding| (r.jurisdiction.clone(), finding.clone())));
        let (log, entry) = receipt.map(|r| (r.origin, r.index)).unwrap_or_default();
        Ok(Paper {
            document: String::new(),
            title: String::new(),
            preamble: None,
            authority: String::new(),
            jurisdiction: String::new(),
            at: sitting.now,
            request: request.request.clone(),
            gallery: format!("{}/{}", request.owner, request.gallery),
            requester: sitting.requester.who(),
            released_by: actor.who(),
            probe: request.probe.clone(),
            probe_image,
            candidates,
            reasoning: reasoning.to_owned(),
            signatures: self.counting(life).into_iter().map(|s| (s.by.clone(), s.signature.clone())).collect(),
            statements: statements.to_vec(),
            findings: findings.collect(),
            log,
            entry,
        })
    }

    /// Draws one document up and seals both its forms.
    pub(super) async fn draw(
        &self,
        sitting: &Sitting,
        paper: &Paper,
        jurisdiction: String,
        id: String,
    ) -> Result<Document, CaseError> {
        let draughting = self.draughting.clone().ok_or_else(|| CaseError::NoDraughting(id.clone()))?;
        let chamber = sitting.concerned.iter().find(|c| c.id() == jurisdiction);
        let listed = chamber.and_then(|c| c.document(&id));
        let paper = Paper {
            title: listed.as_ref().map_or_else(|| title(&id), |document| document.title.clone()),
            preamble: listed.as_ref().and_then(|document| document.preamble.clone()),
            document: id.clone(),
            authority: chamber.map(authority).unwrap_or_default(),
            jurisdiction,
            ..paper.clone()
        };
        let drawn = tokio::task::spawn_blocking(move || draughting.draw_up(&paper)).await;
        let failed = |reason: String| CaseError::Draught { document: id.clone(), reason };
        let Drawn { html, pdf } = match drawn {
            Ok(drawn) => drawn.map_err(failed)?,
            Err(e) => return Err(failed(e.to_string())),
        };
        let document = Document { id: id.clone(), html: Digest::of(&html), pdf: Digest::of(&pdf) };
        let (store, request) = (&sitting.owner.store, &sitting.request.request.id);
        store.seal(DOCUMENT, &sealed_id(request, &id, Form::Html), &html).await?;
        store.seal(DOCUMENT, &sealed_id(request, &id, Form::Pdf), &pdf).await?;
        Ok(document)
    }
}

/// A form in which a document is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Self-contained HTML.
    Html,
    /// PDF.
    Pdf,
}

impl Form {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }

    /// How its file is called.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }
}

/// The id under which a document is sealed.
pub fn sealed_id(request: &str, document: &str, form: Form) -> String {
    format!("{request}/{document}.{}", form.suffix())
}

fn authority(chamber: &Arc<Chamber>) -> String {
    match &*chamber.policy() {
        crate::PolicyState::Ready(policy) => policy.charter().authority.clone(),
        crate::PolicyState::Absent(_) => String::new(),
    }
}
