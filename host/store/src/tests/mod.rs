//! What this crate promises, tried on the real engine.

mod erasure;
mod galleries;
mod hosts;
mod keeping;
mod opening;
mod sealing;
mod secrecy;
mod speed;

use crate::{AccountRow, Jurisdiction, Kept, MasterKey, NewRecord, Provenance, Store, StoreError, StoredTemplate};
use model::multiset::MultisetHash;
use surrealdb::types::{Object, Value};

/// Ids that would be something else if they were ever spliced into a statement, or would end a key early.
const HOSTILE: [&str; 16] = [
    "'",
    "\"",
    "`",
    "⟩",
    "⟨a⟩",
    "a:b",
    "a/b",
    "account:x",
    "日本 語",
    "a\u{0}b",
    "\\",
    "'; DELETE account; --",
    "$id",
    "NONE",
    "[1]",
    "0190d3f5-7a3e-7c6e-9f3b-2f4c5d6e7f80",
];

async fn open(url: &str, key: u8) -> Result<Store, StoreError> {
    Store::open(url, None, MasterKey::from_bytes([key; 32])).await
}

/// A jurisdiction in memory.
async fn north() -> Jurisdiction {
    open("mem://", 1).await.unwrap().jurisdiction("north").await.unwrap()
}

/// Runs one statement past the crate's own methods.
async fn raw(jurisdiction: &Jurisdiction, statement: &'static str, vars: Object) -> Vec<Value> {
    let statements = [statement];
    jurisdiction.db.client.ask(&statements, vars).await.unwrap().values(0).unwrap()
}

/// A record whose template nobody else's seed gives.
fn record(id: &str, seed: u32) -> NewRecord {
    let angle = seed as f32 / 1000.0;
    NewRecord {
        id: id.to_owned(),
        template: vec![angle.cos(), angle.sin(), 0.0, 0.0],
        model: "m".to_owned(),
        status: "active".to_owned(),
        booking: [("name".to_owned(), format!("Name of {id}"))].into(),
        photo: None,
        provenance: Provenance::default(),
    }
}

impl Jurisdiction {
    /// Keeps accounts, all of them or none.
    async fn put_accounts(&self, rows: &[AccountRow]) -> Result<(), StoreError> {
        self.keep(&rows.iter().cloned().map(Kept::Account).collect::<Vec<_>>()).await
    }

    /// The account of one entry.
    async fn account(&self, entry_id: &str) -> Result<Option<AccountRow>, StoreError> {
        Ok(self.accounts(&[entry_id.to_owned()]).await?.pop().flatten())
    }
}

async fn load(jurisdiction: &Jurisdiction, gallery: &str) -> Result<(u64, Vec<StoredTemplate>), StoreError> {
    let mut templates = Vec::new();
    let state = jurisdiction.load_templates(gallery, &mut |page| templates.extend(page)).await?;
    templates.sort_by(|a, b| a.id.cmp(&b.id));
    let sum: MultisetHash = templates.iter().map(StoredTemplate::element).collect();
    assert_eq!(sum, state.holdings, "what a gallery holds is what it says it holds");
    Ok((state.generation, templates))
}
