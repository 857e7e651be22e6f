//! A document that the release of a request drew up, found.
//!
//! The account of the release says what was drawn up. Once that is purged the document is still there, and has to go in its turn:
//! it is found as it is sealed, and obligations say when it was released.

use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::life::Release;
use crate::obligations::{Owed, Standing};
use crate::release::{DOCUMENT, Form, sealed_id};
use crate::unfinished::sealed;
use model::rulings::Duty;
use model::terms::{Digest, Instant};

/// A document and what is known of it.
pub(super) struct Drawn {
    /// Its id, as the policy demanded it.
    pub(super) id: String,
    /// Digest of the HTML; absent where that is gone or cannot be opened.
    pub(super) html: Option<Digest>,
    /// Digest of the PDF; as with the HTML.
    pub(super) pdf: Option<Digest>,
    /// When it was released, as far as anybody knows.
    pub(super) at: Option<Instant>,
    /// The gallery records that are in it; none where nobody knows any more.
    pub(super) records: Vec<String>,
}

impl Drawn {
    /// A document of this id, if the release drew one up.
    pub(super) fn by(release: &Release, id: &str) -> Option<Self> {
        let document = release.documents.iter().find(|document| document.id == id)?;
        Some(Self {
            id: document.id.clone(),
            html: Some(document.html),
            pdf: Some(document.pdf),
            at: Some(release.at),
            records: release.candidates.clone(),
        })
    }

    /// A document of this id, by what is kept of it beside the account of its release. `known` where it has a docket: its purge
    /// may have broken off, or be over.
    ///
    /// # Errors
    /// [`CaseError`] when it cannot be read.
    pub(super) async fn kept(owner: &Chamber, request: &str, id: &str, known: bool) -> Result<Option<Self>, CaseError> {
        let store = &owner.store;
        let html = sealed(store, DOCUMENT, &sealed_id(request, id, Form::Html)).await?;
        let pdf = sealed(store, DOCUMENT, &sealed_id(request, id, Form::Pdf)).await?;
        if html.is_none() && pdf.is_none() && !known {
            return Ok(None);
        }
        let mut at = None;
        for row in store.obligations_of_request(request).await? {
            let owed = Owed::read(row)?;
            if matches!(&owed.duty, Duty::Document(demanded) if demanded == id) {
                // One that the release demanded itself is since then, and nothing meets it.
                let released = if let Standing::Met { at, .. } = owed.standing { at } else { owed.since };
                at = at.max(Some(released));
            }
        }
        Ok(Some(Self { id: id.to_owned(), html: html.flatten(), pdf: pdf.flatten(), at, records: Vec::new() }))
    }
}
