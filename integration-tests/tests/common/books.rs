//! The log and the database of a deployment that is stopped, for tests in which somebody forges what is in them who has the
//! keys to both.

use integration_tests::Deployment;
use model::terms::Digest;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// The salt of every account that is forged.
pub const SALT: [u8; 32] = [7; 32];

pub struct Books {
    pub rows: store::Jurisdiction,
    log: audit::Log,
    store: store::Store,
}

impl Books {
    pub async fn open(deployment: &Deployment, jurisdiction: &str) -> Self {
        let home = &deployment.home;
        let log = prepared(home, jurisdiction);
        assert!(log.riders().is_empty(), "it was not stopped in good order");
        let log = log.open().unwrap().log;
        let store = database(home).await;
        Self { rows: store.jurisdiction(jurisdiction).await.unwrap(), log, store }
    }

    /// Appends an entry that commits to this account; gives its index.
    pub async fn record(&self, mut leaf: Value, account: &Value) -> u64 {
        let plain = account.to_string().into_bytes();
        leaf["account"] = json!(Digest(audit::commitment(&SALT, &plain)));
        let id = leaf["id"].as_str().unwrap().to_owned();
        self.rows.keep(&[store::Kept::Account(store::AccountRow { id, salt: SALT, plain })]).await.unwrap();
        self.log.append(leaf.to_string().into_bytes()).await.unwrap().index
    }

    pub async fn close(self) {
        let Self { rows, log, store } = self;
        drop(rows);
        log.close().unwrap();
        store.close().await;
    }
}

/// The log of a deployment that is stopped, or of a copy of its folder, about to be opened.
pub fn prepared(home: &Path, jurisdiction: &str) -> audit::Prepared {
    let origin = format!("localhost/{jurisdiction}");
    let signer = audit::Ed25519Signer::from_seed(&origin, secret(home, &format!("log-{jurisdiction}"))).unwrap();
    let folder = home.join("data/logs").join(jurisdiction);
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap();
    audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap()
}

/// The database of such a folder.
pub async fn database(home: &Path) -> store::Store {
    let url = format!("surrealkv://{}?sync=every", home.join("data/db").display());
    let key = store::MasterKey::from_bytes(secret(home, "master"));
    store::Store::open(&url, None, key).await.unwrap()
}

/// A key of a deployment: 32 bytes, as 64 hexadecimal characters.
fn secret(home: &Path, name: &str) -> [u8; 32] {
    let text = std::fs::read_to_string(home.join(format!("secrets/{name}.key"))).unwrap();
    let digits: Vec<char> = text.trim().chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect::<Vec<_>>().try_into().unwrap()
}
