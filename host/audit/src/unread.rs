//! Files that could not be read while a log is at work, until they have been.
//!
//! Such a file keeps nobody from appending: whoever asked for what it holds is refused, and people have to repair it. So it is
//! kept in mind here, whoever asked.

use std::collections::BTreeMap;
use std::ops::Range;

use tokio::sync::watch;

use crate::error::{DirectoryError, Fault};
use crate::path::TilePath;

/// Why a file of a log's folder could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong: names the file, and says what would help.
    pub why: String,
    /// The one entry that is not as it was recorded; absent where the file cannot be used at all.
    pub entry: Option<u64>,
}

/// See the module: by the files' names, relative to the log's folder.
#[derive(Default)]
pub(crate) struct UnreadFiles(watch::Sender<BTreeMap<String, Unread>>);

impl UnreadFiles {
    /// What there is, and word of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<BTreeMap<String, Unread>> {
        self.0.subscribe()
    }

    /// A file could not be read.
    pub(crate) fn note(&self, error: &DirectoryError) {
        let (file, entry) = match error {
            DirectoryError::File(error) => (error.file(), None),
            DirectoryError::Damaged(damage) => match damage.fault() {
                Fault::EntryHash { index } => (damage.file(), Some(*index)),
                _ => (damage.file(), None),
            },
        };
        let unread = Unread { why: error.to_string(), entry };
        self.0.send_if_modified(|files| files.insert(file.to_owned(), unread.clone()).as_ref() != Some(&unread));
    }

    /// A file was read: these entries of it, if it is a bundle.
    pub(crate) fn seen(&self, file: &impl ToString, entries: &Range<u64>) {
        if self.0.borrow().is_empty() {
            return;
        }
        let file = file.to_string();
        let is_good = |unread: &Unread| unread.entry.is_none_or(|entry| entries.contains(&entry));
        self.0.send_if_modified(|files| files.get(&file).is_some_and(is_good) && files.remove(&file).is_some());
    }

    /// The bundles of entries before this are pruned: nobody reads them again.
    pub(crate) fn pruned(&self, minimum: u64) {
        let is_bundle = |path: TilePath| path.level().is_none() && path.first_entry() < minimum;
        self.0.send_if_modified(|files| {
            let before = files.len();
            files.retain(|file, _| !file.parse::<TilePath>().is_ok_and(is_bundle));
            files.len() < before
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Damage;

    fn damaged(path: TilePath, fault: Fault) -> DirectoryError {
        Damage::new(path, fault, path.first_entry()).into()
    }

    #[test]
    fn a_file_is_unread_until_what_was_wrong_in_it_has_been_read() {
        let (files, bundle) = (UnreadFiles::default(), TilePath::entries(1, 256));
        let told = files.subscribe();
        files.seen(&bundle, &(256..512));
        assert!(!told.has_changed().unwrap() && told.borrow().is_empty(), "nothing was wrong");
        files.note(&damaged(bundle, Fault::EntryHash { index: 300 }));
        let unread = told.borrow().get("tile/entries/001").cloned().unwrap();
        assert!(unread.why.contains("`tile/entries/001` is damaged: entry 300"), "{}", unread.why);
        files.seen(&bundle, &(256..300));
        files.seen(&TilePath::entries(0, 256), &(0..256));
        assert_eq!(told.borrow().len(), 1, "others were read, and that one was not");
        files.seen(&bundle, &(300..301));
        assert!(told.borrow().is_empty());

        // Where nothing of a file can be used, anything of it is enough.
        files.note(&damaged(bundle, Fault::Missing));
        files.seen(&bundle, &(256..257));
        files.note(&damaged(TilePath::tile(0, 1, 256), Fault::TileHash));
        assert_eq!(Vec::from_iter(told.borrow().keys().cloned()), ["tile/0/001"]);
        files.seen(&TilePath::tile(0, 1, 256), &(0..0));
        assert!(told.borrow().is_empty());
    }

    #[test]
    fn what_is_met_again_is_no_news_and_what_is_pruned_is_over() {
        let files = UnreadFiles::default();
        let mut told = files.subscribe();
        let paths = [TilePath::entries(0, 256), TilePath::entries(1, 256), TilePath::tile(0, 0, 256)];
        for path in paths {
            files.note(&damaged(path, Fault::Missing));
        }
        told.mark_unchanged();
        files.note(&damaged(paths[0], Fault::Missing));
        assert!(!told.has_changed().unwrap());
        files.pruned(0);
        assert!(!told.has_changed().unwrap());
        files.pruned(256);
        assert!(told.has_changed().unwrap());
        assert_eq!(Vec::from_iter(told.borrow().keys().cloned()), ["tile/0/000", "tile/entries/001"]);
    }
}
