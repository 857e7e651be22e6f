//! Gallery records: enrolled and purged a batch at a time, under a generation that counts the changes.

use crate::bookings::Sealed;
use crate::error::StoreError;
use crate::holdings::{Change, state_of};
use crate::rows::{Row, from_json, joined, key, key_of, milliseconds, text, to_json};
use crate::schema::{BOOKING, GENERATION, PHOTO, TEMPLATE};
use crate::store::Jurisdiction;
use crate::templates;
use model::multiset::MultisetHash;
use model::registry::Gallery;
use model::terms::Instant;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use surrealdb::types::{Object, RecordId, RecordIdKey, Value, object};

/// Records in one call of [`Jurisdiction::insert_records`]. One statement of 1,000 rows inserts 64,000 rows of 1 KB a
/// second here; larger ones gain nothing and make a lost race dearer.
pub const BATCH_ROWS: usize = 1000;

const INSERT: [&str; 3] = [
    "INSERT INTO booking $bookings RETURN NONE",
    "INSERT INTO template $templates RETURN NONE",
    "INSERT INTO photo $photos RETURN NONE",
];

const REMOVE: [&str; 3] = ["DELETE $booking RETURN NONE", "DELETE $template RETURN NONE", "DELETE $photo RETURN NONE"];

/// A record's status stands with its booking, which lists read, and with its template, which is searched.
const RESTATE: [&str; 2] =
    ["UPDATE $booking SET status = $status RETURN NONE", "UPDATE $template SET status = $status RETURN NONE"];

/// A record to enrol.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// Its id, unique in its gallery. Any text.
    pub id: String,
    /// The template: `dim` numbers, of length 1.
    pub template: Vec<f32>,
    /// The model the template was made with.
    pub model: String,
    /// Its status, in the deployment's vocabulary.
    pub status: String,
    /// Booking data by field name. Sealed at rest.
    pub booking: BTreeMap<String, String>,
    /// The booking photograph. Sealed at rest.
    pub photo: Option<Vec<u8>>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Where a record comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The agency; empty where nobody said.
    pub origin: String,
    /// When it was enrolled, where that is known.
    pub enrolled: Option<Instant>,
}

/// Which of its states a gallery is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GalleryState {
    /// How often it has changed. 0: nothing was ever enrolled.
    pub generation: u64,
    /// How many records are enrolled.
    pub records: u64,
    /// A name that no other state has, made at random with each change: a database restored from a backup counts the
    /// same generations again. Empty where nothing changed since states are named.
    pub stamp: String,
    /// The sum of what its records count as: see [`model::multiset`].
    pub holdings: MultisetHash,
}

/// What is known of an enrolled record besides its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The record's id.
    pub id: String,
    /// Its status.
    pub status: String,
    /// The agency that it comes from; empty where nobody said.
    pub origin: String,
    /// Booking data by field name.
    pub booking: BTreeMap<String, String>,
}

impl Jurisdiction {
    /// Enrols records, up to [`BATCH_ROWS`] of them, all or none, and returns the gallery's new generation. With
    /// photographs, keep the batch below 64 MB: a server takes no larger message.
    ///
    /// # Errors
    /// [`StoreError::Exists`] naming the first record whose id is taken; nothing is enrolled then.
    /// [`StoreError::Template`] if a template is not of length 1 or does not fit the gallery.
    /// After [`StoreError::Unreachable`] the batch may have been enrolled all the same, if the database stayed silent or the
    /// gallery has changed since: its first id tells.
    pub async fn insert_records(&self, gallery: &str, records: Vec<NewRecord>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return self.generation(gallery).await;
        }
        if records.len() > BATCH_ROWS {
            return Err(StoreError::Batch { rows: records.len(), most: BATCH_ROWS });
        }
        let listed = self.gallery(gallery).await?;
        let vars = self.batch(gallery, listed.as_ref(), &records)?;
        let change = Change::Enrol { records: &records, sum: records.iter().map(templates::element).collect() };
        let _turn = self.db.changing.lock().await;
        let named = match self.change(gallery, &change, &INSERT, vars).await {
            Ok(Some(generation)) => return Ok(generation),
            // Records that come are always a change.
            Ok(None) => return self.generation(gallery).await,
            Err(StoreError::Exists { id }) => id,
            Err(error) => return Err(error),
        };
        // The engine names a key of whichever table it was writing: ask which record that is.
        let taken = self.first_taken(gallery, &records).await?;
        Err(StoreError::Exists { id: taken.unwrap_or(named) })
    }

    /// How often the gallery has changed. 0: nothing was ever enrolled.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn generation(&self, gallery: &str) -> Result<u64, StoreError> {
        match self.db.find(GENERATION, key(gallery)).await? {
            Some(mut row) => row.natural("generation"),
            None => Ok(0),
        }
    }

    /// How many records are enrolled.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn count(&self, gallery: &str) -> Result<u64, StoreError> {
        match self.db.find(GENERATION, key(gallery)).await? {
            Some(mut row) => row.natural("records"),
            None => Ok(0),
        }
    }

    /// Which state the gallery is in.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn gallery_state(&self, gallery: &str) -> Result<GalleryState, StoreError> {
        let Some(mut row) = self.db.find(GENERATION, key(gallery)).await? else { return Ok(GalleryState::default()) };
        state_of(&mut row)
    }

    /// What is known of these records, in this order, less those that are not enrolled (any more).
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn bookings(&self, gallery: &str, ids: &[String]) -> Result<Vec<Booking>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.db.bookings.get(&joined(gallery, id)) {
                Some(row) => drop(found.insert(id.clone(), row)),
                None => missing.push(record_key(gallery, id)),
            }
        }
        if !missing.is_empty() {
            let reading = self.db.bookings.reading().await;
            for mut row in self.db.find_all(BOOKING, missing).await? {
                let (key, body) = (row.bytes("key")?.to_vec(), row.bytes("sealed")?.to_vec());
                let (status, origin) = (row.text("status")?, row.text_if_any("origin").unwrap_or_default());
                let sealed = Arc::new(Sealed { status, origin, key, body });
                self.db.bookings.keep(&reading, joined(gallery, row.id()), sealed.clone());
                found.insert(row.id().to_owned(), sealed);
            }
        }
        let mut bookings = Vec::with_capacity(found.len());
        for id in ids {
            if let Some(row) = found.get(id) {
                let json = self.db.vault.open(BOOKING, &joined(gallery, id), &row.key, &row.body)?;
                let booking = from_json(BOOKING, id, &json)?;
                let (status, origin) = (row.status.clone(), row.origin.clone());
                bookings.push(Booking { id: id.clone(), status, origin, booking });
            }
        }
        Ok(bookings)
    }

    /// Where a record comes from; absent if there is no such record.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn provenance(&self, gallery: &str, id: &str) -> Result<Option<Provenance>, StoreError> {
        let Some(mut row) = self.db.find(BOOKING, record_key(gallery, id)).await? else { return Ok(None) };
        let enrolled = row.number_if_any("enrolled").and_then(|at| u64::try_from(at).ok()).map(Instant);
        Ok(Some(Provenance { origin: row.text_if_any("origin").unwrap_or_default(), enrolled }))
    }

    /// Gives a record another status, which every list it is on says from now on. Returns the gallery's generation, which
    /// is a new one unless that was its status before; absent if there is no such record.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn set_status(&self, gallery: &str, id: &str, status: &str) -> Result<Option<u64>, StoreError> {
        let _turn = self.db.changing.lock().await;
        let changing = self.db.bookings.changing().await;
        self.db.bookings.forget(&changing, &joined(gallery, id));
        let vars = object! {
            booking: RecordId::new(BOOKING, record_key(gallery, id)),
            template: RecordId::new(TEMPLATE, templates::key_in(gallery, id)),
            status: status.to_owned(),
        };
        if let Some(generation) = self.change(gallery, &Change::Restate { id, status }, &RESTATE, vars).await? {
            return Ok(Some(generation));
        }
        match self.counted(gallery, id).await? {
            Some(_) => self.generation(gallery).await.map(Some),
            None => Ok(None),
        }
    }

    /// A record's photograph; absent if none was enrolled.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn photo(&self, gallery: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut row) = self.db.find(PHOTO, record_key(gallery, id)).await? else { return Ok(None) };
        self.open_of(PHOTO, gallery, &mut row).map(Some)
    }

    /// Removes a record: template, booking data, photograph and their keys. Returns the gallery's new generation;
    /// absent if there was no such record.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn remove_record(&self, gallery: &str, id: &str) -> Result<Option<u64>, StoreError> {
        let vars = object! {
            booking: RecordId::new(BOOKING, record_key(gallery, id)),
            template: RecordId::new(TEMPLATE, templates::key_in(gallery, id)),
            photo: RecordId::new(PHOTO, record_key(gallery, id)),
        };
        let _turn = self.db.changing.lock().await;
        let changing = self.db.bookings.changing().await;
        // Before the write: were it to fail half-way, the row would only be read again.
        self.db.bookings.forget(&changing, &joined(gallery, id));
        self.change(gallery, &Change::Remove { id }, &REMOVE, vars).await
    }

    /// What [`INSERT`] is told.
    fn batch(&self, gallery: &str, listed: Option<&Gallery>, records: &[NewRecord]) -> Result<Object, StoreError> {
        let mut seen = HashSet::with_capacity(records.len());
        let mut bookings = Vec::with_capacity(records.len());
        let mut rows = Vec::with_capacity(records.len());
        let mut photos = Vec::new();
        for record in records {
            if !seen.insert(record.id.as_str()) {
                return Err(StoreError::Exists { id: record.id.clone() });
            }
            rows.push(templates::row(gallery, listed, record)?);
            let json = to_json(BOOKING, &record.id, &record.booking)?;
            let mut booking = self.db.seal(BOOKING, &joined(gallery, &record.id), &json)?;
            booking.insert("id", RecordId::new(BOOKING, record_key(gallery, &record.id)));
            booking.insert("status", record.status.clone());
            booking.insert("origin", record.provenance.origin.clone());
            if let Some(at) = record.provenance.enrolled {
                booking.insert("enrolled", milliseconds(at));
            }
            bookings.push(Value::Object(booking));
            if let Some(photo) = &record.photo {
                let mut photo = self.db.seal(PHOTO, &joined(gallery, &record.id), photo)?;
                photo.insert("id", RecordId::new(PHOTO, record_key(gallery, &record.id)));
                photos.push(Value::Object(photo));
            }
        }
        Ok(object! { bookings: bookings, templates: rows, photos: photos })
    }

    async fn first_taken(&self, gallery: &str, records: &[NewRecord]) -> Result<Option<String>, StoreError> {
        let keys: Vec<RecordIdKey> = records.iter().map(|record| record_key(gallery, &record.id)).collect();
        let taken: HashSet<String> =
            self.db.find_all(BOOKING, keys).await?.iter().map(|row| row.id().to_owned()).collect();
        Ok(records.iter().find(|record| taken.contains(&record.id)).map(|record| record.id.clone()))
    }

    /// Opens what a row of a gallery's record holds.
    fn open_of(&self, table: &'static str, gallery: &str, row: &mut Row) -> Result<Vec<u8>, StoreError> {
        let place = joined(gallery, row.id());
        self.db.unseal(table, &place, row)
    }
}

/// The key of a record's booking, and of its photograph.
pub(crate) fn record_key(gallery: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(gallery), text(id)])
}
