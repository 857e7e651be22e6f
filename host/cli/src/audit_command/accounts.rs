//! Entries of a log with their accounts: the leaf from the log's folder, the account from the database; or, where a host that was
//! killed has not brought it there yet, from the log's journal, on which it rides sealed under the same key.

use super::{Log, parse_leaf};
use crate::config::Config;
use anyhow::Context as _;
use casework::watermark;
use model::account::{Account, Event, Kind, Leaf};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries read at once: four bundles of the log, and one question to the database.
pub(crate) const AT_ONCE: u64 = 1024;

/// So many of the last entries may have accounts that are still on their way to a database server.
const LATE: u64 = 8 * AT_ONCE;

/// How long such accounts are waited for, and how long between two questions.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(250);

/// One entry and its account.
pub(crate) struct Told {
    pub(crate) index: u64,
    /// The leaf: exactly the bytes that were hashed.
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf: Leaf,
    /// The account with its salt; absent once purged.
    pub(crate) row: Option<store::AccountRow>,
    /// Whether the account was found on the log's journal alone, from where the next start brings it to the database.
    pub(crate) rides: bool,
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

    /// Whether this, which is its account, is the one that the leaf commits to, and says what the leaf says.
    pub(crate) fn is_verified(&self, account: &Account) -> bool {
        self.committed() == Some(true) && self.leaf.agrees_with(account).is_ok()
    }

    /// As [`destroyed_accounts`]; none where the account cannot be read, or is not the one committed to.
    pub(crate) fn destroyed(&self) -> Vec<String> {
        match self.account() {
            Ok(Some(account)) if self.committed() == Some(true) => destroyed_accounts(self.leaf.kind, &account.event),
            _ => Vec::new(),
        }
    }
}

/// The entries whose accounts this one tells were destroyed by a purge, by their ids.
pub(crate) fn destroyed_accounts(kind: Kind, event: &Event) -> Vec<String> {
    match event {
        Event::Purged { destroyed, .. } if kind == Kind::Outcome => {
            destroyed.iter().filter(|d| d.what == "account").map(|d| d.id.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The entries of a log whose accounts a purge on record destroyed, by their ids.
pub(crate) async fn purged(log: &Log, store: &store::Store) -> anyhow::Result<BTreeSet<String>> {
    let mut reader = Reader::open(log, store).await?;
    let mut destroyed = BTreeSet::new();
    while let Some(told) = reader.next(|_, leaf| leaf.kind == Kind::Outcome).await? {
        destroyed.extend(told.iter().flat_map(Told::destroyed));
    }
    Ok(destroyed)
}

/// Entries without an account, by their indices: those that a purge on record took theirs from, and those where it is missing.
pub(crate) fn told_apart(gone: Vec<(u64, String)>, destroyed: &BTreeSet<String>) -> (Vec<u64>, Vec<u64>) {
    let (purged, missing): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(_, id)| destroyed.contains(id));
    let indices = |some: Vec<(u64, String)>| some.into_iter().map(|(index, _)| index).collect();
    (indices(purged), indices(missing))
}

/// Opens the database that a configuration names.
pub(crate) async fn database(config: &Config) -> anyhow::Result<store::Store> {
    crate::store_command::whole(config)?;
    let opened = config.database()?.await;
    opened.context("accounts are in the database, and an embedded one belongs to its server while that runs")
}

/// Reads a log from its first entry that is not pruned to its checkpoint.
pub(crate) struct Reader {
    snapshot: Arc<audit::Snapshot>,
    rows: store::Jurisdiction,
    /// Whether what rides on the log's journal counts.
    riders_count: bool,
    next: u64,
}

impl Reader {
    /// A reader of a configuration's log and its part of the database.
    pub(crate) async fn open(log: &Log, store: &store::Store) -> anyhow::Result<Self> {
        let rows = store.jurisdiction(&log.jurisdiction).await?;
        // Before the log is read: where a host goes on with both, its log is never behind.
        let known = watermark::known(log.key.name(), &rows).await?;
        let snapshot = Arc::new(log.snapshot()?);
        // What rides on an earlier copy of the log may have been destroyed since.
        let riders_count = known.map_or(Ok(true), |known| known.is_in(&snapshot))?;
        let next = snapshot.minimum_index();
        Ok(Self { snapshot, rows, riders_count, next })
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

    /// Goes back to the first entry that is not pruned.
    pub(crate) fn rewind(&mut self) {
        self.next = self.snapshot.minimum_index();
    }

    /// The next entries, those that are wanted by their public part; `None` at the end.
    pub(crate) async fn next(&mut self, wanted: impl Fn(u64, &Leaf) -> bool) -> anyhow::Result<Option<Vec<Told>>> {
        let end = self.snapshot.size().min(self.next + AT_ONCE);
        if self.next >= end {
            return Ok(None);
        }
        let told = self.told(self.next..end, wanted).await?;
        self.next = end;
        Ok(Some(told))
    }

    /// Entries with their accounts, as the database has them or the next start will. What a purge destroys is cleared off the
    /// journal before, so that nothing comes back from there.
    async fn told(&self, range: Range<u64>, wanted: impl Fn(u64, &Leaf) -> bool) -> anyhow::Result<Vec<Told>> {
        let mut told = self.kept(range, wanted).await?;
        for entry in told.iter_mut().filter(|entry| self.riders_count && entry.row.is_none()) {
            entry.row = self.riding(entry)?;
            entry.rides = entry.row.is_some();
        }
        Ok(told)
    }

    /// The account that rides on an entry of the journal, if there is one.
    fn riding(&self, entry: &Told) -> anyhow::Result<Option<store::AccountRow>> {
        let Some(rider) = self.snapshot.rider(entry.index) else { return Ok(None) };
        let kept = self.rows.unpack(rider);
        let kept = kept.with_context(|| format!("what rides on entry {} in the log's journal", entry.index))?;
        let account = |item: store::Kept| if let store::Kept::Account(row) = item { Some(row) } else { None };
        Ok(kept.into_iter().filter_map(account).find(|row| row.id == entry.leaf.id))
    }

    /// Entries with their accounts as the database has them.
    async fn kept(&self, range: Range<u64>, wanted: impl Fn(u64, &Leaf) -> bool) -> anyhow::Result<Vec<Told>> {
        let mut told = Vec::new();
        for (index, bytes) in self.snapshot.entries(range)? {
            let leaf = parse_leaf(index, &bytes)?;
            if wanted(index, &leaf) {
                told.push(Told { index, bytes, leaf, row: None, rides: false });
            }
        }
        let ids: Vec<String> = told.iter().map(|t| t.leaf.id.clone()).collect();
        for (entry, row) in told.iter_mut().zip(self.rows.accounts(&ids).await?) {
            entry.row = row;
        }
        Ok(told)
    }

    /// Waits, for some seconds at most, until the accounts of the last entries are there. An account is written once its entry is
    /// durable, and whoever reads a database server beside the host may come in between. For those that a purge on record
    /// destroyed nobody waits.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        if !self.rows.of_several_hosts() {
            // An embedded database is open here: nobody else writes to it.
            return Ok(());
        }
        let end = self.snapshot.size();
        let mut next = end.saturating_sub(LATE).max(self.snapshot.minimum_index());
        let (mut missing, mut destroyed) = (Vec::<Told>::new(), BTreeSet::<String>::new());
        while next < end {
            let until = end.min(next + AT_ONCE);
            for told in self.kept(next..until, |_, _| true).await? {
                destroyed.extend(told.destroyed());
                if told.row.is_none() {
                    missing.push(told);
                }
            }
            next = until;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            missing.retain(|told| told.row.is_none() && !destroyed.contains(&told.leaf.id));
            if missing.is_empty() || Instant::now() >= until {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
            let ids: Vec<String> = missing.iter().map(|told| told.leaf.id.clone()).collect();
            for (told, row) in missing.iter_mut().zip(self.rows.accounts(&ids).await?) {
                told.row = row;
                destroyed.extend(told.destroyed());
            }
        }
    }
}
