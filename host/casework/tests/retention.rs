//! How long records stay: notices, holds, transfers, purges on schedule and by hand, and what is left of what was destroyed.

use magistrate_casework as casework;

use crate::common::{
    ASKER, Court, FIRST, JURISDICTION, SUPERVISOR, agree, answers, court, demanding, misstep, outgoing, refused,
    registered, said, signing, submission, template, text,
};
use casework::chamber::{Loading, Registered};
use casework::disposition::Examination;
use casework::enroll::{Batch, NewRecord};
use casework::intake::Intake;
use casework::obligations::Owed;
use casework::release::{DOCUMENT, Form, sealed_id};
use casework::retention::{AUDIT_ENTRY, Asking, Change, Docket, Done, GALLERY_RECORD, Means};
use casework::search_step::Plan;
use casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use model::account::{Account, Event, Retained};
use model::facts::{CaseStatus, Conclusion, Identifier, Likeness};
use model::registry::{Agency, Person, Registry};
use model::rulings::Duty;
use model::terms::{Instant, Phase, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::test_support::holds;

const HOME: &str = "st-louis";
const GALLERY: &str = "mugshots";
const ADMINISTRATOR: &str = "s.okafor";
const ANALYST: &str = "r.abara";
const DETECTIVE: &str = "d.reyes";
const ELSEWHERE: &str = "elsewhere";
const KEY: [u8; 32] = [9; 32];

/// A name that is nowhere else on this disk.
const MARKER: &str = "Jane Marker Doe 7b1f";

/// The Administrator's jurisdiction at work, with a medium and, unless it is told otherwise, a standing order.
struct House {
    casework: Casework,
    clock: Arc<AtomicU64>,
    home: tempfile::TempDir,
}

fn database(home: &Path) -> String {
    format!("surrealkv://{}", home.join("db").display())
}

fn open_dir(folder: PathBuf) -> cap_std::fs::Dir {
    std::fs::create_dir_all(&folder).unwrap();
    cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap()
}

/// A house at this moment, with a few records; `None` where the policies are not built.
async fn house(at: &str) -> Option<House> {
    house_beside(at, |_, _| vec![]).await
}

/// The same with other jurisdictions at the same host: those that this opens in the host's folder, given the house's registry.
async fn house_beside(at: &str, others: impl FnOnce(&Path, &Registry) -> Vec<Opening>) -> Option<House> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(HOME);
    if !folder.join("st_louis_smrt.wasm").is_file() {
        crate::common::skip("the policies are not built: run `cargo xtask test`");
        return None;
    }
    let at: Instant = at.parse().unwrap();
    let (clock, home) = (Arc::new(AtomicU64::new(at.0)), tempfile::tempdir().unwrap());
    let casework = open(home.path(), &folder, &clock, others).await;
    let house = House { casework, clock, home };
    house.enroll().await;
    Some(house)
}

/// Where a detective of the same name works for another agency. It has no policy.
fn elsewhere(home: &Path, like: &Registry) -> Opening {
    let detective = like.people.iter().find(|p| p.id == DETECTIVE).unwrap().clone();
    let agency = like.agencies.iter().find(|a| a.id == detective.agency).unwrap().clone();
    let agency = Agency { id: "elsewhere-pd".to_owned(), ..agency };
    let person = Person { agency: agency.id.clone(), ..detective };
    let registry = Registry { agencies: vec![agency], people: vec![person], galleries: vec![] };
    let policy = PolicyState::Absent("none is needed there".to_owned());
    let log = log(&home.join("log-elsewhere"), ELSEWHERE);
    Opening { id: ELSEWHERE.to_owned(), policy, registry, log, galleries: None }
}

fn log(folder: &Path, jurisdiction: &str) -> audit::Prepared {
    let origin = format!("test/{jurisdiction}");
    let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
    audit::Log::prepare(open_dir(folder.to_owned()), &origin, Arc::new(signer)).unwrap()
}

async fn open(
    home: &Path,
    folder: &Path,
    clock: &Arc<AtomicU64>,
    others: impl FnOnce(&Path, &Registry) -> Vec<Opening>,
) -> Casework {
    let policy = policy::Folder::read(folder).unwrap().load_unpinned(crate::common::engine()).unwrap();
    let registry: Registry = toml::from_str(&std::fs::read_to_string(folder.join("registry.toml")).unwrap()).unwrap();
    let mut openings = others(home, &registry);
    let galleries = Some(open_dir(home.join("galleries")));
    let (policy, log) = (PolicyState::Ready(policy), log(&home.join("log"), HOME));
    openings.push(Opening { id: HOME.to_owned(), policy, registry, log, galleries });
    let store = store::Store::open(&database(home), None, store::MasterKey::from_bytes(KEY)).await.unwrap();
    let progress = |_: Loading<'_>| {};
    let mut casework = Casework::open(openings, store, Clock::set(clock.clone()), None, &progress).await.unwrap();
    let medium = home.join("medium");
    std::fs::create_dir_all(&medium).unwrap();
    let exports = move || cap_std::fs::Dir::open_ambient_dir(&medium, cap_std::ambient_authority());
    let means = Means { exports: Some(Box::new(exports)), purge_as: Some(ADMINISTRATOR.to_owned()) };
    casework.provide(HOME, means);
    casework
}

fn record(seed: usize) -> Retained {
    let (subject, gallery) = (GALLERY_RECORD.to_owned(), Some(GALLERY.to_owned()));
    Retained { subject, gallery, record: format!("m-{seed:04}") }
}

fn of_request(subject: &str, request: &str) -> Retained {
    Retained { subject: subject.to_owned(), gallery: None, record: request.to_owned() }
}

/// What the detective has the analyst ask for.
fn intake(seed: usize) -> Intake {
    Intake {
        gallery: GALLERY.to_owned(),
        requester: Some(DETECTIVE.to_owned()),
        channel: "console".to_owned(),
        automated: false,
        batch_size: 1,
        purpose: "crime".to_owned(),
        reason: "identify the man whom the shop's camera shows forcing the rear door".to_owned(),
        identifiers: vec![Identifier { kind: "complaint".to_owned(), value: format!("26-0104{seed}") }],
        case_status: CaseStatus::Open,
        probe: submission(seed),
        answers: answers([
            ("crime", text("burglary")),
            ("protected-involved", Value::Flag(false)),
            ("best-available", Value::Flag(true)),
        ]),
    }
}

impl House {
    async fn who(&self, person: &str) -> Registered {
        self.who_of(HOME, person).await
    }

    async fn who_of(&self, jurisdiction: &str, person: &str) -> Registered {
        registered(&self.casework, jurisdiction, person).await.unwrap()
    }

    async fn enroll(&self) {
        self.enroll_these(1..=6).await.unwrap();
    }

    async fn enroll_these(&self, seeds: impl IntoIterator<Item = usize>) -> Result<(), CaseError> {
        let new = |seed: usize| NewRecord {
            id: record(seed).record,
            image: None,
            template: Some(template(seed)),
            status: None,
            booking: [("name".to_owned(), format!("{MARKER} {seed}"))].into(),
        };
        let batch = Batch {
            model: Some("demo-512".to_owned()),
            origin: None,
            answers: answers([
                ("capture-context", text("booking")),
                ("collected-by", text("slmpd")),
                ("views-only", Value::Flag(false)),
            ]),
            records: seeds.into_iter().map(new).collect(),
        };
        let registrar = self.who("g.castellano").await;
        self.casework.enroll(&registrar, HOME, GALLERY, batch).await.map(drop)
    }

    async fn step<const N: usize>(
        &self,
        who: &str,
        change: Change,
        record: Retained,
        given: [(&str, Value); N],
    ) -> Result<Done, CaseError> {
        let asking = Asking { change, record, day: None, answers: answers(given) };
        self.casework.retention(&self.who(who).await, HOME, asking).await
    }

    async fn docket(&self, record: &Retained) -> Docket {
        let listed = self.casework.dockets(HOME).await.unwrap();
        listed.into_iter().find(|l| l.docket.record == *record).unwrap().docket
    }

    fn set_clock(&self, at: &str) {
        let at: Instant = at.parse().unwrap();
        self.clock.store(at.0, Ordering::Release);
    }

    async fn enrolled(&self, record: &Retained) -> bool {
        let hall = self.casework.chamber(HOME).unwrap().hall(GALLERY).unwrap();
        !hall.held(std::slice::from_ref(&record.record)).await.unwrap().is_empty()
    }

    async fn open_purges(&self) -> usize {
        let open = self.casework.obligations(HOME).await.unwrap();
        open.iter().filter(|o| matches!(o.duty, Duty::Purge(_))).count()
    }

    /// A written hold, decided by the Administrator.
    async fn hold(&self, record: &Retained) {
        let said = [
            ("written-notice", Value::Flag(true)),
            ("evidentiary-value", Value::Flag(true)),
            ("decision-reasons", text("the mugshot is exhibit 4 in a pending trial")),
        ];
        assert!(!self.step(ADMINISTRATOR, Change::Hold, record.clone(), said).await.unwrap().pending);
    }

    /// Searches with the template of a record; gives the request and the records of the list.
    async fn searched(&self, seed: usize) -> (String, Vec<String>) {
        let actor = self.who(ANALYST).await;
        let (opened, searched) = self.casework.search_now(&actor, HOME, intake(seed), Plan::default()).await.unwrap();
        (opened.request.request.id, searched.candidates.into_iter().map(|c| c.record_id).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_noticed_record_is_held_carried_off_and_gone_on_day_ten() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let evidence = record(1);
    let done = house.step(ANALYST, Change::Notice, evidence.clone(), []).await.unwrap();
    assert_eq!(done.docket.noticed, Some("2026-03-01".parse().unwrap()), "the host's day, not the client's");

    // A detective's written notice of evidentiary value waits for the Administrator.
    house.set_clock("2026-03-05T16:00:00.000Z");
    let written = [("written-notice", Value::Flag(true))];
    let asked = house.step(DETECTIVE, Change::Hold, evidence.clone(), written).await.unwrap();
    assert!(asked.pending && asked.docket.held.is_none() && asked.docket.asked.contains_key("hold"));
    let told = house.casework.obligations(HOME).await.unwrap();
    let told = told.iter().filter(|o| &*o.clause == "D.4.a-1").map(|o| &o.duty).collect::<Vec<_>>();
    assert!(matches!(&told[..], [Duty::Notify(rule)] if rule.to == ["smrt-administrator"]), "{told:?}");
    let decided = [
        ("evidentiary-value", Value::Flag(true)),
        ("decision-reasons", text("the mugshot is exhibit 4 in a pending trial")),
    ];
    let held = house.step(ADMINISTRATOR, Change::Hold, evidence.clone(), decided).await.unwrap();
    assert!(!held.pending && held.docket.held.is_some() && held.docket.asked.is_empty());
    let approvals = house.casework.obligations(HOME).await.unwrap();
    assert!(!approvals.iter().any(|o| matches!(o.duty, Duty::Approve(_))), "the approval is met");

    refused(house.step(ADMINISTRATOR, Change::Purge, evidence.clone(), []).await, "D.4.a-3");
    let custody = [("export-media", text("DVD 26-E-0077")), ("export-custodian", text("property room"))];
    let exported = house.step(ADMINISTRATOR, Change::Export, evidence.clone(), custody).await.unwrap();
    let export = exported.docket.exported.unwrap();
    let folder = house.home.path().join("medium").join(&export.folder);
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    assert_eq!(model::terms::Digest::of(&manifest), export.manifest);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert!(manifest["custody"].to_string().contains("property room"));
    for file in manifest["files"].as_array().unwrap() {
        let bytes = std::fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(model::terms::Digest::of(&bytes).to_string(), file["sha256"], "{file}");
    }
    assert!(std::fs::read_to_string(folder.join("booking.json")).unwrap().contains(MARKER));

    // The day's last hour, by the jurisdiction's clock.
    house.set_clock("2026-03-12T03:30:00.000Z");
    house.casework.pass_deadlines().await;
    assert!(house.enrolled(&evidence).await, "not before it has to");
    house.set_clock("2026-03-12T04:10:00.000Z");
    house.casework.pass_deadlines().await;
    assert!(!house.enrolled(&evidence).await && house.enrolled(&record(2)).await);
    assert!(house.docket(&evidence).await.purged.is_some());
    assert_eq!(house.open_purges().await, 0);
    let owed = house.casework.obligations(HOME).await.unwrap();
    let commander = |duty: &Duty| matches!(duty, Duty::Notify(rule) if rule.to.iter().any(|to| to == "rtcc-commander"));
    assert!(!owed.iter().any(|o| commander(&o.duty)), "the policy did not find it late: {owed:?}");
    let again = misstep(house.step(ADMINISTRATOR, Change::Hold, evidence, []).await);
    assert!(matches!(again, Misstep::Destroyed { .. }), "{again}");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_said_has_no_effect_and_nobody_else_decides() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let evidence = record(1);
    let oral = [("written-notice", Value::Flag(false))];
    refused(house.step(DETECTIVE, Change::Hold, evidence.clone(), oral).await, "D.4.a-1");
    let unreasoned = [("written-notice", Value::Flag(true)), ("evidentiary-value", Value::Flag(true))];
    refused(house.step(ADMINISTRATOR, Change::Hold, evidence.clone(), unreasoned).await, "D.4.a-2");
    let none = [
        ("written-notice", Value::Flag(true)),
        ("evidentiary-value", Value::Flag(false)),
        ("decision-reasons", text("nobody is charged")),
    ];
    refused(house.step(ADMINISTRATOR, Change::Hold, evidence.clone(), none).await, "D.4.a-2");
    assert!(house.casework.dockets(HOME).await.unwrap().is_empty(), "nothing is on any docket");
    refused(house.step(ANALYST, Change::Purge, evidence.clone(), []).await, "F.2");
    assert!(house.enrolled(&evidence).await);
    // What was asked and not approved holds nothing back.
    let written = [("written-notice", Value::Flag(true))];
    assert!(house.step(DETECTIVE, Change::Hold, evidence.clone(), written).await.unwrap().pending);
    let done = house.step(ADMINISTRATOR, Change::Purge, evidence.clone(), []).await.unwrap();
    let destroyed: Vec<_> = done.destroyed.iter().map(|d| d.what.as_str()).collect();
    assert_eq!(destroyed, ["template", "booking"]);
    assert!(!house.enrolled(&evidence).await);
    let nobody = house.step(ADMINISTRATOR, Change::Purge, record(99), []).await;
    assert!(matches!(nobody, Err(CaseError::Unknown { .. })));
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_does_not_learn_which_records_there_are() {
    let beside = |home: &Path, like: &Registry| vec![elsewhere(home, like)];
    let Some(house) = house_beside("2026-03-01T16:00:00.000Z", beside).await else { return };
    let outsider = house.who_of(ELSEWHERE, DETECTIVE).await;
    let entries = || house.casework.chamber(HOME).unwrap().log().size();
    house.step(ADMINISTRATOR, Change::Purge, record(2), []).await.unwrap();
    let mut told = Vec::new();
    // One that is there, one that was destroyed, and one that never was.
    for seed in [1, 2, 99] {
        for change in [Change::Notice, Change::Hold, Change::Seal, Change::Unseal, Change::Purge] {
            let asking = Asking { change, record: record(seed), day: None, answers: BTreeMap::new() };
            let before = entries();
            let refused = house.casework.retention(&outsider, HOME, asking).await.map(drop);
            let Err(CaseError::Rejected(reason)) = refused else { panic!("{seed}, {change:?}: {refused:?}") };
            assert_eq!(entries(), before + 1, "{seed}, {change:?}: one refusal on record");
            told.push(reason);
        }
    }
    assert!(told.iter().all(|reason| *reason == told[0]), "{told:?}");
    assert!(house.enrolled(&record(1)).await);
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_is_the_fusion_centers_to_grant_and_moves_the_purge() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let record = record(3);
    house.step(ANALYST, Change::Notice, record.clone(), []).await.unwrap();
    let items = |granted: Option<bool>| {
        let mut all = answers([
            ("extension-need", text("the appeal is pending")),
            ("extension-circumstances", text("the court has not yet ruled on the line-up")),
            ("agency-case-number", text("26-118")),
            ("point-of-contact", text("Det. Dana Reyes, 314-555-0100")),
        ]);
        all.extend(granted.map(|yes| ("extension-granted".to_owned(), Value::Flag(yes))));
        all
    };
    let extend = async |who: &str, day: Option<&str>, answers: BTreeMap<String, Value>| {
        let day = day.map(|day| day.parse().unwrap());
        let asking = Asking { change: Change::Extend, record: record.clone(), day, answers };
        house.casework.retention(&house.who(who).await, HOME, asking).await
    };
    let decides = |yes: bool| {
        answers([("extension-granted", Value::Flag(yes)), ("decision-reasons", text("the appeal is heard in June"))])
    };
    let approvals = async || {
        let open = house.casework.obligations(HOME).await.unwrap();
        open.iter().filter(|o| o.clause.to_string() == "D.4.b-2" && matches!(o.duty, Duty::Approve(_))).count()
    };
    let (day, june) = ("2026-06-30", Some("2026-06-30"));
    let mut three = items(None);
    three.remove("agency-case-number");
    refused(extend(DETECTIVE, june, three).await, "D.4.b-1");
    let early = extend("n.ferrer", None, decides(false)).await;
    assert!(matches!(early, Err(CaseError::OutOfPlace(Misstep::NothingToDeny, _))), "nobody asked for anything");

    // Denied, with reasons: nothing waits any more, and what is denied is not granted afterwards.
    assert!(extend(DETECTIVE, june, items(Some(true))).await.unwrap().pending);
    assert_eq!(approvals().await, 1);
    let bare = |yes: bool| answers([("extension-granted", Value::Flag(yes))]);
    for (who, day, said) in
        [("n.ferrer", june, bare(true)), ("n.ferrer", None, bare(false)), ("n.ferrer", june, decides(false))]
    {
        refused(extend(who, day, said).await, "D.4.b-2");
    }
    let another = extend("n.ferrer", Some("2026-07-31"), decides(true)).await;
    let asked: model::terms::Date = day.parse().unwrap();
    let another = misstep(another);
    assert!(matches!(another, Misstep::AnotherDay { asked: day, .. } if day == asked), "{another}");
    assert_eq!(demanding(&another), ["D.4.b-2"]);
    assert_eq!((approvals().await, house.docket(&record).await.asked.len()), (1, 1), "it waits still");
    let denied = extend("n.ferrer", None, decides(false)).await.unwrap();
    assert!(!denied.pending && denied.docket.asked.is_empty() && denied.docket.extended.is_none());
    assert_eq!(approvals().await, 0, "nobody's approval is awaited any more");
    refused(extend("n.ferrer", june, decides(true)).await, "D.4.b-1");

    // Asked anew, for another day first.
    assert!(extend(DETECTIVE, Some("2026-05-31"), items(None)).await.unwrap().pending);
    assert!(extend(DETECTIVE, june, items(None)).await.unwrap().pending);
    assert_eq!(approvals().await, 2, "each asking waits");
    let granted = extend("n.ferrer", june, decides(true)).await.unwrap();
    assert_eq!(approvals().await, 0, "and all are settled together");
    assert!(!granted.pending, "on what was asked");
    assert_eq!(granted.docket.extended, Some("2026-06-30".parse().unwrap()));

    house.set_clock("2026-03-12T15:00:00.000Z");
    house.casework.pass_deadlines().await;
    assert!(house.enrolled(&record).await, "its ten days are over, and its stay was extended");
    house.set_clock("2026-07-01T04:30:00.000Z");
    house.casework.pass_deadlines().await;
    assert!(!house.enrolled(&record).await);
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_asked_is_not_lost_to_a_second_asking() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let already = |refused: Misstep, clause: &str| {
        assert!(
            matches!(&refused, Misstep::AskedAlready { by, .. } if *by == format!("{HOME}/{DETECTIVE}")),
            "{refused}"
        );
        assert_eq!(demanding(&refused), [clause]);
    };
    let (evidence, noticed) = (record(1), record(3));
    let written = [("written-notice", Value::Flag(true))];
    assert!(house.step(DETECTIVE, Change::Hold, evidence.clone(), written).await.unwrap().pending);
    let asked = house.docket(&evidence).await;
    already(misstep(house.step(ANALYST, Change::Hold, evidence.clone(), []).await), "D.4.a-2");
    assert_eq!(house.docket(&evidence).await, asked, "as it was");
    assert!(house.step(DETECTIVE, Change::Hold, evidence.clone(), []).await.unwrap().pending);
    let again = house.docket(&evidence).await;
    assert_eq!(again.asked["hold"].answers.answers, asked.asked["hold"].answers.answers, "sent twice");
    let decided = [("evidentiary-value", Value::Flag(true)), ("decision-reasons", text("exhibit 4 in a trial"))];
    let held = house.step(ADMINISTRATOR, Change::Hold, evidence, decided).await.unwrap();
    assert!(!held.pending && held.docket.held.is_some(), "on what was written");

    house.step(ANALYST, Change::Notice, noticed.clone(), []).await.unwrap();
    let extend = async |who: &str, answers: BTreeMap<String, Value>| {
        let day = Some("2026-06-30".parse().unwrap());
        let asking = Asking { change: Change::Extend, record: noticed.clone(), day, answers };
        house.casework.retention(&house.who(who).await, HOME, asking).await
    };
    let items = answers([
        ("extension-need", text("the appeal is pending")),
        ("extension-circumstances", text("the court has not yet ruled on the line-up")),
        ("agency-case-number", text("26-118")),
        ("point-of-contact", text("Det. Dana Reyes, 314-555-0100")),
    ]);
    let granted = || answers([("extension-granted", Value::Flag(true))]);
    assert!(extend(DETECTIVE, items).await.unwrap().pending);
    let asked = house.docket(&noticed).await;
    // Who may not grant it asks for it.
    already(misstep(extend(ADMINISTRATOR, granted()).await), "D.4.b-2");
    assert_eq!(house.docket(&noticed).await, asked, "as it was");
    assert!(extend(DETECTIVE, answers([("agency-case-number", text("26-119"))])).await.unwrap().pending);
    let number = |docket: &Docket| {
        let all = &docket.asked["extend"].answers.answers;
        (all.len(), all.iter().find(|a| a.name == "agency-case-number").map(|a| a.value.clone()))
    };
    assert_eq!(number(&house.docket(&noticed).await), (4, Some(text("26-119"))), "the others stand");
    let mut decides = granted();
    decides.insert("decision-reasons".to_owned(), text("the appeal is heard in June"));
    let extended = extend("n.ferrer", decides).await.unwrap();
    assert!(!extended.pending && extended.docket.extended.is_some(), "on all of what was asked");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_record_that_was_destroyed_is_not_given_to_another() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let exists = |enrolled: Result<(), CaseError>| match enrolled {
        Err(CaseError::Exists(told)) => told,
        other => panic!("{other:?}"),
    };
    house.step(ANALYST, Change::Notice, record(2), []).await.unwrap();
    let told = exists(house.enroll_these([2]).await);
    assert!(told.contains("enrolled already"), "one that is noticed is there: {told}");
    // Late in the evening there: the day is the jurisdiction's own.
    house.set_clock("2026-03-06T04:30:00.000Z");
    house.step(ADMINISTRATOR, Change::Purge, record(2), []).await.unwrap();
    house.step(ADMINISTRATOR, Change::Purge, record(3), []).await.unwrap();
    house.set_clock("2026-03-20T16:00:00.000Z");
    let told = exists(house.enroll_these([9, 3, 2]).await);
    assert!(told.contains("`m-0002` was destroyed on 2026-03-05") && told.contains("use a new id"), "{told}");
    assert!(!house.enrolled(&record(2)).await && !house.enrolled(&record(9)).await, "all of a batch or none");
    house.enroll_these([9]).await.unwrap();
    let due = house.casework.dockets(HOME).await.unwrap();
    assert!(!due.iter().any(|l| l.docket.record == record(9)), "nothing was said of the new one");

    // One whose purge broke off between its permit and its end has a docket that says nothing yet, and is in no gallery.
    let House { casework, clock, home } = house;
    casework.close().await.unwrap();
    let store = store::Store::open(&database(home.path()), None, store::MasterKey::from_bytes(KEY)).await.unwrap();
    let rows = store.jurisdiction(HOME).await.unwrap();
    let gone = record(10);
    let body = serde_json::json!({ "record": gone });
    let (subject, gallery) = (gone.subject.clone(), GALLERY.to_owned());
    let row = store::RetentionRow { subject, gallery, record: gone.record.clone(), body };
    rows.keep(&[store::Kept::Retention(row)]).await.unwrap();
    drop(rows);
    store.close().await;
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(HOME);
    let casework = open(home.path(), &policy, &clock, |_, _| vec![]).await;
    let house = House { casework, clock, home };
    let told = exists(house.enroll_these([11, 10]).await);
    assert!(told.contains("the purge of record `m-0010` is not over"), "{told}");
    house.step(ADMINISTRATOR, Change::Purge, gone, []).await.unwrap();
    assert!(exists(house.enroll_these([10]).await).contains("was destroyed on 2026-03-20"));
    house.enroll_these([11]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_noticed_record_is_on_no_list_and_a_probe_stays_for_its_minimum() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let (request, list) = house.searched(4).await;
    assert!(list.contains(&record(4).record));
    let analyst = house.who(ANALYST).await;
    // One that nobody comes to search for (A.1-b).
    let unsearched = house.casework.open_request(&analyst, HOME, intake(5)).await.unwrap().request.request.id;
    let likeness = |id: &String| if *id == record(4).record { Likeness::Possible } else { Likeness::Excluded };
    let dispositions = list.iter().map(|id| said(id, likeness(id))).collect();
    let examination = Examination { dispositions, ..Examination::default() };
    house.casework.dispose(&analyst, HOME, &request, examination).await.unwrap();
    house.step(ANALYST, Change::Notice, record(4), []).await.unwrap();
    let (_, list) = house.searched(4).await;
    assert!(!list.is_empty() && !list.contains(&record(4).record), "withheld: {list:?}");
    refused(house.casework.release(&analyst, HOME, &request, outgoing(&[record(4).record])).await, "D.3");

    let early = house.step(ADMINISTRATOR, Change::Purge, of_request("probe", &request), []).await;
    let early = misstep(early);
    assert!(matches!(&early, Misstep::KeptUntil { .. }) && early.to_string().contains(" E.2.b demands"), "{early}");
    assert_eq!(demanding(&early), ["E.2.b"]);
    assert!(house.casework.request(HOME, &unsearched).await.unwrap().template.is_some());
    house.set_clock("2027-03-01T16:00:01.000Z");
    house.casework.pass_deadlines().await;
    for request in [&request, &unsearched] {
        let open = house.casework.request(HOME, request).await.unwrap();
        assert_eq!(open.template, None, "kept for as long as it had to be, and no longer");
    }
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_what_was_purged_once_the_database_is_written_anew() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let normal = search::normalise(&template(5), 512).unwrap();
    let face: Vec<u8> = normal[..16].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(holds(house.home.path(), &face).unwrap(), "this search would find it");
    assert!(!holds(house.home.path(), MARKER.as_bytes()).unwrap(), "what is personal is sealed");
    house.hold(&record(5)).await;
    let custody = [("export-media", text("DVD 26-E-0078")), ("export-custodian", text("property room"))];
    house.step(ADMINISTRATOR, Change::Export, record(5), custody).await.unwrap();
    house.step(ADMINISTRATOR, Change::Purge, record(5), []).await.unwrap();
    // The medium is carried away.
    std::fs::remove_dir_all(house.home.path().join("medium")).unwrap();

    let House { casework, home, .. } = house;
    casework.close().await.unwrap();
    let (old, new) = (home.path().join("db"), tempfile::tempdir_in(home.path()).unwrap());
    let open = async |url: String| store::Store::open(&url, None, store::MasterKey::from_bytes(KEY)).await.unwrap();
    let (from, into) = (open(database(home.path())).await, open(database(new.path())).await);
    let (rows, fresh) = (from.jurisdiction(HOME).await.unwrap(), into.jurisdiction(HOME).await.unwrap());
    rows.rewrite(&fresh, &|_| {}).await.unwrap();
    let (gone, stays) = ([record(5).record], [record(6).record]);
    assert!(fresh.bookings(GALLERY, &gone).await.unwrap().is_empty());
    assert_eq!(fresh.bookings(GALLERY, &stays).await.unwrap().len(), 1);
    drop((rows, fresh));
    into.close().await;
    from.close().await;
    std::fs::remove_dir_all(old).unwrap();
    assert!(!holds(home.path(), &face).unwrap(), "neither in the database, nor in the gallery's file, nor in the log");
    assert!(!holds(home.path(), MARKER.as_bytes()).unwrap());
}

/// A request without a lead, released: its probe has to go within a day.
async fn without_a_lead(court: &Court, seed: usize) -> String {
    let (request, records) = court.searched(seed, 3).await;
    court.dispose(FIRST, &request, records.iter().map(|r| said(r, Likeness::Excluded)).collect()).await.unwrap();
    for (who, role) in [(FIRST, "examiner"), (SUPERVISOR, "ciu-supervisor")] {
        court.sign(who, &request, signing(role, Conclusion::NoLead)).await.unwrap();
    }
    court.release(FIRST, &request, outgoing(&[])).await.unwrap();
    request
}

async fn probe_step<const N: usize>(
    court: &Court,
    change: Change,
    request: &str,
    given: [(&str, Value); N],
) -> Result<Done, CaseError> {
    let asking = Asking { change, record: of_request("probe", request), day: None, answers: answers(given) };
    court.casework.retention(&court.who(SUPERVISOR).await, JURISDICTION, asking).await
}

fn wait(court: &Court, hours: u64) {
    court.clock.fetch_add(hours * 3_600_000, Ordering::AcqRel);
}

async fn has_template(court: &Court, request: &str) -> bool {
    court.casework.request(JURISDICTION, request).await.unwrap().template.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lead_the_probe_goes_and_its_history_stays() {
    let Some(mut court) = court().await else { return };
    court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) });
    let (under_way, _) = court.searched(9, 3).await;
    let request = without_a_lead(&court, 4).await;
    court.casework.pass_deadlines().await;
    assert!(has_template(&court, &request).await, "not before it has to");
    let before = court.seen(&request).await;
    wait(&court, 23);
    court.casework.pass_deadlines().await;
    assert!(!has_template(&court, &request).await);
    let after = court.seen(&request).await;
    assert_eq!(after.purged.iter().map(|p| p.what.as_str()).collect::<Vec<_>>(), ["probe"]);
    assert_eq!((after.state, after.signatures.len()), (before.state, before.signatures.len()));
    assert!(!after.obligations.iter().any(|o| o.is_open() && matches!(o.duty, Duty::Purge(_))));
    assert_eq!(court.on_record(&request, "purged").await, 1);
    wait(&court, 48);
    court.casework.pass_deadlines().await;
    assert_eq!(court.on_record(&request, "purged").await, 1, "once");
    assert!(matches!(misstep(probe_step(&court, Change::Purge, &request, []).await), Misstep::Destroyed { .. }));

    // What is still under way goes on schedule: in a year, which 71 hours have passed of.
    wait(&court, 364 * 24 - 71);
    court.casework.pass_deadlines().await;
    assert!(has_template(&court, &under_way).await, "not before it has to");
    wait(&court, 24);
    court.casework.pass_deadlines().await;
    assert!(!has_template(&court, &under_way).await);
    assert_eq!(court.on_record(&under_way, "purged").await, 1);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_probe_stays_until_the_hold_is_lifted() {
    let Some(mut court) = court().await else { return };
    court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) });
    let request = without_a_lead(&court, 5).await;
    let because = || ("retention-reason", text("exhibit 4 of the prosecution"));
    let evidence = [("evidentiary-value", Value::Flag(true)), because()];
    assert!(!probe_step(&court, Change::Hold, &request, evidence).await.unwrap().pending);
    refused(probe_step(&court, Change::Purge, &request, []).await, "6.1(3)b");
    wait(&court, 25);
    court.casework.pass_deadlines().await;
    assert!(has_template(&court, &request).await);
    let purges = || async {
        let owed = court.casework.obligations(JURISDICTION).await.unwrap();
        owed.into_iter().filter(|o| matches!(o.duty, Duty::Purge(_))).collect::<Vec<_>>()
    };
    assert!(!purges().await.is_empty());
    assert!(purges().await.iter().all(|o| !o.is_overdue()), "it waits, and is not late");
    let nothing = probe_step(&court, Change::Export, &request, [because()]).await;
    assert!(matches!(nothing, Err(CaseError::Media(_))), "no medium is configured");
    let record = of_request("probe", &request);
    let asking = Asking { change: Change::Export, record, day: None, answers: answers([because()]) };
    // Whoever may not is told that, and not of the medium.
    refused(court.casework.retention(&court.who(FIRST).await, JURISDICTION, asking).await, "7(4)");
    probe_step(&court, Change::Lift, &request, [("retention-reason", text("the appeal is decided"))]).await.unwrap();
    court.casework.pass_deadlines().await;
    assert!(!has_template(&court, &request).await);
    assert!(purges().await.is_empty());
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_standing_order_a_purge_is_late_and_says_so() {
    let Some(mut court) = court().await else { return };
    let request = without_a_lead(&court, 6).await;
    wait(&court, 23);
    court.casework.pass_deadlines().await;
    let late = || async { court.on_record(&request, "overdue").await };
    let before = late().await;
    wait(&court, 2);
    court.casework.pass_deadlines().await;
    let once = late().await;
    assert!(once > before);
    let told = court.casework.impediments().await;
    assert!(told.iter().any(|i| i.partial && i.text.contains("purge_as")));
    wait(&court, 25);
    court.casework.pass_deadlines().await;
    assert!(has_template(&court, &request).await, "it waits for somebody");
    for (named, idle) in [("nobody", true), (SUPERVISOR, false)] {
        court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(named.to_owned()) });
        let told = court.casework.impediments().await;
        let says = told.iter().any(|i| i.partial && i.text.contains("may not act") && i.text.contains(named));
        assert_eq!((says, court.casework.idle_order(JURISDICTION).is_some()), (idle, idle), "{named}");
    }
    probe_step(&court, Change::Purge, &request, []).await.unwrap();
    assert!(!has_template(&court, &request).await);
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_go_after_their_year_and_the_log_still_says_which() {
    let Some(court) = court().await else { return };
    let officer = court.who("l.ortega").await;
    let entries = |range: &str| Asking {
        change: Change::Purge,
        record: of_request(AUDIT_ENTRY, range),
        day: None,
        answers: BTreeMap::new(),
    };
    refused(court.casework.retention(&officer, JURISDICTION, entries("0-1")).await, "7(9)-b");
    wait(&court, 366 * 24);
    let done = court.casework.retention(&officer, JURISDICTION, entries("0-1")).await.unwrap();
    assert_eq!(done.destroyed.len(), 2);
    let auditor = court.who("a.feld").await;
    let seen = court.casework.inspect(&auditor, JURISDICTION, 0, 3).await.unwrap();
    let there: Vec<_> = seen.iter().map(|s| s.account.is_some()).collect();
    assert_eq!(there, [false, false, true], "the leaves stay");
    let named: Vec<_> = done.destroyed.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(named, [seen[0].leaf.id.as_str(), seen[1].leaf.id.as_str()]);

    // The entry that says so is no older and no less on record than what it says.
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    // What decisions demand is kept for a day more, so that one demand a day is never too short.
    wait(&court, 368 * 24);
    let all = court.casework.retention(&officer, JURISDICTION, entries(&format!("0-{}", size - 1))).await.unwrap();
    let first = court.casework.inspect(&auditor, JURISDICTION, 0, size).await.unwrap();
    let left: Vec<_> = first.iter().filter_map(|s| s.account.as_ref()).collect();
    assert_eq!((left.len(), left.len() + 2 + all.destroyed.len()), (1, usize::try_from(size).unwrap()));
    for bad in ["", "x", "5-2", "0-99999999"] {
        let refused = court.casework.retention(&officer, JURISDICTION, entries(bad)).await;
        assert!(matches!(refused, Err(CaseError::Invalid(_))), "{bad}");
    }
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entries_said_that_are_purged_is_said_by_nothing_beside_them() {
    let Some(court) = court().await else { return };
    let ((request, _), (other, _)) = (court.searched(1, 3).await, court.searched(2, 3).await);
    wait(&court, 366 * 24);
    let (officer, auditor) = (court.who("l.ortega").await, court.who("a.feld").await);
    let log = court.casework.chamber(JURISDICTION).unwrap().log().clone();
    let told = async |first: u64| {
        let seen = court.casework.inspect(&auditor, JURISDICTION, first, 100).await.unwrap();
        let mut told: Vec<_> = seen.into_iter().filter_map(|s| s.account.map(|account| (s.index, account))).collect();
        told.retain(|(_, account)| account.request.as_ref() == Some(&request));
        told
    };
    // What was just recorded is in the database then.
    court.seen(&other).await;
    let rows = court.store.jurisdiction(JURISDICTION).await.unwrap();
    let of = |searches: Vec<store::SearchRow>| searches.into_iter().map(|s| s.request).collect::<BTreeSet<_>>();
    assert_eq!(of(rows.searches_since(Instant(0)).await.unwrap()), BTreeSet::from([request.clone(), other.clone()]));

    // Up to the permit of the search, and not what came of it.
    let entries = told(0).await;
    let is_permit =
        |account: &Account| matches!(&account.event, Event::Decision { rulings, .. } if rulings.phase == Phase::Search);
    let last = entries.iter().position(|(_, account)| is_permit(account)).unwrap();
    let range = format!("{}-{}", entries[0].0, entries[last].0);
    let asking =
        Asking { change: Change::Purge, record: of_request(AUDIT_ENTRY, &range), day: None, answers: BTreeMap::new() };
    let done = court.casework.retention(&officer, JURISDICTION, asking).await.unwrap();
    assert_eq!(done.destroyed.len(), last + 1);
    assert_eq!(of(rows.searches_since(Instant(0)).await.unwrap()), BTreeSet::from([other.clone()]));
    let searches = [&request, &other].map(|id| rows.searches_of_request(id));
    let [gone, there] = searches;
    assert_eq!((gone.await.unwrap(), there.await.unwrap()), (0, 1));
    let probes = store::test_support::at_rest(&rows, &[]).await.unwrap();
    assert_eq!(probes.iter().filter(|row| row.table == "case_probe").count(), 1, "of the other's case");

    let size = log.size();
    let seen = court.seen(&request).await;
    let said = &seen.request;
    assert!(seen.incomplete && said.reason.is_empty() && said.purpose.is_empty() && said.identifiers.is_empty());
    let open = court.casework.request(JURISDICTION, &request).await.unwrap();
    assert!(open.attestations.is_empty() && open.probe.source.is_empty());
    assert!(open.template.is_some(), "the probe is purged in its own right");
    assert_eq!(misstep(court.look(FIRST, &request).await), Misstep::Incomplete);
    let bare: Vec<_> = told(size).await.into_iter().map(|(_, account)| account).collect();
    assert_eq!(bare.len(), 2, "the look, and the step that is refused");
    for account in bare {
        assert!(account.justification.is_empty() && account.purpose.is_empty() && account.case.is_empty());
        assert!(account.probe.is_none() && account.lacking.is_empty(), "{account:?}");
    }
    assert!(!court.seen(&other).await.request.reason.is_empty(), "nothing else is changed");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_though_the_account_of_its_release_went_before() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let document = court.release(FIRST, &request, outgoing(&records[..1])).await.unwrap().documents.remove(0);
    wait(&court, 368 * 24);
    let purge = async |who: &str, record: Retained| {
        let asking = Asking { change: Change::Purge, record, day: None, answers: BTreeMap::new() };
        court.casework.retention(&court.who(who).await, JURISDICTION, asking).await
    };
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    purge("l.ortega", of_request(AUDIT_ENTRY, &format!("0-{}", size - 1))).await.unwrap();
    assert_eq!(court.on_record(&request, "released").await, 0, "what was drawn up is on record nowhere");
    let left = court.seen(&request).await.request;
    assert!(left.reason.is_empty() && left.identifiers.is_empty(), "it stays for the document, and says nothing else");

    for (id, of) in [("no-such-report", request.as_str()), (document.id.as_str(), "no-such-request")] {
        let nothing = purge("l.ortega", of_request(id, of)).await;
        assert!(matches!(nothing, Err(CaseError::Unknown { .. })), "{id} of {of}");
    }
    refused(purge(FIRST, of_request(&document.id, &request)).await, "7(4)");
    let done = purge("l.ortega", of_request(&document.id, &request)).await.unwrap();
    let destroyed: Vec<_> = done.destroyed.iter().map(|d| (d.what.as_str(), d.digest)).collect();
    assert_eq!(destroyed, [(DOCUMENT, Some(document.html)), (DOCUMENT, Some(document.pdf))]);
    let rows = court.store.jurisdiction(JURISDICTION).await.unwrap();
    for form in [Form::Html, Form::Pdf] {
        let id = sealed_id(&request, &document.id, form);
        assert!(rows.open_sealed(DOCUMENT, &id).await.unwrap().is_none(), "{id}");
    }
    let again = misstep(purge("l.ortega", of_request(&document.id, &request)).await);
    assert!(matches!(again, Misstep::Destroyed { .. }), "{again}");

    let gallery = Some(crate::common::GALLERY.to_owned());
    let shown = Retained { subject: GALLERY_RECORD.to_owned(), gallery, record: records[0].clone() };
    let done = purge("r.tanaka", shown).await.unwrap();
    assert!(done.left_in.is_empty() && !done.destroyed.is_empty(), "the document is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imposed_on_a_probe_counts_though_its_request_says_nothing_any_more() {
    let Some(mut court) = court().await else { return };
    court.casework.provide(JURISDICTION, Means { exports: None, purge_as: Some(SUPERVISOR.to_owned()) });
    let (request, _) = court.searched(7, 3).await;
    wait(&court, 368 * 24);
    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    let record = of_request(AUDIT_ENTRY, &format!("0-{}", size - 1));
    let asking = Asking { change: Change::Purge, record, day: None, answers: BTreeMap::new() };
    court.casework.retention(&court.who("l.ortega").await, JURISDICTION, asking).await.unwrap();
    assert!(court.seen(&request).await.request.reason.is_empty() && has_template(&court, &request).await);

    let evidence = || [("evidentiary-value", Value::Flag(true)), ("retention-reason", text("exhibit 4 of the appeal"))];
    let over = || [("retention-reason", text("the appeal is decided"))];
    probe_step(&court, Change::Hold, &request, evidence()).await.unwrap();
    probe_step(&court, Change::Lift, &request, over()).await.unwrap();
    probe_step(&court, Change::Hold, &request, evidence()).await.unwrap();
    let owed = court.casework.obligations(JURISDICTION).await.unwrap();
    let of_probe = |o: &&Owed| matches!(&o.duty, Duty::Purge(rule) if rule.subject == "probe");
    assert!(owed.iter().filter(of_probe).count() >= 2, "the lift demands one, too: {owed:?}");
    assert!(owed.iter().filter(of_probe).all(|o| o.request.as_ref() == Some(&request) && o.about.is_none()));
    wait(&court, 25);
    court.casework.pass_deadlines().await;
    assert!(has_template(&court, &request).await, "it is held");
    probe_step(&court, Change::Lift, &request, over()).await.unwrap();
    court.casework.pass_deadlines().await;
    assert!(!has_template(&court, &request).await);
    assert_eq!(court.on_record(&request, "purged").await, 1);
    agree(&court.casework).await;

    // Whoever may not act is turned away all the same, and on record.
    let suspend = |registry: &mut Registry| {
        registry.people.iter_mut().find(|person| person.id == ASKER).unwrap().suspended_since = Some(Instant(1));
    };
    let court = court.reopen(suspend).await;
    let rejected = court.on_record(&request, "rejected").await;
    let idle = court.look(FIRST, &request).await;
    assert!(matches!(idle, Err(CaseError::Rejected(_))), "{idle:?}");
    assert_eq!(court.on_record(&request, "rejected").await, rejected + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_reaches_every_range_that_shares_an_entry_with_it() {
    let Some(court) = court().await else { return };
    court.searched(1, 3).await;
    wait(&court, 366 * 24);
    let officer = court.who("l.ortega").await;
    let step = async |change: Change, range: &str| {
        let mut given = answers([("retention-reason", text("what a court asked for"))]);
        if change == Change::Hold {
            given.insert("evidentiary-value".to_owned(), Value::Flag(true));
        }
        let given = if change == Change::Purge { BTreeMap::new() } else { given };
        let asking = Asking { change, record: of_request(AUDIT_ENTRY, range), day: None, answers: given };
        court.casework.retention(&officer, JURISDICTION, asking).await
    };
    let held = step(Change::Hold, "04-4").await.unwrap();
    assert_eq!((held.pending, held.docket.record.record.as_str()), (false, "4"), "spelled in one way");
    for range in ["4", "004", "4-4", "3-4", "4-5", "2-6"] {
        refused(step(Change::Purge, range).await, "6.1(3)b");
    }
    assert_eq!(step(Change::Purge, "0-1").await.unwrap().destroyed.len(), 2, "of these none is held");
    step(Change::Hold, "3-5").await.unwrap();
    let lifted = step(Change::Lift, "4-4").await.unwrap();
    assert_eq!((lifted.docket.record.record.as_str(), lifted.docket.held), ("4", None));
    refused(step(Change::Purge, "4").await, "6.1(3)b");
    step(Change::Lift, "3-5").await.unwrap();
    let dockets = court.casework.dockets(JURISDICTION).await.unwrap();
    let records: Vec<_> = dockets.iter().map(|l| l.docket.record.record.as_str()).collect();
    assert_eq!(records.iter().filter(|r| **r == "4").count(), 1, "{records:?}");
    assert!(dockets.iter().all(|l| l.docket.held.is_none()));

    assert_eq!(step(Change::Purge, "3-4").await.unwrap().destroyed.len(), 2);
    for (change, range) in [(Change::Hold, "3"), (Change::Extend, "4"), (Change::Purge, "04"), (Change::Lift, "3-4")] {
        let day = (change == Change::Extend).then(|| "2028-01-01".parse().unwrap());
        let asking = Asking { change, record: of_request(AUDIT_ENTRY, range), day, answers: BTreeMap::new() };
        let gone = misstep(court.casework.retention(&officer, JURISDICTION, asking).await);
        assert!(matches!(gone, Misstep::Destroyed { .. }), "{range}: {gone}");
    }
    assert!(step(Change::Hold, "4-5").await.unwrap().docket.held.is_some(), "one of them is there still");

    let size = court.casework.chamber(JURISDICTION).unwrap().log().size();
    for (bad, says) in [
        ("18-17", "`17-18`"),
        ("a", "names no entries"),
        ("+4", "names no entries"),
        (" ", "both needed"),
        ("", "both needed"),
        ("18446744073709551615", "past the end"),
        ("99999999999999999999999", "past the end"),
        ("0-999999", "the log has"),
    ] {
        match step(Change::Purge, bad).await {
            Err(CaseError::Invalid(message)) => assert!(message.contains(says), "{bad}: {message}"),
            _ => panic!("`{bad}` was taken"),
        }
    }
    assert_eq!(
        court.casework.chamber(JURISDICTION).unwrap().log().size(),
        size,
        "what cannot be read asks for nothing"
    );
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_taken_out_of_use_is_on_no_list_and_leaves_with_no_result() {
    let Some(court) = court().await else { return };
    let (request, records) = court.signed(3).await;
    let (other, others) = court.signed(9).await;
    assert_ne!(records[0], others[0]);
    let given_up = |record: &str| Asking {
        change: Change::Notice,
        record: Retained {
            subject: GALLERY_RECORD.to_owned(),
            gallery: Some(crate::common::GALLERY.to_owned()),
            record: record.to_owned(),
        },
        day: None,
        answers: BTreeMap::new(),
    };
    let examiner = court.who(FIRST).await;
    refused(court.casework.retention(&examiner, JURISDICTION, given_up(&records[0])).await, "7(4)");
    let registrar = court.who("r.tanaka").await;
    court.casework.retention(&registrar, JURISDICTION, given_up(&records[0])).await.unwrap();

    let (_, listed) = court.searched(3, 3).await;
    assert!(!listed.is_empty() && !listed.contains(&records[0]), "withheld: {listed:?}");
    let Err(CaseError::Refused { rulings, .. }) = court.release(FIRST, &request, outgoing(&records[..1])).await else {
        panic!("it left")
    };
    let violated = |f: &&model::rulings::Finding| f.outcome == model::rulings::Outcome::Violated;
    let findings = rulings.rulings.iter().flat_map(|r| &r.decision.findings);
    assert_eq!(findings.filter(violated).map(|f| &*f.clause).collect::<Vec<_>>(), ["6.1(4)"]);
    assert_eq!(court.on_record(&request, "released").await, 0);
    assert!(!court.look(FIRST, &request).await.unwrap().contains(&records[0]), "nor is it shown again");
    court.release(FIRST, &other, outgoing(&others[..1])).await.expect("what is in use leaves");
    agree(&court.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_periodic_audit_is_owed_when_its_month_is_over() {
    let Some(house) = house("2026-03-01T16:00:00.000Z").await else { return };
    let audits = || async {
        let owed = house.casework.obligations(HOME).await.unwrap();
        owed.into_iter().filter(|o| &*o.clause == "E.2" && matches!(o.duty, Duty::Task(_))).collect::<Vec<_>>()
    };
    house.casework.pass_deadlines().await;
    assert!(audits().await.is_empty(), "February was over before there was anything to audit");
    // Midnight in the jurisdiction, which keeps summer time by then.
    house.set_clock("2026-04-01T05:00:00.000Z");
    house.casework.pass_deadlines().await;
    house.casework.pass_deadlines().await;
    let owed = audits().await;
    assert_eq!((owed.len(), owed[0].owner.as_str()), (1, "auditor"));
    assert_eq!(owed[0].due, Some("2026-04-11T05:00:00.000Z".parse().unwrap()), "ten days");
    assert!(matches!(&owed[0].duty, Duty::Task(task) if task.about.contains("2026-03-01 to 2026-03-31")));
    agree(&house.casework).await;
}
