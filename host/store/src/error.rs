//! What can go wrong with what is kept.

use surrealdb::types::{AlreadyExistsError, QueryError};

/// Where the engine could not keep a conflict's kind, its message ends in these words.
const RETRIABLE: &str = "can be retried";

/// Why something was not kept, or not found as it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not an address this crate can open.
    #[error("`{url}` is no database address: write `surrealkv:///folder`, `wss://host:port` or `mem://`")]
    Url {
        /// The address.
        url: String,
    },
    /// A server somewhere else, without TLS.
    #[error(
        "`{host}` is not this machine, and ws:// sends the password and every record in clear: write `wss://`, or let a tunnel end at 127.0.0.1"
    )]
    Unencrypted {
        /// The server.
        host: String,
    },
    /// The database did not answer. What was being written may or may not have been: repeat it.
    #[error("the database cannot be reached ({reason}): check that it runs and that its address is right")]
    Unreachable {
        /// What happened instead.
        reason: String,
    },
    /// The server refused the user.
    #[error("the database does not admit `{user}`: check the user name and the password")]
    Credentials {
        /// The user.
        user: String,
    },
    /// Another process, or another [`Store`](crate::Store) of this one, has the folder open.
    #[error("`{url}` is in use by another process: stop that process, or let both use a database server")]
    Locked {
        /// The address.
        url: String,
    },
    /// The database was sealed with another master key.
    #[error("database `{database}` was sealed with another master key: supply the key file it was created with")]
    WrongKey {
        /// The database.
        database: String,
    },
    /// A newer program has been here.
    #[error("database `{database}` has schema {found} and this program knows {known}: run the newer program")]
    NewerSchema {
        /// The database.
        database: String,
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: u32,
    },
    /// Not the id of a jurisdiction.
    #[error(transparent)]
    Id(#[from] model::terms::TermError),
    /// A row with this id is there and says something else.
    #[error("`{id}` already exists: choose another id")]
    Exists {
        /// The id.
        id: String,
    },
    /// Too many records in one call.
    #[error("{rows} records in one call: insert at most {most} at a time")]
    Batch {
        /// How many there were.
        rows: usize,
        /// How many there may be.
        most: usize,
    },
    /// A template that cannot be kept.
    #[error("the template of record `{id}` {reason}")]
    Template {
        /// The record.
        id: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A row that is not as it was written, or that stands where it was not written.
    #[error("row `{id}` of table `{table}` is damaged: {reason}: restore it from a backup")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// Other writers were always faster. Nothing was written.
    #[error("other writers kept changing the same rows: try again")]
    Conflict,
    /// A value that cannot be written down or sealed.
    #[error("row `{id}` of table `{table}` cannot be written: {reason}")]
    Unwritable {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// The database refused a statement. Unless it says otherwise, nothing was written.
    #[error("the database refused a statement: {0}")]
    Query(String),
}

impl StoreError {
    /// What an error of the engine means to a caller who knows no engine.
    pub(crate) fn of(error: &surrealdb::Error) -> Self {
        let conflict = matches!(error.query_details(), Some(QueryError::TransactionConflict));
        // Statements of this crate throw where somebody else has changed what they were made for.
        if conflict || error.is_thrown() || error.message().contains(RETRIABLE) {
            return Self::Conflict;
        }
        if let Some(AlreadyExistsError::Record { id }) = error.already_exists_details() {
            return Self::Exists { id: id.clone() };
        }
        let reason = error.message().to_owned();
        if error.is_connection() { Self::Unreachable { reason } } else { Self::Query(reason) }
    }
}
