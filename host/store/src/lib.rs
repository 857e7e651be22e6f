//! Galleries, case records, people, agencies, keys, in SurrealDB.
//!
//! Everything the host keeps, apart from the audit log's files, is kept here, and nothing else in the host knows
//! SurrealDB. A [`Store`] is opened from an address: `surrealkv:///folder` embeds the engine (every commit is synced
//! before it is acknowledged; one process per folder), `wss://host:port` uses a server (`ws://` one on this machine),
//! `mem://` keeps nothing. Each jurisdiction has a database of its own and a [`Jurisdiction`] handle that reaches no other;
//! nothing is shared between them but the process.
//!
//! Three rules hold in every module:
//!
//! - **Text never becomes a statement.** Every statement is a constant of this crate; ids and values are bound.
//! - **The id of a row follows from what it says**, so a write can be repeated. A commit is visible before it is
//!   durable, so an error may follow a commit that took place: repeat the write, and what is already there counts as
//!   written. Rows that are listed by something (a gallery's templates, a case's probes) carry it at the front of their
//!   key and are read as a key range; there are no secondary indexes to build or to repair.
//! - **What is personal is sealed** before it reaches the database ([`MasterKey`] says how). Destroying a row destroys
//!   the only key to it. The embedded engine leaves its bytes on the disk until it compacts, when it pleases; writing the
//!   database anew ([`Jurisdiction::rewrite`]) leaves none.
//!
//! The embedded engine wants a multi-threaded tokio runtime, best with 10 MiB of stack per worker.
//!
//! | module | holds |
//! |---|---|
//! | `engine` | connections, sessions, answers; the only module that tells embedded from server |
//! | `vault` | sealing |
//! | `schema` | tables, migrations, the check of the master key |
//! | `database`, `rows`, `paging` | one jurisdiction's statements; rows, keys; many rows, read side by side |
//! | `hosts` | what several hosts on one database tell each other of their changes |
//! | `leases` | whose turn it is among several hosts |
//! | `peer` | the database's own search, to be measured beside the host's |
//! | `portion` | how much of it goes into one statement |
//! | `rewrite` | a database written anew, without what was destroyed |
//! | `destruction` | accounts that are destroyed, and what goes with them |
//! | `sealing` | what older programs kept in the clear, sealed |
//! | [`test_support`] | rows and bytes as they lie in the files, for tests |
//! | `holdings` | the sum of what a gallery holds, and every change of it |
//! | `registry`, `gallery`, `templates`, `booking_rows`, `blobs`, `casework`, `accounts`, `entries`, `obligations`, `impositions`, `retention`, `standings` | what [`Jurisdiction`] offers, by subject |

// The engine's futures nest deeper than the compiler's default of 128.
#![recursion_limit = "256"]

mod accounts;
mod blobs;
mod booking_rows;
mod bookings;
mod casework;
mod database;
mod destruction;
mod engine;
mod entries;
mod error;
mod gallery;
mod holdings;
mod hosts;
mod impositions;
mod leases;
mod obligations;
mod paging;
mod peer;
mod portion;
mod registry;
mod retention;
mod rewrite;
mod rider;
mod rows;
mod schema;
mod sealing;
mod standings;
mod steps;
mod store;
mod templates;
pub mod test_support;
mod vault;

#[cfg(test)]
mod tests;

pub use accounts::AccountRow;
pub use casework::{RequestRow, SearchRow};
pub use destruction::Destruction;
pub use engine::Credentials;
pub use error::StoreError;
pub use gallery::{BATCH_ROWS, Booking, GalleryState, NewRecord, Provenance};
pub use hosts::Tidings;
pub use impositions::Imposition;
pub use leases::Leased;
pub use obligations::ObligationRow;
pub use peer::PEER_K;
pub use portion::{BATCH_BYTES, Portion};
pub use retention::RetentionRow;
pub use standings::{REVISION, StandingRow};
pub use steps::Kept;
pub use store::{Jurisdiction, Store};
pub use templates::StoredTemplate;
pub use vault::MasterKey;
