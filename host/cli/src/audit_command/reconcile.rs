//! `audit verify --accounts`: what the database keeps of a log's entries, compared with the log.

use super::Log;
use super::accounts::{Reader, Told, database, destroyed_accounts, told_apart};
use super::verify::Verdict;
use crate::config::Config;
use crate::output::{self, bar};
use casework::intake::PROBE;
use casework::release::{DOCUMENT, Form, sealed_id};
use model::account::{Account, Event, Kind};
use model::terms::{Digest, Instant};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Of each thing that is found, so many are named; the rest are counted.
const MOST_NAMED: usize = 20;

/// Accounts of no entry that are read at once, to tell when they were recorded.
const AT_ONCE: usize = 1024;

/// How much later than the entry behind it an entry may say that it was recorded, in ms: a step reads the clock when it begins,
/// and is recorded when it is judged.
const SLACK_MS: u64 = 15 * 60_000;

/// What was found of one log's entries.
#[derive(Default)]
struct Books {
    /// How many accounts are those that their entries commit to, and say what their entries say.
    there: u64,
    /// Entries whose accounts are on the log's journal and not in the database yet.
    riding: Vec<u64>,
    /// Entries without an account, and their ids.
    gone: Vec<(u64, String)>,
    /// Entries whose account is not the one committed to.
    wrong: Vec<u64>,
    /// Entries that say something else than their account.
    disagreeing: Vec<u64>,
    /// Entries whose accounts a purge on record destroyed, by their ids.
    destroyed: BTreeSet<String>,
    /// Every entry that there is, by its id.
    ids: HashSet<String>,
    /// When the first entry was recorded that is not pruned.
    began: Option<Instant>,
    /// What accounts tell of photographs and documents: by kind and id, each digest that any of them gives.
    sealed: BTreeMap<(&'static str, String), BTreeSet<Digest>>,
}

impl Books {
    fn add(&mut self, entry: &Told) {
        self.began.get_or_insert(entry.leaf.at);
        self.ids.insert(entry.leaf.id.clone());
        if entry.rides {
            self.riding.push(entry.index);
        }
        match entry.committed() {
            None => self.gone.push((entry.index, entry.leaf.id.clone())),
            Some(false) => self.wrong.push(entry.index),
            Some(true) => match entry.account() {
                Ok(Some(account)) if entry.leaf.agrees_with(&account).is_ok() => {
                    self.there += 1;
                    self.tell(account, entry.leaf.kind);
                }
                _ => self.disagreeing.push(entry.index),
            },
        }
    }

    /// Notes what an account says of what else is kept, and of what is not any more.
    fn tell(&mut self, account: Account, kind: Kind) {
        let Account { probe, request, event, .. } = account;
        if let (Some(digest), Some(request)) = (probe, &request) {
            self.sealed.entry((PROBE, request.clone())).or_default().insert(digest);
        }
        self.destroyed.extend(destroyed_accounts(kind, &event));
        if let Event::Released { documents, .. } = event {
            let request = request.as_deref().unwrap_or_default();
            for document in &documents {
                for (form, digest) in [(Form::Html, document.html), (Form::Pdf, document.pdf)] {
                    let id = (DOCUMENT, sealed_id(request, &document.id, form));
                    self.sealed.entry(id).or_default().insert(digest);
                }
            }
        }
    }
}

/// What is kept in the database and is not what the log tells of.
#[derive(Default)]
struct Strays {
    /// Accounts recorded before the first entry that is not pruned: they should have gone with their entries.
    pruned: u64,
    /// Accounts of no entry. Where other hosts have logs, they may be of those.
    unknown: Vec<String>,
    /// How many photographs and documents are what accounts tell of.
    sealed: u64,
    /// Those that are not.
    changed: Vec<String>,
}

/// Compares every account with the commitment in its leaf, and with what the leaf says; those that are gone with the purges on
/// record; and what the database keeps beside them with what the entries tell of.
pub(super) async fn accounts(config: &Config, logs: &[Log]) -> anyhow::Result<Vec<Verdict>> {
    let store = database(config).await?;
    let mut verdicts = Vec::new();
    for log in logs {
        // An account is written when its entry is durable: those that are there now are of entries that the log has from now on.
        let rows = store.jurisdiction(&log.jurisdiction).await?;
        let ids = rows.account_ids().await?;
        let others = rows.other_logs(log.key.name()).await?;
        let mut reader = Reader::open(log, &store).await?;
        reader.settle().await?;
        let bar = bar(&format!("accounts of {}", log.jurisdiction), reader.snapshot().size());
        let mut books = Books::default();
        while let Some(told) = reader.next(|_, _| true).await? {
            told.iter().for_each(|entry| books.add(entry));
            bar.set_position(reader.done());
        }
        let pruned = reader.snapshot().minimum_index() > 0;
        let strays = strays(&rows, &books, ids, pruned).await?;
        bar.finish_and_clear();
        verdicts.push(verdict(log.key.name(), books, strays, &others));
    }
    store.close().await;
    Ok(verdicts)
}

/// Looks at what is kept beside the accounts of entries. `ids` are of the entries whose accounts there are.
async fn strays(rows: &store::Jurisdiction, books: &Books, ids: Vec<String>, pruned: bool) -> anyhow::Result<Strays> {
    let mut strays = Strays::default();
    let left: Vec<String> = ids.into_iter().filter(|id| !books.ids.contains(id)).collect();
    for some in left.chunks(AT_ONCE) {
        for row in rows.accounts(some).await?.into_iter().flatten() {
            let account = serde_json::from_slice::<Account>(&row.plain);
            let began = books.began.map(|began| began.plus_ms(SLACK_MS));
            let before = |account: Account| began.is_none_or(|began| account.at <= began);
            if pruned && account.is_ok_and(before) {
                strays.pruned += 1;
            } else {
                strays.unknown.push(row.id);
            }
        }
    }
    for ((kind, id), digests) in &books.sealed {
        match rows.open_sealed(kind, id).await {
            Ok(None) => {}
            Ok(Some(bytes)) if digests.contains(&Digest::of(&bytes)) => strays.sealed += 1,
            Ok(Some(_)) | Err(store::StoreError::Damaged { .. }) => strays.changed.push(format!("{kind} {id}")),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(strays)
}

fn verdict(name: &str, books: Books, strays: Strays, others: &[String]) -> Verdict {
    let Books { there, riding, gone, wrong, disagreeing, destroyed, .. } = books;
    let (purged, missing) = told_apart(gone, &destroyed);
    let Strays { pruned, unknown, sealed, changed } = strays;
    // Where there are other logs, nobody here can tell.
    let orphaned = others.is_empty() && !unknown.is_empty();
    let sound = wrong.is_empty() && disagreeing.is_empty() && missing.is_empty() && changed.is_empty() && !orphaned;
    let values = json!({
        "log": name, "accounts_verified": there, "accounts_on_the_journal": riding, "accounts_purged": purged,
        "accounts_missing": missing,
        "accounts_wrong": wrong, "accounts_disagreeing": disagreeing, "accounts_of_pruned_entries": pruned,
        "accounts_of_no_entry": unknown.len(), "other_logs": others,
        "sealed_verified": sealed, "sealed_wrong": changed,
    });
    let mut text = if sound {
        let word = output::green("verified");
        let (purged, sealed) =
            (named(", purged on record", &purged), counted(", and of photographs and documents", sealed));
        format!("{word} {name}: {there} accounts are those committed to{purged}{sealed}")
    } else {
        let found = [
            named("; not those committed to", &wrong),
            named("; saying something else than their entries", &disagreeing),
            named("; missing without a purge on record", &missing),
            if orphaned { named("; accounts of no entry", &unknown) } else { String::new() },
            named("; not what accounts tell of", &changed),
        ];
        format!("{} {name}: accounts{}", output::red_out("NOT VERIFIED"), found.concat())
    };
    text += &named("; still on the journal alone, from where the next start brings them to the database", &riding);
    text += &counted("; accounts of entries that were pruned are still there", pruned);
    if !orphaned && !unknown.is_empty() {
        text +=
            &format!("; {} are of no entry here, or of the logs {}", unknown.len(), output::inert(&others.join(", ")));
    }
    Verdict { sound, values, text }
}

/// A number in words; nothing for none.
fn counted(what: &str, count: u64) -> String {
    if count == 0 { String::new() } else { format!("{what}: {count}") }
}

/// Things in words; nothing where there are none.
pub(super) fn named(what: &str, all: &[impl ToString]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let first: Vec<_> = all.iter().take(MOST_NAMED).map(|one| output::inert(&one.to_string())).collect();
    let more = if all.len() > MOST_NAMED { ", …" } else { "" };
    format!("{what} {}: {}{more}", all.len(), first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is sound, and what is said.
    fn said(change: impl FnOnce(&mut Books, &mut Strays), others: &[&str]) -> (bool, String) {
        let (mut books, mut strays) = (Books { there: 9, ..Books::default() }, Strays::default());
        change(&mut books, &mut strays);
        let others: Vec<String> = others.iter().map(|&log| log.to_owned()).collect();
        let Verdict { sound, text, .. } = verdict("host/north", books, strays, &others);
        (sound, text)
    }

    #[test]
    fn whatever_is_found_is_said_and_only_what_is_wrong_is_not_verified() {
        let (sound, text) = said(|_, _| {}, &[]);
        assert!(sound && text.ends_with("host/north: 9 accounts are those committed to"), "{text}");
        type Wrong = fn(&mut Books, &mut Strays);
        let wrongs: [(Wrong, &str); 5] = [
            (|books, _| books.wrong.push(3), "not those committed to 1: 3"),
            (|books, _| books.disagreeing.push(4), "saying something else than their entries 1: 4"),
            (|books, _| books.gone.push((5, "e5".to_owned())), "missing without a purge on record 1: 5"),
            (|_, strays| strays.unknown.push("e6".to_owned()), "accounts of no entry 1: e6"),
            (|_, strays| strays.changed.push("probe r1".to_owned()), "not what accounts tell of 1: probe r1"),
        ];
        for (change, says) in wrongs {
            let (sound, text) = said(change, &[]);
            assert!(!sound && text.contains("NOT VERIFIED") && text.contains(says), "{text}");
        }
    }

    #[test]
    fn what_is_purged_on_record_left_behind_on_its_way_or_of_another_log_is_said_and_is_not_wrong() {
        let (sound, text) = said(|books, _| books.riding.push(8), &[]);
        assert!(sound && text.contains("9 accounts are those committed to; still on the journal alone"), "{text}");
        assert!(text.ends_with("brings them to the database 1: 8"), "{text}");
        let purge = |books: &mut Books, _: &mut Strays| {
            books.gone.push((5, "e5".to_owned()));
            books.destroyed.insert("e5".to_owned());
        };
        let (sound, text) = said(purge, &[]);
        assert!(sound && text.contains("purged on record 1: 5"), "{text}");
        let (sound, text) = said(|_, strays| strays.pruned = 7, &[]);
        assert!(sound && text.contains("accounts of entries that were pruned are still there: 7"), "{text}");
        let (sound, text) = said(|_, strays| strays.unknown.push("e6".to_owned()), &["there/north"]);
        assert!(sound && text.contains("1 are of no entry here, or of the logs there/north"), "{text}");
        let (sound, text) = said(|_, strays| strays.sealed = 2, &[]);
        assert!(sound && text.contains("photographs and documents: 2"), "{text}");
    }
}
