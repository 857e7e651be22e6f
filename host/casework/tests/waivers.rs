//! Obligations that are set aside: with a component that lets a chief waive what it demands, and with the shipped policies, which
//! let nobody.

use crate::common::{FIRST, GALLERY, SUPERVISOR, agree, batch, intake, misstep, outgoing, registered, signing};
use casework::chamber::{Loading, Registered};
use casework::intake::Intake;
use casework::life::State;
use casework::misstep::Demanded;
use casework::notices::{Delivering, Notice, Outbox};
use casework::obligations::{Owed, Standing};
use casework::replay::{Decided, Replayed};
use casework::search_step::Plan;
use casework::violation::Report;
use casework::waiver::{Asking, Waived};
use casework::worklist::Wanted;
use casework::{CaseError, Casework, Clock, Misstep, Opening, PolicyState};
use magistrate_casework as casework;
use model::account::Event;
use model::combine::Rulings;
use model::facts::{Conclusion, Device, Step};
use model::registry::{Principal, Registry};
use model::rulings::{Duty, Outcome};
use model::terms::{Field, Instant, Phase, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const DETROIT: &str = "detroit";
const ST_LOUIS: &str = "st-louis";
const COMPONENTS: [(&str, &str); 2] = [(DETROIT, "detroit_307_5.wasm"), (ST_LOUIS, "st_louis_smrt.wasm")];

/// Whom the component lets waive, one in each jurisdiction, and their role.
const CHIEF: &str = SUPERVISOR;
const THEIR_CHIEF: &str = "e.marsh";
const CHIEF_ROLE: &str = "chief";

/// Somebody of the other jurisdiction who asks for a search.
const OUTSIDER: &str = "r.abara";

const HOUR_MS: u64 = 3_600_000;

const WHY: &str = "the office that had to do it was closed on 1 March, order 26-114";

/// Two jurisdictions at work, each with a policy of its own.
pub struct House {
    pub casework: Casework,
    pub clock: Arc<AtomicU64>,
    /// What the casework keeps its rows in.
    pub store: store::Store,
    _home: tempfile::TempDir,
}

fn source(jurisdiction: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(jurisdiction)
}

/// The shipped policies; `None` where they are not built.
pub async fn shipped() -> Option<House> {
    let mut policies = Vec::new();
    for (jurisdiction, component) in COMPONENTS {
        let folder = source(jurisdiction);
        if !folder.join(component).is_file() {
            crate::common::skip("the policies are not built");
            return None;
        }
        policies.push(policy::Folder::read(&folder).unwrap().load_unpinned(crate::common::engine()).unwrap());
    }
    Some(open(policies, None).await)
}

/// A component that lets chiefs waive, for both; `None` where it is not built.
async fn lenient(outbox: Option<Arc<dyn Outbox>>) -> Option<House> {
    house_that("waive", outbox).await
}

/// The component that is written for tests, acting so, for both; `None` where it is not built.
pub async fn house_that(act: &str, outbox: Option<Arc<dyn Outbox>>) -> Option<House> {
    let house = empty_house_that(act, outbox).await?;
    let registrar = house.who(DETROIT, "r.tanaka").await;
    house.casework.enroll(&registrar, DETROIT, GALLERY, batch(0..8)).await.unwrap();
    Some(house)
}

/// The same with nothing in its galleries.
pub async fn empty_house_that(act: &str, outbox: Option<Arc<dyn Outbox>>) -> Option<House> {
    let component = crate::common::permissive()?;
    let settings = [Field::new("act", Value::Text(act.to_owned()))];
    let policy = policy::Policy::load(crate::common::engine(), &component, &settings).unwrap();
    Some(open(vec![policy.clone(), policy], outbox).await)
}

async fn open(policies: Vec<policy::Policy>, outbox: Option<Arc<dyn Outbox>>) -> House {
    let home = tempfile::tempdir().unwrap();
    let mut openings = Vec::new();
    for ((jurisdiction, _), policy) in COMPONENTS.into_iter().zip(policies) {
        let registry = std::fs::read_to_string(source(jurisdiction).join("registry.toml")).unwrap();
        let mut registry: Registry = toml::from_str(&registry).unwrap();
        let chiefs = registry.people.iter_mut().filter(|p| [CHIEF, THEIR_CHIEF].contains(&p.id.as_str()));
        chiefs.for_each(|chief| chief.roles.push(CHIEF_ROLE.into()));
        let logs = home.path().join("log").join(jurisdiction);
        std::fs::create_dir_all(&logs).unwrap();
        let dir = cap_std::fs::Dir::open_ambient_dir(&logs, cap_std::ambient_authority()).unwrap();
        let origin = format!("test/{jurisdiction}");
        let signer = audit::Ed25519Signer::from_seed(&origin, [7; 32]).unwrap();
        let log = audit::Log::prepare(dir, &origin, Arc::new(signer)).unwrap();
        let policy = PolicyState::Ready(policy);
        openings.push(Opening { id: jurisdiction.to_owned(), policy, registry, log, galleries: None });
    }
    let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let at: Instant = "2026-03-10T15:00:00.000Z".parse().unwrap();
    let clock = Arc::new(AtomicU64::new(at.0));
    let casework =
        Casework::open(openings, store.clone(), Clock::set(clock.clone()), None, &|_: Loading<'_>| {}).await.unwrap();
    let casework = match outbox {
        Some(outbox) => casework.with_outbox(outbox),
        None => casework,
    };
    House { casework, clock, store, _home: home }
}

fn kind(owed: &Owed) -> &'static str {
    policy::scenario::duty_kind(&owed.duty)
}

/// What was ruled on a step that was refused.
fn refused<T>(taken: Result<T, CaseError>) -> Rulings {
    match taken {
        Ok(_) => panic!("the step was taken"),
        Err(CaseError::Refused { rulings, receipt }) => {
            assert!(receipt.is_some(), "on record");
            *rulings
        }
        Err(e) => panic!("not refused: {e:?}"),
    }
}

/// In which jurisdictions somebody has to do something before a step has an effect.
fn waiting<T>(taken: Result<T, CaseError>) -> Vec<String> {
    match taken {
        Ok(_) => panic!("the step was taken"),
        Err(CaseError::Waits(waits)) => {
            let mut whose: Vec<_> = waits.awaited.into_iter().map(|awaited| awaited.jurisdiction).collect();
            whose.sort();
            whose
        }
        Err(e) => panic!("it does not wait: {e:?}"),
    }
}

impl House {
    pub async fn who(&self, jurisdiction: &str, person: &str) -> Registered {
        registered(&self.casework, jurisdiction, person).await.unwrap()
    }

    fn now(&self) -> Instant {
        Instant(self.clock.load(Ordering::Acquire))
    }

    async fn opened_by(&self, jurisdiction: &str, person: &str, intake: Intake) -> String {
        let actor = self.who(jurisdiction, person).await;
        self.casework.open_request(&actor, DETROIT, intake).await.unwrap().request.request.id
    }

    pub async fn opened(&self, seed: usize) -> String {
        self.opened_by(DETROIT, FIRST, intake(seed)).await
    }

    pub async fn search(&self, request: &str) -> Result<usize, CaseError> {
        let open = self.casework.request(DETROIT, request).await.unwrap();
        let plan = Plan { candidates: Some(3), ..Plan::default() };
        let searched = self.casework.search(&self.who(DETROIT, FIRST).await, &open, plan).await?;
        Ok(searched.candidates.len())
    }

    /// The obligations of a request, met or not.
    async fn all_owed(&self, request: &str) -> Vec<Owed> {
        self.casework.view(&self.who(DETROIT, FIRST).await, DETROIT, request).await.unwrap().obligations
    }

    /// The one of this kind that this jurisdiction's policy imposed.
    async fn owed_to(&self, jurisdiction: &str, request: &str, of: &str) -> Owed {
        let mut all = self.all_owed(request).await;
        all.retain(|owed| owed.jurisdiction == jurisdiction && kind(owed) == of);
        assert_eq!(all.len(), 1, "{of} of {jurisdiction}: {all:?}");
        all.remove(0)
    }

    async fn owed(&self, request: &str, of: &str) -> Owed {
        self.owed_to(DETROIT, request, of).await
    }

    async fn waive_as(
        &self,
        (jurisdiction, person): (&str, &str),
        id: &str,
        reason: &str,
    ) -> Result<Waived, CaseError> {
        let asking = Asking { reason: reason.to_owned(), answers: BTreeMap::new() };
        self.casework.waive(&self.who(jurisdiction, person).await, DETROIT, id, asking).await
    }

    async fn waive(&self, id: &str) -> Result<Waived, CaseError> {
        self.waive_as((DETROIT, CHIEF), id, WHY).await
    }

    async fn late(&self, request: &str) -> usize {
        let list = self.casework.worklist(&self.who(DETROIT, FIRST).await, DETROIT, &Wanted::default()).await.unwrap();
        list.requests.iter().find(|listed| listed.id == request).unwrap().overdue
    }

    /// Every event on record in a jurisdiction's log.
    pub async fn events(&self, jurisdiction: &str) -> Vec<Event> {
        let auditor = if jurisdiction == DETROIT { "a.feld" } else { "a.whitfield" };
        let auditor = self.who(jurisdiction, auditor).await;
        let entries = self.casework.inspect(&auditor, jurisdiction, 0, 1000).await.unwrap();
        entries.into_iter().filter_map(|entry| entry.account).map(|account| account.event).collect()
    }

    /// How many events of this name are on record.
    async fn on_record(&self, jurisdiction: &str, what: &str) -> usize {
        let all = self.events(jurisdiction).await;
        all.iter().filter(|event| serde_json::to_value(event).unwrap()["what"] == what).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_set_aside_holds_back_nothing_and_says_by_whom() {
    let Some(house) = lenient(None).await else { return };
    let request = house.opened(3).await;
    assert_eq!(waiting(house.search(&request).await), [DETROIT]);
    let approval = house.owed(&request, "approve").await;
    for person in [FIRST, "c.hargrove", "a.feld"] {
        let rulings = refused(house.waive_as((DETROIT, person), &approval.id, WHY).await);
        assert_eq!((rulings.phase, rulings.rulings.len()), (Phase::Waiver, 1), "{person}");
    }
    assert_eq!(house.owed(&request, "approve").await, approval, "and stays as it was");
    assert_eq!((house.on_record(DETROIT, "waived").await, waiting(house.search(&request).await).len()), (0, 1));

    let before = house.on_record(DETROIT, "decision").await;
    let done = house.waive(&approval.id).await.unwrap();
    let by = format!("{DETROIT}/{CHIEF}");
    assert_eq!(done.owed.standing, Standing::Waived { by, at: house.now(), reason: WHY.to_owned() });
    assert!(done.taken.receipt.is_some());
    assert_eq!(house.on_record(DETROIT, "decision").await, before + 1);
    assert_eq!(house.owed(&request, "approve").await, done.owed);
    let open = house.casework.obligations(DETROIT).await.unwrap();
    assert!(open.iter().all(|owed| owed.id != approval.id), "it is not listed any more");
    let told = house.events(DETROIT).await.into_iter().find_map(|event| match event {
        Event::Waived { obligation, clause, reason } => Some((obligation, clause, reason)),
        _ => None,
    });
    assert_eq!(told, Some((approval.id.clone(), "1".to_owned(), WHY.to_owned())));

    let seen = house.casework.view(&house.who(DETROIT, FIRST).await, DETROIT, &request).await.unwrap();
    assert_eq!((seen.next, seen.waits_for.len(), seen.refusals.len()), (State::Open.next(), 0, 0));
    assert!(house.search(&request).await.unwrap() > 0);
    assert!(house.search(&request).await.unwrap() > 0, "nor when it is demanded once more");
    let other = house.opened(4).await;
    assert_eq!(waiting(house.search(&other).await), [DETROIT], "of another request it is not set aside");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_waived_met_or_nowhere_cannot_be_waived_and_the_refusal_says_which() {
    let Some(house) = lenient(None).await else { return };
    let request = house.opened(3).await;
    let (task, flag) = (house.owed(&request, "task").await, house.owed(&request, "flag").await);
    for reason in ["", " \t\n"] {
        let unsaid = house.waive_as((DETROIT, CHIEF), &task.id, reason).await;
        assert!(matches!(unsaid, Err(CaseError::Invalid(why)) if why.contains("reason")));
    }
    let (long_id, long) = ("x".repeat(300), "x".repeat((64 << 10) + 1));
    let id = task.id.as_str();
    for (id, reason) in [(id, long.as_str()), (long_id.as_str(), WHY), (id, "so\u{1b}[2J")] {
        let invalid = house.waive_as((DETROIT, CHIEF), id, reason).await;
        assert!(matches!(invalid, Err(CaseError::Invalid(_))));
    }
    assert_eq!(house.on_record(DETROIT, "rejected").await, 0, "nothing was asked yet");
    for id in ["0123456789abcdef0123456789abcdef", "", request.as_str()] {
        assert_eq!(misstep(house.waive(id).await), Misstep::NothingOwed { of: id.to_owned(), demanded: vec![] });
    }

    let first = house.who(DETROIT, FIRST).await;
    house.casework.complete(&first, DETROIT, &flag.id, "looked at with the examiner").await.unwrap();
    let met = misstep(house.waive(&flag.id).await);
    let demanded = Demanded::from(&flag);
    assert_eq!(met, Misstep::MetAlready { obligation: flag.id.clone(), at: house.now(), demanded });
    // Nor is it said twice that it is done.
    let twice = misstep(house.casework.complete(&first, DETROIT, &flag.id, "looked at once more").await);
    assert_eq!(twice, Misstep::NothingOwed { of: flag.id.clone(), demanded: vec![Demanded::from(&flag)] });

    house.waive(&task.id).await.unwrap();
    let (waived, by) = (house.now(), format!("{DETROIT}/{CHIEF}"));
    house.clock.fetch_add(HOUR_MS, Ordering::AcqRel);
    for reason in [WHY, "another reason"] {
        let again = misstep(house.waive_as((DETROIT, CHIEF), &task.id, reason).await);
        let (obligation, demanded) = (task.id.clone(), Demanded::from(&task));
        assert_eq!(again, Misstep::WaivedAlready { obligation, by: by.clone(), at: waived, demanded });
    }
    let chief = house.who(DETROIT, CHIEF).await;
    let done = house.casework.complete(&chief, DETROIT, &task.id, "looked at it all the same").await;
    let demanded = vec![Demanded::from(&task)];
    assert_eq!(misstep(done), Misstep::NothingOwed { of: task.id.clone(), demanded });
    assert_eq!((house.on_record(DETROIT, "rejected").await, house.on_record(DETROIT, "waived").await), (8, 1));
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_is_not_late_any_more() {
    let Some(house) = lenient(None).await else { return };
    let request = house.opened(3).await;
    house.clock.fetch_add(2 * HOUR_MS, Ordering::AcqRel);
    house.casework.pass_deadlines().await;
    let task = house.owed(&request, "task").await;
    assert!(task.is_overdue());
    assert_eq!(house.late(&request).await, 1);
    house.waive(&task.id).await.unwrap();
    let told = house.events(DETROIT).await.into_iter().find_map(|event| match event {
        Event::Decision { matters, rulings } if rulings.phase == Phase::Waiver => matters.into_iter().next(),
        _ => None,
    });
    let Some(Step::Waiver(told)) = told.map(|matter| matter.step) else { panic!("no waiver was told") };
    assert!(told.overdue && told.due == task.due && told.owner == CHIEF_ROLE && told.reason == WHY);

    assert_eq!(house.late(&request).await, 0);
    house.clock.fetch_add(HOUR_MS, Ordering::AcqRel);
    house.casework.pass_deadlines().await;
    assert_eq!(house.late(&request).await, 0);
    assert_eq!(house.on_record(DETROIT, "overdue").await, 1, "that it was late stays on record");

    let notice = house.owed(&request, "notify").await;
    house.waive(&notice.id).await.unwrap();
    let tried = house.on_record(DETROIT, "undelivered").await;
    house.clock.fetch_add(30 * HOUR_MS, Ordering::AcqRel);
    house.casework.pass_deadlines().await;
    assert_eq!(house.on_record(DETROIT, "undelivered").await, tried, "nobody is told of it any more");
    assert_eq!(house.on_record(DETROIT, "overdue").await, 1);
    agree(&house.casework).await;
}

/// Has begun to deliver, and does not get through.
#[derive(Default)]
struct Slow {
    begun: tokio::sync::Notify,
    go_on: tokio::sync::Notify,
}

impl Outbox for Slow {
    fn deliver(&self, _: Notice) -> Delivering<'_> {
        Box::pin(async move {
            self.begun.notify_one();
            self.go_on.notified().await;
            Err("nobody answers".to_owned())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_set_aside_on_its_way_stays_set_aside() {
    let slow = Arc::new(Slow::default());
    let Some(house) = lenient(Some(slow.clone())).await else { return };
    let request = house.opened(3).await;
    let notice = house.owed(&request, "notify").await;
    let meanwhile = async {
        slow.begun.notified().await;
        let waived = house.waive(&notice.id).await;
        slow.go_on.notify_one();
        waived.unwrap()
    };
    let (_, waived) = tokio::join!(house.casework.pass_deadlines(), meanwhile);
    assert_eq!(house.owed(&request, "notify").await, waived.owed);
    assert_eq!(house.on_record(DETROIT, "undelivered").await, 1, "what came of it is on record");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signatures_that_a_release_needs_are_never_waived() {
    let Some(house) = lenient(None).await else { return };
    let request = house.opened(3).await;
    house.waive(&house.owed(&request, "approve").await.id).await.unwrap();
    house.search(&request).await.unwrap();
    let signatures = house.owed(&request, "sign-offs").await;
    let stays = misstep(house.waive(&signatures.id).await);
    assert!(matches!(stays, Misstep::NotWaivable { duty: "sign-offs", .. }), "{stays}");
    assert!(house.owed(&request, "sign-offs").await.is_open());
    let (first, chief) = (house.who(DETROIT, FIRST).await, house.who(DETROIT, CHIEF).await);
    // Whatever else of the request is set aside: it is the decisions that a release looks at.
    for owed in house.all_owed(&request).await.iter().filter(|owed| owed.is_open() && owed.id != signatures.id) {
        house.waive(&owed.id).await.unwrap();
    }
    let unsigned = misstep(house.casework.release(&first, DETROIT, &request, outgoing(&[])).await);
    assert!(matches!(unsigned, Misstep::Unsigned { .. }), "{unsigned}");
    house.casework.sign(&chief, DETROIT, &request, signing(CHIEF_ROLE, Conclusion::Approved)).await.unwrap();
    house.casework.release(&first, DETROIT, &request, outgoing(&[])).await.unwrap();
    let met = misstep(house.waive(&signatures.id).await);
    assert!(matches!(met, Misstep::MetAlready { .. }), "{met}");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_policy_that_imposed_it_judges_and_only_its_own_chief_waives() {
    let Some(house) = lenient(None).await else { return };
    let intake = Intake { requester: None, ..intake(5) };
    let request = house.opened_by(ST_LOUIS, OUTSIDER, intake).await;
    assert_eq!(waiting(house.search(&request).await), [DETROIT, ST_LOUIS]);
    let (ours, theirs) = (house.owed(&request, "approve").await, house.owed_to(ST_LOUIS, &request, "approve").await);
    for (who, owed) in [((DETROIT, CHIEF), &theirs), ((ST_LOUIS, THEIR_CHIEF), &ours)] {
        let rulings = refused(house.waive_as(who, &owed.id, WHY).await);
        let judged: Vec<_> = rulings.rulings.iter().map(|r| r.jurisdiction.as_str()).collect();
        assert_eq!(judged, [owed.jurisdiction.as_str()], "{who:?}");
    }
    let waived = async || (house.on_record(DETROIT, "waived").await, house.on_record(ST_LOUIS, "waived").await);
    assert_eq!(waived().await, (0, 0));

    house.waive_as((ST_LOUIS, THEIR_CHIEF), &theirs.id, WHY).await.unwrap();
    assert_eq!(waived().await, (1, 1), "with the policy that permitted it, and where it is kept");
    assert_eq!(waiting(house.search(&request).await), [DETROIT]);
    house.waive(&ours.id).await.unwrap();
    assert_eq!(waived().await, (2, 1));
    assert!(house.search(&request).await.unwrap() > 0);
    let again = misstep(house.waive_as((ST_LOUIS, THEIR_CHIEF), &theirs.id, WHY).await);
    assert!(matches!(again, Misstep::WaivedAlready { .. }), "{again}");
    agree(&house.casework).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_on_record_is_decided_again_as_it_was() {
    let Some(house) = lenient(None).await else { return };
    let request = house.opened(3).await;
    let task = house.owed(&request, "task").await;
    refused(house.waive_as((DETROIT, FIRST), &task.id, WHY).await);
    house.waive(&task.id).await.unwrap();
    let state = house.casework.chamber(DETROIT).unwrap().policy();
    let mut decided = Vec::new();
    for event in house.events(DETROIT).await {
        if let Event::Decision { matters, rulings } = event
            && rulings.phase == Phase::Waiver
        {
            decided.push(Decided { matters, rulings });
        }
    }
    assert_eq!(decided.len(), 2);
    for decided in &mut decided {
        assert_eq!(decided.again(|_| Ok(&*state)), Replayed::Same);
        let Some(Step::Waiver(waiver)) = decided.matters.first_mut().map(|matter| &mut matter.step) else {
            panic!("no waiver was told");
        };
        waiver.reason = "another reason".to_owned();
        assert!(matches!(decided.again(|_| Ok(&*state)), Replayed::Differs(_)), "what it was told is part of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_directive_lets_anybody_waive() {
    let Some(house) = shipped().await else { return };
    let said = |name: &str, what: &str| BTreeMap::from([(name.to_owned(), Value::Text(what.to_owned()))]);
    let reports = [
        (DETROIT, FIRST, "6.1(2)a", said("violated-clause", "7(6)")),
        (ST_LOUIS, OUTSIDER, "F.1", said("violation-summary", "an analyst searched a neighbour")),
    ];
    for (jurisdiction, reporter, clause, answers) in reports {
        let report = Report { happened: Instant(house.now().0 - HOUR_MS), request: None, answers };
        let reporter = house.who(jurisdiction, reporter).await;
        let owed = house.casework.record_violation(&reporter, jurisdiction, report).await.unwrap().owed;
        let (_, task) = owed.into_iter().find(|(_, owed)| matches!(owed.duty, Duty::Task(_))).unwrap();
        let people = house.casework.chamber(jurisdiction).unwrap().registry().people.clone();
        let mut tried = 0;
        for person in people {
            let principal =
                Principal { jurisdiction: jurisdiction.to_owned(), person: person.id, device: Device::Fixed };
            // Whoever is suspended is not let in.
            let Ok(actor) = house.casework.registered(&principal).await else { continue };
            let asking = Asking { reason: WHY.to_owned(), answers: BTreeMap::new() };
            let rulings = refused(house.casework.waive(&actor, jurisdiction, &task.id, asking).await);
            let finds = rulings.rulings.iter().flat_map(|r| &r.decision.findings).any(|finding| {
                *finding.clause == *clause
                    && finding.outcome == Outcome::Violated
                    && finding
                        .explanation
                        .as_ref()
                        .is_some_and(|why| why.contains("lets anybody set an obligation aside"))
            });
            assert!(finds, "{principal}: {rulings:?}");
            tried += 1;
        }
        assert!(tried > 5, "{tried} of {jurisdiction}");
        let open = house.casework.obligations(jurisdiction).await.unwrap();
        assert!(open.iter().any(|owed| owed.id == task.id), "it is still to be done");
        assert_eq!(house.on_record(jurisdiction, "waived").await, 0);
    }
    agree(&house.casework).await;
}
