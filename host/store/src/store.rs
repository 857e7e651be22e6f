//! The way in: a store, and one handle per jurisdiction.

use crate::database::{Database, Patience};
use crate::engine::{Credentials, Engine};
use crate::error::StoreError;
use crate::schema;
use crate::vault::{MasterKey, Vault};
use std::{fmt, sync::Arc};
use tokio::sync::Mutex;

/// An open database engine or server. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    several: bool,
}

struct Shared {
    engine: Engine,
    master: Arc<MasterKey>,
    /// Held while a jurisdiction is opened: making a database twice at once is a conflict.
    opening: Mutex<()>,
}

impl Store {
    /// Opens the database at `url`: `surrealkv:///folder` (embedded; every commit is synced unless the address says
    /// `?sync=`), `wss://host:port` (a server; `credentials` are those of a root user), `ws://` for a server at a loopback
    /// address, or `mem://` (embedded, forgotten when closed). An engine or a server that does not answer is given up in the end. `wss://` needs a TLS provider that the process has chosen, and
    /// trusts the public authorities (webpki-roots). Embedded engines have no users and ignore credentials. Nothing is read or written yet; the
    /// master key is checked by [`Store::jurisdiction`].
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::Unencrypted`], [`StoreError::Locked`], [`StoreError::Hung`],
    /// [`StoreError::Unreachable`], [`StoreError::Certificate`], [`StoreError::Credentials`].
    pub async fn open(url: &str, credentials: Option<&Credentials>, key: MasterKey) -> Result<Self, StoreError> {
        let engine = Engine::open(url, credentials).await?;
        let shared = Shared { engine, master: Arc::new(key), opening: Mutex::new(()) };
        let several = shared.engine.is_server();
        Ok(Self { shared: Arc::new(shared), several })
    }

    /// The same, used by several hosts at the same time: each tells the others of its changes. On a server that is so anyway.
    #[must_use]
    pub fn among_several(self) -> Self {
        Self { several: true, ..self }
    }

    /// Whether other hosts may use this database at the same time.
    pub fn is_among_several(&self) -> bool {
        self.several
    }

    /// Opens one jurisdiction's database, made and brought to the newest schema if need be. Handles of different
    /// jurisdictions, and clones of one, may be used at once. Opening costs several statements: keep the handle.
    ///
    /// # Errors
    /// [`StoreError::Id`], [`StoreError::Anonymous`], [`StoreError::WrongKey`], [`StoreError::NewerSchema`], and what any statement
    /// may fail with.
    pub async fn jurisdiction(&self, id: &str) -> Result<Jurisdiction, StoreError> {
        // An id is safe as a database's name as it stands.
        model::terms::check_id(id)?;
        let _turn = self.shared.opening.lock().await;
        let mut patience = Patience::default();
        let client = loop {
            match self.shared.engine.session(id).await {
                Err(StoreError::Conflict) if patience.left() => {}
                session => break session?,
            }
            patience.pause().await;
        };
        let database = Database::new(client, Vault::new(Arc::clone(&self.shared.master), id), self.several);
        schema::prepare(&database).await?;
        Ok(Jurisdiction { db: Arc::new(database) })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] if it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.shared.engine.ping().await
    }

    /// Closes an embedded engine and frees its folder. Clones and jurisdictions' handles are of no use from here on:
    /// what they write is refused. A server's connection ends with the last handle.
    pub async fn close(self) {
        self.shared.engine.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What is kept for one jurisdiction. Clones are the same handle.
///
/// Every method may fail with [`StoreError::Unreachable`] or [`StoreError::Query`]; every one that writes, with
/// [`StoreError::Conflict`]; every one that reads, with [`StoreError::Damaged`], which names the row.
#[derive(Clone)]
pub struct Jurisdiction {
    pub(crate) db: Arc<Database>,
}

impl fmt::Debug for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jurisdiction({})", self.db.vault.database())
    }
}
