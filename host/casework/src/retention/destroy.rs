//! Destroying a record: what is kept of it, and the keys.
//!
//! What is destroyed is read back before anybody says that it is gone. Digests of images and documents go on record; nothing
//! else of them does.

use super::beside::says_what_was_purged;
use super::document::Drawn;
use super::find::{Case, Found, Place};
use crate::chamber::Casework;
use crate::error::CaseError;
use crate::intake::PROBE;
use crate::permit::{Acted, Permit};
use crate::release::{DOCUMENT, Form, sealed_id};
use model::account::{Destroyed, Leaf};
use model::terms::Digest;

impl Found {
    /// Destroys the record, as this permit allows; gives what of it there was. A purge that failed can be repeated: what is
    /// gone already is passed over.
    pub(super) async fn destroy(
        &self,
        casework: &Casework,
        permit: Permit,
    ) -> (Acted, Result<Vec<Destroyed>, CaseError>) {
        // From here on no crash brings back what is destroyed below.
        if let Err(e) = self.owner.ledger.clear().await {
            return (permit.act(), Err(e));
        }
        match &self.place {
            Place::Record { .. } => self.destroy_gallery_record(permit).await,
            Place::Probe(case) => (permit.act(), self.destroy_probe(case).await),
            Place::Document(case, document) => (permit.act(), self.destroy_document(case, document).await),
            Place::Entries(leaves) => (permit.act(), self.destroy_entries(casework, leaves).await),
            // It is pruned, not purged.
            Place::Beginning(_) => (permit.act(), Ok(Vec::new())),
        }
    }

    async fn destroy_gallery_record(&self, permit: Permit) -> (Acted, Result<Vec<Destroyed>, CaseError>) {
        let Place::Record { hall, .. } = &self.place else { return (permit.act(), Ok(Vec::new())) };
        let (store, id) = (&self.owner.store, &self.record.record);
        let gallery = &hall.registered().id;
        let photo = match store.photo(gallery, id).await {
            Ok(photo) => photo,
            Err(e) => return (permit.act(), Err(e.into())),
        };
        let (acted, removed) = hall.remove(permit, store, std::slice::from_ref(id)).await;
        let destroyed = async {
            let there = !removed?.records.is_empty();
            let left = !store.bookings(gallery, std::slice::from_ref(id)).await?.is_empty()
                || store.template(gallery, id).await?.is_some()
                || store.photo(gallery, id).await?.is_some()
                || !hall.held(std::slice::from_ref(id)).await?.is_empty();
            if left {
                return Err(CaseError::Unerased(format!("the record `{id}`")));
            }
            let mut destroyed = Vec::new();
            if there {
                destroyed.extend(["template", "booking"].map(|what| gone(what, id, None)));
                destroyed.extend(photo.map(|bytes| gone("photograph", id, Some(Digest::of(&bytes)))));
            }
            Ok(destroyed)
        };
        (acted, destroyed.await)
    }

    async fn destroy_probe(&self, case: &Case) -> Result<Vec<Destroyed>, CaseError> {
        let (store, id) = (&self.owner.store, &case.request.request.id);
        let mut there = store.destroy(PROBE, id).await?;
        if case.request.template.is_some() {
            let bare = crate::intake::OpenRequest { template: None, ..case.request.clone() };
            let body = serde_json::to_value(&bare).map_err(|e| CaseError::Log(e.to_string()))?;
            store.put_request(&store::RequestRow { id: id.clone(), opened: bare.request.opened, body }).await?;
            there = true;
        }
        let template = store.request(id).await?.is_some_and(|row| row.body["template"].is_string());
        if template || store.open_sealed(PROBE, id).await?.is_some() {
            return Err(CaseError::Unerased(format!("the probe of request `{id}`")));
        }
        // The digest is on record of every search anyway.
        Ok(there.then(|| gone(PROBE, id, Some(case.request.probe.digest))).into_iter().collect())
    }

    async fn destroy_document(&self, case: &Case, document: &Drawn) -> Result<Vec<Destroyed>, CaseError> {
        let (store, request) = (&self.owner.store, &case.request.request.id);
        let mut destroyed = Vec::new();
        for (form, digest) in [(Form::Html, document.html), (Form::Pdf, document.pdf)] {
            let id = sealed_id(request, &document.id, form);
            if store.destroy(DOCUMENT, &id).await? {
                destroyed.push(gone(DOCUMENT, &id, digest));
            }
            if store.open_sealed(DOCUMENT, &id).await?.is_some() {
                return Err(CaseError::Unerased(format!("the document `{id}`")));
            }
        }
        Ok(destroyed)
    }

    /// The accounts of entries. Those that say what was destroyed stay.
    async fn destroy_entries(&self, casework: &Casework, leaves: &[Leaf]) -> Result<Vec<Destroyed>, CaseError> {
        let ids: Vec<String> = leaves.iter().map(|leaf| leaf.id.clone()).collect();
        let going = casework.destroy_accounts(&self.owner, &ids, says_what_was_purged).await?;
        Ok(going.iter().map(|id| gone("account", id, None)).collect())
    }
}

fn gone(what: &str, id: &str, digest: Option<Digest>) -> Destroyed {
    Destroyed { what: what.to_owned(), id: id.to_owned(), digest }
}
