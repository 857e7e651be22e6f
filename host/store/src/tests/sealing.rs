//! Searches: what the rows of one show, how those of older programs come to be sealed, and what goes with accounts.

use super::{north, open, raw};
use crate::rows::{digest_bytes, key_of, number, text};
use crate::test_support::{at_rest, opened};
use crate::{
    AccountRow, Destruction, Imposition, Jurisdiction, Kept, ObligationRow, RequestRow, SearchRow, StoreError, schema,
};
use model::terms::{Digest, Instant};
use serde_json::json;
use surrealdb::types::{Object, RecordId, Value, object};

const TABLES: [&str; 3] = [schema::SEARCH_FACT, schema::CASE_PROBE, schema::REQUEST_SEARCH];

fn case() -> String {
    Digest::of(b"26-0310-1").to_string()
}

fn search(id: &str, at: u64, request: &str) -> SearchRow {
    SearchRow {
        id: id.to_owned(),
        at: Instant(at),
        person: "north/j.doe".to_owned(),
        request: request.to_owned(),
        case_keys: vec![case()],
        probe: Digest::of(b"probe"),
    }
}

/// Whether a row at rest shows who searched, in which case, or with what.
async fn shows(north: &Jurisdiction) -> bool {
    let rows = at_rest(north, &[]).await.unwrap();
    let mut told = rows.iter().filter(|row| TABLES.contains(&row.table));
    let probe = Digest::of(b"probe");
    told.any(|row| {
        let said = format!("{row:?}");
        let bytes = row.bytes.values().any(|bytes| bytes.windows(32).any(|part| part == probe.0));
        bytes || ["j.doe".to_owned(), case(), probe.to_string()].iter().any(|text| said.contains(text.as_str()))
    })
}

async fn insert(north: &Jurisdiction, statement: &'static str, row: Object) {
    raw(north, statement, object! { rows: vec![Value::Object(row)] }).await;
}

/// Keeps a search as it was kept before schema 8.
async fn keep_in_the_clear(north: &Jurisdiction, search: &SearchRow) {
    let at = i64::try_from(search.at.0).unwrap();
    let cases: Vec<Value> = search.case_keys.iter().map(|case| text(case)).collect();
    let fact = object! {
        id: RecordId::new(schema::SEARCH_FACT, key_of(vec![number(at), text(&search.id)])),
        at: at,
        person: search.person.clone(),
        request: search.request.clone(),
        case_keys: cases,
        probe: digest_bytes(search.probe),
    };
    insert(north, "INSERT INTO search_fact $rows", fact).await;
    for case in &search.case_keys {
        let key = key_of(vec![text(case), number(0), text(&search.probe.to_string())]);
        let probe = object! { id: RecordId::new(schema::CASE_PROBE, key), probe: digest_bytes(search.probe) };
        insert(north, "INSERT IGNORE INTO case_probe $rows", probe).await;
    }
    let key = key_of(vec![text(&search.request), number(0), text(&search.id)]);
    let link = object! { id: RecordId::new(schema::REQUEST_SEARCH, key) };
    insert(north, "INSERT INTO request_search $rows", link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_that_were_kept_in_the_clear_are_sealed_and_none_is_lost() {
    let store = open("mem://", 1).await.unwrap();
    let north = store.jurisdiction("north").await.unwrap();
    let rows = [search("s1", 7, "r"), search("s2", 9, "r"), search("s3", 9, "q")];
    for row in &rows {
        keep_in_the_clear(&north, row).await;
    }
    assert!(shows(&north).await, "this would find them");
    let unread = north.searches_since(Instant(0)).await;
    assert!(matches!(unread, Err(StoreError::Damaged { table: "search_fact", .. })), "none is passed over: {unread:?}");
    // One that was sealed before a run broke off.
    north.put_search(&search("s4", 11, "q")).await.unwrap();

    for round in 0..2 {
        raw(&north, "DELETE $id", object! { id: RecordId::new("schema", 8_i64) }).await;
        let north = store.jurisdiction("north").await.unwrap();
        let found = north.searches_since(Instant(0)).await.unwrap();
        let mut found: Vec<_> = found.iter().filter(|row| row.id != "s4").collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(found, rows.iter().collect::<Vec<_>>(), "{round}");
        assert_eq!(north.probes_of_case(&case()).await.unwrap(), [Digest::of(b"probe")], "{round}");
        assert_eq!(north.searches_of_request("r").await.unwrap(), 2, "{round}");
        assert_eq!(north.searches_of_request("q").await.unwrap(), 2, "{round}");
        assert!(!shows(&north).await, "{round}");
        assert_eq!(raw(&north, "SELECT * FROM case_probe", object! {}).await.len(), 4, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_accounts_goes_whole_and_nothing_else_does() {
    let north = north().await;
    let account = |id: &str| Kept::Account(AccountRow { id: id.into(), salt: [3; 32], plain: b"who and why".to_vec() });
    let entry = |request: &str, entry: &str| Kept::Entry { request: request.into(), entry: entry.into() };
    let owed = |id: &str, open: bool| ObligationRow {
        request: Some("r".into()),
        id: id.into(),
        open,
        wake: open.then_some(Instant(40)),
        body: b"owed".to_vec(),
    };
    let imposed = vec![owed("a", true), owed("b", true)];
    let imposed = Imposition { decision: "d".into(), request: Some("r".into()), rows: imposed };
    let request = |id: &str| RequestRow { id: id.into(), opened: Instant(5), body: json!("why") };
    let kept = [
        Kept::Request(request("r")),
        Kept::Request(request("q")),
        Kept::Search(search("s1", 7, "r")),
        Kept::Search(search("s2", 7, "q")),
        Kept::Search(search("s3", 8, "q")),
        Kept::Imposed(imposed),
        Kept::Settled { row: owed("b", false), was: Some(Instant(40)) },
    ];
    north.keep(&kept).await.unwrap();
    let entries = [entry("r", "1"), entry("r", "2"), entry("q", "3"), account("1"), account("2"), account("3")];
    north.keep(&entries).await.unwrap();

    let bare = RequestRow { body: json!("bare"), ..request("q") };
    let what = Destruction {
        accounts: vec!["1".into(), "2".into(), "never".into()],
        searches: vec![(Instant(7), "q".into()), (Instant(9), "q".into())],
        requests: vec!["r".into()],
        instead: vec![bare.clone()],
    };
    assert_eq!(north.destroy_together(&what).await.unwrap(), 2);
    assert_eq!(north.destroy_together(&what).await.unwrap(), 0, "what is gone is passed over");
    assert_eq!(north.destroy_together(&Destruction::default()).await.unwrap(), 0);

    assert_eq!(north.searches_since(Instant(0)).await.unwrap(), [search("s3", 8, "q")]);
    assert_eq!(north.probes_of_case(&case()).await.unwrap(), [Digest::of(b"probe")], "another search brought it there");
    assert_eq!(north.request("q").await.unwrap(), Some(bare));
    let left: Vec<_> = at_rest(&north, &[]).await.unwrap().into_iter().map(|row| (row.table, row.key)).collect();
    let of_r = |key: &str| ["\"r\"", "\"d\"", "\"a\"", "\"b\"", "\"1\"", "\"s1\""].iter().any(|id| key.contains(id));
    assert!(!left.iter().any(|(_, key)| of_r(key)), "{left:?}");
    let count = |table: &str| left.iter().filter(|(of, _)| *of == table).count();
    assert_eq!(TABLES.map(count), [1, 1, 1]);
    assert_eq!(["request", "request_opened", "request_entry", "account"].map(count), [1, 1, 1, 1]);
    assert_eq!(["obligation", "imposition", "obligation_wake"].map(count), [0, 0, 0]);
    assert!(north.open_obligations(None).await.unwrap().is_empty());
    assert_eq!(opened(&north).await.unwrap().len(), 4, "the request, the account, the search and its probe");

    north.destroy_together(&Destruction { requests: vec!["q".into()], ..Destruction::default() }).await.unwrap();
    assert!(north.probes_of_case(&case()).await.unwrap().is_empty() && north.request("q").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_under_an_id_that_begins_so_is_found() {
    let north = north().await;
    north.seal("document", "r/a.pdf", b"pdf").await.unwrap();
    north.seal("document", "s", b"pdf").await.unwrap();
    for (kind, begins, there) in
        [("document", "r/", true), ("document", "r/b", false), ("document", "q/", false), ("probe", "r/", false)]
    {
        assert_eq!(north.any_sealed(kind, begins).await.unwrap(), there, "{kind} {begins}");
    }
    north.destroy("document", "r/a.pdf").await.unwrap();
    assert!(!north.any_sealed("document", "r/").await.unwrap(), "nor what only follows it");
}
