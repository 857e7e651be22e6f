//! The sum of what a gallery holds, kept up with every change of it.
//!
//! The database cannot add it up. It is made here out of that of the generation that was read before, and the transaction that
//! writes it breaks off if somebody has changed the gallery since.

use crate::database::Patience;
use crate::engine::Answer;
use crate::error::StoreError;
use crate::gallery::GalleryState;
use crate::rows::{Row, key, number};
use crate::schema::{GENERATION, TEMPLATE};
use crate::store::Jurisdiction;
use crate::templates;
use model::multiset::{self, MultisetHash};
use model::terms::Digest;
use surrealdb::types::{Bytes, Object, RecordId, Value};

/// Breaks off a transaction on a gallery that has changed since.
pub(crate) const GUARD: [&str; 2] = [
    "LET $found = (SELECT VALUE generation FROM $generation)",
    "IF $found != $expected { THROW 'the gallery has changed' }",
];

/// What a change of a gallery has to know of it.
struct Held {
    /// Its generation, in a list; an empty list where it has no row yet.
    generation: Vec<Value>,
    holdings: MultisetHash,
}

/// What of a record the gallery's sum counts.
pub(crate) struct Counted {
    pub(crate) digest: Digest,
    pub(crate) status: String,
}

impl Counted {
    pub(crate) fn element(&self, id: &str) -> Digest {
        multiset::record(id, self.digest, &self.status)
    }
}

impl Jurisdiction {
    /// Runs statements that change a gallery, again while somebody else changes it at the same time: `gone` leaves the sum
    /// of what it holds, and `come` is added to it.
    pub(crate) async fn change(
        &self,
        gallery: &str,
        statements: &[&'static str],
        mut vars: Object,
        gone: Option<Digest>,
        come: &MultisetHash,
    ) -> Result<Answer, StoreError> {
        vars.insert("generation", RecordId::new(GENERATION, key(gallery)));
        let mut patience = Patience::default();
        loop {
            let Held { generation, mut holdings } = self.held(gallery).await?;
            if let Some(gone) = gone {
                holdings.remove(gone);
            }
            holdings.unite(come);
            vars.insert("expected", generation);
            vars.insert("holdings", Bytes::from(holdings.to_bytes()));
            match self.db.client.ask(statements, vars.clone()).await {
                Err(StoreError::Conflict) if patience.left() => {}
                outcome => return outcome,
            }
            patience.pause().await;
        }
    }

    async fn held(&self, gallery: &str) -> Result<Held, StoreError> {
        let Some(mut row) = self.db.find(GENERATION, key(gallery)).await? else {
            return Ok(Held { generation: Vec::new(), holdings: MultisetHash::default() });
        };
        let (generation, records) = (row.number("generation")?, row.natural("records")?);
        let holdings = match holdings(&mut row)? {
            Some(holdings) => holdings,
            None if records == 0 => MultisetHash::default(),
            None => return Err(row.damaged("it does not say what it holds, which loading the gallery once mends")),
        };
        Ok(Held { generation: vec![number(generation)], holdings })
    }

    /// What a record counts as, by what is kept with its template; absent if there is none.
    pub(crate) async fn counted(&self, gallery: &str, id: &str) -> Result<Option<Counted>, StoreError> {
        let Some(mut row) = self.db.find(TEMPLATE, templates::key_in(gallery, id)).await? else { return Ok(None) };
        Ok(Some(Counted { digest: row.digest("digest")?, status: row.text("status")? }))
    }
}

/// The state that a gallery's row says it is in. One that says nothing of what it holds is of an older program: its sum is
/// that of nothing, which no gallery with records has.
pub(crate) fn state_of(row: &mut Row) -> Result<GalleryState, StoreError> {
    Ok(GalleryState {
        generation: row.natural("generation")?,
        records: row.natural("records")?,
        stamp: row.text_if_any("stamp").unwrap_or_default(),
        holdings: holdings(row)?.unwrap_or_default(),
    })
}

/// The sum of what a gallery holds, if its row says it.
fn holdings(row: &mut Row) -> Result<Option<MultisetHash>, StoreError> {
    let Some(bytes) = row.bytes_if_any("holdings") else { return Ok(None) };
    let bytes: &[u8] = &bytes;
    MultisetHash::from_bytes(bytes).map(Some).ok_or_else(|| row.damaged("`holdings` is no sum"))
}
