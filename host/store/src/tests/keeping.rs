//! What is kept comes back as it was.

use super::{HOSTILE, north, raw};
use crate::{AccountRow, Imposition, Kept, ObligationRow, RequestRow, SearchRow, StandingRow, StoreError};
use model::facts::{AgencyKind, Agreement, Training};
use model::filter::{FilterKind, Filterable};
use model::registry::{Agency, Gallery, Person, Registry};
use model::terms::{Digest, Instant};
use serde_json::json;
use surrealdb::types::object;

/// What is listed among what is still to be met.
const LISTED: &str = "SELECT * FROM obligation_wake WHERE wake >= 0";

fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: format!("Name of {id}"),
        agency: "a".to_owned(),
        unit: "u".to_owned(),
        rank: "r".to_owned(),
        roles: vec!["examiner".into()],
        trainings: vec![Training {
            curriculum: "c".to_owned(),
            completed: "2026-01-31".parse().unwrap(),
            expires: None,
        }],
        background_checked: None,
        need_reviewed: Some("2026-02-28".parse().unwrap()),
        multi_factor: true,
        suspended_since: Some(Instant(5)),
    }
}

fn agency(id: &str) -> Agency {
    Agency {
        id: id.to_owned(),
        name: format!("Agency {id}"),
        kind: AgencyKind::Prosecutor,
        participant: true,
        agreements: vec![Agreement {
            kind: "k".to_owned(),
            signed: Instant(7),
            starts: "2026-01-01".parse().unwrap(),
            ends: None,
            scope: vec!["s".to_owned()],
        }],
        suspended_since: None,
    }
}

fn gallery(id: &str, dim: u32) -> Gallery {
    let sex = Filterable {
        name: "sex".to_owned(),
        kind: FilterKind::Choice,
        field: None,
        choices: vec!["F".to_owned(), "M".to_owned()],
    };
    Gallery {
        id: id.to_owned(),
        class: "c".to_owned(),
        model: "m".to_owned(),
        dim,
        last_scrubbed: None,
        filters: vec![sex],
    }
}

fn account(id: &str) -> AccountRow {
    AccountRow { id: id.to_owned(), salt: [3; 32], plain: format!("{{\"id\":\"{id}\"}}").into_bytes() }
}

fn search(id: &str, at: u64, request: &str, cases: &[&str], probe: &str) -> SearchRow {
    SearchRow {
        id: id.to_owned(),
        at: Instant(at),
        person: "north/p".to_owned(),
        request: request.to_owned(),
        case_keys: cases.iter().map(|case| (*case).to_owned()).collect(),
        probe: Digest::of(probe.as_bytes()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_comes_back_and_what_it_no_longer_lists_stays() {
    let north = north().await;
    let registry = Registry {
        agencies: vec![agency("a"), agency("b")],
        people: vec![person("p"), person("q")],
        galleries: vec![gallery("g", 4)],
    };
    north.put_registry(&registry).await.unwrap();
    assert_eq!(north.agencies().await.unwrap(), registry.agencies);
    assert_eq!(north.people().await.unwrap(), registry.people);
    assert_eq!(north.galleries().await.unwrap(), registry.galleries);

    let changed = Person { name: "Changed".to_owned(), ..person("p") };
    let later = Registry { people: vec![changed.clone(), person("r")], ..Registry::default() };
    north.put_registry(&later).await.unwrap();
    assert_eq!(north.people().await.unwrap(), [changed.clone(), person("q"), person("r")]);
    assert_eq!(north.person("p").await.unwrap(), Some(changed));
    assert_eq!(north.agency("b").await.unwrap(), Some(agency("b")));
    assert_eq!(north.person("nobody").await.unwrap(), None);

    north.put_person(&person("p")).await.unwrap();
    north.put_agency(&Agency { participant: false, ..agency("b") }).await.unwrap();
    north.put_gallery(&gallery("g", 512)).await.unwrap();
    assert_eq!(north.person("p").await.unwrap(), Some(person("p")));
    assert!(!north.agency("b").await.unwrap().unwrap().participant);
    assert_eq!(north.gallery("g").await.unwrap(), Some(gallery("g", 512)));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_come_back_and_are_replaced() {
    let north = north().await;
    let body = json!({"text": "ü", "n": 1.5, "deep": [null, {"a": [true]}], "big": u64::MAX});
    let row = RequestRow { id: "r".to_owned(), opened: Instant(1_767_225_600_007), body };
    north.put_request(&row).await.unwrap();
    assert_eq!(north.request("r").await.unwrap(), Some(row.clone()));
    let row = RequestRow { body: json!("closed"), ..row };
    north.put_request(&row).await.unwrap();
    assert_eq!(north.request("r").await.unwrap(), Some(row));
    assert_eq!(north.request("s").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_what_was_searched() {
    let north = north().await;
    let rows = [
        search("s1", 1_767_225_600_000, "r1", &["case", "other"], "one"),
        search("s2", 1_767_225_600_001, "r1", &["case"], "two"),
        search("s3", 9_767_225_600_002, "r2", &["case"], "one"),
        search("s4", 99, "r2", &[], "three"),
    ];
    for row in &rows {
        north.put_search(row).await.unwrap();
    }
    north.put_search(&rows[0]).await.expect("a search may be kept again");

    assert_eq!(north.searches_since(Instant(1_767_225_600_001)).await.unwrap(), rows[1..3]);
    let all: Vec<_> = north.searches_since(Instant(0)).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(all, ["s4", "s1", "s2", "s3"]);
    assert!(north.searches_since(Instant(u64::MAX)).await.unwrap().is_empty());

    let mut probes = vec![Digest::of(b"one"), Digest::of(b"two")];
    probes.sort();
    assert_eq!(north.probes_of_case("case").await.unwrap(), probes);
    assert_eq!(north.probes_of_case("other").await.unwrap(), [Digest::of(b"one")]);
    assert!(north.probes_of_case("cas").await.unwrap().is_empty());
    assert_eq!(north.searches_of_request("r1").await.unwrap(), 2);
    assert_eq!(north.searches_of_request("r").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_back_in_the_order_asked() {
    let north = north().await;
    let rows: Vec<_> = ["a", "b", "c"].map(account).into();
    north.put_accounts(&rows).await.unwrap();
    north.put_accounts(&[]).await.unwrap();
    let mut ids = north.account_ids().await.unwrap();
    ids.sort_unstable();
    let mut kept: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    kept.sort_unstable();
    assert_eq!(ids, kept);
    assert_eq!(north.account("b").await.unwrap(), Some(account("b")));
    assert_eq!(north.account("d").await.unwrap(), None);
    let asked = ["c", "d", "a", "c"].map(str::to_owned);
    let expected = [Some(account("c")), None, Some(account("a")), Some(account("c"))];
    assert_eq!(north.accounts(&asked).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_keys_are_asked_for_the_rows_of_all_come_back() {
    let north = north().await;
    let ids: Vec<_> = (0..2_001).map(|number| format!("a{number:04}")).collect();
    let rows: Vec<_> = ids.iter().map(|id| account(id)).collect();
    north.put_accounts(&rows).await.unwrap();
    let keys = ids.iter().chain([&"absent".to_owned()]).map(|id| crate::rows::key(id)).collect();
    let found = north.db.find_all(crate::schema::ACCOUNT, keys).await.unwrap();
    let mut found: Vec<_> = found.iter().map(|row| row.id().to_owned()).collect();
    found.sort_unstable();
    assert_eq!(found, ids);
    assert!(north.db.find_all(crate::schema::ACCOUNT, Vec::new()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_may_be_kept_again_but_not_otherwise() {
    let north = north().await;
    north.put_accounts(&[account("a")]).await.unwrap();
    north.put_accounts(&[account("a"), account("b")]).await.expect("what is there says the same");
    assert_eq!(north.account("b").await.unwrap(), Some(account("b")));

    let other = AccountRow { salt: [4; 32], ..account("a") };
    let refused = north.put_accounts(&[account("c"), other]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Exists { id } if id == "a"), "{refused}");
    assert_eq!(north.account("a").await.unwrap(), Some(account("a")));
    assert_eq!(north.account("c").await.unwrap(), None, "all of them or none");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entries_of_a_request_are_its_own_and_requests_are_listed_as_they_were_opened() {
    let north = north().await;
    let entry = |request: &str, entry: &str| Kept::Entry { request: request.to_owned(), entry: entry.to_owned() };
    north.keep(&[entry("r", "2"), entry("r", "1"), entry("rr", "3")]).await.unwrap();
    north.keep(&[entry("r", "1")]).await.expect("it may be said again");
    assert_eq!(north.entries_of_request("r").await.unwrap(), ["1", "2"]);
    assert!(north.entries_of_request("s").await.unwrap().is_empty());

    let request = |id: &str, at: u64| RequestRow { id: id.to_owned(), opened: Instant(at), body: json!({}) };
    for row in [request("b", 5), request("a", 7), request("c", 6)] {
        north.put_request(&row).await.unwrap();
    }
    north.put_request(&request("aa", 7)).await.unwrap();
    let opened = async |since: u64, before: Option<(u64, &str)>, most: usize| {
        let before = before.map(|(at, id)| (Instant(at), id));
        let found = north.requests_opened(Instant(since), before, most).await.unwrap();
        found.into_iter().map(|(at, id)| format!("{id} {}", at.0)).collect::<Vec<_>>()
    };
    assert_eq!(opened(6, None, 9).await, ["aa 7", "a 7", "c 6"]);
    assert_eq!(opened(0, None, 2).await, ["aa 7", "a 7"]);
    assert_eq!(opened(0, Some((7, "a")), 2).await, ["c 6", "b 5"], "one of the same moment is another one");
    assert_eq!(opened(0, Some((7, "aa")), 1).await, ["a 7"]);
    assert!(opened(0, Some((5, "b")), 9).await.is_empty() && opened(8, None, 9).await.is_empty());
    assert!(opened(7, Some((5, "b")), 9).await.is_empty(), "nothing is both");
}

#[tokio::test(flavor = "multi_thread")]
async fn obligations_are_listed_until_they_are_met_and_stay_met() {
    let north = north().await;
    let owed = |request: Option<&str>, id: &str, wake: Option<u64>| ObligationRow {
        request: request.map(str::to_owned),
        id: id.to_owned(),
        open: true,
        wake: wake.map(Instant),
        body: id.as_bytes().to_vec(),
    };
    let rows = [owed(Some("r"), "late", Some(9)), owed(Some("r"), "never", None), owed(None, "soon", Some(3))];
    let imposed = |decision: &str, rows: &[ObligationRow]| {
        let request = rows.first().and_then(|row| row.request.clone());
        Kept::Imposed(Imposition { decision: decision.to_owned(), request, rows: rows.to_vec() })
    };
    north.keep(&[imposed("1", &rows[..2]), imposed("2", &rows[2..])]).await.unwrap();
    let ids = |rows: Vec<ObligationRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(north.open_obligations(None).await.unwrap()), ["soon", "late", "never"]);
    assert_eq!(ids(north.open_obligations(Some(Instant(3))).await.unwrap()), ["soon"]);
    assert!(north.open_obligations(Some(Instant(2))).await.unwrap().is_empty());
    assert_eq!(north.obligations_of_request("r").await.unwrap(), rows[..2]);
    assert_eq!(north.obligation(None, "soon").await.unwrap(), Some(rows[2].clone()));

    // Put off, then met; imposed again afterwards, it stays met.
    let later = ObligationRow { wake: Some(Instant(20)), ..rows[0].clone() };
    north.keep(&[Kept::Settled { row: later.clone(), was: Some(Instant(9)) }]).await.unwrap();
    assert_eq!(ids(north.open_obligations(Some(Instant(19))).await.unwrap()), ["soon"]);
    let met = ObligationRow { open: false, wake: None, body: b"met".to_vec(), ..later };
    north.keep(&[Kept::Settled { row: met.clone(), was: Some(Instant(20)) }]).await.unwrap();
    north.keep(&[imposed("3", &[owed(Some("r"), "late", Some(30))])]).await.unwrap();
    assert_eq!(north.obligation(Some("r"), "late").await.unwrap(), Some(met));
    assert_eq!(ids(north.open_obligations(None).await.unwrap()), ["soon", "never"]);
    assert_eq!(raw(&north, LISTED, object! {}).await.len(), 2, "what leads nowhere is gone");
    assert_eq!(north.request_of_settled("late").await.unwrap().as_deref(), Some("r"), "it is found by its id alone");
    for other in ["never", "soon", "nothing"] {
        assert_eq!(north.request_of_settled(other).await.unwrap(), None, "{other}");
    }

    // What was said first of one that is imposed again counts, and the rest is listed by its own moment.
    let again = [owed(Some("r"), "never", Some(4)), owed(Some("r"), "new", Some(40))];
    north.keep(&[imposed("4", &again)]).await.unwrap();
    assert_eq!(ids(north.open_obligations(None).await.unwrap()), ["soon", "new", "never"]);
    assert_eq!(north.obligation(Some("r"), "never").await.unwrap(), Some(rows[1].clone()));
    assert_eq!(ids(north.open_obligations(Some(Instant(39))).await.unwrap()), ["soon"]);
    assert_eq!(ids(north.open_obligations(Some(Instant(40))).await.unwrap()), ["soon", "new"]);
    assert_eq!(ids(north.obligations_of_request("r").await.unwrap()), ["late", "never", "new"]);

    // Kept once more, as after a crash: nothing that was met comes back.
    north.keep(&[imposed("1", &rows[..2]), imposed("3", &[owed(Some("r"), "late", Some(30))])]).await.unwrap();
    assert_eq!(ids(north.open_obligations(None).await.unwrap()), ["soon", "new", "never"]);
    assert_eq!(raw(&north, LISTED, object! {}).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_twice_stays_listed() {
    let north = north().await;
    let row = |id: &str, wake: u64| ObligationRow {
        request: Some("r".to_owned()),
        id: id.to_owned(),
        open: true,
        wake: Some(Instant(wake)),
        body: vec![],
    };
    let rows = vec![row("notice", 10), row("task", 20), row("purge", 1000)];
    let imposed = Kept::Imposed(Imposition { decision: "d".into(), request: Some("r".into()), rows: rows.clone() });
    let met = |row: &ObligationRow| Kept::Settled {
        row: ObligationRow { open: false, wake: None, ..row.clone() },
        was: row.wake,
    };
    let open = async |until: Option<u64>| {
        let rows = north.open_obligations(until.map(Instant)).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    north.keep(std::slice::from_ref(&imposed)).await.unwrap();
    north.keep(&[met(&rows[0])]).await.unwrap();
    assert!(open(Some(15)).await.is_empty(), "and it is listed by the next of them now");
    // As after a crash: it is listed where it was at first, too.
    north.keep(std::slice::from_ref(&imposed)).await.unwrap();
    assert_eq!(open(Some(25)).await, ["task"]);
    north.keep(&[met(&rows[1])]).await.unwrap();
    north.keep(std::slice::from_ref(&imposed)).await.unwrap();
    assert_eq!(open(None).await, ["purge"]);
    assert_eq!(open(Some(2000)).await, ["purge"]);
    assert_eq!(raw(&north, LISTED, object! {}).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_kept_from_the_database_is_kept_and_nothing_older_comes_back() {
    let north = north().await;
    let account =
        |id: &str| Kept::Account(AccountRow { id: id.to_owned(), salt: [7; 32], plain: id.as_bytes().to_vec() });
    let stands = |says: &str| {
        let (kind, id, body) = ("person".to_owned(), "p".to_owned(), json!(says));
        Kept::Stands(StandingRow { kind, id, body })
    };
    let first = vec![account("1"), stands("reinstated")];
    north.keep(&first).await.unwrap();
    // By another host.
    north.keep(&[stands("suspended")]).await.unwrap();
    let second = vec![account("2"), Kept::Entry { request: "r".to_owned(), entry: "2".to_owned() }];
    north.keep_again(vec![first.clone(), second]).await.unwrap();
    assert_eq!(north.standings("person").await.unwrap()[0].body, json!("suspended"));
    assert_eq!(north.entries_of_request("r").await.unwrap(), ["2"]);
    let other = vec![Kept::Account(AccountRow { id: "1".into(), salt: [7; 32], plain: b"other".to_vec() })];
    assert!(matches!(north.keep_again(vec![other]).await, Err(StoreError::Exists { id }) if id == "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_request_at_once_is_read_as_if_it_had_been_kept_bit_by_bit() {
    let north = north().await;
    let entry = |id: &str| Kept::Entry { request: "r".to_owned(), entry: id.to_owned() };
    let imposed = |decision: &str, owed: &[(&str, u64)]| {
        let row = |(id, wake): &(&str, u64)| ObligationRow {
            request: Some("r".to_owned()),
            id: (*id).to_owned(),
            open: true,
            wake: Some(Instant(*wake)),
            body: decision.as_bytes().to_vec(),
        };
        let (request, rows) = (Some("r".to_owned()), owed.iter().map(row).collect());
        Kept::Imposed(Imposition { decision: decision.to_owned(), request, rows })
    };
    let steps = [
        entry("1"),
        imposed("d1", &[("a", 5), ("b", 6)]),
        entry("2"),
        imposed("d2", &[("b", 9), ("c", 4)]),
        entry("3"),
        imposed("d3", &[]),
    ];
    let read = async || {
        let entries = north.entries_of_request("r").await.unwrap();
        let says = |row: ObligationRow| format!("{} of {}", row.id, String::from_utf8_lossy(&row.body));
        let all: Vec<_> = north.obligations_of_request("r").await.unwrap().into_iter().map(says).collect();
        let open: Vec<_> = north.open_obligations(None).await.unwrap().into_iter().map(says).collect();
        (entries.join(" "), all.join(", "), open.join(", "))
    };
    north.keep(&steps).await.unwrap();
    let rows = async |table: &'static str| raw(&north, table, object! {}).await.len();
    assert_eq!(rows("SELECT * FROM request_entry").await + rows("SELECT * FROM imposition").await, 2);
    let (entries, all, open) = read().await;
    assert_eq!((entries.as_str(), all.as_str()), ("1 2 3", "a of d1, b of d1, c of d2"));
    assert_eq!(open, "c of d2, a of d1, b of d1");

    // A crash may have the same kept again, cut into other pieces.
    for steps in [&steps[..2], &steps[2..5], &steps[1..4], &steps[..]] {
        north.keep(steps).await.unwrap();
        let again = read().await;
        assert_eq!((again.0, again.1), (entries.clone(), all.clone()));
        assert_eq!(again.2, open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn standings_come_back_as_they_were_kept_last() {
    let north = north().await;
    let row = |kind: &str, id: &str, says: &str| StandingRow {
        kind: kind.to_owned(),
        id: id.to_owned(),
        body: json!({"says": says}),
    };
    let kept = [row("person", "b", "first"), row("person", "a", "first"), row("agency", "a", "first")];
    let packed = north.pack(&kept.clone().map(Kept::Stands)).unwrap();
    north.keep(&north.unpack(&packed).unwrap()).await.unwrap();
    north.keep(&[Kept::Stands(row("person", "b", "second")), Kept::Stands(row("person", "b", "third"))]).await.unwrap();
    assert_eq!(north.standings("person").await.unwrap(), [row("person", "a", "first"), row("person", "b", "third")]);
    assert_eq!(north.standing("agency", "a").await.unwrap(), Some(row("agency", "a", "first")));
    assert_eq!(north.standing("agency", "b").await.unwrap(), None);
    let raw = raw(&north, "SELECT * FROM standing", object! {}).await;
    assert!(!format!("{raw:?}").contains("third"), "it is sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_that_is_forgotten_is_gone_even_if_it_was_kept_in_the_same_commit() {
    let north = north().await;
    let stands = |id: &str| {
        Kept::Stands(StandingRow { kind: "opening".to_owned(), id: id.to_owned(), body: json!({"log": "north"}) })
    };
    let forgotten = |id: &str| Kept::Forgotten { kind: "opening".to_owned(), id: id.to_owned() };
    north.keep(&[stands("a"), stands("b")]).await.unwrap();
    let packed = north.pack(&[stands("c"), forgotten("c"), forgotten("a"), forgotten("never")]).unwrap();
    north.keep(&north.unpack(&packed).unwrap()).await.unwrap();
    let left: Vec<_> = north.standings("opening").await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(left, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_come_back_until_they_are_destroyed() {
    let north = north().await;
    north.seal("probe", "a", b"pixels").await.unwrap();
    north.seal("other", "a", b"").await.unwrap();
    north.seal("probe", "a", b"more pixels").await.unwrap();
    assert_eq!(north.open_sealed("probe", "a").await.unwrap().as_deref(), Some(&b"more pixels"[..]));
    assert_eq!(north.open_sealed("other", "a").await.unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(north.open_sealed("probe", "b").await.unwrap(), None);

    assert!(north.destroy("probe", "a").await.unwrap());
    assert!(!north.destroy("probe", "a").await.unwrap());
    assert_eq!(north.open_sealed("probe", "a").await.unwrap(), None);
    assert!(north.open_sealed("other", "a").await.unwrap().is_some());
    assert_eq!(raw(&north, "SELECT * FROM blob", object! {}).await.len(), 1, "neither blob nor key stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_ids_are_ids() {
    let north = north().await;
    for (n, id) in HOSTILE.into_iter().enumerate() {
        north.put_accounts(&[account(id)]).await.unwrap();
        north.put_person(&person(id)).await.unwrap();
        north.put_agency(&agency(id)).await.unwrap();
        north.seal(id, id, id.as_bytes()).await.unwrap();
        north.put_request(&RequestRow { id: id.to_owned(), opened: Instant(1), body: json!(id) }).await.unwrap();
        north.put_search(&search(id, n as u64, id, &[id], id)).await.unwrap();
    }
    for id in HOSTILE {
        assert_eq!(north.account(id).await.unwrap(), Some(account(id)), "{id}");
        assert_eq!(north.person(id).await.unwrap(), Some(person(id)), "{id}");
        assert_eq!(north.agency(id).await.unwrap(), Some(agency(id)), "{id}");
        assert_eq!(north.open_sealed(id, id).await.unwrap().as_deref(), Some(id.as_bytes()), "{id}");
        assert_eq!(north.request(id).await.unwrap().unwrap().body, json!(id), "{id}");
        assert_eq!(north.probes_of_case(id).await.unwrap(), [Digest::of(id.as_bytes())], "{id}");
        assert_eq!(north.searches_of_request(id).await.unwrap(), 1, "{id}");
    }
    assert_eq!(north.people().await.unwrap().len(), HOSTILE.len());
    let searched: Vec<_> = north.searches_since(Instant(0)).await.unwrap().into_iter().map(|s| s.id).collect();
    assert_eq!(searched, HOSTILE);
}
