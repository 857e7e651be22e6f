//! `audit export`: everything on record about one case, in a folder that whoever gets it can check by themselves.

use super::accounts::{Reader, Told, database, destroyed_accounts, told_apart};
use super::filter::{Trail, case};
use super::package::{self, Completeness, Document, Listed, Manifest};
use super::{one_of, page};
use crate::config::Config;
use crate::output::{self, bar};
use crate::scratch::{self, Scratch};
use crate::{private, runtime};
use anyhow::bail;
use casework::intake::PROBE;
use casework::release::{DOCUMENT, Form, sealed_id};
use model::account::{Account, Event};
use model::facts::Identifier;
use model::terms::{Digest, Instant, check_id};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit export --config here/magistrate.toml --jurisdiction detroit --case incident-number=26-0310-114 --out disclosure\n  magistrate audit verify-export disclosure --key here/log-keys/detroit.vkey\n\nReads the database without its server, as whoever holds its master key: the log has no entry of it."
)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long)]
    config: PathBuf,
    /// The jurisdiction whose log is meant; may be left out where the configuration has only one
    #[arg(long)]
    jurisdiction: Option<String>,
    /// The case, as KIND=NUMBER (KIND:NUMBER is the same). Numbers are compared by their letters and digits alone, whatever
    /// their kind, as the host counts them
    #[arg(long)]
    case: String,
    /// The folder to make; it must not exist, or be empty
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let wanted = case(&arguments.case)?;
    let out = &arguments.out;
    // Made beside the folder and moved there whole: half an export would look like a small case.
    let making = Scratch::private(scratch::room_for(out)?, ".magistrate-export-")?;
    let manifest = runtime()?.block_on(export(arguments, wanted, making.path()))?;
    let text = serde_json::to_vec_pretty(&manifest)?;
    private::file(&making.path().join(package::MANIFEST), &text)?;
    making.settle(out)?;

    let Completeness { first, end, purged, searches, rejected, .. } = &manifest.completeness;
    say!(
        "{}: {} entries, {} searches, {} attempts, {} documents",
        out.display(),
        manifest.entries.len(),
        searches.len(),
        rejected.as_ref().map_or(0, Vec::len),
        manifest.documents.len()
    );
    let (last, gone) = (end.saturating_sub(1), purged.len());
    say!("looked for in all entries from {first} to {last} of {}; {gone} of them are purged", manifest.log);
    if let Some(unseen) = manifest.completeness.unseen() {
        say!("{}", output::inert(&unseen));
    }
    say!("{} has the digest {}: say it apart from the folder", package::MANIFEST, Digest::of(&text));
    Ok(ExitCode::SUCCESS)
}

/// The export under way.
struct Package<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Digest>,
}

impl Package<'_> {
    fn put(&mut self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            private::folder(parent)?;
        }
        private::file(&path, content)?;
        self.files.insert(name.to_owned(), Digest::of(content));
        Ok(())
    }

    /// An entry with everything that proves it.
    fn entry(&mut self, snapshot: &audit::Snapshot, entry: &Told, row: &store::AccountRow) -> anyhow::Result<()> {
        let files = package::Files::of(entry.index);
        self.put(&files.leaf, &entry.bytes)?;
        self.put(&files.proof, snapshot.receipt(entry.index)?.to_string().as_bytes())?;
        self.put(&files.account, &row.plain)?;
        self.put(&files.salt, hex::encode(row.salt).as_bytes())
    }
}

async fn export(arguments: &Arguments, wanted: Identifier, folder: &Path) -> anyhow::Result<Manifest> {
    let config = Config::read(&arguments.config)?;
    let log = one_of(&config, arguments.jurisdiction.as_deref())?;
    let store = database(&config).await?;
    let mut reader = Reader::open(&log, &store).await?;
    reader.settle().await?;
    let mut package = Package { folder, files: BTreeMap::new() };
    let other_logs = reader.rows().other_logs(log.key.name()).await?;
    let (mut entries, mut accounts) = (Vec::new(), Vec::new());
    let (mut gone, mut destroyed) = (Vec::new(), BTreeSet::new());
    let mut trail = Trail::of(&wanted);
    trail.follow(&mut reader).await?;
    let bar = bar("looking for the case", reader.snapshot().size());
    while let Some(told) = reader.next(|_, _| true).await? {
        for entry in &told {
            let (Some(row), Some(account)) = (&entry.row, entry.account()?) else {
                gone.push((entry.index, entry.leaf.id.clone()));
                continue;
            };
            let named = destroyed_accounts(entry.leaf.kind, &account.event);
            // Whoever can write to the database alone explains nothing away.
            if !named.is_empty() && entry.committed() == Some(true) {
                destroyed.extend(named);
            }
            if !trail.touches(&account) {
                continue;
            }
            if entry.committed() == Some(false) {
                bail!("the account of entry {} is not the one the entry commits to: nothing is exported", entry.index);
            }
            if let Err(e) = entry.leaf.agrees_with(&account) {
                bail!("entry {}: {e}: nothing is exported", entry.index);
            }
            package.entry(reader.snapshot(), entry, row)?;
            entries.push(Listed::of(entry.index, &entry.leaf, &account));
            accounts.push((entry.index, account));
        }
        bar.set_position(reader.done());
    }
    bar.finish_and_clear();
    let purged = purged(gone, &destroyed)?;
    // Whoever checks the export has nothing but these accounts to go by.
    if Trail::told_by(&wanted, accounts.iter().map(|(_, account)| account)).requests() != trail.requests() {
        bail!("accounts came or went while the log was read: nothing is exported; try again");
    }
    let mut documents = probes(&mut package, reader.rows(), trail.requests()).await?;
    documents.extend(released(&mut package, reader.rows(), &accounts).await?);
    let snapshot = reader.snapshot();
    package.put(package::CHECKPOINT, snapshot.checkpoint().as_bytes())?;
    package.put(package::KEY, package::key_file(&log.key).as_bytes())?;
    store.close().await;

    let completeness = Completeness {
        first: snapshot.minimum_index(),
        end: snapshot.size(),
        other_logs,
        purged,
        requests: trail.requests().iter().cloned().collect(),
        searches: package::searches(&accounts),
        rejected: Some(package::rejected(&accounts)),
    };
    let exported = jiff::Timestamp::now().as_millisecond();
    let mut manifest = Manifest {
        v: completeness.version(),
        log: log.key.name().to_owned(),
        jurisdiction: log.jurisdiction.clone(),
        case: wanted,
        exported: Instant(u64::try_from(exported).unwrap_or(0)),
        completeness,
        entries,
        documents,
        files: BTreeMap::new(),
    };
    package.put(package::PAGE, page::html(&manifest, &log.key.to_string()).as_bytes())?;
    manifest.files = package.files;
    Ok(manifest)
}

/// Which of these entries, that have no account, a purge on record took theirs from: all, or nothing is exported.
fn purged(gone: Vec<(u64, String)>, destroyed: &BTreeSet<String>) -> anyhow::Result<Vec<u64>> {
    let (purged, missing) = told_apart(gone, destroyed);
    match missing.first() {
        Some(index) => bail!(
            "the account of entry {index} is not there, and no purge on record names it: nothing is exported; it may be on \
             its way to the database, so try again, and `magistrate audit verify --accounts` says what else is missing"
        ),
        None => Ok(purged),
    }
}

/// The documents that were released, in both forms, as far as they are still there.
async fn released(
    package: &mut Package<'_>,
    rows: &store::Jurisdiction,
    accounts: &[(u64, Account)],
) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for (index, account) in accounts {
        let (Event::Released { documents: drawn, .. }, Some(request)) = (&account.event, &account.request) else {
            continue;
        };
        // Ids are safe as files' names; whatever is none was not made by this program.
        for document in drawn.iter().filter(|d| check_id(&d.id).is_ok() && check_id(request).is_ok()) {
            for (form, digest) in [(Form::Html, document.html), (Form::Pdf, document.pdf)] {
                let Some(bytes) = rows.open_sealed(DOCUMENT, &sealed_id(request, &document.id, form)).await? else {
                    continue;
                };
                if Digest::of(&bytes) != digest {
                    bail!(
                        "the document `{}` is not the one that entry {index} released: nothing is exported",
                        document.id
                    );
                }
                let file = package::document_file(&document.id, request, form);
                package.put(&file, &bytes)?;
                let listed = Document { file, request: request.clone(), what: document.id.clone() };
                // Released again as it was, it is one file.
                if !documents.contains(&listed) {
                    documents.push(listed);
                }
            }
        }
    }
    Ok(documents)
}

/// The probe photographs of the requests, as far as they are still there.
async fn probes(
    package: &mut Package<'_>,
    rows: &store::Jurisdiction,
    requests: &BTreeSet<String>,
) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    // An id is safe as a file's name; whatever is none was not made by this program.
    for request in requests.iter().filter(|request| check_id(request).is_ok()) {
        let Some(image) = rows.open_sealed(PROBE, request).await? else { continue };
        let file = package::probe_file(request, &image);
        package.put(&file, &image)?;
        documents.push(Document { file, request: request.clone(), what: PROBE.to_owned() });
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_purge_on_record_names_is_purged() {
        let gone = || vec![(3, "e3".to_owned()), (5, "e5".to_owned())];
        let destroyed = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(purged(gone(), &destroyed(&["e3", "e5", "e9"])).unwrap(), [3, 5]);
        let refused = purged(gone(), &destroyed(&["e3"])).unwrap_err().to_string();
        assert!(refused.contains("entry 5") && refused.contains("nothing is exported"), "{refused}");
        assert!(purged(Vec::new(), &destroyed(&[])).unwrap().is_empty());
    }
}
