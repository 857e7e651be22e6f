//! How far a log was known to be durable, kept in the database, and whether the database is as far itself.
//!
//! A log's folder cannot tell that it was put back to an earlier copy, or that another history is in its place: each is sound in
//! itself. Whoever went on from there would sign a fork. So whatever is written to the database behind the log says with it how
//! far the log was by then, and with which root; a start compares that with what it finds, before it changes anything, and so does
//! whoever reads what rides on a journal. It is never ahead of what is durable: the tree that is acknowledged is
//! ([`audit::Log::root`]).
//!
//! It may be behind the log, by what a crash kept from the database: that rides on the journal. Behind the journal's beginning it is
//! not, since entries leave the journal once the database has what rode on them. Where it is, the database is another one or an
//! earlier copy, and what those entries left, suspensions and obligations among it, is nowhere any more. A start that brought what
//! rode to the database and then broke off wrote no mark; but then the account of the last entry before the journal is there.

use crate::error::CaseError;
use model::account::Leaf;
use model::terms::Digest;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The kind under which it is kept.
const WATERMARK: &str = "log-watermark";

/// A log of which so much was durable.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Entries.
    size: u64,
    /// The root of the tree over them.
    root: Digest,
}

impl Watermark {
    /// Whether a log, as it is in its folder, holds this unchanged. What rides on the journal of one that does not, an earlier copy
    /// as a rule, may have been destroyed since.
    ///
    /// # Errors
    /// [`audit::ReadError`] where a file that tells it is damaged.
    pub fn is_in(&self, log: &audit::Snapshot) -> Result<bool, audit::ReadError> {
        log.holds(self.size, self.root.0)
    }

    /// The same of a log that is to be opened. May read a file.
    ///
    /// # Errors
    /// [`audit::OpenError`], where it does not or cannot tell.
    fn compare(&self, log: &audit::Prepared) -> Result<(), audit::OpenError> {
        log.extends(self.size, self.root.0)
    }
}

/// How far the database knows that the log of this origin was; nothing where an older program left it, or no entry is known.
///
/// # Errors
/// When the database cannot be read; [`CaseError::Unreadable`] where it does not say how far the log was.
pub async fn known(origin: &str, rows: &store::Jurisdiction) -> Result<Option<Watermark>, CaseError> {
    let row = rows.standing(WATERMARK, origin).await?;
    let known = row.map(|row| serde_json::from_value(row.body)).transpose();
    known.map_err(|e| CaseError::Unreadable(format!("how far the log `{origin}` was: {e}; restore the database")))
}

/// How far a log is by now: to be kept with whatever is written behind it. An empty one has nothing to lose.
pub(crate) fn mark(log: &audit::Log) -> Option<store::Kept> {
    let (size, root) = log.root();
    let body = serde_json::to_value(Watermark { size, root: Digest(root) }).ok()?;
    // Among several hosts each has its own log.
    let row = store::StandingRow { kind: WATERMARK.to_owned(), id: log.origin().to_owned(), body };
    (size > 0).then_some(store::Kept::Stands(row))
}

/// What left a log's journal, and the database's mark does not say that it has: only its accounts can tell.
pub(crate) struct Unproven {
    /// The entries: from where the mark ends to where the journal begins.
    entries: Range<u64>,
    /// The id of the last of them; absent where nothing tells it.
    last: Option<String>,
}

impl Unproven {
    /// Whether the database has it all the same.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn prove(self, rows: &store::Jurisdiction) -> Result<Result<(), audit::OpenError>, CaseError> {
        let accounts = match self.last {
            Some(id) => rows.accounts(&[id]).await?,
            None => Vec::new(),
        };
        let has = accounts.iter().any(Option::is_some);
        let Range { start: known, end: begins } = self.entries;
        Ok(if has { Ok(()) } else { Err(audit::OpenError::DatabaseSetBack { known, begins }) })
    }
}

/// Whether a log that is to be opened holds, unchanged, what the database knows that it held; gives what left its journal and is not
/// known of. A log of which the database knows nothing, as older programs left it, holds that. May read files.
///
/// # Errors
/// [`audit::OpenError`], where it does not or cannot tell.
pub(crate) fn unproven(known: Option<&Watermark>, log: &audit::Prepared) -> Result<Option<Unproven>, audit::OpenError> {
    let known = match known {
        Some(mark) => {
            mark.compare(log)?;
            mark.size
        }
        None => 0,
    };
    let begins = log.journal_begins();
    if known >= begins {
        return Ok(None);
    }
    let last = match log.entry(begins.saturating_sub(1)) {
        Ok(entry) => serde_json::from_slice::<Leaf>(&entry).ok().map(|leaf| leaf.id),
        Err(audit::ReadError::Directory(unread)) => return Err(unread.into()),
        // It was pruned: nothing tells that the database had it.
        Err(_) => None,
    };
    Ok(Some(Unproven { entries: known..begins, last }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;

    const ORIGIN: &str = "test/north";

    fn prepared(folder: &Path, origin: &str) -> audit::Prepared {
        std::fs::create_dir_all(folder).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let signer = audit::Ed25519Signer::from_seed(origin, [7; 32]).unwrap();
        audit::Log::prepare(dir, origin, Arc::new(signer)).unwrap()
    }

    /// Whether a log holds what the database knows that it held, and the database what left the log's journal.
    async fn compare(
        log: &audit::Prepared,
        rows: &store::Jurisdiction,
    ) -> Result<Result<(), audit::OpenError>, CaseError> {
        let known = known(log.origin(), rows).await?;
        match unproven(known.as_ref(), log) {
            Ok(Some(unproven)) => unproven.prove(rows).await,
            Ok(None) => Ok(Ok(())),
            Err(other) => Ok(Err(other)),
        }
    }

    /// A log of these entries, closed. This rides on each, for the database to have; where nothing does, it has it.
    async fn riding(folder: &Path, entries: &[&str], rider: &[u8]) {
        let log = prepared(folder, ORIGIN).open().unwrap().log;
        for entry in entries {
            log.append_with(entry.as_bytes().to_vec(), rider.to_vec()).await.unwrap();
        }
        log.close().unwrap();
    }

    async fn written(folder: &Path, entries: &[&str]) {
        riding(folder, entries, b"").await;
    }

    async fn empty() -> store::Jurisdiction {
        let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
        store.jurisdiction("north").await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_is_not_what_the_database_knows_is_told_from_one_that_went_on() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| home.path().join(name);
        let rows = empty().await;
        let log = prepared(&folder("log"), ORIGIN).open().unwrap().log;
        assert!(mark(&log).is_none(), "nothing is in it");
        log.close().unwrap();
        assert!(compare(&prepared(&folder("log"), ORIGIN), &rows).await.unwrap().is_ok(), "nothing is known of it");

        written(&folder("log"), &["a", "b"]).await;
        let log = prepared(&folder("log"), ORIGIN).open().unwrap().log;
        rows.keep(&[mark(&log).unwrap()]).await.unwrap();
        log.close().unwrap();
        riding(&folder("went-on"), &["a", "b", "c"], b"what a crash kept from the database").await;
        written(&folder("earlier"), &["a"]).await;
        written(&folder("other"), &["a", "x"]).await;
        written(&folder("other-and-longer"), &["a", "x", "c"]).await;
        let found = async |name: &str| compare(&prepared(&folder(name), ORIGIN), &rows).await.unwrap();
        assert!(found("log").await.is_ok() && found("went-on").await.is_ok());
        let seen = known(ORIGIN, &rows).await.unwrap().unwrap();
        let key =
            audit::Signer::verifier_key(&audit::Ed25519Signer::from_seed(ORIGIN, [7; 32]).unwrap()).parse().unwrap();
        for (name, is_in) in [("log", true), ("went-on", true), ("earlier", false), ("other", false)] {
            let dir = cap_std::fs::Dir::open_ambient_dir(folder(name), cap_std::ambient_authority()).unwrap();
            assert_eq!(seen.is_in(&audit::Snapshot::open(&dir, &key).unwrap()).unwrap(), is_in, "{name}");
        }
        assert_eq!(known("test/south", &rows).await.unwrap(), None);
        for (name, entries) in [("earlier", 1), ("nothing", 0)] {
            let refused = found(name).await.unwrap_err();
            assert!(matches!(refused, audit::OpenError::SetBack { known: 2, found, .. } if found == entries));
            assert!(refused.is_another_history() && !refused.may_pass(), "{refused}");
        }
        for name in ["other", "other-and-longer"] {
            assert!(matches!(found(name).await, Err(audit::OpenError::Forked { known: 2 })), "{name}");
        }
        let another = prepared(&folder("another"), "test/south");
        assert!(compare(&another, &rows).await.unwrap().is_ok(), "it is of one log");
        rows.keep(&[store::Kept::Stands(store::StandingRow {
            kind: WATERMARK.to_owned(),
            id: ORIGIN.to_owned(),
            body: serde_json::json!({ "size": 2 }),
        })])
        .await
        .unwrap();
        let unread = compare(&prepared(&folder("log"), ORIGIN), &rows).await;
        assert!(matches!(unread, Err(CaseError::Unreadable(why)) if why.contains(ORIGIN)));
    }

    /// An entry with an id, as a log has it.
    fn entry(id: &str) -> String {
        let leaf = Leaf {
            v: 1,
            id: id.to_owned(),
            kind: model::account::Kind::Host,
            at: model::terms::Instant(1),
            phase: None,
            verdict: None,
            policies: vec![],
            of: None,
            account: Digest::default(),
        };
        serde_json::to_string(&leaf).unwrap()
    }

    fn account(id: &str) -> store::Kept {
        store::Kept::Account(store::AccountRow { id: id.to_owned(), salt: [1; 32], plain: b"{}".to_vec() })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_lacks_what_left_the_journal_is_told_from_one_that_a_crash_left_behind() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| home.path().join(name);
        let entries = ["a", "b", "c"].map(entry);
        let entries = entries.each_ref().map(String::as_str);
        let found = async |name: &str, rows: &store::Jurisdiction| {
            compare(&prepared(&folder(name), ORIGIN), rows).await.unwrap()
        };

        let (rows, other) = (empty().await, empty().await);
        riding(&folder("riding"), &entries, b"x").await;
        assert!(found("riding", &rows).await.is_ok(), "the first commit had not come yet: all of it rides");
        written(&folder("left"), &entries).await;
        let refused = found("left", &rows).await.unwrap_err();
        assert!(matches!(refused, audit::OpenError::DatabaseSetBack { known: 0, begins: 3 }), "{refused}");
        assert!(refused.is_another_history() && !refused.may_pass() && refused.to_string().contains("entries 0 to 2"));

        // An earlier copy: it knows of one entry.
        written(&folder("earlier"), &entries[..1]).await;
        let log = prepared(&folder("earlier"), ORIGIN).open().unwrap().log;
        for rows in [&rows, &other] {
            rows.keep(&[mark(&log).unwrap(), account("a")]).await.unwrap();
        }
        log.close().unwrap();
        let refused = found("left", &rows).await.unwrap_err();
        assert!(matches!(refused, audit::OpenError::DatabaseSetBack { known: 1, begins: 3 }), "{refused}");
        rows.keep(&[account("b")]).await.unwrap();
        assert!(found("left", &rows).await.is_err(), "the last one is missing");

        // A start brought what rode to the database, emptied the journal and was killed before it kept how far the log is.
        rows.keep(&[account("c")]).await.unwrap();
        assert!(found("left", &rows).await.is_ok());
        let log = prepared(&folder("left"), ORIGIN).open().unwrap().log;
        other.keep(&[mark(&log).unwrap()]).await.unwrap();
        log.close().unwrap();
        assert!(found("left", &other).await.is_ok(), "what it knows of it has had, whatever was purged since");
    }
}
