//! People two of whose certificates are in use at a time.
//!
//! A certificate is issued to one person on one kind of device, and every decision says from which kind its step was asked for.
//! Whoever acts from another kind minutes after their last step uses two certificates at once, or somebody else uses one of them.
//! A program acts in a person's absence, so its steps say nothing here. Two certificates of one kind are not told apart: entries
//! name the kind, and no certificate. Steps are what is decided on, and not what is only looked at. Where a survey's days begin, what
//! came just before them is not seen.

use super::{Anomaly, Thresholds};
use model::facts::Device;
use model::terms::Instant;
use std::collections::BTreeMap;

const MINUTE_MS: u64 = 60_000;

/// Where people acted from, while steps are noted in the order of the log.
#[derive(Default)]
pub(super) struct Devices {
    last: BTreeMap<String, Step>,
    changes: BTreeMap<String, Vec<Change>>,
}

struct Step {
    device: Device,
    at: Instant,
    entry: u64,
}

/// Two steps of one person, one after the other and from two kinds of device.
struct Change {
    /// Milliseconds between them.
    after: u64,
    entries: [u64; 2],
}

impl Devices {
    /// Notes a step that was asked for, permitted or not.
    pub(super) fn note(&mut self, person: String, device: Device, at: Instant, entry: u64) {
        if device == Device::Service {
            return;
        }
        let last = self.last.insert(person.clone(), Step { device, at, entry });
        if let Some(last) = last.filter(|last| last.device != device) {
            let change = Change { after: at.since(last.at), entries: [last.entry, entry] };
            self.changes.entry(person).or_default().push(change);
        }
    }

    /// Those who changed from one kind of device to another in less than the time that this takes.
    pub(super) fn concurrent(&self, thresholds: &Thresholds) -> Vec<Anomaly> {
        let minutes = thresholds.concurrent_minutes;
        let within = minutes.saturating_mul(MINUTE_MS);
        let mut found = Vec::new();
        for (person, changes) in &self.changes {
            let close: Vec<_> = changes.iter().filter(|change| change.after < within).collect();
            if close.is_empty() {
                continue;
            }
            let mut entries: Vec<u64> = close.iter().flat_map(|change| change.entries).collect();
            // One change may begin where another ends.
            entries.dedup();
            found.push(Anomaly {
                kind: "credential-concurrent",
                about: person.clone(),
                number: close.len() as u64,
                measure: format!("times that steps from two kinds of device were less than {minutes} minutes apart"),
                entries,
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of one person: from where, and in which minute.
    fn found(steps: &[(Device, u64)]) -> Vec<Anomaly> {
        let mut devices = Devices::default();
        for ((device, minute), entry) in steps.iter().zip(1..) {
            devices.note("north/a".to_owned(), *device, Instant(minute * MINUTE_MS), entry);
        }
        devices.concurrent(&Thresholds::default())
    }

    #[test]
    fn a_change_of_device_within_minutes_is_listed_with_both_steps() {
        use Device::{Fixed, Mobile};
        let one = found(&[(Fixed, 0), (Fixed, 1), (Mobile, 5), (Mobile, 60)]);
        assert_eq!(one.len(), 1, "{one:?}");
        assert_eq!((one[0].about.as_str(), one[0].number, &one[0].entries[..]), ("north/a", 1, &[2, 3][..]));
        let back = found(&[(Fixed, 0), (Mobile, 1), (Fixed, 2), (Mobile, 30), (Fixed, 34)]);
        assert_eq!((back[0].number, &back[0].entries[..]), (3, &[1, 2, 3, 4, 5][..]));
        assert!(found(&[(Fixed, 0), (Mobile, 5)]).is_empty(), "there was time to change");
        assert!(found(&[(Mobile, 0), (Mobile, 1)]).is_empty(), "there is one");
    }

    #[test]
    fn a_program_and_another_person_are_no_second_device() {
        use Device::{Fixed, Mobile, Service};
        assert!(found(&[(Fixed, 0), (Service, 1), (Fixed, 2)]).is_empty());
        let mut devices = Devices::default();
        for (person, device) in [("north/a", Fixed), ("south/a", Mobile), ("north/b", Mobile)] {
            devices.note(person.to_owned(), device, Instant(0), 1);
        }
        assert!(devices.concurrent(&Thresholds::default()).is_empty());
    }
}
