//! What steps leave behind, packed: sealed bytes that are durable somewhere else until their rows are.

use crate::accounts::AccountRow;
use crate::casework::{RequestRow, SearchRow};
use crate::error::StoreError;
use crate::impositions::Imposition;
use crate::obligations::ObligationRow;
use crate::retention::RetentionRow;
use crate::standings::StandingRow;
use crate::steps::Kept;
use crate::store::Jurisdiction;
use model::terms::{Digest, Instant};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The place that packed rows are sealed for. What is in them says for itself which rows it is.
const RIDER: &str = "rider";

/// Bytes of a wrapped data key, in front of the sealed body.
const KEY_LEN: usize = 40;

impl Jurisdiction {
    /// Packs what [`keep`](Self::keep) is to keep into sealed bytes.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn pack(&self, kept: &[Kept]) -> Result<Vec<u8>, StoreError> {
        let unwritable = |reason: String| StoreError::Unwritable { table: RIDER, id: RIDER.to_owned(), reason };
        let mut packed = Vec::with_capacity(kept.len());
        for item in kept {
            packed.push(match item {
                Kept::Retention(row) => Packed::Retention {
                    subject: row.subject.clone(),
                    gallery: row.gallery.clone(),
                    record: row.record.clone(),
                    body: Bytes(serde_json::to_vec(&row.body).map_err(|e| unwritable(e.to_string()))?),
                },
                Kept::Account(row) => {
                    Packed::Account { id: row.id.clone(), salt: row.salt, plain: Bytes(row.plain.clone()) }
                }
                Kept::Request(row) => {
                    let body = serde_json::to_vec(&row.body).map_err(|e| unwritable(e.to_string()))?;
                    Packed::Request { id: row.id.clone(), opened: row.opened.0, body: Bytes(body) }
                }
                Kept::Search(search) => Packed::Search {
                    id: search.id.clone(),
                    at: search.at.0,
                    person: search.person.clone(),
                    request: search.request.clone(),
                    case_keys: search.case_keys.clone(),
                    probe: search.probe.0,
                    unlisted: Vec::new(),
                },
                Kept::Entry { request, entry } => Packed::Entry { request: request.clone(), entry: entry.clone() },
                Kept::Imposed(Imposition { decision, request, rows }) => Packed::Imposed {
                    decision: decision.clone(),
                    request: request.clone(),
                    rows: rows.iter().map(PackedObligation::of).collect(),
                },
                Kept::Settled { row, was } => {
                    Packed::Settled { row: PackedObligation::of(row), was: was.map(|at| at.0) }
                }
                Kept::Stands(row) => {
                    let body = serde_json::to_vec(&row.body).map_err(|e| unwritable(e.to_string()))?;
                    Packed::Stands { kind: row.kind.clone(), id: row.id.clone(), body: Bytes(body) }
                }
                Kept::Forgotten { kind, id } => Packed::Forgotten { kind: kind.clone(), id: id.clone() },
            });
        }
        let plain = postcard::to_allocvec(&packed).map_err(|e| unwritable(e.to_string()))?;
        let sealed = self.db.vault.seal(RIDER, RIDER, &plain)?;
        let mut bytes = sealed.key;
        bytes.extend_from_slice(&sealed.body);
        Ok(bytes)
    }

    /// What was packed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for bytes that this store did not pack.
    pub fn unpack(&self, rider: &[u8]) -> Result<Vec<Kept>, StoreError> {
        let damaged =
            |reason: &str| StoreError::Damaged { table: RIDER, id: RIDER.to_owned(), reason: reason.to_owned() };
        let (key, body) = rider.split_at_checked(KEY_LEN).ok_or_else(|| damaged("it is shorter than its key"))?;
        let plain = self.db.vault.open(RIDER, RIDER, key, body)?;
        let packed: Vec<Packed> = postcard::from_bytes(&plain).map_err(|e| damaged(&e.to_string()))?;
        packed
            .into_iter()
            .map(|item| {
                Ok(match item {
                    Packed::Retention { subject, gallery, record, body } => {
                        let body = serde_json::from_slice(&body.0).map_err(|e| damaged(&e.to_string()))?;
                        Kept::Retention(RetentionRow { subject, gallery, record, body })
                    }
                    Packed::Account { id, salt, plain } => Kept::Account(AccountRow { id, salt, plain: plain.0 }),
                    Packed::Request { id, opened, body } => {
                        let body = serde_json::from_slice(&body.0).map_err(|e| damaged(&e.to_string()))?;
                        Kept::Request(RequestRow { id, opened: Instant(opened), body })
                    }
                    Packed::Search { id, at, person, request, case_keys, probe, .. } => {
                        let at = Instant(at);
                        let probe = Digest(probe);
                        Kept::Search(SearchRow { id, at, person, request, case_keys, probe })
                    }
                    Packed::Entry { request, entry } => Kept::Entry { request, entry },
                    Packed::Imposed { decision, request, rows } => {
                        let rows = rows.into_iter().map(PackedObligation::row).collect();
                        Kept::Imposed(Imposition { decision, request, rows })
                    }
                    Packed::Settled { row, was } => Kept::Settled { row: row.row(), was: was.map(Instant) },
                    Packed::Stands { kind, id, body } => {
                        let body = serde_json::from_slice(&body.0).map_err(|e| damaged(&e.to_string()))?;
                        Kept::Stands(StandingRow { kind, id, body })
                    }
                    Packed::Forgotten { kind, id } => Kept::Forgotten { kind, id },
                })
            })
            .collect()
    }
}

/// [`Kept`] in a form that needs no names.
#[derive(Serialize, Deserialize)]
enum Packed {
    Retention {
        subject: String,
        gallery: String,
        record: String,
        body: Bytes,
    },
    Account {
        id: String,
        salt: [u8; 32],
        plain: Bytes,
    },
    Request {
        id: String,
        opened: u64,
        body: Bytes,
    },
    Search {
        id: String,
        at: u64,
        person: String,
        request: String,
        case_keys: Vec<String>,
        probe: [u8; 32],
        /// Older programs said here under which cases the probe was to be listed. It is under all.
        unlisted: Vec<String>,
    },
    Entry {
        request: String,
        entry: String,
    },
    Imposed {
        decision: String,
        request: Option<String>,
        rows: Vec<PackedObligation>,
    },
    Settled {
        row: PackedObligation,
        was: Option<u64>,
    },
    Stands {
        kind: String,
        id: String,
        body: Bytes,
    },
    Forgotten {
        kind: String,
        id: String,
    },
}

#[derive(Serialize, Deserialize)]
struct PackedObligation {
    request: Option<String>,
    id: String,
    open: bool,
    wake: Option<u64>,
    body: Bytes,
}

impl PackedObligation {
    fn of(row: &ObligationRow) -> Self {
        Self {
            request: row.request.clone(),
            id: row.id.clone(),
            open: row.open,
            wake: row.wake.map(|at| at.0),
            body: Bytes(row.body.clone()),
        }
    }

    fn row(self) -> ObligationRow {
        let Self { request, id, open, wake, body } = self;
        ObligationRow { request, id, open, wake: wake.map(Instant), body: body.0 }
    }
}

/// Bytes, in one piece rather than one by one.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(InOnePiece)
    }
}

struct InOnePiece;

impl<'de> Visitor<'de> for InOnePiece {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Bytes, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            all.push(byte);
        }
        Ok(Bytes(all))
    }
}
