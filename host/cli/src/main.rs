//! The `magistrate` command.
//!
//! | file | subcommand |
//! |---|---|
//! | `init.rs`, `host_name.rs` | `init`: a folder ready to serve |
//! | `serve.rs`, `descriptors.rs` | `serve`; how many file descriptors there are for it |
//! | `draughting.rs`, `post.rs` | how what `serve` draws up looks, and where its notices go |
//! | `report_command.rs` | `report`, `reports` |
//! | `search_command.rs`, `enroll_command.rs` | `search`, `enroll`: the client's side |
//! | `office_command.rs` | `access`, `agency`, `violation`, `revision` |
//! | `registry_command.rs` | `registry` |
//! | `retention_command.rs` | `retention` |
//! | `case_command/` | the life of a request: `request`, `candidates`, `dispose`, `sign`, `acknowledge`, `release`, `disseminate`, `outcome`, `obligations`, `complete`, `waive` |
//! | `connection.rs`, `form.rs`, `shown.rs` | whom these ask, what for, and how the answer reads |
//! | `policy_command.rs` | `policy check / pin / test / show` |
//! | `audit_command/` | `audit verify / show / prove / check-proof / sample / export / verify-export / replay / prune / anomalies` |
//! | `store_command.rs` | `store compact`, `store check` |
//! | `pki.rs` | `pki issue / revoke / renew` |
//! | `witness_command.rs`, `witnesses.rs` | `witness`; whom `serve` asks for cosignatures |
//! | `bench/` | `bench vet / search / load / append / verify / prove / replay / serve` |
//! | `config.rs`, `keys.rs`, `output.rs`, `help.rs` | magistrate.toml; verifier keys; tables, bars and colours; what every `--help` ends with |
//! | `mistyped.rs`, `unverified.rs` | wrong usage found late; what was only to be read and does not verify |
//! | `private.rs`, `scratch.rs` | folders for their owner alone; folders that go again |

#![warn(clippy::print_stdout)]

#[macro_use]
mod output;

mod audit_command;
mod bench;
mod case_command;
mod config;
mod connection;
mod descriptors;
mod draughting;
mod enroll_command;
mod form;
mod help;
mod host_name;
mod init;
mod keys;
mod mistyped;
mod not_started;
mod office_command;
mod pki;
mod policy_command;
mod post;
mod private;
mod registry_command;
mod report_command;
mod retention_command;
mod same_disk;
mod scratch;
mod search_command;
mod serve;
mod shown;
mod store_command;
mod unverified;
mod witness_command;
mod witnesses;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// A decision makes a few hundred small allocations; this allocator halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Vetted, audited search of booking photographs.
#[derive(Parser)]
#[command(
    name = "magistrate",
    version,
    after_help = "Example:\n  magistrate init here && magistrate serve --config here/magistrate.toml"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a folder ready to serve: configuration, development PKI, policies with pinned digests
    Init(init::Arguments),
    /// Serve the jurisdictions of a configuration
    Serve(serve::Arguments),
    /// Ask a server for a search
    Search(Box<search_command::SearchArguments>),
    /// Enrol records in a gallery of a server
    Enroll(enroll_command::Arguments),
    /// Have a server draw up a report of a jurisdiction's charter
    Report(report_command::ReportArguments),
    /// List the reports that a jurisdiction has published
    Reports(report_command::ReportsArguments),
    #[command(flatten)]
    Case(Box<case_command::Command>),
    #[command(flatten)]
    Office(Box<office_command::Command>),
    /// Say how long records stay: notices, holds, extensions, exports, purges
    #[command(subcommand)]
    Retention(Box<retention_command::Command>),
    /// Check, pin, test and show policies
    #[command(subcommand)]
    Policy(policy_command::Command),
    /// Verify, search, prove, sample, export, replay and prune audit logs, and look for anomalies in them
    #[command(subcommand)]
    Audit(audit_command::Command),
    /// Write an embedded database anew, without what was destroyed in it; compare a database with the logs
    #[command(subcommand)]
    Store(store_command::Command),
    /// Watch other hosts' logs: cosign their checkpoints as long as they are only appended to
    Witness(witness_command::Arguments),
    /// Issue, revoke and renew certificates of the development PKI
    #[command(subcommand)]
    Pki(pki::Command),
    /// Measure this machine
    #[command(subcommand)]
    Bench(bench::Command),
    /// Print shell completions
    #[command(
        after_help = "Example:\n  magistrate completions bash > ~/.local/share/bash-completion/completions/magistrate"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is logged unless `MAGISTRATE_LOG` says otherwise. The embedded database complains at every orderly stop that it was
/// stopped; what it fails to do comes back as an error.
const LOGGED: &str = "warn,magistrate=info,surrealkv::lsm=error,surrealdb::core::kvs::ds=off";

/// It failed.
pub(crate) const FAILED: u8 = 1;

/// It was typed wrongly: as clap ends for what it finds.
pub(crate) const MISTYPED: u8 = 2;

/// A policy said no, or not yet.
pub(crate) const REFUSED: u8 = 3;

/// A step is permitted and has no effect until others do their part.
pub(crate) const WAITING: u8 = 5;

/// Something does not verify.
pub(crate) const UNVERIFIED: u8 = 4;

fn main() -> ExitCode {
    let matches = help::told(Arguments::command()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(output::coloured(std::io::stderr().is_terminal()))
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("MAGISTRATE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOGGED)),
        )
        .init();
    server::tls::choose_provider();
    let done = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Search(arguments) => search_command::search(&arguments),
        Command::Enroll(arguments) => enroll_command::run(&arguments),
        Command::Report(arguments) => report_command::report(&arguments),
        Command::Reports(arguments) => report_command::reports(&arguments),
        Command::Case(command) => case_command::run(&command),
        Command::Office(command) => office_command::run(&command),
        Command::Retention(command) => retention_command::run(&command),
        Command::Policy(command) => policy_command::run(&command),
        Command::Audit(command) => audit_command::run(&command),
        Command::Store(command) => store_command::run(&command),
        Command::Witness(arguments) => witness_command::run(&arguments),
        Command::Pki(command) => pki::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "magistrate", &mut script);
            say!("{}", String::from_utf8_lossy(&script).trim_end());
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|e| {
        eprintln!("{} {}", output::red("error:"), output::inert(&format!("{e:#}")));
        ExitCode::from(mistyped::code(&e))
    })
}

/// A runtime for commands that talk to a server or a store.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
