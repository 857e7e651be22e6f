//! Keys of rows, and rows as they come back.

use crate::error::StoreError;
use crate::vault::Sealed;
use model::terms::{Digest, Instant};
use serde::{Serialize, de::DeserializeOwned};
use std::ops::Bound;
use surrealdb::types::{Array, Bytes, Number, Object, RecordId, RecordIdKey, RecordIdKeyRange, Value, object};

/// A part of a key: a text.
pub(crate) fn text(part: &str) -> Value {
    Value::String(part.to_owned())
}

/// A part of a key, or a field: a whole number.
pub(crate) fn number(part: i64) -> Value {
    Value::Number(Number::Int(part))
}

/// The key of a row that is called by one id.
pub(crate) fn key(id: &str) -> RecordIdKey {
    RecordIdKey::String(id.to_owned())
}

/// The key of a row that is called by several parts, the last of which is its own id. Keys sort by their parts.
pub(crate) fn key_of(parts: Vec<Value>) -> RecordIdKey {
    RecordIdKey::Array(Array::from(parts))
}

/// All rows from `from` on and before `to`; to the table's end where that is absent.
pub(crate) fn range(table: &'static str, from: Vec<Value>, to: Option<Vec<Value>>) -> RecordId {
    let end = to.map_or(Bound::Unbounded, |to| Bound::Excluded(key_of(to)));
    RecordId::new(table, RecordIdKeyRange { start: Bound::Included(key_of(from)), end })
}

/// One text for two ids, which no other two ids have.
pub(crate) fn joined(of: &str, id: &str) -> String {
    format!("{}:{of}/{id}", of.len())
}

/// A row as `INSERT` takes it: the fields and the id.
pub(crate) fn with_id(table: &'static str, id: &str, mut fields: Object) -> Value {
    fields.insert("id", RecordId::new(table, key(id)));
    Value::Object(fields)
}

/// A moment as the database keeps it: milliseconds. Moments later than the year 292,000,000 become that year.
pub(crate) fn milliseconds(at: Instant) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A digest as the database keeps it: 32 bytes.
pub(crate) fn digest_bytes(digest: Digest) -> Bytes {
    Bytes::from(digest.0.to_vec())
}

/// The fields of a sealed row.
pub(crate) fn sealed_fields(sealed: Sealed) -> Object {
    object! { key: Bytes::from(sealed.key), sealed: Bytes::from(sealed.body) }
}

/// A value as JSON.
pub(crate) fn to_json<T: Serialize>(table: &'static str, id: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Unwritable {
        table,
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

/// A value from JSON.
pub(crate) fn from_json<T: DeserializeOwned>(table: &'static str, id: &str, json: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Damaged {
        table,
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

/// About how many bytes a value takes.
pub(crate) fn weight(value: &Value) -> usize {
    /// Of a key, a number, a moment; and of what holds others, beside these.
    const SMALL: usize = 64;
    match value {
        Value::String(text) => SMALL + text.len(),
        Value::Bytes(bytes) => SMALL + bytes.len(),
        Value::Array(values) => SMALL + values.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => SMALL + fields.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>(),
        _ => SMALL,
    }
}

/// A row as it was found. Fields are taken out of it; one that is missing or of another kind makes the row damaged.
pub(crate) struct Row {
    table: &'static str,
    id: String,
    first: Option<i64>,
    fields: Object,
}

impl Row {
    pub(crate) fn new(table: &'static str, value: Value) -> Result<Self, StoreError> {
        let unknown = |reason: &str| StoreError::Damaged { table, id: "?".to_owned(), reason: reason.to_owned() };
        let Value::Object(mut fields) = value else { return Err(unknown("it is no object")) };
        let Some(Value::RecordId(id)) = fields.remove("id") else { return Err(unknown("it has no key")) };
        let first = first_number(&id.key);
        let id = own_id(id.key).ok_or_else(|| unknown("its key does not end in an id"))?;
        Ok(Self { table, id, first, fields })
    }

    /// The first part of its key: a moment.
    pub(crate) fn moment(&self) -> Result<Instant, StoreError> {
        let moment = self.first.and_then(|first| u64::try_from(first).ok());
        moment.map(Instant).ok_or_else(|| self.damaged("its key does not begin with a moment"))
    }

    /// The last part of its key.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<String, StoreError> {
        self.text_if_any(field).ok_or_else(|| self.damaged(&format!("`{field}` is no text")))
    }

    pub(crate) fn text_if_any(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn texts(&mut self, field: &str) -> Result<Vec<String>, StoreError> {
        self.texts_if_any(field).ok_or_else(|| self.damaged(&format!("`{field}` is no list of texts")))
    }

    pub(crate) fn texts_if_any(&mut self, field: &str) -> Option<Vec<String>> {
        let one = |value| if let Value::String(text) = value { Some(text) } else { None };
        match self.fields.remove(field) {
            Some(Value::Array(values)) => values.into_iter().map(one).collect(),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self, field: &str) -> Result<i64, StoreError> {
        self.number_if_any(field).ok_or_else(|| self.damaged(&format!("`{field}` is no whole number")))
    }

    pub(crate) fn number_if_any(&mut self, field: &str) -> Option<i64> {
        match self.fields.remove(field) {
            Some(Value::Number(Number::Int(number))) => Some(number),
            _ => None,
        }
    }

    /// Whether a field is there and says so.
    pub(crate) fn flag(&mut self, field: &str) -> bool {
        matches!(self.fields.remove(field), Some(Value::Bool(true)))
    }

    /// A number that cannot be negative: a generation, a count, a moment.
    pub(crate) fn natural(&mut self, field: &str) -> Result<u64, StoreError> {
        let number = self.number(field)?;
        u64::try_from(number).map_err(|_| self.damaged(&format!("`{field}` is negative")))
    }

    pub(crate) fn bytes(&mut self, field: &str) -> Result<Bytes, StoreError> {
        self.bytes_if_any(field).ok_or_else(|| self.damaged(&format!("`{field}` is no bytes")))
    }

    pub(crate) fn bytes_if_any(&mut self, field: &str) -> Option<Bytes> {
        match self.fields.remove(field) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn digest(&mut self, field: &str) -> Result<Digest, StoreError> {
        let bytes = self.bytes(field)?;
        let bytes: &[u8] = &bytes;
        <[u8; 32]>::try_from(bytes).map(Digest).map_err(|_| self.damaged(&format!("`{field}` is no digest")))
    }

    pub(crate) fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged { table: self.table, id: self.id.clone(), reason: reason.to_owned() }
    }
}

fn first_number(key: &RecordIdKey) -> Option<i64> {
    match key {
        RecordIdKey::Array(parts) => match parts.first() {
            Some(Value::Number(Number::Int(first))) => Some(*first),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn own_id(key: RecordIdKey) -> Option<String> {
    match key {
        RecordIdKey::String(id) => Some(id),
        RecordIdKey::Number(number) => Some(number.to_string()),
        RecordIdKey::Array(mut parts) => match parts.pop() {
            Some(Value::String(id)) => Some(id),
            _ => None,
        },
        _ => None,
    }
}
