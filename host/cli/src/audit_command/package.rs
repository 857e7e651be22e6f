//! What an export consists of, and `audit verify-export`, which needs nothing but the folder and the log's key.
//!
//! ```text
//! index.html                  what this is and how to check it, for a reader
//! manifest.json               the case, the completeness statement, every entry, every file with its digest
//! checkpoint, log.vkey        the signed tree head, and the key that signed it
//! entries/<index>.json        an entry's public part: exactly the bytes in the log
//! entries/<index>.tlog-proof  that it is in the log (C2SP tlog-proof)
//! entries/<index>.account     its personal part: who, why, what
//! entries/<index>.salt        with which the public part commits to the personal
//! documents/                  photographs, and the documents released, in both forms
//! ```

use super::{contents, open, parse_leaf, word};
use crate::{UNVERIFIED, keys, output};
use anyhow::{Context as _, bail};
use cap_std::fs::Dir;
use casework::intake::PROBE;
use casework::release::Form;
use indicatif::ProgressBar;
use model::account::{Account, Event, Leaf};
use model::facts::Identifier;
use model::terms::{Digest, Instant, Phase, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const PAGE: &str = "index.html";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const KEY: &str = "log.vkey";

/// What a signature's line in a checkpoint begins with, behind the line before it (c2sp.org/signed-note, "Format").
const SIGNATURE: &str = "\n\u{2014} ";

/// What an export says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Format version: see [`Completeness::version`].
    pub(super) v: u8,
    /// The log, by its origin.
    pub(super) log: String,
    pub(super) jurisdiction: String,
    pub(super) case: Identifier,
    pub(super) exported: Instant,
    pub(super) completeness: Completeness,
    pub(super) entries: Vec<Listed>,
    pub(super) documents: Vec<Document>,
    /// Every other file of the folder, with its SHA-256.
    pub(super) files: BTreeMap<String, Digest>,
}

/// Where the case was looked for, and what could not be looked into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Completeness {
    /// The first entry looked at.
    pub(super) first: u64,
    /// One more than the last: the size the checkpoint signs.
    pub(super) end: u64,
    /// The logs of other hosts of the same jurisdiction, by their origins, in order. They were not looked into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) other_logs: Vec<String>,
    /// Entries whose accounts are purged: whether they touched the case cannot be told.
    pub(super) purged: Vec<u64>,
    /// Every request of the case.
    pub(super) requests: Vec<String>,
    /// Every search that touched the case, refused ones included.
    pub(super) searches: Vec<Search>,
    /// Every step of the case that was asked for and no policy was asked about. Exports of older formats do not list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rejected: Option<Vec<Attempt>>,
}

impl Completeness {
    /// The version of a format that says so: 3 where attempts are listed, which says how numbers of cases are compared, too; in
    /// older ones, 2 where other logs are named, and 1 otherwise.
    pub(super) fn version(&self) -> u8 {
        match &self.rejected {
            Some(_) => 3,
            None if self.other_logs.is_empty() => 1,
            None => 2,
        }
    }

    /// What else there is that the case may be in, where there is anything.
    pub(super) fn unseen(&self) -> Option<String> {
        let others = self.other_logs.join(", ");
        let said =
            "other hosts of the jurisdiction keep logs that were not looked into, and each is to be exported by itself";
        (!self.other_logs.is_empty()).then(|| format!("{said}: {others}"))
    }
}

/// One search, from its decision to what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Search {
    /// The entry of the decision.
    pub(super) index: u64,
    pub(super) at: Instant,
    /// `jurisdiction/person`.
    pub(super) person: String,
    pub(super) request: Option<String>,
    pub(super) verdict: Verdict,
    /// `ran`, `failed`, `refused` or `waits for others`; `unknown` where a permitted search has no outcome on record.
    pub(super) outcome: String,
    /// The gallery that was searched.
    pub(super) gallery: Option<String>,
    /// Records found.
    pub(super) found: usize,
}

/// Something that was asked for and that nothing came of: it did not fit where things stood, or whoever asked may not even ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) index: u64,
    pub(super) at: Instant,
    /// `jurisdiction/person`, as far as their certificate names them.
    pub(super) person: String,
    pub(super) request: Option<String>,
    /// What they asked for.
    pub(super) asked: String,
    /// Why nothing came of it.
    pub(super) reason: String,
}

/// One entry of the export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) phase: String,
    pub(super) verdict: String,
    pub(super) at: Instant,
    /// `jurisdiction/person`.
    pub(super) person: String,
}

/// A document that belongs to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) file: String,
    pub(super) request: String,
    pub(super) what: String,
}

/// Where an entry's files are.
pub(super) struct Files {
    pub(super) leaf: String,
    pub(super) proof: String,
    pub(super) account: String,
    pub(super) salt: String,
}

impl Files {
    pub(super) fn of(index: u64) -> Self {
        let named = |ending: &str| format!("entries/{index}.{ending}");
        Self { leaf: named("json"), proof: named("tlog-proof"), account: named("account"), salt: named("salt") }
    }
}

/// What the key's file holds.
pub(super) fn key_file(key: &audit::VerifierKey) -> String {
    format!("{key}\n")
}

/// Where the photograph of a request is.
pub(super) fn probe_file(request: &str, image: &[u8]) -> String {
    let ending = match image {
        [0xff, 0xd8, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        _ => "bin",
    };
    format!("documents/{PROBE}-{request}.{ending}")
}

/// Where a document of a request is that was released.
pub(super) fn document_file(id: &str, request: &str, form: Form) -> String {
    format!("documents/{id}-{request}.{}", form.suffix())
}

impl Listed {
    pub(super) fn of(index: u64, leaf: &Leaf, account: &Account) -> Self {
        Self {
            index,
            id: leaf.id.clone(),
            kind: word(&leaf.kind),
            phase: leaf.phase.map(|p| p.to_string()).unwrap_or_default(),
            verdict: leaf.verdict.map(|v| v.to_string()).unwrap_or_default(),
            at: leaf.at,
            person: account.who.key(),
        }
    }
}

/// The searches that these accounts, in the order of the log, tell of.
pub(super) fn searches(accounts: &[(u64, Account)]) -> Vec<Search> {
    let mut searches: Vec<(String, Search)> = Vec::new();
    // Of what one log took and another did not, a later entry says that nothing came of it.
    let mut ran: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, account) in accounts {
        match &account.event {
            Event::Decision { rulings, .. } if rulings.phase == Phase::Search => {
                let verdict = rulings.verdict();
                let outcome = if verdict == Verdict::Permit { "unknown" } else { "refused" };
                let (at, request, outcome) = (account.at, account.request.clone(), outcome.to_owned());
                let person = account.who.key();
                let search = Search { index: *index, at, person, request, verdict, outcome, gallery: None, found: 0 };
                searches.push((account.id.clone(), search));
            }
            event => {
                let Some(answered) = account.of.as_deref() else { continue };
                let answered = ran.get(answered).copied().unwrap_or(answered);
                let of = |(id, _): &&mut (String, Search)| id == answered;
                let Some((_, search)) = searches.iter_mut().find(of) else { continue };
                match event {
                    Event::Searched { gallery, found, .. } => {
                        ran.insert(&account.id, answered);
                        search.outcome = "ran".to_owned();
                        search.gallery = Some(gallery.clone());
                        search.found = found.len();
                    }
                    Event::Failed { .. } => {
                        search.outcome = "failed".to_owned();
                        search.found = 0;
                    }
                    Event::Waits { .. } => search.outcome = "waits for others".to_owned(),
                    _ => {}
                }
            }
        }
    }
    searches.into_iter().map(|(_, search)| search).collect()
}

/// The attempts that these accounts tell of, in their order.
pub(super) fn rejected(accounts: &[(u64, Account)]) -> Vec<Attempt> {
    let attempt = |(index, account): &(u64, Account)| {
        let Event::Rejected { asked, reason } = &account.event else { return None };
        let (person, request) = (account.who.key(), account.request.clone());
        let (asked, reason) = (asked.clone(), reason.clone());
        Some(Attempt { index: *index, at: account.at, person, request, asked, reason })
    };
    accounts.iter().filter_map(attempt).collect()
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit verify-export disclosure --key here/log-keys/detroit.vkey\n\nTake the key from its publisher, not from the folder."
)]
pub(crate) struct Arguments {
    /// The folder of an export
    folder: PathBuf,
    /// The log's verifier key: a file, or the key itself; the folder's own where absent, which proves less
    #[arg(long)]
    key: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let dir = open(&arguments.folder)?;
    let key = arguments.key.as_ref().map(|key| keys::read::<audit::VerifierKey>(key)).transpose()?;
    let (text, manifest, key) = match beginning(&dir, key) {
        Ok(read) => read,
        Err(e) => {
            not_verified(&format!("{} is no export: {e:#}", arguments.folder.display()));
            return Ok(ExitCode::from(UNVERIFIED));
        }
    };
    if !(1..=3).contains(&manifest.v) {
        bail!("the export has format {}, and this program knows 1 to 3: use a newer one", manifest.v);
    }
    let bar = output::bar("files and entries", (manifest.files.len() + manifest.entries.len()) as u64);
    let mut problems = files(&dir, &manifest, &bar)?;
    // What this program does not know, it would pass over, and whoever reads the file would not.
    if text != serde_json::to_vec_pretty(&manifest)? {
        problems.push(format!("{MANIFEST} says more than an export does, or is not written as one"));
    }
    match entries(&dir, &manifest, &key, &bar) {
        Ok(found) => problems.extend(found),
        Err(e) => problems.push(format!("{e:#}")),
    }
    bar.finish_and_clear();
    for problem in &problems {
        not_verified(problem);
    }
    if !problems.is_empty() {
        return Ok(ExitCode::from(UNVERIFIED));
    }
    let (count, searches) = (manifest.entries.len(), manifest.completeness.searches.len());
    let case = output::inert(&format!("{} {}", manifest.case.kind, manifest.case.value));
    let log = output::inert(&manifest.log);
    say!("{} {count} entries and {searches} searches of case {case} in {log}", output::green("verified"));
    if let Some(unseen) = manifest.completeness.unseen() {
        say!("{}", output::inert(&unseen));
    }
    say!("{MANIFEST} has the digest {}", Digest::of(&text));
    if arguments.key.is_none() {
        say!("under the key in the folder itself: compare it with the one its publisher gives: {key}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What a folder has to hold before anything in it can be looked at: its manifest, and the key of whoever was not given one.
fn beginning(dir: &Dir, key: Option<audit::VerifierKey>) -> anyhow::Result<(Vec<u8>, Manifest, audit::VerifierKey)> {
    let text = read(dir, MANIFEST)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{MANIFEST} is no export's manifest"))?;
    let key = match key {
        Some(key) => key,
        None => String::from_utf8(read(dir, KEY)?)?
            .trim()
            .parse::<audit::VerifierKey>()
            .with_context(|| format!("{KEY} holds no key"))?,
    };
    Ok((text, manifest, key))
}

fn not_verified(problem: &str) {
    say!("{} {}", output::red_out("NOT VERIFIED"), output::inert(problem));
}

fn read(dir: &Dir, name: &str) -> anyhow::Result<Vec<u8>> {
    dir.read(name).with_context(|| format!("cannot read {name}"))
}

/// Compares the folder's files with the manifest's list.
fn files(dir: &Dir, manifest: &Manifest, bar: &ProgressBar) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, digest) in &manifest.files {
        bar.inc(1);
        match dir.read(name) {
            Ok(content) if Digest::of(&content) == *digest => {}
            Ok(_) => problems.push(format!("{name} was changed since it was exported")),
            Err(e) => problems.push(format!("{name} cannot be read: {e}")),
        }
    }
    let mut there = Vec::new();
    walk(dir, "", &mut there)?;
    let added = there.into_iter().filter(|name| name != MANIFEST && !manifest.files.contains_key(name));
    problems.extend(added.map(|name| format!("{name} is none of the export's files")));
    Ok(problems)
}

fn walk(dir: &Dir, under: &str, found: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in dir.entries()? {
        let entry = entry?;
        let name = format!("{under}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.open_dir()?, &format!("{name}/"), found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

/// Checks every entry against the log's key, and everything else against the entries.
fn entries(dir: &Dir, manifest: &Manifest, key: &audit::VerifierKey, bar: &ProgressBar) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let checkpoint = String::from_utf8(read(dir, CHECKPOINT)?).context("the checkpoint is no text")?;
    match audit::signed_size(&checkpoint, key) {
        Ok(size) if size == manifest.completeness.end => {}
        Ok(size) => problems.push(format!("{CHECKPOINT} signs {size} entries, not those the manifest speaks of")),
        Err(e) => problems.push(format!("{CHECKPOINT} does not count: {e}")),
    }
    if checkpoint.matches(SIGNATURE).count() > 1 {
        problems.push(format!("{CHECKPOINT} has other signatures beside that of the log, which nobody has checked"));
    }
    let mut accounts = Vec::new();
    for listed in &manifest.entries {
        bar.inc(1);
        match entry(dir, listed, &checkpoint, key) {
            Ok(account) => accounts.push((listed.index, account)),
            Err(e) => problems.push(format!("entry {}: {e:#}", listed.index)),
        }
    }
    problems.extend(contents::problems(dir, manifest, &accounts, key));
    Ok(problems)
}

/// Checks one entry: signed into the log, committing to its account, and listed as what it is.
fn entry(dir: &Dir, listed: &Listed, checkpoint: &str, key: &audit::VerifierKey) -> anyhow::Result<Account> {
    let files = Files::of(listed.index);
    let bytes = read(dir, &files.leaf)?;
    let proof = String::from_utf8(read(dir, &files.proof)?)?;
    let receipt: audit::Receipt = proof.parse()?;
    if receipt.index != listed.index || receipt.checkpoint != checkpoint {
        bail!("{} is the proof of something else", files.proof);
    }
    receipt.verify(&bytes, key)?;
    if proof != receipt.to_string() {
        bail!("{} holds more than a proof", files.proof);
    }
    let leaf = parse_leaf(listed.index, &bytes)?;
    let plain = read(dir, &files.account)?;
    let mut salt = [0; 32];
    let text = String::from_utf8(read(dir, &files.salt)?)?;
    hex::decode_to_slice(text.trim(), &mut salt).with_context(|| format!("{} holds no salt", files.salt))?;
    if text != hex::encode(salt) {
        bail!("{} holds more than a salt, or is not written as one", files.salt);
    }
    if audit::commitment(&salt, &plain) != leaf.account.0 {
        bail!("{} is not the account that the entry commits to", files.account);
    }
    let account: Account =
        serde_json::from_slice(&plain).with_context(|| format!("{} is no account", files.account))?;
    leaf.agrees_with(&account)?;
    if Listed::of(listed.index, &leaf, &account) != *listed {
        bail!("{MANIFEST} lists it as something else");
    }
    Ok(account)
}
