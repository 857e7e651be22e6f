//! Accounts: the personal part of audit entries, to which the log's leaves commit.

use crate::error::StoreError;
use crate::portion::Portion;
use crate::rows::{key, own_id, with_id};
use crate::schema::ACCOUNT;
use crate::steps::Kept;
use crate::store::Jurisdiction;
use std::collections::HashMap;
use surrealdb::types::{RecordIdKey, Table, Value, object};

/// Accounts asked for in one statement, where they are small.
const MOST_AT_ONCE: usize = 1024;

/// Bytes of the salt of an account's commitment.
const SALT_LEN: usize = 32;

/// The account of one audit entry. Sealed at rest, the salt with it: whoever has the salt can try out what a leaf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The entry's id.
    pub id: String,
    /// Salt of the commitment.
    pub salt: [u8; 32],
    /// The account's canonical JSON.
    pub plain: Vec<u8>,
}

impl Jurisdiction {
    /// An account as a row.
    pub(crate) fn account_row(&self, row: &AccountRow) -> Result<Value, StoreError> {
        let opened = [row.salt.as_slice(), row.plain.as_slice()].concat();
        self.db.seal(ACCOUNT, &row.id, &opened).map(|fields| with_id(ACCOUNT, &row.id, fields))
    }

    /// Those accounts that are there already, of those among these, by the id of their entry.
    pub(crate) async fn accounts_there<'k>(
        &self,
        kept: impl IntoIterator<Item = &'k Kept>,
    ) -> Result<HashMap<String, AccountRow>, StoreError> {
        let account = |kept: &Kept| if let Kept::Account(row) = kept { Some(row.id.clone()) } else { None };
        let ids: Vec<String> = kept.into_iter().filter_map(account).collect();
        Ok(self.accounts(&ids).await?.into_iter().flatten().map(|row| (row.id.clone(), row)).collect())
    }

    /// Of these, the ones that are not kept yet.
    pub(crate) async fn unkept<'k>(&self, kept: &'k [Kept]) -> Result<Vec<&'k Kept>, StoreError> {
        let mut there = self.accounts_there(kept).await?;
        let mut missing = Vec::new();
        for item in kept {
            match item {
                Kept::Account(row) => match there.remove(&row.id) {
                    None => missing.push(item),
                    Some(found) if found == *row => {}
                    Some(found) => return Err(StoreError::Exists { id: found.id }),
                },
                _ => missing.push(item),
            }
        }
        Ok(missing)
    }

    /// The ids of all entries whose accounts are here, in no order. All are held in memory: some hundred bytes each.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn account_ids(&self) -> Result<Vec<String>, StoreError> {
        let vars = object! { rows: Value::Table(Table::new(ACCOUNT)) };
        let found = self.db.client.ask(&["SELECT VALUE id FROM $rows"], vars).await?.values(0)?;
        let id = |value| if let Value::RecordId(id) = value { own_id(id.key) } else { None };
        let damaged = || StoreError::Damaged {
            table: ACCOUNT,
            id: "?".to_owned(),
            reason: "its key is no entry's id".to_owned(),
        };
        found.into_iter().map(|value| id(value).ok_or_else(damaged)).collect()
    }

    /// The accounts of these entries, in this order.
    ///
    /// # Errors
    /// See [`Jurisdiction`].
    pub async fn accounts(&self, entry_ids: &[String]) -> Result<Vec<Option<AccountRow>>, StoreError> {
        let mut found = HashMap::with_capacity(entry_ids.len());
        let (mut ids, mut portion) = (entry_ids, Portion::new(MOST_AT_ONCE));
        while !ids.is_empty() {
            let (some, rest) = ids.split_at(portion.rows().min(ids.len()));
            let keys: Vec<RecordIdKey> = some.iter().map(|id| key(id)).collect();
            let mut sizes = Vec::with_capacity(some.len());
            for mut row in self.db.find_all(ACCOUNT, keys).await? {
                let id = row.id().to_owned();
                let opened = self.db.unseal(ACCOUNT, &id, &mut row)?;
                let Some((salt, plain)) = opened.split_first_chunk::<SALT_LEN>() else {
                    return Err(row.damaged("it is shorter than its salt"));
                };
                sizes.push(opened.len());
                found.insert(id.clone(), AccountRow { id, salt: *salt, plain: plain.to_vec() });
            }
            portion.had(sizes);
            ids = rest;
        }
        Ok(entry_ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}
