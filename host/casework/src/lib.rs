//! The pipeline: one step per phase. Decide, log, act. No HTTP, no SQL.
//!
//! Every step runs the same way. The facts are gathered, the policies concerned decide, and the decision is durable in
//! the log of each jurisdiction concerned before anything else happens. Only then does a [`Permit`](permit::Permit) exist, and the
//! function that acts takes it by value, so that acting without a decision does not compile. What came of the act is
//! durable before anybody is told. Whatever fails on the way leaves a denial or an error, never half an act.
//!
//! | module | holds |
//! |---|---|
//! | [`clock`] | the host's one clock |
//! | [`alarm`] | who is told when something is wrong |
//! | [`chamber`] | a jurisdiction at work: its policy, log, store, galleries; all of them: start, stop, readiness; who is registered |
//! | [`ledger`] | an audit entry: account, leaf, receipt; its way to the database |
//! | [`judge`] | facts to decision to permit |
//! | `pace` | on which thread a policy rules |
//! | [`permit`] | the proof that a step was permitted |
//! | [`awaited`], `given` | what a permitted step waits for: approvals and acknowledgements; whether what was given still counts |
//! | [`hosts`] | several hosts on one database: each learns what the others changed |
//! | [`history`], [`life`] | what policies are told of the past: of people and cases, of a request |
//! | [`gallery`] | a gallery at work, searched by one thread in shared passes |
//! | [`shelf`] | where galleries stand on disk, and how they start |
//! | `filter` | from what a search asks for to the columns that are searched |
//! | [`intake`], [`search_step`], [`enroll`] | the steps up to the candidate list |
//! | `bounds` | what decisions say of a candidate list: its length, its scores, its fields, its records |
//! | `photograph` | how many photographs are looked at at once |
//! | [`access`], [`violation`], [`activation`] | the steps outside a request's life: people and agencies, violations, policy revisions |
//! | [`registration`], [`agreements`] | people, agencies and agreements come into the registry, and what is known of them changes |
//! | `standing`, `suspension`, `grounds` | how people and agencies stand since, whatever the registry file says, and by what |
//! | [`revision`], [`chancery`] | policy revisions: how they stand, and where they are kept |
//! | `answers`, `limits` | answers, checked against the forms; how much a step may say |
//! | [`viewing`], [`disposition`], [`sign_off`], [`acknowledgement`], [`release`], [`dissemination`], [`outcome`] | the steps after it |
//! | `sitting`, `turns`, `lease`, [`misstep`] | what every such step does first: its turn, the facts, what is out of place |
//! | `signatures` | whether the signatures a result needs are there |
//! | [`obligations`], [`deadlines`], [`notices`] | what decisions oblige somebody to, and when it is late |
//! | `calendar` | what is due by the calendar, whether or not anybody takes a step |
//! | [`waiver`] | an obligation is set aside |
//! | [`derivation`] | what is kept beside the log, derived from it again and compared |
//! | [`retention`] | how long records stay: notices, holds, extensions, transfers, purges |
//! | [`paper`] | the documents a release draws up, and who draws up documents and reports |
//! | [`report`], [`anomalies`], `walk` | what the log adds up to, for those whom it is reported to and for auditors |
//! | [`worklist`] | requests, for those who work on them |
//! | [`inspection`] | auditors at the log |
//! | `reading` | accounts, read from the database, and what is said where they cannot be |
//! | `sight` | who sees what of cases and records, and that they looked |
//! | [`replay`] | a decision on record, taken again |
//! | [`recovery`], [`reopening`] | a log or a database that cannot be written, until it can: at work, and at the start |
//! | `unfinished`, `drawn`, `postponed` | what broke off before it was concluded, undone; or said to wait |
//! | `torn` | what one log took and another did not |
//! | `dropped` | what the opening of a log drops from its journal's end, until that is on record |
//! | [`watermark`] | how far a log was, kept in the database: a start compares it |
//! | `restored` | what a database lacks that is gone on with all the same, until that is on record |
//! | [`witnessing`] | a log's checkpoints on their way to its witnesses |

pub mod access;
pub mod acknowledgement;
pub mod activation;
pub mod agreements;
pub mod alarm;
pub mod anomalies;
mod answers;
mod aside;
pub mod awaited;
mod bounds;
mod calendar;
pub mod chamber;
pub mod chancery;
pub mod clock;
mod copies;
pub mod deadlines;
pub mod derivation;
pub mod disposition;
pub mod dissemination;
mod drawn;
mod dropped;
pub mod enroll;
pub mod error;
mod filter;
pub mod gallery;
mod given;
mod grounds;
pub mod history;
pub mod hosts;
pub mod inspection;
pub mod intake;
pub mod judge;
mod lapsed;
mod lease;
pub mod ledger;
pub mod life;
mod limits;
pub mod misstep;
pub mod notices;
pub mod obligations;
pub mod outcome;
mod pace;
pub mod paper;
pub mod permit;
mod photograph;
mod postponed;
mod reading;
pub mod recovery;
pub mod registration;
pub mod release;
pub mod reopening;
pub mod replay;
pub mod report;
mod restored;
pub mod retention;
pub mod revision;
pub mod search_step;
pub mod shelf;
mod sight;
pub mod sign_off;
mod signatures;
mod sitting;
mod standing;
mod status;
mod suspension;
mod torn;
mod turns;
mod unfinished;
pub mod viewing;
pub mod violation;
pub mod waiver;
mod walk;
pub mod watermark;
pub mod witnessing;
pub mod worklist;

pub use chamber::{Casework, Chamber, Opening, PolicyState};
pub use clock::Clock;
pub use error::CaseError;
pub use ledger::Receipt;
pub use misstep::Misstep;
pub use sitting::Taken;
