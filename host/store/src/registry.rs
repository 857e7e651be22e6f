//! People, agencies and galleries as the registry lists them.

use crate::error::StoreError;
use crate::hosts::{TELL_REGISTRY, registry_counter};
use crate::rows::{from_json, key, to_json, with_id};
use crate::schema::{AGENCY, GALLERY, PERSON};
use crate::store::Jurisdiction;
use model::registry::{Agency, Gallery, Person, Registry};
use serde::{Serialize, de::DeserializeOwned};
use surrealdb::types::{Object, Value, object};

/// Adds what is new and replaces what is there; rows that the registry no longer lists stay.
const PUT_REGISTRY: [&str; 5] = [
    "BEGIN",
    "INSERT INTO agency $agencies ON DUPLICATE KEY UPDATE json = $input.json RETURN NONE",
    "INSERT INTO person $people ON DUPLICATE KEY UPDATE key = $input.key, sealed = $input.sealed RETURN NONE",
    "INSERT INTO gallery $galleries ON DUPLICATE KEY UPDATE json = $input.json RETURN NONE",
    "COMMIT",
];

impl Jurisdiction {
    /// Keeps everything a registry lists, all of it or nothing. What it no longer lists stays.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_registry(&self, registry: &Registry) -> Result<(), StoreError> {
        let agencies = registry
            .agencies
            .iter()
            .map(|agency| open_row(AGENCY, &agency.id, agency).map(|row| with_id(AGENCY, &agency.id, row)));
        let people =
            registry.people.iter().map(|person| self.person_row(person).map(|row| with_id(PERSON, &person.id, row)));
        let galleries = registry
            .galleries
            .iter()
            .map(|gallery| open_row(GALLERY, &gallery.id, gallery).map(|row| with_id(GALLERY, &gallery.id, row)));
        let vars = object! {
            agencies: agencies.collect::<Result<Vec<Value>, StoreError>>()?,
            people: people.collect::<Result<Vec<Value>, StoreError>>()?,
            galleries: galleries.collect::<Result<Vec<Value>, StoreError>>()?,
        };
        if !self.db.several {
            return self.db.write(&PUT_REGISTRY, vars).await.map(drop);
        }
        let mut vars = vars;
        vars.insert("told", registry_counter());
        let [begin, agencies, people, galleries, commit] = PUT_REGISTRY;
        self.db.write(&[begin, agencies, people, galleries, TELL_REGISTRY, commit], vars).await.map(drop)
    }

    /// The person with this id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn person(&self, id: &str) -> Result<Option<Person>, StoreError> {
        let Some(mut row) = self.db.find(PERSON, key(id)).await? else { return Ok(None) };
        let json = self.db.unseal(PERSON, id, &mut row)?;
        from_json(PERSON, id, &json).map(Some)
    }

    /// Everyone, by id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let mut people = Vec::new();
        for mut row in self.db.every(PERSON).await? {
            let id = row.id().to_owned();
            let json = self.db.unseal(PERSON, &id, &mut row)?;
            people.push(from_json(PERSON, &id, &json)?);
        }
        Ok(people)
    }

    /// Keeps a person, in place of the one with the same id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_person(&self, person: &Person) -> Result<(), StoreError> {
        self.db.put(PERSON, key(&person.id), self.person_row(person)?).await
    }

    /// The agency with this id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn agency(&self, id: &str) -> Result<Option<Agency>, StoreError> {
        self.listed(AGENCY, id).await
    }

    /// All agencies, by id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn agencies(&self) -> Result<Vec<Agency>, StoreError> {
        self.all_listed(AGENCY).await
    }

    /// Keeps an agency, in place of the one with the same id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_agency(&self, agency: &Agency) -> Result<(), StoreError> {
        self.db.put(AGENCY, key(&agency.id), open_row(AGENCY, &agency.id, agency)?).await
    }

    /// The gallery with this id, as the registry lists it.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn gallery(&self, id: &str) -> Result<Option<Gallery>, StoreError> {
        self.listed(GALLERY, id).await
    }

    /// All galleries, by id.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn galleries(&self) -> Result<Vec<Gallery>, StoreError> {
        self.all_listed(GALLERY).await
    }

    /// Keeps what the registry says of a gallery, in place of what it said before. Its records stay as they are.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn put_gallery(&self, gallery: &Gallery) -> Result<(), StoreError> {
        self.db.put(GALLERY, key(&gallery.id), open_row(GALLERY, &gallery.id, gallery)?).await
    }

    fn person_row(&self, person: &Person) -> Result<Object, StoreError> {
        self.db.seal(PERSON, &person.id, &to_json(PERSON, &person.id, person)?)
    }

    async fn listed<T: DeserializeOwned>(&self, table: &'static str, id: &str) -> Result<Option<T>, StoreError> {
        let Some(mut row) = self.db.find(table, key(id)).await? else { return Ok(None) };
        from_json(table, id, row.text("json")?.as_bytes()).map(Some)
    }

    async fn all_listed<T: DeserializeOwned>(&self, table: &'static str) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        for mut row in self.db.every(table).await? {
            let json = row.text("json")?;
            all.push(from_json(table, row.id(), json.as_bytes())?);
        }
        Ok(all)
    }
}

/// A row that says nothing personal. JSON as text: the database has number types of its own.
fn open_row<T: Serialize>(table: &'static str, id: &str, value: &T) -> Result<Object, StoreError> {
    let json = String::from_utf8(to_json(table, id, value)?).map_err(|error| StoreError::Unwritable {
        table,
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(object! { json: json })
}
