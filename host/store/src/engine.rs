//! Where the rows are: in this process or on a server.

use crate::error::StoreError;
use futures::future::BoxFuture;
use std::path::Path;
use std::pin::pin;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use surrealdb::engine::any::{self, Any};
use surrealdb::engine::local::Db;
use surrealdb::method::Transaction;
use surrealdb::opt::auth::Root;
use surrealdb::types::{Object, QueryError, Value};
use surrealdb::{Connection, IndexedResults, Surreal};
use surrealdb_cnf::ConfigMap;
use surrealdb_engine_local::Datastore;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The namespace of everything this program keeps.
const NAMESPACE: &str = "magistrate";

/// Bytes of blocks the embedded engine caches. Its own default is half of the machine's RAM, which belongs to the
/// galleries: they are read from the database once, and what is read afterwards are single rows.
const BLOCK_CACHE_BYTES: u64 = 256 << 20;

/// Bytes of changes the embedded engine holds before it writes a table; a transaction must fit into it. The largest
/// here is one [`BATCH_ROWS`](crate::BATCH_ROWS) of records with photographs: 200 KB each leave room. Its own default
/// grows with the machine to 4 GiB.
const MEMTABLE_BYTES: u64 = 256 << 20;

/// How long a server may take to answer. The client reconnects by itself and would otherwise wait for ever; nothing
/// asked here takes a server more than a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an embedded engine may take to open before that is said, and before it is given up: a hung disk returns no error. It reads
/// what its tables begin with, after a crash writes [`MEMTABLE_BYTES`] as a table, and commits: seconds, on a slow disk a minute.
const OPENING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// A root user of a database server. An embedded engine has no users.
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.user)
    }
}

/// Stops an embedded engine. Erased, so that no other crate has to prove the whole engine `Send` to hold a store.
type Stop = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// An open engine or a connection to one. No database is selected on it.
pub(crate) struct Engine {
    client: Client,
    /// Of an embedded engine. The client's own way, dropping it, leaves nothing to wait for.
    stop: Option<Stop>,
}

impl Engine {
    pub(crate) async fn open(url: &str, credentials: Option<&Credentials>) -> Result<Self, StoreError> {
        if url.starts_with("mem://") || url.starts_with("surrealkv://") {
            let address = url.to_owned();
            let (client, stop) = in_time(url, OPENING, move || embedded(address)).await?;
            Ok(Self { client: Client::Embedded(client), stop: Some(stop) })
        } else if let Some(rest) = url.strip_prefix("ws://") {
            let host = host(rest);
            if !is_this_machine(host) {
                return Err(StoreError::Unencrypted { host: host.to_owned() });
            }
            Ok(Self { client: Client::Server(server(url, credentials).await?), stop: None })
        } else if url.starts_with("wss://") {
            Ok(Self { client: Client::Server(server(url, credentials).await?), stop: None })
        } else {
            Err(StoreError::Url { url: url.to_owned() })
        }
    }

    /// Whether it is a server, which other processes may be connected to.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self.client, Client::Server(_))
    }

    /// A session in one database, which is made if it is not there. Sessions do not see each other's selection.
    pub(crate) async fn session(&self, database: &str) -> Result<Client, StoreError> {
        match &self.client {
            Client::Embedded(db) => {
                let session = select(db, database).await;
                session.map(Client::Embedded).map_err(|e| StoreError::of(&e))
            }
            Client::Server(db) => within(select(db, database)).await.map(Client::Server),
        }
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.client.ask(&["RETURN 1"], Object::new()).await.map(drop)
    }

    /// Stops an embedded engine and frees its folder. What is still written to it is refused. Whoever does not wait for it to its
    /// end leaves it to a thread of its own.
    pub(crate) async fn close(&self) {
        let Some(stop) = &self.stop else { return };
        let stopping = stop();
        let stopped = aside(move || stopping).await;
        if let Err(reason) = stopped.unwrap_or_else(|e| Err(e.to_string())) {
            tracing::warn!(%reason, "the database did not shut down cleanly; it recovers when it is next opened");
        }
    }
}

/// Has a thread of its own wait for an embedded engine: it holds the thread that asks it while it waits for its disk, and then
/// nobody's limits are heeded there.
async fn aside<T, F>(begin: impl FnOnce() -> F + Send + 'static) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(begin())).await;
    done.map_err(|e| StoreError::Unreachable { reason: format!("its engine broke off: {e}") })
}

/// Waits for an embedded engine to open: says after the first of these times that it does not, and gives it up after the second.
async fn in_time<T, F>(
    url: &str,
    (slow, limit): (Duration, Duration),
    begin: impl FnOnce() -> F + Send + 'static,
) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>>,
{
    let mut opening = pin!(aside(begin));
    if let Ok(opened) = timeout(slow, opening.as_mut()).await {
        return opened?;
    }
    tracing::error!(
        url,
        waited_s = slow.as_secs(),
        "the database has not opened yet: see to its disk; it is waited for"
    );
    match timeout(limit.saturating_sub(slow), opening).await {
        Ok(opened) => opened?,
        Err(_) => Err(StoreError::Hung { url: url.to_owned(), waited_s: limit.as_secs() }),
    }
}

/// Opens the engine in this process as `surrealdb::engine::any::connect` does, but with bounded memory and a way to
/// wait for its end. Boxed for the reason that [`Stop`] is.
fn embedded(url: String) -> BoxFuture<'static, Result<(Surreal<Db>, Stop), StoreError>> {
    Box::pin(async move {
        let refused = |reason: String| {
            // The engine has no kind for it: surrealkv-0.21/src/lockfile.rs.
            if reason.contains("already locked") {
                StoreError::Locked { url: url.clone() }
            } else {
                StoreError::Unreachable { reason }
            }
        };
        let build = async || {
            let config = ConfigMap::empty()
                .with_key_value("surrealkv_block_cache_capacity", BLOCK_CACHE_BYTES.to_string())
                .with_key_value("surrealkv_max_memtable_size", MEMTABLE_BYTES.to_string());
            let builder = Datastore::builder().with_config(config).without_maintenance_tasks();
            builder.build_with_path(&url).await.map_err(|e| refused(format!("{e:#}")))
        };
        let unclean = has_log(&url);
        let mut datastore = build().await?;
        if unclean {
            // What a crash tore at the end of the engine's log stays there, the engine goes on writing behind it, and
            // at the next crash it finds nothing of that: surrealkv-0.21/src/wal. A stop in good order empties the log.
            datastore.shutdown().await.map_err(|e| refused(format!("{e:#}")))?;
            drop(datastore);
            datastore = build().await?;
        }
        // In this order: maintenance writes, and must not do so before a new store has its version.
        datastore.check_version().await.map_err(|e| refused(format!("{e:#}")))?;
        datastore.bootstrap().await.map_err(|e| refused(format!("{e:#}")))?;
        datastore.start_maintenance_tasks();
        let client = Surreal::<Db>::unstable_from_datastore(Arc::clone(&datastore), None).await;
        let client = client.map_err(|e| StoreError::of(&e))?;
        let stop: Stop = Box::new(move || -> BoxFuture<'static, Result<(), String>> {
            let datastore = Arc::clone(&datastore);
            Box::pin(async move { datastore.shutdown().await.map_err(|e| format!("{e:#}")) })
        });
        Ok((client, stop))
    })
}

/// Whether an embedded engine's folder holds a log of changes that are in no table yet: it was not stopped in good order.
fn has_log(url: &str) -> bool {
    let Some(folder) = url.strip_prefix("surrealkv://").and_then(|rest| rest.split('?').next()) else { return false };
    let Ok(entries) = std::fs::read_dir(Path::new(folder).join("wal")) else { return false };
    entries.flatten().any(|entry| entry.metadata().is_ok_and(|file| file.is_file() && file.len() > 0))
}

/// The host of what follows an address's scheme, without its port. Whoever is named before an `@` is no part of it.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, _)) => address,
        None => place.split_once(':').map_or(place, |(name, _)| name),
    }
}

/// Whether a host is this machine by any of its names for itself. What cannot be told is not.
fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn server(url: &str, credentials: Option<&Credentials>) -> Result<Surreal<Any>, StoreError> {
    let db = within(async { any::connect(url).await }).await.map_err(|error| match error {
        // The client has no kind for it: surrealdb-3.3/src/engine/any/mod.rs.
        StoreError::Query(reason) if reason.starts_with("Invalid URL") => StoreError::Url { url: url.to_owned() },
        other => other,
    })?;
    if let Some(Credentials { user, password }) = credentials {
        let root = Root { username: user.clone(), password: password.clone() };
        within(async { db.signin(root).await }).await.map_err(|error| match error {
            StoreError::Query(_) => StoreError::Credentials { user: user.clone() },
            other => other,
        })?;
    }
    Ok(db)
}

async fn select<C: Connection>(root: &Surreal<C>, database: &str) -> surrealdb::Result<Surreal<C>> {
    // A clone is a session of its own.
    let session = root.clone();
    session.use_ns(NAMESPACE).use_db(database).await?;
    Ok(session)
}

/// Bounds the wait for a server. An embedded engine is always waited for: nothing between it and its disk can be lost,
/// and a commit given up half-way would be in doubt.
async fn within<T>(answer: impl Future<Output = surrealdb::Result<T>>) -> Result<T, StoreError> {
    match timeout(ANSWER_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(StoreError::of(&error)),
        Err(_) => Err(StoreError::Unreachable { reason: format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()) }),
    }
}

/// A session.
pub(crate) enum Client {
    /// In this process.
    Embedded(Surreal<Db>),
    /// On a server.
    Server(Surreal<Any>),
}

impl Client {
    /// Runs these statements, one of the slice's items each, and returns what they answered unless one failed.
    pub(crate) async fn ask(&self, statements: &[&'static str], vars: Object) -> Result<Answer, StoreError> {
        let text = statements.join(";\n");
        let results = match self {
            Self::Embedded(db) => db.query(text).bind(vars).await.map_err(|e| StoreError::of(&e))?,
            Self::Server(db) => within(async move { db.query(text).bind(vars).await }).await?,
        };
        Answer::settled(results, statements.len())
    }

    /// The database as it is now, for as long as it is held.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self {
            Self::Embedded(db) => {
                let begun = db.clone().begin().await;
                begun.map(Snapshot::Embedded).map_err(|e| StoreError::of(&e))
            }
            Self::Server(db) => {
                let db = db.clone();
                within(async move { db.begin().await }).await.map(Snapshot::Server)
            }
        }
    }
}

/// A transaction that only reads.
pub(crate) enum Snapshot {
    /// In this process.
    Embedded(Transaction<Db>),
    /// On a server.
    Server(Transaction<Any>),
}

impl Snapshot {
    /// Runs one statement.
    pub(crate) async fn ask(&self, statement: &'static str, vars: Object) -> Result<Answer, StoreError> {
        let results = match self {
            Self::Embedded(held) => held.query(statement).bind(vars).await.map_err(|e| StoreError::of(&e))?,
            Self::Server(held) => within(async move { held.query(statement).bind(vars).await }).await?,
        };
        Answer::settled(results, 1)
    }

    /// Lets go of it. Failing to is harmless: there is nothing to roll back.
    pub(crate) async fn end(self) {
        let ended = match self {
            Self::Embedded(held) => held.cancel().await.map(drop).map_err(|e| StoreError::of(&e)),
            Self::Server(held) => within(async move { held.cancel().await }).await.map(drop),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a reading transaction was not ended");
        }
    }
}

/// What statements answered; none of them failed.
pub(crate) struct Answer {
    results: IndexedResults,
    /// Whether there is one result for each statement, so that an index means what it says.
    aligned: bool,
}

impl Answer {
    fn settled(mut results: IndexedResults, statements: usize) -> Result<Self, StoreError> {
        let aligned = results.num_statements() == statements;
        match cause(results.take_errors()) {
            Some(error) => Err(StoreError::of(&error)),
            None => Ok(Self { results, aligned }),
        }
    }

    /// The values the statement at `index` returned, `BEGIN` and `LET` counted.
    pub(crate) fn values(&mut self, index: usize) -> Result<Vec<Value>, StoreError> {
        if !self.aligned {
            return Err(StoreError::Query("it answered more or fewer statements than it was asked".to_owned()));
        }
        let value: Value = self.results.take(index).map_err(|e| StoreError::of(&e))?;
        Ok(match value {
            Value::None => Vec::new(),
            Value::Array(values) => values.into_vec(),
            single => vec![single],
        })
    }
}

/// The failure that the others follow from: in a failed transaction every statement reports one.
fn cause(errors: HashMap<usize, surrealdb::Error>) -> Option<surrealdb::Error> {
    let mut errors: Vec<(usize, surrealdb::Error)> = errors.into_iter().collect();
    errors.sort_by_key(|(index, _)| *index);
    let follows = |error: &surrealdb::Error| {
        matches!(error.query_details(), Some(QueryError::NotExecuted | QueryError::Cancelled))
    };
    // Where all say they were not run, the last one is COMMIT, which says why.
    let told = errors.iter().position(|(_, error)| !follows(error)).or_else(|| errors.len().checked_sub(1))?;
    Some(errors.swap_remove(told).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_cause_is_told_from_what_follows_from_it() {
        let skipped = || surrealdb::Error::query("skipped".into(), QueryError::NotExecuted);
        let commit = || surrealdb::Error::query("Cannot COMMIT: disk full".into(), QueryError::NotExecuted);
        let lost = || surrealdb::Error::query("lost the race".into(), QueryError::TransactionConflict);
        let told = |errors: Vec<surrealdb::Error>| {
            cause(errors.into_iter().enumerate().collect()).map(|error| error.message().to_owned())
        };
        assert_eq!(told(vec![]), None);
        assert_eq!(told(vec![skipped(), skipped(), commit()]).as_deref(), Some("Cannot COMMIT: disk full"));
        assert_eq!(told(vec![skipped(), lost(), skipped()]).as_deref(), Some("lost the race"));
        assert!(matches!(StoreError::of(&lost()), StoreError::Conflict));
    }

    #[test]
    fn only_what_surely_is_this_machine_is() {
        for rest in ["localhost:8000", "LocalHost", "127.0.0.1:8000/rpc", "127.8.9.1", "[::1]:8000", "a:b@[::1]?x"] {
            assert!(is_this_machine(host(rest)), "{rest}");
        }
        for rest in [
            "",
            "/127.0.0.1",
            "db.example.gov:8000",
            "10.0.0.7",
            "[fe80::1]:8000",
            "127.0.0.1.example.gov",
            "127.0.0.1@db.example.gov",
            "localhost:x@db.example.gov:8000",
            "db.example.gov/@localhost",
            "db.example.gov\\@localhost",
            "db.example.gov?@localhost",
            "db.example.gov#@localhost",
        ] {
            assert!(!is_this_machine(host(rest)), "{rest}");
        }
        assert_eq!(host("root:secret@db.example.gov:8000/x"), "db.example.gov", "errors name it, and no password");
    }

    /// An engine that opens when its other end is dropped, as on a disk that hangs for a while.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce() -> BoxFuture<'static, Result<u32, StoreError>> + Send + 'static) {
        let (answers, disk) = mpsc::channel();
        let begin = move || -> BoxFuture<'static, Result<u32, StoreError>> {
            // It holds the thread, as the engine does, until it fails: nothing is sent.
            let _: Result<(), _> = disk.recv();
            Box::pin(async { Ok(7) })
        };
        (answers, begin)
    }

    #[tokio::test]
    async fn an_engine_that_does_not_open_is_waited_for_and_given_up_in_the_end() {
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(600));
        let url = "surrealkv:///srv/db";
        let (answers, begin) = hanging();
        let refused = in_time(url, (short, 2 * short), begin).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Hung { .. }), "{refused}");
        let told = refused.to_string();
        assert!(told.contains(url) && told.contains("its disk does not answer"), "{told}");
        assert!(!told.contains("address"), "it is in this process: {told}");
        drop(answers);

        let (answers, begin) = hanging();
        let answering = async {
            tokio::time::sleep(2 * short).await;
            drop(answers);
        };
        let (opened, ()) = tokio::join!(in_time(url, (short, long), begin), answering);
        assert_eq!(opened.unwrap(), 7, "it was late, and opened");

        let failed = move || async { Err::<u32, _>(StoreError::Conflict) };
        assert!(matches!(in_time(url, (long, long), failed).await, Err(StoreError::Conflict)));
    }

    #[test]
    fn a_password_is_not_printed() {
        let credentials = Credentials { user: "root".into(), password: "secret".into() };
        assert_eq!(format!("{credentials:?}"), "Credentials(root)");
    }
}
