//! What opening a log drops from the end of its journal, and how that gets on record.
//!
//! Nothing in the log's folder tells of it afterwards. So it is marked in the database before the log is opened, and the entry
//! of the start tells of it; the mark goes with that entry. A host that dies in between tells of it at its next start.

use crate::error::CaseError;
use std::collections::BTreeMap;

/// The kind under which it is marked.
const DROPPED: &str = "torn-journal";

/// Marks what opening this log will drop, and says so.
///
/// # Errors
/// When the database does not take the mark: then the log must stay closed.
pub(crate) async fn mark(log: &audit::Prepared, rows: &store::Jurisdiction) -> Result<(), CaseError> {
    let Some(torn) = log.recovered().and_then(|recovered| recovered.torn.as_ref()) else { return Ok(()) };
    let origin = log.origin();
    if torn.cut_short {
        tracing::warn!(log = origin, "{torn}");
    } else {
        tracing::error!(log = origin, "{torn}");
    }
    let body = serde_json::json!({ "log": origin, "details": details(torn) });
    let id = format!("{origin}/{}/{}/{}", torn.file, torn.offset, torn.bytes);
    let mark = store::StandingRow { kind: DROPPED.to_owned(), id, body };
    Ok(rows.keep(&[store::Kept::Stands(mark)]).await?)
}

fn details(torn: &audit::Torn) -> BTreeMap<String, String> {
    let audit::Torn { file, offset, bytes, intact_below, claims, cut_short } = torn;
    // A word each: see `told`.
    let claims = claims
        .as_ref()
        .map_or_else(|| "unreadable".to_owned(), |claims| format!("{}-{}", claims.start, claims.end.saturating_sub(1)));
    let details = [
        ("torn-file", file.clone()),
        ("torn-offset", offset.to_string()),
        ("torn-bytes", bytes.to_string()),
        ("torn-claims", claims),
        ("torn-cut-short", cut_short.to_string()),
        ("torn-intact-below", intact_below.to_string()),
    ];
    details.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What was dropped from this log and is not on record yet, as details of an entry: a word for each time it happened. With it
/// what is to be kept with that entry.
///
/// # Errors
/// When the marks cannot be read.
pub(crate) async fn told(
    origin: &str,
    rows: &store::Jurisdiction,
) -> Result<(BTreeMap<String, String>, Vec<store::Kept>), CaseError> {
    let (mut all, mut forget) = (BTreeMap::<String, String>::new(), Vec::new());
    for mark in rows.standings(DROPPED).await? {
        if mark.body["log"] != origin {
            // Another host's to tell.
            continue;
        }
        for (name, value) in mark.body["details"].as_object().into_iter().flatten() {
            let words = all.entry(name.clone()).or_default();
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(value.as_str().unwrap_or_default());
        }
        forget.push(store::Kept::Forgotten { kind: DROPPED.to_owned(), id: mark.id });
    }
    Ok((all, forget))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;

    const ORIGIN: &str = "test/north";

    /// The log in a folder, read and not opened, with so many bytes for the header of its journal.
    fn torn_log(folder: &Path, bytes: usize) -> audit::Prepared {
        let dir = || cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
        let signer = || Arc::new(audit::Ed25519Signer::from_seed(ORIGIN, [7; 32]).unwrap());
        let log = audit::Log::open(dir(), ORIGIN, signer()).unwrap().log;
        let size = log.size();
        log.close().unwrap();
        std::fs::write(folder.join(format!("journal/{size:020}")), vec![b'M'; bytes]).unwrap();
        audit::Log::prepare(dir(), ORIGIN, signer()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_dropped_is_told_until_it_is_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
        let rows = store.jurisdiction("north").await.unwrap();
        mark(&torn_log(folder.path(), 0), &rows).await.unwrap();
        assert!(told(ORIGIN, &rows).await.unwrap().0.is_empty(), "nothing is torn");

        let log = torn_log(folder.path(), 9);
        mark(&log, &rows).await.unwrap();
        mark(&log, &rows).await.unwrap();
        let recovered = log.open().unwrap().recovered.unwrap();
        assert_eq!(recovered.torn.map(|torn| torn.bytes), Some(9));
        // The host died before it could record that, and the next thing that happened was another of them.
        mark(&torn_log(folder.path(), 16), &rows).await.unwrap();
        let (details, forget) = told(ORIGIN, &rows).await.unwrap();
        let mut bytes: Vec<_> = details["torn-bytes"].split(' ').collect();
        bytes.sort_unstable();
        assert_eq!(bytes, ["16", "9"]);
        assert_eq!(details["torn-claims"], "unreadable unreadable");
        assert!(details["torn-cut-short"].contains("true") && details["torn-cut-short"].contains("false"));
        assert_eq!((details["torn-intact-below"].as_str(), forget.len()), ("0 0", 2));
        let file = format!("journal/{:020}", 0);
        assert_eq!(details["torn-file"], format!("{file} {file}"));

        assert!(told("other/north", &rows).await.unwrap().1.is_empty(), "another log's is not told here");
        rows.keep(&forget).await.unwrap();
        assert!(told(ORIGIN, &rows).await.unwrap().0.is_empty());
    }
}
