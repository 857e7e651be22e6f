//! What is kept beside the log, derived from it again: what was changed behind its back is found, and put right.

use crate::common::{Court, FIRST, GALLERY, JURISDICTION, agree, court, database, log, outgoing, record, said};
use crate::hosts::copy;
use casework::Clock;
use casework::derivation::{Derivation, Findings, Mending};
use casework::retention::{Asking, Change, GALLERY_RECORD};
use magistrate_casework as casework;
use model::account::{Account, Event, Leaf, Retained};
use model::facts::Likeness;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Derives a closed court's rows from its log and these accounts.
async fn derive(home: &Path, accounts: &store::Jurisdiction) -> Derivation {
    let origin = format!("test/{JURISDICTION}");
    let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
    let key = audit::Signer::verifier_key(&signer).parse().unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(home.join("log"), cap_std::ambient_authority()).unwrap();
    let snapshot = audit::Snapshot::open(&dir, &key).unwrap();
    let mut derived = Derivation::new(JURISDICTION, &origin, snapshot.minimum_index());
    for (index, bytes) in snapshot.entries(snapshot.minimum_index()..snapshot.size()).unwrap() {
        let leaf: Leaf = serde_json::from_slice(&bytes).unwrap();
        let row = accounts.accounts(std::slice::from_ref(&leaf.id)).await.unwrap().remove(0);
        let account = row.map(|row| serde_json::from_slice::<Account>(&row.plain).unwrap());
        derived.take(index, &leaf, account).unwrap();
    }
    derived
}

/// Compares and mends; gives what was found and how many rows were mended.
async fn mend(home: &Path, rows: &store::Jurisdiction, clock: &Arc<AtomicU64>) -> (Findings, usize) {
    let mending = Mending::open(JURISDICTION, log(home), rows, Clock::set(clock.clone())).await.unwrap();
    let derived = derive(home, rows).await;
    let found = derived.compare(rows).await.unwrap();
    let mended = mending.mend(&derived, &found.differences).await.unwrap();
    mending.close().await.unwrap();
    (found, mended)
}

/// What the host says in the last entries that rows were mended in.
async fn said_of_mending(rows: &store::Jurisdiction) -> Vec<BTreeMap<String, String>> {
    let ids = rows.account_ids().await.unwrap();
    let accounts = rows.accounts(&ids).await.unwrap().into_iter().flatten();
    let told = accounts.filter_map(|row| match serde_json::from_slice::<Account>(&row.plain).unwrap().event {
        Event::Host { act, details } if act == "rows-mended" => Some(details),
        _ => None,
    });
    told.collect()
}

/// A court at which something of everything was done.
async fn at_work() -> Option<Court> {
    let court = court().await?;
    let (request, records) = court.signed(1).await;
    court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap();
    let (other, records) = court.searched(2, 2).await;
    court.dispose(FIRST, &other, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    let (subject, gallery) = (GALLERY_RECORD.to_owned(), Some(GALLERY.to_owned()));
    let asking = Asking {
        change: Change::Seal,
        record: Retained { subject, gallery, record: record(9) },
        day: None,
        answers: crate::common::answers([("retention-reason", crate::common::text("an order of the court"))]),
    };
    court.casework.retention(&court.who("r.tanaka").await, JURISDICTION, asking).await.unwrap();
    let found = agree(&court.casework).await.remove(JURISDICTION).unwrap();
    assert!(found.obligations > 5 && found.dockets == 1 && found.searches == 2, "{found:?}");
    Some(court)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_accounts_alone_an_empty_database_has_its_rows_again() {
    let Some(court) = at_work().await else { return };
    let clock = court.clock.clone();
    let empty = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let again = empty.jurisdiction(JURISDICTION).await.unwrap();
    court
        .reopen_after(async |home: &Path| {
            let whole = database(home).await;
            let rows = whole.jurisdiction(JURISDICTION).await.unwrap();
            let ids = rows.account_ids().await.unwrap();
            let accounts = rows.accounts(&ids).await.unwrap().into_iter().flatten();
            again.keep(&accounts.map(store::Kept::Account).collect::<Vec<_>>()).await.unwrap();
            let before = derive(home, &rows).await.compare(&rows).await.unwrap();

            // In a copy: what is recorded of mending there is not in the database that was whole.
            let apart = tempfile::tempdir().unwrap();
            copy(&home.join("log"), &apart.path().join("log"));
            let home = apart.path();
            let (found, mended) = mend(home, &again, &clock).await;
            assert_eq!((found.obligations, found.dockets, found.searches), (0, 0, 0), "every row is missing");
            assert_eq!(mended, before.obligations + before.dockets + before.searches);
            assert!(found.differences.iter().all(|d| d.holds.is_null() && d.can_be_mended()));
            let after = derive(home, &again).await.compare(&again).await.unwrap();
            assert!(after.differences.is_empty(), "{:?}", after.differences);
            assert_eq!(after.obligations, before.obligations);

            let open = async |rows: &store::Jurisdiction| {
                let mut open = rows.open_obligations(None).await.unwrap();
                open.sort_by(|a, b| a.id.cmp(&b.id));
                open
            };
            assert_eq!(open(&again).await, open(&rows).await, "and they are listed as they were");
            drop(rows);
            whole.close().await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_by_hand_is_found_and_mended_behind_an_entry_that_says_so() {
    let Some(court) = at_work().await else { return };
    let clock = court.clock.clone();
    let court = court
        .reopen_after(async |home: &Path| {
            let store = database(home).await;
            let rows = store.jurisdiction(JURISDICTION).await.unwrap();
            let was = rows.open_obligations(None).await.unwrap().remove(0);
            let mut changed = was.clone();
            let mut body: serde_json::Value = serde_json::from_slice(&was.body).unwrap();
            body["state"] = "met".into();
            body["by"] = "nobody".into();
            body["at"] = body["since"].clone();
            (changed.open, changed.body) = (false, serde_json::to_vec(&body).unwrap());
            let mut docket = rows.retentions().await.unwrap().remove(0);
            docket.body["purged"] = body["since"].clone();
            let settled = store::Kept::Settled { row: changed, was: was.wake };
            rows.keep(&[settled, store::Kept::Retention(docket)]).await.unwrap();

            let (found, mended) = mend(home, &rows, &clock).await;
            assert_eq!((found.differences.len(), mended), (2, 2), "{:?}", found.differences);
            let [obligation, docket] = found.differences.as_slice() else { panic!("not two") };
            assert_eq!((obligation.kind, &obligation.row), ("obligation", &was.id));
            assert_eq!((&obligation.holds["state"], &obligation.says["state"]), (&"met".into(), &"open".into()));
            assert_eq!((docket.kind, docket.says["purged"].is_null()), ("docket", true));
            let said = said_of_mending(&rows).await;
            assert_eq!(said.len(), 1);
            assert!(said[0][&format!("obligation {}", was.id)].contains("nobody"), "{said:?}");

            assert_eq!(rows.obligation(was.request.as_deref(), &was.id).await.unwrap(), Some(was));
            let (found, mended) = mend(home, &rows, &clock).await;
            assert!(found.differences.is_empty() && mended == 0, "{:?}", found.differences);
            assert_eq!(said_of_mending(&rows).await.len(), 1, "where nothing differs, nothing is recorded");
            drop(rows);
            store.close().await;
        })
        .await;
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_entry_tells_of_is_found_and_left() {
    let Some(court) = at_work().await else { return };
    let clock = court.clock.clone();
    court
        .reopen_after(async |home: &Path| {
            let store = database(home).await;
            let rows = store.jurisdiction(JURISDICTION).await.unwrap();
            let mut invented = rows.open_obligations(None).await.unwrap().remove(0);
            let mut body: serde_json::Value = serde_json::from_slice(&invented.body).unwrap();
            body["id"] = "invented".into();
            (invented.id, invented.body) = ("invented".to_owned(), serde_json::to_vec(&body).unwrap());
            rows.keep(&[store::Kept::Settled { row: invented, was: None }]).await.unwrap();
            let (found, mended) = mend(home, &rows, &clock).await;
            let [stray] = found.differences.as_slice() else { panic!("{:?}", found.differences) };
            assert_eq!(
                (stray.row.as_str(), stray.says.is_null(), stray.can_be_mended(), mended),
                ("invented", true, false, 0)
            );
            drop(rows);
            store.close().await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_gone_is_counted_and_what_it_alone_said_is_left_out() {
    let Some(court) = at_work().await else { return };
    court
        .reopen_after(async |home: &Path| {
            let store = database(home).await;
            let rows = store.jurisdiction(JURISDICTION).await.unwrap();
            // The first decision on a request.
            let mut first = None;
            for row in rows.every_obligation().await.unwrap() {
                let entries = rows.entries_of_request(row.request.as_deref().unwrap_or_default()).await.unwrap();
                first = first.or(entries.into_iter().next());
            }
            let first = first.unwrap();
            assert_eq!(rows.destroy_accounts(std::slice::from_ref(&first)).await.unwrap(), 1);
            let found = derive(home, &rows).await.compare(&rows).await.unwrap();
            assert_eq!((found.purged, found.missing.as_slice()), (0, std::slice::from_ref(&first)));
            assert!(found.differences.is_empty(), "{:?}", found.differences);
            drop(rows);
            store.close().await;
        })
        .await;
}
