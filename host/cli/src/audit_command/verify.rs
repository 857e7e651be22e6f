//! `audit verify`: nothing is believed but the key.

use super::{all_of, cosigned, open, reconcile, remote};
use crate::config::Config;
use crate::mistyped::Mistyped;
use crate::output::{self, bar};
use crate::{FAILED, UNVERIFIED, keys, runtime, witnesses};
use anyhow::{Context as _, bail};
use audit::WitnessKey;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit verify --config here/magistrate.toml\n  magistrate audit verify here/data/logs/detroit --key here/log-keys/detroit.vkey\n  magistrate audit verify https://localhost:8443/v1/detroit/log --key detroit.vkey --certificate here/certs/detroit/a.feld.pem\n  magistrate audit verify https://localhost:8445/v1/detroit/log --key detroit.vkey --authority here/certs/ca.pem\n\nAn address may publish less than a checkpoint that you kept, where witnesses have to cosign it first: name them with --witness, and exit code 1 says that whether the log extends it cannot be told yet. Without, a log that stays shorter than that is NOT VERIFIED."
)]
pub(crate) struct Arguments {
    /// The folder of a log, or its address: https://HOST:PORT/v1/JURISDICTION/log; http:// where that is for everybody
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
    /// A file with an earlier signed checkpoint, which the log that it names must extend
    #[arg(long)]
    since: Option<PathBuf>,
    /// Compare every account in the database with what its entry commits to and says; one that is gone has to be named by an
    /// entry that records its purge, and photographs and documents have to be those that accounts tell of
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

/// So many characters of what a file says are shown.
const MOST_SHOWN: usize = 80;

/// What verifying one log came to.
pub(super) struct Verdict {
    pub(super) sound: bool,
    pub(super) values: serde_json::Value,
    pub(super) text: String,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let earlier = arguments.since.as_deref().map(Earlier::read).transpose()?;
    let config = arguments.config.as_deref().map(Config::read).transpose()?;
    // What it comes to where something is not sound.
    let mut otherwise = UNVERIFIED;
    let mut verdicts = Vec::new();
    if let Some(config) = &config {
        let logs = all_of(config, arguments.jurisdiction.as_deref())?;
        if let Some(earlier) = &earlier {
            earlier.check(logs.iter().map(|log| &log.key))?;
        }
        for log in &logs {
            let name = log.folder.display().to_string();
            let required = witnesses::required(config, &log.jurisdiction).filter(|required| *required > 0);
            let watch = Watch { witnesses: witnesses::keys(config, &log.jurisdiction)?, required };
            let earlier = earlier.as_ref().and_then(|earlier| earlier.of(&log.key));
            verdicts.push(verify(&log.folder, &name, &log.key, earlier, &watch)?);
        }
        if arguments.accounts && verdicts.iter().all(|v| v.sound) {
            verdicts.extend(runtime()?.block_on(reconcile::accounts(config, &logs))?);
        }
    } else if let (Some(log), Some(key)) = (&arguments.log, &arguments.key) {
        let key: audit::VerifierKey = keys::read(key)?;
        let witnesses =
            arguments.witnesses.iter().map(|key| keys::read::<WitnessKey>(key)).collect::<anyhow::Result<_>>()?;
        let watch = Watch { witnesses, required: arguments.witnesses_required };
        if let Some(earlier) = &earlier {
            earlier.check([&key])?;
        }
        let earlier = earlier.as_ref().map(|earlier| earlier.text.as_str());
        if remote::is_address(log) {
            let kept = earlier.and_then(|kept| audit::signed_size(kept, &key).ok());
            verdicts.push(match remote::fetch(log, &key, kept, &arguments.access) {
                Ok(fetched) => match Beyond::of(fetched.published, kept) {
                    Some(beyond) if watch.is_kept() => match verify(&fetched.folder, log, &key, None, &watch)? {
                        verdict if verdict.sound => {
                            otherwise = FAILED;
                            beyond.verdict(log, &key)
                        }
                        verdict => verdict,
                    },
                    beyond => {
                        if beyond.is_some() {
                            eprintln!(
                                "where witnesses have to cosign it before it is published, name them with --witness"
                            );
                        }
                        verify(&fetched.folder, log, &key, earlier, &watch)?
                    }
                },
                Err(e) if e.is::<audit::CheckpointError>() || e.is::<audit::PrunedNoteError>() => {
                    unsound(log, &key, &format!("{e:#}"))
                }
                Err(e) => return Err(e),
            });
        } else {
            verdicts.push(verify(Path::new(log), log, &key, earlier, &watch)?);
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
    Ok(if verdicts.iter().all(|v| v.sound) { ExitCode::SUCCESS } else { ExitCode::from(otherwise) })
}

/// A checkpoint that somebody kept.
struct Earlier {
    text: String,
}

impl Earlier {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { text })
    }

    /// The log that it names: its first line (c2sp.org/tlog-checkpoint, "Note text").
    fn origin(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Its text, where it is of the log that this key signs.
    fn of(&self, key: &audit::VerifierKey) -> Option<&str> {
        (self.origin() == key.name()).then_some(self.text.as_str())
    }

    /// Whether it is of one of the logs that these keys sign. Of others it says nothing.
    fn check<'k>(&self, keys: impl IntoIterator<Item = &'k audit::VerifierKey>) -> anyhow::Result<()> {
        let names: Vec<&str> = keys.into_iter().map(audit::VerifierKey::name).collect();
        if names.contains(&self.origin()) {
            return Ok(());
        }
        let origin: String = self.origin().chars().take(MOST_SHOWN).collect();
        let (origin, names) = (output::inert(&origin), names.join(", "));
        Err(Mistyped(format!("--since is a checkpoint of the log `{origin}`, and what is verified is {names}")).into())
    }
}

/// A kept checkpoint that is newer than all that a host has published. Where witnesses have to cosign what is published, a host
/// signs receipts before that: such a checkpoint shows neither that the log extends it nor that the log was put back. Where nobody
/// has to, it shows the latter: all is published that is signed. A folder holds all of a log.
struct Beyond {
    published: u64,
    kept: u64,
}

impl Beyond {
    fn of(published: u64, kept: Option<u64>) -> Option<Self> {
        kept.filter(|kept| *kept > published).map(|kept| Self { published, kept })
    }

    /// What is said of it, once all that is published has been verified.
    fn verdict(&self, name: &str, key: &audit::VerifierKey) -> Verdict {
        let Self { published, kept } = self;
        let problem = format!(
            "published only up to {published} entries, which verify; the checkpoint that you kept is newer, of {kept}, and whether \
             the log extends it cannot be told before as many are published: ask again"
        );
        Verdict {
            sound: false,
            values: json!({
                "log": key.name(), "verified": null, "entries": published, "kept_entries": kept, "problem": problem,
            }),
            text: format!("not known {name}: {problem}"),
        }
    }
}

/// Whose cosignatures are looked for.
struct Watch {
    witnesses: Vec<WitnessKey>,
    /// How many of them must hold.
    required: Option<usize>,
}

impl Watch {
    /// Whether any are looked for. A number without witnesses is an error of the configuration, and not nothing to check.
    fn is_kept(&self) -> bool {
        !self.witnesses.is_empty() || self.required.is_some()
    }
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
            if watch.is_kept() {
                let found = cosigned::check(folder, key, &watch.witnesses, watch.required)?;
                if let Some(problem) = &found.problem {
                    return Ok(unsound(name, key, problem));
                }
                values["cosigned_entries"] = json!(found.size);
                values["witnesses"] = json!(found.of);
                values["cosignatures"] = json!(found.held);
                text += &format!("; {} of {} witnesses cosigned {} entries", found.held, found.of, found.size);
            }
            if let Some(torn) = &verified.torn {
                values["torn"] = torn_values(torn);
                // A process that is killed leaves half a frame; anything else may have been acknowledged.
                if !torn.cut_short {
                    values["verified"] = json!(false);
                    values["problem"] = json!(torn.to_string());
                    return Ok(Verdict { sound: false, values, text: not_verified(name, &torn.to_string()) });
                }
                text += &format!("; {}, unless a server is writing it just now", output::inert(&torn.to_string()));
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
        text: not_verified(name, problem),
    }
}

fn not_verified(name: &str, problem: &str) -> String {
    format!("{} {name}: {}", output::red_out("NOT VERIFIED"), output::inert(problem))
}

/// What stands at a journal's end and is no whole frame.
fn torn_values(torn: &audit::Torn) -> serde_json::Value {
    let audit::Torn { file, offset, bytes, intact_below, claims, cut_short } = torn;
    let claims = claims.as_ref().map(|claims| [claims.start, claims.end]);
    json!({
        "file": file, "offset": offset, "bytes": bytes, "intact_below": intact_below, "claims": claims,
        "cut_short": cut_short,
    })
}
