//! How far a log was known to be durable, kept in the database.
//!
//! A log's folder cannot tell that it was put back to an earlier copy, or that another history is in its place: each is sound in
//! itself. Whoever went on from there would sign a fork. So whatever is written to the database behind the log says with it how
//! far the log was by then, and with which root; a start compares that with what it finds, before it changes anything, and so does
//! whoever reads what rides on a journal. It is never ahead of what is durable: the tree that is acknowledged is
//! ([`audit::Log::root`]).

use crate::error::CaseError;
use model::terms::Digest;
use serde::{Deserialize, Serialize};

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
    pub(crate) fn compare(&self, log: &audit::Prepared) -> Result<(), audit::OpenError> {
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

    /// Whether a log holds what the database knows that it held.
    async fn compare(
        log: &audit::Prepared,
        rows: &store::Jurisdiction,
    ) -> Result<Result<(), audit::OpenError>, CaseError> {
        Ok(known(log.origin(), rows).await?.map_or(Ok(()), |known| known.compare(log)))
    }

    /// A log of these entries, closed.
    async fn written(folder: &Path, entries: &[&str]) {
        let log = prepared(folder, ORIGIN).open().unwrap().log;
        for entry in entries {
            log.append(entry.as_bytes().to_vec()).await.unwrap();
        }
        log.close().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_is_not_what_the_database_knows_is_told_from_one_that_went_on() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| home.path().join(name);
        let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
        let rows = store.jurisdiction("north").await.unwrap();
        let log = prepared(&folder("log"), ORIGIN).open().unwrap().log;
        assert!(mark(&log).is_none(), "nothing is in it");
        log.close().unwrap();
        assert!(compare(&prepared(&folder("log"), ORIGIN), &rows).await.unwrap().is_ok(), "nothing is known of it");

        written(&folder("log"), &["a", "b"]).await;
        let log = prepared(&folder("log"), ORIGIN).open().unwrap().log;
        rows.keep(&[mark(&log).unwrap()]).await.unwrap();
        log.close().unwrap();
        written(&folder("went-on"), &["a", "b", "c"]).await;
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
}
