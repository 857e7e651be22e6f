//! Walks under either shipped policy, at two hosts of one jurisdiction, and of requests that two jurisdictions' policies judge.
//! What a walk is and what is looked at after each of its steps is in [`walk`](crate::common::walk) and
//! [`record`](crate::common::record).

use crate::common::record::{DIRECTIVE, DIRECTIVE_APPROVED, Record, Signer, Told, Wants, corroborated};
use crate::common::walk::{Part, Player, Scene, Tried, Unsettled};
use crate::common::{
    ASKER, Desk, FIRST, GALLERY, JURISDICTION as DETROIT, RECORDS, SECOND, SUPERVISOR, answers, batch, engine, intake,
    permissive, registered, skip, text,
};
use crate::hosts;
use crate::shared;
use crate::waivers::{House, shipped};
use magistrate_casework::chamber::Loading;
use magistrate_casework::enroll::Batch;
use magistrate_casework::intake::Intake;
use magistrate_casework::{Casework, Clock};
use model::facts::{CaseStatus, Conclusion, Identifier};
use model::terms::{Field, Value};
use std::slice;
use std::sync::Arc;

/// Requests tried in each place, each with a walk of its own.
const WALKS: usize = 6;

const ST_LOUIS: &str = "st-louis";
const STATE: &str = "michigan-state-police";

const MUGSHOTS: &str = "mugshots";

/// Auditors.
const OF_DETROIT: (&str, &str) = (DETROIT, "a.feld");
const OF_ST_LOUIS: (&str, &str) = (ST_LOUIS, "a.whitfield");
const OF_THE_STATE: (&str, &str) = (STATE, "s.moss");

const fn player(home: &'static str, id: &'static str, role: &'static str, part: Part) -> Player {
    Player { home, id, role, part }
}

/// The two examiners of Detroit's unit, their supervisor, and a detective, who tries to sign as an examiner.
const EXAMINES: Player = player(DETROIT, FIRST, "examiner", Part::Examines);
const EXAMINES_TOO: Player = player(DETROIT, SECOND, "examiner", Part::Examines);
const APPROVES: Player = player(DETROIT, SUPERVISOR, "ciu-supervisor", Part::Approves);
const ASKS: Player = player(DETROIT, ASKER, "examiner", Part::Acts);

/// Whose signature does not count while they are suspended.
const UNSETTLED: Option<Unsettled> = Some(Unsettled { home: DETROIT, officer: "l.ortega", person: SECOND });

/// The shipped policies at work, with records in the gallery of either; `None` where they are not built.
async fn both_at_work() -> Option<House> {
    let mut house = shipped().await?;
    house.casework = house.casework.with_draughting(Arc::new(Desk::default()));
    let registrar = house.who(DETROIT, "r.tanaka").await;
    house.casework.enroll(&registrar, DETROIT, GALLERY, batch(0..RECORDS)).await.unwrap();
    let booked = answers([
        ("capture-context", text("booking")),
        ("collected-by", text("slmpd")),
        ("views-only", Value::Flag(false)),
    ]);
    let registrar = house.who(ST_LOUIS, "g.castellano").await;
    let records = Batch { answers: booked, ..batch(0..RECORDS) };
    house.casework.enroll(&registrar, ST_LOUIS, MUGSHOTS, records).await.unwrap();
    Some(house)
}

/// Opens a request as somebody, and gives its id.
async fn open(host: &Casework, (home, person): (&str, &str), owner: &str, intake: Intake) -> String {
    let actor = registered(host, home, person).await.unwrap();
    host.open_request(&actor, owner, intake).await.unwrap().request.request.id
}

/// Each step of a request in both logs, by the ruling of both policies.
fn judged_by_both(record: &Record, request: &str, home: &str, owner: &str) {
    for (judged, logs) in record.judged(request) {
        assert_eq!((judged, logs), (vec![home, owner], 2), "{request}");
    }
}

/// A.3 and C.4: no signature is demanded, and whoever releases is authorized and of the Real-Time Crime Center.
fn by_the_center(told: &Told, _: bool) -> bool {
    let released_by = told.releasing.as_ref().map(|(who, _)| who.as_str());
    released_by.is_some_and(|who| ["st-louis/r.abara", "st-louis/t.lindqvist"].contains(&who))
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_policy_that_demands_no_signature_nothing_leaves_that_nobody_compared() {
    const PLAYERS: &[Player] = &[
        player(ST_LOUIS, "r.abara", "slfc-authorised", Part::Acts),
        player(ST_LOUIS, "t.lindqvist", "slfc-authorised", Part::Acts),
        player(ST_LOUIS, "e.marsh", "rtcc-commander", Part::Acts),
        player(ST_LOUIS, "d.reyes", "slfc-authorised", Part::Acts),
    ];
    let Some(house) = both_at_work().await else { return };
    let scene = Scene {
        hosts: slice::from_ref(&house.casework),
        clocks: slice::from_ref(&house.clock),
        store: &house.store,
        concerned: &[OF_ST_LOUIS],
        players: PLAYERS,
        unsettled: None,
        wants: Wants { search: |_| true, release: by_the_center },
    };
    let (mut record, mut tried) = (scene.record(), Tried::default());
    for seed in 0..WALKS {
        scene.rest();
        let number = Identifier { kind: "complaint".to_owned(), value: format!("26-0104-{seed}") };
        let asked = Intake {
            gallery: MUGSHOTS.to_owned(),
            requester: Some("d.reyes".to_owned()),
            purpose: "crime".to_owned(),
            identifiers: vec![number],
            case_status: CaseStatus::Open,
            answers: answers([
                ("crime", text("burglary")),
                ("protected-involved", Value::Flag(false)),
                ("best-available", Value::Flag(true)),
            ]),
            ..intake(seed)
        };
        let request = open(&house.casework, (ST_LOUIS, "r.abara"), ST_LOUIS, asked).await;
        scene.walk(&mut record, seed as u64, &request, &mut tried).await;
    }
    tried.suffices(WALKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outside_agency_asks_for_leaves_with_the_owners_signatures_under_both_shipped_policies() {
    const PLAYERS: &[Player] = &[
        EXAMINES,
        EXAMINES_TOO,
        APPROVES,
        player(ST_LOUIS, "d.reyes", "examiner", Part::Acts),
        player(ST_LOUIS, "r.abara", "slfc-authorised", Part::Acts),
    ];
    let Some(house) = both_at_work().await else { return };
    let scene = Scene {
        hosts: slice::from_ref(&house.casework),
        clocks: slice::from_ref(&house.clock),
        store: &house.store,
        concerned: &[OF_ST_LOUIS, OF_DETROIT],
        players: PLAYERS,
        unsettled: UNSETTLED,
        wants: DIRECTIVE,
    };
    let (mut record, mut tried) = (scene.record(), Tried::default());
    for seed in 0..WALKS {
        scene.rest();
        let mut asked = Intake { requester: None, ..intake(seed) };
        asked.answers.extend(answers([
            ("protected-involved", Value::Flag(false)),
            ("requester-address", text("1915 Olive Street, St. Louis")),
            ("requester-phone", text("+1 314 555 0100")),
            ("statement-acknowledged", Value::Flag(true)),
        ]));
        let request = open(&house.casework, (ST_LOUIS, "d.reyes"), DETROIT, asked).await;
        scene.walk(&mut record, seed as u64, &request, &mut tried).await;
        judged_by_both(&record, &request, ST_LOUIS, DETROIT);
    }
    tried.suffices(WALKS);
}

/// The State Police, whose policy here wants two examiners of theirs.
const REGISTRY: &str = r#"
[[agencies]]
id = "msp"
name = "Michigan State Police"
kind = "law-enforcement"
participant = true

[[people]]
id = "s.moss"
name = "Sam Moss"
agency = "msp"
unit = "biometrics"
rank = "analyst"
roles = ["registrar", "examiner"]
multi_factor = true

[[people]]
id = "t.reed"
name = "Toni Reed"
agency = "msp"
unit = "biometrics"
rank = "analyst"
roles = ["examiner"]
multi_factor = true

[[galleries]]
id = "state"
class = "licence"
model = "demo-512"
dim = 512
"#;

/// What the directive wants of a request to the state, and what the state does.
fn signed_by_both(told: &Told, lead: bool) -> bool {
    let theirs = Signer { home: STATE, role: "examiner", unit: None };
    let concludes = if lead { Conclusion::Lead } else { Conclusion::NoLead };
    corroborated(told, lead) && told.signers(theirs, &[concludes, Conclusion::Approved]).len() >= 2
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_policies_want_signed_does_not_leave_before_people_of_both_have() {
    const PLAYERS: &[Player] = &[
        player(STATE, "s.moss", "examiner", Part::Examines),
        player(STATE, "t.reed", "examiner", Part::Examines),
        EXAMINES,
        EXAMINES_TOO,
        APPROVES,
        ASKS,
    ];
    if !shared::source().join("detroit_307_5.wasm").is_file() {
        return skip("the policies are not built: run `cargo xtask test`");
    }
    let Some(component) = permissive() else { return };
    let home = tempfile::tempdir().unwrap();
    let directive = policy::Folder::read(&shared::source()).unwrap().load_unpinned(engine()).unwrap();
    let both = [Field::new("act", Value::Text("both".to_owned()))];
    let theirs = policy::Policy::load(engine(), &component, &both).unwrap();
    let people = std::fs::read_to_string(shared::source().join("registry.toml")).unwrap();
    let openings = vec![
        shared::opening(home.path(), DETROIT, directive, &people),
        shared::opening(home.path(), STATE, theirs, REGISTRY),
    ];
    let store = store::Store::open("mem://", None, store::MasterKey::from_bytes([9; 32])).await.unwrap();
    let (clock, progress) = (hosts::clock(0), |_: Loading<'_>| {});
    let casework = Casework::open(openings, store.clone(), Clock::set(clock.clone()), None, &progress).await.unwrap();
    let casework = casework.with_draughting(Arc::new(Desk::default()));
    let registrar = registered(&casework, STATE, "s.moss").await.unwrap();
    casework.enroll(&registrar, STATE, "state", batch(0..RECORDS)).await.unwrap();

    let scene = Scene {
        hosts: slice::from_ref(&casework),
        clocks: slice::from_ref(&clock),
        store: &store,
        concerned: &[OF_DETROIT, OF_THE_STATE],
        players: PLAYERS,
        unsettled: UNSETTLED,
        wants: Wants { release: signed_by_both, ..DIRECTIVE_APPROVED },
    };
    let (mut record, mut tried) = (scene.record(), Tried::default());
    for seed in 0..WALKS {
        scene.rest();
        let mut asked = Intake { gallery: "state".to_owned(), ..intake(seed) };
        let formal = [("lead-reference", text("26-0310 SNAP")), ("msp-formal-request", text("MSP-2026-118"))];
        asked.answers.extend(answers(formal));
        let request = open(&casework, (DETROIT, FIRST), STATE, asked).await;
        scene.walk(&mut record, seed as u64, &request, &mut tried).await;
        judged_by_both(&record, &request, DETROIT, STATE);
    }
    tried.suffices(WALKS);
    assert!(tried.waits > 0, "no search had to wait for its approval: {tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_two_hosts_no_sequence_of_steps_releases_without_the_signatures_or_searches_twice_at_once() {
    const PLAYERS: &[Player] = &[EXAMINES, EXAMINES_TOO, APPROVES, ASKS];
    let Some(server) = hosts::server().await else { return };
    // One is a little ahead: what is recorded there is of a later moment.
    let clocks = [hosts::clock(0), hosts::clock(20)];
    let mut both = Vec::new();
    for (name, clock) in ["here", "there"].into_iter().zip(&clocks) {
        both.push(server.host_by(clock, name, name).await.with_draughting(Arc::new(Desk::default())));
    }
    hosts::enroll(&both[0], 0..RECORDS).await;
    let scene = Scene {
        hosts: &both,
        clocks: &clocks,
        store: &server.store,
        concerned: &[OF_DETROIT],
        players: PLAYERS,
        unsettled: UNSETTLED,
        wants: DIRECTIVE,
    };
    let (mut record, mut tried) = (scene.record(), Tried::default());
    for seed in 0..WALKS {
        scene.rest();
        let request = open(&both[seed % 2], (DETROIT, FIRST), DETROIT, intake(seed)).await;
        scene.walk(&mut record, seed as u64, &request, &mut tried).await;
    }
    tried.suffices(WALKS);
}
