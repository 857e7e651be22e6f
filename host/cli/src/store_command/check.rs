//! `store check`: what the database keeps beside the logs, derived from them again and compared.

use super::whole;
use crate::audit_command::accounts::{Reader, database};
use crate::audit_command::{Log, all_of};
use crate::config::Config;
use crate::output::{self, bar};
use crate::serve::prepare_log;
use crate::{UNVERIFIED, runtime};
use anyhow::{Context as _, bail};
use casework::Clock;
use casework::derivation::{Derivation, Difference, Findings, Mending};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Of each thing that is only named, so many are; the rest are counted.
const MOST_NAMED: usize = 20;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate store check --config here/magistrate.toml\n  magistrate store check --config here/magistrate.toml --mend\n\nAfter a crash, start and stop the server once first: it brings to the database what it recorded last; until then nothing is compared (1). Ends with 4 where anything differs, or an account is gone without a purge on record. A row that no entry tells of is said, and left. What an account alone said that was purged cannot be derived: the rows that may be as they are because of it are counted.\n\nNot derived, because accounts do not say all of it: requests with their probes, galleries, people, agencies, agreements, policy revisions, and marks of what is under way."
)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, default_value = "magistrate.toml")]
    config: PathBuf,
    /// Write the rows that differ anew. Which, and what they held, is recorded first
    #[arg(long)]
    mend: bool,
    /// One JSON line per jurisdiction
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = Config::read(&arguments.config)?;
    whole(&config)?;
    if let Some(folder) = config.database_folder().filter(|folder| !folder.is_dir()) {
        bail!("there is no database in {} yet", folder.display());
    }
    runtime()?.block_on(check(arguments, &config))
}

/// One jurisdiction, derived.
struct Checked {
    log: Log,
    rows: store::Jurisdiction,
    mending: Option<Mending>,
    derived: Derivation,
}

async fn check(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let store = database(config).await?;
    let mut all = Vec::new();
    for log in all_of(config, None)? {
        let rows = store.jurisdiction(&log.jurisdiction).await?;
        let others = rows.other_logs(log.key.name()).await?;
        if !others.is_empty() {
            bail!(
                "{} has other hosts, with the logs {}: from one log alone the rows that all of them write do not follow",
                log.jurisdiction,
                output::inert(&others.join(", "))
            );
        }
        let mending = if arguments.mend {
            let prepared = prepare_log(config, &log.jurisdiction)?;
            Some(Mending::open(&log.jurisdiction, prepared, &rows, Clock::system()).await?)
        } else {
            None
        };
        let derived = derive(&log, &store).await?;
        all.push(Checked { log, rows, mending, derived });
    }
    let mut agreed = true;
    // What one log says may be of rows that are kept with another.
    let lifts: Vec<_> = all.iter().map(|checked| checked.derived.lifts()).collect();
    for Checked { log, rows, mending, mut derived } in all {
        lifts.iter().try_for_each(|of_one| derived.heed(of_one))?;
        let findings = derived.compare(&rows).await?;
        let mut mended = 0;
        if let Some(mending) = mending {
            let outcome = mending.mend(&derived, &findings.differences).await;
            mending.close().await?;
            mended = outcome.context("nothing more was mended")?;
        }
        agreed &= findings.differences.len() == mended && findings.missing.is_empty();
        if arguments.json {
            say!("{}", values(&log, &findings, mended));
        } else {
            show(&log, &findings, mended);
        }
    }
    store.close().await;
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) })
}

/// Goes through a log with its accounts.
async fn derive(log: &Log, store: &store::Store) -> anyhow::Result<Derivation> {
    let mut reader = Reader::open(log, store).await?;
    let mut derived = Derivation::new(&log.jurisdiction, log.key.name(), reader.snapshot().minimum_index());
    let bar = bar(&format!("entries of {}", log.jurisdiction), reader.snapshot().size());
    let mut riding = 0_u64;
    while let Some(told) = reader.next(|_, _| true).await? {
        for entry in told {
            riding += u64::from(entry.rides);
            // One that is not its entry's says nothing.
            let account = if entry.committed() == Some(true) { entry.account()? } else { None };
            derived.take(entry.index, &entry.leaf, account)?;
        }
        bar.set_position(reader.done());
    }
    bar.finish_and_clear();
    if riding > 0 {
        // What else they left rides there, too: rows that are not there yet are no difference.
        bail!(
            "what {riding} entries of {} left is still on its journal, and not in the database: start and stop the server once, \
             which brings it there, then check again",
            log.key.name()
        );
    }
    Ok(derived)
}

fn values(log: &Log, findings: &Findings, mended: usize) -> Value {
    let mut values = json!({ "log": log.key.name(), "mended": mended });
    if let (Some(all), Ok(Value::Object(found))) = (values.as_object_mut(), serde_json::to_value(findings)) {
        all.extend(found);
    }
    values
}

fn show(log: &Log, findings: &Findings, mended: usize) {
    let Findings { obligations, dockets, searches, differences, untold, purged, pruned, missing } = findings;
    let agree = format!("{obligations} obligations, {dockets} dockets and {searches} searches are as the entries say");
    let name = log.key.name();
    if differences.is_empty() && missing.is_empty() {
        say!("{} {name}: {agree}", output::green("agreed"));
    } else {
        say!("{} {name}: {} rows are not as the entries say; {agree}", output::red_out("DIFFERS"), differences.len());
    }
    if !differences.is_empty() {
        let mut table = output::table(["kind", "row", "holds", "the entries say"]);
        for Difference { kind, row, holds, says, .. } in differences {
            let [row, holds, says] = [row.clone(), told(holds), told(says)].map(|text| output::inert(&text));
            table.add_row([(*kind).to_owned(), row, holds, says]);
        }
        say!("{table}");
    }
    if mended > 0 {
        say!("{mended} rows were written anew");
    }
    if *purged > 0 {
        say!("the accounts of {purged} entries were purged: what they alone said is left out");
    }
    if *pruned > 0 {
        say!("the log keeps its entries from {pruned} on: what those before it alone said is left out");
    }
    name_all("rows that may be as they are because of an entry that says nothing any more", untold);
    name_all("accounts that are not there, or not their entries', without a purge on record", missing);
}

/// A row's fields; `-` where there is none.
fn told(value: &Value) -> String {
    if value.is_null() { "-".to_owned() } else { value.to_string() }
}

fn name_all(what: &str, all: &[String]) {
    if all.is_empty() {
        return;
    }
    let first: Vec<_> = all.iter().take(MOST_NAMED).map(|one| output::inert(one)).collect();
    let more = if all.len() > MOST_NAMED { ", …" } else { "" };
    say!("{what}, {}: {}{more}", all.len(), first.join(", "));
}
