//! Tests of the log as its callers see it, in one program: they link once, and run side by side.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test that unwraps says well enough what went wrong")]

mod common;
mod damage;
mod log;
mod prune;
mod riders;
mod served;
mod witness;
