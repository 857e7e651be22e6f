//! `audit replay`: every recorded decision, taken again on the component and settings that were in force.

use super::accounts::{Reader, Told, database, purged, told_apart};
use super::{Log, all_of, reconcile};
use crate::config::Config;
use crate::output::{self, bar};
use crate::{UNVERIFIED, runtime};
use casework::PolicyState;
use casework::replay::{Decided, Difference, Replayed};
use model::account::Leaf;
use model::combine::PolicyRef;
use model::terms::{Digest, Instant};
use policy::engine::AT_ONCE;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::{Map, json};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit replay --config here/magistrate.toml --since 2026-03-01T00:00:00Z\n\nExit code 4 where any decision or its fuel comes out otherwise than it is on record, or its account is missing and no purge on record names it.\n\nReads the database without its server, as whoever holds its master key: the log has no entry of it."
)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long)]
    config: PathBuf,
    /// Only this jurisdiction's log
    #[arg(long)]
    jurisdiction: Option<String>,
    /// Only decisions of this moment or later, as 2026-01-31T09:30:00Z
    #[arg(long)]
    since: Option<Instant>,
    /// JSON lines: each difference, what is missing of each log, and the counts
    #[arg(long)]
    json: bool,
}

/// Revisions of policies, loaded, or why they cannot be.
type Revisions = HashMap<(Digest, Digest), Result<PolicyState, String>>;

/// What came of the replays so far.
#[derive(Default)]
struct Tally {
    decisions: u64,
    same: u64,
    indeterminate: u64,
    purged: u64,
    differing: u64,
    missing: Vec<Missing>,
}

/// Decisions of one log whose accounts are not there, and no purge on record says why: by their indices.
struct Missing {
    log: String,
    entries: Vec<u64>,
}

/// What came of one replay.
enum Found {
    /// Its account is not there.
    Gone,
    Replayed(Replayed),
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(replay(arguments))
}

/// How a replay went, for whoever measures it.
pub(crate) struct Measured {
    pub(crate) decisions: u64,
    pub(crate) same: u64,
    pub(crate) differing: u64,
    pub(crate) took: Duration,
}

/// Replays every decision of one jurisdiction's log, and says nothing of it.
pub(crate) async fn measure(config: &Config, jurisdiction: &str) -> anyhow::Result<Measured> {
    let (tally, took) = all(config, Some(jurisdiction), Instant::default(), &mut |_, _, _| {}).await?;
    let Tally { decisions, same, differing, .. } = tally;
    Ok(Measured { decisions, same, differing, took })
}

async fn replay(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = Config::read(&arguments.config)?;
    let since = arguments.since.unwrap_or_default();
    let mut differs = |log: &Log, entry: &Told, found: &[Difference]| print(arguments.json, log, entry, found);
    let (tally, took) = all(&config, arguments.jurisdiction.as_deref(), since, &mut differs).await?;
    tally.report(arguments.json, took);
    let sound = tally.differing == 0 && tally.missing.is_empty();
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) })
}

/// As many of these threads as the sandbox has places: one more would find none, and its decision would come out as a fault.
pub(crate) fn at_once(threads: usize) -> usize {
    threads.min(usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
}

/// Replays the decisions of this moment or later, of one jurisdiction's log or of all. `differs` is told of each that does.
async fn all(
    config: &Config,
    jurisdiction: Option<&str>,
    since: Instant,
    differs: &mut dyn FnMut(&Log, &Told, &[Difference]),
) -> anyhow::Result<(Tally, Duration)> {
    let logs = all_of(config, jurisdiction)?;
    let (archive, engine) = (config.archive()?, policy::Engine::new()?);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(at_once(rayon::current_num_threads())).build()?;
    let threads = Arc::new(threads);
    let store = database(config).await?;
    let (mut revisions, mut tally) = (Revisions::new(), Tally::default());
    let judged = |_: u64, leaf: &Leaf| leaf.verdict.is_some() && leaf.at >= since;
    let started = std::time::Instant::now();
    for log in &logs {
        let mut reader = Reader::open(log, &store).await?;
        reader.settle().await?;
        let mut gone = Vec::new();
        let bar = bar(&format!("replaying {}", log.jurisdiction), reader.snapshot().size());
        let mut batch = reader.next(judged).await?;
        while let Some(told) = batch {
            load(&mut revisions, &told, &archive, &engine);
            let threads = threads.clone();
            let deciding = tokio::task::spawn_blocking(move || {
                let decided = || told.par_iter().map(|entry| decide(entry, &revisions)).collect();
                let found: Vec<Found> = threads.install(decided);
                (told, revisions, found)
            });
            // The next entries are read while these are decided.
            let (decided, next) = tokio::join!(deciding, reader.next(judged));
            let (told, back, found) = decided?;
            revisions = back;
            for (entry, found) in told.iter().zip(found) {
                let Found::Replayed(replayed) = found else {
                    gone.push((entry.index, entry.leaf.id.clone()));
                    continue;
                };
                tally.add(&replayed);
                if let Replayed::Differs(differences) = replayed {
                    bar.suspend(|| differs(log, entry, &differences));
                }
            }
            bar.set_position(reader.done());
            batch = next?;
        }
        bar.finish_and_clear();
        if !gone.is_empty() {
            tally.tell_apart(log, gone, &purged(log, &store).await?);
        }
    }
    let took = started.elapsed();
    store.close().await;
    Ok((tally, took))
}

/// Loads the revisions that these entries name and that are not loaded yet.
fn load(revisions: &mut Revisions, told: &[Told], archive: &policy::Archive, engine: &policy::Engine) {
    for revision in told.iter().flat_map(|entry| &entry.leaf.policies) {
        let unloaded =
            |revision: &PolicyRef| archive.load(engine, revision).map(PolicyState::Ready).map_err(|e| e.to_string());
        // Without a component there was no policy: the host denied.
        if revision.component != Digest::default() {
            let place = revisions.entry((revision.component, revision.settings));
            place.or_insert_with(|| unloaded(revision));
        }
    }
}

fn decide(entry: &Told, revisions: &Revisions) -> Found {
    let Some(row) = &entry.row else { return Found::Gone };
    let damaged = |replayed: String| {
        let (jurisdiction, recorded) = (String::new(), entry.leaf.account.to_string());
        Found::Replayed(Replayed::Differs(vec![Difference { jurisdiction, what: "account", recorded, replayed }]))
    };
    if entry.committed() == Some(false) {
        return damaged("the account is not the one that the entry commits to".to_owned());
    }
    let decided = match Decided::read(&entry.leaf, &row.plain) {
        Ok(decided) => decided,
        Err(e) => return damaged(e.to_string()),
    };
    Found::Replayed(decided.again(|revision| match revisions.get(&(revision.component, revision.settings)) {
        Some(Ok(policy)) => Ok(policy),
        Some(Err(why)) => Err(why.clone()),
        None => Err("the entry does not name this revision".to_owned()),
    }))
}

fn print(json: bool, log: &Log, entry: &Told, differences: &[Difference]) {
    for difference in differences {
        if json {
            say!(
                "{}",
                json!({
                    "log": log.key.name(), "index": entry.index, "id": entry.leaf.id, "at": entry.leaf.at,
                    "difference": difference,
                })
            );
            continue;
        }
        let Difference { jurisdiction, what, recorded, replayed } = difference;
        let (recorded, replayed) = (output::inert(recorded), output::inert(replayed));
        let (phase, at) = (entry.leaf.phase.map(|p| p.name()).unwrap_or_default(), entry.leaf.at);
        let word = output::red_out("DIFFERS");
        say!("{word} entry {} of {} ({phase}, {at}): {what} {jurisdiction}", entry.index, log.key.name());
        say!("    on record: {recorded}");
        say!("    replayed:  {replayed}");
    }
}

impl Tally {
    fn add(&mut self, replayed: &Replayed) {
        self.decisions += 1;
        match replayed {
            Replayed::Same => self.same += 1,
            Replayed::Indeterminate => self.indeterminate += 1,
            Replayed::Differs(_) => self.differing += 1,
        }
    }

    /// Adds decisions whose accounts are gone, by their indices and ids: some a purge on record destroyed, and others are missing.
    fn tell_apart(&mut self, log: &Log, gone: Vec<(u64, String)>, destroyed: &BTreeSet<String>) {
        let (purged, missing) = told_apart(gone, destroyed);
        self.purged += purged.len() as u64;
        if !missing.is_empty() {
            self.missing.push(Missing { log: log.key.name().to_owned(), entries: missing });
        }
    }

    fn report(&self, json: bool, took: Duration) {
        for Missing { log, entries } in &self.missing {
            if json {
                say!("{}", json!({"log": log, "missing": entries}));
            } else {
                let named = reconcile::named("accounts of decisions missing without a purge on record", entries);
                say!("{} {log}: {named}", output::red_out("NOT VERIFIED"));
            }
        }
        let missing: usize = self.missing.iter().map(|missing| missing.entries.len()).sum();
        let seconds = took.as_secs_f64();
        let values = Map::from_iter([
            ("decisions".to_owned(), json!(self.decisions)),
            ("same".to_owned(), json!(self.same)),
            ("differing".to_owned(), json!(self.differing)),
            ("indeterminate".to_owned(), json!(self.indeterminate)),
            ("purged".to_owned(), json!(self.purged)),
            ("missing".to_owned(), json!(missing)),
            ("seconds".to_owned(), json!((seconds * 1000.0).round() / 1000.0)),
            ("decisions_per_s".to_owned(), json!((self.decisions as f64 / seconds.max(1e-9)).round())),
        ]);
        output::measurement(json, "decisions replayed", &values);
    }
}

#[cfg(test)]
mod tests {
    use super::at_once;

    #[test]
    fn no_more_decisions_are_taken_at_once_than_the_sandbox_has_places() {
        assert_eq!([1, 64, 65, 1000].map(at_once), [1, 64, 64, 64]);
    }
}
