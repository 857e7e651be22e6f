//! How long records stay: what was said and done about each, and how it stands.

use crate::error::StoreError;
use crate::rows::{Row, from_json, key_of, text, to_json};
use crate::schema::RETENTION;
use crate::store::Jurisdiction;
use surrealdb::types::{RecordId, RecordIdKey, Value};

/// How long one record stays, in whatever form casework gives it. There is one only of records that something was said of.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionRow {
    /// What kind of record.
    pub subject: String,
    /// The gallery it is in; empty outside one.
    pub gallery: String,
    /// The record.
    pub record: String,
    /// Everything about it. Sealed at rest.
    pub body: serde_json::Value,
}

impl Jurisdiction {
    /// How long a record stays, as a row.
    pub(crate) fn retention_row(&self, row: &RetentionRow) -> Result<Value, StoreError> {
        let json = to_json(RETENTION, &row.record, &(&row.subject, &row.gallery, &row.body))?;
        let place = place(&row.subject, &row.gallery, &row.record);
        let mut fields = self.db.seal(RETENTION, &place, &json)?;
        fields.insert("id", RecordId::new(RETENTION, retention_key(&row.subject, &row.gallery, &row.record)));
        fields.insert("place", place);
        Ok(Value::Object(fields))
    }

    /// How long this record stays; absent where nothing was ever said of it. `gallery` is empty outside one.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn retention(
        &self,
        subject: &str,
        gallery: &str,
        record: &str,
    ) -> Result<Option<RetentionRow>, StoreError> {
        let row = self.db.find(RETENTION, retention_key(subject, gallery, record)).await?;
        row.map(|row| self.opened_retention(row)).transpose()
    }

    /// How long these records of one kind and gallery stay, in no order; those of which nothing was ever said are left out.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn retentions_of(
        &self,
        subject: &str,
        gallery: &str,
        records: &[String],
    ) -> Result<Vec<RetentionRow>, StoreError> {
        let keys = records.iter().map(|record| retention_key(subject, gallery, record)).collect();
        let rows = self.db.find_all(RETENTION, keys).await?;
        rows.into_iter().map(|row| self.opened_retention(row)).collect()
    }

    /// How long records stay: of every one that something was said of.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn retentions(&self) -> Result<Vec<RetentionRow>, StoreError> {
        let rows = self.db.every(RETENTION).await?;
        rows.into_iter().map(|row| self.opened_retention(row)).collect()
    }

    fn opened_retention(&self, mut row: Row) -> Result<RetentionRow, StoreError> {
        let (place, record) = (row.text("place")?, row.id().to_owned());
        let json = self.db.unseal(RETENTION, &place, &mut row)?;
        let (subject, gallery, body) = from_json(RETENTION, &record, &json)?;
        Ok(RetentionRow { subject, gallery, record, body })
    }
}

/// What a row is sealed for: one text for three ids, which no other three have.
fn place(subject: &str, gallery: &str, record: &str) -> String {
    format!("{}:{subject}/{}:{gallery}/{record}", subject.len(), gallery.len())
}

fn retention_key(subject: &str, gallery: &str, record: &str) -> RecordIdKey {
    key_of(vec![text(subject), text(gallery), text(record)])
}
