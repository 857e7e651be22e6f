//! What is on record of other ranges of entries that share entries with one.
//!
//! Whoever holds `10-20` holds 17, too: what is said of a range bears on every entry of it, under whatever range somebody asks.
//! A hold, an extension or a time to keep counts if any entry is concerned; a transfer or a purge only if all are.

use super::range::EntryRange;
use super::{AUDIT_ENTRY, Docket, is_elsewhere};
use crate::chamber::Chamber;
use crate::error::CaseError;
use crate::obligations::Owed;
use model::account::Retained;
use model::rulings::Duty;
use model::terms::{Date, Instant};
use std::collections::BTreeSet;

/// The dockets of the other ranges, and what is still to be met of obligations about them.
#[derive(Default)]
pub(super) struct Around {
    dockets: Vec<Other>,
    owed: Vec<Owed>,
    /// The first entry that a pruning leaves which has begun, where it takes any of the entries.
    pruned_to: Option<u64>,
}

struct Other {
    /// Whether it is about all of the entries, and not only some.
    covers: bool,
    docket: Docket,
}

impl Around {
    /// Reads them.
    ///
    /// # Errors
    /// [`CaseError`] when they cannot be read.
    pub(super) async fn read(owner: &Chamber, range: EntryRange) -> Result<Self, CaseError> {
        let (spelled, origin) = (range.to_string(), owner.log().origin());
        let mut around = Self::default();
        let rows = owner.store.retentions().await?.into_iter().filter(|row| row.subject == AUDIT_ENTRY);
        for docket in own(rows.map(Docket::read).collect::<Result<Vec<_>, _>>()?, origin) {
            let pruned_to = pruned_to(&docket)?.filter(|minimum| range.indices().start() < minimum);
            around.pruned_to = around.pruned_to.max(pruned_to);
            if let Some(other) = other(&docket.record, range, &spelled)? {
                around.dockets.push(Other { covers: other.covers(range), docket });
            }
        }
        for row in owner.store.open_obligations(None).await? {
            let owed = Owed::read(row)?;
            let about =
                owed.about.as_ref().filter(|about| about.subject == AUDIT_ENTRY && !is_elsewhere(about, origin));
            if let Some(about) = about
                && other(about, range, &spelled)?.is_some()
            {
                around.owed.push(owed);
            }
        }
        Ok(around)
    }

    /// The obligations about them that are still to be met.
    pub(super) fn owed(&self) -> &[Owed] {
        &self.owed
    }

    /// The first entry that is left by a pruning that has begun, where any of the entries goes with it.
    pub(super) fn pruned_to(&self) -> Option<u64> {
        self.pruned_to
    }

    /// Whether any of the entries is held, by a step or by a decision.
    pub(super) fn held(&self) -> bool {
        let by_decision = |o: &Owed| matches!(&o.duty, Duty::Hold(rule) if rule.subject == AUDIT_ENTRY);
        self.dockets.iter().any(|other| other.docket.held.is_some()) || self.owed.iter().any(by_decision)
    }

    /// Up to the end of which day the stay of any of the entries was extended.
    pub(super) fn extended(&self) -> Option<Date> {
        self.dockets.iter().filter_map(|other| other.docket.extended).max()
    }

    /// When all of the entries were last written to portable media, in one transfer.
    pub(super) fn exported(&self) -> Option<Instant> {
        self.covering().filter_map(|docket| docket.exported.as_ref().map(|export| export.at)).max()
    }

    /// When all of the entries were destroyed, in one purge.
    pub(super) fn purged(&self) -> Option<Instant> {
        self.covering().filter_map(|docket| docket.purged).min()
    }

    fn covering(&self) -> impl Iterator<Item = &Docket> {
        self.dockets.iter().filter(|other| other.covers).map(|other| &other.docket)
    }
}

/// The dockets of entries of this log. What was filed before logs were told apart counts until the log has one of its own of
/// the same entries, which took it over.
fn own(mut dockets: Vec<Docket>, origin: &str) -> Vec<Docket> {
    dockets.retain(|docket| !is_elsewhere(&docket.record, origin));
    let named = dockets.iter().filter(|docket| docket.record.gallery.is_some());
    let named: BTreeSet<String> = named.map(|docket| docket.record.record.clone()).collect();
    dockets.retain(|docket| docket.record.gallery.is_some() || !named.contains(&docket.record.record));
    dockets
}

/// The first entry that stays, of a log whose pruning has begun and is not over.
fn pruned_to(docket: &Docket) -> Result<Option<u64>, CaseError> {
    if !docket.pruning.as_ref().is_some_and(|pruning| pruning.begun) {
        return Ok(None);
    }
    Ok(EntryRange::of(&docket.record)?.map(|range| audit::whole_bundles(range.end())))
}

/// The entries that another record names, if any of them is in the range and it is not the same record.
pub(super) fn other(record: &Retained, range: EntryRange, spelled: &str) -> Result<Option<EntryRange>, CaseError> {
    if record.record == spelled {
        return Ok(None);
    }
    Ok(EntryRange::of(record)?.filter(|other| other.overlaps(range)))
}

#[cfg(test)]
mod tests {
    use super::super::{Export, Pruning, Since};
    use super::*;
    use model::account::Who;
    use model::terms::Digest;

    fn who() -> Who {
        let (person, name, unit, agency) = ("p".into(), "P".into(), "u".into(), "a".into());
        Who { jurisdiction: "north".into(), person, name, unit, agency }
    }

    fn entries(range: &str) -> Retained {
        Retained { subject: AUDIT_ENTRY.to_owned(), gallery: None, record: range.to_owned() }
    }

    fn around(covers: bool, change: impl FnOnce(&mut Docket)) -> Around {
        let mut docket = Docket::new(entries("10-20"));
        change(&mut docket);
        Around { dockets: vec![Other { covers, docket }], ..Around::default() }
    }

    #[test]
    fn a_pruning_takes_whole_bundles_once_it_has_begun() {
        let pruning = |begun| {
            let mut docket = Docket::new(entries("0-519"));
            docket.pruning = Some(Pruning { by: who(), at: Instant(1), from: 0, begun });
            pruned_to(&docket).unwrap()
        };
        assert_eq!((pruning(true), pruning(false)), (Some(512), None));
        assert_eq!(pruned_to(&Docket::new(entries("0-519"))).unwrap(), None);
    }

    #[test]
    fn a_hold_and_an_extension_of_some_entries_count_for_all() {
        for covers in [true, false] {
            assert!(around(covers, |d| d.held = Some(Since { by: who(), at: Instant(1) })).held());
            let day = "2026-06-30".parse().ok();
            assert!(day.is_some());
            assert_eq!(around(covers, |d| d.extended = day).extended(), day);
        }
        let nothing = around(true, |_| {});
        assert!(!nothing.held() && nothing.extended().is_none() && !Around::default().held());
    }

    #[test]
    fn a_transfer_and_a_purge_count_only_if_they_are_of_all_entries() {
        let export = || Export { at: Instant(7), by: who(), folder: "f".into(), manifest: Digest::default() };
        assert_eq!(around(true, |d| d.exported = Some(export())).exported(), Some(Instant(7)));
        assert_eq!(around(false, |d| d.exported = Some(export())).exported(), None);
        assert_eq!(around(true, |d| d.purged = Some(Instant(8))).purged(), Some(Instant(8)));
        assert_eq!(around(false, |d| d.purged = Some(Instant(8))).purged(), None);
    }

    #[test]
    fn what_is_said_of_another_log_is_not_said_of_this_one() {
        let docket = |log: Option<&str>, record: &str| {
            Docket::new(Retained { gallery: log.map(str::to_owned), ..entries(record) })
        };
        let (here, there) = (Some("here/north"), Some("there/north"));
        let all =
            vec![docket(here, "1-2"), docket(there, "1-2"), docket(there, "3"), docket(None, "1-2"), docket(None, "3")];
        let found = own(all, "here/north");
        let found: Vec<_> = found.iter().map(|d| (d.record.gallery.as_deref(), d.record.record.as_str())).collect();
        assert_eq!(found, [(here, "1-2"), (None, "3")], "and what was said of no log in particular, of each");
    }

    #[test]
    fn what_shares_no_entry_and_the_record_itself_are_no_others() {
        let range: EntryRange = "17-18".parse().unwrap();
        let is = |record: &str| other(&entries(record), range, "17-18").unwrap().is_some();
        assert!(is("18") && is("10-20") && is("17-018"), "however it was filed");
        assert!(!is("17-18") && !is("19") && !is("10-16"));
        assert!(other(&entries("x"), range, "17-18").is_err());
    }
}
