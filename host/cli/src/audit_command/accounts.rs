//! Entries of a log with their accounts: the leaf from the log's folder, the account from the database.

use super::{Log, parse_leaf};
use crate::config::{self, Config};
use anyhow::Context as _;
use model::account::{Account, Leaf};
use std::sync::Arc;

/// Entries read at once: four bundles of the log, and one question to the database.
pub(crate) const AT_ONCE: u64 = 1024;

/// One entry and its account.
pub(crate) struct Told {
    pub(crate) index: u64,
    /// The leaf: exactly the bytes that were hashed.
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf: Leaf,
    /// The account with its salt; absent once purged.
    pub(crate) row: Option<store::AccountRow>,
}

impl Told {
    /// Whether the account is the one that the leaf commits to; absent once purged.
    pub(crate) fn committed(&self) -> Option<bool> {
        self.row.as_ref().map(|row| audit::commitment(&row.salt, &row.plain) == self.leaf.account.0)
    }

    /// The account; absent once purged.
    pub(crate) fn account(&self) -> anyhow::Result<Option<Account>> {
        let parse = |row: &store::AccountRow| serde_json::from_slice(&row.plain);
        let account = self.row.as_ref().map(parse).transpose();
        account.with_context(|| format!("the account of entry {} cannot be read", self.index))
    }
}

/// Opens the database that a configuration names.
pub(crate) async fn database(config: &Config) -> anyhow::Result<store::Store> {
    crate::store_command::whole(config)?;
    config.keep_database_private()?;
    let key = store::MasterKey::from_bytes(config::secret(&config.store.key)?);
    let opened = store::Store::open(&config.store.url, config.credentials()?.as_ref(), key).await;
    opened.context("accounts are in the database, and an embedded one belongs to its server while that runs")
}

/// Reads a log from its first entry that is not pruned to its checkpoint.
pub(crate) struct Reader {
    snapshot: Arc<audit::Snapshot>,
    rows: store::Jurisdiction,
    next: u64,
}

impl Reader {
    /// A reader of a configuration's log and its part of the database.
    pub(crate) async fn open(log: &Log, store: &store::Store) -> anyhow::Result<Self> {
        let rows = store.jurisdiction(&log.jurisdiction).await?;
        let snapshot = Arc::new(log.snapshot()?);
        let next = snapshot.minimum_index();
        Ok(Self { snapshot, rows, next })
    }

    /// The log it reads.
    pub(crate) fn snapshot(&self) -> &Arc<audit::Snapshot> {
        &self.snapshot
    }

    /// The jurisdiction's part of the database.
    pub(crate) fn rows(&self) -> &store::Jurisdiction {
        &self.rows
    }

    /// How many entries have been read, pruned ones included.
    pub(crate) fn done(&self) -> u64 {
        self.next
    }

    /// The next entries, those that are wanted by their public part; `None` at the end.
    pub(crate) async fn next(&mut self, wanted: impl Fn(u64, &Leaf) -> bool) -> anyhow::Result<Option<Vec<Told>>> {
        let end = self.snapshot.size().min(self.next + AT_ONCE);
        if self.next >= end {
            return Ok(None);
        }
        let mut told = Vec::new();
        for (index, bytes) in self.snapshot.entries(self.next..end)? {
            let leaf = parse_leaf(index, &bytes)?;
            if wanted(index, &leaf) {
                told.push(Told { index, bytes, leaf, row: None });
            }
        }
        let ids: Vec<String> = told.iter().map(|t| t.leaf.id.clone()).collect();
        for (entry, row) in told.iter_mut().zip(self.rows.accounts(&ids).await?) {
            entry.row = row;
        }
        self.next = end;
        Ok(Some(told))
    }
}
