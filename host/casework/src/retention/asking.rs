//! What somebody asks of a record, and whether it makes sense: of which record, with a day or without.

use super::{AUDIT_ENTRY, GALLERY_RECORD};
use crate::error::CaseError;
use crate::limits::bounded;
use model::account::Retained;
use model::terms::{Date, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happens to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Its agency no longer keeps its own.
    Notice,
    /// It is held as evidence.
    Hold,
    /// It is held no longer.
    Lift,
    /// It stays longer.
    Extend,
    /// It is written to portable media.
    Export,
    /// It is sealed: from then on its status says so.
    Seal,
    /// It is sealed no longer, and has the status that it had.
    Unseal,
    /// It is destroyed.
    Purge,
    /// Entries go from the log itself, with what they commit to.
    Prune,
}

impl Change {
    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Hold => "hold",
            Self::Lift => "lift",
            Self::Extend => "extend",
            Self::Export => "export",
            Self::Seal => "seal",
            Self::Unseal => "unseal",
            Self::Purge => "purge",
            Self::Prune => "prune",
        }
    }

    /// As policies are told of it. Pruning is purging, of leaves too.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Prune => Self::Purge.name(),
            other => other.name(),
        }
    }
}

/// What somebody asks.
#[derive(Clone, Debug)]
pub struct Asking {
    /// What is to happen.
    pub change: Change,
    /// To which record.
    pub record: Retained,
    /// The day of the notice, today where absent; or up to which day the record is to stay, absent where somebody denies what
    /// was asked.
    pub day: Option<Date>,
    /// Answers on the jurisdiction's forms.
    pub answers: BTreeMap<String, Value>,
}

pub(super) fn check(asking: &Asking) -> Result<(), CaseError> {
    let Retained { subject, gallery, record } = &asking.record;
    let words = [
        ("subject", subject.as_str()),
        ("gallery", gallery.as_deref().unwrap_or_default()),
        ("record", record.as_str()),
    ];
    bounded(words, [], &asking.answers)?;
    if subject.trim().is_empty() || record.trim().is_empty() {
        return Err(CaseError::Invalid("subject and record are both needed: say which record it is about".to_owned()));
    }
    match (subject == GALLERY_RECORD, gallery) {
        (true, None) => {
            return Err(CaseError::Invalid("gallery is missing: name the gallery of the record".to_owned()));
        }
        (false, Some(_)) => {
            let message = format!("a {subject} is in no gallery: leave gallery away, or say {GALLERY_RECORD}");
            return Err(CaseError::Invalid(message));
        }
        _ => {}
    }
    if asking.change == Change::Prune && subject != AUDIT_ENTRY {
        return Err(CaseError::Invalid(format!("only {AUDIT_ENTRY} is pruned: purge a {subject}")));
    }
    if matches!(asking.change, Change::Seal | Change::Unseal) && subject != GALLERY_RECORD {
        let message = format!("only a {GALLERY_RECORD} is sealed: nobody finds a {subject} in a list");
        return Err(CaseError::Invalid(message));
    }
    match (asking.change, asking.day) {
        (Change::Notice | Change::Extend, _) | (_, None) => Ok(()),
        (change, Some(_)) => Err(CaseError::Invalid(format!(
            "a {} has no day: leave it away; the host's clock says when",
            change.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(change: Change, subject: &str, gallery: Option<&str>, day: Option<&str>) -> Asking {
        let gallery = gallery.map(str::to_owned);
        let record = Retained { subject: subject.to_owned(), gallery, record: "r".to_owned() };
        Asking { change, record, day: day.map(|d| d.parse().unwrap()), answers: BTreeMap::new() }
    }

    #[test]
    fn what_is_asked_has_to_make_sense() {
        let good = [
            asking(Change::Notice, GALLERY_RECORD, Some("g"), None),
            asking(Change::Notice, GALLERY_RECORD, Some("g"), Some("2026-03-01")),
            asking(Change::Extend, "probe", None, Some("2026-03-01")),
            asking(Change::Extend, "probe", None, None),
            asking(Change::Purge, AUDIT_ENTRY, None, None),
            asking(Change::Prune, AUDIT_ENTRY, None, None),
            asking(Change::Seal, GALLERY_RECORD, Some("g"), None),
            asking(Change::Unseal, GALLERY_RECORD, Some("g"), None),
        ];
        assert!(good.iter().all(|a| check(a).is_ok()));
        let bad = [
            asking(Change::Purge, GALLERY_RECORD, None, None),
            asking(Change::Purge, "probe", Some("g"), None),
            asking(Change::Purge, AUDIT_ENTRY, Some("there/north"), None),
            asking(Change::Purge, "probe", None, Some("2026-03-01")),
            asking(Change::Purge, " ", None, None),
            asking(Change::Prune, "probe", None, None),
            asking(Change::Prune, GALLERY_RECORD, Some("g"), None),
            asking(Change::Prune, AUDIT_ENTRY, None, Some("2026-03-01")),
            asking(Change::Seal, "probe", None, None),
            asking(Change::Unseal, AUDIT_ENTRY, None, None),
            asking(Change::Seal, GALLERY_RECORD, None, None),
            asking(Change::Seal, GALLERY_RECORD, Some("g"), Some("2026-03-01")),
        ];
        assert!(bad.iter().all(|a| matches!(check(a), Err(CaseError::Invalid(_)))));
    }
}
