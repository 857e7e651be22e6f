//! Tests of the pipeline as its callers see it, in one program: they link once, and run side by side.

// What the pipeline awaits nests deep, and whoever spawns it has it looked through.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that unwraps says well enough what went wrong")]

mod blind;
mod calendar;
mod clocks;
mod common;
mod demanded;
mod derived;
mod filters;
mod homes;
mod hosts;
mod interleavings;
mod lapsed;
mod limits;
mod lives;
mod looks;
mod meanwhile;
mod passes;
mod people;
mod pruning;
mod reading;
mod registry;
mod reports;
mod retention;
mod revisions;
mod roles;
mod sequences;
mod shared;
mod statuses;
mod still;
mod told;
mod torn;
mod unfinished;
mod waiting;
mod waivers;
mod walks;
mod watches;
mod when_in_force;
mod withdrawn;
mod worklists;
