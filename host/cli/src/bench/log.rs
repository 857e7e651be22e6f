//! A log to measure on: entries like those of judged steps, written by as many at once as make large batches.

use crate::output::bar;
use anyhow::{Context as _, bail};
use cap_std::fs::Dir;
use model::account::{Kind, Leaf};
use model::combine::PolicyRef;
use model::terms::{Digest, Instant, Phase, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

const ORIGIN: &str = "bench/log";

/// Writers at the same moment: as many as a batch of the log takes.
const WRITERS: usize = 4096;

/// A log that was written and closed.
pub(super) struct Written {
    folder: PathBuf,
    signer: Arc<audit::Ed25519Signer>,
    /// Bytes of an entry.
    pub(super) entry_bytes: usize,
}

/// Writes a log of so many entries into a folder of its own.
pub(super) fn write(folder: &Path, entries: u64) -> anyhow::Result<Written> {
    if entries < 2 {
        bail!("a log of {entries} entries proves nothing: measure on more");
    }
    let folder = folder.join("log");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let signer = Arc::new(audit::Ed25519Signer::generate(ORIGIN)?);
    let written = Written { folder, signer, entry_bytes: leaf(0)?.len() };
    let log = written.open()?;
    if log.size() > 0 {
        bail!("{} holds a log already: name another folder", written.folder.display());
    }
    crate::runtime()?.block_on(fill(&log, entries))?;
    log.close()?;
    Ok(written)
}

impl Written {
    /// The log, as a server opens it.
    pub(super) fn open(&self) -> anyhow::Result<audit::Log> {
        Ok(audit::Log::open(self.dir()?, ORIGIN, self.signer.clone())?.log)
    }

    /// Its folder, as a verifier opens it.
    pub(super) fn dir(&self) -> anyhow::Result<Dir> {
        Ok(Dir::open_ambient_dir(&self.folder, cap_std::ambient_authority())?)
    }

    /// The key that signs it.
    pub(super) fn key(&self) -> anyhow::Result<audit::VerifierKey> {
        Ok(audit::Signer::verifier_key(&*self.signer).parse()?)
    }
}

async fn fill(log: &audit::Log, entries: u64) -> anyhow::Result<()> {
    let bar = bar("writing entries", entries);
    let mut writers = JoinSet::new();
    for writer in 0..(WRITERS as u64).min(entries) {
        let (log, bar) = (log.clone(), bar.clone());
        writers.spawn(async move {
            for number in (writer..entries).step_by(WRITERS) {
                log.append(leaf(number)?).await?;
                bar.inc(1);
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done??;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The entry of a search that was permitted.
fn leaf(number: u64) -> anyhow::Result<Vec<u8>> {
    let of = |what: &str| Digest::of(format!("{what} {number}").as_bytes());
    let policy =
        PolicyRef { id: "a-policy".to_owned(), component: Digest::of(b"component"), settings: Digest::of(b"settings") };
    Ok(serde_json::to_vec(&Leaf {
        v: 1,
        id: model::terms::new_id(),
        kind: Kind::Intent,
        at: Instant(1_772_000_000_000 + number),
        phase: Some(Phase::Search),
        verdict: Some(Verdict::Permit),
        policies: vec![policy],
        of: None,
        account: of("account"),
    })?)
}
