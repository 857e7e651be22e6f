//! Black-box tests of the real program, in one program of their own: they link once, and run side by side.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test that unwraps says well enough what went wrong")]

mod audit_tools;
mod auditors;
mod bad_input;
mod benches;
mod bounds;
mod case_commands;
mod clauses;
mod clock;
mod commands;
mod common;
mod compare_report;
mod connections;
mod crash;
mod damage;
mod days;
mod failing_sync;
mod filters;
mod forged;
mod formal_requests;
mod full_disk;
mod galleries;
mod identity;
mod lives;
mod looks;
mod metrics;
mod photographs;
mod pruned;
mod public_log;
mod published;
mod purged;
mod recovery;
mod reports;
mod resilience;
mod retention_commands;
mod sealed;
mod searches;
mod stopping;
mod terminal;
mod turns;
mod vectors;
mod waiting;
mod waivers;
mod witnesses;
