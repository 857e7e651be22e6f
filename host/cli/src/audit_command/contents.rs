//! What an export has to hold and to say, as its own entries tell: the other half of `audit verify-export`.
//!
//! Whoever can change a folder can change its manifest to match. So a digest in the manifest proves nothing by itself: every
//! file has to be there because an entry, the key or the checkpoint says so, and what is derived is derived again.

use super::filter::Trail;
use super::package::{self, CHECKPOINT, Document, Files, KEY, MANIFEST, Manifest, PAGE};
use super::page;
use cap_std::fs::Dir;
use casework::intake::PROBE;
use casework::release::Form;
use model::account::{Account, Event};
use std::collections::BTreeSet;

/// What is wrong with an export whose entries, in the order of the log, have these accounts.
pub(super) fn problems(
    dir: &Dir,
    manifest: &Manifest,
    accounts: &[(u64, Account)],
    key: &audit::VerifierKey,
) -> Vec<String> {
    let mut problems: Vec<String> = names(manifest, key).into_iter().collect();
    problems.extend(listing(manifest));
    problems.extend(statement(manifest, accounts));
    problems.extend(manifest.documents.iter().filter_map(|document| unproven(dir, manifest, document, accounts)));
    let own: [(&str, String); 2] = [(KEY, package::key_file(key)), (PAGE, page::html(manifest, &key.to_string()))];
    for (name, expected) in own {
        // One that cannot be read is no file of the manifest's, and said to be.
        if dir.read(name).is_ok_and(|content| content != expected.as_bytes()) {
            problems.push(format!("{name} is not the one that belongs to {MANIFEST} and the key"));
        }
    }
    problems
}

/// The log is the key's, and the jurisdiction is the log's.
fn names(manifest: &Manifest, key: &audit::VerifierKey) -> Option<String> {
    let Manifest { log, jurisdiction, .. } = manifest;
    if log != key.name() {
        return Some(format!("{MANIFEST} is of the log `{log}`, and the key of `{}`", key.name()));
    }
    if !manifest.completeness.other_logs.is_sorted_by(|one, next| one < next)
        || manifest.completeness.other_logs.contains(log)
    {
        return Some(format!("{MANIFEST} does not name each log of other hosts once, in order"));
    }
    if manifest.v != manifest.completeness.version() {
        return Some(format!("{MANIFEST} is of another format than it says"));
    }
    let is_its = log.rsplit_once('/').is_some_and(|(_, own)| own == jurisdiction);
    (!is_its).then(|| format!("{MANIFEST} names the jurisdiction `{jurisdiction}`, and the log is `{log}`"))
}

/// The manifest lists the files that there have to be, and no others; everything once.
fn listing(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    let mut due = BTreeSet::from([PAGE, CHECKPOINT, KEY].map(str::to_owned));
    for entry in &manifest.entries {
        let Files { leaf, proof, account, salt } = Files::of(entry.index);
        due.extend([leaf, proof, account, salt]);
    }
    for document in &manifest.documents {
        if !due.insert(document.file.clone()) {
            problems.push(format!("{MANIFEST} lists the document {} twice, or another file as one", document.file));
        }
    }
    if !manifest.entries.is_sorted_by(|one, next| one.index < next.index) {
        problems.push(format!("{MANIFEST} does not list each entry once, in the order of the log"));
    }
    let listed: BTreeSet<String> = manifest.files.keys().cloned().collect();
    let planted = listed.difference(&due);
    problems.extend(planted.map(|name| format!("{name} is nothing that an entry tells of")));
    problems.extend(due.difference(&listed).map(|name| format!("{name} is missing from the files in {MANIFEST}")));
    problems
}

/// The case's requests, searches and attempts are those that the entries tell of, found as an export finds them.
fn statement(manifest: &Manifest, accounts: &[(u64, Account)]) -> Vec<String> {
    let mut problems = Vec::new();
    let trail = Trail::told_by(&manifest.case, accounts.iter().map(|(_, account)| account));
    for (index, account) in accounts {
        if !trail.touches(account) {
            problems.push(format!("entry {index} is not of the case"));
        }
    }
    let said = &manifest.completeness;
    if !trail.requests().iter().eq(&said.requests) {
        problems.push("the list of requests is not the one that the entries tell of".to_owned());
    }
    if package::searches(accounts) != said.searches {
        problems.push("the list of searches is not the one that the entries tell of".to_owned());
    }
    if said.rejected.as_ref().is_some_and(|said| package::rejected(accounts) != *said) {
        problems.push("the list of attempts is not the one that the entries tell of".to_owned());
    }
    problems
}

/// What is wrong with a document, unless an entry tells of it, under that name.
fn unproven(dir: &Dir, manifest: &Manifest, document: &Document, accounts: &[(u64, Account)]) -> Option<String> {
    let Document { file, request, what } = document;
    let mut of_request = accounts.iter().map(|(_, account)| account).filter(|a| a.request.as_ref() == Some(request));
    let proven = manifest.files.get(file).is_some_and(|digest| {
        of_request.any(|account| {
            let photograph = what == PROBE && account.probe.as_ref() == Some(digest);
            if photograph && dir.read(file).is_ok_and(|image| *file == package::probe_file(request, &image)) {
                return true;
            }
            let Event::Released { documents, .. } = &account.event else { return false };
            let named = |form| *file == package::document_file(what, request, form);
            documents.iter().filter(|released| released.id == *what).any(|released| {
                (released.html == *digest && named(Form::Html)) || (released.pdf == *digest && named(Form::Pdf))
            })
        })
    });
    (!proven).then(|| format!("{file} is not what any entry tells of under that name"))
}

#[cfg(test)]
mod tests {
    use super::super::package::{Completeness, Listed};
    use super::*;
    use model::account::Who;
    use model::facts::Identifier;
    use model::terms::{Digest, Instant};
    use std::collections::BTreeMap;

    fn entry(index: u64) -> Listed {
        let text = String::new;
        Listed { index, id: text(), kind: text(), phase: text(), verdict: text(), at: Instant(1), person: text() }
    }

    /// A manifest of two entries that lists what it has to.
    fn manifest() -> Manifest {
        let entries = vec![entry(3), entry(7)];
        let mut files: BTreeMap<String, Digest> = BTreeMap::new();
        for name in [PAGE, CHECKPOINT, KEY] {
            files.insert(name.to_owned(), Digest::default());
        }
        for Files { leaf, proof, account, salt } in [Files::of(3), Files::of(7)] {
            files.extend([leaf, proof, account, salt].map(|name| (name, Digest::default())));
        }
        Manifest {
            v: 1,
            log: "host/north".to_owned(),
            jurisdiction: "north".to_owned(),
            case: Identifier { kind: "k".to_owned(), value: "v".to_owned() },
            exported: Instant(1),
            completeness: Completeness {
                first: 0,
                end: 9,
                other_logs: vec![],
                purged: vec![],
                requests: vec![],
                searches: vec![],
                rejected: None,
            },
            entries,
            documents: vec![],
            files,
        }
    }

    fn said(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = manifest();
        change(&mut manifest);
        listing(&manifest).join("\n")
    }

    #[test]
    fn every_file_is_there_for_a_reason_and_nothing_is_wanting() {
        assert_eq!(said(|_| {}), "");
        let planted = said(|m| {
            m.files.insert("documents/planted.pdf".to_owned(), Digest::default());
        });
        assert!(planted.contains("documents/planted.pdf is nothing"), "{planted}");
        for name in [PAGE, CHECKPOINT, KEY, "entries/7.salt"] {
            let quiet = said(|m| {
                m.files.remove(name);
            });
            assert!(quiet.contains(name) && quiet.contains("missing"), "{quiet}");
        }
    }

    #[test]
    fn an_attempt_is_of_the_case_wherever_it_stands() {
        let text = str::to_owned;
        let account = |case: &[Identifier], event| Account {
            id: text("e"),
            who: Who {
                jurisdiction: text("north"),
                person: text("p"),
                name: text("P"),
                unit: text("u"),
                agency: text("a"),
            },
            at: Instant(1),
            case: case.to_vec(),
            purpose: String::new(),
            justification: String::new(),
            probe: None,
            request: Some(text("r")),
            lacking: vec![],
            of: None,
            event,
        };
        let attempt = account(&[], Event::Rejected { asked: text("search"), reason: text("not theirs") });
        let mut manifest = manifest();
        let accounts = [(3, attempt.clone()), (7, account(&[manifest.case.clone()], Event::Opened))];
        manifest.completeness.requests = vec![text("r")];
        manifest.completeness.rejected = Some(package::rejected(&accounts));
        assert_eq!(statement(&manifest, &accounts), Vec::<String>::new());
        let alone = statement(&manifest, &[(3, attempt)]).join("\n");
        assert!(alone.contains("entry 3 is not of the case") && alone.contains("list of requests"), "{alone}");
    }

    #[test]
    fn nothing_is_listed_twice_or_out_of_order() {
        for entries in [vec![entry(3), entry(7), entry(7)], vec![entry(7), entry(3)]] {
            let told = said(|m| m.entries = entries);
            assert!(told.contains("in the order of the log"), "{told}");
        }
        let as_document = said(|m| {
            m.documents.push(Document { file: PAGE.to_owned(), request: "r".to_owned(), what: "report".to_owned() });
        });
        assert!(as_document.contains("another file as one"), "{as_document}");
    }

    #[test]
    fn the_log_is_the_keys_and_the_jurisdiction_the_logs() {
        let signer = audit::Ed25519Signer::from_seed("host/north", [7; 32]).unwrap();
        let key: audit::VerifierKey = audit::Signer::verifier_key(&signer).parse().unwrap();
        assert_eq!(names(&manifest(), &key), None);
        let other = Manifest { log: "host/south".to_owned(), ..manifest() };
        assert!(names(&other, &key).is_some_and(|said| said.contains("`host/south`")));
        for wrong in [&["host/north"][..], &["b/north", "a/north"], &["a/north", "a/north"]] {
            let mut other = manifest();
            other.completeness.other_logs = wrong.iter().map(|&log| log.to_owned()).collect();
            assert!(names(&other, &key).is_some_and(|said| said.contains("other hosts")), "{wrong:?}");
        }
        let mut several = manifest();
        several.completeness.other_logs = vec!["a/north".to_owned(), "b/north".to_owned()];
        assert!(names(&several, &key).is_some_and(|said| said.contains("another format")));
        several.v = 2;
        assert_eq!(names(&several, &key), None);
        several.completeness.rejected = Some(vec![]);
        assert!(names(&several, &key).is_some_and(|said| said.contains("another format")));
        several.v = 3;
        assert_eq!(names(&several, &key), None);
        for wrong in ["south", "", "host/north", "th"] {
            let other = Manifest { jurisdiction: wrong.to_owned(), ..manifest() };
            assert!(names(&other, &key).is_some_and(|said| said.contains("jurisdiction")), "{wrong}");
        }
    }
}
