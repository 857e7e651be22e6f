//! Sealed blobs: probe images and whatever else must not be read by whoever holds the database, or a file beside it.

use crate::error::StoreError;
use crate::rows::{joined, key_of, range, text};
use crate::schema::BLOB;
use crate::store::Jurisdiction;
use surrealdb::types::{RecordId, RecordIdKey, object};

/// The row is deleted whole: the key to the blob and the blob.
const DESTROY: [&str; 4] = ["BEGIN", "SELECT VALUE id FROM $id", "DELETE $id RETURN NONE", "COMMIT"];

/// Where in [`DESTROY`] the answer stands whether there was anything.
const DESTROYED: usize = 1;

impl Jurisdiction {
    /// Keeps a blob, in place of the one of the same kind and id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn seal(&self, kind: &str, id: &str, plain: &[u8]) -> Result<(), StoreError> {
        let row = self.db.seal(BLOB, &joined(kind, id), plain)?;
        self.db.put(BLOB, blob_key(kind, id), row).await
    }

    /// The blob as it was sealed; absent if it never was, or was destroyed.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn open_sealed(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut row) = self.db.find(BLOB, blob_key(kind, id)).await? else { return Ok(None) };
        self.db.unseal(BLOB, &joined(kind, id), &mut row).map(Some)
    }

    /// Whether anything of this kind is sealed under an id that begins like this.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn any_sealed(&self, kind: &str, begins: &str) -> Result<bool, StoreError> {
        // What begins so comes before it with the last of all characters behind it.
        let end = format!("{begins}{}", char::MAX);
        let those = range(BLOB, vec![text(kind), text(begins)], Some(vec![text(kind), text(&end)]));
        let statement = ["SELECT VALUE id FROM $range LIMIT 1"];
        Ok(!self.db.client.ask(&statement, object! { range: those }).await?.values(0)?.is_empty())
    }

    /// Seals a text that is kept in a file and not here, with the key that it needs but for the master key.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn seal_apart(&self, kind: &'static str, id: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.db.vault.seal_apart(kind, id, plain)
    }

    /// Opens what was sealed so, by the same kind and id.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for anything else.
    pub fn open_apart(&self, kind: &'static str, id: &str, text: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.db.vault.open_apart(kind, id, text)
    }

    /// Destroys a blob and its key. Whether there was one.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn destroy(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        let vars = object! { id: RecordId::new(BLOB, blob_key(kind, id)) };
        let found = self.db.write(&DESTROY, vars).await?.values(DESTROYED)?;
        Ok(!found.is_empty())
    }
}

fn blob_key(kind: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(kind), text(id)])
}
