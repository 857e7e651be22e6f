//! `magistrate store`: care of an embedded database, and of what any database keeps (`check`).
//!
//! What is destroyed in a database can no longer be read through it, but the embedded engine leaves its sealed bytes, and the
//! wrapped key beside them, in its files until it happens to compact them, and cannot be told to. `store compact` writes
//! what is left into a fresh folder and puts that in the old one's place. A server's database is the server's to compact.
//!
//! Of what was destroyed nothing is in the database's files then. What the disk still holds of files that were removed, in free
//! blocks, spare cells, snapshots and backups, no program can promise: encryption of the volume is for that.
//!
//! | folder | holds |
//! |---|---|
//! | `NAME` | the database |
//! | `NAME.compacting` | what is being written; worth nothing until it is whole |
//! | `NAME.old` | the database as it was, from the moment it is replaced until it is removed |

mod check;

use crate::config::{self, Config};
use crate::output::bar;
use crate::{private, runtime};
use anyhow::{Context as _, bail};
use clap::Subcommand;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the embedded database anew, so that nothing of what was purged is in its files. Stop the server first
    Compact(Arguments),
    /// Derive obligations, dockets and search counters from the logs again, and compare them with the database. Stop the server first
    Check(check::Arguments),
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate store compact --config here/magistrate.toml\n\nWhat the disk still holds of removed files is for the volume's encryption."
)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, default_value = "magistrate.toml")]
    config: PathBuf,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let arguments = match command {
        Command::Compact(arguments) => arguments,
        Command::Check(arguments) => return check::run(arguments),
    };
    let config = Config::read(&arguments.config)?;
    let Some(folder) = config.database_folder() else {
        bail!("[store] url names a database server, which compacts its own files");
    };
    resume(&folder)?;
    if !folder.is_dir() {
        bail!("there is no database in {} yet", folder.display());
    }
    let before = size(&folder)?;
    let fresh = beside(&folder, ".compacting");
    let rows = into_fresh(&fresh, || runtime()?.block_on(rewrite(&config, &fresh)))?;
    replace(&folder, &fresh)?;
    let after = size(&folder)?;
    say!("{rows} rows written anew: {before} bytes before, {after} now; nothing of what was purged is in its files");
    Ok(ExitCode::SUCCESS)
}

/// Whether the database is where it should be: a compaction that broke off may have left it under its other name.
///
/// # Errors
/// When it has: opening it would make an empty one.
pub(crate) fn whole(config: &Config) -> anyhow::Result<()> {
    match config.database_folder() {
        Some(folder) if !folder.exists() && beside(&folder, ".old").exists() => bail!(
            "a compaction of {} broke off: run `magistrate store compact` again, and the database is back",
            folder.display()
        ),
        _ => Ok(()),
    }
}

/// Tidies up after a compaction that broke off: the database goes back to its place, what was half-way goes.
fn resume(folder: &Path) -> anyhow::Result<()> {
    let (fresh, old) = (beside(folder, ".compacting"), beside(folder, ".old"));
    if old.exists() {
        if folder.exists() {
            remove(&old)?;
        } else {
            rename(&old, folder)?;
        }
    }
    if fresh.exists() { remove(&fresh) } else { Ok(()) }
}

/// Makes the fresh folder and has it written; where that fails, what was written goes again.
fn into_fresh<T>(fresh: &Path, write: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    private::only_owners(fresh)?;
    write().map_err(|e| match remove(fresh) {
        Ok(()) => e,
        Err(left) => e.context(format!("{left:#}; the next compaction removes it")),
    })
}

/// Writes every jurisdiction's rows into a database in a fresh folder; gives their number.
async fn rewrite(config: &Config, fresh: &Path) -> anyhow::Result<u64> {
    let key = || anyhow::Ok(store::MasterKey::from_bytes(config::secret(&config.store.key)?));
    let from = store::Store::open(&config.store.url, None, key()?).await?;
    let into = store::Store::open(&format!("surrealkv://{}", fresh.display()), None, key()?).await?;
    let copied = copy(config, &from, &into).await;
    into.close().await;
    from.close().await;
    copied
}

async fn copy(config: &Config, from: &store::Store, into: &store::Store) -> anyhow::Result<u64> {
    let known = config.jurisdictions.keys().next().context("the configuration names no jurisdiction")?;
    let mut rows = 0;
    for id in from.jurisdictions(known).await? {
        let bar = bar(&format!("rows of {id}"), 0);
        let progress = |copied: u64| {
            bar.set_length(copied);
            bar.set_position(copied);
        };
        let (old, new) = (from.jurisdiction(&id).await?, into.jurisdiction(&id).await?);
        rows += old.rewrite(&new, &progress).await?;
        bar.finish_and_clear();
    }
    Ok(rows)
}

/// Puts the fresh folder in the old one's place, and removes the old one.
fn replace(folder: &Path, fresh: &Path) -> anyhow::Result<()> {
    let old = beside(folder, ".old");
    rename(folder, &old)?;
    rename(fresh, folder)?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::File::open(parent)
        .and_then(|parent| parent.sync_all())
        .with_context(|| format!("cannot sync {}", parent.display()))?;
    remove(&old)
}

fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = folder.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Bytes of all files under a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        bytes += if is_folder { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, read_to_string, write};

    fn made(folder: &Path, says: &str) {
        create_dir_all(folder).unwrap();
        write(folder.join("rows"), says).unwrap();
    }

    #[test]
    fn of_a_compaction_that_fails_nothing_is_left_and_why_is_said() {
        let home = tempfile::tempdir().unwrap();
        let fresh = beside(&home.path().join("db"), ".compacting");
        let failed = into_fresh(&fresh, || -> anyhow::Result<u64> { bail!("it is in use") }).unwrap_err();
        assert_eq!(
            (format!("{failed:#}").as_str(), fresh.exists()),
            ("it is in use", false),
            "before anything was written"
        );
        let failed = into_fresh(&fresh, || -> anyhow::Result<u64> {
            made(&fresh, "half");
            bail!("the disk is full")
        });
        assert_eq!(
            (format!("{:#}", failed.unwrap_err()).as_str(), fresh.exists()),
            ("the disk is full", false),
            "half-way"
        );
        assert_eq!(into_fresh(&fresh, || Ok(3)).unwrap(), 3);
        assert!(fresh.is_dir(), "and what is whole stays");
    }

    #[test]
    fn wherever_a_compaction_breaks_off_the_database_is_there_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("db");
        let (fresh, old) = (beside(&folder, ".compacting"), beside(&folder, ".old"));
        let says = || read_to_string(folder.join("rows")).unwrap();

        made(&folder, "all");
        made(&fresh, "half");
        resume(&folder).unwrap();
        assert_eq!((says().as_str(), fresh.exists()), ("all", false), "while it was written");

        made(&fresh, "anew");
        rename(&folder, &old).unwrap();
        resume(&folder).unwrap();
        assert_eq!((says().as_str(), fresh.exists(), old.exists()), ("all", false, false), "between the two names");

        made(&old, "all");
        resume(&folder).unwrap();
        assert!(!old.exists(), "before the old one was removed");

        made(&fresh, "anew");
        replace(&folder, &fresh).unwrap();
        assert_eq!((says().as_str(), fresh.exists(), old.exists()), ("anew", false, false));
    }
}
