//! `magistrate policy`: for those who write, approve and deploy policies.

use crate::output::{self, bar};
use clap::Subcommand;
use model::terms::Field;
use policy::{Engine, Folder, Policy, scenario};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Load a policy as a server would, and say what is wrong with it
    #[command(after_help = "Example:\n  magistrate policy check policies/detroit")]
    Check {
        /// The policy's folder
        folder: PathBuf,
    },
    /// Write the component's digest into policy.toml, after checking that it loads
    #[command(after_help = "Example:\n  magistrate policy pin policies/detroit")]
    Pin {
        /// The policy's folder
        folder: PathBuf,
    },
    /// Run a policy's scenarios and show what differs
    #[command(after_help = "Example:\n  magistrate policy test policies/detroit")]
    Test {
        /// The policy's folder; its scenarios are in scenarios/
        folder: PathBuf,
        /// Run only scenarios whose name contains this
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Print a policy's charter as JSON
    #[command(after_help = "Example:\n  magistrate policy show policies/detroit")]
    Show {
        /// The policy's folder
        folder: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let engine = Engine::new()?;
    match command {
        Command::Check { folder } => {
            let policy = Folder::read(folder)?.load(&engine)?;
            say!("{}: {}", policy.reference().component, policy.charter().title);
            Ok(ExitCode::SUCCESS)
        }
        Command::Pin { folder } => {
            say!("{}", Folder::pin(folder, &engine)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { folder } => {
            let policy = Folder::read(folder)?.load_unpinned(&engine)?;
            say!("{}", serde_json::to_string_pretty(policy.charter())?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { folder, only } => test(&engine, folder, only),
    }
}

fn test(engine: &Engine, folder: &Path, only: &str) -> anyhow::Result<ExitCode> {
    let read = Folder::read(folder)?;
    let policy = read.load_unpinned(engine)?;
    let mut scenarios = scenario::read(&folder.join("scenarios"))?;
    scenarios.retain(|s| s.scenario.name.contains(only));
    let bar = bar("scenarios", scenarios.len() as u64);
    let mut failed = 0_u32;
    for prepared in &scenarios {
        let differences = if prepared.scenario.settings.is_empty() {
            scenario::differences(&policy, prepared)
        } else {
            match with_settings(engine, &read, prepared) {
                Ok(tuned) => scenario::differences(&tuned, prepared),
                Err(e) => vec![e.to_string()],
            }
        };
        if !differences.is_empty() {
            failed += 1;
            let file = prepared.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            bar.suspend(|| {
                say!("{} {file}: {}", output::red_out("FAILED"), prepared.scenario.name);
                differences.iter().for_each(|line| say!("    {line}"));
            });
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    say!("{} passed, {failed} failed", scenarios.len() - usize::try_from(failed)?);
    Ok(if failed == 0 && !scenarios.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same component with a scenario's settings over those of policy.toml.
fn with_settings(engine: &Engine, folder: &Folder, prepared: &scenario::Prepared) -> anyhow::Result<Policy> {
    let mut settings: Vec<Field> = folder.settings().to_vec();
    for (name, value) in &prepared.scenario.settings {
        settings.retain(|s| s.name != *name);
        settings.push(Field::new(name.clone(), value.clone()));
    }
    let bytes = std::fs::read(folder.component())?;
    Ok(Policy::load(engine, &bytes, &settings)?)
}
