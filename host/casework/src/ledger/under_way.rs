//! Entries on their way into one log after another.
//!
//! What only the first log has is marked there ([`crate::torn`]). Whoever looks at marks has to tell what is left of a way that
//! broke off from what is still under way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The entries of one ledger that are on their way into another's log, too.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<BTreeSet<String>>>);

impl UnderWay {
    /// Whether this entry is.
    pub(crate) fn has(&self, entry: &str) -> bool {
        self.entries().contains(entry)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // The set is whole at every moment: a panic elsewhere cannot have torn it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One entry's way, until it is dropped.
pub(super) struct Passage {
    ways: Vec<UnderWay>,
    entry: String,
}

impl Passage {
    /// An entry sets out from these ledgers.
    pub(super) fn begin(ways: Vec<UnderWay>, entry: &str) -> Self {
        for way in &ways {
            way.entries().insert(entry.to_owned());
        }
        Self { ways, entry: entry.to_owned() }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        for way in &self.ways {
            way.entries().remove(&self.entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_under_way_until_its_passage_ends() {
        let (north, south) = (UnderWay::default(), UnderWay::default());
        let passage = Arc::new(Passage::begin(vec![north.clone(), south.clone()], "e1"));
        let other = Passage::begin(vec![north.clone()], "e2");
        assert!(north.has("e1") && south.has("e1") && north.has("e2") && !south.has("e2"));
        drop(passage.clone());
        assert!(north.has("e1"), "somebody still sees to it");
        drop(passage);
        assert!(!north.has("e1") && !south.has("e1") && north.has("e2"));
        drop(other);
        assert!(!north.has("e2"));
    }
}
