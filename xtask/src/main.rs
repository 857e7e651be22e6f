//! `cargo xtask build`, `cargo xtask demo`, `cargo xtask test`: everything a fresh machine with Rust and a C compiler needs.
//! And `cargo xtask coverage`: what covers each clause of the directives; `cargo xtask peers`: the search beside other libraries';
//! `cargo xtask figures`: the benchmarks beside their goals.

mod build;
mod coverage;
mod demo;
mod figures;
mod judged;
mod lead;
mod peers;
mod story;
mod testing;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Builds, demonstrates and tests Magistrate.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the policies and the program
    Build,
    /// Build, serve two jurisdictions on loopback, and tell a story over mutually authenticated HTTP
    Demo(demo::Arguments),
    /// Build, and run every test
    Test,
    /// Build, and measure the search beside other libraries on the same vectors
    Peers(peers::Arguments),
    /// Build, and measure what the program does on this machine beside the goals; fails where one is missed that is not the disk's
    Figures(figures::Arguments),
    /// Write docs/coverage.md: what enforces, records or reports each clause, and what proves it
    Coverage {
        /// Only say whether it is up to date
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Build => build::all().map(|program| println!("{}", program.display())),
        Command::Demo(arguments) => build::all().and_then(|program| demo::run(&program, &arguments)),
        Command::Test => build::all().and_then(|_| testing::run()),
        Command::Peers(arguments) => peers::run(&arguments, build::all),
        Command::Figures(arguments) => figures::run(&arguments, build::all),
        Command::Coverage { check } => coverage::run(check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
