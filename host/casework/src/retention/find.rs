//! Where a record is, and what policies are told of it.

use super::around::Around;
use super::document::Drawn;
use super::prune::Beginning;
use super::range::EntryRange;
use super::{ASKED, Asking, Change, Docket, GALLERY_RECORD, NOT_THEIRS, is_elsewhere, place_of};
use crate::chamber::{Casework, Chamber, Registered};
use crate::copies;
use crate::error::CaseError;
use crate::gallery::Hall;
use crate::history::{Past, case_key};
use crate::inspection::MOST_ENTRIES;
use crate::intake::{OpenRequest, PROBE, attested};
use crate::judge::Facts;
use crate::ledger::Subject;
use crate::life::{Life, same_person};
use crate::misstep::Misstep;
use crate::obligations::Owed;
use crate::walk;
use model::account::{Leaf, Retained};
use model::facts::{self, RetentionEvent, Step};
use model::rulings::Duty;
use model::terms::Instant;
use std::sync::Arc;

/// A record, found.
pub(super) struct Found {
    pub(super) owner: Arc<Chamber>,
    /// Whose policy decides: that of the jurisdiction which keeps it, or whose own holds are lifted.
    pub(super) deciding: Arc<Chamber>,
    /// Whose logs the step is recorded in, the keeper's last.
    pub(super) concerned: Vec<Arc<Chamber>>,
    pub(super) record: Retained,
    pub(super) place: Place,
    pub(super) docket: Docket,
    /// Every obligation filed under it, or under its request.
    pub(super) owed: Vec<Owed>,
    /// Of entries whose hold is lifted: what holds them and is kept with another jurisdiction's requests.
    pub(super) elsewhere: Vec<(Arc<Chamber>, Owed)>,
    /// Of entries: what is on record of others that share some with it.
    pub(super) around: Around,
    /// Whether it is held, by a step or by a decision.
    pub(super) held: bool,
    pub(super) now: Instant,
}

/// Where a record is.
pub(super) enum Place {
    /// In a gallery; with its status, if it is there, and the documents that it is in.
    Record { hall: Arc<Hall>, provenance: store::Provenance, status: Option<String>, documents: Vec<Retained> },
    /// Sealed, or in the request.
    Probe(Box<Case>),
    /// Sealed.
    Document(Box<Case>, Drawn),
    /// In the log, their accounts in the database.
    Entries(Vec<Leaf>),
    /// At the beginning of the log, to be pruned.
    Beginning(Beginning),
}

/// The request that a record belongs to.
pub(super) struct Case {
    pub(super) request: OpenRequest,
    /// Who asked, as far as the registry still knows.
    requester: Option<Registered>,
    gallery: Option<facts::Gallery>,
    life: Life,
}

impl Found {
    /// The case it belongs to.
    fn case(&self) -> Option<&Case> {
        match &self.place {
            Place::Probe(case) | Place::Document(case, _) => Some(case),
            Place::Record { .. } | Place::Entries(_) | Place::Beginning(_) => None,
        }
    }

    /// The case as entries name it.
    pub(super) fn subject(&self) -> Result<Subject, CaseError> {
        match self.case() {
            Some(case) => case.request.told_as(),
            None => Ok(Subject::Apart),
        }
    }

    /// Whether it is the policy of the jurisdiction that keeps it which decides.
    pub(super) fn is_keepers(&self) -> bool {
        self.deciding.id() == self.owner.id()
    }

    /// What a step is asked under on its docket, until it is approved. What two jurisdictions ask is not the same.
    pub(super) fn asked_as(&self, change: Change) -> String {
        let name = change.name();
        if self.is_keepers() { name.to_owned() } else { format!("{name} {}", self.deciding.id()) }
    }

    /// What a policy is told of it.
    fn event(&self, asking: &Asking) -> RetentionEvent {
        let (origin, recorded) = match &self.place {
            Place::Record { provenance, .. } => (provenance.origin.clone(), provenance.enrolled),
            Place::Probe(case) => (String::new(), Some(case.request.request.opened)),
            Place::Document(_, document) => (String::new(), document.at),
            Place::Entries(leaves) => (String::new(), leaves.iter().map(|leaf| leaf.at).max()),
            Place::Beginning(beginning) => (String::new(), Some(beginning.youngest)),
        };
        let on_record = self.docket.extended.max(self.around.extended());
        let extended = if asking.change == Change::Extend { asking.day } else { on_record };
        let exported = self.docket.exported.as_ref().map(|export| export.at);
        let documents = u32::try_from(self.documents().len()).unwrap_or(u32::MAX);
        RetentionEvent {
            subject: self.record.subject.clone(),
            kind: asking.change.told().to_owned(),
            record_id: self.record.record.clone(),
            origin,
            recorded,
            noticed: self.noticed(asking),
            held: self.held,
            extended,
            exported: exported.max(self.around.exported()),
            status: self.status().map(str::to_owned),
            documents,
        }
    }

    /// The status of a gallery record, if it is there.
    pub(super) fn status(&self) -> Option<&str> {
        if let Place::Record { status, .. } = &self.place { status.as_deref() } else { None }
    }

    /// That gallery records are in a document no more, once it is purged.
    pub(super) fn held_no_more(&self) -> Vec<store::Kept> {
        let Place::Document(case, document) = &self.place else { return Vec::new() };
        let request = &case.request;
        copies::forgotten(&request.gallery, &document.records, &request.request.id, &document.id)
    }

    /// The documents that a gallery record is in.
    pub(super) fn documents(&self) -> &[Retained] {
        if let Place::Record { documents, .. } = &self.place { documents } else { &[] }
    }
}

impl Casework {
    /// Finds a record for a step that `actor` asks for. What is found is spelled as it is filed.
    ///
    /// # Errors
    /// [`CaseError::Unknown`]; [`CaseError::Invalid`] for what names no entries; [`CaseError::Rejected`], recorded, for
    /// somebody of a jurisdiction that is not concerned.
    pub(super) async fn find(
        &self,
        actor: &Registered,
        owner: &Arc<Chamber>,
        deciding: Arc<Chamber>,
        asking: &Asking,
    ) -> Result<Found, CaseError> {
        let record = asking.record.clone();
        let range = EntryRange::of(&record)?;
        let record = match range {
            Some(range) => of_own_log(owner, range, record)?,
            None => record,
        };
        owner.ledger.settle().await?;
        let kept = Docket::of(owner, &record).await?;
        let known = kept.is_some();
        let docket = kept.unwrap_or_else(|| Docket::new(record.clone()));
        let (place, around) = match range {
            Some(range) => {
                let place = if asking.change == Change::Prune {
                    if actor.person.roles.is_empty() {
                        // The whole of it is read before a policy is asked: not for somebody whom nothing is for.
                        return Err(Misstep::NoRole.into());
                    }
                    self.find_beginning(owner, range).await?
                } else {
                    find_entries(owner, range)?
                };
                (place, Around::read(owner, range).await?)
            }
            None if record.subject == GALLERY_RECORD => {
                (self.find_in_gallery(actor, owner, &record, known).await?, Around::default())
            }
            None => (self.find_in_case(actor, owner, &record, known).await?, Around::default()),
        };
        let mut owed = owner.store.obligations_of_request(&place_of(&record)).await?;
        if range.is_some() {
            // Where they were filed before logs were told apart.
            let bare = Retained { gallery: None, ..record.clone() };
            owed.extend(owner.store.obligations_of_request(&place_of(&bare)).await?);
        }
        let mut owed = owed.into_iter().map(Owed::read).collect::<Result<Vec<_>, _>>()?;
        let mut elsewhere = Vec::new();
        if let (Change::Lift, Place::Entries(leaves)) = (asking.change, &place) {
            for (chamber, hold) in self.held_by_decisions(owner, leaves).await? {
                if chamber.id() == owner.id() {
                    owed.push(hold);
                } else {
                    elsewhere.push((chamber, hold));
                }
            }
        }
        let by_decision =
            |o: &Owed| o.is_open() && matches!(&o.duty, Duty::Hold(rule) if rule.subject == record.subject);
        let (concerned, held) = if deciding.id() == owner.id() {
            let by_decision = owed.iter().any(by_decision) || !elsewhere.is_empty();
            (vec![owner.clone()], docket.held.is_some() || by_decision || around.held())
        } else {
            // Of its own holds alone.
            let held = owed.iter().any(|o| o.jurisdiction == deciding.id() && by_decision(o));
            (vec![deciding.clone(), owner.clone()], held)
        };
        let (owner, now) = (owner.clone(), self.clock.now()?);
        Ok(Found { owner, deciding, concerned, record, place, docket, owed, elsewhere, around, held, now })
    }

    /// A record of a gallery. One that is gone is found all the same where it has a docket: its purge may have broken off.
    async fn find_in_gallery(
        &self,
        actor: &Registered,
        owner: &Arc<Chamber>,
        record: &Retained,
        known: bool,
    ) -> Result<Place, CaseError> {
        let gallery = record.gallery.as_deref().unwrap_or_default();
        let hall = owner.hall(gallery)?;
        let documents = copies::with(owner, gallery, &record.record).await?;
        match owner.store.provenance(gallery, &record.record).await? {
            Some(provenance) => {
                let there = owner.store.bookings(gallery, std::slice::from_ref(&record.record)).await?;
                let status = there.into_iter().next().map(|booking| booking.status);
                Ok(Place::Record { hall, provenance, status, documents })
            }
            None if known => {
                let provenance = store::Provenance::default();
                Ok(Place::Record { hall, provenance, status: None, documents })
            }
            // Of one that is there, the policy is asked.
            None if actor.principal.jurisdiction != owner.id() => {
                self.reject(owner.id(), actor, ASKED, None, NOT_THEIRS).await
            }
            None => Err(CaseError::Unknown { kind: "record", id: record.record.clone(), hint: " in the gallery" }),
        }
    }

    /// The probe of a request, or a document that its release drew up.
    async fn find_in_case(
        &self,
        actor: &Registered,
        owner: &Arc<Chamber>,
        record: &Retained,
        known: bool,
    ) -> Result<Place, CaseError> {
        let request = self.request(owner.id(), &record.record).await?;
        let theirs = &actor.principal.jurisdiction;
        if *theirs != request.owner && *theirs != request.requester.jurisdiction {
            let reason = "only people of the gallery's jurisdiction and of the requester's take part in a request";
            return self.reject(owner.id(), actor, ASKED, Some(&record.record), reason).await;
        }
        let life = self.life(owner, &request.request.id).await?;
        let requester = self.known(&request.requester, self.clock.now()?);
        let gallery = owner.hall(&request.gallery).ok().map(|hall| hall.fact());
        let case = Box::new(Case { request, requester, gallery, life });
        if record.subject == PROBE {
            return Ok(Place::Probe(case));
        }
        let drawn = match &case.life.release {
            Some(release) => Drawn::by(release, &record.subject),
            // The account of the release may be among those that are gone.
            None if case.life.incomplete => {
                Drawn::kept(owner, &case.request.request.id, &record.subject, known).await?
            }
            None => None,
        };
        match drawn {
            Some(document) => Ok(Place::Document(case, document)),
            None => Err(CaseError::Unknown {
                kind: "record of the kind",
                id: record.subject.clone(),
                hint: "; say gallery-record, probe, audit-entry, or the id of a document that the request's release drew up",
            }),
        }
    }

    /// What the step is about.
    pub(super) async fn facts<'f>(
        &self,
        found: &'f Found,
        actor: &'f Registered,
        asking: &Asking,
    ) -> Result<Facts<'f>, CaseError> {
        let (mut attestations, mut history, mut gallery) = (Vec::new(), Past::default(), None);
        if let Place::Record { hall, .. } = &found.place {
            gallery = Some(hall.fact());
        }
        if let Some(case) = found.case() {
            let request = &case.request.request;
            let on_record =
                if case.life.attestations.is_empty() { &case.request.attestations } else { &case.life.attestations };
            attestations.clone_from(on_record);
            let case_keys: Vec<_> = request.identifiers.iter().map(case_key).collect();
            let id = Some(request.id.as_str());
            history = Past::of(&found.concerned, &actor.key(), &case_keys, id, found.now).await?;
            let counting = self.counting(&case.life).into_iter().map(|s| s.signature.clone()).collect();
            // What is to be destroyed or kept is judged on all there is.
            case.life.tell(&mut history.owner, counting, None);
            gallery.clone_from(&case.gallery);
        }
        // Whoever approves is judged on what was asked, too; and whoever asks again, on what they do not answer anew.
        if let Some(asked) = found.docket.asked.get(&found.asked_as(asking.change)) {
            let again = same_person(&asked.by, &actor.who());
            attestations.push(asked.but(|name| again && asking.answers.contains_key(name)));
        }
        if !asking.answers.is_empty() {
            attestations.push(attested(asking.answers.clone(), actor, found.now));
        }
        let outstanding = found.owed.iter().filter(|o| o.is_outstanding());
        Ok(Facts {
            now: found.now,
            actor,
            requester: found.case().and_then(|case| case.requester.as_ref()).unwrap_or(actor),
            subject: found.subject()?,
            // One that says nothing any more of its case is a fact about nothing. What is imposed is filed with it nevertheless.
            request: found.case().filter(|case| !case.request.is_bare()).map(|case| &case.request.request),
            probe: found.case().map(|case| &case.request.probe),
            gallery,
            attestations,
            history,
            owed: outstanding.map(|o| (o.jurisdiction.clone(), o.clause.clone())).collect(),
            step: Step::Retention(found.event(asking)),
        })
    }
}

/// Entries of this host's log, as they are filed: under its name. Its indices mean something else in another.
fn of_own_log(owner: &Chamber, range: EntryRange, record: Retained) -> Result<Retained, CaseError> {
    let origin = owner.log().origin();
    if is_elsewhere(&record, origin) {
        let log = record.gallery.unwrap_or_default();
        let message =
            format!("these are entries of the log `{log}`, and this host writes `{origin}`: ask the host of that log");
        return Err(CaseError::Invalid(message));
    }
    Ok(Retained { gallery: Some(origin.to_owned()), record: range.to_string(), ..record })
}

/// The entries of a range.
fn find_entries(owner: &Chamber, range: EntryRange) -> Result<Place, CaseError> {
    let size = owner.log().size();
    if range.count() > MOST_ENTRIES || range.end() > size {
        let message = format!("the log has {size} entries: name up to {MOST_ENTRIES} of them, `17` or `17-40`");
        return Err(CaseError::Invalid(message));
    }
    let leaves = walk::leaves(owner.log(), *range.indices().start()..range.end())?;
    Ok(Place::Entries(leaves.into_iter().map(|(_, leaf)| leaf).collect()))
}
