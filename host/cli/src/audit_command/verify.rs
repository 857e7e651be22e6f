//! `audit verify`: nothing is believed but the key.

use super::accounts::{Reader, database};
use super::{Log, all_of, cosigned, open, remote};
use crate::config::Config;
use crate::output::{self, bar};
use crate::{UNVERIFIED, keys, runtime, witnesses};
use anyhow::{Context as _, bail};
use audit::WitnessKey;
use model::account::{Event, Kind};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Purged accounts named one by one; the rest are counted.
const MOST_NAMED: usize = 20;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit verify --config here/magistrate.toml\n  magistrate audit verify here/data/logs/detroit --key here/log-keys/detroit.vkey\n  magistrate audit verify https://localhost:8443/v1/detroit/log --key detroit.vkey --certificate here/certs/detroit/a.feld.pem"
)]
pub(crate) struct Arguments {
    /// The folder of a log, or its address: https://HOST:PORT/v1/JURISDICTION/log
    #[arg(required_unless_present = "config", conflicts_with = "config", requires = "key")]
    log: Option<String>,
    /// Its verifier key: a file, or the key itself
    #[arg(long, conflicts_with = "config")]
    key: Option<String>,
    /// Verify every log of a configuration
    #[arg(long)]
    config: Option<PathBuf>,
    /// Of the configuration's logs, only this jurisdiction's
    #[arg(long, requires = "config")]
    jurisdiction: Option<String>,
    /// A file with an earlier signed checkpoint, which the log must extend
    #[arg(long)]
    since: Option<PathBuf>,
    /// Compare every account in the database with what its entry commits to; one that is gone has to be named by an entry
    /// that records its purge
    #[arg(long, requires = "config")]
    accounts: bool,
    /// The key of a witness that may have cosigned the checkpoint: a file, or the key itself; may be repeated. With --config,
    /// the witnesses are those of the configuration, and as many must have cosigned it as that demands: a log that has not
    /// been published yet because they did not is NOT VERIFIED, too
    #[arg(long = "witness", conflicts_with = "config")]
    witnesses: Vec<String>,
    /// How many of these witnesses must have cosigned it
    #[arg(long, requires = "witnesses")]
    witnesses_required: Option<usize>,
    #[command(flatten)]
    access: remote::Access,
    /// One JSON line per log
    #[arg(long)]
    json: bool,
}

/// What verifying one log came to.
struct Verdict {
    sound: bool,
    values: serde_json::Value,
    text: String,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let earlier = arguments.since.as_deref().map(read).transpose()?;
    let config = arguments.config.as_deref().map(Config::read).transpose()?;
    let mut verdicts = Vec::new();
    if let Some(config) = &config {
        for log in all_of(config, arguments.jurisdiction.as_deref())? {
            let name = log.folder.display().to_string();
            let required = witnesses::required(config, &log.jurisdiction).filter(|required| *required > 0);
            let watch = Watch { witnesses: witnesses::keys(config, &log.jurisdiction)?, required };
            verdicts.push(verify(&log.folder, &name, &log.key, earlier.as_deref(), &watch)?);
        }
        if arguments.accounts && verdicts.iter().all(|v| v.sound) {
            let logs = all_of(config, arguments.jurisdiction.as_deref())?;
            verdicts.extend(runtime()?.block_on(accounts(config, &logs))?);
        }
    } else if let (Some(log), Some(key)) = (&arguments.log, &arguments.key) {
        let key: audit::VerifierKey = keys::read(key)?;
        let witnesses =
            arguments.witnesses.iter().map(|key| keys::read::<WitnessKey>(key)).collect::<anyhow::Result<_>>()?;
        let watch = Watch { witnesses, required: arguments.witnesses_required };
        if log.starts_with("https://") {
            verdicts.push(match remote::fetch(log, &key, &arguments.access) {
                Ok((folder, _temporary)) => verify(&folder, log, &key, earlier.as_deref(), &watch)?,
                Err(e) if e.is::<audit::CheckpointError>() || e.is::<audit::PrunedNoteError>() => {
                    unsound(log, &key, &format!("{e:#}"))
                }
                Err(e) => return Err(e),
            });
        } else {
            verdicts.push(verify(Path::new(log), log, &key, earlier.as_deref(), &watch)?);
        }
    } else {
        bail!("name a log with its --key, or --config");
    }
    for verdict in &verdicts {
        if arguments.json {
            say!("{}", verdict.values);
        } else {
            say!("{}", verdict.text);
        }
    }
    Ok(if verdicts.iter().all(|v| v.sound) { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Whose cosignatures are looked for.
struct Watch {
    witnesses: Vec<WitnessKey>,
    /// How many of them must hold.
    required: Option<usize>,
}

fn verify(
    folder: &Path,
    name: &str,
    key: &audit::VerifierKey,
    earlier: Option<&str>,
    watch: &Watch,
) -> anyhow::Result<Verdict> {
    let dir = open(folder)?;
    let bar = bar(name, 0);
    let mut progress = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let started = Instant::now();
    let verified = audit::verify::directory(&dir, key, earlier, &mut progress);
    let took = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    Ok(match verified {
        Ok(verified) => {
            let root = hex::encode(verified.root);
            let rate = (verified.entries_hashed as f64 / took.max(1e-9)).round();
            let mut text =
                format!("{} {}: {} entries, root {root}", output::green("verified"), key.name(), verified.size);
            let mut values = json!({
                "log": key.name(), "verified": true, "entries": verified.size, "pruned": verified.pruned, "root": root,
                "entries_per_s": rate,
            });
            if verified.pruned > 0 {
                text += &format!("; the first {} are pruned, and vouched for by their hashes", verified.pruned);
            }
            // A number without witnesses is an error of the configuration, and not nothing to check.
            if !watch.witnesses.is_empty() || watch.required.is_some() {
                let found = cosigned::check(folder, key, &watch.witnesses, watch.required)?;
                if let Some(problem) = &found.problem {
                    return Ok(unsound(name, key, problem));
                }
                values["cosigned_entries"] = json!(found.size);
                values["witnesses"] = json!(found.of);
                values["cosignatures"] = json!(found.held);
                text += &format!("; {} of {} witnesses cosigned {} entries", found.held, found.of, found.size);
            }
            Verdict { sound: true, values, text }
        }
        Err(e) => unsound(name, key, &e.to_string()),
    })
}

fn unsound(name: &str, key: &audit::VerifierKey, problem: &str) -> Verdict {
    Verdict {
        sound: false,
        values: json!({"log": key.name(), "verified": false, "problem": problem}),
        text: format!("{} {name}: {}", output::red_out("NOT VERIFIED"), output::inert(problem)),
    }
}

/// Compares every account with the commitment in its leaf, and those that are gone with the purges on record.
async fn accounts(config: &Config, logs: &[Log]) -> anyhow::Result<Vec<Verdict>> {
    let store = database(config).await?;
    let mut verdicts = Vec::new();
    for log in logs {
        let mut reader = Reader::open(log, &store).await?;
        let bar = bar(&format!("accounts of {}", log.jurisdiction), reader.snapshot().size());
        let (mut there, mut gone, mut wrong) = (0_u64, Vec::new(), Vec::new());
        let mut destroyed_by_purge = BTreeSet::new();
        while let Some(told) = reader.next(|_, _| true).await? {
            for entry in &told {
                match entry.committed() {
                    Some(true) => there += 1,
                    Some(false) => wrong.push(entry.index),
                    None => gone.push((entry.index, entry.leaf.id.clone())),
                }
                if entry.leaf.kind == Kind::Outcome
                    && let Some(Event::Purged { destroyed, .. }) = entry.account()?.map(|account| account.event)
                {
                    let accounts = destroyed.into_iter().filter(|d| d.what == "account");
                    destroyed_by_purge.extend(accounts.map(|d| d.id));
                }
            }
            bar.set_position(reader.done());
        }
        bar.finish_and_clear();
        let name = log.key.name();
        let by_purge = |(_, id): &(u64, String)| destroyed_by_purge.contains(id);
        let (purged, missing): (Vec<_>, Vec<_>) = gone.into_iter().partition(by_purge);
        let indices = |entries: Vec<(u64, String)>| entries.into_iter().map(|(index, _)| index).collect::<Vec<_>>();
        let (purged, missing) = (indices(purged), indices(missing));
        let sound = wrong.is_empty() && missing.is_empty();
        let values = json!({
            "log": name, "accounts_verified": there, "accounts_purged": purged, "accounts_missing": missing,
            "accounts_wrong": wrong,
        });
        let text = if sound {
            let word = output::green("verified");
            format!("{word} {name}: {there} accounts are those committed to{}", named(", purged on record", &purged))
        } else {
            let word = output::red_out("NOT VERIFIED");
            let wrong = named("; not those committed to", &wrong);
            format!("{word} {name}: accounts{wrong}{}", named("; missing without a purge on record", &missing))
        };
        verdicts.push(Verdict { sound, values, text });
    }
    store.close().await;
    Ok(verdicts)
}

/// Indices in words; nothing where there are none.
fn named(what: &str, indices: &[u64]) -> String {
    if indices.is_empty() {
        return String::new();
    }
    let first: Vec<_> = indices.iter().take(MOST_NAMED).map(u64::to_string).collect();
    let more = if indices.len() > MOST_NAMED { ", …" } else { "" };
    format!("{what} {}: {}{more}", indices.len(), first.join(", "))
}
