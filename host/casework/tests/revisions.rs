//! Policy revisions with the shipped policies: put forward, approved, in force, and what a start makes of the folder.

use crate::common::{engine, registered};
use magistrate_casework::access::Change;
use magistrate_casework::activation::{Activated, Proposal, Vote};
use magistrate_casework::chamber::{Loading, Registered};
use magistrate_casework::chancery::Chancery;
use magistrate_casework::obligations::Owed;
use magistrate_casework::registration::Record;
use magistrate_casework::revision::State;
use magistrate_casework::violation::Report;
use magistrate_casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use model::account::Event;
use model::facts::{AccessChange, Conclusion};
use model::registry::{Particulars, Registry};
use model::role::Held;
use model::rulings::Duty;
use model::terms::{Digest, Field, Instant, Value, Verdict};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::test_support::{RowAtRest, at_rest};

const DETROIT: &str = "detroit";
const ST_LOUIS: &str = "st-louis";
const COMPONENTS: [(&str, &str); 2] = [(DETROIT, "detroit_307_5.wasm"), (ST_LOUIS, "st_louis_smrt.wasm")];

fn source(jurisdiction: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(jurisdiction)
}

/// Two jurisdictions at work on copies of the shipped policies.
struct House {
    casework: Casework,
    /// What the casework keeps its rows in.
    store: store::Store,
    home: tempfile::TempDir,
}

/// `None` where the policies are not built.
async fn house() -> Option<House> {
    house_after(|_| {}).await
}

/// The same, once something was done to the folder of the policies.
async fn house_after(change: impl FnOnce(&Path)) -> Option<House> {
    let home = tempfile::tempdir().unwrap();
    for (jurisdiction, component) in COMPONENTS {
        let (from, to) = (source(jurisdiction), folder(home.path(), jurisdiction));
        if !from.join(component).is_file() {
            crate::common::skip("the policies are not built: run `cargo xtask test`");
            return None;
        }
        std::fs::create_dir_all(&to).unwrap();
        for file in [component, "policy.toml", "registry.toml"] {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    change(home.path());
    for (jurisdiction, _) in COMPONENTS {
        policy::Folder::pin(&folder(home.path(), jurisdiction), engine()).unwrap();
    }
    let (casework, store) = open(home.path()).await;
    Some(House { casework, store, home })
}

fn folder(home: &Path, jurisdiction: &str) -> PathBuf {
    home.join("policies").join(jurisdiction)
}

fn dir(folder: &Path) -> cap_std::fs::Dir {
    std::fs::create_dir_all(folder).unwrap();
    cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).unwrap()
}

async fn open(home: &Path) -> (Casework, store::Store) {
    let archive = policy::Archive::new(dir(&home.join("archive")));
    let mut openings = Vec::new();
    for (jurisdiction, _) in COMPONENTS {
        let folder = folder(home, jurisdiction);
        let read = policy::Folder::read(&folder).and_then(|f| f.load_archived(engine(), &archive));
        let policy = read.map_or_else(|e| PolicyState::Absent(e.to_string()), PolicyState::Ready);
        let registry = std::fs::read_to_string(folder.join("registry.toml")).unwrap();
        let registry: Registry = toml::from_str(&registry).unwrap();
        let origin = format!("test/{jurisdiction}");
        let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
        let log = audit::Log::prepare(dir(&home.join("log").join(jurisdiction)), &origin, Arc::new(signer)).unwrap();
        openings.push(Opening { id: jurisdiction.to_owned(), policy, registry, log, galleries: None });
    }
    let url = format!("surrealkv://{}", home.join("store").display());
    let store = store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let clock = Clock::set(Arc::new(AtomicU64::new(at.0)));
    let casework = Casework::open(openings, store.clone(), clock, None, &|_: Loading<'_>| ()).await.unwrap();
    let folders = COMPONENTS.iter().map(|(id, _)| ((*id).to_owned(), folder(home, id))).collect();
    let casework = casework.with_chancery(Chancery::new(engine().clone(), archive, folders));
    casework.put_policies_back().await;
    (casework, store)
}

/// Puts a revision into the folder of St. Louis, as an activation does, or whoever may write there.
fn put_into_folder(home: &Path, settings: &[Field]) {
    let folder = folder(home, ST_LOUIS);
    let component = std::fs::read(folder.join(COMPONENTS[1].1)).unwrap();
    policy::Folder::install(&folder, engine(), &component, settings).map(drop).unwrap();
}

fn eight_days() -> [Field; 1] {
    [Field::new("notice-days", Value::Number(8))]
}

impl House {
    async fn who(&self, jurisdiction: &str, person: &str) -> Registered {
        registered(&self.casework, jurisdiction, person).await.unwrap()
    }

    async fn reopen(self, change: impl FnOnce(&Path)) -> Self {
        let Self { casework, store, home } = self;
        drop(store);
        casework.close().await.unwrap();
        change(home.path());
        let (casework, store) = open(home.path()).await;
        Self { casework, store, home }
    }

    /// Everything that is kept of a jurisdiction and its policy, but the log and what decisions demand.
    async fn stands(&self, jurisdiction: &str) -> (Vec<RowAtRest>, Vec<u8>, Vec<String>, (Digest, Digest)) {
        // What was just recorded is in the database then.
        self.casework.policy_seen(jurisdiction, None).await.unwrap();
        let others = ["account", "request_entry", "obligation", "obligation_wake", "imposition"];
        let mut rows = at_rest(&self.store.jurisdiction(jurisdiction).await.unwrap(), &others).await.unwrap();
        // How far the log is, is the log's.
        rows.retain(|row| !(row.table == "standing" && row.key.contains("log-watermark")));
        let file = std::fs::read(folder(self.home.path(), jurisdiction).join("policy.toml")).unwrap();
        (rows, file, archived(self.home.path()), self.in_force(jurisdiction))
    }

    async fn propose(&self, jurisdiction: &str, person: &str, proposal: Proposal) -> Result<String, CaseError> {
        let actor = self.who(jurisdiction, person).await;
        Ok(self.casework.propose(&actor, jurisdiction, proposal).await?.revision.id)
    }

    async fn vote(
        &self,
        jurisdiction: &str,
        person: &str,
        id: &str,
        role: &str,
        approves: bool,
    ) -> Result<(), CaseError> {
        let actor = self.who(jurisdiction, person).await;
        let conclusion = if approves { Conclusion::Approved } else { Conclusion::Refused };
        let reason = if approves { String::new() } else { "not like this".to_owned() };
        let vote = Vote { role: role.to_owned(), conclusion, reason };
        self.casework.endorse(&actor, jurisdiction, id, vote).await.map(drop)
    }

    async fn activate(&self, jurisdiction: &str, person: &str, id: &str) -> Result<Activated, CaseError> {
        let actor = self.who(jurisdiction, person).await;
        let yes = |name: &str| (name.to_owned(), Value::Flag(true));
        let answers = match jurisdiction {
            DETROIT => [yes("default-passwords-replaced"), yes("password-standard-met")].into(),
            _ => BTreeMap::new(),
        };
        self.casework.activate(&actor, jurisdiction, id, answers).await
    }

    /// Closes the house as a crash would have left it in the middle of an activation: permitted, and not concluded.
    async fn break_off(self, id: &str, change: impl FnOnce(&Path)) -> Self {
        let Self { casework, store, home } = self;
        drop(store);
        casework.close().await.unwrap();
        let url = format!("surrealkv://{}", home.path().join("store").display());
        let store = store::Store::open(&url, None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
        let rows = store.jurisdiction(ST_LOUIS).await.unwrap();
        let mut row = rows.standing("revision", id).await.unwrap().unwrap();
        row.body["state"] = "permitted".into();
        row.body["at"] = serde_json::to_value(Instant(1)).unwrap();
        rows.keep(&[store::Kept::Stands(row)]).await.unwrap();
        drop(rows);
        store.close().await;
        change(home.path());
        let (casework, store) = open(home.path()).await;
        Self { casework, store, home }
    }

    /// A revision of St. Louis that the commander approved of.
    async fn approved(&self) -> String {
        let id = self.propose(ST_LOUIS, "s.okafor", days(8)).await.unwrap();
        self.vote(ST_LOUIS, "e.marsh", &id, "rtcc-commander", true).await.unwrap();
        id
    }

    async fn state(&self, id: &str) -> State {
        let seen = self.casework.policy_seen(ST_LOUIS, None).await.unwrap();
        seen.revisions.iter().find(|r| r.id == id).unwrap().state
    }

    /// What the host did in St. Louis, in the order it did it.
    async fn acts(&self) -> Vec<String> {
        let reader = self.who(ST_LOUIS, "r.abara").await;
        let entries = self.casework.inspect(&reader, ST_LOUIS, 0, 1000).await.unwrap();
        let act = |event: Event| if let Event::Host { act, .. } = event { Some(act) } else { None };
        entries.into_iter().filter_map(|e| e.account).filter_map(|a| act(a.event)).collect()
    }

    fn policy_file(&self) -> PathBuf {
        folder(self.home.path(), ST_LOUIS).join("policy.toml")
    }

    /// Component and settings in force.
    fn in_force(&self, jurisdiction: &str) -> (Digest, Digest) {
        match &*self.casework.chamber(jurisdiction).unwrap().policy() {
            PolicyState::Ready(policy) => (policy.reference().component, policy.reference().settings),
            PolicyState::Absent(reason) => panic!("no policy: {reason}"),
        }
    }
}

fn days(days: i64) -> Proposal {
    let settings = BTreeMap::from([("notice-days".to_owned(), Value::Number(days))]);
    Proposal { settings: Some(settings), note: "fewer days".to_owned(), ..Proposal::default() }
}

/// The shipped component with a section that says nothing: another digest, and the same policy.
fn another_component(home: &Path) -> Vec<u8> {
    component_called(home, b'n')
}

/// The same, one for each letter.
fn component_called(home: &Path, letter: u8) -> Vec<u8> {
    let (jurisdiction, component) = COMPONENTS[0];
    let mut bytes = std::fs::read(folder(home, jurisdiction).join(component)).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, letter]);
    bytes
}

fn with_component(component: Vec<u8>) -> Proposal {
    Proposal { component: Some(component), ..Proposal::default() }
}

/// What the archive of policies holds.
fn archived(home: &Path) -> Vec<String> {
    let files = home.join("archive").read_dir().unwrap();
    let mut names: Vec<String> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// That a policy refused a step with this verdict, and this clause is against it.
fn refused<T>(taken: Result<T, CaseError>, expected: Verdict, clause: &str) {
    let Err(CaseError::Refused { rulings, .. }) = &taken else { panic!("it was not refused by policy") };
    assert_eq!(rulings.verdict(), expected);
    crate::common::refused(taken, clause);
}

fn verdict<T>(taken: Result<T, CaseError>) -> Verdict {
    match taken {
        Err(CaseError::Refused { rulings, .. }) => rulings.verdict(),
        Err(e) => panic!("not refused: {e}"),
        Ok(_) => Verdict::Permit,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_takes_effect_with_the_approval_that_the_policy_wants_and_outlives_a_restart() {
    let Some(house) = house().await else { return };
    let (first, administrator) = (house.in_force(ST_LOUIS), "s.okafor");
    let id = house.propose(ST_LOUIS, administrator, days(8)).await.unwrap();
    assert_eq!(house.in_force(ST_LOUIS), first, "put forward is not in force");
    refused(house.activate(ST_LOUIS, administrator, &id).await, Verdict::Pend, "F.1");
    refused(house.activate(ST_LOUIS, "r.abara", &id).await, Verdict::Deny, "F.2");
    house.vote(ST_LOUIS, "e.marsh", &id, "rtcc-commander", true).await.unwrap();
    let activated = house.activate(ST_LOUIS, administrator, &id).await.unwrap();
    assert!(activated.revision.is_in_force() && activated.taken.receipt.is_some());
    let second = house.in_force(ST_LOUIS);
    assert_eq!(second, (activated.revision.component, activated.revision.settings));
    assert!(second != first && house.in_force(DETROIT).0 != second.0);

    let seen = house.casework.policy_seen(ST_LOUIS, None).await.unwrap();
    let states: Vec<_> = seen.revisions.iter().map(|r| (r.is_in_force(), r.endorsements.len())).collect();
    assert_eq!(states, [(true, 1), (false, 0)]);
    let again = house.activate(ST_LOUIS, administrator, &id).await;
    assert!(matches!(again, Err(CaseError::OutOfPlace(Misstep::NotPending { .. }, _))));

    let house = house.reopen(|_| {}).await;
    assert_eq!(house.in_force(ST_LOUIS), second);
    let text = std::fs::read_to_string(folder(house.home.path(), ST_LOUIS).join("policy.toml")).unwrap();
    assert!(text.contains("notice-days = 8\n") && text.contains("# mass-query-limit"), "comments stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_takes_effect_with_the_approval_of_those_who_hold_their_role_still() {
    let Some(house) = house().await else { return };
    let component = another_component(house.home.path());
    let digest = Digest::of(&component);
    let proposal = Proposal { component: Some(component.clone()), ..Proposal::default() };
    let id = house.propose(DETROIT, "l.ortega", proposal.clone()).await.unwrap();
    let twice = house.propose(DETROIT, "l.ortega", proposal).await;
    assert!(matches!(twice, Err(CaseError::Exists(_))));
    let stood = house.stands(DETROIT).await;
    // The Board has not approved.
    refused(house.activate(DETROIT, "l.ortega", &id).await, Verdict::Deny, "6.4");
    assert!(house.stands(DETROIT).await == stood, "what is denied changes nothing but the log");
    let role = "board-of-police-commissioners";
    let not_theirs = house.vote(DETROIT, "l.ortega", &id, role, true).await;
    assert!(matches!(not_theirs, Err(CaseError::OutOfPlace(Misstep::NotTheirRole { .. }, _))));
    house.vote(DETROIT, "v.stone", &id, role, true).await.unwrap();
    refused(house.activate(DETROIT, "m.whitfield", &id).await, Verdict::Deny, "6.1(2)a");

    let laso = house.who(DETROIT, "l.ortega").await;
    let answers = || {
        let personal = ("credential-personal".to_owned(), Value::Flag(true));
        BTreeMap::from([personal, ("need-to-know".to_owned(), Value::Text("signs for the Board".to_owned()))])
    };
    let change = |change| Change { change, roles: vec![], reason: String::new(), answers: answers() };
    house.casework.change_access(&laso, DETROIT, "v.stone", change(AccessChange::Suspend)).await.unwrap();
    // Nobody's approval.
    refused(house.activate(DETROIT, "l.ortega", &id).await, Verdict::Deny, "6.4");
    house.casework.change_access(&laso, DETROIT, "v.stone", change(AccessChange::Reinstate)).await.unwrap();
    let moves = async |unit: &str| {
        let particulars = Particulars { unit: Some(unit.to_owned()), ..Particulars::default() };
        let recording = Record { particulars, answers: answers(), ..Record::default() };
        house.casework.record_of_person(&laso, DETROIT, "v.stone", recording).await.unwrap();
    };
    moves("patrol").await;
    assert_eq!(verdict(house.activate(DETROIT, "l.ortega", &id).await), Verdict::Deny, "nor for the unit they left");
    moves("board").await;
    house.activate(DETROIT, "l.ortega", &id).await.unwrap();
    assert_eq!(house.in_force(DETROIT).0, digest);
    let read = policy::Folder::read(&folder(house.home.path(), DETROIT)).unwrap();
    assert_eq!(read.pinned(), Some(digest));
    assert_eq!(std::fs::read(read.component()).unwrap(), component);
    let house = house.reopen(|_| {}).await;
    assert_eq!(house.in_force(DETROIT).0, digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_the_policy_too() {
    let Some(house) = house().await else { return };
    let id = house.propose(ST_LOUIS, "s.okafor", days(9)).await.unwrap();
    for approves in [true, false] {
        house.vote(ST_LOUIS, "e.marsh", &id, "rtcc-commander", approves).await.unwrap();
    }
    assert_eq!(verdict(house.activate(ST_LOUIS, "s.okafor", &id).await), Verdict::Deny);
    house.vote(ST_LOUIS, "e.marsh", &id, "rtcc-commander", true).await.unwrap();
    house.activate(ST_LOUIS, "s.okafor", &id).await.expect("she thought better of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_revision_is_not_put_forward() {
    let Some(house) = house().await else { return };
    let junk = Proposal { component: Some(b"no component".to_vec()), ..Proposal::default() };
    let typo =
        Proposal { settings: Some([("notice-dais".to_owned(), Value::Number(8))].into()), ..Proposal::default() };
    for (proposal, says) in [(junk, "WebAssembly"), (typo, "notice-dais"), (days(11), "notice-days")] {
        match house.propose(ST_LOUIS, "s.okafor", proposal).await {
            Err(CaseError::Policy(message)) => assert!(message.contains(says), "{message}"),
            other => panic!("{says}: {other:?}"),
        }
    }
    let (jurisdiction, component) = COMPONENTS[0];
    let theirs = std::fs::read(folder(house.home.path(), jurisdiction).join(component)).unwrap();
    let size = house.casework.chamber(ST_LOUIS).unwrap().log().size();
    // Whatever its settings are: another policy does not know the settings of this one.
    let none = Some(BTreeMap::new());
    let other = Proposal { component: Some(theirs), settings: none, ..Proposal::default() };
    match house.propose(ST_LOUIS, "s.okafor", other).await {
        Err(CaseError::OtherPolicy { proposed, in_force }) => assert_ne!(proposed, in_force),
        other => panic!("another jurisdiction's policy: {other:?}"),
    }
    assert_eq!(house.casework.chamber(ST_LOUIS).unwrap().log().size(), size, "nothing was put forward");
    let same = house.propose(ST_LOUIS, "s.okafor", Proposal::default()).await;
    assert!(matches!(same, Err(CaseError::Exists(_))));
    let stranger = house.who(DETROIT, "l.ortega").await;
    for outsider in [stranger, house.who(ST_LOUIS, "d.reyes").await] {
        let refused = house.casework.propose(&outsider, ST_LOUIS, days(8)).await.map(drop);
        assert!(matches!(refused, Err(CaseError::Rejected(_))));
    }
    let unknown = house.activate(ST_LOUIS, "s.okafor", "nonsense").await;
    assert!(matches!(unknown, Err(CaseError::Unknown { kind: "policy revision", .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_put_forward_takes_up_no_space() {
    let Some(house) = house().await else { return };
    let home = house.home.path();
    let (before, size) = (archived(home), house.casework.chamber(DETROIT).unwrap().log().size());
    let most = usize::try_from(policy::COMPONENT_BYTES).unwrap();
    // Not compiled: that would say that it is no component.
    let large = house.propose(DETROIT, "l.ortega", with_component(vec![0; most + 1])).await;
    assert!(matches!(&large, Err(CaseError::Invalid(reason)) if reason.contains("at most")), "{large:?}");
    let junk = house.propose(DETROIT, "l.ortega", with_component(b"no component".to_vec())).await;
    assert!(matches!(&junk, Err(CaseError::Policy(_))), "{junk:?}");
    let stranger = house.who(ST_LOUIS, "s.okafor").await;
    let component = another_component(home);
    let refused = house.casework.propose(&stranger, DETROIT, with_component(component.clone())).await.map(drop);
    assert!(matches!(refused, Err(CaseError::Rejected(_))));
    assert_eq!(archived(home), before);
    assert_eq!(house.casework.chamber(DETROIT).unwrap().log().size(), size + 1, "the stranger is on record");

    house.propose(DETROIT, "l.ortega", with_component(component.clone())).await.unwrap();
    let kept = format!("{}.wasm", Digest::of(&component));
    assert!(archived(home).contains(&kept) && archived(home).len() == before.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_revisions_wait_and_no_more_until_one_is_signed_against() {
    let Some(house) = house().await else { return };
    let home = house.home.path().to_owned();
    let mut ids = Vec::new();
    for letter in b'a'..b'i' {
        ids.push(house.propose(DETROIT, "l.ortega", with_component(component_called(&home, letter))).await.unwrap());
    }
    let next = || with_component(component_called(&home, b'i'));
    let before = archived(&home);
    let refused = house.propose(DETROIT, "l.ortega", next()).await;
    assert!(matches!(&refused, Err(CaseError::OutOfPlace(Misstep::TooManyWait { most: 8 }, _))), "{refused:?}");
    assert_eq!(archived(&home), before);
    assert!(house.propose(ST_LOUIS, "s.okafor", days(8)).await.is_ok(), "another jurisdiction has its own");
    house.vote(DETROIT, "v.stone", &ids[0], "board-of-police-commissioners", false).await.unwrap();
    house.propose(DETROIT, "l.ortega", next()).await.unwrap();
    let twice = house.propose(DETROIT, "l.ortega", next()).await;
    assert!(matches!(twice, Err(CaseError::Exists(_))), "what is there is said to be there, however many wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_could_not_be_kept_can_be_put_forward_again() {
    let Some(house) = house().await else { return };
    let component = another_component(house.home.path());
    let kept = house.home.path().join("archive").join(format!("{}.wasm", Digest::of(&component)));
    // A folder stands where the file would be written.
    let obstacle = kept.with_extension("wasm.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    let failed = house.propose(DETROIT, "l.ortega", with_component(component.clone())).await;
    assert!(matches!(&failed, Err(CaseError::Policy(reason)) if reason.contains("on record")), "{failed:?}");
    std::fs::remove_dir(obstacle).unwrap();
    let id = house.propose(DETROIT, "l.ortega", with_component(component)).await.unwrap();
    assert!(kept.is_file());
    house.vote(DETROIT, "v.stone", &id, "board-of-police-commissioners", true).await.unwrap();
    house.activate(DETROIT, "l.ortega", &id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_changed_without_approval_is_no_policy() {
    let Some(house) = house().await else { return };
    let (first, there) = (house.in_force(ST_LOUIS), house.in_force(DETROIT));
    let settle = |text: &'static str| {
        move |home: &Path| {
            let file = folder(home, ST_LOUIS).join("policy.toml");
            let old = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, old.replace("[settings]\n", &format!("[settings]\n{text}"))).unwrap();
        }
    };
    let house = house.reopen(settle("notice-days = 7\n")).await;
    let impediments = house.casework.impediments().await;
    let said = impediments.iter().find(|i| i.text.contains("never activated")).expect("readyz says so");
    assert!(said.partial && said.text.starts_with(ST_LOUIS));
    assert_eq!(house.in_force(DETROIT), there, "the other jurisdiction goes on");
    let reporter = house.who(ST_LOUIS, "r.abara").await;
    let report = Report { happened: Instant(1), request: None, answers: BTreeMap::new() };
    assert_eq!(verdict(house.casework.record_violation(&reporter, ST_LOUIS, report).await), Verdict::Deny);
    let restored = |home: &Path| {
        let file = folder(home, ST_LOUIS).join("policy.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("notice-days = 7\n", "")).unwrap();
    };
    let house = house.reopen(restored).await;
    assert_eq!(house.in_force(ST_LOUIS), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_that_fails_has_no_effect_then_or_at_the_next_start() {
    let Some(house) = house().await else { return };
    let first = house.in_force(ST_LOUIS);
    let original = std::fs::read(house.policy_file()).unwrap();
    let id = house.approved().await;
    // A folder stands where the file would be written.
    let obstacle = house.policy_file().with_extension("toml.new");
    std::fs::create_dir(&obstacle).unwrap();
    let failed = house.activate(ST_LOUIS, "s.okafor", &id).await.map(drop);
    assert!(matches!(failed, Err(CaseError::Policy(_))), "{failed:?}");
    assert_eq!((house.in_force(ST_LOUIS), house.state(&id).await), (first, State::Proposed));
    assert_eq!(std::fs::read(house.policy_file()).unwrap(), original);
    std::fs::remove_dir(obstacle).unwrap();

    // Its permit is used up: whoever puts it into the folder has not activated it.
    let house = house.reopen(|home| put_into_folder(home, &eight_days())).await;
    let impediments = house.casework.impediments().await;
    assert!(impediments.iter().any(|i| i.text.contains("never activated")), "it is not in force");
    let house =
        house.reopen(|home| std::fs::write(folder(home, ST_LOUIS).join("policy.toml"), original).unwrap()).await;
    assert_eq!((house.in_force(ST_LOUIS), house.state(&id).await), (first, State::Proposed));
    let activated = house.activate(ST_LOUIS, "s.okafor", &id).await.expect("it can be activated again");
    assert!(activated.revision.is_in_force());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_that_broke_off_is_undone_by_the_next_start() {
    let Some(house) = house().await else { return };
    let (first, there) = (house.in_force(ST_LOUIS), house.in_force(DETROIT));
    let id = house.approved().await;
    // Before the folder was changed, there is nothing to put back.
    let house = house.break_off(&id, |_| {}).await;
    assert_eq!((house.in_force(ST_LOUIS), house.state(&id).await), (first, State::Proposed));
    assert!(!house.acts().await.iter().any(|act| act.contains("policy")));

    let house = house.break_off(&id, |home| put_into_folder(home, &eight_days())).await;
    assert_eq!((house.in_force(ST_LOUIS), house.in_force(DETROIT)), (first, there), "only what is on record");
    assert_eq!(house.state(&id).await, State::Proposed);
    assert!(house.casework.impediments().await.is_empty());
    let text = std::fs::read_to_string(house.policy_file()).unwrap();
    assert!(!text.contains("notice-days = 8\n"), "{text}");
    let acts = house.acts().await;
    assert_eq!(&acts[acts.len() - 2..], ["put-policy-back", "policy-put-back"], "on record before it is done");

    let house = house.reopen(|_| {}).await;
    assert_eq!(house.in_force(ST_LOUIS), first);
    house.activate(ST_LOUIS, "s.okafor", &id).await.expect("what was approved still is");
    let second = house.in_force(ST_LOUIS);
    let house = house.reopen(|_| {}).await;
    assert!(second != first && house.in_force(ST_LOUIS) == second);
}

#[tokio::test(flavor = "multi_thread")]
async fn misuse_is_told_to_whom_the_policy_names() {
    let Some(house) = house().await else { return };
    let reporter = house.who(ST_LOUIS, "r.abara").await;
    let at: Instant = "2026-03-09T09:00:00.000Z".parse().unwrap();
    let summary = Value::Text("an analyst searched a neighbour".to_owned());
    let given = BTreeMap::from([("violation-summary".to_owned(), summary)]);
    let report = Report { happened: at, request: None, answers: given };
    let recorded = house.casework.record_violation(&reporter, ST_LOUIS, report).await.unwrap();
    let commanders = |o: &Owed| &*o.clause == "E.1-c" && o.owner == "rtcc-commander";
    let told = |late: bool| recorded.owed.iter().filter(|(l, o)| *l == late && commanders(o)).count();
    assert_eq!((told(true), told(false)), (1, 1), "the notice is late, the review is not: {:?}", recorded.owed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directives_text_is_shown_if_it_is_the_one_cited() {
    let Some(house) = house().await else { return };
    assert!(matches!(house.casework.directive(DETROIT, None).await, Err(CaseError::Unknown { .. })));
    std::fs::write(folder(house.home.path(), DETROIT).join("directive.txt"), "another text").unwrap();
    assert!(matches!(house.casework.directive(DETROIT, None).await, Err(CaseError::Policy(_))));
}

/// What is owed of the directive's review, and whether it is late.
async fn reviews(house: &House) -> Vec<bool> {
    let owed = house.casework.obligations(DETROIT).await.unwrap();
    let task = |o: &&Owed| matches!(o.duty, Duty::Task(_));
    let review = owed.iter().filter(task).filter(|o| o.about.as_ref().is_some_and(|about| about.subject == "review"));
    review.map(Owed::is_overdue).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_is_due_is_met_by_the_revision_that_comes_of_it_and_by_no_other() {
    let reviewed_long_ago = |home: &Path| {
        let file = folder(home, DETROIT).join("policy.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = text.replace("# last-reviewed-year = 2025", "last-reviewed-year = 2024");
        assert_ne!(changed, text);
        std::fs::write(file, changed).unwrap();
    };
    let Some(house) = house_after(reviewed_long_ago).await else { return };
    house.casework.pass_deadlines().await;
    assert_eq!(reviews(&house).await, [true], "since 16 December");
    for (year, left) in [(2024, vec![true]), (2025, vec![])] {
        let settings = BTreeMap::from([
            ("last-reviewed-year".to_owned(), Value::Number(year)),
            ("candidates-usual".to_owned(), Value::Number(10)),
        ]);
        let proposal = Proposal { settings: Some(settings), ..Proposal::default() };
        let id = house.propose(DETROIT, "l.ortega", proposal).await.unwrap();
        house.vote(DETROIT, "v.stone", &id, "board-of-police-commissioners", true).await.unwrap();
        house.activate(DETROIT, "l.ortega", &id).await.unwrap();
        assert_eq!(reviews(&house).await, left, "reviewed in {year}");
        house.casework.pass_deadlines().await;
        assert_eq!(reviews(&house).await, left, "and once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_says_who_gives_access() {
    let Some(house) = house().await else { return };
    let grant = || Change {
        change: AccessChange::Grant,
        roles: vec!["slfc-authorised".into()],
        reason: String::new(),
        answers: BTreeMap::new(),
    };
    let commander = house.who(ST_LOUIS, "e.marsh").await;
    let denied = house.casework.change_access(&commander, ST_LOUIS, "p.nolan", grant()).await;
    refused(denied, Verdict::Deny, "A.3-a");
    let center = house.who(ST_LOUIS, "n.ferrer").await;
    house.casework.change_access(&center, ST_LOUIS, "p.nolan", grant()).await.unwrap();
    assert_eq!(house.who(ST_LOUIS, "p.nolan").await.person.role_names(), ["slfc-authorised"]);
    let another_end = || Held { until: Some("2030-06-30".parse().unwrap()), ..Held::from("slfc-authorised") };
    let prolong = || Change { roles: vec![another_end()], ..grant() };
    let administrator = house.who(ST_LOUIS, "s.okafor").await;
    let denied = house.casework.change_access(&administrator, ST_LOUIS, "p.nolan", prolong()).await;
    assert_eq!(verdict(denied), Verdict::Deny, "with another end it is granted anew");
    assert_eq!(house.who(ST_LOUIS, "p.nolan").await.person.roles[0].until, None);
    house.casework.change_access(&administrator, ST_LOUIS, "p.nolan", grant()).await.expect("as it is held already");

    // Nor does an Administrator designate the next one.
    let designate = || Change { roles: vec!["smrt-administrator".into()], ..grant() };
    let denied = house.casework.change_access(&administrator, ST_LOUIS, "t.lindqvist", designate()).await;
    refused(denied, Verdict::Deny, "F.2");
    let done = house.casework.change_access(&commander, ST_LOUIS, "t.lindqvist", designate()).await.unwrap();
    assert_eq!(done.roles, ["slfc-authorised", "smrt-administrator"]);
    let house = house.reopen(|_| {}).await;
    assert_eq!(house.who(ST_LOUIS, "p.nolan").await.person.role_names(), ["slfc-authorised"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_waits_for_passwords_and_records_what_is_said_of_maintenance() {
    let Some(house) = house().await else { return };
    let proposal = Proposal { component: Some(another_component(house.home.path())), ..Proposal::default() };
    let id = house.propose(DETROIT, "l.ortega", proposal).await.unwrap();
    house.vote(DETROIT, "v.stone", &id, "board-of-police-commissioners", true).await.unwrap();
    let before = house.in_force(DETROIT);
    let actor = house.who(DETROIT, "l.ortega").await;
    let given = |answers: &[(&str, bool)]| {
        answers.iter().map(|(name, yes)| ((*name).to_owned(), Value::Flag(*yes))).collect::<BTreeMap<_, _>>()
    };
    let (replaced, standard) = ("default-passwords-replaced", "password-standard-met");
    for (answers, expected) in [
        (given(&[(replaced, true)]), Verdict::Pend),
        (given(&[(replaced, false), (standard, true)]), Verdict::Deny),
        (given(&[(replaced, true), (standard, false)]), Verdict::Deny),
    ] {
        refused(house.casework.activate(&actor, DETROIT, &id, answers).await, expected, "7(7)");
        assert_eq!(house.in_force(DETROIT), before);
    }
    let answers = given(&[(replaced, true), (standard, true), ("maintained", true)]);
    let activated = house.casework.activate(&actor, DETROIT, &id, answers).await.unwrap();
    let rulings = &activated.taken.rulings.rulings;
    let fared = |clause: &str| {
        let mut all = rulings.iter().flat_map(|r| r.decision.outcomes());
        all.find(|(found, _)| ***found == *clause).map(|(_, outcome)| outcome)
    };
    use model::rulings::Outcome::Satisfied;
    assert_eq!(["7(3)", "7(7)", "hdr"].map(fared), [Some(Satisfied); 3]);

    // Silence of maintenance stops nothing, and is on record as that.
    let settings = BTreeMap::from([("most-likely-candidates".to_owned(), Value::Number(3))]);
    let proposal = Proposal { settings: Some(settings), ..Proposal::default() };
    let id = house.propose(DETROIT, "l.ortega", proposal).await.unwrap();
    house.vote(DETROIT, "v.stone", &id, "board-of-police-commissioners", true).await.unwrap();
    let activated = house.activate(DETROIT, "l.ortega", &id).await.unwrap();
    let mut findings = activated.taken.rulings.rulings.iter().flat_map(|r| &r.decision.findings);
    assert!(findings.any(|f| &*f.clause == "7(3)" && f.outcome == model::rulings::Outcome::Noted));
}
