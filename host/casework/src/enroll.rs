//! The `enroll` phase: booking photographs enter a gallery, all of a batch or none.

use crate::answers;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::filter;
use crate::gallery::Hall;
use crate::intake::attested;
use crate::judge::Facts;
use crate::ledger::Receipt;
use crate::limits::{self, bounded};
use crate::photograph::look_at_photograph;
use crate::status::{ACTIVE, NOTICE_RECEIVED};
use model::account::Event;
use model::combine::Rulings;
use model::facts::{Enrolment, Step};
use model::terms::{Phase, Value, check_id, is_seen};
use std::collections::{BTreeMap, BTreeSet};

/// Records in one batch: bounds a transaction and an audit entry.
pub const MOST_RECORDS: usize = 1000;

/// One record to enrol.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Unique in the gallery, records that were destroyed included.
    pub id: String,
    /// A photograph, or
    pub image: Option<Vec<u8>>,
    /// a template of the gallery's model.
    pub template: Option<Vec<f32>>,
    /// Its status; `active` where absent. Which others there are is for the policies to say, but for `notice-received`, which
    /// a notice alone gives.
    pub status: Option<String>,
    /// Basic booking data by field name.
    pub booking: BTreeMap<String, String>,
}

impl NewRecord {
    fn status(&self) -> &str {
        self.status.as_deref().unwrap_or(ACTIVE)
    }
}

/// Records enrolled together: the same circumstances hold for each, so one decision does.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The templates' model.
    pub model: Option<String>,
    /// The agency that the records come from, whose notice may end their stay: the enroller's own where absent.
    pub origin: Option<String>,
    /// Answers on the jurisdiction's enrolment form.
    pub answers: BTreeMap<String, Value>,
    /// The records.
    pub records: Vec<NewRecord>,
}

/// What came of a batch.
pub struct Enrolled {
    /// Records enrolled.
    pub records: usize,
    /// The gallery's generation afterwards.
    pub generation: u64,
    /// What was ruled.
    pub rulings: Rulings,
    /// Where it is recorded.
    pub receipt: Option<Receipt>,
}

impl Casework {
    /// Enrols a batch: decided, recorded, then written to the store and taken into memory.
    ///
    /// # Errors
    /// [`CaseError`]; then not one record of the batch was enrolled. [`CaseError::Exists`], recorded, for an id that is taken.
    pub async fn enroll(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        gallery: &str,
        batch: Batch,
    ) -> Result<Enrolled, CaseError> {
        let owner = self.chamber(jurisdiction)?.clone();
        let hall = owner.hall(gallery)?;
        check(&batch)?;
        for record in &batch.records {
            filter::check_booking(hall.registered(), &record.id, &record.booking)?;
        }
        let ids: Vec<_> = batch.records.iter().map(|r| r.id.clone()).collect();
        let origin = batch.origin.clone().unwrap_or_else(|| actor.agency.id.clone());
        if owner.agency(&origin).is_none() {
            let id = origin;
            return Err(CaseError::Unknown { kind: "agency", id, hint: "; name one of the jurisdiction's registry" });
        }
        let now = self.clock.now()?;
        let provenance = store::Provenance { origin, enrolled: Some(now) };
        let names: BTreeSet<_> = batch.records.iter().flat_map(|r| r.booking.keys().cloned()).collect();
        let concerned = [owner.clone()];
        answers::check(&concerned, Phase::Enroll, &batch.answers)?;
        let attestation = attested(batch.answers, actor, now);
        let told: BTreeSet<_> = batch.records.iter().map(|r| r.status().to_owned()).collect();
        let others = batch.records.iter().filter(|r| r.status() != ACTIVE);
        let statuses = others.map(|r| (r.id.clone(), r.status().to_owned())).collect();
        let (booking_fields, told) = (names.into_iter().collect(), told.into_iter().collect());
        let step = Step::Enroll(Enrolment { booking_fields, statuses: told });
        let facts = Facts { gallery: Some(hall.fact()), ..Facts::apart(now, actor, vec![attestation], step) };
        let permit = self.judge(&concerned, facts, vec![]).await?;
        // Which ids are taken is told to whoever may enrol, and on record.
        if let Err(e) = free(&owner, &hall, &ids).await {
            return Err(self.give_up(&concerned, permit.act(), actor, e).await);
        }
        let rows = self.templates(hall.registered(), batch.model.as_deref(), batch.records, provenance).await;
        let (acted, admitted) = hall.admit(permit, &owner.store, rows).await;
        let generation = match admitted {
            Ok(generation) => generation,
            Err(e) => return Err(self.give_up(&concerned, acted, actor, e).await),
        };
        let count = ids.len();
        let event = Event::Enrolled { gallery: gallery.to_owned(), records: ids, statuses, generation };
        let (rulings, recorded) = self.conclude(&concerned, acted, actor, event, vec![]).await?;
        Ok(Enrolled { records: count, generation, rulings, receipt: recorded.receipt()? })
    }

    async fn templates(
        &self,
        gallery: &model::registry::Gallery,
        model: Option<&str>,
        records: Vec<NewRecord>,
        provenance: store::Provenance,
    ) -> Result<Vec<store::NewRecord>, CaseError> {
        let dim = usize::try_from(gallery.dim).unwrap_or(usize::MAX);
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            let (template, of) = match (record.template, &record.image) {
                (Some(template), None) => (template, model.map(str::to_owned)),
                (None, Some(image)) => {
                    let extractor = self.extractor.clone().ok_or(CaseError::NoFaceModel)?;
                    let of = extractor.model_id().to_owned();
                    let image = image.clone();
                    let seen = look_at_photograph(move || extractor.extract(&image, None)).await;
                    let seen = seen.and_then(|seen| Ok(seen?)).map_err(|e| e.of_record(&record.id))?;
                    (seen.template, Some(of))
                }
                _ => {
                    let message = format!("record `{}`: send either image or template", record.id);
                    return Err(CaseError::Invalid(message));
                }
            };
            if of.as_deref() != Some(gallery.model.as_str()) {
                return Err(CaseError::Invalid(format!(
                    "record `{}` has a template of model `{}`, but gallery `{}` holds `{}`",
                    record.id,
                    of.unwrap_or_default(),
                    gallery.id,
                    gallery.model
                )));
            }
            let template = search::normalise(&template, dim)
                .map_err(|e| CaseError::Invalid(format!("record `{}`: {e}", record.id)))?;
            rows.push(store::NewRecord {
                id: record.id,
                template,
                model: gallery.model.clone(),
                status: record.status.unwrap_or_else(|| ACTIVE.to_owned()),
                booking: record.booking,
                photo: record.image,
                provenance: provenance.clone(),
            });
        }
        Ok(rows)
    }
}

/// Whether all of these ids may be given to new records of a gallery.
async fn free(owner: &Chamber, hall: &Hall, ids: &[String]) -> Result<(), CaseError> {
    if let Some(id) = hall.held(ids).await?.first() {
        return Err(CaseError::Exists(format!("record `{id}` is enrolled already: nothing was done")));
    }
    owner.unused(&hall.registered().id, ids).await
}

fn check(batch: &Batch) -> Result<(), CaseError> {
    if batch.records.is_empty() || batch.records.len() > MOST_RECORDS {
        let n = batch.records.len();
        return Err(CaseError::Invalid(format!("the batch has {n} records: send 1 to {MOST_RECORDS}")));
    }
    let words = [("model", &batch.model), ("origin", &batch.origin)];
    let words = words.map(|(name, word)| (name, word.as_deref().unwrap_or_default()));
    bounded(words, [], &batch.answers)?;
    let mut seen = BTreeSet::new();
    for record in &batch.records {
        limits::booking(&record.booking)?;
        let id = &record.id;
        if id.trim().is_empty() || id.len() > 128 || !id.chars().all(is_seen) {
            let message = format!("record id `{id}`: use 1 to 128 bytes of characters that are seen, not blanks alone");
            return Err(CaseError::Invalid(message));
        }
        let status = record.status();
        if check_id(status).is_err() || status == NOTICE_RECEIVED {
            return Err(CaseError::Invalid(format!(
                "record `{id}`: its status is a word of 1 to 64 of `a-z 0-9 - _ .`, and not {NOTICE_RECEIVED}, which a \
                 notice gives: name another, or leave it away for {ACTIVE}"
            )));
        }
        if !seen.insert(id) {
            return Err(CaseError::Invalid(format!("record `{id}` is in the batch twice")));
        }
    }
    Ok(())
}
