//! Gallery records: enrolled and purged a batch at a time, under a generation that counts the changes.

use crate::bookings::Sealed;
use crate::error::StoreError;
use crate::rows::{Row, from_json, joined, key, key_of, milliseconds, text, to_json};
use crate::schema::{BOOKING, GENERATION, PHOTO, TEMPLATE};
use crate::store::Jurisdiction;
use crate::templates;
use model::registry::Gallery;
use model::terms::Instant;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use surrealdb::types::{Number, Object, RecordId, RecordIdKey, Value, object};

/// Records in one call of [`Jurisdiction::insert_records`]. One statement of 1,000 rows inserts 64,000 rows of 1 KB a
/// second here; larger ones gain nothing and make a lost race dearer.
pub const BATCH_ROWS: usize = 1000;

const INSERT: [&str; 6] = [
    "BEGIN",
    "INSERT INTO booking $bookings RETURN NONE",
    "INSERT INTO template $templates RETURN NONE",
    "INSERT INTO photo $photos RETURN NONE",
    "UPSERT $generation SET generation = (generation ?? 0) + 1, records = (records ?? 0) + $added, stamp = $stamp \
     RETURN VALUE generation",
    "COMMIT",
];

/// Where in [`INSERT`] the new generation stands.
const INSERTED: usize = 4;

/// The counts change by what was found within the transaction: a record that somebody else removes at the same time
/// is counted once.
const REMOVE: [&str; 8] = [
    "BEGIN",
    "SELECT VALUE id FROM $booking",
    "LET $gone = (SELECT VALUE id FROM $booking)",
    "DELETE $booking RETURN NONE",
    "DELETE $template RETURN NONE",
    "DELETE $photo RETURN NONE",
    "UPSERT $generation SET generation = (generation ?? 0) + array::len($gone), \
     records = (records ?? 0) - array::len($gone), \
     stamp = IF array::len($gone) > 0 THEN $stamp ELSE stamp END RETURN VALUE generation",
    "COMMIT",
];

/// Where in [`REMOVE`] the record stands, if there was one.
const FOUND: usize = 1;

/// Where in [`REMOVE`] the new generation stands.
const REMOVED: usize = 6;

/// [`INSERT`], with what tells other hosts of it.
const INSERT_TOLD: [&str; 8] =
    [INSERT[0], INSERT[1], INSERT[2], INSERT[3], TELL, FORGET_TOLD, INSERT[INSERTED], "COMMIT"];

/// Where in [`INSERT_TOLD`] the new generation stands.
const INSERTED_TOLD: usize = 6;

/// [`REMOVE`], with what tells other hosts of it. Only for a record that is there.
const REMOVE_TOLD: [&str; 10] =
    [REMOVE[0], REMOVE[1], REMOVE[2], REMOVE[3], REMOVE[4], REMOVE[5], TELL, FORGET_TOLD, REMOVE[REMOVED], "COMMIT"];

/// Where in [`REMOVE_TOLD`] the new generation stands.
const REMOVED_TOLD: usize = 8;

const SET_STATUS: &str = "UPDATE $id SET status = $status RETURN VALUE id";

/// [`SET_STATUS`], with what tells other hosts of it.
const SET_STATUS_TOLD: [&str; 6] = [
    "BEGIN",
    SET_STATUS,
    TELL,
    FORGET_TOLD,
    "UPSERT $generation SET generation = (generation ?? 0) + 1, stamp = $stamp RETURN NONE",
    "COMMIT",
];

/// Tells other hosts which records a change touches.
const TELL: &str = "INSERT INTO gallery_change $change RETURN NONE";

/// Lets go of the oldest change told of.
const FORGET_TOLD: &str = "DELETE $past RETURN NONE";

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
}

/// What is known of an enrolled record besides its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The record's id.
    pub id: String,
    /// Its status.
    pub status: String,
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
    /// After [`StoreError::Unreachable`] the batch may have been enrolled all the same: its first id tells.
    pub async fn insert_records(&self, gallery: &str, records: Vec<NewRecord>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return self.generation(gallery).await;
        }
        if records.len() > BATCH_ROWS {
            return Err(StoreError::Batch { rows: records.len(), most: BATCH_ROWS });
        }
        let listed = self.gallery(gallery).await?;
        let vars = self.batch(gallery, listed.as_ref(), &records)?;
        let _turn = self.db.changing.lock().await;
        let (written, at) = if self.db.several {
            let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
            (self.write_told(gallery, &ids, None, &INSERT_TOLD, &vars).await, INSERTED_TOLD)
        } else {
            (self.db.write(&INSERT, vars).await.map(Some), INSERTED)
        };
        let named = match written {
            Ok(None) => return self.generation(gallery).await,
            Ok(Some(mut answer)) => return new_generation(gallery, answer.values(at)?),
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
        Ok(GalleryState {
            generation: row.natural("generation")?,
            records: row.natural("records")?,
            stamp: row.text_if_any("stamp").unwrap_or_default(),
        })
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
                let sealed = Arc::new(Sealed { status: row.text("status")?, key, body });
                self.db.bookings.keep(&reading, joined(gallery, row.id()), sealed.clone());
                found.insert(row.id().to_owned(), sealed);
            }
        }
        let mut bookings = Vec::with_capacity(found.len());
        for id in ids {
            if let Some(row) = found.get(id) {
                let json = self.db.vault.open(BOOKING, &joined(gallery, id), &row.key, &row.body)?;
                let booking = from_json(BOOKING, id, &json)?;
                bookings.push(Booking { id: id.clone(), status: row.status.clone(), booking });
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

    /// Gives a record another status, which every list it is on says from now on. Whether there is such a record.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn set_status(&self, gallery: &str, id: &str, status: &str) -> Result<bool, StoreError> {
        let vars = object! { id: RecordId::new(BOOKING, record_key(gallery, id)), status: status.to_owned() };
        let changing = self.db.bookings.changing().await;
        self.db.bookings.forget(&changing, &joined(gallery, id));
        if !self.db.several {
            let found = self.db.write(&[SET_STATUS], vars).await?.values(0)?;
            return Ok(!found.is_empty());
        }
        let mut vars = vars;
        vars.insert("generation", RecordId::new(GENERATION, key(gallery)));
        vars.insert("stamp", new_stamp());
        let there = record_key(gallery, id);
        let written = self.write_told(gallery, &[id.to_owned()], Some(&there), &SET_STATUS_TOLD, &vars).await?;
        Ok(written.is_some())
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
            generation: RecordId::new(GENERATION, key(gallery)),
            stamp: new_stamp(),
        };
        let _turn = self.db.changing.lock().await;
        let changing = self.db.bookings.changing().await;
        // Before the write: were it to fail half-way, the row would only be read again.
        self.db.bookings.forget(&changing, &joined(gallery, id));
        let (mut answer, at) = if self.db.several {
            let there = record_key(gallery, id);
            match self.write_told(gallery, &[id.to_owned()], Some(&there), &REMOVE_TOLD, &vars).await? {
                Some(answer) => (answer, REMOVED_TOLD),
                None => return Ok(None),
            }
        } else {
            (self.db.write(&REMOVE, vars).await?, REMOVED)
        };
        if answer.values(FOUND)?.is_empty() {
            return Ok(None);
        }
        new_generation(gallery, answer.values(at)?).map(Some)
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
        Ok(object! {
            bookings: bookings,
            templates: rows,
            photos: photos,
            generation: RecordId::new(GENERATION, key(gallery)),
            // At most BATCH_ROWS.
            added: records.len() as i64,
            stamp: new_stamp(),
        })
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

fn record_key(gallery: &str, id: &str) -> RecordIdKey {
    key_of(vec![text(gallery), text(id)])
}

fn new_stamp() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn new_generation(gallery: &str, values: Vec<Value>) -> Result<u64, StoreError> {
    match values.first() {
        Some(Value::Number(Number::Int(number))) => Ok(u64::try_from(*number).unwrap_or(0)),
        _ => Err(StoreError::Damaged {
            table: GENERATION,
            id: gallery.to_owned(),
            reason: "its generation is no whole number".to_owned(),
        }),
    }
}
