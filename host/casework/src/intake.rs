//! The `request` phase: somebody asks for a search.

use crate::answers;
use crate::awaited::{Awaited, Demands};
use crate::bounds::Bounds;
use crate::chamber::{Casework, Chamber, Registered};
use crate::error::CaseError;
use crate::history::Past;
use crate::judge::Facts;
use crate::ledger::{OfRequest, Receipt, Subject};
use crate::limits::{self, MOST_ITEMS, bounded};
use crate::misstep::Misstep;
use crate::permit::{Acted, Permit};
use crate::photograph::look_at_photograph;
use crate::unfinished;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::account::Event;
use model::combine::Rulings;
use model::facts::{self, Attestation, CaseStatus, Device, Edit, Frame, Identifier, Initiator, Media, Quality, Step};
use model::registry::Principal;
use model::subject::{Lacking, Stated};
use model::terms::{Digest, Field, Instant, Phase, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers of the longest template there is.
pub const MOST_NUMBERS: usize = search::MAX_DIM;

/// The sealed kind under which probe images are kept.
pub const PROBE: &str = "probe";

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The gallery to be searched.
    pub gallery: String,
    /// On whose behalf; the asker's own where absent. `person`, or `jurisdiction/person`.
    pub requester: Option<String>,
    /// How it arrived.
    pub channel: String,
    /// Whether the client says a program started it.
    pub automated: bool,
    /// How many probes are submitted in the same action.
    pub batch_size: u32,
    /// Purpose.
    pub purpose: String,
    /// Reason.
    pub reason: String,
    /// Case numbers.
    pub identifiers: Vec<Identifier>,
    /// Where the investigation stands.
    pub case_status: CaseStatus,
    /// The probe.
    pub probe: Submission,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

/// A probe as submitted: a photograph, or a template of the gallery's model.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The photograph's bytes: JPEG or PNG.
    pub image: Option<Vec<u8>>,
    /// A template from a vendor's engine, `dim` numbers.
    pub template: Option<Vec<f32>>,
    /// The template's model.
    pub model: Option<String>,
    /// What it is.
    pub media: Media,
    /// The recording it was taken from.
    pub frame: Option<Frame>,
    /// Where it came from.
    pub source: String,
    /// Which face, where there are several.
    pub face: Option<u32>,
    /// What was done to it.
    pub edits: Vec<Edit>,
    /// Quality, where an algorithm gave one.
    pub quality: Option<Quality>,
}

/// A request that was permitted and is on record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The request as policies are told of it.
    pub request: facts::Request,
    /// The jurisdiction whose gallery is asked for.
    pub owner: String,
    /// The gallery.
    pub gallery: String,
    /// Who asked.
    pub requester: Principal,
    /// The probe as policies are told of it.
    pub probe: facts::Probe,
    /// Answers, with who attested them.
    pub attestations: Vec<Attestation>,
    /// A submitted template: f32 little-endian in base64. Photographs are kept sealed instead.
    pub template: Option<String>,
}

/// A permitted request whose opening is not concluded yet.
pub(crate) struct Opening {
    pub(crate) request: OpenRequest,
    concerned: Vec<Arc<Chamber>>,
    acted: Acted<OfRequest>,
    rows: Vec<store::Kept>,
}

/// What the asker is told of a permitted request.
pub struct Opened {
    /// The request.
    pub request: OpenRequest,
    /// What was ruled.
    pub rulings: Rulings,
    /// What its search waits for.
    pub awaited: Vec<Awaited>,
    /// Where it is recorded.
    pub receipt: Option<Receipt>,
}

impl Opening {
    /// The approvals and acknowledgements that the decision demands.
    pub(crate) fn demands(&self) -> Demands {
        Demands::of_opening(&self.acted.rulings)
    }

    /// What the decision says of every list of the request.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::default().and(&self.acted.rulings)
    }
}

impl Intake {
    /// What an entry can say of it before there is a request.
    fn subject(&self) -> Subject {
        let (case, purpose, justification) = (self.identifiers.clone(), self.purpose.clone(), self.reason.clone());
        Stated { case, purpose, justification, ..Stated::default() }.into()
    }
}

impl OpenRequest {
    /// What is left of it once entries of it are gone: nothing that they said of the case. Its probe stays until it is purged
    /// itself, and with it what says whose it is.
    pub(crate) fn bare(self) -> Self {
        let request =
            facts::Request { purpose: String::new(), reason: String::new(), identifiers: Vec::new(), ..self.request };
        let probe = facts::Probe { frame: None, source: String::new(), edits: Vec::new(), ..self.probe };
        Self { request, probe, attestations: Vec::new(), ..self }
    }

    /// Whether nothing else is left of it. None was opened that says neither.
    pub(crate) fn is_bare(&self) -> bool {
        self.request.purpose.is_empty() && self.request.reason.is_empty()
    }

    /// As entries about it name it: in full, unless nothing is left to say.
    ///
    /// # Errors
    /// As [`OpenRequest::subject`].
    pub(crate) fn told_as(&self) -> Result<Subject, CaseError> {
        if self.is_bare() {
            return Ok(Subject::of_request(Some(&self.request.id)));
        }
        self.subject().map(Subject::from)
    }

    /// As entries of its life name it, in full.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`] for one on record that does not say what they have to: none was opened like this.
    pub(crate) fn subject(&self) -> Result<OfRequest, CaseError> {
        OfRequest::of(&self.request, &self.probe).map_err(|stated| {
            let (id, lacking) = (&self.request.id, listed(&stated.lacking));
            CaseError::Unreadable(format!("request `{id}` does not say {lacking}; restore the database"))
        })
    }
}

impl Chamber {
    /// A request as the database has it, for whoever has waited for what is on its way there.
    pub(crate) async fn request_in_store(&self, id: &str) -> Result<Option<OpenRequest>, CaseError> {
        let Some(row) = self.store.request(id).await? else { return Ok(None) };
        serde_json::from_value(row.body).map(Some).map_err(|e| {
            CaseError::Fault(format!("request `{id}` on record cannot be read: {e}; restore the database"))
        })
    }

    /// As entries about a request name it that may have been purged, or say nothing any more.
    pub(crate) async fn told_of(&self, request: &str) -> Result<Subject, CaseError> {
        match self.request_in_store(request).await? {
            Some(found) => found.told_as(),
            None => Ok(Subject::of_request(Some(request))),
        }
    }
}

impl Casework {
    /// Opens a request in a jurisdiction: decided, recorded, kept. A photograph is looked at only to count the faces.
    ///
    /// # Errors
    /// [`CaseError`]; a request that is refused or cannot be used leaves nothing but the log. [`CaseError::OutOfPlace`],
    /// recorded, for one that is permitted and says no purpose, no reason, or a case number that is blank.
    pub async fn open_request(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        intake: Intake,
    ) -> Result<Opened, CaseError> {
        let opening = self.begin_request(actor, jurisdiction, intake).await?;
        self.finish_request(actor, opening).await
    }

    /// Everything up to the act: the request is permitted, and its photograph sealed. Until the outcome it is marked: what
    /// breaks off leaves a photograph that is found again.
    pub(crate) async fn begin_request(
        &self,
        actor: &Registered,
        jurisdiction: &str,
        intake: Intake,
    ) -> Result<Opening, CaseError> {
        check(&intake)?;
        let owner = self.chamber(jurisdiction)?.clone();
        let hall = owner.hall(&intake.gallery)?;
        let (requester, concerned) = self.parties(actor, &owner, &intake).await?;
        answers::check(&concerned, Phase::Request, &intake.answers)?;
        let now = self.clock.now()?;
        let probe = self.look_at(&intake.probe, hall.registered()).await?;
        let template = intake.probe.template.as_deref().map(template_text);
        let automated = intake.automated || actor.principal.device == Device::Service;
        let request = facts::Request {
            id: model::terms::new_id(),
            opened: now,
            channel: intake.channel,
            initiator: if automated { Initiator::Automated } else { Initiator::Human },
            batch_size: intake.batch_size,
            purpose: intake.purpose,
            reason: intake.reason,
            identifiers: intake.identifiers,
            case_status: intake.case_status,
        };
        let request = OpenRequest {
            request,
            owner: owner.id().to_owned(),
            gallery: intake.gallery,
            requester: requester.principal.clone(),
            probe,
            attestations: vec![attested(intake.answers, actor, now)],
            template,
        };
        let case_keys: Vec<_> = request.request.identifiers.iter().map(crate::history::case_key).collect();
        let history = Past::of(&concerned, &actor.key(), &case_keys, None, now).await?;
        let facts = Facts {
            now,
            actor,
            requester: &requester,
            subject: Subject::asked(&request.request, &request.probe),
            request: Some(&request.request),
            probe: Some(&request.probe),
            gallery: Some(hall.fact()),
            attestations: request.attestations.clone(),
            history,
            owed: vec![],
            step: Step::Request,
        };
        let image = intake.probe.image.as_deref();
        let id = request.request.id.as_str();
        let marks = image.map(|_| unfinished::mark(&owner, id)).into_iter().collect();
        // Its effect is that the request stands open: what is demanded with it holds back the search.
        let permit = match self.judge_at_once(&concerned, facts, marks).await?.in_full() {
            Ok(permit) => permit,
            // Whatever the policies let pass: the log would not say what the directives demand of it.
            Err(acted) => {
                let unsaid = Misstep::Unsaid { lacking: listed(acted.subject.lacking()) };
                let failure = self.give_up(&concerned, *acted, actor, unsaid.into()).await;
                Box::pin(self.abandon(&owner, id)).await;
                return Err(failure);
            }
        };
        let (acted, kept) = keep(permit, &owner.store, &request, image).await;
        let mut rows = match kept {
            Ok(row) => vec![row],
            Err(e) => {
                let failure = self.give_up(&concerned, acted, actor, e).await;
                Box::pin(self.abandon(&owner, id)).await;
                return Err(failure);
            }
        };
        rows.extend(image.map(|_| unfinished::unmark(id)));
        concerned.iter().for_each(|chamber| chamber.history.opened(id));
        Ok(Opening { request, concerned, acted, rows })
    }

    /// The outcome: the request is kept, and that it was is on record.
    pub(crate) async fn finish_request(&self, actor: &Registered, opening: Opening) -> Result<Opened, CaseError> {
        let awaited = opening.demands().open().to_vec();
        let Opening { request, concerned, acted, rows } = opening;
        let owner = self.chamber(&request.owner)?.clone();
        match self.conclude(&concerned, acted, actor, Event::Opened, rows).await {
            Ok((rulings, recorded)) => Ok(Opened { receipt: recorded.receipt()?, request, rulings, awaited }),
            Err(e) => {
                Box::pin(self.abandon(&owner, &request.request.id)).await;
                Err(e)
            }
        }
    }

    /// A request on record.
    ///
    /// # Errors
    /// [`CaseError::Unknown`].
    pub async fn request(&self, jurisdiction: &str, id: &str) -> Result<OpenRequest, CaseError> {
        let unknown = || CaseError::Unknown { kind: "request", id: id.to_owned(), hint: "" };
        let chamber = self.chamber(jurisdiction)?;
        chamber.ledger.settle().await?;
        chamber.request_in_store(id).await?.ok_or_else(unknown)
    }

    /// On whose behalf a request is made, and the jurisdictions whose policies it concerns.
    ///
    /// # Errors
    /// [`CaseError::Rejected`], on record with all of these, for an asker who is of none of them, and for a requester who may
    /// not act: whoever is in a registry is not for anybody to find out.
    pub(crate) async fn parties(
        &self,
        actor: &Registered,
        owner: &Arc<Chamber>,
        intake: &Intake,
    ) -> Result<(Registered, Vec<Arc<Chamber>>), CaseError> {
        const ASKED: &str = "request";
        check(intake)?;
        let theirs = actor.principal.jurisdiction.as_str();
        let named = intake.requester.as_deref().unwrap_or(&actor.principal.person);
        let (home, person) = named.split_once('/').unwrap_or((theirs, named));
        // Before anybody is looked up there.
        let concerned = self.concerned_by(home, owner)?;
        let ledgers: Vec<_> = concerned.iter().collect();
        if concerned.iter().all(|chamber| chamber.id() != theirs) {
            // Their own policy would not be asked.
            let reason = "only people of the requester's jurisdiction or of the gallery's enter a request";
            return self.reject_in(&ledgers, actor, intake.subject(), ASKED, reason).await;
        }
        let device = actor.principal.device;
        let requester = Principal { jurisdiction: home.to_owned(), person: person.to_owned(), device };
        match self.other(actor, &requester) {
            Ok(requester) => Ok((requester, concerned)),
            Err(CaseError::Rejected(reason)) => {
                self.reject_idle(&ledgers, actor, &requester, intake.subject(), (ASKED, ""), &reason).await
            }
            Err(e) => Err(e),
        }
    }

    /// What policies are told of the probe. Reads a photograph only as far as its faces.
    async fn look_at(
        &self,
        submission: &Submission,
        gallery: &model::registry::Gallery,
    ) -> Result<facts::Probe, CaseError> {
        let mut probe = facts::Probe {
            digest: Digest::default(),
            media: submission.media,
            frame: submission.frame.clone(),
            source: submission.source.clone(),
            faces: 1,
            selected: Some(0),
            edits: submission.edits.clone(),
            width: 0,
            height: 0,
            inter_eye: None,
            quality: submission.quality.clone(),
        };
        match (&submission.image, &submission.template) {
            (Some(_), Some(_)) | (None, None) => {
                Err(CaseError::Invalid("send either probe.image or probe.template".to_owned()))
            }
            (None, Some(template)) => {
                fits(submission.model.as_deref(), gallery)?;
                let dim = usize::try_from(gallery.dim).unwrap_or(usize::MAX);
                search::normalise(template, dim).map_err(|e| CaseError::Invalid(format!("probe.template: {e}")))?;
                probe.digest = Digest::of(&template_bytes(template));
                Ok(probe)
            }
            (Some(image), None) => {
                let extractor = self.extractor.clone().ok_or(CaseError::NoFaceModel)?;
                fits(Some(extractor.model_id()), gallery)?;
                probe.digest = Digest::of(image);
                let image = image.clone();
                let (width, height, faces) = look_at_photograph(move || extractor.detect(&image)).await??;
                let selected = match (submission.face, faces.len()) {
                    (_, 0) => return Err(face::FaceError::NoFace.into()),
                    (None, 1) => 0,
                    (None, _) => return Err(CaseError::SeveralFaces(faces)),
                    (Some(face), _) => face,
                };
                let chosen = faces.get(usize::try_from(selected).unwrap_or(usize::MAX)).ok_or_else(|| {
                    CaseError::Invalid(format!("there is no face {selected}: the photograph shows {}", faces.len()))
                })?;
                let [right, left, ..] = chosen.landmarks;
                probe.inter_eye = Some((right[0] - left[0]).hypot(right[1] - left[1]).round() as u32);
                probe.faces = u32::try_from(faces.len()).unwrap_or(u32::MAX);
                (probe.selected, probe.width, probe.height) = (Some(selected), width, height);
                Ok(probe)
            }
        }
    }
}

fn fits(model: Option<&str>, gallery: &model::registry::Gallery) -> Result<(), CaseError> {
    match model {
        Some(model) if model == gallery.model => Ok(()),
        Some(model) => Err(CaseError::Invalid(format!(
            "the probe's model is `{model}`, but gallery `{}` holds templates of `{}`: templates of different models are never compared",
            gallery.id, gallery.model
        ))),
        None => Err(CaseError::Invalid(format!(
            "a template needs its model: set probe.model to `{}` if it is one of that model",
            gallery.model
        ))),
    }
}

/// Acts on a permitted request: seals the photograph, and gives the request as a row to be kept with the account of its opening.
async fn keep(
    permit: Permit<OfRequest>,
    store: &store::Jurisdiction,
    request: &OpenRequest,
    image: Option<&[u8]>,
) -> (Acted<OfRequest>, Result<store::Kept, CaseError>) {
    (permit.act(), sealed(store, request, image).await)
}

async fn sealed(
    store: &store::Jurisdiction,
    request: &OpenRequest,
    image: Option<&[u8]>,
) -> Result<store::Kept, CaseError> {
    let body = serde_json::to_value(request).map_err(|e| CaseError::Invalid(e.to_string()))?;
    if let Some(image) = image {
        store.seal(PROBE, &request.request.id, image).await?;
    }
    let (id, opened) = (request.request.id.clone(), request.request.opened);
    Ok(store::Kept::Request(store::RequestRow { id, opened, body }))
}

/// What is lacking, for a reader.
fn listed(lacking: &[Lacking]) -> String {
    lacking.iter().map(Lacking::to_string).collect::<Vec<_>>().join(" and ")
}

/// Answers, attested by whoever sent them, now.
pub(crate) fn attested(answers: BTreeMap<String, Value>, by: &Registered, at: Instant) -> Attestation {
    let answers = answers.into_iter().map(|(name, value)| Field::new(name, value)).collect();
    Attestation { by: by.key(), at, answers }
}

fn check(intake: &Intake) -> Result<(), CaseError> {
    let probe = &intake.probe;
    limits::count("identifiers", intake.identifiers.len(), MOST_ITEMS)?;
    limits::count("probe.edits", probe.edits.len(), MOST_ITEMS)?;
    let mut words = vec![
        ("gallery", intake.gallery.as_str()),
        ("requester", intake.requester.as_deref().unwrap_or_default()),
        ("channel", intake.channel.as_str()),
        ("probe.model", probe.model.as_deref().unwrap_or_default()),
        ("probe.quality.producer", probe.quality.as_ref().map_or("", |q| q.producer.as_str())),
    ];
    for Identifier { kind, value } in &intake.identifiers {
        words.extend([("identifiers.kind", kind.as_str()), ("identifiers.value", value.as_str())]);
    }
    for Edit { operation, by, .. } in &probe.edits {
        words.extend([("probe.edits.operation", operation.as_str()), ("probe.edits.by", by.as_str())]);
    }
    let texts = [
        ("purpose", intake.purpose.as_str()),
        ("reason", intake.reason.as_str()),
        ("probe.source", probe.source.as_str()),
    ];
    bounded(words, texts, &intake.answers)?;
    if intake.batch_size == 0 {
        return Err(CaseError::Invalid("batch_size is 0: it counts this probe, so it is at least 1".to_owned()));
    }
    Ok(())
}

fn template_bytes(template: &[f32]) -> Vec<u8> {
    template.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn template_text(template: &[f32]) -> String {
    BASE64_STANDARD.encode(template_bytes(template))
}

/// The template a request was opened with.
pub(crate) fn template_of(text: &str) -> Result<Vec<f32>, CaseError> {
    let unreadable = |e: base64::DecodeError| {
        CaseError::Fault(format!("a template on record cannot be read: {e}; restore the database"))
    };
    let bytes = BASE64_STANDARD.decode(text).map_err(unreadable)?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::registry::{Agency, Person};

    fn registered(home: &str, id: &str) -> Registered {
        let (jurisdiction, person) = (home.to_owned(), id.to_owned());
        let agency = Agency {
            id: "a".to_owned(),
            name: "A".to_owned(),
            kind: facts::AgencyKind::LawEnforcement,
            participant: true,
            agreements: vec![],
            suspended_since: None,
        };
        let person = Person {
            id: person,
            name: "Ada Vogt".to_owned(),
            agency: "a".to_owned(),
            unit: "u".to_owned(),
            rank: "r".to_owned(),
            roles: vec![],
            trainings: vec![],
            background_checked: None,
            need_reviewed: None,
            multi_factor: true,
            suspended_since: None,
        };
        let principal = Principal { jurisdiction, person: person.id.clone(), device: Device::Fixed };
        Registered::of(principal, person, agency).unwrap()
    }

    #[test]
    fn whoever_vouches_is_told_from_a_namesake_elsewhere() {
        let by = |home: &str| attested(BTreeMap::new(), &registered(home, "a.vogt"), Instant(0)).by;
        assert_eq!((by("north"), by("south")), ("north/a.vogt".to_owned(), "south/a.vogt".to_owned()));
    }

    #[test]
    fn a_template_on_record_that_cannot_be_read_is_the_hosts_fault() {
        assert_eq!(template_of(&template_text(&[1.0, -2.0])).unwrap(), [1.0, -2.0]);
        assert!(matches!(template_of("%%%"), Err(CaseError::Fault(_))));
    }
}
