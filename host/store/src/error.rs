//! What can go wrong with what is kept.

use surrealdb::types::{AlreadyExistsError, QueryError};

/// Where the engine could not keep a conflict's kind, its message ends in these words.
const RETRIABLE: &str = "can be retried";

/// What a client says of a server's certificate begins with these words: rustls-0.23/src/error.rs.
const UNTRUSTED: &str = "invalid peer certificate";

/// And a server to whoever has not signed in: surrealdb-core-3.3/src/kvs/ds.rs.
const UNNAMED: &str = "Anonymous access not allowed";

/// Why something was not kept, or not found as it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not an address this crate can open.
    #[error("`{url}` is no database address: write `surrealkv:///folder`, or `wss://host:port` for a server")]
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
    /// An embedded database that did not open in time: its disk hangs. Nobody has read or written a row.
    #[error("the database `{url}` has not opened for {waited_s} s: its disk does not answer; see to it")]
    Hung {
        /// The address.
        url: String,
        /// How long it was waited for, in s.
        waited_s: u64,
    },
    /// The server is not one that this program trusts to be the one that is meant. It was sent nothing.
    #[error(
        "the database's certificate is not accepted ({reason}): it has to be one of a public authority's, for the host in the address; to a \
         server whose authority is your own, let a tunnel end at 127.0.0.1, and write `ws://`"
    )]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The server wants to know who asks, and was not told.
    #[error("the database admits nobody without a name and a password: set `user` and `password_env` under `[store]`")]
    Anonymous,
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
        match error.is_connection() {
            true if reason.contains(UNTRUSTED) => Self::Certificate { reason },
            true => Self::Unreachable { reason },
            false if reason.contains(UNNAMED) => Self::Anonymous,
            false => Self::Query(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surrealdb::types::{AuthError, ConnectionError};

    #[test]
    fn what_a_server_is_refused_for_or_refuses_says_what_to_change() {
        let failed =
            |text: &str| StoreError::of(&surrealdb::Error::connection(text.into(), ConnectionError::ConnectionFailed));
        let untrusted = failed("WebSocket error: IO error: invalid peer certificate: UnknownIssuer");
        assert!(matches!(untrusted, StoreError::Certificate { .. }), "{untrusted}");
        assert!(
            untrusted.to_string().contains("UnknownIssuer") && untrusted.to_string().contains("a public authority")
        );
        let silent = failed("WebSocket error: IO error: Connection refused");
        assert!(matches!(silent, StoreError::Unreachable { .. }), "{silent}");

        let refused = |text: &str| StoreError::of(&surrealdb::Error::not_allowed(text.into(), AuthError::InvalidAuth));
        let unnamed = refused("Anonymous access not allowed: Not enough permissions to perform this action");
        assert!(matches!(unnamed, StoreError::Anonymous), "{unnamed}");
        assert!(unnamed.to_string().contains("`user` and `password_env`"), "{unnamed}");
        assert!(matches!(refused("There was a problem with authentication"), StoreError::Query(_)));
    }
}
