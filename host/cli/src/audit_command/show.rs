//! `audit show`: entries that match, by their public part or by their accounts.

use super::accounts::{AT_ONCE, Reader, Told, database, purged, told_apart};
use super::filter::Filter;
use super::reconcile::named;
use super::{Which, one_of, open, parse_leaf, word};
use crate::config::Config;
use crate::output::bar;
use crate::{UNVERIFIED, output, runtime};
use anyhow::bail;
use model::account::{Account, Leaf};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate audit show here/data/logs/detroit --first 0 --count 20\n  magistrate audit show --config here/magistrate.toml --jurisdiction detroit --verdict deny --answer crime=robbery\n\nWithout --key, a folder's entries are listed as they are found, unchecked. Conditions on people, cases, galleries, clauses and answers look into accounts, and need --config. That reads the database without its server, as whoever holds its master key: the log has no entry of it. Exit code 4 where an account is not the one that its entry commits to, or says something else than its entry, or is missing and no purge on record names it."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    /// Index of the first entry looked at
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many matching entries to list at most
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// List the accounts too: who, for which case
    #[arg(long, requires = "config")]
    accounts: bool,
    /// One JSON line per entry: the leaf's own bytes, or leaf and account
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if !arguments.accounts && !arguments.filter.needs_accounts() {
        return leaves(arguments);
    }
    let Some(config) = &arguments.which.config else {
        bail!("this looks into accounts, which are in the database: name --config and --jurisdiction");
    };
    runtime()?.block_on(accounts(arguments, &Config::read(config)?))
}

fn leaves(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut table = output::table(["index", "at", "kind", "phase", "verdict", "policies"]);
    let mut listed = 0;
    let mut list = |index: u64, bytes: &[u8]| -> anyhow::Result<bool> {
        if listed < arguments.count {
            let leaf = parse_leaf(index, bytes)?;
            if arguments.filter.admits_leaf(&leaf) {
                listed += 1;
                if arguments.json {
                    say!("{}", String::from_utf8_lossy(bytes));
                } else {
                    table.add_row(public(index, &leaf));
                }
            }
        }
        Ok(listed < arguments.count)
    };
    if let (Some(folder), None) = (&arguments.which.log, &arguments.which.key) {
        for leaf in audit::leaves(&open(folder)?, arguments.first..u64::MAX)? {
            let (index, bytes) = leaf?;
            if !list(index, &bytes)? {
                break;
            }
        }
    } else {
        let snapshot = arguments.which.one()?.snapshot()?;
        let mut next = arguments.first.max(snapshot.minimum_index());
        'all: while next < snapshot.size() {
            let end = snapshot.size().min(next.saturating_add(AT_ONCE));
            for (index, bytes) in snapshot.entries(next..end)? {
                if !list(index, &bytes)? {
                    break 'all;
                }
            }
            next = end;
        }
    }
    if !arguments.json {
        say!("{table}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What a leaf says, as a row.
pub(super) fn public(index: u64, leaf: &Leaf) -> [String; 6] {
    let policies: Vec<_> = leaf.policies.iter().map(|p| output::inert(&p.id)).collect();
    [
        index.to_string(),
        leaf.at.to_string(),
        word(&leaf.kind),
        leaf.phase.map(|p| p.to_string()).unwrap_or_default(),
        leaf.verdict.map(|v| v.to_string()).unwrap_or_default(),
        policies.join(" + "),
    ]
}

async fn accounts(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let log = one_of(config, arguments.which.jurisdiction.as_deref())?;
    let store = database(config).await?;
    let mut reader = Reader::open(&log, &store).await?;
    reader.settle().await?;
    let mut table = output::table(["index", "at", "kind", "phase", "verdict", "person", "unit", "case", "account"]);
    let (mut listed, mut gone, mut unverified) = (0, Vec::new(), 0_u64);
    let meant = |index: u64, leaf: &Leaf| index >= arguments.first && arguments.filter.admits_leaf(leaf);
    let mut trail = arguments.filter.trail();
    if let Some(trail) = &mut trail {
        // Whether an entry is of a case may hang on one that is not meant itself.
        trail.follow(&mut reader).await?;
    }
    let bar = bar("looking into accounts", reader.snapshot().size());
    'all: while let Some(told) = reader.next(meant).await? {
        for entry in told {
            if listed >= arguments.count {
                break 'all;
            }
            let Some(account) = entry.account()? else {
                gone.push((entry.index, entry.leaf.id));
                continue;
            };
            let is_of_case = trail.as_ref().is_none_or(|trail| trail.touches(&account));
            // Whether it matches is its word alone.
            let is_verified = entry.is_verified(&account);
            unverified += u64::from(!is_verified);
            if is_of_case && arguments.filter.admits_account(&account, &log.jurisdiction) {
                listed += 1;
                if arguments.json {
                    bar.suspend(|| say!("{}", whole(&entry, &account, is_verified)));
                } else {
                    table.add_row(personal(&entry, &account, is_verified));
                }
            }
        }
        bar.set_position(reader.done());
    }
    bar.finish_and_clear();
    let destroyed = if gone.is_empty() { BTreeSet::new() } else { purged(&log, &store).await? };
    let (purged, missing) = told_apart(gone, &destroyed);
    store.close().await;
    if !arguments.json {
        say!("{table}");
    }
    if !purged.is_empty() {
        eprintln!("{} entries have no account any more: whether they match cannot be told", purged.len());
    }
    if !missing.is_empty() {
        let missing = named("accounts missing without a purge on record", &missing);
        eprintln!("{missing}: whether these entries match cannot be told");
    }
    if unverified > 0 {
        eprintln!(
            "{unverified} entries have accounts that they do not commit to, or that say something else: whether they match cannot be told"
        );
    }
    let sound = missing.is_empty() && unverified == 0;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(UNVERIFIED) })
}

fn whole(entry: &Told, account: &Account, is_verified: bool) -> serde_json::Value {
    json!({
        "index": entry.index,
        "leaf": entry.leaf,
        "account": account,
        "account_verified": is_verified,
    })
}

fn personal(entry: &Told, account: &Account, is_verified: bool) -> [String; 9] {
    let [index, at, kind, phase, verdict, _] = public(entry.index, &entry.leaf);
    let cases: Vec<_> = account.case.iter().map(|c| format!("{}={}", c.kind, c.value)).collect();
    let person = account.who.key();
    let [person, unit, cases] = [&person, &account.who.unit, &cases.join(" ")].map(|text| output::inert(text));
    let mark = if is_verified { "" } else { "NOT VERIFIED" };
    [index, at, kind, phase, verdict, person, unit, cases, mark.to_owned()]
}
