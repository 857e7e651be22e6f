//! `cargo xtask build`, `cargo xtask demo`, `cargo xtask test`: everything a fresh machine with Rust and a C compiler needs.

mod build;
mod demo;
mod lead;
mod story;

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
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Build => build::all().map(|program| println!("{}", program.display())),
        Command::Demo(arguments) => build::all().and_then(|program| demo::run(&program, &arguments)),
        Command::Test => build::all().and_then(|_| build::test()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
