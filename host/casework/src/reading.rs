//! Accounts, read from the database, and files of the log. One that cannot be read keeps nobody from deciding, and is damage that people
//! have to repair: whoever asked is told, and so is `/readyz`, until what could not be read last has been read.

use crate::alarm::{Alarm, Alert, insist};
use crate::chamber::Chamber;
use crate::clock::Clock;
use crate::error::CaseError;
use crate::ledger::account_in;
use crate::recovery;
use model::account::Account;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What could not be read last, if anything.
#[derive(Default)]
pub(crate) struct Unread(Mutex<Option<Trouble>>);

/// Why something could not be read.
struct Trouble {
    /// The entry whose account it is; absent where no account could be.
    entry: Option<String>,
    text: String,
}

impl Unread {
    /// Something could not be read: this entry's account, or any.
    pub(crate) fn note(&self, entry: Option<&str>, why: &CaseError) {
        tracing::error!(entry, %why, "an account on record could not be read");
        let text = format!("accounts on record cannot be read, which is not that none can be written: {why}");
        *self.lock() = Some(Trouble { entry: entry.map(str::to_owned), text });
    }

    /// The accounts of these entries were read, or are gone.
    fn seen(&self, entries: &[String]) {
        let mut last = self.lock();
        let is_of = |trouble: &Trouble| match &trouble.entry {
            Some(entry) => entries.contains(entry),
            None => !entries.is_empty(),
        };
        if last.as_ref().is_some_and(is_of) {
            *last = None;
        }
    }

    /// What `/readyz` says of it.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.lock().as_ref().map(|trouble| trouble.text.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chamber {
    /// The accounts of these entries, in this order, as they are kept. Whoever wants what was recorded just now has waited for it
    /// ([`crate::ledger::Ledger::settle`]).
    ///
    /// # Errors
    /// [`CaseError::Unreadable`] for one that is not as it was kept; [`CaseError::Store`] when the database does not answer.
    pub(crate) async fn accounts(&self, entries: &[String]) -> Result<Vec<Option<store::AccountRow>>, CaseError> {
        match self.store.accounts(entries).await {
            Ok(rows) => {
                self.unread.seen(entries);
                Ok(rows)
            }
            Err(e) => {
                let entry = if let store::StoreError::Damaged { id, .. } = &e { Some(id.clone()) } else { None };
                let why = CaseError::from(e);
                self.unread.note(entry.as_deref(), &why);
                Err(why)
            }
        }
    }

    /// The account that a row holds.
    ///
    /// # Errors
    /// [`CaseError::Unreadable`].
    pub(crate) fn account_in(&self, row: &store::AccountRow) -> Result<Account, CaseError> {
        account_in(row).inspect_err(|why| self.unread.note(Some(&row.id), why))
    }
}

/// What `/readyz` says of files of a log that could not be read, if there are any.
pub(crate) fn unread_files(log: &audit::Log) -> Option<String> {
    let unread = log.unread();
    let files = unread.borrow();
    let (_, first) = files.first_key_value()?;
    let others = if files.len() > 1 { format!(" ({} more besides)", files.len() - 1) } else { String::new() };
    Some(format!(
        "files of the audit log cannot be read, which is not that it cannot be written: {}{others}",
        first.why
    ))
}

/// Says of each file of a log that it cannot be read, once until it has been, whoever asked for it; and has somebody told of the
/// first. Ends with the log.
pub(crate) async fn watch_files(
    jurisdiction: String,
    mut unread: watch::Receiver<BTreeMap<String, audit::Unread>>,
    clock: Clock,
    alarm: Arc<dyn Alarm>,
) {
    let (mut said, mut alarms) = (BTreeSet::<String>::new(), JoinSet::new());
    loop {
        while alarms.try_join_next().is_some() {}
        let files = unread.borrow_and_update().clone();
        said.retain(|file| files.contains_key(file));
        if let Some((_, first)) = files.first_key_value()
            && said.is_empty()
        {
            let why = &first.why;
            let text = format!("{why}. The log is written as ever; what this file holds is shown to nobody meanwhile.");
            let (subject, since) = ("a file of the audit log cannot be read".to_owned(), recovery::now(&clock));
            let alert = Alert { jurisdiction: jurisdiction.clone(), subject, text, since };
            alarms.spawn(insist(alarm.clone(), alert));
        }
        for (file, audit::Unread { why, .. }) in files {
            if !said.contains(&file) {
                tracing::error!(%jurisdiction, %file, %why, "a file of the audit log could not be read");
                said.insert(file);
            }
        }
        if unread.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_lasts_until_what_could_not_be_read_has_been_read() {
        let (unread, damaged) = (Unread::default(), CaseError::Unreadable("row `e1` is damaged".to_owned()));
        let entries = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(unread.trouble(), None);
        unread.note(Some("e1"), &damaged);
        for others in [&[][..], &["e2"], &["e2", "e3"]] {
            unread.seen(&entries(others));
            let told = unread.trouble().unwrap();
            assert!(told.contains("cannot be read") && told.contains("row `e1` is damaged"), "{others:?}: {told}");
        }
        unread.seen(&entries(&["e2", "e1"]));
        assert_eq!(unread.trouble(), None);

        unread.note(None, &CaseError::Unreadable("nobody answers".to_owned()));
        unread.seen(&[]);
        assert!(unread.trouble().is_some(), "nothing was read");
        unread.seen(&entries(&["e9"]));
        assert_eq!(unread.trouble(), None, "one is enough where none could be");
    }
}
