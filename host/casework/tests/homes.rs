//! Two jurisdictions on one host: what their policies are told of somebody who searches in both, and what the host itself wants
//! to be said of a search, whatever they permit.

use crate::common::{MODEL, batch, intake, misstep, record, registered};
use magistrate_casework::access::Change;
use magistrate_casework::chamber::{Loading, Registered};
use magistrate_casework::intake::Intake;
use magistrate_casework::retention::{self, Asking, GALLERY_RECORD};
use magistrate_casework::search_step::Plan;
use magistrate_casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use model::account::{Event, Kind, Retained};
use model::facts::{AccessChange, History, Identifier};
use model::registry::Registry;
use model::subject::Lacking;
use model::terms::{Instant, Phase};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const NORTH: &str = "north";
const SOUTH: &str = "south";
const GALLERY: &str = "g";

/// Of each jurisdiction there is one: they are two people.
const ASKER: &str = "asker";

/// Somebody else of each.
const DEPUTY: &str = "deputy";

/// Both jurisdictions at work, on a policy that permits everything.
struct House {
    casework: Casework,
    home: tempfile::TempDir,
}

/// `None` where the component is not built.
async fn house() -> Option<House> {
    let home = tempfile::tempdir().unwrap();
    let casework = open(home.path()).await?;
    for jurisdiction in [NORTH, SOUTH] {
        let registrar = who(&casework, jurisdiction).await;
        let batch = magistrate_casework::enroll::Batch { answers: BTreeMap::new(), ..batch(0..3) };
        casework.enroll(&registrar, jurisdiction, GALLERY, batch).await.unwrap();
    }
    Some(House { casework, home })
}

async fn open(home: &Path) -> Option<Casework> {
    let (engine, component) = (crate::common::engine(), crate::common::permissive()?);
    let opening = |id: &str| {
        // As its settings are: it behaves.
        let policy = PolicyState::Ready(policy::Policy::load(engine, &component, &[]).unwrap());
        let logs = home.join(id);
        std::fs::create_dir_all(&logs).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
        let origin = format!("test/{id}");
        let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
        let log = audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap();
        Opening { id: id.to_owned(), policy, registry: registry(id), log, galleries: None }
    };
    let url = format!("surrealkv://{}", home.join("store").display());
    let store = store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let clock = Clock::set(Arc::new(AtomicU64::new(at.0)));
    let openings = vec![opening(NORTH), opening(SOUTH)];
    Some(Casework::open(openings, store, clock, None, &|_: Loading<'_>| ()).await.unwrap())
}

fn registry(home: &str) -> Registry {
    let text = format!(
        r#"
        [[agencies]]
        id = "{home}-pd"
        name = "The police of {home}"
        kind = "law-enforcement"
        participant = true

        [[people]]
        id = "{ASKER}"
        name = "An asker of {home}"
        agency = "{home}-pd"
        unit = "unit"
        rank = "detective"
        roles = ["auditor", "registrar"]
        multi_factor = true

        [[people]]
        id = "{DEPUTY}"
        name = "A deputy of {home}"
        agency = "{home}-pd"
        unit = "unit"
        rank = "detective"
        roles = ["auditor"]
        multi_factor = true

        [[galleries]]
        id = "{GALLERY}"
        class = "mugshot"
        model = "{MODEL}"
        dim = 512
        "#
    );
    toml::from_str(&text).unwrap()
}

async fn who(casework: &Casework, home: &str) -> Registered {
    registered(casework, home, ASKER).await.unwrap()
}

impl House {
    /// The asker of this home searches in the gallery of this owner, for a probe of this seed; all in one case.
    async fn search(&self, home: &str, owner: &str, seed: usize) {
        let case = Identifier { kind: "incident-number".to_owned(), value: "26-1".to_owned() };
        let intake = Intake {
            gallery: GALLERY.to_owned(),
            requester: None,
            identifiers: vec![case],
            answers: BTreeMap::new(),
            ..intake(seed)
        };
        let actor = who(&self.casework, home).await;
        self.casework.search_now(&actor, owner, intake, Plan::default()).await.unwrap();
    }

    /// What this jurisdiction's policy was told of the past in each decision on a search of the asker of this home, in the order
    /// of its log.
    async fn told(&self, jurisdiction: &str, home: &str) -> Vec<History> {
        let auditor = who(&self.casework, jurisdiction).await;
        let seen = self.casework.inspect(&auditor, jurisdiction, 0, 1000).await.unwrap();
        let searches = seen.into_iter().filter(|s| s.leaf.phase == Some(Phase::Search)).filter_map(|s| s.account);
        let told = |event: Event| match event {
            Event::Decision { matters, .. } => matters.into_iter().find(|m| m.jurisdiction == jurisdiction),
            _ => None,
        };
        searches.filter(|a| a.who.jurisdiction == home).filter_map(|a| told(a.event)).map(|m| m.history).collect()
    }

    async fn reopen(self) -> Self {
        let Self { casework, home } = self;
        casework.close().await.unwrap();
        let casework = open(home.path()).await.unwrap();
        Self { casework, home }
    }
}

fn searches(told: &[History]) -> Vec<u32> {
    told.iter().map(|h| h.searches_by_person_last_hour).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_to_another_jurisdictions_gallery_does_not_have_a_limit_of_their_home_again() {
    let Some(house) = house().await else { return };
    for (owner, seed) in [(SOUTH, 0), (SOUTH, 1), (NORTH, 2), (SOUTH, 2)] {
        house.search(NORTH, owner, seed).await;
    }
    let home = house.told(NORTH, NORTH).await;
    assert_eq!(searches(&home), [0, 1, 2, 3], "wherever they went");
    assert_eq!(home.iter().map(|h| h.distinct_probes_by_person_last_hour).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(home.iter().map(|h| h.distinct_probes_in_case).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let owner = house.told(SOUTH, NORTH).await;
    assert_eq!(searches(&owner), [0, 1, 2], "what they do at home is not for others to know");
    house.search(SOUTH, NORTH, 0).await;
    let namesake = house.told(SOUTH, SOUTH).await;
    assert_eq!(searches(&namesake), [0], "another person");
    assert_eq!(namesake[0].distinct_probes_in_case, 3, "and the same case, in which the owner counts for both");

    let house = house.reopen().await;
    house.search(NORTH, NORTH, 0).await;
    assert_eq!(searches(&house.told(NORTH, NORTH).await).last(), Some(&4), "it is on record at home");
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_at_the_same_moment_in_both_are_each_told_of_those_before() {
    let Some(house) = house().await else { return };
    let search = |home: &'static str, owner: &'static str, seed: usize| house.search(home, owner, seed);
    tokio::join!(
        search(NORTH, SOUTH, 0),
        search(SOUTH, NORTH, 0),
        search(NORTH, NORTH, 1),
        search(SOUTH, SOUTH, 1),
        search(NORTH, SOUTH, 2),
        search(SOUTH, NORTH, 2),
    );
    for home in [NORTH, SOUTH] {
        let mut told = searches(&house.told(home, home).await);
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2], "{home}");
    }
}

/// STL E.2.a and c, DET 7(9)c and d: the types that entries are made from want them, not only the policies.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_say_what_the_log_has_to_opens_nothing_whatever_the_policies_permit() {
    let Some(house) = house().await else { return };
    let actor = who(&house.casework, NORTH).await;
    let base = || Intake { gallery: GALLERY.to_owned(), requester: None, answers: BTreeMap::new(), ..intake(1) };
    let blank = Identifier { kind: "incident-number".to_owned(), value: " ".to_owned() };
    let unsaid = [
        (Intake { purpose: String::new(), ..base() }, Lacking::Purpose, "the purpose"),
        (Intake { reason: " \n".to_owned(), ..base() }, Lacking::Justification, "the reason"),
        (Intake { identifiers: vec![blank], ..base() }, Lacking::Case, "a case number"),
    ];
    let mut lacks = Vec::new();
    for (intake, lacking, told) in unsaid {
        lacks.push(lacking);
        let misstep = misstep(house.casework.search_now(&actor, SOUTH, intake, Plan::default()).await);
        assert!(matches!(&misstep, Misstep::Unsaid { lacking } if lacking.contains(told)), "{misstep}");
    }
    let recorded = async |jurisdiction: &str| {
        let auditor = who(&house.casework, jurisdiction).await;
        house.casework.inspect(&auditor, jurisdiction, 0, 1000).await.unwrap()
    };
    for jurisdiction in [NORTH, SOUTH] {
        let entries = recorded(jurisdiction).await;
        let incomplete = entries.iter().filter_map(|s| s.account.as_ref().map(|account| (s.leaf.kind, account)));
        let incomplete: Vec<_> = incomplete.filter(|(_, account)| !account.lacking.is_empty()).collect();
        let kinds: Vec<_> = incomplete.iter().map(|(kind, account)| (*kind, account.lacking.clone())).collect();
        let expected: Vec<_> =
            lacks.iter().flat_map(|lacking| [Kind::Intent, Kind::Outcome].map(|kind| (kind, vec![*lacking]))).collect();
        assert_eq!(kinds, expected, "{jurisdiction}: what was missing is on record");
        let failed = |event: &Event| matches!(event, Event::Decision { .. } | Event::Failed { .. });
        assert!(incomplete.iter().all(|(_, account)| failed(&account.event)), "{jurisdiction}");
        let opened = entries.iter().filter_map(|s| s.account.as_ref()).filter(|a| matches!(a.event, Event::Opened));
        assert_eq!(opened.count(), 0, "{jurisdiction}");
    }
    // Whether a case number is wanted at all is for the policies.
    let reason_alone = Intake { identifiers: vec![], ..base() };
    house.casework.search_now(&actor, SOUTH, reason_alone, Plan::default()).await.unwrap();
    let searched = recorded(SOUTH).await.into_iter().filter_map(|s| s.account);
    let searched = searched.filter(|a| matches!(a.event, Event::Searched { .. })).collect::<Vec<_>>();
    let [account] = searched.as_slice() else { panic!("{searched:?}") };
    assert_eq!((account.who.name.as_str(), account.who.unit.as_str()), ("An asker of north", "unit"));
    assert_eq!((account.purpose.as_str(), account.justification.is_empty()), ("criminal-investigation", false));
    assert!(account.probe.is_some() && account.request.is_some() && account.lacking.is_empty());
}

/// What somebody says of a record of the other jurisdiction's gallery, or of their own.
fn asking(change: retention::Change) -> Asking {
    let (subject, gallery) = (GALLERY_RECORD.to_owned(), Some(GALLERY.to_owned()));
    Asking { change, record: Retained { subject, gallery, record: record(1) }, day: None, answers: BTreeMap::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_something_of_anothers_record_is_not_told_what_else_is_on_record_of_it() {
    let Some(house) = house().await else { return };
    let (own, other) = (who(&house.casework, SOUTH).await, who(&house.casework, NORTH).await);
    let held = house.casework.retention(&own, SOUTH, asking(retention::Change::Hold)).await.unwrap();
    assert!(held.docket.held.is_some());
    let told = house.casework.retention(&other, SOUTH, asking(retention::Change::Notice)).await.unwrap().docket;
    assert!(told.noticed.is_some() && told.held.is_none(), "{told:?}");
    let kept = house.casework.dockets(SOUTH).await.unwrap();
    assert!(kept.iter().any(|l| l.docket.held.is_some() && l.docket.noticed.is_some()), "it is held all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_somebody_may_not_act_is_on_record_at_home_alone() {
    let Some(house) = house().await else { return };
    let casework = &house.casework;
    let waiting = who(casework, NORTH).await;
    let suspend = Change {
        change: AccessChange::Suspend,
        roles: vec![],
        reason: "as the test says".to_owned(),
        answers: BTreeMap::new(),
    };
    let deputy = registered(casework, NORTH, DEPUTY).await.unwrap();
    casework.change_access(&deputy, NORTH, ASKER, suspend).await.unwrap();
    let refused = casework.retention(&waiting, SOUTH, asking(retention::Change::Notice)).await.map(drop);
    assert!(matches!(&refused, Err(CaseError::Rejected(reason)) if reason.contains("suspended")), "{refused:?}");
    let intake = Intake { gallery: GALLERY.to_owned(), requester: None, answers: BTreeMap::new(), ..intake(1) };
    let refused = casework.search_now(&waiting, SOUTH, intake, Plan::default()).await.map(drop);
    assert!(matches!(&refused, Err(CaseError::Rejected(reason)) if reason.contains("suspended")), "{refused:?}");
    for (jurisdiction, says) in [(NORTH, "suspended"), (SOUTH, "who may act")] {
        let auditor = registered(casework, jurisdiction, DEPUTY).await.unwrap();
        let seen = casework.inspect(&auditor, jurisdiction, 0, 1000).await.unwrap();
        let events = seen.into_iter().filter_map(|s| s.account).map(|account| account.event);
        let said = |event| if let Event::Rejected { reason, .. } = event { Some(reason) } else { None };
        let reasons: Vec<_> = events.filter_map(said).collect();
        assert_eq!(reasons.len(), 2, "{jurisdiction}: {reasons:?}");
        assert!(reasons.iter().all(|reason| reason.contains(says)), "{jurisdiction}: {reasons:?}");
        assert!(jurisdiction == NORTH || !reasons.iter().any(|reason| reason.contains("suspended")), "{reasons:?}");
    }
}
