//! Hostile components against the real sandbox. `cargo xtask test` builds them first.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says well enough what went wrong")]

use magistrate_policy::{self as policy, Engine, Fault, LoadError, Policy};
use model::facts::*;
use model::rulings::Duty;
use model::terms::{Digest, Field, Instant, Value, Verdict};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant as Timer};

/// The component's bytes, or a loud skip where it has not been built: a plain `cargo test` builds no guests.
fn component(name: &str) -> Option<Vec<u8>> {
    let target = std::env::current_exe().ok()?.ancestors().nth(3)?.to_owned();
    let path: PathBuf = target.join("wasm32-wasip2/policy").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        skip(&format!("{} is not there: run `cargo xtask test`", path.display()));
    }
    bytes
}

/// Says loudly that a test was skipped; an error where nothing may be skipped.
fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    // Past the test harness, which keeps what `eprintln!` says of a test that passes; and in one piece.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(std::env::var_os("MAGISTRATE_NO_SKIP").is_none(), "skipped where nothing may be: {why}");
}

fn hostile(engine: &Engine, act: &str) -> Option<Policy> {
    let settings = [Field::new("act", Value::Text(act.into()))];
    Some(Policy::load(engine, &component("hostile.wasm")?, &settings).unwrap())
}

fn matter() -> Matter {
    let person = Person {
        id: "p".into(),
        name: "P".into(),
        unit: "u".into(),
        rank: "r".into(),
        roles: vec![],
        trainings: vec![],
        background_checked: None,
        need_reviewed: None,
        multi_factor: true,
        device: Device::Fixed,
    };
    let agency = Agency {
        id: "a".into(),
        name: "A".into(),
        kind: AgencyKind::LawEnforcement,
        home: "j".into(),
        participant: true,
        agreements: vec![],
        suspended_since: None,
    };
    let party = Party { person, agency };
    Matter {
        jurisdiction: "j".into(),
        clock: Clock { now: Instant(0), today: jiff::civil::date(2026, 3, 10), weekday: 2, minute_of_day: 0 },
        actor: party.clone(),
        requester: party,
        request: None,
        probe: None,
        gallery: None,
        attestations: vec![],
        history: History::default(),
        step: Step::Request,
    }
}

/// X5.
#[test]
fn whatever_it_does_is_a_denial_that_says_why() {
    let engine = Engine::new().unwrap();
    let expected = [
        ("spin", "ran out of fuel"),
        ("allocate", "ran out of memory"),
        ("recurse", "ran out of stack"),
        ("trap", "trapped"),
        ("exit", "trapped: the policy called exit"),
        ("print", "ran out of fuel"),
        ("linger", "ran out of time"),
        ("oversized", "too large"),
        ("break-promise", "without the obligation of clause `1`"),
        ("unlisted-clause", "cites clause 999"),
        ("unlisted-document", "demands document `secret`"),
    ];
    for (act, reason) in expected {
        let Some(policy) = hostile(&engine, act) else { return };
        let started = Timer::now();
        let ruled = policy.decide(&matter());
        assert_eq!(ruled.decision.verdict, Verdict::Deny, "{act}");
        let fault = ruled.fault.map(|f| f.to_string()).unwrap_or_default();
        assert!(fault.contains(reason), "{act}: {fault}");
        assert!(ruled.decision.findings[0].explanation.as_ref().is_some_and(|text| text.contains(reason)), "{act}");
        assert!(started.elapsed() < Duration::from_secs(5), "{act} held a thread");
    }
}

/// X5.
#[test]
fn a_waiver_is_denied_with_the_clause_where_nothing_lets_anybody_waive() {
    let engine = Engine::new().unwrap();
    let waiver = |roles: &[&str], home: &str| {
        let mut matter = matter();
        matter.actor.person.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        matter.actor.agency.home = home.to_owned();
        matter.step = Step::Waiver(Waiver {
            obligation: "o".into(),
            clause: "1".into(),
            duty: "task".into(),
            owner: "chief".into(),
            since: Instant(0),
            due: Some(Instant(5)),
            overdue: false,
            reason: "it cannot be met".into(),
        });
        matter
    };
    for (act, roles, home, verdict) in [
        ("behave", "chief", "j", Verdict::Deny),
        ("waive", "chief", "j", Verdict::Permit),
        ("waive", "chief", "elsewhere", Verdict::Deny),
        ("waive", "clerk", "j", Verdict::Deny),
    ] {
        let Some(policy) = hostile(&engine, act) else { return };
        let ruled = policy.decide(&waiver(&[roles], home));
        assert_eq!((ruled.decision.verdict, ruled.fault), (verdict, None), "{act} {roles} {home}");
        if verdict == Verdict::Deny {
            let finding = &ruled.decision.findings[0];
            assert!(*finding.clause == *"1" && finding.explanation.as_ref().is_some_and(|why| why.contains("aside")));
        }
    }
}

#[test]
fn whom_a_policy_wants_told_that_finds_nothing_is_told() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "alert-only") else { return };
    let ruled = policy.decide(&matter());
    assert_eq!((ruled.decision.verdict, ruled.fault), (Verdict::Deny, None));
    let said = ruled.decision.findings[0].explanation.clone().unwrap_or_default();
    assert!(said.contains("no rule for this step"), "{said}");
    let duties: Vec<_> = ruled.decision.obligations.into_iter().map(|o| o.duty).collect();
    assert!(matches!(duties.as_slice(), [Duty::Notify(rule)] if rule.to == ["chief"]), "{duties:?}");
}

#[test]
fn time_that_burns_no_fuel_is_bounded_too() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "linger") else { return };
    let ruled = policy.decide(&matter());
    assert_eq!(ruled.fault, Some(Fault::OutOfTime));
    assert!(ruled.lines.is_empty(), "nor is anything so long kept");
}

#[test]
fn a_phase_that_nobody_judged_is_denied_as_such() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "silent") else { return };
    let ruled = policy.decide(&matter());
    assert_eq!((ruled.decision.verdict, ruled.fault), (Verdict::Deny, None), "no fault: it has nothing to say");
    let [finding] = ruled.decision.findings.as_slice() else { panic!("{:?}", ruled.decision.findings) };
    assert_eq!(&*finding.clause, policy::decide::HOST_CLAUSE);
    assert!(finding.explanation.as_ref().is_some_and(|why| why.contains("no rule for this step")), "{finding:?}");
    assert!(ruled.decision.obligations.is_empty());
}

#[test]
fn every_decision_is_made_in_a_fresh_instance() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "remember") else { return };
    let first = policy.decide(&matter());
    assert_eq!((first.decision.verdict, &first.fault), (Verdict::Permit, &None));
    for _ in 0..100 {
        assert_eq!(policy.decide(&matter()), first, "something is left over of the last decision");
    }
}

#[test]
fn a_hostile_policy_harms_no_other() {
    let engine = Engine::new().unwrap();
    let (Some(spin), Some(good)) = (hostile(&engine, "spin"), hostile(&engine, "behave")) else { return };
    std::thread::scope(|scope| {
        scope.spawn(|| (0..20).for_each(|_| assert_eq!(spin.decide(&matter()).fault, Some(Fault::OutOfFuel))));
        for _ in 0..200 {
            let ruled = good.decide(&matter());
            assert_eq!((ruled.decision.verdict, ruled.fault), (Verdict::Permit, None));
        }
    });
}

#[test]
fn the_same_matter_burns_the_same_fuel_and_gives_the_same_bytes() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "behave") else { return };
    let first = policy.decide(&matter());
    assert!(first.fuel > 0);
    for _ in 0..10 {
        assert_eq!(policy.decide(&matter()), first);
    }
}

#[test]
fn what_a_policy_logs_is_kept_up_to_a_bound() {
    let engine = Engine::new().unwrap();
    let Some(policy) = hostile(&engine, "log") else { return };
    let ruled = policy.decide(&matter());
    let bytes: usize = ruled.lines.iter().map(String::len).sum();
    assert!(ruled.fault.is_none() && bytes == 4000, "{:?} {bytes}", ruled.fault);
}

#[test]
fn the_network_is_refused_by_name() {
    let engine = Engine::new().unwrap();
    let Some(bytes) = component("networked.wasm") else { return };
    let refused = Policy::load(&engine, &bytes, &[]).err().expect("refused");
    assert!(
        matches!(&refused, LoadError::ForbiddenImports(names) if names.iter().any(|n| n.starts_with("wasi:sockets/tcp@"))),
        "{refused}"
    );
}

#[test]
fn another_contract_version_is_refused_by_version() {
    let engine = Engine::new().unwrap();
    let Some(mut bytes) = component("hostile.wasm") else { return };
    let (from, to) = (b"magistrate:policy/facts@0.1.0", b"magistrate:policy/facts@0.2.0");
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|w| w == from) {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    let refused = Policy::load(&engine, &bytes, &[]).err().expect("refused");
    assert!(matches!(&refused, LoadError::WrongContract { found } if found == "0.2.0"), "{refused}");
}

#[test]
fn settings_a_policy_cannot_work_with_are_refused() {
    let engine = Engine::new().unwrap();
    let Some(bytes) = component("hostile.wasm") else { return };
    let settings = [Field::new("act", Value::Text("dance".into())), Field::new("volume", Value::Number(11))];
    let refused = Policy::load(&engine, &bytes, &settings).err().expect("refused").to_string();
    for part in ["`act` is `dance`: use one of behave", "`volume` is not a setting"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn garbage_is_no_component() {
    let engine = Engine::new().unwrap();
    for bytes in [&b""[..], b"\0asm\x01\0\0\0", b"#!/bin/sh\n", &[0xff; 4096]] {
        assert!(matches!(Policy::load(&engine, bytes, &[]), Err(LoadError::NotAComponent(_))));
    }
}

#[test]
fn another_component_than_the_pinned_one_is_never_run() {
    let engine = Engine::new().unwrap();
    let Some(bytes) = component("hostile.wasm") else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hostile.wasm"), &bytes).unwrap();
    std::fs::write(dir.path().join("policy.toml"), "component = \"hostile.wasm\"\n").unwrap();
    // Where the new text would be written first, nothing can be.
    std::fs::create_dir(dir.path().join("policy.toml.new")).unwrap();
    let unwritable = policy::Folder::pin(dir.path(), &engine).unwrap_err();
    assert!(matches!(unwritable, policy::folder::FolderError::Unwritable { .. }), "{unwritable}");
    std::fs::remove_dir(dir.path().join("policy.toml.new")).unwrap();
    let unpinned = policy::Folder::read(dir.path()).unwrap().load(&engine).err().expect("unpinned").to_string();
    assert!(unpinned.contains("magistrate policy pin"), "{unpinned}");

    let digest = policy::Folder::pin(dir.path(), &engine).unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    assert!(policy::Folder::read(dir.path()).unwrap().load(&engine).is_ok());

    let mut other = bytes.clone();
    other.push(0);
    std::fs::write(dir.path().join("hostile.wasm"), &other).unwrap();
    let refused = policy::Folder::read(dir.path()).unwrap().load(&engine).err().expect("another").to_string();
    assert!(refused.contains(&digest.to_string()) && refused.contains("restore the approved component"), "{refused}");
}
