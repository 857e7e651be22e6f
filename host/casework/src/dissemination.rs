//! The `disseminate` phase: a released result is handed to one recipient.
//!
//! A document comes out of the host here and nowhere else: as it was sealed at the release, to the byte, and only when the
//! hand-over is on record. What has become of its records since, policies are told. With a record that was destroyed, or that is
//! withheld by now, it goes to nobody: a document is not drawn up anew without what it says.

use crate::chamber::{Casework, Registered};
use crate::error::CaseError;
use crate::limits::bounded;
use crate::misstep::{Demanded, Misstep, demanding, demanding_purge, each};
use crate::release::{DOCUMENT, Form, sealed_id};
use crate::sitting::{Sitting, Taken, is_document};
use model::account::{Document, Event};
use model::combine::Rulings;
use model::facts::{Dissemination, Selected, Step};
use model::rulings::Duty;
use model::terms::{Digest, Field, Phase, Value};
use std::collections::BTreeMap;

/// As a rejection calls it.
const ASKED: &str = "hand a result over";

/// A hand-over asked for.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// How, to whom, what for.
    pub to: Dissemination,
    /// Which of the release's documents; its first where absent.
    pub document: Option<String>,
    /// In which form.
    pub form: Form,
    /// Answers on the jurisdiction's forms: a number called, a witness.
    pub answers: BTreeMap<String, Value>,
}

/// What came of a hand-over.
pub struct HandedOver {
    /// What was ruled, and where it is recorded.
    pub taken: Taken,
    /// The document with its bytes; absent where the release drew up none.
    pub document: Option<(Document, Vec<u8>)>,
}

impl Casework {
    /// Hands a released result to one recipient.
    ///
    /// # Errors
    /// [`CaseError::OutOfPlace`] before the release, and when a record of the result is gone or withheld;
    /// [`CaseError::Refused`] when it is not permitted; [`CaseError::Unknown`] for a document that has been purged. Nothing is
    /// handed over then.
    pub async fn disseminate(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        request: &str,
        hand_over: HandOver,
    ) -> Result<HandedOver, CaseError> {
        let HandOver { to, document, form, answers } = hand_over;
        let words = [
            ("channel", to.channel.as_str()),
            ("recipient_agency", to.recipient_agency.as_str()),
            ("document", document.as_deref().unwrap_or_default()),
        ];
        let texts = [("recipient", to.recipient.as_str()), ("purpose", to.purpose.as_str())];
        bounded(words, texts, &answers)?;
        let sitting = self.sit(actor, jurisdiction, request, ASKED).await?;
        let (candidates, document) = match in_place(&sitting, document.as_deref()) {
            Ok(found) => found,
            Err(misstep) => return self.refuse(&sitting, actor, ASKED, misstep).await,
        };
        let bookings = sitting.owner.store.bookings(&sitting.request.gallery, &candidates).await?;
        let now = match as_they_are(&sitting, &candidates, bookings) {
            Ok(now) => now,
            Err(misstep) => return self.refuse(&sitting, actor, ASKED, misstep).await,
        };
        let fields: Vec<Field> = answers.iter().map(|(name, value)| Field::new(name.clone(), value.clone())).collect();
        let told = Dissemination { candidates: now, ..to.clone() };
        let permit = self.judge_step(&sitting, actor, answers, Step::Disseminate(told)).await?;
        let acted = permit.act();
        let demanded = withholding(&acted.rulings, &candidates);
        if !demanded.is_empty() {
            let e = Misstep::WithheldSince { demanded }.into();
            return Err(self.give_up(&sitting.concerned, acted, actor, e).await);
        }
        let bytes = match &document {
            Some(document) => match read(&sitting, document, form).await {
                Ok(bytes) => Some(bytes),
                Err(e) => return Err(self.give_up(&sitting.concerned, acted, actor, e).await),
            },
            None => None,
        };
        let event = Event::Disseminated { handed: to, candidates, document: document.clone(), answers: fields };
        let taken = self.conclude_step(&sitting, acted, actor, event, vec![]).await?;
        Ok(HandedOver { taken, document: document.zip(bytes) })
    }
}

/// What there is to hand over: the gallery records, and the document.
fn in_place(sitting: &Sitting, document: Option<&str>) -> Result<(Vec<String>, Option<Document>), Misstep> {
    let Some(release) = &sitting.life.release else { return Err(sitting.not_released(Phase::Disseminate)) };
    let found = match document {
        None => release.documents.first(),
        Some(id) => Some(release.documents.iter().find(|d| d.id == id).ok_or_else(|| Misstep::UnknownDocument {
            id: id.to_owned(),
            drawn: release.documents.iter().map(|d| d.id.clone()).collect(),
            demanded: sitting.binding(Phase::Disseminate, is_document),
        })?),
    };
    if let Some(document) = found
        && let Some(at) = sitting.life.purged(&document.id)
    {
        let (subject, demanded) = (DOCUMENT.to_owned(), demanding_purge(&sitting.life, &document.id));
        return Err(Misstep::Purged { subject, at, demanded });
    }
    Ok((release.candidates.clone(), found.cloned()))
}

/// The records that would be handed over, as they are in the gallery now. Whoever asks may not have opened the list, and is told
/// of none by name.
fn as_they_are(
    sitting: &Sitting,
    candidates: &[String],
    bookings: Vec<store::Booking>,
) -> Result<Vec<Selected>, Misstep> {
    if candidates.iter().any(|record| !bookings.iter().any(|b| b.id == *record)) {
        return Err(Misstep::Outlived);
    }
    let withheld: Vec<String> = candidates.iter().filter(|c| sitting.life.withheld.contains(c)).cloned().collect();
    if !withheld.is_empty() {
        let demanded = demanding(&sitting.life, |duty| withholds(duty, &withheld));
        return Err(Misstep::WithheldSince { demanded });
    }
    Ok(bookings.into_iter().map(|b| Selected { record_id: b.id, status: b.status }).collect())
}

/// What withholds any of these records, by the decision on the step itself.
fn withholding(rulings: &Rulings, candidates: &[String]) -> Vec<Demanded> {
    each(rulings.duties().filter(|(_, o)| withholds(&o.duty, candidates)).map(Demanded::from))
}

/// Whether any of these records is withheld by it.
fn withholds(duty: &Duty, records: &[String]) -> bool {
    matches!(duty, Duty::Withhold(withheld) if records.iter().any(|record| withheld.contains(record)))
}

/// The document's bytes, if they are those that were released.
async fn read(sitting: &Sitting, document: &Document, form: Form) -> Result<Vec<u8>, CaseError> {
    let id = sealed_id(&sitting.request.request.id, &document.id, form);
    let bytes = sitting.owner.store.open_sealed(DOCUMENT, &id).await?.ok_or_else(|| CaseError::Unknown {
        kind: "document",
        id: document.id.clone(),
        hint: "; it has been purged",
    })?;
    let released = match form {
        Form::Html => document.html,
        Form::Pdf => document.pdf,
    };
    if Digest::of(&bytes) != released {
        let reason = "what is kept of it is not what was released".to_owned();
        return Err(CaseError::Draught { document: document.id.clone(), reason });
    }
    Ok(bytes)
}
