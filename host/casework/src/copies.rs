//! Which documents hold which gallery record.
//!
//! A document that a release drew up shows its candidates, and outlives what happens to their records. Which hold a record is
//! kept in the commit of the release, so that whoever destroys the record is told what is left of it, and forgotten in that of
//! the document's own purge. Where the account of the release is gone by then, nobody can say whose documents to forget: the
//! document's docket says that it is destroyed.

use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::retention::Docket;
use model::account::{Document, Retained};

/// The documents with a record in them are kept under a kind of its own. Nobody has to be told of a change.
fn kind(gallery: &str, record: &str) -> String {
    format!("released {}:{gallery}/{record}", gallery.len())
}

/// The rows that say that these documents of a request hold these records of a gallery: to be kept with the release.
pub(crate) fn kept(gallery: &str, records: &[String], request: &str, documents: &[Document]) -> Vec<store::Kept> {
    let row = |record: &String, document: &Document| {
        let body = serde_json::json!({ "request": request, "document": document.id });
        let (kind, id) = (kind(gallery, record), id(request, &document.id));
        store::Kept::Stands(store::StandingRow { kind, id, body })
    };
    records.iter().flat_map(|record| documents.iter().map(move |document| row(record, document))).collect()
}

/// That a document of a request holds these records no more: to be kept with its purge.
pub(crate) fn forgotten(gallery: &str, records: &[String], request: &str, document: &str) -> Vec<store::Kept> {
    let row = |record: &String| store::Kept::Forgotten { kind: kind(gallery, record), id: id(request, document) };
    records.iter().map(row).collect()
}

/// The documents with a record in them, as their own purge names them. Whoever asks has waited for what is on its way to the
/// database.
///
/// # Errors
/// [`CaseError`] when they cannot be read.
pub(crate) async fn with(owner: &Chamber, gallery: &str, record: &str) -> Result<Vec<Retained>, CaseError> {
    let rows = owner.store.standings(&kind(gallery, record)).await?;
    let mut there = Vec::with_capacity(rows.len());
    for row in rows {
        let document = read(&row)?;
        let docket = owner.store.retention(&document.subject, "", &document.record).await?;
        if docket.map(Docket::read).transpose()?.is_none_or(|docket| docket.purged.is_none()) {
            there.push(document);
        }
    }
    Ok(there)
}

fn read(row: &store::StandingRow) -> Result<Retained, CaseError> {
    let named = |name: &str| row.body[name].as_str().map(str::to_owned);
    match (named("document"), named("request")) {
        (Some(subject), Some(record)) => Ok(Retained { subject, gallery: None, record }),
        _ => Err(CaseError::Log(format!("what is kept of the document `{}` cannot be read", row.id))),
    }
}

fn id(request: &str, document: &str) -> String {
    format!("{request}/{document}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::terms::Digest;

    fn document(id: &str) -> Document {
        Document { id: id.to_owned(), html: Digest::default(), pdf: Digest::default() }
    }

    #[test]
    fn each_document_is_kept_with_each_record_and_forgotten_alone() {
        let records = ["a".to_owned(), "b".to_owned()];
        let kept = kept("g", &records, "q", &[document("report"), document("letter")]);
        assert_eq!(kept.len(), 4);
        let mut places = std::collections::BTreeSet::new();
        for row in &kept {
            let store::Kept::Stands(row) = row else { panic!("not a standing") };
            assert!(places.insert((row.kind.clone(), row.id.clone())));
            let found = read(row).unwrap();
            assert_eq!((found.gallery, found.record.as_str()), (None, "q"));
            assert!(["report", "letter"].contains(&found.subject.as_str()));
        }
        for row in forgotten("g", &records, "q", "report") {
            let store::Kept::Forgotten { kind, id } = row else { panic!("not forgotten") };
            assert!(places.remove(&(kind, id)));
        }
        assert_eq!(places.len(), 2, "those of the letter");
    }

    #[test]
    fn no_two_records_share_a_kind_and_what_cannot_be_read_is_said() {
        assert_ne!(kind("g", "a/b"), kind("g/a", "b"));
        let bad = store::StandingRow { kind: kind("g", "a"), id: "x".into(), body: serde_json::json!({}) };
        assert!(read(&bad).is_err());
    }
}
